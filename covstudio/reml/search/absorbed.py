r"""Parameters whose whole part of V the fixed effects take up.

Everything that the likelihood has of y goes through M = I - QQ', with Q an orthonormal basis of X:
:math:`P = M(MVM)^-M`. Where :math:`M\dot V_kM = 0`, as for random effects whose columns are combinations of
those of X, the restricted likelihood does not depend on the parameter, and of the likelihood itself only
log|V| does. Score and average information are then 0, and what an engine makes of them is rounding error, in
which no ratio means anything: so it is found out beforehand, from V and X alone.

Source: Harville (1977), JASA 72:320, section 4, for error contrasts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.problem.problem import Problem
from covstudio.reml.search.probe import VECTORS, Probe

__all__ = ["Absorbed", "absorbed_by"]

Vector = NDArray[np.float64]

#: What the fixed effects leave of a part of V counts as nothing below this share of it.
NOTHING = 1e-9
#: A fixed effect takes part with more than this share of the largest weight.
PART = 1e-6


@dataclass(frozen=True)
class Absorbed:
    """What takes up the whole part that a parameter has of V.

    Attributes:
        term: the term of V that the parameter belongs to; empty where V is no sum.
        columns: the fixed effects: columns of X, by place and name.
        silent: whether the likelihood does not depend on the parameter at all, as in REML.
    """

    term: str
    columns: tuple[tuple[int, str], ...]
    silent: bool


def absorbed_by(
    probe: Probe, problem: Problem, natural: Vector, position: int
) -> tuple[tuple[int, str], ...]:
    """The columns of X that take up all that a parameter does to V, by place and name; empty where none do.

    Args:
        probe: what looks at V.
        problem: y and X.
        natural: natural values at which no derivative vanishes by chance.
        position: of the parameter.

    Example:
        >>> from covstudio.covariance import CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
        >>> from covstudio.reml.problem.problem import prepare
        >>> from covstudio.reml.search.probe import LoweredProbe
        >>> from covstudio.reml.terms.variance import Variance
        >>> z = DummyMatrix(["a", "a", "b", "b"])
        >>> v = Sum(g=CovariancePropagation(z=z, g=ScalarMatrix(2)), units=ScalarMatrix(4))
        >>> problem = prepare([1.0, 2.0, 4.0, 3.0], z(), names=["a", "b"])
        >>> [absorbed_by(LoweredProbe(Variance(v)), problem, np.ones(2), k) for k in (0, 1)]
        [((0, 'a'), (1, 'b')), ()]
    """
    if not problem.p:
        return ()
    basis = problem.basis
    generator = torch.Generator().manual_seed(20_260_102)
    vectors = torch.randn((problem.n, VECTORS), dtype=torch.float64, generator=generator).to(basis)

    def rest(b: Tensor) -> Tensor:
        left = b - basis @ (basis.mT @ b)
        return left - basis @ (basis.mT @ left)

    def moved(b: Tensor) -> Tensor:
        return probe.product(natural, position, b).to(basis)

    whole, inside = moved(vectors), moved(rest(vectors))
    size = float(whole.abs().max())
    if not (np.isfinite(size) and size > 0.0):
        return ()
    # Effects by themselves: all of dV is a combination of columns of X. A covariance with other effects is
    # nothing once these columns are taken from both of its sides.
    for part in (whole, inside):
        if float(torch.linalg.vector_norm(rest(part))) <= NOTHING * float(torch.linalg.vector_norm(part)):
            return _columns(problem, part)
    return ()


def _columns(problem: Problem, part: Tensor) -> tuple[tuple[int, str], ...]:
    """The columns of X that take part in these combinations of them, (n, k)."""
    weights = torch.linalg.solve_triangular(problem.triangle, problem.basis.mT @ part, upper=True)
    sizes = weights.abs().amax(dim=1) * torch.linalg.vector_norm(problem.x, dim=0)
    shares = (sizes / sizes.max()).tolist()
    return tuple((j, problem.names[j]) for j, share in enumerate(shares) if share > PART)
