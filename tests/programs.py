"""Programs that tests run as somebody would: in a process, a folder and a `__main__` of their own.

The processes are forked from one that has imported what nearly every such program imports, where the system
can do that: torch alone takes seconds.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
CONTEXT = multiprocessing.get_context(METHOD)
CONTEXT.set_forkserver_preload(["covstudio.covariance", "covstudio.document", "covstudio.fitting"])

#: The begin of a program that is to have the copy of covstudio in its folder, in place of what was imported.
OF_ITS_FOLDER = """
import os, sys
sys.path.insert(0, os.getcwd())
for name in [name for name in sys.modules if name.partition(".")[0] == "covstudio"]:
    del sys.modules[name]
"""


@dataclass(frozen=True)
class Done:
    """What a program has left.

    Attributes:
        code: its exit status.
        stdout: what it printed.
        stderr: what it complained of.
    """

    code: int
    stdout: str
    stderr: str


def run_program(source: str, folder: Path, arguments: Sequence[str] = (), name: str = "program.py") -> Done:
    """Run a program from its source and wait for its end.

    Args:
        source: Python.
        folder: where it runs.
        arguments: what follows its name on the command line.
        name: what its file would be called.
    """
    files = [folder / ".stdout", folder / ".stderr"]
    process = CONTEXT.Process(target=_run, args=(source, folder, [name, *arguments], files))
    process.start()
    process.join()
    printed, complained = (file.read_text(encoding="utf-8") for file in files)
    for file in files:
        file.unlink()
    return Done(process.exitcode or 0, printed, complained)


def _run(source: str, folder: Path, words: list[str], files: list[Path]) -> None:
    os.chdir(folder)
    for number, file in enumerate(files, 1):
        to = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        os.dup2(to, number)
    sys.stdout, sys.stderr = os.fdopen(1, "w", encoding="utf-8"), os.fdopen(2, "w", encoding="utf-8")
    sys.argv = words
    code = 0
    try:
        exec(compile(source, words[0], "exec"), {"__name__": "__main__", "__file__": words[0]})
    except SystemExit as leave:
        code = leave.code if isinstance(leave.code, int) else int(leave.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
