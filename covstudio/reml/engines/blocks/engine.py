r"""The engine of repeated measures: V falls apart into independent blocks of rows, one for every subject.

.. math:: V = \begin{pmatrix} V_1 & & \\ & V_2 & \\ & & \ddots \end{pmatrix}, \qquad
          \log|V| = \sum_g \log|V_g|, \quad V^{-1} = \operatorname{diag}(V_g^{-1})

Anything that falls apart by one partition of the rows will do: a residual covariance between times, written
as I (x) R, as Z (I (x) R) Z' or masked by subject; random intercepts and slopes of the same subjects;
diagonal terms; and sums of them. Subjects observed at the same times have the same block, which is factored
once; the rows may stand in any order, and times may be missing. Nothing larger than a block is ever formed.

Sources: Laird & Ware (1982), Biometrics 38:963; Jennrich & Schluchter (1986), Biometrics 42:805; Pinheiro &
Bates (2000), Mixed-Effects Models in S and S-PLUS, ch. 5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from covstudio.reml.engines.blocks.point import BlocksPoint
from covstudio.reml.engines.blocks.setup import BlocksSetup
from covstudio.reml.engines.setup import SetupEngine
from covstudio.reml.problem.errors import SINGULAR
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.variance import Variance

__all__ = ["BlocksEngine"]

Vector = NDArray[np.float64]


class BlocksEngine(SetupEngine):
    """Evaluates the restricted likelihood block by block.

    Args:
        problem: y and X.
        variance: V, which falls apart into blocks of rows.

    Example:
        >>> from covstudio.covariance import IdentityMatrix, KroneckerProduct, UnstructuredMatrix
        >>> from covstudio.reml.problem.problem import prepare
        >>> v = Variance(KroneckerProduct(subject=IdentityMatrix(2), time=UnstructuredMatrix(2)))
        >>> engine = BlocksEngine(prepare([1.0, 2.0, 5.0, 4.0], [[1.0]] * 4), v)
        >>> round(engine.at(np.array([1.0, 0.5, 1.0])).kernel, 4)
        -4.4581
    """

    setup: BlocksSetup

    def __init__(self, problem: Problem, variance: Variance) -> None:
        self.setup = BlocksSetup.of(problem, variance)

    @property
    def order(self) -> int:
        """Rows of the largest block."""
        return self.setup.layout.largest

    def at(self, natural: Vector) -> BlocksPoint | None:
        """The likelihood at these natural values, or None where V is not positive definite."""
        try:
            return BlocksPoint.of(self.setup, natural)
        except SINGULAR:
            return None
