"""Transforms: values, inverses, derivatives, behaviour at infinity, intervals, equality."""

from __future__ import annotations

import math
import pickle
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from covstudio.covariance import (
    Transform,
    TransformChain,
    TransformExp,
    TransformExp2,
    TransformExp10,
    TransformExpPow2,
    TransformIdentity,
    TransformPow,
    TransformScaleShift,
    TransformSigmoid,
)

INF = math.inf
RHO = TransformChain([TransformSigmoid(), TransformScaleShift(2.0, -1.0)])

#: transform, a point, its value, the slope there, domain, codomain: by the textbook formula of each.
CASES = [
    (TransformIdentity(), 1.7, 1.7, 1.0, "(-inf, inf)", "(-inf, inf)"),
    (TransformExp(), 0.3, math.exp(0.3), math.exp(0.3), "(-inf, inf)", "(0, inf)"),
    (TransformExp2(), 3.0, 8.0, 8.0 * math.log(2.0), "(-inf, inf)", "(0, inf)"),
    (TransformExp10(), 2.0, 100.0, 100.0 * math.log(10.0), "(-inf, inf)", "(0, inf)"),
    (TransformExpPow2(), 0.5, math.e, 2.0 * math.e, "(-inf, inf)", "(0, inf)"),
    (TransformPow(2), 3.0, 9.0, 6.0, "[0, inf)", "[0, inf)"),
    (TransformPow(3), -2.0, -8.0, 12.0, "(-inf, inf)", "(-inf, inf)"),
    (TransformPow(-1), 4.0, 0.25, -0.0625, "(0, inf)", "(0, inf)"),
    (TransformScaleShift(-2.0, 1.0), 0.5, 0.0, -2.0, "(-inf, inf)", "(-inf, inf)"),
    (TransformSigmoid(), 0.0, 0.5, 0.25, "(-inf, inf)", "(0, 1)"),
    (RHO, 1.0, math.tanh(0.5), 0.5 / math.cosh(0.5) ** 2, "(-inf, inf)", "(-1, 1)"),
]


def scalar(x: float) -> torch.Tensor:
    return torch.tensor([x], dtype=torch.float64)


@pytest.mark.parametrize(("transform", "x", "value"), [case[:3] for case in CASES])
def test_what_is_written_of_it_is_its_formula(transform: Transform, x: float, value: float) -> None:
    text = transform.written().replace("−", "-").replace("^", "**")
    program = re.sub(r"(?<=\d) ?(?=[(θe])", "*", text)
    assert eval(program, {"exp": math.exp, "θ": x}) == pytest.approx(value)


@pytest.mark.parametrize(("transform", "x", "y", "slope", "domain", "codomain"), CASES, ids=lambda v: repr(v))
def test_value_slope_and_intervals(
    transform: Transform, x: float, y: float, slope: float, domain: str, codomain: str
) -> None:
    assert float(transform(scalar(x))) == pytest.approx(y, rel=1e-14, abs=1e-15)
    assert float(transform.grad(scalar(x))) == pytest.approx(slope, rel=1e-13)
    assert float(transform.inverse(scalar(y))) == pytest.approx(x, rel=1e-13, abs=1e-13)
    assert transform.domain == domain
    assert transform.codomain == codomain


@settings(deadline=None)
@given(x=st.floats(0.05, 6.0))
def test_grad_is_the_derivative_and_inverse_is_the_inverse(x: float) -> None:
    for transform, *_ in CASES:
        point = scalar(x).requires_grad_()
        value = transform(point)
        (slope,) = torch.autograd.grad(value.sum(), point)
        torch.testing.assert_close(transform.grad(point.detach()), slope, rtol=1e-9, atol=0.0)
        torch.testing.assert_close(transform.inverse(value.detach()), point.detach(), rtol=1e-9, atol=1e-9)
        back = value.detach().requires_grad_()
        (inverse_slope,) = torch.autograd.grad(transform.inverse(back).sum(), back)
        torch.testing.assert_close(inverse_slope, 1 / slope, rtol=1e-8, atol=0.0)


@pytest.mark.parametrize(
    ("transform", "y", "raw"),
    [
        (TransformExp(), 0.0, -INF),
        (TransformExp2(), 0.0, -INF),
        (TransformExp10(), 0.0, -INF),
        (TransformExpPow2(), 0.0, -INF),
        (TransformSigmoid(), 0.0, -INF),
        (TransformSigmoid(), 1.0, INF),
        (RHO, -1.0, -INF),
        (RHO, 1.0, INF),
        (TransformPow(2), 0.0, 0.0),
        (TransformPow(3), 0.0, 0.0),
    ],
    ids=repr,
)
def test_ends_of_the_codomain(transform: Transform, y: float, raw: float) -> None:
    assert float(transform.inverse(scalar(y))) == raw
    assert float(transform(scalar(raw))) == y


@pytest.mark.parametrize(
    "transform",
    [TransformExp(), TransformExp2(), TransformExp10(), TransformExpPow2(), TransformSigmoid(), RHO],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_slope_at_minus_infinity_is_zero(transform: Transform, dtype: torch.dtype) -> None:
    slope = transform.grad(torch.tensor([-INF], dtype=dtype))
    assert float(slope) == 0.0
    assert slope.dtype == dtype


@pytest.mark.parametrize(
    ("chain", "x", "slope"),
    [
        # The intermediate value overflows, the chain levels off: 0, where the product says inf * 0.
        (TransformChain([TransformExpPow2(), TransformSigmoid()]), INF, 0.0),
        (TransformChain([TransformExpPow2(), TransformSigmoid()]), 500.0, 0.0),
        (TransformChain([TransformExp(), TransformPow(-1)]), INF, 0.0),
        # sqrt(exp(2x)) = exp(x): slope 0 at -inf, where the product says 0 * inf, and inf at inf.
        (TransformChain([TransformExpPow2(), TransformPow(0.5)]), -INF, 0.0),
        (TransformChain([TransformExpPow2(), TransformPow(0.5)]), INF, INF),
        (TransformChain([TransformScaleShift(-1.0, 0.0), TransformExp()]), -INF, -INF),
        (RHO, INF, 0.0),
    ],
    ids=repr,
)
def test_chain_at_infinity(chain: Transform, x: float, slope: float) -> None:
    assert float(chain.grad(scalar(x))) == slope


def test_chain_in_the_middle_of_a_vector_with_infinities() -> None:
    chain = TransformChain([TransformExpPow2(), TransformPow(0.5)])
    got = chain.grad(torch.tensor([-INF, 0.0, 1.0], dtype=torch.float64))
    torch.testing.assert_close(got, torch.tensor([0.0, 1.0, math.e], dtype=torch.float64))


def test_chain_intervals_follow_from_the_parts() -> None:
    assert TransformChain([TransformSigmoid(), TransformScaleShift(-3.0, 1.0)]).bounds == (-2.0, 1.0)
    third = TransformChain([TransformSigmoid(), TransformScaleShift(1 + 1 / 3, -1 / 3)])
    assert third.domain == "(-inf, inf)"
    assert third.codomain == "(-0.333333, 1)"
    assert third.bounds == (-1 / 3, 1.0)
    limited = TransformChain([TransformScaleShift(2.0, 4.0), TransformPow(0.5)])
    assert limited.domain == "[-2, inf)"
    assert limited.codomain == "[0, inf)"
    assert TransformPow(2).bounds == (0.0, INF)


def test_transforms_are_values() -> None:
    assert TransformPow(2) == TransformPow(2.0) != TransformPow(3)
    assert TransformExp() != TransformExp2()
    assert TransformChain([TransformSigmoid(), TransformScaleShift(2, -1)]) == RHO
    assert len({TransformExp(), TransformExp(), RHO, pickle.loads(pickle.dumps(RHO))}) == 2
    assert TransformExp() != "exp"


def test_repr_rebuilds_the_transform() -> None:
    import covstudio.covariance as library

    for transform, *_ in CASES:
        assert eval(repr(transform), vars(library)) == transform
    assert repr(RHO) == "TransformChain([TransformSigmoid(), TransformScaleShift(2, -1)])"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_is_kept(dtype: torch.dtype) -> None:
    x = torch.tensor([0.25, 0.5], dtype=dtype)
    for transform, *_ in CASES:
        for result in (transform(x), transform.inverse(x), transform.grad(x)):
            assert result.dtype == dtype
            assert result.shape == x.shape


def test_constants_are_checked() -> None:
    with pytest.raises(ValueError, match="exponent p other than 0, got 0"):
        TransformPow(0)
    with pytest.raises(ValueError, match="finite exponent"):
        TransformPow(INF)
    with pytest.raises(TypeError, match=r"TransformPow: expected p as a number, got str \('2'\)"):
        TransformPow("2")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="TransformScaleShift: expected shift as a number, got NoneType"):
        TransformScaleShift(1, None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"scale other than 0.*got scale=0"):
        TransformScaleShift(0, 1)
    with pytest.raises(ValueError, match="finite shift"):
        TransformScaleShift(1, math.nan)
    with pytest.raises(ValueError, match="one or more transforms"):
        TransformChain([])
    with pytest.raises(ValueError, match="one or more transforms"):
        TransformChain()
    with pytest.raises(TypeError, match="expected Transform objects, got str"):
        TransformChain([TransformExp(), "sigmoid"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"values of one lie in \(-3, -2\) while the next takes \[0, inf\)"):
        TransformChain([TransformSigmoid(), TransformScaleShift(1, -3), TransformPow(0.5)])
