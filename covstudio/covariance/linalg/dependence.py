"""The dependence of a matrix on its parameters: linearly, by a scale, without regard to signs.

The answers follow from the declarations, and the contract holds them against V. For an operator they follow
from its operands and from what it declares to be linear in.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.core.operator import Operator
from covstudio.covariance.linalg.compositions import PlacedOperand, placed_operands
from covstudio.covariance.linalg.dispatch import StructureFunction

__all__ = [
    "homogeneous",
    "is_constant",
    "is_linear",
    "is_multiple",
    "linear",
    "recoded",
    "scale_parameter",
    "sign_symmetry",
]


def is_constant(operand: Matrix | Tensor) -> bool:
    """Whether the operand has no parameters at all, free or fixed.

    Example:
        >>> from covstudio.covariance import DummyMatrix, ScalarMatrix
        >>> is_constant(DummyMatrix(["a", "b"])), is_constant(ScalarMatrix(2))
        (True, False)
    """
    return isinstance(operand, Tensor) or operand.num_params == 0


def is_linear(operand: Matrix | Tensor) -> bool:
    """Whether the operand is known to be linear in its natural parameters; a constant one is.

    Example:
        >>> from covstudio.covariance import AR1Matrix, CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
        >>> gen = CovariancePropagation(z=DummyMatrix(["a", "b", "a"]), g=ScalarMatrix(2))
        >>> is_linear(Sum(gen=gen, residual=ScalarMatrix(3))), is_linear(Sum(gen=gen, residual=AR1Matrix(3)))
        (True, False)
    """
    return isinstance(operand, Tensor) or operand.num_params == 0 or linear(operand)


def is_multiple(operand: Matrix | Tensor) -> bool:
    """Whether the operand is known to be a constant matrix, or one natural parameter times a constant matrix.

    Example:
        What is linear need not be proportional:

        >>> from covstudio.covariance import IdentityMatrix, KnownMatrix, ScalarMatrix, Sum
        >>> shifted = Sum(known=IdentityMatrix(2), more=ScalarMatrix(2))
        >>> is_multiple(KnownMatrix([[2.0, 1.0], [1.0, 2.0]])), is_multiple(shifted), is_linear(shifted)
        (True, False, True)
    """
    if isinstance(operand, Tensor) or operand.num_params == 0:
        return True
    return operand.num_params == 1 and scale_parameter(operand) == 0


@StructureFunction
def linear(matrix: Matrix, /) -> bool:
    r"""Whether a matrix is known to be linear in its natural parameters.

    If :math:`V(\theta) = V_0 + \sum_k \theta_k V_k` with constant :math:`V_k`, an engine computes each
    :math:`V_k` once and for all: evaluating V is then a weighted sum, and its derivatives cost nothing. All
    classical variance components are of this kind (Searle, Casella & McCulloch 1992).

    Args:
        matrix: a structure or an operator.

    Returns:
        What its class declares, for an operator together with what its operands are. False, always safe and
        only slower, where nothing is declared.

    Example:
        A subclass with another value is another matrix.

        >>> from covstudio.covariance import ScalarMatrix
        >>> class Squared(ScalarMatrix):
        ...     def evaluate(self, natural):
        ...         return super().evaluate(natural**2)
        >>> linear(ScalarMatrix(3)), linear(Squared(3))
        (True, False)
    """
    declared = matrix.governing_declaration()
    if not isinstance(matrix, Operator):
        return declared is not None and bool(declared.linear)
    moving = _linear_in(matrix)
    return moving is not None and all(is_linear(part.operand) for part in moving)


@StructureFunction
def homogeneous(matrix: Matrix, /) -> bool:
    r"""Whether a matrix is known to be linear in its natural parameters without a constant part.

    :math:`V(c\,\theta) = c\,V(\theta)` with all parameters multiplied together.

    Args:
        matrix: a structure or an operator.

    Returns:
        What its class declares, for an operator together with what its operands are; False where nothing is
        declared.

    Example:
        >>> from covstudio.covariance import DiagonalMatrix, IdentityMatrix, ScalarMatrix, Sum
        >>> own = DiagonalMatrix(2)
        >>> homogeneous(Sum(own=own, more=ScalarMatrix(2))), homogeneous(Sum(own=own, one=IdentityMatrix(2)))
        (True, False)
    """
    declared = matrix.governing_declaration()
    if not isinstance(matrix, Operator):
        return declared is not None and declared.linear is True
    moving = _linear_in(matrix)
    if not moving or (declared.linear is True and len(moving) < len(matrix._operands)):
        return False
    return all(isinstance(part.operand, Matrix) and homogeneous(part.operand) for part in moving)


def _linear_in(matrix: Operator) -> tuple[PlacedOperand, ...] | None:
    """The operands with parameters, where the operator is linear in them; None where it is not."""
    declared = matrix.governing_declaration()
    moving = tuple(part for part in placed_operands(matrix) if part.count)
    among = _declared_operands(matrix)
    if declared is None or any(part.span not in among for part in moving):
        return None
    return None if declared.linear == "separately" and len(moving) > 1 else moving


def _declared_operands(matrix: Operator) -> list[range]:
    """The spans of the operands in which the operator is declared linear while the others stay."""
    declared = matrix.governing_declaration()
    parts = placed_operands(matrix)
    if declared is None or not declared.linear:
        return []
    if not isinstance(declared.linear, tuple):
        return [part.span for part in parts]
    first = len(parts) - len(matrix.operands)
    slots = [slot.name for slot in declared.slots]
    return [parts[first + slots.index(name)].span for name in declared.linear]


@StructureFunction
def scale_parameter(matrix: Matrix, /) -> int | None:
    r"""The parameter that V is proportional to: :math:`V(\dots, c s, \dots) = c\, V(\dots, s, \dots)`.

    Args:
        matrix: a structure or an operator.

    Returns:
        Its place in `param_names`: as declared, and for an operator that is linear in an operand the place
        of the operand's. None where no parameter is known to be of this kind.

    Example:
        >>> from covstudio.covariance import AR1CorrelationMatrix, AR1Matrix, KroneckerProduct
        >>> field = KroneckerProduct(row=AR1CorrelationMatrix(2), column=AR1Matrix(3))
        >>> field.param_names[scale_parameter(field)]
        'column/sigma^2'
    """
    declared = matrix.governing_declaration()
    if declared is None:
        return None
    if not isinstance(matrix, Operator):
        names = matrix.formula_names()
        return names.index(declared.scale) if declared.scale in names else None
    among = _declared_operands(matrix)
    if declared.linear is True and len(among) > 1:
        return None
    for part in placed_operands(matrix):
        operand = part.operand
        place = scale_parameter(operand) if isinstance(operand, Matrix) and part.span in among else None
        if place is not None:
            return part.start + place
    return None


@StructureFunction
def sign_symmetry(matrix: Matrix, /) -> Mapping[str, tuple[str, ...]]:
    """Signs that V does not see: which parameters' signs go with that of one that is kept positive.

    A Cholesky factor with a column negated gives the same matrix; its diagonal is kept positive to tell the
    two apart.

    Args:
        matrix: a structure or an operator.

    Returns:
        For every parameter that is kept positive only to fix a sign, those whose signs go with it: V is the
        same when all of them, the positive one included, change sign. An operator has those of its operands.

    Example:
        >>> from covstudio.covariance import IdentityMatrix, KroneckerProduct, UnstructuredMatrix
        >>> sign_symmetry(KroneckerProduct(g=UnstructuredMatrix(2), i=IdentityMatrix(3)))
        {'g/L_0_0': ('g/L_1_0',), 'g/L_1_1': ()}
    """
    found: dict[str, tuple[str, ...]] = {}
    if isinstance(matrix, Operator) and type(matrix).evaluate is Operator.evaluate:
        for part in placed_operands(matrix):
            prefix = f"{part.name}/" if part.name else ""
            below = sign_symmetry(part.operand) if isinstance(part.operand, Matrix) else {}
            for name, others in below.items():
                found[prefix + name] = tuple(prefix + other for other in others)
    return found


@StructureFunction
def recoded(matrix: Matrix, natural: Tensor, t: Tensor, /) -> Tensor | None:
    """The natural values at which V is T V T', for a structure that has such values whatever T is.

    A free covariance of effects absorbs any linear recoding of what they belong to: intercepts and slopes
    over years have one covariance matrix where years count from 0, and another where they count from their
    mean, and both are in its range.

    Args:
        matrix: a structure, (n, n).
        natural: natural values of all its parameters.
        t: a regular matrix, (n, n).

    Returns:
        Natural values of all parameters; None where the structure has none for every T.

    Example:
        >>> import torch
        >>> from covstudio.covariance import UnstructuredMatrix
        >>> t = torch.tensor([[1.0, 0.0], [3.0, 1.0]])
        >>> recoded(UnstructuredMatrix(2), torch.tensor([1.0, 0.0, 2.0]), t)
        tensor([1., 3., 2.])
    """
    return None
