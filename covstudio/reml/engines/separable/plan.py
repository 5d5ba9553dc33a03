"""The plan of a separable V: its fields, their nuggets, and the random effects beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from covstudio.reml.engines.separable.field import Field, Nugget, covered_rows, field_of, nugget_of
from covstudio.reml.terms.crossing import Crossing
from covstudio.reml.terms.kinds import DiagonalPiece, Piece, RandomPiece
from covstudio.reml.terms.variance import Variance, once

__all__ = ["Plan", "plan_of"]


@dataclass(frozen=True, eq=False)
class Plan:
    """V as fields and random effects.

    Attributes:
        fields: one for all rows, or several that share the rows between them.
        random: the other terms.
    """

    fields: tuple[Field, ...]
    random: tuple[RandomPiece, ...]


@dataclass(frozen=True, eq=False)
class _Grid:
    piece: Piece
    crossing: Crossing
    rows: Tensor | None
    shared: str


@once
def plan_of(variance: Variance) -> Plan | str:
    """The fields and random effects of V; or why it is not made of them, to go on from "not separable: ".

    Args:
        variance: V, taken apart.

    Example:
        >>> from covstudio.covariance import AR1CorrelationMatrix, AR1Matrix, KroneckerProduct
        >>> from covstudio.covariance import ScalarMatrix, Sum
        >>> field = KroneckerProduct(row=AR1Matrix(3), col=AR1CorrelationMatrix(4))
        >>> plan_of(Variance(Sum(field=field, units=ScalarMatrix(12)))).fields[0].words
        'field (separable, 3 x 4)'
        >>> plan_of(Variance(Sum(series=AR1Matrix(12), units=ScalarMatrix(12))))
        'series is no product of two covariances on a grid'
    """
    grids: list[_Grid] = []
    refused: list[tuple[Piece, str]] = []
    for piece in variance.pieces:
        if isinstance(piece, DiagonalPiece):
            continue
        found = field_of(piece)
        if isinstance(found, str):
            refused.append((piece, found))
        else:
            grids.append(_Grid(piece, found[0], covered_rows(piece), found[1]))
    if not grids:
        if not refused:
            return "V has no term that is a product of two covariances on a grid"
        piece, why = refused[0]
        return f"{piece.label} {why}"
    chosen = _covering(variance.n, grids)
    if isinstance(chosen, str):
        return chosen
    fields = {grid.piece for grid in chosen}
    random: list[RandomPiece] = []
    for piece in variance.pieces:
        if isinstance(piece, RandomPiece) and piece not in fields:
            random.append(piece)
        elif piece not in fields and not isinstance(piece, DiagonalPiece):
            why = dict(refused).get(piece, "is a second field on the same rows")
            return f"{piece.label} {why}, and has no effects Z G Z' with a constant Z either"
    nuggets = _nuggets(variance, chosen)
    if isinstance(nuggets, str):
        return nuggets
    for grid, own in zip(chosen, nuggets, strict=True):
        if grid.shared and not own:
            return f"{grid.piece.label} {grid.shared}"
    return Plan(
        tuple(
            Field(grid.piece, grid.crossing, grid.rows, own)
            for grid, own in zip(chosen, nuggets, strict=True)
        ),
        tuple(random),
    )


def _covering(n: int, grids: Sequence[_Grid]) -> list[_Grid] | str:
    """The largest field that covers all rows, or those that share the rows between them."""
    whole = [grid for grid in grids if grid.rows is None]
    if whole:
        return [max(whole, key=lambda grid: grid.crossing.cells)]
    fields: list[_Grid] = []
    taken = torch.zeros(n, dtype=torch.int64)
    for grid in sorted(grids, key=lambda grid: -grid.crossing.cells):
        assert grid.rows is not None
        if not bool(taken[grid.rows].any()):
            taken[grid.rows] = 1
            fields.append(grid)
    outside = n - int(taken.sum())
    return f"{outside} of {n} rows stand in no separable field" if outside else fields


def _nuggets(variance: Variance, grids: Sequence[_Grid]) -> list[list[Nugget]] | str:
    """The diagonal terms of the rows of each field."""
    found: list[list[Nugget]] = [[] for _ in grids]
    for piece in variance.diagonals:
        own = covered_rows(piece)
        here = [which for which, grid in enumerate(grids) if _same(own, grid.rows) or own is None]
        if not here:
            return f"{piece.label} covers some rows of a field, and not all"
        for which in here:
            nugget = nugget_of(piece, grids[which].rows)
            if nugget is None:
                name = piece.path or "V"
                return f"the variances of {name} may differ between rows, so that no basis makes V diagonal"
            found[which].append(nugget)
    return found


def _same(one: Tensor | None, other: Tensor | None) -> bool:
    return one is not None and other is not None and torch.equal(one, other)
