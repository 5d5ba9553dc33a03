"""Matrices by their rows: written out already, or made for the rows that somebody asks for.

Who goes through a large matrix once needs no more of it than a few rows at a time. These stay in the
processor's cache, where the whole would be written to memory, in pages that the operating system has to find
first, and read from there again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import torch
from torch import Tensor

__all__ = ["ByLag", "Gathered", "OnDiagonal", "Rows", "Whole"]


@dataclass(frozen=True, eq=False)
class Rows(ABC):
    """A matrix, any rows of which can be had; it stays what it is.

    Attributes:
        shape: rows and columns.
    """

    shape: tuple[int, int] = field(init=False)

    @abstractmethod
    def of(self, start: int, stop: int, left: int = 0) -> Tensor:
        """Some of the rows.

        Args:
            start: the first of them, counted from 0.
            stop: the first behind them; what is behind the last row of all is left out.
            left: the first column that is wanted.

        Returns:
            The rows, shape (stop - start, columns - left), not to be written to.
        """

    def whole(self) -> Tensor:
        """All of them."""
        return self.of(0, self.shape[0])

    def extremes(self, size: int) -> tuple[Tensor, Tensor] | None:
        """The smallest and the largest entry of every block of `size` rows and columns.

        Args:
            size: at least 1; the last blocks have what is left.

        Returns:
            Both, one entry a block; None where nothing shorter is known than to go through the rows.
        """
        return None

    def shaped(self, rows: int, columns: int) -> None:
        """Say its shape, once it is known."""
        object.__setattr__(self, "shape", (rows, columns))


@dataclass(frozen=True, eq=False)
class Whole(Rows):
    """A matrix that is there."""

    matrix: Tensor

    def __post_init__(self) -> None:
        self.shaped(*self.matrix.shape)

    def of(self, start: int, stop: int, left: int = 0) -> Tensor:
        return self.matrix[start:stop, left:]


@dataclass(frozen=True, eq=False)
class ByLag(Rows):
    """A symmetric Toeplitz matrix.

    Args:
        first: its first row, shape (n,).

    Example:
        >>> ByLag(torch.tensor([3.0, 2.0, 1.0])).of(1, 3)
        tensor([[2., 3., 2.],
                [1., 2., 3.]])
    """

    first: Tensor
    windows: Tensor = field(init=False, repr=False)
    places: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        size = len(self.first)
        self.shaped(size, size)
        # Row i is what the band shows through a window at n - 1 - i.
        band = torch.cat([self.first.flip(0), self.first[1:]])
        object.__setattr__(self, "windows", band.unfold(0, size, 1))
        object.__setattr__(self, "places", torch.arange(size - 1, -1, -1, device=band.device))

    def of(self, start: int, stop: int, left: int = 0) -> Tensor:
        return self.windows[:, left:].index_select(0, self.places[start:stop])

    def extremes(self, size: int) -> tuple[Tensor, Tensor] | None:
        """Blocks as far from the diagonal have the same lags, but for the last ones, which are smaller."""
        n = len(self.first)
        count = -(-n // size)
        if count == 1:
            return self.first.amin()[None, None], self.first.amax()[None, None]
        last = n - (count - 1) * size
        band = torch.cat([self.first[1:size].flip(0), self.first])  # from lag 1 - size on
        inner = band.unfold(0, 2 * size - 1, size)[: count - 1]
        beside = band[size:].unfold(
            0, size + last - 1, size
        )  # of the last blocks, but for the one on the diagonal
        both = self.first.new_empty((2, count, count))
        for extreme, out in ((torch.amin, both[0]), (torch.amax, both[1])):
            out[:-1, :-1] = ByLag(extreme(inner, 1)).whole()
            ends = torch.cat([extreme(self.first[:last], 0, keepdim=True), extreme(beside, 1)])
            out[-1] = out[:, -1] = ends.flip(0)
        return both[0], both[1]


@dataclass(frozen=True, eq=False)
class OnDiagonal(Rows):
    """A square matrix that has one number off its diagonal.

    Args:
        diagonal: shape (n,).
        off: the number.

    Example:
        >>> OnDiagonal(torch.tensor([1.0, 2.0]), 0.5).of(1, 2)
        tensor([[0.5000, 2.0000]])
    """

    diagonal: Tensor
    off: float = 0.0

    def __post_init__(self) -> None:
        self.shaped(len(self.diagonal), len(self.diagonal))

    def of(self, start: int, stop: int, left: int = 0) -> Tensor:
        here = self.diagonal[start:stop]
        rows = here.new_full((len(here), self.shape[1] - left), self.off)
        first = max(left - start, 0)  # of these rows, the first whose diagonal entry is wanted
        if first < len(here):
            rows[first:].diagonal(start + first - left).copy_(here[first:])
        return rows

    def extremes(self, size: int) -> tuple[Tensor, Tensor] | None:
        """Of a block on the diagonal the number off it is an entry too, unless there is one entry alone."""
        n = len(self.diagonal)
        count = -(-n // size)
        padded = torch.cat([self.diagonal, self.diagonal[-1:].expand(count * size - n)]).view(count, size)
        both = self.diagonal.new_full((2, count, count), self.off)
        for extreme, bound, out in (
            (torch.amin, torch.clamp_max, both[0]),
            (torch.amax, torch.clamp_min, both[1]),
        ):
            on = extreme(padded, 1)
            out.diagonal().copy_(on if size == 1 else bound(on, self.off))
            if n == (count - 1) * size + 1:
                out[-1, -1] = self.diagonal[-1]
        return both[0], both[1]


@dataclass(frozen=True, eq=False)
class Gathered(Rows):
    """Z G Z' of an incidence matrix Z.

    Args:
        codes: the column of Z that has each row's one, shape (n,).
        g: shape (q, q).
        empty: rows of Z that have none, shape (n,), or None.

    Example:
        >>> Gathered(torch.tensor([1, 0, 1]), torch.tensor([[1.0, 2.0], [2.0, 5.0]])).of(0, 2)
        tensor([[5., 2., 5.],
                [2., 1., 2.]])
    """

    codes: Tensor
    g: Tensor
    empty: Tensor | None = None
    lines: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.shaped(len(self.codes), len(self.codes))
        lines = self.g.index_select(1, self.codes)
        object.__setattr__(
            self, "lines", lines if self.empty is None else lines.masked_fill_(self.empty, 0.0)
        )

    def of(self, start: int, stop: int, left: int = 0) -> Tensor:
        rows = self.lines[:, left:].index_select(0, self.codes[start:stop])
        return rows if self.empty is None else rows.masked_fill_(self.empty[start:stop, None], 0.0)
