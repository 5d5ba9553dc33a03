"""Whether a model is a special case of another, and how many variances are zero there."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
import torch

from covstudio.covariance import (
    AR1Matrix,
    CompoundSymmetricMatrix,
    DiagonalMatrix,
    ExponentialMatrix,
    FactorAnalyticMatrix,
    IdentityMatrix,
    KroneckerProduct,
    Matrix,
    ScalarMatrix,
    Sum,
    ToeplitzMatrix,
    UnstructuredMatrix,
)
from covstudio.reml import compare, fit
from covstudio.reml.inference.binding import Binding
from covstudio.reml.inference.nesting import nesting
from tests.reml.inference_cases import intercepts, told

SUBJECTS, TIMES = 12, 4
N = SUBJECTS * TIMES
LABELS = [f"s{k:02d}" for k in range(SUBJECTS) for _ in range(TIMES)]


def within(matrix: Matrix) -> Matrix:
    return KroneckerProduct(subject=IdentityMatrix(SUBJECTS), time=matrix)


MODELS: dict[str, Callable[[], Matrix]] = {
    "scalar": lambda: ScalarMatrix(N),
    "intercepts": lambda: Sum(subject=intercepts(LABELS), rest=ScalarMatrix(N)),
    "times": lambda: Sum(time=intercepts([f"t{k % TIMES}" for k in range(N)]), rest=ScalarMatrix(N)),
    "compound symmetric": lambda: within(CompoundSymmetricMatrix(TIMES)),
    "AR(1)": lambda: within(AR1Matrix(TIMES)),
    "AR(1) and noise": lambda: Sum(series=within(AR1Matrix(TIMES)), noise=ScalarMatrix(N)),
    "exponential": lambda: within(ExponentialMatrix([[0.0], [1.0], [2.0], [3.0]])),
    "Toeplitz": lambda: within(ToeplitzMatrix(TIMES)),
    "diagonal": lambda: within(DiagonalMatrix(TIMES)),
    "factor analytic": lambda: within(FactorAnalyticMatrix(TIMES, 1)),
    "unstructured": lambda: within(UnstructuredMatrix(TIMES)),
}


@cache
def bound(name: str) -> Binding:
    generator = torch.Generator().manual_seed(3)
    effects = torch.randn(SUBJECTS, 1, dtype=torch.float64, generator=generator)
    y = (effects + torch.randn(SUBJECTS, TIMES, dtype=torch.float64, generator=generator)).reshape(-1)
    v, x = MODELS[name](), torch.ones(N, 1, dtype=torch.float64)
    return Binding(fit(v, y, x), v, y, x)


@pytest.mark.parametrize(
    ("small", "large", "boundary"),
    [
        ("scalar", "intercepts", 1),
        ("scalar", "compound symmetric", 0),
        ("scalar", "AR(1)", 0),
        ("scalar", "AR(1) and noise", 1),
        ("AR(1)", "AR(1) and noise", 1),
        ("intercepts", "compound symmetric", 0),
        ("AR(1)", "Toeplitz", 0),
        ("exponential", "AR(1)", 0),
        ("compound symmetric", "Toeplitz", 0),
        ("Toeplitz", "unstructured", 0),
        ("diagonal", "unstructured", 0),
        ("diagonal", "factor analytic", 0),
        ("factor analytic", "unstructured", 0),
    ],
)
def test_a_special_case_is_found(small: str, large: str, boundary: int) -> None:
    found = nesting(bound(small), bound(large))
    assert found.nested, found.reason
    assert found.boundary == boundary


@pytest.mark.parametrize(
    ("small", "large"),
    [
        ("intercepts", "AR(1)"),
        ("intercepts", "times"),
        # A correlation may be negative, and a variance may not.
        ("compound symmetric", "intercepts"),
        ("AR(1)", "exponential"),
        ("AR(1)", "compound symmetric"),
        ("compound symmetric", "AR(1) and noise"),
        ("diagonal", "Toeplitz"),
        ("unstructured", "factor analytic"),
        ("times", "unstructured"),
    ],
)
def test_what_is_no_special_case_is_told(small: str, large: str) -> None:
    found = nesting(bound(small), bound(large))
    assert not found.nested
    assert found.reason.startswith("no values of the latter's parameters give the same V, the nearest is ")


def test_fits_that_are_not_nested_have_no_ratio() -> None:
    y, x = bound("scalar").problem.y, torch.ones(N, 1, dtype=torch.float64)
    models = [told(MODELS[name](), y, x, ["m"]) for name in ("times", "unstructured")]
    found = compare(*models)
    assert found.tests == (None,)
    assert "model 0 is not nested in model 1" in found.notes[0]
    # Who says how many variances are tested has looked.
    assert compare(*models, boundary=0).tests[0] is not None
