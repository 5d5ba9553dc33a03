"""Second tables where a model uses them: the structures that take one, and the designs over its individuals.

A relationship matrix has a row for every individual of its table, whoever has records. Which design goes with
it follows from the sizes that operators tie, as for gaps between levels: the columns of Z are the rows of G,
and those of a Kronecker product its factors', one for each factor of the design.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from covstudio.covariance import declaration
from covstudio.data.errors import TableError, shown, suggestion
from covstudio.data.relation import Relation
from covstudio.document.build.constructors import splatted, takes_levels
from covstudio.document.build.table_facts import TableFacts
from covstudio.document.model.document import Document
from covstudio.document.model.node import ArgumentValue, Columns, FrozenMap, Node, Related
from covstudio.document.sizes.directions import Directions
from covstudio.document.sizes.relations import relate
from covstudio.document.sizes.search import Cell, Search

__all__ = ["WithRelations", "related_nodes", "with_relations"]


@dataclass(frozen=True)
class WithRelations:
    """A document whose second tables are at hand where they are used.

    Attributes:
        document: with the tables beside their names, and designs over their individuals; the same object
            where no node uses one.
        notes: which individuals have no rows.
        problems: node id, argument and a sentence, where rows and individuals do not suit each other.
    """

    document: Document
    notes: tuple[str, ...] = ()
    problems: tuple[tuple[str, str, str], ...] = ()


def related_nodes(document: Document) -> dict[str, tuple[str, str]]:
    """The nodes that use second tables: node id -> the argument and the name of the table."""
    found: dict[str, tuple[str, str]] = {}
    for node in document.nodes.values():
        for argument, value in node.arguments.items():
            if isinstance(value, Related):
                found[node.id] = argument, value.name
    return found


def with_relations(document: Document, facts: TableFacts) -> WithRelations:
    """Put second tables where they are used.

    Args:
        document: the model.
        facts: about the rows that it uses.
    """
    leaves = related_nodes(document)
    return _Relating(document, facts, leaves).found() if leaves else WithRelations(document)


class _Relating:
    def __init__(self, document: Document, facts: TableFacts, leaves: dict[str, tuple[str, str]]) -> None:
        self.document, self.facts, self.leaves = document, facts, leaves
        self.nodes = dict(document.nodes)
        self.notes: dict[str, None] = {}
        self.problems: list[tuple[str, str, str]] = []
        self.search = Search()

    def found(self) -> WithRelations:
        for leaf, (argument, name) in self.leaves.items():
            relation = self.document.relations.get(name)
            if relation is None:
                self.problems.append((leaf, argument, _absent(name, tuple(self.document.relations))))
            else:
                self._change(leaf, argument, Related(name, relation))
        for node in self.document.nodes.values():
            self.search.add(node)
            relate(self.search, node)
        self.directions = Directions(self.search)
        #: The tables whose individuals a class of cells counts, by name.
        self.counting: dict[Cell, dict[str, Relation]] = {}
        for leaf, (_, name) in self.leaves.items():
            if (relation := self.document.relations.get(name)) is not None:
                self.counting.setdefault(self.search.find((leaf, 0)), {})[name] = relation
        for node in self.document.nodes.values():
            self._design(node)
        document = replace(self.document, nodes=FrozenMap(self.nodes))
        return WithRelations(document, tuple(self.notes), tuple(self.problems))

    def _change(self, node_id: str, argument: str, value: ArgumentValue) -> None:
        node = self.nodes[node_id]
        self.nodes[node_id] = replace(node, arguments={**node.arguments, argument: value})

    def _design(self, node: Node) -> None:
        """Give a design the individuals of the tables that its factors belong to."""
        declared = declaration(node.kind)
        name = next(iter(splatted(declared)), None)
        value = None if name is None else node.arguments.get(name)
        if name is None or not takes_levels(declared) or not isinstance(value, Columns) or not value.names:
            return
        found: list[tuple[str, Relation | None]] = []
        for k, column in enumerate(value.names):
            tables = self._tables_of(node, k, len(value.names))
            found.append(tables[0] if tables else ("", None))
            for other, relation in tables[1:]:
                if relation.ids != tables[0][1].ids:
                    told = (
                        f"{tables[0][0]} and {other} are added up over {column} and have other "
                        "individuals, or another "
                        "order of them. Give both the same individuals in the same order."
                    )
                    self.problems.append((node.id, name, told))
            if tables and self.facts.table is not None:
                self._compare(column, *tables[0])
        if any(relation is not None for _, relation in found):
            self._change(node.id, name, Columns(value.names, tuple(found)))
            # Individuals without a record have an effect, too, and all of the others go before it.
            self._change(node.id, "drop_empty_cols", False)

    def _compare(self, column: str, name: str, relation: Relation) -> None:
        try:
            match = relation.match(self.facts.labels(column))
        except TableError:
            # What is wrong with the column is said where it is read.
            return
        # What is absent is said where the design is built.
        if not match.absent and (note := match.note(column, name)):
            self.notes[note] = None
        for told in relation.notes:
            self.notes[f"{name}: {told}"] = None

    def _tables_of(self, node: Node, k: int, count: int) -> list[tuple[str, Relation]]:
        """The tables whose individuals are the levels of factor k of a design, by name."""
        along = self.directions.of_factor((node.id, 1), k, count)
        return list(
            {name: one for cell in along for name, one in self.counting.get(cell, {}).items()}.items()
        )


def _absent(name: str, known: tuple[str, ...]) -> str:
    if not known:
        return f"There is no second table {shown(name)}. Add a pedigree, markers or a matrix of that name."
    return f"There is no second table {shown(name)}. {suggestion(name, known, 'second table')}"
