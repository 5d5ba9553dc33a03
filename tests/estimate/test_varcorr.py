"""Variances, SDs and correlations by name, with standard errors, in every place that shows a fit."""

import json
import math

import numpy as np
import pytest
import torch

from covstudio import fit, read_fit, report
from covstudio.cli import OK, main
from covstudio.covariance import (
    AR1Matrix,
    CovariancePropagation,
    DesignMatrix,
    DummyMatrix,
    KhatriRaoProduct,
    KroneckerProduct,
    ScalarMatrix,
    Sum,
    UnstructuredMatrix,
)
from covstudio.data.examples import load_example
from covstudio.document.files.templates import TEMPLATES
from covstudio.estimate import estimate, tables, varcorr
from covstudio.estimate.effects_shown import effects_text, shown_effects
from covstudio.reml import fit as fit_matrix

SLEEP = load_example("sleepstudy")
#: lme4: `as.data.frame(VarCorr(lmer(Reaction ~ Days + (Days | Subject), sleepstudy)))`.
LME4 = {
    ("Subject", "Intercept", ""): (612.1002, 24.74066),
    ("Subject", "Days", ""): (35.07171, 5.92214),
    ("Subject", "Intercept", "Days"): (9.604409, 0.06555124),
    ("residual", "", ""): (654.9400, 25.59180),
}


@pytest.fixture(scope="module")
def slopes():
    return fit("Reaction ~ Days + (Days | Subject)", SLEEP)


def restricted(point: np.ndarray) -> float:
    """The restricted log-likelihood up to a constant, at two SDs, their correlation and the residual SD."""
    intercept, slope, correlation, residual = point
    y, days = SLEEP.numbers("Reaction"), SLEEP.numbers("Days")
    subject = np.array(SLEEP.labels("Subject"))
    x = np.column_stack([np.ones(len(days)), days])
    crossed = correlation * intercept * slope * (days[:, None] + days)
    v = intercept**2 + crossed + slope**2 * np.outer(days, days)
    v = np.where(subject[:, None] == subject, v, 0.0) + residual**2 * np.eye(len(y))
    root = np.linalg.cholesky(v)
    white = np.linalg.solve(root, np.column_stack([x, y]))
    q, r = np.linalg.qr(white[:, :2])
    left = white[:, 2] - q @ (q.T @ white[:, 2])
    return float(-np.log(np.diag(root)).sum() - np.log(np.abs(np.diag(r))).sum() - left @ left / 2)


def test_sleepstudy_is_that_of_lme4(slopes) -> None:
    rows = slopes.varcorr.set_index(["term", "var1", "var2"])
    assert list(rows.index) == list(LME4)
    for name, (vcov, sdcor) in LME4.items():
        assert rows.loc[name, "vcov"] == pytest.approx(vcov, rel=1e-3)
        assert rows.loc[name, "sdcor"] == pytest.approx(sdcor, rel=1e-3)


def test_standard_errors_are_those_of_the_likelihood_in_these_numbers(slopes) -> None:
    """The inverse of its curvature by SDs and correlation themselves, found by differences of the density."""
    point, steps = slopes.varcorr["sdcor"].to_numpy(), np.diag([0.02, 0.005, 0.002, 0.02])
    curvature = np.array(
        [
            [
                restricted(point + first + second)
                - restricted(point + first - second)
                - restricted(point - first + second)
                + restricted(point - first - second)
                for second in steps
            ]
            for first in steps
        ]
    ) / (4.0 * np.outer(np.diag(steps), np.diag(steps)))
    errors = np.sqrt(np.diag(np.linalg.inv(-curvature)))
    assert slopes.varcorr["sdcor_standard_error"].tolist() == pytest.approx(errors.tolist(), rel=1e-4)
    # Of a variance: twice the standard deviation times that of it.
    single = slopes.varcorr[slopes.varcorr["var2"] == ""]
    expected = 2.0 * single["sdcor"] * single["sdcor_standard_error"]
    assert single["vcov_standard_error"].tolist() == pytest.approx(expected.tolist())


@pytest.mark.parametrize(
    ("formula", "options"),
    [
        ("distance ~ 1", {"random": "~ us(age_):Subject", "dialect": "asreml"}),
        ("distance ~ age", {"random": "~ age | Subject", "dialect": "nlme"}),
    ],
)
def test_what_other_systems_write_has_the_same_table(formula: str, options: dict[str, str]) -> None:
    frame = load_example("orthodont").frame.assign(age_=lambda rows: rows["age"].astype(int).astype(str))
    frame = frame.rename(columns={"subject": "Subject"})
    if "asreml" in options.values():
        options = {**options, "residual": "~ id(units)"}
    found = fit(formula, frame, **options)
    rows = found.varcorr
    pairs = rows[rows["var2"] != ""]
    assert len(pairs)
    assert (pairs["sdcor"].abs() <= 1.0).all()
    # The same number by an expression, with the delta method that derived quantities have.
    first = pairs.iloc[0]
    node = next(path for path in found.params if "L_0_0" in path).rsplit("/", 1)[0]
    told = found.derive(f"corr({node}, 0, 1)", f"cov({node}, 0, 1)")
    assert told["estimate"].tolist() == pytest.approx([first["sdcor"], first["vcov"]])
    wanted = [first["sdcor_standard_error"], first["vcov_standard_error"]]
    assert told["standard_error"].tolist() == pytest.approx(wanted, nan_ok=True)


def test_factor_analytic_effects_at_the_end_of_their_range() -> None:
    """Environments without specific variance are correlated by 1: a number that has no standard error."""
    table = load_example("besag_met")
    found = estimate(TEMPLATES["factor_analytic"].document(table), table)
    assert any("psi" in path for path in found.fit.boundary)
    rows = [row for row in found.varcorr if row.term == "genotype"]
    assert [row.var1 for row in rows if not row.var2] == ["C1", "C2", "C3", "C4", "C5", "C6"]
    one = [row for row in rows if row.var2 and abs(row.sdcor) > 1.0 - 1e-9]
    assert one
    assert all(math.isnan(row.sdcor_standard_error) for row in one)
    assert all(row.vcov_standard_error > 0.0 for row in rows)
    variances, correlations = shown_effects(found.varcorr)
    assert [row.name for row in variances][-2:] == ["genotype, C6", "block"]
    assert correlations[0].name == "genotype, C1 and C2"


def test_a_scale_beside_a_covariance_counts() -> None:
    """A variance times an unstructured matrix: the data do not tell them apart, and yet their product."""
    subject = SLEEP.labels("Subject")
    days = torch.as_tensor(SLEEP.numbers("Days"))
    z = KhatriRaoProduct(a=DummyMatrix(subject), b=DesignMatrix({"Days": days.tolist()}, intercept=True))
    y = torch.as_tensor(SLEEP.numbers("Reaction"))
    x = torch.stack([torch.ones_like(days), days], 1)
    g = KroneckerProduct(a=ScalarMatrix(18), b=UnstructuredMatrix(2))
    v = Sum(subject=CovariancePropagation(z=z, g=g), residual=ScalarMatrix(180))
    found = fit_matrix(v, y, x)
    assert any("sigma^2" in name for name in found.indistinct)
    rows = varcorr(v, found)
    assert rows["sdcor"].tolist() == pytest.approx([one for _, one in LME4.values()], rel=2e-3)
    assert rows["sdcor_standard_error"].tolist() == pytest.approx([5.836, 1.248, 0.325, 1.508], rel=2e-3)


def test_where_no_effects_are_correlated_the_parameters_say_it_all() -> None:
    found = fit("yield ~ rep + (1 | gen)", load_example("john_alpha"))
    assert len(found.varcorr) == 2
    assert effects_text(found.estimate.varcorr) == []
    assert "by name" not in repr(found) + found._repr_html_()
    assert "by name" not in report(found, pictures=()).html


def test_a_fit_that_did_not_converge_has_no_standard_errors() -> None:
    found = estimate(TEMPLATES["random_slopes"].document(SLEEP), SLEEP, max_iter=1)
    assert not found.fit.converged
    frame = tables(found)["varcorr"]
    assert frame["sdcor"].notna().all()
    assert frame["sdcor_standard_error"].isna().all()


def test_it_is_kept_with_the_fit_and_shown_wherever_it_is(slopes, tmp_path) -> None:
    slopes.save(tmp_path / "slopes.json")
    again = read_fit(tmp_path / "slopes.json")
    assert again.varcorr.equals(slopes.varcorr)
    lines = repr(again).splitlines()
    (days,) = (line.split() for line in lines if line.startswith("  Subject, Days"))
    assert days[2:] == ["35.0717", "14.7821", "5.92213", "1.24804"]
    html = again._repr_html_()
    for text in (
        "Variances by name",
        "Subject, Intercept and Days",
        "std. error of correlation",
        "0.0655513",
    ):
        assert text in html
    page = report(again, pictures=(), program=False).html
    for text in ("Correlations by name", "Subject, Intercept and Days", "0.0656", "24.74", "25.59"):
        assert text in page


def test_the_command_prints_it(tmp_path, capsys) -> None:
    path = tmp_path / "sleep.csv"
    path.write_text(SLEEP.to_csv(), encoding="utf-8")
    assert main(["fit", "Reaction ~ Days + (Days | Subject)", str(path)]) == OK
    lines = capsys.readouterr().out.splitlines()
    at = next(k for k, line in enumerate(lines) if line.startswith("Variances by name"))
    assert lines[at + 2].split()[-4:] == ["35.071660", "14.782062", "5.922133", "1.248035"]
    at = next(k for k, line in enumerate(lines) if line.startswith("Correlations by name"))
    assert lines[at + 1].split()[-2:] == ["0.065551", "0.325024"]
    assert main(["fit", "Reaction ~ Days + (Days | Subject)", str(path), "--json"]) == OK
    told = json.loads(capsys.readouterr().out)["varcorr"]
    assert [row["sdcor"] for row in told] == pytest.approx([one for _, one in LME4.values()], rel=1e-3)


def test_processes_and_fields_are_told_by_their_parameters() -> None:
    """A field of rows and columns, drawn as Z G Z' of small factors, has no table of its 25 places."""
    lines = [str(1 + k // 5) for k in range(25)] * 2
    rows = [str(1 + k % 5) for k in range(25)] * 2
    z = DummyMatrix(lines, rows, levels=[list("12345"), list("12345")])
    field = KroneckerProduct(a=AR1Matrix(5), b=AR1Matrix(5))
    y = torch.tensor([float((7 * k * k) % 13) for k in range(50)], dtype=torch.float64)
    v = Sum(field=CovariancePropagation(z=z, g=field), residual=ScalarMatrix(50))
    rows_of = varcorr(v, fit_matrix(v, y, torch.ones(50, 1), max_iter=1))
    assert rows_of["term"].tolist() == ["residual"]


def test_a_process_beside_a_covariance_of_levels_gives_its_variance() -> None:
    """Levels 0 and 1 with an AR(1) over five places each: their covariances at one place."""
    z = DummyMatrix(
        [str(k % 2) for k in range(20)], [str(k // 4) for k in range(20)], levels=[["0", "1"], list("01234")]
    )
    inner, along = UnstructuredMatrix(2), AR1Matrix(5)
    v = Sum(both=CovariancePropagation(z=z, g=KroneckerProduct(a=inner, b=along)), residual=ScalarMatrix(20))
    y = torch.tensor([float((5 * k * k) % 11) for k in range(20)], dtype=torch.float64)
    found = fit_matrix(v, y, torch.ones(20, 1), max_iter=2)
    values = torch.tensor([found.params[f"both/g/{name}"] for name in ("a/L_0_0", "a/L_1_0", "a/L_1_1")])
    root = torch.tensor([[values[0], 0.0], [values[1], values[2]]])
    wanted = (root @ root.mT * found.params["both/g/b/sigma^2"]).tolist()
    rows = varcorr(v, found).set_index(["term", "var1", "var2"])["vcov"]
    assert rows["both", "0", ""] == pytest.approx(wanted[0][0], rel=1e-6)
    assert rows["both", "1", ""] == pytest.approx(wanted[1][1], rel=1e-6)
    assert rows["both", "0", "1"] == pytest.approx(wanted[0][1], rel=1e-6)
