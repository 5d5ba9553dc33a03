"""The palette shows what the catalogue declares, and adds to the document what it is asked for."""

from __future__ import annotations

import re

import msgspec
import pytest
import torch

from covstudio.covariance import Declaration, Matrix, catalogue, declaration, declare
from covstudio.covariance.core.catalogue import withdraw
from covstudio.document.changes.all import AddNode, Connect, SetParameters
from covstudio.document.model.document import MAX_DEPTH, Document
from covstudio.document.model.node import V
from covstudio.studio.canvas import copies, wiring
from covstudio.studio.palette.icons import SIDE, pictogram
from covstudio.studio.palette.messages import Alias, PaletteEntry
from covstudio.studio.palette.palette import PaletteView, entries, entry
from covstudio.studio.session.resources import read_asset
from covstudio.studio.session.store import Store
from tests.studio.states import state_of


def test_every_structure_that_can_be_built_is_there_once_and_nothing_else() -> None:
    kinds = [entry.kind for entry in entries()]
    assert kinds == [declared.name for declared in catalogue() if declared.palette]
    assert "SimpleMatrix" not in kinds
    assert "Adapter" not in kinds


@pytest.mark.parametrize(
    ("kind", "system", "name"),
    [
        ("ScalarMatrix", "ASReml", "idv"),
        ("CompoundSymmetricMatrix", "SAS", "CS"),
        ("AR1Matrix", "nlme", "corAR1"),
    ],
)
def test_the_names_of_other_systems_are_carried(kind: str, system: str, name: str) -> None:
    assert Alias(system=system, name=name) in entry(declaration(kind)).aliases


def test_a_name_that_is_the_class_name_itself_is_not_repeated() -> None:
    for listed in entries():
        assert listed.kind not in [alias.name for alias in listed.aliases]


def test_the_state_sent_to_the_browser_is_json_and_whole() -> None:
    view = PaletteView(Store())
    sent = state_of(view)["entries"]
    assert msgspec.convert(sent, list[PaletteEntry]) == entries()
    assert all(listed["title"] and listed["symbol"] and listed["summary"] for listed in sent)


@pytest.mark.parametrize("declared", [d for d in catalogue() if d.palette], ids=lambda d: d.name)
def test_a_pictogram_shows_the_pattern_of_the_example(declared: Declaration) -> None:
    picture = pictogram(declared)
    assert 1 <= picture.rows <= SIDE
    assert 1 <= picture.cols <= SIDE
    assert picture.cells, "an example that is zero everywhere says nothing"
    assert max(abs(weight) for _, _, weight in picture.cells) == 1.0
    for row, column, _ in picture.cells:
        assert row < picture.rows
        assert column < picture.cols


def test_correlation_shows_in_a_pictogram_although_the_default_is_the_identity() -> None:
    cells = {(row, column): weight for row, column, weight in pictogram(declaration("AR1Matrix")).cells}
    assert cells[0, 0] == 1.0
    assert 0.2 < cells[0, 1] < 1.0
    assert cells[0, 2] < cells[0, 1]


def test_a_structure_of_ones_own_appears_with_everything_it_declares() -> None:
    @declare(
        title="Ones",
        category="My models",
        formula="J",
        symbol="J",
        summary="All ones.",
        aliases={"Mine": ("ones",)},
        example=lambda: Ones(),
    )
    class Ones(Matrix):
        def __init__(self) -> None:
            super().__init__((2, 2), {})

        def evaluate(self, natural: torch.Tensor) -> torch.Tensor:
            return torch.ones(2, 2)

    try:
        listed = entries()[-1]
    finally:
        withdraw(Ones)
    assert (listed.kind, listed.category) == ("Ones", "My models")
    assert listed.aliases == [Alias(system="Mine", name="ones")]
    assert len(listed.picture.cells) == 4


def test_an_example_that_cannot_be_evaluated_leaves_an_empty_pictogram() -> None:
    @declare(
        title="Broken",
        category="My models",
        formula="?",
        symbol="?",
        summary="Cannot be evaluated.",
        example=lambda: Broken(),
    )
    class Broken(Matrix):
        def __init__(self) -> None:
            super().__init__((2, 2), {})

        def evaluate(self, natural: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no")

    try:
        assert entries()[-1].picture.cells == []
    finally:
        withdraw(Broken)


def test_a_square_matrix_that_may_be_indefinite_says_so() -> None:
    assert {listed.kind for listed in entries() if listed.indefinite} == {
        "HuynhFeldtMatrix",
        "UnconstrainedMatrix",
    }


# --- the visual language ---


def colours(theme: str) -> dict[str, str]:
    """The colours of one theme: name -> #rrggbb."""
    start = {"light": ":root {", "dark": ':root[data-cs-theme="dark"] {'}[theme]
    block = read_asset("theme.css").split(start, 1)[1].split("}", 1)[0]
    return dict(re.findall(r"--cs-([a-z-]+): (#[0-9a-f]{6})", block))


def contrast(first: str, second: str) -> float:
    """The contrast ratio of WCAG 2.1, from 1 to 21."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_colour_can_be_read_on_every_ground(theme: str) -> None:
    named = colours(theme)
    texts = ("text", "muted", "faint", "accent", "matrix", "operator", "problem", "ok")
    pairs = [(text, ground) for text in texts for ground in ("bg", "surface", "raised")]
    pairs += [(text, f"{text}-soft") for text in texts if f"{text}-soft" in named]
    pairs += [("on-accent", "accent"), ("text", "hover"), ("muted", "sunken")]
    poor = {pair: round(contrast(*(named[name] for name in pair)), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}


def test_both_themes_name_the_same_colours() -> None:
    assert colours("light").keys() == colours("dark").keys()


# --- adding ---


def test_a_structure_is_added_loose_near_the_middle_of_the_view_and_selected() -> None:
    store = Store()
    node_id = PaletteView(store).add("AR1Matrix", (500.0, 300.0))
    assert node_id is not None
    node = store.document.nodes[node_id]
    assert (node.x, node.y) == (500 - 104, 300 - 66)
    assert store.selection == (node_id,)
    assert store.history.undo_label == "Add " + declaration("AR1Matrix").title


def test_a_structure_alone_is_what_one_looks_at_until_there_is_a_v() -> None:
    store = Store()
    view = PaletteView(store)
    alone = view.add("AR1Matrix")
    assert store.focus == alone
    view.add("ScalarMatrix")
    assert store.focus == alone
    store.dispatch(Connect(alone, V))
    assert store.focus == V


def test_two_additions_at_one_place_do_not_cover_each_other() -> None:
    store = Store()
    view = PaletteView(store)
    added = [view.add(kind, (0.0, 0.0)) for kind in ("AR1Matrix", "ScalarMatrix")]
    first, second = (store.document.nodes[str(node_id)] for node_id in added)
    assert second.y >= first.y + 132


def test_a_structure_goes_into_the_first_free_slot_of_the_selected_operator() -> None:
    store = Store(AddNode("CovariancePropagation", id="p").apply(Document()))
    view = PaletteView(store)
    store.selection = ("p",)
    design = view.add("DummyMatrix")
    assert store.document.nodes["p"].child("z") == design
    assert store.selection == ("p",), "the operator stays selected while it has a free slot"
    effects = view.add("ScalarMatrix")
    assert store.document.nodes["p"].child("g") == effects
    assert store.selection == (effects,)
    assert store.document.nodes[str(design)].x < store.document.nodes["p"].x


def test_after_the_last_slot_of_an_operator_the_one_around_it_is_filled() -> None:
    document = AddNode("Sum", id="s", connect=("V", None)).apply(Document())
    store = Store(AddNode("CovariancePropagation", id="p", connect=("s", None)).apply(document))
    view = PaletteView(store)
    store.selection = ("p",)
    view.add("DummyMatrix")
    assert store.selection == ("p",)
    view.add("ScalarMatrix")
    assert store.selection == ("s",)
    residual = view.add("ScalarMatrix")
    assert store.document.parent_of(str(residual)) == ("s", "2")
    assert store.selection == ("s",), "a sum always has a free slot"


def test_an_added_operator_is_selected_so_that_its_own_slots_come_next() -> None:
    store = Store(AddNode("Sum", id="s", connect=("V", None)).apply(Document()))
    view = PaletteView(store)
    store.selection = ("s",)
    propagation = view.add("CovariancePropagation")
    assert store.selection == (propagation,)
    assert store.document.parent_of(str(propagation)) == ("s", "1")


def test_what_does_not_fit_is_added_loose_and_the_reason_is_told() -> None:
    document = Document()
    for depth in range(MAX_DEPTH - 1):
        connect = (f"t{depth - 1}", "a") if depth else None
        document = AddNode("Transpose", id=f"t{depth}", connect=connect).apply(document)
    store = Store(document)
    store.selection = (f"t{MAX_DEPTH - 2}",)
    deepest = PaletteView(store).add("Transpose")
    assert store.document.parent_of(str(deepest)) == (f"t{MAX_DEPTH - 2}", "a")
    loose = PaletteView(store).add("Transpose")
    assert loose is not None
    assert store.document.parent_of(loose) is None
    assert store.message is not None
    assert store.message.level == "warning"
    assert str(MAX_DEPTH) in store.message.text


def test_an_unknown_structure_is_a_notice_and_nothing_more() -> None:
    store = Store()
    before = store.document
    assert PaletteView(store).add("<script>alert(1)</script>") is None
    assert store.document is before
    assert store.message is not None
    assert store.message.level == "error"


def test_a_new_structure_shows_itself_and_a_copy_is_as_what_it_is_of() -> None:
    store = Store()
    added = PaletteView(store).add("AR1Matrix")
    assert added is not None
    assert dict(store.document.nodes[added].values) == {"rho": 0.5}
    assert [step.label for step in store.history.past] == ["Add First-order autoregressive"]
    store.dispatch(SetParameters({(added, "rho"): None}))
    assert wiring.dispatch(store, *copies.duplicate(store.document, [added]))
    assert [dict(node.values) for node in store.document.nodes.values()] == [{}, {}]
