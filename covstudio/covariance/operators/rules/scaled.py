"""Rules of structure for the operators that scale: a variance in front, a correlation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.linalg.operands import (
    Part,
    assembled,
    flattened,
    matrices_of,
    nonzero,
    owners,
    parts_of,
    signed,
    unflattened,
)
from covstudio.covariance.operators.scaled import Correlation, Scale

__all__: list[str] = []


# -- scale ---------------------------------------------------------------------------------------------------


def _scaled(matrix: Scale, natural: Tensor) -> tuple[Tensor, Part]:
    """sigma^2 and A."""
    own, a = parts_of(matrix, natural)
    return own.natural[0], a


def _divisor(matrix: Scale, sigma2: Tensor) -> Tensor:
    return nonzero(matrix, sigma2)


@linalg.kind.register(Scale)
def _(matrix: Scale) -> linalg.Kind:
    found = linalg.kind(matrices_of(matrix)[1])
    return "dense" if found == "incidence" else found


@linalg.matmul.register(Scale)
def _(matrix: Scale, natural: Tensor, b: Tensor) -> Tensor:
    sigma2, a = _scaled(matrix, natural)
    return sigma2 * a.ask(linalg.matmul, b)


@linalg.transpose_matmul.register(Scale)
def _(matrix: Scale, natural: Tensor, b: Tensor) -> Tensor:
    sigma2, a = _scaled(matrix, natural)
    return sigma2 * a.ask(linalg.transpose_matmul, b)


@linalg.diagonal.register(Scale)
def _(matrix: Scale, natural: Tensor) -> Tensor:
    sigma2, a = _scaled(matrix, natural)
    return sigma2 * a.ask(linalg.diagonal)


@linalg.solve.register(Scale)
def _(matrix: Scale, natural: Tensor, b: Tensor) -> Tensor:
    sigma2, a = _scaled(matrix, natural)
    return a.ask(linalg.solve, b) / _divisor(matrix, sigma2)


@linalg.logdet.register(Scale)
def _(matrix: Scale, natural: Tensor) -> Tensor:
    sigma2, a = _scaled(matrix, natural)
    if float(_divisor(matrix, sigma2)) < 0.0:
        return linalg.logdet.default(matrix, natural)
    return signed(
        lambda: matrix.shape[0] * sigma2.log() + a.ask(linalg.logdet),
        lambda: linalg.logdet.default(matrix, natural),
    )


@linalg.derivative_matmul.register(Scale)
def _(matrix: Scale, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    own, a = parts_of(matrix, natural)
    pieces = []
    for owner in owners((own, a), index):
        if owner.position == 0:
            pieces.append((owner, a.ask(linalg.matmul, b).expand(len(owner.index), -1, -1)))
        else:
            pieces.append((owner, own.natural[0] * a.ask(linalg.derivative_matmul, owner.index, b)))
    return assembled(pieces, natural.new_zeros((0, matrix.shape[0], b.shape[1])))


@linalg.derivative_diagonal.register(Scale)
def _(matrix: Scale, natural: Tensor, index: Sequence[int]) -> Tensor:
    own, a = parts_of(matrix, natural)
    pieces = []
    for owner in owners((own, a), index):
        if owner.position == 0:
            pieces.append((owner, a.ask(linalg.diagonal).expand(len(owner.index), -1)))
        else:
            pieces.append((owner, own.natural[0] * a.ask(linalg.derivative_diagonal, owner.index)))
    return assembled(pieces, natural.new_zeros((0, min(matrix.shape))))


@linalg.trace_against.register(Scale)
def _(matrix: Scale, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    own, operand = parts_of(matrix, natural)
    pieces = []
    for owner in owners((own, operand), index):
        if owner.position == 0:
            value = operand.matrix.evaluate(operand.natural).to(natural)
            pieces.append((owner, (value * a).sum().expand(len(owner.index))))
        else:
            pieces.append((owner, own.natural[0] * operand.ask(linalg.trace_against, owner.index, a)))
    return assembled(pieces, natural.new_zeros(0))


@linalg.bandwidth.register(Scale)
def _(matrix: Scale) -> int | None:
    return linalg.bandwidth(matrices_of(matrix)[1])


def _banded_scale(matrix: Scale) -> bool:
    return linalg.bandwidth(matrix) is not None


@linalg.precision.register(Scale, when=_banded_scale)
def _(matrix: Scale, natural: Tensor) -> Tensor:
    sigma2, a = _scaled(matrix, natural)
    return a.ask(linalg.precision) / _divisor(matrix, sigma2)


@linalg.precision_derivatives.register(Scale, when=_banded_scale)
def _(matrix: Scale, natural: Tensor, index: Sequence[int]) -> Tensor:
    own, a = parts_of(matrix, natural)
    sigma2 = _divisor(matrix, own.natural[0])
    pieces = []
    for owner in owners((own, a), index):
        if owner.position == 0:
            pieces.append((owner, (-a.ask(linalg.precision) / sigma2**2).expand(len(owner.index), -1, -1)))
        else:
            pieces.append((owner, a.ask(linalg.precision_derivatives, owner.index) / sigma2))
    width = linalg.bandwidth(matrix)
    assert width is not None
    return assembled(pieces, natural.new_zeros((0, width + 1, matrix.shape[0])))


@linalg.factor.register(Scale)
def _(matrix: Scale, natural: Tensor) -> Tensor:
    sigma2, a = _scaled(matrix, natural)
    return (
        linalg.factor.default(matrix, natural)
        if float(sigma2) < 0.0
        else sigma2.sqrt() * a.ask(linalg.factor)
    )


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


@linalg.matmul.register(Correlation)
def _(matrix: Correlation, natural: Tensor, b: Tensor) -> Tensor:
    (a,) = parts_of(matrix, natural)
    deviations = _deviations(matrix, a)[:, None]
    return a.ask(linalg.matmul, b / deviations) / deviations


@linalg.transpose_matmul.register(Correlation)
def _(matrix: Correlation, natural: Tensor, b: Tensor) -> Tensor:
    (a,) = parts_of(matrix, natural)
    deviations = _deviations(matrix, a)[:, None]
    return a.ask(linalg.transpose_matmul, b / deviations) / deviations


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
    return signed(
        lambda: a.ask(linalg.logdet) - 2.0 * _deviations(matrix, a).log().sum(),
        lambda: linalg.logdet.default(matrix, natural),
    )


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


def _banded_correlation(matrix: Correlation) -> bool:
    return linalg.bandwidth(matrix) is not None


def _pairs(first: Tensor, second: Tensor, width: int) -> Tensor:
    """first_i+d second_i in the layout of bands, zeros behind: (..., n) twice -> (..., width + 1, n)."""
    size = first.shape[-1]
    rows = []
    for d in range(width + 1):
        product = first[..., d:] * second[..., : max(size - d, 0)]
        rows.append(torch.nn.functional.pad(product, (0, size - product.shape[-1])))
    return torch.stack(rows, -2)


@linalg.precision.register(Correlation, when=_banded_correlation)
def _(matrix: Correlation, natural: Tensor) -> Tensor:
    (a,) = parts_of(matrix, natural)
    bands, deviations = a.ask(linalg.precision), _deviations(matrix, a)
    return bands * _pairs(deviations, deviations, len(bands) - 1)


@linalg.precision_derivatives.register(Correlation, when=_banded_correlation)
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
