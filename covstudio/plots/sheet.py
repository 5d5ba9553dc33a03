"""The sheet that pictures are drawn on: HoloViews elements in one style, with names on their axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import holoviews as hv
import holoviews.plotting.bokeh
import numpy as np
from bokeh.models import CustomJSHover, HoverTool

from covstudio.plots.base_sheet import BaseSheet, quarters
from covstudio.plots.cells import Cells
from covstudio.plots.colours import palette
from covstudio.plots.dressing import braced, dressed, headed, wrapped
from covstudio.plots.numbers import Numbers
from covstudio.plots.raster import Scale
from covstudio.plots.style import LOOKS, Theme, theme_used
from covstudio.plots.subject import Array
from covstudio.plots.ticks import axis_ticks

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Sheet"]

hv.Store.set_current_backend("bokeh")

_NAME = "return names[Math.round(value)] ?? String(value)"
_VALUE = 'return Number.isNaN(value) ? "nothing" : String(Number(value.toPrecision(6))).replace("-", "−")'


class Sheet(BaseSheet[Any]):
    """Draws pictures in one theme and size.

    Args:
        theme: "light" or "dark"; None for the one chosen for all pictures.
        width: of one picture, in pixels, without its axes.
        height: likewise.
    """

    most_cells = 500

    def __init__(self, theme: Theme | None = None, width: int = 480, height: int = 320) -> None:
        self.used = theme_used(theme)
        super().__init__(self.used, width, height)
        self.look = LOOKS[self.used]

    def _cells(
        self,
        cells: Cells,
        ends: tuple[float, float, Scale],
        named: tuple[bool, bool],
        ylabel: str,
        xlabel: str,
        clabel: str,
    ) -> Any:
        low, high, scale = ends
        n, m = cells.shape
        height = self._height_of(cells)
        across, down = (cells.size * count for count in cells.values.shape[::-1])
        image = hv.Image(
            np.stack([cells.values, cells.rows, cells.columns], axis=2)[::-1],
            bounds=(-0.5, -0.5, across - 0.5, down - 0.5),
            kdims=[hv.Dimension("across"), hv.Dimension("down")],
            vdims=["value", "row", "column"],
        )
        names = [CustomJSHover(args={"names": text}, code=_NAME) for text in cells.texts]
        hover = HoverTool(
            tooltips=[("row", "@row{custom}"), ("column", "@column{custom}"), ("value", "@image{custom}")],
            formatters={"@row": names[0], "@column": names[1], "@image": CustomJSHover(code=_VALUE)},
            attachment="horizontal",
        )
        return image.opts(
            cmap=palette(scale, self.used, self.look.surface),
            clim=(low, high),
            colorbar=True,
            colorbar_position="bottom",
            clabel=clabel,
            colorbar_opts={"height": 10, "padding": 6, "title_standoff": 4, "bar_line_color": None},
            clipping_colors={"NaN": self.look.surface},
            invert_yaxis=True,
            xlim=(-0.5, m - 0.5),
            ylim=(-0.5, n - 0.5),
            tools=[hover],
            hooks=[dressed(self.look)],
            **self._frame(cells.title, self.width, height),
            xlabel=xlabel,
            ylabel=ylabel,
            **self._cell_ticks("x", cells, 1, self.width, named[1]),
            **self._cell_ticks("y", cells, 0, height, named[0]),
        )

    def _cell_ticks(self, axis: str, cells: Cells, which: int, room: float, named: bool) -> dict[str, Any]:
        """Options for the ticks of an axis of cells."""
        if (of_blocks := cells.ticks(which)) is not None:
            return {f"{axis}ticks": list(zip(*of_blocks, strict=True))}
        return self._ticks(axis, cells.texts[which], room, named)

    def _ticks(self, axis: str, names: Sequence[str], room: float, named: bool) -> dict[str, Any]:
        """Options for the ticks of an axis of counted places."""
        count = len(names)
        where, texts, written = axis_ticks(names, room / max(count, 1), first=0)
        if not named:
            texts, written = list(map(str, where)), False
        elif not written and all(_is_number(name) for name in names):
            texts = [names[k] for k in where]
        options: dict[str, Any] = {f"{axis}ticks": list(zip(where, texts, strict=True))}
        if axis == "x" and written and max(map(len, texts)) * 7 > room / count:
            options["xrotation"] = 90
        return options

    # --- points and lines ---

    def points(
        self,
        frame: pd.DataFrame,
        x: str,
        y: str,
        hover: Sequence[str] = (),
        label: str = "",
        second: bool = False,
    ) -> Any:
        """Points of two columns; what stands under the pointer is told of all columns in `hover`."""
        # Elements that share their axes share the names of their dimensions, whatever the columns are called.
        names = {x: "x", y: "y"} | {name: f"told{k}" for k, name in enumerate(hover) if name not in (x, y)}
        found = hv.Scatter(
            frame[list(names)].rename(columns=names), "x", list(names.values())[1:], label=label
        )
        few = len(frame) <= 400
        tools = [HoverTool(tooltips=[(name, f"@{names[name]}") for name in hover])] if hover else []
        return found.opts(
            color=self._colour(label, second), size=5 if few else 3, alpha=0.8 if few else 0.5, tools=tools
        )

    def line(
        self, frame: pd.DataFrame, x: str, y: str, label: str = "", second: bool = False, **options: Any
    ) -> Any:
        """A line through the points of two columns, in their order."""
        found = hv.Curve(frame[[x, y]].rename(columns={x: "x", y: "y"}), "x", "y", label=label)
        return found.opts(color=self._colour(label, second), line_width=1.5, **options)

    def segments(
        self,
        frame: pd.DataFrame,
        x0: str,
        y0: str,
        x1: str,
        y1: str,
        second: bool = False,
        width: float = 1.0,
    ) -> Any:
        """A segment for each line of a frame."""
        ends = [frame[name].to_numpy(dtype=np.float64) for name in (x0, y0, x1, y1)]
        colour = self.look.second if second else self.look.first
        return hv.Segments(tuple(ends), ["x0", "y0", "x1", "y1"]).opts(
            color=colour, line_width=width, alpha=0.7
        )

    def band(self, frame: pd.DataFrame, x: str, low: str, high: str, label: str = "") -> Any:
        """The area between two columns."""
        found = hv.Area(
            tuple(frame[name].to_numpy(dtype=np.float64) for name in (x, low, high)), x, [low, high]
        )
        return found.relabel(label).opts(color=self.look.band, alpha=0.25, line_alpha=0)

    def boxes(self, frame: pd.DataFrame, x: str, y: str) -> Any:
        """The middle half of the values of each place, with its median."""
        at, low, middle, high = quarters(frame, x, y)
        boxes = hv.Rectangles((at - 0.3, low, at + 0.3, high), ["l", "b", "r", "t"])
        medians = hv.Segments((at - 0.3, middle, at + 0.3, middle), ["x0", "y0", "x1", "y1"])
        return [
            boxes.opts(color=self.look.band, fill_alpha=0.2, line_color=self.look.band),
            medians.opts(color=self.look.second, line_width=2),
        ]

    def level(self, height: float) -> Any:
        """A line across, such as the one at 0."""
        return hv.HLine(height).opts(color=self.look.muted, line_width=1, line_dash="dotted")

    def upright(self, place: float) -> Any:
        """A line from below to above."""
        return hv.VLine(place).opts(color=self.look.muted, line_width=1, line_dash="dotted")

    def contours(self, x: Array, y: Array, heights: Array, levels: Sequence[float], label: str) -> Any:
        """Lines of equal height over two axes.

        Args:
            x: places of the columns of the heights.
            y: places of their rows.
            heights: (len(y), len(x)); NaN where there are none.
            levels: of the lines.
            label: of the heights.
        """
        surface = hv.QuadMesh((x, y, heights), ["x", "y"], label)
        found = hv.operation.contours(surface, levels=list(levels))
        colours = palette("sequential", self.used, self.look.surface)[96:]
        return found.opts(cmap=colours[::-1], line_width=2, colorbar=False, show_legend=False)

    # --- whole pictures ---

    def together(
        self,
        elements: Sequence[Any],
        numbers: Numbers,
        x: str,
        y: str,
        *,
        title: str | None = None,
        names: Mapping[str, Sequence[str] | None] | None = None,
        **options: Any,
    ) -> Any:
        """Elements on the same axes.

        Args:
            elements: what is drawn, the last on top.
            numbers: whose title and labels it has.
            x: what its label is called there.
            y: likewise.
            title: in place of that of the numbers.
            names: "x" or "y" -> names of the places 0, 1, ... along that axis.
            **options: of HoloViews.
        """
        ticks: dict[str, Any] = {}
        for axis, own in (names or {}).items():
            if own is not None:
                room = self.width if axis == "x" else options.get("frame_height", self.height)
                ticks |= self._ticks(axis, list(own), room, True)
        height = options.pop("frame_height", self.height)
        return hv.Overlay([one for one in elements if one is not None]).opts(
            **(
                self._frame(numbers.heading if title is None else title, self.width, height)
                | {
                    "xlabel": numbers.labels.get(x, x),
                    "ylabel": numbers.labels.get(y, y),
                    "hooks": [dressed(self.look)],
                    "legend_position": "top",
                    "show_legend": sum(bool(one.label) for one in elements if one is not None) > 1,
                    "padding": 0.05,
                }
                | ticks
                | options
            )
        )

    def beside(self, pictures: Sequence[Any], title: str, columns: int = 3) -> Any:
        """Pictures beside each other, each with axes of its own."""
        found = hv.Layout(list(pictures)).cols(min(columns, len(pictures)))
        text = headed(title, self.look)
        return found.opts(
            shared_axes=False, title=text, merge_tools=False, toolbar=None, fontsize={"title": "11pt"}
        )

    def _frame(self, title: str, width: int, height: int) -> dict[str, Any]:
        return {
            "title": braced(wrapped(title, width)),
            "frame_width": width,
            "frame_height": height,
            "toolbar": "right",
            "default_tools": ["pan", "box_zoom", "reset", "save"],
            "active_tools": [],
        }


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).removeprefix("-").isdigit()
