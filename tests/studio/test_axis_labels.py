"""What rows and columns of a picture are called."""

from __future__ import annotations

import pytest

from covstudio.data.tables import Table
from covstudio.document.changes.all import (
    AddNode,
)
from covstudio.document.model.node import Columns, Levels
from covstudio.studio.matrix.labels import axis_labels
from covstudio.studio.session.store import Store
from tests.document.document_models import trial
from tests.studio.live_cases import alpha, of_size


def test_names_come_from_the_data() -> None:
    store = alpha()
    by_name = {node.name: "node:" + node.id for node in store.document.nodes.values()}
    plots, genotypes = axis_labels(store, by_name["genotype design"])
    assert plots[0] == "1 · R1 · B1 · G11"
    assert genotypes[:2] == ["G01", "G02"]
    assert axis_labels(store, by_name["genotype variance"]) == (genotypes, genotypes)
    assert axis_labels(store, by_name["block variance"])[0][1] == "R1 · B2"
    assert axis_labels(store, "V") == (plots, plots)
    assert axis_labels(store, by_name["residual"]) == (plots, plots)
    with pytest.raises(KeyError):
        axis_labels(Store(), "V")


def test_names_follow_the_sides_that_operators_say_are_the_same() -> None:
    store = Store()
    store.load_table(trial())
    for change in (
        AddNode("Gram", id="gram", arguments={"gram_type": "xtx"}),
        AddNode("DummyMatrix", id="z", arguments={"factors": Columns(("gen",))}, connect=("gram", None)),
        AddNode("KroneckerSum", id="both"),
        AddNode("ScalarMatrix", id="a", arguments={"n": Levels(("rep",))}, connect=("both", "a")),
        AddNode("AR1Matrix", id="b", arguments={"n": Levels(("gen",))}, connect=("both", "b")),
        AddNode("Augment", id="beside"),
        AddNode("DummyMatrix", id="left", arguments={"factors": Columns(("rep",))}, connect=("beside", None)),
        AddNode("DesignMatrix", id="right", arguments={"columns": Columns(("x",))}, connect=("beside", None)),
        AddNode("Transpose", id="turned"),
        AddNode("DummyMatrix", id="y", arguments={"factors": Columns(("gen",))}, connect=("turned", None)),
    ):
        assert store.dispatch(change)
    levels = ["G1", "G2", "G3"]
    assert axis_labels(store, "node:gram") == (levels, levels)
    crossed = [f"{rep}, {gen}" for rep in ("R1", "R2") for gen in levels]
    assert axis_labels(store, "node:both") == (crossed, crossed)
    plots, columns = axis_labels(store, "node:beside")
    assert len(plots) == 6
    assert columns == ["R1", "R2", "x"]
    assert axis_labels(store, "node:turned")[0] == levels


@pytest.mark.parametrize(
    ("kind", "column", "last"),
    [
        ("UnstructuredMatrix", "day", "10"),
        ("DiagonalMatrix", "week", "Week 9"),
        ("AntedependenceMatrix", "week", "Week 10"),
        ("AR1Matrix", "week", "Week 10"),
    ],
)
def test_names_stand_in_the_order_of_the_positions(kind: str, column: str, last: str) -> None:
    """Of numbers that is their size, and not the order of texts; of weeks it is, where order says nothing."""
    days = list(range(1, 11))
    store = Store()
    store.load_table(Table.from_columns({"day": days, "week": [f"Week {k}" for k in days], "y": days}, "t"))
    for change in (
        AddNode("CovariancePropagation", id="v"),
        AddNode("DummyMatrix", id="z", arguments={"factors": Columns((column,))}, connect=("v", "z")),
        AddNode(kind, id="g", arguments={"n": Levels((column,))}, connect=("v", "g")),
    ):
        assert store.dispatch(change)
    names, _ = axis_labels(store, "node:g")
    assert names[-1] == last
    assert names == axis_labels(store, "node:z")[1]


def test_names_without_data_are_numbers() -> None:
    assert axis_labels(of_size(3), "V") == (["1", "2", "3"], ["1", "2", "3"])
