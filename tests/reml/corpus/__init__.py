"""The corpus of the search: fits of every kind that the library must get right, each by a name.

A case is named `family/what/...`, and is the same on every machine. What each is expected to end at stands in
`expected.json`; `tools/search_corpus.py` records it, compares two trees, and says which cases need a
mechanism or a constant of the search.

Families: `published` and `tables`, data of others; `simulated` and `structure`; `ridge`; `boundary` and
`degenerate`; and `random`, models drawn by a seed for each of the engines.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.reml.corpus.drawn import random_models
from tests.reml.corpus.edges import boundaries, degenerate
from tests.reml.corpus.published import published, tables
from tests.reml.corpus.ridges import ridges
from tests.reml.corpus.simulated import simulated, structures
from tests.reml.corpus.task import Task

__all__ = ["SHORT", "corpus"]

Build = Callable[[], Task]


def corpus(seeds: range = range(12)) -> dict[str, Build]:
    """All cases by name, none built yet.

    Args:
        seeds: of the random models.
    """
    families = (published(), tables(), simulated(), ridges(), boundaries(), structures(), degenerate())
    found: dict[str, Build] = {}
    for family in (*families, random_models(seeds)):
        for name, build in family:
            assert name not in found, name
            found[name] = build
    return found


#: Some of every family, which a test of seconds has time for: patterns of names.
SHORT = (
    "published/*/ML",
    "published/*/zeros",
    "published/sleepstudy/*",
    "tables/burgueno_rowcol/*",
    "simulated/*/nugget 0.3/data",
    "simulated/*/noise",
    "ridge/*/1",
    "ridge/*/steep",
    "ridge/ar1/*",
    "ridge/grid 30 x 20/*",
    "ridge/heterogeneous ar1/*",
    "ridge/profiles/*",
    "boundary/*",
    "structure/*/data",
    "structure/unstructured*",
    "degenerate/*",
    "random/*/[0-2]",
)
