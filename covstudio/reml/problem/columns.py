"""The columns of the fixed-effects matrix: their names, and which of them depend on others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from covstudio.reml.problem.errors import InvalidData

__all__ = ["Dependencies", "dependencies", "names_of", "rank_message"]

#: A column whose part orthogonal to the columns before it is smaller than this share of its length counts
#: as dependent on them.
RANK_TOLERANCE = 1e-9


#: Less than this share is rounding error.
ROUNDING = 1e-13


@dataclass(frozen=True, eq=False)
class Dependencies:
    """Which columns of X depend on columns before them.

    Attributes:
        basis: orthonormal columns that span those of X, (n, rank).
        kept: positions of the independent columns.
        dependent: positions of the others.
        depends_on: for each of these, the positions of the columns it is a combination of; none for zeros.
        nearly: those of them that are combinations but for more than rounding error.
    """

    basis: Tensor
    kept: list[int]
    dependent: list[int]
    depends_on: list[list[int]]
    nearly: list[int] = field(default_factory=list)


def dependencies(x: Tensor) -> Dependencies:
    """An orthonormal basis of the columns of X, and the columns that add nothing to it.

    By Gram-Schmidt from the left, done twice for accuracy: of two equal columns the later one is the
    dependent one. Behind an intercept columns count from their mean, so that a covariate far from zero keeps
    its digits.

    Args:
        x: fixed-effects matrix, (n, p), float64.

    Example:
        >>> found = dependencies(torch.tensor([[1.0, 1.0, 2.0], [1.0, 0.0, 1.0], [1.0, 0.0, 1.0]]).double())
        >>> found.kept, found.dependent, found.depends_on
        ([0, 1], [2], [[0, 1]])

    Reference:
        Golub & Van Loan (2013), Matrix Computations, section 5.2.
    """
    n, p = x.shape
    basis = x.new_empty((n, p))
    kept: list[int] = []
    dependent: list[int] = []
    depends_on: list[list[int]] = []
    nearly: list[int] = []
    constant: int | None = None
    for j in range(p):
        column = x[:, j]
        length = float(torch.linalg.vector_norm(column))
        if length == 0.0:
            dependent.append(j)
            depends_on.append([])
            continue
        if constant is None and bool((column == column[0]).all()):
            constant = j
        elif constant in kept:
            centred = column - column.mean()
            size = float(torch.linalg.vector_norm(centred))
            if size > ROUNDING * length:
                column, length = centred, size
        column = column / length
        for _ in range(2 if kept else 0):
            column = column - basis[:, : len(kept)] @ (basis[:, : len(kept)].mT @ column)
        rest = float(torch.linalg.vector_norm(column))
        # With as many columns as rows there is no room for another one.
        if rest < RANK_TOLERANCE or len(kept) == n:
            dependent.append(j)
            depends_on.append(_combination(x[:, kept], x[:, j], kept))
            if rest > ROUNDING and len(kept) < n:
                nearly.append(j)
            continue
        basis[:, len(kept)] = column / rest
        kept.append(j)
    if dependent:
        basis = basis[:, : len(kept)].contiguous()
    return Dependencies(basis, kept, dependent, depends_on, nearly)


def _combination(columns: Tensor, target: Tensor, positions: Sequence[int]) -> list[int]:
    """Positions of the columns that take part in writing `target` as their combination."""
    scale = torch.linalg.vector_norm(columns, dim=0)
    solution = torch.linalg.lstsq(columns / scale, target.unsqueeze(1)).solution.reshape(-1)
    weight = solution.abs()
    return [k for k, w in zip(positions, weight.tolist(), strict=True) if w > 1e-6 * float(weight.max())]


def names_of(x: Any, count: int, names: Sequence[str] | None) -> tuple[str, ...]:
    """Names of the columns of X: those given, those of a DataFrame, or x0, x1, ...

    Args:
        x: what was passed as X.
        count: its columns.
        names: names, or None.

    Raises:
        InvalidData: there are not as many names as columns, or two are the same.

    Example:
        >>> names_of([[1.0, 2.0]], 2, None), names_of([[1.0, 2.0]], 2, ["one", "year"])
        (('x0', 'x1'), ('one', 'year'))
    """
    if names is None:
        own = getattr(x, "columns", None)
        if own is None or len(own) != count:
            return tuple(f"x{j}" for j in range(count))
        return tuple(str(name) for name in own)
    given = (names,) if isinstance(names, str) else tuple(str(name) for name in names)
    if len(given) != count:
        raise InvalidData(
            f"x_names has {len(given)} names and x has {count} columns: give one name per column, in order."
        )
    twice = sorted({name for name in given if given.count(name) > 1})
    if twice:
        raise InvalidData(f"x_names names more than one column {', '.join(twice)}: names must be different.")
    return given


def rank_message(names: Sequence[str], found: Dependencies) -> str:
    """Which columns add nothing, what they are combinations of, and what to do.

    Args:
        names: names of all columns.
        found: their dependencies.
    """
    plain = list(names) == [f"x{j}" for j in range(len(names))]

    def listed(columns: Sequence[int]) -> str:
        shown = [str(j) if plain else names[j] for j in columns[:8]]
        return ", ".join(shown) + (f", ... ({len(columns)} in all)" if len(columns) > 8 else "")

    parts = [
        f"column {listed([j])} is all zero"
        if not others
        else f"column {listed([j])} is a combination of column{'s' * (len(others) > 1)} {listed(others)}"
        for j, others in zip(found.dependent, found.depends_on, strict=True)
    ]
    counted = " (columns counted from 0)" if plain else ""
    far = (
        f" Column {listed(found.nearly)} is so far from zero that double precision hardly tells it from a "
        "constant: centre it, by subtracting its mean."
        if found.nearly
        else ""
    )
    them = "it" if len(found.dependent) == 1 else "them"
    return (
        f"x has {len(names)} columns but rank {len(found.kept)}{counted}: {'; '.join(parts)}. "
        f"Leave {them} out, or let fit do so with drop_dependent=True.{far}"
    )
