"""Bad input: each gets an error of its own type that says what is wrong and what to do."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import torch

from covstudio.covariance import (
    AR1Matrix,
    CovariancePropagation,
    DummyMatrix,
    KnownMatrix,
    Matrix,
    Product,
    ScalarMatrix,
    SimpleMatrix,
    Sum,
    UnconstrainedMatrix,
)
from covstudio.reml import (
    FitError,
    InvalidData,
    InvalidModel,
    NotPositiveDefinite,
    RankDeficient,
    TooManyRows,
    fit,
)
from tests.reml.reml_cases import alpha_design

Y = torch.tensor([1.0, 2.0, 4.0, 5.0, 3.0])
ONE = torch.ones(5, 1)


@pytest.mark.parametrize(
    ("y", "x", "message"),
    [
        (torch.ones(5, 2), ONE, r"y must be one column.*\(5, 2\).*reshape"),
        (Y, torch.ones(5), r"x must be a matrix.*reshape\(-1, 1\)"),
        (Y[:4], ONE, "y has 4 rows and x has 5"),
        (
            torch.tensor([1.0, float("nan"), 3.0, float("inf"), 5.0]),
            ONE,
            r"y has missing.*2 of 5 rows \(from 0: 1, 3\)",
        ),
        (
            Y,
            torch.tensor([[1.0], [1.0], [float("nan")], [1.0], [1.0]]),
            r"x has missing.*1 of 5 rows \(from 0: 2\)",
        ),
        (torch.full((5,), 7.0), ONE, r"y is constant \(every value is 7\)"),
        (Y, torch.randn(5, 5), "5 columns and there are 5 rows"),
        (torch.zeros(0), torch.zeros(0, 1), "no rows"),
        (Y, torch.stack([torch.ones(5), Y], 1), "explains y exactly"),
        (["a", "b", "c", "d", "e"], ONE, "y must hold numbers"),
        (torch.complex(Y, Y), ONE, "complex"),
    ],
)
def test_unusable_data(y: object, x: object, message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        fit(ScalarMatrix(5), y, x)


def test_dependent_columns_are_named_by_index() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 12, generator=generator, dtype=torch.float64)
    x = torch.stack(
        [torch.ones(12, dtype=torch.float64), a, 2.0 * a - 3.0, b, torch.zeros(12), 1e6 * (a + b)], 1
    )
    with pytest.raises(RankDeficient) as caught:
        fit(ScalarMatrix(12), torch.arange(12.0) ** 2, x)
    assert caught.value.columns == (2, 4, 5)
    assert caught.value.depends_on == ((0, 1), (), (1, 3))
    text = str(caught.value)
    assert "rank 3" in text
    assert "column 2 is a combination of columns 0, 1" in text
    assert "column 4 is all zero" in text
    assert pickle.loads(pickle.dumps(caught.value)).columns == (2, 4, 5)


def test_columns_of_very_different_size_are_no_deficiency() -> None:
    t = torch.arange(12.0, dtype=torch.float64)
    x = torch.stack([torch.ones_like(t), 1e-8 * t, 1e8 * t**2], 1)
    result = fit(ScalarMatrix(12), torch.sin(t), x)
    assert result.converged
    expected = torch.linalg.lstsq(x / x.norm(dim=0), torch.sin(t).unsqueeze(1)).solution.squeeze(1) / x.norm(
        dim=0
    )
    torch.testing.assert_close(result.beta, expected, rtol=1e-8, atol=0.0)


def test_numbers_may_come_as_arrays_series_and_lists() -> None:
    frame = pd.DataFrame({"y": [1.0, 2.0, 4.0, 5.0, 3.0], "one": 1})
    expected = fit(ScalarMatrix(5), Y, ONE)
    for y, x in (
        (frame["y"], frame[["one"]]),
        (frame["y"].to_numpy(), np.ones((5, 1), dtype=np.float32)),
        ([1, 2, 4, 5, 3], [[1]] * 5),
    ):
        assert fit(ScalarMatrix(5), y, x).params == expected.params
    assert Y.dtype == torch.float32


def test_no_fixed_effects_at_all() -> None:
    result = fit(ScalarMatrix(5), Y, torch.zeros(5, 0))
    assert result.p == 0
    assert result.params["sigma^2"] == pytest.approx(float((Y**2).mean()))
    assert "Fixed effects" not in repr(result)


def test_v_must_fit_the_data() -> None:
    with pytest.raises(InvalidModel, match="V is 6 x 6 and y has 5 rows"):
        fit(ScalarMatrix(6), Y, ONE)
    with pytest.raises(InvalidModel, match="square"):
        fit(DummyMatrix(["a", "b", "a", "b", "a"]), Y, ONE)
    with pytest.raises(TypeError, match="KnownMatrix"):
        fit(torch.eye(5), Y, ONE)  # type: ignore[arg-type]


def test_v_must_be_symmetric_and_finite() -> None:
    skew = torch.eye(5)
    skew[3, 1] = 0.5
    with pytest.raises(InvalidModel, match=r"not symmetric: V\[1, 3\] = 0 but V\[3, 1\] = 0.5"):
        fit(Product(a=skew, b=ScalarMatrix(5)), Y, ONE)
    broken = SimpleMatrix(1, lambda theta: torch.eye(5, dtype=theta.dtype) / theta, default=1.0)
    with pytest.raises(InvalidModel, match=r"not finite at the start \(theta_0 = 0\)"):
        fit(broken, Y, ONE, start=torch.tensor([0.0]))


def test_an_indefinite_start_names_its_parameters() -> None:
    v = Sum(free=UnconstrainedMatrix(5), error=ScalarMatrix(5))
    start = v.to_param_dict(v.from_param_dict(None))
    start["free/sigma^2_1_0"] = torch.tensor([9.0])
    with pytest.raises(NotPositiveDefinite, match="negative eigenvalue") as caught:
        fit(v, Y, ONE, start=start)
    assert "free/sigma^2_1_0" in caught.value.parameters
    assert "error/sigma^2" not in caught.value.parameters
    assert "UnstructuredMatrix" in str(caught.value)
    assert pickle.loads(pickle.dumps(caught.value)).parameters == caught.value.parameters


def test_rows_without_variance_are_said() -> None:
    z = torch.eye(5)[:, :3]
    with pytest.raises(NotPositiveDefinite, match=r"2 of 5 rows have no variance \(rows from 0: 3, 4\)"):
        fit(CovariancePropagation(z=z, g=ScalarMatrix(3)), Y, ONE)


def test_a_sum_without_a_residual_is_singular() -> None:
    v = CovariancePropagation(z=DummyMatrix(["a", "a", "b", "b", "b"]), g=ScalarMatrix(2))
    with pytest.raises(NotPositiveDefinite, match=r"singular.*ScalarMatrix\(5\)"):
        fit(v, Y, ONE)


def test_a_known_matrix_that_is_no_covariance_is_named() -> None:
    k = torch.tensor([[1.0, 3.0], [3.0, 1.0]])
    v = Sum(
        a=CovariancePropagation(z=DummyMatrix(["a", "a", "b", "b", "b"]), g=Product(k=k, s=ScalarMatrix(2))),
        e=ScalarMatrix(5),
    )
    start = torch.tensor([3.0, -3.0])
    with pytest.raises(NotPositiveDefinite) as caught:
        fit(v, Y, ONE, start=start)
    assert caught.value.parameters == ("a/g/s/sigma^2",)


def test_no_jitter_is_added() -> None:
    """A residual a hundred million times smaller than the rest is used as it is."""
    v = Sum(field=AR1Matrix(5), error=ScalarMatrix(5))
    for name in v.param_names:
        v.set_param_specs(name, fixed=True)
    v.set_param_specs("field/rho", value=0.999999)
    v.set_param_specs("error/sigma^2", value=1e-9)
    result = fit(v, Y, ONE)
    exact = v(torch.zeros(0, dtype=torch.float64))
    assert result.kernel_loglik == pytest.approx(
        float(
            -0.5
            * (
                torch.logdet(exact)
                + torch.log(torch.linalg.inv(exact).sum())
                + (Y.double() - result.beta) @ torch.linalg.solve(exact, Y.double() - result.beta)
            )
        ),
        rel=1e-6,
    )


def test_more_rows_than_memory_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    field = Sum(a=AR1Matrix(9000), b=AR1Matrix(9000))
    with pytest.raises(
        TooManyRows, match=r"9000 rows.*up to 8000.*GB.*No other engine.*mme: the residual has"
    ):
        fit(field, torch.zeros(9000), torch.ones(9000, 1))
    with pytest.raises(TooManyRows, match=r"9000 rows.*up to 8000.*GB"):
        fit(ScalarMatrix(9000), torch.zeros(9000), torch.ones(9000, 1), engine="dense")
    monkeypatch.setattr("covstudio.reml.engines.dense.candidate.DENSE_LIMIT", 4)
    with pytest.raises(TooManyRows, match="5 rows"):
        fit(ScalarMatrix(5), Y, ONE, engine="dense")


def test_a_start_of_the_wrong_shape_or_kind() -> None:
    v, y, x = alpha_design()
    with pytest.raises(ValueError, match="3 free parameters"):
        fit(v, y, x, start=torch.zeros(2))
    with pytest.raises(ValueError, match="missing"):
        fit(v, y, x, start={"gen/g/sigma^2": torch.tensor([0.0])})
    with pytest.raises(InvalidData, match="not a number for block/g/sigma"):
        fit(v, y, x, start=torch.tensor([0.0, float("nan"), 0.0]))


def test_every_error_is_a_value_error() -> None:
    for error in (InvalidData, InvalidModel, RankDeficient, NotPositiveDefinite, TooManyRows):
        assert issubclass(error, FitError)
        assert issubclass(error, ValueError)


def test_threads_are_given_back_after_an_error() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(NotPositiveDefinite):
            fit(CovariancePropagation(z=torch.eye(5)[:, :3], g=ScalarMatrix(3)), Y, ONE)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_known_relationship_is_used_as_given() -> None:
    k = torch.tensor([[1.0, 0.5], [0.5, 1.0]])
    labels = ["a", "a", "b", "b", "b"]
    v = Sum(animal=CovariancePropagation(z=DummyMatrix(labels), g=KnownMatrix(k)), e=ScalarMatrix(5))
    result = fit(v, torch.tensor([1.0, 1.2, 4.0, 5.0, 4.4]), ONE)
    assert result.converged
    value = v(result.theta)
    assert float(value[0, 2]) == pytest.approx(0.5 * result.params["animal/g/sigma^2"])


# -- columns of X -------------------------------------------------------------------------------------------


def dependent() -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """y, and X = [1, a, 2a - 3, b, a + b] with names."""
    generator = torch.Generator().manual_seed(0)
    a, b, y = torch.randn(3, 12, generator=generator, dtype=torch.float64)
    x = torch.stack([torch.ones(12, dtype=torch.float64), a, 2.0 * a - 3.0, b, a + b], 1)
    return y, x, ["one", "age", "months", "dose", "total"]


def test_dependent_columns_are_named() -> None:
    y, x, names = dependent()
    frame = pd.DataFrame(x.numpy(), columns=names)
    for values, given in ((x, names), (frame, None)):
        with pytest.raises(RankDeficient) as caught:
            fit(ScalarMatrix(12), y, values, x_names=given)
        text = str(caught.value)
        assert "x has 5 columns but rank 3: column months is a combination of columns one, age;" in text
        assert "column total is a combination of columns age, dose." in text
        assert "Leave them out, or let fit do so with drop_dependent=True." in text
        assert caught.value.columns == (2, 4)


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_dependent_columns_are_left_out_on_demand(method: str) -> None:
    y, x, names = dependent()
    result = fit(ScalarMatrix(12), y, x, x_names=names, drop_dependent=True, method=method)
    kept = fit(ScalarMatrix(12), y, x[:, [0, 1, 3]], method=method)
    assert result.x_names == ("one", "age", "dose")
    assert result.dropped == ("months", "total")
    assert result.p == 3
    torch.testing.assert_close(result.beta, kept.beta)
    assert result.loglik == pytest.approx(kept.loglik)
    assert "Left out of x, as combinations of other columns: months and total." in result.message
    assert "dose" in repr(result)
    nothing = fit(ScalarMatrix(12), y, x[:, [0, 1, 3]], drop_dependent=True)
    assert nothing.dropped == ()
    assert "Left out" not in nothing.message
    assert nothing.x_names == ("x0", "x1", "x2")


def test_more_columns_than_rows_may_be_few_enough_after_all() -> None:
    x = torch.ones(5, 7, dtype=torch.float64)
    with pytest.raises(InvalidData, match="7 columns and there are 5 rows: a fit needs more rows"):
        fit(ScalarMatrix(5), Y, x)
    result = fit(ScalarMatrix(5), Y, x, drop_dependent=True)
    assert result.p == 1
    assert len(result.dropped) == 6
    with pytest.raises(InvalidData, match="5 columns and there are 5 rows"):
        fit(ScalarMatrix(5), Y, torch.cat([torch.eye(5), torch.eye(5)], 1), drop_dependent=True)


def test_names_must_fit_the_columns() -> None:
    x = torch.stack([torch.ones(5), torch.arange(5.0) ** 2], 1)
    with pytest.raises(InvalidData, match="x_names has 1 names and x has 2 columns"):
        fit(ScalarMatrix(5), Y, x, x_names=["mean"])
    with pytest.raises(InvalidData, match="more than one column mean"):
        fit(ScalarMatrix(5), Y, x, x_names=["mean", "mean"])
    named = fit(ScalarMatrix(5), Y, x, x_names=["mean", "slope"])
    assert named.x_names == ("mean", "slope")
    assert "slope" in named.summary()


# -- models that leave nothing to do, or too much ------------------------------------------------------------


@pytest.mark.parametrize("engine", ["dense", "mme"])
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_without_parameters_it_is_generalised_least_squares(engine: str, method: str) -> None:
    v, y, x = alpha_design()
    for name, value in (("gen/g/sigma^2", 0.14), ("block/g/sigma^2", 0.07), ("residual/sigma^2", 0.08)):
        v.set_param_specs(name, fixed=True, value=value)
    result = fit(v, y, x, engine=engine, method=method)
    value = v(torch.zeros(0)).to(torch.float64)
    information = x.mT @ torch.linalg.solve(value, x)
    expected = torch.linalg.solve(information, x.mT @ torch.linalg.solve(value, y))
    torch.testing.assert_close(result.beta, expected)
    torch.testing.assert_close(result.beta_covariance, torch.linalg.inv(information))
    assert result.converged
    assert result.verdict == "converged"
    assert result.iterations == 0
    assert result.message == "V has no parameters to estimate: the likelihood was evaluated as it stands."
    assert result.aic == pytest.approx(-2.0 * result.loglik + 6.0)
    assert tuple(result.theta.shape) == (0,)
    assert len(result.blups["gen"]) == 24


def test_a_known_v_without_a_parameter() -> None:
    class Fixed(Matrix):
        def __init__(self) -> None:
            super().__init__((5, 5), [], [])

        def __call__(self, free_params: object = None) -> torch.Tensor:
            return torch.diag(torch.arange(1.0, 6.0, dtype=torch.float64))

    result = fit(Fixed(), Y, ONE)
    weights = 1.0 / torch.arange(1.0, 6.0, dtype=torch.float64)
    assert float(result.beta[0]) == pytest.approx(float((weights @ Y.double()) / weights.sum()))
    assert result.converged


def test_stopping_short_says_how_far_why_and_what_to_try() -> None:
    v, y, x = alpha_design()
    result = fit(v, y, x, max_iter=2)
    assert result.verdict == "stopped"
    assert not result.converged
    assert result.message.startswith("Not converged after 2 iterations: the log-likelihood is still rising")
    assert "the last step gained" in result.message
    assert "The values are the best found." in result.message
    assert (
        "Try more iterations (max_iter), a start closer to what you expect, or a simpler V." in result.message
    )
    assert result.loglik == max(step.loglik for step in result.history)


def test_all_values_of_y_missing_and_other_sizes() -> None:
    with pytest.raises(InvalidData, match="y has missing or infinite values in 5 of 5 rows"):
        fit(ScalarMatrix(5), torch.full((5,), float("nan")), ONE)
    with pytest.raises(InvalidData, match="y has 5 rows and x has 4"):
        fit(ScalarMatrix(5), Y, ONE[:4])
    with pytest.raises(InvalidModel, match="V is 4 x 4 and y has 5 rows"):
        fit(ScalarMatrix(4), Y, ONE, method="ML")
