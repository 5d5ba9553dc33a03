"""What the tests of engines share: a model with data at some parameters, and two points that must agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from covstudio.covariance import Matrix
from covstudio.reml.problem.likelihood import Point


@dataclass
class Trial:
    v: Matrix
    y: Tensor
    x: Tensor
    natural: np.ndarray


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
