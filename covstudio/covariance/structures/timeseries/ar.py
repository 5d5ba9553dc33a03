"""Stationary autoregressions of any order, and the symmetric ones of field trials."""

from __future__ import annotations

import torch
from torch import Tensor

from covstudio.covariance.core.catalogue import Argument, declare
from covstudio.covariance.core.checks import check_correlated_size, check_size
from covstudio.covariance.core.leaf import ParamSpecs
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.parameters.transforms import TransformChain, TransformScaleShift, TransformSigmoid
from covstudio.covariance.structures.timeseries.ar1 import correlation
from covstudio.covariance.structures.timeseries.autoregression import Autoregression
from covstudio.covariance.structures.timeseries.stationary import positions_argument

__all__ = ["ARMatrix", "SymmetricARMatrix", "check_order", "partial_autocorrelations"]


def partial_autocorrelations(count: int, prefix: str = "pacf") -> list[Parameter]:
    """Partial autocorrelations at lags 1 to `count`, each in (-1, 1) and 0 by default."""
    return [correlation(f"{prefix}_{k}") for k in range(1, count + 1)]


def check_order(n: object, order: object, name: str) -> tuple[int, int]:
    """The positions and the order of a process at them: n positions show n - 1 autocorrelations.

    Args:
        n: What the caller gave for the number of positions.
        order: What the caller gave for the order.
        name: The name of the order, for the message.

    Raises:
        TypeError: One of them is not a whole number.
        ValueError: `n` is below 2, or the order below 1 or above n - 1.

    Example:
        >>> check_order(4, 2, "p")
        (4, 2)
    """
    size = check_correlated_size(n, "positions")
    checked = check_size(order, name)
    if checked >= size:
        raise ValueError(
            f"{name} must be at most n - 1 = {size - 1}, as {size} positions show no longer lag, got "
            f"{checked}; give a smaller {name}"
        )
    return size, checked


@declare(
    title="Autoregressive",
    category="Time series",
    place=4,
    formula=(r"V_{ij} = \sigma^2 r_{|i-j|}, \quad r_0 = 1, \quad r_h = \sum_{k=1}^{p} \varphi_k\, r_{|h-k|}"),
    symbol="AR(p)",
    summary="A stationary autoregression of order p, given by its partial autocorrelations.",
    arguments=(
        positions_argument(2),
        Argument("p", "integer", "Order", "Number of lags, at most n - 1", default=2, minimum=1),
    ),
    aliases={
        "ASReml": ("ar2", "ar3", "ar2v", "ar3v"),
        "nlme": ("corARMA(p = 2)",),
    },
    reference="Monahan (1984), A note on enforcing stationarity in ARMA models, Biometrika 71, 403-404",
    parameters={
        "sigma^2": "Marginal variance of every position.",
        "pacf_k": "Correlation of positions k apart, given those between them.",
    },
    usage={
        "ASReml": "ar2v(time)",
        "nlme": "correlation = corARMA(form = ~ time | id, p = 2, q = 0)",
    },
    psd=True,
    scale="sigma^2",
    shown={"pacf_k": lambda k: {1: 0.6, 2: -0.5}.get(k)},
    example=lambda: ARMatrix(5, 2),
)
class ARMatrix(Autoregression):
    r"""A stationary autoregression of order p, :math:`x_t = \sum_{k=1}^{p} \varphi_k x_{t-k} + e_t`.

    Parameters: `sigma^2` (natural: the marginal variance, not that of the innovations; raw: exp(2 theta),
    default 0) and `pacf_1`, ..., `pacf_p` (natural: partial autocorrelations, each anywhere in (-1, 1);
    raw: 2 sigmoid(theta) - 1, default 0). These give every stationary autoregression once. The coefficients
    follow by Durbin's and Levinson's recursion,
    :math:`\varphi_{kj} = \varphi_{k-1,j} - \pi_k \varphi_{k-1,k-j}` with :math:`\varphi_{kk} = \pi_k`.

    V^-1 has p bands on either side of its diagonal.

    Args:
        n: Number of positions, an int of at least 2.
        p: Order, an int from 1 to n - 1.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n` or `p` is not an int.
        ValueError: `n` is below 2, or `p` below 1 or above n - 1.

    Example:
        The coefficients here are 0.375 and 0.25.

        >>> import torch
        >>> from covstudio.covariance import ARMatrix
        >>> matrix = ARMatrix(4, 2)
        >>> matrix.set_param_specs("pacf_1", value=0.5)
        >>> matrix.set_param_specs("pacf_2", value=0.25)
        >>> matrix()
        tensor([[1.0000, 0.5000, 0.4375, 0.2891],
                [0.5000, 1.0000, 0.5000, 0.4375],
                [0.4375, 0.5000, 1.0000, 0.5000],
                [0.2891, 0.4375, 0.5000, 1.0000]])

    Reference:
        Monahan (1984), A note on enforcing stationarity in autoregressive-moving average models, Biometrika
        71, 403-404; Barndorff-Nielsen & Schou (1973), On the parametrization of autoregressive models by
        partial autocorrelations, Journal of Multivariate Analysis 3, 408-419.
    """

    _definite = True

    def __init__(self, n: int, p: int, param_specs: ParamSpecs | None = None) -> None:
        size, self.p = check_order(n, p, "p")
        self._order = self.p
        super().__init__(size, param_specs, partial_autocorrelations(self.p))


@declare(
    title="Symmetric autoregressive",
    category="Time series",
    place=7,
    formula=(
        r"V_{ij} = \sigma^2 r_{|i-j|} \text{ of } \left(1 - \tfrac{r}{2} B\right)^2 x_t = e_t"
        r" \text{ or } (1 - r_1 B)(1 - r_2 B)^2 x_t = e_t"
    ),
    symbol="SAR",
    summary="An autoregression with a double root, as competition between neighbouring plots makes it.",
    arguments=(
        positions_argument(2, ", above the order"),
        Argument(
            "order",
            "integer",
            "Order",
            "1: one parameter, a double root; 2: two parameters, a double and a single root",
            default=1,
            minimum=1,
        ),
    ),
    aliases={"ASReml": ("sar", "sar2", "sarv", "sar2v")},
    reference=(
        "Gilmour, Gogel, Cullis, Welham & Thompson, ASReml User Guide, table of variance models (sar, sar2); "
        "Box & Jenkins (1970), Time Series Analysis: Forecasting and Control, section 3.2"
    ),
    parameters={
        "sigma^2": "Marginal variance of every position.",
        "r": "Twice the double root, in (-2, 2); the coefficient of the previous position.",
        "r1": "The single root, in (-1, 1): spatial trend.",
        "r2": "The double root, in (-1, 1): negative where neighbours compete.",
    },
    usage={"ASReml": "sarv(column), sar2v(column)"},
    psd=True,
    scale="sigma^2",
    shown={"r": 1.0, "r1": 0.6, "r2": -0.3},
    example=lambda: SymmetricARMatrix(5),
)
class SymmetricARMatrix(Autoregression):
    r"""Symmetric autoregressions, with a double root: ASReml's `sar` and `sar2`.

    Order 1 is the autoregression of order 2 with :math:`\varphi_1 = r` and :math:`\varphi_2 = -r^2/4`, whose
    polynomial is :math:`(1 - \frac{r}{2} B)^2`: it is stationary if and only if :math:`-2 < r < 2`, which is
    the domain of `r`. Order 2 is the autoregression of order 3 with :math:`\varphi_1 = r_1 + 2 r_2`,
    :math:`\varphi_2 = -r_2 (2 r_1 + r_2)` and :math:`\varphi_3 = r_1 r_2^2`, whose polynomial is
    :math:`(1 - r_1 B)(1 - r_2 B)^2`: it is stationary if and only if both are in (-1, 1), which is their
    domain.

    Parameters: `sigma^2` (natural: the marginal variance; raw: exp(2 theta), default 0), and `r` (raw:
    4 sigmoid(theta) - 2, default 0) or `r1` and `r2` (raw: 2 sigmoid(theta) - 1; defaults 0.5 and 0, as
    at r1 = r2 = 0 both would have the same effect). At both ends at once, :math:`|r_1| = |r_2| = 1`, where
    nothing is stationary, partial autocorrelations without a limit are taken as 0.

    V^-1 has two or three bands on either side of its diagonal.

    Args:
        n: Number of positions, an int of at least 2 for order 1 and 3 for order 2.
        order: 1 or 2, the number of parameters of the correlation.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n` or `order` is not an int.
        ValueError: `order` is neither 1 nor 2, or `n` too small for it.

    Example:
        >>> import torch
        >>> from covstudio.covariance import SymmetricARMatrix
        >>> matrix = SymmetricARMatrix(3)
        >>> matrix.set_param_specs("r", value=1.0)
        >>> matrix()  # 1, r / (1 + r^2/4), ...
        tensor([[1.0000, 0.8000, 0.5500],
                [0.8000, 1.0000, 0.8000],
                [0.5500, 0.8000, 1.0000]])

    Reference:
        Gilmour, Gogel, Cullis, Welham & Thompson, ASReml User Guide, table of variance models (sar, sar2);
        Box & Jenkins (1970), Time Series Analysis: Forecasting and Control, section 3.2.
    """

    _definite = True

    def __init__(self, n: int, order: int = 1, param_specs: ParamSpecs | None = None) -> None:
        self.order = check_size(order, "order")
        if self.order > 2:
            raise ValueError(
                f"order must be 1 (parameter r) or 2 (parameters r1 and r2), got {self.order}; use ARMatrix "
                "for an autoregression of higher order"
            )
        self._order = self.order + 1
        size = check_size(
            n, minimum=self._order, reason=f"order {self.order} has {self.order} parameters of correlation"
        )
        if self.order == 1:
            wide = TransformChain([TransformSigmoid(), TransformScaleShift(4.0, -2.0)])
            shapes = [Parameter("r", wide)]
        else:
            shapes = [correlation("r1", default=0.5), correlation("r2")]
        super().__init__(size, param_specs, shapes)

    def _partials(self, shapes: Tensor) -> Tensor:
        if self.order == 1:
            root = shapes[0] / 2
            return torch.stack([2 * root / (1 + root * root), -root * root])
        single, double = shapes
        above, below = _products(single, double)
        return torch.stack(
            [
                _contrast(above[0], below[0]),
                _contrast(above[1], below[1]),
                single * double * double,
            ]
        )

    def _partial_slopes(self, shapes: Tensor) -> Tensor:
        if self.order == 1:
            root = shapes[0] / 2
            square = root * root
            return torch.stack([(1 - square) / (1 + square) ** 2, -root])[None]
        single, double = shapes
        above, below = _products(single, double)
        above_slopes, below_slopes = _product_slopes(single, double)
        rows = [_contrast_slopes(above[k], below[k], above_slopes[k], below_slopes[k]) for k in range(2)]
        rows.append(torch.stack([double * double, 2 * single * double]))
        return torch.stack(rows, dim=1)


# With a = r1 and b = r2 the first two partial autocorrelations are (P - M)/(P + M) and (X - Y)/(X + Y), where
# P = (1 + a)(1 + b)^2 (1 - a b^2), M = (1 - a)(1 - b)^2 (1 + a b^2), X = (1 - b^2)(1 - a b)^2, Y = (P + M)/2:
# quotients of products that are never negative, so that nothing cancels near the ends.


def _products(a: Tensor, b: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """P and X, then M and Y."""
    up = (1 + a) * (1 + b) ** 2 * (1 - a * b * b)
    down = (1 - a) * (1 - b) ** 2 * (1 + a * b * b)
    return [up, (1 - b) * (1 + b) * (1 - a * b) ** 2], [down, (up + down) / 2]


def _product_slopes(a: Tensor, b: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """The derivatives of the same by a and b, each of shape (2,)."""
    high, low = 1 + a * b * b, 1 - a * b * b
    up = torch.stack(
        [
            (1 + b) ** 2 * (low - (1 + a) * b * b),
            (1 + a) * (1 + b) * (2 * low - (1 + b) * 2 * a * b),
        ]
    )
    down = torch.stack(
        [
            (1 - b) ** 2 * ((1 - a) * b * b - high),
            (1 - a) * (1 - b) * ((1 - b) * 2 * a * b - 2 * high),
        ]
    )
    gap = 1 - a * b
    cross = torch.stack(
        [-2 * b * (1 - b) * (1 + b) * gap, -2 * b * gap * gap - 2 * a * (1 - b) * (1 + b) * gap]
    )
    return [up, cross], [down, (up + down) / 2]


def _contrast(above: Tensor, below: Tensor) -> Tensor:
    """(above - below) / (above + below), and 0 where both are 0."""
    total = above + below
    return (above - below) / torch.where(total > 0, total, torch.ones_like(total))


def _contrast_slopes(above: Tensor, below: Tensor, above_slopes: Tensor, below_slopes: Tensor) -> Tensor:
    total = above + below
    safe = torch.where(total > 0, total, torch.ones_like(total))
    return torch.where(
        total > 0,
        2 * (below * above_slopes - above * below_slopes) / (safe * safe),
        torch.zeros_like(above_slopes),
    )
