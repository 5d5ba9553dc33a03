"""The contract on values, shapes and objects: promises, precision, repetition, threads, copies."""

from __future__ import annotations

import copy
import math
import pickle
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

from covstudio.covariance import Evaluation
from covstudio.covariance.core.rows import Rows
from covstudio.covariance.core.rowwise import RowEvaluation
from tests.covariance.contract.case import Case, close, contract, finite, slices_close


@contract
def shape_is_known_before_the_value(case: Case) -> None:
    matrix = case.make()
    shape = matrix.shape
    assert isinstance(shape, tuple)
    assert all(isinstance(size, int) and size > 0 for size in shape)
    for theta in case.thetas(3):
        assert tuple(matrix(theta).shape) == shape
    assert matrix.shape == shape


@contract
def promised_covariances_are_symmetric_and_positive_semi_definite(case: Case) -> None:
    matrix = case.make()
    if not matrix.psd:
        return
    assert matrix.shape[0] == matrix.shape[1]
    for theta in [*case.thetas(12), *case.thetas(12, spread=3.0)[1:]]:
        value = matrix(theta)
        finite(value)
        close(value, value.mT, 1e-15)
        eigenvalues = torch.linalg.eigvalsh(value)
        assert float(eigenvalues[0]) >= -1e-12 * float(eigenvalues[-1]), eigenvalues


@contract
def promised_definite_covariances_have_a_cholesky_factor(case: Case) -> None:
    matrix = case.make()
    if not matrix.positive_definite:
        return
    assert matrix.psd
    for theta in case.thetas(12):
        finite(torch.linalg.cholesky(matrix(theta)))


@contract
def all_ways_to_give_parameters_agree(case: Case) -> None:
    matrix = case.make()
    defaults = matrix.free_param_defaults
    value, (grad, names) = matrix(), matrix.grad()
    for params in (defaults, matrix.to_param_dict(defaults)):
        assert torch.equal(matrix(params), value)
        assert torch.equal(matrix.map_theta_to_v(params), value)
        other, other_names = matrix.grad(params)
        assert other_names == names
        assert (other is None and grad is None) or torch.equal(other, grad)
    slices = matrix.map_theta_to_dv(defaults)
    assert (slices is None and grad is None) or torch.equal(slices, grad)
    for theta in case.thetas(3):
        named = dict(reversed(matrix.to_param_dict(theta).items()))
        assert torch.equal(matrix(named), matrix(theta))


@contract
def calls_neither_remember_nor_share(case: Case) -> None:
    matrix = case.make()
    thetas = case.thetas(4)
    expected = []
    for theta in thetas:
        fresh = case.make()
        expected.append((fresh(theta), fresh.grad(theta)[0]))
    for order in ([0, 1, 2, 3], [3, 1, 0, 2, 2, 0], [1, 1, 3, 0]):
        for k in order:
            before = thetas[k].clone()
            grad = matrix.grad(thetas[k])[0]
            value = matrix(thetas[k])
            assert torch.equal(value, expected[k][0])
            assert (grad is None and expected[k][1] is None) or torch.equal(grad, expected[k][1])
            assert torch.equal(thetas[k], before)
            # What a caller does to a result is his own affair.
            value.fill_(math.nan)
            if grad is not None:
                grad.fill_(math.nan)


@contract
def threads_do_not_disturb_one_another(case: Case) -> None:
    matrix = case.make()
    thetas = case.thetas(8)
    expected = [(matrix(theta), matrix.grad(theta)[0]) for theta in thetas]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda theta: (matrix(theta), matrix.grad(theta)[0]), thetas * 3))
    for (value, grad), (other, slices) in zip(found, expected * 3, strict=True):
        assert torch.equal(value, other)
        assert (grad is None and slices is None) or torch.equal(grad, slices)


@contract
def precision_is_kept(case: Case) -> None:
    matrix = case.make()
    assert matrix().dtype == matrix.free_param_defaults.dtype
    for theta in case.thetas(4, spread=0.5):
        value, (grad, _) = matrix(theta), matrix.grad(theta)
        assert value.dtype == torch.float64
        single, (slices, _) = matrix(theta.float()), matrix.grad(theta.float())
        assert single.dtype == torch.float32
        close(single.double(), value, 2e-5)
        automatic, _ = matrix.auto_grad(theta.float())
        for jacobian in (slices, automatic):
            if grad is not None:
                assert jacobian is not None
                assert jacobian.dtype == torch.float32
                slices_close(jacobian.double(), grad, 5e-5)


@contract
def intermediates_belong_to_exact_parameters(case: Case) -> None:
    matrix = case.make()
    first, second = case.thetas(2)
    matrix.set_intermediates(first, "kept")
    if not len(first):
        assert matrix.get_intermediates(first) is None
        return
    assert matrix.get_intermediates(first.clone()) == "kept"
    assert matrix.get_intermediates(matrix.to_param_dict(first)) == "kept"
    assert matrix.get_intermediates(second) is None
    assert matrix.get_intermediates(first.float()) is None
    nearly = first.clone()
    nearly[0] = torch.nextafter(nearly[0], torch.tensor(math.inf, dtype=torch.float64))
    assert matrix.get_intermediates(nearly) is None
    matrix.reset_intermediates()
    assert matrix.get_intermediates(first) is None


@contract
def representation_is_readable(case: Case) -> None:
    matrix = case.make()
    text = repr(matrix)
    lines = text.split("\n")
    assert lines[0] == f"{type(matrix).__name__}("
    assert lines[-1] == ")"
    assert all(line.startswith("  ") for line in lines[1:-1])
    assert " object at 0x" not in text
    assert str(matrix.shape) in text
    assert isinstance(matrix.repr_dict, dict)
    assert matrix.repr_dict["shape"] == matrix.shape


@contract
def copies_are_independent(case: Case) -> None:
    matrix = case.make()
    theta = case.thetas(2)[1]
    copies = [copy.deepcopy(matrix)]
    if case.picklable:
        copies.append(pickle.loads(pickle.dumps(matrix)))
    for other in copies:
        assert torch.equal(other(theta), matrix(theta))
        assert repr(other) == repr(matrix)
        for name in other.free_param_names:
            other.set_param_specs(name, fixed=True)
    assert matrix.fixed_param_names == case.make().fixed_param_names


def rows_agree(rows: Rows, matrix: Tensor) -> None:
    """The rows are those of the matrix, and so is what is known of its blocks."""
    assert torch.equal(rows.whole(), matrix)
    found = rows.extremes(2)
    for extreme, known in zip((torch.amin, torch.amax), found or (), strict=False):
        lines = torch.stack([extreme(one, 0) for one in matrix.split(2)])
        assert torch.equal(known, torch.stack([extreme(one, 1) for one in lines.split(2, 1)], 1))


@contract
def incremental_evaluation_agrees(case: Case) -> None:
    matrix = case.make()
    evaluation, by_rows = Evaluation(), RowEvaluation(small=0)
    thetas = case.thetas(3)
    points = [*thetas, thetas[0]]
    for k in range(len(thetas[0])):
        moved = points[-1].clone()
        moved[k] += 0.25
        points.append(moved)
    for theta in points:
        natural = matrix.build_params(theta)
        close(evaluation.value(matrix, natural), matrix(theta), 1e-14)
        rows_agree(by_rows.rows(matrix, natural), evaluation.value(matrix, natural))
        grad, names = matrix.grad(theta)
        plain, _ = matrix.natural_grad(theta)
        for k, name in enumerate(names):
            slice_k = evaluation.slice(matrix, natural, name, scale="natural")
            close(slice_k, plain[k], 1e-13)
            rows_agree(by_rows.rows(matrix, natural, name), slice_k)
            raw = evaluation.slice(matrix, natural, name)
            assert float((raw - grad[k]).abs().max()) <= 1e-9 * (1 + float(grad[k].abs().max()))
