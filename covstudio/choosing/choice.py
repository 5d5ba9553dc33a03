"""A model chosen step by step: the advisor's candidates are fitted, and the best taken while it is better."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from covstudio.arguments import checked
from covstudio.choosing.advice import PRESENT, Advice, advise
from covstudio.choosing.comparison import Comparison, Criterion
from covstudio.choosing.frames import records_of
from covstudio.choosing.models import Model, fit_of
from covstudio.choosing.running import Heard
from covstudio.data.frames import Frame
from covstudio.fitting import Fitted
from covstudio.notebook.html import block, framed, table_of
from covstudio.reml.inference.tables import aligned
from covstudio.reml.problem.iteration import Cancel

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Choice", "Step", "choose"]


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a choice.

    Attributes:
        advice: what there was to try, and why.
        comparison: the present model beside the candidates, fitted.
        taken: the name of the candidate that was taken; "" where none was better.
    """

    advice: Advice
    comparison: Comparison
    taken: str


@dataclass(frozen=True, eq=False, repr=False)
class Choice:
    """How a model was chosen: `table` has a row for every step, and `best` is the fit that is left.

    Attributes:
        steps: the steps, each with all that was tried.
        best: the fit of the model that was chosen.
        criterion: what it was chosen by.
    """

    steps: tuple[Step, ...]
    best: Fitted
    criterion: Criterion

    @cached_property
    def table(self) -> pd.DataFrame:
        """The steps, one a row.

        Returns:
            "step"; "taken" (what was changed; "none" in the last step, where nothing was better); the
            criterion under its name, and "change"; "tried" (models fitted); "reason".
        """
        import pandas as pd

        rows = []
        for number, step in enumerate(self.steps, 1):
            values = step.comparison.values(self.criterion)
            before = values.get(PRESENT, math.nan)
            at = values.get(step.taken or PRESENT, math.nan)
            reasons = {one.name: one.reason for one in step.advice.candidates}
            rows.append(
                {
                    "step": number,
                    "taken": step.taken or "none",
                    self.criterion: at,
                    "change": at - before,
                    "tried": len(step.advice.candidates),
                    "reason": reasons.get(
                        step.taken, "Nothing is better." if reasons else "Nothing is to be tried."
                    ),
                }
            )
        columns = ["step", "taken", self.criterion, "change", "tried", "reason"]
        return pd.DataFrame(rows, columns=columns)

    def _rows(self) -> list[dict[str, Any]]:
        return records_of(self.table.round(3))

    def __repr__(self) -> str:
        return f"{self._title()}\n{aligned(self._rows())}"

    def _repr_html_(self) -> str:
        return framed(block(self._title()), table_of(self._rows()))

    def _title(self) -> str:
        return f"Chosen by {self.criterion}: {self.best.document.title}"


@checked(own=("model",))
def choose(
    model: Model,
    frame: Frame | None = None,
    *,
    criterion: Criterion = "BIC",
    steps: int = 5,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Heard | None = None,
    cancel: Cancel | None = None,
    **places: Any,
) -> Choice:
    """Take the best of the advisor's candidates while one is better than the model there is.

    It is a way through many models, not a test: what comes out is the best of those that were tried, and
    standard errors and tests of its fit do not know of the search.

    Args:
        model: a fit of `covstudio.fit` to begin with; or a formula or document, which is fitted to the frame.
        frame: the table of a formula or document.
        criterion: "AIC", "BIC" or "cAIC".
        steps: most steps.
        workers: see `Advice.fit`.
        scheduler: likewise.
        progress: likewise.
        cancel: likewise; set, the choice ends with the last whole step.
        **places: what `advise` takes: `time`, `subject`, `field`, `trial`, `weighs`.

    Returns:
        The steps and the fit that is left.

    Example:
        >>> from covstudio import choose, fit
        >>> from covstudio.data import load_example
        >>> found = choose(fit("yield ~ rep + (1 | gen)", load_example("john_alpha")))
        >>> found.table["taken"].tolist()
        ['AR(1) over row within rep in place of the residual', 'none']
    """
    if steps < 1:
        raise ValueError(f"steps is a whole number of 1 or more, and is {steps}.")
    made: list[Step] = []
    best = fit_of(model, frame)
    for _ in range(steps):
        advice = advise(best, **places)
        found = advice.fit(workers=workers, scheduler=scheduler, progress=progress, cancel=cancel)
        if cancel is not None and cancel.is_set():
            break
        taken = _better(found, criterion)
        made.append(Step(advice, found, taken))
        if not taken:
            break
        better = found[taken]
        assert isinstance(better, Fitted), "candidates are fits with their table"
        best = better
    return Choice(tuple(made), best, criterion)


def _better(found: Comparison, criterion: Criterion) -> str:
    """The candidate that a criterion prefers to the present model; "" for none."""
    values = found.values(criterion)
    if not values:
        return ""
    name = min(values, key=lambda one: values[one])
    return name if name != PRESENT and values[name] < values.get(PRESENT, math.inf) - 1e-6 else ""
