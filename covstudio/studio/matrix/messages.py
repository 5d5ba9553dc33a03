"""The messages between the pictures of matrices and their page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from covstudio.plots.raster import Mode as Mode
from covstudio.studio.session.messages import Edit, Message, Part, Real, State, Wire
from covstudio.studio.session.shared import ShownProblem

# --- the painter ---


class Ramps(Part, frozen=True):
    """The colours of both scales, 256 each, RGBA as hexadecimal text."""

    sequential: str
    diverging: str


class PainterState(State, frozen=True):
    """The colours of every picture."""

    light: Ramps
    dark: Ramps


class Drag(Edit, frozen=True):
    """A slider moved. `seq` counts what the page says; one `gesture` is one step of the history."""

    seq: int
    gesture: int
    node: str
    param: str
    value: float


class Release(Edit, frozen=True):
    """The slider was let go."""


class Visible(Message, frozen=True):
    """The tiles in sight, with the pixels per side of the largest canvas that shows each."""

    tiles: dict[str, int]


class Ping(Message, frozen=True):
    """An empty frame is wanted: what the way there and back costs by itself."""

    seq: int


class Query(Message, frozen=True):
    """The largest entry is wanted of the block of `size` rows and columns of a matrix that begins here."""

    id: int
    key: str
    row: Annotated[int, msgspec.Meta(ge=0)]
    col: Annotated[int, msgspec.Meta(ge=0)]
    size: Annotated[int, msgspec.Meta(ge=1)]


class PaintTile(Part, frozen=True):
    """One picture of a frame, but for its codes: `rows` times `cols` bytes from `offset` on."""

    key: str
    rows: int
    cols: int
    n: int
    m: int
    block: int
    offset: int
    low: float
    high: float
    limit: float
    scale: Literal["sequential", "diverging"]
    values: list[str]


class Paint(Message, frozen=True):
    """One frame: the pictures that changed, with their codes as bytes beside it, and those that have none."""

    seq: int
    done: bool
    tiles: list[PaintTile]
    clear: list[str]
    work: float


class CellValue(Message, frozen=True):
    """What was asked for, as it is read."""

    id: int
    row: str
    col: str
    value: str


PAINTER = Wire("painter", PainterState, up=(Drag, Release, Visible, Ping, Query), down=(Paint, CellValue))


# --- the dock ---

#: What V is differentiated by.
By = Literal["theta", "natural"]


class VSummary(Part, frozen=True):
    """What is said of V under its picture, and how many rows it has."""

    shape: str
    rows: int


class SliceSummary(Part, frozen=True):
    """What is said under the picture of a derivative of V."""

    key: str
    path: str
    symbol: str
    owner: str
    node: str
    value: Real
    fault: str | None


class SlicesState(State, frozen=True):
    """The dock: V and its derivatives, of which `more` are not listed yet, or why there are none."""

    v: VSummary | None
    slices: list[SliceSummary]
    more: int
    focus: str
    derivatives: By
    waiting: str | None


class ShowLarge(Message, frozen=True):
    """A picture was chosen, to be shown large; its node is selected."""

    key: str
    node: str | None


class Differentiate(Message, frozen=True):
    """What V is to be differentiated by."""

    by: By


class MoreSlices(Message, frozen=True):
    """More derivatives are wanted."""


class SliceValues(Message, frozen=True):
    """Natural values that a moved slider changed, by the path of their parameters."""

    values: Mapping[str, Real]


SLICES = Wire("slices", SlicesState, up=(ShowLarge, Differentiate, MoreSlices), down=(SliceValues,))


# --- the large plot ---


class MatrixFact(Part, frozen=True):
    """What can be said of a matrix in a word and a number."""

    name: str
    text: str


class MatrixState(State, frozen=True):
    """What stands above the large plot: which matrix it is, and how it can be read."""

    title: str
    about: str
    shape: str | None
    facts: list[MatrixFact]
    mode: Mode
    modes: list[Mode]
    first: str
    derivative: bool
    formula: bool
    problem: ShownProblem | None


class ReadAs(Message, frozen=True):
    """How the matrix is to be read."""

    mode: Mode


class PlotSeen(Message, frozen=True):
    """Whether the large plot can be seen: while nobody sees it, nothing is computed for it."""

    visible: bool


MATRIX = Wire("matrix", MatrixState, up=(ReadAs, PlotSeen))
