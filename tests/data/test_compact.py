"""A table on its way to another process: arrays beside a text, and the same table at the end."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from covstudio.data.choices import ColumnChoice, TableChoices
from covstudio.data.tables import Table

TABLES: dict[str, dict[str, list[Any]]] = {
    "labels and numbers": {"g": ["b", None, "a"], "n": [3, 1, 2], "y": [0.5, math.nan, 2.0], "h": ["x"] * 3},
    "labels alone": {"g": ["b", None], "h": [None, None]},
    "numbers alone": {"y": [0.5, 1.5], "n": [1, 2]},
    "labels of every script": {"Höhe": ["ä", "\ud800", "", "中\n文", "🌾"]},
}


def sent(table: Table) -> tuple[Table, int]:
    """A table that was sent, and how long the text of it was."""
    arrays: list[pickle.PickleBuffer] = []
    text = pickle.dumps(table, protocol=5, buffer_callback=arrays.append)
    return pickle.loads(text, buffers=[bytearray(one.raw()) for one in arrays]), len(text)


@pytest.mark.parametrize("what", TABLES)
def test_a_table_arrives_as_it_was(what: str) -> None:
    table = Table.from_columns(TABLES[what], "t", ["a note"])
    came, _ = sent(table)
    assert came.frame.equals(table.frame)
    assert came.frame.dtypes.tolist() == table.frame.dtypes.tolist()
    assert came.columns == table.columns
    assert (came.name, came.notes) == (table.name, table.notes)
    for column in table.columns:
        assert came.levels(column) == table.levels(column)
        assert came.counts(column) == table.counts(column)
        assert came.labels(column) == table.labels(column)
        assert came.missing(column).tolist() == table.missing(column).tolist()


def test_cells_are_no_part_of_the_text() -> None:
    few, many = (
        Table.from_columns({"g": [f"G{i}" for i in range(n)], "y": range(n)}, "t") for n in (9, 9000)
    )
    assert sent(many)[1] < sent(few)[1] + 200


def test_steps_arrive_with_the_table_before_them() -> None:
    table = Table.from_columns({"g": ["a", "b", "a"], "y": [1.0, 2.0, 3.0]}, "t").with_choices(
        TableChoices(columns={"g": ColumnChoice(levels=("b", "a"))}, steps=[{"keep": "y > 1"}])  # type: ignore[list-item]
    )
    came, _ = sent(table)
    assert came.to_columns() == table.to_columns()
    assert came.levels("g") == ("b", "a")
    assert came.before_steps().n == 3
    assert came.with_choices(TableChoices()).n == 3


def test_a_frame_of_something_else_is_pickled_as_it_is() -> None:
    frame = pd.DataFrame({"x": np.array([1, "a"], dtype=object)})
    came = pickle.loads(pickle.dumps(Table(frame, "t")))
    assert came.frame.equals(frame)


def test_the_twin_of_a_table_knows_what_it_knows() -> None:
    table = Table.from_columns({"g": ["b", "a"]}, "t")
    twin = table.same()
    assert twin is not table
    assert table.levels("g") is twin.levels("g")


@pytest.mark.parametrize(
    "other",
    [
        {"g": ["b", None, "a"], "y": [0.5, math.nan, 2.0]},
        {"g": ["b", None, "c"], "y": [0.5, math.nan, 2.0]},
        {"g": ["b", "a", "a"], "y": [0.5, math.nan, 2.0]},
        {"g": ["b", None, "a"], "y": [0.5, 1.0, 2.0]},
        {"g": ["b", None, "a"], "y": [1, 2, 3]},
        {"h": ["b", None, "a"], "y": [0.5, math.nan, 2.0]},
        {"y": [0.5, math.nan, 2.0], "g": ["b", None, "a"]},
        {"g": ["b", None], "y": [0.5, math.nan]},
        {"g": ["b", None, "a"]},
    ],
)
def test_tables_are_the_same_where_pandas_says_so(other: dict[str, list[Any]]) -> None:
    one = Table.from_columns({"g": ["b", None, "a"], "y": [0.5, math.nan, 2.0]}, "t")
    two = Table.from_columns(other, "t")
    assert one.same_cells(two) == one.frame.equals(two.frame)
