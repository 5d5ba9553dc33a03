r"""The expected information of REML about variance parameters: no response, and no more algebra than V needs.

.. math:: I_{kl} = \tfrac12\operatorname{tr}(P\dot V_kP\dot V_l)

Four roads lead there, and the cheapest that V allows is taken:

- "blocks": independent groups of rows are summed over one by one, by the engine of blocks.
- "effects": where V is a sum of Z G Z' beside one residual variance, traces are of q x q matrices, with
  C = Z'PZ for all Z side by side,

  .. math:: \operatorname{tr}(P\dot V_kP\dot V_l) = \operatorname{tr}(\dot G_kC_{kl}\dot G_lC_{lk});

  those with the residual follow from PVP = P, which says that tr(P V_k P V) = tr(P V_k) and
  tr(P V P V) = n - p.
- "written": V, its slices and P are written out: a product of two n x n matrices for each parameter.
- "columns": the average information and differences of the score, or sums over the columns of V.

Source: Searle, Casella & McCulloch (1992), Variance Components, ch. 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.design.planned import Planned
from covstudio.reml.inference.evaluation import Evaluation
from covstudio.reml.inference.information import expected_information
from covstudio.reml.inference.pairs import pairs_of
from covstudio.reml.problem.pairs import TakesPairs
from covstudio.reml.search.coordinates import Coordinate, Kind
from covstudio.reml.terms.kinds import DiagonalPiece, RandomPiece

__all__ = ["InformationMatrix", "information_at"]

Vector = NDArray[np.float64]

#: Effects beside each other are worked with up to so many, and up to this share of the rows.
EFFECTS, SHARE = 3000, 0.75
#: And so many entries of all Z beside each other.
BESIDE = 20_000_000
#: V and its slices are written out up to so many rows, and so many entries of all slices together.
ROWS, ENTRIES = 2500, 150_000_000
#: Information in units of the parameter below which it is looked at whether there is any, and the share of
#: that without fixed effects below which there is none.
DOUBTFUL, ABSORBED = 1e-6, 1e-9


@dataclass(frozen=True, eq=False)
class InformationMatrix:
    """The expected information about some parameters.

    Attributes:
        coordinates: the parameters.
        matrix: I by natural values, (K, K).
        road: how it was found: "blocks", "effects", "written" or "columns".
        silent: why there is none about a parameter, in words, by its position in V.
    """

    coordinates: tuple[Coordinate, ...]
    matrix: Vector
    road: str
    silent: Mapping[int, str] = field(default_factory=dict)

    @property
    def exact(self) -> bool:
        """Whether nothing but rounding separates it from its formula."""
        return self.road != "columns"


def information_at(evaluation: Planned, coordinates: Sequence[Coordinate]) -> InformationMatrix:
    """The expected information, by the cheapest road.

    Args:
        evaluation: V and X at natural values.
        coordinates: the parameters.

    Raises:
        InvalidModel: V is not positive definite there, or there is no road for so many rows.
    """
    positions = [c.position for c in coordinates]
    if not positions:
        return InformationMatrix((), np.zeros((0, 0)), "written")
    matrix, road = _by_road(evaluation, coordinates)
    silent = _silent(evaluation, coordinates, matrix)
    told = np.array([k not in silent for k in positions])
    return InformationMatrix(tuple(coordinates), np.where(np.outer(told, told), matrix, 0.0), road, silent)


def _silent(evaluation: Planned, coordinates: Sequence[Coordinate], matrix: Vector) -> dict[int, str]:
    """Parameters about which there is nothing but rounding error, and why."""
    doubtful = [
        i for i, c in enumerate(coordinates) if matrix[i, i] * _unit(c, evaluation.natural) ** 2 < DOUBTFUL
    ]
    if not doubtful:
        return {}
    asked = [coordinates[i] for i in doubtful]
    without = np.diag(_by_road(evaluation.bare(), asked)[0])
    found = {}
    for i, whole in zip(doubtful, without.tolist(), strict=True):
        if not whole > 0.0:
            found[coordinates[i].position] = "no plot depends on it"
        elif matrix[i, i] < ABSORBED * whole:
            found[coordinates[i].position] = "the fixed effects take up all that depends on it"
    return found


def _unit(c: Coordinate, natural: Vector) -> float:
    """A change of a parameter that is worth telling."""
    value = abs(float(natural[c.position]))
    if c.kind is Kind.INTERVAL:
        return 0.5 * (c.high - c.low)
    return max(value, 1.0) if c.kind is Kind.FREE else value


def _by_road(evaluation: Evaluation, coordinates: Sequence[Coordinate]) -> tuple[Vector, str]:
    """The information, and the road it was found by."""
    positions, n = [c.position for c in coordinates], evaluation.problem.n
    if isinstance(evaluation.point, TakesPairs):
        found, road = 0.5 * pairs_of(evaluation, positions).traces(), "blocks"
    elif (effects := _Effects.of(evaluation, positions)) is not None:
        found, road = 0.5 * effects.traces(), "effects"
    elif n <= ROWS and len(positions) * n * n <= ENTRIES:
        found, road = 0.5 * _written(evaluation, positions), "written"
    else:
        found, road = expected_information(evaluation, coordinates), "columns"
    return np.asarray(0.5 * (found + found.T)), road


def _written(evaluation: Evaluation, positions: Sequence[int]) -> Vector:
    """tr(P dV_k P dV_l), (K, K), from the slices of V."""
    n, count = evaluation.problem.n, len(positions)
    p = evaluation.project(torch.eye(n, dtype=torch.float64))
    products = torch.empty((count, n, n), dtype=torch.float64)
    with evaluation.threads(), torch.no_grad():
        for places, block in evaluation.variance.written().slices(evaluation.natural, positions):
            for place, one in zip(places, block, strict=True):
                torch.mm(p, one, out=products[place])
        flat = products.reshape(count, n * n)
        traces = np.empty((count, count))
        for k in range(count):
            traces[k] = torch.mv(flat, products[k].mT.reshape(-1)).numpy()
    return traces


class _Effects:
    """Traces of q x q matrices for a sum of Z G Z' beside one residual variance.

    Args:
        evaluation: V and X at natural values.
        pieces: the terms Z G Z'.
        residual: the position of the residual variance.
        positions: of the parameters that traces are wanted of.
    """

    def __init__(
        self, evaluation: Evaluation, pieces: Sequence[RandomPiece], residual: int, positions: Sequence[int]
    ) -> None:
        self._natural, self._pieces = evaluation.natural, pieces
        self._residual, self._positions = residual, positions
        self._degrees = evaluation.problem.n - evaluation.problem.p
        ends = np.cumsum([0, *(piece.columns for piece in pieces)]).tolist()
        self._spans = [slice(*pair) for pair in pairwise(ends)]
        if pieces:
            z = torch.cat([piece.z.dense() for piece in pieces], dim=1)
            self._c = z.mT @ evaluation.project(z)
        else:
            self._c = torch.zeros((0, 0), dtype=torch.float64)

    @classmethod
    def of(cls, evaluation: Evaluation, positions: Sequence[int]) -> _Effects | None:
        """For a V that is such a sum with few effects; None for any other."""
        variance, n = evaluation.variance, evaluation.problem.n
        diagonals = [piece for piece in variance.pieces if isinstance(piece, DiagonalPiece)]
        random = [piece for piece in variance.pieces if isinstance(piece, RandomPiece)]
        if len(diagonals) != 1 or len(random) + 1 != len(variance.pieces):
            return None
        (residual,) = diagonals
        if residual.rows is not None or len(residual.positions) != 1:
            return None
        (position,) = residual.positions
        if position not in variance.linear or not evaluation.natural[position] > 0.0:
            return None
        columns = sum(piece.columns for piece in random)
        if columns > min(EFFECTS, SHARE * n) or columns * n > BESIDE:
            return None
        return cls(evaluation, random, position, positions)

    def traces(self) -> Vector:
        """tr(P dV_k P dV_l), (K, K)."""
        # dG_k C beside each other for every parameter of a Z G Z', and G C for all of them at their values.
        owned = [self._owner(k) for k in self._positions if k != self._residual]
        moved = [(which, self._slice(which, own)) for which, own in owned]
        whole = [(which, self._value(which)) for which in range(len(self._pieces))]
        among = np.array([[self._trace(a, b) for b in moved] for a in moved]).reshape(len(owned), len(owned))
        with_all = np.array([sum(self._trace(a, b) for b in whole) for a in moved]).reshape(-1)
        single = np.array([self._single(a) for a in moved]).reshape(-1)
        if self._residual not in self._positions:
            return among
        sigma = float(self._natural[self._residual])
        all_single = sum(self._single(b) for b in whole)
        all_all = sum(self._trace(a, b) for a in whole for b in whole)
        beside = (single - with_all) / sigma
        own = (self._degrees - 2.0 * all_single + all_all) / sigma**2
        at = list(self._positions).index(self._residual)
        rest = [i for i in range(len(self._positions)) if i != at]
        found = np.empty((len(self._positions),) * 2)
        found[np.ix_(rest, rest)] = among
        found[at, rest] = found[rest, at] = beside
        found[at, at] = own
        return found

    def _owner(self, position: int) -> tuple[int, int]:
        """The term that has a parameter, and its place there."""
        return next(
            (which, piece.positions.index(position))
            for which, piece in enumerate(self._pieces)
            if position in piece.positions
        )

    def _slice(self, which: int, own: int) -> Tensor:
        """dG_k C of one term's rows of C, (q, Q)."""
        rows = self._c[self._spans[which]]
        return self._pieces[which].derivative_effects(self._natural, [own], rows)[0]

    def _value(self, which: int) -> Tensor:
        """G C of one term's rows of C, (q, Q)."""
        with torch.no_grad():
            return self._pieces[which].covariance(self._natural) @ self._c[self._spans[which]]

    def _single(self, a: tuple[int, Tensor]) -> float:
        """tr(G C) of one term."""
        which, rows = a
        return float(torch.diagonal(rows[:, self._spans[which]]).sum())

    def _trace(self, a: tuple[int, Tensor], b: tuple[int, Tensor]) -> float:
        """tr(G_a C_ab G_b C_ba)."""
        left, right = a[1][:, self._spans[b[0]]], b[1][:, self._spans[a[0]]]
        return float((left * right.mT).sum())
