"""One class is enough: a structure and an operator in a module of one's own are everywhere."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import catalogue_pages
import pytest
import torch
from playwright.sync_api import Page, expect

from covstudio.covariance import (
    AR1Matrix,
    CovariancePropagation,
    DummyMatrix,
    IdentityMatrix,
    KnownMatrix,
    KroneckerProduct,
    Matrix,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
    catalogue,
    linalg,
)
from covstudio.covariance.core.catalogue import withdraw
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.files.write import dumps, loads
from covstudio.document.model.document import Document
from covstudio.document.model.node import Columns
from covstudio.export.python import python_source
from covstudio.reml import explain, fit
from covstudio.reml.terms.kinds import BlockPiece, DiagonalPiece, RandomPiece
from covstudio.reml.terms.lower import pieces_of
from covstudio.reml.terms.outer import outer_terms
from covstudio.studio.matrix.labels import axis_labels
from covstudio.studio.palette.palette import PaletteView, entries
from covstudio.studio.session.store import Store
from tests.covariance.contract import Case, keep
from tests.export.export_programs import add, after, executed_v, expected_v
from tests.studio.browser import Studio
from tests.studio.serving import served
from tests.studio.states import state_of

KINDS = ("WeightedError", "Repeated")
MODULE = '''
"""A residual of known weights, and a covariance that every one of several groups has."""

import torch

from covstudio.covariance import Argument, DiagonalLeaf, IdentityMatrix, Operator, Parameter, ScalarMatrix
from covstudio.covariance import Slot, TransformExpPow2, declare, linalg
from covstudio.covariance.core.sizes import Total, columns, rows


@declare(
    title="Weighted error",
    category="Home made",
    formula=r"V = \\sigma^2 \\operatorname{diag}(1 / w)",
    symbol="σ²/w",
    summary="Independent rows, each the mean of a known number of measurements.",
    arguments=(Argument("w", "coordinates", "Weights", "How many measurements a row is the mean of"),),
    aliases={"nlme": ("varFixed",), "Home": ("wres",)},
    reference="Searle, Casella & McCulloch (1992), Variance Components, chapter 6",
    parameters={"sigma^2": "Variance of one measurement."},
    psd=True,
    linear=True,
    scale="sigma^2",
    example=lambda: WeightedError([1.0, 2.0, 4.0]),
)
class WeightedError(DiagonalLeaf):
    _definite = True

    def __init__(self, w, param_specs=None):
        self.w = torch.as_tensor(w, dtype=torch.float64)
        n = len(self.w)
        super().__init__((n, n), param_specs, [Parameter("sigma^2", TransformExpPow2())])

    def variances(self, natural):
        return natural[0] / self.w.to(natural)

    def variance_slopes(self, natural, index):
        return (1.0 / self.w.to(natural)).repeat(len(index), 1)


@declare(
    title="Repeated",
    category="Home made",
    formula=r"V = I_k \\otimes A",
    symbol="I ⊗ A",
    summary="Several independent groups of rows, all with the same covariance.",
    slots=(Slot("a", "Covariance A", "That of the rows of one group."),),
    arguments=(Argument("times", "integer", "Groups", "How many groups there are", default=2, minimum=1),),
    aliases={"nlme": ("pdBlocked",), "Home": ("again",)},
    reference="Searle (1982), Matrix Algebra Useful for Statistics, section 10.7",
    psd=True,
    linear=True,
    example=lambda: Repeated(a=ScalarMatrix(2), times=3),
)
class Repeated(Operator):
    operand_count = (1, 1)

    def __init__(self, *operands, times=2, **named):
        self.times = times
        super().__init__(*operands, **named)

    def _shape_arguments(self):
        return {"times": self.times}

    @classmethod
    def shape_rule(cls, shapes, names, **arguments):
        (shape,) = shapes
        times = arguments.get("times", 2)
        return None if shape is None else (times * shape[0], times * shape[1])

    @classmethod
    def size_relations(cls, names, **arguments):
        (a,) = names
        times = arguments.get("times", 2)
        return [Total("product", side(), (side(a),), times, "groups") for side in (rows, columns)]

    def combine(self, values):
        return torch.kron(torch.eye(self.times).to(values[0]), values[0].contiguous())

    def propagate(self, values, position, direction):
        return torch.stack([self.combine([one]) for one in direction])


@linalg.composition.register(Repeated)
def _(matrix):
    (a,) = linalg.placed_operands(matrix)
    groups = linalg.PlacedOperand(IdentityMatrix(matrix.times), range(0))
    return linalg.Composition("kronecker product", (groups, a))
'''
TABLE = Table.from_columns(
    {
        "y": [4.1, 3.9, 5.0, 4.4, 4.7, 5.3],
        "gen": ["G1", "G2", "G3", "G1", "G2", "G3"],
        "count": [1.0, 2.0, 4.0, 2.0, 1.0, 3.0],
    },
    "garden.csv",
)
ROWS, LEVELS = 24, 6
LABELS = [k % LEVELS for k in range(ROWS)]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    folder = tmp_path_factory.mktemp("own")
    (folder / "home_made.py").write_text(MODULE, encoding="utf-8")
    sys.path.insert(0, str(folder))
    module = importlib.import_module("home_made")
    yield module
    for kind in KINDS:
        withdraw(getattr(module, kind))
    sys.path.remove(str(folder))
    del sys.modules["home_made"]


def model() -> Document:
    """V = Z G Z' + repeated: n2 is the random term, n5 the operator over an autoregression."""
    return after(
        add("Sum", "V", name="total"),
        add("CovariancePropagation", "n1", name="gen"),
        add("DummyMatrix", "n2", "z", name="design", factors=Columns(("gen",))),
        add("ScalarMatrix", "n2", "g", name="variance"),
        add("Repeated", "n1", name="plots", times=2),
        add("AR1Matrix", "n5", "a", name="time"),
        add("WeightedError", "n1", name="error", w=Columns(("count",))),
    )


def test_it_is_in_the_catalogue_and_the_palette(own: ModuleType) -> None:
    assert [entry.name for entry in catalogue()][-2:] == list(KINDS)
    listed = [entry for entry in entries() if entry.category == "Home made"]
    assert [entry.kind for entry in listed] == list(KINDS)
    assert all(entry.picture.cells for entry in listed)
    store = Store()
    added = PaletteView(store).add("Repeated", (0.0, 0.0))
    assert store.document.nodes[str(added)].kind == "Repeated"
    assert state_of(PaletteView(store))["entries"][-1]["kind"] == "Repeated"


def test_it_is_found_by_the_names_it_has_elsewhere(own: ModuleType, page: Page) -> None:
    assert own.__file__ is not None
    with served("import home_made", Path(own.__file__).parent, fits=False) as url:
        Studio(page, url).open()
        for query, kind in (
            ("wres", "WeightedError"),
            ("again", "Repeated"),
            ("weighted err", "WeightedError"),
        ):
            page.get_by_label("Find a structure").fill(query)
            expect(page.locator("[data-kind]").first).to_have_attribute("data-kind", kind)


@pytest.mark.parametrize("kind", KINDS)
def test_the_contract_holds(own: ModuleType, kind: str) -> None:
    entry = {entry.name: entry for entry in catalogue()}[kind]
    keep(Case(kind, entry.example, picklable=False))


def test_its_sizes_follow_from_the_table_and_back(own: ModuleType) -> None:
    built = build(model(), TABLE)
    assert built.v is not None, built.problems
    assert built.origins["n6", "n"].text == "3, 6 ÷ 2, what its neighbour leaves of plots"
    assert built.v.shape == (6, 6)
    alone = build(after(add("Repeated", "V", times=4), add("AR1Matrix", "n1", "a", n=3)))
    assert alone.sizes["n1"] == (12, 12)


def test_it_is_saved_and_read_back_and_exported(own: ModuleType) -> None:
    document = model()
    read, table = loads(dumps(document, TABLE))
    assert read == document
    assert table is not None
    source = python_source(document, TABLE)
    assert "from home_made import Repeated, WeightedError\n" in source
    torch.testing.assert_close(executed_v(source), expected_v(document, TABLE), rtol=1e-12, atol=1e-12)


def test_the_catalogue_has_a_page_of_it(own: ModuleType, tmp_path: Path) -> None:
    catalogue_pages.main(["--import", "home_made", "--folder", str(tmp_path)])
    page = (tmp_path / "home-made.md").read_text(encoding="utf-8")
    assert "## Weighted error" in page
    assert "| `times` |" in page
    assert "[`Repeated`](home-made.md#repeated)" in (tmp_path / "README.md").read_text(encoding="utf-8")
    assert (tmp_path / "pictures" / "Repeated.png").exists()


def test_rows_have_the_names_of_what_they_are_of(own: ModuleType) -> None:
    store = Store(model())
    store.load_table(TABLE)
    plots, _ = axis_labels(store, "node:n5")
    assert plots == axis_labels(store, "V")[0]


# --- engines ---


def data() -> tuple[torch.Tensor, torch.Tensor, list[float]]:
    noise = torch.randn(ROWS, generator=torch.Generator().manual_seed(8), dtype=torch.float64)
    y = 2.0 * noise + torch.tensor(LABELS, dtype=torch.float64)
    return y, torch.ones(ROWS, 1, dtype=torch.float64), [1.0 + k % 3 for k in range(ROWS)]


def genotypes() -> Matrix:
    return CovariancePropagation(z=DummyMatrix(LABELS), g=ScalarMatrix(LEVELS))


def logliks(v: Matrix, engines: tuple[str, ...]) -> list[float]:
    y, x, _ = data()
    found = [fit(v, y, x, engine=engine) for engine in engines]
    assert all(one.converged for one in found)
    return [one.loglik for one in found]


def test_it_is_taken_apart_as_what_it_is(own: ModuleType) -> None:
    weights = data()[2]
    v = Sum(gen=genotypes(), groups=own.Repeated(a=AR1Matrix(3), times=8), error=own.WeightedError(weights))
    pieces = [piece for term in outer_terms(v) for piece in pieces_of(term, ROWS)]
    assert [type(piece) for piece in pieces] == [RandomPiece, BlockPiece, DiagonalPiece]
    assert [piece.path for piece in pieces] == ["gen", "groups", "error"]
    assert linalg.is_multiple(own.WeightedError(weights))
    assert linalg.is_linear(own.Repeated(a=own.WeightedError(weights)))
    assert not linalg.is_linear(own.Repeated(a=AR1Matrix(3)))
    assert linalg.scale_parameter(own.Repeated(a=AR1Matrix(3))) == 0


def test_a_structure_is_the_residual_of_every_engine(own: ModuleType) -> None:
    weights = data()[2]
    known = KnownMatrix(torch.diag(1.0 / torch.tensor(weights, dtype=torch.float64)))
    expected = logliks(Sum(gen=genotypes(), error=known), ("dense",))
    v = Sum(gen=genotypes(), error=own.WeightedError(weights))
    engines = ("dense", "mme", "sparse", "blocks")
    assert logliks(v, engines) == pytest.approx(expected * len(engines), abs=1e-7)


def test_an_operator_is_fitted_by_blocks_and_beside_random_effects(own: ModuleType) -> None:
    engines = ("dense", "blocks")
    within = UnstructuredMatrix(3)
    expected = logliks(KroneckerProduct(a=IdentityMatrix(8), b=within), engines)
    assert expected[0] == pytest.approx(expected[1], abs=1e-7)
    assert logliks(own.Repeated(a=within, times=8), engines) == pytest.approx(expected, abs=1e-7)
    engines = ("dense", "mme")
    series = KroneckerProduct(a=IdentityMatrix(8), b=AR1Matrix(3))
    expected = logliks(Sum(gen=genotypes(), time=series), engines)
    found = logliks(Sum(gen=genotypes(), time=own.Repeated(a=AR1Matrix(3), times=8)), engines)
    assert found == pytest.approx(expected, abs=1e-7)


def test_the_engine_is_chosen_by_what_they_are(own: ModuleType) -> None:
    labels = [k // 10 for k in range(3000)]
    gen = CovariancePropagation(z=DummyMatrix(labels), g=ScalarMatrix(300))
    weighted = Sum(gen=gen, error=own.WeightedError([1.0 + k % 4 for k in range(3000)]))
    plain = Sum(gen=gen, error=ScalarMatrix(3000))
    assert explain(weighted).engine == explain(plain).engine != "dense"
    repeated = own.Repeated(a=UnstructuredMatrix(3), times=1000)
    assert explain(repeated).engine == "blocks"
