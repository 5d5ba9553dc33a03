"""Everything that is pressed is large enough for a pointer, and for a finger where that is what there is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from covstudio.studio.session.tabs import TABS
from tests.studio.browser import Studio, box_of
from tests.studio.conftest import Lent
from tests.studio.targets import undersized

#: Of a card far away, whose menu opens by a long press on any part of it.
LONG_PRESS = ("Actions for ",)


def areas(studio: Studio) -> Iterator[str]:
    """One area after the other, by its title."""
    for number, tab in enumerate(TABS, 1):
        studio.page.keyboard.press(f"Alt+{number}")
        studio.settled()
        yield tab.title


def opened(studio: Studio) -> Iterator[str]:
    """One after the other what opens over the page."""
    page = studio.page
    for name in ("Templates", "Examples", "Help"):
        studio.button(name).click()
        page.get_by_role("dialog").wait_for()
        yield name
        page.keyboard.press("Escape")
        studio.settled()


def trouble(studio: Studio, side: int, spaced: bool, but: tuple[str, ...] = ()) -> list[str]:
    """What is too small on an empty page, in every menu, with a model and a fit, and on a node's form."""

    def small(where: str) -> list[str]:
        return [f"{where}: {line}" for line in undersized(studio.page, side, spaced, but)]

    found = [line for area in areas(studio) for line in small(f"{area}, empty")]
    studio.model()
    found += [line for name in opened(studio) for line in small(name)]
    search = studio.page.get_by_role("searchbox", name="Find a structure")
    search.fill("fa")
    found += small("search")
    search.fill("")
    studio.use_example()
    studio.use_template()
    for node in ("residual", "genotype design"):
        studio.node(node).click(position={"x": 60, "y": 14})
        studio.settled()
        found += small(node)
    studio.fit()
    found += [line for area in areas(studio) for line in small(f"{area}, fitted")]
    return found


def test_every_target_is_24_pixels_or_stands_apart(studio: Studio) -> None:
    assert not (found := trouble(studio, 24, spaced=True)), "\n".join(found)


@pytest.mark.parametrize("size", [(1024, 768), (390, 844)], ids=["tablet", "phone"])
def test_a_finger_has_44_pixels(lent_touch: Lent, size: tuple[int, int]) -> None:
    studio = lent_touch(size=size)
    if size[0] > 820:
        redo, pane = box_of(studio.button("Redo")), box_of(studio.button("Palette pane"))
        assert redo["x"] + redo["width"] <= pane["x"], "the panes lie over redo"
        found = trouble(studio, 44, spaced=False, but=LONG_PRESS)
    else:
        views = studio.page.get_by_role("navigation", name="Views")
        found = []
        for name in ("Palette", "Details", "Model"):
            views.get_by_role("button", name=name, exact=True).click()
            studio.settled()
            found += [f"{name}: {line}" for line in undersized(studio.page, 44, False, LONG_PRESS)]
    assert not found, "\n".join(found)
