"""Reads the scripts and styles that ship in `covstudio/studio/assets`.

Everything the browser needs is read here and sent by this server: nothing is fetched from another host.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

ASSETS = Path(__file__).parents[1] / "assets"


@cache
def read_asset(name: str) -> str:
    """The text of one shipped script or style sheet.

    Args:
        name: file name inside the assets folder, such as "dom.js".

    Returns:
        The file's text, read once per process.
    """
    return (ASSETS / name).read_text(encoding="utf-8")


def component_script(*names: str) -> str:
    """One self-contained module: the shared drawing helpers (`dom.js`), then the component's own scripts."""
    return "\n".join([read_asset("dom.js"), *(read_asset(name) for name in names)])


def component_styles(*names: str) -> list[str]:
    """Style sheets for a component's shadow root: the visual language (`theme.css`, `ui.css`), then the
    component's own.
    """
    return [read_asset("theme.css"), read_asset("ui.css"), *(read_asset(name) for name in names)]
