"""Structures whose correlation depends on the lag alone: values, derivatives, and what that makes cheap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import Argument
from covstudio.covariance.core.leaf import Leaf, ParamSpecs
from covstudio.covariance.core.rows import ByLag, Rows
from covstudio.covariance.parameters.differentiation import chain
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.structures.elementary.elementary import variance
from covstudio.covariance.structures.elementary.heterogeneous import HeterogeneousLeaf

__all__ = [
    "HeterogeneousStationaryMatrix",
    "StationaryMatrix",
    "ToeplitzLeaf",
    "lag_sums",
    "positions_argument",
    "symmetric_toeplitz",
    "toeplitz_matmul",
    "widened",
    "write_symmetric_toeplitz",
]


#: So many entries are put together elsewhere and copied: what costs is the number of operations.
_SMALL = 4096


def positions_argument(minimum: int, more: str = "") -> Argument:
    """The declaration of the number of positions; `more` is said of it behind the rest."""
    text = f"Number of equally spaced positions, in order{more}"
    return Argument("n", "size", "Size", text, minimum=minimum, evenly_spaced=True)


def widened(function: Callable[[Tensor], Tensor], shapes: Tensor) -> Tensor:
    """A function of a few parameters in double precision, in the precision of its argument.

    Where polynomials nearly cancel, or a recursion runs near the unit circle, single precision would leave no
    digit; these are vectors, of no cost beside the matrix.
    """
    if shapes.dtype == torch.float64:
        return function(shapes)
    return function(shapes.double()).to(shapes.dtype)


def symmetric_toeplitz(first: Tensor) -> Tensor:
    """The symmetric Toeplitz matrices of the given first rows, shape (..., n) -> (..., n, n)."""
    band = torch.cat([first.flip(-1), first[..., 1:]], dim=-1)
    return band.unfold(-1, first.shape[-1], 1).flip(-2)


def write_symmetric_toeplitz(first: Tensor, out: Tensor) -> None:
    """Write the k symmetric Toeplitz matrices whose first rows are given, shape (k, n), into (k, n, n)."""
    if out.numel() <= _SMALL and out.is_contiguous():
        lags = torch.from_numpy(_lags(first.shape[-1])).to(first.device)
        torch.index_select(first, -1, lags, out=out.view(first.shape[0], -1))
        return
    size = first.shape[-1]
    band = torch.cat([first.flip(-1), first[:, 1:]], dim=-1)
    # Row i of the result is what the band shows through a window at n - 1 - i.
    backwards = torch.arange(size - 1, -1, -1, device=first.device)
    for windows, target in zip(band.unfold(-1, size, 1), out, strict=True):
        torch.index_select(windows, 0, backwards, out=target)


@lru_cache(maxsize=64)
def _lags(n: int) -> NDArray[np.int64]:
    """The lags |i - j| of all pairs of few positions, row by row; an array, as tensors belong to a mode."""
    positions = np.arange(n)
    lags: NDArray[np.int64] = np.abs(positions[:, None] - positions).reshape(-1)
    return lags


def toeplitz_matmul(first: Tensor, b: Tensor) -> Tensor:
    """The products of symmetric Toeplitz matrices with b, in O(n log n) for each column.

    The matrix is a corner of a circulant, which the Fourier transform diagonalises.

    Args:
        first: first rows, shape (..., n).
        b: shape (n, m).

    Returns:
        Shape (..., n, m).

    Example:
        >>> toeplitz_matmul(torch.tensor([2.0, 1.0]), torch.eye(2)).round(decimals=4)
        tensor([[2., 1.],
                [1., 2.]])

    Reference:
        Golub & Van Loan (2013), Matrix Computations, 4th edition, section 4.8.
    """
    size, count = b.shape
    if not count or not first.numel():
        return b.new_zeros((*first.shape[:-1], size, count))
    # Powers of two transform fastest; what lies between the two copies of the row is not read.
    length = 1 << (2 * size - 2).bit_length()
    gap = first.new_zeros((*first.shape[:-1], length - 2 * size + 1))
    circulant = torch.cat([first, gap, first.flip(-1)[..., :-1]], dim=-1)
    spectrum = torch.fft.rfft(circulant, dim=-1)[..., None] * torch.fft.rfft(b, n=length, dim=0)
    product: Tensor = torch.fft.irfft(spectrum, n=length, dim=-2)[..., :size, :]
    return product


def lag_sums(a: Tensor) -> Tensor:
    """The sums of the entries of a at each lag abs(i - j), shape (n, n) -> (n,).

    Example:
        >>> lag_sums(torch.tensor([[1.0, 2.0], [4.0, 8.0]]))
        tensor([9., 6.])
    """
    size = a.shape[0]
    # Row i of the padded rows, read one entry later than the row before it, brings diagonals into columns.
    wide = torch.nn.functional.pad(a.flip(0), (0, size)).reshape(-1)[: size * (2 * size - 1)]
    sums = wide.reshape(size, 2 * size - 1).sum(0)
    return torch.cat([sums[size - 1 : size], sums[size:] + sums[: size - 1].flip(0)])


class ToeplitzLeaf(Leaf):
    """A leaf whose value is a symmetric Toeplitz matrix: a function of the lag, said by its first row."""

    def _first_row(self, natural: Tensor) -> Tensor:
        """The first row of V, shape (n,), from the natural values of all parameters."""
        raise NotImplementedError(f"{type(self).__name__} does not override _first_row.")

    def _first_row_slopes(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """The first rows of the derivatives in the natural values at the k given positions, shape (k, n)."""
        raise NotImplementedError(f"{type(self).__name__} does not override _first_row_slopes.")

    def evaluate(self, natural: Tensor) -> Tensor:
        """V, shape (n, n), from the natural values of all parameters."""
        return symmetric_toeplitz(self._first_row(natural))

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """The derivatives in the natural values at the given positions, shape (len(index), n, n)."""
        return symmetric_toeplitz(self._first_row_slopes(natural, index))

    def write(
        self, natural: Tensor, value: Tensor | None, index: Sequence[int], slopes: Tensor, slices: Tensor
    ) -> None:
        """Write V and slices of its Jacobian from their first rows; see `Matrix.write`."""
        if value is not None:
            write_symmetric_toeplitz(self._first_row(natural)[None], value[None])
        if len(index):
            write_symmetric_toeplitz(chain(self._first_row_slopes(natural, index), slopes), slices)

    def by_rows(self, natural: Tensor, k: int | None) -> Rows:
        """V or a derivative of it, from its first row; see `Matrix.by_rows`."""
        return ByLag(self._first_row(natural) if k is None else self._first_row_slopes(natural, [k])[0])


class StationaryMatrix(ToeplitzLeaf):
    """A variance, or none, times a correlation that depends on the lag alone: a symmetric Toeplitz matrix.

    A subclass gives the correlations at lags 0 to n - 1 and their derivatives; everything else follows.

    Args:
        n: Number of positions.
        param_specs: The caller's declaration, or None.
        shapes: The parameters of the correlation, in the order of their natural values.
        scaled: Whether a variance precedes them.
    """

    def __init__(
        self, n: int, param_specs: ParamSpecs | None, shapes: Sequence[Parameter], scaled: bool = True
    ) -> None:
        self.n = n
        self._scaled = scaled
        super().__init__((n, n), param_specs, [variance(), *shapes] if scaled else shapes)

    def _correlations(self, shapes: Tensor) -> Tensor:
        """The correlations at lags 0 to n - 1, shape (n,), from the natural values of the k parameters."""
        raise NotImplementedError(f"{type(self).__name__} does not override _correlations.")

    def _correlation_slopes(self, shapes: Tensor) -> Tensor:
        """Their derivatives with respect to each of these, shape (k, n)."""
        raise NotImplementedError(f"{type(self).__name__} does not override _correlation_slopes.")

    def _shapes(self, natural: Tensor) -> Tensor:
        """The natural values of the correlation's parameters."""
        return natural[1:] if self._scaled else natural

    def _all_correlations(self, natural: Tensor) -> Tensor:
        """The correlations at lags 0 to n - 1, shape (n,), not to be written to."""
        recall = self._recall_of(natural)
        known = None if recall is None else recall.kept.get("row")
        if known is not None:
            return known
        return self._once(natural, "row", lambda: widened(self._correlations, self._shapes(natural)))

    def _all_correlation_slopes(self, natural: Tensor, correlations: Tensor | None = None) -> Tensor:
        """Their derivatives by each of the k parameters, shape (k, n), where they may be known themselves."""
        return widened(self._correlation_slopes, self._shapes(natural))

    def _first_row(self, natural: Tensor) -> Tensor:
        correlations = self._all_correlations(natural)
        return natural[0] * correlations if self._scaled else correlations

    def _first_row_slopes(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """The first rows of the derivatives, shape (len(index), n)."""
        if not self._scaled:
            slopes = self._all_correlation_slopes(natural)
            return slopes if list(index) == list(range(len(slopes))) else slopes[list(index)]
        correlations = self._all_correlations(natural)
        if not any(index):
            return correlations.repeat(len(index), 1)
        slopes = natural[0] * self._all_correlation_slopes(natural, correlations)
        rows = torch.cat([correlations[None], slopes])
        return rows if list(index) == list(range(rows.shape[0])) else rows[list(index)]


@linalg.kind.register(StationaryMatrix)
def _(matrix: StationaryMatrix) -> linalg.Kind:
    return "toeplitz"


@linalg.matmul.register(StationaryMatrix)
def _(matrix: StationaryMatrix, natural: Tensor, b: Tensor) -> Tensor:
    return toeplitz_matmul(matrix._first_row(natural), b)


@linalg.diagonal.register(StationaryMatrix)
def _(matrix: StationaryMatrix, natural: Tensor) -> Tensor:
    return natural[0].repeat(matrix.n) if matrix._scaled else natural.new_ones(matrix.n)


@linalg.derivative_matmul.register(StationaryMatrix)
def _(matrix: StationaryMatrix, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    return toeplitz_matmul(matrix._first_row_slopes(natural, index), b)


@linalg.derivative_diagonal.register(StationaryMatrix)
def _(matrix: StationaryMatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    slopes = [1.0 if matrix._scaled and k == 0 else 0.0 for k in index]
    return natural.new_tensor(slopes)[:, None].repeat(1, matrix.n)


@linalg.trace_against.register(StationaryMatrix)
def _(matrix: StationaryMatrix, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    return matrix._first_row_slopes(natural, index) @ lag_sums(a)


class HeterogeneousStationaryMatrix(HeterogeneousLeaf):
    """A correlation that depends on the lag alone, and a variance of its own for each position.

    A subclass gives the correlations at lags 0 to n - 1 and their derivatives; everything else follows.
    """

    def _correlations(self, shapes: Tensor) -> Tensor:
        """The correlations at lags 0 to n - 1, shape (n,), from the natural values of the k parameters."""
        raise NotImplementedError(f"{type(self).__name__} does not override _correlations.")

    def _correlation_slopes(self, shapes: Tensor) -> Tensor:
        """Their derivatives with respect to each of these, shape (k, n)."""
        raise NotImplementedError(f"{type(self).__name__} does not override _correlation_slopes.")

    def correlation(self, shapes: Tensor) -> Tensor:
        """C, shape (n, n), from the natural values of its parameters."""
        return symmetric_toeplitz(widened(self._correlations, shapes))

    def correlation_slopes(self, shapes: Tensor, index: Sequence[int]) -> Tensor:
        """dC by the parameters at the given positions among C's own, shape (len(index), n, n)."""
        return symmetric_toeplitz(widened(self._correlation_slopes, shapes)[list(index)])

    def _correlation_matmul(self, shapes: Tensor, b: Tensor) -> Tensor:
        return toeplitz_matmul(widened(self._correlations, shapes), b)

    def _slopes_matmul(self, shapes: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
        return toeplitz_matmul(widened(self._correlation_slopes, shapes)[list(index)], b)

    def _slopes_trace(self, shapes: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
        return widened(self._correlation_slopes, shapes)[list(index)] @ lag_sums(a)
