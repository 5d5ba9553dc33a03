"""What the inspector shows and what it understands, without a browser."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest

from covstudio.covariance import (
    TransformChain,
    TransformExp,
    TransformExpPow2,
    TransformIdentity,
    TransformScaleShift,
    TransformSigmoid,
    catalogue,
)
from covstudio.data.examples import load_example
from covstudio.document.changes.all import (
    AddNode,
    Connect,
    SetArgument,
    SetFixed,
    SetParameters,
)
from covstudio.document.model.node import Auto, Columns, Levels, Rows, Values
from covstudio.studio.inspector.inspector import Inspector
from covstudio.studio.inspector.messages import (
    FromLevels,
    FromModel,
    FromNumber,
    FromRows,
    MovedParameter,
    MovedParameters,
    Written,
)
from covstudio.studio.inspector.problems import RepairProblem, mend
from covstudio.studio.inspector.scales import Scale, allows_zero, scale_of
from covstudio.studio.inspector.standing import standing
from covstudio.studio.inspector.state import inspector_page
from covstudio.studio.inspector.typed import read_argument
from covstudio.studio.session.messages import plain
from covstudio.studio.session.resources import katex_address
from covstudio.studio.session.store import Store
from tests.studio.canvas_cases import field_trial
from tests.studio.states import state_of

CORRELATION = TransformChain([TransformSigmoid(), TransformScaleShift(2.0, -1.0)])


@pytest.fixture
def alpha() -> Store:
    return field_trial()


def node(store: Store, name: str) -> str:
    found = store.document.named(name)
    assert found is not None
    return found.id


def inspector_state(store: Store) -> dict[str, Any]:
    """The page of the inspector as it is sent."""
    page: dict[str, Any] = plain(msgspec.to_builtins(inspector_page(store)))
    return page


def select(store: Store, name: str) -> dict[str, Any]:
    store.selection = (node(store, name),)
    return inspector_state(store)


# --- pages ----------------------------------------------------------------------------------------


def test_an_empty_model_says_how_to_begin() -> None:
    assert inspector_state(Store()) == {"mode": "empty", "table": None}


def test_nothing_selected_shows_every_parameter_of_v_by_term(alpha: Store) -> None:
    state = inspector_state(alpha)
    assert state["mode"] == "model"
    assert [group["name"] for group in state["groups"]] == ["genotype variance", "block variance", "residual"]
    paths = [p["path"] for group in state["groups"] for p in group["parameters"]]
    assert paths == ["genotype/g/sigma^2", "block/g/sigma^2", "residual/sigma^2"]
    assert (state["free"], state["fixed"], state["shape"]) == (3, 0, "72 × 72")


def test_a_node_shows_its_own_parameters_under_their_path_in_v(alpha: Store) -> None:
    state = select(alpha, "block variance")
    assert state["mode"] == "node"
    (parameter,) = state["parameters"]
    assert parameter["path"] == "block/g/sigma^2"
    assert parameter["label"] == "σ²"
    assert (parameter["value"], parameter["raw"], parameter["fixed"]) == (1.0, 0.0, False)


def test_a_size_says_where_it_comes_from(alpha: Store) -> None:
    (size,) = select(alpha, "block variance")["arguments"]
    assert size["mode"] == "auto"
    assert size["origin"].startswith("18, ")
    alpha.dispatch(SetArgument(node(alpha, "residual"), "n", Rows()))
    (size,) = select(alpha, "residual")["arguments"]
    assert (size["mode"], size["rows"]) == ("rows", 72)
    alpha.dispatch(SetArgument(node(alpha, "block variance"), "n", Levels(("rep", "block"))))
    (size,) = select(alpha, "block variance")["arguments"]
    assert (size["mode"], size["columns"]) == ("levels", ["rep", "block"])


def test_factors_are_chosen_among_the_columns_factors_first(alpha: Store) -> None:
    state = select(alpha, "block design")
    argument = next(a for a in state["arguments"] if a["kind"] == "factors")
    assert argument["columns"] == ["rep", "block"]
    roles = [choice["role"] for choice in argument["choices"]]
    assert roles[:3] == ["factor"] * 3
    assert alpha.table is not None
    assert {choice["name"] for choice in argument["choices"]} == set(alpha.table.columns)


def test_problems_stand_with_their_node_and_lead_there(alpha: Store) -> None:
    alpha.dispatch(AddNode("Sum"))
    state = inspector_state(alpha)
    problem = state["problems"][0]
    assert problem["name"] == "Sum 2"
    assert "operand" in problem["text"]
    assert select(alpha, "Sum 2")["problems"]
    takes = {repair["label"]: repair["takes"] for one in state["problems"] for repair in one["repairs"]}
    assert takes["Remove Sum 2"]


def test_a_problem_is_mended_once_by_a_step_that_undo_takes_back(alpha: Store) -> None:
    design, before = node(alpha, "genotype design"), alpha.document
    alpha.dispatch(SetArgument(design, "factors", None))
    (problem,) = select(alpha, "genotype design")["problems"]
    assert [repair["label"] for repair in problem["repairs"]][:1] == ["Use gen"]
    assert not any(repair["takes"] for repair in problem["repairs"])
    mend(alpha, RepairProblem(node=design, label="Use gen"))
    assert alpha.document.nodes[design] == before.nodes[design]
    assert alpha.history.undo_label == "Use gen"
    mend(alpha, RepairProblem(node=design, label="Use gen"))  # pressed twice
    assert alpha.history.undo_label == "Use gen"
    assert alpha.message is not None
    assert "the list of problems says what is left" in alpha.message.text


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("residual", "The residual of V: what the other terms and the fixed effects leave of a row"),
        ("genotype", "A term of V: the effects of gen."),
        ("block", "A term of V: the effects of rep and block."),
        ("genotype design", "Says for each row of the data which effect is in it."),
        ("genotype variance", "How the effects of gen vary"),
        ("Sum", ""),
    ],
)
def test_a_node_says_what_it_stands_for_in_this_model(alpha: Store, name: str, says: str) -> None:
    said = select(alpha, name)["standing"]
    assert said.startswith(says)
    assert bool(said) == bool(says)


@pytest.mark.parametrize(
    ("kinds", "said_of", "names"),
    [
        (
            ("KroneckerProduct V", "AR1Matrix n1 a", "AR1Matrix n1 b"),
            ("n1", "n2", "n3"),
            "σ² of AR1 and σ² of AR1 2",
        ),
        (("Scale V", "AR1Matrix n1 a"), ("n1", "n2"), "σ² of Scale and σ² of AR1"),
        (
            ("HadamardProduct V", "Scale n1", "AR1CorrelationMatrix n2 a", "ScalarMatrix n1"),
            ("n1", "n2", "n4"),
            "σ² of Scale and σ² of Scalar",
        ),
        (("KroneckerProduct V", "AR1Matrix n1 a", "AR1CorrelationMatrix n1 b"), (), ""),
        (("Sum V", "AR1Matrix n1", "ScalarMatrix n1"), (), ""),
    ],
)
def test_variances_that_multiply_each_other_are_told_of(
    kinds: tuple[str, ...], said_of: tuple[str, ...], names: str
) -> None:
    store = Store()
    for text in kinds:
        kind, parent, *slot = text.split()
        store.dispatch(AddNode(kind, connect=(parent, slot[0] if slot else None)))
    told = f"{names} multiply each other, and data tell no more than their product: fix one of them."
    for node_id in store.document.nodes:
        assert (told in standing(store, node_id)) == (node_id in said_of)
        assert ("multiply" in standing(store, node_id)) == (node_id in said_of)
    if said_of:
        store.dispatch(SetFixed(said_of[-1], "sigma^2", True))
        assert not any("multiply" in standing(store, node_id) for node_id in store.document.nodes)


def test_several_nodes_are_listed(alpha: Store) -> None:
    alpha.selection = (node(alpha, "block"), node(alpha, "genotype"))
    state = inspector_state(alpha)
    assert [item["name"] for item in state["nodes"]] == ["block", "genotype"]


@pytest.mark.parametrize("declared", [d for d in catalogue() if d.palette], ids=lambda d: d.name)
def test_every_structure_of_the_palette_can_be_inspected(declared: Any) -> None:
    store = Store()
    store.load_table(load_example("john_alpha"))
    store.dispatch(AddNode(declared.name))
    store.selection = (next(iter(store.document.nodes)),)
    state = inspector_state(store)
    json.dumps(plain(state), allow_nan=False)
    assert state["title"] == declared.title
    assert [a["name"] for a in state["arguments"]] == [a.name for a in declared.arguments]
    for parameter in state["parameters"]:
        scale = Scale(**parameter["scale"])
        assert 0.0 <= scale.position(parameter["value"]) <= 1.0


def test_the_formula_engine_is_one_that_panel_ships() -> None:
    address = katex_address()
    assert address is not None
    assert address.startswith("static/extensions/panel/")


# --- while a slider is dragged --------------------------------------------------------------------


def test_a_drag_sends_numbers_only_and_only_those_that_changed(
    alpha: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    inspector = Inspector(alpha)
    told: list[Any] = []
    monkeypatch.setattr(inspector.channel, "tell", told.append)
    before = inspector.channel.state
    key = (node(alpha, "residual"), "sigma^2")
    alpha.dispatch(SetParameters({key: 0.25}, merge_key="drag"), settle=False)
    assert inspector.channel.state == before
    raw = pytest.approx(math.log(0.25) / 2)
    assert told == [
        MovedParameters(moved=[MovedParameter(key="{} {}".format(*key), value=0.25, raw=raw)])  # type: ignore[arg-type]
    ]
    alpha.settle()
    assert state_of(inspector)["page"]["groups"][2]["parameters"][0]["value"] == 0.25


# --- what a person types and chooses --------------------------------------------------------------


def say(inspector: Inspector, **message: Any) -> dict[str, Any]:
    """Send a message as the page does; the state that follows."""
    inspector.channel.take(message)
    return state_of(inspector)


def test_zero_is_a_variance_and_a_negative_number_is_none(alpha: Store) -> None:
    inspector = Inspector(alpha)
    residual = node(alpha, "residual")
    say(inspector, type="give-value", node=residual, param="sigma^2", value=0)
    assert alpha.natural(residual, "sigma^2") == 0.0
    state = say(inspector, type="give-value", node=residual, param="sigma^2", value=-1)
    assert alpha.natural(residual, "sigma^2") == 0.0
    assert "σ²" in state["errors"][f"{residual} sigma^2"]
    say(inspector, type="give-value", node=residual, param="sigma^2", value="much")
    assert alpha.message is not None
    assert "Expected `float`, got `str`" in alpha.message.text
    assert alpha.natural(residual, "sigma^2") == 0.0


def test_every_act_is_one_step_that_undo_takes_back(alpha: Store) -> None:
    inspector = Inspector(alpha)
    residual = node(alpha, "residual")
    start = alpha.document
    for message in (
        {"type": "give-value", "node": residual, "param": "sigma^2", "value": 0.5},
        {"type": "fix-parameter", "node": residual, "param": "sigma^2", "fixed": True},
        {"type": "rename-node", "node": residual, "name": "plots"},
        {
            "type": "give-argument",
            "node": residual,
            "argument": "n",
            "value": {"mode": "number", "number": 72},
        },
        {"type": "give-argument", "node": residual, "argument": "n", "value": {"mode": "rows"}},
    ):
        before = alpha.document
        say(inspector, **message)
        assert alpha.document != before
        alpha.undo()
        assert alpha.document == before
    assert alpha.document == start


def test_a_name_in_use_is_refused_under_the_field(alpha: Store) -> None:
    inspector = Inspector(alpha)
    alpha.selection = (node(alpha, "block"),)
    for name in ("genotype", "a/b", ""):
        state = say(inspector, type="rename-node", node=node(alpha, "block"), name=name)
        assert state["errors"]["name"]
    assert alpha.document.named("block") is not None


def test_reset_goes_back_to_the_default(alpha: Store) -> None:
    inspector = Inspector(alpha)
    residual = node(alpha, "residual")
    say(inspector, type="give-value", node=residual, param="sigma^2", value=0.5)
    say(inspector, type="reset-value", node=residual, param="sigma^2")
    assert alpha.natural(residual, "sigma^2") == 1.0


def test_rows_of_one_time_are_a_box_to_tick(alpha: Store) -> None:
    alpha.dispatch(AddNode("OrnsteinUhlenbeckMatrix", name="days", arguments={"times": Columns(("col",))}))
    inspector = Inspector(alpha)
    days = node(alpha, "days")
    alpha.selection = (days,)
    (problem,) = [one for one in inspector_state(alpha)["problems"] if one["field"] == "times"]
    assert "got 1 in rows 0, 1, 2, ... (72 rows)" in problem["text"]
    assert "tick “Shared times”" in problem["text"]
    assert problem["severity"] == "error"
    (box,) = [one for one in inspector_state(alpha)["arguments"] if one["kind"] == "flag"]
    assert (box["name"], box["label"], box["value"]) == ("shared_times", "Shared times", False)
    say(inspector, type="give-argument", node=days, argument=box["name"], value=True)
    state = inspector_state(alpha)
    assert not [one for one in state["problems"] if one["field"] == "times"]
    assert state["arguments"][1]["value"] is True
    assert alpha.build.matrices[days].shape == (72, 72)


def test_a_matrix_is_typed_and_what_is_wrong_with_it_is_said(alpha: Store) -> None:
    inspector = Inspector(alpha)
    alpha.dispatch(AddNode("KnownMatrix"))
    known = next(i for i, n in alpha.document.nodes.items() if n.kind == "KnownMatrix")
    argument = next(
        a.name for d in catalogue() if d.name == "KnownMatrix" for a in d.arguments if a.kind == "matrix"
    )
    alpha.selection = (known,)
    say(inspector, type="give-argument", node=known, argument=argument, value="2 1\n1 2")
    assert alpha.document.nodes[known].arguments[argument] == ((2.0, 1.0), (1.0, 2.0))
    state = say(inspector, type="give-argument", node=known, argument=argument, value="2 one\n1 2")
    assert "line 1" in state["errors"][argument]
    assert alpha.document.nodes[known].arguments[argument] == ((2.0, 1.0), (1.0, 2.0))


def test_messages_about_what_is_not_there_change_nothing(alpha: Store) -> None:
    inspector = Inspector(alpha)
    before = alpha.document
    for message in (
        {"type": "give-value", "node": "gone", "param": "sigma^2", "value": 1},
        {"type": "fix-parameter", "node": "gone", "param": "sigma^2", "fixed": True},
        {"type": "fix-parameter", "node": "gone", "param": "sigma^2"},
        {"type": "take-column", "node": "gone", "argument": "n", "column": "rep", "on": True},
        {"type": "select-node", "node": "gone"},
        {"type": "give-argument", "node": "gone", "argument": "n", "value": None},
        {"type": "give-argument", "node": node(alpha, "residual"), "argument": "nothing", "value": None},
        {"type": "select-node", "node": ["a", "list"]},
        {"type": "rename-node"},
        {"type": "unheard of"},
        {"no": "type"},
    ):
        say(inspector, **message)
        assert alpha.document == before


def test_a_fixed_parameter_says_so(alpha: Store) -> None:
    alpha.dispatch(SetFixed(node(alpha, "residual"), "sigma^2", True))
    state = inspector_state(alpha)
    assert (state["free"], state["fixed"]) == (2, 1)
    assert state["groups"][2]["parameters"][0]["fixed"] is True


def test_a_loose_node_keeps_its_parameters(alpha: Store) -> None:
    alpha.dispatch(AddNode("AR1Matrix", id="loose"))
    alpha.selection = ("loose",)
    state = inspector_state(alpha)
    assert state["path"] is None
    assert [p["path"] for p in state["parameters"]] == ["sigma^2", "rho"]
    alpha.dispatch(Connect("loose", node(alpha, "Sum")))
    assert inspector_state(alpha)["path"] is not None


# --- reading what was typed -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "argument"),
    [
        ("size", None, None),
        ("size", FromNumber(number=24), 24),
        ("size", FromModel(), Auto()),
        ("size", FromRows(), Rows()),
        ("size", FromLevels(columns=["rep", "block"]), Levels(("rep", "block"))),
        ("integer", 3.0, 3),
        ("flag", True, True),
        ("choice", "xtx", "xtx"),
        ("factors", Written(text="R1, R1; R2\nR 3"), Values((("R1", "R1", "R2", "R 3"),))),
        ("coordinates", Written(text="0 1,2.5\n4"), Values(((0.0, 1.0, 2.5, 4.0),))),
        ("matrix", "1\t0,5e-1\n\n0;1 0", ((1.0, 0.0, 0.5), (0.0, 1.0, 0.0))),
    ],
)
def test_arguments_are_read(kind: str, value: Any, argument: Any) -> None:
    assert read_argument(kind, value) == argument


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        ("size", FromNumber(number=2.5), "whole number"),
        ("integer", "three", "whole number"),
        ("matrix", " \n ", "one row a line"),
        ("matrix", "1 x", "line 1"),
        ("coordinates", Written(text="0 a"), "value 2"),
        ("factors", Written(text=" , ;"), "at least one"),
    ],
)
def test_arguments_that_cannot_be_read_say_how_to_write_them(kind: str, value: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read_argument(kind, value)


# --- sliders --------------------------------------------------------------------------------------


def test_a_variance_runs_over_decades_and_reaches_zero() -> None:
    scale = scale_of(TransformExpPow2(), 1.0, 1.0)
    assert (scale.kind, scale.low, scale.high, scale.zero) == ("log", 1e-4, 1e2, True)
    assert scale.position(0.0) == 0.0
    assert scale.position(100.0) == 1.0


@pytest.mark.parametrize("value", [250_000.0, 1e-9, 3.0, 0.0])
def test_the_range_of_a_positive_parameter_holds_its_value(value: float) -> None:
    scale = scale_of(TransformExpPow2(), value, 1.0)
    assert value == 0.0 or scale.low <= value <= scale.high


def test_a_range_is_never_zero() -> None:
    assert not allows_zero(TransformExp())
    assert not scale_of(TransformExp(), 1.0, 1.0).zero


def test_a_correlation_stays_inside_its_open_interval() -> None:
    scale = scale_of(CORRELATION, 0.0, 0.0)
    assert scale.kind == "linear"
    assert -1.0 < scale.low < -0.99
    assert 0.99 < scale.high < 1.0


@pytest.mark.parametrize(("value", "reach"), [(0.0, 3.0), (1.0, 3.0), (-2.0, 5.0), (40.0, 100.0)])
def test_a_free_parameter_has_a_round_symmetric_range(value: float, reach: float) -> None:
    scale = scale_of(TransformIdentity(), value, 0.0)
    assert (scale.low, scale.high) == (-reach, reach)
