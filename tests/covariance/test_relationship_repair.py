"""Relationship matrices that are no covariances as they stand, and what is done to make them such."""

from __future__ import annotations

import pytest
import torch

from covstudio.covariance import KnownMatrix, bend, blend, genomic_relationship, nearest

INDEFINITE = torch.tensor([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]], dtype=torch.float64)


def test_nearest_raises_eigenvalues_and_nothing_else() -> None:
    repaired = nearest(INDEFINITE, floor=0.01)
    before = torch.linalg.eigvalsh(INDEFINITE)
    after = torch.linalg.eigvalsh(repaired.matrix)
    torch.testing.assert_close(after, before.clamp(min=0.01))
    assert repaired.smallest_before == pytest.approx(-0.8)
    assert repaired.smallest_after == pytest.approx(0.01)
    assert repaired.raised == 1
    # One eigenvalue moves by 0.81 along a vector of three equal entries.
    assert repaired.largest_change == pytest.approx(0.27)
    assert repaired.relative_change == pytest.approx(0.81 / float(INDEFINITE.norm()))
    KnownMatrix(repaired.matrix)


def test_no_symmetric_matrix_above_the_floor_is_nearer() -> None:
    torch.manual_seed(1)
    repaired = nearest(INDEFINITE, floor=0.05)
    distance = float((repaired.matrix - INDEFINITE).norm())
    for _ in range(200):
        root = torch.randn(3, 3, dtype=torch.float64)
        other = repaired.matrix + 0.1 * (root @ root.mT) / float((root @ root.mT).norm())
        assert float((other - INDEFINITE).norm()) > distance


def test_bending_keeps_the_diagonal() -> None:
    repaired = bend(INDEFINITE, floor=0.02)
    assert torch.equal(repaired.matrix.diagonal(), INDEFINITE.diagonal())
    assert repaired.smallest_after >= 0.02 * (1 - 1e-9)
    assert bool((repaired.matrix.abs() <= INDEFINITE.abs() + 1e-12).all()), "relationships shrink"
    assert torch.equal(bend(torch.eye(3)).matrix, torch.eye(3, dtype=torch.float64)), "what is fine stays"


def test_a_genomic_matrix_becomes_one_that_has_an_inverse() -> None:
    g = genomic_relationship([[0, 2, 1, 0], [1, 1, 1, 2], [2, 0, 1, 1], [0, 1, 2, 1]])
    for repaired in (nearest(g), bend(g), blend(g), blend(g, target=torch.eye(4))):
        assert repaired.smallest_before == pytest.approx(0.0, abs=1e-12)
        assert repaired.smallest_after > 0
        assert KnownMatrix(repaired.matrix).positive_definite


def test_blending_is_a_weighted_mean() -> None:
    target = torch.tensor([[1.0, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 1.0]], dtype=torch.float64)
    repaired = blend(INDEFINITE, weight=0.7, target=target)
    torch.testing.assert_close(repaired.matrix, 0.3 * INDEFINITE + 0.7 * target)


def test_what_was_changed_is_told() -> None:
    asymmetric = torch.eye(2, dtype=torch.float64)
    asymmetric[0, 1] = 1e-3
    repaired = nearest(asymmetric)
    assert repaired.raised == 0
    assert repaired.largest_change == pytest.approx(5e-4)
    assert set(repaired.where) == {0, 1}
    assert "0 of 2 were below the floor" in str(repaired)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nearest([[1.0, 2.0]]), "square"),
        (lambda: nearest([[1.0, float("nan")], [0.0, 1.0]]), "finite"),
        (lambda: nearest(-torch.eye(2)), "positive on average"),
        (lambda: nearest(torch.eye(2), floor=2.0), "from 0 to 1"),
        (lambda: bend([[2.0, 0.0], [0.0, 0.0]]), "positive diagonal, got 0 in row 2"),
        (lambda: blend(torch.eye(2), weight=0.0), "above 0"),
        (lambda: blend(torch.eye(2), target=torch.eye(3)), "of the size of the matrix, 2"),
        (lambda: blend(INDEFINITE, weight=0.1), "more weight"),
    ],
)
def test_what_cannot_be_repaired_says_why(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


def test_the_error_of_a_known_matrix_names_the_ways_out() -> None:
    with pytest.raises(ValueError, match=r"nearest\(K\)\.matrix, bend or blend"):
        KnownMatrix(INDEFINITE)
