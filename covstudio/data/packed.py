"""A table as bytes, exact and compact, for whoever keeps it: numbers as they are, labels as codes and levels.

The bytes are `MAGIC`, the length of the head (4 bytes), the head as JSON, then column by column 8 bytes a
number or 4 bytes a code, all little-endian, and the lines of the file where they are known. Nothing in them
is executed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, cast

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd

from covstudio.data.choices import Question, TableChoices
from covstudio.data.errors import TableError
from covstudio.data.in_memory import checked_names, frame_of
from covstudio.data.tables import Table
from covstudio.records import RecordError, from_record, to_record

__all__ = ["pack", "unpack"]

MAGIC = b"covtable"
_HEAD = 4
_TYPES = {"int64": "<i8", "float64": "<f8", "text": "<i4"}


@dataclass(frozen=True)
class _Column:
    """A column: its kind, and its levels where it holds codes of them."""

    name: str
    kind: Literal["int64", "float64", "text"]
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Head:
    """Everything of a table but its numbers."""

    name: str
    rows: int
    columns: tuple[_Column, ...]
    notes: tuple[str, ...]
    questions: tuple[Question, ...]
    choices: TableChoices
    lines: bool


def pack(table: Table) -> bytes:
    """A table as bytes that `unpack` reads back to an equal one; as it was before its steps.

    Args:
        table: the table, its notes, questions and choices included.

    Example:
        >>> table = Table.from_columns({"gen": ["G1", None], "yield": [4.1, float("nan")]}, "trial")
        >>> unpack(pack(table)).to_columns()
        {'gen': ['G1', None], 'yield': [4.1, None]}
    """
    table = table.before_steps()
    columns, arrays = [], []
    for place, name in enumerate(table.columns):
        series = table.frame.iloc[:, place]
        if series.dtype.name not in _TYPES:
            codes, levels = pd.factorize(series.to_numpy(), use_na_sentinel=True)
            columns.append(_Column(name, "text", tuple(str(level) for level in levels)))
            arrays.append(codes.astype("<i4"))
        else:
            kind = cast("Any", series.dtype.name)
            columns.append(_Column(name, kind))
            arrays.append(series.to_numpy().astype(_TYPES[kind], copy=False))
    if table.lines is not None:
        arrays.append(table.lines.astype("<i8", copy=False))
    head = _Head(
        table.name,
        table.n,
        tuple(columns),
        table.notes,
        table.questions,
        table.choices,
        table.lines is not None,
    )
    text = msgspec.json.encode(to_record(head))
    return b"".join(
        [MAGIC, len(text).to_bytes(_HEAD, "little"), text, *(array.tobytes() for array in arrays)]
    )


def unpack(packed: bytes) -> Table:
    """The table in what `pack` wrote.

    Raises:
        TableError: it is no such thing; the message says what is wrong with it.
    """
    start = len(MAGIC) + _HEAD
    if packed[: len(MAGIC)] != MAGIC or len(packed) < start:
        raise TableError("These are not the bytes of a table: they do not begin as such.")
    end = start + int.from_bytes(packed[len(MAGIC) : start], "little")
    try:
        head = from_record(_Head, msgspec.json.decode(packed[start:end]))
    except (msgspec.DecodeError, RecordError, ValueError) as error:
        raise TableError(f"The bytes of the table cannot be read: {error}.") from None
    names = checked_names([column.name for column in head.columns])
    kinds = [*(_TYPES[column.kind] for column in head.columns), *(["<i8"] if head.lines else [])]
    sizes = [head.rows * np.dtype(kind).itemsize for kind in kinds]
    if head.rows < 1 or not names or sum(sizes) != len(packed) - end:
        raise TableError(
            f"The bytes of the table are not as many as {head.rows} rows of {len(names)} columns take."
        )
    arrays, at = [], end
    for kind, size in zip(kinds, sizes, strict=True):
        arrays.append(np.frombuffer(packed, dtype=kind, count=head.rows, offset=at).astype(kind[1:]))
        at += size
    frame = {
        name: _series(column, array) for name, column, array in zip(names, head.columns, arrays, strict=False)
    }
    lines = cast("npt.NDArray[np.int64]", arrays[-1]) if head.lines else None
    return Table(frame_of(frame), head.name, head.notes, head.questions, head.choices, lines)


def _series(column: _Column, values: npt.NDArray[Any]) -> pd.Series[Any]:
    """A column from its numbers, or from codes of its levels.

    Raises:
        TableError: a number is infinite, or a code that of no level.
    """
    if column.kind != "text":
        if column.kind == "float64" and bool(np.isinf(values).any()):
            raise TableError(f"Column {column.name!r} should hold finite numbers, and one is {math.inf}.")
        return pd.Series(values)
    levels = np.array([*column.levels, None], dtype=object)
    if int(values.min()) < -1 or int(values.max()) >= len(column.levels):
        raise TableError(f"Column {column.name!r} has codes of {len(column.levels)} levels, and others.")
    return pd.Series(levels[values], dtype=object)
