"""Kinds of pictures: each tells what numbers it shows, and how they are drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from covstudio.plots.numbers import Numbers as Numbers
from covstudio.registry import Registry

__all__ = ["FIT_PICTURES", "MATRIX_PICTURES", "Numbers", "Picture"]


@dataclass(frozen=True)
class Picture:
    """A kind of picture.

    Attributes:
        name: what it is asked for by: `v.plot(kind="spectrum")`.
        what: what it shows, in a few words.
        numbers: the numbers, from what it is a picture of and the options that are named there.
        draw: the picture, from the numbers and the sheet that draws: HoloViews' or that of SVG, which have
            the same elements.
        order: where it stands among the others.
    """

    name: str
    what: str
    numbers: Callable[..., Numbers]
    draw: Callable[[Numbers, Any], Any]
    order: int = 100


#: Kinds of pictures of a matrix, from the files of `covstudio.plots.matrices`.
MATRIX_PICTURES = Registry[Picture]("picture of a matrix", "covstudio.plots.matrices")
#: Kinds of pictures of a fit, from the files of `covstudio.plots.fits`.
FIT_PICTURES = Registry[Picture]("picture of a fit", "covstudio.plots.fits")
