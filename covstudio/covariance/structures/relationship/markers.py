"""Genomic relationships by the markers themselves: never larger than these."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import Argument, declare
from covstudio.covariance.core.leaf import Leaf, ParamSpecs
from covstudio.covariance.structures.elementary.elementary import variance
from covstudio.covariance.structures.relationship.relationship import centred_markers

__all__ = ["MarkersMatrix"]


@declare(
    title="Markers",
    category="Known",
    formula=r"\mathbf{V} = \sigma^2 \mathbf{W} \mathbf{W}^\top / c, \quad c = 2 \sum_j p_j (1 - p_j)",
    symbol="σ²WWᵀ/c",
    summary="Genomic relationships of more individuals than markers, by the markers themselves.",
    arguments=(
        Argument(
            "markers",
            "relation",
            "Markers",
            "A second table with a row of allele counts for every individual",
            choices=("markers",),
        ),
    ),
    aliases={
        "Animal breeding": ("GBLUP", "SNP-BLUP", "G matrix", "genomic relationship"),
        "sommer, rrBLUP": ("A.mat", "mixed.solve"),
    },
    reference="VanRaden (2008), J. Dairy Sci. 91, 4414; Stranden & Garrick (2009), J. Dairy Sci. 92, 2971",
    parameters={"sigma^2": "Genomic variance: what the relationships are multiplied by."},
    usage={"ASReml": "vm(animal, G)   # G by VanRaden's first method"},
    psd=True,
    linear=True,
    scale="sigma^2",
    example=lambda: MarkersMatrix([[0.0, 2.0], [1.0, 1.0], [2.0, 1.0], [1.0, 0.0]]),
)
class MarkersMatrix(Leaf):
    r"""The genomic covariance of individuals, :math:`V = \sigma^2 G`, without writing G out.

    :math:`G = W W' / c` of VanRaden's first method, W the counts of one allele less their means (see
    `genomic_relationship`). With m markers of n > m individuals, effects Z u are those of the markers,
    :math:`ZW a / \sqrt c`, in which every engine has m unknowns in place of n.

    Parameters: `sigma^2` (natural: a variance; raw: exp(2 theta), default 0).

    Args:
        markers: Counts of one allele from 0 to 2, individuals in rows, NaN for a missing call, which takes
            the mean of its marker: lists, tensor, array or DataFrame of shape (n, m).
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `markers` does not hold numbers.
        ValueError: it is not a table, holds other numbers, or does not vary (see `genomic_relationship`).

    Example:
        >>> import torch
        >>> from covstudio.covariance import MarkersMatrix
        >>> MarkersMatrix([[0, 2, 1], [1, 1, 1], [2, 0, 1]])(torch.tensor([0.0]))
        tensor([[ 1.3333,  0.0000, -1.3333],
                [ 0.0000,  0.0000,  0.0000],
                [-1.3333,  0.0000,  1.3333]])

    Reference:
        VanRaden (2008), Efficient methods to compute genomic predictions, Journal of Dairy Science 91,
        4414-4423 (method 1); Stranden & Garrick (2009), Journal of Dairy Science 92, 2971-2975 (the
        equivalence with effects of markers).
    """

    def __init__(self, markers: object, param_specs: ParamSpecs | None = None) -> None:
        self._root = centred_markers(markers, dosages=True)
        n = self._root.shape[0]
        super().__init__((n, n), param_specs, [variance()])

    def evaluate(self, natural: Tensor) -> Tensor:
        """sigma^2 G, shape (n, n), from natural values [sigma^2]."""
        return natural[0] * self._value.to(natural)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dV/d sigma^2 = G, shape (1, n, n)."""
        return self._value.to(natural).repeat(len(index), 1, 1)

    @property
    def _value(self) -> Tensor:
        made = self._root @ self._root.mT
        return (made + made.mT) / 2

    def _times(self, b: Tensor) -> Tensor:
        root = self._root.to(b)
        return root @ (root.mT @ b)


@linalg.kind.register(MarkersMatrix)
def _(matrix: MarkersMatrix) -> linalg.Kind:
    return "low rank" if matrix._root.shape[1] < matrix.shape[0] else "dense"


@linalg.matmul.register(MarkersMatrix)
def _(matrix: MarkersMatrix, natural: Tensor, b: Tensor) -> Tensor:
    return natural[0] * matrix._times(b)


@linalg.derivative_matmul.register(MarkersMatrix)
def _(matrix: MarkersMatrix, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    if not len(index):
        return b.new_zeros((0, *b.shape))
    return matrix._times(b).expand(len(index), -1, -1)


@linalg.diagonal.register(MarkersMatrix)
def _(matrix: MarkersMatrix, natural: Tensor) -> Tensor:
    return natural[0] * (matrix._root**2).sum(dim=1).to(natural)


@linalg.derivative_diagonal.register(MarkersMatrix)
def _(matrix: MarkersMatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    return (matrix._root**2).sum(dim=1).to(natural).repeat(len(index), 1)


@linalg.factor.register(MarkersMatrix)
def _(matrix: MarkersMatrix, natural: Tensor) -> Tensor:
    if not float(natural[0]) >= 0.0:
        return linalg.factor.default(matrix, natural)
    return natural[0].sqrt() * matrix._root.to(natural)
