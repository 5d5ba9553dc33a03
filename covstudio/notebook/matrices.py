"""A matrix in a notebook: V and its derivatives as pictures, its parameters as a table."""

from __future__ import annotations

import numpy as np

from covstudio.covariance import Matrix
from covstudio.notebook.html import block, escaped, framed, table_of, two_pictures
from covstudio.plots.matrices.value import derivative_label
from covstudio.plots.raster import Array, block_size, codes_of, colour_limits, locate
from covstudio.plots.subject import Subject

__all__ = ["matrix_html"]

#: Entries that are written out for what a notebook shows unasked, of V and its slices together.
ENTRIES = 2_000_000
#: Slices that are shown.
SLICES = 6
#: Pixels of the side of V, and of a slice.
SIDE, SMALL = 240, 120


def matrix_html(matrix: Matrix) -> str:
    """V at its default parameters, its derivatives by natural values, and its parameters.

    Args:
        matrix: a structure or an operator.
    """
    n, m = matrix.shape
    words = f"{type(matrix).__name__}, {n:,} × {m:,}"
    parameters = [
        {
            "parameter": one.name,
            "value": float(one.value),
            "": "fixed" if one.fixed else "",
        }
        for one in matrix.parameters
    ]
    pieces = [block(words)]
    shown = min(SLICES, matrix.num_params)
    if n * m * (1 + shown) > ENTRIES:
        pieces.append(block("Too large for a picture that nobody asked for: see v.plot().", quiet=True))
    else:
        try:
            pieces.append(_maps(matrix, shown))
        except (ValueError, ArithmeticError, RuntimeError) as error:
            pieces.append(block(f"There is no picture: {error}", quiet=True))
    if parameters:
        pieces.append(table_of(parameters))
    return framed(*pieces)


def _maps(matrix: Matrix, shown: int) -> str:
    """V and its first slices."""
    subject = Subject.of(matrix)
    maps = [_map(subject.value, "V", SIDE)]
    if shown:
        labels = [derivative_label(path) for path in matrix.param_names[:shown]]
        slices = zip(subject.slices(range(shown)), labels, strict=True)
        maps += [_map(entries, label, SMALL) for entries, label in slices]
    left_out = matrix.num_params - shown
    note = block(f"{left_out} more derivatives: see v.plot('slices').", quiet=True) if left_out else ""
    return f'<div class="cs-maps">{"".join(maps)}</div>{note}'


def _map(entries: Array, label: str, side: int) -> str:
    """A matrix as a picture, with what its colours mean in numbers."""
    if not np.isfinite(entries).all():
        return f"<figure><figcaption>{escaped(label)}: not finite</figcaption></figure>"
    n, m = entries.shape
    cells = locate(entries, block_size((n, m), side))[0]
    low, high, scale = colour_limits(entries)
    width = max(12, round(side * m / max(n, m)))
    picture = two_pictures(codes_of(cells, low, high, scale), scale, width, f"{label}, {n} by {m}")
    ends = f"{low:.4g} to {high:.4g}".replace("-", "−")
    return f"<figure>{picture}<figcaption>{escaped(label)}<br>{ends}</figcaption></figure>"
