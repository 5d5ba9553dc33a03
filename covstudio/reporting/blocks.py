"""The pieces of a report: sections of texts, tables, formulas, pictures and code, in no format yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from covstudio.plots.svg import Svg
from covstudio.reporting.equation import Equation

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Block",
    "Branch",
    "Code",
    "Facts",
    "Formula",
    "Frame",
    "Notes",
    "Picture",
    "Section",
    "Text",
    "Tree",
]


@dataclass(frozen=True)
class Text:
    """A paragraph.

    Attributes:
        words: the text.
        look: "plain", "quiet" for what stands beside, or "warning" for what must not be overlooked.
    """

    words: str
    look: str = "plain"


@dataclass(frozen=True)
class Notes:
    """Sentences in a list."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """Names with what they are.

    Attributes:
        pairs: name and value.
        short: two of them fit on a line.
    """

    pairs: tuple[tuple[str, str], ...]
    short: bool = False


@dataclass(frozen=True, eq=False)
class Frame:
    """A table.

    Attributes:
        title: above it.
        frame: its columns.
        most: rows that are shown; the middle of more is left out.
        code: what makes it, in the notebook of a report; "" where it is only shown.
        note: below it.
    """

    title: str
    frame: pd.DataFrame
    most: int = 60
    code: str = ""
    note: str = ""


@dataclass(frozen=True)
class Formula:
    """V as a formula, with what its symbols stand for."""

    equation: Equation


@dataclass(frozen=True)
class Branch:
    """A node of a tree.

    Attributes:
        depth: how far down it stands, 0 for V.
        name: what people call it.
        kind: "matrix" or "operator".
        words: what it is.
        about: its arguments and values.
        last: whether it is the last below its parent, and each of these likewise, from the outside in.
    """

    depth: int
    name: str
    kind: str
    words: str
    about: str
    last: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Tree:
    """A tree, from above to below."""

    branches: tuple[Branch, ...]


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture.

    Attributes:
        svg: in the colours of the page, light where there is none.
        wide: it takes the whole width.
        code: what makes it, in the notebook of a report.
    """

    svg: Svg
    wide: bool = False
    code: str = ""


@dataclass(frozen=True)
class Code:
    """Source code.

    Attributes:
        text: the source.
        language: what it is written in.
    """

    text: str
    language: str = "python"


Block = Text | Notes | Facts | Frame | Formula | Tree | Picture | Code


@dataclass(frozen=True, eq=False)
class Section:
    """A part of a report.

    Attributes:
        title: its heading.
        blocks: what stands in it.
        key: its address on the page.
        beside: its tables may stand beside each other.
    """

    title: str
    key: str
    blocks: Sequence[Any] = field(default_factory=tuple)
    beside: bool = False
