"""The values of a small matrix, to be written into the cells of the large plot."""

from __future__ import annotations

from typing import Any

import numpy as np

from covstudio.studio.matrix.quantise import MAX_VALUES, number
from covstudio.studio.matrix.reading import Reading

#: Pixels of a character, of a line, and of the space around a text, at 11 px.
CHARACTER, LINE, AROUND = 6.5, 13, 6
#: Text on pale cells and on strong ones, in both themes.
INK = {"light": ("#1a1e26", "#ffffff"), "dark": ("#e8ebf1", "#0b0d10")}


def cell_values(reading: Reading, width: float, height: float, theme: str) -> dict[str, list[Any]]:
    """Columns x, y, text and color of the values; empty where one of them does not fit into its cell.

    Args:
        reading: what the plot shows.
        width, height: of the plot, in pixels.
        theme: "light" or "dark".
    """
    n, m = reading.shape
    nothing: dict[str, list[Any]] = {"x": [], "y": [], "text": [], "color": []}
    if n * m > MAX_VALUES or reading.block > 1:
        return nothing
    texts = ["" if np.isnan(value) else number(float(value)) for value in reading.cells.ravel()]
    if height / n < LINE + AROUND or width / m < CHARACTER * max(map(len, texts)) + AROUND:
        return nothing
    low = 0.0 if reading.scale == "diverging" else reading.low
    strong = np.abs(reading.cells.ravel() - low) > 0.5 * (reading.high - low)
    rows, cols = np.indices((n, m)) + 1
    return {
        "x": cols.ravel().tolist(),
        "y": rows.ravel().tolist(),
        "text": texts,
        "color": [INK[theme][int(is_strong)] for is_strong in strong],
    }
