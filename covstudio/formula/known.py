"""Second tables in formulas: `vm(gen, K)` of ASReml, and effects of a group whose relationships are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from covstudio.data.errors import TableError, listed, suggestion
from covstudio.data.relation import MAX_DENSE, Kind, Relation
from covstudio.data.relation_reading import relation_of
from covstudio.document.model.node import Columns, Related
from covstudio.formula.refusals import Refusal
from covstudio.formula.tree import Model, Tree, tree

__all__ = ["known_tree", "relation_for", "with_known"]

#: The structure that takes a second table of each kind, and its argument.
_STRUCTURES: Mapping[Kind, tuple[str, str]] = {
    "pedigree": ("PedigreeMatrix", "ped"),
    "markers": ("KnownMatrix", "K"),
    "relationship": ("KnownMatrix", "K"),
    "inverse": ("KnownInverseMatrix", "Q"),
}
#: Structures of independent groups with a variance, and without.
_INDEPENDENT = ("ScalarMatrix", "IdentityMatrix")


def relation_for(given: Any, name: str, levels: Sequence[str] | None, kind: Kind | None = None) -> Relation:
    """A second table as it is given; rows of an array without names are the levels in their order."""
    made = relation_of(given, kind, name=name, ids=levels)
    return made if made.name else made.named(name)


def known_tree(name: str, table: str, relation: Relation, *, held: bool = False) -> Tree:
    """The structure of effects whose relationships a second table has.

    Args:
        name: of the node.
        table: the name of the second table.
        relation: the table.
        held: with a variance of 1, beside another structure that has one.
    """
    kind, argument = _STRUCTURES[relation.kind]
    if relation.kind == "markers" and (
        len(relation.ids) > MAX_DENSE or len(relation.ids) > relation.numbers.shape[1]
    ):
        kind, argument = "MarkersMatrix", "markers"
    return tree(kind, name, fixed={"sigma^2": 1.0} if held else {}, given={argument: Related(table)})


def with_known(model: Model, known: Mapping[str, Any], matrices: Mapping[str, Any], levels: Any) -> None:
    """Give the effects of groups their known relationships: `known={"gen": K}` beside `(1 | gen)`.

    Args:
        model: changed in place.
        known: group -> a second table, or the name of one of `matrices`.
        matrices: second tables by name.
        levels: group -> its levels, for arrays without names; None without the data.

    Raises:
        Refusal: a group has no random effects, or a table is none.
    """
    for group, given in known.items():
        named = isinstance(given, str) and given in matrices
        name = given if named else group
        try:
            relation = relation_for(matrices[name] if named else given, name, levels(group))
        except TableError as error:
            raise Refusal(
                group, 0, str(error), "Give a pedigree, markers or a relationship matrix."
            ) from None
        terms = [_related(term, group, name, relation) for term in model.terms]
        if all(one is None for one in terms):
            groups = dict.fromkeys(one for term in model.terms if (one := _group_of(term)))
            raise Refusal(
                group,
                0,
                "no random effects are those of this group",
                suggestion(group, list(groups), "group")
                if groups
                else f"Write (1 | {group}) in the formula.",
            )
        model.terms = [term if one is None else one for term, one in zip(model.terms, terms, strict=True)]
        model.relations[name] = relation


def _design(term: Tree) -> Tree | None:
    """The incidence of a term's groups."""
    if term.kind != "CovariancePropagation":
        return None
    z = term.operands[0]
    first = z.operands[0] if z.kind == "KhatriRaoProduct" else z
    return first if isinstance(first.arguments.get("factors"), Columns) else None


def _group_of(term: Tree) -> str | None:
    """The one column whose levels a term's groups are."""
    design = _design(term)
    factors = None if design is None else design.arguments["factors"]
    return factors.names[0] if isinstance(factors, Columns) and len(factors.names) == 1 else None


def _related(term: Tree, group: str, name: str, relation: Relation) -> Tree | None:
    """A term with known relationships between its groups; None for a term of other groups."""
    if _group_of(term) != group:
        return None
    z, g = term.operands
    if g.kind in _INDEPENDENT and "c" not in g.arguments:
        return replace(term, operands=(z, known_tree(g.name, name, relation)))
    if g.kind == "KroneckerProduct" and g.operands[0].kind in _INDEPENDENT:
        first = known_tree(g.operands[0].name, name, relation, held=True)
        return replace(term, operands=(z, replace(g, operands=(first, *g.operands[1:]))))
    raise Refusal(
        group,
        0,
        f"the effects of {term.name} have another structure already",
        f"Leave out the known relationships, or that structure ({listed([g.kind])}).",
    )
