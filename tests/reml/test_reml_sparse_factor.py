"""Sparse factors, solutions and selected inverses against dense ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from covstudio.reml.engines.sparse import plan as sparse_plan
from covstudio.reml.engines.sparse.factor import SparseFactor
from covstudio.reml.engines.sparse.plan import plan_of
from covstudio.reml.engines.sparse.symbolic import fill_reducing, fronts_of

Rng = np.random.Generator


def places(rng: Rng, size: int, per: float, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """The lower triangle of a random pattern, either triangle of which may be named."""
    if kind == "chain":
        i, j = np.arange(1, size), np.arange(size - 1)
    elif kind == "arrow":
        i, j = np.full(size - 1, size - 1), np.arange(size - 1)
    elif kind == "full":
        i, j = np.tril_indices(size, -1)
    elif kind == "grid":
        side = int(np.sqrt(size))
        at = np.arange(side * side).reshape(side, side)
        i = np.concatenate([at[1:].ravel(), at[:, 1:].ravel()])
        j = np.concatenate([at[:-1].ravel(), at[:, :-1].ravel()])
    else:
        count = int(per * size)
        i, j = rng.integers(0, size, count), rng.integers(0, size, count)
        i, j = i[i != j], j[i != j]
    keys = np.unique(np.maximum(i, j) * size + np.minimum(i, j))
    i, j = keys // size, keys % size
    swap = rng.uniform(size=len(i)) < 0.5
    i, j = np.where(swap, j, i), np.where(swap, i, j)
    rows, columns = np.concatenate([i, np.arange(size)]), np.concatenate([j, np.arange(size)])
    order = rng.permutation(len(rows))
    return rows[order], columns[order]


def numbers(rng: Rng, rows: np.ndarray, columns: np.ndarray, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Entries there of a positive definite matrix, and the matrix."""
    values = rng.normal(size=len(rows))
    dense = np.zeros((size, size))
    dense[rows, columns] = values
    dense[columns, rows] = values
    np.fill_diagonal(dense, np.abs(dense).sum(axis=1) - np.abs(np.diag(dense)) + rng.uniform(0.1, 2.0, size))
    return torch.from_numpy(dense[rows, columns]), torch.from_numpy(dense)


def check(seed: int, size: int, per: float, kind: str) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = places(rng, size, per, kind)
    values, dense = numbers(rng, rows, columns, size)
    factor = SparseFactor.of(plan_of(rows, columns, size), values)
    assert factor is not None
    assert factor.logdet == pytest.approx(float(torch.logdet(dense)), rel=1e-12, abs=1e-10)
    b = torch.from_numpy(rng.normal(size=(size, 3)))
    torch.testing.assert_close(factor.solve(b), torch.linalg.solve(dense, b), rtol=1e-9, atol=1e-10)
    inverse = torch.linalg.inv(dense)
    torch.testing.assert_close(factor.inverse_entries(), inverse[rows, columns], rtol=1e-9, atol=1e-11)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    size=st.integers(2, 120),
    per=st.floats(0.2, 4.0),
    kind=st.sampled_from(["random", "chain", "arrow", "full", "grid"]),
)
def test_it_is_the_dense_factor(seed: int, size: int, per: float, kind: str) -> None:
    if kind == "grid":
        size = int(np.sqrt(size)) ** 2
    check(seed, max(size, 2) if kind != "grid" else max(size, 4), per, kind)


@pytest.mark.parametrize("large", [1, 5, 12])
@pytest.mark.parametrize("kind", ["random", "grid", "arrow"])
def test_large_fronts_are_worked_on_one_by_one(
    monkeypatch: pytest.MonkeyPatch, large: int, kind: str
) -> None:
    """Large children of small fronts, small ones of large, and both of both."""
    monkeypatch.setattr(sparse_plan, "LARGE", large)
    for seed in range(8):
        check(seed, 100, 1.5, kind)


def test_a_pattern_with_large_fronts() -> None:
    check(1, 500, 2.5, "random")
    check(2, 900, 0.0, "grid")


def test_an_indefinite_matrix_has_no_factor() -> None:
    rows, columns = np.array([0, 1, 1]), np.array([0, 1, 0])
    plan = plan_of(rows, columns, 2)
    assert SparseFactor.of(plan, torch.tensor([1.0, 1.0, 2.0], dtype=torch.float64)) is None
    assert SparseFactor.of(plan, torch.tensor([1.0, 5.0, 2.0], dtype=torch.float64)) is not None


def test_fronts_hold_every_column_once_and_their_rows_in_their_parents() -> None:
    rng = np.random.default_rng(3)
    i, j = places(rng, 200, 1.5, "random")
    off = i != j
    rows, columns = np.concatenate([i, j[off]]), np.concatenate([j, i[off]])
    fronts = fronts_of(rows, columns, 200, fill_reducing(rows, columns, 200))
    assert sorted(np.concatenate([front.pivots for front in fronts]).tolist()) == list(range(200))
    for k, front in enumerate(fronts):
        if len(front.below):
            parent = fronts[front.parent]
            assert front.parent > k
            assert parent.level > front.level
            assert set(front.below.tolist()) <= {*parent.pivots.tolist(), *parent.below.tolist()}
        else:
            assert front.parent == -1


def test_the_order_keeps_the_factor_sparse() -> None:
    """An arrow whose head comes first fills up entirely in the order given, and not at all in a good one."""
    size = 300
    rows = np.concatenate([np.arange(size), np.arange(1, size)])
    columns = np.concatenate([np.arange(size), np.zeros(size - 1, dtype=np.int64)])
    assert plan_of(rows, columns, size).nonzeros < 20 * size
