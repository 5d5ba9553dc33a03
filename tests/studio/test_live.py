"""The live evaluation without a browser: what is computed, in which order, and what is said when it fails."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bokeh.document import Document as BokehDocument
from panel.io.state import state

from covstudio.covariance.core.rowwise import RowEvaluation
from covstudio.document.changes.all import (
    AddNode,
    RemoveNodes,
    ReplaceDocument,
    SetArgument,
    SetFixed,
    SetParameters,
)
from covstudio.document.model.document import Document
from covstudio.document.model.node import V
from covstudio.plots.raster import extreme
from covstudio.studio.matrix import pictures
from covstudio.studio.matrix.live import Live
from covstudio.studio.matrix.quantise import quantise
from covstudio.studio.session.store import Store
from tests.studio.live_cases import WAIT, Page, alpha, keys_of, of_size, value_of


@pytest.fixture
def open_page() -> Iterator[Callable[[Store], Page]]:
    """Makes pages whose workers are stopped in the end."""
    pages: list[Page] = []

    def make(store: Store) -> Page:
        pages.append(Page(store))
        return pages[-1]

    yield make
    for page in pages:
        page.live.close()
        assert page.live.join(WAIT)


OpenPage = Callable[[Store], Page]


# --- frames ---


def test_the_first_frame_holds_every_tile_in_sight_in_the_order_of_looking(open_page: OpenPage) -> None:
    store = alpha()
    keys = keys_of(store)
    frame = open_page(store).look(*reversed(keys))
    assert list(frame["tiles"])[:4] == keys[:4]
    assert set(frame["tiles"]) == set(keys)
    for key, tile in frame["tiles"].items():
        expected = quantise(value_of(store, key), 64)
        assert tile["codes"].tobytes() == expected.codes, key
        assert (tile["rows"], tile["cols"], tile["scale"]) == (expected.rows, expected.cols, expected.scale)
        assert (tile["n"], tile["m"]) == value_of(store, key).shape


def test_a_drag_sends_what_changed_and_nothing_else(open_page: OpenPage) -> None:
    store = alpha()
    page = open_page(store)
    page.look(*keys_of(store))
    ref = store.parameters()[0]
    frame = page.drag(ref.node_id, ref.name, 0.25)
    changed = {"node:" + i for i in (ref.node_id, *store.document.ancestors(ref.node_id))}
    # The thumbnail of the variance itself is drawn against the limit it had: the drag makes it paler.
    # In theta its own derivative is proportional to it; those in the other variances stay.
    assert set(frame["tiles"]) == {"V", f"slice:{ref.path}", *changed}
    assert frame["tiles"]["node:" + ref.node_id]["limit"] == 1.0
    assert frame["tiles"]["node:" + ref.node_id]["codes"].max() == 64
    assert store.natural(ref.node_id, ref.name) == 0.25


def test_colours_are_stretched_again_when_the_slider_rests(open_page: OpenPage) -> None:
    store = alpha()
    page = open_page(store)
    page.look(*keys_of(store))
    ref = store.parameters()[0]
    page.drag(ref.node_id, ref.name, 0.25)
    page.receive({"type": "release"})
    frame = page.frame()
    assert frame["tiles"]["node:" + ref.node_id]["limit"] == 0.25
    assert frame["tiles"]["node:" + ref.node_id]["codes"].max() == 255
    assert store.at_rest


def test_a_slider_that_is_never_released_comes_to_rest(open_page: OpenPage) -> None:
    store = alpha()
    page = open_page(store)
    page.look("V")
    ref = store.parameters()[0]
    page.drag(ref.node_id, ref.name, 0.25)
    assert not store.at_rest
    page.until(lambda: store.at_rest)


def test_views_are_told_of_a_drag_behind_its_frame(open_page: OpenPage) -> None:
    store = alpha()
    page = open_page(store)
    page.look("V")
    order: list[str] = []
    store.param.watch(lambda *_: order.append("views"), ["version"])
    send = page.live._send
    page.live._send = lambda *said: (order.append("frame"), send(*said))  # type: ignore[assignment, func-returns-value]
    ref = store.parameters()[0]
    page.drag(ref.node_id, ref.name, 0.5)
    page.until(lambda: "views" in order)
    assert order[:2] == ["frame", "views"]


def test_one_gesture_is_one_step_and_two_are_two(open_page: OpenPage) -> None:
    store = alpha()
    page = open_page(store)
    page.look("V")
    ref = store.parameters()[0]
    for gesture, values in ((1, (0.9, 0.8)), (2, (0.7, 0.6))):
        for value in values:
            page.drag(ref.node_id, ref.name, value, gesture)
        page.receive({"type": "release"})
    store.undo()
    assert store.natural(ref.node_id, ref.name) == 0.8
    store.undo()
    assert store.natural(ref.node_id, ref.name) == 1.0


def test_undo_repaints(open_page: OpenPage) -> None:
    store = alpha()
    page = open_page(store)
    before = page.look("V")["tiles"]["V"]["codes"].tobytes()
    store.dispatch(SetParameters({(store.parameters()[0].node_id, "sigma^2"): 5.0}))
    assert page.frame()["tiles"]["V"]["codes"].tobytes() != before
    store.undo()
    assert page.frame()["tiles"]["V"]["codes"].tobytes() == before


def test_only_what_is_in_sight_is_computed(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    rows_of = RowEvaluation.rows

    def spy(self: RowEvaluation, matrix: Any, natural: Any, name: str | None = None) -> Any:
        if name is not None:
            asked.append(name)
        return rows_of(self, matrix, natural, name)

    monkeypatch.setattr(RowEvaluation, "rows", spy)
    store = of_size(16, "UnconstrainedMatrix")
    assert len(store.parameters()) == 136
    page = open_page(store)
    frame = page.look("V", "slice:sigma^2_3_1", "slice:sigma^2_0_0")
    assert set(frame["tiles"]) == {"V", "slice:sigma^2_0_0", "slice:sigma^2_3_1"}
    assert set(asked) == {"sigma^2_0_0", "sigma^2_3_1"}


def test_a_fixed_parameter_has_no_slice(open_page: OpenPage) -> None:
    store = alpha()
    ref = store.parameters()[0]
    page = open_page(store)
    page.look(*keys_of(store))
    store.dispatch(SetFixed(ref.node_id, ref.name, True))
    assert "slice:" + ref.path not in page.frame()["tiles"]


def test_a_larger_canvas_gets_more_cells_and_never_too_many(open_page: OpenPage) -> None:
    store = of_size(300)
    page = open_page(store)
    assert page.look("V", pixels=100)["tiles"]["V"]["rows"] == 100
    assert page.look("V", pixels=5000)["tiles"]["V"]["rows"] == 150
    assert page.look("node:a", pixels=5000)["tiles"]["node:a"]["rows"] == 75


def test_a_drag_that_changes_nothing_is_answered(open_page: OpenPage) -> None:
    store = alpha()
    page = open_page(store)
    page.look("V")
    ref = store.parameters()[0]
    assert page.drag(ref.node_id, ref.name, 1.0)["tiles"] == {}
    assert page.drag(ref.node_id, ref.name, -3.0)["tiles"] == {}
    assert page.drag(ref.node_id, ref.name, float("nan"))["tiles"] == {}
    assert page.drag("nobody", "rho", 0.5)["tiles"] == {}
    assert store.natural(ref.node_id, ref.name) == 1.0


def test_messages_that_make_no_sense_are_ignored(open_page: OpenPage) -> None:
    page = open_page(alpha())
    for message in (
        {},
        {"type": "no such"},
        {"type": "drag"},
        {"type": "visible", "tiles": {"V": "x"}},
        {"type": "visible", "tiles": {"V": 1.5}},
        {"type": "ping", "seq": 1, "more": 2},
        "text",
        None,
    ):
        page.receive(message)
    page.receive({"type": "query", "id": 1, "key": "V", "row": -1, "col": 0, "size": 1})
    page.receive({"type": "drag", "seq": 1, "gesture": 1, "node": "n1", "param": "x", "value": "a lot"})
    assert page.look("V")["tiles"]


def test_nothing_is_sent_before_the_page_has_loaded(open_page: OpenPage, loading: BokehDocument) -> None:
    """Panel drops what changes in between; what the page said early is answered afterwards."""
    page = open_page(alpha())
    page.receive({"type": "visible", "tiles": {"V": 64}})
    page.store.dispatch(SetParameters({(page.store.parameters()[0].node_id, "sigma^2"): 2.0}))
    assert page.live._thread is None
    state._on_load(loading)
    assert "V" in page.frame()["tiles"]


def test_the_latest_wish_wins(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wishes that pile up while the worker is busy are skipped, all but the last."""
    store = of_size(8)
    page = open_page(store)
    page.look("V")
    gate, seen = threading.Event(), []
    begin = pictures.Pictures.begin

    def slow(self: pictures.Pictures, snapshot: pictures.Snapshot) -> None:
        seen.append(snapshot.seq)
        gate.wait(WAIT)
        begin(self, snapshot)

    monkeypatch.setattr(pictures.Pictures, "begin", slow)
    for seq in range(1, 30):
        page.receive(
            {"type": "drag", "seq": seq, "node": "a", "param": "rho", "value": seq / 100, "gesture": 1}
        )
        if seq == 1:
            while not seen:
                threading.Event().wait(0.001)
    gate.set()
    frame = page.frame(29)
    assert seen[:2] == [1, 29]
    assert frame["tiles"]["V"]["codes"].tobytes() == quantise(value_of(store, "V"), 64).codes


# --- what cannot be computed ---


def singular() -> Store:
    """V is the inverse of a correlation matrix of ones, once rho is 1."""
    store = Store()
    store.dispatch(AddNode("Inverse", id="inverse", name="inverse", connect=(V, None)))
    store.dispatch(AddNode("AR1Matrix", id="a", name="time", connect=("inverse", None)))
    store.dispatch(SetArgument("a", "n", 4))
    return store


def test_a_matrix_that_cannot_be_computed_is_a_message_on_its_node(open_page: OpenPage) -> None:
    store = singular()
    page = open_page(store)
    page.look(*keys_of(store))
    frame = page.drag("a", "sigma^2", 0.0)
    assert {"V", "node:inverse"} <= set(frame["clear"])
    page.until(lambda: bool(store.faults))
    assert list(store.faults) == ["inverse"]
    assert any(problem.node_id == "inverse" for problem in store.problems)
    # Back at a value that works everything is painted again, the same pictures as before included.
    frame = page.drag("a", "sigma^2", 1.0)
    assert {"V", "node:inverse"} <= set(frame["tiles"])
    page.until(lambda: not store.faults)


def test_entries_that_are_not_finite_are_told_with_their_place(open_page: OpenPage) -> None:
    store = of_size(4, "ScalarMatrix")
    page = open_page(store)
    page.look("V", "node:a")
    page.drag("a", "sigma^2", 1e308)
    store.dispatch(AddNode("Gram", id="gram", name="square"))
    store.dispatch(ReplaceDocument(_gram_of_large()))
    page.receive({"type": "visible", "tiles": {"V": 64}})
    page.until(lambda: bool(store.faults))
    assert list(store.faults) == ["gram"]
    assert "row 1, column 1 is infinite" in store.faults["gram"]


def _gram_of_large() -> Document:
    store = Store()
    store.dispatch(AddNode("Gram", id="gram", name="square", connect=(V, None)))
    store.dispatch(AddNode("ScalarMatrix", id="a", name="large", connect=("gram", None)))
    store.dispatch(SetParameters({("a", "sigma^2"): 1e200}))
    return store.document


def test_an_unfinished_model_is_blank_and_no_fault(open_page: OpenPage) -> None:
    store = Store()
    store.dispatch(AddNode("Sum", id="s", connect=(V, None)))
    frame = open_page(store).look("V", "node:s", "node:gone", "slice:nothing")
    assert frame["tiles"] == {}
    assert "V" in frame["clear"]
    assert store.faults == {}


def test_a_matrix_too_large_to_draw_is_said_once_and_does_no_harm(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MAX_DRAWN", 100)
    store = of_size(11)
    page = open_page(store)
    assert page.look("V")["clear"] == ["V"]
    page.until(lambda: store.message is not None)
    assert store.message is not None
    assert "11 × 11" in store.message.text
    assert store.problems == ()
    first = store.message
    page.drag("a", "rho", 0.2)
    page.drag("a", "rho", 0.3)
    assert store.message is first


def test_a_bug_in_a_round_does_not_stop_the_pictures(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = alpha()
    page = open_page(store)
    page.look("V")
    with monkeypatch.context() as patch:
        patch.setattr(pictures.Pictures, "order", lambda self: 1 / 0)
        ref = store.parameters()[0]
        assert page.drag(ref.node_id, ref.name, 0.5)["tiles"] == {}
    assert "V" in page.drag(ref.node_id, ref.name, 0.6)["tiles"]


# --- hover ---


def test_a_question_is_answered_with_names_and_the_exact_value(open_page: OpenPage) -> None:
    store = alpha()
    page = open_page(store)
    page.look(*keys_of(store))
    answer = page.ask("V", 0, 54, 2)
    v = value_of(store, "V")
    row, col = extreme(v, 0, 54, 2)
    assert answer.row.startswith(f"{row + 1} · ")
    assert answer.col.startswith(f"{col + 1} · ")
    assert float(answer.value) == pytest.approx(v[row, col], rel=1e-5)
    assert page.ask("V", 500, 0, 1).value == page.ask("node:nobody", 0, 0, 1).value == ""


def test_derivatives_in_theta_are_those_of_the_library_and_natural_ones_per_unit(open_page: OpenPage) -> None:
    store = alpha()
    page = open_page(store)
    ref = store.parameters()[0]
    store.dispatch(SetParameters({(ref.node_id, ref.name): 0.25}))
    key = f"slice:{ref.path}"
    page.look(key)
    assert value_of(store, key).max() == pytest.approx(0.5)  # d exp(2 theta) / d theta = 2 sigma^2
    store.derivatives = "natural"
    frame = page.frame()
    assert value_of(store, key).max() == pytest.approx(1.0)
    assert frame["tiles"][key]["limit"] == pytest.approx(1.0)


# --- the end of a session ---


def test_closing_stops_the_worker_and_later_messages_do_nothing() -> None:
    page = Page(alpha())
    page.look("V")
    before = threading.active_count()
    page.live.close()
    page.live.close()
    assert page.live.join(WAIT)
    assert threading.active_count() == before - 1
    page.receive({"type": "visible", "tiles": {"V": 10}})
    page.store.dispatch(SetParameters({(page.store.parameters()[0].node_id, "sigma^2"): 2.0}))
    assert page.loop.empty()


def test_a_store_has_one_live_evaluation_which_does_not_keep_it_alive() -> None:
    store = Store()
    live = Live.of(store)
    assert Live.of(store) is live
    live.close()
    if live._thread is not None:
        live._thread.join()  # it holds both until it has heard that it is over
    ghost = weakref.ref(store)
    del store, live
    gc.collect()
    assert ghost() is None


def test_what_was_read_of_a_matrix_that_is_gone_is_not_shown() -> None:
    """It has no names any more: the model was taken apart between the reading and the showing."""
    store = of_size(3)
    waiting: list[Callable[[], None]] = []
    live = Live(store, send=lambda *message: None, schedule=waiting.append)
    try:
        seen: list[Any] = []
        live._show_focus(seen.append, V, store.build, "present")
        build = store.build
        store.dispatch(RemoveNodes(tuple(store.document.nodes)))
        live._show_focus(seen.append, V, build, "gone")
        assert seen == ["present"]
    finally:
        live.close()


def test_a_cell_of_a_matrix_that_is_gone_is_not_told(open_page: OpenPage) -> None:
    """Its value is still there, and its names are those of another matrix by now, or of none."""
    store = of_size(3)
    page = open_page(store)
    page.look("V")
    assert page.ask("V", 0, 0, 1).value != ""
    store.dispatch(RemoveNodes(tuple(store.document.nodes)))
    assert page.ask("V", 0, 0, 1).value == ""
