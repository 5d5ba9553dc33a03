"""Rules of structure for the propagation Z G Z' and for incidence matrices: through the codes of the rows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.linalg.operands import (
    Owner,
    Part,
    TensorFunction,
    assembled,
    banded_inverse,
    both_products,
    diagonal_kind,
    flattened,
    matrices_of,
    parts_of,
    unflattened,
)
from covstudio.covariance.operators.sums import CovariancePropagation
from covstudio.covariance.structures.design.incidence import DummyMatrix

__all__: list[str] = []


# -- propagation ---------------------------------------------------------------------------------------------


def _codes(matrix: CovariancePropagation) -> Tensor | None:
    """The column of each row of an incidence Z, -1 for a row of zeros; None where Z is anything else."""
    z = matrices_of(matrix)[0]
    codes = getattr(z, "codes", None) if z.num_params == 0 else None
    return codes if isinstance(codes, Tensor) else None


def _gathered(codes: Tensor, values: Tensor, dimension: int) -> Tensor:
    """Z applied along one dimension: each row takes the entries of its column."""
    codes = codes.to(values.device)
    taken = values.index_select(dimension, codes.clamp(min=0))
    empty = codes < 0
    if not bool(empty.any()):
        return taken
    shape = [-1 if d == dimension % taken.ndim else 1 for d in range(taken.ndim)]
    return taken.masked_fill(empty.reshape(shape), 0.0)


def _summed(codes: Tensor, values: Tensor, columns: int) -> Tensor:
    """Z' applied: the sums of the rows that have one column, shape (n, m) -> (columns, m)."""
    codes = codes.to(values.device)
    present = codes >= 0
    if not bool(present.all()):
        codes, values = codes[present], values[present]
    return values.new_zeros((columns, values.shape[1])).index_add(0, codes, values)


def _carried(matrix: CovariancePropagation, z: Part, values: Tensor) -> Tensor:
    """Z times (q, m)."""
    codes = _codes(matrix)
    return z.ask(linalg.matmul, values) if codes is None else _gathered(codes, values, 0)


def _collected(matrix: CovariancePropagation, z: Part, values: Tensor) -> Tensor:
    """Z' times (n, m)."""
    codes = _codes(matrix)
    if codes is None:
        return z.ask(linalg.transpose_matmul, values)
    return _summed(codes, values, z.matrix.shape[1])


def _permutation(matrix: CovariancePropagation) -> bool:
    """Whether Z puts each effect into one row: V is G with its rows and columns in another order."""
    codes = _codes(matrix)
    if codes is None or matrix.shape[0] != matrices_of(matrix)[1].shape[0]:
        return False
    return bool((codes.sort().values == torch.arange(len(codes), device=codes.device)).all())


def _identity(matrix: CovariancePropagation) -> bool:
    codes = _codes(matrix)
    if codes is None or matrix.shape[0] != matrices_of(matrix)[1].shape[0]:
        return False
    return bool((codes == torch.arange(len(codes), device=codes.device)).all())


@linalg.kind.register(CovariancePropagation)
def _(matrix: CovariancePropagation) -> linalg.Kind:
    g = matrices_of(matrix)[1]
    if _identity(matrix):
        return linalg.kind(g)
    if _permutation(matrix) and diagonal_kind(g):
        return linalg.kind(g)
    return "low rank" if g.shape[0] < matrix.shape[0] else "dense"


@both_products(CovariancePropagation)
def _(product: TensorFunction, matrix: CovariancePropagation, natural: Tensor, b: Tensor) -> Tensor:
    z, g = parts_of(matrix, natural)
    return _carried(matrix, z, g.ask(product, _collected(matrix, z, b)))


@linalg.diagonal.register(CovariancePropagation)
def _(matrix: CovariancePropagation, natural: Tensor) -> Tensor:
    z, g = parts_of(matrix, natural)
    codes = _codes(matrix)
    if codes is not None:
        return _gathered(codes, g.ask(linalg.diagonal), 0)
    value = z.value()
    return torch.einsum("iq,qi->i", value, g.ask(linalg.matmul, value.mT))


@linalg.solve.register(CovariancePropagation, when=_permutation)
def _(matrix: CovariancePropagation, natural: Tensor, b: Tensor) -> Tensor:
    z, g = parts_of(matrix, natural)
    return _carried(matrix, z, g.ask(linalg.solve, _collected(matrix, z, b)))


@linalg.logdet.register(CovariancePropagation, when=_permutation)
def _(matrix: CovariancePropagation, natural: Tensor) -> Tensor:
    return parts_of(matrix, natural)[1].ask(linalg.logdet)


@linalg.derivative_matmul.register(CovariancePropagation)
def _(matrix: CovariancePropagation, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    z, g = parts_of(matrix, natural)

    def moved(owner: Owner) -> Tensor:
        if owner.position == 1:
            inner = owner.ask(linalg.derivative_matmul, _collected(matrix, z, b))
            products = _carried(matrix, z, flattened(inner))
        else:
            ahead = owner.ask(
                linalg.derivative_matmul, g.ask(linalg.matmul, z.ask(linalg.transpose_matmul, b))
            )
            behind = g.ask(linalg.matmul, flattened(z.slices(owner.index).mT @ b))
            products = flattened(ahead) + z.ask(linalg.matmul, behind)
        return unflattened(products, len(owner.index), b.shape[1])

    return assembled((z, g), index, moved, natural.new_zeros((0, matrix.shape[0], b.shape[1])))


@linalg.derivative_diagonal.register(CovariancePropagation)
def _(matrix: CovariancePropagation, natural: Tensor, index: Sequence[int]) -> Tensor:
    z, g = parts_of(matrix, natural)
    codes = _codes(matrix)

    def moved(owner: Owner) -> Tensor:
        if codes is not None:
            return _gathered(codes, owner.ask(linalg.derivative_diagonal), 1)
        value = z.value()
        if owner.position == 1:
            return torch.einsum("iq,kqi->ki", value, owner.ask(linalg.derivative_matmul, value.mT))
        both = g.ask(linalg.matmul, value.mT) + g.ask(linalg.transpose_matmul, value.mT)
        return torch.einsum("kiq,qi->ki", z.slices(owner.index), both)

    return assembled((z, g), index, moved, natural.new_zeros((0, matrix.shape[0])))


@linalg.trace_against.register(CovariancePropagation)
def _(matrix: CovariancePropagation, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    z, g = parts_of(matrix, natural)

    def moved(owner: Owner) -> Tensor:
        if owner.position == 1:
            # tr of Z dG Z' against A is that of dG against Z' A Z: A is summed over the rows of each pair.
            held = _collected(matrix, z, _collected(matrix, z, a).mT).mT
        else:
            rows, columns = z.ask(linalg.transpose_matmul, a), z.ask(linalg.transpose_matmul, a.mT)
            held = (g.ask(linalg.matmul, columns) + g.ask(linalg.transpose_matmul, rows)).mT
        return owner.ask(linalg.trace_against, held)

    return assembled((z, g), index, moved, natural.new_zeros(0))


@linalg.bandwidth.register(CovariancePropagation)
def _(matrix: CovariancePropagation) -> int | None:
    g = matrices_of(matrix)[1]
    if _identity(matrix):
        return linalg.bandwidth(g)
    return 0 if diagonal_kind(g) and _permutation(matrix) else None


@linalg.precision.register(CovariancePropagation, when=banded_inverse)
def _(matrix: CovariancePropagation, natural: Tensor) -> Tensor:
    codes = _codes(matrix)
    assert codes is not None
    return _gathered(codes, parts_of(matrix, natural)[1].ask(linalg.precision), 1)


@linalg.precision_derivatives.register(CovariancePropagation, when=banded_inverse)
def _(matrix: CovariancePropagation, natural: Tensor, index: Sequence[int]) -> Tensor:
    codes = _codes(matrix)
    assert codes is not None
    return _gathered(codes, parts_of(matrix, natural)[1].ask(linalg.precision_derivatives, index), 2)


def _few_effects(matrix: CovariancePropagation) -> bool:
    g = list(matrix.operands.values())[1]
    return isinstance(g, Matrix) and g.psd and g.shape[0] <= matrix.shape[0]


@linalg.factor.register(CovariancePropagation, when=_few_effects)
def _(matrix: CovariancePropagation, natural: Tensor) -> Tensor:
    z, g = parts_of(matrix, natural)
    return _carried(matrix, z, g.ask(linalg.factor))


# -- incidence -----------------------------------------------------------------------------------------------


@linalg.kind.register(DummyMatrix)
def _(matrix: DummyMatrix) -> linalg.Kind:
    return "incidence"


@linalg.matmul.register(DummyMatrix)
def _(matrix: DummyMatrix, natural: Tensor, b: Tensor) -> Tensor:
    return _gathered(matrix.codes, b, 0)


@linalg.transpose_matmul.register(DummyMatrix)
def _(matrix: DummyMatrix, natural: Tensor, b: Tensor) -> Tensor:
    return _summed(matrix.codes, b, matrix.shape[1])


@linalg.diagonal.register(DummyMatrix)
def _(matrix: DummyMatrix, natural: Tensor) -> Tensor:
    size = min(matrix.shape)
    codes = matrix.codes.to(natural.device)[:size]
    return (codes == torch.arange(size, device=natural.device)).to(natural.dtype)
