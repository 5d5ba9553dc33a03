"""The store: one way in for every change, and nothing is lost when a change does not fit."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import pytest
import torch

from covstudio.data.examples import load_example, load_relations
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.build.repairs import repairs
from covstudio.document.changes.all import (
    AddNode,
    Connect,
    MoveNodes,
    RemoveNodes,
    Rename,
    SetFixed,
    SetParameters,
    SetRelation,
    SetTitle,
)
from covstudio.document.files.templates import TEMPLATES, Template, templates
from covstudio.document.model.document import Document
from covstudio.document.model.node import Related, V
from covstudio.studio.session.store import Store


def with_ar1() -> Store:
    """V is an AR(1) of the default size; its id is "a"."""
    store = Store()
    assert store.dispatch(AddNode("AR1Matrix", name="time", id="a", connect=(V, None)))
    return store


class Calls(list[str]):
    """The names of the store's parameters that were announced, in order."""

    def __init__(self, store: Store, *names: str) -> None:
        super().__init__()
        store.param.watch(lambda *events: self.extend(event.name for event in events), list(names))


def test_an_empty_store_says_what_to_do() -> None:
    store = Store()
    assert store.version == store.settled == store.structure_version == 1
    assert store.build.v is None
    assert store.parameters() == ()
    assert [problem.node_id for problem in store.problems] == [V]


def test_a_change_that_does_not_fit_becomes_a_notice_and_alters_nothing() -> None:
    store = with_ar1()
    before = store.document, store.history, store.version
    assert not store.dispatch(Connect("a", "nobody"))
    assert store.message is not None
    assert store.message.level == "error"
    assert "nobody" in store.message.text
    assert (store.document, store.history, store.version) == before


def test_the_same_notice_twice_is_two_notices() -> None:
    store = Store()
    seen = []
    store.param.watch(lambda event: seen.append(event.new.serial), ["message"])
    store.notify("once")
    store.notify("once")
    assert len(set(seen)) == 2


def test_values_keep_the_build_and_structure_makes_a_new_one() -> None:
    store = with_ar1()
    build, structure, version = store.build, store.structure_version, store.version
    store.dispatch(SetParameters({("a", "rho"): 0.3}))
    store.dispatch(MoveNodes({"a": (10.0, 20.0)}))
    assert store.build is build
    assert store.structure_version == structure
    assert store.version == version + 2
    store.dispatch(SetFixed("a", "sigma^2", True))
    assert store.build is not build
    assert store.structure_version == structure + 1


def test_natural_values_follow_the_document_and_undo() -> None:
    store = with_ar1()
    assert [(ref.path, ref.natural) for ref in store.parameters()] == [("sigma^2", 1.0), ("rho", 0.0)]
    store.dispatch(SetParameters({("a", "rho"): 0.3, ("a", "sigma^2"): 4.0}))
    assert [ref.natural for ref in store.parameters()] == [4.0, 0.3]
    assert [ref.natural for ref in store.node_parameters("a")] == [4.0, 0.3]
    assert store.natural("a", "rho") == 0.3
    # A build that was made while the value stood elsewhere must not remember it as the default.
    store.dispatch(SetFixed("a", "sigma^2", True))
    assert store.undo()
    assert store.undo()
    assert [ref.natural for ref in store.parameters()] == [1.0, 0.0]
    assert store.natural("a", "rho") == 0.0
    assert store.redo()
    assert store.natural("a", "rho") == 0.3
    with pytest.raises(KeyError, match="no parameter 'phi'"):
        store.natural("a", "phi")


def test_raw_theta_of_a_value() -> None:
    store = with_ar1()
    variance, rho = store.parameters()
    assert store.raw(variance, 4.0) == pytest.approx(math.log(2.0))
    assert store.raw(variance, 0.0) == -math.inf
    assert store.raw(rho) == pytest.approx(0.0)


def test_a_node_off_v_has_its_parameters_too() -> None:
    store = with_ar1()
    store.dispatch(AddNode("ScalarMatrix", id="loose"))
    assert [(ref.name, ref.natural) for ref in store.node_parameters("loose")] == [("sigma^2", 1.0)]
    assert len(store.parameters()) == 2


def test_a_template_is_another_model_there_and_back_again() -> None:
    store = with_ar1()
    before = store.models
    assert store.start(templates()[0])
    assert store.models == before + 1
    assert store.undo()
    assert store.models == before + 2
    assert store.undo()  # a step within one model
    assert store.models == before + 2
    assert store.redo()
    assert store.redo()
    assert store.models == before + 3


def test_undo_and_redo_at_the_ends_do_nothing() -> None:
    store = with_ar1()
    assert not store.redo()
    assert store.undo()
    assert not store.undo()
    assert store.document.nodes == {}
    assert store.redo()
    assert "a" in store.document.nodes


def test_a_quiet_drag_is_told_to_the_views_later_and_is_one_step() -> None:
    store = with_ar1()
    calls = Calls(store, "moving", "version", "settled")
    for value in (0.1, 0.2, 0.3):
        assert store.dispatch(SetParameters({("a", "rho"): value}, merge_key="drag 1"), quiet=True)
    assert calls == ["moving", "moving", "moving"]
    assert store.natural("a", "rho") == 0.3
    assert not store.at_rest
    store.publish()
    assert calls[3:] == ["version"]
    assert not store.at_rest
    store.publish()
    assert len(calls) == 4
    store.settle()
    assert calls[4:] == ["settled"]
    assert store.at_rest
    store.undo()
    assert store.natural("a", "rho") == 0.0


def test_settling_tells_of_what_was_not_told_yet() -> None:
    store = with_ar1()
    store.dispatch(SetParameters({("a", "rho"): 0.4}, merge_key="drag"), quiet=True)
    version = store.version
    store.settle()
    assert store.version == store.settled == version + 1


def test_selection_and_focus_forget_what_is_gone() -> None:
    store = with_ar1()
    store.dispatch(AddNode("ScalarMatrix", id="b"))
    store.selection, store.focus = ("a", "b"), "b"
    assert store.focus_key == "node:b"
    store.dispatch(RemoveNodes(["b"]))
    assert store.selection == ("a",)
    assert store.focus_key == "V"
    store.focus = "slice:rho"
    store.dispatch(SetFixed("a", "rho", True))
    assert store.focus_key == "V"


def test_a_value_outside_its_range_is_a_problem_of_its_node_and_counts_as_the_default() -> None:
    store = with_ar1()
    assert store.open_text(store.save_text().replace('"values": {}', '"values": {"rho": 2.5}'))
    assert [(p.node_id, p.field) for p in store.problems] == [("a", "rho")]
    assert store.natural("a", "rho") == 0.0
    assert store.parameters()[1].natural == 0.0


def test_faults_are_problems() -> None:
    store = with_ar1()
    store.faults = {"a": "cannot be computed"}
    assert [(p.node_id, p.message) for p in store.problems] == [("a", "cannot be computed")]


# --- data ---


def test_loading_a_table_is_one_step_that_can_be_undone() -> None:
    store = Store()
    assert store.load_table(load_example("john_alpha"))
    assert store.table is not None
    assert store.table.n == 72
    assert store.document.response == "yield"
    assert store.document.roles["gen"] == "factor"
    assert store.undo()
    assert store.table is None
    assert store.redo()
    assert store.table.n == 72


def test_two_tables_of_one_name_are_kept_apart() -> None:
    store = Store()
    store.load_table(Table.from_columns({"g": ["a", "b"], "y": [1.0, 2.0]}, "trial"))
    store.load_table(Table.from_columns({"g": ["a", "b", "c"], "y": [1.0, 2.0, 3.0]}, "trial"))
    assert store.document.data_name == "trial (2)"
    assert store.table is not None
    assert store.table.n == 3
    store.undo()
    assert store.table.n == 2
    store.load_table(Table.from_columns({"g": ["a", "b"], "y": [1.0, 2.0]}, "trial"))
    assert sorted(store.tables) == ["trial", "trial (2)"]


# --- files ---


def test_a_model_comes_back_from_its_text_with_its_table() -> None:
    store = Store()
    store.load_table(load_example("john_alpha"))
    store.dispatch(AddNode("AR1Matrix", name="time <b>", id="a"))
    store.dispatch(SetTitle("Oats & more"))
    text = store.save_text()
    fresh = Store()
    assert fresh.open_text(text)
    assert fresh.document == store.document
    assert fresh.table is not None
    assert fresh.table.n == 72
    assert fresh.undo()
    assert fresh.document.nodes == {}


def test_a_file_whose_table_has_a_name_in_use_leaves_the_other_table_alone() -> None:
    other = Store()
    other.load_table(Table.from_columns({"h": ["a", "b"], "z": [5.0, 7.0]}, "trial"))
    store = Store()
    store.load_table(Table.from_columns({"g": ["a", "b"], "y": [1.0, 2.0]}, "trial"))
    assert store.open_text(other.save_text())
    assert store.table is not None
    assert store.table.columns == ("h", "z")
    assert store.document.data_name == "trial (2)"
    store.undo()
    assert store.table.columns == ("g", "y")
    store.redo()
    assert store.table.columns == ("h", "z")


def test_a_model_without_its_table_says_so() -> None:
    store = Store()
    store.load_table(load_example("john_alpha"))
    fresh = Store()
    assert fresh.open_text(store.save_text(with_data=False))
    assert fresh.message is not None
    assert fresh.message.level == "warning"
    assert "data panel" in fresh.message.text


@pytest.mark.parametrize("text", ["", "{", "[]", '{"covstudio": 99}', '{"covstudio": 1}', "\x00"])
def test_a_file_that_is_none_of_ours_loses_nothing(text: str) -> None:
    store = with_ar1()
    before = store.document
    assert not store.open_text(text)
    assert store.document is before
    assert store.message is not None
    assert store.message.level == "error"
    assert "the model is as it was" in store.message.text


# --- fits ---


@dataclass(frozen=True)
class FakeEstimate:
    values: dict[tuple[str, str], float] = field(default_factory=dict)


def test_an_estimate_is_one_step_and_current_until_something_changes() -> None:
    store = with_ar1()
    assert store.apply_estimate(FakeEstimate({("a", "rho"): 0.5, ("a", "sigma^2"): 2.0}))
    assert store.natural("a", "rho") == 0.5
    assert store.estimate_is_current
    assert store.history.undo_label == "Fit"
    store.dispatch(Rename("a", "time trend"))
    assert not store.estimate_is_current
    store.undo()
    assert store.estimate_is_current
    store.undo()
    assert store.natural("a", "rho") == 0.0
    assert not store.estimate_is_current


# --- templates ---


@pytest.mark.parametrize("template", templates(), ids=lambda template: template.name)
def test_a_template_of_the_empty_page_is_alive_at_once(template: Template) -> None:
    store = Store()
    assert template.sample is not None
    assert store.start(template)
    assert store.build.v is not None
    assert not store.problems
    assert store.table is not None
    assert store.message is not None
    assert template.sample.said in store.message.text
    assert store.undo(), "one step"
    assert (store.document, store.table) == (Document(), None)
    assert not store.history.can_undo


def test_a_template_takes_the_table_that_is_there() -> None:
    store = Store()
    columns = {"rep": ["R1", "R1", "R2", "R2"], "gen": ["a", "b", "a", "b"], "y": [1.0, 2.0, 3.0, 4.0]}
    store.load_table(Table.from_columns(columns, "own"), roles={"rep": "ignored"})
    before = dict(store.document.roles)
    assert store.start(templates()[0])
    assert store.document.data_name == "own"
    assert {name: store.document.roles[name] for name in before} == before
    assert store.message is not None
    assert "example" not in store.message.text


def test_a_template_brings_no_table_where_one_is_only_named() -> None:
    store = Store(replace(Document(), data_name="elsewhere"))
    assert store.start(templates()[0])
    assert store.table is None


def test_a_template_asks_for_what_the_table_does_not_tell() -> None:
    store = Store()
    store.load_table(load_example("oats_yates"))
    before = dict(store.document.roles)
    assert store.start(TEMPLATES["split_plot"])
    assert store.message is not None
    assert "Which column has the factor of the whole plots? It may be 'N' or 'Variety'." in store.message.text
    (problem,) = store.problems
    assert store.document.nodes[problem.node_id].name == "whole plot design: to choose"
    assert dict(store.document.roles) == before
    chosen = {one.label: one.change for one in repairs(store.document, store.table, store.build, problem)}
    assert store.dispatch(chosen["Use Variety"])
    assert store.table is not None
    said = build(TEMPLATES["split_plot"].model(store.table, whole="Variety", split="N"), store.table).v
    assert said is not None
    assert store.build.v is not None
    ones = torch.ones(3, dtype=torch.float64)
    assert torch.equal(store.build.v.evaluate(ones), said.evaluate(ones))


def test_a_template_takes_the_second_tables_that_are_there() -> None:
    store = Store()
    store.load_table(load_example("mrode_calves"))
    store.dispatch(SetRelation("herd", load_relations("mrode_calves")["pedigree"]))
    assert store.start(TEMPLATES["animal"])
    assert not store.problems
    covariance = store.document.named("animal covariance")
    assert covariance is not None
    assert covariance.arguments["ped"] == Related("herd")
