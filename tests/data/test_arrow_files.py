"""Parquet and Feather: types and categories are kept; without pyarrow a sentence says what to do."""

from __future__ import annotations

import builtins
import io

import pandas as pd
import pytest

from covstudio.data import inspect, read, read_table
from covstudio.data.files import arrow as reader
from tests.data.table_cases import refused

FRAME = pd.DataFrame(
    {
        "plot": ["1", "2", "3"],
        "dose": pd.Categorical(["low", "high", None], categories=["none", "low", "high"], ordered=True),
        "y": [4.1, None, 3.9],
        "sown": pd.to_datetime(["2023-05-01", None, "2023-06-01"]),
    }
)


def test_without_pyarrow_a_sentence_says_what_to_do(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    for mark in (b"PAR1", b"ARROW1", b"FEA1"):
        assert "pip install 'covstudio[arrow]'" in refused(mark + bytes(20))


@pytest.mark.parametrize("write", ["to_parquet", "to_feather"])
def test_types_and_categories_are_kept(write, monkeypatch):
    pytest.importorskip("pyarrow")
    stream = io.BytesIO()
    getattr(FRAME, write)(stream)
    content = stream.getvalue()
    table = read_table(content, name="t")
    assert table.to_columns() == {
        "plot": ["1", "2", "3"],
        "dose": ["low", "high", None],
        "y": [4.1, None, 3.9],
        "sown": ["2023-05-01", None, "2023-06-01"],
    }
    assert table.levels("dose") == ("low", "high")
    assert table.choices.column("dose").contrasts == "polynomial"
    found = inspect(content)
    assert found.decisions[0].value == write.removeprefix("to_")
    assert found.lines[0].startswith("plot: ")
    assert read(content, found.choices).frame.equals(found.table.frame)
    assert "it is damaged" in refused(content[: len(content) // 2])
    monkeypatch.setattr(reader, "MAX_CELLS", 11)
    assert "The file has 12 cells, and 11 is the most" in refused(content)
