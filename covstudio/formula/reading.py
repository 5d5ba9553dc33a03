"""Reading: from a formula of some system to a document."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from covstudio.data.errors import TableError, listed, shown, suggestion
from covstudio.data.relation_reading import relation_of
from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.model.document import Document, Method
from covstudio.formula.dialect import DIALECTS, Request
from covstudio.formula.known import with_known
from covstudio.formula.known_errors import with_errors
from covstudio.formula.refusals import Refusal
from covstudio.formula.source import Study
from covstudio.formula.tree import document_of
from covstudio.formula.words import TITLES

__all__ = ["Reading", "read_formula"]


@dataclass(frozen=True, eq=False)
class Reading:
    """What a formula means.

    Attributes:
        document: the model: open it in the app, save it, export it, fit it.
        dialect: the system whose words were read.
        texts: what was read, by name.
        data: the name of the data that a call names, or "".
        notes: what the reader should know.
    """

    document: Document
    dialect: str
    texts: Mapping[str, str]
    data: str = ""
    notes: tuple[str, ...] = ()


def read_formula(
    texts: Mapping[str, str],
    table: Table | None,
    dialect: str,
    method: str | None = None,
    matrices: Mapping[str, Any] | None = None,
    known: Mapping[str, Any] | None = None,
    data: str = "",
    roles: Mapping[str, Role] | None = None,
    errors: Any = None,
) -> Reading:
    """The document that formulas mean.

    Args:
        texts: "formula", and what the dialect takes beside it.
        table: the data; without them, columns are numbers unless they are used as groups.
        dialect: "lme4", "glmmTMB", "nlme", "asreml" or "sas".
        method: "REML" or "ML"; None for what the system does by itself.
        matrices: second tables by name: pedigrees, markers, relationship matrices.
        known: group -> a second table with the relationships of its levels, or the name of one.
        data: the name of the data, where a call names them.
        roles: what somebody has said that columns are, whatever they look like.
        errors: the variances or the covariance matrix of the errors, where these are known.

    Raises:
        Refusal: something is not read; the word, its place and what would do.
    """
    chosen = _dialect(dialect)
    for name in texts:
        if name != "formula" and name not in chosen.options:
            raise _other_option(name, texts[name], chosen.name)
    if "formula" not in texts and chosen.name != "sas":
        raise Refusal("formula", 0, "there is no formula", "Give one, such as yield ~ rep + (1 | gen).")
    if method not in (None, "REML", "ML"):
        raise Refusal(str(method), 0, "a model is fitted by REML or ML", 'Write method="REML".')
    used = cast("Method", method or chosen.method)
    study = Study(table, chosen.name, roles)
    request = Request(dict(texts), study, used, matrices or {})
    model = chosen.read(request)
    model.relations |= request.relations
    with_known(model, known or {}, matrices or {}, partial(_levels, study))
    model.notes += _unused(matrices or {}, {*model.relations, *_names(known or {})})
    with_errors(model, errors, study)
    model.choices = study.choices
    model.roles = {**model.roles, **study.roles}
    title = " ".join(texts.get("formula", model.response).split())
    document = document_of(
        model,
        title if len(title) <= 120 else f"{title[:119]}\u2026",
        table.name if table is not None else data or None,
    )
    return Reading(document, chosen.name, dict(texts), data, tuple(model.notes))


def _names(known: Mapping[str, Any]) -> list[str]:
    """The second tables that `known` names."""
    return [one for one in known.values() if isinstance(one, str)]


def _unused(matrices: Mapping[str, Any], used: Collection[str]) -> list[str]:
    """Second tables that the formula does not name, which are tables all the same.

    Raises:
        Refusal: one is no table.
    """
    left = [name for name in matrices if name not in used]
    for name in left:
        try:
            relation_of(matrices[name], None, name=name)
        except TableError as error:
            raise Refusal(
                name, 0, str(error), "Give a pedigree, markers or a relationship matrix, or leave it out."
            ) from None
    return [f"The formula does not use the second table {shown(name)}." for name in left]


def _levels(study: Study, group: str) -> tuple[str, ...] | None:
    under = study.under
    return None if under is None or group not in under.columns else under.levels(group)


def _dialect(name: str) -> Any:
    known = {one.name.casefold(): one for one in DIALECTS}
    found = known.get(str(name).casefold().replace("asreml-r", "asreml").replace("proc mixed", "sas"))
    if found is None:
        names = [one.name for one in DIALECTS]
        raise Refusal(str(name), 0, "there is no such dialect", suggestion(str(name), names, "dialect"))
    return found


def _other_option(name: str, text: str, dialect: str) -> Refusal:
    owners = [one.name for one in DIALECTS if name in one.options]
    own = DIALECTS[dialect]
    remedy = f'Write dialect="{owners[0]}".' if owners else "Leave it out."
    if own.options:
        remedy += f" Beside the formula, {own.title} takes {listed(own.options, limit=9)}."
    why = f"{TITLES[dialect]} takes no {name}"
    if owners:
        why += f", which is {TITLES[owners[0]]}'s"
    return Refusal(f"{name} = {shown(text, 30)[1:-1]}", 0, why, remedy)
