"""`fit`: from V, y and X to a `Fit`, by way of the checks, the start, the engine and the optimiser."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.arguments import checked
from covstudio.covariance import Matrix
from covstudio.reml.diagnosis.coding import coding_doubts
from covstudio.reml.fitting.assemble import assemble
from covstudio.reml.fitting.choose import square_matrix
from covstudio.reml.fitting.model import Model
from covstudio.reml.fitting.recoded import assemble_recoded
from covstudio.reml.fitting.result import Fit
from covstudio.reml.problem.errors import FitCancelled, InvalidData, InvalidModel
from covstudio.reml.problem.iteration import Callback, Cancel, Iteration
from covstudio.reml.problem.likelihood import Point
from covstudio.reml.problem.problem import Problem, prepare
from covstudio.reml.search.probe import Probe
from covstudio.reml.search.search import Outcome, State
from covstudio.reml.search.start import data_start, tuned
from covstudio.reml.terms.recoding import Recoding, recoding_of
from covstudio.reml.terms.variance import Variance
from covstudio.threads import blas_threads

__all__ = ["fit"]

Vector = NDArray[np.float64]


@checked(own=("v",))
def fit(
    v: Matrix,
    y: Any,
    x: Any,
    *,
    start: Tensor | Mapping[str, Tensor] | None = None,
    max_iter: int = 100,
    callback: Callback | None = None,
    engine: str = "auto",
    method: str = "REML",
    cancel: Cancel | None = None,
    x_names: Sequence[str] | None = None,
    drop_dependent: bool = False,
    device: torch.device | str | None = None,
) -> Fit:
    r"""Estimate the parameters of V and the fixed effects by restricted, or by plain, maximum likelihood.

    The model is y ~ N(X beta, V(theta)). The estimates maximise

    .. math:: -\tfrac12\left(\log|V| + \log|X'V^{-1}X| + y'Py\right),

    or, for method="ML", the same without log|X'V^-1X|, by safeguarded average information (see `optimise`),
    in float64 whatever V was built in. Free parameters are estimated; held ones (`set_no_grad`) stay at the
    start; fixed ones are constants. A variance whose estimate is zero ends at exactly zero.

    Args:
        v: the model of V, (n, n).
        y: response, (n,).
        x: fixed-effects matrix, (n, p), of full column rank unless `drop_dependent` is set.
        start: RAW starting values, a tensor (number of free parameters,) or a dict as the matrix takes it;
            None for values from the data. A start that leads nowhere, or below where the data's own start
            stands, is given up for the latter.
        max_iter: most steps to take.
        callback: called with every `Iteration`, the start included. Raising `FitCancelled` in it stops the
            fit.
        engine: how V is factored: "auto" takes what is cheapest for its structure (see `explain`); "dense"
            writes V out; "mme" solves the mixed-model equations; "blocks" factors independent blocks of rows,
            such as subjects; "separable" takes the two directions of a field one by one; "sparse" keeps
            the mixed-model equations of many effects sparse, as those of a pedigree.
        method: "REML" or "ML". Fits of different fixed effects are compared by ML only.
        cancel: asked between iterations whether to stop, such as a `threading.Event`.
        x_names: names of the columns of x, for `Fit.x_names` and messages; None for those of a DataFrame, or
            x0, x1, ...
        drop_dependent: leave out columns of x that are combinations of columns before them, and say so in
            `Fit.dropped` and `Fit.message`; beta is without them.
        device: where engines compute; None for the device of y, or of x. The search itself is made of a few
            numbers, on the CPU; all tensors of the fit are there too.

    Returns:
        The `Fit`. When the maximum was not reached, `converged` is False, the values are the best found,
        and `message` says why and what to try. Where a free G belongs to columns of Z that are far from
        zero, such as intercepts and slopes over years, the search goes by centred ones, and the answer is in
        the coding of v, or where double precision cannot hold that, in the other: see `Fit.recoded`.

    Raises:
        InvalidData: y or X is unusable.
        RankDeficient: columns of X depend on others.
        InvalidModel: V is not n x n, not symmetric or not finite.
        TooManyRows: no engine takes V, and n is above the limit of the dense one.
        ValueError: there is no such engine or method, or max_iter is negative.
        FitCancelled: `cancel` was set; carries the best point so far.
        NotPositiveDefinite: V cannot be factored at the start; names the parameters.
        TypeError: an argument is of the wrong type.

    Example:
        >>> import torch
        >>> from covstudio.covariance import CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
        >>> from covstudio.reml import fit
        >>> v = Sum(
        ...     gen=CovariancePropagation(z=DummyMatrix(["a", "a", "b", "b", "c", "c"]), g=ScalarMatrix(3)),
        ...     residual=ScalarMatrix(6),
        ... )
        >>> result = fit(v, torch.tensor([4.0, 6.0, 8.0, 7.0, 1.0, 3.0]), torch.ones(6, 1))
        >>> {name: round(value, 4) for name, value in result.params.items()}
        {'gen/g/sigma^2': 6.8333, 'residual/sigma^2': 1.5}
        >>> result.blups["gen"].levels
        ('a', 'b', 'c')

    Reference:
        Gilmour, Thompson & Cullis (1995), Average information REML, Biometrics 51:1440-1450; Johnson &
        Thompson (1995), Restricted maximum likelihood estimation of variance components for univariate
        animal models using sparse matrix techniques and average information, J. Dairy Sci. 78:449-456;
        Searle, Casella & McCulloch (1992), Variance Components, Wiley.
    """
    began = time.perf_counter()
    square_matrix(v)
    if isinstance(max_iter, bool) or not isinstance(max_iter, int) or max_iter < 0:
        raise ValueError(f"max_iter must be a whole number of at least 0, and is {max_iter!r}.")
    with blas_threads(v.shape[0]), torch.no_grad():
        recoding = recoding_of(v)
        model = Model(v if recoding is None else recoding.v, engine, _columns(x))
        problem = prepare(y, x, method=method, names=x_names, drop_dependent=drop_dependent, device=device)
        run = _Run(model, problem, max_iter, callback, cancel, v, recoding)
        with blas_threads(run.engine.order):
            found = run.fit(start, began)
            doubts = coding_doubts(v)
    return replace(found, message=" ".join([found.message, *doubts])) if doubts else found


def _columns(x: Any) -> int:
    """Columns of X, before it is checked."""
    shape = getattr(x, "shape", None)
    return int(shape[1]) if shape is not None and len(shape) == 2 else 1


@dataclass(frozen=True)
class _Attempt:
    outcome: Outcome
    steps: tuple[_Step, ...]


@dataclass(frozen=True)
class _Step:
    """What an `Iteration` is made of, without the factors of V."""

    number: int
    natural: Vector
    kernel: float
    length: float
    share: float
    halvings: int
    seconds: float

    @classmethod
    def of(cls, state: State) -> _Step:
        point = state.point
        return cls(
            state.number,
            point.natural,
            point.kernel,
            state.length,
            state.share,
            state.halvings,
            state.seconds,
        )


class _Run:
    """One call of `fit`, after the checks of sizes."""

    def __init__(
        self,
        model: Model,
        problem: Problem,
        max_iter: int,
        callback: Callback | None,
        cancel: Cancel | None,
        v: Matrix,
        recoding: Recoding | None,
    ) -> None:
        self.model = model
        self.v = v
        self.recoding = recoding
        self.variance = model.variance
        self.problem = problem
        self.max_iter = max_iter
        self.callback = callback
        self.cancel = cancel
        self.engine = model.engine(problem)
        self.ascent = model.ascent(problem)
        self.reported = 0
        self.best: Iteration | None = None

    def fit(self, start: Tensor | Mapping[str, Tensor] | None, began: float) -> Fit:
        given = None if start is None else self._read(start)
        if given is not None:
            # Held parameters stay where the start puts them, in the data's own start too.
            self.ascent = self.model.ascent(self.problem, given)
        ascent = self.ascent
        _check_covariance(self.variance, ascent.probe, self.variance.defaults if given is None else given)
        own = data_start(self.problem, self.variance, ascent.neutral, ascent.coordinates, ascent.probe)
        # Where V has no factor without them, they stay where they are.
        owns, restarted = (ascent.without_absorbed(own), own), False
        if given is None:
            attempt = self._climb(
                tuned(self.engine, self._factored(*owns, self.variance.defaults), ascent.coordinates)
            )
        else:
            attempt = self._climb(self._factored(ascent.without_absorbed(given), given))
            other = self._better_start(owns[0], attempt.outcome)
            if other is not None:
                again = self._climb(other)
                if again.outcome.point.kernel > attempt.outcome.point.kernel:
                    attempt, restarted = again, True
        if self.recoding is not None:
            return assemble_recoded(
                self.recoding,
                self.v,
                self.model,
                self.problem,
                self.engine,
                ascent.coordinates,
                attempt.outcome,
                lambda recoding: self._iterations(attempt.steps, recoding),
                restarted=restarted,
                seconds=time.perf_counter() - began,
            )
        return assemble(
            self.model,
            self.problem,
            self.engine,
            ascent.coordinates,
            attempt.outcome,
            self._iterations(attempt.steps, None),
            restarted=restarted,
            seconds=time.perf_counter() - began,
        )

    def _read(self, start: Tensor | Mapping[str, Tensor]) -> Vector:
        """Natural values from the raw start."""
        if not isinstance(start, Tensor | Mapping):
            start = torch.as_tensor(start, dtype=torch.float64)
        if isinstance(start, Tensor) and not start.is_floating_point():
            start = start.to(torch.float64)
        theta = self.variance.v.from_param_dict(start).detach().to(device="cpu", dtype=torch.float64).numpy()
        if np.isnan(theta).any():
            bad = [
                self.variance.names[k]
                for k, value in zip(self.variance.free, theta, strict=True)
                if np.isnan(value)
            ]
            raise InvalidData(
                f"start is not a number for {', '.join(bad)}: give raw values (a variance of 1 is raw 0)."
            )
        natural = self.variance.natural(theta)
        return natural if self.recoding is None else self.recoding.there(natural)

    def _factored(self, *candidates: Vector) -> Point:
        """The likelihood at the first of the candidates where V is positive definite.

        The first is the second without what fixed effects take up: what is wrong is told of the second.
        """
        for natural in candidates:
            point = self.engine.at(natural)
            if point is not None:
                return point
        raise self.model.indefinite(self.problem, candidates[1])

    def _better_start(self, own: Vector, outcome: Outcome) -> Point | None:
        """The data's own start, when the given one ended badly, or below it, or on a ridge without a maximum.

        There may be a maximum elsewhere.
        """
        point = self.engine.at(own)
        ended = outcome.converged and outcome.ridge is None
        if point is None or (ended and point.kernel <= outcome.point.kernel):
            return None
        return point

    def _climb(self, point: Point) -> _Attempt:
        steps: list[_Step] = []
        watched = self.callback is not None or self.cancel is not None

        def watch(state: State) -> None:
            steps.append(_Step.of(state))
            if watched:
                self._report(self._iterations(steps[-1:], self.recoding)[0])

        outcome = self.ascent.climb(self.engine, point, self.max_iter, watch)
        return _Attempt(outcome, tuple(steps))

    def _report(self, iteration: Iteration) -> None:
        """Tell the callback, and stop when that is wanted."""
        told = iteration
        if iteration.number != self.reported:
            told = replace(iteration, number=self.reported)
        self.reported += 1
        # After a restart the best may be behind.
        if self.best is None or told.loglik >= self.best.loglik:
            self.best = told
        try:
            if self.callback is not None:
                self.callback(told)
        except FitCancelled as cancelled:
            if cancelled.best is None:
                cancelled.best = self.best
            raise
        if self.cancel is not None and self.cancel.is_set():
            raise FitCancelled(
                f"cancelled after {told.number} iteration{'' if told.number == 1 else 's'}, at a "
                f"log-likelihood of {self.best.loglik:.6g}; `best` has the values reached.",
                self.best,
            )

    def _iterations(self, steps: Sequence[_Step], recoding: Recoding | None) -> tuple[Iteration, ...]:
        """What is told of some steps, in the given coding where another one was searched in."""
        naturals = np.stack([step.natural for step in steps])
        if recoding is not None:
            naturals = recoding.back(naturals)
        thetas = torch.from_numpy(self.variance.theta(naturals)).unbind()
        return tuple(
            Iteration(
                number=step.number,
                theta=theta,
                params=dict(zip(self.variance.names, natural, strict=True)),
                loglik=self.problem.log_likelihood(step.kernel),
                score_norm=step.length,
                step=step.share,
                halvings=step.halvings,
                seconds=step.seconds,
            )
            for step, natural, theta in zip(steps, naturals.tolist(), thetas, strict=True)
        )


def _check_covariance(variance: Variance, probe: Probe, natural: Vector) -> None:
    """V must be finite and symmetric: a Cholesky factor reads one triangle only, and would not notice."""
    if not probe.finite(natural):
        raise InvalidModel(
            f"V has entries that are not finite at the start ({variance.describe(natural)}): change these "
            "starting values, "
            "or check the coordinates and matrices that V is built from."
        )
    gap, where = probe.asymmetry(natural)
    if gap > 1e-8:
        raise InvalidModel(f"V is not symmetric: {where}. A covariance is; check the operand that is not.")
