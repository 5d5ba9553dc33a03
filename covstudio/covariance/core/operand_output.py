"""The output of an operand for its operator: value and slices, written to where they are to stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from covstudio.covariance.core.definiteness import Operand, ShapeError
from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.core.operands import locate
from covstudio.covariance.core.recall import Recall
from covstudio.covariance.parameters.differentiation import chain

__all__ = ["OperandOutput", "operand_slices", "operand_value"]


def operand_value(
    owner: str, name: str, operand: Matrix, function: Callable[[Tensor], Tensor], point: Tensor
) -> Tensor:
    """An operand's value, held to the shape it declares; errors name the operand.

    Args:
        owner: the operator, as errors call it.
        name: the operand's name.
        operand: the structure.
        function: its value as a function of `point`: of raw or of natural parameters.
        point: the operand's own parameters.

    Returns:
        The value, in the dtype and on the device of `point`.

    Raises:
        ShapeError: the value has another shape than the operand declares.
    """
    try:
        value = function(point)
    except (ValueError, TypeError, RuntimeError) as error:
        locate(error, name)
        raise
    if tuple(value.shape) != operand.shape:
        raise ShapeError(
            f"{owner}: expected operand {name!r} ({type(operand).__name__}) to give the shape "
            f"{operand.shape} it declares, got {tuple(value.shape)}; correct its shape or its formula."
        )
    return value.to(dtype=point.dtype, device=point.device)


def operand_slices(name: str, operand: Matrix, natural: Tensor, index: list[int]) -> Tensor:
    """An operand's derivatives in its NATURAL parameters at `index`; errors name the operand."""
    try:
        return operand.natural_jacobian(natural, index)
    except (ValueError, TypeError, RuntimeError) as error:
        locate(error, name)
        raise


@dataclass(eq=False, slots=True)
class OperandOutput:
    """One operand at its parameters, and the rows of the operator's Jacobian that are its own.

    Args:
        owner: the operator, as errors call it.
        position: its place among the operator's operands.
        name: its name.
        operand: the structure, or the fixed tensor.
        natural: NATURAL values of the operand's parameters.
        index: positions among these of the k parameters asked for.
        slopes: what the derivative in each of them is multiplied by, shape (k,).
        rows: the operand's k rows in the operator's Jacobian.
        recall: the operator's record, where the operand's value is worth keeping.
    """

    owner: str
    position: int
    name: str
    operand: Operand
    natural: Tensor
    index: list[int]
    slopes: Tensor
    rows: slice
    recall: Recall | None = None

    def write(self, value: Tensor | None, slices: Tensor, add: bool = False) -> None:
        """Write the operand, or add it to what is there, and write its k slices; errors name the operand.

        See `Matrix.write` and `Matrix.write_added`.
        """
        if value is None and not self.index:
            return
        operand = self.operand
        if not isinstance(operand, Tensor) and operand._writes_now():
            self._written(operand, value, slices, add)
        else:
            result, steps = self.fresh(value is not None)
            if value is not None and result is not None:
                value.add_(result) if add else value.copy_(result)
            if self.index:
                slices.copy_(steps)

    def _written(self, operand: Matrix, value: Tensor | None, slices: Tensor, add: bool = False) -> None:
        write = operand.write_added if add and value is not None else operand.write
        try:
            write(self.natural, value, self.index, self.slopes, slices)  # type: ignore[arg-type]
        except (ValueError, TypeError, RuntimeError) as error:
            locate(error, self.name)
            raise

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
        written somewhere are written `into` a tensor where one is given.
        """
        operand, natural = self.operand, self.natural
        if isinstance(operand, Tensor):
            constant = operand.to(dtype=natural.dtype, device=natural.device)
            return constant if wanted else None, natural.new_empty((0, *constant.shape))
        if not operand._writes_now():
            return self._by_formulas(operand, wanted)
        known = self._known() if wanted else None
        value = natural.new_empty(operand.shape) if wanted and known is None else None
        slices = natural.new_empty((len(self.index), *operand.shape)) if into is None else into
        if value is not None or self.index:
            self._written(operand, value, slices)
        return self._kept(value) if known is None else known, slices

    def _known(self) -> Tensor | None:
        return None if self.recall is None else self.recall.kept.get(self.position)

    def _kept(self, value: Tensor | None) -> Tensor | None:
        if self.recall is not None and value is not None:
            self.recall.keep(self.position, value)
        return value

    def _by_formulas(self, operand: Matrix, wanted: bool) -> tuple[Tensor | None, Tensor]:
        natural = self.natural
        value = self._known() if wanted else None
        if wanted and value is None:
            value = operand_value(self.owner, self.name, operand, operand.evaluate, natural)
            self._kept(value)
        if not self.index:
            return value, natural.new_empty((0, *operand.shape))
        inner = operand_slices(self.name, operand, natural, self.index)
        return value, chain(inner.to(dtype=natural.dtype, device=natural.device), self.slopes)
