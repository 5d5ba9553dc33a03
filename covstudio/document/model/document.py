"""The document: a forest of nodes, one of them marked as V, with response, fixed effects and column roles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, get_args

from covstudio.covariance import Declaration, declaration
from covstudio.data.choices import TableChoices
from covstudio.data.errors import came
from covstudio.data.relation import Relation
from covstudio.data.roles import Role
from covstudio.document.model.node import MAX_NAME, FrozenMap, Node, check_id, check_name

MAX_NODES = 2000
MAX_DEPTH = 64
MAX_TEXT = 2000
MAX_DERIVED = 100
MAX_RELATIONS = 20

Method = Literal["REML", "ML"]
Degrees = Literal["satterthwaite", "kenward-roger", "kenward-roger-observed"]

_NUMBERED = re.compile(r"n([1-9][0-9]{0,8})")
_NUMBER_AT_END = re.compile(r" [0-9]+$")
#: Characters of the longest number that a name gets, with the blank before it.
_LONGEST_NUMBER = len(f" {2 * MAX_NODES}")


@dataclass(frozen=True)
class Document:
    """A model, complete or not.

    Args:
        nodes: id -> node; a node is the operand of at most one other, and there is no cycle.
        v: the id of the node that is V, or None. It is nobody's operand.
        title: free text.
        response: the column that is modelled.
        fixed_effects: the right hand side of the formula, e.g. "1 + rep".
        roles: column -> "factor", "covariate", "response" or "ignored".
        data_name: the name of the table the model was made for.
        method: "REML" or "ML", how it is fitted.
        degrees: "satterthwaite", "kenward-roger" or "kenward-roger-observed" (by the observed information),
            the degrees of freedom of the tests of fixed effects.
        drop_dependent: columns of X that depend on columns before them are left out instead of refused.
        derived: functions of parameters that are wanted with a fit, such as "h2 = gen/sigma^2 / 2"; what is
            before "=" is a name for it. They are read when there is a fit.
        choices: what a person says about the table: codes for "no value", the order of levels, ...
        relations: second tables by the names that nodes have for them: pedigrees, markers, relationship
            matrices.

    Example:
        >>> Document().next_id()
        'n1'
    """

    nodes: Mapping[str, Node] = field(default_factory=FrozenMap)
    v: str | None = None
    title: str = "Untitled model"
    response: str | None = None
    fixed_effects: str = "1"
    roles: Mapping[str, Role] = field(default_factory=FrozenMap)
    data_name: str | None = None
    method: Method = "REML"
    degrees: Degrees = "satterthwaite"
    drop_dependent: bool = False
    derived: tuple[str, ...] = ()
    choices: TableChoices = field(default_factory=TableChoices)
    relations: Mapping[str, Relation] = field(default_factory=FrozenMap)

    def __post_init__(self) -> None:
        for name in ("nodes", "roles", "relations"):
            if not isinstance(getattr(self, name), FrozenMap):
                object.__setattr__(self, name, FrozenMap(getattr(self, name)))

    @property
    def degrees_used(self) -> Degrees:
        """The degrees of freedom of this model's tests: Kenward and Roger's are for REML alone.

        Example:
            >>> Document(degrees="kenward-roger", method="ML").degrees_used
            'satterthwaite'
        """
        return self.degrees if self.method == "REML" else "satterthwaite"

    @cached_property
    def _parents(self) -> dict[str, tuple[str, str]]:
        return {
            child: (node.id, slot)
            for node in self.nodes.values()
            for slot, child in node.operands
            if child is not None
        }

    @cached_property
    def _names(self) -> dict[str, str]:
        return {node.name: node.id for node in self.nodes.values()}

    def parent_of(self, node_id: str) -> tuple[str, str] | None:
        """(parent id, slot) of a node, or None for a node that is nobody's operand (V included)."""
        return self._parents.get(node_id)

    def named(self, name: str) -> Node | None:
        """The node with this name, or None."""
        found = self._names.get(name)
        return None if found is None else self.nodes[found]

    def roots(self) -> tuple[str, ...]:
        """Ids of the nodes that are nobody's operand, V first, the others in the order they were added."""
        loose = tuple(i for i in self.nodes if i not in self._parents and i != self.v)
        return loose if self.v is None else (self.v, *loose)

    def ancestors(self, node_id: str) -> Iterator[str]:
        """Ids from the parent of a node up to its root."""
        parent = self.parent_of(node_id)
        while parent is not None:
            yield parent[0]
            parent = self.parent_of(parent[0])

    def root_of(self, node_id: str) -> str:
        """The id of the root of the tree a node stands in; its own id for a root."""
        return (node_id, *self.ancestors(node_id))[-1]

    def subtree(self, node_id: str) -> tuple[str, ...]:
        """A node and everything below it, operands before the node they belong to, in slot order."""
        order: list[str] = []
        stack = [node_id]
        while stack:
            current = stack.pop()
            order.append(current)
            stack.extend(self.nodes[current].children)
        return tuple(reversed(order))

    def height(self, node_id: str) -> int:
        """The number of nodes on the longest way down from a node, itself included."""
        heights: dict[str, int] = {}
        for current in self.subtree(node_id):
            heights[current] = 1 + max((heights[child] for child in self.nodes[current].children), default=0)
        return heights[node_id]

    def operand_names(self, node_id: str) -> dict[str, str]:
        """child id -> its name as an operand: its own below a variadic operator, else the slot's.

        These names make the parameter paths, e.g. `genotype/g/sigma^2`.
        """
        node = self.nodes[node_id]
        variadic = declaration(node.kind).variadic
        return {
            child: self.nodes[child].name if variadic else slot
            for slot, child in node.operands
            if child is not None
        }

    def next_id(self, taken: Iterable[str] = ()) -> str:
        """The id a new node gets: "n" and one more than the largest number present (or in `taken`)."""
        numbers = [int(match[1]) for i in (*self.nodes, *taken) if (match := _NUMBERED.fullmatch(i))]
        return f"n{max(numbers, default=0) + 1}"

    def free_name(self, wanted: str) -> str:
        """`wanted`, or with the first number that makes it unique: "AR(1)", "AR(1) 2", ..."""
        return self.free_names([wanted])[0]

    def free_names(self, wanted: Iterable[str], *, counted_on: bool = False) -> list[str]:
        """Names for several new nodes, one after the other, as `free_name` gives them.

        Args:
            wanted: what they would be called.
            counted_on: a name that is taken and ends with a number gets another number in its place.

        Example:
            >>> Document().free_names(["AR(1)", "AR(1)", "block", "AR(1)"])
            ['AR(1)', 'AR(1) 2', 'block', 'AR(1) 3']
            >>> Document().free_names(["time 2", "time 2"], counted_on=True)
            ['time 2', 'time']
        """
        taken = set(self._names)
        numbers: dict[str, int] = {}  # where to go on for names that begin alike
        found = []
        for one in wanted:
            if counted_on and one in taken:
                one = _NUMBER_AT_END.sub("", one)
            name, stem = one, one[: MAX_NAME - _LONGEST_NUMBER]
            while name in taken:
                number = numbers.get(stem, 2)
                numbers[stem] = number + 1
                suffix = f" {number}"
                name = one[: MAX_NAME - len(suffix)] + suffix
            taken.add(name)
            found.append(name)
        return found

    def next_ids(self, count: int, taken: Iterable[str] = ()) -> list[str]:
        """The ids that so many new nodes get, see `next_id`."""
        first = int(self.next_id(taken)[1:])
        return [f"n{number}" for number in range(first, first + count)]

    def with_nodes(self, *nodes: Node) -> Document:
        """The same document with these nodes added, or put in the place of those with the same id."""
        return replace(self, nodes=FrozenMap({**self.nodes, **{node.id: node for node in nodes}}))


def empty_slots(declared: Declaration) -> tuple[tuple[str, str | None], ...]:
    """The operands of a fresh node: every declared slot, empty; one numbered slot when variadic."""
    if declared.variadic:
        return (("1", None),)
    return tuple((slot.name, None) for slot in declared.slots)


def numbered_slots(children: Iterable[str]) -> tuple[tuple[str, str | None], ...]:
    """The operands of a variadic operator: its children under "1", "2", ... and one empty slot after them."""
    ids = (*children, None)
    return tuple((str(number), child) for number, child in enumerate(ids, 1))


def check_forest(document: Document) -> None:
    """Check what every document keeps to: known structures, their slots, unique names, a forest, its limits.

    Args:
        document: a document that was put together by hand.

    Raises:
        ValueError: the first thing that is wrong.
    """
    if len(document.nodes) > MAX_NODES:
        raise ValueError(f"a model holds at most {MAX_NODES} nodes; this one has {len(document.nodes):,}")
    names: set[str] = set()
    parents: dict[str, str] = {}
    for key, node in document.nodes.items():
        if key != check_id(node.id):
            raise ValueError(f"node {node.id!r} is listed under the id {key!r}")
        if check_name(node.name) != node.name or node.name in names:
            raise ValueError(f"names are unique and have no blanks at their ends; got {node.name!r}")
        names.add(node.name)
        declared = declaration(node.kind)
        slots = numbered_slots(node.children) if declared.variadic else empty_slots(declared)
        if [slot for slot, _ in slots] != [slot for slot, _ in node.operands]:
            raise ValueError(f"{node.name!r} ({declared.title}) does not have the slots of its structure")
        for child in node.children:
            if child not in document.nodes:
                raise ValueError(f"{node.name!r} has the operand {child!r}, and there is no such node")
            if child in parents:
                raise ValueError(f"{child!r} is an operand of two nodes")
            parents[child] = node.id
    if document.v is not None and (document.v not in document.nodes or document.v in parents):
        raise ValueError(f"V is {document.v!r}, which is not a node without a parent")
    depths: dict[str, int] = {}
    for root in document.roots():
        depths[root] = 1
        for node_id in reversed(document.subtree(root)):
            for child in document.nodes[node_id].children:
                depths[child] = depths[node_id] + 1
    if len(depths) < len(document.nodes):
        raise ValueError("the operands go round in a circle")
    if max(depths.values(), default=0) > MAX_DEPTH:
        raise ValueError(f"a model is at most {MAX_DEPTH} operators deep")


def check_method(value: object) -> Method:
    """`value` as a way to fit a model.

    Raises:
        ValueError: it is none.
    """
    found: Method = _one_of(value, get_args(Method), "A model is fitted by")
    return found


def check_degrees(value: object) -> Degrees:
    """`value` as degrees of freedom that fixed effects are tested with.

    Raises:
        ValueError: it is none.
    """
    found: Degrees = _one_of(value, get_args(Degrees), "Degrees of freedom are")
    return found


def _one_of(value: object, choices: tuple[str, ...], what: str) -> Any:
    if value not in choices:
        raise ValueError(f"{what} {', '.join(choices[:-1])} or {choices[-1]}; got {came(value)}.")
    return value
