"""Combinations of the levels of factors as numbers, and those of them that get a column."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covstudio.covariance.structures.design.labels import Label

__all__ = ["MAX_COLUMNS", "flat_codes", "kept_codes", "labels_of_code", "positions_of"]

#: The most combinations of levels laid out when empty ones are kept.
MAX_COLUMNS = 1_000_000


class _Positions(dict[Label, int]):
    """The position of each level; -1 for any other label."""

    def __missing__(self, label: Label) -> int:
        return -1


def positions_of(labels: list[Label], levels: list[Label]) -> NDArray[np.int64]:
    """Where each label stands among the levels, -1 where it does not."""
    positions = _Positions(zip(levels, range(len(levels)), strict=True))
    return np.fromiter(map(positions.__getitem__, labels), dtype=np.int64, count=len(labels))


def flat_codes(columns: list[list[Label]], levels: list[list[Label]]) -> NDArray[Any]:
    """Each row's combination as one number, the last factor varying fastest; -1 where not listed."""
    flat: NDArray[Any] = positions_of(columns[0], levels[0])
    if math.prod(map(len, levels)) > np.iinfo(np.int64).max:
        # Only numbers of any length tell so many combinations apart.
        flat = flat.astype(object)
    for column, one in zip(columns[1:], levels[1:], strict=True):
        codes = positions_of(column, one)
        flat = np.where((flat < 0) | (codes < 0), -1, flat * len(one) + codes)
    return flat


def kept_codes(
    flat: NDArray[Any],
    levels: list[list[Label]],
    *,
    ranked: bool,
    drop_empty: bool,
    whole: tuple[int, ...] = (),
) -> list[int]:
    """The combinations that get a column: sorted, or in the order in which rows first have them.

    Of the factors in `whole` every level is kept, for combinations of the others that rows have.
    """
    if drop_empty and whole:
        sizes = [len(one) for one in levels]
        rows = np.stack(np.unravel_index(flat[flat >= 0].astype(np.int64), sizes), axis=1)
        rows[:, list(whole)] = 0
        kept = {tuple(row) for row in rows.tolist()}
        for k in whole:
            kept = {(*row[:k], place, *row[k + 1 :]) for row in kept for place in range(sizes[k])}
        if len(kept) > MAX_COLUMNS:
            raise ValueError(
                f"the factors must have at most {MAX_COLUMNS} combinations of levels, got {len(kept)}; "
                "make fewer factors evenly spaced"
            )
        return [int(code) for code in np.ravel_multi_index(np.array(sorted(kept)).T, sizes)]
    every = [] if drop_empty else _every_code(levels)
    if ranked and not drop_empty:
        return every
    present = [code for code in dict.fromkeys(flat.tolist()) if code >= 0]
    return sorted(present) if ranked else list(dict.fromkeys([*present, *every]))


def labels_of_code(code: int, levels: list[list[Label]]) -> list[Label]:
    labels = []
    for one in reversed(levels):
        code, position = divmod(code, len(one))
        labels.append(one[position])
    return labels[::-1]


def _every_code(levels: list[list[Label]]) -> list[int]:
    count = math.prod(len(one) for one in levels)
    if count > MAX_COLUMNS:
        raise ValueError(
            f"the factors must have at most {MAX_COLUMNS} combinations of levels, got {count}; "
            "use drop_empty_cols=True to keep only those that occur"
        )
    return list(range(count))
