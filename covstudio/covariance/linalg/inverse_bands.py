"""The functions of structure that speak of V^-1 as a band: its width, its entries and their derivatives."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.linalg.dense import bands, slices_of, solved
from covstudio.covariance.linalg.dispatch import StructureFunction

__all__ = ["bandwidth", "precision", "precision_derivatives", "width_of"]


@StructureFunction
def bandwidth(matrix: Matrix, /) -> int | None:
    """The half bandwidth w of V^-1: its entries (i, j) vanish for |i - j| > w, whatever the parameters.

    Args:
        matrix: a structure or an operator.

    Returns:
        w, 0 for a diagonal matrix; None where V^-1 is not banded, or need not exist.

    Example:
        >>> from covstudio.covariance import UnstructuredMatrix, structure
        >>> structure.bandwidth(UnstructuredMatrix(3)) is None
        True
    """
    return None


@StructureFunction
def precision(matrix: Matrix, natural: Tensor, /) -> Tensor:
    """The lower bands of V^-1, where it is banded.

    Args:
        matrix: a structure or an operator with a `bandwidth` w, of shape (n, n).
        natural: NATURAL values of all its parameters, shape (num_params,).

    Returns:
        Shape (w + 1, n): row d holds the entries (i + d, i), left aligned, zeros behind them.

    Raises:
        ValueError: V^-1 is not banded.
        SingularMatrixError: V is singular to working precision.

    Example:
        >>> import torch
        >>> from covstudio.covariance import AR1Matrix, structure
        >>> structure.precision(AR1Matrix(3), torch.tensor([4 / 3, 0.5])).round(decimals=4)
        tensor([[ 1.0000,  1.2500,  1.0000],
                [-0.5000, -0.5000,  0.0000]])

    Reference:
        Rue & Held (2005), Gaussian Markov Random Fields: Theory and Applications, section 2.4.
    """
    width = width_of(matrix)
    return bands(_inverse(matrix, natural), width)


@StructureFunction
def precision_derivatives(matrix: Matrix, natural: Tensor, index: Sequence[int], /) -> Tensor:
    r"""The lower bands of the derivatives of V^-1, which are :math:`-V^{-1} \partial V_k V^{-1}`.

    Args:
        matrix: a structure or an operator with a `bandwidth` w, of shape (n, n).
        natural: NATURAL values of all its parameters, shape (num_params,).
        index: positions in `param_names` of the k parameters asked for, in any order.

    Returns:
        Shape (k, w + 1, n), each slice laid out as by `precision`.

    Raises:
        ValueError: V^-1 is not banded.
        SingularMatrixError: V is singular to working precision.

    Example:
        >>> import torch
        >>> from covstudio.covariance import ScalarMatrix, structure
        >>> structure.precision_derivatives(ScalarMatrix(2), torch.tensor([2.0]), [0])
        tensor([[[-0.2500, -0.2500]]])

    Reference:
        Magnus & Neudecker (2019), Matrix Differential Calculus, section 8.4.
    """
    width = width_of(matrix)
    inverse = _inverse(matrix, natural)
    pieces = [bands(-(inverse @ slices @ inverse), width) for slices in slices_of(matrix, natural, index)]
    return torch.cat(pieces) if pieces else natural.new_zeros((0, width + 1, matrix.shape[0]))


def _inverse(matrix: Matrix, natural: Tensor) -> Tensor:
    eye = torch.eye(matrix.shape[0], dtype=natural.dtype, device=natural.device)
    return solved(matrix, natural, eye)


def width_of(matrix: Matrix) -> int:
    """The `bandwidth` of a matrix that must have one.

    Raises:
        ValueError: V^-1 is not banded.
    """
    width = bandwidth(matrix)
    if width is None:
        raise ValueError(
            f"{type(matrix).__name__}: expected a matrix with a banded inverse, got one without; ask "
            "structure.bandwidth first, and use structure.solve where it is None."
        )
    return width
