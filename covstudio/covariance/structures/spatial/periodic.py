"""The periodic covariance of coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import declare
from covstudio.covariance.core.leaf import Leaf, ParamSpecs
from covstudio.covariance.numerics.distance import check_points
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.parameters.transforms import TransformExp
from covstudio.covariance.structures.elementary.elementary import variance
from covstudio.covariance.structures.spatial.base import (
    ANISOTROPIC,
    VARIANCE_MEANING,
    check_flag,
    constant_diagonal,
    constant_diagonal_slopes,
    coordinates_argument,
    per_dimension,
)

__all__ = ["PeriodicMatrix"]

#: exp(-2 s^2) is zero beyond this s in every precision.
_FAR = 40.0


@declare(
    title="Periodic",
    category="Kernels",
    place=1,
    formula=r"V_{ij} = \sigma^2 \prod_k \exp\left( -\frac{2 \sin^2\left( \pi (x_{ik} - x_{jk}) / "
    r"\text{period}_k \right)}{\text{range}_k^2} \right)",
    symbol="σ²e^(−2sin²(πd/p))",
    summary=(
        "Correlation that returns with every period, as of seasons; its Hadamard product with one that "
        "decays is locally periodic."
    ),
    arguments=(coordinates_argument(), ANISOTROPIC),
    aliases={"GPyTorch": ("PeriodicKernel",), "scikit-learn": ("ExpSineSquared",)},
    reference="MacKay (1998), Introduction to Gaussian processes, section 5.2",
    parameters={
        "sigma^2": VARIANCE_MEANING,
        "period": "Distance after which the correlation is back at one.",
        "period_j": "The same along coordinate j, when anisotropic.",
        "range": "Scale of the correlation within a period, a number without a unit: small is rough.",
        "range_j": "The same along coordinate j, when anisotropic.",
    },
    usage={
        "GPyTorch": "ScaleKernel(PeriodicKernel())",
        "scikit-learn": "ConstantKernel() * ExpSineSquared()",
    },
    psd=True,
    scale="sigma^2",
    example=lambda: PeriodicMatrix([0.0, 0.1, 0.25, 0.45, 0.7]),
)
class PeriodicMatrix(Leaf):
    r"""Periodic covariance, a product over coordinates.

    :math:`V_{ij} = \sigma^2 \prod_k \exp(-2 \sin^2(\pi (x_{ik} - x_{jk}) / \mathrm{period}_k) /
    \mathrm{range}_k^2)`: the Gaussian covariance on circles of one period. Rows a whole number of periods
    apart are fully correlated; V is then singular. A covariance that is periodic but slowly forgets (locally
    periodic) is its `HadamardProduct` with a decaying one.

    Parameters: `sigma^2` (natural: the marginal variance; raw: exp(2 theta), default 0), `period`
    (natural: in the unit of the coordinates; raw: exp(theta), default 0, that is 1) and `range` (natural: a
    number; raw: exp(theta), default 0, that is 1), shared by all coordinates; or, anisotropic, `period_0`,
    ..., `range_0`, ..., one of each per column. Fix the period where it is known: the likelihood has many
    maxima in it.

    Accuracy: each row's place in its period is found in double precision, and V is the covariance of these
    places, whatever the sizes of coordinates and period. With N periods between two rows the last digits of
    the period itself move the phase by N times its rounding: single precision knows a period to 6e-8 only.

    Args:
        coordinates: One number per row, or one row of d numbers per row: lists, a tensor, an array or the
            columns of a DataFrame, shape (n,) or (n, d).
        anisotropic: Whether each coordinate has a period and a range of its own.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: the coordinates are not numbers.
        ValueError: they are empty or not finite.

    Example:
        >>> import torch
        >>> from covstudio.covariance import PeriodicMatrix
        >>> PeriodicMatrix([0.0, 0.5, 2.0])(torch.tensor([0.0, 0.0, 0.0]))
        tensor([[1.0000, 0.1353, 1.0000],
                [0.1353, 1.0000, 0.1353],
                [1.0000, 0.1353, 1.0000]])

    Reference:
        MacKay (1998), Introduction to Gaussian processes, section 5.2; Rasmussen & Williams (2006), Gaussian
        Processes for Machine Learning, equation 4.31.
    """

    def __init__(
        self,
        coordinates: object,
        *,
        anisotropic: bool = False,
        param_specs: ParamSpecs | None = None,
    ) -> None:
        self.anisotropic = check_flag(anisotropic, "anisotropic", type(self).__name__)
        self.coordinates = check_points(coordinates)
        size, count = self.coordinates.shape
        # V knows differences alone; counted from the smallest, a coordinate far from 0 keeps its digits.
        self._offsets = (self.coordinates - self.coordinates.amin(0)).T.contiguous()
        self._own = count if self.anisotropic else 1
        names = [*per_dimension("period", count, anisotropic), *per_dimension("range", count, anisotropic)]
        parameters = [Parameter(name, TransformExp()) for name in names]
        super().__init__((size, size), param_specs, [variance(), *parameters])

    def _terms(self, natural: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Phases and s = sin(phase) / range, shape (d, n, n), periods and ranges, (1 or d, 1, 1).

        Each row is placed on the circle by itself, so that V is the covariance of points on it whatever the
        rounding of their places; phases are their differences, within half a turn. All in double precision:
        many periods away, the phase is in the last digits of a coordinate.
        """
        offsets = self._offsets.to(natural.device)
        precision = torch.finfo(torch.float64)
        # Of a distance of more periods than there are digits no phase is left.
        least = (offsets.max() * precision.eps).clamp_min(precision.tiny)
        period = torch.maximum(natural[1 : 1 + self._own].double(), least)[:, None]
        # Its square still has a reciprocal.
        scale = natural[1 + self._own :].double().clamp_min(precision.tiny**0.5)[:, None, None]
        places = torch.fmod(offsets, period) / period
        turns = places[:, :, None] - places[:, None]
        phase = math.pi * (turns - torch.round(turns))
        sine = torch.sin(phase)
        far = sine.abs() > _FAR * scale
        s = sine.masked_fill(far, 0.0) / scale
        return phase, s.masked_fill(far, _FAR), period[:, :, None], scale

    def evaluate(self, natural: Tensor) -> Tensor:
        """V, shape (n, n), from natural values [sigma^2, period(s), range(s)]."""
        s = self._terms(natural)[1]
        return natural[0] * torch.exp(-2.0 * (s * s).sum(0)).to(natural.dtype)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """The derivatives of V for the parameters asked for, shape (len(index), n, n).

        With s = sin(phase) / range: dV/d range = 4 V s^2 / range, and dV/d period = 4 pi V s cos(phase)
        (x_i - x_j) / (range period^2), each summed over the coordinates that share it.
        """
        phase, s, period, scale = self._terms(natural)
        decay = torch.exp(-2.0 * (s * s).sum(0))
        value = natural[0].double() * decay
        offsets = self._offsets.to(natural.device)
        slices = []
        for position in index:
            which, k = divmod(position - 1, self._own)
            some = slice(k, k + 1) if self.anisotropic else slice(None)
            if position == 0:
                slices.append(decay)
            elif which == 0:
                steps = (offsets[some, :, None] - offsets[some, None]) / period[k]
                slope = s[some] * torch.cos(phase[some]) * steps / scale[k]
                slices.append(4.0 * math.pi * value * slope.sum(0) / period[k])
            else:
                slices.append(4.0 * value * (s[some] * s[some]).sum(0) / scale[k])
        if not slices:
            return natural.new_zeros((0, *self.shape))
        largest = torch.finfo(natural.dtype).max
        return torch.stack(slices).clamp(-largest, largest).to(natural.dtype)


linalg.diagonal.register(PeriodicMatrix)(constant_diagonal)
linalg.derivative_diagonal.register(PeriodicMatrix)(constant_diagonal_slopes)
