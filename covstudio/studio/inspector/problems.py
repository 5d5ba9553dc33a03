"""Problems of the model as the page is told of them."""

from __future__ import annotations

from covstudio.document.build.build import Problem
from covstudio.studio.session.shared import ShownProblem
from covstudio.studio.session.store import Store


class ModelProblem(ShownProblem, frozen=True):
    """A problem as the page lists it, with its node's name; one of the whole model stands under V."""

    node: str | None
    name: str
    field: str | None


def model_problem(store: Store, problem: Problem) -> ModelProblem:
    """A problem of a session's model with the name of its node."""
    node = store.document.nodes.get(problem.node_id)
    return ModelProblem(
        node=problem.node_id if node else None,
        name=node.name if node else "V",
        text=problem.message,
        severity=problem.severity,
        field=problem.field,
    )
