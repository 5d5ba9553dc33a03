"""Promises and shapes of operands: positive semi-definite, positive definite, one shape."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance.core.matrix import Matrix, Shape
from covstudio.covariance.parameters.differentiation import traced

__all__ = [
    "Operand",
    "ShapeError",
    "SingularMatrixError",
    "check_square",
    "positive_variances",
    "promises_pd",
    "promises_psd",
    "same_shape",
    "show",
]

Operand = Matrix | Tensor


class ShapeError(ValueError):
    """The shapes of an operator's operands contradict each other, or its rule."""


class SingularMatrixError(ValueError):
    """A matrix that has to be inverted is singular to working precision."""


def promises_psd(operand: Operand) -> bool:
    """Whether an operand is positive semi-definite: by its promise, or a tensor by its eigenvalues."""
    return operand.psd if isinstance(operand, Matrix) else _smallest(operand) >= 0.0


def promises_pd(operand: Operand) -> bool:
    """Whether an operand is positive definite: a structure by its promise, a tensor by its eigenvalues."""
    return operand.positive_definite if isinstance(operand, Matrix) else _smallest(operand) > 0.0


def _smallest(tensor: Tensor) -> float:
    """Smallest eigenvalue of a symmetric tensor, rounding error counted as 0; -inf for any other."""
    if tensor.ndim != 2 or tensor.shape[0] != tensor.shape[1]:
        # A number that scales, as HadamardProduct takes one.
        return float(tensor) if tensor.numel() == 1 else -torch.inf
    matrix = tensor.detach().double()
    if not bool(torch.isfinite(matrix).all()) or not torch.allclose(matrix, matrix.T):
        return -torch.inf
    eigenvalues = torch.linalg.eigvalsh(matrix)
    precision = torch.finfo(tensor.dtype if tensor.is_floating_point() else torch.float64).eps
    noise = float(eigenvalues.abs().max()) * len(matrix) * precision
    smallest = float(eigenvalues[0])
    return 0.0 if abs(smallest) <= noise else smallest


def same_shape(label: str, shapes: Sequence[Shape | None], names: Sequence[str]) -> Shape | None:
    """The one shape that all known operands share, or None when none is known.

    Raises:
        ShapeError: two of them differ.
    """
    known = [(name, shape) for name, shape in zip(names, shapes, strict=True) if shape is not None]
    for name, shape in known[1:]:
        first, expected = known[0]
        if shape != expected:
            raise ShapeError(
                f"{label}: expected operands of one shape, got {show(first, expected)} and "
                f"{show(name, shape)}; make the sizes equal."
            )
    return known[0][1] if known else None


def check_square(label: str, name: str, shape: Shape | None, reason: str) -> None:
    """Refuse an operand that is known to be a rectangle.

    Args:
        label: the operator, for the message.
        name: the operand.
        shape: its shape; None where it is not known yet.
        reason: why a rectangle will not do.

    Raises:
        ShapeError: it is one.
    """
    if shape is not None and shape[0] != shape[1]:
        raise ShapeError(
            f"{label}: expected a square matrix, got {show(name, shape)}; {reason}: make the sizes equal."
        )


def positive_variances(label: str, name: str, a: Tensor, reason: str = "") -> Tensor:
    """The diagonal of an operand that is divided by it, or by its roots, shape (..., n).

    Args:
        label: the operator, for the message.
        name: the operand.
        a: its value, (..., n, n).
        reason: what else a variance that is not positive means, for the message.

    Raises:
        SingularMatrixError: a variance is 0, or negative.
    """
    variances = a.diagonal(dim1=-2, dim2=-1)
    if not traced(a) and not bool((variances > 0).all()):
        row = int((~(variances > 0)).nonzero()[0])
        raise SingularMatrixError(
            f"{label}: expected positive variances in operand {name!r}, got {float(variances[row]):g} in row "
            f"{row} (from 0 on) at these parameters{reason}; move variances away from 0."
        )
    return variances


def show(name: str, shape: Shape) -> str:
    """An operand as messages name it: `'g' (3 x 3)`."""
    return f"{name!r} ({shape[0]} x {shape[1]})"
