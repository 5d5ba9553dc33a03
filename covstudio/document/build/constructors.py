"""Constructors of structures, as their signatures tell of them, and their messages in words of a form."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from covstudio.covariance import Declaration


@cache
def _signature(cls: type) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(cls).parameters


def constructor_parameters(declared: Declaration) -> Mapping[str, inspect.Parameter]:
    """The parameters of a constructor, by name."""
    return _signature(declared.cls)


def splatted(declared: Declaration) -> frozenset[str]:
    """Names of the arguments that a constructor takes one by one, as in `DummyMatrix(*factors)`."""
    kind = inspect.Parameter.VAR_POSITIONAL
    return frozenset(
        name for name, parameter in constructor_parameters(declared).items() if parameter.kind is kind
    )


def takes_levels(declared: Declaration) -> bool:
    """Whether a constructor is told the order of the levels of its factors."""
    return {"levels", "lex_order"} <= constructor_parameters(declared).keys()


def fills_gaps(declared: Declaration) -> bool:
    """Whether a constructor is told which factors run over positions in order, equally spaced or not."""
    return {"evenly_spaced", "ordered", "close_gaps"} <= constructor_parameters(declared).keys()


def takes_names(declared: Declaration) -> bool:
    """Whether a constructor names its columns after those of the table it is given."""
    return "names" in constructor_parameters(declared)


def positional_names(declared: Declaration) -> list[str]:
    """The arguments that a constructor takes by position, in order."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, parameter in constructor_parameters(declared).items() if parameter.kind in kinds]


def constructor_defaults(declared: Declaration) -> dict[str, Any]:
    """The arguments that a constructor can do without, and what it takes for them."""
    empty = inspect.Parameter.empty
    return {
        name: one.default
        for name, one in constructor_parameters(declared).items()
        if one.default is not empty
    }


def concerned(declared: Declaration, message: str) -> str | None:
    """The argument that a constructor's message is about: the one it names first.

    Example:
        >>> from covstudio.covariance import declaration
        >>> concerned(declaration("Gram"), "Gram: expected gram_type='xtx' or 'xxt', got 'x'.")
        'gram_type'
        >>> concerned(declaration("AR1Matrix"), "n must be at least 1, got 0; give a larger n")
        'n'
    """
    said = message.removeprefix(f"{declared.name}:")
    places = {
        argument.name: found.start()
        for argument in declared.arguments
        if (found := re.search(rf"(?<![\w.]){re.escape(argument.name)}(?!\w)", said))
    }
    return min(places, key=places.__getitem__, default=None)


def in_words_of_the_form(declared: Declaration, message: str) -> str:
    """A constructor's message for somebody with a form: a flag to pass is a box to tick there.

    Example:
        >>> from covstudio.covariance import declaration
        >>> in_words_of_the_form(declaration("RandomWalkMatrix"), "... or pass shared_times=True where ...")
        '... or tick “Shared times” where ...'
    """
    for argument in declared.arguments:
        if argument.kind == "flag":
            passed = rf"(?:(?:pass|use|set) )?(?<![\w.]){re.escape(argument.name)}=True(?!\w)"
            message = f"tick “{argument.label}”".join(re.split(passed, message))
    return message
