"""Derived quantities of the fit view: expressions that a person types, and their values at the estimates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from covstudio.covariance import Matrix
from covstudio.document.changes.all import SetDerived
from covstudio.estimate import Estimate, Quantity, derive
from covstudio.studio.fit.messages import (
    AddQuantity,
    FitDerivedState,
    FitQuantity,
    RemoveQuantity,
    TryQuantity,
)
from covstudio.studio.session.background import Background
from covstudio.studio.session.channel import Handlers
from covstudio.studio.session.store import Store

MAX_CHARACTERS = 2000


class FitDerived:
    """The document's derived quantities at the latest fit, and one that is being written.

    Args:
        store: the session.
        show: draws the view again.
    """

    def __init__(self, store: Store, show: Callable[[], None]) -> None:
        self._store = store
        self._show = show
        self._matrix: Matrix | None = None
        self._estimate: Estimate | None = None
        self._known: dict[str, Quantity] = {}
        self._draft = ""
        self._tried: Quantity | None = None  # the draft's value
        self._adding = False
        self._refused = False  # the draft was to be added, and has no value
        self._drafts: Background[Quantity] = Background(self._heard_draft)
        self._wanted: Background[tuple[Quantity, ...]] = Background(self._heard_wanted)

    def handlers(self) -> Handlers:
        """Kind of message -> method taking the message."""
        return {TryQuantity: self._try, AddQuantity: self._add, RemoveQuantity: self._remove}

    def begin(self, matrix: Matrix | None, estimate: Estimate) -> None:
        """Take a new fit up.

        Args:
            matrix: the V that was fitted.
            estimate: its fit.
        """
        self._matrix, self._estimate = matrix, estimate
        self._known = {quantity.text: quantity for quantity in estimate.derived}
        if self._draft:
            self._ask_draft()

    @property
    def estimate(self) -> Estimate | None:
        """The fit, with the quantities that the document asks for now."""
        if self._estimate is None:
            return None
        return replace(self._estimate, derived=tuple(self._now()))

    def _now(self) -> list[Quantity]:
        return [self._known[text] for text in self._store.document.derived if text in self._known]

    # --- what a person does -----------------------------------------------------------------------

    def _try(self, message: TryQuantity) -> None:
        self._draft = message.text[:MAX_CHARACTERS].strip()
        self._adding = self._refused = False
        self._ask_draft()

    def _add(self, message: AddQuantity) -> None:
        self._draft = message.text[:MAX_CHARACTERS].strip()
        self._adding = True
        self._ask_draft()

    def _remove(self, message: RemoveQuantity) -> None:
        kept = [text for text in self._store.document.derived if text != message.text]
        if len(kept) < len(self._store.document.derived):
            self._store.dispatch(SetDerived(kept))

    def _ask_draft(self) -> None:
        text, matrix, estimate = self._draft, self._matrix, self._estimate
        if not text or matrix is None or estimate is None:
            self._drafts.forget()
            self._tried, self._adding = None, False
            self._show()
            return
        self._drafts.ask(lambda: derive(matrix, estimate.fit, estimate.inferred, [text])[0])

    def _heard_draft(self, found: Quantity | None) -> None:
        adding, self._adding = self._adding, False
        self._tried = found
        self._refused = adding and found is not None and bool(found.error)
        if found is not None and adding and not found.error:
            self._known[found.text] = found
            self._draft, self._tried = "", None
            if found.text not in self._store.document.derived:
                self._store.dispatch(SetDerived([*self._store.document.derived, found.text]))
        self._show()

    # --- drawing ----------------------------------------------------------------------------------

    def state(self) -> FitDerivedState:
        """Everything the page draws of it."""
        self._ask_wanted()
        tried = self._tried
        return FitDerivedState(
            rows=[_row(quantity) for quantity in self._now()],
            draft=self._draft,
            tried=None if tried is None else _row(tried),
            refused=self._refused,
        )

    def _ask_wanted(self) -> None:
        """Values of what the document asks for and the fit did not know of: after undo, or another file."""
        missing = [text for text in self._store.document.derived if text not in self._known]
        matrix, estimate = self._matrix, self._estimate
        if missing and matrix is not None and estimate is not None:
            self._wanted.ask(lambda: derive(matrix, estimate.fit, estimate.inferred, missing))

    def _heard_wanted(self, found: tuple[Quantity, ...] | None) -> None:
        if found:
            self._known |= {quantity.text: quantity for quantity in found}
            self._show()


def _row(quantity: Quantity) -> FitQuantity:
    return FitQuantity(
        text=quantity.text,
        name=quantity.name,
        estimate=quantity.estimate,
        error=quantity.standard_error,
        lower=quantity.lower,
        upper=quantity.upper,
        note=quantity.note,
        trouble=quantity.error,
    )
