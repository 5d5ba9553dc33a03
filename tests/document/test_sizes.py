"""Sizes from context: down from the table, up from the columns, sideways between operands."""

import numpy as np
import pytest

from covstudio.document.build.build import build
from covstudio.document.changes.all import SetResponse
from covstudio.document.model.document import Document, numbered_slots
from covstudio.document.model.node import Columns, Levels, Node, Rows, Values
from covstudio.document.sizes.infer import infer_sizes
from tests.document.document_models import add, after, propagation, trial


def sizes(document, table=None):
    """(node name, argument) -> "value, why", of every size."""
    found = build(document, table).origins
    return {(document.nodes[node].name, argument): origin.text for (node, argument), origin in found.items()}


def test_nothing_known_is_four():
    document = after(add("AR1Matrix", name="time"))
    assert sizes(document) == {("time", "n"): "4, until the data or a neighbour says otherwise"}
    assert build(document).matrices["n1"].shape == (4, 4)


def test_v_has_the_rows_of_the_table():
    document = after(add("Sum", "V"), add("ScalarMatrix", "n1", name="a"), add("AR1Matrix", "n1", name="b"))
    assert sizes(document, trial()) == {
        ("a", "n"): "6, the rows of the table",
        ("b", "n"): "6, the rows of the table",
    }
    assert build(document, trial()).v.shape == (6, 6)


def test_rows_that_a_model_cannot_use_do_not_count():
    table = trial(**{"yield": [4.1, None, 5.0, 4.4, None, 5.3]})
    assert build(propagation(), table).v.shape == (6, 6)
    built = build(SetResponse("yield").apply(propagation()), table)
    assert built.v.shape == (4, 4)
    assert built.table.n == 4
    assert built.notes == ("2 of 6 rows were dropped: 2 have no 'yield'.",)


def test_g_has_the_columns_of_z():
    assert sizes(propagation(), trial()) == {("levels", "n"): "3, the columns of design"}
    # Nested factors: the combinations that occur, not all of them.
    table = trial(block=["B1", "B1", "B2", "B1", "B3", "B3"])
    document = propagation(("rep", "block"))
    assert sizes(document, table) == {("levels", "n"): "4, the columns of design"}
    assert build(document, table).matrices["n2"].shape == (6, 4)


def test_operands_of_a_sum_are_alike():
    document = after(
        add("Sum"),
        add("ScalarMatrix", "n1", name="a"),
        add("AR1Matrix", "n1", name="b", n=7),
        add("Sum", "n1"),
        add("ScalarMatrix", "n4", name="c"),
        add("IdentityMatrix", "n4", name="d"),
    )
    assert sizes(document) == {
        ("a", "n"): "7, the size of b",
        ("b", "n"): "7, as set",
        ("c", "n"): "7, the size of b",
        ("d", "n"): "7, the size of b",
    }


def test_a_kronecker_product_leaves_the_quotient():
    document = after(
        add("KroneckerProduct", "V", name="grid"),
        add("AR1Matrix", "n1", "a", name="row", n=2),
        add("AR1CorrelationMatrix", "n1", "b", name="col"),
    )
    assert sizes(document, trial()) == {
        ("row", "n"): "2, as set",
        ("col", "n"): "3, 6 ÷ 2, what its neighbour leaves of grid",
    }
    # Without a table the product follows its operands.
    assert build(document).sizes["n1"] == (8, 8)


def test_a_kronecker_product_inside_g():
    document = after(
        add("CovariancePropagation", "V", name="field"),
        add("DummyMatrix", "n1", "z", name="cells", factors=Columns(("rep", "gen")), drop_empty_cols=False),
        add("KroneckerProduct", "n1", "g", name="grid"),
        add("AR1Matrix", "n3", "a", name="along rep", n=Levels(("rep",))),
        add("AR1CorrelationMatrix", "n3", "b", name="along gen"),
    )
    assert sizes(document, trial()) == {
        ("along rep", "n"): "2, the levels of rep",
        ("along gen", "n"): "3, 6 ÷ 2, what its neighbour leaves of grid",
    }


@pytest.mark.parametrize(
    ("table", "shapes", "message"),
    [
        (trial(), [(2, 2), (3, 3)], "6 = 2 × 3 is a guess"),
        (trial().rows(np.array([True] * 5 + [False])), [(1, 1), (5, 5)], "5 = 1 × 5 is a guess"),
    ],
)
def test_what_is_left_open_is_guessed_and_said(table, shapes, message):
    document = after(
        add("KroneckerProduct", "V"),
        add("DiagonalMatrix", "n1", "a", name="a"),
        add("DiagonalMatrix", "n1", "b", name="b"),
    )
    built = build(document, table)
    assert [built.matrices[i].shape for i in ("n2", "n3")] == shapes
    assert built.v.shape == (table.n, table.n)
    (problem,) = built.problems
    assert (problem.node_id, problem.severity) == ("n1", "unfinished")
    assert problem.message.startswith(message)
    assert all(origin.guessed for origin in built.origins.values())


def test_blocks_on_the_diagonal_share_the_rows():
    document = after(
        add("BlockDiagonal", "V", name="blocks"),
        add("ScalarMatrix", "n1", name="a", n=2),
        add("ScalarMatrix", "n1", name="b"),
    )
    assert sizes(document, trial())[("b", "n")] == "4, 6 − 2, what its neighbour leaves of blocks"
    document = after(add("ScalarMatrix", "n1", name="c"), start=document)
    built = build(document, trial())
    assert [built.matrices[i].shape[0] for i in ("n2", "n3", "n4")] == [2, 2, 2]
    assert built.problems[0].message.startswith("6 = 2 + 2 + 2 is a guess")


def test_a_factor_of_a_gram_matrix():
    document = after(
        add("CovariancePropagation", "V"),
        add("DummyMatrix", "n1", "z", name="z", factors=Columns(("gen",))),
        add("Gram", "n1", "g", gram_type="xxt"),
        add("LowerTriangularMatrix", "n3", "x", name="L", m=2),
    )
    assert sizes(document, trial()) == {("L", "n"): "3, the columns of z", ("L", "m"): "2, as set"}
    built = build(document, trial())
    assert built.problems == ()
    assert built.matrices["n3"].shape == (3, 3)


def test_a_rectangle_is_square_while_nobody_says_otherwise():
    document = after(
        add("CovariancePropagation", "V"),
        add("DummyMatrix", "n1", "z", factors=Columns(("gen",))),
        add("Gram", "n1", "g", gram_type="xxt"),
        add("LowerTriangularMatrix", "n3", "x", name="L"),
    )
    assert build(document, trial()).matrices["n4"].shape == (3, 3)


@pytest.mark.parametrize(
    ("changes", "shapes"),
    [
        ([add("Transpose"), add("LowerTriangularMatrix", "n1", "a", n=5, m=2)], {"n1": (2, 5)}),
        ([add("Inverse"), add("AR1Matrix", "n1", "a", n=5)], {"n1": (5, 5)}),
        (
            [add("Product"), add("LowerTriangularMatrix", "n1", n=5, m=2), add("AR1Matrix", "n1")],
            {"n1": (5, 2), "n3": (2, 2)},
        ),
        (
            [add("Stack"), add("AR1Matrix", "n1", n=3), add("LowerTriangularMatrix", "n1", n=4)],
            {"n1": (7, 3), "n3": (4, 3)},
        ),
        (
            [add("Augment"), add("AR1Matrix", "n1", n=3), add("EqualEntryMatrix", "n1", m=2)],
            {"n1": (3, 5), "n3": (3, 2)},
        ),
        (
            [add("HadamardProduct"), add("AR1Matrix", "n1", "a", n=3), add("ScalarMatrix", "n1", "b")],
            {"n3": (3, 3)},
        ),
    ],
)
def test_shapes_of_other_operators(changes, shapes):
    built = build(after(*changes))
    assert built.problems[0].message.startswith("Connect the matrix that describes the data to V")
    assert len(built.problems) == 1
    assert {node: built.matrices[node].shape for node in shapes} == shapes


def test_sizes_of_matrices_that_cannot_be_built_are_known_where_they_follow():
    built = build(propagation(), None)
    assert built.sizes == {"n1": None, "n2": None, "n3": (4, 4)}
    values = Values((("a", "b", "a"),))
    document = after(add("CovariancePropagation"), add("DummyMatrix", "n1", "z", factors=values))
    assert build(document).sizes == {"n1": (3, 3), "n2": (3, 2)}


def test_typed_sizes_stand_whatever_their_context():
    document = propagation(n=5)
    built = build(document, trial())
    assert built.matrices["n3"].shape == (5, 5)
    assert [problem.node_id for problem in built.problems] == ["n1"]


def test_sizes_bound_to_data_ask_for_it():
    document = after(
        add("ScalarMatrix", "V", n=Rows(), name="a"), add("AR1Matrix", n=Levels(("gen", "rep")), name="b")
    )
    assert sizes(document, trial()) == {
        ("a", "n"): "6, the rows of the table",
        ("b", "n"): "6, the levels of gen x rep",
    }
    messages = [problem.message for problem in build(document).problems]
    assert messages[0] == "Size follows the rows of the table: load one, or type a size."
    assert messages[1] == "Size follows the levels of gen x rep: load a table, or type a size."


@pytest.mark.parametrize("kind", ["Sum", "BlockDiagonal"])
def test_thousands_of_nodes_are_no_trouble(kind):
    leaves = {f"n{i}": Node(f"n{i}", "ScalarMatrix", f"m{i}") for i in range(2, 2000)}
    root = Node("n1", kind, "total", operands=numbered_slots(leaves))
    document = Document({"n1": root, **leaves}, v="n1")
    found = infer_sizes(document, measure=lambda node: None, levels=lambda columns: None, rows=None)
    assert found.origins["n1999", "n"].value == 4


def test_a_submatrix_has_as_many_rows_as_positions():
    document = after(
        add("Sum", "V"),
        add("ScalarMatrix", "n1", name="noise"),
        add("Submatrix", "n1", index=(0, 3, 7), name="part"),
        add("AR1Matrix", "n3", "a", name="time"),
    )
    # The operand is as large as its positions ask for when nothing else says so.
    assert sizes(document) == {
        ("noise", "n"): "3, the positions of part",
        ("time", "n"): "8, as far as the positions of part reach",
    }
    assert build(document).sizes["n1"] == (3, 3)
    assert build(document).problems == ()


def test_what_is_conditioned_on_is_added_to_what_is_wanted():
    document = after(
        add("Conditional", "V", given=(1, 4), name="rest"),
        add("AR1Matrix", "n1", "a", name="time"),
    )
    assert sizes(document, trial()) == {("time", "n"): "8, the size of rest and its 2 given positions"}
    assert build(document, trial()).v.shape == (6, 6)
    # Upwards: three are left of five.
    assert sizes(document) == {("time", "n"): "5, as far as the positions of rest reach"}
    assert build(document).sizes["n1"] == (3, 3)


def test_a_size_passes_through_a_conditional_to_the_factors_of_a_product():
    document = after(
        add("Conditional", "V", given=(0, 1)),
        add("KroneckerProduct", "n1", "a", name="grid"),
        add("AR1Matrix", "n2", name="row", n=2),
        add("AR1CorrelationMatrix", "n2", name="column"),
    )
    assert sizes(document, trial())["column", "n"] == "4, 8 ÷ 2, what its neighbour leaves of grid"
    assert build(document, trial()).problems == ()
