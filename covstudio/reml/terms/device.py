"""V, taken apart, on the device where an engine computes.

V is taken apart on the CPU. An engine that works with the terms themselves on another device works with
copies whose rows, groups and constants are there.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from covstudio.reml.terms.design_rows import DenseRows, SparseRows
from covstudio.reml.terms.families import Grouped
from covstudio.reml.terms.kinds import Piece
from covstudio.reml.terms.positions import Universe
from covstudio.reml.terms.variance import Variance

__all__ = ["placed"]


def placed(variance: Variance, device: torch.device) -> Variance:
    """A V whose pieces are on this device; the same one when they are there already.

    Args:
        variance: V, taken apart on the CPU.
        device: where to.

    Example:
        >>> from covstudio.covariance import ScalarMatrix
        >>> v = Variance(ScalarMatrix(3))
        >>> placed(v, torch.device("cpu")) is v
        True
    """
    if device.type == "cpu":
        return variance
    return variance.of([_piece(piece, device) for piece in variance.pieces])


def _piece(piece: Piece, device: torch.device) -> Piece:
    moved = copy.copy(piece)
    for name, value in vars(piece).items():
        # The operand stands for the term in V's tree, and is not computed with.
        if name != "operand":
            setattr(moved, name, _moved(value, device))
    moved.device = device
    return moved


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, tuple):
        return tuple(_moved(entry, device) for entry in value)
    if isinstance(value, SparseRows):
        entries = None if value.values is None else value.values.to(device)
        return SparseRows(value.codes.to(device), entries, value.columns)
    if isinstance(value, DenseRows):
        return DenseRows(value.matrix.to(device))
    if isinstance(value, Universe):
        return replace(value, places=value.places.to(device))
    if isinstance(value, Grouped):
        family = value
        return replace(
            family,
            value=lambda natural: family.value(natural).to(device),
            derivative=lambda natural, index: family.derivative(natural, index).to(device),
        )
    return value
