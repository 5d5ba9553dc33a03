"""Making documents, and running the programs that they are exported to."""

import os
import subprocess
import sys

import torch

from covstudio.document.build.build import build
from covstudio.document.changes.all import AddNode, Batch
from covstudio.document.model.document import Document


def add(kind, parent=None, slot=None, name=None, **arguments):
    return AddNode(kind, name=name, arguments=arguments, connect=None if parent is None else (parent, slot))


def after(*changes, start=None):
    return Batch(changes).apply(Document() if start is None else start)


def run(source, folder, *arguments):
    """What a program prints, run in a fresh process in an empty folder."""
    (folder / "model.py").write_text(source, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "model.py", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    return done


def printed_v(source, folder):
    done = run(source, folder)
    assert done.returncode == 0, done.stderr
    rows = [[float(entry) for entry in line.split(",")] for line in done.stdout.splitlines()]
    return torch.tensor(rows, dtype=torch.float64)


def executed_v(source):
    """V of a program, in this process."""
    space = {"__name__": "exported"}
    before = torch.get_default_dtype()
    try:
        exec(compile(source, "model.py", "exec"), space)
        v = space["covariance"](*(space[name] for name in ("LABELS", "NUMBERS", "ROWS") if name in space))
        for name, value in space["VALUES"].items():
            v.set_param_specs(name, value=value)
        return v()
    finally:
        torch.set_default_dtype(before)


def expected_v(document, table=None):
    built = build(document, table)
    assert built.v is not None, built.problems
    return built.v.evaluate(built.naturals("V", document))
