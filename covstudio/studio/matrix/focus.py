"""The large plot: one matrix to read values from, with hover, axes, colour bar and zoom.

HoloViews draws it once. After that only the numbers change: a moved slider replaces the data of the plot in
place, a few times a second, and once more when the slider rests.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import holoviews as hv
import holoviews.plotting.bokeh
import panel as pn
from bokeh.models import BoxAnnotation, ColumnDataSource, CustomJS, CustomJSHover, FixedTicker, HoverTool
from panel.viewable import Viewable

from covstudio.covariance.core.letters import parameter_label
from covstudio.plots.colours import palette
from covstudio.plots.ticks import axis_ticks
from covstudio.studio.matrix.cell_values import cell_values
from covstudio.studio.matrix.live import Live
from covstudio.studio.matrix.messages import (
    MATRIX,
    MatrixFact,
    MatrixProblem,
    MatrixState,
    Mode,
    PlotSeen,
    ReadAs,
)
from covstudio.studio.matrix.pictures import NODE, SLICE, Array
from covstudio.studio.matrix.reading import MODES, Reading, modes_of, read
from covstudio.studio.session.channel import Channel
from covstudio.studio.session.store import Store
from covstudio.studio.session.tabs import TabView
from covstudio.studio.session.texts import shape_text

hv.Store.set_current_backend("bokeh")

#: Seconds between two drawings while a slider moves.
PAUSE = 0.15
#: Width of the plot while the page has not told it, in pixels.
USUAL_WIDTH = 320
#: The most and the least height of the plot, as shares of its width.
FLATTEST, TALLEST = 0.2, 1.25
INK = {"light": ("#5a6373", "#e2e5eb", "#ffffff"), "dark": ("#9aa3b3", "#282d36", "#16191f")}
_FONT = "Segoe UI, Roboto, Helvetica Neue, Noto Sans, Liberation Sans, sans-serif"
_TITLES = {"value": "Covariance", "correlation": "Correlation", "log": "log₁₀ |value|"}
_TOOLTIP = """
<div style="font:400 12px/1.45 var(--cs-font);font-variant-numeric:tabular-nums;max-width:260px">
  <div style="font-weight:600;font-size:13px">@image{custom}</div>
  <div><span style="color:var(--cs-muted)">row</span> @row{custom}</div>
  <div><span style="color:var(--cs-muted)">column</span> @col{custom}</div>
</div>
"""


class FocusView(TabView):
    """The large plot of one session.

    Args:
        store: the session.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._live = Live.of(store)
        self._wish: Mode = "value"
        self._visible = True
        self._drawn = 0.0
        self._reading: Reading | None = None
        self._modes: Sequence[Mode] = MODES
        self._handles: dict[str, Any] = {}
        self._names: dict[str, ColumnDataSource] = {
            axis: ColumnDataSource({"name": []}) for axis in ("row", "col")
        }
        self.channel = Channel(MATRIX, store, {ReadAs: self._on_read_as, PlotSeen: self._on_seen})
        self._plot = pn.pane.HoloViews(
            None, backend="bokeh", sizing_mode="stretch_width", linked_axes=False, margin=(4, 12, 12, 8)
        )
        store.param.watch(self._describe, ["focus", "faults", "structure_version", "derivatives"])
        store.param.watch(self._restyle, ["dark"])
        self._again = self._live.follow_focus(self._prepare, self._show)
        self._describe()

    @property
    def line(self) -> Channel:
        """What the view and its page say to each other."""
        return self.channel

    def panel(self) -> Viewable:
        """The plot, which the page has below what stands above it."""
        return self._plot

    # --- what stands above the plot ---

    def _describe(self, *_events: Any) -> None:
        store, key = self._store, self._store.focus_key
        reading = self._reading if self._reading is not None and self._reading.key == key else None
        title, about, node = self._title(key)
        problem = self._problem(node) if reading is None or node in store.faults else None
        derivative = key.startswith(SLICE)
        self.channel.show(
            MatrixState(
                title=title,
                about=about,
                shape=None if reading is None else shape_text(reading.shape),
                facts=[]
                if reading is None
                else [MatrixFact(name=name, text=text) for name, text in reading.facts],
                mode="value" if reading is None else reading.mode,
                modes=list(self._modes),
                first="Derivative"
                if derivative
                else "Covariance"
                if "correlation" in self._modes
                else "Value",
                derivative=derivative,
                formula=not key.startswith(NODE),
                problem=problem,
            )
        )
        self._plot.visible = reading is not None

    def _problem(self, node: str | None) -> MatrixProblem | None:
        """Why there is nothing to read: a problem of the node itself, or else the first there is."""
        store = self._store
        found = [p for p in store.problems if p.node_id == node] or list(store.problems)
        if not found:
            return None
        where = store.document.nodes.get(found[0].node_id)
        about = f"“{where.name}”: " if where is not None and where.id != node else ""
        return MatrixProblem(text=about + found[0].message, severity=found[0].severity)

    def _title(self, key: str) -> tuple[str, str, str | None]:
        """Title, what it is about, and the node it belongs to."""
        store = self._store
        if key.startswith(NODE):
            node = store.document.nodes[key.removeprefix(NODE)]
            return node.name, "part of V" if node.id in store.build.paths else "not connected to V", node.id
        if key.startswith(SLICE):
            path = key.removeprefix(SLICE)
            ref = next((ref for ref in store.build.parameters if ref.path == path), None)
            if ref is not None:
                owner = store.document.nodes[ref.node_id].name
                symbol = parameter_label(ref.name)
                if store.derivatives == "theta":
                    return "∂V/∂θ", f"{symbol} of {owner}", ref.node_id
                return f"∂V/∂{symbol}", owner, ref.node_id
        return "V", "covariance of the data", store.document.v

    # --- new values ---

    def _prepare(
        self, key: str, matrix: Array | None, settled: bool
    ) -> tuple[Reading | None, Sequence[Mode]] | None:
        """In the worker: the reading, unless nobody looks or the last one is too recent."""
        now = time.monotonic()
        if not self._visible or (not settled and now - self._drawn < PAUSE):
            return None
        self._drawn = now
        if matrix is None:
            return None, MODES
        return read(key, matrix, self._wish, settled), modes_of(key, matrix)

    def _show(self, prepared: tuple[Reading | None, Sequence[Mode]]) -> None:
        before, (self._reading, self._modes) = self._reading, prepared
        if self._reading is None or self._reading.settled or before is None:
            self._describe()
        if self._reading is None:
            return
        if self._plot.object is None:
            self._rename(self._reading)
            self._plot.object = self._element(self._reading)
        else:
            self._redraw()

    def _rename(self, reading: Reading) -> None:
        for axis, names in zip(("row", "col"), self._live.labels(reading.key), strict=True):
            if self._names[axis].data["name"] != list(names):
                self._names[axis].data = {"name": list(names)}

    # --- the plot ---

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
        self._restyle()
        self._fill(self._handles)
        figure.on_change("inner_width", self._resized)

    def _resized(self, _attr: str, _old: Any, width: int) -> None:
        """The page has the plot, for it told its width. Data sent earlier would overtake the plot itself."""
        self._handles["width"] = width
        if not self._handles["arrived"]:
            self._handles["arrived"] = True
            self._redraw()
            self._restyle()
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
        handles["bar"].title = self._bar_title(reading)
        handles["drawn"] = reading
        self._ticks()
        self._write_values()

    def _bar_title(self, reading: Reading) -> str:
        if reading.mode == "value" and reading.key.startswith(SLICE):
            by = self._title(reading.key)[0].removeprefix("∂V/∂")
            return f"change of V per unit of {by}"
        if reading.mode == "value" and "correlation" not in self._modes:
            return "Value"
        return _TITLES[reading.mode]

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
        source, theme = self._handles["values"], "dark" if self._store.dark else "light"
        values = cell_values(self._handles["drawn"], *self._room(), theme)
        if dict(source.data) != values:
            source.data = values

    def _colours(self, reading: Reading) -> list[str]:
        theme = "dark" if self._store.dark else "light"
        return palette(reading.scale, theme, INK[theme][2])

    def _restyle(self, *_events: Any) -> None:
        """Colours of the theme; a canvas knows no CSS variables."""
        if not self._handles or (self._handles["drawn"] is not None and not self._handles["arrived"]):
            return
        ink, line, _surface = INK["dark" if self._store.dark else "light"]
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

    # --- messages ---

    def _on_read_as(self, wish: ReadAs) -> None:
        self._wish = wish.mode
        self._drawn = 0.0
        self._again()

    def _on_seen(self, seen: PlotSeen) -> None:
        self._visible = seen.visible
        if self._visible:
            self._drawn = 0.0
            self._again()


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
