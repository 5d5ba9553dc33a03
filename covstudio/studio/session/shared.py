"""Messages and parts of messages that several views share."""

from __future__ import annotations

from covstudio.document.build.built import Severity
from covstudio.studio.session.messages import Edit, Message, Part

# --- parts ----------------------------------------------------------------------------------------


class Named(Part, frozen=True):
    """What is asked for by its name and read by its label: a tab, a language, a slot."""

    name: str
    label: str


class MenuEntry(Part, frozen=True):
    """A template or an example, as it is listed."""

    name: str
    title: str
    description: str


class FileUnderWay(Part, frozen=True):
    """A file that is being sent, read or built, until it is at hand or somebody cancels.

    `id` is another one for each file, `share` how much is done, from 0 to 1, where that is known.
    """

    id: int
    text: str
    share: float | None


class Place(Part, frozen=True):
    """A point of the canvas."""

    x: float
    y: float


class ShownProblem(Part, frozen=True):
    """What is wrong, or still to come."""

    text: str
    severity: Severity


class Repair(Part, frozen=True):
    """A button that mends a problem: it changes the model by one step, or opens a tab where that is done.

    `takes`: it mends by taking something out of the model.
    """

    label: str
    tab: str | None = None
    takes: bool = False


# --- what a person does ---------------------------------------------------------------------------


class StartTemplate(Edit, frozen=True):
    """The model is to be started from a template."""

    name: str


class ProposeExample(Message, frozen=True):
    """A built-in table is wanted."""

    name: str


class RenameNode(Edit, frozen=True):
    """A node has another name."""

    node: str
    name: str


class SelectNode(Message, frozen=True):
    """A node is to be selected and shown."""

    node: str


class ShowMatrix(Message, frozen=True):
    """The matrix of a node, or V, is wanted large."""

    node: str


# --- down, and up ---------------------------------------------------------------------------------


class OpenTab(Message, frozen=True):
    """A tab is to come to the front."""

    tab: str


class ClipboardText(Message, frozen=True):
    """A text for the clipboard."""

    text: str
