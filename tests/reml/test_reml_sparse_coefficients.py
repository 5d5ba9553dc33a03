"""Covariances by level in sparse mixed-model equations, such as random slopes, against dense engines."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from covstudio.covariance import (
    Augment,
    CovariancePropagation,
    DummyMatrix,
    HadamardProduct,
    IdentityMatrix,
    KhatriRaoProduct,
    KroneckerProduct,
    Matrix,
    RandomCoefficientsMatrix,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.reml.engines.candidate import Applicable
from covstudio.reml.engines.dense.engine import DenseEngine
from covstudio.reml.engines.mme.engine import MmeEngine
from covstudio.reml.engines.sparse.bordered import BorderedPlan
from covstudio.reml.engines.sparse.candidate import CANDIDATE
from covstudio.reml.engines.sparse.coefficients import unit_factor
from covstudio.reml.engines.sparse.layout import pattern_of
from covstudio.reml.terms.variance import Variance
from tests.reml.coefficient_cases import TERMS, WITHIN, crossed_slopes, values
from tests.reml.engine_cases import assert_score_is_the_slope
from tests.reml.sparse_cases import Animals, close, engine_of

QUIET = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
SOME = st.lists(st.tuples(st.sampled_from(TERMS), st.sampled_from(sorted(WITHIN))), min_size=1, max_size=3)


@QUIET
@given(
    seed=st.integers(0, 10_000),
    terms=SOME,
    beside=st.booleans(),
    method=st.sampled_from(("REML", "ML")),
    edge=st.sampled_from(("inside", "singular", "perfect")),
)
def test_it_is_the_likelihood_of_v_written_out(
    seed: int, terms: list[tuple[str, str]], beside: bool, method: str, edge: str
) -> None:
    case = crossed_slopes(seed, 25 + seed % 30, terms, beside)
    natural = values(case, seed, edge)
    assume(isinstance(CANDIDATE.applies(Variance(case.v), 2), Applicable))
    dense = DenseEngine(case.problem(method), Variance(case.v)).at(natural)
    assume(dense is not None)
    assert dense is not None
    found = engine_of(case, method).at(natural)
    assert found is not None
    close(found, dense, natural)


@QUIET
@given(
    seed=st.integers(0, 10_000),
    terms=SOME,
    method=st.sampled_from(("REML", "ML")),
    edge=st.sampled_from(("inside", "singular", "perfect")),
)
def test_effects_and_their_errors_are_those_of_dense_equations(
    seed: int, terms: list[tuple[str, str]], method: str, edge: str
) -> None:
    case = crossed_slopes(seed, 60, terms)
    natural = values(case, seed, edge)
    assume(isinstance(CANDIDATE.applies(Variance(case.v), 2), Applicable))
    found = engine_of(case, method).at(natural)
    other = MmeEngine(case.problem(method), Variance(case.v)).at(natural)
    assert found is not None
    assert other is not None
    close(found, other, natural)
    for piece in Variance(case.v).random:
        predicted, expected = found.effects(piece), other.effects(piece)
        assert predicted is not None
        assert expected is not None
        among, wanted = found.error_covariance(piece), other.error_covariance(piece)
        assert among is not None
        assert wanted is not None
        torch.testing.assert_close(
            among.diagonal(), predicted[1], rtol=1e-9, atol=1e-9 * float(wanted.abs().max())
        )
        for one, two in (*zip(predicted, expected, strict=True), (among, wanted)):
            torch.testing.assert_close(one, two, rtol=1e-8, atol=1e-9 * float(two.abs().max()) + 1e-14)


@pytest.mark.parametrize("seed", range(6))
def test_the_score_is_the_slope(seed: int) -> None:
    kinds, within = sorted(TERMS), sorted(WITHIN)
    case = crossed_slopes(seed, 40, [(kinds[seed], within[seed]), (kinds[seed - 2], "unstructured")])
    assert_score_is_the_slope(engine_of(case), values(case, seed, "inside"))


@pytest.mark.parametrize("ratio", [1e-12, 1e-6, 1.0, 1e4])
@pytest.mark.parametrize("kind", ["slopes", "related", "times"])
@pytest.mark.parametrize("unequal", [1.0, 1e-6])
def test_no_digits_are_lost_where_variances_are_small_or_large(
    ratio: float, kind: str, unequal: float
) -> None:
    """Also of one member of a level alone: then the other comes first in its factor."""
    case = crossed_slopes(7, 60, [(kind, "unstructured")])
    natural = values(case, 3, "inside")
    for k, name in enumerate(Variance(case.v).names):
        if "/L_" in name:
            natural[k] *= ratio**0.5 * (unequal if "/L_0_" in name else 1.0)
    found = engine_of(case).at(natural)
    other = MmeEngine(case.problem(), Variance(case.v)).at(natural)
    assert found is not None
    assert other is not None
    close(found, other, natural)


def test_a_factor_with_ones_on_its_diagonal() -> None:
    rng = np.random.default_rng(1)
    for k in range(1, 7):
        for rank in range(k + 1):
            root = torch.from_numpy(rng.normal(size=(k, rank)))
            g = root @ root.mT
            u, e = unit_factor(g, torch.from_numpy(rng.uniform(0.5, 2.0, k)))
            torch.testing.assert_close(u * e @ u.mT, g, rtol=0.0, atol=1e-13)
            torch.testing.assert_close(u.diagonal(), torch.ones(k, dtype=torch.float64))
            assert int((e > 0.0).sum()) == rank
            assert bool((e >= 0.0).all())


def spellings(x: torch.Tensor, g: list[str]) -> dict[str, Matrix]:
    """(x | g), however it is drawn."""
    z, count = DummyMatrix(g), len(set(g))
    slope = HadamardProduct(z=z, x=x[:, None].expand(len(g), count))
    columns = torch.stack([torch.ones_like(x), x], dim=1)
    same = CovariancePropagation(z=z, g=IdentityMatrix(count))
    us = UnstructuredMatrix
    return {
        "in one piece": RandomCoefficientsMatrix(g, columns={"x": x}),
        "by levels": CovariancePropagation(
            z=KhatriRaoProduct(a=z, b=columns), g=KroneckerProduct(a=IdentityMatrix(count), b=us(2))
        ),
        "by coefficients": CovariancePropagation(
            z=Augment(a=z, b=slope), g=KroneckerProduct(a=us(2), b=IdentityMatrix(count))
        ),
        "entry by entry": HadamardProduct(same=same, line=CovariancePropagation(z=columns, g=us(2))),
    }


def test_every_spelling_of_random_slopes_is_taken() -> None:
    rng = np.random.default_rng(3)
    n = 300
    g, x = [f"g{i:02d}" for i in rng.integers(0, 40, n)], torch.from_numpy(rng.normal(size=n))
    b = DummyMatrix([f"b{i}" for i in rng.integers(0, 9, n)])
    y, fixed = (
        torch.from_numpy(rng.normal(size=n)),
        torch.stack([torch.ones(n, dtype=torch.float64), x], dim=1),
    )
    natural = np.array([1.2, -0.3, 0.5, 0.7, 1.1])
    kernels = []
    for term in spellings(x, g).values():
        case = Animals(
            Sum(g=term, b=CovariancePropagation(z=b, g=ScalarMatrix(9)), e=ScalarMatrix(n)), y, fixed
        )
        found, dense = engine_of(case).at(natural), DenseEngine(case.problem(), Variance(case.v)).at(natural)
        assert found is not None
        assert dense is not None
        close(found, dense, natural)
        kernels.append(found.kernel)
    assert max(kernels) - min(kernels) < 1e-9


def test_values_that_give_no_covariance_have_no_likelihood() -> None:
    case = crossed_slopes(3, 60, [("slopes", "compound")])
    natural = values(case, 3, "inside")
    names = Variance(case.v).names
    at = next(k for k, name in enumerate(names) if name.endswith("rho"))
    assert engine_of(case).at(natural) is not None
    for bad in (1.2, np.nan):
        natural[at] = bad
        assert engine_of(case).at(natural) is None


def test_slopes_crossed_with_a_factor_are_small_blocks_with_a_border() -> None:
    rng = np.random.default_rng(5)
    n = 3000
    g, b = ([f"{i:03d}" for i in rng.integers(0, k, n)] for k in (400, 90))
    zb = DummyMatrix(b)
    v = Sum(
        g=RandomCoefficientsMatrix(g, columns={"x": rng.normal(size=n)}),
        b=CovariancePropagation(z=zb, g=ScalarMatrix(zb.shape[1])),
        e=ScalarMatrix(n),
    )
    plan = pattern_of(Variance(v)).plan
    assert isinstance(plan, BorderedPlan)
    assert plan.pivots.shape == (len(set(g)), 2)
    assert len(plan.border) == len(set(b))
