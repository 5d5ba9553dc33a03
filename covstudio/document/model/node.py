"""One node of the canvas: which structure it is, its arguments, its slots and its parameter values.

Everything here is frozen, compares by value and pickles.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeAlias, TypeVar

from covstudio.data.errors import came
from covstudio.data.relation import Relation

K = TypeVar("K")
T = TypeVar("T")

MAX_NAME = 60
MAX_ID = 40
#: Stands for the permanent V node wherever a node id is asked for; no node may have it as its id.
V = "V"


class FrozenMap(Mapping[K, T], Generic[K, T]):
    """A mapping that cannot change, keeps its order, and compares equal to any mapping with the same items.

    Example:
        >>> a = FrozenMap({"x": 1})
        >>> a.set("y", 2), a
        (FrozenMap({'x': 1, 'y': 2}), FrozenMap({'x': 1}))
    """

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[K, T] | None = None) -> None:
        self._items: dict[K, T] = dict(items or {})

    def __getitem__(self, key: K) -> T:
        return self._items[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __eq__(self, other: object) -> bool:
        if isinstance(other, FrozenMap):
            return self._items == other._items
        return Mapping.__eq__(self, other)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return f"FrozenMap({self._items!r})"

    def __reduce__(self) -> tuple[type[FrozenMap[K, T]], tuple[dict[K, T]]]:
        return FrozenMap, (self._items,)

    def set(self, key: K, value: T) -> FrozenMap[K, T]:
        """The same mapping with `key` set to `value`."""
        return FrozenMap({**self._items, key: value})

    def without(self, *keys: K) -> FrozenMap[K, T]:
        """The same mapping without `keys` (absent ones are ignored)."""
        return FrozenMap({key: value for key, value in self._items.items() if key not in keys})


@dataclass(frozen=True)
class Auto:
    """A size that follows from where the node stands in the model."""


@dataclass(frozen=True)
class Rows:
    """A size that is the number of rows of the table."""


@dataclass(frozen=True)
class Levels:
    """A size that is the number of levels of a column (of used combinations, for several columns).

    Args:
        columns: their names.
        filled: the levels of one column are numbers or dates, and so are the steps between that no row has.
            Found out when a model is built, and never stored.
    """

    columns: tuple[str, ...]
    filled: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))


@dataclass(frozen=True)
class Columns:
    """Labels or numbers taken from columns of the table, in this order.

    Args:
        names: their names.
        related: for columns whose levels are the individuals of a second table, its name and the table; ""
            and None for all others. Found out when a model is built, and never stored.
    """

    names: tuple[str, ...] = ()
    related: tuple[tuple[str, Relation | None], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))


@dataclass(frozen=True)
class Related:
    """A second table of the document.

    Args:
        name: what the document calls it.
        relation: the table. Found out when a model is built, and never stored.
    """

    name: str
    relation: Relation | None = None


@dataclass(frozen=True)
class Values:
    """Labels or numbers written out, a tuple for each column: `Values((("a", "b", "a"),))` is one factor."""

    columns: tuple[tuple[str, ...] | tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(tuple(column) for column in self.columns))


Size: TypeAlias = Auto | Rows | Levels | int
Grid: TypeAlias = tuple[tuple[float, ...], ...]
Indices: TypeAlias = tuple[int, ...]
ArgumentValue: TypeAlias = (
    Auto | Rows | Levels | Columns | Values | Related | Grid | Indices | int | float | str | bool
)


@dataclass(frozen=True)
class Node:
    """A structure on the canvas.

    Args:
        id: short and stable, e.g. "n3"; unique in its document.
        kind: the name of a structure of the catalogue, e.g. "AR1Matrix".
        name: what people call it; unique in its document, without "/".
        arguments: constructor arguments that were set; the others follow `arguments.document_default`.
        operands: (slot, child id or None). A structure with slots has them all, in declared order, under
            their declared names. A variadic operator has its operands under "1", "2", ... and one empty slot
            after them.
        values: natural values of the node's own parameters, where they differ from the default.
        fixed: names of the node's own parameters that are constants.
        x, y: the top left corner on the canvas, in pixels.
    """

    id: str
    kind: str
    name: str
    arguments: Mapping[str, ArgumentValue] = field(default_factory=FrozenMap)
    operands: tuple[tuple[str, str | None], ...] = ()
    values: Mapping[str, float] = field(default_factory=FrozenMap)
    fixed: frozenset[str] = frozenset()
    x: float = 0.0
    y: float = 0.0

    def __post_init__(self) -> None:
        for name in ("arguments", "values"):
            if not isinstance(getattr(self, name), FrozenMap):
                object.__setattr__(self, name, FrozenMap(getattr(self, name)))
        object.__setattr__(self, "operands", tuple((slot, child) for slot, child in self.operands))
        object.__setattr__(self, "fixed", frozenset(self.fixed))

    @property
    def children(self) -> tuple[str, ...]:
        """Ids of the operands that are there, in the order of their slots."""
        return tuple(child for _, child in self.operands if child is not None)

    @property
    def free_slots(self) -> tuple[str, ...]:
        """Slots with nothing in them."""
        return tuple(slot for slot, child in self.operands if child is None)

    def child(self, slot: str) -> str | None:
        """The id of the operand in a slot, or None when the slot is empty.

        Raises:
            KeyError: when there is no such slot.
        """
        return dict(self.operands)[slot]

    def at(self, x: float, y: float) -> Node:
        """The same node at another place."""
        return replace(self, x=float(x), y=float(y))


def check_name(name: Any) -> str:
    """A name as it may stand in a document: 1 to 60 printable characters, no "/", no blanks at the ends.

    Raises:
        ValueError: with what is wrong and what would do.

    Example:
        >>> check_name("  block in rep ")
        'block in rep'
        >>> check_name("a/b")
        Traceback (most recent call last):
        ValueError: a name cannot contain "/", which separates an operand from its parameter; got 'a/b'
    """
    if not isinstance(name, str):
        raise ValueError(f"a name is text; got {came(name)}")
    name = name.strip()
    if not name:
        raise ValueError("a name needs at least one character")
    if "/" in name:
        raise ValueError(
            f'a name cannot contain "/", which separates an operand from its parameter; got {name!r}'
        )
    if len(name) > MAX_NAME:
        raise ValueError(f"a name has at most {MAX_NAME} characters; this one has {len(name)}")
    if not name.isprintable():
        raise ValueError(f"a name has printable characters only (no line breaks or tabs); got {name!r}")
    return str(name)


def check_id(node_id: Any) -> str:
    """An id as it may stand in a document: letters, digits, "_" and "-", and not "V".

    Raises:
        ValueError: with what is wrong.
    """
    if (
        not isinstance(node_id, str)
        or not 0 < len(node_id) <= MAX_ID
        or not node_id.isascii()
        or not node_id.replace("_", "").replace("-", "").isalnum()
        or node_id == V
    ):
        raise ValueError(
            f'a node id is 1 to {MAX_ID} letters, digits, "_" or "-", and not "V"; got {came(node_id)}'
        )
    return node_id


def check_number(value: Any, what: str) -> float:
    """`value` as a finite float.

    Args:
        value: anything.
        what: what it is the value of, for the message.

    Raises:
        ValueError: when it is not a number, or not a finite one.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{what} is a number; got {came(value)}")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"{what} is a number of at most 1.8e308; got {came(value)}") from None
    if not math.isfinite(number):
        raise ValueError(f"{what} is a finite number; got {number}")
    return number
