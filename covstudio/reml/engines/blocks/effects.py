r"""Random effects whose groups lie within blocks of rows, with their prediction error variances.

For the effects u of one group, with Z their design in the rows of one block,

.. math:: \hat u = GZ'Py, \qquad \operatorname{var}(\hat u - u) = G - GZ'PZG, \qquad
          Z'PZ = Z'V^{-1}Z - (Z'V^{-1}X)(X'V^{-1}X)^{-1}(Z'V^{-1}X)',

matrices of the size of a group, whatever the number of groups (Laird & Ware 1982, Biometrics 38:963).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.reml.engines.blocks.layout import Batch
from covstudio.reml.engines.blocks.moments import gathered, spread
from covstudio.reml.engines.blocks.terms import grouped_weights
from covstudio.reml.terms.as_effects import effects_of
from covstudio.reml.terms.design_rows import SparseRows, rows_of
from covstudio.reml.terms.families import grouped
from covstudio.reml.terms.kinds import Piece
from covstudio.reml.terms.partition import occurrences

__all__ = ["design_of_groups", "predicted"]

Vector = NDArray[np.float64]


def design_of_groups(piece: Piece) -> tuple[Tensor, Tensor] | None:
    """The groups of rows, and weights for their members, of a term Z G Z' with G independent between groups.

    The group of every row is (n,), its weights for the members of that group (n, b); None for any other
    term.

    Example:
        >>> from covstudio.covariance import CovariancePropagation, DummyMatrix, ScalarMatrix
        >>> from covstudio.reml.terms.variance import Variance
        >>> term = CovariancePropagation(z=DummyMatrix(["a", "b", "a"]), g=ScalarMatrix(2))
        >>> [found.tolist() for found in design_of_groups(Variance(term).pieces[0])]
        [[0, 1, 0], [[1.0], [1.0], [1.0]]]
    """
    pair = effects_of(piece.operand)
    if pair is None or not linalg.is_constant(pair[0].operand):
        return None
    family, design = grouped(pair[1].operand), rows_of(pair[0].operand)
    if family is None or not isinstance(design, SparseRows) or design.n != piece.n:
        return None
    return grouped_weights(design, family)


def predicted(
    piece: Piece,
    natural: Vector,
    scale: float,
    py: Tensor,
    vq: Tensor,
    batches: list[tuple[Batch, Tensor]],
    block: Tensor,
) -> tuple[Tensor, Tensor] | None:
    """Effects of a term and their prediction error variances, (q,) each, in the order of the columns of Z.

    Args:
        piece: the term.
        natural: natural values of V.
        scale: what G is divided by.
        py: P y, (n,).
        vq: F with F F' = V^-1 X (X'V^-1X)^-1 X'V^-1, (n, p).
        batches: the blocks in batches, with V^-1 of every kind, (kinds, t, t).
        block: the block of every row, (n,).
    """
    found, pair = design_of_groups(piece), effects_of(piece.operand)
    if found is None or pair is None:
        return None
    family = grouped(pair[1].operand)
    assert family is not None
    group, weights = (part.to(py.device) for part in found)
    g, members = family.value(piece.own(natural)).to(py.device) / scale, family.members
    moved = py.new_zeros((family.groups, members)).index_add_(0, group, weights * py[:, None])
    u = (g @ moved[:, :, None])[:, :, 0]
    fixed = py.new_zeros((family.groups, members, vq.shape[1]))
    fixed.index_add_(0, group, weights[:, :, None] * vq[:, None, :])
    zpz = -(fixed @ fixed.mT)
    # Groups are counted within their blocks, so that those of one number can be taken side by side.
    reached = torch.nonzero((weights != 0.0).any(dim=1)).reshape(-1)
    number = torch.full_like(group, -1)
    pairs, which = torch.unique(block[reached] * family.groups + group[reached], return_inverse=True)
    number[reached] = occurrences(torch.div(pairs, family.groups, rounding_mode="floor"))[which]
    label = torch.cat([number, number.new_full((1,), -1)])
    owner = torch.cat([group, group.new_zeros(1)])
    for batch, inverse in batches:
        z, own = gathered(weights, batch.rows), label[batch.rows]
        for k in range(int(own.max()) + 1):
            mine = own == k
            part = torch.where(mine[:, :, None], z, 0.0)
            inner = part.mT @ (spread(inverse, batch.kind) @ part)
            at = torch.where(mine, owner[batch.rows], 0).amax(dim=1)
            # A block without a group of this number adds zeros to the first.
            zpz.index_add_(0, at, inner)
    error = torch.diagonal(g - g @ zpz @ g, dim1=1, dim2=2).expand(family.groups, members)
    place = family.places().to(py.device)
    return u.reshape(-1)[place], error.reshape(-1)[place]
