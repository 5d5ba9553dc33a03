"""The messages of the frame, the bar and the status line."""

from __future__ import annotations

from typing import Literal

from covstudio.studio.session.files import Chunk, RefuseFile
from covstudio.studio.session.messages import Edit, Message, Part, State, Wire
from covstudio.studio.session.shared import (
    FileUnderWay,
    MenuEntry,
    Named,
    OpenTab,
    ProposeExample,
    StartTemplate,
)

# --- the frame: the page as a whole ---


class FrameState(State, frozen=True):
    """What stands in the frame, and how the help says the work goes."""

    tabs: list[Named]
    steps: list[str]


class PageReady(Message, frozen=True):
    """The page stands and answers."""

    dark: bool


class ThemeChosen(Message, frozen=True):
    """The page is dark now, or light."""

    dark: bool


class TabOpened(Message, frozen=True):
    """A tab is at the front now."""

    tab: str


class Resumed(Message, frozen=True):
    """The line to this session was lost and is back: what was told meanwhile was not heard."""


class Settled(Message, frozen=True):
    """The page knows of what was added to it."""


class MarkTab(Message, frozen=True):
    """A tab that is not at the front gets a dot."""

    tab: str
    mark: Literal["news", "problem"]


class Settle(Message, frozen=True):
    """Something was added to the page, which is to say that it has heard."""


class SaveFile(Message, frozen=True):
    """The bytes that come along are a file for the person."""

    name: str
    kind: str


FRAME = Wire(
    "frame",
    FrameState,
    up=(PageReady, ThemeChosen, TabOpened, Settled, Resumed),
    down=(OpenTab, MarkTab, Settle, SaveFile),
)

# --- the bar ---


class BarState(State, frozen=True):
    """The title, the menus, what undo and redo would do, and a file that is being opened."""

    title: str
    undo: str | None
    redo: str | None
    opening: FileUnderWay | None
    limit: int
    templates: list[MenuEntry]
    examples: list[MenuEntry]


class SetModelTitle(Edit, frozen=True):
    """The model has another title."""

    title: str


class UndoStep(Edit, frozen=True):
    """The last step is taken back."""


class RedoStep(Edit, frozen=True):
    """The step that was taken back is done again."""


class StopOpening(Message, frozen=True):
    """A file that is being opened is not wanted any more."""

    id: int


class SaveModel(Message, frozen=True):
    """The model is wanted as a file."""


BAR = Wire(
    "bar",
    BarState,
    up=(SetModelTitle, UndoStep, RedoStep, SaveModel, StartTemplate, ProposeExample, Chunk, StopOpening),
)

# --- the status line ---


class Chip(Part, frozen=True):
    """How far the model is."""

    level: Literal["empty", "problem", "todo", "ready"]
    text: str
    tip: str


class NoticeLine(Part, frozen=True):
    """A sentence for the person; its serial grows with every notice."""

    text: str
    level: Literal["info", "ok", "warning", "error"]
    serial: int


class StatusState(State, frozen=True):
    """How far the model is, and the notices whose cause still stands, the latest last."""

    chip: Chip
    notices: list[NoticeLine]


class ChipPressed(Message, frozen=True):
    """What keeps the model from being ready is to be shown."""


class Dismiss(Message, frozen=True):
    """A notice was read."""

    serial: int


STATUS = Wire("status", StatusState, up=(ChipPressed, Dismiss, RefuseFile))
