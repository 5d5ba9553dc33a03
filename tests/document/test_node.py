"""Nodes and the values their arguments may hold."""

import pickle

import pytest

from covstudio.covariance import declaration
from covstudio.document.model.arguments import argument_of, check_argument, document_default
from covstudio.document.model.node import (
    Auto,
    Columns,
    FrozenMap,
    Levels,
    Node,
    Rows,
    Values,
    check_id,
    check_name,
    check_number,
)


def argument(kind, name):
    return argument_of(declaration(kind), name)


def test_a_frozen_map_is_a_value():
    one = FrozenMap({"a": 1, "b": 2})
    assert one == {"b": 2, "a": 1} == dict(one)
    assert one == FrozenMap({"b": 2, "a": 1})
    assert hash(one) == hash(FrozenMap({"b": 2, "a": 1}))
    assert one.without("a") == {"b": 2}
    assert list(one.set("c", 3)) == ["a", "b", "c"]
    assert len(one) == 2
    with pytest.raises(TypeError):
        one["a"] = 3


def test_a_node_keeps_nothing_that_its_maker_can_change():
    arguments, values = {"n": 3}, {"rho": 0.5}
    node = Node("n1", "AR1Matrix", "time", arguments=arguments, values=values)
    arguments["n"], values["rho"] = 4, 0.9
    assert node.arguments == {"n": 3}
    assert node.values == {"rho": 0.5}


def test_nodes_pickle():
    node = Node(
        "n1", "AR1Matrix", "time", {"n": Levels(("gen",))}, (("1", None),), {"rho": 0.5}, {"rho"}, 1.0, 2.0
    )
    again = pickle.loads(pickle.dumps(node))
    assert again == node
    assert hash(again.arguments) == hash(node.arguments)


def test_a_node_knows_its_operands():
    node = Node("n1", "CovariancePropagation", "effect", operands=(("z", "n2"), ("g", None)))
    assert node.children == ("n2",)
    assert node.free_slots == ("g",)
    assert node.child("z") == "n2"
    with pytest.raises(KeyError):
        node.child("h")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "at least one character"),
        ("   ", "at least one character"),
        ("a/b", 'cannot contain "/"'),
        ("a\nb", "printable"),
        ("a\u202eb", "printable"),
        ("x" * 61, "at most 60"),
        (7, "a name is text; got 7"),
    ],
)
def test_names_that_are_none(name, reason):
    with pytest.raises(ValueError, match=reason):
        check_name(name)


@pytest.mark.parametrize(
    "name", ["σ² of genotype", "<script>alert(1)</script>".replace("/", ""), "it's", 'say "x"']
)
def test_names_are_free_text(name):
    assert check_name(f" {name} ") == name


@pytest.mark.parametrize("node_id", ["", "V", "a b", "n/1", "é", "x" * 41, 3, None])
def test_ids_that_are_none(node_id):
    with pytest.raises(ValueError, match="a node id is"):
        check_id(node_id)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "1", None, 10**400])
def test_numbers_that_are_none(value):
    with pytest.raises(ValueError, match="the size is a"):
        check_number(value, "the size")


@pytest.mark.parametrize(
    ("kind", "name", "given", "kept"),
    [
        ("ScalarMatrix", "n", 5, 5),
        ("ScalarMatrix", "n", Auto(), Auto()),
        ("ScalarMatrix", "n", Rows(), Rows()),
        ("ScalarMatrix", "n", Levels(["gen", "rep"]), Levels(("gen", "rep"))),
        ("DummyMatrix", "factors", Columns(["gen"]), Columns(("gen",))),
        ("DummyMatrix", "factors", Values([["a", "b"]]), Values((("a", "b"),))),
        ("DummyMatrix", "drop_first", True, True),
        ("OrnsteinUhlenbeckMatrix", "times", Values([[0, 1.5]]), Values(((0.0, 1.5),))),
        ("KnownMatrix", "K", [[1, 0], [0, 1]], ((1.0, 0.0), (0.0, 1.0))),
        ("Gram", "gram_type", "xxt", "xxt"),
    ],
)
def test_arguments_are_normalised(kind, name, given, kept):
    assert check_argument(argument(kind, name), given) == kept


@pytest.mark.parametrize(
    ("kind", "name", "given", "reason"),
    [
        ("ScalarMatrix", "n", 0, "at least 1; got 0"),
        ("ScalarMatrix", "n", 2.0, "takes an integer, auto, rows or levels; got 2.0"),
        ("ScalarMatrix", "n", True, "takes an integer"),
        ("ScalarMatrix", "n", 10**9, "at most 1000000"),
        ("ScalarMatrix", "n", Levels(()), "at least one column"),
        ("ScalarMatrix", "n", Levels(("gen", "gen")), "names a column twice"),
        ("EquicorrelationMatrix", "n", 1, "at least 2"),
        ("DummyMatrix", "factors", ["a", "b"], "takes columns of the table or written values; got a list"),
        ("DummyMatrix", "factors", Columns((3,)), "by text"),
        ("DummyMatrix", "factors", Values(((1, 2),)), "labels as text; got 1 \\(write '1'\\)"),
        ("DummyMatrix", "factors", Values((("a",), ("a", "b"))), "columns of one length"),
        ("DummyMatrix", "drop_first", 1, "true or false"),
        ("OrnsteinUhlenbeckMatrix", "times", Values((("a",),)), "every coordinate"),
        ("KnownMatrix", "K", [[1.0, 2.0], [3.0]], "rows of one length"),
        ("KnownMatrix", "K", [[1.0, float("nan")], [0.0, 1.0]], "row 1, column 2 of .* finite"),
        ("KnownMatrix", "K", [], "rows of numbers"),
        ("Gram", "gram_type", "xx", "one of 'xtx', 'xxt'; got 'xx'"),
    ],
)
def test_arguments_that_are_refused(kind, name, given, reason):
    with pytest.raises(ValueError, match=reason):
        check_argument(argument(kind, name), given)


def test_an_unknown_argument_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="has no argument 'size'; it has n"):
        argument("ScalarMatrix", "size")
    with pytest.raises(ValueError, match="it has none at all"):
        argument("Sum", "n")


def test_defaults_in_a_document():
    dummy = declaration("DummyMatrix")
    defaults = {one.name: document_default(dummy, one) for one in dummy.arguments}
    assert defaults == {
        "factors": Columns(),
        "drop_first": False,
        "drop_empty_cols": True,
        "evenly_spaced": None,
        "ordered": None,
        "close_gaps": False,
    }
    assert document_default(declaration("AR1Matrix"), argument("AR1Matrix", "n")) == Auto()
