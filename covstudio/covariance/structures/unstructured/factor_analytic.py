r"""Few factors behind many positions: factor analytic and reduced rank covariances.

The loadings :math:`\Lambda` of n positions on k factors are free on and below their diagonal and zero above
it, which rules out every rotation but the change of a column's sign. By convention the loading on the
diagonal, :math:`\lambda_{jj}`, is not negative: the defaults start there, and `signed_loadings` gives it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import Argument, declare
from covstudio.covariance.core.checks import check_size
from covstudio.covariance.core.leaf import Leaf, ParamSpecs
from covstudio.covariance.linalg.dense import singular
from covstudio.covariance.numerics.bordered import arrow_diagonals, arrow_matmul, arrows, positions
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.structures.elementary.elementary import SIZE_2, variance
from covstudio.covariance.structures.unstructured.lower_factor import FactorLeaf, LowerEntries

__all__ = ["FactorAnalyticMatrix", "IdentifiabilityWarning", "ReducedRankMatrix"]

_FACTORS = Argument(
    "k", "integer", "Factors", "Number of factors, at least 1 and below the size", default=1, minimum=1
)
_LOADING = "Loading of position i on factor k, which is zero for k > i."


class IdentifiabilityWarning(UserWarning):
    """Different parameters give the same covariance: an estimate is one of many that fit as well."""


def check_factors(n: object, k: object, label: str) -> tuple[int, int]:
    """The size and the number of factors as ints.

    Raises:
        TypeError: one of them is not an int.
        ValueError: n is below 2, or k not between 1 and n - 1.
    """
    size = check_size(n, minimum=2, reason="factors explain what positions share")
    count = check_size(k, "k")
    if count >= size:
        raise ValueError(
            f"{label}: k must be between 1 and n - 1 = {size - 1}, got {count}; give fewer factors, or use "
            f"UnstructuredMatrix({size}) for a covariance of full rank"
        )
    return size, count


def signed(loadings: Tensor) -> Tensor:
    """Loadings with their columns' signs by convention: those on the diagonal are not negative.

    Example:
        >>> signed(torch.tensor([[-1.0, 0.0], [2.0, 3.0]]))
        tensor([[ 1.,  0.],
                [-2.,  3.]])
    """
    return torch.where(loadings.diagonal() < 0, -loadings, loadings)


def _loadings(entries: LowerEntries) -> list[Parameter]:
    return [Parameter(f"lambda_{i}_{j}", default=1.0) for i, j in entries.pairs]


def _pieces(
    matrix: FactorAnalyticMatrix, natural: Tensor, index: Sequence[int]
) -> tuple[list[int], list[int], list[int], list[int]]:
    """Where in `index` the loadings stand and which they are, and the same of the specific variances."""
    count = len(matrix._entries)
    loadings = [place for place, k in enumerate(index) if k < count]
    others = [place for place, k in enumerate(index) if k >= count]
    return loadings, [index[place] for place in loadings], others, [index[place] - count for place in others]


@declare(
    title="Factor analytic",
    category="Unstructured",
    place=4,
    formula=(
        r"\mathbf{V} = \boldsymbol{\Lambda} \boldsymbol{\Lambda}^\top + \boldsymbol{\Psi}, \quad "
        r"\Lambda_{ik} = 0 \text{ for } k > i, \quad "
        r"\boldsymbol{\Psi} = \operatorname{diag}(\psi_0, \ldots, \psi_{n-1})"
    ),
    symbol="ΛΛᵀ + Ψ",
    keywords=("genotype by environment", "multi-environment trials"),
    summary="A few common factors, and for each position a variance of its own that they do not explain.",
    arguments=(
        SIZE_2,
        _FACTORS,
        Argument("equal_psi", "flag", "Equal psi", "One specific variance for all positions", default=False),
    ),
    aliases={
        "ASReml": ("fa", "fa1", "fa2", "fa3", "sfa", "facv", "xfa1", "xfa2"),
        "SAS": ("FA(q)", "FA(1)", "FA(2)", "FA1(q)", "FA1(1)", "FA1(2)"),
    },
    reference=(
        "Smith, Cullis & Thompson (2001), Analyzing variety by environment data using multiplicative mixed "
        "models and adjustments for spatial field trend, Biometrics 57, 1138-1147"
    ),
    parameters={
        "lambda_i_k": _LOADING,
        "psi_i": "Specific variance of position i: what the factors do not explain.",
        "psi": "Specific variance of every position: what the factors do not explain.",
    },
    usage={
        "ASReml": "fa(site, 2):id(genotype)",
        "SAS": "random site / subject=genotype type=fa(2);",
    },
    psd=True,
    example=lambda: FactorAnalyticMatrix(4, 1),
)
class FactorAnalyticMatrix(Leaf):
    r"""A factor analytic covariance, :math:`V = \Lambda \Lambda^\top + \Psi`.

    Parameters: `lambda_i_k` row by row for k <= i (loadings, raw and natural alike, default 1), then
    `psi_0`, ..., `psi_{n-1}` (natural: specific variances; raw: exp(2 theta), default 0), or a single
    `psi` with `equal_psi`.

    Loadings above the diagonal are zero, which leaves no rotation but the sign of each column; by convention
    :math:`\lambda_{jj} \ge 0` (see `signed_loadings`). The defaults differ between columns only by those
    zeros. That is no stationary point: the columns part at the first step.

    There are no more parameters than variances and covariances as long as :math:`(n - k)^2 \ge n + k`
    (Ledermann 1937). Beyond, a warning says that the estimates are not identified; the covariance itself is.
    With equal specific variances every k below n is identified.

    Args:
        n: Number of rows and columns, an int of at least 2.
        k: Number of factors, an int from 1 to n - 1.
        equal_psi: Whether all positions share one specific variance (SAS's FA1).
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n` or `k` is not an int, or `equal_psi` not a bool.
        ValueError: `n` is below 2, or `k` not between 1 and n - 1.

    Warns:
        IdentifiabilityWarning: there are more factors than Ledermann's bound allows.

    Example:
        >>> import torch
        >>> from covstudio.covariance import FactorAnalyticMatrix
        >>> matrix = FactorAnalyticMatrix(3, 1)
        >>> matrix.param_names
        ['lambda_0_0', 'lambda_1_0', 'lambda_2_0', 'psi_0', 'psi_1', 'psi_2']
        >>> matrix(torch.tensor([1.0, 2.0, 3.0, 0.0, 0.0, 0.5]))
        tensor([[ 2.0000,  2.0000,  3.0000],
                [ 2.0000,  5.0000,  6.0000],
                [ 3.0000,  6.0000, 11.7183]])

    Reference:
        Smith, Cullis & Thompson (2001), Analyzing variety by environment data using multiplicative mixed
        models and adjustments for spatial field trend, Biometrics 57, 1138-1147; Ledermann (1937), On the
        rank of the reduced correlational matrix in multiple-factor analysis, Psychometrika 2, 85-93.
    """

    _definite = True

    def __init__(
        self, n: int, k: int = 1, equal_psi: bool = False, param_specs: ParamSpecs | None = None
    ) -> None:
        if not isinstance(equal_psi, bool):
            raise TypeError(
                f"equal_psi must be True or False, got {equal_psi!r} ({type(equal_psi).__name__}); the "
                "declaration of parameters goes to param_specs="
            )
        self.equal_psi = equal_psi
        self.n, self.k = check_factors(n, k, type(self).__name__)
        self._entries = LowerEntries(self.n, self.k)
        names = ["psi"] if equal_psi else [f"psi_{i}" for i in range(self.n)]
        defaults = [*_loadings(self._entries), *(variance(name) for name in names)]
        super().__init__((self.n, self.n), param_specs, defaults)
        if not equal_psi and (self.n - self.k) ** 2 < self.n + self.k:
            most = max((q for q in range(1, self.n) if (self.n - q) ** 2 >= self.n + q), default=0)
            advice = f"take at most {most}" if most else f"use UnstructuredMatrix({self.n})"
            warnings.warn(
                f"FactorAnalyticMatrix({self.n}, {self.k}) is not identified: Ledermann's bound is "
                f"(n - k)^2 >= n + k, got {(self.n - self.k) ** 2} < {self.n + self.k}, so many loadings and "
                f"specific variances give the same covariance; {advice}, or equal_psi=True",
                IdentifiabilityWarning,
                stacklevel=2,
            )

    def loadings(self, natural: Tensor) -> Tensor:
        """Lambda, shape (n, k), zero above its diagonal, from the natural values."""
        return self._entries.fill(natural[: len(self._entries)])

    def signed_loadings(self, natural: Tensor) -> Tensor:
        """Lambda, shape (n, k), with its columns' signs by convention."""
        return signed(self.loadings(natural))

    def specific(self, natural: Tensor) -> Tensor:
        """The specific variances psi, shape (n,), from the natural values."""
        return natural[len(self._entries) :].expand(self.n)

    def evaluate(self, natural: Tensor) -> Tensor:
        """Lambda Lambda' + Psi, shape (n, n), from natural values: loadings row by row, then psi."""
        loadings = self.loadings(natural)
        return loadings @ loadings.mT + torch.diag_embed(self.specific(natural))

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dV/d lambda_ij = e_i l_j' + l_j e_i' and dV/d psi_i = e_i e_i', shape (len(index), n, n)."""
        out = natural.new_empty((len(index), self.n, self.n))
        places, loadings, others, specific = _pieces(self, natural, index)
        out[places] = arrows(*self._entries.shafts(self.loadings(natural), loadings))
        out[others] = torch.diag_embed(_specific_slopes(self, natural, specific))
        return out


def _specific_slopes(matrix: FactorAnalyticMatrix, natural: Tensor, which: Sequence[int]) -> Tensor:
    """Derivatives of the diagonal by chosen specific variances, shape (len(which), n)."""
    if matrix.equal_psi:
        return natural.new_ones((len(which), matrix.n))
    return torch.nn.functional.one_hot(positions(which, natural.device), matrix.n).to(natural.dtype)


def _woodbury(matrix: FactorAnalyticMatrix, natural: Tensor) -> tuple[Tensor, Tensor, Tensor] | None:
    """Lambda, psi and the Cholesky factor of I + Lambda' Psi^-1 Lambda.

    None where a specific variance is so small beside the factors' that to divide by it would cost digits: a
    Heywood case, in which V can be far from singular.
    """
    loadings, specific = matrix.loadings(natural), matrix.specific(natural)
    least = torch.finfo(natural.dtype).eps ** 0.25
    if not bool((specific > least * (loadings**2).sum(1)).all()):
        return None
    eye = torch.eye(matrix.k, dtype=natural.dtype, device=natural.device)
    inner = eye + loadings.mT @ (loadings / specific[:, None])
    return loadings, specific, torch.linalg.cholesky(inner)


@linalg.kind.register(FactorAnalyticMatrix)
def _(matrix: FactorAnalyticMatrix) -> linalg.Kind:
    return "low rank"


@linalg.matmul.register(FactorAnalyticMatrix)
def _(matrix: FactorAnalyticMatrix, natural: Tensor, b: Tensor) -> Tensor:
    loadings = matrix.loadings(natural)
    return loadings @ (loadings.mT @ b) + matrix.specific(natural)[:, None] * b


@linalg.diagonal.register(FactorAnalyticMatrix)
def _(matrix: FactorAnalyticMatrix, natural: Tensor) -> Tensor:
    return (matrix.loadings(natural) ** 2).sum(1) + matrix.specific(natural)


@linalg.solve.register(FactorAnalyticMatrix)
def _(matrix: FactorAnalyticMatrix, natural: Tensor, b: Tensor) -> Tensor:
    parts = _woodbury(matrix, natural)
    if parts is None:
        return linalg.solve.default(matrix, natural, b)
    loadings, specific, inner = parts
    own = b / specific[:, None]
    common = torch.cholesky_solve(loadings.mT @ own, inner)
    solution: Tensor = own - (loadings @ common) / specific[:, None]
    return solution


@linalg.logdet.register(FactorAnalyticMatrix)
def _(matrix: FactorAnalyticMatrix, natural: Tensor) -> Tensor:
    parts = _woodbury(matrix, natural)
    if parts is None:
        return linalg.logdet.default(matrix, natural)
    return parts[1].log().sum() + 2.0 * parts[2].diagonal().log().sum()


@linalg.derivative_matmul.register(FactorAnalyticMatrix)
def _(matrix: FactorAnalyticMatrix, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    out = b.new_empty((len(index), *b.shape))
    places, loadings, others, specific = _pieces(matrix, natural, index)
    out[places] = arrow_matmul(*matrix._entries.shafts(matrix.loadings(natural), loadings), b)
    out[others] = _specific_slopes(matrix, natural, specific)[:, :, None] * b
    return out


@linalg.derivative_diagonal.register(FactorAnalyticMatrix)
def _(matrix: FactorAnalyticMatrix, natural: Tensor, index: Sequence[int]) -> Tensor:
    out = natural.new_empty((len(index), matrix.n))
    places, loadings, others, specific = _pieces(matrix, natural, index)
    out[places] = arrow_diagonals(*matrix._entries.shafts(matrix.loadings(natural), loadings))
    out[others] = _specific_slopes(matrix, natural, specific)
    return out


@linalg.trace_against.register(FactorAnalyticMatrix)
def _(matrix: FactorAnalyticMatrix, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    out = natural.new_empty(len(index))
    places, loadings, others, specific = _pieces(matrix, natural, index)
    out[places] = matrix._entries.traces(matrix.loadings(natural), loadings, a)
    out[others] = _specific_slopes(matrix, natural, specific) @ a.diagonal()
    return out


@declare(
    title="Reduced rank",
    category="Unstructured",
    place=5,
    formula=(
        r"\mathbf{V} = \boldsymbol{\Lambda} \boldsymbol{\Lambda}^\top, \quad "
        r"\Lambda_{ik} = 0 \text{ for } k > i"
    ),
    symbol="ΛΛᵀ",
    summary="A few common factors explain everything: a singular covariance of rank k.",
    arguments=(SIZE_2, _FACTORS),
    aliases={
        "ASReml": ("rr", "rr1", "rr2"),
        "SAS": ("FA0(q)", "FA0(1)", "FA0(2)"),
        "glmmTMB": ("rr",),
    },
    reference=(
        "Kirkpatrick & Meyer (2004), Direct estimation of genetic principal components: simplified analysis "
        "of complex phenotypes, Genetics 168, 2295-2306"
    ),
    parameters={"lambda_i_k": _LOADING},
    usage={
        "ASReml": "rr(site, 2):id(genotype)",
        "SAS": "random site / subject=genotype type=fa0(2);",
        "glmmTMB": "rr(0 + site | genotype, d = 2)",
    },
    psd=True,
    example=lambda: ReducedRankMatrix(4, 2),
)
class ReducedRankMatrix(FactorLeaf):
    r"""A covariance of rank k, :math:`V = \Lambda \Lambda^\top`.

    Parameters: `lambda_i_k` row by row for k <= i (loadings, raw and natural alike, default 1). Loadings
    above the diagonal are zero, which leaves no rotation but the sign of each column; by convention
    :math:`\lambda_{jj} \ge 0` (see `signed_loadings`). V is singular for every theta: it is a term of a
    model beside others, or `FactorAnalyticMatrix` without specific variances.

    Args:
        n: Number of rows and columns, an int of at least 2.
        k: Number of factors, the rank, an int from 1 to n - 1.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n` or `k` is not an int.
        ValueError: `n` is below 2, or `k` not between 1 and n - 1.

    Example:
        >>> import torch
        >>> from covstudio.covariance import ReducedRankMatrix
        >>> matrix = ReducedRankMatrix(3, 2)
        >>> matrix.param_names
        ['lambda_0_0', 'lambda_1_0', 'lambda_1_1', 'lambda_2_0', 'lambda_2_1']
        >>> matrix(torch.tensor([1.0, 2.0, 1.0, 3.0, 0.0]))
        tensor([[1., 2., 3.],
                [2., 5., 6.],
                [3., 6., 9.]])

    Reference:
        Kirkpatrick & Meyer (2004), Direct estimation of genetic principal components: simplified analysis of
        complex phenotypes, Genetics 168, 2295-2306.
    """

    def __init__(self, n: int, k: int = 1, param_specs: ParamSpecs | None = None) -> None:
        size, self.k = check_factors(n, k, type(self).__name__)
        super().__init__(size, self.k, param_specs, _loadings(LowerEntries(size, self.k)))

    def loadings(self, natural: Tensor) -> Tensor:
        """Lambda, shape (n, k), zero above its diagonal, from the natural values."""
        return self.factor(natural)

    def signed_loadings(self, natural: Tensor) -> Tensor:
        """Lambda, shape (n, k), with its columns' signs by convention."""
        return signed(self.loadings(natural))


@linalg.kind.register(ReducedRankMatrix)
def _(matrix: ReducedRankMatrix) -> linalg.Kind:
    return "low rank"


@linalg.solve.register(ReducedRankMatrix)
def _(matrix: ReducedRankMatrix, natural: Tensor, b: Tensor) -> Tensor:
    raise singular(matrix)


@linalg.logdet.register(ReducedRankMatrix)
def _(matrix: ReducedRankMatrix, natural: Tensor) -> Tensor:
    raise singular(matrix)
