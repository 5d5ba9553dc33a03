r"""Estimates and predictions at a V that is given as a tensor.

.. math:: \hat\beta = (X'V^{-1}X)^{-1} X'V^{-1} y, \qquad \hat u = G Z'V^{-1}(y - X \hat\beta).

Everything is computed in float64, by one Cholesky factor of V, and returned on the device of V.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

import torch
from torch import Tensor

from covstudio.reml.problem.errors import NotPositiveDefinite
from covstudio.reml.problem.problem import prepare
from covstudio.threads import blas_threads

__all__ = ["blue", "blup", "loglik", "marginal_predict", "marginal_residual", "predict", "residual"]


def _on_threads_worth_v(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function whose last argument is V, on the threads that its rows are worth."""

    @wraps(function)
    def on_them(*arguments: Any, **named: Any) -> Tensor:
        shape = tuple(getattr(named.get("v", arguments[-1] if arguments else None), "shape", ()))
        with blas_threads(int(shape[0]) if shape else 1):
            return function(*arguments, **named)

    return on_them


class _Solved(NamedTuple):
    """y, X and V with the estimates at V."""

    y: Tensor
    x: Tensor
    factor: Tensor
    beta: Tensor
    kernel: Tensor


def _solved(y: Any, x: Any, v: Any) -> _Solved:
    problem = prepare(y, x)
    matrix = torch.as_tensor(v).detach().to(torch.float64)
    if tuple(matrix.shape) != (problem.n, problem.n):
        raise ValueError(
            f"v must be {problem.n} x {problem.n}, as y has {problem.n} rows, and is of shape "
            f"{tuple(matrix.shape)}."
        )
    y, x = problem.y.to(matrix.device), problem.x.to(matrix.device)
    factor, failed = torch.linalg.cholesky_ex(matrix)
    if bool(failed):
        raise NotPositiveDefinite(
            f"v must be positive definite, and its leading {int(failed)} rows are not: look at its "
            "parameters."
        )
    left = torch.linalg.solve_triangular(factor, torch.column_stack([x, y]), upper=False)
    gram = left[:, :-1].mT @ left[:, :-1]
    beta = torch.linalg.solve(gram, left[:, :-1].mT @ left[:, -1])
    rest = left[:, -1] - left[:, :-1] @ beta
    logdet = 2 * factor.diagonal().log().sum() + torch.linalg.slogdet(gram)[1]
    return _Solved(y, x, factor, beta, -0.5 * (logdet + rest @ rest))


@_on_threads_worth_v
def loglik(y: Any, x: Any, v: Any) -> Tensor:
    """The kernel of the restricted log-likelihood, -(log|V| + log|X'V^-1X| + y'Py)/2.

    Args:
        y: response, (n,).
        x: fixed-effects matrix, (n, p).
        v: covariance of y, (n, n).

    Returns:
        A scalar tensor, float64.

    Raises:
        NotPositiveDefinite: V has no Cholesky factor.
        FitError: y or X is unusable.

    Example:
        >>> import torch
        >>> from covstudio.reml import post
        >>> post.loglik([1.0, 2.0, 6.0], torch.ones(3, 1), torch.eye(3))
        tensor(-7.5493, dtype=torch.float64)

    Reference:
        Patterson & Thompson (1971), Biometrika 58:545-554.
    """
    return _solved(y, x, v).kernel


@_on_threads_worth_v
def blue(y: Any, x: Any, v: Any) -> Tensor:
    """Best linear unbiased estimate of the fixed effects, (p,); arguments and errors as of `loglik`."""
    return _solved(y, x, v).beta


@_on_threads_worth_v
def blup(y: Any, x: Any, z: Any, g: Any, v: Any) -> Tensor:
    """Best linear unbiased prediction of random effects, G Z'V^-1 (y - X beta), (q,).

    Args:
        y: response, (n,).
        x: fixed-effects matrix, (n, p).
        z: design of the effects, (n, q).
        g: covariance of the effects, (q, q).
        v: covariance of y, (n, n), Z G Z' included.

    Raises:
        NotPositiveDefinite: V has no Cholesky factor.
        FitError: y or X is unusable.

    Example:
        >>> import torch
        >>> from covstudio.reml import post
        >>> z = torch.tensor([[1.0], [1.0], [0.0]])
        >>> post.blup([3.0, 5.0, 1.0], torch.ones(3, 1), z, torch.eye(1), z @ z.T + torch.eye(3))
        tensor([1.2000], dtype=torch.float64)
    """
    here = _solved(y, x, v)
    design = torch.as_tensor(z).to(here.factor)
    weights = torch.cholesky_solve((here.y - here.x @ here.beta)[:, None], here.factor)[:, 0]
    return torch.as_tensor(g).to(here.factor) @ (design.mT @ weights)


@_on_threads_worth_v
def marginal_predict(y: Any, x: Any, v: Any) -> Tensor:
    """X beta, (n,); arguments and errors as of `loglik`."""
    here = _solved(y, x, v)
    return here.x @ here.beta


@_on_threads_worth_v
def marginal_residual(y: Any, x: Any, v: Any) -> Tensor:
    """y - X beta, (n,); arguments and errors as of `loglik`."""
    here = _solved(y, x, v)
    return here.y - here.x @ here.beta


@_on_threads_worth_v
def predict(y: Any, x: Any, z: Any, g: Any, v: Any) -> Tensor:
    """X beta + Z u, (n,), with u from `blup`."""
    effects = blup(y, x, z, g, v)
    return marginal_predict(y, x, v) + torch.as_tensor(z).to(effects) @ effects


@_on_threads_worth_v
def residual(y: Any, x: Any, z: Any, g: Any, v: Any) -> Tensor:
    """y - X beta - Z u, (n,), with u from `blup`."""
    effects = blup(y, x, z, g, v)
    return marginal_residual(y, x, v) - torch.as_tensor(z).to(effects) @ effects
