"""V and X of a design at values of the parameters that somebody thinks of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from covstudio.covariance import Matrix
from covstudio.covariance.parameters.parameterised import Params
from covstudio.reml.fitting.choose import square_matrix
from covstudio.reml.fitting.model import Model
from covstudio.reml.inference.evaluation import Evaluation
from covstudio.reml.inference.names import Names
from covstudio.reml.problem.errors import InvalidModel
from covstudio.reml.problem.problem import without_response
from covstudio.reml.search.coordinates import Coordinate, Kind

__all__ = ["Planned", "natural_values", "planned"]

Vector = NDArray[np.float64]


class Planned(Evaluation):
    """V and X of a design at natural values; what follows depends on no response.

    Args:
        v: the model of V.
        model: V as it is worked with, and its engine.
        problem: X.
        natural: natural values of all parameters of V.
    """

    @cached_property
    def boundary(self) -> tuple[str, ...]:
        """Paths of the parameters at an end of their range."""
        return tuple(c.name for c in self.coordinates if self.natural[c.position] in (c.low, c.high))

    @property
    def coordinates(self) -> list[Coordinate]:
        """The parameters that are neither fixed nor held; how a search would move them is not looked at."""
        return [self._coordinate(k) for k in self.variance.estimated]

    def _coordinate(self, k: int) -> Coordinate:
        low, high = self.variance.bounds(k)
        ends = math.isfinite(low), math.isfinite(high)
        kind = Kind.INTERVAL if all(ends) else Kind.SCALE if any(ends) else Kind.FREE
        if kind is Kind.SCALE and low == 0.0 and k in self.variance.linear:
            kind = Kind.VARIANCE
        return Coordinate(k, self.variance.names[k], kind, low, high, 0, 0.0, False)

    def _singular(self) -> InvalidModel:
        return InvalidModel(
            f"V is not positive definite at {self.variance.describe(self.natural)}: think of variances above "
            "0, of correlations off the ends of their range, and of a residual variance for every plot."
        )

    def at(self, natural: Vector) -> Planned:
        """The design at other values."""
        return Planned(self.v, self.model, self.problem, natural)

    def bare(self) -> Planned:
        """The design without fixed effects."""
        problem = replace(self.problem, x=self.problem.x[:, :0], basis=self.problem.basis[:, :0], names=())
        return Planned(self.v, self.model, problem, self.natural)


def planned(
    v: Matrix, x: Any, values: Mapping[str, float] | None, theta: Params, names: Sequence[str] | None
) -> Planned:
    """A design at values of the parameters.

    Args:
        v: the model of V, (n, n).
        x: the fixed-effects matrix, (n, p).
        values: natural values by name.
        theta: raw values of the free parameters.
        names: of the columns of x.
    """
    square_matrix(v)
    problem = without_response(x, names=names)
    if v.shape != (problem.n, problem.n):
        raise InvalidModel(
            f"V is {v.shape[0]} x {v.shape[1]}, and x has {problem.n} rows: both must describe the plots of "
            "one design."
        )
    model = Model(v, "auto", problem.p)
    with torch.no_grad():
        return Planned(v, model, problem, natural_values(v, model, values, theta))


def natural_values(v: Matrix, model: Model, values: Mapping[str, float] | None, theta: Params) -> Vector:
    """Natural values of all parameters of V.

    Args:
        v: the model of V.
        model: V, taken apart.
        values: natural values by name, which may be shortened; the others stay as `theta` has them.
        theta: raw values of the free parameters; None for the defaults of V.

    Raises:
        ValueError: a name is none, or a value is outside the range of its parameter.
    """
    variance = model.variance
    natural = variance.defaults.copy()
    if theta is not None:
        natural[list(variance.free)] = v.trans_params(theta).detach().to(torch.float64).numpy()
    names = Names(variance.names, "parameter")
    for name, value in (values or {}).items():
        path = names.meaning(name)
        k = variance.names.index(path)
        low, high = variance.bounds(k)
        number = float(value)
        if not (math.isfinite(number) and low <= number <= high):
            raise ValueError(
                f"{path} must be from {low:g} to {high:g}, and is {number:g}: give a natural value."
            )
        natural[k] = number
    return natural
