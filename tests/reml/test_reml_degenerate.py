"""Likelihoods without a maximum, or all but: what V loses is named in a sentence, and the rest is right."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from covstudio.covariance import (
    AR1Matrix,
    CompoundSymmetricMatrix,
    CovariancePropagation,
    DiagonalMatrix,
    DummyMatrix,
    ExponentialMatrix,
    Gram,
    HadamardProduct,
    HeterogeneousAR1Matrix,
    HeterogeneousCompoundSymmetricMatrix,
    HeterogeneousCorrelationMatrix,
    IdentityMatrix,
    KroneckerProduct,
    Matrix,
    OrnsteinUhlenbeckMatrix,
    ScalarMatrix,
    Sum,
    UnconstrainedMatrix,
    UnstructuredMatrix,
)
from covstudio.reml import Inference, InvalidModel, fit
from tests.reml.reml_cases import assert_monotone, one_way
from tests.reml.simulated_cases import drawn, normal

GROUPS = 8
ENGINES = ("dense", "mme", "blocks")


def effects(labels: list[int]) -> Matrix:
    z = DummyMatrix(labels)
    return CovariancePropagation(z=z, g=ScalarMatrix(z.shape[1]))


def groups(noise: float) -> tuple[Tensor, float]:
    """Four rows of each group that are copies but for some noise, and the variance of the groups' means."""
    y = 10.0 + 2.3 * normal(3, GROUPS).repeat_interleave(4) + noise * normal(4, 4 * GROUPS)
    return y, float(y.reshape(GROUPS, 4).mean(1).var())


@pytest.mark.parametrize("noise", [0.0, 1e-9, 1e-8])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_residual_that_goes_to_zero_is_named_and_the_groups_are_right(engine: str, noise: float) -> None:
    """Copies of rows: the likelihood rises without limit, or to where double precision does not reach."""
    y, expected = groups(noise)
    result = fit(one_way(GROUPS, 4), y, torch.ones(4 * GROUPS, 1), engine=engine)
    assert result.verdict == "stopped"
    assert result.boundary == ("e/sigma^2",)
    assert "V becomes singular as e/sigma^2 goes to zero" in result.message
    assert "rows may be copies of others" in result.message
    assert result.params["g/g/sigma^2"] == pytest.approx(expected, rel=1e-3)
    assert result.standard_errors["g/g/sigma^2"] == pytest.approx(expected * (2.0 / 7.0) ** 0.5, rel=2e-3)
    assert result.params["e/sigma^2"] < 1e-6
    assert np.isnan(result.standard_errors["e/sigma^2"])


@pytest.mark.parametrize("noise", [1e-3, 1e-5, 1e-6])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_residual_that_is_small_is_estimated(engine: str, noise: float) -> None:
    """Down to a ratio of 1e-13: the maximum is where the likelihood has lost its figures."""
    y, between = groups(noise)
    within = float(y.reshape(GROUPS, 4).var(1).mean())
    result = fit(one_way(GROUPS, 4), y, torch.ones(4 * GROUPS, 1), engine=engine)
    assert result.converged, result.message
    # A factor of V loses as many figures as the ratio has, by the order in which sums are taken.
    figures = 1e-5 if engine == "mme" else 1e-3
    assert result.params["g/g/sigma^2"] == pytest.approx(between - within / 4.0, rel=figures)
    assert result.params["e/sigma^2"] == pytest.approx(within, rel=1e-2)
    assert result.standard_errors["e/sigma^2"] == pytest.approx(within * (2.0 / 24.0) ** 0.5, rel=2e-2)
    assert result.standard_errors["g/g/sigma^2"] == pytest.approx(between * (2.0 / 7.0) ** 0.5, rel=2e-3)


def test_effects_that_add_up_to_the_data_are_right_without_a_residual() -> None:
    rows, columns = 2.0 * normal(21, 6), normal(22, 5)
    y = (rows[:, None] + columns).repeat_interleave(2, dim=1).reshape(-1)
    row, column = (
        [i for i in range(6) for _ in range(10)],
        [j for _ in range(6) for j in range(5) for _ in "ab"],
    )
    v = Sum(row=effects(row), column=effects(column), e=ScalarMatrix(60))
    result = fit(v, y, torch.ones(60, 1))
    assert "V becomes singular as e/sigma^2 goes to zero" in result.message
    assert result.params["row/g/sigma^2"] == pytest.approx(float(rows.var()), rel=1e-4)
    assert result.params["column/g/sigma^2"] == pytest.approx(float(columns.var()), rel=1e-4)
    Inference(result, v, y, torch.ones(60, 1))


def test_lines_without_noise_have_their_covariance() -> None:
    """Random intercepts and slopes beside a residual of which nothing is left."""
    subjects, t = 12, torch.arange(4, dtype=torch.float64)
    lines = normal(23, subjects, 2) @ torch.tensor([[1.0, 0.3], [0.0, 0.5]], dtype=torch.float64)
    y = (lines[:, :1] + lines[:, 1:] * t).reshape(-1)
    own = torch.eye(subjects, dtype=torch.float64).repeat_interleave(4, dim=0)
    times = t.repeat(subjects)
    g = KroneckerProduct(a=UnstructuredMatrix(2), b=IdentityMatrix(subjects))
    z = torch.cat([own, own * times[:, None]], dim=1)
    v = Sum(s=CovariancePropagation(z=z, g=g), e=ScalarMatrix(4 * subjects))
    result = fit(v, y, torch.stack([torch.ones_like(times), times], dim=1))
    assert result.boundary == ("e/sigma^2",)
    expected = torch.linalg.cholesky(torch.cov(lines.T))
    for name, value in (("L_0_0", expected[0, 0]), ("L_1_0", expected[1, 0]), ("L_1_1", expected[1, 1])):
        assert result.params[f"s/g/a/{name}"] == pytest.approx(float(value), rel=1e-4)


def complete(y: Tensor, g: Matrix) -> tuple[Matrix, Tensor, Tensor]:
    """Visits of subjects, all of them seen."""
    subjects, size = y.shape
    v = KroneckerProduct(i=IdentityMatrix(subjects), c=g)
    return v, y.reshape(-1), torch.eye(size, dtype=torch.float64).repeat(subjects, 1)


@pytest.mark.parametrize("engine", ["dense", "blocks"])
def test_a_visit_that_is_a_copy_of_another_leaves_the_others_right(engine: str) -> None:
    y = normal(24, 20, 3)
    y[:, 2] = y[:, 1]
    v, response, x = complete(y, UnstructuredMatrix(3))
    result = fit(v, response, x, engine=engine)
    assert result.boundary == ("c/L_2_2",)
    expected = torch.linalg.cholesky(torch.cov(y[:, :2].T))
    for name, value in (("L_0_0", expected[0, 0]), ("L_1_0", expected[1, 0]), ("L_1_1", expected[1, 1])):
        assert result.params[f"c/{name}"] == pytest.approx(float(value), rel=1e-4)
    assert result.params["c/L_2_1"] == pytest.approx(result.params["c/L_1_1"], rel=1e-4)
    Inference(result, v, response, x)


@pytest.mark.parametrize("structure", [AR1Matrix, CompoundSymmetricMatrix])
@pytest.mark.parametrize("engine", ["dense", "blocks"])
def test_a_correlation_that_goes_to_1_is_named(engine: str, structure: type[Matrix]) -> None:
    """Subjects whose rows are all the same, and no variance of their own for them."""
    y = (1.5 * normal(25, 15)).repeat_interleave(4)
    v = KroneckerProduct(i=IdentityMatrix(15), c=structure(4))  # type: ignore[call-arg]
    result = fit(v, y, torch.ones(60, 1), engine=engine)
    assert "V becomes singular as c/rho goes to 1" in result.message
    assert result.params["c/sigma^2"] == pytest.approx(float(y[::4].var()), rel=1e-5)
    assert "running off" not in result.message
    assert result.boundary == ("c/rho",)


@pytest.mark.parametrize("power", [6, 11, 13, 15, 18])
@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("engine", ["dense", "blocks"])
def test_the_variance_beside_a_correlation_near_1_is_that_of_the_analysis_of_variance(
    engine: str, method: str, power: int
) -> None:
    """Compound symmetry of a balanced one-way layout: whatever is left within groups, sigma^2 is right."""
    groups, size, within = 12, 5, 4.0 * 10.0**-power
    y = 10.0 + 2.0 * normal(3, groups, 1) + within**0.5 * normal(4, groups, size)
    means = y.mean(1)
    inside = float((y - means[:, None]).square().sum()) / (groups * (size - 1))
    between = size * float((means - means.mean()).square().sum()) / (groups - (method == "REML"))
    variance = (between - inside) / size + inside
    v = KroneckerProduct(i=IdentityMatrix(groups), c=CompoundSymmetricMatrix(size))
    result = fit(v, y.reshape(-1), torch.ones(groups * size, 1), engine=engine, method=method)
    # Within 2e-6 by most libraries, and 1.1e-5 where they add in another order (MKL_CBWR=COMPATIBLE).
    assert result.params["c/sigma^2"] == pytest.approx(variance, rel=1e-4)
    error = between / size * (2.0 / (groups - (method == "REML"))) ** 0.5
    assert result.standard_errors["c/sigma^2"] == pytest.approx(error, rel=2e-2)
    left = 1.0 - result.params["c/rho"]
    if power <= 13:
        # A number near 1 has steps of 1e-16.
        assert result.verdict == "converged"
        assert result.params["c/sigma^2"] * left == pytest.approx(inside, rel=1e-5 + 1e-16 / left)
        assert ("of which double precision holds" in result.message) == (power > 10)
    elif power > 14:
        assert "V becomes singular as c/rho goes to 1" in result.message
        assert "as a term of its own" in result.message


@pytest.mark.parametrize("power", [12, 18])
@pytest.mark.parametrize(
    "structure", [AR1Matrix, HeterogeneousAR1Matrix, HeterogeneousCompoundSymmetricMatrix]
)
def test_variances_beside_a_correlation_near_1_are_right(structure: type[Matrix], power: int) -> None:
    """A random walk with steps of next to nothing has the variance of where it begins."""
    groups, size = 12, 5
    level, steps = 2.0 * normal(3, groups, 1), 10.0 ** (-power / 2) * normal(4, groups, size).cumsum(1)
    y = (10.0 + level + steps).reshape(-1)
    v = KroneckerProduct(i=IdentityMatrix(groups), c=structure(size))  # type: ignore[call-arg]
    result = fit(v, y, torch.ones(groups * size, 1))
    variances = [value for name, value in result.params.items() if "sigma" in name]
    # Differences between variances, as small as the steps, tell of the mean, and so of the variances, too.
    # By most orders of sums variances are right to 1e-5, by some to 3e-5.
    figures = 0.1 if power == 12 and len(variances) > 1 else 1e-4
    assert variances == pytest.approx([float(level.var())] * len(variances), rel=figures)
    if power == 18:
        assert "V becomes singular as c/rho goes to 1" in result.message
    elif len(variances) > 1:
        assert "rounding hides what the data tell" in result.message


def test_variances_whose_differences_are_told_by_next_to_nothing_are_not_called_unknown() -> None:
    groups, size = 12, 5
    y = 10.0 + 2.0 * normal(3, groups, 1) + 1e-4 * normal(4, groups, size)
    within = KroneckerProduct(i=IdentityMatrix(groups), c=HeterogeneousCompoundSymmetricMatrix(size))
    v = Sum(c=within, e=ScalarMatrix(groups * size))
    v.set_param_specs("e/sigma^2", fixed=True, value=1e-8)
    result = fit(v, y.reshape(-1), torch.ones(groups * size, 1))
    assert result.verdict != "not identifiable"
    assert "rounding hides what the data tell of c/c/sigma^2_0" in result.message


@pytest.mark.parametrize("power", [12, 18])
@pytest.mark.parametrize("structure", [ExponentialMatrix, OrnsteinUhlenbeckMatrix])
def test_the_variance_beside_a_range_near_infinity_is_right(structure: type[Matrix], power: int) -> None:
    """The same random walk, by processes over times that have a range for the correlation."""
    groups, size = 12, 5
    level, steps = 2.0 * normal(3, groups, 1), 10.0 ** (-power / 2) * normal(4, groups, size).cumsum(1)
    y = (10.0 + level + steps).reshape(-1)
    same = Gram(DummyMatrix(torch.arange(groups).repeat_interleave(size).tolist()), gram_type="xxt")
    times = torch.arange(float(size)).repeat(groups)
    over = {"shared_times": True} if structure is OrnsteinUhlenbeckMatrix else {}
    v = HadamardProduct(same=same, p=structure(times, **over))  # type: ignore[call-arg]
    result = fit(v, y, torch.ones(groups * size, 1))
    assert result.params["p/sigma^2"] == pytest.approx(float(level.var()), rel=1e-4)
    assert ("V becomes singular as p/range goes to infinity" in result.message) == (power == 18)


def test_all_that_makes_a_singular_matrix_of_too_few_subjects_is_named() -> None:
    v, y, x = complete(normal(26, 4, 5), UnstructuredMatrix(5))
    result = fit(v, y, x)
    assert result.verdict == "stopped"
    singular = "V becomes singular" in result.message
    # By some orders of sums steps run out on the way there: what is on it is named all the same, and no more.
    assert singular or "c/L_3_3 and c/L_4_4 are on the way to zero" in result.message
    assert set(result.boundary) == ({"c/L_3_3", "c/L_4_4"} if singular else set())
    assert set(re.findall(r"c/L_\d_\d", result.message)) == {"c/L_3_3", "c/L_4_4"}
    assert len(result.message) < 800
    # Rounding decides whether a factor is found; never are the data or the matrix accused.
    said = refusal(lambda: Inference(result, v, y, x))
    assert not said or "it became singular while it was fitted" in said


def refusal(ask: Callable[[], object]) -> str:
    """Why a model is refused; nothing where it is not."""
    try:
        ask()
    except InvalidModel as refused:
        return str(refused)
    return ""


def test_a_variance_of_a_level_without_rows_is_not_identifiable() -> None:
    labels = ["a", "b", "c"] * 8
    z = DummyMatrix(labels, levels=[["a", "b", "c", "d"]])
    v = Sum(g=CovariancePropagation(z=z, g=DiagonalMatrix(4)), e=ScalarMatrix(24))
    result = fit(v, normal(27, 24), torch.ones(24, 1))
    assert result.verdict == "not identifiable"
    assert "nothing about g/g/sigma^2_3: no row depends on it" in result.message


def visits(size: int, subjects: int, complete: int) -> tuple[DummyMatrix, Tensor, Tensor]:
    """Repeated measures of which most subjects lack some, and a mean for every visit."""
    rng = np.random.default_rng(5)
    a = normal(6, size, size)
    y = drawn(a @ a.T / size + 0.3 * torch.eye(size, dtype=torch.float64), subjects, 7)
    seen = np.ones((subjects, size), dtype=bool)
    for subject in range(complete, subjects):
        seen[subject, rng.choice(size, size // 2, replace=False)] = False
    kept = np.flatnonzero(seen.reshape(-1))
    levels = [list(range(subjects)), list(range(size))]
    z = DummyMatrix((kept // size).tolist(), (kept % size).tolist(), levels=levels)
    return z, y[kept], torch.eye(size, dtype=torch.float64).repeat(subjects, 1)[kept]


def test_an_unstructured_covariance_of_too_few_subjects_is_told_in_a_sentence() -> None:
    z, y, x = visits(8, 16, 3)
    v = CovariancePropagation(z=z, g=KroneckerProduct(i=IdentityMatrix(16), c=UnstructuredMatrix(8)))
    result = fit(v, y, x)
    assert result.verdict == "stopped"
    assert "V becomes singular" in result.message
    assert "more covariances than subjects" in result.message
    assert len(result.message) < 800
    # V is all but singular: the check that these are the data allows for that.
    Inference(result, v, y, x)


@pytest.mark.parametrize(
    ("size", "subjects", "engine"), [*((6, 8, engine) for engine in ENGINES), (8, 16, "blocks")]
)
def test_what_goes_to_zero_with_too_few_subjects_is_named_beside_a_residual(
    size: int, subjects: int, engine: str
) -> None:
    """Columns of the factor come to 0 first, of which the information has nothing."""
    z, y, x = visits(size, subjects, 3)
    g = KroneckerProduct(i=IdentityMatrix(subjects), c=UnstructuredMatrix(size))
    result = fit(Sum(g=CovariancePropagation(z=z, g=g), e=ScalarMatrix(len(y))), y, x, engine=engine)
    assert result.verdict == "stopped"
    assert result.params["e/sigma^2"] < 1e-4
    assert "e/sigma^2" in result.message
    assert "more covariances than subjects" in result.message
    assert "more iterations" not in result.message
    assert len(result.message) < 800


@pytest.mark.parametrize("engine", ENGINES)
def test_a_singular_covariance_of_few_subjects_is_estimated_and_not_unknown(engine: str) -> None:
    """Three subjects tell a covariance of five visits with at most three of its dimensions."""
    rng = np.random.default_rng(1)
    subject, visit = np.repeat(np.arange(3), 10), np.tile(np.repeat(np.arange(5), 2), 3)
    y = torch.from_numpy(rng.standard_normal((3, 5))[subject, visit] + 0.5 * rng.standard_normal(30))
    z = DummyMatrix(subject.tolist(), visit.tolist(), levels=[range(3), range(5)])
    g = KroneckerProduct(i=IdentityMatrix(3), c=UnstructuredMatrix(5))
    v = Sum(g=CovariancePropagation(z=z, g=g), e=ScalarMatrix(30))
    result = fit(v, y, torch.ones(30, 1), engine=engine)
    assert result.verdict == "at the boundary"
    assert {"g/c/L_3_3", "g/c/L_4_4"} <= {name.removeprefix("g/") for name in result.boundary}
    assert result.indistinct == ()
    assert "so that its matrix is singular" in result.message
    assert "fixed effects take up" not in result.message


@pytest.mark.parametrize(
    "structure", [UnstructuredMatrix, UnconstrainedMatrix, HeterogeneousCorrelationMatrix]
)
@pytest.mark.parametrize("engine", ["blocks", "dense"])
def test_the_covariance_of_two_visits_never_seen_together_is_not_identifiable(
    engine: str, structure: type[Matrix]
) -> None:
    """All else is told, and is the same in every parametrisation."""
    subjects = 60
    a = normal(8, 4, 4)
    y = drawn(a @ a.T / 4.0 + 0.3 * torch.eye(4, dtype=torch.float64), subjects, 9).reshape(subjects, 4)
    kept = torch.tensor([[True, True, s % 2 == 0, s % 2 == 1] for s in range(subjects)]).reshape(-1)
    cells = torch.arange(4 * subjects)[kept].tolist()
    z = DummyMatrix([k // 4 for k in cells], [k % 4 for k in cells], levels=[range(subjects), range(4)])
    x = torch.eye(4, dtype=torch.float64).repeat(subjects, 1)[kept]

    def model(g: Matrix) -> Matrix:
        return CovariancePropagation(z=z, g=KroneckerProduct(i=IdentityMatrix(subjects), c=g))

    result = fit(model(structure(4)), y.reshape(-1)[kept], x, engine=engine)  # type: ignore[call-arg]
    assert result.verdict == "not identifiable"
    assert "3_2" in result.message
    assert_monotone(result)
    others = fit(model(UnstructuredMatrix(4)), y.reshape(-1)[kept], x)
    assert result.loglik == pytest.approx(others.loglik, abs=1e-6)
    value = (
        model(structure(4))
        .operands["g"]
        .operands["c"]
        .evaluate(  # type: ignore[attr-defined,call-arg]
            torch.tensor(list(result.params.values()), dtype=torch.float64)
        )
    )
    expected = UnstructuredMatrix(4).evaluate(torch.tensor(list(others.params.values()), dtype=torch.float64))
    told = torch.ones(4, 4, dtype=torch.bool)
    told[3, 2] = told[2, 3] = False
    torch.testing.assert_close(value[told], expected[told], rtol=1e-5, atol=1e-6)


def test_a_covariance_of_zero_is_no_reason_for_anything() -> None:
    """It silences neither itself nor others, as a variance of 0 does."""
    subjects = range(20)
    seen = [(s, t) for s in subjects for t in range(3) if t == 0 or t == 1 + s % 2]
    z = DummyMatrix([s for s, _ in seen], [t for _, t in seen], levels=[subjects, range(3)])
    g = KroneckerProduct(i=IdentityMatrix(20), c=UnstructuredMatrix(3))
    v = Sum(c=CovariancePropagation(z=z, g=g), e=ScalarMatrix(len(seen)))
    v.set_param_specs("e/sigma^2", fixed=True, value=0.01)
    result = fit(v, normal(11, len(seen)), torch.ones(len(seen), 1))
    assert result.verdict == "not identifiable"
    assert "means nothing" not in result.message


def test_an_information_lost_in_rounding_is_not_used() -> None:
    """At a ratio of 1e-12 differences of the score are noise: 2.05 came out for an error of 1.63."""
    y, between = groups(1e-6)
    v, x = one_way(GROUPS, 4), torch.ones(4 * GROUPS, 1)
    result = fit(v, y, x)
    assert result.information == "average"
    assert "V is so close to singular that the observed information is lost in rounding" in result.summary()
    asked = Inference(result, v, y, x, information="observed").intervals()
    assert asked.information == "average"
    exact = between * (2.0 / 7.0) ** 0.5
    assert asked["g/g/sigma^2"].standard_error == pytest.approx(exact, rel=2e-3)
    y, _ = groups(0.1)
    assert fit(v, y, x).covariance.source == "observed information"
