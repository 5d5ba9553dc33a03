"""Gaps of levels that a series of equally spaced positions runs over: filled, or asked about."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from covstudio.data import TableChoices, read_table
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.build.connection import check_connection
from covstudio.document.changes.all import SetArgument, SetResponse
from covstudio.document.files.templates import TEMPLATES
from covstudio.document.files.write import dumps, loads
from covstudio.document.model.node import Columns, Levels, Values
from covstudio.estimate.model import ModelError, assemble
from covstudio.export.python import python_source
from covstudio.reml import fit
from tests.document.document_models import add, after
from tests.export.export_programs import executed_v, run

GAPS = Path(__file__).parents[1] / "reml" / "reference" / "car1_gaps.csv"
#: nlme 3.1, gls(y ~ 1, correlation = corCAR1(form = ~ time | g)): log L, rho and sigma^2.
RIGHT = (-413.30438645, 0.68610643, 2.60905613)


#: Combinations that no row has keep their column.
WHOLE = {"drop_empty_cols": False}


def model(*, time=None, within=None, z=None):
    """V = Z (I (x) AR1) Z' over subjects and times."""
    return after(
        SetResponse("y"),
        add("CovariancePropagation", "V", name="within"),
        add("DummyMatrix", "n1", "z", name="design", factors=Columns(("g", "time")), **(z or {})),
        add("KroneckerProduct", "n1", "g", name="covariance"),
        add("IdentityMatrix", "n3", "a", name="subjects", n=Levels(("g",))),
        add("AR1Matrix", "n3", "b", name="over time", **({} if time is None else {"n": time})),
    )


@pytest.fixture(scope="module")
def gaps():
    return read_table(GAPS)


@pytest.mark.parametrize("size", [None, Levels(("time",)), 10])
@pytest.mark.parametrize("drop", [True, False])
def test_the_days_between_count(gaps, size, drop):
    document = model(time=size, z={"drop_empty_cols": drop})
    built = build(document, gaps)
    assert built.problems == ()
    assert built.sizes[document.named("over time").id] == (10, 10)
    assert built.notes == (
        "time: 7, 8, 9 are in no row, and over time takes equal steps: 10 positions at steps of 1. To count "
        "the levels as neighbours, tick “Levels are neighbours” in the design.",
    )
    parts = assemble(document, gaps)
    assert parts.notes == built.notes
    found = fit(parts.matrix, parts.y, parts.x)
    variance, rho = found.params.values()
    assert found.loglik == pytest.approx(RIGHT[0], abs=1e-6)
    assert (rho, variance) == (pytest.approx(RIGHT[1], abs=2e-6), pytest.approx(RIGHT[2], rel=2e-6))


def test_v_is_the_closed_form_with_the_true_lags(gaps):
    document = model()
    v = build(document, gaps).v
    times = torch.as_tensor(gaps.numbers("time"))
    subjects = torch.as_tensor(gaps.numbers("g"))
    lags = (times[:, None] - times).abs()
    expected = 3.0 * 0.4**lags * (subjects[:, None] == subjects)
    assert torch.allclose(v.evaluate(torch.tensor([3.0, 0.4], dtype=torch.float64)), expected, rtol=1e-13)


def test_a_choice_is_stored(gaps):
    design = SetArgument("n2", "close_gaps", True)
    document, _ = loads(dumps(after(design, start=model(time=Levels(("time",)), z=WHOLE))))
    built = build(document, gaps)
    assert built.problems == ()
    (note,) = built.notes
    assert "for neighbours at equal steps, as the model says, though 7, 8, 9 are missing" in note
    assert built.sizes[document.named("over time").id] == (7, 7)
    filled, _ = loads(dumps(model()))
    assert "evenly_spaced" not in filled.nodes["n2"].arguments
    assert build(filled, gaps).sizes[filled.named("over time").id] == (10, 10)


@pytest.mark.parametrize("size", [None, Levels(("time",))])
def test_the_program_fills_them_too(gaps, size, tmp_path):
    document = model(time=size)
    source = python_source(document, gaps)
    assert "evenly_spaced=[1]" in source
    assert torch.equal(executed_v(source), build(document, gaps).v().double())
    done = run(source, tmp_path, str(GAPS))
    assert done.returncode == 0, done.stderr
    assert "-413.304386" in done.stdout
    closed = model(time=size, z={**WHOLE, "close_gaps": True})
    source = python_source(closed, gaps)
    assert "close_gaps=True" in source
    assert torch.equal(executed_v(source), build(closed, gaps).v().double())


@pytest.mark.parametrize("size", [None, Levels(("time",)), 10])
def test_a_program_of_a_whole_table_fills_the_gaps_of_another(gaps, size, tmp_path):
    whole = {"g": [g for g in range(6) for _ in range(10)], "time": list(range(1, 11)) * 6}
    table = Table.from_columns({**whole, "y": [float(row * row % 7) for row in range(60)]}, "whole")
    document = model(time=size)
    built = build(document, table)
    assert (built.problems, built.notes, built.spaced) == ((), (), document)
    done = run(python_source(document, table), tmp_path, str(GAPS))
    assert done.returncode == 0, done.stderr
    assert "-413.304386" in done.stdout
    assert "neighbours" not in done.stderr


@pytest.mark.parametrize("order", [(10, 6, 5, 4, 3, 2, 1), (2, 1, 3, 4, 5, 6, 10)])
def test_an_order_that_somebody_has_said_is_not_overruled(order):
    text = GAPS.read_text(encoding="utf-8").encode()
    levels = tuple(map(str, order))
    table = read_table(text, choices=TableChoices().with_column("time", levels=levels))
    problems = build(model(z=WHOLE), table).problems
    if order[0] == 10:
        # The same line the other way round, of which correlations know nothing.
        assert problems == ()
    else:
        assert "takes them in the order said" in problems[0].message
        closed = build(model(z={"close_gaps": True, **WHOLE}), table)
        assert closed.problems == ()
        assert closed.sizes["n5"] == (7, 7)


def over(levels, *, order=None, size=None):
    """The build of an autoregression over such levels, one row each."""
    table = Table.from_columns(
        {"g": [1] * len(levels), "time": levels, "y": [float(k * k % 5) for k in range(len(levels))]}, "one"
    )
    if order is not None:
        table = table.with_choices(TableChoices().with_column("time", levels=order))
    return build(model(time=size, z=WHOLE), table)


def test_an_order_without_a_gap_is_taken_and_told(recwarn):
    built = over(["1", "2", "3"], order=("2", "1", "3"))
    assert built.problems == ()
    assert built.notes == (
        "time: over time takes its levels for neighbours at equal steps in the order that is said, 2, 1, 3. "
        "For their own order, take that order back.",
    )
    assert built.matrices["n2"].codes.tolist() == [1, 0, 2]
    assert over(["1", "2", "3"], order=("3", "2", "1")).notes == ()
    assert not [one for one in recwarn if "neighbours" in str(one.message)], "it is told by the note alone"


@pytest.mark.parametrize("size", [None, Levels(("time",))])
def test_numbers_behind_a_name_have_gaps_and_an_order(size, recwarn):
    built = over(["Week 1", "Week 2", "Week 4"], size=size)
    assert built.problems == ()
    assert built.sizes["n5"] == (4, 4)
    assert built.notes[0].startswith(
        "time: Week 3 is in no row, and over time takes equal steps: 4 positions"
    )
    # In a dictionary "Week 10" comes behind "Week 1".
    weeks = [f"Week {k}" for k in range(1, 11)]
    built = over(weeks, size=size)
    assert (built.problems, built.notes) == ((), ())
    assert built.matrices["n2"].codes.tolist() == list(range(10))
    assert not [one for one in recwarn if "neighbours" in str(one.message)]


def test_the_order_of_words_is_told():
    built = over(["low", "mid", "high"])
    assert built.problems == ()
    assert built.notes == (
        "time: over time takes its levels for neighbours at equal steps in the order high, low, mid. For "
        "another order, say it of time, as its order of levels (--levels on the command line, a pandas "
        "Categorical in Python).",
    )
    assert over(["low", "mid", "high"], order=("low", "mid", "high")).notes == ()
    assert over(["before", "after"]).notes == (), "two levels have no order"


def test_sizes_that_were_typed_for_neighbours_are_asked_about(gaps):
    built = build(model(time=7, z=WHOLE), gaps)
    (problem,) = built.problems
    assert problem.field == "n"
    assert "7, 8, 9 are missing" in problem.message
    assert "Set the size to auto, for 10 positions" in problem.message
    with pytest.raises(ModelError, match="7, 8, 9 are missing"):
        assemble(model(time=7, z=WHOLE), gaps)
    closed = after(SetArgument("n2", "close_gaps", True), start=model(time=7, z=WHOLE))
    assert build(closed, gaps).problems == ()


def uneven():
    return Table.from_columns(
        {"g": [1, 1, 1, 1, 2, 2], "time": [1, 2, 2.5, 1000, 1, 2], "y": [1.0, 2, 4, 3, 5, 1]}, "uneven"
    )


def test_levels_without_a_common_step_stop_with_the_choices():
    built = build(model(z=WHOLE), uneven())
    (problem,) = built.problems
    assert problem.field == "close_gaps"
    for said in ("1, 2, 2.5, 1000", "1999 at steps of 0.5", "structure of times", "Levels are neighbours"):
        assert said in problem.message
    assert build(after(SetArgument("n2", "close_gaps", True), start=model(z=WHOLE)), uneven()).problems == ()


def test_a_size_that_no_design_fills_is_asked_about(gaps):
    whole = {"t": [1, 2, 3, 4, 5, 6, 10], "y": [1.0, 3, 2, 5, 4, 6, 3]}
    table = Table.from_columns(whole, "one")
    document = after(SetResponse("y"), add("AR1Matrix", "V", name="series", n=Levels(("t",))))
    (problem,) = build(document, table).problems
    assert "7, 8, 9 are missing" in problem.message
    assert "type the size 7" in problem.message
    assert build(after(SetArgument("n1", "n", 7), start=document), table).problems == ()


def test_rows_in_another_order_than_their_levels_are_asked_about():
    document = after(SetResponse("y"), add("AR1Matrix", "V", name="series", n=Levels(("t",))))
    table = Table.from_columns({"t": [1, 3, 2, 4], "y": [1.0, 3, 2, 5]}, "one")
    (problem,) = build(document, table).problems
    assert "another order than t" in problem.message
    assert build(after(SetArgument("n1", "n", 4), start=document), table).problems == ()
    for order in ([1, 2, 3, 4], [4, 3, 2, 1]):
        assert build(document, Table.from_columns({"t": order, "y": [1.0, 3, 2, 5]}, "one")).problems == ()


def test_dates_and_texts_in_any_order():
    dates = ["2023-06-05", "2023-05-08", "2023-05-01", "2023-05-15"]
    table = Table.from_columns({"day": dates, "y": [1.0, 2.0, 4.0, 3.0]}, "weeks")
    document = after(
        add("CovariancePropagation", "V", name="series"),
        add("DummyMatrix", "n1", "z", name="design", factors=Columns(("day",))),
        add("AR1Matrix", "n1", "g", name="over time"),
    )
    built = build(document, table)
    assert built.sizes["n3"] == (6, 6)
    assert "2023-05-22, 2023-05-29 are in no row" in built.notes[0]
    assert "steps of 7 days" in built.notes[0]
    assert built.matrices["n2"].codes.tolist() == [5, 1, 0, 2]
    written = after(SetArgument("n2", "factors", Values((("10", "2", "4"),))), start=document)
    assert build(written).sizes["n3"] == (5, 5)
    assert build(written).matrices["n2"].colnames == ["2", "4", "6", "8", "10"]


def test_a_wire_between_them_fits(gaps):
    document = after(
        add("CovariancePropagation", "V", name="within"),
        add("DummyMatrix", "n1", "z", name="design", factors=Columns(("time",))),
        add("AR1Matrix", name="over time", n=Levels(("time",))),
    )
    assert check_connection(document, "n3", "n1", "g", gaps) is None


def test_templates(gaps):
    document = TEMPLATES["repeated"].document(gaps, {"g": "factor", "time": "factor", "y": "response"})
    built = build(document, gaps)
    assert built.problems == ()
    assert built.sizes[document.named("over time").id] == (10, 10)
    cells = [(row, column) for row in (1, 2, 3, 5) for column in (1, 2, 3)]
    table = Table.from_columns(
        {
            "variety": [f"v{k % 4}" for k in range(12)],
            "row": [row for row, _ in cells],
            "col": [column for _, column in cells],
            "yield": [float(k * k % 5) for k in range(12)],
        },
        "field",
    )
    roles = {"variety": "factor", "row": "factor", "col": "factor", "yield": "response"}
    field = TEMPLATES["spatial"].document(table, roles)
    built = build(field, table)
    assert built.problems == ()
    assert built.sizes[field.named("along rows").id] == (5, 5)


def in_order(levels, *, order=None, **design):
    """The build of an antedependence over such levels, one row each."""
    columns = {"g": [1] * len(levels), "time": levels, "y": [float(k * k % 5) for k in range(len(levels))]}
    table = Table.from_columns(columns, "one")
    if order is not None:
        table = table.with_choices(TableChoices().with_column("time", levels=order))
    document = after(
        SetResponse("y"),
        add("CovariancePropagation", "V", name="within"),
        add("DummyMatrix", "n1", "z", name="design", factors=Columns(("g", "time")), **WHOLE, **design),
        add("KroneckerProduct", "n1", "g", name="covariance"),
        add("IdentityMatrix", "n3", "a", name="subjects", n=Levels(("g",))),
        add("AntedependenceMatrix", "n3", "b", name="over time"),
    )
    return build(document, table), document, table


WEEKS = ["Week 10", "Week 1", "Week 2"]


def test_an_antedependence_takes_levels_in_the_order_of_their_numbers():
    built, document, table = in_order(WEEKS)
    assert (built.problems, built.notes) == ((), ())
    assert built.matrices["n2"].codes.tolist() == [2, 0, 1]
    source = python_source(document, table)
    assert "ordered=[1]" in source
    assert torch.equal(executed_v(source), built.v().double())
    # What a formula of SAS or ASReml says takes levels as they stand there: this is told.
    built, *_ = in_order(WEEKS, close_gaps=True)
    assert built.matrices["n2"].codes.tolist() == [2, 0, 1]
    assert (
        "over time takes its levels in the order of their numbers, Week 1, Week 2, Week 10" in built.notes[0]
    )
    built, *_ = in_order(["1", "2", "40"])
    assert (built.problems, built.notes, built.sizes["n5"]) == ((), (), (3, 3))


def test_an_order_that_is_none_of_numbers_is_told_for_an_antedependence():
    built, *_ = in_order(["low", "mid", "high"])
    assert built.problems == ()
    assert built.notes[0].startswith(
        "time: over time takes its levels in the order high, low, mid. For another"
    )
    assert in_order(["low", "mid", "high"], order=("low", "mid", "high"))[0].notes == ()
    built, *_ = in_order(WEEKS, order=("Week 2", "Week 10", "Week 1"))
    assert built.matrices["n2"].codes.tolist() == [1, 2, 0]
    assert built.notes == (
        "time: over time takes its levels in the order that is said, Week 2, Week 10, Week 1. For their own "
        "order, take that order back.",
    )


def test_an_antedependence_of_rows_in_another_order_is_asked_about():
    document = after(SetResponse("y"), add("AntedependenceMatrix", "V", name="series", n=Levels(("t",))))
    table = Table.from_columns({"t": ["t 9", "t 10", "t 1"], "y": [1.0, 3, 2]}, "one")
    (problem,) = build(document, table).problems
    assert "another order than t" in problem.message
