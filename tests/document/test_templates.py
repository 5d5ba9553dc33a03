"""Templates: what they are on the data they are for, and on others."""

import pytest

from covstudio.data.examples import load_example
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.files.templates import TEMPLATES, templates
from covstudio.document.model.document import check_forest
from covstudio.document.model.node import Columns, Levels
from tests.document.document_models import trial

ALPHA, SPATIAL, REPEATED = (TEMPLATES[name] for name in ("alpha", "spatial", "repeated"))


def operands(document, name):
    node = document.named(name)
    return {slot: document.nodes[child] for slot, child in node.operands if child is not None}


def test_the_most_common_come_first():
    assert TEMPLATES.names()[:3] == ("alpha", "spatial", "repeated")
    assert all(template.title and template.description.endswith(".") for template in templates())


def test_the_alpha_design():
    table = load_example("john_alpha")
    document = ALPHA.document(table)
    root = document.nodes[document.v]
    assert root.kind == "Sum"
    assert [document.nodes[child].name for child in root.children] == ["genotype", "block", "residual"]
    genotype, block = operands(document, "genotype"), operands(document, "block")
    assert [genotype[slot].kind for slot in "zg"] == ["DummyMatrix", "ScalarMatrix"]
    assert genotype["z"].arguments["factors"] == Columns(("gen",))
    assert [block[slot].kind for slot in "zg"] == ["DummyMatrix", "ScalarMatrix"]
    assert block["z"].arguments["factors"] == Columns(("rep", "block"))
    assert document.named("residual").kind == "ScalarMatrix"
    assert (document.response, document.fixed_effects) == ("yield", "1 + rep")
    assert document.data_name == table.name
    assert document.roles["gen"] == "factor"
    built = build(document, table)
    assert built.problems == ()
    assert built.v.param_names == ["genotype/g/sigma^2", "block/g/sigma^2", "residual/sigma^2"]
    assert built.sizes[document.named("block design").id] == (72, 18)


def test_a_spatial_trial():
    cells = [(row, column) for row in range(1, 5) for column in range(1, 12)]
    table = Table.from_columns(
        {
            "variety": [f"v{i % 11}" for i in range(44)],
            "Row": [row for row, _ in cells],
            "Range": [column for _, column in cells],
            "yld": [float(i * i % 7) for i in range(44)],
        },
        "field",
    )
    document = SPATIAL.document(
        table, {"variety": "factor", "Row": "factor", "Range": "factor", "yld": "response"}
    )
    built = build(document, table)
    assert built.problems == ()
    assert built.v.param_names == [
        "genotype/g/sigma^2",
        "field/g/a/sigma^2",
        "field/g/a/rho",
        "field/g/b/rho",
        "units/sigma^2",
    ]
    assert document.named("along rows").arguments == {"n": Levels(("Row",))}
    design = built.matrices[document.named("field design").id]
    assert design.shape == (44, 44)
    # The grid is in the order of A (x) B: rows outside, columns inside, numbers by size.
    assert design.colnames[:2] == ["1⋈1", "1⋈2"]
    assert design.colnames[10:12] == ["1⋈11", "2⋈1"]


def test_plots_in_a_line_have_one_autoregression():
    document = SPATIAL.document(load_example("john_alpha"))
    built = build(document, load_example("john_alpha"))
    assert built.problems == ()
    assert [name for name in built.v.param_names if name.startswith("field")] == [
        "field/g/sigma^2",
        "field/g/rho",
    ]


def test_repeated_measures():
    subjects = [f"S{i}" for i in range(5) for _ in range(4)]
    table = Table.from_columns(
        {"Subject": subjects, "week": [1, 2, 3, 4] * 5, "y": [float(i % 3) for i in range(20)]}, "growth"
    )
    document = REPEATED.document(table)
    built = build(document, table)
    assert built.problems == ()
    assert built.v.param_names == [
        "subject/g/sigma^2",
        "within subject/g/b/sigma^2",
        "within subject/g/b/rho",
    ]
    assert (document.response, document.fixed_effects) == ("y", "1 + week")
    assert built.v.shape == (20, 20)


def test_too_many_times_are_not_bound():
    table = Table.from_columns(
        {
            "subject": ["a", "b"] * 100,
            "time": [float(i) for i in range(200)],
            "y": [float(i % 3) for i in range(200)],
        },
        "dense",
    )
    document = REPEATED.document(table)
    assert "factors" not in document.named("within subject design").arguments
    assert [problem.node_id for problem in build(document, table).problems] == [
        document.named("within subject design").id
    ]


@pytest.mark.parametrize("template", templates(), ids=lambda template: template.name)
@pytest.mark.parametrize(
    "table",
    [
        None,
        trial(),
        Table.from_columns({"<script>alert(1)</script>": ["a", "b"], "y": [1.0, 2.0]}, "odd"),
        Table.from_columns({"only": [1.0, 2.0]}, "numbers"),
        Table.from_columns({"gen": [None, None], "rep": ["a", "b"], "time": [None, 1.0]}, "gaps"),
    ],
    ids=["none", "trial", "odd", "numbers", "gaps"],
)
def test_any_table_gives_a_document_with_friendly_problems(template, table):
    document = template.document(table)
    check_forest(document)
    built = build(document, table)
    for problem in built.problems:
        assert problem.severity == "unfinished" or "'gen'" in problem.message
        assert problem.message.endswith(".")


def test_odd_names_of_columns_are_quoted_in_the_formula():
    table = Table.from_columns(
        {"my rep": ["a", "b"], "block": ["x", "y"], "gen": ["g", "h"], "y": [1.0, 2.0]}, "odd"
    )
    assert ALPHA.document(table).fixed_effects == "1 + `my rep`"
