"""Coordinates of rows, the distances between them, and how a structure keeps them."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from covstudio.covariance.core.checks import as_float_tensor, check_finite
from covstudio.covariance.parameters.differentiation import recorded

__all__ = [
    "EARTH_RADIUS_KM",
    "METRICS",
    "Pairs",
    "check_dimensions",
    "check_metric",
    "check_points",
    "coordinate_distances",
    "distances",
]

#: Mean radius of the earth in kilometres (Moritz 2000, Geodetic Reference System 1980).
EARTH_RADIUS_KM = 6371.0088

#: Distances between rows; the last two are for latitude and longitude in degrees, and in kilometres.
METRICS = ("euclidean", "cityblock", "great-circle", "chordal")

_ON_A_SPHERE = ("great-circle", "chordal")
#: Unit vectors computed from two writings of one place (180 and -180 degrees, any longitude at a pole) differ
#: by rounding; on the earth this is some hundredths of a micrometre.
_SAME_PLACE = 8 * torch.finfo(torch.float64).eps


def check_points(values: object, name: str = "coordinates") -> Tensor:
    """The coordinates of n rows as a float64 table.

    Args:
        values: One number per row (a vector), or one row of d numbers per row (a table): nested lists, a
            tensor, an array, a Series or the numeric columns of a DataFrame.
        name: The argument's name, for the message.

    Returns:
        Shape (n, d).

    Raises:
        TypeError: the values are not numbers.
        ValueError: they are empty, of more than two dimensions, of unequal length, or not finite.

    Example:
        >>> check_points([1.0, 2.0, 4.0]).shape, check_points([[1, 2], [3, 4], [5, 6]]).shape
        (torch.Size([3, 1]), torch.Size([3, 2]))
    """
    tensor = as_float_tensor(values, name).to("cpu", torch.float64)
    if tensor.ndim not in (1, 2) or tensor.numel() == 0:
        raise ValueError(
            f"{name} must be a vector of one number per row, or a table of one row of numbers per row, got "
            f"shape {tuple(tensor.shape)}; give n numbers, or n rows of d numbers"
        )
    return check_finite(tensor if tensor.ndim == 2 else tensor[:, None], name)


def check_metric(metric: object, reasons: Mapping[str, str], label: str) -> str:
    """The name of a metric that a structure takes.

    Args:
        metric: What the caller gave.
        reasons: Why the structure refuses some metrics: metric -> reason.
        label: The structure's name, for the message.

    Raises:
        ValueError: there is no such metric, or the structure is not a covariance with it.
    """
    if metric not in METRICS:
        raise ValueError(f"{label}: metric must be one of {', '.join(METRICS)}, got {metric!r}; choose one")
    assert isinstance(metric, str)
    if metric in reasons:
        taken = [name for name in METRICS if name not in reasons]
        raise ValueError(
            f"{label}: metric must be {' or '.join(taken)}, got {metric!r}: {reasons[metric]}; choose "
            f"another metric or another structure"
        )
    return metric


def check_dimensions(points: Tensor, metric: str, most: int | None, reason: str, label: str) -> int:
    """The dimensions of the space that the points lie in; check that the structure is valid there.

    Args:
        points: Coordinates, shape (n, d).
        metric: One of `METRICS`; chordal distances are Euclidean ones in three dimensions.
        most: The largest dimension the structure is valid in, None for any.
        reason: Why it is not valid in more.
        label: The structure's name, for the message.

    Returns:
        d, or 3 for places on the earth.

    Raises:
        ValueError: there are too many dimensions, or the columns are not a latitude and a longitude where
            the metric needs them.
    """
    columns = points.shape[1]
    if metric in _ON_A_SPHERE:
        _check_degrees(points, metric, label)
        columns = 3
    if most is not None and columns > most:
        raise ValueError(
            f"{label}: coordinates must have {'one column' if most == 1 else f'at most {most} columns'}, got "
            f"{columns} columns: {reason}; use fewer coordinates or another structure"
        )
    return columns


def _check_degrees(points: Tensor, metric: str, label: str) -> None:
    if points.shape[1] != 2:
        raise ValueError(
            f"{label}: coordinates must be two columns, latitude and longitude in degrees, for the metric "
            f"{metric!r}, got {points.shape[1]}; give both, in this order"
        )
    for column, (word, bound) in enumerate((("latitude", 90.0), ("longitude", 360.0))):
        bad = points[:, column].abs() > bound
        if bool(bad.any()):
            row = int(bad.nonzero()[0])
            raise ValueError(
                f"{label}: coordinates must hold a {word} between -{bound:g} and {bound:g} degrees in column "
                f"{column} for the metric {metric!r}, got {float(points[row, column]):g} in row {row}; give "
                "latitude, then longitude, in degrees"
            )


def distances(points: Tensor, metric: str = "euclidean") -> Tensor:
    r"""The distances of all pairs of rows.

    Euclidean :math:`\sqrt{\sum_k (x_k - y_k)^2}`; city-block :math:`\sum_k |x_k - y_k|`; great-circle, the
    shortest way on a sphere of radius `EARTH_RADIUS_KM`; chordal, the straight way through it.

    Args:
        points: Coordinates, shape (n, d), float64; latitude and longitude in degrees for the latter two.
        metric: One of `METRICS`.

    Returns:
        Shape (n, n), symmetric to the last bit, exact zeros on the diagonal and for coincident rows; in the
        unit of the coordinates, or in kilometres.

    Example:
        >>> import torch
        >>> distances(torch.tensor([[0.0, 0.0], [3.0, 4.0]], dtype=torch.float64))
        tensor([[0., 5.],
                [5., 0.]], dtype=torch.float64)

    Reference:
        Kahan (2014), How futile are mindless assessments of roundoff, section 12: the angle between unit
        vectors u and v as 2 atan2(|u - v|, |u + v|), accurate for near and for antipodal points.
    """
    if metric in _ON_A_SPHERE:
        latitude, longitude = torch.deg2rad(points).unbind(1)
        away = torch.cos(latitude)
        place = torch.stack([away * torch.cos(longitude), away * torch.sin(longitude), torch.sin(latitude)])
        chord = _norm(place[:, :, None] - place[:, None])
        chord = chord.masked_fill(chord <= _SAME_PLACE, 0.0)
        if metric == "chordal":
            return EARTH_RADIUS_KM * chord
        return EARTH_RADIUS_KM * 2.0 * torch.atan2(chord, _norm(place[:, :, None] + place[:, None]))
    parts = coordinate_distances(points)
    return parts.sum(0) if metric == "cityblock" else _norm(parts)


def coordinate_distances(points: Tensor) -> Tensor:
    """The distances of all pairs along each coordinate, shape (n, d) -> (d, n, n)."""
    columns = points.T
    return (columns[:, :, None] - columns[:, None]).abs()


def _norm(parts: Tensor) -> Tensor:
    """Euclidean length along the first axis; no square of a large or a small number is formed."""
    total = parts[0].abs()
    for part in parts[1:]:
        total = torch.hypot(total, part)
    return total


class Pairs:
    """The distances of all pairs of rows, kept once per different value where that is worth it.

    On a regular grid most pairs repeat a distance: a correlation is then computed for the different ones, and
    written out to all pairs by position.

    Args:
        parts: Distances, float64, shape (k, n, n): one matrix, or one per coordinate.
        costly: The correlation of one distance is so costly that none is to be evaluated twice; where several
            coordinates enter, it is taken to be.

    Attributes:
        parts: Shape (k, m), or (k, n, n) when all pairs are kept.
        distinct: Whether no two rows coincide.
        smallest: The smallest positive entry of each part, or 0 where it has none, shape (k,).
        largest: The largest entry of each part, shape (k,).

    Example:
        >>> import torch
        >>> pairs = Pairs(distances(torch.arange(20.0, dtype=torch.float64)[:, None])[None])
        >>> pairs.parts.shape, pairs.spread(pairs.parts[0]).shape
        (torch.Size([1, 20]), torch.Size([20, 20]))
    """

    def __init__(self, parts: Tensor, costly: bool = False) -> None:
        count, size = parts.shape[0], parts.shape[-1]
        self.size = size
        self.distinct = int((parts == 0).all(0).sum()) == size
        self.largest = parts.flatten(1).amax(1)
        least = parts.masked_fill(parts == 0, math.inf).flatten(1).amin(1)
        self.smallest = least.masked_fill(torch.isinf(least), 0.0)
        rows, columns = torch.tril_indices(size, size, -1)
        values, inverse = _different(parts[:, rows, columns])
        self.parts = parts
        self._where: Tensor | None = None
        self._copies: dict[tuple[str, torch.dtype, torch.device], Tensor] = {}
        if costly or count > 1 or 8 * values.shape[1] <= size * size:
            self.parts = torch.cat([parts.new_zeros((count, 1)), values], dim=1)
            where = torch.zeros((size, size), dtype=torch.int64)
            where[rows, columns] = inverse + 1
            where[columns, rows] = inverse + 1
            self._where = where.flatten()

    def like(self, natural: Tensor, constant: Tensor | None = None, name: str = "parts") -> Tensor:
        """The parts, or another constant known by a name, in the dtype and on the device given."""
        return self._on(name, self.parts if constant is None else constant, natural.dtype, natural.device)

    def spread(self, values: Tensor) -> Tensor:
        """One value per pair, shape (..., n, n), from one per kept distance."""
        if self._where is None:
            return values
        where = self._on("where", self._where, self._where.dtype, values.device)
        if values.ndim == 2 and not recorded(values):
            result = values.new_empty((len(values), self.size, self.size))
            for row, out in zip(values, result, strict=True):
                self._gather(row, out)
            return result
        chosen = torch.index_select(values, -1, where)
        return chosen.reshape(*values.shape[:-1], self.size, self.size)

    def write(self, values: Tensor, factor: Tensor, out: Tensor) -> None:
        """Write one value per pair times a number, from one per kept distance, into (n, n)."""
        if self._where is None:
            torch.mul(values, factor, out=out)
            return
        self._gather((values * factor).to(out.dtype), out)

    def _gather(self, values: Tensor, out: Tensor) -> None:
        assert self._where is not None
        where = self._on("where", self._where, self._where.dtype, values.device)
        # Row by row of the result: this runs in parallel, which the selection from one vector does not.
        torch.gather(values.expand(self.size, -1), 1, where.view(self.size, self.size), out=out)

    def _on(self, name: str, tensor: Tensor, dtype: torch.dtype, device: torch.device) -> Tensor:
        """A constant in another precision or on another device, converted once."""
        if tensor.dtype == dtype and tensor.device == device:
            return tensor
        key = (name, dtype, device)
        if key not in self._copies:
            # A copy made in inference mode could never take part in differentiation.
            with torch.inference_mode(False):
                self._copies[key] = tensor.to(dtype=dtype, device=device)
        return self._copies[key]


def _different(columns: Tensor) -> tuple[Tensor, Tensor]:
    """The different columns of a table and, for each column, which of them it is."""
    _, code = torch.unique(columns[0], return_inverse=True)
    for row in columns[1:]:
        values, rank = torch.unique(row, return_inverse=True)
        # The codes so far count below the number of columns, so that the product stays within 64 bits.
        _, code = torch.unique(code * max(len(values), 1) + rank, return_inverse=True)
    found = int(code.max()) + 1 if len(code) else 0
    example = torch.zeros(found, dtype=torch.int64)
    example[code] = torch.arange(len(code))
    return columns[:, example], code
