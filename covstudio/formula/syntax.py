"""R's expressions, as far as formulas and calls of model functions need them: read, never evaluated.

A text becomes a tree of names, numbers, texts, calls and operators, each with its place. The cost is linear
in the length of the text; what is nested too deeply is refused before it could exhaust anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from covstudio.data.text import plain_label, plain_name
from covstudio.formula.refusals import Refusal

__all__ = ["Call", "Name", "Node", "Number", "Operation", "Sum", "Text", "parse", "summands"]

MAX_LENGTH = 1_000_000
MAX_DEPTH = 60
MAX_ARGUMENTS = 10_000

_TOKEN = re.compile(
    r"(?P<space>\s+|\#[^\n]*)"
    r"|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?L?)"
    r"|(?P<name>(?:[^\W\d]|\.(?!\d))[\w.]*(?::::?(?:[^\W\d]|\.)[\w.]*(?=\s*\())?)"
    r"|`(?P<quoted>(?:[^`\\]|\\.)*)`"
    r"|\"(?P<double>(?:[^\"\\]|\\.)*)\"|'(?P<single>(?:[^'\\]|\\.)*)'"
    r"|(?P<operator>\|\||<-|<=|>=|==|!=|&&|\*\*|%[^%\s]*%|\|>|[-+*/^~|:(),=<>!&$@\[\]{};?])"
)
#: How tightly operators bind, as R has it; those on the right side of `-` and `+` are one chain.
_BINDING = {
    "~": 1,
    "|": 2,
    "||": 2,
    "&": 3,
    "&&": 3,
    "==": 5,
    "!=": 5,
    "<": 5,
    ">": 5,
    "<=": 5,
    ">=": 5,
    "+": 6,
    "-": 6,
    "*": 7,
    "/": 7,
    ":": 9,
    "^": 11,
    "**": 11,
    "$": 12,
    "@": 12,
}
_IN = 8
_UNARY = 10


@dataclass(frozen=True)
class Name:
    """A name: of a column, a data set, TRUE."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Number:
    """A number."""

    value: float
    start: int
    end: int


@dataclass(frozen=True)
class Text:
    """A text in quotes."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Call:
    """A call: the name of a function and its arguments, each with its name or ""."""

    function: str
    arguments: tuple[tuple[str, Node], ...]
    start: int
    end: int

    def given(self, name: str, place: int | None = None) -> Node | None:
        """The argument of this name; else the one at this place among those without a name; else None."""
        for key, node in self.arguments:
            if key == name:
                return node
        plain = [node for key, node in self.arguments if not key]
        return plain[place] if place is not None and place < len(plain) else None


@dataclass(frozen=True)
class Operation:
    """An operator at a place with its operands: two, or one on the right (`~ x`); "(" is a bracket."""

    operator: str
    operands: tuple[Node, ...]
    start: int
    end: int
    at: int = 0


@dataclass(frozen=True)
class Sum:
    """A chain of + and -: each part with its sign."""

    parts: tuple[tuple[int, Node], ...]
    start: int
    end: int


Node = Name | Number | Text | Call | Operation | Sum


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


def parse(text: str) -> Node:
    """The tree of one expression.

    Args:
        text: such as "y ~ x + (1 | g)" or a whole call.

    Raises:
        Refusal: it is none, it is too long, or nested too deeply.

    Example:
        >>> tree = parse("y ~ x + (1 | g)")
        >>> tree.operator, tree.operands[1].parts[1][1].operator
        ('~', '(')
        >>> parse("y ~ (x")
        Traceback (most recent call last):
        covstudio.formula.refusals.Refusal: '(' (character 5): it is opened and not closed. Write brackets in
        pairs.
    """
    if len(text) > MAX_LENGTH:
        raise Refusal(
            text[:40],
            1,
            f"the text has {len(text):,} characters, and {MAX_LENGTH:,} is the most",
            "Shorten it.",
        )
    if not text.strip():
        raise Refusal(text, 0, "the text is empty", "Write a formula such as y ~ x + (1 | g).")
    return _Parser(text).whole()


def summands(node: Node) -> tuple[tuple[int, Node], ...]:
    """The parts of a sum with their signs; anything else is a sum of one.

    Example:
        >>> [(sign, part.text) for sign, part in summands(parse("a - b"))]
        [(1, 'a'), (-1, 'b')]
    """
    while isinstance(node, Operation) and node.operator == "(" and isinstance(node.operands[0], Sum):
        node = node.operands[0]
    return node.parts if isinstance(node, Sum) else ((1, node),)


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise _unknown(text, place)
        kind = str(found.lastgroup)
        if kind != "space":
            yield _Token(kind, found[kind], found.start(), found.end())
        place = found.end()


def _unknown(text: str, place: int) -> Refusal:
    char = text[place]
    if char in "`\"'":
        return Refusal(char, place + 1, "it is opened and not closed", "Write quotes in pairs.")
    return Refusal(
        char,
        place + 1,
        "this character has no meaning in a formula",
        "Put names with other characters in backticks, as in `grain yield`.",
    )


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_tokens(text))
        self.at = 0
        self.depth = 0

    def whole(self) -> Node:
        found = self._expression(0)
        token = self._peek()
        if token is not None and token.text == ";" and self.at == len(self.tokens) - 1:
            token = None
        if token is not None:
            if token.text in (")", "]", "}"):
                raise Refusal(
                    token.text, token.start + 1, "it is closed and not opened", "Write brackets in pairs."
                )
            if token.text in (",", "="):
                raise Refusal(
                    token.text,
                    token.start + 1,
                    "arguments stand outside a formula",
                    'Give them by name, as in fit(formula, frame, random="~ 1 | g", dialect="nlme"), or '
                    "write the whole call or PROC MIXED step.",
                )
            raise Refusal(
                token.text,
                token.start + 1,
                "it stands after the end of the formula",
                "Write one formula, or join terms with +.",
            )
        return found

    def _peek(self) -> _Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def _is(self, *symbols: str) -> bool:
        token = self._peek()
        return token is not None and token.kind == "operator" and token.text in symbols

    def _expression(self, least: int) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            token = self._peek() or self.tokens[-1]
            raise Refusal(
                token.text,
                token.start + 1,
                f"it is nested more than {MAX_DEPTH} deep",
                "Write it with fewer brackets.",
            )
        left = self._prefix()
        count = 0
        while (operator := self._operator()) is not None:
            binding = _IN if operator.text.startswith("%") else _BINDING[operator.text]
            if binding < least:
                break
            if operator.text in ("+", "-"):
                left = self._chain(left)
                continue
            # A long chain of other operators leans to the left, as deep as it is long.
            count += 1
            if count > MAX_DEPTH:
                raise Refusal(
                    operator.text,
                    operator.start + 1,
                    f"more than {MAX_DEPTH} operators stand in one term",
                    "Write it as a sum of terms.",
                )
            self.at += 1
            right = self._expression(binding if operator.text in ("^", "**") else binding + 1)
            left = Operation(operator.text, (left, right), left.start, right.end, operator.start)
        self.depth -= 1
        return left

    def _chain(self, left: Node) -> Node:
        parts: list[tuple[int, Node]] = list(left.parts) if isinstance(left, Sum) else [(1, left)]
        while self._is("+", "-"):
            sign = 1 if self.tokens[self.at].text == "+" else -1
            self.at += 1
            parts.append((sign, self._expression(_BINDING["+"] + 1)))
        return Sum(tuple(parts), left.start, parts[-1][1].end)

    def _operator(self) -> _Token | None:
        token = self._peek()
        if token is None or token.kind != "operator" or token.text in (")", ",", "=", "]", "}", ";"):
            return None
        if token.text in _BINDING or token.text == "%in%":
            return token
        what = {
            "[": "rows and parts are not taken in a formula",
            "<-": "assignments are not read here",
            "{": "code is not read here",
        }.get(token.text, "this operator has no meaning in a formula")
        raise Refusal(
            token.text,
            token.start + 1,
            what,
            "A formula has names, functions of them, and the operators + - : * / ^ %in% | ( ).",
        )

    def _prefix(self) -> Node:
        token = self._peek()
        if token is None:
            last = self.tokens[-1] if self.tokens else _Token("", "", 0, 0)
            raise Refusal(
                last.text,
                last.start + 1,
                "something should follow it",
                "Complete the formula, or leave it out.",
            )
        self.at += 1
        if token.kind == "number":
            return Number(float(token.text.rstrip("L")), token.start, token.end)
        if token.kind in ("double", "single"):
            return Text(re.sub(r"\\(.)", r"\1", token.text), token.start, token.end)
        if token.kind == "quoted":
            name = plain_label(re.sub(r"\\([\\`])", r"\1", token.text))
            if not name:
                raise Refusal("``", token.start + 1, "nothing stands between the backticks", "Name a column.")
            return self._called(Name(name, token.start, token.end))
        if token.kind == "name":
            return self._called(Name(plain_name(token.text), token.start, token.end))
        if token.text == "(":
            return self._bracket(token)
        if token.text in ("-", "+", "~", "!"):
            return self._unary(token)
        raise Refusal(
            token.text,
            token.start + 1,
            "a name or a number is expected in its place",
            "Put a name that holds it in backticks." if token.text in "{}[]$@#" else "Complete the formula.",
        )

    def _unary(self, token: _Token) -> Node:
        if token.text in ("-", "+"):
            inner = self._expression(_UNARY)
            sign = 1 if token.text == "+" else -1
            if isinstance(inner, Number):
                return Number(sign * inner.value, token.start, inner.end)
            return Sum(((sign, inner),), token.start, inner.end)
        inner = self._expression(_BINDING["~"] + 1 if token.text == "~" else 4)
        return Operation(token.text, (inner,), token.start, inner.end, token.start)

    def _bracket(self, token: _Token) -> Node:
        inner = self._expression(0)
        self._close(token)
        end = self.tokens[self.at - 1].end
        return Operation("(", (inner,), token.start, end, token.start)

    def _close(self, opened: _Token) -> None:
        if not self._is(")"):
            token = self._peek()
            if token is None:
                raise Refusal(
                    opened.text, opened.start + 1, "it is opened and not closed", "Write brackets in pairs."
                )
            raise Refusal(token.text, token.start + 1, "a closing bracket is expected before it", "Close it.")
        self.at += 1

    def _called(self, name: Name) -> Node:
        if not self._is("("):
            return name
        opened = self.tokens[self.at]
        self.at += 1
        arguments: list[tuple[str, Node]] = []
        while not self._is(")"):
            key = ""
            token = self._peek()
            after = self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else None
            named = token is not None and token.kind in ("name", "quoted", "double", "single")
            if named and after is not None and after.kind == "operator" and after.text == "=":
                assert token is not None
                key = token.text
                self.at += 2
            arguments.append((key, self._expression(0)))
            if len(arguments) > MAX_ARGUMENTS:
                raise Refusal(
                    name.text, name.start + 1, f"it has more than {MAX_ARGUMENTS:,} arguments", "Use fewer."
                )
            if self._is(","):
                self.at += 1
                continue
            break
        self._close(opened)
        return Call(name.text, tuple(arguments), name.start, self.tokens[self.at - 1].end)
