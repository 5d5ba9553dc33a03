"""Problems of the model as the page is told of them, and their repairs."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from covstudio.covariance import declaration
from covstudio.document.build import repairs
from covstudio.document.build.built import Build, Problem
from covstudio.document.changes.all import Change
from covstudio.document.model.document import Document
from covstudio.studio.session.messages import Edit
from covstudio.studio.session.shared import Repair, ShownProblem
from covstudio.studio.session.store import Store

#: Found repairs, as long as what was built lives: finding them builds the model once for each.
_FOUND: WeakKeyDictionary[Build, dict[Problem, tuple[repairs.Repair, ...]]] = WeakKeyDictionary()

#: The most problems of a model that have repairs, and the most nodes in all models that are built for one of
#: each: in a large model that is being taken apart nobody waits. The selected node has repairs in any case.
MENDED, BUILT = 8, 200


class ModelProblem(ShownProblem, frozen=True):
    """A problem as the page lists it, with its node's name; one of the whole model stands under V."""

    node: str | None
    name: str
    field: str | None
    repairs: list[Repair]


class RepairProblem(Edit, frozen=True):
    """A problem of a node, or of V, is to be mended by the repair of this label."""

    node: str | None
    label: str


def model_problem(store: Store, problem: Problem) -> ModelProblem:
    """A problem of a session's model with the name of its node and what mends it."""
    node = store.document.nodes.get(problem.node_id)
    offered = [
        Repair(label=found.label, takes=_leaves_fewer(store.document, found.change))
        for found in _repairs(store, problem)
    ]
    if not offered and _is_of_the_table(store, problem):
        offered.append(Repair(label="Load a table" if store.table is None else "Open Data", tab="data"))
    return ModelProblem(
        node=problem.node_id if node else None,
        name=node.name if node else "V",
        text=problem.message,
        severity=problem.severity,
        field=problem.field,
        repairs=offered,
    )


def mend(store: Store, wanted: RepairProblem) -> None:
    """Do a repair, as one step; say so where there is nothing to repair any more."""
    for problem in store.problems:
        node = problem.node_id if problem.node_id in store.document.nodes else None
        if node != wanted.node:
            continue
        for found in _repairs(store, problem):
            if found.label == wanted.label:
                store.dispatch(found.change)
                return
    store.notify("The model is another one by now; the list of problems says what is left.", "info")


def _repairs(store: Store, problem: Problem) -> tuple[repairs.Repair, ...]:
    known = _FOUND.setdefault(store.build, {})
    if problem not in known:
        most = min(MENDED, max(1, BUILT // max(1, len(store.document.nodes))))
        if len(known) >= most and problem.node_id not in store.selection:
            return ()
        known[problem] = repairs.repairs(store.document, store.table, store.build, problem)
    return known[problem]


def _leaves_fewer(document: Document, change: Change) -> bool:
    return len(change.apply(document).nodes) < len(document.nodes)


def _is_of_the_table(store: Store, problem: Problem) -> bool:
    """Whether a problem is mended where tables are loaded and columns have roles."""
    node = store.document.nodes.get(problem.node_id)
    if node is None:
        return problem.field in ("data", "response")
    kinds = {argument.name: argument.kind for argument in declaration(node.kind).arguments}
    return store.table is None and kinds.get(problem.field or "") in ("factors", "coordinates", "size")
