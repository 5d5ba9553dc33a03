"""One term of V: what every kind of it can do without being written out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import Matrix

__all__ = ["Piece", "Vector", "mine"]

Vector = NDArray[np.float64]

#: Entries of the columns that a term is multiplied by together.
ENTRIES = 4_000_000


class Piece:
    """One term of V.

    Args:
        path: its name in V.
        positions: where its parameters stand in V.
        operand: the matrix or tensor it was made of.
        n: rows of V.

    Attributes:
        words: what it is, for explanations.
    """

    words = "no known structure"
    #: Where its tensors are (see `placing`).
    device = torch.device("cpu")

    def __init__(self, path: str, positions: tuple[int, ...], operand: Matrix | Tensor, n: int) -> None:
        self.path = path
        self.positions = positions
        self.operand = operand
        self.n = n
        self._take = list(positions)

    @property
    def label(self) -> str:
        """Its name in V, for messages; V where V is nothing else."""
        return self.path or "V"

    def own(self, natural: Vector) -> Tensor:
        """The term's own natural values out of those of V."""
        return torch.from_numpy(natural[self._take]).to(self.device)

    def diagonal(self, natural: Vector) -> Tensor:
        """Its diagonal, (n,)."""
        raise NotImplementedError

    def mean_diagonal(self, natural: Vector) -> float:
        """Mean of its diagonal over all rows of V."""
        return float(self.diagonal(natural).mean())

    def derivative_diagonal(self, natural: Vector, index: Sequence[int]) -> Tensor:
        """The diagonals of its derivatives, (k, n); `index` counts the term's own parameters."""
        raise NotImplementedError

    def matmul(self, natural: Vector, b: Tensor) -> Tensor:
        """Its product with b of shape (n, m)."""
        raise NotImplementedError

    def among(self, natural: Vector, rows: Tensor) -> Tensor:
        """The covariances among some rows, (k, k).

        Args:
            natural: natural values of V.
            rows: which, (k,).
        """
        found = torch.empty((len(rows), len(rows)), dtype=torch.float64, device=self.device)
        for start in range(0, len(rows), width := max(1, ENTRIES // self.n)):
            columns = rows[start : start + width]
            unit = torch.zeros((self.n, len(columns)), dtype=torch.float64, device=self.device)
            unit[columns, torch.arange(len(columns), device=self.device)] = 1.0
            found[:, start : start + width] = self.matmul(natural, unit)[rows]
        return found

    def derivative_matmul(self, natural: Vector, index: Sequence[int], b: Tensor) -> Tensor:
        """The products of its derivatives with b, (k, n, m)."""
        raise NotImplementedError


def mine(own: Sequence[int], positions: Sequence[int]) -> tuple[list[int], list[int]]:
    """Which of some positions in V belong to a term: their places among these, and in the term.

    Example:
        >>> mine((4, 5), [5, 0, 4])
        ([0, 2], [1, 0])
    """
    place = {k: i for i, k in enumerate(own)}
    found = [(i, place[k]) for i, k in enumerate(positions) if k in place]
    return [i for i, _ in found], [k for _, k in found]
