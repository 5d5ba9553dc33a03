"""The contract on what a call leaves behind: results are those of a matrix that was never called."""

from __future__ import annotations

import math

import torch

from tests.covariance.contract.case import Case, close, contract, slices_close


@contract
def results_do_not_depend_on_what_was_asked_before(case: Case) -> None:
    matrix = case.make()
    first, second = case.thetas(3)[1:]
    for theta in (first, second, first.float(), first):
        precision = 1e-14 if theta.dtype == torch.float64 else 1e-6
        fresh = case.make()
        fresh.disable_cache()
        value, (grad, names) = fresh(theta), fresh.grad(theta)
        for _ in range(2):
            point = theta.clone()
            ours = matrix(point)
            close(ours, value, precision)
            # Whoever is given V, or has given theta, may write to it.
            ours.fill_(math.nan)
            slices, ours_names = matrix.grad(theta)
            assert ours_names == names
            slices_close(slices, grad, precision)
            point.fill_(math.nan)
            if slices is not None:
                slices.fill_(math.nan)
