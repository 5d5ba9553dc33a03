"""A fit with what is known beside it: what pictures of a fit begin with."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covstudio.covariance import Matrix
from covstudio.data.errors import TableError
from covstudio.data.roles import guess_roles, words_of
from covstudio.data.tables import Table
from covstudio.estimate.residuals import Standardised, standardised
from covstudio.reml import Fit, Inference

__all__ = ["FittedModel"]

Array = NDArray[np.float64]

#: Residuals smaller than this share of the standard deviation of y are none.
LEFT = 1e-8
_ROW_WORDS = words_of("row rows reihe zeile range")
_COLUMN_WORDS = words_of("col cols column columns spalte bed")


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A fit, and what pictures of it may need.

    Attributes:
        fit: the fit.
        told: the fit with its model and data; None for a fit alone.
        table: the rows that were used; None where there is no table.
        response: what the response is called.
        row_numbers: (n,) where each row stands in the table that was given, the first being 1; among the rows
            used where nobody has said.
    """

    fit: Fit
    told: Inference | None = None
    table: Table | None = None
    response: str = "response"
    row_numbers: NDArray[np.int64] | None = None

    @property
    def called(self) -> NDArray[np.int64]:
        """What the rows are called, (n,): their numbers, from 1."""
        return np.arange(1, self.fit.n + 1) if self.row_numbers is None else self.row_numbers

    @property
    def inference(self) -> Inference:
        """The fit with its model and data.

        Raises:
            ValueError: there is a fit alone.
        """
        if self.told is None:
            raise ValueError(
                "this picture needs V and X beside the fit: fit.plot(kind, v=v, x=x), or "
                "Inference(fit, v, y, x).plot(kind)."
            )
        return self.told

    @property
    def v(self) -> Matrix:
        """V."""
        return self.inference.v

    @property
    def y(self) -> Array:
        """The response, (n,)."""
        found: Array = (self.fit.fitted + self.fit.residuals).cpu().numpy()
        return found

    @cached_property
    def marginal(self) -> bool:
        """Whether residuals are y - X beta: every term of V is one of random effects, and leaves none."""
        return bool(self.fit.residuals.abs().max() <= LEFT * self.y.std())

    @property
    def fitted(self) -> Array:
        """The fitted values, (n,): X beta and all random effects, or X beta where these leave no residual."""
        found: Array = (self.fit.marginal_fitted if self.marginal else self.fit.fitted).cpu().numpy()
        return found

    @property
    def residual(self) -> Array:
        """The response without the fitted values, (n,)."""
        return self.y - self.fitted

    @cached_property
    def standardised(self) -> Standardised:
        """The residuals in standard deviations.

        Raises:
            ValueError: there is a fit alone, or no residual has a variance.
        """
        residuals = self.inference.residuals
        if self.marginal:
            residuals = replace(
                residuals,
                fitted=residuals.marginal_fitted,
                conditional=residuals.marginal,
                conditional_pearson=residuals.marginal_pearson,
                conditional_studentised=residuals.marginal_studentised,
            )
        found = standardised(residuals)
        if found is None:
            raise ValueError("no residual of this fit has a variance of its own.")
        return found

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to say about the residuals."""
        return ("without the random effects, which leave no residual",) if self.marginal else ()

    # --- columns of the table ---

    @property
    def data(self) -> Table:
        """The rows that were used.

        Raises:
            ValueError: there is no table.
        """
        if self.table is None:
            raise ValueError(
                "this picture needs the table of the rows: fit.plot(kind, frame=frame), or a fit by "
                'covstudio.fit("y ~ ...", frame), which has it.'
            )
        return self.table

    def labels(self, column: str) -> tuple[list[str], tuple[str, ...]]:
        """A column as labels of the rows, and its levels in their order."""
        found = self._asked(column).labels(column)
        return ["NA" if one is None else one for one in found], self.data.levels(column)

    def numbers(self, column: str) -> Array:
        """A column as numbers; NaN where missing."""
        return self._asked(column).numbers(column)

    def _asked(self, column: str) -> Table:
        try:
            self.data.require([column])
        except TableError as error:
            raise ValueError(str(error)) from None
        return self.data

    def factors(self) -> tuple[str, ...]:
        """The columns that are taken for factors."""
        return tuple(name for name, role in guess_roles(self.data).items() if role == "factor")

    def layout(self, row: str | None = None, column: str | None = None) -> tuple[str, str] | None:
        """The columns with the rows and columns of the field: those named, or those whose names say so."""
        if self.table is None:
            return None
        found = [
            given or self._called(words) for given, words in ((row, _ROW_WORDS), (column, _COLUMN_WORDS))
        ]
        for name in found:
            if name is not None:
                self._asked(name)
        return None if found[0] is None or found[1] is None else (found[0], found[1])

    def _called(self, words: Collection[str]) -> str | None:
        names = [name for name in self.data.columns if self.data.is_numeric(name)]
        exact = [name for name in names if name.lower() in words]
        return next(iter(exact or [name for name in names if words_of(name) & set(words)]), None)

    def row_names(self) -> tuple[str, ...] | None:
        """Each row by the levels of its first factors."""
        if self.table is None:
            return None
        factors = self.factors()[:3]
        if not factors:
            return None
        return tuple(" · ".join(row) for row in zip(*(self.labels(one)[0] for one in factors), strict=True))

    def hover(self) -> Mapping[str, Sequence[Any]]:
        """What the pointer tells of each row: the first factors of the table."""
        if self.table is None:
            return {}
        return {name: self.labels(name)[0] for name in self.factors()[:3]}
