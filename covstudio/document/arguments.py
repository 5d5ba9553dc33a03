"""What the arguments of a node may hold, checked against the declaration of its structure."""

from __future__ import annotations

from typing import Any

from covstudio.covariance import Argument, Declaration
from covstudio.document.node import ArgumentValue, Auto, Columns, Grid, Levels, Rows, Values, check_number

MAX_SIZE = 20_000
MAX_ENTRIES = 4_000_000


def argument_of(declaration: Declaration, name: str) -> Argument:
    """The declared argument of that name.

    Raises:
        ValueError: when the structure has none; the message lists those it has.
    """
    for argument in declaration.arguments:
        if argument.name == name:
            return argument
    known = ", ".join(argument.name for argument in declaration.arguments) or "none at all"
    raise ValueError(f"{declaration.title} has no argument {name!r}; it has {known}")


def document_default(declaration: Declaration, argument: Argument) -> ArgumentValue | None:
    """The value an argument has in a document while nobody has set it.

    A size follows its context and labels wait for a column. Everything else takes the constructor's default,
    but for one: a design matrix on the canvas keeps only the combinations of levels that occur, so that a
        block numbered
    anew in every replicate counts once for each replicate.

    Returns:
        The value, or None where the constructor decides (or where the person has to).
    """
    if argument.kind == "size":
        return Auto()
    if argument.kind in ("factors", "coordinates"):
        return Columns()
    if declaration.name == "DummyMatrix" and argument.name == "drop_empty_cols":
        return True
    default: ArgumentValue | None = argument.default
    return default


def check_argument(argument: Argument, value: Any) -> ArgumentValue:
    """`value` as this argument takes it, with lists turned into tuples.

    Args:
        argument: the declaration.
        value: for a "size" an integer, `Auto()`, `Rows()` or `Levels(columns)`; for "factors" and
            "coordinates" `Columns(names)` or `Values(columns)`; for a "matrix" rows of numbers; for an
            "integer", "choice" or "flag" just that.

    Returns:
        The value, normalised.

    Raises:
        ValueError: saying what the argument takes and what came.
    """
    label = f"{argument.label} ({argument.name})"
    if argument.kind == "size":
        if isinstance(value, Auto | Rows):
            return value
        if isinstance(value, Levels):
            return Levels(_names(label, value.columns))
        return _integer(
            label,
            value,
            1 if argument.minimum is None else argument.minimum,
            "an integer, auto, rows or levels",
        )
    if argument.kind == "integer":
        return _integer(label, value, argument.minimum, "an integer")
    if argument.kind == "flag":
        if not isinstance(value, bool):
            raise ValueError(f"{label} is true or false; got {value!r:.80}")
        return value
    if argument.kind == "choice":
        if value not in argument.choices:
            choices = ", ".join(repr(choice) for choice in argument.choices)
            raise ValueError(f"{label} is one of {choices}; got {value!r:.80}")
        checked: ArgumentValue = value
        return checked
    if argument.kind == "matrix":
        return _grid(label, value)
    if isinstance(value, Columns):
        return Columns(_names(label, value.names, empty=True))
    if isinstance(value, Values):
        return _values(label, value, numeric=argument.kind == "coordinates")
    raise ValueError(f"{label} takes columns of the table or written values; got {type(value).__name__}")


def _integer(label: str, value: Any, minimum: float | None, expected: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{label} takes {expected}; got {value!r:.80}")
    if minimum is not None and value < minimum:
        raise ValueError(f"{label} is at least {minimum:g}; got {value}")
    if value > MAX_SIZE:
        raise ValueError(
            f"{label} is at most {MAX_SIZE}; got {value if value < 10**12 else 'a far larger number'}"
        )
    return value


def _names(label: str, names: tuple[str, ...], *, empty: bool = False) -> tuple[str, ...]:
    if not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"{label} names columns of the table by text; got {names!r:.80}")
    if not names and not empty:
        raise ValueError(f"{label} needs at least one column")
    if len(set(names)) < len(names):
        raise ValueError(f"{label} names a column twice: {', '.join(names)}")
    return names


def _values(label: str, value: Values, *, numeric: bool) -> Values:
    lengths = {len(column) for column in value.columns}
    if len(lengths) > 1:
        raise ValueError(f"{label} needs columns of one length; got lengths {sorted(lengths)}")
    if sum(map(len, value.columns)) > MAX_ENTRIES:
        raise ValueError(f"{label} holds at most {MAX_ENTRIES} values; load them as a table instead")
    if numeric:
        what = f"every coordinate of {label}"
        return Values(
            tuple(tuple(check_number(number, what) for number in column) for column in value.columns)
        )
    for column in value.columns:
        for text in column:
            if not isinstance(text, str):
                raise ValueError(f"{label} takes labels as text; got {text!r:.80} (write {str(text)[:80]!r})")
    return value


def _grid(label: str, value: Any) -> Grid:
    if (
        not isinstance(value, list | tuple)
        or not value
        or not all(isinstance(row, list | tuple) for row in value)
    ):
        raise ValueError(f"{label} takes a matrix: rows of numbers, one list for each row")
    widths = {len(row) for row in value}
    if len(widths) > 1 or 0 in widths:
        raise ValueError(f"{label} needs rows of one length, at least 1; got lengths {sorted(widths)}")
    if len(value) * widths.pop() > MAX_ENTRIES:
        raise ValueError(f"{label} holds at most {MAX_ENTRIES} entries")
    return tuple(
        tuple(check_number(entry, f"row {i}, column {j} of {label}") for j, entry in enumerate(row, 1))
        for i, row in enumerate(value, 1)
    )
