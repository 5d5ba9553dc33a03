"""The functions of structure on random trees: whatever is nested, they agree with dense algebra."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    BlockDiagonal,
    Correlation,
    CovariancePropagation,
    DiagonalMatrix,
    DummyMatrix,
    Gram,
    HadamardProduct,
    IdentityMatrix,
    Inverse,
    KroneckerProduct,
    KroneckerSum,
    Matrix,
    Operator,
    Product,
    ScalarMatrix,
    Scale,
    Submatrix,
    Sum,
    Transpose,
    UnstructuredMatrix,
    structure,
)
from tests.covariance.contract import Case, keep
from tests.covariance.contract import structure as promises
from tests.covariance.operator_cases import CASES as OPERATORS
from tests.covariance.test_trees import models, squares

CHECKS = [
    promises.structure_is_what_it_is_called,
    promises.products_agree_with_dense_ones,
    promises.diagonals_agree_with_dense_ones,
    promises.derivatives_of_products_agree_with_dense_ones,
    promises.solutions_and_determinants_agree_with_dense_ones,
    promises.banded_precisions_agree_with_dense_inverses,
    promises.factors_give_back_the_matrix,
]
COVARIANCES = [
    AR1Matrix,
    AR1CorrelationMatrix,
    ScalarMatrix,
    DiagonalMatrix,
    IdentityMatrix,
    UnstructuredMatrix,
]

common = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


@st.composite
def covariances(draw: st.DrawFn, n: int, depth: int) -> Matrix:
    """A positive definite n x n matrix of classes that have rules, nested at most `depth` deep."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(COVARIANCES))(n)
    below = depth - 1
    kinds = [
        "sum",
        "scale",
        "number",
        "diagonal",
        "correlation",
        "submatrix",
        "transpose",
        "inverse",
        "order",
    ]
    kinds += ["kronecker", "kronecker sum"] + (["blocks"] if n > 1 else [])
    kind = draw(st.sampled_from(kinds))
    event(kind)
    one = covariances(n, below)
    if kind == "sum":
        return Sum(draw(one), draw(one))
    if kind == "scale":
        return Scale(draw(one))
    if kind == "number":
        return HadamardProduct(a=draw(one), b=torch.tensor([draw(st.floats(0.1, 4.0))]))
    if kind == "diagonal":
        return HadamardProduct(a=DiagonalMatrix(n), b=draw(one))
    if kind == "correlation":
        return Correlation(draw(one))
    if kind == "submatrix":
        size = n + draw(st.integers(0, 2))
        index = draw(st.permutations(range(size)))[:n]
        return Submatrix(draw(covariances(size, below)), index=index)
    if kind == "transpose":
        return Transpose(draw(one))
    if kind == "inverse":
        return Inverse(draw(one))
    if kind == "order":
        labels = draw(st.permutations(range(n)))
        return CovariancePropagation(z=DummyMatrix(labels, levels=[list(range(n))]), g=draw(one))
    if kind == "product":
        variances = st.sampled_from([ScalarMatrix(n), DiagonalMatrix(n), IdentityMatrix(n)])
        return Gram(draw(variances)) if draw(st.booleans()) else Product(draw(variances), draw(variances))
    if kind == "blocks":
        first = draw(st.integers(1, n - 1))
        return BlockDiagonal(draw(covariances(first, below)), draw(covariances(n - first, below)))
    outer = draw(st.sampled_from([k for k in range(1, n + 1) if n % k == 0]))
    operator = KroneckerProduct if kind == "kronecker" else KroneckerSum
    return operator(draw(covariances(outer, below)), draw(covariances(n // outer, below)))


def benign(matrix: Matrix, case: Case) -> bool:
    """Whether every inverse in the tree leaves digits to compare at the points of the case."""
    return all(_benign(matrix, matrix.build_params(theta)) for theta in case.thetas(4, spread=0.7))


def _benign(matrix: Matrix, natural: torch.Tensor) -> bool:
    if not isinstance(matrix, Operator):
        return True
    value = matrix.evaluate(natural)
    if not bool(torch.isfinite(value).all()) or float(value.abs().max()) > 1e4:
        return False
    start = 0
    for _, _, operand in matrix._parts():
        part = natural[start : start + operand.num_params]
        start += operand.num_params
        if not _benign(operand, part):
            return False
        if isinstance(matrix, Inverse) and float(torch.linalg.cond(operand.evaluate(part))) > 1e4:
            return False
    return True


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_over_many_structures(name: str) -> None:
    matrix, _ = OPERATORS[name]
    keep(Case(name, lambda: matrix), CHECKS)


@common
@given(models())
def test_any_tree(model: tuple[Matrix, torch.Tensor]) -> None:
    matrix, _ = model
    case = Case("any tree", lambda: matrix)
    assume(benign(matrix, case))
    for check in CHECKS:
        check(case)


@common
@given(st.data())
def test_trees_of_covariances_with_rules(data: st.DataObject) -> None:
    matrix = data.draw(covariances(data.draw(st.integers(1, 6)), data.draw(st.integers(1, 3))))
    case = Case("covariances", lambda: matrix)
    event(f"kind: {structure.kind(matrix)}")
    event(f"banded: {structure.bandwidth(matrix) is not None}")
    assume(benign(matrix, case))
    for check in CHECKS:
        check(case)


@common
@given(st.data())
def test_rows_without_an_effect(data: st.DataObject) -> None:
    effects = data.draw(st.integers(1, 3))
    labels = data.draw(st.lists(st.integers(-1, effects - 1), min_size=1, max_size=6))
    # A row whose label is none of the levels belongs to no effect.
    z = DummyMatrix([0] * len(labels), levels=[[0]])
    z.codes = torch.tensor(labels)
    z._shape = (len(labels), effects)
    matrix = CovariancePropagation(z=z, g=data.draw(squares(effects, 1)))
    case = Case("rows without an effect", lambda: matrix)
    assume(benign(matrix, case))
    for check in CHECKS:
        check(case)
