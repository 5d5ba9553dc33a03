"""The data view: choose or upload a table, look at it, confirm what each column is."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import msgspec
import panel as pn
from panel.viewable import Viewable

from covstudio.data.choices import TableChoices
from covstudio.data.errors import TableError
from covstudio.data.examples import EXAMPLES, Example, examples
from covstudio.data.roles import ROLES, Role, check_roles, completed_roles
from covstudio.data.tables import Table
from covstudio.document.changes.all import SetChoices, SetRoles
from covstudio.studio.data.examined import Examined, needs_file, read_upload
from covstudio.studio.session.component import Component
from covstudio.studio.session.event_loop import call_soon
from covstudio.studio.session.files import MAX_TABLE, MEGABYTE, Assembler, Chunk, Upload, UploadError
from covstudio.studio.session.resources import component_script, component_styles
from covstudio.studio.session.router import Router
from covstudio.studio.session.store import Store
from covstudio.studio.session.tabs import TabView

PREVIEW_ROWS = 8
PREVIEW_COLUMNS = 60
#: Up to so many levels of a factor can be put in order.
ORDERED_LEVELS = 60
#: Up to this size a table is read on the event loop; a larger one in a thread, so that no other session
#: waits.
READ_AT_ONCE = 2 * MEGABYTE

_readers = ThreadPoolExecutor(2, thread_name_prefix="covstudio-read")


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
        self._upload: Upload | None = None  # the file of the proposal
        self._roles: dict[str, Role] = {}
        self._said: dict[str, Role] = {}  # those roles that the person has set
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
                "answer": self._answer,
                "order": self._order,
                "reference": self._reference,
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

    def propose(self, examined: Examined, upload: Upload | None = None) -> None:
        """Show a table for confirmation, with what each column is as far as it is known, and guesses.

        Args:
            examined: the table.
            upload: the file it was read from.
        """
        document, table = self._store.document, examined.table
        # The same columns again are what the person has confirmed that they are.
        again = set(document.roles) == set(table.columns)
        self._said = {**document.roles} if again and not check_roles(table, document.roles) else {}
        self._upload = upload
        self._show_proposal(examined)

    def _show_proposal(self, examined: Examined) -> None:
        self._examined, self._proposal = examined, examined.table
        roles: dict[str, Role] = {column: guess.role for column, guess in examined.guesses.items()}
        said = {column: role for column, role in self._said.items() if column in roles}
        if "response" in said.values():
            roles = {column: "ignored" if role == "response" else role for column, role in roles.items()}
        self._roles = {**roles, **said}
        self._error = None
        self._show()

    def _discard(self) -> None:
        self._proposal = self._upload = None
        self._error = None
        self._show()

    def _use(self) -> None:
        table = self._proposal
        if table is None or self._trouble(table, self._roles):
            self._show()
            return
        self._proposal = self._upload = None
        self._store.load_table(table, roles=self._roles)
        self._show()

    def _role(self, message: Mapping[str, Any]) -> None:
        column, role = message.get("column"), message.get("role")
        table = self._proposal or self._store.table
        if table is None or column not in table.columns or role not in ROLES:
            return
        changed: dict[str, Role] = {str(column): role}
        if self._proposal is None:
            self._store.dispatch(SetRoles(changed))
            return
        if role == "response":
            changed |= {
                name: "covariate" for name, held in self._roles.items() if held == role and name != column
            }
        self._said |= changed
        self._roles |= changed
        self._show()

    # --- choices ----------------------------------------------------------------------------------

    def _choices(self) -> TableChoices:
        return self._store.document.choices if self._proposal is None else self._proposal.choices

    def _answer(self, message: Mapping[str, Any]) -> None:
        """Take the answer to a question; the file is read again where it takes that."""
        table = self._proposal or self._store.table
        place, chosen = message.get("question"), message.get("answer")
        if table is None or not isinstance(place, int) or not isinstance(chosen, int):
            return
        if not 0 <= place < len(table.questions) or not 0 <= chosen < len(table.questions[place].answers):
            return
        self._say(table.questions[place].answers[chosen].choices.over(self._choices()))

    def _order(self, message: Mapping[str, Any]) -> None:
        """Put the levels of a factor in another order."""
        column, levels = message.get("column"), message.get("levels")
        table = self._proposal or self._store.table
        if table is None or column not in table.columns or not isinstance(levels, list):
            return
        if sorted(map(str, levels)) == sorted(table.levels(str(column))):
            self._say(self._choices().with_column(str(column), levels=tuple(map(str, levels))))

    def _reference(self, message: Mapping[str, Any]) -> None:
        """Choose the level that the others of a factor are compared with."""
        column, level = message.get("column"), message.get("level")
        table = self._proposal or self._store.table
        if table is not None and column in table.columns and level in table.levels(str(column)):
            self._say(self._choices().with_column(str(column), reference=str(level)))

    def _say(self, choices: TableChoices) -> None:
        """Have the table under other choices."""
        if self._proposal is None:
            self._store.dispatch(SetChoices(choices))
        elif self._upload is not None:
            self._read(self._upload, choices, again=True)
        else:
            try:
                self._show_proposal(Examined.of(self._proposal.with_choices(choices)))
            except TableError as error:
                self._fail(str(error))

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
            upload = self._uploads.add(msgspec.convert(dict(message), Chunk))
        except UploadError as error:
            self._fail(str(error))
            return
        self._error = None
        self._progress = self._uploads.progress("table")
        if upload is None:
            self._busy = "Uploading"
            self._show()
        else:
            self._read(upload, TableChoices(), again=False)

    def _read(self, upload: Upload, choices: TableChoices, again: bool) -> None:
        """Read a file: a new one, or the one of the proposal again."""

        def arrived(examined: Examined | None, error: str | None) -> None:
            self._busy = self._progress = None
            if examined is None:
                self._fail(error or "The file could not be read.")
            elif again:
                self._show_proposal(examined)
            else:
                self.propose(examined, upload)

        if len(upload.data) <= READ_AT_ONCE:
            arrived(*read_upload(upload, choices))
            return
        self._busy, self._progress = f"Reading {upload.name}", None
        self._show()
        document = pn.state.curdoc
        future = _readers.submit(read_upload, upload, choices)
        future.add_done_callback(lambda done: call_soon(document, lambda: arrived(*done.result())))

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
        document = self._store.document
        roles = self._roles
        if self._proposal is None:
            roles = completed_roles(table, document.roles, document.response)
        trouble = self._trouble(table, roles)
        shown = table.columns[:PREVIEW_COLUMNS]
        head = replace(table, frame=table.frame.head(PREVIEW_ROWS), lines=None).to_columns()
        asked = [question.text for question in table.questions]
        return {
            "name": table.name,
            "rows": table.n,
            "notes": [note for note in table.notes if note not in asked],
            "questions": [self._question(table, place) for place in range(len(table.questions))],
            "columns": [
                examined.described[column]
                | {
                    "role": roles.get(column, "ignored"),
                    "reason": self._reason(column, roles.get(column, "ignored")),
                    "error": trouble.get(column),
                }
                | self._levels(table, column, roles.get(column, "ignored"))
                for column in table.columns
            ],
            "head": [[head[column][row] for column in shown] for row in range(min(PREVIEW_ROWS, table.n))],
            "shown": list(shown),
            "ready": not trouble,
        }

    def _reason(self, column: str, role: Role) -> str:
        """Why a column has a role: the guess's reason, where it is what was guessed."""
        guess = self._examined.guesses.get(column) if self._examined is not None else None
        return guess.reason if guess is not None and guess.role == role else ""

    def _question(self, table: Table, place: int) -> dict[str, Any]:
        question, choices = table.questions[place], self._choices()
        read = self._upload is None and any(needs_file(answer, choices) for answer in question.answers)
        answers = [] if read else [answer.text for answer in question.answers]
        return {"text": question.text, "answers": answers}

    def _levels(self, table: Table, column: str, role: Role) -> dict[str, Any]:
        """The levels of a factor in order, and the one that the others are compared with."""
        if role != "factor":
            return {"levels": [], "reference": None}
        levels = table.levels(column)
        chosen = table.reference(column)
        reference = chosen if chosen in levels else levels[0] if levels else None
        return {"levels": list(levels) if len(levels) <= ORDERED_LEVELS else [], "reference": reference}


def _listed(example: Example) -> dict[str, str]:
    return {
        "name": example.name,
        "title": example.title,
        "description": example.description,
        "source": example.source,
        "licence": example.licence,
    }
