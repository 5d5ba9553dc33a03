"""The widget in JupyterLab: drawn, moved by the keyboard and by Python, no other host asked."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.studio.browser import awaited
from tests.studio.forking import Forked
from tests.studio.forking import run as start

CELLS = [
    """
import covstudio
from covstudio.covariance import AR1Matrix, ScalarMatrix, Sum
studio = covstudio.Studio(Sum(trend=AR1Matrix(8), noise=ScalarMatrix(8)))
studio
""",
    "print('theta', studio.theta.tolist())",
    """
import torch
studio.theta = torch.tensor([0.0, 1.0, -1.0])
print('rho', round(studio.document.nodes['n2'].values['rho'], 4))
""",
    "studio.matrix",
    "studio.matrix.plot(width=200)",
]
PATIENCE = 120.0
#: True if a cell has run, by the command of JupyterLab's own key. JupyterLab calls a kernel idle that it has
#: not started yet and forgets a cell that is run before: the kernel is asked first.
RUN = """async index => {
    const notebook = window.jupyterapp.shell.currentWidget;
    await notebook.context.ready;
    await notebook.sessionContext.ready;
    await notebook.sessionContext.session.kernel.info;
    const cell = notebook.content.widgets[index];
    notebook.content.activeCellIndex = index;
    notebook.content.deselectAll();
    await window.jupyterapp.commands.execute("notebook:run-cell");
    return cell.model.executionCount !== null;
}"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """The address of a notebook in a JupyterLab that nobody else uses."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [
        {
            "id": f"cell-{number}",
            "cell_type": "code",
            "source": source.strip(),
            "metadata": {},
            "execution_count": None,
            "outputs": [],
        }
        for number, source in enumerate(CELLS)
    ]
    content = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "studio.ipynb").write_text(json.dumps(content), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    own = {name: str(tmp_path / "jupyter") for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")}
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    words = ["jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    words += [
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={tmp_path}",
        "--LabApp.expose_app_in_browser=True",
    ]
    words += ["--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    # It imports Panel, for Panel's extension of it; the kernel is a Python of its own all the same.
    server = start(
        f"import runpy, sys; sys.argv = {words!r}\nrunpy.run_module('jupyterlab', run_name='__main__')",
        {**os.environ, **own, "PYTHONPATH": path},
    )
    said: list[str] = []
    reader = threading.Thread(target=lambda: said.extend(server.stdout or ()), daemon=True)
    reader.start()
    try:
        wait_for(f"http://localhost:{port}/api", server, said)
        yield f"http://localhost:{port}/lab/tree/studio.ipynb"
    finally:
        server.terminate()
        server.wait(timeout=PATIENCE)


def wait_for(url: str, server: Forked | subprocess.Popen[str], said: list[str]) -> None:
    """Wait until somebody answers there."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (urllib.error.URLError, TimeoutError):
            with suppress(subprocess.TimeoutExpired):
                server.wait(timeout=0.1)
                break  # it has ended
    raise RuntimeError(f"JupyterLab did not start:\n{''.join(said)}")


def run(page: Page, index: int) -> Locator:
    """Run a cell; what it gives."""
    assert awaited(page, RUN, index, patience=PATIENCE)
    return page.locator(".jp-Notebook .jp-CodeCell").nth(index).locator(".jp-OutputArea")


def test_the_widget_lives_in_a_notebook(page: Page, lab: str) -> None:
    page.goto(lab)
    page.wait_for_function(
        "() => window.jupyterapp?.shell.currentWidget?.sessionContext", timeout=PATIENCE * 1000
    )
    given = run(page, 0)
    expect(given.get_by_role("slider")).to_have_count(3)
    picture = given.get_by_role("img", name="Heatmap of V", exact=True).first
    expect(picture).to_be_visible()
    page.wait_for_function(
        "canvas => canvas.dataset.seq !== undefined", arg=picture.element_handle(), timeout=60_000
    )
    height = given.get_by_role("region", name="Model", exact=True).bounding_box()
    assert height is not None
    assert height["height"] > 200
    expect(given.get_by_role("button", name="Tidy up")).to_be_enabled()  # what lays out came over the line
    # A slider moves theta of the next cell.
    given.get_by_role("slider", name="σ² of trend").focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    expect(given.get_by_role("textbox", name="Value of σ² of trend")).not_to_have_value("1")
    expect(run(page, 1)).to_have_text(re.compile(r"theta \[0\.\d+, 0\.0, 0\.0\]"))
    # And theta of a cell moves the sliders and the pictures.
    before = picture.evaluate("canvas => canvas.toDataURL()")
    expect(run(page, 2)).to_contain_text("rho 0.4621")
    expect(given.get_by_role("textbox", name="Value of ρ of trend")).to_have_value("0.462117")
    picture.scroll_into_view_if_needed()  # what is out of sight is not painted
    page.wait_for_function(
        "([canvas, before]) => canvas.toDataURL() !== before", arg=[picture.element_handle(), before]
    )
    # A matrix shows V and its three slices, in the pictures for the theme that the notebook has.
    shown = run(page, 3)
    expect(shown.locator("img.cs-light")).to_have_count(4)
    expect(shown.locator("img.cs-light").first).to_be_visible()
    expect(shown.locator("img.cs-dark").first).to_be_hidden()
    # And its picture is drawn.
    expect(run(page, 4).locator(".bk-Figure canvas").first).to_be_visible(timeout=PATIENCE * 1000)
