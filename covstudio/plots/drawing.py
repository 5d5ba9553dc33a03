"""From the numbers of a picture to the picture."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

from covstudio.plots.picture import Numbers, Picture
from covstudio.plots.style import Theme
from covstudio.plots.svg import Svg

__all__ = ["drawn", "drawn_svg", "in_notebook", "options_of"]


#: Pixels that a picture has in either direction, at the least.
LEAST = 40


def options_of(picture: Picture, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a picture, checked.

    Raises:
        ValueError: the picture has no such option.
    """
    known = list(inspect.signature(picture.numbers).parameters)[1:]
    unknown = [name for name in options if name not in known]
    if unknown:
        has = f"it has {', '.join(known)}" if known else "it has none of its own"
        raise ValueError(f"the picture {picture.name!r} has no option {unknown[0]!r}; {has}.")
    return dict(options)


def drawn(picture: Picture, numbers: Numbers, theme: Theme | None, width: int, height: int) -> Any:
    """The picture of numbers, which a notebook can show.

    Args:
        picture: the kind.
        numbers: its numbers.
        theme: "light" or "dark"; None for the one chosen for all pictures.
        width: in pixels.
        height: likewise.
    """
    from covstudio.plots.sheet import Sheet

    _check_size(width, height)
    found = picture.draw(numbers, Sheet(theme, width, height))
    if in_notebook():
        _load()
        # HoloViews would put it into a layout of Panel's, whose style sheets come from a CDN.
        found._repr_mimebundle_ = partial(_bundle, found)
    return found


def drawn_svg(picture: Picture, numbers: Numbers, theme: Theme | None, width: int, height: int) -> Svg:
    """The picture of numbers as SVG.

    Args:
        picture: the kind.
        numbers: its numbers.
        theme: "light" or "dark"; None for the colours of the page that it will stand in.
        width: in pixels.
        height: likewise.
    """
    from covstudio.plots.svg_sheet import SvgSheet

    _check_size(width, height)
    found: Svg = picture.draw(numbers, SvgSheet(theme, width, height))
    return found


def _check_size(width: int, height: int) -> None:
    """Refuse a picture on which nothing can be seen."""
    for name, size in (("width", width), ("height", height)):
        if size < LEAST:
            raise ValueError(f"{name} is a number of pixels of at least {LEAST}, and is {size!r}.")


def _bundle(picture: Any, include: Any = None, exclude: Any = None) -> tuple[dict[str, str], dict[str, Any]]:
    """A picture as what a notebook shows: its figure, and nothing from elsewhere."""
    import holoviews as hv

    renderer = hv.renderer("bokeh")
    data, metadata = renderer.components(renderer.get_plot(picture))
    return data, metadata


def in_notebook() -> bool:
    """Whether the code of a notebook runs."""
    ipython: Any = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def _load() -> None:
    """HoloViews' scripts for the notebook, from this machine, if its author has loaded none."""
    import holoviews as hv

    if not hv.extension._loaded:
        hv.extension("bokeh", inline=True, logo=False)
