"""What programs for torch-openreml use of estimation: marginal and mixed models, functions, a given V."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from covstudio.covariance import CovariancePropagation, DummyMatrix, IdentityMatrix, ScalarMatrix, Sum
from covstudio.reml import REML, MarginalREML, MixedModelREML, NotPositiveDefinite, fit, post
from tests.reml.reml_cases import alpha_design

THETA = torch.tensor([0.1, -0.2, 0.3], dtype=torch.float64)


def one_way() -> tuple[Sum, DummyMatrix, Tensor, Tensor]:
    z = DummyMatrix(["a", "a", "a", "b", "b", "b", "c", "c", "c"])
    v = Sum(gen=CovariancePropagation(z=z, g=ScalarMatrix(3)), error=ScalarMatrix(9))
    y = torch.tensor([1.0, 1.5, 1.2, 3.0, 3.4, 2.7, 2.1, 2.0, 2.6], dtype=torch.float64)
    return v, z, y, torch.ones(9, 1, dtype=torch.float64)


def test_marginal_reml_predicts_without_random_effects() -> None:
    v, y, x = alpha_design()
    old, new = REML(v), MarginalREML(v)
    assert torch.equal(new.predict(y, x, THETA), old.marginal_predict(y, x, THETA))
    assert torch.equal(new.residual(y, x, THETA), old.marginal_residual(y, x, THETA))
    approximate = new.ai_step(y, x, THETA, trace_approx=True)
    for one, other in zip(approximate, old.ai_step(y, x, THETA), strict=True):
        assert torch.equal(one, other), "an exact trace is always allowed"


def test_mixed_model_reml_puts_its_terms_together() -> None:
    v, z, y, x = one_way()
    named = MixedModelREML(ScalarMatrix(9), gen=(z, ScalarMatrix(3)))
    in_order = MixedModelREML((z, ScalarMatrix(3)), ScalarMatrix(9))
    theta = torch.tensor([0.2, -0.4], dtype=torch.float64)
    assert named.v.param_names == v.param_names
    assert in_order.v.param_names == ["term_0/g/sigma^2", "error/sigma^2"]
    for reml in (named, in_order):
        torch.testing.assert_close(reml.v(theta), v(theta))
        assert reml.loglik(y, x, theta) == pytest.approx(float(REML(v).loglik(y, x, theta)), abs=1e-12)
    estimate, _, _ = named.optimize(y, x)
    # Balanced one-way analysis of variance: the mean squares have the answer.
    within = 3 * y.reshape(3, 3).var(1, unbiased=False).sum() / 6
    between = 3 * y.reshape(3, 3).mean(1).var()
    assert torch.exp(2 * estimate).tolist() == pytest.approx(
        [float(between - within) / 3, float(within)], rel=1e-4
    )
    assert list(named.random_terms) == ["gen"]
    assert named.error_term.shape == (9, 9)
    g = named.random_terms["gen"][1]
    effects = named.blup(y, x, z, estimate, g)
    torch.testing.assert_close(effects, fit(v, y, x).blups["gen"].blup, rtol=1e-3, atol=1e-4)


def test_terms_that_do_not_make_a_mixed_model() -> None:
    _, z, _, _ = one_way()
    with pytest.raises(TypeError, match=r"one error term .* got 2"):
        MixedModelREML(ScalarMatrix(9), ScalarMatrix(9), gen=(z, ScalarMatrix(3)))
    with pytest.raises(TypeError, match=r"one error term .* got 0"):
        MixedModelREML((z, ScalarMatrix(3)))
    with pytest.raises(ValueError, match="random terms"):
        MixedModelREML(ScalarMatrix(9))
    with pytest.raises(ValueError, match="another name than 'error'"):
        MixedModelREML(ScalarMatrix(9), error=(z, ScalarMatrix(3)))


def test_v_as_functions_of_theta() -> None:
    v, z, y, x = one_way()
    theta = torch.tensor([0.2, -0.4], dtype=torch.float64)
    by_model = REML(v_builder=v)

    kept = z().double()
    parts = torch.stack([kept @ kept.mT, torch.eye(9, dtype=torch.float64)])

    def covariance(at: Tensor) -> Tensor:
        return torch.einsum("k,krc->rc", torch.exp(2 * at), parts)

    def jacobian(at: Tensor) -> Tensor:
        return 2 * torch.exp(2 * at)[:, None, None] * parts

    for derivative in (jacobian, None):
        by_function = REML(
            map_theta_to_v=covariance,
            map_theta_to_dv=derivative,
            map_theta_to_g=lambda at: torch.exp(2 * at) * torch.eye(3, dtype=at.dtype),
            mask_theta_to_g=[True, False],
        )
        for one, other in zip(by_function.ai_step(y, x, theta), by_model.ai_step(y, x, theta), strict=True):
            torch.testing.assert_close(one, other)
        value, slices = by_function.compute_v_dv(theta)
        torch.testing.assert_close(value, v(theta))
        torch.testing.assert_close(slices, jacobian(theta))
        expected = by_model.blup(y, x, z, theta, v.operands["gen"].operands["g"])
        torch.testing.assert_close(by_function.blup(y, x, z, theta), expected)
        estimate, _, _ = by_function.optimize(y, x, theta)
        torch.testing.assert_close(estimate, by_model.optimize(y, x, theta)[0], rtol=0, atol=1e-5)


def test_v_is_given_once() -> None:
    with pytest.raises(TypeError, match="given 0 times"):
        REML()
    with pytest.raises(TypeError, match="given 2 times"):
        REML(ScalarMatrix(2), map_theta_to_v=lambda theta: theta)
    with pytest.raises(TypeError, match="must be a tensor where V is given as a function"):
        REML(map_theta_to_v=lambda theta: theta * torch.eye(2)).loglik([1.0, 2.0], torch.ones(2, 1), None)


def test_a_bound_that_is_active_converges() -> None:
    v, y, x = alpha_design()
    reml = REML(v)
    free, _, _ = reml.optimize(y, x, torch.zeros(3))
    low = torch.tensor([float(free[0]) + 0.2, -9.0, -9.0], dtype=torch.float64)
    theta, _, steps = reml.optimize(y, x, torch.zeros(3), lb=low, max_iter=50)
    assert steps < 50
    assert float(theta[0]) == pytest.approx(float(low[0]), abs=1e-12)
    assert float(reml.history.score[-1][0]) < -1e-3, "the score points out of the bound"
    assert float(reml.history.score[-1][1:].abs().max()) < 1e-4
    assert reml.is_converged(lb=low)
    assert not reml.is_converged(), "without the bound there is a way to go"


def test_history_is_made_of_tensors() -> None:
    v, y, x = alpha_design()
    reml = REML(v)
    reml.optimize(y, x, torch.zeros(3))
    assert all(
        isinstance(row, Tensor) and row.dtype == torch.float64
        for rows in reml.history.values()
        for row in rows
    )
    assert reml.history.loglik[-1].ndim == 0


def test_estimates_at_a_given_v() -> None:
    v, z, y, x = one_way()
    theta = torch.tensor([0.2, -0.4], dtype=torch.float64)
    reml, value, g = REML(v), v(theta), torch.exp(2 * theta[0]) * torch.eye(3, dtype=torch.float64)
    design = z().double()
    assert float(post.loglik(y, x, value)) == pytest.approx(float(reml.loglik(y, x, theta)), abs=1e-10)
    torch.testing.assert_close(post.blue(y, x, value), reml.blue(y, x, theta))
    torch.testing.assert_close(post.blup(y, x, design, g, value), reml.blup(y, x, design, theta, g))
    torch.testing.assert_close(post.predict(y, x, design, g, value), reml.predict(y, x, design, theta, g))
    torch.testing.assert_close(post.residual(y, x, design, g, value), reml.residual(y, x, design, theta, g))
    torch.testing.assert_close(post.marginal_predict(y, x, value), reml.marginal_predict(y, x, theta))
    torch.testing.assert_close(post.marginal_residual(y, x, value), reml.marginal_residual(y, x, theta))
    with pytest.raises(NotPositiveDefinite, match="leading 2 rows"):
        post.loglik([1.0, 2.0, 4.0], torch.ones(3, 1), torch.ones(3, 3))
    with pytest.raises(ValueError, match="v must be 9 x 9"):
        post.blue(y, x, IdentityMatrix(3)())
