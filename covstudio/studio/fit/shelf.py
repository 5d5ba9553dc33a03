"""The fits of a session: each stays with the models it belongs to, through undo and redo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from covstudio.document.model.document import Document
from covstudio.studio.fit.kept import KeptFit

#: So many fits are kept, the latest ones.
MOST = 12


@dataclass(frozen=True, eq=False)
class _Place:
    kept: KeptFit
    opened: Document | None


class Shelf:
    """The latest fits, each with the document that was opened before it.

    A model that was opened, or started from a template, shows no fit of the model before it.
    """

    def __init__(self) -> None:
        self._places: list[_Place] = []

    def put(self, kept: KeptFit, opened: Document | None) -> None:
        """Keep a fit, in the place of an earlier state of it.

        Args:
            kept: the fit.
            opened: what was opened last before the fit; None for nothing.
        """
        others = [place for place in self._places if place.kept.number != kept.number]
        self._places = sorted([*others, _Place(kept, opened)], key=lambda place: place.kept.number)[-MOST:]

    def update(self, kept: KeptFit) -> None:
        """Keep what was asked beyond a fit since."""
        for place in self._places:
            if place.kept.number == kept.number:
                self.put(kept, place.opened)
                return

    def clear(self) -> None:
        """Keep none."""
        self._places = []

    def choose(
        self, shown: KeptFit | None, opened: Document | None, fits: Callable[[KeptFit], bool]
    ) -> KeptFit | None:
        """The fit to show: one of this model if there is one, else the one that is shown already.

        Args:
            shown: the fit that is shown now.
            opened: what was opened last.
            fits: whether a fit is one of the present model, but for values.

        Returns:
            `shown` wherever it does; None where nothing was fitted since the model was opened.
        """
        known = [place.kept for place in self._places if place.opened is opened]
        shown = next((kept for kept in known if shown is not None and kept.number == shown.number), None)
        if shown is not None and fits(shown):
            return shown
        return next((kept for kept in reversed(known) if fits(kept)), shown or (known[-1] if known else None))
