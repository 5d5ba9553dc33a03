"""The half of `Inference` about variance parameters: standard errors, intervals, profiles, functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property

from covstudio.arguments import checked
from covstudio.reml.fitting.parameter_covariance import ParameterCovariance
from covstudio.reml.fitting.uncertainty import Information
from covstudio.reml.inference.arguments import checked_level
from covstudio.reml.inference.binding import Binding
from covstudio.reml.inference.components import Components, components_of
from covstudio.reml.inference.distributions import normal_quantile
from covstudio.reml.inference.functions import Expressions, FunctionEstimate
from covstudio.reml.inference.information import parameter_covariance
from covstudio.reml.inference.intervals import Intervals, parameter_intervals
from covstudio.reml.inference.profile import Profile, ProfilePoint, profile_parameter
from covstudio.reml.inference.surface import REACH, Others, Surface, likelihood_surface
from covstudio.reml.inference.tables import listed
from covstudio.reml.inference.threaded import on_threads_of_the_fit
from covstudio.reml.problem.errors import InvalidModel
from covstudio.reml.problem.iteration import Cancel

__all__ = ["ParameterInference"]


@on_threads_of_the_fit
class ParameterInference:
    """What a fit says of its variance parameters beyond their estimates; `Inference` has all of it."""

    information: Information | None
    _binding: Binding

    @cached_property
    def covariance(self) -> ParameterCovariance:
        """Covariance matrix of the variance parameters that are inside their range."""
        return parameter_covariance(self._binding, self.information)

    @cached_property
    def _searched_covariance(self) -> ParameterCovariance:
        """The same in the coding that the fit was searched in."""
        return parameter_covariance(self._binding.searched, self.information)

    @checked
    def intervals(self, level: float = 0.95) -> Intervals:
        """Standard errors and intervals of all variance parameters.

        Args:
            level: confidence level.

        Returns:
            For every parameter the delta method's standard error, its interval on the natural scale, and the
            one found on the scale where the estimate is closer to normal and brought back: the logarithm for
            variances and ranges, Fisher's z for correlations. At an end of its range a variance has a
            one-sided interval and no standard error, and any other parameter has neither; `note` says so.

        Reference:
            Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 2.4.
        """
        return parameter_intervals(self._binding, self.covariance, checked_level(level))

    @checked
    def components(self, level: float = 0.95) -> Components:
        """The terms of V: mean variance over the rows, standard deviation, share of the whole, and interval.

        Args:
            level: confidence level of the intervals, which terms of a single variance have.

        Reference:
            Searle, Casella & McCulloch (1992), Variance Components, ch. 1.
        """
        return components_of(self._binding, self.intervals(level), level)

    @property
    def parameters(self) -> int:
        """Number of variance parameters that were estimated, those at an end of their range included."""
        return len(self._binding.coordinates)

    @checked
    def profile(
        self,
        name: str,
        level: float = 0.95,
        callback: Callable[[ProfilePoint], object] | None = None,
        cancel: Cancel | None = None,
    ) -> Profile:
        """The profile likelihood of one variance parameter and its interval.

        Args:
            name: path of an estimated parameter; it may be shortened as in `function`.
            level: confidence level.
            callback: called with every `ProfilePoint`.
            cancel: a token as `fit` takes it; set, it stops with `FitCancelled`.

        Returns:
            The interval where the likelihood has fallen by half the chi-square quantile, open where an end of
            the range comes first, and the refits it was found by.

        Raises:
            ValueError: there is no such parameter, or it was not estimated.
            InvalidModel: it belongs to random effects over a covariate far from zero.

        Reference:
            Venzon & Moolgavkar (1988), Applied Statistics 37:87.
        """
        path = self._estimated(name)
        coordinates = {c.name: c for c in self._binding.coordinates}
        entry = self.intervals(level)[path]
        error = entry.standard_error
        if math.isnan(error):
            error = (entry.upper - entry.estimate) / normal_quantile(0.5 + 0.5 * level)
        binding, c = self._binding, coordinates[path]
        if path in binding.far:
            raise InvalidModel(
                f"the profile of {path} is not taken in a coding so far from zero, where all parameters of "
                "its matrix move together: centre the covariate that its columns are made of."
            )
        parts = () if binding.recoding is None else binding.recoding.parts
        if parts and not any(c.position in part.span for part in parts):
            binding = binding.searched
            c = next(other for other in binding.coordinates if other.name == path)
        return profile_parameter(binding, c, error, level, callback, cancel)

    @checked
    def surface(
        self,
        first: str,
        second: str,
        x: Sequence[float] | None = None,
        y: Sequence[float] | None = None,
        count: int = 13,
        others: Others = "refitted",
        cancel: Cancel | None = None,
    ) -> Surface:
        """The log-likelihood over two variance parameters.

        Args:
            first: path of an estimated parameter; it may be shortened as in `function`.
            second: path of another.
            x: natural values of the first; None for `count` of them, through its 99.8 % interval.
            y: natural values of the second, likewise.
            count: places along an axis whose values are not given.
            others: whether all other parameters are "refitted" at every place, or "held" at their estimates.
            cancel: a token as `fit` takes it; set, it stops with `FitCancelled`.

        Raises:
            ValueError: there is no such parameter, or it was not estimated.
            InvalidModel: it belongs to random effects over a covariate far from zero.

        Reference:
            Venzon & Moolgavkar (1988), Applied Statistics 37:87.
        """
        names = self._estimated(first), self._estimated(second)
        if names[0] == names[1]:
            raise ValueError(f"a surface needs two parameters, and {names[0]} was named twice.")
        intervals = self.intervals(REACH)
        return likelihood_surface(self._binding, intervals, names, x, y, count, others, cancel)

    def _estimated(self, name: str) -> str:
        """The path of an estimated parameter."""
        path = self._expressions.names.meaning(name)
        estimated = [c.name for c in self._binding.coordinates]
        if path not in estimated:
            raise ValueError(
                f"{path} was not estimated (it is fixed or held); estimated were {listed(estimated, 30)}."
            )
        return path

    @cached_property
    def _expressions(self) -> Expressions:
        return Expressions(self._binding)

    @checked
    def function(self, expression: str, level: float = 0.95, scale: str | None = None) -> FunctionEstimate:
        """A function of variance parameters with its standard error and interval by the delta method.

        Args:
            expression: numbers, `+ - * / **`, parentheses, `sqrt`, `log`, `exp`, paths of parameters, and
                `var(operand, i)`, `cov(operand, i, j)`, `corr(operand, i, j)` of entries of an operand's
                value, counted from 0. Parts of a path may be left out where no other parameter could be
                meant: `gen/sigma^2` for `gen/g/sigma^2`. The longest name that stands at a place is taken;
                one in backquotes is taken whole. `V` is the operand for the whole matrix.
            level: confidence level.
            scale: the scale of the interval: "natural", "log", "logit" or "fisher"; None for "fisher" where
                the expression is a correlation, and "natural" elsewhere.

        Raises:
            ValueError: this is not an expression, or it has no value at the estimates.

        Reference:
            Lynch & Walsh (1998), Genetics and Analysis of Quantitative Traits, appendix 1.
        """
        return self._expressions.estimate(expression, self.covariance, checked_level(level), scale)
