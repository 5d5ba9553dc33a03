"""Many sessions at once: from the message of a moved slider to its frame, as clients of the protocol see it.

Thirty browsers on one machine measure the browsers. So clients speak what pages speak (`line_client.py`):
each has a model of 72 rows, its V and derivatives in sight, and moves a slider at a hand's pace, while one of
them fits again and again. Once with one process of the server, once with more, in one run. Usage:
python -m benchmarks clients [--smoke] [--sessions N] [--processes N] [--seconds S] [--pause MS]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field

from tornado.httpclient import AsyncHTTPClient

from benchmarks.line_client import Heard, Line

FRAME = re.compile(r'\\"seq\\": ?(\d+), ?\\"done\\": ?true|"seq\\":(\d+),\\"done\\":true')
TEMPLATE = "alpha"
#: Milliseconds that nineteen of twenty frames are to keep to.
GOAL = 40.0
#: Seconds within which every process of the server has written its counts anew.
SETTLED = 5.5


@dataclass
class Client:
    """One session that drags.

    Attributes:
        line: to the server.
        node, parameter: what its slider moves.
        taken: seconds from each message to its frame.
        floor: the same of messages that nothing is computed for.
    """

    line: Line
    node: str = ""
    parameter: str = ""
    taken: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    _seq: int = 0

    async def begin(self) -> None:
        """Have a model with its pictures."""
        await self.line.say("bar", {"type": "start-template", "name": TEMPLATE})
        keys: list[str] = []
        while not keys:
            heard = await self.line.heard()
            for event in json.loads(heard.content).get("events", ()) if heard.kind == "PATCH-DOC" else ():
                if event.get("attr") == "slices":
                    slices = json.loads(event["new"])["slices"]
                    keys = [one["key"] for one in slices]
                    self.node = next((one["node"] for one in slices), "")
                    self.parameter = slices[0]["path"].rsplit("/", 1)[-1] if slices else ""
        tiles = {"V": 250, **dict.fromkeys(keys, 250)}
        await self.line.say("painter", {"type": "visible", "tiles": tiles})
        await self.drag(0.5)
        self.taken.clear()

    async def _frame(self) -> None:
        def mine(heard: Heard) -> bool:
            found = FRAME.search(heard.content) if heard.kind == "PATCH-DOC" else None
            return found is not None and int(found[1] or found[2]) >= self._seq

        await self.line.until(mine)

    async def drag(self, value: float) -> None:
        """Move the slider, and wait for the frame."""
        self._seq += 1
        began = time.perf_counter()
        moved = {"node": self.node, "param": self.parameter, "value": value}
        await self.line.say("painter", {"type": "drag", "seq": self._seq, "gesture": 1, **moved})
        await self._frame()
        self.taken.append(time.perf_counter() - began)

    async def ping(self) -> None:
        """Ask for an empty frame."""
        self._seq += 1
        began = time.perf_counter()
        await self.line.say("painter", {"type": "ping", "seq": self._seq})
        await self._frame()
        self.floor.append(time.perf_counter() - began)

    async def go_on(self, until: float, pause: float, late: float) -> None:
        """Drag at a hand's pace."""
        await asyncio.sleep(late)
        step = 0
        while time.perf_counter() < until:
            step += 1
            await (self.ping() if step % 5 == 1 else self.drag(0.2 + 0.6 * (step * 0.618 % 1)))
            await asyncio.sleep(pause)


async def fits(line: Line, until: float) -> None:
    """Fit again and again."""
    await line.say("bar", {"type": "start-template", "name": TEMPLATE})
    await line.say("frame", {"type": "tab-opened", "tab": "fit"})
    hearing = asyncio.ensure_future(line.until(lambda heard: False))
    while time.perf_counter() < until:
        await line.say("fit", {"type": "start-fit"})  # nothing happens while one is under way
        await asyncio.sleep(0.2)
    hearing.cancel()


def quantile(values: list[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed, in milliseconds."""
    ordered = sorted(values)
    return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def counted(url: str) -> dict[str, float]:
    """What the server counts, of all its processes together."""
    text = (await AsyncHTTPClient(force_instance=True).fetch(f"{url}/metrics")).body.decode()
    found: dict[str, float] = {}
    for row in text.splitlines():
        if not row.startswith("#"):
            name, value = row.rsplit(" ", 1)
            found[name.split("{")[0]] = found.get(name.split("{")[0], 0.0) + float(value)
    return found


@dataclass
class Measured:
    """What one server gave.

    Attributes:
        taken: seconds from each move to its frame.
        floor: those of empty frames.
        fits: how many ended.
        processor: seconds of processor time of the processes that serve pages.
    """

    taken: list[float]
    floor: list[float]
    fits: int
    processor: float


async def measure(url: str, sessions: int, seconds: float, pause: float) -> Measured:
    """Have sessions drag for a while."""
    clients = []
    for _ in range(sessions):
        client = Client(await Line.opened(url))
        await client.begin()
        clients.append(client)
    fitting = await Line.opened(url)
    await asyncio.sleep(SETTLED)
    before = await counted(url)
    until = time.perf_counter() + seconds
    late = pause / sessions
    await asyncio.gather(
        fits(fitting, until), *(one.go_on(until, pause, late * place) for place, one in enumerate(clients))
    )
    await asyncio.sleep(SETTLED)
    after = await counted(url)
    for line in (fitting, *(one.line for one in clients)):
        line.close()
    name = "covstudio_processor_seconds_total"
    return Measured(
        [value for one in clients for value in one.taken],
        [value for one in clients for value in one.floor],
        int(after["covstudio_fits_total"]),
        after[name] - before[name],
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="few sessions: does it run, not how fast")
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument(
        "--pause", type=float, default=100.0, help="milliseconds between a frame and the next move"
    )
    given = parser.parse_args()
    sessions, seconds = (3, 2.0) if given.smoke else (given.sessions, given.seconds)
    print(
        f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; {sessions} sessions drag, "
        "and one fits"
    )
    missed = False
    for processes in sorted({1, given.processes}):
        words = [
            "-m",
            "covstudio",
            "serve",
            "--port",
            "0",
            "--processes",
            str(processes),
            "--workers",
            str(processes),
        ]
        server = subprocess.Popen([sys.executable, "-u", *words], stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        try:
            found = next(
                match for line in server.stdout if (match := re.search(r"http://\S+?(?=,|$)", line.strip()))
            )
            got = asyncio.run(measure(found[0], sessions, seconds, given.pause / 1000))
        finally:
            server.terminate()
            server.wait()
        p95 = quantile(got.taken, 0.95)
        missed = missed or (processes > 1 and p95 > GOAL)
        print(
            f"{processes} process{'es' if processes > 1 else ''}: drag to frame p50 "
            f"{quantile(got.taken, 0.5):.0f} ms, p95 {p95:.0f} ms ({GOAL:.0f}); an empty frame "
            f"{quantile(got.floor, 0.5):.0f}, {quantile(got.floor, 0.95):.0f}; "
            f"{len(got.taken) / seconds:.0f} frames a second, each "
            f"{1000 * got.processor / len(got.taken):.1f} ms of the server's processor time; {got.fits} fits",
            flush=True,
        )
    print("goals: " + ("MISSED" if missed else "kept"))
    return 1 if missed and not given.smoke else 0


if __name__ == "__main__":
    sys.exit(main())
