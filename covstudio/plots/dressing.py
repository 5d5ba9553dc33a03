"""Inks and faces of figures, and titles in lines, for which HoloViews has no words."""

from __future__ import annotations

import html
import math
from collections.abc import Callable
from typing import Any

from bokeh.models import ColorBar

from covstudio.plots.style import FONT, Look

__all__ = ["braced", "dressed", "headed", "wrapped"]

#: Pixels that a character of a title takes.
CHARACTER = 6.8


def dressed(look: Look) -> Callable[[Any, Any], None]:
    """A hook that gives a figure the looks of a theme."""

    def dress(plot: Any, _element: Any) -> None:
        figure = plot.handles["plot"]
        figure.update(
            background_fill_color=look.surface, border_fill_color=look.surface, outline_line_color=look.line
        )
        figure.sizing_mode = None
        figure.toolbar.autohide = True
        figure.toolbar.logo = None
        figure.title.update(
            text_color=look.text, text_font=FONT, text_font_size="13px", text_font_style="bold"
        )
        for axis in figure.axis:
            axis.update(
                axis_line_color=look.line,
                major_tick_line_color=look.line,
                minor_tick_line_color=None,
                major_label_text_color=look.muted,
                major_label_text_font=FONT,
                major_label_text_font_size="11px",
                axis_label_text_color=look.muted,
                axis_label_text_font=FONT,
                axis_label_text_font_size="12px",
                axis_label_text_font_style="normal",
            )
        for grid in figure.grid:
            grid.grid_line_color = None
        for bar in figure.select(ColorBar):
            bar.update(
                background_fill_color=None,
                border_line_color=None,
                major_label_text_color=look.muted,
                major_label_text_font=FONT,
                major_label_text_font_size="11px",
                major_tick_line_color=None,
                title_text_color=look.muted,
                title_text_font=FONT,
                title_text_font_size="11px",
                title_text_font_style="normal",
            )
        for legend in figure.legend:
            legend.update(
                background_fill_color=look.surface,
                background_fill_alpha=0.8,
                border_line_color=None,
                padding=0,
                margin=0,
                label_text_color=look.text,
                label_text_font=FONT,
                label_text_font_size="11px",
            )

    return dress


def braced(title: str) -> str:
    """A title whose braces HoloViews takes for braces.

    Example:
        >>> braced("yield {t/ha}")
        'yield {{t/ha}}'
    """
    return title.replace("{", "{{").replace("}", "}}")


def headed(title: str, look: Look) -> str:
    """The title of pictures beside each other: HTML, on whatever ground the page has.

    Example:
        >>> from covstudio.plots.style import LOOKS
        >>> headed("<b>", LOOKS["light"]).partition(">")[2]
        '&lt;b&gt;</span>'
    """
    looks = f"color:{look.text};background:{look.surface};padding:2px 6px;border-radius:3px"
    return f'<span style="{looks}">{html.escape(braced(title))}</span>'


def wrapped(title: str, width: int) -> str:
    """A title in lines that fit above a picture of so many pixels.

    Example:
        >>> wrapped("Residuals against fitted values", 150)
        'Residuals against\\nfitted values'
    """
    room = max(20, math.floor(width / CHARACTER))
    lines = [""]
    for word in title.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
