"""The engine of independent blocks of rows to choose from."""

from __future__ import annotations

import numpy as np
import torch

from covstudio.reml.engines.blocks.engine import BlocksEngine
from covstudio.reml.engines.blocks.layout import Partition
from covstudio.reml.engines.blocks.moments import Moments
from covstudio.reml.engines.blocks.point import CHUNK, by_pairs
from covstudio.reml.engines.blocks.setup import layout_of, partition_of
from covstudio.reml.engines.candidate import Applicable, Candidate
from covstudio.reml.problem.likelihood import Engine
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.design_rows import SparseRows
from covstudio.reml.terms.lower import describe
from covstudio.reml.terms.variance import Variance

__all__ = ["CANDIDATE", "BlocksCandidate"]

#: Blocks of more rows in all than this, squared, would not fit in ordinary memory.
CELLS = 200_000_000

#: In more rows than this, random effects of one kind are absorbed more cheaply, and so are others
#: that join more rows than that.
ABSORBED, LONG = 2000, 50


def _at_a_glance(variance: Variance) -> str | None:
    """Why blocks are not worth looking for among rows with random effects, crossed ones above all.

    That would take longer than an iteration of the mixed-model equations.
    """
    n = variance.n
    if not variance.random:
        return "V is diagonal"
    if len(variance.random) == 1 and n > ABSORBED:
        return f"{variance.random[0].label} alone joins the rows, and is absorbed block by block as well"
    groups = []
    for piece in variance.random:
        if piece.family is not None and isinstance(piece.z, SparseRows):
            group, _ = piece.family.split(piece.z.codes)
            used = group if piece.z.values is None else torch.where(piece.z.values != 0.0, group, 0)
            first = used[:, 0] if piece.z.width == 1 else used.amax(dim=1)
            groups.append((first.numpy(), piece.family.groups))
    # From the first row to all rows that share a level with it, and on.
    reached = np.zeros(n, dtype=np.bool_)
    reached[0] = True
    count, joined_rows = 0, 1
    while count < joined_rows <= n // 2:
        count = joined_rows
        for own, levels in groups:
            seen = np.zeros(levels, dtype=np.bool_)
            seen[own[reached]] = True
            reached |= seen[own]
        joined_rows = int(np.count_nonzero(reached))
    if joined_rows > max(n // 2, 1) or (n > ABSORBED and joined_rows > LONG):
        return f"the random effects join {joined_rows} of {n} rows and more"
    return None


class BlocksCandidate(Candidate):
    """V falls apart into blocks of rows."""

    name = "blocks"
    title = "engine for independent blocks"

    def applies(self, variance: Variance, p: int) -> Applicable | str:
        """Whether all terms of V fall apart by one partition of the rows."""
        dearer = None if variance.blocks or variance.others else _at_a_glance(variance)
        partition = partition_of(variance) if dearer is None else dearer
        if isinstance(partition, str):
            return partition
        if partition.cells > CELLS:
            return f"the blocks have up to {partition.largest} rows, {partition.cells:.2g} entries in all"
        return Applicable(_words(variance, partition), *_cost(variance, partition, p))

    def build(self, problem: Problem, variance: Variance) -> Engine:
        """The engine of blocks."""
        return BlocksEngine(problem, variance)


def _words(variance: Variance, partition: Partition) -> str:
    sizes = partition.sizes
    same = int(sizes.min()) == partition.largest
    rows = f"{'' if same else 'up to '}{partition.largest} row{'s' if partition.largest > 1 else ''}"
    return f"{len(sizes)} independent blocks of {rows}: {describe(variance.pieces)}"


def _cost(variance: Variance, partition: Partition, p: int) -> tuple[float, float]:
    """Bytes, and seconds of an iteration, about."""
    k = len(variance.free)
    layout = layout_of(partition, torch.device("cpu"))
    shapes = [(*batch.rows.shape[:1], len(batch.counts), *batch.types.shape) for batch in layout.batches]
    memory = 8.0 * variance.n * (2 * p + 4)
    # Many small operations for every batch, whatever its size.
    seconds = 4e-4 + 1.2e-4 * len(variance.pieces) + 1.2e-4 * len(variance.random) + 3e-4 * (len(shapes) - 1)
    for blocks, kinds, sheets, size in shapes:
        cells = kinds * size**2
        # Covariances and their derivatives, factors, inverses, and products with them.
        seconds += 4e-9 * (k + 2) * sheets * size**2 + kinds * (2e-6 + 3e-10 * size**3)
        pooled = Moments.pools(blocks, kinds, size, p + 1)
        sums = cells * (p + 1) ** 2 if pooled else 2 * blocks * size**2 * (p + 1)
        seconds += 2e-10 * (p + 3) * sums
        memory += 8.0 * (sums if pooled else blocks * size * (p + 1)) + 8.0 * (p + 8) * cells
        if sheets == 1 and by_pairs(size, kinds, blocks, k):
            seconds += 2e-10 * (size**4 * (kinds + k + 4) + k**2 * size**2)
            memory += 24.0 * size**4
        else:
            seconds += 2e-10 * (5 * k * blocks * size**2 + k**2 * blocks * size)
            memory += 8.0 * (3 * k * blocks * size + min(k * sheets * size**2, CHUNK))
    return memory, seconds


#: For the registry.
CANDIDATE = BlocksCandidate()
