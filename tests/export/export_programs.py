"""Making documents, and running the programs that they are exported to."""

import multiprocessing
import os
import runpy
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


#: Programs start from a process that has imported, and done nothing else: as fresh as by a plain `python
#: model.py`, which takes two seconds to import torch (that way goes the story in `tests/studio`).
STARTING = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
STARTING.set_forkserver_preload(["covstudio.estimate", __name__])


def run(source, folder, *arguments):
    """What a program prints, run in a fresh process in an empty folder."""
    (folder / "model.py").write_text(source, encoding="utf-8")
    said = [folder / "stdout", folder / "stderr"]
    process = STARTING.Process(target=_as_a_script, args=(folder, arguments, said))
    process.start()
    process.join(120)
    assert process.exitcode is not None, "the program does not end"
    return subprocess.CompletedProcess(
        ["model.py", *arguments], process.exitcode, *(path.read_text(encoding="utf-8") for path in said)
    )


def _as_a_script(folder, arguments, said):
    for stream, path in zip((sys.stdout, sys.stderr), said, strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream.fileno())
        stream.reconfigure(encoding="utf-8")
    os.chdir(folder)
    sys.argv = ["model.py", *arguments]
    runpy.run_path("model.py", run_name="__main__")


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
