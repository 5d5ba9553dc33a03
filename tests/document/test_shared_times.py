"""Processes over time on a column where several rows have the same time, as subjects measured together."""

import json

import pytest
import torch

from covstudio.covariance import catalogue
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.changes.all import SetArgument, SetParameters
from covstudio.document.files.write import dumps, loads
from covstudio.document.model.arguments import document_default
from covstudio.document.model.node import Columns, Values
from tests.document.document_models import add, after, trial

VISITS = Table.from_columns(
    {
        "animal": ["a", "a", "a", "b", "b", "b"],
        "day": [0.0, 1.0, 3.0, 0.0, 1.0, 3.0],
        "weight": [4.1, 3.9, 5.0, 4.4, 4.7, 5.3],
    },
    "visits",
)
PROCESSES = [
    declared.name
    for declared in catalogue()
    if any((one.name, one.kind) == ("times", "coordinates") for one in declared.arguments)
]


def within_subjects(process="OrnsteinUhlenbeckMatrix", **arguments):
    """V = same animal o process over days: n5 is the process."""
    return after(
        add("HadamardProduct", "V"),
        add("CovariancePropagation", "n1", name="same animal"),
        add("DummyMatrix", "n2", "z", factors=Columns(("animal",))),
        add("IdentityMatrix", "n2", "g"),
        add(process, "n1", name="over days", times=Columns(("day",)), **arguments),
    )


def test_every_process_over_time_has_the_flag():
    assert {"OrnsteinUhlenbeckMatrix", "RandomWalkMatrix", "IntegratedRandomWalkMatrix"} <= set(PROCESSES)
    for declared in catalogue():
        if declared.name in PROCESSES:
            flag = next(one for one in declared.arguments if one.name == "shared_times")
            assert (flag.kind, flag.label, document_default(declared, flag)) == (
                "flag",
                "Shared times",
                False,
            )


@pytest.mark.parametrize("process", PROCESSES)
def test_the_node_says_which_box_to_tick(process):
    document = within_subjects(process)
    (problem,) = build(document, VISITS).problems
    assert (problem.node_id, problem.field, problem.severity) == ("n5", "times", "error")
    assert problem.message.startswith(
        "times must differ between rows, got 0 in rows 0 and 3 and 1 in rows 1 and 4, and 1 more such time"
    )
    assert "or tick “Shared times” where several units, such as subjects," in problem.message
    assert "shared_times" not in problem.message
    ticked = SetArgument("n5", "shared_times", True).apply(document)
    built = build(ticked, VISITS)
    assert built.problems == ()
    assert built.v.shape == (6, 6)


def test_the_model_is_what_it_says():
    document = SetParameters({("n5", "sigma^2"): 2.0, ("n5", "range"): 1.5}).apply(
        within_subjects(shared_times=True)
    )
    built = build(document, VISITS)
    day, animal = [0.0, 1.0, 3.0] * 2, "aaabbb"
    expected = torch.tensor(
        [
            [
                2.0 * (animal[i] == animal[j]) * 2.718281828459045 ** (-abs(day[i] - day[j]) / 1.5)
                for j in range(6)
            ]
            for i in range(6)
        ],
        dtype=torch.float64,
    )
    torch.testing.assert_close(built.v.evaluate(built.naturals("V", document)), expected)


def test_only_rows_that_the_model_uses_count():
    table = trial(x=[0.5, None, 2.0, 3.5, 4.0, 7.25], row=[1, 1, 10, 3, 2, 11])
    document = after(add("OrnsteinUhlenbeckMatrix", "V", times=Columns(("row",))))
    assert (
        build(document, table)
        .problems[0]
        .message.startswith("times must differ between rows, got 1 in rows 0")
    )
    used = after(
        add("HadamardProduct", "V"),
        add("OrnsteinUhlenbeckMatrix", "n1", times=Columns(("row",))),
        add("OrnsteinUhlenbeckMatrix", "n1", times=Columns(("x",))),
    )
    built = build(used, table)
    assert built.problems == ()
    assert built.v.shape == (5, 5)


def test_times_typed_in_may_not_be_typed_twice():
    document = after(add("RandomWalkMatrix", "V", times=Values(((1.0, 2.0, 1.0),))))
    (problem,) = build(document).problems
    assert problem.message.startswith("times must differ between rows, got 1 in rows 0 and 2 (")
    ticked = SetArgument("n1", "shared_times", True).apply(document)
    assert build(ticked).v.shape == (3, 3)


def test_the_flag_is_saved_with_the_model():
    document = within_subjects(shared_times=True)
    assert loads(dumps(document, VISITS))[0] == document
    assert json.loads(dumps(document))["model"]["nodes"][4]["arguments"]["shared_times"] is True


def test_a_model_file_from_before_the_flag_opens_with_nothing_lost():
    """Such a file binds a column of shared times and says nothing of them; the node tells the way out."""
    text = dumps(SetParameters({("n5", "range"): 1.5}).apply(within_subjects()), VISITS)
    assert "shared_times" not in text
    document, table = loads(text)
    assert table.frame.equals(VISITS.frame)
    built = build(document, table)
    assert [(one.node_id, one.severity) for one in built.problems] == [("n5", "error")]
    assert set(built.matrices) == {"n2", "n3", "n4"}
    assert document.nodes["n5"].arguments["times"] == Columns(("day",))
    assert document.nodes["n5"].values["range"] == 1.5
    again = build(SetArgument("n5", "shared_times", True).apply(document), table)
    assert again.problems == ()
    assert [ref.natural for ref in again.parameters] == [1.0, 1.5]
