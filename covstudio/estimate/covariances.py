"""Variances and correlations of random effects at the estimates, by the names of levels and coefficients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from covstudio.covariance import Matrix, linalg
from covstudio.reml import Fit
from covstudio.reml.terms.as_effects import effects_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["coefficients", "factors_of", "names_of", "varcorr"]

#: A covariance of more effects than these is not written out.
MOST = 60

_Row = tuple[str, str, str, float, float]


def varcorr(matrix: Matrix, fit: Fit) -> pd.DataFrame:
    """Variances, covariances and correlations of the effects of every random term, and of the residual.

    Random effects may be drawn in any way: as Z G Z', as "same group" times a regression, as a regression in
    a Kronecker product.

    Args:
        matrix: V, as it was fitted.
        fit: its fit.

    Returns:
        term, var1, var2, vcov and sdcor, as R has it of `VarCorr`: for var2 "" the variance of var1 and its
        square root, else their covariance and correlation. Terms of another kind, such as fields, are left
        out: their parameters say what there is to say.

    Example:
        >>> import torch
        >>> from covstudio.covariance import CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
        >>> from covstudio.reml import fit
        >>> batch = DummyMatrix(list("aabbccdd"))
        >>> v = Sum(batch=CovariancePropagation(z=batch, g=ScalarMatrix(4)), residual=ScalarMatrix(8))
        >>> y = torch.tensor([1.0, 2.0, 4.0, 5.0, 2.0, 3.0, 7.0, 6.0], dtype=torch.float64)
        >>> varcorr(v, fit(v, y, torch.ones(8, 1)))[["term", "vcov"]].round(2).values.tolist()
        [['batch', 4.67], ['residual', 0.5]]
    """
    import pandas as pd

    natural = torch.tensor(list(fit.params.values()), dtype=torch.float64)
    rows = [row for name, part, own in _terms(matrix, natural) for row in _of_term(name, part, own)]
    return pd.DataFrame(rows, columns=["term", "var1", "var2", "vcov", "sdcor"])


def _terms(matrix: Matrix, natural: Tensor) -> Iterator[tuple[str, Matrix, Tensor]]:
    made = linalg.composition(matrix)
    if made is None or made.how != "sum":
        yield "residual", matrix, natural
        return
    for part in made.parts:
        if isinstance(part.operand, Matrix):
            yield part.name, part.operand, part.own(natural)


def _of_term(name: str, matrix: Matrix, natural: Tensor) -> Iterator[_Row]:
    pair = effects_of(matrix)
    if pair is None:
        if linalg.kind(matrix) == "scalar":
            yield _variance(name, "", float(linalg.diagonal(matrix, natural)[0]))
        return
    z, g = (part.operand for part in pair)
    if not isinstance(z, Matrix) or not isinstance(g, Matrix):
        return
    own = pair[1].own(natural)
    if (size := _multiplier(g, own)) is not None:
        coefficient = coefficients(z)
        label = coefficient[0] if coefficient is not None and len(coefficient) == 1 else "(Intercept)"
        yield _variance(name, label, size)
        return
    factors = list(factors_of(g, own))
    names = names_of(z, len(factors))
    sizes = [_multiplier(factor, values) for factor, values in factors]
    scale = 1.0
    for size in sizes:
        scale *= 1.0 if size is None else size
    for labels, size, (factor, values) in zip(names, sizes, factors, strict=False):
        if size is None and len(labels) == factor.shape[0] <= MOST:
            yield from _written(name, labels, factor.evaluate(values) * scale)


def _multiplier(g: Matrix, natural: Tensor) -> float | None:
    """The variance before a matrix that is known but for it, such as I or a relationship matrix."""
    if linalg.kind(g) == "scalar":
        return float(linalg.diagonal(g, natural)[0])
    if g.num_params == 1 and linalg.is_multiple(g):
        return float(natural[0])
    return 1.0 if linalg.is_constant(g) else None


def _variance(name: str, effect: str, value: float) -> _Row:
    return name, effect, "", value, max(value, 0.0) ** 0.5


def factors_of(g: Matrix, natural: Tensor) -> Iterator[tuple[Matrix, Tensor]]:
    """The factors of a Kronecker product with their natural values, from the outermost."""
    parts = linalg.parts(g, "kronecker product")
    if parts is None:
        yield g, natural
        return
    for part in parts:
        if isinstance(part.operand, Matrix):
            yield from factors_of(part.operand, part.own(natural))


def coefficients(z: Matrix) -> Sequence[str] | None:
    """The coefficients that every group has of its own, as of `(x | g)`; None for any other Z."""
    parts = linalg.parts(z, "rowwise product")
    if parts is None or not isinstance(parts[1].operand, Matrix):
        return None
    return linalg.column_names(parts[1].operand)


def names_of(z: Matrix, count: int) -> list[Sequence[str]]:
    """What the columns of Z are called along each of the factors of G."""
    if count == 1:
        own = linalg.column_names(z)
        return [] if own is None else [own]
    parts = linalg.parts(z, "rowwise product")
    if parts is not None and count == len(parts):
        found = [linalg.column_names(part.operand) for part in parts if isinstance(part.operand, Matrix)]
        return [one or () for one in found]
    levels = linalg.crossed_levels(z)
    if levels is not None and len(levels) == count:
        return [tuple(map(str, one.levels)) for one in levels]
    return []


def _written(name: str, labels: Sequence[str], value: Tensor) -> Iterator[_Row]:
    roots = value.diagonal().clamp_min(0.0).sqrt()
    for i, label in enumerate(labels):
        yield _variance(name, label, float(value[i, i]))
    for i, label in enumerate(labels):
        for j in range(i + 1, len(labels)):
            covariance = float(value[i, j])
            product = float(roots[i] * roots[j])
            yield name, label, labels[j], covariance, covariance / product if product > 0.0 else float("nan")
