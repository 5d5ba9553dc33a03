"""Data frames as rows, for printing and for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["records_of"]


def records_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a data frame as dictionaries; None in the place of NaN.

    Example:
        >>> import pandas as pd
        >>> records_of(pd.DataFrame({"model": ["a"], "AIC": [float("nan")]}))
        [{'model': 'a', 'AIC': None}]
    """
    return [
        {str(name): None if value != value else value for name, value in record.items()}
        for record in frame.to_dict("records")
    ]
