"""The labels of a column beside the individuals of a second table."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from covstudio.data.errors import count, listed, shown

__all__ = ["Match", "are", "folded"]


@dataclass(frozen=True)
class Match:
    """The labels of a column beside the individuals of a relation.

    Attributes:
        absent: labels that are no individual, in the order of their rows.
        nearest: for the first of them, the individual that may be meant.
        others: how many individuals have no row.
        individuals: how many there are.
    """

    absent: tuple[str, ...]
    nearest: tuple[tuple[str, str], ...]
    others: int
    individuals: int

    def problem(self, column: str, relation: str) -> str | None:
        """Why the rows cannot be placed, with the nearest names, or None.

        Args:
            column: what the labels are called.
            relation: the table, in words.
        """
        if not self.absent:
            return None
        text = (
            f"{count(len(self.absent), 'level')} of {shown(column)} {are(self.absent)} not in {relation}: "
            f"{listed(self.absent, limit=5)}."
        )
        meant = [f"{shown(near)} for {shown(own)}" for own, near in self.nearest]
        if meant:
            blanks = all(folded(own) == folded(near) for own, near in self.nearest)
            why = " (the same but for capitals and blanks)" if blanks else ""
            return f"{text} Did you mean {', '.join(meant)}{why}? Write them alike in both tables."
        return f"{text} Add them to it, or leave out their rows."

    def note(self, column: str, relation: str) -> str:
        """How many individuals have no row, or ""."""
        if not self.others:
            return ""
        verb = "has" if self.others == 1 else "have"
        return (
            f"{relation}: {self.others:,} of {self.individuals:,} individuals {verb} no row of {column}; "
            "their effects are predicted too."
        )


def are(names: Collection[object]) -> str:
    """The verb for so many names."""
    return "is" if len(names) == 1 else "are"


def folded(text: str) -> str:
    """A label without its blanks and capitals."""
    return "".join(text.split()).casefold()
