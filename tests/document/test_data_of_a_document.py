"""What a document says about its data: roles that own the response, and choices about the table."""

import pytest

from covstudio.data import ChoiceError, ColumnChoice, Table, TableChoices
from covstudio.document.build.build import build
from covstudio.document.build.roles import roles_of, under_choices
from covstudio.document.build.same import same_structure
from covstudio.document.changes.all import (
    ChangeError,
    SetChoices,
    SetData,
    SetMethod,
    SetResponse,
    SetRoles,
)
from covstudio.document.changes.history import History
from covstudio.document.files.templates import TEMPLATES
from covstudio.document.files.write import DocumentError, dumps, loads
from covstudio.document.model.document import Document

GERMAN = Table.from_columns(
    {
        "Sorte": ["A", "B", "C"] * 4,
        "Wdh": [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4],
        "Ertrag (dt/ha)": [41.2, 39.1, 44.0, 40.5, 38.2, 43.1, 42.2, 39.9, 45.0, 41.1, 38.8, 44.4],
        "Feuchte %": [14.1, 13.9, 14.4, 14.0, 13.8, 14.2, 14.3, 14.1, 14.5, 13.7, 13.9, 14.0],
    },
    "trial",
)
ROLES = {"Sorte": "factor", "Wdh": "factor", "Ertrag (dt/ha)": "covariate", "Feuchte %": "response"}


def responses(document: Document) -> list[str]:
    return [column for column, role in document.roles.items() if role == "response"]


def test_the_roles_own_the_response():
    document = SetData("trial", ROLES).apply(Document())
    assert (document.response, responses(document)) == ("Feuchte %", ["Feuchte %"])
    document = SetResponse("Ertrag (dt/ha)").apply(document)
    assert (document.response, responses(document)) == ("Ertrag (dt/ha)", ["Ertrag (dt/ha)"])
    assert document.roles["Feuchte %"] == "covariate"
    document = SetRoles({"Feuchte %": "response"}).apply(document)
    assert (document.response, responses(document)) == ("Feuchte %", ["Feuchte %"])
    assert document.roles["Ertrag (dt/ha)"] == "covariate"
    document = SetRoles({"Feuchte %": "ignored"}).apply(document)
    assert (document.response, responses(document)) == (None, [])
    document = SetData("trial", ROLES, "Ertrag (dt/ha)").apply(Document())
    assert (document.response, responses(document)) == ("Ertrag (dt/ha)", ["Ertrag (dt/ha)"])
    with pytest.raises(ChangeError, match="A model has one response; got Wdh, Sorte"):
        SetRoles({"Wdh": "response", "Sorte": "response"}).apply(document)


@pytest.mark.parametrize("template", list(TEMPLATES), ids=lambda template: template.name)
def test_a_template_keeps_what_a_person_has_said(template):
    """The response was guessed anew, and was Feuchte % instead of the yield that was chosen."""
    table = GERMAN.with_choices(TableChoices(columns={"Sorte": ColumnChoice(reference="C")}))
    confirmed = SetData("trial", {**ROLES, "Wdh": "ignored"}, "Ertrag (dt/ha)", table.choices).apply(
        Document()
    )
    confirmed = SetMethod("ML").apply(confirmed)
    document = template.start(table, confirmed).apply(confirmed)
    assert document.response == "Ertrag (dt/ha)"
    assert document.roles == confirmed.roles
    assert document.choices == confirmed.choices
    assert document.method == "ML"
    # Another table is guessed, and what nobody has said too.
    other = template.start(Table.from_columns({"gen": ["a", "b"], "y": [1.0, 2.0]}, "other"), confirmed)
    assert other.apply(confirmed).roles == {"gen": "factor", "y": "response"}
    assert template.start(table, Document()).apply(Document()).response == "Ertrag (dt/ha)"


def test_roles_that_nobody_has_said_are_guessed_and_the_response_never_is():
    document = SetResponse("Ertrag (dt/ha)").apply(Document())
    assert roles_of(document, GERMAN) == {
        "Sorte": "factor",
        "Wdh": "factor",
        "Ertrag (dt/ha)": "response",
        "Feuchte %": "covariate",
    }
    assert "response" not in roles_of(Document(), Table.from_columns({"y": [1.0, 2.0]}, "t")).values()
    assert roles_of(Document(roles={"y": "factor"}), None) == {"y": "factor"}


def test_choices_are_undone_like_any_change():
    said = TableChoices().with_column("Sorte", levels=["C", "B", "A"])
    history = History(Document(data_name="trial"))
    changed = history.apply(SetChoices(said))
    assert changed.present.choices == said
    assert changed.undo().present.choices == TableChoices()
    assert SetChoices(said).described(Document()) == "Set how Sorte is read"
    with pytest.raises(ChangeError, match="are TableChoices; got dict"):
        SetChoices({}).apply(Document())  # type: ignore[arg-type]


def test_choices_are_kept_in_the_file():
    said = TableChoices(missing=("-99",)).with_column("Sorte", reference="B", values=["."])
    document = Document(choices=said)
    text = dumps(document)
    assert loads(text)[0] == document
    assert '"table": {' in text
    assert '"table"' not in dumps(Document())
    with pytest.raises(DocumentError, match=r"model\.table: Column 'Sorte' has no choice 'referenz'"):
        loads(text.replace('"reference"', '"referenz"'))


def test_what_a_document_says_goes_before_what_was_said_when_the_table_was_read():
    table = GERMAN.with_choices(TableChoices().with_column("Sorte", reference="B", levels=["C", "A"]))
    document = Document(choices=TableChoices().with_column("Sorte", reference="A"))
    under, misfit = under_choices(document, table)
    assert misfit is None
    assert (under.reference("Sorte"), under.levels("Sorte")) == ("A", ("C", "A", "B"))
    assert under_choices(document, table)[0] is under
    assert under_choices(Document(), table)[0] is table
    assert under_choices(document, None) == (None, None)


def test_choices_that_do_not_suit_the_table_are_a_problem_of_the_model():
    document = Document(choices=TableChoices().with_column("Sorte", kind="number"))
    problems = build(document, GERMAN).problems
    assert "Column 'Sorte' is said to hold numbers" in problems[0].message
    assert problems[0].field == "data"
    with pytest.raises(ChoiceError):
        GERMAN.with_choices(document.choices)


def test_the_order_of_levels_reaches_v_and_rebuilds_it():
    document = TEMPLATES["alpha"].document(GERMAN)
    said = SetChoices(TableChoices().with_column("Sorte", levels=["C", "B", "A"])).apply(document)
    ordered = build(said, GERMAN)
    assert not same_structure(document, said)
    design = ordered.matrices[said.named("genotype design").id]
    assert design()[:3].tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]


def test_cells_that_are_said_to_be_missing_leave_the_model():
    document = TEMPLATES["alpha"].document(GERMAN)
    said = SetChoices(TableChoices(missing=("41.2", "B"))).apply(document)
    built = build(said, GERMAN)
    assert built.table.n == 7
    assert "5 of 12 rows were dropped" in built.notes[0]
