"""Rules of structure for the Kronecker product and the Kronecker sum: factor by factor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.linalg.dense import negligible, singular
from covstudio.covariance.linalg.operands import (
    Owner,
    Part,
    TensorFunction,
    assembled,
    banded_inverse,
    both_products,
    diagonal_inverse,
    diagonal_parts,
    kind_of_diagonals,
    matrices_of,
    owners,
    parts_of,
    promised_parts,
    signed,
    square_parts,
    without_bands,
)
from covstudio.covariance.operators.products import KroneckerProduct
from covstudio.covariance.operators.scaled import KroneckerSum

__all__: list[str] = []


# -- Kronecker product ---------------------------------------------------------------------------------------


def _through(
    outer: Part, inner: Part, function: Callable[..., Tensor], b: Tensor, sizes: tuple[int, int]
) -> Tensor:
    """A product or a solution of A (x) B, factor by factor; b has the rows (i, k), k the faster.

    Args:
        outer: A.
        inner: B.
        function: matmul, transpose_matmul or solve.
        b: shape (n q, m).
        sizes: (n, q).
    """
    outer_size, inner_size = sizes
    count = b.shape[1]
    inside = b.reshape(outer_size, inner_size, count).transpose(0, 1)
    moved = inner.ask(function, inside.reshape(inner_size, outer_size * count))
    rows = moved.shape[0]
    outside = moved.reshape(rows, outer_size, count).transpose(0, 1)
    moved = outer.ask(function, outside.reshape(outer_size, rows * count))
    return moved.reshape(moved.shape[0] * rows, count)


@linalg.kind.register(KroneckerProduct)
def _(matrix: KroneckerProduct) -> linalg.Kind:
    return kind_of_diagonals(matrix) or "kronecker"


@both_products(KroneckerProduct)
def _(product: TensorFunction, matrix: KroneckerProduct, natural: Tensor, b: Tensor) -> Tensor:
    outer, inner = parts_of(matrix, natural)
    dimension = 1 if product is linalg.matmul else 0
    return _through(outer, inner, product, b, (outer.matrix.shape[dimension], inner.matrix.shape[dimension]))


@linalg.diagonal.register(KroneckerProduct, when=square_parts)
def _(matrix: KroneckerProduct, natural: Tensor) -> Tensor:
    outer, inner = parts_of(matrix, natural)
    return torch.outer(outer.ask(linalg.diagonal), inner.ask(linalg.diagonal)).reshape(-1)


@linalg.solve.register(KroneckerProduct, when=square_parts)
def _(matrix: KroneckerProduct, natural: Tensor, b: Tensor) -> Tensor:
    outer, inner = parts_of(matrix, natural)
    return _through(outer, inner, linalg.solve, b, (outer.matrix.shape[0], inner.matrix.shape[0]))


@linalg.logdet.register(KroneckerProduct, when=square_parts)
def _(matrix: KroneckerProduct, natural: Tensor) -> Tensor:
    outer, inner = parts_of(matrix, natural)
    (rows, _), (depth, _) = outer.matrix.shape, inner.matrix.shape
    return signed(matrix, natural, lambda: depth * outer.ask(linalg.logdet) + rows * inner.ask(linalg.logdet))


@linalg.derivative_matmul.register(KroneckerProduct)
def _(matrix: KroneckerProduct, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    outer, inner = parts_of(matrix, natural)
    (_, columns), (rows, depth), count = outer.matrix.shape, inner.matrix.shape, b.shape[1]
    inside = b.reshape(columns, depth, count).transpose(0, 1).reshape(depth, columns * count)

    def moved(owner: Owner) -> Tensor:
        k = len(owner.index)
        if owner.position == 0:
            within = inner.ask(linalg.matmul, inside).reshape(rows, columns, count)
            outside = within.transpose(0, 1).reshape(columns, rows * count)
            result = owner.ask(linalg.derivative_matmul, outside)
        else:
            within = owner.ask(linalg.derivative_matmul, inside).reshape(k, rows, columns, count)
            outside = within.permute(2, 0, 1, 3).reshape(columns, k * rows * count)
            result = (
                outer.ask(linalg.matmul, outside)
                .reshape(outer.matrix.shape[0], k, rows * count)
                .movedim(1, 0)
            )
        return result.reshape(k, matrix.shape[0], count)

    return assembled((outer, inner), index, moved, natural.new_zeros((0, matrix.shape[0], count)))


@linalg.derivative_diagonal.register(KroneckerProduct, when=square_parts)
def _(matrix: KroneckerProduct, natural: Tensor, index: Sequence[int]) -> Tensor:
    outer, inner = parts_of(matrix, natural)

    def moved(owner: Owner) -> Tensor:
        slopes = owner.ask(linalg.derivative_diagonal)
        if owner.position == 0:
            product = slopes[:, :, None] * inner.ask(linalg.diagonal)
        else:
            product = outer.ask(linalg.diagonal)[:, None] * slopes[:, None, :]
        return product.reshape(len(owner.index), -1)

    return assembled((outer, inner), index, moved, natural.new_zeros((0, matrix.shape[0])))


@linalg.trace_against.register(KroneckerProduct)
def _(matrix: KroneckerProduct, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    parts = parts_of(matrix, natural)
    (m, n), (p, q) = parts[0].matrix.shape, parts[1].matrix.shape
    # Only the other factor is written out: its products with A are what the moving factor is held against.
    values = matrix._values(natural, {1 - owner.position for owner in owners(parts, index)})
    blocks = a.reshape(m, p, n, q)
    rules = ("ikjl,kl->ij", "ikjl,ij->kl")

    def moved(owner: Owner) -> Tensor:
        held = torch.einsum(rules[owner.position], blocks, values[1 - owner.position])
        return owner.ask(linalg.trace_against, held)

    return assembled(parts, index, moved, natural.new_zeros(0))


@linalg.bandwidth.register(KroneckerProduct)
def _(matrix: KroneckerProduct) -> int | None:
    if not square_parts(matrix):
        return None
    outer, inner = matrices_of(matrix)
    widths = linalg.bandwidth(outer), linalg.bandwidth(inner)
    if widths[0] is None or widths[1] is None:
        return None
    return widths[0] * inner.shape[0] + widths[1]


def _kronecker_bands(outer: Tensor, inner: Tensor) -> Tensor:
    """The lower bands of A (x) B from those of the symmetric A and B, k of one of them or (1,) of both.

    Band e p + f holds a_(i+e, i) b_(k+f, k), where f is negative above B's diagonal.
    """
    size, depth = outer.shape[-1], inner.shape[-1]
    outer_width, inner_width = outer.shape[-2] - 1, inner.shape[-2] - 1
    leading = max(outer.shape[:-2], inner.shape[:-2])
    result = outer.new_zeros((*leading, outer_width * depth + inner_width + 1, size, depth))
    for e in range(outer_width + 1):
        for f in range(-inner_width if e else 0, inner_width + 1):
            column = inner[..., abs(f), :]
            if f < 0:
                # Entry (k + f, k) above the diagonal is the entry (k, k + f) below it, aligned at k + f.
                column = torch.nn.functional.pad(column[..., : depth + f], (-f, 0))
            result[..., e * depth + f, :, :] += outer[..., e, :, None] * column[..., None, :]
    return result.reshape(*result.shape[:-2], -1)


@linalg.precision.register(KroneckerProduct, when=banded_inverse)
def _(matrix: KroneckerProduct, natural: Tensor) -> Tensor:
    outer, inner = parts_of(matrix, natural)
    return _kronecker_bands(outer.ask(linalg.precision), inner.ask(linalg.precision))


@linalg.precision_derivatives.register(KroneckerProduct, when=banded_inverse)
def _(matrix: KroneckerProduct, natural: Tensor, index: Sequence[int]) -> Tensor:
    outer, inner = parts_of(matrix, natural)

    def moved(owner: Owner) -> Tensor:
        slopes = owner.ask(linalg.precision_derivatives)
        if owner.position == 0:
            return _kronecker_bands(slopes, inner.ask(linalg.precision)[None])
        return _kronecker_bands(outer.ask(linalg.precision)[None], slopes)

    return assembled((outer, inner), index, moved, without_bands(matrix, natural))


def _promised_factors(matrix: KroneckerProduct) -> bool:
    return promised_parts(matrix) and matrix.psd


@linalg.factor.register(KroneckerProduct, when=_promised_factors)
def _(matrix: KroneckerProduct, natural: Tensor) -> Tensor:
    outer, inner = parts_of(matrix, natural)
    a, b = outer.ask(linalg.factor), inner.ask(linalg.factor)
    # torch.kron refuses factors that are views in another order.
    return (a[:, None, :, None] * b[:, None, :]).reshape(matrix.shape[0], a.shape[1] * b.shape[1])


# -- Kronecker sum -------------------------------------------------------------------------------------------


def _promised(matrix: KroneckerSum) -> bool:
    return matrix.psd


def _eigen(matrix: KroneckerSum, natural: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The eigenvalues, shape (p, q), sums of one of A and one of B, and the vectors of both."""
    values = matrix._values(natural)
    (outer, left), (inner, right) = torch.linalg.eigh(values[0]), torch.linalg.eigh(values[1])
    sums = outer[:, None] + inner
    if not float(sums.min()) > negligible(sums) * float(sums.max()):
        raise singular(matrix)
    return sums, left, right


@linalg.kind.register(KroneckerSum)
def _(matrix: KroneckerSum) -> linalg.Kind:
    return kind_of_diagonals(matrix) or "dense"


@both_products(KroneckerSum)
def _(product: TensorFunction, matrix: KroneckerSum, natural: Tensor, b: Tensor) -> Tensor:
    first, second = parts_of(matrix, natural)
    p, q, count = first.matrix.shape[0], second.matrix.shape[0], b.shape[1]
    outer = first.ask(product, b.reshape(p, q * count)).reshape(p, q, count)
    turned = b.reshape(p, q, count).transpose(0, 1).reshape(q, p * count)
    inner = second.ask(product, turned).reshape(q, p, count).transpose(0, 1)
    return (outer + inner).reshape(p * q, count)


@linalg.diagonal.register(KroneckerSum)
def _(matrix: KroneckerSum, natural: Tensor) -> Tensor:
    a, b = parts_of(matrix, natural)
    return (a.ask(linalg.diagonal)[:, None] + b.ask(linalg.diagonal)).reshape(-1)


@linalg.solve.register(KroneckerSum, when=_promised)
def _(matrix: KroneckerSum, natural: Tensor, b: Tensor) -> Tensor:
    sums, left, right = _eigen(matrix, natural)
    count = b.shape[1]
    turned = _rotated(left.mT, right.mT, b, count) / sums.reshape(-1, 1)
    return _rotated(left, right, turned, count)


def _rotated(left: Tensor, right: Tensor, b: Tensor, count: int) -> Tensor:
    """(U (x) W) b."""
    p, q = len(left), len(right)
    outer = (left @ b.reshape(p, q * count)).reshape(p, q, count)
    return (right @ outer).reshape(p * q, count)


@linalg.logdet.register(KroneckerSum, when=_promised)
def _(matrix: KroneckerSum, natural: Tensor) -> Tensor:
    return _eigen(matrix, natural)[0].log().sum()


@linalg.derivative_matmul.register(KroneckerSum)
def _(matrix: KroneckerSum, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    first, second = parts_of(matrix, natural)
    p, q, count = first.matrix.shape[0], second.matrix.shape[0], b.shape[1]

    def moved(owner: Owner) -> Tensor:
        k = len(owner.index)
        if owner.position == 0:
            product = owner.ask(linalg.derivative_matmul, b.reshape(p, q * count))
        else:
            turned = b.reshape(p, q, count).transpose(0, 1).reshape(q, p * count)
            product = owner.ask(linalg.derivative_matmul, turned).reshape(k, q, p, count).transpose(1, 2)
        return product.reshape(k, p * q, count)

    return assembled((first, second), index, moved, natural.new_zeros((0, p * q, count)))


@linalg.derivative_diagonal.register(KroneckerSum)
def _(matrix: KroneckerSum, natural: Tensor, index: Sequence[int]) -> Tensor:
    parts = parts_of(matrix, natural)
    p, q = parts[0].matrix.shape[0], parts[1].matrix.shape[0]

    def moved(owner: Owner) -> Tensor:
        slopes = owner.ask(linalg.derivative_diagonal)
        placed = (
            slopes[:, :, None].expand(-1, -1, q) if owner.position == 0 else slopes[:, None].expand(-1, p, -1)
        )
        return placed.reshape(len(owner.index), p * q)

    return assembled(parts, index, moved, natural.new_zeros((0, p * q)))


@linalg.trace_against.register(KroneckerSum)
def _(matrix: KroneckerSum, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    parts = parts_of(matrix, natural)
    p, q = parts[0].matrix.shape[0], parts[1].matrix.shape[0]
    blocks = a.reshape(p, q, p, q)
    rules = ("ikjk->ij", "ikil->kl")

    def moved(owner: Owner) -> Tensor:
        return owner.ask(linalg.trace_against, torch.einsum(rules[owner.position], blocks))

    return assembled(parts, index, moved, natural.new_zeros(0))


diagonal_inverse(KroneckerSum, diagonal_parts)
