"""Profile likelihoods and tests of terms, asked for in the fit view."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from covstudio.document.files.write import dumps
from tests.studio.browser import Studio, row
from tests.studio.long_fits import many_times, with_field

BLOCK = "block variance · σ²"


def test_a_variance_is_profiled_on_demand(alpha: Studio) -> None:
    results = alpha.fit()
    components = results.get_by_role("region", name="Variance components")
    ask = components.get_by_role("button", name=f"Profile {BLOCK}")
    ask.focus()
    ask.press("Enter")
    interval = components.get_by_role("button", name=f"Profile interval of {BLOCK}: 0.0183 to 0.199")
    expect(interval).to_be_visible(timeout=60_000)
    expect(interval).to_be_focused()
    expect(interval).to_have_attribute("aria-expanded", "true")
    curve = components.get_by_role("img", name=f"Profile log-likelihood of {BLOCK}")
    expect(curve).to_have_attribute("aria-label", re.compile("from 0.0183 to 0.199$"))
    expect(curve).to_be_visible()
    assert row(components, BLOCK)[3:] == ["0.0243", "0.203", "0.0183 to 0.199"]
    interval.press("Enter")
    expect(curve).to_have_count(0)

    components.get_by_role("button", name="Profile all").click()
    expect(components.get_by_role("button", name="Profile interval of residual · σ²")).to_be_visible(
        timeout=60_000
    )
    expect(components.get_by_role("button", name="Profile all")).to_have_count(0)
    with alpha.page.expect_download() as started:
        results.get_by_role("button", name="Download Variance components as csv").click()
    saved = list(csv.DictReader(io.StringIO(started.value.path().read_text(encoding="utf-8"))))
    assert [one["profile_upper"][:5] for one in saved if one["parameter"] == BLOCK] == ["0.198"]

    # Another fit has no profiles yet.
    alpha.fit()
    expect(components.get_by_role("button", name=f"Profile {BLOCK}")).to_be_visible()


def test_terms_of_v_are_tested(alpha: Studio) -> None:
    results = alpha.fit()
    section = results.get_by_role("region", name="Tests of terms of V")
    expect(section).to_contain_text("mixture of chi-squares")
    section.get_by_role("button", name="Test block", exact=True).click()
    against = "½ χ²(0) + ½ χ²(1)"
    expect(section.get_by_text(against)).to_be_visible(timeout=60_000)
    cells = section.get_by_role("row").filter(has_text="block").get_by_role("cell").all_inner_texts()
    assert cells == ["block\nlog-likelihood without it −50.90", f"8.61\n{against}", "0.002"]
    section.get_by_role("button", name="Test genotype", exact=True).click()
    expect(section.get_by_text("< 0.001")).to_be_visible(timeout=60_000)
    # The model is as it was, and nothing of this is a step to undo.
    expect(alpha.button("Undo")).to_have_attribute("aria-description", re.compile("^Undo: Fit"))
    with alpha.page.expect_download() as started:
        results.get_by_role("button", name="Download all").click()
    with zipfile.ZipFile(started.value.path()) as archive:
        (first, _) = csv.DictReader(io.StringIO(archive.read("variance_tests.csv").decode()))
    assert (first["term"], first["LR"][:5], first["boundary"]) == ("genotype", "23.61", "1")


@pytest.fixture
def slow_model(tmp_path: Path) -> Path:
    """The trial six times over with a field that no engine takes apart: refits that take a while each."""
    table = many_times(6, "six")
    path = tmp_path / "six.json"
    path.write_text(dumps(with_field(table, "ExponentialMatrix"), table), encoding="utf-8")
    return path


def test_what_is_under_way_is_cancelled_and_nothing_is_lost(studio: Studio, slow_model: Path) -> None:
    studio.page.get_by_label("Open a model file").set_input_files(slow_model)
    expect(studio.state()).to_contain_text("V 432 × 432")
    results = studio.fit()
    components = results.get_by_role("region", name="Variance components")
    components.get_by_role("button", name="Profile all").click()
    status = components.get_by_role("status")
    expect(status).to_contain_text(re.compile(r"^Profiling genotype variance · σ² \(1 of 5\), \d+ refit"))
    terms = results.get_by_role("region", name="Tests of terms of V")
    expect(terms.get_by_role("button", name="Test all")).to_be_disabled()
    status.get_by_role("button", name="Cancel profiling").click()
    expect(status).to_have_count(0)
    expect(components.get_by_role("button", name="Profile residual · σ²")).to_be_enabled()
    expect(results.get_by_role("region", name="Summary")).to_contain_text("Converged")
    expect(terms.get_by_role("button", name="Test all")).to_be_enabled()
