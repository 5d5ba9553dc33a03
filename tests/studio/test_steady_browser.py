"""What is drawn stays drawn: no node and no wire goes away for a moment while something else changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import expect

from covstudio.covariance import declaration
from tests.studio.browser import Studio
from tests.studio.canvas_actions import PIECES
from tests.studio.conftest import SLOWDOWN

#: How many times slower than it is the processor is made, so that what is gone for a moment is seen.
SLOW = 6

#: Notes how many nodes and wires stand on the canvas whenever something there changes, and nodes that were
#: made again.
WATCH = """(flow) => {
    let found = new Map();
    const counts = window.counts = { wires: [], nodes: [], again: [] };
    const note = () => {
        const nodes = [...flow.querySelectorAll(".react-flow__node")];
        const seen = { wires: flow.querySelectorAll(".react-flow__edge").length, nodes: nodes.length };
        for (const [kind, count] of Object.entries(seen))
            if (counts[kind].at(-1) !== count) counts[kind].push(count);
        const now = new Map(nodes.map((node) => [node.dataset.id, node]));
        for (const [id, node] of now) if (found.has(id) && found.get(id) !== node) counts.again.push(id);
        found = now;
    };
    new MutationObserver(note).observe(flow, { childList: true, subtree: true });
    note();
}"""


@pytest.fixture
def slow(studio: Studio) -> Iterator[Studio]:
    """The studio with its canvas watched, on a slow processor."""
    devtools = studio.page.context.new_cdp_session(studio.page)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOW})
    studio.page.get_by_test_id("rf__wrapper").evaluate(WATCH)
    yield studio
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
    devtools.detach()


def counted(studio: Studio) -> dict[str, list[Any]]:
    """How many nodes and wires there were since this was asked for last, each change once."""
    studio.settled()
    seen: dict[str, list[Any]] = studio.page.evaluate(
        """() => {
            const seen = structuredClone(counts);
            counts.wires.splice(0, counts.wires.length - 1);
            counts.nodes.splice(0, counts.nodes.length - 1);
            return seen;
        }"""
    )
    return seen


def rises(numbers: list[int], first: int, last: int) -> bool:
    """Whether the numbers go from the first to the last and never back."""
    return numbers[0] == first and numbers[-1] == last and numbers == sorted(numbers)


def test_wires_and_nodes_stay_while_the_model_changes(slow: Studio) -> None:
    page = slow.page
    wires = page.locator(".react-flow__edge")
    slow.use_template()
    expect(wires).to_have_count(PIECES)
    seen = counted(slow)
    assert rises(seen["wires"], 0, PIECES), seen
    assert rises(seen["nodes"], 1, PIECES + 1), seen

    slow.item("Identity").click()  # beside the model
    expect(slow.nodes()).to_have_count(PIECES + 2)
    seen = counted(slow)
    assert seen["wires"] == [PIECES], seen
    assert rises(seen["nodes"], PIECES + 1, PIECES + 2), seen

    page.keyboard.press("Control+z")
    expect(slow.nodes()).to_have_count(PIECES + 1)
    seen = counted(slow)
    assert seen["wires"] == [PIECES], seen
    assert rises([-count for count in seen["nodes"]], -PIECES - 2, -PIECES - 1), seen

    # An operator that grows a slot is of another type.
    slow.drag_from_palette("Diagonal", slow.slot("Sum", "4"))
    expect(wires).to_have_count(PIECES + 1)
    expect(slow.slot("Sum", "5")).to_be_visible()
    seen = counted(slow)
    assert rises(seen["wires"], PIECES, PIECES + 1), seen

    with slow.dragging(slow.output("block")) as to_point:  # a wire that the browser draws by itself
        to_point(slow.slot("Sum", "5"))
    expect(wires).to_have_count(PIECES + 1)
    expect(slow.button("Undo")).to_have_attribute("aria-description", re.compile("block"))
    seen = counted(slow)
    assert min(seen["wires"]) == PIECES + 1, seen
    assert seen["nodes"] == [PIECES + 2], seen
    assert seen["again"] == [], seen


#: How far each wire ends from the handles it belongs to, in pixels of the page.
ENDS = """(flow) => {
    const all = (selector) => [...flow.querySelectorAll(selector)];
    const edge = (box, right) => ({ x: right ? box.right : box.left, y: box.top + box.height / 2 });
    const far = (point, other) => Math.hypot(point.x - other.x, point.y - other.y);
    return all(".react-flow__edge").map((wire) => {
        const path = wire.querySelector(".react-flow__edge-path");
        const at = (length) => path.getPointAtLength(length).matrixTransform(path.getScreenCTM());
        const [child, parent] = wire.dataset.id.split("->");
        const handles = (node, kind) => all(`.react-flow__handle.${kind}[data-nodeid="${node}"]`)
            .map((handle) => edge(handle.getBoundingClientRect(), kind === "source"));
        const misses = (point, places) => Math.min(...places.map((place) => far(point, place)));
        return [misses(at(0), handles(child, "source")),
                misses(at(path.getTotalLength()), handles(parent, "target"))];
    });
}"""


def test_wires_end_at_the_handles(started: Studio) -> None:
    """The model says where handles stand, the style sheet draws them: they must agree."""
    for name in ("Identity", "Diagonal", "Scalar (variance components)", declaration("AR1Matrix").title):
        started.button("Show everything").click()
        started.select("Sum")
        started.item(name).click()
        started.settled()
    expect(started.slot("Sum", "8")).to_be_visible()  # taller than the others by now
    expect(started.page.locator(".react-flow__edge")).to_have_count(PIECES + 4)
    started.settled()
    misses = started.page.get_by_test_id("rf__wrapper").evaluate(ENDS)
    assert len(misses) == PIECES + 4
    assert max(map(max, misses)) < 0.5


#: Notes every place of a node, in the order in which it stood there.
FOLLOW = """(node) => {
    const places = window.places = [];
    const note = () => {
        const x = new DOMMatrix(getComputedStyle(node).transform).m41;
        if (places.at(-1) !== x) places.push(x);
    };
    new MutationObserver(note).observe(node, { attributes: true, attributeFilter: ["style"] });
    note();
}"""


def test_a_node_never_steps_back_while_an_arrow_key_is_held(started: Studio) -> None:
    page = started.page
    started.select("residual")
    started.node("residual").evaluate(FOLLOW)
    for steps in range(1, 25):
        page.keyboard.press("Shift+ArrowRight")
        page.wait_for_function("(steps) => places.length > steps", arg=steps)
    expect(started.button("Undo")).to_have_attribute("aria-description", re.compile("Move residual"))
    started.settled()
    places = page.evaluate("places")
    assert places == sorted(places)
    assert len({after - before for before, after in pairwise(places)}) == 1
