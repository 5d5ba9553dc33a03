"""Models to start from, bound to the columns of a table where their names say what they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from covstudio.data.formula import quote_name
from covstudio.data.roles import Role, guess_roles
from covstudio.data.rows import factor_levels
from covstudio.data.tables import Table
from covstudio.document.changes.all import AddNode, SetFixedEffects
from covstudio.document.changes.auto_layout import auto_layout
from covstudio.document.model.document import Document
from covstudio.document.model.node import ArgumentValue, Auto, Columns, Levels, V

#: The most time points that a first-order autoregression over levels is proposed for.
MAX_TIMES = 60
#: The most combinations of two columns that a template lays out as a grid.
MAX_CELLS = 8000

_GENOTYPE = "gen geno genotype gid variety var cultivar line entry hybrid clone accession family sire"
_TREATMENT = "treatment treat trt"
_REPLICATE = "rep reps replicate replication"
_BLOCK = "block blk iblock incblock bloc"
_ROW = "row rows"
_COLUMN = "col cols column columns range bed"
_SUBJECT = "subject subj id animal patient person participant mouse rat tree plant worker child mare"
_TIME = "time times day days week weeks month year visit occasion age session period date"


@dataclass(frozen=True)
class Template:
    """A model to start from.

    Args:
        name: short and stable, for links and tests.
        title: what people call it.
        description: one or two sentences: for which trials, and what V is.
        build: makes the model for a table (or none) and the roles of its columns.
    """

    name: str
    title: str
    description: str
    build: Callable[[Table | None, Mapping[str, Role]], Document]

    def document(self, table: Table | None = None, roles: Mapping[str, Role] | None = None) -> Document:
        """The model, bound to the columns of a table that match best.

        What has no match stays open, and the build says what to choose.

        Args:
            table: the data.
            roles: what its columns are; guessed when left out.

        Returns:
            A document, laid out.
        """
        if table is None:
            roles = {}
        elif roles is None:
            roles = guess_roles(table)
        document = self.build(table, roles)
        response = next((column for column, role in roles.items() if role == "response"), None)
        document = replace(
            document,
            title=self.title,
            response=response,
            roles=roles,
            data_name=None if table is None else table.name,
        )
        return auto_layout(document).apply(document)


def templates() -> tuple[Template, ...]:
    """Every template, the most common first."""
    return (
        Template(
            "alpha",
            "Randomised blocks or alpha design",
            "Genotypes in (incomplete) blocks within replicates: V is the sum of genotype, block and "
            "residual variance. Replicates are fixed effects.",
            _alpha,
        ),
        Template(
            "spatial",
            "Spatial field trial",
            "Plots on a grid of rows and columns: genotypes, a first-order autoregressive field in both "
            "directions, and a residual for every plot.",
            _spatial,
        ),
        Template(
            "repeated",
            "Repeated measures",
            "Subjects measured several times: a variance between subjects, and within each a first-order "
            "autoregression over time.",
            _repeated,
        ),
    )


# --- finding columns ------------------------------------------------------------------------------


def _find(
    table: Table | None, roles: Mapping[str, Role], *wishes: str, taken: tuple[str | None, ...] = ()
) -> str | None:
    """The column that a wish (words, the best first) fits; earlier wishes win. A response never does."""
    if table is None:
        return None
    columns = [name for name in table.columns if roles.get(name) != "response" and name not in taken]
    for wish in wishes:
        for word in wish.split():
            for name in columns:
                if word in _words(name):
                    return name
    return None


def _words(column: str) -> set[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column)
    return set(re.findall(r"[^\W\d_]+", spaced.lower()))


def _other_factor(
    table: Table | None, roles: Mapping[str, Role], taken: tuple[str | None, ...]
) -> str | None:
    """The factor with most levels that is not taken: what a trial compares, when no name says so."""
    if table is None:
        return None
    factors = [name for name in table.columns if roles.get(name) == "factor" and name not in taken]
    return max(factors, key=lambda name: len(factor_levels(table, name)), default=None)


def _columns(*names: str | None) -> dict[str, ArgumentValue]:
    found = tuple(name for name in names if name is not None)
    return {"factors": Columns(found)} if found else {}


def _levels(name: str | None) -> dict[str, ArgumentValue]:
    return {"n": Auto() if name is None else Levels((name,))}


def _cells(table: Table | None, one: str | None, other: str | None) -> int:
    """The number of cells of the grid that the levels of two columns span; 0 when a column is missing."""
    if table is None or one is None or other is None:
        return 0
    return len(factor_levels(table, one)) * len(factor_levels(table, other))


# --- putting a model together ---------------------------------------------------------------------


class _Model:
    """A document in the making."""

    def __init__(self) -> None:
        self.document = Document()

    def add(
        self,
        kind: str,
        name: str,
        parent: str,
        slot: str | None = None,
        arguments: Mapping[str, ArgumentValue] | None = None,
    ) -> str:
        node_id = self.document.next_id()
        change = AddNode(kind, name=name, arguments=arguments or {}, connect=(parent, slot), id=node_id)
        self.document = change.apply(self.document)
        return node_id

    def effect(self, name: str, parent: str, *columns: str | None, design: str | None = None) -> None:
        """Z G Z' with one variance for all levels."""
        effect = self.add("CovariancePropagation", name, parent)
        self.add("DummyMatrix", design or f"{name} design", effect, "z", _columns(*columns))
        self.add("ScalarMatrix", f"{name} variance", effect, "g")

    def grid(self, name: str, parent: str, columns: tuple[str | None, str | None]) -> str:
        """Z (A (x) B) Z' over all combinations of two columns; the id of the Kronecker product."""
        effect = self.add("CovariancePropagation", name, parent)
        # Every cell of the grid keeps its place in A (x) B, whether or not a row of the table stands there.
        arguments = _columns(*columns) if None not in columns else {}
        self.add("DummyMatrix", f"{name} design", effect, "z", {**arguments, "drop_empty_cols": False})
        return self.add("KroneckerProduct", f"{name} covariance", effect, "g")

    def fixed(self, *columns: str | None) -> None:
        terms = ["1", *(quote_name(column) for column in columns if column is not None)]
        self.document = SetFixedEffects(" + ".join(terms)).apply(self.document)


def _alpha(table: Table | None, roles: Mapping[str, Role]) -> Document:
    replicate = _find(table, roles, _REPLICATE)
    block = _find(table, roles, _BLOCK, taken=(replicate,))
    genotype = _find(table, roles, _GENOTYPE, _TREATMENT, taken=(replicate, block))
    if genotype is None:
        genotype = _other_factor(table, roles, (replicate, block))
    model = _Model()
    total = model.add("Sum", "Sum", V)
    model.effect("genotype", total, genotype)
    model.effect("block", total, *((replicate, block) if block is not None else (None,)))
    model.add("ScalarMatrix", "residual", total)
    model.fixed(replicate)
    return model.document


def _spatial(table: Table | None, roles: Mapping[str, Role]) -> Document:
    row = _find(table, roles, _ROW)
    column = _find(table, roles, _COLUMN, taken=(row,))
    genotype = _find(table, roles, _GENOTYPE, _TREATMENT, taken=(row, column))
    if _cells(table, row, column) > MAX_CELLS:
        row = column = None
    model = _Model()
    total = model.add("Sum", "Sum", V)
    if genotype is not None or table is None:
        model.effect("genotype", total, genotype)
    # Plots in one line are numbered along it, and the other direction has a single level.
    lines = [
        name
        for name in (row, column)
        if table is not None and name is not None and _cells(table, name, name) > 1
    ]
    if len(lines) == 1:
        field = model.add("CovariancePropagation", "field", total)
        model.add("DummyMatrix", "field design", field, "z", _columns(*lines))
        model.add("AR1Matrix", "along the line", field, "g", _levels(lines[0]))
    else:
        field = model.grid("field", total, (row, column) if len(lines) == 2 else (None, None))
        model.add("AR1Matrix", "along rows", field, "a", _levels(row))
        model.add("AR1CorrelationMatrix", "along columns", field, "b", _levels(column))
    model.add("ScalarMatrix", "units", total)
    model.fixed()
    return model.document


def _repeated(table: Table | None, roles: Mapping[str, Role]) -> Document:
    time = _find(table, roles, _TIME)
    subject = _find(table, roles, _SUBJECT, taken=(time,))
    if subject is None:
        subject = _other_factor(table, roles, (time,))
    times = 0
    if table is not None and time is not None:
        times = len(factor_levels(table, time))
    many = times > MAX_TIMES or _cells(table, subject, time) > MAX_CELLS
    # A series needs two times.
    over = None if many or (table is not None and times < 2) else time
    model = _Model()
    total = model.add("Sum", "Sum", V)
    model.effect("subject", total, subject)
    within = model.grid("within subject", total, (subject, over))
    model.add("IdentityMatrix", "subjects", within, "a", _levels(subject))
    model.add("AR1Matrix", "over time", within, "b", _levels(over))
    model.fixed(time if roles.get(time or "") in ("factor", "covariate") else None)
    return model.document
