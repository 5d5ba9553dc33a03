"""Every change: what it does, and what it refuses without changing anything."""

import pytest

from covstudio.document.changes.all import (
    AddNode,
    Batch,
    ChangeError,
    Connect,
    Disconnect,
    MoveNodes,
    RemoveNodes,
    Rename,
    ReplaceDocument,
    SetArgument,
    SetData,
    SetDegrees,
    SetDerived,
    SetDropDependent,
    SetFixed,
    SetFixedEffects,
    SetMethod,
    SetParameters,
    SetResponse,
    SetRoles,
    SetTitle,
)
from covstudio.document.changes.history import History
from covstudio.document.model.document import MAX_DEPTH, MAX_NODES, Document, check_forest
from covstudio.document.model.node import Auto, FrozenMap, Node, Rows
from tests.document.document_models import add, after, propagation


def three_below_a_sum():
    """n1 is a Sum and V; n2, n3, n4 are its operands."""
    return after(add("Sum", "V"), *(add("ScalarMatrix", "n1", name=name) for name in "abc"))


def test_ids_follow_the_largest_number():
    document = after(add("Sum"), add("Sum"), RemoveNodes(["n1"]), add("Sum"))
    assert list(document.nodes) == ["n2", "n3"]
    assert after(AddNode("Sum", id="n41"), add("Sum")).nodes.keys() == {"n41", "n42"}
    assert after(AddNode("Sum", id="total"), add("Sum")).nodes.keys() == {"total", "n1"}


def test_a_node_gets_a_name_of_its_own():
    document = after(add("AR1Matrix"), add("AR1Matrix"), add("LowerTriangularMatrix"))
    assert [node.name for node in document.nodes.values()] == ["AR1", "AR1 2", "Lower Triangular"]


def test_slots_of_a_fresh_node():
    document = after(add("Sum"), add("CovariancePropagation"), add("ScalarMatrix"))
    assert document.nodes["n1"].operands == (("1", None),)
    assert document.nodes["n2"].operands == (("z", None), ("g", None))
    assert document.nodes["n3"].operands == ()


def test_a_variadic_operator_always_has_one_free_slot():
    document = three_below_a_sum()
    assert document.nodes["n1"].operands == (("1", "n2"), ("2", "n3"), ("3", "n4"), ("4", None))
    document = Disconnect("n3").apply(document)
    assert document.nodes["n1"].operands == (("1", "n2"), ("2", "n4"), ("3", None))
    assert document.roots() == ("n1", "n3")


def test_removing_leaves_the_operands_loose():
    document = RemoveNodes(["n1"]).apply(propagation())
    assert document.v is None
    assert document.roots() == ("n2", "n3")
    document = RemoveNodes(["n2", "n3"]).apply(propagation())
    assert document.nodes["n1"].operands == (("z", None), ("g", None))


def test_connecting_moves_a_child_from_its_parent():
    document = after(add("Sum", name="other"), start=three_below_a_sum())
    document = Connect("n3", "n5").apply(document)
    assert document.nodes["n1"].children == ("n2", "n4")
    assert document.nodes["n5"].children == ("n3",)
    assert document.parent_of("n3") == ("n5", "1")


def test_connecting_v_elsewhere_takes_it_from_v():
    document = after(add("Sum"), Connect("n1", "n5"), start=three_below_a_sum())
    assert document.v is None
    document = Connect("n5", "V").apply(document)
    assert document.v == "n5"
    assert document.roots() == ("n5",)


def test_an_occupied_slot_is_taken_over():
    document = after(add("AR1Matrix"), Connect("n4", "n1", "g"), start=propagation())
    assert document.nodes["n1"].child("g") == "n4"
    assert document.parent_of("n3") is None
    document = after(add("AR1Matrix"), Connect("n5", "n1", "2"), start=three_below_a_sum())
    assert document.nodes["n1"].children == ("n2", "n5", "n4")
    document = after(add("AR1Matrix"), Connect("n5", "V"), start=three_below_a_sum())
    assert document.v == "n5"
    assert document.nodes["n1"].children == ("n2", "n3", "n4")


@pytest.mark.parametrize(
    ("child", "slot", "order"),
    [
        ("n2", "3", ("n3", "n2")),
        ("n4", "1", ("n4", "n3")),
        ("n2", "4", ("n3", "n4", "n2")),
        ("n2", None, ("n3", "n4", "n2")),
        ("n3", "2", ("n2", "n3", "n4")),
    ],
)
def test_moving_a_child_within_its_operator(child, slot, order):
    assert Connect(child, "n1", slot).apply(three_below_a_sum()).nodes["n1"].children == order


def test_a_child_can_change_slots():
    document = Connect("n3", "n1", "z").apply(propagation())
    assert document.nodes["n1"].operands == (("z", "n3"), ("g", None))
    assert document.parent_of("n2") is None


def test_what_cannot_be_connected():
    document = after(add("Gram", name="cross"), start=propagation())
    cases = {
        ("n1", "n1", None): "cannot be its own operand",
        ("n1", "n4", None): None,
        ("n9", "n1", None): "There is no node 'n9'",
        ("n4", "n9", None): "There is no node 'n9'",
        ("n4", "n1", None): "has no free slot",
        ("n4", "n1", "h"): "has no slot 'h'; it has z, g",
        ("n4", "n3", None): "takes no operands",
        ("n4", "V", "g"): "one place only",
    }
    for (child, parent, slot), reason in cases.items():
        if reason is None:
            Connect(child, parent, slot).apply(document)
        else:
            with pytest.raises(ChangeError, match=reason):
                Connect(child, parent, slot).apply(document)


def test_a_circle_is_refused():
    document = after(
        add("Transpose", name="t"), add("Transpose", "n1", name="u"), add("Transpose", "n2", name="w")
    )
    with pytest.raises(ChangeError, match="'w' is part of 't': connecting them would make a circle"):
        Connect("n1", "n3").apply(document)


def test_depth_is_limited():
    chain = [add("Transpose", None if i == 0 else f"n{i}") for i in range(MAX_DEPTH)]
    document = after(*chain)
    assert document.height("n1") == MAX_DEPTH
    with pytest.raises(
        ChangeError, match=f"at most {MAX_DEPTH} operators deep; this would make it {MAX_DEPTH + 1}"
    ):
        after(add("ScalarMatrix", f"n{MAX_DEPTH}"), start=document)
    with pytest.raises(ChangeError, match="operators deep"):
        after(add("Transpose"), Connect("n1", f"n{MAX_DEPTH + 1}"), start=document)


def test_the_number_of_nodes_is_limited():
    nodes = {f"n{i}": Node(f"n{i}", "ScalarMatrix", f"m{i}") for i in range(1, MAX_NODES + 1)}
    with pytest.raises(ChangeError, match="at most 2000 nodes"):
        add("Sum").apply(Document(FrozenMap(nodes)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (AddNode("AR1Matrx"), "did you mean AR1Matrix"),
        (AddNode("SimpleMatrix"), "holds Python code"),
        (AddNode("Sum", id="n1"), "a node with the id 'n1' already"),
        (AddNode("Sum", id="V"), 'not "V"'),
        (AddNode("Sum", name="levels"), "called 'levels' already; .* 'levels 2' is free"),
        (AddNode("Sum", name="a/b"), "cannot contain"),
        (AddNode("Sum", x=float("nan")), "X is a finite number"),
        (AddNode("ScalarMatrix", arguments={"size": 3}), "has no argument 'size'"),
        (AddNode("ScalarMatrix", arguments={"n": -3}), "at least 1; got -3"),
        (AddNode("ScalarMatrix", connect=("n3", None)), "takes no operands"),
        (RemoveNodes(["n7"]), "There is no node 'n7'; it may have been removed"),
        (Disconnect("n7"), "There is no node"),
        (MoveNodes({"n1": (1.0, float("inf"))}), "Y is a finite number"),
        (Rename("n1", "design"), "called 'design' already"),
        (Rename("n1", ""), "at least one character"),
        (SetArgument("n3", "m", 3), "has no argument 'm'; it has n"),
        (SetArgument("n3", "m", None), "has no argument 'm'"),
        (SetArgument("n3", "n", "many"), "takes an integer"),
        (
            SetParameters({("n3", "sigma^2"): float("nan")}),
            "The value of sigma\\^2 of levels is a finite number",
        ),
        (SetParameters({("n3", "g/sigma^2"): 1.0}), "A node's own parameter has its name, without '/'"),
        (SetParameters({("n7", "sigma^2"): 1.0}), "There is no node 'n7'"),
        (SetFixed("n3", "g/sigma^2", True), "without '/'"),
        (SetFixed("n3", "sigma", True), r"has no parameter 'sigma'. Did you mean 'sigma\^2'\?$"),
        (SetParameters({("n3", "rho"): 0.5}), r"has no parameter 'rho'. The parameter is 'sigma\^2'.$"),
        (SetParameters({("n2", "b"): 1.5}), "Factor design has no parameter 'b'. It has none."),
        (SetFixedEffects("x" * 5000), "at most 2000 characters"),
        (SetFixedEffects(1), "is text"),
        (SetResponse(4), "A column name is text"),
        (SetMethod("reml"), "by REML or ML; got 'reml'"),
        (
            SetDegrees("kr"),
            "Degrees of freedom are satterthwaite, kenward-roger or kenward-roger-observed; got 'kr'",
        ),
        (SetDropDependent("yes"), "true or false; got 'yes'"),
        (SetDerived([1]), "An expression is text"),
        (SetDerived([f"a + {i}" for i in range(101)]), "at most 100 derived quantities"),
        (SetRoles({"gen": "fixed"}), "is one of factor, covariate, response, ignored; got 'fixed'"),
        (SetData(3), "is text"),
        (SetTitle(None), "The title is text"),
        (ReplaceDocument("x"), "Expected a Document"),
        (Batch([Rename("n1", "new"), Rename("n7", "x")]), "There is no node 'n7'"),
    ],
)
def test_refusals_change_nothing(change, reason):
    document = propagation()
    before = dict(document.nodes)
    with pytest.raises(ChangeError, match=reason):
        change.apply(document)
    assert dict(document.nodes) == before
    assert document == propagation()


def test_a_node_that_is_loose_cannot_be_disconnected():
    document = add("Sum").apply(Document())
    with pytest.raises(ChangeError, match="'Sum' is not connected"):
        Disconnect("n1").apply(document)
    assert Disconnect("n1").apply(Connect("n1", "V").apply(document)).v is None


def test_arguments_are_set_and_taken_back():
    document = SetArgument("n3", "n", 7).apply(propagation())
    assert document.nodes["n3"].arguments == {"n": 7}
    assert SetArgument("n3", "n", Rows()).apply(document).nodes["n3"].arguments == {"n": Rows()}
    assert SetArgument("n3", "n", None).apply(document).nodes["n3"].arguments == {}


def test_parameters_are_set_and_taken_back():
    document = SetParameters({("n3", "sigma^2"): 2}).apply(propagation())
    assert document.nodes["n3"].values == {"sigma^2": 2.0}
    assert SetParameters({("n3", "sigma^2"): None}).apply(document).nodes["n3"].values == {}
    document = SetFixed("n3", "sigma^2", True).apply(document)
    assert document.nodes["n3"].fixed == {"sigma^2"}
    assert SetFixed("n3", "sigma^2", False).apply(document).nodes["n3"].fixed == set()


def test_texts_and_data():
    document = after(
        SetTitle("  Oats  "),
        SetFixedEffects(" ~ 1 + rep "),
        SetData("trial", {"gen": "factor"}, "yield"),
        SetRoles({"rep": "factor"}),
    )
    assert (document.title, document.fixed_effects, document.response) == ("Oats", "1 + rep", "yield")
    assert document.roles == {"gen": "factor", "rep": "factor", "yield": "response"}
    assert document.data_name == "trial"
    document = after(SetFixedEffects("  "), SetTitle(""), SetData(None), start=document)
    assert (document.title, document.fixed_effects, document.response) == ("Untitled model", "1", None)
    assert document.roles == {}


def test_a_batch_is_all_or_nothing():
    change = Batch(
        [AddNode("Sum", id="total"), AddNode("ScalarMatrix", connect=("total", None))], label="Add a sum"
    )
    document = change.apply(Document())
    assert document.nodes["total"].children == ("n1",)
    assert change.described(Document()) == "Add a sum"


@pytest.mark.parametrize(
    ("change", "label"),
    [
        (add("AR1Matrix"), "Add First-order autoregressive"),
        (RemoveNodes(["n1"]), "Remove effect"),
        (RemoveNodes(["n1", "n2"]), "Remove 2 nodes"),
        (Connect("n3", "n1", "g"), "Connect levels to effect"),
        (Connect("n3", "V"), "Connect levels to V"),
        (Disconnect("n3"), "Disconnect levels"),
        (MoveNodes({"n1": (0, 0)}), "Move effect"),
        (MoveNodes({"n1": (0, 0), "n2": (1, 1)}), "Move 2 nodes"),
        (Rename("n1", "x"), "Rename effect"),
        (SetArgument("n3", "n", Auto()), "Set Size of levels"),
        (SetParameters({("n3", "sigma^2"): 1.0}), "Set σ² of levels"),
        (SetParameters({("n3", "sigma^2"): 1.0, ("n3", "rho"): 0.0}), "Set 2 parameters"),
        (SetFixed("n3", "sigma^2", True), "Fix σ² of levels"),
        (SetFixed("n3", "sigma^2", False), "Free σ² of levels"),
        (SetFixedEffects("1"), "Set the fixed effects"),
        (SetResponse("yield"), "Set the response"),
        (SetRoles({}), "Set the roles of columns"),
        (SetData("trial"), "Use the data trial"),
        (SetData(None), "Remove the data"),
        (SetTitle("x"), "Set the title"),
        (ReplaceDocument(Document(title="Oats")), "Open Oats"),
        (Batch([Rename("n1", "x")]), "Rename effect"),
        (Batch([Rename("n1", "x"), SetTitle("x")]), "2 changes"),
        (SetTitle("x", label="Call it x"), "Call it x"),
    ],
)
def test_what_undo_calls_it(change, label):
    assert change.described(propagation()) == label


@pytest.mark.parametrize(
    ("nodes", "v", "reason"),
    [
        ({"a": Node("b", "Sum", "s", operands=(("1", None),))}, None, "listed under the id 'a'"),
        ({"a": Node("a", "Sum", "s")}, None, "does not have the slots"),
        ({"a": Node("a", "Transpose", "s", operands=(("a", "b"),))}, None, "there is no such node"),
        ({"a": Node("a", "Transpose", "s", operands=(("a", "a"),))}, None, "circle"),
        ({"a": Node("a", "Transpose", "s", operands=(("a", None),))}, "b", "V is 'b'"),
        ({i: Node(i, "ScalarMatrix", "s") for i in "ab"}, None, "names are unique"),
        (
            {
                "a": Node("a", "Transpose", "s", operands=(("a", "c"),)),
                "b": Node("b", "Transpose", "t", operands=(("a", "c"),)),
                "c": Node("c", "ScalarMatrix", "u"),
            },
            None,
            "operand of two nodes",
        ),
    ],
)
def test_a_document_put_together_by_hand_is_checked(nodes, v, reason):
    document = Document(FrozenMap(nodes), v)
    with pytest.raises(ValueError, match=reason):
        check_forest(document)
    with pytest.raises(ChangeError, match=reason.replace("names", "ames").replace("listed", "isted")):
        ReplaceDocument(document).apply(Document())


def test_derived_quantities_are_kept_in_order_and_once():
    document = SetDerived([" a / b ", "", "a", "a / b"]).apply(Document())
    assert document.derived == ("a / b", "a")
    history = History(document).apply(SetDerived(["a"])).apply(SetMethod("ML"))
    assert (history.present.derived, history.present.method) == (("a",), "ML")
    assert history.undo_label == "Fit by ML"
    assert history.undo().undo().present.derived == ("a / b", "a")


def test_how_fixed_effects_are_treated_is_a_step_of_its_own():
    history = History(Document()).apply(SetDegrees("kenward-roger")).apply(SetDropDependent(True))
    assert (history.present.degrees, history.present.drop_dependent) == ("kenward-roger", True)
    assert history.undo_label == "Leave out dependent columns"
    assert history.undo().undo_label == "Test by Kenward-Roger"
    assert history.apply(SetDropDependent(False)).undo_label == "Keep all columns of X"
    # Kenward and Roger's adjustment is for REML; the choice is kept while the model is fitted by ML.
    by_ml = SetMethod("ML").apply(history.present)
    assert (by_ml.degrees, by_ml.degrees_used) == ("kenward-roger", "satterthwaite")
    assert SetMethod("REML").apply(by_ml).degrees_used == "kenward-roger"
