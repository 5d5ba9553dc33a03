r"""The information about variance parameters at the estimates of a fit.

What standard errors are made of, the average or the observed information, is decided in
`covstudio.reml.fitting.uncertainty`. Here is the expected information, tr(P dV_k P dV_l) / 2. The engine
of blocks sums it over blocks; elsewhere, for a V that is linear in its parameters, it is 2 A - O exactly, as
average information is the mean of the two, and else it is summed over the columns of V.

Sources: Searle, Casella & McCulloch (1992), Variance Components, ch. 6; Johnson & Thompson (1995), J. Dairy
Sci. 78:449.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from covstudio.reml.fitting.parameter_covariance import ParameterCovariance, average_covariance, covariance_of
from covstudio.reml.fitting.uncertainty import Information, why_not_observed
from covstudio.reml.fitting.uncertainty import observed_information as observed_at
from covstudio.reml.fitting.uncertainty_recoded import recoded_covariance
from covstudio.reml.inference.binding import Binding
from covstudio.reml.inference.evaluation import Evaluation
from covstudio.reml.inference.pairs import pairs_of
from covstudio.reml.problem.errors import InvalidModel
from covstudio.reml.problem.pairs import TakesPairs
from covstudio.reml.search.coordinates import Coordinate, Kind, derivatives_at

__all__ = [
    "expected_information",
    "is_linear_in",
    "observed_information",
    "parameter_covariance",
]

Vector = NDArray[np.float64]


def observed_information(binding: Evaluation, coordinates: Sequence[Coordinate]) -> Vector:
    """Minus the second derivatives with respect to the natural values of these parameters, (K, K)."""
    with binding.threads(), torch.no_grad():
        return observed_at(binding.engine, binding.point, coordinates, binding.confounded)


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
        average = derivatives_at(binding.point, inside).information
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


def is_linear_in(binding: Evaluation, coordinates: Sequence[Coordinate]) -> bool:
    """Whether V is known to be linear in each and all of these parameters."""
    others = [c for c in coordinates if c.position not in binding.variance.linear]
    terms = {id(binding.variance.owner(c.position)[0]) for c in others}
    return all(c.kind is Kind.VARIANCE for c in others) and len(terms) == len(others)


def expected_information(binding: Evaluation, coordinates: Sequence[Coordinate]) -> Vector:
    """tr(P dV_k P dV_l) / 2, (K, K); in ML with V^-1 in place of P.

    Args:
        binding: the fit and its model.
        coordinates: the parameters.

    Raises:
        InvalidModel: V is not linear in its parameters, the engine has no sums of its own, and there are too
            many rows to sum over the columns of V.
    """
    positions = [c.position for c in coordinates]
    if is_linear_in(binding, coordinates) and not isinstance(binding.point, TakesPairs):
        with binding.threads(), torch.no_grad():
            average = derivatives_at(binding.point, coordinates).information
        return np.asarray(2.0 * average - observed_information(binding, coordinates))
    return 0.5 * pairs_of(binding, positions).traces()
