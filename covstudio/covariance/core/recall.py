"""The record of what a call or a Jacobian computed on its way, for whichever follows at the same theta."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from covstudio.covariance.parameters.differentiation import recorded, traced
from covstudio.covariance.parameters.layout import Layout
from covstudio.covariance.parameters.openreml import FreeParameters

__all__ = ["KEPT_BYTES", "Recall", "Recalling", "shared"]

#: The largest tensor that is kept on the way: 362 x 362 numbers in double precision.
KEPT_BYTES = 2**20


def shared(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors have memory in common: what is written to one may show in the other."""
    return not traced(one) and one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()


@dataclass(eq=False)
class Recall:
    """What was computed at one vector of natural values.

    A record belongs to the very tensor `natural`, which nobody outside sees: whoever is given that tensor
    may use what is kept. It is replaced as a whole, so that threads may lose each other's record but never
    read one of other parameters.

    Attributes:
        natural: NATURAL values of all parameters.
        kept: what was computed from them, by name; values of operands by their position.
        parts: each operand's own part of `natural`.
    """

    natural: Tensor
    kept: dict[Hashable, Tensor] = field(default_factory=dict)
    parts: tuple[Tensor, ...] | None = None

    def keep(self, what: Hashable, tensor: Tensor) -> None:
        """Keep a tensor that nobody writes to, if it is small and has no graph."""
        if tensor.nbytes <= KEPT_BYTES and not recorded(tensor):
            self.kept[what] = tensor

    def once(self, what: Hashable, compute: Callable[[], Tensor]) -> Tensor:
        """What is kept under a name, else computed and kept."""
        found = self.kept.get(what)
        if found is None:
            found = compute()
            self.keep(what, found)
        return found


@dataclass(eq=False)
class _Point(Recall):
    """The record of the matrix that was called: it starts from theta, of which it has a copy."""

    theta: Tensor = field(default_factory=lambda: torch.empty(0))
    layout: Layout | None = None

    def at(self, theta: Tensor, layout: Layout) -> bool:
        own = self.theta
        return (
            self.layout is layout
            and own.dtype == theta.dtype
            and own.device == theta.device
            and own.is_inference() == torch.is_inference_mode_enabled()
            and torch.equal(own, theta)
        )


class Recalling(FreeParameters):
    """Third base of `Matrix`: natural values, and what was made of them, from one call to the next."""

    _library_base = True
    _recall: Recall | None = None
    _known_pure: bool | None = None

    @property
    def _pure(self) -> bool:
        """Whether V follows from its natural values, and from nothing that may change between two calls."""
        known = self._known_pure
        if known is None:
            known = self._known_pure = self._find_pure()
        return known

    @abstractmethod
    def _find_pure(self) -> bool: ...

    def _natural(self, theta: Tensor) -> Tensor:
        """Natural values of all parameters, not to be written to: those of last time at the same theta."""
        layout = self._layout()
        if not layout.parameters:
            return theta
        if not self._keeps or self._recorded(theta):
            return layout.natural(layout.complete(theta))
        known = self._recall
        if isinstance(known, _Point) and known.at(theta, layout):
            return known.natural
        own = (theta.detach() if theta.requires_grad else theta).clone()
        natural = layout.natural(layout.complete(own))
        if not traced(natural):
            self._recall = _Point(natural, theta=own, layout=layout)
        return natural

    def _fresh_natural(self, theta: Tensor) -> Tensor:
        """Natural values of all parameters, of which no record is kept."""
        layout = self._layout()
        return layout.natural(layout.complete(theta))

    def _recorded(self, theta: Tensor) -> bool:
        """Whether autograd watches theta, or something else that V is made of."""
        return recorded(theta)

    def _recall_of(self, natural: Tensor) -> Recall | None:
        """The record that belongs to these natural values: this tensor itself, not one equal to it."""
        known = self._recall
        return known if known is not None and known.natural is natural else None

    def _once(self, natural: Tensor, what: Hashable, compute: Callable[[], Tensor]) -> Tensor:
        """What is computed from natural values, kept if these are on record and it is small.

        Args:
            natural: NATURAL values of all parameters, as a formula is given them.
            what: its name in this class.
            compute: the computation, from `natural` alone.

        Returns:
            The tensor; not to be written to, nor to be returned where somebody might.
        """
        known = self._recall_of(natural)
        return known.once(what, compute) if known is not None and self._pure else compute()

    def __getstate__(self) -> dict[str, object]:
        """A copy, or what is read back from a file, starts without a record."""
        return {name: value for name, value in super().__getstate__().items() if name != "_recall"}

    def _keep(self, keeps: bool) -> None:
        super()._keep(keeps)
        if not keeps:
            self._recall = None

    def reset_intermediates(self) -> None:
        """Forget the kept object and what the last call computed, on an operator also in its operands.

        `auto_grad` does so before it differentiates.

        Example:
            >>> import torch
            >>> from covstudio.covariance import DiagonalMatrix
            >>> mat = DiagonalMatrix(2)
            >>> mat.set_intermediates(torch.zeros(2), "factor")
            >>> mat.reset_intermediates()
            >>> print(mat.get_intermediates(torch.zeros(2)))
            None
        """
        super().reset_intermediates()
        self._recall = None
