"""In which order labels come when nobody has said another one."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from heapq import merge, nsmallest
from typing import Any

from covstudio.arguments import checked
from covstudio.data.numerals import number

#: The order of the Unicode collation algorithm for what is no letter and no digit (CLDR, root locale).
_SIGNS = " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"
#: So many labels are put in order at a time.
_PIECE = 5_000
_KINDS = {"Z": 0, "P": 0, "S": 1, "N": 3, "L": 4}


@checked
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
    return _sorted(list(dict.fromkeys(labels)))


@checked
def ordered_labels(labels: Iterable[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """The distinct labels, those that somebody has put in order first, the others after them.

    Args:
        labels: what occurs.
        wanted: some or all labels in the order that was chosen; those that do not occur are passed over.

    Example:
        >>> ordered_labels(["late", "early", "mid", "never"], ["early", "mid", "late", "later"])
        ('early', 'mid', 'late', 'never')
    """
    return ordered_distinct(list(dict.fromkeys(labels)), wanted)


def ordered_distinct(labels: list[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """What `ordered_labels` gives of labels that are all different.

    Args:
        labels: what occurs.
        wanted: as there.

    Example:
        >>> ordered_distinct(["late", "early", "mid"], ["mid"])
        ('mid', 'early', 'late')
    """
    if not wanted:
        return _sorted(labels)
    distinct = set(labels)
    first = [text for text in dict.fromkeys(wanted) if text in distinct]
    return (*first, *_sorted(list(distinct.difference(first))))


def first_distinct(labels: list[str], wanted: Sequence[str], most: int) -> tuple[str, ...]:
    """The first of what `ordered_distinct` gives.

    Args:
        labels: what occurs, all different.
        wanted: some or all labels in the order that was chosen.
        most: how many, at most.

    Example:
        >>> first_distinct(["late", "early", "mid", "never"], ["mid"], 2)
        ('mid', 'early')
    """
    if wanted or len(labels) <= most:
        return ordered_distinct(labels, wanted)[:most]
    return tuple(nsmallest(most, labels, key=_key(labels)))


def _sorted(distinct: list[str]) -> tuple[str, ...]:
    key = _key(distinct)
    if len(distinct) <= _PIECE:
        return tuple(sorted(distinct, key=key))
    # In pieces: one call for very many would keep Python's lock for seconds.
    pieces = [sorted(distinct[at : at + _PIECE], key=key) for at in range(0, len(distinct), _PIECE)]
    return tuple(merge(*pieces, key=key))


def _key(distinct: list[str]) -> Callable[[str], Any]:
    """What tells the place of each of these labels among them."""
    sizes: dict[str, float] = {}
    for text in distinct:
        size = number(text)
        if size is None:
            break
        sizes[text] = size
    else:
        return lambda text: (sizes[text], text)
    return _plain_place if all(map(str.isascii, distinct)) else _place


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


def _plain_place(text: str) -> str:
    """A place among labels of ASCII alone, as one text: the order is that of `_place`."""
    return f"{text.lower().translate(_ASCII)}\0{text.swapcase()}"


@lru_cache(maxsize=10_000)
def _rank(char: str) -> tuple[int, int, str]:
    kind = unicodedata.category(char)
    sign = _SIGNS.find(char)
    if sign >= 0:
        return (2 if kind == "Sc" else _KINDS[kind[0]], sign, char)
    return (2 if kind == "Sc" else _KINDS.get(kind[0], 5), len(_SIGNS), char)


#: Each character of ASCII as the one that has its place among them; none becomes the first.
_ASCII = str.maketrans(
    {char: chr(place) for place, char in enumerate(sorted(map(chr, range(128)), key=_rank), start=1)}
)
