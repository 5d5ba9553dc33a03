"""The elimination of a sparse matrix: by fronts, or small blocks first where what is left fills up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.engines.sparse.bordered import BorderedPlan, bordered_plan_of
from covstudio.reml.engines.sparse.bordered_factor import BorderedFactor
from covstudio.reml.engines.sparse.factor import SparseFactor
from covstudio.reml.engines.sparse.plan import Plan, plan_of

__all__ = ["Elimination", "Factor", "elimination_of", "factored"]

Index = NDArray[np.int64]

Elimination = Plan | BorderedPlan
Factor = SparseFactor | BorderedFactor


def elimination_of(rows: Index, columns: Index, size: int, groups: Sequence[slice]) -> Elimination:
    """How a symmetric positive definite matrix with these entries is factored.

    Args:
        rows: rows of its entries, one of each pair (i, j) and (j, i); the diagonal among them.
        columns: their columns.
        size: rows of the matrix.
        groups: columns that may be eliminated before the others: those of one term.
    """
    found = bordered_plan_of(rows, columns, size, groups)
    return plan_of(rows, columns, size) if found is None else found


def factored(plan: Elimination, values: Tensor) -> Factor | None:
    """The factor of M; None where it is not positive definite.

    Args:
        plan: how.
        values: the entries of M that the plan was made for, in that order.
    """
    if isinstance(plan, BorderedPlan):
        return BorderedFactor.of(plan, values)
    return SparseFactor.of(plan, values)
