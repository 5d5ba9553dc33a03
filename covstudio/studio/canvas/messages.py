"""The wire of the canvas: the model as it is drawn, and everything that a person does to it.

`turn` counts what a person does to places and selections. The page shows what is under the finger at once,
and lets go of it when a state says that it has been heard: no state that was on its way moves anything back.
"""

from __future__ import annotations

from typing import Literal

from covstudio.studio.inspector.problems import ModelProblem
from covstudio.studio.session.messages import Edit, Message, Part, Real, State, Wire
from covstudio.studio.session.shared import (
    ClipboardText,
    MenuEntry,
    Place,
    RenameNode,
    ShowMatrix,
    ShownProblem,
    StartTemplate,
)


class CardLine(Part, frozen=True):
    """A line of facts on a card: a parameter with its value, or a text."""

    label: str
    value: Real | None = None
    text: str | None = None
    fixed: bool = False


class CardSlot(Part, frozen=True):
    """A slot: its name, what it is for, what is written beside it, and whether nothing is in it yet."""

    name: str
    about: str
    mark: str
    free: bool


class Card(Part, frozen=True):
    """Everything that is drawn of a node, but its place."""

    role: Literal["matrix", "operator", "result"]
    height: float
    name: str
    symbol: str
    title: str
    shape: str
    hint: str
    lines: list[CardLine]
    more: int
    problem: ShownProblem | None
    problems: list[ModelProblem]
    slots: list[CardSlot]
    tile: str
    ready: bool
    empty: str
    label: str


class NodePlace(Place, frozen=True):
    """Where a node is, or was put: its top left corner."""

    id: str


class CanvasNode(NodePlace, frozen=True):
    """A node of the document, or V."""

    card: Card


class CanvasWire(Part, frozen=True):
    """A connection: an operand in its slot, or the node that is V."""

    id: str
    child: str
    parent: str
    slot: str
    label: str


class CanvasState(State, frozen=True):
    """The model as the canvas draws it; V stands last.

    Args:
        turn: the latest turn of the page that was heard.
        model: another number for another model, which is shown whole.
    """

    turn: int
    model: int
    width: float
    nodes: list[CanvasNode]
    wires: list[CanvasWire]
    selection: list[str]
    focus: str
    dark: bool
    templates: list[MenuEntry]


# --- up: what a person does ---


class Target(Part, frozen=True):
    """What a structure is brought to.

    Args:
        node: the node that it is let go on, or that a wire comes from.
        slot: the slot of that node.
        wire: id of the node that the wire under it comes from.
    """

    node: str | None = None
    slot: str | None = None
    wire: str | None = None


class NodesMoved(Edit, frozen=True):
    """Nodes were put elsewhere; a run of presses of arrow keys is one step."""

    places: list[NodePlace]
    by_keys: bool
    turn: int


class NodesSelected(Edit, frozen=True):
    """Other nodes are selected."""

    nodes: list[str]
    turn: int


class NodesDeleted(Edit, frozen=True):
    """Nodes, and wires by the node that they come from, are to go."""

    nodes: list[str]
    wires: list[str]


class NodesDuplicated(Edit, frozen=True):
    """Copies of nodes are wanted, with everything below them."""

    nodes: list[str]


class NodeAsked(Message, frozen=True):
    """The menu of a node was opened: what may be done with it?"""

    id: str


class WireStarted(Message, frozen=True):
    """A wire is being drawn from an output, or back from a slot: where may it end?"""

    node: str
    slot: str | None


class WireDrawn(Edit, frozen=True):
    """A wire was drawn; on the body of an operator it takes the next free slot."""

    child: str
    parent: str
    slot: str | None


class WireTaken(Edit, frozen=True):
    """A node was taken out of its slot."""

    child: str


class StructureOver(Message, frozen=True):
    """A structure hovers over something."""

    kind: str
    target: Target


class StructureDropped(Edit, frozen=True):
    """A structure was let go."""

    kind: str
    at: Place
    target: Target


class AddAsked(Message, frozen=True):
    """The search for a structure was opened, from an end, for a wire, or for nothing: what fits?"""

    target: Target


class StructureAdded(Edit, frozen=True):
    """A structure was chosen in that search, for a place, or beside what it goes into."""

    kind: str
    at: Place | None
    target: Target


class OperandsSwapped(Edit, frozen=True):
    """What is in two slots of an operator is to change places."""

    parent: str
    first: str
    second: str


class NodesCopied(Message, frozen=True):
    """Nodes are wanted on the clipboard, and to go with it where they are cut."""

    nodes: list[str]
    cut: bool


class TextPasted(Edit, frozen=True):
    """A text was pasted: nodes from here or from another window."""

    text: str
    at: Place


class LayoutWanted(Message, frozen=True):
    """There is something to lay out: what does it is wanted, which a page of no model goes without."""


class NodesArranged(Edit, frozen=True):
    """The model was laid out."""

    places: list[NodePlace]
    turn: int


# --- down ---


class WireEnd(Part, frozen=True):
    """Where a wire under way may end, or why not; and what becomes of the node that is there."""

    node: str
    slot: str | None
    reason: str | None
    effect: str | None


class WireEnds(Message, frozen=True):
    """Every end of the wire that started there."""

    node: str
    slot: str | None
    ends: list[WireEnd]


class NodeTarget(Part, frozen=True):
    """A slot that a node may be wired into, or why not."""

    parent: str
    slot: str
    label: str
    reason: str | None


class OperandSwap(Part, frozen=True):
    """A sibling that a node may change places with."""

    parent: str
    first: str
    second: str
    label: str


class NodeActions(Message, frozen=True):
    """What may be done with a node."""

    id: str
    connected: bool
    targets: list[NodeTarget]
    swaps: list[OperandSwap]


class MovedCard(Part, frozen=True):
    """A card whose numbers moved."""

    id: str
    card: Card


class MovedCards(Message, frozen=True):
    """While a slider moves: the cards that say something else now. The next state has them too."""

    cards: list[MovedCard]


class DropOutcome(Message, frozen=True):
    """What letting go of a structure there does, and the node whose wiring changes by it."""

    kind: str
    target: Target
    text: str
    onto: str | None


class Addable(Message, frozen=True):
    """The structures that fit where the search was opened."""

    target: Target
    kinds: list[str]


class LayoutProgram(Message, frozen=True):
    """The bytes that come along are the library that lays a model out."""


CANVAS = Wire(
    "canvas",
    CanvasState,
    up=(
        NodesMoved,
        NodesSelected,
        NodesDeleted,
        NodesDuplicated,
        RenameNode,
        ShowMatrix,
        NodeAsked,
        WireStarted,
        WireDrawn,
        WireTaken,
        StructureOver,
        StructureDropped,
        AddAsked,
        StructureAdded,
        OperandsSwapped,
        NodesCopied,
        TextPasted,
        StartTemplate,
        LayoutWanted,
        NodesArranged,
    ),
    down=(WireEnds, NodeActions, MovedCards, DropOutcome, Addable, ClipboardText, LayoutProgram),
)
