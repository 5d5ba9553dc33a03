r"""V of one fit beside V of another: how far apart they are, and where.

The distance is :math:`\|V_2 - V_1\|_F / \|V_1\|_F`. Entries with the same pair of values are one row of the
table, as are all variances of a model with one, however many rows it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from covstudio.arguments import checked
from covstudio.choosing.frames import records_of
from covstudio.fitting import Fitted
from covstudio.notebook.html import block, framed, table_of
from covstudio.plots.drawing import drawn
from covstudio.plots.picture import MATRIX_PICTURES, Numbers
from covstudio.plots.style import Theme
from covstudio.plots.subject import Subject
from covstudio.reml import Inference
from covstudio.reml.inference.tables import aligned

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Difference"]

Array = NDArray[np.float64]

#: Entries whose values agree to so many digits of the largest are taken together.
DIGITS = 7
#: Rows of the table that are printed.
SHOWN = 12


@dataclass(frozen=True, eq=False, repr=False)
class Difference:
    """Two V side by side.

    Attributes:
        names: of the two fits.
        first: V of the first, (n, n).
        second: V of the second, (n, n).
        rows: names of the rows, or their numbers from 1.

    Example:
        >>> from covstudio import compare
        >>> from covstudio.data import load_example
        >>> plain = "yield ~ rep + (1 | gen)"
        >>> formulas = {"plain": plain, "blocks": f"{plain} + (1 | rep:block)"}
        >>> found = compare(formulas, frame=load_example("john_alpha")).difference("plain", "blocks")
        >>> found.table[["entries", "plain", "blocks"]].round(4).values.tolist()
        [[216.0, 0.0, 0.0702], [144.0, 0.1591, 0.1429], [72.0, 0.2937, 0.2947], [4752.0, 0.0, 0.0]]
    """

    names: tuple[str, str]
    first: Array
    second: Array
    rows: tuple[str, ...]

    @classmethod
    def of(cls, first: tuple[str, Fitted | Inference], second: tuple[str, Fitted | Inference]) -> Difference:
        """V of two fits.

        Args:
            first: a name and a fit.
            second: another.

        Raises:
            ValueError: they have other numbers of rows, or are too large to be written out.
        """
        written = []
        for _, model in (first, second):
            told = model.inference if isinstance(model, Fitted) else model
            written.append(Subject.of(told.v, values=told.fit.params))
        sizes = [one.matrix.shape[0] for one in written]
        if sizes[0] != sizes[1]:
            raise ValueError(
                f"{first[0]} is a fit of {sizes[0]:,} rows and {second[0]} one of {sizes[1]:,}: V has no "
                "entries in common."
            )
        written[0].check_size(2)
        # The tree with more factors tells more rows apart.
        known = [one.rows for one in written if one.rows is not None]
        rows = max(known, key=lambda one: len(set(one)), default=tuple(str(i + 1) for i in range(sizes[0])))
        return cls((first[0], second[0]), written[0].value, written[1].value, rows)

    @property
    def matrix(self) -> Array:
        """The second less the first, (n, n)."""
        return self.second - self.first

    @property
    def distance(self) -> float:
        """The size of the difference as a share of that of the first."""
        return float(np.linalg.norm(self.matrix) / np.linalg.norm(self.first))

    @cached_property
    def table(self) -> pd.DataFrame:
        """The pairs of values that occur, those that differ most first.

        Returns:
            "entries" (how many have these values), "row" and "column" (of one of them), the two values
            under the names of the fits, and "difference".
        """
        import pandas as pd

        size = max(float(np.abs(self.first).max()), float(np.abs(self.second).max())) or 1.0
        pairs = np.stack([self.first.ravel(), self.second.ravel()], axis=1)
        rounded = np.round(pairs / size, DIGITS) + 0.0
        # As complex numbers they sort in one go.
        _, at, count = np.unique(rounded[:, 0] + 1j * rounded[:, 1], return_index=True, return_counts=True)
        n = len(self.rows)
        change = pairs[at, 1] - pairs[at, 0]
        order = np.lexsort((at, -count, -np.round(np.abs(change) / size, DIGITS)))
        one, other = self.names
        return pd.DataFrame(
            {
                "entries": count[order],
                "row": [self.rows[k // n] for k in at[order]],
                "column": [self.rows[k % n] for k in at[order]],
                one: pairs[at[order], 0],
                other if other != one else f"{other} (2)": pairs[at[order], 1],
                "difference": change[order],
            }
        )

    @checked
    def plot(self, *, theme: Theme | None = None, width: int = 480, height: int = 320) -> Any:
        """A picture of the difference, a HoloViews object.

        Args:
            theme: "light" or "dark"; None for the one of `covstudio.plots.style.set_theme`.
            width: in pixels, without axes.
            height: likewise.
        """
        import pandas as pd

        frame = pd.DataFrame(
            self.matrix,
            index=pd.Index(self.rows, name="row"),
            columns=pd.Index(self.rows, name="column"),
        )
        labels = {"row": "row", "column": "column", "value": "difference of covariances"}
        more = {"read": "value", "named": (True, True)}
        numbers = Numbers(frame, self._title(), labels, more=more)
        return drawn(MATRIX_PICTURES["V"], numbers, theme, width, height)

    def _title(self) -> str:
        one, other = self.names
        return f"V of {other} less V of {one}: {100.0 * self.distance:.3g} % away"

    def _repr_html_(self) -> str:
        return framed(block(self._title()), table_of(records_of(self.table.head(SHOWN))))

    def __repr__(self) -> str:
        records = records_of(self.table)
        lines = [self._title(), aligned(records[:SHOWN])]
        if len(records) > SHOWN:
            lines.append(f"  ... {len(records) - SHOWN:,} more pairs of values ...")
        return "\n".join(lines)
