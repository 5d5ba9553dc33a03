"""Variances and correlations of random effects at the estimates, by the names of levels and coefficients."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import Matrix, linalg
from covstudio.reml import Fit
from covstudio.reml.fitting.parameter_covariance import ParameterCovariance
from covstudio.reml.terms.as_effects import effects_of
from covstudio.reml.terms.outer import outer_terms

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "INTERCEPT",
    "EffectCovariance",
    "coefficients",
    "effect_covariances",
    "factors_of",
    "names_of",
    "varcorr",
    "varcorr_table",
]

Vector = NDArray[np.float64]

NAN = float("nan")
#: A covariance of more effects than these is not written out.
MOST = 60
#: What the effects of groups are called that have one each.
INTERCEPT = "(Intercept)"
#: A correlation is 1 or -1 up to this.
ROUNDING = 1e-12


@dataclass(frozen=True)
class EffectCovariance:
    """A variance of effects of a term, or a covariance of two of them.

    Attributes:
        term: path of the term in V; "residual" where V is no sum.
        var1: level or coefficient; "" for a residual variance.
        var2: the other one of a covariance; "" for a variance.
        vcov: the variance or covariance.
        sdcor: its square root, or the correlation; NaN where one of the variances is 0.
        vcov_standard_error: by the delta method; NaN where there is none.
        sdcor_standard_error: by the delta method; NaN where there is none.
    """

    term: str
    var1: str
    var2: str
    vcov: float
    sdcor: float
    vcov_standard_error: float = NAN
    sdcor_standard_error: float = NAN


def varcorr(matrix: Matrix, fit: Fit) -> pd.DataFrame:
    r"""Variances, covariances and correlations of the effects of every random term, and of the residual.

    Random effects may be drawn in any way: as Z G Z', as "same group" times a regression, as a regression in
    a Kronecker product. Standard errors are those of the delta method, :math:`\sqrt{g'Cg}` for a function of
    the parameters with gradient g, C being the covariance matrix of the estimates; parameters at an end of
    their range, fixed and held ones count as constants.

    Args:
        matrix: V, as it was fitted.
        fit: its fit.

    Returns:
        term, var1, var2, vcov and sdcor, as R has it of `VarCorr`: for var2 "" the variance of var1 and its
        square root, else their covariance and correlation; vcov_standard_error and sdcor_standard_error, NaN
        where there are none. Terms of another kind, such as fields, are left out: their parameters say what
        there is to say.

    Example:
        >>> import torch
        >>> from covstudio.covariance import CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
        >>> from covstudio.reml import fit
        >>> batch = DummyMatrix(list("aabbccdd"))
        >>> v = Sum(batch=CovariancePropagation(z=batch, g=ScalarMatrix(4)), residual=ScalarMatrix(8))
        >>> y = torch.tensor([1.0, 2.0, 4.0, 5.0, 2.0, 3.0, 7.0, 6.0], dtype=torch.float64)
        >>> found = varcorr(v, fit(v, y, torch.ones(8, 1)))
        >>> found[["term", "vcov", "vcov_standard_error"]].round(2).values.tolist()
        [['batch', 4.67, 4.02], ['residual', 0.5, 0.35]]
    """
    return varcorr_table(effect_covariances(matrix, fit, fit.covariance if fit.converged else None))


def varcorr_table(rows: Iterable[EffectCovariance]) -> pd.DataFrame:
    """Variances and covariances as a table: see `varcorr`."""
    import pandas as pd

    names = [one.name for one in fields(EffectCovariance)]
    return pd.DataFrame([astuple(row) for row in rows], columns=names)


def effect_covariances(
    matrix: Matrix, fit: Fit, covariance: ParameterCovariance | None
) -> tuple[EffectCovariance, ...]:
    """The rows of `varcorr`.

    Args:
        matrix: V, as it was fitted.
        fit: its fit.
        covariance: of the estimates; None where there is none, and so no standard errors.
    """
    natural = torch.tensor(list(fit.params.values()), dtype=torch.float64)
    return tuple(
        row
        for term in outer_terms(matrix)
        if isinstance(term.operand, Matrix)
        for written in _written(term.operand, natural, torch.arange(term.span.start, term.span.stop))
        for row in _rows(term.path or "residual", written, covariance)
    )


@dataclass(frozen=True, eq=False)
class _Written:
    """A covariance of effects.

    Attributes:
        labels: what the effects are called.
        value: (k, k).
        slopes: its derivatives, (m, k, k).
        places: where their parameters stand in V, (m,).
    """

    labels: Sequence[str]
    value: Tensor
    slopes: Tensor
    places: Tensor


def _written(matrix: Matrix, natural: Tensor, places: Tensor) -> Iterator[_Written]:
    """The covariances of the effects of a term, whose parameters stand at these places of V."""
    pair = effects_of(matrix)
    if pair is None:
        if linalg.kind(matrix) == "scalar":
            value, slopes = _diagonal(matrix, natural[places])
            yield _variance("", value, slopes, places)
        return
    z, g = (part.operand for part in pair)
    if not isinstance(z, Matrix) or not isinstance(g, Matrix):
        return
    places = pair[1].own(places)
    if (size := _multiplier(g, natural[places])) is not None:
        named = coefficients(z)
        yield _variance(named[0] if named is not None and len(named) == 1 else INTERCEPT, *size, places)
        return
    factors = list(factors_of(g, places))
    sizes = [_scale(factor, natural[own]) for factor, own in factors]
    small = [
        size is None and factor.shape[0] <= MOST for size, (factor, _) in zip(sizes, factors, strict=True)
    ]
    if not any(small):
        return
    scale, scale_slopes, scale_places = 1.0, natural.new_zeros(0), places[:0]
    for known, (_, own) in zip(sizes, factors, strict=True):
        if known is not None:
            scale_slopes = torch.cat([scale_slopes * known[0], scale * known[1]])
            scale_places = torch.cat([scale_places, own])
            scale *= known[0]
    names = names_of(z, len(factors))
    for labels, wanted, (factor, own) in zip(names, small, factors, strict=False):
        if wanted and len(labels) == factor.shape[0]:
            whole = factor.evaluate(natural[own])
            slopes = factor.natural_jacobian(natural[own], range(len(own)))
            yield _Written(
                labels,
                whole * scale,
                torch.cat([slopes * scale, scale_slopes[:, None, None] * whole]),
                torch.cat([own, scale_places]),
            )


def _multiplier(g: Matrix, natural: Tensor) -> tuple[float, Tensor] | None:
    """The variance before a matrix that is known but for it, such as I, and its slopes."""
    if linalg.kind(g) == "scalar":
        return _diagonal(g, natural)
    if g.num_params == 1 and linalg.is_multiple(g):
        return float(natural[0]), torch.ones_like(natural)
    return (1.0, torch.zeros_like(natural)) if linalg.is_constant(g) else None


def _scale(g: Matrix, natural: Tensor) -> tuple[float, Tensor] | None:
    """The variance that a factor multiplies the others by; None for one whose levels have their own.

    A process or a field has fewer parameters than levels, and these say what there is to say.
    """
    size = _multiplier(g, natural)
    if size is not None or g.num_params >= g.shape[0]:
        return size
    variances = linalg.diagonal(g, natural)
    alike = bool(torch.allclose(variances, variances[:1], rtol=1e-10))
    return _diagonal(g, natural) if alike else (1.0, torch.zeros_like(natural))


def _diagonal(matrix: Matrix, natural: Tensor) -> tuple[float, Tensor]:
    """The variance of the first row, and its slopes."""
    slopes = linalg.derivative_diagonal(matrix, natural, range(len(natural)))
    return float(linalg.diagonal(matrix, natural)[0]), slopes[:, 0]


def _variance(label: str, value: float, slopes: Tensor, places: Tensor) -> _Written:
    return _Written([label], slopes.new_full((1, 1), value), slopes[:, None, None], places)


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


def _rows(term: str, written: _Written, covariance: ParameterCovariance | None) -> Iterator[EffectCovariance]:
    """The variances, then the covariances."""
    value, labels = written.value, written.labels
    slopes = _slopes(written, covariance)

    def error(gradient: Vector) -> float:
        if covariance is None or not np.isfinite(gradient).all():
            return NAN
        variance = covariance.variance(gradient)
        return math.sqrt(variance) if variance > 0.0 else NAN

    roots = value.diagonal().clamp_min(0.0).sqrt().tolist()
    for i, label in enumerate(labels):
        moved, size = slopes[:, i, i], float(value[i, i])
        by_root = moved / (2.0 * roots[i]) if roots[i] > 0.0 else np.full_like(moved, NAN)
        yield EffectCovariance(term, label, "", size, roots[i], error(moved), error(by_root))
    for i, label in enumerate(labels):
        for j in range(i + 1, len(labels)):
            moved, size, product = slopes[:, i, j], float(value[i, j]), roots[i] * roots[j]
            r, turned = NAN, np.full_like(moved, NAN)
            if product > 0.0:
                r = max(-1.0, min(size / product, 1.0))
                own = slopes[:, i, i] / roots[i] ** 2 + slopes[:, j, j] / roots[j] ** 2
                turned = moved / product - 0.5 * r * own
                if 1.0 - abs(r) < ROUNDING:  # at the end of its range, where its slopes are rounding error
                    turned = np.full_like(moved, NAN)
            yield EffectCovariance(term, label, labels[j], size, r, error(moved), error(turned))


def _slopes(written: _Written, covariance: ParameterCovariance | None) -> Vector:
    """Derivatives by the parameters that have a covariance, in their order, (K, k, k)."""
    coordinates = () if covariance is None else covariance.coordinates
    k = len(written.labels)
    found = np.zeros((len(coordinates), k, k))
    row = {place: at for at, place in enumerate(written.places.tolist())}
    for at, coordinate in enumerate(coordinates):
        if coordinate.position in row:
            found[at] = written.slopes[row[coordinate.position]].numpy()
    return found
