"""The numbers behind a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Numbers"]


@dataclass(frozen=True, eq=False)
class Numbers:
    """The numbers behind a picture.

    Attributes:
        frame: the numbers themselves.
        title: of the picture.
        labels: column of the frame -> what is written along its axis.
        notes: what was left out of the picture, and how it was chosen; they stand behind the title.
        more: what the drawing needs beside, by name.
    """

    frame: pd.DataFrame
    title: str
    labels: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def heading(self) -> str:
        """The title with the notes."""
        return f"{self.title} ({'; '.join(self.notes)})" if self.notes else self.title
