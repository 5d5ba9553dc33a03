"""A frame as arrays, for whoever sends it to another process: numbers as they are, labels as codes.

Everything that is large is an array, which pickling (protocol 5) may leave beside the text. It is put
together again in pieces, so that another thread can go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Coded", "Compact", "arrays_of", "coded", "frame_from"]

#: Of so many rows or texts at a time are labels made.
_PIECE = 20_000

#: With up to so many rows a column is looked through by Python; more columns are taken out kind by kind.
FEW, MANY = 200, 100

Codes = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Coded:
    """A column as codes.

    Attributes:
        codes: (n,) the place of each row's value among `values`; -1 where it is missing.
        values: the different values, in the order in which they first occur.
    """

    codes: Codes
    values: npt.NDArray[Any]

    def counts(self) -> npt.NDArray[np.int64]:
        """How many rows each value has."""
        there = self.codes[self.codes >= 0]
        return np.bincount(there, minlength=len(self.values)).astype(np.int64, copy=False)

    def same(self, other: Coded) -> bool:
        """Whether another column has the same cells: values stand in the order of their first places."""
        if len(self.values) != len(other.values) or not np.array_equal(self.codes, other.codes):
            return False
        return all(
            bool((self.values[at : at + _PIECE] == other.values[at : at + _PIECE]).all())
            for at in range(0, len(self.values), _PIECE)
        )

    def cells(self) -> npt.NDArray[np.object_]:
        """The column again: (n,) values, None where missing."""
        # A code of -1, for what is missing, is the last one.
        values = np.append(self.values, np.array([None], dtype=object))
        cells = np.empty(len(self.codes), dtype=object)
        for at in range(0, len(cells), _PIECE):
            cells[at : at + _PIECE] = values[self.codes[at : at + _PIECE]]
        return cells


def coded(cells: npt.NDArray[Any]) -> Coded:
    """A column as codes.

    Args:
        cells: (n,) its values.

    Example:
        >>> found = coded(np.array(["b", None, "a", "b"], dtype=object))
        >>> found.codes.tolist(), found.values.tolist(), found.cells().tolist()
        ([0, -1, 1, 0], ['b', 'a'], ['b', None, 'a', 'b'])
    """
    if len(cells) <= FEW and cells.dtype == object:
        return _coded_few(cells.tolist())
    codes, values = pd.factorize(cells, use_na_sentinel=True)
    return Coded(codes.astype(np.int32), np.asarray(values))


def _coded_few(cells: list[Any]) -> Coded:
    """A short column as codes: pandas takes longer to begin than to end."""
    places: dict[Any, int] = {}
    codes = [-1 if cell is None or cell != cell else places.setdefault(cell, len(places)) for cell in cells]
    values = np.empty(len(places), dtype=object)
    values[:] = list(places)
    return Coded(np.array(codes, dtype=np.int32), values)


def frame_from(names: Sequence[str], arrays: Sequence[npt.NDArray[Any]]) -> pd.DataFrame:
    """A frame of columns, put together kind by kind: of very many columns, one by one takes long.

    Args:
        names: of the columns, kept as they are, whatever characters are in them.
        arrays: their values, all of one length.

    Example:
        >>> frame_from(["y", "g"], [np.array([1, 2]), np.array(["a", None], dtype=object)]).dtypes.tolist()
        [dtype('int64'), dtype('O')]
    """
    kinds: dict[np.dtype[Any], list[int]] = {}
    for place, array in enumerate(arrays):
        kinds.setdefault(array.dtype, []).append(place)
    parts = [
        pd.DataFrame(np.stack([arrays[place] for place in places]).T, dtype=kind)
        for kind, places in kinds.items()
    ]
    order = np.argsort(np.array([place for places in kinds.values() for place in places], dtype=np.intp))
    frame = parts[0] if len(parts) == 1 else pd.concat(parts, axis=1).take(order, axis=1)
    # pandas with pyarrow would make names of Arrow's strings, which hold no half of a pair of surrogates.
    frame.columns = pd.Index(list(names), dtype=object)
    return frame


def arrays_of(frame: pd.DataFrame) -> list[npt.NDArray[Any]]:
    """The columns of a frame, taken out kind by kind where there are many.

    Args:
        frame: the frame.

    Example:
        >>> [array.tolist() for array in arrays_of(pd.DataFrame({"x": [1, 2], "y": [0.5, 1.5]}))]
        [[1, 2], [0.5, 1.5]]
    """
    kinds = frame.dtypes.tolist()
    if len(kinds) <= MANY:
        return [frame.iloc[:, place].to_numpy() for place in range(len(kinds))]
    found: list[npt.NDArray[Any]] = [np.empty(0)] * len(kinds)
    for kind in dict.fromkeys(kinds):
        places = [place for place, one in enumerate(kinds) if one == kind]
        for place, array in zip(places, frame.iloc[:, places].to_numpy().T, strict=True):
            found[place] = array
    return found


@dataclass(frozen=True, eq=False)
class Compact:
    """A frame of rows by columns of numbers and of labels, as arrays.

    Attributes:
        names: of the columns, in order.
        numeric: the columns of numbers.
        labelled: (k,) which columns are labels.
        codes: (k, n) their codes.
        counts: (k,) how many different labels each has.
        letters: the texts of all labels behind each other, as UTF-8.
        sizes: of each text in bytes.
    """

    names: list[str]
    numeric: pd.DataFrame
    labelled: npt.NDArray[np.int64]
    codes: Codes
    counts: npt.NDArray[np.int64]
    letters: npt.NDArray[np.uint8]
    sizes: npt.NDArray[np.int64]

    @classmethod
    def of(cls, frame: pd.DataFrame, columns: Callable[[str], Coded]) -> Compact:
        """A frame as arrays.

        Args:
            frame: int64, float64 and object (str, None where missing).
            columns: gives a column of labels as codes.

        Raises:
            TypeError: names or labels are no texts.
        """
        names: list[str] = list(frame.columns)
        objects = np.array([kind.kind == "O" for kind in frame.dtypes], dtype=np.bool_)
        labelled = np.flatnonzero(objects)
        found = [columns(names[place]) for place in labelled]
        codes = np.array([one.codes for one in found], dtype=np.int32).reshape(len(found), len(frame))
        texts = [text for one in found for text in one.values]
        if not set(map(type, names)) | set(map(type, texts)) <= {str}:
            raise TypeError("expected texts for names and labels")
        packed = [text.encode("utf-8", "surrogatepass") for text in texts]
        return cls(
            names,
            frame.loc[:, ~objects],
            labelled,
            codes,
            np.array([len(one.values) for one in found], dtype=np.int64),
            np.frombuffer(b"".join(packed), dtype=np.uint8),
            np.fromiter(map(len, packed), dtype=np.int64, count=len(packed)),
        )

    def opened(self) -> tuple[pd.DataFrame, dict[str, Coded]]:
        """The frame, and its columns of labels as codes.

        Example:
            >>> cells = np.array(["b", None], dtype=object)
            >>> frame = frame_from(["x", "g", "y"], [np.array([1, 2]), cells, np.array([0.5, 2.0])])
            >>> made, known = Compact.of(frame, lambda name: coded(frame[name].to_numpy())).opened()
            >>> made.equals(frame), known["g"].values.tolist()
            (True, ['b'])
        """
        texts = self._texts()
        cells = np.empty(self.codes.shape, dtype=object)
        known: dict[str, Coded] = {}
        first = 0
        for row, (place, count) in enumerate(zip(self.labelled.tolist(), self.counts.tolist(), strict=True)):
            one = known[self.names[place]] = Coded(self.codes[row], texts[first : first + count])
            cells[row] = one.cells()
            first += count
        frame = self.numeric
        if len(cells):
            numbers = np.setdiff1d(np.arange(len(self.names)), self.labelled)
            order = np.argsort(np.concatenate([numbers, self.labelled]))
            labels = pd.DataFrame(cells.T, index=frame.index, dtype=object)
            frame = pd.concat([frame, labels], axis=1).take(order, axis=1) if len(frame.columns) else labels
        frame.columns = pd.Index(self.names, dtype=object)
        return frame, known

    def _texts(self) -> npt.NDArray[np.object_]:
        letters, found = self.letters.tobytes(), np.empty(len(self.sizes), dtype=object)
        at = 0
        for place, size in enumerate(self.sizes.tolist()):
            found[place] = letters[at : at + size].decode("utf-8", "surrogatepass")
            at += size
        return found
