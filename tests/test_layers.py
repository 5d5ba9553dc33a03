"""The layers import downward only, and the library stands without the app."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "covstudio"

# What a layer may import from covstudio. The order is the order of the house, from the ground up.
MAY_IMPORT = {
    "covariance": {"covariance"},
    "reml": {"covariance", "reml"},
    "data": {"data"},
    "document": {"covariance", "data", "document"},
    "export": {"covariance", "data", "document", "export"},
    "estimate": {"covariance", "reml", "data", "document", "estimate"},
    "studio": {"covariance", "reml", "data", "document", "export", "estimate", "studio"},
}


def imported_layers(path: Path) -> set[str]:
    """The covstudio layers that a file imports, wherever in the file it does so."""
    layers = set()
    package = ["covstudio", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names = [module, *(f"{module}.{alias.name}" for alias in node.names)]
        else:
            continue
        layers |= {name.split(".")[1] for name in names if name.startswith("covstudio.")}
    return layers & MAY_IMPORT.keys()


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_a_layer_imports_only_what_is_below_it(layer):
    files = (
        [PACKAGE / f"{layer}.py"]
        if (PACKAGE / f"{layer}.py").exists()
        else sorted((PACKAGE / layer).rglob("*.py"))
    )
    assert files
    for path in files:
        assert imported_layers(path) <= MAY_IMPORT[layer], path


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("covstudio.covariance", ("panel", "holoviews", "bokeh", "pandas")),
        ("covstudio.reml", ("panel", "holoviews", "bokeh", "pandas")),
        ("covstudio.document", ("panel", "holoviews", "bokeh")),
        ("covstudio.estimate", ("panel", "holoviews", "bokeh")),
    ],
)
def test_the_library_does_not_load_the_app(module, absent):
    code = f"import sys, {module}; print([name for name in {absent!r} if name in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"
