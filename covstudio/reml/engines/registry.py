"""Every engine that can be chosen: what its folder beside this file calls CANDIDATE in `candidate`."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator

from covstudio.reml import engines
from covstudio.reml.engines.candidate import Candidate

__all__ = ["CANDIDATES", "candidate_named", "title_of"]


def _found() -> Iterator[Candidate]:
    for folder in pkgutil.iter_modules(engines.__path__, f"{engines.__name__}."):
        module = f"{folder.name}.candidate"
        if folder.ispkg and importlib.util.find_spec(module) is not None:
            candidate: Candidate = importlib.import_module(module).CANDIDATE
            yield candidate


#: By the names of their folders. One that is added here at run time is found by `fit` and `explain` as well.
CANDIDATES: list[Candidate] = list(_found())


def candidate_named(name: str) -> Candidate:
    """The engine of this name.

    Raises:
        ValueError: there is none.

    Example:
        >>> candidate_named("dense").title
        'dense engine'
    """
    for candidate in CANDIDATES:
        if candidate.name == name:
            return candidate
    names = ", ".join(repr(candidate.name) for candidate in CANDIDATES)
    raise ValueError(f"engine must be 'auto' or one of {names}, and is {name!r}.")


def title_of(name: str) -> str:
    """What an engine is called where people read, also one that is not here.

    Example:
        >>> title_of("mme"), title_of("of another version")
        ('mixed-model equations', 'of another version engine')
    """
    return next((each.title for each in CANDIDATES if each.name == name), f"{name} engine")
