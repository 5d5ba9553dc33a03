"""The words of a command that say how the file of its table is read."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

# Nothing else is imported here: `covstudio --version` answers at once.
if TYPE_CHECKING:
    from covstudio.data.choices import TableChoices
    from covstudio.data.relation import Relation
    from covstudio.data.steps import Step

MAX_MODEL_BYTES = 500_000_000


class InputError(ValueError):
    """Something in what was given that only the command line can name."""


def add_table_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the words that say how the file of a table is read.

    Args:
        parser: of a command.
    """
    table = parser.add_argument_group("the table", "what its file does not say by itself")
    table.add_argument(
        "--choices", metavar="FILE", help="all of this as JSON, as `covstudio inspect -o FILE` writes it"
    )
    repeated(
        table,
        "--missing",
        "[COLUMN=]CODE",
        "CODE means 'no value', in one column or in all",
    )
    repeated(table, "--reference", "COLUMN=LEVEL", "the level that the others of a factor are compared with")
    repeated(table, "--levels", "COLUMN=A,B,...", "all levels of a factor in their order")
    repeated(table, "--text", "COLUMN", "take COLUMN for labels, whatever it looks like")
    repeated(table, "--dates", "COLUMN=ORDER", "COLUMN holds dates, ORDER is dmy, mdy or ymd")
    for option, metavar, words in (
        ("--compute", "NAME=EXPRESSION", "a further column, such as 'ly=log(yield)'"),
        ("--recode", "COLUMN:OLD,...=NEW", "other labels; several become one level; NA for no value"),
        ("--rename", "COLUMN=NAME", "another name for a column"),
        ("--keep", "EXPRESSION", "only the rows where it holds, such as 'yield > 0'"),
    ):
        table.add_argument(
            option, dest="steps", action=_Step, metavar=metavar, help=f"{words}; may be repeated, in order"
        )
    table.add_argument("--decimal", choices=(".", ","), help="the decimal mark of all numbers")
    table.add_argument(
        "--thousands", metavar="MARK", help="the mark between thousands: . , ' or space; none for no mark"
    )
    table.add_argument("--header", type=int, metavar="LINE", help="the line that names the columns")
    table.add_argument("--separator", metavar="MARK", help="what stands between fields; 'tab' for a tab")
    table.add_argument("--widths", metavar="8,5,5", help="how many characters each field takes")
    table.add_argument("--encoding", metavar="NAME", help="of the characters of a text, such as windows-1252")
    table.add_argument("--sheet", metavar="NAME", help="the sheet of a workbook, by its name or number")
    table.add_argument("--member", metavar="FILE", help="the file in a zip archive")


class _Step(argparse.Action):
    """Keeps what is done to a table in the order in which it is said, whichever word says it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        namespace.steps = [*(namespace.steps or []), (self.option_strings[0], str(values))]


def _steps(said: Sequence[tuple[str, str]]) -> list[Step]:
    """What is done to the table, in the order in which it is said."""
    from covstudio.data.steps import Compute, Keep, Recode, Rename

    found: list[Step] = []
    for option, text in said:
        if option == "--keep":
            found.append(Keep(text))
            continue
        name, value = pair(option, text)
        if option == "--compute":
            found.append(Compute(name, value.strip()))
        elif option == "--rename":
            found.append(Rename(name, value))
        else:
            column, colon, old = name.partition(":")
            if not colon or not old:
                raise InputError(f"--recode takes COLUMN:OLD[,OLD...]=NEW, and got {text!r}.")
            olds = [one.strip() for one in old.split(",")]
            found.append(Recode(column.strip(), dict.fromkeys(olds, None if value == "NA" else value)))
    return found


def repeated(group: argparse._ArgumentGroup, name: str, metavar: str, words: str) -> None:
    """Add a word that may be said several times."""
    group.add_argument(name, action="append", default=[], metavar=metavar, help=f"{words}; may be repeated")


def said_of_table(arguments: argparse.Namespace) -> TableChoices:
    """What the command says about the table."""
    from covstudio.data.choices import TableChoices
    from covstudio.data.errors import listed, shown

    separator = {"tab": "\t", "space": " "}.get(arguments.separator, arguments.separator)
    everywhere = [code for code in arguments.missing if "=" not in code[1:] or code.startswith("=")]
    choices = TableChoices(
        separator=separator,
        header=arguments.header,
        decimal=arguments.decimal,
        thousands={"space": " ", "none": ""}.get(arguments.thousands, arguments.thousands),
        widths=_widths(arguments.widths),
        encoding=arguments.encoding,
        sheet=arguments.sheet,
        member=arguments.member,
        missing=tuple(code.removeprefix("=") for code in everywhere),
    )
    for text in arguments.missing:
        if text not in everywhere:
            column, code = pair("--missing", text)
            choices = choices.with_column(column, missing=(*choices.column(column).missing, code))
    for text in arguments.reference:
        column, level = pair("--reference", text)
        choices = choices.with_column(column, reference=level)
    for text in arguments.levels:
        column, levels = pair("--levels", text)
        named = [level.strip() for level in levels.split(",")]
        twice = [level for level in dict.fromkeys(named) if named.count(level) > 1]
        if twice:
            raise InputError(
                f"--levels names {listed(twice)} of {shown(column)} more than once. Name every level once, "
                f"in their order, such as --levels {column}={','.join(dict.fromkeys(named))}."
            )
        choices = choices.with_column(column, levels=tuple(named))
    for column in arguments.text:
        choices = choices.with_column(column, kind="text")
    for text in arguments.dates:
        column, order = pair("--dates", text)
        choices = choices.with_column(column, kind="date", order=order)
    choices = choices.and_step(*_steps(arguments.steps or ()))
    return choices.over(_kept(arguments.choices)) if arguments.choices else choices


def _widths(text: str | None) -> tuple[int, ...]:
    parts = [] if text is None else text.split(",")
    if not all(part.strip().isdecimal() for part in parts):
        raise InputError(
            f"--widths takes whole numbers with commas between them, such as 8,5,5, and got {text!r}."
        )
    return tuple(int(part) for part in parts)


def _kept(path: str) -> TableChoices:
    """The choices in a file."""
    import json

    from covstudio.data.choices import TableChoices

    try:
        content = json.loads(content_of(Path(path), "The file of choices"))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise InputError(
            f"{path} should hold choices as JSON, and is none{where}. covstudio inspect DATA -o FILE writes "
            "one."
        ) from None
    return TableChoices.from_dict(content)


def pair(option: str, text: str) -> tuple[str, str]:
    """The column and the value that stand in one word."""
    column, equals, value = text.partition("=")
    if not equals or not column.strip() or not value:
        raise InputError(f"{option} takes a column and a value with = between them, and got {text!r}.")
    return column.strip(), value


def relations_of(arguments: argparse.Namespace) -> dict[str, Relation]:
    """The second tables that a command names.

    Args:
        arguments: of a command.

    Raises:
        InputError: a file is no second table.
    """
    pairs = (pair("--table", text) for text in arguments.table)
    return {name: relation_in(file, name) for name, file in pairs}


def relation_in(text: str, name: str) -> Relation:
    """A second table from the path of its file, with its kind before it or without.

    Args:
        text: the path, or kind:path.
        name: what the table is called.

    Raises:
        InputError: the file is no second table.
    """
    from covstudio.data.errors import TableError
    from covstudio.data.relation import KINDS
    from covstudio.data.relation_reading import read_relation

    said, colon, path = text.partition(":")
    kind = next((one for one in KINDS if colon and said == one), None)
    try:
        return read_relation(text if kind is None else path, kind)
    except TableError as error:
        raise InputError(f"{name}: {error}") from None


def content_of(path: Path, what: str = "The model") -> bytes:
    """What a file holds; an `InputError` names it where it cannot be read."""
    try:
        if path.stat().st_size > MAX_MODEL_BYTES:
            raise InputError(
                f"{what} {path} has more than {MAX_MODEL_BYTES:,} bytes. Save it without its table."
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(
            f"There is no file {path}. Check its path; a model is saved by the app as .json."
        ) from None
    except IsADirectoryError:
        raise InputError(
            f"{path} is a folder, and a model file was expected. Give the path of a file."
        ) from None
