r"""The Matern correlation and its derivatives for any smoothness nu, by quadrature.

With :math:`D` the distance over the range and :math:`h = \sqrt{2 \nu} D`, the correlation
:math:`2^{1-\nu} / \Gamma(\nu) \; h^\nu K_\nu(h)` is a mixture of Gaussian correlations (DLMF 10.32.10 with
:math:`t = (h^2 / 4) e^{-\tau} / \nu`):

.. math::
    k(D) = C(\nu) \int_{-\infty}^{\infty}
        \exp\left( \nu (\tau + 1 - e^\tau) - \tfrac{1}{2} D^2 e^{-\tau} \right) d\tau,
    \qquad C(\nu) = \frac{\nu^\nu e^{-\nu}}{\Gamma(\nu)}.

Everything that derivatives need is a moment of that integrand,

.. math::
    m_{pq}(D, \nu) = C(\nu) \int (D^2 e^{-\tau})^p \, (\tau + 1 - e^\tau)^q \, \exp(\cdots) \, d\tau,

because they are closed under differentiation: with :math:`c(\nu) = \log \nu - \psi(\nu)`,

.. math::
    \frac{\partial m_{pq}}{\partial \log D} = 2 p \, m_{pq} - m_{p+1,q}, \qquad
    \frac{\partial m_{pq}}{\partial \nu} = m_{p,q+1} + c(\nu) \, m_{pq}.

So :math:`k = m_{00}`, :math:`-\partial k / \partial \log D = m_{10}` and
:math:`\partial k / \partial \nu = m_{01} + c \, m_{00}`, at a fixed D.

Quadrature. The integrand of :math:`m_{p0}` is that of :math:`K_a(h)`, :math:`a = \nu - p`. About its maximum
it is :math:`\exp(-\gamma (\cosh t - 1) - |a| (e^t - 1 - t))`, :math:`\gamma = \sqrt{a^2 + h^2} - |a|`: a sum
of non-negative terms, without cancellation for small h, for large nu, or for both. The trapezoidal rule runs
over the interval outside of which the exponent is below -45 (bounds in closed form, see `_ends`). Its
error is that of an entire function (Trefethen & Weideman 2014, theorem 5.1): at most
:math:`2 / (e^{2 \pi y / \Delta} - 1)` times the integral of the modulus along :math:`t \pm i y`, that is
:math:`K_a(h \cos y) / K_a(h) \le e^{h (1 - \cos y)} (\cos y)^{-\max(|a|, 1/2)}` times the integral (Bordelon
1973, Paris 1984, and the reversed inequality below 1/2), for every :math:`y < \pi/2`. The step is chosen so
that this is below :math:`e^{-37}`.

Error bound: truncation and discretisation each below 2e-16 of the value of :math:`m_{p0}`; what remains is
rounding, below :math:`10^{-14} (1 + \sqrt{\nu / 10})` relative for correlations above 1e-10 (the exponent of
a smaller one is itself larger), in float64. float32 arguments are computed in float64 and rounded at the
end. The derivative in nu is a difference :math:`m_{01} + c \, m_{00}`; its error is :math:`10^{-14}
(1 + 1 / \nu)` absolute.

Reference:
    DLMF, sections 10.32 and 10.38; Trefethen & Weideman (2014), The exponentially convergent trapezoidal
    rule, SIAM Review 56, 385-458; Bordelon (1973) and Ross, SIAM Review 15, 666-670; Paris (1984), SIAM
    Journal on Mathematical Analysis 15, 203-205; Stein (1999), Interpolation of Spatial Data, section 2.10.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from covstudio.covariance.parameters.differentiation import recorded

__all__ = ["matern_correlation", "matern_decline", "matern_derivatives", "smoothness_slope"]

_DROP = 45.0
_ERROR = 37.0
# Beyond these the correlation is 1 or 0 to all digits for every smoothness in reach; they keep squares of D
# within float64.
_NEAREST, _FARTHEST = -340.0, 23.0
_ROUGHEST = 1e-10
_BLOCK = 1 << 17


def matern_correlation(log_distance: Tensor, nu: Tensor) -> Tensor:
    r"""The Matern correlation :math:`2^{1-\nu} / \Gamma(\nu) \; h^\nu K_\nu(h)`, :math:`h = \sqrt{2\nu} D`.

    Differentiable to any order in both arguments, in forward and reverse mode and under `vmap`; only
    forward mode within forward mode is refused, as torch does that wrongly through functions of one's own.

    Args:
        log_distance: log D, D the distance over the range; any shape.
        nu: The smoothness, positive, 0-d or of the shape of `log_distance`.

    Returns:
        Correlations of the shape and dtype of `log_distance`.

    Example:
        >>> import torch
        >>> half = torch.tensor(0.5, dtype=torch.float64)
        >>> matern_correlation(torch.zeros(1, dtype=torch.float64), half)  # exp(-1)
        tensor([0.3679], dtype=torch.float64)
    """
    return _moment(log_distance, nu, 0, 0)


def matern_decline(log_distance: Tensor, nu: Tensor) -> Tensor:
    """Minus the derivative of the correlation by log D, as `matern_correlation`; never negative."""
    return _moment(log_distance, nu, 1, 0)


def matern_derivatives(log_distance: Tensor, nu: Tensor) -> tuple[Tensor, Tensor]:
    """The correlation and its derivative by nu at a fixed D, from one quadrature.

    Args:
        log_distance: As `matern_correlation`.
        nu: Likewise.

    Returns:
        Two tensors of the shape and dtype of `log_distance`.
    """
    if recorded(log_distance) or recorded(nu):
        value, first = (_moment(log_distance, nu, 0, degree) for degree in (0, 1))
    else:
        value, first = _quadrature(log_distance, nu.expand_as(log_distance), 0, (0, 1))
    slope = first + smoothness_slope(nu.to(first.dtype)) * value
    return value.to(log_distance.dtype), slope.to(log_distance.dtype)


def smoothness_slope(nu: Tensor) -> Tensor:
    r"""The derivative of log C, :math:`c(\nu) = \log \nu - \psi(\nu)`; about 1 / (2 nu) for large nu.

    Args:
        nu: Positive, any shape.

    Returns:
        Tensor of the same shape and dtype.

    Example:
        >>> import torch
        >>> smoothness_slope(torch.tensor([1.0]))  # Euler's constant
        tensor([0.5772])

    Reference:
        DLMF 5.11.2.
    """
    nu = nu.clamp_min(_ROUGHEST)
    large = nu > 10.0
    series = _horner(1.0 / nu.clamp_min(10.0), _SLOPE_TERMS)
    small = nu.clamp_max(10.0)
    return torch.where(large, series, torch.log(small) - torch.digamma(small))


#: Bernoulli numbers over 2k, and over 2k (2k - 1): DLMF 5.11.2 and 5.11.1. At nu = 10 the first term left out
#: is below 1e-17.
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)
_SLOPE_TERMS = (0.5, tuple(b / (2 * k) for k, b in enumerate(_BERNOULLI, 1)), 2)
_STIRLING = (0.0, tuple(b / (2 * k * (2 * k - 1)) for k, b in enumerate(_BERNOULLI, 1)), 1)


def _horner(z: Tensor, terms: tuple[float, tuple[float, ...], int]) -> Tensor:
    """first z + z^power (c_1 + c_2 z^2 + c_3 z^4 ...)."""
    first, coefficients, power = terms
    square = z * z
    total = torch.zeros_like(z)
    for coefficient in reversed(coefficients):
        total = total * square + coefficient
    return first * z + total * z**power


def _log_constant(nu: Tensor) -> Tensor:
    """log C(nu) = nu log nu - nu - log Gamma(nu), without its cancellation for large nu."""
    series = 0.5 * torch.log(nu / (2.0 * math.pi)) - _horner(1.0 / nu.clamp_min(10.0), _STIRLING)
    small = nu.clamp_max(10.0)
    return torch.where(nu > 10.0, series, small * torch.log(small) - small - torch.lgamma(small))


def _moment(log_distance: Tensor, nu: Tensor, power: int, degree: int) -> Tensor:
    apply: Callable[..., Tensor] = _Moment.apply
    return apply(log_distance, nu.expand_as(log_distance), power, degree)


class _Moment(torch.autograd.Function):
    """m_pq(D, nu), entry by entry; its derivatives are moments again."""

    @staticmethod
    def forward(log_distance: Tensor, nu: Tensor, power: int, degree: int) -> Tensor:
        return _quadrature(log_distance, nu, power, (degree,))[0].to(log_distance.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, int, int], output: Tensor) -> None:
        log_distance, nu, ctx.power, ctx.degree = inputs
        ctx.save_for_backward(log_distance, nu, output)
        ctx.save_for_forward(log_distance, nu, output)

    @staticmethod
    def _partials(ctx: Any) -> tuple[Tensor, Tensor]:
        log_distance, nu, value = ctx.saved_tensors
        along = 2.0 * ctx.power * value - _moment(log_distance, nu, ctx.power + 1, ctx.degree)
        across = _moment(log_distance, nu, ctx.power, ctx.degree + 1) + smoothness_slope(nu) * value
        return along, across

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        along, across = _Moment._partials(ctx)
        return grads[0] * along, grads[0] * across, None, None

    @staticmethod
    def jvp(ctx: FunctionCtx, *tangents: Tensor) -> Tensor:
        _refuse_nested_forward_mode()
        along, across = _Moment._partials(ctx)
        return along * tangents[0] + across * tangents[1]

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], log_distance: Tensor, nu: Tensor, power: int, degree: int
    ) -> tuple[Tensor, int]:
        both = [
            tensor.expand(info.batch_size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
            for tensor, dim in zip((log_distance, nu), in_dims, strict=False)
        ]
        return _moment(both[0], both[1], power, degree), 0


def _refuse_nested_forward_mode() -> None:
    """Raise where torch would return zeros for a second derivative: pytorch issue 197867, open in 2.13."""
    levels = torch._C._functorch.get_interpreter_stack() or []
    if sum(level.key() == torch._C._functorch.TransformType.Jvp for level in levels) > 1:
        raise NotImplementedError(
            "expected at most one forward-mode transform around the Matern correlation, got one within "
            "another, which torch differentiates wrongly; use torch.func.jacrev (or vjp) for one of the two"
        )


def _quadrature(log_distance: Tensor, nu: Tensor, power: int, degrees: Sequence[int]) -> list[Tensor]:
    """m_{power,q} for each q in `degrees`, float64, entry by entry."""
    x = log_distance.detach().double().flatten().clamp(_NEAREST, _FARTHEST)
    nu = nu.detach().double().flatten().clamp_min(_ROUGHEST)
    order = nu - power
    size = order.abs()
    square = 2.0 * nu * torch.exp(2.0 * x)
    root = torch.sqrt(order**2 + square)
    gap = square / (root + size)
    below = order < 0
    # e^tau at the maximum is (a + sqrt(a^2 + h^2)) / (2 nu), or the same written for a < 0.
    excess = (gap - 2.0 * power) / (2.0 * nu)
    at = torch.where(
        excess < -0.5, torch.log((2.0 * order.clamp_min(0.0) + gap) / (2.0 * nu)), excess.log1p()
    )
    at = torch.where(below, 2.0 * x - torch.log(gap + 2.0 * size), at)
    height = 2.0 * power * x + order * at + power - gap - torch.where(below, 2.0 * size, 0.0)
    height = torch.exp(height + _log_constant(nu))
    start, end = _ends(size, gap, root)
    count = torch.ceil((end - start) / _step(size, torch.sqrt(square))).clamp_min(8.0)
    side = torch.where(below, -1.0, 1.0)

    sums = [torch.empty_like(x) for _ in degrees]
    arrangement = torch.argsort(count, descending=True)
    counts = count[arrangement].to(torch.int64).tolist()
    first = 0
    while first < len(counts):
        # All entries of a block take as many nodes as the neediest; more nodes than needed do no harm.
        steps = counts[first]
        some = arrangement[first : first + max(1, _BLOCK // steps)]
        first += len(some)
        width = (end[some] - start[some]) / steps
        nodes = torch.arange(steps + 1, dtype=torch.float64, device=x.device)
        t = start[some, None] + width[:, None] * nodes
        # cosh t - 1 from both: expm1 has no digits of e^t left where that is small, e^t - 1 none near t = 0.
        rise = torch.expm1(t)
        exponent = gap[some, None] * (0.5 * rise * rise / torch.exp(t)) + size[some, None] * (rise - t)
        weight = torch.exp(-exponent) * (height[some] * width)[:, None]
        if any(degrees):
            tau = at[some, None] + side[some, None] * t
            drift = tau - torch.expm1(tau)
        for total, degree in zip(sums, degrees, strict=True):
            total[some] = (weight * drift**degree if degree else weight).sum(1)
    return [total.reshape(log_distance.shape) for total in sums]


def _ends(size: Tensor, gap: Tensor, root: Tensor) -> tuple[Tensor, Tensor]:
    r"""t on either side of the maximum beyond which the exponent is below -45.

    For t > 0 the exponent is at least :math:`(\gamma + |a|)(\cosh t - 1)` in size. For t < 0 it is at least
    :math:`\gamma (\cosh t - 1)`, and at least :math:`|a| t^2 / (2 + |t|)`.
    """
    ratio = _DROP / size
    polynomial = 0.5 * (ratio + torch.sqrt(ratio) * torch.sqrt(ratio + 8.0))
    return -torch.minimum(_acosh_above(_DROP / gap), polynomial), _acosh_above(_DROP / root)


def _acosh_above(excess: Tensor) -> Tensor:
    """acosh(1 + excess), exact for a small excess and without overflow for a large one."""
    return torch.log1p(excess + torch.sqrt(excess) * torch.sqrt(excess + 2.0))


def _step(size: Tensor, argument: Tensor) -> Tensor:
    """A step for which the bound of the discretisation error is below exp(-37); see the module."""
    y = torch.sqrt(60.0 / (1.0 + size + argument)).clamp_max(1.35)
    growth = argument * (1.0 - torch.cos(y)) - size.clamp_min(0.5) * torch.log(torch.cos(y))
    return 2.0 * math.pi * y / (_ERROR + growth)
