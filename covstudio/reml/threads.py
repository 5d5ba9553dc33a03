"""As many BLAS threads as the size of the problem is worth.

For small matrices a second thread costs more in handing work over than it computes: on two cores, two
threads were 3 to 9 times slower than one at a few hundred rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["blas_threads"]

#: Below this many rows one thread is fastest.
ONE_THREAD_BELOW = 600


@contextmanager
def blas_threads(n: int) -> Iterator[None]:
    """Use one torch thread inside the block when matrices are of n < 600 rows; the former number afterwards.

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
