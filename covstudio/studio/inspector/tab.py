"""The Model area: the inspector, beside palette and canvas."""

from __future__ import annotations

from covstudio.studio.inspector.inspector import Inspector
from covstudio.studio.session.tabs import TABS, Desk, Step, Tab, TabView


def _make(desk: Desk) -> TabView:
    return Inspector(desk.store, open_tab=desk.open_tab)


TABS.register(
    Tab(
        "inspector",
        "Model",
        _make,
        order=10,
        step=Step("Drag a slider (Model) and watch V and its derivatives follow.", 30),
    )
)
