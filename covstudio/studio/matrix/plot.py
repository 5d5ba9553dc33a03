"""The Bokeh models of the large plot: made once by HoloViews, then changed in place.

After the first drawing only the numbers change: new values replace the data of the plot.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import holoviews as hv
import holoviews.plotting.bokeh
import panel as pn
from bokeh.models import BoxAnnotation, ColumnDataSource, CustomJS, CustomJSHover, FixedTicker, HoverTool

from covstudio.plots.colours import palette
from covstudio.plots.ticks import axis_ticks
from covstudio.studio.matrix.cell_values import cell_values
from covstudio.studio.matrix.labels import Labels
from covstudio.studio.matrix.reading import Reading

hv.Store.set_current_backend("bokeh")

#: Width of the plot while the page has not told it, in pixels.
USUAL_WIDTH = 320
#: The most and the least height of the plot, as shares of its width.
FLATTEST, TALLEST = 0.2, 1.25
INK = {"light": ("#5a6373", "#e2e5eb", "#ffffff"), "dark": ("#9aa3b3", "#282d36", "#16191f")}
_FONT = "Segoe UI, Roboto, Helvetica Neue, Noto Sans, Liberation Sans, sans-serif"
_TOOLTIP = """
<div style="font:400 12px/1.45 var(--cs-font);font-variant-numeric:tabular-nums;max-width:260px">
  <div style="font-weight:600;font-size:13px">@image{custom}</div>
  <div><span style="color:var(--cs-muted)">row</span> @row{custom}</div>
  <div><span style="color:var(--cs-muted)">column</span> @col{custom}</div>
</div>
"""


class Plot:
    """The large plot of one session.

    Args:
        dark: whether the theme is dark now.
        labels: the names of the rows and of the columns of a key's matrix.
    """

    def __init__(self, dark: Callable[[], bool], labels: Callable[[str], Labels]) -> None:
        self._dark = dark
        self._labels = labels
        self._reading: Reading | None = None
        self._title = ""
        self._handles: dict[str, Any] = {}
        self._names: dict[str, ColumnDataSource] = {
            axis: ColumnDataSource({"name": []}) for axis in ("row", "col")
        }
        self.pane = pn.pane.HoloViews(
            None, backend="bokeh", sizing_mode="stretch_width", linked_axes=False, margin=(4, 12, 12, 8)
        )

    def show(self, reading: Reading, title: str) -> None:
        """Draw a reading.

        Args:
            reading: what is drawn.
            title: what its numbers are, said beside the colours.
        """
        self._reading, self._title = reading, title
        if self.pane.object is None:
            self._rename(reading)
            self.pane.object = self._element(reading)
        else:
            self._redraw()

    def forget(self) -> None:
        """Draw no reading any more that has not been drawn yet: its matrix is gone."""
        self._reading = None

    def _rename(self, reading: Reading) -> None:
        try:
            labels = self._labels(reading.key)
        except KeyError:  # the matrix went while its reading was on the way here, and with it what it shows
            return
        for axis, names in zip(("row", "col"), labels, strict=True):
            if self._names[axis].data["name"] != list(names):
                self._names[axis].data = {"name": list(names)}

    def _element(self, reading: Reading) -> hv.Image:
        """The HoloViews plot, once; its models are kept by `_keep` for later."""
        n, m = reading.shape
        image = hv.Image(
            self._data(reading),
            bounds=(0.5, 0.5, m + 0.5, n + 0.5),
            kdims=[hv.Dimension("column"), hv.Dimension("row")],
            vdims=["value"],
        )
        names = {
            axis: CustomJSHover(args={"names": source}, code=_NAME) for axis, source in self._names.items()
        }
        hover = HoverTool(
            tooltips=_TOOLTIP,
            formatters={"@image": CustomJSHover(code=_VALUE), "@row": names["row"], "@col": names["col"]},
            attachment="horizontal",
            visible=False,  # always on: it needs no button
        )
        return image.opts(
            cmap=self._colours(reading),
            clim=(reading.low, reading.high),
            colorbar=True,
            colorbar_position="bottom",
            colorbar_opts={"height": 10, "padding": 6, "title_standoff": 4, "bar_line_color": None},
            invert_yaxis=True,
            xaxis="top",
            xlabel="",
            ylabel="",
            responsive=True,
            tools=[hover],
            default_tools=["pan", "box_zoom", "reset", "save"],
            active_tools=[],
            toolbar="below",
            hooks=[self._keep],
        )

    @staticmethod
    def _data(reading: Reading) -> Any:
        return reading.cells[::-1]

    def _keep(self, plot: Any, _element: Any) -> None:
        """Remember the models that HoloViews made, and finish what it has no words for."""
        handles = plot.handles
        figure = handles["plot"]
        self._handles = {
            "arrived": False,
            "drawn": None,
            "ticks": {},
            "width": USUAL_WIDTH,
            "figure": figure,
            "source": handles["source"],
            "mapper": handles["color_mapper"],
            "bar": handles["colorbar"],
            "edge": BoxAnnotation(fill_color=None, line_alpha=1, level="overlay", propagate_hover=True),
            "axes": {"col": figure.above[0], "row": figure.left[0]},
        }
        figure.add_layout(self._handles["edge"])
        self._handles["values"] = ColumnDataSource({"x": [], "y": [], "text": [], "color": []})
        figure.text(
            source=self._handles["values"],
            text_color="color",
            text_align="center",
            text_baseline="middle",
            text_font_size="11px",
            text_font=_FONT,
        )
        for tool in figure.select(HoverTool):
            tool.renderers = [handles["glyph_renderer"]]
        figure.outline_line_color = None
        figure.min_border = 0
        figure.min_border_left = figure.min_border_right = 4
        figure.toolbar.logo = None
        figure.toolbar.stylesheets = [_TOOLS]
        figure.background_fill_color = figure.border_fill_color = None
        figure.output_backend = "canvas"
        figure.update(sizing_mode="stretch_width", height=440)
        square = CustomJS(args={"figure": figure, "source": handles["source"]}, code=_SQUARE)
        for name in ("inner_width", "inner_height"):
            figure.js_on_change(name, square)
        handles["source"].js_on_change("data", square)
        self.restyle()
        self._fill(self._handles)
        figure.on_change("inner_width", self._resized)

    def _resized(self, _attr: str, _old: Any, width: int) -> None:
        """The page has the plot, for it told its width. Data sent earlier would overtake the plot itself."""
        self._handles["width"] = width
        if not self._handles["arrived"]:
            self._handles["arrived"] = True
            self._redraw()
            self.restyle()
        self._ticks()
        self._write_values()

    def _redraw(self) -> None:
        """Put the present reading into the models that are on the page."""
        handles = self._handles
        if not handles.get("arrived") or self._reading is None or handles["drawn"] is self._reading:
            return
        self._rename(self._reading)
        self._fill(handles)

    def _fill(self, handles: dict[str, Any]) -> None:
        reading, drawn = self._reading, handles["drawn"]
        assert reading is not None
        n, m = reading.shape
        figure, mapper, source = handles["figure"], handles["mapper"], handles["source"]
        data = {"image": [reading.cells], "row": [reading.rows], "col": [reading.cols]}
        height, width = (float(reading.block * cells) for cells in reading.cells.shape)
        source.data = data | {"x": [0.5], "y": [0.5], "dw": [width], "dh": [height]}
        mapper.update(low=reading.low, high=reading.high)
        if drawn is None or drawn.scale != reading.scale:
            mapper.palette = self._colours(reading)
        if drawn is None or (drawn.key, drawn.shape) != (reading.key, reading.shape):
            figure.x_range.update(start=0.5, end=m + 0.5, reset_start=0.5, reset_end=m + 0.5)
            figure.y_range.update(start=n + 0.5, end=0.5, reset_start=n + 0.5, reset_end=0.5)
            handles["edge"].update(left=0.5, right=m + 0.5, bottom=0.5, top=n + 0.5)
        handles["bar"].title = self._title
        handles["drawn"] = reading
        self._ticks()
        self._write_values()

    def _ticks(self) -> None:
        """Names of levels along an axis where they fit; else the numbers of rows and columns.

        Every tick has a text of its own: one without keeps in BokehJS what an earlier matrix had there.
        """
        handles = self._handles
        n, m = handles["drawn"].shape
        width, height = self._room()
        for axis, size, room in (("row", n, height), ("col", m, width)):
            ticks, texts, named = axis_ticks(self._names[axis].data["name"], room / size)
            if handles["ticks"].get(axis) == texts:
                continue
            handles["ticks"][axis] = texts
            handles["axes"][axis].update(
                ticker=FixedTicker(ticks=ticks),
                major_label_overrides=dict(zip(ticks, texts, strict=True)),
                major_label_orientation="vertical" if named and axis == "col" else "horizontal",
            )

    def _room(self) -> tuple[float, float]:
        """Width and height of the plot in pixels, as `_SQUARE` makes them."""
        n, m = self._handles["drawn"].shape
        width = self._handles["width"]
        return width, width * min(TALLEST, max(FLATTEST, n / m))

    def _write_values(self) -> None:
        """The values of a small matrix, in its cells where they fit."""
        source, theme = self._handles["values"], "dark" if self._dark() else "light"
        values = cell_values(self._handles["drawn"], *self._room(), theme)
        if dict(source.data) != values:
            source.data = values

    def _colours(self, reading: Reading) -> list[str]:
        theme = "dark" if self._dark() else "light"
        return palette(reading.scale, theme, INK[theme][2])

    def restyle(self) -> None:
        """Colours of the theme; a canvas knows no CSS variables."""
        if not self._handles or (self._handles["drawn"] is not None and not self._handles["arrived"]):
            return
        ink, line, _surface = INK["dark" if self._dark() else "light"]
        bar = self._handles["bar"]
        self._handles["edge"].line_color = line
        for axis in self._handles["axes"].values():
            axis.update(
                axis_line_color=None,
                major_tick_in=0,
                major_tick_out=4,
                major_tick_line_color=line,
                minor_tick_line_color=None,
                major_label_text_color=ink,
                major_label_text_font_size="11px",
                major_label_text_font=_FONT,
            )
        bar.update(
            background_fill_color=None,
            border_line_color=None,
            major_label_text_color=ink,
            major_label_text_font_size="11px",
            major_label_text_font=_FONT,
            major_tick_line_color=None,
            title_text_color=ink,
            title_text_font_size="11px",
            title_text_font_style="normal",
            title_text_font=_FONT,
        )
        if self._reading is not None:
            self._handles["mapper"].palette = self._colours(self._reading)
        if self._handles["drawn"] is not None:
            self._write_values()


_TOOLS = """
.bk-divider { background-color: var(--cs-border); }
.bk-tool-icon { background-color: var(--cs-muted); }
.bk-OnOffButton.bk-active, .bk-active { border-color: var(--cs-accent); }
"""
_NAME = "return names.data.name[value] ?? String(value + 1)"
_VALUE = 'return Number.isNaN(value) ? "zero" : String(Number(value.toPrecision(6))).replace("-", "−")'
_SQUARE = (
    f"""
const limits = [{FLATTEST}, {TALLEST}]
"""
    + """
const {dw, dh} = source.data
const width = figure.inner_width, around = figure.outer_height - figure.inner_height
const wanted = Math.round(width * Math.min(limits[1], Math.max(limits[0], dh[0] / dw[0])) + around)
if (width > 20 && around > 0 && Math.abs(figure.height - wanted) > 1) figure.height = wanted
"""
)
