"""The wire of the canvas: the model as it is drawn, and everything that a person does to it.

`turn` counts what a person does to places and selections. The page shows what is under the finger at once,
and lets go of it when a state says that it has been heard: no state that was on its way moves anything back.
"""

from __future__ import annotations

from typing import Literal

from covstudio.studio.session.messages import Edit, Message, Part, Real, State, Wire


class CardLine(Part, frozen=True):
    """A line of facts on a card: a parameter with its value, or a text."""

    label: str
    value: Real | None = None
    text: str | None = None
    fixed: bool = False


class CardProblem(Part, frozen=True):
    """What is wrong with a node, or still to come."""

    text: str
    level: Literal["error", "unfinished"]


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
    problem: CardProblem | None
    slots: list[CardSlot]
    tile: str
    ready: bool
    empty: str
    label: str


class CanvasNode(Part, frozen=True):
    """A node of the document, or V."""

    id: str
    x: float
    y: float
    card: Card


class CanvasWire(Part, frozen=True):
    """A connection: an operand in its slot, or the node that is V."""

    id: str
    child: str
    parent: str
    slot: str
    label: str


class CanvasTemplate(Part, frozen=True):
    """A template that the empty canvas offers."""

    name: str
    title: str
    description: str


class CanvasState(State, frozen=True):
    """The model as the canvas draws it; V stands last."""

    turn: int
    width: float
    nodes: list[CanvasNode]
    wires: list[CanvasWire]
    selection: list[str]
    focus: str
    dark: bool
    templates: list[CanvasTemplate]


# --- up: what a person does ---


class NodePlace(Part, frozen=True):
    """Where a node was put: its top left corner."""

    id: str
    x: float
    y: float


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


class NodeRenamed(Edit, frozen=True):
    """A node was given another name."""

    id: str
    name: str


class NodeShown(Message, frozen=True):
    """A node, or V, is wanted large."""

    id: str


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
    """A structure hovers over a node, one of its slots, or a wire (by the node that it comes from)."""

    kind: str
    node: str | None
    slot: str | None
    wire: str | None


class StructureDropped(Edit, frozen=True):
    """A structure was let go at a place, maybe on a node, one of its slots, or a wire."""

    kind: str
    x: float
    y: float
    node: str | None
    slot: str | None
    wire: str | None


class AddAsked(Message, frozen=True):
    """The search for a structure was opened, from an end, for a wire, or for nothing: what fits?"""

    node: str | None
    slot: str | None
    wire: str | None


class StructureAdded(Edit, frozen=True):
    """A structure was chosen in that search."""

    kind: str
    x: float
    y: float
    node: str | None
    slot: str | None
    wire: str | None


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
    x: float
    y: float


class TemplateChosen(Edit, frozen=True):
    """A template was picked on the empty canvas."""

    name: str


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


class DropOutcome(Message, frozen=True):
    """What letting go of a structure there does, and the node whose wiring changes by it."""

    kind: str
    node: str | None
    slot: str | None
    wire: str | None
    text: str
    onto: str | None


class Addable(Message, frozen=True):
    """The structures that fit where the search was opened."""

    node: str | None
    slot: str | None
    wire: str | None
    kinds: list[str]


class ClipText(Message, frozen=True):
    """A text for the clipboard."""

    text: str


CANVAS = Wire(
    "canvas",
    CanvasState,
    up=(
        NodesMoved,
        NodesSelected,
        NodesDeleted,
        NodesDuplicated,
        NodeRenamed,
        NodeShown,
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
        TemplateChosen,
        NodesArranged,
    ),
    down=(WireEnds, NodeActions, DropOutcome, Addable, ClipText),
)
