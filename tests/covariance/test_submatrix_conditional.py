"""Submatrix and Conditional: positions, what is left when rows are known, and where that is singular."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from covstudio.covariance import (
    AR1Matrix,
    Conditional,
    DiagonalMatrix,
    EqualEntryMatrix,
    KnownMatrix,
    LowerTriangularMatrix,
    Operator,
    ScalarMatrix,
    Scale,
    ShapeError,
    SingularMatrixError,
    Submatrix,
    Sum,
    UnconstrainedMatrix,
    UnstructuredMatrix,
)
from tests.covariance.operator_cases import DOUBLE, numerical, schur, theta_of


@pytest.mark.parametrize("kind", [Submatrix, Conditional])
def test_positions_in_any_form(kind: type[Operator]) -> None:
    word = "index" if kind is Submatrix else "given"
    expected = kind(AR1Matrix(4), **{word: [2, 0]})()
    assert getattr(kind(AR1Matrix(4), [2, 0]), word) == (2, 0)
    for form in ((2, 0), range(2, -1, -2), torch.tensor([2, 0]), torch.tensor([2, 0]).numpy()):
        assert torch.equal(kind(AR1Matrix(4), form)(), expected)
        assert torch.equal(kind({"a": AR1Matrix(4)}, **{word: form})(), expected)
        assert torch.equal(kind(a=AR1Matrix(4), **{word: form})(), expected)


@pytest.mark.parametrize("kind", [Submatrix, Conditional])
@pytest.mark.parametrize(
    ("positions", "error", "words"),
    [
        (None, ValueError, "must list positions of the operand counted from 0, got none"),
        ([], ValueError, "at least one position"),
        ([0, -1], ValueError, "counted from 0, got -1"),
        ([1, 0, 1], ValueError, "each position once, got 1 2 times"),
        ([0, 3], ShapeError, r"positions from 0 to 2 of operand 'a' \(3 x 3\), got 3"),
        ([0.0], TypeError, "whole numbers"),
        ([True], TypeError, "whole numbers"),
        ("01", TypeError, "list positions"),
        (1, TypeError, "list positions"),
    ],
)
def test_bad_positions_are_refused(
    kind: type[Operator], positions: Any, error: type[Exception], words: str
) -> None:
    word = "index" if kind is Submatrix else "given"
    with pytest.raises(error, match=f"^{word} .*{words}"):
        kind(a=AR1Matrix(3), **{word: positions})


@pytest.mark.parametrize("kind", [Submatrix, Conditional])
def test_other_bad_operands_are_refused(kind: type[Operator]) -> None:
    with pytest.raises(ShapeError, match=r"square matrix, got 'op_0' \(3 x 2\)"):
        kind(LowerTriangularMatrix(3, 2), [0])
    with pytest.raises(ValueError, match="exactly 1 operand, got 3"):
        kind(AR1Matrix(3), AR1Matrix(3), AR1Matrix(3), [0])
    with pytest.raises(TypeError, match=r"as a Matrix or a torch\.Tensor, got a list"):
        kind([[1.0]], [0])
    with pytest.raises(ShapeError, match="square"):
        kind.shape_rule([(3, 2)], ["a"])


def test_shapes_before_the_operand_is_known() -> None:
    assert Submatrix.shape_rule([None], ["a"], index=[0, 4]) == (2, 2)
    assert Submatrix.shape_rule([(5, 5)], ["a"]) is None
    assert Conditional.shape_rule([None], ["a"], given=[0, 4]) is None
    assert Conditional.shape_rule([(5, 5)], ["a"], given=[0, 4]) == (3, 3)
    with pytest.raises(ShapeError, match=r"^given must leave a position"):
        Conditional(AR1Matrix(2), [0, 1])


@given(st.integers(0, 10_000), st.permutations(range(6)), st.integers(1, 4), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_conditioning_at_once_and_step_by_step_agree(
    seed: int, order: list[int], first: int, second: int
) -> None:
    """The quotient property of Schur complements (Crabtree & Haynsworth 1969)."""
    a = UnstructuredMatrix(6)
    theta = theta_of(a, seed)
    one, two = order[:first], order[first : min(5, first + second)]
    if not two:
        return
    left = [k for k in range(6) if k not in one]
    inner = Conditional(a, given=one)
    assert inner.left == tuple(left)
    stepwise = Conditional(inner, given=[left.index(k) for k in two])
    at_once = Conditional(a, given=one + two)
    torch.testing.assert_close(stepwise(theta), at_once(theta), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(stepwise.grad(theta)[0], at_once.grad(theta)[0], rtol=1e-6, atol=1e-6)


def test_the_conditional_covariance_of_a_kriging_example() -> None:
    """Simple kriging by hand: one neighbour at correlation r leaves the variance 1 - r^2."""
    for r in (0.0, 0.5, -0.9, 0.999):
        known = KnownMatrix([[1.0, r], [r, 1.0]])
        value = Conditional(a=known, given=[1])(torch.zeros(1, dtype=DOUBLE))
        assert float(value) == pytest.approx(1 - r * r, rel=1e-13)


def test_the_derivative_is_exact_where_rows_are_almost_the_same() -> None:
    """V = sigma^2 (1 - rho^2) of AR1 given its neighbour, so dV/d rho = -2 sigma^2 rho."""
    op = Conditional(AR1Matrix(2), given=[0])
    for gap in (0.1, 1e-4, 1e-8, 1e-12):
        natural = torch.tensor([3.0, 1 - gap], dtype=DOUBLE)
        slices = op.natural_jacobian(natural, [0, 1]).flatten()
        assert float(slices[1]) == pytest.approx(-6 * (1 - gap), rel=1e-12)
        assert float(slices[0]) == pytest.approx(gap * (2 - gap), rel=1e-12, abs=1e-15)


@given(st.lists(st.floats(-10, 10), min_size=15, max_size=15), st.permutations(range(5)), st.integers(1, 4))
@settings(max_examples=120, deadline=None)
def test_conditional_covariances_are_positive_semi_definite_for_any_theta(
    raw: list[float], order: list[int], count: int
) -> None:
    op = Conditional(UnstructuredMatrix(5), given=order[:count])
    theta = torch.tensor(raw, dtype=DOUBLE)
    try:
        value = op(theta)
        grad, _ = op.grad(theta)
    except SingularMatrixError:
        return
    assert torch.equal(value, value.mT)
    eigenvalues = torch.linalg.eigvalsh(value)
    assert float(eigenvalues[0]) >= -1e-10 * float(eigenvalues[-1])
    assert bool(torch.isfinite(grad).all())


def test_what_is_known_completely_leaves_a_positive_semi_definite_rest() -> None:
    """A singular covariance: given as many positions as its rank, nothing but rounding is left."""
    factor = torch.randn(6, 2, dtype=DOUBLE, generator=torch.Generator().manual_seed(4))
    op = Conditional(Scale(factor @ factor.T), given=[1, 4])
    value = op(torch.zeros(1, dtype=DOUBLE))
    assert float(value.abs().max()) < 1e-13
    assert float(torch.linalg.eigvalsh(value)[0]) >= -1e-25
    leaf = torch.zeros(1, dtype=DOUBLE, requires_grad=True)
    op(leaf).sum().backward()
    assert bool(torch.isfinite(leaf.grad).all())  # type: ignore[arg-type]


def test_variances_of_very_different_sizes_are_not_singular() -> None:
    a = DiagonalMatrix(4)
    op = Conditional(a, given=[0, 1])
    natural = torch.tensor([1e-14, 1e14, 2.0, 3.0], dtype=DOUBLE)
    torch.testing.assert_close(op.evaluate(natural), torch.diag(torch.tensor([2.0, 3.0], dtype=DOUBLE)))


def test_a_singular_given_block_is_refused() -> None:
    correlated = Conditional(a=EqualEntryMatrix(4), given=[3, 1])
    with pytest.raises(
        SingularMatrixError, match=r"operand 'a'.*2 x 2 block.*position 1 is determined by those before it"
    ):
        correlated()
    no_variance = Conditional(DiagonalMatrix(3), given=[2])
    natural = torch.tensor([1.0, 1.0, 0.0], dtype=DOUBLE)
    with pytest.raises(SingularMatrixError, match="position 2 has no variance"):
        no_variance.evaluate(natural)
    with pytest.raises(SingularMatrixError):
        no_variance.natural_jacobian(natural, [0])
    by_lu = Conditional(UnconstrainedMatrix(3), given=[0, 1])
    with pytest.raises(SingularMatrixError, match="2 x 2 block that is singular"):
        by_lu.evaluate(torch.tensor([1.0, 1.0, 1.0, 0.3, 0.2, 2.0], dtype=DOUBLE))
    nested = Sum(x=correlated, y=ScalarMatrix(2))
    with pytest.raises(SingularMatrixError, match="operand 'x': Conditional"):
        nested()


def test_what_parts_promise() -> None:
    for kind in (Submatrix, Conditional):
        assert kind(AR1Matrix(3), [0]).positive_definite
        assert kind(EqualEntryMatrix(3), [0]).psd
        assert not kind(EqualEntryMatrix(3), [0]).positive_definite
        assert not kind(UnconstrainedMatrix(3), [0]).psd


def test_an_indefinite_operand_has_a_schur_complement_too() -> None:
    op = Conditional(UnconstrainedMatrix(4), given=[2, 0])
    theta = torch.tensor([0.1, 2.0, -0.3, 1.5, 0.2, 0.4, -1.0, 0.7, 0.3, 0.0], dtype=DOUBLE)
    a = UnconstrainedMatrix(4)(theta)
    assert float(torch.linalg.eigvalsh(a)[0]) < 0
    torch.testing.assert_close(op(theta), schur(a, [2, 0]), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(op.grad(theta)[0], numerical(op, theta), rtol=1e-6, atol=1e-7)
