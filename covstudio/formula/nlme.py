"""nlme: `random`, `correlation` and `weights` of lme and gls."""

from __future__ import annotations

from covstudio.formula.dialect import DIALECTS, Dialect, Request
from covstudio.formula.effects import (
    Coefficients,
    Covariance,
    coefficients,
    effect,
    independent,
    label,
    residual,
)
from covstudio.formula.lme4 import split
from covstudio.formula.nlme_correlation import Within, correlation
from covstudio.formula.nlme_weights import variances
from covstudio.formula.source import Source, unwrapped
from covstudio.formula.syntax import Call, Node, Number, Operation
from covstudio.formula.tree import Model, Tree, tree

__all__ = ["read"]

_STRUCTURES = {
    "pdSymm": "UnstructuredMatrix",
    "pdLogChol": "UnstructuredMatrix",
    "pdNatural": "UnstructuredMatrix",
    "pdDiag": "DiagonalMatrix",
    "pdIdent": "ScalarMatrix",
    "pdCompSymm": "CompoundSymmetricMatrix",
}
_GROUPED = "Write the groups out, as in random = ~ age | Subject."


def read(request: Request) -> Model:
    """The model of `lme(fixed, random =, correlation =, weights =)`, or of `gls` where nothing is random."""
    source = request.source("formula")
    response, fixed, bars = split(source)
    if bars:
        raise source.refuse(
            bars[0],
            "random effects in bars are lme4's",
            'Write random = "~ x | g", or dialect="lme4".',
        )
    model = Model(source.response(response), method=request.method)
    if request.given("contrasts"):
        contrasts = request.source("contrasts")
        contrasts.contrasts(contrasts.tree)
    model.fixed = source.fixed(fixed)
    groups: tuple[str, ...] = ()
    if request.given("random"):
        random = request.source("random")
        terms, groups = _random(random)
        model.terms += terms
    named = [name.text for part in (response, *(node for _, node in fixed)) for name in source.names(part)]
    within: Within | None = None
    if request.given("correlation"):
        within = correlation(request.source("correlation"), groups, tuple(dict.fromkeys(named)))
    spread: Tree | None = None
    if request.given("weights"):
        spread = variances(request.source("weights"), alone=within is None)
    model.residual = _residual(within, spread)
    return model


def _residual(within: Within | None, spread: Tree | None) -> Tree:
    """sigma^2 S C S, from the variances and the correlation."""
    if within is None:
        return residual() if spread is None else spread.named("residual")
    if spread is None:
        return within.covariance("residual")
    return tree("WithVariances", "residual", within.correlation("residual correlation"), spread)


# --- random effects


def _random(source: Source) -> tuple[list[Tree], tuple[str, ...]]:
    """The terms, and the innermost groups."""
    node = unwrapped(source.tree)
    if isinstance(node, Call) and node.function == "list":
        return _listed(source, node)
    if isinstance(node, Call) and node.function in (*_STRUCTURES, "pdBlocked", "reStruct"):
        raise source.refuse(
            node, "it names no groups", f"Write random = list(Subject = {node.function}(...))."
        )
    right = _one_sided(source, node)
    if not isinstance(right, Operation) or right.operator != "|":
        raise source.refuse(node, "it names no groups", _GROUPED)
    left, groups = right.operands
    found = coefficients(source, left)
    terms: list[Tree] = []
    nested = source.nested(groups)
    for group in nested:
        terms.append(effect(group, found, independent("UnstructuredMatrix")))
    return terms, nested[-1]


def _one_sided(source: Source, node: Node) -> Node:
    """What stands right of `~` in a formula without a left side."""
    node = unwrapped(node)
    if isinstance(node, Operation) and node.operator == "~" and len(node.operands) == 1:
        return unwrapped(node.operands[0])
    if isinstance(node, Call):
        raise source.unknown(node, "Write a formula such as ~ age | Subject.")
    raise source.refuse(node, "a formula without a left side is expected", "Write ~ age | Subject, say.")


def _listed(source: Source, node: Call) -> tuple[list[Tree], tuple[str, ...]]:
    """`list(a = ~ 1, b = pdDiag(~ x))`: b within a; unnamed formulas name their groups themselves."""
    terms: list[Tree] = []
    outer: tuple[str, ...] = ()
    for key, value in node.arguments:
        if not key:
            inner = _one_sided(source, value)
            if not isinstance(inner, Operation) or inner.operator != "|":
                raise source.refuse(value, "it names no groups", "Write list(Subject = ~ age).")
            group = (*outer, *source.group(inner.operands[1]))
            terms.append(
                effect(group, coefficients(source, inner.operands[0]), independent("UnstructuredMatrix"))
            )
        else:
            group = (*outer, *Source(key, source.study).group(Source(key, source.study).tree))
            terms += _structured(source, value, group)
        outer = tuple(dict.fromkeys(group))
    if not terms:
        raise source.refuse(node, "the list is empty", _GROUPED)
    return terms, outer


def _structured(source: Source, value: Node, group: tuple[str, ...], name: str | None = None) -> list[Tree]:
    """The terms of one group: a formula, a pd structure, or blocks of these."""
    value = unwrapped(value)
    if not isinstance(value, Call):
        return [
            effect(
                group,
                coefficients(source, _one_sided(source, value)),
                independent("UnstructuredMatrix"),
                name,
            )
        ]
    if value.function == "pdBlocked":
        blocks = value.arguments[0][1] if value.arguments else value
        if not isinstance(blocks, Call) or blocks.function != "list":
            raise source.refuse(
                value, "blocks are a list", "Write pdBlocked(list(pdIdent(~ 1), pdIdent(~ f - 1)))."
            )
        terms: list[Tree] = []
        for place, (_, block) in enumerate(blocks.arguments, 1):
            terms += _structured(
                source, block, group, label(group) if place == 1 else f"{label(group)} {place}"
            )
        return terms
    if value.function not in _STRUCTURES:
        raise source.unknown(value, f"The structures are {', '.join(_STRUCTURES)} and pdBlocked.")
    form = value.given("form") or next(
        (one for key, one in value.arguments if not key and not isinstance(unwrapped(one), Number)), None
    )
    if form is None:
        raise source.refuse(value, "it has no formula", f"Write {value.function}(~ x).")
    found: Coefficients = coefficients(source, _one_sided(source, form))
    covariance: Covariance = independent(_STRUCTURES[value.function])
    return [effect(group, found, covariance, name)]


DIALECTS.register(
    Dialect(
        "nlme",
        "nlme",
        read,
        options=("random", "correlation", "weights", "contrasts"),
        functions={"lme": "REML", "gls": "REML", "lme.formula": "REML"},
        order=20,
    )
)
