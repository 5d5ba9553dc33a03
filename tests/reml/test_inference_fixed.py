"""Tests of fixed effects against lmerTest and pbkrtest, exact analyses of variance, and dense algebra.

The recorded numbers are from R 4.2.2 with lme4 1.1-31, pbkrtest 0.5.2 and lmerTest 3.1-3, the fits by bobyqa
to rhoend = 1e-10: `KRmodcomp(m, L)`, `sqrt(diag(vcovAdj(m)))` and `contest(m, L)`; rows left out are R's
d[-rows, ].
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from covstudio.covariance import AR1Matrix, HadamardProduct, ScalarMatrix, Sum
from covstudio.reml import InvalidData
from tests.reml.inference_cases import (
    indicators,
    intercepts,
    machines,
    oats,
    one_way_data,
    reference,
    sleepstudy,
    told,
)

SLEEP_OUT = [3, 7, 8, 15, 16, 17, 18, 19, 33, 58, 59, 60, 100, 101, 150]
OATS_OUT = [1, 2, 9, 20, 21, 37, 50, 51, 52, 70]
MACHINES_OUT = [2, 3, 11, 20, 21, 22, 40, 41, 53]

#: Per column: Kenward-Roger standard error, its degrees of freedom, Satterthwaite's.
SLEEP = [(7.188764629, 16.99034825, 16.79085158), (1.883198561, 16.97767611, 16.11968888)]
OATS = [
    (8.725974359, 11.10625965, 10.77534922),
    (7.311233164, 9.247239537, 9.161469377),
    (7.533834943, 10.01441317, 9.925434899),
    (5.193041834, 43.24755814, 42.72742662),
    (5.047727859, 43.17456135, 42.65437514),
    (5.147226625, 43.44830707, 42.9331843),
]
MACHINES = [
    (2.480442181, 8.517916888, 8.546687797),
    (2.171514300, 9.993531341, 10.1042609),
    (2.171583667, 9.998259195, 10.10902301),
]


@pytest.mark.parametrize(
    ("made", "recorded"),
    [
        (lambda: sleepstudy(SLEEP_OUT), SLEEP),
        (lambda: sleepstudy(SLEEP_OUT, linear=True), SLEEP),
        (lambda: oats(OATS_OUT), OATS),
        (lambda: oats(OATS_OUT, engine="mme"), OATS),
        (lambda: machines(MACHINES_OUT), MACHINES),
    ],
    ids=["sleepstudy by Cholesky", "sleepstudy by entries", "oats", "oats mme", "machines"],
)
def test_columns_of_unbalanced_data_against_r(made, recorded) -> None:
    inference = made()
    adjusted = inference.fixed_effects("kenward-roger").entries
    plain = inference.fixed_effects("satterthwaite").entries
    for kr, satterthwaite, (error, kr_df, df) in zip(adjusted, plain, recorded, strict=True):
        assert kr.standard_error == pytest.approx(error, rel=2e-6), kr.name
        assert kr.df == pytest.approx(kr_df, rel=2e-5), kr.name
        assert satterthwaite.df == pytest.approx(df, rel=2e-5), kr.name


@pytest.mark.parametrize(
    ("made", "columns", "kenward_roger", "satterthwaite"),
    [
        (
            lambda: sleepstudy(SLEEP_OUT),
            ["(Intercept)", "Days"],
            (678.059808733, 15.9867775263, 0.941144055288),
            (720.542461842, 16.5472922241),
        ),
        (
            lambda: oats(OATS_OUT),
            ["VarietyMarvellous", "VarietyVictory"],
            (1.59477984265, 9.81440122807, 0.999881663002),
            (1.60726468023, 9.72429490928),
        ),
        (
            lambda: machines(MACHINES_OUT),
            ["MachineB", "MachineC"],
            (21.4610276904, 9.99627124446, 0.999999997474),
            (21.46362699, 10.1070207961),
        ),
    ],
    ids=["sleepstudy", "oats", "machines"],
)
def test_joint_tests_against_r(made, columns, kenward_roger, satterthwaite) -> None:
    inference = made()
    test = inference.wald(columns, method="kenward-roger")
    assert test.numerator_df == len(columns)
    assert (test.f, test.denominator_df, test.scaling) == pytest.approx(kenward_roger, rel=2e-5)
    plain = inference.wald(columns, method="satterthwaite")
    assert (plain.f, plain.denominator_df) == pytest.approx(satterthwaite, rel=2e-5)


def test_split_plot_has_the_degrees_of_freedom_of_its_strata() -> None:
    inference = oats()
    terms = {"Variety": [1, 2], "N": ["N" + level for level in ("n0.2", "n0.4", "n0.6")]}
    for method in ("kenward-roger", "satterthwaite"):
        tests = inference.wald_terms(terms, method=method)
        assert tests["Variety"].denominator_df == pytest.approx(10.0, rel=1e-5)
        assert tests["N"].denominator_df == pytest.approx(51.0, rel=1e-5)
        # R: KRmodcomp gives F = 1.48534032292, p = 0.272386868604 for Variety.
        assert tests["Variety"].f == pytest.approx(1.48534032292, rel=1e-6)
        assert tests["Variety"].p_value == pytest.approx(0.272386868604, rel=1e-5)
        assert tests["Variety"].scaling == pytest.approx(1.0, rel=1e-6)


def test_balanced_one_way_mean_is_student_t_exactly() -> None:
    v, y, x = one_way_data(7, 4, between=2.0)
    means = y.reshape(7, 4).mean(dim=1)
    error = float(means.std() / math.sqrt(7))
    for method in ("kenward-roger", "satterthwaite"):
        effect = told(v, y, x, ["mean"]).fixed_effects(method)["mean"]
        assert effect.estimate == pytest.approx(float(y.mean()))
        assert effect.standard_error == pytest.approx(error, rel=1e-6)
        assert effect.df == pytest.approx(6.0, rel=1e-6)


def test_a_linear_model_has_its_textbook_f_test() -> None:
    generator = torch.Generator().manual_seed(3)
    x = torch.cat([torch.ones(20, 1), torch.randn(20, 3, generator=generator)], 1).double()
    y = x @ torch.tensor([1.0, 0.5, 0.0, 0.2]).double() + torch.randn(20, generator=generator).double()
    inference = told(ScalarMatrix(20), y, x, list("abcd"))
    contrast = torch.tensor([[0.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 2.0]])

    def squares(columns: list[int]) -> float:
        design = x[:, columns]
        rest = y - design @ torch.linalg.lstsq(design, y[:, None]).solution[:, 0]
        return float(rest @ rest)

    f = (squares([0, 2]) - squares([0, 1, 2, 3])) / 2.0 / (squares([0, 1, 2, 3]) / 16.0)
    for method in ("kenward-roger", "satterthwaite", "residual"):
        test = inference.wald(contrast, method=method)
        assert test.f == pytest.approx(f, rel=1e-6)
        assert test.denominator_df == pytest.approx(16.0, rel=1e-6)
    assert inference.wald(contrast, method="asymptotic").denominator_df == math.inf


def _by_autograd(v: Sum, theta: Tensor, x: Tensor) -> np.ndarray:
    """Phi_A from dense V with its derivatives by autograd, by the formulas of Kenward & Roger (2009)."""

    def value(part: Tensor) -> Tensor:
        return v.evaluate(part)

    first = torch.func.jacfwd(value)(theta).permute(2, 0, 1)
    second = torch.func.jacfwd(torch.func.jacfwd(value))(theta).permute(2, 3, 0, 1)
    inverse = torch.linalg.inv(value(theta))
    phi = torch.linalg.inv(x.mT @ inverse @ x)
    p = inverse - inverse @ x @ phi @ x.mT @ inverse
    information = 0.5 * torch.einsum("kij,lji->kl", p @ first, p @ first)
    w = torch.linalg.inv(information)
    s = torch.einsum("kl,klij->ij", w, second)
    along = w @ torch.stack([0.5 * torch.trace(p @ slope @ p @ s) for slope in first])
    s = s - torch.einsum("k,kij->ij", along, first)
    left = phi @ x.mT @ inverse
    total = -0.25 * left @ s @ left.mT
    for i in range(len(theta)):
        for j in range(len(theta)):
            total = total + w[i, j] * left @ first[i] @ p @ first[j] @ left.mT
    return (phi + 2.0 * total).numpy()


def test_curved_structures_against_dense_algebra() -> None:
    generator = torch.Generator().manual_seed(11)
    subject = torch.arange(40) // 5
    same = (subject[:, None] == subject[None, :]).double()
    x = torch.stack([torch.ones(40), torch.arange(40) % 5, (subject % 2).float()], 1).double()
    noise = torch.linalg.cholesky(0.6 ** (torch.arange(5)[:, None] - torch.arange(5)).abs().double())
    y = x @ torch.tensor([2.0, 0.3, 1.0]).double()
    y = y + (torch.randn(8, 5, generator=generator).double() @ noise.mT).reshape(-1)
    v = Sum(series=HadamardProduct(same=same, ar=AR1Matrix(40)), units=ScalarMatrix(40))
    v.set_param_specs("units/sigma^2", fixed=True, value=0.1)
    inference = told(v, y, x, ["one", "time", "group"])
    theta = torch.tensor(list(inference.fit.params.values()), dtype=torch.float64)
    ar = Sum(
        series=HadamardProduct(same=same, ar=AR1Matrix(40)),
        units=0.1 * torch.eye(40, dtype=torch.float64),
    )
    expected = _by_autograd(ar, theta[:2], x)
    adjusted = inference.fixed_effects("kenward-roger").covariance.numpy()
    np.testing.assert_allclose(adjusted, expected, rtol=1e-6, atol=1e-9)
    assert np.abs(adjusted - inference.fit.beta_covariance.numpy()).max() > 1e-4


def test_contrasts_and_intervals_agree() -> None:
    inference = oats()
    effect = inference.contrast("VarietyVictory")
    assert effect == inference.fixed_effects()["VarietyVictory"]
    difference = inference.contrast([0, 1, -1, 0, 0, 0], value=2.0, method="residual")
    assert difference.df == 66
    assert difference.t == pytest.approx((difference.estimate - 2.0) / difference.standard_error)
    test = inference.wald([[0, 1, -1, 0, 0, 0]], value=2.0, method="residual")
    assert test.f == pytest.approx(difference.t**2)
    assert test.p_value == pytest.approx(difference.p_value)
    half = 0.5 * (difference.upper - difference.lower) / difference.standard_error
    assert half == pytest.approx(1.996564, rel=1e-6)


def test_dependent_rows_are_left_out_and_contradictions_said() -> None:
    inference = machines()
    rows = [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, -1.0]]
    assert inference.wald(rows).numerator_df == 2
    assert inference.wald(rows).f == pytest.approx(inference.wald(["MachineB", "MachineC"]).f)
    with pytest.raises(InvalidData, match="contradicts itself: row 2"):
        inference.wald(rows, value=[0.0, 0.0, 1.0])
    with pytest.raises(InvalidData, match="all zero"):
        inference.wald([[0.0, 0.0, 0.0]])


def test_what_is_no_contrast_is_said() -> None:
    inference = machines()
    with pytest.raises(InvalidData, match=r"no fixed effect 'Machine'; there are .*MachineB"):
        inference.wald("Machine")
    with pytest.raises(InvalidData, match="one entry for each of the 3 fixed effects"):
        inference.wald([[1.0, 0.0]])
    with pytest.raises(ValueError, match=r"method= takes 'kenward-roger', .* and got 'exact'"):
        inference.fixed_effects("exact")
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        inference.fixed_effects(level=95)
    with pytest.raises(InvalidData, match="3 different names"):
        told(
            inference._binding.v, inference._binding.problem.y, inference._binding.problem.x, ["a", "a", "b"]
        )


def test_a_variance_of_zero_counts_as_known() -> None:
    v, y, x = one_way_data(5, 6, between=0.0, seed=8)
    y = y - 0.9 * y.reshape(5, 6).mean(dim=1).repeat_interleave(6)
    inference = told(v, y + 3.0, x, ["mean"])
    assert inference.fit.boundary == ("g/g/sigma^2",)
    for method in ("kenward-roger", "satterthwaite"):
        assert inference.fixed_effects(method)["mean"].df == pytest.approx(29.0, rel=1e-6)


def test_engines_agree() -> None:
    dense, mme = reference("machines", "dense"), reference("machines", "mme")
    for method in ("kenward-roger", "satterthwaite"):
        for a, b in zip(dense.fixed_effects(method).entries, mme.fixed_effects(method).entries, strict=True):
            assert (a.standard_error, a.df, a.t) == pytest.approx((b.standard_error, b.df, b.t), rel=1e-6)


def test_helpers_code_as_r_does() -> None:
    import pandas as pd

    x, names = indicators(pd.DataFrame({"f": ["b", "a", "c"]}), "f")
    assert names == ["(Intercept)", "fb", "fc"]
    assert x.tolist() == [[1, 1, 0], [1, 0, 0], [1, 0, 1]]
    assert intercepts(["b", "a"]).shape == (2, 2)
