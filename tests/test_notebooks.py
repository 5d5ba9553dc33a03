"""The notebooks run from top to bottom, on this machine's installation.

Their cells run in IPython, as in a kernel, without the messages between kernel and page: `make notebooks` and
the studio's tests in JupyterLab go that way.
"""

import json
from pathlib import Path

import pytest

from tests.programs import run_program

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))

#: Runs the cells of a file, and writes what each has printed and the forms its result has into another.
RUN = """
import json, sys
from contextlib import redirect_stdout
from io import StringIO
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

class Kept(DisplayHook):
    forms = []
    def start_displayhook(self): pass
    def write_output_prompt(self): pass
    def write_format_data(self, format_dict, md_dict=None): self.forms.append(format_dict)
    def finish_displayhook(self): pass

InteractiveShell.displayhook_class = Kept
InteractiveShell.display_pub_class = CapturingDisplayPublisher
shell = InteractiveShell.instance()
found = []
for cell in json.load(open(sys.argv[1], encoding="utf-8")):
    Kept.forms, printed = [], StringIO()
    with redirect_stdout(printed):
        shell.run_cell(cell, store_history=True).raise_error()
    found.append([Kept.forms, printed.getvalue()])
with open(sys.argv[2], "w", encoding="utf-8") as file:
    json.dump(found, file, default=str)
"""


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_is_stored_with_the_outputs_it_gives(path, tmp_path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    cells = [cell for cell in cells if cell["cell_type"] == "code"]
    (tmp_path / "cells").write_text(json.dumps(["".join(cell["source"]) for cell in cells]), encoding="utf-8")
    done = run_program(RUN, tmp_path, ["cells", "found"])
    assert done.code == 0, done.stderr
    fresh = json.loads((tmp_path / "found").read_text(encoding="utf-8"))
    for cell, (forms, printed) in zip(cells, fresh, strict=True):
        stored = cell["outputs"]
        results = [output["data"] for output in stored if output["output_type"] == "execute_result"]
        assert [_text(form) for form in forms] == [_text(form) for form in results]
        streams = [output for output in stored if output["output_type"] == "stream"]
        assert printed == "".join("".join(one["text"]) for one in streams if one["name"] == "stdout")


def _text(forms):
    """The plain result of a cell; pictures carry ids that change at every run."""
    return "".join(forms["text/plain"]) if set(forms) <= {"text/plain", "text/html"} else None
