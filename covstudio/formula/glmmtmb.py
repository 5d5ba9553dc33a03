"""glmmTMB: bars with more structures, and a formula for the dispersion."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from covstudio.document.model.node import ArgumentValue, Columns
from covstudio.formula.dialect import DIALECTS, Dialect, Request
from covstudio.formula.effects import (
    Covariance,
    effect,
    identity,
    incidence,
    independent,
    label,
    propagated,
    residual,
    variances_by_group,
)
from covstudio.formula.effects import coefficients as coefficients_of
from covstudio.formula.lme4 import STRUCTURES as OF_LME4
from covstudio.formula.lme4 import bars, split
from covstudio.formula.source import Source, unwrapped
from covstudio.formula.syntax import Call, Name, Node, Number, Operation, summands
from covstudio.formula.tree import Model, Tree, tree

__all__ = ["read"]

#: The residual variance of `dispformula = ~ 0`: the square root of the spacing of numbers at 1.
_NEAR_ZERO = 2.0**-26


def _plain(kind: str) -> Callable[[Source, Call], Covariance]:
    return lambda source, call: independent(kind)


def _reduced_rank(source: Source, call: Call) -> Covariance:
    rank = call.given("d", 1)
    return independent("ReducedRankMatrix", k=2 if rank is None else round(source.number(rank)))


_STRUCTURES: Mapping[str, Callable[[Source, Call], Covariance]] = {
    **OF_LME4,
    "homdiag": _plain("ScalarMatrix"),
    "homcs": _plain("CompoundSymmetricMatrix"),
    "hetar1": _plain("HeterogeneousAR1Matrix"),
    "toep": _plain("HeterogeneousToeplitzMatrix"),
    "homtoep": _plain("ToeplitzMatrix"),
    "rr": _reduced_rank,
}
#: Structures of coordinates, which stand in `numFactor`.
_PROCESSES: Mapping[str, tuple[str, str, Mapping[str, ArgumentValue]]] = {
    "ou": ("OrnsteinUhlenbeckMatrix", "times", {"shared_times": True}),
    "exp": ("ExponentialMatrix", "coordinates", {}),
    "gau": ("GaussianMatrix", "coordinates", {}),
    "mat": ("MaternMatrix", "coordinates", {"nu": "estimated"}),
}


def read(request: Request) -> Model:
    """The model of `glmmTMB(formula, dispformula =, contrasts =)`, Gaussian."""
    source = request.source("formula")
    response, fixed, random = split(source)
    model = Model(source.response(response), method=request.method)
    if request.given("weights"):
        weights = request.source("weights")
        raise weights.refuse(
            weights.tree,
            "glmmTMB multiplies each row's log-likelihood by its weight, which is no covariance",
            'Write dialect="lme4" for variances that are divided by weights, or dispformula = ~ log(w).',
        )
    if request.given("contrasts"):
        contrasts = request.source("contrasts")
        contrasts.contrasts(contrasts.tree)
    taken: set[str] = set()
    for part in random:
        model.terms += _bars(source, part, taken)
    model.fixed = source.fixed(fixed)
    model.residual = (
        _dispersion(request.source("dispformula")) if request.given("dispformula") else residual()
    )
    return model


def _bars(source: Source, node: Node, taken: set[str]) -> list[Tree]:
    inner = unwrapped(node)
    if isinstance(inner, Call):
        if inner.function in _PROCESSES:
            return [_process(source, inner, taken)]
        if inner.function in ("propto", "equalto"):
            raise source.refuse(
                inner,
                "known matrices are not read in it",
                'Write vm(g, K) with dialect="asreml" and matrices={"K": ...}.',
            )
        return bars(source, node, _STRUCTURES, taken)
    if isinstance(inner, Operation) and inner.operator == "||":
        # Each coefficient by itself, factors in their contrasts.
        left, right = inner.operands
        terms = []
        for group in source.nested(right):
            called = label(group)
            found = coefficients_of(source, left)
            name = called if called not in taken else f"{called} {found.label}"
            taken.add(called)
            terms.append(effect(group, found, independent("DiagonalMatrix"), name))
        return terms
    return bars(source, node, _STRUCTURES, taken)


def _process(source: Source, call: Call, taken: set[str]) -> Tree:
    """A process over coordinates within groups."""
    bar = unwrapped(call.arguments[0][1]) if call.arguments else None
    if not isinstance(bar, Operation) or bar.operator != "|":
        raise source.refuse(call, "it has no bar", f"Write {call.function}(0 + numFactor(x, y) | group).")
    left, right = bar.operands
    parts = [part for _, part in summands(left) if not isinstance(unwrapped(part), Number)]
    inner = unwrapped(parts[0]) if len(parts) == 1 else None
    if isinstance(inner, Call) and inner.function.rpartition(":")[2] == "numFactor":
        columns = tuple(source.column(node) for _, node in inner.arguments)
    elif isinstance(inner, Name):
        columns = (source.column(inner),)
    else:
        raise source.refuse(left, "coordinates are expected", "Write 0 + numFactor(x, y).")
    kind, where, more = _PROCESSES[call.function]
    groups = _constant_or_group(source, right)
    name = label(groups) or call.function
    name = name if name not in taken else f"{name} {call.function}"
    taken.add(name)
    arguments: dict[str, ArgumentValue] = {where: Columns(columns), **more}
    process = tree(kind, f"{name} process" if groups else name, given=arguments)
    if not groups:
        return process
    same = propagated(
        f"{name} groups", incidence(groups, f"{name} design"), identity(groups, f"{name} levels")
    )
    return tree("HadamardProduct", name, same, process)


def _constant_or_group(source: Source, node: Node) -> tuple[str, ...]:
    """The groups; none where all rows are in one."""
    group = source.group(node)
    table = source.study.under
    if table is not None and len(group) == 1 and len(table.levels(group[0])) == 1:
        return ()
    return group


def _dispersion(source: Source) -> Tree:
    """The residual of `dispformula`: variances whose logarithms add up."""
    one_sided = unwrapped(source.tree)
    if not isinstance(one_sided, Operation) or one_sided.operator != "~" or len(one_sided.operands) != 1:
        raise source.refuse(
            one_sided, "a formula without a left side is expected", "Write dispformula = ~ sex."
        )
    made: Tree | None = None
    parts = summands(one_sided.operands[0])
    numbers = [sign * node.value for sign, part in parts if isinstance(node := unwrapped(part), Number)]
    terms = [part for _, part in parts if not isinstance(unwrapped(part), Number)]
    if not terms:
        if numbers == [0.0]:
            return tree("ScalarMatrix", "residual", fixed={"sigma^2": _NEAR_ZERO})
        return residual()
    for part in terms:
        for one in _factors_of_variance(source, unwrapped(part), first=made is None):
            made = one if made is None else tree("HadamardProduct", "residual with more", made, one)
    assert made is not None
    return made.named("residual")


def _factors_of_variance(source: Source, node: Node, *, first: bool) -> list[Tree]:
    """One term of the dispersion: strata, or covariates; all but the first factor are ratios."""
    strata: tuple[str, ...] = ()
    if isinstance(node, Operation) and node.operator in ("*", ":"):
        parts = [unwrapped(operand) for operand in node.operands]
        if all(_is_factor(source, part) for part in parts):
            strata = tuple(column for part in parts for column in source.group(part))
    elif _is_factor(source, node):
        strata = source.group(node)
    if strata:
        return [variances_by_group(strata, "residual", None if first else {"sigma^2_0": 1.0})]
    columns, _ = source.columns_of_design(node)
    return [
        tree(
            "ExponentialVarianceMatrix",
            f"residual by {column}",
            v=Columns((column,)),
            fixed={} if first and not place else {"sigma^2": 1.0},
        )
        for place, column in enumerate(columns)
    ]


def _is_factor(source: Source, node: Node) -> bool:
    """Whether a part of the dispersion is a factor."""
    if isinstance(node, Call):
        return node.function in ("factor", "as.factor")
    return isinstance(node, Name) and source.study.is_factor(source.column(node))


DIALECTS.register(
    Dialect(
        "glmmTMB",
        "glmmTMB",
        read,
        options=("dispformula", "contrasts", "weights"),
        functions={"glmmTMB": "ML"},
        method="ML",
        order=15,
    )
)
