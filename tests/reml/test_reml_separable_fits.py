"""The engine of separable fields in `fit`: when it is chosen, why not, what a fit costs and finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    BlockDiagonal,
    CovariancePropagation,
    DummyMatrix,
    KroneckerProduct,
    Matrix,
    PowerVarianceMatrix,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.files.templates import templates
from covstudio.reml import InvalidModel, explain, fit
from covstudio.reml.engines.separable.candidate import SeparableCandidate
from covstudio.reml.terms.variance import Variance
from tests.reml.reml_cases import assert_monotone, load
from tests.reml.separable_cases import field_on, grid_trial, levels


def reason_for(v: Matrix) -> str:
    found = SeparableCandidate().applies(Variance(v), 1)
    assert isinstance(found, str)
    return found


def test_what_is_in_its_way() -> None:
    rng = np.random.default_rng(1)
    field, n = field_on(rng, "shuffled", AR1Matrix(4), AR1CorrelationMatrix(5))
    unequal = PowerVarianceMatrix(torch.from_numpy(rng.uniform(0.5, 2.0, n)))
    assert reason_for(Sum(field=field, e=unequal)) == (
        "the variances of e may differ between rows, so that no basis makes V diagonal"
    )
    assert reason_for(AR1Matrix(20)) == "V is no product of two covariances on a grid"
    assert reason_for(ScalarMatrix(20)) == "V has no term that is a product of two covariances on a grid"
    assert reason_for(Sum(field=field, series=AR1Matrix(n))) == (
        "series is no product of two covariances on a grid, and has no effects Z G Z' with a constant Z "
        "either"
    )
    other = KroneckerProduct(a=AR1Matrix(5), b=AR1CorrelationMatrix(4))
    assert reason_for(Sum(one=other, two=other, e=ScalarMatrix(20))) == (
        "two is a second field on the same rows, and has no effects Z G Z' with a constant Z either"
    )
    twice, _ = field_on(rng, "repeated", AR1Matrix(4), AR1CorrelationMatrix(5))
    assert reason_for(twice) == "V has several rows in one cell, which only a nugget could tell apart"
    part = BlockDiagonal(field=other, rest=UnstructuredMatrix(2))
    assert reason_for(part) == "2 of 22 rows stand in no separable field"
    groups = CovariancePropagation(z=levels(np.arange(8) % 3, 3), g=ScalarMatrix(3))
    half = Sum(field=other, e=BlockDiagonal(a=ScalarMatrix(12), b=groups))
    assert reason_for(half) == "e/a covers some rows of a field, and not all"
    z = DummyMatrix([i % 20 for i in range(30)], [i // 20 for i in range(30)], levels=[range(5000), range(2)])
    large = CovariancePropagation(z=z, g=KroneckerProduct(a=AR1Matrix(5000), b=AR1CorrelationMatrix(2)))
    assert reason_for(large) == "V has a grid of 5000 x 2 for 30 rows"
    with pytest.raises(InvalidModel, match="the separable engine does not take this V: V is no product"):
        fit(AR1Matrix(20), torch.randn(20), torch.ones(20, 1), engine="separable")


class _Largest(TorchDispatchMode):
    """The most numbers in any tensor that is made."""

    numbers = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple | list) else (made,):
            if isinstance(tensor, Tensor):
                # A view that repeats one number takes no room.
                self.numbers = max(self.numbers, tensor.untyped_storage().nbytes() // 8)
        return made


def test_a_grid_of_60_by_60_without_any_matrix_of_that_size() -> None:
    """V alone would have 12 million entries."""
    v, y, x = grid_trial(60, 60, 40, 60)
    with _Largest() as seen:
        result = fit(v, y, x)
    assert result.engine == "separable"
    assert result.converged
    assert_monotone(result)
    assert result.engine_reason == (
        "V is field (separable, 60 x 60) with 60 missing cells completed beside a nugget and gen (random "
        "effects)."
    )
    # 40 effects on 3600 cells are 150 000.
    assert seen.numbers < 600_000
    assert result.params["field/g/row/rho"] == pytest.approx(0.8, abs=0.1)
    assert result.params["field/g/col/rho"] == pytest.approx(0.6, abs=0.12)
    assert result.params["units/sigma^2"] == pytest.approx(1.0, abs=0.25)
    torch.testing.assert_close(result.fitted + result.residuals, y)
    assert len(result.blups["field"]) == 3600
    assert bool(torch.isfinite(result.blups["field"].standard_error).all())


def test_a_fit_is_the_one_of_the_dense_engine() -> None:
    v, y, x = grid_trial(9, 11, 12, 6, seed=3)
    for method in ("REML", "ML"):
        one, two = (
            fit(v, y, x, engine="separable", method=method),
            fit(v, y, x, engine="dense", method=method),
        )
        assert one.converged
        assert one.loglik == pytest.approx(two.loglik, abs=1e-8)
        for path, value in two.params.items():
            assert one.params[path] == pytest.approx(value, rel=1e-5, abs=1e-7), path
        for term, expected in two.blups.items():
            torch.testing.assert_close(one.blups[term].blup, expected.blup, rtol=1e-5, atol=1e-6)
            torch.testing.assert_close(
                one.blups[term].standard_error, expected.standard_error, rtol=1e-5, atol=1e-6
            )


def test_the_published_case_to_its_digits() -> None:
    case = load("spatial_ar1xar1")
    result = fit(case.v, case.y, case.x, engine="separable")
    assert result.engine == "separable"
    assert result.converged
    assert_monotone(result)
    assert result.kernel_loglik == pytest.approx(case.estimates["kernel_loglik"], abs=1e-6)
    recorded = case.recorded(result.params)
    for key, value in case.estimates["variance_parameters"].items():
        assert recorded[key] == pytest.approx(value, rel=1e-6), key
    for j, column in enumerate(case.columns):
        error = case.estimates["fixed_se"][column]
        assert abs(float(result.beta[j]) - case.estimates["fixed_effects"][column]) <= 1e-4 * error
        assert float(result.beta_standard_errors[j]) == pytest.approx(error, rel=1e-6)
    for term, expected in case.estimates["blups_first5"].items():
        places = {label: i for i, label in enumerate(case.labels[term])}
        for label, (blup, error) in expected.items():
            found = result.blups[term]
            assert abs(float(found.blup[places[label]]) - blup) <= 1e-5 * error, label
            assert float(found.standard_error[places[label]]) == pytest.approx(error, rel=1e-5), label


def test_the_spatial_template_on_a_table_with_missing_plots() -> None:
    rng = np.random.default_rng(2)
    plots = sorted(rng.permutation(40 * 30)[:1150].tolist())
    table = Table.from_columns(
        {
            "variety": [f"v{i % 50}" for i in rng.permutation(len(plots))],
            "row": [1 + cell // 30 for cell in plots],
            "range": [1 + cell % 30 for cell in plots],
            "yield": rng.normal(5.0, 1.0, len(plots)).tolist(),
        },
        "field",
    )
    spatial = next(template for template in templates() if template.name == "spatial")
    roles = {"variety": "factor", "row": "factor", "range": "factor", "yield": "response"}
    built = build(spatial.document(table, roles), table)
    assert built.v is not None
    found = explain(built.v)
    assert found.engine == "separable"
    assert found.reason == (
        "V is field (separable, 40 x 30) with 50 missing cells completed beside a nugget and genotype "
        "(random effects)."
    )
    assert found.seconds < 0.1
    assert found.memory < 2**27
    assert found.others["dense"].startswith("about ")


def test_more_gaps_cost_more_and_at_last_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = (explain(grid_trial(60, 60, 10, missing)[0], engine="separable") for missing in (10, 1500))
    assert many.seconds > 2.0 * few.seconds
    assert many.memory > few.memory
    monkeypatch.setattr("covstudio.reml.engines.separable.candidate.GAPS", 1000)
    with pytest.raises(InvalidModel, match="its grid has 1500 cells without a row, and up to 1000 can be"):
        explain(grid_trial(60, 60, 10, 1500)[0], engine="separable")
