"""What every structure says about itself is complete: a reader needs no other source to know what it is."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from itertools import combinations

import pytest

from covstudio.covariance import Declaration, catalogue
from covstudio.covariance.core.catalogue import CATEGORIES

BUILT_IN = [entry for entry in catalogue() if entry.cls.__module__.startswith("covstudio.")]
EVERY = pytest.mark.parametrize("entry", BUILT_IN, ids=lambda entry: entry.name)

#: Names of systems that have more in common are one system spelled in two ways: lme4 and nlme have 0.75.
ALIKE = 0.8


def pattern(key: str) -> re.Pattern[str]:
    """The names that a declared name stands for: single letters at its end are indices."""
    base, letters = re.fullmatch(r"(.*?)((?:_[a-z])*)", key).groups()  # type: ignore[union-attr]
    return re.compile(re.escape(base) + r"_\d+" * letters.count("_"))


def own_parameters(entry: Declaration) -> list[str]:
    return [name for name in entry.example().param_names if "/" not in name]


@pytest.mark.parametrize(
    "entry", [entry for entry in BUILT_IN if entry.palette], ids=lambda entry: entry.name
)
def test_every_slider_is_explained_and_nothing_else(entry: Declaration) -> None:
    names = own_parameters(entry)
    explained = {
        name: [key for key in entry.parameters if key == name or pattern(key).fullmatch(name)]
        for name in names
    }
    assert all(explained.values()), f"no meaning for {[name for name in names if not explained[name]]}"
    used = {keys[0] for keys in explained.values()}
    spare = entry.parameters.keys() - used
    # A parameter that only some arguments bring, such as an estimated shape, is absent from the example.
    assert len(spare) <= 2, f"{spare} are explained, and {names} are the parameters"
    for text in entry.parameters.values():
        assert text[0].isupper() or not text[0].isalpha(), text
        assert text.endswith("."), text


@EVERY
def test_it_has_a_reference_with_a_year(entry: Declaration) -> None:
    if entry.palette:
        assert re.search(r"\b(1[89]|20)\d\d\b", entry.reference), entry.reference


@EVERY
def test_it_has_a_name_elsewhere(entry: Declaration) -> None:
    assert entry.aliases, "what another system or textbook calls it: people search by these names"
    for names in entry.aliases.values():
        assert names
        assert all(name == name.strip() != "" for name in names)
        assert len(set(names)) == len(names)


def same_system(one: str, other: str) -> bool:
    """Whether two names are of one system: much alike, or the words of one among those of the other."""
    words = [set(re.findall(r"[a-z0-9]+", name.casefold())) for name in (one, other)]
    plain = ["".join(re.findall(r"[a-z0-9]+", name.casefold())) for name in (one, other)]
    return words[0] <= words[1] or words[1] <= words[0] or SequenceMatcher(None, *plain).ratio() > ALIKE


def test_every_system_is_spelled_in_one_way() -> None:
    """Spelled in another way it would stand apart from its own names."""
    systems = sorted({system for entry in BUILT_IN for system in (*entry.aliases, *entry.usage)})
    assert [pair for pair in combinations(systems, 2) if same_system(*pair)] == []


@pytest.mark.parametrize(
    ("one", "other"),
    [("ASReml", "ASRelm"), ("nlme", "NLME"), ("torch-openreml", "torch_openreml"), ("SAS", "SAS PROC MIXED")],
)
def test_two_spellings_of_a_system_are_told_apart(one: str, other: str) -> None:
    assert same_system(one, other)


@EVERY
def test_its_summary_is_one_sentence_or_two(entry: Declaration) -> None:
    assert entry.summary[0].isupper()
    assert entry.summary.endswith(".")
    assert "\n" not in entry.summary
    assert len(entry.summary) <= 160, len(entry.summary)
    assert not entry.title.endswith(".")
    assert len(entry.title) <= 48, entry.title


@EVERY
def test_its_formula_can_be_drawn(entry: Declaration) -> None:
    assert "$" not in entry.formula
    for opening, closing in ("{}", "[]"):
        plain = re.sub(r"\\[{}\[\]]|\\left.|\\right.", "", entry.formula)
        assert plain.count(opening) == plain.count(closing) or opening == "["
    assert entry.formula.count(r"\left") == entry.formula.count(r"\right")
    assert len(entry.symbol) <= 28, entry.symbol


@EVERY
def test_its_arguments_are_explained(entry: Declaration) -> None:
    for argument in entry.arguments:
        assert argument.label
        assert argument.label[0].isupper() or argument.label in ("m", "n")
        assert len(argument.help) > 10, argument.name
    for slot in entry.slots:
        assert slot.label
        assert len(slot.help) > 5


def test_titles_and_symbols_tell_structures_apart() -> None:
    titles = [entry.title for entry in BUILT_IN]
    assert sorted(set(titles)) == sorted(titles)
    assert {entry.category for entry in BUILT_IN} <= set(CATEGORIES)
