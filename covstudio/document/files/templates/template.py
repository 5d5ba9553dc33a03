"""Templates, all there are: one file of this package each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from covstudio.data.choices import TableChoices
from covstudio.data.roles import Role, completed_roles, guess_roles
from covstudio.data.tables import Table
from covstudio.document.changes.all import ReplaceDocument
from covstudio.document.changes.auto_layout import auto_layout
from covstudio.document.model.document import Document
from covstudio.registry import Registry


@dataclass(frozen=True)
class Sample:
    """A small table that a template can be looked at with, where nobody has loaded one.

    Args:
        table: makes it.
        said: what it is, in a few words: whether it was observed or made up.
    """

    table: Callable[[], Table]
    said: str


@dataclass(frozen=True)
class Template:
    """A model to start from.

    Args:
        name: short and stable, for links and tests.
        title: what people call it.
        description: one or two sentences: for which trials, and what V is.
        build: makes the model for a table (or none) and the roles of its columns.
        order: where it stands among the others, the smallest first.
        sample: the table that it comes with where there is none.
        keywords: what people look for it by besides its title.
    """

    name: str
    title: str
    description: str
    build: Callable[[Table | None, Mapping[str, Role]], Document]
    order: int = 100
    sample: Sample | None = None
    keywords: tuple[str, ...] = ()

    def document(self, table: Table | None = None, roles: Mapping[str, Role] | None = None) -> Document:
        """The model, bound to the columns of a table that match best.

        What has no match stays open, and the build says what to choose.

        Args:
            table: the data.
            roles: what its columns are, as far as somebody has said it; the others are guessed.

        Returns:
            A document, laid out.
        """
        if table is None:
            roles = {}
        else:
            roles = guess_roles(table) if roles is None else completed_roles(table, roles)
        document = self.build(table, roles)
        response = next((column for column, role in roles.items() if role == "response"), None)
        document = replace(
            document,
            title=self.title,
            response=response,
            roles=roles,
            data_name=None if table is None else table.name,
            choices=TableChoices() if table is None else table.choices,
        )
        return auto_layout(document).apply(document)

    def start(self, table: Table | None = None, before: Document | None = None) -> ReplaceDocument:
        """The change that puts this model in the place of the present one.

        What a person has said about the data and about how to fit goes along.

        Args:
            table: the data.
            before: the present document.
        """
        if before is None:
            return ReplaceDocument(self.document(table), label=f"Start from {self.title}")
        said = bool(before.roles) or before.response is not None
        known = said and table is not None and before.data_name == table.name
        roles = completed_roles(table, before.roles, before.response) if known and table is not None else None
        document = self.document(table, roles)
        document = replace(
            document, method=before.method, degrees=before.degrees, drop_dependent=before.drop_dependent
        )
        if known:
            document = replace(
                document, response=before.response, choices=before.choices, relations=before.relations
            )
        return ReplaceDocument(document, label=f"Start from {self.title}")


#: Every template. A file of its own registers one: `TEMPLATES.register(Template(...))`.
TEMPLATES = Registry[Template]("template", "covstudio.document.files.templates")


def templates() -> tuple[Template, ...]:
    """Every template, the most common first.

    Example:
        >>> [template.name for template in templates()][:3]
        ['alpha', 'spatial', 'repeated']
    """
    return tuple(TEMPLATES)
