r"""The functions of structure that speak of V^-1 by its few entries: where they are, what they are.

A pedigree of n animals has a relationship matrix of n^2 entries, and an inverse of some 6 n (Henderson 1976).
Whoever asks for these entries never makes the former.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.linalg.dispatch import StructureFunction
from covstudio.covariance.linalg.inverse_bands import bandwidth, precision, precision_derivatives

__all__ = ["inverse_derivatives", "inverse_entries", "sparsity"]

Places = tuple[Tensor, Tensor]


@StructureFunction
def sparsity(matrix: Matrix, /) -> Places | None:
    """Where V^-1 may have entries, whatever the parameters: its lower triangle.

    Args:
        matrix: a structure or an operator, of shape (n, n).

    Returns:
        Rows and columns, (m,) int64 each, with rows >= columns, every place once, the whole diagonal among
        them; None where V^-1 is not known to be sparse, or need not exist.

    Example:
        >>> from covstudio.covariance import AR1Matrix, UnstructuredMatrix, structure
        >>> [places.tolist() for places in structure.sparsity(AR1Matrix(3))]
        [[0, 1, 2, 1, 2], [0, 1, 2, 0, 1]]
        >>> structure.sparsity(UnstructuredMatrix(3)) is None
        True
    """
    width = bandwidth(matrix)
    if width is None:
        return None
    size = matrix.shape[0]
    columns = [torch.arange(size - d) for d in range(width + 1)]
    return torch.cat([column + d for d, column in enumerate(columns)]), torch.cat(columns)


@StructureFunction
def inverse_entries(matrix: Matrix, natural: Tensor, /) -> Tensor:
    """The entries of V^-1 at its `sparsity`.

    Args:
        matrix: a structure or an operator that has one, of shape (n, n).
        natural: NATURAL values of all its parameters, shape (num_params,).

    Returns:
        Shape (m,).

    Raises:
        ValueError: V^-1 is not known to be sparse.
        SingularMatrixError: V is singular to working precision.

    Example:
        >>> import torch
        >>> from covstudio.covariance import AR1Matrix, structure
        >>> structure.inverse_entries(AR1Matrix(3), torch.tensor([4 / 3, 0.5])).round(decimals=4)
        tensor([ 1.0000,  1.2500,  1.0000, -0.5000, -0.5000])

    Reference:
        Rue & Held (2005), Gaussian Markov Random Fields: Theory and Applications, section 2.2.
    """
    _places(matrix)
    return _without_padding(precision(matrix, natural))


@StructureFunction
def inverse_derivatives(matrix: Matrix, natural: Tensor, index: Sequence[int], /) -> Tensor:
    r"""The derivatives of V^-1, :math:`-V^{-1} \partial V_k V^{-1}`, at its `sparsity`.

    Args:
        matrix: a structure or an operator that has one, of shape (n, n).
        natural: NATURAL values of all its parameters, shape (num_params,).
        index: positions in `param_names` of the k parameters asked for, in any order.

    Returns:
        Shape (k, m).

    Raises:
        ValueError: V^-1 is not known to be sparse.
        SingularMatrixError: V is singular to working precision.

    Example:
        >>> import torch
        >>> from covstudio.covariance import ScalarMatrix, structure
        >>> structure.inverse_derivatives(ScalarMatrix(2), torch.tensor([2.0]), [0])
        tensor([[-0.2500, -0.2500]])

    Reference:
        Magnus & Neudecker (2019), Matrix Differential Calculus, section 8.4.
    """
    _places(matrix)
    return _without_padding(precision_derivatives(matrix, natural, index))


def _places(matrix: Matrix) -> Places:
    found = sparsity(matrix)
    if found is None:
        raise ValueError(
            f"{type(matrix).__name__}: expected a matrix with a sparse inverse, got one without; ask "
            "structure.sparsity first, and use structure.solve where it is None."
        )
    return found


def _without_padding(bands: Tensor) -> Tensor:
    """(..., w + 1, n), left aligned -> (..., m)."""
    size = bands.shape[-1]
    return torch.cat([bands[..., d, : size - d] for d in range(bands.shape[-2])], dim=-1)
