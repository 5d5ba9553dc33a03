"""axe finds nothing serious in any area, light and dark: on an empty page, with a model, with a fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from covstudio.studio.session.tabs import TABS
from tests.studio.browser import Studio

AXE = Path(__file__).parents[2] / "covstudio/studio/frontend/node_modules/axe-core/axe.min.js"

pytestmark = pytest.mark.skipif(not AXE.exists(), reason="axe-core comes with `make frontend`")


def found(studio: Studio, rules: list[str] | None = None, where: str = "") -> list[str]:
    """What axe finds that is serious or critical once no colour is on its way: rule, where, and why.

    Args:
        rules: those that are asked; None: all.
        where: the parts of the page that are looked at, as a CSS selector; none: the whole page.
    """
    lines: list[str] = studio.page.evaluate(
        """async ([rules, where]) => {
            const inner = (root) => [...root.querySelectorAll("*")].flatMap(({ shadowRoot }) =>
                shadowRoot ? [shadowRoot, ...inner(shadowRoot)] : []);
            const moving = [document, ...inner(document)].flatMap((root) => root.getAnimations());
            await Promise.allSettled(moving
                .filter(({ effect }) => Number.isFinite(effect.getComputedTiming().endTime))
                .map(({ finished }) => finished));
            const parts = [document, ...inner(document)]
                .flatMap((root) => [...root.querySelectorAll(where || "html")]);
            if (parts.length === 0) throw new Error(`there is no ${where}`);
            const { violations } = await axe.run({ include: parts }, {
                resultTypes: ["violations"], preload: false, ...(rules && { runOnly: rules }) });
            return violations
                .filter(({ impact }) => impact === "serious" || impact === "critical")
                .flatMap(({ id, nodes }) =>
                    nodes.map((node) => `${id} ${node.target.flat().at(-1)} ${node.failureSummary}`));
        }""",
        [rules, where],
    )
    return lines


#: What one area has that another has not, or not so: the area itself, and the frame that says which it is.
OF_AN_AREA = "[role=tabpanel], header"


def test_axe_finds_nothing_serious(studio: Studio) -> None:
    page = studio.page
    page.evaluate(AXE.read_text(encoding="utf-8"))
    trouble: list[str] = []

    def look(state: str) -> None:
        # A theme is colours: all else that is found in one is found in the other. The colours of the model,
        # the pictures and the foot of the page are the same beside every area.
        for theme, other, rules in (
            ("light", "Dark theme", None),
            ("dark", "Light theme", ["color-contrast"]),
        ):
            for number, tab in enumerate(TABS, 1):
                page.keyboard.press(f"Alt+{number}")
                studio.settled()
                where = OF_AN_AREA if rules and number > 1 else ""
                trouble.extend(
                    f"{tab.title}, {theme}, {state}: {line}" for line in found(studio, rules, where)
                )
            studio.button(other).click()

    look("empty")
    studio.use_example()
    studio.use_template()
    studio.select("residual")
    look("with a model")
    studio.fit()
    look("fitted")
    assert not trouble, "\n".join(trouble)
