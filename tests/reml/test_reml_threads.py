"""Inference takes as many threads as the work is worth, and leaves the former number afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from covstudio.covariance import (
    CovariancePropagation,
    DummyMatrix,
    IdentityMatrix,
    KroneckerProduct,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.reml import Inference, fit
from covstudio.reml.engines.mme.components import ComponentsPoint
from covstudio.reml.engines.mme.engine import MmeEngine
from covstudio.reml.inference.binding import Binding
from covstudio.threads import FEW

KEPT = ("conditional_aic", "residuals")
CALLS = {
    "fixed_effects": ("kenward-roger",),
    "fitted_parts": (),
    "predict": (torch.ones(1, 1),),
}


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Two threads, whatever the tests run with."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def told() -> Inference:
    v = Sum(
        gen=CovariancePropagation(z=DummyMatrix(["a", "a", "b", "b", "c", "c"]), g=ScalarMatrix(3)),
        residual=ScalarMatrix(6),
    )
    y, x = torch.tensor([4.0, 6.0, 8.0, 7.0, 1.0, 3.0]), torch.ones(6, 1)
    return Inference(fit(v, y, x), v, y, x)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("name", [*KEPT, *CALLS])
def test_inference_on_few_rows_keeps_to_one_thread(
    told: Inference, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def watched(cls: type, method: str) -> None:
        inner = getattr(cls, method)

        def noted(self: object, *arguments: object, **options: object) -> object:
            seen.append(torch.get_num_threads())
            return inner(self, *arguments, **options)

        monkeypatch.setattr(cls, method, noted)

    for method in ("derivative", "project", "solve", "multiply", "diagonal"):
        watched(Binding, method)
    watched(ComponentsPoint, "effects")
    watched(MmeEngine, "at")
    found = getattr(told, name)
    if name in CALLS:
        found(*CALLS[name])
    assert set(seen) == {1}
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_the_former_number_comes_back_after_an_error(told: Inference) -> None:
    with pytest.raises(ValueError, match="level"):
        told.fixed_effects(level=2.0)
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("degrees", ["satterthwaite", "kenward-roger"])
def test_eigenvalues_of_many_parameters_are_not_left_to_the_threads_of_numpy(
    degrees: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    plain = np.linalg.eigh

    def watched(matrix: Any, *arguments: Any) -> Any:
        sizes.append(len(matrix))
        return plain(matrix, *arguments)

    monkeypatch.setattr(np.linalg, "eigh", watched)
    subjects, visits = 24, 5
    numbers = torch.Generator().manual_seed(2)
    y = torch.randn(subjects * visits, generator=numbers, dtype=torch.float64)
    arm = (torch.arange(subjects) % 3).repeat_interleave(visits)
    visit = torch.arange(visits).repeat(subjects)
    x = torch.eye(3 * visits, dtype=torch.float64)[arm * visits + visit]
    v = KroneckerProduct(subject=IdentityMatrix(subjects), visit=UnstructuredMatrix(visits))
    told = Inference(fit(v, y, x), v, y, x)
    found = told.wald(torch.eye(3 * visits)[: 2 * visits], method=degrees)
    assert found.numerator_df == 2 * visits
    assert told.covariance.matrix.shape == (15, 15)
    assert max(sizes, default=0) <= FEW
