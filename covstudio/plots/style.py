"""The looks of pictures, light and dark: the studio's own inks, faces and colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["FONT", "LOOKS", "Look", "Theme", "set_theme", "theme_used"]

Theme = Literal["light", "dark"]

FONT = "Segoe UI, Roboto, Helvetica Neue, Noto Sans, Liberation Sans, sans-serif"


@dataclass(frozen=True)
class Look:
    """The colours of a theme.

    Attributes:
        surface: what a picture lies on.
        text: titles.
        muted: numbers and names along axes.
        line: axes and grids.
        first: points and lines of the data.
        second: what stands beside the data: a model, a mean.
        band: areas behind both.
        groups: colours of groups, as many as can be told apart; after these they begin again.
    """

    surface: str
    text: str
    muted: str
    line: str
    first: str
    second: str
    band: str
    groups: tuple[str, ...]


#: The inks are those of the page (`studio/assets/theme.css`); the two hues are those of the heatmaps.
LOOKS: dict[str, Look] = {
    "light": Look(
        surface="#ffffff",
        text="#1a1e26",
        muted="#5a6373",
        line="#e2e5eb",
        first="#4f5bd5",
        second="#c76a1c",
        band="#8f9bee",
        groups=("#4f5bd5", "#c76a1c", "#0b7a6f", "#a3327c", "#7a6a00", "#2f7fb8", "#5a6373", "#8a4fd0"),
    ),
    "dark": Look(
        surface="#16191f",
        text="#e6e9ef",
        muted="#9aa3b3",
        line="#282d36",
        first="#8b93f8",
        second="#efb06c",
        band="#4a52c0",
        groups=("#8b93f8", "#efb06c", "#43c4b2", "#ee8fc6", "#d3c04a", "#72b8ea", "#9aa3b3", "#bd97f5"),
    ),
}

_USED: list[Theme] = ["light"]


def set_theme(theme: Theme) -> None:
    """Choose the looks of pictures that are asked for without any.

    Args:
        theme: "light" or "dark".

    Raises:
        ValueError: there is no such theme.
    """
    _USED[:] = [theme_used(theme)]


def theme_used(theme: Theme | None = None) -> Theme:
    """A theme, or the one that was chosen for all pictures.

    Example:
        >>> theme_used(), theme_used("dark")
        ('light', 'dark')
    """
    if theme is None:
        return _USED[0]
    if theme not in get_args(Theme):
        raise ValueError(f"theme must be 'light' or 'dark', and is {theme!r}.")
    return theme
