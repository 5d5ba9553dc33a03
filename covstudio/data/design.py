"""The design matrix of the fixed effects.

Columns of X have readable names: "(Intercept)", "rep[R2]", "x", "Variety[Victory]:N[n0.2]", "poly(x, 2)1".
The level that the others are compared with is the one that somebody has chosen, or else the first of the
levels (`Table.levels`), as in R.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch

from covstudio.arguments import checked
from covstudio.data.coded_columns import INTERCEPT, CodedColumns
from covstudio.data.coding import code_terms
from covstudio.data.column_values import Bools
from covstudio.data.errors import DesignError, RankError, count, listed, shown
from covstudio.data.formula import Formula, parse_formula
from covstudio.data.roles import Role
from covstudio.data.rows import (
    CompleteRows,
    Response,
    complete_rows,
    factor_columns,
    factor_levels,
    levels,
    response,
)
from covstudio.data.tables import Table

__all__ = [
    "INTERCEPT",
    "CompleteRows",
    "Design",
    "Response",
    "complete_rows",
    "design_matrix",
    "factor_columns",
    "factor_levels",
    "levels",
    "response",
]

#: A column is taken for a combination of others when so little of it is left beside them, as in R's lm.
_RANK_TOLERANCE = 1e-7
#: Less than this share of a column is rounding error.
_ROUNDING = 1e-13

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Design:
    """The design matrix of the fixed effects.

    Attributes:
        x: (rows kept, p) float64 tensor.
        names: a name for each of its p columns.
        kept: (n,) bool, the rows of the table that have all the values needed.
        dropped: how many rows have not.
        note: how many were dropped and why, or "".
        terms: the terms of the formula in their order, such as "rep" or "rep:x", each with the positions of
            its columns; the intercept is none.
        left_out: names of the columns that were left out because they depend on columns before them.
        parts: what each of the terms is a product of, by the term's name: columns of the table, and functions
            of columns by their text.
        references: factor -> the level that its others are compared with.
        offset: (rows kept,) what is to be taken from the response before a fit, or None.
        source: the rows, the formula and the roles that it was made of.
    """

    x: torch.Tensor
    names: tuple[str, ...]
    kept: Bools
    dropped: int
    note: str
    terms: tuple[tuple[str, tuple[int, ...]], ...] = ()
    left_out: tuple[str, ...] = ()
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    offset: torch.Tensor | None = None
    source: tuple[Table, Formula, Mapping[str, Role]] | None = field(default=None, repr=False)

    def at(self, table: Table) -> Design:
        """The same columns for the rows of another table, to predict them.

        Polynomials, splines and scaled columns keep what they took from the rows of this design: means,
        norms, knots; factors keep their levels and contrasts.

        Args:
            table: the other rows.

        Raises:
            TableError: a column is not there, or a covariate holds text.
            DesignError: a label is no level of its factor, or no row has all that is needed.

        Example:
            >>> table = Table.from_columns({"x": [1.0, 2.0, 3.0, 4.0, 9.0]}, "t")
            >>> design = design_matrix(table, "poly(x, 2)")
            >>> other = Table.from_columns({"x": [3.0, 2.0]}, "new")
            >>> bool(torch.allclose(design.at(other).x, design.x[[2, 1]]))
            True
        """
        if self.source is None:
            raise DesignError("A design that was put together by hand has no columns for other rows.")
        own, formula, roles = self.source
        complete = complete_rows(table, formula.columns)
        columns = CodedColumns(own, formula, roles, complete.table)
        found: dict[str, Floats | None] = {}
        for block in code_terms(formula, columns.factors):
            found.update(columns.of(block))
        ones = np.ones(complete.table.n)
        values = [ones if found[name] is None else found[name] for name in self.names]
        return replace(
            self,
            x=torch.from_numpy(np.stack([one for one in values if one is not None], axis=1)),
            kept=complete.kept,
            dropped=complete.dropped,
            note=complete.note,
            offset=columns.offset(),
        )

    @property
    def outer_terms(self) -> dict[str, tuple[int, ...]]:
        """The terms that no other term contains, each with the positions of its columns.

        The columns of a contained term are contrasts at the reference levels of the factors it is crossed
        with: a test of them is no test of the term.

        Example:
            >>> from covstudio.data.examples import load_example
            >>> design_matrix(load_example("john_alpha"), "rep*yield").outer_terms
            {'rep:yield': (4, 5)}
        """
        parts = {name: frozenset(self.parts[name]) for name, _ in self.terms}
        return {
            name: places
            for name, places in self.terms
            if not any(parts[name] < others for others in parts.values())
        }


@checked
def design_matrix(
    table: Table,
    formula: str | Formula,
    roles: Mapping[str, Role] | None = None,
    *,
    drop_dependent: bool = False,
) -> Design:
    """The design matrix X of the fixed effects.

    Factors are treatment coded (an indicator for every level but the reference), or as `C(f, contr.sum)` or a
    choice about the column says (see `covstudio.data.contrasts`); covariates enter as they are, dates as days
    since 1970-01-01. A column without a role, or with the role "ignored", is a factor when
    it holds text and a covariate when it holds numbers or dates.

    Args:
        table: a table of n rows.
        formula: such as "1 + rep", "~ Variety*N" or "poly(x, 2)"; see `parse_formula`.
        roles: which columns are factors and which covariates.
        drop_dependent: leave out columns that are combinations of columns before them, as R's lm does,
            instead of refusing them.

    Returns:
        X and the names of its columns. Rows without a value that the formula needs are left out and counted.

    Raises:
        FormulaError: the formula is not understood.
        TableError: a column is not there, or a covariate holds text.
        DesignError: the response stands among the fixed effects; a factor has one level; a reference does not
            occur; a function has no finite value in some row.
        RankError: columns of X depend on others, and are not to be left out: the message names them; or there
            are more columns than rows.

    Example:
        >>> from covstudio.data.examples import load_example
        >>> design = design_matrix(load_example("john_alpha"), "1 + rep")
        >>> design.x.shape, design.names
        (torch.Size([72, 3]), ('(Intercept)', 'rep[R2]', 'rep[R3]'))
        >>> design_matrix(load_example("john_alpha"), "1 + plot + row", drop_dependent=True).left_out
        ('row',)
    """
    parsed = parse_formula(formula) if isinstance(formula, str) else formula
    roles = roles or {}
    _check_response(parsed, roles)
    table.require([*parsed.columns, *([parsed.response] if parsed.response is not None else [])])
    complete = complete_rows(table, parsed.columns)
    columns = CodedColumns(complete.table, parsed, roles)
    blocks = code_terms(parsed, columns.factors)
    sizes = [columns.size(block) for block in blocks]
    rows = complete.table.n
    if sum(sizes) > rows:
        size, block = max(zip(sizes, blocks, strict=True), key=lambda pair: pair[0])
        alone = f" ({shown(':'.join(block.columns))} alone {size:,})" if size > 1 else ""
        raise RankError(
            f"The fixed effects need {sum(sizes):,} columns{alone}, and there are "
            f"{count(rows, 'row')} to estimate them from. Take terms out, or make them random: a Z G Z' in V."
        )
    x = np.empty((rows, sum(sizes)), dtype=np.float64, order="F")
    names: list[str] = []
    terms: dict[str, list[int]] = {}
    for block in blocks:
        for name, values_of in columns.of(block):
            x[:, len(names)] = 1.0 if values_of is None else values_of
            names.append(name)
            if block.term:
                terms.setdefault(parsed.name_of(block.term), []).append(len(names) - 1)
    dependent = _dependent(x)
    if dependent and not drop_dependent:
        raise _rank_error(names, dependent)
    independent = [j for j in range(len(names)) if j not in dependent]
    place = {j: i for i, j in enumerate(independent)}
    left = {term: tuple(place[j] for j in places if j in place) for term, places in terms.items()}
    return Design(
        torch.from_numpy(np.ascontiguousarray(x[:, independent] if dependent else x)),
        tuple(names[j] for j in independent),
        complete.kept,
        complete.dropped,
        complete.note,
        tuple((term, own) for term, own in left.items() if own),
        tuple(names[j] for j in dependent),
        {parsed.name_of(term): term for term in parsed.terms if left.get(parsed.name_of(term))},
        columns.references(blocks),
        columns.offset(),
        (complete.table, parsed, roles),
    )


def _check_response(formula: Formula, roles: Mapping[str, Role]) -> None:
    responses = {column for column, role in roles.items() if role == "response"}
    within = [column for column in formula.columns if column in responses or column == formula.response]
    if within:
        raise DesignError(
            f"{shown(within[0])} is the response, and it stands among the fixed effects too. Take it out "
            "of the formula."
        )
    if formula.response is not None and responses and formula.response not in responses:
        raise DesignError(
            f"The formula explains {shown(formula.response)}, and the response is {listed(responses)}. Write "
            "the fixed effects alone, or choose that response."
        )


def _dependent(x: Floats) -> dict[int, list[int]]:
    """The columns of X that depend on the ones before them, each with those it is a combination of.

    Columns are taken in order and freed of their part in those before (Gram and Schmidt, twice for accuracy),
    so that the column named is the later one, as R would drop it. Beside an intercept they count from their
    mean: a covariate far from zero, such as seconds since 1970, is no multiple of it.
    """
    x = np.ldexp(x, -np.frexp(np.abs(x).max(axis=0, initial=0.0))[1])  # exact, and its squares are finite
    basis = np.empty_like(x)
    independent: list[int] = []
    dependent: dict[int, list[int]] = {}
    constant: int | None = None
    for j in range(x.shape[1]):
        raw, norm = x[:, j], float(np.linalg.norm(x[:, j]))
        if norm == 0.0:
            dependent[j] = []
            continue
        if constant is None and bool((raw == raw[0]).all()):
            constant = j
        elif constant is not None:
            raw = raw - raw.mean()
            if float(np.linalg.norm(raw)) < _ROUNDING * norm:
                dependent[j] = [constant]
                continue
            norm = float(np.linalg.norm(raw))
        column = raw / norm
        q = basis[:, : len(independent)]
        rest = column - q @ (q.T @ column)
        rest -= q @ (q.T @ rest)
        size = float(np.linalg.norm(rest))
        if size < _RANK_TOLERANCE:
            before = x[:, independent] / np.linalg.norm(x[:, independent], axis=0)
            weights = np.linalg.lstsq(before, x[:, j] / np.linalg.norm(x[:, j]), rcond=None)[0]
            dependent[j] = [independent[i] for i in np.flatnonzero(np.abs(weights) > 1e-6)]
        else:
            basis[:, len(independent)] = rest / size
            independent.append(j)
    return dependent


def _rank_error(names: Sequence[str], dependent: Mapping[int, Sequence[int]]) -> RankError:
    """Which columns depend on which, and what to do."""
    sentences = []
    for j, sources in list(dependent.items())[:3]:
        if sources:
            verb = "is a multiple of" if len(sources) == 1 else "is a combination of"
            sentences.append(f"{shown(names[j])} {verb} {listed(names[i] for i in sources)}")
        else:
            sentences.append(f"{shown(names[j])} is zero in every row (no row has that combination)")
    if len(dependent) > 3:
        sentences.append(f"{len(dependent) - 3:,} more columns depend on others")
    return RankError(
        f"The fixed effects cannot all be estimated: {'; '.join(sentences)}. Take one of the terms involved "
        "out of the formula.",
        [names[j] for j in dependent],
    )
