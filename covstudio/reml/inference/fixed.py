"""Fixed effects: estimates with t statistics, and Wald tests of terms and contrasts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.fitting.parameter_covariance import ParameterCovariance
from covstudio.reml.fitting.uncertainty import Information
from covstudio.reml.inference.binding import Binding
from covstudio.reml.inference.distributions import f_tail, t_quantile, t_tail
from covstudio.reml.inference.information import parameter_covariance
from covstudio.reml.inference.kenward_roger import (
    Adjustment,
    adjustment,
    kenward_roger,
    satterthwaite,
    slopes_of_phi,
)
from covstudio.reml.inference.tables import NamedRows, Row, listed
from covstudio.reml.problem.errors import InvalidData, InvalidModel

__all__ = [
    "METHODS",
    "Effect",
    "FixedEffects",
    "FixedTests",
    "Method",
    "WaldTest",
    "WaldTests",
    "independent",
    "read_contrast",
]

Vector = NDArray[np.float64]
Method = Literal["kenward-roger", "kenward-roger-observed", "satterthwaite", "residual", "asymptotic"]
METHODS: tuple[str, ...] = get_args(Method)
ADJUSTED = ("kenward-roger", "kenward-roger-observed")

_WORDS = {
    "kenward-roger": "Kenward-Roger standard errors and degrees of freedom",
    "kenward-roger-observed": "Kenward-Roger standard errors and degrees of freedom "
    "by the observed information",
    "satterthwaite": "Satterthwaite degrees of freedom",
    "residual": "n - p degrees of freedom",
    "asymptotic": "no correction for the estimated variances",
}


@dataclass(frozen=True)
class Effect:
    """One fixed effect, or a linear combination of some.

    Attributes:
        name: of the column of X, or what the combination was called.
        estimate: best linear unbiased estimate, the variances taken as their estimates.
        standard_error: of the method.
        df: degrees of freedom of t; infinite for the asymptotic method.
        t: estimate / standard_error.
        p_value: two-sided.
        lower: lower end of the interval.
        upper: upper end.
    """

    name: str
    estimate: float
    standard_error: float
    df: float
    t: float
    p_value: float
    lower: float
    upper: float

    def row(self) -> Row:
        """The entries as a dictionary."""
        return {
            "name": self.name,
            "estimate": self.estimate,
            "std. error": self.standard_error,
            "df": self.df,
            "t": self.t,
            "p": self.p_value,
            "lower": self.lower,
            "upper": self.upper,
        }


@dataclass(frozen=True, repr=False, eq=False)
class FixedEffects(NamedRows[Effect]):
    """Fixed effects with t statistics.

    Attributes:
        entries: one per effect.
        covariance: of the estimates, by the method, (p, p).
        method: where the degrees of freedom are from.
        level: confidence level of the intervals.
        words: the method in words.
    """

    covariance: Tensor
    method: str
    level: float
    words: str

    what = "effect"

    def _title(self) -> str:
        return f"Fixed effects ({self.words}; {100 * self.level:g} % intervals)"


@dataclass(frozen=True)
class WaldTest:
    """A test of L beta = r.

    Attributes:
        name: what was tested.
        f: the F statistic, scaled where the method does so.
        numerator_df: rank of L.
        denominator_df: infinite for the asymptotic method.
        p_value: P(F > f).
        scaling: what the unscaled F was multiplied with.
        method: where the degrees of freedom are from.
    """

    name: str
    f: float
    numerator_df: int
    denominator_df: float
    p_value: float
    scaling: float
    method: str

    def row(self) -> Row:
        """The entries as a dictionary."""
        return {
            "name": self.name,
            "F": self.f,
            "df": self.numerator_df,
            "den. df": self.denominator_df,
            "p": self.p_value,
            "scaling": self.scaling,
        }


@dataclass(frozen=True, repr=False)
class WaldTests(NamedRows[WaldTest]):
    """Tests of several terms.

    Attributes:
        entries: one per term.
        method: where the degrees of freedom are from.
        words: the method in words.
    """

    method: str
    words: str

    what = "test"

    def _title(self) -> str:
        return f"Wald tests of fixed effects ({self.words})"


class FixedTests:
    """Tests of the fixed effects of one fit.

    Args:
        binding: the fit and its model.
        names: of the columns of X.
        covariance: of the variance parameters inside their range.
        information: the information that was asked for; None for none in particular.
    """

    def __init__(
        self,
        binding: Binding,
        names: tuple[str, ...],
        covariance: ParameterCovariance,
        information: Information | None = None,
    ) -> None:
        self.binding = binding
        self.information = information
        self.names = names
        self.parameters = covariance
        self.beta = binding.point.beta.numpy()
        self.phi = binding.phi.numpy()

    @cached_property
    def _slopes(self) -> Vector:
        return slopes_of_phi(self.binding, [c.position for c in self.parameters.coordinates])

    @cached_property
    def _by_expected(self) -> Adjustment:
        return adjustment(self.binding)

    @cached_property
    def _by_observed(self) -> Adjustment:
        found = self.parameters
        if found.kind != "observed":
            found = parameter_covariance(self.binding, "observed")
        if found.kind != "observed":
            raise InvalidModel(
                "Kenward and Roger's adjustment was asked for by the observed information, which is not "
                "positive definite at the estimates: ask for information='expected'."
            )
        return adjustment(self.binding, found)

    def _adjustment(self, method: str) -> Adjustment:
        return self._by_observed if self._meant(method) == "kenward-roger-observed" else self._by_expected

    def _meant(self, method: str) -> str:
        """The method, where the information that was asked for says which one of two."""
        by_observed = method == "kenward-roger" and self.information == "observed"
        return "kenward-roger-observed" if by_observed else method

    def words(self, method: str) -> str:
        """A method in words."""
        return _WORDS[self._meant(method)]

    def covariance(self, method: str) -> Vector:
        """Covariance of beta by the method, (p, p)."""
        check_method(method, self.binding.fit.method)
        return self._adjustment(method).adjusted if method in ADJUSTED else self.phi

    def degrees(self, contrast: Vector, method: str) -> tuple[float, float]:
        """Denominator degrees of freedom for L, and the factor of F."""
        if method in ADJUSTED:
            return kenward_roger(self._adjustment(method), contrast)
        if method == "satterthwaite":
            return satterthwaite(self.phi, self._slopes, self.parameters, contrast), 1.0
        return (float(self.binding.problem.n - len(self.phi)) if method == "residual" else math.inf), 1.0

    def effect(self, name: str, row: Vector, method: str, level: float, value: float = 0.0) -> Effect:
        """A linear combination of beta with its t statistic against `value`."""
        covariance = self.covariance(method)
        estimate, error = float(row @ self.beta), math.sqrt(float(row @ covariance @ row))
        df, _ = self.degrees(row[None, :], method)
        t = (estimate - value) / error
        reach = t_quantile(0.5 + 0.5 * level, df) * error
        return Effect(name, estimate, error, df, t, t_tail(t, df), estimate - reach, estimate + reach)

    def effects(self, method: str, level: float) -> FixedEffects:
        """All columns of X, one by one."""
        eye = np.eye(len(self.beta))
        entries = [self.effect(name, row, method, level) for name, row in zip(self.names, eye, strict=True)]
        covariance = torch.from_numpy(self.covariance(method).copy())
        return FixedEffects(tuple(entries), covariance, method, level, self.words(method))

    def wald(self, name: str, contrast: Vector, method: str, value: Vector) -> WaldTest:
        """The test of L beta = r; rows of L that depend on others are left out."""
        covariance = self.covariance(method)
        contrast, value = independent(contrast, value, name)
        away = contrast @ self.beta - value
        statistic = float(away @ np.linalg.solve(contrast @ covariance @ contrast.T, away)) / len(contrast)
        df, scaling = self.degrees(contrast, method)
        f = scaling * statistic
        return WaldTest(name, f, len(contrast), df, f_tail(f, len(contrast), df), scaling, method)

    def contrast(self, what: Any, whole: bool = False) -> tuple[str, Vector]:
        """L from a column's name or position, several of them, or a matrix; see `read_contrast`."""
        return read_contrast(what, self.names, whole)


def read_contrast(what: Any, names: Sequence[str], whole: bool = False) -> tuple[str, Vector]:
    """What a contrast is called, and its rows L.

    Args:
        what: name or position of a column of X, a sequence of these, or L of shape (l, p) or (p,).
        names: of the columns of X.
        whole: whether a sequence of numbers of length p is positions of columns rather than a row of L.

    Raises:
        InvalidData: it is none of these.

    Example:
        >>> read_contrast(["b", "a"], ["a", "b", "c"])
        ('b, a', array([[0., 1., 0.],
               [1., 0., 0.]]))
    """
    p = len(names)
    if isinstance(what, str | int | np.integer) and not isinstance(what, bool):
        name, place = _column(what, names)
        return name, np.eye(p)[[place]]
    if isinstance(what, Sequence) and what and all(_is_column(w, whole) for w in what):
        columns = [_column(w, names) for w in what]
        return ", ".join(name for name, _ in columns), np.eye(p)[[j for _, j in columns]]
    try:
        rows = np.atleast_2d(torch.as_tensor(what, dtype=torch.float64).numpy())
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidData(
            f"a contrast is a column's name, a list of names, or a matrix with {p} columns of numbers; "
            f"got {what!r}."
        ) from error
    if rows.ndim != 2 or rows.shape[1] != p or not rows.size:
        raise InvalidData(
            f"a contrast needs one entry for each of the {p} fixed effects ({listed(names)}), and "
            f"has shape {tuple(np.shape(what))}."
        )
    if not np.isfinite(rows).all():
        raise InvalidData("a contrast has entries that are not finite.")
    return "contrast", rows


def _column(what: Any, names: Sequence[str]) -> tuple[str, int]:
    if isinstance(what, str):
        if what not in names:
            raise InvalidData(f"there is no fixed effect {what!r}; there are {listed(names, 30)}.")
        return what, list(names).index(what)
    j = int(what)
    if not 0 <= j < len(names):
        raise InvalidData(f"fixed effects are counted from 0 to {len(names) - 1}; got {j}.")
    return names[j], j


def _is_column(what: Any, whole: bool) -> bool:
    return isinstance(what, str) or (whole and isinstance(what, int) and not isinstance(what, bool))


def independent(contrast: Vector, value: Vector, name: str) -> tuple[Vector, Vector]:
    """Rows of L that do not depend on rows before them; a contradiction among the others is said."""
    kept: list[int] = []
    for i in range(len(contrast)):
        if np.linalg.matrix_rank(contrast[[*kept, i]]) > len(kept):
            kept.append(i)
            continue
        if kept:
            weights = np.linalg.lstsq(contrast[kept].T, contrast[i], rcond=None)[0]
            expected = float(weights @ value[kept])
        else:
            expected = 0.0
        if abs(expected - value[i]) > 1e-8 * (1.0 + abs(value[i])):
            raise InvalidData(
                f"the hypothesis about {name} contradicts itself: row {i} of the contrast follows from the "
                f"rows before it, with the value {expected:.6g} instead of {value[i]:.6g}."
            )
    if not kept:
        raise InvalidData(f"the contrast about {name} is all zero: there is nothing to test.")
    return contrast[kept], value[kept]


def check_method(method: str, criterion: str) -> None:
    """Refuse unknown methods, and Kenward-Roger where it does not apply."""
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(map(repr, METHODS))}, and is {method!r}.")
    if method in ADJUSTED and criterion != "REML":
        raise InvalidModel(
            f"Kenward and Roger's adjustment is for REML, and this is a fit by {criterion}: fit by REML, or "
            "ask for method='satterthwaite'."
        )
