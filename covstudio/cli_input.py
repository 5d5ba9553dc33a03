"""The model and the table that a command is given, and what it says about them.

`covstudio fit` and `covstudio export` take the same words, so that a program gives the fit of the command.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from covstudio.cli_table import (
    InputError,
    add_table_arguments,
    content_of,
    pair,
    relation_in,
    relations_of,
    repeated,
    said_of_table,
)
from covstudio.cli_template import add_template_arguments, template_and_table

# Nothing else is imported here: `covstudio --version` answers at once.
if TYPE_CHECKING:
    from covstudio.data.roles import Role
    from covstudio.data.tables import Table
    from covstudio.document.changes.change import Change
    from covstudio.document.model.document import Document
    from covstudio.fitting import Fitted

#: What a command may say of a formula, beside it.
FORMULA_TEXTS = ("dialect", "random", "correlation", "weights", "residual", "dispformula", "contrasts")


def add_model_arguments(
    parser: argparse.ArgumentParser, model: str = "a model saved by the app, or a formula"
) -> None:
    """Add the model and the table of a command.

    Args:
        parser: of a command.
        model: what it may be.
    """
    parser.add_argument("model", metavar="MODEL", help=f"{model}; left out beside --template")
    parser.add_argument(
        "data", metavar="DATA", nargs="?", help="the table; by default the one saved with the model"
    )
    add_template_arguments(parser)


def add_refit_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what a fit is asked for beside its estimates, which takes further fits.

    Args:
        parser: of a command.
    """
    parser.add_argument(
        "--profile", action="store_true", help="add 95 %% intervals by profile likelihood, found by refits"
    )
    parser.add_argument(
        "--test-terms",
        action="store_true",
        help="test the terms of V by the likelihood ratio, each against the model without it",
    )


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the words that say something about the model and its table.

    Args:
        parser: of a command.
    """
    model = parser.add_argument_group("the model", "in place of what is saved with it")
    model.add_argument("--response", metavar="COLUMN", help="the column to explain")
    model.add_argument("--fixed", metavar="FORMULA", help="the fixed effects, such as '1 + rep'")
    repeated(model, "--factor", "COLUMN", "take COLUMN as a factor")
    repeated(model, "--covariate", "COLUMN", "take COLUMN as numbers")
    model.add_argument("--method", choices=("REML", "ML"), help="how it is fitted (REML)")
    model.add_argument(
        "--degrees",
        choices=("satterthwaite", "kenward-roger", "kenward-roger-observed"),
        help="how fixed effects are tested (satterthwaite); kenward-roger-observed goes by the observed "
        "information, as SAS has it",
    )
    model.add_argument(
        "--drop-dependent",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="leave out columns of X that depend on others, or refuse them",
    )
    repeated(
        model, "--derive", "EXPRESSION", "a function of the parameters, such as 'h2 = gen / (gen + residual)'"
    )
    formula = parser.add_argument_group("a formula", "in place of a model file, in the words of its system")
    formula.add_argument(
        "--dialect", metavar="SYSTEM", help="lme4 (by default), glmmTMB, nlme, asreml or sas"
    )
    for name, words in (
        ("random", "random effects of nlme or ASReml, such as '~ age | Subject'"),
        ("correlation", "of nlme, such as 'corAR1(form = ~ 1 | Subject)'"),
        ("weights", "of lme4 or nlme, such as 'varIdent(form = ~ 1 | Sex)'"),
        ("residual", "of ASReml, such as '~ ar1(row):ar1(col)'"),
        ("dispformula", "of glmmTMB, such as '~ Sex'"),
        ("contrasts", "of R, such as 'list(rep = contr.sum)'"),
    ):
        formula.add_argument(f"--{name}", metavar="TEXT", help=words)
    second = parser.add_argument_group(
        "second tables", "pedigrees, markers, relationship matrices or inverses"
    )
    repeated(
        second,
        "--table",
        "NAME=FILE",
        "the table that a model or a formula calls NAME, as K in vm(gen, K); its kind is seen, or said: "
        "NAME=pedigree:FILE, markers:, relationship: or inverse:",
    )
    repeated(
        second,
        "--known",
        "COLUMN=TABLE",
        "the levels of COLUMN are related as a second table says, by NAME or FILE",
    )
    second.add_argument(
        "--errors",
        metavar="COLUMN|FILE",
        help="the errors' variances, where these are known: a column that has them, or the file of their "
        "covariance matrix, its rows named as a column names those of the table",
    )
    add_table_arguments(parser)


def model_and_table(arguments: argparse.Namespace) -> tuple[Document, Table | None]:
    """The document of a model file, and the table that is given or was saved with it.

    Args:
        arguments: of a command.

    Raises:
        InputError: a file is not there or not what it should be.
    """
    from dataclasses import replace

    from covstudio.data.errors import ChoiceError, TableError
    from covstudio.data.reading import read_table
    from covstudio.document.files.write import DocumentError, loads

    if getattr(arguments, "template", None) is not None:
        path = arguments.model if arguments.data is None else arguments.data
        return template_and_table(arguments, _read(arguments, path))
    if given := [name for name in ("part", "held") if getattr(arguments, name, None)]:
        raise InputError(f"--{given[0]} goes with --template NAME.")
    if is_formula(arguments.model):
        return _of_formula(arguments)
    if given := [name for name in FORMULA_TEXTS if getattr(arguments, name) is not None]:
        raise InputError(f"--{given[0]} goes with a formula, and {arguments.model} is a model file.")
    if arguments.errors is not None:
        raise InputError(
            f"--errors goes with a formula; in {arguments.model} a structure has their variances."
        )
    content = content_of(Path(arguments.model))
    try:
        document, table = loads(content)
    except DocumentError as error:
        raise InputError(f"{arguments.model}: {error}") from None
    try:
        said = said_of_table(arguments)
    except ChoiceError as error:
        raise InputError(str(error)) from None
    document = _with_relations(replace(document, choices=said.over(document.choices)), arguments)
    if arguments.data is not None:
        try:
            table = read_table(arguments.data, choices=document.choices)
        except TableError as error:
            # Two files are given: the message says which it is about.
            named = arguments.data in str(error)
            raise InputError(str(error) if named else f"{arguments.data}: {error}") from None
    if table is not None:
        table.require(said.columns)
        for column, one in said.columns.items():
            _check_levels(table, column, one.levels)
    return document, table


def saved_fit(arguments: argparse.Namespace) -> Fitted | None:
    """The saved fit that a command is given in place of a model; None for a model or a formula.

    Args:
        arguments: of a command.

    Raises:
        InputError: a table is given beside it.
    """
    from covstudio.fitting import read_fit

    path = Path(arguments.model)
    if arguments.template is not None or is_formula(arguments.model) or not path.is_file():
        return None
    with path.open("rb") as file:
        if b'"covstudio_fit"' not in file.read(100):
            return None
    if arguments.data is not None:
        raise InputError(f"{path} is a saved fit and has its table: leave out {arguments.data}.")
    return read_fit(path)


def is_formula(text: str) -> bool:
    """Whether the words of a command name a formula or a call, and no file.

    Example:
        >>> is_formula("yield ~ rep + (1 | gen)"), is_formula("model.json")
        (True, False)
    """
    return ("~" in text or text.lstrip().casefold().startswith("proc ")) and not Path(text).is_file()


def _read(arguments: argparse.Namespace, path: str) -> Table:
    """The table of a formula or a template, read as the command says."""
    from covstudio.data.reading import read_table

    said = said_of_table(arguments)
    table = read_table(path, choices=said)
    table.require(said.columns)
    for column, one in said.columns.items():
        _check_levels(table, column, one.levels)
    return table


def _of_formula(arguments: argparse.Namespace) -> tuple[Document, Table | None]:
    """The document that a formula means, and the table that it is about."""
    from covstudio.formula import read

    table = None if arguments.data is None else _read(arguments, arguments.data)
    texts = {name: text for name in FORMULA_TEXTS if (text := getattr(arguments, name)) is not None}
    dialect = texts.pop("dialect", None)
    roles: dict[str, Role] = dict.fromkeys(arguments.factor, "factor")
    roles |= dict.fromkeys(arguments.covariate, "covariate")
    matrices = relations_of(arguments)
    known = {}
    for text in arguments.known:
        column, wanted = pair("--known", text)
        known[column] = wanted if wanted in matrices else relation_in(wanted, column)
    reading = read(
        arguments.model,
        table,
        dialect=dialect,
        method=arguments.method,
        matrices=matrices,
        known=known,
        roles=roles,
        errors=arguments.errors,
        **texts,
    )
    return reading.document, table


def _with_relations(document: Document, arguments: argparse.Namespace) -> Document:
    """A model with the second tables of a command in place of its own."""
    from covstudio.data.errors import suggestion
    from covstudio.document.build.relations import related_nodes
    from covstudio.document.changes.all import Batch, SetRelation

    if arguments.known:
        raise InputError("--known goes with a formula; in a model, the structures say which table they take.")
    given = relations_of(arguments)
    used = dict.fromkeys(name for _, name in related_nodes(document).values())
    for name in given:
        if name not in used and name not in document.relations:
            told = suggestion(name, list(used), "second table") if used else "The model uses none."
            raise InputError(f"--table names {name!r}, and the model has no such table. {told}")
    return Batch([SetRelation(name, relation) for name, relation in given.items()]).apply(document)


def _check_levels(table: Table, column: str, levels: tuple[str, ...]) -> None:
    """Refuse an order that leaves out a level of the column."""
    from covstudio.data.errors import listed, shown

    left_out = [level for level in table.levels(column) if level not in levels] if levels else []
    if left_out:
        rows = [level for level in levels if level not in table.levels(column)]
        unknown = f", while no row has {listed(rows, word='or')}" if rows else ""
        raise InputError(
            f"--levels leaves out {listed(left_out)} of {shown(column)}{unknown}. Name every level once, in "
            f"their order, such as --levels {column}={','.join((*levels, *left_out))}."
        )


def bound(document: Document, table: Table | None, arguments: argparse.Namespace) -> Document:
    """The document with this table as its data, and with what the command says in place of its own words.

    Args:
        document: the model.
        table: its data; without any, roles are left as they are.
        arguments: of a command.

    Raises:
        InputError: the words contradict one another, or no response is named where there is a table.
    """
    from covstudio.data.formula import parse_formula
    from covstudio.document.changes.all import (
        Batch,
        SetDegrees,
        SetDerived,
        SetDropDependent,
        SetFixedEffects,
        SetMethod,
    )

    fixed = arguments.fixed if arguments.fixed is not None else document.fixed_effects
    named = parse_formula(fixed).response
    if named is not None:
        fixed = fixed.split("~", named.count("~") + 1)[-1]
        if arguments.response not in (None, named):
            raise InputError(
                f"--fixed explains {named!r} and --response is {arguments.response!r}. Leave out one of them."
            )
    both = sorted(set(arguments.factor) & set(arguments.covariate))
    if both:
        raise InputError(f"{both[0]!r} is given both as --factor and as --covariate. Leave out one of them.")
    changes: Sequence[Change] = [
        *_data_changes(document, table, arguments.response or named or document.response, arguments),
        SetFixedEffects(fixed),
        SetMethod(arguments.method or document.method),
        SetDegrees(arguments.degrees or document.degrees),
        SetDropDependent(
            document.drop_dependent if arguments.drop_dependent is None else arguments.drop_dependent
        ),
        SetDerived([*document.derived, *arguments.derive]),
    ]
    return Batch(changes).apply(document)


def _data_changes(
    document: Document, table: Table | None, response: str | None, arguments: argparse.Namespace
) -> list[Change]:
    """The table as the document's data, with a role for every column."""
    from covstudio.data.roles import completed_roles
    from covstudio.document.build.roles import under_choices
    from covstudio.document.changes.all import SetData, SetResponse, SetRoles

    given: dict[str, Role] = {
        **dict.fromkeys(arguments.factor, "factor"),
        **dict.fromkeys(arguments.covariate, "covariate"),
    }
    if table is None:
        changes: list[Change] = [SetRoles(given)] if given else []
        return [*changes, SetResponse(response)] if response != document.response else changes
    if response is None and arguments.command in ("fit", "report"):
        raise InputError("The model names no response. Give the column to explain, such as --response yield")
    table.require([*([] if response is None else [response]), *given])
    under, misfit = under_choices(document, table)
    if under is None or misfit is not None:
        raise InputError(misfit or "There is no table.")
    roles = completed_roles(under, {**document.roles, **given}, response)
    return [SetData(table.name, roles, response, document.choices.over(table.choices))]
