"""The notebooks run from top to bottom, on this machine's installation."""

from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_is_stored_with_the_outputs_it_gives(path, tmp_path):
    import nbformat  # takes seconds, which every process would pay that only collects this test
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    stored = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    fresh = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    assert [_text(outputs) for outputs in fresh] == [_text(outputs) for outputs in stored]


def _text(outputs):
    """The plain results of a cell; pictures carry ids that change at every run."""
    return [
        output["data"]["text/plain"]
        for output in outputs
        if output.output_type == "execute_result" and set(output["data"]) <= {"text/plain", "text/html"}
    ] + [
        output["text"] for output in outputs if output.output_type == "stream" and output["name"] == "stdout"
    ]
