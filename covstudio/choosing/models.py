"""Models to be compared: fits as they are, formulas and documents fitted, and what could not be fitted."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Literal

from covstudio.arguments import checked
from covstudio.data.errors import count
from covstudio.data.frames import Frame, table_of
from covstudio.data.tables import Table
from covstudio.document.model.document import Document
from covstudio.estimate import estimate
from covstudio.fitting import Fitted, fit
from covstudio.reml import FitCancelled, Inference
from covstudio.reml import fit as fit_matrix

__all__ = ["Entry", "Failure", "Model", "entries_of", "fit_of", "fitted_to"]


@dataclass(frozen=True)
class Failure:
    """A model that could not be fitted.

    Attributes:
        reason: why, as a sentence.
    """

    reason: str


Model = Fitted | Inference | Document | Failure | str


@dataclass(frozen=True, eq=False)
class Entry:
    """A model of a comparison.

    Attributes:
        name: what it is called.
        model: its fit; None where it could not be fitted.
        error: why it could not.
    """

    name: str
    model: Fitted | Inference | None = None
    error: str = ""

    @cached_property
    def told(self) -> Inference | None:
        """The fit with its model and data."""
        return self.model.inference if isinstance(self.model, Fitted) else self.model

    @cached_property
    def conditional(self) -> tuple[float, str]:
        """The conditional AIC, and why there is none."""
        if self.told is None or not self.told.fit.converged:
            return math.nan, ""
        try:
            found = self.told.conditional_aic
        except (ValueError, ArithmeticError, RuntimeError, MemoryError) as error:
            return math.nan, f"No conditional AIC: {error}"
        return found.value, f"No conditional AIC: {found.note}." if found.note else ""


def entries_of(
    models: Sequence[Any],
    frame: Frame | None,
    names: Sequence[str] | None,
    method: Literal["REML", "ML"] | None,
) -> tuple[Entry, ...]:
    """Models with their names, fitted where they are not yet.

    Args:
        models: see `compare`.
        frame: likewise.
        names: likewise.
        method: likewise.

    Raises:
        ValueError: there are no models, or names do not suit them.
        TypeError: something is no model, or a formula comes without a frame.
    """
    given = list(models)
    if len(given) == 1 and isinstance(given[0], Mapping):
        names = list(map(str, given[0])) if names is None else names
        given = list(given[0].values())
    if not given:
        raise ValueError("There are no models to compare: give fits, or formulas and their frame.")
    if names is not None and (isinstance(names, str) or not isinstance(names, Sequence)):
        raise TypeError(f"Names are a list, one for each model; got {names!r}.")
    if names is not None and len(names) != len(given):
        there = f"{count(len(given), 'model')} and {count(len(names), 'name')}"
        raise ValueError(f"There are {there}: give one for each.")
    if method not in (None, "REML", "ML"):
        raise ValueError(f"A model is fitted by REML or ML; got {method!r}.")
    table = None if frame is None else table_of(frame)
    called = _named([_title(one) for one in given] if names is None else list(map(str, names)))
    if names is not None and len(set(names)) < len(names):
        raise ValueError(f"Names tell models apart, and some are given twice: {', '.join(map(str, names))}.")
    return tuple(_entry(name, one, table, method) for name, one in zip(called, given, strict=True))


def fit_of(model: Any, frame: Frame | None) -> Fitted:
    """A fit with its table: the one that is given, or that of a formula or document to a frame.

    Args:
        model: a fit of `covstudio.fit`, a formula, or a document.
        frame: the table of a formula or document.

    Raises:
        TypeError: it is none of these, or there is a frame too much or too little.
        ValueError: the model cannot be fitted.
    """
    if isinstance(model, Document | str):
        if frame is None:
            raise TypeError(f"{_title(model)!r} is still to be fitted: give its table, too.")
        table = table_of(frame)
        return _of_formula(model, table, None) if isinstance(model, str) else fitted_to(model, table)
    if not isinstance(model, Fitted):
        raise TypeError(
            "What to try next is told of a fit of covstudio.fit, which has its table: fit the model first, "
            f"fit(formula, table). Got {type(model).__name__}."
        )
    if frame is not None:
        raise TypeError("A fit has its table: give it alone, or a formula with a table.")
    return model


def _title(model: Any) -> str:
    if isinstance(model, Fitted):
        return model.document.title
    return model.title if isinstance(model, Document) else model if isinstance(model, str) else "model"


def _named(titles: Sequence[str]) -> list[str]:
    """Titles with a number where they would not tell models apart."""
    found: list[str] = []
    for title in titles:
        name, number = title, 2
        while name in found:
            name, number = f"{title} ({number})", number + 1
        found.append(name)
    return found


def _entry(name: str, model: Any, table: Table | None, method: Literal["REML", "ML"] | None) -> Entry:
    if isinstance(model, Failure):
        return Entry(name, error=model.reason)
    if isinstance(model, Document | str):
        if table is None:
            raise TypeError(f"{name!r} is still to be fitted: give the table, frame=.")
        if isinstance(model, str):
            return guarded(name, partial(_of_formula, model, table, method))
        document: Document = model if method is None else replace(model, method=method)
        return guarded(name, lambda: fitted_to(document, table))
    if isinstance(model, Inference):
        if method in (None, model.fit.method):
            return Entry(name, model)
        return guarded(name, lambda: _again(model, method))
    if isinstance(model, Fitted):
        if method in (None, model.method):
            return guarded(name, lambda: model)
        return guarded(name, lambda: fitted_to(replace(model.document, method=method), model.table))
    if isinstance(model, list | tuple):
        raise TypeError(
            "Models are given one by one, compare(a, b), or as a dict with their names; got a list."
        )
    raise TypeError(
        "compare takes fits of covstudio.fit, Inference objects, formulas and documents, and got a "
        f"{type(model).__name__}. A fit alone does not know its V and X: Inference(fit, v, y, x)."
    )


def _of_formula(text: str, table: Table, method: str | None) -> Fitted:
    found = fit(text, table, method=method)
    assert isinstance(found, Fitted), "a formula and a table give a fit with its table"
    return found


def _again(told: Inference, method: Literal["REML", "ML"]) -> Inference:
    """The same model fitted by another method."""
    y, x = told._binding._data
    found = fit_matrix(told.v, y, x, method=method, x_names=told.names, drop_dependent=bool(told.fit.dropped))
    return Inference(found, told.v, y, x)


@checked
def fitted_to(document: Document, table: Table, **options: Any) -> Fitted:
    """The fit of a document to a table.

    Args:
        document: the model.
        table: the data.
        **options: of `covstudio.estimate.estimate`.

    Raises:
        ModelError: the model cannot be fitted to these data.
    """
    found = estimate(document, table, **options)
    return Fitted(found, document, table, found.notes)


def guarded(name: str, question: Callable[[], Fitted | Inference]) -> Entry:
    """A fit as an entry; what goes wrong in it is the entry's error, and takes no other with it."""
    try:
        entry = Entry(name, question())
        # What cannot be bound to its model again fails here, as a row.
        _ = entry.told
        return entry
    except FitCancelled:
        raise
    except MemoryError:
        return Entry(name, error="Memory ran out during the fit. Use fewer rows, or a simpler model.")
    except (ValueError, ArithmeticError, RuntimeError, ImportError) as error:
        return Entry(name, error=" ".join(str(error).split()) or type(error).__name__)
