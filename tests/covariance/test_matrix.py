"""Matrix: both generations of the interface, theta, free, fixed and held parameters, Jacobians."""

from __future__ import annotations

import copy
import math
import pickle
import re
from collections.abc import Mapping

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
    TransformChain,
    TransformExp,
    TransformExpPow2,
    TransformIdentity,
    TransformPow,
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


# -- theta -----------------------------------------------------------------------------------------------


def test_three_forms_of_parameters_agree() -> None:
    mat = AR1Matrix(3)
    theta = torch.tensor([0.0, 0.0])
    as_dict = {"rho": torch.tensor([0.0]), "sigma^2": torch.tensor(0.0)}
    for form in (None, theta, as_dict):
        torch.testing.assert_close(mat(form), torch.eye(3))
        assert mat.grad(form)[1] == ["sigma^2", "rho"]
    assert list(mat.to_param_dict(theta)) == ["sigma^2", "rho"]
    torch.testing.assert_close(mat.from_param_dict(as_dict), theta)
    assert mat.to_param_dict(as_dict) is as_dict
    assert all(entry.shape == (1,) for entry in mat.to_param_dict(theta).values())


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (torch.zeros(3), ValueError, r"expected 2 free parameters \(sigma\^2, rho\), got 3"),
        (torch.zeros(2, 1), ValueError, r"expected a 1-D tensor of 2 free parameters, got shape \(2, 1\)"),
        (torch.tensor(1.0), ValueError, "1-D"),
        ([0.0, 0.0], TypeError, r"got list; use torch.tensor"),
        (1.0, TypeError, "got float"),
        (torch.zeros(2, dtype=torch.int64), TypeError, "expected floating-point parameters, got torch.int64"),
        ({"rho": torch.zeros(1)}, ValueError, r"missing \['sigma\^2'\]"),
        (
            {"rho": torch.zeros(1), "sigma^2": torch.zeros(1), "tau": torch.zeros(1)},
            ValueError,
            r"unexpected \['tau'\]",
        ),
        (
            {"rho": 0.5, "sigma^2": torch.zeros(1)},
            TypeError,
            "'rho' as a floating-point tensor .*, got float",
        ),
        ({"rho": torch.zeros(2), "sigma^2": torch.zeros(1)}, ValueError, r"'rho' .* got shape \(2,\)"),
    ],
)
def test_bad_parameters_are_explained(params: object, error: type[Exception], message: str) -> None:
    mat = AR1Matrix(3)
    for method in (
        mat,
        mat.grad,
        mat.manual_grad,
        mat.auto_grad,
        mat.natural_grad,
        mat.build_params,
        mat.from_param_dict,
        mat.check_params,
        mat.trans_params,
        mat.trans_grad,
    ):
        with pytest.raises(error, match=message):
            method(params)
    with pytest.raises(error, match=message) as caught:
        mat.set_intermediates(params, "x")
    assert "AR1Matrix" in str(caught.value)


def test_a_fixed_parameter_in_a_dict_says_so() -> None:
    mat = AR1Matrix(3)
    mat.set_param_specs("rho", fixed=True)
    with pytest.raises(ValueError, match=r"fixed, so not accepted here: \['rho'\] \(set_param_specs"):
        mat({"sigma^2": torch.zeros(1), "rho": torch.zeros(1)})


def test_check_params_returns_device_and_dtype() -> None:
    assert AR1Matrix(2).check_params(torch.zeros(2, dtype=DOUBLE)) == (torch.device("cpu"), DOUBLE)
    assert AR1Matrix(2).check_params({"sigma^2": torch.zeros(1), "rho": torch.zeros(1)})[1] == torch.float32


def test_build_params() -> None:
    mat = AR1Matrix(3)
    mat.set_param_specs("sigma^2", fixed=True, value=4.0)
    theta = torch.tensor([1.0], dtype=DOUBLE)
    rho = math.tanh(0.5)
    torch.testing.assert_close(mat.build_params(theta), torch.tensor([4.0, rho], dtype=DOUBLE))
    torch.testing.assert_close(
        mat.build_params(theta, include_fixed=False), torch.tensor([rho], dtype=DOUBLE)
    )
    raw = mat.build_params(theta, trans=False)
    torch.testing.assert_close(raw, torch.tensor([math.log(2.0), 1.0], dtype=DOUBLE))
    as_dict = mat.build_params(theta, out_format="dict")
    assert list(as_dict) == ["sigma^2", "rho"]
    torch.testing.assert_close(as_dict["rho"], torch.tensor([rho], dtype=DOUBLE))
    only_free = mat.build_params({"rho": theta}, include_fixed=False, trans=False, out_format="dict")
    assert only_free == {"rho": theta}
    with pytest.raises(ValueError, match="out_format='tensor' or 'dict', got 'list'"):
        mat.build_params(theta, out_format="list")  # type: ignore[call-overload]


# -- free, fixed, held -----------------------------------------------------------------------------------


def test_free_and_fixed_views() -> None:
    mat = DiagonalMatrix(3)
    mat.set_param_specs("sigma^2_1", fixed=True, default=-1.0)
    assert mat.param_names == ["sigma^2_0", "sigma^2_1", "sigma^2_2"]
    assert (mat.num_params, mat.num_free_params, mat.num_fixed_params) == (3, 2, 1)
    assert mat.free_param_names == ["sigma^2_0", "sigma^2_2"]
    assert mat.fixed_param_names == ["sigma^2_1"]
    assert (mat.free_param_index, mat.fixed_param_index) == ([0, 2], [1])
    torch.testing.assert_close(mat.param_defaults, torch.tensor([0.0, -1.0, 0.0]))
    torch.testing.assert_close(mat.free_param_defaults, torch.zeros(2))
    torch.testing.assert_close(mat.fixed_param_defaults, torch.tensor([-1.0]))
    assert mat.param_trans == mat.trans == [VARIANCE] * 3
    assert mat.free_param_trans == [VARIANCE] * 2
    assert mat.fixed_param_trans == [VARIANCE]
    theta = torch.tensor([0.5, 1.0])
    expected = torch.diag(torch.exp(2 * torch.tensor([0.5, -1.0, 1.0])))
    torch.testing.assert_close(mat(theta), expected)
    torch.testing.assert_close(mat.trans_params(theta), torch.exp(2 * theta))
    torch.testing.assert_close(mat.trans_grad(theta), 2 * torch.exp(2 * theta))
    for grad, names in (mat.grad(theta), mat.auto_grad(theta)):
        assert names == ["sigma^2_0", "sigma^2_2"]
        assert grad.shape == (2, 3, 3)
        torch.testing.assert_close(grad[1], torch.diag(torch.tensor([0.0, 0.0, 2 * math.exp(2.0)])))


def test_all_fixed() -> None:
    mat = ScalarMatrix(2)
    mat.set_param_specs("sigma^2", fixed=True, value=3.0)
    for method in (mat.grad, mat.manual_grad, mat.auto_grad, mat.natural_grad):
        assert method() == (None, [])
    assert mat.map_theta_to_dv(torch.zeros(0)) is None
    torch.testing.assert_close(mat(), 3 * torch.eye(2))
    # The constant is exact in the dtype of the evaluation.
    assert mat(torch.zeros(0, dtype=DOUBLE))[0, 0] == pytest.approx(3.0, rel=1e-15)


def test_holding() -> None:
    mat = DiagonalMatrix(3)
    mat.set_no_grad(param_name=["sigma^2_2", "sigma^2_0"])
    assert mat.no_grad_index == [0, 2]
    assert mat.num_free_params == 3
    for method in (mat.grad, mat.manual_grad, mat.auto_grad, mat.natural_grad):
        grad, names = method(torch.zeros(3))
        assert names == ["sigma^2_1"]
        assert grad.shape == (1, 3, 3)
    mat.set_param_specs("sigma^2_0", fixed=True)
    assert mat.no_grad_index == [1]
    mat.set_no_grad(index=[0, 1])
    assert mat.grad(torch.zeros(2)) == (None, [])
    mat.set_no_grad(index=[])
    assert mat.no_grad_index == []
    assert mat.grad(torch.zeros(2))[0].shape == (2, 3, 3)


def test_holding_in_the_older_constructor_and_with_an_older_manual_grad() -> None:
    for kind in (Older, OlderWithGrad):
        mat = kind(no_grad_index=[0])
        assert mat.no_grad_index == [0]
        grad, names = mat.grad(THETA)
        assert names == ["r"]
        torch.testing.assert_close(grad[0], reference_jacobian(THETA)[1])


def test_set_no_grad_errors() -> None:
    mat = DiagonalMatrix(2)
    for arguments in ({}, {"index": 0, "param_name": "sigma^2_0"}):
        with pytest.raises(ValueError, match="exactly one of index and param_name"):
            mat.set_no_grad(**arguments)
    with pytest.raises(ValueError, match=r"no_grad_index within 0..1 \(2 free parameters\), got 2"):
        mat.set_no_grad(index=2)
    with pytest.raises(ValueError, match="got -1"):
        mat.set_no_grad(index=[0, -1])
    with pytest.raises(KeyError, match="no parameter 'tau'"):
        mat.set_no_grad(param_name="tau")
    with pytest.raises(TypeError, match="whole numbers"):
        mat.set_no_grad(index=[0.5])  # type: ignore[list-item]
    assert mat.no_grad_index == []


# -- declarations ----------------------------------------------------------------------------------------


def test_param_specs_round_trip() -> None:
    specs = {
        "a": {"fixed": True, "default": torch.tensor([0.5], dtype=DOUBLE), "trans": TransformExp()},
        "b": Parameter("anything", TransformExpPow2(), 0.25),
    }

    class Pair(Matrix):
        def __init__(self, param_specs: Mapping[str, object]) -> None:
            super().__init__((1, 2), param_specs)

        def evaluate(self, natural: Tensor) -> Tensor:
            return natural[None]

    mat = Pair(specs)
    again = Pair(mat.param_specs)
    assert again.parameters == mat.parameters
    assert mat.param_specs["a"] == {
        "fixed": True,
        "default": torch.tensor([0.5], dtype=DOUBLE),
        "trans": TransformExp(),
    }
    assert mat.parameters[1] == Parameter("b", TransformExpPow2(), 0.25)
    mat.param_specs["a"]["fixed"] = False
    assert mat.fixed_param_names == ["a"], "the dict form is a copy"
    assert mat.dtype == DOUBLE
    assert mat().dtype == DOUBLE


def test_the_older_declaration() -> None:
    one = Older()
    assert one.param_trans == [VARIANCE, CORRELATION]

    class Listed(Matrix):
        def __call__(self, params: Tensor) -> Tensor:
            return torch.diag(self.trans_params(params))

    broadcast = Listed((3, 3), ["a", "b", "c"], [VARIANCE])
    assert broadcast.trans == [VARIANCE] * 3
    assert Listed((3, 3), param_names=["a", "b", "c"], trans=None).trans == [TransformIdentity()] * 3
    lazy = Listed(None, ["a", "b"])
    assert lazy.shape == (2, 2)
    assert Listed((1, 1), []).num_params == 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (((2, 2), "ab"), TypeError, "list of names, got str"),
        (((2, 2), [1, 2]), TypeError, "list of strings, got int"),
        (((2, 2), 3), TypeError, "got int"),
        (((2, 2), ["a", "a"]), ValueError, r"unique parameter names, got \['a'\]"),
        (((2, 2), ["a"], ["exp"]), TypeError, "Transform objects, got str"),
        (((2, 2), ["a", "b", "c"], [VARIANCE, VARIANCE]), ValueError, "1 or 3 transforms for 3 .* got 2"),
        (((2, 2), ["a"], None, [1]), ValueError, "no_grad_index within 0..0"),
        (((2, 2), {"a": {"deflaut": 1}}), ValueError, r"'a': expected the keys .* got also \['deflaut'\]"),
        (((2, 2), {"a": 3}), TypeError, "'a': expected a Parameter or a dict"),
        (((2, 2), {"a": {"trans": "exp"}}), TypeError, "'a': expected a Transform, got str"),
        (
            ((2, 2), {"a": {"default": torch.zeros(2)}}),
            ValueError,
            r"one number, got a tensor of shape \(2,\)",
        ),
        (((2, 2), {"a": {"default": math.nan}}), ValueError, "got NaN"),
        (((2, 2), {"a": {"fixed": "yes"}}), TypeError, "fixed=True or False, got 'yes'"),
        (((2, 2), {"a": {}}, [VARIANCE]), ValueError, "trans belongs to a list of names"),
        (((2,), ["a"]), ValueError, r"two numbers \(rows, columns\)"),
        (((2, 0), ["a"]), ValueError, "at least 1"),
    ],
)
def test_bad_declarations(arguments: tuple[object, ...], error: type[Exception], message: str) -> None:
    class Any(Matrix):
        def __call__(self, params: Tensor) -> Tensor:
            return torch.eye(2)

    with pytest.raises(error, match=message):
        Any(*arguments)


def test_a_class_without_formula_is_abstract() -> None:
    class Nothing(Matrix):
        pass

    with pytest.raises(TypeError, match="Nothing is abstract"):
        Nothing((2, 2))
    with pytest.raises(TypeError, match="Matrix is abstract"):
        Matrix((2, 2), ["a"])


def test_set_param_specs() -> None:
    mat = AR1Matrix(2)
    mat.set_param_specs("sigma^2", value=4.0)
    assert mat.parameters[0].default == pytest.approx(math.log(2.0))
    assert mat.dtype == torch.float32, "a number keeps the dtype"
    torch.testing.assert_close(mat(), 4 * torch.eye(2))
    mat.set_param_specs("sigma^2", value=torch.tensor([9.0], dtype=DOUBLE))
    assert mat.param_specs["sigma^2"]["default"].dtype == DOUBLE
    assert mat().dtype == DOUBLE
    mat.set_param_specs("sigma^2", value=0.0)
    assert mat.parameters[0].default == -math.inf
    torch.testing.assert_close(mat(), torch.zeros(2, 2, dtype=DOUBLE))
    mat.set_param_specs("sigma^2", trans=TransformExp(), value=5.0)
    assert mat.parameters[0].value == pytest.approx(5.0)
    mat.set_param_specs("sigma^2", default=0.0)
    assert mat.parameters[0].value == 1.0
    assert not mat.parameters[0].fixed

    with pytest.raises(KeyError, match=r"AR1Matrix has no parameter 'tau'; it has \['sigma\^2', 'rho'\]"):
        mat.set_param_specs("tau", fixed=True)
    with pytest.raises(ValueError, match=r"both default \(raw\) and value \(natural\)"):
        mat.set_param_specs("rho", default=0.0, value=0.5)
    with pytest.raises(ValueError, match=r"'rho': expected a natural value in \(-1, 1\), got 1.5"):
        mat.set_param_specs("rho", value=1.5)
    with pytest.raises(TypeError, match="expected a Transform, got str"):
        mat.set_param_specs("rho", trans="exp")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="fixed=True or False"):
        mat.set_param_specs("rho", fixed=1)  # type: ignore[arg-type]
    assert mat.parameters[1].default == 0.0


def test_parameter_values() -> None:
    parameter = Parameter("p", TransformPow(2), default=torch.tensor([3.0], dtype=DOUBLE))
    assert (parameter.value, parameter.dtype, parameter.default) == (9.0, DOUBLE, 3.0)
    assert parameter.with_value(16).default == 4.0
    assert parameter.with_default(torch.tensor(1.0)).dtype == torch.float32
    assert Parameter("p") == Parameter("p", TransformIdentity(), 0)
    assert hash(Parameter("p")) == hash(Parameter("p", default=0.0))
    with pytest.raises(TypeError, match="parameter name"):
        Parameter(1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="empty string"):
        Parameter("")
    with pytest.raises(TypeError, match="number or a tensor of one element, got str"):
        Parameter("p", default="1")  # type: ignore[arg-type]


def test_default_dtype_follows_torch() -> None:
    torch.set_default_dtype(DOUBLE)
    try:
        mat = AR1Matrix(2)
    finally:
        torch.set_default_dtype(torch.float32)
    assert mat().dtype == DOUBLE
    assert AR1Matrix(2)().dtype == torch.float32
    assert IdentityMatrix(2)().dtype == torch.float32
    assert IdentityMatrix(2)(torch.zeros(0, dtype=DOUBLE)).dtype == DOUBLE


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


def test_calls_write_no_state() -> None:
    mat = AR1Matrix(3)
    mat()
    before = dict(vars(mat))
    mat(torch.tensor([0.1, 0.2]))
    mat.manual_grad(torch.tensor([0.1, 0.2]))
    assert vars(mat) == before


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
