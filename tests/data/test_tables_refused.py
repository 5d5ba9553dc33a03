"""Files that are no table: what is refused, and with which words."""

import pytest

from covstudio.data import TableError, read_table, source
from tests.data.table_cases import GOOD, refused


@pytest.mark.parametrize("data", [b"", b"\n\n", b"  \n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"])
def test_an_empty_file(data):
    assert "The file is empty" in refused(data)


def test_separators_without_anything_between():
    assert "empty lines only" in refused(",,\n,,\n")


def test_a_header_alone():
    message = refused("rep,gen,yield\n")
    assert "first line with 3 names and nothing below it" in message
    assert "nothing below it" in refused("rep,gen,yield\n,,\n")


def test_ragged_lines_are_named_with_their_counts():
    message = refused("a,b,c\n1,2,3\n4,5\n\n6,7,8,9\n1\n1,2,3,4,5\n")
    assert "should have 3 fields" in message
    assert "line 3 has 2, line 5 has 4, line 6 has 1, and 1 more are wrong (4 of 5 lines)" in message
    assert "needs quotes around it" in message


def test_short_lines_are_refused_too():
    message = refused("a,b,c\n1,2,3\n4,5\n")
    assert "line 3 has 2 (1 of 2 lines). Write a comma for every missing field" in message


def test_the_line_of_a_ragged_record_counts_line_breaks_inside_quotes():
    assert "line 4 has 1" in refused('a,b\n"x\ny",2\n3\n')


def test_ragged_lines_beyond_the_first_block_of_rows():
    lines = ["a,b"] + ["1,2"] * 30_000 + ["1,2,3"] + ["1,2"] * 10
    assert "line 30,002 has 3 (1 of 30,011 lines)" in refused("\n".join(lines))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            "a,b\nKäse,Köln\n".encode() + b"caf\xe9,1\n",
            ["UTF-8 but for byte 20 (0xe9, in line 3)", "encoding"],
        ),
        (b"\xff\xfea,b", ["begins as UTF-16", "no character"]),
        (b"PK\x03\x04broken", ["The zip archive is damaged", "download it again"]),
        (b"\x1f\x8b\x08broken file", ["gzip file"]),
        (b"BZh9broken", ["The bzip2 file is damaged"]),
        (b"\xfd7zXZbroken", ["The xz file is damaged"]),
    ],
)
def test_what_is_damaged_is_named(data, words):
    message = refused(data)
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%PDF-1.7\n", "a PDF document"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b'{"covstudio": 1, "model": {}}', "a covstudio model"),
        (b'[{"rep": "R1"}]', "JSON"),
        (b"a,b\n1,\x002\n", "a binary file (byte 7 is zero)"),
        (bytes(range(256)) * 4, "a binary file"),
    ],
)
def test_other_kinds_of_file_are_named(data, kind):
    message = refused(data)
    assert kind in message
    assert message.startswith("A table was expected")


def test_the_size_limit(tmp_path):
    message = refused(GOOD, max_bytes=10)
    assert f"The file has {len(GOOD)} bytes, and 10 is the most" in message
    path = tmp_path / "large.csv"
    path.write_text(GOOD)
    with pytest.raises(TableError, match="10 is the most"):
        read_table(path, max_bytes=10)
    assert read_table(path, max_bytes=len(GOOD)).n == 2


def test_a_file_over_the_default_limit_is_not_opened(tmp_path):
    path = tmp_path / "huge.csv"
    with path.open("wb") as stream:
        stream.truncate(100_000_001)
    with pytest.raises(TableError, match="100,000,001 bytes, and 100,000,000"):
        read_table(path)


def test_paths_that_are_no_file(tmp_path):
    for path, words in [
        (tmp_path / "none.csv", "There is no file"),
        (tmp_path, "is a folder"),
        ("https://example.org/trial.csv", "Download it first"),
        ("a\x00b", "cannot be read"),
    ]:
        with pytest.raises(TableError, match=words):
            read_table(path)


def test_names_of_columns():
    assert "empty lines only" in refused("\t\r\n\x1c")
    assert "it holds numbers: '07'" in refused("\t07\n\t1\n")
    assert "'gen' names columns 1 and 3. Rename or delete one" in refused("gen,y,gen\n1,2,3\n")
    assert "'gen' names columns 1, 2 and 4. So do 'y'" in refused("gen,gen,y,gen,y\n1,2,3,4,5\n")
    assert "'gen' names columns 1 and 2" in refused("gen,gen \n1,2\n")
    assert "Column 2 has no name" in refused("gen,,y\nG1,4,3\n")
    assert "Columns 1, 3 have no name" in refused(",gen,\na,G1,4\nb,G2,3\n")
    assert "The name of column 2 has 300 characters" in refused(f"gen,{'x' * 300}\nG1,4\n")
    assert "it holds numbers: '1', '4.1' and '3'" in refused("1,4.1,3\n2,3.9,4\n")


def test_labels_with_spaces_are_no_fields_separated_by_spaces():
    assert "separated by spaces" in refused("plot yield\nvery good\nfairly bad\n")
    assert "separated by spaces" in refused("gen yield\nNorth East 4.1\nSouth West 3.9\n")


def test_quotes_that_do_not_close():
    assert "Line 1 has a quoted value with text after" in refused('"rep"x,yield\nR1,4.1\n')
    assert "opened and not closed" in refused('a,b\n1,"2\n3,4\n')
    assert "Line 2 has a quoted value with text after" in refused('a,b\n"1"x,2\n')
    assert "longer than 131,072 characters" in refused('a,b\n1,"' + "x\n" * 200_000)


def test_limits_on_shape(monkeypatch):
    assert "names 10,001 columns" in refused(",".join(f"c{i}" for i in range(10_001)) + "\n")
    monkeypatch.setattr(source, "MAX_CELLS", 100)
    assert "cells or more, and 100 is the most" in refused("a,b\n" + "1,2\n" * 51)
    monkeypatch.setattr(source, "MAX_LINE", 1000)
    assert "Line 2 has 1,003 characters" in refused("a,b\n" + "x" * 1000 + ",1\n")
