"""Encodings and packed files: what is read, what is asked, and what is refused before it is unpacked."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile

import pytest

from covstudio.data import ChoiceError, TableChoices, read_table
from covstudio.data.readers import READERS, suffixes
from tests.data.table_cases import GOOD, refused
from tests.data.workbooks import Sheet, workbook

WORDS = "Sorte,Höhe\nKäse,1\nWeiß,2\nÉté,3\n"
COLUMNS = {"Sorte": ["Käse", "Weiß", "Été"], "Höhe": [1, 2, 3]}


def archive(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf8_is_read_and_nothing_said(encoding):
    table = read_table(WORDS.encode(encoding))
    assert (table.to_columns(), table.notes, table.choices) == (COLUMNS, (), TableChoices())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_wide_encodings_are_read_and_said(encoding, ends):
    table = read_table(WORDS.replace("\n", ends).encode(encoding))
    assert table.to_columns() == COLUMNS
    assert table.questions == ()
    assert table.choices.encoding == encoding
    assert table.notes[0].startswith(f"The file was read as {encoding[:6].upper()}")


@pytest.mark.parametrize("encoding", ["cp1252", "mac-roman", "cp850"])
def test_an_older_encoding_is_told_by_its_words_kept_and_asked(encoding):
    data = WORDS.encode(encoding)
    table = read_table(data)
    assert table.to_columns() == COLUMNS
    assert table.choices == TableChoices(encoding=encoding), "the choice is kept"
    question = table.questions[0]
    assert "(0x" in question.text
    assert "'Höhe'" in question.text
    assert len(question.answers) > 2
    for answer in question.answers:
        again = read_table(data, choices=answer.choices)
        assert answer.text.endswith(again.columns[1]) or answer.text.split(": ")[1] in WORDS.encode(
            encoding
        ).decode(answer.choices.encoding)
        assert not again.questions or "encoding" not in again.questions[0].text


def test_an_encoding_that_is_said_is_taken():
    data = "gen,y\nПшеница,1\n".encode("koi8-r")
    said = TableChoices(encoding="KOI8-R")
    assert read_table(data, choices=said).to_columns() == {"gen": ["Пшеница"], "y": [1]}
    assert TableChoices.from_dict(said.to_dict()) == said
    assert TableChoices(encoding="Windows-1252") == TableChoices(encoding="cp1252")
    assert (
        read_table(WORDS.encode("utf-8-sig"), choices=TableChoices(encoding="utf-8")).to_columns() == COLUMNS
    )
    assert "was said to be UTF-8, and byte 8 of it" in refused(
        WORDS.encode("cp1252"), choices=TableChoices(encoding="utf-8")
    )
    for wrong in ("utf-9", "base64", "rot13", "idna"):
        with pytest.raises(ChoiceError, match="There is no encoding"):
            TableChoices(encoding=wrong)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_file_is_read_as_if_it_were_not(pack, tmp_path):
    path = tmp_path / "trial.csv.gz"
    path.write_bytes(pack(GOOD.encode()))
    table = read_table(path)
    assert table.to_columns() == read_table(GOOD.encode()).to_columns()
    assert (table.name, table.notes) == ("trial.csv.gz", ())


def test_a_zip_archive_with_one_table_is_read():
    beside = {"__MACOSX/._trial.csv": b"\x00", "readme.txt": b"hello", "plot.png": b"\x89PNG"}
    table = read_table(archive({**beside, "data/trial.csv": GOOD.encode()}))
    assert table.to_columns() == read_table(GOOD.encode()).to_columns()
    assert table.notes == ("The table is 'data/trial.csv' in the zip archive.",)
    inside = archive({"trial.xlsx": workbook({"s": Sheet([["gen", "y"], ["A", 1]])})})
    assert read_table(inside).to_columns() == {"gen": ["A"], "y": [1]}
    assert read_table(archive({"trial.csv.gz": gzip.compress(GOOD.encode())})).n == 2


def test_of_several_tables_in_an_archive_the_first_is_read_and_the_others_are_asked_for():
    content = archive({"a.csv": GOOD.encode(), "b.csv": b"x;y\n1;2\n"})
    table = read_table(content)
    assert table.columns == ("rep", "gen", "yield")
    assert table.choices == TableChoices(member="a.csv")
    assert "has 2 tables, 'a.csv' and 'b.csv'; 'a.csv' is read" in table.questions[0].text
    assert read_table(content, choices=table.questions[0].answers[1].choices).columns == ("x", "y")
    assert read_table(content, choices=TableChoices(member="a.csv")).questions == ()
    with pytest.raises(ChoiceError, match=r"no file 'c.csv'. Did you mean 'b.csv' or 'a.csv'"):
        read_table(content, choices=TableChoices(member="c.csv"))


def test_what_would_unpack_to_too_much_is_refused_before_it_is_unpacked():
    large = bytes(50_000_000)
    for packed in (gzip.compress(large), archive({"a.csv": large})):
        assert len(packed) < 60_000
        assert "would unpack to 50,000,000 bytes, and 1,000,000 is the most" in refused(
            packed, max_bytes=10**6
        )
    # bzip2 and xz do not say how much they hold: no more is unpacked than may be read.
    for packed in (bz2.compress(large), lzma.compress(large)):
        assert "unpacks to at least 1,000,001 bytes" in refused(packed, max_bytes=10**6)
    lie = gzip.compress(large)[:-4] + (1000).to_bytes(4, "little")
    assert "at least 1,000,001 bytes" in refused(lie, max_bytes=10**6)
    content = archive({"a.csv": large}).replace(
        len(large).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    )
    assert "it has more: it is damaged, or made to do harm" in refused(content, max_bytes=10**6)


def test_archives_without_a_table():
    assert "has no file in it" in refused(archive({".hidden": b"a"}))
    deep = GOOD.encode()
    for _ in range(3):
        deep = archive({"inner.zip": deep})
    assert "is an archive within 2 others" in refused(deep)
    assert "this is a PDF document" in refused(archive({"a.pdf": b"%PDF-1.7"}))


def test_a_format_is_one_file_that_registers_it():
    assert {"text", "workbook", "zip", "gzip"} <= set(READERS.names())
    assert {".csv", ".xlsx", ".zip", ".gz"} <= set(suffixes())
    with pytest.raises(ChoiceError, match=r"There is no format 'word'. There are"):
        read_table(GOOD.encode(), choices=TableChoices(format="word"))
    assert read_table(gzip.compress(GOOD.encode()), choices=TableChoices(format="text")).n == 2


def test_a_text_of_fixed_widths_is_read_by_widths_that_are_found_or_said():
    text = b"gen       yield\nNorth E.    4.1\nSouth       3.9\n"
    table = read_table(text)
    assert table.to_columns() == {"gen": ["North E.", "South"], "yield": [4.1, 3.9]}
    assert "The fields stand in columns of 10, 5 characters." in table.notes
    said = TableChoices(widths=(2, 1, 3))
    close = b"idryld\n01A4.1\n02B3.9\n"
    assert read_table(close, choices=said).to_columns() == {
        "id": ["01", "02"],
        "r": ["A", "B"],
        "yld": [4.1, 3.9],
    }
    assert "make 3 characters, and line 1 has 6" in refused(close, choices=TableChoices(widths=(2, 1)))
    assert "do not line up" in refused(b"a\nb\n", choices=TableChoices(format="fixed"))
