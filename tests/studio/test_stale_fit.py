"""A fit belongs to its model until V, its values, its rows or the set-up changed, and nothing else."""

from __future__ import annotations

import msgspec
import pytest

from covstudio.data.examples import load_example
from covstudio.document.changes.all import (
    AddNode,
    Change,
    Connect,
    MoveNodes,
    Rename,
    SetFixed,
    SetFixedEffects,
    SetParameters,
)
from covstudio.document.files.templates import templates
from covstudio.estimate import Estimate, estimate
from covstudio.studio.fit import pool as fitting
from covstudio.studio.fit.job import Finished, Job
from covstudio.studio.fit.messages import FitStale, FitState
from covstudio.studio.fit.view import FitView
from covstudio.studio.fit.worker import Outcome
from covstudio.studio.session.store import Store

TABLE = load_example("john_alpha")
DOCUMENT = templates()[0].document(TABLE)
ROOT = DOCUMENT.v or ""
RESIDUAL = next(node.id for node in DOCUMENT.nodes.values() if node.name == "residual")


@pytest.fixture(scope="module")
def found() -> Estimate:
    return estimate(DOCUMENT, TABLE)


def fitted(
    found: Estimate, monkeypatch: pytest.MonkeyPatch, during: Change | None = None
) -> tuple[Store, FitView]:
    """A session whose model was fitted, with what somebody did meanwhile."""
    monkeypatch.setattr(fitting, "start", lambda document, table, listener: Job(lambda: "", listener))
    store = Store(DOCUMENT, [TABLE])
    view = FitView(store, lambda name, content: None)
    view.start()
    assert view.running
    if during is not None:
        assert store.dispatch(during)
    view._take([Finished(Outcome(estimate=found, seconds=0.1))])
    return store, view


def stale(view: FitView) -> FitStale | None:
    return msgspec.json.decode(view.channel.state, type=FitState).stale


LOOSE = AddNode("ScalarMatrix", id="n99")
ELSEWHERE = [
    pytest.param(LOOSE, id="a node that lies loose"),
    pytest.param(Rename(RESIDUAL, "plots"), id="a name"),
    pytest.param(MoveNodes({RESIDUAL: (5.0, 5.0)}), id="a place"),
]


@pytest.mark.parametrize("change", ELSEWHERE)
def test_what_is_not_in_v_leaves_a_fit_as_it_is(
    change: Change, found: Estimate, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, view = fitted(found, monkeypatch)
    assert stale(view) is None
    store.dispatch(change)
    assert stale(view) is None
    store.dispatch(SetParameters({(RESIDUAL, "sigma^2"): 2.0}))
    moved = stale(view)
    assert moved is not None
    assert moved.values


@pytest.mark.parametrize("change", ELSEWHERE)
def test_a_fit_under_way_is_put_into_the_model_all_the_same(
    change: Change, found: Estimate, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, view = fitted(found, monkeypatch, during=change)
    assert store.message is None or store.message.level != "warning"
    value = store.document.nodes[RESIDUAL].values["sigma^2"]
    assert value == pytest.approx(0.0816170, rel=1e-4)
    assert stale(view) is None


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (SetFixed(RESIDUAL, "sigma^2", True), "The model changed since this fit."),
        (SetFixedEffects("1"), "The fixed effects changed since this fit."),
    ],
)
def test_what_changes_the_model_or_the_set_up_makes_a_fit_stale(
    change: Change, text: str, found: Estimate, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, view = fitted(found, monkeypatch)
    store.dispatch(change)
    after = stale(view)
    assert after is not None
    assert after.text == text
    _, view = fitted(found, monkeypatch, during=change)
    meanwhile = stale(view)
    assert meanwhile is not None
    assert meanwhile.text == text


def test_a_loose_node_that_is_wired_in_makes_a_fit_stale(
    found: Estimate, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, view = fitted(found, monkeypatch)
    store.dispatch(LOOSE)
    free = next(slot for slot, child in store.document.nodes[ROOT].operands if child is None)
    store.dispatch(Connect("n99", ROOT, free))
    after = stale(view)
    assert after is not None
    assert after.text == "The model changed since this fit."
