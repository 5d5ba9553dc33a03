r"""Random effects with reliabilities, and residuals.

Reliability of a predicted effect is 1 - PEV / g_ii: the squared correlation of prediction and effect
(Mrode 2014, Linear Models for the Prediction of Animal Breeding Values, section 3.3).

Residuals are y - X beta (marginal) and y - X beta - Z u = R P y (conditional), R being V without its random
effects. Pearson residuals are divided by the standard deviation that V and R give; studentised ones by that
of the residual itself, which also knows that beta and u were estimated: var(y - X beta) = V - X Phi X' and
var(R P y) = R P R (Nobre & Singer 2007, Biometrical Journal 49:863).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from covstudio.reml.inference.arguments import checked_rows
from covstudio.reml.inference.binding import Binding
from covstudio.reml.inference.pairs import BLOCK
from covstudio.reml.inference.tables import Row, Tabular, plural
from covstudio.reml.inference.terms import random_terms
from covstudio.reml.problem.errors import InvalidModel
from covstudio.reml.terms.kinds import DiagonalPiece
from covstudio.reml.terms.random_effects import PredictsEffects

__all__ = ["PredictedEffects", "Residuals", "predicted_effects", "residual_covariance", "residuals"]

#: Up to this many rows the diagonal of R P R is taken column by column.
COLUMNS = 4000


@dataclass(frozen=True, repr=False, eq=False)
class PredictedEffects(Tabular):
    """The random effects of one term.

    Attributes:
        term: path of the term.
        levels: what each effect belongs to.
        blup: best linear unbiased predictions, (q,).
        standard_error: square roots of the prediction error variances, (q,).
        prediction_error_variance: var(u_hat - u), (q,).
        variance: g_ii, (q,).
        reliability: 1 - PEV / g_ii, (q,); NaN where the variance is 0.
    """

    term: str
    levels: tuple[str, ...]
    blup: Tensor
    standard_error: Tensor
    prediction_error_variance: Tensor
    variance: Tensor
    reliability: Tensor

    def __len__(self) -> int:
        return len(self.levels)

    def table(self) -> list[Row]:
        columns = (self.blup, self.standard_error, self.prediction_error_variance, self.reliability)
        values = zip(self.levels, *(column.tolist() for column in columns), strict=True)
        return [
            {"level": level, "blup": u, "std. error": e, "pev": pev, "reliability": r}
            for level, u, e, pev, r in values
        ]

    def _title(self) -> str:
        return f"Random effects of {self.term} ({plural(len(self), 'level')})"


def predicted_effects(binding: Binding) -> dict[str, PredictedEffects]:
    """The random effects of every term Z G Z' of the outer sum of V."""
    found = {}
    for path, term in random_terms(binding).items():
        effect, variance = binding.fit.blups[path], term.variances()
        blup, error = effect.blup.cpu(), effect.standard_error.cpu()
        pev = error**2
        reliability = torch.where(variance > 0.0, 1.0 - pev / variance, torch.nan)
        found[path] = PredictedEffects(path, effect.levels, blup, error, pev, variance, reliability)
    return found


@dataclass(frozen=True, repr=False, eq=False)
class Residuals(Tabular):
    """Residuals of a fit, all (n,).

    Attributes:
        marginal: y - X beta.
        conditional: y - X beta - Z u.
        marginal_pearson: marginal / sqrt(V_ii).
        conditional_pearson: conditional / sqrt(R_ii); NaN where R_ii is 0.
        marginal_studentised: marginal / its own standard deviation.
        conditional_studentised: conditional / its own standard deviation; NaN where that was not computed.
        fitted: X beta + Z u.
        marginal_fitted: X beta.
        notes: what to know about them.
    """

    marginal: Tensor
    conditional: Tensor
    marginal_pearson: Tensor
    conditional_pearson: Tensor
    marginal_studentised: Tensor
    conditional_studentised: Tensor
    fitted: Tensor
    marginal_fitted: Tensor
    notes: tuple[str, ...] = ()

    def table(self) -> list[Row]:
        names = (
            "marginal_fitted",
            "fitted",
            "marginal",
            "conditional",
            "marginal_pearson",
            "conditional_pearson",
            "marginal_studentised",
            "conditional_studentised",
        )
        columns = [getattr(self, name).tolist() for name in names]
        words = [name.replace("_", " ") for name in names]
        return [dict(zip(words, row, strict=True)) for row in zip(*columns, strict=True)]

    def _title(self) -> str:
        return f"Residuals of {plural(len(self.marginal), 'row')}"

    def _notes(self) -> tuple[str, ...]:
        return self.notes


def residuals(binding: Binding) -> Residuals:
    """Marginal and conditional residuals with their standardised forms."""
    fit, problem = binding.fit, binding.problem
    fitted, marginal_fitted = fit.fitted.cpu(), fit.marginal_fitted.cpu()
    marginal, conditional = problem.y - marginal_fitted, problem.y - fitted
    of_v = binding.diagonal(binding.variance.pieces)
    of_r = binding.diagonal(binding.residual_pieces)
    own = of_v - (problem.x @ binding.phi * problem.x).sum(dim=1)
    spread, notes = _conditional_variances(binding), []
    if spread is None:
        notes.append(
            f"studentised conditional residuals need the diagonal of R P R, which is not computed for more "
            f"than {COLUMNS} rows where R is not diagonal"
        )
        spread = torch.full_like(of_r, torch.nan)
    if not binding.residual_pieces:
        notes.append("every term of V is Z G Z': nothing is left as a residual of the rows")
    return Residuals(
        marginal,
        conditional,
        _divided(marginal, of_v, of_v),
        _divided(conditional, of_r, of_v),
        _divided(marginal, own, of_v),
        _divided(conditional, spread, of_v),
        fitted,
        marginal_fitted,
        tuple(notes),
    )


def residual_covariance(binding: Binding, rows: Sequence[int] | None = None) -> Tensor:
    """var(y - X beta) = V - X Phi X' of some rows; see `Inference.residual_covariance`."""
    n = binding.problem.n
    kept = (
        torch.arange(n)
        if rows is None
        else torch.tensor(checked_rows(rows, n, "the covariance of residuals"))
    )
    if len(kept) > COLUMNS:
        raise InvalidModel(
            f"the covariance matrix of residuals is written out for up to {COLUMNS} rows, and these are "
            f"{len(kept)}: name some of them."
        )
    found = torch.zeros((len(kept), len(kept)), dtype=torch.float64)
    with torch.no_grad():
        for piece in binding.variance.pieces:
            found += piece.among(binding.natural, kept)
    x = binding.problem.x[kept]
    return found - x @ binding.phi @ x.mT


def _divided(values: Tensor, variances: Tensor, whole: Tensor) -> Tensor:
    """Values in standard deviations; NaN where the variance is nothing but rounding error of V's."""
    return torch.where(variances > 1e-12 * whole, values / variances.clamp(min=0.0).sqrt(), torch.nan)


def _conditional_variances(binding: Binding) -> Tensor | None:
    """diag(R P R), (n,); None where it would take too long."""
    pieces, n = binding.residual_pieces, binding.problem.n
    if not pieces:
        return torch.zeros(n, dtype=torch.float64)
    found = _from_effects(binding)
    if found is not None or n > COLUMNS:
        return found
    width, out = max(1, BLOCK // n), torch.empty(n, dtype=torch.float64)
    for start in range(0, n, width):
        rows = torch.arange(start, min(start + width, n))
        unit = torch.zeros((n, len(rows)), dtype=torch.float64)
        unit[rows, torch.arange(len(rows))] = 1.0
        right = binding.multiply(pieces, unit)
        out[rows] = (right * binding.project(right)).sum(dim=0)
    return out


def _from_effects(binding: Binding) -> Tensor | None:
    """diag(R P R) from an engine that has prediction errors of a diagonal R, one effect a row, at hand.

    Those are r_i - r_i p_ii r_i.
    """
    pieces, point = binding.residual_pieces, binding.point
    if len(pieces) != 1 or not isinstance(point, PredictsEffects):
        return None
    (piece,) = pieces
    if not isinstance(piece, DiagonalPiece) or piece.rows is not None:
        return None
    if piece.family.groups != binding.problem.n:
        return None
    with binding.threads(), torch.no_grad():
        found = point.effects(piece)
        if found is None:
            return None
        variances = piece.diagonal(binding.natural)
        return variances - found[1][piece.group]
