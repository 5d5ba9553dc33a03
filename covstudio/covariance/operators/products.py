"""Operators that multiply entries: the Kronecker and the Hadamard product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from covstudio.covariance.core.catalogue import Slot, declare
from covstudio.covariance.core.definiteness import Operand, same_shape
from covstudio.covariance.core.matrix import Matrix, Shape
from covstudio.covariance.core.operator import Operator
from covstudio.covariance.core.sizes import SizeRelation, alike, totals
from covstudio.covariance.linalg.operands import Constant
from covstudio.covariance.structures.elementary.compound_symmetric import EquicorrelationMatrix
from covstudio.covariance.structures.timeseries.ar1 import AR1CorrelationMatrix, AR1Matrix

__all__ = ["HadamardProduct", "KroneckerProduct", "kronecker"]


@declare(
    title="Kronecker product",
    category="Operators",
    place=3,
    formula=r"\mathbf{V} = \mathbf{A} \otimes \mathbf{B}",
    symbol="A ⊗ B",
    keywords=("separable", "genotype by environment", "interaction", "AR1 x AR1"),
    summary="A separable covariance: rows by columns of a field, traits by individuals, times by subjects.",
    slots=(
        Slot("a", "Outer A", "The factor that changes slowly along the observations."),
        Slot("b", "Inner B", "The factor that changes fast along the observations."),
    ),
    aliases={
        "torch-openreml": ("KroneckerProduct",),
        "ASReml": (":",),
        "SAS": ("UN@AR(1)", "UN@CS", "UN@UN"),
        "GPyTorch": ("MultitaskKernel",),
        "R": ("kronecker", "%x%"),
    },
    usage={
        "ASReml": "ar1(row):ar1(column)",
        "SAS": "repeated trait time / subject=id type=un@ar(1);",
        "GPyTorch": "MultitaskKernel(kernel, num_tasks=2)",
        "R": "kronecker(A, B)",
    },
    reference="Searle (1982), Matrix Algebra Useful for Statistics, section 10.7",
    psd=True,
    linear="separately",
    example=lambda: KroneckerProduct(a=AR1Matrix(3), b=AR1CorrelationMatrix(2)),
)
class KroneckerProduct(Operator):
    r"""The Kronecker product, :math:`V = A \otimes B`: entry (i p + k, j q + l) is :math:`a_{ij} b_{kl}`.

    The observations run through B's index first. :math:`\partial V = \partial A \otimes B`, and likewise
    for B.

    Args:
        *operands: A of shape (m, n), then B of shape (p, q), or one dict of both; the result is (m p, n q).
        **named: the same by keyword.

    Raises:
        ValueError: not exactly two operands, or both forms mixed.
        ShapeError: a tensor operand is not 2-D.
        TypeError: an operand is neither a `Matrix` nor a tensor, or none is a `Matrix`.

    Example:
        >>> import torch
        >>> from covstudio.covariance import AR1Matrix, KroneckerProduct, ScalarMatrix
        >>> op = KroneckerProduct(time=AR1Matrix(2), subject=ScalarMatrix(2))
        >>> op(torch.tensor([0.0, 1.0, 0.0]))
        tensor([[1.0000, 0.0000, 0.4621, 0.0000],
                [0.0000, 1.0000, 0.0000, 0.4621],
                [0.4621, 0.0000, 1.0000, 0.0000],
                [0.0000, 0.4621, 0.0000, 1.0000]])

    Reference:
        Searle (1982), Matrix Algebra Useful for Statistics, section 10.7.
    """

    operand_count = (2, 2)
    definite_by = "all"

    @classmethod
    def shape_rule(
        cls, shapes: Sequence[Shape | None], names: Sequence[str], **arguments: Any
    ) -> Shape | None:
        a, b = shapes
        return None if a is None or b is None else (a[0] * b[0], a[1] * b[1])

    @classmethod
    def size_relations(cls, names: Sequence[str], **arguments: Any) -> Sequence[SizeRelation]:
        return totals("product", names)

    def combine(self, values: list[Tensor]) -> Tensor:
        a, b = values
        return (a[:, None, :, None] * b[None, :, None, :]).reshape(self.shape)

    def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
        a, b = (direction, values[1][None]) if position == 0 else (values[0][None], direction)
        product = a[:, :, None, :, None] * b[:, None, :, None, :]
        return product.reshape(direction.shape[0], *self.shape)

    def write(
        self, natural: Tensor, value: Tensor | None, index: Sequence[int], slopes: Tensor, slices: Tensor
    ) -> None:
        """Every entry of A times every entry of B, each to its place."""
        self._write(natural, value, index, slopes, slices, add=False)

    def write_added(
        self, natural: Tensor, value: Tensor, index: Sequence[int], slopes: Tensor, slices: Tensor
    ) -> None:
        """Every entry of A times every entry of B, added in its place."""
        self._write(natural, value, index, slopes, slices, add=True)

    def _write(
        self,
        natural: Tensor,
        value: Tensor | None,
        index: Sequence[int],
        slopes: Tensor,
        slices: Tensor,
        add: bool,
    ) -> None:
        first, second = self.outputs(natural, index, slopes)
        a, a_steps = first.fresh(value is not None or len(second.index) > 0)
        b, b_steps = second.fresh(value is not None or len(first.index) > 0)
        if value is not None and a is not None and b is not None:
            self._multiply(a.unsqueeze(0), b.unsqueeze(0), value.unsqueeze(0), add)
        if first.index and b is not None:
            self._multiply(a_steps, b.unsqueeze(0), slices[first.rows])
        if second.index and a is not None:
            self._multiply(a.unsqueeze(0), b_steps, slices[second.rows])

    def _multiply(self, a: Tensor, b: Tensor, out: Tensor, add: bool = False) -> None:
        """A (x) B for each of k matrices A or B, into (k, m p, n q) or added to what is there."""
        places = out.view(out.shape[0], a.shape[1], b.shape[1], a.shape[2], b.shape[2])
        a = a.reshape(a.shape[0], a.shape[1], 1, a.shape[2], 1)
        b = b.reshape(b.shape[0], 1, b.shape[1], 1, b.shape[2])
        if add:
            places.addcmul_(a, b)
        else:
            torch.mul(a, b, out=places)

    def propagate_needs(self, position: int) -> tuple[int, ...]:
        return (1 - position,)


def kronecker(operands: Sequence[Operand]) -> Matrix:
    """The Kronecker product of any number of matrices, in this order.

    Args:
        operands: one or more matrices or 2-D tensors; these in float64, on the CPU.

    Returns:
        The product; a single operand as a matrix.

    Example:
        >>> from covstudio.covariance import AR1Matrix
        >>> kronecker([AR1Matrix(2), torch.ones(3, 3)]).shape
        (6, 6)
    """
    matrices = [
        operand if isinstance(operand, Matrix) else Constant(operand.detach().to("cpu", torch.float64))
        for operand in operands
    ]
    product = matrices[0]
    for following in matrices[1:]:
        product = KroneckerProduct(a=product, b=following)
    return product


@declare(
    title="Hadamard product",
    category="Operators",
    place=4,
    formula=r"\mathbf{V} = \mathbf{A} \odot \mathbf{B}",
    symbol="A ∘ B",
    summary="Entry by entry product: one covariance modulated by another.",
    slots=(
        Slot("a", "First A", "A matrix of the result's shape."),
        Slot("b", "Second B", "A matrix of the same shape."),
    ),
    aliases={
        "torch-openreml": ("HadamardProduct",),
        "GPyTorch": ("ProductKernel",),
        "scikit-learn": ("Product",),
    },
    usage={
        "GPyTorch": "kernel_a * kernel_b",
        "scikit-learn": "kernel_a * kernel_b",
        "R": "A * B",
    },
    reference="Horn & Johnson (2013), Matrix Analysis, section 7.5",
    psd=True,
    linear="separately",
    example=lambda: HadamardProduct(a=EquicorrelationMatrix(4), b=AR1Matrix(4)),
)
class HadamardProduct(Operator):
    r"""The entry by entry product, :math:`V = A \odot B`: :math:`v_{ij} = a_{ij} b_{ij}`.

    A product of positive semi-definite matrices is one (Schur). :math:`\partial V = \partial A \odot B`,
    and likewise for B. A tensor operand with one number multiplies every entry.

    Args:
        *operands: A and B of one shape (r, c), or one dict of both; a tensor may have one element instead.
        **named: the same by keyword.

    Raises:
        ValueError: not exactly two operands, or both forms mixed.
        ShapeError: the shapes differ.
        TypeError: an operand is neither a `Matrix` nor a tensor, or none is a `Matrix`.

    Example:
        >>> import torch
        >>> from covstudio.covariance import EquicorrelationMatrix, HadamardProduct
        >>> op = HadamardProduct(a=EquicorrelationMatrix(4), b=torch.tensor([5.0]))
        >>> op(torch.tensor([1.0]))
        tensor([[5.0000, 3.2071, 3.2071, 3.2071],
                [3.2071, 5.0000, 3.2071, 3.2071],
                [3.2071, 3.2071, 5.0000, 3.2071],
                [3.2071, 3.2071, 3.2071, 5.0000]])

    Reference:
        Horn & Johnson (2013), Matrix Analysis, section 7.5.
    """

    operand_count = (2, 2)
    definite_by = "all"
    entrywise = True

    def _tensor_shape(self, name: str, tensor: Tensor) -> Shape | None:
        # One number takes the shape of the other operand.
        return None if tensor.numel() == 1 and tensor.ndim <= 2 else super()._tensor_shape(name, tensor)

    def combine(self, values: list[Tensor]) -> Tensor:
        return values[0] * values[1]

    def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
        return direction * values[1 - position]

    def write(
        self, natural: Tensor, value: Tensor | None, index: Sequence[int], slopes: Tensor, slices: Tensor
    ) -> None:
        """One factor to where it stays, then multiplied by the other in place."""
        first, second = self.outputs(natural, index, slopes)
        if isinstance(first.operand, Tensor):
            first, second = second, first
        a_slices, b_slices = slices[first.rows], slices[second.rows]
        # A is written to where V is to be, as long as V is asked for.
        a = first.evaluate(a_slices) if value is None and second.index else value
        if a is value:
            first.write(value, a_slices)
        if value is None and not first.index:
            second.write(None, b_slices)
        else:
            b = second.evaluate(b_slices)
            a_slices.mul_(b)
        if a is not None:
            b_slices.mul_(a)
        if value is not None:
            value.mul_(b)

    def write_added(
        self, natural: Tensor, value: Tensor, index: Sequence[int], slopes: Tensor, slices: Tensor
    ) -> None:
        """Both factors elsewhere, and their product added."""
        first, second = self.outputs(natural, index, slopes)
        first_slices, second_slices = slices[first.rows], slices[second.rows]
        a, b = first.evaluate(first_slices), second.evaluate(second_slices)
        value.addcmul_(a, b)
        first_slices.mul_(b)
        second_slices.mul_(a)

    def propagate_needs(self, position: int) -> tuple[int, ...]:
        return (1 - position,)

    @classmethod
    def shape_rule(
        cls, shapes: Sequence[Shape | None], names: Sequence[str], **arguments: Any
    ) -> Shape | None:
        return same_shape(cls.__name__, shapes, names)

    @classmethod
    def size_relations(cls, names: Sequence[str], **arguments: Any) -> Sequence[SizeRelation]:
        return alike("", *names)
