"""All parameters of a structure transformed at once: as one by one, to the last digit."""

from __future__ import annotations

import math

import pytest
import torch

from covstudio.covariance import (
    AR1Matrix,
    CompoundSymmetricMatrix,
    KroneckerProduct,
    TransformExp,
)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_variances_and_bounded_parameters_together_are_those_one_by_one(dtype: torch.dtype) -> None:
    """To the last digit, at both ends of the range too, and with what the slopes take from the values."""
    v = KroneckerProduct(a=AR1Matrix(3), b=CompoundSymmetricMatrix(4))
    layout = v._layout()
    assert layout._usual is not None
    infinite = torch.tensor([-math.inf, math.inf, 400.0, -800.0], dtype=dtype)
    for raw in (*(3.0 * torch.randn(50, 4, dtype=dtype)), infinite):
        natural = layout.natural(raw)
        single = [(one.transform, raw[k : k + 1]) for k, one in enumerate(layout.parameters)]
        assert torch.equal(natural, torch.cat([transform(x) for transform, x in single]))
        slopes = torch.cat([transform.grad(x) for transform, x in single])
        assert torch.equal(layout.slopes(raw, range(4)), slopes)
        assert torch.equal(layout.slopes(raw, range(4), natural), slopes)


def test_other_transforms_go_one_by_one() -> None:
    v = KroneckerProduct(a=AR1Matrix(3), b=CompoundSymmetricMatrix(4))
    v.set_param_specs("a/sigma^2", trans=TransformExp())
    layout = v._layout()
    assert layout._usual is None
    raw = torch.tensor([0.3, 0.2, -0.4, 1.0], dtype=torch.float64)
    assert float(layout.natural(raw)[0]) == pytest.approx(math.exp(0.3))


def test_autograd_goes_through_transforms_of_which_one_overflows() -> None:
    v = KroneckerProduct(a=AR1Matrix(2), b=CompoundSymmetricMatrix(2))
    raw = torch.tensor([0.0, 800.0, 0.0, 0.0], dtype=torch.float64, requires_grad=True)
    v._layout().natural(raw).sum().backward()
    assert raw.grad is not None
    assert torch.isfinite(raw.grad).all()
