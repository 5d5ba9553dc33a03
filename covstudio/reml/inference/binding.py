r"""A fit bound to its model and data: the likelihood at the estimates, and what inference asks of it.

With P = V^-1 - V^-1 X Phi X'V^-1 and Phi = (X'V^-1X)^-1, everything in this package is made of

- products V B, dV_k B and their parts by term, which the terms of V do without being written out (`pieces`);
- P B and V^-1 B, which the engine of the fit does. V^-1 B is P B for a model without fixed effects, so no
  engine needs a second kind of solution;
- the score and average information elsewhere than at the estimates, and fits that start there.

Nothing n x n is formed unless the fit's own engine does so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import Matrix
from covstudio.reml.fitting.choose import square_matrix
from covstudio.reml.fitting.model import Model
from covstudio.reml.fitting.result import Fit
from covstudio.reml.fitting.uncertainty import inside_range
from covstudio.reml.problem.errors import InvalidData, InvalidModel
from covstudio.reml.problem.likelihood import Engine, Point
from covstudio.reml.problem.problem import Problem, prepare
from covstudio.reml.problem.threads import blas_threads
from covstudio.reml.search.coordinates import Coordinate
from covstudio.reml.search.search import Outcome, State
from covstudio.reml.search.vanishing import roughness
from covstudio.reml.terms.kinds import Piece
from covstudio.reml.terms.recoding import at_ends, recoding_of

__all__ = ["Binding", "Watch"]

Vector = NDArray[np.float64]
Watch = Callable[[State], None]

#: A kernel log-likelihood that differs by more than this share belongs to another model or other data.
SAME = 1e-6
#: Unless V is so close to singular that so many times its rounding error make that difference.
ROUNDINGS = 100.0
#: Columns of which less than this share is at right angles to others are not searched in.
FAR = 0.02


class Binding:
    """A fit together with V, y and X.

    Args:
        fit: the fit.
        v: the model of V that was fitted.
        y: the response, (n,).
        x: the fixed-effects matrix, (n, p).

    Attributes:
        problem: y and X, checked.
        variance: V as a function of natural values.
        natural: the estimates, all parameters of V.
        coordinates: the estimated parameters and how they behave.
        recoding: V in a coding of its random effects that is better to search in, or None.

    Raises:
        InvalidModel, InvalidData: V, y and X are not those that were fitted.
    """

    def __init__(self, fit: Fit, v: Matrix, y: Any, x: Any) -> None:
        self.fit, self.v = fit, square_matrix(v)
        self._data = y, x
        #: Natural values as they are told, from those of this coding: of `searched`, in the coding of V.
        self.told: Callable[[Vector], Vector] = lambda natural: natural
        with torch.no_grad():
            self.problem = prepare(y, x, method=fit.method, drop_dependent=bool(fit.dropped), device="cpu")
            self._check_sizes()
            self.recoding = recoding_of(v)
            own = v if self.recoding is None or not fit.recoded else self.recoding.v
            self.model = Model(own, fit.engine, self.problem.p)
            self.variance = self.model.variance
            if tuple(fit.params) != self.variance.names:
                raise InvalidModel(
                    "v has other parameters than the fit: pass the matrix that was fitted, with the same "
                    "parameters fixed."
                )
            self.natural: Vector = np.array(list(fit.params.values()), dtype=np.float64)
            self.engine = self.engine_for(self.problem)
            #: The search, held parameters where they stood in the fit.
            self.ascent = self.model.ascent(self.problem, self.natural)
        self._check_likelihood()

    @cached_property
    def searched(self) -> Binding:
        """The fit in the coding of its random effects in which it was searched (see `recoding_of`).

        It is the fit itself where they stood well. Likelihood, fixed effects and V are the same in both, with
        more digits in this one.
        """
        if self.recoding is None or self.fit.recoded:
            return self
        natural = self.recoding.there(self.natural)
        if self.fit.boundary:
            natural = at_ends(natural, self.recoding, self.variance)
        own = {self.variance.names[k] for part in self.recoding.parts for k in part.span}
        boundary = [name for name in self.fit.boundary if name not in own]
        for c in self.coordinates:
            if c.name in own and natural[c.position] in (c.low, c.high):
                boundary.append(c.name)
        own_uncertainty = self.fit.uncertainty
        fit = replace(
            self.fit,
            uncertainty=getattr(own_uncertainty, "searched", own_uncertainty),
            params=dict(zip(self.variance.names, natural.tolist(), strict=True)),
            boundary=tuple(boundary),
            recoded={part.path: part.t for part in self.recoding.parts},
        )
        other = Binding(fit, self.v, *self._data)
        other.told = self.recoding.back
        return other

    def design(self, path: str, z: Tensor) -> Tensor:
        """Rows of Z of a term, (m, q), in the coding of the parameters of this fit."""
        parts = self.recoding.parts if self.recoding is not None and self.fit.recoded else ()
        return next((part.turned(z) for part in parts if part.path == path), z)

    @cached_property
    def far(self) -> frozenset[str]:
        """Parameters that are searched in another coding because theirs is too far off to search in."""
        parts = () if self.searched is self or self.recoding is None else self.recoding.parts
        return frozenset(self.variance.names[k] for part in parts if part.aslant < FAR for k in part.span)

    def _check_sizes(self) -> None:
        n, p = self.problem.n, self.problem.p
        if (n, p) != (self.fit.n, self.fit.p):
            raise InvalidData(
                f"the fit is of {self.fit.n} rows and {self.fit.p} fixed effects, and y and x have {n} rows "
                f"and {p} columns: pass what was fitted."
            )
        if self.v.shape != (n, n):
            raise InvalidModel(f"v is {self.v.shape[0]} x {self.v.shape[1]}, and y has {n} rows.")

    def _check_likelihood(self) -> None:
        kernel = self.point.kernel
        gap = abs(kernel - self.fit.kernel_loglik)
        if not gap <= SAME * (1.0 + abs(kernel)) and not self._is_rounding(gap):
            raise InvalidData(
                f"at the estimates of the fit, v, y and x give a log-likelihood (kernel) of {kernel:.6f}, "
                f"and the fit says {self.fit.kernel_loglik:.6f}: pass the v, y and x that were fitted, rows "
                "in the same order."
            )

    def _is_rounding(self, gap: float) -> bool:
        """Whether a V close to singular makes such a difference in the log-likelihood by itself."""
        with self.threads(), torch.no_grad():
            return gap <= ROUNDINGS * roughness(self.engine, self.point)

    # -- engines and points ---------------------------------------------------------------------------------

    def engine_for(self, problem: Problem) -> Engine:
        """The engine of the fit for other data of the same rows."""
        return self.model.engine(problem)

    def threads(self) -> Any:
        """As many threads as the fit's engine is worth, inside a `with`."""
        return blas_threads(self.engine.order)

    @cached_property
    def point(self) -> Point:
        """The likelihood at the estimates."""
        with self.threads(), torch.no_grad():
            point = self.engine.at(self.natural)
        if point is None:
            raise InvalidModel(
                "V is not positive definite at the estimates of the fit: "
                + (
                    "is v the matrix that was fitted?"
                    if self.fit.converged
                    else "it became singular while it was fitted, which the message of the fit explains."
                )
            )
        return point

    @cached_property
    def _bare(self) -> Point:
        """The same V without fixed effects, where P is V^-1."""
        none = replace(self.problem, x=self.problem.x[:, :0], basis=self.problem.basis[:, :0])
        with self.threads(), torch.no_grad():
            point = self.engine_for(none).at(self.natural)
        if point is None:
            raise InvalidModel("V is not positive definite at the estimates of the fit.")
        return point

    @cached_property
    def restricted(self) -> Point:
        """The restricted likelihood at the estimates, by which method they were found."""
        if self.problem.restricted:
            return self.point
        with self.threads(), torch.no_grad():
            point = self.engine_for(replace(self.problem, method="REML")).at(self.natural)
        assert point is not None, "V has a factor at the estimates"
        return point

    def project(self, b: Tensor) -> Tensor:
        """P B, (n, k)."""
        with self.threads(), torch.no_grad():
            return self.point.project(b)

    def solve(self, b: Tensor) -> Tensor:
        """V^-1 B, (n, k)."""
        with self.threads(), torch.no_grad():
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
        assert point is not None, "V has a factor at the estimates"
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

    @cached_property
    def interior(self) -> list[Coordinate]:
        """The estimated parameters that have a sampling variance to speak of, see `inside_range`."""
        return inside_range(self.coordinates, self.fit.boundary, self.fit.confounded)

    # -- V by terms -----------------------------------------------------------------------------------------

    @cached_property
    def random_paths(self) -> tuple[str, ...]:
        """Names of the terms Z G Z' of the outer sum of V."""
        return tuple(
            term.path for term in self.variance.terms if term.path and term.parts("congruence") is not None
        )

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

    # -- fits nearby ----------------------------------------------------------------------------------------

    def climb(
        self,
        start: Vector,
        *,
        engine: Engine | None = None,
        without: int | None = None,
        max_iter: int = 100,
        watch: Watch | None = None,
    ) -> Outcome | None:
        """The maximum that is reached from natural values.

        Args:
            start: natural values of all parameters.
            engine: None for that of the fit.
            without: position of a parameter that stays where `start` has it.
            max_iter: most steps.
            watch: called with every step; what it raises goes through.

        Returns:
            Where the search ended; None where V is not positive definite at the start.
        """
        engine = self.engine if engine is None else engine
        with self.threads(), torch.no_grad():
            point = engine.at(start)
            if point is None:
                return None
            return self.ascent.climb(engine, point, max_iter, watch, without)
