"""The house stands as docs/architecture.md draws it: imports go downward only, and the library stands without
the app.
"""

import ast
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.sources import statements

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "covstudio"
PLAN = ROOT / "docs" / "architecture.md"

PLACE = re.compile(
    r"(?P<indent> *)(?P<name>[a-z_]+)(?:/|\.py)(?: +\((?P<knows>[a-z_, ]*)\))?(?: {2,}(?P<what>.*))?$"
)


@dataclass(frozen=True)
class Place:
    """One line of the plan.

    Attributes:
        name: the package, dotted, without covstudio.
        knows: for what stands directly in covstudio: the others it may import.
        to_come: there is nothing there yet.
    """

    name: str
    knows: frozenset[str]
    to_come: bool


def plan() -> list[Place]:
    """The places of the plan from the ground up, as the first block after its heading lists them."""
    block = re.search(
        r"^```text\n(.*?)^```", PLAN.read_text(encoding="utf-8").split("## The plan", 1)[1], re.M | re.S
    )
    assert block is not None
    places: list[Place] = []
    above: list[str] = []
    for line in block[1].splitlines():
        match = PLACE.match(line)
        if match is None:
            assert line.startswith(" " * 20) or not line.strip(), (
                f"neither a place nor more words on one: {line!r}"
            )
            continue
        above = [*above[: len(match["indent"]) // 2], match["name"]]
        knows = frozenset((match["knows"] or "").replace(" ", "").split(",")) - {""}
        places.append(Place(".".join(above), knows, (match["what"] or "").startswith("to come")))
    return places


PLACES = plan()
RANK = {place.name: rank for rank, place in enumerate(PLACES)}
KNOWS = {place.name: place.knows for place in PLACES if "." not in place.name}


def modules() -> dict[str, Path]:
    """Every module by its dotted name without covstudio; a package by the name of its folder."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


@cache
def parsed(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


@cache
def imports(module: str) -> list[str]:
    """The modules of covstudio that a module imports, wherever in the file, for types included."""
    path, found = MODULES[module], []
    package = ["covstudio", *path.relative_to(PACKAGE).parts[:-1]]
    for node in statements(parsed(module)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            names = [
                name if name.removeprefix("covstudio.") in MODULES else source
                for name in (f"{source}.{alias.name}" for alias in node.names)
            ]
        else:
            continue
        ours = (name for name in names if name == "covstudio" or name.startswith("covstudio."))
        found += [name.removeprefix("covstudio").removeprefix(".") for name in ours]
    return found


def place_of(module: str) -> str:
    """The line of the plan that a module belongs to: its folder, or itself where it stands in covstudio."""
    path = MODULES[module].relative_to(PACKAGE)
    return ".".join(path.parts[:-1]) if len(path.parts) > 1 else path.stem


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def may_import(importer: str, imported: str) -> bool:
    """Whether the plan lets one module import another."""
    if imported == "":
        return True  # covstudio itself holds the version and nothing else
    here, there = place_of(importer), place_of(imported)
    if here == there:
        return True
    top, other = here.split(".")[0], there.split(".")[0]
    return other in KNOWS[top] if top != other else height(imported) < height(importer)


def height(module: str) -> float:
    """How far from the ground a module stands: the face of a package stands on everything in that package."""
    place = place_of(module)
    if is_face(module):
        return max(rank for name, rank in RANK.items() if within(name, place)) + 1 / (2 + place.count("."))
    return RANK[place]


@cache
def is_face(module: str) -> bool:
    """Whether a module only passes on names of others: it defines nothing."""
    body = parsed(module).body
    passing = (ast.Import, ast.ImportFrom, ast.Expr)
    return any(isinstance(node, ast.ImportFrom) for node in body) and all(
        isinstance(node, passing)
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__")
        for node in body
    )


def test_every_package_has_its_place_in_the_plan() -> None:
    present = {place_of(module) for module in MODULES} - {"__init__", "__main__"}
    assert present <= RANK.keys(), "a package without a line in docs/architecture.md"
    for place in PLACES:
        there = any(within(name, place.name) for name in present)
        assert there != place.to_come, (
            f"{place.name}: the plan says {'to come' if place.to_come else 'it is there'}"
        )
    assert all(known in KNOWS for knows in KNOWS.values() for known in knows)


def test_what_a_layer_knows_is_below_it() -> None:
    assert all(RANK[known] < RANK[name] for name, knows in KNOWS.items() for known in knows)


def test_a_file_imports_only_what_is_below_it() -> None:
    files = [module for module in MODULES if module not in ("", "__main__")]
    upward = {module: [name for name in imports(module) if not may_import(module, name)] for module in files}
    assert {module: names for module, names in upward.items() if names} == {}


def test_no_files_import_each_other_in_a_circle() -> None:
    graph = {module: {name for name in imports(module) if name} - {module} for module in MODULES}
    done: set[str] = set()
    trail: list[str] = []

    def walk(module: str) -> None:
        assert module not in trail, " -> ".join([*trail[trail.index(module) :], module])
        if module in done:
            return
        trail.append(module)
        for name in sorted(graph[module]):
            walk(name)
        done.add(trail.pop())

    for module in graph:
        walk(module)


APP = ("panel", "holoviews", "bokeh")
#: What is not loaded yet after each step, one after the other: nothing is, before somebody asks for it.
NOT_YET = {
    "import covstudio": (*APP, "torch", "numpy", "pandas"),
    "import covstudio.covariance as c": (*APP, "pandas"),
    "v = c.AR1Matrix(3); repr(v)": (
        *(*APP, "pandas", "IPython"),
        *("covstudio.notebook.html", "covstudio.plots.subject"),
    ),
    "import covstudio.reml": (*APP, "pandas"),
    "v.plot.data('V')": (*APP, "IPython"),
    "v._repr_html_()": (*APP, "IPython"),
    "import covstudio.document": APP,
    "import covstudio.estimate": APP,
}


def test_nothing_is_loaded_before_it_is_asked_for() -> None:
    """The library stands without the app; pictures and a notebook's HTML are imported by what shows them."""
    steps = [
        f"{step}\nprint({step!r}, *[name for name in {absent!r} if name in sys.modules], sep=' loads ')"
        for step, absent in NOT_YET.items()
    ]
    code = "\n".join(["import sys", *steps])
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.splitlines() == list(NOT_YET)
