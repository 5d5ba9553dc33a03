"""Operators that change the scale of a covariance: a variance in front, a correlation, a Kronecker sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from covstudio.covariance.core.catalogue import Slot, declare
from covstudio.covariance.core.definiteness import check_square, positive_variances
from covstudio.covariance.core.matrix import Matrix, Shape
from covstudio.covariance.core.operator import Operator
from covstudio.covariance.core.sizes import SizeRelation, alike, square, totals
from covstudio.covariance.operators.sums import Sum
from covstudio.covariance.structures.elementary.elementary import (
    DiagonalMatrix,
    EqualEntryMatrix,
    ScalarMatrix,
    variance,
)
from covstudio.covariance.structures.timeseries.ar1 import AR1CorrelationMatrix, AR1Matrix

__all__ = ["Correlation", "KroneckerSum", "Scale"]


@declare(
    title="Scale",
    category="Operators",
    place=6,
    formula=r"\mathbf{V} = \sigma^2 \mathbf{A}",
    symbol="σ² A",
    summary="Puts a variance in front of a matrix, such as a correlation or a kernel without one.",
    slots=(Slot("a", "Matrix A", "Any matrix, such as a correlation."),),
    keywords=("multiply by a variance", "scaled", "sigma^2 A", "variance times correlation"),
    aliases={"GPyTorch": ("ScaleKernel",), "scikit-learn": ("ConstantKernel",)},
    parameters={"sigma^2": "What every entry of A is multiplied by; the variance where A is a correlation."},
    usage={
        "GPyTorch": "ScaleKernel(base_kernel)",
        "scikit-learn": "ConstantKernel() * kernel",
        "ASReml": "the suffix v turns a correlation into a covariance: ar1(time) into ar1v(time)",
    },
    reference="Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, section 4.2.4",
    psd=True,
    linear="separately",
    example=lambda: Scale(a=AR1CorrelationMatrix(4)),
)
class Scale(Operator):
    r"""A matrix times a variance of its own, :math:`V = \sigma^2 A`.

    Parameters: `sigma^2` (natural: a variance; raw: exp(2 theta), default 0, that is 1), then those of A.
    :math:`\partial V / \partial \sigma^2 = A`, and :math:`\partial V = \sigma^2\, \partial A`. Where A has a
    variance already, the two are confounded: fix one of them.

    Args:
        *operands: A of any shape (r, c), a structure or a 2-D tensor, or one dict of it.
        **named: A by keyword.

    Raises:
        ValueError: not exactly one operand.
        ShapeError: a tensor operand is not 2-D.
        TypeError: the operand is neither a `Matrix` nor a tensor.

    Example:
        >>> import torch
        >>> from covstudio.covariance import EquicorrelationMatrix, Scale
        >>> op = Scale(a=EquicorrelationMatrix(2))
        >>> op.free_param_names
        ['sigma^2', 'a/rho']
        >>> op(torch.tensor([0.5, 0.0]))
        tensor([[2.7183, 0.0000],
                [0.0000, 2.7183]])

    Reference:
        Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, section 4.2.4.
    """

    operand_count = (1, 1)
    definite_by = "all"
    entrywise = True

    def own_operand(self) -> Matrix:
        """A 1 x 1 structure with sigma^2, in the precision and on the device of A."""
        a = next(iter(self._operands.values()))
        dtype = a.dtype if a.dtype.is_floating_point else None
        return ScalarMatrix(1, {"sigma^2": replace(variance(dtype=dtype), device=a.device)})

    @classmethod
    def shape_rule(
        cls, shapes: Sequence[Shape | None], names: Sequence[str], **arguments: Any
    ) -> Shape | None:
        return shapes[0]

    @classmethod
    def size_relations(cls, names: Sequence[str], **arguments: Any) -> Sequence[SizeRelation]:
        return alike("", *names)

    def combine(self, values: list[Tensor]) -> Tensor:
        return values[0] * values[1]

    def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
        return direction * values[1 - position]

    def propagate_needs(self, position: int) -> tuple[int, ...]:
        return (1 - position,)


@declare(
    title="Kronecker sum",
    category="Operators",
    place=7,
    formula=r"\mathbf{V} = \mathbf{A} \otimes \mathbf{I}_q + \mathbf{I}_p \otimes \mathbf{B}",
    symbol="A ⊕ₖ B",
    summary="Two effects on a grid that add up: one with A along its rows, one with B along its columns.",
    slots=(
        Slot("a", "Outer A", "Covariance along the index that changes slowly, repeated for each of B's."),
        Slot("b", "Inner B", "Covariance along the index that changes fast, repeated for each of A's."),
    ),
    aliases={"R": ("kronecker sum",)},
    usage={"R": "kronecker(A, diag(q)) + kronecker(diag(p), B)"},
    reference="Horn & Johnson (1991), Topics in Matrix Analysis, section 4.4",
    psd=True,
    linear=True,
    example=lambda: KroneckerSum(a=AR1Matrix(3), b=AR1CorrelationMatrix(2)),
)
class KroneckerSum(Operator):
    r"""The Kronecker sum, :math:`V = A \otimes I_q + I_p \otimes B` of A (p, p) and B (q, q).

    The observations run through B's index first: entry (i q + k, j q + l) is :math:`a_{ij} \delta_{kl} +
    \delta_{ij} b_{kl}`. Its eigenvalues are the sums of one of A and one of B. :math:`\partial V = \partial A
    \otimes I_q`, and likewise for B: neither depends on the other operand. A constant moved from the diagonal
    of A to that of B leaves V as it is: where both have a free variance, fix one.

    Args:
        *operands: A of shape (p, p), then B of shape (q, q), or one dict of both; the result is (p q, p q).
        **named: the same by keyword.

    Raises:
        ValueError: not exactly two operands, or both forms mixed.
        ShapeError: an operand is not square, or a tensor is not 2-D.
        TypeError: an operand is neither a `Matrix` nor a tensor, or none is a `Matrix`.

    Example:
        >>> import torch
        >>> from covstudio.covariance import KroneckerSum, ScalarMatrix
        >>> KroneckerSum(a=torch.ones(2, 2), b=ScalarMatrix(2))(torch.tensor([0.5]))
        tensor([[3.7183, 0.0000, 1.0000, 0.0000],
                [0.0000, 3.7183, 0.0000, 1.0000],
                [1.0000, 0.0000, 3.7183, 0.0000],
                [0.0000, 1.0000, 0.0000, 3.7183]])

    Reference:
        Horn & Johnson (1991), Topics in Matrix Analysis, section 4.4.
    """

    operand_count = (2, 2)
    definite_by = "any"

    @classmethod
    def shape_rule(
        cls, shapes: Sequence[Shape | None], names: Sequence[str], **arguments: Any
    ) -> Shape | None:
        for name, shape in zip(names, shapes, strict=True):
            check_square(cls.__name__, name, shape, "an identity beside a rectangle has no sum")
        a, b = shapes
        return None if a is None or b is None else (a[0] * b[0], a[1] * b[1])

    @classmethod
    def size_relations(cls, names: Sequence[str], **arguments: Any) -> Sequence[SizeRelation]:
        return (*square(*names), *totals("product", names))

    def combine(self, values: list[Tensor]) -> Tensor:
        a, b = values
        return self._spread(a[None], 0)[0] + self._spread(b[None], 1)[0]

    def _spread(self, blocks: Tensor, position: int) -> Tensor:
        """A (x) I or I (x) B for each of k matrices, shape (k, p q, p q)."""
        count, size = blocks.shape[0], blocks.shape[-1]
        eye = torch.eye(self.shape[0] // size, dtype=blocks.dtype, device=blocks.device)
        if position == 0:
            product = blocks[:, :, None, :, None] * eye[:, None, :]
        else:
            product = eye[:, None, :, None] * blocks[:, None, :, None, :]
        return product.reshape(count, *self.shape)

    def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
        return self._spread(direction, position)

    def propagate_needs(self, position: int) -> tuple[int, ...]:
        return ()


@declare(
    title="Correlation of a covariance",
    category="Operators",
    place=8,
    formula=r"\mathbf{V} = \mathbf{D}^{-1/2} \mathbf{A}\, \mathbf{D}^{-1/2}, \quad"
    r"\mathbf{D} = \operatorname{diag}(\mathbf{A})",
    symbol="D⁻½ A D⁻½",
    summary="The correlations of a covariance: its variances are divided out.",
    slots=(Slot("a", "Covariance A", "A covariance with positive variances."),),
    aliases={"R": ("cov2cor",), "SAS": ("RCORR", "VCORR", "GCORR")},
    usage={"R": "cov2cor(A)", "SAS": "random ... / gcorr;"},
    reference="Searle (1982), Matrix Algebra Useful for Statistics, section 13.3",
    psd=True,
    example=lambda: Correlation(a=Sum(common=EqualEntryMatrix(3), own=DiagonalMatrix(3))),
)
class Correlation(Operator):
    r"""The correlation matrix of a covariance, :math:`V = D^{-1/2} A D^{-1/2}`, :math:`D = \mathrm{diag}(A)`.

    Its diagonal is exactly 1. With :math:`c_{ij}` the entries of V,
    :math:`\partial c_{ij} = \partial a_{ij} / \sqrt{a_{ii} a_{jj}} - \tfrac{1}{2} c_{ij} (\partial a_{ii} /
    a_{ii} + \partial a_{jj} / a_{jj})`. A variance common to all of A has no effect on V: fix it.

    Args:
        *operands: A of shape (n, n), or one dict of it.
        **named: A by keyword.

    Raises:
        ValueError: not exactly one operand.
        ShapeError: A is not square.
        TypeError: the operand is not a `Matrix`.
        SingularMatrixError: when it is evaluated: a variance of A is 0, or negative, at these parameters.

    Example:
        >>> import torch
        >>> from covstudio.covariance import Correlation, UnstructuredMatrix
        >>> Correlation(a=UnstructuredMatrix(2))(torch.tensor([0.0, 1.0, 0.0]))
        tensor([[1.0000, 0.7071],
                [0.7071, 1.0000]])

    Reference:
        Searle (1982), Matrix Algebra Useful for Statistics, section 13.3 (correlation matrices).
    """

    operand_count = (1, 1)
    definite_by = "all"

    @classmethod
    def shape_rule(
        cls, shapes: Sequence[Shape | None], names: Sequence[str], **arguments: Any
    ) -> Shape | None:
        check_square(cls.__name__, names[0], shapes[0], "a rectangle has no variances")
        return shapes[0]

    @classmethod
    def size_relations(cls, names: Sequence[str], **arguments: Any) -> Sequence[SizeRelation]:
        return (*square(""), *alike("", *names))

    def _roots(self, a: Tensor) -> Tensor:
        """1 / sqrt(a_ii), shape (n,)."""
        name = next(iter(self._operands))
        return positive_variances("Correlation", name, a, ": it has no correlations").rsqrt()

    def combine(self, values: list[Tensor]) -> Tensor:
        a = values[0]
        roots = self._roots(a)
        # The product of the roots comes first: it is symmetric to the last bit.
        scaled = a * (roots[:, None] * roots)
        return torch.where(_diagonal(a), torch.ones_like(scaled), scaled)

    def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
        a = values[0]
        roots = self._roots(a)
        weights = roots[:, None] * roots
        relative = direction.diagonal(dim1=-2, dim2=-1) * (roots * roots) / 2
        change = direction * weights - a * weights * (relative[:, :, None] + relative[:, None, :])
        return change.masked_fill(_diagonal(a), 0.0)


def _diagonal(a: Tensor) -> Tensor:
    return torch.eye(a.shape[-1], dtype=torch.bool, device=a.device)
