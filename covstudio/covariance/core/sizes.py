"""Relations between the sizes of an operator's operands and of its own matrix.

`Operator.shape_rule` says whether operands fit that are there. While a model is still being drawn, sizes are
open and follow from one another, upward, downward and sideways: for that an operator says which sides are
equal, and which are sums or products of others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

__all__ = [
    "AtLeast",
    "Equal",
    "Known",
    "Side",
    "SizeRelation",
    "Total",
    "alike",
    "columns",
    "rows",
    "square",
    "totals",
]


class Side(NamedTuple):
    """The rows (axis 0) or the columns (axis 1) of an operand, or of the operator's own matrix.

    Args:
        operand: the operand's name; "" for the operator's own matrix.
        axis: 0 or 1.
    """

    operand: str
    axis: int


def rows(operand: str = "") -> Side:
    """The rows of an operand, or of the operator's own matrix."""
    return Side(operand, 0)


def columns(operand: str = "") -> Side:
    """The columns of an operand, or of the operator's own matrix."""
    return Side(operand, 1)


@dataclass(frozen=True)
class Equal:
    """Sides of one size.

    Args:
        sides: two or more.
    """

    sides: tuple[Side, ...]


@dataclass(frozen=True)
class Total:
    """A side whose size is the product, or the sum, of those of others.

    Args:
        how: "product" or "sum".
        whole: the side.
        parts: the others.
        number: one more part, as an argument of the operator gives it; 0 for none.
        what: what that number counts, such as "given positions".
    """

    how: Literal["product", "sum"]
    whole: Side
    parts: tuple[Side, ...]
    number: int = 0
    what: str = ""


@dataclass(frozen=True)
class Known:
    """A side whose size an argument of the operator gives.

    Args:
        side: it.
        size: its size.
        what: the argument, as a person reads it: "positions".
    """

    side: Side
    size: int
    what: str


@dataclass(frozen=True)
class AtLeast:
    """A side that an argument of the operator reaches into.

    Args:
        side: it.
        size: the smallest size that it can have.
        what: the argument, as a person reads it: "positions".
    """

    side: Side
    size: int
    what: str


SizeRelation = Equal | Total | Known | AtLeast


def alike(*operands: str) -> tuple[SizeRelation, ...]:
    """Operands of one shape.

    Example:
        >>> alike("", "a")[0]
        Equal(sides=(Side(operand='', axis=0), Side(operand='a', axis=0)))
    """
    return tuple(Equal(tuple(Side(name, axis) for name in operands)) for axis in (0, 1))


def totals(
    how: Literal["product", "sum"], operands: Iterable[str], axes: Iterable[int] = (0, 1)
) -> tuple[SizeRelation, ...]:
    """Along each axis, the operator's own size as the product or the sum of its operands'.

    Example:
        >>> totals("sum", ["a", "b"], axes=[0])[0].parts
        (Side(operand='a', axis=0), Side(operand='b', axis=0))
    """
    names = list(operands)
    return tuple(Total(how, Side("", axis), tuple(Side(name, axis) for name in names)) for axis in axes)


def square(*operands: str) -> tuple[SizeRelation, ...]:
    """Operands that are square, each with a size of its own.

    Example:
        >>> square("g")
        (Equal(sides=(Side(operand='g', axis=0), Side(operand='g', axis=1))),)
    """
    return tuple(Equal((rows(name), columns(name))) for name in operands)
