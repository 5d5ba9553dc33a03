"""Names for the rows and columns of a matrix: levels, plots, or numbers.

With them a value under the pointer can be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, product
from typing import TypeAlias

from covstudio.covariance import DummyMatrix, declaration, evenly_spaced_levels, linalg
from covstudio.covariance.core.sizes import Side, Total
from covstudio.covariance.linalg.compositions import JOINER
from covstudio.covariance.structures.design.positions import in_order
from covstudio.document.build.built import Build
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns, Levels, Node, Rows
from covstudio.document.sizes.relations import equal_sides, relations
from covstudio.studio.matrix.pictures import NODE
from covstudio.studio.session.store import Store

Names: TypeAlias = Sequence[str] | None
Labels: TypeAlias = tuple[Sequence[str], Sequence[str]]

_SHOWN_FACTORS = 3


def axis_labels(store: Store, key: str) -> Labels:
    """Names of the rows and columns of a key's matrix; numbers from 1 where nothing better is known.

    Args:
        store: the session.
        key: "V", "node:<id>" or "slice:<path>".

    Raises:
        KeyError: there is no such matrix.
    """
    document, build = store.document, store.build
    node = key.removeprefix(NODE) if key.startswith(NODE) else document.v
    matrix = build.matrices[node] if node is not None else None
    if matrix is None or node is None:
        raise KeyError(key)
    found = _Finder(document, build).names(node)
    rows, cols = (
        names if names is not None and len(names) == size else _numbers(size)
        for names, size in zip(found, matrix.shape, strict=True)
    )
    return rows, cols


def _numbers(size: int) -> Sequence[str]:
    return [str(i) for i in range(1, size + 1)]


class _Finder:
    """Looks for names down the tree, and beside where sides are of one size, as G and the columns of Z."""

    def __init__(self, document: Document, build: Build) -> None:
        self.document = document
        self.build = build

    def names(self, node_id: str) -> tuple[Names, Names]:
        own = self._below(node_id)
        if own != (None, None):
            return own
        parent = self.document.parent_of(node_id)
        if parent is not None:
            above, slot = self.document.nodes[parent[0]], parent[1]
            rows, cols = (self._beside(above, Side(slot, axis)) for axis in (0, 1))
            if (rows, cols) != (None, None):
                return rows, cols
        return self._plots(node_id)

    def _below(self, node_id: str) -> tuple[Names, Names]:
        node, matrix = self.document.nodes[node_id], self.build.matrices.get(node_id)
        if declaration(node.kind).kind == "operator":
            return self._of_operator(node, 0), self._of_operator(node, 1)
        columns = None if matrix is None else linalg.column_names(matrix)
        if matrix is not None and columns is not None:
            return self._records(matrix.shape[0]), _spelled(columns)
        for value in node.arguments.values():
            if isinstance(value, Levels) and self.build.table is not None:
                factors = list(map(self._labels, value.columns))
                levels = [self._levels(node, column) for column in value.columns]
                z = DummyMatrix(*factors, levels=levels, lex_order=False, drop_empty_cols=True)
                names = _spelled(z.colnames)
                if matrix is not None and len(names) < matrix.shape[0] and len(factors) == 1:
                    names = _spelled(evenly_spaced_levels(factors[0]))
                return names, names
            if isinstance(value, Rows) and matrix is not None:
                rows = self._records(matrix.shape[0])
                return rows, rows
        return None, None

    def _beside(self, above: Node, side: Side) -> Names:
        """Names for a side of an operand from the operator, or another operand, whose side is the same."""
        for other in equal_sides(above, side):
            child = above.child(other.operand) if other.operand else None
            if child is not None:
                names = self._below(child)[other.axis]
            else:
                names = None if other.operand else self.names(above.id)[other.axis]
            if names is not None:
                return names
        return None

    def _of_operator(self, node: Node, axis: int) -> Names:
        """Names from the operands whose sides make that of an operator."""

        def of(side: Side) -> Names:
            child = node.child(side.operand) if side.operand else None
            return None if child is None else self._below(child)[side.axis]

        own = Side("", axis)
        found: list[Names] = [of(side) for side in equal_sides(node, own)]
        for relation in relations(node) or ():
            match relation:
                case Total("sum", whole, parts, 0) if whole == own:
                    found.append(_joined([of(part) for part in parts]))
                case Total("product", whole, parts) if whole == own:
                    found.append(_crossed([of(part) for part in parts]))
        return next((names for names in found if names is not None), None)

    def _plots(self, node_id: str) -> tuple[Names, Names]:
        """Rows of the table, for a part of V that is as large as V."""
        matrix, v = self.build.matrices.get(node_id), self.build.v
        if matrix is None or v is None or node_id not in self.build.paths or matrix.shape != v.shape:
            return None, None
        rows = self._records(matrix.shape[0])
        return rows, rows

    def _labels(self, column: str) -> list[str]:
        table = self.build.table
        return [] if table is None else [value or "" for value in table.labels(column)]

    def _levels(self, node: Node, column: str) -> Sequence[str]:
        """The levels of a column in the order in which a structure takes them for its positions."""
        table = self.build.table
        levels = () if table is None else table.levels(column)
        arguments = declaration(node.kind).arguments
        spaced = any(argument.evenly_spaced for argument in arguments)
        if table is None or table.choices.column(column).levels:
            return levels
        if spaced and any(_takes_neighbours(other, column) for other in self.document.nodes.values()):
            return levels
        ordered = spaced or any(argument.ordered for argument in arguments)
        return (in_order(levels) if ordered else None) or levels

    def _records(self, size: int) -> Names:
        """Each row of the table by its number and the levels of its first factors."""
        table = self.build.table
        if table is None or table.n != size:
            return None
        factors = [c for c in table.columns if self.document.roles.get(c) == "factor"][:_SHOWN_FACTORS]
        levels = [[_spoken(column, level) for level in self._labels(column)] for column in factors]
        return [" · ".join((str(i), *row)) for i, row in enumerate(zip(*levels, strict=True), 1)] or None


def _takes_neighbours(node: Node, column: str) -> bool:
    """Whether a design takes the levels of a column for neighbours as they stand."""
    over = any(isinstance(value, Columns) and column in value.names for value in node.arguments.values())
    return over and bool(node.arguments.get("close_gaps"))


def _joined(parts: Sequence[Names]) -> Names:
    known = [part for part in parts if part is not None]
    return list(chain.from_iterable(known)) if known and len(known) == len(parts) else None


def _crossed(parts: Sequence[Names]) -> Names:
    known = [part for part in parts if part is not None]
    return list(map(", ".join, product(*known))) if known and len(known) == len(parts) else None


def _spoken(column: str, level: str) -> str:
    """A level as it is read: a bare number says nothing without the name of its column."""
    return f"{column} {level}" if level.replace(".", "", 1).isdigit() else level


def _spelled(levels: Iterable[str]) -> list[str]:
    return [name.replace(JOINER, " · ") for name in levels]
