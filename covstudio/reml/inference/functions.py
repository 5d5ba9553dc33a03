r"""Functions of variance parameters with standard errors: heritabilities, ratios, genetic correlations.

For f(theta) with gradient g and the covariance matrix C of the estimates, the delta method gives
var f = g'Cg (Lynch & Walsh 1998, Genetics and Analysis of Quantitative Traits, appendix 1). Parameters at an
end of their range, fixed and held ones count as constants.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from covstudio.covariance import Matrix, Operator
from covstudio.reml.fitting.parameter_covariance import ParameterCovariance
from covstudio.reml.inference.distributions import normal_quantile
from covstudio.reml.inference.evaluation import Evaluation
from covstudio.reml.inference.expressions import Dual, Entry, Name, Node, evaluate, parse
from covstudio.reml.inference.names import Names
from covstudio.reml.inference.tables import Row, Tabular, listed
from covstudio.reml.search.scales import FISHER, LOG, LOGIT, NATURAL, Scale

__all__ = ["SCALES", "Expressions", "FunctionEstimate"]

Vector = NDArray[np.float64]

#: Scales that an interval of a function may be asked for on.
SCALES: dict[str, Scale] = {"natural": NATURAL, "log": LOG, "logit": LOGIT, "fisher": FISHER}
#: Operands of more rows than this have no entries in expressions.
ROWS = 2000


@dataclass(frozen=True, repr=False)
class FunctionEstimate(Tabular):
    """A function of parameters.

    Attributes:
        expression: as it was written.
        estimate: its value at the estimates.
        standard_error: by the delta method; NaN where there is none.
        lower: lower end of the interval.
        upper: upper end.
        level: confidence level.
        scale: the scale the interval was found on.
        gradient: derivatives with respect to the natural values of the parameters it depends on.
        notes: what to know about it.
    """

    expression: str
    estimate: float
    standard_error: float
    lower: float
    upper: float
    level: float
    scale: str
    gradient: dict[str, float] = field(repr=False)
    notes: tuple[str, ...] = ()

    def table(self) -> list[Row]:
        return [
            {
                "expression": self.expression,
                "estimate": self.estimate,
                "std. error": self.standard_error,
                "lower": self.lower,
                "upper": self.upper,
                "scale": self.scale,
            }
        ]

    def _title(self) -> str:
        return f"Function of variance parameters, {100 * self.level:g} % interval by the delta method"

    def _notes(self) -> tuple[str, ...]:
        return self.notes


class Expressions:
    """Reads and evaluates expressions in the parameters of one V.

    Args:
        binding: the fit and its model.
    """

    def __init__(self, binding: Evaluation) -> None:
        self.binding = binding
        self.names = Names(binding.variance.names, "parameter")
        self._operands = dict(_operands(binding.v, "", 0))
        self.operands = Names(self._operands, "operand")
        self._position = {name: k for k, name in enumerate(binding.variance.names)}

    def parse(self, text: str) -> Node:
        """The tree of an expression; ValueError where it is none."""
        return parse(text, self.names, self.operands)

    def at(self, node: Node, natural: Vector) -> Dual:
        """Value and gradient with respect to all natural parameters, at these values of them."""
        count = len(natural)

        def name(path: str) -> Dual:
            gradient = np.zeros(count)
            gradient[self._position[path]] = 1.0
            return Dual(float(natural[self._position[path]]), gradient)

        dual = evaluate(node, name, lambda entry: self._entry(entry, natural))
        return Dual(dual.value, np.broadcast_to(dual.gradient, (count,)))

    def _entry(self, entry: Entry, natural: Vector) -> Dual:
        operand, start = self._operands[entry.path]
        rows, columns = operand.shape
        if rows != columns or max(entry.i, entry.j) >= rows:
            raise ValueError(
                f"{entry.kind}({entry.path}, ...): {entry.path} is {rows} x {columns}, and entries are "
                f"counted from 0; {entry.i}, {entry.j} is not among its variances and covariances."
            )
        if rows > ROWS:
            raise ValueError(f"{entry.path} has {rows} rows; entries are taken of up to {ROWS}.")
        own = list(range(start, start + operand.num_params))
        values = torch.from_numpy(natural[own])
        with torch.no_grad():
            value = operand.evaluate(values).to(torch.float64)
            slices = operand.natural_jacobian(values, list(range(len(own)))).to(torch.float64)

        def of(i: int, j: int) -> Dual:
            gradient = np.zeros(len(natural))
            gradient[own] = slices[:, i, j].numpy()
            return Dual(float(value[i, j]), gradient)

        covariance = of(entry.i, entry.j)
        if entry.kind != "corr":
            return covariance
        first, second = of(entry.i, entry.i), of(entry.j, entry.j)
        if first.value <= 0.0 or second.value <= 0.0:
            raise ValueError(f"corr({entry.path}, {entry.i}, {entry.j}): a variance is 0 at the estimates.")
        r = covariance.value / math.sqrt(first.value * second.value)
        gradient = covariance.gradient / math.sqrt(first.value * second.value) - 0.5 * r * (
            first.gradient / first.value + second.gradient / second.value
        )
        return Dual(r, gradient)

    def estimate(
        self, text: str, covariance: ParameterCovariance, level: float, scale: str | None
    ) -> FunctionEstimate:
        """A function with its standard error and interval.

        Args:
            text: the expression.
            covariance: of the parameters inside their range.
            level: confidence level.
            scale: "natural", "log", "logit" or "fisher"; None for "fisher" where the expression is a
                correlation, "natural" elsewhere.
        """
        if scale is not None and scale not in SCALES:
            raise ValueError(f"scale must be one of {', '.join(map(repr, SCALES))}, and is {scale!r}.")
        node = self.parse(text)
        correlation = isinstance(node, Entry) and node.kind == "corr" and node.i != node.j
        chosen = SCALES["fisher" if scale is None and correlation else scale or "natural"]
        dual = self.at(node, self.binding.natural)
        gradient = dual.gradient[[c.position for c in covariance.coordinates]]
        notes = self._constants(node, dual.gradient, covariance)
        variance = covariance.variance(gradient) if np.isfinite(gradient).all() else math.nan
        if math.isnan(variance):
            notes.append("it depends on what the data cannot tell: no standard error")
        error = math.sqrt(variance) if variance > 0.0 else math.nan
        lower, upper = chosen.interval(dual.value, error, normal_quantile(0.5 + 0.5 * level))
        if not math.isnan(error) and math.isnan(lower):
            notes.append(f"the estimate is outside the range of the {chosen.name} scale: no interval")
        names = self.binding.variance.names
        moving = {names[k]: float(slope) for k, slope in enumerate(dual.gradient) if slope != 0.0}
        return FunctionEstimate(
            text, dual.value, error, lower, upper, level, chosen.name, moving, tuple(notes)
        )

    def _constants(self, node: Node, gradient: Vector, covariance: ParameterCovariance) -> list[str]:
        """What counts as constant although the expression depends on it."""
        known = {c.position for c in covariance.coordinates}
        names = self.binding.variance.names
        constant = [names[k] for k in np.flatnonzero(gradient).tolist() if k not in known]
        if isinstance(node, Name) and node.path not in constant and self._position[node.path] not in known:
            constant.append(node.path)
        ends = [name for name in constant if name in self.binding.boundary]
        rest = [name for name in constant if name not in ends]
        notes = []
        if ends:
            notes.append(f"at an end of their range, and taken as known: {listed(ends)}")
        if rest:
            notes.append(f"fixed or held, and taken as known: {listed(rest)}")
        return notes


def _operands(matrix: Matrix, path: str, start: int) -> list[tuple[str, tuple[Matrix, int]]]:
    """Every matrix of the tree with the position of its first parameter; V itself is `V`."""
    found: list[tuple[str, tuple[Matrix, int]]] = [(path or "V", (matrix, start))]
    if not isinstance(matrix, Operator):
        return found
    for (name, part), span in zip(matrix.operands.items(), matrix.operand_spans().values(), strict=True):
        if isinstance(part, Matrix):
            found += _operands(part, f"{path}/{name}" if path else name, start + span.start)
    return found
