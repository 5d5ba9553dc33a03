"""A matrix as the large plot shows it: as it is, as correlations, or as orders of magnitude."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from covstudio.plots.raster import Mode, as_read, block_size, colour_limits, has_correlations, locate
from covstudio.studio.matrix.pictures import SLICE, Array

MODES: tuple[Mode, ...] = ("value", "correlation", "log")
PIXELS = 500
MOVING_PIXELS = 200


@dataclass(frozen=True)
class Reading:
    """What the large plot draws.

    Args:
        key: the matrix.
        mode: how it is read; "value" where the wish does not suit the matrix.
        shape: rows and columns of the matrix.
        block: rows and columns of the matrix that a cell stands for; fewer at the lower and right edges.
        cells: the values to colour, at most 500 x 500; NaN where there is nothing to show.
        rows, cols: which entry each cell shows, counted from 0.
        low, high: ends of the colour scale.
        scale: "sequential" or "diverging".
        facts: (name, text) pairs under the title.
        settled: False while a slider moves.
    """

    key: str
    mode: Mode
    shape: tuple[int, int]
    block: int
    cells: npt.NDArray[np.float32]
    rows: npt.NDArray[np.uint16]
    cols: npt.NDArray[np.uint16]
    low: float
    high: float
    scale: str
    facts: tuple[tuple[str, str], ...]
    settled: bool


def modes_of(key: str, matrix: Array) -> tuple[Mode, ...]:
    """The ways this matrix can be read: correlations need a square matrix with a positive diagonal."""
    if key.startswith(SLICE) or not has_correlations(matrix):
        return ("value", "log")
    return MODES


def read(key: str, matrix: Array, wish: Mode, settled: bool) -> Reading:
    """The reading of a finite matrix.

    Args:
        key: "V", "node:<id>" or "slice:<path>".
        matrix: its exact values.
        wish: the mode asked for.
        settled: False while a slider moves; fewer cells are drawn then.

    Example:
        >>> reading = read("V", np.array([[4.0, 1.0], [1.0, 1.0]]), "correlation", True)
        >>> reading.cells.tolist(), reading.low, reading.high
        ([[1.0, 0.5], [0.5, 1.0]], 0.0, 1.0)
    """
    mode: Mode = wish if wish in modes_of(key, matrix) else "value"
    shown = as_read(matrix, mode)
    shape = (matrix.shape[0], matrix.shape[1])
    block = block_size(shape, PIXELS if settled else MOVING_PIXELS)
    cells, rows, cols = locate(shown, block)
    low, high, scale = colour_limits(shown, mode)
    return Reading(
        key=key,
        mode=mode,
        shape=shape,
        block=block,
        cells=cells.astype(np.float32),
        rows=rows.astype(np.uint16),
        cols=cols.astype(np.uint16),
        low=low,
        high=high,
        scale=scale,
        facts=_facts(matrix),
        settled=settled,
    )


def _facts(matrix: Array) -> tuple[tuple[str, str], ...]:
    facts = [("range", f"{number(float(matrix.min()))} to {number(float(matrix.max()))}")]
    if matrix.shape[0] == matrix.shape[1]:
        facts.append(("mean diagonal", number(float(matrix.diagonal().mean()))))
    zeros = float((matrix == 0).mean())
    if zeros > 0:
        facts.append(("zero", f"{100 * zeros:.0f}%" if zeros <= 0.995 else f"{100 * zeros:.1f}%"))
    return tuple(facts)


def number(value: float) -> str:
    """Four significant digits with a true minus sign.

    Example:
        >>> number(-0.123456), number(0.0)
        ('−0.1235', '0')
    """
    return f"{value:.4g}".replace("-", "−")
