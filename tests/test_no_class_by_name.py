"""What works with structures asks for properties, and for no class by its name.

A class of the catalogue may be called, to make a matrix, in the files that are named here with their
reasons. It may not be compared with, looked up or listed anywhere above the library: what holds for it is
declared beside it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from covstudio.covariance import catalogue
from tests.sources import statements

PACKAGE = Path(__file__).parents[1] / "covstudio"
CLASSES = {entry.name for entry in catalogue()}
ABOVE = ("reml", "data", "document", "export", "estimate", "plots", "notebook", "studio")
FILES = sorted(path for layer in ABOVE for path in (PACKAGE / layer).rglob("*.py"))

#: Files that make matrices, with the classes they call.
MADE = {
    "reml/stepwise/marginal.py": ({"CovariancePropagation", "Sum"}, "writes V from terms that it is given"),
    "reml/stepwise/pieces.py": ({"SimpleMatrix"}, "takes V as a function of theta"),
    "reml/terms/as_effects.py": (
        {"DesignMatrix", "DummyMatrix", "KhatriRaoProduct", "KroneckerProduct"},
        "puts the design of a product together",
    ),
    "reml/terms/lower.py": ({"ScalarMatrix"}, "has effects of fewer columns in place of levels"),
    "estimate/omitted.py": ({"Sum"}, "leaves a term out of a sum"),
    "studio/matrix/labels.py": ({"DummyMatrix"}, "names the combinations of levels as a design does"),
}
#: Folders whose files name structures in texts, as a document does.
DRAWN = {"document/files/templates": "a template is a model"}


def imported(tree: ast.Module) -> dict[str, str]:
    """Local name -> class, for the classes of the catalogue that a module imports."""
    return {
        alias.asname or alias.name: alias.name
        for node in statements(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("covstudio.covariance")
        for alias in node.names
        if alias.name in CLASSES
    }


def modules_of(tree: ast.Module) -> set[str]:
    """Local names of the library itself and of modules of it."""
    found = set()
    for node in statements(tree):
        if isinstance(node, ast.Import):
            found |= {(a.asname or a.name).split(".")[0] for a in node.names if "covstudio" in a.name}
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("covstudio"):
            found |= {a.asname or a.name for a in node.names if a.name.islower()}
    return found


def uses(tree: ast.Module) -> Iterator[tuple[int, str, bool]]:
    """Line, class, and whether it is only called, wherever a module speaks of a class of the catalogue."""
    local, modules = imported(tree), modules_of(tree)
    nodes = list(ast.walk(tree))
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in local:
            yield node.lineno, local[node.id], id(node) in called
        if isinstance(node, ast.Attribute) and node.attr in CLASSES:
            base = node.value
            while isinstance(base, ast.Attribute):
                base = base.value
            if isinstance(base, ast.Name) and base.id in modules:
                yield node.lineno, node.attr, id(node) in called


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of every literal that is the name of a class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in CLASSES:
            yield node.lineno, str(node.value)


def wrong(path: Path, source: str) -> list[str]:
    name = path.relative_to(PACKAGE).as_posix()
    tree = ast.parse(source)
    allowed = MADE.get(name, (set(), ""))[0]
    found = [
        f"{name}:{line} {'calls' if call else 'asks for'} {cls}"
        for line, cls, call in uses(tree)
        if cls not in allowed or not call
    ]
    if name.startswith(("document/", "export/", "reml/")) and not name.startswith(tuple(DRAWN)):
        # A class of another package may bear such a name, as the scale of an interval does, and be exported.
        ours = ast.Module([node for node in tree.body if not _is_all(node)], [])
        found += [f"{name}:{line} names {text!r}" for line, text in texts(ours)]
    return found


def _is_all(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


def test_no_file_asks_for_a_class() -> None:
    assert [found for path in FILES for found in wrong(path, path.read_text(encoding="utf-8"))] == []


def test_every_exception_is_needed() -> None:
    for name, (classes, reason) in MADE.items():
        tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"))
        assert {cls for _, cls, _ in uses(tree)} == classes, name
        assert reason
    for name in DRAWN:
        assert any(list(texts(ast.parse(path.read_text("utf-8")))) for path in (PACKAGE / name).rglob("*.py"))


@pytest.mark.parametrize(
    "source",
    [
        "from covstudio.covariance import Sum\nisinstance(v, Sum)",
        "from covstudio.covariance import Sum as Total\ntype(v) is Total",
        "from covstudio import covariance as cs\nRULES = {cs.Sum: 1}",
        "import covstudio.covariance\ncovstudio.covariance.AR1Matrix(3)",
        "from covstudio.covariance.operators.sums import Sum\nSum(a, b)",
        "node.kind == 'Sum'",
        "RELATIONS = {'AR1Matrix': 1}",
    ],
)
def test_what_asks_is_found(source: str) -> None:
    assert wrong(PACKAGE / "document" / "x.py", source)


def test_what_does_not_ask_is_left_alone() -> None:
    for source in (
        "from covstudio.covariance import Matrix, Operator\nisinstance(v, Matrix | Operator)",
        "from covstudio.reml.inference.scales import Scale\nscale = Scale('log', 0.0)",
        "def f():\n    '''Sum(a, b) in a docstring'''",
    ):
        assert wrong(PACKAGE / "reml" / "x.py", source) == []
