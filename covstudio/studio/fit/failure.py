"""The page's account of a fit that ended without estimates."""

from __future__ import annotations

from msgspec import structs

from covstudio.document.build.built import Problem
from covstudio.document.model.node import V
from covstudio.studio.fit.messages import FitFailure
from covstudio.studio.fit.worker import Outcome
from covstudio.studio.inspector.problems import ModelProblem, model_problem
from covstudio.studio.session.spoken import Spoken
from covstudio.studio.session.store import Store


def failure_state(store: Store, spoken: Spoken, failure: Outcome) -> FitFailure:
    """Each problem once, at its first node, or one sentence without any."""
    by_message: dict[str, list[ModelProblem]] = {}
    for node, message in failure.problems:
        problem = Problem(node or V, spoken.sentence(message))
        by_message.setdefault(problem.message, []).append(model_problem(store, problem))
    problems = [
        structs.replace(same[0], name=", ".join(problem.name for problem in same))
        for same in by_message.values()
    ]
    message = "" if problems else spoken.sentence(failure.message)
    return FitFailure(message=message, problems=problems)
