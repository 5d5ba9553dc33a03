"""Quantities derived from the parameters of a fit, such as a heritability, from a typed expression."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from covstudio.covariance import Matrix
from covstudio.document.model.derived import split_name
from covstudio.reml import Fit
from covstudio.reml.fitting.parameter_covariance import ParameterCovariance
from covstudio.reml.inference.functions import Expressions

__all__ = ["LEVEL", "Derivation", "Quantity"]

LEVEL = 0.95


@dataclass(frozen=True)
class Quantity:
    """A function of parameters at the estimates.

    Args:
        text: as it was typed.
        name: what stands before "=", or the expression itself.
        estimate: its value; NaN where there is none.
        standard_error: by the delta method; NaN where there is none.
        lower: lower end of the 95 % interval.
        upper: upper end.
        note: what to know about it.
        error: why it has no value, or "".
    """

    text: str
    name: str
    estimate: float = math.nan
    standard_error: float = math.nan
    lower: float = math.nan
    upper: float = math.nan
    note: str = ""
    error: str = ""


class Derivation:
    """Evaluates expressions at the estimates of a fit, without the data.

    Args:
        matrix: the model of V that was fitted; it is not written out.
        fit: the fit.
        covariance: of the estimates.
    """

    def __init__(self, matrix: Matrix, fit: Fit, covariance: ParameterCovariance) -> None:
        # What expressions ask of a fit that is bound to its data; the data themselves they never touch.
        known: Any = SimpleNamespace(
            v=matrix,
            boundary=fit.boundary,
            natural=np.array(list(fit.params.values()), dtype=np.float64),
            variance=SimpleNamespace(names=tuple(fit.params)),
        )
        self._expressions = Expressions(cast(Any, known))
        self._covariance = covariance

    def quantity(self, text: str) -> Quantity:
        """One expression, which may have a name before "=", at the estimates."""
        name, expression = split_name(text)
        try:
            found = self._expressions.estimate(expression, self._covariance, LEVEL, None)
        except (ValueError, ArithmeticError) as error:
            said = str(error)
            return Quantity(text, name, error=said[:1].upper() + said[1:])
        notes = [note[:1].upper() + note[1:] + "." for note in found.notes]
        return Quantity(
            text, name, found.estimate, found.standard_error, found.lower, found.upper, " ".join(notes)
        )

    def quantities(self, texts: Sequence[str]) -> tuple[Quantity, ...]:
        """Several expressions."""
        return tuple(map(self.quantity, texts))
