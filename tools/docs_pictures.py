"""Draw the pictures of the pages of docs: `make docs`."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from covstudio import fit, fit_template  # noqa: E402
from covstudio.data import Recode, TableChoices, load_example  # noqa: E402
from covstudio.design import incomplete_blocks  # noqa: E402
from covstudio.fitting import Fitted  # noqa: E402
from covstudio.plots.numbers import Numbers  # noqa: E402
from covstudio.plots.raster import as_read  # noqa: E402
from covstudio.plots.svg import Svg  # noqa: E402
from covstudio.plots.svg_sheet import SvgSheet  # noqa: E402

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


def _page(name: str) -> dict[str, Any]:
    """What the blocks of a page leave behind, so that its pictures are of what it tells."""
    text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    found: dict[str, Any] = {}
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        os.chdir(folder)
        try:
            for block in re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
                exec(block, found)
        finally:
            os.chdir(before)
    return found


def _in_order() -> Svg:
    """Residuals by doses in words: in the order of a dictionary, and in the one that is said."""
    words = {"0": "none", "0.2": "low", "0.4": "medium", "0.6": "high"}
    table = load_example("oats_yates")
    said = TableChoices(steps=[Recode("nitro", words)])
    sheet = SvgSheet("light")
    pictures = []
    for choices in (said, said.with_column("nitro", levels=list(words.values()))):
        found = fit("yield ~ Variety + (1 | Block)", table.with_choices(choices))
        pictures.append(found.plot.svg("factor", by="nitro", width=264, height=200))
    return sheet.beside(pictures, "")


def _power() -> Svg:
    """Power of the page's contrast against the difference there is, by the number of replicates."""
    fixed = _page("designs")["fixed"]
    sheet = SvgSheet("light")
    differences = np.linspace(0.0, 1.5, 76)
    lines = []
    for replicates in (2, 3, 4):
        told = fixed(incomplete_blocks(24, replicates, 4, seed=1))
        power = [told.power("treatment[T02]", float(difference)).power for difference in differences]
        frame = pd.DataFrame({"difference": differences, "power": power})
        lines.append(sheet.line(frame, "difference", "power", label=f"{replicates} replicates"))
    labels = {"difference": "difference between two treatments", "power": "power at 5 %"}
    numbers = Numbers(pd.DataFrame(), "Power of 24 treatments in blocks of 4", labels)
    return sheet.together([sheet.level(0.9), *lines], numbers, "difference", "power")


def _planned() -> Svg:
    picture: Svg = _page("designs")["picture"]
    return picture


def _means() -> Svg:
    errors = _page("stages")["first"].covariance
    shown = as_read(errors.to_numpy(dtype=float), "correlation")
    frame = pd.DataFrame(shown, index=errors.index, columns=errors.columns)
    labels = {"row": "mean", "column": "mean", "value": "correlation"}
    title = "Correlations of the means of four trials"
    return SvgSheet("light").heatmap(frame, title, labels, "correlation", (True, True))


def _report() -> Svg:
    """The first pictures of the page's report, in the colours of paper."""
    told = _page("report")
    blocks: Sequence[Any] = next(part for part in told["made"].sections if part.key == "pictures").blocks
    kinds = [re.findall(r"plot\('(\w+)'\)", block.code)[0] for block in blocks]
    pictures = [told["found"].plot.svg(kind, width=300, height=210) for kind in kinds[:4]]
    return SvgSheet("light").beside(pictures, "", columns=2)


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
    "levels": _in_order,
    "planned": _planned,
    "power": _power,
    "means": _means,
    "report": _report,
}


def main() -> int:
    """Write all of them, or those that are named."""
    FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:] or PICTURES:
        (FOLDER / f"{name}.svg").write_text(f"{PICTURES[name]()}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
