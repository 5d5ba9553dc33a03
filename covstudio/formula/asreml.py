"""ASReml-R (version 4): variance structures around the factors of `random` and `residual`."""

from __future__ import annotations

from covstudio.formula.asreml_factors import Factor, factor_of
from covstudio.formula.dialect import DIALECTS, Dialect, Request
from covstudio.formula.effects import (
    Coefficients,
    effect,
    incidence,
    independent,
    kron,
    label,
    only,
    propagated,
    residual,
    scaled_by_column,
    variances_by_group,
)
from covstudio.formula.lme4 import split
from covstudio.formula.source import Source, unwrapped
from covstudio.formula.syntax import Call, Name, Node, Number, Operation, Text, summands
from covstudio.formula.tree import Model, Tree, tree

__all__ = ["read"]

_WITHIN_STR = {"us": "UnstructuredMatrix", "corgh": "UnstructuredMatrix", "diag": "DiagonalMatrix"}


def read(request: Request) -> Model:
    """The model of `asreml(fixed, random =, residual =, weights =)`."""
    source = request.source("formula")
    response, fixed, bars = split(source)
    if bars:
        raise source.refuse(
            bars[0], "random effects in bars are lme4's", 'Write random = "~ gen", or dialect="lme4".'
        )
    model = Model(source.response(response), method=request.method)
    model.fixed = source.fixed(fixed)
    if request.given("random"):
        random = request.source("random")
        for part in _parts(random):
            model.terms += _random(random, part, request)
    if request.given("residual"):
        within = request.source("residual")
        made: list[Tree] = []
        for part in _parts(within):
            made += _residual(within, part, request)
        model.terms += made[:-1]
        model.residual = made[-1]
    else:
        model.residual = residual()
    if request.given("weights"):
        weights = request.source("weights")
        if request.given("residual"):
            raise weights.refuse(
                weights.tree,
                "weights beside a structure of the residual are not read",
                "Leave one of them out.",
            )
        model.residual = scaled_by_column(weights.response(weights.tree), -0.5)
    return model


def _parts(source: Source) -> list[Node]:
    """The terms of a formula without a left side."""
    node = unwrapped(source.tree)
    if not isinstance(node, Operation) or node.operator != "~" or len(node.operands) != 1:
        raise source.refuse(
            node, "a formula without a left side is expected", f"Write {source.what} = ~ gen, say."
        )
    parts: list[Node] = []
    for sign, part in summands(node.operands[0]):
        if sign < 0:
            raise source.refuse(part, "a random term is taken away", "Leave it out.")
        parts.append(part)
    return parts


def _product(node: Node) -> list[Node]:
    """The factors of a `:` product."""
    node = unwrapped(node)
    if isinstance(node, Operation) and node.operator == ":":
        return [one for operand in node.operands for one in _product(operand)]
    return [node]


# --- random terms


def _random(source: Source, node: Node, request: Request) -> list[Tree]:
    """The terms that one part of `random` stands for."""
    inner = unwrapped(node)
    if isinstance(inner, Operation) and inner.operator in ("|", "||"):
        raise source.refuse(inner, "bars are lme4's", 'Write us(pol(x, 1)):id(g), or dialect="lme4".')
    if isinstance(inner, Operation) and inner.operator in ("*", "/"):
        outer, within = inner.operands
        both = Operation(":", (outer, within), inner.start, inner.end, inner.at)
        apart = [outer, both] if inner.operator == "/" else [outer, within, both]
        return [term for part in apart for term in _random(source, part, request)]
    if isinstance(inner, Call) and inner.function == "str":
        return [_structured(source, inner)]
    if isinstance(inner, Name) and inner.text == "units":
        return [tree("ScalarMatrix", "units")]
    name = source.slice(inner)
    nodes = _product(inner)
    at = next((one for one in nodes if isinstance(one, Call) and one.function == "at"), None)
    if at is None:
        return [_term(source, nodes, name, request)]
    others = [one for one in nodes if one is not at]
    terms = []
    for level, column in _levels_of(source, at):
        rest = source.slice(inner).replace(source.slice(at), f"at({level})")
        made = _term(source, others, rest, request) if others else tree("ScalarMatrix", rest)
        terms.append(only(made, column))
    return terms


def _term(source: Source, nodes: list[Node], name: str, request: Request) -> Tree:
    """Z G Z' of a product of factors."""
    factors = [factor_of(source, node, request) for node in nodes]
    if all(factor.plain for factor in factors):
        columns = tuple(dict.fromkeys(column for factor in factors for column in factor.columns))
        z = incidence(columns, f"{name} design")
        return propagated(name, z, tree("ScalarMatrix", f"{name} variance"))
    if len(factors) == 1 and factors[0].design is None and factors[0].rows is not None:
        return factors[0].rows(name)
    inside = [factor.covariance(f"{name} {k}" if k else f"{name} G") for k, factor in enumerate(factors)]
    if not any(factor.has_variance for factor in factors):
        inside[-1] = factors[-1].scaled(inside[-1])
    for place in [k for k, factor in enumerate(factors) if factor.has_variance][1:]:
        inside[place] = factors[place].held(inside[place])
    return propagated(name, _design(factors, name), kron(f"{name} G product", *inside))


def _design(factors: list[Factor], name: str) -> Tree:
    """Z: the incidence of all factors together, or the product row by row where one is none."""
    if all(factor.design is None for factor in factors):
        columns = tuple(column for factor in factors for column in factor.columns)
        if len(set(columns)) == len(columns):
            series = any(factor.series for factor in factors)
            return incidence(columns, f"{name} design", every=True, neighbours=series)
    made: Tree | None = None
    for place, factor in enumerate(factors):
        one = factor.design or incidence(
            factor.columns, f"{name} {label(factor.columns)}", every=True, neighbours=factor.series
        )
        made = one if made is None else tree("KhatriRaoProduct", f"{name} design {place}", made, one)
    assert made is not None
    return made


def _levels_of(source: Source, call: Call) -> list[tuple[str, str]]:
    """The levels that `at(f, "A")` names, all of them when it names none, each with its indicator column."""
    if not call.arguments:
        raise source.refuse(call, "it names no factor", 'Write at(env, "A"):rep.')
    column = source.group(call.arguments[0][1])[0]
    table = source.study.under
    levels = () if table is None else table.levels(column)
    named: list[str] = []
    for _, node in call.arguments[1:]:
        inner = (
            [one for _, one in node.arguments] if isinstance(node, Call) and node.function == "c" else [node]
        )
        for one in inner:
            if isinstance(one, Text | Name):
                named.append(one.text)
            elif isinstance(one, Number) and 1 <= one.value <= len(levels):
                named.append(levels[round(one.value) - 1])
            else:
                raise source.refuse(one, "the name of a level is expected", f'Write at({column}, "A"):rep.')
            if levels and named[-1] not in levels:
                raise source.refuse(one, f"{column} has no such level", f"It has {', '.join(levels[:8])}.")
    if not named and table is None:
        raise source.refuse(call, "its levels follow from the data", "Give the data too, or name the levels.")
    return [(level, source.study.indicator(column, level)) for level in named or levels]


def _structured(source: Source, call: Call) -> Tree:
    """`str(~ animal + animal:time, ~ us(2):id(60))`: coefficients of each animal, and their covariance."""
    formulas = [unwrapped(node) for _, node in call.arguments]
    if len(formulas) != 2 or any(
        not isinstance(one, Operation) or one.operator != "~" or len(one.operands) != 1 for one in formulas
    ):
        raise source.refuse(
            call, "it takes two formulas", "Write str(~ animal + animal:time, ~ us(2):id(60))."
        )
    terms, structure = (one.operands[0] for one in formulas if isinstance(one, Operation))
    group: tuple[str, ...] = ()
    intercept, columns = False, []
    for _, part in summands(terms):
        first, *rest = _product(part)
        own = source.group(first)
        if group and own != group:
            raise source.refuse(
                part, f"its groups are not {label(group)}", "Begin every term with the same factor."
            )
        group = own
        if rest:
            columns += [source.column(one) for one in rest]
        else:
            intercept = True
    inner = _product(structure)[0]
    kind = inner.function if isinstance(inner, Call) else ""
    if kind not in _WITHIN_STR and kind not in ("idv", "idh", "id"):
        raise source.refuse(inner, "this structure of coefficients is not read", "Write ~ us(2):id(60).")
    covariance = _WITHIN_STR.get(kind, "DiagonalMatrix" if kind == "idh" else "ScalarMatrix")
    return effect(
        group, Coefficients(tuple(columns), intercept), independent(covariance), source.slice(terms)
    )


# --- the residual


def _residual(source: Source, node: Node, request: Request) -> list[Tree]:
    """The terms of V that one part of `residual` stands for."""
    inner = unwrapped(node)
    if isinstance(inner, Call) and inner.function == "dsum":
        return _sum(source, inner, request)
    nodes = _product(inner)
    if len(nodes) == 1 and _is_units(nodes[0]):
        return [residual()]
    kept = [one for one in nodes if not _is_units(one)]
    if len(kept) < len(nodes):
        columns = [source.group(one)[0] for one in kept if isinstance(one, Name)]
        strata = [one for one in kept if isinstance(one, Call) and one.function in ("idh", "diag")]
        if strata and not columns:
            groups = tuple(one for call in strata for one in source.group(call.arguments[0][1]))
            return [variances_by_group(groups)]
        raise source.refuse(inner, "units stand alone", "Write ~ units, or ~ ar1(row):ar1(col).")
    return [_term(source, nodes, "residual", request)]


def _is_units(node: Node) -> bool:
    if isinstance(node, Call) and node.function in ("id", "idv") and len(node.arguments) == 1:
        node = unwrapped(node.arguments[0][1])
    return isinstance(node, Name) and node.text == "units"


def _sum(source: Source, call: Call, request: Request) -> list[Tree]:
    """`dsum(~ ar1(row):ar1(col) | env)`: a structure of its own for every level."""
    one_sided = unwrapped(call.arguments[0][1]) if call.arguments else None
    bar = unwrapped(one_sided.operands[0]) if isinstance(one_sided, Operation) else None
    if len(call.arguments) != 1 or not isinstance(bar, Operation) or bar.operator != "|":
        raise source.refuse(call, "it takes one formula with a bar", "Write dsum(~ ar1(row):ar1(col) | env).")
    group = source.group(bar.operands[1])
    nodes = _product(bar.operands[0])
    if len(nodes) == 1 and _is_units(nodes[0]):
        return [variances_by_group(group)]
    at = Call("at", (("", bar.operands[1]),), bar.start, bar.end)
    if len(group) > 1:
        raise source.refuse(bar.operands[1], "levels of one factor are expected", "Cross them in the table.")
    return [
        only(_term(source, nodes, f"residual {level}", request), column)
        for level, column in _levels_of(source, at)
    ]


DIALECTS.register(
    Dialect(
        "asreml",
        "ASReml",
        read,
        options=("random", "residual", "weights"),
        functions={"asreml": "REML"},
        order=30,
    )
)
