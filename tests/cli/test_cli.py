"""The command itself: export, help, options that are not understood, serving and what is loaded."""

import os
import socket
import subprocess
import sys

import pytest

import covstudio
from covstudio.cli import INTERRUPTED, OK, PROBLEM, USAGE
from tests.cli.cli_cases import ESTIMATES, JOHN_ALPHA, problem
from tests.programs import run_program

# ------------------------------------------------------------------ export


def test_the_exported_program_prints_the_same_fit(run, full, tmp_path):
    program = tmp_path / "model.py"
    code, out, err = run("export", full, "-o", program)
    assert (code, out) == (OK, "")
    assert str(program) in err
    source = program.read_text(encoding="utf-8")
    assert run("export", full)[1] == source
    printed = run_program(source, tmp_path, [str(JOHN_ALPHA)]).stdout
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


#: What `python -m covstudio` does.
MODULE = "import runpy; runpy.run_module('covstudio', run_name='__main__')"


def test_as_a_module_and_through_a_pipe(full, tmp_path):
    done = run_program(MODULE, tmp_path, ["fit", full])
    assert done.code == OK
    assert "0.142902" in done.stdout
    done = run_program(MODULE, tmp_path, ["fit", full, "--fixed", "1 + nothing"])
    assert (done.code, done.stdout) == (PROBLEM, "")
    assert "Traceback" not in done.stderr
    reader, writer = os.pipe()
    os.close(reader)
    closed = subprocess.run(
        [sys.executable, "-m", "covstudio", "fit", full], stdout=writer, stderr=subprocess.PIPE, timeout=120
    )
    os.close(writer)
    assert (closed.returncode, closed.stderr) == (OK, b"")


def look(words, absent) -> str:
    """A program that runs a command and prints its exit code and which of some packages it has loaded."""
    return (
        "import contextlib, io, sys; from covstudio.cli import main\n"
        f"with contextlib.redirect_stdout(io.StringIO()): code = main({words!r})\n"
        f"print(code, [name for name in {absent!r} if name in sys.modules])"
    )


def test_the_version_loads_nothing():
    code = look(["--version"], ["pandas", "torch", "panel", "numpy"])
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert printed.stdout.strip() == "0 []"


@pytest.mark.parametrize("words", [["fit", "--json"], ["export"]], ids=lambda words: words[0])
def test_a_command_does_not_load_the_app(full, words, tmp_path):
    code = look([*words, full], ["panel", "holoviews", "bokeh"])
    assert run_program(code, tmp_path).stdout.strip() == "0 []"
