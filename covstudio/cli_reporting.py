"""`covstudio report`: a fit as one page, or as a notebook."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Any

from covstudio.cli_input import (
    add_data_arguments,
    add_model_arguments,
    add_refit_arguments,
    bound,
    model_and_table,
    saved_fit,
)
from covstudio.cli_table import InputError

# Nothing else is imported here: `covstudio --version` answers at once.

__all__ = ["add_report"]

OK, PROBLEM = 0, 1


def add_report(commands: Any) -> None:
    """Add the command that writes a fit down."""
    told = commands.add_parser(
        "report",
        help="fit a model and write a report, as a page or a notebook; or one on a saved fit",
        allow_abbrev=False,
    )
    add_model_arguments(told, "a model saved by the app, a formula, or a saved fit")
    told.add_argument(
        "-o", "--output", metavar="FILE", default="report.html", help="ends in .html or .ipynb (report.html)"
    )
    told.add_argument("--title", metavar="TEXT", help="the heading; by default the title of the model")
    told.add_argument("--date", metavar="TEXT", default="", help="what to say of the day; nothing by default")
    told.add_argument(
        "--comparison", metavar="FILE", help="a table of the models that this one was chosen from"
    )
    told.add_argument(
        "--program", action=argparse.BooleanOptionalAction, default=True, help="end with the model's program"
    )
    add_refit_arguments(told)
    add_data_arguments(told)
    told.set_defaults(run=_report)


def _report(arguments: argparse.Namespace) -> int:
    from covstudio.data.reading import read_table
    from covstudio.estimate import asked, estimate
    from covstudio.fitting import Fitted
    from covstudio.reporting import report

    found = saved_fit(arguments)
    if found is None:
        document, table = model_and_table(arguments)
        if table is None:
            raise InputError(
                f"The model {arguments.model} was saved without its table. Give the table too: "
                f"covstudio report {arguments.model} DATA.csv"
            )
        document = bound(document, table, arguments)
        found = Fitted(estimate(document, table), document, table)
    if found.fit.converged and (arguments.profile or arguments.test_terms):
        more = asked(
            found.document,
            found.table,
            found.estimate,
            profiles=arguments.profile,
            omissions=arguments.test_terms,
        )
        found = replace(found, estimate=more)
    compared = None if arguments.comparison is None else read_table(arguments.comparison).to_columns()
    made = report(
        found, title=arguments.title, comparison=compared, date=arguments.date, program=arguments.program
    )
    made.save(arguments.output)
    print(f"The report is in {arguments.output}", file=sys.stderr)
    if not found.fit.converged:
        print(f"covstudio report: the fit did not converge. {found.fit.message}", file=sys.stderr)
        return PROBLEM
    return OK
