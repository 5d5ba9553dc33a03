"""Inference takes as many threads as the work is worth, and leaves the former number afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from covstudio.covariance import CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
from covstudio.reml import Inference, fit
from covstudio.reml.engines.mme.components import ComponentsPoint
from covstudio.reml.engines.mme.engine import MmeEngine
from covstudio.reml.inference.binding import Binding

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
