"""The kinds of terms of V: diagonal, random effects, independent groups of rows, and others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from covstudio.covariance import Matrix, structure
from covstudio.reml.terms.families import Grouped
from covstudio.reml.terms.positions import Universe
from covstudio.reml.terms.random import RandomPiece
from covstudio.reml.terms.term import Piece, Vector, mine

__all__ = ["BlockPiece", "DiagonalPiece", "OtherPiece", "Piece", "RandomPiece", "mine"]


class DiagonalPiece(Piece):
    """A diagonal term: row i has the variance of its group, zero outside `rows`.

    Args:
        rows: the rows it covers, in order; None for all.
        group: for each of them, the entry of the family's diagonal.
        family: a family of members of size 1.
    """

    words = "diagonal"

    def __init__(
        self,
        path: str,
        positions: tuple[int, ...],
        operand: Matrix | Tensor,
        n: int,
        rows: Tensor | None,
        group: Tensor,
        family: Grouped,
    ) -> None:
        super().__init__(path, positions, operand, n)
        self.rows = rows
        self.group = group
        self.family = family
        self._in_order = bool((group == torch.arange(len(group))).all())

    def _placed(self, blocks: Tensor) -> Tensor:
        """(..., m or 1) per group -> (..., n) per row."""
        if blocks.shape[-1] == 1:
            values = blocks.expand(*blocks.shape[:-1], len(self.group))
        elif self._in_order and blocks.shape[-1] == len(self.group):
            values = blocks
        else:
            values = blocks[..., self.group]
        if self.rows is None:
            return values
        out = values.new_zeros((*values.shape[:-1], self.n))
        out[..., self.rows] = values
        return out

    @property
    def uniform(self) -> bool:
        """Whether all rows have the same variance whatever the parameters."""
        return self.rows is None and self.family.value(_zeros(self)).shape[0] == 1

    def diagonal(self, natural: Vector) -> Tensor:
        return self._placed(self.family.value(self.own(natural))[:, 0, 0])

    def mean_diagonal(self, natural: Vector) -> float:
        values = self.family.value(self.own(natural))
        if len(values) == 1:
            return float(values) * len(self.group) / self.n
        return float(self.diagonal(natural).mean())

    def derivative_diagonal(self, natural: Vector, index: Sequence[int]) -> Tensor:
        return self._placed(self.family.derivative(self.own(natural), index)[:, :, 0, 0])

    def matmul(self, natural: Vector, b: Tensor) -> Tensor:
        return self.diagonal(natural)[:, None] * b

    def among(self, natural: Vector, rows: Tensor) -> Tensor:
        return torch.where(rows[:, None] == rows, self.diagonal(natural)[rows], 0.0)

    def derivative_matmul(self, natural: Vector, index: Sequence[int], b: Tensor) -> Tensor:
        return self.derivative_diagonal(natural, index)[:, :, None] * b


class BlockPiece(Piece):
    """Independent groups of rows, each with its part of one covariance between places.

    Args:
        rows: the rows it covers.
        group: the group of each of them.
        place: the place of each of them.
        universe: the covariance between places.
    """

    words = "independent groups of rows"

    def __init__(
        self,
        path: str,
        positions: tuple[int, ...],
        operand: Matrix | Tensor,
        n: int,
        rows: Tensor,
        group: Tensor,
        place: Tensor,
        universe: Universe,
    ) -> None:
        super().__init__(path, positions, operand, n)
        self.rows = rows
        self.group = torch.unique(group, return_inverse=True)[1]
        self.place = place
        self.universe = universe

    @cached_property
    def sizes(self) -> Tensor:
        """Rows of each group."""
        return torch.bincount(self.group)

    @cached_property
    def _pairs(self) -> tuple[Tensor, Tensor]:
        """All ordered pairs of rows of one group, as positions in `rows`."""
        order = torch.argsort(self.group, stable=True)
        starts = torch.cumsum(self.sizes, 0) - self.sizes
        repeats = self.sizes[self.group[order]]
        left = torch.repeat_interleave(order, repeats)
        offset = torch.arange(len(left), device=self.device) - torch.repeat_interleave(
            torch.cumsum(repeats, 0) - repeats, repeats
        )
        right = order[torch.repeat_interleave(starts[self.group[order]], repeats) + offset]
        return left, right

    def diagonal(self, natural: Vector) -> Tensor:
        out = torch.zeros(self.n, dtype=torch.float64, device=self.device)
        out[self.rows] = self.universe.entries(self.own(natural), self.place, self.place)
        return out

    def derivative_diagonal(self, natural: Vector, index: Sequence[int]) -> Tensor:
        out = torch.zeros((len(index), self.n), dtype=torch.float64, device=self.device)
        out[:, self.rows] = self.universe.derivative_entries(self.own(natural), index, self.place, self.place)
        return out

    @cached_property
    def _as_it_stands(self) -> bool:
        """Whether the operand multiplies cheaply by itself."""
        every = torch.arange(self.n, device=self.device)
        whole = len(self.rows) == self.n and bool((self.rows == every).all())
        return whole and isinstance(self.operand, Matrix) and structure.matmul.is_cheap(self.operand)

    def matmul(self, natural: Vector, b: Tensor) -> Tensor:
        if self._as_it_stands and isinstance(self.operand, Matrix):
            return structure.matmul(self.operand, self.own(natural), b)
        i, j = self._pairs
        values = self.universe.entries(self.own(natural), self.place[i], self.place[j])
        return self._summed(values, b)

    def derivative_matmul(self, natural: Vector, index: Sequence[int], b: Tensor) -> Tensor:
        if self._as_it_stands and isinstance(self.operand, Matrix):
            return structure.derivative_matmul(self.operand, self.own(natural), list(index), b)
        i, j = self._pairs
        out = b.new_zeros((len(index), *b.shape))
        for which, k in enumerate(index):
            values = self.universe.derivative_entries(self.own(natural), [k], self.place[i], self.place[j])
            out[which] = self._summed(values[0], b)
        return out

    def _summed(self, values: Tensor, b: Tensor) -> Tensor:
        i, j = self._pairs
        return torch.zeros_like(b).index_add_(0, self.rows[i], values[:, None] * b[self.rows[j]])


class OtherPiece(Piece):
    """A term of no structure that engines could use.

    Args:
        rows: the rows it covers; None for all.
    """

    def __init__(
        self,
        path: str,
        positions: tuple[int, ...],
        operand: Matrix | Tensor,
        n: int,
        rows: Tensor | None,
    ) -> None:
        super().__init__(path, positions, operand, n)
        self.rows = rows

    def _out(self, values: Tensor, dim: int) -> Tensor:
        if self.rows is None:
            return values
        shape = list(values.shape)
        shape[dim] = self.n
        return values.new_zeros(shape).index_copy_(dim, self.rows, values)

    def diagonal(self, natural: Vector) -> Tensor:
        if isinstance(self.operand, Tensor):
            return self._out(torch.diagonal(self.operand).to(torch.float64), 0)
        return self._out(structure.diagonal(self.operand, self.own(natural)), 0)

    def derivative_diagonal(self, natural: Vector, index: Sequence[int]) -> Tensor:
        if isinstance(self.operand, Tensor):
            return torch.zeros((0, self.n), dtype=torch.float64, device=self.device)
        return self._out(structure.derivative_diagonal(self.operand, self.own(natural), list(index)), 1)

    def matmul(self, natural: Vector, b: Tensor) -> Tensor:
        inside = b if self.rows is None else b[self.rows]
        if isinstance(self.operand, Tensor):
            return self._out(self.operand.to(torch.float64) @ inside, 0)
        return self._out(structure.matmul(self.operand, self.own(natural), inside), 0)

    def derivative_matmul(self, natural: Vector, index: Sequence[int], b: Tensor) -> Tensor:
        inside = b if self.rows is None else b[self.rows]
        if isinstance(self.operand, Tensor):
            return b.new_zeros((0, *b.shape))
        return self._out(structure.derivative_matmul(self.operand, self.own(natural), list(index), inside), 1)


def _zeros(piece: Piece) -> Tensor:
    return torch.ones(len(piece.positions), dtype=torch.float64, device=piece.device)
