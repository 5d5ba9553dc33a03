r"""Sums over pairs of derivatives of V: the expected information, and those of Kenward and Roger.

An engine that has these without the columns of V one by one says so by the method `pairs` of its points. With
Phi = (X'V^-1X)^-1, and W any symmetric matrix,

.. math:: \operatorname{tr}(P\dot V_kP\dot V_l), \qquad \Phi X'V^{-1}\dot V_kV^{-1}X\Phi, \qquad
          \Phi X'V^{-1}\Big(\sum_{kl}W_{kl}\dot V_kP\dot V_l\Big)V^{-1}X\Phi .

Source: Kenward & Roger (1997), Biometrics 53:983.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Combination", "DerivativePairs", "TakesPairs"]

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Combination:
    """A sum of derivatives of V, weights_k dV_k at some natural values.

    Attributes:
        natural: natural values of all parameters.
        weights: of the derivatives for the positions that the pairs are of, (K,).
    """

    natural: Vector
    weights: Vector


class DerivativePairs(Protocol):
    """Sums over pairs of derivatives of V for K parameters, at the V of a point."""

    def traces(self) -> Vector:
        """tr(P dV_k P dV_l), (K, K); in ML tr(V^-1 dV_k V^-1 dV_l)."""
        ...

    def slopes(self) -> Vector:
        """d Phi / d theta_k = Phi X'V^-1 dV_k V^-1X Phi, (K, p, p)."""
        ...

    def weighted(self, w: Vector) -> Vector:
        """Phi X'V^-1 (sum w_kl dV_k P dV_l) V^-1X Phi, (p, p), for a symmetric w, (K, K)."""
        ...

    def against(self, combinations: Sequence[Combination]) -> tuple[Vector, Vector]:
        """Phi X'V^-1 S V^-1X Phi, (p, p), and tr(P dV_k P S), (K,), for the sum S of combinations."""
        ...


@runtime_checkable
class TakesPairs(Protocol):
    """A point that sums over pairs of derivatives in its own way."""

    def pairs(self, positions: Sequence[int]) -> DerivativePairs:
        """Sums over pairs of the derivatives at these positions of `natural`."""
        ...
