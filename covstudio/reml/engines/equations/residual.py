r"""R: the part of V that is inverted by itself, row by row or in small groups of rows.

R is the sum of all diagonal terms and all terms with independent groups of rows. Its inverse has few entries,
whose places do not depend on the parameters: the diagonal; the squares of the groups; or the neighbours
in a chain (see `markov`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.reml.engines.equations.markov import MarkovResidual
from covstudio.reml.problem.errors import SINGULAR
from covstudio.reml.terms.kinds import BlockPiece, DiagonalPiece, mine
from covstudio.reml.terms.partition import joined
from covstudio.reml.terms.variance import Variance, once

__all__ = [
    "BlockResidual",
    "DiagonalResidual",
    "MarkovResidual",
    "Residual",
    "ResidualPoint",
    "residual_of",
    "unit_residual",
]

Vector = NDArray[np.float64]

#: A Markov group of more rows than this is inverted along the chain, a shorter one as a block.
CHAIN = 6


class ResidualPoint(Protocol):
    """R at one value of the parameters.

    Attributes:
        logdet: log|R|.
        entries: the entries of R^-1 at the residual's `pattern`.
    """

    logdet: float
    entries: Tensor

    def solve(self, b: Tensor) -> Tensor:
        """R^-1 b, (n, k)."""
        ...

    def multiply(self, b: Tensor) -> Tensor:
        """R b, (n, k)."""
        ...

    def smallest(self) -> float:
        """The smallest variance left to a row, given the rows before it in its group."""
        ...

    def derivative(self, natural: Vector, positions: Sequence[int]) -> tuple[Tensor, Tensor]:
        """For parameters of V: -R^-1 dR R^-1 at the pattern, (k, entries); and tr(R^-1 dR), (k,).

        Args:
            natural: where dR is taken: those of a multiple of R, when V has been rescaled.
            positions: the parameters of V asked for.
        """
        ...


class Residual(Protocol):
    """The structure of R.

    Attributes:
        positions: where the parameters of R stand in V.
        words: what it is, for explanations.
    """

    positions: frozenset[int]
    words: str

    @property
    def pattern(self) -> tuple[Tensor, Tensor] | None:
        """Rows and columns of the entries of R^-1; None for the diagonal."""
        ...

    def at(self, natural: Vector) -> ResidualPoint | None:
        """R at these natural values of V, or None where it is not positive definite."""
        ...


@once
def residual_of(variance: Variance) -> Residual | None:
    """The residual of V; None when it has no term to make one of.

    Example:
        >>> from covstudio.covariance import AR1Matrix, IdentityMatrix, KroneckerProduct
        >>> residual_of(Variance(KroneckerProduct(subject=IdentityMatrix(4), time=AR1Matrix(3)))).words
        'groups of 3 rows'
    """
    n, diagonals, blocks = variance.n, variance.diagonals, variance.blocks
    if not blocks:
        return DiagonalResidual(n, diagonals) if diagonals else None
    if len(blocks) == 1 and not diagonals and len(blocks[0].rows) == n:
        (block,) = blocks
        if block.universe.markov and int(block.sizes.max()) > CHAIN and _distinct_places(block):
            return MarkovResidual(n, block)
    return BlockResidual(n, diagonals, blocks)


def unit_residual(residual: Residual) -> int | None:
    """The position of R's one parameter, when R is that parameter times a constant diagonal."""
    if not isinstance(residual, DiagonalResidual) or len(residual.pieces) != 1:
        return None
    (piece,) = residual.pieces
    return piece.positions[0] if len(piece.positions) == 1 and linalg.is_multiple(piece.operand) else None


def _distinct_places(block: BlockPiece) -> bool:
    """Whether no two rows of a group share a place, where their covariance would be singular."""
    keys = block.group * (int(block.place.max()) + 1) + block.place
    return len(torch.unique(keys)) == len(keys)


class DiagonalResidual:
    """R diagonal.

    Args:
        n: rows.
        pieces: its diagonal terms.
    """

    def __init__(self, n: int, pieces: Sequence[DiagonalPiece]) -> None:
        self.n = n
        self.pieces = tuple(pieces)
        self.pattern: tuple[Tensor, Tensor] | None = None
        self.positions = frozenset(k for piece in pieces for k in piece.positions)
        self.words = "diagonal"
        self.device = pieces[0].device

    def at(self, natural: Vector) -> _DiagonalPoint | None:
        """R at these natural values of V, or None where it is not positive definite."""
        total = torch.zeros(self.n, dtype=torch.float64, device=self.device)
        for piece in self.pieces:
            total = total + piece.diagonal(natural)
        smallest, largest = (float(end) for end in total.aminmax())
        # Written so that a NaN, which is the least and the largest, fails too.
        return _DiagonalPoint(self, total, smallest) if 0.0 < smallest <= largest < math.inf else None


class _DiagonalPoint:
    def __init__(self, owner: DiagonalResidual, variances: Tensor, smallest: float) -> None:
        self._owner = owner
        self.variances = variances
        self.entries = 1.0 / variances
        self._smallest = smallest
        self.logdet = float(torch.log(variances).sum())

    def solve(self, b: Tensor) -> Tensor:
        return self.entries[:, None] * b

    def multiply(self, b: Tensor) -> Tensor:
        return self.variances[:, None] * b

    def smallest(self) -> float:
        return self._smallest

    def derivative(self, natural: Vector, positions: Sequence[int]) -> tuple[Tensor, Tensor]:
        slices = self.variances.new_zeros((len(positions), len(self.variances)))
        for piece in self._owner.pieces:
            places, index = mine(piece.positions, positions)
            if places:
                slices[places] = piece.derivative_diagonal(natural, index)
        relative = slices * self.entries
        return -relative * self.entries, relative.sum(dim=1)


@dataclass(frozen=True, eq=False)
class _Batch:
    """Groups of one size.

    Attributes:
        rows: their rows, (m, t).
        kind: which of the different covariances each has, (m,).
        examples: one group of each kind, (kinds,).
        counts: groups of each kind.
        inside: for every block term, (kinds, t): its group (-1: not in the term); and the places.
    """

    rows: Tensor
    kind: Tensor
    examples: Tensor
    counts: Tensor
    inside: tuple[tuple[Tensor, Tensor], ...]


class BlockResidual:
    """R block diagonal after sorting rows; groups that have the same covariance are inverted once.

    Args:
        n: rows.
        diagonals: its diagonal terms.
        blocks: its terms with groups.
    """

    def __init__(self, n: int, diagonals: Sequence[DiagonalPiece], blocks: Sequence[BlockPiece]) -> None:
        self.n = n
        self.diagonals, self.blocks = tuple(diagonals), tuple(blocks)
        self.device = blocks[0].device
        self.positions = frozenset(k for piece in (*diagonals, *blocks) for k in piece.positions)
        label = joined(n, [(piece.rows, piece.group) for piece in self.blocks])
        self.group = label
        self.sizes = torch.bincount(label)
        self.largest = int(self.sizes.max())
        same = int(self.sizes.min()) == self.largest
        self.words = f"groups of {'' if same else 'up to '}{self.largest} rows"

    @property
    def cells(self) -> int:
        """Entries of R^-1."""
        return int((self.sizes**2).sum())

    @cached_property
    def batches(self) -> list[_Batch]:
        """The groups by their size."""
        order = torch.argsort(self.group, stable=True)
        starts = torch.cumsum(self.sizes, 0) - self.sizes
        uniform = all(piece.uniform for piece in self.diagonals)
        batches = []
        for size in torch.unique(self.sizes).tolist():
            which = torch.nonzero(self.sizes == size).reshape(-1)
            rows = order[starts[which][:, None] + torch.arange(size, device=self.device)]
            batches.append(self._batch(rows, uniform))
        return batches

    @cached_property
    def pattern(self) -> tuple[Tensor, Tensor] | None:
        """Rows and columns of the entries of R^-1."""
        i = [batch.rows[:, :, None].expand(-1, -1, batch.rows.shape[1]).reshape(-1) for batch in self.batches]
        j = [batch.rows[:, None, :].expand(-1, batch.rows.shape[1], -1).reshape(-1) for batch in self.batches]
        return torch.cat(i), torch.cat(j)

    def _batch(self, rows: Tensor, uniform: bool) -> _Batch:
        inside = []
        keys = []
        for piece in self.blocks:
            group = torch.full((self.n,), -1, device=self.device)
            place = torch.zeros(self.n, dtype=torch.int64, device=self.device)
            group[piece.rows], place[piece.rows] = piece.group, piece.place
            own, at = group[rows], place[rows]
            # Groups are told apart by the first row that they share.
            first = (own[:, :, None] == own[:, None, :]).to(torch.int8).argmax(dim=2)
            own = torch.where(own < 0, -1, first)
            inside.append((own, at))
            keys += [own, at]
        if uniform:
            _, kind = torch.unique(torch.cat(keys, dim=1), dim=0, return_inverse=True)
        else:
            kind = torch.arange(len(rows), device=self.device)
        counts = torch.bincount(kind)
        every = torch.arange(len(rows), device=self.device)
        examples = torch.zeros_like(counts).scatter_(0, kind, every)
        chosen = tuple((own[examples], at[examples]) for own, at in inside)
        return _Batch(rows, kind, examples, counts.to(torch.float64), chosen)

    def at(self, natural: Vector) -> _BlockPoint | None:
        """R at these natural values of V, or None where it is not positive definite."""
        try:
            values = [self._values(batch, natural) for batch in self.batches]
        except SINGULAR:
            return None
        factors = []
        for value in values:
            factor, info = torch.linalg.cholesky_ex(value)
            if bool((info != 0).any()) or not bool(torch.isfinite(factor).all()):
                return None
            factors.append(factor)
        return _BlockPoint(self, values, factors)

    def _values(self, batch: _Batch, natural: Vector) -> Tensor:
        count, size = len(batch.examples), batch.rows.shape[1]
        total = torch.zeros((count, size, size), dtype=torch.float64, device=self.device)
        for piece, (own, at) in zip(self.blocks, batch.inside, strict=True):
            entries = piece.universe.entries(piece.own(natural), at[:, :, None], at[:, None, :])
            total = total + _kept(entries, own)
        rows = batch.rows[batch.examples]
        for diagonal in self.diagonals:
            total = total + torch.diag_embed(diagonal.diagonal(natural)[rows])
        return total

    def slices(self, batch: _Batch, natural: Vector, positions: Sequence[int]) -> Tensor:
        """dR for parameters of V, (k, kinds, t, t)."""
        count, size = len(batch.examples), batch.rows.shape[1]
        out = torch.zeros((len(positions), count, size, size), dtype=torch.float64, device=self.device)
        for piece, (own, at) in zip(self.blocks, batch.inside, strict=True):
            places, index = mine(piece.positions, positions)
            if places:
                entries = piece.universe.derivative_entries(
                    piece.own(natural), index, at[:, :, None], at[:, None, :]
                )
                out[places] = _kept(entries, own)
        rows = batch.rows[batch.examples]
        for diagonal in self.diagonals:
            places, index = mine(diagonal.positions, positions)
            if places:
                out[places] = torch.diag_embed(diagonal.derivative_diagonal(natural, index)[:, rows])
        return out


class _BlockPoint:
    def __init__(self, owner: BlockResidual, values: Sequence[Tensor], factors: Sequence[Tensor]) -> None:
        self._owner = owner
        self._values = values
        self._factors = factors
        self._inverses = [torch.cholesky_inverse(factor) for factor in factors]
        self.logdet = 0.0
        entries = []
        for batch, factor, inverse in zip(owner.batches, factors, self._inverses, strict=True):
            logs = 2.0 * torch.log(torch.diagonal(factor, dim1=1, dim2=2)).sum(dim=1)
            self.logdet += float(logs @ batch.counts)
            entries.append(inverse[batch.kind].reshape(-1))
        self.entries = torch.cat(entries)

    def _applied(self, blocks: Sequence[Tensor], b: Tensor) -> Tensor:
        out = torch.zeros_like(b)
        for batch, block in zip(self._owner.batches, blocks, strict=True):
            out[batch.rows] = block[batch.kind] @ b[batch.rows]
        return out

    def solve(self, b: Tensor) -> Tensor:
        return self._applied(self._inverses, b)

    def multiply(self, b: Tensor) -> Tensor:
        return self._applied(self._values, b)

    def smallest(self) -> float:
        return min(float(torch.diagonal(factor, dim1=1, dim2=2).min()) ** 2 for factor in self._factors)

    def derivative(self, natural: Vector, positions: Sequence[int]) -> tuple[Tensor, Tensor]:
        entries = []
        traces = self.entries.new_zeros(len(positions))
        for batch, inverse in zip(self._owner.batches, self._inverses, strict=True):
            slices = self._owner.slices(batch, natural, positions)
            traces += torch.einsum("g,kgij,gij->k", batch.counts, slices, inverse)
            moved = -(inverse @ slices @ inverse)
            entries.append(moved[:, batch.kind].reshape(len(positions), -1))
        return torch.cat(entries, dim=1), traces


def _kept(entries: Tensor, own: Tensor) -> Tensor:
    """Entries between rows of one group; the others, and those outside the term, are zero."""
    same = (own[:, :, None] == own[:, None, :]) & (own >= 0)[:, :, None]
    return entries if bool(same.all()) else entries * same.to(torch.float64)
