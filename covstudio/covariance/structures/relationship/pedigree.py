"""Pedigrees: who descends from whom, in any order, checked, with inbreeding coefficients."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["UNKNOWN", "Label", "Pedigree"]

Label = Any
#: What stands for an unknown parent, besides None and NaN.
UNKNOWN: tuple[Label, ...] = ("", "0", 0, "NA", ".", "*")

_SHOWN = 5


class Pedigree:
    """A pedigree: individuals and their parents, in any order.

    Parents may be unknown. The same individual may be sire and dam of another (selfing), and sire here and
    dam there.

    Args:
        ped: One row (individual, sire, dam) per individual: a list of triples, a DataFrame whose first three
            columns these are, or a mapping from each individual to (sire, dam). Labels are text or numbers.
        unknown: Labels of an unknown parent, besides None and NaN.
        add_founders: Whether parents without a row of their own are added behind the others, as founders with
            unknown parents; else they are refused.

    Attributes:
        individuals: Labels in the order of the rows given, added founders behind them.
        sires: Position of each individual's sire in `individuals`, -1 where unknown.
        dams: Position of each individual's dam, -1 where unknown.
        order: Positions sorted so that parents come before their offspring.

    Raises:
        TypeError: `ped` is none of these forms, or a label is neither text nor a number.
        ValueError: it is empty, a row has not three entries, an individual is missing its label, is listed
            twice, is its own parent or its own ancestor, or a parent is not listed.

    Example:
        >>> pedigree = Pedigree([("calf", "bull", "cow"), ("bull", None, None), ("cow", "bull", None)])
        >>> [pedigree.individuals[k] for k in pedigree.order]
        ['bull', 'cow', 'calf']
        >>> pedigree.inbreeding().tolist()
        [0.25, 0.0, 0.0]
    """

    def __init__(
        self, ped: object, *, unknown: Collection[Label] = UNKNOWN, add_founders: bool = False
    ) -> None:
        if isinstance(unknown, (str, bytes)):
            raise TypeError(f"unknown must list labels, got the text {unknown!r}; write [{unknown!r}]")
        rows = _rows(ped)
        missing = set(unknown)
        self.individuals: list[Label] = []
        position: dict[Label, int] = {}
        for row, (label, _, _) in enumerate(rows):
            if _is_unknown(label, missing):
                raise ValueError(
                    f"ped must name the individual of every row, got {label!r} in row {row} (from 0 on), "
                    "which stands for an unknown one; name it, or say with unknown= which labels mean unknown"
                )
            if label in position:
                raise ValueError(
                    f"ped must list every individual once, got {label!r} in rows {position[label]} and {row} "
                    "(from 0 on); remove one of them, or tell the two apart by their labels"
                )
            position[label] = row
            self.individuals.append(label)
        self._add(rows, position, missing, add_founders)
        sides = [
            [-1 if _is_unknown(row[side], missing) else position[row[side]] for row in rows]
            + [-1] * (len(self.individuals) - len(rows))
            for side in (1, 2)
        ]
        self.sires, self.dams = sides
        for k, label in enumerate(self.individuals):
            if k in (self.sires[k], self.dams[k]):
                role = "sire" if self.sires[k] == k else "dam"
                raise ValueError(
                    f"ped must not have an individual among its own parents, got {label!r} as its own {role} "
                    f"in row {k} (from 0 on); correct that {role}, or make it unknown"
                )
        self.order = self._sorted()

    def __len__(self) -> int:
        return len(self.individuals)

    def __repr__(self) -> str:
        founders = sum(s < 0 and d < 0 for s, d in zip(self.sires, self.dams, strict=True))
        return f"Pedigree({len(self)} individuals, {founders} of them founders)"

    def _add(
        self,
        rows: Sequence[tuple[Label, Label, Label]],
        position: dict[Label, int],
        missing: set[Label],
        add_founders: bool,
    ) -> None:
        parents = [parent for row in rows for parent in row[1:] if not _is_unknown(parent, missing)]
        new = list(dict.fromkeys(parent for parent in parents if parent not in position))
        if new and not add_founders:
            as_text = {str(label): label for label in self.individuals}
            alike = next((label for label in new if str(label) in as_text), None)
            hint = ""
            if alike is not None:
                kinds = type(as_text[str(alike)]).__name__, type(alike).__name__
                hint = f" (individual {alike} is listed as {kinds[0]}, and its parenthood as {kinds[1]})"
            shown = ", ".join(map(repr, new[:_SHOWN])) + (", ..." if len(new) > _SHOWN else "")
            raise ValueError(
                f"ped must list every parent as an individual too, got {len(new)} without a row: "
                f"{shown}{hint}; give each a row with unknown parents, or add them all with add_founders=True"
            )
        for label in new:
            position[label] = len(self.individuals)
            self.individuals.append(label)

    def _parents(self, k: int) -> tuple[int, int]:
        return self.sires[k], self.dams[k]

    def _sorted(self) -> list[int]:
        """Positions with parents before offspring, otherwise in the order given."""
        order: list[int] = []
        done = [False] * len(self)
        for start in range(len(self)):
            path: list[int] = []
            on_path: set[int] = set()
            stack = [start]
            while stack:
                k = stack[-1]
                if done[k]:
                    stack.pop()
                    continue
                if path and path[-1] == k:
                    # All of its ancestors are done.
                    path.pop()
                    on_path.discard(k)
                    done[stack.pop()] = True
                    order.append(k)
                    continue
                path.append(k)
                on_path.add(k)
                for parent in self._parents(k):
                    if parent in on_path:
                        raise self._circular(path[path.index(parent) :])
                    if parent >= 0 and not done[parent]:
                        stack.append(parent)
        return order

    def _circular(self, circle: Sequence[int]) -> ValueError:
        names = [repr(self.individuals[k]) for k in circle]
        shown = " is offspring of ".join([*names, names[0]])
        return ValueError(
            f"ped must not have an individual among its own ancestors, got {shown}; correct one of these "
            "parents, or make it unknown"
        )

    def mendelian(self) -> tuple[Tensor, Tensor]:
        """Inbreeding coefficients and the variances of Mendelian sampling.

        Returns:
            F and D, each of shape (n,), in the order of `individuals`: the inbreeding coefficients, and the
            diagonal of D in A = T D T', the variance that an individual's parents do not explain.

        Reference:
            Meuwissen & Luo (1992), Computing inbreeding coefficients in large populations, Genetics Selection
            Evolution 24, 305-313; Quaas (1976), Biometrics 32, 949-953.
        """
        rank = {k: place for place, k in enumerate(self.order)}
        sorted_parents = [
            tuple(-1 if parent < 0 else rank[parent] for parent in self._parents(k)) for k in self.order
        ]
        inbreeding: list[float] = []
        sampling: list[float] = []
        families: dict[tuple[int, ...], float] = {}
        for parents in sorted_parents:
            # An unknown parent counts with F = -1: it leaves its quarter of the variance to sampling.
            known = [inbreeding[parent] if parent >= 0 else -1.0 for parent in parents]
            sampling.append(0.5 - 0.25 * sum(known))
            family = tuple(sorted(parents))
            if family not in families:
                families[family] = self._inbreeding_of(parents, sorted_parents, sampling)
            inbreeding.append(families[family])
        back = [rank[k] for k in range(len(self))]
        values = torch.tensor([inbreeding, sampling], dtype=torch.float64)[:, back]
        return values[0], values[1]

    def _inbreeding_of(
        self, parents: tuple[int, ...], all_parents: Sequence[tuple[int, ...]], sampling: Sequence[float]
    ) -> float:
        """F of the youngest individual so far: its diagonal of A, traced back to its ancestors, less 1."""
        if min(parents) < 0:
            return 0.0
        youngest = len(sampling) - 1
        share = {youngest: 1.0}
        waiting = [-youngest]
        diagonal = 0.0
        while waiting:
            # The youngest of the ancestors that wait: all ways to it have been counted.
            k = -heapq.heappop(waiting)
            part = share.pop(k)
            diagonal += part * part * sampling[k]
            for parent in all_parents[k]:
                if parent >= 0:
                    if parent not in share:
                        heapq.heappush(waiting, -parent)
                        share[parent] = 0.0
                    share[parent] += part / 2
        return diagonal - 1.0

    def inbreeding(self) -> Tensor:
        """Inbreeding coefficients, in the order of `individuals`; the diagonal of A less 1.

        Returns:
            Shape (n,), float64.
        """
        return self.mendelian()[0]


def _rows(ped: object) -> list[tuple[Label, Label, Label]]:
    """The rows (individual, sire, dam) of a pedigree in any form."""
    if isinstance(ped, Mapping):
        given: Iterable[Any] = [(label, *_entries(parents)) for label, parents in ped.items()]
    elif hasattr(ped, "itertuples") and hasattr(ped, "columns"):
        if len(ped.columns) < 3:
            raise ValueError(
                f"ped must have the columns individual, sire and dam first, got {list(ped.columns)}; select "
                "them in this order"
            )
        given = (row[:3] for row in ped.itertuples(index=False, name=None))
    elif isinstance(ped, (str, bytes)) or not isinstance(ped, Iterable):
        raise TypeError(
            f"ped must be rows of (individual, sire, dam), a DataFrame of them or a mapping, got "
            f"{type(ped).__name__}; write [('calf', 'bull', 'cow'), ...]"
        )
    else:
        given = ped
    rows: list[tuple[Label, Label, Label]] = []
    for number, row in enumerate(given):
        entries = _entries(row)
        if len(entries) != 3:
            raise ValueError(
                f"ped must have three entries in every row (individual, sire, dam), got {row!r} in row "
                f"{number} (from 0 on); write None for an unknown parent"
            )
        if not all(isinstance(entry, Hashable) for entry in entries):
            raise TypeError(
                f"ped must have text or numbers for labels, got {row!r} in row {number} (from 0 on); write "
                "('calf', 'bull', 'cow')"
            )
        rows.append((entries[0], entries[1], entries[2]))
    if not rows:
        raise ValueError("ped must list at least one individual, got none; write [('a', None, None)]")
    return rows


def _entries(row: object) -> list[Label]:
    if isinstance(row, (str, bytes)) or not isinstance(row, Iterable):
        return [row]
    return list(row.tolist()) if hasattr(row, "tolist") else list(row)


def _is_unknown(label: Label, missing: set[Label]) -> bool:
    """Tell None, NaN and pandas.NA (which are not equal to themselves), and the labels for unknown ones."""
    if label is None:
        return True
    try:
        itself = bool(label == label)
    except TypeError:
        # pandas.NA has no truth value.
        return True
    return not itself or label in missing
