"""Fits of random slopes by sparse mixed-model equations: lme4's digits, boundaries, choice of the engine."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch

from covstudio.covariance import (
    CovariancePropagation,
    DummyMatrix,
    IdentityMatrix,
    KroneckerProduct,
    Matrix,
    PedigreeMatrix,
    RandomCoefficientsMatrix,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.reml import Fit, Inference, InvalidModel, explain, fit
from covstudio.reml.terms import random as random_piece
from covstudio.reml.terms.variance import Variance
from tests.reml.coefficient_cases import crossed_slopes
from tests.reml.engine_cases import assert_fits_agree
from tests.reml.reml_cases import load


def test_sleepstudy_to_every_digit() -> None:
    case = load("sleepstudy")
    result = fit(case.v, case.y, case.x, engine="sparse")
    assert result.engine == "sparse"
    assert result.verdict == "converged"
    for key, value in case.estimates["variance_parameters"].items():
        assert case.recorded(result.params)[key] == pytest.approx(value, rel=1e-6), key
    assert result.loglik == pytest.approx(case.estimates["loglik_lme_lmer_convention"], abs=1e-8)
    assert_fits_agree(result, fit(case.v, case.y, case.x, engine="dense"))


@cache
def evaluations() -> pd.DataFrame:
    """Students who rate lecturers of departments, as in lme4's InstEval; made by arithmetic."""
    rows = []
    for s in range(60):
        for j in range(4 + (7 * s) % 9):
            d = (11 * s + 5 * j * j + 3 * j) % 23
            x = ((13 * s + 7 * j + 5 * j * j) % 11 - 5) / 5
            student = ((17 * s * s + 3 * s) % 19 - 9) / 9 + ((29 * s * s + 11 * s) % 13 - 6) / 9 * x
            lecturer = ((7 * d * d + 2 * d) % 17 - 8) / 8 + ((5 * d * d + d) % 11 - 5) / 12 * x
            error = ((31 * s * s + 17 * j**3 + 23 * s * j + 5 * d) % 37 - 18) / 14
            y = 3 + 0.5 * x + student + lecturer + error
            rows.append((f"s{s:02d}", f"d{d:02d}", f"k{d % 5}", x, y))
    return pd.DataFrame(rows, columns=["s", "d", "dept", "x", "y"])


def model(slopes: list[str], intercepts: list[str]) -> tuple[Matrix, torch.Tensor, torch.Tensor]:
    """y ~ x + (x | a) + ... + (1 | b) + ..."""
    frame = evaluations()
    x = torch.from_numpy(frame["x"].to_numpy(copy=True))
    made: dict[str, Matrix] = {
        name: RandomCoefficientsMatrix(frame[name], columns={"x": x}) for name in slopes
    }
    for name in intercepts:
        z = DummyMatrix(frame[name])
        made[name] = CovariancePropagation(z=z, g=ScalarMatrix(z.shape[1]))
    v = Sum(**made, e=ScalarMatrix(len(frame)))
    return v, torch.from_numpy(frame["y"].to_numpy(copy=True)), torch.stack([torch.ones_like(x), x], dim=1)


def variances(result: Fit, term: str) -> tuple[float, float, float]:
    """G of a term: variances of intercept and slope, and their covariance."""
    a, b, c = (result.params[f"{term}/{name}"] for name in ("L_0_0", "L_1_0", "L_1_1"))
    return a * a, b * b + c * c, a * b


#: By lme4 1.1-31: lmer(y ~ x + (x | s) + (1 | d), d, REML = ..., control = lmerControl(optCtrl =
#: list(xtol_abs = 1e-12, ftol_abs = 1e-12, maxeval = 1e5))): log-likelihood; variances and covariance of s,
#: variance of d, residual; fixed effects with standard errors; effects of s00 with their standard errors.
BY_LMER = {
    "REML": (
        -669.276409654,
        [0.5734975269, 0.1019806934, -0.0340541782, 0.3799204897, 0.6248564331],
        [2.736966414, 0.1664865372, 0.384160395, 0.0806482144],
        [-0.786014188, 0.404167241, 0.1654336986, 0.289420363],
    ),
    "ML": (
        -666.792542667,
        [0.5688679378, 0.0963380564, -0.0333580959, 0.3682349414, 0.6247294171],
        [2.737376291, 0.1646978092, 0.384647444, 0.0798829613],
        [-0.78977152, 0.401211974, 0.1599695694, 0.282068607],
    ),
}


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_slopes_of_students_crossed_with_lecturers_are_those_of_lmer(method: str) -> None:
    v, y, x = model(["s"], ["d"])
    loglik, components, fixed, _ = BY_LMER[method]
    result = fit(v, y, x, engine="sparse", method=method)
    assert result.verdict == "converged"
    assert result.loglik == pytest.approx(loglik, abs=1e-8)
    found = [*variances(result, "s"), result.params["d/g/sigma^2"], result.params["e/sigma^2"]]
    # lmer stops at a relative change of the deviance; its digits end here.
    assert found == pytest.approx(components, rel=2e-4)
    assert result.beta.tolist() == pytest.approx(fixed[::2], rel=1e-5)
    assert result.beta_standard_errors.tolist() == pytest.approx(fixed[1::2], rel=2e-5)


def test_effects_at_the_parameters_of_lmer_are_those_of_lmer() -> None:
    v, y, x = model(["s"], ["d"])
    result = fit(v, y, x, engine="sparse")
    effects = result.blups["s"]
    expected = BY_LMER["REML"][3]
    assert effects.blup[:2].tolist() == pytest.approx(expected[::2], rel=1e-3)
    # lmer's conditional variances take the fixed effects as known; these do not, and are no smaller.
    assert effects.standard_error[0] >= expected[1] * (1 - 1e-4)
    assert_fits_agree(result, fit(v, y, x, engine="dense"))


def test_a_variance_of_zero_beside_two_crossed_terms_of_slopes() -> None:
    """lmer: logLik -666.281237316 by REML, the department at 0 ("boundary (singular) fit")."""
    v, y, x = model(["s", "d"], ["dept"])
    result, dense = (fit(v, y, x, engine=engine) for engine in ("sparse", "dense"))
    assert result.verdict == dense.verdict == "at the boundary"
    assert result.boundary == dense.boundary == ("dept/g/sigma^2",)
    assert result.loglik == pytest.approx(-666.281237316, abs=1e-7)
    assert result.loglik == pytest.approx(dense.loglik, abs=1e-8)
    for name, value in dense.params.items():
        assert result.params[name] == pytest.approx(value, rel=1e-6, abs=1e-9), name
    told, other = (Inference(each, v, y, x) for each in (result, dense))
    for term in ("s", "d"):
        one, two = told.random_effects()[term], other.random_effects()[term]
        np.testing.assert_allclose(one.reliability, two.reliability, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_correlation_of_one_is_found_as_by_the_dense_engine(sign: float) -> None:
    """Every level's slope is its intercept's multiple, and rows say so but for a little."""
    rng = np.random.default_rng(8)
    n = 240
    codes, x = rng.integers(0, 20, n), rng.normal(size=n)
    b = rng.integers(0, 7, n)
    own = rng.normal(size=20)[codes]
    y = torch.from_numpy(own * (1.0 + sign * 0.7 * x) + rng.normal(size=7)[b] + 0.6 * rng.normal(size=n))
    zb = DummyMatrix([f"b{i}" for i in b])
    v = Sum(
        g=RandomCoefficientsMatrix([f"g{i:02d}" for i in codes], columns={"x": x}),
        b=CovariancePropagation(z=zb, g=ScalarMatrix(7)),
        e=ScalarMatrix(n),
    )
    fixed = torch.from_numpy(np.column_stack([np.ones(n), x]))
    result, dense = (fit(v, y, fixed, engine=engine) for engine in ("sparse", "dense"))
    assert result.converged
    assert result.verdict == dense.verdict
    assert result.loglik == pytest.approx(dense.loglik, abs=1e-7)
    one, two = variances(result, "g"), variances(dense, "g")
    assert one == pytest.approx(two, rel=1e-4)
    assert sign * one[2] > 0.95 * (one[0] * one[1]) ** 0.5


@pytest.mark.parametrize("seed", range(4))
def test_fits_of_random_models_agree(seed: int) -> None:
    kinds = [
        ("slopes", "unstructured"),
        ("times", "compound"),
        ("related", "unstructured"),
        ("slopes", "diagonal"),
    ]
    case = crossed_slopes(seed, 150, [kinds[seed], ("slopes in one piece", "unstructured")])
    result, other = (fit(case.v, case.y, case.x, engine=engine) for engine in ("sparse", "mme"))
    assert result.verdict == other.verdict
    assert result.boundary == other.boundary
    assert result.loglik == pytest.approx(other.loglik, abs=1e-7)


def crossed(n: int, g: int, b: int) -> Matrix:
    rng = np.random.default_rng(2)
    zb = DummyMatrix([f"b{i:04d}" for i in rng.integers(0, b, n)])
    levels = [f"g{i:04d}" for i in rng.integers(0, g, n)]
    return Sum(
        g=RandomCoefficientsMatrix(levels, columns={"x": rng.normal(size=n)}),
        b=CovariancePropagation(z=zb, g=ScalarMatrix(zb.shape[1])),
        e=ScalarMatrix(n),
    )


def test_sparse_equations_are_chosen_where_levels_are_many_on_both_sides() -> None:
    told = explain(crossed(20_000, 2000, 500), p=2)
    assert told.engine == "sparse"
    assert "effects in sparse equations" in told.reason
    # Few effects beside the absorbed ones stay in a dense matrix.
    assert explain(crossed(2000, 200, 20), p=2).engine == "mme"
    assert explain(crossed(20_000, 2000, 20), p=2).engine == "mme"


def test_more_members_than_are_written_out_are_refused() -> None:
    z = torch.eye(25, dtype=torch.float64).repeat(8, 1)
    design = torch.cat([z, z.flip(1)], dim=1)
    g = KroneckerProduct(a=IdentityMatrix(2), b=UnstructuredMatrix(25))
    v = Sum(g=CovariancePropagation(z=design, g=g), e=ScalarMatrix(200))
    y, x = torch.arange(200.0) % 7, torch.ones(200, 1)
    with pytest.raises(InvalidModel, match="at most 24 coefficients for every level"):
        fit(v, y, x, engine="sparse")


def test_maternal_effects_correlated_with_direct_ones() -> None:
    """Direct and maternal breeding values: a covariance of two for every animal, related by a pedigree."""
    rng = np.random.default_rng(4)
    rows: list[tuple[str, str | None, str | None]] = [(f"a{i}", None, None) for i in range(30)]
    rows += [(f"a{i}", f"a{rng.integers(0, 15)}", f"a{rng.integers(15, 30)}") for i in range(30, 80)]
    rows += [(f"a{i}", f"a{rng.integers(30, 55)}", f"a{rng.integers(55, 80)}") for i in range(80, 180)]
    a = PedigreeMatrix(rows)
    individuals = a.pedigree.individuals
    dams = {row[0]: row[2] for row in rows}
    recorded = [name for name in individuals if dams[name] is not None]
    own = DummyMatrix(recorded, levels=[individuals], lex_order=False)
    mother = DummyMatrix([dams[name] for name in recorded], levels=[individuals], lex_order=False)
    n = len(recorded)
    design = torch.cat([own().double(), mother().double()], dim=1)
    a.set_param_specs("sigma^2", value=1.0, fixed=True)
    v = Sum(
        animal=CovariancePropagation(z=design, g=KroneckerProduct(within=UnstructuredMatrix(2), a=a)),
        units=ScalarMatrix(n),
    )
    root = torch.linalg.cholesky(a().double())
    effects = (root @ torch.from_numpy(rng.normal(size=(180, 2)))) @ torch.tensor(
        [[1.0, -0.2], [0.0, 0.5]]
    ).double()
    y = 5.0 + design @ effects.mT.reshape(-1) + torch.from_numpy(rng.normal(size=n))
    result, dense = (fit(v, y, torch.ones(n, 1), engine=engine) for engine in ("sparse", "dense"))
    assert result.converged
    assert result.loglik == pytest.approx(dense.loglik, abs=1e-8)
    for name, value in dense.params.items():
        assert result.params[name] == pytest.approx(value, rel=1e-6), name
    for one, two in zip(
        (result.blups["animal"].blup, result.blups["animal"].standard_error),
        (dense.blups["animal"].blup, dense.blups["animal"].standard_error),
        strict=True,
    ):
        torch.testing.assert_close(one, two, rtol=1e-6, atol=1e-6)


def test_the_covariance_of_related_coefficients_is_not_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its diagonal of V comes from products with K, and is that of V written out."""
    rng = np.random.default_rng(6)
    case = crossed_slopes(2, 60, [("maternal", "unstructured"), ("related", "compound"), ("crossed", "ar1")])
    variance = Variance(case.v)
    natural = np.abs(rng.normal(size=len(variance.names))) * 0.4 + 0.1
    expected = [
        (piece.diagonal(natural), piece.derivative_diagonal(natural, range(2))) for piece in variance.random
    ]
    monkeypatch.setattr(random_piece, "WRITTEN", 0)

    def refuse(*_: object, **__: object) -> torch.Tensor:
        raise AssertionError("G was written out")

    monkeypatch.setattr(random_piece.RandomPiece, "covariance", refuse)
    for piece, (diagonal, slopes) in zip(Variance(case.v).random, expected, strict=True):
        torch.testing.assert_close(piece.diagonal(natural), diagonal, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(
            piece.derivative_diagonal(natural, range(2)), slopes, rtol=1e-12, atol=1e-12
        )
