"""`covstudio fit` as it is called: estimates, tables, options and exit codes."""

import json
import re

import pytest

from covstudio.cli import OK, PROBLEM
from covstudio.document.changes.all import SetFixed, SetParameters
from covstudio.document.files.write import dumps
from tests.cli.cli_cases import EFFECTS, ESTIMATES, JOHN_ALPHA, problem


def test_the_alpha_design_as_a_table(run, model):
    code, out, err = run("fit", model, JOHN_ALPHA, "--response", "yield", "--fixed", "1 + rep")
    assert (code, err) == (OK, "")
    rows = {match[1]: match[0] for match in re.finditer(r"^  (\S+) .*$", out, re.MULTILINE)}
    assert set(rows) == {*ESTIMATES, *EFFECTS, "rep", "Levels", "Standard"}
    assert rows["Standard"] == "  Standard errors from the observed information"
    assert rows["Levels"] == "  Levels are compared with rep R1"
    for name, value in ESTIMATES.items():
        assert rows[name].split()[1] == f"{value:.6f}"
    for name, (value, error) in EFFECTS.items():
        assert rows[name].split()[1:3] == [f"{value:.6f}", f"{error:.6f}"]
    assert rows["rep[R3]"].split()[3:] == ["11.8", "-2.38", "0.035"]
    assert rows["rep"].split()[1:] == ["8.46", "2", "11.8", "0.005"]
    assert rows["block/g/sigma^2"].split()[3:] == ["0.0243", "to", "0.203"]
    assert "yield ~ 1 + rep, john_alpha.csv, 72 rows" in out
    assert "log-likelihood -46.5969   AIC 105.1938" in out
    assert "converged" in out.lower()
    assert all(line == line.rstrip() for line in out.splitlines())


def test_the_alpha_design_as_json(run, model):
    code, out, _ = run("fit", model, JOHN_ALPHA, "--response", "yield", "--fixed", "1 + rep", "--json")
    assert code == OK
    found = json.loads(out, parse_constant=pytest.fail)
    assert (found["n"], found["p"], found["converged"], found["boundary"]) == (72, 3, True, [])
    assert found["loglik"] == pytest.approx(-46.596910, abs=1e-6)
    assert found["kernel_loglik"] == pytest.approx(16.809849, abs=1e-6)
    components = {row["parameter"]: row["estimate"] for row in found["variance_components"]}
    assert components == pytest.approx(ESTIMATES, abs=5e-7)
    effects = {row["effect"]: (row["estimate"], row["standard_error"]) for row in found["fixed_effects"]}
    assert list(effects) == list(EFFECTS)
    for name, expected in EFFECTS.items():
        assert effects[name] == pytest.approx(expected, abs=5e-7)
    assert len([row for row in found["blups"] if row["term"] == "genotype"]) == 24


def test_a_model_saved_with_its_table_needs_no_more(run, full):
    code, out, err = run("fit", full)
    assert (code, err) == (OK, "")
    assert "0.142902" in out


def test_predicted_random_effects(run, full):
    out = run("fit", full, "--blups")[1]
    assert "Random effects of genotype" in out
    assert re.search(r"^  G24 +-?\d", out, re.MULTILINE)
    assert "Random effects" not in run("fit", full)[1]


def test_the_method_and_derived_quantities_can_be_given(run, full):
    asked = ("--derive", "h2 = genotype / (genotype + residual)", "--derive", "genotype / gone")
    out = run("fit", full, *asked)[1]
    assert re.search(r"^  h2 +0\.636480 +0\.105723 +0\.429 to 0\.844$", out, re.MULTILINE)
    assert "there is no" in out.lower() or "expected a number, a name" in out.lower()
    found = json.loads(run("fit", full, "--method", "ML", "--json", *asked)[1])
    assert found["method"] == "ML"
    assert found["loglik"] == pytest.approx(-43.330380, abs=1e-5)
    assert found["derived"][0]["estimate"] == pytest.approx(0.627779, abs=1e-5)
    assert found["derived"][1]["estimate"] is None


def test_fixed_effects_are_tested_and_chosen_as_asked(run, full):
    found = json.loads(run("fit", full, "--degrees", "kenward-roger", "--json")[1])
    assert found["degrees_of_freedom"] == "Kenward-Roger"
    assert found["fixed_effects"][1]["df"] == pytest.approx(12.5321, abs=1e-4)  # Satterthwaite: 11.7551
    assert "Wald tests (Kenward-Roger)" in run("fit", full, "--degrees", "kenward-roger")[1]
    assert "'row' is a multiple" in problem(run("fit", full, "--fixed", "1 + plot + row"))
    code, out, _ = run("fit", full, "--fixed", "1 + plot + row", "--drop-dependent")
    assert code == OK
    assert "Left out of the fixed effects, depending on others: 'row'." in out


def test_profiles_and_tests_of_terms_are_found_on_request(run, full):
    out = run("fit", full, "--profile", "--test-terms")[1]
    block = r"^  block/g/sigma\^2 +0\.070218 +0\.037969 +0\.0243 to 0\.203 +0\.0183 to 0\.199$"
    assert re.search(block, out, re.MULTILINE)
    assert re.search(r"^  block +8\.61 +½ χ²\(0\) \+ ½ χ²\(1\) +0\.002$", out, re.MULTILINE)
    found = json.loads(run("fit", full, "--test-terms", "--json")[1])
    assert [test["term"] for test in found["variance_tests"]] == ["genotype", "block"]
    assert "profile_lower" not in found["variance_components"][0]
    assert "Without a term" not in run("fit", full)[1]


def test_iterations_go_to_standard_error(run, full):
    code, out, err = run("fit", full, "--verbose", "--json")
    assert code == OK
    json.loads(out)
    values = [float(value) for value in re.findall(r"log-likelihood (-?[\d.]+)", err)]
    assert len(values) > 2
    assert values == sorted(values)


def test_the_response_may_stand_in_the_formula(run, model):
    assert "0.142902" in run("fit", model, JOHN_ALPHA, "--fixed", "yield ~ 1 + rep")[1]
    message = problem(run("fit", model, JOHN_ALPHA, "--fixed", "yield ~ 1 + rep", "--response", "row"))
    assert "--fixed explains 'yield' and --response is 'row'" in message


def test_columns_can_be_given_a_role(run, full):
    factor = json.loads(run("fit", full, "--fixed", "1 + rep", "--factor", "rep", "--json")[1])
    assert factor["p"] == 3
    covariate = json.loads(run("fit", full, "--fixed", "1 + row", "--covariate", "row", "--json")[1])
    assert [row["effect"] for row in covariate["fixed_effects"]] == ["(Intercept)", "row"]
    assert "72" in problem(run("fit", full, "--fixed", "1 + row", "--factor", "row"))
    assert "should hold numbers" in problem(run("fit", full, "--fixed", "1 + rep", "--covariate", "rep"))
    assert "both as --factor and as --covariate" in problem(
        run("fit", full, "--factor", "rep", "--covariate", "rep")
    )


def test_missing_responses_are_dropped_and_counted(run, model, tmp_path):
    lines = JOHN_ALPHA.read_text(encoding="utf-8").splitlines()
    for place, mark in ((3, "NA"), (10, ""), (11, "*")):
        fields = lines[place].split(",")
        lines[place] = ",".join([*fields[:4], mark, *fields[5:]])
    data = tmp_path / "missing.csv"
    data.write_text("\n".join(lines), encoding="utf-8")
    code, out, _ = run("fit", model, data, "--response", "yield", "--fixed", "1 + rep")
    assert code == OK
    assert "69 rows" in out
    assert "Note: 3 of 72 rows were dropped: 3 have no 'yield'." in out
    assert "Note: Column 'yield': 1 cell with '*' is read as missing." in out


def test_a_variance_of_zero_is_named(run, full, tmp_path, table):
    columns = table.to_columns()
    # Residuals alternate within every block: its mean varies less than independent plots would make it.
    columns["yield"] = [4 + (-1) ** row + 0.01 * (row % 7) for row in range(72)]
    data = tmp_path / "flat.csv"
    data.write_text(type(table).from_columns(columns, "flat").to_csv(), encoding="utf-8")
    found = json.loads(run("fit", full, data, "--json")[1])
    assert "block/g/sigma^2" in found["boundary"]
    zero = next(row for row in found["variance_components"] if row["parameter"] == "block/g/sigma^2")
    assert (zero["estimate"], zero["standard_error"]) == (0.0, None)
    assert "At the end of their range:" in run("fit", full, data)[1]


def test_a_fixed_parameter_stays_where_it_is(run, document, table, tmp_path):
    residual = document.named("residual").id
    changed = SetParameters({(residual, "sigma^2"): 0.1}).apply(document)
    changed = SetFixed(residual, "sigma^2", True).apply(changed)
    path = tmp_path / "fixed.json"
    path.write_text(dumps(changed, table), encoding="utf-8")
    row = next(line for line in run("fit", path)[1].splitlines() if "residual/sigma^2" in line)
    assert row.split() == ["residual/sigma^2", "0.100000", "-", "-", "fixed"]


def test_too_few_iterations_are_an_error_that_shows_what_was_reached(run, full):
    code, out, err = run("fit", full, "--max-iter", "1")
    assert code == PROBLEM
    assert "genotype/g/sigma^2" in out
    assert "did not converge" in err
