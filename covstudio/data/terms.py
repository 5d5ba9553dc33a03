"""The terms that the operators of a formula stand for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from covstudio.data.errors import FormulaError, shown
from covstudio.data.text import plain_name

if TYPE_CHECKING:
    from formulaic.parser.types import ASTNode, Token

MAX_TERMS = 500
MAX_ORDER = 6
MAX_DEPTH = 100
ALLOWED = (
    "A formula holds names of columns, functions of them such as log(x), 1 or 0, and the operators "
    "+ - : * / ^ ( ); put a name with other characters in backticks, as in `grain yield`."
)

Term = tuple[str, ...]
#: A chain of additions: (+1 or -1, a term), in the order written. The empty term is the intercept.
_Chain = list[tuple[int, Term]]


def kind_of(token: Token) -> str:
    return str(token.kind.value) if token.kind is not None else ""


def name_of(token: Token) -> str:
    """The name that a token spells, without the backslashes of a quoted one; the text of a function."""
    if kind_of(token) == "python":
        return str(token.token)
    name = plain_name(re.sub(r"\\([\\`])", r"\1", token.token))
    if not name:
        raise FormulaError(f"Backticks with nothing between them name no column. {ALLOWED}")
    return name


def _symbol(node: ASTNode[Any] | Token) -> str | None:
    return node.operator.symbol if hasattr(node, "operator") else None


def chain(node: Any, depth: int = 0) -> _Chain:
    """What a part of the formula adds and takes away.

    Args:
        node: a part of formulaic's tree.
        depth: how deep it stands in it.

    Raises:
        FormulaError: operators are used for what they have no meaning for, or there are too many terms.
    """
    if depth > MAX_DEPTH:
        raise FormulaError(f"The formula is nested more than {MAX_DEPTH} deep. Write it with fewer brackets.")
    parts: list[_Chain] = []
    # A sum of many terms leans to the left: walk down along it instead of recursing.
    while _symbol(node) in ("+", "-"):
        sign = 1 if _symbol(node) == "+" else -1
        *left, right = node.args
        parts.append([(sign * side, term) for side, term in chain(right, depth + 1)])
        if not left:
            break
        node = left[0]
    else:
        parts.append(_operand(node, depth))
    return [item for part in reversed(parts) for item in part]


def _operand(node: Any, depth: int) -> _Chain:
    """What one summand of the formula stands for."""
    symbol = _symbol(node)
    if symbol in ("^", "**"):
        base, exponent = node.args
        return _power(base, exponent, depth)
    if symbol is not None:
        left, right = (_plain(chain(part, depth + 1), symbol) for part in node.args)
        return [(1, term) for term in _crossed(symbol, left, right)]
    if kind_of(node) == "value":
        return [(1 if node.token == "1" else -1, ())]
    return [(1, (name_of(node),))]


def _power(base: Any, exponent: Any, depth: int) -> _Chain:
    """(a + b + c)^2: all interactions of up to two of them."""
    terms = _plain(chain(base, depth + 1), "^")
    number = exponent.token if _symbol(exponent) is None and kind_of(exponent) == "value" else ""
    if not number.isdecimal() or not 1 <= int(number) <= MAX_ORDER:
        raise FormulaError(
            f"The power of a sum of terms is a whole number from 1 to {MAX_ORDER}, as in (a + b + c)^2. "
            f"{ALLOWED}"
        )
    if len(terms) == 1 and len(terms[0]) == 1 and int(number) > 1:
        name = terms[0][0]
        raise FormulaError(
            f"{name}^{number} crosses {name} with itself, which is {name} again, and is no power of its "
            f"values. Write I({name}^{number}) for that, or poly({name}, {number}) for a curve."
        )
    found = terms
    for _ in range(int(number) - 1):
        found = summed([(1, term) for term in _crossed("*", found, terms)])
    return [(1, term) for term in found]


def _plain(chain: _Chain, symbol: str) -> list[Term]:
    """The terms of one side of `:` or `*`, where 0, 1 and minus have no meaning."""
    if any(sign < 0 or not term for sign, term in chain):
        raise FormulaError(f"Beside {symbol} names of columns are expected, without 0, 1 or minus. {ALLOWED}")
    return summed(chain)


def _crossed(symbol: str, left: list[Term], right: list[Term]) -> list[Term]:
    if len(left) * len(right) > MAX_TERMS:
        raise _too_many(len(left) * len(right))
    if symbol == "/":
        # b within a: every term on the right is crossed with all of what stands on the left.
        outer = tuple(dict.fromkeys(name for term in left for name in term))
        return [*left, *(tuple(dict.fromkeys([*outer, *term])) for term in right)]
    products = [tuple(dict.fromkeys([*one, *other])) for one in left for other in right]
    return [*left, *right, *products] if symbol == "*" else products


def summed(chain: _Chain) -> list[Term]:
    """The terms that are left, each once, whatever the order of the names in it."""
    left: dict[frozenset[str], Term] = {}
    for sign, term in chain:
        if len(term) > MAX_ORDER:
            raise FormulaError(
                f"An interaction of {len(term)} columns is asked for, and {MAX_ORDER} is the most. Leave out "
                "the highest ones."
            )
        if sign > 0:
            left.setdefault(frozenset(term), term)
        elif left.pop(frozenset(term), None) is None and term:
            raise FormulaError(
                f"{shown(':'.join(term))} is taken away by -, and nothing before adds it. Write + for the "
                "minus to have it among the fixed effects, or leave it out; put a name that has a hyphen in "
                "backticks, as in `plot-no`."
            )
    if len(left) > MAX_TERMS:
        raise _too_many(len(left))
    return list(left.values())


def _too_many(number: int) -> FormulaError:
    return FormulaError(
        f"The formula has {number:,} terms or more, and {MAX_TERMS} is the most. Name fewer columns."
    )
