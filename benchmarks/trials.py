"""Tables and models for the studio's benchmark: V with six parameters, for a small and for a large trial."""

from __future__ import annotations

import random
from typing import Any

from covstudio.data.tables import Table
from covstudio.document.changes.all import AddNode, Change, ReplaceDocument, SetData
from covstudio.document.changes.auto_layout import auto_layout
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns, Levels, Rows, V
from covstudio.studio.session.store import Store


def alpha_design(plots: int) -> Table:
    """An alpha design: 4 plots to a block, 3 replicates (4 from 100 plots on), genotypes in random order."""
    draw = random.Random(20260101)
    replicates = 3 if plots < 100 else 4
    genotypes = [f"G{i:03d}" for i in range(1, plots // replicates + 1)]
    rows: dict[str, list[str | float]] = {"rep": [], "block": [], "gen": [], "yield": []}
    for replicate in range(1, replicates + 1):
        order = draw.sample(genotypes, len(genotypes))
        for place, genotype in enumerate(order):
            rows["rep"].append(f"R{replicate}")
            rows["block"].append(f"B{place // 4 + 1}")
            rows["gen"].append(genotype)
            rows["yield"].append(round(draw.gauss(4.5, 0.6), 4))
    return Table.from_columns(rows, f"alpha{plots}")


def field_trial(plots: int) -> tuple[Store, str, str]:
    """Genotypes, blocks, replicates, an autoregression along the plots, a residual.

    Returns:
        the store; the node and the parameter of the slider to be moved.
    """
    store, total = _start(plots, "Sum")
    for name, columns in (("genotype", ("gen",)), ("block", ("rep", "block")), ("replicate", ("rep",))):
        effect = _add(store, "CovariancePropagation", name, (total, None))
        _add(store, "DummyMatrix", f"{name} design", (effect, "z"), factors=Columns(columns))
        _add(store, "ScalarMatrix", f"{name} variance", (effect, "g"), n=Levels(columns))
    trend = _add(store, "AR1Matrix", "trend", (total, None), n=Rows())
    _add(store, "ScalarMatrix", "residual", (total, None), n=Rows())
    return _finished(store, trend, "rho")


def all_move(plots: int) -> tuple[Store, str, str]:
    """A Hadamard product in which one slider changes V, all six derivatives and most thumbnails."""
    store, product = _start(plots, "HadamardProduct")
    trend = _add(store, "AR1Matrix", "trend", (product, "a"), n=Rows())
    total = _add(store, "Sum", "sum", (product, "b"))
    _add(store, "CompoundSymmetricMatrix", "common", (total, None), n=Rows())
    _add(store, "AR1Matrix", "second trend", (total, None), n=Rows())
    return _finished(store, trend, "rho")


def many_nodes(count: int) -> Store:
    """So many nodes: a sum of effects of genotypes, each Z G Z' with its matrices, and of residuals."""
    store, total = _start(72, "Sum")
    document = store.document

    def add(kind: str, name: str, connect: tuple[str, str | None], **arguments: Any) -> str:
        nonlocal document
        node = document.next_id()
        document = AddNode(kind, name=name, connect=connect, arguments=arguments, id=node).apply(document)
        return node

    effects, residuals = divmod(count - 1, 3)
    for effect in range(1, effects + 1):
        product = add("CovariancePropagation", f"effect {effect}", (total, None))
        add("DummyMatrix", f"design {effect}", (product, "z"), factors=Columns(("gen",)))
        add("ScalarMatrix", f"variance {effect}", (product, "g"), n=Levels(("gen",)))
    for residual in range(1, residuals + 1):
        add("ScalarMatrix", f"residual {residual}", (total, None), n=Rows())
    _apply(store, ReplaceDocument(auto_layout(document).apply(document)))
    return store


def _start(plots: int, kind: str) -> tuple[Store, str]:
    table = alpha_design(plots)
    store = Store(tables=[table])
    _apply(
        store,
        SetData(
            table.name, {"rep": "factor", "block": "factor", "gen": "factor", "yield": "response"}, "yield"
        ),
    )
    return store, _add(store, kind, "total", (V, None))


def _add(store: Store, kind: str, name: str, connect: tuple[str, str | None], **arguments: object) -> str:
    node = store.document.next_id()
    change = AddNode(kind, name=name, connect=connect, arguments=arguments, id=node)  # type: ignore[arg-type]
    _apply(store, change)
    return node


def _apply(store: Store, change: Change) -> None:
    if not store.dispatch(change):
        raise RuntimeError(store.message.text if store.message else "the change was refused")


def _finished(store: Store, node: str, parameter: str) -> tuple[Store, str, str]:
    document: Document = store.document
    _apply(store, auto_layout(document))
    if store.build.v is None or store.problems:
        raise RuntimeError(f"the model is not complete: {[problem.message for problem in store.problems]}")
    store.selection = (node,)
    return store, node, parameter
