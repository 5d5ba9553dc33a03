"""The cells of a matrix or a field that a sheet draws: blocks, where there are more than it tells apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from covstudio.plots.block_means import Blocks
from covstudio.plots.raster import Array, block_size, locate
from covstudio.plots.ticks import block_ticks

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Cells", "cells_of", "field_cells"]


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells to draw.

    Attributes:
        values: of the cells; NaN where there is nothing.
        rows: which row of the matrix each shows, from 0.
        columns: which column.
        shape: rows and columns of the matrix.
        size: rows and columns that a cell stands for.
        texts: the names of the rows and of the columns.
        title: with the words for what is left out.
        blocks: how the matrix was cut, where it is one of block means: the axes count the rows in these.
    """

    values: Array
    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    shape: tuple[int, int]
    size: int
    texts: tuple[list[str], list[str]]
    title: str
    blocks: Blocks | None = None

    def ticks(self, axis: int) -> tuple[list[float], list[str]] | None:
        """Places and texts along an axis of blocks; None where the axis is one of rows or columns."""
        return None if self.blocks is None else block_ticks(self.blocks.shape[axis], self.blocks.size)


def cells_of(frame: pd.DataFrame, title: str, most: int, blocks: Blocks | None = None) -> Cells:
    """The cells of a matrix.

    Args:
        frame: the matrix.
        title: above it.
        most: cells on either side, at most.
        blocks: what its entries are the means of.
    """
    texts = list(map(str, frame.index)), list(map(str, frame.columns))
    return replace(_cells(frame.to_numpy(dtype=np.float64), texts, title, "entries", most), blocks=blocks)


def field_cells(frame: pd.DataFrame, row: str, column: str, value: str, title: str, most: int) -> Cells:
    """The cells of a field: NaN where no plot stands.

    Args:
        frame: one line for each plot.
        row: the column of the frame with the rows of the field.
        column: that with its columns.
        value: that with the values.
        title: above it.
        most: cells on either side, at most.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"row": [1, 1, 2, 3], "col": [1, 2, 2, 1], "y": [4.0, 5.0, -6.0, 1.0]})
        >>> found = field_cells(frame, "row", "col", "y", "yield", 2)
        >>> found.values.tolist(), found.title
        ([[-6.0], [1.0]], 'yield (3 x 2; a cell shows the largest of 2 x 2 plots)')
    """
    down, across = (np.unique(frame[name].to_numpy()) for name in (row, column))
    values = np.full((len(down), len(across)), np.nan)
    at = np.searchsorted(down, frame[row].to_numpy()), np.searchsorted(across, frame[column].to_numpy())
    values[at] = frame[value].to_numpy(dtype=np.float64)
    texts = [[f"{x:g}" if isinstance(x, float) else str(x) for x in axis.tolist()] for axis in (down, across)]
    return _cells(values, (texts[0], texts[1]), title, "plots", most)


def _cells(values: Array, texts: tuple[list[str], list[str]], title: str, what: str, most: int) -> Cells:
    n, m = values.shape
    size = block_size((n, m), most)
    shown, rows, columns = locate(values, size)
    if size > 1:
        title = f"{title} ({n:,} x {m:,}; a cell shows the largest of {size} x {size} {what})"
    return Cells(shown, rows, columns, (n, m), size, texts, title)
