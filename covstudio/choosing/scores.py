r"""Score tests for one more piece of V, whatever it is, without fitting it.

For :math:`V + \sigma^2 A` the derivative of the log-likelihood by :math:`\sigma^2` at 0 is half of

.. math:: T = q'Aq - \operatorname{tr}(AP), \qquad q = Py,

the sum over the entries of A of products of scaled residuals, less what the model expects of it. Under
the model T has mean 0 and, the estimation of the parameters :math:`\theta` allowed for, variance

.. math:: 2\operatorname{tr}(APAP) - c'Cc, \qquad c_k = \operatorname{tr}(AP\dot V_kP),

C being the covariance matrix of the estimates. T in its standard deviations is z. A piece that the model
has, or that its fixed effects take up, leaves no variance and tells nothing.

Source: Cox & Hinkley (1974), Theoretical Statistics, section 9.3; Verbeke & Molenberghs (2003), Biometrics
59:254.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse, special

from covstudio.reml import Inference

__all__ = ["ROWS", "Scores"]

Array = NDArray[np.float64]
Places = NDArray[np.int64]

#: Rows that are looked at together at most.
ROWS = 1000
#: Less than this share of its variance left, and a piece is one that the model has.
LEFT = 0.02
#: A variance below this share of what it could be is rounding error.
ROUNDING = 1e-10
#: Slices of the derivatives of P that are taken at most; more parameters count as known.
PARAMETERS = 40


class Scores:
    """The scaled residuals Py of some rows of a fit, and how they vary under the model.

    Args:
        told: the fit with its model and data.
        rows: which rows; at most `ROWS`.

    Attributes:
        q: P y of these rows, (m,).
        p: their covariance matrix under the model, P of these rows, (m, m).
    """

    def __init__(self, told: Inference, rows: Places) -> None:
        self.rows = rows
        binding = told._binding
        unit = torch.zeros((binding.problem.n, len(rows)), dtype=torch.float64)
        unit[rows, np.arange(len(rows))] = 1.0
        self._columns = binding.project(unit)
        self._binding, self._told = binding, told
        self.q: Array = binding.py.numpy()[rows]
        self.p: Array = self._columns.numpy()[rows]

    @cached_property
    def _moves(self) -> tuple[list[Array], Array]:
        """P dV_k P of the rows for every estimated parameter, and the covariances of the estimates."""
        covariance = self._told.covariance
        places = [c.position for c in covariance.coordinates]
        if len(places) > PARAMETERS:
            return [], np.zeros((0, 0))
        found = [(self._columns.mT @ self._binding.derivative(k, self._columns)).numpy() for k in places]
        return found, covariance.matrix

    def score(self, i: Places, j: Places, weight: Array | float = 1.0) -> float:
        """z of the piece whose entries in these places are the weights; NaN where it tells nothing.

        Args:
            i: row numbers among `rows`.
            j: column numbers; of an entry off the diagonal its mirror image counts, too.
            weight: one for each, or one for all.
        """
        return self.scores([self.piece(i, j, weight)])[0]

    def piece(self, i: Places, j: Places, weight: Array | float = 1.0) -> sparse.csr_matrix:
        """A symmetric A with these entries."""
        values = np.broadcast_to(np.asarray(weight, dtype=np.float64), i.shape)
        m = len(self.rows)
        lower = i != j
        return sparse.csr_matrix(
            (
                np.concatenate([values, values[lower]]),
                (np.concatenate([i, j[lower]]), np.concatenate([j, i[lower]])),
            ),
            shape=(m, m),
        )

    def scores(self, pieces: Sequence[sparse.csr_matrix]) -> list[float]:
        """z of each of some pieces by itself."""
        return [self._told_of([a])[0] for a in pieces]

    def together(self, pieces: Sequence[sparse.csr_matrix]) -> tuple[float, int]:
        """Chi-square of some pieces together, and its degrees of freedom."""
        _, chi2, df = self._told_of(pieces)
        return chi2, df

    def _told_of(self, pieces: Sequence[sparse.csr_matrix]) -> tuple[float, float, int]:
        """z of the first, chi-square of all, and degrees of freedom."""
        moves, covariance = self._moves
        away = np.array([float(self.q @ (a @ self.q)) - float(a.multiply(self.p).sum()) for a in pieces])
        products = [np.asarray(a @ self.p) for a in pieces]
        raw = np.array([[2.0 * float((one * other.T).sum()) for other in products] for one in products])
        slopes = np.array([[float(a.multiply(move).sum()) for move in moves] for a in pieces])
        left = raw - (slopes @ covariance @ slopes.T if moves else 0.0)
        # What fixed effects take up leaves rounding errors.
        largest = np.array([2.0 * float(a.multiply(a).sum()) for a in pieces]) * self.p.diagonal().max() ** 2
        size = np.sqrt(np.where(raw.diagonal() > ROUNDING * largest, raw.diagonal(), 0.0))
        if not (size > 0.0).any():
            return math.nan, 0.0, 0
        z = math.nan
        if size[0] > 0.0 and left[0, 0] > LEFT * raw[0, 0]:
            z = float(away[0] / math.sqrt(left[0, 0]))
        scale = np.where(size > 0.0, size, 1.0)
        values, vectors = np.linalg.eigh(left / np.outer(scale, scale))
        kept = values > LEFT
        vectors[size == 0.0] = 0.0
        turned = vectors[:, kept].T @ (away / scale)
        return z, float((turned**2 / values[kept]).sum()), int(kept.sum())


def normal_of(chi2: float, df: int) -> float:
    """The standard normal number as unlikely, from both sides, as a chi-square.

    Example:
        >>> round(normal_of(3.841459, 1), 3), round(normal_of(5.991465, 2), 3)
        (1.96, 1.96)
    """
    if df < 1:
        return math.nan
    tail = float(special.gammaincc(df / 2.0, chi2 / 2.0))
    # Far out the tail is no number any more: the root of chi-square is close enough.
    return float(-special.ndtri(tail / 2.0)) if tail > 1e-300 else math.sqrt(chi2)
