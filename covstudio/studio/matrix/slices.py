"""The dock: V, then the derivative of V in each free parameter, in the order of theta.

A click shows one large.
"""

from __future__ import annotations

from typing import Any

from covstudio.covariance.core.letters import parameter_label
from covstudio.document.build.built import ParameterRef
from covstudio.studio.matrix.messages import (
    SLICES,
    Differentiate,
    MoreSlices,
    ShowLarge,
    SlicesState,
    SliceSummary,
    SliceValues,
    VSummary,
)
from covstudio.studio.matrix.pictures import SLICE
from covstudio.studio.session.channel import Channel
from covstudio.studio.session.store import Store
from covstudio.studio.session.texts import shape_text

#: Derivatives that are listed before somebody asks for more, and how many more come.
FIRST, MORE = 60, 120


class SlicesView:
    """The dock of one session.

    Args:
        store: the session.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sent: dict[str, float] = {}
        self._listed = FIRST
        self._models = store.models  # which model the listed ones are of
        self.channel = Channel(
            SLICES,
            store,
            {
                ShowLarge: self._on_show_large,
                Differentiate: self._on_differentiate,
                MoreSlices: self._on_more,
            },
        )
        store.param.watch(self._draw, ["structure_version", "focus", "faults", "settled", "derivatives"])
        store.param.watch(self._follow, ["version"])
        self._draw()

    # --- drawing ---

    def _draw(self, *_events: Any) -> None:
        store = self._store
        if store.models != self._models:
            self._models, self._listed = store.models, FIRST
        free = [ref for ref in store.parameters() if not ref.fixed]
        listed = free[: self._listed]
        self._sent = {ref.path: ref.natural for ref in listed}
        v = store.build.v
        self.channel.show(
            SlicesState(
                v=None
                if v is None
                else VSummary(shape=shape_text((v.shape[0], v.shape[1])), rows=v.shape[0]),
                slices=[self._slice(ref) for ref in listed] if v is not None else [],
                more=len(free) - len(listed) if v is not None else 0,
                focus=store.focus_key,
                derivatives="theta" if store.derivatives == "theta" else "natural",
                waiting=self._waiting(),
            )
        )

    def _slice(self, ref: ParameterRef) -> SliceSummary:
        return SliceSummary(
            key=SLICE + ref.path,
            path=ref.path,
            symbol=parameter_label(ref.name),
            owner=self._store.document.nodes[ref.node_id].name,
            node=ref.node_id,
            value=ref.natural,
            fault=self._store.faults.get(ref.node_id),
        )

    def _waiting(self) -> str | None:
        """Why there is no V to show, in the words of the first problem."""
        store = self._store
        if store.build.v is not None or not store.document.nodes:
            return None
        problem = next(iter(store.build.problems), None)
        if problem is None:
            return None
        node = store.document.nodes.get(problem.node_id)
        about = "" if node is None else f"“{node.name}”: "
        return f"V is drawn here as soon as the model is complete. What is missing: {about}{problem.message}"

    def _follow(self, *_events: Any) -> None:
        """While a slider moves only the numbers travel, and only those that changed."""
        store = self._store
        if store.settled == store.version:
            return
        free = [ref for ref in store.parameters() if not ref.fixed]
        now = {ref.path: ref.natural for ref in free[: self._listed]}
        changed = {path: value for path, value in now.items() if self._sent.get(path) != value}
        if changed and now.keys() == self._sent.keys():
            self._sent = now
            self.channel.tell(SliceValues(values=changed))

    # --- messages ---

    def _on_show_large(self, chosen: ShowLarge) -> None:
        self._store.focus = chosen.key
        if chosen.node is not None and chosen.node in self._store.document.nodes:
            self._store.selection = (chosen.node,)

    def _on_more(self, _said: MoreSlices) -> None:
        self._listed += MORE
        self._draw()

    def _on_differentiate(self, chosen: Differentiate) -> None:
        self._store.derivatives = chosen.by
