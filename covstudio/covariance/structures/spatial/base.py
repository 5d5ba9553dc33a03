"""The base of stationary structures of coordinates: distances, ranges, and the chain rule through them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import Argument
from covstudio.covariance.core.checks import check_flag
from covstudio.covariance.core.leaf import Leaf, ParamSpecs
from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.numerics.distance import (
    Pairs,
    check_dimensions,
    check_metric,
    check_points,
    coordinate_distances,
    distances,
)
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.parameters.transforms import TransformExp
from covstudio.covariance.structures.elementary.elementary import variance

__all__ = [
    "ANISOTROPIC",
    "EUCLIDEAN_ONLY",
    "NOT_CITYBLOCK",
    "NOT_GREAT_CIRCLE",
    "RANGE_MEANING",
    "VARIANCE_MEANING",
    "PlainSpatialMatrix",
    "SpatialMatrix",
    "apart",
    "check_flag",
    "constant_diagonal",
    "constant_diagonal_slopes",
    "coordinates_argument",
    "metric_argument",
    "per_dimension",
]

NOT_CITYBLOCK = {
    "cityblock": "of the structures here only the exponential and the power are covariances of city-block "
    "distances, being products over coordinates"
}
NOT_GREAT_CIRCLE = {
    "great-circle": "on the sphere this correlation is not positive semi-definite; of the structures here "
    "only the exponential, the power and Matern with nu up to 1/2 are (Gneiting 2013)"
}
EUCLIDEAN_ONLY = {
    **NOT_CITYBLOCK,
    **NOT_GREAT_CIRCLE,
    "chordal": "chordal distances are those of points in three dimensions, where this correlation is not "
    "positive semi-definite",
}

VARIANCE_MEANING = "Marginal variance of every position."
RANGE_MEANING = {
    "range": "Scale of distance over which the correlation falls, in the unit of the coordinates.",
    "range_j": "The same along coordinate j, when anisotropic.",
}


def coordinates_argument(most: int | None = None) -> Argument:
    """The declaration of the coordinates of a structure valid in up to `most` dimensions."""
    text = "One numeric column per dimension, one value per row"
    return Argument("coordinates", "coordinates", "Coordinates", text, columns=(1, most))


def metric_argument(*metrics: str) -> Argument:
    """The declaration of the choice between metrics."""
    return Argument(
        "metric",
        "choice",
        "Distance",
        "The distance between rows; great-circle and chordal take latitude and longitude in degrees",
        default="euclidean",
        choices=metrics,
    )


ANISOTROPIC = Argument(
    "anisotropic",
    "flag",
    "Anisotropic",
    "One parameter per coordinate instead of one for all",
    default=False,
)


def per_dimension(name: str, count: int, anisotropic: bool) -> list[str]:
    """The names of parameters: `range`, or `range_0`, `range_1`, ... when anisotropic."""
    return [f"{name}_{k}" for k in range(count)] if anisotropic else [name]


class SpatialMatrix(Leaf):
    r"""A stationary covariance of coordinates, :math:`V_{ij} = \sigma^2 k(h_{ij})`, h = distance / range.

    Anisotropic, :math:`h^2 = \sum_k (x_{ik} - x_{jk})^2 / \mathrm{range}_k^2`, or for city-block distances
    :math:`h = \sum_k |x_{ik} - x_{jk}| / \mathrm{range}_k`: geometric anisotropy along the axes, which keeps
    a covariance one. Parameters: `sigma^2`; `range`, or `range_0`, ... ; then those of the shape of k.

    A family gives k by three functions of h. With `_logarithmic` they are given log h in place of h, for
    correlations whose tails or limits need it; rows that coincide are then left out (k is 1 there).

    Args:
        coordinates: What the caller gave.
        metric: One of `METRICS`.
        anisotropic: One range per coordinate.
        param_specs: Declaration to use in place of the default one.
    """

    #: Metrics with which k is not a covariance, and why.
    _refused: Mapping[str, str] = {**NOT_CITYBLOCK, **NOT_GREAT_CIRCLE}

    #: The largest dimension in which k is a covariance, None for any.
    _most: int | None = None

    _why: str = ""

    #: An h beyond which k and its derivatives are zero in every precision.
    _limit = 800.0

    _logarithmic = False

    def __init__(
        self,
        coordinates: object,
        metric: object,
        anisotropic: object,
        param_specs: ParamSpecs | None,
    ) -> None:
        label = type(self).__name__
        self.metric = check_metric(metric, self._refused, label)
        self.anisotropic = check_flag(anisotropic, "anisotropic", label)
        self.coordinates = check_points(coordinates)
        self.dimensions = check_dimensions(self.coordinates, self.metric, self._most, self._why, label)
        if self.anisotropic and self.metric in ("great-circle", "chordal"):
            raise ValueError(
                f"{label}: anisotropic must be False for the metric {self.metric!r}, got True: a range per "
                "degree of latitude and of longitude is none on the earth; project the coordinates first"
            )
        own = self.anisotropic
        points = self.coordinates
        parts = coordinate_distances(points) if own else distances(points, self.metric)[None]
        self._pairs = Pairs(parts, costly=self._logarithmic)
        self._definite = self._pairs.distinct
        kept = self._pairs.parts
        self._coincide = (kept == 0).all(0)
        self._logs = kept.masked_fill(self._coincide, 1.0).log() if self._logarithmic else kept[:0]
        # At smaller ranges all distances are beyond the limit; at ranges of no size beside the distances a
        # quotient could overflow.
        self._floor = torch.maximum(self._pairs.smallest / self._limit, 1e-15 * self._pairs.largest)
        ranges = [Parameter(name, TransformExp()) for name in per_dimension("range", points.shape[1], own)]
        size = points.shape[0]
        self._ranges = len(ranges)
        super().__init__((size, size), param_specs, [variance(), *ranges, *self.shape_parameters()])

    def shape_parameters(self) -> list[Parameter]:
        """The declarations of the parameters behind the ranges; `dimensions` is known by then."""
        return []

    def correlation(self, h: Tensor, shape_values: Tensor) -> Tensor:
        """k(h), with 1 at h = 0.

        Args:
            h: Distances over range, any shape; log h for a `_logarithmic` family.
            shape_values: Natural values of the parameters of the shape.
        """
        raise NotImplementedError(f"{type(self).__name__} must define its correlation(h, shape_values).")

    def decline(self, h: Tensor, shape_values: Tensor) -> Tensor:
        """-h k'(h), minus the derivative of k by log h, which is 0 at h = 0; as `correlation`."""
        raise NotImplementedError(f"{type(self).__name__} must define its decline(h, shape_values).")

    def decline_beside(self, h: Tensor, shape_values: Tensor, correlation: Tensor | None) -> Tensor:
        """What `decline` returns, where `correlation` may be known: for a k that helps with it."""
        return self.decline(h, shape_values)

    def shape_slope(self, h: Tensor, shape_values: Tensor, which: int) -> Tensor:
        """The derivative of k(h) by the shape parameter `which`; as `correlation`."""
        raise NotImplementedError(f"{type(self).__name__} has no parameter {which} of its shape.")

    def _scales(self, natural: Tensor) -> Tensor:
        """The ranges, kept off zero, shaped to divide the parts."""
        ranges = natural[1 : 1 + self._ranges]
        least = torch.finfo(natural.dtype).tiny
        if self._logarithmic:
            ranges = ranges.clamp_min(least)
        else:
            ranges = torch.maximum(ranges, self._floor.to(natural).clamp_min(least))
        return ranges.reshape(-1, *[1] * (self._pairs.parts.ndim - 1))

    def _steps(self, natural: Tensor) -> Tensor:
        """h for all kept pairs; log h, and 0 where rows coincide, for a logarithmic family."""
        if self._logarithmic:
            logs = self._pairs.like(natural, self._logs, "logs") - torch.log(self._scales(natural))
            return logs[0] if len(logs) == 1 else 0.5 * torch.logsumexp(2.0 * logs, 0)
        ratios = self._pairs.like(natural) / self._scales(natural)
        if len(ratios) == 1:
            h = ratios[0]
        elif self.metric == "cityblock":
            h = ratios.sum(0)
        else:
            square = (ratios * ratios).sum(0)
            zero = square == 0
            h = square.masked_fill(zero, 1.0).sqrt().masked_fill(zero, 0.0)
        return h.clamp_max(self._limit)

    def _share(self, natural: Tensor, k: int) -> Tensor | float:
        """The part that coordinate k has in log h: its derivative by log range, times -1."""
        if self._ranges == 1:
            return 1.0
        if self._logarithmic:
            logs = self._pairs.like(natural, self._logs, "logs") - torch.log(self._scales(natural))
            return torch.softmax(2.0 * logs, 0)[k]
        ratios = self._pairs.like(natural) / self._scales(natural)
        if self.metric != "cityblock":
            ratios = ratios * ratios
        total = ratios.sum(0)
        return ratios[k] / total.masked_fill(total == 0, 1.0)

    def _widened(self, natural: Tensor) -> Tensor:
        """The natural values in float64 for a logarithmic family: its slopes are differences."""
        return natural.double() if self._logarithmic else natural

    def _settled(self, values: Tensor, at_zero: float) -> Tensor:
        """Values of a logarithmic family with those of coincident rows filled in."""
        if not self._logarithmic:
            return values
        return values.masked_fill(self._coincide.to(values.device), at_zero)

    def _correlations(self, natural: Tensor, wide: Tensor, h: Tensor) -> Tensor:
        """k(h) for all kept pairs, 1 where rows coincide; not to be written to."""

        def compute() -> Tensor:
            return self._settled(self.correlation(h, wide[1 + self._ranges :]), 1.0)

        return self._once(natural, "correlations", compute)

    def evaluate(self, natural: Tensor) -> Tensor:
        """sigma^2 k(h), shape (n, n), from natural values [sigma^2, ranges, shape parameters]."""
        wide = self._widened(natural)
        value = wide[0] * self._correlations(natural, wide, self._steps(wide))
        return self._pairs.spread(value.to(natural.dtype))

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """The derivatives of sigma^2 k(h) for the parameters asked for, shape (len(index), n, n)."""
        if not len(index):
            return natural.new_zeros((0, *self.shape))
        wide = self._widened(natural)
        made = self._slopes(natural, wide, self._steps(wide), index)
        slices = [values * factor / divisor for values, factor, divisor in made]
        return self._pairs.spread(torch.stack(slices).to(natural.dtype))

    def write(
        self, natural: Tensor, value: Tensor | None, index: Sequence[int], slopes: Tensor, slices: Tensor
    ) -> None:
        """Write V and slices of its Jacobian, made of the same distances; see `Matrix.write`."""
        wide = self._widened(natural)
        h = self._steps(wide)
        correlation: Tensor | None = None
        if value is not None:
            correlation = self._correlations(natural, wide, h)
            self._pairs.write(correlation, wide[0], value)
        made = self._slopes(natural, wide, h, index, correlation)
        for (values, factor, divisor), slope, target in zip(made, slopes.to(wide.dtype), slices, strict=True):
            self._pairs.write(values, factor * (slope / divisor), target)

    def _slopes(
        self,
        natural: Tensor,
        wide: Tensor,
        h: Tensor,
        index: Sequence[int],
        correlation: Tensor | None = None,
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield each derivative: one value per kept distance, times the first number, over the second."""
        shape_values, one = wide[1 + self._ranges :], wide.new_ones(())
        decline: Tensor | None = None
        for position in index:
            k = position - 1
            if position == 0:
                if correlation is None:
                    correlation = self._correlations(natural, wide, h)
                yield correlation, one, one
            elif k < self._ranges:
                if decline is None:
                    decline = self._settled(self.decline_beside(h, shape_values, correlation), 0.0)
                share = self._share(wide, k)
                part = decline if isinstance(share, float) else decline * share
                yield part, wide[0], self._scales(wide)[k].reshape(())
            else:
                slope = self.shape_slope(h, shape_values, k - self._ranges)
                yield self._settled(slope, 0.0), wide[0], one


class PlainSpatialMatrix(SpatialMatrix):
    """A stationary covariance of coordinates with nothing to choose but metric and anisotropy.

    Args:
        coordinates: What the caller gave.
        metric: One of `METRICS`.
        anisotropic: One range per coordinate.
        param_specs: Declaration to use in place of the default one.
    """

    def __init__(
        self,
        coordinates: object,
        *,
        metric: str = "euclidean",
        anisotropic: bool = False,
        param_specs: ParamSpecs | None = None,
    ) -> None:
        super().__init__(coordinates, metric, anisotropic, param_specs)


def constant_diagonal(matrix: Matrix, natural: Tensor) -> Tensor:
    """The diagonal of a stationary structure whose first parameter is its variance, in O(n)."""
    return natural[0].repeat(matrix.shape[0])


def constant_diagonal_slopes(matrix: Matrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    """The diagonals of its derivatives: ones for the variance, zeros for all else."""
    first = natural.new_tensor([float(position == 0) for position in index])
    return first[:, None].repeat(1, matrix.shape[0])


linalg.diagonal.register(SpatialMatrix)(constant_diagonal)
linalg.derivative_diagonal.register(SpatialMatrix)(constant_diagonal_slopes)


def apart(points: Tensor, metric: str, anisotropic: bool, i: int, j: int) -> linalg.Separation:
    """The distance between two rows, or their steps along coordinates that have ranges of their own."""
    if anisotropic:
        return linalg.between(points, i, j, "step")
    size = float(distances(points[[i, j]].to(torch.float64), metric)[0, 1])
    return linalg.between(points, i, j, "distance", size)


@linalg.separation.register(SpatialMatrix)
def _(matrix: SpatialMatrix, i: int, j: int) -> linalg.Separation:
    return apart(matrix.coordinates, matrix.metric, matrix.anisotropic, i, j)
