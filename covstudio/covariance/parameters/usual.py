r"""Variances and bounded parameters, as nearly all structures have them: all at once, each by its transform.

Taken one transform at a time, few parameters cost little arithmetic and many small operations: parts of a
vector are picked out and put together again. Here every entry goes through both,

.. math:: e^{2x} \qquad\text{and}\qquad a\,\frac{1}{1 + e^{-x}} + b,

and the one that is its own is taken: the same numbers, to the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance.parameters.transform import Transform
from covstudio.covariance.parameters.transforms import (
    TransformChain,
    TransformExpPow2,
    TransformScaleShift,
    TransformSigmoid,
)

__all__ = ["UsualTransforms"]

#: Of more parameters the arithmetic counts.
MOST = 256


class UsualTransforms:
    """The transforms of some parameters, each a squared exponential or a bounded logistic function.

    Args:
        squared: which are squared exponentials, (k,).
        scale: a of the others, (k,).
        shift: b of the others, (k,).

    Example:
        >>> import torch
        >>> rho = TransformChain([TransformSigmoid(), TransformScaleShift(2.0, -1.0)])
        >>> usual = UsualTransforms.of([TransformExpPow2(), rho])
        >>> usual.natural(torch.tensor([0.5, 1.0]))
        tensor([2.7183, 0.4621])
    """

    def __init__(
        self, squared: NDArray[np.bool_], scale: NDArray[np.float64], shift: NDArray[np.float64]
    ) -> None:
        # Arrays, as tensors belong to the mode that they are made in.
        self._squared, self._scale, self._shift = squared, scale, shift

    @classmethod
    def of(cls, transforms: Sequence[Transform]) -> UsualTransforms | None:
        """The transforms together; None where there are others, or nothing is gained."""
        if len(set(transforms)) < 2 or len(transforms) > MOST:
            return None
        ends = [_ends(transform) for transform in transforms]
        if any(end is None for end in ends):
            return None
        scale, shift = np.array(ends, dtype=np.float64).T.copy()
        return cls(scale == 0.0, scale, shift)

    def natural(self, x: Tensor) -> Tensor:
        """Natural values of raw values, (k,)."""
        bounded = self._on(self._scale, x) * torch.sigmoid(x) + self._on(self._shift, x)
        return torch.where(self._mask(x), torch.exp(2.0 * x), bounded)

    def slope(self, x: Tensor, natural: Tensor | None = None) -> Tensor:
        """The derivatives at raw values, (k,).

        Args:
            x: raw values.
            natural: what they are, where that is known.
        """
        bounded = torch.sigmoid(x) * torch.sigmoid(-x) * self._on(self._scale, x)
        squared = torch.exp(2.0 * x) if natural is None else natural
        return torch.where(self._mask(x), 2.0 * squared, bounded)

    def _mask(self, x: Tensor) -> Tensor:
        mask = torch.from_numpy(self._squared)
        return mask if x.device.type == "cpu" else mask.to(x.device)

    def _on(self, values: NDArray[np.float64], x: Tensor) -> Tensor:
        own = torch.from_numpy(values)
        return own if x.dtype == torch.float64 and x.device.type == "cpu" else own.to(x)


def _ends(transform: Transform) -> tuple[float, float] | None:
    """Scale and shift of a bounded logistic function, 0 and 0 for a squared exponential; None for others."""
    if type(transform) is TransformExpPow2:
        return 0.0, 0.0
    parts = transform.transforms if type(transform) is TransformChain else ()
    if len(parts) != 2 or type(parts[0]) is not TransformSigmoid or type(parts[1]) is not TransformScaleShift:
        return None
    return parts[1].scale, parts[1].shift
