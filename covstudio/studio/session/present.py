"""Parameters with their present natural values, of V and of single nodes."""

from __future__ import annotations

from dataclasses import replace

from covstudio.document.build.built import Build, ParameterRef
from covstudio.document.model.document import Document
from covstudio.document.model.node import Node, V


class PresentParameters:
    """The parameters of a document as it is; those of a node are found once while it stays as it is."""

    def __init__(self) -> None:
        self._own: dict[str, tuple[Build, Node, tuple[ParameterRef, ...]]] = {}

    def forget(self) -> None:
        """Forget those of all nodes: matrices were built again."""
        self._own.clear()

    def of_v(self, build: Build, document: Document) -> tuple[ParameterRef, ...]:
        """Every parameter of V in theta order, fixed ones in their places.

        Args:
            build: what was built of a document of this structure.
            document: the document.
        """
        refs = build.parameters
        if not refs:
            return ()
        naturals = build.naturals(V, document).tolist()
        return tuple(
            ref if ref.natural == natural else replace(ref, natural=natural)
            for ref, natural in zip(refs, naturals, strict=True)
        )

    def of_node(self, build: Build, document: Document, node_id: str) -> tuple[ParameterRef, ...]:
        """The parameters of a node itself, not of its operands; none where it could not be built.

        Args:
            build: what was built of a document of this structure.
            document: the document.
            node_id: one of its nodes.
        """
        matrix, node = build.matrices.get(node_id), document.nodes[node_id]
        if matrix is None:
            return ()
        known = self._own.get(node_id)
        if known is not None and known[0] is build and known[1] is node:
            return known[2]
        prefix = build.paths.get(node_id)
        naturals = build.naturals(node_id, document).tolist()
        refs = tuple(
            ParameterRef(
                node_id=node_id,
                name=parameter.name,
                path=f"{prefix}/{parameter.name}" if prefix else parameter.name,
                transform=parameter.transform,
                natural=natural,
                fixed=parameter.name in node.fixed,
            )
            for parameter, natural in zip(matrix.parameters, naturals, strict=True)
            if "/" not in parameter.name
        )
        self._own[node_id] = (build, node, refs)
        return refs
