r"""Covariates far from zero: random effects in a coding whose columns are nearly at right angles.

Intercepts and slopes over years, Z = [1, year] by groups, have the V of those over years less their mean,

.. math:: Z\,G\,Z' = (ZT)\,(T^{-1}G\,T^{-\top})\,(ZT)' ,

and where G is free, as an unstructured matrix is, T^-1 G T^-T is in its range (see `linalg.recoded`). In the
given coding the variance of the intercept, far outside the data, is as large as the square of the year, its
correlation with the slope is within rounding of 1, and a search, and at last double precision, get lost. A G
that is not free, such as a diagonal one, is another model in each coding, and stays as it is.

T is found by Gram and Schmidt without norming: columns less their regression on those before, of which the
ones that vary least beside their size, such as an intercept's, come first. For an intercept and a slope this
is centring.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import Matrix, Operator, linalg
from covstudio.reml.terms.design_rows import DenseRows, Rows, RowsDesign, SparseRows, rows_of
from covstudio.reml.terms.parameters import Parameters
from covstudio.threads import blas_threads

__all__ = ["ASLANT", "Recoded", "Recoding", "at_ends", "coefficients", "free_parts", "is_free", "recoding_of"]

Vector = NDArray[np.float64]

#: Columns are recoded where less than this share of one is at right angles to those before it.
ASLANT = 0.1
#: Step of differences, beside the size of the parameters.
DIFFERENCE = 1e-6
#: A parameter this near to the end of its range, beside the others of its matrix, is there.
AT_END = 1e-9
#: Less than this share is rounding error: the columns depend on one another.
DEPENDENT = 1e-13


@dataclass(frozen=True, eq=False)
class Recoded:
    """One term Z G Z' in another coding of its columns.

    Attributes:
        path: its name in V; empty where V is nothing else.
        leaf: the free part of G, (k, k).
        span: where its parameters stand in V.
        t: T, (k, k): the effects of the new coding belong to the columns of Z T, and the free part of G is
            T times what it is in the new coding times T'.
        aslant: the smallest share of a column that is at right angles to those before it.
        after: how many columns lie between one coefficient and the next.
    """

    path: str
    leaf: Matrix
    span: range
    t: Tensor
    aslant: float
    after: int = 1

    def turned(self, z: Tensor) -> Tensor:
        """Rows of Z in the new coding, (m, q)."""
        whole = z.reshape(len(z), -1, len(self.t), self.after)
        return torch.einsum("mlca,cd->mlda", whole, self.t).reshape(z.shape)

    def moved(self, natural: Vector, t: Tensor) -> Vector:
        """Natural values of V with the leaf's replaced by those of t leaf t'; a row of each for rows."""
        out = natural.copy()
        own = torch.from_numpy(natural[..., self.span.start : self.span.stop])
        for place in np.ndindex(natural.shape[:-1]):
            found = linalg.recoded(self.leaf, own[place], t)
            assert found is not None, "the leaf has a rule"
            out[(*place, slice(self.span.start, self.span.stop))] = found.numpy()
        return out

    def slopes(self, natural: Vector, given: Sequence[int], searched: Sequence[int]) -> Vector:
        """d natural / d natural of the new coding, at values of the new, at these places of the leaf."""
        own = torch.from_numpy(natural[self.span.start : self.span.stop])

        def back(values: Tensor) -> Tensor:
            found = linalg.recoded(self.leaf, values, self.t)
            assert found is not None, "the leaf has a rule"
            return found

        if len(given) == len(searched) == len(self.span):
            whole: Tensor = torch.func.jacfwd(back)(own)
            return np.asarray(whole.numpy(), dtype=np.float64)
        # A singular G: along it, where the formulas have no derivative across.
        columns = []
        for j in searched:
            step = torch.zeros_like(own)
            step[j] = DIFFERENCE * float(own.abs().max())
            change = (back(own + step) - back(own - step)) / (2.0 * step[j])
            columns.append(change[list(given)].numpy())
        return np.stack(columns, axis=1) if columns else np.zeros((len(given), 0))


@dataclass(frozen=True, eq=False)
class Recoding:
    """V with its random effects in another coding.

    Attributes:
        v: the same family of covariances, by parameters of the same names.
        parts: the terms that are recoded.
    """

    v: Matrix
    parts: tuple[Recoded, ...]

    def there(self, natural: Vector) -> Vector:
        """Natural values of the new coding from those of the given one."""
        for part in self.parts:
            natural = part.moved(natural, torch.linalg.inv(part.t))
        return natural

    def back(self, natural: Vector) -> Vector:
        """Natural values of the given coding from those of the new one; a row of each from rows of each."""
        for part in self.parts:
            natural = part.moved(natural, part.t)
        return natural

    def slopes(self, natural: Vector, given: Sequence[int], searched: Sequence[int]) -> Vector:
        """d of natural values in the given coding by those in the new one, (K, J).

        Args:
            natural: of all parameters, in the new coding.
            given: the K parameters in the given coding.
            searched: the J parameters in the new one.
        """
        out: Vector = (np.array(given)[:, None] == np.array(searched)).astype(np.float64)
        for part in self.parts:
            rows = [i for i, k in enumerate(given) if k in part.span]
            columns = [j for j, k in enumerate(searched) if k in part.span]
            places = (
                [given[i] - part.span.start for i in rows],
                [searched[j] - part.span.start for j in columns],
            )
            if rows and columns:
                out[np.ix_(rows, columns)] = part.slopes(natural, *places)
        return out


def at_ends(natural: Vector, recoding: Recoding, parameters: Parameters) -> Vector:
    """Values that rounding keeps from the ends of their ranges, where a singular G has some there.

    Args:
        natural: of all parameters, in either coding.
        recoding: the coding of the search.
        parameters: of V.
    """
    out = natural.copy()
    for part in recoding.parts:
        span = list(part.span)
        near = AT_END * float(np.abs(natural[span]).max())
        for k in span:
            for end in parameters.bounds(k):
                if abs(natural[k] - end) <= near:
                    out[k] = end
    return out


def recoding_of(v: Matrix) -> Recoding | None:
    """V with its random effects in a coding near right angles; None where the given one is good enough.

    Args:
        v: the model of V.

    Example:
        >>> from covstudio.covariance import Augment, CovariancePropagation, DummyMatrix, HadamardProduct
        >>> from covstudio.covariance import IdentityMatrix, KroneckerProduct, ScalarMatrix, Sum
        >>> from covstudio.covariance import UnstructuredMatrix
        >>> subject, year = list("aaabbb"), torch.tensor([2001.0, 2002.0, 2003.0] * 2)
        >>> slope = HadamardProduct(z=DummyMatrix(subject), x=year[:, None].expand(6, 2))
        >>> z = Augment(one=DummyMatrix(subject), year=slope)
        >>> g = KroneckerProduct(coefficients=UnstructuredMatrix(2), subjects=IdentityMatrix(2))
        >>> found = recoding_of(Sum(subject=CovariancePropagation(z=z, g=g), units=ScalarMatrix(6)))
        >>> found.parts[0].t.tolist()
        [[1.0, -2002.0], [0.0, 1.0]]
    """
    search = _Search(v)
    # Many small products: one thread is fastest.
    with blas_threads(1), torch.no_grad():
        recoded = search.rebuilt(v)
    return Recoding(recoded, tuple(search.parts)) if search.parts else None


class _Search:
    """Every Z G Z' in a tree, wherever it stands: its value is the same in either coding."""

    def __init__(self, v: Matrix) -> None:
        self.v = v
        self.parts: list[Recoded] = []

    @cached_property
    def movable(self) -> frozenset[int]:
        """Positions of the parameters that are neither fixed nor held."""
        return frozenset(Parameters(self.v).estimated)

    def rebuilt(self, v: Matrix, path: str = "", start: int = 0) -> Matrix:
        """A part of the tree with other designs; the same object where none is."""
        made = linalg.composition(v)
        if made is None or not isinstance(v, Operator):
            return v
        if made.how == "congruence":
            design = self._design(made.parts, path, start)
            if design is not None:
                return v.with_operand(made.parts[0].name, design)
        for part in made.parts:
            if isinstance(part.operand, Matrix) and part.name and part.operand.num_params:
                below = f"{path}/{part.name}" if path else part.name
                inner = self.rebuilt(part.operand, below, start + part.start)
                if inner is not part.operand:
                    v = v.with_operand(part.name, inner)
        return v

    def _design(self, pair: tuple[linalg.PlacedOperand, ...], path: str, start: int) -> RowsDesign | None:
        """The design of Z G Z' in a coding near right angles, where G is free and the given one is not so."""
        z, g = pair
        if not linalg.is_constant(z.operand):
            return None
        for leaf, first, after in free_parts(g.operand, start + g.start):
            span = range(first, first + leaf.num_params)
            size = leaf.shape[0]
            if size < 2 or not self.movable.issuperset(span):
                continue
            rows = _Blocks.of(rows_of(z.operand), size, after)
            turned = None if rows is None else _at_right_angles(rows.entries)
            if rows is None or turned is None or not is_free(leaf):
                continue
            t, entries, aslant = turned
            self.parts.append(Recoded(path, leaf, span, t, aslant, after))
            names = linalg.column_names(z.operand) if isinstance(z.operand, Matrix) else None
            return RowsDesign(rows.with_entries(entries), names)
        return None


def free_parts(g: Matrix | Tensor, start: int, every: bool = False) -> Iterator[tuple[Matrix, int, int]]:
    """Factors of a Kronecker product that may be free, see `is_free`.

    Args:
        g: the covariance.
        start: the place of its first parameter.
        every: all factors that are structures.

    Yields:
        The factor, the place of its first parameter, and the size of what follows.
    """
    if not isinstance(g, Matrix):
        return
    if linalg.recoded.is_cheap(g):
        yield g, start, 1
        return
    made = linalg.composition(g)
    if made is None or made.how not in ("kronecker product", "multiple"):
        if every:
            yield g, start, 1
        return
    sizes = [part.operand.shape[0] for part in made.parts]
    for k, part in enumerate(made.parts):
        for leaf, place, after in free_parts(part.operand, start + part.start, every):
            yield leaf, place, after * math.prod(sizes[k + 1 :])


def is_free(leaf: Matrix) -> bool:
    """Whether the ranges of its parameters leave it every covariance: tried where signs differ."""
    natural = torch.tensor([parameter.value for parameter in leaf.parameters], dtype=torch.float64)
    size = leaf.shape[0]
    slanted = torch.tensor([[float(j >= i) for j in range(size)] for i in range(size)], dtype=torch.float64)
    for t in (slanted, slanted.mT, torch.linalg.inv(slanted), torch.linalg.inv(slanted).mT):
        found = linalg.recoded(leaf, natural, 3.0 * t)
        if found is None:
            return False
        for parameter, value in zip(leaf.parameters, found.tolist(), strict=True):
            low, high = parameter.transform.bounds
            if not low <= value <= high:
                return False
    return True


def coefficients(rows: Rows, size: int, after: int) -> Tensor | None:
    """The entries of a design by coefficient, (m, size); None where a row has those of several groups.

    Args:
        rows: the design.
        size: how many coefficients a group has.
        after: how many columns lie between one coefficient and the next.
    """
    blocks = _Blocks.of(rows, size, after)
    return None if blocks is None else blocks.entries


@dataclass(frozen=True, eq=False)
class _Blocks:
    """A design whose every row has entries of one group alone, as the coefficients of that group.

    Attributes:
        entries: (m, k), a row for each row of Z (for each row and group where Z is written out).
        rows: Z.
        group: (n,) the group of each row; None where Z is written out.
        after: how many columns lie between one coefficient and the next.
    """

    entries: Tensor
    rows: Rows
    group: Tensor | None
    after: int

    @classmethod
    def of(cls, rows: Rows, size: int, after: int) -> _Blocks | None:
        if isinstance(rows, DenseRows):
            whole = rows.matrix.reshape(rows.n, -1, size, after)
            return cls(whole.transpose(2, 3).reshape(-1, size), rows, None, after)
        codes, weights = rows.codes, rows.weights()
        group = codes // (size * after) * after + codes % after
        used = weights != 0.0
        low = torch.where(used, group, rows.columns).amin(dim=1)
        high = torch.where(used, group, -1).amax(dim=1)
        if not bool((high <= low).all()):
            return None
        entries = torch.zeros((rows.n, size), dtype=torch.float64)
        entries.scatter_add_(1, codes // after % size, weights)
        return cls(entries, rows, high.clamp(min=0), after)

    def with_entries(self, entries: Tensor) -> Rows:
        """The design with other coefficients."""
        size = entries.shape[1]
        if self.group is None:
            whole = entries.reshape(self.rows.n, -1, self.after, size).transpose(2, 3)
            return DenseRows(whole.reshape(self.rows.n, -1).contiguous())
        first = self.group // self.after * (size * self.after) + self.group % self.after
        codes = first[:, None] + self.after * torch.arange(size)
        return SparseRows(codes, entries.contiguous(), self.rows.columns)


def _at_right_angles(entries: Tensor) -> tuple[Tensor, Tensor, float] | None:
    """T, the columns times T, and how far aslant they stood; None where they stood well, or depend."""
    size = entries.shape[1]
    lengths = torch.linalg.vector_norm(entries, dim=0)
    if not bool((lengths > 0.0).all()):
        return None
    t = torch.eye(size, dtype=torch.float64)
    columns = entries.clone()
    order = sorted(range(size), key=lambda j: _variation(entries[:, j]))
    for place, j in enumerate(order):
        # Twice for accuracy.
        for _ in range(2 if place else 0):
            for i in order[:place]:
                share = columns[:, i] @ columns[:, j] / (columns[:, i] @ columns[:, i])
                columns[:, j] -= share * columns[:, i]
                t[:, j] -= share * t[:, i]
    aslant = float((torch.linalg.vector_norm(columns, dim=0) / lengths).min())
    return (t, columns, aslant) if DEPENDENT < aslant < ASLANT else None


def _variation(column: Tensor) -> float:
    """How much the entries of a column vary beside their size; 0 for an intercept."""
    there = column[column != 0.0]
    return float(there.std(correction=0) / there.abs().mean())
