"""The contract on what is declared of parameters: each declaration, and its absence, is held against V."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import torch
from torch import Tensor

from covstudio.covariance import Matrix, Operator, Parameter, linalg
from covstudio.covariance.core.shown import shown_values
from tests.covariance.contract.case import Case, contract

DIGITS = 1e-11
#: Of so many parameters every combination of signs is tried.
TRIED = 10


def naturals(case: Case, matrix: Matrix, count: int = 4) -> list[Tensor]:
    return [matrix.build_params(theta) for theta in case.thetas(count + 1, spread=0.7)[1:]]


def same(found: Tensor, expected: Tensor) -> bool:
    gap = float((found - expected).abs().max())
    return gap <= DIGITS * float(expected.abs().max())


@contract
def what_is_linear_is_declared_and_nothing_else(case: Case) -> None:
    matrix = case.make()
    if not matrix.num_params:
        assert linalg.is_linear(matrix)
        return
    between = []
    for a, b in itertools.pairwise(naturals(case, matrix)):
        for t in (0.3, 0.8):
            chord = (1.0 - t) * matrix.evaluate(a) + t * matrix.evaluate(b)
            between.append(same(matrix.evaluate((1.0 - t) * a + t * b), chord))
    if linalg.is_linear(matrix):
        assert all(between), "V is declared linear in its natural parameters, and is not"
    elif matrix.governing_declaration() is not None and not case.variant:
        assert not all(between), "V is linear in its natural parameters: declare linear=True"


@contract
def what_is_linear_without_a_constant_is_declared_so(case: Case) -> None:
    matrix = case.make()
    if not matrix.num_params or not linalg.is_linear(matrix):
        assert not linalg.homogeneous(matrix)
        return
    found = [
        same(matrix.evaluate(3.0 * natural), 3.0 * matrix.evaluate(natural))
        for natural in naturals(case, matrix)
    ]
    if linalg.homogeneous(matrix):
        assert all(found), "V has a constant part: declare linear='affine'"
    elif matrix.governing_declaration() is not None and not case.variant:
        assert not all(found), "V has no constant part: declare linear=True"


class Entries(Matrix):
    """Every entry a parameter: a constant operand that can be moved."""

    def __init__(self, value: Tensor) -> None:
        rows, columns = value.shape
        names = [(i, j) for i in range(rows) for j in range(columns)]
        specs = {f"v_{i}_{j}": Parameter(f"v_{i}_{j}", default=float(value[i, j])) for i, j in names}
        super().__init__((rows, columns), specs)

    def evaluate(self, natural: Tensor) -> Tensor:
        return natural.reshape(self.shape)


def movable(matrix: Operator) -> Operator:
    """The operator over operands that all have parameters."""
    operands: dict[str, object] = {}
    for name, operand in matrix.operands.items():
        if isinstance(operand, Matrix):
            operands[name] = operand if operand.num_params else Entries(operand())
        else:
            operands[name] = Entries(operand) if operand.ndim == 2 else operand
    arguments = matrix.governing_declaration().arguments
    return type(matrix)(operands, **{argument.name: getattr(matrix, argument.name) for argument in arguments})


@contract
def operators_are_linear_in_what_they_declare(case: Case) -> None:
    matrix = case.make()
    declared = matrix.governing_declaration()
    if not isinstance(matrix, Operator) or declared is None or type(matrix).evaluate is not Operator.evaluate:
        return
    matrix = movable(matrix)
    generator, start = case.generator(), matrix.free_param_defaults.double()
    first, second = (
        matrix.build_operands(start + 0.7 * torch.randn(len(start), generator=generator, dtype=torch.float64))
        for _ in range(2)
    )

    def linear_in(moving: set[int]) -> bool:
        def at(weight: float, other: float) -> Tensor:
            mixed = [
                weight * a + other * b if k in moving else a
                for k, (a, b) in enumerate(zip(first, second, strict=True))
            ]
            return matrix.combine(mixed)

        return same(at(0.5, 2.0), 0.5 * at(1.0, 0.0) + 2.0 * at(0.0, 1.0))

    every = set(range(len(first)))
    alone = {k for k in every if linear_in({k})}
    slots = [*([""] if "" in matrix._operands else []), *(slot.name for slot in declared.slots)]
    if linear_in(every):
        expected: object = True
    elif alone == every:
        expected = "separately"
    else:
        expected = tuple(slots[k] for k in sorted(alone)) if alone and linear_in(alone) else False
    assert declared.linear == expected


@contract
def what_scales_v_is_declared_and_nothing_else(case: Case) -> None:
    matrix = case.make()

    def scales(k: int) -> bool:
        found = []
        for natural in naturals(case, matrix, 2):
            larger = natural.clone()
            larger[k] *= 2.5
            found.append(same(matrix.evaluate(larger), 2.5 * matrix.evaluate(natural)))
        return all(found)

    place = linalg.scale_parameter(matrix)
    if place is None:
        if matrix.governing_declaration() is None:
            return
        found = [name for k, name in enumerate(matrix.param_names) if scales(k)]
        assert not found, f"V is proportional to {found[0]}: declare it as the scale"
    else:
        assert scales(place), f"V is not proportional to {matrix.param_names[place]}"


def sign_changes(matrix: Matrix) -> Iterator[tuple[int, tuple[int, ...]]]:
    """A parameter that is kept positive, with any of those that may have either sign."""
    bounds = [parameter.transform.bounds for parameter in matrix.parameters]
    free = [k for k, (low, high) in enumerate(bounds) if math.isinf(low) and math.isinf(high)]
    for k, (low, _) in enumerate(bounds):
        if low == 0.0:
            for count in range(len(free) + 1):
                for others in itertools.combinations(free, count):
                    yield k, others


@contract
def signs_that_v_does_not_see_are_declared(case: Case) -> None:
    matrix = case.make()
    declared = linalg.sign_symmetry(matrix)
    place = {name: k for k, name in enumerate(matrix.param_names)}
    values = naturals(case, matrix, 2)

    def unseen(changed: tuple[int, ...]) -> bool:
        for natural in values:
            mirrored = natural.clone()
            mirrored[list(changed)] *= -1.0
            value = matrix.evaluate(mirrored)
            if not bool(torch.isfinite(value).all()) or not same(value, matrix.evaluate(natural)):
                return False
        return True

    for name, others in declared.items():
        assert unseen((place[name], *(place[other] for other in others))), name
    if isinstance(matrix, Operator) or matrix.num_params > TRIED:
        return
    for k, others in sign_changes(matrix):
        if others and not unseen((k,)) and unseen((k, *others)):
            names = tuple(matrix.param_names[other] for other in others)
            assert set(declared.get(matrix.param_names[k], ())) == set(names), (
                f"V is the same when {matrix.param_names[k]} and {names} change sign: register sign_symmetry"
            )


@contract
def a_covariance_that_promises_nothing_may_fail_to_be_one(case: Case) -> None:
    matrix = case.make()
    declared = matrix.governing_declaration()
    if declared is None or declared.psd or not declared.palette or isinstance(matrix, Operator):
        return
    if matrix.shape[0] != matrix.shape[1]:
        return
    smallest = []
    for theta in case.thetas(30, spread=3.0):
        value = matrix(theta)
        if not same(value, value.mT):
            return
        smallest.append(float(torch.linalg.eigvalsh(value)[0]))
    assert min(smallest) < 0.0, "V is positive semi-definite wherever it was looked at: declare psd=True"


@contract
def a_free_covariance_absorbs_any_recoding(case: Case) -> None:
    """Where V has as many directions as a covariance has entries, T V T' is in its range, and is found."""
    matrix = case.make()
    size = matrix.shape[0]
    if isinstance(matrix, Operator) or not matrix.num_params or size != matrix.shape[1] or size < 2:
        return
    draw = case.generator()
    t = torch.eye(size, dtype=torch.float64) + torch.randn(size, size, generator=draw, dtype=torch.float64)
    free = []
    for natural in naturals(case, matrix):
        value, other = matrix.evaluate(natural), linalg.recoded(matrix, natural, t)
        if other is not None:
            expected = t @ value @ t.mT
            gap = float((matrix.evaluate(other) - expected).abs().max())
            assert gap <= 1e-9 * float(expected.abs().max())
        if matrix.num_params == size * (size + 1) // 2:
            slices = matrix.natural_jacobian(natural, range(matrix.num_params))
            rows, columns = torch.tril_indices(size, size)
            free.append(int(torch.linalg.matrix_rank(slices[:, rows, columns])) == matrix.num_params)
    if matrix.governing_declaration() is not None and free and all(free):
        assert linalg.recoded.is_cheap(matrix), "V is any covariance: register linalg.recoded"


@contract
def equally_spaced_positions_are_declared(case: Case) -> None:
    """The correlation of two positions is a function of the steps between them, and not the same at all."""
    matrix = case.make()
    declared = matrix.governing_declaration()
    if declared is None or isinstance(matrix, Operator) or matrix.shape[0] != matrix.shape[1]:
        return
    sizes = [argument for argument in declared.arguments if argument.kind == "size"]
    size = matrix.shape[0]
    if len(sizes) != 1 or size < 3:
        return
    by_steps, apart = [], []
    for natural in naturals(case, matrix):
        value = matrix.evaluate(natural)
        scale = value.diagonal().abs().sqrt()
        correlation = value / (scale[:, None] * scale)
        lags = [correlation.diagonal(k) for k in range(size)]
        by_steps.append(all(float(lag.max() - lag.min()) <= 1e-9 for lag in lags))
        means = torch.stack([lag.mean() for lag in lags[1:]])
        apart.append(float(means.max() - means.min()) > 1e-9)
    spaced = all(by_steps) and any(apart)
    if sizes[0].evenly_spaced or not case.variant:
        assert sizes[0].evenly_spaced == spaced


@contract
def positions_in_an_order_are_declared(case: Case) -> None:
    """Where all positions are alike, the directions in which V can go are other ones in another order."""
    matrix = case.make()
    declared = matrix.governing_declaration()
    if declared is None or isinstance(matrix, Operator) or matrix.shape[0] != matrix.shape[1]:
        return
    sizes = [argument for argument in declared.arguments if argument.kind == "size"]
    size = matrix.shape[0]
    if len(sizes) != 1 or size < 3 or not matrix.num_params:
        return
    natural = torch.tensor([parameter.value for parameter in matrix.parameters], dtype=torch.float64)
    value = matrix.evaluate(natural)
    orders = [torch.arange(size).roll(1), torch.arange(size)]
    orders[1][:2] = torch.tensor([1, 0])
    if not all(same(value[order][:, order], value) for order in orders):
        return
    slices = matrix.natural_jacobian(natural, range(matrix.num_params))
    rank = int(torch.linalg.matrix_rank(slices.flatten(1)))
    kept = [
        int(torch.linalg.matrix_rank(torch.cat([slices, slices[:, order][:, :, order]]).flatten(1))) == rank
        for order in orders
    ]
    if sizes[0].ordered or not case.variant:
        assert (sizes[0].ordered or sizes[0].evenly_spaced) == (not all(kept))


@contract
def rows_that_may_change_places_are_declared(case: Case) -> None:
    matrix = case.make()
    declared = matrix.governing_declaration()
    if declared is None or isinstance(matrix, Operator) or matrix.shape[0] != matrix.shape[1]:
        return
    if matrix.shape[0] == 1:
        return
    orders = [torch.arange(matrix.shape[0]).roll(1), torch.arange(matrix.shape[0])]
    orders[1][:2] = torch.tensor([1, 0])
    found = [
        same(value[order][:, order], value)
        for natural in naturals(case, matrix, 2)
        for value in [matrix.evaluate(natural)]
        for order in orders
    ]
    if declared.exchangeable or not case.variant:
        assert declared.exchangeable == all(found)


@contract
def what_shows_nothing_at_its_defaults_declares_where_it_shows_itself(case: Case) -> None:
    """What is diagonal at its defaults, and not elsewhere, is not at the values that it declares."""
    matrix = case.make()
    declared = matrix.governing_declaration()
    if declared is None or isinstance(matrix, Operator) or not matrix.num_params:
        return
    defaults = torch.tensor([parameter.value for parameter in matrix.parameters], dtype=torch.float64)
    shown = shown_values(declared, matrix.param_names)
    at = defaults.clone()
    for name, value in shown.items():
        place = matrix.param_names.index(name)
        low, high = matrix.parameters[place].transform.bounds
        assert low < value < high, f"{name} is shown at {value}, outside of its range"
        at[place] = value
    if shown and min(matrix.shape) > 1:
        assert not same(matrix.evaluate(at), matrix.evaluate(defaults)), "nothing is shown at those values"
    if matrix.shape[0] != matrix.shape[1]:
        return

    def diagonal(natural: Tensor) -> bool:
        value = matrix.evaluate(natural)
        return same(torch.diag(value.diagonal()), value)

    if diagonal(defaults) and not all(diagonal(natural) for natural in naturals(case, matrix)):
        assert not diagonal(at), "V is diagonal at its defaults: declare shown="
