"""What is said while a wire is dragged."""

import pytest

from covstudio.document.build.connection import check_connection
from covstudio.document.changes.all import Connect, Disconnect
from covstudio.document.model.node import Columns, Values
from tests.document.document_models import add, after, propagation, trial


def reason(child, parent, slot=None, *changes, table=None):
    return check_connection(
        after(*changes, start=propagation()), child, parent, slot, trial() if table is None else table
    )


def test_what_fits():
    assert reason("n4", "n1", "g", add("AR1Matrix")) is None
    assert reason("n4", "n1", "g", add("AR1Matrix", n=3)) is None
    assert reason("n4", "V", None, add("AR1Matrix")) is None
    assert reason("n4", "V", None, add("AR1Matrix", n=6)) is None
    assert reason("n1", "n4", None, add("Sum")) is None
    assert reason("n4", "n1", "z", add("DummyMatrix", factors=Columns(("rep",)))) is None
    # Unfinished things fit until something contradicts them.
    assert reason("n4", "n1", "z", add("DummyMatrix")) is None
    assert reason("n4", "n1", "g", add("Sum")) is None


@pytest.mark.parametrize(
    ("added", "parent", "slot", "text"),
    [
        (
            add("AR1Matrix", n=5),
            "n1",
            "g",
            "Z G Zᵀ: Covariance G must be 3 × 3 to match the columns of design; AR1 is 5 × 5. "
            "Set its size to auto or 3.",
        ),
        (
            add("DummyMatrix", name="Z of rep", factors=Columns(("rep",))),
            "n1",
            "g",
            "Z G Zᵀ: Covariance G must be 3 × 3 to match the columns of design; Z of rep is 6 × 2. "
            "Z G Zᵀ makes a square matrix of it.",
        ),
        (
            add("AR1Matrix", n=5),
            "V",
            None,
            "V must be 6 × 6 to match the rows of the table; AR1 is 5 × 5. Set its size to auto or 6.",
        ),
        (
            add("DummyMatrix", name="Z of rep", factors=Columns(("rep",))),
            "V",
            None,
            "V must be 6 × 6 to match the rows of the table; Z of rep is 6 × 2. "
            "Z G Zᵀ makes a square matrix of it.",
        ),
        (
            add("DummyMatrix", name="typed", factors=Values((("a", "b"),))),
            "n1",
            "z",
            "Z G Zᵀ: Design Z must have 6 rows to match the rows of the table; typed is 2 × 2. "
            "Choose other columns.",
        ),
    ],
)
def test_shapes_that_do_not_fit(added, parent, slot, text):
    assert reason("n4", parent, slot, added) == text


def test_a_tree_that_does_not_fit():
    document = after(
        add("Gram", name="cross"), add("LowerTriangularMatrix", "n4", "x", n=2, m=4), start=propagation()
    )
    assert check_connection(document, "n4", "n1", "g", trial()) == (
        "Z G Zᵀ: Covariance G must be 3 × 3 to match the columns of design; cross is 4 × 4. "
        "Set the sizes below it to auto, or choose other columns there."
    )


def test_operands_of_a_sum():
    document = after(add("Sum"), add("AR1Matrix", "n1", n=4), add("ScalarMatrix", n=5, name="noise"))
    assert check_connection(document, "n3", "n1", None, None) == (
        "Sum: an operand must be 4 × 4 to match the size of AR1; noise is 5 × 5. Set its size to auto or 4."
    )
    assert (
        check_connection(after(add("Sum"), add("AR1Matrix", "n1", n=4), add("ScalarMatrix")), "n3", "n1")
        is None
    )


def test_v_is_square_without_a_table_too():
    document = after(add("LowerTriangularMatrix", n=4, m=2, name="L"))
    assert check_connection(document, "n1", "V") == (
        "V is square; L is 4 × 2. Z G Zᵀ makes a square matrix of it."
    )


def test_a_contradiction_further_up_is_found():
    # G is known to be 3 x 3 only through the Inverse between it and the slot.
    document = after(
        add("Inverse", name="inv"), Connect("n4", "n1", "g"), add("AR1Matrix", n=5), start=propagation()
    )
    assert check_connection(document, "n5", "n4", None, trial()) == (
        "A⁻¹: Matrix A must be 3 × 3 to match the columns of design; AR1 is 5 × 5. Set its size to auto or 3."
    )


def test_old_contradictions_are_not_blamed_on_a_new_wire():
    document = after(
        add("Sum", "V"), add("AR1Matrix", "n1", n=4), add("AR1Matrix", "n1", n=5), add("AR1Matrix")
    )
    assert check_connection(document, "n4", "n1") is None


def test_structure_comes_before_shape():
    document = after(add("Sum"), start=propagation())
    assert check_connection(document, "n1", "n1") == "'effect' cannot be its own operand."
    assert check_connection(document, "n4", "n4") == "'Sum' cannot be its own operand."
    assert "would make a circle" in check_connection(after(add("Sum", "n4"), start=document), "n4", "n5")
    assert check_connection(document, "n4", "n1") == (
        "'effect' (Covariance propagation) has no free slot. Drop onto an operand to replace it."
    )
    assert check_connection(document, "n4", "n2") == (
        "'design' (Factor design) takes no operands. Connect to an operator such as Sum."
    )
    assert check_connection(document, "n9", "n2") == "There is no node 'n9'."


def test_an_occupied_slot_can_be_dropped_on():
    assert reason("n4", "n1", "g", add("AR1Matrix")) is None


def test_a_node_can_be_moved_out_of_its_own_context():
    # The 3 x 3 of G came from Z; in a Sum with V's other operand it is 6 x 6.
    document = after(Disconnect("n1"), add("Sum", "V"), Connect("n1", "n4"), start=propagation())
    assert check_connection(document, "n3", "n4", None, trial()) is None


def test_a_large_model_is_checked_as_a_small_one():
    changes = [add("Sum", "V")]
    for i in range(14):
        product = f"n{4 * i + 2}"
        changes += [
            add("CovariancePropagation", "n1", name=f"effect {i}"),
            add("DummyMatrix", product, "z", factors=Columns(("gen", "rep"))),
            add("Sum", product, "g", name=f"sum {i}"),
            add("AR1Matrix", f"n{4 * i + 4}"),
        ]
    document = after(*changes, add("AR1Matrix", n=4))
    assert len(document.nodes) == 58
    table, child = trial(), document.next_id()
    child = f"n{int(child[1:]) - 1}"
    assert "must be 6 × 6" in check_connection(document, child, "n4", None, table)
