"""A matrix as the bytes its picture needs: one code per cell, and the limit the codes relate to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

TILE_PIXELS = 250
THUMBNAIL_PIXELS = 96
#: Matrices with more entries are drawn without their values.
MAX_VALUES = 100


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


class NotFinite(ValueError):
    """A matrix has an entry that is infinite or not a number."""


def block_size(shape: tuple[int, int], pixels: int) -> int:
    """Rows and columns that one cell stands for, so that a picture has at most `pixels` cells a side.

    Every cell stands for as many, and for as many rows as columns: what is straight in the matrix is straight
    in its picture.

    Example:
        >>> block_size((5, 5), 3), block_size((3, 2), 3)
        (2, 1)
    """
    return max(1, math.ceil(max(shape) / pixels))


def shrink(matrix: Array, size: int, signed: bool = True) -> Array:
    """The matrix in blocks of `size` rows and columns, each shown by its entry of largest magnitude.

    An average would wash out the few entries off the diagonal of a sparse matrix; the extreme keeps them.
    `signed` may be False for a matrix without negative entries, which is faster.

    Example:
        >>> shrink(np.diag([1.0, -2.0, 3.0, 4.0]), 2)
        array([[-2.,  0.],
               [ 0.,  4.]])
    """
    if size == 1:
        return matrix
    high = _reduce(np.maximum, matrix, size)
    if not signed:
        return high
    low = _reduce(np.minimum, matrix, size)
    return np.where(-low > high, low, high)


def _reduce(function: np.ufunc, matrix: Array, size: int) -> Array:
    """`function` over every block: the first rows of all blocks, then the second ones, and so on."""
    result = matrix[::size].copy()
    for step in range(1, min(size, matrix.shape[0])):
        rows = matrix[step::size]
        function(result[: len(rows)], rows, out=result[: len(rows)])
    matrix, result = result, result[:, ::size].copy()
    for step in range(1, min(size, matrix.shape[1])):
        cols = matrix[:, step::size]
        function(result[:, : cols.shape[1]], cols, out=result[:, : cols.shape[1]])
    return result


def extreme(matrix: Array, row: int, col: int, size: int) -> tuple[int, int]:
    """Row and column of the entry of largest magnitude in the block of a size that begins at (row, col).

    Example:
        >>> extreme(np.diag([1.0, -2.0, 3.0, 4.0]), 0, 0, 2)
        (1, 1)
    """
    block = np.abs(matrix[row : row + size, col : col + size])
    i, j = np.unravel_index(int(block.argmax()), block.shape)
    return int(row + i), int(col + j)


def locate(matrix: Array, size: int) -> tuple[Array, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """`shrink`, and which entry of the matrix each cell shows.

    Entries that are not a number are passed over, unless a block has nothing else.

    Returns:
        values, rows and columns (counted from 0), each of the shape of the picture.

    Example:
        >>> values, rows, cols = locate(np.diag([1.0, -2.0, 3.0, 4.0]), 2)
        >>> values.tolist(), rows.diagonal().tolist(), cols.diagonal().tolist()
        ([[-2.0, 0.0], [0.0, 4.0]], [1, 3], [1, 3])
    """
    n, m = matrix.shape
    top, left = (np.arange(0, length, size, dtype=np.intp) for length in (n, m))
    rows, cols = (grid.copy() for grid in np.meshgrid(top, left, indexing="ij"))
    values = matrix[rows, cols]
    largest = np.nan_to_num(np.abs(values), nan=-1.0)
    for down in range(min(size, n)):
        i = np.minimum(top + down, n - 1)
        for right in range(min(size, m)):
            j = np.minimum(left + right, m - 1)
            here = matrix[np.ix_(i, j)]
            larger = np.nan_to_num(np.abs(here), nan=-1.0) > largest
            if not larger.any():
                continue
            values = np.where(larger, here, values)
            largest = np.where(larger, np.abs(here), largest)
            rows = np.where(larger, i[:, None], rows)
            cols = np.where(larger, j[None, :], cols)
    return values, rows, cols


def quantise(matrix: Array, pixels: int, least_limit: float = 0.0) -> Tile:
    """Codes of a matrix at display size.

    Args:
        matrix: two-dimensional.
        pixels: most rows and columns of the picture.
        least_limit: keep the limit at least this large, so that colours do not jump under a moving slider.

    Returns:
        The tile; a matrix of zeros has limit 0 and only code 0.

    Raises:
        NotFinite: an entry is infinite or not a number.

    Example:
        >>> tile = quantise(np.array([[2.0, 1.0], [1.0, 2.0]]), 10)
        >>> tile.scale, tile.limit, list(tile.codes)
        ('sequential', 2.0, [255, 128, 128, 255])
    """
    low, high = float(matrix.min()), float(matrix.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise NotFinite("a picture needs finite entries")
    limit = max(high, -low, least_limit)
    shape = (matrix.shape[0], matrix.shape[1])
    size = block_size(shape, pixels)
    small = shrink(matrix, size, signed=low < 0)
    scale: Literal["sequential", "diverging"]
    if low >= 0:
        scale, factor, zero = "sequential", 255.0, 0.0
    else:
        scale, factor, zero = "diverging", 127.0, 128.0
    # + 0.5 and truncation is rounding for codes >= 0, in one pass less than rint
    # (a limit below 1e-300 would make the factor infinite: such a matrix is drawn as zero)
    codes = (small * (factor / limit if limit > 1e-300 else 0.0) + (zero + 0.5)).astype(np.uint8)
    rows, cols = small.shape
    values = tuple(map(number, matrix.ravel().tolist())) if matrix.size <= MAX_VALUES else ()
    return Tile(rows, cols, shape, size, low, high, limit, scale, codes.tobytes(), values)


def number(value: float) -> str:
    """Three significant digits with a true minus sign, as they are written into a cell.

    Example:
        >>> number(-0.123456), number(0.0), number(1234567.0)
        ('−0.123', '0', '1.23e+06')
    """
    return f"{value:.3g}".replace("-", "−")
