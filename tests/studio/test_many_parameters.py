"""A model of very many parameters: what the page has of it stays small, and all of it can be reached."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.trials import many_nodes
from covstudio.covariance.core.letters import parameter_label
from covstudio.document.changes.all import AddNode, SetArgument
from covstudio.document.model.node import V
from covstudio.studio.canvas.canvas import CanvasView
from covstudio.studio.canvas.cards import card
from covstudio.studio.inspector import listing
from covstudio.studio.inspector.inspector import Inspector
from covstudio.studio.matrix import slices
from covstudio.studio.matrix.slices import SlicesView
from covstudio.studio.session.store import Store
from tests.studio.states import state_of

#: Rows, and parameters, of an unstructured matrix.
ROWS, PARAMETERS = 30, 465


def unstructured(rows: int = ROWS) -> Store:
    """A model of one unstructured matrix."""
    store = Store()
    store.dispatch(AddNode("UnstructuredMatrix", 0.0, 0.0, connect=(V, None), id="u"))
    store.dispatch(SetArgument("u", "n", rows))
    return store


@pytest.fixture
def store() -> Store:
    made = unstructured()
    assert len(made.parameters()) == PARAMETERS
    return made


def page_of(inspector: Inspector) -> dict[str, Any]:
    page: dict[str, Any] = state_of(inspector)["page"]
    return page


def names(inspector: Inspector) -> list[str]:
    """The parameters that are listed."""
    page = page_of(inspector)
    groups = page["groups"] if page["mode"] == "model" else [page]
    return [row["param"] for group in groups for row in group["parameters"]]


def test_the_first_parameters_are_listed_and_the_rest_when_somebody_asks(store: Store) -> None:
    inspector = Inspector(store)
    every = [ref.name for ref in store.parameters()]
    for shown in (listing.FIRST, listing.FIRST + listing.MORE, listing.FIRST + 2 * listing.MORE, PARAMETERS):
        assert names(inspector) == every[:shown]
        assert page_of(inspector)["groups"][0]["count"] == PARAMETERS
        inspector.channel.take({"type": "more-parameters", "node": "u"})
    store.selection = ("u",)
    assert names(inspector) == every[: listing.FIRST], "another page begins anew"
    assert page_of(inspector)["count"] == PARAMETERS


@pytest.mark.parametrize("selected", [False, True])
def test_a_parameter_is_found_by_its_name_and_can_be_set(store: Store, selected: bool) -> None:
    inspector = Inspector(store)
    if selected:
        store.selection = ("u",)
    last = store.parameters()[-1]
    assert last.name not in names(inspector)
    inspector.channel.take({"type": "find-parameters", "text": f" {last.name.upper()} "})
    assert names(inspector) == [last.name]
    assert page_of(inspector)["find"].strip() == last.name.upper()
    inspector.channel.take({"type": "give-value", "node": "u", "param": last.name, "value": 0.25})
    assert names(inspector) == [last.name], "it stays found"
    assert store.natural("u", last.name) == 0.25
    inspector.channel.take({"type": "find-parameters", "text": "no such thing"})
    assert names(inspector) == []
    assert page_of(inspector)["find"] == "no such thing"
    inspector.channel.take({"type": "find-parameters", "text": ""})
    assert len(names(inspector)) == listing.FIRST


def test_few_parameters_are_all_there_and_there_is_nothing_to_find() -> None:
    inspector = Inspector(unstructured(4))
    page = page_of(inspector)
    assert (len(names(inspector)), page["groups"][0]["count"], page["more"], page["find"]) == (
        10,
        10,
        0,
        None,
    )


def test_of_many_nodes_the_first_are_listed_and_others_are_found_by_their_names() -> None:
    store = many_nodes(200)
    inspector = Inspector(store)
    owners = list(dict.fromkeys(ref.node_id for ref in store.parameters()))
    assert len(owners) > listing.FIRST
    page = page_of(inspector)
    assert [group["node"] for group in page["groups"]] == owners[: listing.FIRST]
    assert page["more"] == len(owners) - listing.FIRST
    last = store.document.nodes[owners[-1]]
    inspector.channel.take({"type": "find-parameters", "text": last.name})
    assert owners[-1] in [group["node"] for group in page_of(inspector)["groups"]]
    inspector.channel.take({"type": "find-parameters", "text": ""})
    inspector.channel.take({"type": "more-parameters", "node": None})
    assert [group["node"] for group in page_of(inspector)["groups"]] == owners[: listing.FIRST + listing.MORE]


def test_while_a_slider_moves_only_what_is_listed_is_told(store: Store) -> None:
    inspector, dock = Inspector(store), SlicesView(store)
    first, last = store.parameters()[0], store.parameters()[-1]
    assert set(inspector._sent) == {f"u {name}" for name in names(inspector)}
    assert len(dock._sent) == slices.FIRST
    assert first.path in dock._sent
    assert last.path not in dock._sent


def test_the_dock_lists_the_first_derivatives_and_more_when_somebody_asks(store: Store) -> None:
    dock = SlicesView(store)
    assert (len(state_of(dock)["slices"]), state_of(dock)["more"]) == (
        slices.FIRST,
        PARAMETERS - slices.FIRST,
    )
    dock.channel.take({"type": "more-slices"})
    listed = slices.FIRST + slices.MORE
    assert (len(state_of(dock)["slices"]), state_of(dock)["more"]) == (listed, PARAMETERS - listed)
    store.undo()
    store.open_text(unstructured().save_text())
    assert len(state_of(dock)["slices"]) == slices.FIRST, "another model begins anew"


@pytest.mark.parametrize(("rows", "lines", "more"), [(1, 1, 0), (2, 3, 0), (3, 2, 4), (30, 2, 463)])
def test_a_card_has_the_first_lines_and_counts_the_others(rows: int, lines: int, more: int) -> None:
    store = unstructured(rows)
    written = card(store, store.document.nodes["u"], [])
    assert (len(written.lines), written.more) == (lines, more)
    assert [line.label for line in written.lines] == [
        parameter_label(ref.name) for ref in store.parameters()[:lines]
    ]


def test_what_the_page_has_does_not_grow_with_the_parameters() -> None:
    sizes = []
    for rows in (30, 60):
        store = unstructured(rows)
        views = (Inspector(store), SlicesView(store), CanvasView(store))
        sizes.append(sum(len(view.channel.state) for view in views))
    assert sizes[1] < 1.05 * sizes[0]
