"""New structures of a drawing show themselves; what is fitted, copied or opened does not hear of it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from covstudio.covariance import Declaration, catalogue, declaration
from covstudio.covariance.core.shown import shown_values
from covstudio.data.examples import load_example
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.build.shown import MOST, at_shown_values, showing
from covstudio.document.changes.all import AddNode, Batch, SetArgument
from covstudio.document.files.templates import templates
from covstudio.document.files.write import dumps, loads
from covstudio.document.model.document import Document
from covstudio.document.model.node import Levels, V
from covstudio.estimate.fitted import Estimate, estimate

SHOWN = [declared for declared in catalogue() if declared.shown]


def added(kind: str, table: Table | None = None, **arguments: Any) -> Document:
    change, _ = showing(Document(), table, AddNode(kind, connect=(V, None), arguments=arguments))
    return change.apply(Document())


@pytest.mark.parametrize("declared", SHOWN, ids=lambda declared: declared.name)
def test_a_structure_alone_is_no_diagonal(declared: Declaration) -> None:
    document = added(declared.name)
    built = build(document)
    assert built.v is not None
    value = built.v.evaluate(built.naturals(V, document))
    assert not torch.equal(value, torch.diag(value.diagonal()))
    if declared.psd:
        assert float(torch.linalg.eigvalsh(value)[0]) > 0.0


def test_it_is_one_step_that_is_called_as_before_and_built_once() -> None:
    change = AddNode("ToeplitzMatrix", connect=(V, None))
    with_values, built = showing(Document(), None, change)
    assert with_values.described(Document()) == change.described(Document())
    document = with_values.apply(Document())
    assert dict(document.nodes["n1"].values) == {"pacf_1": 0.5, "pacf_2": 0.4}
    assert torch.equal(built.naturals(V, document), build(document).naturals(V, document))
    assert showing(Document(), None, AddNode("ScalarMatrix"))[0] == AddNode("ScalarMatrix")


def test_values_are_those_of_parameters_that_it_has() -> None:
    assert dict(added("ToeplitzMatrix", n=2).nodes["n1"].values) == {"pacf_1": 0.5}
    assert dict(added("ARMatrix", p=1).nodes["n1"].values) == {"pacf_1": 0.6}
    assert dict(added("AR1Matrix", n=1).nodes["n1"].values) == {"rho": 0.5}


def test_where_many_would_be_written_down_it_stays_at_its_defaults() -> None:
    table = load_example("john_alpha")
    assert len(added("UnstructuredMatrix", n=12).nodes["n1"].values) == MOST
    assert not added("UnstructuredMatrix", table, n=Levels(("gen",))).nodes["n1"].values
    assert dict(added("AR1Matrix", table, n=Levels(("gen",))).nodes["n1"].values) == {"rho": 0.5}


def test_what_was_there_before_keeps_its_values() -> None:
    old = AddNode("AR1Matrix", name="old").apply(Document())
    change, _ = showing(old, None, Batch((SetArgument("n1", "n", 6), AddNode("AR1Matrix"))))
    both = change.apply(old)
    assert [dict(node.values) for node in both.nodes.values()] == [{}, {"rho": 0.5}]
    assert loads(dumps(old))[0] == old


def test_values_are_found_by_the_indices_of_parameters() -> None:
    free = declaration("UnstructuredMatrix")
    assert shown_values(free, ["L_0_0", "L_1_0", "L_12_10", "L_7_0"]) == {
        "L_1_0": 0.6,
        "L_12_10": -0.3,
        "L_7_0": 0.6,
    }


def spatial() -> tuple[Document, Table]:
    table = load_example("john_alpha")
    template = next(one for one in templates() if one.title == "Spatial field trial")
    return template.document(table), table


def test_a_fit_is_the_same_number_for_number() -> None:
    document, table = spatial()
    shown = at_shown_values(document, table)
    assert shown != document

    def run(one: Document) -> Estimate:
        return estimate(one, table)

    first, second = run(document), run(shown)
    assert second.values == first.values
    ways = [[(step.loglik, step.theta.tolist()) for step in one.fit.history] for one in (first, second)]
    assert ways[0] == ways[1]
