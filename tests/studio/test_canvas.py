"""The canvas without a browser: what it draws of a document, what is sent of it, and when."""

from __future__ import annotations

from typing import Any

import pytest

from covstudio.covariance import catalogue
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
    frames,
    node_types,
    problems_by_node,
    result_card,
    v_position,
    wires,
)
from covstudio.studio.session.store import Store
from covstudio.studio.session.texts import parameter_label
from tests.studio.canvas_cases import Browser, field_trial, made, sum_of_two

# --- what is drawn ---


def test_every_node_has_handles_for_its_slots_and_v_stands_at_the_end() -> None:
    document = sum_of_two()
    types = node_types(document, catalogue())
    drawn = {frame.id: frame for frame in frames(document)}
    assert list(drawn) == ["s", "a", "b", "V"]
    assert [handle["id"] for handle in types[drawn["s"].type]["inputs"]] == ["1", "2", "3"]
    assert types[drawn["s"].type]["inputs"][-1]["label"] == "free slot"
    assert types[drawn["a"].type]["inputs"] == []
    assert types["operator:CovariancePropagation"]["inputs"][0]["id"] == "z"
    assert types[drawn["V"].type]["outputs"] == []


def test_the_graph_is_the_documents_own() -> None:
    browser = Browser(Store(sum_of_two()))
    assert browser.edges == {("a", "s", "1"), ("b", "s", "2"), ("s", "V", "V")}
    assert browser.nodes["a"]["position"] == {"x": 300, "y": 0}
    assert not browser.nodes["V"]["draggable"]


def test_nodes_and_handles_come_with_their_sizes_so_that_wires_need_no_measuring() -> None:
    store = field_trial()
    browser = Browser(store)
    types = node_types(store.document, catalogue())
    heights = {frame.id: frame.height for frame in frames(store.document)}
    for node_id, node in browser.nodes.items():
        height = heights[node_id]
        assert node["measured"] == {"width": WIDTH, "height": height} == node["style"]
        for kind, side, edge in (("target", "inputs", 1), ("source", "outputs", WIDTH - 1)):
            handles = [handle for handle in node["handles"] if handle["type"] == kind]
            drawn = types[node["type"]][side]
            assert [handle["id"] for handle in handles] == [handle["id"] for handle in drawn]
            for count, handle in enumerate(handles, 1):
                assert handle["x"] + handle["width"] / 2 == edge
                middle = 1 + (height - 2) * count / (len(drawn) + 1)
                assert handle["y"] + handle["height"] / 2 == pytest.approx(middle)
    known = {(node_id, handle["id"]) for node_id, node in browser.nodes.items() for handle in node["handles"]}
    for edge in browser.flow.edges:
        assert {(edge["source"], edge["sourceHandle"]), (edge["target"], edge["targetHandle"])} <= known


def test_an_operator_with_many_slots_is_tall_enough_to_hit_each() -> None:
    changes: list[Change] = [AddNode("Sum", id="s")]
    changes += [AddNode("ScalarMatrix", id=f"m{i}", connect=("s", None)) for i in range(9)]
    drawn = {frame.id: frame.height for frame in frames(made(*changes))}
    assert drawn["m0"] == HEIGHT
    assert drawn["s"] / 11 >= 20


def test_v_stands_beside_its_matrix_and_stays_put_without_one() -> None:
    document = sum_of_two()
    assert v_position(document) == (600 + WIDTH + 56, 100)
    loose = made(AddNode("ScalarMatrix", 10, 20, id="a"))
    assert v_position(loose, (5.0, 6.0)) == (5.0, 6.0)
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
    assert (b["name"], b["shape"], b["hint"], b["role"]) == ("b", "3 × 3", "", "matrix")
    assert [(line["label"], line["value"], line["fixed"]) for line in b["lines"]] == [
        ("σ²", 1.0, True),
        ("ρ", 0.5, False),
    ]
    assert b["label"] == f"b, {b['title']}, 3 × 3"
    s = card(store, store.document.nodes["s"], [])
    assert s["lines"] == [{"label": "parameters", "value": 2, "fixed": False}]
    assert [mark["free"] for mark in s["slots"]] == [False, False, True]


def test_a_card_has_room_for_three_lines_and_counts_the_rest() -> None:
    store = Store(made(AddNode("DiagonalMatrix", id="d", arguments={"n": 5})))
    d = card(store, store.document.nodes["d"], [])
    assert [line["label"] for line in d["lines"]] == ["σ²₀", "σ²₁"]
    assert d["more"] == 3


def test_a_card_names_what_its_size_and_labels_are_bound_to() -> None:
    store = field_trial()
    store.dispatch(AddNode("ScalarMatrix", id="auto"))
    store.dispatch(AddNode("ScalarMatrix", id="rows", arguments={"n": Rows()}))
    store.dispatch(AddNode("DummyMatrix", id="none"))
    store.dispatch(AddNode("DummyMatrix", id="z", arguments={"factors": Columns(("rep", "block"))}))
    nodes = store.document.nodes
    assert card(store, nodes["auto"], [])["hint"] == "auto"
    assert card(store, nodes["rows"], [])["hint"] == "rows"
    assert card(store, nodes["rows"], [])["shape"] == "72 × 72"
    assert card(store, nodes["none"], [])["lines"][0]["text"] == "choose columns"
    assert card(store, nodes["z"], [])["lines"][0]["text"] == "rep ⋈ block"


def test_problems_stand_on_the_node_they_concern_errors_first() -> None:
    store = Store(made(AddNode("Sum", id="s", connect=("V", None))))
    s = card(store, store.document.nodes["s"], problems_by_node(store.problems)["s"])
    assert s["problem"]["level"] == "unfinished"
    assert "operand" in s["problem"]["text"]
    assert s["label"].endswith(s["problem"]["text"])
    store.faults = {"s": "cannot be computed"}
    s = card(store, store.document.nodes["s"], problems_by_node(store.problems)["s"])
    assert s["problem"]["level"] == "error"
    assert s["problem"]["text"].startswith("cannot be computed (and ")


def test_v_tells_its_shape_its_parameters_and_the_response() -> None:
    store = field_trial()
    v = result_card(store, [])
    assert (v["shape"], v["empty"], v["ready"]) == ("72 × 72", "", True)
    assert [line.get("value", line.get("text")) for line in v["lines"]] == [3, "yield"]
    assert result_card(Store(), [])["empty"]


# --- what is sent, and when ---


def test_values_and_names_change_cards_and_replace_nothing() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    nodes = browser.flow.nodes
    store.dispatch(SetParameters({("b", "rho"): 0.25}), settle=False)
    assert browser.state["cards"]["b"]["lines"][1]["value"] == 0.25
    browser.surface("rename", id="b", name="time <b>")
    assert browser.state["cards"]["b"]["name"] == "time <b>"
    assert browser.flow.nodes is nodes


def test_a_move_of_ours_is_a_patch_and_v_follows() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    nodes = browser.flow.nodes
    store.dispatch(MoveNodes({"s": (700.0, 50.0)}))
    assert browser.flow.nodes is nodes
    assert ("s", {"position": {"x": 700.0, "y": 50.0}}) in browser.patched
    assert ("V", {"position": {"x": 700.0 + WIDTH + 56, "y": 50.0}}) in browser.patched


def test_nothing_is_replaced_while_a_node_is_dragged_and_everything_afterwards() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.surface("dragging", on=True)
    store.dispatch(AddNode("ScalarMatrix", id="late"))
    assert "late" not in browser.nodes
    browser.graph("node_moved", node_id="a", position={"x": 1, "y": 2})
    browser.surface("dragging", on=False)
    assert "late" in browser.nodes
    assert browser.nodes["a"]["position"] == {"x": 1, "y": 2}


def test_a_browser_that_goes_back_to_something_older_is_given_the_latest_again() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    older = {name: list(getattr(browser.flow, name)) for name in ("nodes", "edges")}
    types = dict(browser.flow.node_types)
    store.dispatch(AddNode("ScalarMatrix", name="c", id="c", connect=("s", None)))
    store.dark = True
    latest, wires_now = set(browser.nodes), browser.edges
    revisions = {edge["data"]["revision"] for edge in browser.flow.edges}
    for name, value in (*older.items(), ("node_types", types | {"variadic:4": {}}), ("color_mode", "light")):
        setattr(browser.flow, name, value)
        assert set(browser.nodes) == latest
        assert browser.edges == wires_now
        assert browser.flow.node_types["variadic:4"]["inputs"]
        assert browser.flow.color_mode == "dark"
    again = {edge["data"]["revision"] for edge in browser.flow.edges}
    assert min(again) > max(revisions)  # or the browser would take them for drawn


def test_a_wire_that_the_browser_drew_is_replaced_once_by_the_documents_own() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    given: list[Any] = []
    browser.flow.param.watch(lambda event: given.append([edge["id"] for edge in event.new]), "edges")
    edge = {"id": "a->s:1", "source": "a", "target": "s", "sourceHandle": "out", "targetHandle": "3"}
    browser.graph("edge_added", edge=edge)  # to another slot
    assert store.document.nodes["s"].children == ("b", "a")
    assert given == [["b->s", "a->s", "s->V"]]
    browser.graph("edge_added", edge=edge | {"source": "s", "target": "a", "id": "s->a"})  # refused
    assert given == [["b->s", "a->s", "s->V"]] * 2


def test_the_theme_of_the_page_reaches_the_graph() -> None:
    store = Store()
    browser = Browser(store)
    store.dark = True
    assert browser.flow.color_mode == "dark"
    store.dark = False
    assert browser.flow.color_mode == "light"


def test_an_empty_canvas_offers_the_templates_and_one_click_starts_one() -> None:
    store = Store()
    browser = Browser(store)
    assert browser.state["empty"]
    offered = [template["name"] for template in browser.state["templates"]]
    assert offered == [template.name for template in templates()]
    browser.surface("template", name=offered[0])
    assert not browser.state["empty"]
    assert set(browser.nodes) == {*store.document.nodes, "V"}
    store.undo()
    assert browser.state["empty"]
