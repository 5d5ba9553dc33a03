"""Incremental evaluation: right values and slices, and nothing computed that need not be."""

from __future__ import annotations

import gc
import math
from collections import Counter
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from covstudio.covariance import (
    AR1Matrix,
    BlockDiagonal,
    CovariancePropagation,
    DummyMatrix,
    Evaluation,
    HadamardProduct,
    IdentityMatrix,
    Inverse,
    KroneckerProduct,
    Matrix,
    Operator,
    Parameter,
    Product,
    ScalarMatrix,
    Sum,
    TransformExpPow2,
)

DOUBLE = torch.float64


class Counting(Matrix):
    """sigma^2 I + rho J, counting what is asked of it."""

    def __init__(self, n: int) -> None:
        self.count: Counter[str] = Counter()
        super().__init__((n, n), {"s": Parameter("s", TransformExpPow2()), "r": Parameter("r", default=0.1)})

    def evaluate(self, natural: Tensor) -> Tensor:
        self.count["value"] += 1
        size = self.shape[0]
        return natural[0] * torch.eye(size, dtype=natural.dtype) + natural[1]

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        for k in index:
            self.count[self.param_names[k]] += 1
        size = self.shape[0]
        both = [torch.eye(size, dtype=natural.dtype), torch.ones(size, size, dtype=natural.dtype)]
        return torch.stack([both[k] for k in index])


def counting_operator(base: type[Operator]) -> type[Operator]:
    class Counted(base):  # type: ignore[misc, valid-type]
        def __init__(self, *operands: object, **named: object) -> None:
            self.count: Counter[str] = Counter()
            super().__init__(*operands, **named)

        def combine(self, values: list[Tensor]) -> Tensor:
            self.count["value"] += 1
            return super().combine(values)

        def propagate(self, values: list[Tensor], position: int, direction: Tensor) -> Tensor:
            self.count[f"slice {position}"] += 1
            return super().propagate(values, position, direction)

        def propagate_needs(self, position: int) -> tuple[int, ...]:
            return super().propagate_needs(position)

    return Counted


CountedSum, CountedKronecker, CountedHadamard, CountedProduct = map(
    counting_operator, (Sum, KroneckerProduct, HadamardProduct, Product)
)


def naturals(matrix: Matrix) -> Tensor:
    return matrix.build_params(matrix.free_param_defaults.double())


def check_all(evaluation: Evaluation, matrix: Matrix, natural: Tensor) -> None:
    """Every value and slice against a fresh computation."""
    assert torch.equal(evaluation.value(matrix, natural), matrix.evaluate(natural))
    jacobian = matrix.natural_jacobian(natural, range(matrix.num_params))
    layout = matrix._layout()
    slopes = layout.slope(layout.raw(natural))
    for k, name in enumerate(matrix.param_names):
        torch.testing.assert_close(evaluation.slice(matrix, natural, name, scale="natural"), jacobian[k])
        torch.testing.assert_close(evaluation.slice(matrix, natural, name), jacobian[k] * slopes[k])


def tree() -> Operator:
    return Sum(
        field=KroneckerProduct(row=AR1Matrix(3), column=AR1Matrix(2)),
        genotype=CovariancePropagation(z=DummyMatrix([1, 2, 1, 2, 3, 3]), g=Inverse(AR1Matrix(3))),
        site=BlockDiagonal(ScalarMatrix(2), HadamardProduct(AR1Matrix(4), torch.tensor([2.0]))),
        known=torch.eye(6),
        noise=ScalarMatrix(6),
    )


def test_values_and_slices_stay_right_along_a_random_walk() -> None:
    v = tree()
    evaluation = Evaluation()
    generator = torch.Generator().manual_seed(3)
    natural = naturals(v)
    for _ in range(30):
        k = int(torch.randint(v.num_params, (1,), generator=generator))
        natural = natural.clone()
        low, high = v.parameters[k].transform.bounds
        share = float(torch.rand(1, generator=generator)) * 0.98 + 0.01
        natural[k] = low + share * (min(high, low + 3) - low)
        check_all(evaluation, v, natural)


def test_the_caller_may_write_into_its_own_vector() -> None:
    v = tree()
    evaluation = Evaluation()
    natural = naturals(v)
    first = evaluation.value(v, natural).clone()
    natural[0] = 3.0
    second = evaluation.value(v, natural)
    assert not torch.equal(first, second)
    check_all(evaluation, v, natural)


def test_only_the_path_of_a_change_is_computed() -> None:
    a, b, c = Counting(2), Counting(3), Counting(6)
    kronecker = CountedKronecker(a=a, b=b)
    v = CountedSum(field=kronecker, noise=c)
    evaluation = Evaluation()
    natural = naturals(v)
    evaluation.value(v, natural)
    evaluation.value(v, natural.clone())
    assert [m.count["value"] for m in (a, b, c, kronecker, v)] == [1, 1, 1, 1, 1]
    natural = natural.clone()
    natural[v.param_names.index("noise/s")] = 2.0
    evaluation.value(v, natural)
    assert [m.count["value"] for m in (a, b, c, kronecker, v)] == [1, 1, 2, 1, 2]
    natural = natural.clone()
    natural[v.param_names.index("field/b/r")] = 0.3
    evaluation.value(v, natural)
    assert [m.count["value"] for m in (a, b, c, kronecker, v)] == [1, 2, 2, 2, 3]
    assert sum(a.count.values()) == 1, "no slice was asked for, none was computed"


def test_slices_of_a_sum_do_not_depend_on_the_other_terms() -> None:
    a, b = Counting(3), Counting(3)
    v = CountedSum(a=a, b=b)
    evaluation = Evaluation()
    natural = naturals(v)
    kept = evaluation.slice(v, natural, "a/s")
    natural = natural.clone()
    natural[v.param_names.index("b/s")] = 5.0
    assert evaluation.slice(v, natural, "a/s") is kept
    assert a.count["s"] == 1
    assert v.count["slice 0"] == 1
    assert v.count["value"] == 0, "no slice of a sum needs its value"


def test_slices_of_a_product_follow_the_other_factor_only() -> None:
    a, b = Counting(2), Counting(2)
    v = CountedHadamard(a=a, b=b)
    evaluation = Evaluation()
    natural = naturals(v)
    for name in v.param_names:
        evaluation.slice(v, natural, name)
    assert (v.count["slice 0"], v.count["slice 1"]) == (2, 2)
    natural = natural.clone()
    natural[v.param_names.index("b/s")] = 5.0
    for name in v.param_names:
        evaluation.slice(v, natural, name)
    # A's own derivative is as it was, but it is multiplied by the new B; B's is new, multiplied by the old A.
    assert a.count["s"] == a.count["r"] == 1
    assert b.count["s"] == b.count["r"] == 2
    assert (v.count["slice 0"], v.count["slice 1"]) == (4, 4)
    check_all(evaluation, v, natural)


def test_a_slice_high_up_survives_changes_it_does_not_depend_on() -> None:
    a, b, c = Counting(2), Counting(2), Counting(2)
    inner = CountedSum(a=a, b=b)
    v = CountedProduct(left=inner, right=c)
    evaluation = Evaluation()
    natural = naturals(v)
    kept = evaluation.slice(v, natural, "left/a/s", scale="natural")
    natural = natural.clone()
    natural[v.param_names.index("left/b/s")] = 5.0
    # d(A + B) C: neither dA nor C has changed.
    assert evaluation.slice(v, natural, "left/a/s", scale="natural") is kept
    assert v.count["slice 0"] == 1
    natural = natural.clone()
    natural[v.param_names.index("right/s")] = 5.0
    assert evaluation.slice(v, natural, "left/a/s", scale="natural") is not kept
    assert (inner.count["slice 0"], v.count["slice 0"]) == (1, 2)


def test_parts_of_a_tree_share_its_work() -> None:
    a, b = Counting(2), Counting(2)
    inner = CountedSum(a=a, b=b)
    v = CountedSum(inner=inner, again=CountedHadamard(a=a, b=torch.ones(2, 2)))
    evaluation = Evaluation()
    natural = naturals(v)
    evaluation.value(v, natural)
    evaluation.value(inner, natural[:4])
    evaluation.value(a, natural[:2])
    evaluation.slice(inner, natural[:4], "a/s")
    evaluation.slice(v, natural, "inner/a/s")
    evaluation.slice(v, natural, "again/a/s")
    assert a.count == {"value": 1, "s": 1}
    assert inner.count == {"value": 1, "slice 0": 1}


def test_one_object_at_two_parameter_values() -> None:
    leaf = Counting(2)
    v = Sum(leaf, leaf)
    evaluation = Evaluation()
    natural = torch.tensor([1.0, 0.1, 2.0, 0.2], dtype=DOUBLE)
    for _ in range(3):
        check_all(evaluation, v, natural)
    before = leaf.count["value"]
    for step in range(5):
        moved = natural.clone()
        moved[0] = 3.0 + step
        evaluation.value(v, moved)
        evaluation.slice(v, moved, "op_1/s")
    assert leaf.count["value"] == before + 5, "the second occurrence stayed as it was"


def test_comparison_is_exact() -> None:
    leaf = Counting(1)
    evaluation = Evaluation()
    x = torch.tensor([1.0, 0.0], dtype=DOUBLE)
    evaluation.value(leaf, x)
    nudged = torch.nextafter(x, torch.tensor(2.0, dtype=DOUBLE))
    assert evaluation.value(leaf, nudged).item() == 1.0 + 2**-52 + 5e-324
    assert leaf.count["value"] == 2


def test_slices_on_either_scale_and_at_the_boundary() -> None:
    v = Sum(a=ScalarMatrix(2), b=AR1Matrix(2))
    v.set_param_specs("b/sigma^2", fixed=True)
    evaluation = Evaluation()
    natural = torch.tensor([0.0, 3.0, 0.5], dtype=DOUBLE)
    assert torch.equal(evaluation.slice(v, natural, "a/sigma^2", "natural"), torch.eye(2, dtype=DOUBLE))
    assert torch.equal(evaluation.slice(v, natural, "a/sigma^2"), torch.zeros(2, 2, dtype=DOUBLE))
    off = torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=DOUBLE)
    torch.testing.assert_close(evaluation.slice(v, natural, "b/rho", "natural"), 3.0 * off)
    # rho = tanh(theta / 2): slope (1 - rho^2) / 2
    torch.testing.assert_close(evaluation.slice(v, natural, "b/rho"), 3.0 * 0.375 * off)
    fixed = evaluation.slice(v, natural, "b/sigma^2", "natural")
    torch.testing.assert_close(fixed, torch.tensor([[1.0, 0.5], [0.5, 1.0]], dtype=DOUBLE))


def test_raw_slices_are_kept_too() -> None:
    v = Sum(a=ScalarMatrix(2), b=AR1Matrix(2))
    evaluation = Evaluation()
    natural = naturals(v)
    kept = evaluation.slice(v, natural, "a/sigma^2")
    assert evaluation.slice(v, natural, "a/sigma^2") is kept
    natural[0] = 2.0
    torch.testing.assert_close(evaluation.slice(v, natural, "a/sigma^2"), 4.0 * torch.eye(2, dtype=DOUBLE))


def test_structures_of_the_older_style() -> None:
    class Older(Matrix):
        def __init__(self) -> None:
            super().__init__((2, 2), ["s", "t"], [TransformExpPow2()])

        def __call__(self, params: Tensor) -> Tensor:
            return torch.diag(self.build_params(params))

    class OlderOperator(Operator):
        def __call__(self, params: Tensor | None = None) -> Tensor:
            return 2 * self.build_operands(params)[0]

    v = Sum(a=Older(), b=OlderOperator(x=AR1Matrix(2)))
    v.set_param_specs("a/t", fixed=True)
    evaluation = Evaluation()
    natural = torch.tensor([2.0, 5.0, 3.0, 0.5], dtype=DOUBLE)
    expected = torch.tensor([[8.0, 3.0], [3.0, 11.0]], dtype=DOUBLE)
    torch.testing.assert_close(evaluation.value(v, natural), expected)
    torch.testing.assert_close(
        evaluation.slice(v, natural, "a/t", "natural"), torch.diag(torch.tensor([0.0, 1.0], dtype=DOUBLE))
    )
    torch.testing.assert_close(
        evaluation.slice(v, natural, "b/x/sigma^2", "natural"),
        torch.tensor([[2.0, 1.0], [1.0, 2.0]], dtype=DOUBLE),
    )


def test_forgetting_and_letting_go() -> None:
    leaf = Counting(2)
    evaluation = Evaluation()
    natural = naturals(leaf)
    evaluation.value(leaf, natural)
    evaluation.forget()
    evaluation.value(leaf, natural)
    assert leaf.count["value"] == 2
    v = tree()
    evaluation.value(v, naturals(v))
    assert len(evaluation._nodes) > 5
    del v
    gc.collect()
    assert len(evaluation._nodes) == 1


def test_memory_is_bounded_along_a_drag() -> None:
    v = tree()
    evaluation = Evaluation()
    natural = naturals(v)
    for step in range(20):
        natural[0] = 1.0 + step
        evaluation.value(v, natural)
        for name in v.param_names:
            evaluation.slice(v, natural, name)
    for node in evaluation._nodes.values():
        assert len(node.states) <= node.capacity
        assert all(len(entries) <= node.capacity for entries in node.slices.values())


def test_without_parameters_and_in_single_precision() -> None:
    evaluation = Evaluation()
    value = evaluation.value(IdentityMatrix(2), torch.zeros(0))
    assert torch.equal(value, torch.eye(2, dtype=DOUBLE))
    assert evaluation.value(ScalarMatrix(1), torch.tensor([2.0])).dtype == DOUBLE


def test_errors() -> None:
    evaluation = Evaluation()
    v = Sum(a=ScalarMatrix(2), b=AR1Matrix(2))
    with pytest.raises(ValueError, match=r"natural values of all 3 parameters .* got shape \(2,\)"):
        evaluation.value(v, torch.zeros(2))
    with pytest.raises(KeyError, match="Sum has no parameter 'sigma"):
        evaluation.slice(v, torch.ones(3), "sigma^2")
    with pytest.raises(ValueError, match="scale='raw' or 'natural', got 'log'"):
        evaluation.slice(v, torch.ones(3), "a/sigma^2", scale="log")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="singular"):
        evaluation.value(Inverse(ScalarMatrix(2)), torch.zeros(1))


def test_the_naturals_of_a_model_are_those_of_build_params() -> None:
    v = tree()
    theta = torch.linspace(-1.0, 1.0, v.num_free_params, dtype=DOUBLE)
    evaluation = Evaluation()
    torch.testing.assert_close(evaluation.value(v, v.build_params(theta)), v(theta), rtol=1e-14, atol=1e-14)
    grad, names = v.grad(theta)
    for k, name in enumerate(names):
        got = evaluation.slice(v, v.build_params(theta), name)
        torch.testing.assert_close(got, grad[k], rtol=1e-10, atol=1e-12)
    assert math.isfinite(float(grad.sum()))
