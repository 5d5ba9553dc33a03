r"""Entries of V taken apart by the tree, with levels, lags and distances by name: `why`.

An entry of a sum is the sum of its terms' entries; of Z G Z' it is :math:`\sum_{ab} z_{ia} g_{ab} z_{jb}`,
for incidences the one entry of G for the levels of both rows; of a Kronecker product it is the product of two
entries. Its derivatives follow by the product rule on the same way down. What has no rule for its entries
(`entry_terms`), such as an inverse, is taken as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from covstudio.arguments import checked
from covstudio.covariance.core.matrix import Matrix
from covstudio.covariance.linalg.compositions import PlacedOperand, composition, covariance_function
from covstudio.covariance.linalg.entries import TERMS, Separation, entry_terms, separation
from covstudio.covariance.linalg.functions import derivative_matmul, matmul
from covstudio.covariance.linalg.names import Names, NamesBelow
from covstudio.covariance.parameters.parameterised import Params
from covstudio.covariance.parameters.unknown import suggest

__all__ = ["ExplainedEntry", "ExplainedTerm", "natural_values", "why"]

#: Longer sums are shortened where they are printed.
SHOWN = 12


@dataclass(frozen=True)
class ExplainedTerm:
    """One term of the sum that an entry is: a number times entries of parts.

    Attributes:
        weight: the number, such as a product of covariates.
        factors: the entries.
    """

    weight: float
    factors: tuple[ExplainedEntry, ...]

    @property
    def value(self) -> float:
        """Weight and entries multiplied."""
        return self.weight * math.prod(factor.value for factor in self.factors)


@dataclass(frozen=True, repr=False)
class ExplainedEntry:
    """An entry of a matrix of the tree, and what it is made of.

    Attributes:
        path: where the matrix stands in the tree; "" for V.
        how: what its operator does with its parts, such as "sum"; "" for what is taken as a whole.
        i: row.
        j: column.
        row: what the row stands for; "" where it has no name.
        column: what the column stands for.
        value: the entry.
        derivatives: its derivatives by natural values, of every parameter by its path; those that are 0 left
            out.
        between: the lag or distance of row and column, where the matrix is a function of it.
        terms: the entry is the sum of these; empty for what is taken as a whole, or 0 whatever the
            parameters.
    """

    path: str
    how: str
    i: int
    j: int
    row: str
    column: str
    value: float
    derivatives: Mapping[str, float]
    between: Separation | None = None
    terms: tuple[ExplainedTerm, ...] = field(default=())

    def rows(self) -> list[dict[str, Any]]:
        """The tree as rows, each node after the one it is a part of: plain values, ready for a data frame.

        "term" numbers the terms of the entry above that the node is a factor of, "weight" is that term's.
        """
        return self._rows(0, 0, 1.0)

    def _rows(self, depth: int, term: int, weight: float) -> list[dict[str, Any]]:
        found = [
            {
                "depth": depth,
                "path": self.path or "V",
                "how": self.how,
                "term": term,
                "weight": weight,
                "row": self.row or str(self.i),
                "column": self.column or str(self.j),
                "between": str(self.between) if self.between else "",
                "value": self.value,
            }
        ]
        for number, one in enumerate(self.terms):
            for factor in one.factors:
                found += factor._rows(depth + 1, number, one.weight)
        return found

    def __repr__(self) -> str:
        lines = self._lines(0, 1.0)
        if self.derivatives:
            lines.append("derivatives by natural values:")
            lines += [f"  {path}: {slope:.6g}" for path, slope in self.derivatives.items()]
        return "\n".join(lines)

    def _lines(self, depth: int, weight: float) -> list[str]:
        times = "" if weight == 1.0 else f"{weight:.6g} x "
        names = f"[{self.i}, {self.j}]"
        if self.row and self.column:
            names = f", {self.row}" if self.row == self.column else f", {self.row} and {self.column}"
        between = f", {self.between}" if self.between else ""
        how = f" ({self.how})" if self.how and self.terms else ""
        lines = [f"{'  ' * depth}{times}{self.path or 'V'}{names}{between} = {self.value:.6g}{how}"]
        shown = self.terms if len(self.terms) <= SHOWN else self.terms[: SHOWN - 1]
        for one in shown:
            product = len(one.factors) > 1 and len(self.terms) > 1
            if product:
                lines.append(f"{'  ' * (depth + 1)}{one.value:.6g}, a product of")
            for number, factor in enumerate(one.factors):
                lines += factor._lines(depth + 1 + product, one.weight if number == 0 else 1.0)
        if len(shown) < len(self.terms):
            rest = math.fsum(one.value for one in self.terms[len(shown) :])
            lines.append(f"{'  ' * (depth + 1)}... {len(self.terms) - len(shown)} more terms, {rest:.6g}")
        return lines


@checked
def why(
    v: Matrix,
    i: int,
    j: int,
    theta: Params = None,
    *,
    values: Mapping[str, float] | None = None,
    rows: Sequence[Any] | None = None,
) -> ExplainedEntry:
    """An entry of V taken apart by the tree.

    Args:
        v: a structure or an operator, of any shape.
        i: row, counted from 0; negative from the end.
        j: column likewise.
        theta: RAW values of the free parameters; None for the defaults.
        values: natural values of parameters by path, such as `Fit.params`, in place of those of theta.
        rows: names of the rows (and of the columns, where v is square), such as plots.

    Returns:
        The entry, what it is the sum of, and its derivatives; printed, a few lines to read.

    Raises:
        IndexError: there is no such row or column.
        ValueError: a parameter or the number of names is wrong.

    Example:
        >>> from covstudio.covariance import AR1Matrix, CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
        >>> gen = CovariancePropagation(z=DummyMatrix(["A", "B", "A", "B"]), g=ScalarMatrix(2))
        >>> v = Sum(gen=gen, field=AR1Matrix(4), residual=ScalarMatrix(4))
        >>> found = why(v, 0, 2, values={"gen/g/sigma^2": 3.0, "field/rho": 0.5})
        >>> found
        V[0, 2] = 3.25 (sum)
          gen[0, 2] = 3 (congruence)
            gen/g, A = 3
          field[0, 2], lag 2 = 0.25
          residual[0, 2] = 0
        derivatives by natural values:
          gen/g/sigma^2: 1
          field/sigma^2: 0.25
          field/rho: 1
        >>> [(row["path"], row["value"]) for row in found.rows()][:2]
        [('V', 3.25), ('gen', 3.0)]
    """
    n, m = v.shape
    i, j = _place(i, n, "row"), _place(j, m, "column")
    names = None
    if rows is not None:
        if len(rows) != n:
            raise ValueError(f"rows must name all {n} rows of V, and has {len(rows)} names.")
        names = Names.flat([str(name) for name in rows])
    whole = PlacedOperand(v, range(v.num_params), "")
    with torch.no_grad():
        natural = natural_values(v, theta, values)
        return _explained(whole, "", i, j, natural, v.param_names, names, names if n == m else None, TERMS)


def _place(k: int, count: int, what: str) -> int:
    if not -count <= k < count:
        raise IndexError(f"V has {count} {what}s, counted from 0; there is no {what} {k}.")
    return int(k) % count


def natural_values(v: Matrix, theta: Params, values: Mapping[str, float] | None) -> Tensor:
    """Natural values of all parameters, free and fixed, float64.

    Args:
        v: a structure or an operator.
        theta: RAW values of the free parameters; None for the defaults.
        values: natural values by path, in place of those of theta.

    Raises:
        ValueError: there is no such parameter, or theta has another length.
    """
    natural = torch.tensor([parameter.value for parameter in v.parameters], dtype=torch.float64)
    if theta is not None:
        natural[v.free_param_index] = v.trans_params(theta).to(torch.float64)
    for path, value in (values or {}).items():
        if path not in v.param_names:
            has = suggest(path, v.param_names) or f"; there are {', '.join(map(repr, v.param_names))}."
            raise ValueError(f"V has no parameter {path!r}{has}")
        natural[v.param_names.index(path)] = float(value)
    return natural


def _explained(
    part: PlacedOperand,
    path: str,
    i: int,
    j: int,
    natural: Tensor,
    params: Sequence[str],
    row_names: Names | None,
    column_names: Names | None,
    room: int,
) -> ExplainedEntry:
    """An entry of a part of V.

    Args:
        part: which part, with the places of its parameters among all.
        path: where it stands.
        i: row.
        j: column.
        natural: natural values of all parameters of V.
        params: their paths.
        row_names: what its rows stand for.
        column_names: what its columns stand for.
        room: how many terms it may be taken apart into, those of its parts included.
    """
    operand = part.operand
    row = "" if row_names is None else row_names.of(i)
    column = "" if column_names is None else column_names.of(j)
    if not isinstance(operand, Matrix):
        return ExplainedEntry(path, "", i, j, row, column, float(operand[i, j]), {})
    found = entry_terms(operand, i, j)
    if found is None or len(found) > room:
        value, slopes = _entry(operand, part.own(natural), i, j)
        derivatives = {params[part.start + k]: slope for k, slope in enumerate(slopes) if slope != 0.0}
        between = separation(operand, i, j) if operand.shape[0] == operand.shape[1] else None
        return ExplainedEntry(path, "", i, j, row, column, value, derivatives, between)
    below, left = NamesBelow(operand, row_names, column_names), room // max(1, len(found))
    terms = []
    for one in found:
        factors = []
        for entry in one.factors:
            own = PlacedOperand(
                entry.part.operand,
                range(part.start + entry.part.span.start, part.start + entry.part.span.stop),
                entry.part.name,
            )
            name = entry.part.name
            own_path = f"{path}/{name}" if path and name else path or name
            names = below.of(entry.part.name)
            factors.append(_explained(own, own_path, entry.i, entry.j, natural, params, *names, left))
        terms.append(ExplainedTerm(one.weight, tuple(factors)))
    made = composition(operand)
    return ExplainedEntry(
        path,
        made.how if made is not None else "sum of products" if len(terms) > 1 else "product",
        i,
        j,
        row,
        column,
        math.fsum(one.value for one in terms),
        _product_rule(terms),
        None,
        tuple(terms),
    )


def _product_rule(terms: Sequence[ExplainedTerm]) -> dict[str, float]:
    """Derivatives of a sum of products."""
    total: dict[str, float] = {}
    for one in terms:
        values = [factor.value for factor in one.factors]
        before = list(accumulate(values, lambda a, b: a * b, initial=one.weight))
        after = list(accumulate(reversed(values), lambda a, b: a * b, initial=1.0))[::-1]
        for k, factor in enumerate(one.factors):
            others = before[k] * after[k + 1]
            for path, slope in factor.derivatives.items():
                total[path] = total.get(path, 0.0) + others * slope
    return {path: slope for path, slope in total.items() if slope != 0.0}


def _entry(matrix: Matrix, natural: Tensor, i: int, j: int) -> tuple[float, list[float]]:
    """An entry and its derivatives by all parameters of a matrix, where possible without the matrix."""
    index = list(range(matrix.num_params))
    function = covariance_function(matrix)
    if function is not None:
        times = function.times
        lag = natural.new_tensor([abs(i - j) if times is None else abs(float(times[i] - times[j]))])
        slopes = function.derivative(natural, index, lag).reshape(-1).tolist() if index else []
        return float(function.value(natural, lag)), slopes
    unit = natural.new_zeros((matrix.shape[1], 1))
    unit[j] = 1.0
    slopes = derivative_matmul(matrix, natural, index, unit)[:, i, 0].tolist() if index else []
    return float(matmul(matrix, natural, unit)[i, 0]), slopes
