"""Relationship matrices against Mrode's book, path counting and random pedigrees; impossible ones refused."""

from __future__ import annotations

import math
import random
import re
import warnings
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from covstudio.covariance import (
    DummyMatrix,
    Inverse,
    KnownMatrix,
    Pedigree,
    SingularMatrixError,
    genomic_relationship,
    pedigree_inverse,
    pedigree_relationship,
)

#: Mrode (2014), Linear Models for the Prediction of Animal Breeding Values, 3rd edition, chapter 2: the
#: pedigree of table 2.1, its A (section 2.2) and the inverse of A with inbreeding (section 2.4), as printed.
MRODE = [(1, 0, 0), (2, 0, 0), (3, 1, 2), (4, 1, 0), (5, 4, 3), (6, 5, 2)]
MRODE_A = [
    [1.00, 0.00, 0.50, 0.50, 0.50, 0.25],
    [0.00, 1.00, 0.50, 0.00, 0.25, 0.625],
    [0.50, 0.50, 1.00, 0.25, 0.625, 0.563],
    [0.50, 0.00, 0.25, 1.00, 0.625, 0.313],
    [0.50, 0.25, 0.625, 0.625, 1.125, 0.688],
    [0.25, 0.625, 0.563, 0.313, 0.688, 1.125],
]
MRODE_INVERSE = [
    [1.833, 0.500, -1.000, -0.667, 0.000, 0.000],
    [0.500, 2.033, -1.000, 0.000, 0.533, -1.067],
    [-1.000, -1.000, 2.500, 0.500, -1.000, 0.000],
    [-0.667, 0.000, 0.500, 1.833, -1.000, 0.000],
    [0.000, 0.533, -1.000, -1.000, 2.533, -1.067],
    [0.000, -1.067, 0.000, 0.000, -1.067, 2.133],
]


def test_the_pedigree_of_mrode() -> None:
    a = pedigree_relationship(MRODE)
    assert a.dtype == torch.float64
    np.testing.assert_allclose(a, MRODE_A, atol=5.1e-4)
    assert Pedigree(MRODE).inbreeding().tolist() == [0, 0, 0, 0, 0.125, 0.125]
    inverse = pedigree_inverse(MRODE)
    assert inverse.is_sparse
    assert inverse.is_coalesced()
    np.testing.assert_allclose(inverse.to_dense(), MRODE_INVERSE, atol=5.1e-4)
    np.testing.assert_allclose(inverse.to_dense() @ a, np.eye(6), atol=1e-13)
    # No entry is stored twice, and the zeros of A's inverse are not stored at all.
    assert inverse.values().numel() == int((inverse.to_dense() != 0).sum()) == 26


def test_the_variances_of_mendelian_sampling_of_mrode() -> None:
    """Mrode (2014), section 2.3: D = diag(1, 1, 0.5, 0.75, 0.5, 0.469)."""
    _, sampling = Pedigree(MRODE).mendelian()
    np.testing.assert_allclose(sampling, [1, 1, 0.5, 0.75, 0.5, 0.46875], atol=1e-15)


def test_repeated_mating_of_full_sibs() -> None:
    """Falconer & Mackay (1996), table 5.1: F = 0, 0.25, 0.375, 0.5, 0.594, 0.672, ..."""
    ped: list[tuple[str, str | None, str | None]] = [("m0", None, None), ("f0", None, None)]
    for k in range(1, 7):
        ped += [(f"m{k}", f"m{k - 1}", f"f{k - 1}"), (f"f{k}", f"m{k - 1}", f"f{k - 1}")]
    inbreeding = Pedigree(ped).inbreeding()[0::2]
    np.testing.assert_allclose(inbreeding, [0, 0, 0.25, 0.375, 0.5, 0.594, 0.672], atol=5e-4)


def test_selfing() -> None:
    """Falconer & Mackay (1996), table 5.1: F = 0, 0.5, 0.75, 0.875 in successive generations of selfing."""
    ped = [("s0", None, None), ("s1", "s0", "s0"), ("s2", "s1", "s1"), ("s3", "s2", "s2")]
    assert Pedigree(ped).inbreeding().tolist() == [0.0, 0.5, 0.75, 0.875]
    a = pedigree_relationship(ped)
    assert a.diagonal().tolist() == [1.0, 1.5, 1.75, 1.875]
    np.testing.assert_allclose(pedigree_inverse(ped).to_dense() @ a, np.eye(4), atol=1e-13)
    many = [("s0", None, None), *((f"s{k}", f"s{k - 1}", f"s{k - 1}") for k in range(1, 80))]
    with pytest.raises(SingularMatrixError, match=r"Mendelian sampling.*fully inbred"):
        pedigree_inverse(many)


@st.composite
def pedigrees(draw: st.DrawFn) -> list[tuple[int, int | None, int | None]]:
    """Random pedigrees in random order of rows, with selfing and any one parent unknown."""
    count = draw(st.integers(1, 25))
    rows: list[tuple[int, int | None, int | None]] = []
    for k in range(1, count + 1):
        parent = st.one_of(st.none(), st.integers(1, k - 1)) if k > 1 else st.none()
        rows.append((k, draw(parent), draw(parent)))
    return draw(st.permutations(rows))


def coancestry(ped: list[tuple[int, int | None, int | None]], i: int, j: int) -> Fraction:
    """Malecot's coefficient by its recursion from the younger individual, exactly; A is twice of it."""
    parents = {k: (s, d) for k, s, d in ped}
    known: dict[tuple[int, int], Fraction] = {}

    def between(x: int | None, y: int | None) -> Fraction:
        if x is None or y is None:
            return Fraction(0)
        x, y = max(x, y), min(x, y)  # labels grow with birth
        if (x, y) not in known:
            s, d = parents[x]
            known[x, y] = (1 + between(s, d)) / 2 if x == y else (between(s, y) + between(d, y)) / 2
        return known[x, y]

    return between(i, j)


@given(pedigrees())
@settings(max_examples=80, deadline=None)
def test_random_pedigrees_in_any_order(ped: list[tuple[int, int | None, int | None]]) -> None:
    a = pedigree_relationship(ped)
    pedigree = Pedigree(ped)
    assert pedigree.individuals == [label for label, _, _ in ped]
    for i, (x, _, _) in enumerate(ped):
        for j, (y, _, _) in enumerate(ped[: i + 1]):
            assert float(a[i, j]) == float(a[j, i]) == pytest.approx(float(2 * coancestry(ped, x, y)))
    np.testing.assert_allclose(pedigree.inbreeding(), a.diagonal() - 1, atol=1e-13)
    place = {k: rank for rank, k in enumerate(pedigree.order)}
    assert sorted(place) == list(range(len(ped)))
    for k, parents in enumerate(zip(pedigree.sires, pedigree.dams, strict=True)):
        assert all(parent < 0 or place[parent] < place[k] for parent in parents)


@given(pedigrees())
@settings(max_examples=80, deadline=None)
def test_the_sparse_inverse_is_the_dense_one(ped: list[tuple[int, int | None, int | None]]) -> None:
    a = pedigree_relationship(ped)
    sparse = pedigree_inverse(ped)
    assert sparse.shape == a.shape
    dense = torch.linalg.inv(a)
    np.testing.assert_allclose(sparse.to_dense(), dense, rtol=0, atol=1e-9 * float(dense.abs().max()))
    np.testing.assert_array_equal(sparse.to_dense(), sparse.to_dense().T)


def test_a_deep_and_a_large_pedigree() -> None:
    chain = [("a0", None, None), *((f"a{k}", f"a{k - 1}", None) for k in range(1, 3000))]
    assert float(Pedigree(chain[::-1]).inbreeding().abs().max()) == 0.0
    generator = random.Random(5)
    rows: list[tuple[int, int | None, int | None]] = [(k, None, None) for k in range(1, 41)]
    for k in range(41, 1200):
        rows.append((k, generator.randint(max(1, k - 60), k - 1), generator.randint(max(1, k - 60), k - 1)))
    generator.shuffle(rows)
    a, inverse = pedigree_relationship(rows), pedigree_inverse(rows)
    product = torch.sparse.mm(inverse, a)
    np.testing.assert_allclose(product, np.eye(len(rows)), atol=1e-9)
    assert inverse.values().numel() <= 9 * len(rows)


def test_forms_of_a_pedigree() -> None:
    expected = pedigree_relationship(MRODE)
    text = [tuple(map(str, row)) for row in MRODE]
    frame = pd.DataFrame(MRODE, columns=["animal", "sire", "dam"])
    gaps = frame.astype(float).replace(0.0, np.nan)
    nullable = frame.astype("Int64").replace(0, pd.NA)
    mapping = {i: (s, d) for i, s, d in MRODE}
    for ped in (text, frame, gaps, nullable, mapping, np.array(MRODE), torch.tensor(MRODE), iter(MRODE)):
        assert torch.equal(pedigree_relationship(ped), expected)
    assert torch.equal(pedigree_relationship(Pedigree(MRODE)), expected)
    stars = [(i, s or "*", d or ".") for i, s, d in MRODE]
    assert torch.equal(pedigree_relationship(stars), expected)
    ours = [(i, s or -9, d or -9) for i, s, d in MRODE]
    assert torch.equal(pedigree_relationship(ours, unknown=[-9]), expected)


def test_parents_without_a_row() -> None:
    ped = [("c", "a", "b"), ("d", "a", None)]
    with pytest.raises(ValueError, match=r"every parent.*got 2 without a row: 'a', 'b'.*add_founders=True"):
        pedigree_relationship(ped)
    whole = Pedigree(ped, add_founders=True)
    assert whole.individuals == ["c", "d", "a", "b"]
    a = pedigree_relationship(ped, add_founders=True)
    assert a.shape == (4, 4)
    np.testing.assert_allclose(a[:2, :2], [[1.0, 0.25], [0.25, 1.0]])
    np.testing.assert_allclose(pedigree_inverse(ped, add_founders=True).to_dense() @ a, np.eye(4), atol=1e-14)


def test_a_model_of_breeding_values_takes_them() -> None:
    ped = Pedigree(MRODE)
    z = DummyMatrix([4, 5, 6], levels=[ped.individuals], lex_order=False)
    value = z() @ KnownMatrix(pedigree_relationship(ped))().to(z().dtype) @ z().T
    np.testing.assert_allclose(value, np.array(MRODE_A)[3:, 3:], atol=1e-3)


def test_a_sparse_inverse_is_no_known_matrix_until_it_is_written_out() -> None:
    inverse = pedigree_inverse(MRODE)
    with pytest.raises(TypeError, match=r"K must be a dense tensor, got a sparse one; write K.to_dense\(\)"):
        KnownMatrix(inverse)
    value = Inverse(KnownMatrix(inverse.to_dense()))()
    np.testing.assert_allclose(value, pedigree_relationship(MRODE), atol=1e-12)


@pytest.mark.parametrize(
    ("ped", "error", "words"),
    [
        ([], ValueError, "at least one individual"),
        ("abc", TypeError, "rows of (individual, sire, dam)"),
        (3, TypeError, "got int"),
        (
            [("a", None)],
            ValueError,
            "three entries in every row (individual, sire, dam), got ('a', None) in row 0",
        ),
        (["abc"], ValueError, "three entries"),
        (
            [("a", None, None), (None, "a", None)],
            ValueError,
            "name the individual of every row, got None in row 1",
        ),
        ([(0, None, None)], ValueError, "got 0 in row 0"),
        ([("a", 0, 0), ("b", 0, 0), ("a", "b", 0)], ValueError, "once, got 'a' in rows 0 and 2"),
        ([("a", "a", None)], ValueError, "'a' as its own sire"),
        ([("b", 0, 0), ("a", "b", "a")], ValueError, "'a' as its own dam in row 1"),
        ([("a", ["b"], None)], TypeError, "text or numbers"),
        (
            [(1, None, None), (2, "1", None)],
            ValueError,
            "individual 1 is listed as int, and its parenthood as str",
        ),
    ],
)
def test_impossible_pedigrees_are_refused(ped: Any, error: type[Exception], words: str) -> None:
    for function in (Pedigree, pedigree_relationship, pedigree_inverse):
        with pytest.raises(error, match=re.escape(words)):
            function(ped)


def test_a_circle_is_named() -> None:
    ped = [("a", "c", None), ("x", "a", None), ("b", None, "a"), ("c", "b", "y"), ("y", None, None)]
    circle = r"'(.)' is offspring of '(.)' is offspring of '(.)' is offspring of '\1'"
    with pytest.raises(ValueError, match=circle) as caught:
        pedigree_relationship(ped)
    found = re.search(circle, str(caught.value))
    assert found is not None
    one, two, three = found.groups()
    parents = {i: (s, d) for i, s, d in ped}
    assert two in parents[one]
    assert three in parents[two]
    assert one in parents[three]


def test_other_arguments_are_checked() -> None:
    with pytest.raises(TypeError, match="unknown must list labels"):
        Pedigree(MRODE, unknown="NA")
    with pytest.raises(ValueError, match="individual, sire and dam first"):
        Pedigree(pd.DataFrame({"animal": [1], "sire": [0]}))


# -- markers -------------------------------------------------------------------------------------------------

#: Three individuals, four markers.
CALLS = [[0, 1, 2, 2], [1, 1, 0, 2], [2, 1, 1, 1]]


def vanraden(calls: list[list[float]]) -> list[list[float]]:
    """VanRaden (2008), method 1, in plain Python."""
    n, m = len(calls), len(calls[0])
    p = []
    for j in range(m):
        known = [calls[i][j] for i in range(n) if not math.isnan(calls[i][j])]
        p.append(sum(known) / (2 * len(known)))
    z = [[0.0 if math.isnan(row[j]) else row[j] - 2 * p[j] for j in range(m)] for row in calls]
    scale = 2 * sum(q * (1 - q) for q in p)
    return [[sum(a * b for a, b in zip(x, y, strict=True)) / scale for y in z] for x in z]


def test_the_first_method_of_vanraden() -> None:
    expected = vanraden([list(map(float, row)) for row in CALLS])
    frame = pd.DataFrame(CALLS, columns=["m1", "m2", "m3", "m4"])
    for markers in (CALLS, torch.tensor(CALLS), np.array(CALLS), frame):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            g = genomic_relationship(markers)
        np.testing.assert_allclose(g, expected, rtol=1e-13, atol=1e-15)
        assert g.dtype == torch.float64
    # By hand: p = 1/2, 1/2, 1/2, 5/6, so that the scale is 2 (3/4 + 5/36) = 16/9.
    assert float(g[0, 0]) == pytest.approx((1 + 0 + 1 + 1 / 9) / (16 / 9))
    assert KnownMatrix(g).psd


def test_missing_calls_take_the_mean_with_a_warning() -> None:
    calls = [[0, math.nan, 2], [1, 1, 0], [2, 2, math.nan], [0, 1, 1]]
    with pytest.warns(RuntimeWarning, match="2 of 12 calls are missing, in 2 of 3 markers.*mean"):
        g = genomic_relationship(calls)
    np.testing.assert_allclose(g, vanraden(calls), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(g.sum(1), 0.0, atol=1e-14)


def test_a_marker_of_one_allele_adds_nothing() -> None:
    with_it = [[*row, 2, 0] for row in CALLS]
    np.testing.assert_allclose(
        genomic_relationship(with_it), genomic_relationship(CALLS), rtol=1e-13, atol=1e-15
    )


def test_expected_counts() -> None:
    calls = [[0.1, 1.9], [1.0, 0.4], [1.7, 0.0]]
    with pytest.raises(ValueError, match=r"0, 1 or 2.*got 0.1 for individual 0, marker 0.*dosages=True"):
        genomic_relationship(calls)
    np.testing.assert_allclose(genomic_relationship(calls, dosages=True), vanraden(calls), rtol=1e-13)


@given(
    st.integers(2, 8).flatmap(
        lambda m: st.lists(st.lists(st.integers(0, 2), min_size=m, max_size=m), min_size=2, max_size=8)
    )
)
@settings(max_examples=60, deadline=None)
def test_genomic_matrices_are_positive_semi_definite(calls: list[list[int]]) -> None:
    if all(len(set(column)) == 1 for column in zip(*calls, strict=True)):
        return
    g = genomic_relationship(calls)
    assert torch.equal(g, g.T)
    eigenvalues = torch.linalg.eigvalsh(g)
    assert float(eigenvalues[0]) >= -1e-12 * float(eigenvalues[-1])
    assert KnownMatrix(g).psd


@pytest.mark.parametrize(
    ("markers", "error", "words"),
    [
        ([0, 1, 2], ValueError, "individuals in rows"),
        ([[0, 1], [2]], ValueError, "rows of different"),
        ([["AA", "AB"]], TypeError, "numbers only"),
        ([[-1, 0], [1, 0]], ValueError, "got -1 for individual 0, marker 0.*add 1"),
        ([[0, 3], [1, 0]], ValueError, "got 3 for individual 0, marker 1.*count one allele"),
        ([[0, math.inf], [1, 0]], ValueError, "got inf"),
        ([[1, 2, 0], [1, 2, 0]], ValueError, "must vary between individuals, got 3 without"),
        ([[1, 2]], ValueError, "must vary"),
        ([[0, math.nan], [1, math.nan]], ValueError, "call for every marker, got none for marker 1"),
        ([[0, 2], [math.nan, math.nan]], ValueError, "call for every individual, got none for individual 1"),
    ],
)
def test_impossible_markers_are_refused(markers: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        genomic_relationship(markers)
