"""What `REML` works with: the history of a search, and V, y and X for the length of one call."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from covstudio.covariance import Matrix
from covstudio.reml.dense import DenseEngine, DensePoint
from covstudio.reml.errors import InvalidModel
from covstudio.reml.indefinite import explain_indefinite
from covstudio.reml.problem import Problem
from covstudio.reml.threads import blas_threads
from covstudio.reml.variance import Variance

__all__ = ["History", "Session"]

Vector = NDArray[np.float64]


class History(dict[str, list[Any]]):
    """Lists of one length, also as attributes; row k holds theta_k and everything evaluated AT theta_k.

    Keys: `theta`, `beta`, `loglik`, `score`, `ai`, `delta` (the step proposed from theta_k, for all of
        theta) and `update` (the
    change made from theta_k to theta_k+1; zeros in the last row).

    Example:
        >>> History().theta
        []
    """

    KEYS = ("theta", "beta", "loglik", "score", "ai", "delta", "update")

    def __init__(self) -> None:
        super().__init__({key: [] for key in self.KEYS})

    def __getattr__(self, name: str) -> list[Any]:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"a history has {', '.join(self.KEYS)}; it has no {name!r}.") from None


class Session:
    """V, y and X during one call, with as many threads as they are worth."""

    def __init__(self, v: Matrix, problem: Problem) -> None:
        if v.shape[0] != problem.n:
            raise InvalidModel(
                f"V is {v.shape[0]} x {v.shape[0]} and y has {problem.n} rows: they must describe the same "
                "rows."
            )
        self.problem = problem
        self.variance = Variance(v)
        self.engine = DenseEngine(problem, self.variance)
        place = {k: i for i, k in enumerate(self.variance.free)}
        #: Where the parameters that are not held stand in theta.
        self.places = [place[k] for k in self.variance.estimated]
        self._threads = blas_threads(problem.n)
        self._quiet = torch.no_grad()

    def __enter__(self) -> Session:
        self._threads.__enter__()
        self._quiet.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._quiet.__exit__(*error)
        self._threads.__exit__(*error)

    def point(self, theta: Vector) -> DensePoint:
        natural = self.variance.natural(theta)
        point = self.engine.at(natural)
        if point is None:
            raise explain_indefinite(self.variance, natural)
        return point

    def raw_derivatives(self, point: DensePoint, theta: Vector) -> tuple[Vector, Vector]:
        derivatives = point.derivatives(self.variance.estimated)
        slope = self.variance.slopes(theta)[self.places]
        with np.errstate(invalid="ignore"):
            score = derivatives.score * slope
            ai = derivatives.information * np.outer(slope, slope)
        # At an infinite raw value the slope is 0, whatever the derivative in natural values.
        score[slope == 0.0] = 0.0
        ai[slope == 0.0, :] = 0.0
        ai[:, slope == 0.0] = 0.0
        return score, ai
