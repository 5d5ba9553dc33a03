"""REML at one theta: likelihood, score and information, estimates and predictions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import Matrix, SimpleMatrix
from covstudio.reml.fitting.model import Model
from covstudio.reml.problem.problem import prepare
from covstudio.reml.stepwise.coding import Bound, stays_within
from covstudio.reml.stepwise.session import History, Session, covariance_of, design_of, theta_of
from covstudio.reml.terms.recoding import Recoding, recoding_of
from covstudio.threads import on_threads_worth

__all__ = ["Pieces", "Theta", "rows_of_v"]

Vector = NDArray[np.float64]
Theta = Tensor | Mapping[str, Tensor] | None


def rows_of_v(pieces: Pieces) -> int:
    """The rows of V; 1 before it is known."""
    return pieces.v.shape[0] if pieces.v is not None else 1


@on_threads_worth(rows_of_v)
class Pieces:
    """Everything of `REML` that concerns one theta."""

    def __init__(
        self,
        v: Matrix | None = None,
        engine: str = "auto",
        *,
        v_builder: Matrix | None = None,
        map_theta_to_v: Callable[[Tensor], Tensor] | None = None,
        map_theta_to_dv: Callable[[Tensor], Tensor] | None = None,
        map_theta_to_g: Callable[[Tensor], Tensor] | None = None,
        mask_theta_to_g: Any = None,
    ) -> None:
        given = [model for model in (v, v_builder, map_theta_to_v) if model is not None]
        if len(given) != 1:
            raise TypeError(
                f"V must be given once, as v, v_builder or map_theta_to_v, and is given {len(given)} times."
            )
        self._functions = (map_theta_to_v, map_theta_to_dv)
        self._effects = (map_theta_to_g, mask_theta_to_g)
        self._known: Model | None = None
        self._recoded: tuple[Model, Recoding | None, Model | None] | None = None
        self._asked = engine
        self.v: Matrix | None = v if v is not None else v_builder
        if self.v is not None:
            self._known = Model(self.v, engine)
        self.history = self._searched = History()

    # -- one theta ------------------------------------------------------------------------------------------

    def loglik(self, y: Any, x: Any, theta: Theta) -> Tensor:
        """The kernel of the restricted log-likelihood, -(log|V| + log|X'V^-1X| + y'Py)/2.

        Args:
            y: response, (n,).
            x: fixed-effects matrix, (n, p).
            theta: RAW free parameters; None for the defaults.

        Returns:
            A scalar tensor, float64.

        Raises:
            NotPositiveDefinite: V has no Cholesky factor at theta.
            FitError: y or X is unusable.

        Example:
            >>> import torch
            >>> from covstudio.covariance import ScalarMatrix
            >>> from covstudio.reml import REML
            >>> REML(ScalarMatrix(3)).loglik([1.0, 2.0, 6.0], torch.ones(3, 1), torch.tensor([0.0]))
            tensor(-7.5493, dtype=torch.float64)
        """
        with self._session(y, x, theta) as session:
            return session.tensor(session.point(self._theta(theta)).kernel)

    def ai_step(
        self, y: Any, x: Any, theta: Theta, require_loglik: bool = True, require_beta: bool = True
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Everything an average-information step needs.

        Args:
            y: response, (n,).
            x: fixed-effects matrix, (n, p).
            theta: RAW free parameters.
            require_loglik: return the log-likelihood, else NaN in its place.
            require_beta: return beta, else NaN in its place.

        Returns:
            `(beta, score, ai, loglik)`: (p,), (k,), (k, k) and a scalar; k counts the free parameters that
            are not held, and score and ai are with respect to raw theta.

        Raises:
            NotPositiveDefinite: V has no Cholesky factor at theta.
            FitError: y or X is unusable.
        """
        with self._session(y, x, theta) as session:
            values = self._theta(theta)
            point = session.point(values)
            score, ai = session.raw_derivatives(point, values)
            return (
                point.beta if require_beta else torch.full_like(point.beta, math.nan),
                session.tensor(score),
                session.tensor(ai),
                session.tensor(point.kernel if require_loglik else math.nan),
            )

    def compute_v_dv(self, theta: Theta) -> tuple[Tensor, Tensor | None]:
        """V and its Jacobian with respect to raw theta, written out.

        Args:
            theta: RAW free parameters; None for the defaults.

        Returns:
            `(V, dV)`, (n, n) and (k, n, n), float64; k counts the free parameters that are not held, and
            None stands for no Jacobian at all.

        Example:
            >>> import torch
            >>> from covstudio.covariance import ScalarMatrix
            >>> from covstudio.reml import REML
            >>> REML(ScalarMatrix(1)).compute_v_dv(torch.tensor([0.0]))
            (tensor([[1.]], dtype=torch.float64), tensor([[[2.]]], dtype=torch.float64))
        """
        v = self._matrix(theta)
        values = torch.from_numpy(theta_of(v, theta))
        with torch.no_grad():
            return v(values), v.map_theta_to_dv(values)

    def blue(self, y: Any, x: Any, theta: Theta) -> Tensor:
        """Best linear unbiased estimate of the fixed effects, (X'V^-1X)^-1 X'V^-1 y, (p,)."""
        with self._session(y, x, theta) as session:
            return session.point(self._theta(theta)).beta

    def marginal_predict(self, y: Any, x: Any, theta: Theta) -> Tensor:
        """X beta, (n,)."""
        with self._session(y, x, theta) as session:
            return session.problem.x @ session.point(self._theta(theta)).beta

    def marginal_residual(self, y: Any, x: Any, theta: Theta) -> Tensor:
        """y - X beta, (n,)."""
        with self._session(y, x, theta) as session:
            return session.problem.y - session.problem.x @ session.point(self._theta(theta)).beta

    def blup(
        self, y: Any, x: Any, z: Tensor | Matrix, theta: Theta, g: Tensor | Matrix | None = None
    ) -> Tensor:
        """Best linear unbiased prediction of random effects, G Z'V^-1 (y - X beta), (q,).

        Args:
            y: response, (n,).
            x: fixed-effects matrix, (n, p).
            z: design of the effects, (n, q): a tensor, or a matrix without free parameters.
            theta: RAW free parameters of V.
            g: covariance of the effects, (q, q): an operand of V, taken at its part of theta; a matrix with
                as many free parameters as V, taken at theta; a tensor; or None for what `map_theta_to_g`
                says, else the identity.

        Raises:
            FitError: sizes disagree, or g's parameters cannot be found in theta.
        """
        with self._session(y, x, theta) as session:
            values = self._theta(theta)
            device = session.problem.device
            design = design_of(z, session.problem.n, device)
            at = g if g is not None else self._effects_at(values)
            covariance = covariance_of(self._matrix(theta), at, values, int(design.shape[1]), device)
            return covariance @ (design.mT @ session.point(values).py)

    def predict(
        self, y: Any, x: Any, z: Tensor | Matrix, theta: Theta, g: Tensor | Matrix | None = None
    ) -> Tensor:
        """X beta + Z u, (n,), with u from `blup`."""
        blup = self.blup(y, x, z, theta, g)
        marginal = self.marginal_predict(y, x, theta)
        return marginal + design_of(z, len(marginal), blup.device) @ blup

    def residual(
        self, y: Any, x: Any, z: Tensor | Matrix, theta: Theta, g: Tensor | Matrix | None = None
    ) -> Tensor:
        """y - X beta - Z u, (n,)."""
        blup = self.blup(y, x, z, theta, g)
        marginal = self.marginal_residual(y, x, theta)
        return marginal - design_of(z, len(marginal), blup.device) @ blup

    # -- arguments ------------------------------------------------------------------------------------------

    def _matrix(self, theta: Theta) -> Matrix:
        """The model of V; made of the functions as soon as a theta tells how many parameters there are."""
        if self.v is None:
            value, jacobian = self._functions
            assert value is not None
            if not isinstance(theta, Tensor):
                raise TypeError(
                    "theta must be a tensor where V is given as a function of it, and is a "
                    f"{type(theta).__name__}."
                )
            start = theta.detach().to("cpu", torch.float64)
            names = [f"theta_{k}" for k in range(len(start))]
            gradient = None if jacobian is None else lambda free_params: (jacobian(free_params), names)
            self.v = SimpleMatrix(len(start), value, gradient, default=start)
        return self.v

    def _session(self, y: Any, x: Any, theta: Theta) -> Session:
        problem, v = prepare(y, x), self._matrix(theta)
        known = self._known
        if known is None or known.v is not v or not known.current:
            # Parameters have been declared, fixed or held anew since.
            engine = self._asked if known is None else known.choice.candidate.name
            known = self._known = Model(v, engine, problem.p)
        return Session(known, problem)

    def _searching(
        self, y: Any, x: Any, theta: Theta, lb: Bound, ub: Bound
    ) -> tuple[Session, Recoding | None]:
        """What a search works with: V in the coding that `fit` would take, where bounds let it."""
        plain, v = self._session(y, x, theta), self._matrix(theta)
        known = self._recoded
        if known is None or known[0] is not plain.model:
            recoding = recoding_of(v)
            name = plain.model.choice.candidate.name
            model = None if recoding is None else Model(recoding.v, name, plain.problem.p)
            known = self._recoded = (plain.model, recoding, model)
        _, recoding, model = known
        if recoding is None or model is None or not stays_within(recoding, plain, lb, ub):
            return plain, None
        return Session(model, plain.problem), recoding

    def _theta(self, theta: Theta) -> Vector:
        return theta_of(self._matrix(theta), theta)

    def _effects_at(self, values: Vector) -> Tensor | None:
        covariance, mask = self._effects
        if covariance is None:
            return None
        theta = torch.from_numpy(values)
        return covariance(theta if mask is None else theta[torch.as_tensor(mask)])
