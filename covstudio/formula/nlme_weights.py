"""nlme's variance functions: the S of sigma^2 S C S."""

from __future__ import annotations

from covstudio.document.model.node import Columns
from covstudio.formula.effects import by_stratum, variances_by_group
from covstudio.formula.source import Source, unwrapped
from covstudio.formula.syntax import Call, Name, Node, Number, Operation
from covstudio.formula.tree import Tree, tree

__all__ = ["variances"]

_KINDS = {
    "varIdent": "",
    "varPower": "PowerVarianceMatrix",
    "varExp": "ExponentialVarianceMatrix",
    "varConstPower": "ConstantPowerVarianceMatrix",
    "varFixed": "PowerVarianceMatrix",
}
#: What nlme calls the parameters of a variance function.
_PARAMETERS = {"power": "delta", "expon": "delta", "const": "c"}


def variances(source: Source, *, alone: bool) -> Tree:
    """The variances of the rows, from `weights`.

    Args:
        source: the text of `weights`.
        alone: whether they are all of the residual; beside a correlation only a diagonal counts.

    Raises:
        Refusal: the function is not known, or follows from fitted values.
    """
    node = unwrapped(source.tree)
    if isinstance(node, Operation) and node.operator == "~":
        return _covariate(source, "PowerVarianceMatrix", node.operands[0], {"delta": 0.5})
    if not isinstance(node, Call):
        raise source.refuse(node, "a variance function is expected", "Write varIdent(form = ~ 1 | g).")
    if node.function != "varComb":
        return _function(source, node, alone=alone, fixed={})
    made: Tree | None = None
    for place, (_, part) in enumerate(node.arguments):
        call = unwrapped(part)
        if not isinstance(call, Call):
            raise source.refuse(part, "a variance function is expected", "Write varIdent(form = ~ 1 | g).")
        # One of them has the variance; the others are ratios.
        one = _function(source, call, alone=alone, fixed={} if made is None else {"sigma^2": 1.0})
        made = one if made is None else tree("HadamardProduct", f"residual variances {place}", made, one)
    if made is None:
        raise source.refuse(node, "it is empty", "Write varComb(varIdent(form = ~ 1 | g), varFixed(~ v)).")
    return made


def _function(source: Source, call: Call, *, alone: bool, fixed: dict[str, float]) -> Tree:
    if call.function not in _KINDS:
        raise source.unknown(call, f"The variance functions are {', '.join(_KINDS)} and varComb.")
    form = call.given("form")
    if form is None:
        form = next(
            (
                one
                for key, one in call.arguments
                if not key
                and isinstance(unwrapped(one), Operation)
                and not isinstance(unwrapped(one), Number)
            ),
            None,
        )
    right = None
    if form is not None:
        one_sided = unwrapped(form)
        if not isinstance(one_sided, Operation) or one_sided.operator != "~" or len(one_sided.operands) != 1:
            raise source.refuse(form, "a formula without a left side is expected", "Write form = ~ v.")
        right = unwrapped(one_sided.operands[0])
    if call.function == "varIdent":
        return _strata(source, call, right, alone=alone, fixed=fixed)
    if right is None:
        raise source.refuse(
            call,
            "without a covariate it follows from fitted values, which no covariance does",
            f"Write {call.function}(form = ~ v).",
        )
    if isinstance(right, Operation) and right.operator == "|":
        raise source.refuse(
            right,
            "a power for each stratum is not read",
            f"Write {call.function}(form = ~ {source.slice(right.operands[0])}), with varIdent beside it in "
            "varComb.",
        )
    held = dict(fixed)
    if call.function == "varFixed":
        held["delta"] = 0.5
    given = call.given("fixed")
    if isinstance(given, Call) and given.function in ("list", "c"):
        held |= {_PARAMETERS.get(key, "delta"): source.number(value) for key, value in given.arguments}
    elif given is not None:
        held["delta"] = source.number(given)
    return _covariate(source, _KINDS[call.function], right, held)


def _strata(source: Source, call: Call, right: Node | None, *, alone: bool, fixed: dict[str, float]) -> Tree:
    """A variance for each stratum; without a formula nlme has one for all, and says nothing."""
    if not isinstance(right, Operation) or right.operator != "|":
        raise source.refuse(
            call,
            "it names no strata, and nlme would take one variance for all rows",
            "Write varIdent(form = ~ 1 | g).",
        )
    groups = right.operands[1]
    crossed = unwrapped(groups)
    if isinstance(crossed, Operation) and crossed.operator == "*":
        columns = tuple(one for part in crossed.operands for one in source.group(part))
    else:
        columns = source.group(groups)
    name = "residual"
    made = variances_by_group if alone else by_stratum
    return made(columns, name, _held(fixed))


def _held(fixed: dict[str, float]) -> dict[str, float]:
    """The first stratum is the one that others are compared with, where its variance is held."""
    return {"sigma^2_0": fixed["sigma^2"]} if "sigma^2" in fixed else {}


def _covariate(source: Source, kind: str, node: Node, fixed: dict[str, float]) -> Tree:
    """A variance function of a covariate, which may be an expression of columns."""
    inner = unwrapped(node)
    if isinstance(inner, Call) and inner.function in ("fitted", "resid"):
        raise source.refuse(
            node,
            "variances by fitted values are no covariance of the data alone",
            "Name a covariate: form = ~ v.",
        )
    column = source.column(inner) if isinstance(inner, Name) else source.response(inner)
    return tree(kind, f"residual by {column}", v=Columns((column,)), fixed=fixed)
