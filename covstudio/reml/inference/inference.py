"""`Inference`: everything a fit says beyond its estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from covstudio.arguments import checked
from covstudio.covariance import Matrix
from covstudio.registry import Given
from covstudio.reml.fitting.result import Fit
from covstudio.reml.fitting.uncertainty import Information
from covstudio.reml.inference.accuracy import Accuracy, accuracies
from covstudio.reml.inference.arguments import checked_count, checked_level, column_names, one_each
from covstudio.reml.inference.binding import Binding
from covstudio.reml.inference.bootstrap import (
    Bootstrap,
    BootstrapTest,
    Progress,
    bootstrap_fit,
    bootstrap_test,
)
from covstudio.reml.inference.comparison import Candidate, compare_candidates
from covstudio.reml.inference.conditional import ConditionalAic, conditional_aic
from covstudio.reml.inference.effects import (
    PredictedEffects,
    Residuals,
    predicted_effects,
    residual_covariance,
    residuals,
)
from covstudio.reml.inference.fixed import (
    Effect,
    FixedEffects,
    FixedTests,
    Method,
    WaldTest,
    WaldTests,
)
from covstudio.reml.inference.influence import Influence, influence_of
from covstudio.reml.inference.new_levels import Wider
from covstudio.reml.inference.parameters import ParameterInference
from covstudio.reml.inference.parts import COLUMNS, FittedPart, fitted_parts
from covstudio.reml.inference.prediction import Prediction, predict_rows
from covstudio.reml.inference.simulation import Simulator
from covstudio.reml.inference.threaded import on_threads_of_the_fit
from covstudio.reml.problem.errors import InvalidData
from covstudio.reml.problem.iteration import Cancel
from covstudio.threads import blas_threads

__all__ = ["Inference"]

Vector = NDArray[np.float64]


@on_threads_of_the_fit
class Inference(ParameterInference):
    r"""What a fit says beyond its estimates: uncertainty, tests, predictions, comparisons, simulation.

    Binds a fit to the model and the data it is of. Nothing is computed before it is asked for, what is
    computed is kept, and V is worked with by the engine of the fit: n x n matrices arise only where that
    engine has them.

    Args:
        fit: the result of `fit`.
        v: the model of V that was fitted.
        y: the response, (n,).
        x: the fixed-effects matrix, (n, p).
        names: of the fixed effects; None for `fit.x_names`.
        information: what the covariance matrix of the variance parameters is the inverse of: "observed"
            (second derivatives of the log-likelihood, as in lmerTest, nlme and SAS), "average" (as in ASReml)
            or "expected"; None for what `Fit.standard_errors` come from. Standard errors and Satterthwaite's
            degrees of freedom come from it; where the observed information is not positive definite, the
            average one serves. Kenward and Roger's come from the expected information, as in their papers and
            pbkrtest, unless "observed" is asked for, which gives those of SAS and mmrm.

    Raises:
        InvalidData, InvalidModel: v, y and x are not what was fitted.

    Example:
        >>> import torch
        >>> from covstudio.covariance import CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
        >>> from covstudio.reml import Inference, fit
        >>> gen = CovariancePropagation(z=DummyMatrix(["a", "a", "b", "b", "c", "c"]), g=ScalarMatrix(3))
        >>> v = Sum(gen=gen, residual=ScalarMatrix(6))
        >>> y, x = torch.tensor([4.0, 6.0, 8.0, 7.0, 1.0, 3.0]), torch.ones(6, 1)
        >>> told = Inference(fit(v, y, x), v, y, x, names=["mean"])
        >>> h2 = told.function("gen/sigma^2 / (gen/sigma^2 + residual/sigma^2)")
        >>> round(h2.estimate, 4), round(h2.standard_error, 4)
        (0.82, 0.2115)
        >>> test = told.wald("mean", method="kenward-roger")
        >>> round(test.f, 4), test.numerator_df, round(test.denominator_df, 4)
        (9.2418, 1, 2.0)
        >>> print(told.fixed_effects())
        Fixed effects (Satterthwaite degrees of freedom; 95 % intervals)
          name  estimate  std. error  df        t         p     lower    upper
          mean   4.83333      1.5899   2  3.04003  0.093307  -2.00744  11.6741
    """

    #: Pictures of the fit: `told.plot("qq")`.
    plot = Given("inference.plot")
    _repr_html_ = Given("inference.html", method=True)

    @checked(own=("v",))
    def __init__(
        self,
        fit: Fit,
        v: Matrix,
        y: Any,
        x: Any,
        names: Sequence[str] | None = None,
        information: Information | None = None,
    ) -> None:
        if information is not None and information not in get_args(Information):
            raise ValueError(
                f"information must be 'observed', 'average', 'expected' or None, and is {information!r}."
            )
        self.fit, self.v = fit, v
        self.information = information
        self.names = column_names(names, fit)
        with blas_threads(fit.n):
            self._binding = Binding(fit, v, y, x)

    def __repr__(self) -> str:
        return f"Inference for a fit of {self.fit.n} rows by the {self.fit.engine} engine"

    # -- fixed effects --------------------------------------------------------------------------------------

    @cached_property
    def _tests(self) -> FixedTests:
        return FixedTests(self._binding.searched, self.names, self._searched_covariance, self.information)

    @checked
    def fixed_effects(self, method: Method = "satterthwaite", level: float = 0.95) -> FixedEffects:
        """Best linear unbiased estimates of the fixed effects, with t statistics.

        Args:
            method: degrees of freedom: "kenward-roger" (with adjusted standard errors; REML only; by the
                expected information unless the observed one was asked for), "kenward-roger-observed" (by the
                observed one), "satterthwaite", "residual" (n - p) or "asymptotic".
            level: confidence level.

        Reference:
            Kenward & Roger (1997), Biometrics 53:983; Giesbrecht & Burns (1985), Biometrics 41:477.
        """
        return self._tests.effects(method, checked_level(level))

    @checked
    def contrast(
        self, what: Any, value: float = 0.0, method: Method = "satterthwaite", level: float = 0.95
    ) -> Effect:
        """One linear combination of fixed effects with its t statistic.

        Args:
            what: its coefficients, (p,), or the name of a column of x.
            value: what it is tested against.
            method: as in `fixed_effects`.
            level: confidence level.
        """
        name, rows = self._tests.contrast(what)
        if len(rows) != 1:
            raise InvalidData(f"contrast takes one combination, and got {len(rows)}: use wald for several.")
        return self._tests.effect(name, rows[0], method, checked_level(level), value)

    @checked
    def wald(
        self,
        what: Any,
        value: float | Sequence[float] = 0.0,
        method: Method = "satterthwaite",
        name: str = "",
    ) -> WaldTest:
        """The Wald test of L beta = value.

        Args:
            what: the name of a column of x, a list of names (all zero together), or L, (l, p).
            value: one number, or one for each row of L.
            method: as in `fixed_effects`.
            name: for the result; None for what was tested.

        Raises:
            InvalidData: L does not fit the fixed effects, or contradicts itself.

        Reference:
            Kenward & Roger (1997), Biometrics 53:983; Fai & Cornelius (1996), J. Stat. Comput. Simul. 54:363.
        """
        own, rows = self._tests.contrast(what)
        return self._tests.wald(name or own, rows, method, one_each(value, len(rows), "value"))

    @checked
    def wald_terms(self, terms: Mapping[str, Any], method: Method = "satterthwaite") -> WaldTests:
        """Wald tests of several terms, each with all its columns together.

        Args:
            terms: name -> columns of x, by names or positions, or L of shape (l, p).
            method: as in `fixed_effects`.
        """
        found = {name: self._tests.contrast(what, whole=True)[1] for name, what in terms.items()}
        tests = [self._tests.wald(name, rows, method, np.zeros(len(rows))) for name, rows in found.items()]
        return WaldTests(tuple(tests), method, self._tests.words(method))

    # -- predictions ----------------------------------------------------------------------------------------

    def random_effects(self) -> dict[str, PredictedEffects]:
        """Predicted random effects by term, with prediction error variances and reliabilities.

        Reference:
            Henderson (1975), Biometrics 31:423.
        """
        return predicted_effects(self._binding)

    @checked
    def accuracy(self, most: int | None = None) -> dict[str, Accuracy]:
        """Prediction errors, SED, reliabilities and heritabilities of every term Z G Z'.

        Args:
            most: terms with more effects are left out; None leaves out none.

        Returns:
            By term: the covariance matrix of the errors of prediction, Cullis' heritability by the mean
            variance of a difference, and the generalised one.

        Raises:
            InvalidModel: a term has too many effects for their errors to be taken together.

        Reference:
            Cullis, Smith & Coombes (2006), J. Agric. Biol. Environ. Stat. 11:381; Oakey et al. (2006),
            Theor. Appl. Genet. 113:809.
        """
        return accuracies(self._binding.searched, None if most is None else checked_count(most, "most"))

    @checked
    def influence(self, groups: Mapping[str, Sequence[int]] | None = None) -> Influence:
        """What leaving out rows does to the fixed effects, V taken as known: changes and Cook's distances.

        Args:
            groups: name -> rows, counted from 0, that are left out together; None for every row by itself.

        Reference:
            Christensen, Pearson & Johnson (1992), Technometrics 34:38.
        """
        return influence_of(self._binding.searched, self.names, groups)

    @cached_property
    def residuals(self) -> Residuals:
        """Marginal and conditional residuals and fitted values; raw, Pearson and studentised."""
        return residuals(self._binding.searched)

    @checked
    def residual_covariance(self, rows: Sequence[int] | None = None) -> Tensor:
        """The covariance matrix of the marginal residuals y - X beta under the model, V - X Phi X'.

        Args:
            rows: k of them, counted from 0; None for all.

        Returns:
            (k, k).

        Raises:
            InvalidModel: there are too many rows for it to be written out.
        """
        return residual_covariance(self._binding, rows)

    @checked
    def fitted_parts(self, structured: bool = False, most: int = COLUMNS) -> dict[str, FittedPart]:
        """What each term of the outer sum of V contributes to the fitted values: V_k P y, whatever V_k is.

        Args:
            structured: only terms that are neither Z G Z' nor the residual, such as products and kernels.
            most: standard errors are found up to so many rows; they take a product with P for each.

        Reference:
            Robinson (1991), Statistical Science 6:15.
        """
        return fitted_parts(self._binding, structured, checked_count(most, "most"))

    @checked
    def predict(
        self,
        x: Any,
        z: Mapping[str, Any] | None = None,
        covariance: Any = None,
        variance: Any = None,
        level: float = 0.95,
        wider: Mapping[str, Wider] | None = None,
    ) -> Prediction:
        """Prediction at new rows.

        Args:
            x: fixed effects of the new rows, (m, p).
            z: term -> its new rows: (m, q) numbers, a `Matrix` without parameters, or one level name
                per row (None for no effect; a number where levels are called by numbers). Terms that are not
                named are at their mean, 0. A level that the fit has no effect of is predicted by its
                covariance with the others, its own variance in the error, where G tells both: independent or
                exchangeable levels, and places on a line that the names tell (AR(1), Ornstein-Uhlenbeck). The
                effects of a term that is no Z G Z', such as a process or a field, are the rows, from "0" on,
                or its places; a V that is no sum is "V".
            covariance: covariances of the new rows with those of y that a correlated residual gives, (m, n).
            variance: variances of the new rows' own part: with `covariance` those of that term; without it
                those of independent errors, for new observations. (m,) or one number.
            level: of the intervals, by the normal distribution with the variances taken as known.
            wider: random term -> its G over old and new levels, for any other G, such as that of a pedigree.

        Returns:
            X beta with standard errors, and the prediction with the random parts and its prediction error.

        Raises:
            InvalidData: sizes do not agree, a term is unknown, or a level is and G does not tell of it.

        Reference: Henderson (1975), Biometrics 31:423; Cressie (1993), Statistics for Spatial Data, ch. 3.
        """
        return predict_rows(self._binding.searched, x, z, covariance, variance, wider, checked_level(level))

    # -- comparison -----------------------------------------------------------------------------------------

    @cached_property
    def conditional_aic(self) -> ConditionalAic:
        """The conditional AIC, with the effective degrees of freedom it counts.

        Reference:
            Vaida & Blanchard (2005), Biometrika 92:351; Greven & Kneib (2010), Biometrika 97:773.
        """
        return conditional_aic(self._binding.searched, self._searched_covariance)

    @checked
    def bootstrap_test(
        self,
        null: Inference,
        count: int = 999,
        seed: int = 0,
        callback: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> BootstrapTest:
        """The likelihood-ratio test of this fit against a smaller one, by simulation from the smaller one.

        Args:
            null: the smaller model.
            count: responses to draw.
            seed: of the generator.
            callback: called with the number of responses done and `count`.
            cancel: a token as `fit` takes it; set, it stops with `FitCancelled`.

        Reference:
            Davison & Hinkley (1997), Bootstrap Methods and their Application, section 4.2.
        """
        pair = [Candidate("", told.fit, told._binding) for told in (null, self)]
        compare_candidates(pair, None)
        return bootstrap_test(null._binding, self._binding, checked_count(count), seed, callback, cancel)

    # -- simulation -----------------------------------------------------------------------------------------

    @checked
    def simulate(self, count: int = 1, seed: int = 0) -> Tensor:
        """Responses drawn from the fitted model, X beta + V^(1/2) e.

        Args:
            count: how many.
            seed: of the generator; the same seed gives the same responses.

        Returns:
            (n, count).
        """
        return Simulator(self._binding, seed).draw(checked_count(count))

    @checked
    def bootstrap(
        self,
        count: int = 999,
        seed: int = 0,
        functions: Sequence[str] = (),
        level: float = 0.95,
        callback: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Bootstrap:
        """The parametric bootstrap: the model fitted to simulated responses.

        Args:
            count: responses to draw.
            seed: of the generator.
            functions: expressions, as in `function`, to evaluate for every refit.
            level: of the intervals.
            callback: called with the number of responses done and `count`.
            cancel: a token as `fit` takes it; set, it stops with `FitCancelled`.

        Reference:
            Davison & Hinkley (1997), Bootstrap Methods and their Application, ch. 5.
        """
        return bootstrap_fit(
            self._binding,
            self.names,
            functions,
            checked_count(count),
            seed,
            checked_level(level),
            callback,
            cancel,
        )
