"""The messages about drafts, and what a draft is."""

from __future__ import annotations

from typing import Literal

from covstudio.studio.session.files import Chunk
from covstudio.studio.session.messages import Message, Part, State, Wire

#: Of the layout of drafts.
DRAFT_VERSION = 1


class DraftStep(Part, frozen=True):
    """A document that undo or redo goes back to, by its part, and what the way there is called."""

    part: str
    label: str
    another_model: bool = False


class DraftTable(Part, frozen=True):
    """A table, by its name and its part."""

    name: str
    part: str


class DraftFit(Part, frozen=True):
    """A fit, by its part, with the document that it belongs to."""

    part: str
    document: str
    seconds: float
    number: int


class Draft(Part, frozen=True):
    """A session's work. What is large is in parts of their own, which are named by their content."""

    version: int
    title: str
    present: str
    past: list[DraftStep]
    future: list[DraftStep]
    tables: list[DraftTable]
    nodes: list[str]
    fit: DraftFit | None
    #: A fit was under way.
    fitting: bool
    selection: list[str]
    focus: str
    derivatives: Literal["theta", "natural"]
    #: The number of the last message of the page that is in it.
    heard: int
    #: What names the fit under way, on the server that it runs on.
    running: str = ""
    #: Of the layout of documents, as in model files.
    file_version: int = 1


class DraftsState(State, frozen=True):
    """Drafts are kept; the most bytes that one may have to come back."""

    limit: int


class KeepPart(Message, frozen=True):
    """The bytes that come along are a part of the next draft."""

    part: str


class KeepDraft(Message, frozen=True):
    """The present work, to be kept in place of what was kept of this page."""

    draft: Draft


class DraftBack(Message, frozen=True):
    """A draft is back on the page, or why it is not."""

    trouble: str | None


class SendAll(Message, frozen=True):
    """The browser has lost parts, or has forgotten them: everything is to be sent again."""


class ForgetWork(Message, frozen=True):
    """All drafts were forgotten; nothing is to be kept before the next change."""


class NotKept(Message, frozen=True):
    """The browser keeps nothing, and why."""

    text: str


DRAFTS = Wire(
    "drafts",
    DraftsState,
    up=(Chunk, SendAll, ForgetWork, NotKept),
    down=(KeepPart, KeepDraft, DraftBack),
)
