"""A matrix at values of its parameters, with names for rows and columns: what pictures of it begin with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import Matrix, Operator, linalg
from covstudio.covariance.linalg.compositions import JOINER, placed_operands
from covstudio.covariance.linalg.names import Names, NamesBelow
from covstudio.covariance.linalg.operands import matrix_of
from covstudio.covariance.linalg.why import natural_values
from covstudio.covariance.parameters.unknown import suggest
from covstudio.plots.block_means import AT_ONCE, Blocks, block_means, can_be_multiplied
from covstudio.plots.raster import as_read, has_correlations

__all__ = ["ENTRIES", "Subject"]

Array = NDArray[np.float64]

#: Entries that are written out for a picture at most, of V and its slices together.
ENTRIES = 40_000_000
#: Factors that the name of a row tells at most.
FACTORS = 3


@dataclass(frozen=True, eq=False)
class Subject:
    """A matrix at natural values of its parameters.

    Attributes:
        matrix: a structure or an operator.
        natural: natural values of all its parameters, (num_params,) float64.
        path: where it stands in a larger tree; "" for V.
        rows: names of its rows; None where they have none.
        columns: names of its columns.
        places: where its rows stand, (n, d), with the names of the d directions; None where nobody said so.
    """

    matrix: Matrix
    natural: Tensor
    path: str = ""
    rows: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    places: Mapping[str, Array] | None = field(default=None)

    @classmethod
    def of(
        cls,
        matrix: Matrix,
        theta: Any = None,
        values: Mapping[str, float] | None = None,
        rows: Sequence[Any] | None = None,
        places: Mapping[str, Any] | None = None,
        part: str | None = None,
    ) -> Subject:
        """A matrix, or a part of one, at values.

        Args:
            matrix: a structure or an operator.
            theta: RAW values of the free parameters; None for the defaults.
            values: natural values by path, in place of those of theta.
            rows: names of the rows (and columns, where it is square); None for those that the tree knows.
            places: where the rows stand, by direction, such as {"row": ..., "column": ...}.
            part: path of a part, such as "genotype/g"; None for the whole.

        Raises:
            ValueError: a path, or the number of names or places, is wrong.
        """
        n, m = matrix.shape
        if rows is not None and len(rows) != n:
            raise ValueError(f"rows must name all {n} rows, and has {len(rows)} names.")
        found = tuple(map(str, rows)) if rows is not None else row_names(matrix)
        across = linalg.column_names(matrix)
        names = (tuple(name.replace(JOINER, " · ") for name in across) if across else None) or (
            found if n == m else None
        )
        where = (
            None if places is None else {str(k): np.asarray(v, dtype=np.float64) for k, v in places.items()}
        )
        if where is not None and any(one.shape != (n,) for one in where.values()):
            raise ValueError(f"places must have one number for each of the {n} rows in every direction.")
        whole = cls(matrix, natural_values(matrix, theta, values), "", found, names, where)
        return whole if not part else whole.part(part)

    def part(self, path: str) -> Subject:
        """A part of the matrix with its own values and names.

        Args:
            path: operands from the outside in, such as "genotype/g".

        Raises:
            ValueError: there is no such part.
        """
        matrix, natural, below = self.matrix, self.natural, path
        rows = None if self.rows is None else Names.flat(self.rows)
        columns = None if self.columns is None else Names.flat(self.columns)
        while below:
            operands = placed_operands(matrix) if isinstance(matrix, Operator) else ()
            name, _, below = below.partition("/")
            found = next((one for one in operands if one.name == name), None)
            if found is None:
                names = [one.name for one in operands if one.name]
                here = path[: len(path) - len(below)].rstrip("/")
                said = f"{suggest(name, names)}" if names else ": what stands there has no parts."
                raise ValueError(f"there is no part {here!r}{said}")
            made = linalg.composition(matrix)
            known = made is not None and name in [one.name for one in made.parts]
            rows, columns = NamesBelow(matrix, rows, columns).of(name) if known else (None, None)
            natural = found.own(natural)
            matrix = matrix_of(found.operand)
        own = row_names(matrix)
        n, m = matrix.shape
        of_rows = own if own is not None else _listed(rows, n)
        across = linalg.column_names(matrix)
        of_columns = tuple(name.replace(JOINER, " · ") for name in across) if across else _listed(columns, m)
        if of_columns is None and n == m:
            of_columns = of_rows
        full = f"{self.path}/{path}" if self.path else path
        return Subject(matrix, natural, full, of_rows, of_columns)

    @property
    def name(self) -> str:
        """What it is called in a title."""
        return self.path or "V"

    @property
    def square(self) -> bool:
        """Whether it has as many rows as columns."""
        return self.matrix.shape[0] == self.matrix.shape[1]

    @cached_property
    def value(self) -> Array:
        """The matrix, written out, float64.

        Raises:
            ValueError: it is too large to be written out, or not finite.
        """
        self.check_size()
        with torch.no_grad():
            found: Array = self.matrix.evaluate(self.natural).detach().cpu().to(torch.float64).numpy()
        if not np.isfinite(found).all():
            raise self._not_finite()
        return found

    def row(self, i: int) -> tuple[Array, Array]:
        """Row i, and its correlations, (m,) each; NaN where these have no meaning.

        Of a matrix that is too large to be written out it is a product with it, where that is cheap.

        Raises:
            ValueError: the matrix can only be written out, and is too large; or it is not finite.
        """
        none = np.full(self.matrix.shape[1], np.nan)
        if not (self.square and self.only_multiplied() and linalg.diagonal.is_cheap(self.matrix)):
            found = self.value
            return found[i], as_read(found, "correlation")[i] if has_correlations(found) else none
        own, variances = self._columns([i])[:, 0], self._variances()
        if not (variances > 0).all():
            return own, none
        return own, own / np.sqrt(variances * variances[i])

    def among(self, rows: NDArray[np.int64]) -> Array:
        """The entries of some rows and the same columns, (k, k); of a large matrix by products with it.

        Raises:
            ValueError: the matrix can only be written out, and is too large; or it is not finite.
        """
        if not self.only_multiplied():
            return self.value[np.ix_(rows, rows)]
        wide = max(1, AT_ONCE // self.matrix.shape[0])
        parts = [self._columns(rows[k : k + wide].tolist())[rows] for k in range(0, len(rows), wide)]
        return np.concatenate(parts, axis=1)

    def means(self, blocks: Blocks, correlation: bool = False) -> Array:
        """The means of blocks of the entries, or of the correlations, by products with the matrix.

        Args:
            blocks: how it is cut.
            correlation: of these, in place of the entries.

        Raises:
            ValueError: it is not finite; or there are no correlations.
        """
        weights = None
        if correlation:
            variances = self._variances() if self.square else np.zeros(1)
            if not (variances > 0).all():
                raise self.no_correlations()
            scale = torch.from_numpy(1.0 / np.sqrt(variances))
            weights = scale, scale
        with torch.no_grad():
            found = block_means(lambda b: linalg.matmul(self.matrix, self.natural, b), blocks, weights)
        if not np.isfinite(found).all():
            raise self._not_finite()
        return found

    def only_multiplied(self, matrices: int = 1) -> bool:
        """Whether the matrix is too large to be written out, and products with it are cheap.

        Args:
            matrices: of its size that a picture takes.
        """
        n, m = self.matrix.shape
        return n * m * matrices > ENTRIES and can_be_multiplied(self.matrix, ENTRIES)

    def no_correlations(self) -> ValueError:
        """The error of what cannot be read as correlations."""
        return ValueError(
            f"{self.name} has no correlations: it is not square, or its diagonal is not positive."
        )

    def _columns(self, which: Sequence[int]) -> Array:
        """Columns of the matrix, (n, k), as products with unit columns."""
        unit = torch.zeros((self.matrix.shape[1], len(which)), dtype=torch.float64)
        unit[list(which), torch.arange(len(which))] = 1.0
        with torch.no_grad():
            return self._finite(linalg.matmul(self.matrix, self.natural, unit))

    def _variances(self) -> Array:
        with torch.no_grad():
            return self._finite(linalg.diagonal(self.matrix, self.natural))

    def _finite(self, found: Tensor) -> Array:
        values: Array = found.cpu().to(torch.float64).numpy()
        if not np.isfinite(values).all():
            raise self._not_finite()
        return values

    def _not_finite(self) -> ValueError:
        return ValueError(
            f"{self.name} is not finite at these values, so there is no picture of it: choose others."
        )

    def check_size(self, matrices: int = 1) -> None:
        """Refuse what is too large to be written out.

        Args:
            matrices: of its size that a picture takes.

        Raises:
            ValueError: they have too many entries.
        """
        n, m = self.matrix.shape
        if n * m * matrices > ENTRIES:
            raise ValueError(
                f"{self.name} is {n:,} x {m:,}; pictures write out up to {ENTRIES:,} entries"
                f"{f', and {matrices} such matrices are needed' if matrices > 1 else ''}. Plot a part of it, "
                'such as part="genotype/g", or take single entries apart with why(v, i, j).'
            )

    def slice_means(self, index: Sequence[int], blocks: Blocks) -> Array:
        """The means of blocks of derivatives by natural values at these positions, (k, r, c)."""
        at = list(index)

        def multiply(columns: Tensor) -> Tensor:
            return linalg.derivative_matmul(self.matrix, self.natural, at, columns)

        with torch.no_grad():
            return block_means(multiply, blocks, count=len(at))

    def slices(self, index: Sequence[int]) -> Array:
        """Derivatives by natural values at these positions, (k, n, m)."""
        self.check_size(len(index))
        with torch.no_grad():
            found = self.matrix.natural_jacobian(self.natural, list(index))
        return np.asarray(found.detach().cpu().to(torch.float64).numpy())


def _listed(names: Names | None, count: int) -> tuple[str, ...] | None:
    return None if names is None else tuple(names.of(k) for k in range(count))


def row_names(matrix: Matrix) -> tuple[str, ...] | None:
    """What the tree knows of the rows of a matrix: levels of its factors, and places.

    Example:
        >>> from covstudio.covariance import CovariancePropagation, DummyMatrix, ScalarMatrix, Sum
        >>> gen, rep = DummyMatrix(["G2", "G1", "G2"]), DummyMatrix(["R1", "R1", "R2"])
        >>> of = lambda z: CovariancePropagation(z=z, g=ScalarMatrix(2))
        >>> row_names(Sum(gen=of(gen), rep=of(rep), residual=ScalarMatrix(3)))
        ('G2 · R1', 'G1 · R1', 'G2 · R2')
    """
    found = _of_rows(matrix)
    if not found:
        return None
    return tuple(" · ".join(row) for row in zip(*found[:FACTORS], strict=True))


def _of_rows(matrix: Matrix | Tensor) -> list[list[str]]:
    """The levels of each row, factor by factor."""
    if not isinstance(matrix, Matrix):
        return []
    codes = linalg.incidence(matrix)
    if codes is not None:
        names = Names.of_columns(matrix)
        return [] if names is None else [[names.of(k) if k >= 0 else "–" for k in codes.tolist()]]
    made = linalg.composition(matrix)
    if made is None:
        return _of_places(matrix)
    parts = [part.operand for part in made.parts]
    if made.how in ("sum", "entrywise product", "rowwise product", "beside"):
        found: list[list[str]] = []
        for part in parts:
            found += [levels for levels in _of_rows(part) if levels not in found]
        return found
    if made.how in ("congruence", "multiple"):
        return _of_rows(parts[0] if made.how == "congruence" else parts[1])
    if made.how == "selection":
        return [[levels[k] for k in made.index] for levels in _of_rows(parts[0])]
    if made.how == "kronecker product":
        sizes = [part.shape[0] for part in parts]
        known = [
            _of_rows(part) or [[str(i) for i in range(size)]] for part, size in zip(parts, sizes, strict=True)
        ]
        if all(not _of_rows(part) for part in parts):
            return []
        crossed, after = [], int(np.prod(sizes))
        for levels, size in zip(known, sizes, strict=True):
            after //= size
            total = int(np.prod(sizes))
            crossed.append([" · ".join(one[(i // after) % size] for one in levels) for i in range(total)])
        return crossed
    return []


def _of_places(matrix: Matrix) -> list[list[str]]:
    """The places of the rows of a structure of coordinates."""
    function = linalg.covariance_function(matrix)
    places = None if function is None or function.times is None else function.times[:, None]
    declared = matrix.governing_declaration()
    for argument in () if declared is None or places is not None else declared.arguments:
        own = getattr(matrix, argument.name, None) if argument.kind == "coordinates" else None
        if isinstance(own, Tensor) and own.shape[0] == matrix.shape[0] == matrix.shape[1]:
            places = own.reshape(len(own), -1)
    if places is None:
        return []
    return [[", ".join(f"{x:.6g}" for x in place) for place in places.tolist()]]
