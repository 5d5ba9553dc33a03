"""What programs written for torch-openreml say, beyond the documented examples of test_seeds.py."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import Tensor

from covstudio.covariance import (
    AR1Matrix,
    CovariancePropagation,
    DiagonalMatrix,
    DummyMatrix,
    HadamardProduct,
    IdentityMatrix,
    KroneckerProduct,
    Matrix,
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
    simple_param_specs,
)


def field() -> Sum:
    return Sum(time=KroneckerProduct(row=AR1Matrix(2), col=AR1Matrix(3)), noise=ScalarMatrix(6))


# -- param_specs -------------------------------------------------------------------------------------------


def test_an_edit_of_param_specs_takes_effect_in_the_operand() -> None:
    v = field()
    v.param_specs["time/row/rho"]["fixed"] = True
    v.param_specs["noise/sigma^2"]["default"] = torch.tensor([0.5])
    v.param_specs["time/col/rho"]["trans"] = TransformIdentity()
    row = v.operands["time"].operands["row"]
    assert row.fixed_param_names == ["rho"]
    assert "time/row/rho" not in v.free_param_names
    assert float(v.operands["noise"]()[0, 0]) == pytest.approx(torch.e)
    assert v.param_trans["time/col/rho"] == TransformIdentity()


def test_specs_held_in_a_variable_show_what_was_set() -> None:
    specs = field().param_specs
    specs["noise/sigma^2"].update(fixed=True, default=1)
    assert specs["noise/sigma^2"]["fixed"] is True
    assert torch.equal(specs["noise/sigma^2"]["default"], torch.tensor([1.0]))


def test_a_whole_entry_may_be_replaced() -> None:
    v = field()
    v.param_specs["noise/sigma^2"] = {"fixed": True, "default": torch.tensor([0.0])}
    assert v.fixed_param_names == ["noise/sigma^2"]
    assert v.param_trans["noise/sigma^2"] == TransformExpPow2(), "what is not given stays"


def test_what_cannot_be_edited_says_what_can() -> None:
    specs = field().param_specs
    with pytest.raises(ValueError, match=r"'fixed', 'default' and 'trans', got 'value'.*set_param_specs"):
        specs["noise/sigma^2"]["value"] = 1.0
    with pytest.raises(UnknownParameter, match="no parameter 'noise/rho'"):
        specs["noise/rho"] = {"fixed": True}
    for removal in (specs.clear, specs.popitem, lambda: specs.pop("noise/sigma^2")):
        with pytest.raises(TypeError, match="keeps all its parameters"):
            removal()
    with pytest.raises(TypeError, match="keeps all its parameters"):
        del specs["noise/sigma^2"]


def test_copies_of_specs_are_plain_dicts_of_their_own() -> None:
    v = field()
    for copied in (
        copy.deepcopy(v.param_specs),
        pickle.loads(pickle.dumps(v.param_specs)),
        v.param_specs.copy(),
    ):
        assert type(copied) is dict
    copy.deepcopy(v.param_specs)["noise/sigma^2"]["fixed"] = True
    assert v.fixed_param_names == []


def test_a_key_with_a_slash_at_its_end_is_a_subtree() -> None:
    v = field()
    v.set_param_specs("time/row/", fixed=True)
    assert v.fixed_param_names == ["time/row/sigma^2", "time/row/rho"]
    v.set_param_specs("time/", default=0.25)
    assert [v.param_defaults[k].item() for k in range(5)] == [0.25, 0.25, 0.25, 0.25, 0.0]
    v.set_param_specs("/", fixed=False)
    assert v.num_free_params == 5
    v.set_param_specs(name="noise/sigma^2", fixed=True)
    assert v.fixed_param_names == ["noise/sigma^2"]
    with pytest.raises(UnknownParameter, match="'col/'"):
        v.set_param_specs("col/", fixed=True)
    with pytest.raises(TypeError, match="name once"):
        v.set_param_specs(fixed=True)


def test_nothing_of_a_subtree_changes_where_one_of_it_cannot() -> None:
    v = Sum(a=AR1Matrix(2), b=ScalarMatrix(2))
    with pytest.raises(ValueError, match=r"in \(-1, 1\), got 2"):
        v.set_param_specs("a/", value=2.0)
    assert v.param_defaults.tolist() == [0.0, 0.0, 0.0]


# -- defaults and transforms by name and by position -------------------------------------------------------


def test_defaults_by_name_by_position_and_as_a_tensor() -> None:
    v = AR1Matrix(3)
    v.set_param_specs("rho", default=0.5)
    defaults = v.param_defaults
    assert isinstance(defaults, dict)
    assert list(defaults) == ["sigma^2", "rho"]
    assert torch.equal(defaults["rho"], torch.tensor([0.5]))
    assert float(defaults[1]) == 0.5
    assert torch.equal(defaults[:1], torch.zeros(1))
    assert torch.equal(torch.cat(list(defaults.values())), torch.tensor([0.0, 0.5]))
    assert torch.equal(torch.stack([defaults, defaults])[1], torch.tensor([0.0, 0.5]))
    assert torch.equal(defaults + 1, 1 + defaults)
    assert (defaults == torch.tensor([0.0, 0.5])).all()
    assert defaults.double().dtype == torch.float64
    assert torch.equal(v(defaults), v())
    assert torch.equal(v(defaults.clone().requires_grad_()).detach(), v())
    defaults["rho"] = 0.25
    assert float(v.param_defaults["rho"]) == float(defaults[1]) == 0.25


def test_transforms_by_name_and_by_position() -> None:
    v = field()
    v.set_param_specs("time/row/rho", fixed=True)
    assert isinstance(v.param_trans, dict)
    assert v.param_trans["noise/sigma^2"] is v.param_trans[-1]
    assert v.free_param_trans == v.trans[:1] + v.trans[2:]
    assert list(v.fixed_param_trans.items()) == [("time/row/rho", v.trans[1])]
    v.param_trans["noise/sigma^2"] = TransformExp()
    assert v.operands["noise"].param_trans == [TransformExp()]


def test_default_dtype_and_device() -> None:
    assert field().get_default_dtype_device() == (torch.device("cpu"), torch.float32)
    assert IdentityMatrix(2).get_default_dtype_device() == (torch.device("cpu"), torch.float32)
    mixed = Sum(ScalarMatrix(2), AR1Matrix(2))
    mixed.set_param_specs("op_0/sigma^2", default=torch.tensor(0.0, dtype=torch.float64))
    with pytest.raises(ValueError, match="one dtype on one device"):
        mixed.get_default_dtype_device()


def test_whole_numbers_are_promoted() -> None:
    v = AR1Matrix(3)
    assert torch.equal(v(torch.tensor([0, 1])), v(torch.tensor([0.0, 1.0])))
    assert torch.equal(
        v({"sigma^2": torch.tensor([0]), "rho": torch.tensor([1])}), v(torch.tensor([0.0, 1.0]))
    )
    grad, _ = v.grad(torch.tensor([0, 1]))
    assert torch.equal(grad, v.grad(torch.tensor([0.0, 1.0]))[0])


# -- intermediates -----------------------------------------------------------------------------------------


class Older(Matrix):
    """Written in the pattern of torch-openreml's own classes."""

    def __init__(self) -> None:
        super().__init__((2, 2), {"a": {"trans": TransformExpPow2()}, "b": {"trans": TransformExpPow2()}})
        self.computed = 0

    def __call__(self, free_params: Tensor | None = None) -> Tensor:
        params = self.build_params(free_params)
        kept = self.get_intermediates(params)
        if kept is None:
            self.computed += 1
            kept = torch.diag(params)
            self.set_intermediates(params, kept)
        return kept


def test_intermediates_under_built_params_work_when_a_parameter_is_fixed() -> None:
    v = Older()
    v.set_param_specs("b", fixed=True)
    theta = torch.tensor([0.5])
    assert torch.equal(v(theta), v(theta))
    assert v.computed == 1
    v(torch.tensor([0.25]))
    assert v.computed == 2
    v.set_param_specs("b", default=1.0)
    assert float(v(torch.tensor([0.25]))[1, 1]) == pytest.approx(torch.e**2, rel=1e-6)


def test_the_cache_can_be_switched_off_for_a_tree() -> None:
    inner = Older()
    v = Sum(inner, ScalarMatrix(2))
    theta = torch.tensor([0.5, 0.5, 0.0])
    v.disable_cache()
    v(theta), v(theta)
    assert (inner.cache, v.cache, inner.computed) == (False, False, 2)
    v.enable_cache()
    v(theta), v(theta)
    assert (inner.cache, inner.computed) == (True, 3)
    v.reset_intermediates()
    v(theta)
    assert inner.computed == 4, "an operator forgets what its operands keep"


# -- automatic differentiation -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["jacfwd", "jacrev", "jacobian"])
@pytest.mark.parametrize("chunk", [None, 1, 2])
def test_every_method_of_auto_grad_gives_the_jacobian(method: str, chunk: int | None) -> None:
    v = field()
    theta = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5], dtype=torch.float64)
    v.jacobian_method, v.jacobian_chunk_size = method, chunk
    grad, names = v.auto_grad(theta)
    assert names == v.free_param_names
    torch.testing.assert_close(grad, v.manual_grad(theta)[0], rtol=1e-10, atol=1e-12)


def test_an_unknown_method_is_refused() -> None:
    v = field()
    v.jacobian_method = "hessian"
    with pytest.raises(ValueError, match="'jacfwd', 'jacrev' or 'jacobian', got 'hessian'"):
        v.auto_grad()


# -- trees -------------------------------------------------------------------------------------------------


def test_a_tree_of_values_and_of_gradients() -> None:
    z = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    v = Sum(g=CovariancePropagation(z=z, g=DiagonalMatrix(2)), r=IdentityMatrix(3))
    theta = torch.tensor([0.0, 0.5], dtype=torch.float64)
    values, thetas = v.call_tree(theta)
    grads, again = v.grad_tree(theta)
    assert list(values) == list(thetas) == list(grads) == list(again) == ["/", "g", "g/z", "g/g", "r"]
    assert torch.equal(values["/"], v(theta))
    assert torch.equal(values["g/z"], z.double())
    assert torch.equal(values["/g/g"], values["g/g/"])
    assert thetas["g/z"] is None
    assert torch.equal(thetas["g"], theta)
    assert thetas["r"].shape == (0,)
    assert grads["g/g"][0].shape == (2, 2, 2)
    assert grads["g/g"][1] == ["sigma^2_0", "sigma^2_1"]
    assert grads["r"] == grads["g/z"] == (None, [])
    assert torch.equal(grads["/"][0], v.grad(theta)[0])
    with pytest.raises(KeyError, match="h"):
        values["h"]


# -- operands, leaves, transforms --------------------------------------------------------------------------


def test_operators_of_tensors_alone() -> None:
    a, b = torch.tensor([[2.0, 1.0], [1.0, 2.0]], dtype=torch.float64), torch.eye(3, dtype=torch.float64)
    v = KroneckerProduct(a, b)
    assert v.shape == (6, 6)
    assert v.num_params == 0
    assert v().dtype == v.dtype == torch.float64
    assert torch.equal(v(), torch.kron(a, b))
    assert v.grad() == (None, [])
    assert v.psd
    assert torch.equal(
        Sum(v, ScalarMatrix(6))(torch.zeros(1, dtype=torch.float64)), torch.kron(a, b) + torch.eye(6)
    )
    assert torch.equal(HadamardProduct(a, a)(), a * a)
    assert torch.equal(
        Sum(torch.eye(2, dtype=torch.int64), torch.eye(2, dtype=torch.int64))(), 2 * torch.eye(2)
    )


def test_identity_with_a_dtype_and_a_device() -> None:
    v = IdentityMatrix(2, dtype=torch.float64, device="cpu")
    assert v().dtype == torch.float64
    assert v.device == torch.device("cpu")
    assert DummyMatrix(["a", "b"], dtype=torch.float64)().dtype == torch.float64
    with pytest.raises(TypeError, match="floating point"):
        IdentityMatrix(2, dtype=torch.int64)


def test_transforms_by_their_other_names() -> None:
    assert TransformPow() == TransformPow(factor=2.0) == TransformPow(p=2)
    assert TransformPow(factor=3).factor == 3.0
    assert TransformScaleShift() == TransformScaleShift(a=1.0, b=0.0) == TransformScaleShift(scale=1, shift=0)
    line = TransformScaleShift(a=2.0, b=-1.0)
    assert (line.a, line.b) == (2.0, -1.0)
    one = TransformChain(TransformExp())
    assert one.chain == (TransformExp(),)
    assert torch.equal(one(torch.zeros(1)), torch.ones(1))
    several = TransformChain(TransformSigmoid(), line)
    assert several == TransformChain([TransformSigmoid(), line])
    assert str(several) == "TransformChain([TransformSigmoid(), TransformScaleShift(2, -1)])"


def test_simple_specs() -> None:
    specs = simple_param_specs(2, default=torch.tensor([0.5]), trans=TransformExp())
    assert list(specs) == ["theta_0", "theta_1"]
    assert specs["theta_1"]["fixed"] is False
    assert torch.equal(specs["theta_1"]["default"], torch.tensor([0.5]))
    assert specs["theta_1"]["trans"] == TransformExp()
