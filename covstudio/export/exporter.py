"""Exporters, which write a model as a program, all there are: one file of this package each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.model.document import Document
from covstudio.export.incomplete import lacking
from covstudio.registry import Registry


def missing(document: Document, table: Table | None = None) -> tuple[str, ...]:
    """What a model still lacks before there is a V that any program could make.

    Args:
        document: the model.
        table: its data.

    Returns:
        A sentence for each thing, with the name of the node it is about; nothing when V is complete.
    """
    return lacking(document, build(document, table))


@dataclass(frozen=True)
class Exporter:
    """A way to write a model as a program.

    Args:
        name: what `covstudio export --format` calls it.
        label: what people call its language.
        extension: of its files, without the dot.
        source: the program of a model and its table (or none), also of one that is not complete yet: then a
            text that says what is missing. It raises ValueError where it cannot write one at all.
        missing: what a model lacks before `source` gives a program that makes V: a sentence for each thing.
        keywords: the words that the language itself has, coloured where the program is shown.
        order: where it stands among the others, the smallest first.
    """

    name: str
    label: str
    extension: str
    source: Callable[[Document, Table | None], str]
    missing: Callable[[Document, Table | None], tuple[str, ...]] = missing
    keywords: tuple[str, ...] = ()
    order: int = 100

    @property
    def file(self) -> str:
        """What a program is called that has no name of its own."""
        return f"model.{self.extension}"


#: Every exporter. A file of its own registers one: `EXPORTERS.register(Exporter(...))`.
EXPORTERS = Registry[Exporter]("format", "covstudio.export")


def exporters() -> tuple[Exporter, ...]:
    """Every exporter, in order.

    Example:
        >>> [(exporter.name, exporter.file) for exporter in exporters()][0]
        ('python', 'model.py')
    """
    return tuple(EXPORTERS)
