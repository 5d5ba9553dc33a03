"""Incremental evaluation: after a change of one parameter, only what depends on it is computed again.

Nothing is ever compared by a hash: a remembered value is used when the natural parameters are bit for bit
those it was computed from, and a remembered slice when the very tensors it was made of are still the
current ones. The latter needs no version numbers, and it knows by itself that the slices of a sum do not
depend on the other terms: `Operator.propagate_needs` names the operand values a slice was made of, and
for a sum there are none.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeGuard, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.core.operands import locate
from covstudio.covariance.core.operator import Operator
from covstudio.covariance.parameters.layout import shares
from covstudio.covariance.parameters.unknown import UnknownParameter

__all__ = ["Evaluation"]

T = TypeVar("T")


@dataclass(eq=False)
class State:
    """A matrix at one vector of natural values; what is not there yet is made when it is asked for.

    `below` and `values` belong to the operands of an operator.
    """

    natural: Tensor
    below: list[State | None] = field(default_factory=list)
    value: Tensor | None = None
    values: list[Tensor] | None = None
    slices: dict[int, Tensor] = field(default_factory=dict)


@dataclass(eq=False)
class _Slice:
    """A slice of an operator, with the tensors it was made of."""

    inner: Tensor
    needed: tuple[Tensor, ...]
    result: Tensor

    def made_of(self, inner: Tensor, needed: tuple[Tensor, ...]) -> bool:
        return self.inner is inner and all(now is then for now, then in zip(needed, self.needed, strict=True))


@dataclass(eq=False)
class _Node:
    """What is remembered about one matrix object."""

    states: OrderedDict[bytes, State] = field(default_factory=OrderedDict)
    slices: dict[int, list[_Slice]] = field(default_factory=dict)
    raw: dict[int, tuple[Tensor, float, Tensor]] = field(default_factory=dict)
    constants: dict[int, Tensor] = field(default_factory=dict)
    uses: WeakKeyDictionary[Matrix, set[int]] = field(default_factory=WeakKeyDictionary)

    @property
    def capacity(self) -> int:
        """States to keep: an object used in several places can be at several parameter values."""
        return max(1, sum(map(len, self.uses.values())))


class Evaluation:
    """Values and derivative slices of matrices, remembered from call to call.

    One object serves any number of matrices, trees and parts of trees; an object that occurs in several of
    them is computed once. Matrices are held weakly: what is remembered about one goes with it. Not to be
    shared between threads, and the tensors it returns are shared with it: they must not be written to.

    Example:
        >>> import torch
        >>> from covstudio.covariance import AR1Matrix, Evaluation, ScalarMatrix, Sum
        >>> v = Sum(time=AR1Matrix(2), noise=ScalarMatrix(2))
        >>> evaluation = Evaluation()
        >>> natural = torch.tensor([2.0, 0.5, 1.0], dtype=torch.float64)
        >>> evaluation.value(v, natural)
        tensor([[3., 1.],
                [1., 3.]], dtype=torch.float64)
        >>> evaluation.slice(v, natural, "time/rho", scale="natural")
        tensor([[0., 2.],
                [2., 0.]], dtype=torch.float64)
    """

    def __init__(self) -> None:
        self._nodes: WeakKeyDictionary[Matrix, _Node] = WeakKeyDictionary()

    def value(self, matrix: Matrix, natural: Tensor) -> Tensor:
        """V at the given natural values.

        Args:
            matrix: a structure or an operator.
            natural: NATURAL values of ALL its parameters, free and fixed, in the order of `param_names`,
                shape (num_params,).

        Returns:
            V in float64, of shape `matrix.shape`; shared, not to be written to.

        Raises:
            TypeError: `natural` is not a tensor.
            ValueError: `natural` has another shape.
        """
        with torch.no_grad():
            return self._value(matrix, self._state(matrix, checked(matrix, natural)))

    def slice(
        self, matrix: Matrix, natural: Tensor, name: str, scale: Literal["raw", "natural"] = "raw"
    ) -> Tensor:
        """The derivative of V with respect to one parameter, free or fixed.

        Args:
            matrix: a structure or an operator.
            natural: NATURAL values of ALL its parameters, as for `value`.
            name: name of the parameter, such as `"field/row/rho"`.
            scale: "raw" for the derivative in theta, "natural" for that in the natural value.

        Returns:
            dV in float64, of shape `matrix.shape`; shared, not to be written to.

        Raises:
            UnknownParameter: there is no such parameter; a KeyError.
            TypeError: `natural` is not a tensor.
            ValueError: `natural` has another shape, or the scale is neither.
        """
        if scale not in ("raw", "natural"):
            raise ValueError(f"expected scale='raw' or 'natural', got {scale!r}.")
        k = position_of(matrix, name)
        with torch.no_grad():
            state = self._state(matrix, checked(matrix, natural))
            plain = self._slice(matrix, state, k)
            if scale == "natural":
                return plain
            slope = slope_of(matrix, state.natural, k)
            node = self._nodes[matrix]
            kept = node.raw.get(k)
            if kept is None or kept[0] is not plain or kept[1] != slope:
                raw = plain * slope if slope != 0.0 else torch.zeros_like(plain)
                kept = node.raw[k] = (plain, slope, raw)
            return kept[2]

    def slope(self, matrix: Matrix, natural: Tensor, name: str) -> float:
        """The derivative of a natural value in theta.

        A slice in the natural value times this is the slice in theta. Who needs few entries of a slice saves
        the multiplication of all.

        Args:
            matrix: a structure or an operator.
            natural: NATURAL values of ALL its parameters, as for `value`.
            name: name of the parameter, free or fixed.

        Returns:
            The slope; where it is 0 the slice in theta is 0 everywhere.

        Raises:
            UnknownParameter: there is no such parameter; a KeyError.
            TypeError: `natural` is not a tensor.
            ValueError: `natural` has another shape.

        Example:
            >>> import torch
            >>> from covstudio.covariance import Evaluation, ScalarMatrix
            >>> Evaluation().slope(ScalarMatrix(2), torch.tensor([1.0], dtype=torch.float64), "sigma^2")
            2.0
        """
        with torch.no_grad():
            return slope_of(matrix, checked(matrix, natural), position_of(matrix, name))

    def forget(self) -> None:
        """Drop everything that is remembered."""
        self._nodes.clear()

    def _state(self, matrix: Matrix, natural: Tensor) -> State:
        node = self._nodes.get(matrix)
        if node is None:
            node = self._nodes[matrix] = _Node()
        # The bytes themselves are the key; equal keys are equal numbers, signs of zero and NaN included.
        key = natural.cpu().numpy().tobytes()
        state = node.states.get(key)
        if state is None:
            below = self._below(matrix, node, natural) if composite(matrix) else []
            state = node.states[key] = State(natural.clone(), below)
        node.states.move_to_end(key)
        while len(node.states) > node.capacity:
            node.states.popitem(last=False)
        return state

    def _below(self, operator: Operator, node: _Node, natural: Tensor) -> list[State | None]:
        """The states of the operands; None of tensors."""
        below: list[State | None] = []
        for position, (operand, span) in enumerate(
            zip(operator._operands.values(), operator._spans(), strict=True)
        ):
            if isinstance(operand, Matrix):
                self._nodes.setdefault(operand, _Node()).uses.setdefault(operator, set()).add(position)
                below.append(self._state(operand, natural[span.start : span.stop]))
            else:
                if position not in node.constants:
                    node.constants[position] = operand.to(dtype=natural.dtype, device=natural.device)
                below.append(None)
        return below

    def _value(self, matrix: Matrix, state: State) -> Tensor:
        if state.value is None:
            if composite(matrix):
                state.value = matrix.combine(self._values(matrix, state))
            else:
                state.value = matrix.evaluate(state.natural)
        return state.value

    def _values(self, operator: Operator, state: State) -> list[Tensor]:
        """The operands' values."""
        if state.values is None:
            state.values = self._of_operands(operator, state, self._value, lambda constant: constant)
        return state.values

    def _of_operands(
        self,
        operator: Operator,
        state: State,
        ask: Callable[[Matrix, State], T],
        of_tensor: Callable[[Tensor], T],
    ) -> list[T]:
        """What is asked of each operand; an error says of which it came."""
        found: list[T] = []
        for position, ((name, operand), below) in enumerate(
            zip(operator._operands.items(), state.below, strict=True)
        ):
            if below is None or not isinstance(operand, Matrix):
                found.append(of_tensor(self._nodes[operator].constants[position]))
                continue
            try:
                found.append(ask(operand, below))
            except (ValueError, TypeError, RuntimeError) as error:
                locate(error, name)
                raise
        return found

    def _slice(self, matrix: Matrix, state: State, k: int) -> Tensor:
        if not composite(matrix):
            found = state.slices.get(k)
            if found is None:
                found = state.slices[k] = matrix.natural_jacobian(state.natural, [k])[0]
            return found
        position, operand, place = owner_of(matrix, k)
        below = state.below[position]
        assert below is not None
        inner = self._slice(operand, below, place)
        values = self._values(matrix, state)
        needed = tuple(values[other] for other in matrix.propagate_needs(position))
        node = self._nodes[matrix]
        entries = node.slices.setdefault(k, [])
        for entry in entries:
            if entry.made_of(inner, needed):
                return entry.result
        result = matrix.propagate(values, position, inner[None])[0]
        entries.append(_Slice(inner, needed, result))
        del entries[: -node.capacity]
        return result


def position_of(matrix: Matrix, name: str) -> int:
    layout = matrix._layout()
    if name not in layout.position:
        raise UnknownParameter(type(matrix).__name__, name, layout.names)
    return layout.position[name]


def slope_of(matrix: Matrix, natural: Tensor, k: int) -> float:
    transform = matrix._layout().parameters[k].transform
    return float(transform.grad(transform.inverse(natural[k])))


def composite(matrix: Matrix) -> TypeGuard[Operator]:
    """Whether the matrix is evaluated through its operands, and not by code of its own."""
    return (
        isinstance(matrix, Operator) and not matrix._calls_raw and type(matrix).evaluate is Operator.evaluate
    )


def owner_of(operator: Operator, k: int) -> tuple[int, Matrix, int]:
    """The operand that has the k-th parameter: its position, itself, and the parameter's place in it."""
    share = next(shares(operator._spans(), [k]))
    operand = list(operator._operands.values())[share.position]
    assert isinstance(operand, Matrix), "a tensor has no parameters"
    return share.position, operand, share.index[0]


def checked(matrix: Matrix, natural: Tensor) -> Tensor:
    if not isinstance(natural, Tensor):
        raise TypeError(
            f"{type(matrix).__name__}: expected the natural values as a 1-D torch.Tensor, got "
            f"{type(natural).__name__}; use torch.tensor([...], dtype=torch.float64)."
        )
    if natural.ndim != 1 or len(natural) != matrix.num_params:
        raise ValueError(
            f"{type(matrix).__name__}: expected the natural values of all {matrix.num_params} parameters "
            f"(free and fixed) as a 1-D tensor, got shape {tuple(natural.shape)}; build_params makes them."
        )
    return natural.detach().to(torch.float64)
