"""The arguments and parameters of a node, checked against the declaration of its structure."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from covstudio.covariance import Argument, Declaration
from covstudio.covariance.core.catalogue import meaning_key
from covstudio.data.errors import came, shown, suggestion
from covstudio.document.model.node import (
    ArgumentValue,
    Auto,
    Columns,
    Grid,
    Indices,
    Levels,
    Related,
    Rows,
    Values,
    check_name,
    check_number,
)

_INDEXED = re.compile(r"_[a-z]$")

MAX_SIZE = 1_000_000
MAX_POSITIONS = 20_000
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


def check_parameter(declaration: Declaration, name: Any) -> str:
    """The name of a parameter that a structure may have of its own; indices depend on sizes and may be any.

    Args:
        declaration: of the structure.
        name: such as "sigma^2" or "lambda_2_1".

    Raises:
        ValueError: it has none of this name; the message lists those it has.

    Example:
        >>> from covstudio.covariance import declaration
        >>> check_parameter(declaration("AR1Matrix"), "rho")
        'rho'
        >>> check_parameter(declaration("AR1Matrix"), "sigma")
        Traceback (most recent call last):
        ValueError: First-order autoregressive has no parameter 'sigma'. Did you mean 'sigma^2'?
    """
    if not isinstance(name, str) or not name or "/" in name:
        raise ValueError(f"a node's own parameter has its name, without '/'; got {came(name)}")
    if meaning_key(declaration, name) is None and _declares_all(declaration):
        known = list(declaration.parameters)
        has = suggestion(name, known, "parameter") if known else "It has none."
        indices = (
            " Indices are numbers, as in _1 or _2_1." if any(_INDEXED.search(key) for key in known) else ""
        )
        raise ValueError(f"{declaration.title} has no parameter {shown(name)}. {has}{indices}")
    return name


def _declares_all(declaration: Declaration) -> bool:
    """Whether the declaration names every parameter: a structure of somebody's own need not."""
    own = [name for name in declaration.example().param_names if "/" not in name]
    return all(meaning_key(declaration, name) is not None for name in own)


def document_default(declaration: Declaration, argument: Argument) -> ArgumentValue | None:
    """The value an argument has in a document while nobody has set it.

    A size follows its context and labels wait for a column. Everything else takes the constructor's default,
    or the one declared for forms.

    Returns:
        The value, or None where the constructor decides (or where the person has to: see `is_required`).
    """
    if argument.kind == "size":
        return Auto()
    if argument.optional and argument.default is None:
        return None
    if argument.kind in ("factors", "coordinates"):
        return Columns()
    default: ArgumentValue | None = (
        argument.default if argument.form_default is None else argument.form_default
    )
    return default


def is_required(argument: Argument) -> bool:
    """Whether a person has to give this argument before there is a matrix.

    Example:
        >>> from covstudio.covariance import declaration
        >>> [is_required(argument) for argument in declaration("KnownMatrix").arguments]
        [True]
    """
    return argument.default is None and not argument.optional and argument.kind != "size"


def check_argument(argument: Argument, value: Any) -> ArgumentValue:
    """`value` as this argument takes it, with lists turned into tuples.

    Args:
        argument: the declaration.
        value: for a "size" an integer, `Auto()`, `Rows()` or `Levels(columns)`; for "factors" and
            "coordinates" `Columns(names)` or `Values(columns)`; for a "matrix" rows of numbers, or
            `Related(name)`; for a "relation" `Related(name)`; for "indices" positions counted from 0; for an
            "integer", "number", "choice" or "flag" just that.

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
            raise ValueError(f"{label} is true or false; got {came(value)}")
        return value
    if argument.kind == "choice":
        if value not in argument.choices:
            choices = ", ".join(repr(choice) for choice in argument.choices)
            raise ValueError(f"{label} is one of {choices}; got {came(value)}")
        checked: ArgumentValue = value
        return checked
    if argument.kind == "number":
        return _number(label, value, argument.minimum)
    if argument.kind == "indices":
        return _indices(label, value, argument.minimum)
    if argument.kind == "relation" or (argument.kind == "matrix" and isinstance(value, Related)):
        return _related(label, value)
    if argument.kind == "matrix":
        return _grid(label, value)
    if isinstance(value, Columns):
        return Columns(_names(label, value.names, empty=True))
    if isinstance(value, Values):
        return _values(label, value, numeric=argument.kind == "coordinates")
    raise ValueError(f"{label} takes columns of the table or written values; got {came(value)}")


def _integer(label: str, value: Any, minimum: float | None, expected: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{label} takes {expected}; got {came(value)}")
    if minimum is not None and value < minimum:
        raise ValueError(f"{label} is at least {minimum:g}; got {value}")
    if value > MAX_SIZE:
        raise ValueError(
            f"{label} is at most {MAX_SIZE}; got {value if value < 10**12 else 'a far larger number'}"
        )
    return value


def _number(label: str, value: Any, minimum: float | None) -> float:
    number = check_number(value, label)
    if minimum is not None and number < minimum:
        raise ValueError(f"{label} is at least {minimum:g}; got {number:g}")
    return number


def _indices(label: str, value: Any, minimum: float | None) -> Indices:
    least = 0 if minimum is None else max(0, math.ceil(minimum))
    if not isinstance(value, list | tuple):
        raise ValueError(f"{label} takes positions counted from 0, such as 0, 2, 5; got {came(value)}")
    if not value:
        raise ValueError(f"{label} needs at least one position, counted from 0")
    if len(value) > MAX_POSITIONS:
        raise ValueError(f"{label} holds at most {MAX_POSITIONS} positions; got {len(value)}")
    expected = "positions counted from 0"
    return tuple(_integer(label, position, least, expected) for position in value)


def read_indices(text: str) -> Indices:
    """Positions from text: numbers and ranges, apart by commas or blanks.

    Raises:
        ValueError: a piece is no position and no range; the sentence shows how to write one.

    Example:
        >>> read_indices("0, 2, 5-8")
        (0, 2, 5, 6, 7, 8)
    """
    found: list[int] = []
    how = 'write positions counted from 0, such as "0, 2, 5-8"'
    for piece in re.sub(r"\s*[-\u2013\u2212]\s*", "-", text).replace(",", " ").replace(";", " ").split():
        match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", piece)
        if match is None:
            raise ValueError(f"{piece[:40]!r} is no position; {how}.")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ValueError(f"The range {piece} runs backwards; {how}.")
        if len(found) + last - first >= MAX_POSITIONS:
            raise ValueError(
                f"There are at most {MAX_POSITIONS:,} positions; {piece[:40]!r} leads beyond that."
            )
        found.extend(range(first, last + 1))
    if not found:
        raise ValueError(f"No position is given; {how}.")
    return tuple(found)


def write_indices(indices: Sequence[Any]) -> str:
    """Positions as `read_indices` reads them: runs of three and more as ranges.

    Example:
        >>> write_indices((0, 2, 5, 6, 7, 8)), write_indices((3, 2, 1))
        ('0, 2, 5-8', '3, 2, 1')
    """
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    pieces = ([f"{run[0]}-{run[-1]}"] if len(run) > 2 else [str(index) for index in run] for run in runs)
    return ", ".join(piece for run in pieces for piece in run)


def _related(label: str, value: Any) -> Related:
    if not isinstance(value, Related):
        raise ValueError(f"{label} takes a second table of the model by its name; got {came(value)}")
    return Related(check_name(value.name))


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
                raise ValueError(f"{label} takes labels as text; got {came(text)} (write {str(text)[:80]!r})")
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
