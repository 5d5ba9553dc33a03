r"""The curvature of the log-likelihood itself, where the average information is far from it.

Average information leaves out second derivatives of V. For correlations, ranges and standard deviations that
few data tell apart it may miss most of the curvature in some directions: steps then go many times too far,
are halved again and again, and the search goes to and fro across a valley. Minus the second derivatives,

.. math:: O_{kl} \approx \frac{s_l(\theta) - s_l(\theta + h_k e_k)}{h_k},

by differences of the score, cost as many scores as there are parameters, and save many more.

Source: Nocedal & Wright (2006), Numerical Optimization, section 8.1, and 3.4 for eigenvalues that are not
positive.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.problem.likelihood import Engine, Point
from covstudio.reml.search.constants import (
    OBSERVED_LEAST,
    OBSERVED_LONGEST,
    OBSERVED_MOST,
    OBSERVED_STEP,
)
from covstudio.reml.search.step_length import diagonal_of
from covstudio.reml.search.working import Working
from covstudio.threads import symmetric_eigen

__all__ = ["observed_curvature"]

Vector = NDArray[np.float64]


def observed_curvature(
    engine: Engine,
    working: Working,
    positions: Sequence[int],
    point: Point,
    score: Vector,
    information: Vector,
    moves: NDArray[np.bool_],
    most: int = OBSERVED_MOST,
) -> Vector | None:
    """Minus the second derivatives by working parameters, made positive definite, (K, K).

    Args:
        engine: evaluates the likelihood.
        working: the working parameters.
        positions: of the coordinates among all parameters.
        point: where.
        score: with respect to working parameters, (K,).
        information: average information likewise, which stands for what does not move.
        moves: which parameters may move.
        most: for more of them than this it is not worth its cost.

    Returns:
        None where there are too many parameters, or the score cannot be had beside the point.
    """
    inside = np.flatnonzero(moves)
    if not 0 < len(inside) <= most:
        return None
    values = point.natural[list(positions)]
    asked = [positions[i] for i in inside.tolist()]
    own = information[np.ix_(inside, inside)]
    scale = np.sqrt(diagonal_of(score[inside], own))
    unit = np.zeros((len(inside), len(inside)))
    for j, i in enumerate(inside):
        step = np.zeros(len(positions))
        step[i] = min(OBSERVED_STEP / scale[j], OBSERVED_LONGEST)
        moved = working.move(values, step)
        if working.at_end(moved)[i]:
            step[i] *= -1.0
            moved = working.move(values, step)
        natural = point.natural.copy()
        natural[list(positions)] = moved
        there = engine.at(natural)
        if there is None:
            return None
        slope = there.derivatives(asked).score * working.slope(moved)[inside]
        unit[j] = (score[inside] - slope) / (step[i] * scale[j] * scale)
    if not np.isfinite(unit).all():
        return None
    # What the average information says nothing of has its size from the second derivatives themselves.
    sized = np.where(np.diag(own) > 0.0, 1.0, np.sqrt(np.abs(np.diag(unit))))
    sized[sized == 0.0] = 1.0
    unit /= np.outer(sized, sized)
    scale *= sized
    eigenvalues, vectors = symmetric_eigen(0.5 * (unit + unit.T))
    sound = (vectors * np.maximum(np.abs(eigenvalues), OBSERVED_LEAST)) @ vectors.T
    curvature = information.copy()
    curvature[np.ix_(inside, inside)] = sound * np.outer(scale, scale)
    return curvature
