"""The one layout of theta that follows from a list of parameters, and what stands where in it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from covstudio.covariance.parameters.differentiation import recorded
from covstudio.covariance.parameters.parameter import Parameter
from covstudio.covariance.parameters.transforms import Transform
from covstudio.covariance.parameters.usual import UsualTransforms

__all__ = ["Layout", "Share", "consecutive", "shares"]


def consecutive(counts: Iterable[int]) -> tuple[range, ...]:
    """Where each of several lists of parameters stands when one follows the other.

    Args:
        counts: how many parameters each has.

    Example:
        >>> consecutive([2, 0, 3])
        (range(0, 2), range(2, 2), range(2, 5))
    """
    spans: list[range] = []
    start = 0
    for count in counts:
        spans.append(range(start, start + count))
        start += count
    return tuple(spans)


@dataclass(frozen=True)
class Share:
    """Those of some parameters that stand in one of several spans.

    Attributes:
        position: which span.
        places: where they stand among the parameters asked for.
        index: where they stand in the span, counted from its start.
    """

    position: int
    places: list[int]
    index: list[int]


def shares(spans: Sequence[range], index: Sequence[int]) -> Iterator[Share]:
    """The parameters asked for, span by span; spans that have none of them are left out.

    Args:
        spans: where parameters stand, as `consecutive` tells; none within another.
        index: positions of the parameters asked for.

    Example:
        >>> [(share.position, share.places, share.index) for share in shares(consecutive([2, 3]), [4, 0, 2])]
        [(0, [1], [0]), (1, [0, 2], [2, 0])]
    """
    order = sorted(range(len(spans)), key=lambda position: (spans[position].start, spans[position].stop))
    starts = [spans[position].start for position in order]
    owned: dict[int, list[int]] = {}
    for place, k in enumerate(index):
        at = bisect_right(starts, k) - 1
        if at >= 0 and k in spans[order[at]]:
            owned.setdefault(order[at], []).append(place)
    for position, places in sorted(owned.items()):
        yield Share(position, places, [index[place] - spans[position].start for place in places])


def in_order(pieces: Sequence[Tensor], places: Sequence[Sequence[int]]) -> Tensor:
    """What was made of some parameters at a time, in the order in which all of them were asked for.

    Args:
        pieces: one tensor or more, their first dimension that of the parameters.
        places: for each piece, where its parameters stand among those asked for.

    Returns:
        The pieces along their first dimension.

    Example:
        >>> in_order([torch.tensor([5.0]), torch.tensor([6.0, 7.0])], [[1], [0, 2]])
        tensor([6., 5., 7.])
    """
    order = [place for some in places for place in some]
    joined = pieces[0] if len(pieces) == 1 else torch.cat(list(pieces))
    if order == sorted(order):
        return joined
    return joined[torch.as_tensor(order).argsort().to(joined.device)]


#: Positions, remembered: an array, as a tensor that is made under inference mode or in a transformation of
#: `torch.func` belongs to that.
Places = NDArray[np.intp]
#: Transforms, each with the places of its parameters; and the order that undoes the grouping, where it must.
_Groups = tuple[list[tuple[Transform, Places | slice]], Places | None]
#: For so many choices of parameters is it remembered who shares a transform.
KNOWN = 64


@dataclass(frozen=True)
class Layout:
    """The places of all parameters: the full list, theta (the free ones), and transforms between the scales.

    This is the only place that knows the order of theta.

    Args:
        parameters: all parameters, free and fixed, in order.
    """

    parameters: tuple[Parameter, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all parameters."""
        return tuple(parameter.name for parameter in self.parameters)

    @cached_property
    def position(self) -> dict[str, int]:
        """Name to position among all parameters."""
        return {name: k for k, name in enumerate(self.names)}

    @cached_property
    def free(self) -> tuple[int, ...]:
        """Positions of the free parameters; theta holds exactly these, in this order."""
        return tuple(k for k, parameter in enumerate(self.parameters) if not parameter.fixed)

    @cached_property
    def fixed(self) -> tuple[int, ...]:
        """Positions of the fixed parameters."""
        return tuple(k for k, parameter in enumerate(self.parameters) if parameter.fixed)

    @cached_property
    def dtype(self) -> torch.dtype | None:
        """The widest dtype among the defaults; None without parameters."""
        dtype: torch.dtype | None = None
        for parameter in self.parameters:
            assert parameter.dtype is not None
            dtype = parameter.dtype if dtype is None else torch.promote_types(dtype, parameter.dtype)
        return dtype

    @cached_property
    def device(self) -> torch.device | None:
        """The device of the first parameter's default; None without parameters."""
        return self.parameters[0].device if self.parameters else None

    def defaults(self, index: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
        """Raw defaults of the parameters at the given positions, shape (len(index),)."""
        return torch.tensor([self.parameters[k].default for k in index], dtype=dtype, device=device)

    @cached_property
    def _order(self) -> Places:
        return np.argsort(self.free + self.fixed)

    def complete(self, theta: Tensor) -> Tensor:
        """Raw values of all parameters from theta, fixed ones at their defaults."""
        if not self.fixed:
            return theta
        fixed = self.defaults(self.fixed, theta.dtype, theta.device)
        return torch.cat((theta, fixed))[_on(theta.device, self._order)]

    @cached_property
    def _all(self) -> tuple[int, ...]:
        return tuple(range(len(self.parameters)))

    @cached_property
    def _usual(self) -> UsualTransforms | None:
        return UsualTransforms.of([parameter.transform for parameter in self.parameters])

    def natural(self, raw: Tensor, index: Sequence[int] | None = None) -> Tensor:
        """Natural values of raw values; `index` gives the positions they belong to (default: all)."""
        usual = self._usual
        if index is None and usual is not None and not recorded(raw):
            return usual.natural(raw)
        return self._apply(raw, index, lambda transform, x: transform(x))

    def raw(self, natural: Tensor, index: Sequence[int] | None = None) -> Tensor:
        """Raw values of natural values; the inverse of `natural`."""
        return self._apply(natural, index, lambda transform, y: transform.inverse(y))

    def slope(self, raw: Tensor, index: Sequence[int] | None = None, natural: Tensor | None = None) -> Tensor:
        """Derivative of the transforms at raw values; `natural` is what these are, where it is known."""
        usual = self._usual
        if index is None and usual is not None and not recorded(raw):
            return usual.slope(raw, natural)
        return self._apply(raw, index, lambda transform, x: transform.grad(x))

    def slopes(self, raw: Tensor, index: Sequence[int], natural: Tensor | None = None) -> Tensor:
        """Derivative of the transforms of the parameters at some positions, from the raw values of all.

        Args:
            raw: raw values of all parameters.
            index: positions.
            natural: natural values of all parameters, where they are known.
        """
        every = len(index) == len(self.parameters) and tuple(index) == self._all
        return self.slope(raw, natural=natural) if every else self.slope(raw[list(index)], index)

    def _apply(
        self, x: Tensor, index: Sequence[int] | None, function: Callable[[Transform, Tensor], Tensor]
    ) -> Tensor:
        groups, back = self._grouped(None if index is None else tuple(index))
        if len(groups) < 2:
            return function(groups[0][0], x) if groups else x
        pieces = [function(transform, _some(x, places)) for transform, places in groups]
        return torch.cat(pieces) if back is None else torch.cat(pieces)[_on(x.device, back)]

    @cached_property
    def _known(self) -> dict[tuple[int, ...] | None, _Groups]:
        return {}

    def _grouped(self, index: tuple[int, ...] | None) -> _Groups:
        # Parameters that share a transform go through it together: one kernel instead of one per parameter.
        found = self._known.get(index)
        if found is None:
            groups: dict[Transform, list[int]] = {}
            for place, k in enumerate(self._all if index is None else index):
                groups.setdefault(self.parameters[k].transform, []).append(place)
            if len(self._known) == KNOWN:
                self._known.clear()
            order = [place for places in groups.values() for place in places]
            back = np.argsort(order) if order != sorted(order) else None
            found = [(one, _places(places)) for one, places in groups.items()], back
            # Another thread may clear what is remembered at any time.
            self._known[index] = found
        return found


def _places(places: list[int]) -> Places | slice:
    """Places in order; at equal steps as a slice, which costs a third of a gather."""
    first, last = places[0], places[-1] + 1
    step = places[1] - first if len(places) > 1 else 1
    return slice(first, last, step) if places == list(range(first, last, step)) else np.array(places)


def _some(x: Tensor, places: Places | slice) -> Tensor:
    return x[places] if isinstance(places, slice) else x[_on(x.device, places)]


def _on(device: torch.device, places: Places) -> Tensor:
    return torch.from_numpy(places).to(device)
