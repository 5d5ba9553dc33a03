"""The contract on parameters: names, forms, fixed and held ones, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch

from covstudio.covariance import Matrix, Operator
from tests.covariance.contract.case import Case, close, contract, slices_close


@contract
def names_and_numbers_of_parameters(case: Case) -> None:
    matrix = case.make()
    names = matrix.param_names
    assert len(set(names)) == len(names) == matrix.num_params
    assert all(isinstance(name, str) and name for name in names)
    assert [names[k] for k in matrix.free_param_index] == matrix.free_param_names
    assert [names[k] for k in matrix.fixed_param_index] == matrix.fixed_param_names
    assert sorted(matrix.free_param_index + matrix.fixed_param_index) == list(range(len(names)))
    assert matrix.num_free_params + matrix.num_fixed_params == matrix.num_params
    assert list(matrix.param_specs) == names
    for specs in matrix.param_specs.values():
        assert set(specs) == {"fixed", "default", "trans"}
        assert specs["default"].shape == (1,)
    assert len(matrix.param_defaults) == len(matrix.param_trans) == matrix.num_params
    assert len(matrix.trans_params()) == len(matrix.trans_grad()) == matrix.num_free_params
    if isinstance(matrix, Operator):
        own = matrix.own_operand()
        assert names == (own.param_names if own is not None else []) + [
            f"{name}/{inner}"
            for name, operand in matrix.operands.items()
            if isinstance(operand, Matrix)
            for inner in operand.param_names
        ]
    else:
        assert not any("/" in name for name in names)


@contract
def forms_of_parameters_convert_back_and_forth(case: Case) -> None:
    matrix = case.make()
    for theta in case.thetas(3):
        named = matrix.to_param_dict(theta)
        assert list(named) == matrix.free_param_names
        assert all(value.shape == (1,) for value in named.values())
        assert torch.equal(matrix.from_param_dict(named), theta)
        assert torch.equal(matrix.from_param_dict(theta), theta)
        assert matrix.to_param_dict(named) == named
        natural = matrix.build_params(theta, out_format="dict")
        assert list(natural) == matrix.param_names
        assert torch.equal(torch.cat([*natural.values(), theta[:0]]), matrix.build_params(theta))
        for k, transform in enumerate(matrix.free_param_trans.values()):
            back = transform.inverse(natural[matrix.free_param_names[k]])
            torch.testing.assert_close(back, theta[k : k + 1], rtol=1e-9, atol=1e-9)
        assert torch.equal(matrix.build_params(theta, include_fixed=False), matrix.trans_params(theta))
        assert torch.equal(matrix.build_params(theta, include_fixed=False, trans=False), theta)


@contract
def parameters_can_be_fixed(case: Case) -> None:
    if case.repeats:
        return
    full = case.make()
    theta = case.thetas(2)[1]
    value, (grad, names) = full(theta), full.grad(theta)
    for k, name in enumerate(full.free_param_names):
        matrix = case.make()
        matrix.set_param_specs(name, fixed=True, default=theta[k])
        rest = torch.cat([theta[:k], theta[k + 1 :]])
        assert matrix.fixed_param_names == [*full.fixed_param_names, name]
        assert name not in matrix.free_param_names
        assert matrix.num_params == full.num_params
        close(matrix(rest), value, 1e-15)
        some, some_names = matrix.grad(rest)
        assert some_names == [other for other in names if other != name]
        if some_names:
            slices_close(some, torch.cat([grad[:k], grad[k + 1 :]]), 1e-13)
        else:
            assert some is None
        with pytest.raises(ValueError, match="free parameters"):
            matrix(theta)
        assert matrix.psd == full.psd
        matrix.set_param_specs(name, fixed=False)
        assert matrix.free_param_names == full.free_param_names
        close(matrix(theta), value, 1e-15)
    matrix = case.make()
    for k, name in enumerate(full.free_param_names):
        matrix.set_param_specs(name, fixed=True, value=full.trans_params(theta)[k])
    assert matrix.num_free_params == 0
    assert matrix.grad() == matrix.auto_grad() == matrix.natural_grad() == (None, [])
    close(matrix(torch.zeros(0, dtype=torch.float64)), value, 1e-9)


@contract
def parameters_can_be_held(case: Case) -> None:
    theta = case.thetas(2)[1]
    full = case.make()
    value, (grad, names) = full(theta), full.grad(theta)
    for k, name in enumerate(names):
        for choice in ({"index": k}, {"param_name": name}, {"index": [k]}, {"param_name": [name]}):
            matrix = case.make()
            matrix.set_no_grad(**choice)
            assert matrix.no_grad_index == [k]
        assert torch.equal(matrix(theta), value)
        for mode in ("default", "auto"):
            matrix.grad_mode = mode
            some, some_names = matrix.grad(theta)
            assert some_names == [other for other in names if other != name]
            if some_names:
                slices_close(some, torch.cat([grad[:k], grad[k + 1 :]]), 1e-10)
            else:
                assert some is None
        assert matrix.natural_grad(theta)[1] == some_names
        assert matrix.num_free_params == full.num_free_params
    if names:
        matrix = case.make()
        matrix.set_no_grad(index=range(len(names)))
        assert matrix.grad(theta) == matrix.auto_grad(theta) == (None, [])
        assert matrix.map_theta_to_dv(theta) is None
        matrix.set_no_grad(index=[])
        assert matrix.grad(theta)[1] == names
    with pytest.raises(ValueError):
        full.set_no_grad(index=len(names))
    with pytest.raises(KeyError):
        full.set_no_grad(param_name="no such parameter")


@contract
def values_can_be_set(case: Case) -> None:
    matrix = case.make()
    for k, transform in enumerate(matrix.free_param_trans.values()):
        name = matrix.free_param_names[k]
        dtype = matrix.param_specs[name]["default"].dtype
        natural = transform(torch.tensor([0.3], dtype=torch.float64))
        matrix.set_param_specs(name, value=float(natural))
        specs = matrix.param_specs[name]
        assert specs["default"].dtype == dtype
        torch.testing.assert_close(
            specs["default"].double(), torch.tensor([0.3]).double(), rtol=1e-5, atol=1e-6
        )
        matrix.set_param_specs(name, value=natural)
        assert matrix.param_specs[name]["default"].dtype == torch.float64
        low, _ = transform.bounds
        if math.isfinite(low):
            with pytest.raises(ValueError, match=name.replace("^", r"\^")):
                matrix.set_param_specs(name, value=low - 1.0)
    with pytest.raises(KeyError):
        matrix.set_param_specs("no such parameter", fixed=True)


@contract
def wrong_parameters_are_refused(case: Case) -> None:
    matrix = case.make()
    count = matrix.num_free_params
    for method in (matrix, matrix.grad, matrix.auto_grad, matrix.check_params, matrix.trans_params):
        with pytest.raises(ValueError, match=type(matrix).__name__):
            method(torch.zeros(count + 1))
        with pytest.raises(ValueError, match="1-D"):
            method(torch.zeros((count, 1)))
        with pytest.raises(TypeError):
            method([0.0] * count)
        with pytest.raises(TypeError):
            method(torch.zeros(count, dtype=torch.bool))
        with pytest.raises(ValueError, match="no such parameter"):
            method({**matrix.to_param_dict(None), "no such parameter": torch.zeros(1)})
        if count:
            named = matrix.to_param_dict(None)
            missing = named.popitem()[0]
            with pytest.raises(ValueError, match="missing"):
                method(named)
            with pytest.raises(TypeError, match=missing.replace("^", r"\^")):
                method({**named, missing: 0.5})
            with pytest.raises(ValueError, match=missing.replace("^", r"\^")):
                method({**named, missing: torch.zeros(2)})
