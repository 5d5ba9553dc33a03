"""Sums over pairs of derivatives of V, by the engine of a fit or by the columns of V."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.inference.evaluation import Evaluation
from covstudio.reml.problem.errors import InvalidModel
from covstudio.reml.problem.pairs import Combination, DerivativePairs, TakesPairs

__all__ = ["BLOCK", "COLUMN_LIMIT", "ColumnPairs", "column_blocks", "pairs_of"]

Vector = NDArray[np.float64]

#: More rows than this are not summed over, column by column.
COLUMN_LIMIT = 6000
#: Entries of one block of columns.
BLOCK = 4_000_000


def pairs_of(binding: Evaluation, positions: Sequence[int]) -> DerivativePairs:
    """Sums over pairs of the derivatives at these positions: the engine's own, if it has any.

    Args:
        binding: the fit and its model.
        positions: of the parameters.
    """
    point = binding.point
    if isinstance(point, TakesPairs):
        with binding.threads(), torch.no_grad():
            return point.pairs(positions)
    return ColumnPairs(binding, positions)


class ColumnPairs:
    """Sums over pairs of derivatives by products of V's terms with columns; see `DerivativePairs`.

    Traces take the columns of V one by one, and the others p columns for each parameter.

    Args:
        binding: the fit and its model.
        positions: of the K parameters.
    """

    def __init__(self, binding: Evaluation, positions: Sequence[int]) -> None:
        self._binding, self._positions = binding, list(positions)

    def traces(self) -> Vector:
        """tr(P dV_k P dV_l), (K, K); in ML tr(V^-1 dV_k V^-1 dV_l)."""
        binding, count = self._binding, len(self._positions)
        project = binding.project if binding.problem.restricted else binding.solve
        total = np.zeros((count, count))
        for unit in column_blocks(binding):
            projected = project(unit)
            right = torch.stack([binding.derivative(k, projected) for k in self._positions])
            for i, k in enumerate(self._positions):
                left = project(binding.derivative(k, unit))
                total[i] += torch.einsum("nj,knj->k", left, right).numpy()
        return np.asarray(0.5 * (total + total.T))

    def slopes(self) -> Vector:
        """d Phi / d theta_k, (K, p, p)."""
        weights = self._binding.weights
        return _stacked([(weights.mT @ moved).numpy() for moved in self._moved()], weights.shape[1])

    def weighted(self, w: Vector) -> Vector:
        """Phi X'V^-1 (sum w_kl dV_k P dV_l) V^-1X Phi, (p, p)."""
        p = self._binding.weights.shape[1]
        total = np.zeros((p, p))
        moved = torch.stack(self._moved()) if self._positions else torch.zeros((0, 0, p))
        for k, row in enumerate(torch.as_tensor(w, dtype=torch.float64)):
            along = torch.einsum("k,knj->nj", row, moved)
            total += (moved[k].mT @ self._binding.project(along)).numpy()
        return np.asarray(0.5 * (total + total.T))

    def against(self, combinations: Sequence[Combination]) -> tuple[Vector, Vector]:
        """Phi X'V^-1 S V^-1X Phi, (p, p), and tr(P dV_k P S), (K,), for the sum S of combinations."""
        binding = self._binding
        weights = binding.weights
        found = (weights.mT @ self._combined(combinations, weights)).numpy()
        traces = np.zeros(len(self._positions))
        for unit in column_blocks(binding):
            projected = binding.project(unit)
            left = binding.project(self._combined(combinations, unit))
            for i, k in enumerate(self._positions):
                traces[i] += float((left * binding.derivative(k, projected)).sum())
        return found, traces

    def _moved(self) -> list[Tensor]:
        """dV_k V^-1X Phi, (n, p) each."""
        return [self._binding.derivative(k, self._binding.weights) for k in self._positions]

    def _combined(self, combinations: Sequence[Combination], b: Tensor) -> Tensor:
        """S B."""
        total = torch.zeros_like(b)
        for combination in combinations:
            for k, share in zip(self._positions, combination.weights.tolist(), strict=True):
                if share != 0.0:
                    total += share * self._binding.derivative(k, b, combination.natural)
        return total


def _stacked(matrices: Sequence[Vector], p: int) -> Vector:
    return np.stack(matrices) if matrices else np.zeros((0, p, p))


def column_blocks(binding: Evaluation) -> Iterator[Tensor]:
    """The columns of the n x n identity, some at a time.

    Raises:
        InvalidModel: there are too many.
    """
    n = binding.problem.n
    if n > COLUMN_LIMIT:
        raise InvalidModel(
            f"V is not linear in its parameters and has {n} rows: sums over all its columns are taken up to "
            f"{COLUMN_LIMIT}. Ask for method='satterthwaite' or 'residual'."
        )
    width = max(1, BLOCK // n)
    for start in range(0, n, width):
        size = min(width, n - start)
        unit = torch.zeros((n, size), dtype=torch.float64)
        unit[start + torch.arange(size), torch.arange(size)] = 1.0
        yield unit
