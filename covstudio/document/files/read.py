"""Reading the content of a model file: every value is checked, and a refusal names the path to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from covstudio.covariance import Argument, Declaration, UnknownStructure, declaration
from covstudio.data.choices import TableChoices
from covstudio.data.errors import ChoiceError, TableError, came
from covstudio.data.relation import Relation
from covstudio.data.relation_records import relation_from
from covstudio.data.roles import ROLES, Role
from covstudio.data.tables import Table
from covstudio.document.files.json_text import DocumentError
from covstudio.document.model.arguments import argument_of, check_argument, check_parameter
from covstudio.document.model.document import (
    MAX_DEPTH,
    MAX_DERIVED,
    MAX_NODES,
    MAX_RELATIONS,
    MAX_TEXT,
    Document,
    check_degrees,
    check_method,
    numbered_slots,
)
from covstudio.document.model.node import (
    ArgumentValue,
    Auto,
    Columns,
    FrozenMap,
    Levels,
    Node,
    Related,
    Rows,
    Values,
    check_id,
    check_name,
    check_number,
)


class Reader:
    """A value in parsed JSON, with the path to it.

    Args:
        value: the value.
        path: where it stands.
    """

    def __init__(self, value: Any, path: str) -> None:
        self.value, self.path = value, path

    def refuse(self, message: str) -> DocumentError:
        """An error about this value."""
        return DocumentError(message, self.path)

    def _expected(self, what: str) -> DocumentError:
        return self.refuse(f"Expected {what}; got {came(self.value)}.")

    def object(self) -> dict[str, Any]:
        """The value as an object."""
        if not isinstance(self.value, dict):
            raise self._expected("an object { ... }")
        return self.value

    def items(self) -> Iterator[Reader]:
        """The entries of a list."""
        if not isinstance(self.value, list):
            raise self._expected("a list [ ... ]")
        return (Reader(value, f"{self.path}[{index}]") for index, value in enumerate(self.value))

    def entries(self) -> Iterator[tuple[str, Reader]]:
        """The keys and values of an object."""
        return ((key, self.key(key)) for key in self.object())

    def key(self, name: str) -> Reader:
        """The value under a key."""
        if name not in self.object():
            raise self.refuse(f"The key {name!r} is missing.")
        return Reader(self.value[name], f"{self.path}.{name}".removeprefix("."))

    def only(self, *required: str, optional: tuple[str, ...] = ()) -> None:
        """Check that an object has these keys and no others."""
        for name in self.object():
            if name not in required and name not in optional:
                known = ", ".join((*required, *optional))
                raise Reader(None, f"{self.path}.{name}".removeprefix(".")).refuse(
                    f"This key is not known here; the keys are {known}."
                )
        for name in required:
            self.key(name)

    def text(self, limit: int = MAX_TEXT) -> str:
        """The value as text."""
        if not isinstance(self.value, str):
            raise self._expected("text")
        if len(self.value) > limit:
            raise self.refuse(f"Expected text of at most {limit} characters; got {len(self.value)}.")
        return self.value

    def maybe_text(self) -> str | None:
        """The value as text, or None."""
        return None if self.value is None else self.text()

    def integer(self) -> int:
        """The value as an integer."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self._expected("an integer")
        return self.value

    def boolean(self) -> bool:
        """The value as true or false."""
        if not isinstance(self.value, bool):
            raise self._expected("true or false")
        return self.value

    def checked_value(self, check: Any) -> Any:
        """What a check makes of the value that stands here."""
        return self.checked(check, self.value)

    def checked(self, check: Any, *arguments: Any) -> Any:
        """What a check makes of its arguments; its ValueError becomes a refusal here."""
        try:
            return check(*arguments)
        except ValueError as error:
            text = str(error)
            raise self.refuse(
                text[0].upper() + text[1:] + ("" if text.endswith((".", "?")) else ".")
            ) from None


def read_data(data: Reader) -> Table:
    """The table of a model file.

    Raises:
        DocumentError: it is none.
    """
    data.only("name", "columns")
    name = data.key("name").text()
    columns = data.key("columns")
    for _, column in columns.entries():
        column.items()
    try:
        return Table.from_columns(columns.value, name)
    except TableError as error:
        raise columns.refuse(str(error)) from None


def read_model(model: Reader) -> Document:
    """The document of a model file.

    Raises:
        DocumentError: it is none.
    """
    model.only(
        "title",
        "nodes",
        optional=(
            "response",
            "fixed_effects",
            "v",
            "data_name",
            "roles",
            "method",
            "degrees",
            "drop_dependent",
            "derived",
            "table",
            "relations",
        ),
    )
    listed = model.key("nodes")
    listed.items()
    if len(listed.value) > MAX_NODES:
        raise listed.refuse(
            f"A model holds at most {MAX_NODES:,} nodes; this one has {len(listed.value):,}. Divide it into "
            "smaller models."
        )
    nodes: dict[str, Node] = {}
    places: dict[str, Reader] = {}
    names: set[str] = set()
    for place in listed.items():
        node = _node(place)
        if node.id in nodes:
            raise place.key("id").refuse(f"There are two nodes with the id {node.id!r}.")
        if node.name in names:
            raise place.key("name").refuse(
                f"There are two nodes with the name {node.name!r}; names are unique."
            )
        nodes[node.id], places[node.id] = node, place
        names.add(node.name)
    parents = _parents(nodes, places)
    _check_forest(nodes, places, parents)
    v = model.key("v").maybe_text() if "v" in model.value else None
    if v is not None and v not in nodes:
        raise model.key("v").refuse(f"There is no node {v!r}.")
    if v is not None and v in parents:
        raise model.key("v").refuse(f"{v!r} is an operand of {parents[v]!r}, so it cannot be V.")
    formula = model.key("fixed_effects").text() if "fixed_effects" in model.value else "1"
    return Document(
        nodes=FrozenMap(nodes),
        v=v,
        title=model.key("title").text(),
        response=model.key("response").maybe_text() if "response" in model.value else None,
        fixed_effects=formula,
        roles=FrozenMap(_roles(model.key("roles")) if "roles" in model.value else {}),
        data_name=model.key("data_name").maybe_text() if "data_name" in model.value else None,
        method=model.key("method").checked_value(check_method) if "method" in model.value else "REML",
        degrees=model.key("degrees").checked_value(check_degrees)
        if "degrees" in model.value
        else "satterthwaite",
        drop_dependent="drop_dependent" in model.value and model.key("drop_dependent").boolean(),
        derived=_derived(model.key("derived")) if "derived" in model.value else (),
        choices=_choices(model.key("table")) if "table" in model.value else TableChoices(),
        relations=FrozenMap(_relations(model.key("relations")) if "relations" in model.value else {}),
    )


def _relations(relations: Reader) -> dict[str, Relation]:
    if len(relations.object()) > MAX_RELATIONS:
        raise relations.refuse(f"A model keeps at most {MAX_RELATIONS} second tables.")
    found: dict[str, Relation] = {}
    for name, one in relations.entries():
        one.checked(check_name, name)
        found[name] = one.checked(relation_from, one.object())
    return found


def _choices(choices: Reader) -> TableChoices:
    try:
        return TableChoices.from_dict(choices.object())
    except ChoiceError as error:
        raise choices.refuse(str(error)) from None


def _derived(derived: Reader) -> tuple[str, ...]:
    texts = tuple(one.text().strip() for one in derived.items())
    if len(texts) > MAX_DERIVED:
        raise derived.refuse(
            f"A model keeps at most {MAX_DERIVED} derived quantities; this has {len(texts)}."
        )
    return tuple(dict.fromkeys(text for text in texts if text))


def _roles(roles: Reader) -> dict[str, Role]:
    found: dict[str, Role] = {}
    for column, role in roles.entries():
        if not isinstance(role.value, str) or role.value not in ROLES:
            raise role.refuse(f"A role is one of {', '.join(ROLES)}; got {came(role.value)}.")
        found[column] = role.value
    return found


def _node(place: Reader) -> Node:
    place.only("id", "kind", "name", optional=("x", "y", "arguments", "operands", "values", "fixed"))
    given_id = place.key("id")
    node_id = given_id.checked_value(check_id)
    kind = place.key("kind")
    try:
        declared = declaration(kind.text())
    except UnknownStructure as error:
        text = str(error)
        raise kind.refuse(f"{text[0].upper()}{text[1:]}") from None
    if not declared.palette:
        raise kind.refuse(
            f"{declared.name} holds Python code, and nothing in a file is ever executed. Use it in a "
            "program of your own."
        )
    name = place.key("name")
    arguments: dict[str, ArgumentValue] = {}
    if "arguments" in place.value:
        for key, value in place.key("arguments").entries():
            arguments[key] = _argument(value, value.checked(argument_of, declared, key))
    values: dict[str, float] = {}
    if "values" in place.value:
        for key, value in place.key("values").entries():
            value.checked(check_parameter, declared, key)
            values[key] = value.checked(check_number, value.value, "a parameter's value")
    fixed = list(place.key("fixed").items()) if "fixed" in place.value else []
    return Node(
        id=node_id,
        kind=declared.name,
        name=name.checked_value(check_name),
        arguments=FrozenMap(arguments),
        operands=_operands(place, declared),
        values=FrozenMap(values),
        fixed=frozenset(one.checked(check_parameter, declared, one.text()) for one in fixed),
        x=_coordinate(place, "x"),
        y=_coordinate(place, "y"),
    )


def _coordinate(place: Reader, name: str) -> float:
    if name not in place.value:
        return 0.0
    value = place.key(name)
    number: float = value.checked(check_number, value.value, "a coordinate")
    return number


def _operands(place: Reader, declared: Declaration) -> tuple[tuple[str, str | None], ...]:
    if "operands" not in place.value:
        given = Reader([] if declared.variadic else {}, f"{place.path}.operands")
    else:
        given = place.key("operands")
    if declared.variadic:
        return numbered_slots(one.text() for one in given.items())
    slots = [slot.name for slot in declared.slots]
    for key, one in given.entries():
        if key not in slots:
            known = f"the slots are {', '.join(slots)}" if slots else "it takes no operands"
            raise one.refuse(f"{declared.name} has no slot {key!r:.60}; {known}.")
    return tuple((slot, given.key(slot).maybe_text() if slot in given.value else None) for slot in slots)


def _argument(place: Reader, argument: Argument) -> ArgumentValue:
    value = place.value
    if argument.kind == "size":
        if value == "auto":
            value = Auto()
        elif value == "rows":
            value = Rows()
        elif isinstance(value, dict):
            place.only("levels")
            value = Levels(tuple(one.text() for one in place.key("levels").items()))
    elif argument.kind in ("matrix", "relation") and isinstance(value, dict):
        place.only("relation")
        value = Related(place.key("relation").text())
    elif argument.kind in ("factors", "coordinates") and isinstance(value, dict):
        if "columns" in value:
            place.only("columns")
            value = Columns(tuple(one.text() for one in place.key("columns").items()))
        else:
            place.only("values")
            columns = list(place.key("values").items())
            for column in columns:
                column.items()
            value = Values(tuple(tuple(column.value) for column in columns))
    checked: ArgumentValue = place.checked(check_argument, argument, value)
    return checked


def _slot_place(place: Reader, node: Node, slot: str) -> Reader:
    operands = place.key("operands")
    if isinstance(operands.value, list):
        return Reader(None, f"{operands.path}[{int(slot) - 1}]")
    return operands.key(slot)


def _parents(nodes: dict[str, Node], places: dict[str, Reader]) -> dict[str, str]:
    parents: dict[str, str] = {}
    for node in nodes.values():
        for slot, child in node.operands:
            if child is None:
                continue
            place = _slot_place(places[node.id], node, slot)
            if child not in nodes:
                raise place.refuse(f"There is no node {child[:80]!r}.")
            if child in parents:
                raise place.refuse(
                    f"{child!r} is an operand of {parents[child]!r} already; a node has one place only."
                )
            parents[child] = node.id
    return parents


def _check_forest(nodes: dict[str, Node], places: dict[str, Reader], parents: dict[str, str]) -> None:
    """No circle, and no tree deeper than the limit. Every node is walked up from once."""
    depths: dict[str, int] = {}
    for start in nodes:
        trail: dict[str, None] = {}
        current: str | None = start
        while current is not None and current not in depths:
            if current in trail:
                loop = " -> ".join([*list(trail)[list(trail).index(current) :], current])
                raise places[current].refuse(
                    f"The operands go round in a circle: {loop[:200]}. Take one of them out of the other's "
                    "operands."
                )
            trail[current] = None
            current = parents.get(current)
        depth = 0 if current is None else depths[current]
        for node_id in reversed(trail):
            depth += 1
            depths[node_id] = depth
            if depth > MAX_DEPTH:
                raise places[node_id].refuse(f"A model is at most {MAX_DEPTH} operators deep.")
