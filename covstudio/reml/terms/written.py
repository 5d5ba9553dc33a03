r"""V written out: an n x n function of natural parameters, and its derivatives.

.. math:: V(\theta) = V_0 + \sum_{k} \theta_k V_k + \sum_t V_t(\theta_t)

The middle sum gathers the terms that are linear (see `linalg.linear`); their constant slices V_k are computed
once and kept side by side, so that V is one matrix-vector product and the derivatives are at hand. The last
sum holds the other terms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import Matrix
from covstudio.reml.problem.errors import SINGULAR
from covstudio.reml.terms.outer import Term, evaluated

__all__ = ["Written"]

Vector = NDArray[np.float64]

#: Constant slices are kept when together they need no more than this.
SLICE_BYTES = 1 << 30
#: Slices of one term are computed together while they need no more than this; beyond it one at a time.
BATCH_BYTES = 1 << 28


class Written:
    """V(theta) and its slices dV/d theta_k at natural values, (n, n) each, in float64.

    Args:
        terms: what V is the sum of.
        n: rows of V.
        device: where V and its slices are computed.

    Example:
        >>> from covstudio.covariance import AR1Matrix, ScalarMatrix, Sum
        >>> from covstudio.reml.terms.outer import outer_terms
        >>> terms = list(outer_terms(Sum(field=AR1Matrix(2), units=ScalarMatrix(2))))
        >>> Written(terms, 2).value(np.array([2.0, 0.5, 1.0]))
        tensor([[3., 1.],
                [1., 3.]], dtype=torch.float64)
    """

    def __init__(self, terms: Sequence[Term], n: int, device: torch.device | str = "cpu") -> None:
        self.terms = tuple(terms)
        self.n = n
        self.device = torch.device(device)
        self._constants = [term for term in terms if term.constant]
        self._linear: list[Term] = []
        self._general: list[Term] = []
        room = SLICE_BYTES
        for term in terms:
            if term.constant:
                continue
            need = 8 * n * n * len(term.span)
            if term.linear and need <= room:
                room -= need
                self._linear.append(term)
            else:
                self._general.append(term)
        self._stacked: list[int] = [k for term in self._linear for k in term.span]
        self._constant: Tensor | None = None
        self._stack: Tensor | None = None

    def _own(self, term: Term, natural: Vector) -> Tensor:
        return term.own(natural).to(self.device)

    def _add_constant(self, value: Tensor) -> None:
        self._constant = value if self._constant is None else self._constant + value

    def _slices_kept(self) -> Tensor:
        """The constant slices, (number of linear parameters, n, n), computed at the first call."""
        if self._stack is None:
            for term in self._constants:
                self._add_constant(_constant_value(term.operand, self.device))
            blocks = []
            with torch.no_grad():
                for term in self._linear:
                    matrix = _matrix(term)
                    zero = torch.zeros(len(term.span), dtype=torch.float64, device=self.device)
                    blocks.append(matrix.natural_jacobian(zero, range(len(term.span))))
                    offset = matrix.evaluate(zero)
                    if bool(offset.any()):
                        self._add_constant(offset)
            empty = torch.zeros((0, self.n, self.n), dtype=torch.float64, device=self.device)
            self._stack = torch.cat([block.to(torch.float64) for block in blocks]) if blocks else empty
        return self._stack

    def value(self, natural: Vector) -> Tensor:
        """V, (n, n), float64; a tensor of its own that the caller may overwrite."""
        n = self.n
        with torch.no_grad():
            stack = self._slices_kept()
            if self._stacked:
                weights = torch.from_numpy(natural[self._stacked]).to(self.device)
                v = torch.mv(stack.view(len(self._stacked), n * n).mT, weights).view(n, n)
            else:
                v = torch.zeros((n, n), dtype=torch.float64, device=self.device)
            if self._constant is not None:
                v += self._constant
            for term in self._general:
                v += evaluated(_matrix(term), self._own(term, natural))
        return v

    def slices(self, natural: Vector, positions: Sequence[int]) -> Iterator[tuple[list[int], Tensor]]:
        """The derivatives dV/d theta_k with respect to natural values, in groups that fit in memory.

        Args:
            natural: all natural values.
            positions: parameters asked for.

        Yields:
            Places in `positions`, and their slices, (len(places), n, n); not to be written to.
        """
        place = {k: i for i, k in enumerate(positions)}
        with torch.no_grad():
            kept = [(row, place[k]) for row, k in enumerate(self._stacked) if k in place]
            if kept:
                stack = self._slices_kept()
                rows = [row for row, _ in kept]
                yield [i for _, i in kept], stack if len(rows) == len(stack) else stack[rows]
            for term in self._general:
                wanted = [(inner, place[k]) for inner, k in enumerate(term.span) if k in place]
                batch = max(1, BATCH_BYTES // (8 * self.n * self.n))
                for start in range(0, len(wanted), batch):
                    group = wanted[start : start + batch]
                    index = [inner for inner, _ in group]
                    slices = _differentiated(_matrix(term), self._own(term, natural), index)
                    yield [i for _, i in group], slices

    def slice(self, natural: Vector, position: int) -> Tensor:
        """dV/d theta_k for one parameter, (n, n)."""
        for _, block in self.slices(natural, [position]):
            return block[0]
        raise KeyError(f"V has no parameter at position {position}")


def _matrix(term: Term) -> Matrix:
    assert isinstance(term.operand, Matrix), "a term with parameters is a matrix"
    return term.operand


def _differentiated(matrix: Matrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    try:
        return matrix.natural_jacobian(natural, index)
    except SINGULAR:
        return torch.full((len(index), *matrix.shape), torch.nan, dtype=torch.float64, device=natural.device)


def _constant_value(operand: Matrix | Tensor, device: torch.device) -> Tensor:
    if isinstance(operand, Tensor):
        return operand.detach().to(device=device, dtype=torch.float64)
    with torch.no_grad():
        return operand.evaluate(torch.zeros(0, dtype=torch.float64, device=device))
