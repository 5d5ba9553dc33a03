"""Structures of every kind with natural values to draw data from, and starts by name of the parameter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from covstudio.covariance import (
    AntedependenceMatrix,
    AR1Matrix,
    ARMAMatrix,
    ARMatrix,
    CompoundSymmetricMatrix,
    CovariancePropagation,
    DampedCosineMatrix,
    DummyMatrix,
    ExponentialMatrix,
    ExponentialVarianceMatrix,
    GaussianMatrix,
    HeterogeneousAR1Matrix,
    HeterogeneousCompoundSymmetricMatrix,
    HeterogeneousCorrelationMatrix,
    HeterogeneousToeplitzMatrix,
    IdentityMatrix,
    KroneckerProduct,
    MAMatrix,
    MaternMatrix,
    Matrix,
    OrnsteinUhlenbeckMatrix,
    PowerMatrix,
    PowerVarianceMatrix,
    RationalQuadraticMatrix,
    ScalarMatrix,
    SymmetricARMatrix,
    ToeplitzMatrix,
)

__all__ = [
    "PLACES",
    "SIMULATED",
    "VARIATES",
    "drawn",
    "effects",
    "normal",
    "repeated",
    "start_of",
    "symmetric_root",
    "uniform",
]


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def uniform(seed: int, *shape: int) -> Tensor:
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def effects(labels: Sequence[str], g: Matrix | None = None) -> Matrix:
    """Z G Z' with a column of Z for every label; G is the identity times a variance when left out."""
    z = DummyMatrix(list(labels))
    return CovariancePropagation(z=z, g=ScalarMatrix(z.shape[1]) if g is None else g)


def repeated(structure: Matrix, subjects: int) -> Matrix:
    return KroneckerProduct(subject=IdentityMatrix(subjects), time=structure)


def drawn(covariance: Tensor, subjects: int, seed: int) -> Tensor:
    """Rows of N(0, covariance) below each other, (subjects * size,)."""
    return (normal(seed, subjects, len(covariance)) @ symmetric_root(covariance)).reshape(-1)


def symmetric_root(covariance: Tensor) -> Tensor:
    """The square root that is the same on every machine, which eigenvectors of equal eigenvalues are not."""
    eigenvalues, vectors = torch.linalg.eigh(0.5 * (covariance + covariance.mT))
    return (vectors * eigenvalues.clamp(min=0.0).sqrt()) @ vectors.mT


def start_of(v: Matrix, natural: Callable[[str, float, float], float | None]) -> Tensor:
    """The raw defaults, with natural values from (name, low, high) where that gives one."""
    start = v.from_param_dict(None).to(torch.float64).clone()
    for place, (name, transform) in enumerate(v.free_param_trans.items()):
        value = natural(name, *transform.bounds)
        if value is not None:
            start[place] = float(transform.inverse(torch.tensor([value], dtype=torch.float64)))
    return start


PLACES = uniform(0, 40, 2) * 10.0
VARIATES = 0.5 + uniform(9, 40)

#: Structure, natural values that data are drawn from, subjects.
SIMULATED: dict[str, tuple[Callable[[], Matrix], Sequence[float], int]] = {
    "ar1": (lambda: AR1Matrix(6), [2.0, 0.7], 30),
    "ar1, negative": (lambda: AR1Matrix(6), [2.0, -0.7], 30),
    "ar2": (lambda: ARMatrix(8, 2), [1.5, 0.6, -0.4], 40),
    "ma2": (lambda: MAMatrix(8, 2), [1.5, 0.5, 0.3], 40),
    "arma": (lambda: ARMAMatrix(8, 1, 1), [1.5, 0.6, 0.3], 40),
    "symmetric ar": (lambda: SymmetricARMatrix(6, 1), [1.5, 0.5], 40),
    "heterogeneous ar1": (lambda: HeterogeneousAR1Matrix(5), [1.0, 2.0, 4.0, 2.0, 1.0, 0.6], 40),
    "toeplitz": (lambda: ToeplitzMatrix(5), [1.5, 0.5, 0.3, 0.2, 0.0], 40),
    "heterogeneous toeplitz": (
        lambda: HeterogeneousToeplitzMatrix(4),
        [1.0, 2.0, 3.0, 1.0, 0.5, 0.3, 0.2],
        40,
    ),
    "antedependence": (
        lambda: AntedependenceMatrix(4, 1),
        [1.0, 2.0, 1.0, 2.0, 0.8, -0.5, 0.3],
        40,
    ),
    "correlations and variances": (
        lambda: HeterogeneousCorrelationMatrix(3),
        [1.0, 2.0, 3.0, 1.0, 1.8, 1.2],
        40,
    ),
    "compound symmetry": (lambda: CompoundSymmetricMatrix(5), [1.5, 0.5], 40),
    "heterogeneous compound symmetry": (
        lambda: HeterogeneousCompoundSymmetricMatrix(4),
        [1.0, 2.0, 3.0, 4.0, 0.5],
        40,
    ),
    "exponential": (lambda: ExponentialMatrix(PLACES), [2.0, 2.0], 3),
    "anisotropic exponential": (
        lambda: ExponentialMatrix(PLACES, anisotropic=True),
        [2.0, 3.0, 1.0],
        5,
    ),
    "gaussian": (lambda: GaussianMatrix(PLACES), [2.0, 1.5], 3),
    "matern, smoothness estimated": (lambda: MaternMatrix(PLACES, nu="estimated"), [2.0, 2.0, 1.0], 5),
    "rational quadratic": (lambda: RationalQuadraticMatrix(PLACES), [2.0, 1.5, 1.0], 5),
    "power of distance": (lambda: PowerMatrix(PLACES), [2.0, 0.5], 4),
    "damped cosine": (lambda: DampedCosineMatrix(PLACES), [1.0, 2.0, 0.6], 4),
    "continuous time": (
        lambda: OrnsteinUhlenbeckMatrix(torch.tensor([0.0, 1.0, 2.5, 3.0, 7.0])),
        [1.5, 2.0],
        40,
    ),
    "variance by power": (lambda: PowerVarianceMatrix(VARIATES), [2.0, 0.8], 5),
    "variance by exponential": (lambda: ExponentialVarianceMatrix(VARIATES), [2.0, 0.8], 5),
}
