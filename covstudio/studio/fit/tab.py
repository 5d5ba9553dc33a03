"""The Results area."""

from __future__ import annotations

from covstudio.studio.fit.view import FitView
from covstudio.studio.session.tabs import TABS, Desk, Step, Tab, TabView

NAME = "fit"


def _make(desk: Desk) -> TabView:
    return FitView(
        desk.store, desk.download, open_tab=desk.open_tab, done=lambda mark: desk.mark_tab(NAME, mark)
    )


TABS.register(
    Tab(
        NAME,
        "Results",
        _make,
        order=40,
        keywords=("heritability", "share of variance", "derived quantity", "BLUP", "estimates"),
        step=Step("Name the fixed effects and press Fit (Results). Undo takes the estimates back.", 40),
    )
)
