"""Covariance trees as formulas mean them, and the documents that hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from covstudio.covariance import declaration
from covstudio.data.choices import TableChoices
from covstudio.data.relation import Relation
from covstudio.data.roles import Role
from covstudio.document.changes.all import AddNode
from covstudio.document.changes.auto_layout import auto_layout
from covstudio.document.model.document import Degrees, Document, Method
from covstudio.document.model.node import MAX_NAME, ArgumentValue, FrozenMap, V

__all__ = ["Model", "Tree", "document_of", "grown", "tree"]


@dataclass(frozen=True)
class Tree:
    """A structure with its operands.

    Attributes:
        kind: its name in the catalogue.
        name: what it is called in the model.
        operands: in the order of its slots.
        arguments: of its constructor.
        fixed: parameters that are constants, with their natural values.
    """

    kind: str
    name: str
    operands: tuple[Tree, ...] = ()
    arguments: Mapping[str, ArgumentValue] = field(default_factory=dict)
    fixed: Mapping[str, float] = field(default_factory=dict)

    def named(self, name: str) -> Tree:
        """The same tree under another name."""
        return replace(self, name=name)


def tree(
    kind: str,
    name: str,
    *operands: Tree,
    fixed: Mapping[str, float] | None = None,
    given: Mapping[str, ArgumentValue] | None = None,
    **arguments: ArgumentValue,
) -> Tree:
    """A tree, its arguments by keyword, or as a mapping.

    Example:
        >>> tree("ScalarMatrix", "residual").kind
        'ScalarMatrix'
    """
    return Tree(kind, name, operands, {**(given or {}), **arguments}, fixed or {})


@dataclass
class Model:
    """What a formula says, put together piece by piece.

    Attributes:
        response: the column that is explained.
        fixed: the formula of the fixed effects.
        terms: the terms of V but the residual, in order.
        residual: the last term of V; None where there is none.
        method: how it is fitted.
        roles: of the columns that are used.
        choices: about the table: computed columns, contrasts.
        degrees: how its fixed effects are tested.
        notes: what the reader should know.
        relations: second tables by name.
    """

    response: str
    fixed: str = "1"
    terms: list[Tree] = field(default_factory=list)
    residual: Tree | None = None
    method: Method = "REML"
    roles: dict[str, Role] = field(default_factory=dict)
    choices: TableChoices = field(default_factory=TableChoices)
    degrees: Degrees = "satterthwaite"
    notes: list[str] = field(default_factory=list)
    relations: dict[str, Relation] = field(default_factory=dict)


def document_of(model: Model, title: str, data_name: str | None = None) -> Document:
    """A model as a document, laid out on the canvas.

    Args:
        model: what a formula says.
        title: of the document.
        data_name: the name of the table.

    Example:
        >>> made = document_of(Model("yield", "1 + rep", residual=tree("ScalarMatrix", "residual")), "Trial")
        >>> made.response, [node.kind for node in made.nodes.values()]
        ('yield', ['ScalarMatrix'])
    """
    document = Document(
        title=title,
        response=model.response,
        fixed_effects=model.fixed,
        roles=FrozenMap({**model.roles, model.response: "response"}),
        data_name=data_name,
        method=model.method,
        degrees=model.degrees,
        drop_dependent=True,
        choices=model.choices,
        relations=FrozenMap(model.relations),
    )
    terms = [*model.terms, *([] if model.residual is None else [model.residual])]
    if len(terms) == 1:
        document = grown(document, terms, V)
    elif terms:
        top = document.next_id()
        document = AddNode("Sum", name=_free(document, "V"), connect=(V, None), id=top).apply(document)
        # Terms give their names to the paths of parameters, so that they have the first choice.
        document = grown(document, terms, top)
    return auto_layout(document).apply(document)


def grown(document: Document, terms: Sequence[Tree], parent: str) -> Document:
    """The document with trees below a node, added breadth first.

    Args:
        document: a model.
        terms: the trees.
        parent: id of the node, or "V".
    """
    waiting: list[tuple[Tree, str, str | None]] = [(term, parent, None) for term in terms]
    for made, above, slot in waiting:
        node_id = document.next_id()
        change = AddNode(
            made.kind,
            name=_free(document, made.name),
            arguments=made.arguments,
            connect=(above, slot),
            id=node_id,
        )
        document = change.apply(document)
        if made.fixed:
            node = document.nodes[node_id]
            held = replace(node, values=FrozenMap(made.fixed), fixed=frozenset(made.fixed))
            document = document.with_nodes(held)
        declared = declaration(made.kind)
        slots = [None] * len(made.operands) if declared.variadic else [slot.name for slot in declared.slots]
        waiting.extend((operand, node_id, slot) for operand, slot in zip(made.operands, slots, strict=True))
    return document


def _free(document: Document, wanted: str) -> str:
    """A name that no node has, from any text."""
    plain = "".join(char if char.isprintable() else " " for char in wanted).replace("/", "\u2215")
    return document.free_name(" ".join(plain.split())[:MAX_NAME].strip() or "term")
