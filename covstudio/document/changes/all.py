"""Everything that can be done to a document, as frozen values with `apply(document) -> Document`.

A change validates before it changes: it returns a new document, or raises `ChangeError` with a sentence that
says what was expected, what came and what to do, and then nothing has changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from covstudio.document.changes.change import Change, ChangeError, checked
from covstudio.document.changes.data import SetChoices, SetData, SetRelation, SetResponse, SetRoles
from covstudio.document.changes.graph import (
    AddNode,
    Connect,
    Disconnect,
    Loosen,
    MoveNodes,
    RemoveNodes,
    Rename,
    SwapOperands,
    default_name,
    refusal,
)
from covstudio.document.changes.settings import (
    SetArgument,
    SetDegrees,
    SetDerived,
    SetDropDependent,
    SetFixed,
    SetFixedEffects,
    SetMethod,
    SetParameters,
    SetTitle,
)
from covstudio.document.model.document import Document, check_forest

__all__ = [
    "AddNode",
    "Batch",
    "Change",
    "ChangeError",
    "Connect",
    "Disconnect",
    "Loosen",
    "MoveNodes",
    "RemoveNodes",
    "Rename",
    "ReplaceDocument",
    "SetArgument",
    "SetChoices",
    "SetData",
    "SetDegrees",
    "SetDerived",
    "SetDropDependent",
    "SetFixed",
    "SetFixedEffects",
    "SetMethod",
    "SetParameters",
    "SetRelation",
    "SetResponse",
    "SetRoles",
    "SetTitle",
    "SwapOperands",
    "default_name",
    "refusal",
]


@dataclass(frozen=True)
class ReplaceDocument(Change):
    """Put another document in the place of this one, as one step that can be undone.

    Args:
        document: a template, or a document that was opened.
    """

    another_model = True

    document: Document

    def apply(self, document: Document) -> Document:
        if not isinstance(self.document, Document):
            raise ChangeError(f"Expected a Document; got {type(self.document).__name__}.")
        checked(check_forest, self.document)
        return self.document

    def _describe(self, document: Document) -> str:
        return f"Open {self.document.title}"


@dataclass(frozen=True)
class Batch(Change):
    """Several changes as one step; when one of them does not fit, none is made.

    Args:
        changes: in order.
    """

    changes: Sequence[Change]

    def apply(self, document: Document) -> Document:
        for change in self.changes:
            document = change.apply(document)
        return document

    def _describe(self, document: Document) -> str:
        if len(self.changes) == 1:
            return self.changes[0].described(document)
        return f"{len(self.changes)} changes"
