"""A document as a Python program that stands on its own.

Run without an argument it prints V; with a csv file it fits the model to that table and prints the estimates.
"""

from __future__ import annotations

import ast
import keyword
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from covstudio import __version__, covariance
from covstudio.covariance import Declaration, declaration
from covstudio.data.choices import TableChoices
from covstudio.data.relation import Relation
from covstudio.data.relation_records import relation_record
from covstudio.data.tables import Table
from covstudio.document.build.about_v import about_v
from covstudio.document.build.build import build
from covstudio.document.build.built import Build
from covstudio.document.build.roles import roles_of, under_choices
from covstudio.document.build.spacing import spaced
from covstudio.document.build.table_facts import TableFacts, facts_of
from covstudio.document.model.document import Document
from covstudio.document.model.node import V
from covstudio.export.exporter import EXPORTERS, Exporter
from covstudio.export.expressions import Writer
from covstudio.export.fitting_part import FittingPart
from covstudio.export.incomplete import lacking
from covstudio.export.source import comment, docstring, is_keyword_name, literal, mapping, nested


def python_source(document: Document, table: Table | None = None) -> str:
    """A complete program: imports, values, V as a function, the columns it needs, and a main function.

    Nothing in it comes from a person unquoted, and it is parsed before it is returned. For a model that is
    not complete yet, the program says what is missing.

    Args:
        document: the model.
        table: its data, for columns that V is made of.

    Returns:
        Python source, which needs covstudio to run and nothing else.

    Example:
        >>> from covstudio.document.changes.all import AddNode
        >>> add = AddNode("AR1Matrix", name="time", arguments={"n": 3}, connect=("V", None))
        >>> document = add.apply(Document())
        >>> print(python_source(document).split("def main")[0].split("import torch")[1].strip())
        from covstudio.covariance import AR1Matrix
        <BLANKLINE>
        torch.set_default_dtype(torch.float64)
        <BLANKLINE>
        # The parameters of V on their natural scale.
        VALUES = {
            "sigma^2": 1.0,
            "rho": 0.0,
        }
        <BLANKLINE>
        <BLANKLINE>
        def covariance():
            \"\"\"V.\"\"\"
            return AR1Matrix(3)
    """
    built = build(document, table)
    if reasons := _missing(document, built):
        source = _unfinished(document, reasons)
    else:
        warnings = [problem.message for problem in about_v(document, built.problems)]
        whole = spaced(built.spaced, facts_of(built.table), any_table=True).document
        if whole.nodes != built.spaced.nodes:
            built = build(whole, table)
        source = _Program(whole, built, *_said(document, table), warnings).text()
    ast.parse(source)
    return source


def missing(document: Document, table: Table | None = None) -> tuple[str, ...]:
    """What a model still lacks before `python_source` can give a program that prints V.

    Args:
        document: the model.
        table: its data.

    Returns:
        A sentence for each thing, with the name of the node it is about; nothing when V is complete.

    Example:
        >>> missing(Document())
        ('Drag a structure from the palette onto the canvas, or start from a template.',)
    """
    return _missing(document, build(document, table))


def _missing(document: Document, built: Build) -> tuple[str, ...]:
    return (*lacking(document, built), *_homeless(document))


def home_of(declared: Declaration) -> str:
    """The module that a program imports a structure from.

    Example:
        >>> home_of(declaration("AR1Matrix"))
        'covstudio.covariance'
    """
    if getattr(covariance, declared.name, None) is declared.cls:
        return "covstudio.covariance"
    return declared.cls.__module__


def _home(name: str) -> str:
    """The module of a structure, or of a function beside them."""
    return "covstudio.covariance" if hasattr(covariance, name) else home_of(declaration(name))


def _second_table(constant: str, relation: Relation) -> str:
    """A second table as a constant, as model files hold it."""
    record = nested("", relation_record(relation)).removeprefix(" = ")
    return f"{comment(f'A second table: {relation.summary}.')}\n{constant} = relation_from({record})"


def _homeless(document: Document) -> Iterator[str]:
    """Structures that no program can import: those of a script that is running, or made within a function."""
    for node_id in () if document.v is None else document.subtree(document.v):
        node = document.nodes[node_id]
        declared = declaration(node.kind)
        home = home_of(declared)
        cls = getattr(sys.modules.get(home), declared.name, None)
        if home == "__main__" or cls is not declared.cls or not all(map(is_keyword_name, home.split("."))):
            yield (
                f"{node.name}: {declared.name} is defined in {home}.{declared.cls.__qualname__}, where "
                "no program can import it from. Move the class to the top level of a module of its own."
            )


def _said(document: Document, table: Table | None) -> tuple[Mapping[str, str], TableChoices]:
    """The roles of columns, and what is said about the table."""
    under, _ = under_choices(document, table)
    return roles_of(document, table), document.choices if under is None else under.choices


def _heading(document: Document, *lines: str) -> str:
    title = " ".join(document.title.split()) or "Untitled model"
    return docstring([title, "", *lines])


def _unfinished(document: Document, reasons: Sequence[str]) -> str:
    head = _heading(document, f"A covariance model made with covstudio {__version__}, not complete yet.")
    listed = "\n".join(comment(f"- {reason}") for reason in reasons)
    return f'{head}\n\n# What is missing:\n{listed}\n\nraise SystemExit("This model is not complete yet.")\n'


@dataclass
class _Program:
    """The parts of the program, put together in `text`."""

    document: Document
    built: Build
    roles: Mapping[str, str]
    choices: TableChoices
    warnings: Sequence[str]
    imports: dict[str, set[str]] = field(default_factory=dict)

    @property
    def _fits(self) -> bool:
        """Whether the program fits: what covstudio fits itself, and no model that leaves something open."""
        return self.document.response is not None and not self.warnings

    def text(self) -> str:
        document, built = self.document, self.built
        assert document.v is not None
        writer = Writer(document, built)
        body = writer.body(document.v)
        for name in writer.classes:
            self._import(_home(name), name)
        if writer.relations:
            self._import("covstudio.data", "relation_from")
        if writer.sorted_labels:
            self._import("covstudio.data", "sorted_labels")
        if writer.orders:
            self._import("covstudio.data", "ordered_labels")
        if writer.filled_levels:
            self._import("covstudio.covariance", "evenly_spaced_levels")
        data = self._data(writer)
        inputs = {"labels": "LABELS", "numbers": "NUMBERS", "rows": "ROWS"}
        used = [name for name in inputs if name in writer.inputs]
        settings, main = self._values(), self._main([inputs[name] for name in used])
        if self._fits:
            fitting = FittingPart(document, built.table, self.roles, self.choices, self._import)
            settings = f"{fitting.settings()}\n\n{settings}"
            main = f"{fitting.function(used)}\n\n\n{main}"
        relations = [
            _second_table(constant, self.document.relations[name])
            for name, constant in writer.relations.items()
        ]
        constants = "\n\n".join(part for part in (data, *relations, *writer.constants) if part)
        separator = "\n\n\n" if constants else ""
        covariance = "\n".join(
            [f"def covariance({', '.join(used)}):", f'    """{_signature(used)}"""', *body]
        )
        lines = [
            f"A covariance model made with covstudio {__version__}.",
            "",
            "    python model.py               prints V, one row a line",
        ]
        if self._fits:
            lines.append(
                "    python model.py TABLE.csv     fits the model to a table and prints the estimates"
            )
        notes = "".join(f"\n{comment(note)}\n" for note in (*built.notes, *self.warnings))
        return (
            f"{_heading(document, *lines)}\n{notes}\nimport sys\n\nimport torch\n{self._imports()}\n"
            f"torch.set_default_dtype(torch.float64)\n\n{settings}\n\n\n{covariance}\n\n\n"
            f"{constants}{separator}{main}\n\n\n"
            'if __name__ == "__main__":\n    main(sys.argv[1:])\n'
        )

    def _import(self, module: str, *names: str) -> None:
        self.imports.setdefault(module, set()).update(names)

    def _imports(self) -> str:
        lines = []
        for module, names in sorted(self.imports.items()):
            line = f"from {module} import {', '.join(sorted(names, key=str.casefold))}"
            if len(line) > 100:
                inner = "".join(f"    {name},\n" for name in sorted(names, key=str.casefold))
                line = f"from {module} import (\n{inner})"
            lines.append(line)
        return "\n".join(lines) + "\n"

    def _data(self, writer: Writer) -> str:
        parts = []
        facts = TableFacts(self.built.table)
        if writer.labels:
            values = {name: facts.labels(name) for name in writer.labels}
            parts.append("# The labels that V is made of, one for each row.\n" + mapping("LABELS", values))
        if writer.numbers:
            numbers = {name: facts.numbers(name).tolist() for name in writer.numbers}
            head = "# The numbers that V is made of, one for each row.\n"
            parts.append(head + mapping("NUMBERS", numbers))
        if writer.orders:
            head = "# Labels in the order that was chosen for them.\n"
            parts.append(
                head + mapping("LEVELS", {name: list(order) for name, order in writer.orders.items()})
            )
        if "rows" in writer.inputs:
            parts.append(f"ROWS = {self.built.table.n if self.built.table is not None else 0}")
        return "\n\n".join(parts)

    def _values(self) -> str:
        naturals = self.built.naturals(V, self.document).tolist()
        values: Mapping[str, object] = {
            ref.path: value
            for ref, value in zip(self.built.parameters, naturals, strict=True)
            if not ref.fixed
        }
        return "# The parameters of V on their natural scale.\n" + mapping("VALUES", values)

    def _main(self, constants: Sequence[str]) -> str:
        document = self.document
        lines = ["def main(arguments):"]
        if document.response is None:
            lines += [
                "    if arguments:",
                '        sys.exit("The model has no response: choose one in covstudio and export it again.")',
            ]
        elif self.warnings:
            lines += ["    if arguments:", f"        sys.exit({literal(' '.join(self.warnings))})"]
        else:
            lines += ["    if arguments:", "        print_fit(arguments[0])", "        return"]
        lines += [
            f"    v = covariance({', '.join(constants)})",
            "    for name, value in VALUES.items():",
            "        v.set_param_specs(name, value=value)",
            "    for row in v().tolist():",
            '        print(",".join(map(repr, row)))',
        ]
        return "\n".join(lines)


def _signature(used: Sequence[str]) -> str:
    meaning = {
        "labels": "labels by column",
        "numbers": "numbers by column",
        "rows": "the number of rows",
    }
    if not used:
        return "V."
    return f"V of a table: {', '.join(meaning[name] for name in used)}."


EXPORTERS.register(
    Exporter(
        name="python",
        label="Python",
        extension="py",
        source=python_source,
        missing=missing,
        keywords=tuple(keyword.kwlist),
        order=10,
    )
)
