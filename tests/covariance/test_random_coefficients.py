"""Random coefficients as a product row by row, and correlations with variances, against their meaning."""

from __future__ import annotations

import pandas as pd
import pytest
import torch

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    CovariancePropagation,
    DesignMatrix,
    DiagonalMatrix,
    DummyMatrix,
    HadamardProduct,
    IdentityMatrix,
    KhatriRaoProduct,
    KroneckerProduct,
    Matrix,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
    WithVariances,
    linalg,
)
from covstudio.covariance.operators.algebra import SingularMatrixError
from covstudio.reml import fit
from tests.reml.reml_cases import REFERENCE

GROUPS = ["u", "v", "u", "w", "v", "u"]
TIMES = [0.0, 1.0, 2.0, 0.5, 3.0, 1.5]


def slopes(groups: list[str], times: list[float]) -> Matrix:
    z = KhatriRaoProduct(a=DummyMatrix(groups), b=DesignMatrix({"x": times}, intercept=True))
    return CovariancePropagation(
        z=z, g=KroneckerProduct(a=IdentityMatrix(z.shape[1] // 2), b=UnstructuredMatrix(2))
    )


def test_random_coefficients_are_the_covariance_of_lines_kept_within_groups() -> None:
    same = CovariancePropagation(z=DummyMatrix(GROUPS), g=IdentityMatrix(3))
    lines = CovariancePropagation(z=DesignMatrix({"x": TIMES}, intercept=True), g=UnstructuredMatrix(2))
    theta = torch.tensor([0.3, -0.7, 0.2], dtype=torch.float64)
    expected = HadamardProduct(a=same, b=lines)(theta)
    assert torch.allclose(slopes(GROUPS, TIMES)(theta), expected, rtol=0, atol=1e-14)


def test_two_incidences_are_the_incidence_of_both() -> None:
    other = ["x", "x", "y", "y", "x", "y"]
    made = KhatriRaoProduct(a=DummyMatrix(GROUPS), b=DummyMatrix(other))
    both = DummyMatrix(GROUPS, other)
    assert linalg.column_names(made) == linalg.column_names(both)
    assert torch.equal(linalg.incidence(made), both.codes)
    assert [one.levels for one in linalg.crossed_levels(made)] == [("u", "v", "w"), ("x", "y")]


def test_a_million_entries_of_z_are_never_written() -> None:
    rows, groups = 20_000, 5_000
    labels = [str(k % groups) for k in range(rows)]
    z = KhatriRaoProduct(a=DummyMatrix(labels), b=DesignMatrix({"x": list(map(float, range(rows)))}))
    natural = torch.zeros(0, dtype=torch.float64)
    ones = torch.ones(groups, 1, dtype=torch.float64)
    assert torch.equal(linalg.matmul(z, natural, ones)[:, 0], torch.arange(rows, dtype=torch.float64))
    sums = linalg.transpose_matmul(z, natural, torch.ones(rows, 1, dtype=torch.float64))
    assert float(sums.sum()) == rows * (rows - 1) / 2


def test_sleepstudy_as_lme4_has_it() -> None:
    frame = pd.read_csv(REFERENCE / "sleepstudy.csv")
    days = torch.tensor(frame["Days"].to_numpy(dtype=float))
    v = Sum(Subject=slopes(frame["Subject"].astype(str).tolist(), days.tolist()), residual=ScalarMatrix(180))
    found = fit(
        v,
        torch.tensor(frame["Reaction"].to_numpy(dtype=float)),
        torch.stack([torch.ones(180, dtype=torch.float64), days], 1),
    )
    # lmer(Reaction ~ Days + (Days | Subject), sleepstudy): logLik, and the first subject's effects.
    assert found.loglik == pytest.approx(-871.8141359792, abs=1e-6)
    assert found.engine == "mme"
    effects = found.blups["Subject"]
    assert effects.levels[:2] == ("s308⋈Intercept", "s308⋈x")
    assert effects.blup[:2].tolist() == pytest.approx([2.2585509, 9.1989758], abs=1e-4)


def test_a_correlation_with_variances_has_them_and_its_own_correlations() -> None:
    made = WithVariances(c=AR1CorrelationMatrix(4), a=DiagonalMatrix(4))
    variances = [1.0, 2.0, 3.0, 4.0]
    v = made.evaluate(torch.tensor([0.6, *variances], dtype=torch.float64))
    lags = (torch.arange(4)[:, None] - torch.arange(4)).abs()
    roots = torch.tensor(variances, dtype=torch.float64).sqrt()
    assert torch.allclose(v, 0.6 ** lags.double() * roots[:, None] * roots, rtol=0, atol=1e-14)


def test_a_variance_of_zero_is_told_with_its_row() -> None:
    made = WithVariances(c=AR1Matrix(2), a=DiagonalMatrix(2))
    with pytest.raises(SingularMatrixError, match="row 1"):
        made.evaluate(torch.tensor([1.0, 0.5, 1.0, 0.0], dtype=torch.float64))
