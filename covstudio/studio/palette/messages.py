"""The messages of the palette."""

from __future__ import annotations

from typing import Literal

from covstudio.studio.session.messages import Edit, Message, Part, State, Wire
from covstudio.studio.session.offers import Kind
from covstudio.studio.session.shared import Named, Place


class Pictogram(Part, frozen=True):
    """The pattern of a small example: [row, column, weight] of every cell, weights between -1 and 1."""

    rows: int
    cols: int
    cells: list[tuple[int, int, float]]


class Alias(Part, frozen=True):
    """What another system calls a structure."""

    system: str
    name: str


class PaletteEntry(Part, frozen=True):
    """A structure that can be dragged onto the canvas."""

    kind: str
    role: Literal["matrix", "operator"]
    title: str
    category: str
    formula: str
    symbol: str
    summary: str
    reference: str
    slots: list[Named]
    aliases: list[Alias]
    keywords: list[str]
    systems: list[str]
    indefinite: bool
    picture: Pictogram


class PaletteOffer(Part, frozen=True):
    """What the search finds beside structures."""

    offer: Kind
    name: str
    title: str
    category: str
    summary: str
    keywords: list[str]


class PaletteState(State, frozen=True):
    """All there is to be found, and where the engine of formulas is served."""

    entries: list[PaletteEntry]
    offers: list[PaletteOffer]
    katex: str | None


class AddStructure(Edit, frozen=True):
    """A structure is wanted on the canvas, near a point where the canvas tells one."""

    kind: str
    centre: Place | None


class TakeOffer(Message, frozen=True):
    """Something beside structures is wanted."""

    offer: Kind
    name: str


PALETTE = Wire("palette", PaletteState, up=(AddStructure, TakeOffer))
