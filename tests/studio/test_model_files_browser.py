"""Models as files in a real Chromium: saved, opened, and what cannot be opened."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from playwright.sync_api import Page, WebSocketRoute, expect

from covstudio.document.changes.all import ReplaceDocument
from covstudio.document.files.templates import templates
from covstudio.studio.session.store import Store
from tests.studio.browser import ALPHA, Studio


def test_save_open_and_what_cannot_be_opened(alpha: Studio, tmp_path: Path) -> None:
    page = alpha.page
    with page.expect_download() as saving:
        page.keyboard.press("Control+s")
    saved = tmp_path / saving.value.suggested_filename
    saving.value.save_as(saved)
    assert saved.name == f"{ALPHA}.covstudio.json"
    content = json.loads(saved.read_text(encoding="utf-8"))
    assert content["covstudio"] == 1
    assert (
        len(next(iter(content["data"]["columns"].values()))) == 72
        if "columns" in content["data"]
        else content["data"]
    )

    alpha.forgotten()
    expect(alpha.nodes()).to_have_count(1)
    field = page.get_by_label("Open a model file")
    broken = tmp_path / "broken.json"
    broken.write_text('{"covstudio": 99}', encoding="utf-8")
    field.set_input_files(broken)
    expect(page.get_by_role("alert")).to_be_visible()
    expect(alpha.nodes()).to_have_count(1)
    image = tmp_path / "image.json"
    image.write_bytes(b"\x89PNG\r\n\x1a\n\xff")
    field.set_input_files(image)
    expect(alpha.notice("not a text file")).to_be_visible()

    field.set_input_files(saved)
    expect(alpha.node("genotype")).to_be_visible()
    expect(alpha.state()).to_contain_text("V 72 × 72 · 3 parameters")
    expect(alpha.show("Data").get_by_text("72 rows × 7 columns")).to_be_visible()
    alpha.button("Undo").click()
    expect(alpha.nodes()).to_have_count(1)


def test_ctrl_o_asks_for_a_file_and_opens_it(studio: Studio, tmp_path: Path) -> None:
    store = Store()
    store.dispatch(ReplaceDocument(templates()[0].document(None)))
    path = tmp_path / "model.json"
    path.write_text(store.save_text(), encoding="utf-8")
    with studio.choosing(path):
        studio.page.keyboard.press("Control+o")
    expect(studio.node("genotype")).to_be_visible()


def test_ctrl_o_asks_for_a_file_while_the_server_says_nothing(page: Page, server_url: str) -> None:
    silent = threading.Event()

    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(lambda message: None if silent.is_set() else server.send(message))
        server.on_message(lambda message: None if silent.is_set() else socket.send(message))

    page.route_web_socket("**", between)
    studio = Studio(page, server_url).open()
    silent.set()
    with studio.choosing({"name": "model.json", "mimeType": "application/json", "buffer": b"{}"}):
        page.keyboard.press("Control+o")
