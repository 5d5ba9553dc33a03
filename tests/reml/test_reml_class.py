"""`REML`: the pieces at a theta of one's own, and plain average-information steps with their history."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch

from covstudio.covariance import (
    CovariancePropagation,
    DiagonalMatrix,
    DummyMatrix,
    KnownMatrix,
    ScalarMatrix,
    Sum,
)
from covstudio.reml import REML, FitError, Inference, InvalidModel, NotPositiveDefinite, fit
from covstudio.reml.terms.kinds import Piece
from covstudio.reml.terms.lower import pieces_of
from covstudio.reml.terms.outer import Term
from tests.reml.reml_cases import alpha_design, load, one_way

ESTIMATES = [0.142902, 0.070218, 0.081617]


def theta_hat() -> torch.Tensor:
    v, y, x = alpha_design()
    return fit(v, y, x).theta


def test_pieces_agree_with_the_fit() -> None:
    v, y, x = alpha_design()
    result, reml = fit(v, y, x), REML(v)
    theta = result.theta
    assert float(reml.loglik(y, x, theta)) == pytest.approx(result.kernel_loglik, abs=1e-10)
    beta, score, ai, loglik = reml.ai_step(y, x, theta)
    assert beta is not None
    assert loglik is not None
    torch.testing.assert_close(beta, result.beta)
    assert float(loglik) == pytest.approx(result.kernel_loglik, abs=1e-10)
    assert float(score.abs().max()) < 1e-4
    # The delta method: se(sigma^2) = 2 sigma^2 se(theta).
    errors = torch.linalg.inv(ai).diagonal().sqrt() * 2 * torch.exp(2 * theta)
    average = Inference(result, v, y, x, information="average").intervals()
    assert errors.tolist() == pytest.approx([entry.standard_error for entry in average.entries], rel=1e-8)
    torch.testing.assert_close(reml.blue(y, x, theta), result.beta)
    torch.testing.assert_close(reml.marginal_predict(y, x, theta), result.marginal_fitted)
    torch.testing.assert_close(reml.marginal_residual(y, x, theta), y - result.marginal_fitted)


def test_what_is_not_required_is_nan() -> None:
    v, y, x = alpha_design()
    beta, _, _, loglik = REML(v).ai_step(y, x, None, require_loglik=False, require_beta=False)
    assert beta.shape == x.shape[1:]
    assert beta.isnan().all()
    assert loglik.isnan()


def test_theta_in_all_its_forms() -> None:
    v, y, x = alpha_design()
    reml, theta = REML(v), torch.tensor([0.1, -0.2, 0.3])
    expected = float(reml.loglik(y, x, theta))
    assert float(reml.loglik(y, x, v.to_param_dict(theta))) == expected
    assert float(reml.loglik(y, x, theta.to(torch.float64))) == pytest.approx(expected, abs=1e-5)
    assert float(reml.loglik(y, x, None)) == float(reml.loglik(y, x, torch.zeros(3)))


def test_predictions_agree_with_the_fit() -> None:
    v, y, x = alpha_design()
    result, reml = fit(v, y, x), REML(v)
    z, g = v.operands["gen"].operands.values()
    expected = result.blups["gen"].blup
    by_operand = reml.blup(y, x, z, result.theta, g)
    by_value = reml.blup(y, x, z(), result.theta, result.params["gen/g/sigma^2"] * torch.eye(24))
    torch.testing.assert_close(by_operand, expected)
    torch.testing.assert_close(by_value, expected, rtol=1e-6, atol=1e-6)
    identity = reml.blup(y, x, z, result.theta)
    torch.testing.assert_close(identity * result.params["gen/g/sigma^2"], expected)
    predicted = reml.predict(y, x, z, result.theta, g)
    torch.testing.assert_close(predicted, result.marginal_fitted + z().to(torch.float64) @ expected)
    torch.testing.assert_close(reml.residual(y, x, z, result.theta, g), y - predicted)


def test_g_with_the_parameters_of_v() -> None:
    v, y, x = alpha_design()
    theta = theta_hat()
    design = torch.eye(72)[:, :3]
    g = DiagonalMatrix(3)
    expected = REML(v).blup(y, x, design, theta, g(theta))
    torch.testing.assert_close(REML(v).blup(y, x, design, theta, g), expected)


def test_what_cannot_be_predicted_is_refused() -> None:
    v, y, x = alpha_design()
    reml, theta = REML(v), theta_hat()
    z = v.operands["gen"].operands["z"]
    with pytest.raises(FitError, match="no operand of V and has 1 free"):
        reml.blup(y, x, z, theta, ScalarMatrix(24))
    with pytest.raises(FitError, match="g must be 24 x 24"):
        reml.blup(y, x, z, theta, torch.eye(5))
    with pytest.raises(FitError, match=r"z must be of shape \(72, q\)"):
        reml.blup(y, x, torch.ones(5, 2), theta)
    with pytest.raises(FitError, match="no free parameters"):
        reml.blup(y, x, ScalarMatrix(72), theta)


def test_one_fixed_effect_keeps_its_dimension() -> None:
    v = ScalarMatrix(5)
    y, x = torch.tensor([1.0, 2.0, 4.0, 5.0, 3.0]), torch.ones(5, 1)
    reml = REML(v)
    assert reml.blue(y, x, None).shape == (1,)
    assert reml.marginal_predict(y, x, None).shape == (5,)
    assert reml.optimize(y, x, None)[1].shape == (1,)
    assert fit(v, y, x).beta.shape == (1,)
    assert fit(v, y, x).beta_covariance.shape == (1, 1)


@pytest.mark.parametrize("start", [-4.0, 0.0, 2.0])
def test_optimize_reaches_the_estimates(start: float) -> None:
    v, y, x = alpha_design()
    reml = REML(v)
    theta, beta, n_iter = reml.optimize(y, x, torch.full((3,), start), tol_score=1e-6, tol_delta=1e-6)
    assert torch.exp(2 * theta).tolist() == pytest.approx(ESTIMATES, abs=1e-6)
    assert [round(value, 5) for value in beta.tolist()] == [4.51825, 0.29785, -0.41405]
    assert n_iter == len(reml.history.theta) - 1
    assert reml.is_converged()


def test_history_rows_belong_together() -> None:
    v, y, x = alpha_design()
    reml = REML(v)
    theta, beta, n_iter = reml.optimize(y, x, torch.zeros(3))
    history = reml.history
    assert set(history) == {"theta", "beta", "loglik", "score", "ai", "delta", "update"}
    assert {len(rows) for rows in history.values()} == {n_iter + 1}
    for k in range(n_iter + 1):
        at = history.theta[k]
        row_beta, score, ai, loglik = reml.ai_step(y, x, at)
        assert loglik is not None
        assert history.loglik[k] == pytest.approx(float(loglik), abs=1e-10)
        torch.testing.assert_close(history.beta[k], row_beta)
        torch.testing.assert_close(history.score[k], score)
        torch.testing.assert_close(history.ai[k], ai)
        if k < n_iter:
            torch.testing.assert_close(history.theta[k + 1], at + history.update[k])
    assert history.loglik == sorted(history.loglik)
    assert torch.equal(reml.get_theta(), theta)
    assert torch.equal(reml.get_theta("best"), theta)
    assert torch.equal(reml.get_beta(), beta)
    assert float(history.update[-1].abs().sum()) == 0.0
    assert reml.is_converged(history=history)
    with pytest.raises(ValueError, match="'last' or 'best'"):
        reml.get_theta("first")  # type: ignore[arg-type]


def test_history_can_do_without_likelihoods() -> None:
    v, y, x = alpha_design()
    reml = REML(v)
    theta, _, _ = reml.optimize(y, x, torch.zeros(3), require_loglik=False)
    assert torch.exp(2 * theta).tolist() == pytest.approx(ESTIMATES, abs=1e-4)
    assert all(loglik.isnan() and loglik.ndim == 0 for loglik in reml.history.loglik)
    with pytest.raises(ValueError, match="require_loglik=True"):
        reml.get_beta("best")
    with pytest.raises(ValueError, match="history is empty"):
        REML(v).get_theta()
    assert not REML(v).is_converged()


def test_bounds_are_kept() -> None:
    v, y, x = alpha_design()
    reml = REML(v)
    upper = torch.tensor([-1.2, math.inf, math.inf])
    theta, _, _ = reml.optimize(y, x, torch.zeros(3), ub=upper, lb=-3.0)
    assert float(theta[0]) == pytest.approx(-1.2)
    assert all(bool((row <= upper).all()) and bool((row >= -3.0).all()) for row in reml.history.theta)
    _, score, _, _ = reml.ai_step(y, x, theta)
    assert float(score[0]) > 0.0
    assert float(score[1:].abs().max()) < 1e-3


def test_update_is_a_step_within_bounds() -> None:
    reml = REML(ScalarMatrix(2))
    theta, delta = torch.tensor([0.0, 1.0]), torch.tensor([2.0, -4.0])
    moved, step = reml.update(theta, delta, 0.5, -math.inf, math.inf)
    assert (moved.tolist(), step.tolist()) == ([1.0, -1.0], [1.0, -2.0])
    moved, step = reml.update(theta, delta, 1.0, torch.tensor([-9.0, -2.0]), 1.5)
    assert (moved.tolist(), step.tolist()) == ([1.5, -2.0], [1.5, -3.0])


def test_a_small_eta_takes_longer_and_arrives() -> None:
    v, y, x = alpha_design()
    one, half = REML(v), REML(v)
    full, _, n_full = one.optimize(y, x, torch.zeros(3))
    slow, _, n_slow = half.optimize(y, x, torch.zeros(3), eta=0.5)
    assert n_slow > n_full
    torch.testing.assert_close(full, slow, rtol=0.0, atol=1e-3)


def test_held_parameters_do_not_move() -> None:
    v, y, x = alpha_design()
    v.set_no_grad(param_name="block/g/sigma^2")
    reml = REML(v)
    start = torch.tensor([0.0, -1.0, 0.0])
    theta, _, _ = reml.optimize(y, x, start)
    assert float(theta[1]) == -1.0
    assert float(theta[0]) != 0.0
    assert reml.history.score[0].shape == (2,)
    assert reml.history.ai[0].shape == (2, 2)
    assert reml.history.delta[0].shape == (3,)


def test_a_variance_on_its_way_to_zero_does_not_keep_it_going() -> None:
    y = torch.tensor([1.0, 9.0, 2.0, 8.0, 3.0, 7.5], dtype=torch.float64)
    v = Sum(
        g=CovariancePropagation(z=DummyMatrix(["a", "a", "b", "b", "c", "c"]), g=ScalarMatrix(3)),
        e=ScalarMatrix(6),
    )
    reml = REML(v)
    theta, _, n_iter = reml.optimize(y, torch.ones(6, 1), torch.zeros(2))
    assert n_iter < 40
    assert reml.is_converged()
    assert float(torch.exp(2 * theta[0])) < 1e-4
    assert float(torch.exp(2 * theta[1])) == pytest.approx(float(y.var()), rel=1e-4)


def test_verbose_prints_a_line_per_step(capsys: pytest.CaptureFixture[str]) -> None:
    v, y, x = alpha_design()
    reml = REML(v)
    _, _, n_iter = reml.optimize(y, x, torch.zeros(3), verbose=1)
    assert len(capsys.readouterr().out.strip().splitlines()) == n_iter + 1


def test_unusable_arguments() -> None:
    v, y, x = alpha_design()
    with pytest.raises(TypeError, match="KnownMatrix"):
        REML(torch.eye(3))  # type: ignore[arg-type]
    with pytest.raises(InvalidModel, match="72 x 24"):
        REML(DummyMatrix([str(i % 24) for i in range(72)]))
    with pytest.raises(InvalidModel, match="same rows"):
        REML(ScalarMatrix(5)).loglik(y, x, None)
    with pytest.raises(NotPositiveDefinite):
        REML(v).loglik(y, x, torch.tensor([0.0, 0.0, -math.inf]))


def test_nothing_to_estimate() -> None:
    y, x = torch.tensor([1.0, 2.0, 4.0]), torch.ones(3, 1)
    v = KnownMatrix(torch.eye(3))
    v.set_param_specs("sigma^2", fixed=True)
    reml = REML(v)
    theta, beta, n_iter = reml.optimize(y, x, None)
    assert theta.shape == (0,)
    assert n_iter == 0
    assert float(beta) == pytest.approx(7 / 3)


def test_sleepstudy_on_the_raw_scale() -> None:
    case = load("sleepstudy")
    theta, _, _ = REML(case.v).optimize(case.y, case.x, torch.tensor([3.0, 0.0, 2.0, 3.0]))
    result = fit(case.v, case.y, case.x)
    torch.testing.assert_close(theta, result.theta, rtol=1e-4, atol=1e-4)


def test_what_is_declared_anew_is_heard_of() -> None:
    """A `REML` keeps V taken apart from call to call, and not what has changed of it since."""
    v, y, x = one_way(6, 4), torch.arange(24.0).sin(), torch.ones(24, 1)
    reml = REML(v)
    before = reml.loglik(y, x, torch.tensor([0.5, 0.0]))
    v.set_param_specs("e/sigma^2", fixed=True, value=3.0)
    assert float(reml.loglik(y, x, torch.tensor([0.5]))) == float(REML(v).loglik(y, x, torch.tensor([0.5])))
    v.set_param_specs("e/sigma^2", fixed=False, value=1.0)
    assert float(reml.loglik(y, x, torch.tensor([0.5, 0.0]))) == float(before)
    v.set_no_grad(param_name="e/sigma^2")
    assert reml.ai_step(y, x, torch.tensor([0.5, 0.0]))[1].shape == (1,)


def test_v_is_taken_apart_once(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []

    def counted(term: Term, n: int) -> Iterator[Piece]:
        taken.append(term.path)
        return pieces_of(term, n)

    monkeypatch.setattr("covstudio.reml.terms.variance.pieces_of", counted)
    v, y, x = one_way(6, 4), torch.arange(24.0).sin(), torch.ones(24, 1)
    result = fit(v, y, x)
    assert taken == ["g", "e"]
    taken.clear()
    Inference(result, v, y, x).fixed_effects("kenward-roger")
    assert taken == []
    taken.clear()
    reml = REML(v)
    for theta in (0.0, 0.5):
        reml.ai_step(y, x, torch.full((2,), theta))
        reml.blue(y, x, torch.full((2,), theta))
    assert taken == ["g", "e"]
