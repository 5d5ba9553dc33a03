r"""Which structures are linear in their natural parameters.

If :math:`V(\theta) = V_0 + \sum_k \theta_k V_k` with constant :math:`V_k`, an engine computes each
:math:`V_k` once and for all: evaluating V is then a weighted sum, and its derivatives cost nothing. All
classical variance components are of this kind (Searle, Casella & McCulloch 1992).

A class is linear when a rule below says so. Rules are looked up by exact class, not by inheritance: a
subclass may compute something else. What has no rule counts as not linear, which is always safe, only
slower.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from covstudio import covariance as cs

__all__ = ["is_constant", "is_linear", "linear_when"]

Rule = Callable[[cs.Matrix], bool]
_RULES: dict[type[cs.Matrix], Rule] = {}


def linear_when(*classes: type[cs.Matrix]) -> Callable[[Rule], Rule]:
    """Register the rule that decides linearity for these classes (exactly these, not their subclasses).

    Example:
        >>> from covstudio.covariance import ScalarMatrix
        >>> class Doubled(ScalarMatrix):
        ...     def evaluate(self, natural):
        ...         return 2 * super().evaluate(natural)
        >>> is_linear(Doubled(3))
        False
        >>> @linear_when(Doubled)
        ... def _(matrix):
        ...     return True
        >>> is_linear(Doubled(3))
        True
    """

    def register(rule: Rule) -> Rule:
        for cls in classes:
            _RULES[cls] = rule
        return rule

    return register


def is_constant(operand: cs.Matrix | Tensor) -> bool:
    """Whether the operand has no parameters at all, free or fixed."""
    return isinstance(operand, Tensor) or operand.num_params == 0


def is_linear(operand: cs.Matrix | Tensor) -> bool:
    """Whether the operand is known to be linear in its natural parameters.

    Example:
        >>> from covstudio.covariance import AR1Matrix, CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
        >>> gen = CovariancePropagation(z=DummyMatrix(["a", "b", "a"]), g=ScalarMatrix(2))
        >>> is_linear(Sum(gen=gen, residual=ScalarMatrix(3))), is_linear(Sum(gen=gen, residual=AR1Matrix(3)))
        (True, False)
    """
    if is_constant(operand):
        return True
    assert not isinstance(operand, Tensor)
    rule = _RULES.get(type(operand))
    return rule is not None and rule(operand)


def _operands(matrix: cs.Matrix) -> Mapping[str, cs.Matrix | Tensor]:
    assert isinstance(matrix, cs.Operator)
    return matrix.operands


@linear_when(
    cs.ScalarMatrix,
    cs.DiagonalMatrix,
    cs.EqualEntryMatrix,
    cs.HuynhFeldtMatrix,
    cs.KnownMatrix,
    cs.PedigreeMatrix,
    cs.IntegratedRandomWalkMatrix,
    cs.RandomWalkMatrix,
    cs.UnconstrainedMatrix,
    cs.LowerTriangularMatrix,
)
def _leaf(matrix: cs.Matrix) -> bool:
    """Every entry is a natural parameter, or one times a constant."""
    return True


@linear_when(cs.Sum, cs.BlockDiagonal, cs.Stack, cs.Augment, cs.Transpose, cs.KroneckerSum, cs.Submatrix)
def _arrangement(matrix: cs.Matrix) -> bool:
    """These add or arrange the entries of their operands."""
    return all(is_linear(operand) for operand in _operands(matrix).values())


@linear_when(cs.KroneckerProduct, cs.HadamardProduct, cs.Product)
def _product(matrix: cs.Matrix) -> bool:
    """A product is linear when at most one factor has parameters, and that factor is linear."""
    varying = [operand for operand in _operands(matrix).values() if not is_constant(operand)]
    return len(varying) <= 1 and all(is_linear(operand) for operand in varying)


@linear_when(cs.CovariancePropagation)
def _propagation(matrix: cs.Matrix) -> bool:
    """Z G Z' is linear in G and quadratic in Z."""
    z, g = _operands(matrix).values()
    return is_constant(z) and is_linear(g)


@linear_when(cs.Scale)
def _scale(matrix: cs.Matrix) -> bool:
    """sigma^2 A is linear where A is constant."""
    return all(is_constant(operand) for operand in _operands(matrix).values())
