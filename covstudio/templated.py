"""One line from a template and a table to a fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covstudio.arguments import checked, nearest
from covstudio.data.errors import TableError, listed, shown
from covstudio.data.frames import Frame, table_of
from covstudio.data.relation import Relation
from covstudio.data.relation_reading import relation_of
from covstudio.data.roles import Role, check_roles, completed_roles, guess_roles, named_responses
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.changes.all import Batch, SetFixed, SetFixedEffects, SetMethod, SetParameters
from covstudio.document.files.templates import TEMPLATES
from covstudio.document.files.templates.parts import check_apart
from covstudio.document.model.document import Document, check_method
from covstudio.estimate import estimate
from covstudio.fitting import Fitted
from covstudio.threads import blas_threads

__all__ = ["fit_template", "templated_document"]


@checked
def fit_template(
    template: str,
    frame: Frame,
    *,
    response: str | None = None,
    fixed: str | None = None,
    roles: Mapping[str, Role] | None = None,
    relations: Mapping[str, Any] | None = None,
    held: Mapping[str, float] | None = None,
    method: str = "REML",
    **parts: Any,
) -> Fitted:
    """Fit a model that stands ready, by the parts that it needs of a table.

    Args:
        template: its name, one of `covstudio.document.templates.TEMPLATES.names()`.
        frame: a DataFrame, columns by name, a `Table` or the path of a file.
        response: the column to explain; guessed when left out.
        fixed: the fixed effects, such as "1 + rep", in the place of the template's.
        roles: what columns are, as far as it is not to be guessed.
        relations: second tables by name: pedigrees, markers, relationship matrices.
        held: parameters of V that are known, by their paths, with their natural values.
        method: "REML" or "ML".
        **parts: which column each part is, such as `genotype="variety"` or `trial=("site", "year")`, None for
            none; a second table by its name or as it is. What is left out is guessed.

    Returns:
        The fit with its names.

    Raises:
        PartsMissing: the table does not tell which columns some parts are; the message has the parts, and the
            columns that they may be.
        ValueError: there is no such template, part, column or parameter.
        TypeError: an argument is of another kind than above.
        ModelError: the model cannot be fitted to these data.

    Example:
        >>> from covstudio import fit_template
        >>> from covstudio.data import load_example
        >>> oats = load_example("john_alpha")
        >>> fit_template("alpha", oats).components["parameter"].tolist()
        ['genotype/g/sigma^2', 'block/g/sigma^2', 'residual/sigma^2']
        >>> fit_template("split_plot", load_example("oats_yates"))
        Traceback (most recent call last):
        covstudio.document.files.templates.parts.PartsMissing: Split plot: Which column has the factor of the
          whole plots? ...
    """
    table = table_of(frame)
    document = templated_document(
        template,
        table,
        response=response,
        fixed=fixed,
        roles=roles,
        relations=relations,
        held=held,
        method=method,
        **parts,
    )
    with blas_threads(table.n):
        found = estimate(document, table)
    asked = tuple(question.text for question in table.questions)
    return Fitted(found, document, table, tuple(dict.fromkeys((*found.notes, *asked))))


def templated_document(
    template: str,
    table: Table,
    *,
    response: str | None = None,
    fixed: str | None = None,
    roles: Mapping[str, Role] | None = None,
    relations: Mapping[str, Any] | None = None,
    held: Mapping[str, float] | None = None,
    method: str = "REML",
    **parts: Any,
) -> Document:
    """The model that stands ready, for a table: what `fit_template` fits.

    Args:
        template: what `fit_template` takes, and so are the others.
        table: the data.
        response: the column to explain.
        fixed: the fixed effects.
        roles: what columns are.
        relations: second tables by name.
        held: parameters of V that are known.
        method: "REML" or "ML".
        **parts: which column each part is.

    Raises:
        PartsMissing: the table does not tell which columns some parts are.
        ValueError: there is no such template, part, column or parameter.

    Example:
        >>> from covstudio.data import load_example
        >>> templated_document("alpha", load_example("john_alpha"), genotype="gen").response
        'yield'
    """
    chosen = TEMPLATES[template]
    tables: dict[str, Relation] = {
        name: relation_of(given, None, name=name) for name, given in (relations or {}).items()
    }
    for part in chosen.parts:
        given = parts.get(part.name)
        if (
            part.holds == "relation"
            and given is not None
            and not (isinstance(given, str) and given in tables)
        ):
            tables[part.name], parts[part.name] = relation_of(given, None, name=part.name), part.name
    check_apart(parts, {} if response is None else {response: "response"})
    roles = _roles(table, roles or {}, response)
    document = chosen.model(table, roles, tables, **parts)
    changes = [SetMethod(check_method(method)), *([] if fixed is None else [SetFixedEffects(fixed)])]
    return _holding(Batch(tuple(changes)).apply(document), table, held or {})


def _roles(table: Table, said: Mapping[str, Role], response: str | None) -> dict[str, Role]:
    """A role for every column: what is said, and guesses for the others, the response among them.

    Raises:
        TableError: there is no such column or role, the response has no numbers or never varies, or none can
            be told.
    """
    if response is not None:
        table.require([response])
        said = {**said, response: "response"}
    for problem in check_roles(table, said):
        raise TableError(problem.message)
    if "response" in said.values():
        return completed_roles(table, said)
    guessed = {**guess_roles(table), **said}
    found = next((column for column, role in guessed.items() if role == "response"), None)
    named = named_responses(table)
    # Where what is called a response never varies, another column is no answer to what was asked.
    constant = [] if found in named else [one for one in named if len(table.counts(one)) == 1]
    if found is None or constant:
        why = f" {listed(constant)} is the same in every row." if constant else ""
        raise TableError(
            f"Which column of {shown(table.name)} has the response, numbers that vary?{why} Say it by name: "
            "response='...'."
        )
    return completed_roles(table, said, found)


def _holding(document: Document, table: Table, held: Mapping[str, float]) -> Document:
    """The model with parameters of V at values that are known."""
    known = {ref.path: ref for ref in build(document, table).parameters}
    for path, value in held.items():
        if path not in known:
            raise ValueError(f"held= names {path!r}, and V has no such parameter. {nearest(path, known)}")
        low, high = known[path].transform.bounds
        if not low <= value <= high:
            raise ValueError(
                f"held= has {value:g} for {path!r}, which lies between {low:g} and {high:g}: give its "
                "natural value."
            )
        place = (known[path].node_id, known[path].name)
        document = SetFixed(*place, True).apply(SetParameters({place: float(value)}).apply(document))
    return document
