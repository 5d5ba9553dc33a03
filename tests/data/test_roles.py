"""Guessed roles on real tables, with reasons, and what is said of roles that do not fit."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covstudio.data import Table, TableError, read_table
from covstudio.data.examples import EXAMPLES, load_example
from covstudio.data.roles import ROLES, check_roles, explain_roles, guess_roles

REFERENCE = Path(__file__).parents[1] / "reml" / "reference"


def roles_of(columns: dict[str, list]) -> dict[str, str]:
    return guess_roles(Table.from_columns(columns, "t"))


@pytest.mark.parametrize(
    ("csv", "expected"),
    [
        ("bodyweight_car1", "Rat factor Diet factor Time covariate weight response"),
        ("machines", "Worker factor Machine factor score response"),
        ("oats", "Block factor Variety factor N factor nitro covariate yield response"),
        ("orthodont_slope", "Subject factor Sex factor age covariate visit factor distance response"),
        (
            "ovary_ar1",
            "Mare factor obs ignored time covariate sin_t covariate cos_t covariate follicles response",
        ),
        ("sleepstudy", "Subject factor Days covariate Reaction response"),
        ("spatial_ar1xar1", "row factor col factor rep factor gen factor y response"),
    ],
)
def test_published_tables(csv, expected):
    guessed = guess_roles(read_table(REFERENCE / f"{csv}.csv"))
    assert " ".join(f"{column} {role}" for column, role in guessed.items()) == expected


def test_the_alpha_design_with_reasons():
    guesses = explain_roles(load_example("john_alpha"))
    assert {column: guess.role for column, guess in guesses.items()} == {
        "plot": "ignored",
        "rep": "factor",
        "block": "factor",
        "gen": "factor",
        "yield": "response",
        "row": "ignored",
        "col": "ignored",
    }
    assert guesses["gen"].reason == "It holds text, 24 different labels."
    assert guesses["yield"].reason == "It holds numbers, and its name is that of a response."
    assert guesses["col"].reason == "It is '1' in every row."


def test_numbers_with_few_values_are_a_factor_unless_their_name_says_otherwise():
    values = {"rate": [0, 50, 100] * 6, "level": [0, 50, 100] * 6, "y": [v / 7 for v in range(18)]}
    assert roles_of(values) == {"rate": "covariate", "level": "factor", "y": "response"}


def test_the_last_measured_column_is_the_response():
    values = {"g": ["a", "b"] * 10, "p": [v / 3 for v in range(20)], "q": [v / 7 for v in range(20)]}
    assert roles_of(values) == {"g": "factor", "p": "covariate", "q": "response"}


def test_y_beside_x_is_a_coordinate_when_something_else_is_measured():
    spread = [v / 7 for v in range(20)]
    assert roles_of({"x": spread, "y": spread, "zinc": spread}) == {
        "x": "covariate",
        "y": "covariate",
        "zinc": "response",
    }
    assert roles_of({"x": spread, "y": spread})["y"] == "response"


def test_text_that_is_mostly_numbers_is_explained():
    table = Table.from_columns({"yield": [str(v / 7) for v in range(19)] + ["lost"]}, "t")
    guess = explain_roles(table)["yield"]
    assert guess.role == "ignored"
    assert "1 cell is not, the first of them 'lost'" in guess.reason


def test_columns_that_say_nothing_are_ignored():
    roles = roles_of({"empty": [None] * 4, "same": ["a"] * 4, "note": list("abcd"), "gen": list("abcd")})
    assert roles == {"empty": "ignored", "same": "ignored", "note": "ignored", "gen": "factor"}


def test_the_example_names_its_source_and_licence():
    example = EXAMPLES["john_alpha"]
    assert "John and E. R. Williams (1995)" in example.source
    assert example.licence == "MIT"
    with pytest.raises(TableError, match=r"no example 'oats'\. The examples are .*'john_alpha'"):
        load_example("oats")


def test_roles_that_do_not_fit():
    table = Table.from_columns(
        {
            "rep": ["R1", "R1"],
            "gen": ["a", "b"],
            "e": [None, None],
            "k": [1, 1],
            "y": [1.0, 2.0],
            "z": [1.0, 3.0],
        },
        "t",
    )
    fine = {
        "rep": "ignored",
        "gen": "factor",
        "e": "ignored",
        "k": "covariate",
        "y": "response",
        "z": "covariate",
    }
    assert check_roles(table, fine) == ()
    problems = {
        problem.column: problem.message
        for problem in check_roles(
            table,
            {
                "rep": "factor",
                "gen": "covariate",
                "e": "covariate",
                "k": "response",
                "y": "response",
                "x": "factor",
            },
        )
    }
    assert list(problems) == ["x", "y", "rep", "gen", "e", "k"]
    assert "one level, 'R1'" in problems["rep"]
    assert "row 1 holds 'a'" in problems["gen"]
    assert "has no values" in problems["e"]
    assert "is 1 in every row" in problems["k"]
    assert "'k' and 'y' are marked" in problems["y"]
    assert "no column 'x'" in problems["x"]
    assert (
        "the roles are 'factor', 'covariate', 'response' and 'ignored'"
        in check_roles(table, {"y": "random"})[0].message
    )


cells = (
    st.none() | st.integers(-5, 200) | st.floats(-1e6, 1e6) | st.sampled_from(["a", "1", "x y", "NA", "3.5"])
)


@given(
    st.integers(1, 15).flatmap(
        lambda n: st.dictionaries(
            st.sampled_from(["yield", "y", "x", "rep", "plot", "time", "note", "<b>"]),
            st.lists(cells, min_size=n, max_size=n),
            min_size=1,
        )
    )
)
@settings(max_examples=200, deadline=None)
def test_guesses_always_fit_the_table(columns):
    table = Table.from_columns(columns, "t")
    guesses = explain_roles(table)
    assert list(guesses) == list(table.columns)
    assert all(guess.role in ROLES and guess.reason.endswith(".") for guess in guesses.values())
    assert sum(guess.role == "response" for guess in guesses.values()) <= 1
    assert check_roles(table, guess_roles(table)) == ()
