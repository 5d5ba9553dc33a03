"""Maximum likelihood: against R, against the likelihood written out, and every engine against the dense one.

The numbers of R come from R 4.2.2 with lme4 1.1.31 and nlme 3.1.162, on the tables in tests/reml/reference:
`lmer(formula, REML=FALSE, control=lmerControl(optimizer="bobyqa", optCtrl=list(rhoend=1e-12, maxfun=1e6)))`,
`lme(..., method="ML", control=lmeControl(tolerance=1e-10, msTol=1e-14, opt="optim", reltol=1e-14))` and
`gls(..., method="ML", control=glsControl(tolerance=1e-12, msTol=1e-14, opt="optim"))`, with logLik(), AIC(),
BIC(), as.data.frame(VarCorr()), fixef() and sqrt(diag(vcov())).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from covstudio.covariance import (
    HadamardProduct,
    IdentityMatrix,
    KroneckerProduct,
    Matrix,
    ScalarMatrix,
    UnstructuredMatrix,
)
from covstudio.reml import fit
from covstudio.reml.engines.registry import CANDIDATES, candidate_named
from covstudio.reml.problem.likelihood import Engine
from covstudio.reml.problem.problem import prepare
from covstudio.reml.terms.variance import Variance
from tests.reml.reml_cases import CASES, assert_monotone, case, load, one_way

ENGINES = [candidate.name for candidate in CANDIDATES]


@dataclass(frozen=True)
class Published:
    """What R prints for one model."""

    call: str
    loglik: float
    aic: float
    bic: float | None
    variances: dict[str, float]
    beta: list[float]
    errors: list[float] | None = None


R = {
    "alpha": Published(
        "lmer(yield ~ rep + (1|gen) + (1|rep:block), REML=FALSE)",
        -43.3303801474,
        98.66076029,
        112.32075701,
        {"gen/g/sigma^2": 0.1390456663, "block/g/sigma^2": 0.05409403843, "residual/sigma^2": 0.0824425806},
        [4.51825, 0.2978458333, -0.4140458333],
        [0.1350716478, 0.1578022851, 0.1578022851],
    ),
    "sleepstudy": Published(
        "lmer(Reaction ~ Days + (Days|Subject), REML=FALSE)",
        -875.9696722316,
        1763.93934446,
        1783.09708557,
        {"G_11": 565.515271, "G_21": 11.05541446, "G_22": 32.68219761, "sigma2_resid": 654.9410376},
        [251.4051048, 10.46728596],
        [6.632276421, 1.502236793],
    ),
    "oats": Published(
        "lmer(yield ~ Variety*N + (1|Block) + (1|Block:Variety), REML=FALSE)",
        -297.9528599810,
        625.90571996,
        660.05571175,
        {"sigma2_Block": 178.7309201, "sigma2_Block_Variety": 88.3848394, "sigma2_resid": 147.5694429},
        [80.0, 6.666666667, -8.5, 18.5, 34.66666667, 44.83333333],
        [8.313495077, 8.868564, 8.868564, 7.013545058, 7.013545058, 7.013545058],
    ),
    "machines": Published(
        "lmer(score ~ Machine + (1|Worker) + (1|Worker:Machine), REML=FALSE)",
        -112.6347234699,
        237.26944694,
        249.20335122,
        {"sigma2_Worker": 19.04870355, "sigma2_Worker_Machine": 11.53984549, "sigma2_resid": 0.9246296358},
        [52.35555556, 7.966666667, 13.91666667],
        [2.269242125, 1.98729761, 1.98729761],
    ),
    "orthodont_slope": Published(
        "lmer(distance ~ age + (age|Subject), REML=FALSE)",
        -219.6058006339,
        451.21160127,
        467.30438863,
        {"G_11": 4.814085035, "G_21": -0.2742100183, "G_22": 0.04619252663, "sigma2_resid": 1.716203891},
        [16.76111111, 0.6601851852],
        [0.7607542443, 0.06992131058],
    ),
    "ovary_ar1": Published(
        'lme(follicles ~ sin_t + cos_t, random=~1|Mare, correlation=corAR1(form=~obs|Mare), method="ML")',
        -776.5173108900,
        1565.03462178,
        None,
        {"sigma2_Mare": 7.09547, "sigma2_resid": 13.08097907, "rho": 0.597466531},
        [12.18962786, -2.958618823, -0.8798849416],
    ),
}


@pytest.mark.parametrize("engine", ["auto", *ENGINES])
@pytest.mark.parametrize("name", R)
def test_the_numbers_of_r(name: str, engine: str) -> None:
    expected = R[name]
    v, y, x, _ = case(name)
    if engine != "auto" and isinstance(applies(v, engine, x.shape[1]), str):
        pytest.skip(f"the {engine} engine does not take this V")
    result = fit(v, y, x, method="ML", engine=engine)
    assert result.method == "ML"
    assert result.converged, result.message
    assert_monotone(result)
    assert result.loglik == pytest.approx(expected.loglik, abs=1e-7)
    assert result.aic == pytest.approx(expected.aic, abs=1e-6)
    if expected.bic is not None:
        assert result.bic == pytest.approx(expected.bic, abs=1e-6)
    estimates = dict(result.params) if name == "alpha" else load_recorded(name, dict(result.params))
    for key, value in expected.variances.items():
        assert estimates[key] == pytest.approx(value, rel=3e-6), key
    assert result.beta.tolist()[: len(expected.beta)] == pytest.approx(expected.beta, rel=1e-6)
    if expected.errors is not None:
        errors = result.beta_standard_errors.tolist()[: len(expected.errors)]
        assert errors == pytest.approx(expected.errors, rel=1e-6)


def test_generalised_least_squares_of_nlme() -> None:
    """gls(follicles ~ sin_t + cos_t, correlation=corAR1(form=~obs|Mare), method="ML")."""
    loaded = load("ovary_ar1")
    residual = loaded.v.operands["residual"]  # type: ignore[attr-defined]
    assert isinstance(residual, HadamardProduct)
    result = fit(residual, loaded.y, loaded.x, method="ML")
    assert result.loglik == pytest.approx(-782.1933917389, abs=1e-7)
    assert result.aic == pytest.approx(1574.38678348, abs=1e-6)
    assert result.bic == pytest.approx(1593.03728239, abs=1e-6)
    assert result.params["series/sigma^2"] == pytest.approx(20.45580031, rel=1e-6)
    assert result.params["series/rho"] == pytest.approx(0.7438035832, rel=1e-6)
    assert result.beta.tolist() == pytest.approx([12.21621756, -2.785223517, -0.8981731583], rel=1e-6)


def load_recorded(name: str, params: dict[str, float]) -> dict[str, float]:
    return load(name).recorded(params)


def applies(v: Matrix, engine: str, p: int) -> object:
    return candidate_named(engine).applies(Variance(v), p)


# -- against the likelihood written out ---------------------------------------------------------------------


def written_out(v: Matrix, natural: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """log N(y; X beta, V) at the generalised least squares beta, by torch.distributions."""
    value = v.evaluate(natural).to(torch.float64)
    beta = torch.linalg.solve(x.mT @ torch.linalg.solve(value, x), x.mT @ torch.linalg.solve(value, y))
    return torch.distributions.MultivariateNormal(x @ beta, value).log_prob(y)


def inside(v: Matrix, seed: int) -> np.ndarray:
    """Natural values of all parameters, away from the ends of their ranges."""
    rng = np.random.default_rng(seed)
    values = []
    for parameter in v.parameters:
        low, high = parameter.transform.bounds
        if math.isfinite(low) and math.isfinite(high):
            values.append(low + (high - low) * rng.uniform(0.3, 0.7))
        else:
            values.append(rng.uniform(0.5, 2.0) if low == 0.0 else rng.normal())
    return np.array(values)


def built(engine: str, v: Matrix, y: Tensor, x: Tensor) -> Engine:
    return candidate_named(engine).build(prepare(y, x, method="ML"), Variance(v))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["alpha", *CASES])
def test_likelihood_and_score_by_every_engine(name: str, engine: str) -> None:
    v, y, x, _ = case(name)
    if isinstance(applies(v, engine, x.shape[1]), str):
        pytest.skip(f"the {engine} engine does not take this V")
    y = (y - y.mean()) / y.std()
    natural = inside(v, 7)
    point = built(engine, v, y, x).at(natural)
    assert point is not None
    moving = torch.from_numpy(natural).requires_grad_()
    expected = written_out(v, moving, y, x)
    (slope,) = torch.autograd.grad(expected, moving)
    n = len(y)
    loglik = point.kernel - 0.5 * n * math.log(2.0 * math.pi)
    assert loglik == pytest.approx(float(expected.detach()), abs=1e-8)
    found = point.derivatives(range(len(natural)))
    np.testing.assert_allclose(found.score, slope.numpy(), rtol=1e-7, atol=1e-7)
    # The average information is that of REML: y'P dV P dV P y / 2.
    restricted = candidate_named("dense").build(prepare(y, x), Variance(v))
    same = restricted.at(natural)
    assert same is not None
    information = same.derivatives(range(len(natural))).information
    np.testing.assert_allclose(found.information, information, rtol=1e-7, atol=1e-7)
    # What else is asked of a point does not depend on the method.
    generator = torch.Generator().manual_seed(0)
    b = torch.randn(n, 2, dtype=torch.float64, generator=generator)
    torch.testing.assert_close(point.project(b), same.project(b), rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(point.beta, same.beta, rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(point.beta_covariance, same.beta_covariance, rtol=1e-8, atol=1e-9)
    # And after a change of scale.
    if name in ("alpha", "oats", "machines"):
        larger = point.rescaled(3.0, 3.0 * natural)
        again = built(engine, v, y, x).at(3.0 * natural)
        assert again is not None
        assert larger.kernel == pytest.approx(again.kernel, abs=1e-9)
        np.testing.assert_allclose(
            larger.derivatives(range(len(natural))).score,
            again.derivatives(range(len(natural))).score,
            rtol=1e-8,
            atol=1e-9,
        )


@pytest.mark.parametrize("name", ["alpha", *CASES])
def test_no_small_step_from_the_estimates_is_better(name: str) -> None:
    v, y, x, _ = case(name)
    result = fit(v, y, x, method="ML")
    assert result.converged, result.message
    natural = torch.tensor(list(result.params.values()), dtype=torch.float64)
    best = float(written_out(v, natural, y, x))
    assert result.loglik == pytest.approx(best, abs=1e-6)
    for k in range(len(natural)):
        for share in (0.98, 1.02):
            moved = natural.clone()
            moved[k] *= share
            assert float(written_out(v, moved, y, x)) <= best + 1e-9


# -- closed forms -------------------------------------------------------------------------------------------


def test_a_sample_has_its_sum_of_squares_over_n() -> None:
    y = torch.tensor([1.0, 2.0, 4.0, 5.0, 3.5], dtype=torch.float64)
    result = fit(ScalarMatrix(5), y, torch.ones(5, 1), method="ML")
    variance = float(y.var(correction=0))
    assert result.params["sigma^2"] == pytest.approx(variance, rel=1e-12)
    assert result.loglik == pytest.approx(-2.5 * (math.log(2.0 * math.pi * variance) + 1.0))
    assert result.kernel_loglik == pytest.approx(result.loglik + 2.5 * math.log(2.0 * math.pi))
    assert result.aic == pytest.approx(-2.0 * result.loglik + 4.0)
    assert result.bic == pytest.approx(-2.0 * result.loglik + 2.0 * math.log(5.0))
    assert result.standard_errors["sigma^2"] == pytest.approx(variance * math.sqrt(2.0 / 5.0))


def test_repeated_measures_have_the_sample_covariance_over_n() -> None:
    generator = torch.Generator().manual_seed(1)
    subjects, times = 14, 4
    y = torch.randn(subjects, times, dtype=torch.float64, generator=generator).cumsum(1)
    v = KroneckerProduct(subject=IdentityMatrix(subjects), time=UnstructuredMatrix(times))
    x = torch.eye(times, dtype=torch.float64).repeat(subjects, 1)
    result = fit(v, y.reshape(-1), x, method="ML")
    time = v.operands["time"]
    assert isinstance(time, Matrix)
    expected = torch.cov(y.T, correction=0)
    torch.testing.assert_close(time(result.theta), expected, rtol=1e-6, atol=1e-6)


def test_a_balanced_one_way_design() -> None:
    """Searle, Casella & McCulloch (1992), section 3.7: (1 - 1/a) MSA takes the place of MSA."""
    groups, size = 6, 4
    generator = torch.Generator().manual_seed(2)
    table = torch.randn(groups, 1, dtype=torch.float64, generator=generator) * 2.0
    table = table + torch.randn(groups, size, dtype=torch.float64, generator=generator)
    result = fit(one_way(groups, size), table.reshape(-1), torch.ones(groups * size, 1), method="ML")
    within = float(((table - table.mean(1, keepdim=True)) ** 2).sum()) / (groups * (size - 1))
    between = size * float(table.mean(1).var())
    assert result.params["e/sigma^2"] == pytest.approx(within, rel=1e-7)
    assert result.params["g/g/sigma^2"] == pytest.approx(
        ((1.0 - 1.0 / groups) * between - within) / size, rel=1e-7
    )


def test_without_fixed_effects_the_methods_are_one() -> None:
    v, y, _, _ = case("alpha")
    nothing = torch.zeros(72, 0)
    by_ml, by_reml = fit(v, y, nothing, method="ML"), fit(v, y, nothing)
    assert by_ml.loglik == pytest.approx(by_reml.loglik, abs=1e-10)
    assert dict(by_ml.params) == pytest.approx(dict(by_reml.params), rel=1e-8)


def test_the_method_is_said_and_checked() -> None:
    v, y, x, _ = case("alpha")
    assert repr(fit(v, y, x, method="ML")).startswith("ML fit of 72 rows, 3 fixed effects")
    assert repr(fit(v, y, x)).startswith("REML fit of 72 rows")
    with pytest.raises(ValueError, match="method must be 'REML' or 'ML', and is 'reml'"):
        fit(v, y, x, method="reml")


def test_fits_of_nested_fixed_effects_are_comparable() -> None:
    """Whatever the units of a column: ML does not depend on the parametrisation of X, REML does."""
    v, y, x, _ = case("alpha")
    scaled = x * torch.tensor([1.0, 10.0, 0.1], dtype=torch.float64)
    assert fit(v, y, scaled, method="ML").loglik == pytest.approx(fit(v, y, x, method="ML").loglik, abs=1e-9)
    assert fit(v, y, x[:, :1], method="ML").loglik < fit(v, y, x, method="ML").loglik
