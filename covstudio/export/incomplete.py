"""The reasons why a model has no V yet, for whoever writes it as a program."""

from __future__ import annotations

from covstudio.document.build.build import Build, Problem
from covstudio.document.model.document import Document
from covstudio.document.model.node import V


def problems_of_v(document: Document, built: Build) -> list[Problem]:
    """The problems of V; what lies loose on the canvas is no part of a program.

    Args:
        document: the model.
        built: what was built of it.
    """
    below = set() if document.v is None else set(document.subtree(document.v))
    return [problem for problem in built.problems if problem.node_id in below or problem.node_id == V]


def lacking(document: Document, built: Build) -> tuple[str, ...]:
    """What keeps a model from having a V, whatever it is to be written in.

    Args:
        document: the model.
        built: what was built of it.

    Returns:
        A sentence for each thing, with the name of the node it is about; nothing when V is complete.
    """
    names = {node.id: f"{node.name}: " for node in document.nodes.values()}
    reasons = tuple(
        names.get(one.node_id, "") + one.message
        for one in problems_of_v(document, built)
        if built.v is None or one.severity == "error"
    )
    return reasons or (() if built.v is not None else ("V could not be built.",))
