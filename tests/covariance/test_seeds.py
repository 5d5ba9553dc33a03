"""Every worked example of torch-openreml's public documentation of these classes, to the printed digits.

Pages: torch_openreml.covariance.Matrix, Sum, HadamardProduct, CovariancePropagation, and the source page of
operator_kronecker_product (whose examples print nothing: they are computed here by an independent formula).

One printed result is not reproduced: the gradient of CovariancePropagation shows one summed slice three
times. The rule stated above it, dV = Z dG Z', is what is tested.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from covstudio.covariance import (
    AR1Matrix,
    CovariancePropagation,
    DiagonalMatrix,
    DummyMatrix,
    EquicorrelationMatrix,
    HadamardProduct,
    KroneckerProduct,
    Matrix,
    ScalarMatrix,
    Sum,
    TransformExpPow2,
)


def printed(actual: Tensor | None, expected: list) -> None:
    """The tensor agrees with digits printed to four decimals."""
    assert actual is not None
    assert actual.dtype == torch.float32
    assert actual.shape == torch.tensor(expected).shape
    np.testing.assert_allclose(actual.numpy(), np.array(expected), rtol=0, atol=5.05e-5)


# -- Matrix ----------------------------------------------------------------------------------------


@pytest.fixture
def diagonal() -> DiagonalMatrix:
    return DiagonalMatrix(3)


@pytest.fixture
def params() -> Tensor:
    return torch.tensor([0.0, 0.5, 1.0])


def test_matrix_trans_params(diagonal: DiagonalMatrix, params: Tensor) -> None:
    printed(diagonal.trans_params(params), [1.0000, 2.7183, 7.3891])


def test_matrix_trans_grad(diagonal: DiagonalMatrix, params: Tensor) -> None:
    printed(diagonal.trans_grad(params), [2.0000, 5.4366, 14.7781])


def test_matrix_intermediates(diagonal: DiagonalMatrix, params: Tensor) -> None:
    sigma2 = diagonal.trans_params(params)
    diagonal.set_intermediates(params, {"sigma2": sigma2})
    kept = diagonal.get_intermediates(params)
    assert list(kept) == ["sigma2"]
    printed(kept["sigma2"], [1.0000, 2.7183, 7.3891])
    diagonal.reset_intermediates()
    assert diagonal.get_intermediates(params) is None


def test_matrix_set_no_grad(diagonal: DiagonalMatrix) -> None:
    diagonal.set_no_grad(index=0)
    assert diagonal.no_grad_index == [0]
    grad, names = diagonal.grad(torch.zeros(3))
    printed(
        grad,
        [
            [[0.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 0.0]],
            [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 2.0]],
        ],
    )
    assert names == ["sigma^2_1", "sigma^2_2"]


def test_matrix_from_param_dict(diagonal: DiagonalMatrix) -> None:
    param_dict = {
        "sigma^2_0": torch.tensor([0.0]),
        "sigma^2_1": torch.tensor([0.5]),
        "sigma^2_2": torch.tensor([1.0]),
    }
    assert torch.equal(diagonal.from_param_dict(param_dict), torch.tensor([0.0000, 0.5000, 1.0000]))


def test_matrix_to_param_dict(diagonal: DiagonalMatrix, params: Tensor) -> None:
    shown = repr(diagonal.to_param_dict(params))
    assert shown == "{'sigma^2_0': tensor([0.]), 'sigma^2_1': tensor([0.5000]), 'sigma^2_2': tensor([1.])}"


@pytest.mark.parametrize("method", ["grad", "auto_grad", "manual_grad"])
def test_matrix_grad(method: str) -> None:
    grad, names = getattr(DiagonalMatrix(2), method)(torch.tensor([0.0, 0.5]))
    printed(grad, [[[2.0000, 0.0000], [0.0000, 0.0000]], [[0.0000, 0.0000], [0.0000, 5.4366]]])
    assert names == ["sigma^2_0", "sigma^2_1"]


def test_matrix_for_reml(diagonal: DiagonalMatrix, params: Tensor) -> None:
    assert torch.equal(diagonal.map_theta_to_v(params), diagonal(params))
    assert torch.equal(diagonal.map_theta_to_dv(params), diagonal.grad(params)[0])
    diagonal.set_no_grad(index=[0, 1, 2])
    assert diagonal.map_theta_to_dv(params) is None
    assert diagonal.grad(params) == (None, [])
    assert diagonal.check_params(params) == (torch.device("cpu"), torch.float32)


class Older(Matrix):
    """A structure as the documentation of Matrix tells to write one: names, transforms and __call__."""

    def __init__(self, n: int, trans: list | None = None, no_grad_index: list[int] | None = None) -> None:
        super().__init__((n, n), [f"sigma^2_{i}" for i in range(n)], trans, no_grad_index)

    def __call__(self, params: Tensor | dict[str, Tensor] | None = None) -> Tensor:
        params = self.from_param_dict(params)
        self.check_params(params)
        return torch.diag(self.trans_params(params))


def test_matrix_in_the_older_style(diagonal: DiagonalMatrix, params: Tensor) -> None:
    # One transform is broadcast to all parameters.
    older = Older(3, [TransformExpPow2()], no_grad_index=[1])
    assert older.param_names == diagonal.param_names
    assert older.num_params == 3
    assert older.no_grad_index == [1]
    assert torch.equal(older(params), diagonal(params))
    printed(older.trans_params(params), [1.0000, 2.7183, 7.3891])
    grad, names = older.grad(params)
    expected, _ = diagonal.grad(params)
    assert names == ["sigma^2_0", "sigma^2_2"]
    torch.testing.assert_close(grad, expected[[0, 2]])
    with pytest.raises(NotImplementedError):
        older.manual_grad(params)
    torch.testing.assert_close(Older(3)(params), torch.diag(params))


def test_matrix_refuses_what_its_documentation_refuses(diagonal: DiagonalMatrix, params: Tensor) -> None:
    with pytest.raises(TypeError):
        Matrix((3, 3), ["a"])  # type: ignore[abstract]
    with pytest.raises(TypeError):
        diagonal.check_params([0.0, 0.5, 1.0])  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        diagonal(torch.zeros(2))
    with pytest.raises(ValueError):
        diagonal(torch.zeros((3, 1)))
    with pytest.raises(ValueError):
        diagonal.from_param_dict({"sigma^2_0": torch.zeros(1)})
    with pytest.raises(ValueError):
        diagonal.to_param_dict(torch.zeros(2))
    with pytest.raises(ValueError):
        diagonal.set_no_grad()
    with pytest.raises(ValueError):
        diagonal.set_no_grad(index=0, param_name="sigma^2_0")
    with pytest.raises(ValueError):
        diagonal.set_no_grad(index=3)
    with pytest.raises(KeyError):
        diagonal.set_no_grad(param_name="rho")
    diagonal.grad_mode = "numeric"
    with pytest.raises(RuntimeError):
        diagonal.grad(params)


class Refused(Older):
    """Passes any declaration on, to see it refused."""

    def __init__(self, names: object, trans: object = None, no_grad_index: object = None) -> None:
        Matrix.__init__(self, (2, 2), names, trans, no_grad_index)  # type: ignore[arg-type]


def test_matrix_refuses_declarations() -> None:
    with pytest.raises(TypeError):
        Refused([1, 2])
    with pytest.raises(TypeError):
        Refused(["a", "b"], [torch.exp, torch.exp])
    with pytest.raises(ValueError):
        Refused(["a", "a"])
    with pytest.raises(ValueError):
        Refused(["a", "b"], None, [2])


# -- Sum -------------------------------------------------------------------------------------------


def test_sum() -> None:
    op = Sum(time=AR1Matrix(4), noise=ScalarMatrix(4))
    free_params = torch.tensor([0.5, 1.0, 1.0])
    printed(
        op(free_params),
        [
            [10.1073, 1.2562, 0.5805, 0.2683],
            [1.2562, 10.1073, 1.2562, 0.5805],
            [0.5805, 1.2562, 10.1073, 1.2562],
            [0.2683, 0.5805, 1.2562, 10.1073],
        ],
    )


def test_sum_manual_grad() -> None:
    op = Sum(time=AR1Matrix(4), noise=ScalarMatrix(4))
    grad, grad_names = op.manual_grad(torch.tensor([0.5, 1.0, 1.0]))
    printed(
        grad,
        [
            [
                [5.4366, 2.5123, 1.1610, 0.5365],
                [2.5123, 5.4366, 2.5123, 1.1610],
                [1.1610, 2.5123, 5.4366, 2.5123],
                [0.5365, 1.1610, 2.5123, 5.4366],
            ],
            [
                [0.0000, 1.0689, 0.9879, 0.6848],
                [1.0689, 0.0000, 1.0689, 0.9879],
                [0.9879, 1.0689, 0.0000, 1.0689],
                [0.6848, 0.9879, 1.0689, 0.0000],
            ],
            [
                [14.7781, 0.0000, 0.0000, 0.0000],
                [0.0000, 14.7781, 0.0000, 0.0000],
                [0.0000, 0.0000, 14.7781, 0.0000],
                [0.0000, 0.0000, 0.0000, 14.7781],
            ],
        ],
    )
    assert grad_names == ["time/sigma^2", "time/rho", "noise/sigma^2"]


# -- HadamardProduct -------------------------------------------------------------------------------


def test_hadamard_product() -> None:
    op = HadamardProduct(a=EquicorrelationMatrix(4), b=torch.tensor([5.0]))
    printed(
        op(torch.tensor([1.0])),
        [
            [5.0000, 3.2071, 3.2071, 3.2071],
            [3.2071, 5.0000, 3.2071, 3.2071],
            [3.2071, 3.2071, 5.0000, 3.2071],
            [3.2071, 3.2071, 3.2071, 5.0000],
        ],
    )


def test_hadamard_product_manual_grad() -> None:
    op = HadamardProduct(a=EquicorrelationMatrix(4), b=torch.tensor([5.0]))
    grad, grad_names = op.manual_grad(torch.tensor([1.0]))
    printed(
        grad,
        [
            [
                [0.0000, 1.3107, 1.3107, 1.3107],
                [1.3107, 0.0000, 1.3107, 1.3107],
                [1.3107, 1.3107, 0.0000, 1.3107],
                [1.3107, 1.3107, 1.3107, 0.0000],
            ]
        ],
    )
    assert grad_names == ["a/rho"]


# -- CovariancePropagation -------------------------------------------------------------------------

Z = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]


def propagation() -> CovariancePropagation:
    return CovariancePropagation(z=DummyMatrix(["a", "b", "c", "a"]), g=DiagonalMatrix(3))


def test_dummy_matrix() -> None:
    printed(DummyMatrix(["a", "b", "c", "a"])(), Z)


def test_covariance_propagation(params: Tensor) -> None:
    printed(
        propagation()(params),
        [
            [1.0000, 0.0000, 0.0000, 1.0000],
            [0.0000, 2.7183, 0.0000, 0.0000],
            [0.0000, 0.0000, 7.3891, 0.0000],
            [1.0000, 0.0000, 0.0000, 1.0000],
        ],
    )


def test_covariance_propagation_manual_grad(params: Tensor) -> None:
    grad, grad_names = propagation().manual_grad(params)
    assert grad_names == ["g/sigma^2_0", "g/sigma^2_1", "g/sigma^2_2"]
    z = np.array(Z)
    slices = []
    for k, slope in enumerate([2.0000, 5.4366, 14.7781]):
        inner = np.zeros((3, 3))
        inner[k, k] = slope
        slices.append((z @ inner @ z.T).tolist())
    printed(grad, slices)
    # The page prints the sum of these slices three times over.
    printed(
        grad.sum(0),
        [
            [2.0000, 0.0000, 0.0000, 2.0000],
            [0.0000, 5.4366, 0.0000, 0.0000],
            [0.0000, 0.0000, 14.7781, 0.0000],
            [2.0000, 0.0000, 0.0000, 2.0000],
        ],
    )


# -- KroneckerProduct ------------------------------------------------------------------------------


def test_kronecker_product() -> None:
    op = KroneckerProduct(time=AR1Matrix(2), subject=ScalarMatrix(2))
    params = torch.tensor([1.0, 1.0, 1.0])
    rho, scale = math.tanh(0.5), math.exp(2.0)  # 2 sigmoid(x) - 1 = tanh(x / 2)
    correlation = np.array([[1.0, rho], [rho, 1.0]])
    expected = scale * scale * np.kron(correlation, np.eye(2))
    np.testing.assert_allclose(op(params).numpy(), expected, rtol=1e-6)

    grad, grad_names = op.manual_grad(params)
    assert grad_names == ["time/sigma^2", "time/rho", "subject/sigma^2"]
    slope = (1 - rho**2) / 2
    off_diagonal = np.array([[0.0, 1.0], [1.0, 0.0]])
    np.testing.assert_allclose(grad[0].numpy(), 2 * expected, rtol=1e-6)
    np.testing.assert_allclose(
        grad[1].numpy(), slope * scale * scale * np.kron(off_diagonal, np.eye(2)), rtol=2e-6
    )
    np.testing.assert_allclose(grad[2].numpy(), 2 * expected, rtol=1e-6)


@pytest.mark.parametrize("operator", [KroneckerProduct, HadamardProduct, CovariancePropagation, Sum])
def test_operators_refuse_one_operand(operator: type[Matrix]) -> None:
    with pytest.raises(ValueError):
        operator(ScalarMatrix(2))  # type: ignore[call-arg]
