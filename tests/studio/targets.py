"""How large what can be pressed is, as WCAG 2.2 measures it in criteria 2.5.8 (24 pixels) and 2.5.5 (44)."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

MEASURE = (Path(__file__).parent / "targets.js").read_text(encoding="utf-8")


def undersized(page: Page, side: int, spaced: bool, but: tuple[str, ...] = ()) -> list[str]:
    """The controls on the page whose target is smaller than it has to be.

    A target in a sentence may be as high as the line (the criteria's exception "inline").

    Args:
        page: the page; everything that is seen on it is measured, what has to be scrolled to as well.
        side: the least width and height, in CSS pixels.
        spaced: whether a smaller target passes where a circle of that diameter around its middle meets no
            other target and no other such circle (the exception "spacing" of 2.5.8; 2.5.5 has none).
        but: parts of the names of controls that have an equal elsewhere (the exception "equivalent").

    Returns:
        Role, name and size of each.
    """
    found = page.evaluate(MEASURE, [side, spaced])
    assert found["count"] > 10, "expected the page to have controls"
    return [line for line in found["small"] if not any(name in line for name in but)]
