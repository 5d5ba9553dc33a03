"""A model around any structure of the catalogue, made of nothing but its declaration and its example."""

from __future__ import annotations

from typing import Any

import torch

from covstudio.covariance import Argument, Declaration, Matrix
from covstudio.data.relation import Relation
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.changes.all import AddNode, Batch, Change, SetArgument, SetParameters, SetRelation
from covstudio.document.model.arguments import is_required
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns, Related, Values

TIMES = (1.0, 2.0, 3.5, 5.25)
#: A second table of each kind that structures take.
RELATIONS = (
    Relation.of_pedigree([("a", "", ""), ("b", "", ""), ("c", "a", "b"), ("d", "c", "a")], "herd"),
    Relation.of_markers("abcd", [[0, 2, 1], [1, 1, 0], [2, 0, 2], [1, 2, 1]], "chip"),
    Relation.of_matrix("abcd", [[2, -1, 0, 0], [-1, 3, 0, 0], [0, 0, 2, 1], [0, 0, 1, 2]], "inverse", "Q"),
)
POINTS = ((1.0, 2.0, 3.5, 5.25), (0.5, 1.0, 0.25, 2.0), (2.0, 1.5, 4.0, 0.5))


def model_of(declared: Declaration) -> Document:
    """A document whose V is the structure, or X X' of it where it is not square.

    Its arguments are left alone where they may be; what a person has to give comes from the example. Operands
    are plain structures of the shapes that the example's operands have. Parameters stand away from their
    defaults.
    """
    document = _built(declared)
    made = build(document).matrices.get("s")
    assert made is not None, build(document).problems
    if made.shape[0] != made.shape[1]:
        document = _built(declared, around="Gram")
    return at_other_values(document)


def at_other_values(document: Document) -> Document:
    """Every parameter of V at a value that is not its default."""
    built = build(document)
    values = {}
    for position, ref in enumerate(built.parameters):
        theta = torch.tensor(0.3 - 0.05 * (position % 7), dtype=torch.float64)
        values[ref.node_id, ref.name] = float(ref.transform(theta))
    return SetParameters(values).apply(document)


def on_a_table(document: Document) -> tuple[Document, Table] | None:
    """The same model with what is written in it in the columns of a table; None where nothing is."""
    node = document.nodes["s"]
    columns: dict[str, list[Any]] = {}
    for name, value in node.arguments.items():
        if isinstance(value, Values):
            names = tuple(f"{name} {position}" for position in range(len(value.columns)))
            columns |= {key: list(column) for key, column in zip(names, value.columns, strict=True)}
            document = SetArgument("s", name, Columns(names)).apply(document)
    return (document, Table.from_columns(columns, "written.csv")) if columns else None


def _built(declared: Declaration, around: str = "") -> Document:
    above: tuple[str, str | None] = ("V", None)
    changes: list[Change] = []
    if around:
        changes.append(AddNode(around, id="g", arguments={"gram_type": "xxt"}, connect=above))
        above = ("g", None)
    example = declared.example()
    changes += [SetRelation(one.kind, one) for one in RELATIONS]
    changes.append(AddNode(declared.name, id="s", arguments=needed(declared, example), connect=above))
    operands = getattr(example, "operands", {})
    for position, operand in enumerate(operands.values()):
        rows, columns = operand.shape
        kind, sizes = "AR1Matrix", {"n": rows}
        if rows != columns:
            kind, sizes = "LowerTriangularMatrix", {"n": rows, "m": columns}
        slot = None if declared.variadic else declared.slots[position].name
        changes.append(AddNode(kind, id=f"o{position}", arguments=sizes, connect=("s", slot)))
    return Batch(tuple(changes)).apply(Document())


def needed(declared: Declaration, example: Matrix) -> dict[str, Any]:
    """The arguments that have no default, as a document holds them."""
    return {
        argument.name: value_of(argument, example)
        for argument in declared.arguments
        if is_required(argument) or (declared.kind == "operator" and argument.kind == "size")
    }


def value_of(argument: Argument, example: Matrix) -> Any:
    """A value for an argument: the example's own, where it keeps it under that name."""
    own = getattr(example, argument.name, None)
    if argument.kind == "factors":
        return Values((("a", "b", "c", "a"), ("x", "y", "y", "x")))
    if argument.kind == "coordinates":
        least, most = argument.columns
        return Values(POINTS[: max(least, min(2, most or 2))] if most != 1 else (TIMES,))
    if argument.kind == "relation":
        return Related(argument.choices[0])
    if argument.kind == "matrix":
        return tuple(tuple(1.0 + (i == j) for j in range(4)) for i in range(4))
    if argument.kind == "indices":
        return (0, 2) if own is None else tuple(own)
    if argument.kind == "choice":
        return argument.choices[0]
    if argument.kind == "flag":
        return False
    if own is not None:
        return own
    if argument.kind == "size":
        return 2
    least = 1 if argument.minimum is None else argument.minimum
    return int(least) if argument.kind == "integer" else float(least)
