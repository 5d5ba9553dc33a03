"""Several processes at one address: `covstudio serve --processes`, and `panel serve --num-procs`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from bokeh.util.token import get_token_payload
from tornado.httpclient import AsyncHTTPClient

from benchmarks.line_client import TOKEN, Line
from tests.studio.forking import Forked
from tests.studio.forking import run as start
from tests.studio.own_loop import run
from tests.studio.serving import NO_WORKERS, ROOT

PATIENCE = 240
FILES = re.compile(r'(?:src|href)="((?:\./)?static/[^"]+)"')

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@contextmanager
def serving(*words: str) -> Iterator[tuple[Forked | subprocess.Popen[str], str, list[str]]]:
    """A server in processes of its own, as `python -m` starts it, its address, and what it says.

    Nobody fits, so that it has no workers.
    """
    server = start(
        f"{NO_WORKERS}\n"
        f"import os, runpy, sys; os.chdir({str(ROOT)!r}); sys.argv = {list(words)!r}\n"
        f"runpy.run_module({words[0]!r}, run_name='__main__', alter_sys=True)",
        {**os.environ, "PYTHONPATH": str(ROOT)},
        leads=True,
    )
    assert server.stdout is not None
    said: list[str] = []
    try:
        for line in server.stdout:
            said.append(line)
            if found := re.search(r"http://localhost:\d+(/app)?", line):
                break
        reader = threading.Thread(target=lambda: said.extend(server.stdout or ()), daemon=True)
        reader.start()
        yield server, found[0] if found else "".join(said), said
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait(timeout=PATIENCE)


async def ask(url: str) -> str:
    """A page, over a connection of its own."""
    answer = await AsyncHTTPClient(force_instance=True).fetch(url, request_timeout=PATIENCE)
    return answer.body.decode(errors="replace")


async def moved(line: Line, seq: int) -> None:
    """Wait until the session answers."""
    await line.say("painter", {"type": "ping", "seq": seq})
    await line.until(
        lambda heard: any(view == "painter" and said.get("seq") == seq for view, said, _ in heard.events())
    )


def children(process: int) -> set[int]:
    """The processes that a process has started."""
    return set(map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()))


async def until_replaced(server: int, ended: int, count: int) -> None:
    """Wait until a process that ended has a successor."""
    while ended in (now := children(server)) or len(now) < count:
        await asyncio.sleep(0.05)


def test_each_page_has_its_process_and_one_that_ends_is_replaced() -> None:
    with serving("covstudio", "serve", "--port", "0", "--processes", "2") as (server, url, said):

        async def work() -> None:
            lines: dict[int, list[tuple[Line, str]]] = {0: [], 1: []}
            for _ in range(4):
                page = await ask(url)
                found = TOKEN.search(page)
                assert found
                line = await Line.over(url, found[1])
                await line.begin()
                await moved(line, 7)
                lines[get_token_payload(found[1])["process"]].append((line, found[1]))
            assert [len(one) for one in lines.values()] == [2, 2]
            for line, token in (one for some in lines.values() for one in some):
                line.close()
                # Whichever process the kernel gives it to, it is the same session.
                back = await Line.over(url, token, "?covstudio-back=1")
                assert f'"{line.session}"' in json.dumps(await back.document())
                back.close()
            text = await ask(f"{url}/metrics")
            assert {"0", "1"} == set(re.findall(r'covstudio_sessions\{process="(\d)"\}', text))
            if sys.platform == "linux":
                ended = min(children(server.pid))
                os.kill(ended, signal.SIGKILL)
                await until_replaced(server.pid, ended, 2)
                line = await Line.opened(url)
                await moved(line, 8)
                line.close()

        run(work())
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=PATIENCE) == 0
        assert "Traceback" not in "".join(said)


def test_panel_serves_the_same_page_from_several_processes() -> None:
    words = ("panel", "serve", "app.py", "--setup", "app.py", "--num-procs", "2", "--port", "0")
    with serving(*words) as (_server, url, _said):

        async def work() -> None:
            pages = await asyncio.gather(*(ask(url) for _ in range(4)))
            files = {path.removeprefix("./") for path in FILES.findall(pages[0])}
            assert any("panel.min.js" in path for path in files)
            # At once, so that every process is asked for some.
            await asyncio.gather(*(ask(f"{url.removesuffix('app')}{path}") for path in [*files] * 3))
            for page in pages:
                assert 'id="cs-studio"' in page
                found = TOKEN.search(page)
                assert found
                line = await Line.over(url, found[1])
                assert "https://" not in json.dumps(await line.document())
                line.close()

        run(work())
