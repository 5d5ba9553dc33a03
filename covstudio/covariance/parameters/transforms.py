"""Element-wise transforms between raw parameters (theta) and natural parameters.

Estimation works on an unconstrained vector theta. Every parameter of a structure has a transform f that
maps its entry of theta to the natural value the formula uses: a variance is exp(2 theta), a correlation is
a scaled sigmoid.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from covstudio.covariance.parameters.chain import TransformChain
from covstudio.covariance.parameters.interval import POSITIVE, REALS, Interval
from covstudio.covariance.parameters.transform import Transform, check_number

__all__ = [
    "Transform",
    "TransformChain",
    "TransformExp",
    "TransformExp2",
    "TransformExp10",
    "TransformExpPow2",
    "TransformIdentity",
    "TransformPow",
    "TransformScaleShift",
    "TransformSigmoid",
]


def _closed(text: str) -> str:
    """A formula as a factor: in brackets unless it is a name or in some already."""
    return text if text.isalnum() or (text.startswith("exp(") and text.count("(") == 1) else f"({text})"


class TransformIdentity(Transform):
    r"""The identity, :math:`f(x) = x`: loadings, free entries and other unconstrained parameters.

    Example:
        >>> import torch
        >>> from covstudio.covariance import TransformIdentity
        >>> TransformIdentity()(torch.tensor([-1.0, 2.0]))
        tensor([-1.,  2.])
    """

    constant_slope = 1.0

    def written(self, x: str = "θ") -> str:
        return x

    def __call__(self, x: Tensor) -> Tensor:
        return x

    def inverse(self, y: Tensor) -> Tensor:
        return y

    def grad(self, x: Tensor) -> Tensor:
        return torch.ones_like(x)


class TransformExp(Transform):
    r"""The exponential, :math:`f(x) = e^x`: ranges and other positive scales.

    Example:
        >>> import torch
        >>> from covstudio.covariance import TransformExp
        >>> TransformExp().inverse(torch.tensor([1.0, 0.0]))
        tensor([0., -inf])
    """

    _codomain = POSITIVE

    def written(self, x: str = "θ") -> str:
        return f"exp({x})"

    def __call__(self, x: Tensor) -> Tensor:
        return torch.exp(x)

    def inverse(self, y: Tensor) -> Tensor:
        return torch.log(y)

    def grad(self, x: Tensor) -> Tensor:
        return torch.exp(x)


class TransformExp2(Transform):
    r"""The base-2 exponential, :math:`f(x) = 2^x`.

    Example:
        >>> import torch
        >>> from covstudio.covariance import TransformExp2
        >>> TransformExp2()(torch.tensor([3.0]))
        tensor([8.])
    """

    _codomain = POSITIVE

    def written(self, x: str = "θ") -> str:
        return f"2^{_closed(x)}"

    def __call__(self, x: Tensor) -> Tensor:
        return torch.exp2(x)

    def inverse(self, y: Tensor) -> Tensor:
        return torch.log2(y)

    def grad(self, x: Tensor) -> Tensor:
        return math.log(2.0) * torch.exp2(x)


class TransformExp10(Transform):
    r"""The base-10 exponential, :math:`f(x) = 10^x`.

    Example:
        >>> import torch
        >>> from covstudio.covariance import TransformExp10
        >>> TransformExp10().inverse(torch.tensor([1000.0]))
        tensor([3.])
    """

    _codomain = POSITIVE

    def written(self, x: str = "θ") -> str:
        return f"10^{_closed(x)}"

    def __call__(self, x: Tensor) -> Tensor:
        return torch.pow(10.0, x)

    def inverse(self, y: Tensor) -> Tensor:
        return torch.log10(y)

    def grad(self, x: Tensor) -> Tensor:
        return math.log(10.0) * torch.pow(10.0, x)


class TransformExpPow2(Transform):
    r"""The squared exponential, :math:`f(x) = e^{2x}`: variances, with x the log standard deviation.

    A zero variance is :math:`x = -\infty`; the derivative there is its limit, 0.

    Example:
        >>> import torch
        >>> from covstudio.covariance import TransformExpPow2
        >>> f = TransformExpPow2()
        >>> f.grad(torch.tensor([0.0, float("-inf")]))
        tensor([2., 0.])
    """

    _codomain = POSITIVE

    def written(self, x: str = "θ") -> str:
        return f"exp(2{_closed(x)})"

    def __call__(self, x: Tensor) -> Tensor:
        return torch.exp(2.0 * x)

    def inverse(self, y: Tensor) -> Tensor:
        return 0.5 * torch.log(y)

    def grad(self, x: Tensor) -> Tensor:
        return 2.0 * torch.exp(2.0 * x)


class TransformPow(Transform):
    r"""A power, :math:`f(x) = x^p`, with p not 0.

    It is invertible on the whole line when p is an odd whole number, and on the non-negative half line
    otherwise; `inverse` returns that root.

    Args:
        factor: the exponent p.
        p: another name of `factor`.

    Raises:
        TypeError: p is not a number.
        ValueError: p is 0 or not finite.

    Example:
        >>> import torch
        >>> from covstudio.covariance import TransformPow
        >>> TransformPow(2).inverse(torch.tensor([9.0]))
        tensor([3.])
        >>> TransformPow(3).inverse(torch.tensor([-8.0]))
        tensor([-2.])
    """

    def __init__(self, factor: float = 2.0, *, p: float | None = None) -> None:
        p = factor if p is None else p
        check_number("TransformPow", "p", p)
        if not math.isfinite(p) or p == 0:
            raise ValueError(
                f"TransformPow: expected a finite exponent p other than 0, got {p!r}; write one such as 2."
            )
        self.p = float(p)
        self._odd = self.p > 0 and self.p % 2 == 1
        if self._odd:
            interval = REALS
        elif self.p > 0:
            interval = Interval(low=0.0, closed_low=True)
        else:
            interval = POSITIVE
        self._domain = self._codomain = interval

    @property
    def factor(self) -> float:
        """The exponent p."""
        return self.p

    @property
    def constants(self) -> tuple[object, ...]:
        return (self.p,)

    def written(self, x: str = "θ") -> str:
        return f"{_closed(x)}^{self.p:g}"

    def __call__(self, x: Tensor) -> Tensor:
        return torch.pow(x, self.p)

    def inverse(self, y: Tensor) -> Tensor:
        if self._odd:
            return torch.sign(y) * torch.pow(torch.abs(y), 1.0 / self.p)
        return torch.pow(y, 1.0 / self.p)

    def grad(self, x: Tensor) -> Tensor:
        return self.p * torch.pow(x, self.p - 1.0)


class TransformScaleShift(Transform):
    r"""A straight line, :math:`f(x) = \mathrm{scale} \cdot x + \mathrm{shift}`, with scale not 0.

    Args:
        a: the slope.
        b: the value at x = 0.
        scale: another name of `a`.
        shift: another name of `b`.

    Raises:
        TypeError: a constant is not a number.
        ValueError: the scale is 0 or a constant is not finite.

    Example:
        >>> import torch
        >>> from covstudio.covariance import TransformScaleShift
        >>> TransformScaleShift(2.0, -1.0)(torch.tensor([0.0, 0.5, 1.0]))
        tensor([-1.,  0.,  1.])
    """

    def __init__(
        self, a: float = 1.0, b: float = 0.0, *, scale: float | None = None, shift: float | None = None
    ) -> None:
        scale, shift = a if scale is None else scale, b if shift is None else shift
        check_number("TransformScaleShift", "scale", scale)
        check_number("TransformScaleShift", "shift", shift)
        if not math.isfinite(scale) or scale == 0 or not math.isfinite(shift):
            raise ValueError(
                f"TransformScaleShift: expected a finite scale other than 0 and a finite shift, got "
                f"scale={scale!r}, shift={shift!r}; with a scale of 0 the parameter would have no effect."
            )
        self.scale = self.constant_slope = float(scale)
        self.shift = float(shift)

    @property
    def a(self) -> float:
        """The slope, `scale`."""
        return self.scale

    @property
    def b(self) -> float:
        """The value at x = 0, `shift`."""
        return self.shift

    @property
    def constants(self) -> tuple[object, ...]:
        return self.scale, self.shift

    def written(self, x: str = "θ") -> str:
        scale = f"{self.scale:g}".replace("-", "−")
        if self.scale == 1.0:
            line = x
        else:
            line = f"{scale}{x[1:]}" if x.startswith("1/") else f"{scale} {_closed(x)}"
        return line if self.shift == 0.0 else f"{line} {'−' if self.shift < 0 else '+'} {abs(self.shift):g}"

    def __call__(self, x: Tensor) -> Tensor:
        return self.scale * x + self.shift

    def inverse(self, y: Tensor) -> Tensor:
        return (y - self.shift) / self.scale

    def grad(self, x: Tensor) -> Tensor:
        return torch.full_like(x, self.scale)


class TransformSigmoid(Transform):
    r"""The logistic function, :math:`f(x) = 1 / (1 + e^{-x})`, onto (0, 1).

    Example:
        >>> import torch
        >>> from covstudio.covariance import TransformSigmoid
        >>> TransformSigmoid().grad(torch.tensor([0.0, float("inf")]))
        tensor([0.2500, 0.0000])
    """

    _codomain = Interval(0.0, 1.0)

    def written(self, x: str = "θ") -> str:
        return f"1/(1 + exp(−{_closed(x)}))"

    def __call__(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x)

    def inverse(self, y: Tensor) -> Tensor:
        return torch.log(y) - torch.log1p(-y)

    def grad(self, x: Tensor) -> Tensor:
        # s(x) s(-x) instead of s(x) (1 - s(x)): no cancellation for large x.
        return torch.sigmoid(x) * torch.sigmoid(-x)
