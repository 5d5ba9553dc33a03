"""Values at which a structure shows itself, for pictures that begin with it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from covstudio.covariance.core.catalogue import Declaration, meaning_key

__all__ = ["shown_values"]


def shown_values(declared: Declaration, names: Iterable[str]) -> dict[str, float]:
    """The natural values at which a structure shows itself, where they are not the defaults.

    Args:
        declared: the structure.
        names: its own parameters.

    Example:
        >>> from covstudio.covariance import declaration
        >>> shown_values(declaration("AR1Matrix"), ["sigma^2", "rho"])
        {'rho': 0.5}
    """
    found: dict[str, float] = {}
    for name in names if declared.shown else ():
        key = meaning_key(declared, name)
        shown = None if key is None else declared.shown.get(key)
        if key is not None and callable(shown):
            shown = shown(*(int(index) for index in _indices(key, name)))
        if isinstance(shown, int | float):
            found[name] = float(shown)
    return found


def _indices(key: str, name: str) -> list[str]:
    """The numbers in the place of the letters of a declared name."""
    letters = len(re.findall(r"_[a-z](?=_|$)", key))
    return name.rsplit("_", letters)[1:] if letters else []
