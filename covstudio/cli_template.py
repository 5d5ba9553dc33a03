"""Models that stand ready, on the command line: `covstudio fit --template NAME DATA`."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from textwrap import fill
from typing import TYPE_CHECKING, Any

from covstudio.cli_table import InputError, pair, relation_in, relations_of, repeated

# Nothing else is imported here: `covstudio --version` answers at once.
if TYPE_CHECKING:
    from covstudio.data.relation import Relation
    from covstudio.data.roles import Role
    from covstudio.data.tables import Table
    from covstudio.document.files.templates import Template
    from covstudio.document.files.templates.parts import PartsMissing
    from covstudio.document.model.document import Document

__all__ = ["add_template_arguments", "template_and_table"]

#: What goes with a formula alone.
_OF_FORMULAS = ("dialect", "random", "correlation", "weights", "residual", "dispformula", "contrasts")


def add_template_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the words for a model that stands ready.

    Args:
        parser: of a command.
    """
    group = parser.add_argument_group("a template", "in place of a model file: a model that stands ready")
    group.add_argument("--template", metavar="NAME", help="its name; --list-templates has them")
    repeated(
        group,
        "--part",
        "PART=COLUMN",
        "the column that a part of it is: several with commas, none for none, a second table by its NAME or "
        "its FILE; what is not said is guessed",
    )
    repeated(group, "--held", "PARAMETER=VALUE", "a parameter of V that is known, such as residual/sigma^2=1")
    group.add_argument(
        "--list-templates", action=_List, nargs=0, help="say what templates there are, with their parts"
    )


class _List(argparse.Action):
    """Prints the templates, and ends the command."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        from covstudio.document.files.templates import TEMPLATES

        print("\n\n".join(map(_told, TEMPLATES)))
        parser.exit()


def _told(template: Template) -> str:
    """A template with its parts, for a terminal."""
    lines = [f"{template.name}: {template.title}"]
    lines.append(fill(template.description, width=96, initial_indent="    ", subsequent_indent="    "))
    for needed, words in ((True, "parts"), (False, "may have")):
        names = [part.name for part in template.parts if part.needed is needed]
        if names:
            lines.append(f"    {words}: {', '.join(names)}")
    return "\n".join(lines)


def template_and_table(arguments: argparse.Namespace, table: Table) -> tuple[Document, Table]:
    """The document of a template for a table, and the table.

    Args:
        arguments: of a command.
        table: the data.

    Raises:
        InputError: a word goes with formulas or models alone, or the table does not tell a part.
        ValueError: there is no such template, part, column or parameter.
    """
    from covstudio.document.files.templates.parts import PartsMissing
    from covstudio.templated import templated_document

    if arguments.data is not None:
        raise InputError(
            f"Beside --template stands the table alone, and these are {arguments.model!r} and "
            f"{arguments.data!r}. Leave out the model."
        )
    for name in (*_OF_FORMULAS, "errors"):
        if getattr(arguments, name) is not None:
            raise InputError(f"--{name} goes with a formula, and --template has a model of its own.")
    if arguments.known:
        raise InputError("--known goes with a formula; a template has second tables as parts: --part.")
    relations = relations_of(arguments)
    roles: dict[str, Role] = dict.fromkeys(arguments.factor, "factor")
    roles |= dict.fromkeys(arguments.covariate, "covariate")
    try:
        document = templated_document(
            arguments.template,
            table,
            response=arguments.response,
            fixed=arguments.fixed,
            roles=roles,
            relations=relations,
            held=_held(arguments.held),
            method=arguments.method or "REML",
            **_parts(arguments, relations),
        )
    except PartsMissing as error:
        raise InputError(_asked(arguments, error)) from None
    return document, table


def _parts(arguments: argparse.Namespace, relations: Mapping[str, Relation]) -> dict[str, Any]:
    """What the command says of parts."""
    from covstudio.document.files.templates import TEMPLATES

    found: dict[str, Any] = {}
    kinds = {part.name: part for part in TEMPLATES[arguments.template].parts}
    for text in arguments.part:
        name, value = pair("--part", text)
        if name in found:
            raise InputError(f"--part says {name!r} twice. Columns of one part are joined by commas.")
        part = kinds.get(name)
        if value == "none":
            found[name] = None
        elif part is not None and part.holds == "relation":
            found[name] = value if value in relations else relation_in(value, name)
        elif part is not None and part.several:
            found[name] = tuple(one.strip() for one in value.split(","))
        else:
            found[name] = value
    return found


def _held(said: list[str]) -> dict[str, float]:
    """Parameters with their values."""
    found = {}
    for text in said:
        path, value = pair("--held", text)
        try:
            found[path] = float(value)
        except ValueError:
            raise InputError(f"--held takes a number for {path!r}, and got {value!r}.") from None
    return found


def _asked(arguments: argparse.Namespace, missing: PartsMissing) -> str:
    """What a table does not tell, and the words that say it."""
    from covstudio.document.files.templates import TEMPLATES
    from covstudio.document.files.templates.parts import suggested

    asked = " ".join(question.text for question in missing.questions)
    said = " ".join(
        f"--part {name}={'...' if one is None else shlex.quote(one)}"
        for name, one in suggested(missing.questions).items()
    )
    return f"{TEMPLATES[arguments.template].title}: {asked} Say it: {said}"
