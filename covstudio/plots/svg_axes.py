"""Axes of pictures as SVG: where they end, and marks within them, under a title."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from covstudio.plots.dressing import wrapped
from covstudio.plots.style import Look
from covstudio.plots.subject import Array
from covstudio.plots.svg import SIZE, Axis, Mark, Svg, coordinate, path, text, width_of
from covstudio.plots.texts import shortened

__all__ = ["EDGE", "TITLE", "extent", "framed", "limits_of"]

#: Pixels about a picture, and of its title.
EDGE, TITLE = 6, 12
#: Pixels of a text along an axis, at least.
SMALLEST = 8.5
Ticks = Sequence[tuple[float, str]]


def framed(
    look: Look,
    width: float,
    marks: Sequence[Mark],
    title: str,
    limits: tuple[tuple[float, float], tuple[float, float]],
    ticks: Sequence[Ticks],
    labels: tuple[str, str],
    height: float,
    below: Svg | None = None,
) -> Svg:
    """Marks within axes, under a title, with a legend where there are several names."""
    left = 12 + max([width_of(words) for _, words in ticks[1]], default=0.0) + (16 if labels[1] else 0)
    lines = wrapped(title, round(width + left)).split("\n") if title else []
    legend = list({one.label: one for one in marks if one.label}.values())
    keys = _legend(look, legend, left) if len(legend) > 1 else ""
    top = EDGE + 15.0 * len(lines) + (16 if keys else 0) + 4
    x = Axis(*limits[0], left, left + width)
    down = limits[1][0] > limits[1][1]
    y = Axis(limits[1][1], limits[1][0], top, top + height) if down else Axis(*limits[1], top + height, top)
    bottom = top + height
    parts = [
        text(EDGE, EDGE + 11 + 15 * k, line, look.text, size=TITLE, anchor="start", bold=True)
        for k, line in enumerate(lines)
    ]
    if keys:
        parts.append(f'<g transform="translate(0 {coordinate(EDGE + 15.0 * len(lines) + 8)})">{keys}</g>')
    # A picture within the picture cuts off what lies beyond the axes; points on its edge stay whole.
    inside = " ".join(map(coordinate, (left - 3, top - 3, width + 6, height + 6)))
    sides = zip(("x", "y", "width", "height"), inside.split(), strict=True)
    clip = " ".join(f'{name}="{value}"' for name, value in sides)
    drawn = "".join(one.paint(x, y) for one in marks)
    parts.append(f'<svg {clip} viewBox="{inside}">{drawn}</svg>')
    axes = [(np.array([x.start, x.start, x.end]), np.array([top, bottom, bottom]))]
    parts.append(f'<path d="{path(axes)}" fill="none" stroke="{look.line}"/>')
    parts += [
        text(left - 5, float(y(np.array(place))) + 3.5, words, look.muted, anchor="end")
        for place, words in ticks[1]
    ]
    crowded = sum(width_of(words) + 6 for _, words in ticks[0]) > width
    for place, words in ticks[0]:
        at = float(x(np.array(place)))
        if crowded:
            parts.append(text(at + 3.5, bottom + 6, words, look.muted, anchor="end", turned=True))
        else:
            parts.append(text(at, bottom + 14, words, look.muted))
    lowest = bottom + (6 + max(width_of(words) for _, words in ticks[0]) if crowded else 16)
    if labels[0]:
        lowest += 14
        words, size = _fitted(labels[0], width)
        parts.append(text((x.start + x.end) / 2, lowest - 2, words, look.muted, size=size))
    if labels[1]:
        middle = (top + bottom) / 2
        words, size = _fitted(labels[1], height)
        parts.append(text(EDGE + 8, middle, words, look.muted, size=size, turned=True))
    if below is not None:
        moved = f"translate({coordinate((x.start + x.end - below.width) / 2)} {coordinate(lowest + 8)})"
        parts.append(f'<g transform="{moved}">{below.body}</g>')
        lowest += 8 + below.height
    return Svg(left + width + 12, lowest + 4, "".join(parts), title, look.surface)


def _fitted(words: str, room: float) -> tuple[str, float]:
    """What is written along an axis and how large: a long text smaller, and then without its middle."""
    size = max(SMALLEST, min(SIZE + 1, (SIZE + 1) * room / max(1.0, width_of(words, SIZE + 1))))
    most = max(8, int(room / width_of(" ", size)))
    return shortened(words, most), round(size, 1)


def _legend(look: Look, marks: Sequence[Mark], left: float) -> str:
    """A key for each name."""
    parts, at = [], left
    for one in marks:
        parts.append(f'<rect x="{coordinate(at)}" y="-3" width="12" height="3" fill="{one.ink}"/>')
        parts.append(text(at + 16, 2, one.label, look.text, anchor="start"))
        at += 30 + width_of(one.label)
    return "".join(parts)


def extent(*values: Array) -> tuple[float, float] | None:
    """From the smallest to the largest of numbers; None where there are none."""
    whole = np.concatenate([np.ravel(one) for one in values])
    whole = whole[np.isfinite(whole)]
    return (float(whole.min()), float(whole.max())) if whole.size else None


def limits_of(extents: Sequence[tuple[float, float] | None], given: Any) -> tuple[float, float]:
    """The ends of an axis: those that are said, else a little more than what is drawn."""
    known = [one for one in extents if one is not None] or [(0.0, 1.0)]
    low, high = min(one[0] for one in known), max(one[1] for one in known)
    room = 0.05 * (high - low) or 0.05 * abs(low) or 0.5
    ends = given or (None, None)
    found = [
        float(said) if said is not None else own
        for said, own in zip(ends, (low - room, high + room), strict=True)
    ]
    return (found[0], found[1]) if found[1] > found[0] else (found[0] - 0.5, found[0] + 0.5)
