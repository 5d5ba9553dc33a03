"""Random effects whose columns are combinations of those of the fixed effects: what is told of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    CovariancePropagation,
    DummyMatrix,
    IdentityMatrix,
    KroneckerProduct,
    Matrix,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.reml import Fit, Inference, fit
from covstudio.reml.fitting.parameter_covariance import average_covariance
from covstudio.reml.search.coordinates import Coordinate, Kind
from tests.reml.simulated_cases import effects, normal

GROUPS = [f"g{i // 4}" for i in range(24)]
BLOCKS = [f"b{i % 4}" for i in range(24)]
NAMES = [f"group[{level}]" for level in range(6)]
Y = normal(1, 24) + 2.0 * normal(2, 6).repeat_interleave(4) + 2.0 * normal(13, 4).repeat(6)


def both(engine: str, method: str) -> tuple[Fit, Fit]:
    """The fit with groups fixed and random at once, and the one with groups fixed alone."""
    x = DummyMatrix(GROUPS)()
    blocks = {} if engine == "blocks" else {"block": effects(BLOCKS)}
    v = Sum(group=effects(GROUPS), **blocks, residual=ScalarMatrix(24))
    without = Sum(**blocks, residual=ScalarMatrix(24)) if blocks else ScalarMatrix(24)
    told = fit(v, Y, x, engine=engine, method=method, x_names=NAMES)
    return told, fit(without, Y, x, method=method, x_names=NAMES)


def assert_the_rest_is(told: Fit, plain: Fit) -> None:
    assert told.loglik == pytest.approx(plain.loglik, abs=1e-9)
    torch.testing.assert_close(told.beta, plain.beta)
    torch.testing.assert_close(told.beta_standard_errors, plain.beta_standard_errors, rtol=1e-6, atol=0.0)
    for name, value in plain.params.items():
        mine = name if name in told.params else f"residual/{name}"
        assert told.params[mine] == pytest.approx(value, rel=1e-6)
        assert told.standard_errors[mine] == pytest.approx(plain.standard_errors[name], rel=1e-5)


@pytest.mark.parametrize("engine", ["dense", "mme", "blocks", "sparse"])
def test_by_reml_it_is_not_identifiable_and_the_rest_is_right(engine: str) -> None:
    told, plain = both(engine, "REML")
    assert told.verdict == "not identifiable"
    assert told.indistinct == ("group/g/sigma^2",)
    assert told.boundary == ()
    assert "The data say nothing about group/g/sigma^2: the fixed effects group[0], group[1]," in told.message
    assert "take up all of its part of group" in told.message
    assert "Estimated as zero" not in told.message
    assert math.isnan(told.standard_errors["group/g/sigma^2"])
    assert_the_rest_is(told, plain)


@pytest.mark.parametrize("engine", ["dense", "mme", "blocks", "sparse"])
def test_by_ml_it_is_zero(engine: str) -> None:
    told, plain = both(engine, "ML")
    assert told.verdict == "at the boundary"
    assert told.boundary == ("group/g/sigma^2",)
    assert told.params["group/g/sigma^2"] == 0.0
    assert (
        "Estimated as zero: group/g/sigma^2. By ML what explains nothing is zero: the fixed" in told.message
    )
    assert told.confounded == ()
    assert_the_rest_is(told, plain)


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_a_field_beside_rows_that_are_fixed_and_random(method: str) -> None:
    rows = [f"r{i // 6}" for i in range(48)]
    y = normal(5, 48) + normal(6, 8).repeat_interleave(6)
    x = DummyMatrix(rows)()
    found = []
    for engine in ("dense", "separable"):
        field = KroneckerProduct(row=AR1CorrelationMatrix(8), column=AR1Matrix(6))
        found.append(fit(Sum(row=effects(rows), field=field), y, x, engine=engine, method=method))
        assert found[-1].params["row/g/sigma^2"] == 0.0
        assert found[-1].verdict == ("not identifiable" if method == "REML" else "at the boundary")
    alone = fit(KroneckerProduct(row=AR1CorrelationMatrix(8), column=AR1Matrix(6)), y, x, method=method)
    for one in found:
        assert one.loglik == pytest.approx(alone.loglik, abs=1e-8)
        assert one.params["field/row/rho"] == pytest.approx(alone.params["row/rho"], abs=1e-5)


# -- intercepts and slopes -----------------------------------------------------------------------------------

SUBJECTS = [f"s{i // 5}" for i in range(40)]
TIMES = torch.arange(5.0, dtype=torch.float64).repeat(8)
LINES = normal(7, 40) + 2.0 * normal(8, 8).repeat_interleave(5) + normal(9, 8).repeat_interleave(5) * TIMES


def lines(fixed_intercepts: bool) -> tuple[Matrix, Tensor]:
    """Random intercepts and slopes, beside a fixed slope for each subject and perhaps an intercept, too."""
    own = DummyMatrix(SUBJECTS)().double()
    slopes = own * TIMES[:, None]
    g = KroneckerProduct(coefficients=UnstructuredMatrix(2), subjects=IdentityMatrix(8))
    v = Sum(
        subject=CovariancePropagation(z=torch.cat([own, slopes], 1), g=g),
        residual=ScalarMatrix(40),
    )
    first = own if fixed_intercepts else torch.ones(40, 1, dtype=torch.float64)
    return v, torch.cat([first, slopes], 1)


@pytest.mark.parametrize("engine", ["dense", "mme", "blocks"])
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_intercepts_and_slopes_that_are_both_fixed(engine: str, method: str) -> None:
    v, x = lines(fixed_intercepts=True)
    told = fit(v, LINES, x, engine=engine, method=method)
    plain = fit(ScalarMatrix(40), LINES, x, method=method)
    assert told.loglik == pytest.approx(plain.loglik, abs=1e-9)
    assert told.params["residual/sigma^2"] == pytest.approx(plain.params["sigma^2"])
    assert told.verdict == ("not identifiable" if method == "REML" else "at the boundary")
    assert told.message.count("take up all of") == 1
    Inference(told, v, LINES, x).fixed_effects()


@pytest.mark.parametrize("engine", ["dense", "mme", "blocks"])
def test_by_reml_slopes_that_are_fixed_leave_the_intercepts(engine: str) -> None:
    """With slopes among the fixed effects, the covariance of intercept and slope goes with them."""
    v, x = lines(fixed_intercepts=False)
    told = fit(v, LINES, x, engine=engine)
    assert told.indistinct == ("subject/g/coefficients/L_1_0", "subject/g/coefficients/L_1_1")
    intercepts = Sum(subject=effects(SUBJECTS), residual=ScalarMatrix(40))
    plain = fit(intercepts, LINES, x)
    assert told.loglik == pytest.approx(plain.loglik, abs=1e-8)
    assert told.params["subject/g/coefficients/L_0_0"] ** 2 == pytest.approx(
        plain.params["subject/g/sigma^2"], rel=1e-5
    )
    torch.testing.assert_close(told.beta_standard_errors, plain.beta_standard_errors, rtol=1e-5, atol=0.0)


@pytest.mark.parametrize("engine", ["dense", "mme", "blocks"])
def test_by_ml_their_covariance_is_where_the_determinant_is_least(engine: str) -> None:
    """The likelihood has no y in it there: a maximum all the same, which no point nearby exceeds."""
    v, x = lines(fixed_intercepts=False)
    told = fit(v, LINES, x, engine=engine, method="ML")
    assert told.converged
    assert told.boundary == ("subject/g/coefficients/L_1_1",)
    path = "subject/g/coefficients/L_1_0"
    assert told.params[path] != 0.0
    assert told.standard_errors[path] > 0.0
    for step in (-1e-3, 1e-3):
        raw = told.theta.clone()
        raw[list(told.params).index(path)] += step
        beside = fit(v, LINES, x, start=raw, max_iter=0, method="ML", engine=engine)
        assert beside.loglik <= told.loglik + 1e-9


def test_a_start_makes_no_difference() -> None:
    x = DummyMatrix(GROUPS)()
    v = Sum(group=effects(GROUPS), residual=ScalarMatrix(24))
    plain = fit(v, Y, x)
    started = fit(v, Y, x, start=torch.tensor([3.0, -1.0]))
    assert started.params == pytest.approx(plain.params)
    torch.testing.assert_close(started.beta_standard_errors, plain.beta_standard_errors)


def test_tests_of_fixed_effects_are_those_without_it() -> None:
    """Degrees of freedom, too: at zero, as the message says, the variance is as good as known."""
    x = torch.cat([DummyMatrix(GROUPS)().double(), normal(17, 24, 1)], dim=1)
    v = Sum(group=effects(GROUPS), block=effects(BLOCKS), residual=ScalarMatrix(24))
    without = Sum(block=effects(BLOCKS), residual=ScalarMatrix(24))
    told, plain = (Inference(fit(each, Y, x), each, Y, x) for each in (v, without))
    for method in ("satterthwaite", "kenward-roger"):
        rows = zip(told.fixed_effects(method).entries, plain.fixed_effects(method).entries, strict=True)
        for mine, other in rows:
            assert mine.standard_error == pytest.approx(other.standard_error, rel=1e-5)
            assert mine.df == pytest.approx(other.df, rel=1e-4)
    assert "fixed effects take up all" in told.intervals()["group/g/sigma^2"].note
    share = told.function("group/sigma^2 / (group/sigma^2 + residual/sigma^2)")
    assert math.isnan(share.standard_error)


def test_almost_a_combination_is_told() -> None:
    """One row in another group is enough."""
    other = ["g5", *GROUPS[1:]]
    told = fit(Sum(group=effects(GROUPS), residual=ScalarMatrix(24)), Y, DummyMatrix(other)())
    assert told.indistinct == ()


# -- rounding ------------------------------------------------------------------------------------------------


def names_of(count: int) -> Sequence[Coordinate]:
    return [Coordinate(k, f"p{k}", Kind.FREE, -math.inf, math.inf, 1, 0.0, False) for k in range(count)]


@pytest.mark.parametrize(
    "information",
    [
        np.array([[1.0, 2e-16], [2e-16, 1e-33]]),
        np.array([[1.0, 0.0], [0.0, -1e-20]]),
        np.array([[1.0, math.nan], [math.nan, math.nan]]),
    ],
)
def test_an_average_information_that_rounding_spoils_leaves_the_rest(information: np.ndarray) -> None:
    found = average_covariance(names_of(2), information, ())
    errors = found.standard_errors()
    assert math.isnan(errors["p1"])
    assert errors["p0"] == pytest.approx(1.0) or math.isnan(errors["p0"])


def test_lapack_has_nothing_to_complain_of(capfd: pytest.CaptureFixture[str]) -> None:
    """V^-1 is P without fixed effects: beside one absorbed term the equations are 0 x 0."""
    x = torch.ones(24, 1)
    v = Sum(group=effects(GROUPS), residual=ScalarMatrix(24))
    told = Inference(fit(v, Y, x, engine="mme"), v, Y, x)
    told.fixed_effects("kenward-roger")
    torch.testing.assert_close(
        told._binding.solve(x.double()),
        torch.linalg.solve(v(told.fit.theta), x.double()),
    )
    said = capfd.readouterr()
    assert "illegal value" not in said.out + said.err


def test_of_many_rows_a_few_are_looked_at_first() -> None:
    """Those that show nothing settle nothing: effects of two groups, and of rows that are all but zero."""
    n = 4000
    halves = [f"half {2 * i // n}" for i in range(n)]
    few = torch.zeros(n, 1, dtype=torch.float64)
    few[17] = 1.0
    rng = np.random.default_rng(4)
    v = Sum(
        half=effects(halves),
        few=CovariancePropagation(z=few, g=ScalarMatrix(1)),
        many=effects([f"{i % 50}" for i in range(n)]),
        residual=ScalarMatrix(n),
    )
    x = torch.cat([DummyMatrix(halves)(), few], dim=1)
    y = torch.from_numpy(rng.normal(size=n) + rng.normal(size=50)[np.arange(n) % 50])
    told = fit(v, y, x, x_names=["first", "second", "one row"])
    assert told.indistinct == ("half/g/sigma^2", "few/g/sigma^2")
    assert told.params["many/g/sigma^2"] > 0.1
