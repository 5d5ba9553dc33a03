"""A matrix as the bytes its picture needs: one code per cell, and the limit the codes relate to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np

from covstudio.plots.raster import Array, block_size, larger, pool_columns, pool_rows, pooled

TILE_PIXELS = 250
THUMBNAIL_PIXELS = 96
#: Matrices with more entries are drawn without their values.
MAX_VALUES = 100
#: So much of a matrix is read at a time.
STRIP_BYTES = 2**19


@dataclass(frozen=True)
class Tile:
    """Codes for one picture.

    Args:
        rows, cols: size of the picture in cells; at most that of the matrix.
        shape: size of the matrix itself.
        block: rows and columns of the matrix that a cell stands for; fewer at the lower and right edges.
        low, high: smallest and largest entry of the matrix.
        limit: the magnitude that gets the strongest colour.
        scale: "sequential" when no entry is negative, else "diverging".
        values: the entries as they are read, row by row, of a matrix small enough; else none.
        codes: rows * cols bytes, row by row.
    """

    rows: int
    cols: int
    shape: tuple[int, int]
    block: int
    low: float
    high: float
    limit: float
    scale: Literal["sequential", "diverging"]
    codes: bytes
    values: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Values:
    """The exact values of a matrix: numbers times a factor, neither of them written out for all.

    Args:
        shape: rows and columns.
        numbers: gives the rows from a first one up to, and without, a last one, and of these the columns
            from a first one on.
        factor: what each number is multiplied by; where it is zero all values are, whatever the numbers.
        symmetric: whether the matrix is known to be symmetric: then half of it is enough for a picture.
        blocks: gives the smallest and the largest number of every block of a size, where they are known
            without the others; else None.

    Example:
        >>> Values.of(np.array([[1.0, 2.0], [3.0, 4.0]]), -2.0).rows(1, 2).tolist()
        [[-6.0, -8.0]]
    """

    shape: tuple[int, int]
    numbers: Callable[[int, int, int], Array]
    factor: float = 1.0
    symmetric: bool = False
    blocks: Callable[[int], tuple[Array, Array] | None] = lambda _size: None

    @classmethod
    def of(cls, matrix: Array, factor: float = 1.0, symmetric: bool = False) -> Values:
        """Those of a matrix that is there."""
        shape = matrix.shape[0], matrix.shape[1]
        return cls(shape, lambda start, stop, left: matrix[start:stop, left:], factor, symmetric)

    def rows(self, start: int, stop: int) -> Array:
        """Some of the rows."""
        return self.multiplied(self.numbers(start, stop, 0))

    def whole(self) -> Array:
        """All of them."""
        return self.rows(0, self.shape[0])

    def multiplied(self, numbers: Array) -> Array:
        """Numbers times the factor."""
        if self.factor == 1.0:
            return numbers
        return numbers * self.factor if self.factor != 0.0 else np.zeros_like(numbers)

    def extremes(self, sizes: Iterable[int]) -> Extremes:
        """By its size, for blocks of every size: the smallest and the largest value of each block.

        Where no value is negative, the smallest of several blocks may stand for that of each.
        """
        result: Extremes = {}
        wanted = set(sizes)
        if 1 in wanted:
            result[1] = (self.numbers(0, self.shape[0], 0),) * 2
        for size in wanted - {1}:
            known = self.blocks(size)
            if known is not None:
                result[size] = known
        for together in _together(wanted - result.keys(), self.shape[1]):
            result |= _extremes(self, together)
        low_first = self.factor >= 0.0
        return {
            size: (low, high) if low_first else (high, low)
            for size, pair in result.items()
            for low, high in [(self.multiplied(pair[0]), self.multiplied(pair[1]))]
        }


Extremes: TypeAlias = dict[int, tuple[Array, Array]]


class NotFinite(ValueError):
    """A matrix has an entry that is infinite or not a number."""


def _together(sizes: set[int], columns: int) -> Iterable[set[int]]:
    """Sizes of blocks that the same strips of rows serve: those that have whole blocks of each."""
    if sizes and math.lcm(*sizes) * columns * 8 <= 2 * STRIP_BYTES:
        return [sizes]
    return [{size} for size in sizes]


def _extremes(values: Values, sizes: set[int]) -> Extremes:
    """The smallest and the largest number of every block, for blocks of several sizes.

    The matrix is gone through in strips of rows, each for all while it is in the processor's cache: to read a
    large matrix from memory, or to write it there, is what takes the time. Of a symmetric matrix what is left
    of a strip's diagonal is what stands above it. Blocks of a strip without negative numbers are given the
    smallest number of the strip: of these the largest is the one of largest magnitude.
    """
    n, m = values.shape
    multiple = math.lcm(*sizes)
    strip = max(1, STRIP_BYTES // (8 * m * multiple)) * multiple
    # Rows of blocks; their columns are taken together at the end, all at once.
    low = {size: np.zeros((math.ceil(n / size), m)) for size in sizes}
    high = {size: np.zeros_like(one) for size, one in low.items()}
    tops = range(0, n, strip)
    for top in tops:
        left = top if values.symmetric else 0
        rows = values.numbers(top, min(top + strip, n), left)
        least = float(rows.min())
        for size in sizes:
            down = slice(top // size, math.ceil((top + len(rows)) / size))
            pool_rows(np.maximum, rows, size, high[size][down, left:])
            if least >= 0.0:
                low[size][down, left:] = least
            else:
                pool_rows(np.minimum, rows, size, low[size][down, left:])
    return {
        size: (
            _across(np.minimum, low[size], size, tops if values.symmetric else ()),
            _across(np.maximum, high[size], size, tops if values.symmetric else ()),
        )
        for size in sizes
    }


def coarser(extremes: tuple[Array, Array], factor: int) -> tuple[Array, Array]:
    """Those of blocks that are `factor` times as large, from those of smaller ones.

    Example:
        >>> coarser((np.eye(3), np.eye(3)), 2)[1].tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    low, high = extremes
    return pooled(np.minimum, low, factor), pooled(np.maximum, high, factor)


def _across(function: np.ufunc, matrix: Array, size: int, tops: Iterable[int]) -> Array:
    """`function` over every `size` columns of rows that begin at the diagonal.

    Rows from each of `tops` on begin at the column of that number: left of it is what is above the diagonal.
    """
    out = pool_columns(function, matrix, size)
    starts = [top // size for top in tops]
    for across, end in pairwise([*starts, len(out)]):
        out[across:end, :across] = out[:across, across:end].T
    return out


def quantise(
    matrix: Array | Values, pixels: int, least_limit: float = 0.0, known: Extremes | None = None
) -> Tile:
    """Codes of a matrix at display size.

    Args:
        matrix: two-dimensional.
        pixels: most rows and columns of the picture.
        least_limit: keep the limit at least this large, so that colours do not jump under a moving slider.
        known: the extremes of blocks of some sizes, where somebody has them already. The smallest that are
            large enough are taken.

    Returns:
        The tile; a matrix of zeros has limit 0 and only code 0.

    Raises:
        NotFinite: an entry is infinite or not a number.

    Example:
        >>> tile = quantise(np.array([[2.0, 1.0], [1.0, 2.0]]), 10)
        >>> tile.scale, tile.limit, list(tile.codes)
        ('sequential', 2.0, [255, 128, 128, 255])
    """
    values = matrix if isinstance(matrix, Values) else Values.of(matrix)
    shape = values.shape
    least = block_size(shape, pixels)
    size = min((one for one in known or () if one >= least), default=least)
    lows, highs = (known if known and size in known else values.extremes([size]))[size]
    low, high = float(lows.min()), float(highs.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise NotFinite("a picture needs finite entries")
    limit = max(high, -low, least_limit)
    small = highs if low >= 0 else larger(lows, highs)
    scale: Literal["sequential", "diverging"]
    if low >= 0:
        scale, factor, zero = "sequential", 255.0, 0.0
    else:
        scale, factor, zero = "diverging", 127.0, 128.0
    # + 0.5 and truncation is rounding for codes >= 0, in one pass less than rint
    # (a limit below 1e-300 would make the factor infinite: such a matrix is drawn as zero)
    codes = (small * (factor / limit if limit > 1e-300 else 0.0) + (zero + 0.5)).astype(np.uint8)
    rows, cols = small.shape
    few = rows * cols == shape[0] * shape[1] <= MAX_VALUES
    texts = tuple(map(number, small.ravel().tolist())) if few else ()
    return Tile(rows, cols, shape, size, low, high, limit, scale, codes.tobytes(), texts)


def number(value: float) -> str:
    """Three significant digits with a true minus sign, as they are written into a cell.

    Example:
        >>> number(-0.123456), number(0.0), number(1234567.0)
        ('−0.123', '0', '1.23e+06')
    """
    return f"{value:.3g}".replace("-", "−")
