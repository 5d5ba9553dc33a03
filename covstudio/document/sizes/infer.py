"""Sizes that nobody typed: found from the context of a node, upward, downward and sideways.

Every dimension of every matrix is a cell. Operators say which cells are equal (the columns of Z and both
sides of G), and which are a product (Kronecker) or a sum (block diagonal) of others. Equal cells share one
value; known values, from the table, from columns and from typed sizes, spread from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from covstudio.covariance import declaration
from covstudio.document.model.document import Document
from covstudio.document.model.node import Auto, Levels, Node, Rows
from covstudio.document.sizes.relations import relate
from covstudio.document.sizes.search import (
    FALLBACK,
    FALLBACK_ORIGIN,
    Cell,
    Guess,
    Search,
    Shape,
    Side,
    SizeOrigin,
    size_arguments,
)

__all__ = ["FALLBACK", "Guess", "Shape", "Side", "SizeOrigin", "Sizes", "infer_sizes", "size_arguments"]


@dataclass(frozen=True)
class Sizes:
    """What was found.

    Args:
        origins: (node id, size argument) -> its value and source; every size of every node that has one.
        cells: (node id, axis) -> the size of the matrix along that axis, as far as known.
        guesses: where the context left a size open.
    """

    origins: Mapping[tuple[str, str], SizeOrigin]
    cells: Mapping[Cell, SizeOrigin]
    guesses: tuple[Guess, ...]

    def shape(self, node_id: str) -> tuple[int | None, int | None]:
        """(rows, columns) of a node's matrix, None where it is not known."""
        rows, columns = self.cells.get((node_id, 0)), self.cells.get((node_id, 1))
        return (None if rows is None else rows.value, None if columns is None else columns.value)


def infer_sizes(
    document: Document,
    *,
    measure: Callable[[Node], Shape | None],
    levels: Callable[[Levels], int | None],
    rows: int | None,
    roots: Iterable[str] | None = None,
    ghost: str | None = None,
    combine: Callable[[Node, Sequence[Shape | None]], Shape | None] = lambda node, shapes: None,
) -> Sizes:
    """Find every size in a document.

    Args:
        document: the document.
        measure: the shape of a leaf without size arguments (labels, coordinates, a literal matrix), or None.
        levels: the number of levels of columns, or None when the table does not have them.
        rows: the number of rows of the table, or None without one.
        roots: which trees; all by default.
        ghost: a node that says nothing, nor does what is below it: its cells tell what its neighbours want
            of it.
        combine: the shape of an operator of which `relations` knows nothing, from those of its operands (in
            the order of its slots, None where one is not known), or None.

    Returns:
        The sizes. Contradictions are not looked for here: constructors find them and say what is wrong.
    """
    search = Search()
    order = [i for root in (document.roots() if roots is None else roots) for i in document.subtree(root)]
    if ghost is not None:
        silent = set(document.subtree(ghost))
        order = [i for i in order if i not in silent]
    unrelated: list[Node] = []
    for node_id in order:
        node = document.nodes[node_id]
        search.add(node)
        if not relate(search, node) and node.operands:
            unrelated.append(node)
    search.put_constants()
    if rows is not None and document.v is not None:
        for axis in (0, 1):
            search.put((document.v, axis), SizeOrigin(rows, "the rows of the table", ("rows",)))
    leaves = [document.nodes[i] for i in order if not document.nodes[i].operands]
    open_sizes: list[tuple[Node, tuple[str, ...]]] = []
    own: dict[tuple[str, str], SizeOrigin] = {}
    for node in leaves:
        names = size_arguments(declaration(node.kind))
        if not names:
            search.put_measured(node, measure(node))
        else:
            open_sizes.append((node, names))
    for node, names in open_sizes:
        for axis, name in enumerate(names[:2]):
            found = _own_size(node, name, levels, rows)
            if found is not None:
                own[node.id, name] = found
                # What the siblings are told: "the size of G", not "as set".
                told = (
                    found
                    if found.code
                    else SizeOrigin(found.value, f"the size of {node.name}", (str(found.value),))
                )
                search.put((node.id, axis), told)
                if len(names) == 1:
                    search.put((node.id, 1), told)
    depths = {i: sum(1 for _ in document.ancestors(i)) for i in order}
    inner_first = sorted(open_sizes, key=lambda item: -depths[item[0].id])
    for node in unrelated:
        # Nothing is known of what it asks of its operands, so theirs is settled before its own.
        shape = combine(node, [_known(search, child) for _, child in node.operands])
        if shape is None and ghost is None:
            below = set(document.subtree(node.id))
            for leaf, names in inner_first:
                if leaf.id in below:
                    search.settle(leaf, names)
            shape = combine(node, [_known(search, child) for _, child in node.operands])
        search.put_measured(node, shape)
    if ghost is None:
        # What neighbours want of a ghost is what they know, not what they would settle for.
        search.guess(document)
        for node, names in inner_first:
            search.settle(node, names)
    origins = dict(own)
    for node, names in open_sizes:
        for axis, name in enumerate(names[:2]):
            if (node.id, name) not in own:
                origins[node.id, name] = search.value((node.id, axis)) or FALLBACK_ORIGIN
    cells = {cell: origin for cell in search.parent if (origin := search.value(cell)) is not None}
    return Sizes(origins, cells, tuple(search.guesses))


def _known(search: Search, node_id: str | None) -> Shape | None:
    if node_id is None:
        return None
    rows, columns = search.value((node_id, 0)), search.value((node_id, 1))
    return None if rows is None or columns is None else (rows.value, columns.value)


def _own_size(
    node: Node, name: str, levels: Callable[[Levels], int | None], rows: int | None
) -> SizeOrigin | None:
    value = node.arguments.get(name, Auto())
    if isinstance(value, Rows):
        return None if rows is None else SizeOrigin(rows, "the rows of the table", ("rows",))
    if isinstance(value, Levels):
        count = levels(value)
        what = "equally spaced positions" if value.filled else "levels"
        why = f"the {what} of {' x '.join(value.columns)}"
        return None if count is None else SizeOrigin(count, why, (value,))
    if isinstance(value, int):
        return SizeOrigin(value, "as set")
    return None
