"""The status line at the foot of the page: how far the model is, and notices while their cause stands."""

from __future__ import annotations

from covstudio.studio.page.messages import (
    STATUS,
    Chip,
    ChipPressed,
    Dismiss,
    NoticeLine,
    StatusState,
)
from covstudio.studio.session.channel import Channel
from covstudio.studio.session.files import RefuseFile
from covstudio.studio.session.notice import Notice
from covstudio.studio.session.store import Store
from covstudio.studio.session.tabs import Desk

#: So many notices stand at once. Of more, the oldest goes that tells of no failure, else the oldest.
MOST = 2


class StatusLine:
    """The status line of one session.

    Args:
        store: the session.
        desk: what the page does for its views.
    """

    def __init__(self, store: Store, desk: Desk) -> None:
        self._store = store
        self._desk = desk
        self._notices: list[Notice] = []
        self.channel = Channel(
            STATUS,
            store,
            {
                ChipPressed: lambda _: self._chip_pressed(),
                Dismiss: lambda read: self._dismiss(read.serial),
                RefuseFile: lambda said: store.notify(said.text, "error"),
            },
        )
        store.param.watch(lambda event: self._told(event.new), ["message"])
        store.param.watch(lambda *events: self._show(), ["version", "faults"])
        self._show()

    @property
    def notices(self) -> tuple[Notice, ...]:
        """The notices that stand now, the latest last."""
        return tuple(self._notices)

    def _told(self, notice: Notice | None) -> None:
        if notice is None:
            return
        self._notices = [
            known
            for known in self._notices
            if known.text != notice.text and (not notice.topic or known.topic != notice.topic)
        ]
        self._notices.append(notice)
        while len(self._notices) > MOST:
            harmless = (known for known in self._notices[:-1] if known.level in ("ok", "info"))
            self._notices.remove(next(harmless, self._notices[0]))
        self._show()

    def _dismiss(self, serial: int) -> None:
        self._notices = [known for known in self._notices if known.serial != serial]
        self._show()

    def _chip_pressed(self) -> None:
        first = self._store.problems[:1]
        self._store.selection = tuple(
            problem.node_id for problem in first if problem.node_id in self._store.document.nodes
        )
        self._desk.open_tab("inspector")

    def _show(self) -> None:
        self._notices = [known for known in self._notices if known.stands()]
        self.channel.show(
            StatusState(
                chip=self._chip(),
                notices=[
                    NoticeLine(text=known.text, level=known.level, serial=known.serial)
                    for known in self._notices
                ],
            )
        )

    def _chip(self) -> Chip:
        store = self._store
        if not store.document.nodes:
            return Chip(
                level="empty",
                text="Empty model",
                tip="Drag a structure onto the canvas, or start from a template.",
            )
        problems = store.problems
        v = store.build.v
        if problems and (v is None or store.faults):
            count = len(problems)
            return Chip(
                level="problem" if store.faults else "todo",
                text="1 thing to finish" if count == 1 else f"{count} things to finish",
                tip=problems[0].message,
            )
        rows = 0 if v is None else v.shape[0]
        free = sum(not ref.fixed for ref in store.build.parameters)
        return Chip(
            level="todo" if problems else "ready",
            text=f"V {rows} × {rows} · {free} parameter{'' if free == 1 else 's'}",
            tip=problems[0].message if problems else "V is complete. Press to see all its parameters.",
        )
