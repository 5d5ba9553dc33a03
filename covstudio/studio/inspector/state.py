"""The state of the inspector, computed from the store as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from covstudio.covariance import Argument, Declaration, declaration
from covstudio.covariance.core.catalogue import meaning_key
from covstudio.covariance.core.letters import parameter_label
from covstudio.data.relation import KINDS
from covstudio.document.build.built import ParameterRef
from covstudio.document.model.arguments import document_default, write_indices
from covstudio.document.model.node import Columns, Levels, Node, Related, Rows, Values
from covstudio.document.sizes.infer import SizeOrigin
from covstudio.studio.inspector.listing import FIRST, Listing
from covstudio.studio.inspector.messages import (
    ArgumentField,
    ChoiceField,
    ColumnChoice,
    CoordinatesField,
    Elsewhere,
    EmptyPage,
    FactorsField,
    FlagField,
    IndicesField,
    IntegerField,
    MatrixField,
    ModelPage,
    MovedParameter,
    NodePage,
    NumberField,
    Operand,
    ParameterGroup,
    ParameterRow,
    SelectedNode,
    SeveralPage,
    SizeField,
)
from covstudio.studio.inspector.problems import model_problem
from covstudio.studio.inspector.scales import allows_zero, scale_of
from covstudio.studio.inspector.standing import standing
from covstudio.studio.session.resources import katex_address
from covstudio.studio.session.store import Store
from covstudio.studio.session.texts import shape_text

#: Entries of a literal matrix or of written values that a text field can reasonably hold.
MAX_WRITTEN = 4000


def parameter_key(ref: ParameterRef) -> str:
    """A parameter's name in the messages between page and server."""
    return f"{ref.node_id} {ref.name}"


Page = NodePage | SeveralPage | ModelPage | EmptyPage


def inspector_page(store: Store, listing: Listing | None = None) -> Page:
    """What the inspector shows: the selected node, several, the whole model, or how to begin.

    Args:
        store: the session.
        listing: which parameters are listed; the first ones when left out.
    """
    listing = listing or Listing()
    selected = [store.document.nodes[i] for i in store.selection if i in store.document.nodes]
    if len(selected) == 1:
        return _node_page(store, selected[0], listing)
    if selected:
        return SeveralPage(
            nodes=[
                SelectedNode(id=node.id, name=node.name, title=declaration(node.kind).title)
                for node in selected
            ]
        )
    if not store.document.nodes:
        return EmptyPage(table=None if store.table is None else store.table.name)
    return _model_page(store, listing)


# --- one node -------------------------------------------------------------------------------------


def _node_page(store: Store, node: Node, listing: Listing) -> NodePage:
    declared = declaration(node.kind)
    own = store.node_parameters(node.id)
    found = listing.found(own, "")
    return NodePage(
        id=node.id,
        name=node.name,
        path=store.build.paths.get(node.id),
        role=declared.kind,
        title=declared.title,
        summary=declared.summary,
        standing=standing(store, node.id),
        formula=declared.formula,
        symbol=declared.symbol,
        katex=katex_address(),
        shape=shape_text(store.build.sizes.get(node.id)),
        indefinite=_indefinite(store, node.id),
        reference=declared.reference,
        elsewhere=elsewhere(declared),
        problems=[model_problem(store, p) for p in store.problems if p.node_id == node.id],
        arguments=[_argument_field(store, node, declared, argument) for argument in declared.arguments],
        operands=_operands(store, node, declared),
        parameters=parameter_rows(store, node.id, listing.shown(node.id, found)),
        count=len(found),
        find=listing.text if len(own) > FIRST else None,
    )


def elsewhere(declared: Declaration) -> list[Elsewhere]:
    """What other systems call a structure, and how it is asked for there."""
    systems = dict.fromkeys((*declared.aliases, *declared.usage))
    return [
        Elsewhere(
            system=system,
            names=[name for name in declared.aliases.get(system, ()) if name != declared.name],
            usage=declared.usage.get(system, ""),
        )
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


def _operands(store: Store, node: Node, declared: Declaration) -> list[Operand]:
    slots = {slot.name: slot for slot in declared.slots}
    rows = []
    for name, child in node.operands:
        slot = slots.get(name)
        rows.append(
            Operand(
                slot=slot.label if slot else f"Operand {name}" if child else "Free slot",
                help=slot.help if slot else "",
                child=child,
                name=store.document.nodes[child].name if child else None,
                shape=shape_text(store.build.sizes.get(child)) if child else None,
            )
        )
    return rows


def _argument_field(store: Store, node: Node, declared: Declaration, argument: Argument) -> ArgumentField:
    value: Any = node.arguments.get(argument.name, document_default(declared, argument))
    about: dict[str, Any] = {
        "name": argument.name,
        "label": argument.label,
        "help": argument.help,
        "given": argument.name in node.arguments,
        "optional": argument.optional,
    }
    match argument.kind:
        case "size":
            found = store.build.origins.get((node.id, argument.name))
            return SizeField(**about, **_size(store, value, found))
        case "factors":
            return FactorsField(**about, **_columns(store, argument, value))
        case "coordinates":
            return CoordinatesField(**about, **_columns(store, argument, value))
        case "matrix":
            chosen = value.name if isinstance(value, Related) else None
            written = _matrix(value if chosen is None else None)
            return MatrixField(**about, **written, tables=_relations(store, argument), table=chosen)
        case "relation":
            name = value.name if isinstance(value, Related) else None
            return ChoiceField(**about, value=name, choices=_relations(store, argument))
        case "choice":
            return ChoiceField(**about, value=value, choices=list(argument.choices))
        case "indices":
            return IndicesField(**about, value=write_indices(value) if isinstance(value, tuple) else "")
        case "flag":
            return FlagField(**about, value=value)
        case "integer":
            return IntegerField(**about, value=value)
        case "number":
            return NumberField(**about, value=value)


def _relations(store: Store, argument: Argument) -> list[str]:
    """The second tables of the model that an argument takes."""
    kinds = argument.choices or KINDS
    return [name for name, relation in store.document.relations.items() if relation.kind in kinds]


def _size(store: Store, value: Any, found: SizeOrigin | None) -> dict[str, Any]:
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
        "choices": _choices(store, factor_candidates(store)),
        "rows": None if store.table is None else store.table.n,
    }


def _choices(store: Store, names: Iterable[str]) -> list[ColumnChoice]:
    return [ColumnChoice(name=name, role=store.document.roles.get(name, "ignored")) for name in names]


def factor_candidates(store: Store) -> list[str]:
    """Columns that can be read as labels: factors first, then the rest in the table's order."""
    if store.table is None:
        return list(store.document.roles)
    roles = store.document.roles
    return sorted(store.table.columns, key=lambda name: roles.get(name) != "factor")


def _columns(store: Store, argument: Argument, value: Any) -> dict[str, Any]:
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
        "choices": _choices(store, [*names, *(c for c in chosen if c not in names)]),
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


def _matrix(value: Any) -> dict[str, Any]:
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


def parameter_rows(store: Store, node_id: str, refs: Iterable[ParameterRef]) -> list[ParameterRow]:
    """Parameters of one node as rows of the inspector; the first of each kind has a note on what it means."""
    defaults = _defaults(store, node_id)
    declared = declaration(store.document.nodes[node_id].kind)
    rows, said = [], set()
    for ref in refs:
        key = meaning_key(declared, ref.name)
        meaning = "" if key is None else declared.parameters[key]
        low, high = ref.transform.bounds
        rows.append(
            ParameterRow(
                key=parameter_key(ref),
                node=ref.node_id,
                param=ref.name,
                label=parameter_label(ref.name),
                path=ref.path,
                value=ref.natural,
                raw=store.raw(ref),
                fixed=ref.fixed,
                default=defaults[ref.name],
                scale=scale_of(ref.transform, ref.natural, defaults[ref.name]),
                low=low,
                high=high,
                zero=allows_zero(ref.transform),
                meaning=meaning,
                note="" if key in said else meaning,
                transform=f"{parameter_label(ref.name)} = {ref.transform.written()}",
            )
        )
        said.add(key)
    return rows


def _defaults(store: Store, node_id: str) -> dict[str, float]:
    """The natural values that a node's own parameters have while nobody has set them."""
    matrix = store.build.matrices.get(node_id)
    parameters = () if matrix is None else matrix.parameters
    return {parameter.name: float(parameter.value) for parameter in parameters if "/" not in parameter.name}


def moved_parameter(store: Store, ref: ParameterRef) -> MovedParameter:
    """The present value of a parameter that the page already shows."""
    return MovedParameter(key=parameter_key(ref), value=ref.natural, raw=store.raw(ref))


# --- the whole model ------------------------------------------------------------------------------


def _model_page(store: Store, listing: Listing) -> ModelPage:
    nodes = store.document.nodes
    by_node: dict[str, list[ParameterRef]] = {}
    for ref in store.parameters():
        by_node.setdefault(ref.node_id, []).append(ref)
    many = len(by_node) > FIRST or any(len(refs) > FIRST for refs in by_node.values())
    found = {node_id: listing.found(refs, nodes[node_id].name) for node_id, refs in by_node.items()}
    listed = [node_id for node_id, refs in found.items() if refs]
    v = store.build.v
    return ModelPage(
        shape=shape_text(None if v is None else (v.shape[0], v.shape[1])),
        problems=[model_problem(store, problem) for problem in store.problems],
        groups=[
            ParameterGroup(
                node=node_id,
                name=nodes[node_id].name,
                title=declaration(nodes[node_id].kind).title,
                parameters=parameter_rows(store, node_id, listing.shown(node_id, found[node_id])),
                count=len(found[node_id]),
            )
            for node_id in listed[: listing.groups]
        ],
        more=max(0, len(listed) - listing.groups),
        find=listing.text if many else None,
        free=sum(not ref.fixed for ref in store.build.parameters),
        fixed=sum(ref.fixed for ref in store.build.parameters),
    )


def listed_rows(page: Page) -> list[ParameterRow]:
    """The parameters that a page lists."""
    if isinstance(page, NodePage):
        return page.parameters
    return [row for group in page.groups for row in group.parameters] if isinstance(page, ModelPage) else []


def present_parameters(store: Store) -> tuple[ParameterRef, ...]:
    """The parameters that the inspector is about at present."""
    selected = [i for i in store.selection if i in store.document.nodes]
    if len(selected) == 1:
        return store.node_parameters(selected[0])
    return () if selected else store.parameters()
