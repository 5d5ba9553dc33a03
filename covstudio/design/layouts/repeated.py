"""Designs with plots or records within larger units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covstudio.arguments import checked
from covstudio.data.tables import Table
from covstudio.design.layouts.plots import ImpossibleDesign, Names, chance, count, divided, named, table_of

__all__ = ["repeated_measures", "split_plot"]


@checked(own=None)
def split_plot(whole: Names, sub: Names, blocks: Names, *, seed: int = 0) -> Table:
    """A split-plot design in blocks: one factor on whole plots, another on the plots within these.

    Args:
        whole: levels of the factor on whole plots: how many, or what they are called.
        sub: levels of the factor within.
        blocks: how many, or what they are called.
        seed: of the randomisation, of whole plots in blocks and plots in whole plots.

    Returns:
        A table with "plot", "block", "whole_plot" (its label is whole: "B1.1"), "whole", "sub", "row" and
        "column"; a block is a row of the field.

    Raises:
        ImpossibleDesign: a factor has one level, or there is one block.

    Example:
        >>> table = split_plot(["dry", "wet"], 4, 3, seed=1)
        >>> table.n, len(table.levels("whole_plot"))
        (24, 6)

    Reference:
        Cochran & Cox (1957), Experimental Designs, section 7.1.
    """
    outer, inner = named(whole, "A", "levels of whole"), named(sub, "B", "levels of sub")
    blocked = named(blocks, "Block", "blocks", 1)
    if len(blocked) == 1:
        raise ImpossibleDesign(
            "one block has every level of the factor on whole plots once: nothing tells the error of whole "
            "plots. Take two blocks or more."
        )
    rng = chance(seed)
    keys = ("block", "whole_plot", "whole", "sub", "row", "column")
    data: dict[str, list[Any]] = {key: [] for key in keys}
    for b, block in enumerate(blocked):
        for w, i in enumerate(rng.permutation(len(outer))):
            for place, j in enumerate(rng.permutation(len(inner))):
                column = w * len(inner) + place + 1
                cells = (block, f"{block}.{w + 1}", outer[i], inner[j], b + 1, column)
                for values, cell in zip(data.values(), cells, strict=True):
                    values.append(cell)
    return table_of(data, "split-plot design")


@checked(own=("subjects", "treatments", "seed"))
def repeated_measures(
    subjects: Names, times: int | Sequence[float], treatments: Names | None = None, *, seed: int = 0
) -> Table:
    """Subjects measured at the same times, each under one treatment.

    Args:
        subjects: how many, or what they are called.
        times: how many, from 1 on, or the times themselves.
        treatments: how many, or what they are called; subjects are allotted at random, the same number to
            each. None for none.
        seed: of the allotment.

    Returns:
        A table with "subject", "treatment" if there are such, and "time".

    Raises:
        ImpossibleDesign: treatments do not divide the subjects, or a time stands twice.

    Example:
        >>> table = repeated_measures(6, [0, 1, 2, 4], ["placebo", "drug"], seed=1)
        >>> table.n, table.columns
        (24, ('subject', 'treatment', 'time'))

    Reference:
        Diggle, Heagerty, Liang & Zeger (2002), Analysis of Longitudinal Data, ch. 2.
    """
    who = named(subjects, "S", "subjects")
    when: list[Any] = list(range(1, count(times, "times") + 1)) if isinstance(times, int) else list(times)
    if not when or len({float(time) for time in when}) != len(when):
        raise ImpossibleDesign(f"times must be different from each other, and are {when}.")
    rng = chance(seed)
    columns: dict[str, list[Any]] = {"subject": [one for one in who for _ in when]}
    if treatments is not None:
        names = named(treatments, "T", "treatments")
        if len(names) > len(who):
            raise ImpossibleDesign(
                f"{len(names)} treatments need as many subjects, and there are {len(who)}: each has one. "
                "Take more subjects, or fewer treatments."
            )
        divided(len(who), len(names), f"{len(who)} subjects under {len(names)} treatments")
        order = rng.permutation(len(who))
        own = {int(subject): names[place % len(names)] for place, subject in enumerate(order)}
        columns["treatment"] = [own[i] for i in range(len(who)) for _ in when]
    columns["time"] = [time for _ in who for time in when]
    return table_of(columns, "repeated measures")
