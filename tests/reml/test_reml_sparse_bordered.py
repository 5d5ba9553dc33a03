"""Small blocks eliminated before a border: crossed, nested and sloping effects, against dense algebra."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from covstudio.covariance import (
    CovariancePropagation,
    DiagonalMatrix,
    DummyMatrix,
    HadamardProduct,
    Matrix,
    ScalarMatrix,
    Sum,
)
from covstudio.data.frames import table_of
from covstudio.estimate.model import assemble
from covstudio.formula import read
from covstudio.reml import Inference, explain, fit
from covstudio.reml.engines.dense.engine import DenseEngine
from covstudio.reml.engines.mme.engine import MmeEngine
from covstudio.reml.engines.sparse import bordered
from covstudio.reml.engines.sparse.bordered import BorderedPlan, bordered_plan_of
from covstudio.reml.engines.sparse.bordered_factor import BorderedFactor
from covstudio.reml.engines.sparse.layout import pattern_of
from covstudio.reml.terms.term import Piece
from covstudio.reml.terms.variance import Variance
from tests.reml.sparse_cases import Animals, animals, close, engine_of

TERMS = ("subject", "slope", "item", "place", "day", "within item")


def crossed(seed: int, terms: tuple[str, ...], n: int = 160, levels: int = 24) -> Animals:
    """Subjects that meet items, places and days; slopes that are not correlated with them; nested effects."""
    rng = np.random.default_rng(seed)
    counts = {"subject": levels, "item": levels // 3, "place": 4, "day": 3}
    codes = {name: rng.integers(0, count, n) for name, count in counts.items()}
    # Each item is seen at two of its own sides.
    codes["within item"] = 2 * codes["item"] + rng.integers(0, 2, n)
    designs = {name: DummyMatrix([f"{name} {i:03d}" for i in code]) for name, code in codes.items()}
    covariate = torch.from_numpy(rng.normal(size=(n, 1)))
    made: dict[str, Matrix] = {}
    for term in terms:
        z: Matrix = designs["subject" if term == "slope" else term]
        columns = z.shape[1]
        if term == "slope":
            z = HadamardProduct(z=z, x=covariate.expand(n, columns))
        g = DiagonalMatrix(columns) if term == "day" else ScalarMatrix(columns)
        made[term] = CovariancePropagation(z=z, g=g)
    y = 2.0 + sum(rng.normal(size=counts[name])[codes[name]] for name in counts) + rng.normal(size=n)
    x = torch.cat([torch.ones(n, 1), covariate], dim=1).double()
    return Animals(Sum(**made, units=ScalarMatrix(n)), torch.from_numpy(y), x)


@pytest.mark.parametrize(
    ("terms", "members"),
    [
        (("subject", "item"), 1),
        (("subject", "item", "place", "day"), 1),
        (("subject", "slope", "item"), 2),
        (("within item", "item", "place", "subject"), 1),
        (("item", "within item", "day"), 3),
        # Nothing is left for a border.
        (("subject", "slope"), 2),
        (("item", "within item"), 3),
        (("subject",), 1),
    ],
)
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_it_is_the_likelihood_of_v_written_out(terms: tuple[str, ...], members: int, method: str) -> None:
    for seed in range(3):
        case = crossed(seed, terms)
        plan = pattern_of(Variance(case.v)).plan
        assert isinstance(plan, BorderedPlan)
        assert plan.members == members
        rng = np.random.default_rng(seed)
        natural = np.exp(rng.normal(0.0, 1.5, case.v.num_params))
        natural[seed % (len(natural) - 1)] *= 0.0 if seed else 1e-9
        natural[-1] = max(natural[-1], 0.1)
        expected = DenseEngine(case.problem(method), Variance(case.v)).at(natural)
        found = engine_of(case, method).at(natural)
        assert expected is not None
        assert found is not None
        close(found, expected, natural)


def matrix(rng: np.random.Generator, sizes: list[int], q: int, met: float) -> tuple[np.ndarray, ...]:
    """A positive definite matrix of blocks, whose columns come in any order, and a border; its entries."""
    count = sum(sizes)
    dense = np.zeros((count + q, count + q))
    start = 0
    for size in sizes:
        dense[start : start + size, start : start + size] = rng.normal(size=(size, size))
        start += size
    some = rng.uniform(size=(count, q)) < met
    dense[:count, count:] = np.where(some, rng.normal(size=(count, q)), 0.0)
    dense[count:, count:] = rng.normal(size=(q, q))
    order = np.concatenate([rng.permutation(count), count + np.arange(q)])
    dense = np.tril(dense, -1) + np.triu(dense, 1).T
    dense = (dense + dense.T)[np.ix_(order, order)]
    np.fill_diagonal(dense, np.abs(dense).sum(axis=1) + rng.uniform(0.1, 2.0, count + q))
    rows, columns = np.nonzero(np.tril(dense))
    swap = rng.uniform(size=len(rows)) < 0.5
    return dense, np.where(swap, columns, rows), np.where(swap, rows, columns)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    sizes=st.lists(st.integers(1, 4), min_size=8, max_size=30),
    q=st.integers(1, 8),
    met=st.floats(0.1, 1.0),
)
def test_it_is_the_dense_factor(seed: int, sizes: list[int], q: int, met: float) -> None:
    rng = np.random.default_rng(seed)
    dense, rows, columns = matrix(rng, sizes, q, met)
    size = len(dense)
    plan = bordered_plan_of(rows, columns, size, [slice(0, size - q), slice(size - q, size)])
    # A border that meets few blocks belongs to them.
    assume(plan is not None)
    values = torch.from_numpy(dense[rows, columns])
    factor = BorderedFactor.of(plan, values)
    assert factor is not None
    assert factor.logdet == pytest.approx(float(np.linalg.slogdet(dense)[1]), rel=1e-12, abs=1e-10)
    b = rng.normal(size=(size, 3))
    np.testing.assert_allclose(factor.solve(torch.from_numpy(b)), np.linalg.solve(dense, b), 1e-9, 1e-10)
    inverse = np.linalg.inv(dense)[rows, columns]
    np.testing.assert_allclose(factor.inverse_entries(), inverse, rtol=1e-9, atol=1e-11)
    for spoilt in (int(np.flatnonzero(rows == columns)[0]), int(np.flatnonzero(rows == size - 1)[-1])):
        other = values.clone()
        other[spoilt] = -1.0 if rows[spoilt] == columns[spoilt] else 1e3
        assert BorderedFactor.of(plan, other) is None


def test_blocks_are_gathered_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever they hold together, the same numbers come out."""
    case, natural = crossed(1, ("subject", "slope", "item", "place")), np.array([0.5, 0.2, 1.5, 0.1, 1.0])
    scores = []
    for gathered in (1, 500, 1 << 21):
        monkeypatch.setattr(bordered, "GATHERED", gathered)
        point = engine_of(case).at(natural)
        assert point is not None
        scores.append(point.derivatives(range(5)).score)
    np.testing.assert_allclose(scores[0], scores[2], rtol=1e-12)
    np.testing.assert_allclose(scores[1], scores[2], rtol=1e-12)


def test_what_stays_sparse_is_left_to_an_order_of_elimination() -> None:
    """A pedigree, and crossed effects of which each meets few others."""
    assert not isinstance(
        pattern_of(Variance(animals(1, 300, 300, 1, ["animal", "herd"]).v)).plan, BorderedPlan
    )
    n = 600
    ring = [DummyMatrix([f"{(i + k * i // 300) % 300:03d}" for i in range(n)]) for k in (0, 1)]
    v = Sum(
        **{f"t{k}": CovariancePropagation(z=z, g=ScalarMatrix(z.shape[1])) for k, z in enumerate(ring)},
        units=ScalarMatrix(n),
    )
    assert not isinstance(pattern_of(Variance(v)).plan, BorderedPlan)


def test_many_crossed_effects_go_by_sparse_equations_and_end_where_the_others_do() -> None:
    rng = np.random.default_rng(3)
    n, groups, blocks = 12_000, 2000, 700
    g, b, x = rng.integers(0, groups, n), rng.integers(0, blocks, n), rng.normal(size=n)
    y = 2.0 + x + rng.normal(size=groups)[g] + rng.normal(size=blocks)[b] + rng.normal(size=n)
    designs = {"g": DummyMatrix(g.tolist()), "b": DummyMatrix(b.tolist())}
    v = Sum(
        **{name: CovariancePropagation(z=z, g=ScalarMatrix(z.shape[1])) for name, z in designs.items()},
        units=ScalarMatrix(n),
    )
    assert explain(v, p=2).engine == "sparse"
    design = np.column_stack([np.ones(n), x])
    found, other = fit(v, y, design), fit(v, y, design, engine="mme")
    assert found.engine == "sparse"
    assert found.loglik == pytest.approx(other.loglik, rel=1e-10)
    for name, value in other.params.items():
        assert found.params[name] == pytest.approx(value, rel=1e-7)
    for name, effect in other.blups.items():
        torch.testing.assert_close(found.blups[name].blup, effect.blup, rtol=1e-6, atol=1e-7)
        torch.testing.assert_close(
            found.blups[name].standard_error, effect.standard_error, rtol=1e-6, atol=1e-8
        )


def test_crossed_effects_with_slopes_end_where_lme4_does() -> None:
    """6000 rows of 321 groups with uncorrelated slopes, crossed with 211 and with 53.

    R 4.2, lme4 1.1.31: lmer(y ~ x + (1|g) + (0+x|g) + (1|b) + (1|h), data, control = lmerControl("bobyqa",
    optCtrl = list(rhoend = 1e-12, maxfun = 1e5), calc.derivs = FALSE)).
    """
    i = np.arange(6000)
    g, b, h = (i * i * 7 + 3 * i) % 641, (i * 5 + (i // 13) ** 2) % 211, (i * 17 + (i // 7) ** 2) % 53
    x = ((i * 37) % 101) / 50.0 - 1.0
    y = 3.0 + (0.5 + 0.6 * np.sin(57.3 * (g + 1.0) ** 1.01)) * x + np.sin(12.9898 * (g + 1)) * 1.5
    y += np.sin(78.233 * (b + 1)) + 0.7 * np.sin(39.425 * (h + 1))
    y += np.sin(4375.8 * (i + 1.0)) + np.cos(93.9 * (i + 1.0) ** 1.01)
    groups = {name: codes.astype(str) for name, codes in zip("gbh", (g, b, h), strict=True)}
    frame = pd.DataFrame({"y": y, "x": x, **groups})
    document = read("y ~ x + (1 | g) + (0 + x | g) + (1 | b) + (1 | h)", table_of(frame)).document
    built = assemble(document, table_of(frame))
    found = fit(built.matrix, built.y, built.x, engine="sparse")
    assert found.converged
    assert found.loglik == pytest.approx(-9469.50690810837, abs=1e-7)
    variances = [1.169220720242, 0.133414572392, 0.523594762543, 0.238925914290, 0.997188092466]
    np.testing.assert_allclose(list(found.params.values()), variances, rtol=3e-6)
    np.testing.assert_allclose(found.beta.numpy(), [3.025732888104, 0.462679949976], rtol=1e-7)
    np.testing.assert_allclose(
        found.beta_standard_errors.numpy(), [0.1041768380922, 0.0305965098012], rtol=2e-6
    )
    effects = next(iter(found.blups.values()))
    assert effects.levels[:2] == ("0", "1")
    np.testing.assert_allclose(effects.blup[:2].numpy(), [0.3807892682, 1.2401791170], rtol=1e-5)


def test_solutions_without_fixed_effects_are_those_of_v() -> None:
    case, natural = crossed(2, ("subject", "slope", "item")), np.array([0.5, 0.2, 1.5, 0.7])
    point = engine_of(case).at(natural)
    assert point is not None
    b = torch.from_numpy(np.random.default_rng(1).normal(size=(160, 2)))
    v = case.v(torch.from_numpy(Variance(case.v).theta(natural)))
    torch.testing.assert_close(point.solve(b), torch.linalg.solve(v, b), rtol=1e-9, atol=1e-10)


def test_inference_goes_on_with_the_model_of_the_fit_as_long_as_that_is_as_it_was() -> None:
    case = crossed(3, ("subject", "item"))
    found = fit(case.v, case.y, case.x, engine="sparse")
    model = found.uncertainty.model_of(case.v, "sparse")
    assert model is not None
    assert Inference(found, case.v, case.y, case.x)._binding.model is model
    assert found.uncertainty.model_of(case.v, "mme") is None
    assert found.uncertainty.model_of(crossed(3, ("subject", "item")).v, "sparse") is None
    case.v.set_no_grad(0)
    assert found.uncertainty.model_of(case.v, "sparse") is None


def test_errors_of_all_effects_of_a_term_together() -> None:
    """C = G - G Z'PZ G, from the equations of either kind; and V among some rows."""
    case = crossed(2, ("subject", "slope", "item", "day"))
    variance = Variance(case.v)
    natural = np.array([0.5, 0.2, 1.5, 0.3, 0.7, 0.4, 0.9])
    assert len(natural) == case.v.num_params
    v = case.v(torch.from_numpy(variance.theta(natural)))
    solved = torch.linalg.solve(v, case.x)
    p = torch.linalg.inv(v) - solved @ torch.linalg.solve(case.x.mT @ solved, solved.mT)
    rows = torch.tensor([3, 150, 7, 40])
    total = torch.zeros(4, 4, dtype=torch.float64)
    for engine in (engine_of(case), MmeEngine(case.problem(), variance)):
        point = engine.at(natural)
        assert point is not None
        for piece in variance.random:
            g, z = piece.covariance(natural), piece.z.dense()
            errors = point.error_covariance(piece)
            assert errors is not None
            torch.testing.assert_close(errors, g - g @ z.mT @ p @ z @ g, rtol=1e-9, atol=1e-11)
        assert point.error_covariance(variance.diagonals[0]) is None
    for one in variance.pieces:
        total += one.among(natural, rows)
        torch.testing.assert_close(one.among(natural, rows), Piece.among(one, natural, rows))
    torch.testing.assert_close(total, v[rows][:, rows])
