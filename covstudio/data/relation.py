"""Second tables: how the individuals of a factor are related, by a pedigree, markers or a matrix.

A relation belongs to a model as its structures do; the rows of the data name its individuals. What the data
call by no name of the relation is told with the nearest names, and never matched by guessing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from covstudio.arguments import checked, given
from covstudio.data.errors import TableError, count, listed, shown
from covstudio.data.matching import Match, are, folded
from covstudio.data.text import label, plain_label

__all__ = ["KINDS", "MAX_CALLS", "MAX_DENSE", "MAX_IDS", "UNKNOWN_PARENTS", "Kind", "Relation"]

Kind = Literal["pedigree", "markers", "relationship", "inverse"]
KINDS: tuple[Kind, ...] = get_args(Kind)
#: The most individuals of a pedigree, or of a sparse inverse.
MAX_IDS = 1_000_000
#: The most individuals of a matrix that is written out.
MAX_DENSE = 8_000
#: The most calls of markers, and the most entries of a sparse inverse.
MAX_CALLS = 60_000_000
#: What stands for an unknown parent.
UNKNOWN_PARENTS = frozenset(["", "0", "NA", "NaN", ".", "*", "-", "?", "None", "NULL", "unknown"])
#: Entries that should be equal may differ by so much of the largest: files have rounded numbers.
_ROUNDED = 1e-4
#: For so many names the nearest are looked for.
_NEAREST = 4

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Relation:
    """How individuals are related.

    Attributes:
        kind: "pedigree", "markers", "relationship" or "inverse" (of a relationship matrix).
        ids: the individuals, each once; those of a pedigree with parents that have no row of their own at the
            end.
        name: what the table is called, such as its file.
        parents: of a pedigree, the positions of sire and dam in `ids`, (n, 2), -1 where unknown.
        numbers: of markers the counts of an allele, (n, m), NaN for a missing call; of a relationship the
            matrix, (n, n); of an inverse the entries of its lower triangle that are not 0, (k,).
        places: of an inverse, the rows and columns of these entries, (2, k).
        notes: what was done in reading it.

    Raises:
        TableError: individuals are named twice, or the numbers do not suit them.

    Example:
        >>> a = Relation.of_pedigree([("calf", "bull", "cow"), ("bull", "", ""), ("son", "calf", "0")])
        >>> a.ids, a.parents.tolist()
        (('calf', 'bull', 'son', 'cow'), [[1, 3], [-1, -1], [0, -1], [-1, -1]])
        >>> print(a.match(["calf", "Bull"]).problem("animal", "A"))
        1 level of 'animal' is not in A: 'Bull'. Did you mean 'bull' for 'Bull' (the same but for capitals
        and blanks)? Write them alike in both tables.
    """

    kind: Kind
    ids: tuple[str, ...]
    name: str = ""
    parents: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))
    numbers: Floats = field(default_factory=lambda: np.zeros(0))
    places: NDArray[np.int64] = field(default_factory=lambda: np.zeros((2, 0), dtype=np.int64))
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", tuple(map(str, self.ids)))
        _check_ids(self.ids, self.what)
        for name, dtype in (("parents", np.int64), ("numbers", np.float64), ("places", np.int64)):
            values = np.array(getattr(self, name), dtype=dtype)
            values.setflags(write=False)
            object.__setattr__(self, name, values)

    # --- made ---

    @classmethod
    @checked
    def of_pedigree(cls, rows: Iterable[Sequence[Any]], name: str = "") -> Relation:
        """A pedigree from rows (individual, sire, dam); parents without a row become founders.

        Args:
            rows: labels, in any order; an unknown parent is empty, 0, NA, "." or "*".
            name: what the table is called.

        Raises:
            TableError: an individual has two rows, or none is named.
        """
        given = [tuple(_label(entry) for entry in row[:3]) for row in rows]
        known = [tuple("" if one in UNKNOWN_PARENTS else one for one in row) for row in given]
        unnamed = [number for number, row in enumerate(known, 1) if not row[0]]
        if unnamed:
            raise TableError(
                f"The individual of row {unnamed[0]} of the pedigree has no name. Name everybody in the "
                "first "
                "column; only parents may be unknown."
            )
        ids = [row[0] for row in known]
        _check_ids(ids, "the pedigree")
        place = {label: k for k, label in enumerate(ids)}
        founders: list[str] = []
        for row in known:
            for parent in row[1:]:
                if parent and parent not in place:
                    place[parent] = len(place)
                    founders.append(parent)
        parents = np.full((len(place), 2), -1, dtype=np.int64)
        for k, row in enumerate(known):
            for side, parent in enumerate(row[1:]):
                if parent:
                    parents[k, side] = place[parent]
        notes: tuple[str, ...] = ()
        if founders:
            notes = (
                f"{count(len(founders), 'parent')} without a row of their own "
                f"{'is' if len(founders) == 1 else 'are'} taken for founders: {listed(founders, limit=4)}.",
            )
        return cls("pedigree", (*ids, *founders), name, parents=parents, notes=notes)

    @classmethod
    @checked
    def of_matrix(
        cls,
        ids: Sequence[Any] | str,
        matrix: Any,
        kind: Literal["relationship", "inverse"] = "relationship",
        name: str = "",
    ) -> Relation:
        """A relationship matrix, or the inverse of one, with the names of its rows.

        Args:
            ids: the individuals, in the order of the rows.
            matrix: a square table of numbers, symmetric but for rounding.
            kind: what it is.
            name: what the table is called.

        Raises:
            TableError: it is not square, finite or symmetric, or too large to be written out.
        """
        what = "inverse" if kind == "inverse" else "relationship matrix"
        labels = [_label(one) for one in ids]
        values = _numbers(matrix, "matrix")
        if values.ndim != 2 or values.shape[0] != values.shape[1]:
            raise TableError(f"The {what} has shape {' × '.join(map(str, values.shape))}. Give a square one.")
        if len(labels) != len(values):
            raise TableError(
                f"The {what} has {count(len(values), 'row')} and {count(len(labels), 'name')}. Name every "
                "row."
            )
        if len(values) > MAX_DENSE:
            raise TableError(
                f"The {what} has {len(values):,} rows; written out, {MAX_DENSE:,} are the most. Give a "
                "pedigree, "
                "markers, or the inverse as rows of individual, individual and entry."
            )
        if not np.isfinite(values).all():
            i, j = (int(k) for k in np.argwhere(~np.isfinite(values))[0])
            raise TableError(f"The {what} has no number for {shown(labels[i])} and {shown(labels[j])}.")
        gap = np.abs(values - values.T)
        if gap.size and gap.max() > _ROUNDED * np.abs(values).max():
            i, j = (int(k) for k in np.unravel_index(int(gap.argmax()), gap.shape))
            raise TableError(
                f"The {what} is not symmetric: {values[i, j]:g} for {shown(labels[i])} and "
                f"{shown(labels[j])}, "
                f"and {values[j, i]:g} for the two the other way round. Correct one of them."
            )
        values = values / 2 + values.T / 2
        if kind == "relationship":
            return cls(kind, tuple(labels), name, numbers=values)
        rows, columns = np.nonzero(np.tril(values))
        return cls(kind, tuple(labels), name, numbers=values[rows, columns], places=np.stack([rows, columns]))

    @classmethod
    @checked
    def of_entries(
        cls,
        first: Sequence[Any] | str,
        second: Sequence[Any] | str,
        values: Any,
        kind: Literal["relationship", "inverse"] = "inverse",
        name: str = "",
    ) -> Relation:
        """A matrix from its entries, each pair in one order or in both; those that are not named are 0.

        Args:
            first: an individual of each entry.
            second: the other.
            values: the entries.
            kind: what the matrix is.
            name: what the table is called.

        Raises:
            TableError: the two orders of a pair have different entries, or individuals lack their diagonal.
        """
        pairs = [_label(one) for one in first], [_label(one) for one in second]
        entries = np.array(values, dtype=np.float64)
        place: dict[str, int] = {}
        # The diagonal has everybody, in an order that is somebody's.
        for one, other in zip(*pairs, strict=True):
            if one == other:
                place.setdefault(one, len(place))
        lacking = [label for label in dict.fromkeys((*pairs[0], *pairs[1])) if label not in place]
        if lacking:
            raise TableError(
                f"{count(len(lacking), 'individual')} {are(lacking)} without an entry of their own on the "
                "diagonal: "
                f"{listed(lacking, limit=4)}. Add a row with the individual twice."
            )
        if not np.isfinite(entries).all():
            k = int(np.flatnonzero(~np.isfinite(entries))[0])
            raise TableError(f"There is no number for {shown(pairs[0][k])} and {shown(pairs[1][k])}.")
        i, j = (np.array([place[label] for label in side], dtype=np.int64) for side in pairs)
        low, high = np.maximum(i, j), np.minimum(i, j)
        keys, at = np.unique(low * len(place) + high, return_inverse=True)
        kept = np.zeros(len(keys))
        kept[at] = entries
        odd = np.abs(entries - kept[at]) > _ROUNDED * np.abs(entries).max()
        if odd.any():
            k = int(np.flatnonzero(odd)[0])
            raise TableError(
                f"{shown(pairs[0][k])} and {shown(pairs[1][k])} have two different entries, {entries[k]:g} "
                "and "
                f"{kept[at[k]]:g}. Leave one."
            )
        rows, columns = keys // len(place), keys % len(place)
        if kind == "inverse":
            return cls(kind, tuple(place), name, numbers=kept, places=np.stack([rows, columns]))
        if len(place) > MAX_DENSE:
            raise TableError(
                f"The relationship matrix has {len(place):,} individuals; written out, {MAX_DENSE:,} are "
                "the most."
            )
        matrix = np.zeros((len(place), len(place)))
        matrix[rows, columns] = kept
        matrix[columns, rows] = kept
        return cls(kind, tuple(place), name, numbers=matrix)

    @classmethod
    @checked
    def of_markers(cls, ids: Sequence[Any] | str, calls: Any, name: str = "") -> Relation:
        """Markers: counts of one allele from 0 to 2, individuals in rows; -1, 0, 1 are counted from 0.

        Args:
            ids: the individuals, in the order of the rows.
            calls: a table of numbers, NaN for a missing call.
            name: what the table is called.

        Raises:
            TableError: there are other numbers, or rows and names do not suit each other.
        """
        labels = [_label(one) for one in ids]
        values = _numbers(calls, "calls")
        if values.ndim != 2 or len(values) != len(labels) or not values.shape[1]:
            raise TableError(
                f"Markers are a table with a row for each of the {count(len(labels), 'individual')}; these "
                "have "
                f"shape {' × '.join(map(str, values.shape))}."
            )
        if values.size > MAX_CALLS:
            raise TableError(f"There are {values.size:,} calls; the most is {MAX_CALLS:,}. Thin the markers.")
        notes: tuple[str, ...] = ()
        low, high = np.nanmin(values, initial=np.inf), np.nanmax(values, initial=-np.inf)
        if low == -1.0 and high <= 1.0:
            values, notes = values + 1.0, ("Markers of -1, 0 and 1 are counted as 0, 1 and 2.",)
        elif low < 0.0 or high > 2.0:
            odd = low if low < 0.0 else high
            raise TableError(
                f"Markers count one allele, from 0 to 2, and one of these is {odd:g}. Code them so; a "
                "missing "
                "call is empty or NA."
            )
        missing = int(np.isnan(values).sum())
        if missing:
            share = 100.0 * missing / values.size
            notes = (
                *notes,
                f"{missing:,} calls ({share:.2g} %) are missing: each is taken for its marker's mean.",
            )
        return cls("markers", tuple(labels), name, numbers=values, notes=notes)

    # --- asked ---

    @property
    def what(self) -> str:
        """What it is, in words."""
        words = {"relationship": "the relationship matrix", "inverse": "the inverse relationship matrix"}
        return words.get(self.kind, f"the {self.kind}" if self.kind == "pedigree" else "the markers")

    @property
    def summary(self) -> str:
        """Its kind and size in a few words.

        Example:
            >>> Relation.of_pedigree([("a", "", "")]).summary
            'pedigree of 1 individual'
        """
        of = count(len(self.ids), "individual")
        if self.kind == "markers":
            return f"{self.numbers.shape[1]:,} markers of {of}"
        kind = {"relationship": "relationship matrix", "inverse": "inverse relationship matrix"}
        return f"{kind.get(self.kind, self.kind)} of {of}"

    @cached_property
    def _places(self) -> dict[str, int]:
        return {label: k for k, label in enumerate(self.ids)}

    @checked
    def match(self, labels: Iterable[str]) -> Match:
        """The labels of a column beside the individuals."""
        own = dict.fromkeys(labels)
        absent = tuple(label for label in own if label not in self._places)
        nearest: list[tuple[str, str]] = []
        if absent:
            alike_by = {folded(label): label for label in self.ids}
            for label in absent[:_NEAREST]:
                close = alike_by.get(folded(label))
                if close is None and len(self.ids) <= 20_000:
                    alike = get_close_matches(folded(label), list(alike_by), n=1, cutoff=0.75)
                    close = alike_by[alike[0]] if alike else None
                if close is not None:
                    nearest.append((label, close))
        others = len(self.ids) - (len(own) - len(absent))
        return Match(absent, tuple(nearest), others, len(self.ids))

    @checked
    def located(self, labels: Sequence[str], column: str = "the factor") -> Sequence[str]:
        """The labels, when all are individuals.

        Args:
            labels: one for each row.
            column: what they are called, for the message.

        Raises:
            TableError: some are not; with the nearest names.
        """
        problem = self.match(labels).problem(
            column, f"{self.what} {shown(self.name)}" if self.name else self.what
        )
        if problem is not None:
            raise TableError(problem)
        return labels

    def pedigree(self) -> list[tuple[str, str | None, str | None]]:
        """A pedigree as rows (individual, sire, dam), None for an unknown parent."""
        labels = (*self.ids, None)
        return [
            (label, labels[sire], labels[dam])
            for label, (sire, dam) in zip(self.ids, self.parents.tolist(), strict=True)
        ]

    def matrix(self) -> Floats:
        """The matrix that the table holds, (n, n): the relationship, or its inverse; of markers the calls."""
        if self.kind != "inverse":
            return self.numbers
        full = np.zeros((len(self.ids), len(self.ids)))
        full[self.places[0], self.places[1]] = self.numbers
        full[self.places[1], self.places[0]] = self.numbers
        return full

    @checked
    def named(self, name: str) -> Relation:
        """The same under another name."""
        return replace(self, name=name)

    def _content(self) -> tuple[Any, ...]:
        return self.kind, self.ids, self.name

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Relation):
            return NotImplemented
        return self._content() == other._content() and all(
            np.array_equal(getattr(self, one), getattr(other, one), equal_nan=one == "numbers")
            for one in ("parents", "numbers", "places")
        )

    @cached_property
    def _hash(self) -> int:
        return hash(
            (self._content(), self.numbers.shape, self.numbers.tobytes()[:4096], self.parents.tobytes())
        )

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Relation({self.name!r}, {self.summary})"


def _label(value: Any) -> str:
    """A cell as the name of an individual."""
    return plain_label(label(value) or "")


def _numbers(values: Any, name: str) -> Floats:
    """Numbers of any kind, as a copy.

    Raises:
        TableError: there are others.
    """
    try:
        return np.array(np.asarray(values), dtype=np.float64)
    except (TypeError, ValueError):
        raise TableError(f"{name} must hold numbers, and is {given(values)}.") from None


def _check_ids(ids: Sequence[str], what: str) -> None:
    if not ids:
        raise TableError(f"There is nobody in {what}. Give a row for every individual.")
    if len(ids) > MAX_IDS:
        raise TableError(f"There are {len(ids):,} individuals in {what}; the most is {MAX_IDS:,}.")
    if "" in ids:
        raise TableError(f"Row {ids.index('') + 1} of {what} has no name. Name every individual.")
    if len(set(ids)) < len(ids):
        seen: set[str] = set()
        twice = [label for label in ids if label in seen or seen.add(label)]  # type: ignore[func-returns-value]
        raise TableError(
            f"{listed(dict.fromkeys(twice), limit=4)} {are(set(twice))} in {what} more than once. Keep "
            "one row of each."
        )
