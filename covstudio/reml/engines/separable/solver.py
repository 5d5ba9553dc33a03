r"""A field and its nugget at one value of the parameters: V_0 = s A (x) B + tau^2 I, its inverse and traces.

In the bases S and T of the two directions, S'AS = diag(a) and T'BT = diag(b),

.. math:: V_0^{-1} = (S \otimes T)\operatorname{diag}(d)(S \otimes T)', \qquad
          d_{ab} = 1/(s\,a_ab_b + \tau^2),

where S and T are orthogonal; without a nugget they whiten A and B, a = b = 1 and d = 1/s. For

.. math:: P = V_0^{-1} - QDH^{-1}D'Q - KK',

missing cells D taken out (see `separable_missing`) and K of few columns, the traces with derivatives are

.. math:: \operatorname{tr}(P(\dot A \otimes B)) = \langle\dot A,\; ST_AS'\rangle, \qquad
          (T_A)_{aa'} = \delta_{aa'}\sum_b d_{ab}b_b
          - \sum_b b_b\big(X_{(ab),(a'b)} + \sum_jK_{abj}K_{a'bj}\big),

X and K in the bases, and alike for B: an r x r and a c x c matrix hold all that the score needs.

Grids of several right-hand sides are (k, r, c) throughout, so that every step is a product of matrices.

Sources: Gilmour, Cullis & Verbyla (1997), J. Agric. Biol. Environ. Stat. 2:269, for the model; Van Loan
(2000), J. Comput. Appl. Math. 123:85, for Kronecker products; Zimmerman (1989), J. Stat. Comput. Simul. 32:1,
for the likelihood of separable covariances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.reml.engines.rounding import rounding
from covstudio.reml.engines.separable.axis import Axis
from covstudio.reml.engines.separable.field import Field
from covstudio.reml.engines.separable.missing import Gaps
from covstudio.reml.terms.design_rows import DenseRows, Rows
from covstudio.reml.terms.kinds import mine

__all__ = ["FieldPoint", "FieldSlopes"]

Vector = NDArray[np.float64]

#: Numbers held at a time.
CHUNK = 8_000_000


@dataclass(frozen=True)
class FieldSlopes:
    """Derivatives of a field and its nugget.

    Attributes:
        places: which of the parameters asked for they belong to; a nugget may be one of several fields.
        vectors: dV_k Py on the rows of the field, (n_f, k).
        traces: tr(P dV_k), (k,).
    """

    places: list[int]
    vectors: Tensor
    traces: Tensor


class FieldPoint:
    """V_0 of one field, factored; made by `FieldPoint.of`."""

    field: Field
    natural: Vector
    outer: Axis
    inner: Axis
    d: Tensor
    gaps: Gaps | None
    logdet: float
    smallest: float
    _cells: Tensor

    @classmethod
    def of(cls, field: Field, natural: Vector, device: torch.device) -> FieldPoint | None:
        """The field at these natural values of V, or None where V_0 is not positive definite.

        Raises:
            SingularMatrixError: a factor does not exist.
            torch.linalg.LinAlgError: eigenvectors did not converge, or V_0 is singular in its missing cells.
        """
        point = cls.__new__(cls)
        point.field, point.natural = field, natural
        nugget = bool(field.nuggets)
        outer = field.outer.axis(natural, device, nugget=nugget)
        inner = field.inner.axis(natural, device, nugget=nugget)
        if outer is None or inner is None:
            return None
        point.outer, point.inner = outer, inner
        if not (point._with_nugget() if nugget else point._without(device)):
            return None
        point.gaps = None
        point._cells, missing = field.placed(device)
        if missing is not None:
            point.gaps = Gaps(missing, outer, inner, point.d)
            point.logdet += point.gaps.logdet
        return point

    def _with_nugget(self) -> bool:
        scale = self.field.scale(self.natural)
        variance = sum(nugget.value(self.natural) for nugget in self.field.nuggets)
        values = scale * torch.outer(self.outer.values, self.inner.values) + variance
        low, high = (float(end) for end in torch.aminmax(values))
        # Eigenvalues carry rounding errors of the largest.
        if not (low > rounding(max(values.shape)) * high and np.isfinite(high)):
            return False
        self.d, self.smallest = values.reciprocal(), low
        self.logdet = float(torch.log(values).sum())
        return True

    def _without(self, device: torch.device) -> bool:
        scale = self.field.scale(self.natural)
        if not (scale > 0.0 and np.isfinite(scale)):
            return False
        r, c = self.field.shape
        self.d = torch.tensor(1.0 / scale, dtype=torch.float64, device=device)
        self.logdet = r * c * float(np.log(scale)) + c * self.outer.logdet + r * self.inner.logdet
        # The basis has the inverse pivots of the Cholesky factor on its diagonal.
        pivots = self.outer.basis.diagonal().max() * self.inner.basis.diagonal().max()
        self.smallest = scale / float(pivots) ** 2
        return bool(np.isfinite(self.logdet))

    # -- grids ----------------------------------------------------------------------------------------------

    def spread(self, b: Tensor) -> Tensor:
        """Rows of the field on its grid, zeros in missing cells: (n_f, k) -> (k, r, c)."""
        grid = b.new_zeros((b.shape[1], self.field.shape[0] * self.field.shape[1]))
        grid[:, self._cells] = b.mT
        return grid.view(-1, *self.field.shape)

    def gathered(self, grid: Tensor) -> Tensor:
        """The inverse of `spread`: (k, r, c) -> (n_f, k)."""
        return grid.flatten(1)[:, self._cells].mT

    def _turned(self, rows: Rows) -> Tensor:
        """Columns of a design on the grid, in the bases, (q, r, c).

        A sparse one goes to its levels by its codes.
        """
        r, c = self.field.shape
        if isinstance(rows, DenseRows):
            return self.inner.forward(self.outer.forward(self.spread(rows.matrix), 1), 2)
        line, place = self._cells // c, self._cells % c
        inner = self.inner.basis[place]
        grid = inner.new_zeros((rows.columns * r, c))
        for j in range(rows.width):
            values = inner if rows.values is None else inner * rows.values[:, j : j + 1]
            grid.index_add_(0, rows.codes[:, j] * r + line, values)
        return self.outer.forward(grid.view(-1, r, c), 1)

    def lifted(self, designs: Sequence[Rows]) -> Tensor:
        """Columns in the bases, missing cells filled so that d times it is V_oo^-1 of them, (f, r, c)."""
        turned = torch.cat([self._turned(rows) for rows in designs])
        return turned if self.gaps is None else self.gaps.fill(turned)

    def grounded(self, x: Tensor) -> Tensor:
        """(S (x) T) x on the grid, (k, r, c)."""
        return self.inner.backward(self.outer.backward(x, 1), 2)

    def solve(self, b: Tensor) -> Tensor:
        """V_oo^-1 b, (n_f, k)."""
        return self.gathered(self.grounded(self.d * self.lifted([DenseRows(b)])))

    # -- derivatives ----------------------------------------------------------------------------------------

    def slopes(self, natural: Vector, positions: Sequence[int], py: Tensor, k: Tensor) -> FieldSlopes | None:
        """What the score and the average information need of the field's parameters.

        Args:
            natural: natural values of V, at which V is a multiple of what was factored.
            positions: parameters of V.
            py: P y on the rows of the field, (n_f,).
            k: K, in the bases, (j, r, c).
        """
        field = self.field
        grid = self.spread(py[:, None])[0]
        a, b = (factor.value(natural).to(py.device) for factor in (field.outer, field.inner))
        scale = field.scale(natural)
        places: list[int] = []
        vectors: list[Tensor] = []
        traces: list[Tensor] = []
        form: Tensor | None = None
        trace = 0.0
        front = [at for _, own in field.scales for at in own]
        at, index = mine(field.outer.positions, positions)
        scales = [(i, position) for i, position in enumerate(positions) if position in front]
        if at or scales or field.nuggets:
            form, trace = self._form(self.inner.along(b), k, outer=True)
        if at and form is not None:
            moved, found = field.outer.slopes(natural, index, grid @ b, self.outer.congruent(form))
            places += at
            vectors.append(self.gathered(scale * moved))
            traces.append(scale * found)
        at, index = mine(field.inner.positions, positions)
        if at:
            other, _ = self._form(self.outer.along(a), k, outer=False)
            moved, found = field.inner.slopes(natural, index, (a @ grid).mT, self.inner.congruent(other))
            places += at
            vectors.append(self.gathered(scale * moved.mT))
            traces.append(scale * found)
        if scales and form is not None:
            places += [i for i, _ in scales]
            slopes = py.new_tensor([field.scale_derivative(natural, position) for _, position in scales])
            vectors.append(self.gathered((a @ grid @ b)[None]) * slopes)
            traces.append(slopes * (self.outer.along(a) @ form.diagonal()))
        for nugget in field.nuggets:
            at, index = mine(nugget.piece.positions, positions)
            if at:
                slopes = nugget.derivative(natural, index).to(py.device)
                places += at
                vectors.append(py[:, None] * slopes)
                traces.append(slopes * trace)
        if not places:
            return None
        return FieldSlopes(places, torch.cat(vectors, dim=1), torch.cat(traces))

    def _form(self, weights: Tensor, k: Tensor, *, outer: bool) -> tuple[Tensor, float]:
        """T_A, (r, r), or T_B, (c, c), for these weights of the other direction.

        With it stands tr(P), where the bases are orthogonal.
        """
        r, c = self.field.shape
        if outer:
            rows, other, d = k.transpose(0, 1).reshape(r, -1), c, self.d
            weighted = (k * weights).transpose(0, 1).reshape(r, -1)
        else:
            rows, other, d = k.reshape(-1, c).mT, r, self.d.mT if self.d.ndim else self.d
            weighted = (k * weights[:, None]).reshape(-1, c).mT
        form = -(weighted @ rows.mT)
        trace = float(self.d.sum()) - float((rows * rows).sum())
        form.diagonal().add_((d * weights).expand(len(form), other).sum(dim=1))
        if self.gaps is not None:
            lost, less = self.gaps.outer_form(weights) if outer else self.gaps.inner_form(weights)
            form -= lost
            trace -= less
        return 0.5 * (form + form.mT), trace

    # -- effects --------------------------------------------------------------------------------------------

    def effects(self, natural: Vector, scale: float, py: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """The field predicted in every cell, and its prediction error variances, (r c,) each.

        Args:
            natural: natural values of V.
            scale: how much larger V is there than what was factored.
            py: P y on the rows of the field, (n_f,).
            k: K, in the bases, (j, r, c).
        """
        field = self.field
        front = field.scale(natural)
        a, b = (factor.value(natural).to(py.device) for factor in (field.outer, field.inner))
        u = front * (a @ self.spread(py[:, None])[0] @ b)
        error = front * torch.outer(a.diagonal(), b.diagonal())
        if self.d.ndim:
            lam = front * torch.outer(self.outer.along(a), self.inner.along(b))
            s, t = self.outer.basis**2, self.inner.basis**2
            error = error - s @ (lam**2 * self.d) @ t.mT / scale
        else:
            error = torch.zeros_like(error)
        step = max(1, CHUNK // error.numel())
        for start in range(0, len(k), step):
            error += self._carried(k[start : start + step], front * a, b) / scale
        for start in range(0, field.gaps, step):
            assert self.gaps is not None
            half = self.gaps.halves(start, min(start + step, field.gaps))
            error += self._carried(half, front * a, b) / scale
        return u.reshape(-1), error.reshape(-1)

    def _carried(self, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """Sums of squares over the columns of (A (x) B)(S (x) T) x, (r, c)."""
        return ((a @ self.grounded(x) @ b) ** 2).sum(dim=0)
