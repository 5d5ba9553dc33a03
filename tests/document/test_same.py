"""Changes that need no new matrices, and those that leave an estimate one of the model."""

import pytest

from covstudio.document.build.same import same_model, same_structure
from covstudio.document.changes.all import (
    Connect,
    Disconnect,
    MoveNodes,
    RemoveNodes,
    Rename,
    SetArgument,
    SetData,
    SetFixed,
    SetFixedEffects,
    SetParameters,
    SetResponse,
    SetRoles,
    SetTitle,
)
from covstudio.document.model.node import Columns
from tests.document.document_models import add, propagation


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (SetParameters({("n3", "sigma^2"): 2.0}), True),
        (MoveNodes({"n1": (5.0, 5.0)}), True),
        (SetTitle("Oats"), True),
        (SetRoles({"gen": "factor"}), True),
        (SetFixed("n3", "sigma^2", True), False),
        (Rename("n2", "Z"), False),
        (SetArgument("n3", "n", 3), False),
        (SetArgument("n2", "factors", Columns(("rep",))), False),
        (Disconnect("n3"), False),
        (Disconnect("n1"), False),
        (Connect("n3", "V"), False),
        (RemoveNodes(["n3"]), False),
        (add("Sum"), False),
        (SetData("other"), False),
        (SetResponse("yield"), False),
        (SetFixedEffects("1 + rep"), False),
        (SetFixedEffects("1 + gen"), True),
    ],
)
def test_what_needs_no_new_matrices(change, same):
    document = propagation()
    assert same_structure(document, document)
    assert same_structure(document, change.apply(document)) is same


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (SetParameters({("n3", "sigma^2"): 2.0}), True),
        (MoveNodes({"n1": (5.0, 5.0)}), True),
        (SetTitle("Oats"), True),
        (Rename("n2", "Z"), True),
        (add("Sum"), True),
        (add("DummyMatrix", factors=Columns(("block",))), True),
        (SetFixedEffects("1 + gen"), True),
        (SetFixed("n3", "sigma^2", True), False),
        (SetArgument("n2", "factors", Columns(("rep",))), False),
        (Disconnect("n3"), False),
        (Disconnect("n1"), False),
        (Connect("n3", "V"), False),
        (SetData("other"), False),
        (SetFixedEffects("1 + rep"), False),
    ],
)
def test_what_leaves_an_estimate_an_estimate_of_the_model(change, same):
    document = propagation()
    assert same_model(document, change.apply(document)) is same
    assert same_model(change.apply(document), document) is same
