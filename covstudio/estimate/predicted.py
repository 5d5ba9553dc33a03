"""Predicted effects as R's `ranef` has them: a row for every group, a column for every coefficient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from covstudio.arguments import checked
from covstudio.covariance import Matrix, linalg
from covstudio.covariance.linalg.compositions import JOINER
from covstudio.estimate.covariances import factors_of, names_of
from covstudio.reml import Fit
from covstudio.reml.terms.as_effects import effects_of
from covstudio.reml.terms.outer import outer_terms

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ranef"]

#: A group has at most so many coefficients.
MOST = 60
INTERCEPT = "(Intercept)"


@checked
def ranef(
    matrix: Matrix, fit: Fit, what: Literal["effect", "standard_error"] = "effect"
) -> dict[str, pd.DataFrame]:
    """Predicted random effects, or their standard errors, of every random term.

    Args:
        matrix: V, as it was fitted.
        fit: its fit.
        what: "effect", or "standard_error": square roots of the prediction error variances.

    Returns:
        term -> a frame with a row for every group, named after it, and a column for every coefficient.

    Raises:
        ValueError: something else is asked for.

    Example:
        >>> import torch
        >>> from covstudio.covariance import RandomCoefficientsMatrix, ScalarMatrix, Sum
        >>> from covstudio.reml import fit
        >>> x = [0.0, 1.0, 2.0] * 4
        >>> line = RandomCoefficientsMatrix(list("aaabbbcccddd"), columns={"x": x})
        >>> v = Sum(line=line, rest=ScalarMatrix(12))
        >>> y = torch.tensor([1.0, 2, 4, 2, 2, 2, 5, 7, 8, 0, 3, 5], dtype=torch.float64)
        >>> found = ranef(v, fit(v, y, torch.stack([torch.ones(12), torch.tensor(x)], 1)))["line"]
        >>> found.columns.tolist(), found.index.tolist()
        (['Intercept', 'x'], ['a', 'b', 'c', 'd'])
    """
    import pandas as pd

    found: dict[str, pd.DataFrame] = {}
    natural = torch.tensor(list(fit.params.values()), dtype=torch.float64)
    for term in outer_terms(matrix):
        effect, pair = fit.blups.get(term.path), effects_of(term.operand)
        if effect is None or pair is None:
            continue
        values = effect.blup if what == "effect" else effect.standard_error
        z, g = (part.operand for part in pair)
        sides = None
        if isinstance(z, Matrix) and isinstance(g, Matrix):
            own = natural[term.span.start : term.span.stop]
            sides = _sides(z, g, pair[1].own(own))
        if sides is None:
            groups, coefficients, turned = list(effect.levels), [INTERCEPT], False
        else:
            groups, coefficients, turned = sides
        shape = (len(coefficients), len(groups)) if turned else (len(groups), len(coefficients))
        table = values.reshape(shape)
        found[term.path] = pd.DataFrame(
            (table.mT if turned else table).numpy(), index=pd.Index(groups), columns=pd.Index(coefficients)
        )
    return found


def _sides(z: Matrix, g: Matrix, natural: torch.Tensor) -> tuple[list[str], list[str], bool] | None:
    """Groups, coefficients, and whether the coefficients change slowly; None where there is one effect each.

    The coefficients are those that a covariance of its own tells apart, or the columns of a regression.
    """
    factors = list(factors_of(g, natural))
    names = names_of(z, len(factors))
    if len(factors) < 2 or len(names) != len(factors):
        parts = linalg.parts(z, "rowwise product")
        own = [linalg.column_names(one.operand) for one in parts or () if isinstance(one.operand, Matrix)]
        if len(own) != 2 or own[0] is None or own[1] is None:
            return None
        return _named(list(own[0]), list(own[1]), _regression(parts, 0))
    independent = [linalg.kind(factor) == "scalar" or factor.num_params < 2 for factor, _ in factors]
    inner = [k for k, plain in enumerate(independent) if not plain]
    if len(inner) != 1 or inner[0] not in (0, len(factors) - 1) or len(names[inner[0]]) > MOST:
        return None
    k = inner[0]
    rest = [one for j, one in enumerate(names) if j != k]
    groups = [""]
    for level in rest:
        groups = [f"{one}{JOINER}{more}" if one else more for one in groups for more in level]
    return groups, list(names[k]), k == 0


def _named(first: list[str], second: list[str], turned: bool) -> tuple[list[str], list[str], bool] | None:
    groups, coefficients = (second, first) if turned else (first, second)
    return None if len(coefficients) > MOST else (groups, coefficients, turned)


def _regression(parts: object, k: int) -> bool:
    """Whether a factor of a product row by row is no incidence."""
    operand = parts[k].operand  # type: ignore[index]
    return linalg.incidence(operand) is None
