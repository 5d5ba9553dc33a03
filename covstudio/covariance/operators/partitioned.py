"""Operators that put operands side by side: along the diagonal, by rows, by columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from covstudio.covariance.core.catalogue import declare
from covstudio.covariance.core.definiteness import ShapeError, show
from covstudio.covariance.core.matrix import Shape
from covstudio.covariance.core.operator import Operator
from covstudio.covariance.core.sizes import Equal, Side, SizeRelation, totals
from covstudio.covariance.structures.elementary.elementary import IdentityMatrix, ScalarMatrix
from covstudio.covariance.structures.timeseries.ar1 import AR1Matrix
from covstudio.covariance.structures.unstructured.unstructured import LowerTriangularMatrix

__all__ = ["Augment", "BlockDiagonal", "Stack"]


@declare(
    title="Block diagonal",
    category="Operators",
    place=5,
    formula=r"\mathbf{V} = \bigoplus_{i} \mathbf{A}_i",
    symbol="A ⊕ B",
    summary="Independent groups, each with a covariance of its own: sites, sections, subjects.",
    variadic=True,
    minimum_operands=2,
    aliases={
        "torch-openreml": ("BlockDiagonal",),
        "ASReml": ("dsum", "at"),
        "SAS": ("GROUP=",),
    },
    usage={
        "ASReml": "residual = ~ dsum(~ ar1(row):ar1(column) | site)",
        "SAS": "repeated / group=site;",
    },
    reference="Searle (1982), Matrix Algebra Useful for Statistics, section 10.6",
    psd=True,
    linear=True,
    example=lambda: BlockDiagonal(first=AR1Matrix(3), second=ScalarMatrix(2)),
)
class BlockDiagonal(Operator):
    r"""The direct sum, :math:`V = A_1 \oplus \dots \oplus A_m`: operands along the diagonal, zeros elsewhere.

    Args:
        *operands: two or more operands of any shapes (r_i, c_i), or one dict of them; the result is
            (sum r_i, sum c_i).
        **named: the same by keyword.

    Raises:
        ValueError: fewer than two operands, or both forms mixed.
        ShapeError: a tensor operand is not 2-D.
        TypeError: an operand is neither a `Matrix` nor a tensor, or none is a `Matrix`.

    Example:
        >>> import torch
        >>> from covstudio.covariance import BlockDiagonal, IdentityMatrix, ScalarMatrix
        >>> BlockDiagonal(site_a=IdentityMatrix(2), site_b=ScalarMatrix(1))(torch.tensor([0.5]))
        tensor([[1.0000, 0.0000, 0.0000],
                [0.0000, 1.0000, 0.0000],
                [0.0000, 0.0000, 2.7183]])

    Reference:
        Searle (1982), Matrix Algebra Useful for Statistics, section 10.6.
    """

    operand_count = (2, None)
    definite_by = "all"

    def __init__(self, *operands: Any, **named: Any) -> None:
        super().__init__(*operands, **named)
        corner = (0, 0)
        self._corners: list[Shape] = []
        for operand in self._operands.values():
            self._corners.append(corner)
            corner = (corner[0] + operand.shape[0], corner[1] + operand.shape[1])

    @classmethod
    def shape_rule(
        cls, shapes: Sequence[Shape | None], names: Sequence[str], **arguments: Any
    ) -> Shape | None:
        known = [shape for shape in shapes if shape is not None]
        if len(known) < len(shapes):
            return None
        return sum(rows for rows, _ in known), sum(columns for _, columns in known)

    @classmethod
    def size_relations(cls, names: Sequence[str], **arguments: Any) -> Sequence[SizeRelation]:
        return totals("sum", names)

    def combine(self, values: list[Tensor]) -> Tensor:
        joined: Tensor = torch.block_diag(*values)  # type: ignore[no-untyped-call]
        return joined

    def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
        top, left = self._corners[position]
        below = self.shape[0] - top - direction.shape[-2]
        right = self.shape[1] - left - direction.shape[-1]
        return torch.nn.functional.pad(direction, (left, right, top, below))

    def write(
        self, natural: Tensor, value: Tensor | None, index: Sequence[int], slopes: Tensor, slices: Tensor
    ) -> None:
        """Each operand to its block, zeros to all else."""
        if value is not None:
            value.zero_()
        slices.zero_()
        for output in self.outputs(natural, index, slopes):
            top, left = self._corners[output.position]
            rows, columns = output.operand.shape
            block = (..., slice(top, top + rows), slice(left, left + columns))
            output.write(None if value is None else value[block], slices[output.rows][block])

    def propagate_needs(self, position: int) -> tuple[int, ...]:
        return ()


class _Joined(Operator):
    """Operands put next to each other along one dimension; the other must agree."""

    operand_count = (2, None)
    _dimension: int

    def __init__(self, *operands: Any, **named: Any) -> None:
        super().__init__(*operands, **named)
        start = 0
        self._starts: list[int] = []
        for operand in self._operands.values():
            self._starts.append(start)
            start += operand.shape[self._dimension]

    @classmethod
    def shape_rule(
        cls, shapes: Sequence[Shape | None], names: Sequence[str], **arguments: Any
    ) -> Shape | None:
        across = 1 - cls._dimension
        word = ("rows", "columns")[across]
        known = [(name, shape) for name, shape in zip(names, shapes, strict=True) if shape is not None]
        for name, shape in known[1:]:
            if shape[across] != known[0][1][across]:
                raise ShapeError(
                    f"{cls.__name__}: expected operands with equally many {word}, got {show(*known[0])} and "
                    f"{show(name, shape)}; give {name!r} {known[0][1][across]} {word}."
                )
        if len(known) < len(shapes):
            return None
        length = sum(shape[cls._dimension] for _, shape in known)
        other = known[0][1][across]
        return (length, other) if cls._dimension == 0 else (other, length)

    @classmethod
    def size_relations(cls, names: Sequence[str], **arguments: Any) -> Sequence[SizeRelation]:
        across = 1 - cls._dimension
        sides = tuple(Side(name, across) for name in ("", *names))
        return (*totals("sum", names, axes=[cls._dimension]), Equal(sides))

    def combine(self, values: list[Tensor]) -> Tensor:
        return torch.cat(values, dim=self._dimension)

    def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
        before = self._starts[position]
        after = self.shape[self._dimension] - before - direction.shape[self._dimension + 1]
        padding = (0, 0, before, after) if self._dimension == 0 else (before, after)
        return torch.nn.functional.pad(direction, padding)

    def write(
        self, natural: Tensor, value: Tensor | None, index: Sequence[int], slopes: Tensor, slices: Tensor
    ) -> None:
        """Each operand to its strip, zeros to all else of a slice."""
        slices.zero_()
        for output in self.outputs(natural, index, slopes):
            start = self._starts[output.position]
            size = output.operand.shape[self._dimension]
            strip = None if value is None else value.narrow(self._dimension, start, size)
            output.write(strip, slices[output.rows].narrow(self._dimension + 1, start, size))

    def propagate_needs(self, position: int) -> tuple[int, ...]:
        return ()


@declare(
    title="Stack rows",
    category="Operators",
    place=15,
    formula=r"\mathbf{V} = \begin{bmatrix} \mathbf{A}_1 \\ \vdots \\ \mathbf{A}_m \end{bmatrix}",
    symbol="[A; B]",
    summary="One matrix on top of the other, such as design matrices of several sites.",
    variadic=True,
    minimum_operands=2,
    aliases={"torch-openreml": ("Stack",), "R": ("rbind",)},
    usage={
        "R": "rbind(A, B)",
    },
    reference="Searle (1982), Matrix Algebra Useful for Statistics, section 2.6",
    linear=True,
    example=lambda: Stack(a=LowerTriangularMatrix(3, 2), b=ScalarMatrix(2)),
)
class Stack(_Joined):
    r"""The operands on top of each other, :math:`V = [A_1; \dots; A_m]`.

    A derivative fills the rows of its operand and is zero elsewhere.

    Args:
        *operands: two or more operands with equally many columns (r_i, c), or one dict of them; the result is
            (sum r_i, c).
        **named: the same by keyword.

    Raises:
        ValueError: fewer than two operands, or both forms mixed.
        ShapeError: the numbers of columns differ.
        TypeError: an operand is neither a `Matrix` nor a tensor, or none is a `Matrix`.

    Example:
        >>> import torch
        >>> from covstudio.covariance import ScalarMatrix, Stack
        >>> Stack(a=ScalarMatrix(2), b=torch.ones(1, 2))(torch.tensor([0.5]))
        tensor([[2.7183, 0.0000],
                [0.0000, 2.7183],
                [1.0000, 1.0000]])

    Reference:
        Searle (1982), Matrix Algebra Useful for Statistics, section 2.6.
    """

    _dimension = 0


@declare(
    title="Augment columns",
    category="Operators",
    place=16,
    formula=r"\mathbf{V} = \begin{bmatrix} \mathbf{A}_1 & \cdots & \mathbf{A}_m \end{bmatrix}",
    symbol="[A B]",
    summary="One matrix beside the other, such as design matrices of several effects.",
    variadic=True,
    minimum_operands=2,
    aliases={"torch-openreml": ("Augment",), "R": ("cbind",)},
    usage={
        "R": "cbind(A, B)",
    },
    reference="Searle (1982), Matrix Algebra Useful for Statistics, section 2.6",
    linear=True,
    example=lambda: Augment(a=LowerTriangularMatrix(3, 2), b=IdentityMatrix(3)),
)
class Augment(_Joined):
    r"""The operands beside each other, :math:`V = [A_1, \dots, A_m]`.

    A derivative fills the columns of its operand and is zero elsewhere.

    Args:
        *operands: two or more operands with equally many rows (r, c_i), or one dict of them; the result is
            (r, sum c_i).
        **named: the same by keyword.

    Raises:
        ValueError: fewer than two operands, or both forms mixed.
        ShapeError: the numbers of rows differ.
        TypeError: an operand is neither a `Matrix` nor a tensor, or none is a `Matrix`.

    Example:
        >>> import torch
        >>> from covstudio.covariance import Augment, ScalarMatrix
        >>> Augment(a=ScalarMatrix(1), b=torch.ones(1, 2))(torch.tensor([0.5]))
        tensor([[2.7183, 1.0000, 1.0000]])

    Reference:
        Searle (1982), Matrix Algebra Useful for Statistics, section 2.6.
    """

    _dimension = 1
