"""Structures inserted, wrapped, replaced; operands swapped; nodes through the clipboard."""

from __future__ import annotations

import json

import pytest

from covstudio.covariance import catalogue
from covstudio.document.build.connection import check_swap
from covstudio.document.changes.all import AddNode, ChangeError, Connect, SetParameters, SwapOperands
from covstudio.document.model.document import Document
from covstudio.studio.canvas import copies, gestures
from covstudio.studio.canvas.messages import Target
from covstudio.studio.canvas.wiring import GAP_X, WIDTH
from covstudio.studio.session.store import Store
from tests.studio.canvas_cases import Browser, field_trial, made, sum_of_two, to


def scaled() -> Document:
    """V = Sum(a, b), and a loose AR1 of another size."""
    return AddNode("AR1Matrix", 0, 600, name="c", id="c", arguments={"n": 5}).apply(sum_of_two())


# --- brought in ---


def test_an_operator_dropped_on_a_wire_is_inserted_as_one_named_step() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.send("structure-over", kind="Scale", target=to(wire="b"))
    told = browser.told[-1]
    assert (told["type"], told["text"], told["onto"]) == ("drop-outcome", "insert it between b and Sum", "b")
    browser.drop("Scale", wire="b")
    (new,) = store.selection
    assert store.document.nodes["s"].children == ("a", new)
    assert store.document.parent_of("b") == (new, "a")
    assert store.history.undo_label == "Insert Scale between b and Sum"
    store.undo()
    assert store.document.nodes["s"].children == ("a", "b")


def test_an_operator_is_inserted_before_v() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.drop("Scale", wire="s")
    (new,) = store.selection
    assert store.document.v == new
    assert store.document.nodes[new].children == ("s",)


def test_an_operator_dropped_on_a_matrix_is_wrapped_around_it() -> None:
    store = Store(sum_of_two())
    plan = gestures.dropped(store.document, None, "Scale", (0, 0), Target(node="a"))
    assert plan.text == "wrap a in it"
    after = plan.change.apply(store.document)
    assert after.nodes["s"].children == (plan.id, "b")
    assert after.nodes[plan.id].children == ("a",)
    assert (after.nodes[plan.id].x, after.nodes[plan.id].y) == (300, 0)
    assert after.nodes["a"].x < 300, "what is wrapped makes room"


def test_a_matrix_dropped_on_a_matrix_takes_its_place() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.send("structure-over", kind="DiagonalMatrix", target=to(node="a"))
    assert browser.told[-1]["text"] == "put it in the place of a"
    browser.drop("DiagonalMatrix", "a")
    (new,) = store.selection
    assert "a" not in store.document.nodes
    assert store.document.nodes["s"].children == (new, "b")
    assert store.history.undo_label.startswith("Replace a by ")
    assert store.message is not None
    assert "took the place of a. Undo brings it back." in store.message.text


def test_what_is_in_a_slot_is_never_pushed_out_by_a_drop() -> None:
    document = sum_of_two()
    plan = gestures.dropped(document, None, "Scale", (0, 0), Target(node="s", slot="1"))
    assert plan.change.apply(document).nodes[plan.id].children == ("a",)
    plan = gestures.dropped(document, None, "DiagonalMatrix", (0, 0), Target(node="V", slot="V"))
    after = plan.change.apply(document)
    assert after.v == "s"
    assert plan.text == "place it here"


def test_a_wire_let_go_in_space_offers_what_fits_and_wires_it() -> None:
    store = Store(scaled())
    browser = Browser(store)
    browser.send("add-asked", target=to(node="c"))
    kinds = browser.told[-1]["kinds"]
    assert "Sum" in kinds
    assert "AR1Matrix" not in kinds, "a matrix has no slot for it"
    browser.send("structure-added", kind="Sum", at={"x": 900, "y": 700}, target=to(node="c"))
    (new,) = store.selection
    assert store.document.nodes[new].children == ("c",)
    assert store.document.nodes[new].x == 900 - 104
    store.undo()
    browser.send("structure-added", kind="ScalarMatrix", at={"x": 0, "y": 0}, target=to(node="s", slot="3"))
    assert len(store.document.nodes["s"].children) == 3


def test_what_a_button_of_a_card_adds_stands_beside_the_card() -> None:
    store = Store(scaled())
    Browser(store).send("structure-added", kind="ScalarMatrix", at=None, target=to(node="s", slot="3"))
    (new,) = store.selection
    assert store.document.nodes["s"].children[-1] == new
    assert store.document.nodes[new].x == store.document.nodes["s"].x - WIDTH - GAP_X


def test_the_search_for_nothing_offers_everything_and_adds_it_loose() -> None:
    store = Store()
    browser = Browser(store)
    browser.send("add-asked", target=to())
    assert browser.told[-1]["kinds"] == [one.name for one in catalogue() if one.palette]
    browser.send("structure-added", kind="Sum", at={"x": 10, "y": 20}, target=to())
    assert [node.kind for node in store.document.nodes.values()] == ["Sum"]


def test_what_does_not_fit_any_more_is_told_and_changes_nothing() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    document = store.document
    browser.send("structure-added", kind="AR1Matrix", at={"x": 0, "y": 0}, target=to(wire="a"))
    assert store.document is document
    assert store.message is not None
    browser.send("structure-added", kind="Nonsense", at={"x": 0, "y": 0}, target=to())
    assert store.document is document


# --- operands ---


def test_operands_change_places_as_one_step() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.wire("a", "s", "2")  # a wire drawn into the sibling's slot
    assert store.document.nodes["s"].children == ("b", "a")
    assert store.history.undo_label == "Swap a and b"
    browser.send("node-asked", id="a")
    assert browser.told[-1]["swaps"] == [{"parent": "s", "first": "2", "second": "1", "label": "Swap with b"}]
    browser.send("operands-swapped", parent="s", first="2", second="1")
    assert store.document.nodes["s"].children == ("a", "b")


def test_slots_that_cannot_be_swapped_say_why() -> None:
    document = sum_of_two()
    with pytest.raises(ChangeError, match="no slot '9'"):
        SwapOperands("s", "1", "9").apply(document)
    with pytest.raises(ChangeError, match="nothing to swap"):
        SwapOperands("s", "1", "1").apply(document)
    document = AddNode("CovariancePropagation", id="p").apply(document)
    with pytest.raises(ChangeError, match="nothing to swap"):
        SwapOperands("p", "z", "g").apply(document)


def test_a_swap_that_makes_shapes_contradict_is_refused() -> None:
    store = field_trial()
    genotype = store.document.named("genotype")
    assert genotype is not None
    reason = check_swap(store.document, SwapOperands(genotype.id, "z", "g"), store.table)
    assert reason is not None
    assert "expected a square G" in reason
    document = store.document
    Browser(store).send("operands-swapped", parent=genotype.id, first="z", second="g")
    assert store.document is document
    assert store.message is not None
    assert store.message.text == reason


def test_a_wire_that_takes_a_place_says_so_before_and_after() -> None:
    store = Store(AddNode("ScalarMatrix", id="c", name="c", arguments={"n": 3}).apply(sum_of_two()))
    browser = Browser(store)
    browser.send("wire-started", node="c", slot=None)
    effects = {(end["node"], end["slot"]): end["effect"] for end in browser.told[-1]["ends"]}
    assert effects["s", "3"] is None
    assert effects["s", "1"] == "takes the place of a, which stays loose"
    assert effects["V", "V"] == "takes the place of Sum, which stays loose"
    browser.wire("c", "s", "1")
    assert store.document.nodes["s"].children == ("c", "b")
    assert store.message is not None
    assert store.message.text.startswith("a was in that place")
    browser.send("wire-started", node="c", slot=None)
    effects = {(end["node"], end["slot"]): end["effect"] for end in browser.told[-1]["ends"]}
    assert effects["s", "2"] == "Swap c and b"


# --- the clipboard ---


def test_nodes_go_through_the_clipboard_as_the_text_of_a_file() -> None:
    store = Store(sum_of_two())
    store.dispatch(SetParameters({("b", "rho"): 0.5}))
    browser = Browser(store)
    browser.send("nodes-copied", nodes=["s", "b"], cut=False)
    text = browser.told[-1]["text"]
    assert json.loads(text)["covstudio"] == 1
    other = Store(Connect("t", "V").apply(made(AddNode("ScalarMatrix", name="a", id="t"))))
    window = Browser(other)
    window.send("text-pasted", text=text, at={"x": 50, "y": 60})
    (top,) = other.selection
    below = [other.document.nodes[child] for child in other.document.nodes[top].children]
    assert [node.name for node in below] == ["a 2", "b"]
    assert below[1].values["rho"] == 0.5
    assert other.document.v == "t"
    assert other.document.parent_of(top) is None
    assert min(other.document.nodes[node].x for node in other.document.subtree(top)) == 50
    assert other.history.undo_label == "Paste Sum"
    other.undo()
    assert set(other.document.nodes) == {"t"}


def test_what_is_cut_goes_with_all_below_it_as_one_step() -> None:
    store = Store(sum_of_two())
    browser = Browser(store)
    browser.send("nodes-copied", nodes=["s"], cut=True)
    assert not store.document.nodes
    assert store.history.undo_label == "Cut Sum"
    store.undo()
    browser.send("text-pasted", text=browser.told[-1]["text"], at={"x": 0, "y": 0})
    assert len(store.document.nodes) == 6


@pytest.mark.parametrize("text", ["", "hello", "{}", '{"covstudio": 1}', '{"covstudio": 99, "model": {}}'])
def test_what_is_no_model_is_not_pasted_and_says_why(text: str) -> None:
    store = Store(sum_of_two())
    document = store.document
    Browser(store).send("text-pasted", text=text, at={"x": 0, "y": 0})
    assert store.document is document
    assert store.message is not None
    assert store.message.text.startswith("Nothing was pasted")


def test_nothing_chosen_is_nothing_copied() -> None:
    assert copies.clip(sum_of_two(), ["V", "gone"]) is None
    assert copies.cut(sum_of_two(), []) is None
