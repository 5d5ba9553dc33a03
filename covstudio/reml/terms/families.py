r"""Covariances that repeat: one small matrix for every member of a family, nothing between members.

A diagonal matrix is such a family with members of size 1; I (x) B and B (x) I are families whose members
all have the covariance B. Random effects of this kind can be absorbed member by member, and residuals of this
kind are inverted in batches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from covstudio.covariance import Matrix, linalg
from covstudio.covariance.linalg import PlacedOperand
from covstudio.covariance.parameters.layout import shares

__all__ = ["Grouped", "constant_diagonal", "grouped", "is_variance_component", "related"]

Value = Callable[[Tensor], Tensor]
Derivative = Callable[[Tensor, Sequence[int]], Tensor]


@dataclass(frozen=True, eq=False)
class Grouped:
    """A covariance of m groups of b members each, independent between groups.

    Attributes:
        groups: m.
        members: b.
        outer: whether the group changes slowly: column = group b + member; else column = member m + group.
        value: natural values -> (m or 1, b, b); one block stands for all groups.
        derivative: natural values and positions -> (k, m or 1, b, b).
        component: whether it is one parameter times the identity.
    """

    groups: int
    members: int
    outer: bool
    value: Value
    derivative: Derivative
    component: bool = False

    def split(self, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Group and member of these columns."""
        if self.members == 1:
            return columns, torch.zeros_like(columns)
        if self.outer:
            return columns // self.members, columns % self.members
        return columns % self.groups, columns // self.groups

    def places(self) -> Tensor:
        """Where every column stands when groups change slowly, (m b,)."""
        group, member = self.split(torch.arange(self.groups * self.members))
        return group * self.members + member


def grouped(g: Matrix | Tensor) -> Grouped | None:
    """A covariance as a family of small ones, or None where it is not known to be one.

    Example:
        >>> from covstudio.covariance import IdentityMatrix, KroneckerProduct, UnstructuredMatrix
        >>> family = grouped(KroneckerProduct(a=UnstructuredMatrix(2), b=IdentityMatrix(18)))
        >>> family.groups, family.members, family.outer
        (18, 2, False)
    """
    if isinstance(g, Tensor):
        constant = constant_diagonal(g)
        return None if constant is None else _fixed(constant)
    if linalg.kind(g) in ("scalar", "diagonal") and linalg.diagonal.is_cheap(g):
        return _diagonal(g)
    factors = linalg.parts(g, "kronecker product")
    if factors is not None:
        a, b = factors
        if _multiple_of_identity(a.operand):
            return _repeated(a, b, outer=True)
        if _multiple_of_identity(b.operand):
            return _repeated(b, a, outer=False)
    return None


def related(g: Matrix | Tensor) -> tuple[Grouped, Matrix] | None:
    """A covariance of coefficients of related groups, B (x) K or K (x) B: K known, or one variance times so.

    The groups of such a family are not independent: K ties them. None for any other covariance.

    Returns:
        The family, by B times what K is a multiple of, and K.

    Example:
        >>> from covstudio.covariance import KroneckerProduct, PedigreeMatrix, UnstructuredMatrix
        >>> animals = PedigreeMatrix([("bull", None, None), ("cow", None, None), ("calf", "bull", "cow")])
        >>> family, k = related(KroneckerProduct(a=animals, b=UnstructuredMatrix(2)))
        >>> family.groups, family.members, family.outer, k is animals
        (3, 2, True, True)
    """
    factors = None if isinstance(g, Tensor) else linalg.parts(g, "kronecker product")
    if factors is None:
        return None
    ways = [(factors[0], factors[1], True), (factors[1], factors[0], False)]
    for tied, block, outer in sorted(ways, key=lambda way: int(way[1].operand.shape[0])):
        k = tied.operand
        if isinstance(k, Matrix) and linalg.is_multiple(k) and linalg.sparsity(k) is not None:
            family = _repeated(tied, block, outer=outer)
            if family is not None:
                return family, k
    return None


def is_variance_component(g: Matrix | Tensor) -> bool:
    """Whether a covariance is one natural parameter times the identity.

    Example:
        >>> from covstudio.covariance import DiagonalMatrix, IdentityMatrix, KroneckerProduct, ScalarMatrix
        >>> nested = KroneckerProduct(plot=IdentityMatrix(3), line=ScalarMatrix(2))
        >>> [is_variance_component(g) for g in (ScalarMatrix(2), nested, DiagonalMatrix(2))]
        [True, True, False]
    """
    if isinstance(g, Tensor) or g.num_params != 1 or linalg.kind(g) != "scalar":
        return False
    return linalg.scale_parameter(g) == 0 and _unit(g) == 1.0


def _unit(matrix: Matrix) -> float:
    """What a multiple of the identity has on its diagonal where its parameters are 1."""
    ones = torch.ones(matrix.num_params, dtype=torch.float64)
    return float(linalg.diagonal(matrix, ones)[0])


def constant_diagonal(value: Tensor) -> Tensor | None:
    """The diagonal of a constant square matrix that has no other entries; None for any other."""
    value = value.detach().to(device="cpu", dtype=torch.float64)
    diagonal = torch.diagonal(value)
    if int(torch.count_nonzero(value)) != int(torch.count_nonzero(diagonal)):
        return None
    return diagonal.clone()


def _fixed(diagonal: Tensor) -> Grouped:
    block = diagonal[:, None, None]
    return Grouped(
        len(diagonal),
        1,
        True,
        lambda natural: block,
        lambda natural, index: block.new_zeros((0, *block.shape)),
    )


def _diagonal(g: Matrix) -> Grouped:
    size = g.shape[0]
    if is_variance_component(g):
        one = torch.ones((1, 1, 1, 1), dtype=torch.float64)
        return Grouped(
            size,
            1,
            True,
            lambda natural: natural.reshape(1, 1, 1),
            lambda natural, index: one[: len(index)],
            component=True,
        )
    return Grouped(
        size,
        1,
        True,
        lambda natural: linalg.diagonal(g, natural)[:, None, None],
        lambda natural, index: linalg.derivative_diagonal(g, natural, list(index))[:, :, None, None],
    )


def _multiple_of_identity(operand: Matrix | Tensor) -> bool:
    """Whether a matrix is the identity, or one parameter times it."""
    if isinstance(operand, Tensor):
        diagonal = constant_diagonal(operand) if operand.shape[0] == operand.shape[1] else None
        return diagonal is not None and bool((diagonal == 1.0).all())
    if operand.num_params:
        return is_variance_component(operand)
    return linalg.kind(operand) == "scalar" and _unit(operand) == 1.0


def _repeated(eye_part: PlacedOperand, block_part: PlacedOperand, *, outer: bool) -> Grouped | None:
    """s I (x) B, the block's factor s at most one parameter; or s K (x) B by its blocks."""
    eye, block = eye_part.operand, block_part.operand
    if block.shape[0] != block.shape[1]:
        return None
    scaling, inside = eye_part.span, block_part.span

    def parts(natural: Tensor) -> tuple[Tensor, Tensor]:
        """The scale, (0 or 1,), and the block's own values."""
        return eye_part.own(natural), block_part.own(natural)

    def of_block(natural: Tensor) -> Tensor:
        if isinstance(block, Tensor):
            return block.detach().to(device=natural.device, dtype=torch.float64)
        return block.evaluate(natural)

    def value(natural: Tensor) -> Tensor:
        scale, own = parts(natural)
        plain = of_block(own)
        return (scale * plain if scaling else plain)[None]

    def derivative(natural: Tensor, index: Sequence[int]) -> Tensor:
        scale, own = parts(natural)
        out = natural.new_zeros((len(index), *block.shape))
        for share in shares((scaling, inside), index):
            if share.position:
                assert isinstance(block, Matrix), "a tensor has no parameters"
                slices = block.natural_jacobian(own, share.index)
                out[share.places] = scale * slices if scaling else slices
            else:
                out[share.places] = of_block(own)
        return out[:, None]

    size = eye.shape[0]
    return Grouped(size, int(block.shape[0]), outer, value, derivative)
