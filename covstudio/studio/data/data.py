"""The data view: choose or upload a table, look at it, confirm what each column is."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import panel as pn
from panel.viewable import Viewable

from covstudio.data import Table, read_table
from covstudio.data.errors import TableError
from covstudio.data.examples import EXAMPLES, Example, examples
from covstudio.data.roles import ROLES, Guess, Role, check_roles, explain_roles
from covstudio.document.changes.all import Batch, SetResponse, SetRoles
from covstudio.studio.session.component import Component
from covstudio.studio.session.files import MAX_TABLE, MEGABYTE, Assembler, Upload, UploadError
from covstudio.studio.session.resources import component_script, component_styles
from covstudio.studio.session.router import Router
from covstudio.studio.session.store import Store
from covstudio.studio.session.tabs import TabView

PREVIEW_ROWS = 8
PREVIEW_COLUMNS = 60
SHOWN_LEVELS = 5
#: Up to this size a table is read on the event loop; a larger one in a thread, so that no other session
#: waits.
READ_AT_ONCE = 2 * MEGABYTE

_readers = ThreadPoolExecutor(2, thread_name_prefix="covstudio-read")


@dataclass(frozen=True)
class Examined:
    """A table and all that the view says about it, found once: for a large table this takes a while.

    Args:
        table: the table.
        guesses: column -> what it may be, and why.
        described: column -> its values in few words, see `describe`.
    """

    table: Table
    guesses: Mapping[str, Guess]
    described: Mapping[str, dict[str, Any]]

    @classmethod
    def of(cls, table: Table) -> Examined:
        """Look a table through."""
        return cls(table, explain_roles(table), {column: describe(table, column) for column in table.columns})


class DataPane(Component):
    """The browser's half of the data view."""

    _esm = component_script("data.js")
    _stylesheets = component_styles("data.css")


class DataView(TabView):
    """The data view of one session.

    A table is first a proposal: shown with a guess of what each column is, and the model's data only when the
    person says so. Until then, and when an upload is refused, the data in use stays as it is.

    Args:
        store: the session.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._uploads = Assembler({"table": MAX_TABLE})
        self._proposal: Table | None = None
        self._roles: dict[str, Role] = {}
        self._examined: Examined | None = None
        self._checked: tuple[Table, dict[str, str], dict[str, str]] | None = None
        self._error: str | None = None
        self._busy: str | None = None
        self._progress: float | None = None
        self._pane = DataPane(sizing_mode="stretch_both", margin=0)
        Router(
            store,
            {
                "example": lambda message: self.propose_example(str(message.get("name"))),
                "chunk": self._chunk,
                "role": self._role,
                "use": lambda message: self._use(),
                "discard": lambda message: self._discard(),
                "refuse": lambda message: self._fail(str(message.get("text", ""))[:500]),
            },
        ).listen(self._pane)
        store.param.watch(lambda *events: self._show(), ["structure_version", "settled"])
        self._show()

    def panel(self) -> Viewable:
        """The view as a Panel component."""
        return self._pane

    # --- proposals --------------------------------------------------------------------------------

    def propose_example(self, name: str) -> None:
        """Show a built-in table for confirmation."""
        example = EXAMPLES.find(name)
        if example is not None:
            self.propose(Examined.of(example.load()))

    def propose(self, examined: Examined) -> None:
        """Show a table for confirmation, with a guess of what each column is."""
        self._examined = examined
        self._proposal = examined.table
        self._roles = {column: guess.role for column, guess in examined.guesses.items()}
        self._error = None
        self._show()

    def _discard(self) -> None:
        self._proposal = None
        self._error = None
        self._show()

    def _use(self) -> None:
        table = self._proposal
        if table is None or self._trouble(table, self._roles):
            self._show()
            return
        self._proposal = None
        self._store.load_table(table, roles=self._roles)
        self._show()

    def _role(self, message: Mapping[str, Any]) -> None:
        column, role = message.get("column"), message.get("role")
        table = self._proposal or self._store.table
        if table is None or column not in table.columns or role not in ROLES:
            return
        changed: dict[str, Role] = {str(column): role}
        roles = self._roles if self._proposal is not None else dict(self._store.document.roles)
        if role == "response":
            # There is one response: the former one becomes what it would be otherwise.
            changed |= {
                name: "covariate" for name, held in roles.items() if held == "response" and name != column
            }
        if self._proposal is not None:
            self._roles |= changed
            self._show()
            return
        responses = [name for name, held in {**roles, **changed}.items() if held == "response"]
        response = responses[0] if responses else None
        self._store.dispatch(
            Batch(
                (SetRoles(changed), SetResponse(response)),
                label=f"Use {column} as {role}" if role != "ignored" else f"Ignore {column}",
            )
        )

    def _trouble(self, table: Table, roles: Mapping[str, Role]) -> dict[str, str]:
        """Column -> what is wrong with its role; asked again only when the table or a role is another."""
        known = self._checked
        if known is None or known[0] is not table or known[1] != roles:
            found = {problem.column: problem.message for problem in check_roles(table, roles)}
            self._checked = known = (table, dict(roles), found)
        return known[2]

    # --- uploads ----------------------------------------------------------------------------------

    def _chunk(self, message: Mapping[str, Any]) -> None:
        try:
            upload = self._uploads.add(message)
        except UploadError as error:
            self._fail(str(error))
            return
        self._error = None
        self._progress = self._uploads.progress("table")
        if upload is None:
            self._busy = "Uploading"
            self._show()
        elif len(upload.data) <= READ_AT_ONCE:
            self._arrived(*_read(upload))
        else:
            self._busy, self._progress = f"Reading {upload.name}", None
            self._show()
            document = pn.state.curdoc
            future = _readers.submit(_read, upload)
            if document is not None:
                future.add_done_callback(
                    lambda done: document.add_next_tick_callback(lambda: self._arrived(*done.result()))
                )

    def _arrived(self, examined: Examined | None, error: str | None) -> None:
        self._busy = self._progress = None
        if examined is None:
            self._fail(error or "The file could not be read.")
        else:
            self.propose(examined)

    def _fail(self, sentence: str) -> None:
        self._busy = self._progress = None
        self._error = sentence
        self._show()

    # --- drawing ----------------------------------------------------------------------------------

    def _show(self) -> None:
        table = self._proposal if self._proposal is not None else self._store.table
        self._pane.show(
            {
                "examples": [_listed(example) for example in examples()],
                "limit": MAX_TABLE,
                "busy": self._busy,
                "progress": self._progress,
                "error": self._error,
                "proposed": self._proposal is not None,
                "wanted": self._store.document.data_name if self._store.table is None else None,
                "table": None if table is None else self._table_state(table),
                "notes": [] if self._proposal is not None else list(self._store.build.notes),
            }
        )

    def _table_state(self, table: Table) -> dict[str, Any]:
        if self._examined is None or self._examined.table is not table:
            self._examined = Examined.of(table)
        examined = self._examined
        roles = self._roles if self._proposal is not None else self._store.document.roles
        trouble = self._trouble(table, roles)
        shown = table.columns[:PREVIEW_COLUMNS]
        head = Table(table.frame.head(PREVIEW_ROWS), table.name).to_columns()
        return {
            "name": table.name,
            "rows": table.n,
            "notes": list(table.notes),
            "columns": [
                examined.described[column]
                | {
                    "role": roles.get(column, "ignored"),
                    "reason": examined.guesses[column].reason,
                    "error": trouble.get(column),
                }
                for column in table.columns
            ],
            "head": [[head[column][row] for column in shown] for row in range(min(PREVIEW_ROWS, table.n))],
            "shown": list(shown),
            "ready": not trouble,
        }


def _listed(example: Example) -> dict[str, str]:
    return {
        "name": example.name,
        "title": example.title,
        "description": example.description,
        "source": example.source,
        "licence": example.licence,
    }


def _read(upload: Upload) -> tuple[Examined | None, str | None]:
    stem = upload.name.rsplit(".", 1)[0] or upload.name
    try:
        return Examined.of(read_table(upload.data, name=stem, max_bytes=MAX_TABLE)), None
    except TableError as error:
        return None, f"{upload.name}: {error}"


def describe(table: Table, column: str) -> dict[str, Any]:
    """One column in few words: how many levels, or from where to where it goes, and how much is missing.

    Example:
        >>> from covstudio.data.examples import load_example
        >>> describe(load_example("john_alpha"), "rep")["summary"]
        '3 levels: R1, R2, R3'
    """
    missing = int(table.missing(column).sum())
    numeric = table.is_numeric(column)
    if missing == table.n:
        summary = "no values"
    elif numeric:
        values = np.unique(table.numbers(column)[~table.missing(column)])
        summary = (
            f"{len(values):,} different numbers, {values[0]:.6g} to {values[-1]:.6g}"
            if len(values) > 1
            else f"{values[0]:.6g} in every row"
        )
    else:
        levels = list(dict.fromkeys(label for label in table.labels(column) if label is not None))
        more = ", …" if len(levels) > SHOWN_LEVELS else ""
        word = "level" if len(levels) == 1 else "levels"
        summary = f"{len(levels):,} {word}: {', '.join(level[:24] for level in levels[:SHOWN_LEVELS])}{more}"
    return {"name": column, "numeric": numeric, "summary": summary, "missing": missing}
