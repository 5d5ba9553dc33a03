"""Copies of nodes: beside their originals, and through the clipboard as JSON text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from covstudio.document.changes.all import Change, ChangeError, RemoveNodes, ReplaceDocument
from covstudio.document.files.write import DocumentError, dumps, loads
from covstudio.document.model.document import MAX_NODES, Document
from covstudio.document.model.node import FrozenMap, Node
from covstudio.studio.canvas.wiring import Place

#: How far a copy stands from its original.
COPY = 32


def duplicate(document: Document, nodes: Iterable[str]) -> tuple[Change, tuple[str, ...]] | None:
    """Copy nodes with everything below them, values and fixed parameters included; the copies stand loose.

    A node below another chosen one is copied once, with it.

    Args:
        document: the document.
        nodes: ids of the chosen nodes.

    Returns:
        (the change, ids of the copies of the chosen nodes), or None when nothing is chosen.

    Raises:
        ChangeError: when the document would hold too many nodes.
    """
    tops = _tops(document, nodes)
    if not tops:
        return None
    return _added(
        document,
        document,
        tops,
        lambda node: (node.x + COPY, node.y + COPY),
        f"Duplicate {_named(document, tops)}",
    )


def clip(document: Document, nodes: Iterable[str]) -> str | None:
    """Nodes with everything below them as the text of a file, for the clipboard; None when nothing is chosen.

    Args:
        document: the document.
        nodes: ids of the chosen nodes.
    """
    tops = _tops(document, nodes)
    if not tops:
        return None
    kept = {node: document.nodes[node] for top in tops for node in document.subtree(top)}
    return dumps(Document(title=_named(document, tops), nodes=FrozenMap(kept)))


def cut(document: Document, nodes: Iterable[str]) -> Change | None:
    """Remove what `clip` takes, as one step; None when nothing is chosen."""
    tops = _tops(document, nodes)
    if not tops:
        return None
    gone = tuple(node for top in tops for node in document.subtree(top))
    return RemoveNodes(gone, label=f"Cut {_named(document, tops)}")


def paste(document: Document, text: str, at: Place) -> tuple[Change, tuple[str, ...]]:
    """Add the nodes of a file, loose, with their top left corner at a place.

    Args:
        document: the document.
        text: what `clip` gave, here or in another window, or any file of a model. What it says besides nodes
            (its title, its response, its table) is left out.
        at: the place.

    Returns:
        (the change, ids of the topmost of the new nodes).

    Raises:
        ChangeError: the text holds no nodes, or the document would hold too many.
    """
    try:
        other, _ = loads(text)
    except DocumentError as error:
        raise ChangeError(f"Nothing was pasted. {error}") from error
    tops = other.roots()
    if not tops:
        raise ChangeError("Nothing was pasted: the text is a model without nodes.")
    left = min(node.x for node in other.nodes.values())
    top = min(node.y for node in other.nodes.values())
    return _added(
        document,
        other,
        tops,
        lambda node: (at[0] + node.x - left, at[1] + node.y - top),
        f"Paste {_named(other, tops)}",
    )


def _tops(document: Document, nodes: Iterable[str]) -> tuple[str, ...]:
    chosen = dict.fromkeys(node for node in nodes if node in document.nodes)
    return tuple(node for node in chosen if not any(above in chosen for above in document.ancestors(node)))


def _named(document: Document, tops: tuple[str, ...]) -> str:
    return document.nodes[tops[0]].name if len(tops) == 1 else f"{len(tops)} nodes"


def _added(
    document: Document,
    source: Document,
    tops: tuple[str, ...],
    place: Callable[[Node], Place],
    label: str,
) -> tuple[Change, tuple[str, ...]]:
    originals = [node for top in tops for node in source.subtree(top)]
    total = len(document.nodes) + len(originals)
    if total > MAX_NODES:
        raise ChangeError(f"A model holds at most {MAX_NODES} nodes; this copy would make it {total}.")
    ids = dict(zip(originals, document.next_ids(len(originals)), strict=True))
    names = document.free_names((source.nodes[one].name for one in originals), counted_on=True)
    copied = []
    for original, name in zip(originals, names, strict=True):
        node = source.nodes[original]
        x, y = place(node)
        operands = tuple((slot, None if child is None else ids[child]) for slot, child in node.operands)
        copied.append(
            replace(
                node, id=ids[original], name=name, operands=operands, x=float(round(x)), y=float(round(y))
            )
        )
    return ReplaceDocument(document.with_nodes(*copied), label=label), tuple(ids[top] for top in tops)
