"""Repairs: changes of which each solves a problem by itself."""

import pytest

from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.build.built import Problem, value_problems
from covstudio.document.build.repairs import repairs
from covstudio.document.changes.all import AddNode, SetParameters
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns, Levels, V
from tests.document.document_models import add, after, propagation, trial

LOOSE = add("ScalarMatrix", name="units")

CASES: dict[str, tuple[Document, Table | None, str, list[str]]] = {
    "no column is chosen": (propagation(()), trial(), "n2", ["Use gen", "Use rep", "Use block"]),
    "a column is misspelt": (propagation(("genn",)), trial(), "n2", ["Use gen in place of genn"]),
    "one of two columns is missing": (propagation(("rep", "plot")), trial(), "n2", ["Do without plot"]),
    "one column of numbers is wanted": (
        after(add("PowerVarianceMatrix", "V", v=Columns(("x", "row")))),
        trial(),
        "n1",
        ["Keep x alone"],
    ),
    "a size contradicts the design": (
        propagation(n=5),
        trial(),
        "n1",
        ["Set the size of levels to auto"],
    ),
    "a size follows a column that is not there": (
        propagation(n=Levels(("plot",))),
        trial(),
        "n3",
        ["Set Size of levels to auto"],
    ),
    "V does not match the rows": (
        after(add("ScalarMatrix", V, name="plots", n=5)),
        trial(),
        "n1",
        ["Set the size of plots to auto"],
    ),
    "nothing is V": (after(add("ScalarMatrix", name="plots", n=4)), None, V, ["Connect plots to V"]),
    "a node is loose": (
        after(add("Sum", V, name="total"), add("ScalarMatrix", "n1"), add("ScalarMatrix", "n1"), LOOSE),
        trial(),
        "n4",
        ["Connect units to total", "Remove units"],
    ),
    "a residual comes after a process": (
        after(add("AR1Matrix", V, name="time", n=4), LOOSE),
        None,
        "n2",
        ["Add units to V", "Remove units"],
    ),
    "a residual that was given another size": (
        after(add("AR1Matrix", V, name="time", n=4), add("ScalarMatrix", name="units", n=5)),
        None,
        "n2",
        ["Remove units"],
    ),
    "an operator has one operand": (
        after(add("Sum", V, name="total"), add("ScalarMatrix", "n1", name="plots")),
        trial(),
        "n1",
        ["Remove total, keep plots"],
    ),
    "what is wanted lies loose": (
        after(add("Sum", V, name="total"), add("ScalarMatrix", "n1"), LOOSE),
        trial(),
        "n1",
        ["Connect units to total"],
    ),
    "a value is out of its range": (
        SetParameters({("n3", "sigma^2"): -1.0}).apply(propagation()),
        trial(),
        "n3",
        ["Reset σ² of levels"],
    ),
}


def test_to_remove_an_operator_is_no_way_to_fill_it() -> None:
    document = after(add("ScalarMatrix", V, name="plots"), add("KroneckerProduct", name="product"))
    built = build(document)
    wanting, loose = (problem for problem in built.problems if problem.node_id == "n2")
    assert "needs" in wanting.message
    assert repairs(document, None, built, wanting) == ()
    assert [repair.label for repair in repairs(document, None, built, loose)] == ["Remove product"]


@pytest.mark.parametrize("case", CASES)
def test_a_repair_solves_the_problem_in_one_named_step(case: str) -> None:
    document, table, node, expected = CASES[case]
    built = build(document, table)
    problem = next(one for one in (*built.problems, *value_problems(built, document)) if one.node_id == node)
    found = repairs(document, table, built, problem)
    assert [repair.label for repair in found][: len(expected)] == expected
    for repair in found:
        assert repair.change.described(document) == repair.label
        mended = repair.change.apply(document)
        assert problem not in (*build(mended, table).problems, *value_problems(build(mended, table), mended))


def test_what_no_single_act_mends_has_no_repair() -> None:
    empty = build(Document())
    assert repairs(Document(), None, empty, empty.problems[0]) == ()
    operator = AddNode("CovariancePropagation", connect=(V, None)).apply(Document())
    built = build(operator)
    assert repairs(operator, None, built, built.problems[0]) == ()
    # That numbers cannot be computed is not known to who builds.
    assert repairs(operator, None, built, Problem("n1", "no Cholesky factor")) == ()
