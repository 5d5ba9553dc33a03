"""Likelihoods without a maximum, or all but: what V loses is named in a sentence, and the rest is right."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from covstudio.covariance import (
    CovariancePropagation,
    DummyMatrix,
    HeterogeneousCorrelationMatrix,
    IdentityMatrix,
    KroneckerProduct,
    Matrix,
    ScalarMatrix,
    Sum,
    UnconstrainedMatrix,
    UnstructuredMatrix,
)
from covstudio.reml import Inference, fit
from tests.reml.reml_cases import assert_monotone, one_way
from tests.reml.simulated_cases import drawn, normal

GROUPS = 8
ENGINES = ("dense", "mme", "blocks")


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
    assert result.params["g/g/sigma^2"] == pytest.approx(between - within / 4.0, rel=1e-5)
    assert result.params["e/sigma^2"] == pytest.approx(within, rel=1e-2)


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
