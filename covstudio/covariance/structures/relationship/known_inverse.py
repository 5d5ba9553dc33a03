"""A covariance that is known by its inverse, sparse as the inverses of relationship matrices are."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from covstudio.covariance.core.catalogue import Argument, declare
from covstudio.covariance.core.checks import as_float_tensor, check_finite
from covstudio.covariance.core.leaf import ParamSpecs
from covstudio.covariance.structures.relationship.sparse_inverse import SparseInverseMatrix

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
class KnownInverseMatrix(SparseInverseMatrix):
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

    def __init__(self, Q: object, param_specs: ParamSpecs | None = None) -> None:
        rows, columns, entries, size = _entries(Q)
        self._factor = _factored(rows.numpy(), columns.numpy(), entries.numpy(), size)
        pivots = self._factor.U.diagonal()
        if not bool((pivots > 0.0).all()):
            raise _indefinite()
        super().__init__(size, rows, columns, entries, -float(np.log(pivots).sum()), param_specs)

    def __getstate__(self) -> dict[str, Any]:
        # The factor is SuperLU's own, which nobody can copy: it is made again.
        return {name: value for name, value in self.__dict__.items() if name != "_factor"}

    @cached_property
    def _factor(self) -> Any:
        return _factored(self._rows.numpy(), self._columns.numpy(), self._entries.numpy(), self.shape[0])

    def _times(self, b: Tensor) -> Tensor:
        """Q^-1 b."""
        plain = b.detach().to(device="cpu", dtype=torch.float64).numpy()
        return torch.from_numpy(np.ascontiguousarray(self._factor.solve(plain.copy()))).to(b)

    @cached_property
    def _known(self) -> Tensor:
        """Q^-1 written out."""
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
