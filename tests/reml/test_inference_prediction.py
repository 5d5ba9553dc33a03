"""Predictions against Henderson's mixed-model equations and the conditional normal distribution."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from covstudio.covariance import AR1Matrix, DummyMatrix, HadamardProduct, ScalarMatrix, Sum
from covstudio.reml import InvalidData
from tests.reml.inference_cases import intercepts, oats, one_way_data, reference, told
from tests.reml.reml_cases import load


def dense(inference) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """V, its inverse, Phi and P by numpy."""
    binding = inference._binding
    v = binding.variance.written().value(binding.natural).numpy()
    x = binding.problem.x.numpy()
    inverse = np.linalg.inv(v)
    phi = np.linalg.inv(x.T @ inverse @ x)
    return v, inverse, phi, inverse - inverse @ x @ phi @ x.T @ inverse


@pytest.mark.parametrize("engine", ["dense", "mme"])
def test_reliabilities_from_the_mixed_model_equations(engine: str) -> None:
    inference = oats([1, 2, 9, 20], engine)
    params, x = inference.fit.params, inference._binding.problem.x.numpy()
    z = [inference._binding.v.operands[t].operands["z"]().numpy().astype(float) for t in ("block", "plot")]
    blocks, plots = (part.shape[1] for part in z)
    w = np.column_stack([x, *z])
    left = w.T @ w / params["residual/sigma^2"]
    ratios = [params["block/g/sigma^2"]] * blocks + [params["plot/g/sigma^2"]] * plots
    left[x.shape[1] :, x.shape[1] :] += np.diag(1.0 / np.array(ratios))
    inverse = np.linalg.inv(left)
    solution = inverse @ w.T @ inference._binding.problem.y.numpy() / params["residual/sigma^2"]
    effects = inference.random_effects()
    start = x.shape[1]
    for term, count in (("block", blocks), ("plot", plots)):
        found, variance = effects[term], params[f"{term}/g/sigma^2"]
        pev = np.diag(inverse)[start : start + count]
        np.testing.assert_allclose(found.blup, solution[start : start + count], rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(found.prediction_error_variance, pev, rtol=1e-6)
        np.testing.assert_allclose(found.reliability, 1.0 - pev / variance, rtol=1e-6)
        np.testing.assert_allclose(found.variance, variance)
        start += count
    assert effects["block"].table()[0]["level"] == "I"
    np.testing.assert_allclose(inference.residuals.fitted, w @ solution, rtol=1e-8)


def test_effects_recorded_in_the_reference_cases() -> None:
    case, found = load("sleepstudy"), reference("sleepstudy").random_effects()["Subject"]
    labels = case.labels["Subject"]
    for label, (blup, error) in case.estimates["blups_first5"]["Subject"].items():
        row = found.table()[labels.index(label)]
        assert row["blup"] == pytest.approx(blup, rel=1e-5, abs=1e-5)
        assert row["pev"] == pytest.approx(error**2, rel=1e-5)


@pytest.mark.parametrize("name", ["machines", "ovary_ar1"])
@pytest.mark.parametrize("engine", ["dense", "mme"])
def test_residuals_against_dense_algebra(name: str, engine: str) -> None:
    inference = reference(name, engine)
    v, _, phi, p = dense(inference)
    problem = inference._binding.problem
    x, y = problem.x.numpy(), problem.y.numpy()
    r = inference._binding.multiply(
        inference._binding.residual_pieces, torch.eye(len(y), dtype=torch.float64)
    ).numpy()
    residuals = inference.residuals
    marginal, conditional = y - x @ inference.fit.beta.numpy(), r @ p @ y
    np.testing.assert_allclose(residuals.marginal, marginal, atol=1e-9)
    np.testing.assert_allclose(residuals.conditional, conditional, atol=1e-7)
    np.testing.assert_allclose(residuals.marginal_pearson, marginal / np.sqrt(np.diag(v)), atol=1e-9)
    np.testing.assert_allclose(residuals.conditional_pearson, conditional / np.sqrt(np.diag(r)), atol=1e-7)
    own = np.sqrt(np.diag(v - x @ phi @ x.T))
    np.testing.assert_allclose(residuals.marginal_studentised, marginal / own, atol=1e-8)
    own = np.sqrt(np.diag(r @ p @ r))
    np.testing.assert_allclose(residuals.conditional_studentised, conditional / own, rtol=1e-5, atol=1e-6)
    assert residuals.notes == ()
    assert residuals.table()[0]["marginal"] == pytest.approx(marginal[0])


def test_prediction_at_the_rows_that_were_fitted() -> None:
    inference = oats()
    binding = inference._binding
    z = {term: binding.v.operands[term].operands["z"]().double() for term in ("block", "plot")}
    found = inference.predict(binding.problem.x, z)
    np.testing.assert_allclose(found.predicted, inference.fit.fitted, rtol=1e-10)
    np.testing.assert_allclose(found.marginal, inference.fit.marginal_fitted, rtol=1e-10)
    v, inverse, phi, p = dense(inference)
    x = binding.problem.x.numpy()
    np.testing.assert_allclose(found.marginal_standard_error, np.sqrt(np.diag(x @ phi @ x.T)), rtol=1e-8)
    c = v - inference.fit.params["residual/sigma^2"] * np.eye(len(v))
    spread = x @ phi @ x.T - 2 * x @ phi @ x.T @ inverse @ c + c - c @ p @ c
    np.testing.assert_allclose(found.standard_error, np.sqrt(np.diag(spread)), rtol=1e-7)
    assert found.includes == ("block", "plot")


def test_prediction_is_the_best_linear_unbiased_one() -> None:
    """Against the equations of universal kriging, bordered by the conditions of unbiasedness."""
    inference = oats([5, 6, 7])
    binding, params = inference._binding, inference.fit.params
    v = dense(inference)[0]
    x, y = binding.problem.x.numpy(), binding.problem.y.numpy()
    new = np.array([[1.0, 0, 1, 0, 1, 0], [1.0, 1, 0, 0, 0, 0]])
    found = inference.predict(new, {"block": ["III", "I"], "plot": ["III:Victory", None]}, variance=10.0)
    z = [binding.v.operands[t].operands["z"]().numpy().astype(float) for t in ("block", "plot")]
    levels = [binding.v.operands[t].operands["z"].colnames for t in ("block", "plot")]
    n, p = x.shape
    bordered = np.block([[v, x], [x.T, np.zeros((p, p))]])
    for i, named in enumerate([("III", "III:Victory"), ("I", None)]):
        c, own = np.zeros(n), 10.0
        for term, level, names, design in zip(("block", "plot"), named, levels, z, strict=True):
            if level is not None:
                c += params[f"{term}/g/sigma^2"] * design[:, list(names).index(level)]
                own += params[f"{term}/g/sigma^2"]
        weights = np.linalg.solve(bordered, np.concatenate([c, new[i]]))
        assert found.predicted[i] == pytest.approx(weights[:n] @ y, rel=1e-8)
        direct = weights[:n] @ v @ weights[:n] - 2 * weights[:n] @ c + own
        assert found.standard_error[i] == pytest.approx(np.sqrt(direct), rel=1e-7)
    half = 1.959964 * float(found.standard_error[0])
    assert float(found.upper[0] - found.predicted[0]) == pytest.approx(half, rel=1e-6)
    assert found.includes == ("block", "plot", "independent error")


def test_a_correlated_residual_is_carried_on() -> None:
    """The next value of an autoregression, through given covariances: rho^lag times the last one."""
    generator = torch.Generator().manual_seed(9)
    noise = torch.linalg.cholesky(0.7 ** (torch.arange(30)[:, None] - torch.arange(30)).abs().double())
    y = 3.0 + noise @ torch.randn(30, generator=generator).double()
    x = torch.ones(30, 1, dtype=torch.float64)
    inference = told(AR1Matrix(30), y, x, ["mean"])
    sigma, rho = inference.fit.params["sigma^2"], inference.fit.params["rho"]
    lag = torch.tensor([1.0, 5.0]).double()
    cross = sigma * rho ** (lag[:, None] + torch.arange(29, -1, -1))
    found = inference.predict(torch.ones(2, 1), covariance=cross, variance=[sigma, sigma])
    last = float(y[-1] - inference.fit.beta[0])
    expected = inference.fit.beta[0] + rho**lag * last
    np.testing.assert_allclose(found.predicted, expected, rtol=1e-8)
    assert found.standard_error[0] < found.standard_error[1]
    with pytest.raises(InvalidData, match="give variance as well"):
        inference.predict(torch.ones(2, 1), covariance=cross)


def test_what_cannot_be_predicted_is_said() -> None:
    inference = oats()
    x = torch.ones(1, 6)
    with pytest.raises(InvalidData, match=r"x must be of shape \(m, 6\), one column per fixed effect"):
        inference.predict(torch.ones(1, 2))
    with pytest.raises(InvalidData, match="terms of V with effects are block, plot"):
        inference.predict(x, {"year": ["1"]})
    with pytest.raises(InvalidData, match="must be of shape"):
        inference.predict(x, {"block": torch.ones(1, 5)})
    with pytest.raises(InvalidData, match="numbers of at least 0"):
        inference.predict(x, variance=-1.0)
    with pytest.raises(InvalidData, match="missing or infinite"):
        inference.predict(torch.full((1, 6), float("nan")))


def test_new_rows_may_be_a_matrix() -> None:
    v, y, x = one_way_data(4, 5, between=2.0)
    inference = told(v, y, x, ["mean"])
    levels = [[f"g{i:03d}" for i in range(4)]]
    rows = DummyMatrix(["g002", "g000"], levels=levels)
    found = inference.predict(torch.ones(2, 1), {"g": rows})
    named = inference.predict(torch.ones(2, 1), {"g": ["g002", "g000"]})
    assert found.predicted.tolist() == pytest.approx(named.predicted.tolist())
    blups = inference.fit.blups["g"].blup
    assert found.predicted[0] == pytest.approx(float(inference.fit.beta[0] + blups[2]))


@pytest.mark.parametrize("labels", [[3, 5, 10], ["3", "5", "10"], [3.0, 5.0, 10.0], [0.5, 1.25, 2.0]])
def test_levels_that_are_numbers_may_be_named_by_numbers(labels: list) -> None:
    codes = torch.arange(3).repeat_interleave(5)
    numbers = torch.Generator().manual_seed(3)
    y = torch.randn(3, generator=numbers, dtype=torch.float64)[codes] + 0.3 * torch.randn(
        15, generator=numbers, dtype=torch.float64
    )
    v = Sum(t=intercepts([labels[k] for k in codes]), residual=ScalarMatrix(15))
    inference = told(v, y, torch.ones(15, 1, dtype=torch.float64), ["mean"])
    x = torch.ones(2, 1)
    expected = inference.predict(x, {"t": [str(labels[2]), str(labels[0])]})
    assert expected.notes == ()
    for rows in ([float(labels[2]), float(labels[0])], np.array([labels[2], labels[0]], dtype=float)):
        found = inference.predict(x, {"t": rows})
        assert found.predicted.tolist() == expected.predicted.tolist()
        assert found.notes == ()
    new = inference.predict(x, {"t": [7, None]})
    assert "the fit has no effect of t 7" in new.notes[0]
    with pytest.raises(InvalidData, match="must be of shape"):
        inference.predict(x, {"t": [True, False]})


def test_no_residual_of_the_rows_is_said() -> None:
    generator = torch.Generator().manual_seed(4)
    y = torch.randn(24, generator=generator, dtype=torch.float64)
    labels = [f"u{i:02d}" for i in range(24)]
    v = Sum(group=intercepts([f"g{i // 4}" for i in range(24)]), unit=intercepts(labels))
    inference = told(v, y, torch.ones(24, 1, dtype=torch.float64), ["mean"])
    assert "nothing is left as a residual" in inference.residuals.notes[0]
    assert bool(torch.isnan(inference.residuals.conditional_pearson).all())
    assert "every term of V is Z G Z'" in inference.conditional_aic.note


def test_many_rows_without_a_diagonal_residual(monkeypatch: pytest.MonkeyPatch) -> None:
    from covstudio.reml.inference import effects

    monkeypatch.setattr(effects, "COLUMNS", 10)
    subject = torch.arange(24) // 4
    same = (subject[:, None] == subject[None, :]).double()
    generator = torch.Generator().manual_seed(6)
    y = torch.randn(24, generator=generator, dtype=torch.float64)
    v = Sum(series=HadamardProduct(same=same, ar=AR1Matrix(24)), unit=ScalarMatrix(24))
    v.set_param_specs("unit/sigma^2", fixed=True, value=0.2)
    inference = told(v, y, torch.ones(24, 1, dtype=torch.float64), ["mean"])
    assert "studentised conditional residuals need" in inference.residuals.notes[0]
    assert bool(torch.isfinite(inference.residuals.marginal_studentised).all())
