"""Random coefficients of covariates far from zero, where V depends on where these are counted from.

Slopes over years whose covariance with an intercept is free are the same model from whichever year one counts
(see `recoding`). Uncorrelated ones, or slopes alone, are another model for every origin.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor

from covstudio.covariance import Matrix, linalg
from covstudio.reml.terms.design_rows import SparseRows, rows_of
from covstudio.reml.terms.recoding import ASLANT, coefficients, free_parts, is_free, recoding_of

__all__ = ["coding_doubts", "uncentred"]

#: Entries that differ by less than this, beside their size, are all the same.
CONSTANT = 1e-9
#: Up to so many columns are coefficients of one group; more are levels.
MOST = 8


def coding_doubts(v: Matrix) -> tuple[str, ...]:
    """A sentence for each term Z G Z' of V that another origin of a covariate would make another model.

    Args:
        v: the model of V.

    Example:
        >>> from covstudio.covariance import CovariancePropagation, DiagonalMatrix, ScalarMatrix, Sum
        >>> year = torch.tensor([2001.0, 2002.0, 2003.0])
        >>> line = CovariancePropagation(z=torch.stack([torch.ones(3), year], 1), g=DiagonalMatrix(2))
        >>> print(*coding_doubts(Sum(line=line, units=ScalarMatrix(3))))
        The covariate of line lies far from zero (mean 2002, standard deviation 0.8165), and the covariance of
        its coefficients is not free: ...
    """
    return tuple(dict.fromkeys(_doubts(v, "")))


def uncentred(v: Matrix) -> tuple[str, ...]:
    """A sentence for each term Z G Z' that `fit` takes to centred columns, for who searches in others.

    Args:
        v: the model of V.

    Example:
        >>> from covstudio.covariance import CovariancePropagation, ScalarMatrix, Sum, UnstructuredMatrix
        >>> year = torch.tensor([2001.0, 2002.0, 2003.0])
        >>> line = CovariancePropagation(z=torch.stack([torch.ones(3), year], 1), g=UnstructuredMatrix(2))
        >>> print(*uncentred(Sum(line=line, units=ScalarMatrix(3))))
        The covariate of line lies far from zero: ...
    """
    recoding = recoding_of(v)
    return tuple(
        f"The covariate of {part.path or 'V'} lies far from zero: its coefficients are all but collinear in "
        "the coding given, in which rounding in Z G Z' drowns the residual sooner or later. Centre it (fit "
        "does so by itself, and answers in the coding given)."
        for part in (() if recoding is None else recoding.parts)
    )


def _doubts(v: Matrix, path: str) -> Iterator[str]:
    made = linalg.composition(v)
    if made is None:
        return
    if made.how == "congruence":
        z, g = (part.operand for part in made.parts)
        for column in _columns(z, g):
            mean, deviation = float(column.mean()), float(column.std(correction=0))
            if CONSTANT * abs(mean) < deviation < ASLANT * abs(mean):
                yield (
                    f"The covariate of {path or 'V'} lies far from zero (mean {mean:.4g}, standard deviation "
                    f"{deviation:.4g}), and the covariance of its coefficients is not free: counted from "
                    "another origin it is another model with another likelihood. Centre it, or give "
                    "intercepts and slopes an unstructured covariance, which is the same from any origin."
                )
    elif made.how in ("sum", "multiple"):
        for part in made.parts:
            if isinstance(part.operand, Matrix) and part.operand.num_params:
                yield from _doubts(part.operand, f"{path}/{part.name}" if path else part.name)


def _columns(z: Matrix | Tensor, g: Matrix | Tensor) -> Iterator[Tensor]:
    """The entries of each random coefficient, where its covariance with the others is not free."""
    if not isinstance(g, Matrix) or not linalg.is_constant(z):
        return
    rows = rows_of(z)
    if isinstance(rows, SparseRows) and rows.values is None:
        return
    parts = list(free_parts(g, 0, every=True))
    if any(leaf.shape[0] > 1 and linalg.recoded.is_cheap(leaf) and is_free(leaf) for leaf, _, _ in parts):
        return
    blocks = linalg.parts(g, "direct sum")
    if blocks is not None and isinstance(rows, SparseRows):
        ends = [0]
        for block in blocks:
            ends.append(ends[-1] + block.operand.shape[0])
        weights = rows.weights()
        for low, high in pairwise(ends):
            yield from _there(weights[(rows.codes >= low) & (rows.codes < high)])
        return
    found = False
    for leaf, _, after in parts:
        entries = coefficients(rows, leaf.shape[0], after) if 1 < leaf.shape[0] <= MOST else None
        for column in () if entries is None else entries.mT:
            found = True
            yield from _there(column)
    if not found and isinstance(rows, SparseRows) and rows.width == 1:
        yield from _there(rows.weights())


def _there(entries: Tensor) -> Iterator[Tensor]:
    there = entries[entries != 0.0]
    if len(there) and all(map(math.isfinite, (float(there.min()), float(there.max())))):
        yield there.to(torch.float64)
