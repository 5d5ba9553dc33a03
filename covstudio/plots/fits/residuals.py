"""Residuals against fitted values, against normal quantiles, and by the levels of a factor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from covstudio.estimate.residuals import LEVEL, band, choice
from covstudio.plots.fitted import FittedModel
from covstudio.plots.picture import FIT_PICTURES, Numbers, Picture
from covstudio.plots.thinning import MOST, drawn_note, evenly, thinned

if TYPE_CHECKING:
    import pandas as pd

    from covstudio.plots.sheet import Sheet

__all__ = ["against_fitted", "by_factor", "quantiles"]

#: Levels of a factor that are drawn at most.
LEVELS = 60
_LARGEST = "the largest among them"


def _rows(model: FittedModel) -> tuple[pd.DataFrame, str]:
    """The residuals row by row, and what they are called; as they are, where V is not known."""
    import pandas as pd

    if model.told is None:
        frame = pd.DataFrame({"fitted": model.fitted, "residual": model.residual})
        frame.insert(0, "row", model.called)
        return frame.assign(standardised=np.nan), "residual"
    found = model.standardised
    frame = found.table()
    frame["row"] = model.called
    for name, values in model.hover().items():
        frame[name if name not in frame else f"{name}_"] = list(values)
    return frame, found.by


def against_fitted(model: FittedModel) -> Numbers:
    """Conditional residuals against fitted values, random effects included.

    Returns:
        "row" (its number in the table, from 1), "fitted", "residual", "standardised" (studentised, or
        Pearson's where that takes too long; NaN for a fit alone), "normal_quantile", and the first factors of
        the table.
    """
    frame, by = _rows(model)
    column = "residual" if by == "residual" else "standardised"
    words = f"residual ({model.response})" if by == "residual" else f"{by} residual (standard deviations)"
    known = int(frame[column].notna().sum())
    return Numbers(
        frame,
        "Residuals against fitted values",
        {"fitted": f"fitted {model.response}", column: words},
        (*model.notes, *drawn_note(min(MOST, known), known, "rows", _LARGEST)),
        {"column": column},
    )


def _draw_against_fitted(numbers: Numbers, sheet: Sheet) -> Any:
    frame, column = numbers.frame, numbers.more["column"]
    kept = frame.iloc[thinned(frame[column].to_numpy(dtype=float))]
    told = [name for name in frame.columns if name != "normal_quantile" and kept[name].notna().all()]
    points = sheet.points(kept, "fitted", column, told)
    return sheet.together([sheet.level(0.0), points], numbers, "fitted", column)


def quantiles(model: FittedModel) -> Numbers:
    r"""Residuals in standard deviations against the normal quantiles of their ranks, with a band.

    The band is pointwise and in closed form: of m independent standard normal numbers the i-th smallest is
    :math:`\Phi^{-1}` of a beta variable with i and m + 1 - i; its 2.5 % and 97.5 % quantiles.

    Returns:
        In the order of the residuals: "row" (its number in the table, from 1), "normal_quantile",
        "standardised", "lower", "upper".
    """
    import pandas as pd

    found = model.standardised
    order = found.order
    ends = band(np.arange(1, len(order) + 1), len(order))
    frame = pd.DataFrame(
        {
            "row": model.called[order],
            "normal_quantile": found.quantile[order],
            "standardised": found.value[order],
            "lower": ends.lower,
            "upper": ends.upper,
        }
    )
    percent = f"{100 * LEVEL:g} %"
    return Numbers(
        frame,
        "Normal quantiles of the residuals",
        {
            "normal_quantile": "standard normal quantile",
            "standardised": f"{found.by} residual (standard deviations)",
            "band": f"{percent} of each rank",
        },
        (
            *model.notes,
            f"band: {percent} of each rank by itself",
            *drawn_note(min(MOST, len(order)), len(order), "rows", "all at the ends"),
        ),
    )


def _draw_quantiles(numbers: Numbers, sheet: Sheet) -> Any:
    frame = numbers.frame
    kept = frame.iloc[choice(len(frame), MOST)]
    ends = kept["normal_quantile"].iloc[[0, -1]]
    straight = kept.iloc[[0, -1]].assign(straight=ends)
    return sheet.together(
        [
            sheet.band(kept, "normal_quantile", "lower", "upper"),
            sheet.line(straight, "normal_quantile", "straight", second=True),
            sheet.points(kept, "normal_quantile", "standardised", ["row", "normal_quantile", "standardised"]),
        ],
        numbers,
        "normal_quantile",
        "standardised",
    )


def by_factor(model: FittedModel, by: str | None = None) -> Numbers:
    """Residuals in standard deviations by the levels of a column.

    Args:
        model: the fit with its table.
        by: the column; None for the first factor of the table.

    Returns:
        "row" (its number in the table, from 1), "level", "place" (of the level, from 0), "standardised".

    Raises:
        ValueError: there is no such column, or no factor.
    """
    import pandas as pd

    if by is None:
        by = next(iter(model.factors()), None)
        if by is None:
            raise ValueError("the table has no factor: name a column, as in by='block'.")
    found, (labels, levels) = model.standardised, model.labels(by)
    place = {level: k for k, level in enumerate([*levels, "NA"])}
    frame = pd.DataFrame(
        {
            "row": model.called,
            "level": labels,
            "place": [place[one] for one in labels],
            "standardised": found.value,
        }
    )
    shown = evenly(len(levels), LEVELS)
    rows = int(frame["place"].isin(shown).sum())
    return Numbers(
        frame,
        f"Residuals by {by}",
        {"place": by, "standardised": f"{found.by} residual (standard deviations)"},
        (
            *model.notes,
            *drawn_note(len(shown), len(levels), "levels"),
            *drawn_note(min(MOST, rows), rows, "rows", _LARGEST),
        ),
        {"levels": [levels[k] for k in shown], "shown": shown},
    )


def _draw_by_factor(numbers: Numbers, sheet: Sheet) -> Any:
    shown = numbers.more["shown"]
    frame = numbers.frame[numbers.frame["place"].isin(shown)]
    frame = frame.assign(place=np.searchsorted(shown, frame["place"]))
    kept = frame.iloc[thinned(frame["standardised"].to_numpy(dtype=float))]
    # Rows of a level stand beside each other: the golden ratio spreads any number of them.
    beside = (np.arange(len(kept)) * 0.618033988749895) % 1.0 - 0.5
    points = sheet.points(
        kept.assign(across=kept["place"] + 0.4 * beside),
        "across",
        "standardised",
        ["row", "level", "standardised"],
    )
    return sheet.together(
        [sheet.level(0.0), *sheet.boxes(frame, "place", "standardised"), points],
        numbers,
        "place",
        "standardised",
        names={"x": numbers.more["levels"]},
    )


FIT_PICTURES.register(
    Picture("residuals", "residuals against fitted values", against_fitted, _draw_against_fitted, 1)
)
FIT_PICTURES.register(Picture("qq", "residuals against normal quantiles", quantiles, _draw_quantiles, 2))
FIT_PICTURES.register(Picture("factor", "residuals by the levels of a column", by_factor, _draw_by_factor, 3))
