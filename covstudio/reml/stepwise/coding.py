r"""The coding of random effects that steps go by, and what they find in the coding of V.

Raw theta of V is a smooth function of raw theta in the coding of the search (see `recoding`), with the
Jacobian J. Score and average information are brought back as what they are, a gradient and a quadratic form,

.. math:: s = J^{-\top} s', \qquad A = J^{-\top} A' J^{-1}, \qquad \delta = J\delta',

so that A^-1 s is the same step, to first order, in either coding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.stepwise.session import Session
from covstudio.reml.terms.recoding import Recoding, at_ends

__all__ = ["Bound", "Coding", "Row", "stays_within"]

Vector = NDArray[np.float64]
Bound = float | Tensor


@dataclass(frozen=True, eq=False)
class Row:
    """What is told of one theta.

    Attributes:
        theta: raw parameters.
        score: with respect to them, without those that are held.
        ai: average information, likewise.
        delta: the step proposed from there, for all of theta.
    """

    theta: Vector
    score: Vector
    ai: Vector
    delta: Vector


class Coding:
    """Theta, score and information in the coding of V, from those of a search.

    Args:
        session: V as it is searched, y and X.
        recoding: how that differs from V; None where it does not.
    """

    def __init__(self, session: Session, recoding: Recoding | None) -> None:
        self.variance, self.places, self.recoding = session.variance, session.places, recoding

    def there(self, theta: Vector) -> Vector:
        """Raw theta of the search."""
        if self.recoding is None:
            return theta
        return self.variance.theta(self.recoding.there(self.variance.natural(theta)))

    def back(self, theta: Vector) -> Vector:
        """Raw theta of V."""
        if self.recoding is None:
            return theta
        natural = self.recoding.back(self.variance.natural(theta))
        if not np.isfinite(theta).all():
            natural = at_ends(natural, self.recoding, self.variance)
        return self.variance.theta(natural)

    def told(self, row: Row) -> Row:
        """A row of the search in the coding of V."""
        if self.recoding is None:
            return row
        theta, places = self.back(row.theta), self.places
        estimated = self.variance.estimated
        slopes = self.recoding.slopes(self.variance.natural(row.theta), estimated, estimated)
        own, other = (self.variance.slopes(raw)[places] for raw in (theta, row.theta))
        # At an end of a range raw theta is infinite, and has neither a slope nor a step.
        inside = (own != 0.0) & (other != 0.0)
        jacobian = np.eye(len(places))
        jacobian[np.ix_(inside, inside)] = slopes[np.ix_(inside, inside)] * other[inside] / own[inside, None]
        inverse = np.linalg.pinv(jacobian)
        delta = row.delta.copy()
        delta[places] = jacobian @ row.delta[places]
        return Row(theta, inverse.T @ row.score, inverse.T @ row.ai @ inverse, delta)


def stays_within(recoding: Recoding, session: Session, lb: Bound, ub: Bound) -> bool:
    """Whether bounds of theta say nothing about parameters that are recoded, which would bound others.

    Args:
        recoding: the coding of the search.
        session: V, y and X.
        lb: lower bound or bounds of theta.
        ub: upper bound or bounds of theta.
    """
    spans = [set(part.span) for part in recoding.parts]
    concerned = [i for i, k in enumerate(session.variance.free) if any(k in span for span in spans)]
    count = len(session.variance.free)
    low, high = (np.broadcast_to(np.asarray(torch.as_tensor(b)), (count,)) for b in (lb, ub))
    return bool((low[concerned] == -np.inf).all() and (high[concerned] == np.inf).all())
