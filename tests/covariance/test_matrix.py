"""Matrix: both generations of the interface, theta, free, fixed and held parameters, Jacobians."""

from __future__ import annotations

import copy
import math
import pickle
import re

import pytest
import torch
from torch import Tensor

from covstudio.covariance import (
    AR1Matrix,
    DiagonalMatrix,
    IdentityMatrix,
    Matrix,
    Parameter,
    ScalarMatrix,
    Sum,
    TransformChain,
    TransformExp,
    TransformExpPow2,
    TransformScaleShift,
    TransformSigmoid,
)

VARIANCE = TransformExpPow2()
CORRELATION = TransformChain([TransformSigmoid(), TransformScaleShift(2.0, -1.0)])
DOUBLE = torch.float64


class Newer(Matrix):
    """[[s, r s], [r s, s]] from natural values, with its analytic derivative."""

    def __init__(self, **changes: object) -> None:
        specs: dict[str, Parameter] = {"s": Parameter("s", VARIANCE), "r": Parameter("r", CORRELATION, 1.0)}
        super().__init__((2, 2), {**specs, **changes})

    def evaluate(self, natural: Tensor) -> Tensor:
        s, r = natural
        return torch.stack([torch.stack([s, r * s]), torch.stack([r * s, s])])

    def differentiate(self, natural: Tensor, index: list[int]) -> Tensor:
        s, r = natural
        one, zero = torch.ones_like(s), torch.zeros_like(s)
        slices = [
            torch.stack([torch.stack([one, r]), torch.stack([r, one])]),
            torch.stack([torch.stack([zero, s]), torch.stack([s, zero])]),
        ]
        return torch.stack([slices[k] for k in index])


class Older(Matrix):
    """The same matrix in the older style: only __call__, on raw free parameters, with in-place writes."""

    def __init__(self, no_grad_index: list[int] | None = None) -> None:
        super().__init__((2, 2), ["s", "r"], [VARIANCE, CORRELATION], no_grad_index)

    def __call__(self, params: Tensor) -> Tensor:
        params = self.from_param_dict(params)
        device, dtype = self.check_params(params)
        s, r = self.trans_params(params)
        out = torch.zeros(self.shape, device=device, dtype=dtype)
        out[0, 0] = out[1, 1] = s
        out[0, 1] = out[1, 0] = r * s
        return out


class OlderWithGrad(Older):
    """The older style with its own manual_grad, which leaves held parameters out, as documented."""

    def manual_grad(self, params: Tensor) -> tuple[Tensor | None, list[str]]:
        s, r = self.trans_params(params)
        slopes = self.trans_grad(params)
        full = [torch.tensor([[1.0, r], [r, 1.0]]) * slopes[0], torch.tensor([[0, s], [s, 0]]) * slopes[1]]
        keep = [k for k in range(2) if k not in self.no_grad_index]
        if not keep:
            return None, []
        return torch.stack([full[k].to(params.dtype) for k in keep]), [self.param_names[k] for k in keep]


def reference(theta: Tensor) -> Tensor:
    """The matrix and its Jacobian in plain torch."""
    s, r = torch.exp(2 * theta[0]), 2 * torch.sigmoid(theta[1]) - 1
    return s * torch.stack([torch.stack([torch.ones_like(r), r]), torch.stack([r, torch.ones_like(r)])])


def reference_jacobian(theta: Tensor) -> Tensor:
    return torch.autograd.functional.jacobian(reference, theta).movedim(-1, 0)


THETA = torch.tensor([0.3, -0.7], dtype=DOUBLE)


@pytest.mark.parametrize("kind", [Newer, Older, OlderWithGrad])
@pytest.mark.parametrize("dtype", [torch.float32, DOUBLE])
def test_value_and_jacobian_in_both_styles(kind: type[Matrix], dtype: torch.dtype) -> None:
    mat, theta = kind(), THETA.to(dtype)
    value = mat(theta)
    assert value.dtype == dtype
    torch.testing.assert_close(value, reference(theta))
    expected = reference_jacobian(theta)
    for grad, names in (mat.grad(theta), mat.auto_grad(theta)):
        assert names == ["s", "r"]
        assert grad is not None
        assert grad.dtype == dtype
        torch.testing.assert_close(grad, expected)
    torch.testing.assert_close(mat.map_theta_to_v(theta), value)
    torch.testing.assert_close(mat.map_theta_to_dv(theta), expected)
    natural, names = mat.natural_grad(theta)
    assert names == ["s", "r"]
    torch.testing.assert_close(natural * mat.trans_grad(theta)[:, None, None], expected)


@pytest.mark.parametrize("kind", [Newer, Older, OlderWithGrad])
def test_natural_jacobian_at_a_zero_variance(kind: type[Matrix]) -> None:
    mat = kind()
    theta = torch.tensor([-math.inf, 0.4], dtype=DOUBLE)
    grad, _ = mat.grad(theta)
    torch.testing.assert_close(grad, torch.zeros(2, 2, 2, dtype=DOUBLE))
    natural, _ = mat.natural_grad(theta)
    r = math.tanh(0.2)
    # The older style has to be differentiated a trifle inside: exact to about sqrt(eps).
    torch.testing.assert_close(natural[0], torch.tensor([[1, r], [r, 1]], dtype=DOUBLE), rtol=0, atol=1e-6)
    torch.testing.assert_close(natural[1], torch.zeros(2, 2, dtype=DOUBLE), rtol=0, atol=1e-6)


def test_only_an_analytic_derivative_is_a_manual_one() -> None:
    assert Newer().has_analytic_grad
    assert OlderWithGrad().has_analytic_grad
    assert not Older().has_analytic_grad
    with pytest.raises(NotImplementedError, match=r"Older has no analytic derivative; call grad\(\)"):
        Older().manual_grad(THETA)


def test_holding_in_the_older_constructor_and_with_an_older_manual_grad() -> None:
    for kind in (Older, OlderWithGrad):
        mat = kind(no_grad_index=[0])
        assert mat.no_grad_index == [0]
        grad, names = mat.grad(THETA)
        assert names == ["r"]
        torch.testing.assert_close(grad[0], reference_jacobian(THETA)[1])


def test_a_derivative_is_not_inherited_past_a_new_formula() -> None:
    class Doubled(Newer):
        def evaluate(self, natural: Tensor) -> Tensor:
            return 2 * super().evaluate(natural)

    class DoubledOlder(Newer):
        def __call__(self, params: Tensor | None = None) -> Tensor:
            return 2 * super().__call__(params)

    for kind in (Doubled, DoubledOlder):
        mat = kind()
        torch.testing.assert_close(mat.grad(THETA)[0], 2 * reference_jacobian(THETA))
        with pytest.raises(NotImplementedError):
            mat.manual_grad(THETA)

    class Documented(Newer):
        def manual_grad(self, params: Tensor | None = None) -> tuple[Tensor | None, list[str]]:
            return super().manual_grad(params)

    torch.testing.assert_close(Documented().manual_grad(THETA)[0], reference_jacobian(THETA))


def test_a_manual_grad_may_decline() -> None:
    class Declining(Older):
        def manual_grad(self, params: Tensor) -> tuple[Tensor | None, list[str]]:
            raise NotImplementedError

    torch.testing.assert_close(Declining().grad(THETA)[0], reference_jacobian(THETA))
    natural, _ = Declining().natural_grad(THETA)
    torch.testing.assert_close(natural, Newer().natural_grad(THETA)[0])


def test_grad_mode() -> None:
    class Wrong(Newer):
        def differentiate(self, natural: Tensor, index: list[int]) -> Tensor:
            return torch.full((len(index), 2, 2), 99.0, dtype=natural.dtype)

    mat = Wrong()
    assert mat.grad_mode == "default"
    assert not torch.allclose(mat.grad(THETA)[0], reference_jacobian(THETA))
    mat.grad_mode = "auto"
    torch.testing.assert_close(mat.grad(THETA)[0], reference_jacobian(THETA))
    mat.grad_mode = "symbolic"
    with pytest.raises(RuntimeError, match="expected grad_mode 'default' or 'auto', got 'symbolic'"):
        mat.grad(THETA)


def test_reverse_mode_takes_over_where_forward_mode_has_no_rule() -> None:
    class Square(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x: Tensor) -> Tensor:
            return x * x

        @staticmethod
        def setup_context(ctx: object, inputs: tuple[Tensor], output: Tensor) -> None:
            ctx.save_for_backward(*inputs)  # type: ignore[attr-defined]

        @staticmethod
        def backward(ctx: object, grad: Tensor) -> Tensor:
            (x,) = ctx.saved_tensors  # type: ignore[attr-defined]
            return 2 * x * grad

    class Custom(Matrix):
        def __init__(self) -> None:
            super().__init__((1, 2), ["a", "b"])

        def evaluate(self, natural: Tensor) -> Tensor:
            return Square.apply(natural)[None]

    grad, _ = Custom().grad(torch.tensor([3.0, 5.0]))
    torch.testing.assert_close(grad, torch.tensor([[[6.0, 0.0]], [[0.0, 10.0]]]))


# -- intermediates ---------------------------------------------------------------------------------------


def test_intermediates_are_kept_for_exactly_these_parameters() -> None:
    mat = DiagonalMatrix(2)
    params = torch.tensor([0.0, 0.5])
    assert mat.get_intermediates(params) is None
    kept = {"sigma2": mat.trans_params(params)}
    mat.set_intermediates(params, kept)
    assert mat.get_intermediates(params.clone()) is kept
    assert mat.get_intermediates({"sigma^2_0": params[:1], "sigma^2_1": params[1:]}) is kept
    assert mat.get_intermediates(params.double()) is None
    assert mat.get_intermediates(params + 1e-7) is None
    params[0] = 1.0
    assert mat.get_intermediates(torch.tensor([0.0, 0.5])) is kept, "the key is a copy"
    mat.reset_intermediates()
    assert mat.get_intermediates(torch.tensor([0.0, 0.5])) is None


def test_intermediates_go_stale_with_the_parameters_they_hang_on() -> None:
    mat = DiagonalMatrix(2)
    op = Sum(a=mat, b=ScalarMatrix(2))
    for change in ({"trans": TransformExp()}, {"default": 1.0}, {"fixed": True}):
        mat.set_intermediates(mat.free_param_defaults, "kept")
        op.set_intermediates(op.free_param_defaults, "kept")
        mat.set_param_specs("sigma^2_0", **change)
        assert mat.get_intermediates(None) is None
        assert op.get_intermediates(None) is None


def test_intermediates_of_one_graph_are_not_given_to_another() -> None:
    mat = DiagonalMatrix(1)
    first = torch.tensor([0.5], requires_grad=True)
    mat.set_intermediates(first, "graph of the first")
    assert mat.get_intermediates(first) == "graph of the first"
    assert mat.get_intermediates(torch.tensor([0.5], requires_grad=True)) is None
    assert mat.get_intermediates(torch.tensor([0.5])) is None
    mat.set_intermediates(first * 1.0, "not a leaf of its graph")
    assert copy.deepcopy(mat).get_intermediates(first) is None, "a copy starts without"


def test_intermediates_without_parameters_and_under_auto_grad() -> None:
    mat = IdentityMatrix(2)
    mat.set_intermediates(torch.zeros(0), "never kept")
    assert mat.get_intermediates(torch.zeros(0)) is None

    class Caching(Older):
        def __call__(self, params: Tensor) -> Tensor:
            kept = self.get_intermediates(params)
            if kept is None:
                kept = super().__call__(params)
                self.set_intermediates(params, kept)
            return kept

    caching = Caching()
    value = caching(THETA)
    assert caching(THETA) is value
    torch.testing.assert_close(caching.auto_grad(THETA)[0], reference_jacobian(THETA))
    assert caching.get_intermediates(THETA) is None, "auto_grad keeps nothing it looked through"
    torch.testing.assert_close(caching(THETA), value)


# -- the rest --------------------------------------------------------------------------------------------


def test_theta_may_require_a_gradient() -> None:
    theta = THETA.clone().requires_grad_()
    mat = Newer()
    (direct,) = torch.autograd.grad(mat(theta).sum(), theta)
    torch.testing.assert_close(direct, reference_jacobian(THETA).sum((1, 2)))
    hessian = torch.func.jacfwd(lambda t: mat.manual_grad(t)[0])(THETA)
    expected = torch.autograd.functional.jacobian(
        lambda t: torch.autograd.functional.jacobian(reference, t, create_graph=True).movedim(-1, 0), THETA
    )
    torch.testing.assert_close(hessian, expected)


def test_an_infinite_natural_derivative_times_a_zero_slope_is_zero() -> None:
    class Deviation(Matrix):
        def __init__(self) -> None:
            super().__init__((1, 1), {"v": Parameter("v", VARIANCE)})

        def evaluate(self, natural: Tensor) -> Tensor:
            return natural.sqrt()[None]

        def differentiate(self, natural: Tensor, index: list[int]) -> Tensor:
            return (0.5 / natural.sqrt()).reshape(1, 1, 1)

    grad, _ = Deviation().grad(torch.tensor([-math.inf]))
    assert grad.tolist() == [[[0.0]]]


def test_calls_write_no_state_but_the_record_of_the_last() -> None:
    mat = AR1Matrix(3)
    mat()
    before = dict(vars(mat))
    mat(torch.tensor([0.1, 0.2]))
    mat.manual_grad(torch.tensor([0.1, 0.2]))
    assert {**vars(mat), "_recall": None} == {**before, "_recall": None}


def test_copies_are_independent() -> None:
    mat = AR1Matrix(3)
    for other in (copy.deepcopy(mat), pickle.loads(pickle.dumps(mat)), copy.copy(mat)):
        other.set_param_specs("rho", fixed=True)
        other.set_no_grad(param_name="sigma^2")
        assert mat.free_param_names == ["sigma^2", "rho"]
        assert mat.no_grad_index == []
        torch.testing.assert_close(other(), mat())


def test_repr() -> None:
    mat = AR1Matrix(3)
    mat.set_param_specs("sigma^2", fixed=True, value=4.0)
    mat.set_no_grad(param_name="rho")
    assert repr(mat) == (
        "AR1Matrix(\n  shape: (3, 3)\n  params:\n    sigma^2: 4 (fixed)\n    rho: 0\n  no_grad_index: [0]\n)"
    )
    assert mat.repr_dict["shape"] == (3, 3)
    assert repr(IdentityMatrix(2)) == "IdentityMatrix(\n  shape: (2, 2)\n  params: {}\n)"
    many = repr(DiagonalMatrix(30))
    assert re.search(r"sigma\^2_11: 1\n    \.\.\. 18 more\n", many)
