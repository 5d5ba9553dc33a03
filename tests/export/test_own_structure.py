"""A structure of one's own module, registered with @declare, appears wherever the built-in ones do."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import catalogue_pages
import pytest
import torch

from covstudio.covariance import Matrix, ScalarMatrix, catalogue, declaration, declare
from covstudio.covariance.core.catalogue import withdraw
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.build.built import Problem
from covstudio.document.changes.all import SetArgument
from covstudio.document.files.write import DocumentError, dumps, loads
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns, Values
from covstudio.export.python import missing, python_source
from covstudio.studio.fit.worker import own_modules
from covstudio.studio.inspector.inspector import Inspector
from covstudio.studio.inspector.messages import CoordinatesField, IndicesField, NodePage, NumberField
from covstudio.studio.inspector.state import inspector_page
from covstudio.studio.palette.palette import PaletteView
from covstudio.studio.session.store import Store
from tests.export.catalogue_models import at_other_values, model_of
from tests.export.export_programs import add, after, executed_v, expected_v, printed_v
from tests.studio.states import state_of

KINDS = ("GrowthCurve", "WeightedPart")
TABLE = Table.from_columns(
    {
        "x": [0.0, 1.0, 2.0, 4.0],
        "y": [1.0, 0.0, 2.5, 1.5],
        "z": [0.0, 0.5, 0.0, 0.5],
        "w": [1.0, 2.0, 3.0, 4.0],
        "bed": ["a", "a", "b", "b"],
    },
    "garden.csv",
)


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module, imported anew by its own name: its structures are in the catalogue while a test runs."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    sys.modules.pop("own_structures", None)
    module = importlib.import_module("own_structures")
    yield module
    for kind in KINDS:
        withdraw(getattr(module, kind))


def everything() -> Document:
    """Both structures, with every argument set."""
    document = after(
        add("WeightedPart", "V", name="part", rows=(0, 2, 3, 1), times=2),
        add(
            "GrowthCurve",
            "n1",
            "inner",
            name="plants",
            points=Columns(("x", "y")),
            power=1.5,
            offset=0.25,
            shaded=(1, 3),
            metric="city-block",
            copies=2,
            absolute=True,
            known=tuple(tuple(float(i == j) for j in range(4)) for i in range(4)),
            groups=Columns(("bed",)),
        ),
    )
    return document


def problems(document: Document, table: Table | None = TABLE) -> list[Problem]:
    return [problem for problem in build(document, table).problems if problem.node_id != "V"]


def test_it_stands_in_the_catalogue_and_in_the_palette_under_its_own_category() -> None:
    assert [entry.name for entry in catalogue()][-2:] == list(KINDS)
    store = Store()
    view = PaletteView(store)
    listed = state_of(view)["entries"][-2:]
    assert [(entry["kind"], entry["category"]) for entry in listed] == [
        (kind, "Home grown") for kind in KINDS
    ]
    assert listed[0]["aliases"][0] == {"system": "Grower", "name": "gro2"}
    assert all(entry["picture"]["cells"] for entry in listed)
    added = view.add("GrowthCurve", (0.0, 0.0))
    assert store.document.nodes[str(added)].name == "Growth Curve"


def test_every_argument_reaches_the_constructor(own: ModuleType) -> None:
    document = at_table_values(everything())
    built = build(document, TABLE)
    assert built.v is not None, built.problems
    frame = TABLE.frame
    points = torch.tensor([frame["x"].tolist(), frame["y"].tolist()], dtype=torch.float64).T
    leaf = own.GrowthCurve(
        points, 1.5, offset=0.25, shaded=[1, 3], metric="city-block", copies=2, absolute=True,
        known=torch.eye(4, dtype=torch.float64), groups=[["a", "a", "b", "b"]],
    )  # fmt: skip
    assert leaf.param_names == ["sigma^2_0", "sigma^2_1", "range"]
    values = {ref.path: ref.natural for ref in built.parameters}
    assert list(values) == ["weight", "inner/sigma^2_0", "inner/sigma^2_1", "inner/range"]
    natural = torch.tensor(list(values.values()), dtype=torch.float64)
    inner = leaf.evaluate(natural[1:])[[0, 2, 3, 1]][:, [0, 2, 3, 1]]
    torch.testing.assert_close(expected_v(document, TABLE), 2 * natural[0] * inner, rtol=1e-12, atol=0)


def at_table_values(document: Document) -> Document:
    """Values that are no defaults, for a model that needs the table."""
    change = at_other_values(after(add("GrowthCurve", "V", points=Values(((0.0, 1.0),)))))
    own = change.nodes["n1"].values
    values = {"sigma^2_0": own["sigma^2_0"], "sigma^2_1": 0.7, "range": own["range"]}
    nodes = document.nodes
    return document.with_nodes(
        replace(nodes["n2"], values=values), replace(nodes["n1"], values={"weight": 3.25})
    )


def test_its_program_imports_it_from_its_own_module_and_gives_the_same_v(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, own: ModuleType
) -> None:
    document = at_table_values(everything())
    source = python_source(document, TABLE)
    assert "from own_structures import GrowthCurve, WeightedPart\n" in source
    assert "shaded=[1, 3]" in source
    assert 'torch.stack([torch.as_tensor(numbers["x"]), torch.as_tensor(numbers["y"])], dim=1)' in source
    torch.testing.assert_close(executed_v(source), expected_v(document, TABLE), rtol=1e-12, atol=1e-12)
    monkeypatch.setenv("PYTHONPATH", str(own.__file__).rpartition("/")[0], prepend=os.pathsep)
    torch.testing.assert_close(
        printed_v(source, tmp_path), expected_v(document, TABLE), rtol=1e-12, atol=1e-12
    )


def test_it_is_read_back_as_it_was_saved() -> None:
    document = at_table_values(everything())
    read, table = loads(dumps(document, TABLE))
    assert read == document
    assert table is not None
    assert torch.equal(expected_v(read, table), expected_v(document, TABLE))


def test_a_file_that_has_it_is_refused_by_name_where_it_is_not_registered(own: ModuleType) -> None:
    text = dumps(everything())
    withdraw(own.GrowthCurve)
    with pytest.raises(DocumentError, match="GrowthCurve"):
        loads(text)


@pytest.mark.parametrize("kind", KINDS)
def test_it_works_at_its_defaults(kind: str) -> None:
    document = model_of(declaration(kind))
    assert not [problem for problem in build(document).problems if problem.severity == "error"]
    torch.testing.assert_close(
        executed_v(python_source(document)), expected_v(document), rtol=1e-12, atol=1e-12
    )
    assert loads(dumps(document))[0] == document


def test_its_size_is_known_to_its_neighbours() -> None:
    document = after(
        add("Sum", "V"),
        add("WeightedPart", "n1", rows=(0, 2, 3), times=1),
        add("AR1Matrix", "n2", "inner"),
        add("ScalarMatrix", "n1", name="rest"),
    )
    built = build(document)
    assert built.v is not None, built.problems
    assert built.sizes["n4"] == (3, 3)


def test_the_pages_of_the_catalogue_have_it(tmp_path: Any) -> None:
    catalogue_pages.main(["--import", "own_structures", "--folder", str(tmp_path)])
    page = (tmp_path / "home-grown.md").read_text(encoding="utf-8")
    assert "## Growth curve" in page
    assert "| `sigma^2_i` | Variance of group i. | 0 and above | 1 |" in page
    assert "| Grower | `gro2`, `GROW(q)` | `grow(x, y)` |" in page
    assert (tmp_path / "pictures" / "WeightedPart.png").read_bytes().startswith(b"\x89PNG")
    index = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "| `gro2` | Grower | [`GrowthCurve`](home-grown.md#growth-curve) |" in index
    assert "AR1Matrix" in index


def test_workers_that_fit_import_its_module() -> None:
    assert own_modules() == ("own_structures",)


# --- what is missing or wrong stands at its field -------------------------------------------------


def test_what_a_person_has_to_give_is_asked_for_at_its_field() -> None:
    document = after(add("WeightedPart", "V"), add("GrowthCurve", "n1", "inner"))
    found = {(problem.node_id, problem.field): problem for problem in problems(document)}
    assert found.keys() == {("n2", "points"), ("n1", "rows")}
    assert {problem.severity for problem in found.values()} == {"unfinished"}
    assert "0, 2, 5-8" in found["n1", "rows"].message
    document = SetArgument("n1", "rows", (0,)).apply(document)
    assert {problem.field for problem in problems(document)} == {"points", "times"}


@pytest.mark.parametrize(
    ("argument", "value", "says"),
    [
        ("power", 7.0, "power must not be 7, got 7.0; choose another"),
        ("power", 8.0, "OverflowError: far too much"),
        ("shaded", (0, 9), "shaded must hold positions below 4, got 9; count from 0"),
        ("points", Columns(("x", "y", "z", "w")), "at most 3 columns"),
    ],
)
def test_what_its_constructor_refuses_stands_at_the_field(argument: str, value: Any, says: str) -> None:
    document = after(add("GrowthCurve", "V", points=Columns(("x",))))
    (problem,) = problems(SetArgument("n1", argument, value).apply(document))
    assert says in problem.message
    assert problem.severity == "error"
    assert problem.field == (None if value == 8.0 else argument)


def test_what_is_left_out_is_the_constructors() -> None:
    document = after(add("GrowthCurve", "V", points=Values(((0.0, 1.0, 4.0),))))
    assert problems(document, None) == []
    assert "GrowthCurve(torch.tensor(PLANTS" not in python_source(document)
    assert "offset" not in python_source(document)
    set_ = SetArgument("n1", "offset", 0.5).apply(document)
    assert "offset=0.5" in python_source(set_)
    assert SetArgument("n1", "offset", None).apply(set_) == document


def test_the_inspector_has_a_field_for_everything() -> None:
    store = Store(at_table_values(everything()))
    store.load_table(TABLE)
    store.selection = ("n2",)
    page = inspector_page(store)
    assert isinstance(page, NodePage)
    arguments = {argument.name: argument for argument in page.arguments}
    points, power, shaded = arguments["points"], arguments["power"], arguments["shaded"]
    assert isinstance(points, CoordinatesField)
    assert points.columns == ["x", "y"]
    assert (points.least, points.most) == (1, 3)
    assert isinstance(power, NumberField)
    assert power.value == 1.5
    assert isinstance(shaded, IndicesField)
    assert (shaded.value, shaded.optional) == ("1, 3", True)
    notes = {row.param: (row.meaning, row.note) for row in page.parameters}
    assert notes["sigma^2_0"] == ("Variance of group i.", "Variance of group i.")
    assert notes["sigma^2_1"] == ("Variance of group i.", "")
    (known,) = page.elsewhere
    assert (known.system, known.names, known.usage) == ("Grower", ["gro2", "GROW(q)"], "grow(x, y)")
    store.selection = ("n1",)
    page = inspector_page(store)
    assert isinstance(page, NodePage)
    assert [(row.param, row.value) for row in page.parameters] == [("weight", 3.25)]


def test_what_is_typed_in_the_inspector_becomes_an_argument() -> None:
    store = Store(everything())
    store.load_table(TABLE)
    inspector = Inspector(store)

    def say(argument: str, value: Any) -> dict[str, str]:
        inspector.channel.take({"type": "give-argument", "node": "n2", "argument": argument, "value": value})
        errors: dict[str, str] = json.loads(inspector.channel.state)["errors"]
        return errors

    own = lambda: store.document.nodes["n2"].arguments  # noqa: E731
    say("shaded", "0, 2-3")
    assert own()["shaded"] == (0, 2, 3)
    assert "no position" in say("shaded", "first")["shaded"]
    assert "backwards" in say("shaded", "3-1")["shaded"]
    say("shaded", None)
    assert "shaded" not in own()
    say("power", 2)
    assert own()["power"] == 2.0
    assert "at least 0.5" in say("power", 0.25)["power"]
    say("points", {"mode": "written", "text": "0 0\n1 1.5\n2 0\n3 3"})
    assert own()["points"] == Values(((0.0, 1.0, 2.0, 3.0), (0.0, 1.5, 0.0, 3.0)))
    assert "Row 2" in say("points", {"mode": "written", "text": "0 0\n1"})["points"]


def test_what_no_program_can_import_is_said_and_not_exported() -> None:
    @declare(
        title="Local",
        category="Home grown",
        formula="I",
        symbol="I",
        summary="Made within a function.",
        example=lambda: Local(),
    )
    class Local(ScalarMatrix):
        def __init__(self) -> None:
            super().__init__(2)

    try:
        document = after(add("Local", "V"))
        assert isinstance(build(document).v, Matrix)
        (reason,) = missing(document)
        assert "module of its own" in reason
        assert "raise SystemExit" in python_source(document)
    finally:
        withdraw(Local)
