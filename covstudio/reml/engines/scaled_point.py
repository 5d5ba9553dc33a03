"""The base of points of the likelihood that know V up to a scale, and a change of scale."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.engines.setup import Setup

__all__ = ["ScaledPoint"]

Vector = NDArray[np.float64]


class ScaledPoint:
    """The likelihood at V = scale times a V that was factored; see `likelihood.Point`."""

    _setup: Setup
    natural: Vector
    _scale: float
    _quadratic: float
    _logdet_v: float
    _logdet_xvx: float

    @property
    def logdet_v(self) -> float:
        """log|V|."""
        return self._logdet_v + self._setup.problem.n * math.log(self._scale)

    @property
    def logdet_xvx(self) -> float:
        """log|X'V^-1X|."""
        return self._logdet_xvx - self._setup.problem.p * math.log(self._scale)

    @property
    def quadratic(self) -> float:
        """y'Py."""
        return self._quadratic / self._scale

    @cached_property
    def kernel(self) -> float:
        """-(log|V| + log|X'V^-1X| + y'Py)/2; without log|X'V^-1X| in ML."""
        return self._setup.problem.kernel(self.logdet_v, self.logdet_xvx, self.quadratic)

    @cached_property
    def mean_diagonal(self) -> float:
        """Mean of the diagonal of V."""
        return sum(piece.mean_diagonal(self.natural) for piece in self._setup.variance.pieces)

    def rescaled(self, factor: float, natural: Vector) -> Self:
        """The same point with V multiplied by `factor`, which `natural` is known to give."""
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        # What is remembered of these is that of the former scale.
        for name in ("kernel", "mean_diagonal"):
            other.__dict__.pop(name, None)
        other._scale = self._scale * factor
        other.natural = natural
        return other
