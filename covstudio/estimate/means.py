r"""Predicted means of the fixed effects, their differences, and letters.

A mean is the average of X beta, and of an offset, over a grid: every combination of the levels of the factors
in the formula, covariates at their means, with equal weights over the factors that are not asked for. With l
its row of averages, the mean is l'beta with variance l'Phi l, the difference of two of them has
:math:`\mathrm{SED} = \sqrt{(l_i - l_j)'\Phi(l_i - l_j)}`, and the least significant difference is t SED.

Where the response was transformed, means and their intervals are brought back; differences of logarithms are
ratios. Standard errors are by the delta method.

Sources: Searle, Speed & Milliken (1980), Am. Stat. 34:216; Lenth (2016), J. Stat. Softw. 69(1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from covstudio.arguments import checked
from covstudio.data.design import Design
from covstudio.data.errors import DesignError, listed, shown
from covstudio.data.recoded import factors_of
from covstudio.data.tables import Table
from covstudio.reml import Inference
from covstudio.reml.inference.distributions import t_quantile
from covstudio.reml.inference.fixed import Effect, Method
from covstudio.reml.inference.multiplicity import Adjustment, adjusted_p, adjusted_quantile, letters
from covstudio.reml.inference.tables import aligned

__all__ = ["BACK", "Back", "Means", "predicted_means"]

Vector = NDArray[np.float64]
Back = Literal["none", "log", "sqrt", "logit"]

#: From the scale of the fit to the response: the function and its derivative.
BACK: Mapping[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "none": (lambda m: m, lambda m: 1.0),
    "log": (math.exp, math.exp),
    "sqrt": (lambda m: m * m, lambda m: 2.0 * abs(m)),
    "logit": (lambda m: 1.0 / (1.0 + math.exp(-m)), lambda m: math.exp(-m) / (1.0 + math.exp(-m)) ** 2),
}


@dataclass(frozen=True, eq=False, repr=False)
class Means:
    """Predicted means.

    Attributes:
        factors: what the means are of.
        by: factors within whose levels they are compared.
        cells: the levels of each mean, those of `by` last.
        rows: their rows of averages, (k, p).
        estimates: on the scale of the fit, with standard errors, degrees of freedom and intervals.
        back: how they were brought back to the response.
        level: confidence level.
        method: where the degrees of freedom are from.
    """

    factors: tuple[str, ...]
    by: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    rows: Vector
    estimates: tuple[Effect, ...]
    back: Back
    level: float
    method: Method
    _inference: Inference

    def __repr__(self) -> str:
        said = "" if self.back == "none" else f", back from {self.back}"
        rows: list[dict[str, Any]] = self.frame().to_dict("records")  # type: ignore[assignment]
        title = f"Predicted means of {', '.join(self.factors)}{said} ({100 * self.level:g} % intervals)"
        return f"{title}\n{aligned(rows)}"

    @checked
    def frame(self, adjust: Adjustment = "tukey", alpha: float = 0.05) -> pd.DataFrame:
        """The means, with letters.

        Args:
            adjust: of the comparisons that letters are from.
            alpha: means that differ at this level share no letter.

        Returns:
            Columns for the factors, "mean", "std_error", "df", "conf_low", "conf_high", "letters": on the
            scale of the response.
        """
        value, slope = BACK[self.back]
        frame = pd.DataFrame(list(self.cells), columns=[*self.factors, *self.by])
        frame["mean"] = [value(one.estimate) for one in self.estimates]
        frame["std_error"] = [slope(one.estimate) * one.standard_error for one in self.estimates]
        frame["df"] = [one.df for one in self.estimates]
        frame["conf_low"] = [value(one.lower) for one in self.estimates]
        frame["conf_high"] = [value(one.upper) for one in self.estimates]
        frame["letters"] = self.letters(adjust, alpha)
        return frame

    @property
    def _families(self) -> list[list[int]]:
        """The means that are compared with each other."""
        found: dict[tuple[str, ...], list[int]] = {}
        for k, cell in enumerate(self.cells):
            found.setdefault(cell[len(self.factors) :], []).append(k)
        return list(found.values())

    @checked
    def contrasts(
        self,
        adjust: Adjustment = "tukey",
        *,
        control: str | None = None,
        reverse: bool = False,
    ) -> pd.DataFrame:
        """Differences of the means, within the levels of `by`.

        Args:
            adjust: of p values and intervals for the number of comparisons: "tukey", "bonferroni", "sidak",
                "holm", "fdr" or "none".
            control: the level that the others are compared with; None for all pairs.
            reverse: the later one minus the earlier.

        Returns:
            Columns for `by`, "contrast", "estimate", "std_error" (the SED), "df", "t", "p", "conf_low",
            "conf_high" and "lsd", the least significant difference without adjustment. Back from logarithms
            the estimate is a ratio, tested against 1; from other scales differences stay as they are.

        Raises:
            ValueError: there is no such adjustment or level, or Tukey's is asked for beside a control.
        """
        if control is not None and adjust == "tukey":
            raise ValueError(
                "Tukey's adjustment is for all pairs: beside a control take 'sidak', 'holm' or 'bonferroni'."
            )
        rows = []
        for family in self._families:
            rows += self._family(family, adjust, control, reverse)
        return pd.DataFrame(rows)

    def _family(
        self, family: Sequence[int], adjust: Adjustment, control: str | None, reverse: bool
    ) -> list[dict[str, Any]]:
        names = {k: " ".join(self.cells[k][: len(self.factors)]) for k in family}
        if control is None:
            pairs = [(j, i) if reverse else (i, j) for i, j in combinations(family, 2)]
        else:
            base = next((k for k in family if names[k] == str(control)), None)
            if base is None:
                raise ValueError(f"there is no mean of {control!r}; there are {listed(names.values())}.")
            pairs = [(k, base) for k in family if k != base]
        ratio = self.back == "log"
        found = [
            self._inference.contrast(self.rows[i] - self.rows[j], method=self.method, level=self.level)
            for i, j in pairs
        ]
        p = adjusted_p([one.t for one in found], [one.df for one in found], adjust, len(family))
        rows = []
        for (i, j), one, chance in zip(pairs, found, p, strict=True):
            reach = one.standard_error * adjusted_quantile(
                self.level, one.df, adjust, len(family), len(pairs)
            )
            value, slope = BACK["log"] if ratio else BACK["none"]
            rows.append(
                {
                    **dict(zip(self.by, self.cells[i][len(self.factors) :], strict=True)),
                    "contrast": f"{names[i]} {'/' if ratio else '-'} {names[j]}",
                    "estimate": value(one.estimate),
                    "std_error": slope(one.estimate) * one.standard_error,
                    "df": one.df,
                    "t": one.t,
                    "p": chance,
                    "conf_low": value(one.estimate - reach),
                    "conf_high": value(one.estimate + reach),
                    "lsd": t_quantile(0.5 + 0.5 * self.level, one.df) * one.standard_error,
                }
            )
        return rows

    @checked
    def letters(self, adjust: Adjustment = "tukey", alpha: float = 0.05) -> list[str]:
        """Letters that means share unless they differ; each level of `by` begins with "a"."""
        if not 0.0 < alpha < 1.0:
            raise ValueError(f"alpha must lie between 0 and 1, as 0.05 does, and is {alpha!r}.")
        found = [""] * len(self.cells)
        for family in self._families:
            chances = iter([row["p"] for row in self._family(family, adjust, None, False)])
            different = np.zeros((len(family), len(family)), dtype=np.bool_)
            for a, b in combinations(range(len(family)), 2):
                different[a, b] = different[b, a] = next(chances) < alpha
            own = letters([self.estimates[k].estimate for k in family], different)
            for k, text in zip(family, own, strict=True):
                found[k] = text
        return found

    @property
    def covariance(self) -> pd.DataFrame:
        r"""The covariance matrix of the means, :math:`L \Phi L'`, on the scale of the fit."""
        covariance = np.asarray(self._inference.fixed_effects(self.method).covariance)
        names = [" ".join(cell) for cell in self.cells]
        return pd.DataFrame(self.rows @ covariance @ self.rows.T, index=names, columns=names)

    @property
    def sed(self) -> pd.DataFrame:
        """Standard errors of the differences of all pairs, on the scale of the fit."""
        covariance = self.covariance
        spread = covariance.to_numpy()
        variances = np.diag(spread)[:, None] + np.diag(spread) - 2.0 * spread
        return pd.DataFrame(
            np.sqrt(np.maximum(variances, 0.0)), index=covariance.index, columns=covariance.columns
        )


def predicted_means(
    inference: Inference,
    design: Design,
    factors: str | Sequence[str],
    *,
    by: str | Sequence[str] = (),
    at: Mapping[str, float | Sequence[float]] | None = None,
    back: Back = "none",
    method: Method = "satterthwaite",
    level: float = 0.95,
) -> Means:
    """Predicted means of the levels of some factors.

    Args:
        inference: the fit.
        design: X, made of a table.
        factors: what the means are of.
        by: factors within whose levels they are compared.
        at: values of covariates in place of their means.
        back: the transformation that the response was fitted under: "log", "sqrt" or "logit".
        method: degrees of freedom, as in `Inference.fixed_effects`.
        level: confidence level.

    Raises:
        DesignError: a factor is not among the fixed effects, or a mean cannot be estimated.
        ValueError: there is no such transformation.
    """
    if back not in BACK:
        raise ValueError(f"back must be one of {', '.join(map(repr, BACK))}, and is {back!r}.")
    wanted, within = (
        tuple(given) if isinstance(given, list | tuple) else (given,) for given in (factors, by)
    )
    known = factors_of(design)
    assert design.source is not None, "factors are known of a design that was made of a table"
    used, parsed, _ = design.source
    levels = {parsed.columns_of(part)[0]: own for part, own in known.items()}
    unknown = next((name for name in (*wanted, *within) if name not in levels), None)
    if unknown is not None:
        there = listed(levels) if levels else "none"
        raise DesignError(f"{shown(unknown)} is no factor of the fixed effects, which are {there}.")
    if len({*wanted, *within}) < len(wanted) + len(within):
        raise DesignError(f"Means are of each factor once, and of {listed((*wanted, *within))} was asked.")
    if not isinstance(at or {}, Mapping):
        raise DesignError(f"at= takes covariates with their values, as {{'x': 2}}; got {type(at).__name__}.")
    numeric = {name: float(np.mean(used.numbers(name))) for name in parsed.columns if name not in levels}
    for name, value in (at or {}).items():
        if name not in numeric:
            there = listed(numeric) if numeric else "none"
            raise DesignError(f"{shown(name)} is no covariate of the fixed effects, which are {there}.")
        try:
            numeric[name] = float(np.mean(np.asarray(value, dtype=np.float64)))
        except (TypeError, ValueError):
            raise DesignError(f"at= takes a number for {shown(name)}; got {value!r}.") from None
    rest = [name for name in levels if name not in (*wanted, *within)]
    cells = [cell[::-1] for cell in product(*(levels[name] for name in reversed((*wanted, *within))))]
    others = list(product(*(levels[name] for name in rest)))
    grid: dict[str, list[Any]] = {name: [] for name in (*levels, *numeric)}
    for cell in cells:
        for other in others:
            for name, label in zip((*wanted, *within, *rest), (*cell, *other), strict=True):
                grid[name].append(label)
            for name, value in numeric.items():
                grid[name].append(value)
    if design.left_out:
        raise DesignError(
            "Means average over all combinations of levels, and columns of X were left out because they "
            f"depend on others ({listed(design.left_out)}): not every mean can be estimated. Take the term "
            "out."
        )
    at_grid = design.at(Table.from_columns(grid, "grid"))
    rows = at_grid.x.numpy().reshape(len(cells), len(others), -1).mean(axis=1)
    beside = np.zeros(len(cells))
    if at_grid.offset is not None:
        beside = at_grid.offset.numpy().reshape(len(cells), len(others)).mean(axis=1)
    estimates = tuple(
        _moved(inference.contrast(row, method=method, level=level), float(own))
        for row, own in zip(rows, beside, strict=True)
    )
    return Means(wanted, within, tuple(cells), rows, estimates, back, level, method, inference)


def _moved(mean: Effect, offset: float) -> Effect:
    """A mean with the offset of its rows, which the response was fitted without."""
    if offset == 0.0:
        return mean
    return replace(
        mean, estimate=mean.estimate + offset, lower=mean.lower + offset, upper=mean.upper + offset
    )
