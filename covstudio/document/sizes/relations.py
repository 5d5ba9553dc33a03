"""The relations of each operator between the sizes of its operands and of its own matrix."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from covstudio.covariance import declaration
from covstudio.document.model.arguments import document_default
from covstudio.document.model.document import Document
from covstudio.document.model.node import Node
from covstudio.document.sizes.search import Search, SizeOrigin


def relate(search: Search, document: Document, node: Node) -> None:
    """Tell the search which cells of an operator and its operands are equal, and which are products or sums.

    An operator that is not known here says nothing: its operands keep their own sizes.
    """
    relation = _RELATIONS.get(node.kind)
    if relation is not None:
        relation(search, document, node)


def is_related(kind: str) -> bool:
    """Whether an operator's relation between sizes is known here."""
    return kind in _RELATIONS


def _alike(search: Search, document: Document, node: Node) -> None:
    for axis in (0, 1):
        search.equal((node.id, axis), *((child, axis) for child in node.children))


def _square(search: Search, document: Document, node: Node) -> None:
    search.equal((node.id, 0), (node.id, 1), *((child, axis) for child in node.children for axis in (0, 1)))


def _propagation(search: Search, document: Document, node: Node) -> None:
    search.equal((node.id, 0), (node.id, 1))
    (_, z), (_, g) = node.operands
    if z is not None:
        search.equal((node.id, 0), (z, 0))
    if g is not None:
        search.equal((g, 0), (g, 1))
    if z is not None and g is not None:
        search.equal((z, 1), (g, 0))


def _kronecker(search: Search, document: Document, node: Node) -> None:
    if len(node.children) == len(node.operands):
        for axis in (0, 1):
            search.split(node, "product", axis, node.children)


def _block(search: Search, document: Document, node: Node) -> None:
    for axis in (0, 1):
        search.split(node, "sum", axis, node.children)


def _gram(search: Search, document: Document, node: Node) -> None:
    search.equal((node.id, 0), (node.id, 1))
    declared = declaration(node.kind)
    argument = next(argument for argument in declared.arguments if argument.name == "gram_type")
    gram_type = node.arguments.get("gram_type", document_default(declared, argument))
    for child in node.children:
        search.equal((node.id, 0), (child, 0 if gram_type == "xxt" else 1))


def _chain(search: Search, document: Document, node: Node) -> None:
    children = node.children
    if not children:
        return
    search.equal((node.id, 0), (children[0], 0))
    search.equal((node.id, 1), (children[-1], 1))
    for left, right in pairwise(children):
        search.equal((left, 1), (right, 0))


def _turned(search: Search, document: Document, node: Node) -> None:
    for child in node.children:
        search.equal((node.id, 0), (child, 1))
        search.equal((node.id, 1), (child, 0))


def _submatrix(search: Search, document: Document, node: Node) -> None:
    chosen = _positions(node, "index")
    search.equal((node.id, 0), (node.id, 1))
    if chosen:
        search.constants[node.id, 0] = SizeOrigin(
            len(chosen), f"the positions of {node.name}", (str(len(chosen)),)
        )
    _reaching(search, node, chosen)


def _conditional(search: Search, document: Document, node: Node) -> None:
    given = _positions(node, "given")
    search.equal((node.id, 0), (node.id, 1))
    if given:
        for child in node.children:
            search.more(node, (child, 0), len(given), "given positions")
    _reaching(search, node, given, 1)


def _reaching(search: Search, node: Node, positions: tuple[int, ...], more: int = 0) -> None:
    """The operand is square, and holds all positions (and `more` than these)."""
    for child in node.children:
        search.equal((child, 0), (child, 1))
        if positions:
            size = max(max(positions) + 1, len(positions) + more)
            why = f"as far as the positions of {node.name} reach"
            search.at_least((child, 0), SizeOrigin(size, why, (str(size),)))


def _positions(node: Node, argument: str) -> tuple[int, ...]:
    value = node.arguments.get(argument)
    return tuple(one for one in value if isinstance(one, int)) if isinstance(value, tuple) else ()


def _piled(axis: int) -> Callable[[Search, Document, Node], None]:
    def relation(search: Search, document: Document, node: Node) -> None:
        search.split(node, "sum", axis, node.children)
        search.equal((node.id, 1 - axis), *((child, 1 - axis) for child in node.children))

    return relation


_RELATIONS: dict[str, Callable[[Search, Document, Node], None]] = {
    "Sum": _alike,
    "HadamardProduct": _alike,
    "CovariancePropagation": _propagation,
    "KroneckerProduct": _kronecker,
    "KroneckerSum": _kronecker,
    "BlockDiagonal": _block,
    "Gram": _gram,
    "Product": _chain,
    "Transpose": _turned,
    "Inverse": _square,
    "Scale": _alike,
    "Correlation": _square,
    "Submatrix": _submatrix,
    "Conditional": _conditional,
    "Stack": _piled(0),
    "Augment": _piled(1),
}
