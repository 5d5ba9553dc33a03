"""The data view: choose or upload a table, look at it, confirm what each column is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

from covstudio.data.choices import TableChoices
from covstudio.data.errors import TableError
from covstudio.data.examples import EXAMPLES, examples
from covstudio.data.readers import suffixes
from covstudio.data.relation import Relation
from covstudio.data.roles import Role, check_roles, completed_roles
from covstudio.data.tables import Table
from covstudio.document.changes.all import SetChoices, SetRelation, SetRoles
from covstudio.settings import READ_GB
from covstudio.studio.data.examined import Examined, read_upload
from covstudio.studio.data.messages import (
    DATA,
    AnswerQuestion,
    CompareWith,
    DataState,
    DiscardTable,
    DropSecond,
    GiveRole,
    OrderLevels,
    RefuseSecond,
    ShownTable,
    StopReading,
    UseTable,
    WantCells,
)
from covstudio.studio.data.second import SecondTables, read_second
from covstudio.studio.data.shown import cells_shown, example_shown, table_shown
from covstudio.studio.session.background import Background
from covstudio.studio.session.channel import Channel
from covstudio.studio.session.files import (
    MEGABYTE,
    Assembler,
    Chunk,
    RefuseFile,
    Upload,
    UploadError,
    max_table,
)
from covstudio.studio.session.shared import ProposeExample
from covstudio.studio.session.store import Store
from covstudio.studio.session.tabs import TabView

#: Up to so many bytes a table is read on the event loop; a larger one by a process of its own, so that no
#: other session waits.
READ_AT_ONCE = 20_000
#: Up to so many are read within a moment, and wait for no larger ones.
READ_SOON = 4 * MEGABYTE
READING_ENDED = (
    "The process that read it ended unexpectedly, most likely because memory ran out. Try again, or keep the "
    "columns and rows that the model needs."
)
TOO_MUCH_MEMORY = (
    "Reading it takes more than {:g} GB of memory, which is the most that may be used. Keep the columns and "
    "rows that the model needs."
)
#: What a file is read for: the table, or a second one.
Purpose = Literal["table", "relation"]


class DataView(TabView):
    """The data view of one session.

    A table is first a proposal: shown with a guess of what each column is, and the model's data only when the
    person says so. Until then, and when an upload is refused, the data in use stays as it is.

    Args:
        store: the session.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._uploads = _assembler()
        self._reading: dict[str, Background[Any]] = {}
        self._second = SecondTables()
        self._second_error: str | None = None
        self._proposal: Table | None = None
        self._upload: Upload | None = None  # the file of the proposal
        self._roles: dict[str, Role] = {}
        self._said: dict[str, Role] = {}  # those roles that the person has set
        self._examined: Examined | None = None
        self._checked: tuple[Table, dict[str, str], dict[str, str]] | None = None
        self._error: str | None = None
        self._busy: dict[str, str] = {}  # what is done with a file, by what it is for
        self._progress: float | None = None
        self._sent: Table | None = None  # whose cells the page may ask for
        self._serial = 0
        self.channel = Channel(
            DATA,
            store,
            {
                ProposeExample: lambda said: self.propose_example(said.name),
                Chunk: self._chunk,
                GiveRole: self._role,
                AnswerQuestion: self._answer,
                OrderLevels: self._order,
                CompareWith: self._compare,
                UseTable: lambda _: self._use(),
                DiscardTable: lambda _: self._discard(),
                DropSecond: self._drop,
                RefuseSecond: lambda said: self._refuse_second(said.text[:500]),
                RefuseFile: lambda said: self._fail(said.text[:500]),
                WantCells: self._cells,
                StopReading: lambda _: self._stop(),
            },
        )
        store.param.watch(lambda *events: self._show(), ["structure_version", "settled"])
        self._show()

    @property
    def line(self) -> Channel:
        """What the page draws the view from."""
        return self.channel

    @property
    def _table(self) -> Table | None:
        """The table that is shown: the proposed one, or the one in use."""
        return self._store.table if self._proposal is None else self._proposal

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
        # The same columns again, beside others too, are what a person has said that they are.
        said = dict(document.roles)
        if document.response is not None:
            said[document.response] = "response"
        again = set(said) <= set(table.columns) and not check_roles(table, said)
        self._said = said if again else {}
        self._upload = upload
        self._show_proposal(examined)

    def _show_proposal(self, examined: Examined) -> None:
        self._examined, self._proposal = examined, examined.table
        self._store.looked_at = examined.table
        roles: dict[str, Role] = {column: guess.role for column, guess in examined.guesses.items()}
        said = {column: role for column, role in self._said.items() if column in roles}
        if "response" in said.values():
            roles = {column: "ignored" if role == "response" else role for column, role in roles.items()}
        self._roles = {**roles, **said}
        self._error = None
        self._show()

    def _discard(self) -> None:
        self._proposal = self._upload = self._store.looked_at = None
        self._error = None
        self._show()

    def _use(self) -> None:
        table = self._proposal
        if table is None or self._trouble(table, self._roles):
            self._show()
            return
        self._proposal = self._upload = self._store.looked_at = None
        self._store.load_table(table, roles=self._roles)
        self._show()

    def _role(self, said: GiveRole) -> None:
        table, column, role = self._table, said.column, said.role
        if table is None or column not in table.columns:
            return
        changed: dict[str, Role] = {column: role}
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

    def _answer(self, said: AnswerQuestion) -> None:
        """Take the answer to a question; the file is read again where it takes that."""
        table = self._table
        if table is None or not 0 <= said.question < len(table.questions):
            return
        answers = table.questions[said.question].answers
        if 0 <= said.answer < len(answers):
            self._say(answers[said.answer].choices.over(self._choices()))

    def _order(self, said: OrderLevels) -> None:
        """Put the levels of a factor in another order."""
        table = self._table
        if table is None or said.column not in table.columns:
            return
        if sorted(said.levels) == sorted(table.levels(said.column)):
            self._say(self._choices().with_column(said.column, levels=tuple(said.levels)))

    def _compare(self, said: CompareWith) -> None:
        """Choose the level that the others of a factor are compared with."""
        table = self._table
        if table is not None and said.column in table.columns and said.level in table.levels(said.column):
            self._say(self._choices().with_column(said.column, reference=said.level))

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

    def _chunk(self, chunk: Chunk) -> None:
        second = chunk.purpose == "relation"
        try:
            upload = self._uploads.add(chunk)
        except UploadError as error:
            (self._refuse_second if second else self._fail)(str(error))
            return
        if second:
            if upload is not None:
                self._add(upload)
            return
        self._error = None
        self._progress = self._uploads.progress("table")
        if upload is None and self._progress is not None:  # a piece of what was cancelled says nothing
            self._busy["table"] = "Uploading"
            self._show()
        elif upload is not None:
            self._read(upload, TableChoices(), again=False)

    def _read(self, upload: Upload, choices: TableChoices, again: bool) -> None:
        """Read a file: a new one, or the one of the proposal again."""

        def arrived(found: Examined | str | None) -> None:
            self._no_longer("table")
            if not isinstance(found, Examined):
                self._fail(found or "The file could not be read.")
            elif again:
                self._show_proposal(found)
            else:
                self.propose(found, upload)

        self._progress = None
        self._ask("table", upload, arrived, partial(read_upload, upload, choices))

    # --- second tables ----------------------------------------------------------------------------

    def _add(self, upload: Upload) -> None:
        """Take a file as a second table of the model."""

        def arrived(found: Relation | str | None) -> None:
            self._no_longer("relation")
            if not isinstance(found, Relation):
                self._refuse_second(found or "The file could not be read.")
                return
            self._second_error = None
            self._store.dispatch(SetRelation(self._second.name_of(upload), found))
            self._show()

        self._ask("relation", upload, arrived, partial(read_second, upload))

    def _ask(
        self, purpose: Purpose, upload: Upload, arrived: Callable[[Any], None], read: Callable[[], Any]
    ) -> None:
        """Have a file read, a large one beside the event loop; of two for one purpose the later counts."""
        if purpose in self._reading:
            self._reading[purpose].forget()
        self._reading[purpose] = Background(arrived, long=True)
        if upload.size <= READ_AT_ONCE:
            self._reading[purpose].answer(read())
            return
        self._busy[purpose] = f"Reading {upload.name}"
        self._show()
        self._reading[purpose].ask_apart(
            read,
            f"{upload.name}: {READING_ENDED}",
            f"{upload.name}: {TOO_MUCH_MEMORY.format(READ_GB())}",
            soon=upload.size <= READ_SOON,
        )

    def left(self) -> None:
        """Nobody sees what is being read."""
        self.close()

    def close(self) -> None:
        """End what is being read."""
        for reading in self._reading.values():
            reading.forget()

    def _no_longer(self, purpose: Purpose) -> None:
        """Nothing is done with a file for this any longer; with one for the other there may be."""
        self._busy.pop(purpose, None)
        if purpose == "table":
            self._progress = None

    def _stop(self) -> None:
        """Do not go on with what is being sent or read."""
        self._uploads = _assembler()
        for reading in self._reading.values():
            reading.forget()
        self._busy.clear()
        self._progress = None
        self._show()

    def _drop(self, said: DropSecond) -> None:
        if said.name in self._store.document.relations:
            self._store.dispatch(SetRelation(said.name, None))

    def _refuse_second(self, sentence: str) -> None:
        self._second_error = sentence
        self._show()

    def _fail(self, sentence: str) -> None:
        reading = self._reading.get("table")
        if reading is None or not reading.busy:
            self._no_longer("table")
        self._error = sentence
        self._show()

    # --- drawing ----------------------------------------------------------------------------------

    def _show(self) -> None:
        table = self._table
        self.channel.show(
            DataState(
                examples=[example_shown(example) for example in examples()],
                limit=max_table(),
                suffixes=list(suffixes()),
                busy=next(reversed(self._busy.values()), None),
                progress=self._progress,
                error=self._error,
                proposed=self._proposal is not None,
                wanted=self._store.document.data_name if self._store.table is None else None,
                table=None if table is None else self._shown(table),
                notes=[] if self._proposal is not None else list(self._store.build.notes),
                second=self._second.shown(self._store.document, self._store.table),
                second_error=self._second_error,
            )
        )

    def _shown(self, table: Table) -> ShownTable:
        if self._examined is None or self._examined.table is not table:
            self._examined = Examined.of(table)
        if self._sent is not table:
            self._sent = table
            self._serial += 1
        document = self._store.document
        roles = self._roles
        if self._proposal is None:
            roles = completed_roles(table, document.roles, document.response)
        trouble = self._trouble(table, roles)
        without_file = None if self._upload is not None else self._choices()
        return table_shown(self._examined, roles, trouble, self._serial, without_file)

    def _cells(self, said: WantCells) -> None:
        """Send the cells that are to be seen."""
        table = self._sent
        if table is None or said.serial != self._serial:
            return
        self.channel.tell(cells_shown(table, said))


def _assembler() -> Assembler:
    return Assembler({"table": max_table(), "relation": max_table()})
