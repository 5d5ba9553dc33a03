"""Templates, all there are: one file of this package each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from covstudio.data.roles import Role, guess_roles
from covstudio.data.tables import Table
from covstudio.document.changes.all import ReplaceDocument
from covstudio.document.changes.auto_layout import auto_layout
from covstudio.document.model.document import Document
from covstudio.registry import Registry


@dataclass(frozen=True)
class Template:
    """A model to start from.

    Args:
        name: short and stable, for links and tests.
        title: what people call it.
        description: one or two sentences: for which trials, and what V is.
        build: makes the model for a table (or none) and the roles of its columns.
        order: where it stands among the others, the smallest first.
    """

    name: str
    title: str
    description: str
    build: Callable[[Table | None, Mapping[str, Role]], Document]
    order: int = 100

    def document(self, table: Table | None = None, roles: Mapping[str, Role] | None = None) -> Document:
        """The model, bound to the columns of a table that match best.

        What has no match stays open, and the build says what to choose.

        Args:
            table: the data.
            roles: what its columns are; guessed when left out.

        Returns:
            A document, laid out.
        """
        if table is None:
            roles = {}
        elif roles is None:
            roles = guess_roles(table)
        document = self.build(table, roles)
        response = next((column for column, role in roles.items() if role == "response"), None)
        document = replace(
            document,
            title=self.title,
            response=response,
            roles=roles,
            data_name=None if table is None else table.name,
        )
        return auto_layout(document).apply(document)

    def start(self, table: Table | None = None) -> ReplaceDocument:
        """The change that puts this model in the place of the present one.

        Args:
            table: the data.
        """
        return ReplaceDocument(self.document(table), label=f"Start from {self.title}")


#: Every template. A file of its own registers one: `TEMPLATES.register(Template(...))`.
TEMPLATES = Registry[Template]("template", "covstudio.document.files.templates")


def templates() -> tuple[Template, ...]:
    """Every template, the most common first.

    Example:
        >>> [template.name for template in templates()][:3]
        ['alpha', 'spatial', 'repeated']
    """
    return tuple(TEMPLATES)
