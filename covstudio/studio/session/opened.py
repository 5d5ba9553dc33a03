"""A model that was read, made ready beside the event loop: what is left is to put it in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from covstudio.data.choices import TableChoices
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.build.built import Build
from covstudio.document.model.document import Document


@dataclass(frozen=True)
class Opened:
    """A model that is ready to be put in its place.

    Attributes:
        document: the model.
        table: that was saved with it, as the session will keep it; None where there was none.
        data: the table that it was built on: that one, or one that the session had.
        build: what was built.
    """

    document: Document
    table: Table | None
    data: Table | None
    build: Build


def kept(tables: Mapping[str, Table], table: Table) -> tuple[str, Table]:
    """A table as a session keeps it for undo and redo, under a name that no table with other values has.

    What is said about it is the document's: it is kept without, so that it can be taken back.

    Args:
        tables: name -> table, those that the session has.
        table: the table.

    Returns:
        The name, and the table of that name: one of those that the session has where it has these values.

    Example:
        >>> first = Table.from_columns({"y": [1.0, 2.0]}, "trial")
        >>> kept({"trial": first}, Table.from_columns({"y": [1.0, 3.0]}, "trial"))[0]
        'trial (2)'
        >>> kept({"trial": first}, Table.from_columns({"y": [1.0, 2.0]}, "trial"))[1] is first
        True
    """
    table = table.before_steps()
    name, number = table.name, 2
    while name in tables and not tables[name].same_cells(table):
        name, number = f"{table.name} ({number})", number + 1
    if name in tables:
        return name, tables[name]
    own = name == table.name and not table.choices
    return name, table if own else replace(table, name=name, choices=TableChoices())


def made_ready(
    tables: Mapping[str, Table],
    document: Document,
    table: Table | None,
    told: Callable[[int, int], object] | None = None,
) -> Opened:
    """Build a model that was read; the session stays as it is.

    Args:
        tables: name -> table, those that the session has.
        document: the model.
        table: that was saved with it.
        told: as of `covstudio.document.build.build.build`: hears how far it is, and may end it by raising.
    """
    if table is not None:
        name, own = kept(tables, table)
        if document.data_name == table.name and name != table.name:
            document = replace(document, data_name=name)
        table = own
        data = table if document.data_name == name else tables.get(document.data_name or "")
    else:
        data = tables.get(document.data_name or "")
    return Opened(document, table, data, build(document, data, told))
