"""Incremental evaluation: after a change of one parameter, only what depends on it is computed again.

Nothing is ever compared by a hash: a remembered value is used when the natural parameters are bit for bit
those it was computed from, and a remembered slice when the very tensors it was made of are still the
current ones. The latter needs no version numbers, and it knows by itself that the slices of a sum do not
depend on the other terms: `Operator.propagate_needs` names the operand values a slice was made of, and
for a sum there are none.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal, TypeGuard
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.core.operands import locate
from covstudio.covariance.core.operator import Operator
from covstudio.covariance.parameters.layout import shares
from covstudio.covariance.parameters.parameterised import UnknownParameter

__all__ = ["Evaluation"]


@dataclass(eq=False)
class _State:
    """A matrix at one vector of natural values.

    `below` and `values` belong to the operands of an operator.
    """

    natural: Tensor
    value: Tensor
    values: list[Tensor] = field(default_factory=list)
    below: list[_State | None] = field(default_factory=list)
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

    states: OrderedDict[bytes, _State] = field(default_factory=OrderedDict)
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
            return self._state(matrix, _checked(matrix, natural)).value

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
        layout = matrix._layout()
        if name not in layout.position:
            raise UnknownParameter(type(matrix).__name__, name, layout.names)
        k = layout.position[name]
        with torch.no_grad():
            state = self._state(matrix, _checked(matrix, natural))
            plain = self._slice(matrix, state, k)
            if scale == "natural":
                return plain
            transform = layout.parameters[k].transform
            slope = float(transform.grad(transform.inverse(state.natural[k])))
            node = self._nodes[matrix]
            kept = node.raw.get(k)
            if kept is None or kept[0] is not plain or kept[1] != slope:
                raw = plain * slope if slope != 0.0 else torch.zeros_like(plain)
                kept = node.raw[k] = (plain, slope, raw)
            return kept[2]

    def forget(self) -> None:
        """Drop everything that is remembered."""
        self._nodes.clear()

    def _state(self, matrix: Matrix, natural: Tensor) -> _State:
        node = self._nodes.get(matrix)
        if node is None:
            node = self._nodes[matrix] = _Node()
        # The bytes themselves are the key; equal keys are equal numbers, signs of zero and NaN included.
        key = natural.cpu().numpy().tobytes()
        state = node.states.get(key)
        if state is None:
            if _composite(matrix):
                state = self._combined(matrix, node, natural)
            else:
                state = _State(natural.clone(), matrix.evaluate(natural))
            node.states[key] = state
        node.states.move_to_end(key)
        while len(node.states) > node.capacity:
            node.states.popitem(last=False)
        return state

    def _combined(self, operator: Operator, node: _Node, natural: Tensor) -> _State:
        values: list[Tensor] = []
        below: list[_State | None] = []
        for position, ((name, operand), span) in enumerate(
            zip(operator._operands.items(), operator._spans(), strict=True)
        ):
            if isinstance(operand, Matrix):
                self._nodes.setdefault(operand, _Node()).uses.setdefault(operator, set()).add(position)
                try:
                    state = self._state(operand, natural[span.start : span.stop])
                except (ValueError, TypeError, RuntimeError) as error:
                    locate(error, name)
                    raise
                below.append(state)
                values.append(state.value)
            else:
                if position not in node.constants:
                    node.constants[position] = operand.to(dtype=natural.dtype, device=natural.device)
                below.append(None)
                values.append(node.constants[position])
        return _State(natural.clone(), operator.combine(values), values, below)

    def _slice(self, matrix: Matrix, state: _State, k: int) -> Tensor:
        if not _composite(matrix):
            found = state.slices.get(k)
            if found is None:
                found = state.slices[k] = matrix.natural_jacobian(state.natural, [k])[0]
            return found
        position, operand, place = _owner(matrix, k)
        below = state.below[position]
        assert below is not None
        inner = self._slice(operand, below, place)
        needed = tuple(state.values[other] for other in matrix.propagate_needs(position))
        node = self._nodes[matrix]
        entries = node.slices.setdefault(k, [])
        for entry in entries:
            if entry.made_of(inner, needed):
                return entry.result
        result = matrix.propagate(state.values, position, inner[None])[0]
        entries.append(_Slice(inner, needed, result))
        del entries[: -node.capacity]
        return result


def _composite(matrix: Matrix) -> TypeGuard[Operator]:
    """Whether the matrix is evaluated through its operands, and not by code of its own."""
    return (
        isinstance(matrix, Operator) and not matrix._calls_raw and type(matrix).evaluate is Operator.evaluate
    )


def _owner(operator: Operator, k: int) -> tuple[int, Matrix, int]:
    """The operand that has the k-th parameter: its position, itself, and the parameter's place in it."""
    share = next(shares(operator._spans(), [k]))
    operand = list(operator._operands.values())[share.position]
    assert isinstance(operand, Matrix), "a tensor has no parameters"
    return share.position, operand, share.index[0]


def _checked(matrix: Matrix, natural: Tensor) -> Tensor:
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
