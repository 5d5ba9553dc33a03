r"""Signs that V does not see.

A Cholesky factor with its j-th column negated gives the same matrix. Its parametrisation keeps L_jj > 0, so
that the two are told apart by the signs of the entries below: from L_jj = 0 the likelihood may rise on the
far side only, which a positive L_jj cannot reach except by turning the signs of the column. Knowing the
columns, the optimiser steps across.
"""

from __future__ import annotations

from covstudio.covariance import Matrix, Operator, UnstructuredMatrix

__all__ = ["mirrors"]


def mirrors(v: Matrix) -> dict[str, tuple[str, ...]]:
    """For every parameter that is kept positive only to fix a sign: the parameters whose signs go with it.

    V is the same when all of them, the positive one included, change sign.

    Example:
        >>> from covstudio.covariance import IdentityMatrix, KroneckerProduct
        >>> mirrors(KroneckerProduct(g=UnstructuredMatrix(2), i=IdentityMatrix(3)))
        {'g/L_0_0': ('g/L_1_0',), 'g/L_1_1': ()}
    """
    found: dict[str, tuple[str, ...]] = {}
    _collect(v, "", found)
    return found


def _collect(matrix: Matrix, prefix: str, found: dict[str, tuple[str, ...]]) -> None:
    if isinstance(matrix, Operator):
        for name, operand in matrix.operands.items():
            if isinstance(operand, Matrix):
                _collect(operand, f"{prefix}{name}/", found)
    elif type(matrix) is UnstructuredMatrix:
        size = matrix.shape[0]
        for j in range(size):
            found[f"{prefix}L_{j}_{j}"] = tuple(f"{prefix}L_{i}_{j}" for i in range(j + 1, size))
