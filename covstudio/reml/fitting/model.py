"""`Model`: V with an engine chosen for it, which `fit`, `Inference` and class `REML` work with."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from covstudio.covariance import Matrix
from covstudio.reml.diagnosis.not_positive_definite import explain_indefinite
from covstudio.reml.fitting.choose import choose, square_matrix
from covstudio.reml.problem.errors import InvalidModel, NotPositiveDefinite
from covstudio.reml.problem.likelihood import Engine
from covstudio.reml.problem.problem import Problem
from covstudio.reml.search.ascent import Ascent
from covstudio.reml.search.probe import LoweredProbe, Probe, WrittenProbe
from covstudio.reml.terms.variance import Variance
from covstudio.threads import blas_threads

__all__ = ["Model"]

Vector = NDArray[np.float64]


class Model:
    """V, taken apart once, and the engine that takes it, for any y and X of as many rows.

    Args:
        v: the model of V, (n, n).
        engine: "auto" for the cheapest engine, or the name of one.
        p: number of fixed effects, which the choice of an engine depends on.

    Attributes:
        v: the model of V.
        variance: V, taken apart.
        choice: the engine, and why this one.

    Raises:
        TypeError: v is no `Matrix`.
        InvalidModel: V is not square, or the engine asked for does not take it.
        TooManyRows: no engine takes V.
        ValueError: there is no engine of this name.

    Example:
        >>> from covstudio.covariance import ScalarMatrix
        >>> from covstudio.reml.problem.problem import prepare
        >>> model = Model(ScalarMatrix(3))
        >>> engine = model.engine(prepare([1.0, 2.0, 6.0], torch.ones(3, 1)))
        >>> round(engine.at(np.array([1.0])).kernel, 4)
        -7.5493
    """

    def __init__(self, v: Matrix, engine: str = "auto", p: int = 1) -> None:
        self.v = square_matrix(v)
        # What comes before the first factor is many small products over the rows: one thread is fastest.
        with blas_threads(1), torch.no_grad():
            self.variance = Variance(v)
            self.choice = choose(self.variance, engine, p)

    @property
    def current(self) -> bool:
        """Whether the parameters of V are still declared, fixed and held as they were."""
        variance = self.variance
        return self.v.parameters is variance.declared and self.v.no_grad_index == variance.held_places

    def engine(self, problem: Problem) -> Engine:
        """The engine for these data.

        Raises:
            InvalidModel: the data have another number of rows than V.
        """
        n = self.variance.n
        if problem.n != n:
            raise InvalidModel(
                f"V is {n} x {n} and y has {problem.n} rows: they must describe the same rows. "
                "Were rows with missing values left out of one and not of the other?"
            )
        with blas_threads(1), torch.no_grad():
            return self.choice.candidate.build(problem, self.variance)

    def probe(self, problem: Problem) -> Probe:
        """What looks at V before a search: at all of it where the engine writes it out, else at its terms."""
        if self.choice.candidate.written:
            return WrittenProbe(self.variance, problem.device)
        return LoweredProbe(self.variance)

    def ascent(self, problem: Problem, held: Vector | None = None) -> Ascent:
        """The search for this V.

        Args:
            problem: y and X, for where they are, and for what X takes up of V.
            held: natural values of V at which held parameters stay; None for the defaults.
        """
        return Ascent(self.variance, self.probe(problem), held, problem)

    def indefinite(self, problem: Problem, natural: Vector) -> NotPositiveDefinite:
        """The error for a V without a Cholesky factor at these natural values, which names the parameters."""
        return explain_indefinite(self.variance, natural, self.probe(problem))
