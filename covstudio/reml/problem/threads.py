"""As many BLAS threads as the size of the problem is worth.

For small matrices a second thread costs more in handing work over than it computes: on two cores, two
threads were 3 to 9 times slower than one at a few hundred rows, and wherever another process wants a core,
several times slower at any size that is done in milliseconds. torch keeps the number for each thread of a
program by itself, so that sessions of a server do not take it from each other; a thread that starts meanwhile
inherits it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import lapack

__all__ = ["SMALL", "blas_threads", "inverse_factor", "symmetric_eigen"]

#: Below this many rows one thread is fastest.
ONE_THREAD_BELOW = 1000
#: Up to this many rows numpy's BLAS keeps to one thread by itself, and calling it costs half of torch.
FEW = 8
#: Up to so many entries any BLAS works on one thread, and what an operation costs is calling it: LAPACK by
#: scipy takes a third of torch's time, and numpy's products half.
SMALL = 4096


@contextmanager
def blas_threads(n: int) -> Iterator[None]:
    """Use one torch thread inside the block when matrices are of n < 1000 rows; the former number afterwards.

    Example:
        >>> with blas_threads(72):
        ...     torch.get_num_threads()
        1
    """
    before = torch.get_num_threads()
    if n < ONE_THREAD_BELOW and before > 1:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)


def symmetric_eigen(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eigenvalues, ascending, and eigenvectors of a symmetric matrix of numpy's, by the threads of torch.

    numpy has a BLAS of its own that does not hear of `blas_threads`: on a busy machine its threads wait for
    each other a hundred milliseconds for a matrix of 55 rows.

    Args:
        matrix: (k, k), symmetric and finite.

    Example:
        >>> symmetric_eigen(np.diag([2.0, 1.0]))[0]
        array([1., 2.])
    """
    if len(matrix) <= FEW:
        values, vectors = np.linalg.eigh(matrix)
        return values, vectors
    with blas_threads(len(matrix)):
        values, vectors = torch.linalg.eigh(torch.from_numpy(np.ascontiguousarray(matrix)))
    return values.numpy(), vectors.numpy()


def inverse_factor(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """L with LL' = A, and L^-1; None where A is not positive definite.

    Args:
        matrix: A, (k, k), symmetric.

    Example:
        >>> inverse_factor(np.array([[4.0, 2.0], [2.0, 2.0]]))[1]
        array([[ 0.5,  0. ],
               [-0.5,  1. ]])
    """
    if not matrix.size:
        # LAPACK prints that a leading dimension of 0 is an illegal value.
        return matrix, matrix
    if matrix.size <= SMALL:
        factor, failed = lapack.dpotrf(matrix, lower=1)
        return None if failed else (factor, lapack.dtrtri(factor, lower=1)[0])
    lower, info = torch.linalg.cholesky_ex(torch.from_numpy(matrix))
    if info.item():
        return None
    eye = torch.eye(len(matrix), dtype=torch.float64)
    inverse = torch.linalg.solve_triangular(lower, eye, upper=False)
    return lower.numpy(), inverse.numpy()
