"""Faults of a fit, each with a type of its own.

Every message says what was expected, what came, and what to do. All are `ValueError`s except `FitCancelled`,
which is not a fault: it is how a fit ends that nobody waits for any more.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from covstudio.covariance import SingularMatrixError
from covstudio.reml.problem.iteration import Iteration

__all__ = [
    "SINGULAR",
    "FitCancelled",
    "FitError",
    "InvalidData",
    "InvalidModel",
    "NotPositiveDefinite",
    "RankDeficient",
    "TooManyRows",
]

#: What linear algebra raises of a matrix that has no inverse, no factor or no eigenvectors.
SINGULAR: tuple[type[Exception], ...] = (
    SingularMatrixError,
    torch.linalg.LinAlgError,  # type: ignore[attr-defined]
)


class FitError(ValueError):
    """A model and its data that cannot be fitted as they stand."""


class InvalidData(FitError):
    """The response or the fixed-effects matrix is unusable: wrong size, missing values, no variation."""


class InvalidModel(FitError):
    """V does not belong to these data, or is no covariance at all: wrong size, not symmetric, not finite."""


class RankDeficient(FitError):
    """Some columns of X are linear combinations of columns before them.

    Attributes:
        columns: the positions (from 0) of the columns that add nothing.
        depends_on: for each of them, the positions of the columns that it is a combination of.
    """

    def __init__(self, message: str, columns: Sequence[int], depends_on: Sequence[Sequence[int]]) -> None:
        super().__init__(message)
        self.columns = tuple(columns)
        self.depends_on = tuple(tuple(d) for d in depends_on)

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return (type(self), (str(self), self.columns, self.depends_on))


class NotPositiveDefinite(FitError):
    """V has no Cholesky factor at the start.

    Attributes:
        parameters: the names of the parameters whose values make it so, as far as they can be told.
    """

    def __init__(self, message: str, parameters: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.parameters = tuple(parameters)

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return (type(self), (str(self), self.parameters))


class TooManyRows(FitError):
    """More rows than the dense engine holds in memory."""


class FitCancelled(Exception):
    """A fit was stopped: by its `cancel` token, or by a callback that raises this; `fit` lets it through.

    Attributes:
        best: the best point so far, which is the last, as a callback gets it; its `theta` is a start to go on
            from. None when there was none yet.

    Example:
        >>> from covstudio.reml import FitCancelled
        >>> def stop(iteration):
        ...     raise FitCancelled("the user pressed Cancel")
    """

    def __init__(self, message: str = "", best: Iteration | None = None) -> None:
        super().__init__(message)
        self.best = best
