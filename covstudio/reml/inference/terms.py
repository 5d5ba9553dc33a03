"""The random terms Z G Z' of V at the estimates: what predictions need of Z and of G."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from covstudio.covariance import Matrix, linalg
from covstudio.reml.inference.binding import Binding
from covstudio.reml.terms.random_effects import level_names

__all__ = ["RandomTerm", "random_terms"]


@dataclass(frozen=True, eq=False)
class RandomTerm:
    """One term Z G Z'.

    Attributes:
        path: its name in V.
        z: Z, (n, q).
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
        if isinstance(self.z, Matrix):
            with torch.no_grad():
                return linalg.matmul(self.z, self.z_natural, u)
        return _float(self.z) @ u

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


def random_terms(binding: Binding) -> dict[str, RandomTerm]:
    """The random terms of the outer sum of V by their names."""
    found = {}
    for term in binding.variance.terms:
        pair = term.parts("congruence")
        if term.path not in binding.random_paths or pair is None:
            continue
        own = term.own(binding.natural)
        z, g = pair
        found[term.path] = RandomTerm(term.path, z.operand, g.operand, z.own(own), g.own(own))
    return found


def _float(values: Tensor) -> Tensor:
    return values.detach().to(device="cpu", dtype=torch.float64)
