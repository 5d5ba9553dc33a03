"""An operand's share of what an operator has to write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from covstudio.covariance.core.definiteness import Operand
from covstudio.covariance.core.matrix import Matrix

if TYPE_CHECKING:
    from covstudio.covariance.core.operator import Operator

__all__ = ["Portion"]


@dataclass(frozen=True, eq=False)
class Portion:
    """One operand at its parameters, and the rows of the operator's Jacobian that are its own.

    Args:
        operator: whose operand it is.
        position: its place among the operator's operands.
        name: its name.
        operand: the structure, or the fixed tensor.
        natural: NATURAL values of the operand's parameters.
        index: positions among these of the k parameters asked for.
        slopes: what the derivative in each of them is multiplied by, shape (k,).
        rows: the operand's k rows in the operator's Jacobian.
    """

    operator: Operator
    position: int
    name: str
    operand: Operand
    natural: Tensor
    index: list[int]
    slopes: Tensor
    rows: slice

    def write(self, value: Tensor | None, slices: Tensor, add: bool = False) -> None:
        """Write the operand, or add it to what is there, and write its k slices; errors name the operand.

        See :meth:`Matrix.write` and :meth:`Matrix.write_added`.
        """
        if value is not None or self.index:
            self.operator._write_operand(self, value, slices, add)

    def evaluate(self, slices: Tensor) -> Tensor:
        """The operand's value, not to be written to, while its k slices are written."""
        value, steps = self.fresh(into=slices)
        if self.index and steps is not slices:
            slices.copy_(steps)
        assert value is not None
        return value

    def fresh(self, wanted: bool = True, into: Tensor | None = None) -> tuple[Tensor | None, Tensor]:
        """The operand's value, None where it is not wanted, and its slices (k, r, c).

        Neither may be written to: nothing is copied that the operand gives, or is. Slices that have to be
        written somewhere are written ``into`` a tensor where one is given.
        """
        if not isinstance(self.operand, Matrix):
            constant = self.operand.to(dtype=self.natural.dtype, device=self.natural.device)
            return constant if wanted else None, self.natural.new_empty((0, *constant.shape))
        if not self.operand._writes_now():
            return self.operator._operand_results(self, wanted)
        shape = self.operand.shape
        value = self.natural.new_empty(shape) if wanted else None
        slices = self.natural.new_empty((len(self.index), *shape)) if into is None else into
        self.write(value, slices)
        return value, slices
