"""Parts of templates: what is guessed, what is asked, and that trials are never laid over each other."""

import pytest
import torch

from covstudio.data.examples import load_example
from covstudio.data.roles import guess_roles
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.build.repairs import repairs
from covstudio.document.files.templates import TEMPLATES, PartsMissing, templates
from covstudio.document.model.node import Columns


def fields(trial="site", sites=("A", "B"), **more):
    """Two trials of 3 rows and 4 columns, with the same labels in both."""
    rows = [(site, row, column) for site in sites for row in (1, 2, 3) for column in (1, 2, 3, 4)]
    columns = {
        trial: [site for site, _, _ in rows],
        "row": [row for _, row, _ in rows],
        "col": [column for _, _, column in rows],
        "gen": [f"G{(5 * place) % 6}" for place in range(len(rows))],
        "yield": [float(place * place % 11) for place in range(len(rows))],
    }
    return Table.from_columns({**columns, **{name: make(rows) for name, make in more.items()}}, "fields")


def v_of(document, table, **values):
    """V of a model, by its parameters' natural values."""
    built = build(document, table)
    assert built.problems == ()
    naturals = torch.tensor([values.get(name, 1.0) for name in built.v.param_names], dtype=torch.float64)
    return built.v, built.v.evaluate(naturals)


def test_a_place_of_two_trials_is_two_places():
    table = fields()
    document = TEMPLATES["spatial"].model(table)
    v, dense = v_of(
        document,
        table,
        **{
            "field/g/a/sigma^2_0": 2.0,
            "field/g/a/sigma^2_1": 3.0,
            "field/g/b/a/rho": 0.5,
            "field/g/b/b/rho": 0.25,
        },
        **{"genotype/g/sigma^2": 0.0, "genotype in trial/g/sigma^2": 0.0},
    )
    assert [name for name in v.param_names if "rho" in name] == ["field/g/b/a/rho", "field/g/b/b/rho"]
    assert dense[:12, 12:].abs().max() == 0, "nothing relates a plot of one trial to one of the other"
    # Rows 1 and 2 of one column, then columns 1 and 2 of one row.
    assert dense[0, 4].item() == pytest.approx(2.0 * 0.5)
    assert dense[0, 1].item() == pytest.approx(2.0 * 0.25)
    assert dense[12, 16].item() == pytest.approx(3.0 * 0.5)
    assert document.fixed_effects == "1 + site"


def test_trials_that_no_name_tells_are_found_by_what_stands_in_the_field():
    table = fields(trial="Umgebung 7")
    assert TEMPLATES["spatial"].bind(table).values["trial"] == ("Umgebung 7",)


def test_trials_that_nothing_tells_are_asked_for_and_not_laid_over_each_other():
    table = fields(trial="one", other=lambda rows: [f"o{site}" for site, _, _ in rows])
    template = TEMPLATES["spatial"]
    bound = template.bind(table)
    assert [question.part.name for question in bound.questions] == ["trial"]
    assert bound.questions[0].candidates == ("one", "other")
    assert bound.values["trial"] == (None,)
    with pytest.raises(
        PartsMissing,
        match=r"Rows 1 and 13 of 'fields' have the same row and column \(row 1, col 1\): which column tells "
        r"their trials apart\? It may be 'one' or 'other'\. Say it by name: trial='one'",
    ):
        template.model(table)
    # On the page a card of its own asks for it, and what is chosen there is the model of two fields.
    document = template.document(table)
    built = build(document, table)
    assert {problem.node_id for problem in built.problems if problem.field} == {
        document.named("field design: to choose").id
    }
    (choice,) = [
        repair
        for problem in built.problems
        for repair in repairs(document, table, built, problem)
        if repair.label == "Use other"
    ]
    dense = v_of(choice.change.apply(document), table)[1]
    assert dense[:12, 12:].abs().max() == dense[0, 12] == 1, "the genotype alone, which stands in both"
    assert template.model(table, trial="other").fixed_effects == "1 + other"


def test_who_says_that_there_is_one_trial_is_believed():
    table = fields(trial="one", other=lambda rows: [f"o{site}" for site, _, _ in rows])
    assert TEMPLATES["spatial"].bind(table, trial=None).values["row"] == "row"


def test_a_place_measured_twice_is_no_second_trial_where_nothing_could_tell_trials():
    table = Table.from_columns(
        {"row": [1, 1, 2, 2] * 2, "col": [1, 2, 1, 2] * 2, "yield": [float(k % 3) for k in range(8)]}, "twice"
    )
    assert TEMPLATES["spatial"].bind(table).questions == ()


def test_trials_are_places_and_years_together():
    table = fields(
        sites=("A", "B", "C", "D"),
        year=lambda rows: [2020 if site in "AB" else 2021 for site, _, _ in rows],
        location=lambda rows: ["X" if site in "AC" else "Y" for site, _, _ in rows],
        trial="plan",
    )
    bound = TEMPLATES["spatial"].bind(table)
    assert bound.values["trial"] == ("location", "year")
    document = TEMPLATES["spatial"].model(table)
    assert document.fixed_effects == "1 + location * year"
    _, dense = v_of(document, table, **{"genotype/g/sigma^2": 0.0, "genotype in trial/g/sigma^2": 0.0})
    blocks = dense.reshape(4, 12, 4, 12).abs().amax(dim=(1, 3))
    assert torch.equal(blocks > 0, torch.eye(4, dtype=torch.bool))


@pytest.mark.parametrize("name", ["alpha", "row_column", "blocks", "split_plot"])
def test_blocks_of_two_trials_are_different_blocks(name):
    rows = [
        (site, block, gen, nitro) for site in "AB" for block in (1, 2) for gen in "uvw" for nitro in (0, 1)
    ]
    table = Table.from_columns(
        {
            "site": [row[0] for row in rows],
            "block": [row[1] for row in rows],
            "row": [row[1] for row in rows],
            "col": [f"{row[2]}{row[3]}" for row in rows],
            "gen": [row[2] for row in rows],
            "nitrogen": [row[3] for row in rows],
            "yield": [float(place * place % 7) for place in range(len(rows))],
        },
        "two sites",
    )
    parts = {"split_plot": {"whole": "nitrogen", "split": "gen"}}.get(name, {})
    document = TEMPLATES[name].model(table, **parts)
    off = {"genotype/g/sigma^2": 0.0}
    _, dense = v_of(document, table, **off)
    assert dense[:12, 12:].abs().max() == 0
    assert document.fixed_effects.startswith("1 + site")


def test_subjects_of_two_centres_that_share_their_numbers_are_different_subjects():
    rows = [(centre, subject, day) for centre in "AB" for subject in (1, 2) for day in (0, 1, 2)]
    columns = {
        "centre": [row[0] for row in rows],
        "subject": [row[1] for row in rows],
        "day": [row[2] for row in rows],
        "y": [float(place * place % 7) for place in range(len(rows))],
    }
    table = Table.from_columns(columns, "centres")
    for name in ("repeated", "compound_symmetry", "unstructured", "random_slopes", "spline_regression"):
        if name == "spline_regression":
            continue  # three days are too few for a spline
        _, dense = v_of(TEMPLATES[name].model(table), table)
        assert dense[:6, 6:].abs().max() == 0, name
        assert dense[0, 1] != 0, name
    # Labels of their own need no second column.
    columns["subject"] = [f"{row[0]}{row[1]}" for row in rows]
    own = Table.from_columns(columns, "centres")
    document = TEMPLATES["repeated"].model(own)
    assert document.named("subject design").arguments["factors"] == Columns(("subject",))


def test_what_cannot_be_guessed_is_asked_with_the_columns_that_it_may_be():
    table = load_example("oats_yates")
    with pytest.raises(PartsMissing) as caught:
        TEMPLATES["split_plot"].model(table)
    assert [(one.part.name, one.candidates) for one in caught.value.questions] == [
        ("whole", ("N", "Variety")),
        ("split", ("N", "Variety")),
    ]
    assert "Which column has the factor of the whole plots? It may be 'N' or 'Variety'." in str(caught.value)
    # Of two factors that are left, the one tells the other.
    assert TEMPLATES["split_plot"].model(table, whole="Variety").fixed_effects == "1 + Variety * N"
    with pytest.raises(
        PartsMissing, match="No column of numbers of 'labels' is left for the first coordinate"
    ):
        TEMPLATES["matern"].model(Table.from_columns({"a": ["p", "q"], "yield": [1.0, 2.0]}, "labels"))
    with pytest.raises(PartsMissing, match="Which second table has individuals, sires and dams"):
        TEMPLATES["animal"].model(load_example("mrode_calves"))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"rows": "row"},
            r"There is no part 'rows'; the parts are 'row', 'column', 'genotype' and 'trial'\.",
        ),
        ({"row": "raw"}, r"no column 'raw'.*'row'"),
        ({"row": ("row", "col")}, r"The row is one column; got 'row' and 'col'\."),
        ({"row": 3}, r"The row is said by the name of its column, a text, or None for none; got int\."),
        ({"row": "row", "column": "row"}, r"'row' is given for two parts, row and column: give each"),
        ({"genotype": "row", "trial": ["row"]}, r"'row' is given for two parts, genotype and trial"),
    ],
)
def test_what_is_said_of_parts_is_checked(parts, message):
    with pytest.raises(ValueError, match=message):
        TEMPLATES["spatial"].model(fields(), **parts)


def test_numbers_are_asked_of_a_column_of_text():
    with pytest.raises(ValueError, match="The time is a column of numbers, and 'Subject' holds text"):
        TEMPLATES["random_slopes"].model(load_example("sleepstudy"), time="Subject")


@pytest.mark.parametrize("template", templates(), ids=lambda template: template.name)
def test_no_guess_of_a_part_changes_a_role(template):
    table = template.sample.table()
    roles = dict.fromkeys(table.columns, "ignored")
    document = template.document(table, roles)
    assert dict(document.roles) == roles
    assert document.response is None
    guessed = template.document(table, None, dict(template.sample.relations()), **template.sample.parts)
    assert dict(guessed.roles) == guess_roles(table)


@pytest.mark.parametrize("template", templates(), ids=lambda template: template.name)
def test_its_sample_has_all_that_a_template_needs(template):
    table = template.sample.table()
    relations = dict(template.sample.relations())
    assert template.bind(table, None, relations, **template.sample.parts).questions == ()
    built = build(template.model(table, None, relations, **template.sample.parts), table)
    assert built.problems == ()
    assert built.v.shape == (built.table.n, built.table.n)
