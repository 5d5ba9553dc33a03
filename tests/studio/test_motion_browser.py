"""Who asks for reduced motion sees none: nothing on the page runs by itself."""

from __future__ import annotations

from playwright.sync_api import Page

from covstudio.studio.session.tabs import TABS
from tests.studio.browser import Studio

#: Remembers, from the first frame on, each animation and transition that runs, wherever it is on the page.
WATCH = """
(() => {
    const seen = (window.seenMoving = new Set());
    const inner = (root) => [...root.querySelectorAll("*")].map((one) => one.shadowRoot).filter(Boolean);
    const roots = (root) => [root, ...inner(root).flatMap(roots)];
    let all = [document], count = 0;
    const look = () => {
        if (count++ % 30 === 0) all = roots(document);
        for (const root of all) for (const motion of root.getAnimations()) {
            const { effect, playState } = motion;
            const one = effect?.target;
            if (playState !== "running" || !one) continue;
            const { duration, delay } = effect.getComputedTiming();
            const what = motion.transitionProperty ?? motion.animationName;
            if (duration + delay > 0) seen.add(`${what} of ${one.localName}.${one.className}`);
        }
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
})();
"""


def walk(studio: Studio) -> None:
    """Everything that moves for those who have nothing against it."""
    page = studio.page
    studio.button("Templates").click()
    page.get_by_role("menu").wait_for()
    page.keyboard.press("Escape")
    studio.button("Help").click()
    page.get_by_role("dialog").wait_for()
    page.keyboard.press("Escape")
    studio.use_example()
    studio.use_template()
    studio.node("genotype").hover()
    studio.select("residual")
    studio.drag_slider("residual/sigma^2", [0.4, 0.6])
    for keys in ("Shift+1", "Shift+2", "Control+z"):
        page.keyboard.press(keys)
        studio.settled()
    studio.button("Zoom in").click()
    studio.button("Slices pane").click()
    studio.button("Slices pane").click()
    studio.button("Save").hover()
    studio.button("Dark theme").click()
    studio.fit()
    for number in range(1, len(tuple(TABS)) + 1):
        page.keyboard.press(f"Alt+{number}")
        studio.settled()


def moving(page: Page) -> list[str]:
    found: list[str] = page.evaluate("[...window.seenMoving].sort()")
    return found


def test_nothing_moves_for_whoever_asks_for_reduced_motion(page: Page, server_url: str) -> None:
    page.add_init_script(WATCH)
    page.emulate_media(reduced_motion="reduce")
    studio = Studio(page, server_url).open()
    walk(studio)
    assert moving(page) == []
    # The watch sees what there is to be seen.
    page.emulate_media(reduced_motion="no-preference")
    for name in ("Templates", "Save", "Undo", "Zoom in"):
        studio.button(name).hover()
        studio.settled()
    page.wait_for_function("window.seenMoving.size > 0")
