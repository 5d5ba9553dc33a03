"""The record of a call, which serves the Jacobian at the same theta: how often things are computed."""

from __future__ import annotations

import copy
import math
import pickle
import threading
from collections import Counter

import pytest
import torch
from torch import Tensor

from covstudio.covariance import (
    AR1Matrix,
    CompoundSymmetricMatrix,
    DiagonalMatrix,
    ExponentialMatrix,
    HadamardProduct,
    Inverse,
    KroneckerProduct,
    Matrix,
    Operator,
    Parameter,
    ScalarMatrix,
    SimpleMatrix,
    Sum,
    TransformExp,
)
from covstudio.covariance.core.recall import KEPT_BYTES
from tests.covariance.operator_cases import DOUBLE, theta_of


class Counted(TransformExp):
    """An exponential that counts how often it is taken."""

    calls = 0

    def __call__(self, x: Tensor) -> Tensor:
        type(self).calls += 1
        return super().__call__(x)


def count(monkeypatch: pytest.MonkeyPatch, *methods: tuple[type, str]) -> Counter[str]:
    """Count the calls of methods from here on."""
    counts: Counter[str] = Counter()

    def counting(cls: type, name: str) -> None:
        original = getattr(cls, name)

        def counted(self: Matrix, *args: object, **kwargs: object) -> object:
            counts[name] += 1
            return original(self, *args, **kwargs)

        monkeypatch.setattr(cls, name, counted)

    for cls, name in methods:
        counting(cls, name)
    return counts


def test_natural_values_are_computed_once_for_the_call_and_the_jacobian() -> None:
    Counted.calls = 0
    v = ScalarMatrix(3, {"s": Parameter("s", Counted())})
    theta = torch.tensor([0.5])
    v(theta)
    v.grad(theta.clone())
    v.map_theta_to_dv(theta)
    assert Counted.calls == 1
    v.grad(theta + 1e-7)
    assert Counted.calls == 2, "another theta, however near"
    v.grad(theta.double() + 1e-7)
    assert Counted.calls == 3, "another precision"


def test_a_leaf_computes_its_correlations_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = count(monkeypatch, (AR1Matrix, "_correlations"), (ExponentialMatrix, "correlation"))
    for v, name in ((AR1Matrix(5), "_correlations"), (ExponentialMatrix([0.0, 1.0, 3.0]), "correlation")):
        theta = torch.tensor([0.5, 0.3], dtype=DOUBLE)
        v(theta)
        v.grad(theta)
        v(theta)
        assert counts[name] == 1
        v.grad(theta + 0.5)
        assert counts[name] == 2


def test_a_tree_computes_what_derivatives_need_once_to_any_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = count(
        monkeypatch,
        (AR1Matrix, "_correlations"),
        (Inverse, "combine"),
        (CompoundSymmetricMatrix, "write"),
    )
    v = Sum(
        field=KroneckerProduct(row=AR1Matrix(3), column=CompoundSymmetricMatrix(2)),
        other=Inverse(Sum(a=AR1Matrix(6), b=ScalarMatrix(6))),
    )
    theta = theta_of(v)
    v(theta)
    assert counts == {"_correlations": 2, "combine": 1, "write": 1}
    v.grad(theta)
    assert counts == {"_correlations": 2, "combine": 1, "write": 2}, "the second time for its slices alone"
    v.grad(theta + 0.1)
    assert counts["combine"] == 2
    assert counts["_correlations"] == 4


def test_value_and_jacobian_together_take_one_inverse(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = count(monkeypatch, (Inverse, "combine"))
    Inverse(Sum(a=AR1Matrix(4), b=ScalarMatrix(4))).value_and_grad()
    assert counts["combine"] == 1


def test_nothing_is_kept_where_the_cache_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = count(monkeypatch, (AR1Matrix, "_correlations"))
    v = KroneckerProduct(row=AR1Matrix(3), column=AR1Matrix(2))
    theta = theta_of(v)
    v(theta)
    kept = v._recall
    assert kept is not None
    v.disable_cache()
    assert v._recall is None
    assert all(operand._recall is None for operand in v.operands.values())
    before = counts.total()
    v(theta)
    v.grad(theta)
    assert counts.total() > before + 2
    assert v._recall is None
    v.enable_cache()
    v(theta)
    v.reset_intermediates()
    assert v._recall is None
    assert all(operand._recall is None for operand in v.operands.values())


def test_an_operand_that_keeps_nothing_is_no_hindrance() -> None:
    v = KroneckerProduct(row=AR1Matrix(3), column=AR1Matrix(2))
    v.operands["row"].disable_cache()
    theta = theta_of(v)
    v(theta)
    assert v.operands["row"]._recall is None
    torch.testing.assert_close(v.grad(theta)[0], v.auto_grad(theta)[0])


def test_what_is_large_is_not_kept() -> None:
    size = math.isqrt(KEPT_BYTES // 8) + 1
    large = HadamardProduct(a=AR1Matrix(size), b=CompoundSymmetricMatrix(size))
    small = HadamardProduct(a=AR1Matrix(size // 2), b=CompoundSymmetricMatrix(size // 2))
    for v, kept in ((large, 0), (small, 2)):
        theta = theta_of(v)
        v(theta)
        v.grad(theta)
        assert v._recall is not None
        assert len(v._recall.kept) == kept


def test_a_sum_keeps_no_operand() -> None:
    v = Sum(a=AR1Matrix(3), b=CompoundSymmetricMatrix(3))
    v(theta_of(v))
    assert v._recall is not None
    assert not v._recall.kept, "no derivative needs the value of a term"


def test_what_is_given_out_may_be_written_to() -> None:
    class Same(Operator):
        """Gives out its operand's value itself."""

        operand_count = (1, 1)

        def combine(self, values: list[Tensor]) -> Tensor:
            return values[0]

        def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
            return direction + 0 * values[0]

    class Free(Matrix):
        """Gives out its natural values, which are those of theta."""

        def __init__(self) -> None:
            super().__init__((2, 1), {name: Parameter(name) for name in "ab"})

        def evaluate(self, natural: Tensor) -> Tensor:
            return natural[:, None]

        def differentiate(self, natural: Tensor, index: list[int]) -> Tensor:
            return natural.sum() * torch.eye(2, dtype=natural.dtype)[index][..., None]

    for v in (Same(a=AR1Matrix(2)), Same(a=Same(a=AR1Matrix(2))), Free(), Same(a=Free())):
        theta = theta_of(v)
        before = theta.clone()
        value = v(theta)
        expected, grad = value.clone(), v.grad(theta)[0]
        assert grad is not None
        expected_grad = grad.clone()
        for _ in range(2):
            value.fill_(math.nan)
            grad.fill_(math.nan)
            assert torch.equal(theta, before)
            value, grad = v(theta), v.grad(theta)[0]
            assert torch.equal(value, expected)
            assert grad is not None
            assert torch.equal(grad, expected_grad)


def test_a_function_may_read_what_changes() -> None:
    level = torch.tensor(1.0, dtype=DOUBLE)

    def call(theta: Tensor) -> Tensor:
        return level * (1 + theta[0]) * torch.eye(2, dtype=theta.dtype)

    v = KroneckerProduct(a=SimpleMatrix(1, call), b=AR1Matrix(2))
    theta = torch.tensor([0.5, 0.1, 0.2], dtype=DOUBLE)
    v(theta)
    level.fill_(3.0)
    torch.testing.assert_close(v.grad(theta)[0], v.auto_grad(theta)[0])
    torch.testing.assert_close(v(theta)[0, 0], 4.5 * torch.exp(torch.tensor(0.2, dtype=DOUBLE)))


def test_a_tensor_operand_may_be_written_to() -> None:
    weights = torch.ones(2, 2, dtype=DOUBLE)
    v = KroneckerProduct(a=Sum(a=AR1Matrix(2), b=weights), b=ScalarMatrix(2))
    theta = theta_of(v)
    v(theta)
    weights.mul_(5.0)
    torch.testing.assert_close(v.grad(theta)[0], v.auto_grad(theta)[0])


def test_a_changed_declaration_is_seen() -> None:
    v = KroneckerProduct(a=AR1Matrix(2), b=ScalarMatrix(2))
    v.set_param_specs("a/rho", fixed=True, value=0.5)
    theta = theta_of(v)
    v(theta)
    v.set_param_specs("a/rho", value=-0.5)
    assert float(v.grad(theta)[0][1, 0, 2]) < 0
    torch.testing.assert_close(v.grad(theta)[0], v.auto_grad(theta)[0])


def test_other_modes_of_torch_neither_use_nor_leave_what_they_cannot() -> None:
    v = KroneckerProduct(a=AR1Matrix(2), b=CompoundSymmetricMatrix(2))
    theta = theta_of(v)
    expected = v.auto_grad(theta)[0]
    with torch.inference_mode():
        v(theta)
        v.grad(theta)
    torch.testing.assert_close(v.grad(theta)[0], expected)
    watched = theta.clone().requires_grad_()
    (score,) = torch.autograd.grad(v(watched).sum(), watched)
    torch.testing.assert_close(score, expected.sum((1, 2)))
    jacobian = torch.func.jacfwd(lambda scale: v(theta) * scale)(torch.tensor(2.0, dtype=DOUBLE))
    torch.testing.assert_close(jacobian, v(theta))
    second = torch.func.jacrev(lambda point: v.grad(point)[0])(theta)
    torch.testing.assert_close(second, torch.func.jacfwd(lambda point: v.grad(point)[0])(theta))
    torch.testing.assert_close(v.grad(theta)[0], expected)


def test_copies_and_files_start_without() -> None:
    v = KroneckerProduct(a=AR1Matrix(2), b=CompoundSymmetricMatrix(2))
    v(theta_of(v))
    for other in (copy.deepcopy(v), copy.copy(v), pickle.loads(pickle.dumps(v))):
        assert other._recall is None
    assert v._recall is not None
    assert all(operand._recall is None for operand in copy.deepcopy(v).operands.values())


def test_an_object_called_by_itself_and_in_a_tree() -> None:
    time = AR1Matrix(3)
    v = KroneckerProduct(time=time, row=ScalarMatrix(2))
    theta = theta_of(v)
    own = torch.tensor([-0.3, 0.9], dtype=DOUBLE)
    expected = {"tree": copy.deepcopy(v).grad(theta)[0], "leaf": copy.deepcopy(time).grad(own)[0]}
    v(theta)
    time(own)
    torch.testing.assert_close(v.grad(theta)[0], expected["tree"])
    torch.testing.assert_close(time.grad(own)[0], expected["leaf"])


def test_threads_share_a_tree() -> None:
    v = Sum(
        a=KroneckerProduct(a=AR1Matrix(4), b=CompoundSymmetricMatrix(3)),
        b=Inverse(Sum(a=DiagonalMatrix(12), b=AR1Matrix(12))),
    )
    numbers = torch.Generator().manual_seed(1)
    thetas = [torch.randn(v.num_free_params, generator=numbers, dtype=DOUBLE) for _ in range(6)]
    expected = [copy.deepcopy(v).value_and_grad(theta)[:2] for theta in thetas]
    start, wrong = threading.Barrier(len(thetas)), []

    def work(which: int) -> None:
        start.wait()
        for turn in range(60):
            # Some ask at a theta of their own, and some at that of a neighbour.
            k = (which + turn // 20) % len(thetas)
            value, (grad, _) = v(thetas[k]), v.grad(thetas[k])
            for ours, theirs in zip((value, grad), expected[k], strict=True):
                if not torch.allclose(ours, theirs, rtol=1e-11, atol=1e-13):
                    wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(thetas))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
