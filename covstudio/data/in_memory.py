"""Columns of values in memory: their names, and the kind that each is of."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from covstudio.data.compact import frame_from
from covstudio.data.errors import TableError, came, listed, shown
from covstudio.data.text import label

__all__ = ["Cell", "checked_names", "frame_of", "series_of", "texts_as"]

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
    typed = _typed(values)
    if typed is not None:
        return typed
    cells: list[Cell] = []
    for row, value in enumerate(values, start=1):
        plain = value.item() if isinstance(value, np.generic) else value
        if plain is None or plain is pd.NA or (isinstance(plain, float) and math.isnan(plain)):
            cells.append(None)
        elif isinstance(plain, bool) or not isinstance(plain, (str, int, float)):
            raise TableError(
                f"Column {shown(name)} should hold text or numbers, and row {row:,} holds {came(plain)}. "
                "Write it as text."
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


def _typed(values: Any) -> pd.Series[Any] | None:
    """A column whose cells are all of one type, without a look at each; None where they have to be looked at.

    Args:
        values: as for `series_of`.
    """
    kind = getattr(values, "dtype", np.dtype(object))
    if isinstance(kind, np.dtype) and kind.kind in "if":
        numbers = np.array(values, dtype=np.int64 if kind.kind == "i" else np.float64)
        return None if np.isinf(numbers).any() or np.isnan(numbers).all() else pd.Series(numbers)
    kinds = set(map(type, values))
    if kinds == {str} or kinds == {str, type(None)}:
        texts = np.empty(len(values), dtype=object)
        texts[:] = values
        return pd.Series(texts, dtype=object)
    return _typed(np.array(values)) if kinds == {float} else None


def texts_as(values: npt.NDArray[Any], form: Callable[[str], str]) -> npt.NDArray[Any] | None:
    """The texts of a column, each different one once put into a form; None where some are no texts.

    Args:
        values: str, and whatever stands for a missing value, which becomes None.
        form: the text as it is to be.

    Example:
        >>> texts_as(np.array(["a ", None, "a "], dtype=object), str.strip).tolist()
        ['a', None, 'a']
    """
    missing = pd.isna(values)
    if not set(map(type, values[~missing])) <= {str}:
        return None
    codes, different = pd.factorize(values, use_na_sentinel=True)
    found = np.empty(len(different) + 1, dtype=object)
    found[:-1] = [form(text) for text in different]
    # A code of -1, for what is missing, is the last one.
    return found[codes]


def frame_of(columns: Mapping[str, pd.Series[Any]]) -> pd.DataFrame:
    """A frame of columns by name; the names are kept as they are, whatever characters are in them.

    Args:
        columns: the columns, all of one length.

    Example:
        >>> frame_of({"y": pd.Series([1, 2])}).columns.dtype
        dtype('O')
    """
    return frame_from(list(columns), [one.to_numpy() for one in columns.values()])


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
