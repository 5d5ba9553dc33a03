"""Operators with parameters of their own, and those that take positions, on the canvas and in files."""

import torch

from covstudio.covariance import AR1CorrelationMatrix, AR1Matrix, Conditional
from covstudio.document.build.build import build
from covstudio.document.build.built import value_problems
from covstudio.document.changes.all import SetArgument, SetFixed, SetParameters
from covstudio.document.files.write import dumps, loads
from tests.document.document_models import add, after


def model():
    return after(
        add("Sum", "V"),
        add("Scale", "n1"),
        add("AR1CorrelationMatrix", "n2", "a", n=4),
        add("Conditional", "n1", given=(1,)),
        add("AR1Matrix", "n4", "a", n=5),
    )


def value(document):
    built = build(document)
    assert built.problems == ()
    return built.v.evaluate(built.naturals("V", document))


def test_an_own_parameter_belongs_to_its_node():
    document = SetParameters({("n2", "sigma^2"): 2.5, ("n3", "rho"): 0.4}).apply(model())
    built = build(document)
    assert [(ref.node_id, ref.name, ref.path) for ref in built.parameters] == [
        ("n2", "sigma^2", "Scale/sigma^2"),
        ("n3", "rho", "Scale/a/rho"),
        ("n5", "sigma^2", "Conditional/a/sigma^2"),
        ("n5", "rho", "Conditional/a/rho"),
    ]
    assert built.naturals("n2", document).tolist() == [2.5, 0.4]
    field = 2.5 * AR1CorrelationMatrix(4).evaluate(torch.tensor([0.4], dtype=torch.float64))
    rest = Conditional(AR1Matrix(5), given=[1]).evaluate(torch.tensor([1.0, 0.0], dtype=torch.float64))
    torch.testing.assert_close(value(document), field + rest)
    wrong = SetParameters({("n2", "sigma^2"): -1.0}).apply(document)
    assert [(problem.node_id, problem.field) for problem in value_problems(built, wrong)] == [
        ("n2", "sigma^2")
    ]


def test_an_own_parameter_is_fixed_on_its_node_alone():
    document = SetFixed("n2", "sigma^2", True).apply(model())
    built = build(document)
    assert built.v.fixed_param_names == ["Scale/sigma^2"]
    assert [ref.fixed for ref in built.parameters] == [True, False, False, False]
    assert build(SetFixed("n2", "sigma^2", False).apply(document)).v.fixed_param_names == []


def test_own_parameters_and_positions_survive_a_file():
    document = SetParameters({("n2", "sigma^2"): 2.5}).apply(SetFixed("n2", "sigma^2", True).apply(model()))
    again, _ = loads(dumps(document))
    assert again == document
    torch.testing.assert_close(value(again), value(document))


def test_positions_that_the_operand_does_not_have_are_told_at_the_operator():
    document = SetArgument("n4", "given", (7,)).apply(model())
    (problem,) = [one for one in build(document).problems if one.node_id == "n4"]
    assert problem.field == "given"
    assert "positions from 0 to 4" in problem.message
    assert "got 7" in problem.message
