"""Pictures as SVG text: their inks, texts, axes and ticks, without a browser or a server."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from covstudio.plots.colours import THEMES, table
from covstudio.plots.png import png
from covstudio.plots.style import FONT, LOOKS, Look, Theme

__all__ = ["PAGE", "Axis", "Mark", "Svg", "coordinate", "image", "round_ticks", "text", "width_of"]

#: Pixels of a character of the texts along axes, on average.
CHARACTER = 5.7
#: Pixels of these texts.
SIZE = 10
_MINUS = "\N{MINUS SIGN}"

#: Inks that a page decides by variables of its style sheet, light where it says nothing.
PAGE = Look(
    **{
        one.name: f"var(--plot-{one.name},{getattr(LOOKS['light'], one.name)})"
        for one in fields(Look)
        if one.name != "groups"
    },
    groups=tuple(f"var(--plot-group-{k},{ink})" for k, ink in enumerate(LOOKS["light"].groups)),
)


@dataclass(frozen=True, eq=False, repr=False)
class Svg:
    """A picture.

    Attributes:
        width: in pixels.
        height: likewise.
        body: what is drawn.
        title: what it shows, for those who do not see it.
        surface: the ink of its ground.
    """

    width: float
    height: float
    body: str
    title: str
    surface: str

    def __str__(self) -> str:
        """The picture as a document, which is as wide as its place allows and no wider than it was drawn."""
        size = f"{coordinate(self.width)} {coordinate(self.height)}"
        ground = f'<rect width="100%" height="100%" fill="{self.surface}"/>'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" role="img" '
            f'aria-label="{html.escape(self.title)}" font-family="{FONT}" '
            f'style="width:100%;max-width:{coordinate(self.width)}px;height:auto">{ground}{self.body}</svg>'
        )

    def __repr__(self) -> str:
        return f"<Svg {coordinate(self.width)} x {coordinate(self.height)}: {self.title}>"

    def _repr_html_(self) -> str:
        return str(self)


@dataclass(frozen=True, eq=False)
class Axis:
    """Where data lie along one side of a picture.

    Attributes:
        low: the lower end, in units of the data.
        high: the upper end.
        start: pixel of the lower end.
        end: pixel of the upper end.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pixels of values."""
        return self.start + (values - self.low) / (self.high - self.low) * (self.end - self.start)


@dataclass(frozen=True, eq=False)
class Mark:
    """Something drawn on axes.

    Attributes:
        paint: the two axes -> SVG.
        x: from where to where it reaches; None where it is as wide as the picture.
        y: likewise upwards.
        label: its name in the legend, "" without.
        ink: its colour in the legend.
    """

    paint: Callable[[Axis, Axis], str]
    x: tuple[float, float] | None
    y: tuple[float, float] | None
    label: str = ""
    ink: str = ""


def coordinate(value: float) -> str:
    """A pixel with one decimal, as short as can be.

    Example:
        >>> coordinate(12.04), coordinate(-0.01), coordinate(3.25)
        ('12', '0', '3.2')
    """
    short = f"{value:.1f}".removesuffix(".0")
    return "0" if short == "-0" else short


def width_of(words: str, size: float = SIZE) -> float:
    """The pixels that a text takes, about."""
    return len(words) * CHARACTER * size / SIZE


def text(
    x: float,
    y: float,
    words: str,
    ink: str,
    *,
    size: float = SIZE,
    anchor: str = "middle",
    turned: bool = False,
    bold: bool = False,
) -> str:
    """A line of text, whatever it holds.

    Args:
        x: of its anchor.
        y: of its base line.
        words: the text.
        ink: its colour.
        size: in pixels.
        anchor: "start", "middle" or "end".
        turned: from below to above.
        bold: in bold face.
    """
    plain = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in words)
    at = f'x="{coordinate(x)}" y="{coordinate(y)}"'
    turn = f' transform="rotate(-90 {coordinate(x)} {coordinate(y)})"' if turned else ""
    weight = ' font-weight="600"' if bold else ""
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text {at}{turn} fill="{ink}" font-size="{size:g}"{place}{weight}>{html.escape(plain)}</text>'


def image(
    codes: NDArray[np.uint8], scale: str, box: tuple[float, float, float, float], theme: Theme | None
) -> str:
    """Codes in the colours of a scale, cell by cell.

    Args:
        codes: (rows, columns).
        scale: "sequential" or "diverging".
        box: left, top, width and height.
        theme: the colours; None for both, of which a page shows one: `img-light` and `img-dark`.
    """
    x, y, width, height = map(coordinate, box)
    found = []
    for one in THEMES if theme is None else (theme,):
        data = base64.b64encode(png(codes, table(scale, one))).decode("ascii")
        shown = f' class="img-{one}"' if theme is None else ""
        # Where no page says which it shows, it is the light one.
        hidden = ";display:var(--plot-dark,none)" if theme is None and one == "dark" else ""
        hidden = ";display:var(--plot-light,inline)" if theme is None and one == "light" else hidden
        found.append(
            f'<image{shown} x="{x}" y="{y}" width="{width}" height="{height}" preserveAspectRatio="none" '
            f'style="image-rendering:pixelated{hidden}" href="data:image/png;base64,{data}"/>'
        )
    return "".join(found)


def round_ticks(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Round numbers along an axis, with their texts.

    Args:
        low: the lower end.
        high: the upper end.
        most: of these numbers.

    Example:
        >>> round_ticks(-0.3, 1.04, 5)
        [(0.0, '0.0'), (0.5, '0.5'), (1.0, '1.0')]
        >>> [words for _, words in round_ticks(0, 250_000, 4)]
        ['0', '100000', '200000']
    """
    span = high - low
    if not (math.isfinite(span) and span > 0.0):
        return [(low, _number(low, 3))] if math.isfinite(low) else []
    power = 10.0 ** math.floor(math.log10(span / max(most, 1)))
    step = next((k * power for k in (1, 2, 5, 10) if span / (k * power) <= most), 10 * power)
    places = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    large = max(abs(low), abs(high)) >= 1e7 or decimals > 6
    return [
        (k * step, _short(k * step) if large else f"{k * step + 0.0:.{decimals}f}".replace("-", _MINUS))
        for k in places
    ]


def _short(value: float) -> str:
    return _number(value, 4)


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}g}".replace("-", _MINUS)


def path(points: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]], closed: bool = False) -> str:
    """Lines through points, for the attribute d; what is not a number breaks a line."""
    found = []
    for x, y in points:
        known = np.isfinite(x) & np.isfinite(y)
        pen = "M"
        for here, a, b in zip(known, x, y, strict=True):
            if not here:
                pen = "M"
                continue
            found.append(f"{pen}{coordinate(a)} {coordinate(b)}")
            pen = "L"
        if closed and found:
            found.append("Z")
    return "".join(found)
