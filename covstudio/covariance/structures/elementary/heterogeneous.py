r"""A variance of its own for each position around a correlation: :math:`V = D^{1/2} C D^{1/2}`.

Heterogeneous compound symmetry is the simplest of these; other families give correlations of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from covstudio.covariance import linalg
from covstudio.covariance.core.catalogue import declare
from covstudio.covariance.core.checks import check_correlated_size
from covstudio.covariance.core.leaf import Leaf, ParamSpecs
from covstudio.covariance.numerics.bordered import arrow_matmul, arrow_traces, arrows, positions
from covstudio.covariance.numerics.triangular import lower_of
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.structures.elementary.compound_symmetric import (
    apart,
    apart_trace,
    equicorrelation,
    equicorrelation_eigenvalues,
    equicorrelation_logdet,
    equicorrelation_matmul,
    equicorrelation_root,
    equicorrelation_solve,
)
from covstudio.covariance.structures.elementary.elementary import SIZE_2, bounded, variance

__all__ = [
    "HeterogeneousCompoundSymmetricMatrix",
    "HeterogeneousLeaf",
    "half_inverse",
    "recoded_pair",
    "standard_deviations",
    "two_positions",
]


def standard_deviations(variances: Tensor) -> Tensor:
    """The square roots of variances; their slope at a variance of zero is taken as zero, not infinity.

    Example:
        >>> standard_deviations(torch.tensor([0.0, 4.0]))
        tensor([0., 2.])
    """
    positive = variances > 0
    return torch.where(positive, torch.where(positive, variances, 1.0).sqrt(), 0.0)


def half_inverse(variances: Tensor) -> Tensor:
    """1 / (2 sigma^2), by which the covariances of a position grow with its variance; 0 at zero.

    Example:
        >>> half_inverse(torch.tensor([0.0, 4.0]))
        tensor([0.0000, 0.1250])
    """
    positive = variances > 0
    return torch.where(positive, 0.5 / torch.where(positive, variances, 1.0), 0.0)


class HeterogeneousLeaf(Leaf):
    r"""A correlation matrix and a variance for each position, :math:`V_{ij} = \sigma_i \sigma_j C_{ij}`.

    Parameters: `sigma^2_0`, ..., `sigma^2_{n-1}`, then those of the correlation. A subclass gives the
    correlation and its derivatives, and may say how to do better than with the n x n correlation itself;
    everything else follows.

    Where a variance is exactly zero, the covariances of its position grow infinitely fast with it; their
    derivatives are set to zero there, so that they stay numbers.

    Args:
        n: Number of rows and columns.
        param_specs: The caller's declaration, or None.
        shapes: The parameters of the correlation, which follow the n variances.

    Raises:
        TypeError: `param_specs` is not a mapping.
        ValueError: it declares another number of parameters than the formula has.

    Example:
        >>> from covstudio.covariance import HeterogeneousCompoundSymmetricMatrix
        >>> HeterogeneousCompoundSymmetricMatrix(2).param_names
        ['sigma^2_0', 'sigma^2_1', 'rho']
    """

    def __init__(self, n: int, param_specs: ParamSpecs | None, shapes: Sequence[Parameter]) -> None:
        self.n = n
        variances = [variance(f"sigma^2_{i}") for i in range(n)]
        super().__init__((n, n), param_specs, [*variances, *shapes])

    def correlation(self, shapes: Tensor) -> Tensor:
        """C, shape (n, n), with ones on its diagonal, from the natural values of its parameters."""
        raise NotImplementedError(f"{type(self).__name__} does not override correlation.")

    def correlation_slopes(self, shapes: Tensor, index: Sequence[int]) -> Tensor:
        """dC by the parameters at the given positions among C's own, shape (len(index), n, n)."""
        raise NotImplementedError(f"{type(self).__name__} does not override correlation_slopes.")

    def _correlation_matmul(self, shapes: Tensor, b: Tensor) -> Tensor:
        return self.correlation(shapes) @ b

    def _slopes_matmul(self, shapes: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
        return self.correlation_slopes(shapes, index) @ b

    def _slopes_trace(self, shapes: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
        return torch.einsum("kij,ij->k", self.correlation_slopes(shapes, index), a)

    def _correlation_solve(self, shapes: Tensor, b: Tensor) -> Tensor | None:
        """C^-1 b where there is a way quicker than the dense one, else None; also where C is singular."""
        return None

    def _correlation_logdet(self, shapes: Tensor) -> Tensor | None:
        """log det C, as above."""
        return None

    def _correlation_factor(self, shapes: Tensor) -> Tensor | None:
        """A factor of C, as above."""
        return None

    def evaluate(self, natural: Tensor) -> Tensor:
        """sigma_i sigma_j C_ij, shape (n, n), from natural values: n variances, then C's own."""
        deviations = standard_deviations(natural[: self.n])
        value = deviations[:, None] * deviations * self.correlation(natural[self.n :])
        eye = torch.eye(self.n, dtype=torch.bool, device=natural.device)
        return torch.where(eye, natural[: self.n], value)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        """dV/d sigma^2_i, a row and a column, and dV by C's parameters, shape (len(index), n, n)."""
        out = natural.new_empty((len(index), self.n, self.n))
        places, tips, shafts = self._arrows(natural, index)
        if places:
            out[places] = arrows(tips, shafts)
        others, own = self._others(index)
        if others:
            deviations = standard_deviations(natural[: self.n])
            slopes = self.correlation_slopes(natural[self.n :], own)
            out[others] = deviations[:, None] * deviations * slopes
        return out

    def _arrows(self, natural: Tensor, index: Sequence[int]) -> tuple[list[int], Tensor, Tensor]:
        """Where in `index` the variances stand, their positions, and the shafts of their derivatives."""
        places = [place for place, k in enumerate(index) if k < self.n]
        tips = positions([index[place] for place in places], natural.device)
        if not places:
            return places, tips, natural.new_zeros((0, self.n))
        shafts = self.evaluate(natural)[tips] * half_inverse(natural[: self.n])[tips, None]
        shafts[torch.arange(len(tips), device=tips.device), tips] = 0.5
        return places, tips, shafts

    def _others(self, index: Sequence[int]) -> tuple[list[int], list[int]]:
        """Where in `index` the correlation's parameters stand, and their positions among its own."""
        places = [place for place, k in enumerate(index) if k >= self.n]
        return places, [index[place] - self.n for place in places]


def _regular(matrix: HeterogeneousLeaf, natural: Tensor) -> bool:
    return bool((natural[: matrix.n] > 0).all())


@linalg.matmul.register(HeterogeneousLeaf)
def _(matrix: HeterogeneousLeaf, natural: Tensor, b: Tensor) -> Tensor:
    deviations = standard_deviations(natural[: matrix.n])[:, None]
    return deviations * matrix._correlation_matmul(natural[matrix.n :], deviations * b)


@linalg.diagonal.register(HeterogeneousLeaf)
def _(matrix: HeterogeneousLeaf, natural: Tensor) -> Tensor:
    return natural[: matrix.n].clone()


@linalg.solve.register(HeterogeneousLeaf)
def _(matrix: HeterogeneousLeaf, natural: Tensor, b: Tensor) -> Tensor:
    if _regular(matrix, natural):
        deviations = natural[: matrix.n].sqrt()[:, None]
        solution = matrix._correlation_solve(natural[matrix.n :], b / deviations)
        if solution is not None:
            return solution / deviations
    return linalg.solve.default(matrix, natural, b)


@linalg.logdet.register(HeterogeneousLeaf)
def _(matrix: HeterogeneousLeaf, natural: Tensor) -> Tensor:
    if _regular(matrix, natural):
        log = matrix._correlation_logdet(natural[matrix.n :])
        if log is not None:
            return natural[: matrix.n].log().sum() + log
    return linalg.logdet.default(matrix, natural)


@linalg.factor.register(HeterogeneousLeaf)
def _(matrix: HeterogeneousLeaf, natural: Tensor) -> Tensor:
    lower = matrix._correlation_factor(natural[matrix.n :])
    if lower is None or not bool((natural[: matrix.n] >= 0).all()):
        return linalg.factor.default(matrix, natural)
    return standard_deviations(natural[: matrix.n])[:, None] * lower


@linalg.derivative_matmul.register(HeterogeneousLeaf)
def _(matrix: HeterogeneousLeaf, natural: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
    out = b.new_empty((len(index), *b.shape))
    places, tips, shafts = matrix._arrows(natural, index)
    if places:
        out[places] = arrow_matmul(tips, shafts, b)
    others, own = matrix._others(index)
    if others:
        deviations = standard_deviations(natural[: matrix.n])[:, None]
        out[others] = deviations * matrix._slopes_matmul(natural[matrix.n :], own, deviations * b)
    return out


@linalg.derivative_diagonal.register(HeterogeneousLeaf)
def _(matrix: HeterogeneousLeaf, natural: Tensor, index: Sequence[int]) -> Tensor:
    # The variances are the diagonal.
    places = torch.arange(matrix.n, device=natural.device)
    return (positions(index, natural.device)[:, None] == places).to(natural.dtype)


@linalg.trace_against.register(HeterogeneousLeaf)
def _(matrix: HeterogeneousLeaf, natural: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
    out = natural.new_empty(len(index))
    places, tips, shafts = matrix._arrows(natural, index)
    if places:
        out[places] = arrow_traces(tips, shafts, a)
    others, own = matrix._others(index)
    if others:
        deviations = standard_deviations(natural[: matrix.n])
        out[others] = matrix._slopes_trace(natural[matrix.n :], own, deviations[:, None] * a * deviations)
    return out


@declare(
    title="Heterogeneous compound symmetric",
    category="Elementary",
    formula=(
        r"\mathbf{V} = \mathbf{D}^{1/2} \left[ (1 - \rho)\,\mathbf{I}_n + \rho\,\mathbf{J}_n \right] "
        r"\mathbf{D}^{1/2}, \quad \mathbf{D} = \operatorname{diag}(\sigma^2_0, \ldots, \sigma^2_{n-1})"
    ),
    symbol="D½[(1−ρ)I + ρJ]D½",
    summary="Compound symmetry with a variance for each position and one common correlation of all pairs.",
    arguments=(SIZE_2,),
    aliases={"ASReml": ("corh",), "SAS": ("CSH",), "glmmTMB": ("cs",)},
    reference=(
        "Wolfinger (1996), Heterogeneous variance-covariance structures for repeated measures, Journal of "
        "Agricultural, Biological, and Environmental Statistics 1, 205-230"
    ),
    parameters={
        "sigma^2_i": "Variance of position i.",
        "rho": "Correlation of any two positions, between -1/(n-1) and 1.",
    },
    usage={
        "ASReml": "corh(site):id(genotype)",
        "SAS": "repeated time / subject=id type=csh;",
        "glmmTMB": "cs(0 + site | genotype)",
    },
    psd=True,
    example=lambda: HeterogeneousCompoundSymmetricMatrix(4),
)
class HeterogeneousCompoundSymmetricMatrix(HeterogeneousLeaf):
    r"""One common correlation and a variance for each position, :math:`V_{ij} = \sigma_i \sigma_j \rho`.

    Parameters: `sigma^2_0`, ..., `sigma^2_{n-1}` (natural: variances; raw: exp(2 theta), default 0), then
    `rho` (natural: a correlation in (-1/(n-1), 1); raw: sigmoid, then scaled and shifted onto its interval,
    default 0, its middle).

    Args:
        n: Number of rows and columns, an int of at least 2.
        param_specs: Declaration to use in place of the default one.

    Raises:
        TypeError: `n` is not an int.
        ValueError: `n` is below 2.

    Example:
        >>> import torch
        >>> from covstudio.covariance import HeterogeneousCompoundSymmetricMatrix
        >>> HeterogeneousCompoundSymmetricMatrix(3)(torch.tensor([0.0, 0.5, 1.0, 0.0]))
        tensor([[1.0000, 0.4122, 0.6796],
                [0.4122, 2.7183, 1.1204],
                [0.6796, 1.1204, 7.3891]])

    Reference:
        Wolfinger (1996), Heterogeneous variance-covariance structures for repeated measures, Journal of
        Agricultural, Biological, and Environmental Statistics 1, 205-230.
    """

    _definite = True

    def __init__(self, n: int, param_specs: ParamSpecs | None = None) -> None:
        size = check_correlated_size(n)
        super().__init__(size, param_specs, [Parameter("rho", bounded(-1 / (size - 1)))])

    def correlation(self, shapes: Tensor) -> Tensor:
        """(1 - rho) I + rho J, shape (n, n), from natural values [rho]."""
        return equicorrelation(self.n, shapes[0])

    def correlation_slopes(self, shapes: Tensor, index: Sequence[int]) -> Tensor:
        """dC/d rho = J - I, shape (1, n, n)."""
        slope = 1 - torch.eye(self.n, dtype=shapes.dtype, device=shapes.device)
        return slope.expand(len(index), -1, -1)

    def _correlation_matmul(self, shapes: Tensor, b: Tensor) -> Tensor:
        return equicorrelation_matmul(shapes[0], b)

    def _slopes_matmul(self, shapes: Tensor, index: Sequence[int], b: Tensor) -> Tensor:
        return apart(b).expand(len(index), -1, -1)

    def _slopes_trace(self, shapes: Tensor, index: Sequence[int], a: Tensor) -> Tensor:
        return apart_trace(a).expand(len(index))

    def _correlation_solve(self, shapes: Tensor, b: Tensor) -> Tensor | None:
        eigenvalues = equicorrelation_eigenvalues(self.n, shapes[0])
        return None if eigenvalues is None else equicorrelation_solve(eigenvalues, b)

    def _correlation_logdet(self, shapes: Tensor) -> Tensor | None:
        eigenvalues = equicorrelation_eigenvalues(self.n, shapes[0])
        return None if eigenvalues is None else equicorrelation_logdet(self.n, eigenvalues)

    def _correlation_factor(self, shapes: Tensor) -> Tensor | None:
        eigenvalues = equicorrelation_eigenvalues(self.n, shapes[0])
        return None if eigenvalues is None else equicorrelation_root(self.n, eigenvalues)


def two_positions(matrix: HeterogeneousLeaf) -> bool:
    """Whether two variances and one correlation are all that there is: any covariance of two positions."""
    return matrix.n == 2


def recoded_pair(matrix: HeterogeneousLeaf, natural: Tensor, t: Tensor) -> Tensor:
    """The rule of `linalg.recoded` for two variances and their correlation."""
    (first, second), r = natural[:2].sqrt(), natural[2]
    below = torch.stack([second * r, second * ((1.0 - r) * (1.0 + r)).sqrt()])
    lower = lower_of(t @ torch.stack([torch.stack([first, torch.zeros_like(first)]), below]))
    variances = (lower**2).sum(1)
    rho = torch.where(variances[1] > 0.0, lower[1, 0] / variances[1].sqrt(), 0.0).clamp(-1.0, 1.0)
    return torch.stack([*variances, rho])


linalg.recoded.register(HeterogeneousCompoundSymmetricMatrix, when=two_positions)(recoded_pair)
