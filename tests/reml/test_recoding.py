"""Random slopes over covariates far from zero: the fit of the centred one, in any coding that holds it."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from covstudio.covariance import (
    Augment,
    BlockDiagonal,
    CompoundSymmetricMatrix,
    CovariancePropagation,
    DiagonalMatrix,
    DummyMatrix,
    Gram,
    HadamardProduct,
    HeterogeneousAR1Matrix,
    HeterogeneousCompoundSymmetricMatrix,
    HeterogeneousCorrelationMatrix,
    IdentityMatrix,
    KroneckerProduct,
    LowerTriangularMatrix,
    Matrix,
    ScalarMatrix,
    Sum,
    UnconstrainedMatrix,
    UnstructuredMatrix,
)
from covstudio.data.tables import Table
from covstudio.document.changes.all import SetFixedEffects, SetResponse, SetRoles
from covstudio.document.model.node import Columns
from covstudio.estimate import ModelError, estimate
from covstudio.reml import REML, Inference, InvalidModel, RankDeficient, fit
from covstudio.reml.diagnosis.coding import coding_doubts
from covstudio.reml.terms.recoding import recoding_of
from tests.document.document_models import add, after
from tests.reml.reml_cases import REFERENCE

FRAME = pd.read_csv(REFERENCE / "sleepstudy.csv")
SUBJECTS = list(FRAME["Subject"])
DAYS = FRAME["Days"].to_numpy(dtype=float)
Y = FRAME["Reaction"].to_numpy(dtype=float)
#: lme4 1.1, lmer(Reaction ~ Days + (Days | Subject)): log L, residual, slope, its standard error, variance of
#: slopes, and of intercepts at day 0 with their covariance.
LOGLIK, RESIDUAL, SLOPE, SLOPE_ERROR, SLOPES, INTERCEPTS, BOTH = (
    -871.8141359792515,
    654.94102711,
    10.46728596,
    1.54578890,
    35.0716605,
    612.0900,
    9.60433,
)


def design(days: np.ndarray, powers: int = 1) -> Tensor:
    return torch.tensor(np.stack([days**k for k in range(powers + 1)], axis=1))


def model(days: np.ndarray, g: Matrix | None = None) -> Sum:
    """Intercepts and slopes by subject, and a residual."""
    slope = HadamardProduct(z=DummyMatrix(SUBJECTS), x=torch.tensor(days)[:, None].expand(180, 18))
    z = Augment(one=DummyMatrix(SUBJECTS), day=slope)
    g = KroneckerProduct(c=g or UnstructuredMatrix(2), s=IdentityMatrix(18))
    return Sum(subject=CovariancePropagation(z=z, g=g), units=ScalarMatrix(180))


def by_subject(days: np.ndarray) -> Sum:
    """The same with the coefficients of a subject side by side, Z written out."""
    z = torch.zeros(180, 36, dtype=torch.float64)
    codes = DummyMatrix(SUBJECTS).codes
    z[torch.arange(180), 2 * codes] = 1.0
    z[torch.arange(180), 2 * codes + 1] = torch.tensor(days)
    g = KroneckerProduct(s=IdentityMatrix(18), c=UnstructuredMatrix(2))
    return Sum(subject=CovariancePropagation(z=z, g=g), units=ScalarMatrix(180))


def covariance(result, leaf: Matrix) -> Tensor:
    values = list(result.params.values())[: leaf.num_params]
    return leaf.evaluate(torch.tensor(values, dtype=torch.float64))


@pytest.mark.parametrize("offset", [0.0, 40.0, 1e3, 2e3, 1e4, 1e5, 1e7, 1.7e9, -1e4])
def test_the_fit_is_that_of_the_centred_covariate(offset: float) -> None:
    days = DAYS + offset
    result = fit(model(days), Y, design(days))
    assert result.verdict == "converged"
    assert result.loglik == pytest.approx(LOGLIK, abs=1e-6)
    assert result.params["units/sigma^2"] == pytest.approx(RESIDUAL, rel=1e-5)
    assert float(result.beta[1]) == pytest.approx(SLOPE, rel=1e-6)
    assert float(result.beta_standard_errors[1]) == pytest.approx(SLOPE_ERROR, rel=1e-6)
    g = covariance(result, UnstructuredMatrix(2))
    assert float(g[1, 1]) == pytest.approx(SLOPES, rel=1e-5)
    # The variance at the day that the coding counts from.
    origin = DAYS.mean() if result.recoded else -offset
    intercept = INTERCEPTS + 2.0 * origin * BOTH + origin**2 * SLOPES
    assert float(g[0, 0]) == pytest.approx(intercept, rel=1e-4)
    # Somewhere from 3e5 to 3e6 double precision ends, by rounding.
    assert bool(result.recoded) == (offset >= 1e7)
    assert ("centred" in result.message.lower()) == bool(result.recoded)


@pytest.mark.parametrize(
    "leaf",
    [
        UnstructuredMatrix(2),
        HeterogeneousCorrelationMatrix(2),
        UnconstrainedMatrix(2),
        Gram(LowerTriangularMatrix(2), gram_type="xxt"),
        HeterogeneousCompoundSymmetricMatrix(2),
        HeterogeneousAR1Matrix(2),
    ],
    ids=lambda leaf: type(leaf).__name__,
)
@pytest.mark.parametrize("engine", ["auto", "dense"])
def test_every_free_covariance_and_engine(leaf: Matrix, engine: str) -> None:
    days = DAYS + 2000.0
    result = fit(model(days, leaf), Y, design(days), engine=engine)
    assert result.verdict == "converged"
    assert result.loglik == pytest.approx(LOGLIK, abs=1e-6)
    expected = torch.tensor([[1.0, -2000.0], [0.0, 1.0]], dtype=torch.float64)
    expected = (
        expected @ torch.tensor([[INTERCEPTS, BOTH], [BOTH, SLOPES]], dtype=torch.float64) @ expected.mT
    )
    assert torch.allclose(covariance(result, leaf), expected, rtol=1e-4)


def test_coefficients_side_by_side() -> None:
    days = DAYS + 1e4
    assert fit(by_subject(days), Y, design(days)).loglik == pytest.approx(LOGLIK, abs=1e-6)


def test_v_is_the_same_in_both_codings() -> None:
    days = DAYS + 2000.0
    v = model(days)
    recoding = recoding_of(v)
    assert recoding is not None
    natural = np.array([3.0, -0.5, 0.7, 2.0])
    there = recoding.there(natural)
    assert np.allclose(recoding.back(there), natural, rtol=1e-9)
    given, other = (one.evaluate(torch.from_numpy(at)) for one, at in ((v, natural), (recoding.v, there)))
    assert torch.allclose(given, other, rtol=1e-7, atol=1e-7 * float(given.max()))
    step = 1e-6
    moved = [
        (recoding.back(there + step * e) - recoding.back(there - step * e)) / (2 * step) for e in np.eye(4)
    ]
    assert np.allclose(
        recoding.slopes(there, range(4), range(4)), np.stack(moved, axis=1), rtol=1e-4, atol=1e-6
    )


def test_a_start_and_ml_and_three_coefficients() -> None:
    days = DAYS + 2000.0
    v, x = model(days), design(days)
    found = fit(v, Y, x)
    again = fit(v, Y, x, start=found.theta)
    assert again.iterations <= 1
    assert again.loglik == pytest.approx(found.loglik, abs=1e-8)
    assert found.history[-1].params["subject/g/c/L_0_0"] == pytest.approx(found.params["subject/g/c/L_0_0"])
    ml = [fit(model(at), Y, design(at), method="ML").loglik for at in (DAYS, days)]
    assert ml[1] == pytest.approx(ml[0], abs=1e-6)

    def curved(at: np.ndarray) -> Sum:
        columns = [DummyMatrix(SUBJECTS)]
        for k in (1, 2):
            x = torch.tensor(at**k)[:, None].expand(180, 18)
            columns.append(HadamardProduct(z=DummyMatrix(SUBJECTS), x=x))
        g = KroneckerProduct(c=UnstructuredMatrix(3), s=IdentityMatrix(18))
        z = Augment({"0": columns[0], "1": columns[1], "2": columns[2]})
        return Sum(subject=CovariancePropagation(z=z, g=g), units=ScalarMatrix(180))

    centred = DAYS - 4.5
    logliks = [fit(curved(at), Y, design(at, 2)).loglik for at in (centred, centred + 100.0)]
    assert logliks[1] == pytest.approx(logliks[0], abs=1e-5)


def test_effects_and_fitted_values() -> None:
    near, far = (fit(model(at), Y, design(at)) for at in (DAYS, DAYS + 1e4))
    u, w = near.blups["subject"].blup, far.blups["subject"].blup
    assert torch.allclose(u[18:], w[18:], rtol=1e-4)
    assert torch.allclose(u[:18], w[:18] + 1e4 * w[18:], atol=1e-3)
    assert near.blups["subject"].levels == far.blups["subject"].levels
    assert torch.allclose(near.fitted, far.fitted, rtol=1e-6)


def test_predictions_at_new_rows() -> None:
    """Two subjects, one beyond the days that there are."""
    found = []
    for offset in (0.0, 2e3, 1.7e9):
        days = DAYS + offset
        v, x = model(days), design(days)
        told = Inference(fit(v, Y, x), v, Y, x)
        z = torch.zeros(2, 36, dtype=torch.float64)
        z[0, 3], z[0, 21], z[1, 5], z[1, 23] = 1.0, 12.0 + offset, 1.0, 4.0 + offset
        new = torch.tensor([[1.0, 12.0 + offset], [1.0, 4.0 + offset]], dtype=torch.float64)
        made = told.predict(new, z={"subject": z})
        found.append([*made.predicted.tolist(), *made.standard_error.tolist()])
    assert found[1] == pytest.approx(found[0], rel=1e-5)
    assert found[2] == pytest.approx(found[0], rel=1e-5)


@pytest.mark.parametrize("offset", [2e3, 1e5, 1.7e9])
def test_inference_has_the_digits_of_the_centred_fit(offset: float) -> None:
    tests = []
    for days in (DAYS - 4.5, DAYS + offset):
        v, x = model(days), design(days)
        told = Inference(fit(v, Y, x), v, Y, x)
        entry = told.intervals()["subject/g/c/L_1_0"]
        test = told.wald("x1", method="kenward-roger")
        error = told.function("subject/g/c/L_1_0 ** 2 + subject/g/c/L_1_1 ** 2").standard_error
        tests.append((test.f, test.denominator_df, error, told.conditional_aic.value))
        assert entry.standard_error > 0.0
    assert tests[1] == pytest.approx(tests[0], rel=1e-4)


def test_profiles() -> None:
    days = DAYS + 2e3
    v, x = model(days), design(days)
    told = Inference(fit(v, Y, x), v, Y, x)
    own, near = model(DAYS), design(DAYS)
    other = Inference(fit(own, Y, near), own, Y, near)
    profiles = [one.profile("units/sigma^2") for one in (told, other)]
    assert (profiles[0].lower, profiles[0].upper) == pytest.approx(
        (profiles[1].lower, profiles[1].upper), rel=1e-4
    )
    with pytest.raises(InvalidModel, match="centre the covariate"):
        told.profile("L_1_0")


def test_what_is_not_free_is_another_model_in_each_coding() -> None:
    days = DAYS + 1e4
    assert recoding_of(model(days, DiagonalMatrix(2))) is None
    partly = model(days)
    partly.set_param_specs("subject/g/c/L_1_0", fixed=True, value=0.0)
    assert recoding_of(partly) is None
    assert recoding_of(model(DAYS)) is None
    # Of a slope without correlation R has log L = -893.2097 (by dense algebra on V).
    result = fit(model(days, DiagonalMatrix(2)), Y, design(days))
    assert result.loglik == pytest.approx(-893.209701, abs=1e-5)
    assert "The covariate of subject lies far from zero (mean 1e+04" in result.message
    assert "Centre it" in result.message


def slopes(days: np.ndarray) -> Matrix:
    return HadamardProduct(z=DummyMatrix(SUBJECTS), x=torch.tensor(days)[:, None].expand(180, 18))


def uncorrelated(days: np.ndarray) -> Sum:
    """Intercepts and slopes as two terms."""
    return Sum(
        subject=CovariancePropagation(z=DummyMatrix(SUBJECTS), g=ScalarMatrix(18)),
        slope=CovariancePropagation(z=slopes(days), g=ScalarMatrix(18)),
        units=ScalarMatrix(180),
    )


def blocks(days: np.ndarray) -> Sum:
    """The same as two blocks of one G."""
    z = Augment(one=DummyMatrix(SUBJECTS), day=slopes(days))
    g = BlockDiagonal(one=ScalarMatrix(18), day=ScalarMatrix(18))
    return Sum(subject=CovariancePropagation(z=z, g=g), units=ScalarMatrix(180))


@pytest.mark.parametrize(
    ("make", "terms"),
    [
        (lambda days: model(days, DiagonalMatrix(2)), 1),
        (lambda days: model(days, CompoundSymmetricMatrix(2)), 1),
        (uncorrelated, 1),
        (blocks, 1),
        (model, 0),
        (by_subject, 0),
        (lambda days: model(days, HeterogeneousCompoundSymmetricMatrix(2)), 0),
    ],
)
def test_that_the_origin_matters_is_said_where_it_does(
    make: Callable[[np.ndarray], Matrix], terms: int
) -> None:
    far = coding_doubts(make(DAYS + 2000.0))
    assert len(far) == terms
    assert all("lies far from zero (mean 2004, standard deviation 2.872)" in doubt for doubt in far)
    assert coding_doubts(make(DAYS)) == ()
    assert coding_doubts(make(DAYS - DAYS.mean())) == ()


START = torch.tensor([3.0, 0.0, 2.0, 3.0], dtype=torch.float64)


@pytest.mark.parametrize("origin", [0.0, 2000.0, 1e4, 1e5, 1.7e9])
def test_plain_steps_reach_the_centred_maximum(origin: float) -> None:
    reml = REML(model(DAYS + origin))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RuntimeWarning)
        theta, beta, steps = reml.optimize(Y, design(DAYS), START)
    assert reml.is_converged()
    assert len(reml.history.theta) == steps + 1
    kernel = fit(model(DAYS), Y, design(DAYS)).kernel_loglik
    assert float(reml.history.loglik[-1]) == pytest.approx(kernel, abs=1e-6)
    assert float(beta[1]) == pytest.approx(SLOPE, rel=1e-7)
    assert float(torch.exp(2.0 * theta[3])) == pytest.approx(RESIDUAL, rel=1e-5)
    told = [str(one.message) for one in caught if one.category is RuntimeWarning]
    assert any("double precision does not hold its theta" in text for text in told) == (origin > 1e6)
    # At 1e4 and 1e5 what the start has beside an intercept of 1e5 to 1e6 is hidden by rounding, or is not.
    if origin not in (1e4, 1e5):
        assert any("leads nowhere" in text for text in told) == (origin > 1e5)
    assert all(one.filename == __file__ for one in caught if one.category is RuntimeWarning)
    if origin <= 1e5:
        # Theta is that of V in the coding given.
        assert float(reml.loglik(Y, design(DAYS), theta)) == pytest.approx(kernel, abs=1e-4)


def test_every_row_of_the_history_is_in_the_coding_of_v() -> None:
    far, near = REML(model(DAYS + 200.0)), REML(model(DAYS + 200.0))
    far.optimize(Y, design(DAYS), START)
    history = far.history
    for k, theta in enumerate(history.theta):
        beta, score, ai, loglik = near.ai_step(Y, design(DAYS), theta)
        assert float(history.loglik[k]) == pytest.approx(float(loglik), abs=1e-5)
        torch.testing.assert_close(history.beta[k], beta, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(history.ai[k], ai, rtol=1e-3, atol=1e-5 * float(ai.abs().max()))
        torch.testing.assert_close(history.score[k], score, rtol=1e-3, atol=1e-4)
    # Near the maximum no bound cuts the step, and it is that of average information.
    torch.testing.assert_close(
        history.delta[-2], torch.linalg.solve(history.ai[-2], history.score[-2]), rtol=1e-2, atol=1e-6
    )
    torch.testing.assert_close(history.theta[-2] + history.update[-2], history.theta[-1])


def test_bounds_keep_steps_in_the_given_coding_and_that_is_said() -> None:
    far, near = REML(model(DAYS + 1e4)), REML(model(DAYS))
    with pytest.warns(RuntimeWarning, match=r"The covariate of subject lies far .* Centre it"):
        far.optimize(Y, design(DAYS), START, max_iter=1, lb=-9.0)
    with pytest.warns(RuntimeWarning, match="another origin it is another model"):
        REML(model(DAYS + 2000.0, DiagonalMatrix(2))).optimize(Y, design(DAYS), START[:3], max_iter=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        near.optimize(Y, design(DAYS), START, max_iter=1)
        # A bound of the residual concerns no coefficients.
        low = torch.tensor([-torch.inf, -torch.inf, -torch.inf, 0.0])
        REML(model(DAYS + 2000.0)).optimize(Y, design(DAYS), START, lb=low)


def test_a_fixed_effect_beyond_double_precision_is_told() -> None:
    days = torch.tensor(DAYS)
    x = torch.stack([torch.ones(180), days + 1e10, (days - 4.5) ** 2], dim=1)
    near = torch.stack([torch.ones(180), days, (days - 4.5) ** 2], dim=1)
    far, close = (fit(ScalarMatrix(180), Y, columns) for columns in (x, near))
    assert torch.allclose(far.beta[1:], close.beta[1:], rtol=1e-5)
    assert torch.allclose(far.beta_standard_errors[1:], close.beta_standard_errors[1:], rtol=1e-5)
    with pytest.raises(RankDeficient, match="centre it"):
        fit(ScalarMatrix(180), Y, torch.stack([days + 1e10, days.flip(0) * 0.0 + 1e10 + days / 10.0], dim=1))


def test_documents() -> None:
    """A random line as an entrywise product; beyond double precision with a word about centring."""

    def table(offset: float) -> Table:
        columns = {"subject": SUBJECTS, "second": list(DAYS + offset), "y": list(Y)}
        return Table.from_columns(columns, "sleepstudy")

    document = after(
        SetResponse("y"),
        SetFixedEffects("1 + second"),
        SetRoles({"second": "covariate", "subject": "factor"}),
        add("Sum", "V"),
        add("HadamardProduct", "n1", name="subject"),
        add("Gram", "n2", "a", name="same", gram_type="xxt"),
        add("DummyMatrix", "n3", "x", name="design", factors=Columns(("subject",))),
        add("CovariancePropagation", "n2", "b", name="line"),
        add("DesignMatrix", "n5", "z", name="time", columns=Columns(("second",)), intercept=True),
        add("UnstructuredMatrix", "n5", "g", name="coefficients", n=2),
        add("ScalarMatrix", "n1", name="units"),
    )
    with pytest.raises(ModelError, match="centre the covariate"):
        estimate(document, table(1.7e9))
    found = estimate(document, table(2000.0))
    assert found.fit.loglik == pytest.approx(LOGLIK, abs=1e-6)
    lower = [value for (_, name), value in found.values.items() if name.startswith("L_1")]
    assert sum(value**2 for value in lower) == pytest.approx(SLOPES, rel=1e-4)


def test_a_singular_g_stands_at_the_end_of_its_range_in_both_codings() -> None:
    """All lines meet in one point: intercepts and slopes are perfectly correlated."""
    subjects = [f"s{k}" for k in range(6) for _ in range(10)]
    y = np.array([float((7 * k * k + (3 + k // 10) * k) % 29) for k in range(60)])
    found = []
    for origin in (-4.5, 2000.0, 1.7e9):
        time = torch.arange(10.0, dtype=torch.float64).repeat(6) + origin
        slope = HadamardProduct(z=DummyMatrix(subjects), x=time[:, None].expand(60, 6))
        g = KroneckerProduct(c=UnstructuredMatrix(2), s=IdentityMatrix(6))
        z = Augment(one=DummyMatrix(subjects), time=slope)
        v = Sum(subject=CovariancePropagation(z=z, g=g), units=ScalarMatrix(60))
        x = torch.stack([torch.ones(60, dtype=torch.float64), time], dim=1)
        result = pickle.loads(pickle.dumps(fit(v, y, x)))
        assert result.boundary == ("subject/g/c/L_1_1",)
        assert result.params["subject/g/c/L_1_1"] == 0.0
        interval = Inference(result, v, y, x).intervals()["subject/g/c/L_1_0"]
        assert interval.standard_error == pytest.approx(result.standard_errors["subject/g/c/L_1_0"])
        found.append((result.loglik, abs(result.params["subject/g/c/L_1_0"]), interval.standard_error))
    assert found[1] == pytest.approx(found[0], rel=1e-5)
    assert found[2] == pytest.approx(found[0], rel=1e-5)
