"""The covariance matrix of estimates as the inverse of an information matrix, over what the data tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.diagnosis.combinations import Confounded
from covstudio.reml.diagnosis.constants import IDENTIFIABLE
from covstudio.reml.search.coordinates import Coordinate
from covstudio.threads import symmetric_eigen

__all__ = ["ParameterCovariance", "average_covariance", "covariance_of", "without_silent"]

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ParameterCovariance:
    """The covariance matrix of estimates, with what the data do not tell left out.

    Attributes:
        coordinates: the parameters, in order.
        matrix: their covariances, (K, K), over the combinations that the data tell.
        null: orthonormal combinations the data tell nothing about, in units of `scale`, (K, m).
        scale: the units of `null`: 1/sqrt(information) of each parameter alone.
        kind: the information it was made of, such as "observed" or "average".
        reason: why it is not the observed information, in words; empty where it is.
        slopes: d of the parameters by those that `null` and `scale` are of, (K, J); None where they are the
            same.
    """

    coordinates: tuple[Coordinate, ...]
    matrix: Vector
    null: Vector
    scale: Vector
    kind: str
    reason: str = ""
    slopes: Vector | None = None

    @property
    def source(self) -> str:
        """What standard errors come from, in words."""
        return f"{self.kind} information{f': {self.reason}' if self.reason else ''}"

    def lost(self, gradient: Vector) -> bool:
        """Whether a function with this gradient depends on what the data do not tell."""
        scaled = (gradient if self.slopes is None else self.slopes.T @ gradient) * self.scale
        length = float(np.linalg.norm(scaled))
        return bool(length > 0.0 and np.linalg.norm(self.null.T @ scaled) > 1e-4 * length)

    def variance(self, gradient: Vector) -> float:
        """Variance of a function with this gradient, to first order; NaN where it is not told."""
        if self.lost(gradient):
            return float("nan")
        return max(float(gradient @ self.matrix @ gradient), 0.0)

    def standard_errors(self) -> dict[str, float]:
        """Parameter -> its standard error; NaN where the data cannot tell it."""
        variances = [self.variance(unit) for unit in np.eye(len(self.coordinates))]
        return {
            c.name: float(np.sqrt(value)) if value > 0.0 else float("nan")
            for c, value in zip(self.coordinates, variances, strict=True)
        }


def average_covariance(
    coordinates: Sequence[Coordinate],
    information: Vector,
    confounded: Sequence[Confounded],
    reason: str = "",
) -> ParameterCovariance:
    """The covariance matrix that the average information gives.

    Args:
        coordinates: the parameters.
        information: the average information, (K, K).
        confounded: the groups of parameters that the data cannot tell apart.
        reason: why not the observed one.
    """
    information = without_silent(coordinates, information, confounded)
    told = np.isfinite(information).all(axis=1) & (np.diag(information) > 0.0)
    # Q'PQ is positive semi-definite: what is not is rounding error about what the data do not tell.
    sound = np.where(np.outer(told, told), information, 0.0)
    return replace(_Scaled(sound).inverse(coordinates, "average"), reason=reason)


def without_silent(
    coordinates: Sequence[Coordinate], information: Vector, confounded: Sequence[Confounded]
) -> Vector:
    """The information without what is rounding error: of parameters the data say nothing about.

    Args:
        coordinates: the parameters.
        information: (K, K).
        confounded: the groups of parameters that the data cannot tell apart.
    """
    silent = {name for group in confounded if not group.estimable for name in group.names}
    told = np.array([c.name not in silent for c in coordinates], dtype=bool)
    return np.where(np.outer(told, told), information, 0.0)


def covariance_of(
    coordinates: Sequence[Coordinate], information: Vector, kind: str
) -> ParameterCovariance | None:
    """The inverse of an information matrix; None where it is not positive semi-definite.

    Args:
        coordinates: the parameters.
        information: (K, K).
        kind: the name of the information.
    """
    if not np.isfinite(information).all() or bool((np.diag(information) < 0.0).any()):
        return None
    scaled = _Scaled(information)
    return None if bool((scaled.eigenvalues < -IDENTIFIABLE).any()) else scaled.inverse(coordinates, kind)


class _Scaled:
    """An information matrix scaled to a unit diagonal, by its eigenvalues."""

    def __init__(self, information: Vector) -> None:
        diagonal = np.diag(information)
        self.scale: Vector = np.where(
            diagonal > 0.0, 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0)), 1.0
        )
        self.eigenvalues, self.vectors = symmetric_eigen(information * np.outer(self.scale, self.scale))

    def inverse(self, coordinates: Sequence[Coordinate], kind: str) -> ParameterCovariance:
        """The inverse over the combinations that are told."""
        told = self.eigenvalues >= IDENTIFIABLE
        half = self.scale[:, None] * self.vectors[:, told] / np.sqrt(self.eigenvalues[told])
        return ParameterCovariance(
            tuple(coordinates), half @ half.T, self.vectors[:, ~told], self.scale, kind
        )
