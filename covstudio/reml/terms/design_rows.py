r"""Design matrices by their rows: where each row has few entries, only those are kept.

An incidence matrix of n rows and q columns is n numbers, not n q. Products with it are gathers and sums over
levels, and Z'R^-1 Z is a sum over the entries of R^-1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from covstudio.covariance import Matrix, linalg

__all__ = ["DenseRows", "Rows", "RowsDesign", "SparseRows", "rows_of", "sparse_or_dense"]

#: A matrix whose rows have at most this many entries that are not zero is kept by its entries.
FEW = 8


@dataclass(frozen=True, eq=False)
class SparseRows:
    """A matrix with at most w entries in each row.

    Attributes:
        codes: columns of the entries, (n, w) int64, within 0 ... columns - 1 throughout.
        values: the entries, (n, w) float64, zero where a row has fewer; None when all are 1.
        columns: number of columns.

    Example:
        >>> z = SparseRows(torch.tensor([[0], [1], [0]]), None, 2)
        >>> z.transposed(torch.tensor([[1.0], [2.0], [3.0]]))
        tensor([[4.],
                [2.]])
    """

    codes: Tensor
    values: Tensor | None
    columns: int

    @cached_property
    def n(self) -> int:
        """Number of rows."""
        return int(self.codes.shape[0])

    @cached_property
    def width(self) -> int:
        """Most entries in a row."""
        return int(self.codes.shape[1])

    def weights(self) -> Tensor:
        """The entries, (n, w), ones written out."""
        return (
            self.codes.new_ones(self.codes.shape, dtype=torch.float64) if self.values is None else self.values
        )

    def multiply(self, b: Tensor) -> Tensor:
        """Z b, (n, k), for b of shape (q, k)."""
        total: Tensor | None = None
        for j in range(self.width):
            part = b.index_select(0, self.codes[:, j])
            if self.values is not None:
                part = part * self.values[:, j : j + 1]
            total = part if total is None else total + part
        return b.new_zeros((self.n, b.shape[1])) if total is None else total

    def transposed(self, b: Tensor) -> Tensor:
        """Z'b, (q, k), for b of shape (n, k)."""
        total = b.new_zeros((self.columns, b.shape[1]))
        for j in range(self.width):
            total.index_add_(0, self.codes[:, j], b if self.values is None else b * self.values[:, j : j + 1])
        return total

    def dense(self) -> Tensor:
        """The matrix written out, (n, q)."""
        out = torch.zeros((self.n, self.columns), dtype=torch.float64, device=self.codes.device)
        return out.scatter_add_(1, self.codes, self.weights())

    def injective(self) -> bool:
        """Whether every row has one entry, a 1, and no two of them stand in one column."""
        if (
            self.width != 1
            or self.n > self.columns
            or (self.values is not None and not bool((self.values == 1.0).all()))
        ):
            return False
        return int(torch.bincount(self.codes[:, 0], minlength=self.columns).max()) <= 1

    def recoded(self, place: Tensor, columns: int) -> SparseRows:
        """The same rows with column c moved to place[c]."""
        return SparseRows(place[self.codes], self.values, columns)

    def some(self, rows: Tensor) -> SparseRows:
        """Some of the rows, in the order in which they are named."""
        values = None if self.values is None else self.values[rows]
        return SparseRows(self.codes[rows], values, self.columns)

    def spread(self, rows: Tensor, n: int) -> SparseRows:
        """These rows put at the places `rows` of a matrix of n rows, zeros elsewhere."""
        codes = self.codes.new_zeros((n, self.width))
        values = torch.zeros((n, self.width), dtype=torch.float64, device=self.codes.device)
        codes[rows] = self.codes
        values[rows] = self.weights()
        return SparseRows(codes, values, self.columns)


@dataclass(frozen=True, eq=False)
class DenseRows:
    """A matrix whose rows have many entries.

    Attributes:
        matrix: (n, q) float64.
    """

    matrix: Tensor

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.matrix.shape[0])

    @property
    def columns(self) -> int:
        """Number of columns."""
        return int(self.matrix.shape[1])

    def multiply(self, b: Tensor) -> Tensor:
        """Z b, (n, k), for b of shape (q, k)."""
        return self.matrix @ b

    def transposed(self, b: Tensor) -> Tensor:
        """Z'b, (q, k), for b of shape (n, k)."""
        return self.matrix.mT @ b

    def dense(self) -> Tensor:
        """The matrix written out, (n, q)."""
        return self.matrix

    def injective(self) -> bool:
        """False: it has been found to have many entries a row."""
        return False

    def some(self, rows: Tensor) -> DenseRows:
        """Some of the rows, in the order in which they are named."""
        return DenseRows(self.matrix[rows])

    def spread(self, rows: Tensor, n: int) -> DenseRows:
        """These rows put at the places `rows` of a matrix of n rows, zeros elsewhere."""
        out = self.matrix.new_zeros((n, self.columns))
        out[rows] = self.matrix
        return DenseRows(out)


Rows = SparseRows | DenseRows


class RowsDesign(Matrix):
    """A design that is kept by its rows, as a matrix that may stand in a tree.

    Args:
        rows: its rows.
        names: what its columns are called, or None.

    Example:
        >>> design = RowsDesign(SparseRows(torch.tensor([[1], [0]]), None, 2), None)
        >>> design()
        tensor([[0., 1.],
                [1., 0.]])
    """

    def __init__(self, rows: Rows, names: tuple[str, ...] | None) -> None:
        super().__init__((rows.n, rows.columns), {})
        self.kept, self.names = rows, names

    def evaluate(self, natural: Tensor) -> Tensor:
        """Z written out, (n, q)."""
        return self.kept.dense().to(natural)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """The empty Jacobian, (0, n, q)."""
        return natural.new_zeros((len(index), *self.shape))


@linalg.column_names.register(RowsDesign)
def _(matrix: RowsDesign) -> tuple[str, ...] | None:
    return matrix.names


@linalg.matmul.register(RowsDesign)
def _(matrix: RowsDesign, natural: Tensor, b: Tensor) -> Tensor:
    return matrix.kept.multiply(b)


@linalg.transpose_matmul.register(RowsDesign)
def _(matrix: RowsDesign, natural: Tensor, b: Tensor) -> Tensor:
    return matrix.kept.transposed(b)


def identity_rows(n: int) -> SparseRows:
    """The identity, (n, n)."""
    return SparseRows(torch.arange(n).unsqueeze(1), None, n)


def rows_of(operand: Matrix | Tensor) -> Rows:
    """The rows of a constant matrix.

    Incidences, and what operators arrange of them, are never written out; anything else is evaluated once.

    Args:
        operand: a tensor, or a matrix without parameters.

    Example:
        >>> from covstudio.covariance import Augment, DummyMatrix
        >>> z = rows_of(Augment(a=DummyMatrix(["x", "y"]), b=DummyMatrix(["u", "u"])))
        >>> z.codes.tolist(), z.columns
        ([[0, 2], [1, 2]], 3)
    """
    found = _arranged(operand)
    if found is not None:
        return found
    if isinstance(operand, Tensor):
        return sparse_or_dense(operand.detach().to(device="cpu", dtype=torch.float64))
    with torch.no_grad():
        return sparse_or_dense(operand.evaluate(torch.zeros(0, dtype=torch.float64)).to(torch.float64))


def sparse_or_dense(matrix: Tensor) -> Rows:
    """The rows of a matrix that is written out, by their entries where they are few.

    Example:
        >>> sparse_or_dense(torch.eye(3)).codes.reshape(-1).tolist()
        [0, 1, 2]
    """
    filled = matrix != 0.0
    width = int(filled.sum(dim=1).max()) if matrix.numel() else 0
    if width > FEW or 2 * width > matrix.shape[1] + 1:
        return DenseRows(matrix)
    width = max(width, 1)
    # The entries that are not zero come first, in the order of their columns.
    codes = torch.argsort(filled.to(torch.int8), dim=1, descending=True, stable=True)[:, :width].contiguous()
    values = matrix.gather(1, codes)
    return SparseRows(codes, None if bool((values == 1.0).all()) else values, int(matrix.shape[1]))


def _arranged(operand: Matrix | Tensor) -> Rows | None:
    """Rows found without writing the matrix out; None where that is the only way."""
    if isinstance(operand, Tensor):
        return None
    if isinstance(operand, RowsDesign):
        return operand.kept
    codes = linalg.incidence(operand)
    if codes is not None:
        codes = codes.to(device="cpu", dtype=torch.int64).unsqueeze(1)
        if not codes.numel() or int(codes.min()) >= 0:
            return SparseRows(codes, None, operand.shape[1])
        return SparseRows(codes.clamp(min=0), (codes >= 0).to(torch.float64), operand.shape[1])
    made = linalg.composition(operand)
    if made is None:
        return None
    operands = [part.operand for part in made.parts]
    if made.how in _JOINED:
        parts = [rows_of(part) for part in operands]
        if all(isinstance(part, SparseRows) for part in parts):
            return _JOINED[made.how]([part for part in parts if isinstance(part, SparseRows)])
    if made.how == "rowwise product":
        return _row_by_row(*map(rows_of, operands))
    if made.how == "multiple":
        return _scaled(*operands)
    if made.how == "entrywise product":
        return _masked(operands)
    return None


def _scaled(number: Matrix | Tensor, inner: Matrix | Tensor) -> Rows:
    size = number if isinstance(number, Tensor) else number.evaluate(torch.zeros(0, dtype=torch.float64))
    size = size.detach().to(device="cpu", dtype=torch.float64)
    rows = rows_of(inner)
    if isinstance(rows, DenseRows):
        return DenseRows(rows.matrix * size)
    return SparseRows(rows.codes, rows.weights() * size, rows.columns)


def _beside(parts: Sequence[SparseRows]) -> SparseRows:
    starts = _starts([part.columns for part in parts])
    codes = torch.cat([part.codes + start for part, start in zip(parts, starts, strict=False)], dim=1)
    return SparseRows(codes, _values(parts, 1), starts[-1])


def _below(parts: Sequence[SparseRows]) -> SparseRows:
    width = max(part.width for part in parts)
    padded = [_padded(part, width) for part in parts]
    return SparseRows(torch.cat([part.codes for part in padded]), _values(padded, 0), parts[0].columns)


def _along(parts: Sequence[SparseRows]) -> SparseRows:
    starts = _starts([part.columns for part in parts])
    moved = [
        SparseRows(part.codes + start, part.values, starts[-1])
        for part, start in zip(parts, starts, strict=False)
    ]
    return _below(moved)


def _crossed(parts: Sequence[SparseRows]) -> SparseRows:
    left, right = parts
    rows = (left.n * right.n, left.width * right.width)
    codes = left.codes[:, None, :, None] * right.columns + right.codes[None, :, None, :]
    values = None
    if left.values is not None or right.values is not None:
        values = (left.weights()[:, None, :, None] * right.weights()[None, :, None, :]).reshape(rows)
    return SparseRows(codes.reshape(rows), values, left.columns * right.columns)


def _row_by_row(left: Rows, right: Rows) -> Rows | None:
    """Row i of one factor times that of the other; None where rows have many entries."""
    a, b = (_entries(part) for part in (left, right))
    if a is None or b is None or a.width * b.width > FEW:
        return None
    codes = (a.codes[:, :, None] * b.columns + b.codes[:, None, :]).reshape(a.n, a.width * b.width)
    if a.values is None and b.values is None:
        return SparseRows(codes, None, a.columns * b.columns)
    values = (a.weights()[:, :, None] * b.weights()[:, None, :]).reshape(codes.shape)
    return SparseRows(codes, values, a.columns * b.columns)


def _entries(rows: Rows) -> SparseRows | None:
    """Rows by all of their entries, where these are few."""
    if isinstance(rows, SparseRows):
        return rows
    if rows.columns > FEW:
        return None
    return SparseRows(torch.arange(rows.columns).expand(rows.n, -1).contiguous(), rows.matrix, rows.columns)


def _masked(operands: Sequence[Matrix | Tensor]) -> Rows | None:
    """The entries of one factor times those of the other at the same places."""
    for which, operand in enumerate(operands):
        part = None if isinstance(operand, Tensor) else _arranged(operand)
        other = operands[1 - which]
        if not isinstance(part, SparseRows):
            continue
        if isinstance(other, Tensor):
            at = other.detach().to(device="cpu").gather(1, part.codes)
            return SparseRows(part.codes, part.weights() * at.to(torch.float64), part.columns)
        rest = rows_of(other)
        if isinstance(rest, SparseRows) and part.width == 1 and rest.width == 1:
            same = (part.codes == rest.codes).to(torch.float64)
            return SparseRows(part.codes, part.weights() * rest.weights() * same, part.columns)
        return SparseRows(part.codes, part.weights() * rest.dense().gather(1, part.codes), part.columns)
    return None


_JOINED: dict[str, Callable[[Sequence[SparseRows]], SparseRows]] = {
    "beside": _beside,
    "below": _below,
    "direct sum": _along,
    "kronecker product": _crossed,
}


def _starts(sizes: Sequence[int]) -> list[int]:
    starts = [0]
    for size in sizes:
        starts.append(starts[-1] + size)
    return starts


def _values(parts: Sequence[SparseRows], dim: int) -> Tensor | None:
    if all(part.values is None for part in parts):
        return None
    return torch.cat([part.weights() for part in parts], dim=dim)


def _padded(part: SparseRows, width: int) -> SparseRows:
    missing = width - part.width
    if not missing:
        return part
    codes = torch.cat([part.codes, part.codes.new_zeros((part.n, missing))], dim=1)
    values = torch.cat([part.weights(), torch.zeros((part.n, missing), dtype=torch.float64)], dim=1)
    return SparseRows(codes, values, part.columns)
