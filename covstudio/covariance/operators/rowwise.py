"""The product of two matrices row by row: Z of random coefficients from groups and covariates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from covstudio.covariance.core.catalogue import Slot, declare
from covstudio.covariance.core.definiteness import ShapeError, show
from covstudio.covariance.core.matrix import Shape
from covstudio.covariance.core.operator import Operator
from covstudio.covariance.core.sizes import Equal, SizeRelation, rows, totals
from covstudio.covariance.structures.design.incidence import DummyMatrix
from covstudio.covariance.structures.unstructured.unstructured import LowerTriangularMatrix

__all__ = ["KhatriRaoProduct"]


@declare(
    title="Row by row product (Khatri-Rao)",
    category="Operators",
    place=17,
    formula=r"\mathbf{V}_{i \cdot} = \mathbf{A}_{i \cdot} \otimes \mathbf{B}_{i \cdot}",
    symbol="A • B",
    summary="The Z of random coefficients: an intercept and slopes (B) of their own for each group (A).",
    slots=(
        Slot("a", "Groups A", "The factor whose columns change slowly, such as an incidence of subjects."),
        Slot("b", "Covariates B", "The factor whose columns change fast, such as an intercept and a slope."),
    ),
    aliases={
        "lme4": ("(x | g)", "random slope", "random coefficients"),
        "nlme": ("random = ~ x | g",),
        "R": ("Matrix::KhatriRao",),
        "SAS": ("random int x / subject=g",),
    },
    usage={
        "lme4": "(x | g)   # V = (Z_g • [1 x]) (I ⊗ G) (Z_g • [1 x])'",
        "nlme": "random = ~ x | g",
        "SAS": "random int x / subject=g type=un;",
    },
    reference="Khatri & Rao (1968), Sankhya A 30, 167-180; Bates et al. (2015), J. Stat. Softw. 67(1), eq. 6",
    linear="separately",
    example=lambda: KhatriRaoProduct(a=DummyMatrix(["u", "v", "u"]), b=LowerTriangularMatrix(3, 2)),
)
class KhatriRaoProduct(Operator):
    r"""The row by row Kronecker product: row i is :math:`a_i \otimes b_i`.

    Entry (i, j q + l) is :math:`a_{ij} b_{il}`. With A the incidence of m groups and B the q covariates of
    random coefficients, it is the Z of :math:`Z (I_m \otimes G) Z'`, G being the covariance (q, q) of one
    group's coefficients. :math:`\partial V_{i \cdot} = \partial a_i \otimes b_i`, and likewise for B.

    Args:
        *operands: A of shape (n, p), then B of shape (n, q), or one dict of both; the result is (n, p q).
        **named: the same by keyword.

    Raises:
        ValueError: not exactly two operands, or both forms mixed.
        ShapeError: the numbers of rows differ, or a tensor operand is not 2-D.
        TypeError: an operand is neither a `Matrix` nor a tensor, or none is a `Matrix`.

    Example:
        >>> from covstudio.covariance import DesignMatrix, DummyMatrix, KhatriRaoProduct, linalg
        >>> z = KhatriRaoProduct(
        ...     a=DummyMatrix(["u", "v", "u"]), b=DesignMatrix({"x": [2.0, 3.0, 4.0]}, intercept=True)
        ... )
        >>> z()
        tensor([[1., 2., 0., 0.],
                [0., 0., 1., 3.],
                [1., 4., 0., 0.]])
        >>> linalg.column_names(z)
        ('u⋈Intercept', 'u⋈x', 'v⋈Intercept', 'v⋈x')

    Reference:
        Khatri and Rao (1968), Solutions to some functional equations and their applications to
        characterization of probability distributions, Sankhya A 30, 167-180; as the Z of random coefficients:
        Bates, Maechler, Bolker and Walker (2015), Journal of Statistical Software 67(1), equation 6.
    """

    operand_count = (2, 2)

    @classmethod
    def shape_rule(
        cls, shapes: Sequence[Shape | None], names: Sequence[str], **arguments: Any
    ) -> Shape | None:
        a, b = shapes
        if a is None or b is None:
            return None
        if a[0] != b[0]:
            raise ShapeError(
                f"{cls.__name__}: expected operands with equally many rows, got {show(names[0], a)} and "
                f"{show(names[1], b)}; give {names[1]!r} {a[0]} rows."
            )
        return a[0], a[1] * b[1]

    @classmethod
    def size_relations(cls, names: Sequence[str], **arguments: Any) -> Sequence[SizeRelation]:
        return (Equal(tuple(rows(name) for name in ("", *names))), *totals("product", names, axes=[1]))

    def combine(self, values: list[Tensor]) -> Tensor:
        a, b = values
        return (a[:, :, None] * b[:, None, :]).reshape(self.shape)

    def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
        a, b = (direction, values[1][None]) if position == 0 else (values[0][None], direction)
        return (a[:, :, :, None] * b[:, :, None, :]).reshape(direction.shape[0], *self.shape)

    def propagate_needs(self, position: int) -> tuple[int, ...]:
        return (1 - position,)
