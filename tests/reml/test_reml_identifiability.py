"""What the data cannot tell apart is named, with what can be estimated; three verdicts are kept apart."""

from __future__ import annotations

import math
import pickle

import pytest
import torch
from torch import Tensor

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    CompoundSymmetricMatrix,
    CovariancePropagation,
    DiagonalMatrix,
    DummyMatrix,
    FactorAnalyticMatrix,
    HadamardProduct,
    IdentityMatrix,
    KroneckerProduct,
    Matrix,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.reml import Fit, Inference, fit
from tests.reml.reml_cases import alpha_design, one_way
from tests.reml.simulated_cases import effects, normal

Y = normal(1, 12) + torch.arange(12, dtype=torch.float64) % 3
ONE = torch.ones(12, 1)
SINGLES = [f"g{i:02d}" for i in range(12)]


def unreplicated() -> Matrix:
    return Sum(gen=effects(SINGLES), residual=ScalarMatrix(12))


def assert_flat(result: Fit, v: Matrix, y: Tensor, x: Tensor, moved: dict[str, float]) -> None:
    """Holding other values of the confounded parameters gives the same likelihood."""
    params = dict(result.params) | moved
    raw = []
    for parameter, value in zip(v.parameters, params.values(), strict=True):
        raw.append(float(parameter.transform.inverse(torch.tensor([value], dtype=torch.float64))))
    other = fit(v, y, x, start=torch.tensor(raw, dtype=torch.float64), max_iter=0)
    assert other.kernel_loglik == pytest.approx(result.kernel_loglik, abs=1e-8)


# -- sums ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["dense", "mme"])
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_effects_without_replication_are_in_the_residual(engine: str, method: str) -> None:
    v = unreplicated()
    result = fit(v, Y, ONE, engine=engine, method=method)
    total = float(Y.var(correction=1 if method == "REML" else 0))
    assert result.converged
    assert result.verdict == "not identifiable"
    assert result.boundary == ()
    assert result.indistinct == ("gen/g/sigma^2", "residual/sigma^2")
    (group,) = result.confounded
    assert group.names == result.indistinct
    (sum_,) = group.estimable
    assert sum_.words == "gen/g/sigma^2 + residual/sigma^2"
    assert sum_.value == pytest.approx(total)
    degrees = 11 if method == "REML" else 12
    assert sum_.standard_error == pytest.approx(total * math.sqrt(2.0 / degrees))
    assert (
        "gen/g/sigma^2 and residual/sigma^2 cannot be told apart: only their sum "
        f"({total:.4g}) is estimable. Fix or remove one of them." in result.message
    )
    assert all(math.isnan(error) for error in result.standard_errors.values())
    assert "not told apart" in repr(result)
    assert pickle.loads(pickle.dumps(result)).confounded == result.confounded


def test_a_confounded_variance_that_starts_at_zero_is_no_boundary_estimate() -> None:
    """Nothing keeps it there: any share of the sum would do."""
    result = fit(unreplicated(), Y, ONE, start=torch.tensor([-math.inf, 0.0]))
    assert result.params["gen/g/sigma^2"] == 0.0
    assert result.verdict == "not identifiable"
    assert "only their sum" in result.message
    assert "Estimated as zero" not in result.message


def test_coefficients_are_those_of_v() -> None:
    v = Sum(a=CovariancePropagation(z=2.0 * torch.eye(12), g=ScalarMatrix(12)), residual=ScalarMatrix(12))
    result = fit(v, Y, ONE)
    (only,) = result.confounded[0].estimable
    assert only.words == "4 a/g/sigma^2 + residual/sigma^2"
    assert only.value == pytest.approx(float(Y.var()))
    share = only.value / 8.0
    assert_flat(result, v, Y, ONE, {"a/g/sigma^2": share, "residual/sigma^2": only.value - 4.0 * share})


def test_the_same_factor_twice_under_two_names() -> None:
    labels = ["a", "b", "c"] * 4
    other = [{"a": "x", "b": "y", "c": "z"}[label] for label in labels]
    v = Sum(one=effects(labels), two=effects(other), residual=ScalarMatrix(12))
    result = fit(v, Y, ONE)
    assert result.indistinct == ("one/g/sigma^2", "two/g/sigma^2")
    assert result.confounded[0].estimable[0].words == "one/g/sigma^2 + two/g/sigma^2"
    # The residual is told, and has its standard error.
    assert result.standard_errors["residual/sigma^2"] == pytest.approx(
        result.params["residual/sigma^2"] * math.sqrt(2.0 / 9.0), rel=1e-6
    )
    single = fit(Sum(one=effects(labels), residual=ScalarMatrix(12)), Y, ONE)
    (only,) = result.confounded[0].estimable
    assert only.value == pytest.approx(single.params["one/g/sigma^2"], rel=1e-5)
    assert only.standard_error == pytest.approx(single.standard_errors["one/g/sigma^2"], rel=1e-5)


def test_three_names_of_one_variance() -> None:
    v = Sum(a=effects(SINGLES), b=ScalarMatrix(12), residual=ScalarMatrix(12))
    result = fit(v, Y, ONE)
    assert result.indistinct == ("a/g/sigma^2", "b/sigma^2", "residual/sigma^2")
    assert "only their sum (" in result.message
    assert "Fix or remove 2 of them." in result.message


def test_more_than_one_sum() -> None:
    """A variance per place beside a residual: two sums of three parameters."""
    place = HadamardProduct(i=IdentityMatrix(12), t=effects(["a", "b"] * 6, DiagonalMatrix(2)))
    result = fit(Sum(place=place, residual=ScalarMatrix(12)), Y, ONE)
    (group,) = result.confounded
    assert [one.words for one in group.estimable] == [
        "place/t/g/sigma^2_0 + residual/sigma^2",
        "place/t/g/sigma^2_1 + residual/sigma^2",
    ]
    assert "Fix or remove one of them, such as residual/sigma^2." in result.message


def test_two_groups_are_told_from_each_other() -> None:
    """A row factor named twice and a column factor named twice."""
    rows = [f"r{i}" for i in range(4) for _ in range(5)]
    columns = [f"c{j}" for _ in range(4) for j in range(5)]
    y = normal(2, 4, 1).expand(4, 5).reshape(-1) * 2 + normal(3, 5).repeat(4) * 2 + normal(4, 20)
    v = Sum(r1=effects(rows), r2=effects(rows), c1=effects(columns), c2=effects(columns), e=ScalarMatrix(20))
    result = fit(v, y, torch.ones(20, 1))
    assert [group.names for group in result.confounded] == [
        ("r1/g/sigma^2", "r2/g/sigma^2"),
        ("c1/g/sigma^2", "c2/g/sigma^2"),
    ]
    assert result.message.count("only their sum") == 2


# -- products and other combinations ------------------------------------------------------------------------


def test_two_scales_of_one_kronecker_product() -> None:
    y = normal(5, 6, 8).cumsum(1).reshape(-1)
    v = KroneckerProduct(row=AR1Matrix(6), col=AR1Matrix(8))
    x = torch.ones(48, 1)
    result = fit(v, y, x)
    assert result.verdict == "not identifiable"
    assert result.indistinct == ("row/sigma^2", "col/sigma^2")
    told = KroneckerProduct(row=AR1CorrelationMatrix(6), col=AR1Matrix(8))
    identified = fit(told, y, x)
    assert identified.verdict == "converged"
    assert result.kernel_loglik == pytest.approx(identified.kernel_loglik, abs=1e-8)
    (product,) = result.confounded[0].estimable
    assert product.words == "row/sigma^2 * col/sigma^2"
    assert product.value == pytest.approx(identified.params["col/sigma^2"], rel=1e-5)
    average = Inference(identified, told, y, x, information="average").intervals()
    assert product.standard_error == pytest.approx(average["col/sigma^2"].standard_error, rel=1e-4)
    assert f"only their product ({product.value:.4g}) is estimable" in result.message
    assert result.standard_errors["row/rho"] == pytest.approx(identified.standard_errors["row/rho"], rel=1e-4)
    assert_flat(result, v, y, x, {"row/sigma^2": 1.0, "col/sigma^2": product.value})


def test_a_scale_beside_a_cholesky_factor() -> None:
    y = normal(6, 12, 3)
    v = KroneckerProduct(subject=ScalarMatrix(12), time=UnstructuredMatrix(3))
    result = fit(v, y.reshape(-1), torch.eye(3).repeat(12, 1))
    assert result.verdict == "not identifiable"
    assert len(result.indistinct) == 7
    assert "only 6 combinations of these 7 are estimable. Fix or remove one of them" in result.message
    first = result.confounded[0].estimable[0]
    assert first.words == "subject/sigma^2 * (time/L_2_2)^2"
    factor = torch.linalg.cholesky(torch.cov(y.T))
    assert first.value == pytest.approx(float(factor[2, 2]) ** 2, rel=1e-6)


def test_an_unstructured_matrix_beside_a_residual_names_the_residual() -> None:
    y = normal(7, 20, 3) @ torch.linalg.cholesky(torch.eye(3, dtype=torch.float64) + 1.0).T
    v = Sum(t=KroneckerProduct(i=IdentityMatrix(20), t=UnstructuredMatrix(3)), residual=ScalarMatrix(60))
    result = fit(v, y.reshape(-1), torch.eye(3).repeat(20, 1))
    assert result.verdict == "not identifiable"
    assert "residual/sigma^2" in result.indistinct
    assert "such as residual/sigma^2" in result.message
    value = v(result.theta)[:3, :3]
    torch.testing.assert_close(value, torch.cov(y.T), rtol=1e-5, atol=1e-5)


def test_a_combination_that_holds_near_the_estimates_only() -> None:
    """sigma^2 (1 - rho) of compound symmetry among fixed means is neither a sum nor a product."""
    labels = ["a", "b", "c"] * 4
    v = Sum(cs=effects(labels, CompoundSymmetricMatrix(3)), residual=ScalarMatrix(12))
    result = fit(v, Y, ONE)
    assert result.indistinct == ("cs/g/sigma^2", "cs/g/rho")
    assert "near the estimates only cs/g/sigma^2 - " in result.message
    sigma2, rho = result.params["cs/g/sigma^2"], result.params["cs/g/rho"]
    assert_flat(result, v, Y, ONE, {"cs/g/sigma^2": sigma2 * (1.0 - rho) / (1.0 - 0.2), "cs/g/rho": 0.2})


def test_more_factors_than_a_covariance_has_room_for() -> None:
    """3 x 3 has 6 numbers; two factors and three uniquenesses are 8."""
    y = normal(8, 30, 3) @ torch.linalg.cholesky(torch.eye(3, dtype=torch.float64) + 1.0).T
    with pytest.warns(UserWarning, match="not identified"):
        analytic = FactorAnalyticMatrix(3, 2)
    v = KroneckerProduct(i=IdentityMatrix(30), t=analytic)
    result = fit(v, y.reshape(-1), torch.eye(3).repeat(30, 1))
    assert result.verdict == "not identifiable"
    assert "Fix or remove 2 of them" in result.message
    torch.testing.assert_close(v(result.theta)[:3, :3], torch.cov(y.T), rtol=1e-5, atol=1e-5)


# -- nothing at all -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["dense", "mme"])
def test_a_factor_of_one_level_and_one_that_is_fixed_too(engine: str) -> None:
    for labels, x in ((["a"] * 12, ONE), (["a", "b", "c"] * 4, DummyMatrix(["a", "b", "c"] * 4)())):
        result = fit(Sum(gen=effects(labels), residual=ScalarMatrix(12)), Y, x, engine=engine)
        assert result.converged
        assert result.verdict == "not identifiable"
        assert result.indistinct == ("gen/g/sigma^2",)
        taken = "the fixed effect x0 takes" if x is ONE else "the fixed effects x0, x1 and x2 take"
        assert (
            f"The data say nothing about gen/g/sigma^2: {taken} up all of its part of gen" in result.message
        )
        assert "one level" in result.message
        assert result.confounded[0].estimable == ()
        alone = fit(ScalarMatrix(12), Y, x)
        assert result.params["residual/sigma^2"] == pytest.approx(alone.params["sigma^2"])
        assert result.standard_errors["residual/sigma^2"] == pytest.approx(alone.standard_errors["sigma^2"])


@pytest.mark.parametrize("engine", ["dense", "mme"])
def test_by_ml_a_factor_of_one_level_has_a_variance_of_zero(engine: str) -> None:
    result = fit(Sum(gen=effects(["a"] * 12), residual=ScalarMatrix(12)), Y, ONE, method="ML", engine=engine)
    assert result.converged
    assert result.verdict == "at the boundary"
    assert result.params["gen/g/sigma^2"] == 0.0
    assert result.iterations < 10


def test_a_correlation_without_a_variance_is_the_boundarys_doing() -> None:
    y = torch.tensor([1.0, 9.0, 2.0, 8.0, 3.0, 7.5], dtype=torch.float64)
    v = Sum(g=effects(["a", "a", "b", "b", "c", "c"], AR1Matrix(3)), e=ScalarMatrix(6))
    result = fit(v, y, torch.ones(6, 1))
    if result.params["g/g/sigma^2"] == 0.0:
        assert result.verdict == "at the boundary"
        assert result.boundary == ("g/g/sigma^2",)
        assert result.indistinct == ("g/g/rho",)
        assert "g/g/rho means nothing while g/g/sigma^2 is zero." in result.message
    else:
        pytest.fail("the between-group variance should be estimated as zero")


# -- not confused with it -----------------------------------------------------------------------------------


def test_the_three_verdicts_and_none() -> None:
    v, y, x = alpha_design()
    assert fit(v, y, x).verdict == "converged"
    assert fit(v, y, x, max_iter=1).verdict == "stopped"
    at_zero = fit(one_way(3, 2), torch.tensor([1.0, 9.0, 2.0, 8.0, 3.0, 7.5]), torch.ones(6, 1))
    assert at_zero.verdict == "at the boundary"
    assert at_zero.converged
    assert at_zero.confounded == ()


def test_weakly_told_is_told() -> None:
    """Two factors that differ in a single row: hardly, but told apart."""
    labels = [f"g{i % 10}" for i in range(60)]
    other = list(labels)
    other[0] = "g5"
    y = normal(9, 10).repeat(6) + normal(10, 60)
    v = Sum(one=effects(labels), two=effects(other), e=ScalarMatrix(60))
    result = fit(v, y, torch.ones(60, 1))
    assert result.indistinct == ()
    assert result.verdict in ("converged", "at the boundary")
