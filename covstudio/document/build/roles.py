"""A table as a document has it: under what is said about it, with a role for every column."""

from __future__ import annotations

from covstudio.data.errors import TableError
from covstudio.data.roles import Role, completed_roles
from covstudio.data.tables import Table
from covstudio.document.model.document import Document


def under_choices(document: Document, table: Table | None) -> tuple[Table | None, str | None]:
    """A table as the document says that it is read, and why it cannot be, or None.

    What a document says goes before what was said when the table was read.

    Args:
        document: the document.
        table: the data.

    Returns:
        The table, the same object for the same choices; as it is where the choices do not suit it.
    """
    if table is None:
        return None, None
    try:
        return table.with_choices(document.choices.over(table.choices)), None
    except TableError as error:
        return table, str(error)


def roles_of(document: Document, table: Table | None) -> dict[str, Role]:
    """The roles that a fit goes by: those of the document, and guesses for columns of which it says nothing.

    Args:
        document: the model.
        table: the data.

    Returns:
        A role for every column of the table; those of the document alone without one.
    """
    under, _ = under_choices(document, table)
    if under is None:
        return dict(document.roles)
    return completed_roles(under, document.roles, document.response)
