r"""Prediction at new rows.

For a new row with fixed effects x and a random part t that has covariance c with y and variance v,

.. math:: \hat\mu = x'\hat\beta + c'Py, \qquad
          \operatorname{var}(\hat\mu - x'\beta - t) = x'\Phi x - 2\,x'\Phi X'V^{-1}c + v - c'Pc .

A term Z G Z' with rows z of Z contributes c = Z G z and v = z'G z, a level that the fit has no effect of what
its G says about one more level (see `new_levels`); a correlated residual contributes the covariances that the
caller gives. Without a random part this is x'beta with var x'Phi x.

Sources: Henderson (1975), Biometrics 31:423; Cressie (1993), Statistics for Spatial Data, section 3.4
(universal kriging).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from covstudio.arguments import given as came
from covstudio.covariance import Matrix
from covstudio.reml.inference.binding import Binding
from covstudio.reml.inference.distributions import normal_quantile
from covstudio.reml.inference.new_levels import Wider, new_effects, widened
from covstudio.reml.inference.tables import Row, Tabular, listed, plural
from covstudio.reml.inference.terms import RandomTerm, predictable_terms
from covstudio.reml.problem.errors import InvalidData

__all__ = ["Prediction", "predict_rows"]


@dataclass(frozen=True, repr=False, eq=False)
class Prediction(Tabular):
    """Predictions at m new rows, all (m,).

    Attributes:
        marginal: X_new beta.
        marginal_standard_error: of X_new beta as an estimate.
        predicted: X_new beta plus the predicted random parts.
        standard_error: of `predicted` minus what it predicts: the square root of the prediction error
            variance.
        lower: lower end of the interval of `predicted`.
        upper: upper end.
        level: of the interval.
        includes: what `predicted` contains beside X_new beta.
        notes: levels that the fit has no effect of, and how they were predicted.
    """

    marginal: Tensor
    marginal_standard_error: Tensor
    predicted: Tensor
    standard_error: Tensor
    lower: Tensor
    upper: Tensor
    level: float
    includes: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def table(self) -> list[Row]:
        columns = (
            self.marginal,
            self.marginal_standard_error,
            self.predicted,
            self.standard_error,
            self.lower,
            self.upper,
        )
        names = ("marginal", "marginal s.e.", "predicted", "std. error", "lower", "upper")
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _title(self) -> str:
        parts = f" + {' + '.join(self.includes)}" if self.includes else ""
        return (
            f"Prediction of X beta{parts} at {plural(len(self.marginal), 'row')}, {100 * self.level:g} % "
            "intervals"
        )

    def _notes(self) -> tuple[str, ...]:
        return self.notes


def predict_rows(
    binding: Binding,
    x: Any,
    z: Mapping[str, Any] | None,
    covariance: Any,
    variance: Any,
    wider: Mapping[str, Wider] | None,
    level: float,
) -> Prediction:
    """Predict at new rows; see `Inference.predict`."""
    new = _matrix(x, "x", binding.problem.p, "one column per fixed effect")
    m, n = len(new), binding.problem.n
    cross = torch.zeros((n, m), dtype=torch.float64)
    own = torch.zeros(m, dtype=torch.float64)
    includes: list[str] = []
    notes: list[str] = []
    terms = predictable_terms(binding)
    for name, given in (("z", z), ("wider", wider)):
        for path in given or {}:
            if path not in terms:
                raise InvalidData(
                    f"{name} names the term {path!r}, and the terms of V with effects are "
                    f"{listed(list(terms)) or 'none'}."
                )
    for path, rows in (z or {}).items():
        effects = _effects(binding, terms[path], rows, (wider or {}).get(path), m)
        cross += terms[path].of_rows(effects.covariance)
        own += effects.variance
        includes.append(path)
        if effects.new:
            notes.append(
                f"the fit has no effect of {path} {listed(effects.new)}: predicted by the covariance with "
                "the others, the variance of its own in the error"
            )
    if covariance is not None:
        if variance is None:
            raise InvalidData(
                "covariance gives C(new rows, rows of y); give variance as well, the variances of the new "
                "rows' part of that term, (m,)."
            )
        cross += _matrix(covariance, "covariance", n, "one column per row of y", m).mT
        includes.append("given covariance")
    if variance is not None:
        own += _variances(variance, m)
        if covariance is None:
            includes.append("independent error")
    return replace(_predicted(binding, new, cross, own, level, tuple(includes)), notes=tuple(notes))


def _predicted(
    binding: Binding, new: Tensor, cross: Tensor, own: Tensor, level: float, includes: tuple[str, ...]
) -> Prediction:
    beta, phi, weights = binding.by_basis
    new = binding.in_basis(new)
    marginal = new @ beta
    spread = (new @ phi * new).sum(dim=1)
    if cross.any():
        predicted = marginal + cross.mT @ binding.py
        # Phi X'V^-1 c, (p, m).
        joint = weights.mT @ cross
        error = spread - 2.0 * (new * joint.mT).sum(dim=1) + own - (cross * binding.project(cross)).sum(dim=0)
    else:
        predicted, error = marginal.clone(), spread + own
    deviation = error.clamp(min=0.0).sqrt()
    reach = normal_quantile(0.5 + 0.5 * level) * deviation
    return Prediction(
        marginal,
        spread.sqrt(),
        predicted,
        deviation,
        predicted - reach,
        predicted + reach,
        level,
        includes,
    )


@dataclass(frozen=True, eq=False)
class _Effects:
    """The part t of one term in the new rows.

    Attributes:
        covariance: cov(u, t) with the effects of the fit, (q, m).
        variance: of t, (m,).
        new: levels that the fit has no effect of.
    """

    covariance: Tensor
    variance: Tensor
    new: tuple[str, ...] = ()


def _effects(binding: Binding, term: RandomTerm, rows: Any, wider: Wider | None, m: int) -> _Effects:
    """What a term gives to new rows: a matrix, a `Matrix` without parameters, or one level per row."""
    whole, kept = (term, None) if wider is None else widened(term, wider)
    if isinstance(rows, Matrix):
        if rows.num_params:
            raise InvalidData(
                f"z[{term.path!r}] must have no parameters, and has {rows.num_params}: pass its value."
            )
        with torch.no_grad():
            rows = rows.evaluate(torch.zeros(0, dtype=torch.float64))
    place = {level: j for j, level in enumerate(whole.levels)}
    names = _level_names(rows, place)
    levels = [] if names is None else names
    unseen = tuple(dict.fromkeys(level for level in levels if level is not None and level not in place))
    if names is not None:
        rows = torch.zeros((len(levels), whole.columns), dtype=torch.float64)
        for i, level in enumerate(levels):
            if level in place:
                rows[i, place[level]] = 1.0
    design = _matrix(rows, f"z[{term.path!r}]", whole.columns, "one column per effect of the term", m)
    if kept is None:
        design = binding.design(term.path, design)
    moved = whole.covariance_times(design.mT)
    variance = (design.mT * moved).sum(dim=0)
    covariance = moved.clone() if kept is None else moved[kept]
    if unseen:
        cross, own = new_effects(whole, unseen)
        for i, level in enumerate(levels):
            if level is not None and level not in place:
                j = unseen.index(level)
                covariance[:, i], variance[i] = cross[:, j] if kept is None else cross[kept, j], own[j]
    known = set(term.levels)
    return _Effects(
        covariance,
        variance,
        tuple(dict.fromkeys(level for level in levels if level is not None and level not in known)),
    )


def _level_names(rows: Any, known: Mapping[str, int]) -> list[str | None] | None:
    """The name of each row's level: of texts, or of numbers in one line; None where these are no levels."""
    if isinstance(rows, str | Mapping) or not hasattr(rows, "__iter__") or getattr(rows, "ndim", 1) != 1:
        return None
    # What is made of arrays, tensors and columns are the numbers of Python.
    items = list(rows.tolist() if hasattr(rows, "tolist") else rows)
    names = [item if item is None or isinstance(item, str) else _number_name(item, known) for item in items]
    told = all(name is not None or item is None for name, item in zip(names, items, strict=True))
    return names if items and told else None


def _number_name(number: Any, known: Mapping[str, int]) -> str | None:
    """The level that a number is the name of, written as one of those known; None for what is no number."""
    if isinstance(number, bool) or not isinstance(number, Real):
        return None
    value = float(number)
    if not value.is_integer():
        return str(number)
    written = [str(int(value)), str(number), str(value)]
    return next((text for text in written if text in known), written[0])


def _matrix(values: Any, name: str, columns: int, what: str, rows: int | None = None) -> Tensor:
    try:
        matrix = torch.as_tensor(values).detach().to(device="cpu", dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidData(f"{name} must be a matrix of numbers ({error}).") from error
    if matrix.ndim != 2 or matrix.shape[1] != columns or (rows is not None and len(matrix) != rows):
        expected = f"({'m' if rows is None else rows}, {columns})"
        raise InvalidData(
            f"{name} must be of shape {expected}, {what}, and is of shape {tuple(matrix.shape)}."
        )
    if not bool(torch.isfinite(matrix).all()):
        raise InvalidData(f"{name} has entries that are missing or infinite.")
    return matrix


def _variances(values: Any, m: int) -> Tensor:
    try:
        found = torch.as_tensor(values).detach().to(device="cpu", dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise InvalidData(
            f"variance must be one number or {m} numbers of at least 0, one per new row; got {came(values)}."
        ) from None
    if found.ndim == 0:
        found = found.expand(m)
    if isinstance(values, bool) or tuple(found.shape) != (m,) or not bool((found >= 0.0).all()):
        raise InvalidData(
            f"variance must be one number or {m} numbers of at least 0, one per new row; it is of shape "
            f"{tuple(found.shape)}."
        )
    return found
