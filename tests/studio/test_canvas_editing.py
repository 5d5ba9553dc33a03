"""Nodes moved, looked at, removed, copied, named and selected in a browser."""

from __future__ import annotations

from dataclasses import replace

import pytest

from covstudio.document.changes.all import (
    AddNode,
    ChangeError,
    MoveNodes,
    SetFixed,
    SetParameters,
)
from covstudio.document.model.document import MAX_NODES
from covstudio.studio.canvas import copies
from covstudio.studio.session.store import Store
from tests.studio.canvas_cases import Browser, made, sum_of_two

# --- moving ---


def test_a_drag_of_nodes_is_one_step() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.move(a=(10.4, 20.6), b=(11.0, 300.0))
    assert browser.places["a"] == (10, 21)
    assert browser.places["b"] == (11, 300)
    store.undo()
    assert browser.places["a"] == (300, 0)
    assert browser.places["b"] == (300, 200)


def test_pressing_an_arrow_key_often_is_one_step() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    for x in (308, 316, 324):
        browser.move(by_keys=True, a=(x, 0))
    assert browser.places["a"] == (324, 0)
    store.undo()
    assert browser.places["a"] == (300, 0)


def test_keys_speak_of_what_is_seen_selected() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    store.selection = ("b",)
    browser.send("nodes-duplicated", nodes=["a", "V", "gone"])
    assert [store.document.nodes[node_id].name for node_id in store.selection] == ["a 2"]


def test_tidying_is_one_step() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    places = [{"id": "a", "x": 0, "y": 0}, {"id": "b", "x": 0, "y": 156}, {"id": "gone", "x": 0, "y": 0}]
    browser.send("nodes-arranged", places=places, turn=3)
    assert browser.state["turn"] == 3
    assert (browser.places["a"], browser.places["b"]) == ((0, 0), (0, 156))
    assert store.history.undo_label == "Tidy up"
    store.undo()
    assert browser.places["a"] == (300, 0)


# --- removing, copying, naming, selecting ---


def test_delete_takes_nodes_and_wires_in_one_step() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.send("nodes-deleted", nodes=["a"], wires=["b"])
    assert set(store.document.nodes) == {"s", "b"}
    assert store.document.parent_of("b") is None
    store.undo()
    assert store.document.nodes["s"].children == ("a", "b")


def test_delete_with_nothing_selected_is_no_step() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.send("nodes-deleted", nodes=[], wires=[])
    assert not store.history.can_undo


def test_a_deleted_wire_of_v_leaves_its_matrix() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.send("nodes-deleted", nodes=["V"], wires=["s"])
    assert store.document.v is None
    assert set(store.document.nodes) == {"s", "a", "b"}


def test_a_copy_has_everything_below_it_with_values_and_stands_loose() -> None:
    store = Store(sum_of_two())
    store.dispatch(SetParameters({("b", "rho"): 0.5}))
    store.dispatch(SetFixed("b", "sigma^2", True))
    browser = Browser(store)
    browser.send("nodes-duplicated", nodes=["s", "b"])
    (copy,) = store.selection
    assert store.document.v == "s"
    assert store.document.parent_of(copy) is None
    copied = [store.document.nodes[child] for child in store.document.nodes[copy].children]
    assert [node.kind for node in copied] == ["ScalarMatrix", "AR1Matrix"]
    assert copied[1].values["rho"] == 0.5
    assert copied[1].fixed == {"sigma^2"}
    assert [node.name for node in copied] == ["a 2", "b 2"]
    store.undo()
    assert set(store.document.nodes) == {"s", "a", "b"}


def test_copies_of_copies_are_numbered_on() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    for _ in range(2):
        browser.send("nodes-duplicated", nodes=["a"])
    assert {"a", "a 2", "a 3"} <= {node.name for node in store.document.nodes.values()}


def test_a_name_in_use_is_refused_with_a_free_one() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.send("rename-node", node="a", name="b")
    assert store.document.nodes["a"].name == "a"
    assert store.message is not None
    assert "'b 2' is free" in store.message.text


def test_selection_goes_both_ways_and_never_clears_redo() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    store.dispatch(MoveNodes({"a": (0.0, 0.0)}))
    store.undo()
    browser.choose("a")
    assert store.selection == ("a",)
    assert store.history.can_redo
    store.selection = ("b",)
    assert browser.state["selection"] == ["b"]
    browser.choose()
    assert store.selection == ()


def test_only_nodes_of_the_document_are_selected() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.choose("V", "gone", "a")
    assert store.selection == ("a",)


def test_a_click_on_a_picture_shows_it_large() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.send("show-matrix", node="a")
    assert store.focus == "a"
    assert browser.state["focus"] == "a"
    browser.send("show-matrix", node="V")
    assert store.focus == "V"
    browser.send("show-matrix", node="nobody")
    assert store.focus == "V"


def test_an_unknown_message_and_a_broken_one_leave_the_document_alone() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    document = store.document
    browser.send("explode")
    browser.send("nodes-moved", places=[{"id": "a", "x": "far", "y": 0}], by_keys=False, turn=1)
    browser.send("node-asked", id=["a"])
    browser.send("rename-node", node=None, name=None)
    browser.send("nodes-deleted", nodes="a", wires=[])
    assert store.document is document


def test_a_model_that_is_full_is_not_copied() -> None:
    changes = [AddNode("IdentityMatrix", name=f"m{i}", id=f"m{i}") for i in range(3)]
    document = made(*changes)
    node = document.nodes["m0"]
    document = document.with_nodes(*(replace(node, id=f"x{i}", name=f"x{i}") for i in range(MAX_NODES - 3)))
    with pytest.raises(ChangeError, match=str(MAX_NODES)):
        copies.duplicate(document, ["m0"])
