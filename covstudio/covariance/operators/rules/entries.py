"""Entries of the operators of matrix algebra, which are no composition, as sums of products of entries."""

from __future__ import annotations

from covstudio.covariance import linalg
from covstudio.covariance.linalg.entries import TERMS
from covstudio.covariance.operators.algebra import Gram, Product, Transpose
from covstudio.covariance.operators.scaled import KroneckerSum

__all__: list[str] = []


def _term(*factors: tuple[linalg.PlacedOperand, int, int]) -> linalg.EntryTerm:
    return linalg.EntryTerm(tuple(linalg.PartEntry(*factor) for factor in factors))


@linalg.entry_terms.register(Transpose)
def _(matrix: Transpose, i: int, j: int) -> tuple[linalg.EntryTerm, ...]:
    (a,) = linalg.placed_operands(matrix)
    return (_term((a, j, i)),)


@linalg.entry_terms.register(Product)
def _(matrix: Product, i: int, j: int) -> tuple[linalg.EntryTerm, ...] | None:
    parts = linalg.placed_operands(matrix)
    if len(parts) == 1:
        return (_term((parts[0], i, j)),)
    inner = int(parts[0].operand.shape[1])
    if len(parts) > 2 or inner > TERMS:
        return None
    a, b = parts
    return tuple(_term((a, i, k), (b, k, j)) for k in range(inner))


@linalg.entry_terms.register(Gram)
def _(matrix: Gram, i: int, j: int) -> tuple[linalg.EntryTerm, ...] | None:
    (a,) = linalg.placed_operands(matrix)
    across = matrix.gram_type == "xtx"
    inner = int(a.operand.shape[0 if across else 1])
    if inner > TERMS:
        return None
    return tuple(_term((a, k, i), (a, k, j)) if across else _term((a, i, k), (a, j, k)) for k in range(inner))


@linalg.entry_terms.register(KroneckerSum)
def _(matrix: KroneckerSum, i: int, j: int) -> tuple[linalg.EntryTerm, ...]:
    a, b = linalg.placed_operands(matrix)
    inner = int(b.operand.shape[0])
    (outer_i, inner_i), (outer_j, inner_j) = divmod(i, inner), divmod(j, inner)
    terms = []
    if inner_i == inner_j:
        terms.append(_term((a, outer_i, outer_j)))
    if outer_i == outer_j:
        terms.append(_term((b, inner_i, inner_j)))
    return tuple(terms)
