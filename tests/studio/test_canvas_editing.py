"""Nodes moved, looked at, removed, copied, named and selected in a browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from covstudio.document.changes.all import (
    AddNode,
    ChangeError,
    Connect,
    MoveNodes,
    ReplaceDocument,
    SetFixed,
    SetParameters,
)
from covstudio.document.changes.auto_layout import HEIGHT, WIDTH
from covstudio.document.model.document import MAX_NODES
from covstudio.studio.canvas import canvas, wiring
from covstudio.studio.session.store import Store
from tests.studio.canvas_cases import Browser, drop, made, sum_of_two

# --- moving ---


def test_a_drag_of_one_node_is_one_step_and_is_echoed() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.surface("dragging", on=True)
    browser.graph("node_moved", node_id="a", position={"x": 10.4, "y": 20.6})
    browser.surface("dragging", on=False)
    assert (store.document.nodes["a"].x, store.document.nodes["a"].y) == (10, 21)
    assert browser.patched[-1] == ("a", {"position": {"x": 10, "y": 21}})
    store.undo()
    assert (store.document.nodes["a"].x, store.document.nodes["a"].y) == (300, 0)
    assert browser.patched[-1] == ("a", {"position": {"x": 300, "y": 0}})


def test_pressing_an_arrow_key_often_is_one_step() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    store.selection = ("a",)
    for x in (301, 302, 303):
        browser.graph("node_moved", node_id="a", position={"x": x, "y": 0})
    browser.surface("nudge", x=8, y=0)
    assert store.document.nodes["a"].x == 311
    store.undo()
    assert store.document.nodes["a"].x == 300


def test_a_run_of_key_presses_is_answered_when_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    due: list[tuple[int, Callable[[], None]]] = []
    monkeypatch.setattr(canvas, "later", lambda wait, function: due.append((wait, function)))

    def pass_by(most: int) -> None:
        """Run what is due within so many milliseconds."""
        for entry in [entry for entry in due if entry[0] <= most]:
            due.remove(entry)
            entry[1]()

    store = Store(sum_of_two())
    browser = Browser(store)
    for x in (305, 310, 315):
        browser.graph("node_moved", node_id="a", position={"x": x, "y": 0})
        pass_by(canvas.TOGETHER)
        assert store.document.nodes["a"].x == x
    rests = list(due)
    for entry in rests[:-1]:
        entry[1]()
    assert browser.patched == []
    browser.surface("dragging", on=True)
    rests[-1][1]()
    assert browser.patched == []
    browser.surface("dragging", on=False)
    rests[-1][1]()
    assert browser.patched == [("a", {"position": {"x": 315.0, "y": 0.0}})]


def test_keys_speak_of_what_is_seen_selected() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    store.selection = ("b",)
    browser.surface("nudge", x=8, y=0, nodes=["a", "V", "gone"])
    assert (store.document.nodes["a"].x, store.document.nodes["b"].x) == (308, 300)
    browser.surface("duplicate", nodes=["a", "V"])
    assert [store.document.nodes[node_id].name for node_id in store.selection] == ["a 2"]


def test_tidying_is_one_step() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    store.dispatch(MoveNodes({"a": (900.0, 900.0)}))
    browser.surface("tidy")
    nodes = store.document.nodes
    assert nodes["a"].x == nodes["b"].x < nodes["s"].x
    store.undo()
    assert store.document.nodes["a"].x == 900


# --- the view ---


def test_the_first_size_brings_the_model_into_view_and_never_enlarges_it() -> None:
    browser = Browser(Store(sum_of_two()))
    browser.surface("size", width=2000, height=1200)
    assert browser.flow.viewport["zoom"] == 1.0
    right = 600 + WIDTH + 56 + WIDTH
    assert browser.flow.viewport["x"] == pytest.approx((2000 - (right - 300)) / 2 - 300)
    browser.surface("size", width=300, height=200)
    assert browser.flow.viewport["zoom"] == 1.0, "a later size leaves the view alone"
    browser.surface("fit")
    assert browser.flow.viewport["zoom"] < 0.5


def test_opening_another_model_brings_it_into_view_and_adding_a_node_does_not() -> None:
    store = Store()
    browser = Browser(store)
    browser.surface("size", width=800, height=600)
    empty = browser.flow.viewport
    drop(browser, "Sum")
    assert browser.flow.viewport == empty
    store.dispatch(ReplaceDocument(sum_of_two()))
    assert browser.flow.viewport != empty


def test_what_is_added_outside_the_view_is_brought_into_it() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.surface("size", width=1200, height=500)
    before = browser.flow.viewport
    store.dispatch(AddNode("ScalarMatrix", 300, 900, id="far"))
    after = browser.flow.viewport
    assert after["zoom"] == pytest.approx(before["zoom"])
    assert after["x"] == pytest.approx(before["x"], abs=0.01)
    assert 0 <= 900 * after["zoom"] + after["y"] <= 500 - HEIGHT * after["zoom"]
    store.dispatch(AddNode("ScalarMatrix", 300, 800, id="near"))
    assert browser.flow.viewport == after, "nothing moves when all can be seen"


def test_v_is_brought_into_view_when_it_follows_what_was_wired_into_it() -> None:
    store = Store(made(AddNode("Sum", 0, 0, id="s")))
    browser = Browser(store)
    browser.surface("size", width=600, height=400)
    store.dispatch(MoveNodes({"s": (-1000.0, 0.0)}))
    store.dispatch(Connect("s", "V"))
    x, zoom = browser.flow.viewport["x"], browser.flow.viewport["zoom"]
    left = (-1000 + WIDTH + 56) * zoom + x
    assert 0 <= left <= 600 - WIDTH * zoom


# --- removing, copying, naming, selecting ---


def test_delete_takes_nodes_and_wires_in_one_step() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.surface("delete", nodes=["a"], wires=["b->s"])
    assert set(store.document.nodes) == {"s", "b"}
    assert store.document.parent_of("b") is None
    store.undo()
    assert store.document.nodes["s"].children == ("a", "b")


def test_delete_with_nothing_selected_is_no_step() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.surface("delete", nodes=[], wires=[])
    assert not store.history.can_undo


def test_a_deleted_wire_of_v_leaves_its_matrix() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.surface("delete", nodes=["V"], wires=["s->V"])
    assert store.document.v is None
    assert set(store.document.nodes) == {"s", "a", "b"}


def test_a_copy_has_everything_below_it_with_values_and_stands_loose() -> None:
    store = Store(sum_of_two())
    store.dispatch(SetParameters({("b", "rho"): 0.5}))
    store.dispatch(SetFixed("b", "sigma^2", True))
    browser = Browser(store)
    store.selection = ("s", "b")
    browser.surface("duplicate")
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
    store.selection = ("a",)
    browser.surface("duplicate")
    browser.surface("duplicate")
    assert {"a", "a 2", "a 3"} <= {node.name for node in store.document.nodes.values()}


def test_a_name_in_use_is_refused_with_a_free_one() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.surface("rename", id="a", name="b")
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
    browser.patched.clear()
    store.selection = ("b",)
    assert dict(browser.patched) == {"a": {"selected": False}, "b": {"selected": True}}
    browser.surface("select", all=True)
    assert set(store.selection) == {"s", "a", "b"}
    browser.surface("select", all=False)
    assert store.selection == ()


def test_a_late_answer_to_an_older_selection_is_not_believed() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.choose("a")
    store.selection = ("b",)
    browser.graph("selection_changed", nodes=["a"], edges=[])
    assert store.selection == ("b",)
    browser.choose("a")
    assert store.selection == ("a",)


def test_selecting_v_in_the_browser_selects_no_node_and_is_left_alone() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.choose("V")
    browser.patched.clear()
    assert store.selection == ()
    store.param.trigger("selection")
    assert browser.patched == []
    store.selection = ("a",)
    assert ("V", {"selected": False}) in browser.patched


def test_a_click_on_a_picture_shows_it_large() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.surface("focus", id="a")
    assert store.focus == "a"
    assert browser.state["focus"] == "a"
    browser.surface("focus", id="V")
    assert store.focus == "V"
    browser.surface("focus", id="nobody")
    assert store.focus == "V"


def test_an_unknown_message_and_a_broken_one_leave_the_document_alone() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    document = store.document
    browser.surface("explode")
    browser.surface("nudge", x="far", y=0)
    browser.surface("menu", id=["a"])
    browser.surface("rename", id=None, name=None)
    assert store.document is document


def test_a_model_that_is_full_is_not_copied() -> None:
    changes = [AddNode("IdentityMatrix", name=f"m{i}", id=f"m{i}") for i in range(3)]
    document = made(*changes)
    node = document.nodes["m0"]
    document = document.with_nodes(*(replace(node, id=f"x{i}", name=f"x{i}") for i in range(MAX_NODES - 3)))
    with pytest.raises(ChangeError, match=str(MAX_NODES)):
        wiring.duplicate(document, ["m0"])
