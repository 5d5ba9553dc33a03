"""A covariance that is known by its inverse, sparse as the inverses of relationship matrices are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import Argument, declare
from covstudio.covariance.core.checks import as_float_tensor, check_finite
from covstudio.covariance.core.leaf import Leaf, ParamSpecs
from covstudio.covariance.linalg.dense import singular
from covstudio.covariance.structures.elementary.elementary import variance

__all__ = ["KnownInverseMatrix"]

#: Columns that are solved for together.
_AT_ONCE = 256


@declare(
    title="Known inverse",
    category="Known",
    formula=r"\mathbf{V} = \sigma^2 \mathbf{Q}^{-1}",
    symbol="σ²Q⁻¹",
    summary="One variance times a covariance that is given by its inverse, sparse or not.",
    arguments=(
        Argument(
            "Q",
            "relation",
            "Inverse",
            "A second table with the inverse of a relationship matrix",
            choices=("inverse",),
        ),
    ),
    aliases={
        "ASReml": ("giv", "vm"),
        "Animal breeding": ("A inverse", "ginverse", "H inverse"),
    },
    reference="Mrode (2014), Linear Models for the Prediction of Animal Breeding Values, section 3.2",
    parameters={"sigma^2": "What the inverse of the known matrix is multiplied by: a variance component."},
    usage={"ASReml": "vm(animal, ginv)   # ginv: row, column, entry"},
    psd=True,
    linear=True,
    scale="sigma^2",
    example=lambda: KnownInverseMatrix([[1.5, -1.0, 0.0], [-1.0, 2.5, -0.5], [0.0, -0.5, 1.0]]),
)
class KnownInverseMatrix(Leaf):
    r"""A covariance known by its inverse, :math:`V = \sigma^2 Q^{-1}`, such as of a relationship matrix.

    V is not written out unless it is asked for: what Q has few entries for is solved by a sparse factor, so
    that models of tens of thousands of individuals are fitted by sparse mixed-model equations.

    Parameters: `sigma^2` (natural: a variance; raw: exp(2 theta), default 0).

    Args:
        Q: Symmetric positive definite matrix, shape (n, n): a tensor, an array, nested lists, a sparse COO
            tensor, or (rows, columns, entries, n) with the entries of its lower triangle, each place once.
            Asymmetry of the size of rounding errors is averaged out.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `Q` does not hold numbers.
        ValueError: `Q` is not square, not finite, not symmetric or not positive definite.

    Example:
        >>> import torch
        >>> from covstudio.covariance import KnownInverseMatrix
        >>> KnownInverseMatrix([[2.0, 0.0], [0.0, 4.0]])(torch.tensor([0.0]))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.2500]])

    Reference:
        Mrode (2014), Linear Models for the Prediction of Animal Breeding Values, 3rd edition, section 3.2;
        Aguilar et al. (2010), Journal of Dairy Science 93, 743-752 (the inverse of pedigree and markers
        together).
    """

    _definite = True

    def __init__(self, Q: object, param_specs: ParamSpecs | None = None) -> None:
        self._rows, self._columns, self._entries, size = _entries(Q)
        super().__init__((size, size), param_specs, [variance()])
        pivots = self._factor.U.diagonal()
        if not bool((pivots > 0.0).all()):
            raise _indefinite()
        self._logdet = float(np.log(pivots).sum())

    def __getstate__(self) -> dict[str, Any]:
        # The factor is SuperLU's own, which nobody can copy: it is made again.
        return {name: value for name, value in self.__dict__.items() if name != "_factor"}

    @cached_property
    def _factor(self) -> Any:
        return _factored(self._rows.numpy(), self._columns.numpy(), self._entries.numpy(), self.shape[0])

    def _solved(self, b: Tensor) -> Tensor:
        """Q^-1 b."""
        plain = b.detach().to(device="cpu", dtype=torch.float64).numpy()
        return torch.from_numpy(np.ascontiguousarray(self._factor.solve(plain.copy()))).to(b)

    @cached_property
    def _value(self) -> Tensor:
        made = self._factor.solve(np.eye(self.shape[0]))
        return torch.from_numpy((made + made.T) / 2)

    @cached_property
    def _variances(self) -> Tensor:
        """The diagonal of Q^-1."""
        out = np.empty(self.shape[0])
        for start in range(0, len(out), _AT_ONCE):
            some = np.arange(start, min(start + _AT_ONCE, len(out)))
            unit = np.zeros((len(out), len(some)))
            unit[some, some - start] = 1.0
            out[some] = self._factor.solve(unit)[some, some - start]
        return torch.from_numpy(out)

    def evaluate(self, natural: Tensor) -> Tensor:
        """sigma^2 Q^-1, shape (n, n), from natural values [sigma^2]."""
        return natural[0] * self._value.to(natural)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dV/d sigma^2 = Q^-1, shape (1, n, n)."""
        return self._value.to(natural).repeat(len(index), 1, 1)


def _entries(q: Any) -> tuple[Tensor, Tensor, Tensor, int]:
    """Rows, columns and entries of the lower triangle, and the size."""
    if isinstance(q, tuple) and len(q) == 4 and isinstance(q[3], int):
        rows, columns = (torch.as_tensor(np.array(side), dtype=torch.int64) for side in q[:2])
        entries = check_finite(as_float_tensor(np.array(q[2]), "Q"), "Q").to(torch.float64)
        diagonal = torch.zeros(q[3], dtype=torch.bool)
        diagonal[rows[rows == columns]] = True
        if not bool(diagonal.all()):
            raise ValueError(
                "Q must have an entry for everybody on its diagonal, got none in row "
                f"{int((~diagonal).nonzero()[0])} "
                "(from 0 on); add it"
            )
        return rows, columns, entries, q[3]
    if isinstance(q, Tensor) and q.layout == torch.sparse_coo:
        q = q.coalesce()
        rows, columns = q.indices()
        lower = rows >= columns
        values = q.values().to(torch.float64)
        return rows[lower], columns[lower], values[lower], int(q.shape[0])
    dense = check_finite(as_float_tensor(q, "Q"), "Q").to(torch.float64)
    if dense.ndim != 2 or dense.shape[0] != dense.shape[1] or not dense.numel():
        raise ValueError(
            f"Q must be a square matrix, got shape {tuple(dense.shape)}; give n rows of n numbers"
        )
    gap = (dense - dense.mT).abs()
    if float(gap.max()) > 64 * len(dense) * torch.finfo(torch.float64).eps * float(dense.abs().max()):
        i, j = divmod(int(gap.argmax()), len(dense))
        raise ValueError(
            f"Q must be symmetric, got Q[{i},{j}] = {float(dense[i, j])} but Q[{j},{i}] = "
            f"{float(dense[j, i])}; "
            "correct one of them"
        )
    symmetric = ((dense + dense.mT) / 2).tril()
    rows, columns = (symmetric.abs() + torch.eye(len(dense), dtype=torch.float64)).nonzero().T
    return rows, columns, symmetric[rows, columns], len(dense)


def _factored(i: Any, j: Any, values: Any, size: int) -> Any:
    """A sparse factor of Q.

    Raises:
        ValueError: Q is not positive definite.
    """
    from scipy.sparse import csc_matrix
    from scipy.sparse.linalg import splu

    off = i != j
    full = csc_matrix(
        (
            np.concatenate([values, values[off]]),
            (np.concatenate([i, j[off]]), np.concatenate([j, i[off]])),
        ),
        shape=(size, size),
    )
    try:
        # Pivots stay on the diagonal, and their signs tell whether Q is definite.
        return splu(full, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    except RuntimeError:
        raise _indefinite() from None


def _indefinite() -> ValueError:
    return ValueError(
        "Q must be positive definite, got a matrix that is not; check its entries, or give the relationship "
        "matrix itself: one that is singular has no inverse"
    )


def _scale(matrix: KnownInverseMatrix, natural: Tensor) -> Tensor:
    """sigma^2, where it can be divided by."""
    if float(natural[0]) == 0.0:
        raise singular(matrix)
    return natural[0]


@linalg.matmul.register(KnownInverseMatrix)
def _(matrix: KnownInverseMatrix, natural: Tensor, b: Tensor) -> Tensor:
    return natural[0] * matrix._solved(b)


@linalg.derivative_matmul.register(KnownInverseMatrix)
def _(matrix: KnownInverseMatrix, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    if not len(index):
        return b.new_zeros((0, *b.shape))
    return matrix._solved(b).expand(len(index), -1, -1)


@linalg.diagonal.register(KnownInverseMatrix)
def _(matrix: KnownInverseMatrix, natural: Tensor) -> Tensor:
    return natural[0] * matrix._variances.to(natural)


@linalg.derivative_diagonal.register(KnownInverseMatrix)
def _(matrix: KnownInverseMatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    return matrix._variances.to(natural).repeat(len(index), 1)


@linalg.solve.register(KnownInverseMatrix)
def _(matrix: KnownInverseMatrix, natural: Tensor, b: Tensor) -> Tensor:
    scale = _scale(matrix, natural)
    rows, columns = matrix._rows.to(b.device), matrix._columns.to(b.device)
    entries, off = matrix._entries.to(b)[:, None], matrix._rows.to(b.device) != matrix._columns.to(b.device)
    out = torch.zeros_like(b).index_add_(0, rows, entries * b[columns])
    out.index_add_(0, columns[off], entries[off] * b[rows[off]])
    return out / scale


@linalg.logdet.register(KnownInverseMatrix)
def _(matrix: KnownInverseMatrix, natural: Tensor) -> Tensor:
    scale = _scale(matrix, natural)
    if float(scale) < 0.0:
        return linalg.logdet.default(matrix, natural)
    return matrix.shape[0] * scale.log() - matrix._logdet


@linalg.sparsity.register(KnownInverseMatrix)
def _(matrix: KnownInverseMatrix) -> tuple[Tensor, Tensor] | None:
    return matrix._rows, matrix._columns


@linalg.inverse_entries.register(KnownInverseMatrix)
def _(matrix: KnownInverseMatrix, natural: Tensor) -> Tensor:
    return matrix._entries.to(natural) / _scale(matrix, natural)


@linalg.inverse_derivatives.register(KnownInverseMatrix)
def _(matrix: KnownInverseMatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    slope = -matrix._entries.to(natural) / _scale(matrix, natural) ** 2
    return slope.repeat(len(index), 1)
