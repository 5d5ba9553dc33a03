"""The eigenvalues of a matrix, from the largest on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from covstudio.plots.picture import MATRIX_PICTURES, Numbers, Picture
from covstudio.plots.subject import Subject
from covstudio.plots.thinning import MOST, drawn_note, evenly
from covstudio.threads import blas_threads

if TYPE_CHECKING:
    from covstudio.plots.sheet import Sheet

__all__ = ["spectrum"]


def spectrum(subject: Subject) -> Numbers:
    """The eigenvalues of a symmetric matrix.

    Args:
        subject: the matrix.

    Returns:
        "number" from 1 on, "eigenvalue" from the largest on, "share": of the trace, this and all before it.

    Raises:
        ValueError: the matrix is not symmetric.

    Example:
        >>> from covstudio.covariance import CompoundSymmetricMatrix
        >>> subject = Subject.of(CompoundSymmetricMatrix(3), values={"sigma^2": 2.0, "rho": 0.5})
        >>> spectrum(subject).frame.round(3).values.tolist()
        [[1.0, 4.0, 0.667], [2.0, 1.0, 0.833], [3.0, 1.0, 1.0]]
    """
    import pandas as pd

    if not subject.square:
        raise ValueError(f"{subject.name} has no eigenvalues: it is not square.")
    entries = subject.value
    size = float(np.abs(entries).max())
    if float(np.abs(entries - entries.T).max()) > 1e-10 * size:
        raise ValueError(f"{subject.name} is not symmetric, so its eigenvalues may be complex.")
    with blas_threads(len(entries)):
        found = np.linalg.eigvalsh(entries)[::-1]
    trace = float(found.sum())
    share = np.cumsum(found) / trace if trace > 0.0 else np.full(len(found), np.nan)
    return Numbers(
        pd.DataFrame({"number": np.arange(1, len(found) + 1), "eigenvalue": found, "share": share}),
        f"Eigenvalues of {subject.name}",
        {"number": "number, from the largest on", "eigenvalue": "eigenvalue", "share": "share of the trace"},
        drawn_note(min(MOST, len(found)), len(found), "eigenvalues"),
    )


def _draw(numbers: Numbers, sheet: Sheet) -> Any:
    frame = numbers.frame
    kept = frame.iloc[evenly(len(frame), MOST)]
    stems = sheet.segments(kept.assign(zero=0.0), "number", "zero", "number", "eigenvalue")
    points = sheet.points(kept, "number", "eigenvalue", hover=["number", "eigenvalue", "share"])
    return sheet.together([sheet.level(0.0), stems, points], numbers, "number", "eigenvalue")


MATRIX_PICTURES.register(Picture("spectrum", "the eigenvalues, from the largest on", spectrum, _draw, 3))
