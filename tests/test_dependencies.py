"""Everything that is imported is declared, everything declared is explained, and pinned within its range."""

import ast
import json
import re
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.sources import statements

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
#: Requirements by where they are declared.
DECLARED = {"runtime": PROJECT["dependencies"], **EXTRAS}
ALL = [Requirement(text) for texts in DECLARED.values() for text in texts]


def imported(folder: str) -> set[str]:
    """The packages that the files of a folder import, by their distribution's name, without our own."""
    found = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    ours = {"covstudio", "tests", "benchmarks", "tools", *(path.stem for path in ROOT.glob("tools/*.py"))}
    ours |= {path.stem for path in (ROOT / "tests").rglob("*.py")}
    theirs = found - ours - set(sys.stdlib_module_names)
    # Not every module has the name of its distribution.
    return {canonicalize_name(one) for name in theirs for one in distributions().get(name, [name])}


@cache
def distributions() -> Mapping[str, list[str]]:
    """The distributions that every module is from: all that is installed is looked through for it."""
    return packages_distributions()


def names(*places: str) -> set[str]:
    """The distributions that are declared in these places."""
    return {canonicalize_name(Requirement(text).name) for place in places for text in DECLARED[place]}


@pytest.mark.parametrize(
    ("folder", "places"),
    [
        ("covstudio", ["runtime", "arrow"]),
        ("tests", ["runtime", "test"]),
        ("benchmarks", ["runtime", "test"]),
        ("tools", ["runtime", "test"]),
    ],
)
def test_what_is_imported_is_declared(folder: str, places: list[str]):
    assert imported(folder) - names(*places) == set()


def test_every_dependency_is_explained_on_a_line_of_its_own():
    page = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\w@/-]+) \| \S", page, re.MULTILINE)
    manifest = json.loads((ROOT / "covstudio/studio/frontend/package.json").read_text(encoding="utf-8"))
    of_the_page = [*manifest["dependencies"], *manifest["devDependencies"]]
    named = sorted([*(requirement.name for requirement in ALL), *of_the_page])
    assert sorted(row for row in rows if row != "package") == named


@pytest.mark.parametrize("requirement", ALL, ids=str)
def test_what_is_installed_lies_within_its_range(requirement: Requirement):
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pins = {
        canonicalize_name(name): version
        for name, version in re.findall(r"^([\w.-]+)==(\S+)", constraints, re.MULTILINE)
    }
    assert pins[canonicalize_name(requirement.name)] in requirement.specifier
    assert any(bound.operator == ">=" for bound in requirement.specifier), "a lower bound is missing"
