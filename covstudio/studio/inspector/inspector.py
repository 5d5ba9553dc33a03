"""The inspector of the selected node; of all parameters of V when nothing is selected.

A dragged slider speaks to the live evaluation through the painter (`frontend/src/painter`); everything
else here becomes a change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from covstudio.covariance import declaration
from covstudio.document.changes.all import (
    ChangeError,
    RemoveNodes,
    Rename,
    SetArgument,
    SetFixed,
    SetParameters,
)
from covstudio.document.model.arguments import argument_of
from covstudio.document.model.node import Columns, Levels
from covstudio.studio.inspector.listing import Listing
from covstudio.studio.inspector.messages import (
    INSPECTOR,
    FindParameters,
    FixParameter,
    GiveArgument,
    GiveValue,
    InspectorState,
    MoreParameters,
    MovedParameters,
    RemoveSelected,
    ResetValue,
    TakeColumn,
)
from covstudio.studio.inspector.problems import RepairProblem, mend
from covstudio.studio.inspector.state import (
    inspector_page,
    listed_rows,
    moved_parameter,
    parameter_key,
    present_parameters,
)
from covstudio.studio.inspector.typed import read_argument
from covstudio.studio.session.channel import Channel
from covstudio.studio.session.files import MAX_NAME
from covstudio.studio.session.shared import OpenTab, RenameNode, SelectNode, ShowMatrix
from covstudio.studio.session.store import Store
from covstudio.studio.session.tabs import TabView


class Inspector(TabView):
    """The inspector of one session.

    Args:
        store: the session.
        open_tab: brings another tab of the details to the front.
    """

    def __init__(self, store: Store, open_tab: Callable[[str], None] = lambda name: None) -> None:
        self._store = store
        self._open_tab = open_tab
        self._errors: dict[str, str] = {}
        self._revision = 0
        self._sent: dict[str, float] = {}
        self._listing = Listing()
        self._about: tuple[object, ...] = ()  # the selection and the model that the listing is of
        self.channel = Channel(
            INSPECTOR,
            store,
            {
                RenameNode: lambda said: self._try("name", Rename(said.node, said.name)),
                GiveArgument: self._argument,
                TakeColumn: self._column,
                GiveValue: self._value,
                ResetValue: self._reset,
                FixParameter: self._fix,
                MoreParameters: self._more,
                FindParameters: self._find,
                RemoveSelected: lambda _: self._remove(),
                RepairProblem: lambda said: mend(store, said),
                SelectNode: self._visit_node,
                ShowMatrix: self._visit_matrix,
                OpenTab: lambda said: open_tab(said.tab),
            },
        )
        store.param.watch(self._structure, ["structure_version", "selection", "settled", "faults"])
        store.param.watch(self._values, ["version"])
        self._show()

    @property
    def line(self) -> Channel:
        """What the page draws the inspector from."""
        return self.channel

    # --- drawing ----------------------------------------------------------------------------------

    def _structure(self, *_events: Any) -> None:
        self._errors = {}
        self._show()

    def _show(self) -> None:
        about = (self._store.models, *self._store.selection)
        if about != self._about:
            self._about, self._listing = about, Listing()
        page = inspector_page(self._store, self._listing)
        listed = {row.key for row in listed_rows(page)}
        self._sent = {
            key: ref.natural
            for ref in present_parameters(self._store)
            if (key := parameter_key(ref)) in listed
        }
        self.channel.show(InspectorState(page=page, errors=dict(self._errors), revision=self._revision))

    def _values(self, *_events: Any) -> None:
        """Between two rests of a slider only numbers travel, and only those that changed."""
        if self._store.settled == self._store.version:
            return
        moved = [
            ref
            for ref in present_parameters(self._store)
            if self._sent.get(parameter_key(ref), ref.natural) != ref.natural
        ]
        if moved:
            self._sent |= {parameter_key(ref): ref.natural for ref in moved}
            self.channel.tell(MovedParameters(moved=[moved_parameter(self._store, ref) for ref in moved]))

    def _refuse(self, field: str, sentence: str) -> None:
        self._errors = {field: sentence}
        self._answer()

    def _answer(self) -> None:
        """Say where things stand although nothing changed."""
        self._revision += 1
        self._show()

    def _try(self, field: str, change: Any) -> None:
        """Dispatch a change whose refusal is shown under its own field."""
        try:
            change.apply(self._store.document)
        except ChangeError as error:
            self._refuse(field, str(error))
            return
        self._errors = {}
        before = self._store.version
        self._store.dispatch(change)
        if self._store.version == before:
            self._answer()

    # --- messages ---------------------------------------------------------------------------------

    def _more(self, said: MoreParameters) -> None:
        self._listing.more(said.node)
        self._show()

    def _find(self, said: FindParameters) -> None:
        self._listing.find(said.text[:MAX_NAME])
        self._show()

    def _remove(self) -> None:
        ids = [i for i in self._store.selection if i in self._store.document.nodes]
        if ids:
            self._store.dispatch(RemoveNodes(tuple(ids)))

    def _visit_node(self, said: SelectNode) -> None:
        self._store.selection = (said.node,) if said.node in self._store.document.nodes else ()

    def _visit_matrix(self, said: ShowMatrix) -> None:
        self._store.focus = said.node
        self._open_tab("matrix")

    def _value(self, said: GiveValue) -> None:
        field = f"{said.node} {said.param}"
        reason = self._store.build.check_value(said.node, said.param, said.value)
        if reason:
            self._refuse(field, reason)
        else:
            self._try(field, SetParameters({(said.node, said.param): said.value}))

    def _reset(self, said: ResetValue) -> None:
        change = SetParameters({(said.node, said.param): None}, label=f"Reset {said.param}")
        self._try(f"{said.node} {said.param}", change)

    def _fix(self, said: FixParameter) -> None:
        self._try(f"{said.node} {said.param}", SetFixed(said.node, said.param, said.fixed))

    def _argument(self, said: GiveArgument) -> None:
        node = self._store.document.nodes.get(said.node)
        if node is None:
            return
        try:
            argument = argument_of(declaration(node.kind), said.argument)
            value = read_argument(argument.kind, said.value, argument.columns)
        except ValueError as error:
            self._refuse(said.argument, str(error))
            return
        self._try(said.argument, SetArgument(said.node, said.argument, value))

    def _column(self, said: TakeColumn) -> None:
        """Take one column into a list of columns, or out of it."""
        node = self._store.document.nodes.get(said.node)
        if node is None:
            return
        value = node.arguments.get(said.argument)
        present: tuple[str, ...] = ()
        if isinstance(value, Columns):
            present = value.names
        elif isinstance(value, Levels):
            present = value.columns
        try:
            argument = argument_of(declaration(node.kind), said.argument)
        except ValueError as error:
            self._refuse(said.argument, str(error))
            return
        only_one = argument.kind == "coordinates" and argument.columns[1] == 1
        kept = tuple(entry for entry in present if entry != said.column and not (only_one and said.on))
        chosen = (*kept, said.column) if said.on else kept
        kind: type[Columns] | type[Levels] = Levels if isinstance(value, Levels) else Columns
        self._try(said.argument, SetArgument(said.node, said.argument, kind(chosen)))
