"""Example tables that ship with the program, each with its source and licence."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

from covstudio.data.errors import TableError, listed, shown
from covstudio.data.tables import Table, read_table


@dataclass(frozen=True)
class Example:
    """A table that ships with the program.

    Attributes:
        name: what `load_example` calls it, and the name of its file without the ending.
        title: a heading for it.
        description: what was measured and how, in a sentence or two.
        source: where it was published.
        licence: under which terms it is passed on.
    """

    name: str
    title: str
    description: str
    source: str
    licence: str


_EXAMPLES = (
    Example(
        name="john_alpha",
        title="Alpha design of spring oats",
        description=(
            "Yields of 24 genotypes of spring oats at Craibstone near Aberdeen: 3 replicates of 6 "
            "incomplete blocks of 4 plots, 72 plots in all. Block labels repeat in every replicate, so a "
            "block is known by replicate and block together."
        ),
        source=(
            "J. A. John and E. R. Williams (1995), Cyclic and Computer Generated Designs, p. 146; "
            "john.alpha in R's agridat"
        ),
        licence="MIT",
    ),
)


def examples() -> tuple[Example, ...]:
    """All examples.

    Example:
        >>> [example.name for example in examples()]
        ['john_alpha']
    """
    return _EXAMPLES


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
    names = [example.name for example in _EXAMPLES]
    if name not in names:
        raise TableError(f"There is no example {shown(name)}. The examples are {listed(names)}.")
    return read_table(resources.files(__name__).joinpath(f"{name}.csv").read_bytes(), name=f"{name}.csv")
