r"""Parameters whose whole part of V the fixed effects take up.

Everything that the likelihood has of y goes through M = I - QQ', with Q an orthonormal basis of X:
:math:`P = M(MVM)^-M`. Where :math:`M\dot V_kM = 0`, as for random effects whose columns are combinations of
those of X, the restricted likelihood does not depend on the parameter, and of the likelihood itself only
log|V| does. Score and average information are then 0, and what an engine makes of them is rounding error, in
which no ratio means anything: so it is found out beforehand, from V and X alone.

Source: Harville (1977), JASA 72:320, section 4, for error contrasts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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
#: Rows for each column of X by which vectors are told from combinations of its columns,
ROWS = 64
#: where X leaves more of them than this share.
SEEN = 1e-4


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
    probe: Probe, problem: Problem, natural: Vector, positions: Sequence[int]
) -> list[tuple[tuple[int, str], ...]]:
    """The columns of X that take up all that parameters do to V, by place and name; empty where none do.

    Args:
        probe: what looks at V.
        problem: y and X.
        natural: natural values at which no derivative vanishes by chance.
        positions: of the parameters.

    Example:
        >>> from covstudio.covariance import CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
        >>> from covstudio.reml.problem.problem import prepare
        >>> from covstudio.reml.search.probe import LoweredProbe
        >>> from covstudio.reml.terms.variance import Variance
        >>> z = DummyMatrix(["a", "a", "b", "b"])
        >>> v = Sum(g=CovariancePropagation(z=z, g=ScalarMatrix(2)), units=ScalarMatrix(4))
        >>> problem = prepare([1.0, 2.0, 4.0, 3.0], z(), names=["a", "b"])
        >>> absorbed_by(LoweredProbe(Variance(v)), problem, np.ones(2), [0, 1])
        [((0, 'a'), (1, 'b')), ()]
    """
    if not problem.p:
        return [() for _ in positions]
    basis = problem.basis
    generator = torch.Generator().manual_seed(20_260_102)
    vectors = torch.randn((problem.n, VECTORS), dtype=torch.float64, generator=generator).to(basis)
    inside = _rest(basis, vectors)
    return [_of_parameter(probe, problem, natural, position, vectors, inside) for position in positions]


def _of_parameter(
    probe: Probe, problem: Problem, natural: Vector, position: int, vectors: Tensor, inside: Tensor
) -> tuple[tuple[int, str], ...]:
    """The columns of X that take up all that one parameter does to V.

    Args:
        probe: what looks at V.
        problem: y and X.
        natural: natural values.
        position: of the parameter.
        vectors: some random vectors, (n, k).
        inside: what X leaves of them.
    """
    basis = problem.basis
    whole = probe.product(natural, position, vectors).to(basis)
    size = float(whole.abs().max())
    if not (np.isfinite(size) and size > 0.0):
        return ()
    # Effects by themselves: all of dV is a combination of columns of X. A covariance with other effects is
    # nothing once these columns are taken from both of its sides.
    for b in (vectors, inside):
        part = whole if b is vectors else probe.product(natural, position, b).to(basis)
        length = float(torch.linalg.vector_norm(part))
        if _outside(basis, part, length):
            continue
        if float(torch.linalg.vector_norm(_rest(basis, part))) <= NOTHING * length:
            return _columns(problem, part)
    return ()


def _rest(basis: Tensor, b: Tensor) -> Tensor:
    """What X leaves of vectors; taken twice, as once leaves rounding errors."""
    left = b - basis @ (basis.mT @ b)
    return left - basis @ (basis.mT @ left)


def _outside(basis: Tensor, part: Tensor, length: float) -> bool:
    """Whether a few of many rows show already that vectors are no combinations of the columns of X.

    Args:
        basis: an orthonormal basis of X, (n, p).
        part: the vectors, (n, k).
        length: their norm.
    """
    n, p = basis.shape
    rows = ROWS * (p + 1)
    if n < 10 * rows:
        return False
    at = torch.linspace(0, n - 1, rows, device=basis.device).long()
    some, own = basis[at], part[at]
    left = own - some @ torch.linalg.lstsq(some, own).solution
    return float(torch.linalg.vector_norm(left)) > SEEN * length * math.sqrt(rows / n)


def _columns(problem: Problem, part: Tensor) -> tuple[tuple[int, str], ...]:
    """The columns of X that take part in these combinations of them, (n, k)."""
    weights = torch.linalg.solve_triangular(problem.triangle, problem.basis.mT @ part, upper=True)
    sizes = weights.abs().amax(dim=1) * torch.linalg.vector_norm(problem.x, dim=0)
    shares = (sizes / sizes.max()).tolist()
    return tuple((j, problem.names[j]) for j, share in enumerate(shares) if share > PART)
