"""The place of a node in its model, in a sentence for whoever meets such a model for the first time."""

from __future__ import annotations

from covstudio.covariance import linalg
from covstudio.document.build.used_columns import node_columns
from covstudio.studio.session.store import Store


def standing(store: Store, node_id: str) -> str:
    """What a node stands for: a term of V, its residual, the Z or the G of effects; "" for anything else.

    Args:
        store: the session.
        node_id: a node of its document.
    """
    matrix = store.build.matrices.get(node_id)
    if matrix is None or node_id not in store.build.paths:
        return ""
    parent = store.document.parent_of(node_id)
    if parent is not None and _how(store, parent[0]) == "congruence":
        z, _ = (child for _, child in store.document.nodes[parent[0]].operands)
        effects = _effects(store, parent[0])
        if node_id != z:
            return f"How the {effects} vary, and what they have in common."
        if linalg.incidence(matrix) is not None:
            return "Says for each row of the data which effect is in it."
        return "Carries the effects into the rows of the data."
    if not _is_term(store, node_id):
        return ""
    if _how(store, node_id) == "congruence":
        return f"A term of V: the {_effects(store, node_id)}. Rows that share one resemble each other."
    if _how(store, node_id) == "sum":
        return ""
    if linalg.kind(matrix) in ("scalar", "diagonal"):
        return (
            "The residual of V: what the other terms and the fixed effects leave of a row, such as errors of "
            "measurement; it is independent of that of any other row."
        )
    return "A term of V over the rows themselves: what they have in common by their places or times."


def _how(store: Store, node_id: str) -> str | None:
    matrix = store.build.matrices.get(node_id)
    found = None if matrix is None else linalg.composition(matrix)
    return None if found is None else found.how


def _is_term(store: Store, node_id: str) -> bool:
    """Whether a node is V, or a summand of it."""
    parent = store.document.parent_of(node_id)
    if parent is None:
        return store.document.v == node_id
    return _how(store, parent[0]) == "sum" and _is_term(store, parent[0])


def _effects(store: Store, product: str) -> str:
    """The effects that a product Z G Z' is of, by the columns of its Z."""
    z = store.document.nodes[product].operands[0][1]
    columns = () if z is None else node_columns(store.document.nodes[z])
    return f"effects of {' and '.join(columns)}" if columns else "random effects"
