r"""Random effects: the predicted effects behind every Z G Z' term of V, with their prediction errors.

For a term Z G Z' of the outer sum of V, with u ~ N(0, G) its effects and V taken as known,

.. math:: \hat u = GZ'V^{-1}(y - X\hat\beta) = GZ'Py, \qquad \operatorname{var}(\hat u - u) = G - GZ'PZG,

the best linear unbiased prediction and its prediction error variance (Henderson 1975, Biometrics 31:423;
Searle, Casella & McCulloch 1992, ch. 7). Both hold for a singular G, where the mixed-model equations need
its inverse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import Augment, CovariancePropagation, DesignMatrix, DummyMatrix, Matrix
from covstudio.reml.likelihood import Point
from covstudio.reml.variance import Variance

__all__ = ["RandomEffect", "level_names", "random_effects"]

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class RandomEffect:
    """The predicted effects of one term.

    Attributes:
        levels: what each effect belongs to: the column names of Z when it is a `DummyMatrix` or a
            `DesignMatrix`, else column numbers from 0.
        blup: best linear unbiased predictions, (q,), in the units of y (per unit of the column of Z).
        standard_error: square roots of the prediction error variances, (q,).
    """

    levels: tuple[str, ...]
    blup: Tensor
    standard_error: Tensor

    def __len__(self) -> int:
        return len(self.levels)

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{level}: {value:.4g}"
            for level, value in list(zip(self.levels, self.blup.tolist(), strict=True))[:4]
        )
        return f"RandomEffect({len(self)} levels; {shown}{', ...' if len(self) > 4 else ''})"


def level_names(z: Matrix | Tensor) -> tuple[str, ...]:
    """Names of the columns of Z.

    Example:
        >>> level_names(DummyMatrix(["b", "a", "b"]))
        ('a', 'b')
        >>> level_names(torch.ones(3, 2))
        ('0', '1')
    """
    if isinstance(z, DummyMatrix | DesignMatrix):
        return tuple(z.colnames)
    if isinstance(z, Augment):
        return tuple(f"{name}: {level}" for name, part in z.operands.items() for level in level_names(part))
    return tuple(str(j) for j in range(z.shape[1]))


def random_effects(variance: Variance, point: Point) -> tuple[dict[str, RandomEffect], Tensor]:
    """Predict the effects of every `CovariancePropagation` in the outer sum of V.

    Args:
        variance: the model of V.
        point: the likelihood at the estimates.

    Returns:
        term name -> `RandomEffect`, and the sum of Z u over them, (n,). When V is no sum there are no such
        terms: what V describes is then the residual alone.
    """
    natural: Mapping[str, float] = dict(zip(variance.names, point.natural.tolist(), strict=True))
    effects: dict[str, RandomEffect] = {}
    fitted = torch.zeros(variance.n, dtype=torch.float64)
    py = point.py
    for term in variance.terms:
        if not term.path or not isinstance(term.operand, CovariancePropagation):
            continue
        (z_name, z_operand), (g_name, g_operand) = term.operand.operands.items()
        z = _value(z_operand, f"{term.path}/{z_name}", natural)
        g = _value(g_operand, f"{term.path}/{g_name}", natural)
        covariance = z @ g
        blup = covariance.mT @ py
        error = torch.diagonal(g) - (covariance * point.project(covariance)).sum(dim=0)
        # A variance of 0 leaves rounding errors of either sign.
        effects[term.path] = RandomEffect(level_names(z_operand), blup, error.clamp(min=0.0).sqrt())
        fitted += z @ blup
    return effects, fitted


def _value(operand: Matrix | Tensor, path: str, natural: Mapping[str, float]) -> Tensor:
    if isinstance(operand, Tensor):
        return operand.detach().to(device="cpu", dtype=torch.float64)
    values = torch.tensor([natural[f"{path}/{name}"] for name in operand.param_names], dtype=torch.float64)
    with torch.no_grad():
        return operand.evaluate(values)
