"""What cannot be fitted or told apart, pinned to the nodes it comes from."""

import pickle

import numpy as np
import pytest

from covstudio.data.examples import load_example
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.changes.all import (
    AddNode,
    Batch,
    Disconnect,
    RemoveNodes,
    SetArgument,
    SetFixed,
    SetFixedEffects,
    SetParameters,
    SetResponse,
)
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns
from covstudio.estimate import ModelError, derive, estimate
from tests.estimate.estimate_cases import alpha, node, refused


def test_what_the_data_cannot_tell_apart_is_named():
    document, table = alpha(
        AddNode("ScalarMatrix", name="nugget", connect=("n1", None)),
    )
    found = estimate(document, table)
    assert found.fit.verdict == "not identifiable"
    assert set(found.fit.indistinct) == {"residual/sigma^2", "nugget/sigma^2"}
    assert "residual/sigma^2 and nugget/sigma^2 cannot be told apart" in found.fit.message
    assert "only their sum (0.08162) is estimable" in found.fit.message
    together = derive(build(document, table).v, found.fit, found.inferred, ["residual + nugget", "nugget"])
    assert together[0].standard_error == pytest.approx(0.0204, abs=1e-3)
    assert np.isnan(together[1].standard_error)


@pytest.mark.parametrize(
    ("changes", "node_name", "field", "message"),
    [
        ([SetResponse(None)], None, "response", "Choose the response"),
        ([SetResponse("gen")], None, "response", "The response should hold numbers, and column 'gen' holds"),
        ([SetResponse("height")], None, "response", "There is no column 'height'"),
        ([SetResponse("col")], None, "response", "The response 'col' is 1 in every row"),
        ([SetFixedEffects("1 + rep + rpe")], None, "fixed_effects", "There is no column 'rpe'"),
        (
            [SetFixedEffects("1 + lag(plot)")],
            None,
            "fixed_effects",
            "'lag(plot)' cannot stand in a formula",
        ),
        ([SetFixedEffects("1 + rep + rep:block + gen:rep")], None, "fixed_effects", "The fixed effects"),
        ([SetFixedEffects("1 + yield")], None, "fixed_effects", "'yield' is the response"),
        ([Disconnect("n4")], "genotype", None, "Covariance propagation needs Covariance G"),
        ([Disconnect("n1")], None, None, "Connect the matrix that describes the data to V."),
        ([RemoveNodes(["n1"])], None, None, "Connect the matrix"),
        ([SetArgument("n4", "n", 7)], "genotype", None, "CovariancePropagation"),
        (
            [SetArgument("n6", "factors", Columns(("rep", "blok")))],
            "block design",
            "factors",
            "There is no column 'blok'",
        ),
        (
            [SetParameters({("n4", "sigma^2"): -1.0}), SetFixed("n4", "sigma^2", True)],
            "genotype variance",
            "sigma^2",
            "σ² lies between 0 and inf; got -1.",
        ),
    ],
)
def test_what_cannot_be_fitted_is_pinned_and_explained(changes, node_name, field, message):
    document, table = alpha(*changes)
    error = refused(document, table)
    problem = error.problems[0]
    assert problem.message.startswith(message)
    assert problem.field == field
    assert problem.node_id == ("V" if node_name is None else node(document, node_name))
    assert str(error).startswith(message if node_name is None else f"{node_name}: {message}")
    again = pickle.loads(pickle.dumps(error))
    assert (again.problems, str(again)) == (error.problems, str(error))


def test_without_a_table():
    document, _ = alpha()
    messages = [problem.message for problem in refused(document, None).problems]
    assert messages[-1] == "Load a table to fit the model to."
    assert messages[0].startswith("Load a table with the column gen")


def test_an_empty_document():
    error = refused(Document(), load_example("john_alpha"))
    assert [problem.node_id for problem in error.problems] == ["V", "V"]


def test_loose_nodes_do_not_stand_in_the_way(found):
    document, table = alpha(AddNode("Sum"), AddNode("AR1Matrix", arguments={"n": 3}))
    assert dict(estimate(document, table).values) == pytest.approx(dict(found.values), rel=1e-12)


def test_a_guess_is_not_fitted():
    table = load_example("john_alpha")
    changes = [
        AddNode("KroneckerProduct", connect=("V", None)),
        AddNode("AR1Matrix", connect=("n1", "a")),
        AddNode("AR1Matrix", connect=("n1", "b")),
        SetResponse("yield"),
    ]
    error = refused(Batch(changes).apply(Document()), table)
    assert error.problems[0].message.startswith("72 = 8 × 9 is a guess")


def test_a_v_that_is_not_positive_definite_names_the_node():
    table = load_example("john_alpha")
    changes = [
        AddNode("CovariancePropagation", name="effect", connect=("V", None)),
        AddNode("DummyMatrix", name="design", arguments={"factors": Columns(("gen",))}, connect=("n1", "z")),
        AddNode("ScalarMatrix", name="levels", connect=("n1", "g")),
        SetResponse("yield"),
    ]
    with pytest.raises(ModelError) as caught:
        estimate(Batch(changes).apply(Document()), table)
    (problem,) = caught.value.problems
    assert (problem.node_id, problem.field) == ("n3", "sigma^2")
    assert str(caught.value).startswith("levels: V is singular at the start")


def test_one_sentence_about_many_parameters_is_said_once():
    table = Table.from_columns({"plot": ["a", "b", "c"], "yield": [1.0, 2.5, 2.0]}, "three")
    covariances = ("sigma^2_1_0", "sigma^2_2_0", "sigma^2_2_1")
    changes = [
        AddNode("UnconstrainedMatrix", name="free", connect=("V", None)),
        SetParameters({("n1", name): 9.0 for name in covariances}),
        *(SetFixed("n1", name, True) for name in covariances),
        SetResponse("yield"),
    ]
    with pytest.raises(ModelError) as caught:
        estimate(Batch(changes).apply(Document()), table)
    (problem,) = caught.value.problems
    assert (problem.node_id, problem.field) == ("n1", None)
    assert "UnstructuredMatrix in place of UnconstrainedMatrix" in problem.message
    assert str(caught.value) == f"free: {problem.message}"

    changes = [
        AddNode("Sum", name="both", connect=("V", None)),
        AddNode("EqualEntryMatrix", name="one", connect=("n1", None)),
        AddNode("EqualEntryMatrix", name="other", connect=("n1", None)),
        SetResponse("yield"),
    ]
    with pytest.raises(ModelError) as caught:
        estimate(Batch(changes).apply(Document()), table)
    assert [problem.node_id for problem in caught.value.problems] == ["n2", "n3"]
    assert str(caught.value).startswith("one, other: V is singular at the start")
    assert "\n" not in str(caught.value)


def test_a_variance_the_data_say_nothing_about_spoils_nothing_else():
    # Replicates among the fixed effects, and as a random effect too.
    document, table = alpha(SetArgument("n6", "factors", Columns(("rep",))))
    found = estimate(document, table)
    assert found.fit.verdict == "not identifiable"
    without = estimate(RemoveNodes(["n5"]).apply(document), table)
    silent = found.inferred.intervals["block/g/sigma^2"]
    assert np.isnan([silent.standard_error, silent.lower, silent.upper]).all()
    for name in ("genotype/g/sigma^2", "residual/sigma^2"):
        ours, theirs = found.inferred.intervals[name], without.inferred.intervals[name]
        assert ours.standard_error == pytest.approx(theirs.standard_error, rel=1e-4)
    quantities = derive(
        build(document, table).v, found.fit, found.inferred, ["genotype / residual", "genotype + block"]
    )
    assert quantities[0].standard_error > 0.0
    assert np.isnan(quantities[1].standard_error)
    assert "what the data cannot tell" in quantities[1].note
    # Replicates are tested as at hand, without the variance of which nothing is known: the verdict says so.
    (ours,), (theirs,) = found.inferred.tests, without.inferred.tests
    assert ours.f == pytest.approx(theirs.f, rel=1e-4)
    assert ours.denominator_df == pytest.approx(theirs.denominator_df, rel=1e-4)
    assert "Standard errors of fixed effects are with it at zero" in found.fit.message
