r"""V as the engines see it: a function of natural parameters, in float64, split into its terms.

.. math:: V(\theta) = V_0 + \sum_{k} \theta_k V_k + \sum_t V_t(\theta_t)

The middle sum gathers the terms that are linear (see `linalg.linear`); their constant slices V_k are computed
once and kept side by side, so that V is one matrix-vector product and the derivatives are at hand. The last
sum holds the other terms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import Matrix, SingularMatrixError, Transform, linalg

__all__ = ["Term", "Variance", "evaluated", "outer_terms"]

Vector = NDArray[np.float64]

#: Constant slices are kept when together they need no more than this.
SLICE_BYTES = 1 << 30
#: Slices of one term are computed together while they need no more than this; beyond it one at a time.
BATCH_BYTES = 1 << 28


@dataclass(frozen=True)
class Term:
    """One operand of the outer sum of V.

    Attributes:
        path: its name in V; empty when V is no sum. Sums inside sums give `outer/inner`.
        operand: the matrix, or a constant tensor.
    """

    path: str
    operand: Matrix | Tensor

    def parameter_names(self) -> tuple[str, ...]:
        """Names in V of the term's parameters."""
        if isinstance(self.operand, Tensor):
            return ()
        prefix = f"{self.path}/" if self.path else ""
        return tuple(prefix + name for name in self.operand.param_names)


def outer_terms(v: Matrix, path: str = "") -> list[Term]:
    """The terms whose sum is V; sums inside sums are opened.

    Example:
        >>> from covstudio.covariance import AR1Matrix, ScalarMatrix, Sum
        >>> [term.path for term in outer_terms(Sum(field=AR1Matrix(3), units=ScalarMatrix(3)))]
        ['field', 'units']
    """
    addends = linalg.parts(v, "sum")
    if addends is None:
        return [Term(path, v)]
    terms: list[Term] = []
    for part in addends:
        below = f"{path}/{part.name}" if path else part.name
        operand = part.operand
        terms.extend([Term(below, operand)] if isinstance(operand, Tensor) else outer_terms(operand, below))
    return terms


@dataclass(frozen=True)
class _Part:
    """A term together with where its parameters stand in V."""

    matrix: Matrix
    positions: tuple[int, ...]

    def at(self, natural: Vector, device: torch.device) -> Tensor:
        return torch.from_numpy(natural[list(self.positions)]).to(device)


class Variance:
    """V(theta) and its slices dV/d theta_k at natural values.

    Natural values stand in one float64 array in the order of `names`, free and fixed parameters alike.

    Args:
        v: the model of V.
        device: where V and its slices are computed.

    Attributes:
        names: all parameters.
        transforms: their transforms from the raw scale.
        free: positions of theta's entries.
        estimated: positions of the free parameters that are not held.
        defaults: natural values at the defaults.

    Example:
        >>> from covstudio.covariance import AR1Matrix, ScalarMatrix, Sum
        >>> model = Variance(Sum(field=AR1Matrix(2), units=ScalarMatrix(2)))
        >>> model.value(np.array([2.0, 0.5, 1.0]))
        tensor([[3., 1.],
                [1., 3.]], dtype=torch.float64)
    """

    def __init__(self, v: Matrix, device: torch.device | str = "cpu") -> None:
        self.v = v
        self.device = torch.device(device)
        self.n = v.shape[0]
        self.names: tuple[str, ...] = tuple(v.param_names)
        self.transforms: tuple[Transform, ...] = tuple(parameter.transform for parameter in v.parameters)
        self.free: tuple[int, ...] = tuple(v.free_param_index)
        held = set(v.no_grad_index)
        self.estimated: tuple[int, ...] = tuple(k for place, k in enumerate(self.free) if place not in held)
        self.defaults: Vector = np.array([parameter.value for parameter in v.parameters], dtype=np.float64)
        #: Free parameters by their transforms: places in theta, and positions.
        self._alike: list[tuple[Transform, list[int], list[int]]] = []
        alike: dict[Transform, tuple[list[int], list[int]]] = {}
        for place, k in enumerate(self.free):
            places, own = alike.setdefault(self.transforms[k], ([], []))
            places.append(place)
            own.append(k)
        self._alike = [(transform, *both) for transform, both in alike.items()]
        self.terms: tuple[Term, ...] = tuple(outer_terms(v))
        position = {name: k for k, name in enumerate(self.names)}
        self._term_positions = [
            (term, [position[name] for name in term.parameter_names()]) for term in self.terms
        ]
        self._constant: Tensor | None = None
        self._constants: list[Matrix | Tensor] = []
        self._linear: list[_Part] = []
        self._general: list[_Part] = []
        room = SLICE_BYTES
        for term, positions in self._term_positions:
            operand = term.operand
            if isinstance(operand, Tensor) or linalg.is_constant(operand):
                self._constants.append(operand)
                continue
            part = _Part(operand, tuple(positions))
            need = 8 * self.n * self.n * len(part.positions)
            if linalg.is_linear(operand) and need <= room:
                room -= need
                self._linear.append(part)
            else:
                self._general.append(part)
        #: Positions of the parameters known to be linear, whether or not their slices are kept.
        self.linear: frozenset[int] = frozenset(
            k
            for part in (*self._linear, *self._general)
            if linalg.is_linear(part.matrix)
            for k in part.positions
        )
        self._stacked: list[int] = [k for part in self._linear for k in part.positions]
        self._stack: Tensor | None = None

    def _add_constant(self, value: Tensor) -> None:
        self._constant = value if self._constant is None else self._constant + value

    def _slices_kept(self) -> Tensor:
        """The constant slices, (number of linear parameters, n, n), computed at the first call."""
        if self._stack is None:
            for operand in self._constants:
                self._add_constant(_constant_value(operand, self.device))
            blocks = []
            with torch.no_grad():
                for part in self._linear:
                    zero = torch.zeros(len(part.positions), dtype=torch.float64, device=self.device)
                    blocks.append(part.matrix.natural_jacobian(zero, range(len(part.positions))))
                    offset = part.matrix.evaluate(zero)
                    if bool(offset.any()):
                        self._add_constant(offset)
            empty = torch.zeros((0, self.n, self.n), dtype=torch.float64, device=self.device)
            self._stack = torch.cat([block.to(torch.float64) for block in blocks]) if blocks else empty
        return self._stack

    # -- scales ---------------------------------------------------------------------------------------------

    def natural(self, theta: Vector) -> Vector:
        """All natural values from raw theta; fixed parameters at their constants."""
        values = self.defaults.copy()
        for k, raw in zip(self.free, theta.tolist(), strict=True):
            values[k] = float(self.transforms[k](torch.tensor([raw], dtype=torch.float64)))
        return values

    def theta(self, natural: Vector) -> Vector:
        """Raw theta from all natural values, or a row of each from a row of each.

        It is infinite at the ends of a transform's codomain.
        """
        theta = np.empty((*natural.shape[:-1], len(self.free)))
        for transform, places, positions in self._alike:
            theta[..., places] = transform.inverse(torch.from_numpy(natural[..., positions])).numpy()
        return theta

    def slopes(self, theta: Vector) -> Vector:
        """d natural / d raw for every entry of theta."""
        return np.array(
            [
                float(self.transforms[k].grad(torch.tensor([raw], dtype=torch.float64)))
                for k, raw in zip(self.free, theta.tolist(), strict=True)
            ]
        )

    def bounds(self, position: int) -> tuple[float, float]:
        """The ends of a parameter's natural range."""
        return self.transforms[position].bounds

    # -- V and its slices -----------------------------------------------------------------------------------

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
            for part in self._general:
                v += evaluated(part.matrix, part.at(natural, self.device))
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
            for part in self._general:
                wanted = [(inner, place[k]) for inner, k in enumerate(part.positions) if k in place]
                batch = max(1, BATCH_BYTES // (8 * self.n * self.n))
                for start in range(0, len(wanted), batch):
                    group = wanted[start : start + batch]
                    index = [inner for inner, _ in group]
                    yield (
                        [i for _, i in group],
                        _differentiated(part.matrix, part.at(natural, self.device), index),
                    )

    def slice(self, natural: Vector, position: int) -> Tensor:
        """dV/d theta_k for one parameter, (n, n)."""
        for _, block in self.slices(natural, [position]):
            return block[0]
        raise KeyError(self.names[position])

    def term_positions(self) -> list[tuple[Term, list[int]]]:
        """Every term with the positions of its parameters."""
        return list(self._term_positions)

    def describe(self, natural: Vector, positions: Sequence[int] | None = None) -> str:
        """`name = value` for these parameters (default: the free ones), for messages."""
        shown = list(self.free if positions is None else positions)
        text = ", ".join(f"{self.names[k]} = {natural[k]:.6g}" for k in shown[:8])
        return text + (f", ... ({len(shown)} in all)" if len(shown) > 8 else "")


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
        except (SingularMatrixError, torch.linalg.LinAlgError):  # type: ignore[attr-defined]
            return torch.full(matrix.shape, torch.nan, dtype=torch.float64, device=natural.device)


def _differentiated(matrix: Matrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    try:
        return matrix.natural_jacobian(natural, index)
    except (SingularMatrixError, torch.linalg.LinAlgError):  # type: ignore[attr-defined]
        return torch.full((len(index), *matrix.shape), torch.nan, dtype=torch.float64, device=natural.device)


def _constant_value(operand: Matrix | Tensor, device: torch.device) -> Tensor:
    if isinstance(operand, Tensor):
        return operand.detach().to(device=device, dtype=torch.float64)
    with torch.no_grad():
        return operand.evaluate(torch.zeros(0, dtype=torch.float64, device=device))
