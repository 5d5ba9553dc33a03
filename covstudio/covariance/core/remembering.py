"""The memory of an operator: natural values and values of its operands, and what is asked of each."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from torch import Tensor

from covstudio.covariance.core.composite import Composite
from covstudio.covariance.core.definiteness import Operand
from covstudio.covariance.core.operand_output import OperandOutput
from covstudio.covariance.core.recall import Recall
from covstudio.covariance.parameters.layout import KNOWN

__all__ = ["Remembering"]

#: An operand by its place and name; which of its parameters are asked for, in which rows of the Jacobian; and
#: whether its value is kept.
_Asked = tuple[int, str, Operand, list[int], slice, bool]


class Remembering(Composite):
    """Base of `Operator`: operands from one call to the next."""

    _library_base = True

    @abstractmethod
    def propagate_needs(self, position: int) -> tuple[int, ...]:
        """Positions of the operands whose values a derivative reads when one operand moves."""

    def _naturals(self, natural: Tensor) -> Sequence[Tensor]:
        """Each operand's part of the natural values; where these are on record, the tensors of before."""
        recall = self._recall_of(natural)
        if recall is None:
            return [natural[span.start : span.stop] for span in self._spans()]
        parts = recall.parts
        if parts is None:
            parts = recall.parts = tuple(natural[span.start : span.stop] for span in self._spans())
            for position, _, operand in self._parts():
                if operand._keeps and parts[position].shape[0]:
                    operand._recall = Recall(parts[position])
        return parts

    def _keeps_value(self, position: int) -> bool:
        """Whether an operand's value is kept: a derivative needs it, and only parameters change it."""
        known = self._known_kept
        if known is None:
            needed = {
                other
                for place, _, operand in self._parts()
                if operand.num_params
                for other in self.propagate_needs(place)
            }
            known = self._known_kept = frozenset(
                place for place, _, operand in self._parts() if place in needed and operand._pure
            )
        return position in known

    @property
    def _raw_inside(self) -> bool:
        """Whether a structure in the older style, from raw parameters, is below, at any depth."""
        known = self._known_raw
        if known is None:
            known = self._known_raw = any(
                operand._calls_raw or (isinstance(operand, Remembering) and operand._raw_inside)
                for _, _, operand in self._parts()
            )
        return known

    def _find_pure(self) -> bool:
        structures = len(self._parts()) == len(self._operands)
        return super()._find_pure() and structures and all(operand._pure for _, _, operand in self._parts())

    def outputs(self, natural: Tensor, index: Sequence[int], slopes: Tensor) -> list[OperandOutput]:
        """What `write` is given, operand by operand.

        Args:
            natural: NATURAL values of all parameters.
            index: positions in `param_names` of the parameters asked for, ascending.
            slopes: what the derivative in each of them is multiplied by.

        Returns:
            One per operand, in order (that of `own_operand` first): its part of each, and the rows of the
            Jacobian that are its own.
        """
        recall, label = self._recall_of(natural), self._label()
        return [
            OperandOutput(
                label,
                position,
                name,
                operand,
                own,
                inner,
                slopes[rows] if inner else slopes[:0] if index else slopes,
                rows,
                recall if keeps else None,
            )
            for (position, name, operand, inner, rows, keeps), own in zip(
                self._asked(tuple(index)), self._naturals(natural), strict=True
            )
        ]

    def _asked(self, index: tuple[int, ...]) -> list[_Asked]:
        """What `outputs` says of every operand whatever the natural values are."""
        known = self._known_asked.get(index)
        if known is None:
            known, row = [], 0
            operands = zip(self._operands.items(), self._spans(), strict=True)
            for position, ((name, operand), span) in enumerate(operands):
                inner = [k - span.start for k in index if k in span]
                rows = slice(row, row + len(inner))
                known.append((position, name, operand, inner, rows, self._keeps_value(position)))
                row = rows.stop
            if len(self._known_asked) == KNOWN:
                self._known_asked = {}
            self._known_asked[index] = known
        return known
