"""lme4: random effects in bars, with the structures of lme4 2."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from covstudio.formula.dialect import DIALECTS, Dialect, Request
from covstudio.formula.effects import (
    Coefficients,
    Covariance,
    coefficients,
    effect,
    independent,
    label,
    residual,
    scaled_by_column,
)
from covstudio.formula.refusals import Refusal
from covstudio.formula.source import Source, unwrapped
from covstudio.formula.syntax import Call, Node, Number, Operation, Sum, summands
from covstudio.formula.tree import Model, Tree

__all__ = ["STRUCTURES", "bars", "read", "split"]


def _by_flag(same: str, different: str, homogeneous: bool) -> Callable[[Source, Call], Covariance]:
    """A structure with one variance or one for each coefficient, as `hom =` says."""

    def found(source: Source, call: Call) -> Covariance:
        return independent(same if source.flag(call.given("hom"), homogeneous) else different)

    return found


#: Words before a bar, and the structure that each stands for.
STRUCTURES: Mapping[str, Callable[[Source, Call], Covariance]] = {
    "us": lambda source, call: independent("UnstructuredMatrix"),
    "diag": _by_flag("ScalarMatrix", "DiagonalMatrix", False),
    "cs": _by_flag("CompoundSymmetricMatrix", "HeterogeneousCompoundSymmetricMatrix", False),
    "ar1": _by_flag("AR1Matrix", "HeterogeneousAR1Matrix", True),
}
#: Structures over ordered levels: levels beside one another are neighbours.
SERIES = frozenset(["ar1", "hetar1", "toep", "homtoep"])


def split(source: Source) -> tuple[Node, list[tuple[int, Node]], list[Node]]:
    """The response, the parts of the fixed effects and the random parts of a formula.

    Raises:
        Refusal: it is no formula with one response.
    """
    tree = unwrapped(source.tree)
    if not isinstance(tree, Operation) or tree.operator != "~" or len(tree.operands) != 2:
        raise Refusal(
            source.slice(source.tree),
            source.tree.start + 1,
            "a formula has a response, ~ and terms",
            "Write yield ~ rep + (1 | gen), say.",
        )
    response, right = tree.operands
    if isinstance(response, Operation) and response.operator == "~":
        raise Refusal("~", tree.at + 1, "a formula has one ~", "Leave out the other.")
    fixed, random = [], []
    for sign, part in _parts(right):
        if _has_bar(part):
            if isinstance(part, Operation) and part.operator in ("|", "||"):
                raise source.refuse(
                    part, "a random part stands without brackets", f"Write ... + ({source.slice(part)})."
                )
            if sign < 0:
                raise source.refuse(part, "a random part is taken away", "Leave it out of the formula.")
            random.append(part)
        else:
            fixed.append((sign, part))
    return response, fixed, random


def _parts(node: Node) -> list[tuple[int, Node]]:
    """The parts of a sum; brackets around a sum that holds a bar are opened."""
    found = []
    for sign, part in summands(node):
        inner = unwrapped(part)
        opened = sign > 0 and inner is not part and isinstance(inner, Sum)
        if opened and any(_has_bar(one) for _, one in summands(inner)):
            found += _parts(inner)
        else:
            found.append((sign, part))
    return found


def _has_bar(node: Node) -> bool:
    """Whether a part is a bar, or a structure around one."""
    inner = unwrapped(node)
    if isinstance(inner, Operation):
        return inner.operator in ("|", "||")
    return isinstance(inner, Call) and any(
        isinstance(unwrapped(part), Operation) and unwrapped(part).operator in ("|", "||")  # type: ignore[union-attr]
        for _, part in inner.arguments
    )


def bars(
    source: Source,
    node: Node,
    structures: Mapping[str, Callable[[Source, Call], Covariance]],
    taken: set[str],
) -> list[Tree]:
    """The terms of one random part: `(x | g)`, `(x || g)`, `(1 | a/b)`, `ar1(0 + t | g)`.

    Args:
        source: the formula.
        node: the part.
        structures: words that may stand before the bar.
        taken: labels of groups that have a term already; added to.

    Raises:
        Refusal: the structure is not known, or a column is not there.
    """
    inner, call = unwrapped(node), None
    covariance: Covariance = independent("UnstructuredMatrix")
    if isinstance(inner, Call):
        call = inner
        if call.function not in structures:
            raise source.unknown(call, f"Structures before a bar are {', '.join(structures)}.")
        covariance = structures[call.function](source, call)
        inner = unwrapped(call.arguments[0][1])
    if not isinstance(inner, Operation) or inner.operator not in ("|", "||"):
        raise source.refuse(
            call or inner, "its first argument is no bar", "Write it with a bar, as in ar1(0 + time | group)."
        )
    left, right = inner.operands
    split_up = inner.operator == "||"
    if split_up and call is not None:
        raise source.refuse(inner, "a structure has one bar", f"Write {call.function}(x | g), or (x || g).")
    terms: list[Tree] = []
    for group in source.nested(right):
        for found in _separate(source, left) if split_up else [coefficients(source, left)]:
            if call is not None and call.function in SERIES:
                if not found.factor:
                    raise source.refuse(
                        left,
                        f"{call.function} runs over the levels of one factor",
                        f"Write {call.function}(0 + factor(time) | group).",
                    )
                found = Coefficients(found.columns, found.intercept, found.factor, neighbours=True)
            called = label(group)
            name = called if called not in taken else f"{called} {found.label}"
            taken.add(called)
            terms.append(effect(group, found, covariance, name))
    return terms


def _separate(source: Source, left: Node) -> list[Coefficients]:
    """The coefficients of `(x || g)`: each by itself, a factor as one block, as in lme4 1."""
    intercept = True
    found: list[Coefficients] = []
    for sign, part in summands(left):
        node = unwrapped(part)
        if isinstance(node, Number):
            intercept = (node.value * sign) > 0
            continue
        without = Sum(((1, Number(0.0, part.start, part.start)), (sign, part)), part.start, part.end)
        found.append(coefficients(source, without))
    return [*([Coefficients()] if intercept else []), *found]


def read(request: Request) -> Model:
    """The model of an lme4 formula: `lmer(formula, weights =, contrasts =)`."""
    source = request.source("formula")
    response, fixed, random = split(source)
    model = Model(source.response(response), method=request.method)
    if request.given("contrasts"):
        contrasts = request.source("contrasts")
        contrasts.contrasts(contrasts.tree)
    taken: set[str] = set()
    for part in random:
        model.terms += bars(source, part, STRUCTURES, taken)
    model.fixed = source.fixed(fixed)
    model.residual = residual()
    if request.given("weights"):
        weights = request.source("weights")
        model.residual = scaled_by_column(weights.response(weights.tree), -0.5)
    return model


DIALECTS.register(
    Dialect(
        "lme4",
        "lme4",
        read,
        options=("weights", "contrasts"),
        functions={"lmer": "REML", "lme4::lmer": "REML"},
        order=10,
    )
)
