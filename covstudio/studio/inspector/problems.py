"""Problems of the model as the page is told of them."""

from __future__ import annotations

from typing import Any

from covstudio.document.build.build import Problem
from covstudio.studio.session.store import Store


def problem_state(store: Store, problem: Problem) -> dict[str, Any]:
    """A problem as the page lists it, with its node's name; one of the whole model stands under V."""
    node = store.document.nodes.get(problem.node_id)
    return {
        "node": problem.node_id if node else None,
        "name": node.name if node else "V",
        "message": problem.message,
        "field": problem.field,
        "unfinished": problem.severity == "unfinished",
    }
