"""The data of a fit, checked once.

The model is y ~ N(X beta, V(theta)) with y of length n and X of size n x p and full column rank. Everything
after this file may rely on that, and works in float64 whatever came in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from covstudio.reml.problem.columns import dependencies, names_of, rank_message
from covstudio.reml.problem.errors import InvalidData, RankDeficient
from covstudio.reml.problem.likelihood import kernel, log_likelihood

__all__ = ["Method", "Problem", "prepare", "without_response"]

#: What is maximised: the restricted likelihood, or the likelihood itself.
Method = Literal["REML", "ML"]
METHODS = get_args(Method)


@dataclass(frozen=True)
class Problem:
    """Response and fixed-effects matrix, ready for estimation.

    Attributes:
        y: response, (n,), float64.
        x: fixed-effects matrix, (n, p), float64, full column rank, on the device of y.
        residual_variance: y'(I - X(X'X)^-1 X')y / (n - p), the ordinary least squares estimate.
        basis: orthonormal columns that span those of X, (n, p): column j is a combination of the first j
            columns of X.
        method: "REML" or "ML".
        names: names of the columns of x.
        dropped: names of the columns that were left out because they depend on others.
    """

    y: Tensor
    x: Tensor
    residual_variance: float
    basis: Tensor
    method: Method = "REML"
    names: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    @cached_property
    def n(self) -> int:
        """Number of rows."""
        return int(self.x.shape[0])

    @cached_property
    def p(self) -> int:
        """Number of fixed effects."""
        return int(self.x.shape[1])

    @property
    def device(self) -> torch.device:
        """Where y and X are, and where engines compute."""
        return self.y.device

    @cached_property
    def restricted(self) -> bool:
        """Whether the restricted likelihood is meant."""
        return self.method == "REML"

    @cached_property
    def degrees(self) -> int:
        """Degrees of freedom of the likelihood: n - p in REML, n in ML.

        The best scale of V has y'Py equal to it.
        """
        return self.n - self.p if self.restricted else self.n

    @cached_property
    def triangle(self) -> Tensor:
        """T with X = QT, for the orthonormal basis Q; upper triangular, (p, p)."""
        return self.basis.mT @ self.x

    @cached_property
    def logdet_triangle(self) -> float:
        """log|T|, half of log|X'X|."""
        return float(torch.log(torch.diagonal(self.triangle).abs()).sum())

    @cached_property
    def projected_y(self) -> Tensor:
        """Q'y, (p,)."""
        return self.basis.mT @ self.y

    @cached_property
    def remainder(self) -> Tensor:
        """y less its projection on the columns of X, (n,): numbers of one size, whatever the mean of y."""
        left = self.y - self.basis @ self.projected_y
        return left - self.basis @ (self.basis.mT @ left)

    def kernel(self, logdet_v: float, logdet_xvx: float, quadratic: float) -> float:
        """The log-likelihood without its constant: -(log|V| + log|X'V^-1X| + y'Py)/2.

        In ML it is without the second term.

        Args:
            logdet_v: log|V|.
            logdet_xvx: log|X'V^-1X|.
            quadratic: y'Py.
        """
        return kernel(logdet_v, logdet_xvx if self.restricted else 0.0, quadratic)

    def log_likelihood(self, kernel_value: float) -> float:
        """The log-likelihood as lme4 and nlme report it, from its kernel.

        Example:
            >>> problem = prepare([1.0, 2.0, 4.0], [[1.0], [1.0], [1.0]], method="ML")
            >>> round(problem.log_likelihood(-2.0), 4)
            -4.7568
        """
        return log_likelihood(kernel_value, self.degrees, 0)


def prepare(
    y: Any,
    x: Any,
    *,
    method: str = "REML",
    names: Sequence[str] | None = None,
    drop_dependent: bool = False,
    device: torch.device | str | None = None,
) -> Problem:
    """Check y and X and return them in float64.

    Args:
        y: response, (n,): a tensor, an array, a pandas Series or a list of numbers.
        x: fixed-effects matrix, (n, p): likewise, or a DataFrame of numbers.
        method: "REML" or "ML".
        names: names of the columns of x, for messages; None for those of a DataFrame, or x0, x1, ...
        drop_dependent: leave columns out that are combinations of columns before them, instead of refusing
            them.
        device: where to compute; None for the device of y, when it is a tensor, or of x, when that is.

    Returns:
        The `Problem`.

    Raises:
        InvalidData: y is not one column of finite, varying numbers, X is not a finite matrix with as many
            rows, there are no more rows than columns, or X explains y exactly; or the names do not fit.
        RankDeficient: some columns of X are combinations of others.
        ValueError: the method is neither.

    Example:
        >>> from covstudio.reml.problem.problem import prepare
        >>> problem = prepare([1.0, 2.0, 4.0], [[1.0], [1.0], [1.0]])
        >>> problem.n, problem.p, round(problem.residual_variance, 4)
        (3, 1, 2.3333)
    """
    if method not in METHODS:
        raise ValueError(f"method must be 'REML' or 'ML', and is {method!r}.")
    where = _device(y, x, device)
    response = _as_float64(y, "y", where)
    design = _as_float64(x, "x", where)
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
    n = int(design.shape[0])
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
    columns = names_of(x, int(design.shape[1]), names)
    if n <= len(columns) and not drop_dependent:
        raise _too_few_rows(n, len(columns))
    found = dependencies(design)
    if found.dependent:
        message = rank_message(columns, found)
        if not drop_dependent:
            raise RankDeficient(message, found.dependent, found.depends_on)
        design = design[:, found.kept].contiguous()
    dropped = tuple(columns[j] for j in found.dependent)
    columns = tuple(columns[j] for j in found.kept)
    p = len(columns)
    if n <= p:
        raise _too_few_rows(n, p)
    basis = found.basis
    rest = response - basis @ (basis.mT @ response)
    rest = rest - basis @ (basis.mT @ rest)
    residual = float(rest @ rest)
    if residual <= 1e-24 * float(response @ response):
        raise InvalidData(
            "x explains y exactly: after the fixed effects nothing is left whose variance could be "
            "estimated. "
            "Is a column of x a copy of the response, or does every row have a level of its own?"
        )
    chosen: Method = "REML" if method == "REML" else "ML"
    return Problem(response, design, residual / (n - p), basis, chosen, columns, dropped)


def without_response(x: Any, *, names: Sequence[str] | None = None, drop_dependent: bool = False) -> Problem:
    """X alone, checked, for what does not depend on the response.

    Args:
        x: fixed-effects matrix, (n, p), as in `prepare`.
        names: names of its columns.
        drop_dependent: as in `prepare`.

    Returns:
        A `Problem` whose y is a stand-in, for engines that are laid out with one.

    Raises:
        InvalidData, RankDeficient: as in `prepare`.

    Example:
        >>> without_response([[1.0], [1.0], [1.0]]).p
        1
    """
    design = _as_float64(x, "x", torch.device("cpu"))
    n = len(design) if design.ndim else 0
    if design.ndim == 2 and n <= design.shape[1] and not drop_dependent:
        raise _too_few_rows(n, int(design.shape[1]))
    # Numbers that no column of a design is likely to be.
    stand_in = torch.sin(torch.arange(1, n + 1, dtype=torch.float64) ** 2)
    return prepare(stand_in, x, names=names, drop_dependent=drop_dependent, device="cpu")


def _too_few_rows(n: int, p: int) -> InvalidData:
    return InvalidData(
        f"x has {p} columns and there are {n} rows: a fit needs more rows than fixed effects. "
        "Remove fixed effects, or add data."
    )


def _device(y: Any, x: Any, device: torch.device | str | None) -> torch.device:
    """Where to compute: asked for, or where the data are."""
    if device is not None:
        try:
            return torch.device(device)
        except RuntimeError:
            raise InvalidData(
                f"device names where to compute, such as 'cpu' or 'cuda:0', and is {device!r}."
            ) from None
    for values in (y, x):
        if isinstance(values, Tensor):
            return values.device
    return torch.device("cpu")


def _as_float64(values: Any, name: str, device: torch.device) -> Tensor:
    """The numbers as a float64 tensor on this device, without gradient tracking."""
    if isinstance(values, Tensor):
        if values.is_complex():
            raise InvalidData(f"{name} must hold real numbers and holds complex ones.")
        return values.detach().to(device=device, dtype=torch.float64)
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidData(f"{name} must hold numbers only, and does not ({error}).") from error
    return torch.from_numpy(array).to(device)


def _check_finite(values: Tensor, name: str) -> None:
    if math.isfinite(float(values.sum())):
        return
    finite = torch.isfinite(values)
    if bool(finite.all()):
        return
    bad = torch.nonzero(~finite if values.ndim == 1 else ~finite.all(dim=1)).reshape(-1).tolist()
    raise InvalidData(
        f"{name} has missing or infinite values in {len(bad)} of {values.shape[0]} rows (from 0: "
        f"{_some(bad)}): "
        "leave those rows out of y, x and V alike."
    )


def _some(items: Sequence[int], limit: int = 8) -> str:
    text = ", ".join(str(i) for i in items[:limit])
    return text if len(items) <= limit else f"{text}, ... ({len(items)} in all)"
