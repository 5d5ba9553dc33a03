"""Entries of lower triangular and trapezoidal factors L, and the covariances L L' that are made of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.leaf import Leaf, ParamSpecs
from covstudio.covariance.numerics.bordered import arrow_diagonals, arrow_matmul, arrows, positions
from covstudio.covariance.parameters.parameter import Parameter

__all__ = ["FactorLeaf", "LowerEntries"]


class LowerEntries:
    """The positions (i, j), j <= i, of the free entries of an n x m matrix, row by row.

    Args:
        n: Number of rows.
        m: Number of columns.

    Example:
        >>> import torch
        >>> entries = LowerEntries(3, 2)
        >>> entries.pairs
        [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1)]
        >>> entries.fill(torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]))
        tensor([[1., 0.],
                [2., 3.],
                [4., 5.]])
    """

    def __init__(self, n: int, m: int) -> None:
        self.shape = (n, m)
        self.pairs = [(i, j) for i in range(n) for j in range(min(i + 1, m))]
        self._rows, self._columns = torch.tensor(self.pairs, dtype=torch.int64).unbind(1)

    def __len__(self) -> int:
        return len(self.pairs)

    def fill(self, values: Tensor) -> Tensor:
        """The matrix with `values` at these positions and zeros above, shape (n, m)."""
        places = self._rows.to(values.device), self._columns.to(values.device)
        return values.new_zeros(self.shape).index_put(places, values)

    def places(self, index: Sequence[int], device: torch.device) -> tuple[Tensor, Tensor]:
        """The rows and the columns of chosen entries, each of shape (len(index),)."""
        which = positions(index, device)
        return self._rows.to(device)[which], self._columns.to(device)[which]

    def shafts(self, factor: Tensor, index: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Tips and shafts of the arrows e_i l_j' + l_j e_i', the derivatives of L L' by L_ij.

        Args:
            factor: L, shape (n, m).
            index: which entries, k of them.

        Returns:
            Positions i, shape (k,), and columns l_j of L, shape (k, n).
        """
        rows, columns = self.places(index, factor.device)
        return rows, factor.mT[columns]

    def traces(self, factor: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
        """The sums of the products of the entries of these arrows and of A, shape (k,).

        One product of A with L serves all of them.
        """
        return ((a + a.mT) @ factor)[self.places(index, factor.device)]


class FactorLeaf(Leaf):
    r"""A covariance by a lower triangular or trapezoidal factor, :math:`V = L L^\top`.

    Args:
        n: Number of rows of L.
        m: Number of columns of L.
        param_specs: The caller's declaration, or None.
        defaults: The entries of L on and below its diagonal, row by row.

    Raises:
        TypeError: `param_specs` is not a mapping.
        ValueError: it declares another number of parameters than L has entries.

    Example:
        >>> import torch
        >>> from covstudio.covariance import UnstructuredMatrix
        >>> UnstructuredMatrix(2).factor(torch.tensor([1.0, 2.0, 3.0]))
        tensor([[1., 0.],
                [2., 3.]])
    """

    def __init__(self, n: int, m: int, param_specs: ParamSpecs | None, defaults: Sequence[Parameter]) -> None:
        self.n = n
        self._entries = LowerEntries(n, m)
        super().__init__((n, n), param_specs, defaults)

    @property
    def psd(self) -> bool:
        """True: L L' is positive semi-definite whatever the entries of L are."""
        return True

    def factor(self, natural: Tensor) -> Tensor:
        """L, shape (n, m), zero above its diagonal, from its natural entries row by row."""
        return self._entries.fill(natural)

    def evaluate(self, natural: Tensor) -> Tensor:
        """L L', shape (n, n), from the natural entries of L row by row."""
        lower = self.factor(natural)
        return lower @ lower.mT

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dV/d L_ij = e_i l_j' + l_j e_i', l_j the j-th column of L, shape (len(index), n, n)."""
        return arrows(*self._entries.shafts(self.factor(natural), index))


@linalg.matmul.register(FactorLeaf)
def _(matrix: FactorLeaf, natural: Tensor, b: Tensor) -> Tensor:
    lower = matrix.factor(natural)
    return lower @ (lower.mT @ b)


@linalg.diagonal.register(FactorLeaf)
def _(matrix: FactorLeaf, natural: Tensor) -> Tensor:
    return (matrix.factor(natural) ** 2).sum(1)


@linalg.factor.register(FactorLeaf)
def _(matrix: FactorLeaf, natural: Tensor) -> Tensor:
    return matrix.factor(natural)


@linalg.derivative_matmul.register(FactorLeaf)
def _(matrix: FactorLeaf, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    return arrow_matmul(*matrix._entries.shafts(matrix.factor(natural), index), b)


@linalg.derivative_diagonal.register(FactorLeaf)
def _(matrix: FactorLeaf, natural: Tensor, index: Sequence[int]) -> Tensor:
    return arrow_diagonals(*matrix._entries.shafts(matrix.factor(natural), index))


@linalg.trace_against.register(FactorLeaf)
def _(matrix: FactorLeaf, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    return matrix._entries.traces(matrix.factor(natural), index, a)
