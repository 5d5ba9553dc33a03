r"""Tests of types I, II and III of the terms of the fixed effects.

With X = QR, terms in some order, the rows of R for a term say what its columns add to those before them.

- Type I: every term after those before it in the formula.
- Type II: every term after all that do not contain it, before those that do. A term contains another if it
  has all of its factors, and more, and the same covariates.
- Type III: every term beside all others, its factors coded so that their effects sum to 0: means with equal
  weights are compared. It needs every combination of levels that the formula speaks of.

Sources: Searle (1987), Linear Models for Unbalanced Data, ch. 4 and 12; SAS/STAT User's Guide, The Four Types
of Estimable Functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from covstudio.data.design import Design
from covstudio.data.errors import DesignError
from covstudio.data.recoded import factors_of, recoded

__all__ = ["TestType", "term_contrasts"]

Vector = NDArray[np.float64]
TestType = Literal[1, 2, 3]

#: What X under other contrasts may leave of X, in its size.
SAME = 1e-8
#: Entries of L below this are rounding errors.
ZERO = 1e-12


def term_contrasts(design: Design, kind: TestType) -> dict[str, Vector]:
    """L of every term, (l, p).

    Args:
        design: X, made of a table.
        kind: 1, 2 or 3.

    Raises:
        DesignError: type III is asked for, and combinations of levels do not occur.
        ValueError: there is no such type.

    Example:
        >>> from covstudio.data import design_matrix, load_example
        >>> term_contrasts(design_matrix(load_example("john_alpha"), "1 + rep"), 3)["rep"].shape
        (2, 3)
    """
    if kind not in (1, 2, 3):
        raise ValueError(f"the type of a test is 1, 2 or 3, and is {kind!r}.")
    if kind == 3:
        return _marginal(design)
    x = design.x.numpy()
    every = range(x.shape[1])
    own = dict(design.terms)
    intercept = [j for j in every if not any(j in places for places in own.values())]
    if kind == 1:
        order = [*intercept, *(j for places in own.values() for j in places)]
        return {term: _adds(x, order, places) for term, places in own.items()}
    factors = frozenset(factors_of(design))
    found = {}
    for term, places in own.items():
        above = [
            other
            for other in own
            if _contains(design.parts[other], design.parts[term], factors) and other != term
        ]
        behind = [j for other in above for j in own[other]]
        before = [j for j in every if j not in behind and j not in places]
        found[term] = _adds(x, [*before, *places, *behind], places)
    return found


def _adds(x: Vector, order: Sequence[int], places: Sequence[int]) -> Vector:
    """The rows of R for the columns of a term, X taken in this order."""
    triangle = np.linalg.qr(x[:, list(order)])[1]
    rows = [list(order).index(j) for j in places]
    found = np.zeros((len(rows), x.shape[1]))
    found[:, list(order)] = triangle[rows]
    return _cleaned(found)


def _cleaned(rows: Vector) -> Vector:
    """Without rounding errors, each row with its largest entry 1."""
    rows = rows / np.abs(rows).max(axis=1, keepdims=True)
    return np.where(np.abs(rows) < ZERO, 0.0, rows)


def _contains(outer: Sequence[str], inner: Sequence[str], factors: frozenset[str]) -> bool:
    """Whether a term has all factors of another and the same covariates."""
    covariates = [sorted(part for part in term if part not in factors) for term in (outer, inner)]
    own = [{part for part in term if part in factors} for term in (outer, inner)]
    return covariates[0] == covariates[1] and own[1] <= own[0]


def _marginal(design: Design) -> dict[str, Vector]:
    """L of type III: the coefficients of a term where the effects of factors sum to 0."""
    x = design.x.numpy()
    other, terms = recoded(design, "sum")
    if other.shape == x.shape and not design.left_out:
        change = np.linalg.lstsq(x, other, rcond=None)[0]
        if np.abs(x @ change - other).max() < SAME * max(1.0, np.abs(other).max()):
            back = np.linalg.inv(change)
            return {
                term: _cleaned(back[[j for j, own in enumerate(terms) if own == term]])
                for term, _ in design.terms
            }
    raise DesignError(
        "Tests of type III compare means with equal weights, and some combinations of levels do not occur in "
        "the rows that are used. Ask for type II, or take the interaction out of the formula."
    )
