"""Structures of ordered rows: first-order autoregression and the Ornstein-Uhlenbeck process."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .checks import check_coordinates, check_size
from .declaration import Argument, declare
from .elementary import bounded, variance
from .leaf import Leaf, ParamSpecs
from .parameter import Parameter
from .transform import TransformExp

_SIZE = Argument("n", "size", "Size", "Number of equally spaced positions, in order", minimum=1)
# exp(-h) is zero beyond this in every precision; leaving such h out keeps all finite at a range of 0.
_FAR = 800.0


def symmetric_toeplitz(first: Tensor) -> Tensor:
    """Return the symmetric Toeplitz matrix whose first row is ``first``, shape (n,) -> (n, n)."""
    size = first.shape[0]
    band = torch.cat([first.flip(0), first[1:]])
    return band.unfold(0, size, 1).flip(0)


def powers(rho: Tensor, n: int) -> Tensor:
    """Return 1, rho, ..., rho^(n-1), shape (n,).

    Whole exponents keep every sign of rho right, and zero.
    """
    exponents = torch.arange(1, n, device=rho.device)
    return torch.cat([torch.ones_like(rho).reshape(1), rho**exponents])


def power_slopes(rho: Tensor, n: int) -> Tensor:
    """Return d rho^k / d rho = k rho^(k-1) for k = 0..n-1, shape (n,); 0, 1, 0, ... at rho = 0."""
    exponents = torch.arange(n, device=rho.device)
    return torch.cat([torch.zeros_like(rho).reshape(1), exponents[1:] * powers(rho, n)[:-1]])


@declare(
    title="First-order autoregressive",
    category="Time series",
    formula=r"V_{ij} = \sigma^2 \rho^{|i - j|}",
    symbol="σ²ρ^|i−j|",
    summary="Equally spaced positions whose correlation decays geometrically with their lag.",
    arguments=(_SIZE,),
    aliases={
        "torch-openreml": ("AR1Matrix",),
        "ASReml": ("ar1v",),
        "SAS": ("AR(1)",),
        "nlme": ("corAR1",),
        "glmmTMB": ("ar1",),
    },
    reference="Box & Jenkins (1970), Time Series Analysis: Forecasting and Control, chapter 3",
    psd=True,
    example=lambda: AR1Matrix(4),
)
class AR1Matrix(Leaf):
    r"""First-order autoregression, :math:`V_{ij} = \sigma^2 \rho^{|i-j|}` with :math:`\rho \in (-1, 1)`.

    Parameters: ``sigma^2`` (natural: the marginal variance, not that of the innovations; raw: exp(2 theta),
    default 0) and ``rho`` (natural: the correlation of neighbours; raw: 2 sigmoid(theta) - 1, default 0, that
    is no correlation).

    Args:
        n: Number of positions, an int of at least 1.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: If ``n`` is not an int.
        ValueError: If ``n`` is below 1.

    Example:
        >>> import torch
        >>> from covstudio.covariance import AR1Matrix
        >>> AR1Matrix(3)(torch.tensor([0.5, 1.0]))
        tensor([[2.7183, 1.2562, 0.5805],
                [1.2562, 2.7183, 1.2562],
                [0.5805, 1.2562, 2.7183]])

    Reference:
        Box & Jenkins (1970), Time Series Analysis: Forecasting and Control, chapter 3. In field trials:
        Cullis & Gleeson (1991), Spatial analysis of field experiments - an extension to two dimensions,
        Biometrics 47, 1449-1460.
    """

    _definite = True

    def __init__(self, n: int, param_specs: ParamSpecs | None = None) -> None:
        self.n = check_size(n)
        defaults = [variance(), Parameter("rho", bounded(-1.0))]
        super().__init__((self.n, self.n), param_specs, defaults)

    def evaluate(self, natural: Tensor) -> Tensor:
        """Return sigma^2 rho^|i-j|, shape (n, n), from natural values [sigma^2, rho]."""
        return symmetric_toeplitz(natural[0] * powers(natural[1], self.n))

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """Return dV/d sigma^2 = rho^k and dV/d rho = sigma^2 k rho^(k-1), where k = |i-j|."""
        sigma2, rho = natural[0], natural[1]
        rows = [powers(rho, self.n) if k == 0 else sigma2 * power_slopes(rho, self.n) for k in index]
        return torch.stack([symmetric_toeplitz(row) for row in rows])


@declare(
    title="First-order autoregressive correlation",
    category="Time series",
    formula=r"V_{ij} = \rho^{|i - j|}",
    symbol="ρ^|i−j|",
    summary="The autoregressive correlation with unit variances, for a factor of a Kronecker product.",
    arguments=(_SIZE,),
    aliases={"ASReml": ("ar1",)},
    reference=(
        "Cullis & Gleeson (1991), Spatial analysis of field experiments - an extension to two dimensions, "
        "Biometrics 47, 1449-1460"
    ),
    psd=True,
    example=lambda: AR1CorrelationMatrix(4),
)
class AR1CorrelationMatrix(Leaf):
    r"""First-order autoregressive correlation, :math:`V_{ij} = \rho^{|i-j|}`, :math:`-1 < \rho < 1`.

    Parameters: ``rho`` (natural: the correlation of neighbours; raw: 2 sigmoid(theta) - 1, default 0). Having
    no variance, it keeps AR1 (x) AR1 times one variance identifiable.

    Args:
        n: Number of positions, an int of at least 1.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: If ``n`` is not an int.
        ValueError: If ``n`` is below 1.

    Example:
        >>> import torch
        >>> from covstudio.covariance import AR1CorrelationMatrix
        >>> AR1CorrelationMatrix(3)(torch.tensor([1.0]))
        tensor([[1.0000, 0.4621, 0.2136],
                [0.4621, 1.0000, 0.4621],
                [0.2136, 0.4621, 1.0000]])

    Reference:
        Cullis & Gleeson (1991), Spatial analysis of field experiments - an extension to two dimensions,
        Biometrics 47, 1449-1460.
    """

    _definite = True

    def __init__(self, n: int, param_specs: ParamSpecs | None = None) -> None:
        self.n = check_size(n)
        super().__init__((self.n, self.n), param_specs, [Parameter("rho", bounded(-1.0))])

    def evaluate(self, natural: Tensor) -> Tensor:
        """Return rho^|i-j|, shape (n, n), from natural values [rho]."""
        return symmetric_toeplitz(powers(natural[0], self.n))

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """Return dV/d rho = k rho^(k-1), k = |i-j|, shape (1, n, n)."""
        return symmetric_toeplitz(power_slopes(natural[0], self.n)).expand(len(index), -1, -1)


@declare(
    title="Ornstein-Uhlenbeck",
    category="Time series",
    formula=r"V_{ij} = \sigma^2 \exp\left( -\frac{|t_i - t_j|}{\text{range}} \right)",
    symbol="σ²e^(−|tᵢ−tⱼ|/r)",
    summary="The autoregression in continuous time, for rows observed at any times.",
    arguments=(Argument("times", "coordinates", "Times", "The time of each row, in any order"),),
    aliases={
        "nlme": ("corCAR1",),
        "SAS": ("SP(POW)",),
        "glmmTMB": ("ou",),
        "GPyTorch": ("MaternKernel(nu=0.5)",),
        "scikit-learn": ("Matern(nu=0.5)",),
    },
    reference="Uhlenbeck & Ornstein (1930), On the theory of the Brownian motion, Phys. Rev. 36, 823-841",
    psd=True,
    example=lambda: OrnsteinUhlenbeckMatrix([0.0, 1.0, 2.5, 0.75]),
)
class OrnsteinUhlenbeckMatrix(Leaf):
    r"""The Ornstein-Uhlenbeck process, :math:`V_{ij} = \sigma^2 \exp(-|t_i - t_j| / \mathrm{range})`.

    Parameters: ``sigma^2`` (natural: the marginal variance; raw: exp(2 theta), default 0) and ``range``
    (natural: the time over which the correlation falls to 1/e, in the unit of ``times``; raw: exp(theta),
    default 0, that is 1).

    Args:
        times: One time per row: a list, tuple, 1-D tensor or Series of n finite numbers, in any order. Rows
            of the same time are allowed and fully correlated: V is then singular, though still positive
            semi-definite, so it needs a residual beside it before it can be inverted.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: If ``times`` does not hold numbers.
        ValueError: If ``times`` is empty, not one vector, or holds a NaN or an infinity.

    Example:
        >>> import torch
        >>> from covstudio.covariance import OrnsteinUhlenbeckMatrix
        >>> OrnsteinUhlenbeckMatrix([0.0, 1.0, 3.0])(torch.tensor([0.5, 0.0]))
        tensor([[2.7183, 1.0000, 0.1353],
                [1.0000, 2.7183, 0.3679],
                [0.1353, 0.3679, 2.7183]])

    Reference:
        Uhlenbeck & Ornstein (1930), On the theory of the Brownian motion, Physical Review 36, 823-841;
        Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.3 (corCAR1).
    """

    def __init__(self, times: object, param_specs: ParamSpecs | None = None) -> None:
        self.times = check_coordinates(times, "times")
        size = self.times.shape[0]
        self._definite = len(set(self.times.tolist())) == size
        defaults = [variance(), Parameter("range", TransformExp())]
        super().__init__((size, size), param_specs, defaults)

    def _decay(self, natural: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return h = |t_i - t_j| / range, exp(-h) and the range; h is set to 0 where exp(-h) vanishes."""
        # Times are subtracted in float64: their differences may be small beside them (seconds since 1970).
        distance = (self.times[:, None] - self.times).abs().to(dtype=natural.dtype, device=natural.device)
        scale = natural[1].clamp_min(torch.finfo(natural.dtype).tiny)
        far = distance > _FAR * scale
        steps = distance.masked_fill(far, 0.0) / scale
        return steps, torch.exp(-steps).masked_fill(far, 0.0), scale

    def evaluate(self, natural: Tensor) -> Tensor:
        """Return sigma^2 exp(-|t_i - t_j| / range), shape (n, n), from natural values [sigma^2, range]."""
        return natural[0] * self._decay(natural)[1]

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """Return dV/d sigma^2 = e^-h and dV/d range = sigma^2 h e^-h / range, h = |t_i - t_j| / range."""
        steps, decay, scale = self._decay(natural)
        return torch.stack([decay if k == 0 else natural[0] * (steps * decay / scale) for k in index])
