"""The newer names of `REML`: one with marginal predictions, and one that is given its terms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from torch import Tensor

from covstudio.covariance import CovariancePropagation, Matrix, Operand, Sum
from covstudio.reml.stepwise.coding import Bound
from covstudio.reml.stepwise.pieces import Theta
from covstudio.reml.stepwise.reml import REML

__all__ = ["MarginalREML", "MixedModelREML"]

#: The name of the error term among the operands of V.
ERROR = "error"


class MarginalREML(REML):
    """REML for y ~ N(X beta, V(theta)), whose `predict` and `residual` leave out random effects.

    Everything else is as in `REML`, `blup` included.

    Example:
        >>> import torch
        >>> from covstudio.covariance import ScalarMatrix
        >>> from covstudio.reml import MarginalREML
        >>> reml = MarginalREML(ScalarMatrix(3))
        >>> residual = reml.residual([1.0, 2.0, 6.0], torch.ones(3, 1), torch.tensor([0.0]))
        >>> [round(number, 4) for number in residual.tolist()]
        [-2.0, -1.0, 3.0]
    """

    def predict(self, y: Any, x: Any, theta: Theta) -> Tensor:  # type: ignore[override]
        """X beta, (n,): `marginal_predict` by its newer name."""
        return self.marginal_predict(y, x, theta)

    def residual(self, y: Any, x: Any, theta: Theta) -> Tensor:  # type: ignore[override]
        """y - X beta, (n,): `marginal_residual` by its newer name."""
        return self.marginal_residual(y, x, theta)

    def ai_step(
        self,
        y: Any,
        x: Any,
        theta: Theta,
        require_loglik: bool = True,
        require_beta: bool = True,
        trace_approx: bool = False,
        subspace_fraction: float = 0.01,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Everything an average-information step needs; see `REML.ai_step`.

        Args:
            y: response, (n,).
            x: fixed-effects matrix, (n, p).
            theta: RAW free parameters.
            require_loglik: return the log-likelihood, else NaN in its place.
            require_beta: return beta, else NaN in its place.
            trace_approx: allows an approximate score; traces are exact all the same.
            subspace_fraction: of the approximation, and so not used.
        """
        return super().ai_step(y, x, theta, require_loglik, require_beta)

    def optimize(
        self,
        y: Any,
        x: Any,
        theta: Theta = None,
        max_iter: int = 200,
        eta: float = 1.0,
        require_loglik: bool = True,
        lb: Bound = -math.inf,
        ub: Bound = math.inf,
        verbose: int = 0,
        check_score: bool = True,
        check_delta: bool = True,
        check_loglik: bool = True,
        tol_score: float = 1e-4,
        tol_delta: float = 1e-4,
        tol_loglik: float = 1e-4,
        trace_approx: bool = False,
        subspace_fraction: float = 0.01,
        exact_score_threshold: float = 10.0,
    ) -> tuple[Tensor, Tensor, int]:
        """Average-information steps on the raw scale; see `REML.optimize`.

        Args:
            y: response, (n,).
            x: fixed-effects matrix, (n, p).
            theta: RAW starting values; None for the defaults.
            max_iter: most steps.
            eta: share of each step to take.
            require_loglik: keep the log-likelihood in the history.
            lb: lower bound or bounds of theta.
            ub: upper bound or bounds of theta.
            verbose: 1 prints a line per step.
            check_score: wait for max |score| < tol_score.
            check_delta: wait for max |delta| < tol_delta.
            check_loglik: wait for the log-likelihood to change by less than tol_loglik.
            tol_score: see `check_score`.
            tol_delta: see `check_delta`.
            tol_loglik: see `check_loglik`.
            trace_approx: allows an approximate score; traces are exact all the same.
            subspace_fraction: of the approximation, and so not used.
            exact_score_threshold: of the approximation, and so not used.

        Returns:
            `(theta, beta, n_iter)`.
        """
        return super().optimize(
            y,
            x,
            theta,
            max_iter,
            eta,
            require_loglik,
            lb,
            ub,
            verbose,
            check_score,
            check_delta,
            check_loglik,
            tol_score,
            tol_delta,
            tol_loglik,
        )


class MixedModelREML(MarginalREML):
    r"""Restricted maximum likelihood for :math:`V = \sum_i Z_i G_i Z_i' + R`, given by its terms.

    Args:
        *terms: pairs (Z, G), one a random term, and R, the one that is no pair; a Z is a matrix without free
            parameters or a tensor. Unnamed random terms are called `term_0`, `term_1`, ...
        engine: how V is factored, as in `fit`.
        **named: random terms by name.

    Attributes:
        v: the model of V, a `Sum` of the random terms and `error`.
        random_terms: name -> (Z, G).
        error_term: R.

    Raises:
        TypeError: there is no error term, or more than one.
        ValueError: no random term, or one named `error`.

    Example:
        >>> from covstudio.covariance import DummyMatrix, ScalarMatrix
        >>> from covstudio.reml import MixedModelREML
        >>> reml = MixedModelREML(ScalarMatrix(4), gen=(DummyMatrix(["a", "a", "b", "b"]), ScalarMatrix(2)))
        >>> reml.v.param_names
        ['gen/g/sigma^2', 'error/sigma^2']
    """

    def __init__(self, *terms: Any, engine: str = "auto", **named: tuple[Operand, Operand]) -> None:
        pairs = [term for term in terms if _is_pair(term)]
        errors = [term for term in terms if not _is_pair(term)]
        if len(errors) != 1:
            raise TypeError(
                f"expected one error term that is no pair, such as ScalarMatrix(n), got {len(errors)}; a "
                "random term is a pair (Z, G)."
            )
        random = {f"term_{k}": pair for k, pair in enumerate(pairs)} | named
        if not random:
            raise ValueError("expected random terms as pairs (Z, G), got none; MarginalREML takes R alone.")
        if ERROR in random:
            raise ValueError(f"expected another name than {ERROR!r} for a random term; it is that of R.")
        self.random_terms: Mapping[str, tuple[Operand, Operand]] = MappingProxyType(dict(random))
        self.error_term: Operand = errors[0]
        operands: dict[str, Matrix | Tensor] = {
            name: CovariancePropagation(z=z, g=g) for name, (z, g) in random.items()
        }
        super().__init__(Sum({**operands, ERROR: self.error_term}), engine)


def _is_pair(term: object) -> bool:
    return isinstance(term, tuple | list) and len(term) == 2
