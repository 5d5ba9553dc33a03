"""A table as bytes, exact and compact, for whoever keeps it: numbers as they are, labels as codes and levels.

The bytes are `MAGIC`, the length of the head (4 bytes), the head as JSON, then column by column 8 bytes a
number or 4 bytes a code, all little-endian, and the lines of the file where they are known. Nothing in them
is executed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import msgspec
import numpy as np
import numpy.typing as npt

from covstudio.data.choices import Question, TableChoices
from covstudio.data.compact import Coded, arrays_of, frame_from
from covstudio.data.errors import TableError
from covstudio.data.in_memory import checked_names
from covstudio.data.tables import Table
from covstudio.records import RecordError, from_record, to_record

__all__ = ["pack", "pieces", "unpack"]

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
    return b"".join(pieces(table))


def pieces(table: Table) -> Iterator[bytes | memoryview]:
    """The bytes of `pack` one after the other, for whoever squeezes them as they come.

    Args:
        table: the table.
    """
    table = table.before_steps()
    columns: list[dict[str, Any]] = []
    arrays: list[npt.NDArray[Any]] = []
    for name, array in zip(table.columns, arrays_of(table.frame), strict=True):
        if (kind := array.dtype.name) in _TYPES:
            columns.append({"name": name, "kind": kind, "levels": []})
            arrays.append(array.astype(_TYPES[kind], copy=False))
        else:
            levels = [str(level) for level in table.values(name)]
            columns.append({"name": name, "kind": "text", "levels": levels})
            arrays.append(table.codes(name).astype("<i4", copy=False))
    if table.lines is not None:
        arrays.append(table.lines.astype("<i8", copy=False))
    lines = table.lines is not None
    head = to_record(_Head(table.name, table.n, (), table.notes, table.questions, table.choices, lines))
    # Ten thousand columns, or a million levels, are looked at by msgspec alone.
    text = msgspec.json.encode(head | {"columns": columns})
    yield MAGIC + len(text).to_bytes(_HEAD, "little") + text
    for array in arrays:
        yield np.ascontiguousarray(array).data.cast("B")


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
        record = msgspec.json.decode(packed[start:end])
        columns = msgspec.convert(record["columns"], tuple[_Column, ...])
        head = replace(from_record(_Head, record | {"columns": []}), columns=columns)
    except (KeyError, TypeError, msgspec.DecodeError, RecordError, ValueError) as error:
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
    cells = [_cells(column, array) for column, array in zip(head.columns, arrays, strict=False)]
    frame = frame_from(names, cells)
    lines = cast("npt.NDArray[np.int64]", arrays[-1]) if head.lines else None
    return Table(frame, head.name, head.notes, head.questions, head.choices, lines)


def _cells(column: _Column, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A column from its numbers, or from codes of its levels.

    Raises:
        TableError: a number is infinite, or a code that of no level.
    """
    if column.kind != "text":
        if column.kind == "float64" and bool(np.isinf(values).any()):
            raise TableError(f"Column {column.name!r} should hold finite numbers, and one is {math.inf}.")
        return values
    levels = np.empty(len(column.levels), dtype=object)
    levels[:] = column.levels
    if int(values.min()) < -1 or int(values.max()) >= len(levels):
        raise TableError(f"Column {column.name!r} has codes of {len(levels)} levels, and others.")
    return Coded(values, levels).cells()
