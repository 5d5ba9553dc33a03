"""The kinds of terms that random effects are to sparse mixed-model equations, or why they are none."""

from __future__ import annotations

from collections.abc import Mapping

from covstudio.reml.engines.sparse.coefficients import MEMBERS, CoefficientsTerm
from covstudio.reml.engines.sparse.terms import KnownTerm, SparseTerm, VarianceTerm, is_known
from covstudio.reml.terms.design_rows import SparseRows
from covstudio.reml.terms.kinds import BlockPiece, Piece, RandomPiece
from covstudio.reml.terms.lower import effects_piece
from covstudio.reml.terms.outer import Term
from covstudio.reml.terms.variance import Variance, once

__all__ = ["as_effects", "refused", "terms_of"]


@once
def as_effects(variance: Variance) -> Variance:
    """V with what is drawn as independent groups of rows as random effects, where that is what it is."""
    if not variance.blocks:
        return variance
    terms = {term.path: term for term in variance.terms}
    pieces = []
    for piece in variance.pieces:
        found = effects_piece(terms[piece.path], variance.n) if _in_groups(piece, terms) else None
        pieces.append(piece if found is None else found)
    return variance.of(pieces)


def _in_groups(piece: Piece, terms: Mapping[str, Term]) -> bool:
    return isinstance(piece, BlockPiece) and piece.path in terms


def _term_of(piece: RandomPiece) -> SparseTerm | None:
    """A term for sparse equations; None where its covariance has no sparse inverse or its design is dense."""
    if not isinstance(piece.z, SparseRows):
        return None
    if piece.family is not None and piece.family.members == 1:
        return VarianceTerm(piece)
    return KnownTerm(piece) if is_known(piece) else CoefficientsTerm.of(piece)


@once
def terms_of(variance: Variance) -> tuple[SparseTerm | None, ...]:
    """The random effects of V as terms for sparse equations; None for those that are none."""
    return tuple(_term_of(piece) for piece in variance.random)


def refused(variance: Variance) -> str:
    """Why the random effects of V have no sparse equations, in words; empty where they have."""
    for piece, term in zip(variance.random, terms_of(variance), strict=True):
        if not isinstance(piece.z, SparseRows):
            return f"the design of {piece.path or 'V'} has many entries in a row"
        if term is None:
            return (
                f"{piece.path or 'V'} ({type(piece.g).__name__}) is not known to be variances alone, or one "
                f"variance times a matrix with a sparse inverse, or a covariance of at most {MEMBERS} "
                "coefficients for every level"
            )
    return ""
