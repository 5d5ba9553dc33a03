"""The solution of mixed-model equations: covariances of effects, and the absorption of one term."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from covstudio.reml.engines.equations.crossproducts import Crossproducts

__all__ = [
    "Absorbed",
    "Effects",
    "Projection",
    "absorb",
    "from_left",
    "own_products",
    "solved",
    "spherical",
    "times",
]


@dataclass(frozen=True, eq=False)
class Effects:
    """The covariances of random effects.

    Attributes:
        g1: of the absorbed term, (m or 1, b, b).
        l1: its factors; square roots where b = 1.
        g2: of each dense term, (q_t, q_t), or (q_t,) where it is diagonal.
        roots: a factor of all dense terms together beside the identity for fixed effects, (q + p, q + p), or
            by its diagonal, (q + p,), where all are diagonal.
        largest: the largest variance of an effect.
    """

    g1: Tensor
    l1: Tensor
    g2: list[Tensor]
    roots: Tensor
    largest: float


@dataclass(frozen=True, eq=False)
class Absorbed:
    """What is left of the cross products after absorption.

    Attributes:
        k: K, (m, b, b).
        ratio: (I + A_11 G_1)^-1 where b = 1, (m, 1, 1); None otherwise.
        factor: Cholesky factors of I + L_1'A_11 L_1 where b > 1.
        b: [Z_2, X, y]'V_1^-1 [Z_2, X, y], (q + p + 1, q + p + 1).
        logdet: log|I + L_1'A_11 L_1|.
    """

    k: Tensor
    ratio: Tensor | None
    factor: Tensor | None
    b: Tensor
    logdet: float


@dataclass(frozen=True, eq=False)
class Projection:
    """Z'PZ: by groups for the absorbed term, (m, b, b); whole for the dense part, (q, q)."""

    s11: Tensor
    s22: Tensor


def absorb(cross: Crossproducts, effects: Effects) -> Absorbed | None:
    """Take the absorbed term out of the cross products."""
    a11, a1f, g1 = cross.a11, cross.a1f, effects.g1
    if not len(a11):
        return Absorbed(a11, a11, None, cross.aff, 0.0)
    if a11.shape[1] == 1:
        grown = g1 * a11
        ratio = (grown + 1.0).reciprocal_()
        k, factor, logdet = g1 * ratio, None, float(torch.log1p(grown).sum())
    else:
        ratio = None
        inner = effects.l1.mT @ a11 @ effects.l1
        inner.diagonal(dim1=1, dim2=2).add_(1.0)
        factor, info = torch.linalg.cholesky_ex(inner)
        if bool((info != 0).any()):
            return None
        y = solved(factor, effects.l1.mT.expand_as(inner))
        k = y.mT @ y
        logdet = 2.0 * float(torch.log(factor.diagonal(dim1=1, dim2=2)).sum())
    b = torch.addmm(cross.aff, cross.flat.mT, times(k, a1f).flatten(0, 1), alpha=-1.0)
    return Absorbed(k, ratio, factor, b, logdet)


def spherical(absorbed: Absorbed, effects: Effects, right: Tensor) -> Tensor:
    """v_1 with u_1 = L_1 v_1."""
    if absorbed.factor is None:
        assert absorbed.ratio is not None
        return effects.l1 * absorbed.ratio * right
    return torch.cholesky_solve(effects.l1.mT @ right, absorbed.factor)


def times(k: Tensor, a: Tensor) -> Tensor:
    """K A by groups; one number a group needs no matrix product."""
    product: Tensor = k * a if k.shape[-1] == 1 else k @ a
    return product


def own_products(n: Tensor) -> Tensor:
    """N N' by groups, (m, b, b)."""
    product: Tensor = (n * n).sum(dim=2, keepdim=True) if n.shape[1] == 1 else n @ n.mT
    return product


def solved(factor: Tensor, b: Tensor, *, upper: bool = False) -> Tensor:
    """T^-1 B for a triangular T."""
    solution: Tensor = torch.linalg.solve_triangular(factor, b, upper=upper)
    return solution


def from_left(roots: Tensor, b: Tensor, *, transposed: bool = True) -> Tensor:
    """L'B, or L B, for a matrix L that may be given by its diagonal."""
    if roots.ndim == 1:
        return roots[:, None] * b
    product: Tensor = (roots.mT if transposed else roots) @ b
    return product
