"""The mixed-model equations against V written out: random trees, random unbalanced data, published cases."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from reml_cases import CASES, alpha_design, assert_monotone, load
from torch import Tensor

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    Augment,
    BlockDiagonal,
    CompoundSymmetricMatrix,
    CovariancePropagation,
    DiagonalMatrix,
    DummyMatrix,
    FactorAnalyticMatrix,
    HadamardProduct,
    IdentityMatrix,
    KnownMatrix,
    KroneckerProduct,
    Matrix,
    OrnsteinUhlenbeckMatrix,
    PowerVarianceMatrix,
    ReducedRankMatrix,
    ScalarMatrix,
    Stack,
    Sum,
    UnstructuredMatrix,
)
from covstudio.reml import REML, fit
from covstudio.reml.dense import DenseEngine
from covstudio.reml.engines import MmeCandidate
from covstudio.reml.lowering import lower
from covstudio.reml.mme import MmeEngine
from covstudio.reml.pieces import BlockPiece, DiagonalPiece, OtherPiece, RandomPiece
from covstudio.reml.problem import prepare
from covstudio.reml.residual import MarkovResidual, residual_of
from covstudio.reml.rows import SparseRows, rows_of
from covstudio.reml.variance import Variance

Rng = np.random.Generator


def incidence(rng: Rng, n: int, k: int) -> DummyMatrix:
    """Random levels; some may occur once or never."""
    names = [f"l{i}" for i in range(k)]
    return DummyMatrix([names[i] for i in rng.integers(0, k, n)], levels=[names])


def relationship(rng: Rng, k: int) -> KnownMatrix:
    root = rng.normal(size=(k, k + 2))
    return KnownMatrix(torch.from_numpy(root @ root.T / k))


COVARIANCES: dict[str, Callable[[Rng, int], Matrix]] = {
    "scalar": lambda rng, k: ScalarMatrix(k),
    "diagonal": lambda rng, k: DiagonalMatrix(k),
    "unstructured": lambda rng, k: UnstructuredMatrix(k),
    "ar1": lambda rng, k: AR1Matrix(k),
    "known": relationship,
    "compound": lambda rng, k: CompoundSymmetricMatrix(k),
    "factor analytic": lambda rng, k: FactorAnalyticMatrix(max(k, 4), 1),
    "reduced rank": lambda rng, k: ReducedRankMatrix(k, 1),
}


def effect(rng: Rng, n: int, kind: str) -> Matrix:
    k = int(rng.integers(3, 7))
    g = COVARIANCES[kind](rng, k)
    return CovariancePropagation(z=incidence(rng, n, g.shape[0]), g=g)


def slopes(rng: Rng, n: int, kind: str) -> Matrix:
    k = int(rng.integers(3, 6))
    z = incidence(rng, n, k)
    x = torch.from_numpy(rng.normal(size=n))[:, None].expand(n, k)
    if kind == "by covariate":
        design: Matrix = Augment(intercept=z, slope=HadamardProduct(z=z, x=x))
        return CovariancePropagation(
            z=design, g=KroneckerProduct(us=UnstructuredMatrix(2), i=IdentityMatrix(k))
        )
    # The same model with the two effects of a level side by side.
    written = torch.stack([z().double(), z().double() * x], dim=2).reshape(n, 2 * k)
    return CovariancePropagation(z=written, g=KroneckerProduct(i=IdentityMatrix(k), us=UnstructuredMatrix(2)))


def regression(rng: Rng, n: int) -> Matrix:
    return CovariancePropagation(z=torch.from_numpy(rng.normal(size=(n, 10))), g=ScalarMatrix(10))


def same(rng: Rng, n: int, groups: int) -> tuple[Matrix, list[int]]:
    codes = rng.integers(0, groups, n).tolist()
    return CovariancePropagation(
        z=DummyMatrix(codes, levels=[list(range(groups))]), g=IdentityMatrix(groups)
    ), codes


def missing_cells(rng: Rng, n: int, series: Matrix) -> Matrix:
    """Repeated measures of which some are missing, the rows in any order."""
    times = series.shape[0]
    subjects = -(-n // times) + 2
    cells = rng.permutation(subjects * times)[:n]
    z = DummyMatrix(
        (cells // times).tolist(),
        (cells % times).tolist(),
        levels=[list(range(subjects)), list(range(times))],
    )
    return CovariancePropagation(z=z, g=KroneckerProduct(subject=IdentityMatrix(subjects), time=series))


def residual(rng: Rng, n: int, kind: str) -> Matrix:
    if kind == "scalar":
        return ScalarMatrix(n)
    if kind == "variance function":
        return PowerVarianceMatrix(torch.from_numpy(rng.uniform(0.5, 2.0, n)))
    if kind == "by site":
        cut = n // 3
        return BlockDiagonal(a=ScalarMatrix(cut), b=ScalarMatrix(n - cut))
    if kind == "one variance a level":
        z = incidence(rng, n, 3)
        return HadamardProduct(i=IdentityMatrix(n), site=CovariancePropagation(z=z, g=DiagonalMatrix(3)))
    if kind == "ar1 by subject":
        return HadamardProduct(subject=same(rng, n, 4)[0], series=AR1Matrix(n))
    if kind == "ar1":
        return AR1Matrix(n)
    if kind == "continuous time":
        return HadamardProduct(
            subject=same(rng, n, 4)[0], series=OrnsteinUhlenbeckMatrix(torch.from_numpy(rng.uniform(0, 9, n)))
        )
    if kind == "written mask":
        codes = torch.tensor(same(rng, n, 5)[1])
        return HadamardProduct(series=AR1Matrix(n), mask=(codes[:, None] == codes[None, :]).double())
    if kind == "missing ar1":
        return missing_cells(rng, n, AR1Matrix(5))
    if kind == "missing unstructured":
        return missing_cells(rng, n, UnstructuredMatrix(3))
    if kind == "two series":
        return BlockDiagonal(a=AR1Matrix(8), b=ScalarMatrix(n - 8))
    assert kind == "ar1 and nugget"
    return Sum(series=missing_cells(rng, n, AR1Matrix(4)), nugget=ScalarMatrix(n))


RESIDUALS = (
    "scalar",
    "variance function",
    "by site",
    "one variance a level",
    "ar1 by subject",
    "ar1",
    "continuous time",
    "written mask",
    "missing ar1",
    "missing unstructured",
    "two series",
    "ar1 and nugget",
)
EFFECTS = (*COVARIANCES, "by covariate", "side by side", "regression")


@dataclass
class Trial:
    v: Matrix
    y: Tensor
    x: Tensor
    natural: np.ndarray


def trial(seed: int, n: int, p: int, effects: list[str], kind: str, zeros: bool) -> Trial:
    rng = np.random.default_rng(seed)
    terms: dict[str, Matrix] = {}
    for i, name in enumerate(effects):
        if name == "regression":
            terms[f"u{i}"] = regression(rng, n)
        elif name in COVARIANCES:
            terms[f"u{i}"] = effect(rng, n, name)
        else:
            terms[f"u{i}"] = slopes(rng, n, name)
    rest = residual(rng, n, kind)
    v: Matrix = Sum(**terms, rest=rest) if terms else rest
    variance = Variance(v)
    natural = variance.defaults.copy()
    for k, name in enumerate(variance.names):
        low, high = variance.bounds(k)
        if np.isfinite(low) and np.isfinite(high):
            natural[k] = low + (high - low) * rng.uniform(0.15, 0.85)
        elif np.isfinite(low):
            natural[k] = low + math.exp(rng.normal(0.0, 1.0))
            if zeros and name.startswith("u") and low == 0.0 and rng.uniform() < 0.4:
                natural[k] = 0.0
        else:
            natural[k] = rng.normal()
    x = np.column_stack([np.ones(n), rng.normal(size=(n, p - 1))]) if p else np.zeros((n, 0))
    return Trial(v, torch.from_numpy(3.0 + 2.0 * rng.normal(size=n)), torch.from_numpy(x), natural)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**31),
    n=st.integers(20, 45),
    p=st.integers(0, 3),
    effects=st.lists(st.sampled_from(EFFECTS), max_size=3),
    kind=st.sampled_from(RESIDUALS),
    zeros=st.booleans(),
)
def test_everything_a_point_says_is_what_the_dense_one_says(
    seed: int, n: int, p: int, effects: list[str], kind: str, zeros: bool
) -> None:
    case = trial(seed, n, p, effects, kind, zeros)
    problem, variance, lowered = prepare(case.y, case.x), Variance(case.v), lower(case.v)
    assert not lowered.others
    found = residual_of(lowered)
    assert found is not None
    with torch.no_grad():
        a = MmeEngine(problem, lowered, found).at(case.natural)
        b = DenseEngine(problem, variance).at(case.natural)
        assume(b is not None)
        assert a is not None
        assert b is not None
        assert a.kernel == pytest.approx(b.kernel, rel=1e-8, abs=1e-8)
        assert a.quadratic == pytest.approx(b.quadratic, rel=1e-8)
        assert a.logdet_v == pytest.approx(b.logdet_v, rel=1e-8, abs=1e-8)
        assert a.logdet_xvx == pytest.approx(b.logdet_xvx, rel=1e-8, abs=1e-8)
        assert a.mean_diagonal == pytest.approx(b.mean_diagonal, rel=1e-10)
        positions = np.random.default_rng(seed).permutation(len(variance.names)).tolist()
        if positions:
            one, two = a.derivatives(positions), b.derivatives(positions)
            np.testing.assert_allclose(
                one.score, two.score, rtol=1e-8, atol=1e-8 * (1 + abs(two.score).max())
            )
            size = np.abs(two.information).max()
            np.testing.assert_allclose(one.information, two.information, rtol=1e-8, atol=1e-8 * size)
        torch.testing.assert_close(a.beta, b.beta, rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(a.beta_covariance, b.beta_covariance, rtol=1e-8, atol=1e-10)
        torch.testing.assert_close(a.py, b.py, rtol=1e-8, atol=1e-8)
        rhs = torch.from_numpy(np.random.default_rng(seed).normal(size=(n, 2)))
        torch.testing.assert_close(a.project(rhs), b.project(rhs), rtol=1e-8, atol=1e-8)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    effects=st.lists(st.sampled_from(EFFECTS), min_size=1, max_size=3),
    kind=st.sampled_from(RESIDUALS),
)
def test_the_score_is_the_slope_of_the_likelihood(seed: int, effects: list[str], kind: str) -> None:
    """Against central differences of the same engine's likelihood, which shares no code with the score."""
    case = trial(seed, 30, 2, effects, kind, False)
    lowered = lower(case.v)
    found = residual_of(lowered)
    assert found is not None
    with torch.no_grad():
        engine = MmeEngine(prepare(case.y, case.x), lowered, found)
        point = engine.at(case.natural)
        assert point is not None
        score = point.derivatives(range(len(case.natural))).score
        for k in range(len(case.natural)):
            step = 1e-5 * max(abs(case.natural[k]), 0.1)
            up, down = case.natural.copy(), case.natural.copy()
            up[k] += step
            down[k] -= step
            above, below = engine.at(up), engine.at(down)
            if above is None or below is None:
                continue
            slope = (above.kernel - below.kernel) / (2.0 * step)
            assert score[k] == pytest.approx(slope, rel=1e-4, abs=1e-3)


@pytest.mark.parametrize("factor", [1e-3, 7.0])
def test_a_rescaled_point_is_the_point_at_the_rescaled_parameters(factor: float) -> None:
    case = trial(4, 30, 2, ["scalar", "known"], "scalar", False)
    lowered = lower(case.v)
    found = residual_of(lowered)
    assert found is not None
    with torch.no_grad():
        engine = MmeEngine(prepare(case.y, case.x), lowered, found)
        first = engine.at(case.natural)
        assert first is not None
        assert first.mean_diagonal > 0.0
        rescaled, fresh = first.rescaled(factor, factor * case.natural), engine.at(factor * case.natural)
        assert fresh is not None
        assert rescaled.kernel == pytest.approx(fresh.kernel, rel=1e-12)
        assert rescaled.mean_diagonal == pytest.approx(fresh.mean_diagonal, rel=1e-12)
        one, two = rescaled.derivatives([0, 1, 2]), fresh.derivatives([0, 1, 2])
        np.testing.assert_allclose(one.score, two.score, rtol=1e-9)
        np.testing.assert_allclose(one.information, two.information, rtol=1e-9)
        for piece in lowered.random:
            pair, other = rescaled.effects(piece), fresh.effects(piece)
            assert pair is not None
            assert other is not None
            torch.testing.assert_close(pair, other)


@pytest.mark.parametrize("kind", ["missing unstructured", "missing ar1", "ar1", "one variance a level"])
def test_the_derivatives_of_a_rescaled_residual(kind: str) -> None:
    """A Cholesky factor grows with the square root of the scale, and its derivative of V with it."""
    case = trial(7, 30, 1, ["unstructured"], kind, False)
    lowered = lower(case.v)
    found = residual_of(lowered)
    assert found is not None
    larger = case.natural.copy()
    for k, name in enumerate(Variance(case.v).names):
        larger[k] *= 3.0 if "L_" in name else 9.0 if "sigma" in name else 1.0
    with torch.no_grad():
        engine = MmeEngine(prepare(case.y, case.x), lowered, found)
        first, fresh = engine.at(case.natural), engine.at(larger)
        assert first is not None
        assert fresh is not None
        rescaled = first.rescaled(9.0, larger)
        assert rescaled.kernel == pytest.approx(fresh.kernel, rel=1e-12)
        one, two = rescaled.derivatives(range(len(larger))), fresh.derivatives(range(len(larger)))
        np.testing.assert_allclose(one.score, two.score, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(one.information, two.information, rtol=1e-9, atol=1e-9)


def test_where_v_does_not_exist() -> None:
    case = trial(5, 25, 1, ["scalar"], "scalar", False)
    lowered = lower(case.v)
    found = residual_of(lowered)
    assert found is not None
    engine = MmeEngine(prepare(case.y, case.x), lowered, found)
    for natural in ([1.0, 0.0], [1.0, -1.0], [-1.0, 1.0], [math.nan, 1.0], [1.0, math.inf], [1e18, 1.0]):
        assert engine.at(np.array(natural)) is None


@pytest.mark.parametrize("name", [*CASES, "alpha"])
def test_published_cases_run_through_the_mixed_model_equations(name: str) -> None:
    """To the recorded digits, and to those of the dense engine."""
    v, y, x = alpha_design() if name == "alpha" else (load(name).v, load(name).y, load(name).x)
    dense = fit(v, y, x, engine="dense")
    result = fit(v, y, x, engine="mme")
    assert result.engine == "mme"
    assert result.converged
    assert_monotone(result)
    assert result.kernel_loglik == pytest.approx(dense.kernel_loglik, abs=1e-8)
    for path, value in dense.params.items():
        assert result.params[path] == pytest.approx(value, rel=1e-6), path
        assert result.standard_errors[path] == pytest.approx(dense.standard_errors[path], rel=1e-5), path
    torch.testing.assert_close(result.beta, dense.beta, rtol=1e-7, atol=1e-8)
    torch.testing.assert_close(result.beta_standard_errors, dense.beta_standard_errors, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(result.fitted, dense.fitted, rtol=1e-6, atol=1e-6)
    assert result.blups.keys() == dense.blups.keys()
    for term, expected in dense.blups.items():
        torch.testing.assert_close(result.blups[term].blup, expected.blup, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(
            result.blups[term].standard_error, expected.standard_error, rtol=1e-5, atol=1e-6
        )
    if name != "alpha":
        case = load(name)
        assert result.kernel_loglik == pytest.approx(case.estimates["kernel_loglik"], abs=1e-6)
        recorded = case.recorded(result.params)
        for key, value in case.estimates["variance_parameters"].items():
            assert recorded[key] == pytest.approx(value, rel=1e-6), key


def crossed(n: int, groups: int, blocks: int, seed: int = 3) -> tuple[Matrix, Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    g, b, x = rng.integers(0, groups, n), rng.integers(0, blocks, n), rng.normal(size=n)
    y = x + rng.normal(size=groups)[g] + 0.5 * rng.normal(size=blocks)[b] + rng.normal(size=n)
    v = Sum(
        g=CovariancePropagation(z=DummyMatrix(g.tolist()), g=ScalarMatrix(groups)),
        b=CovariancePropagation(z=DummyMatrix(b.tolist()), g=ScalarMatrix(blocks)),
        e=ScalarMatrix(n),
    )
    return v, torch.from_numpy(y), torch.from_numpy(np.column_stack([np.ones(n), x]))


def test_twenty_thousand_rows_without_any_matrix_of_that_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing writes V, Z or a term out: doing so would need 3 GB at least."""

    def refuse(self: Matrix, *arguments: object) -> Tensor:
        raise AssertionError(f"{type(self).__name__} was written out")

    v, y, x = crossed(20_000, 400, 40)
    for cls in (DummyMatrix, CovariancePropagation, Sum):
        monkeypatch.setattr(cls, "evaluate", refuse)
    result = fit(v, y, x)
    assert result.engine == "mme"
    assert result.converged
    assert_monotone(result)
    assert result.params["g/g/sigma^2"] == pytest.approx(1.0, abs=0.25)
    assert result.params["b/g/sigma^2"] == pytest.approx(0.25, abs=0.2)
    assert result.params["e/sigma^2"] == pytest.approx(1.0, abs=0.05)
    torch.testing.assert_close(result.fitted + result.residuals, y)
    assert len(result.blups["g"]) == 400


def test_a_variance_of_zero_is_reached_and_reported() -> None:
    rng = np.random.default_rng(8)
    labels = [f"l{i % 40}" for i in range(1200)]
    y = torch.from_numpy(rng.normal(size=1200))
    # Less variation between levels than chance gives: the estimate is zero.
    codes = torch.arange(1200) % 40
    means = torch.zeros(40, dtype=torch.float64).index_add_(0, codes, y) / 30
    y = y - 0.5 * means[codes]
    v = Sum(u=CovariancePropagation(z=DummyMatrix(labels), g=ScalarMatrix(40)), e=ScalarMatrix(1200))
    result = fit(v, y, torch.ones(1200, 1), engine="mme")
    assert result.converged
    assert result.boundary == ("u/g/sigma^2",)
    assert result.params["u/g/sigma^2"] == 0.0
    assert result.params["e/sigma^2"] == pytest.approx(float(y.var()), rel=1e-9)
    assert float(result.blups["u"].blup.abs().max()) == 0.0


def test_long_series_are_inverted_along_the_chain() -> None:
    v = Sum(u=CovariancePropagation(z=torch.ones(400, 1), g=ScalarMatrix(1)), e=AR1Matrix(400))
    found = residual_of(lower(v))
    assert isinstance(found, MarkovResidual)
    rng = np.random.default_rng(2)
    noise = rng.normal(size=400)
    series = np.zeros(400)
    for i in range(400):
        series[i] = 0.7 * series[i - 1] + noise[i] if i else noise[0]
    result = fit(AR1Matrix(400), torch.from_numpy(series), torch.ones(400, 1), engine="mme")
    dense = fit(AR1Matrix(400), torch.from_numpy(series), torch.ones(400, 1), engine="dense")
    assert result.params["rho"] == pytest.approx(dense.params["rho"], rel=1e-7)
    assert result.kernel_loglik == pytest.approx(dense.kernel_loglik, abs=1e-8)


def test_what_terms_are_lowered_to() -> None:
    z = DummyMatrix(["a", "b", "a", "c", "b", "a"])
    n = 6
    kinds = {
        RandomPiece: CovariancePropagation(z=z, g=AR1Matrix(3)),
        DiagonalPiece: CovariancePropagation(z=torch.eye(n), g=ScalarMatrix(n)),
        BlockPiece: KroneckerProduct(i=IdentityMatrix(2), t=UnstructuredMatrix(3)),
        OtherPiece: KroneckerProduct(a=AR1CorrelationMatrix(2), b=AR1Matrix(3)),
    }
    for expected, term in kinds.items():
        (first, _) = lower(Sum(term=term, e=ScalarMatrix(n))).pieces
        assert type(first) is expected
        assert first.path == "term"
        assert first.positions == tuple(range(term.num_params))


def test_pieces_are_the_terms_they_came_from() -> None:
    """Diagonal, products and derivatives of every piece, against the term written out."""
    for seed, (kind, name) in enumerate(
        [(kind, EFFECTS[i % len(EFFECTS)]) for i, kind in enumerate([*RESIDUALS, *RESIDUALS])]
    ):
        case = trial(seed, 24, 1, [name], kind, False)
        lowered, variance = lower(case.v), Variance(case.v)
        value = variance.value(case.natural)
        b = torch.from_numpy(np.random.default_rng(seed).normal(size=(24, 2)))
        diagonal = sum(piece.diagonal(case.natural) for piece in lowered.pieces)
        product = sum(piece.matmul(case.natural, b) for piece in lowered.pieces)
        torch.testing.assert_close(diagonal, torch.diagonal(value).clone())
        torch.testing.assert_close(product, value @ b)
        for k in range(len(variance.names)):
            piece, inner = lowered.owner(k)
            slices = variance.slice(case.natural, k)
            torch.testing.assert_close(
                piece.derivative_diagonal(case.natural, [inner])[0], torch.diagonal(slices).clone()
            )
            torch.testing.assert_close(piece.derivative_matmul(case.natural, [inner], b)[0], slices @ b)


def test_rows_of_arranged_incidences() -> None:
    a, b = DummyMatrix(["x", "y", "x"]), DummyMatrix(["u", "u", "v"])
    covariate = torch.tensor([2.0, 0.0, -1.0], dtype=torch.float64)
    for arranged in (
        Augment(a=a, b=b),
        Stack(a=a, b=b),
        BlockDiagonal(a=a, b=b),
        KroneckerProduct(a=a, b=b),
        HadamardProduct(a=a, x=covariate[:, None].expand(3, 2)),
        Augment(a=a, b=HadamardProduct(a=a, x=covariate[:, None].expand(3, 2))),
        HadamardProduct(a=a, b=b),
    ):
        rows = rows_of(arranged)
        written = arranged().double()
        assert isinstance(rows, SparseRows)
        torch.testing.assert_close(rows.dense(), written)
        c = torch.randn(written.shape[1], 2, dtype=torch.float64)
        torch.testing.assert_close(rows.multiply(c), written @ c)
        d = torch.randn(written.shape[0], 2, dtype=torch.float64)
        torch.testing.assert_close(rows.transposed(d), written.mT @ d)


def test_a_candidate_says_what_is_in_its_way() -> None:
    field = KroneckerProduct(row=AR1CorrelationMatrix(4), col=AR1Matrix(5))
    reason = MmeCandidate().applies(lower(Sum(field=field, e=ScalarMatrix(20))), 1)
    assert isinstance(reason, str)
    assert reason.startswith("field (KroneckerProduct) is neither Z G Z' with a constant Z nor diagonal")
    z = DummyMatrix([f"l{i % 3}" for i in range(20)])
    bare = CovariancePropagation(z=z, g=ScalarMatrix(3))
    reason = MmeCandidate().applies(lower(bare), 1)
    assert isinstance(reason, str)
    assert "no residual" in reason


def test_the_pieces_of_a_step_come_from_the_same_engine_as_a_fit() -> None:
    v, y, x = crossed(9000, 90, 9)
    reml = REML(v)
    theta = torch.tensor([0.1, -0.2, 0.05], dtype=torch.float64)
    beta, score, _, kernel = reml.ai_step(y, x, theta)
    assert beta is not None
    assert kernel is not None
    step = 1e-5
    for k in range(3):
        up, down = theta.clone(), theta.clone()
        up[k] += step
        down[k] -= step
        slope = float(reml.loglik(y, x, up) - reml.loglik(y, x, down)) / (2 * step)
        assert float(score[k]) == pytest.approx(slope, rel=1e-4, abs=1e-3)
    assert float(reml.loglik(y, x, fit(v, y, x).theta)) > float(kernel)
    few = alpha_design()
    theta = torch.tensor([0.3, 0.1, -0.4], dtype=torch.float64)
    kernels = [float(REML(few[0], engine=name).loglik(*few[1:], theta)) for name in ("dense", "mme")]
    assert kernels[0] == pytest.approx(kernels[1], abs=1e-10)
