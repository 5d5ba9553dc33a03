"""One row of a matrix: what a row shares with all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from covstudio.covariance import linalg
from covstudio.plots.picture import MATRIX_PICTURES, Numbers, Picture
from covstudio.plots.subject import Subject
from covstudio.plots.thinning import MOST, drawn_note, thinned

if TYPE_CHECKING:
    from covstudio.plots.sheet import Sheet

__all__ = ["row_profile"]

#: Columns whose distances are told, at most.
APART = 20_000


def row_profile(subject: Subject, row: int | str = 0) -> Numbers:
    """One row of a matrix.

    Args:
        subject: the matrix.
        row: counted from 0, negative from the end, or its name.

    Returns:
        "column", "name", "covariance", "correlation" (NaN where there are none) and "distance" (or lag, or
        the straight distance of several steps; NaN where the columns have no places, or are over 20,000).

    Raises:
        ValueError: there is no such row.
    """
    import pandas as pd

    n, m = subject.matrix.shape
    i = _place(subject, row, n)
    entries, correlation = subject.row(i)
    distance = np.full(m, np.nan)
    if subject.square and m <= APART:
        between = [linalg.separation(subject.matrix, i, j) for j in range(m)]
        distance[:] = [np.nan if one is None else float(np.hypot.reduce(one.size)) for one in between]
    names = subject.columns or tuple(map(str, range(m)))
    called = subject.rows[i] if subject.rows is not None else str(i)
    frame = pd.DataFrame(
        {
            "column": np.arange(m),
            "name": names,
            "covariance": entries,
            "correlation": correlation,
            "distance": distance,
        }
    )
    words = "covariance" if subject.square else "value"
    return Numbers(
        frame,
        f"Row {called} of {subject.name}",
        {"column": "column", "covariance": f"{words} with row {called}" if subject.square else words},
        drawn_note(min(MOST, m), m, "columns", "the largest among them"),
        {"row": i, "names": subject.columns},
    )


def _place(subject: Subject, row: int | str, n: int) -> int:
    if isinstance(row, str):
        if subject.rows is None or row not in subject.rows:
            some = ", ".join(map(repr, (subject.rows or ())[:6]))
            known = f"; its rows are {some} ..." if some else ": its rows have no names."
            raise ValueError(f"{subject.name} has no row {row!r}{known}")
        return subject.rows.index(row)
    if not -n <= row < n:
        raise ValueError(f"{subject.name} has {n} rows, counted from 0; there is no row {row}.")
    return int(row) % n


def _draw(numbers: Numbers, sheet: Sheet) -> Any:
    frame = numbers.frame
    kept = frame.iloc[thinned(frame["covariance"].to_numpy(dtype=float))].assign(zero=0.0)
    hover = ["column", "name", "covariance", "correlation"]
    stems = sheet.segments(kept, "column", "zero", "column", "covariance")
    points = sheet.points(kept, "column", "covariance", hover)
    here = sheet.upright(float(numbers.more["row"]))
    return sheet.together(
        [sheet.level(0.0), here, stems, points],
        numbers,
        "column",
        "covariance",
        names={"x": numbers.more["names"]},
    )


MATRIX_PICTURES.register(Picture("row", "one row: its covariance with every other", row_profile, _draw, 5))
