"""Each kind of thing has one registry: a file that registers one more is found wherever people meet them."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from covstudio.cli import OK, USAGE, main
from covstudio.data.errors import TableError
from covstudio.data.examples import EXAMPLES, examples, load_example
from covstudio.document.changes.all import AddNode
from covstudio.document.files.templates import TEMPLATES, templates
from covstudio.document.files.write import dumps
from covstudio.document.model.document import Document
from covstudio.export import EXPORTERS
from covstudio.registry import Registry
from covstudio.studio.canvas.canvas import CanvasView
from covstudio.studio.code.code import CodeView
from covstudio.studio.page.page import Page
from covstudio.studio.session.store import Store
from covstudio.studio.session.tabs import TABS, Tab, TabView
from tests.programs import OF_ITS_FOLDER, run_program
from tests.studio.own_files import as_modules, into_package
from tests.studio.states import state_of

PACKAGE = Path(__file__).parents[1] / "covstudio"
OWN = {EXPORTERS: "outline", TEMPLATES: "independent", EXAMPLES: "two_beds", TABS: "notes"}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Somebody's own modules, imported: one more of each kind, for as long as the test runs."""
    monkeypatch.syspath_prepend(str(tmp_path))
    names = as_modules(tmp_path)
    before = {registry: registry.names() for registry in OWN}
    for name in names:
        sys.modules.pop(name, None)
        importlib.import_module(name)
    yield
    for registry, name in OWN.items():
        registry.withdraw(name)
    assert {registry: registry.names() for registry in OWN} == before


def opened(page: Page, tab: str) -> None:
    """A person opens a tab."""
    page.frame.channel.take({"type": "tab-opened", "tab": tab})


def titles(entries: list[dict[str, str]]) -> list[str]:
    return [entry["title"] for entry in entries]


@pytest.fixture
def page() -> Iterator[Page]:
    """A page without a browser."""
    opened = Page()
    yield opened
    opened.close()


# --- exporters ---


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "model.json"
    document = AddNode("ScalarMatrix", name="noise", arguments={"n": 2}, connect=("V", None)).apply(
        Document()
    )
    path.write_text(dumps(document), encoding="utf-8")
    return str(path)


@pytest.mark.usefixtures("own")
def test_an_exporter_is_a_format_of_the_command_line(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", model, "--format", "outline"]) == OK
    assert capsys.readouterr().out.endswith("noise := ScalarMatrix\n")
    assert main(["export", model]) == OK
    assert "def covariance():" in capsys.readouterr().out, "the first is taken where none is named"
    assert main(["export", "--help"]) == OK
    assert "formats: python (Python), outline (Outline)" in capsys.readouterr().out


def test_a_format_that_is_not_there_lists_those_that_are(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", model, "--format", "outline"]) == USAGE
    assert "There is no format 'outline'. There are 'python'" in capsys.readouterr().err


@pytest.mark.usefixtures("own")
def test_an_exporter_without_more_says_what_every_program_would_miss(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "empty.json"
    path.write_text(
        dumps(AddNode("Sum", name="total", connect=("V", None)).apply(Document())), encoding="utf-8"
    )
    main(["export", str(path), "--format", "outline"])
    mine = capsys.readouterr().err
    main(["export", str(path), "--format", "python"])
    assert mine == capsys.readouterr().err
    assert "total: " in mine


@pytest.mark.usefixtures("own")
def test_an_exporter_is_a_language_of_the_code_view() -> None:
    store = Store(
        AddNode("ScalarMatrix", name="noise", arguments={"n": 2}, connect=("V", None)).apply(Document())
    )
    saved: list[tuple[str, str | bytes]] = []
    view = CodeView(store, lambda name, text: saved.append((name, text)))
    view.look(True)
    state = state_of(view)
    assert (state["language"], state["name"]) == ("python", "model.py")
    assert {"def", "return", "lambda"} <= set(state["keywords"])
    assert state["languages"] == [
        {"name": "python", "label": "Python"},
        {"name": "outline", "label": "Outline"},
    ]
    view.choose("outline")
    state = state_of(view)
    assert (state["language"], state["name"], state["keywords"]) == ("outline", "model.txt", ["model"])
    assert state["code"].endswith("noise := ScalarMatrix\n")
    view._save()
    assert saved == [("model.txt", state["code"])]
    view.choose("no such")
    assert state_of(view)["language"] == "outline"


# --- templates and examples ---


@pytest.mark.usefixtures("own")
def test_a_template_is_offered_by_the_bar_and_on_the_empty_canvas(page: Page) -> None:
    assert templates()[-1].name == "independent"
    assert titles(state_of(page.bar)["templates"])[-1] == "Independent rows"
    canvas = CanvasView(page.store)
    assert titles(state_of(canvas)["templates"])[-1] == "Independent rows"
    page.bar.start("independent")
    assert [node.name for node in page.store.document.nodes.values()] == ["noise"]
    page.store.undo()
    canvas.channel.take({"type": "start-template", "name": "independent"})
    assert [node.name for node in page.store.document.nodes.values()] == ["noise"]


@pytest.mark.usefixtures("own")
def test_an_example_is_offered_by_the_bar_and_in_the_data_view(page: Page) -> None:
    assert examples()[-1].name == "two_beds"
    assert load_example("two_beds").columns == ("bed", "height")
    assert titles(state_of(page.bar)["examples"])[-1] == "Two beds of three plants"
    data = page.view("data")
    assert state_of(data)["examples"][-1]["licence"] == "CC0"
    page.bar.propose("two_beds")
    assert state_of(data)["table"]["name"] == "own_two_beds.csv"


def test_an_example_that_is_not_there_lists_those_that_are() -> None:
    with pytest.raises(TableError, match=r"no example 'two_beds'.*'john_alpha'"):
        load_example("two_beds")


# --- tabs ---


@pytest.mark.usefixtures("own")
def test_a_tab_is_on_the_page_in_the_keys_and_in_the_help() -> None:
    page = Page()
    assert json.loads(page.root.frame) == (state := state_of(page.frame))
    assert state["tabs"][-1] == {"name": "notes", "label": "Notes"}
    assert state["steps"][-1] == "Write down what you think (Notes)."
    assert "notes" not in page.views, "made when somebody opens it"
    opened(page, "notes")
    notes: Any = page.views["notes"]
    opened(page, "code")
    opened(page, "notes")
    assert notes is page.views["notes"]
    assert notes.seen == [True, False, True]
    page.close()
    assert notes.closed


def test_the_tabs_of_the_house(page: Page) -> None:
    assert TABS.names()[:5] == ("inspector", "matrix", "data", "fit", "code")
    for tab in TABS:
        assert isinstance(page.view(tab.name), TabView)
    opened(page, "no such")


def test_the_name_of_a_tab_is_a_word() -> None:
    with pytest.raises(ValueError, match="expected a word"):
        Tab("my notes", "My notes", lambda desk: TabView())


# --- the search ---


def test_the_search_offers_what_the_registries_hold(own: None) -> None:
    page = Page()
    try:
        offered = state_of(page.palette)["offers"]
        found = {(offer["offer"], offer["name"]) for offer in offered}
        registries = {"language": EXPORTERS, "template": TEMPLATES, "example": EXAMPLES, "tab": TABS}
        assert found == {(kind, name) for kind, registry in registries.items() for name in registry.names()}
        for kind, name in sorted(found):
            page.palette.channel.take({"type": "take-offer", "offer": kind, "name": name})
        assert state_of(page.view("data"))["table"]["name"] == "own_two_beds.csv"
        assert page.store.document.title == TEMPLATES[max(TEMPLATES.names())].title
        assert page.view("code")._exporter.name == "python"  # type: ignore[attr-defined]
        page.palette.channel.take({"type": "take-offer", "offer": "language", "name": "outline"})
        assert page.view("code")._exporter.name == "outline"  # type: ignore[attr-defined]
        page.palette.channel.take({"type": "take-offer", "offer": "no such", "name": "outline"})
    finally:
        page.close()


# --- files in the package, nothing else touched ---

LOOK = """
import json, sys
from covstudio.cli import main
print(json.dumps(sorted(name for name in sys.modules if name.startswith("covstudio"))))
from covstudio.data import examples, load_example
from covstudio.document.templates import templates
from covstudio.export import exporters
from covstudio.studio.session.tabs import TABS
kinds = ("outline", "independent", "two_beds", "notes", "john_alpha", "alpha")
loaded = [name.split(".") for name in sys.modules]
print(json.dumps([name for name in loaded if name[0] == "covstudio" and name[-1] in kinds]))
print(json.dumps([[one.name for one in kind] for kind in (exporters(), templates(), examples(), TABS)]))
print(json.dumps(load_example("two_beds").n))
"""


def test_a_file_in_the_package_is_enough(tmp_path: Path) -> None:
    """In a copy of the package with the files in their places nothing else is needed, and nothing is imported
    before somebody asks."""
    shutil.copytree(PACKAGE, tmp_path / "covstudio", ignore=shutil.ignore_patterns("frontend"))
    into_package(tmp_path / "covstudio")
    done = run_program(OF_ITS_FOLDER + LOOK, tmp_path)
    assert done.code == 0, done.stderr
    light, early, found, rows = map(json.loads, done.stdout.splitlines())
    assert light == [
        "covstudio",
        "covstudio.cli",
        "covstudio.cli_choosing",
        "covstudio.cli_input",
        "covstudio.cli_reporting",
        "covstudio.cli_table",
        "covstudio.cli_template",
        "covstudio.notebook",
        "covstudio.plots",
        "covstudio.registry",
        "covstudio.settings",
    ]
    assert early == []
    assert found == [[*registry.names(), name] for registry, name in OWN.items()]
    assert rows == 6


# --- the registry itself ---


@dataclass(frozen=True)
class Thing:
    name: str
    order: int = 100


def test_the_order_is_that_of_the_numbers_then_of_the_names() -> None:
    registry = Registry[Thing]("thing", "covstudio.registry")
    for thing in (Thing("b"), Thing("a"), Thing("first", 1)):
        registry.register(thing)
    assert registry.names() == ("first", "a", "b")
    assert registry["a"] == Thing("a")
    assert registry.find(["a"]) is None
    registry.withdraw("a")
    registry.withdraw("a")
    with pytest.raises(ValueError, match=r"There is no thing 'a'\. There are 'first', 'b'\."):
        registry["a"]


def test_a_name_belongs_to_the_module_that_took_it() -> None:
    registry = Registry[Thing]("thing", "covstudio.registry")
    registry.register(Thing("a", 1))
    registry.register(Thing("a", 2))  # a notebook cell run twice
    assert registry["a"].order == 2
    with pytest.raises(ValueError, match=r"new name for the thing of elsewhere: tests\.test_registries has"):
        exec("register(thing)", {"__name__": "elsewhere", "register": registry.register, "thing": Thing("a")})


def test_a_file_that_cannot_be_imported_is_told_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "parts_of_mine"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "broken.py").write_text("import nothing_of_that_name")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry[Thing]("thing", "parts_of_mine")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="nothing_of_that_name"):
            registry.names()
    (folder / "broken.py").write_text("")
    importlib.invalidate_caches()
    assert registry.names() == ()
