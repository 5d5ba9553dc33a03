"""Programs of tools/ find what they import: nobody runs most of them before a release."""

import importlib
from pathlib import Path

import pytest

TOOLS = sorted(path.stem for path in (Path(__file__).parents[1] / "tools").glob("*.py"))


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_finds_what_it_imports(name: str) -> None:
    assert importlib.import_module(name).__doc__
