"""The session of a `REML`: the history of a search, and V, y and X for the length of one call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import Matrix, Operator
from covstudio.reml.fitting.model import Model
from covstudio.reml.problem.errors import FitError
from covstudio.reml.problem.likelihood import Point
from covstudio.reml.problem.problem import Problem
from covstudio.reml.search.start import data_start
from covstudio.threads import blas_threads

__all__ = ["History", "Session", "covariance_of", "design_of", "theta_of"]

Vector = NDArray[np.float64]


class History(Mapping[str, list[Any]]):
    """Lists of one length, by key or as attributes; row k holds theta_k and everything evaluated AT theta_k.

    Attributes:
        theta: RAW parameters.
        beta: fixed effects.
        loglik: kernel log-likelihoods, each a tensor without dimensions; NaN where they were not required.
        score: scores with respect to raw theta, held parameters left out.
        ai: average information, likewise.
        delta: the step proposed from theta_k, for all of theta.
        update: the change made from theta_k to theta_k+1; zeros in the last row.

    Example:
        >>> history = History()
        >>> history.theta is history["theta"], list(history)
        (True, ['theta', 'beta', 'loglik', 'score', 'ai', 'delta', 'update'])
    """

    def __init__(self) -> None:
        self.theta: list[Any] = []
        self.beta: list[Any] = []
        self.loglik: list[Any] = []
        self.score: list[Any] = []
        self.ai: list[Any] = []
        self.delta: list[Any] = []
        self.update: list[Any] = []

    def __getitem__(self, key: str) -> list[Any]:
        rows: list[Any] = self.__dict__[key]
        return rows

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__)

    def __len__(self) -> int:
        return len(self.__dict__)


class Session:
    """V, y and X during one call, with as many threads as they are worth."""

    def __init__(self, model: Model, problem: Problem) -> None:
        self.model = model
        self.problem = problem
        self.variance = model.variance
        self.engine = model.engine(problem)
        place = {k: i for i, k in enumerate(self.variance.free)}
        #: Where the parameters that are not held stand in theta.
        self.places = [place[k] for k in self.variance.estimated]
        self._threads = blas_threads(self.engine.order)
        self._quiet = torch.no_grad()

    def __enter__(self) -> Session:
        self._threads.__enter__()
        self._quiet.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._quiet.__exit__(*error)
        self._threads.__exit__(*error)

    def tensor(self, values: Vector | float) -> Tensor:
        """Numbers where y and X are."""
        return torch.as_tensor(values, dtype=torch.float64).to(self.problem.device)

    def point(self, theta: Vector) -> Point:
        natural = self.variance.natural(theta)
        point = self.engine.at(natural)
        if point is None:
            raise self.model.indefinite(self.problem, natural)
        return point

    def start(self) -> Vector:
        """Raw starting values from the data, as `fit` takes them."""
        ascent = self.model.ascent(self.problem)
        natural = data_start(self.problem, self.variance, ascent.neutral, ascent.coordinates, ascent.probe)
        return self.variance.theta(natural)

    def raw_derivatives(self, point: Point, theta: Vector) -> tuple[Vector, Vector]:
        derivatives = point.derivatives(self.variance.estimated)
        slope = self.variance.slopes(theta)[self.places]
        with np.errstate(invalid="ignore"):
            score = derivatives.score * slope
            ai = derivatives.information * np.outer(slope, slope)
        # At an infinite raw value the slope is 0, whatever the derivative in natural values.
        score[slope == 0.0] = 0.0
        ai[slope == 0.0, :] = 0.0
        ai[:, slope == 0.0] = 0.0
        return score, ai


def theta_of(v: Matrix, theta: Tensor | Mapping[str, Tensor] | None) -> Vector:
    """Raw theta in any form the matrix takes, as float64 numbers of its own."""
    return np.array(v.from_param_dict(theta).detach().to(device="cpu", dtype=torch.float64).numpy())


def design_of(z: Tensor | Matrix, n: int, device: torch.device) -> Tensor:
    """The design of random effects as a float64 tensor on this device, (n, q).

    Raises:
        FitError: z has free parameters or not n rows.
    """
    if isinstance(z, Matrix):
        if z.num_free_params:
            raise FitError(
                f"z must have no free parameters, and has {z.num_free_params}: pass its value, z(theta)."
            )
        natural = torch.tensor(
            [parameter.value for parameter in z.parameters], dtype=torch.float64, device=device
        )
        with torch.no_grad():
            value = z.evaluate(natural).to(device)
    else:
        value = torch.as_tensor(z).detach().to(device=device, dtype=torch.float64)
    if value.ndim != 2 or value.shape[0] != n:
        raise FitError(
            f"z must be of shape ({n}, q), one row per observation, and is of shape {tuple(value.shape)}."
        )
    return value


def covariance_of(
    v: Matrix, g: Tensor | Matrix | None, theta: Vector, q: int, device: torch.device
) -> Tensor:
    """The covariance of random effects as a float64 tensor on this device, (q, q).

    Args:
        v: the model of V.
        g: an operand of V, a matrix with as many free parameters as V, a tensor, or None for the identity.
        theta: raw parameters of V.
        q: number of effects.
        device: where it is computed.

    Raises:
        FitError: g is not q x q, or its parameters cannot be found in theta.
    """
    if g is None:
        return torch.eye(q, dtype=torch.float64, device=device)
    if isinstance(g, Matrix):
        with torch.no_grad():
            value = g(torch.from_numpy(_part(v, g, theta)).to(device)).detach().to(device, torch.float64)
    else:
        value = torch.as_tensor(g).detach().to(device=device, dtype=torch.float64)
    if tuple(value.shape) != (q, q):
        raise FitError(f"g must be {q} x {q}, as z has {q} columns, and is of shape {tuple(value.shape)}.")
    return value


def _part(v: Matrix, g: Matrix, theta: Vector) -> Vector:
    """The part of theta that belongs to g."""
    paths = _paths(v, g, "")
    if len(paths) == 1:
        place = {name: k for k, name in enumerate(v.free_param_names)}
        return theta[[place[paths[0] + name] for name in g.free_param_names]]
    if g.num_free_params in (0, len(theta)):
        return theta[: g.num_free_params]
    found = "stands in V more than once" if paths else "is no operand of V"
    raise FitError(
        f"g {found} and has {g.num_free_params} free parameters where V has {len(theta)}: "
        "pass its value, a tensor."
    )


def _paths(matrix: Matrix, wanted: Matrix, prefix: str) -> list[str]:
    """Prefixes of the parameter names of `wanted` wherever it stands in the tree."""
    if matrix is wanted:
        return [prefix]
    if not isinstance(matrix, Operator):
        return []
    found: list[str] = []
    for name, operand in matrix.operands.items():
        if isinstance(operand, Matrix):
            found += _paths(operand, wanted, f"{prefix}{name}/")
    return found
