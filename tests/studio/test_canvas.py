"""The canvas without a browser: what it draws of a document, and what a browser's message does to one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from covstudio.covariance import catalogue
from covstudio.data.examples import load_example
from covstudio.document.changes.all import (
    AddNode,
    Change,
    ChangeError,
    Connect,
    MoveNodes,
    ReplaceDocument,
    SetFixed,
    SetParameters,
)
from covstudio.document.changes.auto_layout import HEIGHT, WIDTH
from covstudio.document.files.templates import templates
from covstudio.document.model.document import MAX_DEPTH, MAX_NODES, Document
from covstudio.document.model.node import Columns, Rows
from covstudio.studio.canvas import canvas, wiring
from covstudio.studio.canvas.canvas import CanvasView
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


def made(*changes: Change) -> Document:
    document = Document()
    for change in changes:
        document = change.apply(document)
    return document


def sum_of_two() -> Document:
    """V = Sum(a, b), each 3 x 3."""
    return made(
        AddNode("Sum", 600, 100, id="s", connect=("V", None)),
        AddNode("ScalarMatrix", 300, 0, name="a", arguments={"n": 3}, id="a", connect=("s", None)),
        AddNode("AR1Matrix", 300, 200, name="b", arguments={"n": 3}, id="b", connect=("s", None)),
    )


def field_trial() -> Store:
    """The alpha design of the shipped example, with its table."""
    store = Store()
    store.load_table(load_example("john_alpha"))
    store.dispatch(ReplaceDocument(templates()[0].document(store.table)))
    return store


class Browser:
    """Sends the messages a browser would, and remembers what it is told."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.view = CanvasView(store)
        self.flow = self.view.graph.flow
        self.told: list[dict[str, Any]] = []
        self.patched: list[tuple[str, dict[str, Any]]] = []
        self.view.surface._send_msg = self.told.append  # type: ignore[method-assign]
        send = self.flow._send_msg

        def patched(message: dict[str, Any]) -> None:
            if message["type"] == "patch_node_props":
                self.patched.append((message["node_id"], message["patch"]))
            send(message)

        self.flow._send_msg = patched

    def graph(self, kind: str, **content: Any) -> None:
        self.flow._handle_msg({"type": kind, **content})

    def surface(self, kind: str, **content: Any) -> None:
        for callback in self.view.surface._msg__callbacks:
            callback({"type": kind, **content})

    def choose(self, *nodes: str, edges: tuple[str, ...] = ()) -> None:
        """A person presses something and the library reports what is selected."""
        self.surface("touch")
        self.graph("selection_changed", nodes=list(nodes), edges=list(edges))

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.view.surface.state)
        return state

    @property
    def nodes(self) -> dict[str, dict[str, Any]]:
        return {node["id"]: node for node in self.flow.nodes}

    @property
    def edges(self) -> set[tuple[str, str, str]]:
        return {(edge["source"], edge["target"], edge["targetHandle"]) for edge in self.flow.edges}


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
    assert len(offered) == 3
    browser.surface("template", name=offered[0])
    assert not browser.state["empty"]
    assert set(browser.nodes) == {*store.document.nodes, "V"}
    store.undo()
    assert browser.state["empty"]


# --- wiring ---


def test_a_wire_drawn_in_the_browser_is_one_change() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    store.dispatch(AddNode("ScalarMatrix", id="c", arguments={"n": 3}))
    browser.graph("edge_added", edge={"id": "x", "source": "c", "target": "s", "targetHandle": "3"})
    assert store.document.parent_of("c") == ("s", "3")
    assert ("c", "s", "3") in browser.edges
    store.undo()
    assert store.document.parent_of("c") is None
    assert ("c", "s", "3") not in browser.edges


def test_a_refused_wire_disappears_and_says_why() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    store.dispatch(AddNode("ScalarMatrix", id="c", arguments={"n": 5}))
    document, sent = store.document, [dict(edge) for edge in browser.flow.edges]
    browser.graph("edge_added", edge={"id": "x", "source": "c", "target": "s", "targetHandle": "3"})
    assert store.document is document
    assert store.message is not None
    assert "3 × 3" in store.message.text
    assert "5 × 5" in store.message.text
    assert browser.edges == {(e["source"], e["target"], e["targetHandle"]) for e in sent}
    assert browser.flow.edges != sent, "a list equal to the last one would not be drawn again"


def test_while_dragging_every_slot_gives_its_reason() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    store.dispatch(AddNode("ScalarMatrix", id="c", arguments={"n": 5}))
    answers: list[dict[str, Any]] = []
    browser.flow._send_msg = answers.append
    browser.graph(
        "connection_validation_requested", request_id=1, node_id="c", handle_id="out", handle_type="source"
    )
    reasons = {(r["node_id"], r["handle_id"]): r["reason"] for r in answers[-1]["results"]}
    assert "5 × 5" in reasons["s", "3"]
    assert reasons["V", "V"] is None


def test_the_menu_lists_every_slot_with_the_reason_of_those_that_do_not_fit() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    store.dispatch(AddNode("ScalarMatrix", id="c", arguments={"n": 5}))
    store.dispatch(AddNode("CovariancePropagation", name="p", id="p"))
    browser.surface("menu", id="c")
    menu = json.loads(browser.told[-1]["json"])
    assert (menu["id"], menu["connected"]) == ("c", False)
    found = {target["label"]: target["reason"] for target in menu["targets"]}
    assert found["V"] is None
    assert found["p · z"] is None
    assert "5 × 5" in found["Sum"]
    assert list(found)[-1] == "Sum", "those that fit come first"
    browser.surface("wire", child="c", parent="p", slot="g")
    assert store.document.parent_of("c") == ("p", "g")
    browser.surface("unwire", child="c")
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


def drop(
    browser: Browser, kind: str, target: dict[str, Any] | None = None, x: float = 0, y: float = 0
) -> None:
    browser.graph(
        "drop",
        drop_type="application/x-covstudio-structure",
        data={"kind": kind},
        position={"x": x, "y": y},
        target=target,
    )


def test_a_structure_dropped_on_the_canvas_stands_where_it_was_dropped() -> None:
    store = Store()
    browser = Browser(store)
    drop(browser, "Sum", x=400, y=300)
    (node,) = store.document.nodes.values()
    assert (node.kind, node.x, node.y) == ("Sum", 400 - WIDTH / 2, 300 - HEIGHT / 2)
    assert store.selection == (node.id,)
    assert browser.nodes[node.id]["selected"]


def test_a_structure_dropped_on_a_slot_is_wired_as_one_step() -> None:
    store = Store(made(AddNode("CovariancePropagation", 500, 0, id="p")))
    browser = Browser(store)
    drop(browser, "ScalarMatrix", {"node_id": "p", "handle_id": "g", "direction": "input"})
    assert store.document.nodes["p"].child("g") is not None
    assert store.document.nodes["p"].child("z") is None
    store.undo()
    assert set(store.document.nodes) == {"p"}


def test_a_structure_dropped_on_a_card_takes_its_next_free_slot() -> None:
    store = Store(made(AddNode("CovariancePropagation", 500, 0, id="p")))
    browser = Browser(store)
    drop(browser, "DummyMatrix", {"node_id": "p", "handle_id": None, "direction": None})
    drop(browser, "ScalarMatrix", {"node_id": "p", "handle_id": "out", "direction": "output"})
    assert store.document.nodes["p"].free_slots == ()
    leaf = store.document.nodes["p"].child("z")
    drop(browser, "ScalarMatrix", {"node_id": leaf, "handle_id": None, "direction": None}, x=999)
    assert len(store.document.roots()) == 2, "a matrix has no slots: the new one stays loose"


def test_a_structure_dropped_on_v_becomes_v() -> None:
    store = Store()
    browser = Browser(store)
    drop(browser, "Sum", {"node_id": "V", "handle_id": "V", "direction": "input"})
    (node_id,) = store.document.nodes
    assert store.document.v == node_id
    assert (node_id, "V", "V") in browser.edges


def test_a_structure_that_nobody_knows_is_refused_with_the_reason() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    document = store.document
    drop(browser, "Nonsense", {"node_id": "s", "handle_id": "3", "direction": "input"})
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
    drop(browser, "Transpose", {"node_id": last, "handle_id": "a", "direction": "input"})
    assert len(store.document.nodes) == MAX_DEPTH + 1
    assert store.document.nodes[last].child("a") is None
    assert store.message is not None
    assert store.message.level == "warning"
    assert str(MAX_DEPTH) in store.message.text


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
