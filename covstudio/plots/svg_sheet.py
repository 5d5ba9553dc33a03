"""The sheet that draws pictures as SVG: for files, reports and whatever has no server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from covstudio.plots.base_sheet import BaseSheet, quarters
from covstudio.plots.cells import Cells
from covstudio.plots.dressing import wrapped
from covstudio.plots.numbers import Numbers
from covstudio.plots.raster import Scale, codes_of
from covstudio.plots.style import LOOKS, Theme
from covstudio.plots.subject import Array
from covstudio.plots.svg import (
    PAGE,
    Axis,
    Mark,
    Svg,
    coordinate,
    image,
    path,
    round_ticks,
    text,
)
from covstudio.plots.svg_axes import EDGE, TITLE, extent, framed, limits_of
from covstudio.plots.ticks import axis_ticks

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SvgSheet"]

#: Pixels between what stands beside each other.
GAP = 14
Ticks = list[tuple[float, str]]


class SvgSheet(BaseSheet[Svg]):
    """Draws pictures as SVG, as `Sheet` draws them for HoloViews: the same elements by the same names.

    Args:
        theme: "light" or "dark"; None for the colours of the page that the picture stands in.
        width: of one picture, in pixels, without its axes.
        height: likewise.
    """

    most_cells = 300

    def __init__(self, theme: Theme | None = None, width: int = 480, height: int = 320) -> None:
        super().__init__(theme, width, height)
        self.look = PAGE if theme is None else LOOKS[theme]

    def _cells(
        self,
        cells: Cells,
        ends: tuple[float, float, Scale],
        named: tuple[bool, bool],
        ylabel: str,
        xlabel: str,
        clabel: str,
    ) -> Svg:
        (n, m), title, texts = cells.shape, cells.title, cells.texts
        height = self._height_of(cells)
        low, high, scale = ends
        codes = codes_of(cells.values, low, high, scale)

        def paint(x: Axis, y: Axis) -> str:
            right, bottom = (
                x(np.array([cells.values.shape[1] * cells.size - 0.5])),
                y(np.array([cells.values.shape[0] * cells.size - 0.5])),
            )
            box = (x.start, y.start, float(right[0]) - x.start, float(bottom[0]) - y.start)
            frame = f'<rect x="{coordinate(x.start)}" y="{coordinate(y.start)}" '
            frame += f'width="{coordinate(x.end - x.start)}" height="{coordinate(y.end - y.start)}" '
            return image(codes, scale, box, self.theme) + f'{frame}fill="none" stroke="{self.look.line}"/>'

        ticks = [
            self._places(texts[which], room, named[which])
            if (of_blocks := cells.ticks(which)) is None
            else list(zip(*of_blocks, strict=True))
            for which, room in ((1, self.width / m), (0, height / n))
        ]
        limits = ((-0.5, m - 0.5), (n - 0.5, -0.5))
        marks = [Mark(paint, None, None)]
        bar = self._bar(low, high, scale, clabel)
        return framed(self.look, self.width, marks, title, limits, ticks, (xlabel, ylabel), height, below=bar)

    def _bar(self, low: float, high: float, scale: Scale, label: str) -> Svg:
        """The colours of a scale with what they mean."""
        width = min(self.width, 220)
        steps = np.linspace(low, high, 256)[None, :]
        parts = [image(codes_of(steps, low, high, scale), scale, (0, 0, width, 8), self.theme)]
        frame = f'<rect width="{width}" height="8" fill="none" stroke="{self.look.line}"/>'
        axis = Axis(low, high, 0, width)
        for value, words in round_ticks(low, high, 4):
            parts.append(text(float(axis(np.array(value))), 19, words, self.look.muted))
        parts.append(text(width / 2, 31, label, self.look.muted) if label else "")
        return Svg(width, 34 if label else 22, "".join([*parts, frame]), label, self.look.surface)

    # --- points and lines ---

    def points(
        self,
        frame: pd.DataFrame,
        x: str,
        y: str,
        hover: Sequence[str] = (),
        label: str = "",
        second: bool = False,
    ) -> Mark:
        """Points of two columns."""
        a, b = (frame[name].to_numpy(dtype=np.float64) for name in (x, y))
        ink, few = self._colour(label, second), len(frame) <= 400
        size, opacity = (4.5, 0.8) if few else (2.6, 0.5)
        shape = f'fill="none" stroke="{ink}" stroke-width="{size}" stroke-linecap="round"'

        def paint(across: Axis, up: Axis) -> str:
            px, py = across(a), up(b)
            known = np.isfinite(px) & np.isfinite(py)
            dots = "".join(
                f"M{coordinate(u)} {coordinate(v)}h.01" for u, v in zip(px[known], py[known], strict=True)
            )
            return f'<path d="{dots}" {shape} stroke-opacity="{opacity}"/>' if dots else ""

        return Mark(paint, extent(a), extent(b), label, ink)

    def line(
        self, frame: pd.DataFrame, x: str, y: str, label: str = "", second: bool = False, **options: Any
    ) -> Mark:
        """A line through the points of two columns, in their order; `line_dash` is the one option."""
        a, b = (frame[name].to_numpy(dtype=np.float64) for name in (x, y))
        dash = ' stroke-dasharray="5 3"' if options.get("line_dash") else ""
        ink = self._colour(label, second)

        def paint(across: Axis, up: Axis) -> str:
            drawn = path([(across(a), up(b))])
            return f'<path d="{drawn}" fill="none" stroke="{ink}" stroke-width="1.5"{dash}/>'

        return Mark(paint, extent(a), extent(b), label, ink)

    def segments(
        self,
        frame: pd.DataFrame,
        x0: str,
        y0: str,
        x1: str,
        y1: str,
        second: bool = False,
        width: float = 1.0,
    ) -> Mark:
        """A segment for each line of a frame."""
        a, b, c, d = (frame[name].to_numpy(dtype=np.float64) for name in (x0, y0, x1, y1))
        ink = self.look.second if second else self.look.first
        shape = f'fill="none" stroke="{ink}" stroke-opacity="0.7" stroke-width="{width:g}"'

        def paint(across: Axis, up: Axis) -> str:
            ends = (np.stack(pair, axis=1) for pair in ((across(a), across(c)), (up(b), up(d))))
            return f'<path d="{path(list(zip(*ends, strict=True)))}" {shape}/>'

        return Mark(paint, extent(a, c), extent(b, d))

    def band(self, frame: pd.DataFrame, x: str, low: str, high: str, label: str = "") -> Mark:
        """The area between two columns."""
        a, b, c = (frame[name].to_numpy(dtype=np.float64) for name in (x, low, high))
        around = np.concatenate([a, a[::-1]]), np.concatenate([b, c[::-1]])

        def paint(across: Axis, up: Axis) -> str:
            drawn = path([(across(around[0]), up(around[1]))], closed=True)
            return f'<path d="{drawn}" fill="{self.look.band}" fill-opacity="0.25"/>'

        return Mark(paint, extent(a), extent(b, c), label, self.look.band)

    def boxes(self, frame: pd.DataFrame, x: str, y: str) -> list[Mark]:
        """The middle half of the values of each place, with its median."""
        at, low, middle, high = quarters(frame, x, y)
        sides = [at - 0.3, at + 0.3, at + 0.3, at - 0.3]
        corners = list(zip(np.stack(sides, axis=1), np.stack([low, low, high, high], axis=1), strict=True))
        across = list(zip(np.stack(sides[:2], axis=1), np.stack([middle, middle], axis=1), strict=True))

        def boxes(x: Axis, y: Axis) -> str:
            drawn = path([(x(a), y(b)) for a, b in corners], closed=True)
            ink = self.look.band
            return f'<path d="{drawn}" fill="{ink}" fill-opacity="0.2" stroke="{ink}"/>'

        def medians(x: Axis, y: Axis) -> str:
            drawn = path([(x(a), y(b)) for a, b in across])
            return f'<path d="{drawn}" fill="none" stroke="{self.look.second}" stroke-width="2"/>'

        reach = extent(at - 0.3, at + 0.3), extent(low, high)
        return [Mark(boxes, *reach), Mark(medians, *reach)]

    def level(self, height: float) -> Mark:
        """A line across, such as the one at 0."""

        def paint(x: Axis, y: Axis) -> str:
            return self._rule((x.start, x.end), (float(y(np.array(height))),) * 2)

        return Mark(paint, None, (height, height))

    def upright(self, place: float) -> Mark:
        """A line from below to above."""

        def paint(x: Axis, y: Axis) -> str:
            return self._rule((float(x(np.array(place))),) * 2, (y.start, y.end))

        return Mark(paint, (place, place), None)

    def _rule(self, x: tuple[float, float], y: tuple[float, float]) -> str:
        drawn = path([(np.array(x), np.array(y))])
        return f'<path d="{drawn}" fill="none" stroke="{self.look.muted}" stroke-dasharray="1.5 2.5"/>'

    def contours(self, x: Array, y: Array, heights: Array, levels: Sequence[float], label: str) -> Mark:
        """Lines of equal height over two axes; see `Sheet.contours`."""
        import holoviews as hv

        surface = hv.QuadMesh((x, y, heights), ["x", "y"], label)
        found = hv.operation.contours(surface, levels=list(levels))
        lines = [(one.dimension_values("x"), one.dimension_values("y")) for one in found.split()]

        def paint(across: Axis, up: Axis) -> str:
            drawn = path([(across(a), up(b)) for a, b in lines])
            return f'<path d="{drawn}" fill="none" stroke="{self.look.first}" stroke-width="1.5"/>'

        return Mark(paint, extent(x), extent(y))

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
    ) -> Svg:
        """Elements on the same axes; see `Sheet.together`."""
        marks = [one for one in elements if one is not None]
        height = options.get("frame_height", self.height)
        limits = tuple(
            limits_of([getattr(one, axis) for one in marks], options.get(f"{axis}lim")) for axis in ("x", "y")
        )
        named = names or {}
        ticks = []
        for axis, room, (low, high) in zip(("x", "y"), (self.width, height), limits, strict=True):
            own = named.get(axis)
            if own is None:
                ticks.append(round_ticks(low, high, max(2, round(room / (45 if axis == "x" else 38)))))
            else:
                ticks.append(self._places(list(own), room / max(len(own), 1), True))
        heading = numbers.heading if title is None else title
        labels = (numbers.labels.get(x, x), numbers.labels.get(y, y))
        return framed(self.look, self.width, marks, heading, (limits[0], limits[1]), ticks, labels, height)

    def beside(self, pictures: Sequence[Any], title: str, columns: int = 3) -> Svg:
        """Pictures beside each other, each with axes of its own."""
        across = min(columns, len(pictures))
        rows = [list(pictures[k : k + across]) for k in range(0, len(pictures), across)]
        wide = max(sum(one.width for one in row) + GAP * (len(row) - 1) for row in rows)
        lines = wrapped(title, round(wide)).split("\n") if title else []
        parts = [
            text(EDGE, 14 + 15 * k, line, self.look.text, size=TITLE, anchor="start", bold=True)
            for k, line in enumerate(lines)
        ]
        top = 15.0 * len(lines) + (8 if lines else 0)
        for row in rows:
            left = 0.0
            for one in row:
                parts.append(f'<g transform="translate({coordinate(left)} {coordinate(top)})">{one.body}</g>')
                left += one.width + GAP
            top += max(one.height for one in row) + 4
        return Svg(wide, top, "".join(parts), title, self.look.surface)

    def _places(self, names: Sequence[str], room: float, named: bool) -> Ticks:
        """Places 0, 1, ... along an axis with their names, or numbers where they have none or no room."""
        where, words, written = axis_ticks(names, room, first=0)
        if not named:
            words = list(map(str, where))
        elif not written and all(name.replace(".", "", 1).removeprefix("-").isdigit() for name in names):
            words = [names[k] for k in where]
        return list(zip(map(float, where), words, strict=True))
