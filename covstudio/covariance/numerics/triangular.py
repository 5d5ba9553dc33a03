"""Triangular factors."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["lower_of"]


def lower_of(factor: Tensor) -> Tensor:
    """The lower triangular L with no negative entry on its diagonal and L L' = F F', from any square F.

    Example:
        >>> lower_of(torch.tensor([[0.0, -2.0], [1.0, -1.0]]))
        tensor([[2., 0.],
                [1., 1.]])

    Reference:
        Golub & Van Loan (2013), Matrix Computations, 4th edition, section 5.2 (the QR factorization of F').
    """
    upper = torch.linalg.qr(factor.mT).R
    signs = torch.where(upper.diagonal() < 0.0, -1.0, 1.0).to(upper.dtype)
    lower: Tensor = (signs[:, None] * upper).mT
    return lower
