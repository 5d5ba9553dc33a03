"""A table as the page shows it: columns and their roles, notes and questions, and the cells in sight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from covstudio.data.choices import TableChoices
from covstudio.data.examples import Example
from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.studio.data.examined import Examined, needs_file
from covstudio.studio.data.messages import (
    ExampleTable,
    ShownTable,
    TableCells,
    TableColumn,
    TableQuestion,
    WantCells,
)

#: The most cells that are sent at once; a page that wants more asks again.
MOST_CELLS = 20_000
#: So many notes and questions of a table are shown.
SHOWN = 100
#: Up to so many levels of a factor can be put in order.
ORDERED_LEVELS = 60


def table_shown(
    examined: Examined,
    roles: Mapping[str, Role],
    trouble: Mapping[str, str],
    serial: int,
    without_file: TableChoices | None,
) -> ShownTable:
    """Everything of a table but its cells.

    Args:
        examined: the table, looked through.
        roles: of its columns.
        trouble: column -> what is wrong with its role.
        serial: what the page asks for its cells by.
        without_file: what is said about the table, where its file is not at hand to be read again; else None.
    """
    table = examined.table
    asked = {question.text for question in table.questions}
    return ShownTable(
        serial=serial,
        name=table.name,
        rows=table.n,
        notes=_first([note for note in table.notes if note not in asked]),
        questions=[
            _question(table, place, without_file) for place in range(min(len(table.questions), SHOWN))
        ],
        columns=[
            _column(examined, column, roles.get(column, "ignored"), trouble.get(column))
            for column in table.columns
        ],
        ready=not trouble,
    )


def _column(examined: Examined, name: str, role: Role, error: str | None) -> TableColumn:
    table, described, guess = examined.table, examined.described[name], examined.guesses.get(name)
    levels, many = table.first_levels(name, ORDERED_LEVELS) if role == "factor" else ((), 0)
    return TableColumn(
        name=name,
        numeric=described.numeric,
        summary=described.summary,
        missing=described.missing,
        role=role,
        # The guess's reason, where it is what was guessed.
        reason=guess.reason if guess is not None and guess.role == role else "",
        error=error,
        levels=list(levels) if many <= ORDERED_LEVELS else [],
        reference=_reference(table, name) or levels[0] if levels else None,
    )


def _reference(table: Table, name: str) -> str | None:
    """The level that somebody has chosen for the others to be compared with, where it occurs."""
    chosen = table.reference(name)
    return chosen if chosen is not None and chosen in table.levels(name) else None


def _question(table: Table, place: int, without_file: TableChoices | None) -> TableQuestion:
    question = table.questions[place]
    read = without_file is not None and any(needs_file(answer, without_file) for answer in question.answers)
    answers = [] if read else [answer.text for answer in question.answers]
    return TableQuestion(text=question.text, answers=answers)


def _first(notes: list[str]) -> list[str]:
    """The first notes; of a very wide table there may be thousands."""
    return notes if len(notes) <= SHOWN else [*notes[:SHOWN], f"And {len(notes) - SHOWN:,} more notes."]


def cells_shown(table: Table, said: WantCells) -> TableCells:
    """The cells that are to be seen."""
    row, column = max(said.row, 0), max(said.column, 0)
    columns = min(max(said.columns, 0), max(len(table.columns) - column, 0), MOST_CELLS)
    rows = min(max(said.rows, 0), MOST_CELLS // max(columns, 1))
    part = table.frame.iloc[row : row + rows, column : column + columns]
    cells = replace(table, frame=part, lines=None).to_columns()
    return TableCells(serial=said.serial, row=row, column=column, cells=list(cells.values()))


def example_shown(example: Example) -> ExampleTable:
    """A built-in table in the list of them."""
    return ExampleTable(
        name=example.name,
        title=example.title,
        description=example.description,
        source=example.source,
        licence=example.licence,
    )
