"""As many BLAS threads as the size of the problem is worth, torch's and numpy's.

For small matrices a second thread costs more in handing work over than it computes: on two cores, two
threads were 3 to 9 times slower than one at a few hundred rows, and wherever another process wants a core,
several times slower at any size that is done in milliseconds.

torch keeps its number for each thread of a program by itself, so that sessions of a server do not take it
from each other; a thread that starts meanwhile inherits it. The BLAS of numpy and that of scipy have one
number each for the whole process. What is left to them has the size of the fixed effects or of the
parameters, for which one thread is best, whoever else computes: the first that comes here sets it, and the
last that goes puts back what was there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, wraps
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import lapack
from threadpoolctl import LibController, ThreadpoolController

__all__ = ["SMALL", "blas_threads", "inverse_factor", "on_threads_worth", "symmetric_eigen"]

T = TypeVar("T", bound=type)

#: Below this many rows one thread is fastest.
ONE_THREAD_BELOW = 1000
#: Up to this many rows numpy's eigenvalues cost half of torch's.
FEW = 8
#: Up to so many entries what an operation costs is calling it: LAPACK by scipy takes a third of torch's time,
#: and numpy's products half.
SMALL = 4096


class _Torch(threading.local):
    """The number of torch's threads outside of any block of this thread; None outside of one."""

    given: int | None = None


class _Others:
    """The BLAS of numpy, and that of scipy: on one thread while anybody is inside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._known: list[LibController] | None = None
        self._before: list[tuple[LibController, int]] = []

    def enter(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._before = [(one, int(one.num_threads or 1)) for one in self._libraries()]
                for library, _ in self._before:
                    _set(library, 1)

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                for library, number in self._before:
                    _set(library, number)

    def _libraries(self) -> list[LibController]:
        # Looking for them takes a while; both have been loaded by the imports above.
        if self._known is None:
            found = ThreadpoolController().lib_controllers
            self._known = [library for library in found if library.user_api == "blas"]
        return self._known


def _set(library: LibController, number: int) -> None:
    """Give a BLAS so many threads, whichever thread of the program asks.

    threadpoolctl obeys (3.8 does) the thread that was the first to set the number of OpenBLAS, as long as
    that lives, and no other. Here who comes first and who goes last need not be the same thread: each takes
    control, and gives it up.
    """
    give_up = getattr(library, "clear_controlling_thread", None)
    if give_up is not None:
        give_up(force=True)
    library.set_num_threads(number)
    if give_up is not None:
        give_up()


_TORCH = _Torch()
_OTHERS = _Others()


@contextmanager
def blas_threads(n: int = 1) -> Iterator[None]:
    """Use the threads that matrices of n rows are worth inside the block; the former numbers afterwards.

    torch has one thread below 1000 rows and else as many as outside of all such blocks; numpy and scipy, to
    which only matrices of a few rows are left, have one.

    Args:
        n: rows of the largest matrix that torch works with.

    Example:
        >>> with blas_threads(72):
        ...     torch.get_num_threads()
        1
    """
    before = torch.get_num_threads()
    outermost = _TORCH.given is None
    if outermost:
        _TORCH.given = before
    wanted = 1 if n < ONE_THREAD_BELOW else _TORCH.given or before
    _OTHERS.enter()
    if wanted != before:
        torch.set_num_threads(wanted)
    try:
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)
        _OTHERS.leave()
        if outermost:
            _TORCH.given = None


def on_threads_worth(rows: Callable[[Any], int]) -> Callable[[T], T]:
    """Let all that a class computes have the threads that so many rows are worth: from one line above it.

    That is its methods and cached properties, without what it inherits and what has two underscores in front.

    Args:
        rows: tells the rows from an object of the class.

    Example:
        >>> @on_threads_worth(lambda self: 5)
        ... class Small:
        ...     def threads(self):
        ...         return torch.get_num_threads()
        >>> Small().threads()
        1
    """

    def within(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def on_them(self: Any, *arguments: Any, **options: Any) -> Any:
            with blas_threads(rows(self)):
                return method(self, *arguments, **options)

        return on_them

    def decorated(cls: T) -> T:
        for name, member in list(vars(cls).items()):
            if isinstance(member, cached_property):
                member.func = within(member.func)
            elif callable(member) and not name.startswith("__") and not isinstance(member, type):
                setattr(cls, name, within(member))
        return cls

    return decorated


def symmetric_eigen(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eigenvalues, ascending, and eigenvectors of a symmetric matrix of numpy's, by the threads of torch.

    Those of a matrix of 1000 rows are worth as many as there are, which numpy's do not get.

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
