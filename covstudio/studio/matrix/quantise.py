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


@dataclass(frozen=True)
class Tile:
    """Codes for one picture.

    Args:
        rows, cols: size of the picture in cells; at most that of the matrix.
        shape: size of the matrix itself.
        low, high: smallest and largest entry of the matrix.
        limit: the magnitude that gets the strongest colour.
        scale: "sequential" when no entry is negative, else "diverging".
        codes: rows * cols bytes, row by row.
    """

    rows: int
    cols: int
    shape: tuple[int, int]
    low: float
    high: float
    limit: float
    scale: Literal["sequential", "diverging"]
    codes: bytes


class NotFinite(ValueError):
    """A matrix has an entry that is infinite or not a number."""


def blocks(n: int, pixels: int) -> npt.NDArray[np.intp]:
    """First row of each of min(n, pixels) blocks of nearly equal size.

    Example:
        >>> blocks(5, 3).tolist()
        [0, 1, 3]
    """
    m = min(n, pixels)
    return (np.arange(m, dtype=np.intp) * n) // m


def shrink(matrix: Array, pixels: int, signed: bool = True) -> Array:
    """The matrix in at most `pixels` rows and columns, each block shown by its entry of largest magnitude.

    An average would wash out the few entries off the diagonal of a sparse matrix; the extreme keeps them.
    `signed` may be False for a matrix without negative entries, which is faster.

    Example:
        >>> shrink(np.diag([1.0, -2.0, 3.0, 4.0]), 2)
        array([[-2.,  0.],
               [ 0.,  4.]])
    """
    n, m = matrix.shape
    if n <= pixels and m <= pixels:
        return matrix
    rows, cols = blocks(n, pixels), blocks(m, pixels)
    high = _reduce(np.maximum, matrix, rows, cols)
    if not signed:
        return high
    low = _reduce(np.minimum, matrix, rows, cols)
    return np.where(-low > high, low, high)


def _reduce(
    function: np.ufunc, matrix: Array, rows: npt.NDArray[np.intp], cols: npt.NDArray[np.intp]
) -> Array:
    """`function` over every block.

    Gathering the first row of each block, then the second, and so on, is three times as fast as
    `reduceat`.
    """
    for axis, starts in enumerate((rows, cols)):
        size = matrix.shape[axis]
        if len(starts) == size:
            continue
        last = np.append(starts[1:], size) - 1
        result = matrix.take(starts, axis=axis)
        for step in range(1, int((last - starts).max()) + 1):
            function(result, matrix.take(np.minimum(starts + step, last), axis=axis), out=result)
        matrix = result
    return matrix


def extreme(matrix: Array, pixels: int, row: int, col: int) -> tuple[int, int]:
    """Row and column of the matrix entry that cell (row, col) of the shrunken picture shows.

    Example:
        >>> extreme(np.diag([1.0, -2.0, 3.0, 4.0]), 2, 0, 0)
        (1, 1)
    """
    starts = [np.append(blocks(size, pixels), size) for size in matrix.shape]
    (top, bottom), (left, right) = starts[0][row : row + 2], starts[1][col : col + 2]
    block = np.abs(matrix[top:bottom, left:right])
    i, j = np.unravel_index(int(block.argmax()), block.shape)
    return int(top + i), int(left + j)


def locate(matrix: Array, pixels: int) -> tuple[Array, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """`shrink`, and which entry of the matrix each cell shows.

    Entries that are not a number are passed over, unless a block has nothing else.

    Returns:
        values, rows and columns (counted from 0), each of the shape of the picture.

    Example:
        >>> values, rows, cols = locate(np.diag([1.0, -2.0, 3.0, 4.0]), 2)
        >>> values.tolist(), rows.diagonal().tolist(), cols.diagonal().tolist()
        ([[-2.0, 0.0], [0.0, 4.0]], [1, 3], [1, 3])
    """
    starts = [blocks(size, pixels) for size in matrix.shape]
    ends = [np.append(start[1:], size) for start, size in zip(starts, matrix.shape, strict=True)]
    rows, cols = (grid.copy() for grid in np.meshgrid(*starts, indexing="ij"))
    values = matrix[rows, cols]
    size = np.nan_to_num(np.abs(values), nan=-1.0)
    steps = [range(int((end - start).max())) for start, end in zip(starts, ends, strict=True)]
    for down in steps[0]:
        i = np.minimum(starts[0] + down, ends[0] - 1)
        for right in steps[1]:
            j = np.minimum(starts[1] + right, ends[1] - 1)
            here = matrix[np.ix_(i, j)]
            larger = np.nan_to_num(np.abs(here), nan=-1.0) > size
            if not larger.any():
                continue
            values = np.where(larger, here, values)
            size = np.where(larger, np.abs(here), size)
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
    small = shrink(matrix, pixels, signed=low < 0)
    scale: Literal["sequential", "diverging"]
    if low >= 0:
        scale, factor, zero = "sequential", 255.0, 0.0
    else:
        scale, factor, zero = "diverging", 127.0, 128.0
    # + 0.5 and truncation is rounding for codes >= 0, in one pass less than rint
    # (a limit below 1e-300 would make the factor infinite: such a matrix is drawn as zero)
    codes = (small * (factor / limit if limit > 1e-300 else 0.0) + (zero + 0.5)).astype(np.uint8)
    rows, cols = small.shape
    return Tile(rows, cols, (matrix.shape[0], matrix.shape[1]), low, high, limit, scale, codes.tobytes())
