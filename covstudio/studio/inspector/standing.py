"""The place of a node in its model, in a sentence for whoever meets such a model for the first time."""

from __future__ import annotations

from covstudio.covariance import Matrix, linalg
from covstudio.covariance.core.letters import parameter_label
from covstudio.document.build.used_columns import node_columns
from covstudio.studio.session.store import Store

#: What multiplies its parts, entry by entry or entries by blocks.
PRODUCTS = ("kronecker product", "entrywise product", "multiple")


def standing(store: Store, node_id: str) -> str:
    """What a node stands for: a term of V, its residual, the Z or the G of effects, a product of variances.

    Args:
        store: the session.
        node_id: a node of its document.

    Returns:
        One or two sentences; "" for anything else.
    """
    return " ".join(said for said in (_place(store, node_id), _multiplied(store, node_id)) if said)


def _place(store: Store, node_id: str) -> str:
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


def _multiplied(store: Store, node_id: str) -> str:
    """That nothing tells variances in a product apart, where a node is that product or has one of them."""
    for product in (node_id, *store.document.ancestors(node_id)):
        scales = _scales(store, product)
        owners = {owner for owner, _ in scales}
        if len(scales) > 1 and node_id in {product, *owners}:
            names = [
                f"{parameter_label(name)} of {store.document.nodes[owner].name}" for owner, name in scales
            ]
            return (
                f"{' and '.join(names)} multiply each other, and data tell no more than their product: fix "
                f"{'one' if len(names) == 2 else 'all but one'} of them."
            )
    return ""


def _scales(store: Store, product: str) -> list[tuple[str, str]]:
    """The free parameters that the factors of a product are proportional to, with their nodes."""
    matrix = store.build.matrices.get(product)
    made = None if matrix is None else linalg.composition(matrix)
    if made is None or made.how not in PRODUCTS:
        return []
    own = [(run.node_id, name) for run in store.build.runs[product] for name in run.names]
    found = []
    for part in made.parts:
        operand = part.operand
        place = linalg.scale_parameter(operand) if isinstance(operand, Matrix) else None
        if place is not None:
            owner, name = own[part.span[place]]
            if name not in store.document.nodes[owner].fixed:
                found.append((owner, name))
    return found
