r"""Expressions of parameters, read by a parser of their own and differentiated exactly.

The language has numbers, names of parameters, `+ - * / **`, parentheses, `sqrt`, `log`, `exp`, and `var`,
`cov` and `corr` of entries of an operand's value. Nothing else is an expression, and nothing is handed to
Python's own evaluation.

Parameter paths contain `/` and `^`, and may contain spaces. Where an operand is expected the longest name
that stands there is taken, so `gen/sigma^2/residual/sigma^2` is a ratio of two variances; a name that would
be taken for more than is meant can be put in backquotes.

An expression is evaluated with its gradient by forward accumulation: every node gives a value and the
derivatives of it with respect to all parameters (Griewank & Walther 2008, Evaluating Derivatives, ch. 3).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.inference.names import Names

__all__ = ["Binary", "Call", "Dual", "Entry", "Name", "Negative", "Node", "Number", "evaluate", "parse"]

Vector = NDArray[np.float64]

FUNCTIONS = ("sqrt", "log", "exp")
ENTRIES = {"var": 1, "cov": 2, "corr": 2}
NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
WORD = re.compile(r"[^\W\d]\w*")
#: Expressions nested deeper than this are refused.
DEPTH = 100


@dataclass(frozen=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True)
class Name:
    """A parameter, by its full path."""

    path: str


@dataclass(frozen=True)
class Negative:
    """Minus something."""

    of: Node


@dataclass(frozen=True)
class Binary:
    """Two operands and what joins them: one of `+ - * / **`."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Call:
    """sqrt, log or exp."""

    function: str
    of: Node


@dataclass(frozen=True)
class Entry:
    """var, cov or corr of entries i and j of an operand's value, by its full path."""

    kind: Literal["var", "cov", "corr"]
    path: str
    i: int
    j: int


Node = Number | Name | Negative | Binary | Call | Entry


def parse(text: str, names: Names, operands: Names) -> Node:
    """Read an expression.

    Args:
        text: the expression.
        names: the parameters it may use.
        operands: the operands whose entries it may use.

    Raises:
        ValueError: it is not an expression; the message says where and lists what there is.

    Example:
        >>> names = Names(["gen/g/sigma^2", "residual/sigma^2"], "parameter")
        >>> parse("2 * gen / residual", names, Names([], "operand")).operator
        '/'
    """
    if not isinstance(text, str):
        raise TypeError(f"an expression is a text, and this is a {type(text).__name__}.")
    return _Parser(text, names, operands).read()


class _Parser:
    def __init__(self, text: str, names: Names, operands: Names) -> None:
        self.text = text
        self.names = names
        self.operands = operands
        self.at = 0
        self.depth = 0

    def read(self) -> Node:
        node = self._sum()
        if self._peek():
            raise self._error("expected an operator or the end", self._peek())
        return node

    # -- the text -------------------------------------------------------------------------------------------

    def _peek(self) -> str:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.text[self.at : self.at + 1]

    def _take(self, *symbols: str) -> str:
        """The first of these symbols if it stands next; longer ones are asked for first."""
        self._peek()
        for symbol in symbols:
            if self.text.startswith(symbol, self.at):
                self.at += len(symbol)
                return symbol
        return ""

    def _expect(self, symbol: str) -> None:
        if not self._take(symbol):
            raise self._error(f"expected {symbol!r}", self._peek())

    def _error(self, expected: str, found: str) -> ValueError:
        shown = repr(found) if found else "the end"
        hint = " (write ** for powers)" if found == "^" else ""
        return ValueError(
            f"{expected} at position {self.at} of {self.text!r}, and found {shown}{hint}. An expression has "
            "numbers, + - * / **, parentheses, sqrt(), log(), exp(), var(operand, i), cov(operand, i, j), "
            f"corr(operand, i, j) and the parameters {', '.join(self.names.paths)}."
        )

    # -- the grammar: sum > product > sign > power > operand ----------------------------------------------

    def _sum(self) -> Node:
        self.depth += 1
        if self.depth > DEPTH:
            raise ValueError(f"the expression is nested more than {DEPTH} deep.")
        node = self._product()
        while symbol := self._take("+", "-"):
            node = Binary(symbol, node, self._product())
        self.depth -= 1
        return node

    def _product(self) -> Node:
        node = self._signed()
        while not self._follows("**") and (symbol := self._take("*", "/")):
            node = Binary(symbol, node, self._signed())
        return node

    def _follows(self, symbol: str) -> bool:
        self._peek()
        return self.text.startswith(symbol, self.at)

    def _signed(self) -> Node:
        negative = False
        while symbol := self._take("-", "+"):
            negative ^= symbol == "-"
        node = self._power()
        return Negative(node) if negative else node

    def _power(self) -> Node:
        node = self._operand()
        if not self._take("**"):
            return node
        # To the right, and above a sign: 2 ** -x ** 2 is 2 ** (-(x ** 2)).
        self.depth += 1
        if self.depth > DEPTH:
            raise ValueError(f"the expression is nested more than {DEPTH} deep.")
        node = Binary("**", node, self._signed())
        self.depth -= 1
        return node

    def _operand(self) -> Node:
        found = self._peek()
        if not found:
            raise self._error("expected a number, a name or '('", "")
        if found == "`":
            return self._quoted()
        name = self.names.longest(self.text, self.at)
        word = WORD.match(self.text, self.at)
        called = word is not None and self.text[word.end() :].lstrip().startswith("(")
        # A name that only begins like a function's goes before it; a call of the function before a name.
        if word is not None and called and (name is None or len(name) <= len(word.group())):
            if word.group() in FUNCTIONS:
                return self._call(word.group())
            if word.group() in ENTRIES:
                return self._entry(word.group())
            if name is None:
                raise self._error("expected sqrt, log, exp, var, cov or corr", word.group())
        if name is not None:
            self.at += len(name)
            return Name(self.names.meaning(name))
        if self._take("("):
            node = self._sum()
            self._expect(")")
            return node
        number = NUMBER.match(self.text, self.at)
        if number is not None:
            self.at = number.end()
            return Number(float(number.group()))
        raise self._error("expected a number, a name or '('", word.group() if word else found)

    def _quoted(self) -> Node:
        end = self.text.find("`", self.at + 1)
        if end < 0:
            raise self._error("expected a closing backquote", "")
        name = self.text[self.at + 1 : end]
        self.at = end + 1
        return Name(self.names.meaning(name))

    def _call(self, function: str) -> Node:
        self.at += len(function)
        self._expect("(")
        node = self._sum()
        self._expect(")")
        return Call(function, node)

    def _entry(self, kind: str) -> Node:
        self.at += len(kind)
        self._expect("(")
        self._peek()
        if self._take("`"):
            end = self.text.find("`", self.at)
            if end < 0:
                raise self._error("expected a closing backquote", "")
            name: str | None = self.text[self.at : end]
            self.at = end + 1
        else:
            name = self.operands.longest(self.text, self.at)
            self.at += len(name or "")
        if name is None or self._peek() == "/":
            raise ValueError(
                f"{kind}() at position {self.at} of {self.text!r} takes the path of an operand and "
                f"{ENTRIES[kind]} whole numbers from 0; operands are {', '.join(self.operands.paths)}."
            )
        path = self.operands.meaning(name)
        index = []
        for _ in range(ENTRIES[kind]):
            self._expect(",")
            self._peek()
            digits = re.compile(r"\d+").match(self.text, self.at)
            if digits is None:
                raise self._error("expected a whole number, counted from 0,", self._peek())
            self.at = digits.end()
            index.append(int(digits.group()))
        self._expect(")")
        what: Literal["var", "cov", "corr"] = "var" if kind == "var" else "cov" if kind == "cov" else "corr"
        return Entry(what, path, index[0], index[-1])


@dataclass(frozen=True, eq=False)
class Dual:
    """A value and its gradient."""

    value: float
    gradient: Vector


def evaluate(node: Node, name: Callable[[str], Dual], entry: Callable[[Entry], Dual]) -> Dual:
    """The value of an expression with its gradient.

    Args:
        node: what `parse` gave.
        name: the dual of a parameter by its path.
        entry: the dual of an entry of an operand.

    Raises:
        ValueError: it has no value: a division by 0, a root or a logarithm of a negative number.

    Example:
        >>> names = Names(["a"], "parameter")
        >>> tree = parse("sqrt(a) / 2", names, Names([], "operand"))
        >>> dual = evaluate(tree, lambda path: Dual(4.0, np.array([1.0])), lambda entry: None)
        >>> dual.value, dual.gradient
        (1.0, array([0.125]))
    """
    if isinstance(node, Name):
        return name(node.path)
    if isinstance(node, Entry):
        return entry(node)
    if isinstance(node, Number):
        return Dual(node.value, np.zeros(1))
    if isinstance(node, Negative):
        inner = evaluate(node.of, name, entry)
        return Dual(-inner.value, -inner.gradient)
    if isinstance(node, Call):
        return _called(node.function, evaluate(node.of, name, entry))
    return _joined(node.operator, evaluate(node.left, name, entry), evaluate(node.right, name, entry))


def _called(function: str, inner: Dual) -> Dual:
    value = inner.value
    if function == "exp":
        result = math.exp(value) if value < 709.0 else math.inf
        return Dual(result, result * inner.gradient)
    if function == "log":
        if value <= 0.0:
            raise ValueError(f"log of {value:.6g}: only positive numbers have a logarithm.")
        return Dual(math.log(value), inner.gradient / value)
    if value < 0.0:
        raise ValueError(f"sqrt of {value:.6g}: only numbers of at least 0 have a square root.")
    root = math.sqrt(value)
    return Dual(root, inner.gradient / (2.0 * root) if root > 0.0 else inner.gradient * math.nan)


def _joined(operator: str, a: Dual, b: Dual) -> Dual:
    if operator == "+":
        return Dual(a.value + b.value, a.gradient + b.gradient)
    if operator == "-":
        return Dual(a.value - b.value, a.gradient - b.gradient)
    if operator == "*":
        return Dual(a.value * b.value, a.gradient * b.value + b.gradient * a.value)
    if operator == "/":
        if b.value == 0.0:
            raise ValueError("division by 0: the denominator vanishes at the estimates.")
        ratio = a.value / b.value
        return Dual(ratio, (a.gradient - ratio * b.gradient) / b.value)
    return _power(a, b)


def _power(a: Dual, b: Dual) -> Dual:
    constant = not b.gradient.any()
    if a.value < 0.0 and not (constant and b.value == int(b.value)):
        raise ValueError(f"{a.value:.6g} ** {b.value:.6g}: a negative number has whole powers only.")
    if a.value == 0.0 and b.value < 0.0:
        raise ValueError("0 to a negative power: it would divide by 0.")
    try:
        value = float(a.value**b.value)
        slope = b.value * a.value ** (b.value - 1.0) if b.value != 0.0 else 0.0
    except (OverflowError, ZeroDivisionError):
        return Dual(math.nan, a.gradient * math.nan)
    gradient = slope * a.gradient
    if not constant:
        gradient = gradient + value * (math.log(a.value) if a.value > 0.0 else 0.0) * b.gradient
    return Dual(value, gradient)
