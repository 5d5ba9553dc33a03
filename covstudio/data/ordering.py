"""In which order labels come when nobody has said another one."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from covstudio.data.numerals import number

#: The order of the Unicode collation algorithm for what is no letter and no digit (CLDR, root locale).
_SIGNS = " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"
_KINDS = {"Z": 0, "P": 0, "S": 1, "N": 3, "L": 4}


def sorted_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """The distinct labels in R's order of a factor's levels.

    Numbers come by size, dates by time, anything else as in a dictionary. The dictionary is that of an
    English or German locale, which R uses unless it is told otherwise: capitals matter last ("non-USA" comes
    before "USA"), accents before them; signs come before digits, digits before letters.

    Example:
        >>> sorted_labels(["10", "2", "2"]), sorted_labels(["G10", "G2"])
        (('2', '10'), ('G10', 'G2'))
        >>> sorted_labels(["USA", "non-USA", "b", "B", "a"])
        ('a', 'b', 'B', 'non-USA', 'USA')

    Reference:
        Unicode Technical Standard 10, Unicode Collation Algorithm, with the order of signs of CLDR's root.
    """
    distinct = set(labels)
    sizes = {text: number(text) for text in distinct}
    if all(size is not None for size in sizes.values()):
        return tuple(sorted(distinct, key=lambda text: (sizes[text], text)))
    return tuple(sorted(distinct, key=_place))


def ordered_labels(labels: Iterable[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """The distinct labels, those that somebody has put in order first, the others after them.

    Args:
        labels: what occurs.
        wanted: some or all labels in the order that was chosen; those that do not occur are passed over.

    Example:
        >>> ordered_labels(["late", "early", "mid", "never"], ["early", "mid", "late", "later"])
        ('early', 'mid', 'late', 'never')
    """
    distinct = set(labels)
    first = [text for text in dict.fromkeys(wanted) if text in distinct]
    return (*first, *sorted_labels(distinct.difference(first)))


@lru_cache(maxsize=100_000)
def _place(text: str) -> tuple[tuple[tuple[int, int, str], ...], str, str, str]:
    """A label's place among others: by its letters, then by accents, then by capitals, small ones first."""
    if text.isascii():
        plain, accents = text, " " * len(text)
    else:
        decomposed = unicodedata.normalize("NFD", text)
        plain = "".join(char for char in decomposed if not unicodedata.combining(char))
        accents = "".join(char if unicodedata.combining(char) else " " for char in decomposed)
    return tuple(map(_rank, plain.casefold())), accents, plain.swapcase(), text


@lru_cache(maxsize=10_000)
def _rank(char: str) -> tuple[int, int, str]:
    kind = unicodedata.category(char)
    sign = _SIGNS.find(char)
    if sign >= 0:
        return (2 if kind == "Sc" else _KINDS[kind[0]], sign, char)
    return (2 if kind == "Sc" else _KINDS.get(kind[0], 5), len(_SIGNS), char)
