"""The job of the story tests, whatever the browser: its table, its model, its numbers, and what it leaves.

The John & Williams (1995) alpha design; the numbers are those of lme4 and ASReml.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from covstudio.data import load_example
from covstudio.document.build.build import build
from covstudio.document.files.write import loads
from tests.programs import run_program

VARIANCES = {"genotype/g/sigma^2": 0.142902, "block/g/sigma^2": 0.070218, "residual/sigma^2": 0.081617}
#: What the page calls the variances.
CALLED = ("genotype variance · σ²", "block variance · σ²", "residual · σ²")
FIXED = {
    "(Intercept)": (4.518250, 0.145114),
    "rep[R2]": (0.297846, 0.173803),
    "rep[R3]": (-0.414046, 0.173803),
}
#: The restricted log-likelihood, as it is printed.
LOGLIK = "46.5969"
TABLE = Path(__file__).parents[2] / "covstudio" / "data" / "examples" / "john_alpha.csv"

#: What is dragged from the palette, in order: title, the name it is given, what its output is wired into.
PIECES = [
    ("Sum", "model", ("V", "V")),
    ("Covariance propagation", "genotype", ("model", "1")),
    ("Factor design", "genotype labels", ("genotype", "z")),
    ("Scalar (variance components)", "genotype variance", ("genotype", "g")),
    ("Covariance propagation", "block", ("model", "2")),
    ("Factor design", "block labels", ("block", "z")),
    ("Scalar (variance components)", "block variance", ("block", "g")),
    ("Scalar (variance components)", "residual", ("model", "3")),
]

#: The columns that say which level of an incidence each plot has.
FACTORS = {"genotype labels": ["gen"], "block labels": ["rep", "block"]}


#: Runs `model.py` in a folder with arguments; what it prints.
Shell = Callable[..., str]


def plain(folder: Path, *arguments: str) -> str:
    """`python model.py ...` in a plain shell."""
    command = [sys.executable, "model.py", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def forked(folder: Path, *arguments: str) -> str:
    """The same in a process that need not import torch again."""
    source = (folder / "model.py").read_text(encoding="utf-8")
    done = run_program(source, folder, arguments, name="model.py")
    assert done.code == 0, done.stderr
    return done.stdout


def check_program(program: str, model: Path, folder: Path, run: Shell = plain) -> None:
    """`python model.py` prints the V that the screen shows, `python model.py john_alpha.csv` the fit.

    Args:
        program: as the studio gives it.
        model: the file that the studio saved.
        folder: where it is run.
        run: how it is run for the fit.
    """
    (folder / "model.py").write_text(program, encoding="utf-8")
    shutil.copy(TABLE, folder / "john_alpha.csv")
    document, table = loads(model.read_text(encoding="utf-8"))
    built = build(document, table if table is not None else load_example("john_alpha"))
    assert built.v is not None
    assert document.v is not None
    natural = built.naturals(document.v, document)
    transforms = built.v.param_trans.values()
    theta = [transform.inverse(value) for transform, value in zip(transforms, natural, strict=True)]
    expected = built.v(natural.new_tensor(theta)).numpy()

    # Another Python takes seconds to start: that the program needs nothing of this one, its fit shows.
    lines = forked(folder).splitlines()
    printed = np.array([[float(entry) for entry in line.split(",")] for line in lines])
    np.testing.assert_allclose(printed, expected, rtol=1e-12, atol=1e-12)

    report = run(folder, "john_alpha.csv")
    numbers = {
        line.split()[0]: [float(entry) for entry in line.split()[1:3]]
        for line in report.splitlines()
        if len(line.split()) >= 3 and line.split()[0] in VARIANCES | FIXED
    }
    for name, value in VARIANCES.items():
        assert numbers[name][0] == pytest.approx(value, abs=1e-6)
    for name, pair in FIXED.items():
        assert numbers[name] == pytest.approx(pair, abs=1e-6)
    assert f"-{LOGLIK}" in report
