"""Which engine takes which V, and what is said about it before and after."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import covstudio
from covstudio.covariance import (
    AR1CorrelationMatrix,
    AR1Matrix,
    CovariancePropagation,
    DummyMatrix,
    HadamardProduct,
    IdentityMatrix,
    KroneckerProduct,
    Matrix,
    PowerVarianceMatrix,
    ScalarMatrix,
    Sum,
    UnconstrainedMatrix,
)
from covstudio.reml import Explanation, InvalidModel, TooManyRows, explain, fit
from covstudio.reml.engines.candidate import Applicable, Candidate
from covstudio.reml.engines.registry import CANDIDATES, candidate_named
from covstudio.reml.fitting.choose import choose
from covstudio.reml.problem.likelihood import Engine
from covstudio.reml.problem.problem import Problem
from covstudio.reml.terms.variance import Variance
from covstudio.threads import blas_threads
from tests.programs import OF_ITS_FOLDER, run_program
from tests.reml.reml_cases import alpha_design

PACKAGE = Path(covstudio.__file__).parent


def grouped(n: int, levels: int) -> Matrix:
    """Two crossed factors, so that V is no set of independent blocks, and a residual."""
    labels, others = [f"l{i % levels}" for i in range(n)], [f"o{(i * i) % 7 % 4}" for i in range(n)]
    z, w = DummyMatrix(labels), DummyMatrix(others)
    return Sum(
        g=CovariancePropagation(z=z, g=ScalarMatrix(z.shape[1])),
        b=CovariancePropagation(z=w, g=ScalarMatrix(w.shape[1])),
        residual=ScalarMatrix(n),
    )


def test_few_rows_are_written_out_and_many_are_not() -> None:
    few, many = explain(grouped(60, 6)), explain(grouped(3000, 60))
    assert few.engine == "dense"
    assert few.reason == "V is written out, 60 × 60."
    assert many.engine == "mme"
    assert "60 effects of g absorbed" in many.reason
    assert many.seconds < few.seconds * 100
    assert many.memory < 3000 * 3000 * 8


def test_an_explanation_is_readable_frozen_and_complete() -> None:
    found = explain(grouped(20_000, 100), n=20_000, p=3)
    assert isinstance(found, Explanation)
    assert (found.n, found.p, found.parameters) == (20_000, 3, 3)
    assert set(found.others) == {candidate.name for candidate in CANDIDATES} - {"mme"}
    assert found.others["dense"] == "V has 20000 rows, and written out it may have 8000"
    text = str(found)
    assert text.splitlines()[0] == "20000 rows, 3 fixed effects, 3 variance parameters: the mme engine"
    assert "an iteration and" in text
    assert "not dense: V has 20000 rows" in text
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.engine = "dense"  # type: ignore[misc]


def test_the_cost_grows_with_the_model() -> None:
    small, large = explain(grouped(2000, 50), engine="dense"), explain(grouped(4000, 50), engine="dense")
    assert 4.0 < large.seconds / small.seconds < 10.0
    assert 3.5 < large.memory / small.memory < 4.5


def test_the_cost_of_variance_components_does_not_grow_with_the_rows() -> None:
    """Sums over the rows are taken once for a fit, but where every row has a variance of its own."""
    few, many = (explain(grouped(n, 50)) for n in (20_000, 80_000))
    assert few.engine == "mme"
    assert many.seconds == few.seconds
    own = [
        explain(Sum(g=grouped(n, 50), own=PowerVarianceMatrix(torch.ones(n))), engine="mme").seconds
        for n in (20_000, 80_000)
    ]
    assert own[1] > 3.0 * own[0]


def test_the_engine_asked_for_runs() -> None:
    v, y, x = alpha_design()
    kernels = []
    for name in ("dense", "mme"):
        result = fit(v, y, x, engine=name)
        assert result.engine == name
        assert result.engine_reason.startswith("It was asked for. V is ")
        assert f"({name} engine)" in result.summary()
        kernels.append(result.kernel_loglik)
    assert kernels[0] == pytest.approx(kernels[1], abs=1e-9)


def test_an_engine_that_is_not_there_or_does_not_take_v() -> None:
    v, y, x = alpha_design()
    with pytest.raises(
        ValueError, match=r"engine must be 'auto' or one of 'blocks', 'dense', 'mme'.*and is 'spectral'"
    ):
        fit(v, y, x, engine="spectral")
    field = KroneckerProduct(row=AR1CorrelationMatrix(8), col=AR1Matrix(9))
    with pytest.raises(InvalidModel, match=r"the mme engine does not take this V: V \(KroneckerProduct\) is"):
        fit(field, y, x, engine="mme")
    with pytest.raises(TooManyRows, match="up to 8000"):
        explain(grouped(9000, 9), engine="dense")


def test_wrong_arguments_of_explain() -> None:
    with pytest.raises(TypeError, match="must be a covstudio Matrix, and is a Tensor"):
        explain(torch.eye(3))  # type: ignore[arg-type]
    with pytest.raises(InvalidModel, match="each of 7 rows, and is 60 x 60"):
        explain(grouped(60, 6), n=7)
    with pytest.raises(ValueError, match="p must be a whole number of at least 0, and is -1"):
        explain(grouped(60, 6), p=-1)


def test_a_covariance_that_may_be_indefinite_is_written_out_while_that_is_possible() -> None:
    """Another term may make up for a negative eigenvalue of G; the mixed-model equations would forbid it."""
    labels = [f"l{i % 3}" for i in range(1500)]
    v = Sum(
        g=CovariancePropagation(z=DummyMatrix(labels), g=UnconstrainedMatrix(3)), residual=ScalarMatrix(1500)
    )
    found = explain(v)
    assert found.engine == "dense"
    assert "g does not promise to be positive semi-definite" in found.others["mme"]
    larger = Sum(
        g=CovariancePropagation(z=DummyMatrix([f"l{i % 3}" for i in range(9000)]), g=UnconstrainedMatrix(3)),
        residual=ScalarMatrix(9000),
    )
    assert explain(larger).engine == "mme"


def test_repeated_measures_of_many_subjects_are_not_written_out() -> None:
    subjects = np.repeat(np.arange(600), 5)
    same = CovariancePropagation(z=DummyMatrix(subjects.tolist()), g=IdentityMatrix(600))
    v = HadamardProduct(subject=same, series=AR1Matrix(3000))
    choice = choose(Variance(v), "mme")
    assert "groups of 5 rows" in choice.reason


class _Counting(Candidate):
    """A candidate that takes everything at no cost, and remembers what it was asked."""

    name, title = "counting", "counting engine"

    def __init__(self) -> None:
        self.asked: list[int] = []

    def applies(self, variance: Variance, p: int) -> Applicable | str:
        self.asked.append(p)
        return Applicable("simple enough to count", 1.0, 0.0)

    def build(self, problem: Problem, variance: Variance) -> Engine:
        return candidate_named("dense").build(problem, variance)


@pytest.fixture
def counting() -> Iterator[_Counting]:
    candidate = _Counting()
    CANDIDATES.append(candidate)
    yield candidate
    CANDIDATES.remove(candidate)


def test_a_new_engine_is_one_entry(counting: _Counting) -> None:
    v, y, x = alpha_design()
    result = fit(v, y, x)
    assert result.engine == "counting"
    assert result.engine_reason == "V is simple enough to count."
    assert counting.asked == [3]
    assert result.converged


def test_threads_are_set_for_small_matrices_and_restored() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with blas_threads(10):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
        with pytest.raises(RuntimeError), blas_threads(10):
            raise RuntimeError
        assert torch.get_num_threads() == 2
        with blas_threads(5000):
            assert torch.get_num_threads() == 2
        seen: list[int] = []
        v, y, x = alpha_design()
        fit(v, y, x, engine="mme", callback=lambda iteration: seen.append(torch.get_num_threads()))
        assert set(seen) == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


NEW_ENGINE = """
from covstudio.reml.engines.candidate import Applicable, Candidate
from covstudio.reml.engines.dense.engine import DenseEngine


class CountingCandidate(Candidate):
    name, title = "counting", "engine that counts"

    def applies(self, variance, p):
        return Applicable("simple enough to count", 1.0, 0.0)

    def build(self, problem, variance):
        return DenseEngine(problem, variance)


CANDIDATE = CountingCandidate()
"""

ITS_FIT = """
import torch
from covstudio.covariance import ScalarMatrix
from covstudio.reml import explain, fit
from covstudio.reml.engines.registry import title_of
print(fit(ScalarMatrix(4), [1.0, 2.0, 4.0, 5.0], torch.ones(4, 1)).engine, "is the", title_of("counting"))
print(*sorted(explain(ScalarMatrix(4)).others))
"""


def test_a_new_engine_is_one_folder(tmp_path: Path) -> None:
    """A copy of the package with a folder more."""
    copy = tmp_path / "covstudio"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("frontend"))
    folder = copy / "reml" / "engines" / "counting"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "candidate.py").write_text(NEW_ENGINE)
    done = run_program(OF_ITS_FOLDER + ITS_FIT, tmp_path)
    assert done.stdout.splitlines() == [
        "counting is the engine that counts",
        "blocks dense mme separable sparse",
    ], done.stderr
