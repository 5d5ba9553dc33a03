"""Operators of matrix algebra: Gram matrix, product, transpose and inverse."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from covstudio.covariance.core.catalogue import Argument, Slot, declare
from covstudio.covariance.core.definiteness import (
    ShapeError,
    SingularMatrixError,
    check_square,
    promises_psd,
    show,
)
from covstudio.covariance.core.matrix import Shape
from covstudio.covariance.core.operator import Operator
from covstudio.covariance.core.sizes import Equal, SizeRelation, alike, columns, rows, square
from covstudio.covariance.parameters.differentiation import traced
from covstudio.covariance.structures.elementary.elementary import ScalarMatrix
from covstudio.covariance.structures.timeseries.ar1 import AR1Matrix
from covstudio.covariance.structures.unstructured.unstructured import LowerTriangularMatrix

__all__ = ["Gram", "Inverse", "Product", "SingularMatrixError", "Transpose"]

_GRAM_TYPES = ("xtx", "xxt")


@declare(
    title="Gram matrix",
    category="Operators",
    place=12,
    formula=r"\mathbf{V} = \mathbf{X}^\top \mathbf{X} \;\text{ or }\; \mathbf{X} \mathbf{X}^\top",
    symbol="XᵀX",
    summary="Positive semi-definite by construction: the cross product of a factor with itself.",
    slots=(Slot("x", "Factor X", "Any matrix, such as a lower triangular factor."),),
    arguments=(
        Argument(
            "gram_type", "choice", "Product", "Which side is transposed.", default="xtx", choices=_GRAM_TYPES
        ),
    ),
    aliases={"torch-openreml": ("Gram",), "GPyTorch": ("LinearKernel",)},
    usage={
        "R": "crossprod(X), tcrossprod(X)",
    },
    reference="Horn & Johnson (2013), Matrix Analysis, section 7.2",
    psd=True,
    example=lambda: Gram(LowerTriangularMatrix(3, 2), gram_type="xxt"),
)
class Gram(Operator):
    r"""The Gram matrix of a factor, :math:`V = X^\top X` ("xtx") or :math:`V = X X^\top` ("xxt").

    :math:`\partial V = \partial X^\top X + X^\top \partial X`, and likewise for the other side.

    Args:
        *operands: X of shape (n, m), or one dict of it. The result is (m, m) for "xtx", (n, n) for "xxt".
        gram_type: "xtx" or "xxt".
        **named: X by keyword.

    Raises:
        ValueError: not exactly one operand, or another `gram_type`.
        TypeError: the operand is not a `Matrix`.

    Example:
        >>> import torch
        >>> from covstudio.covariance import Gram, LowerTriangularMatrix
        >>> Gram(LowerTriangularMatrix(2, 2), gram_type="xxt")(torch.tensor([1.0, 2.0, 3.0]))
        tensor([[ 1.,  2.],
                [ 2., 13.]])

    Reference:
        Horn & Johnson (2013), Matrix Analysis, section 7.2.
    """

    operand_count = (1, 1)

    def __init__(self, *operands: Any, gram_type: str = "xtx", **named: Any) -> None:
        match operands:
            case (x, str(given)):
                operands, gram_type = (x,), given
        if gram_type not in _GRAM_TYPES:
            raise ValueError(f"Gram: expected gram_type='xtx' or 'xxt', got {gram_type!r}.")
        self.gram_type = gram_type
        super().__init__(*operands, **named)

    def _shape_arguments(self) -> dict[str, Any]:
        return {"gram_type": self.gram_type}

    @classmethod
    def shape_rule(
        cls, shapes: Sequence[Shape | None], names: Sequence[str], **arguments: Any
    ) -> Shape | None:
        shape = shapes[0]
        if shape is None:
            return None
        size = shape[1] if arguments.get("gram_type", "xtx") == "xtx" else shape[0]
        return size, size

    @classmethod
    def size_relations(cls, names: Sequence[str], **arguments: Any) -> Sequence[SizeRelation]:
        (x,) = names
        side = columns(x) if arguments.get("gram_type", "xtx") == "xtx" else rows(x)
        return (*square(""), Equal((rows(), side)))

    def combine(self, values: list[Tensor]) -> Tensor:
        x = values[0]
        return x.mT @ x if self.gram_type == "xtx" else x @ x.mT

    def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
        x = values[0]
        half = direction.mT @ x if self.gram_type == "xtx" else direction @ x.mT
        return half + half.mT

    @property
    def psd(self) -> bool:
        return True


@declare(
    title="Matrix product",
    category="Operators",
    place=13,
    formula=r"\mathbf{V} = \mathbf{A}_1 \mathbf{A}_2 \cdots \mathbf{A}_m",
    symbol="A B",
    summary="The matrix product; a covariance only when its operands make it one.",
    variadic=True,
    minimum_operands=2,
    aliases={"torch-openreml": ("Product",)},
    usage={
        "R": "A %*% B",
    },
    reference="Magnus & Neudecker (2019), Matrix Differential Calculus, section 8.3",
    linear="separately",
    example=lambda: Product(a=LowerTriangularMatrix(3, 2), b=ScalarMatrix(2)),
)
class Product(Operator):
    r"""The matrix product, :math:`V = A_1 A_2 \cdots A_m`.

    :math:`\partial V = A_1 \cdots \partial A_i \cdots A_m`.

    Args:
        *operands: two or more operands, each with as many rows as the one before has columns, or one dict
            of them.
        **named: the same by keyword.

    Raises:
        ValueError: fewer than two operands, or both forms mixed.
        ShapeError: neighbours do not fit.
        TypeError: an operand is neither a `Matrix` nor a tensor, or none is a `Matrix`.

    Example:
        >>> import torch
        >>> from covstudio.covariance import Product, ScalarMatrix
        >>> Product(a=torch.ones(1, 2), b=ScalarMatrix(2))(torch.tensor([0.5]))
        tensor([[2.7183, 2.7183]])

    Reference:
        Magnus & Neudecker (2019), Matrix Differential Calculus, section 8.3.
    """

    operand_count = (2, None)

    @classmethod
    def shape_rule(
        cls, shapes: Sequence[Shape | None], names: Sequence[str], **arguments: Any
    ) -> Shape | None:
        for k in range(len(shapes) - 1):
            left, right = shapes[k], shapes[k + 1]
            if left is not None and right is not None and left[1] != right[0]:
                raise ShapeError(
                    f"{cls.__name__}: expected each operand to have as many rows as the one before has "
                    f"columns, got {show(names[k], left)} before {show(names[k + 1], right)}; give "
                    f"{names[k + 1]!r} {left[1]} rows, or change the order."
                )
        first, last = shapes[0], shapes[-1]
        return None if first is None or last is None else (first[0], last[1])

    @classmethod
    def size_relations(cls, names: Sequence[str], **arguments: Any) -> Sequence[SizeRelation]:
        if not names:
            return ()
        inside = [Equal((columns(left), rows(right))) for left, right in pairwise(names)]
        return (Equal((rows(), rows(names[0]))), Equal((columns(), columns(names[-1]))), *inside)

    def combine(self, values: list[Tensor]) -> Tensor:
        return _multiplied(values)

    def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
        left, right = values[:position], values[position + 1 :]
        moved = _multiplied(left) @ direction if left else direction
        return moved @ _multiplied(right) if right else moved

    def propagate_needs(self, position: int) -> tuple[int, ...]:
        return tuple(k for k in range(len(self._operands)) if k != position)


def _multiplied(values: list[Tensor]) -> Tensor:
    # multi_dot picks the cheapest order, but takes no fewer than two.
    return values[0] if len(values) == 1 else torch.linalg.multi_dot(values)


@declare(
    title="Transpose",
    category="Operators",
    place=14,
    formula=r"\mathbf{V} = \mathbf{A}^\top",
    symbol="Aᵀ",
    summary="Rows become columns.",
    slots=(Slot("a", "Matrix A", "Any matrix."),),
    aliases={"torch-openreml": ("Transpose",)},
    usage={
        "R": "t(A)",
    },
    reference="Magnus & Neudecker (2019), Matrix Differential Calculus, section 1.4",
    psd=True,
    linear=True,
    example=lambda: Transpose(LowerTriangularMatrix(3, 2)),
)
class Transpose(Operator):
    r"""The transpose, :math:`V = A^\top`; :math:`\partial V = (\partial A)^\top`.

    Args:
        *operands: A of shape (r, c), or one dict of it; the result is (c, r).
        **named: A by keyword.

    Raises:
        ValueError: not exactly one operand.
        TypeError: the operand is not a `Matrix`.

    Example:
        >>> import torch
        >>> from covstudio.covariance import LowerTriangularMatrix, Transpose
        >>> Transpose(LowerTriangularMatrix(2, 2))(torch.tensor([1.0, 2.0, 3.0]))
        tensor([[1., 2.],
                [0., 3.]])

    Reference:
        Magnus & Neudecker (2019), Matrix Differential Calculus, section 1.4.
    """

    operand_count = (1, 1)
    definite_by = "all"

    @classmethod
    def shape_rule(
        cls, shapes: Sequence[Shape | None], names: Sequence[str], **arguments: Any
    ) -> Shape | None:
        shape = shapes[0]
        return None if shape is None else (shape[1], shape[0])

    @classmethod
    def size_relations(cls, names: Sequence[str], **arguments: Any) -> Sequence[SizeRelation]:
        (a,) = names
        return Equal((rows(), columns(a))), Equal((columns(), rows(a)))

    def combine(self, values: list[Tensor]) -> Tensor:
        return values[0].mT

    def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
        return direction.mT

    def write(
        self, natural: Tensor, value: Tensor | None, index: Sequence[int], slopes: Tensor, slices: Tensor
    ) -> None:
        """The operand, written by columns."""
        self.outputs(natural, index, slopes)[0].write(None if value is None else value.mT, slices.mT)

    def propagate_needs(self, position: int) -> tuple[int, ...]:
        return ()

    @property
    def psd(self) -> bool:
        return self.shape[0] == self.shape[1] and all(map(promises_psd, self.operands.values()))


@declare(
    title="Inverse",
    category="Operators",
    place=11,
    formula=r"\mathbf{V} = \mathbf{A}^{-1}",
    symbol="A⁻¹",
    summary="The inverse of a square matrix, such as a covariance given by its precision.",
    slots=(
        Slot("a", "Matrix A", "A square matrix, positive definite where the result is to be a covariance."),
    ),
    aliases={"torch-openreml": ("Inverse",), "ASReml": ("giv",)},
    usage={
        "R": "solve(A)",
    },
    reference="Magnus & Neudecker (2019), Matrix Differential Calculus, section 8.4",
    psd=True,
    example=lambda: Inverse(AR1Matrix(3)),
)
class Inverse(Operator):
    r"""The inverse, :math:`V = A^{-1}`; :math:`\partial V = -A^{-1}\, \partial A\, A^{-1}`.

    It is promised positive (semi-)definite when the operand is promised positive definite; see
    `Matrix.positive_definite`.

    Accuracy: the condition number of A times the rounding of the precision, 2e-16 or 6e-8, relative to the
    largest entry of V. Where that comes to 1 no digit is left, and A is refused as singular.

    Args:
        *operands: A of shape (n, n), or one dict of it.
        **named: A by keyword.

    Raises:
        ValueError: not exactly one operand.
        ShapeError: A is not square.
        TypeError: the operand is not a `Matrix`.
        SingularMatrixError: when it is evaluated: A is singular to working precision at these parameters.

    Example:
        >>> import torch
        >>> from covstudio.covariance import Inverse, ScalarMatrix
        >>> Inverse(ScalarMatrix(2))(torch.tensor([0.5]))
        tensor([[0.3679, 0.0000],
                [0.0000, 0.3679]])

    Reference:
        Magnus & Neudecker (2019), Matrix Differential Calculus, section 8.4.
    """

    operand_count = (1, 1)
    definite_by = "all"

    @classmethod
    def shape_rule(
        cls, shapes: Sequence[Shape | None], names: Sequence[str], **arguments: Any
    ) -> Shape | None:
        shape = shapes[0]
        check_square(cls.__name__, names[0], shape, "a rectangle has no inverse")
        return shape

    @classmethod
    def size_relations(cls, names: Sequence[str], **arguments: Any) -> Sequence[SizeRelation]:
        return (*square(""), *alike("", *names))

    def combine(self, values: list[Tensor]) -> Tensor:
        a = values[0]
        if traced(a):
            try:
                inverse: Tensor = torch.linalg.inv(a)
            except torch.linalg.LinAlgError:  # type: ignore[attr-defined]
                raise self._singular(a) from None
        else:
            inverse, info = torch.linalg.inv_ex(a)
            scale = torch.linalg.matrix_norm(a, 1) * torch.linalg.matrix_norm(inverse, 1)
            # A non-finite or huge condition number: no digit of the inverse would mean anything.
            if int(info) != 0 or not float(scale.detach()) * torch.finfo(a.dtype).eps < 1.0:
                raise self._singular(a)
        # LU rounding is not symmetric; the inverse of a symmetric matrix is.
        return (inverse + inverse.mT) / 2 if promises_psd(next(iter(self._operands.values()))) else inverse

    def _singular(self, a: Tensor) -> SingularMatrixError:
        return SingularMatrixError(
            f"Inverse: expected an invertible operand {next(iter(self._operands))!r}, got a {a.shape[-2]} x "
            f"{a.shape[-1]} matrix that is singular to working precision at these parameters; use a positive "
            "definite structure, or move variances away from 0 and correlations away from the ends of their "
            "range."
        )

    def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
        inverse = self.combine(values)
        return -(inverse @ direction @ inverse)

    def write(
        self, natural: Tensor, value: Tensor | None, index: Sequence[int], slopes: Tensor, slices: Tensor
    ) -> None:
        """The inverse taken once, for itself and for its slices."""
        (output,) = self.outputs(natural, index, slopes)
        a, steps = output.fresh()
        assert a is not None
        inverse = self._once(natural, "inverse", partial(self.combine, [a]))
        if value is not None:
            value.copy_(inverse)
        if output.index:
            slices.copy_(inverse @ steps @ inverse).neg_()

    @property
    def psd(self) -> bool:
        return self.positive_definite
