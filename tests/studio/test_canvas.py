"""The canvas without a browser: what it draws of a document, what is sent of it, and when."""

from __future__ import annotations

import pytest

from covstudio.covariance.core.letters import parameter_label
from covstudio.document.changes.all import (
    AddNode,
    Change,
    MoveNodes,
    SetFixed,
    SetParameters,
)
from covstudio.document.changes.auto_layout import HEIGHT, WIDTH
from covstudio.document.files.templates import templates
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns, Rows
from covstudio.studio.canvas.cards import (
    card,
    problems_by_node,
    result_card,
    v_position,
    wires,
)
from covstudio.studio.session.store import Store
from tests.studio.canvas_cases import Browser, field_trial, made, sum_of_two

# --- what is drawn ---


def test_every_node_has_its_slots_and_v_stands_at_the_end() -> None:
    browser = Browser(Store(AddNode("CovariancePropagation", id="p").apply(sum_of_two())))
    slots = {node: [slot["name"] for slot in drawn["card"]["slots"]] for node, drawn in browser.nodes.items()}
    assert slots == {"s": ["1", "2", "3"], "a": [], "b": [], "p": ["z", "g"], "V": ["V"]}
    assert browser.nodes["s"]["card"]["slots"][-1]["about"] == "free slot"
    assert browser.nodes["p"]["card"]["slots"][0]["about"].startswith("z: ")
    assert [drawn["card"]["role"] for drawn in browser.nodes.values()][-1] == "result"


def test_the_graph_is_the_documents_own() -> None:
    browser = Browser(Store(sum_of_two()))
    assert browser.wires == {("a", "s", "1"), ("b", "s", "2"), ("s", "V", "V")}
    assert browser.places["a"] == (300, 0)


def test_an_operator_with_many_slots_is_tall_enough_to_hit_each() -> None:
    changes: list[Change] = [AddNode("Sum", id="s")]
    changes += [AddNode("ScalarMatrix", id=f"m{i}", connect=("s", None)) for i in range(9)]
    nodes = Browser(Store(made(*changes))).nodes
    assert nodes["m0"]["card"]["height"] == HEIGHT
    assert nodes["s"]["card"]["height"] / 11 >= 20


def test_v_stands_beside_its_matrix_and_stays_put_without_one() -> None:
    document = sum_of_two()
    assert v_position(document) == (600 + WIDTH + 56, 100)
    loose = made(AddNode("ScalarMatrix", 10, 20, id="a"))
    assert v_position(loose, (5.0, 406.0)) == (5.0, 406.0)
    assert v_position(loose, (5.0, 6.0)) == (10 + WIDTH + 56, 20), "a card that comes to lie over V"
    assert v_position(loose) == (10 + WIDTH + 56, 20)
    assert v_position(Document()) == (0, 0)


def test_wires_know_their_slots() -> None:
    assert [(wire.child, wire.parent, wire.slot) for wire in wires(sum_of_two())] == [
        ("a", "s", "1"),
        ("b", "s", "2"),
        ("s", "V", "V"),
    ]


@pytest.mark.parametrize(
    ("name", "label"),
    [("sigma^2", "σ²"), ("rho", "ρ"), ("sigma^2_0", "σ²₀"), ("L_10_2", "L₁₀,₂"), ("my_own", "my_own")],
)
def test_parameters_are_written_as_people_write_them(name: str, label: str) -> None:
    assert parameter_label(name) == label


def test_a_card_tells_shape_where_the_size_comes_from_and_values() -> None:
    store = Store(sum_of_two())
    store.dispatch(SetParameters({("b", "rho"): 0.5}))
    store.dispatch(SetFixed("b", "sigma^2", True))
    b = card(store, store.document.nodes["b"], [])
    assert (b.name, b.shape, b.hint, b.role) == ("b", "3 × 3", "", "matrix")
    assert [(line.label, line.value, line.fixed) for line in b.lines] == [
        ("σ²", 1.0, True),
        ("ρ", 0.5, False),
    ]
    assert b.label == f"b, {b.title}, 3 × 3"
    s = card(store, store.document.nodes["s"], [])
    assert [(line.label, line.value) for line in s.lines] == [("parameters", 2)]
    assert [slot.free for slot in s.slots] == [False, False, True]


def test_a_card_has_room_for_three_lines_and_counts_the_rest() -> None:
    store = Store(made(AddNode("DiagonalMatrix", id="d", arguments={"n": 5})))
    d = card(store, store.document.nodes["d"], [])
    assert [line.label for line in d.lines] == ["σ²₀", "σ²₁"]
    assert d.more == 3


def test_a_card_names_what_its_size_and_labels_are_bound_to() -> None:
    store = field_trial()
    store.dispatch(AddNode("ScalarMatrix", id="auto"))
    store.dispatch(AddNode("ScalarMatrix", id="rows", arguments={"n": Rows()}))
    store.dispatch(AddNode("DummyMatrix", id="none"))
    store.dispatch(AddNode("DummyMatrix", id="z", arguments={"factors": Columns(("rep", "block"))}))
    nodes = store.document.nodes
    assert card(store, nodes["auto"], []).hint == "auto"
    assert card(store, nodes["rows"], []).hint == "rows"
    assert card(store, nodes["rows"], []).shape == "72 × 72"
    assert card(store, nodes["none"], []).lines[0].text == "choose columns"
    assert card(store, nodes["z"], []).lines[0].text == "rep × block"


def test_problems_stand_on_the_node_they_concern_errors_first() -> None:
    store = Store(made(AddNode("Sum", id="s", connect=("V", None))))
    s = card(store, store.document.nodes["s"], problems_by_node(store.problems)["s"])
    assert s.problem is not None
    assert s.problem.severity == "unfinished"
    assert "operand" in s.problem.text
    assert s.label.endswith(s.problem.text)
    store.faults = {"s": "cannot be computed"}
    s = card(store, store.document.nodes["s"], problems_by_node(store.problems)["s"])
    assert s.problem is not None
    assert s.problem.severity == "error"
    assert s.problem.text.startswith("cannot be computed (and ")


def test_v_tells_its_shape_its_parameters_and_the_response() -> None:
    store = field_trial()
    v = result_card(store, [])
    assert (v.shape, v.empty, v.ready) == ("72 × 72", "", True)
    assert [line.text or line.value for line in v.lines] == [3, "yield"]
    assert result_card(Store(), []).empty


# --- what is sent, and when ---


def test_values_and_names_are_written_on_the_cards() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    store.dispatch(SetParameters({("b", "rho"): 0.25}))
    assert browser.nodes["b"]["card"]["lines"][1]["value"] == 0.25
    browser.send("rename-node", node="b", name="time <b>")
    assert browser.nodes["b"]["card"]["name"] == "time <b>"


def test_while_a_slider_moves_the_cards_that_it_changes_travel_alone() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    before = browser.state
    store.dispatch(SetParameters({("b", "rho"): 0.25}, merge_key="drag"), settle=False)
    assert browser.state == before
    (told,) = browser.told
    assert (told["type"], [one["id"] for one in told["cards"]]) == ("moved-cards", ["b"])
    assert told["cards"][0]["card"]["lines"][1]["value"] == 0.25
    store.dispatch(SetParameters({("b", "sigma^2"): 2.0}, merge_key="drag"), settle=False, quiet=True)
    store.publish()
    assert [line["value"] for line in browser.told[-1]["cards"][0]["card"]["lines"]] == [2.0, 0.25]
    store.settle()
    assert [line["value"] for line in browser.nodes["b"]["card"]["lines"]] == [2.0, 0.25]
    assert len(browser.told) == 2


def test_what_else_changes_while_a_slider_moves_is_drawn_at_once() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    store.dispatch(SetParameters({("b", "rho"): 0.25}, merge_key="drag"), settle=False)
    browser.choose("a")
    assert (browser.state["turn"], browser.state["selection"]) == (1, ["a"])
    assert browser.nodes["b"]["card"]["lines"][1]["value"] == 0.25


def test_v_follows_its_matrix() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    store.dispatch(MoveNodes({"s": (700.0, 50.0)}))
    assert browser.places["s"] == (700, 50)
    assert browser.places["V"] == (700 + WIDTH + 56, 50)


def test_a_state_says_what_has_been_heard_also_when_nothing_came_of_it() -> None:
    """The page lets go of what is under the finger then, and of nothing before."""
    store = Store(sum_of_two())
    browser = Browser(store)
    assert browser.state["turn"] == 0
    browser.move(a=(10.0, 20.0))
    assert (browser.state["turn"], browser.places["a"]) == (1, (10, 20))
    browser.choose("a")
    assert (browser.state["turn"], browser.state["selection"]) == (2, ["a"])
    browser.choose("a")
    assert browser.state["turn"] == 3
    browser.move(gone=(0.0, 0.0))
    assert browser.state["turn"] == 4
    document = store.document
    browser.move(a=(float("nan"), 0.0))  # refused
    assert (browser.state["turn"], store.document) == (5, document)


def test_the_theme_of_the_page_reaches_the_graph() -> None:
    store = Store()
    browser = Browser(store)
    store.dark = True
    assert browser.state["dark"]
    store.dark = False
    assert not browser.state["dark"]


def test_an_empty_canvas_offers_the_templates_and_one_click_starts_one() -> None:
    store = Store()
    browser = Browser(store)
    assert list(browser.nodes) == ["V"]
    offered = [template["name"] for template in browser.state["templates"]]
    assert offered == [template.name for template in templates()]
    browser.send("start-template", name=offered[0])
    assert set(browser.nodes) == {*store.document.nodes, "V"}
    store.undo()
    assert list(browser.nodes) == ["V"]
