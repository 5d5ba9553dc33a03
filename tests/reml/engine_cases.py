"""What the tests of engines share: a model with data at some parameters, and two points that must agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from covstudio.covariance import KnownMatrix, Matrix
from covstudio.reml import Fit
from covstudio.reml.problem.likelihood import Engine, Point
from covstudio.reml.terms.variance import Variance


@dataclass
class Trial:
    v: Matrix
    y: Tensor
    x: Tensor
    natural: np.ndarray


def known(rng: np.random.Generator, k: int) -> KnownMatrix:
    """A positive definite matrix without parameters, (k, k)."""
    root = rng.normal(size=(k, k + 2))
    return KnownMatrix(torch.from_numpy(root @ root.T / k))


def values_of(
    rng: np.random.Generator,
    v: Matrix,
    inside: tuple[float, float] = (0.15, 0.85),
    spread: float = 1.0,
    zeros: bool = False,
) -> np.ndarray:
    """Natural values of all parameters of V, drawn within their bounds.

    Args:
        rng: the generator.
        v: the model of V.
        inside: the part of a range with two ends that is drawn from.
        spread: standard deviation of the logarithm of what has a lower end only.
        zeros: whether variances of terms whose names begin with u may be 0.
    """
    variance = Variance(v)
    natural = variance.defaults.copy()
    for k, name in enumerate(variance.names):
        low, high = variance.bounds(k)
        if np.isfinite(low) and np.isfinite(high):
            natural[k] = low + (high - low) * rng.uniform(*inside)
        elif np.isfinite(low):
            natural[k] = low + math.exp(rng.normal(0.0, spread))
            if zeros and name.startswith("u") and low == 0.0 and rng.uniform() < 0.4:
                natural[k] = 0.0
        else:
            natural[k] = rng.normal()
    return natural


def design_of(rng: np.random.Generator, n: int, p: int) -> Tensor:
    """An intercept and p - 1 covariates, (n, p)."""
    x = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))]) if p else np.zeros((n, 0))
    return torch.from_numpy(x)


def assert_score_is_the_slope(engine: Engine, natural: np.ndarray) -> None:
    """Against central differences of the same engine's likelihood, which shares no code with the score."""
    point = engine.at(natural)
    assert point is not None
    score = point.derivatives(range(len(natural))).score
    for k in range(len(natural)):
        step = 1e-5 * max(abs(natural[k]), 0.1)
        up, down = natural.copy(), natural.copy()
        up[k] += step
        down[k] -= step
        above, below = engine.at(up), engine.at(down)
        if above is not None and below is not None:
            slope = (above.kernel - below.kernel) / (2.0 * step)
            assert score[k] == pytest.approx(slope, rel=1e-4, abs=1e-3)


def assert_fits_agree(result: Fit, dense: Fit, rtol: float = 1e-6) -> None:
    """Everything that the fits of two engines say of one model.

    Args:
        result: the fit to check.
        dense: the dense engine's.
        rtol: how well predicted effects agree.
    """
    assert result.kernel_loglik == pytest.approx(dense.kernel_loglik, abs=1e-8)
    for path, value in dense.params.items():
        assert result.params[path] == pytest.approx(value, rel=1e-6), path
        assert result.standard_errors[path] == pytest.approx(dense.standard_errors[path], rel=1e-5), path
    torch.testing.assert_close(result.beta, dense.beta, rtol=1e-7, atol=1e-8)
    torch.testing.assert_close(result.beta_standard_errors, dense.beta_standard_errors, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(result.fitted, dense.fitted, rtol=1e-6, atol=1e-6)
    assert result.blups.keys() == dense.blups.keys()
    for term, expected in dense.blups.items():
        found = result.blups[term]
        torch.testing.assert_close(found.blup, expected.blup, rtol=rtol, atol=1e-6)
        torch.testing.assert_close(found.standard_error, expected.standard_error, rtol=rtol, atol=1e-6)


def assert_points_agree(a: Point | None, b: Point | None, positions: Sequence[int], rhs: Tensor) -> None:
    """Everything that the points of two engines say at the same parameters.

    Args:
        a: the point to check.
        b: the dense engine's.
        positions: parameters to differentiate by, in the order to ask for them.
        rhs: what to project, (n, m).
    """
    assert a is not None
    assert b is not None
    assert a.kernel == pytest.approx(b.kernel, rel=1e-8, abs=1e-8)
    assert a.quadratic == pytest.approx(b.quadratic, rel=1e-8)
    assert a.logdet_v == pytest.approx(b.logdet_v, rel=1e-8, abs=1e-8)
    assert a.logdet_xvx == pytest.approx(b.logdet_xvx, rel=1e-8, abs=1e-8)
    assert a.mean_diagonal == pytest.approx(b.mean_diagonal, rel=1e-10)
    if positions:
        one, two = a.derivatives(positions), b.derivatives(positions)
        size = np.abs(two.score).max()
        np.testing.assert_allclose(one.score, two.score, rtol=1e-8, atol=1e-8 * (1 + size))
        size = np.abs(two.information).max()
        np.testing.assert_allclose(one.information, two.information, rtol=1e-8, atol=1e-8 * size)
    torch.testing.assert_close(a.beta, b.beta, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(a.beta_covariance, b.beta_covariance, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(a.py, b.py, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(a.project(rhs), b.project(rhs), rtol=1e-8, atol=1e-8)
