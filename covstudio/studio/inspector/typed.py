"""Reads what a person typed or chose for an argument of a structure."""

from __future__ import annotations

import re
from typing import Any

from covstudio.covariance.core.catalogue import ArgumentKind
from covstudio.document.model.arguments import read_indices
from covstudio.document.model.node import ArgumentValue, Auto, Levels, Related, Rows, Values
from covstudio.studio.inspector.messages import (
    FromLevels,
    FromModel,
    FromNumber,
    FromRows,
    FromTable,
    Given,
    Written,
)


def read_argument(
    kind: ArgumentKind, value: Given, columns: tuple[int, int | None] = (1, 1)
) -> ArgumentValue | None:
    """What the page sent for one argument, as a document holds it.

    Args:
        kind: the declared kind.
        value: None for the default; for a size where it comes from; for columns what was written; for a
            matrix or positions their text; else the value itself.
        columns: the smallest and the largest number of columns of coordinates.

    Returns:
        The value for `SetArgument`.

    Raises:
        ValueError: when it cannot be read; the sentence says how to write it.

    Example:
        >>> read_argument("matrix", "1 0.5\\n0.5, 1")
        ((1.0, 0.5), (0.5, 1.0))
        >>> read_argument("size", FromLevels(columns=["rep", "block"]))
        Levels(columns=('rep', 'block'), filled=False)
    """
    if value is None:
        return None
    if isinstance(value, Written):
        return _written_columns(value.text, kind, columns)
    if isinstance(value, FromModel):
        return Auto()
    if isinstance(value, FromRows):
        return Rows()
    if isinstance(value, FromLevels):
        return Levels(tuple(value.columns))
    if isinstance(value, FromNumber):
        return _whole(value.number)
    if isinstance(value, FromTable):
        return Related(value.name)
    if kind == "relation":
        return Related(str(value))
    if kind == "matrix":
        return read_matrix(str(value))
    if kind == "integer":
        return _whole(value)
    if kind == "number":
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"A number is needed here, such as 0.5; got {value!r:.40}.")
        return float(value)
    if kind == "indices":
        return read_indices(str(value))
    if kind == "flag":
        return bool(value)
    return str(value)


def _written_columns(text: str, kind: str, columns: tuple[int, int | None]) -> Values:
    """Written values: one column of any layout; several columns as one row a line."""
    least, most = columns
    lines = [line for line in text.splitlines() if line.strip()]
    several = kind == "coordinates" and most != 1 and (least > 1 or len(lines) > 1)
    if not several:
        return Values((read_written(text, numeric=kind == "coordinates"),))
    rows = read_matrix(text)
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise ValueError(
                f"Row {number} is {len(row)} long, and row 1 is {len(rows[0])}. Write one row a line, "
                "with a number for each coordinate."
            )
    return Values(tuple(zip(*rows, strict=True)))


def _whole(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise ValueError(f"A whole number is needed here, such as 24; got {value!r:.40}.")


def read_matrix(text: str) -> tuple[tuple[float, ...], ...]:
    """Rows of numbers from text: one row a line, numbers apart by blanks, tabs, commas or semicolons.

    Raises:
        ValueError: naming the line and what stands there.
    """
    rows = []
    for number, line in enumerate(text.strip().splitlines(), 1):
        cells = [cell for cell in re.split(r"[\s,;]+", line.strip()) if cell]
        if cells:
            rows.append(tuple(_number(cell, f"line {number}") for cell in cells))
    if not rows:
        raise ValueError("Write numbers, one row a line, apart by blanks or commas.")
    return tuple(rows)


def read_written(text: str, *, numeric: bool) -> tuple[Any, ...]:
    """Labels or numbers from text, apart by commas, semicolons or line breaks (numbers also by blanks).

    Raises:
        ValueError: when there is none, or one is no number.
    """
    pattern = r"[\s,;]+" if numeric else r"[,;\n]+"
    items = [item.strip() for item in re.split(pattern, text) if item.strip()]
    if not items:
        raise ValueError("Write at least one value; commas or line breaks stand between values.")
    return tuple(_number(item, f"value {i}") if numeric else item for i, item in enumerate(items, 1))


def _number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} in {where} is not a number; write it like 0.25 or 1e-3.") from None
