"""Uploads in pieces, file names, drafts."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from msgspec import ValidationError, convert, structs

from covstudio.studio.session.files import (
    MAX_CHUNK,
    Assembler,
    Chunk,
    Upload,
    UploadError,
    file_stem,
    model_text,
    spreadsheet_text,
)

LIMIT = 50_000


@pytest.mark.parametrize("separator", [",", "\t"])
def test_no_cell_begins_a_formula_and_numbers_stay_numbers(separator: str) -> None:
    hostile = ["=cmd|'/c calc'!A1", "+1+2", "-2+3", "@SUM(A1)", "\t=1", "\n=1"]
    kept = ["-2.5", "+1e3", "G1", "a=b", "-inf", ""]
    cells = [*hostile, *kept]
    frame = pd.DataFrame({"=gen": cells, "y": [-0.5 * i for i in range(len(cells))]})
    read = pd.read_csv(
        io.StringIO(spreadsheet_text(frame, separator)), sep=separator, dtype={0: str}, keep_default_na=False
    )
    assert list(read.columns) == ["'=gen", "y"]
    assert read.iloc[:, 0].tolist() == [*(f"'{cell}" for cell in hostile), *kept]
    assert spreadsheet_text(pd.DataFrame({"gen": ["G1\r=1+1"]})) == 'gen\n"G1\n=1+1"\n'
    assert read["y"].tolist() == frame["y"].tolist()


def pieces(
    data: bytes, piece: int = 1000, name: str = "oats.csv", upload: str = "1", **changes: Any
) -> Iterator[Chunk]:
    """The messages a page sends for a file."""
    total = max(1, -(-len(data) // piece))
    for index in range(total):
        message = {
            "purpose": "table",
            "id": upload,
            "name": name,
            "index": index,
            "total": total,
            "size": len(data),
        }
        yield Chunk(**message | {"data": data[index * piece : (index + 1) * piece]} | changes)


def send(assembler: Assembler, messages: Iterator[Chunk]) -> Upload | None:
    """Every piece in turn; what the last one gives."""
    result = None
    for message in messages:
        assert result is None
        result = assembler.add(message)
    return result


@pytest.mark.parametrize("length", [0, 1, 999, 1000, 1001, LIMIT])
def test_a_file_arrives_as_it_was(length: int) -> None:
    data = random.Random(length).randbytes(length)
    upload = send(Assembler({"table": LIMIT}), pieces(data))
    assert upload == Upload("table", "oats.csv", data)


def test_progress_is_the_share_that_has_arrived() -> None:
    assembler = Assembler({"table": LIMIT})
    assert assembler.progress("table") is None
    for index, message in enumerate(pieces(bytes(4000))):
        assembler.add(message)
        assert assembler.progress("table") == ((index + 1) / 4 if index < 3 else None)


def test_a_second_upload_takes_the_place_of_the_first() -> None:
    assembler = Assembler({"table": LIMIT})
    first, second = list(pieces(bytes(3000), upload="a")), list(pieces(b"x" * 2000, upload="b"))
    assembler.add(first[0])
    assembler.add(second[0])
    assert assembler.add(first[1]) is None
    upload = assembler.add(second[1])
    assert upload is not None
    assert upload.data == b"x" * 2000


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"size": LIMIT + 1}, "0.1 MB; at most 0 MB"),
        ({"index": 3}, "out of order"),
        ({"data": bytes(MAX_CHUNK + 1)}, "out of order"),
        ({"purpose": "elsewhere"}, "not known"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_the_reason(message: dict[str, Any], says: str) -> None:
    assembler = Assembler({"table": LIMIT})
    first = next(pieces(bytes(3000)))
    assembler.add(first)
    with pytest.raises(UploadError, match=says):
        assembler.add(structs.replace(first, **{"index": 1} | message))


@pytest.mark.parametrize("broken", [{"data": "no file!"}, {"size": None}, {"index": 1.5}, {"total": "2"}])
def test_a_piece_that_is_none_is_not_taken(broken: dict[str, Any]) -> None:
    piece = structs.asdict(next(pieces(b"a,b"))) | {"type": "chunk"}
    assert convert(piece, Chunk).data == b"a,b"
    with pytest.raises(ValidationError, match=next(iter(broken))):
        convert(piece | broken, Chunk)


def test_a_file_that_says_it_is_small_and_is_not_is_refused() -> None:
    assembler = Assembler({"table": LIMIT})
    messages = pieces(bytes(LIMIT + 10), piece=10_000, size=10)
    with pytest.raises(UploadError, match="at most"):
        send(assembler, messages)
    assert assembler.progress("table") is None


def test_a_refused_upload_can_be_sent_again() -> None:
    assembler = Assembler({"table": LIMIT})
    messages = list(pieces(bytes(3000)))
    assembler.add(messages[0])
    with pytest.raises(UploadError):
        assembler.add(messages[2])
    assert assembler.add(messages[1]) is None
    upload = send(assembler, pieces(b"again", upload="2"))
    assert upload is not None
    assert upload.data == b"again"


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\Users\\me\\oats.csv", "/oats.csv", ""])
def test_folders_are_cut_from_a_file_name(name: str) -> None:
    upload = send(Assembler({"table": LIMIT}), pieces(b"x", name=name))
    assert upload is not None
    assert upload.name
    assert not set("/\\") & set(upload.name)


@pytest.mark.parametrize(
    ("title", "stem"),
    [
        ("Oats 1995/96", "Oats 1995-96"),
        ('a<b>:"c"|?*', "abc"),
        ("  ", "model"),
        ("..", "model"),
        ("hafer\n\tertrag", "hafer ertrag"),
        ("Größe ∂V/∂θ", "Größe ∂V-∂θ"),
        ("x" * 300, "x" * 80),
    ],
)
def test_titles_become_file_names(title: str, stem: str) -> None:
    assert file_stem(title) == stem


def test_a_model_file_is_utf8_text() -> None:
    assert model_text(Upload("open", "m.json", b"\xef\xbb\xbf{}")) == "{}"
    with pytest.raises(UploadError, match=r"m\.json is not a text file \(byte 1 "):
        model_text(Upload("open", "m.json", b"a\xff"))
