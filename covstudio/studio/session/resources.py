"""Reads the files that ship in `covstudio/studio/assets`.

Everything the browser needs is read here and sent by this server: nothing is fetched from another host.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import panel

ASSETS = Path(__file__).parents[1] / "assets"


@cache
def read_asset(name: str) -> str:
    """The text of one shipped script or style sheet.

    Args:
        name: file name inside the assets folder, such as "theme.css".

    Returns:
        The file's text, read once per process.
    """
    return (ASSETS / name).read_text(encoding="utf-8")


@cache
def katex_address() -> str | None:
    """Where this server serves the KaTeX that Panel bundles; None when this Panel brings none.

    Formulas are rendered as MathML, so neither its fonts nor its style sheet are needed.
    """
    bundled = Path(panel.__file__).parent / "dist" / "bundled" / "katex"
    found: Mapping[str, Path] = {
        path.parent.parent.name: path for path in bundled.glob("katex@*/dist/katex.min.js")
    }
    if not found:
        return None
    newest = max(found)
    return f"static/extensions/panel/bundled/katex/{newest}/dist/katex.min.js"
