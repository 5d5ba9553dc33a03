"""One change of V at a time: a term more, another one in the place of one, or one less; as documents."""

from __future__ import annotations

from dataclasses import replace

from covstudio.covariance import Matrix, linalg
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.build.built import Build
from covstudio.document.changes.all import AddNode, Connect, RemoveNodes
from covstudio.document.changes.auto_layout import auto_layout
from covstudio.document.model.document import Document
from covstudio.document.model.node import V
from covstudio.formula.tree import Tree, grown

__all__ = ["Terms"]


class Terms:
    """The terms of V of a document, and what becomes of it when one changes.

    Args:
        document: the model; complete.
        table: the data.

    Attributes:
        names: the terms of the outer sum by the ids of their nodes; V itself where it is no sum.
        residual: the id of the term with one variance for all rows, or None.
    """

    def __init__(self, document: Document, table: Table) -> None:
        assert document.v is not None, "what was fitted has a V"
        self.document = document
        self.built: Build = build(document, table)
        root = self.built.matrices[document.v]
        self._sum = document.v if linalg.parts(root, "sum") is not None else None
        ids = document.nodes[self._sum].children if self._sum is not None else (document.v,)
        self.names = {node_id: document.nodes[node_id].name for node_id in ids}
        self.residual = next((one for one in ids if self._one_variance(one)), None)

    def matrix(self, node_id: str) -> Matrix:
        """What a node stands for."""
        return self.built.matrices[node_id]

    def _one_variance(self, node_id: str) -> bool:
        matrix = self.matrix(node_id)
        return linalg.kind(matrix) == "scalar" and len(matrix.free_param_names) == 1

    def with_term(self, term: Tree) -> Document:
        """The model with one term more."""
        return _laid_out(self._grown(self.document, term))

    def instead(self, node_id: str, term: Tree) -> Document:
        """The model with another term in the place of one.

        Args:
            node_id: of the term that goes.
            term: the other.
        """
        if self._sum is None:
            bare = RemoveNodes(self.document.subtree(node_id)).apply(self.document)
            return _laid_out(grown(bare, [term], V))
        bare = RemoveNodes(self.document.subtree(node_id)).apply(self.document)
        if len(bare.nodes[self._sum].children) == 0:
            bare = RemoveNodes([self._sum]).apply(bare)
            return _laid_out(grown(bare, [term], V))
        return _laid_out(grown(bare, [term], self._sum))

    def without(self, node_id: str) -> Document:
        """The model without a term of several.

        Args:
            node_id: of the term that goes.
        """
        assert self._sum is not None, "a term of several"
        bare = RemoveNodes(self.document.subtree(node_id)).apply(self.document)
        left = bare.nodes[self._sum].children
        if len(left) == 1:
            bare = RemoveNodes([self._sum]).apply(bare)
            bare = Connect(left[0], V).apply(bare)
        return _laid_out(bare)

    def _grown(self, document: Document, term: Tree) -> Document:
        if self._sum is not None:
            return grown(document, [term], self._sum)
        whole = document.v
        assert whole is not None, "what was fitted has a V"
        top = document.next_id()
        name = document.free_name("V")
        document = replace(document, v=None)
        document = AddNode("Sum", name=name, connect=(V, None), id=top).apply(document)
        document = Connect(whole, top).apply(document)
        return grown(document, [term], top)


def _laid_out(document: Document) -> Document:
    return auto_layout(document).apply(document)
