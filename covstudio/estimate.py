"""From a document and a table to a fit: the one place where the model, the data and the estimation meet.

The app, the command line and notebooks all fit through `estimate`, so that the same document gives the same
numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from covstudio.covariance import Matrix
from covstudio.data.design import design_matrix, response
from covstudio.data.errors import DesignError, TableError
from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.build import ParameterRef, Problem, build, value_problems
from covstudio.document.document import Document
from covstudio.document.node import V
from covstudio.reml import Fit, FitError, NotPositiveDefinite, fit
from covstudio.reml.fit import Callback

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Assembled", "Estimate", "ModelError", "assemble", "estimate", "tables"]


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
        notes: which rows were left out and why.
        refs: the parameters of V in the order of `matrix.param_names`, with the nodes they belong to.
    """

    matrix: Matrix
    y: Tensor
    x: Tensor
    fixed_names: tuple[str, ...]
    notes: tuple[str, ...]
    refs: tuple[ParameterRef, ...]


@dataclass(frozen=True, eq=False)
class Estimate:
    """A fit of a document to a table.

    Attributes:
        fit: everything that was estimated.
        fixed_names: names of the fixed effects, in the order of `fit.beta`.
        values: (node id, parameter) -> natural estimate, for every parameter that is not fixed: what
            `SetParameters` takes.
        fixed_parameters: paths of the parameters that were constants.
        response: the column that was modelled.
        notes: which rows were left out and why.
    """

    fit: Fit
    fixed_names: tuple[str, ...]
    values: Mapping[tuple[str, str], float]
    fixed_parameters: tuple[str, ...] = ()
    response: str = ""
    notes: tuple[str, ...] = ()


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
    names = {node.id: node.name for node in document.nodes.values()}
    built = build(document, table)
    below = set() if document.v is None else set(document.subtree(document.v))
    problems = [problem for problem in built.problems if problem.node_id in below or problem.node_id == V]
    problems += [
        problem
        for problem in value_problems(built, document)
        if problem.node_id in below and problem.field in document.nodes[problem.node_id].fixed
    ]
    if table is None:
        problems.append(Problem(V, "Load a table to fit the model to.", "data", "unfinished"))
    elif document.response is None:
        text = "Choose the response: the column that the model is fitted to."
        problems.append(Problem(V, text, "response", "unfinished"))
    if problems or built.table is None or document.response is None or built.v is None:
        raise ModelError(problems or [Problem(V, "V could not be built.")], names)
    y = _asked("response", names, lambda: response(built.table, document.response)).y
    roles = _roles(document)
    design = _asked("fixed_effects", names, lambda: design_matrix(built.table, document.fixed_effects, roles))
    for ref in built.parameters:
        if ref.fixed:
            built.v.set_param_specs(ref.path, value=ref.natural)
    return Assembled(built.v, y, design.x, tuple(design.names), built.notes, built.parameters)


def estimate(
    document: Document, table: Table | None, callback: Callback | None = None, max_iter: int = 100
) -> Estimate:
    """Fit a document to a table by restricted maximum likelihood.

    Args:
        document: the model.
        table: the data.
        callback: called with each iteration; may raise `FitCancelled`.
        max_iter: the most iterations.

    Returns:
        The estimates; picklable.

    Raises:
        ModelError: the model is not complete, or cannot be fitted to these data.
        FitCancelled: from the callback.

    Example:
        >>> from covstudio.data.examples import load_example
        >>> from covstudio.document.templates import templates
        >>> table = load_example("john_alpha")
        >>> found = estimate(templates()[0].document(table), table)
        >>> [round(value, 5) for value in found.values.values()]
        [0.1429, 0.07022, 0.08162]
        >>> found.fixed_names
        ('(Intercept)', 'rep[R2]', 'rep[R3]')
    """
    parts = assemble(document, table)
    try:
        result = fit(parts.matrix, parts.y, parts.x, max_iter=max_iter, callback=callback)
    except FitError as error:
        names = {node.id: node.name for node in document.nodes.values()}
        raise ModelError(_pinned(error, parts.refs), names) from error
    return Estimate(
        fit=result,
        fixed_names=parts.fixed_names,
        values={(ref.node_id, ref.name): result.params[ref.path] for ref in parts.refs if not ref.fixed},
        fixed_parameters=tuple(ref.path for ref in parts.refs if ref.fixed),
        response=document.response or "",
        notes=parts.notes,
    )


def tables(estimate: Estimate) -> dict[str, DataFrame]:
    """The estimates as tables.

    Args:
        estimate: a fit.

    Returns:
        "variance_components" (parameter, estimate, standard_error, status), "fixed_effects" (effect,
        estimate, standard_error, ratio), "blups" (term, level, blup, standard_error) and "fit" (quantity,
        value). Missing standard errors are NaN. `status` is "" or one of "fixed", "at the end of its
        range", "not told apart".
    """
    import pandas as pd

    found = estimate.fit
    components = [
        (path, value, found.standard_errors.get(path, float("nan")), _status(estimate, path))
        for path, value in found.params.items()
    ]
    effects = [
        (name, value, error, value / error if error else float("nan"))
        for name, value, error in zip(
            estimate.fixed_names, found.beta.tolist(), found.beta_standard_errors.tolist(), strict=True
        )
    ]
    blups = [
        (term, level, value, error)
        for term, effect in found.blups.items()
        for level, value, error in zip(
            effect.levels, effect.blup.tolist(), effect.standard_error.tolist(), strict=True
        )
    ]
    summary: list[tuple[str, object]] = [
        ("response", estimate.response),
        ("rows", found.n),
        ("fixed effects", found.p),
        ("estimated parameters", len(estimate.values)),
        ("log-likelihood", found.loglik),
        ("kernel log-likelihood", found.kernel_loglik),
        ("AIC", found.aic),
        ("BIC", found.bic),
        ("converged", found.converged),
        ("iterations", found.iterations),
        ("engine", found.engine),
        ("message", found.message),
    ]
    summary += [("note", note) for note in estimate.notes]
    return {
        "variance_components": pd.DataFrame(
            components, columns=["parameter", "estimate", "standard_error", "status"]
        ),
        "fixed_effects": pd.DataFrame(effects, columns=["effect", "estimate", "standard_error", "ratio"]),
        "blups": pd.DataFrame(blups, columns=["term", "level", "blup", "standard_error"]),
        "fit": pd.DataFrame(summary, columns=["quantity", "value"]),
    }


def _status(estimate: Estimate, path: str) -> str:
    if path in estimate.fixed_parameters:
        return "fixed"
    if path in estimate.fit.boundary:
        return "at the end of its range"
    return "not told apart" if path in estimate.fit.indistinct else ""


def _roles(document: Document) -> dict[str, Role]:
    """The roles of columns, with the response that the document names as the only one."""
    roles: dict[str, Role] = {column: role for column, role in document.roles.items() if role != "response"}
    if document.response is not None:
        roles[document.response] = "response"
    return roles


def _asked(field: str, names: Mapping[str, str], question: Any) -> Any:
    try:
        return question()
    except (TableError, DesignError) as error:
        raise ModelError([Problem(V, str(error), field)], names) from error


def _pinned(error: FitError, refs: Sequence[ParameterRef]) -> list[Problem]:
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
