r"""One direction of a separable grid: its covariance, and the basis in which it is the identity or diagonal.

Beside a nugget a factor A is taken in the basis U of its eigenvectors, U'AU = diag(a). Without one it is
whitened, T'AT = I with T = L^-T and A = LL'; where A is Markov, as an autoregression, T' has two diagonals
and a row is whitened by the one before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.operators.products import kronecker
from covstudio.reml.engines.rounding import rounding
from covstudio.reml.terms.crossing import Part

__all__ = ["Axis", "Factor", "MarkovAxis", "diagonalised", "whitened"]

Vector = NDArray[np.float64]

#: A Markov factor of fewer levels than this is whitened by a matrix product.
CHAIN = 96
#: Derivatives of a factor are written out while they have at most this many entries.
WRITTEN = 20_000_000


class Factor:
    """The covariance along one direction, of one or several factors of a term.

    Args:
        parts: the factors, the last index fastest.
        positions: where the parameters of the term stand in V.

    Attributes:
        matrix: the covariance.
        positions: where its parameters stand in V.
        size: number of levels.
    """

    def __init__(self, parts: Sequence[Part], positions: Sequence[int]) -> None:
        self.matrix = kronecker([part.operand for part in parts])
        self.positions = [positions[part.start + k] for part in parts for k in range(part.count)]
        self.size = self.matrix.shape[0]
        self._constant = linalg.is_constant(self.matrix)
        self._known: tuple[bytes, Tensor] | None = None
        self._axes: dict[bool, tuple[bytes, Axis | None]] = {}

    @property
    def markov(self) -> bool:
        """Whether the covariance of neighbours tells all of it."""
        return self.size >= CHAIN and linalg.bandwidth(self.matrix) == 1

    def own(self, natural: Vector) -> Tensor:
        """Its own natural values out of those of V."""
        return torch.from_numpy(natural[self.positions])

    def value(self, natural: Vector) -> Tensor:
        """The covariance, (size, size)."""
        key = natural[self.positions].tobytes()
        if self._known is None or self._known[0] != key:
            self._known = key, self.matrix.evaluate(self.own(natural)).to(torch.float64)
        return self._known[1]

    def axis(self, natural: Vector, device: torch.device, *, nugget: bool) -> Axis | None:
        """The basis beside a nugget, or without one; None where the covariance has none."""
        key = natural[self.positions].tobytes()
        known = self._axes.get(nugget)
        if known is None or known[0] != key:
            value = self.value(natural)
            if not bool(torch.isfinite(value).all()):
                found = None
            else:
                value = value.to(device)
                found = diagonalised(value) if nugget else whitened(value, markov=self.markov)
            known = self._axes[nugget] = key, found
        return known[1]

    def slopes(self, natural: Vector, index: Sequence[int], b: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives dA_k times b, (k, size, m), and tr(dA_k a), (k,), for a symmetric a.

        Args:
            natural: natural values of V.
            index: which of its own parameters.
            b: (size, m).
            a: (size, size).
        """
        own, which = self.own(natural), list(index)
        if len(which) * self.size**2 <= WRITTEN:
            # For directions of a grid one product of small matrices is faster than any structure.
            slices = self.matrix.natural_jacobian(own, which).to(b.device, torch.float64)
            return slices @ b, slices.flatten(1) @ a.reshape(-1)
        moved = linalg.derivative_matmul(self.matrix, own, which, b.cpu()).to(b.device)
        return moved, linalg.trace_against(self.matrix, own, which, a.cpu()).to(a.device)


class Axis:
    """A basis T with T'AT diagonal.

    Args:
        basis: T, (size, size).
        values: the diagonal of T'AT, (size,).
        logdet: log|A| where T whitens A.
    """

    def __init__(self, basis: Tensor, values: Tensor, logdet: float = 0.0) -> None:
        self.basis = basis
        self.values = values
        self.logdet = logdet

    def forward(self, x: Tensor, dim: int) -> Tensor:
        """T'x along dimension 1 or 2 of (f, r, c)."""
        product: Tensor = self.basis.mT @ x if dim == 1 else x @ self.basis
        return product

    def backward(self, x: Tensor, dim: int) -> Tensor:
        """T x along dimension 1 or 2 of (f, r, c)."""
        product: Tensor = self.basis @ x if dim == 1 else x @ self.basis.mT
        return product

    def congruent(self, m: Tensor) -> Tensor:
        """T M T', (size, size)."""
        return self.backward(self.backward(m[None], 1), 2)[0]

    def along(self, value: Tensor) -> Tensor:
        """The diagonal of T'AT for another multiple of A, (size,)."""
        return ((value @ self.basis) * self.basis).sum(dim=0)


class MarkovAxis(Axis):
    """A basis that whitens a Markov covariance, by its two diagonals.

    T'x has the entries (x_i - phi_i x_(i-1)) / s_i.

    Args:
        phi: how a level follows the one before it, (size - 1,).
        s: standard deviations given the level before, (size,).
    """

    def __init__(self, phi: Tensor, s: Tensor) -> None:
        self.phi = phi
        self.s = s
        size = len(s)
        eye = torch.eye(size, dtype=s.dtype, device=s.device)
        basis = self.backward(eye[None], 1)[0]
        super().__init__(basis, torch.ones_like(s), 2.0 * float(torch.log(s).sum()))

    def forward(self, x: Tensor, dim: int) -> Tensor:
        """T'x along dimension 1 or 2 of (f, r, c)."""
        phi, s = (self.phi[:, None], self.s[:, None]) if dim == 1 else (self.phi, self.s)
        size = len(self.s)
        out = x.clone()
        out.narrow(dim, 1, size - 1).addcmul_(phi, x.narrow(dim, 0, size - 1), value=-1.0)
        return out.div_(s)

    def backward(self, x: Tensor, dim: int) -> Tensor:
        """T x along dimension 1 or 2 of (f, r, c)."""
        phi, s = (self.phi[:, None], self.s[:, None]) if dim == 1 else (self.phi, self.s)
        size = len(self.s)
        out = x / s
        following = out.narrow(dim, 1, size - 1).clone()
        out.narrow(dim, 0, size - 1).addcmul_(phi, following, value=-1.0)
        return out


def diagonalised(value: Tensor) -> Axis:
    """The basis of eigenvectors."""
    values, basis = torch.linalg.eigh(value)
    return Axis(basis, values)


def whitened(value: Tensor, *, markov: bool = False) -> Axis | None:
    """A basis T with T'AT = I; None where A is not positive definite to working precision."""
    tolerance = rounding(len(value))
    variances = value.diagonal()
    if markov:
        covariances = value.diagonal(-1)
        if not bool((variances > 0.0).all()):
            return None
        phi = covariances / variances[:-1]
        s = variances.clone()
        s[1:] -= phi * covariances
        return MarkovAxis(phi, s.sqrt()) if bool((s > tolerance * variances).all()) else None
    factor, info = torch.linalg.cholesky_ex(value)
    pivots = factor.diagonal()
    if int(info) or not bool((pivots**2 > tolerance * variances).all()):
        return None
    eye = torch.eye(len(value), dtype=value.dtype, device=value.device)
    basis = torch.linalg.solve_triangular(factor, eye, upper=False).mT
    return Axis(basis.contiguous(), torch.ones_like(variances), 2.0 * float(torch.log(pivots).sum()))
