"""Designs whose blocks are smaller than the number of treatments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from covstudio.arguments import checked
from covstudio.data.tables import Table
from covstudio.design.layouts.plots import ImpossibleDesign, Names, chance, count, divided, named, table_of

__all__ = ["alpha", "augmented", "incomplete_blocks", "row_column"]

Places = NDArray[np.int64]

#: Interchanges tried for each plot of a replicate, where a design is improved by them, and how many times.
INTERCHANGES, TURNS = 60, 3


@checked(own=None)
def alpha(treatments: Names, replicates: int, block_size: int, *, seed: int = 0) -> Table:
    r"""An alpha design: resolvable, in incomplete blocks; no two treatments meet in a block more than once.

    With s blocks of k in each replicate the treatments are numbered i s + m, i < k, m < s, and block b of
    replicate j has the treatments :math:`i s + (b + a_{ij} \bmod s)`, :math:`a` being the generating array.
    Two treatments meet at most once where the differences of any two rows of it are all different.

    Args:
        treatments: how many, or what they are called.
        replicates: how many.
        block_size: plots in a block, k.
        seed: of the randomisation: of blocks, plots and treatments.

    Returns:
        A table with "plot", "replicate", "block", "treatment", "row" and "column"; block labels begin anew in
        every replicate. A block is a row of the field.

    Raises:
        ImpossibleDesign: blocks do not divide the treatments, or there is no generating array.

    Example:
        >>> table = alpha(24, 3, 4, seed=1)
        >>> table.n, table.levels("block")
        (72, ('B1', 'B2', 'B3', 'B4', 'B5', 'B6'))
        >>> alpha(24, 4, 4)
        Traceback (most recent call last):
        covstudio.design.layouts.plots.ImpossibleDesign: no generating array lets 24 treatments in 4
        replicates of 6 blocks of 4 meet at most once. There is one for 3 replicates; or ask
        incomplete_blocks, which balances any sizes as well as it can.

    Reference:
        Patterson & Williams (1976), Biometrika 63:83; Patterson, Williams & Hunter (1978), J. Agric. Sci.
        90:395.
    """
    names, repeated = named(treatments, "T", "treatments"), count(replicates, "replicates", 2)
    size, blocks = _blocks(len(names), block_size)
    array = _generating_array(blocks, size, repeated)
    if array is None:
        fewer = next(
            (r for r in range(repeated - 1, 1, -1) if _generating_array(blocks, size, r) is not None), 0
        )
        instead = f"There is one for {fewer} replicates; or ask" if fewer else "Ask"
        raise ImpossibleDesign(
            f"no generating array lets {len(names)} treatments in {repeated} replicates of {blocks} blocks "
            f"of {size} meet at most once. {instead} incomplete_blocks, which balances any sizes as well as "
            "it can."
        )
    rng = chance(seed)
    label = rng.permutation(len(names))
    placed = []
    for j in range(repeated):
        members = [
            label[[i * blocks + (b + array[i, j]) % blocks for i in range(size)]] for b in range(blocks)
        ]
        placed.append(np.stack([rng.permutation(members[b]) for b in rng.permutation(blocks)]))
    return _resolvable(placed, names, "alpha design")


@checked(own=None)
def incomplete_blocks(treatments: Names, replicates: int, block_size: int, *, seed: int = 0) -> Table:
    """A resolvable design in incomplete blocks of any size that divides the treatments.

    Treatments change places within replicates as long as that brings the numbers of times that two meet in a
    block closer together.

    Args:
        treatments: how many, or what they are called.
        replicates: how many.
        block_size: plots in a block.
        seed: of the randomisation.

    Returns:
        A table as that of `alpha`.

    Raises:
        ImpossibleDesign: blocks do not divide the treatments.

    Example:
        >>> incomplete_blocks(24, 4, 6, seed=1).n
        96

    Reference:
        John & Williams (1995), Cyclic and Computer Generated Designs, ch. 4.
    """
    names, repeated = named(treatments, "T", "treatments"), count(replicates, "replicates", 2)
    size, blocks = _blocks(len(names), block_size)
    placed = _interchanged(repeated, (blocks, size), chance(seed), across=False)
    return _resolvable(placed, names, "resolvable incomplete blocks")


@checked(own=None)
def row_column(treatments: Names, replicates: int, rows: int, *, seed: int = 0) -> Table:
    """A resolvable row-column design: every replicate is a rectangle in which every treatment stands once.

    Treatments change places within replicates as long as that brings the numbers of times that two meet in a
    row, and in a column, closer together.

    Args:
        treatments: how many, or what they are called.
        replicates: how many rectangles, one below the other.
        rows: rows of a rectangle.
        seed: of the randomisation.

    Returns:
        A table with "plot", "replicate", "treatment", "row" and "column"; rows are counted through the whole
        field.

    Raises:
        ImpossibleDesign: the rows do not divide the treatments.

    Example:
        >>> table = row_column(20, 3, 4, seed=1)
        >>> table.n, len(table.levels("row")), len(table.levels("column"))
        (60, 12, 5)

    Reference:
        John & Williams (1995), Cyclic and Computer Generated Designs, ch. 5.
    """
    names, repeated = named(treatments, "T", "treatments"), count(replicates, "replicates", 2)
    deep = count(rows, "rows")
    wide = divided(len(names), deep, f"{len(names)} treatments in rectangles of {deep} rows")
    placed = _interchanged(repeated, (deep, wide), chance(seed), across=True)
    data: dict[str, list[Any]] = {name: [] for name in ("replicate", "treatment", "row", "column")}
    for replicate, (j, grid) in zip(named(repeated, "R", "replicates"), enumerate(placed), strict=True):
        data["replicate"] += [replicate] * grid.size
        data["treatment"] += [names[i] for i in grid.reshape(-1)]
        data["row"] += [j * deep + i + 1 for i in range(deep) for _ in range(wide)]
        data["column"] += [i + 1 for _ in range(deep) for i in range(wide)]
    return table_of(data, "row-column design")


@checked(own=None)
def augmented(checks: Names, new: Names, blocks: Names, *, seed: int = 0) -> Table:
    """An augmented design: checks once in every block, new treatments once in all.

    Args:
        checks: how many, or what they are called.
        new: new treatments likewise; they go to the blocks as evenly as goes.
        blocks: how many, or what they are called.
        seed: of the randomisation.

    Returns:
        A table with "plot", "block", "treatment", "kind" ("check" or "new"), "row" and "column"; a block is a
        row of the field.

    Raises:
        ImpossibleDesign: a name is that of a check and of a new treatment, or there is one plot for an error.

    Example:
        >>> table = augmented(["A", "B"], 30, 6, seed=1)
        >>> table.n, table.labels("kind").count("check")
        (42, 12)

    Reference:
        Federer & Raghavarao (1975), Biometrics 31:29.
    """
    known, tried = named(checks, "C", "checks", 1), named(new, "N", "new treatments", 1)
    blocked = named(blocks, "B", "blocks", 2)
    both = sorted(set(known) & set(tried))
    if both:
        raise ImpossibleDesign(f"{both[0]!r} is a check and a new treatment: give one of them another name.")
    if len(known) == 1:
        raise ImpossibleDesign(
            "one check in every block leaves nothing to tell the error by once blocks are taken out: take "
            "two checks or more."
        )
    rng = chance(seed)
    shuffled = [tried[i] for i in rng.permutation(len(tried))]
    data: dict[str, list[Any]] = {name: [] for name in ("block", "treatment", "kind", "row", "column")}
    for b, block in enumerate(blocked):
        members = [(name, "check") for name in known] + [
            (name, "new") for name in shuffled[b :: len(blocked)]
        ]
        for place, i in enumerate(rng.permutation(len(members))):
            for values, cell in zip(data.values(), (block, *members[i], b + 1, place + 1), strict=True):
                values.append(cell)
    return table_of(data, "augmented design")


def _blocks(treatments: int, block_size: int) -> tuple[int, int]:
    """Plots in a block, and blocks in a replicate."""
    size = count(block_size, "block_size", 2)
    if size >= treatments:
        raise ImpossibleDesign(
            f"blocks of {size} plots hold all {treatments} treatments: that is randomised_blocks; take fewer "
            "plots."
        )
    return size, divided(treatments, size, f"{treatments} treatments in blocks of {size}")


def _generating_array(blocks: int, size: int, replicates: int) -> Places | None:
    """Rows whose differences are all different modulo the number of blocks, (size, replicates); or None.

    Rows i (0, 1, 2, ...) do while no difference of two replicates divides the blocks; for three replicates
    of an even number of blocks the last column is 0, 2, 4, ..., 1, 3, ... with one row less.
    """
    if size > blocks:
        return None
    i = np.arange(size)
    smallest = next((d for d in range(2, blocks + 1) if blocks % d == 0), 1)
    if replicates <= max(2, smallest):
        return np.asarray(np.outer(i, np.arange(replicates)) % blocks)
    if replicates == 3 and blocks % 2 == 0 and size < blocks:
        return np.stack([0 * i, i, (2 * i + (i >= blocks // 2)) % blocks], axis=1)
    return None


def _interchanged(
    replicates: int, shape: tuple[int, int], rng: np.random.Generator, *, across: bool
) -> list[Places]:
    """Replicates in which treatments meet in rows, and in columns if these count too, as evenly as found.

    The sum of squares of the numbers of times that two treatments meet is what interchanges lower, or leave
    as it is, replicate after replicate; each replicate is gone over again beside those that came after it.
    """
    treatments = shape[0] * shape[1]
    met = np.zeros((2, treatments, treatments), dtype=np.int64)
    found = [rng.permutation(treatments).reshape(shape) for _ in range(replicates)]
    for turn in range(TURNS):
        for grid in found:
            if turn:
                _count(met, grid, -1)
            for _ in range(INTERCHANGES * treatments):
                (a, b), (c, d) = (divmod(int(k), shape[1]) for k in rng.integers(0, treatments, 2))
                gain = _meetings(met[0], grid[a], grid[c], b, d) if a != c else 0
                if across and b != d:
                    gain += _meetings(met[1], grid[:, b], grid[:, d], a, c)
                if gain <= 0:
                    grid[a, b], grid[c, d] = grid[c, d], grid[a, b]
            _count(met, grid, 1)
    return found


def _count(met: Places, grid: Places, times: int) -> None:
    """Count who meets whom in rows and in columns of one replicate."""
    for which, lines in enumerate((grid, grid.T)):
        for line in lines:
            met[which][np.ix_(line, line)] += times


def _meetings(met: Places, here: Places, there: Places, i: int, j: int) -> int:
    """What is added to the meetings by the treatments at i of one line and j of another changing places."""
    one, other = here[i], there[j]
    change = met[other] - met[one]
    return int(change[here].sum() - change[one] - change[there].sum() + change[other])


def _resolvable(placed: Sequence[Places], names: Sequence[str], name: str) -> Table:
    """Blocks as rows of the field, replicate below replicate."""
    data: dict[str, list[Any]] = {key: [] for key in ("replicate", "block", "treatment", "row", "column")}
    for replicate, (j, grid) in zip(named(len(placed), "R", "replicates"), enumerate(placed), strict=True):
        blocks, size = grid.shape
        for b, block in enumerate(named(blocks, "B", "blocks", 1)):
            for k in range(size):
                cells = (replicate, block, names[grid[b, k]], j * blocks + b + 1, k + 1)
                for values, cell in zip(data.values(), cells, strict=True):
                    values.append(cell)
    return table_of(data, name)
