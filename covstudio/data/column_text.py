"""A column as it stands in a file, and what its numbers show about decimal marks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from covstudio.data.choices import ColumnChoice, TableChoices
from covstudio.data.compact import coded
from covstudio.data.missing import ERRORS, MISSING_AMONG_NUMBERS
from covstudio.data.numerals import Evidence, Numeral, are_numbers, evidence, number, numeral
from covstudio.data.text import plain_label

_GROUP_OR_SHORT = re.compile(r"[+-]?(?:[1-9]\d{0,2}\.\d{3}|\d{1,3})", re.ASCII)

Cells = npt.NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class ColumnText:
    """A column as it stands in the file, each different text once.

    Attributes:
        name: of the column.
        codes: (n,) the place of every cell's text among `texts`.
        texts: the different texts.
        choice: what a person has said about the column.
        declared: texts that a person has said mean "no value".
        lines: (n,) the line of the file where each cell stands, if there is one.
        doubtful: lines that may name the columns, which is asked.
    """

    name: str
    codes: npt.NDArray[np.int32]
    texts: tuple[str, ...]
    choice: ColumnChoice
    declared: frozenset[str] = frozenset()
    lines: npt.NDArray[np.int64] | None = None
    doubtful: tuple[int, ...] = ()

    @classmethod
    def of(
        cls,
        name: str,
        cells: Cells,
        choices: TableChoices,
        lines: npt.NDArray[np.int64] | None = None,
        doubtful: tuple[int, ...] = (),
    ) -> ColumnText:
        """A column with what is said about it.

        Args:
            name: its name.
            cells: the (n,) texts as they stand in the file.
            choices: what is said about the table.
            lines: (n,) where they stand.
            doubtful: lines that may name the columns.
        """
        different = coded(cells)
        codes, found = different.codes, different.values
        choice = choices.column(name)
        declared = frozenset((*choices.missing, *choice.missing)).difference(choice.values)
        return cls(name, codes, tuple(map(str, found)), choice, declared, lines, doubtful)

    @cached_property
    def values(self) -> tuple[str, ...]:
        """The texts in one form, without spaces at their ends."""
        return tuple(map(plain_label, self.texts))

    @cached_property
    def sizes(self) -> list[int]:
        """How many cells hold each text."""
        return np.bincount(self.codes, minlength=len(self.texts)).tolist() if self.texts else []

    @cached_property
    def present(self) -> tuple[str, ...]:
        """The values that are there if the column holds numbers or dates."""
        absent = (MISSING_AMONG_NUMBERS | ERRORS | self.declared).difference(self.choice.values)
        said = {number(text) for text in self.declared} - {None}

        if not said:
            return tuple(value for value in self.values if value not in absent)

        def coded(value: str) -> bool:
            one = numeral(value)
            return one is not None and not said.isdisjoint({one.value("."), one.value(",")})

        return tuple(value for value in self.values if value not in absent and not coded(value))

    @cached_property
    def plain(self) -> bool:
        """Whether these are numbers as programs write them."""
        return are_numbers(self.present)

    @cached_property
    def unclear(self) -> bool:
        """Whether every number that has a point has three digits behind it, as after a thousand."""
        return any("." in value for value in self.present) and all(
            _GROUP_OR_SHORT.fullmatch(value) for value in self.present
        )

    @cached_property
    def numerals(self) -> tuple[Numeral, ...] | None:
        """The numbers taken apart, or None where not all are numbers of one kind."""
        found: list[Numeral] = []
        for value in self.present:
            one = numeral(value)
            if one is None:
                return None
            found.append(one)
        currencies = {one.currency for one in found if one.currency}
        return None if len(currencies) > 1 or len({one.percent for one in found}) > 1 else tuple(found)

    def line_of(self, value: str) -> int | None:
        """The first line with a value, or None without a file."""
        if self.lines is None or not len(self.lines):
            return None
        return int(self.lines[np.flatnonzero(self.codes == self.values.index(value))[0]])

    @cached_property
    def evidence(self) -> Evidence:
        """What the points and commas of its numbers show; nothing for a column of labels."""
        if self.choice.kind in ("text", "date") or not self.present:
            return Evidence()
        if self.plain and not self.unclear:
            return Evidence("." if any("." in value for value in self.present) else "")
        return evidence(self.numerals) if self.numerals else Evidence()


@dataclass(frozen=True)
class Marks:
    """What the numbers of a file show about its decimal mark.

    Attributes:
        separator: what stands between its fields.
        decimal: the decimal mark, where some column shows it and none another.
        column: the first column that shows it.
    """

    separator: str
    decimal: str = ""
    column: str = ""

    @classmethod
    def of(cls, columns: Iterable[ColumnText], separator: str) -> Marks:
        """What these columns show together."""
        shown_by: dict[str, str] = {}
        for column in columns:
            if column.evidence.decimal:
                shown_by.setdefault(column.evidence.decimal, column.name)
        if len(shown_by) != 1:
            return cls(separator)
        ((decimal, name),) = shown_by.items()
        return cls(separator, decimal, name)
