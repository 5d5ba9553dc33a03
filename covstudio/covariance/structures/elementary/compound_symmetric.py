r"""One common correlation: equicorrelation, compound symmetry, and what is closed-form about them.

The matrix :math:`R = (1 - \rho) I_n + \rho J_n` has the eigenvalues :math:`1 - \rho` (n - 1 times) and
:math:`1 + (n - 1) \rho` (Searle, Casella & McCulloch 1992, appendix M), so that its inverse, determinant and
square root cost nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import declare
from covstudio.covariance.core.checks import check_correlated_size
from covstudio.covariance.core.leaf import Leaf, ParamSpecs
from covstudio.covariance.core.rows import OnDiagonal, Rows
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.structures.elementary.elementary import SIZE_2, bounded, variance


def equicorrelation(n: int, rho: Tensor) -> Tensor:
    """The n x n matrix with exact ones on the diagonal and rho elsewhere."""
    one = torch.eye(n, dtype=torch.bool, device=rho.device)
    return torch.where(one, torch.ones_like(rho), rho)


def fill_symmetric(out: Tensor, diagonal: float, others: float) -> None:
    """Write one number on the diagonal of a square matrix and another off it; infinity for overflow."""
    most = _most(out.dtype)
    for target, number in ((out, others), (out.diagonal(), diagonal)):
        target.fill_(number if not abs(number) > most else math.copysign(math.inf, number))


@lru_cache
def _most(dtype: torch.dtype) -> float:
    return float(torch.finfo(dtype).max)


def apart(b: Tensor) -> Tensor:
    """(J - I) b, the derivative of R by rho times b, along the last dimension but one."""
    return b.sum(-2, keepdim=True) - b


def apart_trace(a: Tensor) -> Tensor:
    """The sum of the entries of a matrix off its diagonal, 0-d."""
    return a.sum() - a.diagonal().sum()


def equicorrelation_matmul(rho: Tensor, b: Tensor) -> Tensor:
    """R b for b of shape (n, m)."""
    return (1 - rho) * b + rho * b.sum(0, keepdim=True)


def equicorrelation_eigenvalues(n: int, rho: Tensor) -> tuple[Tensor, Tensor] | None:
    """1 - rho and 1 + (n - 1) rho, or None unless both are positive to working precision."""
    within, between = 1 - rho, 1 + (n - 1) * rho
    least = n * torch.finfo(rho.dtype).eps
    return (within, between) if float(within) > least and float(between) > least else None


def equicorrelation_solve(eigenvalues: tuple[Tensor, Tensor], b: Tensor) -> Tensor:
    """R^-1 b: what varies within a column of b and its mean are divided by an eigenvalue each."""
    within, between = eigenvalues
    mean = b.mean(0, keepdim=True)
    return (b - mean) / within + mean / between


def equicorrelation_logdet(n: int, eigenvalues: tuple[Tensor, Tensor]) -> Tensor:
    """log det R, 0-d."""
    within, between = eigenvalues
    return (n - 1) * within.log() + between.log()


def equicorrelation_root(n: int, eigenvalues: tuple[Tensor, Tensor]) -> Tensor:
    """The symmetric square root of R, shape (n, n)."""
    within, between = (eigenvalue.sqrt() for eigenvalue in eigenvalues)
    root: Tensor = torch.diag_embed(within.expand(n)) + (between - within) / n
    return root


class EquicorrelatedLeaf(Leaf):
    """A variance, or none, times one common correlation.

    Args:
        n: Number of rows and columns.
        param_specs: The caller's declaration, or None.
        scaled: Whether a variance precedes the correlation.

    Raises:
        TypeError: `n` is not an int.
        ValueError: `n` is below 2.
    """

    _definite = True

    def __init__(self, n: object, param_specs: ParamSpecs | None, scaled: bool) -> None:
        self.n = check_correlated_size(n)
        self._scaled = scaled
        rho = Parameter("rho", bounded(-1 / (self.n - 1)))
        super().__init__((self.n, self.n), param_specs, [variance(), rho] if scaled else [rho])

    def split(self, natural: Tensor) -> tuple[Tensor, Tensor]:
        """The variance, 1 where there is none, and the correlation, from the natural values."""
        return (natural[0] if self._scaled else natural.new_ones(())), natural[-1]

    def is_variance(self, k: int) -> bool:
        """Whether parameter k is the variance."""
        return self._scaled and k == 0

    def evaluate(self, natural: Tensor) -> Tensor:
        """sigma^2 [(1 - rho) I + rho J], shape (n, n), from natural values; without sigma^2, of 1."""
        sigma2, rho = self.split(natural)
        diagonal = torch.eye(self.n, dtype=torch.bool, device=natural.device)
        return torch.where(diagonal, sigma2, sigma2 * rho)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dV/d sigma^2 = V / sigma^2 and dV/d rho = sigma^2 (J - I), shape (len(index), n, n)."""
        sigma2, rho = self.split(natural)
        others = 1 - torch.eye(self.n, dtype=natural.dtype, device=natural.device)
        slices = [equicorrelation(self.n, rho) if self.is_variance(k) else sigma2 * others for k in index]
        return torch.stack(slices) if slices else natural.new_zeros((0, self.n, self.n))

    def write(
        self, natural: Tensor, value: Tensor | None, index: Sequence[int], slopes: Tensor, slices: Tensor
    ) -> None:
        """Write two numbers each, one on the diagonal and one off it; see `Matrix.write`."""
        # Two numbers say all: they are taken out of torch once.
        sigma2, rho = natural.tolist() if self._scaled else (1.0, natural.item())
        if value is not None:
            fill_symmetric(value, sigma2, sigma2 * rho)
        for k, slope, target in zip(index, slopes.tolist(), slices.unbind(), strict=True) if index else ():
            if self.is_variance(k):
                fill_symmetric(target, slope, slope * rho)
            else:
                fill_symmetric(target, 0.0, slope * sigma2)

    def by_rows(self, natural: Tensor, k: int | None) -> Rows:
        """V or a derivative of it, from two numbers; see `Matrix.by_rows`."""
        sigma2, rho = (number.item() for number in self.split(natural))
        if k is None:
            on, off = sigma2, sigma2 * rho
        else:
            on, off = (1.0, rho) if self.is_variance(k) else (sigma2 * 0.0, sigma2)
        return OnDiagonal(natural.new_full((self.n,), on), off)


@declare(
    title="Equicorrelation",
    category="Elementary",
    formula=r"\mathbf{V} = (1 - \rho)\,\mathbf{I}_n + \rho\,\mathbf{J}_n",
    symbol="(1−ρ)I + ρJ",
    summary="Unit variances and one common correlation between all pairs, which are exchangeable.",
    arguments=(SIZE_2,),
    aliases={
        "torch-openreml": ("EquicorrelationMatrix",),
        "ASReml": ("cor",),
        "nlme": ("corCompSymm",),
    },
    reference="Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.3",
    parameters={"rho": "Correlation of any two positions, between -1/(n-1) and 1."},
    usage={"ASReml": "cor(site):id(genotype)", "nlme": "correlation = corCompSymm(form = ~ 1 | id)"},
    psd=True,
    linear="affine",
    exchangeable=True,
    example=lambda: EquicorrelationMatrix(4),
)
class EquicorrelationMatrix(EquicorrelatedLeaf):
    r"""One common correlation, :math:`V = (1 - \rho) I_n + \rho J_n` with :math:`\rho \in (-1/(n-1), 1)`.

    Parameters: `rho` (natural: a correlation, positive definite on the open interval; raw: sigmoid, then
    scaled and shifted onto it; default 0, the middle of the interval).

    Args:
        n: Number of rows and columns, an int of at least 2.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n` is not an int.
        ValueError: `n` is below 2.

    Example:
        >>> import torch
        >>> from covstudio.covariance import EquicorrelationMatrix
        >>> EquicorrelationMatrix(3)(torch.tensor([1.0]))
        tensor([[1.0000, 0.5966, 0.5966],
                [0.5966, 1.0000, 0.5966],
                [0.5966, 0.5966, 1.0000]])

    Reference:
        Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 5.3 (corCompSymm).
    """

    def __init__(self, n: int, param_specs: ParamSpecs | None = None) -> None:
        super().__init__(n, param_specs, scaled=False)


@declare(
    title="Compound symmetric",
    category="Elementary",
    formula=r"\mathbf{V} = \sigma^2 \left[ (1 - \rho)\,\mathbf{I}_n + \rho\,\mathbf{J}_n \right]",
    symbol="σ²[(1−ρ)I + ρJ]",
    keywords=("split plot",),
    summary="Compound symmetry: one common variance, and one common correlation between all pairs.",
    arguments=(SIZE_2,),
    aliases={
        "torch-openreml": ("CompoundSymmetricMatrix",),
        "ASReml": ("corv",),
        "SAS": ("CS",),
        "nlme": ("pdCompSymm",),
        "glmmTMB": ("homcs",),
    },
    reference="Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 4.2.2",
    parameters={
        "sigma^2": "Variance of every position.",
        "rho": "Correlation of any two positions, between -1/(n-1) and 1.",
    },
    usage={
        "ASReml": "corv(site):id(genotype)",
        "SAS": "repeated time / subject=id type=cs;",
        "nlme": "random = list(block = pdCompSymm(~ variety - 1))",
        "glmmTMB": "homcs(0 + site | genotype)",
    },
    psd=True,
    scale="sigma^2",
    exchangeable=True,
    example=lambda: CompoundSymmetricMatrix(4),
)
class CompoundSymmetricMatrix(EquicorrelatedLeaf):
    r"""Compound symmetry, :math:`V = \sigma^2 [(1-\rho) I_n + \rho J_n]`, :math:`-1/(n-1) < \rho < 1`.

    Parameters: `sigma^2` (natural: the variance of a row; raw: exp(2 theta), default 0) and `rho`
    (natural: a correlation; raw: sigmoid, then scaled and shifted onto its interval, default 0).

    Args:
        n: Number of rows and columns, an int of at least 2.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n` is not an int.
        ValueError: `n` is below 2.

    Example:
        >>> import torch
        >>> from covstudio.covariance import CompoundSymmetricMatrix
        >>> CompoundSymmetricMatrix(3)(torch.tensor([0.5, 1.0]))
        tensor([[2.7183, 1.6217, 1.6217],
                [1.6217, 2.7183, 1.6217],
                [1.6217, 1.6217, 2.7183]])

    Reference:
        Pinheiro & Bates (2000), Mixed-Effects Models in S and S-PLUS, section 4.2.2 (pdCompSymm).
    """

    def __init__(self, n: int, param_specs: ParamSpecs | None = None) -> None:
        super().__init__(n, param_specs, scaled=True)


def _definite(matrix: EquicorrelatedLeaf, natural: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]] | None:
    """The variance and the eigenvalues of the correlation, or None unless V is positive definite."""
    sigma2, rho = matrix.split(natural)
    eigenvalues = equicorrelation_eigenvalues(matrix.n, rho)
    return (sigma2, eigenvalues) if eigenvalues is not None and float(sigma2) > 0 else None


@linalg.kind.register(EquicorrelatedLeaf)
def _(matrix: EquicorrelatedLeaf) -> linalg.Kind:
    return "toeplitz"


@linalg.matmul.register(EquicorrelatedLeaf)
def _(matrix: EquicorrelatedLeaf, natural: Tensor, b: Tensor) -> Tensor:
    sigma2, rho = matrix.split(natural)
    return sigma2 * equicorrelation_matmul(rho, b)


@linalg.diagonal.register(EquicorrelatedLeaf)
def _(matrix: EquicorrelatedLeaf, natural: Tensor) -> Tensor:
    return matrix.split(natural)[0].repeat(matrix.n)


@linalg.solve.register(EquicorrelatedLeaf)
def _(matrix: EquicorrelatedLeaf, natural: Tensor, b: Tensor) -> Tensor:
    # What is not positive definite goes the dense way, which knows an indefinite from a singular matrix.
    parts = _definite(matrix, natural)
    if parts is None:
        return linalg.solve.default(matrix, natural, b)
    return equicorrelation_solve(parts[1], b) / parts[0]


@linalg.logdet.register(EquicorrelatedLeaf)
def _(matrix: EquicorrelatedLeaf, natural: Tensor) -> Tensor:
    parts = _definite(matrix, natural)
    if parts is None:
        return linalg.logdet.default(matrix, natural)
    return matrix.n * parts[0].log() + equicorrelation_logdet(matrix.n, parts[1])


@linalg.factor.register(EquicorrelatedLeaf)
def _(matrix: EquicorrelatedLeaf, natural: Tensor) -> Tensor:
    parts = _definite(matrix, natural)
    if parts is None:
        return linalg.factor.default(matrix, natural)
    return parts[0].sqrt() * equicorrelation_root(matrix.n, parts[1])


@linalg.derivative_matmul.register(EquicorrelatedLeaf)
def _(matrix: EquicorrelatedLeaf, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    sigma2, rho = matrix.split(natural)
    pieces = [equicorrelation_matmul(rho, b) if matrix.is_variance(k) else sigma2 * apart(b) for k in index]
    return torch.stack(pieces) if pieces else b.new_zeros((0, *b.shape))


@linalg.derivative_diagonal.register(EquicorrelatedLeaf)
def _(matrix: EquicorrelatedLeaf, natural: Tensor, index: Sequence[int]) -> Tensor:
    out = natural.new_zeros((len(index), matrix.n))
    for row, k in enumerate(index):
        out[row] = 1.0 if matrix.is_variance(k) else 0.0
    return out


@linalg.trace_against.register(EquicorrelatedLeaf)
def _(matrix: EquicorrelatedLeaf, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    sigma2, rho = matrix.split(natural)
    others = apart_trace(a)
    pieces = [a.diagonal().sum() + rho * others if matrix.is_variance(k) else sigma2 * others for k in index]
    return torch.stack(pieces) if pieces else natural.new_zeros(0)
