r"""Random effects: the predicted effects behind every term of V that is Z G Z', with prediction errors.

For a term Z G Z' of the outer sum of V, with u ~ N(0, G) its effects and V taken as known,

.. math:: \hat u = GZ'V^{-1}(y - X\hat\beta) = GZ'Py, \qquad \operatorname{var}(\hat u - u) = G - GZ'PZG,

the best linear unbiased prediction and its prediction error variance (Henderson 1975, Biometrics 31:423;
Searle, Casella & McCulloch 1992, ch. 7). Both hold for a singular G, where the mixed-model equations need
its inverse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

import torch
from torch import Tensor

from covstudio.covariance import Matrix, linalg
from covstudio.reml.problem.likelihood import Point
from covstudio.reml.terms.kinds import Piece, RandomPiece
from covstudio.reml.terms.variance import Variance

__all__ = ["PredictsEffects", "PredictsTogether", "RandomEffect", "level_names", "random_effects"]

#: Z of more entries than this is not written out.
WRITTEN = 64_000_000


@runtime_checkable
class PredictsEffects(Protocol):
    """A point whose engine has the effects of some terms at hand."""

    def effects(self, piece: Piece) -> tuple[Tensor, Tensor] | None:
        """Predicted effects of a term and their prediction error variances, (q,) each.

        None where the engine has none of this term.
        """
        ...


@runtime_checkable
class PredictsTogether(Protocol):
    """A point whose engine has the errors of all effects of a term at hand, without a product with P."""

    def error_covariance(self, piece: Piece) -> Tensor | None:
        """var(u_hat - u) of all effects of a term together, (q, q).

        None where the engine has none of this term.
        """
        ...


@dataclass(frozen=True)
class RandomEffect:
    """The predicted effects of one term.

    Attributes:
        levels: what each effect belongs to: the column names of Z where it has such (see
            `linalg.column_names`), else column numbers from 0.
        blup: best linear unbiased predictions, (q,), in the units of y (per unit of the column of Z).
        standard_error: square roots of the prediction error variances, (q,); NaN where they would take longer
            than the fit, for effects of single rows of a large V whose residual is not diagonal.
    """

    levels: tuple[str, ...]
    blup: Tensor
    standard_error: Tensor

    def __len__(self) -> int:
        return len(self.levels)

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{level}: {value:.4g}"
            for level, value in list(zip(self.levels, self.blup.tolist(), strict=True))[:4]
        )
        return f"RandomEffect({len(self)} levels; {shown}{', ...' if len(self) > 4 else ''})"


def level_names(z: Matrix | Tensor) -> tuple[str, ...]:
    """Names of the columns of Z.

    Example:
        >>> from covstudio.covariance import DummyMatrix
        >>> level_names(DummyMatrix(["b", "a", "b"]))
        ('a', 'b')
        >>> level_names(torch.ones(3, 2))
        ('0', '1')
    """
    names = linalg.column_names(z) if isinstance(z, Matrix) else None
    return tuple(str(j) for j in range(z.shape[1])) if names is None else names


def random_effects(variance: Variance, point: Point) -> tuple[dict[str, RandomEffect], Tensor]:
    """Predict the effects of every term Z G Z' in the outer sum of V.

    Args:
        variance: V, taken apart.
        point: the likelihood at the estimates.

    Returns:
        term name -> `RandomEffect`, and the sum of Z u over them, (n,). When V is no sum there are no such
        terms: what V describes is then the residual alone.
    """
    pieces = {piece.path: piece for piece in variance.pieces}
    predict = cast(PredictsEffects, point).effects if hasattr(point, "effects") else None
    effects: dict[str, RandomEffect] = {}
    fitted = torch.zeros(variance.n, dtype=torch.float64)
    for term in variance.terms:
        pair = term.effects
        if pair is None:
            continue
        z, g = pair
        own = term.own(point.natural)
        piece, found = pieces.get(term.path), None
        if piece is not None and predict is not None:
            found = predict(piece)
        if found is not None and len(found[0]) != z.operand.shape[1]:
            # An engine that sees another term than Z G Z' in it has the effects of its rows.
            found = None
        predicted = _written_out(z, g, own, point) if found is None else found
        blup, error = (values.cpu() for values in predicted)
        # A variance of 0 leaves rounding errors of either sign.
        effects[term.path] = RandomEffect(level_names(z.operand), blup, error.clamp(min=0.0).sqrt())
        if isinstance(piece, RandomPiece) and piece.columns == len(blup):
            fitted += piece.z.multiply(blup.unsqueeze(1))[:, 0]
        else:
            fitted += _times(z, own, blup.unsqueeze(1))[:, 0]
    return effects, fitted


def _written_out(
    z_part: linalg.PlacedOperand, g_part: linalg.PlacedOperand, own: Tensor, point: Point
) -> tuple[Tensor, Tensor]:
    """Effects and their prediction error variances from Z and G written out, some columns at a time.

    Errors that would take longer than the fit itself are not computed: NaN.

    Args:
        z_part: Z.
        g_part: G.
        own: natural values of the term.
        point: the likelihood at the estimates.
    """
    n, q = z_part.operand.shape
    there = point.py.device
    py = point.py.unsqueeze(1).cpu()
    if n * q <= WRITTEN:
        z, g = _value(z_part, own), _value(g_part, own)
        covariance = z @ g
        blup = (covariance.mT @ py)[:, 0]
        return blup, torch.diagonal(g) - (covariance * point.project(covariance.to(there)).cpu()).sum(dim=0)
    z_operand = z_part.operand
    if isinstance(z_operand, Matrix):
        zpy = linalg.transpose_matmul(z_operand, z_part.own(own), py)
    else:
        zpy = z_operand.mT.to(torch.float64) @ py
    return _times(g_part, own, zpy)[:, 0], torch.full((q,), torch.nan, dtype=torch.float64)


def _times(part: linalg.PlacedOperand, own: Tensor, b: Tensor) -> Tensor:
    """The product of Z or G with b."""
    if isinstance(part.operand, Matrix):
        return linalg.matmul(part.operand, part.own(own), b)
    return part.operand.detach().to(device="cpu", dtype=torch.float64) @ b


def _value(part: linalg.PlacedOperand, own: Tensor) -> Tensor:
    if isinstance(part.operand, Tensor):
        return part.operand.detach().to(device="cpu", dtype=torch.float64)
    with torch.no_grad():
        return part.operand.evaluate(part.own(own))
