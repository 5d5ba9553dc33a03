"""A matrix as the cells of its picture, which does not lie: blocks of equal size, zero where zero belongs.

Every cell stands for as many rows and columns as any other, and shows its entry of largest magnitude.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Mode = Literal["value", "correlation", "log"]
Scale = Literal["sequential", "diverging"]


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
    high = pooled(np.maximum, matrix, size)
    return larger(pooled(np.minimum, matrix, size), high) if signed else high


def larger(low: Array, high: Array) -> Array:
    """Of the smallest and the largest entries of blocks those of larger magnitude."""
    return np.where(-low > high, low, high)


def pooled(function: np.ufunc, matrix: Array, size: int) -> Array:
    """`function` over every block of `size` rows and columns; the last ones may have fewer.

    Example:
        >>> pooled(np.maximum, np.eye(3), 2).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    rows = np.empty((math.ceil(len(matrix) / size), matrix.shape[1]), matrix.dtype)
    pool_rows(function, matrix, size, rows)
    return pool_columns(function, rows, size)


def pool_rows(function: np.ufunc, matrix: Array, size: int, out: Array) -> None:
    """`function` over every `size` rows; the last ones may be fewer.

    Args:
        function: such as `numpy.maximum`.
        matrix: (n, m).
        size: of the blocks.
        out: written to, one row for each block.
    """
    whole = len(matrix) // size
    blocks = matrix[: whole * size].reshape(whole, size, matrix.shape[1])
    function.reduce(blocks, axis=1, out=out[:whole])
    if whole * size < len(matrix):
        function.reduce(matrix[whole * size :], axis=0, out=out[whole])


def pool_columns(function: np.ufunc, matrix: Array, size: int) -> Array:
    """`function` over every `size` columns: the first ones of all blocks, then the second ones, and so on."""
    out = matrix[:, ::size].copy()
    for step in range(1, min(size, matrix.shape[1])):
        columns = matrix[:, step::size]
        function(out[:, : columns.shape[1]], columns, out=out[:, : columns.shape[1]])
    return out


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


def has_correlations(matrix: Array) -> bool:
    """Whether a matrix can be read as correlations: it is square, with a positive diagonal."""
    return matrix.shape[0] == matrix.shape[1] and bool((matrix.diagonal() > 0).all())


def as_read(matrix: Array, mode: Mode) -> Array:
    """A matrix as its correlations, as orders of magnitude, or as it is.

    Args:
        matrix: two-dimensional.
        mode: "value"; "correlation"; or "log", the decimal logarithms of magnitudes, NaN for zeros.

    Example:
        >>> as_read(np.array([[4.0, 1.0], [1.0, 1.0]]), "correlation").tolist()
        [[1.0, 0.5], [0.5, 1.0]]
    """
    if mode == "correlation":
        scale = 1 / np.sqrt(matrix.diagonal())
        result: Array = matrix * scale[:, None] * scale[None, :]
        return result
    if mode == "log":
        with np.errstate(divide="ignore"):
            logs: Array = np.log10(np.abs(matrix))
        logs[np.isneginf(logs)] = np.nan
        return logs
    return matrix


def colour_limits(shown: Array, mode: Mode = "value") -> tuple[float, float, Scale]:
    """Ends of the colour scale of a matrix as it is read, and which scale it is.

    Without a negative entry it goes from 0 to the largest; with one, as far to either side of 0.

    Example:
        >>> colour_limits(np.array([[1.0, -3.0]])), colour_limits(np.array([[1.0, 0.5]]))
        ((-3.0, 3.0, 'diverging'), (0.0, 1.0, 'sequential'))
    """
    if mode == "log":
        finite = shown[~np.isnan(shown)]
        if not finite.size:
            return 0.0, 1.0, "sequential"
        low, high = float(finite.min()), float(finite.max())
        return (low, high, "sequential") if high > low else (low - 1.0, high, "sequential")
    least, most = float(shown.min()), float(shown.max())
    limit = 1.0 if mode == "correlation" else max(most, -least) or 1.0
    # A correlation computed as -1e-17 is a zero, not a reason for another colour scale.
    if least >= -1e-12 * limit:
        return 0.0, limit, "sequential"
    return -limit, limit, "diverging"


def codes_of(cells: Array, low: float, high: float, scale: Scale) -> npt.NDArray[np.uint8]:
    """Cells as codes of the colours of a scale (`covstudio.plots.colours.table`); NaN as what zero has.

    Args:
        cells: two-dimensional.
        low: the lower end of the scale.
        high: the upper end.
        scale: "sequential", codes 0 to 255, or "diverging", 1 to 255 about 128.

    Example:
        >>> codes_of(np.array([[-1.0, 0.0, 1.0, np.nan]]), -1.0, 1.0, "diverging").tolist()
        [[1, 128, 255, 128]]
    """
    if scale == "sequential":
        codes, nothing = (cells - low) / (high - low) * 255.0, 0.0
    else:
        codes, nothing = 128.0 + (2.0 * (cells - low) / (high - low) - 1.0) * 127.0, 128.0
    codes = np.where(np.isnan(codes), nothing, codes)
    whole: npt.NDArray[np.uint8] = np.clip(np.rint(codes), 0, 255).astype(np.uint8)
    return whole
