"""Labels and levels of factors: read from whatever holds them, checked, put in order."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable
from typing import Any

from covstudio.covariance.structures.design.positions import (
    UnevenLevels,
    grid_of,
    in_order,
    shown_levels,
)

__all__ = [
    "Label",
    "check_columns",
    "checked_factors",
    "filled",
    "labels_of_rows",
    "levels_of",
    "put_in_order",
]

Label = Any


def checked_factors(places: object, count: int, name: str) -> tuple[int, ...]:
    """The factors that an argument of this name lists, each once."""
    if isinstance(places, (str, bytes)) or not isinstance(places, Iterable):
        raise TypeError(f"{name} must be a list of factors counted from 0, got {places!r}; write [0]")
    found = list(places)
    for place in found:
        if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < count:
            raise ValueError(
                f"{name} must name factors from 0 to {count - 1}, got {place!r}; count them from 0"
            )
    return tuple(dict.fromkeys(found))


def filled(levels: list[Label], k: int) -> list[Label]:
    """The levels of a factor in order and filled up to equal steps."""
    try:
        grid = grid_of(levels)
    except UnevenLevels as error:
        raise ValueError(
            f"factor {k} must have levels at equal steps: {error}; leave it out of evenly_spaced, and use a "
            "structure of times, which takes any distances"
        ) from None
    if grid is None:
        raise ValueError(
            f"factor {k} must have numbers or dates as levels to be evenly spaced, each place once, got "
            f"{shown_levels(levels)}; leave it out of evenly_spaced"
        )
    return list(grid.levels)


def put_in_order(levels: list[Label], k: int) -> list[Label]:
    """The levels of a factor in the order of the numbers or dates that they read as."""
    found = in_order(levels)
    if found is None:
        raise ValueError(
            f"factor {k} must have numbers or dates as levels to be put in order, each place once, got "
            f"{shown_levels(levels)}; leave it out of ordered, and give levels=[...] with lex_order=False in "
            "the order that is meant"
        )
    return list(found)


def labels_of_rows(values: object, name: str) -> tuple[list[Label], list[Label]]:
    """One factor's labels as plain Python objects, none missing, and the different ones in their order."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable) or isinstance(values, dict):
        raise TypeError(
            f"{name} must be a list, tuple or Series of labels, one per row, got {values!r} "
            f"({type(values).__name__}); wrap it in a list"
        )
    labels = list(values.tolist()) if hasattr(values, "tolist") else list(values)
    try:
        # A label is what it is in whichever row: most columns have few different ones.
        different = dict.fromkeys(labels)
        if None not in different and all(map(operator.eq, different, different)):
            return labels, list(different)
    except TypeError:
        # Labels that cannot be told apart by hashing, or compared, are looked at one by one.
        pass
    missing = [row for row, label in enumerate(labels) if _is_missing(label)]
    if missing:
        shown = ", ".join(str(row) for row in missing[:5]) + (", ..." if len(missing) > 5 else "")
        raise ValueError(
            f"{name} must have a label in every row, got {len(missing)} missing (rows {shown}, from 0 on); "
            "drop those rows or fill them in"
        )
    for row, label in enumerate(labels):
        if isinstance(label, (list, dict, set)):
            raise ValueError(
                f"{name} must be one column of labels, got {label!r} in row {row}; pass columns one by one"
            )
    return labels, list(dict.fromkeys(labels))


def _is_missing(label: Label) -> bool:
    """Tell None, NaN, NaT and pandas.NA, without pandas: the latter three are not equal to themselves."""
    if label is None:
        return True
    try:
        return bool(label != label)
    except TypeError:
        return True


def check_columns(columns: list[list[Label]]) -> None:
    if not columns:
        raise ValueError("DummyMatrix must have at least one factor, got none; pass a list of labels")
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        raise ValueError(
            f"the factors must be of one length, got {', '.join(map(str, lengths))}; "
            "take them from the same rows"
        )
    if lengths[0] == 0:
        raise ValueError("the factors must have at least one row, got none; pass the labels of your rows")


def levels_of(different: list[list[Label]], given: object, lex_order: bool) -> list[list[Label]]:
    """The levels of each factor in the order their columns take."""
    levels = different if given is None else _given_levels(given, len(different))
    return [_sorted(one, f"factor {k}") for k, one in enumerate(levels)] if lex_order else levels


def _given_levels(levels: object, count: int) -> list[list[Label]]:
    if isinstance(levels, (str, bytes, dict)) or not isinstance(levels, Iterable):
        raise TypeError(
            f"levels must be one list of levels per factor, got {levels!r}; write levels=[['a', 'b']]"
        )
    given = list(levels)
    if any(isinstance(one, (str, bytes)) or not isinstance(one, Iterable) for one in given):
        raise TypeError(
            f"levels must be one list of levels per factor, got {given!r}; write levels=[{given!r}]"
        )
    if len(given) != count:
        raise ValueError(
            f"levels must hold one list per factor, {count} in all, got {len(given)}; "
            "give each factor its levels"
        )
    checked = [labels_of_rows(one, f"levels of factor {k}")[0] for k, one in enumerate(given)]
    for k, one in enumerate(checked):
        repeated = [str(label) for label, times in Counter(one).items() if times > 1]
        if repeated or not one:
            what = f"{', '.join(repeated)} more than once" if repeated else "none"
            raise ValueError(
                f"levels of factor {k} must be different labels, got {what}; list each level once"
            )
    return checked


def _sorted(labels: Iterable[Label], name: str) -> list[Label]:
    unsorted = list(labels)
    try:
        return sorted(unsorted)
    except TypeError:
        kinds = sorted({type(label).__name__ for label in unsorted})
        raise ValueError(
            f"{name} must have labels of one kind to be sorted, got {' and '.join(kinds)}; "
            "turn them all into str"
        ) from None
