"""The messages of the data view."""

from __future__ import annotations

from covstudio.data.roles import Role
from covstudio.studio.session.files import Chunk, RefuseFile
from covstudio.studio.session.messages import Message, Part, Real, State, Wire
from covstudio.studio.session.shared import MenuEntry, ProposeExample


class ExampleTable(MenuEntry, frozen=True):
    """A built-in table, with where it comes from."""

    source: str
    licence: str


class TableQuestion(Part, frozen=True):
    """What a file does not say, and the answers that can still be given."""

    text: str
    answers: list[str]


class TableColumn(Part, frozen=True):
    """A column: its role and why, what is wrong with that, its values in few words.

    `levels` are those of a factor in order, where they are few enough to be put in another; `reference` is
    the one that the others are compared with.
    """

    name: str
    numeric: bool
    summary: str
    missing: int
    role: Role
    reason: str
    error: str | None
    levels: list[str]
    reference: str | None


class ShownTable(Part, frozen=True):
    """A table without its cells, which are asked for; `serial` is another one where they may be others.

    `ready` says that nothing is wrong with a role.
    """

    serial: int
    name: str
    rows: int
    notes: list[str]
    questions: list[TableQuestion]
    columns: list[TableColumn]
    ready: bool


class SecondTable(Part, frozen=True):
    """A pedigree, markers or a matrix: what it is, whose levels are in it, who is not, and who uses it."""

    name: str
    summary: str
    matched: str
    problem: str | None
    notes: list[str]
    users: list[str]


class DataState(State, frozen=True):
    """The table in use or proposed, or where one could come from.

    `limit` is the largest file in bytes, `suffixes` are the endings of files that can be read, `wanted` is
    the table that the model was made for and that is not here. `second` are the tables of the individuals.
    """

    examples: list[ExampleTable]
    limit: int
    suffixes: list[str]
    busy: str | None
    progress: float | None
    error: str | None
    proposed: bool
    wanted: str | None
    table: ShownTable | None
    notes: list[str]
    second: list[SecondTable]
    second_error: str | None


class TableCells(Message, frozen=True):
    """A block of cells by column, from a row and a column on; None where a value is missing."""

    serial: int
    row: int
    column: int
    cells: list[list[str | Real | None]]


# --- what a person does ---------------------------------------------------------------------------


class GiveRole(Message, frozen=True):
    """A column has another role."""

    column: str
    role: Role


class AnswerQuestion(Message, frozen=True):
    """A question has an answer, both by their places."""

    question: int
    answer: int


class OrderLevels(Message, frozen=True):
    """The levels of a factor stand in another order."""

    column: str
    levels: list[str]


class CompareWith(Message, frozen=True):
    """The other levels of a factor are compared with this one."""

    column: str
    level: str


class StopReading(Message, frozen=True):
    """The file that is being sent or read is not wanted any more."""


class UseTable(Message, frozen=True):
    """The proposed table is the data."""


class DiscardTable(Message, frozen=True):
    """The proposed table is not wanted."""


class DropSecond(Message, frozen=True):
    """A second table is not wanted any more."""

    name: str


class RefuseSecond(Message, frozen=True):
    """The page could not read or send the file of a second table; the sentence says why."""

    text: str


class WantCells(Message, frozen=True):
    """A block of cells is to be seen: `rows` by `columns`, from a row and a column on."""

    serial: int
    row: int
    rows: int
    column: int
    columns: int


DATA = Wire(
    "data",
    DataState,
    up=(
        ProposeExample,
        Chunk,
        GiveRole,
        AnswerQuestion,
        OrderLevels,
        CompareWith,
        UseTable,
        DiscardTable,
        DropSecond,
        RefuseFile,
        RefuseSecond,
        WantCells,
        StopReading,
    ),
    down=(TableCells,),
)
