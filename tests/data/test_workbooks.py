"""Workbooks: which sheet, which row names the columns, merged cells, values of formulas."""

from __future__ import annotations

import io
import zipfile
from datetime import date

import pytest

from covstudio.data import ChoiceError, TableChoices, TableError, read_table
from covstudio.data.files import workbook as reader
from tests.data.table_cases import refused
from tests.data.workbooks import Formula, Sheet, workbook

TRIAL = Sheet(
    [
        ["Trial 12, Lindau"],
        [],
        ["plot", "rep", "gen", "yield", "sown", "code", "lodged"],
        [1, "R1", "G1", 4.1, date(2023, 5, 1), "007", True],
        [2, None, "G2", Formula("D4 * 2", 8.2), date(2023, 5, 2), "010", False],
        [3, "R2", "G1", None, date(2023, 5, 1), "012", None],
        [4, None, "G2", 0.1 + 0.2, date(2023, 5, 1), "013", True],
    ],
    ["A1:G1", "B4:B5", "B6:B7"],
)
COLUMNS = {
    "plot": [1, 2, 3, 4],
    "rep": ["R1", "R1", "R2", "R2"],
    "gen": ["G1", "G2", "G1", "G2"],
    "yield": [4.1, 8.2, None, 0.1 + 0.2],
    "sown": ["2023-05-01", "2023-05-02", "2023-05-01", "2023-05-01"],
    "code": ["007", "010", "012", "013"],
    "lodged": ["TRUE", "FALSE", None, "TRUE"],
}


def test_a_sheet_is_read_as_it_is_meant():
    table = read_table(workbook({"Data": TRIAL}), name="trial.xlsx")
    assert table.to_columns() == COLUMNS
    assert table.lines is not None
    assert table.lines.tolist() == [4, 5, 6, 7]
    assert table.questions == ()
    assert table.choices == TableChoices()
    assert table.is_time("sown")
    assert "2 ranges of merged cells were filled down, the first B4:B5 with 'R1'." in table.notes
    assert "Line 1 above the names of the columns was left out: 'Trial 12, Lindau'." in table.notes


def test_of_several_sheets_the_first_is_read_and_the_others_are_asked_for():
    other = Sheet([["site", "x"], ["S1", 3], ["S2", 4]])
    content = workbook(
        {"About": Sheet([["Trial 12"]]), "Data": TRIAL, "Sites": other, "Old": Sheet(other.rows, (), True)}
    )
    table = read_table(content)
    assert table.to_columns() == COLUMNS
    (question,) = table.questions
    assert "2 sheets with values; sheet 'Data' is read" in question.text
    assert [answer.text for answer in question.answers] == ["sheet Data", "sheet Sites"]
    assert table.choices == TableChoices(sheet="Data"), "what was taken is kept"
    assert read_table(content, choices=table.choices).questions == ()
    again = read_table(content, choices=question.answers[1].choices)
    assert again.to_columns() == {"site": ["S1", "S2"], "x": [3, 4]}
    assert read_table(content, choices=TableChoices(sheet="4")).columns == ("site", "x"), (
        "a hidden one, by number"
    )
    with pytest.raises(ChoiceError, match=r"no sheet 'Site'. Did you mean 'Sites'"):
        read_table(content, choices=TableChoices(sheet="Site"))


def test_names_in_two_rows_with_merged_cells_are_joined():
    rows = [
        ["gen", "yield", None, "height", None],
        [None, 2021, 2022, "early", "late"],
        ["A", 4.1, 4.4, 20, 80],
        ["B", 3.9, 4.0, 25, 75],
    ]
    table = read_table(workbook({"s": Sheet(rows, ["A1:A2", "B1:C1", "D1:E1"])}))
    assert table.columns == ("gen", "yield 2021", "yield 2022", "height early", "height late")
    assert table.numbers("yield 2022").tolist() == [4.4, 4.0]
    assert any("joined, as in 'yield 2021'" in note for note in table.notes)


def test_merged_cells_that_name_several_columns_are_refused():
    rows = [["gen", "yield", None], ["A", 4.1, 4.4], ["B", 3.9, 4.0]]
    message = refused(workbook({"s": Sheet(rows, ["B1:C1"])}))
    assert "its cells B1:C1 are merged: 'yield' names 2 columns together. Give every column a name" in message


def test_numbers_in_cells_are_what_they_are_and_numbers_in_texts_as_in_files():
    rows = [
        ["gen", "x", "y", "z"],
        ["A", 1.25, "1,5", 1e300],
        ["B", 1.125, "2,5", 12345678901234567],
        ["C", 2, "3", -1],
    ]
    table = read_table(workbook({"s": Sheet(rows)}))
    assert table.to_columns() == {
        "gen": ["A", "B", "C"],
        "x": [1.25, 1.125, 2.0],
        "y": [1.5, 2.5, 3.0],
        "z": [1e300, 1.2345678901234568e16, -1.0],
    }
    assert table.questions == ()


def test_formulas_without_a_value_and_errors_are_told():
    rows = [["gen", "y", "z"], ["A", Formula("1+1", None), 1], ["B", 3.5, "#DIV/0!"], ["C", 4.0, 2]]
    table = read_table(workbook({"s": Sheet(rows)}))
    assert table.to_columns() == {"gen": ["A", "B", "C"], "y": [None, 3.5, 4.0], "z": [1, None, 2]}
    assert any("1 formula" in note and "no value" in note for note in table.notes)
    assert any("1 cell" in note and "error" in note for note in table.notes)


def test_a_header_that_is_said_is_taken():
    table = read_table(workbook({"s": TRIAL}), choices=TableChoices(header=3))
    assert table.to_columns() == COLUMNS
    with pytest.raises(ChoiceError, match="Line 2 is said"):
        read_table(workbook({"s": TRIAL}), choices=TableChoices(header=2))


def test_workbooks_that_hold_no_table_or_are_damaged():
    assert "No sheet of the workbook has two rows" in refused(workbook({"s": Sheet([["a"]]), "t": Sheet([])}))
    content = workbook({"s": TRIAL})
    assert "is damaged" in refused(content[:-200])
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("xl/workbook.xml", "<worksheet/>")
    assert "The workbook cannot be read" in refused(stream.getvalue())
    assert "The workbook cannot be read" in refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))


def test_a_workbook_that_would_unpack_to_too_much_is_refused_before():
    stream = io.BytesIO(workbook({"s": TRIAL}))
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/large.xml", bytes(2_000_000))
    content = stream.getvalue()
    assert read_table(content, max_bytes=300_000).n == 4
    message = refused(content, max_bytes=100_000)
    assert "The workbook would unpack to 2,0" in message
    assert "1,000,000 is the most" in message
    # What stands in the directory of an archive need not be true.
    lie = content.replace((2_000_000).to_bytes(4, "little"), (2_000).to_bytes(4, "little"))
    assert "it has more" in refused(lie, max_bytes=100_000)


def test_cells_are_called_as_spreadsheets_call_them():
    assert [reader.cell_name(0, place) for place in (0, 25, 26, 701, 702)] == [
        "A1",
        "Z1",
        "AA1",
        "ZZ1",
        "AAA1",
    ]


def test_a_table_error_names_the_line_of_the_sheet():
    rows = [["gen", "y"], ["A", 1.5], ["B", "5 kg"], ["C", 2.5]]
    table = read_table(workbook({"s": Sheet(rows)}))
    with pytest.raises(TableError, match=r"'5 kg' in line 3 of the file"):
        table.numbers("y")


def test_a_workbook_that_would_fill_the_memory_is_refused_before_it_is_read():
    cells = (
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c s="1" r="XFD1048576"><v>1</v></c></row>'
    )
    far = {"xl/worksheets/s1.xml": f"<worksheet><sheetData>{cells}</sheetData></worksheet>"}
    assert "has values up to cell XFD1048576" in refused(workbook({"s": TRIAL}, far))
    # Cells that are only formatted are none.
    assert read_table(workbook({"s": TRIAL}, {"xl/far.xml": cells.replace("><v>1</v></c>", "/>")})).n == 4
    one = '<c t="s"><v>0</v></c>'
    rows = f"<row>{one * 100}</row>" * 200
    long = {
        "xl/sharedStrings.xml": f"<sst><si><t>{'x' * 10_000}</t></si></sst>",
        "xl/worksheets/s1.xml": f"<worksheet><sheetData>{rows}</sheetData></worksheet>",
    }
    assert "The texts of a sheet have together 200,3" in refused(
        workbook({"s": TRIAL}, long), max_bytes=10**6
    )


def test_other_spreadsheets_are_refused_with_what_to_do():
    for parts in (["mimetype", "content.xml"], ["xl/workbook.bin"]):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for part in parts:
                archive.writestr(part, "x")
        assert "save it as an Excel workbook (.xlsx)" in refused(stream.getvalue())
