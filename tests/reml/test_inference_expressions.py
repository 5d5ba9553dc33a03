"""The language of functions of parameters: what it reads, what it refuses, and its derivatives."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from covstudio.covariance import Scale, Sum
from covstudio.reml.inference.expressions import Dual, evaluate, parse
from covstudio.reml.inference.names import Names
from tests.reml.inference_cases import one_way_data, reference, sleepstudy, told

PATHS = [
    "gen/g/sigma^2",
    "gen env/g/sigma^2",
    "field/g/row/rho",
    "field/g/col/rho",
    "us/g/sigma^2_0",
    "us/g/sigma^2_0_1",
    "residual/sigma^2",
    "sqrt",
]
VALUES = dict(zip(PATHS, [2.0, 3.0, 0.5, 0.25, 5.0, 7.0, 4.0, 9.0], strict=True))
NAMES = Names(PATHS, "parameter")
OPERANDS = Names(["gen", "gen/g", "V"], "operand")


def value(text: str) -> float:
    return dual(text, VALUES).value


def dual(text: str, values: dict[str, float]) -> Dual:
    order = list(values)

    def name(path: str) -> Dual:
        return Dual(values[path], np.eye(len(order))[order.index(path)])

    def entry(_: object) -> Dual:
        raise AssertionError("no entries here")

    found = evaluate(parse(text, NAMES, OPERANDS), name, entry)
    return Dual(found.value, np.broadcast_to(found.gradient, (len(order),)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gen/g/sigma^2 / (gen/g/sigma^2 + residual/sigma^2)", 2 / 6),
        ("gen/sigma^2 / residual/sigma^2", 0.5),
        ("gen/sigma^2/residual/sigma^2", 0.5),
        ("residual / 2", 2.0),
        ("gen env", 3.0),
        ("gen env/sigma^2-gen/sigma^2", 1.0),
        ("row/rho*col/rho", 0.125),
        ("us/sigma^2_0_1 + us/sigma^2_0", 12.0),
        ("-residual ** 2", -16.0),
        ("2 ** 3 ** 2", 512.0),
        ("2 ** -1", 0.5),
        ("8 / 4 / 2", 1.0),
        ("7 - 4 - 2", 1.0),
        ("1.5e1 + .5 + 1.", 16.5),
        ("- - 3", 3.0),
        ("sqrt(residual) + log(exp(1))", 3.0),
        ("sqrt + 1", 10.0),
        ("sqrt (sqrt)", 3.0),
        ("`gen env/g/sigma^2` * 2", 6.0),
        ("((((gen/sigma^2))))", 2.0),
    ],
)
def test_what_is_read(text: str, expected: float) -> None:
    assert value(text) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a number, a name"),
        ("gen/sigma^2 +", "found the end"),
        ("rho", r"could mean field/g/col/rho, field/g/row/rho"),
        ("sigma^2", "could mean"),
        ("heritability", "there are|parameters gen/g/sigma"),
        ("__import__('os').system('true')", "expected"),
        ("residual.real", "expected an operator or the end at position 8 .* found '.'"),
        ("(lambda: 1)()", "expected"),
        ("gen/sigma^2[0]", r"expected an operator or the end .* found '\['"),
        ("open('x')", "expected sqrt, log, exp, var, cov or corr"),
        ("abs(residual)", "expected sqrt, log, exp"),
        ("residual if 1 else 2", "expected an operator or the end"),
        ("residual; residual", "expected an operator or the end"),
        ("residual == 1", "expected an operator or the end"),
        ("residual % 2", "found '%'"),
        ("residual // 2", "found '/'"),
        ("2 ^ 2", r"write \*\* for powers"),
        ("(residual", r"expected '\)'"),
        ("'residual'", "expected a number"),
        ("`gen", "closing backquote"),
        ("`nothing`", "there is no parameter 'nothing'; there are gen/g/sigma"),
        ("generation", "expected a number"),
        ("var(nothing, 0)", "takes the path of an operand and 1 whole numbers"),
        ("corr(gen/g, 0)", "expected ','"),
        ("cov(gen/g, 0, -1)", "expected a whole number"),
        ("(" * 200 + "1" + ")" * 200, "nested more than 100"),
        ("2 ** " * 200 + "2", "nested more than 100"),
        ("1 / (residual - 4)", "division by 0"),
        ("log(gen/sigma^2 - 3)", "only positive numbers have a logarithm"),
        ("sqrt(-1)", "at least 0"),
        ("(-2) ** 0.5", "whole powers only"),
        ("0 ** -1", "divide by 0"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        value(text)


def test_a_term_goes_before_operands_of_its_name() -> None:
    names = Names(["g/g/sigma^2", "b/g/sigma^2", "b/g/rho"], "parameter")
    assert names.meaning("g") == "g/g/sigma^2"
    assert names.meaning("g/sigma^2") == "g/g/sigma^2"
    assert names.meaning("b/sigma^2") == "b/g/sigma^2"
    with pytest.raises(ValueError, match="could mean b/g/rho, b/g/sigma"):
        names.meaning("b")


def test_only_texts_are_expressions() -> None:
    with pytest.raises(TypeError, match="an expression is a text"):
        parse(3.0, NAMES, OPERANDS)  # type: ignore[arg-type]


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="gen/sigma^2 residual+-*()0.5_`'[]{}.,eE", max_size=40))
def test_any_text_is_an_expression_or_a_value_error(text: str) -> None:
    try:
        found = value(text)
    except ValueError:
        return
    assert isinstance(found, float)


@pytest.mark.parametrize(
    "text",
    [
        "gen/sigma^2 / (gen/sigma^2 + residual/sigma^2 / 3)",
        "sqrt(gen/sigma^2 * residual) - log(residual) * exp(-row/rho)",
        "gen/sigma^2 ** residual",
        "residual ** -0.5 + (row/rho - 1) ** 3",
        "-(gen env - 2 * gen/sigma^2) / col/rho",
    ],
)
def test_derivatives_are_those_of_differences(text: str) -> None:
    found = dual(text, VALUES)
    for j, path in enumerate(VALUES):
        step = 1e-5 * VALUES[path]
        up, down = (dual(text, {**VALUES, path: VALUES[path] + s * step}).value for s in (1, -1))
        assert found.gradient[j] == pytest.approx((up - down) / (2 * step), rel=1e-7, abs=1e-9)


def test_entries_and_correlations_of_an_operand() -> None:
    inference = sleepstudy()
    cholesky = [inference.fit.params[f"subject/g/a/L_{i}"] for i in ("0_0", "1_0", "1_1")]
    a, b, c = cholesky
    found = inference.function("corr(subject/g/a, 0, 1)")
    assert found.estimate == pytest.approx(b / math.hypot(b, c))
    assert found.scale == "Fisher z"
    z, reach = math.atanh(found.estimate), 1.959964 * found.standard_error / (1 - found.estimate**2)
    assert (found.lower, found.upper) == pytest.approx((math.tanh(z - reach), math.tanh(z + reach)), rel=1e-6)
    assert inference.function("cov(a, 0, 1) / sqrt(var(a, 0) * var(a, 1))").standard_error == pytest.approx(
        found.standard_error, rel=1e-9
    )
    assert inference.function("var(subject/g/a, 1)").estimate == pytest.approx(b * b + c * c)
    # By its entries, the other parametrisation gives the same.
    other = sleepstudy(linear=True).function("corr(subject/g/a, 1, 0)")
    assert (other.estimate, other.standard_error) == pytest.approx(
        (found.estimate, found.standard_error), rel=1e-4
    )
    assert inference.function("corr(V, 0, 1)").estimate < 1.0
    assert inference.function("var(V, 0)").estimate == pytest.approx(
        a * a + inference.fit.params["residual/sigma^2"]
    )
    with pytest.raises(ValueError, match="subject/g/a is 2 x 2"):
        inference.function("var(subject/g/a, 2)")
    with pytest.raises(ValueError, match=r"takes the path .* operands are V, subject, subject/g"):
        inference.function("var(subject/z, 0)")


def test_scales_of_intervals() -> None:
    inference = reference("machines")
    plain = inference.function("Worker_Machine / (Worker_Machine + residual)")
    logit = inference.function("Worker_Machine / (Worker_Machine + residual)", scale="logit")
    assert plain.scale == "natural"
    assert plain.upper - plain.estimate == pytest.approx(plain.estimate - plain.lower)
    assert 0.0 < logit.lower < logit.estimate < logit.upper < 1.0
    with pytest.raises(ValueError, match="scale must be one of 'natural', 'log', 'logit', 'fisher'"):
        inference.function("residual", scale="probit")
    outside = inference.function("Worker_Machine", scale="logit")
    assert math.isnan(outside.lower)
    assert "outside the range" in outside.notes[0]


def test_a_parameter_at_its_end_is_taken_as_known() -> None:
    v, y, x = one_way_data(8, 5, between=0.0, seed=8)
    inference = told(v, y, x, ["mean"])
    ratio = inference.function("g / (g + e)")
    assert ratio.estimate == 0.0
    assert "taken as known: g/g/sigma^2" in ratio.notes[0]
    total = inference.function("g + e")
    assert total.standard_error == pytest.approx(inference.intervals()["e/sigma^2"].standard_error)


def test_operators_with_parameters_of_their_own_have_entries_too() -> None:
    v, y, x = one_way_data(8, 5, between=1.0, seed=3)
    g = v.operands["g"]
    scaled = Sum(g=g, e=Scale(torch.eye(40, dtype=torch.float64)))
    inference = told(scaled, y, x, ["mean"])
    assert inference.function("var(e, 0)").estimate == pytest.approx(
        told(v, y, x, ["m"]).fit.params["e/sigma^2"]
    )
