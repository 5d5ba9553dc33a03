"""Parameters: theta in its three forms, free, fixed and held ones, both generations of declarations."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Mapping

import numpy as np
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
    TransformIdentity,
    TransformPow,
    TransformScaleShift,
    TransformSigmoid,
    UnknownParameter,
)

VARIANCE = TransformExpPow2()
CORRELATION = TransformChain([TransformSigmoid(), TransformScaleShift(2.0, -1.0)])
DOUBLE = torch.float64


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
        (torch.zeros(2, dtype=torch.bool), TypeError, "expected parameters to be numbers, got torch.bool"),
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
    assert torch.equal(mat.param_defaults, torch.tensor([0.0, -1.0, 0.0]))
    assert torch.equal(mat.free_param_defaults, torch.zeros(2))
    assert torch.equal(mat.fixed_param_defaults, torch.tensor([-1.0]))
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
    assert mat.fixed_param_names == []
    assert mat.dtype == DOUBLE
    assert mat().dtype == DOUBLE


def test_the_older_declaration() -> None:
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


# -- messages --------------------------------------------------------------------------------------------


def test_an_unknown_parameter_is_a_key_error_that_reads_well() -> None:
    op = Sum(field=AR1Matrix(2), noise=ScalarMatrix(2))
    with pytest.raises(KeyError) as caught:
        op.set_param_specs("field/rh", fixed=True)
    assert isinstance(caught.value, UnknownParameter)
    assert str(caught.value) == (
        "Sum has no parameter 'field/rh'; it has ['field/sigma^2', 'field/rho', 'noise/sigma^2']; "
        "did you mean 'field/rho'?"
    )
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    with pytest.raises(UnknownParameter, match="has no parameter 'x'; it has none"):
        IdentityMatrix(2).set_param_specs("x", fixed=True)
    with pytest.raises(UnknownParameter, match=r"'sigma\^2_5', \.\.\.\]"):
        DiagonalMatrix(2000).set_no_grad(param_name="tau")


def test_all_parameters_where_the_free_ones_belong() -> None:
    mat = AR1Matrix(2)
    mat.set_param_specs("sigma^2", fixed=True)
    with pytest.raises(ValueError, match=r"expected 1 free parameters \(rho\), got 2; .* without the fixed"):
        mat(torch.zeros(2))
    with pytest.raises(ValueError, match=r"expected 0 free parameters \(there are none\), got 1"):
        IdentityMatrix(2)(torch.zeros(1))
    with pytest.raises(ValueError, match=r"missing \['rho'\]; unexpected \['roh'\]; did you mean 'rho'"):
        mat({"roh": torch.zeros(1)})


@pytest.mark.parametrize("mat", [AR1Matrix(3), Sum(AR1Matrix(3), DiagonalMatrix(3))], ids=["leaf", "tree"])
def test_what_other_modes_leave_behind_is_of_use_to_autograd(mat: Matrix) -> None:
    mat.set_param_specs(mat.param_names[0], fixed=True)
    theta = mat.free_param_defaults.double()
    with torch.inference_mode():
        expected = mat(theta)
    torch.func.jacrev(mat)(theta)
    followed = theta.clone().requires_grad_()
    value = mat(followed)
    value.sum().backward()
    torch.testing.assert_close(value.detach(), expected.clone())
    torch.testing.assert_close(followed.grad, mat.grad(theta)[0].sum((1, 2)))
    assert len(copy.deepcopy(mat).free_param_names) == len(theta)


def test_positions_to_hold_may_be_any_whole_numbers() -> None:
    mat = DiagonalMatrix(3)
    for index in (np.int64(1), torch.tensor(1), np.array([1]), torch.tensor([1]), range(1, 2)):
        mat.set_no_grad(index=index)
        assert mat.no_grad_index == [1]
    for index in (1.0, [0, 1.5], "0", True):
        with pytest.raises(TypeError, match="expected whole numbers as no_grad_index, one or a list"):
            mat.set_no_grad(index=index)
