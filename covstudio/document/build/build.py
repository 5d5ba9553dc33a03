"""From a document to matrices, or to problems pinned to the nodes that have them.

Nothing here raises for what a person did: an unfinished or impossible model gives `Problem`s, and every
node that can be built has its matrix.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from covstudio.covariance import Matrix, Transform, declaration
from covstudio.covariance.core.letters import parameter_label
from covstudio.data.errors import listed
from covstudio.data.tables import Table
from covstudio.document.build.budget import check_budget, cost
from covstudio.document.build.construct import combined, construct, resolve
from covstudio.document.build.limits import Unbuilt
from covstudio.document.build.relations import with_relations
from covstudio.document.build.roles import under_choices
from covstudio.document.build.spacing import spaced
from covstudio.document.build.table_facts import TableFacts, facts_of
from covstudio.document.build.used_columns import used_columns
from covstudio.document.model.document import Document
from covstudio.document.model.node import FrozenMap, Levels, Node, V
from covstudio.document.sizes.infer import Shape, SizeOrigin, infer_sizes

Severity = Literal["error", "unfinished"]


#: What is said of a node that is in no slot and not V.
LOOSE = "Not part of V: connect it to an operator, or remove it."


@dataclass(frozen=True)
class Problem:
    """What keeps a node from being built or used.

    Args:
        node_id: the node concerned, or "V" for the model as a whole.
        message: what is wrong and what to do.
        field: the argument or parameter concerned.
        severity: "error", or "unfinished" when nothing is wrong and something is still to come.
    """

    node_id: str
    message: str
    field: str | None = None
    severity: Severity = "error"


@dataclass(frozen=True)
class ParameterRef:
    """One parameter of V and the node it belongs to.

    Args:
        node_id: the node that has it.
        name: its name there, e.g. "sigma^2".
        path: its name in V, e.g. "genotype/g/sigma^2".
        transform: raw to natural.
        natural: its natural value in the document.
        fixed: True for a constant.
    """

    node_id: str
    name: str
    path: str
    transform: Transform
    natural: float
    fixed: bool


@dataclass(frozen=True)
class _Run:
    """Parameters of one node that stand next to each other in a matrix."""

    node_id: str
    names: tuple[str, ...]
    defaults: tuple[float, ...]
    bounds: tuple[tuple[float, float], ...]


@dataclass(frozen=True, eq=False)
class Build:
    """What was built of a document. Matrices depend on its structure and the table, not on parameter values.

    Args:
        matrices: node id -> matrix (float64), for every node that can be built.
        sizes: node id -> shape, also of nodes that could not be built where their shape is known; else None.
        origins: (node id, size argument) -> the size and where it comes from.
        problems: what is wrong or missing, in the order of the nodes.
        v: the matrix that is V, or None.
        paths: node id -> its path in V ("" for V itself), for the nodes below V.
        parameters: every parameter of V, in the order of `v.param_names`.
        table: the rows the model uses (those with a value in every column it needs), or None.
        notes: which rows were left out and why, and which gaps between levels were filled.
        spaced: the document as it was built: the levels of equally spaced positions filled in, second tables
            at hand.
    """

    matrices: Mapping[str, Matrix] = field(default_factory=FrozenMap)
    sizes: Mapping[str, Shape | None] = field(default_factory=FrozenMap)
    origins: Mapping[tuple[str, str], SizeOrigin] = field(default_factory=FrozenMap)
    problems: tuple[Problem, ...] = ()
    v: Matrix | None = None
    paths: Mapping[str, str] = field(default_factory=FrozenMap)
    parameters: tuple[ParameterRef, ...] = ()
    table: Table | None = None
    notes: tuple[str, ...] = ()
    spaced: Document = field(default_factory=Document, repr=False)
    _runs: dict[str, tuple[_Run, ...]] = field(default_factory=dict, repr=False)
    _ranges: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict, repr=False)

    def naturals(self, node_id: str, document: Document) -> Tensor:
        """The natural values of all parameters of a node's matrix, in the order of its `param_names`.

        A value outside its parameter's range (from a file that was edited by hand) counts as the default;
        `value_problems` tells of it.

        Args:
            node_id: a node that was built, or "V".
            document: the document, of the same structure as the one that was built.

        Returns:
            Natural values of free and fixed parameters, (num_params,) float64.

        Raises:
            KeyError: there is no matrix for this node.
        """
        if node_id == V and document.v is not None:
            node_id = document.v
        if node_id not in self.matrices:
            raise KeyError(f"node {node_id!r} has no matrix")
        values: list[float] = []
        for run in self._runs[node_id]:
            own = document.nodes[run.node_id].values
            if not own:
                values.extend(run.defaults)
                continue
            for name, default, (low, high) in zip(run.names, run.defaults, run.bounds, strict=True):
                value = own.get(name, default)
                values.append(value if low <= value <= high else default)
        return torch.tensor(values, dtype=torch.float64)

    def check_value(self, node_id: str, parameter: str, natural: float) -> str | None:
        """Why a natural value does not suit a parameter of a node, or None when it does.

        Args:
            node_id: a node that was built.
            parameter: its own parameter.
            natural: the value.
        """
        low, high = self._bounds(node_id).get(parameter, (-math.inf, math.inf))
        if low <= natural <= high:
            return None
        return f"{parameter_label(parameter)} lies between {low:g} and {high:g}; got {natural:g}."

    def _bounds(self, node_id: str) -> Mapping[str, tuple[float, float]]:
        """The ranges of a node's own parameters."""
        known = self._ranges.get(node_id)
        if known is None:
            own = (run for run in self._runs.get(node_id, ()) if run.node_id == node_id)
            known = {name: one for run in own for name, one in zip(run.names, run.bounds, strict=True)}
            self._ranges[node_id] = known
        return known


def build(document: Document, table: Table | None = None) -> Build:
    """Build every node that can be built.

    Args:
        document: the model.
        table: the data; sizes and labels bound to columns come from it.

    Returns:
        Matrices, sizes and problems.
    """
    table, misfit = under_choices(document, table)
    rows = facts_of(table).complete(used_columns(document))
    problems = [] if rows.problem is None else [Problem(V, rows.problem)]
    if misfit is not None:
        problems.insert(0, Problem(V, misfit, "data"))
    found = spaced(document, rows.facts)
    problems += [Problem(node_id, message, where, "unfinished") for node_id, where, message in found.doubts]
    whole = with_relations(found.document, rows.facts)
    problems += [Problem(node_id, message, where) for node_id, where, message in whole.problems]
    notes = ((rows.note,) if rows.note else ()) + found.notes + whole.notes
    return _Builder(whole.document, rows.facts, problems).build(notes)


def value_problems(build: Build, document: Document) -> tuple[Problem, ...]:
    """Parameter values that lie outside their range; they count as their defaults.

    Args:
        build: what was built of a document of this structure.
        document: the document.
    """
    return tuple(
        Problem(node.id, f"{reason} The default is used instead.", name)
        for node in document.nodes.values()
        for name, value in node.values.items()
        if (reason := build.check_value(node.id, name, value)) is not None
    )


def unused_values(build: Build, document: Document) -> tuple[str, ...]:
    """Sentences about values of parameters that a node may have and does not have at its size.

    Args:
        build: what was built of a document of this structure.
        document: the document.
    """
    found = []
    for node in document.nodes.values():
        if node.id not in build.paths or node.id not in build._runs:
            continue
        own = {name for run in build._runs[node.id] if run.node_id == node.id for name in run.names}
        odd = [name for name in (*node.values, *sorted(node.fixed - node.values.keys())) if name not in own]
        if odd:
            found.append(
                f"{node.name} has no parameter {listed(odd, word='or')} at its size: what the model says of "
                f"{'it' if len(odd) == 1 else 'them'} is not used."
            )
    return tuple(found)


class _Builder:
    def __init__(self, document: Document, facts: TableFacts, problems: list[Problem]) -> None:
        self.document = document
        self.facts = facts
        self.problems = dict.fromkeys(problems)
        self.refused: set[str] = set()
        self.matrices: dict[str, Matrix] = {}
        self.defaults: dict[tuple[str, str], float] = {}
        self.sources: dict[str, dict[str, tuple[str, str]]] = {}

    def build(self, notes: tuple[str, ...]) -> Build:
        document = self.document
        found = infer_sizes(
            document, measure=self._measure, levels=self._levels, rows=self.facts.rows, combine=self._combine
        )
        for guess in found.guesses:
            self._pin(guess.node_id, guess.message, unfinished=True)
        try:
            check_budget(cost(document.nodes.values(), lambda node_id: _known(found.shape(node_id))))
        except Unbuilt as reason:
            self._pin(V, reason.message)
            self.matrices.clear()
        else:
            for root in document.roots():
                for node_id in document.subtree(root):
                    if node_id not in self.matrices:
                        self._add(document.nodes[node_id], found.origins)
        sizes: dict[str, Shape | None] = {}
        for node_id in document.nodes:
            known = _known(found.shape(node_id))
            sizes[node_id] = self.matrices[node_id].shape if node_id in self.matrices else known
        self._check_whole()
        runs = {node_id: self._runs(node_id) for node_id in self.matrices}
        v = None if document.v is None else self.matrices.get(document.v)
        if v is not None and v.shape[0] != v.shape[1]:
            v = None
        order = {node_id: position for position, node_id in enumerate((V, *document.nodes))}
        return Build(
            matrices=FrozenMap(self.matrices),
            sizes=FrozenMap(sizes),
            origins=FrozenMap(found.origins),
            problems=tuple(sorted(self.problems, key=lambda problem: order[problem.node_id])),
            v=v,
            paths=FrozenMap(self._paths()),
            parameters=() if v is None or document.v is None else self._parameters(document.v, v),
            table=self.facts.table,
            notes=notes,
            spaced=document,
            _runs=runs,
        )

    # --- one node ---------------------------------------------------------------------------------

    def _measure(self, node: Node) -> Shape | None:
        self._add(node, {})
        matrix = self.matrices.get(node.id)
        return None if matrix is None else matrix.shape

    def _combine(self, node: Node, shapes: Sequence[Shape | None]) -> Shape | None:
        return combined(self.document, node, self.facts, shapes)

    def _levels(self, levels: Levels) -> int | None:
        try:
            return None if self.facts.table is None else self.facts.size(levels)
        except ValueError:
            return None

    def _add(self, node: Node, origins: Mapping[tuple[str, str], SizeOrigin]) -> None:
        if node.id in self.refused:
            return
        declared = declaration(node.kind)
        try:
            call = resolve(node, self.facts, origins)
            if declared.kind == "operator":
                self._check_slots(node)
            names = self.document.operand_names(node.id)
            operands = {name: self.matrices[child] for child, name in names.items()}
            notes: list[str] = []
            matrix = construct(node, call, operands, notes)
        except Unbuilt as reason:
            self._pin(node.id, reason.message, reason.field, unfinished=reason.unfinished)
            if not reason.unfinished:
                self.refused.add(node.id)
            return
        except KeyError:
            # An operand has a problem of its own, which says all there is to say.
            return
        for note in notes:
            self._pin(node.id, note, unfinished=True)
        self.matrices[node.id] = matrix
        self.sources[node.id] = {name: (node.id, name) for name in matrix.param_names if "/" not in name}
        for child, name in names.items():
            for path, source in self.sources[child].items():
                self.sources[node.id][f"{name}/{path}"] = source

    def _check_slots(self, node: Node) -> None:
        declared = declaration(node.kind)
        filled = len(node.children)
        if declared.variadic and filled < declared.minimum_operands:
            wanted = _NUMBERS.get(declared.minimum_operands, str(declared.minimum_operands))
            have = "" if filled == 0 else f", and has {_NUMBERS.get(filled, filled)}"
            raise Unbuilt(
                f"{declared.title} needs {wanted} operands or more{have}: drag a matrix onto its free slot.",
                unfinished=True,
            )
        if not declared.variadic and node.free_slots:
            labels = {slot.name: slot.label for slot in declared.slots}
            missing = [labels[slot] for slot in node.free_slots]
            what = missing[0] if len(missing) == 1 else f"{', '.join(missing[:-1])} and {missing[-1]}"
            one = len(missing) == 1
            raise Unbuilt(
                f"{declared.title} needs {what}: drag {'a matrix' if one else 'matrices'} onto its free "
                f"slot{'' if one else 's'}.",
                unfinished=True,
            )

    def _pin(self, node_id: str, message: str, field: str | None = None, *, unfinished: bool = False) -> None:
        self.problems[Problem(node_id, message, field, "unfinished" if unfinished else "error")] = None

    # --- the model as a whole ---------------------------------------------------------------------

    def _check_whole(self) -> None:
        document = self.document
        if not document.nodes:
            self._pin(
                V,
                "Drag a structure from the palette onto the canvas, or start from a template.",
                unfinished=True,
            )
            return
        if document.v is None:
            self._pin(V, "Connect the matrix that describes the data to V.", unfinished=True)
            return
        for root in document.roots()[1:]:
            self._pin(root, LOOSE, unfinished=True)
        v = self.matrices.get(document.v)
        if v is None:
            return
        rows, columns = v.shape
        if rows != columns:
            self._pin(
                document.v,
                f"V is square, and this is {rows} × {columns}. Z G Zᵀ makes a square matrix of it.",
            )
        elif self.facts.rows is not None and rows != self.facts.rows:
            self._pin(
                document.v,
                f"V is {rows} × {rows}, and the table has {self.facts.rows} rows. Set sizes to auto, or "
                "build on columns of this table.",
            )

    def _paths(self) -> dict[str, str]:
        if self.document.v is None:
            return {}
        paths = {self.document.v: ""}
        for node_id in reversed(self.document.subtree(self.document.v)):
            above = paths[node_id]
            for child, name in self.document.operand_names(node_id).items():
                paths[child] = f"{above}/{name}" if above else name
        return paths

    def _runs(self, node_id: str) -> tuple[_Run, ...]:
        """The parameters of a matrix, grouped by the node they belong to."""
        matrix, sources = self.matrices[node_id], self.sources[node_id]
        groups: list[tuple[str, list[tuple[str, float, tuple[float, float]]]]] = []
        for parameter in matrix.parameters:
            owner, name = source = sources[parameter.name]
            if source not in self.defaults:
                self.defaults[source] = parameter.value
            if not groups or groups[-1][0] != owner:
                groups.append((owner, []))
            groups[-1][1].append((name, self.defaults[source], parameter.transform.bounds))
        return tuple(
            _Run(
                owner,
                tuple(name for name, _, _ in rows),
                tuple(value for _, value, _ in rows),
                tuple(bounds for _, _, bounds in rows),
            )
            for owner, rows in groups
        )

    def _parameters(self, node_id: str, v: Matrix) -> tuple[ParameterRef, ...]:
        refs = []
        for parameter in v.parameters:
            owner, name = self.sources[node_id][parameter.name]
            natural = self.document.nodes[owner].values.get(name, parameter.value)
            refs.append(
                ParameterRef(owner, name, parameter.name, parameter.transform, natural, parameter.fixed)
            )
        return tuple(refs)


def _known(shape: tuple[int | None, int | None]) -> Shape | None:
    """A shape of which both sides are known."""
    rows, columns = shape
    return None if rows is None or columns is None else (rows, columns)


_NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four"}
