"""The fixed effects as a formula, read and never evaluated.

formulaic cuts the text into tokens and arranges them by precedence; the terms are then collected here, from
a closed list of operators. A token that formulaic would evaluate as Python is refused before that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from covstudio.data.errors import FormulaError, shown

if TYPE_CHECKING:
    from formulaic.parser.types import ASTNode, Token

MAX_LENGTH = 4_000
MAX_TERMS = 500
MAX_ORDER = 6
_MAX_DEPTH = 100
_ALLOWED = (
    "A formula holds names of columns, 1 or 0, and the operators + - : * ( ); "
    "put a name with other characters in backticks, as in `grain yield`."
)
_FOR_EXAMPLE = "Write 1 for the mean alone, or 1 + rep, say."
_PLAIN_NAME = re.compile(r"[^\W\d][\w.]*")

Term = tuple[str, ...]
# A chain of additions: (+1 or -1, a term), in the order written. The empty term is the intercept.
_Chain = list[tuple[int, Term]]


@dataclass(frozen=True)
class Formula:
    """The terms of the fixed effects.

    Attributes:
        terms: the columns of each term but the intercept; main effects first, then by order of interaction.
        intercept: whether the mean is among them.
        response: the column left of `~`, or None.
    """

    terms: tuple[Term, ...]
    intercept: bool
    response: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the terms use, each once.

        Example:
            >>> parse_formula("1 + rep + gen:rep").columns
            ('rep', 'gen')
        """
        return tuple(dict.fromkeys(name for term in self.terms for name in term))


def quote_name(name: str) -> str:
    """A column's name as it is written in a formula: in backticks unless it is a plain word.

    Example:
        >>> quote_name("rep"), quote_name("grain yield"), quote_name("a`b")
        ('rep', '`grain yield`', '`a\\\\`b`')
    """
    if _PLAIN_NAME.fullmatch(name):
        return name
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def parse_formula(text: str) -> Formula:
    """Read a formula in Wilkinson and Rogers' notation.

    `a + b` adds terms, `a - b` takes one away, `a:b` is an interaction, `a*b` is `a + b + a:b`; the mean,
    `1`, is there unless `0` is added or `1` taken away. `~` may stand in front, with the response before it.

    Args:
        text: such as "1 + rep", "~ rep", "Variety*N", "yield ~ rep + `plot no`".

    Returns:
        The terms; repeated ones once.

    Raises:
        FormulaError: the text is empty or is no formula; it holds a function call or another expression, a
            power, a wildcard, a number besides 0 and 1, or more terms than make sense; nothing is left of it.

    Example:
        >>> parse_formula("1 + rep")
        Formula(terms=(('rep',),), intercept=True, response=None)
        >>> parse_formula("yield ~ Variety*N - 1").terms
        (('Variety',), ('N',), ('Variety', 'N'))
        >>> parse_formula("np.log(x)")
        Traceback (most recent call last):
        covstudio.data.errors.FormulaError: 'np.log(x)' is not the name of a column, and a formula is never
        evaluated as code. Compute the column in the table itself and name it here. A formula holds names of
        columns, 1 or 0, and the operators + - : * ( ); put a name with other characters in backticks, as in
        `grain yield`.

    Reference:
        Wilkinson and Rogers (1973), Symbolic description of factorial models for analysis of variance,
        Applied Statistics 22, 392-399.
    """
    if len(text) > MAX_LENGTH:
        raise FormulaError(
            f"The formula has {len(text):,} characters, and {MAX_LENGTH:,} is the most. Name fewer columns."
        )
    if not text.strip():
        raise FormulaError(f"The formula of the fixed effects is empty. {_FOR_EXAMPLE}")
    response, tokens = _without_response(_tokens(text))
    terms = _sum([(1, ()), *_chain(_tree(tokens, text))])
    if not terms:
        raise FormulaError(
            f"The formula {shown(text)} leaves no fixed effect, and a model needs one. {_FOR_EXAMPLE}"
        )
    order = {name: place for place, name in enumerate(dict.fromkeys(name for term in terms for name in term))}
    ordered = [tuple(sorted(term, key=order.__getitem__)) for term in terms if term]
    return Formula(tuple(sorted(ordered, key=len)), () in terms, response)


def _tokens(text: str) -> list[Token]:
    """The tokens, every one of an allowed kind, with brackets that match."""
    from formulaic.errors import FormulaParsingError
    from formulaic.parser.algos.tokenize import tokenize

    try:
        tokens = [part for token in tokenize(text) for part in _parted(token)]
    except FormulaParsingError as error:
        raise _unreadable(text, error) from None
    depth = 0
    for token in tokens:
        kind = _kind(token)
        if kind == "python":
            start, end = token.source_loc
            code = text if start is None or end is None else text[start : end + 1]
            code += "}" if code.startswith("{") else ""
            raise FormulaError(
                f"{shown(code)} is not the name of a column, and a formula is never evaluated as code. "
                f"Compute the column in the table itself and name it here. {_ALLOWED}"
            )
        if kind == "value" and token.token not in ("0", "1"):
            what = f"The number or text {shown(token.token.strip(chr(39)))}"
            if token.token == ".":
                what = "The wildcard '.' (every column)"
            raise FormulaError(f"{what} cannot stand in a formula of fixed effects. {_ALLOWED}")
        if kind == "operator":
            _check_operator(token.token, text)
        if kind == "context":
            if token.token in "[]":
                raise FormulaError(f"Square brackets cannot stand in a formula of fixed effects. {_ALLOWED}")
            depth += 1 if token.token == "(" else -1
            if depth > _MAX_DEPTH:
                raise FormulaError(f"Brackets in the formula are nested more than {_MAX_DEPTH} deep.")
            if depth < 0:
                break
    if depth:
        which = "opened and not closed" if depth > 0 else "closed and not opened"
        raise FormulaError(f"A bracket in the formula {shown(text)} is {which}. Write brackets in pairs.")
    if not tokens:
        raise FormulaError(f"The formula {shown(text)} names no column. {_FOR_EXAMPLE}")
    return tokens


def _kind(token: Token) -> str:
    return str(token.kind.value) if token.kind is not None else ""


def _parted(token: Token) -> list[Token]:
    """formulaic takes the ends of "~ -1" for one operator: a ~ stands alone here."""
    if _kind(token) != "operator" or len(token.token) < 2:
        return [token]
    return [token.copy_with_attrs(token=part) for part in re.findall(r"~|[^~]+", token.token)]


def _check_operator(symbol: str, text: str) -> None:
    if "**" in symbol or "^" in symbol:
        raise FormulaError(
            f"The formula {shown(text)} holds a power. For a curve, add the power of the covariate to the "
            "table as a column; for interactions, write a*b*c."
        )
    if symbol in ("/", "in"):
        raise FormulaError(f"Nesting ({symbol}) is written out here: a/b is a + a:b. {_ALLOWED}")
    if symbol == "|":
        raise FormulaError(
            "A formula of fixed effects has no random part (|). Random effects are pieces of V: add a Z G Z' "
            "for them."
        )
    wrong = set(symbol) - set("+-:*~")
    if wrong:
        raise FormulaError(f"The character {shown(min(wrong))} cannot stand in a formula. {_ALLOWED}")


def _without_response(tokens: list[Token]) -> tuple[str | None, list[Token]]:
    """The name left of ~, if there is one, and the tokens right of it."""
    places = [
        place for place, token in enumerate(tokens) if _kind(token) == "operator" and token.token == "~"
    ]
    if not places:
        return None, tokens
    left, right = tokens[: places[0]], tokens[places[0] + 1 :]
    if len(places) > 1:
        raise FormulaError("A formula has one ~ at most, before the fixed effects. Leave out the others.")
    if not right:
        raise FormulaError(f"Right of ~ there is nothing. {_FOR_EXAMPLE}")
    if not left:
        return None, right
    if len(left) > 1 or _kind(left[0]) != "name":
        what = " ".join(token.token for token in left)
        raise FormulaError(
            f"Left of ~ the name of the response is expected, and {shown(what)} stands there. Transform the "
            "response in the table itself, and name it here or nothing."
        )
    return _column(left[0]), right


def _tree(tokens: Sequence[Token], text: str) -> Any:
    """The tokens by precedence, as formulaic's own tree."""
    from formulaic.errors import FormulaParsingError
    from formulaic.parser import DefaultOperatorResolver
    from formulaic.parser.algos.tokens_to_ast import tokens_to_ast

    try:
        tree = tokens_to_ast(tokens, operator_resolver=DefaultOperatorResolver(feature_flags=set()))
    except FormulaParsingError as error:
        raise _unreadable(text, error) from None
    if tree is None:
        raise FormulaError(f"The formula {shown(text)} names no column. {_FOR_EXAMPLE}")
    return tree


def _unreadable(text: str, error: Exception) -> FormulaError:
    reason = str(error).splitlines()[0].replace("insuffient", "insufficient").strip().rstrip(".")
    return FormulaError(f"The formula {shown(text)} cannot be read: {reason}. {_ALLOWED}")


def _column(token: Token) -> str:
    """The name that a token spells, without the backslashes of a quoted one."""
    return re.sub(r"\\([\\`])", r"\1", token.token)


def _symbol(node: ASTNode[Any] | Token) -> str | None:
    return node.operator.symbol if hasattr(node, "operator") else None


def _chain(node: Any, depth: int = 0) -> _Chain:
    """What a part of the formula adds and takes away."""
    if depth > _MAX_DEPTH:
        raise FormulaError(
            f"The formula is nested more than {_MAX_DEPTH} deep. Write it with fewer brackets."
        )
    parts: list[_Chain] = []
    # A sum of many terms leans to the left: walk down along it instead of recursing.
    while _symbol(node) in ("+", "-"):
        sign = 1 if _symbol(node) == "+" else -1
        *left, right = node.args
        parts.append([(sign * side, term) for side, term in _chain(right, depth + 1)])
        if not left:
            break
        node = left[0]
    else:
        parts.append(_operand(node, depth))
    return [item for part in reversed(parts) for item in part]


def _operand(node: Any, depth: int) -> _Chain:
    """What one summand of the formula stands for."""
    symbol = _symbol(node)
    if symbol is not None:
        left, right = (_plain(_chain(part, depth + 1), symbol) for part in node.args)
        return [(1, term) for term in _crossed(symbol, left, right)]
    if _kind(node) == "value":
        return [(1 if node.token == "1" else -1, ())]
    return [(1, (_column(node),))]


def _plain(chain: _Chain, symbol: str) -> list[Term]:
    """The terms of one side of `:` or `*`, where 0, 1 and minus have no meaning."""
    if any(sign < 0 or not term for sign, term in chain):
        raise FormulaError(
            f"Beside {symbol} names of columns are expected, without 0, 1 or minus. {_ALLOWED}"
        )
    return _sum(chain)


def _crossed(symbol: str, left: list[Term], right: list[Term]) -> list[Term]:
    if len(left) * len(right) > MAX_TERMS:
        raise _too_many(len(left) * len(right))
    products = [tuple(dict.fromkeys([*one, *other])) for one in left for other in right]
    return [*left, *right, *products] if symbol == "*" else products


def _sum(chain: _Chain) -> list[Term]:
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
        else:
            left.pop(frozenset(term), None)
    if len(left) > MAX_TERMS:
        raise _too_many(len(left))
    return list(left.values())


def _too_many(number: int) -> FormulaError:
    return FormulaError(
        f"The formula has {number:,} terms or more, and {MAX_TERMS} is the most. Name fewer columns."
    )
