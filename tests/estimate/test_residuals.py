"""Residuals to look at: in standard deviations, with the quantiles and the band that R gives."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from covstudio.data.examples import load_example
from covstudio.document.files.templates import templates
from covstudio.estimate import assemble, estimate
from covstudio.estimate.inferred import bound
from covstudio.estimate.residuals import band, choice, standardised
from covstudio.reml.inference import Residuals
from covstudio.studio.fit import results

TABLE = load_example("john_alpha")
DOCUMENT = templates()[0].document(TABLE)


@pytest.fixture(scope="module")
def found():
    return estimate(DOCUMENT, TABLE)


@pytest.fixture(scope="module")
def told(found):
    return bound(assemble(DOCUMENT, TABLE), found.fit).residuals


def test_a_fit_has_its_residuals_in_standard_deviations(found, told):
    residuals = found.inferred.residuals
    assert residuals.by == "studentised"
    np.testing.assert_allclose(residuals.value, told.conditional_studentised, rtol=1e-12)
    np.testing.assert_allclose(residuals.residual, found.fit.residuals, rtol=1e-12)
    assert np.all(np.diff(residuals.value[residuals.order]) >= 0)
    again = pickle.loads(pickle.dumps(residuals))
    np.testing.assert_array_equal(again.quantile, residuals.quantile)


def test_quantiles_are_those_of_qqnorm(found):
    residuals = found.inferred.residuals
    # qnorm(ppoints(72))[c(1, 36, 72)] of R 4.2
    expected = [-2.46012433756, -0.01740801997, 2.46012433756]
    np.testing.assert_allclose(residuals.quantile[residuals.order][[0, 35, 71]], expected, rtol=1e-9)


def test_few_residuals_have_the_quantiles_of_blom():
    residuals = standardised(_residuals([0.3, -1.0, 2.0, 0.1, 0.0]))
    # qnorm(ppoints(5)) of R 4.2
    expected = [-1.17976112, -0.49720057, 0.0, 0.49720057, 1.17976112]
    np.testing.assert_allclose(residuals.quantile[residuals.order], expected, atol=1e-8)


def test_the_band_is_of_each_rank_by_itself():
    around = band(np.array([1, 36, 72]), 72)
    # qnorm(qbeta(p, i, 73 - i)) of R 4.2 with p = 0.025 and 0.975
    np.testing.assert_allclose(around.lower, [-3.38834842, -0.30611875, 1.64539603], atol=1e-7)
    np.testing.assert_allclose(around.upper, [-1.64539603, 0.27124827, 3.38834842], atol=1e-7)


def test_pearson_residuals_stand_in_and_rows_without_any_are_left_out():
    nan = float("nan")
    residuals = standardised(_residuals([nan] * 3, pearson=[1.0, nan, -1.0]))
    assert residuals.by == "Pearson"
    assert residuals.order.tolist() == [2, 0]
    assert np.isnan(residuals.quantile).tolist() == [False, True, False]
    assert standardised(_residuals([nan] * 3, pearson=[nan] * 3)) is None


def test_the_ends_are_drawn_whole_and_the_rest_evenly():
    drawn = choice(100_000, 2000)
    assert len(set(drawn.tolist())) == 2000
    assert drawn[:250].tolist() == list(range(250))
    assert drawn[-250:].tolist() == list(range(99_750, 100_000))
    assert set(np.diff(drawn[250:-250])) <= {66, 67}


def test_the_page_is_told_how_many_there_are(found, monkeypatch):
    monkeypatch.setattr(results, "MAX_POINTS", 16)
    points = results.points(found)
    residuals = found.inferred.residuals
    assert (len(points.row), points.total) == (16, 72)
    assert points.row[0] == residuals.order[0] + 1
    assert points.fitted[0] == pytest.approx(residuals.fitted[residuals.order[0]], rel=1e-5)
    whole = results.Results(found, 0.1, "alpha")
    assert whole.file("residuals")[1].count("\n") == 1 + 72


def _residuals(studentised, pearson=None):
    import torch

    values = torch.tensor(studentised, dtype=torch.float64)
    other = values if pearson is None else torch.tensor(pearson, dtype=torch.float64)
    return Residuals(values, values, other, other, values, values, values, values)
