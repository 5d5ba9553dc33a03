r"""The pieces of REML one at a time, at a theta of your own: `REML(v)`, in the manner of torch-openreml.

`fit` is the way to an estimate. This class serves to look at the likelihood, to follow plain
average-information steps on the raw scale, and to run code written for torch-openreml. Score and average
information here are with respect to RAW theta:

.. math:: s^{raw}_k = s_k f_k', \qquad A^{raw}_{kl} = A_{kl} f_k' f_l',

f' the slopes of the transforms. Held parameters have no row; fixed ones are no part of theta.
"""

from __future__ import annotations

import math
import warnings
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.diagnosis.coding import coding_doubts, uncentred
from covstudio.reml.fitting.recoded import same_likelihood
from covstudio.reml.problem.likelihood import Point
from covstudio.reml.stepwise.coding import Bound, Coding, Row
from covstudio.reml.stepwise.pieces import Pieces, Theta, rows_of_v
from covstudio.reml.stepwise.raw_step import proposal
from covstudio.reml.stepwise.session import History, Session
from covstudio.threads import on_threads_worth

__all__ = ["REML", "History"]

Vector = NDArray[np.float64]


@on_threads_worth(rows_of_v)
class REML(Pieces):
    """Restricted maximum likelihood for y ~ N(X beta, V(theta)), step by step.

    Args:
        v: the model of V, (n, n).
        engine: how V is factored, as in `fit`.
        v_builder: another name of `v`.
        map_theta_to_v: V as a function of raw theta, (k,) -> (n, n), instead of a model.
        map_theta_to_dv: its Jacobian, (k,) -> (k, n, n); without it V is differentiated automatically.
        map_theta_to_g: the covariance of random effects as a function of raw theta, for `blup` and what
            follows from it where no `g` is given.
        mask_theta_to_g: which entries of theta `map_theta_to_g` takes: k booleans, or positions; all of them
            without it.

    Attributes:
        v: the model of V; None before the first theta where V is a function.
        history: what the last `optimize` went through, in tensors on the CPU.

    What comes of y and X is computed, and returned, on the device of y, when it is a tensor, or else of X;
    theta may be on any.

    Raises:
        TypeError: v is no `Matrix`, or none or both of a model and a function are given.
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
        >>> round(float(torch.exp(2 * theta)), 4), [round(number, 4) for number in beta.tolist()]
        (3.3333, [3.0])

    Reference:
        Gilmour, Thompson & Cullis (1995), Biometrics 51:1440-1450.
    """

    # -- steps ----------------------------------------------------------------------------------------------

    def update(
        self, theta: Tensor, delta: Tensor, eta: float = 1.0, lb: Bound = -math.inf, ub: Bound = math.inf
    ) -> tuple[Tensor, Tensor]:
        """theta + eta delta, kept within [lb, ub], and the step that this is.

        Args:
            theta: RAW free parameters.
            delta: step, of the same shape.
            eta: share of the step to take.
            lb: lower bound or bounds.
            ub: upper bound or bounds.

        Returns:
            `(theta, step)`: where it leads, and the way there.

        Example:
            >>> import torch
            >>> from covstudio.covariance import ScalarMatrix
            >>> REML(ScalarMatrix(2)).update(torch.tensor([0.5]), torch.tensor([3.0]), 0.5, ub=1.0)
            (tensor([1.]), tensor([0.5000]))
        """
        moved = theta + eta * delta
        low = torch.as_tensor(lb, dtype=moved.dtype, device=moved.device)
        high = torch.as_tensor(ub, dtype=moved.dtype, device=moved.device)
        within = torch.minimum(torch.maximum(moved, low), high)
        # Infinite where it was infinite before: no step.
        return within, torch.where(within == theta, torch.zeros_like(within), within - theta)

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

        Where the columns of free random effects are far from right angles, such as intercepts and slopes over
        years, steps go by centred ones, as in `fit`; all that is told, theta, score and information, step by
        step, is in the coding of V. Bounds of parameters that this concerns would bound others there, so that
        with any of these finite the steps go by the coding of V. A start that leads nowhere in centred
        columns is given up for one from the data, with a warning.

        Args:
            y: response, (n,).
            x: fixed-effects matrix, (n, p).
            theta: RAW starting values; None for the defaults.
            max_iter: most steps.
            eta: share of each step to take.
            require_loglik: keep the log-likelihood in the history (else NaN there, and it is not checked).
            lb: lower bound or bounds of theta. A score that points out of them is none to wait for.
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

        Warns:
            RuntimeWarning: a covariate with random coefficients lies far from zero, and bounds keep the steps
                from centred columns, or the covariance of the coefficients is not free, so that its origin
                makes another model; or it lies so far that double precision does not hold theta in the coding
                of V: `fit` then answers in the other, which theta of V cannot.
        """
        session, recoding = self._searching(y, x, theta, lb, ub)
        self._doubt(theta, recoded=recoding is not None)
        self.history, self._searched = History(), History()
        coding = Coding(session, recoding)
        with session:
            values = self._moved(coding.there(self._theta(theta)), np.zeros(1), 1.0, lb, ub)
            # A start that looks ordinary in the columns given may be hopeless in centred ones.
            given = recoding is not None
            if given and session.engine.at(session.variance.natural(values)) is None:
                values, given = self._given_up(session), False
            point, taken = session.point(values), 0
            while True:
                score, ai = session.raw_derivatives(point, values)
                row = Row(values, score, ai, proposal(session, values, score, ai, lb, ub))
                loglik = point.kernel if require_loglik else math.nan
                for rows, one in ((self._searched, row), (self.history, coding.told(row))):
                    rows["theta"].append(torch.from_numpy(one.theta))
                    rows["beta"].append(point.beta.cpu())
                    rows["loglik"].append(torch.tensor(loglik, dtype=torch.float64))
                    rows["score"].append(torch.from_numpy(one.score))
                    rows["ai"].append(torch.from_numpy(one.ai))
                    rows["delta"].append(torch.from_numpy(one.delta))
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
                    lb=lb,
                    ub=ub,
                )
                if done or taken >= max_iter:
                    break
                moved = self._uphill(session, point, values, row.delta, eta, lb, ub)
                if moved is not None:
                    values, point = moved
                    taken += 1
                elif given:
                    values, given = self._given_up(session), False
                    point, taken = session.point(values), 0
                    self.history, self._searched = History(), History()
                else:
                    break
        history = self.history
        thetas = history["theta"]
        history["update"].extend(after - before for before, after in pairwise(thetas))
        history["update"].append(torch.zeros_like(thetas[-1]))
        if recoding is not None:
            self._check_held(y, x, thetas[-1], point, coding)
        return session.tensor(thetas[-1]), point.beta, taken

    def _doubt(self, theta: Theta, recoded: bool) -> None:
        """Warn of covariates far from zero that make another model of each coding, or are not recoded."""
        v = self._matrix(theta)
        for doubt in (*(() if recoded else uncentred(v)), *coding_doubts(v)):
            warnings.warn(doubt, RuntimeWarning, stacklevel=5)

    def _given_up(self, session: Session) -> Vector:
        """The data's own start, in place of the one given."""
        warnings.warn(
            "In centred columns the given start leads nowhere; these are the steps from starting values that "
            "are taken from the data.",
            RuntimeWarning,
            stacklevel=5,
        )
        return session.start()

    def _check_held(self, y: Any, x: Any, theta: Tensor, found: Point, coding: Coding) -> None:
        """Warn where theta in the coding of V does not hold what was found in that of the search."""
        with self._session(y, x, theta) as plain:

            def there(natural: Vector) -> Vector:
                return plain.variance.natural(coding.back(coding.variance.theta(natural)))

            held = same_likelihood(plain.engine, there, found)
        if not held:
            parts = coding.recoding.parts if coding.recoding is not None else ()
            paths = " and ".join(part.path or "V" for part in parts)
            warnings.warn(
                f"The maximum was found in centred columns of {paths}, and double precision does not hold "
                "its theta in the coding given: centre the covariate, or take it from `fit`, which says in "
                "which coding it answers.",
                RuntimeWarning,
                stacklevel=5,
            )

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
            moved = self._moved(values, delta, share, lb, ub)
            trial = session.engine.at(session.variance.natural(moved))
            if trial is not None and trial.kernel >= point.kernel - 1e-11 * (1.0 + abs(point.kernel)):
                return moved, trial
            share *= 0.5
        return None

    def _moved(self, values: Vector, delta: Vector, share: float, lb: Bound, ub: Bound) -> Vector:
        moved = self.update(torch.from_numpy(values), torch.from_numpy(delta), share, lb, ub)[0]
        numbers: Vector = moved.numpy()
        return numbers

    def is_converged(
        self,
        check_score: bool = True,
        check_delta: bool = True,
        check_loglik: bool = True,
        tol_score: float = 1e-4,
        tol_delta: float = 1e-4,
        tol_loglik: float = 1e-4,
        history: History | None = None,
        lb: Bound = -math.inf,
        ub: Bound = math.inf,
    ) -> bool:
        """Whether the last rows of a history meet every criterion that is checked.

        Args:
            check_score: max |score| < tol_score.
            check_delta: max |delta| < tol_delta.
            check_loglik: the log-likelihood changed by less than tol_loglik; met by a single row.
            tol_score: see `check_score`.
            tol_delta: see `check_delta`.
            tol_loglik: see `check_loglik`.
            history: None for that of the last `optimize`, in the coding that it went by.
            lb: lower bound or bounds of theta: a score that points out of an active one does not count.
            ub: upper bound or bounds of theta.
        """
        # Of the last search, in the coding that it went by.
        rows = self._searched if history is None else history
        if not rows["theta"]:
            return False
        if check_score:
            held = set(self._matrix(None).no_grad_index)
            score, theta = np.asarray(rows["score"][-1]), np.asarray(rows["theta"][-1])
            moving = [k for k in range(len(theta)) if k not in held]
            at_end = np.where(score < 0.0, _at(theta, lb)[moving], _at(theta, ub)[moving])
            if float(np.abs(score[~at_end]).max(initial=0.0)) >= tol_score:
                return False
        if check_delta and float(np.abs(np.asarray(rows["delta"][-1])).max(initial=0.0)) >= tol_delta:
            return False
        logliks = rows["loglik"]
        return not (check_loglik and len(logliks) > 1 and abs(float(logliks[-1] - logliks[-2])) >= tol_loglik)

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
        if any(math.isnan(value) for value in rows["loglik"]):
            raise ValueError("select='best' needs log-likelihoods: optimize with require_loglik=True.")
        return rows[key][int(np.argmax(rows["loglik"]))]


def _at(theta: Vector, bound: Bound) -> NDArray[np.bool_]:
    """Which entries stand at a bound, but for rounding."""
    ends = np.broadcast_to(np.asarray(bound, dtype=np.float64), theta.shape)
    finite = np.isfinite(ends)
    return finite & (np.abs(theta - np.where(finite, ends, 0.0)) <= 1e-12 * (1.0 + np.abs(theta)))
