"""A notice: one sentence for the person at the screen, and how long its cause stands."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Level = Literal["info", "ok", "warning", "error"]
_serial = itertools.count(1)


@dataclass(frozen=True)
class Notice:
    """A sentence for the person at the screen, shown once.

    Args:
        text: what happened, what was expected and what to do, as plain text.
        level: "info", "ok", "warning" or "error".
        serial: grows with every notice, so that the same sentence said twice is seen twice.
        stands: whether what it speaks of is still so; when it is not, the notice goes by itself.
        topic: of several notices on one topic the last stands; "" for one that is on no other's.
    """

    text: str
    level: Level = "info"
    serial: int = field(default_factory=lambda: next(_serial))
    stands: Callable[[], bool] = field(default=lambda: True, compare=False, repr=False)
    topic: str = ""
