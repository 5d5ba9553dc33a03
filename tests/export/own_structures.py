"""Structures as a user of the library writes them, in a module of one's own: a leaf and an operator.

Between them they have an argument of every kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from covstudio.covariance import (
    Argument,
    Leaf,
    Matrix,
    Operator,
    Parameter,
    ScalarMatrix,
    Slot,
    TransformExp,
    TransformExpPow2,
    declare,
)

CATEGORY = "Home grown"


@declare(
    title="Growth curve",
    category=CATEGORY,
    formula=r"V_{ij} = \sigma^2_{g_i g_j} e^{-|x_i - x_j|^p / \text{range}}",
    symbol="σ²e^(−d)",
    summary="Plants that stand close by grow alike, each group with a variance of its own.",
    arguments=(
        Argument("points", "coordinates", "Places", "Where each plant stands", columns=(1, 3)),
        Argument("power", "number", "Power", "Exponent of the distance", default=1.0, minimum=0.5),
        Argument(
            "offset", "number", "Offset", "What is added to every distance; none when left out", optional=True
        ),
        Argument(
            "shaded", "indices", "Shaded", "Plants with twice the variance; none when left out", optional=True
        ),
        Argument(
            "metric",
            "choice",
            "Metric",
            "How distance is measured",
            default="euclidean",
            choices=("euclidean", "city-block"),
        ),
        Argument("copies", "integer", "Copies", "How often the variance counts", default=1, minimum=1),
        Argument(
            "absolute", "flag", "Absolute", "Take the matrix entry by entry without sign", default=False
        ),
        Argument("known", "matrix", "Added", "What is added; nothing when left out", optional=True),
        Argument(
            "groups",
            "factors",
            "Groups",
            "Plants of a group share a variance; all when left out",
            optional=True,
        ),
    ),
    aliases={"Grower": ("gro2", "GROW(q)")},
    parameters={"sigma^2_i": "Variance of group i.", "range": "The distance over which likeness fades."},
    usage={"Grower": "grow(x, y)"},
    reference="A notebook of 2026",
    psd=False,
    example=lambda: GrowthCurve([0.0, 1.0, 3.0]),
)
class GrowthCurve(Leaf):
    """Exponential decay with distance."""

    def __init__(
        self,
        points: object,
        power: float = 1.0,
        *,
        offset: float | None = None,
        shaded: Sequence[int] | None = None,
        metric: str = "euclidean",
        copies: int = 1,
        absolute: bool = False,
        known: Tensor | None = None,
        groups: list[list[str]] | None = None,
        param_specs: Any = None,
    ) -> None:
        self.points = torch.as_tensor(points, dtype=torch.float64)
        self.points = self.points.reshape(self.points.shape[0], -1)
        if power == 7.0:
            raise ValueError("power must not be 7, got 7.0; choose another")
        if power == 8.0:
            raise OverflowError("far too much")
        n = self.points.shape[0]
        self.power, self.metric, self.copies, self.absolute = power, metric, copies, absolute
        self.offset = 0.0 if offset is None else offset
        self.factor = torch.ones(n, dtype=torch.float64)
        for index in shaded or ():
            if index >= n:
                raise ValueError(f"shaded must hold positions below {n}, got {index}; count from 0")
            self.factor[index] = 2.0
        self.known = torch.zeros(n, n, dtype=torch.float64) if known is None else known
        labels = ["all"] * n if groups is None else list(groups[0])
        levels = sorted(set(labels))
        self.group = torch.tensor([levels.index(label) for label in labels])
        names = [f"sigma^2_{k}" for k in range(len(levels))]
        parameters = [Parameter(name, TransformExpPow2()) for name in names]
        super().__init__((n, n), param_specs, [*parameters, Parameter("range", TransformExp())])

    def evaluate(self, natural: Tensor) -> Tensor:
        points = self.points.to(natural)
        order = 1 if self.metric == "city-block" else 2
        distance = (points[:, None] - points).abs().pow(order).sum(-1)
        distance = (distance + 1e-30).pow(1 / order) if order == 2 else distance
        decay = torch.exp(-(distance.pow(self.power) + self.offset) / natural[-1])
        spread = (natural[self.group] * self.copies * self.factor.to(natural)).sqrt()
        value = spread[:, None] * decay * spread + self.known.to(natural)
        return value.abs() if self.absolute else value


@declare(
    title="Weighted part",
    category=CATEGORY,
    formula=r"\mathbf{V} = w \mathbf{A}_{uu}",
    symbol="w A[u]",
    summary="Some rows and columns, times a weight to be estimated.",
    slots=(Slot("inner", "Matrix A", "Any square matrix."),),
    arguments=(
        Argument("rows", "indices", "Rows", "Which rows and columns are kept"),
        Argument("times", "size", "Times", "How often they count"),
    ),
    aliases={"Grower": ("part",)},
    parameters={"weight": "What the part counts."},
    reference="A notebook of 2026",
    psd=True,
    example=lambda: WeightedPart(inner=ScalarMatrix(3), rows=[0, 2], times=2),
)
class WeightedPart(Operator):
    """Rows and columns times a parameter of the operator itself."""

    operand_count = (1, 1)

    def __init__(self, *operands: Any, rows: Sequence[int] = (), times: int = 1, **named: Any) -> None:
        self.rows, self.times = list(rows), times
        super().__init__(*operands, **named)

    def own_operand(self) -> Matrix:
        return ScalarMatrix(1, {"weight": Parameter("weight", TransformExp())})

    def _shape_arguments(self) -> dict[str, Any]:
        return {"rows": self.rows, "times": self.times}

    @classmethod
    def shape_rule(cls, shapes: Any, names: Any, **arguments: Any) -> Any:
        return len(arguments["rows"]), len(arguments["rows"])

    def combine(self, values: list[Tensor]) -> Tensor:
        weight, inner = values
        chosen = torch.tensor(self.rows)
        return self.times * weight * inner[chosen][:, chosen]
