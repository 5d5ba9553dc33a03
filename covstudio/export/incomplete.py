"""The reasons why a model has no V yet, for whoever writes it as a program."""

from __future__ import annotations

from covstudio.document.build.about_v import about_v
from covstudio.document.build.built import Build
from covstudio.document.model.document import Document


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
        for one in about_v(document, built.problems)
        if built.v is None or one.severity == "error"
    )
    return reasons or (() if built.v is not None else ("V could not be built.",))
