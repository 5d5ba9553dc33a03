"""Results as tables: plain columns for programs, aligned text for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from covstudio.registry import Given

__all__ = ["NamedRows", "Tabular", "aligned", "listed", "plural"]

Row = dict[str, Any]


class NamedRow(Protocol):
    """One row of a table, with a name."""

    @property
    def name(self) -> str:
        """What it is of."""
        ...

    def row(self) -> Row:
        """The entries as a dictionary."""
        ...


Entry = TypeVar("Entry", bound=NamedRow)


class Tabular:
    """A result that has rows: `table()` gives them as plain values, `repr` as text to read."""

    _repr_html_ = Given("results.html", method=True)

    def table(self) -> list[Row]:
        """The rows as dictionaries of plain numbers and strings, ready for a data frame or JSON."""
        raise NotImplementedError

    def _title(self) -> str:
        raise NotImplementedError

    def _notes(self) -> Sequence[str]:
        return ()

    def heading(self) -> str:
        """What the rows are, in a line."""
        return self._title()

    def remarks(self) -> tuple[str, ...]:
        """What there is to say about the rows."""
        return tuple(self._notes())

    def summary(self) -> str:
        """The result as text."""
        notes = (f"Note: {note}" for note in self.remarks())
        return "\n".join([self.heading(), aligned(self.table()), *notes])

    def __repr__(self) -> str:
        return self.summary()


@dataclass(frozen=True, repr=False, eq=False)
class NamedRows(Tabular, Generic[Entry]):
    """A result whose rows are found by their names: `found["name"]`.

    Attributes:
        entries: the rows.
    """

    entries: tuple[Entry, ...]

    #: What one row is, in words that go on with "of" and a name.
    what: ClassVar[str] = "entry"

    def __getitem__(self, name: str) -> Entry:
        for entry in self.entries:
            if entry.name == name:
                return entry
        names = listed([entry.name for entry in self.entries], 30) or "none"
        raise KeyError(f"there is no {self.what} of {name!r}, but of {names}")

    def table(self) -> list[Row]:
        return [entry.row() for entry in self.entries]


def aligned(rows: Sequence[Mapping[str, Any]], limit: int = 40) -> str:
    """Rows as text: a heading, numbers to the right, names to the left; the middle of long tables left out.

    Example:
        >>> print(aligned([{"name": "a", "estimate": 1.25}, {"name": "long", "estimate": float("nan")}]))
          name  estimate
          a         1.25
          long         -
    """
    if not rows:
        return "  (none)"
    hidden = len(rows) - limit
    shown = list(rows) if hidden <= 0 else [*rows[: limit // 2], *rows[-(limit // 2) :]]
    names = [name for name in rows[0] if any(row[name] not in ("", None) for row in shown)]
    cells = [[_cell(row[name]) for name in names] for row in shown]
    text = [all(isinstance(row[name], str) or row[name] is None for row in shown) for name in names]
    widths = [max(len(name), *(len(row[j]) for row in cells)) for j, name in enumerate(names)]
    lines = [_line(names, widths, text), *(_line(row, widths, text) for row in cells)]
    if hidden > 0:
        lines.insert(1 + limit // 2, f"  ... {hidden} more ...")
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int], text: Sequence[bool]) -> str:
    padded = [
        cell.ljust(width) if left else cell.rjust(width)
        for cell, width, left in zip(cells, widths, text, strict=True)
    ]
    return ("  " + "  ".join(padded)).rstrip()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | str | int):
        return str(value)
    return "-" if math.isnan(value) else f"{value:.6g}"


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names in one line, the rest counted.

    Example:
        >>> listed(["a", "b", "c"], most=2)
        'a, b, ... (3 in all)'
    """
    text = ", ".join(names[:most])
    return text if len(names) <= most else f"{text}, ... ({len(names)} in all)"


def plural(count: int, noun: str) -> str:
    """A count with its noun.

    Example:
        >>> plural(1, "row"), plural(2, "row")
        ('1 row', '2 rows')
    """
    return f"{count} {noun}{'' if count == 1 else 's'}"
