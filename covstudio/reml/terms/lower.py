r"""From the tree of V to terms that engines can work with, without writing any n x n matrix.

.. math:: V = \sum_t Z_t G_t Z_t' \;+\; \sum_d D_d \;+\; \sum_b B_b \;+\; \text{others}

Direct sums among the terms of the outer sum are taken apart, and every term is told to be one of

- `RandomPiece`: Z G Z' with a constant Z of few entries a row, or a small dense one;
- `DiagonalPiece`: a diagonal matrix, however it is written: a variance function, a product with an identity,
  Z G Z' with at most one row per column and G diagonal;
- `BlockPiece`: independent groups of rows, such as I (x) R, a covariance masked by "same subject", or an
  autoregression;
- `OtherPiece`: none of these.

Each knows its diagonal, its products and its derivatives (see `pieces`); the optimiser's start and the
classification of parameters need no more (see `probe`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from covstudio.covariance import Matrix, ScalarMatrix, linalg
from covstudio.covariance.operators.products import kronecker
from covstudio.reml.terms.crossing import crossing_of
from covstudio.reml.terms.design_rows import SparseRows, identity_rows, rows_of
from covstudio.reml.terms.families import Grouped, grouped
from covstudio.reml.terms.kinds import BlockPiece, DiagonalPiece, OtherPiece, Piece, RandomPiece
from covstudio.reml.terms.outer import Term, outer_terms
from covstudio.reml.terms.positions import Universe, universe_of

__all__ = ["describe", "effects_piece", "pieces_of"]

#: A constant matrix of at most this many rows may be written out to see what it is.
WRITTEN = 4000
#: A product by entries of terms Z A Z' is one over pairs of levels while these are at most so many a row.
MANY = 64


def pieces_of(term: Term, n: int) -> Iterator[Piece]:
    """Take one term of the outer sum apart.

    Args:
        term: it.
        n: rows of V.

    Example:
        >>> from covstudio.covariance import CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
        >>> from covstudio.reml.terms.outer import outer_terms
        >>> gen = CovariancePropagation(z=DummyMatrix(["a", "b", "a"]), g=ScalarMatrix(2))
        >>> terms = outer_terms(Sum(gen=gen, units=ScalarMatrix(3)))
        >>> [type(piece).__name__ for term in terms for piece in pieces_of(term, 3)]
        ['RandomPiece', 'DiagonalPiece']
    """
    return _Lowering(n).pieces(term, None)


def effects_piece(term: Term, n: int) -> RandomPiece | None:
    """A term as random effects, however it is drawn: (Z_1 A Z_1') o (X B X') and the like; None for others.

    Args:
        term: one of the outer sum.
        n: rows of V.

    Example:
        >>> from covstudio.covariance import CovariancePropagation, DesignMatrix, DummyMatrix, HadamardProduct
        >>> from covstudio.covariance import IdentityMatrix, ScalarMatrix, Sum, UnstructuredMatrix
        >>> from covstudio.reml.terms.outer import outer_terms
        >>> same = CovariancePropagation(z=DummyMatrix([*"aaabbb"]), g=IdentityMatrix(2))
        >>> x = DesignMatrix({"x": [0.0, 1.0, 2.0, 0.0, 1.0, 2.0]})
        >>> slope = HadamardProduct(same=same, line=CovariancePropagation(z=x, g=UnstructuredMatrix(1)))
        >>> term, _ = outer_terms(Sum(slope=slope, units=ScalarMatrix(6)))
        >>> [piece.words for piece in pieces_of(term, 6)], effects_piece(term, 6).words
        (['independent groups of rows'], 'random effects')
    """
    pair = term.effects
    if pair is None:
        return None
    z, g = pair
    path, positions = term.path, tuple(term.span)
    found = _Lowering(n)._propagated(term.operand, z.operand, g.operand, path, positions, None)
    return found if isinstance(found, RandomPiece) else None


class _Lowering:
    def __init__(self, n: int) -> None:
        self.n = n

    def pieces(self, term: Term, rows: Tensor | None) -> Iterator[Piece]:
        """The pieces of a term that covers all rows (None) or these."""
        operand = term.operand
        family = None if _tall(term) else grouped(operand)
        blocks = term.parts("direct sum") if family is None else None
        if blocks is not None and all(part.operand.shape[0] == part.operand.shape[1] for part in blocks):
            top = 0
            for part in blocks:
                size = part.operand.shape[0]
                inside = torch.arange(top, top + size)
                inside = inside if rows is None else rows[inside]
                path = f"{term.path}/{part.name}" if term.path else part.name
                for inner in outer_terms(part.operand, path, term.span.start + part.start):
                    yield from self.pieces(inner, inside)
                top += size
        else:
            yield self._piece(term, family, rows)

    def _piece(self, term: Term, family: Grouped | None, rows: Tensor | None) -> Piece:
        path, operand, positions = term.path, term.operand, tuple(term.span)
        if family is not None:
            return self._of_family(operand, family, identity_rows(operand.shape[0]), path, positions, rows)
        pair = term.parts("congruence")
        if pair is not None:
            found = self._propagated(operand, pair[0].operand, pair[1].operand, path, positions, rows)
            if found is not None:
                return found
        if isinstance(operand, Matrix):
            factors = term.parts("entrywise product")
            blocks = None if factors is None else self._masked(factors[0].operand, factors[1].operand)
            if blocks is None and linalg.bandwidth(operand) == 1:
                universe = universe_of(operand)
                if universe is not None:
                    own = torch.arange(operand.shape[0])
                    blocks = torch.zeros_like(own), own, universe
            if blocks is not None:
                group, place, universe = blocks
                where = torch.arange(self.n) if rows is None else rows
                return BlockPiece(path, positions, operand, self.n, where, group, place, universe)
            if factors is not None:
                crossed = self._crossed(operand, path, positions, rows)
                if crossed is not None:
                    return crossed
        return OtherPiece(path, positions, operand, self.n, rows)

    def _of_family(
        self,
        operand: Matrix | Tensor,
        family: Grouped,
        z: SparseRows,
        path: str,
        positions: tuple[int, ...],
        rows: Tensor | None,
    ) -> Piece:
        """A family of small covariances in which every column has at most one row."""
        group, member = family.split(z.codes[:, 0])
        if family.members == 1:
            return DiagonalPiece(path, positions, operand, self.n, rows, group, family)
        where = torch.arange(self.n) if rows is None else rows
        universe = Universe(
            family.members,
            lambda natural: family.value(natural)[0],
            lambda natural, index: family.derivative(natural, index)[:, 0],
            markov=_markov_block(operand),
        )
        return BlockPiece(path, positions, operand, self.n, where, group, member, universe)

    def _propagated(
        self,
        operand: Matrix | Tensor,
        z: Matrix | Tensor,
        g: Matrix | Tensor,
        path: str,
        positions: tuple[int, ...],
        rows: Tensor | None,
    ) -> Piece | None:
        if not linalg.is_constant(z):
            return None
        design = rows_of(z)
        root = _root_of(g)
        if root is not None:
            # Effects of fewer columns than levels: Z L a in place of Z u.
            design, g = rows_of(design.multiply(root)), ScalarMatrix(root.shape[1])
        family = grouped(g)
        if family is not None and isinstance(design, SparseRows) and design.injective():
            return self._of_family(operand, family, design, path, positions, rows)
        if rows is not None:
            design = design.spread(rows, self.n)
        if family is not None and not _within(family, design):
            family = None
        return RandomPiece(path, positions, operand, self.n, design, g, family)

    def _crossed(
        self, operand: Matrix, path: str, positions: tuple[int, ...], rows: Tensor | None
    ) -> Piece | None:
        """(Z_1 A Z_1') o (Z_2 B Z_2') as Z (A (x) B) Z', whose Z has a column for every pair of levels."""
        crossing = crossing_of(operand)
        if crossing.scales or len(crossing.factors) < 2 or crossing.cells > MANY * operand.shape[0]:
            return None
        design = SparseRows(crossing.codes.unsqueeze(1), None, crossing.cells)
        if rows is not None:
            design = design.spread(rows, self.n)
        g = kronecker([factor.operand for factor in crossing.factors])
        return RandomPiece(path, positions, operand, self.n, design, g, None)

    def _masked(self, a: Matrix | Tensor, b: Matrix | Tensor) -> tuple[Tensor, Tensor, Universe] | None:
        """A covariance kept within groups: groups, places and the covariance between places."""
        for part, other in ((a, b), (b, a)):
            if not linalg.is_constant(part) or isinstance(other, Tensor):
                continue
            group = _same(part)
            if group is None:
                continue
            found = universe_of(other, group)
            if found is not None:
                return group, found.places, found
        return None


def _root_of(g: Matrix | Tensor) -> Tensor | None:
    """L with G = sigma^2 L L' where it has fewer columns than rows; None for any other G."""
    if not isinstance(g, Matrix) or g.num_params != 1 or linalg.kind(g) != "low rank":
        return None
    if not linalg.is_multiple(g) or not linalg.factor.is_cheap(g):
        return None
    root = linalg.factor(g, torch.ones(1, dtype=torch.float64))
    return root if root.shape[1] < root.shape[0] else None


def _tall(term: Term) -> bool:
    """Whether it is Z G Z' with a Z of more rows than columns.

    It is a family only where rows of Z are 0, which is found when Z is looked at.
    """
    pair = term.parts("congruence")
    if pair is None:
        return False
    rows, columns = pair[0].operand.shape
    return rows > columns


def _within(family: Grouped, design: object) -> bool:
    """Whether every row of Z stays within one group, so that Z'Z falls apart by groups."""
    if not isinstance(design, SparseRows):
        return False
    if design.width == 1:
        return True
    group, _ = family.split(design.codes)
    used = design.weights() != 0.0
    low = torch.where(used, group, family.groups).amin(dim=1)
    high = torch.where(used, group, -1).amax(dim=1)
    return bool((high <= low).all())


def _markov_block(operand: Matrix | Tensor) -> bool:
    """Whether the covariance within a group has a tridiagonal inverse."""
    pair = linalg.parts(operand, "congruence")
    factors = linalg.parts(operand if pair is None else pair[1].operand, "kronecker product")
    return any(
        isinstance(part.operand, Matrix) and part.count > 0 and linalg.bandwidth(part.operand) == 1
        for part in factors or ()
    )


def _same(part: Matrix | Tensor) -> Tensor | None:
    """The groups of a constant matrix that is 1 within groups of rows and 0 between; None for any other."""
    pair = linalg.parts(part, "congruence")
    if pair is not None:
        design, family = rows_of(pair[0].operand), grouped(pair[1].operand)
        ones = family is not None and family.members == 1
        if ones and isinstance(design, SparseRows) and design.width == 1 and design.values is None:
            assert family is not None
            diagonal = family.value(torch.zeros(0, dtype=torch.float64))
            return design.codes[:, 0] if bool((diagonal == 1.0).all()) else None
    factors = linalg.parts(part, "kronecker product")
    if factors is not None:
        left, right = (factor.operand for factor in factors)
        for outer, eye, block in ((True, left, right), (False, right, left)):
            family = grouped(eye)
            if family is None or family.members != 1 or not _all_ones(block):
                continue
            if bool((family.value(torch.zeros(0, dtype=torch.float64)) == 1.0).all()):
                index = torch.arange(part.shape[0])
                return index // block.shape[0] if outer else index % eye.shape[0]
    if part.shape[0] > WRITTEN and isinstance(part, Matrix):
        return None
    value = part if isinstance(part, Tensor) else part.evaluate(torch.zeros(0, dtype=torch.float64))
    return _blocks_of_ones(value.detach().to(device="cpu"))


def _all_ones(block: Matrix | Tensor) -> bool:
    if isinstance(block, Matrix):
        if block.num_params or block.shape[0] > WRITTEN:
            return False
        block = block.evaluate(torch.zeros(0, dtype=torch.float64))
    return block.shape[0] == block.shape[1] and bool((block == 1.0).all())


def _blocks_of_ones(value: Tensor) -> Tensor | None:
    if value.ndim != 2 or value.shape[0] != value.shape[1]:
        return None
    one = value == 1.0
    if not bool((one | (value == 0.0)).all()) or not bool(torch.diagonal(one).all()):
        return None
    # The first row that a row shares its group with.
    first = one.to(torch.int8).argmax(dim=1)
    return first if bool((one == (first[:, None] == first[None, :])).all()) else None


def describe(pieces: Sequence[Piece]) -> str:
    """The terms in words, for explanations."""
    return ", ".join(f"{piece.label} ({piece.words})" for piece in pieces)
