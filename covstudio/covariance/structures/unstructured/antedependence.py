"""Antedependence: each position regressed on those just before it, with coefficients of its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import Argument, declare
from covstudio.covariance.core.checks import check_size
from covstudio.covariance.core.leaf import Leaf, ParamSpecs
from covstudio.covariance.linalg.dense import singular
from covstudio.covariance.numerics.bordered import positions
from covstudio.covariance.parameters.differentiation import automatic
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.structures.elementary.elementary import variance
from covstudio.covariance.structures.timeseries.prediction_errors import (
    precision_band_slopes,
    precision_bands,
    solve_by_prediction,
)

__all__ = ["AntedependenceMatrix"]

#: What a variance, and an entry of a derivative by a coefficient, may reach, as a part of the largest number:
#: products and sums of V, and its derivative by a small variance, then stay finite.
_ROOM = 2.0**-32
#: What an innovation variance counts as at least when a position is held: with it weights keep their squares.
_LEAST = 2.0**-29


@declare(
    title="Antedependence",
    category="Unstructured",
    place=6,
    formula=(
        r"\mathbf{V}^{-1} = \mathbf{T}^\top \operatorname{diag}(1 / \sigma^2_i)\, \mathbf{T}, \quad "
        r"T_{ii} = 1, \quad T_{ij} = -\phi_{ij} \text{ for } i - k \le j < i"
    ),
    symbol="(TᵀD⁻¹T)⁻¹",
    summary="Ordered positions, each regressed on the k before it by coefficients of its own.",
    arguments=(
        Argument("n", "size", "Size", "Number of ordered positions, at least 2", minimum=2, ordered=True),
        Argument(
            "k",
            "integer",
            "Order",
            "How many positions back each one depends on, at least 1 and below the size",
            default=1,
            minimum=1,
        ),
    ),
    aliases={"ASReml": ("ante", "ante1", "ante2"), "SAS": ("ANTE(1)",)},
    reference=(
        "Gabriel (1962), Ante-dependence analysis of an ordered set of variables, Annals of Mathematical "
        "Statistics 33, 201-212"
    ),
    parameters={
        "sigma^2_i": "Innovation variance of position i: what the positions before it do not explain.",
        "phi_i_j": "Coefficient of position j in the regression of position i on the k positions before it.",
    },
    usage={"ASReml": "ante(time, 1):id(subject)", "SAS": "repeated time / subject=id type=ante(1);"},
    psd=True,
    shown={"phi_i_j": lambda i, j: 0.5 ** (i - j)},
    example=lambda: AntedependenceMatrix(5, 2),
)
class AntedependenceMatrix(Leaf):
    r"""Antedependence of order k, :math:`V^{-1} = T^\top \mathrm{diag}(1/\sigma^2_i)\, T`.

    Position i is :math:`y_i = \sum_{j=i-k}^{i-1} \phi_{ij} y_j + e_i` with :math:`\mathrm{Var}\, e_i =
    \sigma^2_i`, so that T is unit lower triangular with :math:`-\phi_{ij}` in its k bands. Unlike an
    autoregression it needs neither equal spacing nor stationarity; the inverse of V has k bands below its
    diagonal.

    Parameters: `sigma^2_0`, ..., `sigma^2_{n-1}` (natural: INNOVATION variances, not marginal ones; raw:
    exp(2 theta), default 0), then `phi_i_j` row by row for i - k <= j < i (coefficients, raw and natural
    alike, default 0). The default is the identity, where each coefficient moves its own covariance: no
    stationary point.

    Domain: products of coefficients above 1 grow without bound along the positions. V and its derivatives are
    exact as long as every variance is at most 2^-32 of the largest number of the precision (8e28 in single,
    4e298 in double precision). A position whose variance would be larger is scaled down to that, and those
    after it are regressed on what it then is, so that V stays finite and a covariance; its derivatives are
    those of what is held, where they too are held within these numbers. The inverse knows no such products:
    `structure.precision`, `solve` and `logdet` are those of the formula everywhere.

    Args:
        n: Number of positions, an int of at least 2.
        k: Order, an int from 1 to n - 1.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n` or `k` is not an int.
        ValueError: `n` is below 2, or `k` not between 1 and n - 1.

    Example:
        >>> import torch
        >>> from covstudio.covariance import AntedependenceMatrix
        >>> matrix = AntedependenceMatrix(3)
        >>> matrix.param_names
        ['sigma^2_0', 'sigma^2_1', 'sigma^2_2', 'phi_1_0', 'phi_2_1']
        >>> matrix(torch.tensor([0.0, 0.0, 0.0, 0.5, 2.0]))
        tensor([[1.0000, 0.5000, 1.0000],
                [0.5000, 1.2500, 2.5000],
                [1.0000, 2.5000, 6.0000]])

    Reference:
        Gabriel (1962), Ante-dependence analysis of an ordered set of variables, Annals of Mathematical
        Statistics 33, 201-212; Zimmerman & Nunez-Anton (2010), Antedependence Models for Longitudinal Data,
        chapter 2.
    """

    _definite = True

    def __init__(self, n: int, k: int = 1, param_specs: ParamSpecs | None = None) -> None:
        self.n = check_size(n, minimum=2, reason="a regression on the position before needs two")
        self.k = check_size(k, "k")
        if self.k >= self.n:
            raise ValueError(
                f"AntedependenceMatrix: k must be between 1 and n - 1 = {self.n - 1}, got {self.k}; position "
                f"{self.n - 1} has {self.n - 1} before it: give a smaller k"
            )
        pairs = [(i, j) for i in range(self.n) for j in range(max(0, i - self.k), i)]
        self._rows, self._columns = torch.tensor(pairs, dtype=torch.int64).unbind(1)
        defaults = [
            *(variance(f"sigma^2_{i}") for i in range(self.n)),
            *(Parameter(f"phi_{i}_{j}") for i, j in pairs),
        ]
        super().__init__((self.n, self.n), param_specs, defaults)

    def _places(self, device: torch.device) -> tuple[Tensor, Tensor]:
        return self._rows.to(device), self._columns.to(device)

    def regression(self, natural: Tensor) -> Tensor:
        """T, shape (n, n), unit lower triangular, from the natural values."""
        eye = torch.eye(self.n, dtype=natural.dtype, device=natural.device)
        return eye.index_put(self._places(natural.device), -natural[self.n :])

    def weights(self, natural: Tensor) -> Tensor:
        """T^-1, shape (n, n): how much of each innovation (column) is in each position (row).

        Rows whose variances are too large to be represented are held, as said above.
        """
        weights = self._exact_weights(natural)
        return self._scaled_down(natural) if weights is None else weights

    def _exact_weights(self, natural: Tensor) -> Tensor | None:
        """T^-1, or None where a position must be held."""
        eye = torch.eye(self.n, dtype=natural.dtype, device=natural.device)
        solution: Tensor = torch.linalg.solve_triangular(
            self.regression(natural), eye, upper=False, unitriangular=True
        )
        # An overflow makes this infinite or NaN, and neither is within the limit.
        variances = (solution * solution) @ natural[: self.n].clamp_min(_LEAST)
        return solution if bool((variances <= _limit(natural)).all()) else None

    def _scaled_down(self, natural: Tensor) -> Tensor:
        """T^-1 row by row, each scaled down where its variance would exceed the limit."""
        regression, errors = self.regression(natural), natural[: self.n].clamp_min(_LEAST)
        own = torch.eye(self.n, dtype=natural.dtype, device=natural.device)
        most = _limit(natural) ** 0.5
        rows: list[Tensor] = []
        for i in range(self.n):
            row = own[i]
            before = rows[max(0, i - self.k) :]
            if before:
                row = row - regression[i, i - len(before) : i] @ torch.stack(before)
            # Squares overflow where the row itself does not.
            unit = row.detach().abs().max()
            deviation = unit * ((row / unit) ** 2 @ errors).sqrt()
            rows.append(row * (most / deviation) if bool(deviation > most) else row)
        return torch.stack(rows)

    def _surely_exact(self, natural: Tensor) -> bool:
        """Whether a bound that is cheaper than V shows that no position is held."""
        ones = natural.new_ones((self.n, 1))
        regression = -self.regression(natural).abs()
        # Row sums of the absolute weights, at most.
        sums = torch.linalg.solve_triangular(regression, ones, upper=False, unitriangular=True)
        most = natural[: self.n].max().clamp_min(_LEAST)
        return bool(sums.max() <= (_limit(natural) / most) ** 0.5)

    def _value(self, natural: Tensor, weights: Tensor) -> Tensor:
        value = (weights * natural[: self.n]) @ weights.mT
        return (value + value.mT) / 2

    def evaluate(self, natural: Tensor) -> Tensor:
        """T^-1 diag(sigma^2) T^-T, shape (n, n), from natural values: n variances, then phi."""
        return self._value(natural, self.weights(natural))

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dV/d sigma^2_i = l_i l_i' and dV/d phi_ij = l_i v_j' + v_j l_i', shape (len(index), n, n).

        l_i is column i of T^-1 and v_j column j of V.
        """
        weights = self._exact_weights(natural)
        if weights is None:
            return automatic(self.evaluate, natural, index).nan_to_num_(nan=0.0)
        left, right = self._outer(natural, index, weights)
        half = left[:, :, None] * right[:, None, :]
        if not _small(left, right):
            free = positions(index, natural.device) < self.n
            limit = torch.where(free, torch.inf, _limit(natural) / 2).to(half)[:, None, None]
            half = torch.clamp(half, -limit, limit)
        return half + half.mT

    def _outer(self, natural: Tensor, index: Sequence[int], weights: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors p and q of the derivatives p q' + q p', both of shape (len(index), n)."""
        which = positions(index, natural.device)
        rows, columns = self._places(natural.device)
        own = torch.arange(self.n, device=natural.device)
        tips = torch.cat([own, rows])[which]
        sources = torch.cat([weights.mT / 2, self._value(natural, weights)])
        return weights.mT[tips], sources[torch.cat([own, self.n + columns])[which]]


def _limit(natural: Tensor) -> float:
    return torch.finfo(natural.dtype).max * _ROOM


def _small(left: Tensor, right: Tensor) -> bool:
    """Whether no product p q' + q p' of a derivative comes near the limit."""
    sizes = left.abs().amax(1) * right.abs().amax(1)
    return bool((sizes <= _limit(left) / 2).all())


def _regular(matrix: AntedependenceMatrix, natural: Tensor) -> tuple[Tensor, Tensor]:
    """T in bands, shape (n, k + 1), and the innovation variances.

    Raises:
        SingularMatrixError: one of the variances is zero.
    """
    errors = natural[: matrix.n]
    if not bool((errors.isfinite() & (errors > 0)).all()):
        raise singular(matrix)
    rows, columns = matrix._places(natural.device)
    filters = natural.new_zeros((matrix.n, matrix.k + 1))
    filters[:, 0] = 1.0
    filters[rows, rows - columns] = -natural[matrix.n :]
    return filters, errors


@linalg.kind.register(AntedependenceMatrix)
def _(matrix: AntedependenceMatrix) -> linalg.Kind:
    return "banded precision"


@linalg.bandwidth.register(AntedependenceMatrix)
def _(matrix: AntedependenceMatrix) -> int | None:
    return matrix.k


@linalg.precision.register(AntedependenceMatrix)
def _(matrix: AntedependenceMatrix, natural: Tensor) -> Tensor:
    return precision_bands(*_regular(matrix, natural))


@linalg.precision_derivatives.register(AntedependenceMatrix)
def _(matrix: AntedependenceMatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    filters, errors = _regular(matrix, natural)
    rows, columns = matrix._places(natural.device)
    filter_slopes = natural.new_zeros((len(index), *filters.shape))
    error_slopes = natural.new_zeros((len(index), matrix.n))
    for place, k in enumerate(index):
        if k < matrix.n:
            error_slopes[place, k] = 1.0
        else:
            row, column = int(rows[k - matrix.n]), int(columns[k - matrix.n])
            filter_slopes[place, row, row - column] = -1.0
    return precision_band_slopes(filters, errors, filter_slopes, error_slopes)


@linalg.solve.register(AntedependenceMatrix)
def _(matrix: AntedependenceMatrix, natural: Tensor, b: Tensor) -> Tensor:
    return solve_by_prediction(*_regular(matrix, natural), b)


@linalg.logdet.register(AntedependenceMatrix)
def _(matrix: AntedependenceMatrix, natural: Tensor) -> Tensor:
    return _regular(matrix, natural)[1].log().sum()


@linalg.matmul.register(AntedependenceMatrix)
def _(matrix: AntedependenceMatrix, natural: Tensor, b: Tensor) -> Tensor:
    if not matrix._surely_exact(natural):
        return linalg.matmul.default(matrix, natural, b)
    # Two triangular solutions: V itself would cost n^3.
    regression = matrix.regression(natural)
    back = torch.linalg.solve_triangular(regression.mT, b, upper=True, unitriangular=True)
    product: Tensor = torch.linalg.solve_triangular(
        regression, natural[: matrix.n, None] * back, upper=False, unitriangular=True
    )
    return product


@linalg.factor.register(AntedependenceMatrix)
def _(matrix: AntedependenceMatrix, natural: Tensor) -> Tensor:
    errors = natural[: matrix.n]
    if not bool((errors >= 0).all()):
        return linalg.factor.default(matrix, natural)
    return matrix.weights(natural) * errors.sqrt()


def _products(
    matrix: AntedependenceMatrix, natural: Tensor, index: Sequence[int]
) -> tuple[Tensor, Tensor] | None:
    """Vectors of the derivatives, as _outer gives them; None where something is held."""
    weights = matrix._exact_weights(natural)
    if weights is None:
        return None
    left, right = matrix._outer(natural, index, weights)
    return (left, right) if _small(left, right) else None


@linalg.derivative_matmul.register(AntedependenceMatrix)
def _(matrix: AntedependenceMatrix, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    products = _products(matrix, natural, index)
    if products is None:
        return linalg.derivative_matmul.default(matrix, natural, index, b)
    left, right = products
    return left[:, :, None] * (right @ b)[:, None, :] + right[:, :, None] * (left @ b)[:, None, :]


@linalg.derivative_diagonal.register(AntedependenceMatrix)
def _(matrix: AntedependenceMatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    products = _products(matrix, natural, index)
    if products is None:
        return linalg.derivative_diagonal.default(matrix, natural, index)
    left, right = products
    return 2 * left * right


@linalg.trace_against.register(AntedependenceMatrix)
def _(matrix: AntedependenceMatrix, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    products = _products(matrix, natural, index)
    if products is None:
        return linalg.trace_against.default(matrix, natural, index, a)
    left, right = products
    return ((left @ (a + a.mT)) * right).sum(1)
