r"""The conditional AIC: how well a fit predicts new observations on the same levels of its random effects.

.. math:: \text{cAIC} = -2\log f(y \mid \hat\beta, \hat u) + 2(\rho + q_R)

with q_R estimated parameters of the residual covariance R and the effective degrees of freedom rho. Taking
the variances as known, rho = tr(H) with H = I - R P, the matrix of y -> X beta + Z u (Vaida & Blanchard).
That they are estimated adds the trace of what the estimates' own dependence on y does to the fitted values
(Greven & Kneib): with O the observed information,

.. math:: \rho = \operatorname{tr}\frac{\partial\hat y}{\partial y'} = n - \operatorname{tr}(RP)
          + \sum_{kl} (O^{-1})_{kl}\,(P\dot V_kPy)'(RP\dot V_l - \dot R_l)Py .

Parameters at an end of their range stay there and add nothing, as in that paper.

Sources: Vaida & Blanchard (2005), Biometrika 92:351; Greven & Kneib (2010), Biometrika 97:773.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from covstudio.reml.engines.equations.residual import residual_of
from covstudio.reml.fitting.parameter_covariance import ParameterCovariance
from covstudio.reml.inference.binding import Binding
from covstudio.reml.inference.pairs import COLUMN_LIMIT, column_blocks

__all__ = ["ConditionalAic", "conditional_aic"]


@dataclass(frozen=True)
class ConditionalAic:
    """The conditional AIC of a fit and what it is made of.

    Attributes:
        value: -2 loglik + 2 (degrees + residual_parameters); NaN where there is none.
        loglik: log f(y | beta, u), the conditional log-likelihood.
        degrees: effective degrees of freedom, the estimation of variances counted (Greven & Kneib).
        known_degrees: tr(H), the variances taken as known (Vaida & Blanchard).
        residual_parameters: estimated parameters of the residual covariance.
        note: why there is none; empty where there is one.
    """

    value: float
    loglik: float
    degrees: float
    known_degrees: float
    residual_parameters: int
    note: str = ""


def conditional_aic(binding: Binding, covariance: ParameterCovariance) -> ConditionalAic:
    """The conditional AIC.

    Args:
        binding: the fit and its model.
        covariance: of the variance parameters inside their range.
    """
    pieces, n = binding.residual_pieces, binding.problem.n
    inside = {k for piece in pieces for k in piece.positions}
    count = sum(c.position in inside for c in binding.coordinates)
    untold = set(binding.fit.indistinct)
    within = {binding.variance.names[k] for k in inside}
    if untold & within and untold - within:
        return _none(count, "the residual and the random effects are not told apart by these data")
    logdet = _logdet(binding)
    if logdet is None:
        return _none(count, "every term of V is Z G Z', or R is singular: no distribution given the effects")
    trace = _trace(binding)
    if trace is None:
        return _none(
            count, f"tr(R P) is not taken for more than {COLUMN_LIMIT} rows and an R without a scale"
        )
    py = binding.py.unsqueeze(1)
    error = binding.multiply(pieces, py)
    loglik = -0.5 * (n * math.log(2.0 * math.pi) + logdet + float((error * py).sum()))
    known = n - trace
    degrees = known + _learnt(binding, covariance, inside)
    return ConditionalAic(-2.0 * loglik + 2.0 * (degrees + count), loglik, degrees, known, count)


def _none(count: int, note: str) -> ConditionalAic:
    return ConditionalAic(math.nan, math.nan, math.nan, math.nan, count, note)


def _logdet(binding: Binding) -> float | None:
    """log|R|; None where R is singular or there is none."""
    pieces, n = binding.residual_pieces, binding.problem.n
    if not pieces:
        return None
    residuals = binding.variance.of(pieces)
    with binding.threads(), torch.no_grad():
        residual = None if residuals.others else residual_of(residuals)
        if residual is not None:
            point = residual.at(binding.natural)
            return None if point is None or not math.isfinite(point.logdet) else point.logdet
        if n > COLUMN_LIMIT:
            return None
        eye = torch.eye(n, dtype=torch.float64)
        factor, info = torch.linalg.cholesky_ex(binding.multiply(pieces, eye))
        return None if int(info) else 2.0 * float(torch.log(factor.diagonal()).sum())


def _trace(binding: Binding) -> float | None:
    """tr(R P): from the score where R is a sum of its derivatives (Euler), else column by column."""
    weights = _euler(binding)
    if weights is not None:
        positions = list(weights)
        py = binding.py.unsqueeze(1)
        with binding.threads(), torch.no_grad():
            score = binding.restricted.derivatives(positions).score
        quadratics = np.array([float((py * binding.derivative(k, py)).sum()) for k in positions])
        # s_k = -(tr(P dV_k) - y'P dV_k P y)/2.
        return float(np.array(list(weights.values())) @ (quadratics - 2.0 * score))
    if binding.problem.n > COLUMN_LIMIT:
        return None
    total = 0.0
    for unit in column_blocks(binding):
        total += float((binding.project(unit) * binding.multiply(binding.residual_pieces, unit)).sum())
    return total


def _euler(binding: Binding) -> dict[int, float] | None:
    """Factors w_k with R = sum w_k dR_k, where R is homogeneous in its scales; None where it is not."""
    weights = {}
    inside = {k for piece in binding.residual_pieces for k in piece.positions}
    for c in binding.coordinates:
        if c.position in inside and c.degree and binding.natural[c.position] != 0.0:
            weights[c.position] = float(binding.natural[c.position]) / c.degree
    if not weights:
        return None
    probe = torch.randn(
        (binding.problem.n, 2), dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )
    whole = binding.multiply(binding.residual_pieces, probe)
    parts = sum(w * binding.derivative(k, probe) for k, w in weights.items())
    gap = float(torch.linalg.vector_norm(whole - parts))
    return weights if gap <= 1e-10 * float(torch.linalg.vector_norm(whole)) else None


def _learnt(binding: Binding, covariance: ParameterCovariance, inside: set[int]) -> float:
    """What the dependence of the variance estimates on y adds to the degrees of freedom."""
    positions = [c.position for c in covariance.coordinates]
    if not positions:
        return 0.0
    py = binding.py.unsqueeze(1)
    moved = torch.cat([binding.derivative(k, py) for k in positions], dim=1)
    projected = binding.project(moved)
    change = binding.multiply(binding.residual_pieces, projected)
    own = [i for i, k in enumerate(positions) if k in inside]
    change[:, own] -= moved[:, own]
    return float((covariance.matrix * (projected.mT @ change).numpy()).sum())
