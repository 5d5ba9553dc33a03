"""Tables: what is read, what is noted, what a table answers, and that it survives its file."""

import math
import string
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from covstudio.data import Table, TableError, in_memory, read_table
from covstudio.data.examples import load_example
from covstudio.data.frames import table_of
from tests.data.table_cases import GOOD

# ------------------------------------------------------------------ what is read


def test_the_alpha_design_is_read_as_it_is_written():
    table = load_example("john_alpha")
    assert table.n == 72
    assert table.columns == ("plot", "rep", "block", "gen", "yield", "row", "col")
    assert table.labels("gen")[:3] == ["G11", "G04", "G05"]
    assert table.numbers("yield")[:3].tolist() == [4.1172, 4.4461, 5.8757]
    assert table.labels("plot")[-1] == "72"
    assert table.notes == ()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_any_line_end_and_a_byte_order_mark(end, mark):
    table = read_table(mark + GOOD.replace("\n", end).encode())
    assert table.to_columns() == {"rep": ["R1", "R2"], "gen": ["G1", "G2"], "yield": [4.1, 3.9]}


def test_a_path_gives_the_name(tmp_path):
    path = tmp_path / "trial.csv"
    path.write_text(GOOD)
    assert read_table(path).name == read_table(str(path)).name == "trial.csv"


@pytest.mark.parametrize(("delimiter", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")])
def test_other_separators_are_found_and_noted(delimiter, word):
    table = read_table(GOOD.replace(",", delimiter).encode())
    assert table.columns == ("rep", "gen", "yield")
    assert table.notes == (f"The fields are separated by {word}.",)


def test_decimal_commas_of_a_semicolon_file():
    table = read_table(b"gen;yield;n\nG1;4,125;1\nG2;3,9;2\nG3;NA;3\n")
    assert table.numbers("yield").tolist()[:2] == [4.125, 3.9]
    assert table.frame["n"].dtype == np.int64
    assert "Column 'yield': decimal commas were read as decimal points." in table.notes


def test_a_quoted_decimal_comma_is_a_number_and_a_quoted_thousand_is_not():
    assert read_table(b'gen,yield\nG1,"4,12"\nG2,"3,9"\n').numbers("yield").tolist() == [4.12, 3.9]
    with pytest.raises(TableError, match="thousands without a separator"):
        read_table(b'gen,yield\nG1,"4,125"\nG2,"3,900"\n').numbers("yield")


def test_labels_are_strings_and_leading_zeros_stay():
    table = read_table(b"plot,code,x\n1,007,1.0\n2,010,0.50\n")
    assert table.labels("plot") == ["1", "2"]
    assert table.labels("code") == ["007", "010"]
    assert table.labels("x") == ["1", "0.5"]
    assert table.numbers("code").tolist() == [7.0, 10.0]
    assert not table.is_numeric("code")


def test_long_identifiers_keep_all_their_digits():
    table = read_table(b"id,y\n12345678901234567890,1\n12345678901234567891,2\n")
    assert table.labels("id") == ["12345678901234567890", "12345678901234567891"]


@pytest.mark.parametrize(
    "mark", ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "#N/A", "*", ".", "-", "?", " NA "]
)
def test_missing_numbers_in_every_spelling(mark):
    table = read_table(f"gen,yield\nG1,4.1\nG2,{mark}\n".encode())
    assert table.missing("yield").tolist() == [False, True]
    assert math.isnan(table.numbers("yield")[1])
    assert bool(table.notes) == (mark in {"*", ".", "-", "?"})


def test_a_treatment_called_none_is_a_label_and_NA_is_not():
    table = read_table(b"spray,yield\nNone,4.1\nNA,3.9\nfull,4.0\n")
    assert table.labels("spray") == ["None", None, "full"]


def test_spaces_around_labels_are_trimmed_and_counted():
    table = read_table(b"rep , gen\nR1 ,G1\n  R1,G2\nR2, G1\n")
    assert table.columns == ("rep", "gen")
    assert table.labels("rep") == ["R1", "R1", "R2"]
    # Spaces after a separator are a way of writing csv; those at the end of a label make two levels of one.
    assert table.notes == ("Column 'rep': spaces at the ends of 1 label were trimmed.",)


def test_labels_that_differ_in_capitals_are_pointed_out():
    table = read_table(b"gen,y\nG1,1\ng1,2\n")
    assert table.labels("gen") == ["G1", "g1"]
    assert table.notes == (
        "Column 'gen': labels 'G1' and 'g1' differ only in capitals and count as two levels.",
    )


def test_a_script_is_a_name_and_a_label_like_any_other():
    name = "<script>alert(1)</script>"
    table = read_table(f"{name},y\n{name},1\nb,2\n".encode())
    assert table.columns == (name, "y")
    assert table.labels(name) == [name, "b"]
    assert table.numbers("y").tolist() == [1.0, 2.0]


def test_line_breaks_and_invisible_characters_leave_names():
    assert read_table('"grain\nyield\u200b","t\u202eest"\n1,2\n'.encode()).columns == ("grain yield", "t est")


def test_values_with_line_breaks_and_quotes():
    table = read_table(b'note,y\n"two\nlines",1\n"say ""so""",2\n')
    assert table.labels("note") == ["two\nlines", 'say "so"']


def test_empty_lines_and_empty_columns_are_left_out_and_noted():
    table = read_table(b"\nrep,yield,\nR1,1,\n\n,,\nR2,2,\n\n\n")
    assert table.to_columns() == {"rep": ["R1", "R2"], "yield": [1, 2]}
    assert table.notes == (
        "2 empty lines were left out.",
        "Column 3 has no name and no values and was left out.",
    )


@pytest.mark.parametrize("start", [0, 1])
def test_row_numbers_without_a_name_are_left_out(start):
    table = read_table(f'"",rep,y\n{start},R1,1\n{start + 1},R2,2\n'.encode())
    assert table.columns == ("rep", "y")
    assert "row numbers" in table.notes[0]


def test_a_single_column_needs_no_separator():
    assert read_table(b"yield\n4.1\n3.9\n").to_columns() == {"yield": [4.1, 3.9]}
    assert read_table(b"grain yield\n4.1\n3.9\n").columns == ("grain yield",)


def test_no_formula_of_a_spreadsheet_is_computed():
    assert read_table(b"a,b\n=1+1,x\n=cmd|' /C calc'!A0,y\n").labels("a") == ["=1+1", "=cmd|' /C calc'!A0"]


def test_numbers_are_read_to_the_last_bit():
    values = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -2.2250738585072014e-308]
    table = read_table(("y\n" + "\n".join(map(repr, values))).encode())
    assert table.numbers("y").tolist() == values


def test_other_separators_inside_names_and_labels_survive_the_file():
    columns = {"a;b|c\td": ["x;y", "u\tv"], "y": [1, 2]}
    table = Table.from_columns(columns, "t")
    assert read_table(table.to_csv().encode()).to_columns() == {"a;b|c d": ["x;y", "u\tv"], "y": [1, 2]}
    assert read_table(b'"a;b",y\n"1;2|3",1\n').columns == ("a;b", "y")
    assert read_table(b'"grain yield"\n"very good"\n').to_columns() == {"grain yield": ["very good"]}


# ------------------------------------------------------------------ asking a table


def test_columns_that_are_not_there():
    table = read_table(GOOD.encode(), name="trial")
    with pytest.raises(TableError, match=r"no column 'Yield' in 'trial'. Did you mean 'yield'\?"):
        table.numbers("Yield")
    with pytest.raises(TableError, match=r"The columns are 'rep', 'gen' and 'yield'\."):
        table.labels("zzzz")
    with pytest.raises(TableError, match="no columns 'block' and 'plot' in 'trial'"):
        table.require(["rep", "block", "plot"])


def test_text_where_numbers_are_needed_names_the_first_offender():
    table = read_table(b"y\n4.1\nlost\n3.9\ndead\nNA\n")
    with pytest.raises(TableError) as caught:
        table.numbers("y")
    message = str(caught.value)
    assert "row 2 holds 'lost'" in message
    assert "2 cells of 5 are not numbers" in message
    assert "write NA" in message


def test_infinite_numbers_are_no_numbers():
    for text in ("inf", "Infinity", "1e999", "1_000", "0x10", "１"):
        with pytest.raises(TableError, match="row 2 holds"):
            read_table(f"y\n1\n{text}\n".encode()).numbers("y")


def test_rows_keep_the_kinds_of_columns():
    table = read_table(b"rep,plot,y\nR1,1,4.1\nR2,2,NA\nR3,3,3.9\n")
    half = table.rows(np.array([True, False, True]))
    assert half.to_columns() == {"rep": ["R1", "R3"], "plot": [1, 3], "y": [4.1, 3.9]}
    assert table.n == 3
    with pytest.raises(ValueError, match="one entry per row"):
        table.rows(np.array([True]))


def test_numbers_can_be_written_to_without_harm():
    table = read_table(b"y\n1\n2\n")
    table.numbers("y")[0] = 99.0
    assert table.numbers("y").tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({}, "at least one column"),
        ({"a": []}, "at least one column and one row"),
        ({"a": [1], "b": [1, 2]}, "'a' has 1, 'b' has 2"),
        ({"": [1]}, "no name"),
        ({"a": [True]}, "row 1 holds true"),
        ({"a": [1, [2]]}, "row 2 holds a list"),
        ({"a": [1.0, math.inf]}, "row 2 is infinite"),
    ],
)
def test_values_in_memory_are_checked(columns, words):
    with pytest.raises(TableError, match=words):
        Table.from_columns(columns, "table")


def test_values_in_memory_keep_their_kind():
    table = Table.from_columns(
        {
            "a": ["1", "2"],
            "b": [1, None],
            "c": [np.float64(0.5), 2],
            "d": [None, None],
            "e": [3, np.int64(4)],
        },
        "t",
    )
    assert table.to_columns() == {
        "a": ["1", "2"],
        "b": [1.0, None],
        "c": [0.5, 2.0],
        "d": [None, None],
        "e": [3, 4],
    }
    assert table.labels("b") == ["1", None]
    assert table.missing("d").all()


# ------------------------------------------------------------------ properties

labels = st.text(string.ascii_letters + string.digits + " ,;\"'\n\t<>&é€-_.*", max_size=8).map(
    lambda text: " ".join(text.split(" ")).strip()
)
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**14), 10**14)


@st.composite
def tables(draw) -> dict[str, list]:
    rows = draw(st.integers(1, 6))
    names = draw(st.lists(st.text("abcXYZ é<>`", min_size=1, max_size=5), min_size=1, max_size=4))
    names = list(dict.fromkeys(" ".join(name.split()) for name in names if name.strip())) or ["a"]
    column = st.lists(labels, min_size=rows, max_size=rows) | st.lists(
        numbers | st.none(), min_size=rows, max_size=rows
    )
    return {name: draw(column) for name in names}


@given(tables())
@example({"< <": ["", "0 0"]})
@settings(max_examples=150, deadline=None)
def test_a_table_that_was_read_is_written_and_read_again_unchanged(columns):
    text = Table.from_columns(columns, "t").to_csv()
    try:
        table = read_table(text.encode(), name="t")
    except TableError:
        return  # nothing but missing values, or names that are all numbers
    again = read_table(table.to_csv().encode(), name="t")
    assert again.to_columns() == table.to_columns()
    assert again.frame.dtypes.equals(table.frame.dtypes)


@given(st.lists(numbers, min_size=1, max_size=20))
@settings(max_examples=150, deadline=None)
def test_numbers_survive_the_file_exactly(values):
    table = Table.from_columns({"y": values, "g": ["a"] * len(values)}, "t")
    assert read_table(table.to_csv().encode()).numbers("y").tolist() == [float(value) for value in values]


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
@example(b"a\r\rb\n\r")
@example(b'"\n"')
@example(b"\xef\xbb\xbf,")
@example("\u2028,\x85\x0b\x1c\n1,2".encode())
@settings(max_examples=400, deadline=None)
def test_whatever_the_bytes_there_is_a_table_or_a_reason(data):
    try:
        table = read_table(data)
    except TableError:
        return
    assert table.n >= 1
    assert table.columns
    assert len(set(table.columns)) == len(table.columns)
    for column in table.columns:
        assert len(table.labels(column)) == table.n


@given(
    st.lists(st.lists(st.sampled_from(["", "a", "1", "2.5", "NA", '"x"', '"', "é"]), max_size=4), max_size=6)
)
@settings(max_examples=300, deadline=None)
def test_whatever_the_lines_there_is_a_rectangle_or_a_reason(rows):
    text = "\n".join(",".join(row) for row in rows)
    try:
        table = read_table(text.encode())
    except TableError:
        return
    widths = {len(values) for values in table.to_columns().values()}
    assert widths == {table.n}


@pytest.mark.parametrize(
    "values",
    [
        ["G1", None, "G2"],
        np.array(["a", "b", "a"]),
        [1.5, math.nan, 2.0],
        np.array([1, 2, 3], dtype=np.int8),
        np.array([0.5, math.nan], dtype=np.float32),
        [None, None],
        [math.nan, math.nan],
        ["a", 1, 2.5],
        [1, None, 3],
        np.array([2, 3], dtype=np.uint8),
    ],
)
def test_columns_of_one_type_are_what_they_are_cell_by_cell(values, monkeypatch):
    quick = Table.from_columns({"x": values}, "t")
    monkeypatch.setattr(in_memory, "_typed", lambda _values: None)
    slow = Table.from_columns({"x": values}, "t")
    pd.testing.assert_frame_equal(quick.frame, slow.frame)
    assert quick.labels("x") == slow.labels("x")


def test_texts_of_frames_are_put_in_one_form_once():
    texts = pd.Series(["Ho\u0308he ", None, "Höhe", math.nan, pd.NA], dtype=object)
    frame = pd.DataFrame({"x": texts, "kind": pd.Categorical(["b ", None, "a", "b ", "a"]), "y": range(5)})
    table = table_of(frame)
    assert table.labels("x") == ["Höhe", None, "Höhe", None, None]
    assert table.labels("kind") == ["b", None, "a", "b", "a"]
    assert table.counts("kind") == {"b": 2, "a": 2}
    mixed = table_of(pd.DataFrame({"x": ["a ", 1, date(2024, 5, 1)]}))
    assert mixed.labels("x") == ["a", "1", "2024-05-01"]


def test_a_table_says_its_size_its_columns_and_its_first_rows():
    columns = {f"c{k}": [1.5, math.nan] * 500 for k in range(40)}
    told = repr(Table.from_columns({"gen": ["a" * 500, None] * 500, **columns}, "trial"))
    lines = told.splitlines()
    assert lines[0] == "trial: 1,000 rows, 41 columns"
    assert lines[1].split()[:2] == ["gen", "c0"]
    assert lines[2].split()[:2] == ["labels", "numbers"]
    assert lines[3].split() == ["a" * 17 + "…", *["1.5"] * 7]
    assert lines[4].split() == ["NA"] * 8
    assert lines[-1] == "... and 994 more rows and 33 more columns"
    assert len(lines) < 12
    assert max(map(len, lines)) < 160
    assert repr(Table.from_columns({"y": [1, 2]}, "small")).splitlines()[-1].split() == ["2"]
