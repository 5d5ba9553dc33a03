r"""Looking at V before a fit: what its parameters do, and what it is at the start.

The start and the kinds of parameters are found from V's derivatives. A V that may be written out is looked at
whole; any other through its products with a few random vectors, which tell matrices apart with certainty (for
vectors drawn from a continuous distribution), and through its diagonal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.problem.errors import SINGULAR
from covstudio.reml.terms.kinds import DiagonalPiece, Piece, RandomPiece
from covstudio.reml.terms.variance import Variance

__all__ = ["LoweredProbe", "Probe", "WrittenProbe"]

Vector = NDArray[np.float64]

#: Random vectors: enough for their products to tell matrices apart, and the size of a matrix of many rows.
VECTORS = 3


class Probe(Protocol):
    """What can be asked of V at natural values."""

    def value(self, natural: Vector) -> Tensor:
        """V, or its product with a few fixed vectors, (n, m)."""
        ...

    def diagonal(self, natural: Vector) -> Tensor:
        """The diagonal of V, (n,)."""
        ...

    def slice(self, natural: Vector, position: int) -> Tensor:
        """dV for one parameter, or its product with a few fixed vectors, (n, m)."""
        ...

    def product(self, natural: Vector, position: int, b: Tensor) -> Tensor:
        """dV b for one parameter and b of shape (n, m); NaN where there is no dV."""
        ...

    def slice_diagonal(self, natural: Vector, position: int) -> Tensor:
        """The diagonal of dV, (n,)."""
        ...

    def slice_is_diagonal(self, natural: Vector, position: int) -> bool:
        """Whether dV has no entries off its diagonal."""
        ...

    def mean_diagonal(self, natural: Vector, positions: Sequence[int]) -> float:
        """Mean of the diagonal of the term that has these parameters."""
        ...

    def finite(self, natural: Vector) -> bool:
        """Whether all entries of V are finite."""
        ...

    def asymmetry(self, natural: Vector) -> tuple[float, str]:
        """The largest difference between V and its transpose relative to V, and where it is, in words."""
        ...


class WrittenProbe:
    """V written out.

    Args:
        variance: V, taken apart.
        device: where it is written.
    """

    def __init__(self, variance: Variance, device: torch.device | str = "cpu") -> None:
        self._written = variance.written(device)
        self._terms = {tuple(term.span): term for term in variance.terms}

    def value(self, natural: Vector) -> Tensor:
        return self._written.value(natural)

    def diagonal(self, natural: Vector) -> Tensor:
        return torch.diagonal(self._written.value(natural))

    def slice(self, natural: Vector, position: int) -> Tensor:
        return self._written.slice(natural, position)

    def product(self, natural: Vector, position: int, b: Tensor) -> Tensor:
        block = self._written.slice(natural, position)
        return block @ b.to(block)

    def slice_diagonal(self, natural: Vector, position: int) -> Tensor:
        return torch.diagonal(self._written.slice(natural, position))

    def slice_is_diagonal(self, natural: Vector, position: int) -> bool:
        block = self._written.slice(natural, position)
        return int(torch.count_nonzero(block)) == int(torch.count_nonzero(torch.diagonal(block)))

    def mean_diagonal(self, natural: Vector, positions: Sequence[int]) -> float:
        return float(torch.diagonal(self._terms[tuple(positions)].value(natural)).mean())

    def finite(self, natural: Vector) -> bool:
        return bool(torch.isfinite(self._written.value(natural)).all())

    def asymmetry(self, natural: Vector) -> tuple[float, str]:
        value = self._written.value(natural)
        gap = (value - value.mT).abs()
        i, j = divmod(int(gap.argmax()), self._written.n)
        words = f"V[{i}, {j}] = {float(value[i, j]):.6g} but V[{j}, {i}] = {float(value[j, i]):.6g}"
        return float(gap.max()) / max(float(value.abs().max()), 1e-300), words


class LoweredProbe:
    """V through its terms, nothing written out.

    Args:
        variance: V, taken apart.
    """

    def __init__(self, variance: Variance) -> None:
        self._variance = variance
        self._inside: dict[tuple[int, ...], list[Piece]] = {}

    @cached_property
    def _vectors(self) -> Tensor:
        generator = torch.Generator().manual_seed(20_260_101)
        return torch.randn((self._variance.n, VECTORS), dtype=torch.float64, generator=generator)

    def value(self, natural: Vector) -> Tensor:
        total = torch.zeros_like(self._vectors)
        for piece in self._variance.pieces:
            try:
                total += piece.matmul(natural, self._vectors)
            except SINGULAR:
                return torch.full_like(total, torch.nan)
        return total

    def diagonal(self, natural: Vector) -> Tensor:
        total = torch.zeros(self._variance.n, dtype=torch.float64)
        for piece in self._variance.pieces:
            try:
                total += piece.diagonal(natural)
            except SINGULAR:
                return torch.full_like(total, torch.nan)
        return total

    def slice(self, natural: Vector, position: int) -> Tensor:
        return self.product(natural, position, self._vectors)

    def product(self, natural: Vector, position: int, b: Tensor) -> Tensor:
        piece, k = self._variance.owner(position)
        try:
            return piece.derivative_matmul(natural, [k], b.to("cpu"))[0]
        except SINGULAR:
            return torch.full_like(b, torch.nan)

    def slice_diagonal(self, natural: Vector, position: int) -> Tensor:
        piece, k = self._variance.owner(position)
        try:
            return piece.derivative_diagonal(natural, [k])[0]
        except SINGULAR:
            return torch.full((self._variance.n,), torch.nan, dtype=torch.float64)

    def slice_is_diagonal(self, natural: Vector, position: int) -> bool:
        piece, _ = self._variance.owner(position)
        if isinstance(piece, DiagonalPiece | RandomPiece):
            return isinstance(piece, DiagonalPiece)
        whole = self.slice(natural, position)
        rest = whole - self.slice_diagonal(natural, position)[:, None] * self._vectors
        return bool(rest.abs().max() <= 1e-12 * whole.abs().max())

    def mean_diagonal(self, natural: Vector, positions: Sequence[int]) -> float:
        key = tuple(positions)
        own = self._inside.get(key)
        if own is None:
            inside = set(key)
            moving = (piece for piece in self._variance.pieces if piece.positions)
            own = self._inside[key] = [piece for piece in moving if inside.issuperset(piece.positions)]
        return self._mean_diagonal(natural, own)

    def _mean_diagonal(self, natural: Vector, pieces: Iterable[Piece]) -> float:
        try:
            return sum([piece.mean_diagonal(natural) for piece in pieces])
        except SINGULAR:
            return math.nan

    def finite(self, natural: Vector) -> bool:
        if self._variance.promised:
            # No entry of the diagonal is negative, so that none makes up for another.
            return math.isfinite(self._mean_diagonal(natural, self._variance.pieces))
        return bool(torch.isfinite(self.value(natural)).all())

    def asymmetry(self, natural: Vector) -> tuple[float, str]:
        if self._variance.promised:
            return 0.0, ""
        value = self.value(natural)
        inner = self._vectors.mT @ value
        gap = float((inner - inner.mT).abs().max())
        size = float(torch.linalg.vector_norm(value) * torch.linalg.vector_norm(self._vectors))
        return gap / max(size, 1e-300), "a'V b and b'V a differ for two vectors of random numbers"
