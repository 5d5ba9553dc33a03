r"""The mixed-model-equations engine: sums of Z G Z' beside a residual that is inverted by itself.

.. math:: V = R + Z_1G_1Z_1' + Z_2G_2Z_2'

The effects u_1 of one term, whose G_1 falls apart into small blocks, are absorbed block by block,

.. math:: V_1^{-1} = R^{-1} - R^{-1}Z_1KZ_1'R^{-1}, \qquad K = L_1(I + L_1'Z_1'R^{-1}Z_1L_1)^{-1}L_1',

G_1 = L_1 L_1'; all others stand together in one dense matrix of q rows, with B = Z_2'V_1^-1 Z_2,

.. math:: V^{-1} = V_1^{-1} - V_1^{-1}Z_2JZ_2'V_1^{-1}, \qquad J = L_2(I + L_2'BL_2)^{-1}L_2',
          \qquad |V| = |R|\,|I + L_1'Z_1'R^{-1}Z_1L_1|\,|I + L_2'BL_2|.

No inverse of a G is ever taken: variances of zero and G of reduced rank are points like any other. Where R is
one variance times a known diagonal, everything is computed relative to that variance, and sums over rows are
taken once for a whole fit; an iteration then costs O(m q^2 + q^3), whatever n.

Sources: Henderson (1975), Biometrics 31:423; Searle, Casella & McCulloch (1992), Variance Components, ch. 7;
Bates et al. (2015), J. Stat. Software 67(1), section 3.4, for working with factors of G; Gilmour, Thompson &
Cullis (1995), Biometrics 51:1440.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.engines.equations.absorption import Effects
from covstudio.reml.engines.equations.crossproducts import Crossproducts
from covstudio.reml.engines.equations.residual import ResidualPoint
from covstudio.reml.engines.mme.components import Components, ComponentsPoint, components_of
from covstudio.reml.engines.mme.point import MmePoint
from covstudio.reml.engines.mme.setup import MmeSetup
from covstudio.reml.engines.rounding import rounding
from covstudio.reml.engines.setup import SetupEngine
from covstudio.reml.problem.errors import SINGULAR
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.effect_covariance import EffectCovariances, along, are_variances, psd_factor
from covstudio.reml.terms.variance import Variance

__all__ = ["MmeEngine"]

Vector = NDArray[np.float64]


class MmeEngine(SetupEngine):
    """Evaluates the restricted likelihood through the mixed-model equations.

    Args:
        problem: y and X.
        variance: V, taken apart; without terms of no known structure.

    Example:
        >>> from covstudio.covariance import CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
        >>> from covstudio.reml.problem.problem import prepare
        >>> gen = CovariancePropagation(z=DummyMatrix(["a", "a", "b", "b"]), g=ScalarMatrix(2))
        >>> v = Variance(Sum(gen=gen, units=ScalarMatrix(4)))
        >>> engine = MmeEngine(prepare([1.0, 2.0, 5.0, 4.0], [[1.0]] * 4), v)
        >>> round(engine.at(np.array([1.0, 1.0])).kernel, 4)
        -3.2425
    """

    setup: MmeSetup

    def __init__(self, problem: Problem, variance: Variance) -> None:
        self.setup = MmeSetup.of(problem, variance)
        self._relative: tuple[ResidualPoint, Crossproducts, Components | None] | None = None
        self._covariances = EffectCovariances()

    @property
    def order(self) -> int:
        """Rows of the largest dense matrix that is factored."""
        return self.setup.layout.q

    def at(self, natural: Vector) -> MmePoint | None:
        """The likelihood at these natural values.

        None where R is not positive definite or a G has a negative eigenvalue.
        """
        try:
            return self._at(natural)
        except SINGULAR:
            return None

    def _at(self, natural: Vector) -> MmePoint | None:
        setup, unit = self.setup, self.setup.unit
        scale = 1.0
        if unit is not None:
            scale = float(natural[unit])
            if not (scale > 0.0 and np.isfinite(scale)):
                return None
            if self._relative is None:
                one = natural.copy()
                one[unit] = 1.0
                r_0 = setup.residual.at(one)
                if r_0 is None:
                    return None
                products = setup.layout.crossproducts(r_0)
                self._relative = r_0, products, components_of(setup, r_0, products)
            r, cross, components = self._relative
            if components is not None:
                return _sound(ComponentsPoint.at(setup, components, r, natural, scale))
        else:
            found = setup.residual.at(natural)
            if found is None:
                return None
            r, cross = found, setup.layout.crossproducts(found)
        effects = self._effects(natural, scale)
        if effects is None:
            return None
        # A residual that is nothing but rounding error of V leaves no digit of V^-1.
        if not r.smallest() > rounding(setup.problem.n) * effects.largest:
            return None
        return _sound(MmePoint.of(setup, natural, scale, r, cross, effects))

    def _effects(self, natural: Vector, scale: float) -> Effects | None:
        """The covariances of the random effects relative to `scale`, with their factors.

        None where one is not positive semi-definite.
        """
        layout = self.setup.layout
        g1 = l1 = self.setup.problem.y.new_zeros((0, 1, 1))
        largest = 0.0
        if layout.absorbed is not None and layout.absorbed.family is not None:
            piece = layout.absorbed
            g1 = layout.absorbed.family.value(piece.own(natural)) / scale
            if layout.members == 1:
                if not are_variances(g1):
                    return None
                l1 = g1.sqrt()
            else:
                found = psd_factor(g1)
                if found is None:
                    return None
                l1 = found
            largest = float(g1.diagonal(dim1=1, dim2=2).max())
        covariances: list[Tensor] = []
        factors: list[Tensor] = []
        for piece in layout.dense:
            pair = self._covariances.of(piece, natural)
            if pair is None:
                return None
            covariances.append(pair[0] / scale)
            factors.append(pair[1] / scale**0.5)
            own = covariances[-1] if pair[0].ndim == 1 else covariances[-1].diagonal()
            largest = max(largest, float(own.max()))
        ones = self.setup.problem.y.new_ones(layout.p)
        if all(factor.ndim == 1 for factor in factors):
            return Effects(g1, l1, covariances, torch.cat([*factors, ones]), largest)
        written = [torch.diag(factor) if factor.ndim == 1 else factor for factor in (*factors, ones)]
        return Effects(g1, l1, covariances, along(written), largest)


def _sound(point: MmePoint | None) -> MmePoint | None:
    """The point, where it has a likelihood."""
    return point if point is not None and math.isfinite(point.kernel) else None
