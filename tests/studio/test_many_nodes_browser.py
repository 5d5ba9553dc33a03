"""200 nodes in the browser: all are shown, say less from afar, and stay as they are while the view moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from benchmarks import canvas_pace
from tests.studio.browser import Studio, box_of
from tests.studio.conftest import FAILED
from tests.studio.lasting import LastingPage
from tests.studio.prepared import NODES

#: Whether an image shows, pixel by pixel, what is painted on a canvas that is as large on the screen.
AS_ON_A_CANVAS = """async (name) => {
    const roots = [...document.querySelectorAll("*")].map((one) => one.shadowRoot).filter(Boolean);
    const image = roots.map((root) => root.querySelector(`img[alt="${name}"]`)).find(Boolean);
    await image.decode();
    const { width, height } = image.getBoundingClientRect();
    const canvas = document.createElement("canvas");
    canvas.style.cssText = `position:fixed;z-index:9;left:0;top:0;width:${width}px;height:${height}px`;
    document.body.append(canvas);
    const leave = window.covstudio.register(image.dataset.tile, canvas);
    while (!canvas.dataset.seq) await new Promise(requestAnimationFrame);
    const copy = document.createElement("canvas");
    copy.width = image.naturalWidth;
    copy.height = image.naturalHeight;
    copy.getContext("2d").drawImage(image, 0, 0);
    const pixels = ({ width, height }, context) => context.getImageData(0, 0, width, height).data;
    const [shown, wanted] = [copy, canvas].map((one) => pixels(one, one.getContext("2d")));
    leave();
    canvas.remove();
    return wanted.some((value) => value > 0) && shown.length === wanted.length
        && shown.every((value, at) => value === wanted[at]);
}"""


@pytest.fixture(scope="module")
def counting(chrome: BrowserContext, server_url: str) -> Iterator[LastingPage]:
    """A page that counts what is drawn."""
    page = LastingPage(chrome, server_url, script=canvas_pace.COUNT)
    yield page
    page.close()


@pytest.fixture
def many(request: pytest.FixtureRequest, counting: LastingPage) -> Iterator[Studio]:
    """A page that opens with the model, and stays for the next test as this one leaves it."""
    yield counting.lend("many", user=__name__)
    counting.take_back(failed=request.node.stash[FAILED])


def everything(studio: Studio) -> None:
    """Show the whole model, and wait until all of it is in sight."""
    studio.button("Show everything").click()
    studio.settled()
    page = box_of(studio.page.locator("#cs-canvas"))
    outside = studio.nodes().evaluate_all(
        """(nodes, { x, y, width, height }) => nodes.filter((node) => {
            const box = node.getBoundingClientRect();
            return box.left < x || box.top < y || box.right > x + width || box.bottom > y + height;
        }).map((node) => node.dataset.id)""",
        page,
    )
    assert outside == []


def test_everything_is_shown_and_cards_say_more_from_nearer(many: Studio) -> None:
    expect(many.nodes()).to_have_count(NODES + 1)
    many.button("Tidy up").click()
    many.settled()
    everything(many)
    node = many.node("variance 7")
    name, size = node.get_by_text("variance 7", exact=True), node.get_by_text("24 × 24")
    expect(node.get_by_role("img", name="Heatmap of variance 7")).to_be_visible()
    expect(name).to_be_hidden()  # it would be too small to be read
    unpainted = (
        many.nodes()
        .locator("[data-tile]")
        .evaluate_all("(pictures) => pictures.filter((picture) => !picture.dataset.seq).length")
    )
    assert unpainted == 0
    assert many.nodes().locator("canvas").count() == 0, "each would be a layer of its own"
    assert many.page.evaluate(AS_ON_A_CANVAS, "Heatmap of effect 7")
    seen = []
    for _ in range(12):
        many.button("Zoom in").click()
        many.settled()
        seen.append((name.is_visible(), size.is_visible()))
        if seen[-1] == (True, True):
            break
    assert (True, False) in seen, "a picture and a name, before there is more"
    assert seen[-1] == (True, True)


@pytest.mark.parametrize("move", [canvas_pace.pan, canvas_pace.zoom])
def test_no_card_is_drawn_anew_while_the_view_moves(
    many: Studio, move: Callable[[Page, tuple[float, float], int], canvas_pace.Pace]
) -> None:
    many.button("Tidy up").click()
    everything(many)
    place = canvas_pace.middle(many.page)
    flow = many.page.locator(".react-flow__viewport")
    before, where = canvas_pace.drawn(many.page), flow.get_attribute("style")
    assert before["cards"] > NODES, "the cards that were drawn at first are counted"
    move(many.page, place, 20)
    assert flow.get_attribute("style") != where
    assert canvas_pace.drawn(many.page)["cards"] == before["cards"]


def test_the_map_moves_the_view(many: Studio) -> None:
    everything(many)
    flow = many.page.locator(".react-flow__viewport")
    whole = flow.get_attribute("style")
    box = box_of(many.page.get_by_role("img", name="Map of the model"))
    mouse = many.page.mouse
    mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    mouse.down()
    mouse.move(box["x"] + box["width"] / 2 - 20, box["y"] + box["height"] / 2 - 15, steps=5)
    mouse.up()
    expect(flow).not_to_have_attribute("style", whole or "")
    moved = flow.get_attribute("style") or ""
    mouse.wheel(0, -300)
    expect(flow).not_to_have_attribute("style", moved)
