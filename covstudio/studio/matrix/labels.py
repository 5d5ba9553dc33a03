"""Names for the rows and columns of a matrix: levels, plots, or numbers.

With them a value under the pointer can be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TypeAlias

from covstudio.covariance import DummyMatrix, declaration
from covstudio.document.build.build import Build
from covstudio.document.model.document import Document
from covstudio.document.model.node import Levels, Node, Rows
from covstudio.studio.matrix.pictures import NODE
from covstudio.studio.session.store import Store

Names: TypeAlias = Sequence[str] | None
Labels: TypeAlias = tuple[Sequence[str], Sequence[str]]

_SHOWN_FACTORS = 3
_SAME_AS_OPERAND = {"Sum", "HadamardProduct", "Inverse", "Scale", "Correlation"}


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
    """Looks for names down the tree, and for the middle matrix of Z G Zᵀ in the columns of Z."""

    def __init__(self, document: Document, build: Build) -> None:
        self.document = document
        self.build = build

    def names(self, node_id: str) -> tuple[Names, Names]:
        own = self._below(node_id)
        if own != (None, None):
            return own
        parent = self.document.parent_of(node_id)
        if parent is not None:
            above = self.document.nodes[parent[0]]
            operands = dict(above.operands)
            if above.kind == "CovariancePropagation" and parent[1] == "g" and operands["z"] is not None:
                cols = self._below(operands["z"])[1]
                return cols, cols
            if above.kind in _SAME_AS_OPERAND:
                return self.names(above.id)
        return self._plots(node_id)

    def _below(self, node_id: str) -> tuple[Names, Names]:
        node, matrix = self.document.nodes[node_id], self.build.matrices.get(node_id)
        if isinstance(matrix, DummyMatrix):
            return self._records(matrix.shape[0]), _levels(matrix)
        if declaration(node.kind).kind == "operator":
            return self._of_operator(node)
        for value in node.arguments.values():
            if isinstance(value, Levels) and self.build.table is not None:
                names = _levels(DummyMatrix(*map(self._labels, value.columns)))
                return names, names
            if isinstance(value, Rows) and matrix is not None:
                rows = self._records(matrix.shape[0])
                return rows, rows
        return None, None

    def _of_operator(self, node: Node) -> tuple[Names, Names]:
        children = {slot: child for slot, child in node.operands if child is not None}
        found = [self._below(child) for child in children.values()]
        if node.kind == "CovariancePropagation" and "z" in children:
            rows = self._below(children["z"])[0]
            return rows, rows
        if node.kind in _SAME_AS_OPERAND:
            return next((names for names in found if names != (None, None)), (None, None))
        if node.kind == "Transpose" and found:
            return found[0][1], found[0][0]
        if node.kind == "BlockDiagonal":
            return _joined([rows for rows, _ in found]), _joined([cols for _, cols in found])
        if node.kind == "KroneckerProduct" and len(found) == 2:
            rows, cols = (_crossed(a, b) for a, b in zip(found[0], found[1], strict=True))
            return rows, cols
        return None, None

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

    def _records(self, size: int) -> Names:
        """Each row of the table by its number and the levels of its first factors."""
        table = self.build.table
        if table is None or table.n != size:
            return None
        factors = [c for c in table.columns if self.document.roles.get(c) == "factor"][:_SHOWN_FACTORS]
        levels = [[_spoken(column, level) for level in self._labels(column)] for column in factors]
        return [" · ".join((str(i), *row)) for i, row in enumerate(zip(*levels, strict=True), 1)] or None


def _joined(parts: Sequence[Names]) -> Names:
    known = [part for part in parts if part is not None]
    return list(chain.from_iterable(known)) if known and len(known) == len(parts) else None


def _crossed(a: Names, b: Names) -> Names:
    return None if a is None or b is None else [f"{x}, {y}" for x in a for y in b]


def _spoken(column: str, level: str) -> str:
    """A level as it is read: a bare number says nothing without the name of its column."""
    return f"{column} {level}" if level.replace(".", "", 1).isdigit() else level


def _levels(design: DummyMatrix) -> list[str]:
    return [name.replace("⋈", " · ") for name in design.colnames]
