"""The keyboard is never lost: after every act it stands on something that is seen, where one would look."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from playwright.sync_api import FilePayload, Locator, expect

from covstudio.document.files.write import dumps
from covstudio.studio.session.tabs import TABS
from tests.studio.browser import EXAMPLE, Studio
from tests.studio.canvas_cases import field_trial

STANDS = """
() => {
    let one = document.activeElement;
    while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
    if (!one || one === document.body || one === document.documentElement) return "nowhere";
    const what = one.outerHTML.slice(0, 120);
    if (!one.checkVisibility({ visibilityProperty: true })) return `on what is hidden: ${what}`;
    return one.matches(":disabled") ? `on what is disabled: ${what}` : "";
}
"""


def stands(studio: Studio, where: Locator | None = None) -> None:
    """The keyboard stands on something that is seen and answers; in or on `where`."""
    studio.settled()
    lost = studio.page.evaluate(STANDS)
    assert not lost, f"the keyboard stands {lost}"
    if where is not None:
        inside = where.evaluate(
            """(where) => {
                const now = where.getRootNode().activeElement;
                return where.contains(now) || `${now?.outerHTML.slice(0, 200)}`;
            }"""
        )
        assert inside is True, f"expected the keyboard in {where}; it stands on {inside}"


@cache
def model() -> FilePayload:
    """A field trial's model with its table, as a file."""
    store = field_trial()
    text = dumps(store.document, store.table)
    return {"name": "trial.json", "mimeType": "application/json", "buffer": text.encode()}


def canvas(studio: Studio) -> Locator:
    return studio.page.get_by_role("region", name="Model", exact=True)


def details(studio: Studio) -> Locator:
    return studio.page.get_by_role("complementary", name="Details")


def bar(studio: Studio) -> Locator:
    return studio.page.get_by_role("banner")


# --- acts: each is done by keyboard, and says where the person then looks ---


def go_to_every_area(studio: Studio) -> None:
    for number, tab in enumerate(TABS, 1):
        studio.page.keyboard.press(f"Alt+{number}")
        stands(studio, canvas(studio) if number == 1 else studio.page.get_by_role("tabpanel", name=tab.title))
    studio.page.keyboard.press("Alt+1")
    stands(studio, canvas(studio))


def close_the_help(studio: Studio) -> None:
    studio.button("Help").focus()
    studio.page.keyboard.press("Enter")
    stands(studio, studio.page.get_by_role("dialog"))
    studio.page.keyboard.press("Escape")
    expect(studio.page.get_by_role("dialog")).to_have_count(0)
    expect(studio.button("Help")).to_be_focused()


def close_a_menu(studio: Studio) -> None:
    studio.button("Templates").focus()
    studio.page.keyboard.press("Enter")
    stands(studio, studio.page.get_by_role("menu"))
    studio.page.keyboard.press("Escape")
    expect(studio.button("Templates")).to_be_focused()


def close_the_menu_of_a_node(studio: Studio) -> None:
    studio.node("residual").focus()
    studio.page.keyboard.press("Shift+F10")
    stands(studio, studio.page.get_by_role("menu", name="Actions for residual"))
    studio.page.keyboard.press("Escape")
    expect(studio.node("residual")).to_be_focused()


def leave_the_search(studio: Studio) -> None:
    studio.node("residual").focus()
    studio.page.keyboard.press("Enter")
    expect(studio.page.get_by_label("Name", exact=True)).to_have_value("residual")
    studio.page.keyboard.press("/")
    expect(studio.page.get_by_role("searchbox", name="Find a structure")).to_be_focused()
    studio.page.keyboard.type("ar")
    studio.page.keyboard.press("Escape")
    expect(studio.page.get_by_role("searchbox", name="Find a structure")).to_be_focused()
    studio.page.keyboard.press("Escape")
    expect(studio.node("residual")).to_be_focused()


def leave_the_search_at_the_pointer(studio: Studio) -> None:
    box = canvas(studio).bounding_box()
    assert box is not None
    studio.page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.8 * box["height"])
    canvas(studio).focus()
    studio.page.keyboard.press("/")
    expect(studio.page.get_by_role("combobox", name="Add a structure")).to_be_focused()
    studio.page.keyboard.press("Escape")
    stands(studio, canvas(studio))
    studio.page.mouse.move(0, 0)


def go_to_a_form_and_back(studio: Studio) -> None:
    studio.node("residual").focus()
    studio.page.keyboard.press("Enter")  # selects it
    expect(studio.page.get_by_label("Name", exact=True)).to_have_value("residual")
    studio.page.keyboard.press("Enter")
    expect(studio.slider("residual/sigma^2")).to_be_focused()
    studio.page.keyboard.press("Escape")
    expect(studio.node("residual")).to_be_focused()


def rename_on_the_card(studio: Studio) -> None:
    studio.node("residual").focus()
    studio.page.keyboard.press("F2")
    expect(canvas(studio).get_by_label("Name", exact=True)).to_be_focused()
    studio.page.keyboard.type("error")
    studio.page.keyboard.press("Enter")
    expect(studio.node("error")).to_be_focused()


def rename_in_the_form(studio: Studio) -> None:
    studio.select("residual")
    name = studio.page.get_by_label("Name", exact=True)
    name.focus()
    name.fill("error")
    studio.page.keyboard.press("Enter")
    expect(studio.node("error")).to_be_visible()
    expect(name).to_be_focused()
    studio.page.keyboard.type("x")
    studio.page.keyboard.press("Escape")
    expect(name).to_have_value("error")
    expect(name).to_be_focused()


def delete_a_node(studio: Studio) -> None:
    studio.node("residual").focus()
    studio.page.keyboard.press("Enter")
    studio.settled()
    studio.page.keyboard.press("Delete")
    expect(studio.node("residual")).to_have_count(0)
    stands(studio, canvas(studio))


def remove_in_the_form(studio: Studio) -> None:
    studio.select("residual")
    details(studio).get_by_role("button", name="Remove", exact=True).focus()
    studio.page.keyboard.press("Enter")
    expect(studio.node("residual")).to_have_count(0)
    stands(studio, details(studio))


def undo_all_there_is(studio: Studio) -> None:
    studio.open()
    studio.use_template()
    undo = studio.button("Undo")
    undo.focus()
    for _ in range(9):
        if undo.is_disabled():
            break
        studio.page.keyboard.press("Enter")
        studio.settled()
    expect(undo).to_be_disabled()
    stands(studio, bar(studio))


def undo_by_keys(studio: Studio) -> None:
    studio.node("residual").focus()
    studio.page.keyboard.press("Enter")
    studio.settled()
    for key in ("Delete", "Control+z", "Control+Shift+z", "Control+z"):
        studio.page.keyboard.press(key)
        stands(studio, canvas(studio))
    expect(studio.node("residual")).to_be_visible()


def fold_and_unfold(studio: Studio) -> None:
    details(studio).get_by_role("button").first.focus()
    fold = studio.page.get_by_role("button", name="Details pane")
    fold.evaluate("(button) => button.click()")  # the keyboard stays where it is
    stands(studio, canvas(studio))
    fold.evaluate("(button) => button.click()")
    stands(studio)


def leave_for_the_data(studio: Studio) -> None:
    studio.page.keyboard.press("/")
    studio.page.keyboard.type("oats")
    studio.page.keyboard.press("Enter")
    panel = studio.panel("Data")
    expect(panel.get_by_role("button", name="Use this table")).to_be_focused()
    studio.page.keyboard.press("Enter")
    expect(panel.get_by_text("in use", exact=True)).to_be_visible()
    stands(studio, panel)


def take_an_example(studio: Studio) -> None:
    panel = studio.show("Data")
    panel.get_by_role("button", name="Use another table").focus()
    studio.page.keyboard.press("Enter")
    panel.get_by_role("button", name=EXAMPLE).focus()
    studio.page.keyboard.press("Enter")
    expect(panel.get_by_role("button", name="Use this table")).to_be_focused()
    panel.get_by_role("button", name="Cancel").focus()
    studio.page.keyboard.press("Enter")
    expect(panel.get_by_text("in use", exact=True)).to_be_visible()
    stands(studio, panel)


def start_from_a_template(studio: Studio) -> None:
    studio.page.keyboard.press("Control+a")
    studio.page.keyboard.press("Delete")
    expect(studio.nodes()).to_have_count(1)
    stands(studio, canvas(studio))
    canvas(studio).get_by_role("button", name="Randomised blocks").focus()
    studio.page.keyboard.press("Enter")
    expect(studio.node("residual")).to_be_visible()
    stands(studio, canvas(studio))


def fit_by_keys(studio: Studio) -> None:
    studio.page.keyboard.press("Alt+4")
    panel = studio.panel("Fit")
    formula = panel.get_by_label("Fixed effects", exact=True).first
    formula.focus()
    studio.page.keyboard.press("Control+Enter")
    results = panel.get_by_role("region", name="Results")
    expect(results).to_be_visible()
    expect(results.get_by_role("heading", level=3).first).to_be_focused()
    studio.page.keyboard.press("=")
    field = panel.get_by_label("New quantity")
    expect(field).to_be_focused()
    studio.page.keyboard.type("h2=genotype/(genotype+residual)")
    studio.page.keyboard.press("Enter")
    remove = panel.get_by_role("button", name="Remove h2")
    expect(remove).to_be_visible()
    expect(field).to_be_focused()
    remove.focus()
    studio.page.keyboard.press("Enter")
    expect(remove).to_have_count(0)
    stands(studio, panel)


def dismiss_a_notice(studio: Studio) -> None:
    studio.page.get_by_label("Open a model file").set_input_files(
        {"name": "broken.json", "mimeType": "application/json", "buffer": b"{"}
    )
    notice = studio.page.locator("[data-notice=error]")
    notice.get_by_role("button", name="Dismiss").focus()
    studio.page.keyboard.press("Enter")
    expect(notice).to_have_count(0)
    stands(studio, studio.page.get_by_role("contentinfo"))


def open_a_file(studio: Studio) -> None:
    studio.node("residual").focus()
    studio.page.keyboard.press("Enter")
    studio.settled()
    studio.page.keyboard.press("Delete")
    expect(studio.node("residual")).to_have_count(0)
    with studio.choosing(model()):
        studio.page.keyboard.press("Control+o")
    expect(studio.node("residual")).to_be_visible()
    stands(studio, canvas(studio))


ACTS: tuple[Callable[[Studio], None], ...] = (
    go_to_every_area,
    close_the_help,
    close_a_menu,
    close_the_menu_of_a_node,
    leave_the_search,
    leave_the_search_at_the_pointer,
    go_to_a_form_and_back,
    rename_on_the_card,
    rename_in_the_form,
    delete_a_node,
    remove_in_the_form,
    undo_by_keys,
    undo_all_there_is,
    fold_and_unfold,
    take_an_example,
    leave_for_the_data,
    start_from_a_template,
    dismiss_a_notice,
    open_a_file,
    fit_by_keys,
)


@pytest.fixture
def trial(one_studio: Studio) -> Studio:
    """The page with the model of a trial, the keyboard nowhere in particular."""
    page = one_studio.page
    page.mouse.move(0, 0)
    page.get_by_label("Open a model file").set_input_files(model())
    page.keyboard.press("Alt+1")
    expect(one_studio.node("residual")).to_be_visible()
    one_studio.settled()
    page.keyboard.press("Escape")  # nothing is selected
    expect(page.get_by_label("Name", exact=True)).to_have_count(0)
    one_studio.settled()
    return one_studio


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_the_keyboard_is_where_one_looks_after(trial: Studio, act: Callable[[Studio], None]) -> None:
    act(trial)
    stands(trial)
