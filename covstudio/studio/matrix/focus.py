"""The large plot: one matrix to read values from, with hover, axes, colour bar and zoom.

A moved slider is followed a few times a second, and once more when it rests.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from panel.viewable import Viewable

from covstudio.covariance.core.letters import parameter_label
from covstudio.studio.matrix.live import Live
from covstudio.studio.matrix.messages import (
    MATRIX,
    MatrixFact,
    MatrixState,
    Mode,
    PlotSeen,
    ReadAs,
)
from covstudio.studio.matrix.pictures import NODE, SLICE, Array
from covstudio.studio.matrix.plot import Plot
from covstudio.studio.matrix.reading import MODES, Reading, modes_of, read
from covstudio.studio.session.channel import Channel
from covstudio.studio.session.shared import ShownProblem
from covstudio.studio.session.store import Store
from covstudio.studio.session.tabs import TabView
from covstudio.studio.session.texts import shape_text
from covstudio.studio.session.turns import on_loop

#: Seconds between two drawings while a slider moves.
PAUSE = 0.15
_TITLES = {"value": "Covariance", "correlation": "Correlation", "log": "log₁₀ |value|"}


class FocusView(TabView):
    """The large plot of one session.

    Args:
        store: the session.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._live = Live.of(store)
        self._wish: Mode = "value"
        self._visible = True
        self._drawn = 0.0
        self._reading: Reading | None = None
        self._modes: Sequence[Mode] = MODES
        self.channel = Channel(MATRIX, store, {ReadAs: self._on_read_as, PlotSeen: self._on_seen})
        self._plot = Plot(lambda: store.dark, self._live.labels)
        store.param.watch(self._describe, ["focus", "faults", "structure_version", "derivatives"])
        store.param.watch(lambda *_events: on_loop(self._plot.restyle), ["dark"])
        self._again = self._live.follow_focus(self._prepare, self._show)
        self._describe()

    @property
    def line(self) -> Channel:
        """What the view and its page say to each other."""
        return self.channel

    def panel(self) -> Viewable:
        """The plot, which the page has below what stands above it."""
        return self._plot.pane

    # --- what stands above the plot ---

    def _describe(self, *_events: Any) -> None:
        store, key = self._store, self._store.focus_key
        reading = self._reading if self._reading is not None and self._reading.key == key else None
        title, about, node = self._title(key)
        problem = self._problem(node) if reading is None or node in store.faults else None
        derivative = key.startswith(SLICE)
        self.channel.show(
            MatrixState(
                title=title,
                about=about,
                shape=None if reading is None else shape_text(reading.shape),
                facts=[]
                if reading is None
                else [MatrixFact(name=name, text=text) for name, text in reading.facts],
                mode="value" if reading is None else reading.mode,
                modes=list(self._modes),
                first="Derivative"
                if derivative
                else "Covariance"
                if "correlation" in self._modes
                else "Value",
                derivative=derivative,
                formula=not key.startswith(NODE),
                problem=problem,
            )
        )
        on_loop(lambda: setattr(self._plot.pane, "visible", reading is not None))

    def _problem(self, node: str | None) -> ShownProblem | None:
        """Why there is nothing to read: a problem of the node itself, or else the first there is."""
        store = self._store
        found = [p for p in store.problems if p.node_id == node] or list(store.problems)
        if not found:
            return None
        where = store.document.nodes.get(found[0].node_id)
        about = f"“{where.name}”: " if where is not None and where.id != node else ""
        return ShownProblem(text=about + found[0].message, severity=found[0].severity)

    def _title(self, key: str) -> tuple[str, str, str | None]:
        """Title, what it is about, and the node it belongs to."""
        store = self._store
        if key.startswith(NODE):
            node = store.document.nodes[key.removeprefix(NODE)]
            return node.name, "part of V" if node.id in store.build.paths else "not connected to V", node.id
        if key.startswith(SLICE):
            path = key.removeprefix(SLICE)
            ref = next((ref for ref in store.build.parameters if ref.path == path), None)
            if ref is not None:
                owner = store.document.nodes[ref.node_id].name
                symbol = parameter_label(ref.name)
                if store.derivatives == "theta":
                    return "∂V/∂θ", f"{symbol} of {owner}", ref.node_id
                return f"∂V/∂{symbol}", owner, ref.node_id
        return "V", "covariance of the data", store.document.v

    # --- new values ---

    def _prepare(
        self, key: str, matrix_of: Callable[[], Array | None], settled: bool
    ) -> tuple[Reading | None, Sequence[Mode]] | None:
        """In the worker: the reading, unless nobody looks or the last one is too recent."""
        now = time.monotonic()
        if not self._visible or (not settled and now - self._drawn < PAUSE):
            return None
        self._drawn = now
        matrix = matrix_of()
        if matrix is None:
            return None, MODES
        return read(key, matrix, self._wish, settled), modes_of(key, matrix)

    def _show(self, prepared: tuple[Reading | None, Sequence[Mode]]) -> None:
        before, (self._reading, self._modes) = self._reading, prepared
        if self._reading is None or self._reading.settled or before is None:
            self._describe()
        if self._reading is None:
            self._plot.forget()
        else:
            self._plot.show(self._reading, self._bar_title(self._reading))

    def _bar_title(self, reading: Reading) -> str:
        if reading.mode == "value" and reading.key.startswith(SLICE):
            by = self._title(reading.key)[0].removeprefix("∂V/∂")
            return f"change of V per unit of {by}"
        if reading.mode == "value" and "correlation" not in self._modes:
            return "Value"
        return _TITLES[reading.mode]

    # --- messages ---

    def _on_read_as(self, wish: ReadAs) -> None:
        self._wish = wish.mode
        self._drawn = 0.0
        self._again()

    def _on_seen(self, seen: PlotSeen) -> None:
        self._visible = seen.visible
        if self._visible:
            self._drawn = 0.0
            self._again()
