"""The messages of the inspector."""

from __future__ import annotations

from typing import Literal

from covstudio.studio.inspector.problems import ModelProblem, RepairProblem
from covstudio.studio.inspector.scales import Scale
from covstudio.studio.session.messages import Edit, Message, Part, Real, State, Wire
from covstudio.studio.session.shared import OpenTab, RenameNode, SelectNode, ShowMatrix

# --- arguments ------------------------------------------------------------------------------------


class ColumnChoice(Part, frozen=True):
    """A column that may be chosen, and its role."""

    name: str
    role: str


class _Field(Part, frozen=True):
    """What every argument has; `given` says that the node has a value of its own."""

    name: str
    label: str
    help: str
    given: bool
    optional: bool


class SizeField(_Field, frozen=True, tag_field="kind", tag="size"):
    """A size: where it comes from, and what it may come from."""

    mode: Literal["auto", "rows", "levels", "number"]
    origin: str
    number: int | None
    columns: list[str]
    choices: list[ColumnChoice]
    rows: int | None


class _Columns(_Field, frozen=True):
    """Columns of the table, or `count` values that are written; `most` is None where any number will do."""

    columns: list[str]
    least: int
    most: int | None
    choices: list[ColumnChoice]
    table: bool
    written: str
    count: int | None


class FactorsField(_Columns, frozen=True, tag_field="kind", tag="factors"):
    """Columns of labels."""


class CoordinatesField(_Columns, frozen=True, tag_field="kind", tag="coordinates"):
    """Columns of numbers."""


class MatrixField(_Field, frozen=True, tag_field="kind", tag="matrix"):
    """A matrix as text, or one of the model's second tables; the text of a large one is not sent."""

    tables: list[str]
    table: str | None
    text: str
    shape: str | None
    large: bool


class ChoiceField(_Field, frozen=True, tag_field="kind", tag="choice"):
    """One of a few words."""

    value: str | None
    choices: list[str]


class IndicesField(_Field, frozen=True, tag_field="kind", tag="indices"):
    """Positions, as text."""

    value: str


class FlagField(_Field, frozen=True, tag_field="kind", tag="flag"):
    """Yes or no."""

    value: bool | None


class IntegerField(_Field, frozen=True, tag_field="kind", tag="integer"):
    """A whole number."""

    value: int | None


class NumberField(_Field, frozen=True, tag_field="kind", tag="number"):
    """A number."""

    value: Real | None


ArgumentField = (
    SizeField
    | FactorsField
    | CoordinatesField
    | MatrixField
    | ChoiceField
    | IndicesField
    | FlagField
    | IntegerField
    | NumberField
)

# --- pages ----------------------------------------------------------------------------------------


class ParameterRow(Part, frozen=True):
    """A parameter: `path` is its name in V, `label` its letter, `note` what the first of its kind means."""

    key: str
    node: str
    param: str
    label: str
    path: str
    value: Real
    raw: Real
    fixed: bool
    default: Real
    scale: Scale
    low: Real
    high: Real
    zero: bool
    meaning: str
    note: str
    transform: str


class ParameterGroup(Part, frozen=True):
    """The parameters of one node of V that are listed; `count` is how many there are to list."""

    node: str
    name: str
    title: str
    parameters: list[ParameterRow]
    count: int


class Operand(Part, frozen=True):
    """A slot of an operator, and what is in it."""

    slot: str
    help: str
    child: str | None
    name: str | None
    shape: str | None


class Elsewhere(Part, frozen=True):
    """What another system calls a structure, and how it is asked for there."""

    system: str
    names: list[str]
    usage: str


class NodePage(Part, frozen=True, tag_field="mode", tag="node"):
    """One node, with `count` parameters to list; `find` is what they are looked for by, None for a few."""

    id: str
    name: str
    path: str | None
    role: Literal["matrix", "operator"]
    title: str
    summary: str
    standing: str
    formula: str
    symbol: str
    katex: str | None
    shape: str
    indefinite: bool
    reference: str
    elsewhere: list[Elsewhere]
    problems: list[ModelProblem]
    arguments: list[ArgumentField]
    operands: list[Operand]
    parameters: list[ParameterRow]
    count: int
    find: str | None


class SelectedNode(Part, frozen=True):
    """One of several nodes."""

    id: str
    name: str
    title: str


class SeveralPage(Part, frozen=True, tag_field="mode", tag="several"):
    """Several nodes."""

    nodes: list[SelectedNode]


class ModelPage(Part, frozen=True, tag_field="mode", tag="model"):
    """All parameters of V, by node; `more` nodes are not listed yet."""

    shape: str
    problems: list[ModelProblem]
    groups: list[ParameterGroup]
    more: int
    find: str | None
    free: int
    fixed: int


class EmptyPage(Part, frozen=True, tag_field="mode", tag="empty"):
    """How to begin; with the table, if there is one."""

    table: str | None


class InspectorState(State, frozen=True):
    """What is selected, and why what was said last was refused: field -> sentence.

    `revision` moves with every refusal, so that the page hears of a second one in the same words.
    """

    page: NodePage | SeveralPage | ModelPage | EmptyPage
    errors: dict[str, str]
    revision: int


class MovedParameter(Part, frozen=True):
    """A parameter that has another value now."""

    key: str
    value: Real
    raw: Real


class MovedParameters(Message, frozen=True):
    """Numbers alone, while a slider moves."""

    moved: list[MovedParameter]


# --- what a person does ---------------------------------------------------------------------------


class FromModel(Part, frozen=True, tag_field="mode", tag="auto"):
    """A size that follows the model."""


class FromRows(Part, frozen=True, tag_field="mode", tag="rows"):
    """The rows of the table."""


class FromLevels(Part, frozen=True, tag_field="mode", tag="levels"):
    """The levels of columns."""

    columns: list[str]


class FromNumber(Part, frozen=True, tag_field="mode", tag="number"):
    """A size as a number."""

    number: float


class FromTable(Part, frozen=True, tag_field="mode", tag="table"):
    """A second table of the model."""

    name: str


class Written(Part, frozen=True, tag_field="mode", tag="written"):
    """Values as they were typed."""

    text: str


#: What may be said of an argument; None leaves it out.
Given = None | bool | int | float | str | FromModel | FromRows | FromLevels | FromNumber | FromTable | Written


class _OfArgument(Edit, frozen=True):
    node: str
    argument: str


class GiveArgument(_OfArgument, frozen=True):
    """An argument has another value."""

    value: Given


class TakeColumn(_OfArgument, frozen=True):
    """A column goes into a list of columns, or out of it."""

    column: str
    on: bool


class _OfParameter(Edit, frozen=True):
    node: str
    param: str


class GiveValue(_OfParameter, frozen=True):
    """A parameter has another natural value."""

    value: float


class ResetValue(_OfParameter, frozen=True):
    """A parameter has its default value again."""


class FixParameter(_OfParameter, frozen=True):
    """A parameter is a constant, or is one no longer."""

    fixed: bool


class MoreParameters(Message, frozen=True):
    """More parameters of a node are wanted, or more nodes."""

    node: str | None


class FindParameters(Message, frozen=True):
    """Those parameters are wanted whose name holds a text."""

    text: str


class RemoveSelected(Edit, frozen=True):
    """What is selected goes."""


INSPECTOR = Wire(
    "inspector",
    InspectorState,
    up=(
        RenameNode,
        GiveArgument,
        TakeColumn,
        GiveValue,
        ResetValue,
        FixParameter,
        MoreParameters,
        FindParameters,
        RemoveSelected,
        RepairProblem,
        SelectNode,
        ShowMatrix,
        OpenTab,
    ),
    down=(MovedParameters,),
)
