"""Large results that are not written out: their rows are those of the matrix, digit by digit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from covstudio.covariance import (
    AR1Matrix,
    CompoundSymmetricMatrix,
    CovariancePropagation,
    DummyMatrix,
    Evaluation,
    HadamardProduct,
    Matrix,
    ScalarMatrix,
    Scale,
    Sum,
)
from covstudio.covariance.core.rows import Whole
from covstudio.covariance.core.rowwise import Combined, RowEvaluation

N = 300
TREES: dict[str, Callable[[], Matrix]] = {
    "sum": lambda: Sum(
        a=CovariancePropagation(z=DummyMatrix([i % 7 for i in range(N)]), g=ScalarMatrix(7)),
        b=CompoundSymmetricMatrix(N),
        c=AR1Matrix(N),
        d=ScalarMatrix(N),
    ),
    "product": lambda: HadamardProduct(a=AR1Matrix(N), b=Sum(AR1Matrix(N), CompoundSymmetricMatrix(N))),
    "one number": lambda: HadamardProduct(a=torch.tensor([0.3], dtype=torch.float64), b=AR1Matrix(N)),
    "scaled": lambda: Scale(a=Sum(HadamardProduct(AR1Matrix(N), AR1Matrix(N)), ScalarMatrix(N))),
    "leaf": lambda: AR1Matrix(N),
}


def naturals(matrix: Matrix) -> torch.Tensor:
    return matrix.build_params(matrix.free_param_defaults.double() + 0.3)


@pytest.mark.parametrize("name", TREES)
def test_rows_are_those_of_values_and_slices(name: str) -> None:
    matrix = TREES[name]()
    natural, by_rows = naturals(matrix), RowEvaluation()
    for k in [*range(matrix.num_params), *reversed(range(matrix.num_params))]:
        natural = natural.clone()
        natural[k] *= 0.9
        fresh = Evaluation()
        for parameter in (None, *matrix.param_names):
            rows = by_rows.rows(matrix, natural, parameter)
            whole = (
                fresh.value(matrix, natural)
                if parameter is None
                else fresh.slice(matrix, natural, parameter, scale="natural")
            )
            assert rows.shape == whole.shape
            assert torch.equal(rows.of(0, N), whole)
            assert torch.equal(rows.of(17, 40), whole[17:40])
            for left in (3, 25, 200):
                assert torch.equal(rows.of(17, 40, left), whole[17:40, left:])
            assert torch.equal(rows.of(N - 5, N + 5), whole[N - 5 :])


@pytest.mark.parametrize("size", [1, 2, 7, 13, 64, 150, 299, 300, 301])
def test_what_is_known_of_blocks_without_the_rows_is_theirs(size: int) -> None:
    known = set()
    for name in ("sum", "leaf"):
        matrix, by_rows = TREES[name](), RowEvaluation()
        for parameter in (None, *matrix.param_names):
            rows = by_rows.rows(matrix, naturals(matrix), parameter)
            found = rows.extremes(size)
            if found is None:
                continue
            known.add((name, parameter))
            blocks = [row.split(size, 1) for row in rows.whole().split(size)]
            for function, result in zip((torch.amin, torch.amax), found, strict=True):
                wanted = torch.stack([torch.stack([function(one) for one in row]) for row in blocks])
                assert torch.equal(result, wanted)
    # A sum moves as its terms do: what is known of these is known of it.
    assert known == {
        *(("sum", name) for name in ("b/sigma^2", "b/rho", "c/sigma^2", "c/rho", "d/sigma^2")),
        *(("leaf", name) for name in (None, "sigma^2", "rho")),
    }


def test_rows_stay_the_same_object_where_nothing_has_changed() -> None:
    v = TREES["product"]()
    evaluation, natural = RowEvaluation(), naturals(v)
    first = {name: evaluation.rows(v, natural, name) for name in v.param_names}
    moved = natural.clone()
    moved[v.param_names.index("b/op_1/rho")] = 0.7
    again = {name: evaluation.rows(v, moved, name) for name in v.param_names}
    # A's derivatives are multiplied by B, which is another now; B's by A, which is not: there the derivatives
    # of the moved term alone are others.
    assert {name for name in first if first[name] is again[name]} == {"b/op_0/sigma^2", "b/op_0/rho"}
    assert evaluation.rows(v, moved) is evaluation.rows(v, moved)


def test_rows_that_were_handed_out_stay_what_they_are() -> None:
    v = TREES["sum"]()
    evaluation, natural = RowEvaluation(), naturals(v)
    rows, before = evaluation.rows(v, natural), Evaluation().value(v, natural)
    for step in range(1, 4):
        moved = natural.clone()
        moved[v.param_names.index("c/rho")] = 0.1 * step
        evaluation.rows(v, moved)
    assert torch.equal(rows.of(0, N), before)


def test_of_a_sum_what_stays_is_added_once(monkeypatch: pytest.MonkeyPatch) -> None:
    v = TREES["sum"]()
    evaluation, natural = RowEvaluation(), naturals(v)
    terms: list[int] = []
    combine = Sum.combine

    def counted(self: Sum, values: list[torch.Tensor]) -> torch.Tensor:
        terms.append(len(values))
        return combine(self, values)

    monkeypatch.setattr(Sum, "combine", counted)
    for step in range(3):
        moved = natural.clone()
        moved[v.param_names.index("c/rho")] = 0.1 * step
        evaluation.rows(v, moved).of(0, 1)
    assert terms == [4, 2, 3, 3]  # all four; the first two once for all; then their sum, what moves, the last


def test_small_matrices_and_operators_of_ones_own_are_written_out() -> None:
    class Shifted(Sum):
        def combine(self, values: list[torch.Tensor]) -> torch.Tensor:
            return super().combine(values).roll(1, 0)

    small, own = Sum(AR1Matrix(3), ScalarMatrix(3)), Shifted(AR1Matrix(N), ScalarMatrix(N))
    assert isinstance(RowEvaluation().rows(small, naturals(small)), Whole)
    rows = RowEvaluation().rows(own, naturals(own))
    assert isinstance(rows, Whole)
    assert torch.equal(rows.of(0, N), Evaluation().value(own, naturals(own)))
    assert isinstance(RowEvaluation().rows(TREES["sum"](), naturals(TREES["sum"]())), Combined)


def test_the_slope_of_a_transform_takes_a_slice_to_theta() -> None:
    v = Sum(a=ScalarMatrix(2), b=AR1Matrix(2))
    evaluation, natural = Evaluation(), torch.tensor([0.0, 3.0, 0.5], dtype=torch.float64)
    assert evaluation.slope(v, natural, "a/sigma^2") == 0.0
    for name in v.param_names:
        plain = evaluation.slice(v, natural, name, scale="natural")
        assert torch.equal(plain * evaluation.slope(v, natural, name), evaluation.slice(v, natural, name))
    with pytest.raises(KeyError, match="none"):
        evaluation.slope(v, natural, "none")
