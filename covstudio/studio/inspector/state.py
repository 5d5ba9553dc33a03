"""The state of the inspector, computed from the store as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from covstudio.covariance import Argument, Declaration, declaration
from covstudio.covariance.core.catalogue import meaning_key
from covstudio.document.build.build import ParameterRef
from covstudio.document.model.arguments import document_default, write_indices
from covstudio.document.model.node import Columns, Levels, Node, Rows, Values
from covstudio.document.sizes.infer import SizeOrigin
from covstudio.studio.inspector.problems import problem_state
from covstudio.studio.inspector.scales import allows_zero, scale_of
from covstudio.studio.session.resources import katex_address
from covstudio.studio.session.store import Store
from covstudio.studio.session.texts import parameter_label, shape_text

#: Entries of a literal matrix or of written values that a text field can reasonably hold.
MAX_WRITTEN = 4000


def parameter_key(ref: ParameterRef) -> str:
    """A parameter's name in the messages between page and server."""
    return f"{ref.node_id} {ref.name}"


def inspector_state(store: Store) -> dict[str, Any]:
    """Everything the inspector draws.

    Args:
        store: the session.

    Returns:
        {"mode": "node" | "several" | "model" | "empty", ...} as the script `assets/inspector.js` expects it.
    """
    selected = [store.document.nodes[i] for i in store.selection if i in store.document.nodes]
    if len(selected) == 1:
        return _node_state(store, selected[0])
    if selected:
        return {
            "mode": "several",
            "nodes": [
                {"id": node.id, "name": node.name, "title": declaration(node.kind).title} for node in selected
            ],
        }
    if not store.document.nodes:
        return {"mode": "empty", "table": None if store.table is None else store.table.name}
    return _model_state(store)


# --- one node -------------------------------------------------------------------------------------


def _node_state(store: Store, node: Node) -> dict[str, Any]:
    declared = declaration(node.kind)
    path = store.build.paths.get(node.id)
    return {
        "mode": "node",
        "id": node.id,
        "name": node.name,
        "path": path,
        "role": declared.kind,
        "title": declared.title,
        "category": declared.category,
        "summary": declared.summary,
        "formula": declared.formula,
        "symbol": declared.symbol,
        "katex": katex_address(),
        "shape": shape_text(store.build.sizes.get(node.id)),
        "indefinite": _indefinite(store, node.id),
        "reference": declared.reference,
        "elsewhere": elsewhere(declared),
        "problems": [problem_state(store, p) for p in store.problems if p.node_id == node.id],
        "arguments": [_argument_state(store, node, declared, argument) for argument in declared.arguments],
        "operands": _operands(store, node, declared),
        "parameters": parameter_states(store, node.id, store.node_parameters(node.id)),
    }


def elsewhere(declared: Declaration) -> list[dict[str, Any]]:
    """What other systems call a structure, and how it is asked for there."""
    systems = dict.fromkeys((*declared.aliases, *declared.usage))
    return [
        {
            "system": system,
            "names": [name for name in declared.aliases.get(system, ()) if name != declared.name],
            "usage": declared.usage.get(system, ""),
        }
        for system in systems
        if declared.usage.get(system) or set(declared.aliases.get(system, ())) - {declared.name}
    ]


def _indefinite(store: Store, node_id: str) -> bool:
    """True for a square matrix that is no covariance for some values of its parameters.

    A design matrix never means to be one.
    """
    matrix = store.build.matrices.get(node_id)
    design = declaration(store.document.nodes[node_id].kind).category == "Design"
    return matrix is not None and not design and matrix.shape[0] == matrix.shape[1] and not matrix.psd


def _operands(store: Store, node: Node, declared: Declaration) -> list[dict[str, Any]]:
    slots = {slot.name: slot for slot in declared.slots}
    rows = []
    for name, child in node.operands:
        slot = slots.get(name)
        rows.append(
            {
                "slot": slot.label if slot else f"Operand {name}" if child else "Free slot",
                "help": slot.help if slot else "",
                "child": child,
                "name": store.document.nodes[child].name if child else None,
                "shape": shape_text(store.build.sizes.get(child)) if child else None,
            }
        )
    return rows


def _argument_state(store: Store, node: Node, declared: Declaration, argument: Argument) -> dict[str, Any]:
    value = node.arguments.get(argument.name, document_default(declared, argument))
    state: dict[str, Any] = {
        "name": argument.name,
        "kind": argument.kind,
        "label": argument.label,
        "help": argument.help,
        "minimum": argument.minimum,
        "set": argument.name in node.arguments,
        "optional": argument.optional,
    }
    if argument.kind == "size":
        state |= _size_state(store, value, store.build.origins.get((node.id, argument.name)))
    elif argument.kind in ("factors", "coordinates"):
        state |= _columns_state(store, argument, value)
    elif argument.kind == "matrix":
        state |= _matrix_state(value)
    elif argument.kind == "choice":
        state |= {"value": value, "choices": list(argument.choices)}
    elif argument.kind == "indices":
        state |= {"value": write_indices(value) if isinstance(value, tuple) else ""}
    else:
        state |= {"value": value}
    return state


def _size_state(store: Store, value: Any, found: SizeOrigin | None) -> dict[str, Any]:
    mode = {Rows: "rows", Levels: "levels", int: "number"}.get(type(value), "auto")
    if mode == "number":
        origin = ""
    elif found is None:
        origin = "Not known yet: wire the node in, or give it a size."
    else:
        origin = f"{found.text}{' (a guess: nothing says so)' if found.guessed else ''}"
    return {
        "mode": mode,
        "origin": origin,
        "number": value if mode == "number" else 4 if found is None else found.value,
        "columns": list(value.columns) if isinstance(value, Levels) else [],
        "choices": [
            {"name": name, "role": store.document.roles.get(name, "ignored")}
            for name in factor_candidates(store)
        ],
        "rows": None if store.table is None else store.table.n,
    }


def factor_candidates(store: Store) -> list[str]:
    """Columns that can be read as labels: factors first, then the rest in the table's order."""
    if store.table is None:
        return list(store.document.roles)
    roles = store.document.roles
    return sorted(store.table.columns, key=lambda name: roles.get(name) != "factor")


def _columns_state(store: Store, argument: Argument, value: Any) -> dict[str, Any]:
    roles = store.document.roles
    names = factor_candidates(store)
    if argument.kind == "coordinates":
        names = sorted(names, key=lambda name: roles.get(name) != "covariate")
        if store.table is not None:
            names = [name for name in names if store.table.is_numeric(name)]
    chosen = list(value.names) if isinstance(value, Columns) else []
    least, most = argument.columns if argument.kind == "coordinates" else (1, None)
    return {
        "columns": chosen,
        "least": least,
        "most": most,
        "choices": [
            {"name": name, "role": roles.get(name, "ignored")}
            for name in [*names, *(c for c in chosen if c not in names)]
        ],
        "table": store.table is not None,
        "written": _written(value) if isinstance(value, Values) else "",
        "count": len(value.columns[0]) if isinstance(value, Values) and value.columns else None,
    }


def _written(value: Values) -> str:
    """Written values as a person types them: one column apart by commas, several one row a line."""
    if sum(map(len, value.columns)) > MAX_WRITTEN:
        return ""
    if len(value.columns) == 1:
        return ", ".join(map(_plain, value.columns[0]))
    return "\n".join(" ".join(map(_plain, row)) for row in zip(*value.columns, strict=True))


def _plain(item: str | float) -> str:
    """A label as it is, a number without digits that say nothing."""
    return item if isinstance(item, str) else repr(item).removesuffix(".0")


def _matrix_state(value: Any) -> dict[str, Any]:
    rows = value or ()
    cells = sum(len(row) for row in rows)
    text = (
        "\n".join(" ".join(f"{entry:.12g}" for entry in row) for row in rows) if cells <= MAX_WRITTEN else ""
    )
    return {
        "text": text,
        "shape": shape_text((len(rows), len(rows[0])) if rows else None),
        "large": cells > MAX_WRITTEN,
    }


# --- parameters -----------------------------------------------------------------------------------


def parameter_states(store: Store, node_id: str, refs: Iterable[ParameterRef]) -> list[dict[str, Any]]:
    """Parameters of one node as rows of the inspector; the first of each kind has a note on what it means."""
    defaults = _defaults(store, node_id)
    declared = declaration(store.document.nodes[node_id].kind)
    rows, said = [], set()
    for ref in refs:
        key = meaning_key(declared, ref.name)
        text = "" if key is None else declared.parameters[key]
        rows.append(
            _parameter_state(store, ref, defaults[ref.name])
            | {"meaning": text, "note": "" if key in said else text}
        )
        said.add(key)
    return rows


def _parameter_state(store: Store, ref: ParameterRef, default: float) -> dict[str, Any]:
    low, high = ref.transform.bounds
    return {
        "key": parameter_key(ref),
        "node": ref.node_id,
        "param": ref.name,
        "label": parameter_label(ref.name),
        "path": ref.path,
        "value": ref.natural,
        "raw": store.raw(ref),
        "fixed": ref.fixed,
        "default": default,
        "changed": ref.name in store.document.nodes[ref.node_id].values,
        "scale": scale_of(ref.transform, ref.natural, default).as_dict(),
        "low": low,
        "high": high,
        "zero": allows_zero(ref.transform),
    }


def _defaults(store: Store, node_id: str) -> dict[str, float]:
    """The natural values that a node's own parameters have while nobody has set them."""
    matrix = store.build.matrices.get(node_id)
    parameters = () if matrix is None else matrix.parameters
    return {parameter.name: float(parameter.value) for parameter in parameters if "/" not in parameter.name}


def values_state(store: Store, refs: tuple[ParameterRef, ...]) -> dict[str, list[float]]:
    """Parameter key -> [natural, raw] at present, for parameters the page already shows."""
    return {parameter_key(ref): [ref.natural, store.raw(ref)] for ref in refs}


# --- the whole model ------------------------------------------------------------------------------


def _model_state(store: Store) -> dict[str, Any]:
    by_node: dict[str, list[ParameterRef]] = {}
    for ref in store.parameters():
        by_node.setdefault(ref.node_id, []).append(ref)
    groups = []
    for node_id, refs in by_node.items():
        node = store.document.nodes[node_id]
        place = refs[0].path.rpartition("/")[0]
        groups.append(
            {
                "node": node_id,
                "name": " › ".join(place.split("/")) if place else node.name,
                "title": declaration(node.kind).title,
                "parameters": parameter_states(store, node_id, refs),
            }
        )
    v = store.build.v
    return {
        "mode": "model",
        "shape": shape_text(None if v is None else (v.shape[0], v.shape[1])),
        "problems": [problem_state(store, problem) for problem in store.problems],
        "groups": groups,
        "free": sum(not ref.fixed for ref in store.build.parameters),
        "fixed": sum(ref.fixed for ref in store.build.parameters),
    }


def shown_parameters(store: Store) -> tuple[ParameterRef, ...]:
    """The parameters the inspector shows at present."""
    selected = [i for i in store.selection if i in store.document.nodes]
    if len(selected) == 1:
        return store.node_parameters(selected[0])
    return () if selected else store.parameters()
