"""The setup of the engine of blocks: the blocks, and the data in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from covstudio.reml.engines.blocks.layout import BlockLayout, Partition
from covstudio.reml.engines.blocks.moments import Moments
from covstudio.reml.engines.blocks.terms import BlockTerm, term_of
from covstudio.reml.engines.setup import Setup
from covstudio.reml.problem.errors import SINGULAR
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.variance import Variance, once

__all__ = ["BlocksSetup", "layout_of", "partition_of"]


@once
def partition_of(variance: Variance) -> Partition | str:
    """The blocks of rows of V; or the reason why there are none, to go on from "not blocks: ".

    Example:
        >>> from covstudio.covariance import AR1Matrix, CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
        >>> field = CovariancePropagation(z=DummyMatrix(["a", "b", "b"]), g=AR1Matrix(2))
        >>> partition_of(Variance(Sum(field=field, units=ScalarMatrix(3))))
        'the rows of V do not fall apart: all of them are joined by its terms'
        >>> subject = CovariancePropagation(z=DummyMatrix(["a", "b", "b"]), g=ScalarMatrix(2))
        >>> partition_of(Variance(Sum(subject=subject, units=ScalarMatrix(3)))).sizes.tolist()
        [1, 2]
    """
    natural = variance.defaults
    terms: list[BlockTerm] = []
    for piece in variance.pieces:
        try:
            term = term_of(piece, natural)
        except SINGULAR:
            term = "does not exist at its default values"
        if isinstance(term, str):
            return f"{piece.label} {term}"
        terms.append(term)
    found = Partition(variance.n, terms)
    if variance.n > 1 and found.largest == variance.n:
        return "the rows of V do not fall apart: all of them are joined by its terms"
    return found


def layout_of(partition: Partition, device: torch.device) -> BlockLayout:
    """The blocks in batches on this device, sorted once for a V."""
    known = partition.laid
    if known is None or known.device != device:
        known = partition.laid = BlockLayout(partition, device)
    return known


@dataclass(frozen=True, eq=False)
class BlocksSetup(Setup):
    """y and X in blocks of rows.

    Attributes:
        layout: the blocks.
        data: the basis of X, and what it leaves of y, (n, p + 1).
    """

    layout: BlockLayout
    data: Tensor

    @classmethod
    def of(cls, problem: Problem, variance: Variance) -> BlocksSetup:
        """Lay out a model and its data.

        Args:
            problem: y and X.
            variance: V, which falls apart into blocks of rows.
        """
        partition = partition_of(variance)
        assert isinstance(partition, Partition), partition
        left = problem.y - problem.basis @ problem.projected_y
        data = torch.cat([problem.basis, left.unsqueeze(1)], dim=1)
        return cls(problem, variance, layout_of(partition, problem.device), data)

    @cached_property
    def moments(self) -> list[Moments]:
        """Sums over the blocks of every batch."""
        return [Moments(batch, self.data) for batch in self.layout.batches]
