"""Incremental evaluation for who goes through the rows of large matrices once, such as a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary, ref

import torch
from torch import Tensor

from covstudio.covariance.core.incremental import Evaluation, State, checked, composite, owner_of, position_of
from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.core.operator import Operator
from covstudio.covariance.core.rows import Rows, Whole

__all__ = ["RowEvaluation"]


#: Smaller matrices are written out: to go through them row by row would take longer.
SMALL = 2**16


@dataclass(frozen=True, eq=False)
class Combined(Rows):
    """The value of an operator that works entry by entry, from the values of its operands."""

    operator: Operator
    values: tuple[Rows, ...]

    def __post_init__(self) -> None:
        self.shaped(*self.operator.shape)

    def of(self, start: int, stop: int, left: int = 0) -> Tensor:
        return self.operator.combine([_cut(value, self.shape, start, stop, left) for value in self.values])


@dataclass(frozen=True, eq=False)
class Propagated(Rows):
    """The derivative of such an operator in one operand.

    Args:
        operator: the operator.
        position: the operand that moves.
        direction: which way.
        values: of the operands that the derivative reads, by their positions.
    """

    operator: Operator
    position: int
    direction: Rows
    values: Mapping[int, Rows]

    def __post_init__(self) -> None:
        self.shaped(*self.operator.shape)

    def of(self, start: int, stop: int, left: int = 0) -> Tensor:
        moved = _cut(self.direction, self.shape, start, stop, left)
        values = [moved] * len(self.operator._operands)  # in the places of those that are not read
        for position, value in self.values.items():
            values[position] = _cut(value, self.shape, start, stop, left)
        return self.operator.propagate(values, self.position, moved[None])[0]


def _cut(value: Rows, shape: tuple[int, int], start: int, stop: int, left: int) -> Tensor:
    """Rows of an operand; one number stands for all entries."""
    return value.of(start, stop, left) if value.shape == shape else value.whole()


def _nobody() -> None:
    """Leads to rows that nobody has any more, or has had."""


@dataclass(eq=False)
class _At:
    """What is known of a state. Rows may hold a matrix, which is held weakly here, and so are they."""

    rows: Callable[[], Rows | None] = _nobody
    written: Whole | None = None
    operands: tuple[Rows, ...] | None = None


@dataclass(eq=False)
class _Derivative:
    """The rows of a slice, and what they are made of."""

    made_of: tuple[object, ...]
    rows: Callable[[], Rows | None]


@dataclass(eq=False)
class _Known:
    """What is known of a matrix from one state to the next."""

    derivatives: dict[int, _Derivative] = field(default_factory=dict)
    asked: tuple[Rows, ...] = ()
    operands: tuple[Rows, ...] = ()
    folded: tuple[tuple[Rows, ...], Whole] | None = None


class RowEvaluation(Evaluation):
    """An `Evaluation` that also gives matrices by their rows, and does not write them out where it can.

    Args:
        small: matrices of so many entries are written out all the same.

    Example:
        >>> import torch
        >>> from covstudio.covariance import AR1Matrix
        >>> v, natural = AR1Matrix(2), torch.tensor([2.0, 0.5], dtype=torch.float64)
        >>> RowEvaluation().rows(v, natural, "rho").of(1, 2)
        tensor([[2., 0.]], dtype=torch.float64)
    """

    def __init__(self, small: int = SMALL) -> None:
        super().__init__()
        self._small = small
        self._at: WeakKeyDictionary[State, _At] = WeakKeyDictionary()
        self._known: WeakKeyDictionary[Matrix, _Known] = WeakKeyDictionary()

    def rows(self, matrix: Matrix, natural: Tensor, name: str | None = None) -> Rows:
        """V, or its derivative in one natural value, by its rows.

        Args:
            matrix: a structure or an operator.
            natural: NATURAL values of ALL its parameters, as for `value`.
            name: name of a parameter, free or fixed; V itself when left out.

        Returns:
            The rows, digit by digit as `value` and `slice` have them. They are the very object of last time,
            as long as somebody has that, where the entries are known to be those of last time. They stay
            what they are when others are asked for, and may be read from another thread.

        Raises:
            UnknownParameter: there is no such parameter; a KeyError.
            TypeError: `natural` is not a tensor.
            ValueError: `natural` has another shape.
        """
        with torch.no_grad():
            state = self._state(matrix, checked(matrix, natural))
            if name is None:
                return self._rows(matrix, state)
            return self._slice_rows(matrix, state, position_of(matrix, name))

    def forget(self) -> None:
        """Drop everything that is remembered."""
        super().forget()
        self._known.clear()

    def _rows(self, matrix: Matrix, state: State) -> Rows:
        at = self._at.setdefault(state, _At())
        rows = at.rows()
        if rows is None:
            rows = self._unwritten(matrix, state) or self._written(matrix, state)
            at.rows = ref(rows)
        return rows

    def _written(self, matrix: Matrix, state: State) -> Whole:
        at = self._at.setdefault(state, _At())
        at.written = at.written or Whole(self._value(matrix, state))
        return at.written

    def _unwritten(self, matrix: Matrix, state: State) -> Rows | None:
        if not self._large(matrix):
            return None
        if not composite(matrix):
            return matrix.by_rows(state.natural, None)
        if matrix.entrywise:
            return Combined(matrix, self._folded(matrix, self._operands(matrix, state)))
        operands = list(matrix._operands.values())

        def value_of(position: int) -> Tensor:
            operand, below = operands[position], state.below[position]
            if below is None or not isinstance(operand, Matrix):
                return self._nodes[matrix].constants[position]
            return self._value(operand, below)

        return matrix.combined_by_rows(value_of)

    def _operands(self, operator: Operator, state: State) -> tuple[Rows, ...]:
        """The operands by their rows; what is computed and stays what it was is written out once for all."""
        at = self._at.setdefault(state, _At())
        if at.operands is None:
            known = self._known.setdefault(operator, _Known())
            asked = self._of_operands(operator, state, self._rows, _constant)
            before, known.asked = known.asked or (None,) * len(asked), tuple(asked)
            for position, (now, then) in enumerate(zip(asked, before, strict=True)):
                operand, below = list(operator._operands.values())[position], state.below[position]
                if now is then and isinstance(now, Combined) and isinstance(operand, Matrix) and below:
                    asked[position] = self._written(operand, below)
            at.operands = tuple(asked)
        return at.operands

    def _folded(self, operator: Operator, operands: tuple[Rows, ...]) -> tuple[Rows, ...]:
        """The operands; of a sum the first ones as one, if they stay what they were."""
        known = self._known.setdefault(operator, _Known())
        before, known.operands = known.operands, operands
        still = sum(_same(operands[:count], before[:count]) for count in range(1, len(operands) + 1))
        if not operator.folds or not 2 <= still < len(operands):
            return operands
        first = operands[:still]
        if known.folded is None or not _same(known.folded[0], first):
            known.folded = first, Whole(operator.combine([one.whole() for one in first]))
        return known.folded[1], *operands[still:]

    def _slice_rows(self, matrix: Matrix, state: State, k: int) -> Rows:
        rows = self._unwritten_slice(matrix, state, k) if self._large(matrix) else None
        if rows is None:
            rows = self._kept(matrix, k, (self._slice(matrix, state, k),), Whole)
            assert rows is not None
        return rows

    def _unwritten_slice(self, matrix: Matrix, state: State, k: int) -> Rows | None:
        if not composite(matrix):
            if matrix._mode() != "default" or matrix._derivative != "differentiate":
                return None
            return self._kept(matrix, k, (state,), lambda _: matrix.by_rows(state.natural, k))
        position, operand, place = owner_of(matrix, k)
        below = state.below[position]
        assert below is not None
        if not matrix.entrywise:
            direction = self._slice(operand, below, place)
            return self._kept(
                matrix, k, (direction,), lambda _: matrix.propagated_by_rows(position, direction)
            )
        moved = self._slice_rows(operand, below, place)
        operands = self._operands(matrix, state)
        needed = {other: operands[other] for other in matrix.propagate_needs(position)}
        if not needed and moved.shape == matrix.shape and _passed_on(matrix, position, moved):
            return moved
        return self._kept(
            matrix,
            k,
            (moved, *needed.values()),
            lambda *_: Propagated(matrix, position, moved, needed),
        )

    def _kept(
        self, matrix: Matrix, k: int, made_of: tuple[object, ...], make: Callable[..., Rows | None]
    ) -> Rows | None:
        """The rows of a slice: those of last time, if they are made of the very same."""
        derivatives = self._known.setdefault(matrix, _Known()).derivatives
        kept = derivatives.get(k)
        rows = kept.rows() if kept is not None and _same(kept.made_of, made_of) else None
        if rows is None:
            rows = make(*made_of)
            if rows is not None:
                derivatives[k] = _Derivative(made_of, ref(rows))
        return rows

    def _large(self, matrix: Matrix) -> bool:
        return matrix.shape[0] * matrix.shape[1] > self._small


def _passed_on(operator: Operator, position: int, moved: Rows) -> bool:
    """Whether an operator moves just as one of its operands does, like a sum: it gives the direction back."""
    row = moved.of(0, 1)
    direction = row[None]
    return operator.propagate([row] * len(operator._operands), position, direction) is direction


def _constant(tensor: Tensor) -> Rows:
    """A tensor; one number has one row."""
    return Whole(tensor if tensor.ndim == 2 else tensor.reshape(1, 1))


def _same(now: Sequence[object], then: Sequence[object]) -> bool:
    return len(now) == len(then) and all(one is other for one, other in zip(now, then, strict=True))
