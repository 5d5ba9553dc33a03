"""Sheets: what they have in common, whatever they draw with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Generic, Self, TypeVar

import numpy as np

from covstudio.plots.block_means import Blocks
from covstudio.plots.cells import Cells, cells_of, field_cells
from covstudio.plots.raster import Mode, Scale, colour_limits
from covstudio.plots.style import Look, Theme
from covstudio.plots.subject import Array

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BaseSheet", "quarters"]

Picture = TypeVar("Picture")
#: Height of a heatmap as a share of its width, at least and at most.
FLATTEST, TALLEST = 0.2, 1.25


class BaseSheet(ABC, Generic[Picture]):
    """Draws pictures in one theme and size.

    Args:
        theme: as the sheet was asked for.
        width: of one picture, in pixels, without its axes.
        height: likewise.
    """

    #: Cells of a heatmap at most, on either side; larger matrices are shown in blocks.
    most_cells: ClassVar[int]
    #: The inks.
    look: Look

    def __init__(self, theme: Theme | None = None, width: int = 480, height: int = 320) -> None:
        self.theme = theme
        self.width, self.height = width, height
        self._known: dict[str, str] = {}

    @property
    def small(self) -> Self:
        """A sheet for pictures that stand beside each other."""
        return type(self)(self.theme, round(0.55 * self.width), round(0.6 * self.height))

    @property
    def tiny(self) -> Self:
        """A sheet for many pictures that stand beside each other."""
        return type(self)(self.theme, round(0.3 * self.width), round(0.36 * self.height))

    def heatmap(
        self,
        frame: pd.DataFrame,
        title: str,
        labels: Mapping[str, str],
        read: Mode = "value",
        named: tuple[bool, bool] = (False, False),
        blocks: Blocks | None = None,
    ) -> Picture:
        """A matrix: zero in the middle of two hues, or at the pale end of one.

        Args:
            frame: the entries.
            title: above it.
            labels: of "row", "column" and "value".
            read: how it was read.
            named: whether rows and columns have names; else they are numbered.
            blocks: what the entries are means of: the colours of correlations end where these do.
        """
        cells = cells_of(frame, title, self.most_cells, blocks)
        limits = "value" if blocks is not None and read == "correlation" else read
        ends = colour_limits(frame.to_numpy(dtype=np.float64), limits)
        return self._cells(cells, ends, named, labels["row"], labels["column"], labels.get("value", ""))

    def field(
        self,
        frame: pd.DataFrame,
        row: str,
        column: str,
        value: str,
        title: str,
        limits: tuple[float, float],
        scale: Scale,
        label: str = "",
    ) -> Picture:
        """Values on the rows and columns of a field; places without a plot stay empty.

        Of more than can be told apart, a cell shows the one of largest magnitude, as that of a matrix.

        Args:
            frame: one line for each plot.
            row: the column of the frame with the rows of the field.
            column: that with its columns.
            value: that with the values.
            title: above it.
            limits: ends of the colour scale.
            scale: which one.
            label: of the colours.
        """
        cells = field_cells(frame, row, column, value, title, self.most_cells)
        return self._cells(cells, (*limits, scale), (True, True), row, column, label)

    @abstractmethod
    def _cells(
        self,
        cells: Cells,
        ends: tuple[float, float, Scale],
        named: tuple[bool, bool],
        ylabel: str,
        xlabel: str,
        clabel: str,
    ) -> Picture:
        """Draw cells, with the ends and the name of their colours."""

    def _height_of(self, cells: Cells) -> int:
        """Of a picture as wide as all are, so that cells are square where that is neither flat nor tall."""
        n, m = cells.shape
        return round(self.width * min(TALLEST, max(FLATTEST, n / m)))

    def _colour(self, label: str, second: bool) -> str:
        """The ink of an element: the same for the same label."""
        if second:
            return self.look.second
        if not label:
            return self.look.first
        groups = self.look.groups
        return self._known.setdefault(label, groups[len(self._known) % len(groups)])


def quarters(frame: pd.DataFrame, x: str, y: str) -> tuple[Array, Array, Array, Array]:
    """The places of a column, and the lower quartile, the median and the upper one of the values at each."""
    found = frame.groupby(x)[y].quantile(np.array([0.25, 0.5, 0.75])).unstack()
    low, middle, high = (found[share].to_numpy(dtype=np.float64) for share in (0.25, 0.5, 0.75))
    return found.index.to_numpy(dtype=np.float64), low, middle, high
