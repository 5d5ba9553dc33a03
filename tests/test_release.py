"""A release says one thing everywhere: its version, its date, its address, and where torch comes from."""

import importlib.metadata
import importlib.util
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


def tool(name: str) -> ModuleType:
    """A program of tools/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


notes, torch_cpu = tool("release_notes"), tool("torch_cpu")


def test_the_version_is_in_the_changelog_and_in_the_citation():
    version = notes.declared()
    assert notes.sections()[version]
    assert notes.citation() == (version, notes.dates()[version])
    assert list(notes.sections())[:2] == ["Unreleased", version]


def test_the_notes_of_a_version_are_its_section(monkeypatch):
    text = "# Changelog\n\n## [Unreleased]\n\n## [2.0.0] - 2026-01-02\n\n- two\n\n"
    text += "## [1.0.0] - 2025-01-02\n- one\n"
    text += "\n[2.0.0]: https://example.org/2.0.0\n"
    files = {
        "CHANGELOG.md": text,
        "covstudio/__init__.py": '__version__ = "2.0.0"\n',
        "CITATION.cff": "version: 2.0.0\ndate-released: 2026-01-02\n",
    }
    monkeypatch.setattr(notes, "_text", files.__getitem__)
    assert notes.problems("2.0.0") == []
    assert notes.sections() == {"Unreleased": "", "2.0.0": "- two", "1.0.0": "- one"}
    assert len(notes.problems("1.0.0")) == 2
    assert len(notes.problems("3.0.0")) == 3
    files["CHANGELOG.md"] = text.replace("[Unreleased]\n", "[Unreleased]\n- three\n")
    assert ["Unreleased" in problem for problem in notes.problems("2.0.0")] == [True]


def test_every_address_of_the_repository_is_the_one_that_pyproject_names():
    home = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Homepage"]
    owner = home.removeprefix("https://github.com/")
    named = ("README.md", "SECURITY.md", "CHANGELOG.md", "CITATION.cff")
    for path in (*(ROOT / name for name in named), *ROOT.glob(".github/ISSUE_TEMPLATE/*.yml")):
        for line in path.read_text(encoding="utf-8").splitlines():
            for host in ("https://github.com/", "https://raw.githubusercontent.com/"):
                for address in line.split(host)[1:]:
                    assert address.startswith(owner), f"{path.name}: {line}"


@contextmanager
def listening() -> Iterator[str]:
    """An address that accepts connections and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/whl"


@contextmanager
def answering(status: int, content: bytes, *, ends: bool = True) -> Iterator[str]:
    """An index whose pages have a status and a content; without `ends`, the last byte of it is never sent."""
    asked = threading.Event()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content) + (not ends)))
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()
            if not ends:
                asked.wait()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/whl/"
        finally:
            asked.set()
            server.shutdown()
            thread.join()


def refusing() -> str:
    """An address where nobody listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    return f"http://127.0.0.1:{port}/whl"


WHEEL = b'<a href="torch-2.13.0%2Bcpu-cp311-cp311-manylinux_2_28_x86_64.whl">torch</a>'


def test_an_index_that_answers_is_told_from_one_that_does_not():
    with answering(200, WHEEL) as index:
        assert torch_cpu.answers(index, 60.0)
    with answering(200, b"<p>Log in to this network") as index:
        assert not torch_cpu.answers(index, 60.0)
    with answering(404, WHEEL) as index:
        assert not torch_cpu.answers(index, 60.0)
    with answering(200, WHEEL, ends=False) as index:
        assert not torch_cpu.answers(index, 0.5)
    with listening() as index:
        assert not torch_cpu.answers(index, 0.5)
    assert not torch_cpu.answers(refusing(), 60.0)
    assert not torch_cpu.answers("http://nowhere.invalid/whl", 60.0)
    assert not torch_cpu.answers("not an address", 60.0)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PyPI has CPU builds for it")
def test_an_install_goes_on_where_the_index_does_not_answer(monkeypatch, capsys):
    installs: list[list[str]] = []
    monkeypatch.setattr(torch_cpu, "installed", lambda: None)
    monkeypatch.setattr(torch_cpu, "PATIENCE", 0.5)
    monkeypatch.setattr(
        subprocess, "run", lambda command: installs.append(command) or subprocess.CompletedProcess(command, 1)
    )
    with listening() as silent:
        for index in (silent, refusing(), ""):
            monkeypatch.setenv("TORCH_INDEX", index)
            assert torch_cpu.main() == 0
    assert capsys.readouterr().out.count("does not answer") == 2
    assert installs == []
    with answering(200, WHEEL) as index:
        monkeypatch.setenv("TORCH_INDEX", index)
        monkeypatch.setattr(torch_cpu, "PATIENCE", 60.0)
        assert torch_cpu.main() == 0
    assert [command[command.index("--index-url") + 1] for command in installs] == [index]
    assert "has no torch" in capsys.readouterr().out


def test_torch_is_left_alone_where_it_is_the_one_of_the_constraints(monkeypatch):
    monkeypatch.setattr(torch_cpu, "answers", lambda *_: pytest.fail("an index was asked"))
    monkeypatch.setattr(importlib.metadata, "version", lambda _: f"{torch_cpu.pinned()}+cpu")
    assert torch_cpu.main() == 0
