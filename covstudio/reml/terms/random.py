"""Random effects as a term of V, Z G Z' by the rows of Z and by G."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from covstudio.covariance import Matrix, structure
from covstudio.reml.terms.design_rows import Rows, SparseRows
from covstudio.reml.terms.families import Grouped, is_variance_component, related
from covstudio.reml.terms.term import Piece, Vector

__all__ = ["RandomPiece"]

#: G of more effects than this is not written out for the diagonal of Z G Z'.
WRITTEN = 2000
#: Rows of Z that go through products with K together.
AT_ONCE = 200


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

    @cached_property
    def component(self) -> bool:
        """Whether G is one parameter times the identity."""
        return is_variance_component(self.g) if self.family is None else self.family.component

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

    @cached_property
    def _unit_diagonal(self) -> Tensor | None:
        """The diagonal of Z K Z' for a G = sigma^2 K that is too large to be written out for it; else None.

        A few rows of Z at a time go through products with K, once for a whole fit.
        """
        g, z = self.g, self.z
        if isinstance(g, Tensor) or self.family is not None or self.columns <= WRITTEN:
            return None
        if not isinstance(z, SparseRows) or not structure.is_multiple(g):
            return None
        if not structure.matmul.is_cheap(g):
            return None
        one = torch.ones(g.num_params, dtype=torch.float64, device=self.device)
        out = torch.empty(self.n, dtype=torch.float64, device=self.device)
        for rows in torch.split(torch.arange(self.n, device=self.device), AT_ONCE):
            part = z.some(rows)
            own = part.transposed(torch.eye(len(rows), dtype=torch.float64, device=self.device))
            out[rows] = (own * structure.matmul(g, one, own)).sum(dim=0)
        return out

    @cached_property
    def _between_members(self) -> tuple[Grouped, Tensor] | None:
        """Of a G = B (x) K that is too large to be written out, its B and for every row z_a'K z_b, (k, k, n).

        z_a is what the row has of member a of the groups that K ties together; once for a whole fit.
        """
        g, z = self.g, self.z
        if self.family is not None or self.columns <= WRITTEN or not isinstance(z, SparseRows):
            return None
        found = related(g)
        if found is None or not structure.matmul.is_cheap(found[1]):
            return None
        (family, k), weights = found, z.weights()
        one = torch.ones(k.num_params, dtype=torch.float64, device=self.device)
        group, member = family.split(z.codes)
        out = torch.empty((family.members, family.members, self.n), dtype=torch.float64, device=self.device)
        every = torch.arange(self.n, device=self.device)
        for rows in torch.split(every, max(1, AT_ONCE // family.members)):
            own = torch.zeros(
                (family.groups, family.members, len(rows)), dtype=torch.float64, device=self.device
            )
            places = group[rows], member[rows], every[: len(rows), None].expand(-1, z.width)
            own.index_put_(places, weights[rows], accumulate=True)
            moved = structure.matmul(k, one, own.flatten(1)).view(own.shape)
            out[:, :, rows] = torch.einsum("gan,gbn->abn", own, moved)
        return family, out

    def diagonal(self, natural: Vector) -> Tensor:
        blocks = None if self.family is None else self.family.value(self.own(natural))
        if blocks is not None and self._alike(blocks):
            return blocks.reshape(1).expand(self.n)
        if isinstance(self.z, SparseRows) and self.z.width == 1:
            return self.variances(natural)[self.z.codes[:, 0]] * self.z.weights()[:, 0] ** 2
        if blocks is not None:
            return self._row_quadratic(blocks)
        if self._unit_diagonal is not None:
            size = float(self.own(natural)[0]) if self.positions else 1.0
            return size * self._unit_diagonal
        if self._between_members is not None:
            family, products = self._between_members
            return torch.einsum("ab,abn->n", family.value(self.own(natural))[0], products)
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
        elif self._unit_diagonal is not None:
            return self._unit_diagonal.expand(len(index), -1)
        elif self._between_members is not None:
            family, products = self._between_members
            slices = family.derivative(self.own(natural), list(index))[:, 0]
            return torch.einsum("kab,abn->kn", slices, products)
        else:
            slices = self.g.natural_jacobian(self.own(natural), list(index))
        return torch.stack([self._row_quadratic(g) for g in slices])

    def matmul(self, natural: Vector, b: Tensor) -> Tensor:
        inner = self.z.transposed(b)
        if isinstance(self.g, Tensor):
            return self.z.multiply(self.covariance(natural) @ inner)
        return self.z.multiply(structure.matmul(self.g, self.own(natural), inner))

    def among(self, natural: Vector, rows: Tensor) -> Tensor:
        part = self.z.some(rows)
        found = torch.empty((len(rows), len(rows)), dtype=torch.float64, device=self.device)
        for columns in torch.split(torch.arange(len(rows), device=self.device), AT_ONCE):
            own = self.z.some(rows[columns])
            effects = own.transposed(torch.eye(len(columns), dtype=torch.float64, device=self.device))
            if isinstance(self.g, Tensor):
                moved = self.covariance(natural) @ effects
            else:
                moved = structure.matmul(self.g, self.own(natural), effects)
            found[:, columns] = part.multiply(moved)
        return found

    def derivative_effects(self, natural: Vector, index: Sequence[int], u: Tensor) -> Tensor:
        """dG_k u, (k, q, m), for u of shape (q, m)."""
        if isinstance(self.g, Tensor):
            return u.new_zeros((0, *u.shape))
        return structure.derivative_matmul(self.g, self.own(natural), list(index), u)

    def derivative_matmul(self, natural: Vector, index: Sequence[int], b: Tensor) -> Tensor:
        moved = self.derivative_effects(natural, index, self.z.transposed(b))
        return torch.stack([self.z.multiply(u) for u in moved]) if len(moved) else b.new_zeros((0, *b.shape))
