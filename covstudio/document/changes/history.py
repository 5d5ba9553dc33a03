"""Undo and redo: the document with its past and its future, frozen."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from covstudio.document.changes.all import Change, ChangeError
from covstudio.document.model.document import Document

MAX_STEPS = 500


@dataclass(frozen=True)
class Step:
    """A document that undo or redo goes back to, and what the way there is called.

    Args:
        document: the document.
        label: what was done, or is done again.
        another_model: whether the way leads to another model.
    """

    document: Document
    label: str
    another_model: bool = False


@dataclass(frozen=True)
class History:
    """A document, what it was and what was undone.

    Args:
        present: the document.
        past: earlier documents, oldest first; the label says what was done to them.
        future: documents that were undone, the next redo last; the label says what redo does again.
        merge_key: the key of the last change, while another change with that key would join its step.

    Example:
        >>> from covstudio.document.changes.all import SetTitle
        >>> history = History(Document()).apply(SetTitle("Oats"))
        >>> history.present.title, history.undo_label, history.undo().present.title
        ('Oats', 'Set the title', 'Untitled model')
    """

    present: Document = field(default_factory=Document)
    past: tuple[Step, ...] = ()
    future: tuple[Step, ...] = ()
    merge_key: str | None = None

    def apply(self, change: Change) -> History:
        """The history with one change more.

        A change that alters nothing makes no step and keeps the future. A change that is not undoable is
        applied to the past and the future too, wherever it fits, so that undo never takes it back.

        Raises:
            ChangeError: when the change does not fit; this history stays as it was.
        """
        document = change.apply(self.present)
        if document == self.present:
            return self
        if not change.undoable:
            return replace(
                self,
                present=document,
                past=tuple(_rebased(step, change) for step in self.past),
                future=tuple(_rebased(step, change) for step in self.future),
            )
        if change.merge_key is not None and change.merge_key == self.merge_key:
            return replace(self, present=document)
        step = Step(self.present, change.described(self.present), change.another_model)
        return History(document, (*self.past, step)[-MAX_STEPS:], (), change.merge_key)

    def undo(self) -> History:
        """One step back; the same history when there is none."""
        if not self.past:
            return self
        step = self.past[-1]
        return History(step.document, self.past[:-1], (*self.future, replace(step, document=self.present)))

    def redo(self) -> History:
        """One step forward again; the same history when there is none."""
        if not self.future:
            return self
        step = self.future[-1]
        return History(step.document, (*self.past, replace(step, document=self.present)), self.future[:-1])

    @property
    def can_undo(self) -> bool:
        """True when there is a step to take back."""
        return bool(self.past)

    @property
    def can_redo(self) -> bool:
        """True when a step was taken back."""
        return bool(self.future)

    @property
    def undo_label(self) -> str:
        """What undo takes back, or ""."""
        return self.past[-1].label if self.past else ""

    @property
    def redo_label(self) -> str:
        """What redo does again, or ""."""
        return self.future[-1].label if self.future else ""


def _rebased(step: Step, change: Change) -> Step:
    try:
        return replace(step, document=change.apply(step.document))
    except ChangeError:
        return step
