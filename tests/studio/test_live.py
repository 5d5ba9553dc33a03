"""The live evaluation without a browser: what is computed, in which order, and what is said when it fails."""

from __future__ import annotations

import gc
import json
import queue
import re
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import pytest
import torch
from bokeh.document import Document as BokehDocument
from panel.io.state import state

from covstudio.covariance import Evaluation
from covstudio.data.examples import load_example
from covstudio.document.changes.all import (
    AddNode,
    Batch,
    ReplaceDocument,
    SetArgument,
    SetData,
    SetFixed,
    SetParameters,
)
from covstudio.document.files.templates import templates
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns, Levels, V
from covstudio.studio.matrix import pictures
from covstudio.studio.matrix.colours import THEMES, palette, table
from covstudio.studio.matrix.focus import INK
from covstudio.studio.matrix.labels import axis_labels
from covstudio.studio.matrix.live import Live
from covstudio.studio.matrix.quantise import extreme, locate, quantise, shrink
from covstudio.studio.matrix.reading import modes_of, read
from covstudio.studio.session.resources import read_asset
from covstudio.studio.session.store import Store
from tests.document.document_models import trial

WAIT = 20.0


class Page:
    """A page without a browser: it keeps what it is sent, and runs the event loop's functions when told.

    Args:
        store: the session.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.loop: queue.Queue[Callable[[], None]] = queue.Queue()
        self.sent: list[dict[str, Any]] = []
        self.seq = 0
        self.live = Live(store, send=lambda message: self.sent.append(dict(message)), schedule=self.loop.put)

    def look(self, *keys: str, pixels: int = 64) -> dict[str, Any]:
        """Look at these tiles; the frame that comes."""
        self.live.receive({"type": "visible", "tiles": dict.fromkeys(keys, pixels)})
        return self.frame()

    def drag(self, node: str, name: str, value: float, gesture: int = 1) -> dict[str, Any]:
        """Move a slider; the frame that comes."""
        self.seq += 1
        self.live.receive(
            {"type": "drag", "seq": self.seq, "node": node, "param": name, "value": value, "gesture": gesture}
        )
        return self.frame(self.seq)

    def frame(self, seq: int = 0) -> dict[str, Any]:
        """Run the event loop until a complete frame with at least this sequence number was sent."""
        tiles: dict[str, Any] = {}
        clear: list[str] = []
        while True:
            while self.sent:
                message = self.sent.pop(0)
                if message["type"] != "frame":
                    continue
                head = json.loads(message["head"])
                for tile in head["tiles"]:
                    size = tile["rows"] * tile["cols"]
                    tile["codes"] = np.frombuffer(message["data"], np.uint8, size, tile["offset"])
                    tiles[tile["key"]] = tile
                clear += head.get("clear", [])
                if head["done"] and head["seq"] >= seq:
                    return {"seq": head["seq"], "tiles": tiles, "clear": clear}
            self.loop.get(timeout=WAIT)()

    def until(self, condition: Callable[[], bool]) -> None:
        """Run the event loop until something holds."""
        while not condition():
            self.loop.get(timeout=WAIT)()

    def ask(self, key: str, row: int, col: int, rows: int, cols: int) -> dict[str, Any]:
        """The answer to a question about one cell."""
        self.sent.clear()
        self.live.receive(
            {"type": "query", "id": 7, "key": key, "row": row, "col": col, "rows": rows, "cols": cols}
        )
        assert not self.sent  # it is sent from the event loop, with the document locked
        self.until(lambda: any(message["type"] == "value" for message in self.sent))
        return next(message for message in self.sent if message["type"] == "value")


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


def alpha() -> Store:
    """The John & Williams alpha design with its template."""
    store = Store()
    store.load_table(load_example("john_alpha"))
    model = templates()[0].document(store.table, store.document.roles)
    assert store.table is not None
    data = SetData(store.table.name, store.document.roles, store.document.response)
    assert store.dispatch(Batch((ReplaceDocument(model), data), label="Start"))
    assert store.build.v is not None
    return store


def of_size(n: int, kind: str = "AR1Matrix") -> Store:
    """One structure of a size as V; its id is "a"."""
    store = Store()
    store.dispatch(AddNode(kind, id="a", connect=(V, None)))
    store.dispatch(SetArgument("a", "n", n))
    return store


def keys_of(store: Store) -> list[str]:
    return [
        "V",
        *("slice:" + ref.path for ref in store.parameters()),
        *("node:" + i for i in store.document.nodes),
    ]


SCALES: dict[str, Literal["raw", "natural"]] = {"theta": "raw", "natural": "natural"}


def value_of(store: Store, key: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """What a key shows, straight from the library."""
    evaluation, build, document = Evaluation(), store.build, store.document
    assert build.v is not None
    if key.startswith("node:"):
        node = key.removeprefix("node:")
        return evaluation.value(build.matrices[node], build.naturals(node, document)).numpy()
    natural = build.naturals(V, document)
    if key == "V":
        return evaluation.value(build.v, natural).numpy()
    return evaluation.slice(
        build.v, natural, key.removeprefix("slice:"), scale=SCALES[store.derivatives]
    ).numpy()


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
        assert tile["shape"] == list(value_of(store, key).shape)


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
    page.live.receive({"type": "release"})
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
    page.live._send = lambda message: (order.append("frame"), send(message))  # type: ignore[assignment, func-returns-value]
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
        page.live.receive({"type": "release"})
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
    slice_of = Evaluation.slice

    def spy(self: Evaluation, matrix: Any, natural: Any, name: str, scale: Any = "raw") -> Any:
        asked.append(name)
        return slice_of(self, matrix, natural, name, scale)

    monkeypatch.setattr(Evaluation, "slice", spy)
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
    assert page.look("V", pixels=5000)["tiles"]["V"]["rows"] == 250
    assert page.look("node:a", pixels=5000)["tiles"]["node:a"]["rows"] == 96


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
        "text",
        None,
    ):
        page.live.receive(message)
    page.live.receive({"type": "query", "id": 1, "key": "V", "row": 500, "col": 0, "rows": 72, "cols": 72})
    page.live.receive({"type": "drag", "seq": 1, "node": "n1", "param": "x", "value": "a lot"})
    assert page.look("V")["tiles"]


def test_nothing_is_sent_before_the_page_has_loaded(open_page: OpenPage, loading: BokehDocument) -> None:
    """Panel drops what changes in between; what the page said early is answered afterwards."""
    page = open_page(alpha())
    page.live.receive({"type": "visible", "tiles": {"V": 64}})
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
        page.live.receive({"type": "drag", "seq": seq, "node": "a", "param": "rho", "value": seq / 100})
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
    page.live.receive({"type": "visible", "tiles": {"V": 64}})
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
    monkeypatch.setattr(pictures, "MAX_ENTRIES", 100)
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
    answer = page.ask("V", 0, 27, 64, 64)
    v = value_of(store, "V")
    row, col = extreme(v, 64, 0, 27)
    assert answer["row"].startswith(f"{row + 1} · ")
    assert answer["col"].startswith(f"{col + 1} · ")
    assert float(answer["value"]) == pytest.approx(v[row, col], rel=1e-5)
    assert page.ask("node:nobody", 0, 0, 4, 4)["value"] == ""


def test_names_come_from_the_data() -> None:
    store = alpha()
    by_name = {node.name: "node:" + node.id for node in store.document.nodes.values()}
    plots, genotypes = axis_labels(store, by_name["genotype design"])
    assert plots[0] == "1 · R1 · B1 · G11"
    assert genotypes[:2] == ["G01", "G02"]
    assert axis_labels(store, by_name["genotype variance"]) == (genotypes, genotypes)
    assert axis_labels(store, by_name["block variance"])[0][1] == "R1 · B2"
    assert axis_labels(store, "V") == (plots, plots)
    assert axis_labels(store, by_name["residual"]) == (plots, plots)
    with pytest.raises(KeyError):
        axis_labels(Store(), "V")


def test_names_follow_the_sides_that_operators_say_are_the_same() -> None:
    store = Store()
    store.load_table(trial())
    for change in (
        AddNode("Gram", id="gram", arguments={"gram_type": "xtx"}),
        AddNode("DummyMatrix", id="z", arguments={"factors": Columns(("gen",))}, connect=("gram", None)),
        AddNode("KroneckerSum", id="both"),
        AddNode("ScalarMatrix", id="a", arguments={"n": Levels(("rep",))}, connect=("both", "a")),
        AddNode("AR1Matrix", id="b", arguments={"n": Levels(("gen",))}, connect=("both", "b")),
        AddNode("Augment", id="beside"),
        AddNode("DummyMatrix", id="left", arguments={"factors": Columns(("rep",))}, connect=("beside", None)),
        AddNode("DesignMatrix", id="right", arguments={"columns": Columns(("x",))}, connect=("beside", None)),
        AddNode("Transpose", id="turned"),
        AddNode("DummyMatrix", id="y", arguments={"factors": Columns(("gen",))}, connect=("turned", None)),
    ):
        assert store.dispatch(change)
    levels = ["G1", "G2", "G3"]
    assert axis_labels(store, "node:gram") == (levels, levels)
    crossed = [f"{rep}, {gen}" for rep in ("R1", "R2") for gen in levels]
    assert axis_labels(store, "node:both") == (crossed, crossed)
    plots, columns = axis_labels(store, "node:beside")
    assert len(plots) == 6
    assert columns == ["R1", "R2", "x"]
    assert axis_labels(store, "node:turned")[0] == levels


def test_names_without_data_are_numbers() -> None:
    assert axis_labels(of_size(3), "V") == (["1", "2", "3"], ["1", "2", "3"])


# --- the end of a session ---


def test_closing_stops_the_worker_and_later_messages_do_nothing() -> None:
    page = Page(alpha())
    page.look("V")
    before = threading.active_count()
    page.live.close()
    page.live.close()
    assert page.live.join(WAIT)
    assert threading.active_count() == before - 1
    page.live.receive({"type": "visible", "tiles": {"V": 10}})
    page.store.dispatch(SetParameters({(page.store.parameters()[0].node_id, "sigma^2"): 2.0}))
    assert page.loop.empty()


def test_a_store_has_one_live_evaluation_which_does_not_keep_it_alive() -> None:
    store = Store()
    live = Live.of(store)
    assert Live.of(store) is live
    live.close()
    ghost = weakref.ref(store)
    del store, live
    gc.collect()
    assert ghost() is None


# --- codes and colours ---


def test_sparse_entries_survive_shrinking() -> None:
    matrix = np.zeros((997, 997))
    matrix[13, 700] = 0.5
    matrix[700, 13] = -0.25
    small = shrink(matrix, 60)
    assert small.shape == (60, 60)
    assert (small.max(), small.min(), np.count_nonzero(small)) == (0.5, -0.25, 2)


@pytest.mark.parametrize(("n", "m", "pixels"), [(7, 7, 3), (100, 40, 64), (500, 3, 250), (1, 900, 96)])
def test_shrinking_shows_each_block_by_its_extreme(n: int, m: int, pixels: int) -> None:
    matrix = np.random.default_rng(n).normal(size=(n, m))
    small = shrink(matrix, pixels)
    values, rows, cols = locate(matrix, pixels)
    assert np.array_equal(np.abs(small), np.abs(values))
    assert np.array_equal(matrix[rows, cols], values)
    for cell in ((0, 0), (small.shape[0] - 1, small.shape[1] - 1)):
        assert extreme(matrix, pixels, *cell) == (rows[cell], cols[cell])


@pytest.mark.parametrize("value", [0.0, 1e-320, 1e-200, 1.0, 1e300])
def test_codes_of_any_magnitude(value: float) -> None:
    tile = quantise(np.full((2, 2), value), 8)
    assert tile.scale == "sequential"
    assert set(tile.codes) == ({255} if value > 1e-300 else {0})


def test_zero_is_128_in_a_signed_matrix_and_the_limits_are_symmetric() -> None:
    tile = quantise(np.array([[2.0, 0.0], [-1.0, -2.0]]), 8)
    assert (tile.scale, list(tile.codes)) == ("diverging", [255, 128, 65, 1])


@pytest.mark.parametrize("theme", THEMES)
def test_zero_is_the_surface_and_lightness_runs_one_way(theme: str) -> None:
    surface = {"light": "#ffffff", "dark": "#16191f"}[theme]
    for scale, zero in (("sequential", 0), ("diverging", 128)):
        assert table(scale, theme)[zero, 3] == 0
        colours = palette(scale, theme, surface)
        assert colours[zero] == surface
        light = [_luminance(colour) for colour in colours]
        arms = [light[zero:]] if zero == 0 else [light[zero:], light[zero::-1]]
        for arm in arms:
            steps = np.diff(arm)
            assert (steps <= 1e-3).all() if theme == "light" else (steps >= -1e-3).all()
            assert abs(arm[-1] - arm[0]) > 0.55


def test_the_plot_knows_the_surfaces_of_the_theme() -> None:
    css = read_asset("theme.css")
    light, dark = css.split(':root[data-cs-theme="dark"]', 1)
    for theme, rules in (("light", light), ("dark", dark)):
        muted, border, surface = (
            re.search(rf"--cs-{name}: (#[0-9a-f]{{6}})", rules)[1]  # type: ignore[index]
            for name in ("muted", "border", "surface")
        )
        assert INK[theme] == (muted, border, surface)


def _luminance(colour: str) -> float:
    rgb = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


# --- the large plot's reading ---


def test_correlations_are_those_of_the_matrix() -> None:
    v = torch.tensor([[4.0, 1.0], [1.0, 9.0]], dtype=torch.float64).numpy()
    reading = read("V", v, "correlation", True)
    assert reading.cells.ravel().tolist() == pytest.approx([1.0, 1 / 6, 1 / 6, 1.0])
    assert (reading.low, reading.high, reading.scale) == (0.0, 1.0, "sequential")


def test_readings_that_do_not_suit_fall_back_to_the_values() -> None:
    assert modes_of("V", np.eye(2)) == ("value", "correlation", "log")
    assert modes_of("slice:rho", np.eye(2)) == ("value", "log")
    assert modes_of("node:z", np.ones((3, 2))) == ("value", "log")
    assert modes_of("V", np.diag([1.0, 0.0])) == ("value", "log")
    assert read("V", np.diag([1.0, 0.0]), "correlation", True).mode == "value"


def test_logarithms_leave_zero_blank() -> None:
    reading = read("V", np.array([[100.0, 0.0], [0.0, -0.1]]), "log", True)
    assert np.isnan(reading.cells[0, 1])
    assert (reading.low, reading.high) == (-1.0, 2.0)
    assert read("V", np.zeros((2, 2)), "log", True).high == 1.0


def test_a_large_matrix_is_read_cell_by_cell_with_its_places() -> None:
    matrix = np.zeros((1000, 1000))
    matrix[777, 3] = 2.0
    for settled, size in ((True, 500), (False, 200)):
        reading = read("V", matrix, "value", settled)
        assert reading.cells.shape == (size, size)
        cell = np.unravel_index(int(reading.cells.argmax()), reading.cells.shape)
        assert (reading.rows[cell], reading.cols[cell]) == (777, 3)


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
