r"""The engine of repeated measures: V falls apart into independent blocks of rows, one for every subject.

.. math:: V = \begin{pmatrix} V_1 & & \\ & V_2 & \\ & & \ddots \end{pmatrix}, \qquad
          \log|V| = \sum_g \log|V_g|, \quad V^{-1} = \operatorname{diag}(V_g^{-1})

Anything that falls apart by one partition of the rows will do: a residual covariance between times, written
as I (x) R, as Z (I (x) R) Z' or masked by subject; random intercepts and slopes of the same subjects;
diagonal terms; and sums of them. Subjects observed at the same times have the same block, which is factored
once; the rows may stand in any order, and times may be missing. Nothing larger than a block is ever formed.

Sources: Laird & Ware (1982), Biometrics 38:963; Jennrich & Schluchter (1986), Biometrics 42:805; Pinheiro &
Bates (2000), Mixed-Effects Models in S and S-PLUS, ch. 5.
"""

from __future__ import annotations

from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray

from covstudio.covariance import SingularMatrixError
from covstudio.reml.engines.blocks.layout import BlockLayout, Partition
from covstudio.reml.engines.blocks.moments import Moments
from covstudio.reml.engines.blocks.point import CHUNK, BlocksPoint, by_pairs
from covstudio.reml.engines.blocks.terms import BlockTerm, term_of
from covstudio.reml.engines.candidate import Applicable
from covstudio.reml.problem.likelihood import Engine
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.design_rows import SparseRows
from covstudio.reml.terms.kinds import Piece
from covstudio.reml.terms.lower import Lowered, describe
from covstudio.reml.terms.variance import Variance

__all__ = ["BlocksCandidate", "BlocksEngine", "partition_of"]

Vector = NDArray[np.float64]

#: Blocks of more rows in all than this, squared, would not fit in ordinary memory.
CELLS = 200_000_000

#: In more rows than this, random effects of one kind are absorbed more cheaply, and so are others
#: that join more rows than that.
ABSORBED, LONG = 2000, 50


class BlocksEngine:
    """Evaluates the restricted likelihood block by block.

    Args:
        problem: y and X.
        layout: the blocks.

    Example:
        >>> from covstudio.covariance import IdentityMatrix, KroneckerProduct, UnstructuredMatrix
        >>> from covstudio.reml.terms.lower import lower
        >>> from covstudio.reml.problem.problem import prepare
        >>> v = lower(KroneckerProduct(subject=IdentityMatrix(2), time=UnstructuredMatrix(2)))
        >>> engine = BlocksEngine(prepare([1.0, 2.0, 5.0, 4.0], [[1.0]] * 4), partition_of(v))
        >>> round(engine.at(np.array([1.0, 0.5, 1.0])).kernel, 4)
        -4.4581
    """

    name = "blocks"

    def __init__(self, problem: Problem, partition: Partition) -> None:
        self.problem = problem
        self.layout = layout_of(partition, problem.y.device)
        basis = problem.basis
        self.triangle = basis.mT @ problem.x
        self.logdet_triangle = float(torch.log(torch.diagonal(self.triangle).abs()).sum())
        self.projected_y = basis.mT @ problem.y
        #: The basis of X, and what it leaves of y: numbers of one size, whatever the mean of y.
        self.data = torch.cat([basis, (problem.y - basis @ self.projected_y).unsqueeze(1)], dim=1)

    @cached_property
    def moments(self) -> list[Moments]:
        """Sums over the blocks of every batch."""
        return [Moments(batch, self.data) for batch in self.layout.batches]

    @property
    def residual_degrees(self) -> int:
        """n - p; n in ML."""
        return self.problem.degrees

    @property
    def order(self) -> int:
        """Rows of the largest block."""
        return self.layout.largest

    def at(self, natural: Vector) -> BlocksPoint | None:
        """The likelihood at these natural values, or None where V is not positive definite."""
        try:
            return BlocksPoint.of(self, natural)
        except (SingularMatrixError, torch.linalg.LinAlgError):  # type: ignore[attr-defined]
            return None


def partition_of(lowered: Lowered) -> Partition | str:
    """The blocks of rows of a lowered V; or why there are none, in words that go on from "not blocks: ".

    Example:
        >>> from covstudio.covariance import AR1Matrix, CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
        >>> from covstudio.reml.terms.lower import lower
        >>> field = CovariancePropagation(z=DummyMatrix(["a", "b", "b"]), g=AR1Matrix(2))
        >>> partition_of(lower(Sum(field=field, units=ScalarMatrix(3))))
        'the rows of V do not fall apart: all of them are joined by its terms'
        >>> subject = CovariancePropagation(z=DummyMatrix(["a", "b", "b"]), g=ScalarMatrix(2))
        >>> partition_of(lower(Sum(subject=subject, units=ScalarMatrix(3)))).sizes.tolist()
        [1, 2]
    """
    if lowered not in _KNOWN:
        _KNOWN[lowered] = _partition(lowered)
    return _KNOWN[lowered]


#: Sorting rows into blocks is worth doing once for a V.
_KNOWN: WeakKeyDictionary[Lowered, Partition | str] = WeakKeyDictionary()


def _partition(lowered: Lowered) -> Partition | str:
    natural = np.array([parameter.value for parameter in lowered.v.parameters], dtype=np.float64)
    terms: list[BlockTerm] = []
    for piece in lowered.pieces:
        try:
            term = term_of(piece, natural)
        except (SingularMatrixError, torch.linalg.LinAlgError):  # type: ignore[attr-defined]
            term = "does not exist at its default values"
        if isinstance(term, str):
            return f"{_name(piece)} {term}"
        terms.append(term)
    found = Partition(lowered.n, terms)
    if lowered.n > 1 and found.largest == lowered.n:
        return "the rows of V do not fall apart: all of them are joined by its terms"
    return found


def _at_a_glance(lowered: Lowered) -> str | None:
    """Why blocks are not worth looking for among rows with random effects, crossed ones above all.

    Looking would take longer than an iteration of the mixed-model equations.
    """
    n = lowered.n
    if not lowered.random:
        return "V is diagonal"
    if len(lowered.random) == 1 and n > ABSORBED:
        return f"{_name(lowered.random[0])} alone joins the rows, and is absorbed block by block as well"
    groups = []
    for piece in lowered.random:
        if piece.family is not None and isinstance(piece.z, SparseRows):
            group, _ = piece.family.split(piece.z.codes)
            used = group if piece.z.values is None else torch.where(piece.z.values != 0.0, group, 0)
            groups.append((used.amax(dim=1).numpy(), piece.family.groups))
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


def _name(piece: Piece) -> str:
    return piece.path or "V"


class BlocksCandidate:
    """V falls apart into blocks of rows."""

    name = "blocks"

    def applies(self, lowered: Lowered, p: int) -> Applicable | str:
        """Whether all terms of V fall apart by one partition of the rows."""
        dearer = None if lowered.blocks or lowered.others else _at_a_glance(lowered)
        partition = partition_of(lowered) if dearer is None else dearer
        if isinstance(partition, str):
            return partition
        if partition.cells > CELLS:
            return f"the blocks have up to {partition.largest} rows, {partition.cells:.2g} entries in all"
        return Applicable(_words(lowered, partition), *_cost(lowered, partition, p))

    def build(self, problem: Problem, variance: Variance, lowered: Lowered) -> Engine:
        """The engine of blocks."""
        partition = partition_of(lowered)
        assert isinstance(partition, Partition)
        return BlocksEngine(problem, partition)


def _words(lowered: Lowered, partition: Partition) -> str:
    sizes = partition.sizes
    same = int(sizes.min()) == partition.largest
    rows = f"{'' if same else 'up to '}{partition.largest} row{'s' if partition.largest > 1 else ''}"
    return f"{len(sizes)} independent blocks of {rows}: {describe(lowered.pieces)}"


def layout_of(partition: Partition, device: torch.device) -> BlockLayout:
    """The blocks in batches on this device, sorted once for a V."""
    known = _LAID.get(partition)
    if known is None or known.device != device:
        known = _LAID[partition] = BlockLayout(partition, device)
    return known


_LAID: WeakKeyDictionary[Partition, BlockLayout] = WeakKeyDictionary()


def _cost(lowered: Lowered, partition: Partition, p: int) -> tuple[float, float]:
    """Bytes, and seconds of an iteration, about."""
    k = len(lowered.v.free_param_names)
    layout = layout_of(partition, torch.device("cpu"))
    shapes = [(*batch.rows.shape[:1], len(batch.counts), *batch.types.shape) for batch in layout.batches]
    memory = 8.0 * lowered.n * (2 * p + 4)
    # Many small operations for every batch, whatever its size.
    seconds = 4e-4 + 1.2e-4 * len(lowered.pieces) + 1.2e-4 * len(lowered.random) + 3e-4 * (len(shapes) - 1)
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
