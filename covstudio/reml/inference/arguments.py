"""Arguments of callers, checked: names of columns, confidence levels, numbers of draws."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.fitting.result import Fit
from covstudio.reml.inference.tables import listed
from covstudio.reml.problem.errors import InvalidData

__all__ = ["checked_count", "checked_level", "checked_rows", "checked_seed", "column_names", "one_each"]


def column_names(names: Sequence[str] | None, fit: Fit) -> tuple[str, ...]:
    """Names of the fixed effects: those given, or those the fit has."""
    p = fit.p
    if names is None:
        return fit.x_names or tuple(f"x{j}" for j in range(p))
    if len(names) != p or len(set(names)) != p:
        raise InvalidData(
            f"names must be {p} different names, one for each column of x; got "
            f"{listed(list(map(str, names)))}."
        )
    return tuple(names)


def checked_level(level: float) -> float:
    """A confidence level between 0 and 1."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, as 0.95 does, and is {level!r}.")
    return level


def checked_count(count: int, name: str = "count") -> int:
    """A whole number of at least 1."""
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, and is {count!r}.")
    return count


def checked_seed(seed: int) -> int:
    """A whole number of at least 0, which draws begin with."""
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed must be a whole number of at least 0, and is {seed!r}.")
    return seed


def one_each(values: float | Sequence[float], rows: int, name: str) -> NDArray[np.float64]:
    """One number for each row of a contrast; a single one is that of all."""
    found = np.asarray(values, dtype=np.float64)
    if found.shape not in ((), (rows,)):
        raise InvalidData(f"{name} must be one number or {rows}, one for each combination; got {found.size}.")
    return np.broadcast_to(found, (rows,)).copy()


def checked_rows(rows: Sequence[int], n: int, what: str) -> list[int]:
    """Numbers of rows, counted from 0, all of which are there."""
    found = [int(row) for row in rows]
    if not found or min(found) < 0 or max(found) >= n:
        raise InvalidData(f"{what} must have rows from 0 to {n - 1}, and has {found[:6] or 'none'}.")
    return found
