"""The tabs of the details: what a view in one is, and all there are, each told by its package in `tab.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from panel.viewable import Viewable

from covstudio.registry import Registry
from covstudio.studio.session.channel import Channel
from covstudio.studio.session.store import Store


@dataclass(frozen=True)
class Desk:
    """What the page offers to a view, besides the session.

    Args:
        store: the session.
        download: takes a file name, a text or bytes, and has the browser save it.
        open_tab: brings the tab of a name to the front.
        mark_tab: puts a dot on the tab of a name while it is not open: "news", or "problem" in red.
    """

    store: Store
    download: Callable[[str, str | bytes], None]
    open_tab: Callable[[str], None]
    mark_tab: Callable[[str, str], None]


class TabView:
    """What stands in a tab. It is made when somebody opens the tab for the first time.

    The page draws it from what its `line` says, or Panel does, by `panel()`.
    """

    @property
    def line(self) -> Channel | None:
        """Through which the page is told what to draw; None where Panel draws the view."""
        return None

    @property
    def lines(self) -> tuple[Channel, ...]:
        """All its lines, where it has more than one: what is large and changes seldom goes by itself."""
        return () if self.line is None else (self.line,)

    def panel(self) -> Viewable | None:
        """The view as a Panel component; None where the page draws it itself."""
        if self.line is None:
            raise NotImplementedError(f"{type(self).__name__} has to say what it shows: define panel()")
        return None

    def look(self, visible: bool) -> None:
        """Hear whether the view can be seen."""

    def left(self) -> None:
        """Hear that the page was left and did not come back: end what only its person would see."""

    def close(self) -> None:
        """End what the view has under way: the session is over."""


@dataclass(frozen=True)
class Step:
    """A sentence of the help on how the work goes.

    Args:
        text: what one does, with the name of the tab.
        order: where it stands among the others, the smallest first.
    """

    text: str
    order: int


@dataclass(frozen=True)
class Tab:
    """A tab of the details.

    Args:
        name: short and stable, a word: what other views open it by.
        title: what is written on it.
        make: makes its view. What takes long to import is imported in here.
        order: where it stands among the others, the smallest first; the first is open when the page comes.
            Alt with its number opens each of the first nine.
        step: what the help says of it.
        keywords: what people look for it by besides its title.

    Raises:
        ValueError: the name is no word.
    """

    name: str
    title: str
    make: Callable[[Desk], TabView]
    order: int = 100
    step: Step | None = None
    keywords: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"expected a word as the name of a tab, such as 'residuals', got {self.name!r}")


#: Every tab. A package of its own registers one in its `tab.py`: `TABS.register(Tab(...))`.
TABS = Registry[Tab]("tab", "covstudio.studio", "tab")
