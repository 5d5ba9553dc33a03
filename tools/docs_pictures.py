"""Draw the pictures of the pages of docs: `make docs`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from covstudio import fit, fit_template  # noqa: E402
from covstudio.data import load_example  # noqa: E402
from covstudio.fitting import Fitted  # noqa: E402
from covstudio.plots.svg import Svg  # noqa: E402

FOLDER = ROOT / "docs" / "pictures"


def _alpha() -> Fitted:
    return _fitted("yield ~ rep + (1 | gen) + (1 | rep:block)", "john_alpha")


def _lattice() -> Fitted:
    return _fitted("yield ~ gen + (1 | rep)", "kempton_slatehall")


def _slopes() -> Fitted:
    return _fitted("Reaction ~ Days + (Days | Subject)", "sleepstudy")


def _field() -> Fitted:
    return fit_template("spatial", load_example("kempton_slatehall"))


def _fitted(formula: str, example: str) -> Fitted:
    found = fit(formula, load_example(example))
    assert isinstance(found, Fitted)
    return found


#: Name of a file -> its picture.
PICTURES: dict[str, Callable[[], Svg]] = {
    "residuals": lambda: _alpha().plot.svg("residuals"),
    "caterpillar": lambda: _alpha().plot.svg("caterpillar", term="gen"),
    "row": lambda: _alpha().plot.svg("row", row=0),
    "variogram": lambda: _lattice().plot.svg("variogram"),
    "field": lambda: _field().plot.svg("field"),
    "field-v": lambda: _field().plot.svg("V"),
    "subjects": lambda: _slopes().plot.svg("subjects"),
    "slices": lambda: _slopes().plot.svg("slices"),
}


def main() -> int:
    """Write all of them, or those that are named."""
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or PICTURES:
        (FOLDER / f"{name}.svg").write_text(f"{PICTURES[name]()}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
