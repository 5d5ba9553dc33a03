"""nlme's correlation structures within groups: the C of sigma^2 S C S."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from covstudio.covariance import declaration
from covstudio.data.errors import shown
from covstudio.document.model.node import ArgumentValue, Columns, Levels
from covstudio.formula.effects import identity, incidence, kron, label, propagated, within_groups
from covstudio.formula.source import Source, unwrapped
from covstudio.formula.syntax import Call, Name, Node, Number, Operation, summands
from covstudio.formula.tree import Tree, tree

__all__ = ["Within", "correlation", "correlation_over"]


@dataclass(frozen=True)
class Within:
    """A correlation within groups, with a variance of its own or without.

    Attributes:
        covariance: of a name -> with a variance.
        correlation: of a name -> without.
    """

    covariance: Callable[[str], Tree]
    correlation: Callable[[str], Tree]


#: Correlations of positions in order: the structure with a variance, and the one without.
_POSITIONS: Mapping[str, tuple[str, str]] = {
    "corAR1": ("AR1Matrix", "AR1CorrelationMatrix"),
    "corCompSymm": ("CompoundSymmetricMatrix", "EquicorrelationMatrix"),
    "corSymm": ("", "CorrelationMatrix"),
    "corARMA": ("ARMAMatrix", ""),
}
#: Correlations of coordinates: the structure, what it is given and what is held.
_COORDINATES: Mapping[str, tuple[str, Mapping[str, ArgumentValue], Mapping[str, float]]] = {
    "corCAR1": ("OrnsteinUhlenbeckMatrix", {"shared_times": True}, {}),
    "corExp": ("ExponentialMatrix", {}, {}),
    "corGaus": ("GaussianMatrix", {}, {}),
    "corSpher": ("SphericalMatrix", {}, {}),
    "corLin": ("LinearDistanceMatrix", {}, {}),
    "corRatio": ("RationalQuadraticMatrix", {}, {"alpha": 1.0}),
}
_METRICS = {"euclidean": "euclidean", "manhattan": "cityblock"}


def correlation(source: Source, innermost: tuple[str, ...], used: Sequence[str]) -> Within:
    """What `correlation` says.

    Args:
        source: its text.
        innermost: the innermost groups of the random effects, which it takes where it names none.
        used: columns in which a row must have a value to be counted.

    Raises:
        Refusal: the structure is not known, or positions occur twice in a group.
    """
    call = unwrapped(source.tree)
    if not isinstance(call, Call):
        raise source.refuse(call, "a correlation is expected", "Write corAR1(form = ~ time | Subject).")
    if call.function not in _POSITIONS and call.function not in _COORDINATES:
        names = ", ".join([*_POSITIONS, *_COORDINATES])
        raise source.unknown(call, f"The correlations are {names}.")
    covariates, groups = _form(source, call, innermost)
    if call.function in _COORDINATES:
        return _by_coordinates(source, call, covariates, groups)
    if len(covariates) > 1:
        raise source.refuse(call, "it takes one covariate", "Write form = ~ time | Subject.")
    place = _place(source, call, covariates, groups, used)
    return correlation_over(_within(source, call), groups, place)


def _form(source: Source, call: Call, innermost: tuple[str, ...]) -> tuple[list[Node], tuple[str, ...]]:
    """The covariates and the groups of `form = ~ x + y | g`."""
    form = call.given("form") or next(
        (one for key, one in call.arguments if not key and isinstance(unwrapped(one), Operation)), None
    )
    if form is None:
        return [], innermost
    one_sided = unwrapped(form)
    if not isinstance(one_sided, Operation) or one_sided.operator != "~" or len(one_sided.operands) != 1:
        raise source.refuse(
            form, "a formula without a left side is expected", "Write form = ~ time | Subject."
        )
    right, groups = unwrapped(one_sided.operands[0]), innermost
    if isinstance(right, Operation) and right.operator == "|":
        groups = source.nested(right.operands[1])[-1]
        right = right.operands[0]
    return [part for _, part in summands(right) if not isinstance(unwrapped(part), Number)], groups


def _covariate(source: Source, node: Node) -> str:
    inner = unwrapped(node)
    return source.column(inner) if isinstance(inner, Name) else source.response(inner)


# --- positions


def _place(
    source: Source, call: Call, covariates: Sequence[Node], groups: tuple[str, ...], used: Sequence[str]
) -> str:
    """The column with the position of each row in its group."""
    table = source.study.under
    if not covariates:
        given = () if table is None else tuple(one for one in used if bool(table.missing(one).any()))
        return source.study.position(groups, given)
    column = _covariate(source, covariates[0])
    table = source.study.under
    if table is None:
        return column
    keys = list(zip(*(table.labels(one) for one in (*groups, column)), strict=True))
    seen: set[tuple[str | None, ...]] = set()
    for key in keys:
        if key in seen and None not in key:
            where = (
                f" within {label(groups)} {shown(label([str(one) for one in key[:-1]]))}" if groups else ""
            )
            raise source.refuse(
                covariates[0],
                f"its value {shown(key[-1])} occurs twice{where}, and {call.function} takes each once",
                "Name the groups in which it does, as in form = ~ time | Subject.",
            )
        seen.add(key)
    return column


def _within(source: Source, call: Call) -> Callable[[str, ArgumentValue, bool], Tree]:
    """The structure over positions, of a name, their number, and whether it has a variance."""
    rho = _held_at(source, call, "rho")
    if call.function == "corARMA":
        return _arma(source, call)
    with_variance, without = _POSITIONS[call.function]

    def made(name: str, size: ArgumentValue, variance: bool) -> Tree:
        if variance and not with_variance:
            return tree("Scale", name, tree(without, f"{name} correlation", n=size))
        return tree(with_variance if variance else without, name, n=size, fixed=rho)

    return made


def _arma(source: Source, call: Call) -> Callable[[str, ArgumentValue, bool], Tree]:
    orders = {}
    for key in ("p", "q"):
        node = call.given(key)
        orders[key] = 0 if node is None else round(source.number(node))
    p, q = orders["p"], orders["q"]
    if p + q < 1:
        raise source.refuse(call, "it has no order", "Write corARMA(form = ~ time | Subject, p = 1, q = 1).")
    kind = "ARMAMatrix" if p and q else "ARMatrix" if p else "MAMatrix"
    given: dict[str, ArgumentValue] = {key: value for key, value in orders.items() if value}

    def made(name: str, size: ArgumentValue, variance: bool) -> Tree:
        return tree(kind, name, n=size, given=given, fixed={} if variance else {"sigma^2": 1.0})

    return made


def _held_at(source: Source, call: Call, parameter: str) -> dict[str, float]:
    """A parameter that `fixed = TRUE` holds at its value."""
    if not source.flag(call.given("fixed"), False):
        return {}
    value = call.given("value") or next(
        (one for key, one in call.arguments if not key and isinstance(unwrapped(one), Number)), None
    )
    if value is None:
        raise source.refuse(
            call, "what is fixed needs a value", f"Write {call.function}(0.5, ..., fixed = TRUE)."
        )
    return {parameter: source.number(value)}


def correlation_over(
    made: Callable[[str, ArgumentValue, bool], Tree],
    groups: Sequence[str],
    place: str,
    *,
    neighbours: bool = False,
) -> Within:
    """A structure over positions within groups, Z (I (x) C) Z' with a column for every group and position.

    Args:
        made: the structure, of a name, the number of positions, and whether it has a variance.
        groups: the columns whose combinations are the groups.
        place: the column of positions.
        neighbours: positions are neighbours in their order, whatever numbers they are.
    """

    def whole(name: str, variance: bool) -> Tree:
        called = f"{name} over {place}"
        inner = made(called, Levels((place,)), variance)
        z = incidence((*groups, place), f"{name} design", every=True, neighbours=neighbours)
        if not groups:
            return propagated(name, z, inner)
        eyes = [identity((group,), f"{name} {group}") for group in groups]
        return propagated(name, z, kron(f"{name} G", *eyes, inner))

    return Within(lambda name: whole(name, True), lambda name: whole(name, False))


# --- coordinates


def _by_coordinates(
    source: Source, call: Call, covariates: Sequence[Node], groups: tuple[str, ...]
) -> Within:
    kind, arguments, held = _COORDINATES[call.function]
    given = dict(arguments)
    columns = tuple(_covariate(source, node) for node in covariates)
    if not columns:
        columns = (source.study.position(groups, ()),)
    if call.function in ("corCAR1", "corLin") and len(columns) > 1:
        raise source.refuse(call, "it takes one covariate", "Write form = ~ time | Subject.")
    where = "times" if call.function == "corCAR1" else "coordinates"
    given[where] = Columns(columns)
    metric = call.given("metric")
    if metric is not None:
        named = getattr(unwrapped(metric), "text", "")
        if named not in _METRICS:
            raise source.refuse(metric, "this metric is not known", "Write euclidean or manhattan.")
        allowed = next((one.choices for one in declaration(kind).arguments if one.name == "metric"), ())
        if named != "euclidean" and _METRICS[named] not in allowed:
            raise source.refuse(
                metric, f"by this metric {call.function} is no correlation", "Write euclidean, or corExp."
            )
        if named != "euclidean":
            given["metric"] = _METRICS[named]
    nugget = source.flag(call.given("nugget"), False)

    def masked(name: str, inner: Tree) -> Tree:
        return within_groups(groups, inner, name)

    def process(name: str, variance: bool) -> Tree:
        fixed = {**held, **({} if variance else {"sigma^2": 1.0})}
        return tree(kind, name, fixed=fixed, given=given)

    def covariance(name: str) -> Tree:
        if not nugget:
            return masked(name, process(f"{name} process", True))
        return tree(
            "Sum", name, masked("process", process(f"{name} process", True)), tree("ScalarMatrix", "nugget")
        )

    def without(name: str) -> Tree:
        if not nugget:
            return masked(name, process(f"{name} process", False))
        both = tree(
            "Sum",
            f"{name} sum",
            masked("process", process(f"{name} process", False)),
            tree("ScalarMatrix", "nugget"),
        )
        return tree("Correlation", name, both)

    return Within(covariance, without)
