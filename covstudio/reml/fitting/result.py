"""The answer of a fit: frozen, picklable, and readable."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from torch import Tensor

from covstudio.registry import Given
from covstudio.reml.diagnosis.identifiability import Confounded
from covstudio.reml.fitting.parameter_covariance import ParameterCovariance
from covstudio.reml.fitting.uncertainty import Uncertainty
from covstudio.reml.problem.iteration import Iteration
from covstudio.reml.problem.problem import Method
from covstudio.reml.terms.random_effects import RandomEffect

__all__ = ["Fit", "Verdict"]


#: How a fit ended: at a maximum inside the ranges of all parameters; at one with a parameter at an end of its
#: range; at one that is a ridge, along which the data do not tell parameters apart; or before any maximum.
Verdict = Literal["converged", "at the boundary", "not identifiable", "stopped"]


@dataclass(frozen=True)
class Fit:
    """A fitted model.

    Attributes:
        theta: raw estimates, (number of free parameters,), float64; -inf for a variance estimated as zero.
        params: natural values of all parameters by path, fixed ones included.
        uncertainty: what standard errors of variance parameters come from.
        beta: generalised least squares estimates, (p,).
        beta_standard_errors: square roots of the diagonal of (X'V^-1X)^-1, V taken as known, (p,).
        beta_covariance: (X'V^-1X)^-1, (p, p).
        loglik: log-likelihood as lme4, nlme and glmmTMB print it: kernel_loglik - (n - p)/2 log(2 pi) in
            REML, kernel_loglik - n/2 log(2 pi) in ML.
        kernel_loglik: -(log|V| + log|X'V^-1X| + y'Py)/2 in REML; without log|X'V^-1X| in ML.
        aic: -2 loglik + 2 (p + q), q counting the estimated parameters, those at a boundary included, as
            lme4 does.
        bic: -2 loglik + log(n) (p + q).
        blups: term -> predicted random effects, for the Z G Z' terms of the outer sum of V.
        fitted: X beta plus all random effects, (n,); `Inference.fitted_parts` has the parts of other terms.
        marginal_fitted: X beta, (n,).
        residuals: y - fitted, (n,).
        boundary: paths of the parameters that ended at an end of their range, such as a variance of zero, or
            run to the ends of their ranges together, as a variance and a correlation that take up a trend.
        indistinct: paths of the parameters that the data cannot tell apart at the estimates.
        confounded: the groups they fall into, each with the combinations that are estimable.
        converged: whether the maximum was reached.
        verdict: "converged"; or "at the boundary", "not identifiable" or "stopped", the graver of them first
            where more than one holds: stopped, then not identifiable. `converged`, `boundary` and
            `confounded` tell them apart.
        message: what happened, in a sentence or two.
        iterations: steps taken.
        engine: the engine that factored V.
        engine_reason: why this one, in a sentence.
        history: one `Iteration` per step, the start included; the log-likelihood never falls along it.
        n: rows.
        p: fixed effects.
        seconds: time of the whole fit.
        method: "REML" or "ML".
        x_names: names of the fixed effects, in the order of beta.
        dropped: columns of X that were left out because they depend on others (`drop_dependent`); beta,
            `x_names` and p are without them.
        recoded: term -> T, (k, k), where double precision cannot hold the parameters of a term Z G Z' in the
            coding of v: parameters and effects are those of Z T, and the free part of G is T times that of
            the parameters times T'. Empty for any other fit.

    Example:
        >>> import torch
        >>> from covstudio.covariance import ScalarMatrix
        >>> from covstudio.reml import fit
        >>> result = fit(ScalarMatrix(4), torch.tensor([1.0, 2.0, 4.0, 5.0]), torch.ones(4, 1))
        >>> result.converged, round(result.params["sigma^2"], 6), round(float(result.beta[0]), 6)
        (True, 3.333333, 3.0)
    """

    theta: Tensor
    params: Mapping[str, float]
    beta: Tensor
    beta_standard_errors: Tensor
    beta_covariance: Tensor = field(repr=False)
    loglik: float
    kernel_loglik: float
    aic: float
    bic: float
    blups: Mapping[str, RandomEffect]
    fitted: Tensor = field(repr=False)
    marginal_fitted: Tensor = field(repr=False)
    residuals: Tensor = field(repr=False)
    boundary: tuple[str, ...]
    indistinct: tuple[str, ...]
    converged: bool
    message: str
    iterations: int
    engine: str
    history: tuple[Iteration, ...] = field(repr=False)
    uncertainty: Uncertainty = field(repr=False)
    n: int
    p: int
    seconds: float
    engine_reason: str = ""
    method: Method = "REML"
    verdict: Verdict = "converged"
    confounded: tuple[Confounded, ...] = ()
    x_names: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    recoded: Mapping[str, Tensor] = field(default_factory=dict)

    # Without annotations: these are no fields.
    #: Pictures of the fit: `fit.plot("caterpillar")`, `fit.plot("qq", v=v, x=x)`.
    plot = Given("fit.plot")
    _repr_html_ = Given("fit.html", method=True)

    @property
    def covariance(self) -> ParameterCovariance:
        """The covariance matrix of the variance parameters inside their range, found when first asked for.

        It is that of the observed information where its evaluations of the likelihood, four per parameter,
        are predicted to take no more than `uncertainty.WORTH`, and of the average information else; `kind`
        and `reason` say so. The prediction is that of `explain`, from sizes alone.
        """
        return self.uncertainty.covariance

    @property
    def information(self) -> str:
        """What standard errors of variance parameters come from: "observed" or "average"."""
        return self.covariance.kind

    @cached_property
    def standard_errors(self) -> Mapping[str, float]:
        """Standard errors of the variance parameters on the natural scale, by the delta method.

        NaN for what has none: fixed and held parameters, those at an end of their range, and those the data
        cannot tell apart.
        """
        untold = {*self.indistinct, *self.boundary}
        found = self.covariance.standard_errors()
        return {name: math.nan if name in untold else found.get(name, math.nan) for name in self.params}

    def summary(self) -> str:
        """The fit as a table to read.

        Example:
            >>> import torch
            >>> from covstudio.covariance import ScalarMatrix
            >>> from covstudio.reml import fit
            >>> print(fit(ScalarMatrix(4), torch.tensor([1.0, 2.0, 4.0, 5.0]), torch.ones(4, 1)).summary())
            REML fit of 4 rows, 1 fixed effect (dense engine)
            Converged in 0 iterations.
            log-likelihood -6.7559   AIC 17.5118   BIC 16.2844
            <BLANKLINE>
            Variance parameters   estimate  std. error
              sigma^2              3.33333     2.72166
              Standard errors from the observed information
            <BLANKLINE>
            Fixed effects         estimate  std. error
              x0                         3    0.912871
        """
        lines = [
            f"{self.method} fit of {self.n} rows, {self.p} fixed effect{'' if self.p == 1 else 's'} "
            f"({self.engine} engine)",
            self.message,
            f"log-likelihood {self.loglik:.4f}   AIC {self.aic:.4f}   BIC {self.bic:.4f}",
            "",
        ]
        effects = self.x_names or tuple(f"x{j}" for j in range(self.p))
        names = [*self.params, *effects]
        width = max([20, *(len(name) + 2 for name in names)])
        lines.append(f"{'Variance parameters':<{width}}{'estimate':>10}{'std. error':>12}")
        for name, value in self.params.items():
            lines.append(_row(name, value, self.standard_errors[name], width, self._mark(name)))
        if self.covariance.coordinates:
            lines.append(f"  Standard errors from the {self.covariance.source}")
        if self.p:
            lines += ["", f"{'Fixed effects':<{width}}{'estimate':>10}{'std. error':>12}"]
            rows = zip(effects, self.beta.tolist(), self.beta_standard_errors.tolist(), strict=True)
            lines += [_row(name, value, error, width) for name, value, error in rows]
        return "\n".join(lines)

    def _mark(self, name: str) -> str:
        if any(name in group.names for group in self.confounded if group.leads):
            return "  runs to the end of its range"
        if name in self.indistinct:
            return "  not told apart"
        return "  at the end of its range" if name in self.boundary else ""

    def __repr__(self) -> str:
        return self.summary()


def _row(name: str, value: float, error: float, width: int, mark: str = "") -> str:
    shown = "-" if math.isnan(error) else f"{error:.6g}"
    return f"  {name:<{width - 2}}{value:>10.6g}{shown:>12}{mark}"
