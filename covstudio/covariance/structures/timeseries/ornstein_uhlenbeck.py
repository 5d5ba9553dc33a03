"""The Ornstein-Uhlenbeck process, the autoregression in continuous time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import Argument, declare
from covstudio.covariance.core.checks import check_coordinates, check_different_times, check_flag
from covstudio.covariance.core.leaf import ParamSpecs
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.parameters.transforms import TransformExp
from covstudio.covariance.structures.elementary.elementary import variance
from covstudio.covariance.structures.timeseries.markov import MarkovLeaf, in_time, register_prediction
from covstudio.covariance.structures.timeseries.prediction_errors import (
    check_errors,
    precision_band_slopes,
    precision_bands,
)

__all__ = ["SHARED_TIMES", "OrnsteinUhlenbeckMatrix", "check_times"]

#: exp(-h) is zero beyond this in every precision; leaving such h out keeps all finite at a range of 0.
_FAR = 800.0

#: The declaration of what lets rows of a process share a time.
SHARED_TIMES = Argument(
    "shared_times",
    "flag",
    "Shared times",
    "Rows may share a time, as of subjects measured on the same days; their values are then one and the same",
    default=False,
)


def check_times(times: object, shared_times: object, label: str) -> Tensor:
    """The times of the rows of a process as a float64 vector.

    Args:
        times: One finite number per row.
        shared_times: Whether rows may share a time.
        label: The structure's name, for the message.

    Raises:
        TypeError: `times` does not hold numbers, or `shared_times` is neither True nor False.
        ValueError: `times` is empty, not one vector, holds a NaN or an infinity, or the same time twice
            without `shared_times`.
    """
    checked = check_coordinates(times, "times")
    if not check_flag(shared_times, "shared_times", label):
        check_different_times(checked)
    return checked


@declare(
    title="Ornstein-Uhlenbeck",
    category="Time series",
    place=10,
    formula=r"V_{ij} = \sigma^2 \exp\left( -\frac{|t_i - t_j|}{\text{range}} \right)",
    symbol="σ²e^(−|tᵢ−tⱼ|/r)",
    summary="The autoregression in continuous time, for rows observed at any times.",
    arguments=(
        Argument("times", "coordinates", "Times", "The time of each row, in any order"),
        SHARED_TIMES,
    ),
    aliases={
        "nlme": ("corCAR1",),
        "SAS": ("SP(POW)",),
        "glmmTMB": ("ou",),
        "GPyTorch": ("MaternKernel(nu=0.5)",),
        "scikit-learn": ("Matern(nu=0.5)",),
    },
    reference="Uhlenbeck & Ornstein (1930), On the theory of the Brownian motion, Phys. Rev. 36, 823-841",
    parameters={
        "sigma^2": "Marginal variance at every time.",
        "range": "Time over which the correlation falls to 1/e, in the unit of the times.",
    },
    usage={
        "SAS": "repeated / subject=id type=sp(pow)(time);",
        "nlme": "correlation = corCAR1(form = ~ time | id)",
        "glmmTMB": "ou(numFactor(time) + 0 | id)",
        "GPyTorch": "ScaleKernel(MaternKernel(nu=0.5))",
        "scikit-learn": "ConstantKernel() * Matern(nu=0.5)",
    },
    psd=True,
    scale="sigma^2",
    example=lambda: OrnsteinUhlenbeckMatrix([0.0, 1.0, 2.5, 0.75]),
)
class OrnsteinUhlenbeckMatrix(MarkovLeaf):
    r"""The Ornstein-Uhlenbeck process, :math:`V_{ij} = \sigma^2 \exp(-|t_i - t_j| / \mathrm{range})`.

    Parameters: `sigma^2` (natural: the marginal variance; raw: exp(2 theta), default 0) and `range`
    (natural: the time over which the correlation falls to 1/e, in the unit of `times`; raw: exp(theta),
    default 0, that is 1).

    Args:
        times: One time per row: a list, tuple, 1-D tensor or Series of n finite numbers, in any order.
        param_specs: Declaration to use in place of the default one.
        shared_times: Whether rows may share a time, as where several subjects are measured on the same days.
            Such rows are fully correlated: V is then singular, though still positive semi-definite. It needs
            what tells them apart before it can be inverted: a Hadamard product with "same subject", or a
            residual beside it.

    Raises:
        TypeError: `times` does not hold numbers, or `shared_times` is neither True nor False.
        ValueError: `times` is empty, not one vector, holds a NaN or an infinity, or the same time twice
            without `shared_times`.

    Example:
        >>> import torch
        >>> from covstudio.covariance import OrnsteinUhlenbeckMatrix
        >>> OrnsteinUhlenbeckMatrix([0.0, 1.0, 3.0])(torch.tensor([0.5, 0.0]))
        tensor([[2.7183, 1.0000, 0.1353],
                [1.0000, 2.7183, 0.3679],
                [0.1353, 0.3679, 2.7183]])

        Two subjects, both measured at times 0 and 1.

        >>> from covstudio.covariance import DummyMatrix, Gram, HadamardProduct
        >>> same_subject = Gram(DummyMatrix(["a", "a", "b", "b"]), gram_type="xxt")
        >>> process = OrnsteinUhlenbeckMatrix([0.0, 1.0, 0.0, 1.0], shared_times=True)
        >>> HadamardProduct(subject=same_subject, process=process)(torch.tensor([0.0, 0.0]))
        tensor([[1.0000, 0.3679, 0.0000, 0.0000],
                [0.3679, 1.0000, 0.0000, 0.0000],
                [0.0000, 0.0000, 1.0000, 0.3679],
                [0.0000, 0.0000, 0.3679, 1.0000]])

    Reference:
        Uhlenbeck & Ornstein (1930), On the theory of the Brownian motion, Physical Review 36, 823-841;
        Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.3 (corCAR1).
    """

    def __init__(
        self, times: object, param_specs: ParamSpecs | None = None, *, shared_times: bool = False
    ) -> None:
        self.times = check_times(times, shared_times, type(self).__name__)
        size = self.times.shape[0]
        self._order = torch.argsort(self.times)
        self._gaps = self.times[self._order].diff()
        self._definite = bool((self._gaps > 0).all())
        defaults = [variance(), Parameter("range", TransformExp())]
        super().__init__((size, size), param_specs, defaults)

    def _distances(self, natural: Tensor) -> Tensor:
        # Times are subtracted in float64: their differences may be small beside them (seconds since 1970).
        return (self.times[:, None] - self.times).abs().to(dtype=natural.dtype, device=natural.device)

    def evaluate(self, natural: Tensor) -> Tensor:
        """sigma^2 exp(-|t_i - t_j| / range), shape (n, n), from natural values [sigma^2, range]."""
        return _covariances(natural, self._distances(natural))

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dV/d sigma^2 = e^-h and dV/d range = sigma^2 h e^-h / range, h = |t_i - t_j| / range."""
        return _slopes(natural, index, self._distances(natural))

    def _recursion(self, natural: Tensor) -> tuple[Tensor, Tensor]:
        steps = self._gaps.to(natural) / natural[1].clamp_min(torch.finfo(natural.dtype).tiny)
        coefficients = _from_second(-torch.exp(-steps))
        filters = torch.stack([torch.ones_like(coefficients), coefficients], dim=1)
        errors = torch.cat([natural.new_ones(1), -torch.expm1(-2 * steps)])
        check_errors(self, errors * (natural[0] > 0))
        return filters, natural[0] * errors


def _decay(natural: Tensor, distances: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """h = distance / range, exp(-h) and the range; h is set to 0 where exp(-h) vanishes."""
    scale = natural[1].clamp_min(torch.finfo(natural.dtype).tiny)
    far = distances > _FAR * scale
    steps = distances.masked_fill(far, 0.0) / scale
    return steps, torch.exp(-steps).masked_fill(far, 0.0), scale


def _covariances(natural: Tensor, distances: Tensor) -> Tensor:
    return natural[0] * _decay(natural, distances)[1]


def _slopes(natural: Tensor, index: Sequence[int], distances: Tensor) -> Tensor:
    steps, decay, scale = _decay(natural, distances)
    slices = [decay if k == 0 else natural[0] * (steps * decay / scale) for k in index]
    return torch.stack(slices) if slices else decay.new_zeros((0, *decay.shape))


@linalg.covariance_function.register(OrnsteinUhlenbeckMatrix)
def _(matrix: OrnsteinUhlenbeckMatrix) -> linalg.CovarianceFunction:
    times = matrix.times.to(device="cpu", dtype=torch.float64)
    return linalg.CovarianceFunction(times, _covariances, _slopes, markov=True)


register_prediction(OrnsteinUhlenbeckMatrix)


def _passed_on(coefficients: Tensor, steps: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """What rows pass on to later ones: sums of exp(-h) b_j, and of h exp(-h) b_j, over the rows j before.

    By doubling: after k rounds, each row has the sum over the 2^k rows before it.

    Args:
        coefficients: exp(-h) from each row to the next, in the order of time; shape (n - 1,).
        steps: h from each row to the next, shape (n - 1,).
        b: shape (n, m).

    Returns:
        Two tensors of shape (n, m); the row itself is left out of its sum.
    """
    decay, reach = _from_second(coefficients)[:, None], _from_second(steps)[:, None]
    # A row less than 2^k rows from the first has the sum over all rows before it: its decay stays 0.
    plain = decay * torch.cat([torch.zeros_like(b[:1]), b[:-1]])
    weighted = reach * plain
    distance = 1
    while distance < len(b):
        far, late = decay[distance:], reach[distance:]
        weighted = _added(weighted, far * (weighted[:-distance] + late * plain[:-distance]), distance)
        plain = _added(plain, far * plain[:-distance], distance)
        head = torch.zeros_like(decay[:distance])
        decay = torch.cat([head, far * decay[:-distance]])
        reach = torch.cat([head, late + reach[:-distance]])
        distance *= 2
    return plain, weighted


def _added(sums: Tensor, more: Tensor, distance: int) -> Tensor:
    return torch.cat([sums[:distance], sums[distance:] + more])


def _both_ways(matrix: OrnsteinUhlenbeckMatrix, natural: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The products with b of exp(-h) and of h exp(-h), h = |t_i - t_j| / range, neither written out."""
    scale = natural[1].clamp_min(torch.finfo(natural.dtype).tiny)
    gaps = matrix._gaps.to(natural)
    steps = gaps.masked_fill(gaps > _FAR * scale, _FAR) / torch.where(gaps > _FAR * scale, 1.0, scale)
    order, decay = matrix._order.to(natural.device), torch.exp(-steps)
    rows = b[order]
    later, later_weighted = _passed_on(decay, steps, rows)
    earlier, earlier_weighted = (
        part.flip(0) for part in _passed_on(decay.flip(0), steps.flip(0), rows.flip(0))
    )
    plain, weighted = torch.empty_like(rows), torch.empty_like(rows)
    plain[order] = rows + later + earlier
    weighted[order] = later_weighted + earlier_weighted
    return plain, weighted


@linalg.matmul.register(OrnsteinUhlenbeckMatrix)
def _(matrix: OrnsteinUhlenbeckMatrix, natural: Tensor, b: Tensor) -> Tensor:
    return natural[0] * _both_ways(matrix, natural, b)[0]


@linalg.derivative_matmul.register(OrnsteinUhlenbeckMatrix)
def _(matrix: OrnsteinUhlenbeckMatrix, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    plain, weighted = _both_ways(matrix, natural, b)
    scale = natural[1].clamp_min(torch.finfo(natural.dtype).tiny)
    return torch.stack([plain, natural[0] * weighted / scale])[list(index)]


def _from_second(values: Tensor) -> Tensor:
    return torch.nn.functional.pad(values, (1, 0))


@linalg.precision_derivatives.register(OrnsteinUhlenbeckMatrix, when=in_time)
def _(matrix: OrnsteinUhlenbeckMatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    filters, errors = matrix._recursion(natural)
    scale = natural[1].clamp_min(torch.finfo(natural.dtype).tiny)
    steps = matrix._gaps.to(natural) / scale
    slopes = torch.zeros_like(filters)
    slopes[1:, 1] = -torch.exp(-steps) * steps / scale
    error_slopes = _from_second(-2 * natural[0] * torch.exp(-2 * steps) * steps / scale)
    by_range = precision_band_slopes(filters, errors, slopes[None], error_slopes[None])
    both = torch.cat([-precision_bands(filters, errors)[None] / natural[0], by_range])
    return both[list(index), : matrix.shape[0]]


@linalg.diagonal.register(OrnsteinUhlenbeckMatrix)
def _(matrix: OrnsteinUhlenbeckMatrix, natural: Tensor) -> Tensor:
    return natural[0].repeat(matrix.shape[0])


@linalg.derivative_diagonal.register(OrnsteinUhlenbeckMatrix)
def _(matrix: OrnsteinUhlenbeckMatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    return natural.new_tensor([float(k == 0) for k in index])[:, None].repeat(1, matrix.shape[0])
