"""Run the library's tests as other processors would: by other instruction sets, in one thread and in two.

A sum comes out with other last digits where a library adds in another order, and which order that is depends
on the processor, on how many threads share the work, and on settings that let one machine behave like
another: MKL_CBWR for torch's matrix products and factors, ATEN_CPU_CAPABILITY for what torch does entry by
entry, and OPENBLAS_CORETYPE for numpy and scipy, which goes along with the first.

`make test` is the run without settings, in one thread. The runs here and that one have, together, every
setting of MKL with one thread and with two, and every setting of ATen with one and with two; `--all` runs all
combinations.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import torch

ROOT = Path(__file__).parents[1]
LIBRARY = ("tests", "covstudio", "--ignore=tests/studio", "--ignore=covstudio/studio", "-m", "not browser")
SETTINGS = ("MKL_CBWR", "ATEN_CPU_CAPABILITY", "OPENBLAS_CORETYPE")

MKL = (None, "COMPATIBLE", "AVX2")
ATEN = ("default", "avx2", "avx512")
THREADS = (1, 2)
OPENBLAS = {"COMPATIBLE": "PRESCOTT", "AVX2": "HASWELL"}


class Run(NamedTuple):
    """One way to run the tests; None leaves the choice to the library."""

    mkl: str | None
    aten: str | None
    threads: int

    def environment(self) -> dict[str, str]:
        """The environment of this process, with these settings and no others."""
        inherited = {key: value for key, value in os.environ.items() if key not in SETTINGS}
        values = (self.mkl, self.aten, OPENBLAS.get(self.mkl or ""))
        chosen = {key: value for key, value in zip(SETTINGS, values, strict=True) if value}
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(self.threads))
        # Threads that wait let others compute: there are more of them than processors.
        return inherited | chosen | threads | {"OMP_WAIT_POLICY": "passive"}

    def __str__(self) -> str:
        return f"MKL_CBWR={self.mkl or ''} ATEN_CPU_CAPABILITY={self.aten or ''} threads={self.threads}"


COVERING = (
    Run(None, "default", 2),
    Run("COMPATIBLE", "avx2", 1),
    Run("COMPATIBLE", "avx512", 2),
    Run("AVX2", "default", 1),
    Run("AVX2", "avx2", 2),
)
EVERY = tuple(itertools.starmap(Run, itertools.product(MKL, ATEN, THREADS)))


def possible(run: Run) -> Run:
    """This run, or, where the processor has no such instructions, the one with the best that it has."""
    best = torch.backends.cpu.get_cpu_capability().lower()
    if run.aten and (best not in ATEN or ATEN.index(run.aten) > ATEN.index(best)):
        return run._replace(aten=None)
    return run


def main(arguments: list[str] | None = None) -> int:
    """Run the tests once for each combination; 1 if any run failed.

    Args:
        arguments: the command line's; what is not known goes to pytest, in the place of the library's tests.
    """
    parser = argparse.ArgumentParser(description="Run the library's tests as other processors would.")
    parser.add_argument("--all", action="store_true", help="every combination, not a set that covers")
    parser.add_argument("--workers", default="2", help="processes side by side in each run")
    options, for_pytest = parser.parse_known_args(arguments)
    runs = dict.fromkeys(possible(run) for run in (EVERY if options.all else COVERING))
    workers = ("--numprocesses", options.workers, "--dist", "worksteal")
    command = [sys.executable, "-m", "pytest", "-q", *workers, *(for_pytest or LIBRARY)]
    failed = []
    for run in runs:
        print(f"\n=== {run}", flush=True)
        if subprocess.run(command, cwd=ROOT, env=run.environment()).returncode:
            failed.append(run)
    print(f"\n{len(runs) - len(failed)} of {len(runs)} runs passed", *failed, sep="\n  failed: ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
