"""The one place that holds a session's truth: the document, its history, the data and what was built of them.

A view never changes another view. It turns what a person does into a *change*
(`covstudio.document.changes.all`), hands it to `Store.dispatch`, and draws itself again from the store when
`version` moves. The store holds no widget and knows no view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import param
import torch

from covstudio.data.roles import Role, guess_roles
from covstudio.data.tables import Table
from covstudio.document.build.build import build
from covstudio.document.build.built import Build, ParameterRef, Problem, value_problems
from covstudio.document.build.roles import under_choices
from covstudio.document.build.same import same_structure
from covstudio.document.build.shown import at_shown_values
from covstudio.document.changes.all import Change, ChangeError, ReplaceDocument, SetData, SetParameters
from covstudio.document.changes.history import History
from covstudio.document.files.templates import Template
from covstudio.document.files.write import DocumentError, dumps, loads
from covstudio.document.model.document import Document
from covstudio.document.model.node import V
from covstudio.studio.session.notice import Level, Notice
from covstudio.studio.session.opened import Opened, kept
from covstudio.studio.session.present import PresentParameters

#: What is said of a file that cannot be read.
NOT_OPENED = "The file was not opened, and the model is as it was. {}"
#: With more than these, a step takes more than a few hundredths of a second.
MANY_NODES, MANY_PARAMETERS, MANY_ROWS, MANY_COLUMNS = 40, 400, 500, 200

NODE = "node:"
SLICE = "slice:"


class Store(param.Parameterized):
    """What one browser session is about.

    Args:
        document: where to start; an empty document when left out.
        tables: tables this session can name already, by `Document.data_name`.
    """

    history: History = param.Parameter(doc="the document with its past and future")
    document: Document = param.Parameter(doc="the present document: history.present")
    table: Table | None = param.Parameter(default=None, doc="the table the document names, when it is loaded")
    build: Build = param.Parameter(
        doc="the matrices of the document; the same object while only values change"
    )
    version: int = param.Integer(
        default=0, doc="moves with every change of document or data that views are to show"
    )
    moving: int = param.Integer(
        default=0, doc="moves with every step of a dragged slider: for the live pictures alone"
    )
    models: int = param.Integer(default=0, doc="moves when another model takes the place of the present one")
    structure_version: int = param.Integer(default=0, doc="moves when matrices had to be built again")
    settled: int = param.Integer(
        default=0, doc="follows version, but not while a slider is being dragged: for slow views"
    )
    selection: tuple[str, ...] = param.Parameter(default=(), doc="ids of the selected nodes")
    focus: str = param.String(
        default="V", doc='what the large plot shows: "V", a node id, or "slice:<parameter path>"'
    )
    derivatives: str = param.Selector(
        default="theta",
        objects=["theta", "natural"],
        doc="what V is differentiated by: theta, as `grad` does, or the natural values",
    )
    message: Notice | None = param.Parameter(default=None, doc="the latest notice")
    faults: Mapping[str, str] = param.Parameter(
        default={}, doc="node id -> why its values cannot be computed now"
    )
    estimate: Any = param.Parameter(default=None, doc="the latest fit, or None")
    fitting: bool = param.Boolean(default=False, doc="a fit is under way")
    answers: int = param.Integer(
        default=0, doc="moves when a fit begins or ends, and with every answer about it"
    )
    dark: bool = param.Boolean(default=False, doc="dark theme")

    def __init__(self, document: Document | None = None, tables: Iterable[Table] = ()) -> None:
        super().__init__()
        self.tables: dict[str, Table] = {table.name: table for table in tables}
        self._estimated: Document | None = None
        self._opened: list[Document] = []  # what was opened or started from in this session
        self.looked_at: Table | None = None  # a table that somebody looks at before it is used
        self._unpublished = False
        self._parameters = PresentParameters()
        self._present(History(Document() if document is None else document))

    # --- changes ---

    def dispatch(
        self, change: Change, *, settle: bool = True, quiet: bool = False, built: Build | None = None
    ) -> bool:
        """Apply a change as one undoable step.

        A change that does not fit becomes a notice and alters nothing.

        Args:
            change: any change of `covstudio.document.changes.all`.
            settle: False while a slider is under the finger; call `settle()` when it rests.
            quiet: True to tell the views later, by `publish()` or `settle()`; a structural change ignores it.
            built: what was built of the document that the change leads to, if somebody has.

        Returns:
            True when the change was applied.
        """
        try:
            history = self.history.apply(change)
        except ChangeError as error:
            self.notify(str(error), "error")
            return False
        self._present(history, settle and not quiet, quiet, change.another_model, built)
        return True

    def undo(self) -> bool:
        """Take the last step back; False when there is none."""
        if not self.history.can_undo:
            return False
        self._present(self.history.undo(), another=self.history.past[-1].another_model)
        return True

    def redo(self) -> bool:
        """Take the step forward again that was undone last; False when there is none."""
        if not self.history.can_redo:
            return False
        self._present(self.history.redo(), another=self.history.future[-1].another_model)
        return True

    def settle(self) -> None:
        """Say that the values rest: views that are too slow to follow a drag draw themselves now."""
        if self._unpublished:
            self._unpublished = False
            self.param.update(version=self.version + 1, settled=self.version + 1)
        else:
            self.settled = self.version

    def publish(self) -> None:
        """Tell the views of the quiet changes since the last time. Numbers need not follow at 60 a second."""
        if self._unpublished:
            self._unpublished = False
            self.version += 1

    @property
    def at_rest(self) -> bool:
        """True while no slider is being dragged."""
        return self.settled == self.version and not self._unpublished

    def _present(
        self,
        history: History,
        settle: bool = True,
        quiet: bool = False,
        another: bool = False,
        built: Build | None = None,
    ) -> None:
        document = history.present
        first = self.version == 0
        nothing = first or self.document.v is None
        if not first and document is self.document:
            self.history = history
            return
        table, _ = under_choices(document, self.tables.get(document.data_name or ""))
        structural = first or table is not self.table or not same_structure(self.document, document)
        update: dict[str, Any] = {"history": history, "document": document, "models": self.models + another}
        if quiet and not structural:
            self._unpublished = True
            self.param.update(moving=self.moving + 1, **update)
            return
        self._unpublished = False
        update["version"] = self.version + 1
        if structural:
            self._parameters.forget()
            update |= {
                "table": table,
                "build": build(document, table) if built is None else built,
                "structure_version": self.structure_version + 1,
            }
            selection = tuple(node for node in self.selection if node in document.nodes)
            if selection != self.selection:
                update["selection"] = selection
        if settle:
            update["settled"] = update["version"]
        self.param.update(**update)
        if structural and (not self._exists(self.focus_key) or (nothing and document.v is not None)):
            self.focus = V  # also when there was no V before: now it is what one looks at

    # --- what the views read ---

    @property
    def large(self) -> bool:
        """Whether what is done here may take long: the model or a table is large, or a step leads to one."""
        steps = (*self.history.past[-1:], *self.history.future[-1:])
        if len(self.build.parameters) > MANY_PARAMETERS or any(
            len(document.nodes) > MANY_NODES
            for document in (self.document, *(step.document for step in steps))
        ):
            return True
        tables = [
            self.table,
            self.looked_at,
            *(self.tables.get(step.document.data_name or "") for step in steps),
        ]
        return any(
            table is not None and (table.n > MANY_ROWS or len(table.columns) > MANY_COLUMNS)
            for table in tables
        )

    @property
    def focus_key(self) -> str:
        """`focus` as the key of a tile: "V", "node:<id>" or "slice:<path>"."""
        return NODE + self.focus if self.focus in self.document.nodes else self.focus

    def _exists(self, key: str) -> bool:
        if key.startswith(NODE):
            return key.removeprefix(NODE) in self.document.nodes
        if key.startswith(SLICE):
            path = key.removeprefix(SLICE)
            return any(ref.path == path and not ref.fixed for ref in self.build.parameters)
        return key == V

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What keeps the model from being complete, then what is wrong with the present values."""
        faults = (Problem(node, text) for node, text in self.faults.items())
        return (*self.build.problems, *value_problems(self.build, self.document), *faults)

    def parameters(self) -> tuple[ParameterRef, ...]:
        """Every parameter of V in theta order (fixed ones in their places) with its present natural value."""
        return self._parameters.of_v(self.build, self.document)

    def node_parameters(self, node_id: str) -> tuple[ParameterRef, ...]:
        """The parameters of this node itself (not of its operands), with their present natural values."""
        return self._parameters.of_node(self.build, self.document, node_id)

    def natural(self, node_id: str, name: str) -> float:
        """The present natural value of a node's own parameter.

        Raises:
            KeyError: the node has no such parameter, or cannot be built.
        """
        for ref in self.node_parameters(node_id):
            if ref.name == name:
                return ref.natural
        raise KeyError(f"{self.document.nodes[node_id].name!r} has no parameter {name!r}")

    @staticmethod
    def raw(ref: ParameterRef, natural: float | None = None) -> float:
        """Raw theta of a natural value (the present one when left out); -inf for a variance of zero."""
        value = ref.natural if natural is None else natural
        return float(ref.transform.inverse(torch.tensor(value, dtype=torch.float64)))

    # --- data and files ---

    def start(self, template: Template) -> bool:
        """Start from a template, as one undoable step, and say so.

        Where no table is loaded or named, the template brings its own, so that V is there at once; its
        structures stand at values that show them.
        """
        table, said, sample = self.table, "", None
        if self.document.data_name is None and template.sample is not None:
            sample = template.sample
            table = self.tables[self._keep(sample.table())]
            said = f", with {sample.said}; your own table comes in under Data"
        asked = template.asked(table, self.document) if sample is None else ()
        begun = template.start(table, self.document, sample)
        if not self._open(replace(begun, document=at_shown_values(begun.document, table))):
            return False
        questions = "".join(f" {question.text}" for question in asked)
        questions += " Choose on the cards and in the fixed effects." if asked else ""
        text = f"Started from “{template.title}”{said}.{questions} Undo brings the earlier model back."
        self.notify(text, "ok", topic="model")
        return True

    def load_table(
        self, table: Table, *, roles: Mapping[str, Role] | None = None, response: str | None = None
    ) -> bool:
        """Make a table the document's data, as one undoable step.

        The table stays known by its name, so that undo and redo find it again. Another table under a name
        in use is kept beside the first as "name (2)".

        Args:
            table: the table.
            roles: what each column is; guessed when left out.
            response: the column that is modelled; the one whose role says so when left out.
        """
        name = self._keep(table)
        roles = guess_roles(table) if roles is None else dict(roles)
        return self.dispatch(SetData(name=name, roles=roles, response=response, choices=table.choices))

    def _keep(self, table: Table) -> str:
        """Keep a table for undo and redo; its name, which is never that of a table with other values."""
        name, self.tables[name] = kept(self.tables, table)
        return name

    def open_text(self, text: str) -> bool:
        """Replace the document by a saved one.

        A file that cannot be read becomes a notice and nothing is lost.
        """
        try:
            document, table = loads(text)
        except DocumentError as error:
            self.notify(NOT_OPENED.format(error), "error")
            return False
        return self.open(document, table)

    def open(self, document: Document, table: Table | None, ready: Opened | None = None) -> bool:
        """Replace the document by one that was read, with its table when it was saved with it.

        Args:
            document: the model.
            table: its table.
            ready: the same, where it was built beside the event loop; built anew where it does not suit what
                the session has by now.
        """
        if table is not None:
            name = self._keep(table)
            if document.data_name == table.name and name != table.name:
                document = replace(document, data_name=name)
        suits = ready is not None and (
            ready.document is document and ready.data is self.tables.get(document.data_name or "")
        )
        if not self._open(ReplaceDocument(document), ready.build if ready is not None and suits else None):
            return False
        if document.data_name is not None and document.data_name not in self.tables:
            self.notify(
                f"This model was saved without its table {document.data_name!r}: load it in the data panel.",
                "warning",
                stands=lambda: self.document.data_name is not None and self.table is None,
            )
        return True

    def _open(self, change: ReplaceDocument, built: Build | None = None) -> bool:
        self._opened.append(change.document)
        return self.dispatch(change, built=built)

    @property
    def opened(self) -> Document | None:
        """The model that was opened or started from last, undone ones apart; None where there is none."""
        if not self._opened:
            return None
        way = (self.document, *(step.document for step in reversed(self.history.past)))
        return next((one for one in way if any(one is document for document in self._opened)), None)

    def save_text(self, *, with_data: bool = True) -> str:
        """The document as JSON, with its table unless told otherwise."""
        return dumps(self.document, self.tables.get(self.document.data_name or "") if with_data else None)

    def bring_back(
        self,
        history: History,
        tables: Mapping[str, Table],
        selection: Iterable[str] = (),
        focus: str = V,
        derivatives: str = "theta",
    ) -> None:
        """Take up work that was kept: everything in this session is as it was then.

        Args:
            history: the document with its past and its future.
            tables: name -> table, those that its documents name.
            selection: ids of the selected nodes.
            focus: what the large plot shows.
            derivatives: what V is differentiated by.
        """
        self.tables = dict(tables)
        self.estimate = self._estimated = None
        self._opened = []
        self._present(history)
        self.derivatives = derivatives
        self.selection = tuple(node for node in selection if node in self.document.nodes)
        self.focus = focus
        if not self._exists(self.focus_key):
            self.focus = V

    # --- a finished fit ---

    def bring_back_estimate(self, estimate: Any, document: Document | None) -> None:
        """Know a fit that was kept, of this document, or none; nothing in the document changes."""
        self._estimated = document
        self.estimate = estimate

    def apply_estimate(self, estimate: Any) -> bool:
        """Keep a finished fit and set the parameters to it, as one undoable step."""
        if not self.dispatch(SetParameters(estimate.values, label="Fit")):
            return False
        self._estimated = self.document
        self.estimate = estimate
        return True

    @property
    def estimate_is_current(self) -> bool:
        """True while the document is the one the latest fit left behind (values and structure)."""
        return self.estimate is not None and self._estimated is self.document

    def notify(
        self,
        text: str,
        level: Level = "info",
        stands: Callable[[], bool] | None = None,
        topic: str = "",
    ) -> None:
        """Show a sentence to the person at the screen.

        Args:
            text: what happened, what was expected and what to do, as plain text.
            level: how it looks, and whether it goes by itself after a while.
            stands: whether what it speaks of is still so; when left out, as long as the document is the
                one that it was said about.
            topic: what it is about, where a later notice on the same takes its place.
        """
        about = self.document
        self.message = Notice(text, level, stands=stands or (lambda: self.document is about), topic=topic)
