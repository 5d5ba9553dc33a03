"""The rows of a table that a fit used, and their numbers there."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from covstudio.data.errors import TableError
from covstudio.data.rows import complete_rows
from covstudio.data.tables import Table
from covstudio.document.build.roles import roles_of, under_choices
from covstudio.document.build.used_columns import used_columns
from covstudio.document.model.document import Document


@dataclass(frozen=True, eq=False)
class UsedRows:
    """The rows of a table that a fit used.

    Args:
        numbers: (n,) where each stands in the table, the first row being 1.
        table: these rows.
        factors: the columns of the table that tell rows apart.
    """

    numbers: NDArray[np.int64]
    table: Table | None = None
    factors: tuple[str, ...] = field(default=())

    def frame(self, numbers: pd.DataFrame) -> pd.DataFrame:
        """Numbers of these rows behind what the rows are: `row_of_file`, then the factors under their names.

        Args:
            numbers: (n rows) columns; one that is called as a factor is gets "_" behind its name.
        """
        known = {} if self.table is None else {name: self.table.labels(name) for name in self.factors}
        columns: dict[str, object] = {"row_of_file": self.numbers, **known}
        for name in numbers.columns:
            free = str(name)
            while free in columns:
                free += "_"
            columns[free] = numbers[name].to_numpy()
        return pd.DataFrame(columns)


def used_rows(document: Document | None, table: Table | None, n: int) -> UsedRows:
    """The rows that a fit of a document used.

    Args:
        document: what was fitted; None where nobody knows.
        table: its data, all rows.
        n: rows that were used.

    Returns:
        Their numbers in the table; those among the rows used where the table is not at hand.
    """
    if document is not None:
        table, _ = under_choices(document, table)
    if document is not None and table is not None:
        try:
            found = complete_rows(table, used_columns(document))
        except TableError:
            found = None
        if found is not None and found.table.n == n:
            factors = tuple(name for name, role in roles_of(document, table).items() if role == "factor")
            return UsedRows(np.flatnonzero(found.kept) + 1, found.table, factors)
    return UsedRows(np.arange(1, n + 1))
