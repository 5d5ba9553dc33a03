"""One who works at the studio for a long time, without a browser: edits, keeps a draft, and comes back.

What the page does for its person (`frontend/src/session`, `frontend/src/drafts`) is done here: messages are
numbered and remembered, the draft's parts are kept, a lost line is opened again, and a session that is gone
gets the draft and those edits that are not in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tornado.httpclient import HTTPClientError
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError

from benchmarks.line_client import BACK, Heard, Line
from covstudio.studio.drafts.parts import read_bundle

TEMPLATE = "alpha"
#: What a line that is lost, and a server that is away, look like from here.
AWAY = (ConnectionError, OSError, HTTPClientError, StreamClosedError, WebSocketClosedError)
#: Seconds after which what is waited for will not come.
PATIENCE = 120.0
#: Messages that are remembered, as the page does; bytes of a piece of a file.
REMEMBERED = 200
PIECE = 2**20
#: Edits after which the whole history is looked at: fewer than undo keeps, with a slider's step beside each.
LOOK_AFTER = 150
#: Words of a fit whose worker was ended.
DIED = "ended unexpectedly"


@dataclass
class Tally:
    """What all who work have come to.

    Attributes:
        counts: how often what happened.
        taken: seconds from each move of a slider to its frame.
        errors: sentences about what should not have happened.
    """

    counts: Counter[str] = field(default_factory=Counter)
    taken: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Missing(Exception):
    """What was waited for did not come, and the line was there."""


class Person:
    """One who works.

    Args:
        url: of the server.
        name: what the titles that are set begin with.
        fits: whether this one fits, beside all else.
        tally: where it is counted.
    """

    def __init__(self, url: str, name: str, fits: bool, tally: Tally) -> None:
        self.url, self.name, self.fits, self.tally = url, name, fits, tally
        self.done: list[str] = []  # the titles that were set
        self._chance = random.Random(name)
        self._line: Line | None = None
        self._listening: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self._sent = 0
        self._last: deque[tuple[int, str, Mapping[str, Any]]] = deque(maxlen=REMEMBERED)
        self._states: dict[str, Any] = {}
        self._fresh: dict[str, bytes] = {}
        self._parts: dict[str, bytes] = {}
        self._draft: dict[str, Any] | None = None
        self._back: list[str | None] = []
        self._seq = self._painted = self._gesture = 0
        self._seen = 0  # titles that were found in the history
        self._noticed = 0

    # --- the day ----------------------------------------------------------------------------------

    async def work(self, until: float, pause: float) -> None:
        """Work until a time, then have all that was done looked at."""
        attempt = 0
        while True:
            try:
                await self._come()
                attempt = 0
                while time.monotonic() < until:
                    await self._act()
                    await asyncio.sleep(pause * self._chance.uniform(0.5, 1.5))
                await self._look()
                break
            except AWAY:
                self.tally.counts["lines lost"] += 1
                attempt += 1
                await self._hang_up()
                await asyncio.sleep(min(10.0, 0.25 * 2**attempt) * self._chance.uniform(1, 1.3))
            except Missing as error:
                self.tally.errors.append(f"{self.name}: {error}")
                break
        await self._hang_up()

    async def _act(self) -> None:
        dice = self._chance.random()
        if dice < 0.02:
            self.tally.counts["lines dropped"] += 1
            await self._hang_up()
            raise ConnectionError
        if dice < 0.04:
            self.tally.counts["reloads"] += 1
            await self._hang_up()
            assert self._line is not None
            self._line.session = ""
            raise ConnectionError
        await (self._fit() if self.fits and dice < 0.3 else self._drag())
        await self._rename()

    async def _rename(self) -> None:
        """Set a title that there was not, and wait until it is kept."""
        title = f"{self.name} {len(self.done) + 1}"
        self.done.append(title)
        self.tally.counts["edits"] += 1
        await self._say("bar", {"type": "set-model-title", "title": title})
        await self._kept()
        if len(self.done) - self._seen >= LOOK_AFTER:
            await self._look()

    async def _kept(self) -> None:
        if self.done:
            title = self.done[-1]
            await self._until(lambda: self._draft and self._draft["title"] == title, f"a draft of {title!r}")

    async def _drag(self) -> None:
        """Move a slider, as one step, each time when the frame is there."""
        slices = self._states["slices"]["slices"]
        one = slices[0]
        self._gesture += 1
        moved = {"node": one["node"], "param": one["path"].rsplit("/", 1)[-1], "gesture": self._gesture}
        for _ in range(3):
            self._seq += 1
            seq, began = self._seq, time.perf_counter()
            value = self._chance.uniform(0.2, 0.8)
            await self._say("painter", {"type": "drag", "seq": seq, "value": value, **moved})
            await self._until(lambda seq=seq: self._painted >= seq, f"the frame of {moved['param']}")  # type: ignore[misc]
            self.tally.taken.append(time.perf_counter() - began)
        await self._say("painter", {"type": "release"})

    async def _fit(self) -> None:
        """Fit the model, and wait for the end."""
        await self._say("frame", {"type": "tab-opened", "tab": "fit"})
        await self._until(lambda: "fit" in self._states, "the fit view")
        self._states["fit"]["phase"] = "asked"  # until the server says otherwise
        await self._say("fit", {"type": "start-fit"})
        await self._until(lambda: self._states["fit"]["phase"] == "idle", "the end of a fit")
        failure = self._states["fit"]["failure"]
        said = "" if failure is None else failure["message"] or str(failure["problems"])
        if DIED in said:
            self.tally.counts["fits of the killed worker, said so"] += 1
        elif said:
            self.tally.errors.append(f"{self.name}: {said}")
        else:
            self.tally.counts["fits"] += 1

    async def _look(self) -> None:
        """Read the draft as the server would, and find every edit in its history, once, in order."""
        await self._kept()
        draft, parts = self._draft, dict(self._parts)
        if draft is None:
            return
        found = await asyncio.to_thread(lambda: read_bundle(bundle(draft, parts)).work.history)
        documents = [*(step.document for step in found.past), found.present]
        titles: list[str] = []
        for document in documents:
            if document.title.startswith(f"{self.name} ") and titles[-1:] != [document.title]:
                titles.append(document.title)
        first = self.done.index(titles[0]) if titles and titles[0] in self.done else len(self.done)
        if titles != self.done[first:] or first > self._seen:
            lost = [title for title in self.done[self._seen :] if title not in titles]
            self.tally.counts["lost edits"] += max(1, len(lost))
            self.tally.errors.append(f"{self.name}: the history lacks {lost[:5]}, or has edits twice")
        self._seen = len(self.done)

    # --- the line ---------------------------------------------------------------------------------

    async def _come(self) -> None:
        """Be there: on the line of before where the session lives on, else on a page loaded again."""
        before = self._line
        if before is None or not before.session or not await self._resumed(before):
            await self._loaded()
        await self._until(lambda: "bar" in self._states, "the page")
        if self._draft is None and not self.done:
            await self._say("bar", {"type": "start-template", "name": TEMPLATE})
        await self._until(lambda: self._states.get("slices", {}).get("slices"), "the slices of V")
        keys = [one["key"] for one in self._states["slices"]["slices"]]
        await self._say("painter", {"type": "visible", "tiles": dict.fromkeys(["V", *keys], 250)})
        if self._gesture:
            await self._say("painter", {"type": "release"})
        await self._kept()

    async def _resumed(self, before: Line) -> bool:
        line = await Line.over(self.url, before.token, BACK)
        document = await line.document()
        line.finds(document)
        if line.session != before.session:
            line.close()
            before.session = ""
            self.tally.counts["sessions made anew"] += 1
            return False
        self.tally.counts["sessions taken up again"] += 1
        self._listen(line)
        await line.say("frame", {"type": "resumed"}, number=0)
        for number, view, message in list(self._last):
            await line.say(view, message, number)
        return True

    async def _loaded(self) -> None:
        line = await Line.opened(self.url)
        self._listen(line)
        left, self._sent, heard = list(self._last), line.said, 0
        if self._draft is not None:
            heard = self._draft["heard"]
            await self._bring_back(self._draft)
        self._sent = max(self._sent, heard, left[-1][0] if left else 0)
        self._last.clear()
        for number, view, message in left:
            if number > heard:
                await self._say(view, message, again=True)

    async def _bring_back(self, draft: Mapping[str, Any]) -> None:
        data = bundle(draft, self._parts)
        pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
        self._back = []
        for index, piece in enumerate(pieces):
            about = {"purpose": "draft", "id": f"{time.time()}", "name": "draft", "total": len(pieces)}
            chunk = {"type": "chunk", **about, "index": index, "size": len(data), "data": piece}
            self._sent += 1
            await self._line_now().say("drafts", chunk, self._sent)
        await self._until(lambda: self._back, "the draft on the page")
        if self._back[0] is not None:
            raise Missing(f"the draft did not come back: {self._back[0]}")
        self.tally.counts["drafts brought back"] += 1

    def _line_now(self) -> Line:
        if self._line is None or self._listening is None or self._listening.done():
            raise ConnectionError
        return self._line

    async def _say(self, view: str, message: Mapping[str, Any], again: bool = False) -> None:
        self._sent += 1
        self._last.append((self._sent, view, message))  # first: it is said later where the line is down
        await self._line_now().say(view, message, self._sent, again)

    def _listen(self, line: Line) -> None:
        self._line, self._states = line, dict(line.states)
        self._listening = asyncio.ensure_future(self._hear(line))

    async def _hang_up(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._listening
        if self._line is not None:
            self._line.close()

    async def _hear(self, line: Line) -> None:
        try:
            while True:
                heard = await line.heard()
                if heard.kind == "PATCH-DOC":
                    await self._take(heard)
                    async with self._changed:
                        self._changed.notify_all()
        except AWAY:
            pass
        finally:
            async with self._changed:
                self._changed.notify_all()

    async def _take(self, heard: Heard) -> None:
        for view, message, data in heard.events():
            kind = message["type"]
            if kind == "state":
                self._states[view] = message
                if view == "status":
                    self._read(message["notices"])
            elif kind == "paint":
                self._painted = max(self._painted, message["seq"] if message["done"] else 0)
            elif kind == "keep-part":
                self._fresh[message["part"]] = data
            elif kind == "keep-draft":
                await self._keep(message["draft"])
            elif kind == "draft-back":
                self._back.append(message["trouble"])

    def _read(self, notices: list[dict[str, Any]]) -> None:
        for one in notices:
            if one["level"] == "error" and one["serial"] > self._noticed:
                self.tally.errors.append(f"{self.name} was told: {one['text']}")
            self._noticed = max(self._noticed, one["serial"])

    async def _keep(self, draft: dict[str, Any]) -> None:
        wanted = parts_of(draft)
        known = self._parts | self._fresh
        self._fresh = {}
        if not wanted <= known.keys():
            self._parts = {}
            await self._say("drafts", {"type": "send-all"})
            return
        self._parts = {name: known[name] for name in wanted}
        self._draft = draft

    async def _until(self, ready: Callable[[], Any], what: str) -> None:
        """Wait for something that is heard.

        Raises:
            ConnectionError: the line was lost before.
            Missing: it did not come.
        """
        ends = time.monotonic() + PATIENCE
        async with self._changed:
            while not ready():
                if self._listening is None or self._listening.done():
                    raise ConnectionError
                left = ends - time.monotonic()
                if left <= 0:
                    raise Missing(f"{what} did not come within {PATIENCE:g} s")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), left)


def parts_of(draft: Mapping[str, Any]) -> set[str]:
    """The parts that a draft is made of."""
    steps = [one["part"] for one in (*draft["past"], *draft["future"], *draft["tables"])]
    fit = [draft["fit"]["part"], draft["fit"]["document"]] if draft["fit"] else []
    return {draft["present"], *steps, *draft["nodes"], *fit}


def bundle(draft: Mapping[str, Any], parts: Mapping[str, bytes]) -> bytes:
    """A draft as a file for the server, as `frontend/src/session/drafts.ts` writes it."""
    names = sorted(parts_of(draft))
    head = json.dumps({"draft": draft, "parts": [[name, len(parts[name])] for name in names]}).encode()
    return len(head).to_bytes(8, "little") + head + b"".join(parts[name] for name in names)
