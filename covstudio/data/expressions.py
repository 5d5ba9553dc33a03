"""Expressions of columns: what they are made of, their values row by row, and how they are written."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Functions of one argument, row by row; `log` takes a base as its second.
ELEMENTWISE: Mapping[str, Callable[[Floats], Floats]] = {
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "exp": np.exp,
    "expm1": np.expm1,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "I": lambda values: values,
    "as.numeric": lambda values: values,
    "as.integer": np.trunc,
}
_PLAIN_NAME = re.compile(r"[^\W\d][\w.]*")


@dataclass(frozen=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True)
class Column:
    """A column of the table, by its name."""

    name: str


@dataclass(frozen=True)
class Binary:
    """Two operands and what joins them: one of `+ - * / ^`; in computed columns also comparisons, say."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Call:
    """A function with its operand and its further arguments by name."""

    function: str
    of: Expression
    arguments: tuple[tuple[str, float | tuple[float, ...]], ...] = ()


Expression = Number | Column | Binary | Call


def evaluate(expression: Expression, numbers: Callable[[str], Floats]) -> Floats:
    """The values of an expression, row by row; where there is none, NaN or an infinite number.

    Args:
        expression: without functions that depend on all rows.
        numbers: the (n,) numbers of a column.

    Returns:
        (n,), or a single value for an expression without columns.
    """
    if isinstance(expression, Number):
        return np.array(expression.value)
    if isinstance(expression, Column):
        return numbers(expression.name)
    if isinstance(expression, Binary):
        left, right = evaluate(expression.left, numbers), evaluate(expression.right, numbers)
        with np.errstate(all="ignore"):
            return _joined(expression.operator, left, right)
    values = evaluate(expression.of, numbers)
    with np.errstate(all="ignore"):
        found = ELEMENTWISE[expression.function](values)
        for _, base in expression.arguments:
            found = found / np.log(base)
    return found


def _joined(operator: str, left: Floats, right: Floats) -> Floats:
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    if operator == "/":
        return left / right
    return np.asarray(np.power(left, right), dtype=np.float64)


def columns_of(expression: Expression) -> tuple[str, ...]:
    """The columns that an expression uses, each once."""
    if isinstance(expression, Column):
        return (expression.name,)
    if isinstance(expression, Binary):
        return tuple(dict.fromkeys((*columns_of(expression.left), *columns_of(expression.right))))
    return columns_of(expression.of) if isinstance(expression, Call) else ()


_RANKS = {"+": 1, "-": 1, "*": 2, "/": 2, "^": 3}


def written(expression: Expression, rank: int = 0) -> str:
    """An expression in one spelling."""
    if isinstance(expression, Number):
        return _constant(expression.value)
    if isinstance(expression, Column):
        plain = _PLAIN_NAME.fullmatch(expression.name) and expression.name != "pi"
        escaped = expression.name.replace("\\", "\\\\").replace("`", "\\`")
        return expression.name if plain else f"`{escaped}`"
    if isinstance(expression, Call):
        return f"{expression.function}({', '.join([written(expression.of), *_arguments(expression)])})"
    own = _RANKS[expression.operator]
    if expression.operator == "-" and expression.left == Number(0.0):
        text = f"-{written(expression.right, own + 1)}"
    else:
        left, right = written(expression.left, own + (own == 3)), written(expression.right, own + (own < 3))
        space = "" if own == 3 else " "
        text = f"{left}{space}{expression.operator}{space}{right}"
    return f"({text})" if own < rank else text


def _constant(value: float) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return "pi" if value == math.pi else f"{value:.15g}"


def _arguments(call: Call) -> Iterator[str]:
    """The further arguments as R users write them: poly(x, 2) and ns(x, 3), but bs(x, df = 4)."""
    for name, value in call.arguments:
        values = value if isinstance(value, tuple) else (value,)
        text = ", ".join(map(_constant, values))
        text = f"c({text})" if isinstance(value, tuple) else text
        plain = (call.function, name) in (("poly", "degree"), ("ns", "df"), ("log", "base"))
        yield text if plain else f"{name} = {text}"
