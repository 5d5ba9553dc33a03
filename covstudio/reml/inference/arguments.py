"""Arguments of callers, checked: names of columns, confidence levels, numbers of draws."""

from __future__ import annotations

from collections.abc import Sequence

from covstudio.reml.fitting.result import Fit
from covstudio.reml.inference.tables import listed
from covstudio.reml.problem.errors import InvalidData

__all__ = ["checked_count", "checked_level", "column_names"]


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


def checked_count(count: int) -> int:
    """A whole number of at least 1."""
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"count must be a whole number of at least 1, and is {count!r}.")
    return count
