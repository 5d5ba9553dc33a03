"""Example tables, all there are: one file of this folder each, beside its csv file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from covstudio.arguments import checked
from covstudio.data.errors import TableError, listed, shown
from covstudio.data.reading import read_table
from covstudio.data.relation import Relation
from covstudio.data.relation_reading import read_relation
from covstudio.data.tables import Table
from covstudio.registry import Registry


@dataclass(frozen=True)
class Example:
    """A table that ships with the program.

    Attributes:
        name: what `load_example` calls it.
        title: a heading for it.
        description: what was measured and how, in a sentence or two.
        source: where it was published.
        licence: under which terms it is passed on.
        file: its csv file; by convention beside the file that registers it, and of its name.
        order: where it stands among the others, the smallest first.
        relations: second tables that go with it, by name: files of pedigrees, markers, relationships.
    """

    name: str
    title: str
    description: str
    source: str
    licence: str
    file: Path
    order: int = 100
    relations: Mapping[str, Path] = field(default_factory=dict)

    def load(self) -> Table:
        """Read the table."""
        return read_table(self.file.read_bytes(), name=self.file.name)

    def load_relations(self) -> dict[str, Relation]:
        """Read the second tables."""
        return {name: read_relation(path.read_bytes(), name=name) for name, path in self.relations.items()}


#: Every example. A file of its own registers one: `EXAMPLES.register(Example(...))`.
EXAMPLES = Registry[Example]("example", "covstudio.data.examples")


def examples() -> tuple[Example, ...]:
    """All examples, in order.

    Example:
        >>> [example.name for example in examples()][0]
        'john_alpha'
    """
    return tuple(EXAMPLES)


@checked
def load_example(name: str) -> Table:
    """Read an example.

    Args:
        name: the example's name, one of those in `examples()`.

    Raises:
        TableError: there is no such example.

    Example:
        >>> load_example("john_alpha").columns
        ('plot', 'rep', 'block', 'gen', 'yield', 'row', 'col')
    """
    return _found(name).load()


@checked
def load_relations(name: str) -> dict[str, Relation]:
    """Read the second tables of an example.

    Args:
        name: the example's name, one of those in `examples()`.

    Raises:
        TableError: there is no such example.

    Example:
        >>> load_relations("mrode_calves")
        {'pedigree': Relation('pedigree', pedigree of 8 individuals)}
    """
    return _found(name).load_relations()


def _found(name: str) -> Example:
    found = EXAMPLES.find(name)
    if found is None:
        raise TableError(
            f"There is no example {shown(name)}. The examples are {listed(EXAMPLES.names(), limit=40)}."
        )
    return found
