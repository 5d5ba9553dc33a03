"""Pictures from a snapshot of the store: which are needed, what changed, and what cannot be computed.

No thread and no browser here: `covstudio.studio.matrix.live` runs this in its worker.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from covstudio.covariance import Matrix
from covstudio.covariance.core.letters import parameter_label
from covstudio.covariance.core.rows import Rows
from covstudio.covariance.core.rowwise import RowEvaluation
from covstudio.document.build.budget import MAX_DRAWN
from covstudio.document.build.built import Build
from covstudio.document.model.document import Document
from covstudio.plots.raster import block_size
from covstudio.studio.matrix.quantise import Extremes, NotFinite, Tile, Values, coarser, quantise

Array: TypeAlias = npt.NDArray[np.float64]

NODE = "node:"
SLICE = "slice:"


@dataclass(frozen=True)
class Snapshot:
    """What one round of pictures is made of; frozen, so that the worker never reads the store.

    Args:
        seq: the latest slider message this includes.
        document: parameter values.
        build: the matrices.
        visible: key -> pixels per side of the largest canvas showing it.
        focus: key whose exact matrix the large plot wants, or None.
        settled: False while a slider moves.
        derivatives: what V is differentiated by, "theta" or "natural" values.
    """

    seq: int
    document: Document
    build: Build
    visible: Mapping[str, int]
    focus: str | None = None
    settled: bool = True
    derivatives: str = "theta"


class Unpaintable(ValueError):
    """A matrix cannot be shown at the present values; the text says why, `node` says whose fault it is."""

    def __init__(self, text: str, node: str | None) -> None:
        super().__init__(text)
        self.node = node


@dataclass(frozen=True)
class _Source:
    """What a key shows: a matrix of the evaluation, times the slope of a transform."""

    rows: Rows
    symmetric: bool
    factor: float = 1.0

    def is_that_of(self, other: _Source) -> bool:
        return self.rows is other.rows and self.factor == other.factor

    @property
    def values(self) -> Values:
        def numbers(start: int, stop: int, left: int) -> Array:
            result: Array = self.rows.of(start, stop, left).numpy()
            return result

        def blocks(size: int) -> tuple[Array, Array] | None:
            found = self.rows.extremes(size)
            return None if found is None else (found[0].numpy(), found[1].numpy())

        return Values(self.rows.shape, numbers, self.factor, self.symmetric, blocks)


@dataclass(frozen=True)
class _Shown:
    """What was made last for one key."""

    source: _Source
    tile: Tile
    pixels: int


class Pictures:
    """Makes tiles from snapshots, one snapshot at a time, doing only the work that a change asks for."""

    def __init__(self) -> None:
        self._evaluation = RowEvaluation()
        self._snapshot: Snapshot | None = None
        self._shown: dict[str, _Shown] = {}
        self._naturals: dict[str, torch.Tensor] = {}
        self._pool: tuple[_Source, Extremes] | None = None
        self._moved: set[str] = set()  # nodes whose value may have changed since their tile was made

    def begin(self, snapshot: Snapshot) -> None:
        """Take a new snapshot; forget everything when the matrices are others."""
        before, self._snapshot = self._snapshot, snapshot
        self._naturals = {}
        self._pool = None
        if before is None or before.build is not snapshot.build:
            self._evaluation.forget()
            self._shown.clear()
            self._moved.clear()
            return
        old, new = before.document.nodes, snapshot.document.nodes
        changed = {i for i, node in new.items() if i not in old or old[i].values is not node.values}
        self._moved |= changed
        for node in changed:
            self._moved.update(snapshot.document.ancestors(node))

    @property
    def snapshot(self) -> Snapshot:
        if self._snapshot is None:
            raise RuntimeError("begin() comes first")
        return self._snapshot

    def order(self) -> list[str]:
        """Visible keys in the order in which one looks at them: V, its slices in theta order, the nodes."""
        visible = self.snapshot.visible
        slices = [
            key
            for ref in self.snapshot.build.parameters
            if not ref.fixed and (key := SLICE + ref.path) in visible
        ]
        nodes = [key for key in visible if key.startswith(NODE)]
        return (["V"] if "V" in visible else []) + slices + nodes

    def tile(self, key: str) -> Tile | None:
        """The picture of a key, or None when it is what was made last.

        Raises:
            Unpaintable: when it cannot be computed or has entries that are not finite.
        """
        pixels, settled = self.snapshot.visible[key], self.snapshot.settled
        shown = self._shown.get(key)
        # A thumbnail off the changed path needs no look at its matrix at all.
        still = key.startswith(NODE) and key.removeprefix(NODE) not in self._moved
        fits = shown is not None and shown.pixels == pixels and not (settled and _loose(shown.tile))
        if shown is not None and still and fits:
            return None
        source = self._source(key)
        self._moved.discard(key.removeprefix(NODE))
        if shown is not None and fits and shown.source.is_that_of(source):
            return None
        least = 0.0 if settled or shown is None else shown.tile.limit
        try:
            tile = quantise(source.values, pixels, least, self._pooled(key, source))
        except NotFinite as error:
            raise self._not_finite(key, source.values.whole()) from error
        self._shown[key] = _Shown(source, tile, pixels)
        return None if shown is not None and shown.tile == tile else tile

    def matrix(self, key: str) -> Array:
        """The exact values of a key.

        Raises:
            Unpaintable: as for `tile`.
        """
        source = self._source(key)
        matrix = source.values.whole()
        shown = self._shown.get(key)
        drawn = shown is not None and shown.source.is_that_of(source)  # then its entries are finite
        if not drawn and not np.isfinite(matrix).all():
            raise self._not_finite(key, matrix)
        return matrix

    def shown(self, key: str) -> Values:
        """The exact values behind the last tile of this key."""
        return self._shown[key].source.values

    def forget(self, key: str) -> None:
        """Make the next tile of this key anew, because the page was never sent the last one or wiped it."""
        self._shown.pop(key, None)

    # --- how ---

    def _pooled(self, key: str, source: _Source) -> Extremes | None:
        """The blocks of V, which is shown large and on its node: it is gone through once for both."""
        v, visible = self.snapshot.document.v, self.snapshot.visible
        both = ("V", f"{NODE}{v}")
        if key not in both or not visible.keys() >= set(both):
            return None
        if self._pool is None or not self._pool[0].is_that_of(source):
            values = source.values
            large, small = (block_size(values.shape, visible[one]) for one in both)
            # Blocks for the node are made of blocks of the large picture, of as many as are large enough.
            factor = math.ceil(small / large)
            found = values.extremes({large} if small >= large else {large, small})
            if factor > 1:
                found[factor * large] = coarser(found[large], factor)
            self._pool = source, found
        return self._pool[1]

    def _source(self, key: str) -> _Source:
        build, document = self.snapshot.build, self.snapshot.document
        if key.startswith(NODE):
            node = key.removeprefix(NODE)
            return self._value(node)
        if build.v is None or document.v is None:
            raise Unpaintable("V is not complete yet.", None)
        if key == "V":
            return self._value(document.v)
        path = key.removeprefix(SLICE)
        owner = next((ref.node_id for ref in build.parameters if ref.path == path), None)
        if owner is None:
            raise Unpaintable(f"V has no parameter {path!r}", None)
        self._check_size(build.v, document.v)
        try:
            natural = self._natural(document.v)
            by_natural = self._evaluation.rows(build.v, natural, path)
            if self.snapshot.derivatives == "natural":
                return _Source(by_natural, build.v.symmetric)
            return _Source(by_natural, build.v.symmetric, self._evaluation.slope(build.v, natural, path))
        except (ValueError, ArithmeticError, RuntimeError) as error:
            self.matrix("V")  # where V fails too, that is what there is to say
            what = self._derivative(path)
            raise Unpaintable(f"{what} has no values here now. {_first_line(error)}", owner) from error

    def _derivative(self, path: str) -> str:
        """A derivative of V as the dock calls it."""
        ref = next(ref for ref in self.snapshot.build.parameters if ref.path == path)
        return f"∂V/∂{parameter_label(ref.name)} of “{self.snapshot.document.nodes[ref.node_id].name}”"

    def _value(self, node: str) -> _Source:
        matrix = self.snapshot.build.matrices.get(node)
        if matrix is None:
            raise Unpaintable("This part is not complete yet.", None)
        self._check_size(matrix, node)
        try:
            return _Source(self._evaluation.rows(matrix, self._natural(node)), matrix.symmetric)
        except (ValueError, ArithmeticError, RuntimeError) as error:
            culprit = self._culprit(node)
            raise Unpaintable(f"There are no values here now. {_first_line(error)}", culprit) from error

    def _natural(self, node: str) -> torch.Tensor:
        if node not in self._naturals:
            self._naturals[node] = self.snapshot.build.naturals(node, self.snapshot.document)
        return self._naturals[node]

    @staticmethod
    def _check_size(matrix: Matrix, node: str) -> None:
        rows, cols = matrix.shape
        if rows * cols > MAX_DRAWN:
            raise TooLarge(rows, cols)

    def _culprit(self, node: str) -> str:
        """The deepest node of a failing tree that fails by itself: its operands are all finite."""
        for child in self._below(node):
            matrix = self.snapshot.build.matrices.get(child)
            if matrix is None:
                continue
            try:
                if not bool(torch.isfinite(self._evaluation.value(matrix, self._natural(child))).all()):
                    return self._culprit(child)
            except (ValueError, ArithmeticError, RuntimeError):
                return self._culprit(child)
        return node

    def _below(self, node: str) -> Iterator[str]:
        return (child for _, child in self.snapshot.document.nodes[node].operands if child is not None)

    def _not_finite(self, key: str, matrix: Array) -> Unpaintable:
        row, col = np.argwhere(~np.isfinite(matrix))[0]
        what = "not a number" if np.isnan(matrix[row, col]) else "infinite"
        hint = "Move a parameter away from the end of its range."
        where = f"the entry in row {row + 1}, column {col + 1} is {what}"
        document = self.snapshot.document
        if key.startswith(SLICE):
            self.matrix("V")
            path = key.removeprefix(SLICE)
            owner = next(ref.node_id for ref in self.snapshot.build.parameters if ref.path == path)
            return Unpaintable(f"{self._derivative(path)}: {where}. {hint}", owner)
        node = key.removeprefix(NODE) if key.startswith(NODE) else document.v
        return Unpaintable(
            f"{where[0].upper()}{where[1:]}. {hint}", None if node is None else self._culprit(node)
        )


class TooLarge(Unpaintable):
    """More entries than the pictures follow; nothing is wrong with the model."""

    def __init__(self, rows: int, cols: int) -> None:
        super().__init__(
            f"A matrix of {rows} × {cols} is too large to be drawn while sliders move "
            f"(at most {MAX_DRAWN:,} entries). The model can still be fitted, saved and exported.",
            None,
        )


def _loose(tile: Tile) -> bool:
    """True when the colours are stretched further than the values, as they are while a slider moves."""
    return tile.limit > max(tile.high, -tile.low)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
