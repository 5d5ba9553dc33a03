"""The data view without a browser: questions, the order of levels, and roles that a person has set."""

from __future__ import annotations

import json

from covstudio.data import TableChoices, read_table
from covstudio.document.changes.all import SetData
from covstudio.document.files.templates import TEMPLATES
from covstudio.studio.data.data import DataView
from covstudio.studio.session.store import Store

TRIAL = b"gen,rep,yield\nA,R1,4.1\nB,R1,3.9\n.,R2,-99\nB,R2,4.0\nA,R3,4.2\nB,R3,4.4\n"
AMBIGUOUS = b"gen;area\nA;1.250\nB;2.340\nA;1.750\nB;1.125\n"


def uploaded(view: DataView, data: bytes, name: str = "trial.csv") -> None:
    piece = {"purpose": "table", "id": name, "name": name, "index": 0, "total": 1, "size": len(data)}
    view._chunk({"type": "chunk", **piece, "data": data})


def drawn(view: DataView) -> dict:
    return json.loads(view._pane.state)["table"]


def column(view: DataView, name: str) -> dict:
    return next(one for one in drawn(view)["columns"] if one["name"] == name)


def answer(view: DataView, words: str, text: str) -> None:
    questions = drawn(view)["questions"]
    place = next(place for place, one in enumerate(questions) if words in one["text"])
    view._answer({"question": place, "answer": questions[place]["answers"].index(text)})


def test_questions_are_asked_and_answered_before_a_table_is_used():
    store = Store()
    view = DataView(store)
    uploaded(view, TRIAL)
    assert len(drawn(view)["questions"]) == 2
    assert drawn(view)["notes"] == []
    view._role({"column": "rep", "role": "ignored"})
    answer(view, "'-99'", "no value")
    answer(view, "'.'", "no value")
    assert drawn(view)["questions"] == []
    assert column(view, "yield")["missing"] == 1
    assert column(view, "rep")["role"] == "ignored"
    view._use()
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
    view._use()
    # The file is gone: the question is shown, and what would take the file is not offered.
    (question,) = drawn(view)["questions"]
    assert question["answers"] == []


def test_questions_of_a_table_in_use_are_undoable_changes():
    store = Store()
    view = DataView(store)
    uploaded(view, TRIAL)
    view._use()
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
    view._order({"column": "rep", "levels": ["R3", "R1", "R2"]})
    view._reference({"column": "rep", "level": "R2"})
    assert (column(view, "rep")["levels"], column(view, "rep")["reference"]) == (["R3", "R1", "R2"], "R2")
    view._use()
    assert store.table.levels("rep") == ("R3", "R1", "R2")
    view._reference({"column": "rep", "level": "R1"})
    assert store.table.reference("rep") == "R1"
    assert store.table.levels("rep") == ("R3", "R1", "R2")
    # What is no order of these levels changes nothing.
    view._order({"column": "rep", "levels": ["R3"]})
    view._reference({"column": "rep", "level": "R9"})
    view._reference({"column": "height", "level": "R1"})
    view._answer({"question": 99, "answer": 0})
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
    view._role({"column": "Feuchte %", "role": "response"})
    view._role({"column": "Wdh", "role": "covariate"})
    view._use()
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
