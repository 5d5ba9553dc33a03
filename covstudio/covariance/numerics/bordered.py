r"""Derivatives that move one row and one column of a matrix: :math:`e_i r^\top + r e_i^\top`.

A loading, an entry of a triangular factor, an angle of a row, and the variance of one position all have
derivatives of this shape, an arrow with its tip at (i, i). It is known by the position i and the vector r,
and whatever is done with it takes O(n) instead of O(n^2).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["arrow_diagonals", "arrow_matmul", "arrow_traces", "arrows", "positions"]


def positions(index: Sequence[int], device: torch.device) -> Tensor:
    """Positions as a vector of whole numbers, also when there are none."""
    if isinstance(index, range):
        return torch.arange(index.start, index.stop, index.step, dtype=torch.int64, device=device)
    return torch.tensor(list(index), dtype=torch.int64, device=device)


def arrows(tips: Tensor, shafts: Tensor) -> Tensor:
    """The matrices e_i r' + r e_i'.

    Args:
        tips: the positions i, shape (k,), whole numbers.
        shafts: the vectors r, shape (k, n).

    Returns:
        Shape (k, n, n), symmetric.

    Example:
        >>> arrows(torch.tensor([0]), torch.tensor([[1.0, 2.0]]))
        tensor([[[2., 2.],
                 [2., 0.]]])
    """
    count, size = shafts.shape
    half = shafts.new_zeros((count, size, size))
    half[torch.arange(count, device=tips.device), tips] = shafts
    return half + half.mT


def arrow_matmul(tips: Tensor, shafts: Tensor, b: Tensor) -> Tensor:
    """The products of `arrows` with b, shape (n, m), as shape (k, n, m).

    Example:
        >>> arrow_matmul(torch.tensor([0]), torch.tensor([[1.0, 2.0]]), torch.eye(2))
        tensor([[[2., 2.],
                 [2., 0.]]])
    """
    out = shafts[:, :, None] * b[tips][:, None, :]
    out[torch.arange(len(tips), device=tips.device), tips] += shafts @ b
    return out


def arrow_diagonals(tips: Tensor, shafts: Tensor) -> Tensor:
    """The diagonals of `arrows`, shape (k, n).

    Example:
        >>> arrow_diagonals(torch.tensor([0]), torch.tensor([[1.0, 2.0]]))
        tensor([[2., 0.]])
    """
    which = torch.arange(len(tips), device=tips.device)
    out = torch.zeros_like(shafts)
    out[which, tips] = 2 * shafts[which, tips]
    return out


def arrow_traces(tips: Tensor, shafts: Tensor, a: Tensor) -> Tensor:
    """The sums over i, j of the products of the entries of `arrows` and of A, shape (k,).

    Example:
        >>> arrow_traces(torch.tensor([0]), torch.tensor([[1.0, 2.0]]), torch.ones(2, 2))
        tensor([6.])
    """
    return (shafts * (a[tips] + a.mT[tips])).sum(1)
