"""Codes for "no value": asked about where they may be meant, declared, and never guessed."""

import datetime as dt

import pandas as pd
import pytest

from covstudio import fit
from covstudio.data import ChoiceError, ColumnChoice, Table, TableChoices, TableError, read_table
from covstudio.data.frames import table_of
from covstudio.data.missing import suspected_codes, suspected_labels


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ([4.1, 3.9, -99, 4.0, 4.2], [-99]),
        ([1, 2, 3, 4, 5, 9], [9]),
        ([1, 2, 3, 4, 5, 6, 7, 9], [9]),
        ([20, 35, 41, 56, 60, 99], [99]),
        ([20, 35, 41, 56, 60, 998, 999], [998, 999]),
        ([3, 1, 2, -8, -9], [-9, -8]),
        ([0.2, 0.4, 999, -999], [-999, 999]),
        ([12.5, 13.1, 1e30], [1e30]),
        ([2000, 3000, 4000, 9999], [9999]),
        (list(range(1, 101)), []),
        ([96, 97, 98, 99, 100], []),
        ([0, 50, 100], []),
        ([-12.5, -9, -4.1, 0.3, 5.5], []),
        ([10.2, 10.3, 55.7, 77.0], []),
        ([1, 9], []),
        ([-99], []),
        ([], []),
    ],
)
def test_which_numbers_are_suspected(values, codes):
    assert list(suspected_codes(values)) == codes


def test_which_labels_are_suspected():
    assert suspected_labels(["A", ".", "B", "*"]) == (".", "*")
    assert suspected_labels(["A", "-99", "k.A."]) == ("-99", "k.A.")
    assert suspected_labels(["+", "-"]) == suspected_labels(["+", "-", "."])[:0] == ()
    assert suspected_labels(["None", "low"]) == ()
    assert suspected_labels(["."]) == ()


TRIAL = b"gen,yield\nA,4.1\nB,3.9\nA,-99\nB,4.0\nC,4.2\nC,-99\n"


def test_a_code_among_numbers_is_asked_about_and_stays_a_number():
    table = read_table(TRIAL)
    (question,) = table.questions
    assert question.column == "yield"
    assert question.text == (
        "Column 'yield': '-99' in 2 rows may be a code for 'no value', and is read as a number."
    )
    assert question.text in table.notes
    assert table.numbers("yield").min() == -99
    kept, missing = question.answers
    again = read_table(TRIAL, choices=kept.choices)
    assert again.to_columns() == table.to_columns()
    assert again.questions == ()
    again = read_table(TRIAL, choices=missing.choices)
    assert again.to_columns()["yield"] == [4.1, 3.9, None, 4.0, 4.2, None]
    assert again.questions == ()
    assert "Column 'yield': 2 cells with '-99' have no value, as was said." in again.notes


@pytest.mark.parametrize("missing", [[-99], ["-99"], [-99.0], {"yield": ["-99"]}, {"yield": -99}])
def test_codes_are_declared_for_all_columns_or_for_one(missing):
    assert read_table(TRIAL, missing=missing).to_columns()["yield"] == [4.1, 3.9, None, 4.0, 4.2, None]


def test_a_code_is_a_number_however_it_is_written():
    text = b"gen;yield\nA;4,1\nB;-99,0\nC;-99\n"
    assert read_table(text, missing=["-99"]).to_columns()["yield"] == [4.1, None, None]


def test_codes_among_labels_are_asked_about_and_stay_levels():
    text = b"y,gen\n1.5,A\n2.5,.\n3.5,B\n4,.\n5,A\n"
    table = read_table(text)
    assert table.levels("gen") == (".", "A", "B")
    (question,) = table.questions
    assert question.text == (
        "Column 'gen': '.' in 2 rows may mean 'no value', and is taken for a label like any other."
    )
    again = read_table(text, choices=question.answers[1].choices)
    assert again.labels("gen") == ["A", None, "B", None, "A"]
    assert not read_table(text, choices=question.answers[0].choices).questions
    # Marker genotypes are no codes.
    assert read_table(b"y,marker\n1,+\n2,-\n3,+\n").questions == ()


def test_na_among_labels_is_missing_and_said_and_can_be_a_label():
    text = b"region,y\nNA,1\nEU,2\nAS,3\n"
    table = read_table(text)
    assert table.labels("region") == [None, "EU", "AS"]
    assert table.notes == ("Column 'region': 1 cell with 'NA' is read as missing.",)
    said = TableChoices(columns={"region": ColumnChoice(values=("NA",))})
    assert read_table(text, choices=said).labels("region") == ["NA", "EU", "AS"]


@pytest.mark.parametrize("error", ["#DIV/0!", "#N/A", "#VALUE!", "#WERT!", "#BEZUG!", "#NV"])
def test_errors_of_a_spreadsheet_are_no_values(error):
    table = read_table(f"gen,y\nA,{error}\nB,4.1\n{error},3.9\n".encode())
    assert table.to_columns() == {"gen": ["A", "B", None], "y": [None, 4.1, 3.9]}
    assert error == "#N/A" or any(error in note and "read as missing" in note for note in table.notes)


def test_what_is_said_of_a_table_in_memory():
    table = Table.from_columns({"gen": ["A", ".", "B"], "y": [4.1, -99, 3.9], "n": [1, 2, 999]}, "t")
    said = TableChoices(missing=("-99", "999"), columns={"gen": ColumnChoice(missing=(".",))})
    again = table.with_choices(said)
    assert again.to_columns() == {"gen": ["A", None, "B"], "y": [4.1, None, 3.9], "n": [1, 2, None]}
    assert again is table.with_choices(said)
    assert again.with_choices(said) is again
    assert table.with_choices(TableChoices()) is table
    # From the table as it was, nothing is lost by another choice.
    assert table.with_choices(TableChoices(missing=("999",))).to_columns()["y"] == [4.1, -99, 3.9]
    lost = Table.from_columns({"y": ["4.1", "lost"]}, "t").with_choices(TableChoices(missing=("lost",)))
    assert lost.to_columns() == {"y": [4.1, None]}
    # A model may say something of a column that another table lacks; what is typed must be there.
    other = table.with_choices(TableChoices().with_column("yield", missing=["-99"]))
    assert other.to_columns() == table.to_columns()
    (note,) = other.notes
    assert note.startswith("Something is said about column 'yield', and there is no such column.")
    with pytest.raises(TableError, match="no column 'yeild' in 'table'"):
        read_table(TRIAL, missing={"yeild": ["-99"]})


def test_choices_are_data():
    said = TableChoices(
        separator=";",
        header=3,
        units=True,
        decimal=",",
        missing=(-99,),
        columns={
            "gen": ColumnChoice(levels=("B", "A"), reference="A", values=(".",)),
            "sown": ColumnChoice(kind="date", order="mdy"),
            "none": ColumnChoice(),
        },
    )
    assert said.to_dict() == {
        "separator": ";",
        "header": 3,
        "units": True,
        "decimal": ",",
        "missing": ["-99"],
        "columns": {
            "gen": {"values": ["."], "levels": ["B", "A"], "reference": "A"},
            "sown": {"kind": "date", "order": "mdy"},
        },
    }
    assert TableChoices.from_dict(said.to_dict()) == said
    assert hash(TableChoices.from_dict(said.to_dict())) == hash(said)
    assert bool(said)
    assert not TableChoices()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"mising": ["-99"]}, "A table has no choice 'mising'; there are 'separator', 'header'"),
        ({"columns": {"y": {"kid": "text"}}}, "Column 'y' has no choice 'kid'"),
        ({"columns": {"y": {"kind": "factor"}}}, "The kind can be 'number', 'text' or 'date'; got 'factor'"),
        ({"columns": {"y": 5}}, "Column 'y' needs its choices by name"),
        ({"columns": [1]}, "given by name"),
        ({"missing": [None]}, "'missing' holds texts"),
        ({"missing": [True]}, "'missing' holds texts"),
        ({"missing": {"y": 1}}, "is a list of texts"),
        ({"header": 0}, "The header is a line, counted from 1; got 0"),
        ({"separator": "::"}, "The separator can be"),
        ({"columns": {"y": {"missing": ["."], "values": ["."]}}}, "said to be missing and to be a value"),
        ([], "A table needs its choices by name"),
    ],
)
def test_choices_that_there_are_not(content, words):
    with pytest.raises(ChoiceError, match=words):
        TableChoices.from_dict(content)


def test_tables_in_memory_are_asked_about_alike():
    frame = pd.DataFrame({"gen": ["A", ".", "B", "A"], "y": [4.1, -99.0, 3.9, 4.2], "x": [1, 2, 3, 999]})
    table = table_of(frame)
    assert [question.column for question in table.questions] == ["gen", "y", "x"]
    assert set(table.notes) == {question.text for question in table.questions}
    answered = table.with_choices(table.questions[1].answers[1].choices)
    assert answered.to_columns()["y"] == [4.1, None, 3.9, 4.2]
    assert table_of(frame[["y"]].replace(-99.0, 4.0)).questions == ()


def test_what_a_frame_leaves_open_is_said_with_the_fit():
    values = [4.1, 3.9, 4.4, 4.0, 3.7, 4.6, 4.3, 3.8, -99.0, 4.0, 4.2, 4.1]
    frame = pd.DataFrame({"gen": ["A", "B", "C"] * 4, "y": values})
    found = fit("y ~ 1 + (1 | gen)", frame)
    (note,) = found.notes
    assert note == "Column 'y': '-99' in 1 row may be a code for 'no value', and is read as a number."
    assert repr(found).endswith(f"Note: {note}")


def test_labels_and_dates_of_a_frame_have_one_form():
    moments = [dt.date(2023, 5, 1), dt.datetime(2023, 5, 8, 12), None]
    frame = pd.DataFrame({"g": ["Mu\u0308ller", "M\u00fcller ", "A"], "d": moments}, dtype=object)
    table = table_of(frame)
    assert table.levels("g") == ("A", "M\u00fcller")
    assert table.is_time("d")
    assert table.numbers("d")[1] - table.numbers("d")[0] == 7.5
