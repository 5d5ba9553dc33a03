"""The base of every change, and what changes have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from covstudio.covariance import Declaration, UnknownStructure, declaration
from covstudio.data.errors import came
from covstudio.data.roles import ROLES, Role
from covstudio.document.model.arguments import argument_of, check_argument
from covstudio.document.model.document import MAX_TEXT, Document
from covstudio.document.model.node import ArgumentValue, Node, check_name


class ChangeError(ValueError):
    """A change that does not fit the document; the document stays as it was."""


@dataclass(frozen=True, kw_only=True)
class Change(ABC):
    """A change of the document.

    Args:
        label: what undo and redo call it; each change has a good default.
        undoable: False for a change that is no step: it is applied to the past and the future as well.
        merge_key: changes in a row with one key are one step. Give every drag of a slider its own key.
    """

    #: Whether another model takes the place of the present one.
    another_model: ClassVar[bool] = False

    label: str = ""
    undoable: bool = True
    merge_key: str | None = None

    @abstractmethod
    def apply(self, document: Document) -> Document:
        """The changed document.

        Raises:
            ChangeError: when the change does not fit the document.
        """

    def described(self, document: Document) -> str:
        """The label of the step this change makes in `document` (the state before it)."""
        return self.label or self._describe(document)

    @abstractmethod
    def _describe(self, document: Document) -> str: ...


# --- checks --------------------------------------------------------------------------------------


def declared_kind(kind: Any) -> Declaration:
    """The declaration of a structure that a document may hold."""
    try:
        declared = declaration(kind)
    except UnknownStructure as error:
        raise ChangeError(str(error)) from None
    if not declared.palette:
        raise ChangeError(f"{declared.title} holds Python code and cannot be part of a document.")
    return declared


def node_of(document: Document, node_id: str) -> Node:
    """The node with this id."""
    try:
        return document.nodes[node_id]
    except (KeyError, TypeError):
        raise ChangeError(f"There is no node {node_id!r}; it may have been removed.") from None


def checked(check: Any, *arguments: Any) -> Any:
    """What a check makes of its arguments; its ValueError becomes a ChangeError."""
    try:
        return check(*arguments)
    except ValueError as error:
        text = str(error)
        raise ChangeError(text[0].upper() + text[1:] + ("" if text.endswith((".", "?")) else ".")) from None


def argument_value(declared: Declaration, name: str, value: Any) -> ArgumentValue:
    """The value of an argument, checked against its declaration."""
    argument = checked(argument_of, declared, name)
    found: ArgumentValue = checked(check_argument, argument, value)
    return found


def new_name(document: Document, name: Any, own_id: str | None = None) -> str:
    """A name that no other node has."""
    found: str = checked(check_name, name)
    other = document.named(found)
    if other is not None and other.id != own_id:
        raise ChangeError(
            f"There is a node called {found!r} already; parameters are told apart by these names. "
            f"{document.free_name(found)!r} is free."
        )
    return found


def text_of(value: Any, what: str) -> str:
    """Text of a length that a document may hold."""
    if not isinstance(value, str):
        raise ChangeError(f"{what} is text; got {type(value).__name__}.")
    if len(value) > MAX_TEXT:
        raise ChangeError(f"{what} has at most {MAX_TEXT} characters; got {len(value)}.")
    return value


def checked_roles(roles: Mapping[str, Role]) -> dict[str, Role]:
    """Roles of columns, checked."""
    for column, role in roles.items():
        if not isinstance(column, str) or role not in ROLES:
            raise ChangeError(
                f"The role of column {column!r} is one of {', '.join(ROLES)}; got {came(role)}."
            )
    return dict(roles)
