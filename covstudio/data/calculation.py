"""Expressions that compute a column or tell which rows to keep: the language, and its values on a table.

It has the numbers, names and operators of functions in formulas, and their parser; beside them texts in
quotes, NA, comparisons, `& | !`, `%in% c(...)`, `a:b` for two factors as one, and the functions of
`FUNCTIONS`. Nothing is handed to Python's evaluation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from covstudio.data.calculated import FUNCTIONS, Floats, Labels, Values, as_labels, as_numbers, as_truth
from covstudio.data.errors import ChoiceError, FormulaError, shown, suggestion
from covstudio.data.expressions import Binary, Column, Number
from covstudio.data.functions import Parser
from covstudio.data.tables import Table

__all__ = ["calculated", "holds"]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[^\W\d][\w.]*|\.[^\W\d][\w.]*)"
    r"|`(?P<quoted>(?:[^`\\]|\\.)*)`|(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
    r"|(?P<operator>\*\*|%in%|[<>=!]=|&&|\|\||[-+*/^(),=<>!&|:]))"
)
_ORDERS: dict[str, Callable[[Floats, Floats], npt.NDArray[np.bool_]]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_ARITHMETIC: dict[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "^": np.power,
}
_WORDS = {"TRUE": 1.0, "T": 1.0, "FALSE": 0.0, "F": 0.0}


@dataclass(frozen=True)
class Text:
    """A text in quotes."""

    value: str


@dataclass(frozen=True)
class Missing:
    """No value."""


@dataclass(frozen=True)
class Apply:
    """A function with all its arguments."""

    function: str
    arguments: tuple[Any, ...]


def calculated(table: Table, text: str) -> pd.Series[Any]:
    """The values of an expression in every row of a table.

    Args:
        table: a table of n rows.
        text: the expression.

    Returns:
        (n,) float64 with NaN where there is no value, or labels with None; what holds or not is "TRUE" or
        "FALSE".

    Raises:
        ChoiceError: the expression is not understood, or has no finite value in some row.
        TableError: a column is not there, or has no numbers where these are needed.

    Example:
        >>> table = Table.from_columns({"gen": ["A", "B"], "y": [1.0, None], "x": [4.0, 9.0]}, "t")
        >>> calculated(table, "sqrt(x) + y").tolist()
        [3.0, nan]
        >>> calculated(table, "if_else(x > 5, gen, 'low')").tolist()
        ['low', 'B']
    """
    found = _Calculation(table, text).value(_parse(text))
    if found.kind == "number":
        numbers, missing = np.broadcast_to(found.data, table.n), np.broadcast_to(found.missing, table.n)
        wrong = np.flatnonzero(~missing & ~np.isfinite(numbers.astype(np.float64)))
        if wrong.size:
            raise ChoiceError(
                f"{shown(text)} has no finite value in {wrong.size:,} of the {table.n:,} rows, row "
                f"{wrong[0] + 1:,} the "
                "first of them. Leave these rows out, mend the column, or write if_else(..., NA) around it."
            )
        return pd.Series(np.where(missing, math.nan, numbers))
    return pd.Series(np.broadcast_to(as_labels(found), table.n).copy(), dtype=object)


def holds(table: Table, text: str) -> tuple[npt.NDArray[np.bool_], int]:
    """In which rows of a table an expression holds.

    Args:
        table: a table of n rows.
        text: a comparison, or several.

    Returns:
        (n,), and in how many rows it cannot be told as a value is missing.

    Raises:
        ChoiceError: the expression is not understood, or neither holds nor not.

    Example:
        >>> table = Table.from_columns({"rep": ["R1", "R2", "R3"], "y": [4.1, None, 3.9]}, "t")
        >>> holds(table, "y > 4 | rep == 'R3'")
        (array([ True, False,  True]), 1)
    """
    found = _Calculation(table, text).value(_parse(text))
    if found.kind != "truth":
        raise ChoiceError(
            f"{shown(text)} should hold in a row or not, as yield > 0 does, and is a {found.kind} in every "
            "row."
        )
    missing = np.broadcast_to(found.missing, table.n)
    return np.broadcast_to(found.data == 1.0, table.n) & ~missing, int(missing.sum())


def _parse(text: str) -> Any:
    try:
        return _Reader(text).expression()
    except FormulaError as error:
        raise ChoiceError(str(error)) from None


class _Reader(Parser):
    """Reads an expression; whatever binds loosely is read first.

    What it gives are the nodes of formulas and those above.
    """

    TOKEN = _TOKEN

    def expression(self) -> Any:
        """The whole text."""
        found = self._whole()
        if self.at < len(self.tokens):
            raise self._refused(f"{shown(self.tokens[self.at][1])} is left over at its end")
        return found

    def _refused(self, why: str, hint: str = "") -> FormulaError:
        more = hint or "Write it as in log(yield), x - mean(x), if_else(dose > 2, 'high', 'low') or gen:site."
        return FormulaError(
            f"{shown(self.code)} cannot stand for a column, which is never evaluated as code: {why}. {more}"
        )

    def _whole(self) -> Any:
        left = self._all_of()
        while self._take("|", "||"):
            left = Binary("|", left, self._all_of())
        return left

    def _all_of(self) -> Any:
        left = self._negated()
        while self._take("&", "&&"):
            left = Binary("&", left, self._negated())
        return left

    def _negated(self) -> Any:
        negative = False
        while self._take("!"):
            negative = not negative
        found = self._compared()
        return Apply("!", (found,)) if negative else found

    def _compared(self) -> Any:
        left = self._sum()
        if self._take("%in%"):
            kind, text = self._next()
            if (kind, text) != ("name", "c") or not self._take("("):
                raise self._refused("%in% is followed by values in c(...)")
            return Apply("%in%", (left, *self._arguments()))
        if self._peek() == ("operator", "="):
            raise self._refused("one = compares nothing", "Write == for equal.")
        if symbol := self._take("<=", ">=", "==", "!=", "<", ">"):
            found = Binary(symbol, left, self._sum())
            if self._peek()[1] in (*_ORDERS, "==", "!="):
                raise self._refused("two comparisons follow each other", "Write a < b & b < c.")
            return found
        return left

    def _power(self) -> Any:
        left = super()._power()
        while self._take(":"):
            left = Binary(":", left, super()._power())
        return left

    def _atom(self) -> Any:
        kind, text = self._peek()
        if kind == "text":
            self._next()
            return Text(re.sub(r"\\(.)", r"\1", text[1:-1]))
        if kind == "name" and self.tokens[self.at + 1 : self.at + 2] != [("operator", "(")]:
            if text == "NA":
                self._next()
                return Missing()
            if text in _WORDS:
                self._next()
                return Binary("==", Number(_WORDS[text]), Number(1.0))
        return super()._atom()

    def _call(self, name: str) -> Any:
        if name not in FUNCTIONS:
            raise self._refused(
                f"there is no function {shown(name)}", suggestion(name, list(FUNCTIONS), "function")
            )
        self._next()
        arguments = self._arguments()
        fewest, most = FUNCTIONS[name].arguments
        if not fewest <= len(arguments) <= most:
            wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
            raise self._refused(f"{name} takes {wanted} arguments, and has {len(arguments)}")
        return Apply(name, tuple(arguments))

    def _arguments(self) -> list[Any]:
        """What stands between brackets with commas, up to the closing one."""
        if self._take(")"):
            return []
        found = [self._argument()]
        while self._take(","):
            found.append(self._argument())
        self._expect(")")
        return found

    def _argument(self) -> Any:
        # Arguments come by their place; the names that R has for them may stand before.
        if self._peek()[0] == "name" and self.tokens[self.at + 1 : self.at + 2] == [("operator", "=")]:
            self.at += 2
        return self._whole()


@dataclass(frozen=True)
class _Calculation:
    """The values of an expression on a table."""

    table: Table
    text: str

    def value(self, expression: Any) -> Values:
        """The values, row by row, or one for all rows."""
        if isinstance(expression, Number):
            return Values("number", np.array(expression.value), np.array(False))
        if isinstance(expression, Text):
            return Values("text", np.array(expression.value, dtype=object), np.array(False))
        if isinstance(expression, Missing):
            return Values("number", np.array(math.nan), np.array(True), unknown=True)
        if isinstance(expression, Column):
            return self._column(expression.name)
        if isinstance(expression, Apply):
            if expression.function == "!":
                (of,) = expression.arguments
                truth = as_truth(self.value(of), self.text)
                return Values("truth", 1.0 - truth.data, truth.missing)
            arguments = [self.value(one) for one in expression.arguments]
            if expression.function == "%in%":
                return self._any_equal(arguments[0], arguments[1:])
            return FUNCTIONS[expression.function].compute(arguments, self.text, self.table.n)
        assert isinstance(expression, Binary)
        left, right = self.value(expression.left), self.value(expression.right)
        return self._joined(expression.operator, left, right)

    def _column(self, name: str) -> Values:
        missing = self.table.missing(name)
        if self.table.is_numeric(name):
            return Values("number", self.table.numbers(name), missing)
        labels: Labels = np.array(self.table.labels(name), dtype=object)
        # What is wrong with a label that should be a number, the table says best.
        return Values("text", labels, missing, numbers=lambda: self.table.numbers(name))

    def _joined(self, operator: str, left: Values, right: Values) -> Values:
        missing = left.missing | right.missing
        if operator in _ARITHMETIC:
            with np.errstate(all="ignore"):
                found = _ARITHMETIC[operator](as_numbers(left, self.text), as_numbers(right, self.text))
            return Values("number", np.asarray(found, dtype=np.float64), missing)
        if operator in _ORDERS:
            with np.errstate(all="ignore"):
                truth = _ORDERS[operator](as_numbers(left, self.text), as_numbers(right, self.text))
            return Values("truth", truth.astype(np.float64), missing)
        if operator == ":":
            one, other = np.broadcast_arrays(as_labels(left), as_labels(right))
            joined = [f"{a}:{b}" for a, b in zip(one.ravel().tolist(), other.ravel().tolist(), strict=True)]
            return Values("text", np.array(joined, dtype=object).reshape(one.shape), missing)
        if operator in ("==", "!="):
            same = _equal(left, right)
            return Values("truth", same if operator == "==" else 1.0 - same, missing)
        first, second = as_truth(left, self.text), as_truth(right, self.text)
        settles = 0.0 if operator == "&" else 1.0
        settled = ((first.data == settles) & ~first.missing) | ((second.data == settles) & ~second.missing)
        return Values("truth", np.where(settled, settles, 1.0 - settles), missing & ~settled)

    def _any_equal(self, of: Values, among: list[Values]) -> Values:
        found = np.zeros(of.data.shape)
        for one in among:
            found = np.maximum(found, _equal(of, one))
        return Values("truth", found, of.missing)


def _equal(left: Values, right: Values) -> Floats:
    """Where two values are the same: numbers as numbers, anything else as labels."""
    if left.kind != "text" and right.kind != "text":
        return np.asarray(left.data == right.data, dtype=np.float64)
    one, other = np.broadcast_arrays(as_labels(left), as_labels(right))
    return np.asarray(one == other, dtype=np.float64)
