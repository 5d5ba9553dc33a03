"""Variance functions against their formulas in plain Python, with covariates large and small."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from covstudio.covariance import (
    ConstantPowerVarianceMatrix,
    ExponentialVarianceMatrix,
    Matrix,
    PowerVarianceMatrix,
    structure,
)

DOUBLE = torch.float64
V = [-2.5, 0.25, 1.0, 4.0, 1e-3, 120.0]

#: Pinheiro & Bates (2000), section 5.2.1: varPower (5.10), varExp (5.12), varConstPower (5.14), as standard
#: deviations.
FORMULAS: dict[type[Matrix], Callable[..., float]] = {
    PowerVarianceMatrix: lambda v, sigma2, delta: sigma2 * (abs(v) ** delta) ** 2,
    ExponentialVarianceMatrix: lambda v, sigma2, delta: sigma2 * math.exp(delta * v) ** 2,
    ConstantPowerVarianceMatrix: lambda v, sigma2, delta, c: sigma2 * (c + abs(v) ** delta) ** 2,
}
KINDS = list(FORMULAS)


def natural_values(kind: type[Matrix], sigma2: float, delta: float, c: float) -> list[float]:
    return [sigma2, delta, c] if kind is ConstantPowerVarianceMatrix else [sigma2, delta]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("sigma2", "delta", "c"), [(1.0, 0.0, 1.0), (2.5, 0.5, 0.3), (0.7, -0.8, 2.0), (1e-8, 1.3, 1e-8)]
)
def test_the_formulas_of_pinheiro_and_bates(
    kind: type[Matrix], sigma2: float, delta: float, c: float
) -> None:
    natural = natural_values(kind, sigma2, delta, c)
    matrix = kind(V)  # type: ignore[call-arg, arg-type]
    value = matrix.evaluate(torch.tensor(natural, dtype=DOUBLE))
    for i in range(len(V)):
        for j in range(len(V)):
            expected = FORMULAS[kind](V[i], *natural) if i == j else 0.0
            assert float(value[i, j]) == pytest.approx(expected, rel=1e-12, abs=0.0)


def test_names_and_scales() -> None:
    matrix = ConstantPowerVarianceMatrix([1.0, 2.0])
    assert matrix.param_names == ["sigma^2", "delta", "c"]
    natural = matrix.build_params(torch.tensor([0.5, -1.25, 0.5], dtype=DOUBLE))
    torch.testing.assert_close(natural, torch.tensor([math.exp(1.0), -1.25, math.exp(0.5)], dtype=DOUBLE))
    assert PowerVarianceMatrix([1.0]).param_names == ExponentialVarianceMatrix([1.0]).param_names
    assert PowerVarianceMatrix([1.0]).param_names == ["sigma^2", "delta"]


def test_a_fixed_power_of_one_half_makes_variances_proportional_to_the_covariate() -> None:
    matrix = PowerVarianceMatrix([1.0, 3.0, 0.2])
    matrix.set_param_specs("delta", fixed=True, value=0.5)
    theta = torch.tensor([0.4], dtype=DOUBLE)
    expected = math.exp(0.8) * torch.tensor([1.0, 3.0, 0.2], dtype=DOUBLE)
    torch.testing.assert_close(matrix(theta).diagonal(), expected)


LARGEST = {torch.float64: 1e100, torch.float32: 1e9}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", list(LARGEST))
@given(data=st.data(), raw=st.lists(st.floats(-10, 10), min_size=3, max_size=3))
@settings(max_examples=80, deadline=None)
def test_any_theta_up_to_ten_gives_finite_positive_variances(
    kind: type[Matrix], dtype: torch.dtype, data: st.DataObject, raw: list[float]
) -> None:
    largest = LARGEST[dtype]
    covariate = st.one_of(
        st.floats(-largest, largest), st.floats(-10, 10), st.sampled_from([1e-300, 5e-324, -1e-12, 0.0])
    )
    covariates = data.draw(st.lists(covariate, min_size=1, max_size=4))
    if kind is PowerVarianceMatrix:
        covariates = [v or 1.0 for v in covariates]
    matrix = kind(covariates)  # type: ignore[call-arg, arg-type]
    theta = torch.tensor(raw[: matrix.num_free_params], dtype=dtype)
    value = matrix(theta)
    assert value.dtype == dtype
    assert bool(torch.isfinite(value).all())
    assert bool((value.diagonal() > 0).all())
    grad, _ = matrix.grad(theta)
    automatic, _ = matrix.auto_grad(theta)
    assert bool(torch.isfinite(grad).all())
    assert bool(torch.isfinite(automatic).all())
    tolerance = 1e-10 if dtype == DOUBLE else 1e-3
    torch.testing.assert_close(grad, automatic, rtol=tolerance, atol=0.0)


def test_the_ends_of_the_domain_are_where_they_are_said_to_be() -> None:
    delta = 10.0
    for v in (2.1e-8, 4.9e7):
        value = PowerVarianceMatrix([v]).evaluate(torch.tensor([1.0, delta], dtype=DOUBLE))
        assert float(value) == pytest.approx(v ** (2 * delta), rel=1e-12)
    beyond = PowerVarianceMatrix([1e9]).evaluate(torch.tensor([1.0, delta], dtype=DOUBLE))
    assert 1e154 < float(beyond) < 2e154
    value = ExponentialVarianceMatrix([17.7]).evaluate(torch.tensor([1.0, delta], dtype=DOUBLE))
    assert float(value) == pytest.approx(math.exp(2 * 177), rel=1e-12)
    single = ExponentialVarianceMatrix([1.0]).evaluate(torch.tensor([1.0, 22.0]))
    assert float(single) == pytest.approx(math.exp(44), rel=1e-5)


def test_a_covariate_of_zero_has_the_constant_alone() -> None:
    matrix = ConstantPowerVarianceMatrix([0.0, 2.0])
    value = matrix.evaluate(torch.tensor([3.0, 0.5, 0.4], dtype=DOUBLE))
    assert float(value[0, 0]) == pytest.approx(3.0 * 0.4**2, rel=1e-12)
    equal = matrix.evaluate(torch.tensor([3.0, 0.0, 0.4], dtype=DOUBLE))
    assert float(equal[0, 0]) == pytest.approx(3.0 * 1.4**2, rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_bad_covariates_are_refused(kind: type[Matrix]) -> None:
    for bad, error, words in [
        ([], ValueError, "vector"),
        ([[1.0, 2.0], [3.0, 4.0]], ValueError, "single column"),
        ([1.0, math.nan], ValueError, "finite.*at 1"),
        ([math.inf], ValueError, "finite"),
        (["a"], TypeError, "numbers"),
        (3.0, TypeError, "list or a tensor"),
    ]:
        with pytest.raises(error, match=words):
            kind(bad)  # type: ignore[call-arg, arg-type]


def test_a_power_of_zero_is_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match=r"v must be different from 0.*at 2.*ConstantPowerVarianceMatrix"):
        PowerVarianceMatrix([1.0, 2.0, 0.0])


@pytest.mark.parametrize("kind", KINDS)
def test_the_diagonal_is_all_an_engine_needs(kind: type[Matrix]) -> None:
    matrix = kind([0.5, 2.0, 3.0])  # type: ignore[call-arg, arg-type]
    assert structure.kind(matrix) == "diagonal"
    natural = torch.tensor(natural_values(kind, 1.5, 0.6, 0.2), dtype=DOUBLE)
    variances = [FORMULAS[kind](v, *natural.tolist()) for v in (0.5, 2.0, 3.0)]
    b = torch.tensor([[1.0], [2.0], [3.0]], dtype=DOUBLE)
    solution = structure.solve(matrix, natural, b)
    for i, variance in enumerate(variances):
        assert float(solution[i]) == pytest.approx(float(b[i]) / variance, rel=1e-12)
    expected = sum(map(math.log, variances))
    assert float(structure.logdet(matrix, natural)) == pytest.approx(expected, rel=1e-12)
