"""The choice of the points that are drawn of many, and the words that say so."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST", "drawn_note", "evenly", "thinned"]

Places = NDArray[np.int64]

#: Points that a picture draws at most.
MOST = 2000
#: Of those drawn, the share kept for the largest.
LARGEST = 8


def thinned(size: NDArray[np.float64], most: int = MOST, seed: int = 0) -> Places:
    """Which points to draw, in their order: the largest in magnitude, and of the others a random choice.

    Args:
        size: of all points; NaN for those that are none.
        most: of those drawn.
        seed: of the choice; the same seed makes the same one.

    Example:
        >>> kept = thinned(np.arange(1000.0), most=80)
        >>> len(kept), kept[-10:].tolist()
        (80, [990, 991, 992, 993, 994, 995, 996, 997, 998, 999])
    """
    known = np.flatnonzero(~np.isnan(size))
    if len(known) <= most:
        return known
    order = known[np.argsort(-np.abs(size[known]), kind="stable")]
    largest, others = order[: most // LARGEST], order[most // LARGEST :]
    chosen = np.random.default_rng(seed).choice(others, most - len(largest), replace=False)
    return np.sort(np.concatenate([largest, chosen]))


def evenly(count: int, most: int) -> Places:
    """Places of at most so many of a sequence, at steps as equal as can be, both ends among them.

    Example:
        >>> evenly(3, 5).tolist(), evenly(101, 5).tolist()
        ([0, 1, 2], [0, 25, 50, 75, 100])
    """
    if count <= most:
        return np.arange(count, dtype=np.int64)
    return np.linspace(0, count - 1, most).round().astype(np.int64)


def drawn_note(drawn: int, count: int, what: str, how: str = "") -> tuple[str, ...]:
    """The words for what is left out; none where nothing is.

    Example:
        >>> drawn_note(2000, 100_000, "rows", "the largest among them"), drawn_note(5, 5, "rows")
        (('2,000 of 100,000 rows drawn, the largest among them',), ())
    """
    if drawn >= count:
        return ()
    return (f"{drawn:,} of {count:,} {what} drawn{', ' + how if how else ''}",)
