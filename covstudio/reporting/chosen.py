"""The models that one was chosen from, and tables without what says nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from covstudio.reporting.blocks import Block, Facts, Frame, Notes

__all__ = ["chosen", "comparison_frame", "kept"]

#: Characters of the names of compared models, above which the table has numbers for them.
LONG = 16


def chosen(comparison: Any) -> Iterator[Block]:
    """How a model was chosen.

    Args:
        comparison: the models that were compared; see `comparison_frame`.
    """
    frame, names = _numbered(comparison_frame(comparison))
    same = [name for name in frame.columns[1:] if len(frame) > 1 and frame[name].nunique(dropna=False) == 1]
    said = [f"{name} {frame[name].iloc[0]}" for name in same if not _says_nothing(frame[name])]
    note = f"The same in all: {', '.join(said)}." if said else ""
    yield kept("Models that were compared", frame.drop(columns=same), "", note)
    if names:
        yield Facts(names)
    notes = getattr(comparison, "notes", ())
    if isinstance(notes, Sequence) and not isinstance(notes, str) and notes:
        yield Notes(tuple(map(str, notes)))


def _numbered(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[tuple[str, str], ...]]:
    """A table whose long names in the first column are numbers, wherever they stand, and the names."""
    names = list(frame.iloc[:, 0])
    long = all(isinstance(one, str) for one in names) and max(map(len, names), default=0) > LONG
    if not long or len(set(names)) < len(names) or frame.shape[1] == 1:
        return frame, ()
    numbers = {one: str(k) for k, one in enumerate(names, 1)}
    short = frame.apply(lambda column: [numbers.get(x, x) if isinstance(x, str) else x for x in column])
    return short, tuple((number, one) for one, number in numbers.items())


def comparison_frame(comparison: Any) -> pd.DataFrame:
    """The table of a comparison.

    Args:
        comparison: a DataFrame, or what makes one: rows, columns by name; or what has one of these as its
            `table`.

    Raises:
        TypeError: there is none.
    """
    table = getattr(comparison, "table", comparison)
    try:
        if callable(table):
            table = table()
        rows = isinstance(table, Mapping) or all(isinstance(one, Mapping) for one in table)
        frame = table if isinstance(table, pd.DataFrame) else pd.DataFrame(table if rows else {})
    except (ValueError, TypeError):
        frame = pd.DataFrame()
    if not frame.shape[1]:
        raise TypeError(
            f"A comparison is a table, or has one as its `table`; got {type(comparison).__name__}."
        )
    return frame if isinstance(frame.index, pd.RangeIndex) else frame.reset_index()


def kept(title: str, frame: pd.DataFrame, code: str, note: str = "") -> Frame:
    """A table without the columns that say nothing.

    Args:
        title: above it.
        frame: the table.
        code: what makes it, in a notebook.
        note: below it.
    """
    empty = [name for name in frame.columns if _says_nothing(frame[name])]
    return Frame(title, frame.drop(columns=empty), code=code, note=note)


def _says_nothing(column: Any) -> bool:
    return all(one is None or one == "" or (isinstance(one, float) and np.isnan(one)) for one in column)
