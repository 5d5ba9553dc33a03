"""Levels that a structure of positions in order runs over: gaps and order found in Z G Z', and told.

An autoregression over the levels 1 to 6 and 10 takes 6 and 10 for neighbours, and an antedependence over
"Week 1", "Week 10" and "Week 2" the first two, as nothing in G tells where its positions come from. Here the
factors of Z are laid beside the directions of G.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator

from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.structures.design.positions import UnevenLevels, grid_of, in_order, shown_levels

__all__ = ["OrderTaken", "is_evenly_spaced", "is_ordered", "positions_of", "warn_of_order"]

#: So many levels have no order: the same covariance either way.
SYMMETRIC = 2


class OrderTaken(RuntimeWarning):
    """Levels were taken in the order of their texts, which nobody has said."""


def is_evenly_spaced(matrix: Matrix) -> bool:
    """Whether a structure declares that its positions stand at equal steps.

    Example:
        >>> from covstudio.covariance import AR1Matrix, UnstructuredMatrix
        >>> is_evenly_spaced(AR1Matrix(3)), is_evenly_spaced(UnstructuredMatrix(3))
        (True, False)
    """
    declared = matrix.governing_declaration()
    return declared is not None and any(argument.evenly_spaced for argument in declared.arguments)


def is_ordered(matrix: Matrix) -> bool:
    """Whether a structure declares that its positions have an order, at equal steps or not.

    Example:
        >>> from covstudio.covariance import AntedependenceMatrix, AR1Matrix, UnstructuredMatrix
        >>> [is_ordered(one) for one in (AntedependenceMatrix(3), AR1Matrix(3), UnstructuredMatrix(3))]
        [True, True, False]
    """
    declared = matrix.governing_declaration()
    arguments = () if declared is None else declared.arguments
    return any(argument.ordered or argument.evenly_spaced for argument in arguments)


def positions_of(z: Matrix | Tensor, g: Matrix | Tensor) -> Iterator[tuple[int, linalg.FactorLevels, Matrix]]:
    """The structures of positions in order in G, with the factor of Z whose levels are these.

    Args:
        z: a design, (n, q).
        g: the covariance of its effects, (q, q).

    Yields:
        The factor's place among the factors of Z, its levels, and the structure.
    """
    beside, along = linalg.parts(z, "beside"), linalg.parts(g, "direct sum")
    if beside is not None and along is not None and len(beside) == len(along):
        for left, right in zip(beside, along, strict=True):
            yield from positions_of(left.operand, right.operand)
        return
    directions = [
        leaves
        for leaves in _directions(g)
        if any(isinstance(leaf, Matrix) and is_ordered(leaf) for leaf in leaves)
    ]
    factors = _factors(z) if directions else None
    for leaves in directions:
        if factors is None or len(leaves) != len(factors):
            continue
        for k, (factor, leaf) in enumerate(zip(factors, leaves, strict=True)):
            fits = isinstance(leaf, Matrix) and leaf.shape[0] == len(factor.levels)
            if fits and isinstance(leaf, Matrix) and is_ordered(leaf):
                yield k, factor, leaf


def warn_of_order(z: Matrix | Tensor, g: Matrix | Tensor) -> None:
    """Warn where levels that skip numbers or dates are taken for neighbours, or come in another order.

    Warns:
        RuntimeWarning: with the levels, and what to choose from.
        OrderTaken: the order is that of texts in which nothing tells one.
    """
    for k, factor, leaf in positions_of(z, g):
        _warn_of_texts(k, factor, leaf)
        if not is_evenly_spaced(leaf):
            _warn_of_another_order(k, factor, leaf)
            continue
        doubt, remedy = ("", "") if factor.chosen else _doubt(factor.levels, k)
        if doubt:
            warnings.warn(
                f"{type(leaf).__name__} takes the {len(factor.levels)} levels "
                f"{shown_levels(factor.levels)} for neighbours at equal steps, {doubt}: {remedy}use a "
                "structure of times such as OrnsteinUhlenbeckMatrix, which takes any distances, or "
                "DummyMatrix(..., close_gaps=True) where they are neighbours",
                RuntimeWarning,
                stacklevel=4,
            )


def _warn_of_texts(k: int, factor: linalg.FactorLevels, leaf: Matrix) -> None:
    """Words whose order is that of a dictionary, which letters alone may be meant to have."""
    levels = factor.levels
    if not factor.as_texts or factor.chosen or len(levels) <= SYMMETRIC or in_order(levels) is not None:
        return
    if any(len(level) > 1 for level in levels):
        warnings.warn(
            f"{type(leaf).__name__} takes the levels {shown_levels(levels)} in this order, which is that "
            f"of texts: give DummyMatrix(..., levels=[...], lex_order=False) the levels of factor {k} in the "
            "order that is meant, or close_gaps=True where it is this one",
            OrderTaken,
            stacklevel=4,
        )


def _warn_of_another_order(k: int, factor: linalg.FactorLevels, leaf: Matrix) -> None:
    """Numbers or dates in another order, for a structure of which only the order counts."""
    levels = factor.levels
    order = in_order(levels)
    if not factor.chosen and order is not None and levels not in (order, order[::-1]):
        warnings.warn(
            f"{type(leaf).__name__} takes the levels {shown_levels(levels)} in this order, and they are "
            f"numbers or dates in another: use DummyMatrix(..., ordered=[{k}]), which puts them in order, or "
            "close_gaps=True where it is this one",
            RuntimeWarning,
            stacklevel=4,
        )


def _doubt(levels: tuple[object, ...], k: int) -> tuple[str, str]:
    """What speaks against neighbours at equal steps, and what makes them so; nothing where they are."""
    fill = f"use DummyMatrix(..., evenly_spaced=[{k}])"
    try:
        grid = grid_of(levels)
    except UnevenLevels as error:
        return f"and {error}", ""
    if grid is None:
        return "", ""
    if grid.added:
        gaps = (
            f"and {shown_levels(grid.added)} {'is' if len(grid.added) == 1 else 'are'} missing between them"
        )
        return gaps, f"{fill}, which makes it {len(grid.levels)} positions, "
    if levels not in (grid.levels, grid.levels[::-1]):
        return "and they are numbers or dates in another order", f"{fill}, which puts them in order, "
    return "", ""


def _factors(z: Matrix | Tensor) -> tuple[linalg.FactorLevels, ...] | None:
    """The factors that the columns of a design stand for."""
    if isinstance(z, Tensor):
        return None
    own = linalg.crossed_levels(z)
    made = None if own is not None else linalg.composition(z)
    if made is None:
        return own
    found = [_factors(part.operand) for part in made.parts]
    if made.how in ("entrywise product", "multiple"):
        # Weights of a column do not change what it stands for.
        return next((one for one in found if one is not None), None)
    if made.how in ("kronecker product", "rowwise product") and all(one is not None for one in found):
        return tuple(itertools.chain.from_iterable(one for one in found if one is not None))
    return None


def _directions(g: Matrix | Tensor) -> Iterator[tuple[Matrix | Tensor, ...]]:
    """The structures along the directions that G is a Kronecker product of; several where it is a sum."""
    made = linalg.composition(g) if isinstance(g, Matrix) else None
    if made is not None and made.how == "kronecker product":
        for combination in itertools.product(*(list(_directions(part.operand)) for part in made.parts)):
            yield tuple(itertools.chain.from_iterable(combination))
    elif made is not None and made.how in ("sum", "entrywise product"):
        for part in made.parts:
            yield from _directions(part.operand)
    elif made is not None and made.how == "multiple":
        yield from _directions(made.parts[1].operand)
    else:
        yield (g,)
