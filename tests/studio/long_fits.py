"""Tables and models whose fits take long enough to be watched and cancelled."""

from __future__ import annotations

from covstudio.data.examples import load_example
from covstudio.data.tables import Table
from covstudio.document.changes.all import AddNode
from covstudio.document.files.templates import templates
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns


def many_times(times: int, name: str) -> Table:
    """The alpha design many times over, yields a little apart, with a place for every plot.

    Args:
        times: how often.
        name: of the table.
    """
    trial = load_example("john_alpha")
    columns = {column: list(values) * times for column, values in trial.to_columns().items()}
    n = times * trial.n
    columns["yield"] = [
        float(value or 0) + 0.01 * ((7 * i + 3 * (i // trial.n)) % 13)
        for i, value in enumerate(columns["yield"])
    ]
    columns["east"] = [float((31 * i) % 97) for i in range(n)]
    columns["north"] = [float((57 * i) % 89) for i in range(n)]
    return Table.from_columns(columns, name)


def with_field(table: Table, structure: str) -> Document:
    """The model of the alpha design beside a covariance between places that no engine takes apart.

    Args:
        table: from `many_times`.
        structure: of the covariance between places.
    """
    document = templates()[0].document(table)
    assert document.v is not None
    places = {"coordinates": Columns(("east", "north"))}
    return AddNode(structure, arguments=places, connect=(document.v, None)).apply(document)
