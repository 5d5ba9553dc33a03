"""Drafts without a browser: what is told to be kept, and what comes back of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from covstudio.data.examples import load_example
from covstudio.document.changes.all import AddNode, SetArgument, SetChoices, SetTitle
from covstudio.document.files.templates import templates
from covstudio.document.files.write import loads
from covstudio.estimate import estimate
from covstudio.studio.drafts import parts as drafts_parts
from covstudio.studio.drafts.parts import read_bundle
from covstudio.studio.fit.kept import KeptFit
from covstudio.studio.page.page import Page
from covstudio.studio.root import Root
from covstudio.studio.session.channel import Channel, Line
from covstudio.studio.session.files import UploadError
from covstudio.studio.session.messages import Edit, Message, State, Wire


class Browser(Line):
    """A page's storage: what it was told to keep."""

    def __init__(self, page: Page) -> None:
        assert page.drafts is not None
        self.page = page
        self.parts: dict[str, bytes] = {}
        self.received: list[str] = []
        self.draft: dict[str, Any] = {}
        self.times = 0
        self.answers: list[str | None] = []
        page.drafts.channel.join(self)

    def draw(self, view: str, state: str) -> None:
        """A state."""

    def say(self, view: str, message: str, data: bytes | None) -> None:
        """A message."""
        said = json.loads(message)
        if said["type"] == "keep-part":
            assert data is not None
            self.parts[said["part"]] = data
            self.received.append(said["part"])
        elif said["type"] == "keep-draft":
            self.draft = said["draft"]
            self.times += 1
        else:
            self.answers.append(said["trouble"])

    def bundle(self, **changes: Any) -> bytes:
        """What the page sends to have its work back."""
        head = {
            "draft": self.draft | changes,
            "parts": [[name, len(data)] for name, data in self.parts.items()],
        }
        text = msgspec.json.encode(head)
        return len(text).to_bytes(8, "little") + text + b"".join(self.parts.values())

    def send(self, data: bytes, purpose: str = "draft") -> None:
        """Send it, in one piece."""
        assert self.page.drafts is not None
        self.page.drafts.channel.take(
            {
                **{"type": "chunk", "purpose": purpose, "id": "1", "name": "oats", "index": 0},
                **{"total": 1, "size": len(data), "data": data},
            }
        )


@pytest.fixture
def own() -> Page:
    """A page that keeps drafts."""
    return Page(keeps=True)


def worked(own: Page) -> None:
    """A table, a model, a choice about the table, two titles, one of them undone."""
    store = own.store
    store.load_table(load_example("john_alpha"))
    store.start(templates()[0])
    store.dispatch(SetChoices(store.document.choices.with_column("rep", reference="R2")))
    store.dispatch(SetTitle("Oats"))
    store.dispatch(SetTitle("Barley"))
    store.undo()
    store.selection = (next(iter(store.document.nodes)),)
    store.derivatives = "natural"


def test_the_work_comes_back_as_it_was(own: Page) -> None:
    browser = Browser(own)
    worked(own)
    other = Page(keeps=True)
    again = Browser(other)
    again.send(browser.bundle())
    assert again.answers == [None]
    one, two = own.store, other.store
    assert two.history == replace(one.history, merge_key=None)
    assert two.table is not None
    assert one.table is not None
    assert two.table.frame.equals(one.table.frame)
    assert two.table.reference("rep") == "R2"
    assert (two.selection, two.focus, two.derivatives) == (one.selection, one.focus, "natural")
    assert two.parameters() == one.parameters()
    assert again.draft["present"] == browser.draft["present"]
    assert again.received == [], "the browser has all of it"
    steps = [step.document for step in two.history.past]
    for earlier, later in pairwise([*steps, two.document]):
        for name in {*earlier.nodes} & {*later.nodes}:
            same = earlier.nodes[name] == later.nodes[name]
            assert same == (earlier.nodes[name] is later.nodes[name]), "what a step leaves is shared"
        assert (earlier.roles == later.roles) == (earlier.roles is later.roles)
    two.undo()
    assert two.document.title == templates()[0].title


def test_only_what_is_new_travels(own: Page) -> None:
    browser = Browser(own)
    worked(own)
    browser.received.clear()
    own.store.dispatch(SetTitle("Rye"))
    assert len(browser.received) == 1, "the document alone, not its table nor its history"
    own.store.selection = ()
    assert len(browser.received) == 1


def test_a_large_node_travels_once(own: Page) -> None:
    browser = Browser(own)
    store = own.store
    store.dispatch(AddNode("KnownMatrix"))
    node = next(iter(store.document.nodes))
    values = tuple(tuple(float(i == j) for j in range(60)) for i in range(60))
    assert store.dispatch(SetArgument(node, "K", values)), store.message
    large = list(browser.draft["nodes"])
    assert len(large) == 1
    browser.received.clear()
    store.dispatch(SetTitle("Oats"))
    assert browser.draft["nodes"] == large
    assert len(browser.received) == 1
    back = read_bundle(browser.bundle())
    assert back.work.history.present == store.document


def test_a_fit_comes_back_without_fitting(own: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(own)
    worked(own)
    store = own.store
    assert store.table is not None
    found = estimate(store.document, store.table)
    store.apply_estimate(found)
    own.view("fit").bring_back(KeptFit(found, 1.5, 3, store.document))  # type: ignore[attr-defined]
    assert browser.draft["fit"]["number"] == 3
    monkeypatch.setattr("covstudio.reml.fit", None)
    other = Page(keeps=True)
    Browser(other).send(browser.bundle())
    kept = other.view("fit").kept()  # type: ignore[attr-defined]
    assert kept.estimate.fit.loglik == found.fit.loglik
    assert (kept.seconds, kept.number) == (1.5, 3)
    assert other.store.estimate_is_current
    one, two = (json.loads(p.view("fit").lines[0].state) for p in (own, other))
    assert one == two


def test_a_fit_that_was_under_way_is_told_of(own: Page) -> None:
    browser = Browser(own)
    worked(own)
    own.store.param.update(fitting=True, answers=own.store.answers + 1)
    other = Page(keeps=True)
    Browser(other).send(browser.bundle())
    assert other.store.message is not None
    assert "Press Fit to start it again." in other.store.message.text
    assert not other.store.fitting


def test_nothing_is_kept_while_nothing_was_done(own: Page) -> None:
    browser = Browser(own)
    own.store.notify("hello")
    own.store.selection = ()
    assert browser.times == 0


def test_what_the_browser_has_lost_is_sent_again(own: Page) -> None:
    browser = Browser(own)
    worked(own)
    wanted, browser.parts = set(browser.parts), {}
    assert own.drafts is not None
    own.drafts.channel.take({"type": "send-all"})
    assert set(browser.parts) >= {browser.draft["present"], *(one["part"] for one in browser.draft["past"])}
    assert set(browser.parts) <= wanted


def test_what_was_forgotten_stays_so_until_there_is_something_new(own: Page) -> None:
    browser = Browser(own)
    worked(own)
    browser.parts, before = {}, browser.times
    assert own.drafts is not None
    own.drafts.channel.take({"type": "forget-work"})
    own.store.selection = ()
    assert browser.times == before
    own.store.dispatch(SetTitle("Rye"))
    assert read_bundle(browser.bundle()).work.history.present.title == "Rye"


def test_the_steps_that_are_kept_are_the_last_ones(own: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Browser(own)
    for number in range(30):
        own.store.dispatch(SetTitle(f"Title {number}"))
    assert len(browser.draft["past"]) == 30
    monkeypatch.setattr(drafts_parts, "MAX_HISTORY", 2_000)
    own.store.dispatch(SetTitle("The last"))
    kept = read_bundle(browser.bundle()).work.history
    assert 5 < len(kept.past) < 30
    assert kept.past[-1].document.title == "Title 29"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda bundle: b"", "not one that this covstudio keeps"),
        (lambda bundle: bundle[: len(bundle) // 2], "cannot be read"),
        (lambda bundle: bundle.replace(b'"version":1', b'"version":9'), "another covstudio"),
        (lambda bundle: bundle.replace(b'"focus":"V"', b'"focus":[1]'), "not one that this covstudio keeps"),
    ],
)
def test_a_draft_that_cannot_be_read_changes_nothing(
    own: Page, change: Callable[[bytes], bytes], said: str
) -> None:
    browser = Browser(own)
    worked(own)
    before = own.store.history
    browser.send(change(browser.bundle()))
    assert said in (browser.answers[-1] or "")
    assert own.store.history is before
    assert own.store.message is not None
    assert said in own.store.message.text


def test_the_model_of_a_draft_that_cannot_be_read_is_had_as_a_file(
    own: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: list[tuple[str, str]] = []
    monkeypatch.setattr(own.drafts, "_download", lambda *saved: files.append(saved))
    browser = Browser(own)
    worked(own)
    own.store.dispatch(SetTitle("Oats / 2"))
    browser.send(browser.bundle(version=9, focus=[1]), "draft-file")
    ((name, text),) = files
    document, table = loads(text)
    assert name == "Oats - 2.covstudio.json"
    assert document == own.store.document
    assert table is not None
    assert table.frame.equals(load_example("john_alpha").frame)
    (kept,) = browser.draft["tables"]
    browser.parts[kept["part"]] = b"broken"
    browser.send(browser.bundle(), "draft-file")
    assert loads(files[1][1]) == (own.store.document, None)
    browser.send(browser.bundle(file_version=9), "draft-file")  # of a covstudio that is still to come
    assert json.loads(files[2][1])["covstudio"] == 9
    browser.parts[browser.draft["present"]] = b"broken"
    browser.send(browser.bundle(), "draft-file")
    assert len(files) == 3
    assert own.store.message is not None
    assert "no model is to be had from it" in own.store.message.text


def test_a_missing_part_is_told_of(own: Page) -> None:
    browser = Browser(own)
    worked(own)
    del browser.parts[browser.draft["present"]]
    with pytest.raises(UploadError, match="missing"):
        read_bundle(browser.bundle())


def test_a_notebook_keeps_no_drafts() -> None:
    assert Page().drafts is None


# --- what a page says again ---


class Trial(State, frozen=True):
    """Nothing."""


class Write(Edit, frozen=True):
    """An edit."""

    text: str


class Look(Message, frozen=True):
    """No edit."""


def test_what_was_said_again_counts_once_and_only_where_it_edits() -> None:
    wire = Wire("trial", Trial, up=(Write, Look))
    heard: list[str] = []
    root = Root()
    store = Page().store
    try:
        root.connect(
            Channel(
                wire,
                store,
                {Write: lambda said: heard.append(said.text), Look: lambda _: heard.append("look")},
            )
        )
        write = {"type": "write", "text": "a"}
        for number, message, more in (
            (1, write, {}),
            (1, write, {}),  # its line was lost, and it does not know whether it was heard
            (2, {"type": "look"}, {}),
            (7, {"type": "look"}, {"again": True}),  # of a page before this one
            (8, write, {"again": True}),
        ):
            root._heard({"view": "trial", "message": message, "n": number, **more})
    finally:
        del Wire.all["trial"]
    assert heard == ["a", "look", "a"]
    assert root.heard == 8
