"""The fit view before a fit: response, fixed effects, method, engine, and what is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from covstudio.covariance import Matrix
from covstudio.data.design import design_matrix
from covstudio.data.errors import DesignError, RankError, TableError
from covstudio.data.roles import Role
from covstudio.data.tables import Table
from covstudio.document.build.about_v import about_v
from covstudio.document.build.built import Problem
from covstudio.document.changes.all import (
    Batch,
    Change,
    SetDegrees,
    SetDropDependent,
    SetFixedEffects,
    SetMethod,
    SetResponse,
)
from covstudio.estimate import outlook
from covstudio.reml import Explanation
from covstudio.reml.engines.registry import title_of
from covstudio.studio.fit.messages import (
    CheckFormula,
    ChooseDegrees,
    ChooseMethod,
    ChooseResponse,
    FitFormula,
    FitOutlook,
    FitResponse,
    KeepColumns,
    WriteFormula,
)
from covstudio.studio.inspector.problems import model_problem
from covstudio.studio.session.background import Background
from covstudio.studio.session.channel import Handlers
from covstudio.studio.session.store import Store

MAX_NAMES = 40
#: Of a formula that is looked at while it is written.
MAX_CHARACTERS = 2000


@dataclass(frozen=True)
class _Columns:
    """What a formula makes of a table: the columns of X, or what is wrong.

    Args:
        names: of the columns.
        left_out: of columns that depend on others and were left out.
        error: why there is no X, or None.
        dependent: the reason is that columns depend on others.
    """

    names: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    error: str | None = None
    dependent: bool = False


_Question = tuple[str, dict[str, Role], bool]  # formula, roles, whether dependent columns are left out


class FitSetup:
    """What would be fitted, and how.

    Args:
        store: the session.
        show: draws the view again.
    """

    def __init__(self, store: Store, show: Callable[[], None]) -> None:
        self._store = store
        self._show = show
        self._typed: str | None = None  # a formula that is being written
        self._designed: tuple[Table, _Question, _Columns] | None = None
        self._outlook: Explanation | str | None = None
        self._asked: tuple[Matrix, int] | None = None  # what the outlook is of
        self._background: Background[Explanation | str] = Background(self._heard)

    def handlers(self) -> Handlers:
        """Kind of message -> method taking the message."""
        return {
            ChooseResponse: lambda chosen: self._store.dispatch(SetResponse(chosen.column or None)),
            CheckFormula: self._check,
            WriteFormula: self._write,
            ChooseMethod: self._set_method,
            ChooseDegrees: self._set_degrees,
            KeepColumns: lambda message: self._store.dispatch(SetDropDependent(False)),
        }

    # --- what a person sets -----------------------------------------------------------------------

    def _check(self, message: CheckFormula) -> None:
        self._typed = message.text[:MAX_CHARACTERS]
        self._show()

    def _write(self, message: WriteFormula) -> None:
        self._typed = None
        self._store.dispatch(SetFixedEffects(message.text))
        self._show()

    def _set_method(self, message: ChooseMethod) -> None:
        if message.method != self._store.document.method:
            self._store.dispatch(SetMethod(message.method))

    def _set_degrees(self, message: ChooseDegrees) -> None:
        if message.degrees != self._store.document.degrees_used:
            self._store.dispatch(SetDegrees(message.degrees))

    def leave_out(self) -> bool:
        """Leave dependent columns out from now on, of a formula that is still being written too."""
        typed, self._typed = self._typed, None
        changes: list[Change] = [] if typed is None else [SetFixedEffects(typed)]
        return self._store.dispatch(
            Batch([*changes, SetDropDependent(True)], label="Leave out dependent columns")
        )

    # --- what is drawn ----------------------------------------------------------------------------

    def reason(self) -> str | None:
        """What keeps the model from being fitted, or None."""
        return self._judged(self.response(), self.formula())[0]

    def state(self) -> dict[str, Any]:
        """The parts of the view's state that are of the set-up."""
        store = self._store
        response, formula = self.response(), self.formula()
        reason, foreseen = self._judged(response, formula)
        blocking = self._blocking() if store.document.nodes else ()
        return {
            "table": None if store.table is None else store.table.name,
            "response": response,
            "formula": formula,
            "method": store.document.method,
            "degrees": store.document.degrees_used,
            "outlook": foreseen,
            "reason": reason,
            "problems": [model_problem(store, problem) for problem in blocking],
            "notes": list(store.build.notes),
        }

    def formula(self) -> FitFormula:
        """The fixed effects, as they stand or as they are being written."""
        store = self._store
        text, drop = store.document.fixed_effects, store.document.drop_dependent
        checked = text if self._typed is None else self._typed
        table = store.build.table or store.table
        found, columns = _Columns(), []
        if table is not None:
            roles = store.document.roles
            columns = [name for name in table.columns if roles.get(name) in ("factor", "covariate")]
            question = checked.strip().removeprefix("~").strip() or "1", dict(roles), drop
            known = self._designed
            if known is None or known[0] is not table or known[1] != question:
                self._designed = known = (table, question, _columns(table, question))
            found = known[2]
        return FitFormula(
            text=text,
            error=found.error,
            names=list(found.names[:MAX_NAMES]),
            count=len(found.names),
            columns=columns,
            dependent=found.dependent,
            left_out=list(found.left_out[:MAX_NAMES]),
            drop=drop,
        )

    def response(self) -> FitResponse:
        """The response, the columns that could be one, and what is wrong with it."""
        store, table = self._store, self._store.table
        chosen = store.document.response
        choices = [] if table is None else [name for name in table.columns if table.is_numeric(name)]
        error = None
        if chosen is not None and table is not None and chosen not in choices:
            error = (
                f"{chosen!r} is not a column of {table.name}: choose another response."
                if chosen not in table.columns
                else f"{chosen!r} holds text. A response holds numbers: choose another column."
            )
        return FitResponse(value=chosen, choices=choices, error=error)

    def _judged(self, response: FitResponse, formula: FitFormula) -> tuple[str | None, FitOutlook | None]:
        """What keeps the model from being fitted, and what a fit would take."""
        reason = self._missing(response, formula)
        foreseen = self._outlook_state(formula, reason)
        if reason is None and isinstance(self._outlook, str):
            reason = self._outlook
        return reason, foreseen

    def _missing(self, response: FitResponse, formula: FitFormula) -> str | None:
        """What has to come before a fit, or None."""
        store = self._store
        if store.table is None:
            return "Load a table first."
        if store.document.response is None:
            return "Choose the response."
        if response.error:
            return response.error
        if formula.error:
            return "Mend the fixed effects first."
        if store.build.v is None or any(problem.severity == "error" for problem in self._blocking()):
            return "Finish V first."
        if not any(not ref.fixed for ref in store.build.parameters):
            return "Every parameter is fixed: free at least one."
        return None

    def _blocking(self) -> list[Problem]:
        """Problems of V and of the nodes below it.

        What lies loose on the canvas does not keep V from being fitted.
        """
        return about_v(self._store.document, self._store.problems)

    # --- which engine -----------------------------------------------------------------------------

    def _outlook_state(self, formula: FitFormula, reason: str | None) -> FitOutlook | None:
        v = self._store.build.v
        if v is None or reason is not None:
            self._background.forget()
            self._asked = self._outlook = None
            return None
        asked = (v, formula.count)
        if self._asked is None or self._asked[0] is not v or self._asked[1] != asked[1]:
            if self._asked is None or self._asked[0] is not v:
                self._outlook = None
            self._asked = asked
            self._background.ask(lambda: outlook(*asked))
        found = self._outlook
        if not isinstance(found, Explanation):
            return None
        return FitOutlook(
            engine=_engine(found.engine),
            cost=f"about {duration(found.seconds)} an iteration, {size(found.memory)}",
            why=found.reason,
            others=[f"{_engine(name)}: {why}" for name, why in found.others.items()],
        )

    def _heard(self, found: Explanation | str | None) -> None:
        self._outlook = found
        self._show()


def _columns(table: Table, question: _Question) -> _Columns:
    formula, roles, drop = question
    try:
        design = design_matrix(table, formula, roles, drop_dependent=drop)
    except RankError as error:
        return _Columns(error=str(error), dependent=bool(error.columns))
    except (DesignError, TableError) as error:
        return _Columns(error=str(error))
    return _Columns(tuple(design.names), design.left_out)


def _engine(name: str) -> str:
    title = title_of(name)
    return title[:1].upper() + title[1:]


def duration(seconds: float) -> str:
    """Seconds in words, to one digit.

    Example:
        >>> duration(0.0004), duration(0.034), duration(3.6), duration(400.0)
        ('1 ms', '30 ms', '4 s', '7 min')
    """
    if seconds < 0.95:
        milliseconds = 1e3 * seconds
        return f"{max(1, round(milliseconds, -1 if milliseconds >= 10 else 0)):.0f} ms"
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def size(amount: float) -> str:
    """Bytes in words.

    Example:
        >>> size(3e5), size(2.4e7), size(3.2e9)
        ('under 1 MB', '24 MB', '3.2 GB')
    """
    megabytes = amount / 1e6
    if megabytes < 1:
        return "under 1 MB"
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"
