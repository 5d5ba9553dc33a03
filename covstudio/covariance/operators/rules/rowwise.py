"""Rules of structure for products row by row: through the codes of a factor that is an incidence."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.linalg.compositions import JOINER
from covstudio.covariance.linalg.operands import matrices_of, parts_of
from covstudio.covariance.operators.rowwise import KhatriRaoProduct

__all__: list[str] = []


def _coded(matrix: KhatriRaoProduct) -> int | None:
    """The position of a factor that is an incidence."""
    for position, operand in enumerate(matrices_of(matrix)):
        if linalg.incidence(operand) is not None:
            return position
    return None


def _has_codes(matrix: KhatriRaoProduct) -> bool:
    return _coded(matrix) is not None


def _codes_and_rest(matrix: KhatriRaoProduct, natural: Tensor) -> tuple[int, Tensor, Tensor, Tensor]:
    """Which factor is an incidence, its codes and whether a row has one, and the other factor (n, q)."""
    position = _coded(matrix)
    assert position is not None
    parts = parts_of(matrix, natural)
    codes = linalg.incidence(parts[position].matrix)
    assert codes is not None
    codes = codes.to(natural.device)
    return position, codes.clamp(min=0), (codes >= 0).to(natural.dtype), parts[1 - position].value()


def _columns(matrix: KhatriRaoProduct, position: int, codes: Tensor, j: int) -> Tensor:
    """The column of the entry that every row has from column j of the factor that is no incidence."""
    q = matrices_of(matrix)[1].shape[1]
    return codes * q + j if position == 0 else j * q + codes


@linalg.matmul.register(KhatriRaoProduct, when=_has_codes)
def _(matrix: KhatriRaoProduct, natural: Tensor, b: Tensor) -> Tensor:
    position, codes, present, rest = _codes_and_rest(matrix, natural)
    total = b.new_zeros((matrix.shape[0], b.shape[1]))
    for j in range(rest.shape[1]):
        total = total + (rest[:, j] * present)[:, None] * b[_columns(matrix, position, codes, j)]
    return total


@linalg.transpose_matmul.register(KhatriRaoProduct, when=_has_codes)
def _(matrix: KhatriRaoProduct, natural: Tensor, b: Tensor) -> Tensor:
    position, codes, present, rest = _codes_and_rest(matrix, natural)
    total = b.new_zeros((matrix.shape[1], b.shape[1]))
    for j in range(rest.shape[1]):
        values = (rest[:, j] * present)[:, None] * b
        total = total.index_add(0, _columns(matrix, position, codes, j), values)
    return total


@linalg.incidence.register(KhatriRaoProduct)
def _(matrix: KhatriRaoProduct) -> Tensor | None:
    a, b = (linalg.incidence(operand) for operand in matrices_of(matrix))
    if a is None or b is None:
        return None
    width = matrices_of(matrix)[1].shape[1]
    b = b.to(a.device)
    return torch.where((a >= 0) & (b >= 0), a * width + b, torch.full_like(a, -1))


@linalg.column_names.register(KhatriRaoProduct)
def _(matrix: KhatriRaoProduct) -> tuple[str, ...] | None:
    first, second = (_names(operand) for operand in matrices_of(matrix))
    return tuple(f"{one}{JOINER}{other}" for one in first for other in second)


def _names(operand: Matrix) -> Sequence[str]:
    found = linalg.column_names(operand)
    return [str(k) for k in range(operand.shape[1])] if found is None else found


@linalg.crossed_levels.register(KhatriRaoProduct)
def _(matrix: KhatriRaoProduct) -> tuple[linalg.FactorLevels, ...] | None:
    first, second = (linalg.crossed_levels(operand) for operand in matrices_of(matrix))
    return None if first is None or second is None else (*first, *second)
