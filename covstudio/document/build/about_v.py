"""The problems that concern V, among those of everything on the canvas."""

from __future__ import annotations

from collections.abc import Iterable

from covstudio.document.build.built import Problem
from covstudio.document.model.document import Document
from covstudio.document.model.node import V

__all__ = ["about_v"]


def about_v(document: Document, problems: Iterable[Problem]) -> list[Problem]:
    """The problems of V and of the nodes it is made of; what lies loose on the canvas is no part of it.

    Args:
        document: the model.
        problems: of all of its nodes.
    """
    concerned = {V, *(() if document.v is None else document.subtree(document.v))}
    return [problem for problem in problems if problem.node_id in concerned]
