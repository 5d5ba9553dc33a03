"""The Matrix tab."""

from __future__ import annotations

from covstudio.studio.session.tabs import TABS, Desk, Tab, TabView


def _make(desk: Desk) -> TabView:
    from covstudio.studio.matrix.focus import FocusView  # HoloViews takes long to import

    return FocusView(desk.store)


TABS.register(Tab("matrix", "Matrix", _make, order=20))
