"""Lines with markers that nobody has grown: the example `made_up_lines`, made again from its seed.

    python tools/made_up_lines.py covstudio/data/examples

Sixty inbred lines of three families, 100 markers, and yields in two replicates: the genomic variance is 4,
the residual variance 3.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

SEED, LINES, MARKERS = 20261130, 60, 100


def main(folder: str) -> None:
    """Write the table of yields and the table of markers."""
    rng = np.random.default_rng(SEED)
    families = rng.uniform(0.1, 0.9, size=(3, MARKERS))
    counts = 2 * rng.binomial(1, families[np.arange(LINES) % 3])
    frequencies = counts.mean(axis=0) / 2
    centred = counts - 2 * frequencies
    scale = np.sqrt(2 * (frequencies * (1 - frequencies)).sum())
    values = centred @ rng.normal(size=MARKERS) / scale * 2.0
    names = [f"L{line + 1:02d}" for line in range(LINES)]
    path = Path(folder)
    with (path / "made_up_markers.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["line", *(f"m{marker + 1:03d}" for marker in range(MARKERS))])
        writer.writerows([name, *row] for name, row in zip(names, counts.tolist(), strict=True))
    with (path / "made_up_lines.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["line", "rep", "yield"])
        for rep in (1, 2):
            yields = 40 + rep + values + rng.normal(scale=np.sqrt(3.0), size=LINES)
            writer.writerows([name, f"R{rep}", f"{y:.3f}"] for name, y in zip(names, yields, strict=True))


if __name__ == "__main__":
    main(sys.argv[1])
