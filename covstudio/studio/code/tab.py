"""The Code tab."""

from __future__ import annotations

from covstudio.studio.code.code import CodeView
from covstudio.studio.session.tabs import TABS, Desk, Step, Tab, TabView


def _make(desk: Desk) -> TabView:
    return CodeView(desk.store, desk.download)


TABS.register(
    Tab(
        "code",
        "Code",
        _make,
        order=50,
        step=Step("Copy the Python code (Code), or save the model as a file.", 50),
    )
)
