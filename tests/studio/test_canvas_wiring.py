"""Wires drawn and structures dropped in a browser, as changes of the document."""

from __future__ import annotations

import pytest

from covstudio.document.changes.all import (
    AddNode,
    ChangeError,
    Connect,
)
from covstudio.document.changes.auto_layout import HEIGHT, WIDTH
from covstudio.document.model.document import MAX_DEPTH
from covstudio.studio.canvas import wiring
from covstudio.studio.session.store import Store
from tests.studio.canvas_cases import Browser, made, sum_of_two

# --- wiring ---


def test_a_wire_drawn_in_the_browser_is_one_change() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    store.dispatch(AddNode("ScalarMatrix", id="c", arguments={"n": 3}))
    browser.wire("c", "s", "3")
    assert store.document.parent_of("c") == ("s", "3")
    assert ("c", "s", "3") in browser.wires
    store.undo()
    assert store.document.parent_of("c") is None
    assert ("c", "s", "3") not in browser.wires


def test_a_refused_wire_disappears_and_says_why() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    store.dispatch(AddNode("ScalarMatrix", id="c", arguments={"n": 5}))
    document, wires = store.document, browser.wires
    browser.wire("c", "s", "3")
    assert store.document is document
    assert store.message is not None
    assert "3 × 3" in store.message.text
    assert "5 × 5" in store.message.text
    assert browser.wires == wires


def test_while_dragging_every_slot_gives_its_reason() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    store.dispatch(AddNode("ScalarMatrix", id="c", arguments={"n": 5}))
    browser.send("wire-started", node="c", slot=None)
    told = browser.told[-1]
    assert (told["type"], told["node"], told["slot"]) == ("wire-ends", "c", None)
    reasons = {(end["node"], end["slot"]): end["reason"] for end in told["ends"]}
    assert "5 × 5" in reasons["s", "3"]
    assert reasons["V", "V"] is None
    browser.send("wire-started", node="s", slot="3")  # a wire drawn back from a slot
    reasons = {(end["node"], end["slot"]): end["reason"] for end in browser.told[-1]["ends"]}
    assert set(reasons) == {("a", None), ("b", None), ("c", None)}
    assert "5 × 5" in reasons["c", None]
    assert reasons["a", None] is None
    browser.send("wire-started", node="gone", slot=None)
    assert browser.told[-1]["ends"] == []


def test_the_menu_lists_every_slot_with_the_reason_of_those_that_do_not_fit() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    store.dispatch(AddNode("ScalarMatrix", id="c", arguments={"n": 5}))
    store.dispatch(AddNode("CovariancePropagation", name="p", id="p"))
    browser.send("node-asked", id="c")
    menu = browser.told[-1]
    assert (menu["id"], menu["connected"]) == ("c", False)
    found = {target["label"]: target["reason"] for target in menu["targets"]}
    assert found["V"] is None
    assert found["p · z"] is None
    assert "5 × 5" in found["Sum"]
    assert list(found)[-1] == "Sum", "those that fit come first"
    browser.wire("c", "p", "g")
    assert store.document.parent_of("c") == ("p", "g")
    browser.send("wire-taken", child="c")
    assert store.document.parent_of("c") is None


def test_a_node_is_not_offered_the_place_it_has() -> None:
    document = sum_of_two()
    assert [target.parent for target in wiring.targets(document, None, "a")] == ["V"]
    assert "V" not in [target.parent for target in wiring.targets(document, None, "s")]


def test_connecting_what_cannot_be_connected_raises_the_reason() -> None:
    document = AddNode("Transpose", id="t").apply(sum_of_two())
    document = Connect("s", "t", "a").apply(document)
    with pytest.raises(ChangeError, match="circle"):
        wiring.connect(document, None, "t", "s", "3")


# --- dropping from the palette ---


def test_a_structure_dropped_on_the_canvas_stands_where_it_was_dropped() -> None:
    store = Store()
    browser = Browser(store)
    browser.drop("Sum", x=400, y=300)
    (node,) = store.document.nodes.values()
    assert (node.kind, node.x, node.y) == ("Sum", 400 - WIDTH / 2, 300 - HEIGHT / 2)
    assert store.selection == (node.id,)
    assert browser.state["selection"] == [node.id]


def test_a_structure_dropped_on_a_slot_is_wired_as_one_step() -> None:
    store = Store(made(AddNode("CovariancePropagation", 500, 0, id="p")))
    browser = Browser(store)
    browser.drop("ScalarMatrix", "p", "g")
    assert store.document.nodes["p"].child("g") is not None
    assert store.document.nodes["p"].child("z") is None
    store.undo()
    assert set(store.document.nodes) == {"p"}


def test_a_structure_dropped_on_a_card_takes_its_next_free_slot() -> None:
    store = Store(made(AddNode("CovariancePropagation", 500, 0, id="p")))
    browser = Browser(store)
    browser.drop("DummyMatrix", "p")
    browser.drop("ScalarMatrix", "p", "out")
    assert store.document.nodes["p"].free_slots == ()
    leaf = store.document.nodes["p"].child("z")
    browser.drop("ScalarMatrix", leaf, None, x=999)
    assert leaf not in store.document.nodes, "a matrix has no slots: the new one takes its place"
    assert store.document.roots() == ("p",)


def test_a_structure_dropped_on_v_becomes_v() -> None:
    store = Store()
    browser = Browser(store)
    browser.drop("Sum", "V", "V")
    (node_id,) = store.document.nodes
    assert store.document.v == node_id
    assert (node_id, "V", "V") in browser.wires


def test_a_structure_that_nobody_knows_is_refused_with_the_reason() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    document = store.document
    browser.drop("Nonsense", "s", "3")
    assert store.document is document
    assert store.message is not None
    assert "Nonsense" in store.message.text


def test_a_structure_that_does_not_fit_where_it_is_dropped_stays_loose_and_the_reason_is_told() -> None:
    chain = [
        AddNode("Transpose", id=f"t{depth}", connect=(f"t{depth - 1}", "a") if depth else None)
        for depth in range(MAX_DEPTH)
    ]
    store = Store(made(*chain))
    browser = Browser(store)
    last = f"t{MAX_DEPTH - 1}"
    browser.drop("Transpose", last, "a")
    assert len(store.document.nodes) == MAX_DEPTH + 1
    assert store.document.nodes[last].child("a") is None
    assert store.message is not None
    assert store.message.level == "warning"
    assert str(MAX_DEPTH) in store.message.text
