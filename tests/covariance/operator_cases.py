"""Operators over many structures, each with its value by dense algebra, for the tests beside this file."""

from __future__ import annotations

import torch
from torch import Tensor

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    Augment,
    BlockDiagonal,
    Conditional,
    Correlation,
    CovariancePropagation,
    DummyMatrix,
    EqualEntryMatrix,
    Gram,
    HadamardProduct,
    Inverse,
    KroneckerProduct,
    KroneckerSum,
    LowerTriangularMatrix,
    Matrix,
    Operator,
    Product,
    ScalarMatrix,
    Scale,
    Stack,
    Submatrix,
    Sum,
    TransformExpPow2,
    Transpose,
    UnconstrainedMatrix,
    UnstructuredMatrix,
)

DOUBLE = torch.float64


def theta_of(matrix: Matrix, seed: int = 0) -> Tensor:
    """A reproducible theta around 0."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(matrix.num_free_params, generator=generator, dtype=DOUBLE) * 0.5


def numerical(matrix: Matrix, theta: Tensor) -> Tensor:
    """Central differences: knows nothing of transforms, layouts or rules."""
    step = 1e-5
    slices = []
    for k in range(len(theta)):
        move = torch.zeros_like(theta)
        move[k] = step
        slices.append((matrix(theta + move) - matrix(theta - move)) / (2 * step))
    return torch.stack(slices)


def parts(op: Operator) -> list[Matrix | Tensor]:
    """What an operator's list of values is made from: its own structure, if it has one, and the operands."""
    own = op.own_operand()
    return [*([] if own is None else [own]), *op.operands.values()]


def schur(a: Tensor, given: list[int]) -> Tensor:
    """The Schur complement by the inverse of the inverse: the precision of what is left is a block of A's."""
    left = [k for k in range(len(a)) if k not in given]
    return torch.linalg.inv(torch.linalg.inv(a)[left][:, left])


def cov2cor(a: Tensor) -> Tensor:
    """Each entry over the roots of the two variances."""
    rows = range(len(a))
    return torch.stack([torch.stack([a[i, j] / (a[i, i] * a[j, j]).sqrt() for j in rows]) for i in rows])


class OlderLeaf(Matrix):
    """sigma^2 on the diagonal in the older style."""

    def __init__(self, n: int) -> None:
        super().__init__((n, n), ["sigma^2"], [TransformExpPow2()])

    def __call__(self, params: Tensor) -> Tensor:
        (sigma2,) = self.trans_params(self.from_param_dict(params))
        out = torch.zeros(self.shape, dtype=sigma2.dtype)
        for k in range(self.shape[0]):
            out[k, k] = sigma2 * (k + 1)
        return out


TENSOR = torch.tensor([[2.0, 0.5, 0.0], [0.5, 1.0, 0.25], [0.0, 0.25, 3.0]])
Z = DummyMatrix(["a", "c", "b", "a", "c"])

#: operator, and its value by dense algebra from the operands' values
CASES = {
    "Sum": (Sum(a=AR1Matrix(3), b=ScalarMatrix(3), c=TENSOR), lambda a, b, c: a + b + c),
    "Sum, older leaf": (Sum(a=OlderLeaf(3), b=AR1Matrix(3)), lambda a, b: a + b),
    "BlockDiagonal": (BlockDiagonal(AR1Matrix(3), TENSOR, ScalarMatrix(1)), torch.block_diag),
    "BlockDiagonal, rectangles": (
        BlockDiagonal(LowerTriangularMatrix(3, 2), EqualEntryMatrix(1, 3)),
        torch.block_diag,
    ),
    "Z G Z', codes": (CovariancePropagation(z=Z, g=AR1Matrix(3)), lambda z, g: z @ g @ z.T),
    "Z G Z', tensor": (CovariancePropagation(z=Z(), g=AR1Matrix(3)), lambda z, g: z @ g @ z.T),
    "Z G Z', tensor G": (
        CovariancePropagation(z=LowerTriangularMatrix(4, 3), g=TENSOR),
        lambda z, g: z @ g @ z.T,
    ),
    "Z G Z', both free, G not symmetric": (
        CovariancePropagation(z=LowerTriangularMatrix(4, 3), g=LowerTriangularMatrix(3, 3)),
        lambda z, g: z @ g @ z.T,
    ),
    "Kronecker": (KroneckerProduct(a=AR1Matrix(3), b=AR1CorrelationMatrix(2)), torch.kron),
    "Kronecker, rectangles": (
        KroneckerProduct(LowerTriangularMatrix(3, 2), torch.tensor([[1.0, 2.0, 3.0]])),
        torch.kron,
    ),
    "Hadamard": (HadamardProduct(a=AR1Matrix(3), b=UnconstrainedMatrix(3)), lambda a, b: a * b),
    "Hadamard, number": (HadamardProduct(torch.tensor([[3.0]]), AR1Matrix(3)), lambda a, b: 3 * b),
    "Gram xtx": (Gram(LowerTriangularMatrix(4, 2)), lambda x: x.T @ x),
    "Gram xxt": (Gram(LowerTriangularMatrix(4, 2), gram_type="xxt"), lambda x: x @ x.T),
    "Product": (
        Product(LowerTriangularMatrix(4, 3), TENSOR, AR1Matrix(3), LowerTriangularMatrix(3, 2)),
        lambda a, b, c, d: a @ b @ c @ d,
    ),
    "Transpose": (Transpose(LowerTriangularMatrix(3, 2)), lambda a: a.T),
    "Inverse": (Inverse(AR1Matrix(4)), torch.linalg.inv),
    "Inverse, not symmetric": (Inverse(LowerTriangularMatrix(3, 3)), torch.linalg.inv),
    "Stack": (Stack(ScalarMatrix(3), TENSOR, LowerTriangularMatrix(4, 3)), lambda *v: torch.cat(v, 0)),
    "Augment": (Augment(ScalarMatrix(3), LowerTriangularMatrix(3, 2), TENSOR), lambda *v: torch.cat(v, 1)),
    "Scale": (Scale(AR1CorrelationMatrix(3)), lambda s, a: s.squeeze() * a),
    "Scale, tensor": (Scale(TENSOR), lambda s, a: s.squeeze() * a),
    "Scale, rectangle": (Scale(LowerTriangularMatrix(4, 2)), lambda s, a: s.squeeze() * a),
    "Scale, older leaf": (Scale(OlderLeaf(3)), lambda s, a: s.squeeze() * a),
    "Kronecker sum": (
        KroneckerSum(a=AR1Matrix(3), b=UnstructuredMatrix(2)),
        lambda a, b: torch.kron(a, torch.eye(2, dtype=DOUBLE)) + torch.kron(torch.eye(3, dtype=DOUBLE), b),
    ),
    "Kronecker sum, tensor, not symmetric": (
        KroneckerSum(TENSOR, LowerTriangularMatrix(2, 2)),
        lambda a, b: torch.kron(a, torch.eye(2, dtype=DOUBLE)) + torch.kron(torch.eye(3, dtype=DOUBLE), b),
    ),
    "Correlation": (Correlation(UnstructuredMatrix(4)), cov2cor),
    "Correlation, older leaf": (Correlation(Sum(OlderLeaf(3), AR1Matrix(3))), cov2cor),
    "Submatrix": (Submatrix(AR1Matrix(5), index=[4, 0, 2]), lambda a: a[[4, 0, 2]][:, [4, 0, 2]]),
    "Submatrix, not symmetric": (
        Submatrix(LowerTriangularMatrix(3, 3), [2, 1]),
        lambda a: a[[2, 1]][:, [2, 1]],
    ),
    "Conditional": (Conditional(UnstructuredMatrix(5), given=[3, 0]), lambda a: schur(a, [3, 0])),
    "Conditional, by LU": (Conditional(UnconstrainedMatrix(4), given=[1]), lambda a: schur(a, [1])),
    "Conditional, not symmetric": (
        Conditional(LowerTriangularMatrix(4, 4), given=[2, 1]),
        lambda a: schur(a, [2, 1]),
    ),
    "nested, with parameters of its own": (
        Sum(
            field=Scale(a=KroneckerProduct(row=AR1CorrelationMatrix(2), column=AR1CorrelationMatrix(3))),
            margin=Scale(a=Scale(a=Submatrix(a=AR1Matrix(8), index=range(1, 7)))),
        ),
        lambda *v: v[0] + v[1],
    ),
    "nested": (
        Sum(
            field=KroneckerProduct(row=AR1Matrix(3), column=AR1CorrelationMatrix(2)),
            genotype=CovariancePropagation(
                z=DummyMatrix([1, 2, 1, 2, 1, 2]), g=HadamardProduct(a=AR1Matrix(2), b=ScalarMatrix(2))
            ),
            noise=OlderLeaf(6),
        ),
        lambda *v: v[0] + v[1] + v[2],
    ),
}
