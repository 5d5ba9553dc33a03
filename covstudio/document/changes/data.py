"""Changes of what a document says about its data: which table, the roles of its columns, choices about it.

The roles own the response: a document names one as its response, and no other column has that role.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from covstudio.data.choices import TableChoices
from covstudio.data.relation import Relation
from covstudio.data.roles import Role
from covstudio.document.changes.change import Change, ChangeError, checked, checked_roles, text_of
from covstudio.document.model.document import MAX_RELATIONS, Document
from covstudio.document.model.node import FrozenMap, check_name


@dataclass(frozen=True)
class SetResponse(Change):
    """Name the column that is modelled, or None; the column that was modelled becomes a covariate.

    Args:
        column: its name.
    """

    column: str | None

    def apply(self, document: Document) -> Document:
        column = None if self.column is None else text_of(self.column, "A column name")
        return _with_roles(document, dict(document.roles), column)

    def _describe(self, document: Document) -> str:
        return "Set the response"


@dataclass(frozen=True)
class SetRoles(Change):
    """Say which column is what; a column that becomes the response takes the place of the one before.

    Args:
        roles: column -> "factor", "covariate", "response" or "ignored"; columns left out keep their role.
    """

    roles: Mapping[str, Role]

    def apply(self, document: Document) -> Document:
        changed = checked_roles(self.roles)
        responses = [column for column, role in changed.items() if role == "response"]
        if len(responses) > 1:
            raise ChangeError(f"A model has one response; got {', '.join(responses)}.")
        before = None if document.response in changed else document.response
        return _with_roles(document, {**document.roles, **changed}, (*responses, before)[0])

    def _describe(self, document: Document) -> str:
        if len(self.roles) == 1:
            ((column, role),) = self.roles.items()
            return f"Ignore {column}" if role == "ignored" else f"Use {column} as {role}"
        return "Set the roles of columns"


@dataclass(frozen=True)
class SetData(Change):
    """Make another table the document's data.

    Args:
        name: the name of the table, or None for no table.
        roles: what each of its columns is (all of them: the old roles are dropped).
        response: the column that is modelled; the one whose role says so when left out.
        choices: what is said about the table.
    """

    name: str | None
    roles: Mapping[str, Role] = field(default_factory=dict)
    response: str | None = None
    choices: TableChoices = field(default_factory=TableChoices)

    def apply(self, document: Document) -> Document:
        name = None if self.name is None else text_of(self.name, "The name of a table")
        roles = checked_roles(self.roles)
        response = None if self.response is None else text_of(self.response, "A column name")
        if response is None:
            response = next((column for column, role in roles.items() if role == "response"), None)
        return replace(_with_roles(document, roles, response), data_name=name, choices=self.choices)

    def _describe(self, document: Document) -> str:
        return "Remove the data" if self.name is None else f"Use the data {self.name}"


@dataclass(frozen=True)
class SetChoices(Change):
    """Say something about the table: codes for "no value", the order of levels, the level to compare with.

    Args:
        choices: all that is said.
    """

    choices: TableChoices

    def apply(self, document: Document) -> Document:
        if not isinstance(self.choices, TableChoices):
            raise ChangeError(f"Choices about a table are TableChoices; got {type(self.choices).__name__}.")
        return replace(document, choices=self.choices)

    def _describe(self, document: Document) -> str:
        before, after = document.choices, self.choices
        steps = [step for step in after.steps if step not in before.steps]
        if len(steps) == 1:
            return str(steps[0])
        if dropped := [step for step in before.steps if step not in after.steps]:
            return f"Take back: {dropped[0]}" if not steps else "Set what is done to the table"
        names = dict.fromkeys((*before.columns, *after.columns))
        changed = [name for name in names if before.column(name) != after.column(name)]
        return f"Set how {changed[0]} is read" if len(changed) == 1 else "Set how the table is read"


@dataclass(frozen=True)
class SetRelation(Change):
    """Keep a second table with the document, put another in its place, or take it away.

    Args:
        name: what nodes call it.
        relation: the table; None takes it away.
    """

    name: str
    relation: Relation | None

    def apply(self, document: Document) -> Document:
        name = checked(check_name, self.name)
        if self.relation is None:
            if name not in document.relations:
                raise ChangeError(f"The model has no second table {name!r}.")
            return replace(document, relations=FrozenMap(document.relations).without(name))
        if not isinstance(self.relation, Relation):
            raise ChangeError(f"A second table is a Relation; got {type(self.relation).__name__}.")
        if name not in document.relations and len(document.relations) >= MAX_RELATIONS:
            raise ChangeError(f"A model keeps at most {MAX_RELATIONS} second tables. Take one away first.")
        return replace(document, relations=FrozenMap(document.relations).set(name, self.relation))

    def _describe(self, document: Document) -> str:
        return f"{'Take away' if self.relation is None else 'Use'} the table {self.name}"


def _with_roles(document: Document, roles: dict[str, Role], response: str | None) -> Document:
    """A document with these roles, in which one column is the response, or none."""
    for column, role in roles.items():
        if role == "response" and column != response:
            roles[column] = "covariate"
    if response is not None and roles:
        roles[response] = "response"
    return replace(document, roles=FrozenMap(roles), response=response)
