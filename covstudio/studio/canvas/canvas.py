"""The canvas: the document as a graph of cards, and every gesture on it as one change of the document.

The browser only ever *asks*. A wire drawn, a card dropped, a key pressed arrives here as a message, becomes
a change and goes to the store; what is drawn then comes from the document, whole (`cards.py`). While a
slider moves, the cards that it changes travel alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import msgspec

from covstudio.document.build.built import Build, Problem
from covstudio.document.changes.all import ChangeError, Disconnect, MoveNodes, Rename
from covstudio.document.changes.auto_layout import WIDTH
from covstudio.document.files.templates import TEMPLATES
from covstudio.document.model.node import Node, V
from covstudio.studio.canvas import copies, gestures, wiring
from covstudio.studio.canvas.cards import card, problems_by_node, result_card, v_position, wires
from covstudio.studio.canvas.messages import (
    CANVAS,
    Addable,
    AddAsked,
    CanvasNode,
    CanvasState,
    Card,
    DropOutcome,
    LayoutProgram,
    LayoutWanted,
    MovedCard,
    MovedCards,
    NodeActions,
    NodeAsked,
    NodePlace,
    NodesArranged,
    NodesCopied,
    NodesDeleted,
    NodesDuplicated,
    NodesMoved,
    NodesSelected,
    NodeTarget,
    OperandsSwapped,
    OperandSwap,
    StructureAdded,
    StructureDropped,
    StructureOver,
    TextPasted,
    WireDrawn,
    WireEnd,
    WireEnds,
    WireStarted,
    WireTaken,
)
from covstudio.studio.session.channel import Channel
from covstudio.studio.session.offers import menu
from covstudio.studio.session.resources import read_asset
from covstudio.studio.session.shared import ClipboardText, RenameNode, ShowMatrix, StartTemplate
from covstudio.studio.session.store import Store


class CanvasView:
    """The canvas of one session.

    Args:
        store: the session.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._turn = 0
        self._v_place: wiring.Place | None = None
        self._cards: dict[str, tuple[Node, Build, list[Problem], Card]] = {}
        self._shown: CanvasState | None = None
        self.channel = Channel(
            CANVAS,
            store,
            {
                NodesMoved: self._on_moved,
                NodesSelected: self._on_selected,
                NodesDeleted: self._on_deleted,
                NodesDuplicated: lambda message: self.duplicate(message.nodes),
                RenameNode: lambda message: store.dispatch(Rename(message.node, message.name)),
                ShowMatrix: self._on_shown,
                NodeAsked: self._on_asked,
                WireStarted: self._on_started,
                WireDrawn: self._on_drawn,
                WireTaken: lambda message: store.dispatch(Disconnect(message.child)),
                StructureOver: self._on_over,
                StructureDropped: self._on_dropped,
                AddAsked: self._on_add_asked,
                StructureAdded: self._on_added,
                OperandsSwapped: self._on_swapped,
                NodesCopied: self._on_copied,
                TextPasted: self._on_pasted,
                StartTemplate: self._on_template,
                LayoutWanted: lambda _: self.channel.tell(LayoutProgram(), read_asset("dagre.js").encode()),
                NodesArranged: self._on_arranged,
            },
        )
        store.param.watch(self._draw, ["version", "settled", "faults", "focus", "selection", "dark"])
        self._draw()

    # --- what other parts may ask for ------------------------------------------------------------------

    def duplicate(self, nodes: Iterable[str] | None = None) -> None:
        """Copy nodes with everything below them and select the copies.

        Args:
            nodes: ids; the selected nodes when left out.
        """
        try:
            chosen = self.store.selection if nodes is None else nodes
            copied = copies.duplicate(self.store.document, chosen)
        except ChangeError as error:
            self.store.notify(str(error), "error")
            return
        if copied is not None:
            wiring.dispatch(self.store, *copied)

    def targets(self, child: str) -> tuple[wiring.Target, ...]:
        """Every slot a node may be wired into, those that fit first: for menus, and for the keyboard."""
        return wiring.targets(self.store.document, self.store.table, child)

    # --- drawing ---------------------------------------------------------------------------------------

    def _draw(self, *_events: object) -> None:
        store = self.store
        document = store.document
        problems = problems_by_node(store.problems)
        nodes = [
            CanvasNode(id=node.id, x=node.x, y=node.y, card=self._card(node, problems.get(node.id, [])))
            for node in document.nodes.values()
        ]
        self._cards = {node.id: self._cards[node.id] for node in nodes}
        self._v_place = x, y = v_position(document, self._v_place if document.nodes else None)
        nodes.append(CanvasNode(id=V, x=x, y=y, card=result_card(store, problems.get(V, []))))
        state = CanvasState(
            turn=self._turn,
            model=store.models,
            width=float(WIDTH),
            nodes=nodes,
            wires=list(wires(document)),
            selection=list(store.selection),
            focus=store.focus,
            dark=store.dark,
            templates=menu(TEMPLATES),
        )
        before, self._shown = self._shown, state
        moved = None if before is None or store.settled == store.version else _moved(before, state)
        if moved is None:
            self.channel.show(state)
        elif moved:
            self.channel.tell(MovedCards(cards=moved))

    def _card(self, node: Node, problems: list[Problem]) -> Card:
        """The card of a node, made again only if the node, the build or its problems changed."""
        known = self._cards.get(node.id)
        if known is None or known[0] is not node or known[1] is not self.store.build or known[2] != problems:
            known = (node, self.store.build, problems, card(self.store, node, problems))
            self._cards[node.id] = known
        return known[3]

    # --- selecting and moving --------------------------------------------------------------------------

    def _on_selected(self, message: NodesSelected) -> None:
        chosen = tuple(node for node in message.nodes if node in self.store.document.nodes)
        self._turn = message.turn
        if set(chosen) != set(self.store.selection):
            self.store.selection = chosen
        self._draw()

    def _on_moved(self, message: NodesMoved) -> None:
        places = self._places(message.places)
        key = "nudge:" + ",".join(sorted(places)) if message.by_keys else None
        self._move(MoveNodes(places, merge_key=key), message.turn)

    def _on_arranged(self, message: NodesArranged) -> None:
        self._move(MoveNodes(self._places(message.places), label="Tidy up"), message.turn)

    def _move(self, change: MoveNodes, turn: int) -> None:
        self._turn = turn
        if change.positions:
            self.store.dispatch(change)
        self._draw()

    def _places(self, places: list[NodePlace]) -> dict[str, wiring.Place]:
        nodes = self.store.document.nodes
        return {place.id: (_whole(place.x), _whole(place.y)) for place in places if place.id in nodes}

    # --- wiring ----------------------------------------------------------------------------------------

    def _on_started(self, message: WireStarted) -> None:
        document, table = self.store.document, self.store.table
        self.channel.tell(
            WireEnds(
                node=message.node,
                slot=message.slot,
                ends=[
                    WireEnd(node=node, slot=slot, reason=reason, effect=effect)
                    for node, slot, reason, effect in wiring.ends(document, table, message.node, message.slot)
                ],
            )
        )

    def _on_drawn(self, message: WireDrawn) -> None:
        document = self.store.document
        slot = None if message.parent == V else message.slot
        try:
            change = wiring.connect(document, self.store.table, message.child, message.parent, slot)
        except ChangeError as error:
            self.store.notify(str(error), "error")
            return
        out = wiring.displaced(document, message.child, message.parent, slot)
        if self.store.dispatch(change) and out is not None:
            name = document.nodes[out].name
            self.store.notify(f"{name} was in that place; it stands loose on the canvas now.", "info")

    def _on_swapped(self, message: OperandsSwapped) -> None:
        document = self.store.document
        try:
            change = wiring.swap(document, self.store.table, message.parent, message.first, message.second)
        except ChangeError as error:
            self.store.notify(str(error), "error")
            return
        self.store.dispatch(change)

    def _on_asked(self, message: NodeAsked) -> None:
        document = self.store.document
        if message.id not in document.nodes:
            return
        self.channel.tell(
            NodeActions(
                id=message.id,
                connected=document.v == message.id or document.parent_of(message.id) is not None,
                targets=[
                    NodeTarget(parent=found.parent, slot=found.slot, label=found.label, reason=found.reason)
                    for found in self.targets(message.id)
                ],
                swaps=[
                    OperandSwap(parent=parent, first=first, second=second, label=label)
                    for parent, first, second, label in wiring.swaps(document, self.store.table, message.id)
                ],
            )
        )

    # --- adding, removing, looking ---------------------------------------------------------------------

    def _on_over(self, message: StructureOver) -> None:
        target = message.target
        plan = gestures.dropped(self.store.document, self.store.table, message.kind, (0.0, 0.0), target)
        self.channel.tell(DropOutcome(kind=message.kind, target=target, text=plan.text, onto=plan.onto))

    def _on_dropped(self, message: StructureDropped) -> None:
        place = (message.at.x, message.at.y)
        self._add(
            lambda: gestures.dropped(
                self.store.document, self.store.table, message.kind, place, message.target
            )
        )

    def _on_add_asked(self, message: AddAsked) -> None:
        kinds = gestures.addable(self.store.document, self.store.table, message.target)
        self.channel.tell(Addable(target=message.target, kinds=kinds))

    def _on_added(self, message: StructureAdded) -> None:
        place = None if message.at is None else (message.at.x, message.at.y)
        self._add(
            lambda: gestures.quick(self.store.document, self.store.table, message.kind, place, message.target)
        )

    def _add(self, plan: Callable[[], gestures.Plan | None]) -> None:
        """Do what a gesture plans, and select what it brings in."""
        try:
            found = plan()
        except ChangeError as error:
            self.store.notify(str(error), "error")
            return
        if found is None:
            self.store.notify("That does not fit there any more; the model is as it was.", "warning")
        elif wiring.dispatch(self.store, found.change, (found.id,), fresh=True):
            if found.refused is not None:
                self.store.notify(f"Added without a wire: {found.refused}", "warning")
            elif found.gone is not None:
                name = self.store.document.nodes[found.id].name
                self.store.notify(f"{name} took the place of {found.gone}. Undo brings it back.", "info")

    def _on_copied(self, message: NodesCopied) -> None:
        text = copies.clip(self.store.document, message.nodes)
        if text is None:
            return
        self.channel.tell(ClipboardText(text=text))
        change = copies.cut(self.store.document, message.nodes) if message.cut else None
        if change is not None:
            self.store.dispatch(change)

    def _on_pasted(self, message: TextPasted) -> None:
        try:
            pasted = copies.paste(self.store.document, message.text, (message.at.x, message.at.y))
        except ChangeError as error:
            self.store.notify(str(error), "error")
            return
        wiring.dispatch(self.store, *pasted)

    def _on_deleted(self, message: NodesDeleted) -> None:
        change = wiring.remove(self.store.document, message.nodes, message.wires)
        if change is not None:
            self.store.dispatch(change)

    def _on_shown(self, message: ShowMatrix) -> None:
        if message.node == V or message.node in self.store.document.nodes:
            self.store.focus = message.node

    def _on_template(self, message: StartTemplate) -> None:
        template = TEMPLATES.find(message.name)
        if template is not None:
            self.store.start(template)


def _whole(place: float) -> float:
    """A place in whole pixels; what is no number is left for the change to refuse."""
    return float(round(place)) if math.isfinite(place) else place


def _moved(before: CanvasState, after: CanvasState) -> list[MovedCard] | None:
    """The cards that differ; None when something else does."""
    if [(one.id, one.x, one.y) for one in before.nodes] != [(one.id, one.x, one.y) for one in after.nodes]:
        return None
    if msgspec.structs.replace(before, nodes=[]) != msgspec.structs.replace(after, nodes=[]):
        return None
    pairs = zip(before.nodes, after.nodes, strict=True)
    return [MovedCard(id=new.id, card=new.card) for old, new in pairs if old.card != new.card]
