"""Predicted random effects in their order, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special

from covstudio.covariance import Matrix, linalg
from covstudio.covariance.linalg.compositions import JOINER
from covstudio.estimate.covariances import coefficients
from covstudio.plots.fitted import FittedModel
from covstudio.plots.picture import FIT_PICTURES, Numbers, Picture
from covstudio.plots.thinning import drawn_note, evenly
from covstudio.reml import RandomEffect

if TYPE_CHECKING:
    from covstudio.plots.sheet import Sheet

__all__ = ["caterpillar"]

#: Effects of a term that are drawn at most.
EFFECTS = 120
#: Terms that are drawn at most.
TERMS = 4
#: Pixels for each effect.
STEP = 13


def caterpillar(model: FittedModel, term: str | None = None, level: float = 0.95) -> Numbers:
    """Predicted random effects from the smallest to the largest, with intervals by their prediction errors.

    Args:
        model: the fit.
        term: path of a term of V; None for all.
        level: of the intervals, by the normal distribution, V taken as known.

    Returns:
        "term", "coefficient" (of random coefficients, where V is known; else ""), "level", "rank" (from 1,
        within term and coefficient), "blup", "std_error", "lower", "upper".

    Raises:
        ValueError: there is no such term, or no random effect.
    """
    effects: Mapping[str, RandomEffect] = model.fit.blups
    if not effects:
        raise ValueError("the fit has no random effects: no term of V is a Z G Z'.")
    if term is not None and term not in effects:
        raise ValueError(f"there is no random term {term!r}; there are {', '.join(map(repr, effects))}.")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, and is {level}.")
    reach = float(special.ndtri(0.5 + 0.5 * level))
    frames = []
    for path in [term] if term is not None else list(effects):
        own = effects[path]
        blup, error = own.blup.cpu().numpy(), own.standard_error.cpu().numpy()
        names = [name.replace(JOINER, " · ") for name in own.levels]
        for coefficient, suffix in _coefficients(model, path).items():
            order = np.argsort(blup, kind="stable")
            order = order[[names[k].endswith(suffix) for k in order]]
            frames.append(
                pd.DataFrame(
                    {
                        "term": path,
                        "coefficient": coefficient,
                        "level": [names[k].removesuffix(suffix) for k in order],
                        "rank": np.arange(1, len(order) + 1),
                        "blup": blup[order],
                        "std_error": error[order],
                        "lower": (blup - reach * error)[order],
                        "upper": (blup + reach * error)[order],
                    }
                )
            )
    terms = f"{TERMS} of {len(frames)} groups; " if len(frames) > TERMS else ""
    return Numbers(
        pd.concat(frames, ignore_index=True),
        "Random effects" if term is None else f"Random effects of {term}",
        {"blup": f"predicted effect ({model.response})", "rank": ""},
        (f"{terms}{100 * level:g} % intervals of prediction",),
    )


def _coefficients(model: FittedModel, path: str) -> dict[str, str]:
    """The coefficients of a term, each with what the names of its effects end in."""
    pair = None
    if model.told is not None:
        terms = linalg.parts(model.v, "sum") or ()
        pair = next((linalg.parts(one.operand, "congruence") for one in terms if one.name == path), None)
    z = None if pair is None else pair[0].operand
    found = coefficients(z) if isinstance(z, Matrix) else None
    return {"": ""} if found is None or len(found) < 2 else {name: f" · {name}" for name in found}


def _draw(numbers: Numbers, sheet: Sheet) -> Any:
    groups = list(numbers.frame.groupby(["term", "coefficient"], sort=False))[:TERMS]
    panel = sheet if len(groups) == 1 else sheet.small
    found = []
    for (path, coefficient), own in groups:
        kept = own.iloc[evenly(len(own), EFFECTS)]
        kept = kept.assign(place=np.arange(len(kept)))
        names = [*kept["level"]]
        left_out = drawn_note(len(kept), len(own), "effects", "evenly by rank")
        called = f"{coefficient} of {path}" if coefficient else str(path)
        title = numbers.heading if len(groups) == 1 else called
        told = ["level", "rank", "blup", "std_error"]
        found.append(
            panel.together(
                [
                    panel.upright(0.0),
                    panel.segments(kept, "lower", "place", "upper", "place", width=2.0),
                    panel.points(kept, "blup", "place", told),
                ],
                Numbers(own, numbers.title, {**numbers.labels, "place": str(path)}, numbers.notes),
                "blup",
                "place",
                title=f"{title} ({'; '.join(left_out)})" if left_out else title,
                names={"y": names},
                frame_height=min(700, max(160, STEP * len(kept))),
            )
        )
    return found[0] if len(found) == 1 else sheet.beside(found, numbers.heading, columns=2)


FIT_PICTURES.register(
    Picture("caterpillar", "predicted random effects with intervals", caterpillar, _draw, 7)
)
