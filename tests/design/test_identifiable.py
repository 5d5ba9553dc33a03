"""What a design does not tell, in words: for good, by accident, hardly."""

from __future__ import annotations

import pytest
import torch

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    CovariancePropagation,
    DiagonalMatrix,
    DummyMatrix,
    FactorAnalyticMatrix,
    IdentityMatrix,
    KroneckerProduct,
    ScalarMatrix,
    Scale,
    Sum,
    UnstructuredMatrix,
)
from covstudio.data import design_matrix
from covstudio.design import Expected, nested, randomised_blocks
from tests.design.design_cases import effects, ones


def told(v, x=None, values=None):
    return Expected(v, ones(v.shape[0]) if x is None else x, values).identifiability


def single_records():
    """A level for every plot: two residuals."""
    z = DummyMatrix([f"g{i}" for i in range(12)])
    return Sum(gen=CovariancePropagation(z=z, g=ScalarMatrix(12)), residual=ScalarMatrix(12))


def test_a_good_design_tells_all():
    table = randomised_blocks(6, 4, seed=1)
    v = Sum(gen=effects(table.frame["treatment"]), residual=ScalarMatrix(table.n))
    found = told(v, design_matrix(table, "1 + block"))
    assert found.identifiable
    assert found.groups == ()
    assert repr(found) == "All parameters are told apart."


def test_a_sum_is_all_that_is_told_for_good():
    found = told(single_records(), values={"gen": 2.0, "residual": 1.0})
    (group,) = found.groups
    assert group.structural
    assert not found.identifiable
    assert group.sentence == (
        "gen/g/sigma^2 and residual/sigma^2 cannot be told apart, whatever their values: only their sum (3, "
        "expected standard error 1.28) is told. Fix or remove one of them, or change the design."
    )
    (only,) = group.estimable
    # One variance of 12 plots about a mean: 3 sqrt(2 / 11).
    assert only.standard_error == pytest.approx(3.0 * (2.0 / 11.0) ** 0.5, rel=1e-9)


def test_coefficients_of_a_sum_are_said():
    """Two records a level, both the same record: V = a J2 + b I2 with rows twice as heavy."""
    n = 10
    twice = torch.eye(n, dtype=torch.float64) * 2.0**0.5
    v = Sum(a=ScalarMatrix(n), b=CovariancePropagation(z=twice, g=ScalarMatrix(n)))
    (group,) = told(v, values={"a": 1.0, "b": 3.0}).groups
    assert group.structural
    assert [one.words for one in group.estimable] == ["a/sigma^2 + 2 b/g/sigma^2"]
    assert group.estimable[0].value == pytest.approx(7.0)


def test_a_product_is_all_that_is_told_for_good():
    v = Sum(
        field=KroneckerProduct(AR1Matrix(5), ScalarMatrix(4)),
        units=ScalarMatrix(20),
    )
    values = {"field/op_0/sigma^2": 2.0, "field/op_0/rho": 0.6, "field/op_1": 3.0, "units": 0.5}
    (group,) = told(v, values=values).groups
    assert group.structural
    assert "only their product (6, expected standard error" in group.sentence
    assert group.names == ("field/op_0/sigma^2", "field/op_1/sigma^2")


def test_a_scale_too_many_in_an_unstructured_matrix():
    """V = s U: the scale and six elements of Cholesky's factor, of which six combinations are told."""
    z = DummyMatrix([f"s{i}" for i in range(15) for _ in range(3)], [1, 2, 3] * 15)
    v = CovariancePropagation(z=z, g=KroneckerProduct(ScalarMatrix(15), UnstructuredMatrix(3)))
    values = {"L_1_0": 0.3, "L_2_0": 0.4, "L_2_1": -0.2}
    (group,) = told(v, values=values).groups
    assert group.structural
    assert len(group.names) == 7
    assert "only 6 combinations of these 7 are told" in group.sentence


def test_a_residual_beside_an_unstructured_matrix_without_repetition():
    """V = I (x) (LL' + sigma^2 I): one too many, of which some parameters take little part here or there."""
    z = DummyMatrix([f"G{i}" for i in range(10) for _ in range(3)], [1, 2, 3] * 10)
    g = KroneckerProduct(IdentityMatrix(10), UnstructuredMatrix(3))
    v = Sum(ge=CovariancePropagation(z=z, g=g), e=ScalarMatrix(30))
    x = torch.tensor([[1.0, k == 1, k == 2] for _ in range(10) for k in range(3)], dtype=torch.float64)
    (group,) = told(v, x, {"L_1_0": 0.5, "L_2_0": 0.3, "L_2_1": 0.2}).groups
    assert group.structural
    assert len(group.names) == 7


def test_specific_variances_and_a_residual_leave_a_sum_each():
    z = DummyMatrix([f"G{i}" for i in range(10) for _ in range(3)], [1, 2, 3] * 10)
    g = KroneckerProduct(IdentityMatrix(10), FactorAnalyticMatrix(3, 1))
    (group,) = told(Sum(ge=CovariancePropagation(z=z, g=g), e=ScalarMatrix(30))).groups
    assert group.structural
    assert [one.words.split("/")[-2:] for one in group.estimable] == [
        [f"psi_{k} + e", "sigma^2"] for k in range(3)
    ]


def test_an_accident_of_the_values_is_called_one():
    v = Sum(field=AR1Matrix(20), units=ScalarMatrix(20))
    (group,) = told(v, values={"field/rho": 0.0, "field/sigma^2": 2.0, "units": 1.0}).groups
    assert not group.structural
    assert group.sentence.startswith(
        "field/sigma^2 and units/sigma^2 cannot be told apart at these values: only field/sigma^2 + "
        "units/sigma^2 (3, expected"
    )
    assert group.sentence.endswith("At other values they are told apart.")
    assert not any(group.structural for group in told(v, values={"field/rho": 0.5}).groups)


def test_a_correlation_without_a_variance_means_nothing_here():
    v = Sum(field=AR1Matrix(20), units=ScalarMatrix(20))
    (group,) = told(v, values={"field/sigma^2": 0.0, "field/rho": 0.5}).groups
    assert group.names == ("field/rho",)
    assert not group.structural
    assert group.sentence == (
        "Nothing is told about field/rho at these values: here no plot depends on it. At other values "
        "something is."
    )


def test_what_fixed_effects_take_up_is_said():
    table = randomised_blocks(6, 4, seed=1)
    v = Sum(block=effects(table.frame["block"]), residual=ScalarMatrix(table.n))
    (group,) = told(v, design_matrix(table, "1 + block")).groups
    assert group.structural
    assert group.sentence == (
        "Nothing is told about block/g/sigma^2, whatever the values: the fixed effects take up all that "
        "depends on it. Fix or remove it."
    )


def test_a_level_without_plots_is_said():
    z = DummyMatrix(["a", "b"] * 6, levels=[["a", "b", "c", "d"]], lex_order=False)
    v = Sum(own=CovariancePropagation(z=z, g=DiagonalMatrix(4)), residual=ScalarMatrix(12))
    found = told(v, torch.zeros((12, 0), dtype=torch.float64))
    assert found.groups[0].structural
    assert "no plot depends on them" in found.groups[0].sentence
    assert len(found.groups[0].names) == 2


def test_structural_and_accidental_are_kept_apart():
    """A scale too many for good, and a correlation of 0 beside a nugget here."""
    v = Sum(field=Scale(a=KroneckerProduct(AR1Matrix(6), AR1CorrelationMatrix(4))), units=ScalarMatrix(24))
    values = {"field/sigma^2": 2.0, "op_0/sigma^2": 1.5, "op_0/rho": 0.0, "op_1/rho": 0.0}
    groups = told(v, values=values).groups
    assert [group.structural for group in groups] == [True, False]
    assert groups[0].names == ("field/sigma^2", "field/a/op_0/sigma^2")
    assert groups[1].names == ("field/sigma^2", "field/a/op_0/sigma^2", "units/sigma^2")


def test_what_is_hardly_told_is_said_with_its_errors():
    v = Sum(field=AR1Matrix(60), units=ScalarMatrix(60))
    found = told(v, values={"field/sigma^2": 1.0, "field/rho": 0.02, "units": 1.0})
    assert found.identifiable
    (group,) = found.groups
    assert group.hardly
    assert "hardly told apart" in group.sentence
    assert (
        "have a correlation of -1.0000" in group.sentence or "have a correlation of -0.99" in group.sentence
    )


@pytest.mark.parametrize("share", [1e-4, 1.0, 1e4])
def test_units_do_not_matter(share):
    table = nested(group=8, record=3)
    v = Sum(group=effects(table.frame["group"]), residual=ScalarMatrix(table.n))
    found = told(v, values={"group": 0.5 * share, "residual": share})
    assert found.groups == ()
    assert found.condition == pytest.approx(told(v, values={"group": 0.5}).condition)


def test_a_model_without_parameters_has_nothing_to_tell():
    v = ScalarMatrix(10)
    v.set_param_specs("sigma^2", fixed=True, default=torch.tensor(0.0, dtype=torch.float64))
    assert told(v).groups == ()
