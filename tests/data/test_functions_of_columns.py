"""Functions of columns in formulas: the columns of R's model.matrix, of the same rows and of new ones."""

import json
from pathlib import Path

import numpy as np
import pytest

from covstudio.data import DesignError, Table
from covstudio.data.bases import learn
from covstudio.data.design import design_matrix
from covstudio.data.functions import parse_function

#: R 4.2: log(x), x^2, poly(x, 2), poly(x, 3, raw = TRUE), bs and ns of package splines, scale(x); and by
#: model.matrix(delete.response(terms(lm(y ~ ...))), new) at new rows, beyond the ends too.
IN_R = json.loads((Path(__file__).parent / "reference" / "bases_in_R.json").read_text(encoding="utf-8"))
X, NEW = np.array(IN_R["x"]), np.array(IN_R["new"])


@pytest.mark.parametrize(
    ("code", "key"),
    [
        ("log(x)", "log"),
        ("I(x^2)", "sq"),
        ("poly(x, 2)", "poly2"),
        ("poly(x, degree = 3, raw = TRUE)", "poly3raw"),
        ("bs(x, df = 4)", "bs4"),
        ("bs(x, df = 5, degree = 2)", "bs5"),
        ("bs(x, knots = c(5, 10))", "bsk"),
        ("ns(x, 3)", "ns3"),
        ("ns(x, df = 2)", "ns2"),
        ("ns(x, knots = c(5, 10))", "nsk"),
        ("ns(x, 4, intercept = TRUE)", "nsi"),
        ("scale(x)", "scale"),
    ],
)
def test_the_columns_are_those_of_R(code, key):
    wanted = np.array(IN_R[key]).reshape(len(X), -1)
    found = learn(parse_function(code), lambda column: X)(lambda column: X)
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("code", ["poly(x,2)", "ns(x,3)", "scale(x)", "bs(x,df=4)"])
def test_new_rows_get_the_columns_that_R_gives_them(code):
    wanted = np.array(IN_R[f"new {code}"]).reshape(len(NEW), -1)
    found = learn(parse_function(code), lambda column: X)(lambda column: NEW)
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-11)


TABLE = Table.from_columns(
    {
        "x": [1.0, 2.0, 4.0, 8.0, 16.0, 3.0],
        "block": [1, 2, 3, 1, 2, 3],
        "g": ["a", "b", "a", "b", "a", "b"],
        "grain yield": [1.0, 10.0, 100.0, 1.0, 10.0, 100.0],
    },
    "t",
)


@pytest.mark.parametrize(
    ("formula", "names"),
    [
        ("log(x)", ("(Intercept)", "log(x)")),
        ("poly(x, 2)", ("(Intercept)", "poly(x, 2)1", "poly(x, 2)2")),
        ("poly(x, 1)", ("(Intercept)", "poly(x, 1)1")),
        ("factor(block)", ("(Intercept)", "factor(block)[2]", "factor(block)[3]")),
        ("g:log(x)", ("(Intercept)", "g[a]:log(x)", "g[b]:log(x)")),
        ("0 + as.factor(block)", ("as.factor(block)[1]", "as.factor(block)[2]", "as.factor(block)[3]")),
        ("log10(`grain yield`)", ("(Intercept)", "log10(`grain yield`)")),
    ],
)
def test_names_of_columns(formula, names):
    assert design_matrix(TABLE, formula).names == names


def test_functions_row_by_row():
    x = TABLE.numbers("x")
    for formula, values in (
        ("log(x)", np.log(x)),
        ("log(x, 2)", np.log2(x)),
        ("sqrt(x)", np.sqrt(x)),
        ("I(x^2 - 2*x/(1 + x))", x**2 - 2 * x / (1 + x)),
        ("I(-x^2)", -(x**2)),
        ("I(2^-x)", 2**-x),
        ("sin(2*pi*x/12)", np.sin(2 * np.pi * x / 12)),
        ("center(x)", x - x.mean()),
        ("scale(x, center = FALSE, scale = 2)", x / 2),
        ("I(scale(x)^2)", ((x - x.mean()) / x.std(ddof=1)) ** 2),
        ("exp(log1p(x))", 1 + x),
        ("as.numeric(block)", TABLE.numbers("block")),
    ):
        found = design_matrix(TABLE, formula, {"block": "factor"}).x[:, 1].numpy()
        np.testing.assert_allclose(found, values, rtol=1e-14, err_msg=formula)


def test_a_column_in_the_role_of_numbers_is_a_factor_where_the_formula_says_so():
    design = design_matrix(TABLE, "factor(block)*x", {"block": "covariate"})
    assert design.terms == (("factor(block)", (1, 2)), ("x", (3,)), ("factor(block):x", (4, 5)))
    assert design.references == {"factor(block)": "1"}


def test_offsets_are_told_apart_from_effects():
    design = design_matrix(TABLE, "1 + offset(log(x)) + offset(block)")
    assert design.names == ("(Intercept)",)
    np.testing.assert_allclose(design.offset.numpy(), np.log(TABLE.numbers("x")) + TABLE.numbers("block"))
    assert design_matrix(TABLE, "1 + x").offset is None


def test_rows_that_a_function_needs_are_dropped():
    table = Table.from_columns({"x": [1.0, None, 3.0], "w": [1.0, 2.0, None]}, "t")
    assert design_matrix(table, "log(x)").kept.tolist() == [True, False, True]
    assert design_matrix(table, "1 + offset(w)").kept.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("log(I(x - 4))", "'log(I(x - 4))' has no finite value in 4 of the 6 rows that are used, row 1"),
        ("I(1/(x - 4))", "no finite value in 1 of the 6 rows that are used, row 3"),
        ("poly(block, 3)", "needs more than 3 different values, and there are 3"),
        ("poly(x, 0)", "degree of 'poly(x, 0)' is a whole number from 1 to 200"),
        ("poly(x, 1.5)", "is a whole number"),
        ("bs(x, df = 2)", "has df = 2, and 3 is the least"),
        ("bs(x, knots = 20)", "needs its knots between 1 and 16"),
        ("ns(x, 2, Boundary.knots = c(5, 5))", "two different boundary knots"),
        ("scale(block, center = c(1, 2))", "one number each"),
        ("log(factor(g))", "factor(...) stands alone in a formula, not within another function"),
        ("sqrt(offset(x))", "offset(...) stands alone"),
        ("log(g)", "Column 'g' should hold numbers, and row 1 holds 'a'"),
    ],
)
def test_what_a_function_cannot_do(formula, words):
    with pytest.raises(ValueError) as caught:
        design_matrix(TABLE, formula)
    assert words in str(caught.value)


def test_a_column_that_is_the_same_everywhere_cannot_be_scaled():
    table = Table.from_columns({"k": [2.0, 2.0, 2.0], "x": [1.0, 2.0, 4.0]}, "t")
    with pytest.raises(DesignError, match="the values are all the same"):
        design_matrix(table, "scale(k)")
