"""What the terms of V are lowered to, against the terms written out."""

from __future__ import annotations

import numpy as np
import torch

from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    Augment,
    BlockDiagonal,
    CovariancePropagation,
    DummyMatrix,
    HadamardProduct,
    IdentityMatrix,
    KroneckerProduct,
    ScalarMatrix,
    Stack,
    Sum,
    UnstructuredMatrix,
)
from covstudio.reml.terms.design_rows import SparseRows, rows_of
from covstudio.reml.terms.kinds import BlockPiece, DiagonalPiece, OtherPiece, RandomPiece
from covstudio.reml.terms.variance import Variance
from tests.reml.mme_cases import EFFECTS, RESIDUALS, trial


def test_what_terms_are_lowered_to() -> None:
    z = DummyMatrix(["a", "b", "a", "c", "b", "a"])
    n = 6
    kinds = {
        RandomPiece: CovariancePropagation(z=z, g=AR1Matrix(3)),
        DiagonalPiece: CovariancePropagation(z=torch.eye(n), g=ScalarMatrix(n)),
        BlockPiece: KroneckerProduct(i=IdentityMatrix(2), t=UnstructuredMatrix(3)),
        OtherPiece: KroneckerProduct(a=AR1CorrelationMatrix(2), b=AR1Matrix(3)),
    }
    for expected, term in kinds.items():
        (first, _) = Variance(Sum(term=term, e=ScalarMatrix(n))).pieces
        assert type(first) is expected
        assert first.path == "term"
        assert first.positions == tuple(range(term.num_params))


def test_pieces_are_the_terms_they_came_from() -> None:
    """Diagonal, products and derivatives of every piece, against the term written out."""
    for seed, (kind, name) in enumerate(
        [(kind, EFFECTS[i % len(EFFECTS)]) for i, kind in enumerate([*RESIDUALS, *RESIDUALS])]
    ):
        case = trial(seed, 24, 1, [name], kind, False)
        variance = Variance(case.v)
        value = variance.written().value(case.natural)
        b = torch.from_numpy(np.random.default_rng(seed).normal(size=(24, 2)))
        diagonal = sum(piece.diagonal(case.natural) for piece in variance.pieces)
        product = sum(piece.matmul(case.natural, b) for piece in variance.pieces)
        torch.testing.assert_close(diagonal, torch.diagonal(value).clone())
        torch.testing.assert_close(product, value @ b)
        for k in range(len(variance.names)):
            piece, inner = variance.owner(k)
            slices = variance.written().slice(case.natural, k)
            torch.testing.assert_close(
                piece.derivative_diagonal(case.natural, [inner])[0], torch.diagonal(slices).clone()
            )
            torch.testing.assert_close(piece.derivative_matmul(case.natural, [inner], b)[0], slices @ b)


def test_rows_of_arranged_incidences() -> None:
    a, b = DummyMatrix(["x", "y", "x"]), DummyMatrix(["u", "u", "v"])
    covariate = torch.tensor([2.0, 0.0, -1.0], dtype=torch.float64)
    for arranged in (
        Augment(a=a, b=b),
        Stack(a=a, b=b),
        BlockDiagonal(a=a, b=b),
        KroneckerProduct(a=a, b=b),
        HadamardProduct(a=a, x=covariate[:, None].expand(3, 2)),
        Augment(a=a, b=HadamardProduct(a=a, x=covariate[:, None].expand(3, 2))),
        HadamardProduct(a=a, b=b),
    ):
        rows = rows_of(arranged)
        written = arranged().double()
        assert isinstance(rows, SparseRows)
        torch.testing.assert_close(rows.dense(), written)
        c = torch.randn(written.shape[1], 2, dtype=torch.float64)
        torch.testing.assert_close(rows.multiply(c), written @ c)
        d = torch.randn(written.shape[0], 2, dtype=torch.float64)
        torch.testing.assert_close(rows.transposed(d), written.mT @ d)
