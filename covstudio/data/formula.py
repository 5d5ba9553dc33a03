"""The fixed effects as a formula, read and never evaluated.

formulaic cuts the text into tokens and arranges them by precedence; the terms are then collected here, from
a closed list of operators. A token that formulaic would evaluate as Python is read as a function of columns
(`covstudio.data.functions`), or refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from covstudio.data.errors import FormulaError, shown
from covstudio.data.functions import Function, parse_function
from covstudio.data.terms import ALLOWED, MAX_DEPTH, Term, chain, kind_of, name_of, summed
from covstudio.data.text import plain_label

if TYPE_CHECKING:
    from formulaic.parser.types import Token

MAX_LENGTH = 4_000
_FOR_EXAMPLE = "Write 1 for the mean alone, or 1 + rep, say."
_PLAIN_NAME = re.compile(r"[^\W\d][\w.]*")
#: What word processors make of the keys of a formula -> the keys.
_TYPED = {"\N{EN DASH}": "-", "\N{EM DASH}": "-", "\N{MINUS SIGN}": "-", "×": ":", "·": ":", "∗": "*"}
#: What formulaic says -> what is wrong, for who has typed the formula.
_REASONS = (
    (
        r"Missing operator between `(.*)` and `(.*)`$",
        "between '{0}' and '{1}' there is no operator. Write + or : "
        "there; a name that has a space in it is put in backticks, as in `{0} {1}`.",
    ),
    (
        r"Expected: `$",
        "a backtick is opened and not closed. Put one at each end of the name, as in `grain yield`; "
        "one within a name is written \\`.",
    ),
    (
        r"Expected: \}$",
        "a curly bracket is opened and not closed. Put a name that has some in backticks, as in `{{7*7}}`.",
    ),
    (r"Expected: ([\])])$", "a bracket is opened and not closed. Write brackets in pairs."),
    (
        r"Expected: ['\"]$",
        "a quotation mark is opened and not closed. Names of columns have none, or backticks.",
    ),
    (
        r"Operator `(.*?)` (?:has insuf|is incorrectly)",
        "beside {0} a name is missing. Write one on each side, as in a {0} b, or leave it out.",
    ),
)
_CURLY = re.compile(r"\{+[^{}]*\}+")
_JOINED = re.compile(r"[:\[]")


@dataclass(frozen=True)
class Formula:
    """The terms of the fixed effects.

    Attributes:
        terms: what each term but the intercept is the product of, columns by their names and functions of
            columns by their text; main effects first, then by order of interaction.
        intercept: whether the mean is among them.
        response: the column left of `~`, or None.
        functions: text -> function, for those in the terms.
        offsets: what is added to the fixed effects with weight one.
    """

    terms: tuple[Term, ...]
    intercept: bool
    response: str | None = None
    functions: Mapping[str, Function] = field(default_factory=dict)
    offsets: tuple[Function, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that the terms and offsets use, each once.

        Example:
            >>> parse_formula("1 + rep + log(x):rep + offset(w)").columns
            ('rep', 'x', 'w')
        """
        return tuple(
            dict.fromkeys(
                [
                    *(name for part in self.parts for name in self.columns_of(part)),
                    *(name for offset in self.offsets for name in offset.columns),
                ]
            )
        )

    @property
    def parts(self) -> tuple[str, ...]:
        """What the terms are products of, each once."""
        return tuple(dict.fromkeys(part for term in self.terms for part in term))

    def columns_of(self, part: str) -> tuple[str, ...]:
        """The columns that a part of a term uses."""
        return self.functions[part].columns if part in self.functions else (part,)

    def name_of(self, term: Term) -> str:
        """A term as it is written, such as "rep:log(x)"; a name that holds a colon or a bracket in backticks.

        Example:
            >>> formula = parse_formula("a:b + `a:b`")
            >>> [formula.name_of(term) for term in formula.terms]
            ['`a:b`', 'a:b']
        """
        return ":".join(map(self.part_name, term))

    def part_name(self, part: str) -> str:
        """A part of a term as it is written in the names of terms and of columns of X."""
        return f"`{part}`" if part not in self.functions and _JOINED.search(part) else part


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

    `a + b` adds terms, `a - b` takes one away, `a:b` is an interaction, `a*b` is `a + b + a:b`, `a/b` is
    `a + a:b` (b within a), `b %in% a` is `a:b`, `(a + b + c)^2` has all interactions of two; the mean, `1`,
    is there unless `0` is added or `1` taken away. `~` may stand in front, with the response before it.
    Functions of columns: `log(x)`, `I(x^2)`, `poly(x, 2)`, `bs(x, df = 4)`, `ns(x, 3)`, `scale(x)` and more,
    `factor(x)`, `offset(x)`.

    Args:
        text: such as "1 + rep", "~ rep", "Variety*N", "yield ~ rep + `plot no` + log(x)".

    Returns:
        The terms; repeated ones once.

    Raises:
        FormulaError: the text is empty or is no formula; it holds a function that there is not, a wildcard, a
            number besides 0 and 1, or more terms than make sense; nothing is left of it.

    Example:
        >>> parse_formula("1 + rep").terms
        (('rep',),)
        >>> parse_formula("yield ~ Variety*N - 1").terms
        (('Variety',), ('N',), ('Variety', 'N'))
        >>> parse_formula("(a + b)^2").terms, parse_formula("a/b").terms
        ((('a',), ('b',), ('a', 'b')), (('a',), ('a', 'b')))
        >>> parse_formula("np.log(x)")
        Traceback (most recent call last):
        covstudio.data.errors.FormulaError: 'np.log(x)' cannot stand in a formula, which is never evaluated as
        code: there is no function 'np.log' here. The functions are log, ..., factor and offset; compute
        anything else in the table itself.

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
    text = plain_label(text)
    response, tokens = _without_response(_tokens(text))
    functions = {one.text: one for token in tokens if (one := _function(token)) is not None}
    terms = summed([(1, ()), *chain(_tree(tokens, text))])
    offsets = [part for term in terms for part in term if _role(functions, part) == "offset"]
    if any(len(term) > 1 and set(term) & set(offsets) for term in terms):
        raise FormulaError(f"{shown(offsets[0])} is added as it is, and no part of an interaction. {ALLOWED}")
    terms = [term for term in terms if not set(term) & set(offsets)]
    if not terms:
        raise FormulaError(
            f"The formula {shown(text)} leaves no fixed effect, and a model needs one. {_FOR_EXAMPLE}"
        )
    order = {name: place for place, name in enumerate(dict.fromkeys(name for term in terms for name in term))}
    ordered = [tuple(sorted(term, key=order.__getitem__)) for term in terms if term]
    _check_names(tokens, functions)
    return Formula(
        tuple(sorted(ordered, key=len)),
        () in terms,
        response,
        {part: functions[part] for part in order if part in functions},
        tuple(functions[part] for part in dict.fromkeys(offsets)),
    )


def _role(functions: Mapping[str, Function], part: str) -> str:
    return functions[part].role if part in functions else ""


def _check_names(tokens: Iterable[Token], functions: Mapping[str, Function]) -> None:
    """Refuse a column whose name is the text of a function that stands beside it."""
    for token in tokens:
        if kind_of(token) == "name" and name_of(token) in functions:
            raise FormulaError(
                f"{shown(name_of(token))} is a column and a function of one in this formula, and which is "
                "meant cannot be told. Rename the column."
            )


def _tokens(text: str) -> list[Token]:
    """The tokens, every one of an allowed kind, with brackets that match; functions in one spelling."""
    from formulaic.errors import FormulaParsingError
    from formulaic.parser.algos.tokenize import tokenize

    try:
        tokens = [part for token in tokenize(text) for part in _parted(token)]
    except FormulaParsingError as error:
        raise _unreadable(text, error) from None
    depth = 0
    for place, token in enumerate(tokens):
        kind = kind_of(token)
        if kind == "python":
            start, end = token.source_loc
            code = text if start is None or end is None else text[start : end + 1]
            if code.startswith("{"):
                found = _CURLY.match(text, text.index(code))
                name = code + "}" if found is None else found[0]
                raise FormulaError(
                    f"{shown(name)} cannot stand in a formula, which is never evaluated as code. Where a "
                    f"column is called so, put its name in backticks: `{name[:60]}`."
                )
            tokens[place] = token.copy_with_attrs(token=parse_function(code).text)
        if kind == "value" and token.token not in ("0", "1") and not _is_power(tokens, place):
            what = f"The number or text {shown(token.token.strip(chr(39)))}"
            if token.token == ".":
                what = "The wildcard '.' (every column)"
            raise FormulaError(f"{what} cannot stand in a formula of fixed effects. {ALLOWED}")
        if kind == "operator":
            _check_operator(token.token)
        if kind == "context":
            if token.token in "[]":
                raise FormulaError(f"Square brackets cannot stand in a formula of fixed effects. {ALLOWED}")
            depth += 1 if token.token == "(" else -1
            if depth > MAX_DEPTH:
                raise FormulaError(f"Brackets in the formula are nested more than {MAX_DEPTH} deep.")
            if depth < 0:
                break
    if depth:
        which = "opened and not closed" if depth > 0 else "closed and not opened"
        raise FormulaError(f"A bracket in the formula {shown(text)} is {which}. Write brackets in pairs.")
    if not tokens:
        raise FormulaError(f"The formula {shown(text)} names no column. {_FOR_EXAMPLE}")
    return tokens


def _is_power(tokens: Sequence[Token], place: int) -> bool:
    """Whether a number is the exponent of a power."""
    before = tokens[place - 1] if place else None
    return before is not None and kind_of(before) == "operator" and before.token in ("^", "**")


def _function(token: Token) -> Function | None:
    return parse_function(token.token) if kind_of(token) == "python" else None


def _parted(token: Token) -> list[Token]:
    """formulaic takes the ends of "~ -1" for one operator: a ~ stands alone here."""
    if kind_of(token) != "operator" or len(token.token) < 2:
        return [token]
    return [token.copy_with_attrs(token=part) for part in re.findall(r"~|[^~]+", token.token)]


def _check_operator(symbol: str) -> None:
    if symbol == "|":
        raise FormulaError(
            "A formula of fixed effects has no random part (|). Random effects are pieces of V: add a Z G Z' "
            "for them."
        )
    wrong = set(symbol) - set("+-:*~^/")
    if wrong and symbol != "in":
        meant = _TYPED.get(min(wrong))
        hint = ALLOWED if meant is None else f"Write {meant} for it."
        raise FormulaError(f"The character {shown(min(wrong))} cannot stand in a formula. {hint}")


def _without_response(tokens: list[Token]) -> tuple[str | None, list[Token]]:
    """The name left of ~, if there is one, and the tokens right of it."""
    places = [
        place for place, token in enumerate(tokens) if kind_of(token) == "operator" and token.token == "~"
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
    if len(left) > 1 or kind_of(left[0]) != "name":
        what = " ".join(token.token for token in left)
        raise FormulaError(
            f"Left of ~ the name of the response is expected, and {shown(what)} stands there. Transform the "
            "response in the table itself, and name it here or nothing."
        )
    return name_of(left[0]), right


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
    reason = str(error).splitlines()[0].strip().rstrip(".")
    for pattern, words in _REASONS:
        if found := re.search(pattern, reason):
            return FormulaError(f"The formula {shown(text)} cannot be read: {words.format(*found.groups())}")
    return FormulaError(f"The formula {shown(text)} cannot be read: {reason}. {ALLOWED}")
