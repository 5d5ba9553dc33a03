"""Templates, all there are: one file of this package each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from covstudio.data.choices import TableChoices
from covstudio.data.relation import Relation
from covstudio.data.roles import Role, completed_roles, guess_roles
from covstudio.data.tables import Table
from covstudio.document.changes.all import ReplaceDocument
from covstudio.document.changes.auto_layout import auto_layout
from covstudio.document.files.templates.parts import (
    Bound,
    Part,
    PartQuestion,
    PartsMissing,
    bind,
    check_apart,
    check_given,
)
from covstudio.document.model.document import Document
from covstudio.document.model.node import FrozenMap
from covstudio.registry import Registry


@dataclass(frozen=True)
class Sample:
    """A small table that a template can be looked at with, where nobody has loaded one.

    Args:
        table: makes it.
        said: what it is, in a few words: whether it was observed or made up.
        parts: what its columns are, as far as nothing in it tells.
        relations: makes the second tables that go with it.
    """

    table: Callable[[], Table]
    said: str
    parts: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    relations: Callable[[], Mapping[str, Relation]] = dict


@dataclass(frozen=True)
class Template:
    """A model to start from.

    Args:
        name: short and stable, for links and tests.
        title: what people call it.
        description: one or two sentences: for which trials, and what V is.
        build: makes the model for a table (or none) and the roles of its columns. Its parts come by name: a
            column, columns where there may be several, the name of a second table, or None.
        order: where it stands among the others, the smallest first.
        sample: the table that it comes with where there is none.
        keywords: what people look for it by besides its title.
        parts: what it needs of the data, in the order in which it is looked for.
        places: parts that together are one place of a trial, as row and column are: see `parts.bind`.
    """

    name: str
    title: str
    description: str
    build: Callable[..., Document]
    order: int = 100
    sample: Sample | None = None
    keywords: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    places: tuple[str, ...] = ()

    def bind(
        self,
        table: Table | None = None,
        roles: Mapping[str, Role] | None = None,
        relations: Mapping[str, Relation] | None = None,
        **parts: Any,
    ) -> Bound:
        """The parts of the model in a table, and what is to be asked.

        Args:
            table: the data.
            roles: what its columns are, as far as somebody has said it; the others are guessed.
            relations: second tables by name.
            **parts: what somebody says: a column for each part, several where it may be several, None for
                none. What is left out is guessed.

        Raises:
            ValueError: there is no such part, column or second table, or it does not hold what it should.

        Example:
            >>> table = Table.from_columns({"rat": ["a", "a", "b", "b"], "y": [1.0, 2.5, 1.5, 3.0]}, "rats")
            >>> bound = TEMPLATES["repeated"].bind(table)
            >>> bound.values["subject"], [question.text for question in bound.questions]
            ('rat', ["No column of 'rats' is left for the times of the measurements."])
        """
        known = {} if relations is None else relations
        given = check_given(self.parts, parts, table, known)
        check_apart(given, roles or {})
        return bind(self.parts, self.places, table, _roles(table, roles), given, known)

    def model(
        self,
        table: Table,
        roles: Mapping[str, Role] | None = None,
        relations: Mapping[str, Relation] | None = None,
        **parts: Any,
    ) -> Document:
        """The model with every part that it needs.

        Args:
            table: the data.
            roles: what its columns are, as far as somebody has said it; the others are guessed.
            relations: second tables by name.
            **parts: what somebody says of its parts: see `bind`.

        Raises:
            PartsMissing: the table does not tell which columns some parts are; the message has the parts, and
                the columns that they may be.
            ValueError: what is said of the parts cannot be.

        Example:
            >>> from covstudio.data.examples import load_example
            >>> TEMPLATES["alpha"].model(load_example("john_alpha")).fixed_effects
            '1 + rep'
        """
        questions = self.bind(table, roles, relations, **parts).questions
        if questions:
            raise PartsMissing(self.title, questions)
        return self.document(table, roles, relations, **parts)

    def document(
        self,
        table: Table | None = None,
        roles: Mapping[str, Role] | None = None,
        relations: Mapping[str, Relation] | None = None,
        **parts: Any,
    ) -> Document:
        """The model, bound to the columns of a table that match best.

        What has no match stays open, and the build says what to choose.

        Args:
            table: the data.
            roles: what its columns are, as far as somebody has said it; the others are guessed.
            relations: second tables by name.
            **parts: what somebody says of its parts: see `bind`.

        Returns:
            A document, laid out.
        """
        bound = self.bind(table, roles, relations, **parts)
        roles = _roles(table, roles)
        document = self.build(table, roles, **bound.values)
        response = next((column for column, role in roles.items() if role == "response"), None)
        document = replace(
            document,
            title=self.title,
            response=response,
            roles=roles,
            data_name=None if table is None else table.name,
            choices=TableChoices() if table is None else table.choices,
            relations=FrozenMap({} if relations is None else relations),
        )
        return auto_layout(document).apply(document)

    def start(
        self,
        table: Table | None = None,
        before: Document | None = None,
        sample: Sample | None = None,
    ) -> ReplaceDocument:
        """The change that puts this model in the place of the present one.

        What a person has said about the data and about how to fit goes along.

        Args:
            table: the data.
            before: the present document.
            sample: where the table is that of a sample, with what is known about it.
        """
        label = f"Start from {self.title}"
        parts: Mapping[str, Any] = {} if sample is None else sample.parts
        relations = {} if sample is None else dict(sample.relations())
        if before is None:
            return ReplaceDocument(self.document(table, None, relations, **parts), label=label)
        roles, relations = self._known(table, before, relations)
        document = self.document(table, roles, relations, **parts)
        document = replace(
            document, method=before.method, degrees=before.degrees, drop_dependent=before.drop_dependent
        )
        if roles is not None:
            document = replace(document, response=before.response, choices=before.choices)
        return ReplaceDocument(document, label=label)

    def asked(self, table: Table | None, before: Document) -> tuple[PartQuestion, ...]:
        """What is to be asked when this model is started in the place of another: see `start`."""
        roles, relations = self._known(table, before, {})
        return self.bind(table, roles, relations).questions

    def _known(
        self, table: Table | None, before: Document, relations: dict[str, Relation]
    ) -> tuple[dict[str, Role] | None, dict[str, Relation]]:
        """What a person has said of this table: the roles, None where nothing was said; second tables."""
        said = bool(before.roles) or before.response is not None
        if table is None or not said or before.data_name != table.name:
            return None, relations
        roles = completed_roles(table, before.roles, before.response)
        return roles, {**relations, **before.relations}


def _roles(table: Table | None, roles: Mapping[str, Role] | None) -> dict[str, Role]:
    """A role for every column of the table."""
    if table is None:
        return {}
    return guess_roles(table) if roles is None else completed_roles(table, roles)


#: Every template. A file of its own registers one: `TEMPLATES.register(Template(...))`.
TEMPLATES = Registry[Template]("template", "covstudio.document.files.templates")


def templates() -> tuple[Template, ...]:
    """Every template, the most common first.

    Example:
        >>> [template.name for template in templates()][:3]
        ['alpha', 'spatial', 'repeated']
    """
    return tuple(TEMPLATES)
