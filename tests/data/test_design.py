"""Design matrices against R's, against formulaic's, and by their properties."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from formulaic import model_matrix
from hypothesis import given, settings
from hypothesis import strategies as st

from covstudio.data import Table, read_table
from covstudio.data.design import design_matrix
from covstudio.data.errors import DesignError, FormulaError, RankError, TableError
from covstudio.data.examples import load_example
from covstudio.data.formula import parse_formula
from covstudio.data.rows import complete_rows, factor_columns, factor_levels, levels, response

REFERENCE = Path(__file__).parents[1] / "reml" / "reference"
CASES = [
    case
    for case in json.loads((REFERENCE / "cases.json").read_text(encoding="utf-8"))
    if (REFERENCE / case["csv"]).exists()
]
TRIAL = Table.from_columns(
    {
        "rep": ["R1", "R1", "R2", "R2", "R3", "R3"],
        "gen": ["G1", "G2", "G1", "G2", "G1", "G2"],
        "row": [10, 2, 10, 2, 10, 2],
        "x": [0.5, 1.0, 2.5, -1.0, 0.0, 4.0],
        "yield": [4.1, 3.9, 4.4, 4.0, 3.7, None],
        "site": ["S", "S", "S", "S", "S", "S"],
    },
    "trial",
)


def reference_name(column: dict) -> str:
    """The name that a column of a reference case has here."""
    parts = [
        f"{part['factor']}[{part['level']}]" if "factor" in part else part["covariate"]
        for part in column["product"]
    ]
    return ":".join(parts) or "(Intercept)"


def reference_column(column: dict, table: Table) -> np.ndarray:
    values = np.ones(table.n)
    for part in column["product"]:
        if "factor" in part:
            values = values * np.array([label == part["level"] for label in table.labels(part["factor"])])
        else:
            values = values * table.numbers(part["covariate"]) ** part.get("power", 1)
    return values


def test_there_are_seven_reference_cases():
    assert len([case for case in CASES if case["csv"] != "john_alpha.csv"]) == 7


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_columns_are_those_of_R(case):
    table = read_table(REFERENCE / case["csv"])
    columns = case["fixed"]["columns"]
    roles = dict.fromkeys(case["fixed"]["factor_levels"], "factor")
    design = design_matrix(table, case["fixed"]["formula"], roles)
    assert design.x.dtype == torch.float64
    assert design.names == tuple(reference_name(column) for column in columns)
    np.testing.assert_array_equal(
        design.x.numpy(), np.column_stack([reference_column(column, table) for column in columns])
    )
    logdet = np.linalg.slogdet(design.x.numpy().T @ design.x.numpy())[1]
    np.testing.assert_allclose(logdet, case["estimates"]["logdet_XtX"], rtol=1e-9)
    for name, expected in case["fixed"]["factor_levels"].items():
        assert list(factor_levels(table, name)) == expected
    y = response(table, case["response"])
    assert y.y.shape == (case["n"],)
    assert y.dropped == 0


def test_the_alpha_design():
    design = design_matrix(load_example("john_alpha"), "1 + rep")
    assert design.names == ("(Intercept)", "rep[R2]", "rep[R3]")
    assert design.x.sum(0).tolist() == [72.0, 24.0, 24.0]
    assert (design.dropped, design.note) == (0, "")


def test_covariates_factors_and_their_interactions():
    design = design_matrix(TRIAL, "1 + rep + x + gen:x", {"row": "factor"})
    assert design.names == ("(Intercept)", "rep[R2]", "rep[R3]", "x", "x:gen[G2]")
    np.testing.assert_array_equal(design.x[:, 4].numpy(), [0, 1.0, 0, -1.0, 0, 4.0])


def test_the_first_factor_changes_fastest():
    assert design_matrix(TRIAL, "gen*rep").names == (
        "(Intercept)",
        "gen[G2]",
        "rep[R2]",
        "rep[R3]",
        "gen[G2]:rep[R2]",
        "gen[G2]:rep[R3]",
    )


def test_numbers_as_a_factor_are_ordered_by_size():
    assert design_matrix(TRIAL, "row", {"row": "factor"}).names == ("(Intercept)", "row[10]")
    assert design_matrix(TRIAL, "row", {"row": "covariate"}).names == ("(Intercept)", "row")
    assert design_matrix(TRIAL, "row", {"row": "ignored"}).names == ("(Intercept)", "row")
    assert factor_levels(TRIAL, "row") == ("2", "10")


def test_without_the_mean_the_first_factor_has_every_level():
    assert design_matrix(TRIAL, "0 + rep + gen").names == ("rep[R1]", "rep[R2]", "rep[R3]", "gen[G2]")
    assert design_matrix(TRIAL, "0 + x").names == ("x",)


def test_odd_names():
    name = "<script>alert(1)</script>"
    table = Table.from_columns({name: ["a", "b<", "a"], "grain `yield`\\": [1.0, 2.0, 4.0]}, "t")
    assert design_matrix(table, f"`{name}`").names == ("(Intercept)", f"{name}[b<]")
    assert design_matrix(table, "`grain \\`yield\\`\\\\`").names == ("(Intercept)", "grain `yield`\\")


FORMULAS = [
    "1",
    "a",
    "a + b",
    "a*b",
    "a:b",
    "a + a:b",
    "b + a:b",
    "0 + a",
    "0 + a + b",
    "0 + a:b",
    "0 + a*b",
    "a*b*c",
    "a:b:c",
    "a + b:c",
    "0 + a + b:c + a:b:c",
    "x + a",
    "a*x",
    "a:x",
    "0 + a:x",
    "x*w + a:x:w",
    "a*b*x - a:b:x",
    "0 + x + a:b:x",
]


def crossed_table(seed: int = 0) -> Table:
    """Every combination of three factors, three times, with two covariates."""
    rng = np.random.default_rng(seed)
    grid = [
        (a, b, c) for a in ("a1", "a2", "a3") for b in ("b1", "b2") for c in ("c1", "c2") for _ in range(3)
    ]
    a, b, c = (list(column) for column in zip(*grid, strict=True))
    return Table.from_columns(
        {"a": a, "b": b, "c": c, "x": rng.normal(size=len(grid)), "w": rng.normal(size=len(grid))}, "crossed"
    )


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_columns_span_what_formulaic_spans(formula):
    table = crossed_table()
    ours = design_matrix(table, formula).x.numpy()
    theirs = np.asarray(model_matrix(formula, table.frame), dtype=float)
    assert ours.shape == theirs.shape
    both = np.column_stack([ours, theirs])
    assert np.linalg.matrix_rank(ours) == ours.shape[1]
    assert np.linalg.matrix_rank(both) == ours.shape[1]


@pytest.mark.parametrize("formula", ["a", "a + b", "a*b", "a*b*c", "0 + a + b", "a*x", "a + x", "x*w"])
def test_the_columns_are_formulaics_where_every_margin_is_there(formula):
    table = crossed_table()
    ours = design_matrix(table, formula)
    theirs = model_matrix(formula, table.frame)
    plain = {name.replace("T.", "").replace("Intercept", "(Intercept)"): name for name in theirs.columns}
    assert set(ours.names) == set(plain)
    for j, name in enumerate(ours.names):
        np.testing.assert_array_equal(ours.x[:, j].numpy(), theirs[plain[name]].to_numpy(dtype=float))


# ------------------------------------------------------------------ missing values


def test_rows_without_a_value_are_dropped_and_counted():
    table = Table.from_columns(
        {"rep": ["R1", None, "R2", "R2"], "x": [1.0, 2.0, None, 4.0], "y": [1.0, 2.0, 3.0, None]}, "t"
    )
    design = design_matrix(table, "rep")
    assert design.kept.tolist() == [True, False, True, True]
    assert design.note == "1 of 4 rows was dropped: 1 has no 'rep'."
    assert design.x.shape == (3, 2)
    found = response(table, "y")
    assert found.y.tolist() == [1.0, 2.0, 3.0]
    assert found.note == "1 of 4 rows was dropped: 1 has no 'y'."
    complete = complete_rows(table, ["y", "x", "rep"])
    assert complete.dropped == 3
    assert complete.table.to_columns() == {"rep": ["R1"], "x": [1.0], "y": [1.0]}
    assert complete.note == "3 of 4 rows were dropped: 1 has no 'y', 1 has no 'x', 1 has no 'rep'."


def test_levels_are_those_of_the_rows_that_are_left():
    table = Table.from_columns({"rep": ["R1", "R2", "R3", "R2"], "x": [None, 1.0, 2.0, 4.0]}, "t")
    assert design_matrix(table, "0 + rep + x").names == ("rep[R2]", "rep[R3]", "x")
    with pytest.raises(DesignError, match="has one level, 'R2'"):
        design_matrix(table.rows(np.array([True, True, False, True])), "rep + x")


@pytest.mark.parametrize("column", ["y", "z"])
def test_a_column_without_any_value(column):
    table = Table.from_columns({"y": [None, None], "z": [None, 1.0], "g": ["a", None]}, "t")
    with pytest.raises(DesignError, match="No row of 't' has a value in each of"):
        complete_rows(table, [column, "g"])
    with pytest.raises(DesignError, match="No row"):
        response(table, "y")


# ------------------------------------------------------------------ refusals


def test_a_response_that_is_text_or_constant():
    table = Table.from_columns({"y": ["4.1", "lost", "3"], "k": [2, 2, 2]}, "t")
    with pytest.raises(TableError, match="row 2 holds 'lost'"):
        response(table, "y")
    words = Table.from_columns({"y": [None, "low", "high"]}, "t")
    with pytest.raises(TableError, match=r"column 'y' holds text such as 'low'\. Choose another column"):
        response(words, "y")
    with pytest.raises(TableError, match="Write decimals with a point"):
        response(Table.from_columns({"y": ["4,1", "3,9"]}, "t"), "y")
    with pytest.raises(DesignError, match="is 2 in every row"):
        response(table, "k")


@pytest.mark.parametrize(
    ("formula", "error", "words"),
    [
        ("1 + block", TableError, "no column 'block'"),
        ("1 + Rep", TableError, "Did you mean 'rep'"),
        ("1 + site", DesignError, "The factor 'site' has one level, 'S'"),
        ("1 + yield", DesignError, "'yield' is the response"),
        ("x ~ rep", DesignError, "explains 'x', and the response is 'yield'"),
        ("1 + log2x(x)", FormulaError, "never evaluated"),
        ("1 + log(x)", DesignError, "no finite value in 2 of the 6 rows"),
    ],
)
def test_formulas_that_do_not_fit_the_table(formula, error, words):
    with pytest.raises(error, match=words.replace("(", r"\(")):
        design_matrix(TRIAL, formula, {"yield": "response"})


def test_text_as_a_covariate():
    with pytest.raises(TableError, match="Column 'rep' should hold numbers, and row 1 holds 'R1'"):
        design_matrix(TRIAL, "rep", {"rep": "covariate"})


def test_columns_that_depend_on_others_are_named():
    table = Table.from_columns(
        {
            "site": ["N", "N", "S", "S", "S"],
            "year": ["1", "1", "2", "2", "2"],
            "x": [1, 2, 3, 4, 9],
            "k": [2] * 5,
        },
        "t",
    )
    with pytest.raises(RankError) as caught:
        design_matrix(table, "site + year")
    assert caught.value.columns == ("year[2]",)
    assert "'year[2]' is a multiple of 'site[S]'. Take one" in str(caught.value)
    with pytest.raises(RankError, match=r"'k' is a multiple of '\(Intercept\)'"):
        design_matrix(table, "k", {"k": "covariate"})
    twice = Table.from_columns({**table.to_columns(), "z": [3.0, 5.0, 7.0, 9.0, 19.0]}, "t")
    with pytest.raises(RankError) as caught:
        design_matrix(twice, "x + z")
    assert "'z' is a combination of '(Intercept)' and 'x'" in str(caught.value)


def test_columns_that_depend_on_others_are_left_out_where_that_is_asked_for():
    columns = {
        "site": ["N", "N", "S", "S", "S", "N"],
        "year": ["1", "1", "2", "2", "2", "1"],
        "x": [1, 2, 3, 4, 9, 5],
        "zero": [0.0] * 6,
        "z": [3.0, 5.0, 7.0, 9.0, 19.0, 11.0],
    }
    roles = dict.fromkeys(("x", "zero", "z"), "covariate")
    table = Table.from_columns(columns, "t")
    design = design_matrix(table, "site + year + x + zero + z", roles, drop_dependent=True)
    assert design.names == ("(Intercept)", "site[S]", "x")
    assert design.left_out == ("year[2]", "zero", "z")
    assert design.terms == (("site", (1,)), ("x", (2,)))
    assert design.x.tolist() == design_matrix(table, "site + x", roles).x.tolist()
    # Positions of what stays move up.
    design = design_matrix(table, "site + year + x", roles, drop_dependent=True)
    assert design.terms == (("site", (1,)), ("x", (2,)))
    assert design_matrix(table, "site + x", roles, drop_dependent=True).left_out == ()


def test_an_empty_cell_of_an_interaction_is_named():
    table = Table.from_columns({"a": ["1", "1", "2", "2"], "b": ["u", "v", "u", "u"], "y": [1, 2, 3, 4]}, "t")
    with pytest.raises(
        RankError, match=r"'a\[2\]:b\[v\]' is zero in every row \(no row has that combination\)"
    ):
        design_matrix(table, "a*b", {"a": "factor"})


def test_more_columns_than_rows_are_refused_before_they_are_made():
    n = 3000
    labels = [f"L{i}" for i in range(n)]
    table = Table.from_columns(dict.fromkeys("abc", labels), "t")
    with pytest.raises(RankError, match=r"\('a:b:c' alone 26,9\d\d,\d{3},\d{3}\), and there are 3,000 rows"):
        design_matrix(table, "a*b*c")


def test_a_covariate_far_from_zero_is_not_taken_for_the_mean():
    years = Table.from_columns({"year": [2019, 2020, 2021, 2022, 2023]}, "t")
    assert design_matrix(years, "year", {"year": "covariate"}).names == ("(Intercept)", "year")
    tiny = Table.from_columns({"x": [1e-9, 3e-9, 2e-9]}, "t")
    assert design_matrix(tiny, "x").x.shape == (3, 2)


# ------------------------------------------------------------------ factors


def test_levels_of_crossed_factors():
    table = load_example("john_alpha")
    both = levels(table, ["rep", "block"])
    assert len(both) == 18
    assert both[:2] == ("R1⋈B1", "R1⋈B2")
    assert levels(table, ["rep", "block"], crossed=False) == both
    assert levels(TRIAL, ["row"]) == ("2", "10")
    assert factor_columns(TRIAL, ["row", "rep"])[0] == ["10", "2", "10", "2", "10", "2"]


def test_labels_that_are_missing_are_asked_for():
    table = Table.from_columns({"g": ["a", None], "h": ["x", "y"]}, "t")
    with pytest.raises(DesignError, match="no label in row 2"):
        factor_columns(table, ["g"])
    assert levels(table, ["g", "h"], crossed=False) == ("a⋈x",)
    assert levels(table, ["g"]) == ("a",)


def test_too_many_combinations():
    table = Table.from_columns({name: [f"{name}{i}" for i in range(200)] for name in "abc"}, "t")
    with pytest.raises(DesignError, match="8,000,000 combinations"):
        levels(table, ["a", "b", "c"])
    assert len(levels(table, ["a", "b", "c"], crossed=False)) == 200


@given(
    st.lists(
        st.tuples(st.sampled_from("pqr"), st.sampled_from(["1", "2", "10"]), st.integers(-3, 3)),
        min_size=3,
        max_size=14,
    ),
    st.sampled_from(FORMULAS),
)
@settings(max_examples=250, deadline=None)
def test_a_design_has_full_rank_or_says_what_depends(rows, formula):
    a, b, x = (list(column) for column in zip(*rows, strict=True))
    table = Table.from_columns({"a": a, "b": b, "c": b[::-1], "x": x, "w": [v * v for v in x]}, "t")
    try:
        design = design_matrix(table, formula)
    except RankError as error:
        named = error.columns
    except DesignError:
        return
    else:
        assert np.linalg.matrix_rank(design.x.numpy()) == design.x.shape[1] == len(set(design.names))
        return
    if named:
        spanned = np.asarray(model_matrix(formula, pd.DataFrame(table.to_columns())), dtype=float)
        assert np.linalg.matrix_rank(spanned) == spanned.shape[1] - len(named)


# ------------------------------------------------------------------ terms as they are written


def test_an_interaction_without_its_margins_is_one_term():
    # R: anova(lm(yield ~ Variety:N, nlme::Oats)) has one line with 11 degrees of freedom.
    table = read_table(REFERENCE / "oats.csv")
    design = design_matrix(table, "1 + Variety:N")
    assert [(name, len(places)) for name, places in design.terms] == [("Variety:N", 11)]
    assert design.parts == {"Variety:N": ("Variety", "N")}
    crossed = design_matrix(table, "0 + Variety:N").x.numpy()
    assert np.linalg.matrix_rank(np.hstack([design.x.numpy(), crossed])) == 12 == design.x.shape[1]
    y = table.numbers("yield")
    x = design.x.numpy()
    rest = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    f = ((y - y.mean()) @ (y - y.mean()) - rest @ rest) / 11 / (rest @ rest / 60)
    assert f == pytest.approx(4.0426, abs=5e-5)


@pytest.mark.parametrize("formula", FORMULAS)
def test_every_column_belongs_to_one_term_of_those_that_are_written(formula):
    design = design_matrix(crossed_table(), formula)
    parsed = parse_formula(formula)
    places = [place for _, own in design.terms for place in own]
    first = int(parsed.intercept)
    assert sorted(places) == list(range(first, len(design.names)))
    assert {name for name, _ in design.terms} <= {parsed.name_of(term) for term in parsed.terms}
    assert all(design.parts[name] for name, _ in design.terms)


def test_a_column_that_is_called_like_an_interaction_stays_itself():
    table = Table.from_columns(
        {"a": [1.0, 2.0, 3.0, 5.0], "b": [2.0, 1.0, 4.0, 3.0], "a:b": [1.0, 0.0, 0.0, 1.0]}, "t"
    )
    design = design_matrix(table, "a:b + `a:b`")
    assert design.terms == (("`a:b`", (1,)), ("a:b", (2,)))
    assert design.names == ("(Intercept)", "`a:b`", "a:b")
    assert design.parts == {"`a:b`": ("a:b",), "a:b": ("a", "b")}
