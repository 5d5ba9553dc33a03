"""The relations between sizes that an operator declares, told to the search for the sizes of a document."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from covstudio.covariance import Operator, declaration
from covstudio.covariance.core.sizes import AtLeast, Equal, Known, Side, SizeRelation, Total
from covstudio.document.model.arguments import document_default
from covstudio.document.model.node import Node
from covstudio.document.sizes.search import Cell, Search, SizeOrigin


def relate(search: Search, node: Node) -> bool:
    """Tell the search which cells of an operator and its operands are equal, and which are products or sums.

    Returns:
        Whether the operator declares anything; one that does not says nothing, and its operands keep their
        own sizes.
    """
    declared = relations(node)
    if declared is None:
        return False
    children = {name: child for name, child in node.operands if child is not None} | {"": node.id}

    def cells(sides: Sequence[Side]) -> list[Cell]:
        return [(children[side.operand], side.axis) for side in sides if side.operand in children]

    for relation in declared:
        match relation:
            case Equal(sides):
                search.equal(*cells(sides))
            case Total(how, whole, parts, number, what):
                known = cells((whole, *parts))
                if parts and len(known) == 1 + len(parts):
                    search.split(node, how, known[0], known[1:], number, what)
            case Known(side, size, what):
                for cell in cells([side]):
                    search.constants[cell] = SizeOrigin(size, f"the {what} of {node.name}", (str(size),))
            case AtLeast(side, size, what):
                why = f"as far as the {what} of {node.name} reach"
                for cell in cells([side]):
                    search.at_least(cell, SizeOrigin(size, why, (str(size),)))
    return True


def equal_sides(node: Node, side: Side) -> tuple[Side, ...]:
    """The sides that an operator says are of one size with this one, nearest first.

    Their rows or columns stand for the same things.

    Args:
        node: the operator.
        side: of an operand, by its slot, or of the operator's own matrix.
    """
    found = [side]
    groups = [relation.sides for relation in relations(node) or () if isinstance(relation, Equal)]
    for one in found:
        found += [other for sides in groups if one in sides for other in sides if other not in found]
    return tuple(dict.fromkeys(found[1:]))


def relations(node: Node) -> Sequence[SizeRelation] | None:
    """What the operator of a node declares about sizes; None for a leaf, or where nothing is declared."""
    declared = declaration(node.kind)
    if not issubclass(declared.cls, Operator):
        return None
    names = [name for name, child in node.operands if child is not None or not declared.variadic]
    given = {
        argument.name: node.arguments.get(argument.name, document_default(declared, argument))
        for argument in declared.arguments
    }
    plain = tuple((name, value) for name, value in given.items() if _plain(value))
    return _declared(declared.cls, tuple(names), plain)


@lru_cache(maxsize=1024)
def _declared(
    cls: type[Operator], names: tuple[str, ...], arguments: tuple[tuple[str, Any], ...]
) -> Sequence[SizeRelation] | None:
    """What a class declares; a wire that is dragged asks for it again at every node of the model."""
    return cls.size_relations(names, **dict(arguments))


def _plain(value: object) -> bool:
    """Whether an argument of a node is what a constructor takes: nothing is to be looked up in the table."""
    if isinstance(value, tuple):
        return bool(value) and all(isinstance(one, int) for one in value)
    return isinstance(value, str | int | float)
