"""The ground of all designs: names, checked sizes, places in the field, and chance by a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from covstudio.arguments import checked
from covstudio.data.tables import Table

__all__ = [
    "ImpossibleDesign",
    "Names",
    "chance",
    "count",
    "divided",
    "missing",
    "named",
    "table_of",
    "trials",
]

#: Treatments as a design takes them: how many, or what they are called.
Names = int | Sequence[Any]


class ImpossibleDesign(ValueError):
    """A design that cannot be laid out with these numbers; the message says why, and what could."""


def chance(seed: int) -> np.random.Generator:
    """The source of all that is random in a design.

    Raises:
        ImpossibleDesign: the seed is no whole number of at least 0.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ImpossibleDesign(f"seed must be a whole number of at least 0, and is {seed!r}.")
    return np.random.default_rng(int(seed))


def count(value: Any, what: str, least: int = 1) -> int:
    """A whole number that is large enough.

    Args:
        value: what was given.
        what: what it counts, in words for the message.
        least: the smallest that will do.

    Raises:
        ImpossibleDesign: it is none.

    Example:
        >>> count(3, "blocks")
        3
        >>> count(1, "blocks", 2)
        Traceback (most recent call last):
        covstudio.design.layouts.plots.ImpossibleDesign: blocks must be a whole number of at least 2, and
        is 1.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ImpossibleDesign(f"{what} must be a whole number of at least {least}, and is {value!r}.")
    return int(value)


def named(what: Names, letter: str, noun: str, least: int = 2) -> list[str]:
    """Names of treatments, blocks or subjects, of one width so that they sort by their numbers.

    Args:
        what: how many, or the names themselves.
        letter: what made-up names begin with.
        noun: what they are names of, in words for messages.
        least: how many there must be.

    Raises:
        ImpossibleDesign: there are too few, or a name stands twice.

    Example:
        >>> named(3, "G", "genotypes"), named(["tall", "dwarf"], "G", "genotypes")
        (['G1', 'G2', 'G3'], ['tall', 'dwarf'])
    """
    if isinstance(what, str) or not isinstance(what, Sequence):
        number = count(what, noun, least)
        width = len(str(number))
        return [f"{letter}{i:0{width}d}" for i in range(1, number + 1)]
    names = [str(one) for one in what]
    if len(names) < least:
        raise ImpossibleDesign(f"{noun} must be at least {least}, and are {len(names)}: {names}.")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ImpossibleDesign(f"{noun} must differ in their names, and {twice!r} stands twice.")
    return names


def divided(whole: int, part: int, said: str) -> int:
    """How often a part goes into the whole.

    Args:
        whole: what is divided.
        part: what it is divided by.
        said: what was wanted, in words that the message begins with.

    Raises:
        ImpossibleDesign: there is a remainder; the parts that would go are named.

    Example:
        >>> divided(24, 4, "24 treatments in blocks of 4")
        6
        >>> divided(24, 5, "24 treatments in blocks of 5")
        Traceback (most recent call last):
        covstudio.design.layouts.plots.ImpossibleDesign: 24 treatments in blocks of 5 leave 4 over: 24 is
        divided by 1, 2, 3, 4, 6, 8, 12, 24.
    """
    if whole % part:
        fitting = ", ".join(str(k) for k in range(1, whole + 1) if whole % k == 0)
        raise ImpossibleDesign(f"{said} leave {whole % part} over: {whole} is divided by {fitting}.")
    return whole // part


def table_of(columns: Mapping[str, Sequence[Any]], name: str) -> Table:
    """A table of plots in the order of the field: by rows and columns, where it has them.

    Args:
        columns: the values by name; "plot" is added in front where there are "row" and "column".
        name: what the table is called.
    """
    data = {key: list(values) for key, values in columns.items()}
    if "row" in data and "column" in data:
        places = list(zip(data["row"], data["column"], strict=True))
        order = sorted(range(len(places)), key=lambda i: places[i])
        data = {key: [values[i] for i in order] for key, values in data.items()}
        data = {"plot": list(range(1, len(order) + 1)), **data}
    return Table.from_columns(data, name)


@checked(own=("seed",))
def missing(table: Table, rate: float, seed: int = 0) -> Table:
    """A design of which some plots are lost, each with the same chance.

    Args:
        table: the design.
        rate: the share that is lost, rounded to whole plots; at least 0 and below 1.
        seed: of the choice.

    Returns:
        The table without those rows.

    Raises:
        ImpossibleDesign: the rate is no such share.

    Example:
        >>> from covstudio.design import randomised_blocks
        >>> missing(randomised_blocks(10, 4), 0.1, seed=1).n
        36
    """
    if not 0.0 <= float(rate) < 1.0:
        raise ImpossibleDesign(
            f"rate must be at least 0 and below 1, the share of plots that are lost, and is {rate!r}."
        )
    lost = chance(seed).permutation(table.n)[: round(float(rate) * table.n)]
    kept = np.ones(table.n, dtype=np.bool_)
    kept[lost] = False
    if not kept.any():
        raise ImpossibleDesign(f"a rate of {rate!r} leaves none of {table.n} plots: take a smaller one.")
    return table.rows(kept)


@checked(own=("sites", "seed"))
def trials(make: Callable[..., Table], sites: Names, *, seed: int = 0, **arguments: Any) -> Table:
    """Several trials of one design, each randomised by itself.

    Labels of blocks, rows and columns begin anew at every site: a block is known by site and block together.

    Args:
        make: one of the designs, such as `randomised_blocks`.
        sites: how many, or what they are called.
        seed: of all randomisations.
        **arguments: what `make` takes, but its seed.

    Returns:
        The tables one below the other, "site" in front.

    Raises:
        ImpossibleDesign: there is no site, or the design cannot be made.

    Example:
        >>> from covstudio.design import randomised_blocks
        >>> table = trials(randomised_blocks, ["north", "south"], treatments=5, blocks=3, seed=1)
        >>> table.n, table.columns
        (30, ('site', 'plot', 'block', 'treatment', 'row', 'column'))
    """
    names = named(sites, "S", "sites", 1)
    seeds = chance(seed).integers(0, 2**31, len(names)).tolist()
    of_its_own = checked(make)
    made = [of_its_own(seed=int(own), **arguments) for own in seeds]
    if not all(isinstance(one, Table) for one in made):
        raise ImpossibleDesign("make must lay out a design, a Table; take one such as randomised_blocks.")
    columns: dict[str, list[Any]] = {
        "site": [name for name, one in zip(names, made, strict=True) for _ in range(one.n)]
    }
    for key in made[0].columns:
        columns[key] = [cell for one in made for cell in one.to_columns()[key]]
    return Table.from_columns(columns, f"{made[0].name} at {len(names)} sites")
