"""The terms whose sum V is, sums inside sums opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import Matrix, linalg
from covstudio.reml.problem.errors import SINGULAR
from covstudio.reml.terms.as_effects import Effects, effects_of

__all__ = ["Term", "evaluated", "outer_terms"]

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Term:
    """One operand of the outer sum of V.

    Attributes:
        path: its name in V; empty when V is no sum. Sums inside sums give `outer/inner`.
        operand: the matrix, or a constant tensor.
        span: where its parameters stand in V, free and fixed.
        made: what the operand is put together from (see `linalg.composition`); None where it is a whole.
    """

    path: str
    operand: Matrix | Tensor
    span: range
    made: linalg.Composition | None = None

    def parts(self, how: linalg.How) -> tuple[linalg.PlacedOperand, ...] | None:
        """The parts of a term that is put together in this way, or None for any other."""
        return self.made.parts if self.made is not None and self.made.how == how else None

    @cached_property
    def effects(self) -> Effects | None:
        """Z and G of random effects, however they are drawn; None for a term of another kind."""
        return effects_of(self.operand) if self.path else None

    @cached_property
    def positions(self) -> list[int]:
        """Where its parameters stand in V, to index an array of natural values with."""
        return list(self.span)

    @cached_property
    def constant(self) -> bool:
        """Whether it has no parameters at all."""
        return linalg.is_constant(self.operand)

    @cached_property
    def linear(self) -> bool:
        """Whether it is known to be linear in its natural parameters."""
        return self.homogeneous or linalg.is_linear(self.operand)

    @cached_property
    def homogeneous(self) -> bool:
        """Whether it is known to be linear in its natural parameters without a constant part."""
        return isinstance(self.operand, Matrix) and linalg.homogeneous(self.operand)

    def own(self, natural: Vector) -> Tensor:
        """The term's natural values out of those of V."""
        return torch.from_numpy(natural[self.positions])

    def value(self, natural: Vector) -> Tensor:
        """The term written out at natural values of V, in float64 on the CPU; NaN where it does not exist."""
        if isinstance(self.operand, Tensor):
            return self.operand.detach().to(device="cpu", dtype=torch.float64)
        return evaluated(self.operand, self.own(natural))


def outer_terms(v: Matrix | Tensor, path: str = "", start: int = 0) -> Iterator[Term]:
    """The terms whose sum is V; sums inside sums are opened.

    Args:
        v: a matrix.
        path: its name in the whole.
        start: where its parameters begin in those of the whole.

    Example:
        >>> from covstudio.covariance import AR1Matrix, ScalarMatrix, Sum
        >>> [(term.path, term.span) for term in outer_terms(Sum(field=AR1Matrix(3), units=ScalarMatrix(3)))]
        [('field', range(0, 2)), ('units', range(2, 3))]
    """
    made = linalg.composition(v) if isinstance(v, Matrix) else None
    if made is None or made.how != "sum":
        yield Term(path, v, range(start, start + (0 if isinstance(v, Tensor) else v.num_params)), made)
        return
    for part in made.parts:
        yield from outer_terms(part.operand, f"{path}/{part.name}" if path else part.name, start + part.start)


def evaluated(matrix: Matrix, natural: Tensor) -> Tensor:
    """The matrix at natural values; all NaN where it does not exist, such as the inverse of a singular one.

    Args:
        matrix: any structure.
        natural: natural values of all its parameters.

    Returns:
        Tensor of the matrix's shape.
    """
    with torch.no_grad():
        try:
            return matrix.evaluate(natural)
        except SINGULAR:
            return torch.full(matrix.shape, torch.nan, dtype=torch.float64, device=natural.device)
