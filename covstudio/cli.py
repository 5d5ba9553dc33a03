"""The command line: `covstudio serve`, `inspect`, `fit`, `compare`, `advise`, `report` and `export`.

    covstudio serve --port 5006
    covstudio inspect trial.xlsx
    covstudio fit model.json trial.csv --response yield --fixed "1 + rep"
    covstudio fit "yield ~ rep + (1 | gen)" trial.csv
    covstudio fit --template alpha trial.csv --part genotype=variety
    covstudio compare "yield ~ rep + (1 | gen)" "yield ~ rep + (1 | gen) + (1 | rep:block)" --data trial.csv
    covstudio advise "yield ~ rep + (1 | gen)" trial.csv
    covstudio report model.json trial.csv -o report.html
    covstudio export model.json --format python -o model.py

Answers go to standard output, everything else to standard error. The exit code is 0 when all went well, 1
when there is a problem with the input (one message says which), 2 when the command is not understood.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from covstudio import __version__
from covstudio.cli_choosing import add_advise, add_compare
from covstudio.cli_input import (
    add_data_arguments,
    add_model_arguments,
    add_refit_arguments,
    bound,
    model_and_table,
)
from covstudio.cli_reporting import add_report
from covstudio.cli_table import InputError, add_table_arguments, said_of_table
from covstudio.cli_template import add_template_arguments
from covstudio.settings import SETTINGS, Setting

# Nothing else is imported here: `covstudio --version` answers at once, and only `serve` loads the app.
if TYPE_CHECKING:
    from covstudio.export import Exporter
    from covstudio.reml import Iteration

OK, PROBLEM, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: the words after `covstudio`; those of the process when left out.

    Returns:
        The exit code: 0 done, 1 a problem with the input, 2 a command that is not understood.

    Example:
        >>> main(["--version"])
        covstudio ...
        0
    """
    for stream in (sys.stdout, sys.stderr):
        # A label may hold characters that this terminal has no code for.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    parser = _parser()
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return USAGE
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as `head`, has left: write into the void, or Python complains at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        return INTERRUPTED
    except (ValueError, OSError) as error:
        said = _of_system(error) if isinstance(error, OSError) else str(error)
        print(f"covstudio {arguments.command}: {_plain(said)}", file=sys.stderr)
        return PROBLEM
    return code


def _of_system(error: OSError) -> str:
    """What the system says of a file, in a sentence with what mends it."""
    if error.filename is None or error.strerror is None:
        return str(error)
    path = Path(str(error.filename))
    if isinstance(error, FileNotFoundError):
        folder = path.parent
        what = f"no folder {folder}" if not folder.is_dir() else f"no file {path}"
        return f"There is {what}. Check the path; a folder that something is written to is made first."
    if isinstance(error, IsADirectoryError):
        return f"{path} is a folder. Give the path of a file in it."
    return f"{path} cannot be read or written: {error.strerror}."


class _Parser(argparse.ArgumentParser):
    """A parser that looks up what its help ends with only when the help is asked for."""

    more: Callable[[], str] | None = None

    def error(self, message: str) -> NoReturn:
        """Say what is not understood, and how a value that looks like an option is written."""
        found = re.match(
            r"argument (?:-\w, |-\w/)?(--[\w-]+).*: expected (one|at least one) argument", message
        )
        if found is not None:
            message += (
                ". Write what it is to be behind it; what begins with a minus is joined to it by =, as in "
                f"{found[1]}=-rep"
            )
        elif message.startswith("unrecognized arguments: -"):
            message += (
                f". {self.prog} --help lists those there are; a file or a formula that begins with a minus "
                "stands after --"
            )
        super().error(re.sub(r"\S{80,}", lambda long: long[0][:40] + "…", message))

    def format_help(self) -> str:
        """The help, with what `more` says at its end."""
        if self.more is not None:
            self.epilog = self.more()
        return super().format_help()


def _parser() -> _Parser:
    parser = _Parser(
        prog="covstudio", description="Design, understand and fit a covariance structure.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"covstudio {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    serve = commands.add_parser("serve", help="start the app and print its address", allow_abbrev=False)
    serve.add_argument(
        "--port",
        type=_port,
        default=5006,
        help="the port (5006; 0 for any); if it is taken, the next free one",
    )
    serve.add_argument(
        "--address",
        default="localhost",
        help="the address to listen on (localhost; 0.0.0.0 for every machine)",
    )
    serve.add_argument(
        "--open", action=argparse.BooleanOptionalAction, default=False, help="open the page in a browser"
    )
    serve.add_argument(
        "--origin",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="another address people reach the app under, behind a proxy say; may be repeated",
    )
    _add_settings(serve)
    serve.set_defaults(run=_serve)

    look = commands.add_parser(
        "inspect", help="show how the file of a table is read, why, and what comes of it", allow_abbrev=False
    )
    look.add_argument("data", metavar="FILE", help="the table: csv, xlsx, a packed file, ...")
    look.add_argument("--json", action="store_true", help="print everything as JSON")
    look.add_argument(
        "-o", "--output", metavar="FILE", help="write the choices there, for --choices of any command"
    )
    add_table_arguments(look)
    look.set_defaults(run=_inspect)

    fit = commands.add_parser("fit", help="fit a model to a table by REML or ML", allow_abbrev=False)
    add_model_arguments(fit)
    add_data_arguments(fit)
    add_refit_arguments(fit)
    fit.add_argument("--max-iter", type=_positive, default=100, metavar="N", help="the most iterations (100)")
    fit.add_argument("--blups", action="store_true", help="print the predicted random effects too")
    fit.add_argument("--json", action="store_true", help="print everything as JSON")
    fit.add_argument("--verbose", action="store_true", help="show every iteration on standard error")
    fit.set_defaults(run=_fit)

    add_compare(commands)
    add_advise(commands)
    add_report(commands)

    export = commands.add_parser("export", help="write a model as a program", allow_abbrev=False)
    export.more = _formats
    export.add_argument(
        "model",
        metavar="MODEL",
        help="a model saved by the app, or a formula; beside --template, the table",
    )
    export.add_argument("--data", metavar="DATA", help="the table; by default the one saved with the model")
    add_template_arguments(export)
    export.add_argument(
        "--format",
        type=_format,
        metavar="FORMAT",
        help="what to write the program in; by default the first of the formats below",
    )
    export.add_argument(
        "-o", "--output", metavar="FILE", help="where to write it; by default standard output"
    )
    add_data_arguments(export)
    export.set_defaults(run=_export)
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """Give a command an option for each setting."""
    group = parser.add_argument_group(
        "settings", "each can be an environment variable, too: docs/deployment.md"
    )
    for one in SETTINGS:
        said = f"{one.what} ({one.variable}; {one.said})".replace("%", "%%")
        if isinstance(one.default, bool):
            group.add_argument(f"--{one.name}", dest=one.variable, action="store_const", const="1", help=said)
        else:
            kind = partial(_setting, one)
            group.add_argument(f"--{one.name}", dest=one.variable, type=kind, metavar=one.metavar, help=said)


def _setting(setting: Setting[Any], text: str) -> str:
    """A text for a setting, which makes sense for it."""
    try:
        setting.of(text, f"--{setting.name}")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else -1
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError(f"a port is a whole number from 0 to 65535, and {text!r:.40} is not")
    return port


def _format(name: str) -> Exporter:
    from covstudio.export import EXPORTERS

    try:
        return EXPORTERS[name]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _formats() -> str:
    from covstudio.export import exporters

    return "formats: " + ", ".join(f"{exporter.name} ({exporter.label})" for exporter in exporters())


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"a whole number of 1 or more is expected, and {text!r} is not")
    return number


# --- serve


def _serve(arguments: argparse.Namespace) -> int:
    from covstudio.studio.page import serve

    for one in SETTINGS:
        said = getattr(arguments, one.variable)
        if said is not None:
            os.environ[one.variable] = said  # so that every process knows it
    with contextlib.suppress(KeyboardInterrupt):
        serve(port=arguments.port, address=arguments.address, show=arguments.open, origins=arguments.origin)
    return OK


# --- inspect


def _inspect(arguments: argparse.Namespace) -> int:
    from covstudio.data.inspection import inspect

    found = inspect(arguments.data, said_of_table(arguments))
    if arguments.output is not None:
        text = json.dumps(found.choices.to_dict(), ensure_ascii=False, indent=2)
        Path(arguments.output).write_text(f"{text}\n", encoding="utf-8")
        print(f"The choices are in {arguments.output}", file=sys.stderr)
    if arguments.json:
        print(json.dumps(found.to_dict(), ensure_ascii=False, indent=2, allow_nan=False))
    elif arguments.output is None:
        print(_plain(str(found)))
    return OK


# --- fit


def _fit(arguments: argparse.Namespace) -> int:
    from covstudio.cli_report import as_json, report
    from covstudio.estimate import asked, estimate

    document, table = model_and_table(arguments)
    if table is None:
        raise InputError(
            f"The model {arguments.model} was saved without its table. Give the table too: covstudio fit "
            f"{arguments.model} DATA.csv"
        )
    document = bound(document, table, arguments)
    found = estimate(
        document, table, callback=_say if arguments.verbose else None, max_iter=arguments.max_iter
    )
    if found.fit.converged and (arguments.profile or arguments.test_terms):
        found = asked(document, table, found, profiles=arguments.profile, omissions=arguments.test_terms)
    notes = [*table.notes, *found.notes]
    if arguments.json:
        content = as_json(document, table, found, notes)
        print(json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        lines = report(document, table, found, notes, blups=arguments.blups)
        print("\n".join(map(_plain, lines)))
    if not found.fit.converged:
        print(f"covstudio fit: the fit did not converge. {found.fit.message}", file=sys.stderr)
        return PROBLEM
    return OK


def _say(iteration: Iteration) -> None:
    print(
        f"iteration {iteration.number:3d}  log-likelihood {iteration.loglik:.6f}  step {iteration.step:.3g}",
        file=sys.stderr,
        flush=True,
    )


# --- export


def _export(arguments: argparse.Namespace) -> int:
    from covstudio.export import exporters

    document, table = model_and_table(arguments)
    document = bound(document, table, arguments)
    exporter = arguments.format or exporters()[0]
    if reasons := exporter.missing(document, table):
        raise InputError("\n".join(reasons))
    source = exporter.source(document, table)
    if arguments.output is None:
        print(source, end="" if source.endswith("\n") else "\n")
    else:
        Path(arguments.output).write_text(source, encoding="utf-8")
        print(f"The program is in {arguments.output}", file=sys.stderr)
    return OK


def _plain(text: str) -> str:
    """Text for a terminal: a label in a table must not be able to move the cursor or colour the screen."""
    return "".join(
        char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text
    )


if __name__ == "__main__":
    raise SystemExit(main())
