"""Fits by sparse mixed-model equations: animal models never written out, and the choice of the engine."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from covstudio.covariance import (
    CovariancePropagation,
    DummyMatrix,
    KnownMatrix,
    Matrix,
    Pedigree,
    PedigreeMatrix,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.covariance.structures.relationship import pedigree_matrix
from covstudio.reml import Inference, InvalidModel, explain, fit
from covstudio.reml.engines.sparse.engine import SparseEngine
from covstudio.reml.fitting.choose import choose
from covstudio.reml.terms import random as random_piece
from covstudio.reml.terms.variance import Variance
from tests.reml.sparse_cases import Animals, animals, pedigree


def simulated(seed: int, count: int, herds: int, additive: float = 0.5) -> tuple[Animals, Pedigree, Tensor]:
    """One record an animal, y = mean + sex + herd + breeding value + error; the breeding values."""
    rng = np.random.default_rng(seed)
    ped = pedigree(rng, count, generations=6, unknown=0.02)
    g = PedigreeMatrix(ped)
    _, sampling = ped.mendelian()
    values = np.zeros(count + 1)
    for k in ped.order:
        own = np.sqrt(additive * float(sampling[k])) * rng.normal()
        values[k] = own + 0.5 * sum(values[parent] for parent in (ped.sires[k], ped.dams[k]) if parent >= 0)
    labels = [f"h{i}" for i in rng.integers(0, herds, count)]
    herd = DummyMatrix(labels, levels=[[f"h{i}" for i in range(herds)]])
    z = DummyMatrix(ped.individuals, levels=[ped.individuals], lex_order=False)
    v = Sum(
        animal=CovariancePropagation(z=z, g=g),
        herd=CovariancePropagation(z=herd, g=ScalarMatrix(herds)),
        units=ScalarMatrix(count),
    )
    x = np.column_stack([np.ones(count), rng.integers(0, 2, count)])
    y = x @ [20.0, 1.0] + values[:-1] + rng.normal(size=count)
    y += herd().numpy() @ rng.normal(scale=0.4, size=herds)
    return Animals(v, torch.from_numpy(y), torch.from_numpy(x)), ped, torch.from_numpy(values[:-1])


@pytest.fixture
def never_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """The relationship matrix is not to be had."""

    def refuse(*_: object, **__: object) -> Tensor:
        raise AssertionError("the relationship matrix was written out")

    monkeypatch.setattr(pedigree_matrix, "pedigree_relationship", refuse)


@pytest.mark.usefixtures("never_written")
def test_an_animal_model_of_three_thousand_animals() -> None:
    case, ped, values = simulated(1, 3000, 40)
    result = fit(case.v, case.y, case.x)
    assert result.engine == "sparse"
    assert "3040 effects in sparse equations" in result.engine_reason
    assert result.converged
    expected = {"animal/g/sigma^2": 0.5, "herd/g/sigma^2": 0.16, "units/sigma^2": 1.0}
    for name, value in expected.items():
        assert abs(result.params[name] - value) < 4.0 * result.standard_errors[name]
    effects = result.blups["animal"]
    assert effects.levels == tuple(ped.individuals)
    gaps, errors = effects.blup - values, effects.standard_error
    # The variance is estimated, to a tenth of itself or so.
    assert float(gaps.square().mean()) == pytest.approx(float(errors.square().mean()), rel=0.3)
    assert float(torch.corrcoef(torch.stack([effects.blup, values]))[0, 1]) > 0.5
    assert len(result.blups["herd"]) == 40
    # Through each other: what is left of y is what no effect explains.
    found = Inference(result, case.v, case.y, case.x)
    share = found.function("animal/g/sigma^2 / (animal/g/sigma^2 + herd/g/sigma^2 + units/sigma^2)")
    assert 0.1 < share.estimate < 0.5
    assert 0.0 < share.standard_error < 0.1


@pytest.mark.usefixtures("never_written")
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_nothing_of_it_needs_the_matrix_of_all_animals(method: str) -> None:
    """Records of some animals only, repeated, and a variance that ends at 0."""
    case = animals(8, 700, 900, 2, ["animal", "permanent"])
    result = fit(case.v, case.y, case.x, method=method)
    assert result.engine == "sparse"
    assert result.converged
    assert result.boundary == ("animal/g/sigma^2",)
    assert result.blups["animal"].blup.shape == (700,)


@pytest.mark.usefixtures("never_written")
def test_a_parent_of_each_side_is_no_reason_to_write_the_matrix_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows with two entries ask for covariances between animals, a few at a time."""
    monkeypatch.setattr(random_piece, "WRITTEN", 100)
    monkeypatch.setattr(random_piece, "AT_ONCE", 37)
    case = animals(8, 700, 900, 2, ["sire and dam", "herd"])
    result = fit(case.v, case.y, case.x)
    assert result.engine == "sparse"
    assert result.converged
    monkeypatch.undo()
    natural = torch.tensor(list(result.params.values()), dtype=torch.float64)
    whole = case.v.evaluate(natural).diagonal()
    monkeypatch.setattr(random_piece, "WRITTEN", 100)
    total = sum(part.diagonal(natural.numpy()) for part in Variance(case.v).pieces)
    torch.testing.assert_close(total, whole, rtol=1e-12, atol=0.0)
    slope = Variance(case.v).random[0].derivative_diagonal(natural.numpy(), [0])[0]
    torch.testing.assert_close(
        slope, case.v.natural_jacobian(natural, [0])[0].diagonal(), rtol=1e-12, atol=0.0
    )


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_fits_are_those_of_dense_equations(method: str) -> None:
    case, _, _ = simulated(2, 250, 10)
    found, *others = (
        fit(case.v, case.y, case.x, engine=engine, method=method) for engine in ("sparse", "mme", "dense")
    )
    assert found.engine == "sparse"
    for other in others:
        assert found.loglik == pytest.approx(other.loglik, abs=1e-8)
        for name, value in other.params.items():
            assert found.params[name] == pytest.approx(value, rel=2e-5, abs=1e-8)
            assert found.standard_errors[name] == pytest.approx(other.standard_errors[name], rel=1e-4)
        for term in ("animal", "herd"):
            one, two = found.blups[term], other.blups[term]
            torch.testing.assert_close(one.blup, two.blup, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(one.standard_error, two.standard_error, rtol=1e-4, atol=1e-6)


def test_fixed_parameters_stay() -> None:
    case, _, _ = simulated(3, 200, 8)
    case.v.set_param_specs("herd/g/sigma^2", fixed=True, value=0.25)
    found, other = (fit(case.v, case.y, case.x, engine=engine) for engine in ("sparse", "mme"))
    assert found.params["herd/g/sigma^2"] == 0.25
    assert found.loglik == pytest.approx(other.loglik, abs=1e-8)


# -- the choice ----------------------------------------------------------------------------------------------


def test_many_related_effects_are_sparse_and_few_are_not() -> None:
    few, many = simulated(1, 100, 5)[0], simulated(1, 1500, 10)[0]
    assert explain(few.v).engine != "sparse"
    found = explain(many.v, p=2)
    assert found.engine == "sparse"
    assert "animal (random effects), herd (random effects) beside one residual variance" in found.reason
    assert found.memory < 8.0 * 1500 * 1500
    asked = explain(few.v, engine="sparse")
    assert asked.engine == "sparse"
    assert "105 in all" in asked.reason
    assert asked.seconds > explain(few.v).seconds


def test_the_order_of_elimination_is_found_once() -> None:
    case = simulated(1, 800, 10)[0]
    variance = Variance(case.v)
    choice = choose(variance)
    assert choice.candidate.name == "sparse"
    one, other = (choice.candidate.build(case.problem(method), variance) for method in ("REML", "ML"))
    assert isinstance(one, SparseEngine)
    assert isinstance(other, SparseEngine)
    assert one.setup.pattern is other.setup.pattern


def terms(n: int) -> dict[str, tuple[Matrix, str]]:
    rng = np.random.default_rng(0)
    z = DummyMatrix([f"{i % 5}" for i in range(n)])
    by_level = CovariancePropagation(z=z, g=ScalarMatrix(5))
    wide = CovariancePropagation(z=torch.from_numpy(rng.normal(size=(n, 20))), g=ScalarMatrix(20))
    free = CovariancePropagation(z=z, g=UnstructuredMatrix(5))
    weights = torch.diag(torch.linspace(1.0, 2.0, n))
    return {
        "two residuals": (Sum(a=by_level, e=ScalarMatrix(n), w=KnownMatrix(weights)), "one variance times"),
        "no residual": (by_level, "one variance times a known diagonal"),
        "no effects": (ScalarMatrix(n), "not a sum of random effects"),
        "dense design": (Sum(a=wide, e=ScalarMatrix(n)), "design of a has many entries in a row"),
        "unstructured": (Sum(a=free, e=ScalarMatrix(n)), r"a \(UnstructuredMatrix\) is not known to be"),
    }


@pytest.mark.parametrize("name", terms(40))
def test_what_it_does_not_take_is_said(name: str) -> None:
    v, words = terms(40)[name]
    with pytest.raises(InvalidModel, match=words):
        fit(v, torch.randn(40), torch.ones(40, 1), engine="sparse")
