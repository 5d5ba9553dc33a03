"""Offers of the registries by name, besides structures: tabs, templates, examples, languages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from covstudio.data.examples import EXAMPLES
from covstudio.document.files.templates import TEMPLATES
from covstudio.export import EXPORTERS
from covstudio.studio.session.shared import MenuEntry
from covstudio.studio.session.tabs import TABS

Kind = Literal["tab", "template", "example", "language"]

#: What each kind is called where it is listed among others.
KINDS: dict[Kind, str] = {
    "tab": "Tab",
    "template": "Template",
    "example": "Example table",
    "language": "Export",
}


class Entry(Protocol):
    """What stands in a menu: a template, an example."""

    @property
    def name(self) -> str:
        """By which it is asked for."""

    @property
    def title(self) -> str:
        """By which people know it."""

    @property
    def description(self) -> str:
        """What it is, in a sentence or two."""


def menu(entries: Iterable[Entry]) -> list[MenuEntry]:
    """Entries as the page lists them."""
    return [MenuEntry(name=one.name, title=one.title, description=one.description) for one in entries]


@dataclass(frozen=True)
class Offer:
    """One thing that the search finds beside structures.

    Args:
        kind: of which registry.
        name: of its entry.
        title: by which people know it.
        about: what it is, in a sentence or two; may be empty.
        keywords: what people look for it by besides its title.
    """

    kind: Kind
    name: str
    title: str
    about: str = ""
    keywords: tuple[str, ...] = ()


def offers() -> tuple[Offer, ...]:
    """Everything that is offered now."""
    return (
        *(Offer("template", one.name, one.title, one.description, one.keywords) for one in TEMPLATES),
        *(Offer("example", one.name, one.title, one.description) for one in EXAMPLES),
        *(
            Offer("tab", one.name, one.title, "" if one.step is None else one.step.text, one.keywords)
            for one in TABS
        ),
        *(Offer("language", one.name, one.label, f"The model as a program: {one.file}") for one in EXPORTERS),
    )
