"""Effects of individuals that a second table relates."""

from __future__ import annotations

from covstudio.document.files.templates.sketch import Sketch, columns_of
from covstudio.document.model.node import ArgumentValue, Related


def related(
    model: Sketch, name: str, parent: str, column: str | None, kind: str, argument: str, table: str | None
) -> None:
    """Z A Z' with the relationships of a second table.

    Args:
        model: the model.
        name: of the effect.
        parent: the operator that it is added to.
        column: whose levels are individuals of the table.
        kind: the structure of the relationships.
        argument: its argument that takes the table.
        table: what the model calls it; None while there is none.
    """
    effect = model.add("CovariancePropagation", name, parent)
    model.add("DummyMatrix", f"{name} design", effect, "z", columns_of(column))
    arguments: dict[str, ArgumentValue] = {} if table is None else {argument: Related(table)}
    model.add(kind, f"{name} covariance", effect, "g", arguments)
