"""Inference from fits by maximum likelihood, and by every engine that takes a model."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    CovariancePropagation,
    DummyMatrix,
    IdentityMatrix,
    KroneckerProduct,
    Matrix,
    PedigreeMatrix,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.reml import Inference, InvalidData, InvalidModel, compare, fit
from tests.reml.inference_cases import derivatives_of_the_fitted, intercepts, oats, one_way_data, sleepstudy


def by_ml(inference: Inference) -> Inference:
    """The same model fitted by maximum likelihood."""
    binding = inference._binding
    result = fit(binding.v, binding.problem.y, binding.problem.x, method="ML", x_names=inference.names)
    return Inference(result, binding.v, binding.problem.y, binding.problem.x)


def test_profiles_against_lme4() -> None:
    """Ends of R 4.2.2, lme4 1.1-31, for m <- lmer(yield ~ Variety + N + (1|Block/Variety), d[-rows, ], REML =
    FALSE): confint(profile(m, which = "theta_", delta.cutoff = 1/40)), which interpolates; standard
    deviations.
    """
    inference = by_ml(oats([1, 2, 9, 20, 21, 37, 50, 51, 52, 70]))
    recorded = {
        "plot": (2.786349928, 17.16041011),
        "block": (5.786819354, 30.68472614),
        "residual": (10.739876124, 16.40168488),
    }
    for name, ends in recorded.items():
        profile = inference.profile(name)
        assert (math.sqrt(profile.lower), math.sqrt(profile.upper)) == pytest.approx(ends, rel=1e-4), name


def test_likelihoods_compare_fixed_effects() -> None:
    """A linear model, where 2 log-likelihoods differ by n log(RSS0 / RSS1)."""
    _, y, x = one_way_data(6, 4, between=1.0)
    trend = torch.cat([x, torch.arange(24.0)[:, None].double()], 1)
    v = ScalarMatrix(24)
    small, large = (Inference(fit(v, y, z, method="ML"), v, y, z) for z in (x, trend))
    test = compare(small, large).tests[0]
    rest = [
        float(((y - z @ torch.linalg.lstsq(z, y[:, None]).solution[:, 0]) ** 2).sum()) for z in (x, trend)
    ]
    assert test is not None
    assert test.statistic == pytest.approx(24 * math.log(rest[0] / rest[1]), rel=1e-6)
    assert (test.df, test.boundary) == (1, 0)
    assert test.p_value == pytest.approx(stats.chi2.sf(test.statistic, 1))
    with pytest.raises(InvalidData, match="fitted by ML and model 1 by REML: fit both alike"):
        compare(small, fit(v, y, trend))


def test_errors_are_those_of_the_likelihood() -> None:
    _, y, x = one_way_data(6, 4, between=1.0)
    v = ScalarMatrix(24)
    inference = Inference(fit(v, y, x, method="ML"), v, y, x)
    sigma = inference.intervals()["sigma^2"]
    assert sigma.estimate == pytest.approx(float(((y - y.mean()) ** 2).mean()))
    assert sigma.standard_error == pytest.approx(sigma.estimate * math.sqrt(2 / 24), rel=1e-6)
    assert inference.names == ("x0",)


def test_kenward_roger_is_for_reml() -> None:
    inference = by_ml(sleepstudy())
    with pytest.raises(InvalidModel, match="is for REML, and this is a fit by ML"):
        inference.fixed_effects("kenward-roger")
    effects = inference.fixed_effects("satterthwaite")
    # R 4.2.2, lmerTest 3.1-3, of the ML fit: balanced, so that df = 18 instead of 17.
    assert effects["Days"].df == pytest.approx(18.0, rel=1e-5)


def test_conditional_degrees_of_freedom_by_ml() -> None:
    inference = by_ml(oats())
    binding, y = inference._binding, inference._binding.problem.y
    assert inference.conditional_aic.degrees == pytest.approx(derivatives_of_the_fitted(inference), rel=1e-4)
    eye = torch.eye(len(y), dtype=torch.float64)
    hat = eye - inference.fit.params["residual/sigma^2"] * binding.project(eye)
    assert inference.conditional_aic.known_degrees == pytest.approx(float(torch.trace(hat)))


def test_bootstrap_by_ml_fits_by_ml() -> None:
    _, y, x = one_way_data(6, 4, between=1.0)
    v = ScalarMatrix(24)
    inference = Inference(fit(v, y, x, method="ML"), v, y, x)
    drawn = inference.simulate(3, seed=4)
    found = inference.bootstrap(3, seed=4)
    expected = ((drawn - drawn.mean(dim=0)) ** 2).mean(dim=0)
    assert found.replicates[:, 0].tolist() == pytest.approx(expected.tolist())


def repeated() -> tuple[Matrix, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    y = torch.randn(40, generator=generator).double()
    y = y + torch.randn(10, generator=generator).double().repeat_interleave(4)
    x = torch.stack([torch.ones(40), torch.arange(40) % 4 * 1.0], 1).double()
    return KroneckerProduct(subject=IdentityMatrix(10), time=UnstructuredMatrix(4)), y, x


def field(holes: tuple[int, ...]) -> tuple[Matrix, torch.Tensor, torch.Tensor]:
    """A field of 8 x 9 plots with a nugget, some plots missing."""
    generator = torch.Generator().manual_seed(12)
    row, col = (
        torch.linalg.cholesky(0.7 ** (torch.arange(n)[:, None] - torch.arange(n)).abs().double())
        for n in (8, 9)
    )
    whole = 2.0 * (row @ torch.randn(8, 9, generator=generator).double() @ col.mT).reshape(-1)
    whole = whole + torch.randn(72, generator=generator).double()
    kept = [k for k in range(72) if k not in holes]
    rows, cols = [k // 9 for k in kept], [k % 9 for k in kept]
    z = DummyMatrix(rows, cols, levels=[list(range(8)), list(range(9))])
    spatial = CovariancePropagation(z=z, g=KroneckerProduct(row=AR1CorrelationMatrix(8), col=AR1Matrix(9)))
    treatment = torch.tensor([float(k % 3 == 0) for k in kept]).double()
    x = torch.stack([torch.ones(len(kept)).double(), treatment], 1)
    return Sum(field=spatial, units=ScalarMatrix(len(kept))), whole[kept], x


def with_groups() -> tuple[Matrix, torch.Tensor, torch.Tensor]:
    _, y, x = repeated()
    y = y + torch.tensor([1.5, -1.0, 0.0, 2.0, -2.0]).double().repeat(8)
    series = KroneckerProduct(subject=IdentityMatrix(10), time=AR1Matrix(4))
    return Sum(group=intercepts([f"g{i % 5}" for i in range(40)]), series=series), y, x


def related() -> tuple[Matrix, torch.Tensor, torch.Tensor]:
    """Two records of each of twenty animals, four of them founders."""
    _, y, x = repeated()
    family = [(f"a{i}", f"a{i // 3}", f"a{i - 2}") if i > 3 else (f"a{i}", None, None) for i in range(20)]
    g = PedigreeMatrix(family)
    z = DummyMatrix([f"a{i // 2}" for i in range(40)], levels=[g.pedigree.individuals], lex_order=False)
    y = y + 0.8 * torch.randn(20, generator=torch.Generator().manual_seed(3)).double().repeat_interleave(2)
    return Sum(animal=CovariancePropagation(z=z, g=g), units=ScalarMatrix(40)), y, x


def everything(inference: Inference) -> np.ndarray:
    """Numbers that between them ask an engine everything inference asks."""
    name = next(iter(inference.fit.params))
    adjusted = inference.fixed_effects("kenward-roger").entries
    profile = inference.profile(name, level=0.6)
    return np.array(
        [
            *(entry.standard_error for entry in inference.intervals().entries),
            *(entry.df for entry in adjusted),
            *(entry.standard_error for entry in adjusted),
            *inference.residuals.conditional_studentised.nan_to_num().tolist(),
            *inference.predict(torch.ones(1, 2), variance=1.0).standard_error.tolist(),
            inference.conditional_aic.value,
            profile.lower,
            profile.upper,
            *inference.bootstrap(2, seed=4).replicates.reshape(-1).tolist(),
        ]
    )


@pytest.mark.parametrize(
    "made", [repeated, with_groups, related, lambda: field(()), lambda: field((5, 17, 40))]
)
def test_every_engine_gives_the_same(made) -> None:
    v, y, x = made()
    expected, seen = None, []
    for engine in ("dense", "mme", "blocks", "separable", "sparse"):
        try:
            result = fit(v, y, x, engine=engine)
        except InvalidModel:
            continue
        seen.append(engine)
        found = everything(Inference(result, v, y, x))
        expected = found if expected is None else expected
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6, err_msg=engine)
    assert len(seen) >= 2, seen
