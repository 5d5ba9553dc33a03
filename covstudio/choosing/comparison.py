r"""Fits side by side: criteria, and likelihood-ratio tests where models are nested.

Whether a model is a special case of another is not taken on trust: rows, response and fixed effects are
held against each other, and V of the one is looked for among those of the other
(`covstudio.reml.inference.nesting`). Each fit is tested against the largest of the others that is nested
in it. Variances that are zero there stand at an end of their range, so that the statistic is held against
a mixture of chi-squares,

.. math:: \sum_{j=0}^{b} \binom{b}{j} 2^{-b}\,\chi^2_{d-b+j},

:math:`\tfrac12\chi^2_0 + \tfrac12\chi^2_1` where one variance is tested. AIC counts all estimated
parameters, BIC takes the logarithm of all rows, as lme4 has them; the conditional AIC counts the
effective degrees of freedom of the random effects, the estimation of their variances included.

Sources: Self & Liang (1987), JASA 82:605; Stram & Lee (1994), Biometrics 50:1171; Vaida & Blanchard (2005),
Biometrika 92:351; Greven & Kneib (2010), Biometrika 97:773.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

from covstudio.arguments import checked
from covstudio.choosing.difference import Difference
from covstudio.choosing.frames import records_of
from covstudio.choosing.models import Entry, Model, entries_of
from covstudio.choosing.nested import (
    NestedTest,
    estimated,
    incomparable,
    likelihood_ratio_test,
    shown_nested,
)
from covstudio.data.errors import count
from covstudio.data.frames import Frame
from covstudio.estimate import mixture_words
from covstudio.fitting import Fitted
from covstudio.notebook.html import block, framed, table_of
from covstudio.reml import Inference
from covstudio.reml.inference.comparison import Candidate, compare_candidates
from covstudio.reml.inference.tables import aligned

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparison", "Criterion", "NestedTest", "compare"]

Criterion = Literal["AIC", "BIC", "cAIC"]
CRITERIA: tuple[Criterion, ...] = get_args(Criterion)

#: Columns of the table that are printed.
SHOWN = ("model", "parameters", "loglik", "AIC", "BIC", "cAIC", "against", "LR", "distribution", "p")


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Fits side by side. Its numbers are `table`; it prints as a table and shows as one in a notebook.

    Attributes:
        entries: the models in the order in which they were given, those that could not be fitted too.

    Example:
        >>> from covstudio import compare, fit
        >>> from covstudio.data import load_example
        >>> table = load_example("john_alpha")
        >>> blocks = fit("yield ~ rep + (1 | gen) + (1 | rep:block)", table)
        >>> found = compare(fit("yield ~ rep + (1 | gen)", table), blocks, names=["plain", "blocks"])
        >>> found.table[["model", "AIC", "LR", "distribution", "p"]].round(4).values.tolist()[1]
        ['blocks', 105.1938, 8.6058, '½ χ²(0) + ½ χ²(1)', 0.0017]
        >>> found.best("BIC")
        'blocks'
    """

    entries: tuple[Entry, ...]
    _tests: dict[tuple[str, str], NestedTest] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """What the models are called."""
        return tuple(entry.name for entry in self.entries)

    @checked
    def __getitem__(self, name: str) -> Fitted | Inference:
        """The fit of this name.

        Raises:
            KeyError: there is none.
        """
        entry = self._entry(name)
        if entry.model is None:
            raise KeyError(f"{name!r} was not fitted: {entry.error}")
        return entry.model

    def _entry(self, name: str) -> Entry:
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise KeyError(f"there is no model {name!r}, but {', '.join(map(repr, self.names))}")

    @cached_property
    def _candidates(self) -> dict[str, Candidate]:
        """The fits, with log-likelihoods as they are."""
        return {
            one.name: Candidate(one.name, one.told.fit, one.told._binding)
            for one in self.entries
            if one.told is not None
        }

    @cached_property
    def _apart(self) -> dict[str, str]:
        """Fit -> why its likelihood is not comparable with that of the first; "" where it is."""
        found: dict[str, str] = {}
        first: Candidate | None = None
        for name, candidate in self._candidates.items():
            first = first or candidate
            found[name] = "" if candidate is first else incomparable(first, candidate)
        return found

    @cached_property
    def _logliks(self) -> dict[str, float]:
        """Log-likelihoods; those of comparable fits brought to one coding of X."""
        alike = [one for name, one in self._candidates.items() if not self._apart[name]]
        found = {name: one.fit.loglik for name, one in self._candidates.items()}
        if len(alike) > 1:
            told = compare_candidates(alike, 0)
            found |= dict(zip(told.names, told.logliks, strict=True))
        return found

    @cached_property
    def table(self) -> pd.DataFrame:
        """The models, one a row, those that could not be fitted too.

        Returns:
            "model"; "method", "n" (rows), "fixed" (effects), "parameters" (all that are estimated);
            "loglik"; "AIC", "BIC", "cAIC", and "dAIC", "dBIC", "dcAIC", how much more than the least of
            those that converged and are comparable with the first; "against" (the largest model nested in
            this one), "LR", "df", "boundary" (variances that are zero there), "distribution" (what LR is
            held against), "p"; and "note": why a number is missing and what it assumes. What is missing
            is NaN, or "".
        """
        import pandas as pd

        rows = [self._row(entry) for entry in self.entries]
        frame = pd.DataFrame(rows)
        for name in CRITERIA:
            values = self.values(name)
            least = min(values.values(), default=math.nan)
            more = [values.get(one, math.nan) - least for one in frame["model"]]
            frame.insert(list(frame.columns).index(name) + 1, f"d{name}", more)
        return frame

    def _row(self, entry: Entry) -> dict[str, Any]:
        nan = math.nan
        if entry.told is None:
            numbers: dict[str, Any] = dict.fromkeys(("loglik", "AIC", "BIC", "cAIC"), nan)
            sizes: dict[str, Any] = {"method": "", "n": 0, "fixed": 0, "parameters": 0}
            test, notes = NestedTest("", entry.name), [entry.error]
        else:
            fit, candidate = entry.told.fit, self._candidates[entry.name]
            numbers = {
                "loglik": self._logliks[entry.name],
                **{name: self._value(entry.name, name) for name in CRITERIA},
            }
            sizes = {
                "method": fit.method,
                "n": fit.n,
                "fixed": fit.p,
                "parameters": fit.p + candidate.parameters,
            }
            test, untold = self._tested(entry.name), entry.conditional[1]
            apart = self._apart[entry.name]
            notes = [
                *([] if fit.converged else [f"Not converged: {fit.message}"]),
                *([apart] if apart else []),
            ]
            many = fit.p + candidate.parameters
            if many >= fit.n:
                notes.append(
                    f"{many} parameters are estimated from {fit.n} rows: criteria tell nothing of so few."
                )
            notes += [
                *([test.reason] if test.reason and not apart else []),
                *test.notes,
                *([untold] if untold else []),
            ]
        ratio = test.test
        return {
            "model": entry.name,
            **sizes,
            **numbers,
            "against": "" if ratio is None else test.smaller,
            "LR": nan if ratio is None else ratio.statistic,
            "df": nan if ratio is None else float(ratio.df),
            "boundary": nan if ratio is None else float(ratio.boundary),
            "distribution": "" if ratio is None else mixture_words(ratio.df, ratio.boundary),
            "p": nan if ratio is None else ratio.p_value,
            "note": " ".join(dict.fromkeys(notes)),
        }

    def _value(self, name: str, criterion: Criterion) -> float:
        """A criterion of a fit."""
        fit = self._candidates[name].fit
        if fit.p + self._candidates[name].parameters >= fit.n:
            return math.nan
        if criterion == "cAIC":
            return self._entry(name).conditional[0]
        return (fit.aic if criterion == "AIC" else fit.bic) - 2.0 * (self._logliks[name] - fit.loglik)

    @checked
    def values(self, criterion: Criterion = "AIC") -> dict[str, float]:
        """A criterion of the models that converged and are comparable with the first, by their names.

        Args:
            criterion: "AIC", "BIC" or "cAIC".

        Raises:
            ValueError: there is no such criterion.
        """
        if criterion not in CRITERIA:
            raise ValueError(f"The criteria are {', '.join(map(repr, CRITERIA))}; got {criterion!r}.")
        found = {
            name: self._value(name, criterion)
            for name, apart in self._apart.items()
            if not apart and self._candidates[name].fit.converged
        }
        return {name: value for name, value in found.items() if not math.isnan(value)}

    def _tested(self, name: str) -> NestedTest:
        """A fit against another that is nested in it; with the reason where there is none.

        Of those that the trees show to be nested by the names of their terms the largest, else of all.
        """
        own = self._candidates[name]
        smaller = [
            one
            for other, one in self._candidates.items()
            if other != name and estimated(one) < estimated(own)
        ]
        smaller.sort(key=estimated, reverse=True)
        shown = [one for one in smaller if shown_nested(one, own)]
        found = NestedTest("", name)
        for other in shown or smaller:
            asked = self.test(name, other.name)
            if asked.test is not None:
                return asked
            found = found if found.reason else asked
        return found

    @checked
    def test(self, larger: str, smaller: str) -> NestedTest:
        """The likelihood-ratio test of one model against another that is nested in it.

        Args:
            larger: name of a model.
            smaller: name of one that may be a special case of it.

        Returns:
            The test, or why there is none.

        Raises:
            KeyError: there is no such model.

        Example:
            >>> from covstudio import compare
            >>> from covstudio.data import load_example
            >>> formulas = {"gen": "yield ~ rep + (1 | gen)", "block": "yield ~ rep + (1 | rep:block)"}
            >>> found = compare(formulas, frame=load_example("john_alpha"))
            >>> found.test("gen", "block").reason
            'gen has no more parameters than block, so that neither is a special case of the other.'
        """
        for name in (larger, smaller):
            if self._entry(name).told is None:
                return NestedTest(smaller, larger, reason=f"{name} was not fitted.")
        if (larger, smaller) not in self._tests:
            pair = self._candidates[smaller], self._candidates[larger]
            try:
                self._tests[larger, smaller] = likelihood_ratio_test(*pair)
            except (ValueError, ArithmeticError, RuntimeError, MemoryError) as error:
                told = f"Whether {smaller} is nested in {larger} could not be found out: {error}"
                self._tests[larger, smaller] = NestedTest(smaller, larger, reason=told)
        return self._tests[larger, smaller]

    @checked
    def best(self, criterion: Criterion = "AIC") -> str:
        """The name of the model that a criterion prefers, among those that `values` has.

        Args:
            criterion: "AIC", "BIC" or "cAIC".

        Raises:
            ValueError: there is no such criterion, or no model has it.
        """
        values = self.values(criterion)
        if not values:
            why = next((entry.error for entry in self.entries if entry.error), "none converged")
            raise ValueError(f"No model has the criterion {criterion}: {why}")
        return min(values, key=lambda name: values[name])

    @checked
    def difference(self, first: str, second: str) -> Difference:
        """V of one fit beside V of another, entry by entry.

        Args:
            first: name of a fit.
            second: name of another of the same rows.

        Raises:
            KeyError: there is no such fit.
            ValueError: the fits are of other numbers of rows, or V is too large to be written out.
        """
        return Difference.of((first, self[first]), (second, self[second]))

    def _rows(self) -> list[dict[str, Any]]:
        return records_of(self.table[list(SHOWN)])

    def __repr__(self) -> str:
        return "\n".join([self._title(), aligned(self._rows()), *self._notes()])

    def _repr_html_(self) -> str:
        notes = (block(note, quiet=True) for note in self._notes())
        return framed(block(self._title()), table_of(self._rows()), *notes)

    def _title(self) -> str:
        return f"Comparison of {count(len(self.entries), 'model')}"

    def _notes(self) -> list[str]:
        notes = zip(self.table["model"], self.table["note"], strict=True)
        return [f"{name}: {note}" for name, note in notes if note]


@checked(own=("models", "names"))
def compare(
    *models: Model | Mapping[str, Model],
    frame: Frame | None = None,
    names: Sequence[str] | None = None,
    method: Literal["REML", "ML"] | None = None,
) -> Comparison:
    """Fits side by side: AIC, BIC, conditional AIC, and likelihood-ratio tests where models are nested.

    Args:
        models: fits of `covstudio.fit`, `Inference` objects, or formulas or documents, which are fitted
            to the frame; or one mapping of them by name. A model that cannot be fitted is a row with the
            reason.
        frame: the table of formulas and documents.
        names: what to call the models; None for their titles.
        method: "REML" or "ML": fits by the other are fitted again, as fixed effects are compared by ML.
            None takes fits as they are.

    Returns:
        The comparison: `Comparison.table` has the numbers.

    Raises:
        ValueError: there are no models, or names do not suit them.
        TypeError: something is no model, or a formula comes without a frame.

    Example:
        >>> from covstudio.data import load_example
        >>> formulas = ["yield ~ rep + (1 | gen)", "yield ~ rep + (1 | gen) + (1 | rep:blok)"]
        >>> found = compare(*formulas, frame=load_example("john_alpha"))
        >>> found.table["AIC"].round(3).tolist(), "blok" in found.table["note"][1]
        ([111.8, nan], True)

    Reference:
        Self & Liang (1987), JASA 82:605; Greven & Kneib (2010), Biometrika 97:773.
    """
    return Comparison(entries_of(models, frame, names, method))
