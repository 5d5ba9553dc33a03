"""The data view without a browser: questions, the order of levels, and roles that a person has set."""

from __future__ import annotations

from typing import Any

import pytest

from covstudio.data import TableChoices, read_table
from covstudio.document.changes.all import AddNode, SetData
from covstudio.document.files.templates import TEMPLATES
from covstudio.document.model.document import Document
from covstudio.document.model.node import Related
from covstudio.studio.data.data import DataView
from covstudio.studio.data.messages import TableCells
from covstudio.studio.data.shown import MOST_CELLS
from covstudio.studio.inspector.inspector import Inspector
from covstudio.studio.session.store import Store
from tests.data.workbooks import Sheet, workbook
from tests.studio.states import state_of

TRIAL = b"gen,rep,yield\nA,R1,4.1\nB,R1,3.9\n.,R2,-99\nB,R2,4.0\nA,R3,4.2\nB,R3,4.4\n"
AMBIGUOUS = b"gen;area\nA;1.250\nB;2.340\nA;1.750\nB;1.125\n"


def uploaded(view: DataView, data: bytes, name: str = "trial.csv") -> None:
    piece = {"purpose": "table", "id": name, "name": name, "index": 0, "total": 1, "size": len(data)}
    view.channel.take({"type": "chunk", **piece, "data": data})


def say(view: DataView, kind: str, **content: Any) -> None:
    """Say something as the page does."""
    view.channel.take({"type": kind, **content})


def drawn(view: DataView) -> dict[str, Any]:
    table: dict[str, Any] = state_of(view)["table"]
    return table


def column(view: DataView, name: str) -> dict[str, Any]:
    return next(one for one in drawn(view)["columns"] if one["name"] == name)


def answer(view: DataView, words: str, text: str) -> None:
    questions = drawn(view)["questions"]
    place = next(place for place, one in enumerate(questions) if words in one["text"])
    say(view, "answer-question", question=place, answer=questions[place]["answers"].index(text))


def test_questions_are_asked_and_answered_before_a_table_is_used():
    store = Store()
    view = DataView(store)
    uploaded(view, TRIAL)
    assert len(drawn(view)["questions"]) == 2
    assert drawn(view)["notes"] == []
    say(view, "give-role", column="rep", role="ignored")
    answer(view, "'-99'", "no value")
    answer(view, "'.'", "no value")
    assert drawn(view)["questions"] == []
    assert column(view, "yield")["missing"] == 1
    assert column(view, "rep")["role"] == "ignored"
    say(view, "use-table")
    assert store.table is not None
    assert store.table.to_columns()["gen"][2] is None
    assert store.document.choices.column("yield").missing == ("-99",)
    # The model is kept with what was said.
    other = Store()
    other.open_text(store.save_text())
    assert other.document.choices == store.document.choices
    assert other.table.to_columns() == store.table.to_columns()


def test_a_file_is_read_again_for_an_answer_about_its_marks():
    view = DataView(Store())
    uploaded(view, AMBIGUOUS)
    assert column(view, "area")["summary"].endswith("1.125 to 2.34")
    answer(view, "may be", "1.250 is 1250")
    assert column(view, "area")["summary"].endswith("1125 to 2340")
    uploaded(view, AMBIGUOUS, "again.csv")
    say(view, "use-table")
    # The file is gone: the question is shown, and what would take the file is not offered.
    (question,) = drawn(view)["questions"]
    assert question["answers"] == []


def test_a_workbook_and_its_other_sheet_are_read_and_the_choice_is_kept():
    store = Store()
    view = DataView(store)
    first, second = Sheet([["site", "x"], ["S1", 3]]), Sheet([["gen", "y"], ["A", 4.1], ["B", 3.9]])
    uploaded(view, workbook({"Sites": first, "Trial": second}), "trial.xlsx")
    assert ".xlsx" in state_of(view)["suffixes"]
    answer(view, "2 sheets", "sheet Trial")
    assert [one["name"] for one in drawn(view)["columns"]] == ["gen", "y"]
    assert drawn(view)["questions"] == []
    say(view, "use-table")
    assert store.document.choices == TableChoices(sheet="Trial")
    assert store.table is not None
    assert store.table.to_columns() == {"gen": ["A", "B"], "y": [4.1, 3.9]}


def test_questions_of_a_table_in_use_are_undoable_changes():
    store = Store()
    view = DataView(store)
    uploaded(view, TRIAL)
    say(view, "use-table")
    assert len(drawn(view)["questions"]) == 2
    answer(view, "'-99'", "no value")
    assert store.table.to_columns()["yield"][2] is None
    assert len(drawn(view)["questions"]) == 1
    assert store.history.undo_label == "Set how yield is read"
    store.undo()
    assert store.table.to_columns()["yield"][2] == -99
    assert len(drawn(view)["questions"]) == 2


def test_the_order_of_levels_and_the_reference_are_set_and_seen():
    store = Store()
    view = DataView(store)
    uploaded(view, TRIAL)
    assert column(view, "rep")["levels"] == ["R1", "R2", "R3"]
    assert column(view, "rep")["reference"] == "R1"
    say(view, "order-levels", column="rep", levels=["R3", "R1", "R2"])
    say(view, "compare-with", column="rep", level="R2")
    assert (column(view, "rep")["levels"], column(view, "rep")["reference"]) == (["R3", "R1", "R2"], "R2")
    say(view, "use-table")
    assert store.table.levels("rep") == ("R3", "R1", "R2")
    say(view, "compare-with", column="rep", level="R1")
    assert store.table.reference("rep") == "R1"
    assert store.table.levels("rep") == ("R3", "R1", "R2")
    # What is no order of these levels changes nothing.
    say(view, "order-levels", column="rep", levels=["R3"])
    say(view, "compare-with", column="rep", level="R9")
    say(view, "compare-with", column="height", level="R1")
    say(view, "answer-question", question=99, answer=0)
    assert store.table.levels("rep") == ("R3", "R1", "R2")
    assert column(view, "yield")["levels"] == []


def test_no_guess_takes_the_place_of_what_a_person_has_set():
    """A template chosen after roles were confirmed guessed them again."""
    text = b"Sorte,Wdh,Ertrag (dt/ha),Feuchte %\n" + b"".join(
        f"{sorte},{wdh},{40 + wdh / 3 + (sorte == 'B'):.2f},{14 + wdh / 7:.2f}\n".encode()
        for wdh in range(1, 7)
        for sorte in "AB"
    )
    store = Store()
    view = DataView(store)
    uploaded(view, text)
    say(view, "give-role", column="Feuchte %", role="response")
    say(view, "give-role", column="Wdh", role="covariate")
    say(view, "use-table")
    confirmed = store.document.roles
    for name in TEMPLATES.names():
        assert store.dispatch(TEMPLATES[name].start(store.table, store.document))
        assert store.document.response == "Feuchte %"
        assert store.document.roles == confirmed
    # The same columns again, as of next year, are what they were confirmed to be.
    uploaded(view, text.replace(b"40.", b"41."), "next year.csv")
    assert {one["name"]: one["role"] for one in drawn(view)["columns"]} == confirmed
    uploaded(view, b"gen,y\na,1.5\nb,2.5\n", "other.csv")
    assert {one["name"]: one["role"] for one in drawn(view)["columns"]} == {"gen": "factor", "y": "response"}


def test_a_table_is_kept_without_what_is_said_about_it():
    table = read_table(TRIAL, name="trial", reference={"rep": "R2"})
    store = Store()
    store.load_table(table)
    assert store.table.reference("rep") == "R2"
    store.dispatch(SetData("trial", store.document.roles, choices=TableChoices()))
    assert store.table.reference("rep") is None


def test_cells_are_sent_by_blocks_and_only_those_of_the_table_that_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    view = DataView(Store())
    told: list[TableCells] = []
    monkeypatch.setattr(view.channel, "tell", told.append)
    uploaded(view, TRIAL)
    serial = drawn(view)["serial"]
    say(view, "want-cells", serial=serial, row=1, rows=3, column=0, columns=2)
    assert told == [TableCells(serial=serial, row=1, column=0, cells=[["B", ".", "B"], ["R1", "R2", "R2"]])]
    answer(view, "'.'", "no value")
    now = drawn(view)["serial"]
    assert now != serial, "there are other cells"
    say(view, "want-cells", serial=serial, row=0, rows=9, column=0, columns=9)
    assert len(told) == 1
    say(view, "want-cells", serial=now, row=-5, rows=10**9, column=2, columns=10**9)
    assert told[-1].cells == [[4.1, 3.9, -99.0, 4.0, 4.2, 4.4]]
    say(view, "want-cells", serial=now, row=2, rows=1, column=0, columns=1)
    assert told[-1].cells == [[None]]
    say(view, "give-role", column="rep", role="ignored")
    assert drawn(view)["serial"] == now, "a role is none of the cells"


def test_no_more_cells_are_sent_at_once_than_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    view = DataView(Store())
    told: list[TableCells] = []
    monkeypatch.setattr(view.channel, "tell", told.append)
    uploaded(view, b"a,b\n" + b"x,1.5\n" * MOST_CELLS)
    say(view, "want-cells", serial=drawn(view)["serial"], row=0, rows=10**9, column=0, columns=2)
    assert sum(map(len, told[-1].cells)) == MOST_CELLS


@pytest.mark.parametrize(
    "message",
    [
        {"type": "give-role", "column": "rep", "role": "king"},
        {"type": "order-levels", "column": "rep", "levels": "R1"},
        {"type": "answer-question", "question": "0", "answer": 0},
        {"type": "want-cells", "serial": 1, "row": 0},
    ],
)
def test_what_is_not_declared_changes_nothing(message: dict[str, Any]) -> None:
    view = DataView(Store())
    uploaded(view, TRIAL)
    before = state_of(view)
    view.channel.take(message)
    assert state_of(view) == before


WIDE = b"gen,moisture,yield\nA,14.1,4.1\nB,14.6,3.9\nA,15.0,4.3\nB,14.2,4.0\n"


@pytest.mark.parametrize("template", list(TEMPLATES), ids=lambda template: template.name)
def test_a_response_that_is_set_without_roles_stays(template):
    """As in a model that was written by hand, or by an older program."""
    table = read_table(WIDE, name="trial")
    store = Store(Document(data_name="trial", response="moisture"), [table])
    assert store.start(template)
    assert store.document.response == "moisture"
    assert store.document.roles["moisture"] == "response"
    assert store.document.roles["yield"] == "ignored"


def test_a_file_that_has_got_another_column_keeps_what_was_said_of_its_others():
    store = Store()
    view = DataView(store)
    uploaded(view, WIDE)
    say(view, "give-role", column="moisture", role="response")
    say(view, "use-table")
    uploaded(view, WIDE.replace(b"yield\n", b"yield,rep\n").replace(b"\n", b",1\n").replace(b"rep,1", b"rep"))
    assert column(view, "moisture")["role"] == "response"
    assert column(view, "yield")["role"] == "covariate"
    say(view, "use-table")
    assert store.document.response == "moisture"


PEDIGREE = b"id,sire,dam\nA,,\nB,A,\nC,A,B\n"


def second(view: DataView) -> list[dict[str, Any]]:
    tables: list[dict[str, Any]] = state_of(view)["second"]
    return tables


def add_second(view: DataView, data: bytes, name: str) -> None:
    piece = {"purpose": "relation", "id": name, "name": name, "index": 0, "total": 1, "size": len(data)}
    view.channel.take({"type": "chunk", **piece, "data": data})


def test_a_second_table_is_added_compared_with_the_data_used_and_dropped():
    store = Store()
    view = DataView(store)
    uploaded(view, b"gen,rep,yield\nA,R1,4.1\nB,R1,3.9\nb,R2,4\nA,R2,4.0\n")
    say(view, "use-table")
    add_second(view, PEDIGREE, "my herd.csv")
    (found,) = second(view)
    assert (found["name"], found["summary"]) == ("my_herd", "pedigree of 3 individuals")
    assert found["matched"] == "gen: 2 of 3 levels are in it."
    assert "Did you mean 'B' for 'b' (the same but for capitals and blanks)?" in found["problem"]
    assert found["users"] == []
    assert store.document.relations["my_herd"].ids == ("A", "B", "C")
    store.dispatch(AddNode("PedigreeMatrix", name="kin", connect=("V", None)))
    (node,) = store.document.nodes
    inspector = Inspector(store)
    store.selection = (node,)
    (field,) = state_of(inspector)["page"]["arguments"]
    assert (field["kind"], field["value"], field["choices"]) == ("choice", None, ["my_herd"])
    said = {"node": node, "argument": "ped", "value": "my_herd"}
    inspector.channel.take({"type": "give-argument", **said})
    assert store.document.nodes[node].arguments["ped"] == Related("my_herd")
    assert second(view)[0]["users"] == ["kin"]
    say(view, "drop-second", name="my_herd")
    assert second(view) == []
    assert any("no second table 'my_herd'" in one.message for one in store.problems)
    store.undo()
    assert [one["name"] for one in second(view)] == ["my_herd"]


def test_a_known_matrix_takes_written_numbers_or_a_second_table():
    store = Store()
    view = DataView(store)
    add_second(view, b",A,B\nA,1,0.5\nB,0.5,1\n", "K.csv")
    store.dispatch(AddNode("KnownMatrix", name="kin", connect=("V", None)))
    (node,) = store.document.nodes
    inspector = Inspector(store)
    store.selection = (node,)
    given = {"type": "give-argument", "node": node, "argument": "K"}
    inspector.channel.take({**given, "value": {"mode": "table", "name": "K"}})
    (field,) = state_of(inspector)["page"]["arguments"]
    assert (field["table"], field["tables"], field["text"]) == ("K", ["K"], "")
    assert store.build.sizes[node] == (2, 2)
    inspector.channel.take({**given, "value": "1 0\n0 1"})
    (field,) = state_of(inspector)["page"]["arguments"]
    assert (field["table"], field["text"]) == (None, "1 0\n0 1")


def test_a_file_that_is_no_second_table_is_said():
    view = DataView(Store())
    add_second(view, b"a,b\n1,2\n3,4\n", "odd.csv")
    assert "is no pedigree" in state_of(view)["second_error"]
    assert second(view) == []
