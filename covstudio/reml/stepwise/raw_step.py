"""The plain average-information step on the raw scale, as `REML.optimize` takes it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.search.box_step import box_step
from covstudio.reml.stepwise.coding import Bound
from covstudio.reml.stepwise.session import Session

__all__ = ["proposal"]

Vector = NDArray[np.float64]

#: Longest step of a raw parameter: a variance changes by no more than e^4.
LONGEST = 2.0


def proposal(session: Session, values: Vector, score: Vector, ai: Vector, lb: Bound, ub: Bound) -> Vector:
    """The step for all of theta: A^-1 s within bounds, 0 for held parameters and where it could gain nothing.

    Args:
        session: V, y and X.
        values: raw theta.
        score: with respect to raw theta, of the parameters that are not held.
        ai: average information, likewise.
        lb: lower bound or bounds of theta.
        ub: upper bound or bounds of theta.
    """
    delta = np.zeros(len(values))
    places = session.places
    if not places:
        return delta
    here = values[places]
    low = np.broadcast_to(np.asarray(lb, dtype=np.float64), values.shape)[places] - here
    high = np.broadcast_to(np.asarray(ub, dtype=np.float64), values.shape)[places] - here
    moves = np.isfinite(here) & (np.diag(ai) > 0.0)
    low = np.where(moves, np.maximum(low, -LONGEST), 0.0)
    high = np.where(moves, np.minimum(high, LONGEST), 0.0)
    scale = np.sqrt(np.where(moves, np.diag(ai), 1.0))
    damped = ai / np.outer(scale, scale) + 1e-10 * np.eye(len(places))
    step = (
        box_step(score / scale, damped, np.minimum(low, 0.0) * scale, np.maximum(high, 0.0) * scale) / scale
    )
    # A variance on its way to zero would go on for ever, for a gain that no longer shows.
    step[np.abs(score * step) < 1e-12] = 0.0
    delta[places] = step
    return delta
