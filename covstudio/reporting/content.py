"""The content of a report: what it says of a fit, in sections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from covstudio.covariance import declaration
from covstudio.covariance.core.letters import parameter_label
from covstudio.data.errors import count
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.build.roles import roles_of, under_choices
from covstudio.document.build.used_columns import formula_names, used_columns
from covstudio.document.changes.all import SetParameters
from covstudio.document.model.document import Document
from covstudio.document.model.node import ArgumentValue, Auto, Columns, Levels, Node, Related, Rows, Values
from covstudio.estimate import design_of
from covstudio.estimate.effects_shown import effects_records
from covstudio.estimate.files import versions
from covstudio.estimate.used_rows import used_rows
from covstudio.export.exporter import exporters
from covstudio.fitting import Fitted
from covstudio.plots.picture import FIT_PICTURES, MATRIX_PICTURES
from covstudio.reporting.blocks import (
    Block,
    Branch,
    Code,
    Facts,
    Formula,
    Frame,
    Notes,
    Picture,
    Section,
    Text,
    Tree,
)
from covstudio.reporting.chosen import chosen, kept
from covstudio.reporting.equation import equation_of

__all__ = ["PICTURES", "sections"]

#: Pictures that a report has unless others are asked for; those that a fit has not are left out.
PICTURES = ("residuals", "qq", "factor", "V", "variogram", "field", "caterpillar", "subjects")
#: Levels of a factor whose means are compared at most: of pairs there are half their square.
LEVELS = 60
#: Lines of the program that a report shows at most.
LINES = 400
#: Rows of the predicted effects that a report shows at most.
EFFECTS = 40
#: Pixels of a picture without its axes.
WIDTH, HEIGHT = 300, 210
#: Levels of a factor that the table of columns names.
NAMED = 4


def sections(
    found: Fitted, comparison: Any = None, pictures: Sequence[str] = PICTURES, program: bool = True
) -> tuple[Section, ...]:
    """The sections of a report.

    Args:
        found: the fit.
        comparison: how it was chosen: a table, or what has one as its `table`.
        pictures: kinds of pictures, as `found.plot` has them.
        program: whether the program is shown.
    """
    parts = [
        Section("In short", "short", tuple(_short(found))),
        Section("Data", "data", tuple(_data(found))),
        Section("Model", "model", tuple(_model(found))),
    ]
    if comparison is not None:
        parts.append(Section("How it was chosen", "chosen", tuple(chosen(comparison))))
    parts.append(Section("Estimates", "estimates", tuple(_estimates(found))))
    parts.append(Section("Tests", "tests", tuple(_tests(found))))
    parts.append(Section("Means", "means", tuple(_means(found))))
    parts.append(Section("Random effects", "effects", tuple(_effects(found)), beside=True))
    parts.append(Section("Pictures", "pictures", tuple(_pictures(found, pictures))))
    parts.append(Section("How it was computed", "computed", tuple(_computed(found))))
    if program:
        parts.append(Section("Program", "program", tuple(_program(found))))
    return tuple(part for part in parts if part.blocks)


# --- in short


def _short(found: Fitted) -> Iterator[Block]:
    fit, document = found.fit, found.document
    if not fit.converged:
        yield Text(f"The fit did not converge. {fit.message}", "warning")
    elif fit.verdict != "converged":
        yield Text(fit.message, "warning")
    yield Facts(
        (
            ("Response", document.response or ""),
            ("Fixed effects", document.fixed_effects),
            ("Rows", f"{fit.n:,} of {found.table.n:,}"),
            ("Method", fit.method),
            ("Log-likelihood", _signed(f"{fit.loglik:.4f}")),
            ("AIC", _signed(f"{fit.aic:.3f}")),
            ("BIC", _signed(f"{fit.bic:.3f}")),
            ("Parameters", f"{fit.p} of the means, {len(found.estimate.values)} of V"),
        ),
        short=True,
    )
    if fit.boundary and fit.converged:
        yield Text(f"At the end of their range: {', '.join(fit.boundary)}.", "quiet")


def _signed(number: str) -> str:
    """A number with a minus sign in place of a hyphen."""
    return number.replace("-", "\N{MINUS SIGN}")


# --- data


def _data(found: Fitted) -> Iterator[Block]:
    document = found.document
    table, _ = under_choices(document, found.table)
    assert table is not None, "a fit has a table"
    used = used_rows(document, found.table, found.fit.n)
    told = f"{table.name}: {count(table.n, 'row')}, {count(len(table.columns), 'column')}."
    left_out = table.n - len(used.numbers)
    if left_out:
        told += f" {left_out:,} of the rows lack a value that the model needs, and were left out."
    yield Text(told)
    roles = roles_of(document, found.table)
    of_model = set(used_columns(document))
    rows = [
        {
            "column": name,
            "role": _role(roles.get(name, ""), name in of_model),
            "values": _values(table, name, roles.get(name, "")),
            "missing": int(table.missing(name).sum()),
        }
        for name in table.columns
    ]
    yield Frame("Columns", pd.DataFrame(rows))
    if document.choices.steps:
        yield Notes(tuple(map(str, document.choices.steps)))
    for name, relation in document.relations.items():
        yield Text(f"Second table {name}: {relation.summary}.")
    if table.notes:
        yield Notes(tuple(table.notes))


def _role(role: str, used: bool) -> str:
    """What a column is for; one that is no fixed effect may be used in V."""
    if not used:
        return "not used"
    return "in V" if role in ("", "ignored") else role


def _values(table: Table, name: str, role: str) -> str:
    """What stands in a column, in a few words."""
    if table.is_numeric(name) and role != "factor":
        values = table.numbers(name)
        values = values[np.isfinite(values)]
        if not values.size:
            return "none"
        return f"{values.min():g} to {values.max():g}, mean {values.mean():.4g}".replace(
            "-", "\N{MINUS SIGN}"
        )
    levels = table.levels(name)
    first = ", ".join(levels[:NAMED])
    return f"{count(len(levels), 'level')}: {first}{', …' if len(levels) > NAMED else ''}"


# --- model


def _model(found: Fitted) -> Iterator[Block]:
    document = found.document
    yield Text(f"{document.response} ~ {document.fixed_effects}, with the covariance matrix")
    built = build(document, found.table)
    assert built.v is not None, "what was fitted has a V"
    yield Formula(equation_of(built.v, found.fit.params))
    yield Tree(tuple(_branches(document, found, built.paths, built.sizes)))


def _branches(document: Document, found: Fitted, paths: Any, sizes: Any) -> Iterator[Branch]:
    """The nodes below V from above to below, operands after the node they belong to."""
    assert document.v is not None
    waiting: list[tuple[str, tuple[bool, ...]]] = [(document.v, ())]
    while waiting:
        node_id, last = waiting.pop()
        node = document.nodes[node_id]
        declared = declaration(node.kind)
        shape = sizes.get(node_id)
        size = "" if shape is None else f", {shape[0]:,} × {shape[1]:,}"
        about = [*_arguments(node), *_own_values(node, found, paths.get(node_id, ""))]
        words = f"{declared.title}{size}"
        yield Branch(len(last), node.name, declared.kind, words, "; ".join(about), last)
        below = [(child, (*last, k == len(node.children) - 1)) for k, child in enumerate(node.children)]
        waiting += reversed(below)


def _arguments(node: Node) -> Iterator[str]:
    for value in node.arguments.values():
        words = _argument(value)
        if words:
            yield words


def _argument(value: ArgumentValue) -> str:
    """An argument in words; "" where it says nothing that its size does not."""
    if isinstance(value, Columns):
        return " × ".join(value.names)
    if isinstance(value, Levels):
        return f"levels of {' × '.join(value.columns)}"
    if isinstance(value, Related):
        return f"second table {value.name}"
    if isinstance(value, Values) or (isinstance(value, tuple) and value):
        return "written out"
    if isinstance(value, Auto | Rows | bool | int | float | tuple):
        return ""
    return str(value)


def _own_values(node: Node, found: Fitted, path: str) -> Iterator[str]:
    """The values of the parameters that a node has itself."""
    start = f"{path}/" if path else ""
    own = [
        (name.removeprefix(start), value)
        for name, value in found.fit.params.items()
        if name.startswith(start) and "/" not in name.removeprefix(start)
    ]
    fixed = set(found.estimate.fixed_parameters)
    for name, value in own[:6]:
        held = " (fixed)" if f"{start}{name}" in fixed else ""
        yield f"{parameter_label(name)} = {value:.4g}{held}".replace("-", "\N{MINUS SIGN}")
    if len(own) > 6:
        yield f"{len(own) - 6} more"


# --- estimates


def _estimates(found: Fitted) -> Iterator[Block]:
    frames = found.tables
    yield kept("Parameters of V", frames["variance_components"], "found.components")
    if found.fit.covariance.coordinates:
        yield Text(f"Standard errors from the {found.fit.covariance.source}; intervals of 95 %.", "quiet")
    named = effects_records(found.estimate.varcorr)
    for rows, which in zip(named, ("==", "!="), strict=False):
        title, *_ = rows[0]
        frame = pd.DataFrame(rows).rename(columns={title: "effect"})
        yield kept(title, frame, f'found.varcorr[found.varcorr["var2"] {which} ""]')
    if named:
        yield Text(
            "Standard errors by the delta method; parameters at an end of their range are taken as known.",
            "quiet",
        )
    if len(frames["variance_shares"]) > 1:
        yield kept("Terms of V", frames["variance_shares"], 'found.tables["variance_shares"]')
        yield Text("The variance of a term is its mean over the rows.", "quiet")
    if len(frames["derived"]):
        yield kept("Derived quantities", frames["derived"], 'found.tables["derived"]')
    yield kept("Fixed effects", frames["fixed_effects"], "found.fixed")
    if found.estimate.references:
        said = ", ".join(f"{factor} {level}" for factor, level in found.estimate.references.items())
        yield Text(f"Levels are compared with {said}.", "quiet")


# --- tests and means


def _tests(found: Fitted) -> Iterator[Block]:
    frames = found.tables
    if len(frames["tests"]):
        degrees = found.estimate.inferred.degrees
        title = f"Terms of the fixed effects{f', degrees of freedom of {degrees}' if degrees else ''}"
        yield kept(title, frames["tests"], 'found.tables["tests"]')
    if len(frames["variance_tests"]):
        yield kept("V without a term", frames["variance_tests"], 'found.tables["variance_tests"]')


def _means(found: Fitted) -> Iterator[Block]:
    document = found.document
    roles = roles_of(document, found.table)
    levels = design_of(document, found.table).source
    for name in formula_names(document.fixed_effects):
        if roles.get(name) != "factor" or levels is None:
            continue
        number = len(levels[0].levels(name))
        if number > LEVELS:
            yield Text(f"{name} has {number:,} levels, whose means are not compared here.", "quiet")
            continue
        try:
            means = found.means(name)
            frame = means.frame()
        except ValueError as error:
            yield Text(f"Means of {name}: {error}", "quiet")
            continue
        sed = means.sed.to_numpy()[np.triu_indices(len(frame), 1)]
        note = "Means that share a letter do not differ at 5 % (Tukey)."
        if sed.size:
            note += f" Standard error of a difference: {_from_to(sed)}."
        if means.back != "none":
            note = f"Back from {means.back}. {note}"
        yield Frame(f"Means of {name}", frame, code=f"found.means({name!r}).frame()", note=note)


def _from_to(values: Any) -> str:
    low, high = float(np.min(values)), float(np.max(values))
    return f"{low:.4g}" if f"{low:.3g}" == f"{high:.3g}" else f"{low:.4g} to {high:.4g}"


# --- random effects and pictures


def _effects(found: Fitted) -> Iterator[Block]:
    blups = found.random
    for term, own in blups.groupby("term", sort=False):
        frame = own.drop(columns="term").reset_index(drop=True)
        code = f'found.random[found.random["term"] == {str(term)!r}]'
        yield Frame(f"Predicted effects of {term}", frame, most=EFFECTS, code=code)


def _pictures(found: Fitted, kinds: Sequence[str]) -> Iterator[Block]:
    for kind in kinds:
        try:
            svg = found.plot.svg(kind, theme=None, width=WIDTH, height=HEIGHT)
        except ValueError:
            if kind not in (*FIT_PICTURES.names(), *MATRIX_PICTURES.names()):
                raise
            # A fit that has no such picture: no field, no factor, nothing along which rows stand.
            continue
        yield Picture(svg, svg.width > 1.4 * WIDTH, f"found.plot({kind!r})")


# --- how it was computed


def _computed(found: Fitted) -> Iterator[Block]:
    fit = found.fit
    yield Facts(
        (
            ("Result", fit.message),
            ("Engine", f"{fit.engine}: {fit.engine_reason}" if fit.engine_reason else fit.engine),
            *((name, text) for name, text in (found.versions or versions()).items()),
        )
    )
    notes = dict.fromkeys((*found.notes, *found.estimate.notes, *found.estimate.inferred.notes))
    if notes:
        yield Notes(tuple(notes))


def _program(found: Fitted) -> Iterator[Block]:
    exporter = exporters()[0]
    # The program of the fit: it prints V at the estimates.
    document = SetParameters(found.estimate.values).apply(found.document)
    if reasons := exporter.missing(document, found.table):
        yield Text(f"There is no program of this model. {' '.join(reasons)}", "quiet")
        return
    lines = exporter.source(document, found.table).split("\n")
    yield Text(
        f"{exporter.file} prints V at the estimates, and the fit of a table that it is given: "
        f"python {exporter.file} TABLE.csv."
    )
    if len(lines) > LINES:
        yield Text(
            f"The first {LINES} of {len(lines):,} lines; all of them: covstudio export MODEL.json.", "quiet"
        )
    yield Code("\n".join(lines[:LINES]).rstrip() + "\n", exporter.name)
