"""The messages of the frame of the page."""

from __future__ import annotations

from covstudio.studio.session.messages import Part, State, Wire


class FrameTab(Part, frozen=True):
    """A tab of the details."""

    name: str
    title: str


class FrameState(State, frozen=True):
    """What stands in the frame."""

    tabs: list[FrameTab]


FRAME = Wire("frame", FrameState)
