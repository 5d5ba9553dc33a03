"""Expected information by every road, and what follows from it, against closed forms."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from covstudio.covariance import (
    AR1Matrix,
    CovariancePropagation,
    DummyMatrix,
    KnownMatrix,
    ScalarMatrix,
    Sum,
)
from covstudio.data import design_matrix
from covstudio.design import (
    Expected,
    compare_designs,
    completely_randomised,
    nested,
    randomised_blocks,
    split_plot,
)
from covstudio.design import information as roads
from covstudio.reml import InvalidData, InvalidModel, RankDeficient
from tests.design.design_cases import CASES, by_definition, effects, ones

REFERENCE = json.loads((Path(__file__).parent / "power_reference.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CASES)
def test_every_road_leads_to_the_definition(name):
    make, road = CASES[name]
    v, x, values = make()
    told = Expected(v, x, values)
    found = told.information
    expected = by_definition(
        v, x, np.array(list(told.natural.values())), [c.position for c in found.coordinates]
    )
    assert found.road == road
    scale = np.sqrt(np.diag(expected))
    np.testing.assert_allclose(
        found.matrix / np.outer(scale, scale), expected / np.outer(scale, scale), atol=1e-9
    )


@pytest.mark.parametrize("name", ["alpha", "field", "spatial", "sites"])
def test_what_is_too_large_to_be_written_out_goes_by_columns(name, monkeypatch):
    v, x, values = CASES[name][0]()
    exact = Expected(v, x, values).information.matrix
    monkeypatch.setattr(roads, "ROWS", 0)
    monkeypatch.setattr(roads, "EFFECTS", 0)
    found = Expected(v, x, values).information
    assert found.road == "columns"
    scale = np.sqrt(np.diag(exact))
    np.testing.assert_allclose(
        found.matrix / np.outer(scale, scale), exact / np.outer(scale, scale), atol=1e-5
    )
    assert Expected(v, x, values).identifiability.identifiable


def test_one_way_standard_errors_by_mean_squares():
    groups, size, between, within = 12, 5, 1.5, 0.8
    table = nested(group=groups, record=size)
    v = Sum(group=effects(table.frame["group"]), residual=ScalarMatrix(table.n))
    told = Expected(v, ones(table.n), {"group": between, "residual": within}).parameters()
    ms_error = 2.0 * within**2 / (groups * (size - 1))
    ms_groups = 2.0 * (within + size * between) ** 2 / (groups - 1)
    assert told["residual/sigma^2"].standard_error == pytest.approx(math.sqrt(ms_error), rel=1e-10)
    assert told["group/g/sigma^2"].standard_error == pytest.approx(
        math.sqrt(ms_groups + ms_error) / size, rel=1e-10
    )


def test_nested_standard_errors_by_mean_squares():
    sires, dams, size = 9, 4, 3
    a, b, e = 0.7, 0.4, 1.1
    table = nested(sire=sires, dam=dams, record=size)
    v = Sum(
        sire=effects(table.frame["sire"]),
        dam=effects(table.frame["dam"]),
        residual=ScalarMatrix(table.n),
    )
    told = Expected(v, ones(table.n), {"sire": a, "dam": b, "residual": e}).parameters()
    error = 2.0 * e**2 / (sires * dams * (size - 1))
    dam = 2.0 * (e + size * b) ** 2 / (sires * (dams - 1))
    sire = 2.0 * (e + size * b + size * dams * a) ** 2 / (sires - 1)
    expected = [math.sqrt(sire + dam) / (size * dams), math.sqrt(dam + error) / size, math.sqrt(error)]
    found = [one.standard_error for one in told.entries]
    assert found == pytest.approx(expected, rel=1e-10)


def test_blocks_of_genotypes_by_closed_forms():
    genotypes, blocks, g, e = 15, 4, 0.6, 1.3
    table = randomised_blocks(genotypes, blocks, seed=1)
    v = Sum(genotype=effects(table.frame["treatment"]), residual=ScalarMatrix(table.n))
    told = Expected(v, design_matrix(table, "1 + block"), {"genotype": g, "residual": e})
    error = 2.0 * e**2 / ((genotypes - 1) * (blocks - 1))
    between = 2.0 * (e + blocks * g) ** 2 / (genotypes - 1)
    found = [one.standard_error for one in told.parameters().entries]
    assert found == pytest.approx([math.sqrt(between + error) / blocks, math.sqrt(error)], rel=1e-10)
    accuracy = told.random_effects()["genotype"]
    share = g / (g + e / blocks)
    assert accuracy.cullis == pytest.approx(share, rel=1e-10)
    assert accuracy.generalised == pytest.approx(share, rel=1e-10)
    # A difference of two predictions: 2 sigma_g^2 (1 - share).
    assert accuracy.mean_sed == pytest.approx(math.sqrt(2.0 * g * (1.0 - share)), rel=1e-10)
    # The mean of the effects is confounded with the mean of the trial.
    assert accuracy.mean_reliability == pytest.approx(share * (1.0 - 1.0 / genotypes), rel=1e-10)
    h2 = told.function("genotype / (genotype + residual)")
    gradient = np.array([e, -g]) / (g + e) ** 2
    covariance = (
        np.array([[between + error, -blocks * error], [-blocks * error, blocks**2 * error]]) / blocks**2
    )
    assert h2.estimate == pytest.approx(g / (g + e))
    assert h2.standard_error == pytest.approx(math.sqrt(gradient @ covariance @ gradient), rel=1e-10)


def test_a_treatment_difference_within_random_blocks():
    treatments, blocks, e = 5, 6, 1.7
    table = randomised_blocks(treatments, blocks, seed=2)
    v = Sum(block=effects(table.frame["block"]), residual=ScalarMatrix(table.n))
    told = Expected(v, design_matrix(table, "1 + treatment"), {"block": 0.9, "residual": e})
    found = told.contrast("treatment[T3]")
    assert found.standard_error == pytest.approx(math.sqrt(2.0 * e / blocks), rel=1e-10)
    assert found.df == pytest.approx((treatments - 1) * (blocks - 1), rel=1e-8)
    assert told.fixed_effects()["treatment[T3]"] == found


def test_strata_of_a_split_plot_have_their_degrees_of_freedom():
    wholes, subs, blocks, w, e = 3, 4, 5, 0.8, 0.5
    table = split_plot(wholes, subs, blocks, seed=1)
    v = Sum(
        block=effects(table.frame["block"]),
        whole=effects(table.frame["whole_plot"]),
        residual=ScalarMatrix(table.n),
    )
    design = design_matrix(table, "1 + whole + sub")
    told = Expected(v, design, {"block": 1.0, "whole": w, "residual": e})
    outer, inner = told.contrast("whole[A2]"), told.contrast("sub[B3]")
    assert outer.standard_error == pytest.approx(math.sqrt(2.0 * (w + e / subs) / blocks), rel=1e-10)
    assert outer.df == pytest.approx((wholes - 1) * (blocks - 1), rel=1e-8)
    assert inner.standard_error == pytest.approx(math.sqrt(2.0 * e / (wholes * blocks)), rel=1e-10)
    # Without the interaction its degrees of freedom are the error's.
    assert inner.df == pytest.approx(table.n - wholes * blocks - (subs - 1), rel=1e-8)


@pytest.mark.parametrize("case", REFERENCE["t"], ids=lambda case: f"n{case['n']}")
def test_power_of_a_t_test_is_that_of_r(case):
    n = case["n"]
    x = torch.tensor([[1.0, float(i >= n)] for i in range(2 * n)], dtype=torch.float64)
    told = Expected(ScalarMatrix(2 * n), x, {"sigma^2": case["sd"] ** 2}, names=["mean", "drug"])
    found = told.power("drug", case["delta"], case["level"])
    assert found.power == pytest.approx(case["power"], abs=1e-7)
    assert told.power("drug", -case["delta"], case["level"]).power == pytest.approx(found.power, abs=1e-12)
    size = told.detectable("drug", case["power"], case["level"])
    assert size == pytest.approx(case["delta"], rel=1e-5)


@pytest.mark.parametrize("case", REFERENCE["F"], ids=lambda case: f"groups{len(case['means'])}")
def test_power_of_an_f_test_is_that_of_r(case):
    means, n = case["means"], case["n"]
    table = completely_randomised(len(means), n * len(means), seed=1)
    told = Expected(ScalarMatrix(table.n), design_matrix(table, "1 + treatment"), {"sigma^2": case["within"]})
    found = told.power(list(told.names[1:]), [mean - means[0] for mean in means[1:]], case["level"])
    assert (found.numerator_df, found.df) == (len(means) - 1, pytest.approx(len(means) * (n - 1)))
    assert found.power == pytest.approx(case["power"], abs=1e-7)


def test_what_is_known_is_known_to_a_chi_square_and_normal():
    v = ScalarMatrix(10)
    v.set_param_specs("sigma^2", fixed=True, default=torch.tensor(0.0, dtype=torch.float64))
    told = Expected(v, ones(10), names=["mean"])
    assert told.parameters().entries == ()
    found = told.power("mean", 0.9)
    assert math.isinf(found.df)
    assert found.power == pytest.approx(0.8122152, abs=1e-6)


def test_ends_of_ranges_and_large_errors_are_said():
    table = nested(group=4, record=3)
    v = Sum(group=effects(table.frame["group"]), residual=ScalarMatrix(table.n))
    at_zero = Expected(v, ones(table.n), {"group": 0.0, "residual": 1.0}).parameters()["group/g/sigma^2"]
    assert math.isnan(at_zero.standard_error)
    assert "at an end of its range" in at_zero.note
    small = Expected(v, ones(table.n), {"group": 0.1, "residual": 1.0}).parameters()["group/g/sigma^2"]
    assert small.standard_error > 0.1
    assert "will not hold" in small.note
    assert Expected(v, ones(table.n), {"group": 1.0}).parameters()["residual/sigma^2"].note == ""


def test_raw_and_natural_values_say_the_same():
    v = AR1Matrix(12)
    raw = torch.tensor([0.2, 0.7], dtype=torch.float64)
    by_raw = Expected(v, ones(12), theta=raw)
    by_natural = Expected(v, ones(12), {"sigma^2": math.exp(0.4), "rho": by_raw.natural["rho"]})
    np.testing.assert_allclose(by_natural.information.matrix, by_raw.information.matrix, rtol=1e-12)


def test_two_designs_side_by_side():
    model = {"block": 0.5, "residual": 1.0}

    def told(blocks: int) -> Expected:
        table = randomised_blocks(6, blocks, seed=blocks)
        v = Sum(block=effects(table.frame["block"]), residual=ScalarMatrix(table.n))
        return Expected(v, design_matrix(table, "1 + treatment"), model)

    found = compare_designs(told(3), told(6), {"last": ([0, 0, 0, 0, -1, 1], [0, 0, 0, 0, -1, 1])})
    assert found["treatment[T2]"].efficiency == pytest.approx(2.0)
    assert found["last"].ratio == pytest.approx(math.sqrt(0.5))
    assert found["mean SED of block"].ratio == pytest.approx(1.0)
    assert found["residual/sigma^2"].ratio == pytest.approx(math.sqrt(10 / 25))
    assert "18 and 36 plots" in repr(found)


def test_effects_without_variance_have_no_reliability():
    table = nested(group=4, record=3)
    v = Sum(group=effects(table.frame["group"]), residual=ScalarMatrix(table.n))
    accuracy = Expected(v, ones(table.n), {"group": 0.0}).random_effects()["group"]
    assert math.isnan(accuracy.cullis)
    assert math.isnan(accuracy.generalised)
    assert accuracy.reliability.isnan().all()


def test_a_generalised_heritability_counts_what_is_told():
    """By its definition, with relatives: canonical correlations of effects and predictions."""
    rng = np.random.default_rng(4)
    half = torch.from_numpy(rng.standard_normal((6, 9)))
    relation = half @ half.mT / 9.0
    z = DummyMatrix([f"a{i % 6}" for i in range(18)])
    v = Sum(animal=CovariancePropagation(z=z, g=KnownMatrix(relation)), residual=ScalarMatrix(18))
    told = Expected(v, ones(18), {"residual": 0.8}).random_effects()["animal"]
    inverse = torch.linalg.inv(relation)
    eigenvalues = torch.linalg.eigvals(torch.eye(6) - inverse @ told.error_covariance).real
    nonzero = eigenvalues[eigenvalues > 1e-8]
    assert len(nonzero) == 5
    assert told.generalised == pytest.approx(float(nonzero.mean()), rel=1e-9)
    d = (
        told.error_covariance.diagonal()[:, None]
        + told.error_covariance.diagonal()
        - 2 * told.error_covariance
    )
    g = relation.diagonal()[:, None] + relation.diagonal() - 2 * relation
    assert told.cullis == pytest.approx(1.0 - float(d.sum() / g.sum()), rel=1e-9)
    assert told.mean_variance_of_difference == pytest.approx(float(d.sum()) / 30)


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: Expected(ScalarMatrix(4), ones(5)), InvalidModel, "V is 4 x 4, and x has 5 rows"),
        (
            lambda: Expected(ScalarMatrix(2), torch.eye(2)),
            InvalidData,
            "x has 2 columns and there are 2 rows",
        ),
        (lambda: Expected(ScalarMatrix(1), ones(1)), InvalidData, "x has 1 columns and there are 1 rows"),
        (
            lambda: Expected(ScalarMatrix(3), torch.ones(3, 2)),
            RankDeficient,
            "column 1 is a combination of column 0",
        ),
        (lambda: Expected(ScalarMatrix(3), torch.ones(3)), InvalidData, r"shape \(n, p\)"),
        (
            lambda: Expected(ScalarMatrix(3), ones(3), {"sigma": 1.0}),
            ValueError,
            "there is no parameter 'sigma'",
        ),
        (
            lambda: Expected(ScalarMatrix(3), ones(3), {"sigma^2": -1.0}),
            ValueError,
            "from 0 to inf, and is -1",
        ),
        (lambda: Expected(AR1Matrix(3), ones(3), {"rho": 1.5}), ValueError, "from -1 to 1, and is 1.5"),
        (
            lambda: Expected(ScalarMatrix(3), ones(3), {"sigma^2": 0.0}).parameters(),
            InvalidModel,
            "V is not positive definite at sigma\\^2 = 0",
        ),
        (lambda: Expected(ScalarMatrix(3), ones(3)).contrast([1.0, 2.0]), InvalidData, "one entry for each"),
        (lambda: Expected(ScalarMatrix(3), ones(3)).contrast([[1.0], [2.0]]), InvalidData, "ask power"),
        (lambda: Expected(ScalarMatrix(3), ones(3)).detectable("x0", 0.01), ValueError, "above the level"),
        (lambda: Expected(torch.eye(3), ones(3)), TypeError, "KnownMatrix"),
    ],
)
def test_what_is_no_design_is_refused(make, error, said):
    with pytest.raises(error, match=said):
        make()


def test_a_large_design_is_no_longer_laid_out_by_effects():
    labels = [f"g{i % 1500}" for i in range(30_000)]
    v = Sum(g=effects(labels), e=ScalarMatrix(30_000))
    told = Expected(v, ones(30_000), {"g": 1.0, "e": 1.0})
    assert told.information.road == "columns"
    groups, size = 1500, 20
    between, within = 2.0 * (1.0 + size) ** 2 / (groups - 1), 2.0 / (groups * (size - 1))
    found = [one.standard_error for one in told.parameters().entries]
    assert found == pytest.approx([math.sqrt(between + within) / size, math.sqrt(within)], rel=1e-5)


def test_no_difference_is_large_enough_where_nothing_is_left_to_test_with():
    v = Sum(a=effects(["x", "x", "y", "y"]), e=ScalarMatrix(4))
    told = Expected(v, [[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]], names=["mean", "drug"])
    size = told.detectable("drug")
    assert math.isnan(size) or size > 5.0
