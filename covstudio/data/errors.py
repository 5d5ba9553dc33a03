"""Faults of a table, a role or a formula, one class each.

Every message is meant for the person at the screen: it says what was expected, what came and how to mend it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from itertools import accumulate

#: Of what is not there, so many are told with what may have been meant; of the others their names.
SUGGESTED = 5
#: So many pairs of letters are compared to find what may have been meant.
_LETTERS = 500_000


class TableError(ValueError):
    """A file that cannot be read as a table, or a table without a column that is asked for."""


class ChoiceError(TableError):
    """A choice about a table that there is not, or that does not suit it."""


class DesignError(ValueError):
    """A response or a set of fixed effects that the table cannot give."""


class FormulaError(DesignError):
    """A formula for the fixed effects that is not understood, or that holds more than names and operators."""


class RankError(DesignError):
    """Fixed effects of which some are linear combinations of others.

    Attributes:
        columns: names of the columns of X that depend on the ones before them.
    """

    def __init__(self, message: str, columns: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.columns = tuple(columns)


def shown(text: object, limit: int = 60) -> str:
    """A user's text in quotes, on one line and cut to `limit` characters, for use inside a message.

    Example:
        >>> shown("a very long label", limit=8)
        "'a very …'"
    """
    plain = " ".join(str(text).split())
    plain = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in plain)
    return f"'{plain if len(plain) <= limit else plain[: limit - 1] + '…'}'"


def came(value: object) -> str:
    """What stands where something else is expected, in the words of whoever wrote the file.

    Example:
        >>> [came(value) for value in (None, True, [], {}, "12", 12, 10**400)]
        ['null', 'true', 'a list', 'an object', "'12'", '12', 'a number of 401 digits']
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, int) and not -(10**15) < value < 10**15:
        return f"a number of {math.floor(math.log10(abs(value))) + 1} digits"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    return f"{value!r:.60}"


def listed(items: Iterable[object], limit: int = 6, word: str = "and") -> str:
    """Quoted items as an English list, at most `limit` of them.

    Example:
        >>> listed(["a", "b", "c"])
        "'a', 'b' and 'c'"
        >>> listed("abcdefgh", limit=3)
        "'a', 'b', 'c' and 5 more"
    """
    texts = list(items)
    names = [shown(item) for item in texts[:limit]]
    if len(texts) > limit:
        names.append(f"{len(texts) - limit:,} more")
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"


def suggestion(wanted: str, available: Sequence[str], noun: str = "column") -> str:
    """Which of the available names may have been meant, as a sentence.

    Example:
        >>> suggestion("Yield", ["yield", "rep"])
        "Did you mean 'yield'?"
        >>> suggestion("height", ["gen", "rep"])
        "The columns are 'gen' and 'rep'."
    """
    folded = {name.casefold(): name for name in reversed(available)}
    close = get_close_matches(wanted.casefold(), _compared(wanted.casefold(), folded), n=3, cutoff=0.6)
    if close:
        return f"Did you mean {listed([folded[name] for name in close], word='or')}?"
    if not available:
        return f"There are no {noun}s."
    verb = f"{noun} is" if len(available) == 1 else f"{noun}s are"
    return f"The {verb} {listed(available, limit=12)}."


def _compared(wanted: str, names: Iterable[str]) -> list[str]:
    """The names that are compared with another, letter by letter: of very many, those about as long."""
    room = _LETTERS // max(1, len(wanted))
    found = list(names)
    if sum(map(len, found)) > room:
        found.sort(key=lambda name: abs(len(name) - len(wanted)))
    return [name for name, taken in zip(found, accumulate(map(len, found)), strict=True) if taken <= room]


def count(number: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun.

    Example:
        >>> count(1, "row"), count(1234, "row")
        ('1 row', '1,234 rows')
    """
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
