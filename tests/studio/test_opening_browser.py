"""A model that is opened, as a person sees it: how far it is, and that cancelling leaves what was there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from benchmarks.trials import many_nodes
from covstudio.document.files.write import dumps
from tests.studio.browser import Studio
from tests.studio.serving import served

#: Nodes of the model: with so many, what is done with it is said.
NODES = 60
#: Has the server stop in the middle of building until a file is there.
HOLD = """
import pathlib, time
from covstudio.studio.page import appbar
made_ready = appbar.made_ready
def held(tables, document, table, told):
    def waiting(done, of):
        told(done, of)
        if 2 * done >= of:
            while not pathlib.Path({go!r}).exists():
                told(done, of)
                time.sleep(0.01)
    return made_ready(tables, document, table, waiting)
appbar.made_ready = held
"""


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the server waits for."""
    return tmp_path_factory.mktemp("opening") / "go"


@pytest.fixture(scope="module")
def own_url(go: Path) -> Iterator[str]:
    with served(HOLD.format(go=str(go)), fits=False) as url:
        yield url


def file() -> FilePayload:
    """A model of many nodes, with its table."""
    store = many_nodes(NODES)
    content = dumps(store.document, store.table).encode()
    return {"name": "many.json", "mimeType": "application/json", "buffer": content}


def test_a_model_says_how_far_it_is_built_and_cancelling_leaves_what_was_there(
    page: Page, own_url: str, go: Path
) -> None:
    studio = Studio(page, own_url).open("model")
    nodes = studio.nodes().count()
    assert nodes
    opening = page.get_by_role("group", name="Opening")
    with studio.choosing(file()):
        page.get_by_role("button", name="Open", exact=True).click()
    expect(opening.get_by_role("status")).to_have_text("Building many.json…")
    expect(opening.get_by_role("progressbar", name="Building many.json")).to_have_attribute(
        "aria-valuenow", "50"
    )
    opening.get_by_role("button", name="Cancel").click()
    expect(opening).to_have_count(0)
    expect(studio.nodes()).to_have_count(nodes)
    go.touch()
    with studio.choosing(file()):
        page.get_by_role("button", name="Open", exact=True).click()
    expect(studio.notice("Opened")).to_be_visible()
    expect(opening).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(studio.nodes()).to_have_count(nodes)
