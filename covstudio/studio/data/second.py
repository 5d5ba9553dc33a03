"""Second tables in the data view: pedigrees, markers and relationship matrices are added and dropped."""

from __future__ import annotations

import re
from pathlib import PurePath

from covstudio.data.errors import TableError
from covstudio.data.relation import Relation
from covstudio.data.relation_reading import read_relation
from covstudio.data.tables import Table
from covstudio.document.build.relations import related_nodes
from covstudio.document.build.table_facts import facts_of
from covstudio.document.model.document import Document
from covstudio.studio.data.messages import SecondTable
from covstudio.studio.session.files import Upload

__all__ = ["SecondTables", "read_second"]

#: Columns that are compared with the individuals of a table: in a wide one, the first.
COMPARED = 60
_OTHER = re.compile(r"[^\w.]+")


def read_second(upload: Upload) -> Relation | str:
    """The second table in a file, or the sentence that says why it is none."""
    try:
        return read_relation(upload.data, name=upload.name)
    except TableError as error:
        return str(error)


class SecondTables:
    """The second tables of a document, beside the table in use."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[Relation, Table, tuple[str, str | None, str]]] = {}

    def name_of(self, upload: Upload) -> str:
        """What a new one is called: the name of its file, as nodes may call it."""
        plain = _OTHER.sub("_", PurePath(upload.name).stem).strip("_")
        return plain[:40] or "K"

    def shown(self, document: Document, table: Table | None) -> list[SecondTable]:
        """All of them, with who is in them and who is not."""
        users: dict[str, list[str]] = {}
        for node_id, (_, name) in related_nodes(document).items():
            users.setdefault(name, []).append(document.nodes[node_id].name)
        found = []
        for name, relation in document.relations.items():
            matched, problem, note = self._matched(relation, name, table)
            found.append(
                SecondTable(
                    name=name,
                    summary=relation.summary,
                    matched=matched,
                    problem=problem,
                    notes=[*relation.notes, *([note] if note else [])],
                    users=users.get(name, []),
                )
            )
        return found

    def _matched(self, relation: Relation, name: str, table: Table | None) -> tuple[str, str | None, str]:
        """The column whose labels the individuals are, who of them is nobody, and what is to be said."""
        if table is None:
            return "", None, ""
        key = id(relation), id(table)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = relation, table, _compared(relation, name, table)
        return known[2]


def _compared(relation: Relation, name: str, table: Table) -> tuple[str, str | None, str]:
    best, labels = "", frozenset[str]()
    share = 0.0
    individuals = set(relation.ids)
    for column in table.columns[:COMPARED]:
        own = frozenset(label for label in table.labels(column) if label is not None)
        inside = len(own & individuals) / max(len(own), 1)
        # Small numbers are in every pedigree of numbers: more of them tell more.
        if (inside, len(own)) > (share, len(labels)) and inside > 0.0:
            best, labels, share = column, own, inside
    if not best:
        return "No column of the table names its individuals.", None, ""
    try:
        rows = facts_of(table).labels(best)
    except TableError:
        rows = [label for label in table.labels(best) if label is not None]
    match = relation.match(rows)
    text = f"{best}: {len(labels) - len(match.absent):,} of {len(labels):,} levels are in it."
    return text, match.problem(best, f"{relation.what} {name}"), match.note(best, name)
