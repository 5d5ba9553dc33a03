"""A matrix as the bytes its picture needs: one code per cell, and the limit the codes relate to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from covstudio.plots.raster import Array, block_size, shrink

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
