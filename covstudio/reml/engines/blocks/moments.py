r"""Sums over blocks of the same covariance.

With D_g = [X, y] in the rows of block g, every sum that the likelihood and its derivatives need is

.. math:: \sum_{g} D_g'W_{\kappa(g)}D_g \qquad\text{or}\qquad \sum_{g:\kappa(g)=\kappa} D_gAD_g'

with one W for all blocks of a kind. Where many blocks are of one kind, the sums of products of all pairs of
entries of D_g are sufficient for both, and taken once for a whole fit.
"""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from covstudio.reml.engines.blocks.layout import Batch

__all__ = ["Moments"]

#: Sums of products of pairs may have so many entries.
PAIRS = 20_000_000


class Moments:
    """Sums over the blocks of a batch.

    Args:
        batch: the blocks.
        data: D, (n, c).

    Example:
        Two blocks of two rows, of the same kind:

        >>> rows, one = torch.tensor([[0, 1], [2, 3]]), torch.zeros(2, dtype=torch.int64)
        >>> batch = Batch(rows, one, torch.tensor([2.0]), rows[:1], None)
        >>> moments = Moments(batch, torch.tensor([[1.0], [2.0], [3.0], [4.0]], dtype=torch.float64))
        >>> moments.within(torch.eye(2, dtype=torch.float64)[None])
        tensor([[30.]], dtype=torch.float64)
        >>> moments.between(torch.ones(1, 1, 1, dtype=torch.float64))
        tensor([[[[10., 14.],
                  [14., 20.]]]], dtype=torch.float64)
    """

    def __init__(self, batch: Batch, data: Tensor) -> None:
        self.batch = batch
        self.data = gathered(data, batch.rows)
        blocks, size, columns = self.data.shape
        self.kinds = len(batch.counts)
        self._pooled = self.pools(blocks, self.kinds, size, columns)

    @staticmethod
    def pools(blocks: int, kinds: int, size: int, columns: int) -> bool:
        """Whether sums of products of pairs are fewer than the data."""
        return 2 * kinds * columns * size <= blocks and kinds * (columns * size) ** 2 <= PAIRS

    @cached_property
    def _pairs(self) -> Tensor:
        """Sums of d_ia d_jb over the blocks of a kind, (kinds t t, c c)."""
        _, size, columns = self.data.shape
        out = self.data.new_zeros((self.kinds, size, size, columns, columns))
        for kind in range(self.kinds):
            flat = self.data[self.batch.kind == kind].flatten(1)
            out[kind] = (flat.mT @ flat).view(size, columns, size, columns).transpose(1, 2)
        return out.view(-1, columns * columns)

    def within(self, weights: Tensor) -> Tensor:
        """The sum of D'WD over all blocks, (c, c), for W of every kind, (kinds, t, t)."""
        columns = self.data.shape[2]
        if self._pooled:
            return (weights.reshape(-1) @ self._pairs).view(columns, columns)
        moved = spread(weights, self.batch.kind) @ self.data
        return self.data.flatten(0, 1).mT @ moved.flatten(0, 1)

    def within_some(self, weights: Tensor, start: int = 0) -> Tensor:
        """The sums of D'WD over the blocks of some kinds, (k, c, c).

        Args:
            weights: W of these kinds, k times, (k, m, t, t).
            start: the first of them.
        """
        count, some, size, _ = weights.shape
        columns = self.data.shape[2]
        if self._pooled:
            pairs = self._pairs[start * size**2 : (start + some) * size**2]
            return (weights.reshape(count, -1) @ pairs).view(count, columns, columns)
        kind = self.batch.kind
        mine = (kind >= start) & (kind < start + some)
        data, own = self.data[mine], kind[mine] - start
        flat = data.flatten(0, 1)
        return torch.stack([flat.mT @ (spread(w, own) @ data).flatten(0, 1) for w in weights])

    def between(self, inner: Tensor) -> Tensor:
        """The sums of D A D' by kind, (k, kinds, t, t), for every A of `inner`, (k, c, c)."""
        size = self.data.shape[1]
        if self._pooled:
            flat = self._pairs @ inner.reshape(len(inner), -1).mT
            return flat.mT.reshape(len(inner), self.kinds, size, size)
        if self.kinds == 1:
            # Blocks laid along with the columns: one product sums over both.
            left = (self.data @ inner[:, None]).transpose(1, 2).flatten(2)
            return (left @ self.data.transpose(0, 1).flatten(1).mT)[:, None]
        out = self.data.new_zeros((len(inner), self.kinds, size, size))
        for which, a in enumerate(inner):
            out[which].index_add_(0, self.batch.kind, self.data @ a @ self.data.mT)
        return out


def gathered(values: Tensor, rows: Tensor) -> Tensor:
    """Rows of (n, c) by blocks, (m, t, c); zero in empty places, whose row is n."""
    padded = torch.cat([values, values.new_zeros((1, values.shape[1]))])
    return padded[rows]


def spread(blocks: Tensor, kind: Tensor) -> Tensor:
    """A matrix of every kind, (kinds, t, t), for every block; one for all stays one."""
    return blocks if len(blocks) == 1 else blocks[kind]
