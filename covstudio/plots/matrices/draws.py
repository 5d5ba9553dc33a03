r"""Draws from N(0, V), the same random numbers whatever the parameters.

A draw is :math:`V^{1/2} e` with the symmetric root of V and e from a generator with a seed: the root is a
continuous function of V, singular ones included, so that draws move with the parameters and by nothing else.

Reference: Higham (2008), Functions of Matrices, ch. 6, for the root and its continuity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from covstudio.covariance import linalg
from covstudio.plots.picture import MATRIX_PICTURES, Numbers, Picture
from covstudio.plots.subject import Array, Subject
from covstudio.plots.thinning import MOST, drawn_note, evenly
from covstudio.threads import blas_threads

if TYPE_CHECKING:
    from covstudio.plots.sheet import Sheet

__all__ = ["draws", "symmetric_root"]

#: Eigenvalues above minus this share of the largest are taken for 0.
NOISE = 1e-9
#: Draws that a picture shows at most.
DRAWN = 8


def symmetric_root(value: Array, name: str = "V") -> Array:
    """The symmetric square root of a covariance matrix.

    Args:
        value: symmetric, (n, n).
        name: what it is called in the message of an error.

    Raises:
        ValueError: the matrix is no covariance at these values.

    Example:
        >>> symmetric_root(np.array([[4.0, 0.0], [0.0, 0.0]])).tolist()
        [[2.0, 0.0], [0.0, 0.0]]
    """
    with blas_threads(len(value)):
        found, vectors = np.linalg.eigh(value)
    if found[0] < -NOISE * max(found[-1], 0.0) or found[-1] < 0.0:
        raise ValueError(f"{name} is no covariance at these values: it has the eigenvalue {found[0]:.4g}.")
    root: Array = (vectors * np.sqrt(np.maximum(found, 0.0))) @ vectors.T
    return root


def draws(subject: Subject, count: int = 4, seed: int = 0) -> Numbers:
    """Draws from N(0, V).

    Args:
        subject: the matrix.
        count: how many.
        seed: of the random numbers, which are the same for any parameters.

    Returns:
        "row", the places of the rows where they have some, and "draw 1", "draw 2", ...

    Raises:
        ValueError: V is no covariance.
    """
    import pandas as pd

    if not subject.square:
        raise ValueError(f"{subject.name} is not square, so nothing is drawn from it.")
    if count < 1:
        raise ValueError(f"count must be at least 1, and is {count}.")
    if seed < 0:
        raise ValueError(f"seed must be a whole number of at least 0, and is {seed}.")
    n = subject.matrix.shape[0]
    noise = torch.randn((n, count), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    drawn = symmetric_root(subject.value, subject.name) @ noise.numpy()
    places = subject.places or _places_of(subject)
    frame = pd.DataFrame({"row": list(subject.rows) if subject.rows else range(n)})
    for name, where in places.items():
        frame[name] = where
    values = pd.DataFrame(drawn, columns=[f"draw {k + 1}" for k in range(count)])
    words = f"{count} draw{'s' if count != 1 else ''} from N(0, {subject.name})"
    labels = {name: name for name in places} | {"value": "drawn value"}
    directions = tuple(places)
    rows = n if len(directions) == 2 else min(MOST, n)
    notes = *drawn_note(min(count, DRAWN), count, "draws"), *drawn_note(rows, n, "rows")
    more = {"directions": directions, "count": min(count, DRAWN)}
    return Numbers(pd.concat([frame, values], axis=1), words, labels, notes, more)


def _places_of(subject: Subject) -> dict[str, Array]:
    """Where the rows of V stand, as the tree tells it: on a line, on a grid, or just in their order."""
    matrix = subject.matrix
    found = _on_a_line(matrix)
    if found is not None:
        return {"position": found}
    terms = [matrix, *(part.operand for part in linalg.parts(matrix, "sum") or ())]
    for term in terms:
        pair = linalg.parts(term, "kronecker product")
        if pair is not None and len(pair) == 2 and all(part.operand.shape[0] > 1 for part in pair):
            rows, columns = (int(part.operand.shape[0]) for part in pair)
            grid = np.arange(rows * columns)
            return {
                pair[0].name: (grid // columns).astype(float),
                pair[1].name: (grid % columns).astype(float),
            }
        line = None if isinstance(term, torch.Tensor) else _on_a_line(term)
        if line is not None:
            return {"position": line}
    return {"position": np.arange(matrix.shape[0], dtype=float)}


def _on_a_line(matrix: Any) -> Array | None:
    function = linalg.covariance_function(matrix)
    if function is None:
        return None
    if function.times is None:
        return np.arange(matrix.shape[0], dtype=float)
    return np.asarray(function.times.numpy(), dtype=float)


def _draw(numbers: Numbers, sheet: Sheet) -> Any:
    frame, directions = numbers.frame, numbers.more["directions"]
    names = [f"draw {k + 1}" for k in range(numbers.more["count"])]
    if len(directions) == 2:
        limit = float(frame[names].abs().max().max()) or 1.0
        maps = [
            sheet.small.field(frame, directions[0], directions[1], name, name, (-limit, limit), "diverging")
            for name in names
        ]
        return sheet.beside(maps, numbers.heading)
    (along,) = directions[:1]
    ordered = frame.sort_values(along, kind="stable")
    kept = ordered.iloc[evenly(len(ordered), MOST)]
    lines = [sheet.line(kept, along, name, label=name) for name in names]
    return sheet.together([sheet.level(0.0), *lines], numbers, along, "value")


MATRIX_PICTURES.register(
    Picture("draws", "draws from N(0, V), the same random numbers for any parameters", draws, _draw, 6)
)
