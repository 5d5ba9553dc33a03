"""The body of the exported function: one line for each node, operands first."""

from __future__ import annotations

from collections.abc import Iterable

from covstudio.covariance import Argument, Matrix, declaration, linalg
from covstudio.document.build.built import Build
from covstudio.document.build.construct import is_left_out, level_order
from covstudio.document.build.constructors import (
    constructor_defaults,
    positional_names,
    splatted,
    takes_levels,
    takes_names,
)
from covstudio.document.build.relation_values import use_of
from covstudio.document.build.table_facts import TableFacts
from covstudio.document.model.arguments import document_default
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns, Levels, Node, Related, Rows, Values
from covstudio.document.sizes.infer import Side, SizeOrigin, size_arguments
from covstudio.export.source import Names, block, call, is_keyword_name, literal

_RESERVED = (
    "labels",
    "numbers",
    "rows",
    "covariance",
    "main",
    "print_fit",
    "torch",
    "sys",
    "fit",
    "response",
)
_CONSTANTS = (
    *("labels", "numbers", "rows", "response", "fixed_effects", "roles", "used", "values"),
    *("levels", "choices", "derived", "relation"),
)


class Writer:
    """Writes nodes as assignments, and keeps what the rest of the program has to provide.

    Args:
        document: the model.
        built: what was built of it; every node below V has a matrix.

    Attributes:
        classes: the structures to import.
        constants: definitions of literal matrices and labels.
        inputs: what the function takes: "labels", "numbers", "rows".
        labels, numbers: columns that are used as such.
        sorted_labels: whether that function is called.
        orders: labels of columns in the order that somebody has chosen, where it matters.
        filled_levels: whether `evenly_spaced_levels` is called.
        relations: second tables, and the constants that hold them.
    """

    def __init__(self, document: Document, built: Build) -> None:
        self.document, self.built = document, built
        self.facts = TableFacts(built.table)
        self.names = Names(_RESERVED)
        self.variables: dict[str, str] = {}
        self.classes: set[str] = set()
        self.constants: list[str] = []
        self.inputs: set[str] = set()
        self.labels: dict[str, None] = {}
        self.numbers: dict[str, None] = {}
        self.sorted_labels = False
        self.orders: dict[str, tuple[str, ...]] = {}
        self.filled_levels = False
        self.relations: dict[str, str] = {}
        self._lines: list[str] = []
        self._constant_names = Names(_CONSTANTS)

    def body(self, root: str) -> list[str]:
        """The lines of the function whose value is a node's matrix."""
        for node_id in self.document.subtree(root):
            if node_id != root:
                self._write(node_id)
        node = self.document.nodes[root]
        if self._fixed(node):
            self._write(root)
            self._lines.append(f"    return {self.variables[root]}")
        else:
            self._lines.append(call("return", node.kind, self._arguments(node)))
            self.classes.add(node.kind)
        return self._lines

    def _write(self, node_id: str) -> None:
        if node_id in self.variables:
            return
        node = self.document.nodes[node_id]
        arguments = self._arguments(node)
        variable = self.variables[node_id] = self.names.new(node.name)
        self.classes.add(node.kind)
        self._lines.append(call(variable, node.kind, arguments))
        for name, value in self._fixed(node).items():
            self._lines.append(
                f"    {variable}.set_param_specs({literal(name)}, fixed=True, value={literal(value)})"
            )

    def _fixed(self, node: Node) -> dict[str, float]:
        """The node's own parameters that a person has fixed, with their values."""
        matrix = self.built.matrices[node.id]
        values = dict(
            zip(matrix.param_names, self.built.naturals(node.id, self.document).tolist(), strict=True)
        )
        return {name: values[name] for name in matrix.param_names if name in node.fixed}

    # --- arguments ---------------------------------------------------------------------------------

    def _arguments(self, node: Node) -> list[str]:
        declared = declaration(node.kind)
        written = self._operands(node)
        defaults = constructor_defaults(declared)
        places = positional_names(declared)
        positional = not written
        for argument in declared.arguments:
            value = node.arguments.get(argument.name)
            if value is None:
                value = document_default(declared, argument)
            name = argument.name
            if value is None or is_left_out(argument, value):
                positional = False
                continue
            if argument.kind == "size":
                if declared.kind == "operator":
                    text = self._written_size(value)
                elif name in size_arguments(declared)[:2]:
                    if self._follows_first(node, name) and name in defaults:
                        continue
                    text = self._size(self.built.origins[node.id, name])
                elif isinstance(value, int):
                    text = literal(value)
                else:
                    continue
            elif argument.kind == "factors":
                factors = self._factors(node, argument, value)
                if name in splatted(declared):
                    written += factors
                    if takes_levels(declared):
                        written += self._levels(node, factors, value)
                    positional = False
                    continue
                text = f"[{', '.join(factors)}]"
            elif argument.kind == "coordinates":
                text = self._coordinates(node, value)
            elif isinstance(value, Related):
                text = self._related(argument, value)
            elif argument.kind == "matrix":
                text = self._matrix(node, value)
            elif name in defaults and defaults[name] == value:
                positional = False
                continue
            else:
                text = literal(value)
                positional = positional and name not in defaults
            positional = positional and places[len(written) : len(written) + 1] == [name]
            written.append(text if positional else f"{name}={text}")
            if argument.kind == "coordinates" and takes_names(declared) and isinstance(value, Columns):
                written.append(f"names={literal(list(value.names))}")
                positional = False
        return written

    def _operands(self, node: Node) -> list[str]:
        named = self.document.operand_names(node.id)
        pairs = [(name, self.variables[child]) for child, name in named.items()]
        taken = {argument.name for argument in declaration(node.kind).arguments}
        if all(is_keyword_name(name) and name not in taken and name != "self" for name, _ in pairs):
            return [f"{name}={variable}" for name, variable in pairs]
        entries = [f"{literal(name)}: {variable}" for name, variable in pairs]
        if sum(map(len, entries)) > 70:
            return ["{\n" + "".join(f"            {entry},\n" for entry in entries) + "        }"]
        return [f"{{{', '.join(entries)}}}"]

    def _follows_first(self, node: Node, name: str) -> bool:
        names = size_arguments(declaration(node.kind))
        if name == names[0] or name in node.arguments:
            return False
        first, second = self.built.origins[node.id, names[0]], self.built.origins[node.id, name]
        return first.value == second.value and (first.code == second.code or not second.code)

    def _written_size(self, value: object) -> str:
        """A size among the arguments of an operator."""
        if isinstance(value, Levels):
            return self._count(value)
        if isinstance(value, Rows):
            self.inputs.add("rows")
            return "rows"
        return literal(value)

    def _size(self, origin: SizeOrigin) -> str:
        if not origin.code or origin.guessed:
            return str(origin.value)
        pieces = []
        for piece in origin.code:
            if isinstance(piece, Side):
                self._write(piece.node_id)
                pieces.append(f"{self.variables[piece.node_id]}.shape[{piece.axis}]")
            elif isinstance(piece, Levels):
                pieces.append(self._count(piece))
            else:
                if piece == "rows":
                    self.inputs.add("rows")
                pieces.append(piece)
        return "".join(pieces)

    def _count(self, levels: Levels) -> str:
        columns_of = [self._labels_of(column) for column in levels.columns]
        if levels.filled:
            self.filled_levels = True
            return f"len(evenly_spaced_levels({columns_of[0]}))"
        if len(columns_of) == 1:
            return f"len(set({columns_of[0]}))"
        return f"len(set(zip({', '.join(columns_of)})))"

    def _labels_of(self, column: str) -> str:
        self.inputs.add("labels")
        self.labels[column] = None
        return f"labels[{literal(column)}]"

    def _factors(self, node: Node, argument: Argument, value: object) -> list[str]:
        if isinstance(value, Columns):
            related = value.related or (("", None),) * len(value.names)
            return [
                self._labels_of(column)
                if relation is None
                else f"{self._relation(table)}.located({self._labels_of(column)}, {literal(column)})"
                for column, (table, relation) in zip(value.names, related, strict=True)
            ]
        assert isinstance(value, Values)
        return [
            self._constant(f"{node.name} {argument.name}", "", list(column), "") for column in value.columns
        ]

    def _levels(self, node: Node, factors: list[str], value: object) -> list[str]:
        """Levels in their natural order where text order would misplace them, now or with another table."""
        if isinstance(value, Columns) and value.related:
            levels = [
                self._order(self._labels_of(column), column)
                if relation is None
                else f"{self._relation(table)}.ids"
                for column, (table, relation) in zip(value.names, value.related, strict=True)
            ]
            return [f"levels=[{', '.join(levels)}]", "lex_order=False"]
        if not self._ordered(node):
            return []
        if isinstance(value, Values):
            if level_order([list(map(str, column)) for column in value.columns]) is None:
                return []
            names: list[str | None] = [None] * len(factors)
        else:
            assert isinstance(value, Columns)
            names = list(value.names)
        levels = [self._order(factor, name) for factor, name in zip(factors, names, strict=True)]
        return [f"levels=[{', '.join(levels)}]", "lex_order=False"]

    def _order(self, factor: str, column: str | None) -> str:
        """The levels of one factor."""
        chosen = () if column is None else self.facts.chosen(column)
        if column is None or not chosen:
            self.sorted_labels = True
            return f"sorted_labels({factor})"
        self.orders[column] = chosen
        return f"ordered_labels({factor}, LEVELS[{literal(column)}])"

    def _ordered(self, node: Node) -> bool:
        """Whether the order of the columns matters: one is dropped, or their covariance tells them apart."""
        if node.arguments.get("drop_first"):
            return True
        parent = self.document.parent_of(node.id)
        if parent is None:
            return False
        pair = linalg.parts(self.built.matrices[parent[0]], "congruence")
        if pair is None or pair[0].name != parent[1] or not isinstance(pair[1].operand, Matrix):
            return True
        declared = pair[1].operand.governing_declaration()
        return declared is None or not declared.exchangeable

    def _coordinates(self, node: Node, value: object) -> str:
        if isinstance(value, Columns):
            self.inputs.add("numbers")
            self.numbers.update(dict.fromkeys(value.names))
            columns = [f"torch.as_tensor(numbers[{literal(name)}])" for name in value.names]
        else:
            assert isinstance(value, Values)
            columns = [
                self._constant(f"{node.name} coordinates", "torch.tensor(", list(column), ")")
                for column in value.columns
            ]
        return columns[0] if len(columns) == 1 else f"torch.stack([{', '.join(columns)}], dim=1)"

    def _matrix(self, node: Node, value: object) -> str:
        assert isinstance(value, tuple)
        rows: Iterable[tuple[float, ...]] = value
        name = self._constant_names.new(node.name).upper()
        lines = [block("", list(row), ",", "    ") for row in rows]
        self.constants.append("\n".join([f"{name} = torch.tensor([", *lines, "])"]))
        return name

    def _relation(self, name: str) -> str:
        """The constant that holds a second table."""
        if name not in self.relations:
            self.relations[name] = self._constant_names.new(name).upper()
        return self.relations[name]

    def _related(self, argument: Argument, value: Related) -> str:
        """What a constructor takes of a second table."""
        assert value.relation is not None, "every node below V was built"
        use = use_of(argument, value.relation.kind)
        self.classes.update(use.needs)
        return use.code.format(self._relation(value.name))

    def _constant(self, wanted: str, head: str, values: list[object], tail: str) -> str:
        name = self._constant_names.new(wanted).upper()
        self.constants.append(block(f"{name} = {head}", values, tail))
        return name
