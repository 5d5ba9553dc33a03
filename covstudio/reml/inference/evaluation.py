r"""V at some natural values of its parameters, beside X: what estimates and designs are judged by.

With P = V^-1 - V^-1 X Phi X'V^-1 and Phi = (X'V^-1X)^-1, everything in this package is made of

- products V B, dV_k B and their parts by term, which the terms of V do without being written out (`pieces`);
- P B and V^-1 B, which an engine does. V^-1 B is P B for a model without fixed effects, so no engine needs a
  second kind of solution; one whose factor is dear has it all the same (`Solves`);
- the score and average information elsewhere, and fits that start there.

Nothing n x n is formed unless the engine does so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import Matrix
from covstudio.reml.diagnosis.combinations import Confounded
from covstudio.reml.fitting.model import Model
from covstudio.reml.problem.errors import InvalidModel
from covstudio.reml.problem.likelihood import Engine, Point, Solves
from covstudio.reml.problem.problem import Problem
from covstudio.reml.search.coordinates import Coordinate
from covstudio.reml.terms.kinds import Piece
from covstudio.threads import blas_threads

__all__ = ["Evaluation"]

Vector = NDArray[np.float64]


class Evaluation:
    """V and X at natural values of the parameters, with the engine that takes them.

    Args:
        v: the model of V.
        model: V as it is worked with, and its engine.
        problem: y and X, checked.
        natural: natural values of all parameters of V.

    Attributes:
        v: the model of V.
        problem: y and X.
        variance: V as a function of natural values.
        natural: the values.
        engine: the engine for y, X and V.
    """

    def __init__(self, v: Matrix, model: Model, problem: Problem, natural: Vector) -> None:
        self.v, self.model, self.variance = v, model, model.variance
        self.problem, self.natural = problem, natural
        self.engine = self.engine_for(problem)
        #: The search, held parameters where they stand.
        self.ascent = model.ascent(problem, natural)

    @property
    def boundary(self) -> tuple[str, ...]:
        """Paths of the parameters at an end of their range."""
        raise NotImplementedError

    @property
    def confounded(self) -> tuple[Confounded, ...]:
        """The groups of parameters that are known not to be told apart."""
        return ()

    def _singular(self) -> InvalidModel:
        """The error for a V without a factor."""
        raise NotImplementedError

    # -- engines and points ---------------------------------------------------------------------------------

    def engine_for(self, problem: Problem) -> Engine:
        """The engine for other data of the same rows."""
        return self.model.engine(problem)

    def threads(self) -> Any:
        """As many threads as the engine is worth, inside a `with`."""
        return blas_threads(self.engine.order)

    @cached_property
    def point(self) -> Point:
        """The likelihood there."""
        with self.threads(), torch.no_grad():
            point = self.engine.at(self.natural)
        if point is None:
            raise self._singular()
        return point

    @cached_property
    def _bare(self) -> Point:
        """The same V without fixed effects, where P is V^-1."""
        none = replace(self.problem, x=self.problem.x[:, :0], basis=self.problem.basis[:, :0])
        with self.threads(), torch.no_grad():
            point = self.engine_for(none).at(self.natural)
        if point is None:
            raise self._singular()
        return point

    @cached_property
    def restricted(self) -> Point:
        """The restricted likelihood there, whatever the method."""
        if self.problem.restricted:
            return self.point
        with self.threads(), torch.no_grad():
            point = self.engine_for(replace(self.problem, method="REML")).at(self.natural)
        assert point is not None, "V has a factor"
        return point

    def project(self, b: Tensor) -> Tensor:
        """P B, (n, k)."""
        with self.threads(), torch.no_grad():
            return self.point.project(b)

    def solve(self, b: Tensor) -> Tensor:
        """V^-1 B, (n, k)."""
        with self.threads(), torch.no_grad():
            if isinstance(self.point, Solves):
                return self.point.solve(b)
            return self._bare.project(b)

    @property
    def py(self) -> Tensor:
        """P y, (n,)."""
        with self.threads(), torch.no_grad():
            return self.point.py

    @cached_property
    def phi(self) -> Tensor:
        """Phi = (X'V^-1X)^-1, (p, p)."""
        return self.point.beta_covariance

    @cached_property
    def weights(self) -> Tensor:
        """V^-1 X Phi, (n, p): beta = weights'y, and d Phi / d theta_k = weights' dV_k weights."""
        return self.solve(self.problem.x) @ self.phi

    @cached_property
    def by_basis(self) -> tuple[Tensor, Tensor, Tensor]:
        """beta, Phi and V^-1 X Phi for the orthonormal basis of X, (p,), (p, p) and (n, p).

        Columns of X far from zero have a Phi of which what is wanted is a small difference of large numbers.
        """
        basis = self.problem.basis
        with self.threads(), torch.no_grad():
            point = self.engine_for(replace(self.problem, x=basis)).at(self.natural)
        assert point is not None, "V has a factor"
        phi = point.beta_covariance
        return point.beta, phi, self.solve(basis) @ phi

    def in_basis(self, x: Tensor) -> Tensor:
        """Rows of X, (m, p), as combinations of its orthonormal basis."""
        found: Tensor = torch.linalg.solve_triangular(self.problem.triangle.mT, x.mT, upper=False).mT
        return found

    # -- the parameters -------------------------------------------------------------------------------------

    @property
    def coordinates(self) -> list[Coordinate]:
        """The estimated parameters: neither fixed nor held."""
        with torch.no_grad():
            return self.ascent.coordinates

    # -- V by terms -----------------------------------------------------------------------------------------

    @cached_property
    def random_paths(self) -> tuple[str, ...]:
        """Names of the terms Z G Z' of the outer sum of V, and of those that can be written so."""
        return tuple(term.path for term in self.variance.terms if term.effects is not None)

    @cached_property
    def random_pieces(self) -> tuple[Piece, ...]:
        """Those terms, taken apart."""
        return tuple(piece for piece in self.variance.pieces if piece.path in self.random_paths)

    @cached_property
    def residual_pieces(self) -> tuple[Piece, ...]:
        """All other terms: V given the random effects."""
        return tuple(piece for piece in self.variance.pieces if piece.path not in self.random_paths)

    def multiply(self, pieces: Sequence[Piece], b: Tensor, natural: Vector | None = None) -> Tensor:
        """The product of the sum of some terms with B, (n, k)."""
        at = self.natural if natural is None else natural
        total = torch.zeros_like(b)
        with torch.no_grad():
            for piece in pieces:
                total += piece.matmul(at, b)
        return total

    def diagonal(self, pieces: Sequence[Piece]) -> Tensor:
        """The diagonal of the sum of some terms, (n,)."""
        total = torch.zeros(self.problem.n, dtype=torch.float64)
        with torch.no_grad():
            for piece in pieces:
                total += piece.diagonal(self.natural)
        return total

    def derivative(self, position: int, b: Tensor, natural: Vector | None = None) -> Tensor:
        """dV_k B for the parameter at this position, (n, k)."""
        piece, index = self.variance.owner(position)
        at = self.natural if natural is None else natural
        with torch.no_grad():
            return piece.derivative_matmul(at, [index], b)[0]
