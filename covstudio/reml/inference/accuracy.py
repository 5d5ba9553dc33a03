r"""Accuracy of predicted effects, and of differences between them.

With C = var(u_hat - u) = G - G Z'PZ G, the variance of the difference between two predictions is
:math:`d_{ij} = C_{ii} + C_{jj} - 2C_{ij}`, and

.. math:: H^2_\text{Cullis} = 1 - \frac{\bar d}{2\sigma^2_g}, \qquad
          H^2_\text{generalised} = \frac{\operatorname{tr}(I - G^{-1}C)}{q - s},

with :math:`2\sigma^2_g` the mean variance of a difference of two effects, by G: two levels of independent
effects differ by twice their variance. Of the eigenvalues of I - G^-1 C, the squared canonical correlations
of effects and predictions, s are 0: what the fixed effects take up, such as the mean of all effects.

Sources: Cullis, Smith & Coombes (2006), J. Agric. Biol. Environ. Stat. 11:381; Oakey, Verbyla, Pitchford,
Cullis & Kuchel (2006), Theor. Appl. Genet. 113:809; Mrode (2014), Linear Models for the Prediction of Animal
Breeding Values, section 3.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from covstudio.reml.inference.evaluation import Evaluation
from covstudio.reml.inference.pairs import BLOCK
from covstudio.reml.inference.tables import Row, Tabular, plural
from covstudio.reml.inference.terms import RandomTerm, random_terms
from covstudio.reml.problem.errors import InvalidModel
from covstudio.reml.terms.random_effects import PredictsTogether

__all__ = ["EFFECTS", "Accuracy", "accuracies"]

#: The errors of so many effects are taken together.
EFFECTS = 4000
#: Eigenvalues of G below this share of the largest count as 0.
SINGULAR = 1e-10
#: Squared canonical correlations below this are rounding errors of 0.
UNTOLD = 1e-8


@dataclass(frozen=True, repr=False, eq=False)
class Accuracy(Tabular):
    """How well the q effects of a term are predicted.

    Attributes:
        term: path of the term.
        levels: what each effect belongs to.
        variance: variances of the effects, the diagonal of G, (q,).
        error_covariance: C = var(u_hat - u), (q, q).
        reliability: 1 - PEV / variance, (q,); NaN where the variance is 0.
        cullis: heritability by the mean variance of a difference; NaN where effects do not differ.
        generalised: heritability by the mean squared canonical correlation of effects and predictions.
    """

    term: str
    levels: tuple[str, ...]
    variance: Tensor
    error_covariance: Tensor
    reliability: Tensor
    cullis: float
    generalised: float

    def __len__(self) -> int:
        return len(self.levels)

    @property
    def prediction_error_variance(self) -> Tensor:
        """var(u_hat - u) of each effect, (q,)."""
        return torch.diagonal(self.error_covariance)

    @property
    def standard_errors_of_differences(self) -> Tensor:
        """SED of every pair, (q, q)."""
        return _differences(self.error_covariance).clamp(min=0.0).sqrt()

    @property
    def mean_sed(self) -> float:
        """Mean of the SED over all pairs; NaN for one effect."""
        q = len(self)
        return float(self.standard_errors_of_differences.sum()) / (q * (q - 1)) if q > 1 else math.nan

    @property
    def mean_variance_of_difference(self) -> float:
        """Mean of the squared SED over all pairs; NaN for one effect."""
        return _mean_difference(self.error_covariance)

    @property
    def mean_reliability(self) -> float:
        """Mean of the reliabilities."""
        return float(self.reliability.mean())

    def table(self) -> list[Row]:
        columns = (self.prediction_error_variance, self.reliability)
        values = zip(self.levels, *(column.tolist() for column in columns), strict=True)
        return [{"level": level, "pev": pev, "reliability": share} for level, pev, share in values]

    def _title(self) -> str:
        return (
            f"Predictions of {self.term} ({plural(len(self), 'level')}): mean SED {self.mean_sed:.4g}, mean "
            f"reliability {self.mean_reliability:.3f}, H2 {self.cullis:.3f} (Cullis), "
            f"{self.generalised:.3f} (generalised)"
        )


def accuracies(evaluation: Evaluation, most: int | None = None) -> dict[str, Accuracy]:
    """Accuracy of every term Z G Z' of the outer sum of V.

    Args:
        evaluation: V at the values of its parameters.
        most: terms with more effects are left out; None leaves out none.

    Raises:
        InvalidModel: a term has too many effects for their errors to be taken together.
    """
    return {
        path: _accuracy(evaluation, term)
        for path, term in random_terms(evaluation).items()
        if most is None or term.columns <= most
    }


def _accuracy(evaluation: Evaluation, term: RandomTerm) -> Accuracy:
    q = term.columns
    if q > EFFECTS:
        raise InvalidModel(
            f"{term.path} has {q} effects: the errors of up to {EFFECTS} are taken together. Ask for "
            "random_effects, whose errors are taken one by one."
        )
    g = term.covariance_times(torch.eye(q, dtype=torch.float64))
    explained = _explained(evaluation, term, g)
    errors = g - explained
    variance = torch.diagonal(g).clone()
    reliability = torch.where(variance > 0.0, torch.diagonal(explained) / variance, torch.nan)
    prior = _mean_difference(g)
    cullis = 1.0 - _mean_difference(errors) / prior if prior > 0.0 else math.nan
    return Accuracy(term.path, term.levels, variance, errors, reliability, cullis, _generalised(g, explained))


def _explained(evaluation: Evaluation, term: RandomTerm, g: Tensor) -> Tensor:
    """G Z'PZ G, (q, q)."""
    point = evaluation.point
    if isinstance(point, PredictsTogether):
        for piece in evaluation.variance.pieces:
            errors = point.error_covariance(piece) if piece.path == term.path else None
            if errors is not None and errors.shape == g.shape:
                return g - errors.cpu()
    found, width = torch.empty_like(g), max(1, BLOCK // evaluation.problem.n)
    for first in range(0, len(g), width):
        some = slice(first, first + width)
        found[:, some] = g.mT @ term.of_effects(evaluation.project(term.of_rows(g[:, some])))
    return 0.5 * (found + found.mT)


def _differences(c: Tensor) -> Tensor:
    diagonal = torch.diagonal(c)
    return diagonal[:, None] + diagonal[None, :] - 2.0 * c


def _mean_difference(c: Tensor) -> float:
    """Mean over pairs of c_ii + c_jj - 2 c_ij; NaN for one."""
    q = len(c)
    if q < 2:
        return math.nan
    return 2.0 * float(q * torch.diagonal(c).sum() - c.sum()) / (q * (q - 1))


def _generalised(g: Tensor, explained: Tensor) -> float:
    """Mean of the squared canonical correlations of effects and predictions that are not 0."""
    eigenvalues, vectors = torch.linalg.eigh(0.5 * (g + g.mT))
    kept = eigenvalues > SINGULAR * float(eigenvalues.abs().max())
    if not bool(kept.any()):
        return math.nan
    half = vectors[:, kept] / eigenvalues[kept].sqrt()
    shares = torch.linalg.eigvalsh(half.mT @ explained @ half)
    told = shares > UNTOLD
    return float(shares[told].mean()) if bool(told.any()) else 0.0
