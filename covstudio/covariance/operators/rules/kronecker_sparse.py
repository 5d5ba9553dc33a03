"""Rules of structure for the Kronecker product whose factors have sparse inverses: entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.definiteness import SingularMatrixError, promises_psd
from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.linalg.dense import singular, slices_of, solved
from covstudio.covariance.operators.products import KroneckerProduct

__all__: list[str] = []

#: A factor of at most so many rows may have an inverse without zeros.
SMALL = 24

Places = tuple[Tensor, Tensor]


def _factor_places(operand: Matrix | Tensor) -> Places | None:
    """The places of one factor; all of them where it is small."""
    found = linalg.sparsity(operand) if isinstance(operand, Matrix) else None
    size = operand.shape[0]
    if found is None and size <= SMALL and operand.shape == (size, size) and promises_psd(operand):
        rows, columns = torch.tril_indices(size, size)
        return rows, columns
    return found


def _inverse(operand: Matrix | Tensor, own: Tensor) -> Tensor:
    if isinstance(operand, Matrix):
        return solved(operand, own, torch.eye(operand.shape[0], dtype=own.dtype, device=own.device))
    found = torch.linalg.inv_ex(operand.to(own))
    if int(found.info):
        raise SingularMatrixError(
            "KroneckerProduct: expected an invertible matrix as an operand, got a singular one; add a small "
            "variance to its diagonal, or use an engine that needs no inverse."
        )
    inverse: Tensor = found.inverse
    return inverse


def _factor_entries(operand: Matrix | Tensor, own: Tensor, places: Places) -> Tensor:
    if isinstance(operand, Matrix) and linalg.sparsity(operand) is not None:
        return linalg.inverse_entries(operand, own)
    return _inverse(operand, own)[places]


def _factor_slopes(operand: Matrix, own: Tensor, index: Sequence[int], places: Places) -> Tensor:
    if linalg.sparsity(operand) is not None:
        return linalg.inverse_derivatives(operand, own, index)
    inverse = _inverse(operand, own)
    i, j = places
    moved = [-(inverse @ slices @ inverse)[:, i, j] for slices in slices_of(operand, own, index)]
    return torch.cat(moved) if moved else own.new_zeros((0, len(i)))


class _Crossed:
    """Where the entries of the inverse of a Kronecker product come from.

    Attributes:
        left: places of the first factor's inverse.
        right: places of the second's.
        places: those of the product's.
        first: for each of them, the entry of the first factor's inverse.
        second: and of the second's.
    """

    def __init__(self, left: Places, right: Places, size: int) -> None:
        self.left, self.right = left, right
        i, j, first = _mirrored(left)
        k, m, second = _mirrored(right)
        rows = (i[:, None] * size + k).reshape(-1)
        columns = (j[:, None] * size + m).reshape(-1)
        kept = rows >= columns
        self.places = rows[kept], columns[kept]
        self.first = first[:, None].expand(-1, len(second)).reshape(-1)[kept]
        self.second = second.expand(len(first), -1).reshape(-1)[kept]


def _mirrored(places: Places) -> tuple[Tensor, Tensor, Tensor]:
    """Places in both triangles, and which entry stands at each."""
    rows, columns = places
    off = torch.nonzero(rows != columns).reshape(-1)
    every = torch.arange(len(rows))
    return torch.cat([rows, columns[off]]), torch.cat([columns, rows[off]]), torch.cat([every, off])


#: Places do not depend on parameters.
_KNOWN: WeakKeyDictionary[KroneckerProduct, _Crossed | None] = WeakKeyDictionary()


def _crossed(matrix: KroneckerProduct) -> _Crossed | None:
    if matrix not in _KNOWN:
        left, right = matrix.operands.values()
        parts = [part for part in (left, right) if isinstance(part, Matrix)]
        found = None
        if any(linalg.sparsity(part) is not None for part in parts):
            first, second = _factor_places(left), _factor_places(right)
            if first is not None and second is not None:
                found = _Crossed(first, second, right.shape[0])
        _KNOWN[matrix] = found
    return _KNOWN[matrix]


def _known(matrix: KroneckerProduct) -> _Crossed:
    crossed = _crossed(matrix)
    assert crossed is not None
    return crossed


def _has_places(matrix: KroneckerProduct) -> bool:
    return _crossed(matrix) is not None


def _split(matrix: KroneckerProduct, natural: Tensor) -> list[tuple[Matrix | Tensor, Tensor, int]]:
    """Each operand with its natural values, and where these begin."""
    return [
        (operand, natural[span.start : span.stop], span.start)
        for operand, span in zip(matrix.operands.values(), matrix.operand_spans().values(), strict=True)
    ]


@linalg.sparsity.register(KroneckerProduct, when=_has_places)
def _(matrix: KroneckerProduct) -> Places | None:
    return _known(matrix).places


@linalg.inverse_entries.register(KroneckerProduct, when=_has_places)
def _(matrix: KroneckerProduct, natural: Tensor) -> Tensor:
    crossed = _known(matrix)
    (left, mine, _), (right, other, _) = _split(matrix, natural)
    try:
        first = _factor_entries(left, mine, crossed.left)[crossed.first]
        return first * _factor_entries(right, other, crossed.right)[crossed.second]
    except SingularMatrixError as error:
        raise singular(matrix) from error


@linalg.inverse_derivatives.register(KroneckerProduct, when=_has_places)
def _(matrix: KroneckerProduct, natural: Tensor, index: Sequence[int]) -> Tensor:
    crossed = _known(matrix)
    split, places = _split(matrix, natural), (crossed.left, crossed.right)
    which = (crossed.first, crossed.second)
    out = natural.new_zeros((len(index), len(crossed.first)))
    for side, (part, own, start) in enumerate(split):
        at = [i for i, k in enumerate(index) if start <= k < start + len(own)]
        if not at or not isinstance(part, Matrix):
            continue
        other, values, _ = split[1 - side]
        beside = _factor_entries(other, values, places[1 - side])[which[1 - side]]
        slopes = _factor_slopes(part, own, [index[i] - start for i in at], places[side])
        out[at] = slopes[:, which[side]] * beside
    return out
