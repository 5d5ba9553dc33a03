"""The part of each term in the fitted values, and levels without an effect, against dense algebra."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    CovariancePropagation,
    DummyMatrix,
    HadamardProduct,
    IdentityMatrix,
    KnownMatrix,
    KroneckerProduct,
    OrnsteinUhlenbeckMatrix,
    ScalarMatrix,
    Submatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.reml import Inference, InvalidData
from covstudio.reml.inference import Wider
from tests.reml.inference_cases import intercepts, oats, sleepstudy, told


def projection(inference: Inference) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """V, V^-1 and P by numpy."""
    binding = inference._binding
    v = binding.variance.written().value(binding.natural).numpy()
    x, inverse = binding.problem.x.numpy(), np.linalg.inv(v)
    return v, inverse, inverse - inverse @ x @ np.linalg.inv(x.T @ inverse @ x) @ x.T @ inverse


def series(engine: str = "auto") -> Inference:
    """Groups of rows, a process within them that is no Z G Z', and a residual."""
    subject = torch.arange(36) // 6
    same = (subject[:, None] == subject[None, :]).double()
    generator = torch.Generator().manual_seed(11)
    walk = torch.randn(6, 6, generator=generator, dtype=torch.float64).cumsum(1).reshape(-1)
    y = (
        5.0
        + walk
        + 2.0 * (torch.arange(36) % 4 - 1.5)
        + 0.4 * torch.randn(36, generator=generator, dtype=torch.float64)
    )
    x = torch.stack([torch.ones(36), torch.arange(36) % 6], 1).double()
    v = Sum(
        block=intercepts([f"b{i % 4}" for i in range(36)]),
        series=HadamardProduct(same=same, ar=AR1Matrix(36)),
        units=ScalarMatrix(36),
    )
    return told(v, y, x, ["mean", "time"], engine)


def field(engine: str = "auto") -> Inference:
    """A separable field that covers the rows, beside independent errors: a Kronecker product in a sum."""
    generator = torch.Generator().manual_seed(3)
    rows, columns = 8, 6
    down = torch.linalg.cholesky(0.8 ** (torch.arange(rows)[:, None] - torch.arange(rows)).abs().double())
    over = torch.linalg.cholesky(
        0.6 ** (torch.arange(columns)[:, None] - torch.arange(columns)).abs().double()
    )
    noise = torch.randn(rows, columns, generator=generator, dtype=torch.float64)
    y = (2.0 * down @ noise @ over.mT).reshape(-1)
    y = 10.0 + y + torch.randn(48, generator=generator, dtype=torch.float64)
    v = Sum(
        field=KroneckerProduct(row=AR1Matrix(rows), col=AR1CorrelationMatrix(columns)),
        units=ScalarMatrix(48),
    )
    # How well ranges and variances are told by so few plots is not the matter here.
    v.set_param_specs("field/row/rho", fixed=True, value=0.8)
    v.set_param_specs("field/col/rho", fixed=True, value=0.6)
    return told(v, y, torch.ones(48, 1, dtype=torch.float64), ["mean"], engine)


@pytest.mark.parametrize(
    ("made", "engine"),
    [(series, "auto"), (series, "dense"), (field, "auto"), (field, "separable"), (field, "dense")],
)
def test_parts_against_dense_algebra(made, engine: str) -> None:
    inference = made(engine)
    binding = inference._binding
    v, inverse, p = projection(inference)
    y, x = binding.problem.y.numpy(), binding.problem.x.numpy()
    beta = inference.fit.beta.numpy()
    parts = inference.fitted_parts()
    assert list(parts) == list(binding.v.operands)
    total = x @ beta
    for term in binding.variance.terms:
        own = term.value(binding.natural).numpy()
        part = parts[term.path]
        np.testing.assert_allclose(part.fitted, own @ inverse @ (y - x @ beta), rtol=1e-7, atol=1e-8)
        error = np.diag(own - own @ p @ own)
        np.testing.assert_allclose(part.standard_error, np.sqrt(error), rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(part.variance, np.diag(own), rtol=1e-10)
        np.testing.assert_allclose(part.reliability, 1.0 - error / np.diag(own), rtol=1e-5, atol=1e-7)
        total = total + part.fitted.numpy()
    np.testing.assert_allclose(total, y, rtol=1e-9)
    assert v.shape == (len(y), len(y))


def test_which_terms_are_neither_effects_nor_residual() -> None:
    inference = series()
    assert list(inference.fitted_parts(structured=True)) == ["series"]
    random = inference.fitted_parts()["block"]
    z = inference._binding.v.operands["block"].operands["z"]().double()
    np.testing.assert_allclose(random.fitted, z @ inference.fit.blups["block"].blup, rtol=1e-8, atol=1e-10)
    assert list(field().fitted_parts(structured=True)) == ["field"]
    # Where no term is diagonal the last one is the residual.
    labels = [f"g{i // 4}" for i in range(24)]
    y = torch.randn(24, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    v = Sum(group=intercepts(labels), walk=AR1Matrix(24))
    inference = told(v, y, torch.ones(24, 1, dtype=torch.float64), ["mean"])
    assert inference.fitted_parts(structured=True) == {}
    residual = inference.fitted_parts()["walk"]
    np.testing.assert_allclose(residual.fitted, inference.residuals.conditional, atol=1e-9)


def test_errors_of_many_rows_are_left_out() -> None:
    inference = field()
    few = inference.fitted_parts(most=10)["field"]
    assert bool(torch.isnan(few.standard_error).all())
    assert bool(torch.isnan(few.reliability).all())
    np.testing.assert_allclose(few.fitted, inference.fitted_parts()["field"].fitted)
    assert "Part of field in the fitted values of 48 rows" in repr(few)


def closed_form(inference: Inference, cross: np.ndarray, own: float, new: np.ndarray) -> tuple[float, float]:
    """Prediction and its error by the equations of universal kriging, bordered by unbiasedness."""
    binding = inference._binding
    v = projection(inference)[0]
    x, y = binding.problem.x.numpy(), binding.problem.y.numpy()
    n, p = x.shape
    bordered = np.block([[v, x], [x.T, np.zeros((p, p))]])
    weights = np.linalg.solve(bordered, np.concatenate([cross, new]))[:n]
    return float(weights @ y), float(np.sqrt(weights @ v @ weights - 2 * weights @ cross + own))


def test_a_new_independent_level_has_its_own_variance() -> None:
    inference = oats([5, 6, 7])
    params = inference.fit.params
    new = np.array([[1.0, 0, 1, 0, 1, 0]] * 3)
    rows = {"block": ["VII", "I", "VII"], "plot": ["VII:Victory", "I:Victory", None]}
    found = inference.predict(new, rows)
    known = inference.predict(new, {"block": ["I"] * 3, "plot": ["I:Victory"] * 3})
    n = inference.fit.n
    block, plot = params["block/g/sigma^2"], params["plot/g/sigma^2"]
    for i, own in ((0, block + plot), (2, block)):
        value, error = closed_form(inference, np.zeros(n), own, new[i])
        assert float(found.predicted[i]) == pytest.approx(value, rel=1e-8)
        assert float(found.standard_error[i]) == pytest.approx(error, rel=1e-7)
        # All that is known of a new block is its variance.
        spread = float(found.marginal_standard_error[i]) ** 2 + own
        assert float(found.standard_error[i]) == pytest.approx(spread**0.5, rel=1e-10)
    assert float(found.predicted[1]) == pytest.approx(float(known.predicted[1]), rel=1e-12)
    assert float(found.standard_error[1]) == pytest.approx(float(known.standard_error[1]), rel=1e-12)
    assert found.notes[0].startswith("the fit has no effect of block VII: predicted by the covariance")
    assert "plot VII:Victory" in found.notes[1]
    assert "Note: the fit has no effect of block VII" in repr(found)
    assert known.notes == ()


def test_a_new_place_on_a_line() -> None:
    """Days 1, 2, 4, 7 were seen; 5 lies between two of them, 9.5 beyond."""
    days = [1.0, 2.0, 4.0, 7.0]
    labels = [f"{day:g}" for day in days for _ in range(5)]
    generator = torch.Generator().manual_seed(21)
    level = torch.tensor([0.0, 1.5, 2.5, -1.0], dtype=torch.float64).repeat_interleave(5)
    y = 4.0 + level + 0.5 * torch.randn(20, generator=generator, dtype=torch.float64)
    z = DummyMatrix(labels)
    v = Sum(day=CovariancePropagation(z=z, g=OrnsteinUhlenbeckMatrix(days)), units=ScalarMatrix(20))
    v.set_param_specs("day/g/", fixed=True)
    inference = told(v, y, torch.ones(20, 1, dtype=torch.float64), ["mean"])
    g = v.operands["day"].operands["g"]
    natural = inference._binding.variance.terms[0].own(inference._binding.natural)
    wide = OrnsteinUhlenbeckMatrix([*days, 5.0, 9.5]).evaluate(natural).numpy()
    assert g.num_params == len(natural)
    found = inference.predict(torch.ones(2, 1), {"day": ["5", "9.5"]})
    again = inference.predict(
        torch.ones(2, 1),
        {"day": ["five", "late"]},
        wider={
            "day": Wider(OrnsteinUhlenbeckMatrix([*days, 5.0, 9.5]), ["1", "2", "4", "7", "five", "late"])
        },
    )
    for i, column in enumerate((4, 5)):
        cross = z().double().numpy() @ wide[:4, column]
        value, error = closed_form(inference, cross, wide[column, column], np.ones(1))
        for one in (found, again):
            assert float(one.predicted[i]) == pytest.approx(value, rel=1e-8)
            assert float(one.standard_error[i]) == pytest.approx(error, rel=1e-7)
    assert abs(float(found.predicted[0] - found.marginal[0])) > 0.1
    with pytest.raises(InvalidData, match=r"z\['day'\] has 'Monday', which the fit has no effect of"):
        inference.predict(torch.ones(1, 1), {"day": ["Monday"]})


RELATIONS = torch.tensor(
    [
        [1.0, 0.0, 0.5, 0.5, 0.25],
        [0.0, 1.0, 0.5, 0.0, 0.5],
        [0.5, 0.5, 1.0, 0.25, 0.5],
        [0.5, 0.0, 0.25, 1.0, 0.125],
        [0.25, 0.5, 0.5, 0.125, 1.0],
    ],
    dtype=torch.float64,
)
ANIMALS = ["a", "b", "c", "d", "e"]


def test_a_new_animal_by_its_relationships() -> None:
    """Of five animals two have no records and no place in the G of the fit."""
    kept = [0, 3, 1]
    labels = [ANIMALS[k] for k in kept for _ in range(6)]
    generator = torch.Generator().manual_seed(5)
    level = torch.tensor([2.0, 1.0, -2.0], dtype=torch.float64).repeat_interleave(6)
    y = 7.0 + level + torch.randn(18, generator=generator, dtype=torch.float64)
    z = DummyMatrix(labels)
    order = [ANIMALS.index(name) for name in z.colnames]
    g = KnownMatrix(RELATIONS[order][:, order])
    v = Sum(animal=CovariancePropagation(z=z, g=g), units=ScalarMatrix(18))
    inference = told(v, y, torch.ones(18, 1, dtype=torch.float64), ["mean"])
    with pytest.raises(InvalidData, match=r"Give wider=\{'animal': Wider\(g, levels\)\}"):
        inference.predict(torch.ones(1, 1), {"animal": ["c"]})
    wider = {"animal": Wider(KnownMatrix(RELATIONS), ANIMALS)}
    found = inference.predict(torch.ones(3, 1), {"animal": ["c", "e", "a"]}, wider=wider)
    sigma = inference.fit.params["animal/g/sigma^2"]
    for i, k in enumerate((2, 4, 0)):
        cross = sigma * z().double().numpy() @ RELATIONS[order, k].numpy()
        value, error = closed_form(inference, cross, sigma * float(RELATIONS[k, k]), np.ones(1))
        assert float(found.predicted[i]) == pytest.approx(value, rel=1e-8)
        assert float(found.standard_error[i]) == pytest.approx(error, rel=1e-7)
    assert found.notes == (
        "the fit has no effect of animal c, e: predicted by the covariance with the others, the variance of "
        "its own in the error",
    )
    # The effect by itself: nothing of X beta.
    alone = inference.predict(torch.zeros(1, 1), {"animal": ["c"]}, wider=wider)
    effect = sigma * RELATIONS[2, order] @ z().double().mT @ inference._binding.py
    assert float(alone.predicted) == pytest.approx(float(effect), rel=1e-10)

    def refused(match: str, g: object, levels: list[str]) -> None:
        with pytest.raises(InvalidData, match=match):
            inference.predict(torch.ones(1, 1), {"animal": ["c"]}, wider={"animal": Wider(g, levels)})

    refused("has other covariances between the levels of the fit", KnownMatrix(RELATIONS), ["b", "a", *"cde"])
    refused("lacks levels of the fit: d", KnownMatrix(RELATIONS[:3, :3]), ["a", "b", "c"])
    refused("must have the parameters of the fit's G, sigma", AR1Matrix(5), ANIMALS)
    refused("needs as many different names; got 4 of 5", KnownMatrix(RELATIONS), ["a", "b", "c", "c", "d"])
    refused("must be square with at least 3 rows", KnownMatrix(RELATIONS[:2, :2]), [])
    with pytest.raises(InvalidData, match="wider names the term 'sire'"):
        inference.predict(torch.ones(1, 1), wider={"sire": Wider(g)})


def test_a_new_subject_of_random_slopes() -> None:
    inference = sleepstudy()
    q = inference._binding.v.operands["subject"].operands["g"].shape[0]
    count = q // 2
    g = KroneckerProduct(a=UnstructuredMatrix(2), b=IdentityMatrix(count + 1))
    names = [*map(str, range(count)), "new", *map(str, range(count, q)), "new slope"]
    row = torch.zeros(1, q + 2, dtype=torch.float64)
    row[0, count], row[0, -1] = 1.0, 4.0
    found = inference.predict(
        torch.tensor([[1.0, 4.0]]), {"subject": row}, wider={"subject": Wider(g, names)}
    )
    binding = inference._binding
    of_g = next(term for term in binding.variance.terms if term.path == "subject")
    own = g.operands["a"].evaluate(of_g.own(binding.natural)).numpy()
    w = np.array([1.0, 4.0])
    value, error = closed_form(inference, np.zeros(inference.fit.n), float(w @ own @ w), w)
    assert float(found.predicted) == pytest.approx(value, rel=1e-8)
    assert float(found.standard_error) == pytest.approx(error, rel=1e-7)


def test_a_series_goes_on() -> None:
    """The next values of an autoregression with errors of measurement, without anybody's covariances."""
    generator = torch.Generator().manual_seed(9)
    lags = (torch.arange(30)[:, None] - torch.arange(30)).abs().double()
    walk = torch.linalg.cholesky(4.0 * 0.8**lags) @ torch.randn(30, generator=generator).double()
    y = 3.0 + walk + torch.randn(30, generator=generator).double()
    inference = told(
        Sum(series=AR1Matrix(30), units=ScalarMatrix(30)), y, torch.ones(30, 1, dtype=torch.float64), ["mean"]
    )
    sigma, rho = (inference.fit.params[f"series/{name}"] for name in ("sigma^2", "rho"))
    found = inference.predict(torch.ones(3, 1), {"series": ["30", "34", "7"]})
    for i, place in enumerate((30, 34, 7)):
        cross = sigma * rho ** np.abs(place - np.arange(30.0))
        value, error = closed_form(inference, cross, sigma, np.ones(1))
        assert float(found.predicted[i]) == pytest.approx(value, rel=1e-8)
        assert float(found.standard_error[i]) == pytest.approx(error, rel=1e-7)
    assert found.standard_error[1] > found.standard_error[0] > found.standard_error[2]
    assert found.notes[0].startswith("the fit has no effect of series 30, 34")
    # A process alone is V itself, and its places are those of its times.
    times = [0.0, 1.5, 2.0, 4.0, 7.25, 8.0, 9.0, 11.0]
    alone = told(OrnsteinUhlenbeckMatrix(times), y[:8], torch.ones(8, 1, dtype=torch.float64), ["mean"])
    ahead = alone.predict(torch.ones(2, 1), {"V": ["12.5", "7.25"]})
    assert float(ahead.predicted[1]) == pytest.approx(float(y[4]), rel=1e-8)
    assert float(ahead.standard_error[1]) == pytest.approx(0.0, abs=1e-5)
    natural = alone._binding.natural
    wide = OrnsteinUhlenbeckMatrix([*times, 12.5]).evaluate(torch.from_numpy(natural)).numpy()
    value, error = closed_form(alone, wide[:8, 8], wide[8, 8], np.ones(1))
    assert float(ahead.predicted[0]) == pytest.approx(value, rel=1e-8)
    assert float(ahead.standard_error[0]) == pytest.approx(error, rel=1e-7)


def test_plots_without_a_yield() -> None:
    """A field of which some plots are missing: the others tell of them."""
    whole = field()._binding
    kept = [i for i in range(48) if i % 5 != 2]
    inner = KroneckerProduct(row=AR1Matrix(8), col=AR1CorrelationMatrix(6))
    inner.set_param_specs("row/rho", fixed=True, value=0.8)
    inner.set_param_specs("col/rho", fixed=True, value=0.6)
    v = Sum(field=Submatrix(inner, index=kept), units=ScalarMatrix(len(kept)))
    ones = torch.ones(len(kept), 1, dtype=torch.float64)
    inference = told(v, whole.problem.y[kept], ones, ["mean"])
    term = inference._binding.variance.terms[0]
    value = inner.evaluate(term.own(inference._binding.natural)).numpy()
    found = inference.predict(torch.ones(2, 1), {"field": ["2", "3"]})
    for i, plot in enumerate((2, 3)):
        expected, error = closed_form(inference, value[kept, plot], value[plot, plot], np.ones(1))
        assert float(found.predicted[i]) == pytest.approx(expected, rel=1e-8)
        assert float(found.standard_error[i]) == pytest.approx(error, rel=1e-7)
    assert found.notes == ()
