"""A model that takes too much as a whole is refused before any of it is made."""

from __future__ import annotations

import sys

import pytest

from covstudio.document.build.budget import MAX_DRAWN, check_budget, cost
from covstudio.document.build.build import build
from covstudio.document.build.limits import Unbuilt
from covstudio.document.changes.graph import AddNode
from covstudio.document.model.document import Document
from covstudio.document.model.node import Node, V


def model(count: int, rows: int, kind: str = "HeterogeneousCompoundSymmetricMatrix") -> Document:
    """A sum of so many leaves."""
    document = AddNode("Sum", name="total", connect=(V, None), id="total").apply(Document())
    total = document.named("total").id
    for place in range(count):
        change = AddNode(
            kind, name=f"leaf {place}", connect=(total, None), arguments={"n": rows}, id=f"l{place}"
        )
        document = change.apply(document)
    return document


def test_many_leaves_are_refused_before_one_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    building = sys.modules[build.__module__]
    monkeypatch.setattr(building, "construct", lambda *_: pytest.fail("a matrix was made"))
    built = build(model(200, 1_600))
    (said,) = [problem for problem in built.problems if problem.node_id == V]
    assert said.severity == "error"
    assert "its 201 nodes, the largest 1,600 × 1,600, would take 4.1 GB" in said.message
    assert "2 GB and 60 s are allowed" in said.message
    assert "98 such nodes would fit, or 201 of at most 1,118 rows" in said.message
    assert "COVSTUDIO_MODEL_GB" in said.message
    assert built.v is None
    assert not built.matrices


def test_what_would_fit_fits() -> None:
    for document in (model(97, 1_600), model(200, 1_118)):
        check_budget(_cost(document))
    with pytest.raises(Unbuilt):
        check_budget(_cost(model(100, 1_600)))


def test_the_limits_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    document = model(3, 300)
    assert build(document).v is not None
    monkeypatch.setenv("COVSTUDIO_MODEL_GB", "0.01")
    assert build(model(20, 300)).v is None
    monkeypatch.setenv("COVSTUDIO_MODEL_GB", "3")
    assert build(document).v is not None
    monkeypatch.setenv("COVSTUDIO_MODEL_SECONDS", "0.1")
    with pytest.raises(Unbuilt, match=r"about 0\.2 s"):
        check_budget(_cost(model(200, 2)))


def test_rows_made_as_they_are_needed_cost_nothing() -> None:
    """A process on a line has its matrix in one vector; what is too large to be drawn is not written."""
    assert _cost(model(50, 1000, "AR1Matrix")).numbers == 0
    side = int(MAX_DRAWN**0.5)
    assert _cost(model(2, side + 1)).numbers == 0
    assert _cost(model(2, side)).numbers == 2 * side * side
    assert _cost(model(2, 10, "AR1Matrix")).numbers == 3 * 100


def _cost(document: Document):  # type: ignore[no-untyped-def]
    def shape(node: str) -> tuple[int, int]:
        found: Node = document.nodes[node]
        rows = found.arguments["n"] if "n" in found.arguments else document.nodes["l0"].arguments["n"]
        return rows, rows  # type: ignore[return-value]

    return cost(document.nodes.values(), shape)
