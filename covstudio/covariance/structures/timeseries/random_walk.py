"""Random walks observed at any times: the Wiener process, and its integral, the cubic smoothing spline."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import Argument, declare
from covstudio.covariance.core.leaf import Leaf, ParamSpecs
from covstudio.covariance.structures.elementary.elementary import variance
from covstudio.covariance.structures.timeseries.markov import MarkovLeaf, in_time, register_prediction
from covstudio.covariance.structures.timeseries.ornstein_uhlenbeck import SHARED_TIMES, check_times
from covstudio.covariance.structures.timeseries.prediction_errors import (
    check_errors,
)

__all__ = ["IntegratedRandomWalkMatrix", "RandomWalkMatrix"]

_TIMES = Argument(
    "times", "coordinates", "Times", "The time of each row since the walk began, 0 or later, in any order"
)


class _Walk(Leaf):
    """sigma^2 times a covariance that the times alone decide."""

    def __init__(
        self, times: object, param_specs: ParamSpecs | None = None, *, shared_times: bool = False
    ) -> None:
        self.times = check_times(times, shared_times, type(self).__name__)
        early = int(self.times.argmin())
        if float(self.times[early]) < 0:
            raise ValueError(
                "times must be 0 or later, as the walk starts at time 0 from 0, got "
                f"{float(self.times[early]):g} at {early}; count them from the smallest or before"
            )
        size = self.times.shape[0]
        self._order = torch.argsort(self.times)
        self._steps = self.times[self._order].diff(prepend=self.times.new_zeros(1))
        self._definite = bool((self._steps > 0).all())
        super().__init__((size, size), param_specs, [variance()])

    def _pattern(self) -> Tensor:
        """V / sigma^2 in float64."""
        raise NotImplementedError

    def evaluate(self, natural: Tensor) -> Tensor:
        """V, shape (n, n), from natural values [sigma^2]."""
        return natural[0] * self._pattern().to(natural)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dV/d sigma^2 = V / sigma^2, shape (len(index), n, n)."""
        return self._pattern().to(natural).expand(len(index), -1, -1)

    def _variances(self) -> Tensor:
        """The diagonal of V / sigma^2 in float64."""
        raise NotImplementedError

    def _product(self, b: Tensor) -> Tensor:
        """V b / sigma^2, without V."""
        raise NotImplementedError

    def _ends(self) -> tuple[Tensor, Tensor]:
        """The earlier and the later of the times of two rows, each of shape (n, n)."""
        return torch.minimum(self.times[:, None], self.times), torch.maximum(self.times[:, None], self.times)


@declare(
    title="Random walk",
    category="Time series",
    place=11,
    formula=r"V_{ij} = \sigma^2 \min(t_i, t_j)",
    symbol="σ²min(tᵢ,tⱼ)",
    summary="The Wiener process: independent increments with variances proportional to the time they take.",
    arguments=(_TIMES, SHARED_TIMES),
    aliases={"Gaussian processes": ("Wiener", "Brownian motion")},
    reference="Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, appendix B.2",
    parameters={"sigma^2": "Variance of the increment over one unit of time."},
    psd=True,
    linear=True,
    scale="sigma^2",
    example=lambda: RandomWalkMatrix([1.0, 2.0, 3.5, 4.0]),
)
class RandomWalkMatrix(MarkovLeaf, _Walk):
    r"""The random walk in continuous time, :math:`V_{ij} = \sigma^2 \min(t_i, t_j)`.

    Parameters: `sigma^2` (natural: the variance of the increment over one unit of time; raw: exp(2 theta),
    default 0). The walk starts at time 0 from 0; its variance grows with time. With times 1, 2, ..., n it is
    the sum of independent steps.

    V^-1 is tridiagonal where the rows stand in the order of time. Rows that share a time are fully
    correlated, and a row at time 0 is constant: V is then singular, though still positive semi-definite, so
    it needs a residual beside it before it can be inverted.

    Args:
        times: One time per row, 0 or later: a list, tuple, 1-D tensor or Series of n finite numbers, in any
            order.
        param_specs: Declaration to use in place of the default one.
        shared_times: Whether rows may share a time, as where several subjects are measured on the same days.

    Raises:
        TypeError: `times` does not hold numbers, or `shared_times` is neither True nor False.
        ValueError: `times` is empty, not one vector, holds a negative number, a NaN or an infinity, or
            the same time twice without `shared_times`.

    Example:
        >>> import torch
        >>> from covstudio.covariance import RandomWalkMatrix
        >>> RandomWalkMatrix([1.0, 4.0, 2.0])(torch.tensor([0.0]))
        tensor([[1., 1., 1.],
                [1., 4., 2.],
                [1., 2., 2.]])

    Reference:
        Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, appendix B.2 (the Wiener
        process).
    """

    def _pattern(self) -> Tensor:
        return self._ends()[0]

    def _variances(self) -> Tensor:
        return self.times

    def _product(self, b: Tensor) -> Tensor:
        return _walk_product(self, b)

    def _recursion(self, natural: Tensor) -> tuple[Tensor, Tensor]:
        # A row less the one before it.
        steps = self._steps.to(natural)
        variances = self.times[self._order].to(natural)
        check_errors(self, torch.where(variances > 0, steps / variances, 0.0) * (natural[0] > 0))
        back = -torch.ones_like(steps)
        back[0] = 0.0
        return torch.stack([torch.ones_like(steps), back], dim=1), natural[0] * steps


@declare(
    title="Integrated random walk (cubic smoothing spline)",
    category="Time series",
    place=12,
    formula=r"V_{ij} = \sigma^2 \frac{a^2 (3 b - a)}{6}, \quad a = \min(t_i, t_j), \; b = \max(t_i, t_j)",
    symbol="σ²a²(3b−a)/6",
    summary="The integral of a random walk: the smooth part of a cubic smoothing spline.",
    arguments=(_TIMES, SHARED_TIMES),
    aliases={"ASReml": ("spl",), "Gaussian processes": ("integrated Wiener",)},
    reference=(
        "Wahba (1978), Improper priors, spline smoothing and the problem of guarding against model errors in "
        "regression, J. Royal Statistical Society B 40, 364-372"
    ),
    parameters={"sigma^2": "Variance of the increment of the slope over one unit of time."},
    usage={"ASReml": "fixed = y ~ time, random = ~ spl(time)"},
    psd=True,
    linear=True,
    scale="sigma^2",
    example=lambda: IntegratedRandomWalkMatrix([1.0, 2.0, 3.5, 4.0]),
)
class IntegratedRandomWalkMatrix(_Walk):
    r"""The integral of a random walk, :math:`V_{ij} = \sigma^2 \int_0^a (t_i - u)(t_j - u)\, du`.

    With :math:`a = \min(t_i, t_j)` and :math:`b = \max(t_i, t_j)` this is :math:`\sigma^2 a^2 (3b - a) / 6`.
    With fixed intercept and slope and an independent residual, its best prediction is the cubic smoothing
    spline, whose smoothing parameter is the ratio of the residual variance to sigma^2 (Wahba 1978; Verbyla et
    al. 1999). ASReml's `spl` keeps the same model in another basis, orthogonal to intercept and slope.

    Parameters: `sigma^2` (natural: the variance of the increment of the slope over one unit of time; raw:
    exp(2 theta), default 0). Process and slope start at time 0 from 0.

    Rows that share a time are fully correlated, and a row at time 0 is constant: V is then singular, though
    still positive semi-definite. V is badly conditioned where times are close together; as a term beside a
    residual that does no harm.

    Args:
        times: One time per row, 0 or later: a list, tuple, 1-D tensor or Series of n finite numbers, in any
            order.
        param_specs: Declaration to use in place of the default one.
        shared_times: Whether rows may share a time, as where several subjects are measured on the same days.

    Raises:
        TypeError: `times` does not hold numbers, or `shared_times` is neither True nor False.
        ValueError: `times` is empty, not one vector, holds a negative number, a NaN or an infinity, or
            the same time twice without `shared_times`.

    Example:
        >>> import torch
        >>> from covstudio.covariance import IntegratedRandomWalkMatrix
        >>> IntegratedRandomWalkMatrix([1.0, 2.0])(torch.tensor([0.0]))
        tensor([[0.3333, 0.8333],
                [0.8333, 2.6667]])

    Reference:
        Wahba (1978), Improper priors, spline smoothing and the problem of guarding against model errors in
        regression, Journal of the Royal Statistical Society B 40, 364-372; Verbyla, Cullis, Kenward & Welham
        (1999), The analysis of designed experiments and longitudinal data by using smoothing splines, Applied
        Statistics 48, 269-311.
    """

    def _pattern(self) -> Tensor:
        early, late = self._ends()
        return early * early * (3 * late - early) / 6

    def _variances(self) -> Tensor:
        return self.times**3 / 3

    def _product(self, b: Tensor) -> Tensor:
        return _spline_product(self, b)


@linalg.diagonal.register(_Walk)
def _(matrix: _Walk, natural: Tensor) -> Tensor:
    return natural[0] * matrix._variances().to(natural)


@linalg.derivative_diagonal.register(_Walk)
def _(matrix: _Walk, natural: Tensor, index: Sequence[int]) -> Tensor:
    return matrix._variances().to(natural).repeat(len(index), 1)


@linalg.matmul.register(_Walk)
def _(matrix: _Walk, natural: Tensor, b: Tensor) -> Tensor:
    return natural[0] * matrix._product(b)


@linalg.derivative_matmul.register(_Walk)
def _(matrix: _Walk, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    return matrix._product(b).expand(len(index), -1, -1)


def _walk_product(matrix: RandomWalkMatrix, b: Tensor) -> Tensor:
    """min(t_i, t_j) b: sums over later rows, weighted by the steps, summed over earlier ones."""
    order = matrix._order.to(b.device)
    later = b[order].flip(0).cumsum(0).flip(0)
    product = torch.empty_like(b)
    product[order] = (matrix._steps.to(b)[:, None] * later).cumsum(0)
    return product


def _spline_product(matrix: IntegratedRandomWalkMatrix, b: Tensor) -> Tensor:
    """V b / sigma^2: earlier rows j give t_j^2 t_i / 2 - t_j^3 / 6, later ones t_i^2 t_j / 2 - t_i^3 / 6."""
    order = matrix._order.to(b.device)
    times, rows = matrix.times.to(b)[order, None], b[order]
    earlier = times * (times**2 * rows).cumsum(0) / 2 - (times**3 * rows).cumsum(0) / 6
    # Sums over strictly later rows.
    after, moment = rows.sum(0) - rows.cumsum(0), (times * rows).sum(0) - (times * rows).cumsum(0)
    product = torch.empty_like(b)
    product[order] = earlier + times**2 * moment / 2 - times**3 * after / 6
    return product


register_prediction(RandomWalkMatrix)


@linalg.precision_derivatives.register(RandomWalkMatrix, when=in_time)
def _(matrix: RandomWalkMatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    slope = -linalg.precision(matrix, natural) / natural[0]
    return slope.expand(len(index), -1, -1)
