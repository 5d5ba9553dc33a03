"""The field: data, fitted values and residuals where they stood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from covstudio.plots.fitted import FittedModel
from covstudio.plots.picture import FIT_PICTURES, Numbers, Picture
from covstudio.plots.raster import Scale

if TYPE_CHECKING:
    from covstudio.plots.sheet import Sheet

__all__ = ["field_map"]

#: Fields that are drawn at most.
FIELDS = 6
_SHOWN = ("data", "fitted", "residual")


def field_map(
    model: FittedModel, row: str | None = None, column: str | None = None, within: str | None = None
) -> Numbers:
    """Data, fitted values (random effects included) and residuals of every plot of a field.

    Args:
        model: the fit with its table.
        row: the column of the table with the rows of the field; None for the one whose name says so.
        column: that with its columns.
        within: a column whose levels are fields by themselves, such as trials.

    Returns:
        "field" ("" where there is one), the two columns by their names, "data", "fitted", "residual".

    Raises:
        ValueError: rows and columns are not known, or two plots stand at one place.
    """
    import pandas as pd

    layout = model.layout(row, column)
    if layout is None:
        raise ValueError(
            "the table does not say where the plots stand: name the columns, as in row='row', column='col'; "
            f"it has {', '.join(model.data.columns)}."
        )
    places = {name: model.numbers(name) for name in layout}
    fields, levels = model.labels(within) if within else ([""] * model.fit.n, ("",))
    frame = pd.DataFrame(
        {
            "field": fields,
            **places,
            "data": model.y,
            "fitted": model.fitted,
            "residual": model.residual,
        }
    ).dropna(subset=list(layout))
    twice = frame[frame.duplicated(["field", *layout])]
    if len(twice):
        where = ", ".join(f"{name} {twice.iloc[0][name]:g}" for name in layout)
        raise ValueError(
            f"two plots stand at {where}: the table has several fields, or plots were measured more than "
            "once. Name the column of the fields, as in within='trial'."
        )
    shown = [level for level in levels if level in set(frame["field"])]
    notes = (f"{FIELDS} of {len(shown)} fields",) if len(shown) > FIELDS else ()
    return Numbers(
        frame,
        f"{model.response}: data, fitted values, residuals in the field",
        {"value": model.response},
        (*model.notes, *notes),
        {"layout": layout, "fields": shown[:FIELDS], "response": model.response},
    )


def _draw(numbers: Numbers, sheet: Sheet) -> Any:
    frame, layout = numbers.frame, numbers.more["layout"]
    both = frame[["data", "fitted"]].to_numpy(dtype=float)
    low, high = float(np.nanmin(both)), float(np.nanmax(both))
    most = float(frame["residual"].abs().max()) or 1.0
    maps = []
    for one in numbers.more["fields"]:
        own = frame[frame["field"] == one]
        for value in _SHOWN:
            ends = (-most, most) if value == "residual" else (low, high if high > low else low + 1.0)
            scale: Scale = "diverging" if value == "residual" else "sequential"
            title = f"{value}, {one}" if one else value
            label = numbers.more["response"]
            small = sheet.small
            maps.append(small.field(own, layout[0], layout[1], value, title, ends, scale, label))
    return sheet.beside(maps, numbers.heading)


FIT_PICTURES.register(
    Picture("field", "data, fitted values and residuals where they stood", field_map, _draw, 4)
)
