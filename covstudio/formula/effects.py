"""Pieces of V that formulas are made of: effects of groups, coefficients of their own, correlated effects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from covstudio.data.functions import FACTORS
from covstudio.document.model.node import ArgumentValue, Columns, Levels
from covstudio.formula.source import Source, unwrapped
from covstudio.formula.syntax import Call, Name, Node, Number, summands
from covstudio.formula.tree import Tree, tree

__all__ = [
    "Coefficients",
    "by_stratum",
    "coefficients",
    "design_of",
    "effect",
    "identity",
    "incidence",
    "independent",
    "kron",
    "label",
    "only",
    "propagated",
    "residual",
    "scaled_by_column",
    "variances_by_group",
    "within_groups",
]

#: The structure of so many coefficients, of a name and its size.
Covariance = Callable[[str, ArgumentValue], Tree]


@dataclass(frozen=True)
class Coefficients:
    """The coefficients that every group has of its own: what stands left of the bar.

    Attributes:
        columns: numeric columns.
        intercept: whether there is an intercept before them.
        factor: a factor that has a coefficient for each of its levels, instead of columns.
        neighbours: its levels are neighbours in their order, whatever numbers they are.
    """

    columns: tuple[str, ...] = ()
    intercept: bool = True
    factor: tuple[str, ...] = ()
    neighbours: bool = False

    @property
    def alone(self) -> bool:
        """Whether there is an intercept and nothing else."""
        return self.intercept and not self.columns and not self.factor

    @property
    def size(self) -> ArgumentValue:
        """How many there are."""
        return Levels(self.factor) if self.factor else len(self.columns) + self.intercept

    @property
    def one(self) -> bool:
        """Whether there is one for certain."""
        return not self.factor and len(self.columns) + self.intercept == 1

    @property
    def label(self) -> str:
        """What they are called."""
        return label(self.factor) if self.factor else " ".join([*("1" * self.intercept), *self.columns])


def label(columns: Sequence[str]) -> str:
    """What a crossed factor is called."""
    return ":".join(columns)


def coefficients(source: Source, node: Node) -> Coefficients:
    """What stands left of a bar.

    `0 + f`, f a factor, has a coefficient for each level; anything else the columns of its design.
    """
    parts = summands(node)
    if len(parts) == 1 and isinstance(unwrapped(node), Number):
        if source.number(node) != 1.0:
            raise source.refuse(node, "a term without coefficients has no effect", "Write 1 left of the bar.")
        return Coefficients()
    without = [(sign, part) for sign, part in parts if not _is_none(sign, part)]
    if len(without) == 1 and len(parts) == 2 and without[0][0] > 0:
        named = unwrapped(without[0][1])
        if not isinstance(named, Number):
            column = _factor(source, named)
            if column is not None:
                return Coefficients(intercept=False, factor=(column,))
    columns, intercept = source.columns_of_design(node)
    if not columns and not intercept:
        raise source.refuse(node, "a term without coefficients has no effect", "Write 1 left of the bar.")
    return Coefficients(columns, intercept)


def _is_none(sign: int, part: Node) -> bool:
    """Whether a part of a sum takes the intercept away: `0`, `- 1`."""
    node = unwrapped(part)
    return isinstance(node, Number) and (node.value * sign) <= 0


def _factor(source: Source, node: Node) -> str | None:
    """The column of a factor that stands alone; None for anything else."""
    if isinstance(node, Call) and node.function in FACTORS and len(node.arguments) == 1:
        return source.column(node)
    if isinstance(node, Name):
        column = source.column(node)
        return column if source.study.is_factor(column) else None
    return None


# --- trees ---


def incidence(columns: Sequence[str], name: str, *, every: bool = False, neighbours: bool = False) -> Tree:
    """Z of a crossed factor.

    Args:
        columns: whose combinations its levels are.
        name: what it is called.
        every: with the combinations that no row has.
        neighbours: levels are neighbours in their order, whatever numbers they are.
    """
    arguments: dict[str, ArgumentValue] = {"factors": Columns(tuple(columns))}
    if every:
        arguments["drop_empty_cols"] = False
    if neighbours:
        arguments["close_gaps"] = True
    return tree("DummyMatrix", name, given=arguments)


def design_of(found: Coefficients, name: str) -> Tree:
    """The design of coefficients, one column for each."""
    if found.factor:
        return incidence(found.factor, name, every=True, neighbours=found.neighbours)
    arguments: dict[str, ArgumentValue] = {"columns": Columns(found.columns)}
    if found.intercept:
        arguments["intercept"] = True
    return tree("DesignMatrix", name, given=arguments)


def identity(columns: Sequence[str], name: str) -> Tree:
    """The identity over the levels of a crossed factor that occur."""
    return tree("IdentityMatrix", name, n=Levels(tuple(columns)))


def kron(name: str, *factors: Tree) -> Tree:
    """The Kronecker product of any number of matrices."""
    first, *rest = factors
    product = first
    for place, factor in enumerate(rest, 2):
        product = tree(
            "KroneckerProduct", name if place == len(factors) else f"{name} {place}", product, factor
        )
    return product


def propagated(name: str, z: Tree, g: Tree) -> Tree:
    """Z G Z'."""
    return tree("CovariancePropagation", name, z, g)


def effect(
    group: Sequence[str], found: Coefficients, covariance: Covariance, name: str | None = None
) -> Tree:
    """The coefficients of every group, independent between groups, with one covariance within.

    Args:
        group: the columns whose combinations are the groups.
        found: the coefficients.
        covariance: their structure; left out of account where there is one.
        name: what the term is called; the group's label when left out.
    """
    called = label(group)
    name = called if name is None else name
    groups = incidence(group, f"{called} groups")
    if found.alone:
        return propagated(name, groups, tree("ScalarMatrix", f"{name} variance"))
    z = tree("KhatriRaoProduct", f"{name} design", groups, design_of(found, f"{name} coefficients"))
    if found.one:
        return propagated(name, z, tree("ScalarMatrix", f"{name} variance"))
    within = covariance(f"{name} covariance", found.size)
    if within.kind == "ScalarMatrix":
        return propagated(name, z, tree("ScalarMatrix", within.name))
    return propagated(name, z, kron(f"{name} G", identity(group, f"{called} levels"), within))


def independent(kind: str, **more: ArgumentValue) -> Covariance:
    """The covariance of a structure that is given by its size alone."""
    return lambda name, size: tree(kind, name, given={"n": size, **more})


def within_groups(group: Sequence[str], inner: Tree, name: str) -> Tree:
    """A covariance of all rows, within the groups alone: "same group" times it.

    Args:
        group: the columns whose combinations are the groups; none for one group.
        inner: the covariance.
        name: what the term is called.
    """
    if not group:
        return inner.named(name)
    same = propagated(
        f"{name} within {label(group)}", incidence(group, f"{name} groups"), identity(group, f"{name} levels")
    )
    return tree("HadamardProduct", name, same, inner)


def residual() -> Tree:
    """One variance for all rows."""
    return tree("ScalarMatrix", "residual")


def variances_by_group(
    columns: Sequence[str], name: str = "residual", fixed: Mapping[str, float] | None = None
) -> Tree:
    """Independent rows with a variance for each level of a crossed factor."""
    return tree(
        "HadamardProduct", name, tree("IdentityMatrix", f"{name} rows"), by_stratum(columns, name, fixed)
    )


def by_stratum(columns: Sequence[str], name: str, fixed: Mapping[str, float] | None = None) -> Tree:
    """A matrix whose diagonal has a variance for each level of a crossed factor."""
    return propagated(
        f"{name} variances",
        incidence(columns, f"{name} {label(columns)} strata"),
        tree("DiagonalMatrix", f"{name} by {label(columns)}", n=Levels(tuple(columns)), fixed=fixed),
    )


def scaled_by_column(column: str, delta: float, name: str = "residual") -> Tree:
    """Independent rows with standard deviations proportional to a known power of a column."""
    return tree("PowerVarianceMatrix", name, fixed={"delta": delta}, v=Columns((column,)))


def only(term: Tree, column: str) -> Tree:
    """A term on the rows where an indicator is 1, zero elsewhere."""
    where = tree("DesignMatrix", f"{term.name} rows", columns=Columns((column,)))
    if term.kind != "CovariancePropagation":
        same = propagated(f"{term.name} where", where, tree("IdentityMatrix", f"{term.name} one"))
        return tree("HadamardProduct", term.name, same, term.named(f"{term.name} whole"))
    z, g = term.operands
    return replace(term, operands=(tree("KhatriRaoProduct", f"{term.name} within", where, z), g))
