"""The messages of the fit view: of what would be fitted, how a fit goes, and what is asked of it."""

from __future__ import annotations

from typing import Literal

from covstudio.document.model.document import Degrees, Method
from covstudio.studio.fit.results_messages import RESULTS as RESULTS
from covstudio.studio.inspector.problems import ModelProblem
from covstudio.studio.session.messages import Edit, Message, Part, Real, State, Wire
from covstudio.studio.session.shared import ClipboardText, OpenTab, SelectNode

#: What is going on with a fit; "idle" where none is.
Phase = Literal["idle", "starting", "waiting", "running", "inferring", "cancelling"]
#: What takes refits: a profile likelihood of a parameter, a test of a term of V.
Asked = Literal["profile", "omit"]

# --- what would be fitted -------------------------------------------------------------------------------


class FitResponse(Part, frozen=True):
    """The response, the columns that could be one, and what is wrong with it."""

    value: str | None
    choices: list[str]
    error: str | None


class FitFormula(Part, frozen=True):
    """The fixed effects, as they stand or as they are being written.

    `dependent` says that the error is of columns that depend on others; `drop`, that those are left out.
    """

    text: str
    error: str | None
    names: list[str]
    count: int
    columns: list[str]
    dependent: bool
    left_out: list[str]
    drop: bool


class FitOutlook(Part, frozen=True):
    """The engine that would fit, what an iteration would take, why, and what other engines would say."""

    engine: str
    cost: str
    why: str
    others: list[str]


# --- a fit under way, and after it ----------------------------------------------------------------------


class FitStep(Part, frozen=True):
    """One iteration."""

    number: int
    loglik: Real
    score: Real
    halvings: int


class FitFailure(Part, frozen=True):
    """Why there is no estimate."""

    message: str
    problems: list[ModelProblem]


class FitStale(Part, frozen=True):
    """What changed since the results were found, and whether moving the sliders back mends it."""

    text: str
    values: bool


class FitQuantity(Part, frozen=True):
    """A derived quantity at the estimates, or why it has no value."""

    text: str
    name: str
    estimate: Real
    error: Real
    lower: Real
    upper: Real
    note: str
    trouble: str


class FitDerivedState(Part, frozen=True):
    """The document's derived quantities, and one that is being written.

    `refused` says that the draft was to be added, and has no value.
    """

    rows: list[FitQuantity]
    draft: str
    tried: FitQuantity | None
    refused: bool


class FitBusy(Part, frozen=True):
    """A question under way: what it is about, where it is, how many of its names are done.

    `held` says why nothing goes on with it for now.
    """

    kind: Asked
    names: list[str]
    name: str
    count: int
    done: int
    held: str
    stopping: bool


class FitPoint(Part, frozen=True):
    """A value of a parameter, and how far the log-likelihood has fallen there."""

    value: float
    fall: float


class FitProfile(Part, frozen=True):
    """A profile likelihood: the interval, which of its ends are open, and the curve."""

    name: str
    estimate: float
    lower: Real
    upper: Real
    open_below: bool
    open_above: bool
    curve: list[FitPoint]
    notes: list[str]


class FitTrouble(Part, frozen=True):
    """A parameter without a profile, and why."""

    name: str
    text: str


class FitOmission(Part, frozen=True):
    """A test of V without one of its terms, or why there is none."""

    name: str
    statistic: Real
    mixture: str
    p: Real
    loglik: Real
    note: str
    trouble: str


class FitQuestionsState(Part, frozen=True):
    """What can be asked about the latest fit, what is being asked, and the answers so far.

    `cut` is the fall of the log-likelihood at the ends of an interval; `kind`, what was asked last.
    """

    busy: FitBusy | None
    failure: str
    kind: Asked | None
    cut: float
    parameters: list[str]
    profiles: list[FitProfile]
    troubles: list[FitTrouble]
    terms: list[str]
    omissions: list[FitOmission]


class FitState(State, frozen=True):
    """The fit view, but for the tables of the results, which are large and change seldom.

    `held` says why nothing goes on with the fit under way for now.
    """

    table: str | None
    response: FitResponse
    formula: FitFormula
    method: Method
    degrees: Degrees
    outlook: FitOutlook | None
    reason: str | None
    problems: list[ModelProblem]
    notes: list[str]
    derived: FitDerivedState
    questions: FitQuestionsState
    phase: Phase
    ahead: int
    held: str
    steps: list[FitStep]
    failure: FitFailure | None
    stale: FitStale | None


# --- what a person does ---------------------------------------------------------------------------------


class ChooseResponse(Edit, frozen=True):
    """Another column is the response, or none."""

    column: str | None


class CheckFormula(Message, frozen=True):
    """A formula is being written."""

    text: str


class WriteFormula(Edit, frozen=True):
    """The formula is written."""

    text: str


class ChooseMethod(Edit, frozen=True):
    """The likelihood to maximise."""

    method: Method


class ChooseDegrees(Edit, frozen=True):
    """The degrees of freedom of tests."""

    degrees: Degrees


class LeaveOutColumns(Message, frozen=True):
    """Columns that depend on others are to be left out, and the model fitted."""


class KeepColumns(Edit, frozen=True):
    """All columns are to be kept."""


class StartFit(Message, frozen=True):
    """The model is to be fitted."""


class CancelFit(Message, frozen=True):
    """The fit under way is to end."""


class BackToEstimates(Message, frozen=True):
    """The parameters are to stand at the estimates again."""


class SaveTable(Message, frozen=True):
    """A table is wanted as a file, or "all" of them."""

    table: str


class CopyTable(Message, frozen=True):
    """A table is wanted on the clipboard."""

    table: str


class TryQuantity(Message, frozen=True):
    """A derived quantity is being written."""

    text: str


class AddQuantity(Message, frozen=True):
    """A derived quantity is wanted of this fit and the next ones."""

    text: str


class RemoveQuantity(Edit, frozen=True):
    """A derived quantity is not wanted any more."""

    text: str


class AskProfile(Message, frozen=True):
    """The profile likelihood of a parameter is wanted, or of all that have none."""

    name: str | None


class AskOmission(Message, frozen=True):
    """A test of V without one of its terms is wanted, or of each that has none."""

    name: str | None


class StopAsking(Message, frozen=True):
    """The question under way is given up."""


FIT = Wire(
    "fit",
    FitState,
    up=(
        ChooseResponse,
        CheckFormula,
        WriteFormula,
        ChooseMethod,
        ChooseDegrees,
        LeaveOutColumns,
        KeepColumns,
        StartFit,
        CancelFit,
        SelectNode,
        OpenTab,
        BackToEstimates,
        SaveTable,
        CopyTable,
        TryQuantity,
        AddQuantity,
        RemoveQuantity,
        AskProfile,
        AskOmission,
        StopAsking,
    ),
    down=(ClipboardText,),
)
