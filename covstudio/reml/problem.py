"""The data of a fit, checked once.

The model is y ~ N(X beta, V(theta)) with y of length n and X of size n x p and full column rank. Everything
after this file may rely on that, and works in float64 whatever came in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from covstudio.reml.errors import InvalidData, RankDeficient

__all__ = ["Problem", "prepare"]

#: A column whose part orthogonal to the columns before it is smaller than this share of its length counts
#: as dependent on them.
RANK_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Problem:
    """Response and fixed-effects matrix, ready for estimation.

    Attributes:
        y: response, (n,), float64.
        x: fixed-effects matrix, (n, p), float64, full column rank.
        residual_variance: y'(I - X(X'X)^-1 X')y / (n - p), the ordinary least squares estimate.
        basis: orthonormal columns that span those of X, (n, p): column j is a combination of the first j
            columns of X.
    """

    y: Tensor
    x: Tensor
    residual_variance: float
    basis: Tensor

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.x.shape[0])

    @property
    def p(self) -> int:
        """Number of fixed effects."""
        return int(self.x.shape[1])


def prepare(y: Any, x: Any) -> Problem:
    """Check y and X and return them in float64.

    Args:
        y: response, (n,): a tensor, an array, a pandas Series or a list of numbers.
        x: fixed-effects matrix, (n, p): likewise, or a DataFrame of numbers.

    Returns:
        The `Problem`.

    Raises:
        InvalidData: y is not one column of finite, varying numbers, X is not a finite matrix with as many
            rows, there are no more rows than columns, or X explains y exactly.
        RankDeficient: some columns of X are combinations of others.

    Example:
        >>> from covstudio.reml.problem import prepare
        >>> problem = prepare([1.0, 2.0, 4.0], [[1.0], [1.0], [1.0]])
        >>> problem.n, problem.p, round(problem.residual_variance, 4)
        (3, 1, 2.3333)
    """
    response = _as_float64(y, "y")
    design = _as_float64(x, "x")
    if response.ndim != 1:
        raise InvalidData(
            f"y must be one column, of shape (n,), and has shape {tuple(response.shape)}: pass "
            "y.reshape(-1), or one column of it."
        )
    if design.ndim != 2:
        raise InvalidData(
            f"x must be a matrix of shape (n, p), and has shape {tuple(design.shape)}: pass x.reshape(-1, "
            "1) for a single column."
        )
    n, p = design.shape
    if response.shape[0] != n:
        raise InvalidData(f"y has {response.shape[0]} rows and x has {n}: both must describe the same rows.")
    _check_finite(response, "y")
    _check_finite(design, "x")
    if n == 0:
        raise InvalidData("y and x have no rows: there is nothing to fit.")
    if float(response.max() - response.min()) == 0.0:
        raise InvalidData(
            f"y is constant (every value is {float(response[0]):g}): there is no variation to model. "
            "Choose another response, or check how the column was read."
        )
    if n <= p:
        raise InvalidData(
            f"x has {p} columns and there are {n} rows: REML needs more rows than fixed effects. "
            "Remove fixed effects, or add data."
        )
    basis = _orthonormal_basis(design)
    rest = response - basis @ (basis.mT @ response)
    rest = rest - basis @ (basis.mT @ rest)
    residual = float(rest @ rest)
    if residual <= 1e-24 * float(response @ response):
        raise InvalidData(
            "x explains y exactly: after the fixed effects nothing is left whose variance could be "
            "estimated. "
            "Is a column of x a copy of the response, or does every row have a level of its own?"
        )
    return Problem(response, design, residual / (n - p), basis)


def _as_float64(values: Any, name: str) -> Tensor:
    """The numbers as a float64 tensor on the CPU, without gradient tracking."""
    if isinstance(values, Tensor):
        if values.is_complex():
            raise InvalidData(f"{name} must hold real numbers and holds complex ones.")
        return values.detach().to(device="cpu", dtype=torch.float64)
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidData(f"{name} must hold numbers only, and does not ({error}).") from error
    return torch.from_numpy(array)


def _check_finite(values: Tensor, name: str) -> None:
    finite = torch.isfinite(values)
    if bool(finite.all()):
        return
    bad = torch.nonzero(~finite if values.ndim == 1 else ~finite.all(dim=1)).reshape(-1).tolist()
    raise InvalidData(
        f"{name} has missing or infinite values in {len(bad)} of {values.shape[0]} rows (from 0: "
        f"{_some(bad)}): "
        "leave those rows out of y, x and V alike."
    )


def _orthonormal_basis(x: Tensor) -> Tensor:
    """An orthonormal basis of the columns of X by Gram-Schmidt from the left, done twice for accuracy.

    From the left, so that of two equal columns the later one is reported.

    Raises:
        RankDeficient: with every dependent column and what it depends on.
    """
    n, p = x.shape
    basis = torch.empty((n, p), dtype=torch.float64)
    kept: list[int] = []
    dependent: list[int] = []
    depends_on: list[list[int]] = []
    for j in range(p):
        column = x[:, j]
        length = float(torch.linalg.vector_norm(column))
        if length == 0.0:
            dependent.append(j)
            depends_on.append([])
            continue
        column = column / length
        for _ in range(2):
            column = column - basis[:, : len(kept)] @ (basis[:, : len(kept)].mT @ column)
        rest = float(torch.linalg.vector_norm(column))
        if rest < RANK_TOLERANCE:
            dependent.append(j)
            depends_on.append(_combination(x[:, kept], x[:, j], kept))
            continue
        basis[:, len(kept)] = column / rest
        kept.append(j)
    if dependent:
        raise RankDeficient(_rank_message(p, dependent, depends_on), dependent, depends_on)
    return basis


def _combination(columns: Tensor, target: Tensor, positions: Sequence[int]) -> list[int]:
    """Positions of the columns that take part in writing `target` as their combination."""
    scale = torch.linalg.vector_norm(columns, dim=0)
    solution = torch.linalg.lstsq(columns / scale, target.unsqueeze(1)).solution.reshape(-1)
    weight = solution.abs()
    return [k for k, w in zip(positions, weight.tolist(), strict=True) if w > 1e-6 * float(weight.max())]


def _rank_message(p: int, dependent: list[int], depends_on: list[list[int]]) -> str:
    parts = [
        f"column {j} is all zero"
        if not others
        else f"column {j} is a combination of column{'s' * (len(others) > 1)} {_some(others)}"
        for j, others in zip(dependent, depends_on, strict=True)
    ]
    return (
        f"x has {p} columns but rank {p - len(dependent)} (columns counted from 0): {'; '.join(parts)}. "
        f"Leave {'it' if len(dependent) == 1 else 'them'} out."
    )


def _some(items: Sequence[int], limit: int = 8) -> str:
    text = ", ".join(str(i) for i in items[:limit])
    return text if len(items) <= limit else f"{text}, ... ({len(items)} in all)"
