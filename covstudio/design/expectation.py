"""`Expected`: what a design will tell, before there are data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covstudio.arguments import checked
from covstudio.covariance import Matrix
from covstudio.covariance.parameters.parameterised import Params
from covstudio.data.design import Design
from covstudio.design.expected import (
    ExpectedEffect,
    ExpectedEffects,
    ExpectedParameter,
    ExpectedParameters,
    Power,
)
from covstudio.design.identifiability import Identifiability, identifiability
from covstudio.design.information import InformationMatrix, information_at
from covstudio.design.planned import planned
from covstudio.reml.fitting.parameter_covariance import ParameterCovariance, covariance_of
from covstudio.reml.inference.accuracy import Accuracy, accuracies
from covstudio.reml.inference.arguments import checked_level, one_each
from covstudio.reml.inference.distributions import f_power, t_power, t_quantile
from covstudio.reml.inference.fixed import independent, read_contrast
from covstudio.reml.inference.functions import Expressions, FunctionEstimate
from covstudio.reml.inference.kenward_roger import satterthwaite, slopes_of_phi
from covstudio.reml.inference.tables import plural
from covstudio.reml.problem.errors import InvalidData, InvalidModel
from covstudio.threads import blas_threads, on_threads_worth

__all__ = [
    "Expected",
    "ExpectedEffect",
    "ExpectedEffects",
    "ExpectedParameter",
    "ExpectedParameters",
    "Power",
]

Vector = NDArray[np.float64]


@on_threads_worth(lambda told: int(told.n))
class Expected:
    r"""What a design will tell: V and X at values of the parameters, and no response.

    Everything follows from the expected information of REML, I = tr(P dV_k P dV_l) / 2, from
    (X'V^-1X)^-1 and from the mixed-model equations; nothing is computed before it is asked for, and V is
    worked with by the engine that would fit it.

    Args:
        v: the model of V, (n, n).
        x: the fixed-effects matrix, (n, p), or the `Design` that `design_matrix` gives.
        values: natural values of parameters by name; names may be shortened as in `Inference.function`. The
            others have those of `theta`.
        theta: RAW values of the free parameters, in any form that v takes; None for the defaults of v.
        names: of the columns of x; None for those that it brings.

    Raises:
        InvalidData, InvalidModel, RankDeficient: x is no matrix that could be fitted, or v not of its rows.
        ValueError: a name or a value is wrong.

    Example:
        >>> from covstudio.covariance import CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
        >>> from covstudio.data import design_matrix
        >>> from covstudio.design import Expected, randomised_blocks
        >>> table = randomised_blocks(20, 4, seed=1)
        >>> genotype = DummyMatrix(table.frame["treatment"])
        >>> v = Sum(
        ...     genotype=CovariancePropagation(z=genotype, g=ScalarMatrix(20)), residual=ScalarMatrix(table.n)
        ... )
        >>> told = Expected(v, design_matrix(table, "1 + block"), {"genotype": 0.5, "residual": 1.0})
        >>> print(told.parameters())
        Expected standard errors of variance parameters (inverse of the expected information)
          parameter           value  std. error  relative
          genotype/g/sigma^2    0.5    0.247797  0.495595
          residual/sigma^2        1    0.187317  0.187317
        >>> told.identifiability
        All parameters are told apart.
        >>> round(told.function("genotype / (genotype + residual)").standard_error, 4)
        0.1249
        >>> round(told.random_effects()["genotype"].cullis, 4)
        0.6667
    """

    @checked(own=("v",))
    def __init__(
        self,
        v: Matrix,
        x: Any,
        values: Mapping[str, float] | None = None,
        theta: Params = None,
        names: Sequence[str] | None = None,
    ) -> None:
        if isinstance(x, Design):
            x, names = x.x, list(x.names) if names is None else names
        with blas_threads(len(x) if hasattr(x, "__len__") else 1):
            self._planned = planned(v, x, values, theta, names)

    def __repr__(self) -> str:
        problem = self._planned.problem
        return (
            f"Expected of {problem.n} plots, {plural(problem.p, 'fixed effect')} and "
            f"{plural(len(self.natural), 'parameter')}"
        )

    @property
    def n(self) -> int:
        """Number of plots."""
        return self._planned.problem.n

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the fixed effects."""
        return self._planned.problem.names

    @property
    def natural(self) -> dict[str, float]:
        """Natural values of all parameters by path."""
        return dict(zip(self._planned.variance.names, self._planned.natural.tolist(), strict=True))

    # -- variance parameters --------------------------------------------------------------------------------

    @cached_property
    def information(self) -> InformationMatrix:
        """The expected information about all estimated parameters, by natural values."""
        return information_at(self._planned, self._planned.coordinates)

    @cached_property
    def covariance(self) -> ParameterCovariance:
        """Its inverse over the parameters inside their range and the combinations that are told."""
        found, ends = self.information, self._planned.boundary
        inside = [i for i, c in enumerate(found.coordinates) if c.name not in ends]
        coordinates = [found.coordinates[i] for i in inside]
        covariance = covariance_of(coordinates, found.matrix[np.ix_(inside, inside)], "expected")
        if covariance is None:
            raise InvalidModel(
                "the expected information is lost in rounding error: V is nearly singular at these values."
            )
        return covariance

    @cached_property
    def identifiability(self) -> Identifiability:
        """What the design does not tell, in words: for good, at these values, or hardly."""
        return identifiability(self._planned, self.information)

    def parameters(self) -> ExpectedParameters:
        """Expected standard errors of the variance parameters.

        A parameter at an end of its range has none; one whose standard error exceeds its value will often be
        estimated at the end of its range, where the normal approximation does not hold. Notes say so.

        Reference:
            Searle, Casella & McCulloch (1992), Variance Components, section 6.6.
        """
        errors = self.covariance.standard_errors()
        return ExpectedParameters(
            tuple(self._parameter(c.name, errors.get(c.name, math.nan)) for c in self.information.coordinates)
        )

    def _parameter(self, name: str, error: float) -> ExpectedParameter:
        value = self.natural[name]
        relative = error / abs(value) if value else math.nan
        low, high = self._planned.variance.bounds(self._planned.variance.names.index(name))
        note = ""
        if name in self._planned.boundary:
            note = "at an end of its range: the normal approximation does not hold"
        elif math.isnan(error):
            note = "not told: see identifiability"
        elif error > min(value - low, high - value):
            note = "within a standard error of an end of its range: the normal approximation will not hold"
        return ExpectedParameter(name, value, error, relative, note)

    @cached_property
    def _expressions(self) -> Expressions:
        return Expressions(self._planned)

    @checked
    def function(self, expression: str, level: float = 0.95, scale: str | None = None) -> FunctionEstimate:
        """A function of variance parameters with its expected standard error, by the delta method.

        Args:
            expression: as in `Inference.function`: `gen / (gen + residual)`, `corr(g, 0, 1)`.
            level: confidence level.
            scale: of the interval, as there.

        Reference:
            Lynch & Walsh (1998), Genetics and Analysis of Quantitative Traits, appendix 1.
        """
        return self._expressions.estimate(expression, self.covariance, checked_level(level), scale)

    # -- fixed effects --------------------------------------------------------------------------------------

    @cached_property
    def beta_covariance(self) -> Vector:
        """(X'V^-1X)^-1, (p, p)."""
        return np.asarray(self._planned.phi.numpy())

    @cached_property
    def _slopes(self) -> Vector:
        return slopes_of_phi(self._planned, [c.position for c in self.covariance.coordinates])

    def _degrees(self, rows: Vector) -> float:
        return satterthwaite(self.beta_covariance, self._slopes, self.covariance, rows)

    @checked
    def fixed_effects(self, level: float = 0.95) -> ExpectedEffects:
        """Expected standard errors of the fixed effects.

        Args:
            level: confidence level of the intervals.

        Reference:
            Giesbrecht & Burns (1985), Biometrics 41:477.
        """
        checked = checked_level(level)
        eye = np.eye(len(self.names))
        rows = [self._effect(name, row, checked) for name, row in zip(self.names, eye, strict=True)]
        return ExpectedEffects(tuple(rows), checked)

    @checked
    def contrast(self, what: Any, level: float = 0.95) -> ExpectedEffect:
        """One linear combination of fixed effects.

        Args:
            what: its coefficients, (p,), or the name of a column of x.
            level: confidence level of the interval.

        Raises:
            InvalidData: it is no combination of the fixed effects.
        """
        name, rows = read_contrast(what, self.names)
        if len(rows) != 1:
            raise InvalidData(f"contrast takes one combination, and got {len(rows)}: ask power for several.")
        return self._effect(name, rows[0], checked_level(level))

    def _effect(self, name: str, row: Vector, level: float) -> ExpectedEffect:
        error = math.sqrt(float(row @ self.beta_covariance @ row))
        df = self._degrees(row[None, :])
        return ExpectedEffect(name, error, df, t_quantile(0.5 + 0.5 * level, df) * error)

    @checked
    def power(self, what: Any, difference: float | Sequence[float], level: float = 0.05) -> Power:
        """The chance that a contrast is found to differ from 0.

        Args:
            what: as in `contrast`; or several rows, (l, p), or names of columns, tested together.
            difference: what is there: one number, or one for each row.
            level: of the test.

        Returns:
            By the noncentral t, or F, distribution with Satterthwaite's degrees of freedom.

        Raises:
            InvalidData: it is no combination of the fixed effects, or sizes do not agree.

        Example:
            >>> from covstudio.covariance import ScalarMatrix
            >>> x = [[1.0, 0.0]] * 8 + [[1.0, 1.0]] * 8
            >>> told = Expected(ScalarMatrix(16), x, {"sigma^2": 1.0}, names=["mean", "drug"])
            >>> round(told.power("drug", 1.5).power, 4), round(told.detectable("drug", 0.8), 4)
            (0.7965, 1.5066)

        Reference:
            Littell, Milliken, Stroup, Wolfinger & Schabenberger (2006), SAS for Mixed Models, ch. 12.
        """
        alpha = 1.0 - checked_level(1.0 - level)
        name, rows = read_contrast(what, self.names)
        size = one_each(difference, len(rows), "difference")
        rows, size = independent(rows, size, name)
        spread = rows @ self.beta_covariance @ rows.T
        df, told = self._degrees(rows), tuple(size.tolist())
        if len(rows) == 1:
            error = math.sqrt(float(spread[0, 0]))
            ratio = float(size[0]) / error
            return Power(name, told, error, 1, df, ratio, alpha, t_power(ratio, df, alpha))
        noncentrality = float(size @ np.linalg.solve(spread, size))
        chance = f_power(noncentrality, len(rows), df, alpha)
        return Power(name, told, math.nan, len(rows), df, noncentrality, alpha, chance)

    @checked
    def detectable(self, what: Any, power: float = 0.8, level: float = 0.05) -> float:
        """The smallest difference that a contrast is found to have with this chance.

        Args:
            what: as in `contrast`.
            power: the chance.
            level: of the test.

        Raises:
            InvalidData: it is no combination of the fixed effects.
            ValueError: the power is not between the level and 1.
        """
        effect = self.contrast(what)
        checked_level(level)
        if not level < power < 1.0:
            raise ValueError(f"power must be above the level, {level:g}, and below 1, and is {power!r}.")
        if math.isnan(effect.df):
            return math.nan
        from scipy import optimize

        most = 10.0
        while t_power(most, effect.df, level) < power:
            most *= 10.0
            if most > 1e6:
                return math.inf
        found = optimize.brentq(lambda size: t_power(size, effect.df, level) - power, 0.0, most)
        return float(found) * effect.standard_error

    # -- random effects -------------------------------------------------------------------------------------

    def random_effects(self) -> dict[str, Accuracy]:
        """Prediction errors, SED, reliabilities and heritabilities of every term Z G Z'.

        Reference:
            Henderson (1975), Biometrics 31:423; Cullis, Smith & Coombes (2006), J. Agric. Biol. Environ.
            Stat. 11:381.
        """
        return accuracies(self._planned)
