"""The memory that a whole model would take, counted from the sizes of its nodes before any of them is made.

A single leaf is bounded by `limits`; two thousand leaves of 500 rows, in a file of 200 kB, are not. What
counts is written out to show and to evaluate the model once: a matrix whose rows are made as they are needed
takes nothing, and neither does one that is too large to be drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from covstudio.covariance import Matrix, Operator, declaration
from covstudio.covariance.core.rowwise import SMALL
from covstudio.document.build.limits import Unbuilt
from covstudio.document.model.node import Node
from covstudio.document.sizes.infer import Shape
from covstudio.settings import MODEL_GB, MODEL_SECONDS

#: Matrices with more entries are not drawn: following a slider would take seconds and gigabytes.
MAX_DRAWN = 4_000_000
#: Numbers that are written in a second, by a processor of no great age.
_NUMBERS = 1e8
#: Products that are added up in a second, in matrix products.
_PRODUCTS = 5e9
#: Seconds that a node takes whatever its size.
_NODE = 1e-3


@dataclass(frozen=True)
class Cost:
    """What a model takes.

    Attributes:
        nodes: how many there are.
        numbers: that are written out, 8 bytes each.
        seconds: to write and multiply them once, roughly.
        rows, columns: of the node that takes most.
    """

    nodes: int = 0
    numbers: int = 0
    seconds: float = 0.0
    rows: int = 0
    columns: int = 0

    @property
    def gigabytes(self) -> float:
        """Of the numbers, 1e9 bytes each."""
        return 8e-9 * self.numbers


def cost(nodes: Iterable[Node], shape_of: Callable[[str], Shape | None]) -> Cost:
    """What a model takes to be shown and evaluated once.

    Args:
        nodes: all of them, those that are no part of V included: they are shown, too.
        shape_of: node id -> rows and columns, or None while that is not known.
    """
    count = total = rows = columns = 0
    seconds = 0.0
    for node in nodes:
        count += 1
        shape = shape_of(node.id)
        if shape is None or (numbers := _written(node, shape)) == 0:
            continue
        total += numbers
        seconds += numbers / _NUMBERS
        kind: Any = declaration(node.kind).cls
        if issubclass(kind, Operator) and not kind.entrywise:
            seconds += numbers * max(shape) / _PRODUCTS
        if numbers > rows * columns:
            rows, columns = shape
    return Cost(count, total, seconds + _NODE * count, rows, columns)


def _written(node: Node, shape: Shape) -> int:
    """How many numbers of a node are written out."""
    numbers = shape[0] * shape[1]
    kind: Any = declaration(node.kind).cls
    if numbers <= SMALL:
        return numbers
    if numbers > MAX_DRAWN:
        return 0
    if issubclass(kind, Operator):
        by_rows = kind.entrywise or kind.combined_by_rows is not Operator.combined_by_rows
    else:
        by_rows = issubclass(kind, Matrix) and kind.by_rows is not Matrix.by_rows
    return 0 if by_rows else numbers


def check_budget(found: Cost) -> None:
    """Refuse a model that takes more memory or time than the settings allow.

    Raises:
        Unbuilt: it does; the message has the numbers, and what would fit.
    """
    memory, time = MODEL_GB(), MODEL_SECONDS()
    share = min(memory / max(found.gigabytes, 1e-12), time / max(found.seconds, 1e-12))
    if share >= 1.0:
        return
    fitting = f"{max(1, math.floor(found.nodes * share)):,} such nodes would fit"
    if found.rows > 1:
        rows = max(1, math.floor(found.rows * math.sqrt(share)))
        fitting += f", or {found.nodes:,} of at most {rows:,} rows"
    raise Unbuilt(
        f"This model is too large as a whole: its {found.nodes:,} nodes, the largest {found.rows:,} × "
        f"{found.columns:,}, would take {found.gigabytes:.2g} GB and about {found.seconds:.2g} s to be "
        f"evaluated once, and {memory:g} GB and {time:g} s are allowed here. {fitting}. Whoever runs "
        f"the app sets the limits ({MODEL_GB.variable}, {MODEL_SECONDS.variable})."
    )
