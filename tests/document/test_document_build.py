"""From documents to matrices and problems."""

import pytest
import torch

from covstudio.covariance import Evaluation
from covstudio.data.examples import load_example
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.build.built import unused_values, value_problems
from covstudio.document.changes.all import (
    Disconnect,
    Rename,
    SetArgument,
    SetFixed,
    SetParameters,
)
from covstudio.document.files.templates import templates
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns, FrozenMap, Levels, Values
from tests.document.document_models import add, after, propagation, trial


def problems(document, table=None):
    return [
        (problem.node_id, problem.severity, problem.field, problem.message)
        for problem in build(document, table).problems
    ]


def alpha():
    table = load_example("john_alpha")
    return templates()[0].document(table), table


def test_the_alpha_design():
    document, table = alpha()
    built = build(document, table)
    assert built.problems == ()
    assert built.v.shape == (72, 72)
    assert built.v.param_names == ["genotype/g/sigma^2", "block/g/sigma^2", "residual/sigma^2"]
    assert built.matrices[document.named("block design").id].shape == (72, 18)
    document = SetParameters(
        {
            (document.named("genotype variance").id, "sigma^2"): 0.142902,
            (document.named("block variance").id, "sigma^2"): 0.070218,
            (document.named("residual").id, "sigma^2"): 0.081617,
        }
    ).apply(document)
    v = Evaluation().value(built.v, built.naturals("V", document))
    labels = {name: table.labels(name) for name in ("gen", "rep", "block")}

    def together(*names):
        rows = list(zip(*(labels[name] for name in names), strict=True))
        return torch.tensor([[float(a == b) for b in rows] for a in rows], dtype=torch.float64)

    expected = 0.142902 * together("gen") + 0.070218 * together("rep", "block")
    expected += 0.081617 * torch.eye(72, dtype=torch.float64)
    torch.testing.assert_close(v, expected, rtol=0, atol=1e-14)


def test_the_parameters_of_v():
    document, table = alpha()
    node = document.named("genotype variance")
    document = SetParameters({(node.id, "sigma^2"): 0.25}).apply(document)
    document = SetFixed(node.id, "sigma^2", True).apply(document)
    first, *rest = build(document, table).parameters
    assert (first.node_id, first.name, first.path) == (node.id, "sigma^2", "genotype/g/sigma^2")
    assert (first.natural, first.fixed, first.transform.bounds) == (0.25, True, (0.0, float("inf")))
    assert [ref.fixed for ref in rest] == [False, False]
    assert build(document, table).v.free_param_names == ["block/g/sigma^2", "residual/sigma^2"]


def test_paths():
    document, table = alpha()
    paths = {document.nodes[node].name: path for node, path in build(document, table).paths.items()}
    assert paths["Sum"] == ""
    assert paths["genotype"] == "genotype"
    assert paths["block design"] == "block/z"
    loose = add("AR1Matrix").apply(document)
    assert loose.next_id() not in build(loose, table).paths


def test_matrices_are_float64():
    document = after(
        add("Sum", "V"),
        add("AR1Matrix", "n1", n=3),
        add("UnstructuredMatrix", "n1"),
        add("KnownMatrix", "n1", K=((1.0, 0.1, 0.0), (0.1, 1.0, 0.0), (0.0, 0.0, 1.0))),
    )
    built = build(document)
    assert all(matrix().dtype == torch.float64 for matrix in built.matrices.values())
    assert built.v.param_specs["AR1/rho"]["default"].dtype == torch.float64


def test_a_loose_tree_is_built_and_pointed_at():
    document = after(add("Sum"), add("AR1Matrix", "n4", n=3), add("AR1Matrix", "n4"), start=propagation())
    built = build(document, trial())
    assert built.matrices["n4"].shape == (3, 3)
    assert [(one.node_id, one.message) for one in built.problems] == [
        ("n4", "Not part of V: connect it to an operator, or remove it.")
    ]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (Document(), ("V", "unfinished", None, "Drag a structure from the palette onto the canvas")),
        (
            after(add("AR1Matrix")),
            ("V", "unfinished", None, "Connect the matrix that describes the data to V."),
        ),
        (after(add("Sum", "V")), ("n1", "unfinished", None, "Sum needs two operands or more: drag a matrix")),
        (
            after(add("Sum", "V"), add("AR1Matrix", "n1")),
            (
                "n1",
                "unfinished",
                None,
                "Sum needs two operands or more, and has one: drag a matrix onto its free slot.",
            ),
        ),
        (
            Disconnect("n3").apply(propagation()),
            (
                "n1",
                "unfinished",
                None,
                "Covariance propagation needs Covariance G: drag a matrix onto its free slot.",
            ),
        ),
        (
            after(add("KroneckerProduct", "V")),
            (
                "n1",
                "unfinished",
                None,
                "Kronecker product needs Outer A and Inner B: drag matrices onto its free slots.",
            ),
        ),
        (
            after(add("DummyMatrix", "V")),
            (
                "n1",
                "unfinished",
                "factors",
                "Factors: choose one or more columns of the table, or type the labels.",
            ),
        ),
        (
            after(add("OrnsteinUhlenbeckMatrix", "V")),
            (
                "n1",
                "unfinished",
                "times",
                "Times: choose one or more columns of the table, or type the numbers.",
            ),
        ),
        (after(add("KnownMatrix", "V")), ("n1", "unfinished", "K", "Type or paste Matrix, one row a line.")),
        (
            propagation(("gne",)),
            ("n2", "error", "factors", "There is no column 'gne' in 'trial'. Did you mean 'gen'?"),
        ),
        (
            after(add("AR1Matrix", "V", n=Levels(("gne",)))),
            ("n1", "error", "n", "There is no column 'gne' in 'trial'. Did you mean 'gen'?"),
        ),
        (
            after(add("OrnsteinUhlenbeckMatrix", "V", times=Columns(("gen",)))),
            ("n1", "error", "times", "Column 'gen' should hold numbers, and row 1 holds 'G1'"),
        ),
        (
            after(add("KnownMatrix", "V", K=((1.0, 2.0), (2.0, 1.0)))),
            ("n1", "error", "K", "K must be positive semi-definite"),
        ),
        (after(add("AR1Matrix", "V", n=5)), ("n1", "error", None, "V is 5 × 5, and the table has 6 rows.")),
        (
            after(add("DummyMatrix", "V", factors=Columns(("gen",)))),
            ("n1", "error", None, "V is square, and this is 6 × 3. Z G Zᵀ makes a square matrix of it."),
        ),
        (propagation(n=5), ("n1", "error", None, "CovariancePropagation")),
        (
            after(add("GaussianMatrix", "V", coordinates=Values((tuple(map(float, range(9000))),)))),
            (
                "n1",
                "error",
                None,
                "9,000 × 9,000 numbers (0.6 GB) are more than can be held; the most is 8,000 × 8,000",
            ),
        ),
        (
            after(add("UnstructuredMatrix", "V", n=300)),
            ("n1", "error", None, "Unstructured of 300 has 45,150 parameters; the most is 20,000."),
        ),
        (
            after(add("DiagonalMatrix", "V", n=30_000)),
            ("n1", "error", None, "Diagonal of 30,000 has 30,000 parameters; the most is 20,000."),
        ),
        (
            after(add("ScalarMatrix", "V", n=1_000_000)),
            ("n1", "error", None, "V is 1000000 × 1000000, and the table has 6 rows."),
        ),
    ],
)
def test_problems_are_pinned_to_the_node_they_concern(document, expected):
    *place, message = expected
    found = [one for one in problems(document, trial()) if list(one[:3]) == place]
    assert len(found) == 1
    assert found[0][3].startswith(message)
    # Nodes above say nothing of their own; loose ones are told so.
    others = [one for one in problems(document, trial()) if one not in found]
    assert all(one[3].startswith("Not part of V") for one in others)


def test_what_is_never_written_out_may_have_any_number_of_rows():
    table = Table.from_columns({"gen": [f"G{i % 9}" for i in range(50_000)]}, "long")
    document = after(
        add("Sum", "V"),
        add("CovariancePropagation", "n1"),
        add("DummyMatrix", "n2", "z", factors=Columns(("gen",))),
        add("ScalarMatrix", "n2", "g"),
        add("AR1Matrix", "n1"),
    )
    assert problems(document, table) == []
    assert build(document, table).v.shape == (50_000, 50_000)


def test_columns_of_numbers_keep_their_names():
    document = after(
        add("CovariancePropagation", "V"),
        add("DesignMatrix", "n1", "z", columns=Columns(("row",)), basis="polynomial", degree=2),
        add("ScalarMatrix", "n1", "g"),
    )
    assert build(document, trial()).matrices["n2"].colnames == ["row", "row^2"]


def test_without_a_table_columns_are_asked_for():
    assert problems(propagation(("rep", "block"))) == [
        ("n2", "unfinished", "factors", "Load a table with the columns rep, block, or type the labels.")
    ]


def test_without_a_table_labels_can_be_written_out():
    labels = Values((("a", "b", "a"), ("x", "x", "y")))
    document = after(
        add("CovariancePropagation", "V"),
        add("DummyMatrix", "n1", "z", factors=labels),
        add("ScalarMatrix", "n1", "g"),
    )
    built = build(document)
    assert built.problems == ()
    assert built.matrices["n2"].colnames == ["a⋈x", "a⋈y", "b⋈x"]
    assert built.v.shape == (3, 3)


def test_several_coordinates_are_a_table():
    document = after(add("OrnsteinUhlenbeckMatrix", "V", times=Values(((0.0, 1.0, 3.0),))))
    assert build(document).v.shape == (3, 3)


def test_levels_keep_their_order():
    document = propagation(("row",), "UnstructuredMatrix")
    assert build(document, trial()).matrices["n2"].colnames == ["1", "2", "10"]


def test_all_combinations_can_be_kept():
    document = SetArgument("n2", "drop_empty_cols", False).apply(propagation(("rep", "block")))
    table = trial(block=["B1", "B1", "B2", "B1", "B3", "B3"])
    assert build(document, table).matrices["n2"].shape == (6, 6)
    assert build(propagation(("rep", "block")), table).matrices["n2"].shape == (6, 4)


def test_missing_labels_drop_rows_of_v_and_are_a_problem_elsewhere():
    table = trial(gen=["G1", None, "G3", "G1", "G2", "G3"])
    assert build(propagation(), table).v.shape == (5, 5)
    document = after(add("DummyMatrix", factors=Columns(("gen",))), start=propagation(("rep",)))
    (missing, loose) = (one for one in problems(document, table) if one[0] == "n4")
    assert missing[3].startswith("Column 'gen' has no label in 1 row.")
    assert loose[1] == "unfinished"


def test_a_table_without_complete_rows():
    table = trial(gen=[None] * 6)
    found = problems(propagation(), table)
    assert found[0][0] == "V"
    assert found[0][3].startswith("No row of 'trial' has a value in each of 'gen'")
    assert found[1][0] == "n2"


def test_renaming_changes_paths_and_nothing_else():
    document, table = alpha()
    renamed = Rename(document.named("genotype").id, "<script>alert(1)< script>").apply(document)
    assert build(renamed, table).v.param_names[0] == "<script>alert(1)< script>/g/sigma^2"
    assert build(renamed, table).problems == ()


def test_natural_values_follow_the_document():
    document = after(
        add("Sum", "V"),
        add("AR1Matrix", "n1", name="a", n=3),
        add("UnstructuredMatrix", "n1", name="b"),
        SetParameters({("n2", "rho"): 0.5, ("n3", "L_2_1"): -2.0}),
    )
    built = build(document)
    names = built.v.param_names
    values = dict(zip(names, built.naturals("V", document).tolist(), strict=True))
    assert values["a/rho"] == 0.5
    assert values["b/L_2_1"] == -2.0
    assert values["a/sigma^2"] == 1.0
    assert built.naturals("n2", document).tolist() == [1.0, 0.5]
    assert built.naturals("n2", document).dtype == torch.float64
    assert torch.equal(built.naturals("n1", document), built.naturals("V", document))
    dragged = SetParameters({("n2", "rho"): -0.25}).apply(document)
    assert built.naturals("n2", dragged).tolist() == [1.0, -0.25]
    with pytest.raises(KeyError, match="has no matrix"):
        built.naturals("n9", document)


def test_values_out_of_range_count_as_defaults_and_are_told():
    document = after(
        add("AR1Matrix", "V", n=3, name="time"),
        SetParameters({("n1", "rho"): 1.5, ("n1", "sigma^2"): 0.0}),
    )
    built = build(document)
    assert built.naturals("V", document).tolist() == [0.0, 0.0]
    (problem,) = value_problems(built, document)
    assert (problem.node_id, problem.field) == ("n1", "rho")
    assert problem.message == "ρ lies between -1 and 1; got 1.5. The default is used instead."
    assert built.check_value("n1", "rho", 1.0) is None
    assert built.check_value("n1", "sigma^2", -1.0) == "σ² lies between 0 and inf; got -1."
    assert built.check_value("n1", "nothing", 1.0) is None


def test_values_beyond_the_size_are_told_and_not_used():
    document = after(
        add("DiagonalMatrix", "V", n=3, name="plots"),
        SetParameters({("n1", "sigma^2_1"): 2.0, ("n1", "sigma^2_7"): 9.0}),
        SetFixed("n1", "sigma^2_8", True),
    )
    built = build(document)
    assert built.naturals("V", document).tolist() == [1.0, 2.0, 1.0]
    assert unused_values(built, document) == (
        "plots has no parameter 'sigma^2_7' or 'sigma^2_8' at its size: what the model says of them is not "
        "used.",
    )


def test_builds_do_not_share_matrices():
    document, table = alpha()
    one, other = build(document, table), build(document, table)
    one.v.set_param_specs("residual/sigma^2", value=4.0)
    assert other.v.param_specs["residual/sigma^2"]["default"].item() == 0.0


def test_odd_documents_give_problems_and_no_exceptions():
    nodes = propagation().nodes
    document = Document(
        FrozenMap(nodes), v="n1", response="nothing", fixed_effects="1 +* (", roles={"x": "factor"}
    )
    assert build(document, trial()).problems == ()
