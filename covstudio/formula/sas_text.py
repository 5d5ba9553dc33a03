"""A step of PROC MIXED as statements: words with their places, effects, and options after a slash."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from covstudio.formula.refusals import Refusal

__all__ = ["Effect", "Statement", "Word", "effects_of", "statements_of"]

MAX_LENGTH = 1_000_000
_WORD = re.compile(
    r"(?P<space>\s+|/\*.*?\*/)"
    r"|(?P<name>[^\W\d]\w*)|(?P<quoted>'[^']*'n|\"[^\"]*\"n)|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|(?P<operator>[-+*/=();|@,.<>:])",
    re.DOTALL | re.IGNORECASE,
)


@dataclass(frozen=True)
class Word:
    """A word of a statement and where it begins."""

    kind: str
    text: str
    start: int

    @property
    def low(self) -> str:
        """In small letters."""
        return self.text.casefold()

    def refuse(self, why: str, remedy: str) -> Refusal:
        """A refusal of this word."""
        return Refusal(self.text, self.start + 1, why, remedy)


@dataclass(frozen=True)
class Statement:
    """A statement: its keyword, what follows, and the options after a slash.

    Attributes:
        keyword: in small letters.
        first: the keyword as it is written.
        words: what follows, before a slash.
        options: option -> what follows its equals sign; nothing for a flag.
    """

    keyword: str
    first: Word
    words: tuple[Word, ...]
    options: dict[str, tuple[Word, ...]]


@dataclass(frozen=True)
class Effect:
    """An effect: the columns that are crossed or nested in it."""

    names: tuple[Word, ...]

    @property
    def written(self) -> str:
        """As SAS writes it."""
        return "*".join(word.text for word in self.names)


def statements_of(text: str) -> list[Statement]:
    """The statements of a step, comments left out.

    Raises:
        Refusal: a character has no meaning, or the text is too long.

    Example:
        >>> [one.keyword for one in statements_of("proc mixed; class g; model y = x / s; random g; run;")]
        ['proc', 'class', 'model', 'random', 'run']
    """
    if len(text) > MAX_LENGTH:
        raise Refusal(text[:40], 1, f"the text has {len(text):,} characters", f"{MAX_LENGTH:,} is the most.")
    found: list[Statement] = []
    words: list[Word] = []
    place = 0
    while place < len(text):
        match = _WORD.match(text, place)
        if match is None:
            raise Refusal(text[place], place + 1, "this character has no meaning here", "Leave it out.")
        kind = str(match.lastgroup)
        if kind == "operator" and match[0] == "*" and not words:
            # A statement that begins with a star is a comment.
            end = text.find(";", place)
            place = len(text) if end < 0 else end + 1
            continue
        place = match.end()
        if kind == "space":
            continue
        if match[0] == ";":
            if words:
                found.append(_statement(words))
            words = []
            continue
        spelled = match[0][1:-2] if kind == "quoted" else match[0]
        words.append(Word("name" if kind == "quoted" else kind, spelled, match.start()))
    if words:
        found.append(_statement(words))
    return found


def _statement(words: Sequence[Word]) -> Statement:
    first, *rest = words
    slash = next((place for place, word in enumerate(rest) if word.text == "/"), len(rest))
    return Statement(first.low, first, tuple(rest[:slash]), _options(rest[slash + 1 :]))


def _options(words: Sequence[Word]) -> dict[str, tuple[Word, ...]]:
    """Options after a slash: `type=un(1)`, `subject=a(b)`, `local`."""
    found: dict[str, tuple[Word, ...]] = {}
    place = 0
    while place < len(words):
        key, place = words[place].low, place + 1
        value: list[Word] = []
        if place < len(words) and words[place].text == "=":
            place += 1
            depth = 0
            while place < len(words):
                word = words[place]
                named = place + 1 < len(words) and words[place + 1].text == "="
                joined = value and (value[-1].text in ("*", "@", "(") or word.text in ("*", "@", "("))
                if depth == 0 and value and (named or not joined):
                    break
                depth += (word.text == "(") - (word.text == ")")
                value.append(word)
                place += 1
        elif place < len(words) and words[place].text == "(":
            while place < len(words) and words[place].text != ")":
                place += 1
            place += 1
        found[key] = tuple(value)
    return found


def effects_of(words: Sequence[Word]) -> list[Effect]:
    """The effects of a list: `a`, `a*b`, `b(a)`, `a|b`.

    Raises:
        Refusal: something is no effect.

    Example:
        >>> (statement,) = statements_of("random a|b c(a) d*e;")
        >>> [effect.written for effect in effects_of(statement.words)]
        ['a', 'b', 'a*b', 'a*c', 'd*e']
    """
    found: dict[tuple[str, ...], Effect] = {}
    place = 0
    while place < len(words):
        parts: list[list[Effect]] = []
        while True:
            one, place = _crossed(words, place)
            parts.append([one])
            if place < len(words) and words[place].text == "|":
                place += 1
                continue
            break
        most = len(parts)
        if place + 1 < len(words) and words[place].text == "@":
            most, place = round(float(words[place + 1].text)), place + 2
        if len(parts) > 6:
            raise parts[0][0].names[0].refuse("more than 6 effects are crossed with bars", "Write them out.")
        for effect in _barred([one for (one,) in parts]):
            if len(effect.names) <= most or len(parts) == 1:
                found.setdefault(tuple(sorted(word.low for word in effect.names)), effect)
    return list(found.values())


def _barred(effects: Sequence[Effect]) -> list[Effect]:
    """a|b|c: a b a*b c a*c b*c a*b*c."""
    made: list[Effect] = []
    for effect in effects:
        made += [effect, *(Effect((*one.names, *effect.names)) for one in list(made))]
    return made


def _crossed(words: Sequence[Word], place: int) -> tuple[Effect, int]:
    """One effect from a place on, and the place after it."""
    names: list[Word] = []
    while True:
        if place >= len(words) or words[place].kind != "name":
            word = words[min(place, len(words) - 1)]
            raise word.refuse(
                "the name of a column is expected in its place", "Write effects such as a b a*b."
            )
        names.append(words[place])
        place += 1
        if place < len(words) and words[place].text == "(":
            place += 1
            within: list[Word] = []
            while place < len(words) and words[place].text != ")":
                if words[place].kind == "name":
                    within.append(words[place])
                elif words[place].text != "*":
                    raise words[place].refuse("the name of a column is expected in its place", "Write b(a).")
                place += 1
            if place >= len(words):
                raise names[-1].refuse("a bracket is opened and not closed", "Write brackets in pairs.")
            place += 1
            # What it is nested in varies slowly.
            names[:-1], names[-1:] = [*names[:-1], *within], [names[-1]]
        if place < len(words) and words[place].text == "*":
            place += 1
            continue
        return Effect(tuple(names)), place
