"""The Data tab."""

from __future__ import annotations

from covstudio.studio.data.data import DataView
from covstudio.studio.session.tabs import TABS, Desk, Step, Tab, TabView


def _make(desk: Desk) -> TabView:
    return DataView(desk.store)


TABS.register(
    Tab(
        "data",
        "Data",
        _make,
        order=30,
        step=Step("Load a table (Data), and say which columns are factors and which is the response.", 10),
    )
)
