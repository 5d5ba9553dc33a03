r"""The dense engine: one Cholesky factor and one inverse of V per iteration, for any tree.

With V = L L' and everything whitened by L,

.. math:: B = L^{-1}[X\;y], \quad \log|V| = 2\sum\log L_{ii}, \quad X'V^{-1}X = B_X'B_X, \quad
          y'Py = \lVert B_y - B_X\hat\beta\rVert^2,

which is all the log-likelihood needs. For the derivatives P is formed once from V^-1 by a rank-p
correction (ML keeps V^-1 as it is); then tr(P dV_k) is an elementwise sum and the average information comes
from the vectors dV_k P y. No product of two n x n matrices is ever taken.

The floor for such an engine is the Cholesky factor plus the inverse; `benchmarks/bench_reml.py` measures
the distance to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.problem.errors import TooManyRows
from covstudio.reml.problem.likelihood import Derivatives, average_information, score
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.variance import Variance

__all__ = ["DENSE_LIMIT", "DenseEngine", "DensePoint", "check_rows"]

Vector = NDArray[np.float64]

#: More rows than this are refused: V, its factor and its inverse would not fit beside each other in
#: ordinary memory.
DENSE_LIMIT = 8000


def check_rows(n: int, parameters: int) -> None:
    """Refuse problems that the dense engine cannot hold.

    Args:
        n: rows of V.
        parameters: free parameters of V.

    Raises:
        TooManyRows: more than `DENSE_LIMIT` rows, with the memory they would take.

    Example:
        >>> check_rows(72, 3)
    """
    if n <= DENSE_LIMIT:
        return
    # V, its factor, P, a slice and a term's value at least.
    gigabytes = 8.0 * n * n * (5 + min(parameters, 3)) / 2**30
    raise TooManyRows(
        f"V has {n} rows; the dense engine takes up to {DENSE_LIMIT}. It would need about {gigabytes:.0f} "
        "GB of memory "
        f"and {(n / 2000) ** 3 * 0.2:.0f} s or more an iteration. Fit a part of the data, such as one "
        "trial or environment."
    )


class DensePoint:
    """The restricted likelihood at one V, factored; derivatives when asked for.

    Args:
        problem: y and X.
        variance: where the slices come from.
        natural: all natural values.
        factor: lower Cholesky factor of V.
    """

    def __init__(self, problem: Problem, variance: Variance, natural: Vector, factor: Tensor) -> None:
        self._problem = problem
        self._variance = variance
        self.natural = natural
        self._factor: Tensor | None = factor
        # The rows of L have the variances of V as their squared lengths.
        self._mean_diagonal = float(torch.linalg.vector_norm(factor)) ** 2 / problem.n
        self._scale = 1.0
        whitened = torch.linalg.solve_triangular(
            factor, torch.cat([problem.x, problem.y.unsqueeze(1)], dim=1), upper=False
        )
        bx, by = whitened[:, :-1], whitened[:, -1]
        self._xvx = bx.mT @ bx
        self._xvx_factor = torch.linalg.cholesky(self._xvx)
        self.beta = torch.cholesky_solve((bx.mT @ by).unsqueeze(1), self._xvx_factor).squeeze(1)
        residual = by - bx @ self.beta
        self._quadratic = float(residual @ residual)
        self._bx = bx
        self._whitened_residual = residual
        self._logdet_v = 2.0 * float(torch.log(torch.diagonal(factor)).sum())
        self._logdet_xvx = 2.0 * float(torch.log(torch.diagonal(self._xvx_factor)).sum())
        self._traced: Tensor | None = None
        self._half: Tensor | None = None
        self._py: Tensor | None = None

    @property
    def logdet_v(self) -> float:
        """log|V|."""
        return self._logdet_v + self._problem.n * float(np.log(self._scale))

    @property
    def logdet_xvx(self) -> float:
        """log|X'V^-1X|."""
        return self._logdet_xvx - self._problem.p * float(np.log(self._scale))

    @property
    def quadratic(self) -> float:
        """y'Py."""
        return self._quadratic / self._scale

    @property
    def mean_diagonal(self) -> float:
        """Mean of the diagonal of V."""
        return self._mean_diagonal * self._scale

    @property
    def kernel(self) -> float:
        """-(log|V| + log|X'V^-1X| + y'Py)/2; without log|X'V^-1X| in ML."""
        return self._problem.kernel(self.logdet_v, self.logdet_xvx, self.quadratic)

    @property
    def beta_covariance(self) -> Tensor:
        """(X'V^-1X)^-1, (p, p)."""
        return torch.cholesky_inverse(self._xvx_factor) * self._scale

    def rescaled(self, factor: float, natural: Vector) -> DensePoint:
        """The same point with V multiplied by `factor`, which `natural` is known to give."""
        other = DensePoint.__new__(DensePoint)
        other.__dict__.update(self.__dict__)
        other._scale = self._scale * factor
        other.natural = natural
        return other

    def _projection(self) -> tuple[Tensor, Tensor]:
        """The matrix that derivatives are traced against (P; V^-1 in ML), and P y, before rescaling."""
        if self._traced is None or self._py is None:
            factor = self._factor
            assert factor is not None
            # L^-T [B_X, r] turns what is whitened once into V^-1 X and P y.
            back = torch.linalg.solve_triangular(
                factor.mT, torch.cat([self._bx, self._whitened_residual.unsqueeze(1)], dim=1), upper=True
            )
            # cholesky_inverse answers column-major; its transpose is the same matrix, row-major, without a
            # copy.
            traced = torch.cholesky_inverse(factor).mT
            vx, self._py = back[:, :-1], back[:, -1].contiguous()
            if vx.shape[1]:
                half = torch.linalg.solve_triangular(self._xvx_factor, vx.mT, upper=False)
                if self._problem.restricted:
                    traced.addmm_(half.mT, half, alpha=-1.0)
                else:
                    self._half = half
            self._traced = traced
            self._factor = None
        return self._traced, self._py

    def _projected(self, b: Tensor) -> Tensor:
        """P B for the V that was factored."""
        product = self._projection()[0] @ b
        return product if self._half is None else product - self._half.mT @ (self._half @ b)

    @property
    def py(self) -> Tensor:
        """P y, (n,)."""
        return self._projection()[1] / self._scale

    def project(self, b: Tensor) -> Tensor:
        """P B, (n, k)."""
        return self._projected(b) / self._scale

    def derivatives(self, positions: Sequence[int]) -> Derivatives:
        """Score and average information with respect to the natural parameters at these positions."""
        traced, py = self._projection()
        count, n = len(positions), self._problem.n
        traces = np.zeros(count)
        q = py.new_zeros((n, count))
        flat = traced.reshape(-1)
        for places, block in self._variance.slices(self.natural, positions):
            block = block.contiguous()
            traces[places] = torch.mv(block.view(len(places), n * n), flat).numpy(force=True)
            q[:, places] = torch.mv(block.view(len(places) * n, n), py).view(len(places), n).mT
        inner = (q.mT @ self._projected(q)).numpy(force=True)
        quadratics = (py @ q).numpy(force=True)
        scale = self._scale
        return Derivatives(
            score(traces / scale, quadratics / scale**2),
            average_information(inner) / scale**3,
        )


class DenseEngine:
    """Evaluates the restricted likelihood by factoring V whole.

    Args:
        problem: y and X.
        variance: the model of V.
    """

    name = "dense"

    def __init__(self, problem: Problem, variance: Variance) -> None:
        self.problem = problem
        self.variance = variance

    @property
    def residual_degrees(self) -> int:
        """n - p; n in ML."""
        return self.problem.degrees

    @property
    def order(self) -> int:
        """n."""
        return self.problem.n

    def at(self, natural: Vector) -> DensePoint | None:
        """The likelihood at these natural values, or None where V is not positive definite.

        V counts as not positive definite when the factorisation breaks down, or when a pivot is nothing but
        rounding error of the diagonal entry it came from. Nothing is ever added to the diagonal.
        """
        v = self.variance.value(natural)
        diagonal = torch.diagonal(v).clone()
        if not bool(torch.isfinite(diagonal).all()):
            return None
        factor, info = torch.linalg.cholesky_ex(v)
        del v
        if int(info):
            return None
        pivots = torch.diagonal(factor) ** 2
        tolerance = 4.0 * self.problem.n * torch.finfo(torch.float64).eps
        # Written so that a NaN fails too.
        if not bool((pivots > tolerance * diagonal).all()):
            return None
        try:
            point = DensePoint(self.problem, self.variance, natural, factor)
        except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
            # X'V^-1X has no factor: V is singular in the directions of X, for all that its pivots say.
            return None
        return point if np.isfinite(point.kernel) else None
