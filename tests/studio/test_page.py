"""Serving the page: ports, addresses, both ways to start it."""

from __future__ import annotations

import gzip
import os
import re
import signal
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.error import HTTPError

import pytest

from benchmarks import canvas_pace
from covstudio.studio.page.page import Page
from covstudio.studio.page.server import PORTS_TRIED, free_port
from covstudio.studio.root import Root
from covstudio.studio.session.tabs import TABS
from tests.studio.forking import run

ROOT = Path(__file__).parents[2]
PATIENCE = 180.0
#: A server of a test starts no more workers than it needs.
ONE_WORKER = {**os.environ, "COVSTUDIO_WORKERS": "1"}


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with closing(socket.socket()) as listening:
        listening.bind(("localhost", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_a_port_in_use_gives_the_next_free_one(taken: int) -> None:
    found = free_port(taken, "localhost")
    assert taken < found < taken + PORTS_TRIED


def test_any_free_port_can_be_asked_for() -> None:
    assert free_port(0, "localhost") > 0


def test_no_free_port_says_what_to_do(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("covstudio.studio.page.server.PORTS_TRIED", 1)
    with pytest.raises(OSError, match=f"Ports {taken} to {taken} are all in use on localhost.*--port"):
        free_port(taken, "localhost")


def test_the_last_port_of_all_is_no_accident() -> None:
    with closing(socket.socket()) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("localhost", 65_535))
        except OSError:
            pytest.skip("somebody else has the port")
        listening.listen()
        with pytest.raises(OSError, match=r"Ports 65535 to 65535 are all in use on localhost\..*--port 5006"):
            free_port(65_535, "localhost")


@pytest.mark.parametrize("address", ["192.0.2.1", "no.such.host.invalid", "2001:db8::1"])
def test_an_address_of_another_machine_is_refused(address: str) -> None:
    with pytest.raises(OSError, match=f"cannot listen on '{re.escape(address)}'.*Take localhost"):
        free_port(0, address)


def test_views_that_nobody_opened_are_not_built() -> None:
    page = Page()
    try:
        assert list(page.views) == ["inspector"]
        assert page.root.inspector
        places = dict(zip(TABS.names(), page.root.tabs, strict=True))
        assert [name for name, place in places.items() if len(place)] == []
    finally:
        page.close()


def test_the_first_page_loads_little_of_ours(server_url: str) -> None:
    bundle = Root._component_resource_path(Root._bundle_path, True)
    loaded = [get(f"{server_url}/{address}").encode() for address in ("", bundle)]
    assert loaded[1].rstrip().endswith(b" as render};")
    assert sum(map(len, loaded)) < canvas_pace.LOADED[0]
    assert sum(len(gzip.compress(body)) for body in loaded) < canvas_pace.LOADED[1]


def get(url: str) -> str:
    """The page that a server gives."""
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        text: str = answer.read().decode("utf-8")
        return text


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot send Ctrl-C to one process")
def test_the_server_names_its_address_and_ends_with_its_workers(taken: int) -> None:
    code = f"from covstudio.studio.page import serve; serve(port={taken})"
    server = run(code, ONE_WORKER, workers=True)
    assert server.stdout is not None
    try:
        # Another process may hold the next one, too.
        said = re.fullmatch(rf"Port {taken} is in use; taking (\d+)\.\n", server.stdout.readline())
        assert said is not None
        assert taken < int(said[1]) < taken + PORTS_TRIED
        line = server.stdout.readline()
        assert line == f"covstudio is at http://localhost:{said[1]}\n"
        assert "Starting…" in get(line.split()[-1])
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=PATIENCE) == 0
        assert quiet(server.stdout.read())
    finally:
        server.kill()


def quiet(said: str) -> bool:
    """Whether what a server said tells of nothing that went wrong or was left behind."""
    return not any(word in said for word in ("Traceback", "leaked", "Error"))


#: Imported where it is run: its worker imports the file too.
FITTING = """
if __name__ == "__main__":
    from covstudio.document.model.document import Document
    from covstudio.studio.fit import pool
    from covstudio.studio.page import serve
    from tests.studio.tasks import Endless, bare

    pool.warm = bare
    pool.start(Document(), None, lambda event: print(type(event).__name__, flush=True), Endless())
    serve(port=0)
    print("Left.", flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="elsewhere SIGTERM ends a process at once")
@pytest.mark.parametrize("group", [False, True], ids=["the server alone", "its workers too"])
def test_a_server_that_is_terminated_during_a_fit_leaves_in_order(tmp_path: Path, group: bool) -> None:
    script = tmp_path / "fitting.py"
    script.write_text(FITTING, encoding="utf-8")
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    env = {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": ""}
    server = run(FITTING, env, file=script, leads=True, workers=True)
    assert server.stdout is not None
    try:
        said = ""
        for line in server.stdout:  # two threads speak: a line may hold what both said
            said += line
            address = re.search(r"http://localhost:\d+", said)
            if address and "Started" in said:
                break
        with pytest.raises(HTTPError, match="404"):  # it answers: it is in its loop, where signals are heard
            get(f"{address[0] if address else said}/nothing")
        if group:
            os.killpg(server.pid, signal.SIGTERM)
        else:
            server.send_signal(signal.SIGTERM)
        rest, _ = server.communicate(timeout=PATIENCE)
        assert server.returncode == 0
        assert quiet(rest), rest
        assert "Left." in rest
    finally:
        server.kill()


def test_the_page_names_no_other_host() -> None:
    assert "https://" not in (ROOT / "covstudio" / "studio" / "assets" / "page.html").read_text(
        encoding="utf-8"
    )
    for asset in (ROOT / "covstudio" / "studio" / "assets").iterdir():
        if asset.name == "studio.js":
            continue  # React's errors name pages about them; what a page asks for is watched in the browser
        text = asset.read_text(encoding="utf-8").replace("http://www.w3.org", "")
        assert "http://" not in text, asset.name
        assert "https://" not in text, asset.name


def test_an_edit_that_is_said_again_finds_its_view_though_its_tab_was_never_open() -> None:
    page = Page()
    said = {"view": "fit", "message": {"type": "write-formula", "text": "1 + rep"}}
    page.root._heard({**said, "n": 1})
    assert "fit" not in page.views  # as before: who says it for the first time has the tab open
    page.root._heard({**said, "n": 2, "again": True})
    assert page.store.document.fixed_effects == "1 + rep"
    page.root._heard({"view": "none", "message": {}, "n": 3, "again": True})
    page.close()
