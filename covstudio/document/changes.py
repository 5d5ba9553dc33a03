"""Everything that can be done to a document, as frozen values with `apply(document) -> Document`.

A change validates before it changes: it returns a new document, or raises `ChangeError` with a sentence that
    says
what was expected, what came and what to do, and then nothing has changed.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from covstudio.covariance import Declaration, UnknownStructure, declaration
from covstudio.data.roles import Role
from covstudio.document.arguments import argument_of, check_argument
from covstudio.document.document import (
    MAX_DEPTH,
    MAX_NODES,
    MAX_TEXT,
    Document,
    check_forest,
    empty_slots,
    numbered_slots,
)
from covstudio.document.node import ArgumentValue, FrozenMap, Node, V, check_id, check_name, check_number


class ChangeError(ValueError):
    """A change that does not fit the document; the document stays as it was."""


@dataclass(frozen=True, kw_only=True)
class Change(ABC):
    """A change of the document.

    Args:
        label: what undo and redo call it; each change has a good default.
        undoable: False for a change that is no step: it is applied to the past and the future as well.
        merge_key: changes in a row with one key are one step. Give every drag of a slider its own key.
    """

    label: str = ""
    undoable: bool = True
    merge_key: str | None = None

    @abstractmethod
    def apply(self, document: Document) -> Document:
        """The changed document.

        Raises:
            ChangeError: when the change does not fit the document.
        """

    def described(self, document: Document) -> str:
        """The label of the step this change makes in `document` (the state before it)."""
        return self.label or self._describe(document)

    @abstractmethod
    def _describe(self, document: Document) -> str: ...


@dataclass(frozen=True)
class AddNode(Change):
    """Add a structure from the catalogue, loose or connected.

    Args:
        kind: the name of the structure, e.g. "AR1Matrix".
        x, y: where its top left corner stands.
        name: its name; the title of the structure, numbered when it is taken, by default.
        arguments: constructor arguments.
        connect: (parent id or "V", slot or None for the next free one).
        id: the new id; `document.next_id()` by default.
    """

    kind: str
    x: float = 0.0
    y: float = 0.0
    name: str | None = None
    arguments: Mapping[str, ArgumentValue] = field(default_factory=dict)
    connect: tuple[str, str | None] | None = None
    id: str | None = None

    def apply(self, document: Document) -> Document:
        declared = _declared(self.kind)
        if len(document.nodes) >= MAX_NODES:
            raise ChangeError(f"A model holds at most {MAX_NODES} nodes. Remove some, or split the model.")
        node_id = document.next_id() if self.id is None else _checked(check_id, self.id)
        if node_id in document.nodes:
            raise ChangeError(f"There is a node with the id {node_id!r} already.")
        if self.name is None:
            name = document.free_name(default_name(declared))
        else:
            name = _new_name(document, self.name)
        node = Node(
            id=node_id,
            kind=declared.name,
            name=name,
            arguments=FrozenMap(
                {key: _argument(declared, key, value) for key, value in self.arguments.items()}
            ),
            operands=empty_slots(declared),
            x=_checked(check_number, self.x, "x"),
            y=_checked(check_number, self.y, "y"),
        )
        document = document.with_nodes(node)
        return document if self.connect is None else Connect(node_id, *self.connect).apply(document)

    def _describe(self, document: Document) -> str:
        return f"Add {_declared(self.kind).title}"


@dataclass(frozen=True)
class RemoveNodes(Change):
    """Remove nodes; what hung below them stays on the canvas, loose.

    Args:
        ids: which nodes.
    """

    ids: Sequence[str]

    def apply(self, document: Document) -> Document:
        gone = {_node(document, i).id for i in self.ids}
        kept = {i: _without_children(node, gone) for i, node in document.nodes.items() if i not in gone}
        return replace(document, nodes=FrozenMap(kept), v=None if document.v in gone else document.v)

    def _describe(self, document: Document) -> str:
        if len(self.ids) == 1:
            return f"Remove {_node(document, self.ids[0]).name}"
        return f"Remove {len(self.ids)} nodes"


@dataclass(frozen=True)
class Connect(Change):
    """Make a node the operand of another, or V.

    A child that has a parent moves. What was in the slot stays on the canvas, loose.

    Args:
        child: id of the operand.
        parent: id of the operator, or "V".
        slot: the slot; None takes the next free one. A variadic operator has "1", "2", ... up to its empty
            slot.
    """

    child: str
    parent: str
    slot: str | None = None

    def apply(self, document: Document) -> Document:
        child = _node(document, self.child)
        reason = refusal(document, self.child, self.parent, self.slot)
        if reason is not None:
            raise ChangeError(reason)
        if self.parent == V:
            return replace(_loosened(document, child.id), v=child.id)
        occupied = (
            dict(document.nodes[self.parent].operands).get(self.slot) if self.slot is not None else None
        )
        if occupied == child.id:
            return document
        if occupied is None:
            document = _loosened(document, child.id)
        else:
            # The slots of a variadic operator close up when a sibling leaves, so the child takes the place of
            # the node it replaces, not of a number.
            document = _loosened(document, child.id)
            slot = next(slot for slot, there in document.nodes[self.parent].operands if there == occupied)
            return document.with_nodes(_with_child(document.nodes[self.parent], slot, child.id))
        parent = document.nodes[self.parent]
        slot = self.slot if self.slot in parent.free_slots else parent.free_slots[0]
        return document.with_nodes(_with_child(parent, slot, child.id))

    def _describe(self, document: Document) -> str:
        parent = V if self.parent == V else _node(document, self.parent).name
        return f"Connect {_node(document, self.child).name} to {parent}"


@dataclass(frozen=True)
class Disconnect(Change):
    """Take a node out of its slot (or V out of its place); it stays on the canvas.

    Args:
        child: id of the operand.
    """

    child: str

    def apply(self, document: Document) -> Document:
        child = _node(document, self.child)
        if document.parent_of(child.id) is None and document.v != child.id:
            raise ChangeError(f"{child.name!r} is not connected to anything.")
        return _loosened(document, child.id)

    def _describe(self, document: Document) -> str:
        return f"Disconnect {_node(document, self.child).name}"


@dataclass(frozen=True)
class MoveNodes(Change):
    """Put nodes elsewhere on the canvas.

    Args:
        positions: id -> (x, y) of the top left corner.
    """

    positions: Mapping[str, tuple[float, float]]

    def apply(self, document: Document) -> Document:
        moved = [
            _node(document, i).at(_checked(check_number, x, "x"), _checked(check_number, y, "y"))
            for i, (x, y) in self.positions.items()
        ]
        return document.with_nodes(*moved)

    def _describe(self, document: Document) -> str:
        if len(self.positions) == 1:
            return f"Move {_node(document, next(iter(self.positions))).name}"
        return f"Move {len(self.positions)} nodes"


@dataclass(frozen=True)
class Rename(Change):
    """Give a node another name.

    Args:
        node_id: which node.
        name: the new name; unique in the document, without "/".
    """

    node_id: str
    name: str

    def apply(self, document: Document) -> Document:
        node = _node(document, self.node_id)
        return document.with_nodes(replace(node, name=_new_name(document, self.name, node.id)))

    def _describe(self, document: Document) -> str:
        return f"Rename {_node(document, self.node_id).name}"


@dataclass(frozen=True)
class SetArgument(Change):
    """Set a constructor argument of a node; None takes it back to what it is when nobody sets it.

    Args:
        node_id: which node.
        argument: its name.
        value: see `covstudio.document.arguments.check_argument`.
    """

    node_id: str
    argument: str
    value: ArgumentValue | None

    def apply(self, document: Document) -> Document:
        node = _node(document, self.node_id)
        declared = _declared(node.kind)
        if self.value is None:
            _checked(argument_of, declared, self.argument)
            return document.with_nodes(
                replace(node, arguments=FrozenMap(node.arguments).without(self.argument))
            )
        value = _argument(declared, self.argument, self.value)
        return document.with_nodes(
            replace(node, arguments=FrozenMap(node.arguments).set(self.argument, value))
        )

    def _describe(self, document: Document) -> str:
        node = _node(document, self.node_id)
        label = _checked(argument_of, _declared(node.kind), self.argument).label
        return f"Set {label} of {node.name}"


@dataclass(frozen=True)
class SetParameters(Change):
    """Set natural values of parameters; None takes one back to its default.

    Whether a value lies in the parameter's range is told by `Build.check_value`: the range may depend on
    sizes.

    Args:
        values: (node id, parameter) -> natural value.
    """

    values: Mapping[tuple[str, str], float | None]

    def apply(self, document: Document) -> Document:
        changed: dict[str, dict[str, float]] = {}
        for (node_id, name), value in self.values.items():
            node = _node(document, node_id)
            values = changed.setdefault(node_id, dict(node.values))
            if not isinstance(name, str) or not name or "/" in name:
                raise ChangeError(
                    f"A parameter of {node.name!r} has its own name, without '/'; got {name!r}."
                )
            if value is None:
                values.pop(name, None)
            else:
                values[name] = _checked(check_number, value, f"the value of {name} of {node.name}")
        nodes = [replace(document.nodes[i], values=FrozenMap(values)) for i, values in changed.items()]
        return document.with_nodes(*nodes)

    def _describe(self, document: Document) -> str:
        if len(self.values) != 1:
            return f"Set {len(self.values)} parameters"
        ((node_id, name),) = self.values
        return f"Set {name} of {_node(document, node_id).name}"


@dataclass(frozen=True)
class SetFixed(Change):
    """Make a parameter a constant, or free it.

    Args:
        node_id: which node.
        parameter: the node's own parameter.
        fixed: True for a constant.
    """

    node_id: str
    parameter: str
    fixed: bool

    def apply(self, document: Document) -> Document:
        node = _node(document, self.node_id)
        if not isinstance(self.parameter, str) or not self.parameter or "/" in self.parameter:
            raise ChangeError(
                f"A parameter of {node.name!r} has its own name, without '/'; got {self.parameter!r}."
            )
        fixed = node.fixed | {self.parameter} if self.fixed else node.fixed - {self.parameter}
        return document.with_nodes(replace(node, fixed=fixed))

    def _describe(self, document: Document) -> str:
        return f"{'Fix' if self.fixed else 'Free'} {self.parameter} of {_node(document, self.node_id).name}"


@dataclass(frozen=True)
class SetFixedEffects(Change):
    """Set the formula of the fixed effects; it is read when the model is fitted.

    Args:
        formula: the right hand side, e.g. "1 + rep"; a leading "~" is dropped.
    """

    formula: str

    def apply(self, document: Document) -> Document:
        formula = _text(self.formula, "The fixed effects").strip().removeprefix("~").strip()
        return replace(document, fixed_effects=formula or "1")

    def _describe(self, document: Document) -> str:
        return "Set the fixed effects"


@dataclass(frozen=True)
class SetResponse(Change):
    """Name the column that is modelled, or None.

    Args:
        column: its name.
    """

    column: str | None

    def apply(self, document: Document) -> Document:
        return replace(
            document, response=None if self.column is None else _text(self.column, "A column name")
        )

    def _describe(self, document: Document) -> str:
        return "Set the response"


@dataclass(frozen=True)
class SetRoles(Change):
    """Say which column is what.

    Args:
        roles: column -> "factor", "covariate", "response" or "ignored"; columns left out keep their role.
    """

    roles: Mapping[str, Role]

    def apply(self, document: Document) -> Document:
        return replace(document, roles=FrozenMap({**document.roles, **_roles(self.roles)}))

    def _describe(self, document: Document) -> str:
        return "Set the roles of columns"


@dataclass(frozen=True)
class SetData(Change):
    """Make another table the document's data.

    Args:
        name: the name of the table, or None for no table.
        roles: what each of its columns is (all of them: the old roles are dropped).
        response: the column that is modelled.
    """

    name: str | None
    roles: Mapping[str, Role] = field(default_factory=dict)
    response: str | None = None

    def apply(self, document: Document) -> Document:
        name = None if self.name is None else _text(self.name, "The name of a table")
        response = None if self.response is None else _text(self.response, "A column name")
        return replace(document, data_name=name, roles=FrozenMap(_roles(self.roles)), response=response)

    def _describe(self, document: Document) -> str:
        return "Remove the data" if self.name is None else f"Use the data {self.name}"


@dataclass(frozen=True)
class SetTitle(Change):
    """Set the title of the model.

    Args:
        title: free text.
    """

    title: str

    def apply(self, document: Document) -> Document:
        return replace(document, title=_text(self.title, "The title").strip() or "Untitled model")

    def _describe(self, document: Document) -> str:
        return "Set the title"


@dataclass(frozen=True)
class ReplaceDocument(Change):
    """Put another document in the place of this one, as one step that can be undone.

    Args:
        document: a template, or a document that was opened.
    """

    document: Document

    def apply(self, document: Document) -> Document:
        if not isinstance(self.document, Document):
            raise ChangeError(f"Expected a Document; got {type(self.document).__name__}.")
        _checked(check_forest, self.document)
        return self.document

    def _describe(self, document: Document) -> str:
        return f"Open {self.document.title}"


@dataclass(frozen=True)
class Batch(Change):
    """Several changes as one step; when one of them does not fit, none is made.

    Args:
        changes: in order.
    """

    changes: Sequence[Change]

    def apply(self, document: Document) -> Document:
        for change in self.changes:
            document = change.apply(document)
        return document

    def _describe(self, document: Document) -> str:
        if len(self.changes) == 1:
            return self.changes[0].described(document)
        return f"{len(self.changes)} changes"


# --- what changes have in common
# --------------------------------------------------------------------------------


def default_name(declared: Declaration) -> str:
    """The name of a fresh node, before it is made unique: short, since parameters are named by it.

    Example:
        >>> default_name(declaration("LowerTriangularMatrix")), default_name(declaration("AR1Matrix"))
        ('Lower Triangular', 'AR1')
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", declared.name.removesuffix("Matrix") or declared.name)
    return check_name(words[:50])


def refusal(document: Document, child: str, parent: str, slot: str | None = None) -> str | None:
    """Why a node cannot become that operand, whatever the shapes; None when it can.

    Args:
        document: the document.
        child: id of the node.
        parent: id of the operator, or "V".
        slot: the slot, or None for the next free one.
    """
    if child not in document.nodes:
        return f"There is no node {child!r}."
    if parent == V:
        return None if slot in (None, V) else f"V has one place only; there is no slot {slot!r}."
    if parent not in document.nodes:
        return f"There is no node {parent!r}."
    below, above = document.nodes[child], document.nodes[parent]
    declared = _declared(above.kind)
    if child == parent:
        return f"{below.name!r} cannot be its own operand."
    if child in document.ancestors(parent):
        return f"{above.name!r} is part of {below.name!r}: connecting them would make a circle."
    if not above.operands:
        return f"{above.name!r} ({declared.title}) takes no operands. Connect to an operator such as Sum."
    slots = dict(above.operands)
    if slot is not None and slot not in slots:
        return f"{above.name!r} ({declared.title}) has no slot {slot!r}; it has {', '.join(slots)}."
    if slot is None and not above.free_slots and child not in above.children:
        return f"{above.name!r} ({declared.title}) has no free slot. Drop onto an operand to replace it."
    depth = document.height(child) + 1 + sum(1 for _ in document.ancestors(parent))
    if depth > MAX_DEPTH:
        return f"A model is at most {MAX_DEPTH} operators deep; this would make it {depth}."
    return None


def _declared(kind: Any) -> Declaration:
    try:
        declared = declaration(kind)
    except UnknownStructure as error:
        raise ChangeError(str(error)) from None
    if not declared.palette:
        raise ChangeError(f"{declared.title} holds Python code and cannot be part of a document.")
    return declared


def _node(document: Document, node_id: str) -> Node:
    try:
        return document.nodes[node_id]
    except (KeyError, TypeError):
        raise ChangeError(f"There is no node {node_id!r}; it may have been removed.") from None


def _checked(check: Any, *arguments: Any) -> Any:
    try:
        return check(*arguments)
    except ValueError as error:
        text = str(error)
        raise ChangeError(text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")) from None


def _argument(declared: Declaration, name: str, value: Any) -> ArgumentValue:
    argument = _checked(argument_of, declared, name)
    checked: ArgumentValue = _checked(check_argument, argument, value)
    return checked


def _new_name(document: Document, name: Any, own_id: str | None = None) -> str:
    checked: str = _checked(check_name, name)
    other = document.named(checked)
    if other is not None and other.id != own_id:
        raise ChangeError(
            f"There is a node called {checked!r} already; parameters are told apart by these names. "
            f"{document.free_name(checked)!r} is free."
        )
    return checked


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise ChangeError(f"{what} is text; got {type(value).__name__}.")
    if len(value) > MAX_TEXT:
        raise ChangeError(f"{what} has at most {MAX_TEXT} characters; got {len(value)}.")
    return value


def _roles(roles: Mapping[str, Role]) -> dict[str, Role]:
    known = ("factor", "covariate", "response", "ignored")
    for column, role in roles.items():
        if not isinstance(column, str) or role not in known:
            raise ChangeError(f"The role of column {column!r} is one of {', '.join(known)}; got {role!r}.")
    return dict(roles)


def _without_children(node: Node, gone: set[str]) -> Node:
    if not any(child in gone for child in node.children):
        return node
    if _declared(node.kind).variadic:
        return replace(node, operands=numbered_slots(child for child in node.children if child not in gone))
    return replace(
        node, operands=tuple((slot, None if child in gone else child) for slot, child in node.operands)
    )


def _with_child(node: Node, slot: str, child: str) -> Node:
    operands = tuple((name, child if name == slot else there) for name, there in node.operands)
    if _declared(node.kind).variadic:
        operands = numbered_slots(there for _, there in operands if there is not None)
    return replace(node, operands=operands)


def _loosened(document: Document, node_id: str) -> Document:
    """The document with a node out of its slot, or out of the place of V."""
    if document.v == node_id:
        return replace(document, v=None)
    parent = document.parent_of(node_id)
    if parent is None:
        return document
    return document.with_nodes(_without_children(document.nodes[parent[0]], {node_id}))
