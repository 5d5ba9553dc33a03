"""A day of a class in minutes: many work, a worker is killed, the server restarts, visitors come and go.

Clients speak what pages speak (`person.py`). Each sets titles that there never were, moves sliders, some fit;
lines are dropped and pages loaded again by chance. In the middle of it a process that fits is killed, one of
several that serve pages too, and later the server is ended and started again. At the end every edit has to be
in the history of its session, once and in order; the server's log holds no error; its memory is what it was:
python -m benchmarks.soak [--clients N] [--seconds S] [--sessions N] [--processes N] [--pause S]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench_clients import Client, counted, quantile
from benchmarks.line_client import Line
from benchmarks.person import AWAY, DIED, Person, Tally

#: Shares of the time at which a worker is killed, one of several processes that serve pages, the server is
#: ended, and from which on memory is compared.
KILLED, SERVING_KILLED, RESTARTED, SETTLED = 0.25, 0.375, 0.5, 0.65
#: Seconds between two looks at the memory, and that the server is away.
EVERY, DOWN = 2.0, 2.0
#: How much more memory the last third may have than the first, and for how many seconds that is looked at.
GROWTH, ENOUGH = 1.05, 120.0
#: One of so many fits.
FITTING = 10
#: What the server's log says when things go wrong.
WRONG = re.compile(r"\b(ERROR|CRITICAL)\b|Traceback|leaked")
#: What it says, rightly, of a process that was killed, and what Python says that cleans up behind it.
REPLACED = re.compile(r"process \d+ of the server ended \(9\) and is replaced")
CLEANED = re.compile(r"resource_tracker: There appear to be \d+ leaked semaphore objects")


class Server:
    """A server of the studio that ends and comes back at the same address.

    Args:
        folder: for its log, and for the key of its sessions.
        processes: that serve pages.
    """

    def __init__(self, folder: Path, processes: int) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.log = folder / "server.log"
        self._processes = processes
        self._words = ["serve", "--port", str(self.port), "--processes", str(processes), "--max-idle", "10"]
        self._environment = {**os.environ, "XDG_STATE_HOME": str(folder), "PYTHONUNBUFFERED": "1"}
        self._running: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                [sys.executable, "-m", "covstudio", *self._words],
                stdout=log,
                stderr=log,
                env=self._environment,
            )
        while True:
            try:
                await counted(self.url)
                return
            except AWAY:
                if self._running.poll() is not None:
                    raise SystemExit(f"The server did not start: {self.log.read_text()}") from None
                await asyncio.sleep(0.1)

    async def end(self) -> int:
        """End it as a service manager does; its exit status."""
        assert self._running is not None
        self._running.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self._running.wait)

    def fitting(self) -> list[int]:
        """The processes that run a fit at this moment."""
        assert self._running is not None
        found = []
        for pid, parent, state in _processes():
            line = _command(pid)
            if "forkserver" in line and "forkserver" in _command(parent) and _below(pid, self._running.pid):
                found += [pid] if state == "R" else []
        return found

    def serving(self) -> list[int]:
        """The processes that serve pages, where there are several."""
        assert self._running is not None
        above, words = self._running.pid, _command(self._running.pid)
        found = [pid for pid, parent, _ in _processes() if parent == above and _command(pid) == words]
        return found if self._processes > 1 else []


def _processes() -> Iterator[tuple[int, int, str]]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            rest = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        yield int(path.parent.name), int(rest[1]), rest[0]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _below(pid: int, above: int) -> bool:
    parents = {one: parent for one, parent, _ in _processes()}
    while pid in parents and pid != above:
        pid = parents[pid]
    return pid == above


@dataclass
class Memory:
    """The server's memory at one time.

    Attributes:
        at: seconds since the beginning.
        bytes: of the processes that serve pages.
        sessions: how many there were.
    """

    at: float
    bytes: float
    sessions: float


async def visitors(url: str, count: int, until: float, tally: Tally) -> None:
    """Sessions that are opened, used for a moment and closed, one after the other."""
    for number in range(count):
        began = time.monotonic()
        while True:
            try:
                line = await Line.opened(url)
                try:
                    client = Client(line)
                    await client.begin()
                    await client.drag(0.3)
                finally:
                    line.close()
                break
            except AWAY:
                await asyncio.sleep(0.5)
        tally.counts["sessions opened and closed"] += 1
        rest = (until - began) / (count - number)
        await asyncio.sleep(max(0.0, rest - (time.monotonic() - began)))


async def watched(server: Server, began: float, seen: list[Memory]) -> None:
    """Look at the server's memory now and then."""
    while True:
        try:
            counts = await counted(server.url)
            at = time.monotonic() - began
            seen.append(Memory(at, counts["covstudio_memory_bytes"], counts["covstudio_sessions"]))
        except AWAY:
            pass
        await asyncio.sleep(EVERY)


async def troubles(server: Server, began: float, seconds: float, tally: Tally) -> None:
    """Kill a worker and a process that serves pages, and later end the server and start it again."""

    async def kill(share: float, what: str, found: Callable[[], list[int]]) -> None:
        await asyncio.sleep(began + share * seconds - time.monotonic())
        while not (pids := found()) and time.monotonic() < began + RESTARTED * seconds:
            await asyncio.sleep(0.01)  # a fit takes tenths of a second; one comes
        if pids:
            os.kill(pids[0], signal.SIGKILL)
            tally.counts[f"{what} killed"] += 1
        else:
            tally.errors.append(f"there were no {what} to kill")

    await kill(KILLED, "workers that fitted", server.fitting)
    if server.serving():
        await kill(SERVING_KILLED, "processes that served pages", server.serving)
    await asyncio.sleep(began + RESTARTED * seconds - time.monotonic())
    status = await server.end()
    if status != 0:
        tally.errors.append(f"the server ended with {status} after SIGTERM")
    await asyncio.sleep(DOWN)
    await server.start()
    tally.counts["servers started again"] += 1


async def soak(server: Server, given: argparse.Namespace, tally: Tally) -> list[Memory]:
    """All of it; the memory that was seen."""
    await server.start()
    began = time.monotonic()
    until = began + given.seconds
    seen: list[Memory] = []
    people = [
        Person(server.url, f"Person {number}", number % FITTING == 0, tally)
        for number in range(given.clients)
    ]
    watching = asyncio.ensure_future(watched(server, began, seen))
    try:
        await asyncio.gather(
            *(one.work(until, given.pause) for one in people),
            visitors(server.url, given.sessions, until, tally),
            troubles(server, began, given.seconds, tally),
        )
    finally:
        watching.cancel()
        status = await server.end()
    if status != 0:
        tally.errors.append(f"the server ended with {status} after SIGTERM")
    return seen


def growth(seen: list[Memory], seconds: float) -> tuple[float, float]:
    """The mean memory of the first and the last third of the time in which nothing happens to the server."""
    rest = [one for one in seen if SETTLED * seconds <= one.at <= seconds]
    third = max(1, len(rest) // 3)
    first, last = rest[:third], rest[-third:]
    return tuple(sum(one.bytes for one in part) / max(1, len(part)) for part in (first, last))  # type: ignore[return-value]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=30, help="who work all the time")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--sessions", type=int, default=200, help="that are opened and closed meanwhile")
    parser.add_argument("--processes", type=int, default=1, help="of the server")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two acts of one client")
    given = parser.parse_args()
    print(
        f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; {given.clients} work for "
        f"{given.seconds:g} s, {given.sessions} come and go",
        flush=True,
    )
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), given.processes)
        seen = asyncio.run(soak(server, given, tally))
        wrong = [line for line in server.log.read_text().splitlines() if WRONG.search(line)]
    wrong = [line for line in wrong if DIED not in line]  # of the worker that was killed
    killed = tally.counts["processes that served pages killed"]
    for word in (REPLACED, CLEANED):
        of_it = [line for line in wrong if word.search(line)][:killed]
        wrong = [line for line in wrong if line not in of_it]
    tally.errors += [f"the server's log: {line}" for line in wrong]
    for name, count in sorted(tally.counts.items()):
        print(f"{count:7,} {name}")
    if tally.taken:
        p50, p95 = (quantile(tally.taken, share) for share in (0.5, 0.95))
        print(f"drag to frame p50 {p50:.0f} ms, p95 {p95:.0f} ms, {len(tally.taken):,} frames")
    first, last = growth(seen, given.seconds)
    looked = (1 - SETTLED) * given.seconds
    print(
        f"memory of the server from {SETTLED:.0%} of the time on, first and last third: {first / 1e6:.0f} "
        f"and {last / 1e6:.0f} MB; most sessions {max((one.sessions for one in seen), default=0):.0f}"
    )
    if looked >= ENOUGH and last > GROWTH * first:
        tally.errors.append(f"the memory grew by {last / first - 1:.0%} within {looked:.0f} s")
    print(f"{len(tally.errors)} errors, {tally.counts['lost edits']} lost edits")
    for error in tally.errors[:20]:
        print(f"  {error[:300]}")
    return 1 if tally.errors else 0


if __name__ == "__main__":
    sys.exit(main())
