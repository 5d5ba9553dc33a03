r"""The random effects of sparse mixed-model equations: Z G Z' with G a variance times a K of sparse inverse.

The effects of a term are u = sqrt(gamma) v with v ~ N(0, K): gamma, relative to the residual variance, may be
0, and K^-1 is all that is needed of K.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import Matrix, structure
from covstudio.reml.problem.errors import SINGULAR
from covstudio.reml.terms.effect_covariance import are_variances
from covstudio.reml.terms.kinds import RandomPiece

__all__ = ["KnownTerm", "SparseTerm", "TermPoint", "VarianceTerm", "is_known", "known_entries"]

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TermPoint:
    """A term at one value of the parameters.

    Attributes:
        gammas: what K is multiplied by, for each effect: (q,), or (1,) for all.
        entries: K^-1 at the term's places.
        logdet: log|K|.
        mix: U with u = U sqrt(gamma) v for the effects of a level, (k, k); None where they are not mixed.
    """

    gammas: Tensor
    entries: Tensor
    logdet: float
    mix: Tensor | None = None


class SparseTerm(Protocol):
    """A term Z G Z'.

    Attributes:
        piece: it, in V.
        members: effects of a level.
        outer: whether levels change slowly among the columns of Z; else their members do.
        level_rows: rows of the entries of K^-1 between levels, its lower triangle.
        level_columns: their columns.
    """

    piece: RandomPiece
    members: int
    outer: bool
    level_rows: Tensor
    level_columns: Tensor

    def at(self, natural: Vector, scale: float) -> TermPoint | None:
        """K^-1 and gamma = G / (scale K), or None where G is no covariance."""
        ...

    def slopes(
        self, natural: Vector, index: Sequence[int], s: Tensor, c: Tensor, t: Tensor
    ) -> tuple[Tensor, Tensor]:
        """dG_k s, (q, k), and tr(dG_k Z'PZ), (k,).

        Args:
            natural: natural values of V.
            index: parameters, counted in the term.
            s: Z'Py, (q,).
            c: K s, (q,).
            t: the diagonal of K Z'PZ, (q,); where levels have k members, its traces between these, (k, k).
        """
        ...


class VarianceTerm:
    """G diagonal, with one variance or several: K = I."""

    members, outer = 1, True

    def __init__(self, piece: RandomPiece) -> None:
        self.piece = piece
        self.level_rows = self.level_columns = torch.arange(piece.columns)

    def at(self, natural: Vector, scale: float) -> TermPoint | None:
        family = self.piece.family
        assert family is not None
        variances = family.value(self.piece.own(natural))[:, 0, 0]
        if not are_variances(variances):
            return None
        return TermPoint(variances / scale, variances.new_ones(self.piece.columns), 0.0)

    def slopes(
        self, natural: Vector, index: Sequence[int], s: Tensor, c: Tensor, t: Tensor
    ) -> tuple[Tensor, Tensor]:
        family = self.piece.family
        assert family is not None
        slices = family.derivative(self.piece.own(natural), index)[:, :, 0, 0].expand(-1, len(s))
        return (slices * s).mT, slices @ t


class KnownTerm:
    """G a known K, times a variance that is its one parameter."""

    members, outer = 1, True

    def __init__(self, piece: RandomPiece) -> None:
        assert isinstance(piece.g, Matrix)
        self.piece = piece
        self._g = piece.g
        found = structure.sparsity(piece.g)
        assert found is not None
        self.level_rows, self.level_columns = found
        self._known: tuple[Tensor, float] | None = None

    def at(self, natural: Vector, scale: float) -> TermPoint | None:
        own = self.piece.own(natural)
        size = float(own[0]) if len(own) else 1.0
        if not 0.0 <= size < float("inf"):
            return None
        if self._known is None:
            self._known = known_entries(self._g)
        if self._known is None:
            return None
        entries, logdet = self._known
        return TermPoint(entries.new_tensor([size / scale]), entries, logdet)

    def slopes(
        self, natural: Vector, index: Sequence[int], s: Tensor, c: Tensor, t: Tensor
    ) -> tuple[Tensor, Tensor]:
        return c[:, None].expand(-1, len(index)), t.sum().expand(len(index))


def known_entries(g: Matrix) -> tuple[Tensor, float] | None:
    """K^-1 at its places, and log|K|, for a multiple of K; None where there is no K^-1."""
    one = torch.ones(g.num_params, dtype=torch.float64)
    try:
        entries = structure.inverse_entries(g, one)
    except SINGULAR:
        return None
    return entries, float(structure.logdet(g, one))


def is_known(piece: RandomPiece) -> bool:
    """Whether G is one variance times a known K of sparse inverse."""
    g = piece.g
    return isinstance(g, Matrix) and structure.is_multiple(g) and structure.sparsity(g) is not None
