"""Autocovariances by textbook formulas, in exact fractions or plain numpy: what the structures are held to.

Nothing here is taken from the library: Durbin's recursion, Yule and Walker's equations, sums of psi weights
(Box & Jenkins 1970, chapter 3; Brockwell & Davis 1991, sections 3.3 and 5.2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from covstudio.covariance import Matrix


def sigmoid_correlation(theta: float) -> float:
    """The natural value 2 sigmoid(theta) - 1 of a raw correlation."""
    return math.tanh(theta / 2)


def toeplitz(row: Sequence[float]) -> np.ndarray:
    n = len(row)
    return np.array([[float(row[abs(i - j)]) for j in range(n)] for i in range(n)])


def coefficients(pacf: Sequence[Any], sign: int = -1) -> list[Any]:
    """Durbin's recursion phi_kj = phi_(k-1)j - phi_kk phi_(k-1)(k-j); with sign +1 for moving averages."""
    phi: list[Any] = []
    for k, partial in enumerate(pacf):
        phi = [phi[j] + sign * partial * phi[k - 1 - j] for j in range(k)] + [partial]
    return phi


def partials(correlations: Sequence[float]) -> list[float]:
    """Partial autocorrelations: the last coefficient of each regression on the k values before (numpy)."""
    found = []
    for k in range(1, len(correlations)):
        gram = toeplitz(list(correlations[:k]))
        found.append(float(np.linalg.solve(gram, np.array(correlations[1 : k + 1]))[-1]))
    return found


def solve_exactly(a: list[list[Fraction]], b: list[Fraction]) -> list[Fraction]:
    """Gauss's elimination in fractions."""
    n = len(b)
    rows = [[*a[i], b[i]] for i in range(n)]
    for i in range(n):
        pivot = next(k for k in range(i, n) if rows[k][i] != 0)
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [entry / rows[i][i] for entry in rows[i]]
        for k in range(n):
            if k != i:
                rows[k] = [x - rows[k][i] * y for x, y in zip(rows[k], rows[i], strict=True)]
    return [row[-1] for row in rows]


def autocovariances(phi: Sequence[Any], theta: Sequence[Any], n: int) -> list[Fraction]:
    """Those of x_t = sum phi_k x_(t-k) + e_t + sum theta_k e_(t-k), Var e = 1, exactly.

    The equations of Brockwell & Davis (1991), (3.3.8) and (3.3.9), solved in fractions.
    """
    phi, theta = [Fraction(x) for x in phi], [Fraction(1), *(Fraction(x) for x in theta)]
    p, q = len(phi), len(theta) - 1
    psi: list[Fraction] = []
    for j in range(q + 1):
        psi.append(theta[j] + sum(phi[k] * psi[j - 1 - k] for k in range(min(p, j))))
    size = max(p, q) + 1
    a = [[Fraction(0)] * size for _ in range(size)]
    b = [Fraction(0)] * size
    for h in range(size):
        a[h][h] += 1
        for k in range(p):
            a[h][abs(h - k - 1)] -= phi[k]
        b[h] = sum((theta[j] * psi[j - h] for j in range(h, q + 1)), Fraction(0))
    found = solve_exactly(a, b)
    while len(found) < n:
        found.append(sum((phi[k] * found[-1 - k] for k in range(p)), Fraction(0)))
    return found[:n]


def autocorrelations(phi: Sequence[Any], theta: Sequence[Any], n: int) -> np.ndarray:
    found = autocovariances(phi, theta, n)
    return np.array([float(value / found[0]) for value in found])


def largest_inverse_root(polynomial: Sequence[float]) -> float:
    """The largest modulus of 1/z over the roots z of 1 + c_1 z + c_2 z^2 + ...: below 1 if all lie outside
    the unit circle, as those of a stationary and of an invertible process do."""
    roots = np.roots(np.array(polynomial, dtype=float))
    return float(np.abs(roots).max()) if len(roots) else 0.0


def at(matrix: Matrix, natural: Sequence[float]) -> np.ndarray:
    """V at the natural values of all parameters, in their order."""
    return matrix.evaluate(torch.tensor([float(x) for x in natural], dtype=torch.float64)).numpy()


def assert_psd(v: np.ndarray) -> None:
    eigenvalues = np.linalg.eigvalsh(v)
    assert np.isfinite(v).all()
    assert eigenvalues[0] >= -1e-10 * eigenvalues[-1], eigenvalues[[0, -1]]
