"""The palette: every structure of the catalogue, to be found by any name and dragged onto the canvas.

Nothing is written here per structure: a class that declares itself appears with its pictogram, its category
and the names other systems give it.
"""

from __future__ import annotations

from collections.abc import Callable

from covstudio.covariance import Declaration, catalogue, declaration
from covstudio.document.changes.all import ChangeError
from covstudio.document.changes.auto_layout import HEIGHT, WIDTH
from covstudio.document.model.document import Document
from covstudio.document.model.node import V
from covstudio.studio.canvas import wiring
from covstudio.studio.palette.icons import pictogram
from covstudio.studio.palette.messages import (
    PALETTE,
    AddStructure,
    Alias,
    PaletteEntry,
    PaletteOffer,
    PaletteState,
    TakeOffer,
)
from covstudio.studio.session.channel import Channel
from covstudio.studio.session.offers import KINDS, Offer, offers
from covstudio.studio.session.resources import katex_address
from covstudio.studio.session.shared import Named
from covstudio.studio.session.store import Store


def entry(declared: Declaration) -> PaletteEntry:
    """One line of the palette.

    Args:
        declared: a declaration of the catalogue.

    Returns:
        What the palette draws and searches.
    """
    return PaletteEntry(
        kind=declared.name,
        role=declared.kind,
        title=declared.title,
        category=declared.category,
        formula=declared.formula,
        symbol=declared.symbol,
        summary=declared.summary,
        reference=declared.reference,
        slots=[Named(name=slot.name, label=slot.label) for slot in declared.slots],
        aliases=[
            Alias(system=system, name=name)
            for system, names in declared.aliases.items()
            for name in names
            if name != declared.name
        ],
        keywords=list(declared.keywords),
        systems=list(declared.aliases),
        indefinite=_may_be_indefinite(declared),
        picture=pictogram(declared),
    )


def _may_be_indefinite(declared: Declaration) -> bool:
    """Whether a square matrix that looks like a covariance need not be one at every parameter value."""
    if declared.kind != "matrix" or declared.psd:
        return False
    rows, columns = declared.example().shape
    return bool(rows == columns)


def entries() -> list[PaletteEntry]:
    """Every structure that can be built from a form, in the order of the catalogue."""
    return [entry(declared) for declared in catalogue() if declared.palette]


def _offered(offer: Offer) -> PaletteOffer:
    return PaletteOffer(
        offer=offer.kind,
        name=offer.name,
        title=offer.title,
        category=KINDS[offer.kind],
        summary=offer.about,
        keywords=list(offer.keywords),
    )


def _being_filled(document: Document, node: str) -> str:
    """The innermost operator around a node that has a free slot, for what is added next; else the node."""
    place = document.parent_of(node)
    while place is not None:
        if document.nodes[place[0]].free_slots:
            return place[0]
        place = document.parent_of(place[0])
    return node


class PaletteView:
    """The palette of one session.

    Args:
        store: the session.
        take: called with the kind and the name of what somebody takes of what is offered beside structures.
    """

    def __init__(self, store: Store, take: Callable[[str, str], None] = lambda kind, name: None) -> None:
        self.store = store
        self.channel = Channel(
            PALETTE,
            store,
            {
                AddStructure: lambda wanted: self.add(
                    wanted.kind, wanted.centre and (wanted.centre.x, wanted.centre.y)
                ),
                TakeOffer: lambda wanted: take(wanted.offer, wanted.name),
            },
        )
        self.channel.show(
            PaletteState(
                entries=entries(),
                offers=[_offered(offer) for offer in offers()],
                katex=katex_address(),
            )
        )

    def add(self, kind: str, centre: tuple[float, float] | None = None) -> str | None:
        """Add a structure: into the first free slot of the one selected node, else loose near a point.

        Args:
            kind: the structure's name.
            centre: the middle of what the canvas shows; beside the present nodes when left out.

        Returns:
            The id of the new node, or None when it could not be added; the store's notice says why.
        """
        store = self.store
        document = store.document
        try:
            addition = wiring.add(
                document, store.table, kind, centre or self._beside_present(), self._slot_of_selection()
            )
        except ChangeError as error:
            store.notify(str(error), "error")
            return None
        after = addition.change.apply(store.document)
        next_one = addition.id if wiring.accepts(declaration(kind)) else _being_filled(after, addition.id)
        if not wiring.dispatch(store, addition.change, (next_one,), fresh=True):
            return None
        if addition.refused is not None:
            store.notify(f"Added without a wire: {addition.refused}", "warning")
        return addition.id

    def _slot_of_selection(self) -> tuple[str, str | None] | None:
        selection = self.store.selection
        if len(selection) != 1:
            return None
        if selection[0] == V:
            return (V, None) if self.store.document.v is None else None
        node = self.store.document.nodes.get(selection[0])
        return (node.id, node.free_slots[0]) if node is not None and node.free_slots else None

    def _beside_present(self) -> tuple[float, float]:
        nodes = self.store.document.nodes.values()
        if not nodes:
            return -WIDTH, HEIGHT / 2
        return min(node.x for node in nodes) + WIDTH / 2, max(node.y for node in nodes) + 2 * HEIGHT

    def _wanted(self, wanted: AddStructure) -> None:
        centre = wanted.centre
        self.add(wanted.kind, None if centre is None else (centre.x, centre.y))
