"""Bases of functions of one numeric column: powers, orthogonal and Legendre polynomials, B-splines."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["b_splines", "legendre", "orthogonal_polynomials", "powers", "quantiles", "spline_knots"]


def powers(x: Tensor, degree: int) -> Tensor:
    """x^0, ..., x^degree, shape (n, degree + 1).

    Example:
        >>> import torch
        >>> powers(torch.tensor([2.0, 3.0]), 2)
        tensor([[1., 2., 4.],
                [1., 3., 9.]])
    """
    return x[:, None] ** torch.arange(degree + 1, device=x.device)


def legendre(t: Tensor, degree: int, normalised: bool = False) -> Tensor:
    r"""The Legendre polynomials :math:`P_0, \dots, P_{degree}` at t in [-1, 1], shape (n, degree + 1).

    By the recurrence :math:`(k + 1) P_{k+1} = (2 k + 1) t P_k - k P_{k-1}`. Normalised ones are
    :math:`\sqrt{(2 k + 1) / 2}\, P_k`, of unit length over the interval.

    Args:
        t: Positions, shape (n,).
        degree: The largest degree.
        normalised: Whether they have unit length over [-1, 1].

    Example:
        >>> import torch
        >>> legendre(torch.tensor([-1.0, 0.0, 1.0]), 2)
        tensor([[ 1.0000, -1.0000,  1.0000],
                [ 1.0000,  0.0000, -0.5000],
                [ 1.0000,  1.0000,  1.0000]])

    Reference:
        Abramowitz & Stegun (1972), Handbook of Mathematical Functions, 22.7.10; Kirkpatrick, Lofsvold &
        Bulmer (1990), Analysis of the inheritance, selection and evolution of growth trajectories, Genetics
        124, 979-993 (the normalised ones in random regression).
    """
    found = [torch.ones_like(t), t]
    for k in range(1, degree):
        found.append(((2 * k + 1) * t * found[k] - k * found[k - 1]) / (k + 1))
    values = torch.stack(found[: degree + 1], dim=1)
    if not normalised:
        return values
    lengths = [math.sqrt((2 * k + 1) / 2) for k in range(degree + 1)]
    return values * values.new_tensor(lengths)


def orthogonal_polynomials(x: Tensor, degree: int) -> Tensor:
    """Polynomials in x of degrees 0 to `degree`, orthonormal over the rows, shape (n, degree + 1).

    Their leading coefficients are positive; the first column is constant.

    Args:
        x: Positions, shape (n,), more different ones than `degree`.
        degree: The largest degree.

    Example:
        >>> import torch
        >>> orthogonal_polynomials(torch.tensor([1.0, 2.0, 4.0, 5.0]), 1)
        tensor([[ 0.5000, -0.6325],
                [ 0.5000, -0.3162],
                [ 0.5000,  0.3162],
                [ 0.5000,  0.6325]])

    Reference:
        Kennedy & Gentle (1980), Statistical Computing, section 8.1.3 (the three-term recurrence).
    """
    centred = x - x.mean()
    scaled = centred / centred.abs().max().clamp_min(torch.finfo(x.dtype).tiny)
    found = [torch.full_like(x, 1 / math.sqrt(len(x)))]
    for _ in range(degree):
        new = scaled * found[-1]
        # Twice is enough: what the first pass leaves of the earlier columns is rounding.
        for _ in range(2):
            earlier = torch.stack(found, dim=1)
            new = new - earlier @ (earlier.mT @ new)
        found.append(new / torch.linalg.vector_norm(new))
    return torch.stack(found, dim=1)


def b_splines(x: Tensor, knots: Tensor, degree: int) -> Tensor:
    """The B-splines of a degree over knots, shape (n, len(knots) - degree - 1), by Cox and de Boor.

    Args:
        x: Positions within the knots, shape (n,).
        knots: Knots in ascending order, the ends repeated `degree` times; shape (m,).
        degree: Degree of the polynomial pieces, 0 for steps.

    Returns:
        Values of the splines; each row sums to 1 within the ends, the right end included.

    Example:
        >>> import torch
        >>> b_splines(torch.tensor([0.0, 0.25, 1.0]), torch.tensor([0.0, 0.0, 0.5, 1.0, 1.0]), 1)
        tensor([[1.0000, 0.0000, 0.0000],
                [0.5000, 0.5000, 0.0000],
                [0.0000, 0.0000, 1.0000]])

    Reference:
        de Boor (2001), A Practical Guide to Splines, revised edition, chapter IX.
    """
    position = x[:, None]
    last = knots[:-1] == knots[:-1][knots[:-1] < knots[-1]].max()
    inside = (knots[:-1] <= position) & (position < knots[1:])
    # The last interval that is not empty has its right end too.
    values = (inside | (last & (position == knots[-1]))).to(x.dtype)
    for order in range(1, degree + 1):
        width = knots[order:] - knots[:-order]
        # Repeated knots make an empty interval, whose spline is 0.
        inverse = torch.where(width > 0, 1 / width.clamp_min(torch.finfo(x.dtype).tiny), 0.0)
        rising = (position - knots[: -order - 1]) * inverse[:-1] * values[:, :-1]
        falling = (knots[order + 1 :] - position) * inverse[1:] * values[:, 1:]
        values = rising + falling
    return values


def quantiles(x: Tensor, count: int) -> Tensor:
    """`count` quantiles of x at equal steps of probability, the ends left out.

    Example:
        >>> import torch
        >>> quantiles(torch.tensor([0.0, 1.0, 2.0, 10.0]), 1)
        tensor([1.5000])
    """
    steps = torch.arange(1, count + 1, dtype=x.dtype, device=x.device) / (count + 1)
    # Linear interpolation between order statistics (Hyndman & Fan 1996, type 7), without torch's size limit.
    places = steps * (len(x) - 1)
    ordered, low = x.sort().values, places.floor().long()
    high = (low + 1).clamp_max(len(x) - 1)
    return ordered[low] + (places - low) * (ordered[high] - ordered[low])


def spline_knots(inner: Tensor, lower: float, upper: float, degree: int) -> Tensor:
    """The inner knots between ends repeated `degree + 1` times.

    Example:
        >>> import torch
        >>> spline_knots(torch.tensor([0.5]), 0.0, 1.0, 1)
        tensor([0.0000, 0.0000, 0.5000, 1.0000, 1.0000])
    """
    ends = inner.new_tensor([lower, upper])
    return torch.cat([ends[:1].expand(degree + 1), inner, ends[1:].expand(degree + 1)])
