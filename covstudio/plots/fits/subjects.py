"""Random regressions: each subject's data with the line that was fitted to it, and the mean line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from covstudio.covariance.linalg.compositions import JOINER
from covstudio.data.roles import guess_roles
from covstudio.plots.fitted import FittedModel
from covstudio.plots.picture import FIT_PICTURES, Numbers, Picture
from covstudio.plots.thinning import evenly

if TYPE_CHECKING:
    from covstudio.plots.sheet import Sheet

__all__ = ["subjects"]

#: Subjects that are drawn at most.
SUBJECTS = 24


def subjects(model: FittedModel, by: str | None = None, x: str | None = None) -> Numbers:
    """Data, fitted values with and without random effects of each subject, against a covariate.

    Args:
        model: the fit with its table.
        by: the column of subjects; None for the factor that a random term is called by, or whose levels its
            effects have.
        x: the covariate; None for the first that changes within subjects.

    Returns:
        In the order of subjects and covariate: the two columns by their names, "data", "fitted" (random
        effects included), "mean" (X beta).

    Raises:
        ValueError: subjects or covariate are not known.
    """
    by = by or _subject(model)
    labels, levels = model.labels(by)
    x = x or _covariate(model, by, labels)
    frame = pd.DataFrame(
        {
            by: labels,
            x: model.numbers(x),
            "data": model.y,
            "fitted": model.fit.fitted.cpu().numpy(),
            "mean": model.fit.marginal_fitted.cpu().numpy(),
        }
    )
    place = {level: k for k, level in enumerate(levels)}
    order = np.lexsort((model.numbers(x), np.array([place.get(one, len(place)) for one in labels])))
    shown = [levels[k] for k in evenly(len(levels), SUBJECTS)]
    notes = (f"{len(shown)} of {len(levels)} drawn",) if len(shown) < len(levels) else ()
    return Numbers(
        frame.iloc[order].reset_index(drop=True),
        f"{model.response} of each {by}, fitted and mean",
        {x: x, "data": model.response},
        notes,
        {"by": by, "x": x, "shown": shown},
    )


def _subject(model: FittedModel) -> str:
    """The factor of the first random term, by its name or by its levels."""
    for path, effects in model.fit.blups.items():
        name = next((one for one in model.data.columns if one == path), None)
        if name is not None:
            return name
        known = {level.partition(JOINER)[0] for level in effects.levels}
        for one in model.factors():
            if known == set(model.labels(one)[1]):
                return one
    raise ValueError(
        f"name the column of subjects, as in by='Subject'; there are {', '.join(model.data.columns)}."
    )


def _covariate(model: FittedModel, by: str, labels: list[str]) -> str:
    """The first column of numbers that changes within subjects and is not the response."""
    for name, role in guess_roles(model.data).items():
        if name in (by, model.response) or role != "covariate":
            continue
        values = pd.Series(model.numbers(name))
        if not np.allclose(values, model.y) and int(values.groupby(labels).nunique().max()) > 1:
            return name
    raise ValueError(f"name the covariate, as in x='time'; there are {', '.join(model.data.columns)}.")


def _draw(numbers: Numbers, sheet: Sheet) -> Any:
    by, x = numbers.more["by"], numbers.more["x"]
    frame = numbers.frame
    low, high = (getattr(frame[["data", "fitted"]].to_numpy(), end)() for end in ("min", "max"))
    edge = 0.06 * (high - low)
    panel = sheet.tiny
    maps = []
    for level in numbers.more["shown"]:
        own = frame[frame[by] == level]
        maps.append(
            panel.together(
                [
                    panel.line(own, x, "mean", line_dash="dashed", second=True),
                    panel.line(own, x, "fitted"),
                    panel.points(own, x, "data", [x, "data", "fitted", "mean"]),
                ],
                numbers,
                x,
                "data",
                title=str(level),
                ylim=(low - edge, high + edge),
            )
        )
    return sheet.beside(maps, f"{numbers.heading} (dashed)", columns=6)


FIT_PICTURES.register(
    Picture("subjects", "each subject's data with the fitted and the mean line", subjects, _draw, 10)
)
