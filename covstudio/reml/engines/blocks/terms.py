r"""The terms of a V that falls apart into blocks of rows, entry by entry.

Rows are told apart by their type: all that decides about their covariances with the other rows of their
block. Every term here gives its covariances between types, and their derivatives, for many blocks at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import Matrix, linalg
from covstudio.reml.terms.design_rows import DenseRows, SparseRows
from covstudio.reml.terms.families import Grouped
from covstudio.reml.terms.kinds import BlockPiece, DiagonalPiece, OtherPiece, Piece, RandomPiece
from covstudio.reml.terms.partition import codes_of
from covstudio.reml.terms.positions import PLACES, Universe

__all__ = ["BlockTerm", "grouped_weights", "term_of"]

Vector = NDArray[np.float64]

#: Effects that a row may have of one group; more are not kept row by row.
WIDE = 64


class BlockTerm(ABC):
    """One term of V between rows of a block.

    Attributes:
        piece: the term.
        rows: the rows it covers.
        group: the group of each of them; rows of different groups are independent.
        alike: whether the covariance is the same in every group.
        joins: whether rows of a group covary at all; a diagonal term says nothing about pairs of rows.
    """

    piece: Piece
    rows: Tensor
    group: Tensor
    alike: bool
    joins = True

    @abstractmethod
    def keys(self) -> Iterator[Tensor]:
        """Columns of numbers, (n,) each, that tell apart the rows of a group."""

    @abstractmethod
    def take(self, example: Tensor, own: Tensor) -> None:
        """Keep what is needed of every type.

        Args:
            example: a row of every type, (types,).
            own: the label of its group, (types,): the same for rows of one group; -1 outside the term.
        """

    @abstractmethod
    def values(self, natural: Vector, types: Tensor) -> Tensor:
        """Covariances between the rows of blocks, (m, t, t), whose types are (m, t)."""

    @abstractmethod
    def slices(self, natural: Vector, index: Sequence[int], types: Tensor) -> Tensor:
        """Their derivatives, (k, m, t, t); `index` counts the term's own parameters."""


class _Places(BlockTerm):
    """Covariances between places, of which every group has some."""

    def __init__(self, piece: Piece, rows: Tensor, group: Tensor, place: Tensor, universe: Universe) -> None:
        self.piece, self.rows, self.group, self.alike = piece, rows, group, True
        self._universe = universe
        self._place = torch.zeros(piece.n, dtype=torch.int64)
        self._place[rows] = place

    def keys(self) -> Iterator[Tensor]:
        yield self._place

    def take(self, example: Tensor, own: Tensor) -> None:
        self._at, self._own = self._place.to(own.device)[example], own

    def values(self, natural: Vector, types: Tensor) -> Tensor:
        at, own = self._at[types], self._own[types]
        return _within(self._universe.entries(self.piece.own(natural), at[:, :, None], at[:, None, :]), own)

    def slices(self, natural: Vector, index: Sequence[int], types: Tensor) -> Tensor:
        at, own = self._at[types], self._own[types]
        found = self._universe.derivative_entries(
            self.piece.own(natural), index, at[:, :, None], at[:, None, :]
        )
        return _within(found, own)


class _Effects(BlockTerm):
    """Z G Z' where every row of Z has entries of one group of effects only."""

    def __init__(self, piece: RandomPiece, group: Tensor, weights: Tensor, blocks: int) -> None:
        reached = torch.nonzero((weights != 0.0).any(dim=1)).reshape(-1)
        self.piece: RandomPiece = piece
        self.rows, self.group, self.alike = reached, group[reached], blocks == 1
        self._group, self._weights = group, weights

    def keys(self) -> Iterator[Tensor]:
        yield from self._weights.unbind(dim=1)

    def take(self, example: Tensor, own: Tensor) -> None:
        self._z, self._own = self._weights.to(own.device)[example], own
        self._which = None if self.alike else self._group.to(own.device)[example]

    def _between(self, g: Tensor, types: Tensor) -> Tensor:
        """Z G Z' within blocks for G of shape (..., groups or 1, b, b)."""
        z, own = self._z[types], self._own[types]
        g = g.to(z.device)
        if self._which is None:
            return _within(z @ g @ z.mT, own)
        # Rows of one group have the same G: that of the row on the left will do.
        left = torch.einsum("mia,...miab->...mib", z, g[..., self._which[types], :, :])
        return _within(left @ z.mT, own)

    def values(self, natural: Vector, types: Tensor) -> Tensor:
        if self.piece.family is None:
            return self._between(self.piece.covariance(natural)[None], types)
        return self._between(self.piece.family.value(self.piece.own(natural)), types)

    def slices(self, natural: Vector, index: Sequence[int], types: Tensor) -> Tensor:
        own = self.piece.own(natural)
        if self.piece.family is not None:
            return self._between(self.piece.family.derivative(own, index), types)
        assert isinstance(self.piece.g, Matrix)
        return self._between(self.piece.g.natural_jacobian(own, list(index))[:, None], types)


class _Diagonal(BlockTerm):
    """Variances of single rows."""

    joins = False

    def __init__(self, piece: DiagonalPiece, natural: Vector) -> None:
        self.piece: DiagonalPiece = piece
        self.rows = torch.arange(piece.n) if piece.rows is None else piece.rows
        # Every row is a group of its own, and decides nothing about others.
        self.group, self.alike = self.rows, True
        values = piece.family.value(piece.own(natural))[:, 0, 0]
        self._one = len(values) == 1
        self._entry = torch.full((piece.n,), -1)
        self._entry[self.rows] = torch.zeros_like(piece.group) if self._one else piece.group
        self._code = self._entry
        if not self._one and linalg.is_linear(piece.operand):
            # Linear variances with the same slopes and the same value are the same everywhere.
            index = list(range(len(piece.positions)))
            slopes = piece.family.derivative(piece.own(natural), index)[:, :, 0, 0]
            code = codes_of([*slopes.expand(-1, len(values)), values], len(values))
            self._code = torch.where(self._entry < 0, -1, code[self._entry.clamp(min=0)])

    def keys(self) -> Iterator[Tensor]:
        yield self._code

    def take(self, example: Tensor, own: Tensor) -> None:
        self._at = self._entry.to(own.device)[example]

    def _spread(self, variances: Tensor, types: Tensor) -> Tensor:
        at = self._at[types]
        found = variances.to(at.device)[..., at.clamp(min=0)]
        return torch.diag_embed(torch.where(at < 0, 0.0, found))

    def values(self, natural: Vector, types: Tensor) -> Tensor:
        return self._spread(self.piece.family.value(self.piece.own(natural))[:, 0, 0], types)

    def slices(self, natural: Vector, index: Sequence[int], types: Tensor) -> Tensor:
        slopes = self.piece.family.derivative(self.piece.own(natural), index)[:, :, 0, 0]
        return self._spread(slopes, types)


def term_of(piece: Piece, natural: Vector) -> BlockTerm | str:
    """A term as one between rows of blocks, or the reason why it is none.

    Args:
        piece: a term of V.
        natural: natural values at which the term exists, such as the defaults.
    """
    if isinstance(piece, BlockPiece):
        return _Places(piece, piece.rows, piece.group, piece.place, piece.universe)
    if isinstance(piece, DiagonalPiece):
        return _Diagonal(piece, natural)
    if isinstance(piece, RandomPiece):
        return _effects(piece, natural)
    assert isinstance(piece, OtherPiece)
    if piece.rows is None:
        return "covers all rows without any known structure"
    if len(piece.rows) > PLACES:
        return f"covers {len(piece.rows)} rows without any known structure"
    return _Places(
        piece,
        piece.rows,
        torch.zeros_like(piece.rows),
        torch.arange(len(piece.rows)),
        _written(piece.operand),
    )


def _effects(piece: RandomPiece, natural: Vector) -> BlockTerm | str:
    family, z = piece.family, piece.z
    if family is None or isinstance(z, DenseRows):
        if piece.columns > WIDE:
            return f"has {piece.columns} effects that are not independent between groups of rows"
        weights = z.dense()
        return _Effects(piece, torch.zeros(piece.n, dtype=torch.int64), weights, 1)
    if family.members > WIDE:
        return f"has {family.members} effects in a group"
    found = grouped_weights(z, family)
    if found is None:
        return "has rows with effects of several groups"
    return _Effects(piece, *found, len(family.value(piece.own(natural))))


def grouped_weights(z: SparseRows, family: Grouped) -> tuple[Tensor, Tensor] | None:
    """The group of every row of Z, (n,), and its entries for the members of that group, (n, b).

    None where a row has entries of several groups.

    Example:
        >>> from covstudio.covariance import IdentityMatrix, KroneckerProduct, UnstructuredMatrix
        >>> from covstudio.reml.terms.families import grouped
        >>> family = grouped(KroneckerProduct(subject=IdentityMatrix(2), effect=UnstructuredMatrix(2)))
        >>> z = SparseRows(torch.tensor([[0, 1], [2, 3]]), torch.tensor([[1.0, 5.0], [1.0, 7.0]]), 4)
        >>> [part.tolist() for part in grouped_weights(z, family)]
        [[0, 1], [[1.0, 5.0], [1.0, 7.0]]]
    """
    group, member = family.split(z.codes)
    used = z.weights() != 0.0
    # Entries of zero may point anywhere.
    low = torch.where(used, group, family.groups).amin(dim=1)
    high = torch.where(used, group, -1).amax(dim=1)
    if bool((high > low).any()):
        return None
    weights = torch.zeros((z.n, family.members), dtype=torch.float64)
    weights.scatter_add_(1, member, z.weights().to(torch.float64))
    return high.clamp(min=0), weights


def _written(operand: Matrix | Tensor) -> Universe:
    if isinstance(operand, Tensor):
        value = operand.detach().to(device="cpu", dtype=torch.float64)
        return Universe(
            len(value), lambda natural: value, lambda natural, index: value.new_zeros((0, *value.shape))
        )
    return Universe(
        operand.shape[0],
        operand.evaluate,
        lambda natural, index: operand.natural_jacobian(natural, list(index)),
    )


def _within(entries: Tensor, own: Tensor) -> Tensor:
    """Entries between rows of one group; the others, and those outside the term, become zero."""
    same = (own[:, :, None] == own[:, None, :]) & (own >= 0)[:, :, None]
    return entries if bool(same.all()) else torch.where(same, entries, 0.0)
