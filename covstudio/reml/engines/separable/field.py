r"""A separable field with its nugget: which rows it covers, and where they stand on its grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import Matrix, linalg
from covstudio.reml.engines.separable.axis import Factor
from covstudio.reml.engines.separable.missing import Missing
from covstudio.reml.terms.crossing import Crossing, Part, balanced, crossing_of
from covstudio.reml.terms.design_rows import SparseRows
from covstudio.reml.terms.kinds import DiagonalPiece, Piece, RandomPiece
from covstudio.reml.terms.partition import occurrences

__all__ = ["Field", "Nugget", "covered_rows", "field_of", "nugget_of"]

Vector = NDArray[np.float64]

#: A direction of more levels than this is not written out.
LEVELS = 4000


class Nugget:
    """A variance that all rows it covers have in common.

    Args:
        piece: the term.
        entry: an entry of its diagonal that stands for all.
    """

    def __init__(self, piece: DiagonalPiece, entry: int) -> None:
        self.piece = piece
        self._entry = entry

    def value(self, natural: Vector) -> float:
        """The variance."""
        values = self.piece.family.value(self.piece.own(natural))
        return float(values[self._entry if len(values) > 1 else 0, 0, 0])

    def derivative(self, natural: Vector, index: Sequence[int]) -> Tensor:
        """Its derivatives, (k,); `index` counts the term's own parameters."""
        values = self.piece.family.derivative(self.piece.own(natural), index)
        return values[:, self._entry if values.shape[1] > 1 else 0, 0, 0]


def nugget_of(piece: DiagonalPiece, rows: Tensor | None) -> Nugget | None:
    """A diagonal term as the nugget of a field; None where variances in the field may differ.

    Args:
        piece: the term; it covers all rows, or those of the field.
        rows: the rows of the field; None for all.
    """
    # Different variances would have to agree at values that have nothing to do with each other.
    some = 0.3 + 0.4 * torch.frac(
        0.754877666 * torch.arange(1.0, len(piece.positions) + 1, dtype=torch.float64)
    )
    entries = piece.family.value(some)[:, 0, 0]
    if len(entries) == 1:
        return Nugget(piece, 0)
    group = piece.group if rows is None or piece.rows is not None else piece.group[rows]
    used = entries[group]
    return Nugget(piece, int(group[0])) if bool((used == used[0]).all()) else None


class Field:
    """A separable term on its grid.

    Args:
        piece: the term.
        crossing: its factors, and the cells of its rows.
        rows: the rows it covers; None for all, in order.
        nuggets: the variances that its rows have beside it.

    Attributes:
        outer: the covariance in the direction that changes slowly.
        inner: the covariance in the other direction.
        scales: numbers in front, with the positions of their parameters in V.
        cells: the cell of every row that it covers.
        gaps: number of cells without a row.
        repeats: layers of the grid: the most rows that share a cell.
    """

    def __init__(
        self, piece: Piece, crossing: Crossing, rows: Tensor | None, nuggets: Sequence[Nugget]
    ) -> None:
        self.piece = piece
        self.rows = rows
        self.nuggets = tuple(nuggets)
        self.repeats = int(torch.bincount(crossing.codes).max())
        factors = list(crossing.factors)
        self.cells = crossing.codes
        if self.repeats > 1:
            # Rows of one cell stand in layers of the grid with a correlation of 1 between layers.
            factors.append(Part(torch.ones((self.repeats, self.repeats), dtype=torch.float64), 0))
            self.cells = crossing.codes * self.repeats + occurrences(crossing.codes)
        cut = balanced([factor.size for factor in factors])
        self.outer = Factor(factors[:cut], piece.positions)
        self.inner = Factor(factors[cut:], piece.positions)
        self.scales: list[tuple[Matrix, list[int]]] = [
            (part.operand, [piece.positions[part.start + k] for k in range(part.count)])
            for part in crossing.scales
            if isinstance(part.operand, Matrix)
        ]
        empty = torch.ones(self.shape[0] * self.shape[1], dtype=torch.bool)
        empty[self.cells] = False
        codes = torch.nonzero(empty).reshape(-1)
        self.gaps = len(codes)
        self.sizes = crossing.sizes
        self._codes = codes
        self._placed: dict[torch.device, tuple[Tensor, Missing | None]] = {}

    @property
    def shape(self) -> tuple[int, int]:
        """Levels of the outer and the inner direction."""
        return self.outer.size, self.inner.size

    def placed(self, device: torch.device) -> tuple[Tensor, Missing | None]:
        """The cell of every row, and the missing cells, None where there are none, on a device."""
        if device not in self._placed:
            missing = Missing(self._codes.to(device), self.shape) if self.gaps else None
            self._placed[device] = self.cells.to(device), missing
        return self._placed[device]

    @property
    def words(self) -> str:
        """What it is, for explanations."""
        grid = " x ".join(map(str, self.sizes))
        parts = [f"{self.piece.path or 'V'} (separable, {grid})"]
        if self.repeats > 1:
            parts.append(f"up to {self.repeats} rows in a cell")
        if self.gaps:
            parts.append(f"{self.gaps} missing cell{'' if self.gaps == 1 else 's'} completed")
        return " with ".join([parts[0], " and ".join(parts[1:])]) if parts[1:] else parts[0]

    def scale(self, natural: Vector) -> float:
        """The product of the numbers in front."""
        return float(np.prod([_number(matrix, natural, at) for matrix, at in self.scales]))

    def scale_derivative(self, natural: Vector, position: int) -> float:
        """Its derivative with respect to a parameter of one of them."""
        total = 1.0
        for matrix, at in self.scales:
            if position in at:
                own = torch.from_numpy(natural[at])
                total *= float(matrix.natural_jacobian(own, [at.index(position)]).reshape(()))
            else:
                total *= _number(matrix, natural, at)
        return total

    def effect_cells(self) -> Tensor | None:
        """The cell of every effect of a term Z G Z'; None for a term without effects."""
        if not isinstance(self.piece, RandomPiece):
            return None
        return crossing_of(self.piece.g).codes * self.repeats


def _number(matrix: Matrix, natural: Vector, at: list[int]) -> float:
    return float(matrix.evaluate(torch.from_numpy(natural[at])).reshape(()))


def field_of(piece: Piece) -> tuple[Crossing, str] | str:
    """The grid of a term and what stands against leaving a nugget out, empty if nothing.

    Or why it has no grid, in words that go on from its name.
    """
    if not _holds_product(piece.operand):
        return "is no product of two covariances on a grid"
    crossing = crossing_of(piece.operand)
    large = [size for size in crossing.sizes if size > 1]
    if len(large) < 2:
        return "is no product of two covariances on a grid"
    cut = balanced(crossing.sizes)
    most = max(
        int(np.prod(crossing.sizes[:cut], dtype=np.int64)), int(np.prod(crossing.sizes[cut:], dtype=np.int64))
    )
    if most > LEVELS or crossing.cells > 64 * len(crossing.codes) + 64:
        grid = " x ".join(map(str, crossing.sizes))
        return f"has a grid of {grid} for {len(crossing.codes)} rows"
    shared = int(torch.bincount(crossing.codes).max()) > 1
    return crossing, "has several rows in one cell, which only a nugget could tell apart" if shared else ""


def _holds_product(operand: Matrix | Tensor) -> bool:
    """Whether there is a product under what only scales and picks: anything else has one direction."""
    while isinstance(operand, Matrix):
        made = linalg.composition(operand)
        if made is None or made.how not in ("multiple", "selection", "congruence"):
            return made is not None and made.how in ("kronecker product", "entrywise product")
        operand = made.parts[-1].operand
    return False


def covered_rows(piece: Piece) -> Tensor | None:
    """The rows that a separable term covers; None for all, in order."""
    rows = getattr(piece, "rows", None)
    if isinstance(piece, RandomPiece) and piece.operand.shape[0] < piece.n:
        z = piece.z
        present = z.weights() != 0.0 if isinstance(z, SparseRows) else z.matrix != 0.0
        rows = torch.nonzero(present.any(dim=1)).reshape(-1)
    if rows is None or (len(rows) == piece.n and bool((rows == torch.arange(piece.n)).all())):
        return None
    return rows if isinstance(rows, Tensor) else None
