"""The columns that the parts of a formula give: of the rows they were learned from, or of others."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt
import torch

from covstudio.data.bases import learn
from covstudio.data.choices import Contrasts
from covstudio.data.coding import CodedTerm
from covstudio.data.contrasts import contrast_columns
from covstudio.data.errors import DesignError, shown, suggestion
from covstudio.data.formula import Formula
from covstudio.data.roles import Role
from covstudio.data.rows import factor_levels
from covstudio.data.tables import Table

__all__ = ["INTERCEPT", "CodedColumns"]

INTERCEPT = "(Intercept)"

Floats = npt.NDArray[np.float64]


class CodedColumns:
    """The columns of X that parts of a formula give for a table.

    Args:
        table: its complete rows, from which levels, means and knots are taken.
        formula: the formula.
        roles: of its columns.
        at: the complete rows of another table, whose columns are wanted; those of the table when left out.
    """

    def __init__(
        self, table: Table, formula: Formula, roles: Mapping[str, Role], at: Table | None = None
    ) -> None:
        self.table, self.formula = table, formula
        self.at = table if at is None else at
        self.factors: dict[str, tuple[str, ...]] = {}
        self._places: dict[str, npt.NDArray[np.int64]] = {}
        self._numbers: dict[str, Floats] = {}
        self._reference: dict[str, str] = {}
        self._contrasts: dict[str, Contrasts] = {}
        for part in formula.parts:
            function = formula.functions.get(part)
            if function is not None and function.role == "number":
                self._numbers[part] = learn(function, table.numbers)(self.at.numbers)
            elif function is not None or _is_factor(table, part, roles):
                self._add_factor(part, formula.columns_of(part)[0])
            else:
                self._numbers[part] = self.at.numbers(part)[:, None]

    def _add_factor(self, part: str, column: str) -> None:
        levels = factor_levels(self.table, column)
        if len(levels) == 1:
            raise DesignError(
                f"The factor {shown(column)} has one level, {shown(levels[0])}, in the rows that are used, "
                "so it has no effect to estimate. Take it out of the formula."
            )
        reference = self.table.reference(column)
        if reference is not None and reference not in levels:
            raise DesignError(
                f"{shown(reference)} is said to be the reference of {shown(column)}, and no row that is used "
                f"has it. {suggestion(reference, levels, 'level')}"
            )
        places = {name: place for place, name in enumerate(levels)}
        labels = [label for label in self.at.labels(column) if label is not None]
        unknown = next((label for label in labels if label not in places), None)
        if unknown is not None:
            raise DesignError(
                f"{shown(unknown)} is no level of {shown(column)} in the rows that the design was made of. "
                f"{suggestion(unknown, levels, 'level')}"
            )
        self.factors[part] = levels
        self._places[part] = np.array([places[label] for label in labels], dtype=np.int64)
        self._reference[part] = levels[0] if reference is None else reference
        function = self.formula.functions.get(part)
        said = self.table.choices.column(column).contrasts
        self._contrasts[part] = (None if function is None else function.contrasts) or said or "treatment"

    def coded(self, contrasts: Contrasts) -> CodedColumns:
        """The same parts with one kind of contrasts for all factors."""
        other = copy.copy(self)
        other._contrasts = dict.fromkeys(self._contrasts, contrasts)
        return other

    def size(self, block: CodedTerm) -> int:
        """How many columns a block has."""
        return prod(
            len(self.factors[part]) - (part not in block.full)
            if part in self.factors
            else self._numbers[part].shape[1]
            for part in block.columns
        )

    def of(self, block: CodedTerm) -> Iterable[tuple[str, Floats | None]]:
        """The columns of a block with their names, the first part changing fastest, as in R."""
        choices = [self._part(part, full=part in block.full) for part in block.columns]
        for reversed_choice in product(*reversed(choices)):
            chosen = reversed_choice[::-1]
            column: Floats | None = None
            for _, values in chosen:
                column = values if column is None else column * values
            yield ":".join(name for name, _ in chosen) or INTERCEPT, column

    def _part(self, part: str, full: bool) -> list[tuple[str, Floats]]:
        """The columns of one part, with their names."""
        name = self.formula.part_name(part)
        if part in self._numbers:
            values = self._numbers[part]
            several = values.shape[1] > 1 or (part in self.formula.functions and self._is_basis(part))
            return [
                (f"{name}{number}" if several else name, values[:, number - 1])
                for number in range(1, values.shape[1] + 1)
            ]
        levels = self.factors[part]
        coded = (
            list(zip(levels, np.eye(len(levels)), strict=True))
            if full
            else contrast_columns(self._contrasts[part], levels, self._reference[part], part)
        )
        return [(f"{name}[{level}]", values[self._places[part]]) for level, values in coded]

    def _is_basis(self, part: str) -> bool:
        return self.formula.functions[part].basis is not None

    def references(self, blocks: Sequence[CodedTerm]) -> dict[str, str]:
        """The references of the factors that are compared with one."""
        compared = {
            part
            for block in blocks
            for part in block.columns
            if part in self.factors and part not in block.full
        }
        return {
            part: level
            for part, level in self._reference.items()
            if part in compared and self._contrasts[part] == "treatment"
        }

    def offset(self) -> torch.Tensor | None:
        """The sum of the offsets, or None."""
        found = [learn(one, self.table.numbers)(self.at.numbers)[:, 0] for one in self.formula.offsets]
        return torch.from_numpy(np.sum(found, axis=0)) if found else None


def _is_factor(table: Table, column: str, roles: Mapping[str, Role]) -> bool:
    role = roles.get(column)
    return role == "factor" or (
        role != "covariate" and not table.is_numeric(column) and not table.is_time(column)
    )
