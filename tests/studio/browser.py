"""What a person does with the studio, in few words, for the tests that drive it in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import FilePayload, FloatRect, Locator, Page, expect

Point = tuple[float, float]
Tab = Literal["Inspector", "Matrix", "Data", "Fit", "Code"]
#: The area that a view stands in, where that is called otherwise.
AREAS = {"Inspector": "Model", "Fit": "Results"}

EXAMPLE = "Alpha design of spring oats"
ALPHA = "Randomised blocks or alpha design"


def awaited(page: Page, script: str, arg: object = None, *, patience: float = 60.0) -> Any:
    """What an async function gives in the page, `patience` seconds later at the most.

    `page.wait_for_function` would not wait for it: a promise counts as true there.
    """
    late = f"setTimeout(() => late(new Error('nothing came of it in {patience:g} s')), {1000 * patience})"
    return page.evaluate(f"arg => Promise.race([({script})(arg), new Promise((_, late) => {late})])", arg)


def copied(page: Page, text: str) -> str:
    """What the clipboard holds, as soon as it holds this text."""
    has = "async text => { while (!(await navigator.clipboard.readText()).includes(text)) await pause(); }"
    pause = "const pause = () => new Promise(requestAnimationFrame)"
    awaited(page, f"text => {{ {pause}; return ({has})(text) }}", text)
    return str(page.evaluate("navigator.clipboard.readText()"))


class Studio:
    """One page of the studio.

    Args:
        page: a page of the browser.
        url: where the app is served.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    def open(self, begin: str = "") -> Studio:
        """Load the page and wait until it answers.

        Args:
            begin: what the session begins with, as `tests.studio.prepared` knows it; nothing of that is left
                in the address.
        """
        self.page.goto(f"{self.url}/?begin={begin}" if begin else self.url)
        self.ready()
        if begin:
            self.page.evaluate("history.replaceState(null, '', '/')")
        return self

    def reload(self) -> Studio:
        """Load the page again and wait until it answers."""
        self.page.reload()
        return self.ready()

    def forgotten(self) -> Studio:
        """Load the page as in another tab, without the work of this one."""
        self.page.evaluate("sessionStorage.clear()")
        return self.reload()

    def ready(self) -> Studio:
        """Wait until a page under way stands, and the server has answered all that the page asked of it."""
        # Each time `expect` finds nothing yet it writes the whole page down; `wait_for` only waits.
        self.page.locator("body[data-ready]").wait_for(state="attached", timeout=60_000)
        self.node("V").wait_for()
        self.settled()
        return self

    def settled(self) -> None:
        """Wait until the server has answered all that was asked of it, and the answers are drawn.

        What the server does later by itself (a drag's undo step, a fit, the check of a formula) is not waited
        for. The way is gone twice: Panel holds a message back while an earlier one is being written.
        """
        awaited(
            self.page,
            """async () => {
                const bus = window.covstudio;
                const frame = () => new Promise(requestAnimationFrame);
                for (let turn = 0; turn < 2; turn++) {
                    await frame();
                    await frame();
                    await new Promise((answered) => {
                        const stop = bus.onFrame(({ seq }) => seq >= asked && (stop(), answered()));
                        const asked = bus.ping();
                    });
                }
                await frame();
                await frame();
            }""",
        )

    @contextmanager
    def choosing(self, file: str | Path | FilePayload) -> Iterator[None]:
        """Do what makes the page ask for a file; this one is chosen.

        The browser hands choosers to the test only once it has answered that it will, and a key overtakes
        that question: whoever waits for the answer to a later one cannot be too early.
        """
        with self.page.expect_file_chooser() as chooser:
            self.page.evaluate("null")
            yield
        chooser.value.set_files(file)

    # --- the frame --------------------------------------------------------------------------------

    def show(self, tab: Tab) -> Locator:
        """Open the area of a view; the view."""
        self.page.get_by_role("tab", name=AREAS.get(tab, tab), exact=True).click()
        return self.panel(tab)

    def model(self) -> None:
        """Open the model's own area, if another is open."""
        area = self.page.get_by_role("tab", name="Model", exact=True)
        if area.get_attribute("aria-selected") != "true":
            area.click()
            self.settled()

    def panel(self, tab: Tab) -> Locator:
        """A view that has an area."""
        return self.page.get_by_role("tabpanel", name=AREAS.get(tab, tab), exact=True)

    def button(self, name: str) -> Locator:
        """The button of exactly this name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def notice(self, text: str) -> Locator:
        """The notice that holds this text."""
        return self.page.locator("[data-notice]", has_text=text)

    def kept(self) -> None:
        """Wait until the browser keeps the work as it stands.

        The server has answered everything, so it has told of the draft too, or is writing it; the page writes
        it in its turn.
        """
        self.settled()
        title = self.page.get_by_label("Model title").input_value()
        undo = self.button("Undo").get_attribute("aria-description")
        awaited(
            self.page,
            """async ([title, undo]) => {
                const frame = () => new Promise(requestAnimationFrame);
                const isMade = (all) => all.some(({ name }) => name === "covstudio");
                while (!isMade(await indexedDB.databases())) await frame();
                const answer = (asked) => new Promise((known) => {
                    asked.onsuccess = () => known(asked.result);
                });
                const base = await answer(indexedDB.open("covstudio"));
                const own = sessionStorage.getItem("covstudio.tab.draft");
                const head = () => answer(
                    base.transaction("drafts").objectStore("drafts").get([own, ""])
                );
                const label = (head) => head.draft.past.at(-1)?.label;
                const isIt = (head) => head?.title === title
                    && (undo === null || undo === `Undo: ${label(head)} (Ctrl Z)`);
                while (!isIt(await head())) await frame();
                base.close();
            }""",
            [title, undo],
        )

    # --- starting ---------------------------------------------------------------------------------

    def use_example(self) -> None:
        """Load the built-in table, confirm what its columns are, and go back to the model."""
        panel = self.show("Data")
        panel.get_by_role("button", name=EXAMPLE).click()
        panel.get_by_role("button", name="Use this table").click()
        panel.get_by_text("in use", exact=True).wait_for()
        self.model()

    def use_template(self, title: str = ALPHA) -> None:
        """Start from a template."""
        self.button("Templates").click()
        named = self.page.get_by_text(title, exact=True)  # descriptions of others have the words, too
        self.page.get_by_role("menuitem").filter(has=named).click()
        expect(self.page.get_by_label("Model title")).to_have_value(title)
        expect(self.page.get_by_role("tab", name="Model", exact=True)).to_have_attribute(
            "aria-selected", "true"
        )
        self.settled()

    def state(self) -> Locator:
        """The chip that says how far the model is."""
        return self.page.get_by_role("button", name="State of the model")

    # --- the canvas -------------------------------------------------------------------------------

    def node(self, name: str) -> Locator:
        """A node of the canvas, by its name."""
        return self.page.locator(f'.react-flow__node[aria-label^="{name}, "]')

    def nodes(self) -> Locator:
        """Every node of the canvas, V included."""
        return self.page.locator(".react-flow__node")

    def slot(self, node: str, slot: str) -> Locator:
        """A slot of a node: "z", "g"; "1", "2", ... of an operator with any number of operands; "V" of V."""
        return self.node(node).locator(f'.react-flow__handle[data-handleid="{slot}"]')

    def output(self, node: str) -> Locator:
        """The output of a node."""
        return self.slot(node, "out")

    def item(self, title: str) -> Locator:
        """A structure of the palette."""
        return self.page.get_by_label("Palette", exact=True).get_by_role("button", name=title, exact=True)

    def drag_from_palette(self, title: str, to: Locator | Point) -> None:
        """Drag a structure from the palette onto a place of the canvas, a node or a slot.

        Args:
            title: the structure's title.
            to: what to drop it on, or a place in pixels of the page.
        """
        self.model()
        item = self.item(title)
        item.scroll_into_view_if_needed()
        with self.dragging(item) as to_point:
            to_point(to)

    def wire(self, child: str, parent: str, slot: str) -> None:
        """Draw a wire from a node's output to a slot, with the mouse."""
        self.model()
        with self.dragging(self.output(child)) as to_point:
            to_point(self.slot(parent, slot))
        wire = self.page.get_by_role("group", name=f"Wire from {child} into {parent}", exact=True)
        wire.wait_for(state="attached")

    @contextmanager
    def dragging(self, source: Locator) -> Iterator[_Mover]:
        """Press the mouse on something; release it at the end. A first small step makes the browser see a
        drag.
        """
        mouse = self.page.mouse
        self.settled()
        x, y = centre(source)
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + 4, y + 3, steps=2)
        yield _Mover(self.page)
        mouse.up()

    # --- the inspector ----------------------------------------------------------------------------

    def select(self, name: str) -> None:
        """Select a node by clicking on its head, and wait until all that follows from it is drawn."""
        self.model()
        self.settled()
        self.node(name).click(position={"x": 60, "y": 14})
        field = self.page.get_by_label("Name", exact=True)
        field.wait_for()
        expect(field).to_have_value(name)
        self.settled()

    def slider(self, path: str) -> Locator:
        """The slider of a parameter, by its path in V such as "genotype/g/sigma^2"."""
        return self.page.locator(f'[data-slider="{path}"]')

    def value(self, path: str) -> Locator:
        """The number field of a parameter."""
        return self.page.locator(f'[data-number="{path}"]')

    def drag_slider(self, path: str, shares: list[float]) -> None:
        """Drag a slider's thumb with the mouse from place to place; places are shares of its length."""
        self.settled()
        box = box_of(self.slider(path))
        start = float(self.slider(path).input_value()) / 1000
        radius = 8  # the thumb's middle never reaches the ends of the track
        y = box["y"] + box["height"] / 2

        def across(share: float) -> float:
            return box["x"] + radius + share * (box["width"] - 2 * radius)

        mouse = self.page.mouse
        mouse.move(across(start), y)
        mouse.down()
        for share in shares:
            mouse.move(across(share), y, steps=4)
        mouse.up()

    # --- fitting ----------------------------------------------------------------------------------

    def fit(self) -> Locator:
        """Press Fit and wait for the results."""
        panel = self.show("Fit")
        panel.get_by_role("button", name="Fit", exact=True).click()
        self.settled()  # what an earlier fit found is gone
        results = panel.get_by_role("region", name="Results")
        results.wait_for(timeout=60_000)
        self.settled()
        return results


class _Mover:
    def __init__(self, page: Page) -> None:
        self._page = page

    def __call__(self, to: Locator | Point) -> None:
        x, y = to if isinstance(to, tuple) else centre(to)
        self._page.mouse.move(x, y, steps=12)
        self._page.mouse.move(x, y)


def box_of(locator: Locator) -> FloatRect:
    """Where something is on the page; it is there."""
    locator.wait_for()
    box = locator.bounding_box()
    assert box is not None, f"expected {locator} to be on the page"
    return box


def row(table: Locator, name: str) -> list[str]:
    """The cells of the table's row that begins with this name, once there is one."""
    first = table.get_by_role("cell", name=name, exact=True)
    first.wait_for()
    found = table.get_by_role("row").filter(has=table.page.get_by_role("cell", name=name, exact=True))
    return found.get_by_role("cell").all_inner_texts()


def centre(locator: Locator) -> Point:
    """The middle of something, in pixels of the page."""
    box = box_of(locator)
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
