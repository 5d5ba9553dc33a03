"""A frame as arrays, for whoever sends it to another process: numbers as they are, labels as codes.

Everything that is large is an array, which pickling (protocol 5) may leave beside the text. It is put
together again in pieces, so that another thread can go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Coded", "Compact", "coded"]

#: Of so many rows or texts at a time are labels made.
_PIECE = 20_000

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
    codes, values = pd.factorize(cells, use_na_sentinel=True)
    return Coded(codes.astype(np.int32), np.asarray(values))


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
            >>> frame = pd.DataFrame({"x": [1, 2], "g": np.array(["b", None], dtype=object), "y": [0.5, 2.0]})
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
            order = np.empty(len(self.names), dtype=np.intp)
            numbers = np.ones(len(self.names), dtype=np.bool_)
            numbers[self.labelled] = False
            order[numbers] = np.arange(len(self.names) - len(cells))
            order[self.labelled] = np.arange(len(self.names) - len(cells), len(self.names))
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
