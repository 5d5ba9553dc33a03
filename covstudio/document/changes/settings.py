"""Changes of what nodes and the model are set to: arguments, parameter values, texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from covstudio.covariance.core.letters import parameter_label
from covstudio.data.errors import came
from covstudio.document.changes.change import (
    Change,
    ChangeError,
    argument_value,
    checked,
    declared_kind,
    node_of,
    text_of,
)
from covstudio.document.model.arguments import argument_of, check_parameter
from covstudio.document.model.document import (
    MAX_DERIVED,
    Degrees,
    Document,
    Method,
    check_degrees,
    check_method,
)
from covstudio.document.model.node import ArgumentValue, FrozenMap, check_number


@dataclass(frozen=True)
class SetArgument(Change):
    """Set a constructor argument of a node; None takes it back to what it is when nobody sets it.

    Args:
        node_id: which node.
        argument: its name.
        value: see `covstudio.document.model.arguments.check_argument`.
    """

    node_id: str
    argument: str
    value: ArgumentValue | None

    def apply(self, document: Document) -> Document:
        node = node_of(document, self.node_id)
        declared = declared_kind(node.kind)
        if self.value is None:
            checked(argument_of, declared, self.argument)
            return document.with_nodes(
                replace(node, arguments=FrozenMap(node.arguments).without(self.argument))
            )
        value = argument_value(declared, self.argument, self.value)
        return document.with_nodes(
            replace(node, arguments=FrozenMap(node.arguments).set(self.argument, value))
        )

    def _describe(self, document: Document) -> str:
        node = node_of(document, self.node_id)
        label = checked(argument_of, declared_kind(node.kind), self.argument).label
        return f"Set {label} of {node.name}"


@dataclass(frozen=True)
class SetParameters(Change):
    """Set natural values of parameters; None takes one back to its default.

    Whether a value lies in the parameter's range is told by `Build.check_value`: the range may depend on
    sizes.

    Args:
        values: (node id, parameter) -> natural value.
    """

    values: Mapping[tuple[str, str], float | None]

    def apply(self, document: Document) -> Document:
        changed: dict[str, dict[str, float]] = {}
        for (node_id, name), value in self.values.items():
            node = node_of(document, node_id)
            values = changed.setdefault(node_id, dict(node.values))
            checked(check_parameter, declared_kind(node.kind), name)
            if value is None:
                values.pop(name, None)
            else:
                values[name] = checked(check_number, value, f"the value of {name} of {node.name}")
        nodes = [replace(document.nodes[i], values=FrozenMap(values)) for i, values in changed.items()]
        return document.with_nodes(*nodes)

    def _describe(self, document: Document) -> str:
        if len(self.values) != 1:
            return f"Set {len(self.values)} parameters"
        ((node_id, name),) = self.values
        return f"Set {parameter_label(name)} of {node_of(document, node_id).name}"


@dataclass(frozen=True)
class SetFixed(Change):
    """Make a parameter a constant, or free it.

    Args:
        node_id: which node.
        parameter: the node's own parameter.
        fixed: True for a constant.
    """

    node_id: str
    parameter: str
    fixed: bool

    def apply(self, document: Document) -> Document:
        node = node_of(document, self.node_id)
        checked(check_parameter, declared_kind(node.kind), self.parameter)
        fixed = node.fixed | {self.parameter} if self.fixed else node.fixed - {self.parameter}
        return document.with_nodes(replace(node, fixed=fixed))

    def _describe(self, document: Document) -> str:
        what = f"{parameter_label(self.parameter)} of {node_of(document, self.node_id).name}"
        return f"{'Fix' if self.fixed else 'Free'} {what}"


@dataclass(frozen=True)
class SetFixedEffects(Change):
    """Set the formula of the fixed effects; it is read when the model is fitted.

    Args:
        formula: the right hand side, e.g. "1 + rep"; a leading "~" is dropped.
    """

    formula: str

    def apply(self, document: Document) -> Document:
        formula = text_of(self.formula, "The fixed effects").strip().removeprefix("~").strip()
        return replace(document, fixed_effects=formula or "1")

    def _describe(self, document: Document) -> str:
        return "Set the fixed effects"


@dataclass(frozen=True)
class SetMethod(Change):
    """Say how the model is fitted.

    Args:
        method: "REML" or "ML".
    """

    method: Method

    def apply(self, document: Document) -> Document:
        return replace(document, method=checked(check_method, self.method))

    def _describe(self, document: Document) -> str:
        return f"Fit by {self.method}"


@dataclass(frozen=True)
class SetDegrees(Change):
    """Say which degrees of freedom fixed effects are tested with.

    Args:
        degrees: "satterthwaite", "kenward-roger" or "kenward-roger-observed".
    """

    degrees: Degrees

    def apply(self, document: Document) -> Document:
        return replace(document, degrees=checked(check_degrees, self.degrees))

    def _describe(self, document: Document) -> str:
        return f"Test by {self.degrees.title()}"


@dataclass(frozen=True)
class SetDropDependent(Change):
    """Say what becomes of columns of X that depend on columns before them.

    Args:
        drop: True to leave them out, False to refuse them.
    """

    drop: bool

    def apply(self, document: Document) -> Document:
        if not isinstance(self.drop, bool):
            raise ChangeError(f"Columns are left out or not: true or false; got {came(self.drop)}.")
        return replace(document, drop_dependent=self.drop)

    def _describe(self, document: Document) -> str:
        return "Leave out dependent columns" if self.drop else "Keep all columns of X"


@dataclass(frozen=True)
class SetDerived(Change):
    """Say which functions of parameters are wanted with a fit.

    Args:
        expressions: all of them, in order; blank ones are dropped.
    """

    expressions: Sequence[str]

    def apply(self, document: Document) -> Document:
        texts = tuple(text_of(one, "An expression").strip() for one in self.expressions)
        kept = tuple(dict.fromkeys(text for text in texts if text))
        if len(kept) > MAX_DERIVED:
            raise ChangeError(f"A model keeps at most {MAX_DERIVED} derived quantities; remove some first.")
        return replace(document, derived=kept)

    def _describe(self, document: Document) -> str:
        more = len(self.expressions) - len(document.derived)
        return f"{'Add' if more > 0 else 'Remove' if more < 0 else 'Change'} a derived quantity"


@dataclass(frozen=True)
class SetTitle(Change):
    """Set the title of the model.

    Args:
        title: free text.
    """

    title: str

    def apply(self, document: Document) -> Document:
        return replace(document, title=text_of(self.title, "The title").strip() or "Untitled model")

    def _describe(self, document: Document) -> str:
        return "Set the title"
