"""Heterogeneous compound symmetry, Huynh and Feldt's structure, and other systems' names for the elementary.

Formulas: SAS/STAT User's Guide, PROC MIXED, types CSH and HF; Searle, Casella & McCulloch (1992), appendix M,
for the eigenvalues of compound symmetry.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings

import covstudio.covariance as cov
from covstudio.covariance import SingularMatrixError, structure
from covstudio.covariance.linalg import is_linear
from tests.covariance.family_checks import (
    agrees,
    positive_definite,
    raw,
    raw_parameters,
    scaled,
    semidefinite,
    table,
    thetas,
)


@pytest.mark.parametrize("n", [2, 3, 6])
def test_heterogeneous_compound_symmetry(n: int) -> None:
    matrix = cov.HeterogeneousCompoundSymmetricMatrix(n)
    assert matrix.param_names == [*(f"sigma^2_{i}" for i in range(n)), "rho"]
    for theta in thetas(matrix, seed=n):
        rho = scaled(theta[n], -1 / (n - 1), 1.0)

        def entry(i: int, j: int, theta: list[float] = theta, rho: float = rho) -> float:
            return math.exp(theta[i] + theta[j]) * (1.0 if i == j else rho)

        agrees(matrix, theta, table(n, entry))


@pytest.mark.parametrize("n", [2, 3, 6])
def test_huynh_feldt(n: int) -> None:
    matrix = cov.HuynhFeldtMatrix(n)
    assert matrix.param_names == [*(f"sigma^2_{i}" for i in range(n)), "lambda"]
    for theta in thetas(matrix, seed=10 + n):
        variances, scale = [math.exp(2 * x) for x in theta[:n]], math.exp(2 * theta[n])

        def entry(i: int, j: int, variances: list[float] = variances, scale: float = scale) -> float:
            return variances[i] if i == j else (variances[i] + variances[j]) / 2 - scale

        agrees(matrix, theta, table(n, entry))


def test_huynh_feldt_gives_every_difference_one_variance() -> None:
    value = cov.HuynhFeldtMatrix(5)(raw([0.3, 0.1, -0.2, 0.5, 0.0, -0.4])).numpy()
    differences = [
        value[i, i] + value[j, j] - value[i, j] - value[j, i] for i in range(5) for j in range(5) if i != j
    ]
    np.testing.assert_allclose(differences, 2 * math.exp(-0.8), rtol=1e-13)


def test_huynh_feldt_is_linear_and_promises_nothing() -> None:
    matrix = cov.HuynhFeldtMatrix(3)
    assert is_linear(matrix)
    assert not matrix.psd
    assert not cov.declaration("HuynhFeldtMatrix").psd
    indefinite = matrix.evaluate(raw([1.0, 1.0, 100.0, 1.0]))
    assert float(torch.linalg.eigvalsh(indefinite)[0]) < -1
    one, other = (
        matrix.build_params(raw([0.1, 0.2, 0.3, 0.4])),
        matrix.build_params(raw([1.0, -1.0, 0.5, 0.0])),
    )
    together = matrix.evaluate(0.25 * one + 3.0 * other)
    torch.testing.assert_close(together, 0.25 * matrix.evaluate(one) + 3.0 * matrix.evaluate(other))


def test_huynh_feldt_tells_indefinite_from_singular() -> None:
    matrix = cov.HuynhFeldtMatrix(3)
    natural = raw([1.0, 1.0, 100.0, 1.0])
    value, b = matrix.evaluate(natural), torch.eye(3, dtype=torch.float64)
    torch.testing.assert_close(structure.solve(matrix, natural, b), torch.linalg.inv(value))
    with pytest.raises(ValueError, match="positive determinant"):
        structure.logdet(matrix, natural)
    # One variance and lambda = sigma^2 n / (n - 1): the correlation is at its lower end.
    with pytest.raises(SingularMatrixError):
        structure.solve(matrix, raw([1.0, 1.0, 1.0, 1.5]), b)
    with pytest.raises(SingularMatrixError):
        structure.logdet(matrix, raw([1.0, 1.0, 1.0, 1e-20]))


@pytest.mark.parametrize("n", [2, 4])
@settings(max_examples=40, deadline=None)
@given(theta=raw_parameters(5))
def test_common_correlations_are_covariances_for_every_theta(n: int, theta: list[float]) -> None:
    semidefinite(cov.HeterogeneousCompoundSymmetricMatrix(n), [*theta[:n], theta[4]])
    semidefinite(cov.CompoundSymmetricMatrix(n), theta[:2])
    semidefinite(cov.EquicorrelationMatrix(n), theta[:1])


@pytest.mark.parametrize("rho", [-1 / 3, -1 / 3 + 1e-9, 0.0, 1 - 1e-9, 1.0])
def test_common_correlation_at_its_edges(rho: float) -> None:
    expected = table(4, lambda i, j: math.sqrt(1.0 + i) * math.sqrt(1.0 + j) * (1.0 if i == j else rho))
    matrix = cov.HeterogeneousCompoundSymmetricMatrix(4)
    natural = raw([1.0, 2.0, 3.0, 4.0, rho])
    np.testing.assert_allclose(matrix.evaluate(natural).numpy(), expected, rtol=1e-14)
    b = torch.eye(4, dtype=torch.float64)
    for equal, values in ((cov.EquicorrelationMatrix(4), natural[4:]), (matrix, natural)):
        if 1e-6 - 1 / 3 < rho < 1 - 1e-6:
            inverse = structure.solve(equal, values, b)
            torch.testing.assert_close(inverse @ equal.evaluate(values), b)
        elif rho in (-1 / 3, 1.0):
            for function, arguments in ((structure.solve, (b,)), (structure.logdet, ())):
                with pytest.raises(SingularMatrixError, match="singular"):
                    function(equal, values, *arguments)
        else:
            # Nine digits are lost, not more: log det to what the eigenvalues 1 - rho, 1 + 3 rho tell.
            logs = 3 * math.log(1 - rho) + math.log(1 + 3 * rho)
            logs += math.log(24.0) if equal is matrix else 0.0
            assert float(structure.logdet(equal, values)) == pytest.approx(logs, abs=1e-6)
        lower = structure.factor(equal, values)
        torch.testing.assert_close(lower @ lower.mT, equal.evaluate(values), rtol=0, atol=1e-12)


def test_a_variance_of_zero_keeps_everything_finite() -> None:
    matrix = cov.HeterogeneousCompoundSymmetricMatrix(3)
    natural = raw([0.0, 1.0, 4.0, 0.5])
    expected = np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.0, 1.0, 4.0]])
    np.testing.assert_array_equal(matrix.evaluate(natural).numpy(), expected)
    slices = matrix.natural_jacobian(natural, range(4))
    assert bool(torch.isfinite(slices).all())
    assert float(slices[0, 0, 0]) == 1.0
    automatic = torch.func.jacfwd(matrix.evaluate)(natural)
    assert bool(torch.isfinite(automatic).all())
    with pytest.raises(SingularMatrixError):
        structure.solve(matrix, natural, torch.ones(3, 1, dtype=torch.float64))
    small = matrix(raw([-10.0, 0.0, 0.7, 1.0]))
    assert float(small[0, 0]) == pytest.approx(math.exp(-20.0), rel=1e-14)
    assert float(small[0, 1]) == pytest.approx(math.exp(-10.0) * scaled(1.0, -0.5, 1.0), rel=1e-14)


def test_defaults_are_no_stationary_points() -> None:
    target = torch.from_numpy(positive_definite(4, seed=1))
    for matrix in (cov.HeterogeneousCompoundSymmetricMatrix(4), cov.HuynhFeldtMatrix(4)):
        theta = matrix.free_param_defaults.double()
        value, (grad, _) = matrix(theta), matrix.grad(theta)
        inverse = torch.linalg.inv(value)
        score = 0.5 * torch.einsum("kij,ij->k", grad, inverse @ (target - value) @ inverse)
        assert float(score.abs().min()) > 1e-3


@pytest.mark.parametrize(
    "cls",
    [
        cov.EquicorrelationMatrix,
        cov.CompoundSymmetricMatrix,
        cov.HeterogeneousCompoundSymmetricMatrix,
        cov.HuynhFeldtMatrix,
    ],
)
def test_sizes_without_sense_are_refused(cls: type[cov.Leaf]) -> None:
    for bad in (1, 0, -3):
        with pytest.raises(ValueError, match=f"n must be at least 2 .*got {bad}"):
            cls(bad)
    for bad in (2.5, "3", True, None):
        with pytest.raises(TypeError, match="n must be an int"):
            cls(bad)


@pytest.mark.parametrize(
    "cls", [cov.IdentityMatrix, cov.ScalarMatrix, cov.DiagonalMatrix, cov.EqualEntryMatrix]
)
def test_empty_sizes_are_refused(cls: type[cov.Leaf]) -> None:
    for bad in (0, -1):
        with pytest.raises(ValueError, match="n must be at least 1"):
            cls(bad)
    assert cls(1).shape == (1, 1)


NAMES = {
    "IdentityMatrix": {"ASReml": {"id"}},
    "ScalarMatrix": {"ASReml": {"idv"}, "SAS": {"VC"}, "nlme": {"pdIdent"}, "glmmTMB": {"homdiag"}},
    "DiagonalMatrix": {
        "ASReml": {"diag", "idh"},
        "SAS": {"UN(1)"},
        "nlme": {"pdDiag", "varIdent"},
        "glmmTMB": {"diag"},
    },
    "EqualEntryMatrix": {"GPyTorch": {"ConstantKernel"}},
    "EquicorrelationMatrix": {"ASReml": {"cor"}, "nlme": {"corCompSymm"}},
    "CompoundSymmetricMatrix": {"ASReml": {"corv"}, "SAS": {"CS"}, "nlme": {"pdCompSymm"}},
    "HeterogeneousCompoundSymmetricMatrix": {"ASReml": {"corh"}, "SAS": {"CSH"}, "glmmTMB": {"cs"}},
    "HuynhFeldtMatrix": {"SAS": {"HF"}},
    "UnconstrainedMatrix": {"SAS": {"UN"}},
    "KnownMatrix": {"ASReml": {"vm", "giv"}, "SAS": {"LIN"}, "glmmTMB": {"propto"}},
    "UnstructuredMatrix": {
        "ASReml": {"us", "chol"},
        "SAS": {"UN", "UNR"},
        "nlme": {"pdSymm", "pdLogChol"},
        "glmmTMB": {"us"},
    },
    "CorrelationMatrix": {"ASReml": {"corg"}, "nlme": {"corSymm"}},
    "HeterogeneousCorrelationMatrix": {"ASReml": {"corgh"}, "SAS": {"UNR"}},
    "FactorAnalyticMatrix": {"ASReml": {"fa", "sfa", "facv", "fa2"}, "SAS": {"FA(q)", "FA1(q)"}},
    "ReducedRankMatrix": {"ASReml": {"rr"}, "SAS": {"FA0(q)"}, "glmmTMB": {"rr"}},
    "AntedependenceMatrix": {"ASReml": {"ante"}, "SAS": {"ANTE(1)"}},
}


@pytest.mark.parametrize("name", NAMES)
def test_other_systems_names(name: str) -> None:
    declared = cov.declaration(name)
    for system, names in NAMES[name].items():
        assert names <= set(declared.aliases[system])
    assert declared.usage
    assert set(declared.usage) <= {"ASReml", "SAS", "nlme", "lme4", "glmmTMB", "GPyTorch", "scikit-learn"}
    matrix = declared.example()
    assert bool(matrix.num_params) == bool(declared.parameters)


@pytest.mark.parametrize("name", [*NAMES, "LowerTriangularMatrix"])
def test_every_parameter_has_a_meaning(name: str) -> None:
    declared = cov.declaration(name)
    for parameter in declared.example().param_names:
        stem = [piece for piece in parameter.split("_") if not piece.isdigit()]
        letters = ["_".join([*stem, *indices]) for indices in ([], ["i"], ["i", "j"], ["i", "k"])]
        assert any(declared.parameters.get(letter) for letter in letters), parameter
