"""Rules of structure for the operators that scale: a variance in front, a correlation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.linalg.operands import (
    Owner,
    Part,
    TensorFunction,
    assembled,
    banded_inverse,
    both_products,
    flattened,
    matrices_of,
    nonzero,
    parts_of,
    signed,
    unflattened,
    without_bands,
)
from covstudio.covariance.operators.scaled import Correlation, Scale

__all__: list[str] = []


# -- scale ---------------------------------------------------------------------------------------------------


def _scaled(matrix: Scale, natural: Tensor) -> tuple[Tensor, Part]:
    """sigma^2 and A."""
    own, a = parts_of(matrix, natural)
    return own.natural[0], a


@linalg.kind.register(Scale)
def _(matrix: Scale) -> linalg.Kind:
    found = linalg.kind(matrices_of(matrix)[1])
    return "dense" if found == "incidence" else found


@both_products(Scale)
def _(product: TensorFunction, matrix: Scale, natural: Tensor, b: Tensor) -> Tensor:
    sigma2, a = _scaled(matrix, natural)
    return sigma2 * a.ask(product, b)


@linalg.diagonal.register(Scale)
def _(matrix: Scale, natural: Tensor) -> Tensor:
    sigma2, a = _scaled(matrix, natural)
    return sigma2 * a.ask(linalg.diagonal)


@linalg.solve.register(Scale)
def _(matrix: Scale, natural: Tensor, b: Tensor) -> Tensor:
    sigma2, a = _scaled(matrix, natural)
    return a.ask(linalg.solve, b) / nonzero(matrix, sigma2)


@linalg.logdet.register(Scale)
def _(matrix: Scale, natural: Tensor) -> Tensor:
    sigma2, a = _scaled(matrix, natural)
    if float(nonzero(matrix, sigma2)) < 0.0:
        return linalg.logdet.default(matrix, natural)
    return signed(matrix, natural, lambda: matrix.shape[0] * sigma2.log() + a.ask(linalg.logdet))


@linalg.derivative_matmul.register(Scale)
def _(matrix: Scale, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    own, a = parts_of(matrix, natural)

    def moved(owner: Owner) -> Tensor:
        if owner.position == 0:
            return a.ask(linalg.matmul, b).expand(len(owner.index), -1, -1)
        return own.natural[0] * owner.ask(linalg.derivative_matmul, b)

    return assembled((own, a), index, moved, natural.new_zeros((0, matrix.shape[0], b.shape[1])))


@linalg.derivative_diagonal.register(Scale)
def _(matrix: Scale, natural: Tensor, index: Sequence[int]) -> Tensor:
    own, a = parts_of(matrix, natural)

    def moved(owner: Owner) -> Tensor:
        if owner.position == 0:
            return a.ask(linalg.diagonal).expand(len(owner.index), -1)
        return own.natural[0] * owner.ask(linalg.derivative_diagonal)

    return assembled((own, a), index, moved, natural.new_zeros((0, min(matrix.shape))))


@linalg.trace_against.register(Scale)
def _(matrix: Scale, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    own, operand = parts_of(matrix, natural)

    def moved(owner: Owner) -> Tensor:
        if owner.position == 0:
            return (operand.value() * a).sum().expand(len(owner.index))
        return own.natural[0] * owner.ask(linalg.trace_against, a)

    return assembled((own, operand), index, moved, natural.new_zeros(0))


@linalg.bandwidth.register(Scale)
def _(matrix: Scale) -> int | None:
    return linalg.bandwidth(matrices_of(matrix)[1])


@linalg.precision.register(Scale, when=banded_inverse)
def _(matrix: Scale, natural: Tensor) -> Tensor:
    sigma2, a = _scaled(matrix, natural)
    return a.ask(linalg.precision) / nonzero(matrix, sigma2)


@linalg.precision_derivatives.register(Scale, when=banded_inverse)
def _(matrix: Scale, natural: Tensor, index: Sequence[int]) -> Tensor:
    own, a = parts_of(matrix, natural)
    sigma2 = nonzero(matrix, own.natural[0])

    def moved(owner: Owner) -> Tensor:
        if owner.position == 0:
            # Divided twice: the square of a small variance may underflow.
            return (-a.ask(linalg.precision) / sigma2 / sigma2).expand(len(owner.index), -1, -1)
        return owner.ask(linalg.precision_derivatives) / sigma2

    return assembled((own, a), index, moved, without_bands(matrix, natural))


@linalg.factor.register(Scale)
def _(matrix: Scale, natural: Tensor) -> Tensor:
    sigma2, a = _scaled(matrix, natural)
    if float(sigma2) < 0.0:
        return linalg.factor.default(matrix, natural)
    return sigma2.sqrt() * a.ask(linalg.factor)


# -- correlation ---------------------------------------------------------------------------------------------


def _deviations(matrix: Correlation, a: Part) -> Tensor:
    """sqrt(a_ii), shape (n,)."""
    variances = a.ask(linalg.diagonal)
    if not bool((variances > 0).all()):
        # The operator's own message names the row.
        matrix._roots(torch.diag(variances))
    return variances.sqrt()


@linalg.kind.register(Correlation)
def _(matrix: Correlation) -> linalg.Kind:
    found = linalg.kind(matrices_of(matrix)[0])
    return "scalar" if found == "diagonal" else "dense" if found == "incidence" else found


@both_products(Correlation)
def _(product: TensorFunction, matrix: Correlation, natural: Tensor, b: Tensor) -> Tensor:
    (a,) = parts_of(matrix, natural)
    deviations = _deviations(matrix, a)[:, None]
    return a.ask(product, b / deviations) / deviations


@linalg.diagonal.register(Correlation)
def _(matrix: Correlation, natural: Tensor) -> Tensor:
    return torch.ones_like(_deviations(matrix, parts_of(matrix, natural)[0]))


@linalg.solve.register(Correlation)
def _(matrix: Correlation, natural: Tensor, b: Tensor) -> Tensor:
    (a,) = parts_of(matrix, natural)
    deviations = _deviations(matrix, a)[:, None]
    return deviations * a.ask(linalg.solve, deviations * b)


@linalg.logdet.register(Correlation)
def _(matrix: Correlation, natural: Tensor) -> Tensor:
    (a,) = parts_of(matrix, natural)
    return signed(matrix, natural, lambda: a.ask(linalg.logdet) - 2.0 * _deviations(matrix, a).log().sum())


@linalg.derivative_matmul.register(Correlation)
def _(matrix: Correlation, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    (a,) = parts_of(matrix, natural)
    deviations = _deviations(matrix, a)[:, None]
    inner = a.ask(linalg.derivative_matmul, index, b / deviations) / deviations
    # Half the relative change of each variance, taken off rows and columns.
    relative = (a.ask(linalg.derivative_diagonal, index) / (2.0 * deviations.mT**2))[:, :, None]
    columns = unflattened(linalg.matmul(matrix, natural, flattened(relative * b)), len(index), b.shape[1])
    return inner - relative * linalg.matmul(matrix, natural, b) - columns


@linalg.derivative_diagonal.register(Correlation)
def _(matrix: Correlation, natural: Tensor, index: Sequence[int]) -> Tensor:
    _deviations(matrix, parts_of(matrix, natural)[0])
    return natural.new_zeros((len(index), matrix.shape[0]))


@linalg.trace_against.register(Correlation)
def _(matrix: Correlation, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    (operand,) = parts_of(matrix, natural)
    deviations = _deviations(matrix, operand)
    inner = operand.ask(linalg.trace_against, index, a / deviations[:, None] / deviations)
    relative = operand.ask(linalg.derivative_diagonal, index) / (2.0 * deviations**2)
    weighted = matrix.evaluate(natural) * a
    return inner - relative @ (weighted.sum(0) + weighted.sum(1))


@linalg.bandwidth.register(Correlation)
def _(matrix: Correlation) -> int | None:
    return linalg.bandwidth(matrices_of(matrix)[0])


def _pairs(first: Tensor, second: Tensor, width: int) -> Tensor:
    """first_i+d second_i in the layout of bands, zeros behind: (..., n) twice -> (..., width + 1, n)."""
    size = first.shape[-1]
    rows = []
    for d in range(width + 1):
        product = first[..., d:] * second[..., : max(size - d, 0)]
        rows.append(torch.nn.functional.pad(product, (0, size - product.shape[-1])))
    return torch.stack(rows, -2)


@linalg.precision.register(Correlation, when=banded_inverse)
def _(matrix: Correlation, natural: Tensor) -> Tensor:
    (a,) = parts_of(matrix, natural)
    bands, deviations = a.ask(linalg.precision), _deviations(matrix, a)
    return bands * _pairs(deviations, deviations, len(bands) - 1)


@linalg.precision_derivatives.register(Correlation, when=banded_inverse)
def _(matrix: Correlation, natural: Tensor, index: Sequence[int]) -> Tensor:
    (a,) = parts_of(matrix, natural)
    bands, deviations = a.ask(linalg.precision), _deviations(matrix, a)
    width = len(bands) - 1
    slopes = a.ask(linalg.derivative_diagonal, index) / (2.0 * deviations)
    still = deviations.expand_as(slopes)
    moved = _pairs(slopes, still, width) + _pairs(still, slopes, width)
    return a.ask(linalg.precision_derivatives, index) * _pairs(deviations, deviations, width) + bands * moved


@linalg.factor.register(Correlation)
def _(matrix: Correlation, natural: Tensor) -> Tensor:
    (a,) = parts_of(matrix, natural)
    return a.ask(linalg.factor) / _deviations(matrix, a)[:, None]
