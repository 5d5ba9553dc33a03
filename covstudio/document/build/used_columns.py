"""The columns of a table that a document uses."""

from __future__ import annotations

import re
from functools import lru_cache

from covstudio.data.errors import FormulaError
from covstudio.data.formula import parse_formula
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns, Levels, Node


def node_columns(node: Node) -> tuple[str, ...]:
    """The columns that the arguments of a node name, in order."""
    names: list[str] = []
    for value in node.arguments.values():
        if isinstance(value, Columns):
            names.extend(value.names)
        elif isinstance(value, Levels):
            names.extend(value.columns)
    return tuple(dict.fromkeys(names))


def used_columns(document: Document) -> tuple[str, ...]:
    """The columns that the model needs a value in: the response, the fixed effects, and those below V.

    While nothing is V, those of every node count.

    Args:
        document: the document.

    Returns:
        Names, in order of their first use. Some may not be in the table at hand.
    """
    nodes = document.nodes if document.v is None else document.subtree(document.v)
    names = [] if document.response is None else [document.response]
    names.extend(formula_names(document.fixed_effects))
    for node_id in nodes:
        names.extend(node_columns(document.nodes[node_id]))
    return tuple(dict.fromkeys(names))


_NAME = re.compile(r"`([^`]*)`|([^\s`+:*~^()|/\-]+)")


@lru_cache(maxsize=512)
def formula_names(formula: str) -> tuple[str, ...]:
    """The columns in a formula; in one that cannot be read, everything that might be one.

    Example:
        >>> formula_names("1 + rep + `my col`:gen")
        ('rep', 'my col', 'gen')
        >>> formula_names("1 + rep +")
        ('rep',)
    """
    try:
        return parse_formula(formula).columns
    except FormulaError:
        names = (quoted or plain for quoted, plain in _NAME.findall(formula))
        return tuple(dict.fromkeys(name for name in names if not name.isdecimal()))
