"""G of the random effects at one value of the parameters: its value, a factor of it, and its derivatives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.reml.terms.kinds import RandomPiece

__all__ = ["EffectCovariances", "along", "are_variances", "psd_factor", "slopes_of"]

Vector = NDArray[np.float64]


class EffectCovariances:
    """The covariances of effects, factored; those that are multiples of a constant once for a whole fit."""

    def __init__(self) -> None:
        self._factors: dict[int, tuple[Tensor, Tensor]] = {}

    def of(self, piece: RandomPiece, natural: Vector) -> tuple[Tensor, Tensor] | None:
        """G and L with G = LL'; both by their diagonals, (q,), where G is diagonal.

        None where G has a negative eigenvalue.

        Args:
            piece: a term Z G Z'.
            natural: natural values of V.
        """
        own = piece.own(natural)
        if piece.family is not None and piece.family.members == 1:
            variances = piece.family.value(own)[:, 0, 0].expand(piece.columns)
            return (variances, variances.sqrt()) if are_variances(variances) else None
        if isinstance(piece.g, Tensor) or linalg.is_multiple(piece.g):
            return self._multiple(piece, own)
        value = piece.g.evaluate(own)
        factor = psd_factor(value[None])
        return None if factor is None else (value, factor[0])

    def _multiple(self, piece: RandomPiece, own: Tensor) -> tuple[Tensor, Tensor] | None:
        key = id(piece)
        if key not in self._factors:
            ones = torch.ones_like(own)
            value = piece.g if isinstance(piece.g, Tensor) else piece.g.evaluate(ones)
            value = value.detach().to(device=own.device, dtype=torch.float64)
            factor = psd_factor(value[None])
            if factor is None:
                return None
            self._factors[key] = value, factor[0]
        value, factor = self._factors[key]
        if not len(own):
            return value, factor
        size = float(own[0])
        return (size * value, size**0.5 * factor) if size >= 0.0 and np.isfinite(size) else None


def slopes_of(
    piece: RandomPiece, natural: Vector, index: Sequence[int], s: Tensor, against: Tensor
) -> tuple[Tensor, Tensor]:
    """dG_k s, (q, k), and tr(dG_k A), (k,).

    Args:
        piece: a term Z G Z'.
        natural: natural values of V.
        index: parameters, counted in the term.
        s: (q, 1).
        against: A, symmetric, (q, q).
    """
    own, which = piece.own(natural), list(index)
    if piece.family is not None and piece.family.members == 1:
        slices = piece.family.derivative(own, which)[:, :, 0, 0].to(s.device)
        diagonal = against.diagonal()
        diagonal = diagonal.sum().unsqueeze(0) if slices.shape[1] == 1 else diagonal
        return (slices * s[:, 0]).mT, slices @ diagonal
    assert not isinstance(piece.g, Tensor)
    moved = linalg.derivative_matmul(piece.g, own, which, s.to(own.device))[:, :, 0].to(s.device)
    return moved.mT, linalg.trace_against(piece.g, own, which, against.to(own.device)).to(s.device)


def along(blocks: Sequence[Tensor]) -> Tensor:
    """A block diagonal matrix of square blocks.

    Example:
        >>> along([torch.ones(1, 1), 2 * torch.ones(1, 1)]).tolist()
        [[1.0, 0.0], [0.0, 2.0]]
    """
    out: Tensor = torch.block_diag(*blocks)  # type: ignore[no-untyped-call]
    return out


def are_variances(values: Tensor) -> bool:
    """Whether all are finite and none is negative."""
    low, high = (float(end) for end in torch.aminmax(values))
    return low >= 0.0 and high < float("inf")


def psd_factor(blocks: Tensor) -> Tensor | None:
    """L with G = L L' for positive semi-definite matrices, (m, b, b); None where one is indefinite."""
    if not bool(torch.isfinite(blocks).all()):
        return None
    factor, info = torch.linalg.cholesky_ex(blocks)
    if not bool((info != 0).any()):
        lower: Tensor = factor
        return lower
    eigenvalues, vectors = torch.linalg.eigh(blocks)
    largest = eigenvalues[:, -1:].clamp(min=0.0)
    if bool((eigenvalues < -1e-10 * largest - torch.finfo(torch.float64).tiny).any()):
        return None
    half: Tensor = vectors * eigenvalues.clamp(min=0.0).sqrt()[:, None, :]
    return half
