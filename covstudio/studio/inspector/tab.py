"""The Inspector tab."""

from __future__ import annotations

from covstudio.studio.inspector.inspector import Inspector
from covstudio.studio.session.tabs import TABS, Desk, Step, Tab, TabView


def _make(desk: Desk) -> TabView:
    return Inspector(desk.store, open_tab=desk.open_tab)


TABS.register(
    Tab(
        "inspector",
        "Inspector",
        _make,
        order=10,
        step=Step("Drag a slider (Inspector) and watch V and its derivatives follow.", 30),
    )
)
