r"""The engine of separable fields: V = s A (x) B + tau^2 I on a grid, beside random effects.

.. math:: V = E'\big(s\,A \otimes B + \tau^2 I\big)E + \sum_t Z_tG_tZ_t'

E picks the rows that are there from the complete grid. The eigenvectors of A and B make the first part
diagonal (see `separable_solver`); missing cells are completed by a fixed effect each (`separable_missing`),
and random effects come in by Woodbury's identity (`separable_point`). Nothing is larger than the grid by the
number of effects: an iteration takes O(N (r + c) f + N f^2) operations for N = r c cells and f effects,
random and fixed. Trials at several sites, each a field of its own with common genotypes, are a list of such
grids.

Sources: Cullis & Gleeson (1991), Biometrics 47:1449; Gilmour, Cullis & Verbyla (1997), J. Agric. Biol.
Environ. Stat. 2:269.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import SingularMatrixError
from covstudio.covariance.core.definiteness import promises_psd
from covstudio.reml.engines.candidate import Applicable
from covstudio.reml.engines.separable.field import Field
from covstudio.reml.engines.separable.plan import Plan, plan_of
from covstudio.reml.engines.separable.point import SeparablePoint
from covstudio.reml.engines.separable.solver import FieldPoint
from covstudio.reml.problem.likelihood import Engine
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.design_rows import DenseRows, Rows, SparseRows
from covstudio.reml.terms.effect_covariance import EffectCovariances, along
from covstudio.reml.terms.kinds import RandomPiece
from covstudio.reml.terms.lower import Lowered, describe
from covstudio.reml.terms.variance import Variance

__all__ = ["SeparableCandidate", "SeparableEngine"]

Vector = NDArray[np.float64]

#: More missing cells than this need a dense matrix that is no smaller than V.
GAPS = 8000
#: More memory than this is more than an ordinary machine has.
MEMORY = 16 * 2**30


@dataclass(eq=False)
class FieldData:
    """What stands on the rows of a field.

    Attributes:
        field: the field.
        rows: its rows; None for all, in order.
        designs: Z of every random term, and [X, y], on these rows.
        positions: the parameters of the field and its nuggets.
    """

    field: Field
    rows: Tensor | None
    designs: list[Rows]
    positions: frozenset[int]

    def taken(self, values: Tensor) -> Tensor:
        """The rows of the field, of (n, ...)."""
        return values if self.rows is None else values[self.rows]

    def put(self, out: Tensor, values: Tensor) -> None:
        """Write the rows of the field into (n, ...)."""
        if self.rows is None:
            out.copy_(values)
        else:
            out[self.rows] = values


class SeparableEngine:
    """Evaluates the restricted likelihood in the eigenbases of the directions of a grid.

    Args:
        problem: y and X.
        lowered: V, taken apart.
        plan: its fields and random terms.

    Example:
        >>> from covstudio.covariance import AR1CorrelationMatrix, AR1Matrix, KroneckerProduct
        >>> from covstudio.covariance import ScalarMatrix, Sum
        >>> from covstudio.reml.terms.lower import lower
        >>> from covstudio.reml.problem.problem import prepare
        >>> field = KroneckerProduct(row=AR1Matrix(2), col=AR1CorrelationMatrix(2))
        >>> v = lower(Sum(field=field, units=ScalarMatrix(4)))
        >>> engine = SeparableEngine(prepare([1.0, 2.0, 5.0, 4.0], [[1.0]] * 4), v, plan_of(v))
        >>> round(engine.at(np.array([2.0, 0.5, 0.4, 1.0])).kernel, 4)
        -4.0682
    """

    name = "separable"

    def __init__(self, problem: Problem, lowered: Lowered, plan: Plan) -> None:
        self.problem = problem
        self.lowered = lowered
        self.plan = plan
        self.covariances = EffectCovariances()
        device, basis = problem.y.device, problem.basis
        #: Z of every random term on all rows.
        self.designs = [_on(piece.z, device) for piece in plan.random]
        starts = np.cumsum([0, *(piece.columns for piece in plan.random)]).tolist()
        #: The random terms with their columns.
        self.spans = [
            (piece, slice(start, stop))
            for piece, start, stop in zip(plan.random, starts, starts[1:], strict=False)
        ]
        self.q: int = starts[-1]
        self.triangle = basis.mT @ problem.x
        self.logdet_triangle = float(torch.log(torch.diagonal(self.triangle).abs()).sum())
        self.projected_y = basis.mT @ problem.y
        left = problem.y - basis @ self.projected_y
        left = left - basis @ (basis.mT @ left)
        # The basis of X and what it leaves of y: numbers of one size, whatever the mean of y.
        xy = torch.cat([basis, left.unsqueeze(1)], dim=1)
        self.data = []
        for field in plan.fields:
            rows = None if field.rows is None else field.rows.to(device)
            designs = [*(_part(z, rows) for z in self.designs), _part(DenseRows(xy), rows)]
            owners = (field.piece, *(nugget.piece for nugget in field.nuggets))
            positions = frozenset(k for piece in owners for k in piece.positions)
            self.data.append(FieldData(field, rows, designs, positions))

    @property
    def residual_degrees(self) -> int:
        """n - p; n in ML."""
        return self.problem.degrees

    @cached_property
    def order(self) -> int:
        """Rows of the largest dense matrix; missing cells are taken line by line, in many small products."""
        sizes = [max(*field.shape, field.gaps // 8) for field in self.plan.fields]
        return max([self.q + self.problem.p, *sizes])

    def at(self, natural: Vector) -> SeparablePoint | None:
        """The likelihood at these natural values.

        None where V_0 is not positive definite or a G has a negative eigenvalue.
        """
        try:
            return self._at(natural)
        except (SingularMatrixError, torch.linalg.LinAlgError):  # type: ignore[attr-defined]
            return None

    def _at(self, natural: Vector) -> SeparablePoint | None:
        device, rounding = self.problem.y.device, 4.0 * self.problem.n * np.finfo(np.float64).eps
        roots: list[Tensor] = []
        largest = 0.0
        for piece in self.plan.random:
            pair = self.covariances.of(piece, natural)
            if pair is None:
                return None
            largest = max(largest, float((pair[0] if pair[0].ndim == 1 else pair[0].diagonal()).max()))
            roots.append(pair[1].to(device))
        fields = []
        for field in self.plan.fields:
            point = FieldPoint.of(field, natural, device)
            # A field that is nothing but rounding error of V leaves no digit of V^-1.
            if point is None or not point.smallest > rounding * largest:
                return None
            fields.append(point)
        ones = torch.ones(self.problem.p, dtype=torch.float64, device=device)
        if all(root.ndim == 1 for root in roots):
            return SeparablePoint.of(self, natural, fields, torch.cat([*roots, ones]))
        written = [torch.diag(root) if root.ndim == 1 else root for root in (*roots, ones)]
        return SeparablePoint.of(self, natural, fields, along(written))

    def transposed(self, b: Tensor) -> Tensor:
        """[Z, X]'b, (q + p, k)."""
        return torch.cat([*(z.transposed(b) for z in self.designs), self.problem.basis.mT @ b])

    def multiplied(self, w: Tensor) -> Tensor:
        """[Z, X] w, (n, k)."""
        total = self.problem.basis @ w[self.q :]
        for z, (_, span) in zip(self.designs, self.spans, strict=True):
            total = total + z.multiply(w[span])
        return total


def _on(z: Rows, device: torch.device) -> Rows:
    if isinstance(z, DenseRows):
        return DenseRows(z.matrix.to(device))
    return SparseRows(z.codes.to(device), None if z.values is None else z.values.to(device), z.columns)


def _part(z: Rows, rows: Tensor | None) -> Rows:
    if rows is None:
        return z
    if isinstance(z, DenseRows):
        return DenseRows(z.matrix[rows])
    return SparseRows(z.codes[rows], None if z.values is None else z.values[rows], z.columns)


class SeparableCandidate:
    """Fields on grids, with or without a nugget, beside random effects."""

    name = "separable"

    def applies(self, lowered: Lowered, p: int) -> Applicable | str:
        """Whether every row of V stands in a separable field, and what else V has are random effects."""
        if lowered not in _PLANS:
            _PLANS[lowered] = plan_of(lowered)
        plan = _PLANS[lowered]
        if isinstance(plan, str):
            return plan
        gaps = max(field.gaps for field in plan.fields)
        if gaps > GAPS:
            return f"its grid has {gaps} cells without a row, and up to {GAPS} can be completed"
        seconds, memory = _cost(lowered, plan, p)
        if memory > MEMORY:
            effects = sum(piece.columns for piece in plan.random)
            return f"its {effects} effects would need {memory / 2**30:.0f} GB"
        parts = [", ".join(field.words for field in plan.fields)]
        if any(field.nuggets for field in plan.fields):
            parts.append("a nugget")
        if plan.random:
            parts.append(describe(plan.random))
        why = parts[0] if len(parts) == 1 else f"{parts[0]} beside {' and '.join(parts[1:])}"
        return Applicable(why, memory, seconds, _caveat(lowered))

    def build(self, problem: Problem, variance: Variance, lowered: Lowered) -> Engine:
        """The engine of separable fields."""
        plan = _PLANS[lowered] if lowered in _PLANS else plan_of(lowered)
        assert not isinstance(plan, str)
        return SeparableEngine(problem, lowered, plan)


#: Laying out a grid is worth doing once for a V.
_PLANS: WeakKeyDictionary[Lowered, Plan | str] = WeakKeyDictionary()


def _cost(lowered: Lowered, plan: Plan, p: int) -> tuple[float, float]:
    """Seconds of an iteration, and bytes at its peak."""
    f = sum(piece.columns for piece in plan.random) + p + 1
    k = len(lowered.v.free_param_names)
    seconds, memory = 1.2e-3 + 3e-11 * 8.0 * f**3, 8.0 * 6.0 * f * f
    for field in plan.fields:
        (r, c), m = field.shape, field.gaps
        cells = float(r * c)
        # Turning [Z, X, y] once, thrice where cells are missing; cross products and K; sums over both
        # directions; a few vectors for each parameter.
        work = 2.0 * cells * (r + c) * f * ((3.0 if m else 1.0) + 1.0) + 4.0 * cells * f * f
        work += 2.0 * cells * (r + c) * (4.0 * k) + 30.0 * (r**3 + c**3 if field.nuggets else (r + c) ** 2)
        work += 2.0 * m**3 + 4.0 * m * m * (r + c) + 3.0 * cells * (r + c) * min(m, r, c)
        seconds += 3e-11 * work + 1e-8 * cells * (k + 4) + 6e-5 * (min(m, r) + min(m, c))
        memory += 8.0 * (cells * (4.0 * f + 4.0 * k) + 3.0 * m * m + 4.0 * (r * r + c * c))
    return seconds, memory


def _caveat(lowered: Lowered) -> str:
    """Whether a term might have negative eigenvalues that another term makes up for."""
    for piece in lowered.pieces:
        inner = piece.g if isinstance(piece, RandomPiece) else piece.operand
        if not promises_psd(inner):
            return (
                f"{piece.path or 'V'} does not promise to be positive semi-definite for every value of its "
                "parameters, and would be kept so"
            )
    return ""
