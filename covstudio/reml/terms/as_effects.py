r"""Random effects however they are drawn: a term of V as Z G Z', where it can be written so.

.. math:: (Z_1AZ_1') \circ (Z_2BZ_2') = Z(A \otimes B)Z', \; Z = Z_1 \bullet Z_2, \qquad
          A \otimes (XBX') = (I \otimes X)(A \otimes B)(I \otimes X)'

Coefficients of groups are often drawn so: "same subject" times a regression, or a regression for each of
equally many rows. A product of incidences is left alone: it is a covariance of cells, such as a residual.

Source: Bates, Maechler, Bolker & Walker (2015), Journal of Statistical Software 67(1), section 2.2.
"""

from __future__ import annotations

import torch
from torch import Tensor

from covstudio.covariance import DesignMatrix, DummyMatrix, KhatriRaoProduct, KroneckerProduct, Matrix, linalg
from covstudio.covariance.linalg.operands import matrix_of

__all__ = ["Effects", "effects_of"]

#: Z and G, and where their parameters stand among those of the term.
Effects = tuple[linalg.PlacedOperand, linalg.PlacedOperand]
#: Designs of more entries are not written out to be put together.
WRITTEN = 64_000_000


def effects_of(operand: Matrix | Tensor) -> Effects | None:
    """Z and G of a term of V that is Z G Z', or a product that can be written so; None for any other.

    Example:
        >>> from covstudio.covariance import (
        ...     CovariancePropagation, HadamardProduct, IdentityMatrix, UnstructuredMatrix
        ... )
        >>> same = CovariancePropagation(z=DummyMatrix(list("aabbcc")), g=IdentityMatrix(3))
        >>> x = DesignMatrix({"x": [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]})
        >>> line = CovariancePropagation(z=x, g=UnstructuredMatrix(1))
        >>> z, g = effects_of(HadamardProduct(same=same, line=line))
        >>> linalg.column_names(z.operand), g.operand.shape
        (('a⋈x', 'b⋈x', 'c⋈x'), (3, 3))
    """
    if not isinstance(operand, Matrix):
        return None
    made = linalg.composition(operand)
    if made is not None and made.how == "congruence":
        z, g = made.parts
        return z, g
    return _rewritten(operand)


def _rewritten(operand: Matrix) -> Effects | None:
    """A product with a regression in it, put together."""
    made = linalg.composition(operand)
    if made is None or made.how not in ("entrywise product", "kronecker product"):
        return None
    sides = [effects_of(part.operand) for part in made.parts]
    if all(side is None for side in sides) or any(
        part.operand.shape[0] != part.operand.shape[1] for part in made.parts
    ):
        return None
    entrywise = made.how == "entrywise product"
    if entrywise and any(side is None for side in sides):
        return None
    if not all(side is None or linalg.is_constant(side[0].operand) for side in sides):
        return None
    if all(side is None or _is_incidence(side[0].operand) for side in sides):
        return None
    rows = [int(part.operand.shape[0]) for part in made.parts]
    columns = [
        size if side is None else int(side[1].operand.shape[0])
        for size, side in zip(rows, sides, strict=True)
    ]
    n = operand.shape[0]
    if columns[0] * columns[1] >= n or n * max(columns) > WRITTEN:
        return None
    every = torch.arange(n)
    places = (every, every) if entrywise else (every // rows[1], every % rows[1])
    z = [_design(part.operand, side, at) for part, side, at in zip(made.parts, sides, places, strict=True)]
    g = [
        matrix_of(part.operand if side is None else side[1].operand)
        for part, side in zip(made.parts, sides, strict=True)
    ]
    none, all_of_them = range(0, 0), range(0, operand.num_params)
    return (
        linalg.PlacedOperand(KhatriRaoProduct(a=z[0], b=z[1]), none, "z"),
        linalg.PlacedOperand(KroneckerProduct(a=g[0], b=g[1]), all_of_them, "g"),
    )


def _codes(z: Matrix | Tensor) -> Tensor | None:
    return linalg.incidence(z) if isinstance(z, Matrix) else None


def _is_incidence(z: Matrix | Tensor) -> bool:
    """True if every row is one of a level; a covariate of zeros and ones has rows that are none."""
    codes = _codes(z)
    return codes is not None and bool((codes >= 0).all())


def _design(whole: Matrix | Tensor, side: Effects | None, places: Tensor) -> Matrix:
    """The design of one side of a product, a row for each of these rows of it."""
    if side is None:
        return DummyMatrix((places + 1).tolist())
    z = side[0].operand
    codes = _codes(z)
    names = linalg.column_names(z) if isinstance(z, Matrix) else None
    labels = [str(k) for k in range(z.shape[1])] if names is None else list(names)
    if codes is not None and _is_incidence(z):
        return DummyMatrix([labels[k] for k in codes[places].tolist()], levels=[labels], lex_order=False)
    value = z.evaluate(torch.zeros(0, dtype=torch.float64)) if isinstance(z, Matrix) else z
    return DesignMatrix(value.detach().to(torch.float64)[places], names=labels)
