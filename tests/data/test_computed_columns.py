"""Columns that are computed from others, as choices about a table."""

from __future__ import annotations

import pytest

from covstudio.data import ChoiceError, Compute, Table, TableChoices, column_of, position_in, read_table
from covstudio.studio.session.store import Store

CSV = b"id,visit day,y\na,1,1\nb,2,4\na,5,NA\na,7,16\nb,9,25\n"
COMPUTED = {
    "root": "sqrt(y)",
    "twice": "2 * root",
    "place": position_in(["id"]),
    "measured place": position_in(["id"], ["y"]),
    "id[b]": column_of("1 + id", "id[b]"),
    "day from 1": "`visit day` - 1",
}
SAID = TableChoices(steps=[Compute(name, text) for name, text in COMPUTED.items()])


def test_values_follow_from_other_columns() -> None:
    table = read_table(CSV, name="t", choices=SAID)
    columns = table.to_columns()
    assert columns["root"] == [1.0, 2.0, None, 4.0, 5.0]
    assert columns["twice"] == [2.0, 4.0, None, 8.0, 10.0]
    assert columns["place"] == [1, 1, 2, 3, 2]
    assert columns["measured place"] == [1.0, 1.0, None, 2.0, 2.0]
    assert columns["id[b]"] == [0.0, 1.0, 0.0, 0.0, 1.0]
    assert columns["day from 1"] == [0.0, 1.0, 4.0, 6.0, 8.0]


def test_they_come_and_go_with_what_is_said() -> None:
    table = read_table(CSV, name="t")
    with_them = table.with_choices(SAID)
    assert with_them.columns == (*table.columns, *COMPUTED)
    assert with_them.with_choices(TableChoices()).columns == table.columns
    assert (
        read_table(with_them.to_csv().encode(), name="t", choices=SAID).to_columns() == with_them.to_columns()
    )
    assert TableChoices.from_dict(SAID.to_dict()) == SAID
    assert SAID.over(TableChoices(steps=[Compute("other", "y")])).computed == {"other": "y", **COMPUTED}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("y", "sqrt(y)", "has a column of that name"),
        ("a", "sqrt(z)", "no column 'z'"),
        ("a", "__import__('os')", "never evaluated"),
        ("a", "position(id", "cannot stand"),
        ("a", "position(id id)", "colon"),
        ("a", "column(id[c] | 1 + id)", "no column 'id"),
        ("a", "log(id)", "should hold numbers"),
    ],
)
def test_what_cannot_be_computed_is_told(name: str, text: str, words: str) -> None:
    table = Table.from_columns({"id": ["a", "b"], "y": [1.0, 2.0]}, "t")
    with pytest.raises(ChoiceError, match=words):
        table.with_choices(TableChoices(steps=[Compute(name, text)]))


def test_the_app_keeps_the_table_without_them_and_computes_them_for_the_document() -> None:
    store = Store()
    assert store.load_table(read_table(CSV, name="t", choices=SAID))
    assert store.document.choices.computed == COMPUTED
    assert store.tables["t"].columns == ("id", "visit day", "y")
    assert not [one for one in store.problems if "column of that name" in one.message]
