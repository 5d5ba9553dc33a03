"""The terms of V at the estimates as effects: what predictions need of Z and of G."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from covstudio.covariance import Matrix, linalg
from covstudio.reml.inference.evaluation import Evaluation
from covstudio.reml.terms.kinds import DiagonalPiece
from covstudio.reml.terms.random_effects import level_names

__all__ = ["RandomTerm", "predictable_terms", "random_terms"]


@dataclass(frozen=True, eq=False)
class RandomTerm:
    """One term Z G Z'; a process or a field of the rows is one with the rows for its effects.

    Attributes:
        path: its name in V.
        z: Z, (n, q); or the effect of every row, (n,) whole numbers.
        g: G, (q, q).
        z_natural: natural values of Z's parameters.
        g_natural: natural values of G's.
        names: what the effects belong to; empty for the columns of Z.
    """

    path: str
    z: Matrix | Tensor
    g: Matrix | Tensor
    z_natural: Tensor
    g_natural: Tensor
    names: tuple[str, ...] = ()

    @cached_property
    def levels(self) -> tuple[str, ...]:
        """What the effects belong to."""
        return self.names or level_names(self.z)

    @property
    def columns(self) -> int:
        """Number of effects."""
        return int(self.g.shape[0])

    def of_rows(self, u: Tensor) -> Tensor:
        """Z u, (n, k)."""
        if isinstance(self.z, Tensor) and self.z.ndim == 1:
            return u[self.z]
        if isinstance(self.z, Matrix):
            with torch.no_grad():
                return linalg.matmul(self.z, self.z_natural, u)
        return _float(self.z) @ u

    def of_effects(self, b: Tensor) -> Tensor:
        """Z'b, (q, k)."""
        if isinstance(self.z, Tensor) and self.z.ndim == 1:
            return b.new_zeros((self.columns, b.shape[1])).index_add_(0, self.z, b)
        if isinstance(self.z, Matrix):
            with torch.no_grad():
                return linalg.transpose_matmul(self.z, self.z_natural, b)
        return _float(self.z).mT @ b

    def covariance_times(self, b: Tensor) -> Tensor:
        """G b, (q, k)."""
        if isinstance(self.g, Matrix):
            with torch.no_grad():
                return linalg.matmul(self.g, self.g_natural, b)
        return _float(self.g) @ b

    def variances(self) -> Tensor:
        """The diagonal of G, (q,)."""
        if isinstance(self.g, Matrix):
            with torch.no_grad():
                return linalg.diagonal(self.g, self.g_natural)
        return torch.diagonal(_float(self.g)).clone()


def random_terms(binding: Evaluation) -> dict[str, RandomTerm]:
    """The random terms of the outer sum of V by their names."""
    found = {}
    for term in binding.variance.terms:
        pair = term.effects
        if term.path not in binding.random_paths or pair is None:
            continue
        own = term.own(binding.natural)
        z, g = pair
        found[term.path] = RandomTerm(term.path, z.operand, g.operand, z.own(own), g.own(own))
    return found


def predictable_terms(binding: Evaluation) -> dict[str, RandomTerm]:
    """All terms whose effects have covariances: the random terms, and products, kernels and processes.

    The effects of the latter are those of the rows, called by their numbers from 0 or by their places where a
    process has such; of a selection, those of all that it selects from.
    """
    found = random_terms(binding)
    independent = {p.path for p in binding.variance.pieces if isinstance(p, DiagonalPiece)}
    for term in binding.variance.terms:
        if term.path in found or term.path in independent:
            continue
        own = term.own(binding.natural)
        rows, operand = torch.arange(binding.problem.n), term.operand
        if (selected := term.parts("selection")) is not None and term.made is not None:
            operand, own = selected[0].operand, selected[0].own(own)
            rows = torch.tensor(term.made.index)
        path, none = term.path or "V", torch.zeros(0, dtype=torch.float64)
        found[path] = RandomTerm(path, rows, operand, none, own, _places_of(operand))
    return found


def _places_of(operand: Matrix | Tensor) -> tuple[str, ...]:
    """Names of the rows of a process by their places, of any other matrix by their numbers."""
    function = linalg.covariance_function(operand) if isinstance(operand, Matrix) else None
    if function is None or function.times is None:
        return tuple(map(str, range(int(operand.shape[0]))))
    times = function.times.tolist()
    names = tuple(str(int(time)) if float(time).is_integer() else repr(float(time)) for time in times)
    return names if len(set(names)) == len(names) else tuple(map(str, range(len(names))))


def _float(values: Tensor) -> Tensor:
    return values.detach().to(device="cpu", dtype=torch.float64)
