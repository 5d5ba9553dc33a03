"""The command line as it is called: answers, exit codes, and one message for every problem."""

import json
import os
import re
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import covstudio
from covstudio.cli import INTERRUPTED, OK, PROBLEM, USAGE, main
from covstudio.data.examples import load_example
from covstudio.document.changes.all import RemoveNodes, SetFixed, SetParameters
from covstudio.document.files.templates import templates
from covstudio.document.files.write import dumps

ROOT = Path(__file__).parents[2]
JOHN_ALPHA = ROOT / "covstudio" / "data" / "examples" / "john_alpha.csv"
ESTIMATES = {"genotype/g/sigma^2": 0.142902, "block/g/sigma^2": 0.070218, "residual/sigma^2": 0.081617}
EFFECTS = {
    "(Intercept)": (4.518250, 0.145114),
    "rep[R2]": (0.297846, 0.173803),
    "rep[R3]": (-0.414046, 0.173803),
}


@pytest.fixture(scope="module")
def table():
    return load_example("john_alpha")


@pytest.fixture(scope="module")
def document(table):
    return templates()[0].document(table)


@pytest.fixture
def model(tmp_path, document):
    """A model saved without its table, its response and its fixed effects."""
    path = tmp_path / "model.json"
    path.write_text(dumps(replace(document, response=None, fixed_effects="1")), encoding="utf-8")
    return str(path)


@pytest.fixture
def full(tmp_path, document, table):
    """A model saved with everything."""
    path = tmp_path / "full.json"
    path.write_text(dumps(document, table), encoding="utf-8")
    return str(path)


@pytest.fixture
def run(capsys):
    """Run a command: its exit code, what it printed, and what it complained of."""

    def command(*words) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return command


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONIOENCODING": "utf-8", **more}


def shell(*words, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "covstudio", *map(str, words)],
        capture_output=True,
        encoding="utf-8",
        env=environment(),
        timeout=120,
        **options,
    )


def problem(result: tuple[int, str, str]) -> str:
    """The one message of a command that failed."""
    code, out, err = result
    assert code == PROBLEM
    assert out == ""
    assert "Traceback" not in err
    assert err.endswith("\n")
    return err


# ------------------------------------------------------------------ fit


def test_the_alpha_design_as_a_table(run, model):
    code, out, err = run("fit", model, JOHN_ALPHA, "--response", "yield", "--fixed", "1 + rep")
    assert (code, err) == (OK, "")
    rows = {match[1]: match[0] for match in re.finditer(r"^  (\S+) .*$", out, re.MULTILINE)}
    assert set(rows) == {*ESTIMATES, *EFFECTS, "rep", "Levels"}
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


# ------------------------------------------------------------------ problems with the input


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "The file is empty"),
        ("plot,rep,block,gen,yield\n", "nothing below it"),
        ("rep,block,gen,yield\nR1,B1,G1\n", "line 2 has 3"),
        ("rep;gen\nR1;G1\nR2;G2\n", "no column 'yield'"),
        ("rep,block,gen,Yield\nR1,B1,G1,4\n", "Did you mean 'Yield'"),
        (JOHN_ALPHA.read_text(encoding="utf-8").replace("4.1172", "lost"), "row 1 holds 'lost'"),
        ("rep,block,gen,yield\nR1,B1,G1,low\nR2,B1,G2,high\n", "holds text such as 'low'. Choose another"),
        (JOHN_ALPHA.read_text(encoding="utf-8").replace("R2", "R1").replace("R3", "R1"), "one level, 'R1'"),
        (b"rep,yield\nR\xe9,4\n", "not UTF-8"),
    ],
)
def test_tables_that_do_not_do(run, model, tmp_path, content, words):
    data = tmp_path / "bad.csv"
    data.write_bytes(content if isinstance(content, bytes) else content.encode())
    message = problem(run("fit", model, data, "--response", "yield", "--fixed", "1 + rep"))
    assert message.startswith("covstudio fit: ")
    assert message.count("\n") == 1
    assert words in message


def test_a_file_that_cannot_be_read_is_named(run, model, tmp_path):
    data = tmp_path / "bad.csv"
    data.write_text("", encoding="utf-8")
    assert problem(run("fit", model, data)).startswith(f"covstudio fit: {data}: The file is empty.")
    assert problem(run("export", model, "--data", data)).startswith(f"covstudio export: {data}: The file is")
    assert problem(run("fit", data, JOHN_ALPHA)).startswith(f"covstudio fit: {data}: The file is empty.")
    assert problem(run("fit", model, tmp_path / "none.csv")).count("none.csv") == 1


@pytest.mark.parametrize(
    ("fixed", "words"),
    [
        ("1 + block1", "no column 'block1'"),
        ("1 + log(yield)", "is the response"),
        ("1 + logarithm(rep)", "never evaluated as code"),
        ("__import__('os').system('true')", "never evaluated as code"),
        ("1 + yield", "is the response"),
        ("1 + rep + rep:gen:block", "72 rows"),
        ("", "is empty"),
    ],
)
def test_fixed_effects_that_do_not_do(run, model, fixed, words):
    assert words in problem(run("fit", model, JOHN_ALPHA, "--response", "yield", "--fixed", fixed))


def test_models_that_do_not_do(run, model, tmp_path):
    assert "names no response" in problem(run("fit", model, JOHN_ALPHA))
    assert "saved without its table" in problem(run("fit", model, "--response", "yield"))
    assert "There is no file" in problem(run("fit", tmp_path / "none.json", JOHN_ALPHA))
    assert "is a folder" in problem(run("fit", tmp_path, JOHN_ALPHA))
    assert "There is no file" in problem(run("fit", model, tmp_path / "none.csv", "--response", "yield"))
    for content in (
        "",
        "{",
        "[]",
        '{"covstudio": 99}',
        "rep,yield\nR1,4\n",
        '{"covstudio": 1, "model": NaN}',
    ):
        path = tmp_path / "bad.json"
        path.write_text(content, encoding="utf-8")
        assert len(problem(run("fit", path, JOHN_ALPHA))) > 40
        assert len(problem(run("export", path))) > 40


def test_a_model_with_an_empty_slot(run, document, table, tmp_path):
    genotype = document.named("genotype")
    path = tmp_path / "holes.json"
    path.write_text(dumps(RemoveNodes([genotype.children[-1]]).apply(document), table), encoding="utf-8")
    assert "genotype: " in problem(run("fit", path))
    program = tmp_path / "model.py"
    program.write_text("what was there before", encoding="utf-8")
    assert "genotype: " in problem(run("export", path, "-o", program))
    assert program.read_text(encoding="utf-8") == "what was there before"


def test_a_label_cannot_steer_the_terminal(run, full, tmp_path):
    data = tmp_path / "escape.csv"
    text = (
        JOHN_ALPHA.read_text(encoding="utf-8")
        .replace("R2", "R2\x1b[2J")
        .replace("yield", "<script>alert(1)</script>")
    )
    data.write_text(text, encoding="utf-8")
    code, out, _ = run("fit", full, data, "--response", "<script>alert(1)</script>")
    assert code == OK
    assert "\x1b" not in out
    assert "<script>alert(1)</script> ~ 1 + rep" in out
    assert "rep[R2\ufffd[2J]" in out


# ------------------------------------------------------------------ export


def test_the_exported_program_prints_the_same_fit(run, full, tmp_path):
    program = tmp_path / "model.py"
    code, out, err = run("export", full, "-o", program)
    assert (code, out) == (OK, "")
    assert str(program) in err
    source = program.read_text(encoding="utf-8")
    assert run("export", full)[1] == source
    printed = subprocess.run(
        [sys.executable, str(program), str(JOHN_ALPHA)],
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=120,
    ).stdout
    for value in ESTIMATES.values():
        assert f"{value:.4f}" in printed


def test_export_takes_the_table_from_beside_the_model(run, model):
    code, out, _ = run("export", model, "--data", JOHN_ALPHA)
    assert code == OK
    compile(out, "model.py", "exec")
    assert "G24" in out


# ------------------------------------------------------------------ the command itself


def test_version_and_help(run):
    code, out, err = run("--version")
    assert (code, out.strip(), err) == (OK, f"covstudio {covstudio.__version__}", "")
    code, out, err = run()
    assert code == USAGE
    assert "serve" in err
    assert "fit" in err
    assert "export" in err
    for command in ("serve", "fit", "export"):
        code, out, _ = run(command, "--help")
        assert code == OK
        assert "usage: covstudio" in out


@pytest.mark.parametrize(
    "words",
    [
        ["bake"],
        ["fit"],
        ["fit", "a.json", "b.csv", "c.csv"],
        ["fit", "a.json", "--max-iter", "0"],
        ["fit", "a.json", "--max-iter", "many"],
        ["fit", "a.json", "--resp", "yield"],
        ["serve", "--port", "70000"],
        ["serve", "--port", "-1"],
        ["serve", "--port", "http"],
        ["export"],
    ],
)
def test_commands_that_are_not_understood(run, words):
    code, out, err = run(*words)
    assert (code, out) == (USAGE, "")
    assert "usage: covstudio" in err


def test_serve_hands_its_options_on(run, monkeypatch):
    from covstudio.studio import page

    called = []
    monkeypatch.setattr(page, "serve", lambda **options: called.append(options))
    assert run("serve", "--port", "0", "--address", "0.0.0.0", "--open", "--origin", "host:80")[0] == OK
    assert called == [{"port": 0, "address": "0.0.0.0", "show": True, "origins": ["host:80"]}]
    called.clear()
    assert run("serve")[0] == OK
    assert called == [{"port": 5006, "address": "localhost", "show": False, "origins": []}]


def test_serve_ends_quietly_when_it_is_interrupted(run, monkeypatch):
    from covstudio.studio import page

    def interrupted(**options):
        raise KeyboardInterrupt

    monkeypatch.setattr(page, "serve", interrupted)
    assert run("serve") == (OK, "", "")


def test_a_fit_that_is_interrupted(run, full, monkeypatch):
    from covstudio import estimate

    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(estimate, "estimate", interrupted)
    assert run("fit", full) == (INTERRUPTED, "", "")


@pytest.mark.parametrize("workers", ["-1", "0", "many", "1e3", "²", "99999"])
def test_serve_says_when_the_number_of_workers_makes_no_sense(run, monkeypatch, workers):
    monkeypatch.setenv("COVSTUDIO_WORKERS", workers)
    message = problem(run("serve", "--port", "0"))
    assert f"COVSTUDIO_WORKERS is {workers!r}" in message
    assert "unset it" in message


def test_an_empty_number_of_workers_is_none(monkeypatch):
    from covstudio.studio.fit.pool import workers_wanted

    monkeypatch.delenv("COVSTUDIO_WORKERS", raising=False)
    usual = workers_wanted()
    monkeypatch.setenv("COVSTUDIO_WORKERS", " ")
    assert workers_wanted() == usual >= 2
    monkeypatch.setenv("COVSTUDIO_WORKERS", " 3 ")
    assert workers_wanted() == 3


def test_serve_says_when_the_address_is_of_another_machine(run):
    assert "0.0.0.0 for every machine" in problem(run("serve", "--address", "192.0.2.1"))


def test_serve_says_when_no_port_is_free(run, monkeypatch):
    from covstudio.studio.page import server

    monkeypatch.setattr(server, "PORTS_TRIED", 1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        message = problem(run("serve", "--port", port, "--address", "127.0.0.1"))
    assert str(port) in message
    assert "--port" in message


def test_as_a_module_and_through_a_pipe(full):
    result = shell("fit", full)
    assert result.returncode == OK
    assert "0.142902" in result.stdout
    result = shell("fit", full, "--fixed", "1 + nothing")
    assert (result.returncode, result.stdout) == (PROBLEM, "")
    assert "Traceback" not in result.stderr
    reader, writer = os.pipe()
    os.close(reader)
    closed = subprocess.run(
        [sys.executable, "-m", "covstudio", "fit", full], stdout=writer, stderr=subprocess.PIPE, timeout=120
    )
    os.close(writer)
    assert (closed.returncode, closed.stderr) == (OK, b"")


@pytest.mark.parametrize(
    ("words", "absent"),
    [
        (["--version"], ["pandas", "torch", "panel", "numpy"]),
        (["fit", "FULL", "--json"], ["panel", "holoviews", "bokeh"]),
        (["export", "FULL"], ["panel", "holoviews", "bokeh"]),
    ],
)
def test_what_a_command_does_not_load(full, words, absent):
    words = [full if word == "FULL" else word for word in words]
    code = (
        "import contextlib, io, sys; from covstudio.cli import main\n"
        f"with contextlib.redirect_stdout(io.StringIO()): code = main({words!r})\n"
        f"print(code, [name for name in {absent!r} if name in sys.modules])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert printed.stdout.strip() == "0 []"
