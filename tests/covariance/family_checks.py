"""What the value tests of families share: formulas entry by entry, random raw parameters, precision."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from hypothesis import strategies as st

from covstudio.covariance import Matrix


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def scaled(theta: float, lower: float, upper: float) -> float:
    """A sigmoid onto (lower, upper)."""
    return lower + (upper - lower) * sigmoid(theta)


def table(n: int, entry: Callable[[int, int], float]) -> np.ndarray:
    return np.array([[entry(i, j) for j in range(n)] for i in range(n)])


def raw(theta: Sequence[float]) -> torch.Tensor:
    return torch.tensor(list(theta), dtype=torch.float64)


def thetas(matrix: Matrix, seed: int, count: int = 4, spread: float = 1.0) -> list[list[float]]:
    """Zeros, then random raw parameters."""
    generator = np.random.default_rng(seed)
    size = matrix.num_free_params
    return [[0.0] * size, *(generator.normal(scale=spread, size=(count, size)).tolist())]


def agrees(matrix: Matrix, theta: Sequence[float], expected: np.ndarray) -> None:
    """In double precision to 12 digits, in single precision to 5, of the largest entry."""
    assert matrix.shape == expected.shape
    scale = np.abs(expected).max()
    value = matrix(raw(theta))
    np.testing.assert_allclose(value.numpy(), expected, rtol=0, atol=1e-12 * scale)
    single = matrix(raw(theta).float())
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single.double().numpy(), expected, rtol=0, atol=2e-5 * scale)


def semidefinite(matrix: Matrix, theta: Sequence[float]) -> None:
    value = matrix(raw(theta))
    assert bool(torch.isfinite(value).all())
    assert bool(torch.isfinite(matrix.grad(raw(theta))[0]).all())
    eigenvalues = torch.linalg.eigvalsh(value)
    assert float(eigenvalues[0]) >= -1e-10 * float(eigenvalues[-1]), eigenvalues


def raw_parameters(size: int) -> st.SearchStrategy[list[float]]:
    return st.lists(st.floats(-10.0, 10.0), min_size=size, max_size=size)


def positive_definite(n: int, seed: int) -> np.ndarray:
    """A random covariance matrix of full rank."""
    factor = np.random.default_rng(seed).normal(size=(n, n + 3))
    return factor @ factor.T / (n + 3)
