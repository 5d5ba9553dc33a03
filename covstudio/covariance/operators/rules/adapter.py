"""Rules of structure for a matrix at mapped parameters: those of the adaptee, and the chain rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.parameters.differentiation import automatic
from covstudio.covariance.structures.user.user import Adapter

__all__: list[str] = []


@linalg.kind.register(Adapter)
def _(matrix: Adapter) -> linalg.Kind:
    return linalg.kind(matrix.adaptee)


@linalg.bandwidth.register(Adapter)
def _(matrix: Adapter) -> int | None:
    return linalg.bandwidth(matrix.adaptee)


def _cheap(function: linalg.StructureFunction[..., Tensor]) -> Callable[[Adapter], bool]:
    return lambda matrix: function.is_cheap(matrix.adaptee)


def _passed(function: linalg.StructureFunction[..., Tensor]) -> Callable[..., Tensor]:
    """The function of the adaptee, at its own natural values."""

    def rule(matrix: Adapter, natural: Tensor, *args: Any) -> Tensor:
        raw = matrix.adaptee_params(natural)
        return function(matrix.adaptee, matrix.adaptee.build_params(raw), *args)

    return rule


for _function in (
    linalg.matmul,
    linalg.transpose_matmul,
    linalg.diagonal,
    linalg.solve,
    linalg.logdet,
    linalg.factor,
    linalg.precision,
):
    _function.register(Adapter, when=_cheap(_function))(_passed(_function))


def _chained(function: linalg.StructureFunction[..., Tensor]) -> Callable[..., Tensor]:
    """The function of the adaptee's derivatives, times those of its parameters in the adapter's."""

    def rule(matrix: Adapter, natural: Tensor, index: Sequence[int], *args: Any) -> Tensor:
        adaptee = matrix.adaptee
        raw = matrix.adaptee_params(natural)
        inner = function(adaptee, adaptee.build_params(raw), adaptee.free_param_index, *args)
        slopes = adaptee.trans_grad(raw)
        # Where a transform has no slope the product is 0, even of an infinite derivative.
        inner = inner * slopes.reshape(-1, *[1] * (inner.ndim - 1))
        inner[slopes == 0] = 0.0
        if not len(index):
            return inner.new_zeros((0, *inner.shape[1:]))
        mapping = automatic(matrix.adaptee_params, natural, index)
        chained: Tensor = torch.tensordot(mapping, inner, 1)
        return chained

    return rule


for _derivative in (
    linalg.derivative_matmul,
    linalg.derivative_diagonal,
    linalg.trace_against,
    linalg.precision_derivatives,
):
    _derivative.register(Adapter, when=_cheap(_derivative))(_chained(_derivative))
