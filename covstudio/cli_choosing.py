"""`covstudio compare` and `covstudio advise`: models side by side, and what to try next."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from covstudio.cli_input import add_data_arguments, add_model_arguments, bound, model_and_table
from covstudio.cli_table import InputError

# Nothing else is imported here: `covstudio --version` answers at once.
if TYPE_CHECKING:
    from covstudio.choosing import Comparison, Failure, Progress
    from covstudio.fitting import Fitted

__all__ = ["add_advise", "add_compare"]

OK, PROBLEM = 0, 1
CRITERIA = ("AIC", "BIC", "cAIC")


def add_compare(commands: Any) -> None:
    """Add the command that puts models side by side."""
    compare = commands.add_parser(
        "compare",
        help="put models side by side: AIC, BIC, conditional AIC, tests where they are nested",
        allow_abbrev=False,
    )
    compare.add_argument(
        "models", metavar="MODEL", nargs="+", help="models saved by the app, or formulas; two or more"
    )
    compare.add_argument(
        "--data", metavar="DATA", help="the table; by default the ones saved with the models"
    )
    compare.add_argument(
        "--name", action="append", default=[], help="what to call a model, in their order; may be repeated"
    )
    add_data_arguments(compare)
    _add_output(compare)
    compare.set_defaults(run=_compare)


def add_advise(commands: Any) -> None:
    """Add the command that says what to try next."""
    advise = commands.add_parser(
        "advise",
        help="what the residuals of a fit say against its V, and the models to try next",
        allow_abbrev=False,
    )
    add_model_arguments(advise)
    places = advise.add_argument_group("where the rows stand", "found by names and contents where not said")
    places.add_argument("--time", metavar="COLUMN", help="times")
    places.add_argument("--subject", metavar="COLUMN", help="within whose levels times are compared")
    places.add_argument("--field", metavar="ROW,COLUMN", help="rows and columns of a field")
    places.add_argument("--trial", metavar="COLUMN", help="what tells fields apart")
    advise.add_argument("--fit", action="store_true", help="fit the models to try, and compare them")
    advise.add_argument(
        "--choose", choices=CRITERIA, help="go on with the best of them by this while one is better"
    )
    advise.add_argument("--workers", type=int, metavar="N", help="fit in so many processes, side by side")
    advise.add_argument("--scheduler", metavar="ADDRESS", help="fit on the Dask cluster of this scheduler")
    add_data_arguments(advise)
    _add_output(advise)
    advise.set_defaults(run=_advise)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument("--verbose", action="store_true", help="say on standard error how far the fits are")


def _compare(arguments: argparse.Namespace) -> int:
    from covstudio.choosing import compare

    if arguments.name and len(arguments.name) != len(arguments.models):
        raise InputError(
            f"There are {len(arguments.models)} models and {len(arguments.name)} names (--name)."
        )
    fits = []
    for model in arguments.models:
        _say(arguments, f"{model}: fitting")
        fits.append(_fitted(arguments, model))
    names = arguments.name or _told_apart(arguments.models)
    return _print_comparison(arguments, compare(*fits, names=names))


def _told_apart(models: list[str]) -> list[str]:
    """The models as they were given, with a number where one is given twice."""
    return [f"{one} ({k})" if one in models[:k] else one for k, one in enumerate(models)]


def _fitted(arguments: argparse.Namespace, model: str) -> Fitted | Failure:
    """The fit of one of several models; what is wrong with it is its row's sentence."""
    from covstudio.choosing import Failure

    try:
        return _fit(argparse.Namespace(**{**vars(arguments), "model": model}))
    except (ValueError, OSError) as error:
        return Failure(" ".join(str(error).split()))


def _fit(arguments: argparse.Namespace) -> Fitted:
    from covstudio.choosing import fitted_to

    document, table = model_and_table(arguments)
    if table is None:
        raise InputError(f"The model {arguments.model} was saved without its table. Give the table too.")
    return fitted_to(bound(document, table, arguments), table)


def _advise(arguments: argparse.Namespace) -> int:
    from covstudio.choosing import advise, choose

    places = {name: getattr(arguments, name) for name in ("time", "subject", "trial")}
    if arguments.field is not None:
        field = tuple(part.strip() for part in arguments.field.split(","))
        if len(field) != 2:
            raise InputError(
                f"--field takes two columns with a comma, such as row,col; got {arguments.field!r}."
            )
        places["field"] = field
    fitted = _fit(arguments)
    told: dict[str, Any] = {
        "workers": arguments.workers,
        "scheduler": arguments.scheduler,
        "progress": _hears(arguments),
    }
    if arguments.choose is not None:
        choice = choose(fitted, criterion=arguments.choose, **told, **places)
        _print(arguments, {"steps": _records(choice.table)}, repr(choice))
        return OK
    advice = advise(fitted, **places)
    if arguments.fit:
        return _print_comparison(arguments, advice.fit(**told))
    content = {
        "evidence": _records(advice.evidence),
        "candidates": _records(advice.table),
        "notes": list(advice.notes),
    }
    _print(arguments, content, repr(advice))
    return OK


def _print_comparison(arguments: argparse.Namespace, found: Comparison) -> int:
    _print(arguments, {"models": _records(found.table)}, repr(found))
    return OK if all(entry.model is not None for entry in found.entries) else PROBLEM


def _hears(arguments: argparse.Namespace) -> Callable[[Progress], object]:
    def hear(at: Progress) -> None:
        if at.state == "held":
            _say(arguments, f"{at.name}: {at.note or 'it goes on'}")
        elif at.state != "iteration":
            _say(arguments, f"{at.done} of {at.total}: {at.name} {at.state}")

    return hear


def _say(arguments: argparse.Namespace, text: str) -> None:
    if arguments.verbose:
        print(text, file=sys.stderr, flush=True)


def _print(arguments: argparse.Namespace, content: dict[str, Any], text: str) -> None:
    from covstudio import __version__

    if arguments.json:
        whole = {"covstudio": __version__, **content}
        print(json.dumps(whole, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        print(
            "".join(one if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in text)
        )


def _records(frame: Any) -> list[dict[str, Any]]:
    """The rows of a data frame for JSON: what is no finite number as null."""
    from covstudio.choosing.frames import records_of

    return [
        {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in record.items()
        }
        for record in records_of(frame)
    ]
