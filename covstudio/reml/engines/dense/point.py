"""The restricted likelihood through V written out, at one value of the parameters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.engines.dense.setup import DenseSetup
from covstudio.reml.problem.likelihood import Derivatives, average_information, score

__all__ = ["DensePoint"]

Vector = NDArray[np.float64]


class DensePoint:
    """The restricted likelihood at one V, factored; derivatives when asked for.

    Args:
        setup: y and X, and where the slices come from.
        natural: all natural values.
        factor: lower Cholesky factor of V.
    """

    def __init__(self, setup: DenseSetup, natural: Vector, factor: Tensor) -> None:
        self._setup, self._problem = setup, setup.problem
        problem = setup.problem
        self.natural = natural
        self._factor: Tensor | None = factor
        # The rows of L have the variances of V as their squared lengths.
        self._mean_diagonal = float(torch.linalg.vector_norm(factor)) ** 2 / problem.n
        self._scale = 1.0
        whitened = torch.linalg.solve_triangular(
            factor, torch.cat([problem.basis, problem.y.unsqueeze(1)], dim=1), upper=False
        )
        bx, by = whitened[:, :-1], whitened[:, -1]
        self._xvx_factor = torch.linalg.cholesky(bx.mT @ bx)
        # By the orthonormal basis of X: columns far from zero would square their condition.
        along = torch.cholesky_solve((bx.mT @ by).unsqueeze(1), self._xvx_factor)
        self.beta = torch.linalg.solve_triangular(problem.triangle, along, upper=True).squeeze(1)
        residual = by - bx @ along.squeeze(1)
        self._quadratic = float(residual @ residual)
        self._bx = bx
        self._whitened_residual = residual
        self._logdet_v = 2.0 * float(torch.log(torch.diagonal(factor)).sum())
        logs = torch.log(torch.diagonal(self._xvx_factor))
        self._logdet_xvx = 2.0 * (float(logs.sum()) + problem.logdet_triangle)
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
        eye = torch.eye(self._problem.p, dtype=torch.float64, device=self._xvx_factor.device)
        half = torch.linalg.solve_triangular(self._xvx_factor, eye, upper=False).mT
        half = torch.linalg.solve_triangular(self._problem.triangle, half, upper=True)
        covariance: Tensor = half @ half.mT * self._scale
        return covariance

    def rescaled(self, factor: float, natural: Vector) -> DensePoint:
        """The same point with V multiplied by `factor`, which `natural` is known to give."""
        other = DensePoint.__new__(DensePoint)
        other.__dict__.update(self.__dict__)
        other._scale = self._scale * factor
        other.natural = natural
        return other

    def _projection(self) -> tuple[Tensor, Tensor]:
        """What derivatives are traced against (P; V^-1 in ML), and P y.

        Both are for the V that was factored, before rescaling.
        """
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
        for places, block in self._setup.written.slices(self.natural, positions):
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
