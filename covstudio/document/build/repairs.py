"""Repairs of problems: where one act is enough, the change that does it.

What may help is proposed by what the problem is about, and tried: a repair is a change after which the
problem is gone and no other error has come.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from itertools import combinations, islice

from covstudio.covariance import Argument, Declaration, catalogue, declaration, linalg
from covstudio.covariance.core.letters import parameter_label
from covstudio.data.rows import factor_levels
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.build.built import LOOSE, Build, Problem, value_problems
from covstudio.document.build.connection import check_connection
from covstudio.document.build.used_columns import used_columns
from covstudio.document.changes.all import (
    AddNode,
    Batch,
    Change,
    ChangeError,
    Connect,
    Disconnect,
    RemoveNodes,
    SetArgument,
    SetParameters,
)
from covstudio.document.changes.auto_layout import GAP_X, WIDTH
from covstudio.document.model.arguments import document_default
from covstudio.document.model.document import Document
from covstudio.document.model.node import Auto, Columns, Levels, Node, Rows, V
from covstudio.document.sizes.infer import size_arguments

#: The most repairs of one problem, and the most changes that are tried for them.
MOST, TRIED = 4, 10


@dataclass(frozen=True)
class Repair:
    """What mends a problem in one step.

    Args:
        label: what it does, as on a button; of its own among the repairs of a node.
        change: what does it.
    """

    label: str
    change: Change


def repairs(document: Document, table: Table | None, built: Build, problem: Problem) -> tuple[Repair, ...]:
    """The changes of which each by itself solves a problem, the likeliest first.

    Args:
        document: the model.
        table: its data.
        built: what was built of them.
        problem: one of its problems.

    Returns:
        At most four; none where no single act is enough.

    Example:
        >>> from covstudio.document.changes.all import AddNode
        >>> model = AddNode("AR1Matrix", name="time", arguments={"n": 4}).apply(Document())
        >>> built = build(model)
        >>> [repair.label for repair in repairs(model, None, built, built.problems[0])]
        ['Connect time to V']
    """
    known = {*built.problems, *value_problems(built, document)}
    if problem not in known:  # of numbers that cannot be computed now, which building does not tell
        return ()
    found: dict[str, Repair] = {}
    for label, change in islice(_proposals(document, table, problem), TRIED):
        if label not in found and _solves(document, table, known, problem, change):
            found[label] = Repair(label, replace(change, label=label))
            if len(found) == MOST:
                break
    return tuple(found.values())


def _solves(
    document: Document, table: Table | None, known: set[Problem], problem: Problem, change: Change
) -> bool:
    try:
        after = change.apply(document)
    except ChangeError:
        return False
    built = build(after, table)
    left = {*built.problems, *value_problems(built, after)}
    for other in left:
        if other == problem:
            return False
        same = (other.node_id, other.field) == (problem.node_id, problem.field)
        if other not in known and (same or other.severity == "error"):
            return False
    return True


def _proposals(document: Document, table: Table | None, problem: Problem) -> Iterator[tuple[str, Change]]:
    node = document.nodes.get(problem.node_id)
    if node is None:
        if document.v is None and problem.field is None:
            yield from _as_v(document)
        return
    arguments = {argument.name: argument for argument in declaration(node.kind).arguments}
    if problem.field in arguments:
        yield from _of_argument(document, table, node, arguments[problem.field])
    elif problem.field is not None:
        label = f"Reset {parameter_label(problem.field)} of {node.name}"
        yield label, SetParameters({(node.id, problem.field): None})
    elif problem.message == LOOSE:  # to remove a node mends nothing else that is wrong with it
        yield from _of_loose(document, table, node)
    if problem.field is None and node.operands:
        yield from _of_operator(document, table, node)
    if problem.field is None and problem.severity == "error":
        yield from _of_sizes(document, node)


# --- arguments ------------------------------------------------------------------------------------


def _of_argument(
    document: Document, table: Table | None, node: Node, argument: Argument
) -> Iterator[tuple[str, Change]]:
    declared = declaration(node.kind)
    value = node.arguments.get(argument.name, document_default(declared, argument))
    if argument.kind == "size":
        yield f"Set {argument.label} of {node.name} to auto", SetArgument(node.id, argument.name, Auto())
        return
    if argument.kind in ("factors", "coordinates") and table is not None and isinstance(value, Columns):
        for label, names in _column_choices(document, table, argument, value.names):
            yield label, SetArgument(node.id, argument.name, Columns(names))
    if argument.name in node.arguments:
        yield f"Reset {argument.label} of {node.name}", SetArgument(node.id, argument.name, None)


def _column_choices(
    document: Document, table: Table, argument: Argument, chosen: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Columns for an argument: near ones for those that are not there, fewer for too many, any for none."""
    missing = [name for name in chosen if name not in table.columns]
    least, most = argument.columns if argument.kind == "coordinates" else (1, None)
    for name in missing:
        folded = {column.casefold(): column for column in table.columns}
        for close in get_close_matches(name.casefold(), list(folded), n=2, cutoff=0.6):
            other = tuple(folded[close] if one == name else one for one in chosen)
            yield f"Use {folded[close]} in place of {name}", other
    there = tuple(name for name in chosen if name not in missing)
    if missing and there:
        yield f"Do without {' and '.join(missing)}", there
    if most is not None and len(there) > most:
        yield f"Keep {' and '.join(there[:most])} alone", there[:most]
    if not there or len(there) < least:
        candidates = [name for name in _candidates(document, table, argument) if name not in there]
        for more in combinations(candidates, max(1, least - len(there))):
            yield f"Use {' and '.join((*there, *more))}", (*there, *more)


def _candidates(document: Document, table: Table, argument: Argument) -> list[str]:
    """Columns of the right role that an argument may be about: unused ones first, of factors the largest."""
    numeric = argument.kind == "coordinates"
    role = "covariate" if numeric else "factor"
    names = [
        name
        for name in table.columns
        if name != document.response and document.roles.get(name) != "response"
        if not numeric or table.is_numeric(name)
    ]
    right = [name for name in names if document.roles.get(name) == role]
    if not numeric:
        right = right or [name for name in names if not table.is_numeric(name)]
    used = used_columns(document)
    levels = {name: 0 if numeric else len(factor_levels(table, name)) for name in right or names}
    return sorted(levels, key=lambda name: (name in used, -levels[name]))


# --- wiring ---------------------------------------------------------------------------------------


def _as_v(document: Document) -> Iterator[tuple[str, Change]]:
    roots = sorted(document.roots(), key=lambda root: -len(document.subtree(root)))
    for root in roots:
        yield f"Connect {document.nodes[root].name} to V", Connect(root, V)


def _of_loose(document: Document, table: Table | None, node: Node) -> Iterator[tuple[str, Change]]:
    if document.v is not None:
        taken = False
        for parent in document.subtree(document.v):
            for slot in document.nodes[parent].free_slots:
                if check_connection(document, node.id, parent, slot, table) is None:
                    into = document.nodes[parent].name
                    taken = True
                    yield f"Connect {node.name} to {into}", Connect(node.id, parent, slot)
        if not taken and len(node.children) >= declaration(node.kind).minimum_operands:
            yield f"Add {node.name} to V", _added_to_v(document, node)
    below = document.subtree(node.id)
    what = node.name if len(below) == 1 else f"{node.name} and what is below it"
    yield f"Remove {what}", RemoveNodes(tuple(below))


@cache
def _sum() -> Declaration:
    """The operator that is the sum of any number of operands."""
    return next(
        declared
        for declared in catalogue()
        if declared.variadic
        and (parts := linalg.composition(declared.example())) is not None
        and parts.how == "sum"
    )


def _added_to_v(document: Document, node: Node) -> Change:
    """V becomes the sum of what it was and a node: most often a residual that was still to come."""
    assert document.v is not None
    root, total = document.nodes[document.v], document.next_id()
    return Batch(
        (
            AddNode(_sum().name, root.x + WIDTH + GAP_X, root.y, id=total),
            Connect(total, V),
            Connect(root.id, total),
            Connect(node.id, total),
        )
    )


def _of_operator(document: Document, table: Table | None, node: Node) -> Iterator[tuple[str, Change]]:
    """What is loose goes into a free slot, or an operator with a single operand goes."""
    mine = {node.id, *document.ancestors(node.id)}
    for root in document.roots():
        if root not in mine and root != document.v:
            for slot in node.free_slots:
                if check_connection(document, root, node.id, slot, table) is None:
                    yield f"Connect {document.nodes[root].name} to {node.name}", Connect(root, node.id, slot)
    variadic = declaration(node.kind).variadic
    if variadic and len(node.children) == 1:
        (child,) = node.children
        place = (V, None) if document.v == node.id else document.parent_of(node.id)
        changes: list[Change] = [Disconnect(child)]
        changes += [] if place is None else [Connect(child, *place)]
        yield (
            f"Remove {node.name}, keep {document.nodes[child].name}",
            Batch((*changes, RemoveNodes((node.id,)))),
        )


def _of_sizes(document: Document, node: Node) -> Iterator[tuple[str, Change]]:
    """Sizes that somebody has set are left to the model, one by one and all; else an operand goes."""
    said = [
        (leaf, name)
        for leaf in (document.nodes[below] for below in document.subtree(node.id))
        for name in size_arguments(declaration(leaf.kind))
        if isinstance(leaf.arguments.get(name), int | Rows | Levels)
    ]
    for leaf, name in said:
        yield f"Set the size of {leaf.name} to auto", SetArgument(leaf.id, name, Auto())
    if len(said) > 1:
        changes = tuple(SetArgument(leaf.id, name, Auto()) for leaf, name in said)
        yield f"Set all sizes below {node.name} to auto", Batch(changes)
    if len(node.children) > 1:
        for child in node.children:
            yield f"Take {document.nodes[child].name} out of {node.name}", Disconnect(child)
