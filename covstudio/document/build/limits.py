"""Limits of size: leaves are refused that would be written out and are too large for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from covstudio.covariance import Declaration, Matrix, linalg
from covstudio.document.sizes.infer import size_arguments

MAX_ROWS = 8_000
#: The most entries of a leaf that has to be written out: half a gigabyte in float64. A structure that is
#: multiplied or solved without writing it out may have any number, and so may an operator: whether an engine
#: takes V, and whether it can be drawn, is theirs to say.
MAX_ENTRIES = MAX_ROWS * MAX_ROWS
#: The most parameters of one leaf: naming more takes longer than a person waits.
MAX_PARAMETERS = 20_000


class Unbuilt(Exception):
    """A node that has no matrix, with the reason.

    Args:
        message: what is missing or wrong, and what to do.
        field: the argument concerned.
        unfinished: True when nothing is wrong and something is still to come.
    """

    def __init__(self, message: str, field: str | None = None, *, unfinished: bool = False) -> None:
        super().__init__(message)
        self.message, self.field, self.unfinished = message, field, unfinished


class TooLarge(Unbuilt):
    """A matrix with more entries than can be held.

    Args:
        rows: how many it would have.
        columns: likewise.
    """

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__(
            f"{rows:,} × {columns:,} numbers ({rows * columns * 8 / 1e9:.1f} GB) are more than can be held; "
            f"the most is {MAX_ROWS:,} × {MAX_ROWS:,}. Use fewer rows, or a factor with fewer levels."
        )
        self.shape = (rows, columns)


#: Sizes at which parameters are counted.
_SMALL = (16, 20, 24)


@dataclass(frozen=True)
class Call:
    """A constructor call.

    Args:
        positional: arguments that go without a name (the factors of a design matrix).
        keywords: the others.
    """

    positional: tuple[Any, ...]
    keywords: Mapping[str, Any]


def check_room(declared: Declaration, call: Call) -> None:
    """Refuse a leaf before its constructor writes out more than can be held.

    Raises:
        Unbuilt: it would have too many parameters.
        TooLarge: it is square, has to be written out, and would have too many entries.
    """
    sizes = {name: call.keywords[name] for name in size_arguments(declared) if name in call.keywords}
    coordinates = [
        len(call.keywords[argument.name])
        for argument in declared.arguments
        if argument.kind == "coordinates" and argument.name in call.keywords
    ]
    n = max((*sizes.values(), *coordinates), default=0)
    if n * n <= MAX_PARAMETERS:
        return
    count = _parameter_count(declared, call, sizes) if sizes else 0
    if count > MAX_PARAMETERS:
        raise Unbuilt(
            f"{declared.title} of {' × '.join(f'{size:,}' for size in sizes.values())} has {count:,} "
            f"parameters; the most is {MAX_PARAMETERS:,}. Use a structure with fewer, or a smaller size."
        )
    if n > MAX_ROWS:
        example = declared.example()
        if example.shape[0] == example.shape[1] and not _is_cheap(example):
            raise TooLarge(n, n)


def check_written_out(matrix: Matrix) -> None:
    """Refuse a leaf that has too many entries to be written out, and has to be.

    Raises:
        TooLarge: it is such a leaf.
    """
    rows, columns = matrix.shape
    if rows * columns > MAX_ENTRIES and not _is_cheap(matrix):
        raise TooLarge(rows, columns)


def _parameter_count(declared: Declaration, call: Call, sizes: Mapping[str, int]) -> int:
    """The number of parameters, found from small instances: it is a quadratic in the size at most."""
    build: Any = declared.cls
    try:
        counts: list[int] = [
            build(*call.positional, **{**call.keywords, **dict.fromkeys(sizes, size)}).num_params
            for size in _SMALL
        ]
    except Exception:
        # Not to be had so small; the constructor has its own say.
        return 0
    rise, bend = counts[1] - counts[0], counts[2] - 2 * counts[1] + counts[0]
    steps: float = (math.prod(sizes.values()) ** (1 / len(sizes)) - _SMALL[0]) / (_SMALL[1] - _SMALL[0])
    return round(counts[0] + steps * rise + steps * (steps - 1) / 2 * bend)


def _is_cheap(matrix: Matrix) -> bool:
    """Whether it can be used without being written out."""
    return linalg.matmul.is_cheap(matrix) or linalg.solve.is_cheap(matrix)
