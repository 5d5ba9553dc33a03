r"""Responses drawn from a fitted model: y* = X beta + L e with V = L L'.

Every term of V is drawn on its own: Z (factor of G) e for random effects, blocks of effects and groups of
rows at once where they repeat, a chain from one row to the next where the covariance is Markov. Only where a
term is no covariance by itself, though V is, V is factored whole.

Source: Searle, Casella & McCulloch (1992), Variance Components, ch. 4; Rue & Held (2005), Gaussian Markov
Random Fields, section 1.1, for the chain.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance import Matrix, structure
from covstudio.reml.engines.dense.candidate import DENSE_LIMIT
from covstudio.reml.inference.arguments import checked_seed
from covstudio.reml.inference.binding import Binding
from covstudio.reml.problem.errors import InvalidModel
from covstudio.reml.terms.kinds import BlockPiece, DiagonalPiece, OtherPiece, Piece, RandomPiece

__all__ = ["Simulator"]

Vector = NDArray[np.float64]

#: Markov groups of more rows than this are drawn row by row.
CHAIN = 200


class Simulator:
    """Draws responses at given natural values of V's parameters.

    Args:
        binding: the fit and its model.
        seed: of the generator: the same seed gives the same draws.
    """

    def __init__(self, binding: Binding, seed: int) -> None:
        self.binding = binding
        self.natural = binding.natural
        self.generator = torch.Generator().manual_seed(checked_seed(seed))
        self.mean = binding.problem.x @ binding.point.beta
        self._factors: dict[int, Tensor] = {}
        self._whole: Tensor | None = None

    def draw(self, count: int) -> Tensor:
        """Responses, (n, count)."""
        with self.binding.threads(), torch.no_grad():
            noise = torch.zeros((self.binding.problem.n, count), dtype=torch.float64)
            if self._whole is None:
                state = self.generator.get_state()
                try:
                    for piece in self.binding.variance.pieces:
                        noise += self._piece(piece, count)
                except ValueError:
                    # A term is no covariance by itself.
                    self.generator.set_state(state)
                    self._whole = self._factor_of_v()
            if self._whole is not None:
                noise = self._whole @ self._normal(self._whole.shape[1], count)
            return self.mean[:, None] + noise

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, dtype=torch.float64, generator=self.generator)

    def _factor_of_v(self) -> Tensor:
        n = self.binding.problem.n
        if n > DENSE_LIMIT:
            raise InvalidModel(
                f"a term of V is not positive semi-definite at the estimates, and V has {n} rows: it would "
                f"have to be factored whole, which is done up to {DENSE_LIMIT}."
            )
        factor, info = torch.linalg.cholesky_ex(self.binding.variance.written().value(self.natural))
        if int(info):
            raise InvalidModel("V is not positive definite at the estimates: nothing can be drawn from it.")
        lower: Tensor = factor
        return lower

    def _piece(self, piece: Piece, count: int) -> Tensor:
        if isinstance(piece, RandomPiece):
            return piece.z.multiply(self._effects(piece, count))
        if isinstance(piece, DiagonalPiece):
            variances = piece.diagonal(self.natural)
            if bool((variances < 0.0).any()):
                raise ValueError(f"{piece.path} has negative variances.")
            return variances.sqrt()[:, None] * self._normal(piece.n, count)
        if isinstance(piece, BlockPiece):
            return self._blocks(piece, count)
        assert isinstance(piece, OtherPiece)
        factor = self._factor(piece, piece.operand)
        drawn = factor @ self._normal(factor.shape[1], count)
        if piece.rows is None:
            return drawn
        return drawn.new_zeros((piece.n, count)).index_copy_(0, piece.rows, drawn)

    def _factor(self, piece: Piece, operand: Matrix | Tensor) -> Tensor:
        """L of a term, taken once."""
        if id(piece) not in self._factors:
            if isinstance(operand, Matrix):
                self._factors[id(piece)] = structure.factor(operand, piece.own(self.natural))
            else:
                self._factors[id(piece)] = _root(operand.detach().to(device="cpu", dtype=torch.float64))
        return self._factors[id(piece)]

    def _effects(self, piece: RandomPiece, count: int) -> Tensor:
        """u ~ N(0, G), (q, count)."""
        if piece.family is None:
            factor = self._factor(piece, piece.g)
            return factor @ self._normal(factor.shape[1], count)
        family = piece.family
        if id(piece) not in self._factors:
            self._factors[id(piece)] = _root(family.value(piece.own(self.natural)))
        drawn = self._factors[id(piece)] @ self._normal(family.groups, family.members, count)
        return drawn.reshape(-1, count)[family.places()]

    def _blocks(self, piece: BlockPiece, count: int) -> Tensor:
        """Groups of rows, those of one size together."""
        out = torch.zeros((piece.n, count), dtype=torch.float64)
        order = torch.argsort(piece.group * (int(piece.place.max()) + 1) + piece.place, stable=True)
        starts = torch.cumsum(piece.sizes, 0) - piece.sizes
        own = piece.own(self.natural)
        for size in torch.unique(piece.sizes).tolist():
            if not size:
                continue
            first = starts[piece.sizes == size]
            members = order[first[:, None] + torch.arange(size)]
            place = piece.place[members]
            if piece.universe.markov and size > CHAIN:
                out[piece.rows[members]] = self._chain(piece, own, place, count)
                continue
            blocks = piece.universe.entries(own, place[:, :, None], place[:, None, :])
            out[piece.rows[members]] = _root(blocks) @ self._normal(*place.shape, count)
        return out

    def _chain(self, piece: BlockPiece, own: Tensor, place: Tensor, count: int) -> Tensor:
        """Each row given the one before it, all groups at once, (m, size, count)."""
        variances = piece.universe.entries(own, place, place)
        beside = piece.universe.entries(own, place[:, 1:], place[:, :-1])
        share = torch.where(variances[:, :-1] > 0.0, beside / variances[:, :-1], 0.0)
        left = (variances[:, 1:] - share * beside).clamp(min=0.0).sqrt()
        drawn = self._normal(*place.shape, count)
        drawn[:, 0] *= variances[:, :1].sqrt()
        for i in range(1, place.shape[1]):
            drawn[:, i] = share[:, i - 1, None] * drawn[:, i - 1] + left[:, i - 1, None] * drawn[:, i]
        return drawn


def _root(blocks: Tensor) -> Tensor:
    """L with L L' for positive semi-definite matrices, (..., b, b)."""
    factor, info = torch.linalg.cholesky_ex(blocks)
    if not bool((info != 0).any()):
        lower: Tensor = factor
        return lower
    eigenvalues, vectors = torch.linalg.eigh(blocks)
    noise = 1e-10 * eigenvalues.abs().amax(dim=-1, keepdim=True)
    if bool((eigenvalues < -noise).any()):
        raise ValueError("a covariance has a negative eigenvalue at these parameters.")
    half: Tensor = vectors * eigenvalues.clamp(min=0.0).sqrt().unsqueeze(-2)
    return half
