"""Ways to build every leaf of the catalogue, from the arguments that it declares.

A size takes several values, an integer small and large ones, a choice or a flag each of its values;
coordinates come in all numbers of columns that are declared and in places of all kinds. What a constructor
refuses is left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

from covstudio.covariance import Argument, Declaration, Matrix, catalogue
from covstudio.document.build.constructors import splatted

DOUBLE = torch.float64
SIZES = (2, 3, 12, 30)
ROWS = 12
#: Places of rows: some in one place, on a grid, far from 0, near one another, of all sizes, on a sphere.
KINDS = ("random", "coincident", "grid", "large", "small", "mixed", "on earth")

Way = tuple[str, partial[Matrix]]


def places(n: int, dimensions: int, kind: str) -> Tensor:
    """Coordinates of n rows, reproducible, shape (n, dimensions)."""
    generator = torch.Generator().manual_seed(1000 * n + 10 * dimensions)
    unit = torch.rand((n, dimensions), generator=generator, dtype=DOUBLE)
    if kind == "coincident":
        unit[-1] = unit[0]
    if kind == "grid":
        return torch.arange(n, dtype=DOUBLE)[:, None] + torch.arange(dimensions, dtype=DOUBLE) ** 2
    if kind == "large":
        return 1e6 + 1e3 * unit
    if kind == "small":
        return 1e-6 * unit
    if kind == "mixed":
        return unit * 10.0 ** (6.0 * unit.flip(0) - 3.0)
    if kind == "on earth":
        return on_earth(unit)
    return 10.0 * unit


def on_earth(unit: Tensor) -> Tensor:
    """Latitudes and longitudes, two of them antipodes; further columns as they are."""
    table = torch.cat([180.0 * unit[:, :1] - 90.0, 360.0 * unit[:, 1:2] - 180.0, unit[:, 2:]], 1)
    table[-1, 0] = -table[0, 0]
    if table.shape[1] > 1:
        table[-1, 1] = table[0, 1] + (180.0 if float(table[0, 1]) < 0 else -180.0)
    return table


def dimensions(argument: Argument) -> list[int]:
    least, most = argument.columns
    return [d for d in (1, 2, 3, 6) if d >= least and (most is None or d <= most)]


def data(argument: Argument) -> list[Any]:
    """Values of an argument that says what the rows are."""
    if argument.kind == "size":
        return list(SIZES)
    if argument.kind == "coordinates":
        found = [places(ROWS, d, kind) for kind in KINDS for d in dimensions(argument)]
        few = [places(n, min(dimensions(argument)), "random") for n in (2, 3, 30)]
        # Times of a process that starts at 0, and columns that are to be positive.
        later = [places(ROWS, 1, kind) + 1.0 for kind in KINDS] if 1 in dimensions(argument) else []
        # One column is a vector, as a document has it.
        return [table[:, 0] if table.shape[1] == 1 else table for table in (*found, *few, *later)]
    if argument.kind == "matrix":
        tables = [places(n, n, "random") for n in SIZES]
        return [*(table @ table.T for table in tables), *(table[:, :1] @ table[:, :1].T for table in tables)]
    assert argument.kind == "factors"
    return [[[k % 5 for k in range(ROWS)]], [[k % 5 for k in range(ROWS)], [k % 2 for k in range(ROWS)]]]


def options(argument: Argument) -> list[Any]:
    """Values of an argument that says what is made of the rows; the default is left out."""
    if argument.kind == "choice":
        return list(argument.choices)
    if argument.kind == "flag":
        return [False, True]
    if argument.kind == "integer":
        return [1, 2, 5, ROWS - 1]
    return []


def varied(arguments: Sequence[Argument]) -> Iterator[dict[str, Any]]:
    """The defaults; choices and flags in all combinations; integers in turn with these."""
    yield {}
    small = [argument for argument in arguments if argument.kind in ("choice", "flag")]
    counts = [argument for argument in arguments if argument.kind == "integer"]
    numbers = list(itertools.product(*map(options, counts)))
    turns = itertools.cycle(numbers)
    combinations = list(itertools.product(*map(options, small)))
    for k in range(max(len(combinations), len(numbers))):
        chosen = combinations[k % len(combinations)]
        given = dict(zip([argument.name for argument in small], chosen, strict=True))
        yield given | dict(zip([argument.name for argument in counts], next(turns), strict=True))


def ways(entry: Declaration) -> list[Way]:
    """Every set of options with a table that it takes, and every table with a set of options."""
    rows = [argument.name for argument in entry.arguments if argument.kind in DATA]
    tables = [
        dict(zip(rows, values, strict=True))
        for values in itertools.product(*(data(one) for one in entry.arguments if one.kind in DATA))
    ]
    chosen = list(varied([argument for argument in entry.arguments if argument.kind not in DATA]))
    found: dict[str, Way] = {}

    def take(pairs: Iterator[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        """The first that the constructor does not refuse."""
        one = next((one for one in (way(entry, *pair) for pair in pairs) if built(one[1])), None)
        if one is not None:
            found[one[0]] = one

    for k, given in enumerate(chosen):
        take((table, given) for table in turned(tables, k))
    for k, table in enumerate(tables):
        take((table, given) for given in turned(chosen, k))
    return list(found.values())


def turned(items: Sequence[dict[str, Any]], start: int) -> Iterator[dict[str, Any]]:
    """All of them, from a place on."""
    yield from (items[(start + k) % len(items)] for k in range(len(items)))


#: Arguments that say what the rows are.
DATA = ("size", "coordinates", "matrix", "factors")


def way(entry: Declaration, table: dict[str, Any], given: dict[str, Any]) -> Way:
    positional: list[Any] = []
    named = {}
    for name, value in table.items():
        if name in splatted(entry):
            positional += value
        else:
            named[name] = value
    text = ", ".join(f"{name}={shown(value)}" for name, value in (table | given).items())
    return f"{entry.name}({text})", partial(entry.cls, *positional, **named, **given)


def shown(value: object) -> object:
    """A value in the name of a case; a table by its shape and its sum, which tells it from others."""
    return f"{tuple(value.shape)}~{float(value.sum()):.6g}" if isinstance(value, Tensor) else value


def built(make: Callable[[], Matrix]) -> bool:
    try:
        make()
    except (ValueError, TypeError):
        return False
    return True


LEAVES = {
    entry.name: entry
    for entry in catalogue()
    if entry.kind == "matrix" and entry.arguments and entry.cls.__module__.startswith("covstudio.")
}


@cache
def ways_of(name: str) -> tuple[Way, ...]:
    return tuple(ways(LEAVES[name]))
