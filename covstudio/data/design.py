"""The design matrix of the fixed effects.

Columns of X have readable names: "(Intercept)", "rep[R2]", "x", "Variety[Victory]:N[n0.2]", "poly(x, 2)1".
The level that the others are compared with is the one that somebody has chosen, or else the first of the
levels (`Table.levels`), as in R.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt
import torch

from covstudio.data.bases import learn
from covstudio.data.choices import Contrasts
from covstudio.data.coding import CodedTerm, code_terms
from covstudio.data.contrasts import contrast_columns
from covstudio.data.errors import DesignError, RankError, count, listed, shown, suggestion
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
from covstudio.data.tables import Bools, Table

__all__ = [
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

INTERCEPT = "(Intercept)"
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
    columns = _Columns(complete.table, parsed, roles)
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


class _Columns:
    """The columns of X that parts of a formula give for a table.

    Args:
        table: its complete rows.
        formula: the formula.
        roles: of its columns.
    """

    def __init__(self, table: Table, formula: Formula, roles: Mapping[str, Role]) -> None:
        self.table, self.formula = table, formula
        self.factors: dict[str, tuple[str, ...]] = {}
        self._places: dict[str, npt.NDArray[np.int64]] = {}
        self._numbers: dict[str, Floats] = {}
        self._reference: dict[str, str] = {}
        self._contrasts: dict[str, Contrasts] = {}
        for part in formula.parts:
            function = formula.functions.get(part)
            if function is not None and function.role == "number":
                self._numbers[part] = learn(function, table.numbers)(table.numbers)
            elif function is not None or _is_factor(table, part, roles):
                self._add_factor(part, formula.columns_of(part)[0])
            else:
                self._numbers[part] = table.numbers(part)[:, None]

    def _add_factor(self, part: str, column: str) -> None:
        levels = factor_levels(self.table, column)
        if len(levels) == 1:
            raise DesignError(
                f"The factor {shown(column)} has one level, {shown(levels[0])}, in the rows that are used, "
                "so it has no effect to estimate. Take it out of the formula."
            )
        reference = self.table.reference(column)
        if reference is not None and reference not in levels:
            raise DesignError(
                f"{shown(reference)} is said to be the reference of {shown(column)}, and no row that is used "
                f"has it. {suggestion(reference, levels, 'level')}"
            )
        places = {name: place for place, name in enumerate(levels)}
        labels = [label for label in self.table.labels(column) if label is not None]
        self.factors[part] = levels
        self._places[part] = np.array([places[label] for label in labels], dtype=np.int64)
        self._reference[part] = levels[0] if reference is None else reference
        function = self.formula.functions.get(part)
        said = self.table.choices.column(column).contrasts
        self._contrasts[part] = (None if function is None else function.contrasts) or said or "treatment"

    def size(self, block: CodedTerm) -> int:
        """How many columns a block has."""
        return prod(
            len(self.factors[part]) - (part not in block.full)
            if part in self.factors
            else self._numbers[part].shape[1]
            for part in block.columns
        )

    def of(self, block: CodedTerm) -> Iterable[tuple[str, Floats | None]]:
        """The columns of a block with their names, the first part changing fastest, as in R."""
        choices = [self._part(part, full=part in block.full) for part in block.columns]
        for reversed_choice in product(*reversed(choices)):
            chosen = reversed_choice[::-1]
            column: Floats | None = None
            for _, values in chosen:
                column = values if column is None else column * values
            yield ":".join(name for name, _ in chosen) or INTERCEPT, column

    def _part(self, part: str, full: bool) -> list[tuple[str, Floats]]:
        """The columns of one part, with their names."""
        name = self.formula.part_name(part)
        if part in self._numbers:
            values = self._numbers[part]
            several = values.shape[1] > 1 or (part in self.formula.functions and self._is_basis(part))
            return [
                (f"{name}{number}" if several else name, values[:, number - 1])
                for number in range(1, values.shape[1] + 1)
            ]
        levels = self.factors[part]
        coded = (
            list(zip(levels, np.eye(len(levels)), strict=True))
            if full
            else contrast_columns(self._contrasts[part], levels, self._reference[part], part)
        )
        return [(f"{name}[{level}]", values[self._places[part]]) for level, values in coded]

    def _is_basis(self, part: str) -> bool:
        return self.formula.functions[part].basis is not None

    def references(self, blocks: Sequence[CodedTerm]) -> dict[str, str]:
        """The references of the factors that are compared with one."""
        compared = {
            part
            for block in blocks
            for part in block.columns
            if part in self.factors and part not in block.full
        }
        return {
            part: level
            for part, level in self._reference.items()
            if part in compared and self._contrasts[part] == "treatment"
        }

    def offset(self) -> torch.Tensor | None:
        """The sum of the offsets, or None."""
        found = [learn(one, self.table.numbers)(self.table.numbers)[:, 0] for one in self.formula.offsets]
        return torch.from_numpy(np.sum(found, axis=0)) if found else None


def _is_factor(table: Table, column: str, roles: Mapping[str, Role]) -> bool:
    role = roles.get(column)
    return role == "factor" or (
        role != "covariate" and not table.is_numeric(column) and not table.is_time(column)
    )


def _dependent(x: Floats) -> dict[int, list[int]]:
    """The columns of X that depend on the ones before them, each with those it is a combination of.

    Columns are taken in order and freed of their part in those before (Gram and Schmidt, twice for accuracy),
    so that the column named is the later one, as R would drop it. Beside an intercept they count from their
    mean: a covariate far from zero, such as seconds since 1970, is no multiple of it.
    """
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
