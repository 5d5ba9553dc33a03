"""Designs in which every treatment meets every block, or no block at all."""

from __future__ import annotations

from typing import Any

from covstudio.arguments import checked
from covstudio.data.tables import Table
from covstudio.design.layouts.plots import ImpossibleDesign, Names, chance, count, divided, named, table_of

__all__ = ["completely_randomised", "latin_square", "nested", "randomised_blocks"]


@checked(own=None)
def completely_randomised(
    treatments: Names, plots: int, *, columns: int | None = None, seed: int = 0
) -> Table:
    """Treatments on the plots of a field at random, as equally often as goes.

    Args:
        treatments: how many, or what they are called.
        plots: how many plots there are.
        columns: plots in a row of the field; None for all of them.
        seed: of the randomisation.

    Returns:
        A table with "plot", "treatment", "row" and "column".

    Raises:
        ImpossibleDesign: there are more treatments than plots, or the rows of the field are not full.

    Example:
        >>> table = completely_randomised(3, 12, columns=4, seed=1)
        >>> table.n, table.levels("treatment"), table.levels("row")
        (12, ('T1', 'T2', 'T3'), ('1', '2', '3'))

    Reference:
        Cochran & Cox (1957), Experimental Designs, section 4.1.
    """
    names, number = named(treatments, "T", "treatments"), count(plots, "plots")
    if len(names) > number:
        raise ImpossibleDesign(
            f"{len(names)} treatments cannot stand on {number} plots: every treatment needs one. Take "
            f"{len(names)} plots or more, or fewer treatments."
        )
    wide = number if columns is None else count(columns, "columns")
    divided(number, wide, f"{number} plots in rows of {wide}")
    rng = chance(seed)
    order = rng.permutation(len(names))
    applied = [names[order[i % len(names)]] for i in range(number)]
    shuffled = [applied[i] for i in rng.permutation(number)]
    return table_of(
        {
            "treatment": shuffled,
            "row": [i // wide + 1 for i in range(number)],
            "column": [i % wide + 1 for i in range(number)],
        },
        "completely randomised design",
    )


@checked(own=None)
def randomised_blocks(
    treatments: Names, blocks: Names, *, columns: int | None = None, seed: int = 0
) -> Table:
    """Randomised complete blocks: every treatment once in every block.

    Args:
        treatments: how many, or what they are called.
        blocks: how many, or what they are called.
        columns: plots in a row of the field; None for a block in one row. Blocks stand one below the other.
        seed: of the randomisation.

    Returns:
        A table with "plot", "block", "treatment", "row" and "column".

    Raises:
        ImpossibleDesign: the rows of a block are not full.

    Example:
        >>> table = randomised_blocks(["A", "B", "C", "D"], 3, columns=2, seed=1)
        >>> table.n, [len(table.levels(name)) for name in ("row", "column")]
        (12, [6, 2])

    Reference:
        Cochran & Cox (1957), Experimental Designs, section 4.2.
    """
    names, blocked = named(treatments, "T", "treatments"), named(blocks, "B", "blocks", 1)
    size = len(names)
    wide = size if columns is None else count(columns, "columns")
    deep = divided(size, wide, f"blocks of {size} plots in rows of {wide}")
    rng, data = chance(seed), _empty("block", "treatment", "row", "column")
    for b, block in enumerate(blocked):
        for place, i in enumerate(rng.permutation(size)):
            _add(data, block, names[i], b * deep + place // wide + 1, place % wide + 1)
    return table_of(data, "randomised complete blocks")


@checked(own=None)
def latin_square(treatments: Names, squares: int = 1, *, seed: int = 0) -> Table:
    """Latin squares: every treatment once in every row and in every column of a square.

    Args:
        treatments: how many, or what they are called.
        squares: how many, one below the other.
        seed: of the randomisation: of rows, columns and treatments of a cyclic square.

    Returns:
        A table with "plot", "square", "treatment", "row" and "column".

    Raises:
        ImpossibleDesign: a size is none.

    Example:
        >>> table = latin_square(4, seed=1)
        >>> [len({*table.frame["treatment"][table.frame["row"] == row]}) for row in (1, 2, 3, 4)]
        [4, 4, 4, 4]

    Reference:
        Cochran & Cox (1957), Experimental Designs, section 4.3.
    """
    names, number = named(treatments, "T", "treatments"), count(squares, "squares")
    rng, size = chance(seed), len(names)
    data = _empty("square", "treatment", "row", "column")
    for s, square in enumerate(named(number, "S", "squares", 1)):
        rows, columns, labels = (rng.permutation(size) for _ in range(3))
        for i in range(size):
            for j in range(size):
                treatment = names[labels[(rows[i] + columns[j]) % size]]
                _add(data, square, treatment, s * size + i + 1, j + 1)
    return table_of(data, "Latin squares")


@checked(own=None)
def nested(**levels: int) -> Table:
    """Units within units: a balanced nested design, such as sires, dams within sires, and offspring.

    Args:
        **levels: how many of each there are in one of those before; the last ones are the records.

    Returns:
        A table with a column for each but the last; labels are whole, such as "sire2.dam1", and never repeat.

    Raises:
        ImpossibleDesign: a size is none, or there is nothing to be in.

    Example:
        >>> table = nested(sire=3, dam=2, record=4)
        >>> table.n, table.levels("dam")[:3]
        (24, ('sire1.dam1', 'sire1.dam2', 'sire2.dam1'))

    Reference:
        Searle, Casella & McCulloch (1992), Variance Components, section 4.2.
    """
    if len(levels) < 2:
        raise ImpossibleDesign(
            "a nested design needs two levels or more, as nested(sire=10, record=4) has, and was given "
            f"{len(levels)}."
        )
    above = [""]
    columns: dict[str, list[Any]] = {}
    for depth, (name, size) in enumerate(levels.items()):
        number = count(size, name)
        if depth == len(levels) - 1:
            columns = {key: [cell for cell in cells for _ in range(number)] for key, cells in columns.items()}
            break
        own = [f"{one}.{label}" if one else label for one in above for label in named(number, name, name, 1)]
        columns = {key: [cell for cell in cells for _ in range(number)] for key, cells in columns.items()}
        columns[name], above = own, own
    return table_of(columns, "nested design")


def _empty(*names: str) -> dict[str, list[Any]]:
    return {name: [] for name in names}


def _add(data: dict[str, list[Any]], *cells: Any) -> None:
    for values, cell in zip(data.values(), cells, strict=True):
        values.append(cell)
