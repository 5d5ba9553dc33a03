"""Pieces of the HTML that notebooks show: tables and pictures, in the colours of the notebook's theme."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covstudio.plots.colours import THEMES, table
from covstudio.plots.png import png

__all__ = ["block", "escaped", "framed", "table_of", "two_pictures"]

#: Rows of a table at most; the middle of longer ones is left out.
ROWS = 30

#: JupyterLab and VS Code say on the body which theme they have; others are light.
_STYLE = """<style>
.cs-nb{font-size:13px;line-height:1.45;overflow-x:auto}
.cs-nb table{border-collapse:collapse;margin:4px 0 10px;font-variant-numeric:tabular-nums}
.cs-nb th,.cs-nb td{padding:2px 10px 2px 0;text-align:right;border:0}
.cs-nb th{font-weight:600;border-bottom:1px solid rgb(128 128 128 / 40%)}
.cs-nb .cs-name{text-align:left}
.cs-nb p{margin:2px 0}
.cs-nb .cs-quiet{opacity:.75}
.cs-nb .cs-maps{display:flex;flex-wrap:wrap;gap:14px}
.cs-nb figure{margin:4px 0}
.cs-nb figcaption{font-size:12px}
.cs-nb img{image-rendering:pixelated;border:1px solid rgb(128 128 128 / 40%);display:block}
.cs-nb img.cs-dark{display:none}
[data-jp-theme-light="false"] .cs-nb img.cs-light,.vscode-dark .cs-nb img.cs-light{display:none}
[data-jp-theme-light="false"] .cs-nb img.cs-dark,.vscode-dark .cs-nb img.cs-dark{display:block}
</style>"""


def escaped(text: object) -> str:
    """A text as HTML that shows it.

    Example:
        >>> escaped("<b>")
        '&lt;b&gt;'
    """
    return html.escape(str(text))


def framed(*pieces: str) -> str:
    """The whole of what is shown: pieces below each other, with their style."""
    return f'{_STYLE}<div class="cs-nb">{"".join(pieces)}</div>'


def block(text: object, quiet: bool = False) -> str:
    """A line of text.

    Example:
        >>> block("72 rows")
        '<p>72 rows</p>'
    """
    look = ' class="cs-quiet"' if quiet else ""
    return f"<p{look}>{escaped(text)}</p>"


def table_of(rows: Sequence[Mapping[str, Any]], most: int = ROWS) -> str:
    """Rows as a table: numbers to the right in six digits, names to the left, the middle of many left out.

    Args:
        rows: dictionaries of the same keys.
        most: rows that are shown.

    Example:
        >>> table_of([{"name": "a<b", "estimate": 1.25}]).count("a&lt;b")
        1
    """
    if not rows:
        return block("(none)", quiet=True)
    hidden = len(rows) - most
    shown = list(rows) if hidden <= 0 else [*rows[: most // 2], *rows[-(most // 2) :]]
    names = list(rows[0])
    left = {name: all(isinstance(row[name], str) or row[name] is None for row in shown) for name in names}
    look = {name: ' class="cs-name"' if left[name] else "" for name in names}
    head = "".join(f"<th{look[name]}>{escaped(name)}</th>" for name in names)
    lines = [
        "<tr>" + "".join(f"<td{look[name]}>{escaped(_cell(row[name]))}</td>" for name in names) + "</tr>"
        for row in shown
    ]
    if hidden > 0:
        more = f"… {len(rows) - len(shown):,} more …"
        lines.insert(most // 2, f'<tr><td class="cs-name cs-quiet" colspan="{len(names)}">{more}</td></tr>')
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.6g}".replace("-", "−")
    return str(value)


def two_pictures(codes: NDArray[np.uint8], scale: str, width: int, words: str) -> str:
    """A picture of codes in the colours of the painter, for light and for dark notebooks.

    Args:
        codes: (rows, columns), 0 to 255.
        scale: "sequential" or "diverging".
        width: in pixels.
        words: what the picture shows, for those who do not see it.
    """
    found = []
    for theme in THEMES:
        data = base64.b64encode(png(codes, table(scale, theme))).decode("ascii")
        source = f'src="data:image/png;base64,{data}" width="{width}" alt="{escaped(words)}"'
        found.append(f'<img class="cs-{theme}" {source}>')
    return "".join(found)
