"""Plain variance components through the mixed-model equations, against P and V^-1 written out with numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from covstudio.covariance import CovariancePropagation, DummyMatrix, Matrix, ScalarMatrix, Sum
from covstudio.reml.engines.mme.components import ComponentsPoint
from covstudio.reml.engines.mme.engine import MmeEngine
from covstudio.reml.problem.problem import prepare
from covstudio.reml.terms.kinds import RandomPiece
from covstudio.reml.terms.variance import Variance

N = 60
#: Residual variance 1 throughout; the last is so large that the residual sum of squares is summed over rows.
SIZES = (0.0, 1e-3, 0.8, 30.0, 1e5)


def design(rng: np.random.Generator, kind: str) -> tuple[np.ndarray, Matrix | torch.Tensor]:
    if kind == "dense":
        z = rng.normal(size=(N, 7))
        return z, torch.from_numpy(z)
    codes = rng.integers(0, 12 if kind == "many" else 4, N)
    matrix = DummyMatrix(codes.tolist())
    return np.asarray(matrix().numpy(), dtype=np.float64), matrix


def close(found: object, wanted: object, tolerance: float) -> None:
    wanted = np.asarray(wanted)
    scale = np.abs(wanted).max(initial=1e-300)
    np.testing.assert_allclose(np.asarray(found) / scale, wanted / scale, rtol=0.0, atol=tolerance)


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("kinds", [("many",), ("many", "few"), ("dense",), ("few", "many", "dense")])
@pytest.mark.parametrize("seed", range(3))
def test_every_answer_agrees_with_v_written_out(kinds: tuple[str, ...], method: str, seed: int) -> None:
    rng = np.random.default_rng(100 * seed + len(kinds))
    pairs = [design(rng, kind) for kind in kinds]
    terms: dict[str, Matrix] = {
        f"t{i}": CovariancePropagation(z=z, g=ScalarMatrix(dense.shape[1]))
        for i, (dense, z) in enumerate(pairs)
    }
    model = Variance(Sum({**terms, "units": ScalarMatrix(N)}))
    x = np.column_stack([np.ones(N), rng.normal(size=N)])
    sizes = rng.choice(SIZES, len(kinds))
    y = x @ [3.0, 1.0] + rng.normal(size=N) * (1.0 + 10.0 * seed)
    for (dense, _), size in zip(pairs, sizes, strict=True):
        y = y + dense @ rng.normal(size=dense.shape[1]) * np.sqrt(size)
    engine = MmeEngine(prepare(y, x, method=method), model)
    # A step along the common scale first: what is kept from point to point is relative to it.
    natural = np.array([*sizes, 1.0]) * 2.5
    before = engine.at(natural / 2.5)
    assert isinstance(before, ComponentsPoint)
    before.derivatives([0])
    for point in (engine.at(natural), before.rescaled(2.5, natural)):
        assert isinstance(point, ComponentsPoint)
        slices = [*(dense @ dense.T for dense, _ in pairs), np.eye(N)]
        v = sum(size * part for size, part in zip(natural, slices, strict=True))
        inverse = np.linalg.inv(v)
        covariance = np.linalg.inv(x.T @ inverse @ x)
        p = inverse - inverse @ x @ covariance @ x.T @ inverse
        py = p @ y
        traced = p if method == "REML" else inverse
        logdets = np.linalg.slogdet(v)[1]
        logdets -= np.linalg.slogdet(covariance)[1] if method == "REML" else 0.0
        assert point.kernel == pytest.approx(-0.5 * (logdets + y @ py), rel=1e-9)
        assert point.mean_diagonal == pytest.approx(np.trace(v) / N)
        order = list(range(len(natural)))[::-1]
        found = point.derivatives(order)
        score = [-0.5 * (np.sum(traced * slices[k]) - py @ slices[k] @ py) for k in order]
        moved = np.column_stack([slices[k] @ py for k in order])
        unit = natural[order] + 1e-3
        close(found.score * unit, np.array(score) * unit, 1e-7)
        close(
            found.information * np.outer(unit, unit), 0.5 * moved.T @ p @ moved * np.outer(unit, unit), 1e-7
        )
        close(point.beta, covariance @ x.T @ inverse @ y, 1e-8)
        close(point.beta_covariance, covariance, 1e-7)
        close(point.py, py, 1e-7)
        b = rng.normal(size=(N, 2))
        close(point.project(torch.from_numpy(b)), p @ b, 1e-7)
        for piece, (dense, _), size in zip(model.random, pairs, natural, strict=False):
            assert isinstance(piece, RandomPiece)
            effects = point.effects(piece)
            assert effects is not None
            close(effects[0], size * dense.T @ py, 1e-7)
            # G - G Z'PZ G without its cancellation: P of the model without this term.
            rest = np.linalg.inv(v - size * dense @ dense.T)
            rest -= rest @ x @ np.linalg.solve(x.T @ rest @ x, x.T @ rest)
            errors = size * np.linalg.inv(np.eye(dense.shape[1]) + size * dense.T @ rest @ dense)
            close(effects[1], np.diag(errors), 1e-7)


def test_no_point_outside_the_parameter_space() -> None:
    z = DummyMatrix(["a", "b", "c"] * 4)
    model = Variance(Sum(g=CovariancePropagation(z=z, g=ScalarMatrix(3)), units=ScalarMatrix(12)))
    engine = MmeEngine(prepare(np.arange(12.0) ** 2, np.ones((12, 1))), model)
    assert engine.at(np.array([1.0, 1.0])) is not None
    for natural in ([-1e-9, 1.0], [np.nan, 1.0], [np.inf, 1.0], [1.0, 0.0], [1.0, -1.0], [1e20, 1.0]):
        assert engine.at(np.array(natural)) is None
