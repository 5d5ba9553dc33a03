"""The setup of the engine of separable fields: y, X and the random effects on its fields."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from covstudio.reml.engines.separable.field import Field
from covstudio.reml.engines.separable.plan import Plan, plan_of
from covstudio.reml.engines.setup import Setup
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.design_rows import DenseRows, Rows, SparseRows
from covstudio.reml.terms.effect_covariance import EffectCovariances
from covstudio.reml.terms.kinds import RandomPiece
from covstudio.reml.terms.variance import Variance

__all__ = ["FieldData", "SeparableSetup"]


@dataclass(frozen=True, eq=False)
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


@dataclass(frozen=True, eq=False)
class SeparableSetup(Setup):
    """y, X and the random effects on the fields of V.

    Attributes:
        plan: the fields and random terms of V.
        covariances: those of effects; what is constant of them is kept.
        designs: Z of every random term on all rows.
        spans: the random terms with their columns.
        data: what stands on each field.
    """

    plan: Plan
    covariances: EffectCovariances
    designs: list[Rows]
    spans: list[tuple[RandomPiece, slice]]
    data: list[FieldData]

    @classmethod
    def of(cls, problem: Problem, variance: Variance) -> SeparableSetup:
        """Lay out a model and its data.

        Args:
            problem: y and X.
            variance: V, taken apart: fields and random effects.
        """
        plan = plan_of(variance)
        assert isinstance(plan, Plan), plan
        device = problem.device
        designs = [_on(piece.z, device) for piece in plan.random]
        starts = np.cumsum([0, *(piece.columns for piece in plan.random)]).tolist()
        spans = [
            (piece, slice(start, stop))
            for piece, start, stop in zip(plan.random, starts, starts[1:], strict=False)
        ]
        xy = torch.cat([problem.basis, problem.remainder.unsqueeze(1)], dim=1)
        data = []
        for field in plan.fields:
            rows = None if field.rows is None else field.rows.to(device)
            parts = [*(_part(z, rows) for z in designs), _part(DenseRows(xy), rows)]
            owners = (field.piece, *(nugget.piece for nugget in field.nuggets))
            positions = frozenset(k for piece in owners for k in piece.positions)
            data.append(FieldData(field, rows, parts, positions))
        return cls(problem, variance, plan, EffectCovariances(), designs, spans, data)

    @property
    def q(self) -> int:
        """Random effects."""
        return self.spans[-1][1].stop if self.spans else 0

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
