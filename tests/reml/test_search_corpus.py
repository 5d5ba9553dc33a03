"""Every case of the corpus ends where it is known to end: at a maximum as high, with the same said of it."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.reml.corpus import SHORT, corpus
from tests.reml.reml_cases import assert_monotone

EXPECTED: dict[str, list[Any]] = json.loads((Path(__file__).parent / "corpus" / "expected.json").read_text())
CASES = corpus()
FAST = {name for name in EXPECTED if any(fnmatchcase(name, pattern) for pattern in SHORT)}


def check(name: str) -> None:
    verdict, loglik, boundary = EXPECTED[name]
    result = CASES[name]().fit()
    assert result.converged, result.message
    assert_monotone(result)
    assert result.loglik == pytest.approx(loglik, rel=1e-6, abs=5e-6)
    assert result.verdict == verdict, result.message
    assert list(result.boundary) == boundary


@pytest.mark.parametrize("name", sorted(FAST))
def test_each_kind(name: str) -> None:
    check(name)


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(EXPECTED.keys() - FAST))
def test_all_others(name: str) -> None:
    check(name)


def test_the_corpus_is_the_one_that_was_recorded() -> None:
    assert EXPECTED.keys() <= CASES.keys()
    assert len(EXPECTED) > 500
    for pattern in SHORT:
        assert any(fnmatchcase(name, pattern) for name in EXPECTED), pattern
