"""Tables from what people hold them in: DataFrames, mappings of columns, files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from covstudio.arguments import given
from covstudio.data.choices import Question, TableChoices
from covstudio.data.doubts import MOST_ANSWERED, Doubts
from covstudio.data.errors import TableError, shown
from covstudio.data.in_memory import texts_as
from covstudio.data.missing import suspected_codes
from covstudio.data.reading import read_table
from covstudio.data.tables import Table
from covstudio.data.text import plain_label

__all__ = ["table_of"]

Frame = Table | pd.DataFrame | Mapping[str, Any] | str | os.PathLike[str]


def table_of(data: Frame, name: str = "data") -> Table:
    """A table from data in any of the usual forms.

    Args:
        data: a `Table`, a DataFrame, columns by name, or the path of a file. Categories keep their order, and
            ordered ones have polynomial contrasts, as in R; True and False become the labels "TRUE" and
            "FALSE", dates their ISO form. Labels that look the same are the same, and what may be a code
            for "no value" is asked about, as in files (`Table.questions`).
        name: what to call a table that has no name.

    Raises:
        TableError: there is no table in it.

    Example:
        >>> dose = pd.Categorical(["low", "high"], categories=["low", "high"])
        >>> table = table_of(pd.DataFrame({"dose": dose, "y": [1.5, 2.5]}))
        >>> table.levels("dose"), table.is_numeric("y")
        (('low', 'high'), True)
    """
    if isinstance(data, Table):
        return data
    if isinstance(data, str | os.PathLike):
        return read_table(Path(data))
    if isinstance(data, pd.DataFrame):
        columns: Mapping[Any, Any] = {key: data[key] for key in data.columns}
        if len(columns) < data.shape[1]:
            twice = data.columns[data.columns.duplicated()][0]
            raise TableError(f"Two columns are called {str(twice)!r}. Rename one of them.")
    elif isinstance(data, Mapping):
        columns = data
    else:
        raise TableError(
            "Data are a DataFrame, columns by name, a Table or the path of a file; got "
            f"{type(data).__name__}."
        )
    said: dict[str, dict[str, Any]] = {}
    found: dict[str, Any] = {}
    for key, values in columns.items():
        series = values if isinstance(values, pd.Series) else pd.Series(_plain(key, values))
        found[str(key)] = _cells(series)
        if isinstance(series.dtype, pd.CategoricalDtype):
            present = {label for label in found[str(key)] if label is not None}
            levels = tuple(label for label in _texts(series.dtype.categories) if label in present)
            ordered = bool(series.dtype.ordered)
            said[str(key)] = {"levels": levels, **({"contrasts": "polynomial"} if ordered else {})}
    return _asked(Table.from_columns(found, name).with_choices(TableChoices().with_columns(said)))


def _asked(table: Table) -> Table:
    """The table with questions about codes for "no value" in its columns, and notes of them."""
    questions: list[Question] = []
    for name in table.columns:
        doubts = Doubts(name, table.choices, len(questions) < MOST_ANSWERED)
        if table.is_numeric(name):
            sizes = table.numbers(name)
            if not suspected_codes(sizes[np.isfinite(sizes)]):
                continue
        rows = table.counts(name)
        if table.is_numeric(name):
            doubts.codes({text: float(text) for text in rows}, rows, ())
        else:
            doubts.labels(rows, ())
        questions += doubts.questions
    notes = (*table.notes, *(one.text for one in questions))
    return replace(table, notes=notes, questions=tuple(questions)) if questions else table


def _plain(name: object, values: Any) -> Any:
    """Values of a mapping; a tensor is taken too."""
    if hasattr(values, "detach"):
        return values.detach().cpu().numpy()
    if isinstance(values, np.ndarray | list | tuple | range):
        return values
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TableError(
            f"Column {shown(name)} is {given(values)}, and a column is a list of values, one for each row: "
            f"{{{str(name)!r}: [{values!r:.20}]}} has one."
        )
    return list(values)


def _cells(series: pd.Series[Any]) -> Any:
    """The cells of a column as tables have them."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        labels = np.array([*map(plain_label, _texts(series.dtype.categories)), None], dtype=object)
        # A code of -1, for what is missing, is the last one.
        return labels[series.cat.codes.to_numpy()]
    if pd.api.types.is_bool_dtype(series.dtype) or (
        series.dtype == object
        and len(present := series.dropna())
        and all(type(one) is bool for one in present)
    ):
        return [None if pd.isna(value) else "TRUE" if value else "FALSE" for value in series]
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        whole = bool((series.dropna().dt.normalize() == series.dropna()).all())
        form = "%Y-%m-%d" if whole else "%Y-%m-%dT%H:%M:%S"
        return [None if pd.isna(value) else value.strftime(form) for value in series]
    if pd.api.types.is_numeric_dtype(series.dtype):
        if isinstance(series.dtype, np.dtype):
            return series.to_numpy()
        return [None if pd.isna(value) else value for value in series]
    texts = texts_as(series.to_numpy(dtype=object), plain_label)
    return [_cell(value) for value in series] if texts is None else texts


def _cell(value: Any) -> Any:
    """A cell of a column of objects: dates as text of ISO 8601, periods as they are written."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, pd.Period):
        return str(value)
    return plain_label(value) if isinstance(value, str) else value


def _texts(categories: Any) -> list[str]:
    """Categories as labels, in their order."""
    return [str(label) for label in Table.from_columns({"x": list(categories)}, "x").labels("x")]
