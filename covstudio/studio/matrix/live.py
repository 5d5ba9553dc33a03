"""Pictures that follow the sliders.

There is one worker thread per session, the latest wish wins, and frames go out as bytes.

A slider message becomes a cheap `SetParameters`; the store's new version makes a frozen snapshot; the
worker turns the latest snapshot into tiles; the session's event loop sends them in one message. The browser
keeps one slider message in flight, so nothing queues anywhere.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import panel as pn
import torch

from covstudio.document.build.built import Build
from covstudio.document.changes.all import SetParameters
from covstudio.plots.raster import extreme
from covstudio.studio.matrix.labels import Labels, axis_labels
from covstudio.studio.matrix.messages import (
    PAINTER,
    CellValue,
    Drag,
    Paint,
    Ping,
    Query,
    Release,
    Visible,
)
from covstudio.studio.matrix.painter import colours, pack
from covstudio.studio.matrix.pictures import NODE, Array, Pictures, Snapshot, TooLarge, Unpaintable
from covstudio.studio.matrix.quantise import THUMBNAIL_PIXELS, TILE_PIXELS, Tile, Values
from covstudio.studio.session.channel import Channel
from covstudio.studio.session.event_loop import call_soon
from covstudio.studio.session.store import Store
from covstudio.studio.session.turns import take_turn, takes_long

log = logging.getLogger("covstudio")

#: A round longer than this shows what it has.
PARTIAL_SECONDS = 0.025
#: How often numbers beside a moving slider are told to the views.
PUBLISH_SECONDS = 0.1
#: A slider that has not moved for this long rests, whether or not the page said so.
QUIET_SECONDS = 0.5
_sessions = itertools.count(1)
#: On the store itself, so that the two go together.
_KEPT_AS = "_live"

Prepare = Callable[[str, "Callable[[], Array | None]", bool], Any]
Show = Callable[[Any], None]
Send = Callable[[Paint | CellValue, bytes | None], None]


class Live:
    """The live evaluation of one session.

    Args:
        store: the session's store.
        send: takes a message for the page and the bytes beside it, on the session's event loop with the
            document locked; its channel when left out.
        schedule: runs a function on the session's event loop; when left out, that of the Bokeh document
            the session belongs to, or at once where there is none (a notebook).
    """

    def __init__(
        self,
        store: Store,
        send: Send | None = None,
        schedule: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self.store = store
        self.channel = Channel(
            PAINTER,
            store,
            {
                Drag: self._on_drag,
                Release: lambda _: store.settle(),
                Visible: self._on_visible,
                Ping: self._on_ping,
                Query: self._on_query,
            },
        )
        self.channel.show(colours())
        self._send = send or self.channel.tell
        self._schedule = schedule or self._next_tick
        self._turn = schedule or self._next_turn
        self._session = next(_sessions)
        self._doc = pn.state.curdoc
        self._seq = 0
        self._visible: dict[str, int] = {}
        self._matrices: dict[str, Values] = {}  # exact values of what the page shows, for hover
        self._matrices_of: Build | None = None  # where they are from: its names are theirs, no other's
        self._followers: list[tuple[Prepare, Show]] = []
        self._told: str | None = None
        self._sent = (0, True)  # sequence number of the last frame, and whether its round was complete
        self._published = 0.0
        self._labels: tuple[int, dict[str, Labels]] = (-1, {})
        self._slot: Snapshot | None = None
        self._afresh = False
        self._asked: Snapshot | None = None
        self._stopping = False
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._watcher = store.param.watch(
            self._changed, ["moving", "version", "settled", "focus", "derivatives"]
        )
        # What is sent before the page says that it has loaded, Panel drops: nothing is begun until then.
        self._begun = self._doc is None or self._doc.session_context is None
        if not self._begun:
            pn.state.onload(self._begin)
            pn.state.on_session_destroyed(lambda _context: self.close())
        store.__dict__[_KEPT_AS] = self

    @classmethod
    def of(cls, store: Store) -> Live:
        """The live evaluation of a store, made when first asked for."""
        found: Live | None = vars(store).get(_KEPT_AS)
        return found or cls(store)

    # --- the page speaks ---

    def _begin(self) -> None:
        self._begun = True
        self._ask()

    def again(self) -> None:
        """Send every picture once more: the page has missed some."""
        self._afresh = True
        self._ask()

    def _on_drag(self, drag: Drag) -> None:
        self._seq = max(self._seq, drag.seq)
        place = (drag.node, drag.param)
        gesture = f"drag {self._session}.{drag.gesture} {drag.node}/{drag.param}"
        before = self.store.document
        if math.isfinite(drag.value):
            self.store.dispatch(SetParameters({place: drag.value}, merge_key=gesture), quiet=True)
        if self.store.document is before:  # nothing changed, but the page waits for an answer
            self._request()

    def _on_visible(self, sight: Visible) -> None:
        visible: dict[str, int] = {}
        for key, pixels in sight.tiles.items():
            most = THUMBNAIL_PIXELS if key.startswith(NODE) else TILE_PIXELS
            visible[key] = min(max(pixels, 1), most)
        self._visible = visible
        self._request()

    def _on_ping(self, ping: Ping) -> None:
        """An empty frame at once: what the way there and back costs by itself."""
        self._seq = max(self._seq, ping.seq)
        self._schedule(partial(self._send, *pack(ping.seq, [])))

    def _on_query(self, asked: Query) -> None:
        matrix = self._matrices.get(asked.key) if self._matrices_of is self.store.build else None
        answer = CellValue(id=asked.id, row="", col="", value="")
        if matrix is not None and asked.row < matrix.shape[0] and asked.col < matrix.shape[1]:
            block = matrix.rows(asked.row, asked.row + asked.size)
            row, col = extreme(block, 0, asked.col, asked.size)
            rows, cols = self.labels(asked.key)
            names = rows[asked.row + row], cols[col]
            answer = CellValue(id=asked.id, row=names[0], col=names[1], value=f"{block[row, col]:.6g}")
        self._schedule(partial(self._send, answer, None))

    # --- the store speaks ---

    def _changed(self, *_events: Any) -> None:
        self._request()

    def follow_focus(self, prepare: Prepare, show: Show) -> Callable[[], None]:
        """Hand over the exact values of the focused matrix whenever they change.

        Args:
            prepare: called in the worker with (key, matrix, settled), where the matrix is to be called for:
                nothing is computed for who does not. It is None when it cannot be computed; the reason is in
                `store.problems`. It must not touch the store.
            show: called on the event loop with what `prepare` returned, unless that was None.

        Returns:
            A function that asks for the values once more, after `prepare` wants something else of them.
        """
        self._followers.append((prepare, show))
        self._ask()
        return self._ask

    def labels(self, key: str) -> Labels:
        """Names of the rows and of the columns of a key's matrix, kept while the structure stays."""
        version = self.store.structure_version
        if self._labels[0] != version:
            self._labels = (version, {})
        known = self._labels[1]
        if key not in known:
            known[key] = axis_labels(self.store, key)
        return known[key]

    def _request(self) -> None:
        wish = self._snapshot()
        if wish != self._asked:  # frozen parts are compared by identity first, so this costs nothing
            self._ask(wish)

    def _snapshot(self) -> Snapshot:
        store = self.store
        self._doc = self._doc or pn.state.curdoc  # where the store was made before there was a session
        return Snapshot(
            seq=self._seq,
            document=store.document,
            build=store.build,
            visible=dict(self._visible),
            focus=store.focus_key if self._followers else None,
            settled=store.at_rest,
            derivatives=store.derivatives,
        )

    def _ask(self, wish: Snapshot | None = None) -> None:
        """Wake the worker, also when what it is asked for is what it was asked for last."""
        wish = self._asked = wish or self._snapshot()
        with self._wake:
            if self._stopping or not self._begun:
                return
            self._slot = wish
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=f"live-{self._session}", daemon=True)
                self._thread.start()
            self._wake.notify()

    def close(self) -> None:
        """Stop the worker; called when the session ends. Closing twice is fine."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        with contextlib.suppress(ValueError):
            self.store.param.unwatch(self._watcher)

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the worker has ended after `close`; True when it has."""
        if self._thread is not None:
            self._thread.join(timeout)
        return self._thread is None or not self._thread.is_alive()

    # --- the worker ---

    def _work(self) -> None:
        torch.set_num_threads(1)
        pictures = Pictures()
        late: list[str] = []
        resting = True
        while True:
            with self._wake:
                while self._slot is None and not self._stopping:
                    if not self._wake.wait(None if resting else QUIET_SECONDS):
                        resting = True
                        self._turn(self.store.settle)
                if self._stopping:
                    return
                snapshot, self._slot = self._slot, None
                afresh, self._afresh = self._afresh, False
            assert snapshot is not None
            if afresh:
                pictures = Pictures()
            resting = snapshot.settled
            try:
                late = self._round(pictures, snapshot, late)
            except Exception:
                log.exception("a round of pictures failed")
                pictures, late = Pictures(), []
                self._schedule(partial(self._show, _Outcome(snapshot, done=True)))

    def _round(self, pictures: Pictures, snapshot: Snapshot, late: Collection[str]) -> list[str]:
        """Make every tile that changed; returns the keys that a newer wish pushed out.

        They come first next time.
        """
        began = flushed = time.perf_counter()
        pictures.begin(snapshot)
        order = pictures.order()
        order = order[:1] + sorted(order[1:], key=lambda key: key not in late)
        faults: dict[str, str] = {}
        out = _Outcome(snapshot)
        for at, key in enumerate(order):
            try:
                tile = pictures.tile(key)
                out.matrices[key] = pictures.shown(key)
                if tile is not None:
                    out.tiles.append((key, tile))
            except Unpaintable as error:
                pictures.forget(key)
                out.blank.append(key)
                if isinstance(error, TooLarge):
                    out.notice = str(error)
                elif error.node is not None:
                    faults.setdefault(error.node, str(error))
            now = time.perf_counter()
            if now - flushed > PARTIAL_SECONDS and at + 1 < len(order):
                flushed, out.work = now, 1000 * (now - began)
                self._schedule(partial(self._show, out))
                out = _Outcome(snapshot)
                if self._slot is not None:
                    return order[at + 1 :]
        out.work = 1000 * (time.perf_counter() - began)
        out.faults, out.done = faults, True
        self._schedule(partial(self._show, out))
        if snapshot.focus is not None and self._slot is None:
            self._focused(pictures, snapshot, snapshot.focus)
        return []

    def _focused(self, pictures: Pictures, snapshot: Snapshot, key: str) -> None:
        def matrix() -> Array | None:
            with contextlib.suppress(Unpaintable):
                return pictures.matrix(key)
            return None

        for prepare, show in self._followers:
            prepared = prepare(key, matrix, snapshot.settled)
            if prepared is not None:
                self._schedule(partial(self._show_focus, show, key, snapshot.build, prepared))

    # --- back on the event loop ---

    def _next_tick(self, function: Callable[[], None]) -> None:
        if not self._stopping:
            call_soon(self._doc, function)

    def _next_turn(self, function: Callable[[], None]) -> None:
        if not self._stopping:
            take_turn(self._doc, function)

    def _tell_faults(self, build: Build, faults: dict[str, str]) -> None:
        """Have the views draw what cannot be computed, where that is another than before."""

        def tell() -> None:
            if build is self.store.build:
                self.store.faults = faults

        if faults != self.store.faults and takes_long(self._doc):
            self._turn(tell)
        else:
            tell()

    def _show(self, out: _Outcome) -> None:
        if self._stopping:
            return
        snapshot = out.snapshot
        if out.tiles or out.blank or (snapshot.seq, out.done) != self._sent:
            self._sent = (snapshot.seq, out.done)
            self._send(*pack(snapshot.seq, out.tiles, done=out.done, clear=out.blank, work=out.work))
        if self._matrices_of is not snapshot.build:
            self._matrices, self._matrices_of = {}, snapshot.build
        self._matrices.update(out.matrices)
        now = time.perf_counter()
        if not snapshot.settled and now - self._published > PUBLISH_SECONDS:
            self._published = now
            self._turn(self._publish)  # behind the frame, so that no picture waits for a number
        for key in out.blank:
            self._matrices.pop(key, None)
        if out.faults is not None and snapshot.build is self.store.build:
            self._tell_faults(snapshot.build, out.faults)
            for key in self._matrices.keys() - snapshot.visible.keys():
                del self._matrices[key]
        if out.notice is not None and out.notice != self._told:
            self._told = out.notice
            about = snapshot.build
            self.store.notify(out.notice, "warning", stands=lambda: self.store.build is about)

    def _publish(self) -> None:
        with self.channel.together():
            self.store.publish()

    def _show_focus(self, show: Show, key: str, build: Build, prepared: Any) -> None:
        # What was read of matrices that were built anew since has no names any more; a newer round follows.
        if not self._stopping and key == self.store.focus_key and build is self.store.build:
            show(prepared)


@dataclass
class _Outcome:
    """What a round, or the part of one that is ready, brings back to the event loop."""

    snapshot: Snapshot
    tiles: list[tuple[str, Tile]] = field(default_factory=list)
    blank: list[str] = field(default_factory=list)
    matrices: dict[str, Values] = field(default_factory=dict)
    done: bool = False  # False while more of the round is to come
    faults: dict[str, str] | None = None  # known when the round went through to its end
    notice: str | None = None
    work: float = 0.0
