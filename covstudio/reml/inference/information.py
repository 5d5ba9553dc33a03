r"""The information about variance parameters at the estimates of a fit.

What standard errors are made of, the average or the observed information, is decided in
`covstudio.reml.fitting.uncertainty`. Here is the expected information, tr(P dV_k P dV_l) / 2. For a V that is
linear in its parameters it is 2 A - O exactly, as average information is the mean of the two; otherwise it is
summed over blocks of columns.

Sources: Searle, Casella & McCulloch (1992), Variance Components, ch. 6; Johnson & Thompson (1995), J. Dairy
Sci. 78:449.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.fitting.uncertainty import (
    Information,
    ParameterCovariance,
    average_covariance,
    covariance_of,
    why_not_observed,
)
from covstudio.reml.fitting.uncertainty import observed_information as observed_at
from covstudio.reml.fitting.uncertainty_recoded import recoded_covariance
from covstudio.reml.inference.binding import Binding
from covstudio.reml.problem.errors import InvalidModel
from covstudio.reml.search.coordinates import Coordinate, Kind

__all__ = [
    "column_blocks",
    "expected_information",
    "is_linear_in",
    "observed_information",
    "parameter_covariance",
]

Vector = NDArray[np.float64]

#: More rows than this are not summed over, column by column.
COLUMN_LIMIT = 6000
#: Entries of one block of columns.
BLOCK = 4_000_000


def observed_information(binding: Binding, coordinates: Sequence[Coordinate]) -> Vector:
    """Minus the second derivatives with respect to the natural values of these parameters, (K, K)."""
    with binding.threads(), torch.no_grad():
        return observed_at(binding.engine, binding.point, coordinates, binding.fit.confounded)


def parameter_covariance(binding: Binding, kind: Information | None) -> ParameterCovariance:
    """The covariance matrix of the variance parameters that are inside their range.

    Args:
        binding: the fit and its model.
        kind: the information to make it of; where the observed one is not positive definite, the average one
            serves. None for that of the fit.

    Raises:
        InvalidModel: the expected information is asked for, and is lost in rounding error, or V has too many
            rows to compute it.
    """
    fit, inside = binding.fit, binding.interior
    if kind is None or (kind == "observed" and fit.uncertainty.kind == "observed"):
        return fit.uncertainty.covariance
    searched = binding.searched
    if searched is not binding and binding.recoding is not None:
        own = parameter_covariance(searched, kind)
        return recoded_covariance(own, binding.recoding, searched.natural, inside)
    if kind == "expected":
        return _expected_covariance(binding)
    reason = ""
    if kind == "observed":
        observed = observed_information(binding, inside)
        found = covariance_of(inside, observed, "observed")
        if found is not None:
            return found
        reason = why_not_observed(observed)
    with binding.threads():
        average = binding.point.derivatives([c.position for c in inside]).information
    return average_covariance(inside, average, fit.confounded, reason)


def _expected_covariance(binding: Binding) -> ParameterCovariance:
    inside = binding.interior
    found = covariance_of(inside, expected_information(binding, inside), "expected")
    if found is None:
        raise InvalidModel(
            "the expected information about the variance parameters is not positive semi-definite up to "
            "rounding: V is nearly singular at the estimates. Ask for method='satterthwaite' or 'residual', "
            "with information='observed'."
        )
    return found


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
