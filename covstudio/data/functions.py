"""Functions of columns inside a formula, such as log(x), I(x^2) and poly(x, 2), with a parser of their own.

The language has numbers, names of columns, `+ - * / ^`, parentheses and the functions below; nothing else is
an expression, and nothing is handed to Python's own evaluation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from covstudio.data.choices import CONTRAST_NAMES, Contrasts
from covstudio.data.errors import FormulaError, shown
from covstudio.data.expressions import (
    ELEMENTWISE,
    Binary,
    Call,
    Column,
    Expression,
    Number,
    columns_of,
    evaluate,
    written,
)
from covstudio.data.text import plain_name

Role = Literal["number", "factor", "offset"]

#: Functions whose columns depend on all rows: see `covstudio.data.bases`.
LEARNED = ("scale", "center", "poly", "bs", "ns")
FACTORS = ("factor", "as.factor", "C", "ordered")
_MULTIPLE = ("poly", "bs", "ns")
_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "log": ("base",),
    "scale": ("center", "scale"),
    "poly": ("degree", "raw"),
    "bs": ("df", "knots", "degree", "intercept", "Boundary.knots"),
    "ns": ("df", "knots", "intercept", "Boundary.knots"),
}
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[^\W\d][\w.]*|\.[^\W\d][\w.]*)"
    r"|`(?P<quoted>(?:[^`\\]|\\.)*)`|(?P<operator>\*\*|[-+*/^(),=]))"
)
_TRUTH = {"TRUE": True, "T": True, "True": True, "FALSE": False, "F": False, "False": False}
_DEPTH = 50
_KNOWN = (
    "log, log2, log10, log1p, exp, expm1, sqrt, abs, sin, cos, tan, I, scale, center, poly, bs, ns, factor"
)
_HINTS = {
    "relevel": "Say which level is the reference in place of relevel (the choice 'reference').",
    "s": "A smooth is a random effect here: add a random walk or a spline with Z G Z' to V, or use ns(x, 3).",
    "te": "A smooth is a random effect here: add it with Z G Z' to V.",
}


@dataclass(frozen=True)
class Function:
    """A function of columns that stands in a formula.

    Attributes:
        text: in one spelling, as R prints it: "poly(x, 2)", "bs(x, df = 4)".
        role: "number" for columns of X, "factor" for factor(x), "offset" for what is added with weight one.
        expression: what is computed; the argument alone for a factor or an offset.
        columns: the columns that it uses.
        contrasts: how the levels of a factor are coded, where the call says so.
    """

    text: str
    role: Role
    expression: Expression
    columns: tuple[str, ...]
    contrasts: Contrasts | None = None

    @property
    def basis(self) -> Call | None:
        """The call of poly, bs or ns, which give several columns; None for all others."""
        found = self.expression
        return found if isinstance(found, Call) and found.function in _MULTIPLE else None


def parse_function(code: str) -> Function:
    """Read a call as it stands in a formula.

    Args:
        code: such as "log(x)", "I(x^2)", "bs(x, df=4)", "factor(`block no`)".

    Raises:
        FormulaError: it is no call of a function that is known, or its arguments are not those it takes.

    Example:
        >>> parse_function("bs(x,df=4)").text, parse_function("I(x ^ 2)").columns
        ('bs(x, df = 4)', ('x',))
        >>> parse_function("factor(block)").role
        'factor'
    """
    return Parser(code).function()


class Parser:
    """Reads expressions of columns: numbers, names, `+ - * / ^`, brackets and calls.

    `covstudio.data.calculation` reads a wider language by the same rules.
    """

    TOKEN = _TOKEN

    def __init__(self, code: str) -> None:
        self.code = code
        self.tokens = list(self._read())
        self.at = 0
        self.depth = 0

    def _read(self) -> Iterator[tuple[str, str]]:
        place, end = 0, len(self.code.rstrip())
        while place < end:
            found = self.TOKEN.match(self.code, place)
            if not found:
                raise self._refused(f"{shown(self.code[place:].strip()[:20])} is not understood")
            kind = found.lastgroup or ""
            yield kind, found[kind]
            place = found.end()

    def _refused(self, why: str, hint: str = "") -> FormulaError:
        hint = hint or _HINTS.get(self.code.partition("(")[0].strip(), "")
        more = hint or f"The functions are {_KNOWN} and offset; compute anything else in the table itself."
        return FormulaError(
            f"{shown(self.code)} cannot stand in a formula, which is never evaluated as code: {why}. {more}"
        )

    # --- a whole call ---

    def function(self) -> Function:
        """The call as a function of columns."""
        kind, name = self._next()
        if kind != "name" or self._peek() != ("operator", "("):
            raise self._refused("the name of a function and its arguments in brackets are expected")
        if name in FACTORS or name == "offset":
            found = self._simple(name)
        else:
            self.at = 0
            expression = self._sum()
            role: Role = "number"
            found = Function(written(expression), role, expression, columns_of(expression))
        if self.at < len(self.tokens):
            raise self._refused(f"{shown(self.tokens[self.at][1])} is left over at its end")
        if not found.columns:
            raise self._refused("it names no column")
        return found

    def _simple(self, name: str) -> Function:
        """factor(x) or offset(expression)."""
        self._next()
        of = self._factor() if name == "C" else self._sum()
        contrasts = self._contrasts() if name == "C" and self._take(",") else ""
        if self._peek() == ("operator", ",") and name in FACTORS:
            raise self._refused(
                f"{name} takes a column alone",
                "Give the order of levels and the reference as choices about the column (levels, reference).",
            )
        self._expect(")")
        if name == "offset":
            return Function(f"offset({written(of)})", "offset", of, columns_of(of))
        if not isinstance(of, Column):
            raise self._refused(
                f"{name} takes the name of a column",
                f"Give the column the role factor (--factor in the command), or write {name}(block), say.",
            )
        more = f", {contrasts}" if contrasts else ""
        said = "contr.poly" if name == "ordered" else contrasts
        known = CONTRAST_NAMES[said] if said else None
        return Function(f"{name}({written(of)}{more})", "factor", of, (of.name,), known)

    def _factor(self) -> Expression:
        """The column in C(f, ...), where factor(f) says the same."""
        if self._peek()[1] in FACTORS and self.tokens[self.at + 1 : self.at + 2] == [("operator", "(")]:
            self.at += 2
            of = self._sum()
            self._expect(")")
            return of
        return self._sum()

    def _contrasts(self) -> str:
        kind, text = self._next()
        if kind != "name" or text not in CONTRAST_NAMES:
            raise self._refused(
                f"{shown(text or 'its end')} names no contrasts",
                "Contrasts are contr.treatment, contr.sum, contr.helmert and contr.poly, as in "
                "C(rep, contr.sum).",
            )
        return text

    # --- tokens ---

    def _peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self.at += 1
        return token

    def _take(self, *symbols: str) -> str:
        kind, text = self._peek()
        if kind == "operator" and text in symbols:
            self.at += 1
            return text
        return ""

    def _expect(self, symbol: str) -> None:
        if not self._take(symbol):
            raise self._refused(f"{shown(symbol)} is expected before {shown(self._peek()[1] or 'its end')}")

    # --- expressions ---

    def _whole(self) -> Expression:
        """What stands within brackets."""
        return self._sum()

    def _sum(self) -> Expression:
        self.depth += 1
        if self.depth > _DEPTH:
            raise self._refused(f"it is nested more than {_DEPTH} deep")
        left = self._product()
        while symbol := self._take("+", "-"):
            left = Binary(symbol, left, self._product())
        self.depth -= 1
        return left

    def _product(self) -> Expression:
        left = self._signed()
        while symbol := self._take("*", "/"):
            left = Binary(symbol, left, self._signed())
        return left

    def _signed(self) -> Expression:
        # Iterate: a chain of signs must not nest.
        negative = False
        while symbol := self._take("+", "-"):
            negative ^= symbol == "-"
        found = self._power()
        return Binary("-", Number(0.0), found) if negative else found

    def _power(self) -> Expression:
        base = self._atom()
        if self._take("^", "**"):
            self.depth += 1
            if self.depth > _DEPTH:
                raise self._refused(f"it is nested more than {_DEPTH} deep")
            base = Binary("^", base, self._signed())
            self.depth -= 1
        return base

    def _atom(self) -> Expression:
        kind, text = self._next()
        if kind == "number":
            return Number(float(text))
        if kind == "quoted":
            return Column(plain_name(re.sub(r"\\([\\`])", r"\1", text)))
        if kind == "name" and self._peek() == ("operator", "("):
            return self._call(text)
        if kind == "name":
            return Number(math.pi) if text == "pi" else Column(plain_name(text))
        if text == "(":
            inner = self._whole()
            self._expect(")")
            return inner
        raise self._refused(f"a column or a number is expected before {shown(text or 'its end')}")

    def _call(self, name: str) -> Expression:
        if name in (*FACTORS, "offset"):
            raise self._refused(f"{name}(...) stands alone in a formula, not within another function")
        if name not in ELEMENTWISE and name not in LEARNED:
            raise self._refused(f"there is no function {shown(name)} here")
        if name in _MULTIPLE and self.at > 1:
            raise self._refused(f"{name} gives several columns and stands alone, not inside something")
        self._next()
        of = self._sum()
        given: dict[str, float | tuple[float, ...]] = {}
        allowed = _ARGUMENTS.get(name, ())
        while self._take(","):
            key = ""
            if self._peek()[0] == "name" and self.tokens[self.at + 1 : self.at + 2] == [("operator", "=")]:
                key = self._next()[1]
                self._next()
            free = [one for one in allowed if one not in given]
            if not key and free:
                key = free[0]
            if key not in free:
                what = f"no argument {shown(key)}" if key else "no further argument"
                raise self._refused(f"{name} takes {what}")
            given[key] = self._constant(name, key)
        self._expect(")")
        return Call(name, of, tuple(given.items()))

    def _constant(self, name: str, key: str) -> float | tuple[float, ...]:
        if self._peek() == ("name", "c"):
            self._next()
            self._expect("(")
            values = [self._one_constant(name, key)]
            while self._take(","):
                values.append(self._one_constant(name, key))
            self._expect(")")
            return tuple(values)
        return self._one_constant(name, key)

    def _one_constant(self, name: str, key: str) -> float:
        if self._peek()[1] in _TRUTH:
            return _TRUTH[self._next()[1]]
        found = self._sum()
        if columns_of(found):
            raise self._refused(f"{key} of {name} is a number, not a column")
        value = float(evaluate(found, lambda column: np.zeros(1))[()])
        if not math.isfinite(value):
            raise self._refused(f"{key} of {name} is not finite")
        return value
