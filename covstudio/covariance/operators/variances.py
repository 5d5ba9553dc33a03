"""A correlation that is given the variances of another matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import Slot, declare
from covstudio.covariance.core.definiteness import check_square, positive_variances, same_shape
from covstudio.covariance.core.matrix import Shape
from covstudio.covariance.core.operator import Operator
from covstudio.covariance.core.sizes import SizeRelation, alike, square
from covstudio.covariance.linalg.operands import diagonal_kind, matrices_of, parts_of
from covstudio.covariance.structures.elementary.elementary import DiagonalMatrix
from covstudio.covariance.structures.timeseries.ar1 import AR1CorrelationMatrix

__all__ = ["WithVariances"]


@declare(
    title="Correlation with variances",
    category="Operators",
    place=18,
    formula=r"\mathbf{V} = \mathbf{D}^{1/2} \mathbf{C}\, \mathbf{D}^{1/2}, \quad"
    r"\mathbf{D} = \operatorname{diag}(\mathbf{A})",
    symbol="D½ C D½",
    summary="A correlation whose rows have variances of their own, such as those of groups or a covariate.",
    slots=(
        Slot("c", "Correlation C", "What rows share; a covariance is multiplied like a correlation."),
        Slot("a", "Variances A", "A matrix of which the diagonal counts, such as a variance function."),
    ),
    aliases={
        "nlme": ("weights = varIdent(), correlation = corAR1()", "varComb"),
        "R": ("outer(s, s) * C",),
    },
    usage={"nlme": "gls(y ~ x, correlation = corAR1(form = ~ 1 | g), weights = varIdent(form = ~ 1 | sex))"},
    reference="Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.1",
    psd=True,
    linear=("c",),
    example=lambda: WithVariances(c=AR1CorrelationMatrix(3), a=DiagonalMatrix(3)),
)
class WithVariances(Operator):
    r"""A correlation with variances, :math:`V_{ij} = c_{ij} \sqrt{a_{ii} a_{jj}}`.

    Entries of A off its diagonal do not count. With :math:`s_i = \sqrt{a_{ii}}`, :math:`\partial V_{ij} =
    \partial c_{ij}\, s_i s_j`, and :math:`\tfrac{1}{2} v_{ij} (\partial a_{ii} / a_{ii} + \partial a_{jj} /
    a_{jj})` for the parameters of A. Where C has a variance of its own it is confounded with A's: fix one.

    Args:
        *operands: C of shape (n, n), then A of the same shape, or one dict of both.
        **named: the same by keyword.

    Raises:
        ValueError: not exactly two operands, or both forms mixed.
        ShapeError: an operand is not square, or they differ.
        TypeError: an operand is neither a `Matrix` nor a tensor, or none is a `Matrix`.
        SingularMatrixError: when it is evaluated: a variance of A is 0, or negative, at these parameters.

    Example:
        >>> import torch
        >>> from covstudio.covariance import EquicorrelationMatrix, WithVariances
        >>> op = WithVariances(c=EquicorrelationMatrix(2), a=torch.tensor([[4.0, 0.0], [0.0, 9.0]]))
        >>> op(torch.tensor([1.0]))
        tensor([[4.0000, 2.7727],
                [2.7727, 9.0000]])

    Reference:
        Pinheiro and Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.1: the covariance within
        groups as variances and a correlation.
    """

    operand_count = (2, 2)
    definite_by = "all"

    @classmethod
    def shape_rule(
        cls, shapes: Sequence[Shape | None], names: Sequence[str], **arguments: Any
    ) -> Shape | None:
        for name, shape in zip(names, shapes, strict=True):
            check_square(cls.__name__, name, shape, "a rectangle has no variances")
        return same_shape(cls.__name__, shapes, names)

    @classmethod
    def size_relations(cls, names: Sequence[str], **arguments: Any) -> Sequence[SizeRelation]:
        return (*square(""), *alike("", *names))

    def _roots(self, a: Tensor) -> Tensor:
        """sqrt(a_ii), shape (n,)."""
        return positive_variances("WithVariances", list(self.operands)[1], a).sqrt()

    def combine(self, values: list[Tensor]) -> Tensor:
        roots = self._roots(values[1])
        # The product of the roots comes first: it is symmetric to the last bit.
        return values[0] * (roots[:, None] * roots)

    def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
        c, a = values
        roots = self._roots(a)
        weights = roots[:, None] * roots
        if position == 0:
            return direction * weights
        half = direction.diagonal(dim1=-2, dim2=-1) / (2 * roots * roots)
        return c * weights * (half[:, :, None] + half[:, None, :])

    def propagate_needs(self, position: int) -> tuple[int, ...]:
        return (1,) if position == 0 else (0, 1)


@linalg.kind.register(WithVariances)
def _(matrix: WithVariances) -> linalg.Kind:
    return "diagonal" if diagonal_kind(matrices_of(matrix)[0]) else "dense"


@linalg.diagonal.register(WithVariances)
def _(matrix: WithVariances, natural: Tensor) -> Tensor:
    c, a = (part.ask(linalg.diagonal) for part in parts_of(matrix, natural))
    return c * a


@linalg.scale_parameter.register(WithVariances)
def _(matrix: WithVariances) -> int | None:
    start = 0
    for operand in matrices_of(matrix):
        place = linalg.scale_parameter(operand)
        if place is not None:
            return start + place
        start += operand.num_params
    return None
