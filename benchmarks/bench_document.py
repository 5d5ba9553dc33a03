"""The cost of the document while a person works: a slider step, the check of a dragged wire, a build.

Each against its budget: a slider step has to vanish beside the 40 ms from slider to paint, a check beside a
frame of 16 ms, a build beside the 100 ms in which an answer feels immediate (Nielsen, 1993, Usability
Engineering, ch. 5).

    python -m benchmarks.bench_document [--smoke]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import count

from covstudio.data import Table, guess_roles, load_example
from covstudio.document.build.build import build
from covstudio.document.build.connection import check_connection
from covstudio.document.build.same import same_structure
from covstudio.document.changes.all import AddNode, SetParameters
from covstudio.document.files.templates import templates
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns


def median(function: Callable[[], object], repeats: int) -> float:
    """Median time of a call in milliseconds, after one call to warm up."""
    function()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return 1e3 * statistics.median(times)


def large(effects: int) -> Document:
    """A sum of this many Z G Z', four nodes each, and a loose matrix that does not fit."""
    document = AddNode("Sum", 0, 0, connect=("V", None)).apply(Document())
    (total,) = document.nodes
    for effect in range(effects):
        product = document.next_id()
        steps = (
            AddNode("CovariancePropagation", 0, 0, f"effect {effect}", connect=(total, None)),
            AddNode("DummyMatrix", 0, 0, arguments={"factors": Columns(("gen",))}, connect=(product, "z")),
            AddNode("AR1Matrix", 0, 0, connect=(product, "g")),
        )
        for step in steps:
            document = step.apply(document)
    return AddNode("AR1Matrix", 0, 0, "loose", arguments={"n": 5}).apply(document)


def line(what: str, took: float, budget: float) -> None:
    """One row of the report."""
    print(f"{what:<46} {took:8.3f} ms   {took / budget:6.2f} of the {budget:g} ms it may take")


def slider_step(document: Document, table: Table, repeats: int) -> float:
    """A change of one variance, up to the natural values that the evaluation reads."""
    built = build(document, table)
    reference = built.parameters[0]
    values = count(1)

    def step() -> None:
        change = SetParameters({(reference.node_id, reference.name): 0.1 + next(values) / 1000})
        moved = change.apply(document)
        assert same_structure(document, moved)
        built.naturals("V", moved)

    return median(step, repeats)


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="few repeats")
    repeats = 3 if parser.parse_args().smoke else 51
    table = load_example("john_alpha")
    alpha = templates()[0].build(table, guess_roles(table))
    big = large(20)
    loose = next(node.id for node in big.nodes.values() if node.name == "loose")
    (total,) = (node.id for node in big.nodes.values() if node.kind == "Sum")
    for name, document in (("alpha design", alpha), (f"{len(big.nodes)} nodes", big)):
        line(f"slider step, {name}", slider_step(document, table, repeats), 1)
        line(f"build at n = 72, {name}", median(lambda d=document: build(d, table), repeats), 100)
    line(
        f"check of a wire, {len(big.nodes)} nodes",
        median(lambda: check_connection(big, loose, total, None, table), repeats),
        5,
    )


if __name__ == "__main__":
    main()
