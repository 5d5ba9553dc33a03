"""Correlations of rows against the lag or distance between them, for every part whose rows have places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from covstudio.covariance import Operator, linalg
from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.linalg.compositions import placed_operands
from covstudio.plots.picture import MATRIX_PICTURES, Numbers, Picture
from covstudio.plots.subject import Array, Subject
from covstudio.plots.thinning import drawn_note, evenly

if TYPE_CHECKING:
    from covstudio.plots.sheet import Sheet

__all__ = ["correlogram"]

#: Rows of one part whose pairs are taken at most.
ROWS = 150


def correlogram(subject: Subject) -> Numbers:
    """Covariances and correlations of the rows of every part that has places, by what lies between them.

    Where places were given to the subject, those of the whole are told too, by the straight distance.

    Args:
        subject: the matrix.

    Returns:
        "part", "between" ("lag", "distance" or "step"), "distance" (of several steps, the straight one),
        "covariance", "correlation"; what is the same for several pairs stands once.

    Raises:
        ValueError: no part has rows with places.

    Example:
        >>> from covstudio.covariance import AR1Matrix, ScalarMatrix, Sum
        >>> v = Sum(trend=AR1Matrix(4), noise=ScalarMatrix(4))
        >>> found = correlogram(Subject.of(v, values={"trend/rho": 0.5, "trend/sigma^2": 2.0})).frame
        >>> found[["part", "distance", "correlation"]].values.tolist()
        [['trend', 0.0, 1.0], ['trend', 1.0, 0.5], ['trend', 2.0, 0.25], ['trend', 3.0, 0.125]]
    """
    import pandas as pd

    rows: list[pd.DataFrame] = []
    notes: list[str] = []
    if subject.places is not None:
        coordinates = np.stack(list(subject.places.values()), axis=1)
        kept = evenly(len(coordinates), ROWS)
        notes += drawn_note(len(kept), len(coordinates), f"rows of {subject.name}")
        i, j = np.triu_indices(len(kept))
        apart = np.sqrt(((coordinates[kept][i] - coordinates[kept][j]) ** 2).sum(axis=1))
        rows.append(_told(subject.name, "distance", apart, subject.among(kept), i, j))
    for path in _placed(subject.matrix, ""):
        part = subject.part(path) if path else subject
        n = part.matrix.shape[0]
        kept = evenly(n, ROWS)
        notes += drawn_note(len(kept), n, f"rows of {part.name}")
        i, j = np.triu_indices(len(kept))
        between = [
            linalg.separation(part.matrix, int(a), int(b)) for a, b in zip(kept[i], kept[j], strict=True)
        ]
        what = next(one.what for one in between if one is not None)
        apart = np.array([np.nan if one is None else float(np.hypot.reduce(one.size)) for one in between])
        rows.append(_told(part.name, what, apart, part.among(kept), i, j))
    if not rows:
        raise ValueError(
            f"no part of {subject.name} has rows with places, such as times, positions or coordinates: give "
            "places, as in places={'x': ..., 'y': ...}."
        )
    found = pd.concat(rows, ignore_index=True)
    words = " or ".join(dict.fromkeys(found["between"]))
    return Numbers(
        found,
        f"Correlogram of {subject.name}",
        {"distance": words, "correlation": "correlation", "covariance": "covariance"},
        tuple(notes),
    )


def _placed(matrix: Matrix, path: str) -> Iterator[str]:
    """Paths of the parts whose rows have places, from the outside in; what stands below one is its own."""
    square = matrix.shape[0] == matrix.shape[1] > 1
    if square and linalg.separation(matrix, 0, 1) is not None:
        yield path
        return
    if isinstance(matrix, Operator):
        for part in placed_operands(matrix):
            if isinstance(part.operand, Matrix) and part.name:
                yield from _placed(part.operand, f"{path}/{part.name}" if path else part.name)


def _told(name: str, what: str, apart: Array, value: Array, i: Any, j: Any) -> Any:
    import pandas as pd

    spread = np.sqrt(np.maximum(value.diagonal(), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = value[i, j] / (spread[i] * spread[j])
    frame = pd.DataFrame(
        {
            "part": name,
            "between": what,
            "distance": np.round(apart, 9),
            "covariance": value[i, j],
            "correlation": np.round(correlation, 12),
        }
    ).dropna(subset=["distance", "correlation"])
    same = frame.assign(covariance=frame["covariance"].round(12))
    return frame[~same.duplicated()].sort_values(["distance", "correlation"], kind="stable")


def _draw(numbers: Numbers, sheet: Sheet) -> Any:
    drawn: list[Any] = [sheet.level(0.0)]
    for part, own in numbers.frame.groupby("part", sort=False):
        if not own["distance"].duplicated().any():
            drawn.append(sheet.line(own, "distance", "correlation", label=str(part)))
        drawn.append(
            sheet.points(own, "distance", "correlation", ["part", "distance", "correlation"], label=str(part))
        )
    return sheet.together(drawn, numbers, "distance", "correlation")


MATRIX_PICTURES.register(
    Picture("correlogram", "correlations against lag or distance, part by part", correlogram, _draw, 4)
)
