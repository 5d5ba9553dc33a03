"""Execute the notebooks in place, all or those named, so that the outputs they are stored with are true."""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"

#: What brings the scripts of HoloViews' pictures: three megabytes, which whoever runs a notebook gets anew.
SCRIPTS = "application/vnd.holoviews_load.v0+json"


def execute(path: Path) -> None:
    """Execute a notebook, and store it with its outputs."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": FOLDER}}
    ).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # timings would change at every run
        if any(SCRIPTS in output.get("data", {}) for output in cell.get("outputs", ())):
            cell.outputs = [output for output in cell.outputs if output.output_type != "display_data"]
    nbformat.write(notebook, path)
    print(f"executed {path.name}")


def main(names: list[str]) -> None:
    """Execute the notebooks of these names, or all."""
    for path in [FOLDER / f"{name}.ipynb" for name in names] or sorted(FOLDER.glob("*.ipynb")):
        execute(path)


if __name__ == "__main__":
    main(sys.argv[1:])
