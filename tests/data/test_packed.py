"""Tables as bytes: exact, and what is none is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covstudio.data import read_table
from covstudio.data.choices import TableChoices
from covstudio.data.errors import TableError
from covstudio.data.examples import load_example
from covstudio.data.packed import MAGIC, pack, unpack
from covstudio.data.steps import Compute
from covstudio.data.tables import Table


def same(one: Table, other: Table) -> bool:
    """Whether two tables are the same in everything that is kept."""
    lines = (one.lines is None and other.lines is None) or np.array_equal(one.lines, other.lines)
    said = [(t.name, t.notes, t.questions, t.choices, list(t.frame.dtypes)) for t in (one, other)]
    return bool(one.frame.equals(other.frame) and lines and said[0] == said[1])


def test_an_example_comes_back() -> None:
    table = load_example("john_alpha")
    assert same(table, unpack(pack(table)))


def test_a_file_comes_back_with_its_questions_its_lines_and_what_was_said() -> None:
    file = b"gen;yield;sown\nA;4,1;01.02.2020\n.;-99;03.02.2020\n\nB;2,5;NA\n"
    table = read_table(file, name="trial.csv")
    assert table.questions
    assert table.lines is not None
    said = table.with_choices(table.choices.with_column("gen", levels=("B", "A")))
    for one in (table, said):
        assert same(one, unpack(pack(one)))


def test_computed_columns_are_left_to_be_computed() -> None:
    table = Table.from_columns({"y": [1.0, 4.0]}, "t")
    table = table.with_choices(TableChoices(steps=[Compute("root", "sqrt(y)")]))
    assert unpack(pack(table)).columns == ("y",)


numbers = st.floats(allow_infinity=False, allow_nan=True)
cells = st.one_of(st.none(), st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8))


@given(
    st.lists(st.tuples(numbers, cells, st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=20),
)
def test_any_values_come_back_to_the_last_bit(rows: list[tuple[float, str | None, int]]) -> None:
    first, second, third = zip(*rows, strict=True)
    table = Table.from_columns({"x": first, "label": second, "count": third}, "t")
    back = unpack(pack(table))
    assert same(table, back)
    if table.frame["x"].dtype == np.float64:
        own, other = (t.frame["x"].to_numpy().view(np.int64) for t in (table, back))
        assert np.array_equal(own, other), "minus zero too"


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"gen,yield\n",
        MAGIC + b"\xff\xff\xff\xff{}",
        MAGIC + b"\2\0\0\0{}",
        pack(load_example("john_alpha"))[:-1],
        pack(load_example("john_alpha")) + b"\0",
        pack(load_example("john_alpha")).replace(b'"rows":72', b'"rows":-2'),
        pack(load_example("john_alpha")).replace(b'"kind":"float64"', b'"kind":"object_"'),
    ],
)
def test_what_is_no_table_is_refused(broken: bytes) -> None:
    with pytest.raises(TableError):
        unpack(broken)


def test_numbers_that_a_table_cannot_hold_are_refused() -> None:
    one = Table.from_columns({"x": [1.5, 2.5]}, "t")
    number = np.float64(1.5).tobytes()
    with pytest.raises(TableError, match="finite"):
        unpack(pack(one).replace(number, np.float64(math.inf).tobytes()))
    labels = Table.from_columns({"x": ["a", "b"]}, "t")
    with pytest.raises(TableError, match="levels"):
        unpack(pack(labels)[:-4] + np.int32(2).tobytes())
