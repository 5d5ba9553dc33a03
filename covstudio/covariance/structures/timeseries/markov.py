"""Markov processes in continuous time: each row is predicted by the one before it in time."""

from __future__ import annotations

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.leaf import Leaf
from covstudio.covariance.structures.timeseries.prediction_errors import precision_bands, solve_by_prediction

__all__ = ["MarkovLeaf", "in_time", "register_prediction"]


class MarkovLeaf(Leaf):
    """A covariance whose inverse couples neighbours in time alone.

    A subclass sets the times of the rows and their order, and gives the filters and the error variances.
    """

    times: Tensor
    _order: Tensor

    def _recursion(self, natural: Tensor) -> tuple[Tensor, Tensor]:
        """Filters and error variances of the rows in the order of time.

        Raises:
            SingularMatrixError: A row is determined by those before it.
        """
        raise NotImplementedError(f"{type(self).__name__} does not override _recursion.")


def in_time(matrix: MarkovLeaf) -> bool:
    """Whether the rows stand in the order of time and none of them is determined by the others."""
    return matrix._definite and bool((matrix.times.diff() > 0).all())


def _bandwidth(matrix: MarkovLeaf) -> int | None:
    return min(1, matrix.shape[0] - 1) if in_time(matrix) else None


def _kind(matrix: MarkovLeaf) -> linalg.Kind:
    return "banded precision" if in_time(matrix) else "dense"


def _precision(matrix: MarkovLeaf, natural: Tensor) -> Tensor:
    return precision_bands(*matrix._recursion(natural))[: matrix.shape[0]]


def _solve(matrix: MarkovLeaf, natural: Tensor, b: Tensor) -> Tensor:
    order = matrix._order.to(b.device)
    solution = torch.empty_like(b)
    solution[order] = solve_by_prediction(*matrix._recursion(natural), b[order])
    return solution


def _logdet(matrix: MarkovLeaf, natural: Tensor) -> Tensor:
    return matrix._recursion(natural)[1].log().sum()


def register_prediction(cls: type[MarkovLeaf]) -> None:
    """Register what the recursion of a process says of its inverse, whatever its values are.

    Args:
        cls: the class of the process.
    """
    linalg.bandwidth.register(cls)(_bandwidth)
    linalg.kind.register(cls)(_kind)
    linalg.precision.register(cls, when=in_time)(_precision)
    linalg.solve.register(cls)(_solve)
    linalg.logdet.register(cls)(_logdet)
