"""What a design is expected to tell, against 500 fits of responses drawn from it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from covstudio.covariance import DummyMatrix, ScalarMatrix, Sum
from covstudio.data import design_matrix
from covstudio.design import Expected, alpha, missing, repeated_measures
from covstudio.reml import Inference, fit
from tests.design.design_cases import effects

FITS = 500


def normal(rows, seed):
    """Standard normal numbers, (rows, FITS)."""
    rng = torch.Generator().manual_seed(seed)
    return torch.randn((rows, FITS), dtype=torch.float64, generator=rng)


@pytest.mark.long
def test_estimates_and_predictions_of_an_alpha_design_spread_as_expected():
    table = alpha(60, 3, 6, seed=1)
    genotypes = DummyMatrix(table.frame["treatment"])
    v = Sum(
        genotype=effects(table.frame["treatment"]),
        block=effects(table.frame["replicate"], table.frame["block"]),
        residual=ScalarMatrix(table.n),
    )
    design = design_matrix(table, "1 + replicate")
    told = Expected(v, design, {"genotype": 1.0, "block": 0.6, "residual": 1.2})
    expected = told.parameters().entries
    blocks = DummyMatrix(table.frame["replicate"], table.frame["block"], drop_empty_cols=True)
    u = normal(60, 11)
    b = math.sqrt(0.6) * normal(blocks.shape[1], 12)
    e = math.sqrt(1.2) * normal(table.n, 13)
    fits = [fit(v, y, design.x) for y in (genotypes().double() @ u + blocks().double() @ b + e).T]

    found = np.array([list(one.params.values()) for one in fits])
    errors = np.array([one.standard_error for one in expected])
    # A standard deviation of 500 has a standard error of 3.2 %; the normal approximation its own few.
    assert np.abs(found.std(axis=0, ddof=1) / errors - 1.0).max() < 0.1
    assert (np.abs(found.mean(axis=0) - [1.0, 0.6, 1.2]) < 3.0 * errors / math.sqrt(FITS)).all()

    away = torch.stack([one.blups["genotype"].blup for one in fits], dim=1) - u
    # The mean square of all differences is twice the variance about the mean.
    squared = 2.0 * float(away.var(dim=0).mean())
    assert squared == pytest.approx(told.random_effects()["genotype"].mean_variance_of_difference, rel=0.05)


@pytest.mark.long
def test_power_in_repeated_measures_is_the_share_that_is_found():
    """Two treatments, subjects of which some times are missing."""
    table = missing(repeated_measures(24, 5, ["placebo", "drug"], seed=5), 0.1, seed=6)
    v = Sum(subject=effects(table.frame["subject"]), residual=ScalarMatrix(table.n))
    design = design_matrix(table, "1 + treatment")
    told = Expected(v, design, {"subject": 0.8, "residual": 1.0})
    size = told.detectable(design.names[1], 0.6)
    power = told.power(design.names[1], size).power
    assert power == pytest.approx(0.6, abs=1e-6)
    with torch.no_grad():
        factor = torch.linalg.cholesky(v.evaluate(torch.tensor([0.8, 1.0], dtype=torch.float64)))
    mean = design.x @ torch.tensor([1.0, size], dtype=torch.float64)
    found = 0
    for y in (mean[:, None] + factor @ normal(table.n, 14)).T:
        inference = Inference(fit(v, y, design.x), v, y, design.x, information="average")
        found += inference.contrast([0.0, 1.0]).p_value < 0.05
    share = found / FITS
    assert abs(share - power) < 2.0 * math.sqrt(share * (1.0 - share) / FITS), share
