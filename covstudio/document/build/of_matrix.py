"""The way back: a matrix written in Python as a document, with the same V at the same theta."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from covstudio.covariance import Argument, Declaration, Matrix, UnknownStructure, catalogue, declaration
from covstudio.data.errors import TableError
from covstudio.data.relation import Kind, Relation
from covstudio.data.relation_reading import relation_of
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.changes.all import AddNode, ChangeError, SetParameters, default_name
from covstudio.document.changes.auto_layout import auto_layout
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns, Related, V, Values

#: Names that `Sum(a, b)` gives its operands: nobody chose them.
_UNNAMED = re.compile(r"op_\d+")
#: How far V of the document may be from V of the matrix, against its largest entry.
_SAME = 1e-10


class NotADocument(ValueError):
    """A matrix that no document can stand for; the message says which part of it, and what would do."""


def document_of(
    matrix: Matrix, theta: Tensor | None = None, table: Table | None = None, title: str = "Untitled model"
) -> Document:
    """The document whose V is this matrix, with its parameters at theta.

    Labels and numbers that a column of the table holds become that column, everything else is written out in
    the document. Names of operands become names of nodes.

    Args:
        matrix: a structure of the catalogue, or operators of them, with m free parameters.
        theta: RAW values of the free parameters, shape (m,); their defaults when left out.
        table: the table whose rows are the rows of V.
        title: of the document.

    Returns:
        The document, laid out. `build(document, table)` gives a matrix with the same V.

    Raises:
        NotADocument: a part is no structure of the catalogue, or made with what a document does not hold,
            such as an order of levels.
        ValueError: theta is not of the right length.

    Example:
        >>> from covstudio.covariance import AR1Matrix, ScalarMatrix, Sum
        >>> document = document_of(Sum(trend=AR1Matrix(4), noise=ScalarMatrix(4)))
        >>> [node.name for node in document.nodes.values()]
        ['Sum', 'trend', 'noise']
    """
    # What is fixed, and at which value, is said by the whole: its operands may have been made before.
    fixed = frozenset(parameter.name for parameter in matrix.parameters if parameter.fixed)
    made = _Maker(table, _naturals(matrix, theta), fixed)
    made.add(matrix, None, (V, None), "")
    document = auto_layout(made.document).apply(made.document)
    document = replace(document, title=title, data_name=None if table is None else table.name)
    _check(document, table, matrix, theta)
    return document


class _Maker:
    """Adds a matrix and its operands to a document, the root first."""

    def __init__(self, table: Table | None, naturals: Mapping[str, float], fixed: frozenset[str]) -> None:
        self.document = Document()
        self._fixed = fixed
        self._table = table
        self._naturals = naturals

    def add(self, matrix: Any, wanted: str | None, connect: tuple[str, str | None], prefix: str) -> None:
        constant = not isinstance(matrix, Matrix)
        if constant:
            matrix = _known(matrix)
        declared = _declared(matrix)
        given = _given(matrix, declared)
        arguments = {
            argument.name: self._argument(argument, given[argument.name], matrix)
            for argument in declared.arguments
            if given.get(argument.name) is not None
        }
        document = self.document
        node_id = document.next_id()
        name = document.free_name(wanted or default_name(declared))
        try:
            document = AddNode(
                declared.name, name=name, arguments=arguments, connect=connect, id=node_id
            ).apply(document)
        except ChangeError as error:
            raise NotADocument(f"{declared.name}: {error}") from error
        own = [parameter.name for parameter in matrix.parameters if "/" not in parameter.name]
        node = document.nodes[node_id]
        self.document = document.with_nodes(
            replace(node, fixed=frozenset(name for name in own if constant or prefix + name in self._fixed))
        )
        naturals = {name: 1.0 if constant else self._naturals[prefix + name] for name in own}
        self.document = SetParameters({(node_id, name): natural for name, natural in naturals.items()}).apply(
            self.document
        )
        if declared.kind == "operator":
            slots = [slot.name for slot in declared.slots]
            for index, (operand, child) in enumerate(matrix.operands.items()):
                slot = slots[index] if slots else None
                self.add(child, _node_name(operand, name, slot), (node_id, slot), f"{prefix}{operand}/")

    def _argument(self, argument: Argument, value: Any, matrix: Matrix) -> Any:
        if argument.kind == "factors":
            return self._columns([[str(one) for one in factor] for factor in _factors(value)], labels=True)
        if argument.kind == "coordinates":
            if isinstance(value, Mapping):
                value = np.stack([np.asarray(column, dtype=np.float64) for column in value.values()], axis=1)
            elif hasattr(value, "to_numpy"):
                value = value.to_numpy()
            numbers = torch.as_tensor(value, dtype=torch.float64)
            columns = numbers.reshape(len(numbers), -1).T.tolist()
            return self._columns(columns, labels=False)
        if argument.kind == "matrix":
            return tuple(map(tuple, torch.as_tensor(value, dtype=torch.float64).tolist()))
        if argument.kind == "relation":
            return self._relation(argument, value, matrix)
        if argument.kind == "indices":
            return tuple(int(one) for one in value)
        if argument.kind in ("size", "integer"):
            return int(value)
        return float(value) if argument.kind == "number" else value

    def _relation(self, argument: Argument, value: Any, matrix: Matrix) -> Related:
        """What a structure was given as a second table of the document."""
        kind = cast("Kind", argument.choices[0])
        # Who has no name is called by his number.
        numbers = [str(k + 1) for k in range(matrix.shape[0])]
        try:
            if isinstance(value, tuple) and len(value) == 4:
                made = Relation(kind, tuple(numbers), numbers=value[2], places=np.stack(value[:2]))
            else:
                made = relation_of(value, kind, ids=numbers)
        except TableError as error:
            raise NotADocument(f"{argument.label}: {error}") from error
        known = self.document.relations
        name = next((one for one, other in known.items() if other == made), None)
        if name is None:
            taken = (f"{argument.name} {k}" for k in range(2, len(known) + 3))
            name = next(one for one in (argument.name, *taken) if one not in known)
            self.document = replace(self.document, relations={**known, name: made})
        return Related(name)

    def _columns(self, columns: list[list[Any]], *, labels: bool) -> Columns | Values:
        found = [self._column_of_the_table(column, labels) for column in columns]
        names = [name for name in found if name is not None]
        if len(names) == len(columns) and len(set(names)) == len(names):
            return Columns(tuple(names))
        return Values(tuple(tuple(column) for column in columns))

    def _column_of_the_table(self, column: list[Any], labels: bool) -> str | None:
        table = self._table
        if table is None or len(column) != table.n:
            return None
        for name in table.columns:
            if labels and table.labels(name) == column:
                return name
            if not labels and table.frame[name].dtype != object:
                numbers = np.asarray(table.frame[name], dtype=np.float64)
                if np.array_equal(numbers, np.asarray(column)):
                    return name
        return None


def _node_name(operand: str, parent: str, slot: str | None) -> str | None:
    if operand != slot and not _UNNAMED.fullmatch(operand):
        return operand
    return None if slot is None else f"{parent} {slot}"[:50]


def _known(constant: Tensor) -> Matrix:
    """A tensor among the operands as a structure, which is that tensor where its variance is 1."""
    if constant.ndim != 2:
        raise NotADocument(
            f"A tensor of shape {tuple(constant.shape)} among the operands is no structure that the studio "
            "can build: expected rows and columns."
        )
    square = constant.shape[0] == constant.shape[1]
    cls: Any = next(one.cls for one in catalogue() if _holds(one, "matrix" if square else "coordinates"))
    made: Matrix = cls(constant)
    return made


def _holds(declared: Declaration, kind: str) -> bool:
    """Whether a structure is what it is given: one matrix, or any number of columns of a design."""
    first = declared.arguments[:1]
    if declared.kind == "operator" or not declared.palette or [one.kind for one in first] != [kind]:
        return False
    return kind == "matrix" or (declared.category == "Design" and first[0].columns[1] is None)


def _declared(matrix: Matrix) -> Declaration:
    try:
        declared = declaration(type(matrix).__name__)
    except UnknownStructure:
        declared = None
    if declared is None or declared.cls is not type(matrix) or not declared.palette:
        raise NotADocument(
            f"{type(matrix).__name__} is no structure that the studio can build from a form: expected those "
            "of the catalogue; a class of your own joins it by @declare."
        )
    return declared


def _given(matrix: Matrix, declared: Declaration) -> dict[str, Any]:
    """What the constructor was given or took by itself, by the names of its arguments."""
    args, keywords = matrix.constructed_with
    signature = inspect.signature(declared.cls)
    call = signature.bind(*args, **keywords)
    call.apply_defaults()  # a document has defaults of its own
    bound = call.arguments
    rest = [
        bound.pop(name)
        for name, parameter in signature.parameters.items()
        if parameter.kind is inspect.Parameter.VAR_KEYWORD and name in bound
    ]
    return {**bound, **(rest[0] if rest else {})}


def _factors(value: Any) -> list[Any]:
    """Factors one by one: `DummyMatrix(a, b)` has taken each for itself."""
    return list(value)


def _naturals(matrix: Matrix, theta: Tensor | None) -> dict[str, float]:
    """The natural value of every parameter, by its name."""
    free = [parameter for parameter in matrix.parameters if not parameter.fixed]
    raw = matrix.free_param_defaults if theta is None else torch.as_tensor(theta, dtype=torch.float64)
    values = [float(one) for one in (raw.values() if isinstance(raw, Mapping) else raw)]
    if len(values) != len(free):
        raise ValueError(f"expected theta of {len(free)} free parameters, got {len(values)} values.")
    by_name = dict(zip((parameter.name for parameter in free), values, strict=True))
    return {
        parameter.name: float(
            parameter.transform(
                torch.tensor(by_name.get(parameter.name, float(parameter.default)), dtype=torch.float64)
            )
        )
        for parameter in matrix.parameters
    }


def _check(document: Document, table: Table | None, matrix: Matrix, theta: Tensor | None) -> None:
    """Refuse a document whose V is another one."""
    built = build(document, table)
    if built.v is None:
        raise NotADocument("; ".join(problem.message for problem in built.problems))
    expected = matrix(theta).to(torch.float64)
    v = built.v.evaluate(built.naturals(V, document))
    scale = float(expected.abs().max()) or 1.0
    if v.shape != expected.shape or float((v - expected).abs().max()) > _SAME * scale:
        raise NotADocument(
            "The document of this matrix would have another V: a structure was made with what a document "
            "does not hold, such as an order of levels that is not the table's, or a transform of its own."
        )
