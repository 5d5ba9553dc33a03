"""axe finds nothing serious in any area, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest

from covstudio.studio.session.tabs import TABS
from tests.studio.browser import Studio

AXE = Path(__file__).parents[2] / "covstudio/studio/frontend/node_modules/axe-core/axe.min.js"

pytestmark = pytest.mark.skipif(not AXE.exists(), reason="axe-core comes with `make frontend`")


def found(studio: Studio) -> list[str]:
    """What axe finds that is serious or critical: rule, where, and why."""
    lines: list[str] = studio.page.evaluate(
        """async () => {
            const { violations } = await axe.run(document, { resultTypes: ["violations"] });
            return violations
                .filter(({ impact }) => impact === "serious" || impact === "critical")
                .flatMap(({ id, nodes }) =>
                    nodes.map((node) => `${id} ${node.target.flat().at(-1)} ${node.failureSummary}`));
        }"""
    )
    return lines


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("state", ["empty", "fitted"])
def test_axe_finds_nothing_serious(studio: Studio, theme: str, state: str) -> None:
    page = studio.page
    if state == "fitted":
        studio.use_example()
        studio.use_template()
        studio.fit()
    if theme == "dark":
        studio.button("Dark theme").click()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    trouble = {}
    for number, tab in enumerate(TABS, 1):
        page.keyboard.press(f"Alt+{number}")
        studio.settled()
        if lines := found(studio):
            trouble[tab.title] = lines
    assert not trouble, "\n".join(f"{area}: {line}" for area, lines in trouble.items() for line in lines)
