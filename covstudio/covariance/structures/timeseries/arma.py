"""Moving averages, alone and of autoregressions: stationary and invertible."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from covstudio.covariance.core.catalogue import Argument, declare
from covstudio.covariance.core.checks import check_size
from covstudio.covariance.core.leaf import ParamSpecs
from covstudio.covariance.numerics.pacf import (
    invertible,
    invertible_slopes,
    orbit,
    orbit_slopes,
    padded,
    predictor_slopes,
    predictors,
    shift,
    shift_slopes,
)
from covstudio.covariance.structures.timeseries.ar import check_order, partial_autocorrelations
from covstudio.covariance.structures.timeseries.stationary import StationaryMatrix, positions_argument

__all__ = ["ARMAMatrix", "MAMatrix", "moving_average_correlation_slopes", "moving_average_correlations"]

_SIZE = positions_argument(2)
_Q = Argument(
    "q", "integer", "Moving average order", "Number of lags of the moving average", default=1, minimum=1
)
_VARIANCE = "Marginal variance of every position."
_MA = "Partial autocorrelation k of the moving average polynomial; of order 1 it is the coefficient."


def moving_average_correlations(pacf: Tensor, n: int) -> Tensor:
    """The autocorrelations of an invertible moving average at lags 0 to n - 1.

    Args:
        pacf: the partial autocorrelations of its polynomial, shape (q,), q below n.
        n: the number of lags.

    Returns:
        Shape (n,): sum_j theta_j theta_(j+h) / sum_j theta_j^2, zero beyond lag q.

    Example:
        >>> moving_average_correlations(torch.tensor([0.5]), 3)
        tensor([1.0000, 0.4000, 0.0000])
    """
    weights = invertible(pacf)
    products = _lagged(weights, weights)
    return padded(products / products[0], n)


def moving_average_correlation_slopes(pacf: Tensor, n: int) -> Tensor:
    """The derivatives of `moving_average_correlations`, shape (q, n)."""
    weights, slopes = invertible(pacf), invertible_slopes(pacf)
    products = _lagged(weights, weights)
    product_slopes = _lagged(slopes, weights) + _lagged(weights, slopes)
    return padded((product_slopes - products / products[0] * product_slopes[:, :1]) / products[0], n)


def _lagged(left: Tensor, right: Tensor) -> Tensor:
    """The sums of left_j right_(j+h) over j, for each lag h, along the last dimension."""
    size = left.shape[-1]
    return torch.stack([(left[..., : size - h] * right[..., h:]).sum(-1) for h in range(size)], dim=-1)


@declare(
    title="Moving average",
    category="Time series",
    place=5,
    formula=(
        r"V_{ij} = \sigma^2 \frac{\sum_k \theta_k \theta_{k + |i-j|}}{\sum_k \theta_k^2},"
        r" \quad \theta_0 = 1, \; |i-j| \leq q"
    ),
    symbol="MA(q)",
    summary="An invertible moving average of order q: positions further than q apart are uncorrelated.",
    arguments=(_SIZE, _Q),
    aliases={
        "ASReml": ("ma1", "ma2", "ma1v", "ma2v"),
        "nlme": ("corARMA(q = 1)",),
    },
    reference="Monahan (1984), A note on enforcing stationarity in ARMA models, Biometrika 71, 403-404",
    parameters={"sigma^2": _VARIANCE, "ma_pacf_k": _MA},
    usage={
        "ASReml": "ma1v(time)",
        "nlme": "correlation = corARMA(form = ~ time | id, p = 0, q = 1)",
    },
    psd=True,
    scale="sigma^2",
    shown={"ma_pacf_k": lambda k: {1: 0.6, 2: 0.4}.get(k)},
    example=lambda: MAMatrix(5, 2),
)
class MAMatrix(StationaryMatrix):
    r"""An invertible moving average of order q, :math:`x_t = e_t + \sum_{k=1}^{q} \theta_k e_{t-k}`.

    Parameters: `sigma^2` (natural: the marginal variance, not that of the innovations; raw: exp(2 theta),
    default 0) and `ma_pacf_1`, ..., `ma_pacf_q` (natural: each anywhere in (-1, 1); raw:
    2 sigmoid(theta) - 1, default 0). These give every invertible moving average once, by the recursion
    :math:`\theta_{kj} = \theta_{k-1,j} + \pi_k \theta_{k-1,k-j}` with :math:`\theta_{kk} = \pi_k`.

    The sign is that of R: a positive coefficient correlates neighbours positively. Box & Jenkins, and ASReml
    after them, write :math:`x_t = e_t - \theta e_{t-1}`.

    Args:
        n: Number of positions, an int of at least 2.
        q: Order, an int from 1 to n - 1.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n` or `q` is not an int.
        ValueError: `n` is below 2, or `q` below 1 or above n - 1.

    Example:
        >>> import torch
        >>> from covstudio.covariance import MAMatrix
        >>> matrix = MAMatrix(3, 1)
        >>> matrix.set_param_specs("ma_pacf_1", value=0.5)
        >>> matrix()
        tensor([[1.0000, 0.4000, 0.0000],
                [0.4000, 1.0000, 0.4000],
                [0.0000, 0.4000, 1.0000]])

    Reference:
        Monahan (1984), A note on enforcing stationarity in autoregressive-moving average models, Biometrika
        71, 403-404; Box & Jenkins (1970), Time Series Analysis: Forecasting and Control, section 3.3.
    """

    _definite = True

    def __init__(self, n: int, q: int, param_specs: ParamSpecs | None = None) -> None:
        size, self.q = check_order(n, q, "q")
        super().__init__(size, param_specs, partial_autocorrelations(self.q, "ma_pacf"))

    def _correlations(self, shapes: Tensor) -> Tensor:
        return moving_average_correlations(shapes, self.n)

    def _correlation_slopes(self, shapes: Tensor) -> Tensor:
        return moving_average_correlation_slopes(shapes, self.n)


@declare(
    title="Autoregressive moving average",
    category="Time series",
    place=6,
    formula=(
        r"V_{ij} = \sigma^2 r_{|i-j|} \text{ of }"
        r" x_t = \sum_{k=1}^{p} \varphi_k x_{t-k} + e_t + \sum_{k=1}^{q} \theta_k e_{t-k}"
    ),
    symbol="ARMA(p, q)",
    summary="A stationary and invertible autoregressive moving average of orders p and q.",
    arguments=(
        _SIZE,
        Argument(
            "p",
            "integer",
            "Autoregressive order",
            "Number of lags of the autoregression",
            default=1,
            minimum=1,
        ),
        _Q,
    ),
    aliases={
        "ASReml": ("arma", "armav"),
        "SAS": ("ARMA(1,1)",),
        "nlme": ("corARMA",),
    },
    reference=(
        "Monahan (1984), A note on enforcing stationarity in ARMA models, Biometrika 71, 403-404; Box & "
        "Jenkins (1970), Time Series Analysis: Forecasting and Control, section 3.4"
    ),
    parameters={
        "sigma^2": _VARIANCE,
        "pacf_k": "Partial autocorrelation at lag k of the autoregressive part.",
        "ma_pacf_k": _MA,
    },
    usage={
        "ASReml": "armav(time)",
        "SAS": "repeated time / subject=id type=arma(1,1);",
        "nlme": "correlation = corARMA(form = ~ time | id, p = 1, q = 1)",
    },
    psd=True,
    scale="sigma^2",
    shown={"pacf_k": lambda k: {1: 0.6}.get(k), "ma_pacf_k": lambda k: {1: 0.4}.get(k)},
    example=lambda: ARMAMatrix(5, 1, 1),
)
class ARMAMatrix(StationaryMatrix):
    r"""A stationary and invertible autoregressive moving average.

    The process is :math:`x_t = \sum_{k=1}^{p} \varphi_k x_{t-k} + e_t + \sum_{k=1}^{q} \theta_k e_{t-k}`; its
    autocovariances are divided by that at lag 0, so that sigma^2 is the marginal variance.

    Parameters: `sigma^2` (natural: the marginal variance, not that of the innovations; raw: exp(2 theta),
    default 0), `pacf_1`, ..., `pacf_p` (as in `ARMatrix`) and `ma_pacf_1`, ..., `ma_pacf_q`
    (as in `MAMatrix`, also in sign); all natural in (-1, 1), raw 2 sigmoid(theta) - 1, default 0, but
    for the last of the autoregression, whose raw default is 0.5: where the last ones of both are 0, nothing
    tells autoregression and moving average apart. The same is so wherever their polynomials have a root in
    common. If all of the process cancels so, on the unit circle, it is taken to be white noise. Where roots
    nearly cancel there, V hangs on the distances of partial autocorrelations from 1, which single precision
    knows to 6e-8 only: at raw parameters of 10, V is right to about 1e-2 in it.

    Args:
        n: Number of positions, an int of at least p + q + 1.
        p: Order of the autoregression, an int of at least 1; `MAMatrix` is without.
        q: Order of the moving average, an int of at least 1; `ARMatrix` is without.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n`, `p` or `q` is not an int.
        ValueError: `p` or `q` is below 1, or `n` too small to tell p + q parameters apart.

    Example:
        >>> import torch
        >>> from covstudio.covariance import ARMAMatrix
        >>> matrix = ARMAMatrix(3, 1, 1)
        >>> matrix.set_param_specs("pacf_1", value=0.5)
        >>> matrix.set_param_specs("ma_pacf_1", value=0.5)
        >>> matrix()  # r_1 = (phi + theta) (1 + phi theta) / (1 + 2 phi theta + theta^2), r_2 = phi r_1
        tensor([[1.0000, 0.7143, 0.3571],
                [0.7143, 1.0000, 0.7143],
                [0.3571, 0.7143, 1.0000]])

    Reference:
        Monahan (1984), A note on enforcing stationarity in autoregressive-moving average models, Biometrika
        71, 403-404; Box & Jenkins (1970), Time Series Analysis: Forecasting and Control, section 3.4.
    """

    _definite = True

    def __init__(self, n: int, p: int, q: int, param_specs: ParamSpecs | None = None) -> None:
        self.p, self.q = check_size(p, "p"), check_size(q, "q")
        size = check_size(
            n,
            minimum=self.p + self.q + 1,
            reason=f"p + q = {self.p + self.q} parameters need as many autocorrelations, n - 1 of them",
        )
        autoregressive = partial_autocorrelations(self.p)
        autoregressive[-1] = replace(autoregressive[-1], default=0.5)
        moving = partial_autocorrelations(self.q, "ma_pacf")
        super().__init__(size, param_specs, [*autoregressive, *moving])

    # x is a moving average of the autoregression u with unit variance, x_t = sum_j theta_j u_(t-j). Turned
    # round in time it is a combination of u_0, ..., u_q, so also of their prediction errors: with weights a_k
    # and error variances v_k. On this basis (see pacf.shift) the autocovariance at lag h is a' S^h (v a), and
    # sum_k v_k a_k^2 at lag 0, a sum of squares: where roots nearly cancel, hardly a digit is lost.

    def _correlations(self, shapes: Tensor) -> Tensor:
        partials = self._partials(shapes)
        filters, errors = predictors(partials[:-1])
        weights = _on_errors(filters, self._turned(invertible(shapes[self.p :])))
        covariances = weights @ orbit(shift(partials), errors * weights, self.n)
        total = covariances[0]
        ratio = covariances[1:] / torch.where(total > 0, total, torch.ones_like(total))
        return torch.cat([torch.ones_like(ratio[:1]), ratio])

    def _correlation_slopes(self, shapes: Tensor) -> Tensor:
        partials = self._partials(shapes)
        filters, errors = predictors(partials[:-1])
        weights = _on_errors(filters, self._turned(invertible(shapes[self.p :])))
        # Directions: the p partial autocorrelations of u, then the q of the moving average. The last of u
        # plays no part in the errors where the state is no longer than p.
        filter_slopes, error_slopes = predictor_slopes(partials[:-1])
        count, width = self.p + self.q, len(weights)
        reached = min(self.p, width - 1)
        weight_slopes = weights.new_zeros((count, width))
        weight_slopes[:reached] = -_on_errors(filters, weights @ _by_position(filter_slopes[:reached]))
        weight_slopes[self.p :] = _on_errors(filters, self._turned(invertible_slopes(shapes[self.p :])))
        start_slopes = errors * weight_slopes
        start_slopes[:reached] += error_slopes[:reached] * weights
        step_slopes = weights.new_zeros((count, width, width))
        step_slopes[: self.p] = shift_slopes(partials)[: self.p]
        columns, slopes = orbit_slopes(shift(partials), step_slopes, errors * weights, start_slopes, self.n)
        covariances = weights @ columns
        covariance_slopes = weights @ slopes + weight_slopes @ columns
        total = covariances[0]
        if not bool(total > 0):
            return torch.zeros_like(covariance_slopes)
        out = (covariance_slopes - covariances / total * covariance_slopes[:, :1]) / total
        out[:, 0] = 0.0
        return out

    def _partials(self, shapes: Tensor) -> Tensor:
        """Those of the autoregression, zeros behind them, to as many as the state needs."""
        return padded(shapes[: self.p], max(self.p, self.q + 1))

    def _turned(self, moving: Tensor) -> Tensor:
        """The coefficients theta_q, ..., theta_1, 1 of u_0, u_1, ..., zeros behind them."""
        return padded(moving.flip(-1), max(self.p, self.q + 1))


def _by_position(filters: Tensor) -> Tensor:
    """Prediction error filters by position: entry (k, i) multiplies u_i in the error at k, (..., m, m)."""
    lag = torch.arange(filters.shape[-1], device=filters.device)
    distance = (lag[:, None] - lag).expand(filters.shape)
    return torch.where(distance >= 0, filters.gather(-1, distance.clamp_min(0)), torch.zeros_like(filters))


def _on_errors(filters: Tensor, coefficients: Tensor) -> Tensor:
    """The weights of the prediction errors in sums of coefficients times values.

    Args:
        filters: prediction error filters of orders 0 to m - 1, shape (m, m).
        coefficients: of u_0, ..., u_(m-1), shape (..., m).

    Returns:
        Shape (..., m).
    """
    rows = coefficients.reshape(-1, filters.shape[0])
    weights: Tensor = torch.linalg.solve_triangular(_by_position(filters), rows, upper=False, left=False)
    return weights.reshape(coefficients.shape)
