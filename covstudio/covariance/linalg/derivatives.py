"""The functions of structure that speak of dV / d natural_k: products, diagonals, traces with a matrix."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.linalg.dense import slices_of
from covstudio.covariance.linalg.dispatch import StructureFunction

__all__ = ["derivative_diagonal", "derivative_matmul", "trace_against"]


@StructureFunction
def derivative_matmul(matrix: Matrix, natural: Tensor, index: Sequence[int], b: Tensor, /) -> Tensor:
    """The products of derivatives with b: (dV / d natural_k) b.

    Args:
        matrix: a structure or an operator, of shape (r, c).
        natural: NATURAL values of all its parameters, shape (num_params,).
        index: positions in `param_names` of the k parameters asked for, in any order.
        b: shape (c, m), in the dtype of `natural`.

    Returns:
        Shape (k, r, m).

    Example:
        >>> import torch
        >>> from covstudio.covariance import AR1Matrix, structure
        >>> structure.derivative_matmul(AR1Matrix(2), torch.tensor([2.0, 0.5]), [1], torch.eye(2))
        tensor([[[0., 2.],
                 [2., 0.]]])
    """
    pieces = [slices @ b for slices in slices_of(matrix, natural, index)]
    return torch.cat(pieces) if pieces else natural.new_zeros((0, matrix.shape[0], b.shape[1]))


@StructureFunction
def derivative_diagonal(matrix: Matrix, natural: Tensor, index: Sequence[int], /) -> Tensor:
    """The diagonals of the derivatives dV / d natural_k.

    Args:
        matrix: a structure or an operator, of shape (n, n).
        natural: NATURAL values of all its parameters, shape (num_params,).
        index: positions in `param_names` of the k parameters asked for, in any order.

    Returns:
        Shape (k, n).

    Example:
        >>> import torch
        >>> from covstudio.covariance import AR1Matrix, structure
        >>> structure.derivative_diagonal(AR1Matrix(2), torch.tensor([2.0, 0.5]), [0, 1])
        tensor([[1., 1.],
                [0., 0.]])
    """
    pieces = [slices.diagonal(dim1=-2, dim2=-1) for slices in slices_of(matrix, natural, index)]
    return torch.cat(pieces) if pieces else natural.new_zeros((0, min(matrix.shape)))


@StructureFunction
def trace_against(matrix: Matrix, natural: Tensor, index: Sequence[int], a: Tensor, /) -> Tensor:
    r"""The inner products of derivatives with A: sum over i, j of (dV_k)_ij A_ij.

    With symmetric matrices this is :math:`\mathrm{tr}(\partial V_k A)`, as the score and the average
    information need it.

    Args:
        matrix: a structure or an operator, of shape (r, c).
        natural: NATURAL values of all its parameters, shape (num_params,).
        index: positions in `param_names` of the k parameters asked for, in any order.
        a: shape (r, c), in the dtype of `natural`; it need not be symmetric.

    Returns:
        Shape (k,).

    Example:
        >>> import torch
        >>> from covstudio.covariance import AR1Matrix, structure
        >>> structure.trace_against(AR1Matrix(2), torch.tensor([2.0, 0.5]), [0, 1], torch.ones(2, 2))
        tensor([3., 4.])
    """
    pieces = [torch.einsum("kij,ij->k", slices, a) for slices in slices_of(matrix, natural, index)]
    return torch.cat(pieces) if pieces else natural.new_zeros(0)
