"""How rules of structure are found, what they refuse, and that they are what answers at large sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

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
    LowerTriangularMatrix,
    Matrix,
    OrnsteinUhlenbeckMatrix,
    Parameter,
    Product,
    ScalarMatrix,
    Scale,
    SimpleMatrix,
    SingularMatrixError,
    Submatrix,
    Sum,
    Transpose,
    UnstructuredMatrix,
    structure,
)

DOUBLE = torch.float64


class Ones(Matrix):
    """height times a matrix of ones: a class of the user's, before it has rules."""

    def __init__(self, n: int) -> None:
        super().__init__((n, n), {"height": Parameter("height", default=1.0)})

    def evaluate(self, natural: Tensor) -> Tensor:
        return natural.expand(self.shape)

    def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
        return natural.new_ones((len(index), *self.shape))


def natural_of(matrix: Matrix, *values: float) -> Tensor:
    assert len(values) == matrix.num_params
    return torch.tensor(values, dtype=DOUBLE)


# -- how a rule is found -------------------------------------------------------------------------------------


def test_a_rule_holds_for_its_class_and_for_subclasses_that_are_the_same_matrix() -> None:
    class Registered(Ones):
        def evaluate(self, natural: Tensor) -> Tensor:
            return natural.expand(self.shape)

    class Renamed(Registered):
        pass

    class Doubled(Registered):
        def evaluate(self, natural: Tensor) -> Tensor:
            return 2 * natural.expand(self.shape)

    class Raw(Registered):
        def __call__(self, free_params: Any = None) -> Tensor:
            return 3 * torch.as_tensor(free_params).expand(self.shape)

    class Steeper(Registered):
        def differentiate(self, natural: Tensor, index: Sequence[int]) -> Tensor:
            return natural.new_full((len(index), *self.shape), 5.0)

    class Doubly(Renamed, Doubled):
        pass

    @structure.matmul.register(Registered)
    def rule(matrix: Registered, natural: Tensor, b: Tensor) -> Tensor:
        return b.new_full((matrix.shape[0], b.shape[1]), 7.0)

    assert structure.matmul.rule_for(Registered(2)) is rule
    assert structure.matmul.rule_for(Renamed(2)) is rule
    for cls in (Ones, Doubled, Raw, Steeper, Doubly):
        assert structure.matmul.rule_for(cls(2)) is None, cls
        assert not structure.matmul.is_cheap(cls(2))
    b = torch.eye(2, dtype=DOUBLE)
    assert torch.equal(structure.matmul(Renamed(2), natural_of(Ones(2), 1.0), b), torch.full_like(b, 7.0))
    assert torch.equal(structure.matmul(Doubled(2), natural_of(Ones(2), 1.0), b), torch.full_like(b, 2.0))

    @structure.matmul.register(Doubled)
    def doubled(matrix: Doubled, natural: Tensor, b: Tensor) -> Tensor:
        return b

    assert structure.matmul.rule_for(Doubled(2)) is doubled
    assert structure.matmul.rule_for(Doubly(2)) is doubled


def test_a_rule_may_be_for_some_matrices_of_its_class_only() -> None:
    class Large(Ones):
        pass

    @structure.diagonal.register(Large, when=lambda matrix: matrix.shape[0] > 2)
    def _(matrix: Large, natural: Tensor) -> Tensor:
        return natural.expand(matrix.shape[0])

    assert structure.diagonal.is_cheap(Large(3))
    assert not structure.diagonal.is_cheap(Large(2))
    assert torch.equal(
        structure.diagonal(Large(2), natural_of(Large(2), 4.0)), natural_of(Large(2), 4.0).expand(2)
    )


def test_what_cannot_be_registered_is_refused() -> None:
    with pytest.raises(TypeError, match=r"solve.register: expected a subclass of Matrix, got 3"):
        structure.solve.register(3)  # type: ignore[type-var]
    with pytest.raises(ValueError, match="Sum has a rule already"):
        structure.matmul.register(Sum)(lambda matrix, natural, b: b)


def test_every_function_is_listed_documented_and_named() -> None:
    names = {function.__name__ for function in structure.GENERICS}
    assert len(names) == len(structure.GENERICS)
    for function in structure.GENERICS:
        assert getattr(structure, function.__name__) is function
        assert function.__doc__
        assert "Args:" in function.__doc__
        assert f"structure function {function.__name__}: " in repr(function)


# -- what is refused -----------------------------------------------------------------------------------------


def test_a_singular_matrix_is_refused_by_name() -> None:
    twice = OrnsteinUhlenbeckMatrix([0.0, 1.0, 1.0], shared_times=True)
    natural = natural_of(twice, 1.0, 2.0)
    for call in (
        lambda: structure.solve(twice, natural, torch.ones(3, 1, dtype=DOUBLE)),
        lambda: structure.logdet(twice, natural),
    ):
        with pytest.raises(SingularMatrixError, match=r"OrnsteinUhlenbeckMatrix: expected .* singular"):
            call()


def test_rounding_that_leaves_a_cholesky_factor_is_still_seen_as_singular() -> None:
    generator = torch.Generator().manual_seed(1)
    for size in (3, 10, 40):
        loadings = torch.randn((size, size - 1), generator=generator, dtype=DOUBLE)
        matrix = SimpleMatrix(1, lambda theta, x=loadings: theta * (x @ x.mT).to(theta), default=1.0)
        natural = natural_of(matrix, 1.0)
        with pytest.raises(SingularMatrixError):
            structure.solve(matrix, natural, torch.ones(size, 1, dtype=DOUBLE))


def test_different_sizes_of_variances_are_no_sign_of_singularity() -> None:
    matrix = SimpleMatrix(1, lambda theta: torch.diag(torch.cat([theta, theta * 1e-20])), default=1.0)
    natural = natural_of(matrix, 3.0)
    b = torch.ones(2, 1, dtype=DOUBLE)
    expected = torch.tensor([[1 / 3], [1e20 / 3]], dtype=DOUBLE)
    torch.testing.assert_close(structure.solve(matrix, natural, b), expected)
    found = structure.logdet(matrix, natural)
    torch.testing.assert_close(found, torch.tensor([3.0, 3e-20], dtype=DOUBLE).log().sum())


def test_a_matrix_that_is_not_symmetric_is_solved_and_has_no_factor() -> None:
    matrix = LowerTriangularMatrix(3, 3)
    natural = natural_of(matrix, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    b = torch.eye(3, dtype=DOUBLE)
    value = matrix.evaluate(natural)
    torch.testing.assert_close(structure.solve(matrix, natural, b), torch.linalg.inv(value))
    with pytest.raises(ValueError, match="symmetric positive semi-definite"):
        structure.factor(matrix, natural)


def test_an_error_names_the_operand_it_comes_from() -> None:
    matrix = BlockDiagonal(first=ScalarMatrix(2), second=Scale(a=ScalarMatrix(2)))
    natural = natural_of(matrix, 1.0, 1.0, 0.0)
    with pytest.raises(SingularMatrixError, match="operand 'second/a'"):
        structure.solve(matrix, natural, torch.ones(4, 1, dtype=DOUBLE))


def test_a_negative_number_keeps_determinants_right() -> None:
    matrix = HadamardProduct(a=ScalarMatrix(2), b=torch.tensor([-3.0]))
    torch.testing.assert_close(
        structure.logdet(matrix, natural_of(matrix, 2.0)), torch.tensor(36.0, dtype=DOUBLE).log()
    )
    odd = HadamardProduct(a=ScalarMatrix(3), b=torch.tensor([-3.0]))
    with pytest.raises(ValueError, match="positive determinant"):
        structure.logdet(odd, natural_of(odd, 2.0))


# -- that rules are what answers -----------------------------------------------------------------------------


class Largest(TorchDispatchMode):
    """Notes the largest tensor that any operation makes, in bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, tuple | list) else [out]:
            if isinstance(tensor, Tensor):
                self.bytes = max(self.bytes, tensor.untyped_storage().nbytes())
        return out


@contextmanager
def no_larger_than(entries: int) -> Iterator[None]:
    """Nothing larger than so many doubles is made inside."""
    with Largest() as largest:
        yield
    assert largest.bytes <= 8 * entries, f"{largest.bytes} bytes"


def incidence(rows: int, effects: int) -> CovariancePropagation:
    labels = [(7 * row) % effects for row in range(rows)]
    return CovariancePropagation(z=DummyMatrix(labels), g=ScalarMatrix(effects))


def autoregressive_solution(b: Tensor, sigma2: float, rho: float) -> Tensor:
    """V^-1 b of a first-order autoregression: its inverse is tridiagonal (Cullis & Gleeson, 1991)."""
    diagonal = torch.full((len(b), 1), 1 + rho**2, dtype=DOUBLE)
    diagonal[0] = diagonal[-1] = 1.0
    result = diagonal * b
    result[1:] -= rho * b[:-1]
    result[:-1] -= rho * b[1:]
    return result / (sigma2 * (1 - rho**2))


def test_a_long_autoregression_is_solved_in_linear_memory() -> None:
    n = 20_000
    matrix = AR1Matrix(n)
    natural = natural_of(matrix, 2.0, 0.6)
    b = torch.sin(torch.arange(n, dtype=DOUBLE))[:, None]
    with no_larger_than(20 * n):
        solution = structure.solve(matrix, natural, b)
        logdet = structure.logdet(matrix, natural)
        bands = structure.precision(matrix, natural)
    torch.testing.assert_close(solution, autoregressive_solution(b, 2.0, 0.6))
    expected = (
        n * torch.tensor(2.0, dtype=DOUBLE).log() + (n - 1) * torch.tensor(1 - 0.36, dtype=DOUBLE).log()
    )
    torch.testing.assert_close(logdet, expected)
    assert bands.shape == (2, n)
    with no_larger_than(20 * n):
        back = structure.matmul(matrix, natural, solution)
    torch.testing.assert_close(back, b, rtol=1e-8, atol=1e-10)


def test_many_rows_of_few_effects_are_multiplied_through_their_codes() -> None:
    rows, effects = 50_000, 500
    matrix = incidence(rows, effects)
    natural = natural_of(matrix, 3.0)
    b = torch.cos(torch.arange(rows, dtype=DOUBLE))[:, None]
    with no_larger_than(4 * rows):
        product = structure.matmul(matrix, natural, b)
        diagonal = structure.diagonal(matrix, natural)
        slopes = structure.derivative_matmul(matrix, natural, [0], b)
    labels = torch.tensor([(7 * row) % effects for row in range(rows)])
    sums = [float(b[labels == effect].sum()) for effect in range(effects)]
    expected = torch.tensor([[3.0 * sums[int(label)]] for label in labels], dtype=DOUBLE)
    torch.testing.assert_close(product, expected)
    torch.testing.assert_close(slopes[0], expected / 3.0)
    torch.testing.assert_close(diagonal, torch.full((rows,), 3.0, dtype=DOUBLE))


def test_a_mixed_model_is_built_without_its_design_matrices() -> None:
    rows, effects = 100_000, 2_000
    labels = [row % effects for row in range(rows)]
    with no_larger_than(2 * rows):
        known = Sum(
            effect=CovariancePropagation(z=DummyMatrix(labels), g=ScalarMatrix(effects)),
            residual=ScalarMatrix(rows),
        )
        unseen = CovariancePropagation(
            z=DummyMatrix([0, *labels[1:-1], 1], levels=[list(range(effects))], drop_first=True),
            g=ScalarMatrix(effects - 1),
        )
        for matrix in (known, unseen):
            assert matrix.shape == (rows, rows)
            assert matrix.psd
            repr(matrix)
    natural = natural_of(known, 2.0, 1.0)
    with no_larger_than(4 * rows):
        product = structure.matmul(known, natural, torch.ones(rows, 1, dtype=DOUBLE))
        missing = structure.diagonal(unseen, natural[:1])
    torch.testing.assert_close(product, torch.full((rows, 1), 2.0 * 50 + 1.0, dtype=DOUBLE))
    assert int((missing == 0).sum()) == rows // effects


def test_a_field_is_solved_factor_by_factor() -> None:
    rows, columns = 60, 90
    matrix = KroneckerProduct(row=AR1Matrix(rows), column=AR1CorrelationMatrix(columns))
    natural = natural_of(matrix, 2.0, 0.5, -0.3)
    b = torch.sin(torch.arange(rows * columns, dtype=DOUBLE))[:, None]
    with no_larger_than(30 * rows * columns):
        solution = structure.solve(matrix, natural, b)
        product = structure.matmul(matrix, natural, solution)
    torch.testing.assert_close(product, b, rtol=1e-9, atol=1e-10)
    inner = autoregressive_solution(b.reshape(rows, columns).mT.contiguous(), 1.0, -0.3)
    outer = autoregressive_solution(inner.mT.contiguous(), 2.0, 0.5)
    torch.testing.assert_close(solution, outer.reshape(-1, 1))


def test_the_precision_of_subjects_with_autoregressive_errors_is_one_band() -> None:
    subjects, times = 400, 25
    matrix = KroneckerProduct(subject=IdentityMatrix(subjects), time=AR1Matrix(times))
    natural = natural_of(matrix, 2.0, 0.5)
    assert structure.bandwidth(matrix) == 1
    with no_larger_than(20 * subjects * times):
        bands = structure.precision(matrix, natural)
    expected = autoregressive_solution(torch.eye(times, dtype=DOUBLE), 2.0, 0.5)
    torch.testing.assert_close(bands[0], expected.diagonal().repeat(subjects))
    below = torch.cat([expected.diagonal(-1), torch.zeros(1, dtype=DOUBLE)]).repeat(subjects)
    torch.testing.assert_close(bands[1], below)


def test_blocks_are_solved_one_by_one() -> None:
    count, size = 40, 60
    matrix = BlockDiagonal(*[UnstructuredMatrix(3) if k == 0 else AR1Matrix(size) for k in range(count)])
    natural = matrix.build_params(None).double()
    b = torch.ones(matrix.shape[0], 2, dtype=DOUBLE)
    with no_larger_than(20 * matrix.shape[0]):
        solution = structure.solve(matrix, natural, b)
        logdet = structure.logdet(matrix, natural)
    torch.testing.assert_close(matrix.evaluate(natural) @ solution, b)
    torch.testing.assert_close(logdet, torch.linalg.slogdet(matrix.evaluate(natural))[1])


def test_a_sum_on_a_grid_is_solved_by_the_eigenvectors_of_its_terms() -> None:
    p, q = 50, 70
    matrix = KroneckerSum(a=AR1Matrix(p), b=AR1CorrelationMatrix(q))
    natural = natural_of(matrix, 2.0, 0.5, 0.3)
    b = torch.sin(torch.arange(p * q, dtype=DOUBLE))[:, None]
    with no_larger_than(p * q * 4):
        solution = structure.solve(matrix, natural, b)
        product = structure.matmul(matrix, natural, solution)
    torch.testing.assert_close(product, b, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    ("matrix", "kind", "width"),
    [
        (Sum(ScalarMatrix(3), IdentityMatrix(3)), "scalar", 0),
        (Sum(ScalarMatrix(3), DiagonalMatrix(3)), "diagonal", 0),
        (Sum(AR1Matrix(3), UnstructuredMatrix(3)), "dense", None),
        (Scale(DiagonalMatrix(3)), "diagonal", 0),
        (Scale(AR1CorrelationMatrix(3)), None, 1),
        (Correlation(DiagonalMatrix(3)), "scalar", 0),
        (Correlation(AR1Matrix(3)), None, 1),
        (HadamardProduct(AR1Matrix(3), DiagonalMatrix(3)), "diagonal", 0),
        (HadamardProduct(AR1Matrix(3), torch.tensor([2.0])), None, 1),
        (KroneckerProduct(DiagonalMatrix(2), ScalarMatrix(3)), "diagonal", 0),
        (KroneckerProduct(IdentityMatrix(4), AR1Matrix(3)), "kronecker", 1),
        (KroneckerProduct(AR1Matrix(4), IdentityMatrix(3)), "kronecker", 3),
        (KroneckerProduct(AR1Matrix(4), AR1Matrix(3)), "kronecker", 4),
        (KroneckerProduct(AR1Matrix(4), UnstructuredMatrix(3)), "kronecker", None),
        (BlockDiagonal(AR1Matrix(3), ScalarMatrix(2)), "block diagonal", 1),
        (BlockDiagonal(DiagonalMatrix(3), ScalarMatrix(2)), "diagonal", 0),
        (BlockDiagonal(AR1Matrix(3), UnstructuredMatrix(2)), "block diagonal", None),
        (incidence(6, 3), "low rank", None),
        (CovariancePropagation(DummyMatrix(["a", "b", "c"]), AR1Matrix(3)), None, 1),
        (CovariancePropagation(DummyMatrix(["b", "a", "c"]), AR1Matrix(3)), "dense", None),
        (CovariancePropagation(DummyMatrix(["b", "a", "c"]), DiagonalMatrix(3)), "diagonal", 0),
        (Inverse(DiagonalMatrix(3)), "diagonal", 0),
        (Inverse(AR1Matrix(3)), "dense", None),
        (Transpose(AR1Matrix(3)), None, 1),
        (Gram(LowerTriangularMatrix(4, 2), gram_type="xxt"), "low rank", None),
        (Gram(LowerTriangularMatrix(4, 2)), "dense", None),
        (Product(DiagonalMatrix(3), ScalarMatrix(3)), "diagonal", 0),
        (Gram(DiagonalMatrix(3)), "diagonal", 0),
        (Submatrix(DiagonalMatrix(4), index=[2, 0]), "diagonal", 0),
        (DummyMatrix(["a", "b", "a"]), "incidence", None),
        (Ones(3), "dense", None),
    ],
    ids=str,
)
def test_kinds_and_bands(matrix: Matrix, kind: str | None, width: int | None) -> None:
    operand = list(getattr(matrix, "operands", {}).values())
    inner = [one for one in operand if isinstance(one, Matrix) and not isinstance(one, DummyMatrix)]
    assert structure.kind(matrix) == (kind or structure.kind(inner[0]))
    assert structure.bandwidth(matrix) == width
