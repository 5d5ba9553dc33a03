"""Directions: which sizes a size is the product of, as the factors of a design stand in a Kronecker product.

A product of products is that of very many lists of sizes, at every depth itself or its factors. What stands
where in those of a length is found without making the lists: their number may double with every node.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import product

from covstudio.document.sizes.search import Cell, Search

__all__ = ["MOST", "Directions"]

#: Lists of more directions are not looked at: so many crossed factors have a million combinations.
MOST = 20


class Directions:
    """The lists of directions that each class of cells is the product of: itself, or its factors' lists.

    Args:
        search: all relations are told.

    Example:
        >>> from covstudio.document.sizes.search import Split
        >>> search = Search()
        >>> search.splits.append(Split("k", "product", ("k", 0), (("a", 0), ("b", 0)), 2))
        >>> Directions(search).at(("k", 0), 2, 1)
        frozenset({('b', 0)})
    """

    def __init__(self, search: Search) -> None:
        self._find = search.find
        self._products = {
            whole: [parts for parts in all_parts if 1 < len(parts) <= MOST and whole not in parts]
            for whole, all_parts in search.products().items()
        }
        self._above: dict[Cell, list[tuple[Cell, tuple[Cell, ...]]]] = {}
        for whole, all_parts in self._products.items():
            for parts in all_parts:
                for part in dict.fromkeys(parts):
                    self._above.setdefault(part, []).append((whole, parts))
        self._lengths: dict[Cell, frozenset[int]] = {}
        self._around: dict[tuple[Cell, ...], tuple[list[frozenset[int]], list[frozenset[int]]]] = {}
        self._at: dict[tuple[Cell, int, int], frozenset[Cell]] = {}

    def of_factor(self, cell: Cell, k: int, count: int) -> dict[Cell, None]:
        """The classes that one of several factors runs along, whose levels a cell counts together.

        A design that is multiplied row by row with others has some of the directions of all their columns.

        Args:
            cell: the columns of a design.
            k: the factor, counted from 0.
            count: how many factors there are.
        """
        own = self._find(cell)
        found: dict[Cell, None] = {}
        for whole, places in self._places(own).items():
            for place, length in sorted(places):
                found |= dict.fromkeys(sorted(self.at(whole, length - 1 + count, place + k)))
        return found

    def at(self, cell: Cell, length: int, place: int) -> frozenset[Cell]:
        """What stands at a place in the lists of a length.

        Args:
            cell: whose directions.
            length: how many there are.
            place: counted from 0.
        """
        key = cell, length, place
        if key not in self._at:
            self._at[key] = frozenset()  # of itself nothing is a product
            found = {cell} if (length, place) == (1, 0) else set()
            if length > 1:
                for parts in self._products.get(cell, ()):
                    for part, before, inner in self._within(parts, length, place):
                        found |= self.at(part, inner, place - before)
            self._at[key] = frozenset(found)
        return self._at[key]

    def _places(self, own: Cell) -> dict[Cell, set[tuple[int, int]]]:
        """Where a class stands in the lists of itself and of what it is a factor of: (place, length)."""
        found = {own: {(0, 1)}}
        waiting = deque([own])
        while waiting:
            one = waiting.popleft()
            for whole, parts in self._above.get(one, ()):
                before, after = self._sums(parts)
                known = found.setdefault(whole, set())
                fresh = {
                    (first + place, first + length + last)
                    for at, part in enumerate(parts)
                    if part == one
                    for place, length in found[one]
                    for first, last in product(before[at], after[at])
                    if first + length + last <= MOST
                }
                if not fresh <= known:
                    known |= fresh
                    waiting.append(whole)
        return found

    def _within(self, parts: tuple[Cell, ...], length: int, place: int) -> Iterator[tuple[Cell, int, int]]:
        """The parts that a place may fall into: each with how many come before it, and how many it has."""
        before, after = self._sums(parts)
        for at, part in enumerate(parts):
            for first, last in product(before[at], after[at]):
                inner = length - first - last
                if first <= place < first + inner:
                    yield part, first, inner

    def _sums(self, parts: tuple[Cell, ...]) -> tuple[list[frozenset[int]], list[frozenset[int]]]:
        """How many directions may come before each part, and how many after it."""
        if parts not in self._around:
            self._around[parts] = self._running(parts), self._running(parts[::-1])[::-1]
        return self._around[parts]

    def _running(self, parts: Sequence[Cell]) -> list[frozenset[int]]:
        found = [frozenset({0})]
        for part in parts[:-1]:
            found.append(self._added(found[-1], self._length(part)))
        return found

    def _length(self, cell: Cell) -> frozenset[int]:
        """How long the lists of a class may be."""
        if cell not in self._lengths:
            self._lengths[cell] = frozenset()
            lengths = {1}
            for parts in self._products.get(cell, ()):
                total = frozenset({0})
                for part in parts:
                    total = self._added(total, self._length(part))
                lengths |= total
            self._lengths[cell] = frozenset(lengths)
        return self._lengths[cell]

    def _added(self, some: frozenset[int], more: frozenset[int]) -> frozenset[int]:
        return frozenset(one + other for one, other in product(some, more) if one + other <= MOST)
