"""The bar at the top: title, files, templates, examples, undo and redo, the model's state, notices."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from panel.viewable import Viewable

from covstudio.data.examples import EXAMPLES
from covstudio.document.changes.all import SetTitle
from covstudio.document.files.templates import TEMPLATES
from covstudio.studio.session.component import Component
from covstudio.studio.session.files import MAX_MODEL, Assembler, Draft, UploadError, file_stem, model_text
from covstudio.studio.session.offers import menu
from covstudio.studio.session.resources import component_script, component_styles
from covstudio.studio.session.router import Router
from covstudio.studio.session.store import Store
from covstudio.studio.session.tabs import TABS, Step

#: What the help says of the canvas, which is no tab.
CANVAS = Step("Drag structures from the palette and wire them into V. A template is a quick start.", 20)


class AppBarPane(Component):
    """The browser's half of the bar."""

    _esm = component_script("help.js", "appbar.js")
    _stylesheets = component_styles("appbar.css")


def _offers() -> dict[str, Any]:
    """What the menus, the keys and the help list."""
    tabs = tuple(TABS)
    steps = [CANVAS, *(tab.step for tab in tabs if tab.step is not None)]
    return {
        "tabs": [{"name": tab.name, "title": tab.title} for tab in tabs],
        "steps": [step.text for step in sorted(steps, key=lambda step: step.order)],
        "templates": menu(TEMPLATES),
        "examples": menu(EXAMPLES),
    }


class AppBar:
    """The bar of one session.

    Args:
        store: the session.
        on_tab: called with the name of a tab when the person opens it, so that its view can be built then.
        on_example: called with the name of a built-in table that the person wants.
    """

    def __init__(
        self,
        store: Store,
        on_tab: Callable[[str], None] = lambda name: None,
        on_example: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._store = store
        self._on_tab = on_tab
        self._on_example = on_example
        self._uploads = Assembler({"open": MAX_MODEL, "restore": MAX_MODEL})
        self._pane = AppBarPane(sizing_mode="stretch_both", margin=0)
        Router(
            store,
            {
                "ready": self._theme,
                "dark": self._theme,
                "title": lambda message: store.dispatch(SetTitle(str(message.get("title", "")))),
                "undo": lambda message: store.undo(),
                "redo": lambda message: store.redo(),
                "save": lambda message: self.save(),
                "chunk": self._chunk,
                "template": lambda message: self.start(str(message.get("name"))),
                "example": lambda message: self.propose(str(message.get("name"))),
                "tab": self._tab,
                "settled": lambda message: None,
                "chip": lambda message: self._chip_pressed(),
            },
        ).listen(self._pane)
        self._draft = Draft(store, lambda text, title: self._pane.tell("draft", text=text, title=title))
        store.param.watch(lambda *events: self._show(), ["version", "message", "faults"])
        self._show()

    def panel(self) -> Viewable:
        """The bar as a Panel component."""
        return self._pane

    # --- what others may ask of the page ----------------------------------------------------------

    def open_tab(self, name: str) -> None:
        """Bring a tab of the details to the front."""
        self._pane.tell("open", tab=name)

    def mark_tab(self, name: str, mark: str = "news") -> None:
        """Put a dot on a tab that is not open: "news", or "problem" in red."""
        self._pane.tell("mark", tab=name, mark=mark)

    def settle(self) -> None:
        """Say that components were added to the page; call it right after adding them.

        BokehJS takes every model that a server sends later for one of the page's own until the page has sent
        a message, and would pack such a model, whole, into the first message about it; a plot cannot even be
        packed. So the bar, which the server knows, speaks first.
        """
        self._pane.tell("settle")

    def download(self, name: str, content: str | bytes, kind: str = "text/plain;charset=utf-8") -> None:
        """Have the browser download a text, or bytes, as a file."""
        if isinstance(content, bytes):
            self._pane.tell(
                "download",
                name=name,
                base64=base64.b64encode(content).decode(),
                type="application/octet-stream",
            )
        else:
            self._pane.tell("download", name=name, text=content, type=kind)

    def save(self) -> None:
        """Download the model with its table."""
        name = f"{file_stem(self._store.document.title)}.covstudio.json"
        self.download(name, self._store.save_text(), "application/json")
        self._store.notify(
            f"Saved as {name}, with its table." if self._store.table is not None else f"Saved as {name}.",
            "ok",
        )

    def start(self, name: str) -> None:
        """Start from a template."""
        template = TEMPLATES.find(name)
        if template is not None and self._store.dispatch(
            template.start(self._store.table, self._store.document)
        ):
            self._store.notify(f"Started from “{template.title}”. Undo brings the earlier model back.", "ok")

    def propose(self, name: str) -> None:
        """Show a built-in table in the data tab, for the person to confirm."""
        self._on_example(name)
        self.open_tab("data")

    # --- messages ---------------------------------------------------------------------------------

    def _theme(self, message: Mapping[str, Any]) -> None:
        self._store.dark = bool(message.get("dark"))

    def _tab(self, message: Mapping[str, Any]) -> None:
        tab = TABS.find(message.get("tab"))
        if tab is not None:
            self._on_tab(tab.name)

    def _chip_pressed(self) -> None:
        problems = self._store.problems
        if problems:
            node = problems[0].node_id
            self._store.selection = (node,) if node in self._store.document.nodes else ()
        else:
            self._store.selection = ()
        self.open_tab("inspector")

    def _chunk(self, message: Mapping[str, Any]) -> None:
        try:
            upload = self._uploads.add(message)
            text = None if upload is None else model_text(upload)
        except UploadError as error:
            self._store.notify(str(error), "error")
            return
        if upload is not None and text is not None and self._store.open_text(text):
            title = self._store.document.title
            self._store.notify(
                f"“{title}” is back."
                if upload.purpose == "restore"
                else f"Opened “{title}”. Undo brings the earlier model back.",
                "ok",
            )

    # --- state ------------------------------------------------------------------------------------

    def _show(self) -> None:
        store = self._store
        notice = store.message
        self._pane.show(
            {
                "title": store.document.title,
                "undo": store.history.undo_label,
                "redo": store.history.redo_label,
                "limit": MAX_MODEL,
                "chip": self._chip(),
                **_offers(),
                "notice": None
                if notice is None
                else {"text": notice.text, "level": notice.level, "serial": notice.serial},
            }
        )

    def _chip(self) -> dict[str, str]:
        store = self._store
        if not store.document.nodes:
            return {
                "level": "empty",
                "text": "Empty model",
                "tip": "Drag a structure onto the canvas, or start from a template.",
            }
        problems = store.problems
        v = store.build.v
        if problems and (v is None or store.faults):
            count = len(problems)
            return {
                "level": "problem" if store.faults else "todo",
                "text": "1 thing to finish" if count == 1 else f"{count} things to finish",
                "tip": problems[0].message,
            }
        rows = 0 if v is None else v.shape[0]
        free = sum(not ref.fixed for ref in store.build.parameters)
        return {
            "level": "todo" if problems else "ready",
            "text": f"V {rows} × {rows} · {free} parameter{'' if free == 1 else 's'}",
            "tip": problems[0].message if problems else "V is complete. Press to see all its parameters.",
        }
