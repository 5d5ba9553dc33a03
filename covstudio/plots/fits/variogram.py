r"""The variogram and the correlogram of the residuals beside those that the model expects.

Of the marginal residuals :math:`r = y - X\hat\beta`, whose covariance under the model is
:math:`S = V - X(X'V^{-1}X)^{-1}X'`, and the pairs :math:`(i, j)` of one class of distances,

.. math:: \hat\gamma = \operatorname{mean}\tfrac12(r_i - r_j)^2, \qquad
          \gamma = \operatorname{mean}\tfrac12(S_{ii} + S_{jj} - 2S_{ij}),

.. math:: \hat\rho = \operatorname{mean} r_ir_j \big/ \operatorname{mean} r_i^2, \qquad
          \rho = \operatorname{mean} S_{ij} \big/ \operatorname{mean} S_{ii}.

So the model's variogram is the expectation of the sample's, whatever V is, the loss by estimating beta
included; the sample's correlogram is that of `ACF` in R's nlme.

Source: Cressie (1993), Statistics for Spatial Data, sections 2.4 and 3.4; Pinheiro & Bates (2000),
Mixed-Effects Models in S and S-PLUS, section 5.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from covstudio.plots.fitted import Array, FittedModel
from covstudio.plots.pairs import Pairs, pairs_by_distance
from covstudio.plots.picture import FIT_PICTURES, Numbers, Picture
from covstudio.plots.thinning import drawn_note

if TYPE_CHECKING:
    from covstudio.plots.sheet import Sheet

__all__ = ["correlogram", "variogram"]

#: Rows whose pairs are taken at most.
ROWS = 2000


def variogram(
    model: FittedModel,
    along: str | Sequence[str] | None = None,
    within: str | None = None,
    straight: bool = False,
    reach: float | None = None,
) -> Numbers:
    """The sample variogram of the residuals y - X beta beside the one that the model expects.

    Args:
        model: the fit with its table.
        along: the column with the place of each row, or several; None for the rows and columns of the field.
        within: a column of groups, such as subjects or trials; pairs are taken within them.
        straight: by the straight distance over several columns, in place of one direction after the other,
            pairs that differ in this alone.
        reach: the largest distance.

    Returns:
        "direction", "distance", "pairs", "sample", "model".

    Raises:
        ValueError: it is not known where the rows stand, or no two rows make a pair.
    """

    def of(residual: Array, expected: Array, pairs: Pairs) -> tuple[Array, Array]:
        spread = expected.diagonal()
        i, j = pairs.i, pairs.j
        sample = 0.5 * (residual[i] - residual[j]) ** 2
        model = 0.5 * (spread[i] + spread[j]) - expected[i, j]
        return pairs.mean(sample), pairs.mean(model)

    return _numbers(
        model, along, within, straight, reach, of, "Variogram", f"semivariance ({model.response}²)"
    )


def correlogram(
    model: FittedModel,
    along: str | Sequence[str] | None = None,
    within: str | None = None,
    straight: bool = False,
    reach: float | None = None,
) -> Numbers:
    """The sample correlogram of the residuals y - X beta beside the one that the model expects.

    Args:
        model: the fit with its table.
        along: as in `variogram`.
        within: as in `variogram`.
        straight: as in `variogram`.
        reach: as in `variogram`.

    Returns:
        "direction", "distance", "pairs", "sample", "model".

    Raises:
        ValueError: as in `variogram`.
    """

    def of(residual: Array, expected: Array, pairs: Pairs) -> tuple[Array, Array]:
        i, j = pairs.i, pairs.j
        sample = pairs.mean(residual[i] * residual[j]) / float(np.mean(residual**2))
        return sample, pairs.mean(expected[i, j]) / float(expected.diagonal().mean())

    return _numbers(model, along, within, straight, reach, of, "Correlogram", "correlation")


def _numbers(
    model: FittedModel,
    along: str | Sequence[str] | None,
    within: str | None,
    straight: bool,
    reach: float | None,
    of: Any,
    what: str,
    words: str,
) -> Numbers:
    names = _directions(model, along)
    places = {name: model.numbers(name) for name in names}
    kept = np.flatnonzero(~np.isnan(np.stack(list(places.values()))).any(axis=0))
    total = len(kept)
    if total > ROWS:
        kept = np.sort(np.random.default_rng(0).choice(kept, ROWS, replace=False))
    groups = None
    if within is not None:
        labels = model.labels(within)[0]
        groups = np.unique(np.array(labels, dtype=object)[kept].astype(str), return_inverse=True)[1]
    residual = (model.y - model.fit.marginal_fitted.cpu().numpy())[kept]
    expected = model.inference.residual_covariance(kept.tolist()).numpy()
    frames = []
    for pairs in pairs_by_distance({k: v[kept] for k, v in places.items()}, groups, straight, reach):
        sample, theirs = of(residual, expected, pairs)
        frames.append(
            pd.DataFrame(
                {
                    "direction": pairs.direction,
                    "distance": pairs.distance,
                    "pairs": pairs.count,
                    "sample": sample,
                    "model": theirs,
                }
            )
        )
    if not frames:
        raise ValueError(
            f"no two rows make a pair along {', '.join(names)}{f' within {within}' if within else ''}: with "
            "straight=True all pairs count, by their straight distance."
        )
    return Numbers(
        pd.concat(frames, ignore_index=True),
        f"{what} of the residuals, and the model's",
        {"sample": words},
        drawn_note(len(kept), total, "rows", "chosen at random"),
        {"within": within, "from_zero": what == "Variogram"},
    )


def _directions(model: FittedModel, along: str | Sequence[str] | None) -> tuple[str, ...]:
    if along is not None:
        if not len(along):
            raise ValueError("along names no column: name one, as in along='time', or leave it out.")
        return (along,) if isinstance(along, str) else tuple(along)
    layout = model.layout()
    if layout is None:
        raise ValueError(
            "the table does not say where the rows stand: name a column, as in along='time' (and "
            f"within='subject'), or along=['x', 'y']; it has {', '.join(model.data.columns)}."
        )
    return layout


def _draw(numbers: Numbers, sheet: Sheet) -> Any:
    found = []
    directions = list(dict.fromkeys(numbers.frame["direction"]))
    panel = sheet if len(directions) == 1 else sheet.small
    within = numbers.more["within"]
    inside = f" within {within}" if within else ""
    for direction in directions:
        own = numbers.frame[numbers.frame["direction"] == direction]
        labels = {
            **numbers.labels,
            "distance": "distance" if direction == "distance" else f"lag in {direction}",
        }
        told = Numbers(own, numbers.title, labels, numbers.notes)
        hover = ["distance", "pairs", "sample", "model"]
        found.append(
            panel.together(
                [
                    panel.level(0.0),
                    panel.line(own, "distance", "model", label="model", second=True),
                    panel.points(own, "distance", "sample", hover, label="sample"),
                ],
                told,
                "distance",
                "sample",
                ylim=(0.0, None) if numbers.more["from_zero"] else (None, None),
                title=None if len(directions) == 1 else f"along {direction}{inside}",
            )
        )
    return found[0] if len(found) == 1 else sheet.beside(found, numbers.heading)


FIT_PICTURES.register(
    Picture("variogram", "the residuals' variogram beside the model's", variogram, _draw, 5)
)
FIT_PICTURES.register(
    Picture("correlogram", "the residuals' correlogram beside the model's", correlogram, _draw, 6)
)
