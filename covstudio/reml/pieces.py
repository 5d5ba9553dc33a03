"""The terms of a lowered V: what each can do without being written out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import Matrix, structure
from covstudio.reml.groups import Grouped
from covstudio.reml.rows import Rows, SparseRows
from covstudio.reml.universe import Universe

__all__ = ["BlockPiece", "DiagonalPiece", "OtherPiece", "Piece", "RandomPiece", "mine"]

Vector = NDArray[np.float64]


class Piece:
    """One term of V.

    Args:
        path: its name in V.
        positions: where its parameters stand in V.
        operand: the matrix or tensor it was made of.
        n: rows of V.

    Attributes:
        words: what it is, for explanations.
    """

    words = "no known structure"
    #: Where its tensors are (see `placing`).
    device = torch.device("cpu")

    def __init__(self, path: str, positions: tuple[int, ...], operand: Matrix | Tensor, n: int) -> None:
        self.path = path
        self.positions = positions
        self.operand = operand
        self.n = n
        self._take = list(positions)

    def own(self, natural: Vector) -> Tensor:
        """The term's own natural values out of those of V."""
        return torch.from_numpy(natural[self._take]).to(self.device)

    def diagonal(self, natural: Vector) -> Tensor:
        """Its diagonal, (n,)."""
        raise NotImplementedError

    def mean_diagonal(self, natural: Vector) -> float:
        """Mean of its diagonal over all rows of V."""
        return float(self.diagonal(natural).mean())

    def derivative_diagonal(self, natural: Vector, index: Sequence[int]) -> Tensor:
        """The diagonals of its derivatives, (k, n); `index` counts the term's own parameters."""
        raise NotImplementedError

    def matmul(self, natural: Vector, b: Tensor) -> Tensor:
        """Its product with b of shape (n, m)."""
        raise NotImplementedError

    def derivative_matmul(self, natural: Vector, index: Sequence[int], b: Tensor) -> Tensor:
        """The products of its derivatives with b, (k, n, m)."""
        raise NotImplementedError


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

    def derivative_matmul(self, natural: Vector, index: Sequence[int], b: Tensor) -> Tensor:
        return self.derivative_diagonal(natural, index)[:, :, None] * b


class RandomPiece(Piece):
    """Z G Z'.

    Args:
        z: the rows of Z.
        g: G, a matrix or a constant.
        family: G as a family of small covariances, when every row of Z stays within one member.
    """

    words = "random effects"

    def __init__(
        self,
        path: str,
        positions: tuple[int, ...],
        operand: Matrix | Tensor,
        n: int,
        z: Rows,
        g: Matrix | Tensor,
        family: Grouped | None,
    ) -> None:
        super().__init__(path, positions, operand, n)
        self.z = z
        self.g = g
        self.family = family

    @property
    def columns(self) -> int:
        """Number of effects."""
        return self.z.columns

    def covariance(self, natural: Vector) -> Tensor:
        """G, (q, q)."""
        if isinstance(self.g, Tensor):
            return self.g.detach().to(device="cpu", dtype=torch.float64)
        return self.g.evaluate(self.own(natural))

    def variances(self, natural: Vector) -> Tensor:
        """The diagonal of G, (q,)."""
        if self.family is not None:
            diagonals = torch.diagonal(self.family.value(self.own(natural)), dim1=1, dim2=2)
            group, member = self._split(torch.arange(self.columns, device=self.device), len(diagonals))
            return diagonals[group, member]
        if isinstance(self.g, Tensor):
            return torch.diagonal(self.covariance(natural))
        return structure.diagonal(self.g, self.own(natural))

    def _split(self, columns: Tensor, blocks: int) -> tuple[Tensor, Tensor]:
        """Block and member of columns; all in the first block where one stands for all."""
        assert self.family is not None
        group, member = self.family.split(columns)
        return (torch.zeros_like(group) if blocks == 1 else group), member

    @cached_property
    def _squares(self) -> Tensor | None:
        """Sums of squares of the columns of a Z with one entry a row, (q,)."""
        if not isinstance(self.z, SparseRows) or self.z.width != 1:
            return None
        return torch.zeros(self.columns, dtype=torch.float64, device=self.device).index_add_(
            0, self.z.codes[:, 0], self.z.weights()[:, 0] ** 2
        )

    def _alike(self, blocks: Tensor) -> bool:
        """Whether every row has one level, and one variance, (1, 1, 1), stands for all of them."""
        z = self.z
        return blocks.numel() == 1 and isinstance(z, SparseRows) and z.width == 1 and z.values is None

    def mean_diagonal(self, natural: Vector) -> float:
        blocks = None if self.family is None else self.family.value(self.own(natural))
        if blocks is not None and self._alike(blocks):
            return float(blocks)
        if self._squares is None:
            return float(self.diagonal(natural).mean())
        if blocks is not None and blocks.numel() == 1:
            return float(blocks) * float(self._squares.sum()) / self.n
        return float(self._squares @ self.variances(natural)) / self.n

    def _row_quadratic(self, g: Tensor) -> Tensor:
        """diag(Z G Z') for a symmetric G: written out, (q, q), or by its blocks, (m or 1, b, b)."""
        if not isinstance(self.z, SparseRows):
            return (self.z.matrix @ g * self.z.matrix).sum(dim=1)
        codes, weights = self.z.codes, self.z.weights()
        block, place = self._split(codes, len(g)) if g.ndim == 3 else (torch.zeros_like(codes), codes)
        g = g if g.ndim == 3 else g[None]
        total = torch.zeros(self.n, dtype=torch.float64, device=self.device)
        for a in range(self.z.width):
            for b in range(self.z.width):
                # Entries of weight 0 may point into another block.
                total += weights[:, a] * weights[:, b] * g[block[:, a], place[:, a], place[:, b]]
        return total

    def diagonal(self, natural: Vector) -> Tensor:
        blocks = None if self.family is None else self.family.value(self.own(natural))
        if blocks is not None and self._alike(blocks):
            return blocks.reshape(1).expand(self.n)
        if isinstance(self.z, SparseRows) and self.z.width == 1:
            return self.variances(natural)[self.z.codes[:, 0]] * self.z.weights()[:, 0] ** 2
        if blocks is not None:
            return self._row_quadratic(blocks)
        return self._row_quadratic(self.covariance(natural))

    def derivative_diagonal(self, natural: Vector, index: Sequence[int]) -> Tensor:
        if isinstance(self.g, Tensor) or not len(index):
            return torch.zeros((0, self.n), dtype=torch.float64, device=self.device)
        if self.family is not None:
            slices = self.family.derivative(self.own(natural), index)
            if self._alike(slices[0]):
                return slices.reshape(-1, 1).expand(-1, self.n)
        elif isinstance(self.z, SparseRows) and self.z.width == 1:
            entries = structure.derivative_diagonal(self.g, self.own(natural), list(index))
            return entries[:, self.z.codes[:, 0]] * self.z.weights()[:, 0] ** 2
        else:
            slices = self.g.natural_jacobian(self.own(natural), list(index))
        return torch.stack([self._row_quadratic(g) for g in slices])

    def matmul(self, natural: Vector, b: Tensor) -> Tensor:
        inner = self.z.transposed(b)
        if isinstance(self.g, Tensor):
            return self.z.multiply(self.covariance(natural) @ inner)
        return self.z.multiply(structure.matmul(self.g, self.own(natural), inner))

    def derivative_effects(self, natural: Vector, index: Sequence[int], u: Tensor) -> Tensor:
        """dG_k u, (k, q, m), for u of shape (q, m)."""
        if isinstance(self.g, Tensor):
            return u.new_zeros((0, *u.shape))
        return structure.derivative_matmul(self.g, self.own(natural), list(index), u)

    def derivative_matmul(self, natural: Vector, index: Sequence[int], b: Tensor) -> Tensor:
        moved = self.derivative_effects(natural, index, self.z.transposed(b))
        return torch.stack([self.z.multiply(u) for u in moved]) if len(moved) else b.new_zeros((0, *b.shape))


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


def mine(own: Sequence[int], positions: Sequence[int]) -> tuple[list[int], list[int]]:
    """Which of some positions in V belong to a term: their places among these, and in the term.

    Example:
        >>> mine((4, 5), [5, 0, 4])
        ([0, 2], [1, 0])
    """
    place = {k: i for i, k in enumerate(own)}
    found = [(i, place[k]) for i, k in enumerate(positions) if k in place]
    return [i for i, _ in found], [k for _, k in found]
