"""One factor of a term of ASReml: what it is a design of, and the structure along it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from covstudio.data.errors import TableError
from covstudio.data.relation import Kind
from covstudio.document.model.node import ArgumentValue, Columns, Levels
from covstudio.formula.dialect import Request
from covstudio.formula.known import known_tree, relation_for
from covstudio.formula.source import Source, unwrapped
from covstudio.formula.syntax import Call, Name, Node
from covstudio.formula.tree import Tree, tree

__all__ = ["Factor", "factor_of"]


@dataclass(frozen=True)
class Factor:
    """One factor of a product.

    Attributes:
        columns: the factor that it runs over.
        make: of a name -> its covariance.
        has_variance: whether that has a variance, or is a correlation.
        design: its design where it is no incidence of columns.
        plain: whether it is a name alone.
        series: whether levels are neighbours in their order.
        rows: a structure of the rows themselves, of a name.
    """

    columns: tuple[str, ...]
    make: Callable[[str], Tree]
    has_variance: bool = False
    design: Tree | None = None
    plain: bool = False
    series: bool = False
    rows: Callable[[str], Tree] | None = None

    def covariance(self, name: str) -> Tree:
        """Its covariance under a name."""
        return self.make(name)

    def scaled(self, made: Tree) -> Tree:
        """A correlation with a variance before it."""
        if made.kind == "IdentityMatrix":
            return replace(made, kind="ScalarMatrix")
        if made.kind in _WITH_VARIANCE:
            return replace(made, kind=_WITH_VARIANCE[made.kind])
        if "sigma^2" in made.fixed:
            return replace(made, fixed={key: one for key, one in made.fixed.items() if key != "sigma^2"})
        return tree("Scale", f"{made.name} scaled", made)

    def held(self, made: Tree) -> Tree:
        """A covariance whose variance is held at 1, beside another that has one."""
        for without, within in _WITH_VARIANCE.items():
            if made.kind == within:
                return replace(made, kind=without)
        if made.kind == "ScalarMatrix":
            return replace(made, kind="IdentityMatrix")
        if made.kind in _ONE_VARIANCE:
            return replace(made, fixed={**made.fixed, "sigma^2": 1.0})
        return made


_WITH_VARIANCE = {
    "AR1CorrelationMatrix": "AR1Matrix",
    "EquicorrelationMatrix": "CompoundSymmetricMatrix",
}
_ONE_VARIANCE = (
    "ARMatrix",
    "MAMatrix",
    "ARMAMatrix",
    "SymmetricARMatrix",
    "KnownMatrix",
    "PedigreeMatrix",
    "MarkersMatrix",
    "KnownInverseMatrix",
)
#: Words with one argument: the structure, whether it has variances, whether levels are neighbours, more.
_SIMPLE: Mapping[str, tuple[str, bool, bool, Mapping[str, ArgumentValue]]] = {
    "id": ("IdentityMatrix", False, False, {}),
    "idv": ("ScalarMatrix", True, False, {}),
    "idh": ("DiagonalMatrix", True, False, {}),
    "diag": ("DiagonalMatrix", True, False, {}),
    "us": ("UnstructuredMatrix", True, False, {}),
    "chol": ("UnstructuredMatrix", True, False, {}),
    "cor": ("EquicorrelationMatrix", False, False, {}),
    "corv": ("CompoundSymmetricMatrix", True, False, {}),
    "corh": ("HeterogeneousCompoundSymmetricMatrix", True, False, {}),
    "corg": ("CorrelationMatrix", False, False, {}),
    "corgh": ("HeterogeneousCorrelationMatrix", True, False, {}),
    "ar1": ("AR1CorrelationMatrix", False, True, {}),
    "ar1v": ("AR1Matrix", True, True, {}),
    "ar1h": ("HeterogeneousAR1Matrix", True, True, {}),
    "dev": ("ScalarMatrix", True, False, {}),
}
#: Autoregressions and moving averages; with v at the end they have a variance.
_SERIES: Mapping[str, tuple[str, Mapping[str, ArgumentValue]]] = {
    "ar2": ("ARMatrix", {"p": 2}),
    "ar3": ("ARMatrix", {"p": 3}),
    "ma1": ("MAMatrix", {"q": 1}),
    "ma2": ("MAMatrix", {"q": 2}),
    "arma": ("ARMAMatrix", {"p": 1, "q": 1}),
    "sar": ("SymmetricARMatrix", {}),
}
_RANKED = {"fa": "FactorAnalyticMatrix", "rr": "ReducedRankMatrix", "ante": "AntedependenceMatrix"}
_PROCESSES = {
    "iexp": "ExponentialMatrix",
    "igau": "GaussianMatrix",
    "ieuc": "ExponentialMatrix",
    "isp": "SphericalMatrix",
    "cir": "CircularMatrix",
    "mtrn": "MaternMatrix",
}
_POLYNOMIALS = {"pol": "orthogonal", "leg": "normalised legendre"}


def factor_of(source: Source, node: Node, request: Request) -> Factor:
    """One factor of a `:` product: a name, or a structure around one.

    Raises:
        Refusal: the structure is not known, or a column is not there.
    """
    node = unwrapped(node)
    if not isinstance(node, Call):
        columns = source.group(node)
        return Factor(columns, lambda name: tree("IdentityMatrix", name, n=Levels(columns)), plain=True)
    word = node.function
    if not node.arguments:
        raise source.refuse(node, "it names no factor", f"Write {word}(gen).")
    of = node.arguments[0][1]
    if word in ("factor", "as.factor"):
        return factor_of(source, Name(source.column(node), node.start, node.end), request)
    if word in _SIMPLE:
        kind, has_variance, series, given = _SIMPLE[word]
        return _over(source, of, kind, given, {}, has_variance, series)
    bare = word.removesuffix("v")
    if bare in _SERIES:
        kind, given = _SERIES[bare]
        has_variance = word.endswith("v")
        return _over(source, of, kind, given, {} if has_variance else {"sigma^2": 1.0}, has_variance, True)
    if word in _RANKED:
        rank = node.given("k", 1)
        k = 1 if rank is None else round(source.number(rank))
        return _over(source, of, _RANKED[word], {"k": k}, {}, True, word == "ante")
    if word in ("vm", "giv", "ped"):
        return _known(source, node, request)
    if word in _PROCESSES:
        columns = tuple(source.column(one) for _, one in node.arguments)
        given = {"coordinates": Columns(columns), **({"nu": "estimated"} if word == "mtrn" else {})}
        kind = _PROCESSES[word]
        return Factor(
            columns, lambda name: tree(kind, name), True, rows=lambda name: tree(kind, name, given=given)
        )
    if word == "spl":
        column = source.column(of)
        given = {"times": Columns((column,)), "shared_times": True}
        kind = "IntegratedRandomWalkMatrix"
        return Factor(
            (column,), lambda name: tree(kind, name), True, rows=lambda name: tree(kind, name, given=given)
        )
    if word in _POLYNOMIALS or word == "lin":
        return _numeric(source, node)
    raise source.unknown(
        node, f"The structures are {', '.join([*_SIMPLE, *_SERIES, *_RANKED, 'vm', 'at', 'str'])}."
    )


def _over(
    source: Source,
    of: Node,
    kind: str,
    given: Mapping[str, ArgumentValue],
    fixed: Mapping[str, float],
    has_variance: bool,
    series: bool,
) -> Factor:
    """A structure over the levels of a factor, or over the coefficients of a polynomial."""
    inner = unwrapped(of)
    if isinstance(inner, Call) and inner.function in (*_POLYNOMIALS, "lin"):
        numeric = _numeric(source, inner)
        size = _size_of(source, inner)
        return Factor(
            numeric.columns,
            lambda name: tree(kind, name, fixed=fixed, given={"n": size, **given}),
            has_variance,
            numeric.design,
        )
    columns = source.group(inner)
    return Factor(
        columns,
        lambda name: tree(kind, name, fixed=fixed, given={"n": Levels(columns), **given}),
        has_variance,
        series=series,
    )


def _degree(source: Source, call: Call) -> int:
    degree = call.given("n", 1)
    return 1 if degree is None else abs(round(source.number(degree)))


def _size_of(source: Source, call: Call) -> int:
    return 1 if call.function == "lin" else _degree(source, call) + 1


def _numeric(source: Source, call: Call) -> Factor:
    """Columns of a polynomial, or the numbers of a column."""
    column = source.column(call.arguments[0][1])
    arguments: dict[str, ArgumentValue] = {"columns": Columns((column,))}
    if call.function != "lin":
        arguments |= {
            "basis": _POLYNOMIALS[call.function],
            "degree": _degree(source, call),
            "intercept": True,
        }
    name = source.slice(call)
    return Factor(
        (column,),
        lambda name: tree("IdentityMatrix", name, n=_size_of(source, call)),
        design=tree("DesignMatrix", name, given=arguments),
    )


def _known(source: Source, call: Call, request: Request) -> Factor:
    """`vm(gen, K)`: the relationships of all individuals of a second table."""
    columns = source.group(call.arguments[0][1])
    given = call.given("obj", 1)
    key = given.text if isinstance(given, Name) else ""
    if not key or key not in request.matrices:
        raise source.refuse(
            call,
            f"the matrix {key or 'K'} is not given",
            f'Pass it as matrices={{"{key or "K"}": frame}}, rows named after the levels of {columns[0]}.',
        )
    if len(columns) != 1:
        raise source.refuse(call, "its levels follow from one column of the data", "Name one column.")
    table = source.study.under
    kind: Kind | None = {"giv": "inverse", "ped": "pedigree"}.get(call.function)  # type: ignore[assignment]
    try:
        relation = relation_for(
            request.matrices[key], key, None if table is None else table.levels(columns[0]), kind
        )
    except TableError as error:
        raise source.refuse(call, str(error), f"Give {key} as a table of its own.") from None
    request.relations[key] = relation
    return Factor(columns, lambda name: known_tree(name, key, relation), has_variance=True)
