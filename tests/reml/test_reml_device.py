"""Fits on another device than the CPU: on a pretended GPU everywhere, on a real one where there is one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from covstudio.covariance import (
    CovariancePropagation,
    DummyMatrix,
    FactorAnalyticMatrix,
    IdentityMatrix,
    KroneckerProduct,
    MaternMatrix,
    Matrix,
    PedigreeMatrix,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.reml import REML, Fit, InvalidModel, fit
from covstudio.reml.engines.registry import CANDIDATES
from tests.reml.pretend import GPU, PretendDevice, is_there
from tests.reml.reml_cases import CASES, case, load

ENGINES = [candidate.name for candidate in CANDIDATES]


def same(found: Fit, expected: Fit, tolerance: float = 1e-9) -> None:
    assert found.converged == expected.converged
    assert found.engine == expected.engine
    assert found.loglik == pytest.approx(expected.loglik, abs=tolerance)
    assert dict(found.params) == pytest.approx(dict(expected.params), rel=1e-6, abs=1e-9)
    torch.testing.assert_close(found.beta, expected.beta, rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(found.fitted, expected.fitted, rtol=1e-6, atol=1e-6)
    for term, effect in expected.blups.items():
        torch.testing.assert_close(found.blups[term].blup, effect.blup, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(
            found.blups[term].standard_error, effect.standard_error, rtol=1e-6, atol=1e-6, equal_nan=True
        )


def tensors_of(result: Fit) -> list[Tensor]:
    effects = [part for effect in result.blups.values() for part in (effect.blup, effect.standard_error)]
    own = [value for value in vars(result).values() if isinstance(value, Tensor)]
    return own + effects + [step.theta for step in result.history]


# -- a device that is pretended ------------------------------------------------------------------------------


def test_the_pretended_device_is_as_strict_as_a_real_one() -> None:
    here = torch.ones(3)
    with PretendDevice() as mode:
        there = here.to(GPU)
        assert there.device == GPU
        assert here.device == torch.device("cpu")
        assert (there + 1.0).reshape(1, 3).mT.device == GPU
        assert torch.zeros(2, device=there.device).device == GPU
        assert there.new_zeros(2).device == GPU
        assert torch.linalg.cholesky_ex(torch.eye(2, device=GPU))[0].device == GPU
        assert there.cpu().device == torch.device("cpu")
        assert there.device == GPU
        assert float(there.sum() + torch.tensor(1.0)) == 4.0
        assert there[torch.tensor([0, 2])].device == GPU
        for wrong in (
            lambda: there + here,
            lambda: torch.cat([here, there]),
            lambda: here[torch.tensor([0], device=GPU)],
            lambda: here.index_add_(0, torch.tensor([0], device=GPU), here[:1]),
        ):
            with pytest.raises(RuntimeError, match="GPU"):
                wrong()
        with pytest.raises(TypeError, match="numpy"):
            there.numpy()
        assert there.numpy(force=True).tolist() == [1.0, 1.0, 1.0]
        assert mode.calls > 0
    assert not is_there(here)


def fit_or_skip(v: Matrix, y: Tensor, x: Tensor, engine: str) -> Fit:
    """The fit by an engine, where that takes this V."""
    try:
        return fit(v, y, x, engine=engine)
    except InvalidModel as refused:
        pytest.skip(str(refused))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["alpha", *CASES])
def test_every_engine_stays_on_the_device_of_the_data(name: str, engine: str) -> None:
    v, y, x, _ = case(name)
    expected = fit_or_skip(v, y, x, engine)
    with PretendDevice() as mode:
        found = fit(v, y.to(GPU), x.to(GPU), engine=engine)
        assert mode.calls > 100
        assert not any(is_there(value) for value in tensors_of(found))
    same(found, expected)


@pytest.mark.parametrize("engine", ENGINES)
def test_structures_that_the_reference_data_do_not_have(engine: str) -> None:
    """A residual unstructured between times, beside random effects of sites; loadings; a field."""
    generator = torch.Generator().manual_seed(1)
    subjects, times = 24, 4
    n = subjects * times
    places = torch.rand(subjects, 2, dtype=torch.float64, generator=generator) * 5.0
    sites = [f"s{i % 6}" for i in range(subjects) for _ in range(times)]
    people = [f"p{i:02d}" for i in range(subjects) for _ in range(times)]
    y = (
        torch.randn(n, dtype=torch.float64, generator=generator)
        .reshape(subjects, times)
        .cumsum(1)
        .reshape(-1)
    )
    x = torch.eye(times, dtype=torch.float64).repeat(subjects, 1)
    site = CovariancePropagation(z=DummyMatrix(sites), g=ScalarMatrix(6))
    residuals: list[Matrix] = [
        KroneckerProduct(i=IdentityMatrix(subjects), t=UnstructuredMatrix(times)),
        KroneckerProduct(i=IdentityMatrix(subjects), t=FactorAnalyticMatrix(times, 1)),
    ]
    field = CovariancePropagation(z=DummyMatrix(people), g=MaternMatrix(places))
    family = [(f"p{i:02d}", f"p{i // 2:02d}" if i > 3 else None, None) for i in range(subjects)]
    animal = CovariancePropagation(z=DummyMatrix(people), g=PedigreeMatrix(family))
    models: list[Matrix] = [
        *(Sum(site=site, residual=residual) for residual in residuals),
        residuals[0],
        Sum(site=site, field=field, residual=ScalarMatrix(n)),
        Sum(site=site, animal=animal, residual=ScalarMatrix(n)),
    ]
    taken = 0
    for v in models:
        for method in ("REML", "ML"):
            try:
                expected = fit(v, y, x, engine=engine, method=method)
            except InvalidModel:
                continue
            with PretendDevice():
                found = fit(v, y.to(GPU), x.to(GPU), engine=engine, method=method)
                assert not any(is_there(value) for value in tensors_of(found))
            same(found, expected)
            taken += 1
    assert taken or engine == "separable"


def test_the_device_may_be_named_and_x_follows_y() -> None:
    v, y, x, _ = case("alpha")
    expected = fit(v, y, x)
    with PretendDevice() as mode:
        same(fit(v, y.numpy(), x.numpy(), device="cuda"), expected)
        used = mode.calls
        assert used > 0
        same(fit(v, y.to(GPU), x), expected)
        same(fit(v, y.numpy(), x.to(GPU)), expected)
        assert mode.calls > used
        used = mode.calls
        same(fit(v, y.to(GPU), x.to(GPU), device="cpu"), expected)
        # Two copies to the CPU, nothing else.
        assert mode.calls - used <= 10


def answers(reml: REML, y: Tensor, x: Tensor, z: Tensor, theta: Tensor) -> list[Tensor]:
    """Everything that `REML` computes from y and X."""
    found = [*reml.ai_step(y, x, theta), reml.loglik(y, x, theta), reml.blue(y, x, theta)]
    found += [reml.marginal_predict(y, x, theta), reml.marginal_residual(y, x, theta)]
    found += [reml.blup(y, x, z, theta), reml.predict(y, x, z, theta), reml.residual(y, x, z, theta)]
    found += list(reml.optimize(y, x, theta)[:2])
    return [value for value in found if value is not None]


@pytest.mark.parametrize("engine", ["auto", "dense"])
def test_one_step_at_a_time_stays_on_the_device_of_the_data(engine: str) -> None:
    v, y, x, _ = case("alpha")
    theta = v.from_param_dict(None)
    z = torch.eye(len(y), 5, dtype=torch.float64)
    reml = REML(v, engine)
    expected = answers(reml, y, x, z, theta)
    with PretendDevice():
        found = answers(reml, y.to(GPU), x.to(GPU), z, theta)
        assert all(is_there(value) for value in found)
        assert not any(is_there(row) for rows in reml.history.values() for row in rows if row is not None)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one.cpu(), other, rtol=1e-6, atol=1e-7)
        by_operand = reml.blup(y.to(GPU), x.to(GPU), DummyMatrix([f"{i % 4}" for i in range(72)]), theta)
        assert is_there(by_operand)


def test_bad_data_on_a_device_are_told_as_elsewhere() -> None:
    v, y, x, _ = case("alpha")
    with PretendDevice():
        broken = y.clone()
        broken[3] = float("nan")
        with pytest.raises(ValueError, match=r"missing or infinite values in 1 of 72 rows \(from 0: 3\)"):
            fit(v, broken.to(GPU), x.to(GPU))
        twice = torch.cat([x, x[:, :1]], dim=1)
        with pytest.raises(ValueError, match="column 3 is a combination of column 0"):
            fit(v, y.to(GPU), twice.to(GPU))


# -- a real one ----------------------------------------------------------------------------------------------


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["alpha", *CASES])
def test_on_a_gpu(name: str, engine: str) -> None:
    v, y, x, _ = case(name)
    expected = fit_or_skip(v, y, x, engine)
    found = fit(v, y.cuda(), x.cuda(), engine=engine)
    assert all(value.device.type == "cpu" for value in tensors_of(found))
    same(found, expected, tolerance=1e-8)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_one_step_at_a_time_on_a_gpu() -> None:
    v, y, x, _ = case("alpha")
    theta, z = v.from_param_dict(None), torch.eye(len(y), 5, dtype=torch.float64)
    expected = answers(REML(v), y, x, z, theta)
    found = answers(REML(v), y.cuda(), x.cuda(), z, theta)
    for one, other in zip(found, expected, strict=True):
        assert one.device.type == "cuda"
        torch.testing.assert_close(one.cpu(), other, rtol=1e-6, atol=1e-7)


def test_on_the_cpu_by_name() -> None:
    loaded = load("sleepstudy")
    same(fit(loaded.v, loaded.y, loaded.x, device="cpu"), fit(loaded.v, loaded.y, loaded.x))
