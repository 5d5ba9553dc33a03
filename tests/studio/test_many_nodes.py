"""A model of many nodes: what opening it costs grows as it does, counted without a clock."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from benchmarks.trials import many_nodes
from covstudio.studio.matrix.pictures import NODE, Pictures, Snapshot
from covstudio.studio.page.page import Page
from covstudio.studio.session.store import Store


def calls(act: Callable[[], object]) -> int:
    """How many functions of Python are called."""
    count = 0

    def seen(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        act()
    finally:
        sys.setprofile(before)
    return count


def opened(document_of: Store) -> Page:
    """A page of a model that is built anew."""
    return Page(Store(document_of.document, document_of.tables.values()))


def painted(store: Store) -> None:
    """Every picture of a model."""
    visible = dict.fromkeys(["V", *(NODE + node for node in store.document.nodes)], 96)
    pictures = Pictures()
    pictures.begin(Snapshot(1, store.document, store.build, visible))
    for key in pictures.order():
        assert pictures.tile(key) is not None


def test_twice_the_nodes_cost_about_twice_as_much() -> None:
    opened(many_nodes(20)).close()  # what is done once for all
    painted(many_nodes(20))
    costs: dict[int, dict[str, int]] = {}
    for nodes in (100, 200):
        store = many_nodes(nodes)
        pages: list[Page] = []
        costs[nodes] = {
            "open": calls(lambda store=store, pages=pages: pages.append(opened(store))),  # type: ignore[misc]
            "paint": calls(lambda store=store: painted(store)),  # type: ignore[misc]
            "state": len(pages[0].root.canvas),
        }
        pages[0].close()
    for what, cost in costs[200].items():
        assert cost <= 2.3 * costs[100][what], f"{what}: {costs}"
