"""Variance functions: independent rows whose variance follows a covariate."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from covstudio.covariance.core.catalogue import Argument, declare
from covstudio.covariance.core.checks import check_coordinates
from covstudio.covariance.core.leaf import ParamSpecs
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.parameters.transforms import TransformExp
from covstudio.covariance.structures.elementary.diagonal import DiagonalLeaf
from covstudio.covariance.structures.elementary.elementary import variance

__all__ = ["ConstantPowerVarianceMatrix", "ExponentialVarianceMatrix", "PowerVarianceMatrix"]

#: What an abs(v) of 0 counts as in a power: 0^delta jumps from 0 over 1 to infinity at delta = 0.
ZERO = torch.finfo(torch.float32).tiny

_SIGMA = "Variance where the function of the covariate is 1."


def _limit(natural: Tensor) -> float:
    """The largest exponent: e to its power, times a variance, its slope and a logarithm, stays finite."""
    return math.log(torch.finfo(natural.dtype).max) / 2


class _VarianceFunction(DiagonalLeaf):
    """sigma^2 times a weight for each row, on the diagonal."""

    _definite = True

    def __init__(self, v: Tensor, param_specs: ParamSpecs | None, others: Sequence[Parameter]) -> None:
        self.v = v
        super().__init__((len(v), len(v)), param_specs, [variance(), *others])

    def _weights(self, natural: Tensor) -> Tensor:
        """Variance of each row for sigma^2 = 1, shape (n,)."""
        raise NotImplementedError

    def _slopes(self, natural: Tensor) -> Callable[[int], Tensor]:
        """Derivative of the weights by parameter (not sigma^2), each of shape (n,)."""
        raise NotImplementedError

    def _covariate(self, natural: Tensor) -> Tensor:
        return self.v.to(dtype=natural.dtype, device=natural.device)

    def variances(self, natural: Tensor) -> Tensor:
        """The diagonal of V, shape (n,), from natural values."""
        return natural[0] * self._weights(natural)

    def variance_slopes(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """The derivatives of the diagonal of V, shape (len(index), n)."""
        slope = self._slopes(natural)
        rows = [self._weights(natural) if k == 0 else natural[0] * slope(k) for k in index]
        return torch.stack(rows) if rows else natural.new_zeros((0, len(self.v)))


def _exponential(exponent: Tensor) -> tuple[Tensor, Tensor]:
    """e to an exponent held within the limit, and whether it was within: where not, its slope is 0."""
    limit = _limit(exponent)
    held = exponent.clamp(-limit, limit)
    return torch.exp(held), (exponent.abs() <= limit).to(exponent.dtype)


@declare(
    title="Power of a covariate",
    category="Variance functions",
    formula=r"\mathbf{V} = \operatorname{diag}\left( \sigma^2 |v_i|^{2\delta} \right)",
    symbol="σ²|v|^2δ",
    summary="Independent rows whose standard deviation is proportional to a power of a covariate.",
    arguments=(Argument("v", "coordinates", "Covariate", "A number other than 0 for each row"),),
    aliases={"nlme": ("varPower", "varFixed"), "SAS": ("LOCAL=POM",)},
    parameters={
        "sigma^2": "Variance of a row whose covariate is 1 or -1.",
        "delta": "Power of the standard deviation; 0 for equal variances, 0.5 for variances that follow |v|.",
    },
    usage={
        "nlme": "weights = varPower(form = ~ v)   # delta fixed at 0.5: weights = varFixed(~ v)",
    },
    reference="Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.2",
    psd=True,
    scale="sigma^2",
    example=lambda: PowerVarianceMatrix([0.5, 1.0, 2.0, 3.5]),
)
class PowerVarianceMatrix(_VarianceFunction):
    r"""Variances that follow a power of a covariate, :math:`V = \mathrm{diag}(\sigma^2 |v_i|^{2 \delta})`.

    Parameters: `sigma^2` (natural: the variance where abs(v) = 1; raw: exp(2 theta), default 0, that is 1)
    and `delta` (natural: any number; raw: the same, default 0). With `delta` fixed at 0.5 the variance is
    proportional to abs(v), nlme's `varFixed`.

    Domain: :math:`|v|^{2 \delta}` is exact between 1e-154 and 1e154 in double and between 5e-20 and 2e19 in
    single precision, and held at those ends beyond them, where its derivative by `delta` is 0. Within abs(
    delta) <= 10 no abs(v) from 2e-8 to 5e7 reaches them in double precision. Divide a covariate of other size
    by a typical value: that only changes what sigma^2 is the variance of.

    Args:
        v: Covariate, one number other than 0 per row: a list, tuple, 1-D tensor or Series of length n.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `v` does not hold numbers.
        ValueError: `v` is empty, not one vector, holds a NaN or an infinity, or a 0.

    Example:
        >>> import torch
        >>> from covstudio.covariance import PowerVarianceMatrix
        >>> matrix = PowerVarianceMatrix([1.0, 2.0, -3.0])
        >>> matrix(torch.tensor([0.0, 1.0])).diagonal()
        tensor([1., 4., 9.])
        >>> matrix.set_param_specs("delta", fixed=True, value=0.5)
        >>> matrix(torch.tensor([0.0])).diagonal()
        tensor([1., 2., 3.])

    Reference:
        Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.2 (varPower, varFixed).
    """

    def __init__(self, v: object, param_specs: ParamSpecs | None = None) -> None:
        covariate = check_coordinates(v, "v")
        if bool((covariate == 0).any()):
            row = int((covariate == 0).nonzero()[0])
            raise ValueError(
                f"v must be different from 0 everywhere, got 0 at {row}: the variance there would be 0 or "
                "infinite; use ConstantPowerVarianceMatrix, or leave out that row"
            )
        super().__init__(covariate, param_specs, [Parameter("delta")])

    def _weights(self, natural: Tensor) -> Tensor:
        return _exponential(2 * natural[1] * self._logarithms(natural))[0]

    def _slopes(self, natural: Tensor) -> Callable[[int], Tensor]:
        logarithms = self._logarithms(natural)
        power, within = _exponential(2 * natural[1] * logarithms)
        return lambda k: 2 * logarithms * power * within

    def _logarithms(self, natural: Tensor) -> Tensor:
        return self.v.abs().log().to(dtype=natural.dtype, device=natural.device)


@declare(
    title="Exponential of a covariate",
    category="Variance functions",
    formula=r"\mathbf{V} = \operatorname{diag}\left( \sigma^2 e^{2 \delta v_i} \right)",
    symbol="σ²e^2δv",
    summary="Independent rows whose log standard deviation is linear in a covariate.",
    arguments=(Argument("v", "coordinates", "Covariate", "A number for each row"),),
    aliases={"nlme": ("varExp",), "SAS": ("LOCAL=EXP()",), "glmmTMB": ("dispformula",)},
    parameters={
        "sigma^2": "Variance of a row whose covariate is 0.",
        "delta": "Change of the log standard deviation for a step of 1 in the covariate.",
    },
    usage={
        "nlme": "weights = varExp(form = ~ v)",
        "SAS": "repeated / local=exp(v);",
        "glmmTMB": "dispformula = ~ v",
    },
    reference="Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.2",
    psd=True,
    scale="sigma^2",
    example=lambda: ExponentialVarianceMatrix([-1.0, 0.0, 0.5, 2.0]),
)
class ExponentialVarianceMatrix(_VarianceFunction):
    r"""Variances exponential in a covariate, :math:`V = \mathrm{diag}(\sigma^2 e^{2\delta v_i})`.

    Parameters: `sigma^2` (natural: the variance where v = 0; raw: exp(2 theta), default 0, that is 1) and
    `delta` (natural: any number; raw: the same, default 0).

    Domain: exact for abs(delta v) <= 177 in double and <= 22 in single precision; beyond, the exponential is
    held at its value there (1e154, 2e19), and its derivative by `delta` is 0. Within, that derivative grows
    with v and is finite for abs(v) <= 1e100 in double and <= 1e9 in single precision. Divide a covariate of
    large size by a typical value.

    Args:
        v: Covariate, one number per row: a list, tuple, 1-D tensor or Series of length n.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `v` does not hold numbers.
        ValueError: `v` is empty, not one vector, or holds a NaN or an infinity.

    Example:
        >>> import torch
        >>> from covstudio.covariance import ExponentialVarianceMatrix
        >>> ExponentialVarianceMatrix([0.0, 1.0, 2.0])(torch.tensor([0.0, 0.5])).diagonal()
        tensor([1.0000, 2.7183, 7.3891])

    Reference:
        Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.2 (varExp).
    """

    def __init__(self, v: object, param_specs: ParamSpecs | None = None) -> None:
        super().__init__(check_coordinates(v, "v"), param_specs, [Parameter("delta")])

    def _weights(self, natural: Tensor) -> Tensor:
        return _exponential(2 * natural[1] * self._covariate(natural))[0]

    def _slopes(self, natural: Tensor) -> Callable[[int], Tensor]:
        covariate = self._covariate(natural)
        power, within = _exponential(2 * natural[1] * covariate)
        return lambda k: 2 * (covariate * within) * power


@declare(
    title="Constant plus power of a covariate",
    category="Variance functions",
    formula=r"\mathbf{V} = \operatorname{diag}\left( \sigma^2 \left( c + |v_i|^{\delta} \right)^2 \right)",
    symbol="σ²(c+|v|^δ)²",
    summary="Independent rows whose standard deviation is a constant plus a power of a covariate.",
    arguments=(Argument("v", "coordinates", "Covariate", "A number for each row; 0 is allowed"),),
    aliases={"nlme": ("varConstPower",)},
    parameters={
        "sigma^2": "Scale of the variances: that of a row where the constant and the power add up to 1.",
        "delta": "Power of the part of the standard deviation that follows the covariate.",
        "c": "Part of the standard deviation that is there when the covariate is 0, in units of sigma.",
    },
    usage={"nlme": "weights = varConstPower(form = ~ v)"},
    reference="Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.2",
    psd=True,
    scale="sigma^2",
    example=lambda: ConstantPowerVarianceMatrix([0.5, 1.0, 2.0, 3.5]),
)
class ConstantPowerVarianceMatrix(_VarianceFunction):
    r"""Variances of a constant plus a power, :math:`V = \mathrm{diag}(\sigma^2 (c + |v_i|^\delta)^2)`.

    Parameters: `sigma^2` (natural: a variance; raw: exp(2 theta), default 0, that is 1), `delta`
    (natural: any number; raw: the same, default 0) and `c` (natural: a positive number; raw: exp(theta),
    default 0, that is 1).

    At the default delta = 0 every variance is :math:`\sigma^2 (c + 1)^2`: the derivatives by `c` and by
    sigma^2 are collinear there, and no step of a fit can tell the two apart. Start from a delta away from 0,
    such as `matrix.set_param_specs("delta", value=0.5)`; if the estimate comes back to 0, fix delta or c.

    Domain: as for `PowerVarianceMatrix`, whose ends are those of :math:`|v|^{2 \delta}` here too. A v
    of 0 counts as 1.2e-38, so that its power goes smoothly from almost 0 (below 1e-7 for delta > 0.2) through
    1 at delta = 0 instead of jumping there.

    Args:
        v: Covariate, one number per row: a list, tuple, 1-D tensor or Series of length n.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `v` does not hold numbers.
        ValueError: `v` is empty, not one vector, or holds a NaN or an infinity.

    Example:
        >>> import torch
        >>> from covstudio.covariance import ConstantPowerVarianceMatrix
        >>> ConstantPowerVarianceMatrix([0.0, 1.0, 2.0])(torch.tensor([0.0, 1.0, 0.0])).diagonal()
        tensor([1., 4., 9.])

    Reference:
        Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.2 (varConstPower).
    """

    def __init__(self, v: object, param_specs: ParamSpecs | None = None) -> None:
        others = [Parameter("delta"), Parameter("c", TransformExp())]
        super().__init__(check_coordinates(v, "v"), param_specs, others)

    def _power(self, natural: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The power abs(v)^delta, 1 where it is not held, and log abs(v)."""
        logarithms = self.v.abs().clamp_min(ZERO).log().to(dtype=natural.dtype, device=natural.device)
        root, within = _exponential(2 * natural[1] * logarithms)
        return root.sqrt(), within, logarithms

    def _weights(self, natural: Tensor) -> Tensor:
        return (natural[2] + self._power(natural)[0]) ** 2

    def _slopes(self, natural: Tensor) -> Callable[[int], Tensor]:
        power, within, logarithms = self._power(natural)
        total = 2 * (natural[2] + power)
        return lambda k: total * power * logarithms * within if k == 1 else total
