r"""V, taken apart once: its parameters, the terms of its outer sum, and what each of them is to an engine.

.. math:: V(\theta) = \sum_t V_t(\theta_t)

Everything that works with V, from the choice of an engine to a prediction long after the fit, works with one
`Variance`. It is light: terms are lowered (see `lower`) and V is written out (see `written`) when somebody
asks for it, and what is found out about V once is kept with it (see `once`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import cached_property, wraps
from typing import Any, TypeVar

import torch

from covstudio.covariance import Matrix
from covstudio.covariance.core.definiteness import promises_psd
from covstudio.reml.terms.kinds import BlockPiece, DiagonalPiece, OtherPiece, Piece, RandomPiece
from covstudio.reml.terms.lower import pieces_of
from covstudio.reml.terms.outer import Term, outer_terms
from covstudio.reml.terms.parameters import Parameters
from covstudio.reml.terms.written import Written

__all__ = ["Variance", "once"]

_T = TypeVar("_T")


class Variance(Parameters):
    """V as engines, the search and inference see it.

    Args:
        v: the model of V, (n, n).

    Attributes:
        v: the model.
        n: rows.
        terms: the terms of its outer sum.
        linear: positions of the parameters known to be linear.

    Example:
        >>> from covstudio.covariance import CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
        >>> gen = CovariancePropagation(z=DummyMatrix(["a", "b", "a"]), g=ScalarMatrix(2))
        >>> variance = Variance(Sum(gen=gen, units=ScalarMatrix(3)))
        >>> [(piece.path, piece.words) for piece in variance.pieces]
        [('gen', 'random effects'), ('units', 'diagonal')]
    """

    def __init__(self, v: Matrix) -> None:
        super().__init__(v)
        self.v = v
        self.n: int = v.shape[0]
        self.terms: tuple[Term, ...] = tuple(outer_terms(v))
        self.linear: frozenset[int] = frozenset(
            k for term in self.terms if not term.constant and term.linear for k in term.span
        )
        self._written: dict[torch.device, Written] = {}
        self._remembered: dict[Callable[[Variance], Any], Any] = {}

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """The terms, taken apart, in the order of the tree."""
        return tuple(piece for term in self.terms for piece in pieces_of(term, self.n))

    @cached_property
    def random(self) -> tuple[RandomPiece, ...]:
        """The terms Z G Z'."""
        return tuple(piece for piece in self.pieces if isinstance(piece, RandomPiece))

    @cached_property
    def diagonals(self) -> tuple[DiagonalPiece, ...]:
        """The diagonal terms."""
        return tuple(piece for piece in self.pieces if isinstance(piece, DiagonalPiece))

    @cached_property
    def blocks(self) -> tuple[BlockPiece, ...]:
        """The terms with independent groups of rows."""
        return tuple(piece for piece in self.pieces if isinstance(piece, BlockPiece))

    @cached_property
    def others(self) -> tuple[OtherPiece, ...]:
        """The terms of no known structure."""
        return tuple(piece for piece in self.pieces if isinstance(piece, OtherPiece))

    @cached_property
    def promised(self) -> bool:
        """Whether V promises to be positive semi-definite, and so symmetric."""
        return promises_psd(self.v)

    def owner(self, position: int) -> tuple[Piece, int]:
        """The piece that has this parameter of V, and the parameter's place in it."""
        for piece in self.pieces:
            if position in piece.positions:
                return piece, piece.positions.index(position)
        raise KeyError(f"V has no parameter at position {position}")

    def written(self, device: torch.device | str = "cpu") -> Written:
        """V written out on this device; what it keeps is there for everybody who asks."""
        there = torch.device(device)
        if there not in self._written:
            self._written[there] = Written(self.terms, self.n, there)
        return self._written[there]

    def of(self, pieces: Sequence[Piece]) -> Variance:
        """The sum of some pieces, or V with its pieces elsewhere, with the parameters of the whole."""
        other = copy.copy(self)
        for name in ("random", "diagonals", "blocks", "others", "promised"):
            other.__dict__.pop(name, None)
        other.pieces = tuple(pieces)
        other._remembered = {}
        return other


def once(function: Callable[[Variance], _T]) -> Callable[[Variance], _T]:
    """What a function tells of a V, found out once and kept with it.

    Example:
        >>> from covstudio.covariance import ScalarMatrix
        >>> @once
        ... def rows(variance):
        ...     print("counting")
        ...     return variance.n
        >>> variance = Variance(ScalarMatrix(3))
        >>> rows(variance), rows(variance)
        counting
        (3, 3)
    """

    @wraps(function)
    def known(variance: Variance) -> _T:
        remembered = variance._remembered
        if function not in remembered:
            remembered[function] = function(variance)
        found: _T = remembered[function]
        return found

    return known
