"""From a document to matrices, or to problems pinned to the nodes that have them.

Nothing here raises for what a person did: an unfinished or impossible model gives `Problem`s, and every
node that can be built has its matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from covstudio.covariance import Matrix, declaration
from covstudio.data.tables import Table
from covstudio.document.build.budget import check_budget, cost
from covstudio.document.build.built import LOOSE, Build, ParameterRef, Problem, Run
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

#: Hears how many nodes are built, and of how many.
Told = Callable[[int, int], object]


def build(document: Document, table: Table | None = None, told: Told | None = None) -> Build:
    """Build every node that can be built.

    Args:
        document: the model.
        table: the data; sizes and labels bound to columns come from it.
        told: called before each node with the number of those that are built, and with that of all. What it
            raises ends the building, and is raised here.

    Returns:
        Matrices, sizes and problems.

    Example:
        >>> from covstudio.document.files.templates import templates
        >>> heard = []
        >>> built = build(templates()[0].document(), None, lambda done, of: heard.append((done, of)))
        >>> heard[0][0], {of for _, of in heard} == {len(templates()[0].document().nodes)}
        (0, True)
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
    return _Builder(whole.document, rows.facts, problems, told).build(notes)


class _Builder:
    def __init__(
        self, document: Document, facts: TableFacts, problems: list[Problem], told: Told | None
    ) -> None:
        self.document = document
        self.facts = facts
        self.problems = dict.fromkeys(problems)
        self.refused: set[str] = set()
        self.matrices: dict[str, Matrix] = {}
        self.defaults: dict[tuple[str, str], float] = {}
        self.sources: dict[str, dict[str, tuple[str, str]]] = {}
        self.told = told

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
            runs=runs,
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
        if self.told is not None:
            self.told(len(self.matrices), len(self.document.nodes))
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

    def _runs(self, node_id: str) -> tuple[Run, ...]:
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
            Run(
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
