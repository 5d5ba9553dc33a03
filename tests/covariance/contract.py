"""What every structure promises, as checks that run on any way to build one.

`CONTRACT` lists the checks; each takes a `Case`. A class gets all of them by being declared, as
`test_contract` runs them on the example of every declaration in the catalogue.
"""

from __future__ import annotations

import copy
import math
import pickle
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from covstudio.covariance import Evaluation, Inverse, Matrix, Operator, SingularMatrixError

CONTRACT: list[Callable[[Case], None]] = []


@dataclass(frozen=True)
class Case:
    """A way to build a matrix; each call builds a new one."""

    name: str
    make: Callable[[], Matrix]
    picklable: bool = True
    repeats: bool = False
    """Whether one object occurs in several places: to fix a parameter in one is to fix it in all."""

    def generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(zlib.crc32(self.name.encode()))

    def thetas(self, count: int, spread: float = 1.0) -> list[Tensor]:
        """The defaults, then random raw parameters around them, in float64."""
        generator = self.generator()
        start = self.make().free_param_defaults.double()
        noise = torch.randn((count - 1, len(start)), generator=generator, dtype=torch.float64)
        return [start, *(start + spread * noise)]


def contract(check: Callable[[Case], None]) -> Callable[[Case], None]:
    CONTRACT.append(check)
    return check


def close(actual: Tensor | None, expected: Tensor | None, tolerance: float) -> None:
    """Agreement relative to the largest entry of what is expected."""
    if actual is None or expected is None:
        assert actual is expected
        return
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    scale = float(expected.abs().max()) if expected.numel() else 0.0
    torch.testing.assert_close(actual, expected, rtol=0.0, atol=tolerance * scale + 1e-300)


def slices_close(actual: Tensor | None, expected: Tensor | None, tolerance: float) -> None:
    """Agreement of each slice of a Jacobian relative to its own largest entry."""
    if actual is None or expected is None:
        assert actual is expected
        return
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    rounding = torch.finfo(expected.dtype).eps * float(expected.abs().max())
    for one, other in zip(actual, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0.0, atol=tolerance * float(other.abs().max()) + rounding)


def finite(tensor: Tensor | None) -> None:
    assert tensor is None or bool(torch.isfinite(tensor).all()), tensor


def extremes(matrix: Matrix) -> Iterator[Tensor]:
    """Raw parameters at and near the ends: each alone, then all together; and natural values of zero."""
    start = matrix.free_param_defaults.double()
    for k, transform in enumerate(matrix.free_param_trans):
        low, high = transform.bounds
        values = [-10.0, 10.0]
        if low < 0 < high:
            values.append(float(transform.inverse(torch.zeros(1, dtype=torch.float64))))
        for value in values:
            theta = start.clone()
            theta[k] = value
            yield theta
    for value in (-10.0, 0.0, 10.0):
        yield torch.full_like(start, value)


def ill_conditioned(matrix: Matrix, value: Tensor) -> bool:
    """Whether V is, or is made from, an inverse whose rounding errors leave no digits to compare."""
    if not isinstance(matrix, Operator):
        return False
    inverse = isinstance(matrix, Inverse) and float(torch.linalg.cond(value)) > 1e6
    return inverse or any(
        isinstance(operand, Matrix) and ill_conditioned(operand, value)
        for operand in matrix.operands.values()
    )


# -- value and shape -------------------------------------------------------------------------------


@contract
def shape_is_known_before_the_value(case: Case) -> None:
    matrix = case.make()
    shape = matrix.shape
    assert isinstance(shape, tuple)
    assert all(isinstance(size, int) and size > 0 for size in shape)
    for theta in case.thetas(3):
        assert tuple(matrix(theta).shape) == shape
    assert matrix.shape == shape


@contract
def promised_covariances_are_symmetric_and_positive_semi_definite(case: Case) -> None:
    matrix = case.make()
    if not matrix.psd:
        return
    assert matrix.shape[0] == matrix.shape[1]
    for theta in [*case.thetas(12), *case.thetas(12, spread=3.0)[1:]]:
        value = matrix(theta)
        finite(value)
        close(value, value.mT, 1e-15)
        eigenvalues = torch.linalg.eigvalsh(value)
        assert float(eigenvalues[0]) >= -1e-12 * float(eigenvalues[-1]), eigenvalues


@contract
def promised_definite_covariances_have_a_cholesky_factor(case: Case) -> None:
    matrix = case.make()
    if not matrix.positive_definite:
        return
    assert matrix.psd
    for theta in case.thetas(12):
        finite(torch.linalg.cholesky(matrix(theta)))


@contract
def all_ways_to_give_parameters_agree(case: Case) -> None:
    matrix = case.make()
    defaults = matrix.free_param_defaults
    value, (grad, names) = matrix(), matrix.grad()
    for params in (defaults, matrix.to_param_dict(defaults)):
        assert torch.equal(matrix(params), value)
        assert torch.equal(matrix.map_theta_to_v(params), value)
        other, other_names = matrix.grad(params)
        assert other_names == names
        assert (other is None and grad is None) or torch.equal(other, grad)
    slices = matrix.map_theta_to_dv(defaults)
    assert (slices is None and grad is None) or torch.equal(slices, grad)
    for theta in case.thetas(3):
        named = dict(reversed(matrix.to_param_dict(theta).items()))
        assert torch.equal(matrix(named), matrix(theta))


@contract
def calls_neither_remember_nor_share(case: Case) -> None:
    matrix = case.make()
    thetas = case.thetas(4)
    expected = []
    for theta in thetas:
        fresh = case.make()
        expected.append((fresh(theta), fresh.grad(theta)[0]))
    for order in ([0, 1, 2, 3], [3, 1, 0, 2, 2, 0], [1, 1, 3, 0]):
        for k in order:
            before = thetas[k].clone()
            grad = matrix.grad(thetas[k])[0]
            value = matrix(thetas[k])
            assert torch.equal(value, expected[k][0])
            assert (grad is None and expected[k][1] is None) or torch.equal(grad, expected[k][1])
            assert torch.equal(thetas[k], before)
            # What a caller does to a result is his own affair.
            value.fill_(math.nan)
            if grad is not None:
                grad.fill_(math.nan)


@contract
def threads_do_not_disturb_one_another(case: Case) -> None:
    matrix = case.make()
    thetas = case.thetas(8)
    expected = [(matrix(theta), matrix.grad(theta)[0]) for theta in thetas]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda theta: (matrix(theta), matrix.grad(theta)[0]), thetas * 3))
    for (value, grad), (other, slices) in zip(found, expected * 3, strict=True):
        assert torch.equal(value, other)
        assert (grad is None and slices is None) or torch.equal(grad, slices)


@contract
def precision_is_kept(case: Case) -> None:
    matrix = case.make()
    assert matrix().dtype == matrix.free_param_defaults.dtype
    for theta in case.thetas(4, spread=0.5):
        value, (grad, _) = matrix(theta), matrix.grad(theta)
        assert value.dtype == torch.float64
        single, (slices, _) = matrix(theta.float()), matrix.grad(theta.float())
        assert single.dtype == torch.float32
        close(single.double(), value, 2e-5)
        automatic, _ = matrix.auto_grad(theta.float())
        for jacobian in (slices, automatic):
            if grad is not None:
                assert jacobian is not None
                assert jacobian.dtype == torch.float32
                slices_close(jacobian.double(), grad, 5e-5)


# -- derivatives -----------------------------------------------------------------------------------


@contract
def jacobian_agrees_with_automatic_differentiation(case: Case) -> None:
    matrix = case.make()
    for theta in case.thetas(8):
        automatic, automatic_names = matrix.auto_grad(theta)
        grad, names = matrix.grad(theta)
        assert names == automatic_names == matrix.free_param_names
        slices_close(grad, automatic, 1e-10)
        if matrix.has_analytic_grad:
            manual, manual_names = matrix.manual_grad(theta)
            assert manual_names == names
            slices_close(manual, automatic, 1e-10)
        else:
            with pytest.raises(NotImplementedError):
                matrix.manual_grad(theta)


@contract
def jacobian_agrees_with_differences(case: Case) -> None:
    matrix = case.make()
    step = 1e-3
    for theta in case.thetas(4, spread=0.5):
        grad, _ = matrix.grad(theta)
        for k in range(matrix.num_free_params):
            unit = torch.zeros_like(theta)
            unit[k] = step
            near = matrix(theta + unit) - matrix(theta - unit)
            far = matrix(theta + 2 * unit) - matrix(theta - 2 * unit)
            difference = (8 * near - far) / (12 * step)
            tolerance = 1e-8 * (1 + float(difference.abs().max()) + float(matrix(theta).abs().max()))
            torch.testing.assert_close(grad[k], difference, rtol=0.0, atol=tolerance)


@contract
def jacobian_agrees_with_reverse_mode(case: Case) -> None:
    matrix = case.make()
    weights = torch.randn(matrix.shape, generator=case.generator(), dtype=torch.float64)
    for theta in [*case.thetas(3), *extremes(matrix)]:
        if not len(theta):
            return
        leaf = theta.clone().requires_grad_()
        try:
            value = matrix(leaf)
        except SingularMatrixError:
            continue
        (value * weights).sum().backward()
        finite(leaf.grad)
        if ill_conditioned(matrix, value.detach()):
            continue
        grad, _ = matrix.grad(theta)
        expected = (grad * weights).sum((1, 2))
        scale = (grad * weights).abs().sum((1, 2))
        assert bool(((leaf.grad - expected).abs() <= 1e-7 * scale + 1e-12).all())


@contract
def extreme_parameters_give_finite_results(case: Case) -> None:
    matrix = case.make()
    for theta in extremes(matrix):
        try:
            value = matrix(theta)
        except SingularMatrixError:
            # An inverse that does not exist is refused, never returned as Inf or NaN.
            continue
        finite(value)
        grad, _ = matrix.grad(theta)
        automatic, _ = matrix.auto_grad(theta)
        finite(grad)
        finite(automatic)
        if not ill_conditioned(matrix, value):
            slices_close(grad, automatic, 1e-7)
        finite(matrix.natural_grad(theta)[0])
        try:
            finite(matrix(theta.float()))
        except SingularMatrixError:
            continue
        finite(matrix.grad(theta.float())[0])


@contract
def ends_of_the_natural_domain_give_finite_results(case: Case) -> None:
    matrix = case.make()
    start = matrix.build_params(matrix.free_param_defaults.double())
    for k, transform in enumerate(matrix.param_trans):
        for end in transform.bounds:
            if not math.isfinite(end):
                continue
            natural = start.clone()
            natural[k] = end
            raw = matrix.param_defaults.double()
            raw[k] = float(transform.inverse(torch.tensor(end, dtype=torch.float64)))
            try:
                value = matrix.evaluate(natural)
            except SingularMatrixError:
                continue
            finite(value)
            finite(matrix.natural_jacobian(natural, range(matrix.num_params)))
            if len(raw) == matrix.num_free_params:
                close(matrix(raw), value, 1e-12)
                finite(matrix.grad(raw)[0])


@contract
def natural_jacobian_times_slopes_is_the_jacobian(case: Case) -> None:
    matrix = case.make()
    for theta in case.thetas(3):
        grad, names = matrix.grad(theta)
        natural, natural_names = matrix.natural_grad(theta)
        assert natural_names == names
        if grad is None:
            assert natural is None
            continue
        slices_close(natural * matrix.trans_grad(theta)[:, None, None], grad, 1e-12)
        values = matrix.build_params(theta)
        for order in ([0], list(reversed(range(matrix.num_params)))):
            some = matrix.natural_jacobian(values, order)
            slices_close(some, matrix.natural_jacobian(values, range(matrix.num_params))[order], 1e-13)


@contract
def modes_of_differentiation(case: Case) -> None:
    matrix = case.make()
    theta = case.thetas(2)[1]
    expected, names = matrix.auto_grad(theta)
    matrix.grad_mode = "auto"
    grad, automatic_names = matrix.grad(theta)
    assert automatic_names == names
    slices_close(grad, expected, 1e-13)
    matrix.grad_mode = "numeric"
    with pytest.raises(RuntimeError, match="numeric"):
        matrix.grad(theta)
    matrix.grad_mode = "default"
    slices_close(matrix.grad(theta)[0], expected, 1e-10)


# -- parameters ------------------------------------------------------------------------------------


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
        assert names == [
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
        for k, transform in enumerate(matrix.free_param_trans):
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
    for k, transform in enumerate(matrix.free_param_trans):
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
            method(torch.zeros(count, dtype=torch.int64))
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


# -- objects ---------------------------------------------------------------------------------------


@contract
def intermediates_belong_to_exact_parameters(case: Case) -> None:
    matrix = case.make()
    first, second = case.thetas(2)
    matrix.set_intermediates(first, "kept")
    if not len(first):
        assert matrix.get_intermediates(first) is None
        return
    assert matrix.get_intermediates(first.clone()) == "kept"
    assert matrix.get_intermediates(matrix.to_param_dict(first)) == "kept"
    assert matrix.get_intermediates(second) is None
    assert matrix.get_intermediates(first.float()) is None
    nearly = first.clone()
    nearly[0] = torch.nextafter(nearly[0], torch.tensor(math.inf, dtype=torch.float64))
    assert matrix.get_intermediates(nearly) is None
    matrix.reset_intermediates()
    assert matrix.get_intermediates(first) is None


@contract
def representation_is_readable(case: Case) -> None:
    matrix = case.make()
    text = repr(matrix)
    lines = text.split("\n")
    assert lines[0] == f"{type(matrix).__name__}("
    assert lines[-1] == ")"
    assert all(line.startswith("  ") for line in lines[1:-1])
    assert " object at 0x" not in text
    assert str(matrix.shape) in text
    assert isinstance(matrix.repr_dict, dict)
    assert matrix.repr_dict["shape"] == matrix.shape


@contract
def copies_are_independent(case: Case) -> None:
    matrix = case.make()
    theta = case.thetas(2)[1]
    copies = [copy.deepcopy(matrix)]
    if case.picklable:
        copies.append(pickle.loads(pickle.dumps(matrix)))
    for other in copies:
        assert torch.equal(other(theta), matrix(theta))
        assert repr(other) == repr(matrix)
        for name in other.free_param_names:
            other.set_param_specs(name, fixed=True)
    assert matrix.fixed_param_names == case.make().fixed_param_names


@contract
def incremental_evaluation_agrees(case: Case) -> None:
    matrix = case.make()
    evaluation = Evaluation()
    thetas = case.thetas(3)
    points = [*thetas, thetas[0]]
    for k in range(len(thetas[0])):
        moved = points[-1].clone()
        moved[k] += 0.25
        points.append(moved)
    for theta in points:
        natural = matrix.build_params(theta)
        close(evaluation.value(matrix, natural), matrix(theta), 1e-14)
        grad, names = matrix.grad(theta)
        plain, _ = matrix.natural_grad(theta)
        for k, name in enumerate(names):
            close(evaluation.slice(matrix, natural, name, scale="natural"), plain[k], 1e-13)
            raw = evaluation.slice(matrix, natural, name)
            assert float((raw - grad[k]).abs().max()) <= 1e-9 * (1 + float(grad[k].abs().max()))
