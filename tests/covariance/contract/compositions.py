"""The contract on the parts of a matrix: put together again they are V."""

from __future__ import annotations

import torch
from torch import Tensor

from covstudio.covariance import Matrix, linalg
from tests.covariance.contract.case import Case, close, contract
from tests.covariance.contract.structure import points

DIGITS = 1e-12


def value_of(part: linalg.PlacedOperand, natural: Tensor) -> Tensor:
    if isinstance(part.operand, Matrix):
        return part.operand.evaluate(part.own(natural))
    return part.operand.to(natural.dtype)


def together(made: linalg.Composition, values: list[Tensor]) -> Tensor:
    match made.how:
        case "sum":
            return torch.stack(values).sum(0)
        case "direct sum":
            return torch.block_diag(*values)
        case "kronecker product":
            return torch.kron(*values)
        case "entrywise product":
            return values[0] * values[1]
        case "congruence":
            return values[0] @ values[1] @ values[0].mT
        case "multiple":
            assert values[0].shape == (1, 1)
            return values[0] * values[1]
        case "selection":
            chosen = torch.tensor(made.index)
            return values[0][chosen][:, chosen]
        case "beside":
            return torch.cat(values, dim=1)
        case "below":
            return torch.cat(values, dim=0)
        case "rowwise product":
            return torch.einsum("ij,il->ijl", *values).reshape(len(values[0]), -1)


@contract
def parts_put_together_are_v(case: Case) -> None:
    matrix = case.make()
    made = linalg.composition(matrix)
    if made is None:
        return
    taken = [k for part in made.parts for k in part.span]
    assert sorted(taken) == list(range(matrix.num_params)), "every parameter belongs to one part"
    names = [part.name for part in made.parts if part.name]
    assert len(set(names)) == len(names)
    if made.how in ("sum", "direct sum"):
        assert len(names) == len(made.parts), "terms are told apart by their names"
    for part in made.parts:
        own = part.operand.param_names if isinstance(part.operand, Matrix) else []
        prefix = f"{part.name}/" if part.name else ""
        assert [prefix + name for name in own] == [matrix.param_names[k] for k in part.span]
    for _, natural in points(case):
        values = [value_of(part, natural) for part in made.parts]
        close(together(made, values), matrix.evaluate(natural), DIGITS)


@contract
def incidences_and_names_of_columns_are_those_of_v(case: Case) -> None:
    matrix = case.make()
    codes, names = linalg.incidence(matrix), linalg.column_names(matrix)
    if codes is not None:
        assert codes.dtype == torch.int64
        assert codes.shape == (matrix.shape[0],)
        expected = (codes[:, None] == torch.arange(matrix.shape[1])).double()
        assert torch.equal(matrix.evaluate(torch.zeros(0, dtype=torch.float64)).double(), expected)
    if names is not None:
        assert len(names) == matrix.shape[1] == len(set(names))
        assert all(isinstance(name, str) and name for name in names)


@contract
def a_covariance_function_gives_v(case: Case) -> None:
    matrix = case.make()
    function = linalg.covariance_function(matrix)
    if function is None:
        return
    n = matrix.shape[0]
    times = torch.arange(n, dtype=torch.float64) if function.times is None else function.times
    assert times.shape == (n,)
    distances = (times[:, None] - times).abs()
    index = list(range(matrix.num_params))
    for _, natural in points(case):
        value = matrix.evaluate(natural)
        close(function.value(natural, distances), value, DIGITS)
        slices = matrix.natural_jacobian(natural, index)
        close(function.derivative(natural, index, distances), slices, DIGITS)
        assert function.derivative(natural, [], distances).shape == (0, n, n)
        if function.markov and len(torch.unique(times)) == n:
            order = torch.argsort(times)
            inverse = torch.linalg.inv(value)[order][:, order]
            beyond = inverse.triu(2)
            assert float(beyond.abs().max()) <= 1e-9 * float(inverse.abs().max())
