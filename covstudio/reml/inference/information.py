r"""The information about variance parameters, and the covariance matrix of their estimates.

- average: A_kl = y'P dV_k P dV_l P y / 2, which the fit has and `Fit.standard_errors` come from;
- observed: minus the second derivatives of the restricted log-likelihood, by fourth-order central
  differences of the analytic score (Nocedal & Wright 2006, section 8.1). The steps are a small share of the
  conditional standard error of each parameter, so that the result does not depend on units;
- expected: tr(P dV_k P dV_l) / 2. For a V that is linear in its parameters it is 2 A - O exactly, as average
  information is the mean of the two; otherwise it is summed over blocks of columns.

Sources: Searle, Casella & McCulloch (1992), Variance Components, ch. 6; Johnson & Thompson (1995), J. Dairy
Sci. 78:449.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.diagnosis.constants import IDENTIFIABLE
from covstudio.reml.inference.binding import Binding
from covstudio.reml.problem.errors import InvalidModel
from covstudio.reml.search.coordinates import Coordinate, Kind

__all__ = [
    "ParameterCovariance",
    "column_blocks",
    "covariance_of",
    "expected_information",
    "is_linear_in",
    "observed_information",
    "parameter_covariance",
]

Vector = NDArray[np.float64]

#: Step of the differences, in conditional standard errors.
STEP = 3e-3
#: More rows than this are not summed over, column by column.
COLUMN_LIMIT = 6000
#: Entries of one block of columns.
BLOCK = 4_000_000


@dataclass(frozen=True, eq=False)
class ParameterCovariance:
    """The covariance matrix of estimates, with what the data do not tell left out.

    Attributes:
        coordinates: the parameters, in order.
        matrix: their covariances, (K, K), over the combinations that the data tell.
        null: orthonormal combinations the data tell nothing about, in units of `scale`, (K, m).
        scale: the units of `null`: 1/sqrt(information) of each parameter alone.
        kind: "observed" or "average": the information it was made of.
    """

    coordinates: tuple[Coordinate, ...]
    matrix: Vector
    null: Vector
    scale: Vector
    kind: str

    def lost(self, gradient: Vector) -> bool:
        """Whether a function with this gradient depends on what the data do not tell."""
        scaled = gradient * self.scale
        length = float(np.linalg.norm(scaled))
        return bool(length > 0.0 and np.linalg.norm(self.null.T @ scaled) > 1e-4 * length)

    def variance(self, gradient: Vector) -> float:
        """Variance of a function with this gradient, to first order; NaN where it is not told."""
        if self.lost(gradient):
            return float("nan")
        return max(float(gradient @ self.matrix @ gradient), 0.0)


def observed_information(binding: Binding, coordinates: Sequence[Coordinate]) -> Vector:
    """Minus the second derivatives with respect to the natural values of these parameters, (K, K)."""
    positions = [c.position for c in coordinates]
    count = len(positions)
    information = np.zeros((count, count))
    with binding.threads(), torch.no_grad():
        average = np.diag(binding.point.derivatives(positions).information) if count else np.zeros(0)
        for i, c in enumerate(coordinates):
            value = float(binding.natural[c.position])
            room = min(value - c.low, c.high - value)
            conditional = 1.0 / np.sqrt(average[i]) if average[i] > 0.0 else max(abs(value), 1.0)
            step = STEP * min(conditional, 10.0 * room)
            slope = np.zeros(count)
            for moved, weight in ((-2.0, 1.0), (-1.0, -8.0), (1.0, 8.0), (2.0, -1.0)):
                natural = binding.natural.copy()
                natural[c.position] = value + moved * step
                point = binding.engine.at(natural)
                if point is None:
                    return np.full((count, count), np.nan)
                slope += weight * point.derivatives(positions).score
            information[i] = -slope / (12.0 * step)
    return np.asarray(0.5 * (information + information.T))


def covariance_of(
    coordinates: Sequence[Coordinate], information: Vector, kind: str
) -> ParameterCovariance | None:
    """The inverse of an information matrix; None where it is not positive semi-definite.

    Args:
        coordinates: the parameters.
        information: (K, K).
        kind: the name of the information.
    """
    diagonal = np.diag(information)
    if not np.isfinite(information).all() or bool((diagonal < 0.0).any()):
        return None
    scale = np.where(diagonal > 0.0, 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0)), 1.0)
    eigenvalues, vectors = np.linalg.eigh(information * np.outer(scale, scale))
    if bool((eigenvalues < -IDENTIFIABLE).any()):
        return None
    told = eigenvalues >= IDENTIFIABLE
    half = scale[:, None] * vectors[:, told] / np.sqrt(eigenvalues[told])
    return ParameterCovariance(tuple(coordinates), half @ half.T, vectors[:, ~told], scale, kind)


def parameter_covariance(binding: Binding, kind: Literal["observed", "average"]) -> ParameterCovariance:
    """The covariance matrix of the variance parameters that are inside their range.

    Args:
        binding: the fit and its model.
        kind: the information to make it of; where the observed one is not positive definite, the average one
            serves.
    """
    if kind == "observed":
        observed = _told(binding, observed_information(binding, binding.interior))
        found = covariance_of(binding.interior, observed, "observed")
        if found is not None:
            return found
    positions = [c.position for c in binding.interior]
    with binding.threads():
        average = binding.point.derivatives(positions).information
    found = covariance_of(binding.interior, _told(binding, average), "average")
    assert found is not None, "Q'PQ is positive semi-definite"
    return found


def _told(binding: Binding, information: Vector) -> Vector:
    """The information without what is rounding error: of parameters the data say nothing about."""
    groups = (group for group in binding.fit.confounded if not group.estimable)
    silent = {name for group in groups for name in group.names}
    told = np.array([c.name not in silent for c in binding.interior], dtype=bool)
    return np.where(np.outer(told, told), information, 0.0)


def is_linear_in(binding: Binding, coordinates: Sequence[Coordinate]) -> bool:
    """Whether V is known to be linear in each and all of these parameters."""
    others = [c for c in coordinates if c.position not in binding.variance.linear]
    terms = {id(binding.variance.owner(c.position)[0]) for c in others}
    return all(c.kind is Kind.VARIANCE for c in others) and len(terms) == len(others)


def expected_information(
    binding: Binding, coordinates: Sequence[Coordinate], observed: Vector | None = None
) -> Vector:
    """tr(P dV_k P dV_l) / 2, (K, K).

    Args:
        binding: the fit and its model.
        coordinates: the parameters.
        observed: the observed information, where it is known already.

    Raises:
        InvalidModel: V is not linear in its parameters, and has too many rows to sum over its columns.
    """
    positions = [c.position for c in coordinates]
    if is_linear_in(binding, coordinates):
        with binding.threads(), torch.no_grad():
            average = binding.point.derivatives(positions).information
        seen = observed_information(binding, coordinates) if observed is None else observed
        return np.asarray(2.0 * average - seen)
    count = len(positions)
    total = np.zeros((count, count))
    for unit in column_blocks(binding):
        projected = binding.project(unit)
        right = torch.stack([binding.derivative(k, projected) for k in positions])
        for i, k in enumerate(positions):
            left = binding.project(binding.derivative(k, unit))
            total[i] += torch.einsum("nj,knj->k", left, right).numpy()
    return np.asarray(0.25 * (total + total.T))


def column_blocks(binding: Binding) -> Iterator[Tensor]:
    """The columns of the n x n identity, some at a time.

    Raises:
        InvalidModel: there are too many.
    """
    n = binding.problem.n
    if n > COLUMN_LIMIT:
        raise InvalidModel(
            f"V is not linear in its parameters and has {n} rows: sums over all its columns are taken up to "
            f"{COLUMN_LIMIT}. Ask for method='satterthwaite' or 'residual'."
        )
    width = max(1, BLOCK // n)
    for start in range(0, n, width):
        size = min(width, n - start)
        unit = torch.zeros((n, size), dtype=torch.float64)
        unit[start + torch.arange(size), torch.arange(size)] = 1.0
        yield unit
