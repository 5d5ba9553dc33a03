r"""The fitted values by terms: what each term of V = sum of V_k contributes, whatever its structure.

With f_k ~ N(0, V_k) the part of y that a term describes,

.. math:: \hat f_k = V_kPy = V_kV^{-1}(y - X\hat\beta), \qquad
          \operatorname{var}(\hat f_k - f_k) = V_k - V_kPV_k,

the best linear unbiased prediction and its error. For a term Z G Z' it is Z u; for a product, a kernel or a
process it is the smooth part of y that the term stands for; for the residual it is the conditional residual.
X beta and all parts together are y.

Source: Robinson (1991), Statistical Science 6:15, sections 2 and 5; Cressie (1993), Statistics for Spatial
Data, section 3.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from covstudio.reml.inference.binding import Binding
from covstudio.reml.inference.pairs import BLOCK
from covstudio.reml.inference.tables import Row, Tabular, plural
from covstudio.reml.terms.kinds import DiagonalPiece, Piece

__all__ = ["COLUMNS", "FittedPart", "fitted_parts"]

#: Up to this many rows errors are taken, column by column of V_k.
COLUMNS = 4000


@dataclass(frozen=True, repr=False, eq=False)
class FittedPart(Tabular):
    """What one term of V contributes to the fitted values, all (n,).

    Attributes:
        term: path of the term.
        fitted: V_k P y.
        standard_error: square roots of the prediction error variances; NaN where that would take too long.
        variance: diagonal of V_k.
        reliability: 1 - prediction error variance / variance; NaN where that is not known, or the variance 0.
    """

    term: str
    fitted: Tensor
    standard_error: Tensor
    variance: Tensor
    reliability: Tensor

    def __len__(self) -> int:
        return len(self.fitted)

    def table(self) -> list[Row]:
        columns = (self.fitted, self.standard_error, self.reliability)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return [
            {"row": i, "fitted": value, "std. error": error, "reliability": share}
            for i, (value, error, share) in enumerate(rows, start=1)
        ]

    def _title(self) -> str:
        return f"Part of {self.term} in the fitted values of {plural(len(self), 'row')}"


def fitted_parts(binding: Binding, structured: bool = False, most: int = COLUMNS) -> dict[str, FittedPart]:
    """The part of every term of the outer sum of V; see `Inference.fitted_parts`."""
    terms = _by_term(binding)
    wanted = _structured(binding) if structured else tuple(terms)
    return {path: _part(binding, path, terms[path], most) for path in wanted}


def _structured(binding: Binding) -> tuple[str, ...]:
    """The terms that are neither Z G Z' nor the residual: products, kernels, processes beside a residual.

    The residual is what is diagonal; where nothing is, it is the last term that is not Z G Z'.
    """
    rest = {path: pieces for path, pieces in _by_term(binding).items() if path not in binding.random_paths}
    diagonal = [path for path, pieces in rest.items() if all(isinstance(p, DiagonalPiece) for p in pieces)]
    residual = diagonal or list(rest)[-1:]
    return tuple(path for path in rest if path not in residual)


def _by_term(binding: Binding) -> dict[str, list[Piece]]:
    terms: dict[str, list[Piece]] = {}
    for piece in binding.variance.pieces:
        terms.setdefault(piece.path or "V", []).append(piece)
    return terms


def _part(binding: Binding, path: str, pieces: Sequence[Piece], most: int) -> FittedPart:
    n = binding.problem.n
    fitted = binding.multiply(pieces, binding.py.cpu()[:, None])[:, 0]
    variance = binding.diagonal(pieces)
    error = torch.full((n,), torch.nan, dtype=torch.float64)
    if n <= most:
        width = max(1, BLOCK // n)
        for start in range(0, n, width):
            rows = torch.arange(start, min(start + width, n))
            unit = torch.zeros((n, len(rows)), dtype=torch.float64)
            unit[rows, torch.arange(len(rows))] = 1.0
            columns = binding.multiply(pieces, unit)
            error[rows] = variance[rows] - (columns * binding.project(columns)).sum(dim=0)
    # A variance of 0 leaves rounding errors of either sign.
    error = error.clamp(min=0.0)
    reliability = torch.where(variance > 0.0, 1.0 - error / variance, torch.nan)
    return FittedPart(path, fitted, error.sqrt(), variance, reliability)
