"""Pictograms: the pattern of a small example, so that the palette shows what a structure looks like.

A pictogram is computed from a declaration's own example, so a structure that joins the catalogue has one at
once.
"""

from __future__ import annotations

import math
from functools import cache

import torch

from covstudio.covariance import Declaration, Matrix, declaration
from covstudio.studio.palette.messages import Pictogram

#: At most this many rows and columns are drawn: more would be grey at 20 pixels.
SIDE = 6
#: Entries smaller than this share of the largest are left out.
FAINT = 0.04


def pictogram(entry: Declaration) -> Pictogram:
    """The sign of every visible entry of the declaration's example, scaled to the largest.

    Args:
        entry: a declaration of the catalogue.

    Returns:
        Its cells as (row, column, weight), with weights in [-1, 1], rounded to two decimals. An example that
        cannot be evaluated gives an empty grid: no pictogram keeps the palette from opening.

    Example:
        >>> from covstudio.covariance import declaration
        >>> pictogram(declaration("IdentityMatrix")).cells[:2]
        [(0, 0, 1.0), (1, 1, 1.0)]
    """
    return _pictogram(entry.cls)


@cache
def _pictogram(cls: type[Matrix]) -> Pictogram:
    try:
        example = declaration(cls).example()
        value = example(telling(example)).detach().double()
    except (ValueError, RuntimeError, NotImplementedError):
        return Pictogram(rows=1, cols=1, cells=[])
    value = value[:SIDE, :SIDE]
    largest = float(value.abs().max()) if value.numel() else 0.0
    if largest == 0.0 or not torch.isfinite(value).all():
        return Pictogram(rows=value.shape[0] or 1, cols=value.shape[1] or 1, cells=[])
    weights = (value / largest).tolist()
    cells = [
        (row, column, round(weight, 2))
        for row, line in enumerate(weights)
        for column, weight in enumerate(line)
        if abs(weight) >= FAINT
    ]
    return Pictogram(rows=value.shape[0], cols=value.shape[1], cells=cells)


def telling(example: Matrix) -> torch.Tensor | None:
    """Raw free parameters at which the pattern shows: strong correlations, and variances that differ.

    At its defaults many a structure is the identity.

    Args:
        example: a structure.

    Returns:
        Raw values (num_free_params,), or None where it has no parameters.
    """
    raw = []
    count = example.num_free_params
    for index, transform in enumerate(example.free_param_trans.values()):
        low, high = transform.bounds
        if math.isfinite(low) and math.isfinite(high):
            natural = low + 0.85 * (high - low)
        else:
            natural = 1.0 - 0.6 * index / count
        raw.append(transform.inverse(torch.tensor(natural, dtype=example.dtype)))
    return torch.stack(raw) if raw else None
