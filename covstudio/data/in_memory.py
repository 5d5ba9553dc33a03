"""Columns of values in memory: their names, and the kind that each is of."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from covstudio.data.errors import TableError, listed, shown
from covstudio.data.text import label

__all__ = ["Cell", "checked_names", "frame_of", "series_of"]

_MAX_NAME = 200
Cell = str | int | float | None


def series_of(name: str, values: Sequence[Any]) -> pd.Series[Any]:
    """One column of values in memory, of one of the three kinds that a table has.

    Args:
        name: what the column is called, for messages.
        values: str, int, float, or None where missing.

    Raises:
        TableError: a value is of another type, or infinite.

    Example:
        >>> series_of("yield", [4, None]).tolist()
        [4.0, nan]
    """
    cells: list[Cell] = []
    for row, value in enumerate(values, start=1):
        plain = value.item() if isinstance(value, np.generic) else value
        if plain is None or plain is pd.NA or (isinstance(plain, float) and math.isnan(plain)):
            cells.append(None)
        elif isinstance(plain, bool) or not isinstance(plain, (str, int, float)):
            raise TableError(
                f"Column {shown(name)} should hold text or numbers, and row {row:,} holds a "
                f"{type(plain).__name__}. Write it as text."
            )
        elif isinstance(plain, float) and math.isinf(plain):
            raise TableError(f"Column {shown(name)} should hold finite numbers, and row {row:,} is infinite.")
        else:
            cells.append(plain)
    if any(isinstance(cell, str) for cell in cells) or all(cell is None for cell in cells):
        return pd.Series([label(cell) for cell in cells], dtype=object)
    if all(isinstance(cell, int) and abs(cell) < 2**63 for cell in cells):
        return pd.Series(np.array(cells, dtype=np.int64))
    return pd.Series(
        np.array([math.nan if cell is None else float(cell) for cell in cells], dtype=np.float64)
    )


def frame_of(columns: Mapping[str, pd.Series[Any]]) -> pd.DataFrame:
    """A frame of columns by name; the names are kept as they are, whatever characters are in them.

    Args:
        columns: the columns, all of one length.

    Example:
        >>> frame_of({"y": pd.Series([1, 2])}).columns.dtype
        dtype('O')
    """
    # pandas with pyarrow would make names of Arrow's strings, which hold no half of a pair of surrogates.
    frame = pd.DataFrame(dict(enumerate(columns.values())))
    frame.columns = pd.Index(list(columns), dtype=object)
    return frame


def checked_names(names: list[str]) -> list[str]:
    """Names of columns, all there, all different, all of a length that can be shown.

    Args:
        names: the names, in order.

    Raises:
        TableError: a name is blank, twice, or too long.
    """
    blank = [position for position, name in enumerate(names, start=1) if not name]
    if blank:
        which = (
            f"Column {blank[0]} has" if len(blank) == 1 else f"Columns {', '.join(map(str, blank[:6]))} have"
        )
        raise TableError(
            f"{which} no name. Every column needs one in the first line: name it, or delete the column if "
            "it is not needed."
        )
    long = [position for position, name in enumerate(names, start=1) if len(name) > _MAX_NAME]
    if long:
        raise TableError(
            f"The name of column {long[0]} has {len(names[long[0] - 1]):,} characters, and {_MAX_NAME} is "
            "the most. Is the line with the names of the columns missing?"
        )
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        places = [str(position) for position, name in enumerate(names, start=1) if name == twice[0]]
        others = f" So do {listed(twice[1:])}." if len(twice) > 1 else ""
        raise TableError(
            f"Every column needs a name of its own, and {shown(twice[0])} names columns "
            f"{', '.join(places[:-1])} and {places[-1]}.{others} Rename or delete one."
        )
    return names
