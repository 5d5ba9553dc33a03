"""Variances with a known part: linear in their parameters, and not proportional to them."""

from __future__ import annotations

import pytest
import torch

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    BlockDiagonal,
    CovariancePropagation,
    DummyMatrix,
    HadamardProduct,
    IdentityMatrix,
    KroneckerProduct,
    Matrix,
    ScalarMatrix,
    Sum,
)
from covstudio.reml import InvalidModel, explain, fit

ROWS, LEVELS = 24, 6
LABELS = [k % LEVELS for k in range(ROWS)]
ENGINES = ("dense", "mme", "blocks")


def data() -> tuple[torch.Tensor, torch.Tensor]:
    noise = torch.randn(ROWS, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return 2.0 * noise + torch.tensor(LABELS, dtype=torch.float64), torch.ones(ROWS, 1, dtype=torch.float64)


def trial(residual: Matrix) -> Matrix:
    gen = CovariancePropagation(z=DummyMatrix(LABELS), g=ScalarMatrix(LEVELS))
    return Sum(gen=gen, residual=residual)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_residual_of_one_and_more_is_fitted_as_one_variance(engine: str) -> None:
    y, x = data()
    one_and_more = Sum(one=IdentityMatrix(LEVELS), more=ScalarMatrix(LEVELS))
    known = fit(trial(KroneckerProduct(IdentityMatrix(4), one_and_more)), y, x, engine=engine)
    plain = fit(trial(ScalarMatrix(ROWS)), y, x)
    assert known.converged
    assert plain.loglik == pytest.approx(-51.7308674612, abs=1e-9)
    assert known.loglik == pytest.approx(plain.loglik, abs=1e-8)
    more = known.params["residual/op_1/more/sigma^2"]
    assert more + 1.0 == pytest.approx(plain.params["residual/sigma^2"], rel=1e-4)


def test_rows_of_known_variance_beside_rows_of_one_to_be_estimated() -> None:
    y, x = data()
    halves = BlockDiagonal(known=IdentityMatrix(3), free=ScalarMatrix(3))
    fits = [
        fit(trial(KroneckerProduct(IdentityMatrix(4), halves)), y, x, engine=engine) for engine in ENGINES
    ]
    assert all(found.converged for found in fits)
    assert [found.loglik for found in fits] == pytest.approx([-60.7953702632] * len(fits), abs=1e-8)


def test_sparse_equations_take_one_variance_times_a_known_diagonal_alone() -> None:
    one_and_more = Sum(one=IdentityMatrix(LEVELS), more=ScalarMatrix(LEVELS))
    why = explain(trial(KroneckerProduct(IdentityMatrix(4), one_and_more))).others["sparse"]
    assert why == "the residual is not one variance times a known diagonal"
    with pytest.raises(InvalidModel, match="not one variance times a known diagonal"):
        fit(trial(KroneckerProduct(IdentityMatrix(4), one_and_more)), *data(), engine="sparse")
    found = fit(trial(KroneckerProduct(IdentityMatrix(4), ScalarMatrix(LEVELS))), *data(), engine="sparse")
    assert found.loglik == pytest.approx(-51.7308674612, abs=1e-8)


def test_a_number_times_a_field_is_a_field() -> None:
    field = KroneckerProduct(row=AR1Matrix(4), column=AR1CorrelationMatrix(6))
    y, x = data()
    twice = HadamardProduct(a=field, b=torch.tensor([2.0]))
    fits = [
        fit(Sum(field=one, units=ScalarMatrix(ROWS)), y, x, engine=engine)
        for one in (field, twice)
        for engine in ("dense", "separable")
    ]
    assert [found.loglik for found in fits] == pytest.approx([fits[0].loglik] * 4, abs=1e-7)
