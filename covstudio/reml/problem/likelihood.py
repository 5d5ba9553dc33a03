r"""The restricted likelihood, and what an engine must offer to maximise it.

For y ~ N(X beta, V) the kernel of the restricted log-likelihood is

.. math:: \ell(\theta) = -\tfrac12\left(\log|V| + \log|X'V^{-1}X| + y'Py\right), \qquad
          P = V^{-1} - V^{-1}X(X'V^{-1}X)^{-1}X'V^{-1},

its score and its average information, with dots for derivatives with respect to the parameters,

.. math:: s_k = -\tfrac12\left(\operatorname{tr}(P\dot V_k) - y'P\dot V_kPy\right), \qquad
          A_{kl} = \tfrac12\, y'P\dot V_kP\dot V_lPy.

The average information is the mean of the observed and the expected information, simplified (Johnson &
Thompson 1995; Gilmour, Thompson & Cullis 1995): it needs the vectors q_k = dV_k Py only, never a product of
two n x n matrices.

`log L = kernel - (n - p)/2 log(2 pi)` is what lme4, nlme and glmmTMB print. None of them adds log|X'X|/2.

Maximum likelihood (ML) leaves log|X'V^-1X| out, has tr(V^-1 dV_k) in place of tr(P dV_k) in the score, and
n in place of n - p; y'Py and the average information are the same, beta being profiled out either way.

How V is factored is an engine's business. The optimiser sees `Engine` and `Point` below and nothing else.

Sources: Patterson & Thompson (1971), Biometrika 58:545; Searle, Casella & McCulloch (1992), Variance
Components, ch. 6;
Gilmour, Thompson & Cullis (1995), Biometrics 51:1440; Johnson & Thompson (1995), J. Dairy Sci. 78:449.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

__all__ = [
    "Derivatives",
    "Engine",
    "Point",
    "Solves",
    "average_information",
    "kernel",
    "log_likelihood",
    "score",
]

Vector = NDArray[np.float64]


def kernel(logdet_v: float, logdet_xvx: float, quadratic: float) -> float:
    """-(log|V| + log|X'V^-1X| + y'Py)/2.

    Args:
        logdet_v: log|V|.
        logdet_xvx: log|X'V^-1X|.
        quadratic: y'Py.

    Example:
        >>> kernel(1.0, 2.0, 3.0)
        -3.0
    """
    return -0.5 * (logdet_v + logdet_xvx + quadratic)


def log_likelihood(kernel_value: float, n: int, p: int) -> float:
    """The restricted log-likelihood as lme4, nlme and glmmTMB report it: kernel - (n - p)/2 log(2 pi).

    Example:
        >>> round(log_likelihood(16.809849, 72, 3), 4)
        -46.5969
    """
    return kernel_value - 0.5 * (n - p) * math.log(2.0 * math.pi)


def score(traces: Vector, quadratics: Vector) -> Vector:
    """s_k = -(tr(P dV_k) - y'P dV_k P y)/2.

    Args:
        traces: tr(P dV_k), (K,).
        quadratics: y'P dV_k P y, (K,).
    """
    return -0.5 * (traces - quadratics)


def average_information(inner: Vector) -> Vector:
    """A = Q'PQ/2, symmetric.

    Args:
        inner: Q'PQ for the columns q_k = dV_k Py, (K, K).
    """
    return np.asarray(0.25 * (inner + inner.T), dtype=np.float64)


@dataclass(frozen=True)
class Derivatives:
    """Score and average information with respect to some natural parameters.

    Attributes:
        score: (K,).
        information: (K, K), symmetric.
    """

    score: Vector
    information: Vector


class Point(Protocol):
    """The likelihood at one value of the parameters, V factored once."""

    @property
    def natural(self) -> Vector:
        """Natural values of all parameters of V, in `param_names` order."""
        ...

    @property
    def kernel(self) -> float:
        """The kernel log-likelihood."""
        ...

    @property
    def quadratic(self) -> float:
        """y'Py; n - p (n in ML) where a common scale of V is at its optimum."""
        ...

    @property
    def mean_diagonal(self) -> float:
        """Mean of the diagonal of V: against it a parameter's contribution is large or small."""
        ...

    def derivatives(self, positions: Sequence[int]) -> Derivatives:
        """Score and average information for the parameters at these positions of `natural`."""
        ...

    def rescaled(self, factor: float, natural: Vector) -> Point:
        """The point where V is `factor` times as large, which `natural` is known to give.

        Nothing is factored again.
        """
        ...

    @property
    def beta(self) -> Tensor:
        """Generalised least squares estimate (X'V^-1X)^-1 X'V^-1 y, (p,)."""
        ...

    @property
    def beta_covariance(self) -> Tensor:
        """(X'V^-1X)^-1, (p, p)."""
        ...

    @property
    def py(self) -> Tensor:
        """P y = V^-1 (y - X beta), (n,)."""
        ...

    def project(self, b: Tensor) -> Tensor:
        """P B for B of shape (n, k)."""
        ...


class Engine(Protocol):
    """Knows the data and the structure of V; answers for one theta at a time."""

    @property
    def residual_degrees(self) -> int:
        """n - p; n in ML."""
        ...

    @property
    def order(self) -> int:
        """Rows of the largest dense matrix that is worked with: small ones are fastest on one thread."""
        ...

    def at(self, natural: Vector) -> Point | None:
        """The likelihood at these natural values, or None where V is not positive definite."""
        ...


@runtime_checkable
class Solves(Protocol):
    """A point that has V^-1 B by itself, as its factor is not to be had a second time for little."""

    def solve(self, b: Tensor) -> Tensor:
        """V^-1 B for B of shape (n, k)."""
        ...
