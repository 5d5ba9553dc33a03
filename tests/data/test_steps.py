"""Steps: columns are computed, renamed, recoded and merged, rows are kept, in the order that was said."""

from __future__ import annotations

import contextlib
from random import Random

import numpy as np
import pytest

from covstudio.data import (
    ChoiceError,
    Compute,
    Keep,
    Recode,
    Rename,
    Table,
    TableChoices,
    TableError,
    read_table,
)
from covstudio.data.calculated import FUNCTIONS
from covstudio.data.calculation import calculated, holds
from covstudio.document.changes.all import SetChoices
from covstudio.document.files.write import dumps, loads
from covstudio.document.model.document import Document
from covstudio.studio.session.store import Store

CSV = b"""gen,site,dose,sown,y
A,S1,lo,2023-05-01,1
B,S1,low,2023-05-14,4
A,S2,high,2023-12-31,NA
B,S2,none,,16
C,S2,high,2024-02-29,25
"""
NA = None


@pytest.fixture(scope="module")
def table() -> Table:
    return read_table(CSV, name="t")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("log(y, 2)", [0, 2, NA, 4, np.log2(25)]),
        ("2 * y^2 - -1", [3, 33, NA, 513, 1251]),
        ("y - mean(y)", [-10.5, -7.5, NA, 4.5, 13.5]),
        ("center(y)", [-10.5, -7.5, NA, 4.5, 13.5]),
        ("center(y, site)", [-1.5, 1.5, NA, -4.5, 4.5]),
        ("mean(y, gen)", [1, 10, 1, 10, 25]),
        ("count(y, site)", [2, 2, 2, 2, 2]),
        ("scale(y)", [(one - 11.5) / np.sqrt(123) if one else NA for one in (1, 4, NA, 16, 25)]),
        ("if_else(y > 4, log10(y - 4), 0)", [0, 0, NA, np.log10(12), np.log10(21)]),
        ("ifelse(is.na(y), 0, y)", [1, 4, 0, 16, 25]),
        ("if_else(gen == 'A', NA, y)", [NA, 4, NA, 16, 25]),
        ("as.numeric(y >= 4 & site != 'S2')", [0, 1, 0, 0, 0]),
        ("number(!(y < 10) | gen == 'A')", [1, 0, 1, 1, 1]),
        (
            "year(sown) + month(sown) / 100 + day(sown) / 10000",
            [2023.0501, 2023.0514, 2023.1231, NA, 2024.0229],
        ),
        ("yearday(sown)", [121, 134, 365, NA, 60]),
        ("week(sown) * 10 + weekday(sown)", [181, 197, 527, NA, 94]),
        ("sown - '2023-05-01'", [0, 13, 244, NA, 304]),
        ("round(y / 3, 1)", [0.3, 1.3, NA, 5.3, 8.3]),
    ],
)
def test_numbers_are_computed(table: Table, text: str, values: list[float | None]):
    found = calculated(table, text).tolist()
    assert found == pytest.approx([np.nan if one is None else one for one in values], nan_ok=True)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("gen:site", ["A:S1", "B:S1", "A:S2", "B:S2", "C:S2"]),
        ("if_else(dose %in% c('lo', 'low'), 'low', dose)", ["low", "low", "high", "none", "high"]),
        ("if_else(y > 10, 'large', NA)", [NA, NA, NA, "large", "large"]),
        ("y > 4", ["FALSE", "FALSE", NA, "TRUE", "TRUE"]),
        ("text(y)", ["1", "4", NA, "16", "25"]),
        ("lower(gen):upper(dose)", ["a:LO", "b:LOW", "a:HIGH", "b:NONE", "c:HIGH"]),
        ("text(year(sown)):gen", ["2023:A", "2023:B", "2023:A", NA, "2024:C"]),
    ],
)
def test_labels_are_computed(table: Table, text: str, values: list[str | None]):
    assert calculated(table, text).tolist() == values


@pytest.mark.parametrize(
    ("where", "kept", "unknown"),
    [
        ("y > 1", [1, 3, 4], 1),
        ("y > 1 | site == 'S2'", [1, 2, 3, 4], 0),
        ("y > 1 & site == 'S1'", [1], 0),
        ("starts_with(dose, 'lo')", [0, 1], 0),
        ("sown >= '2023-05-14' & sown < '2024-01-01'", [1, 2], 1),
        ("!is_missing(y)", [0, 1, 3, 4], 0),
        ("TRUE", [0, 1, 2, 3, 4], 0),
    ],
)
def test_rows_are_told(table: Table, where: str, kept: list[int], unknown: int):
    found, lost = holds(table, where)
    assert np.flatnonzero(found).tolist() == kept
    assert lost == unknown


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("log(Y)", "no column 'Y' in 't'. Did you mean 'y'"),
        ("lgo(y)", "no function 'lgo'. Did you mean 'log'"),
        ("log(gen)", "should hold numbers, and row 1 holds 'A'"),
        ("log(y - 1)", "no finite value in 1 of the 5 rows, row 1 the first"),
        ("y = 1", "Write == for equal"),
        ("0 < y < 5", "Write a < b & b < c"),
        ("y &", "expected before 'its end'"),
        ("(y", r"'\)' is expected"),
        ("y y", "'y' is left over"),
        ("gen < 'B'", "should hold numbers"),
        ("if_else(y, 1, 2)", "has a number in its place"),
        ("if_else(y > 1, 2)", "takes 3 arguments, and has 2"),
        ("gen %in% 'A'", r"followed by values in c\(...\)"),
        ("year(y * 1e9)", "takes a date apart"),
        ("round(y, NA)", "a whole number of digits"),
        ("round(y, y)", "a whole number of digits"),
        ("contains(gen, site)", "a column in its place"),
        ("__import__('os').system('x')", "never evaluated as code"),
        ("y.__class__", "no column 'y.__class__'"),
        ("(" * 80 + "y" + ")" * 80, "nested more than 50 deep"),
    ],
)
def test_what_is_not_understood_is_told_in_a_sentence(table: Table, text: str, words: str):
    with pytest.raises(ChoiceError, match=words):
        table.with_choices(TableChoices(steps=[Compute("new", text)]))


STEPS = [
    Recode("dose", {"lo": "low", "none": None}),
    Rename("y", "yield"),
    Keep("yield > 1"),
    Compute("ly", "log(yield, 2)"),
    Compute("cell", "gen:site"),
    Recode("cell", {"B:S2": "C:S2"}),
]


def test_steps_are_taken_in_their_order_and_back(table: Table):
    said = TableChoices(steps=STEPS).with_column("cell", reference="C:S2", levels=["C:S2", "B:S1"])
    found = table.with_choices(said)
    assert found.to_columns() == {
        "gen": ["B", "B", "C"],
        "site": ["S1", "S2", "S2"],
        "dose": ["low", None, "high"],
        "sown": ["2023-05-14", None, "2024-02-29"],
        "yield": [4, 16, 25],
        "ly": [2, 4, np.log2(25)],
        "cell": ["B:S1", "C:S2", "C:S2"],
    }
    assert found.levels("cell") == ("C:S2", "B:S1")
    assert found.lines is not None
    assert found.lines.tolist() == [3, 5, 6]
    assert (
        "3 of 5 rows are kept, where 'yield > 1'; in 1 row a value is missing that it needs." in found.notes
    )
    assert found.with_choices(TableChoices()).to_columns() == table.to_columns()
    assert found.before_steps().to_columns() == table.to_columns()
    assert read_table(CSV, choices=said).to_columns() == found.to_columns(), "the same from the file"
    assert read_table(found.to_csv().encode(), choices=said).to_columns() == found.to_columns()
    other = found.with_choices(TableChoices(steps=STEPS[:1]))
    assert (other.n, other.levels("dose")) == (5, ("high", "low"))


def test_a_part_of_the_rows_takes_other_steps_of_its_own(table: Table):
    found = table.with_choices(TableChoices(steps=[Keep("y > 1")])).rows(np.array([True, False, True]))
    again = found.with_choices(TableChoices(steps=[Compute("z", "y - mean(y)")]))
    assert again.to_columns()["z"] == [-10.5, 10.5]


def test_numbers_stay_numbers_when_they_are_recoded(table: Table):
    found = table.with_choices(TableChoices(steps=[Recode("y", {"25": "9", "16": None})]))
    assert found.numbers("y").tolist()[:2] == [1, 4]
    assert found.to_columns()["y"] == [1, 4, None, None, 9]
    found = table.with_choices(TableChoices(steps=[Recode("y", {"25": "lots"})]))
    assert found.to_columns()["y"] == ["1", "4", None, "16", "lots"]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Rename("Y", "z"), "Did you mean 'y'"),
        (Rename("y", "gen"), "has a column of that name"),
        (Recode("doze", {"lo": "low"}), "Did you mean 'dose'"),
        (Keep("y > 100"), "No row is left where 'y > 100': it cannot be told in 1 row"),
        (Keep("y + 1"), "should hold in a row or not"),
        (Compute("y", "gen"), "has a column of that name"),
    ],
)
def test_steps_that_cannot_be_taken_are_told(table: Table, step, words: str):
    with pytest.raises(ChoiceError, match=words):
        table.with_choices(TableChoices(steps=[step]))


def test_a_label_that_no_row_has_is_noted(table: Table):
    found = table.with_choices(TableChoices(steps=[Recode("dose", {"hihg": "high"})]))
    assert any("no row has 'hihg'" in note and "Did you mean 'high'?" in note for note in found.notes)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([{"drop": "y"}], "A step is one of"),
        ("keep", "Steps are a list"),
        ([{"keep": ""}], "An expression is needed"),
        ([{"recode": "y", "labels": {}}], "given by what they become"),
        ([{"recode": "y", "labels": {"a": 3}}], "becomes a text"),
        ([{"rename": "y", "to": " "}], "The new name of 'y' needs a name"),
        ([{"compute": "z", "as": "y" * 5001}], "5,001 characters"),
    ],
)
def test_what_is_no_step_is_refused(content, words: str):
    with pytest.raises(ChoiceError, match=words):
        TableChoices.from_dict({"steps": content})


def test_steps_are_kept_in_a_document_and_undone(table: Table):
    said = TableChoices(steps=STEPS)
    assert TableChoices.from_dict(said.to_dict()) == said
    assert TableChoices.from_dict({"computed": {"z": "y"}}) == TableChoices(steps=[Compute("z", "y")])
    assert hash(said) == hash(TableChoices(steps=list(STEPS)))
    store = Store()
    store.load_table(table)
    first = TableChoices(steps=STEPS[:1])
    store.dispatch(SetChoices(first))
    store.dispatch(SetChoices(first.and_step(Keep("y > 1"))))
    assert store.table is not None
    assert store.table.n == 3
    again, own = loads(store.save_text())
    assert again.choices == store.document.choices
    assert own is not None
    assert own.n == 5, "the table is kept as it was read"
    store.undo()
    assert (store.table.n, store.table.levels("dose")) == (5, ("high", "low"))
    store.redo()
    assert store.table.n == 3
    assert SetChoices(first).described(Document()) == "Recode dose"
    assert SetChoices(TableChoices()).described(Document(choices=first)) == "Take back: Recode dose"
    assert dumps(Document(choices=said))


def test_any_expression_is_computed_or_refused(table: Table):
    random = Random(1)
    atoms = ["y", "gen", "dose", "sown", "1", "2.5", "'A'", "'2023-05-01'", "NA", "TRUE", "pi", "`y`"]
    operators = ["+", "-", "*", "/", "^", "<", "<=", "==", "!=", "&", "|", ":", ">"]

    def made(depth: int) -> str:
        kind = random.random()
        if depth == 0 or kind < 0.25:
            return random.choice(atoms)
        if kind < 0.6:
            return f"{made(depth - 1)} {random.choice(operators)} {made(depth - 1)}"
        if kind < 0.8:
            return random.choice(["({})", "!{}", "-{}", "{} %in% c('A', 1)"]).format(made(depth - 1))
        name = random.choice(list(FUNCTIONS))
        given = [made(depth - 1) for _ in range(random.randint(*FUNCTIONS[name].arguments))]
        return f"{name}({', '.join(given)})"

    computed = 0
    for _ in range(400):
        text = made(3)
        text = text[: random.randint(1, len(text))] if random.random() < 0.1 else text
        with contextlib.suppress(TableError):
            assert len(calculated(table, text)) == table.n
            computed += 1
    assert computed > 50
