"""From a document and a table to V, y and X, or to the sentences that say why there are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from covstudio.covariance import Matrix
from covstudio.data.design import Design, design_matrix, response
from covstudio.data.errors import DesignError, TableError, listed
from covstudio.data.tables import Table
from covstudio.document.build.about_v import about_v
from covstudio.document.build.build import build
from covstudio.document.build.built import ParameterRef, Problem, unused_values, value_problems
from covstudio.document.build.roles import roles_of, under_choices
from covstudio.document.build.table_facts import facts_of
from covstudio.document.build.used_columns import used_columns
from covstudio.document.model.document import Document, Method
from covstudio.document.model.node import V
from covstudio.reml import Fit, FitError, NotPositiveDefinite, fit
from covstudio.reml.problem.iteration import Callback
from covstudio.threads import blas_threads

__all__ = ["Assembled", "ModelError", "assemble", "design_of", "pinned"]


class ModelError(ValueError):
    """A model that cannot be fitted as it stands.

    Args:
        problems: what is wrong or missing, pinned to nodes ("V" for the model as a whole).
        names: node id -> name, for the message.
    """

    def __init__(self, problems: Sequence[Problem], names: Mapping[str, str] | None = None) -> None:
        self.problems = tuple(problems)
        self.names = dict(names or {})
        # A sentence that several nodes share is said once.
        concerned: dict[str, list[str]] = {}
        for problem in self.problems:
            nodes = concerned.setdefault(problem.message, [])
            if (name := self.names.get(problem.node_id)) is not None and name not in nodes:
                nodes.append(name)
        lines = (
            f"{', '.join(nodes)}: {message}" if nodes else message for message, nodes in concerned.items()
        )
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems, self.names)


@dataclass(frozen=True, eq=False)
class Assembled:
    """What goes into a fit.

    Attributes:
        matrix: V, its fixed parameters at the document's values.
        y: response, (n,) float64.
        x: fixed-effects matrix, (n, p) float64.
        fixed_names: names of the columns of x.
        notes: which rows and which columns of x were left out and why.
        refs: the parameters of V in the order of `matrix.param_names`, with the nodes they belong to.
        terms: the terms of the fixed effects in their order, each with the columns of x that are its own.
        outer_terms: those of them that no other contains.
        references: factor -> the level that its others are compared with.
        table: the rows that are used.
        design: x and what its columns stand for.
    """

    matrix: Matrix
    y: Tensor
    x: Tensor
    fixed_names: tuple[str, ...]
    notes: tuple[str, ...]
    refs: tuple[ParameterRef, ...]
    terms: tuple[tuple[str, tuple[int, ...]], ...] = ()
    outer_terms: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    table: Table | None = None
    design: Design | None = None

    def fit(
        self,
        matrix: Matrix | None = None,
        *,
        method: Method,
        max_iter: int,
        callback: Callback | None = None,
    ) -> Fit:
        """The fit of V, or of another matrix in its place; see `covstudio.reml.fit`."""
        return fit(
            self.matrix if matrix is None else matrix,
            self.y,
            self.x,
            max_iter=max_iter,
            callback=callback,
            method=method,
            x_names=self.fixed_names,
        )


def assemble(document: Document, table: Table | None) -> Assembled:
    """Put V, y and X together on the rows that have a value in every column the model uses.

    Free parameters stay at the library's defaults: where the sliders stand does not change what a fit finds.

    Args:
        document: the model.
        table: the data.

    Returns:
        V, y, X and what the numbers in them belong to.

    Raises:
        ModelError: the model is not complete, or the data do not suit it.
    """
    with blas_threads(1 if table is None else table.n):
        return _assembled(document, table)


def _assembled(document: Document, table: Table | None) -> Assembled:
    names = {node.id: node.name for node in document.nodes.values()}
    built = build(document, table)
    problems = about_v(document, built.problems)
    problems += [
        problem
        for problem in about_v(document, value_problems(built, document))
        if problem.field in document.nodes[problem.node_id].fixed
    ]
    if table is None:
        problems.append(Problem(V, "Load a table to fit the model to.", "data", "unfinished"))
    elif document.response is None:
        text = "Choose the response: the column that the model is fitted to."
        problems.append(Problem(V, text, "response", "unfinished"))
    if problems or built.table is None or document.response is None or built.v is None:
        raise ModelError(problems or [Problem(V, "V could not be built.")], names)
    y = _asked("response", names, lambda: response(built.table, document.response)).y
    design = _asked("fixed_effects", names, lambda: _design(document, table, built.table))
    for ref in built.parameters:
        if ref.fixed:
            built.v.set_param_specs(ref.path, value=ref.natural)
    notes = built.notes + unused_values(built, document)
    if design.left_out:
        notes += (f"Left out of the fixed effects, depending on others: {listed(design.left_out)}.",)
    if design.offset is not None:
        y = y - design.offset
        notes += ("The offset of the fixed effects was taken from the response.",)
    return Assembled(
        built.v,
        y,
        design.x,
        tuple(design.names),
        notes,
        built.parameters,
        design.terms,
        design.outer_terms,
        design.references,
        built.table,
        design,
    )


def design_of(document: Document, table: Table) -> Design:
    """The design of the fixed effects of a document, which has the columns of other rows too (`Design.at`).

    Args:
        document: the model.
        table: the data.

    Raises:
        DesignError: the formula of the fixed effects does not suit the data.

    Example:
        >>> from covstudio.data.examples import load_example
        >>> design_of(Document(fixed_effects="1 + rep"), load_example("john_alpha")).names
        ('(Intercept)', 'rep[R2]', 'rep[R3]')
    """
    with blas_threads(table.n):
        under, _ = under_choices(document, table)
        rows = facts_of(under).complete(used_columns(document))
        return _design(document, table, rows.facts.table)


def _design(document: Document, table: Table | None, rows: Table | None) -> Design:
    assert rows is not None
    return design_matrix(
        rows, document.fixed_effects, roles_of(document, table), drop_dependent=document.drop_dependent
    )


def _asked(field: str, names: Mapping[str, str], question: Any) -> Any:
    try:
        return question()
    except (TableError, DesignError) as error:
        raise ModelError([Problem(V, str(error), field)], names) from error


def pinned(error: FitError, refs: Sequence[ParameterRef]) -> list[Problem]:
    """A fit's refusal, pinned to the nodes whose parameters it names."""
    if isinstance(error, NotPositiveDefinite):
        owners: dict[str, list[str]] = {}
        for ref in refs:
            if ref.path in error.parameters:
                owners.setdefault(ref.node_id, []).append(ref.name)
        if owners:
            return [
                Problem(node_id, str(error), names[0] if len(names) == 1 else None)
                for node_id, names in owners.items()
            ]
    return [Problem(V, str(error))]
