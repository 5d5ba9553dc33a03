"""Profile likelihoods of the parameters of a fit, and the curves to draw them by."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covstudio.covariance import Matrix
from covstudio.estimate.derived import LEVEL
from covstudio.estimate.inferred import bound
from covstudio.estimate.model import Assembled
from covstudio.reml import Fit, Inference
from covstudio.reml.inference import Profile, ProfilePoint
from covstudio.reml.inference.distributions import normal_quantile
from covstudio.reml.problem.iteration import Cancel

__all__ = ["Asked", "curve", "cut_off", "profile", "profiled_parameters"]

#: Towards an end at infinity a curve is drawn so many times as far as to the other side.
LEVELLED = 4.0
#: A curve is drawn to where the signed root has grown to so many times the quantile.
DRAWN = 1.25


@dataclass(frozen=True)
class Asked:
    """A token that asks a function whether to stop, as fits and profiles take it."""

    stopped: Callable[[], bool]

    def is_set(self) -> bool:
        """Whether to stop."""
        return self.stopped()


def profiled_parameters(matrix: Matrix, fit: Fit) -> tuple[str, ...]:
    """The parameters that a fit estimated.

    Args:
        matrix: the model of V that was fitted.
        fit: its fit.
    """
    free = set(matrix.free_param_names)
    return tuple(path for path in fit.params if path in free)


def profile(
    parts: Assembled,
    fit: Fit,
    path: str,
    callback: Callable[[ProfilePoint], object] | None = None,
    cancel: Cancel | None = None,
    told: Inference | None = None,
) -> Profile:
    """The profile likelihood of a parameter with its 95 % interval.

    Args:
        parts: what was fitted.
        fit: its fit.
        path: of the parameter.
        callback: called with every refit.
        cancel: set, it stops with `FitCancelled`.
        told: the fit bound to its data, where that was done before.

    Raises:
        ValueError: the parameter was not estimated.
        FitCancelled: because of `cancel`.

    Example:
        >>> from covstudio.data.examples import load_example
        >>> from covstudio.document.files.templates import templates
        >>> from covstudio.estimate import assemble, estimate
        >>> table = load_example("john_alpha")
        >>> document = templates()[0].document(table)
        >>> found = profile(assemble(document, table), estimate(document, table).fit, "block/g/sigma^2")
        >>> round(found.lower, 4), round(found.upper, 3)
        (0.0183, 0.199)
    """
    return (told or bound(parts, fit)).profile(path, LEVEL, callback, cancel)


def cut_off(level: float = LEVEL) -> float:
    """How far the log-likelihood falls to the ends of an interval.

    Example:
        >>> round(cut_off(), 4)
        1.9207
    """
    return 0.5 * normal_quantile(0.5 + 0.5 * level) ** 2


def curve(found: Profile, count: int = 81) -> list[tuple[float, float]]:
    """The profile log-likelihood less its maximum, as points of a smooth curve.

    The signed root is nearly a straight line between the refits: it is interpolated, by monotone cubics, and
    squared.

    Args:
        found: the profile.
        count: of points.

    Reference:
        Bates & Watts (1988), Nonlinear Regression Analysis and Its Applications, section 6.1; Fritsch &
        Carlson (1980), SIAM J. Numer. Anal. 17:238.
    """
    from scipy.interpolate import PchipInterpolator

    reach = DRAWN * normal_quantile(0.5 + 0.5 * found.level)
    points = [p for p in found.points if p.converged and np.isfinite(p.value) and np.isfinite(p.root)]
    values = np.array([p.value for p in points])
    # A refit above the fit's own maximum would turn the curve round.
    roots = np.maximum.accumulate(np.array([p.root for p in points])) if points else values
    if len(points) < 2:
        return list(zip(values.tolist(), (-0.5 * roots**2).tolist(), strict=True))
    smooth = PchipInterpolator(values, roots)
    low, high = _where(values, roots, -reach), _where(values, roots, reach)
    # Where the likelihood levels off the refits go on for ever.
    if math.isinf(found.upper):
        high = min(high, found.estimate + LEVELLED * max(found.estimate - low, abs(found.estimate)))
    if math.isinf(found.lower):
        low = max(low, found.estimate - LEVELLED * max(high - found.estimate, abs(found.estimate)))
    grid = np.linspace(low, high, count)
    return list(zip(grid.tolist(), (-0.5 * smooth(grid) ** 2).tolist(), strict=True))


def _where(values: NDArray[np.float64], roots: NDArray[np.float64], root: float) -> float:
    """Where the root reaches a value, or the end of what is known."""
    return float(np.interp(root, roots, values))
