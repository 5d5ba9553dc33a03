"""Models fitted side by side: in this process, in processes of their own or on a Dask cluster.

A model that cannot be fitted becomes an entry with the reason and takes none of the others with it, and
so does one that was cancelled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from covstudio.arguments import checked
from covstudio.choosing.models import Entry, fitted_to, guarded
from covstudio.data.tables import Table
from covstudio.document.model.document import Document
from covstudio.registry import Given
from covstudio.reml import FitCancelled, Iteration
from covstudio.reml.problem.iteration import Cancel

__all__ = ["CANCELLED", "Heard", "Progress", "side_by_side"]

CANCELLED = "Cancelled before it was fitted."


@dataclass(frozen=True)
class Progress:
    """How far one of several fits is.

    Attributes:
        name: of the model.
        state: "iteration"; "held", where nothing goes on with it for now, or does again, without a note; or
            "fitted", "failed" or "cancelled", the last that is heard of it.
        iteration: its number.
        loglik: the log-likelihood there; NaN where there is none.
        done: how many models have been fitted, have failed or were cancelled.
        total: of how many.
        note: why it failed, or is held.
    """

    name: str
    state: Literal["iteration", "held", "fitted", "failed", "cancelled"]
    iteration: int = 0
    loglik: float = math.nan
    done: int = 0
    total: int = 0
    note: str = ""


Heard = Callable[[Progress], object]


@dataclass(frozen=True, eq=False)
class _Elsewhere:
    """Fits in other processes, which a layer above knows how to run.

    Args:
        documents: the models by name.
        table: their data.
        workers: how many processes; None for as many as are usual.
        scheduler: address of a Dask cluster; None for processes of this machine.
        progress: see `side_by_side`.
        cancel: likewise.
    """

    documents: Mapping[str, Document]
    table: Table
    workers: int | None
    scheduler: str | None
    progress: Heard
    cancel: Cancel | None

    run = Given("fits.side_by_side", method=True)


@checked
def side_by_side(
    documents: Mapping[str, Document],
    table: Table,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: Heard | None = None,
    cancel: Cancel | None = None,
) -> tuple[Entry, ...]:
    """Fit models to one table.

    Args:
        documents: the models by name.
        table: the data.
        workers: as many processes fit side by side; None for this process, one after the other. In a
            program of your own processes want the guard `if __name__ == "__main__":`.
        scheduler: address of a Dask cluster that fits; None for none.
        progress: called with every `Progress`, in this thread.
        cancel: a token such as a `threading.Event`: set, it ends what is under way.

    Returns:
        An entry for each model, in order: its fit, or why there is none.

    Example:
        >>> from covstudio.data import load_example
        >>> from covstudio.formula import read
        >>> table = load_example("john_alpha")
        >>> texts = {"one": "yield ~ rep + (1 | gen)", "two": "yield ~ rep + (1 | rep:block)"}
        >>> models = {name: read(text, table).document for name, text in texts.items()}
        >>> heard = []
        >>> entries = side_by_side(models, table, progress=heard.append)
        >>> [entry.model.aic < 150 for entry in entries], heard[-1].state, heard[-1].done
        ([True, True], 'fitted', 2)
    """
    hear = progress if progress is not None else _unheard
    if workers is not None and workers < 1:
        raise ValueError(f"workers is a whole number of 1 or more, and is {workers}.")
    if documents and (workers is not None or scheduler is not None):
        found: tuple[Entry, ...] = _Elsewhere(documents, table, workers, scheduler, hear, cancel).run()
        return found
    entries: list[Entry] = []
    for name, document in documents.items():
        entries.append(
            _here(name, document, table, partial(_told, hear, name, entries, len(documents)), cancel)
        )
        last = entries[-1]
        state: Literal["fitted", "failed", "cancelled"] = (
            "fitted" if last.model is not None else "cancelled" if last.error == CANCELLED else "failed"
        )
        hear(Progress(name, state, done=len(entries), total=len(documents), note=last.error))
    return tuple(entries)


def _unheard(progress: Progress) -> None:
    """Nobody listens."""


def _told(hear: Heard, name: str, entries: list[Entry], total: int, at: Iteration) -> None:
    hear(Progress(name, "iteration", at.number, at.loglik, len(entries), total))


def _here(
    name: str, document: Document, table: Table, heard: Callable[[Iteration], object], cancel: Cancel | None
) -> Entry:
    """A fit in this process."""

    def stopped() -> bool:
        return cancel is not None and cancel.is_set()

    def step(at: Iteration) -> None:
        heard(at)
        if stopped():
            raise FitCancelled

    if stopped():
        return Entry(name, error=CANCELLED)
    try:
        return guarded(name, lambda: fitted_to(document, table, callback=step, stopped=stopped))
    except FitCancelled:
        return Entry(name, error=CANCELLED)
