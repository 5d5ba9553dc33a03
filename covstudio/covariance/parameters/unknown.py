"""Names of parameters in messages: those that there are, and what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

__all__ = ["UnknownParameter", "few", "listed", "suggest"]

#: How many names a message lists.
_SHOWN = 6


class UnknownParameter(KeyError):
    """There is no parameter of that name."""

    def __init__(self, label: str, name: object, names: Sequence[str]) -> None:
        super().__init__(label, name, names)
        self.label, self.name, self.names = label, name, tuple(names)

    def __str__(self) -> str:
        has = f"it has {listed(self.names)}" if self.names else "it has none"
        return f"{self.label} has no parameter {self.name!r}; {has}{suggest(self.name, self.names) or '.'}"


def few(names: Sequence[object]) -> str:
    """The first of many names, for messages."""
    shown = ", ".join(str(name) for name in names[:_SHOWN])
    return f"({shown}{', ...' if len(names) > _SHOWN else ''})" if names else "(there are none)"


def listed(names: Sequence[str]) -> str:
    """The first of many names as a list, for messages."""
    return f"[{', '.join(map(repr, names[:_SHOWN]))}{', ...' if len(names) > _SHOWN else ''}]"


def suggest(name: object, names: Sequence[str]) -> str:
    """What was probably meant, as the end of a message."""
    close = difflib.get_close_matches(str(name), names, n=2)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
