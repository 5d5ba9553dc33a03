r"""The pieces of REML one at a time, at a theta of your own: `REML(v)`, in the manner of torch-openreml.

`fit` is the way to an estimate. This class serves to look at the likelihood, to follow plain
average-information steps on the raw scale, and to run code written for torch-openreml. Score and average
information here are with respect to RAW theta:

.. math:: s^{raw}_k = s_k f_k', \qquad A^{raw}_{kl} = A_{kl} f_k' f_l',

f' the slopes of the transforms. Held parameters have no row; fixed ones are no part of theta.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import Matrix
from covstudio.reml.fitting.model import Model
from covstudio.reml.problem.likelihood import Point
from covstudio.reml.problem.problem import prepare
from covstudio.reml.stepwise.raw_step import Bound, proposal
from covstudio.reml.stepwise.session import History, Session, covariance_of, design_of, theta_of

__all__ = ["REML", "History"]

Vector = NDArray[np.float64]
Theta = Tensor | Mapping[str, Tensor] | None


class REML:
    """Restricted maximum likelihood for y ~ N(X beta, V(theta)), step by step.

    Args:
        v: the model of V, (n, n).
        engine: how V is factored, as in `fit`.

    Attributes:
        v: the model of V.
        history: what the last `optimize` went through, in tensors on the CPU.

    What comes of y and X is computed, and returned, on the device of y, when it is a tensor, or else of X;
    theta may be on any.

    Raises:
        TypeError: v is no `Matrix`.
        InvalidModel: V is not square.
        TooManyRows: no engine takes V, and it has more rows than the dense one holds.
        ValueError: there is no such engine.

    Example:
        >>> import torch
        >>> from covstudio.covariance import ScalarMatrix
        >>> from covstudio.reml import REML
        >>> y, x = torch.tensor([1.0, 2.0, 4.0, 5.0]), torch.ones(4, 1)
        >>> reml = REML(ScalarMatrix(4))
        >>> theta, beta, n_iter = reml.optimize(y, x, torch.tensor([0.0]))
        >>> round(float(torch.exp(2 * theta)), 4), beta
        (3.3333, tensor([3.], dtype=torch.float64))

    Reference:
        Gilmour, Thompson & Cullis (1995), Biometrics 51:1440-1450.
    """

    def __init__(self, v: Matrix, engine: str = "auto") -> None:
        self._model = Model(v, engine)
        self.v = v
        self.history = History()

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
            >>> REML(ScalarMatrix(3)).loglik([1.0, 2.0, 6.0], torch.ones(3, 1), torch.tensor([0.0]))
            tensor(-7.5493, dtype=torch.float64)
        """
        with self._session(y, x) as session:
            return session.tensor(session.point(self._theta(theta)).kernel)

    def ai_step(
        self, y: Any, x: Any, theta: Theta, require_loglik: bool = True, require_beta: bool = True
    ) -> tuple[Tensor | None, Tensor, Tensor, Tensor | None]:
        """Everything an average-information step needs.

        Args:
            y: response, (n,).
            x: fixed-effects matrix, (n, p).
            theta: RAW free parameters.
            require_loglik: return the log-likelihood, else None in its place.
            require_beta: return beta, else None in its place.

        Returns:
            `(beta, score, ai, loglik)`: (p,), (k,), (k, k) and a scalar; k counts the free parameters that
            are not held, and score and ai are with respect to raw theta.

        Raises:
            NotPositiveDefinite: V has no Cholesky factor at theta.
            FitError: y or X is unusable.
        """
        with self._session(y, x) as session:
            values = self._theta(theta)
            point = session.point(values)
            score, ai = session.raw_derivatives(point, values)
            return (
                point.beta if require_beta else None,
                session.tensor(score),
                session.tensor(ai),
                session.tensor(point.kernel) if require_loglik else None,
            )

    def blue(self, y: Any, x: Any, theta: Theta) -> Tensor:
        """Best linear unbiased estimate of the fixed effects, (X'V^-1X)^-1 X'V^-1 y, (p,)."""
        with self._session(y, x) as session:
            return session.point(self._theta(theta)).beta

    def marginal_predict(self, y: Any, x: Any, theta: Theta) -> Tensor:
        """X beta, (n,)."""
        with self._session(y, x) as session:
            return session.problem.x @ session.point(self._theta(theta)).beta

    def marginal_residual(self, y: Any, x: Any, theta: Theta) -> Tensor:
        """y - X beta, (n,)."""
        with self._session(y, x) as session:
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
                as many free parameters as V, taken at theta; a tensor; or None for the identity.

        Raises:
            FitError: sizes disagree, or g's parameters cannot be found in theta.
        """
        with self._session(y, x) as session:
            values = self._theta(theta)
            device = session.problem.device
            design = design_of(z, session.problem.n, device)
            covariance = covariance_of(self.v, g, values, int(design.shape[1]), device)
            return covariance @ (design.mT @ session.point(values).py)

    def predict(
        self, y: Any, x: Any, z: Tensor | Matrix, theta: Theta, g: Tensor | Matrix | None = None
    ) -> Tensor:
        """X beta + Z u, (n,), with u from `blup`."""
        blup = self.blup(y, x, z, theta, g)
        return self.marginal_predict(y, x, theta) + design_of(z, self.v.shape[0], blup.device) @ blup

    def residual(
        self, y: Any, x: Any, z: Tensor | Matrix, theta: Theta, g: Tensor | Matrix | None = None
    ) -> Tensor:
        """y - X beta - Z u, (n,)."""
        blup = self.blup(y, x, z, theta, g)
        return self.marginal_residual(y, x, theta) - design_of(z, self.v.shape[0], blup.device) @ blup

    # -- steps ----------------------------------------------------------------------------------------------

    def update(
        self, theta: Tensor, delta: Tensor, eta: float = 1.0, lb: Bound = -math.inf, ub: Bound = math.inf
    ) -> Tensor:
        """theta + eta delta, kept within [lb, ub].

        Args:
            theta: RAW free parameters.
            delta: step, of the same shape.
            eta: share of the step to take.
            lb: lower bound or bounds.
            ub: upper bound or bounds.

        Example:
            >>> import torch
            >>> from covstudio.covariance import ScalarMatrix
            >>> REML(ScalarMatrix(2)).update(torch.tensor([0.0]), torch.tensor([3.0]), 0.5, ub=1.0)
            tensor([1.])
        """
        moved = theta + eta * delta
        low = torch.as_tensor(lb, dtype=moved.dtype, device=moved.device)
        high = torch.as_tensor(ub, dtype=moved.dtype, device=moved.device)
        return torch.minimum(torch.maximum(moved, low), high)

    def optimize(
        self,
        y: Any,
        x: Any,
        theta: Theta,
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
    ) -> tuple[Tensor, Tensor, int]:
        """Average-information steps on the raw scale, shortened until the log-likelihood does not fall.

        `fit` converges from more starts and to more digits, and takes a variance to exactly zero, which raw
        theta only nears.

        Args:
            y: response, (n,).
            x: fixed-effects matrix, (n, p).
            theta: RAW starting values; None for the defaults.
            max_iter: most steps.
            eta: share of each step to take.
            require_loglik: keep the log-likelihood in the history (else None there, and it is not checked).
            lb: lower bound or bounds of theta.
            ub: upper bound or bounds of theta.
            verbose: 1 prints a line per step.
            check_score: wait for max |score| < tol_score.
            check_delta: wait for max |delta| < tol_delta.
            check_loglik: wait for the log-likelihood to change by less than tol_loglik.
            tol_score: see `check_score`.
            tol_delta: see `check_delta`.
            tol_loglik: see `check_loglik`.

        Returns:
            `(theta, beta, n_iter)`: the last theta, beta there, and the number of steps taken.

        Raises:
            NotPositiveDefinite: V has no Cholesky factor at the start.
            FitError: y or X is unusable.
        """
        history = self.history = History()
        with self._session(y, x) as session:
            values = self.update(
                torch.from_numpy(self._theta(theta)), torch.zeros(1, dtype=torch.float64), 1.0, lb, ub
            ).numpy()
            point = session.point(values)
            taken = 0
            while True:
                score, ai = session.raw_derivatives(point, values)
                delta = proposal(session, values, score, ai, lb, ub)
                history["theta"].append(torch.from_numpy(values))
                history["beta"].append(point.beta.cpu())
                history["loglik"].append(point.kernel if require_loglik else None)
                history["score"].append(torch.from_numpy(score))
                history["ai"].append(torch.from_numpy(ai))
                history["delta"].append(torch.from_numpy(delta))
                if verbose:
                    print(
                        f"{taken:4d}  loglik {point.kernel:.6f}  max|score| "
                        f"{np.abs(score).max(initial=0.0):.3g}"
                    )
                done = self.is_converged(
                    check_score,
                    check_delta,
                    check_loglik and require_loglik,
                    tol_score,
                    tol_delta,
                    tol_loglik,
                )
                moved = (
                    None
                    if done or taken >= max_iter
                    else self._uphill(session, point, values, delta, eta, lb, ub)
                )
                if moved is None:
                    history["update"].append(torch.zeros(len(values), dtype=torch.float64))
                    return session.tensor(values), point.beta, taken
                history["update"].append(torch.from_numpy(moved[0] - values))
                values, point = moved
                taken += 1

    def _uphill(
        self,
        session: Session,
        point: Point,
        values: Vector,
        delta: Vector,
        eta: float,
        lb: Bound,
        ub: Bound,
    ) -> tuple[Vector, Point] | None:
        """The first of eta, eta/2, ... of the step that does not lower the log-likelihood."""
        share = eta
        for _ in range(30):
            moved = self.update(torch.from_numpy(values), torch.from_numpy(delta), share, lb, ub).numpy()
            trial = session.engine.at(session.variance.natural(moved))
            if trial is not None and trial.kernel >= point.kernel - 1e-11 * (1.0 + abs(point.kernel)):
                return moved, trial
            share *= 0.5
        return None

    def is_converged(
        self,
        check_score: bool = True,
        check_delta: bool = True,
        check_loglik: bool = True,
        tol_score: float = 1e-4,
        tol_delta: float = 1e-4,
        tol_loglik: float = 1e-4,
        history: History | None = None,
    ) -> bool:
        """Whether the last rows of a history meet every criterion that is checked.

        Args:
            check_score: max |score| < tol_score.
            check_delta: max |delta| < tol_delta.
            check_loglik: the log-likelihood changed by less than tol_loglik; met by a single row.
            tol_score: see `check_score`.
            tol_delta: see `check_delta`.
            tol_loglik: see `check_loglik`.
            history: None for that of the last `optimize`.
        """
        rows = self.history if history is None else history
        if not rows["theta"]:
            return False
        if check_score and float(np.abs(np.asarray(rows["score"][-1])).max(initial=0.0)) >= tol_score:
            return False
        if check_delta and float(np.abs(np.asarray(rows["delta"][-1])).max(initial=0.0)) >= tol_delta:
            return False
        logliks = rows["loglik"]
        return not (check_loglik and len(logliks) > 1 and abs(logliks[-1] - logliks[-2]) >= tol_loglik)

    def get_theta(self, select: Literal["last", "best"] = "last", history: History | None = None) -> Tensor:
        """Theta of the last row of a history, or of the row with the highest log-likelihood.

        Raises:
            ValueError: the history is empty, `select` is unknown, or "best" is asked for without
                log-likelihoods.
        """
        theta: Tensor = self._row("theta", select, history)
        return theta

    def get_beta(self, select: Literal["last", "best"] = "last", history: History | None = None) -> Tensor:
        """Beta of the same row as `get_theta`."""
        beta: Tensor = self._row("beta", select, history)
        return beta

    def _row(self, key: str, select: str, history: History | None) -> Any:
        rows = self.history if history is None else history
        if not rows[key]:
            raise ValueError("the history is empty: call optimize first, or pass a history.")
        if select == "last":
            return rows[key][-1]
        if select != "best":
            raise ValueError(f"select must be 'last' or 'best', and is {select!r}.")
        if any(value is None for value in rows["loglik"]):
            raise ValueError("select='best' needs log-likelihoods: optimize with require_loglik=True.")
        return rows[key][int(np.argmax(rows["loglik"]))]

    # -- arguments ------------------------------------------------------------------------------------------

    def _session(self, y: Any, x: Any) -> Session:
        problem = prepare(y, x)
        if self._model.v is not self.v or not self._model.current:
            # Parameters have been declared, fixed or held anew since.
            self._model = Model(self.v, self._model.choice.candidate.name, problem.p)
        return Session(self._model, problem)

    def _theta(self, theta: Theta) -> Vector:
        return theta_of(self.v, theta)
